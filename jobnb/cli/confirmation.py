"""Asking before something is deleted or much is run."""

from __future__ import annotations

import sys

import click

from jobnb.errors import InvalidInvocationError

yes_option = click.option("-y", "--yes", "--noprompt", "yes", is_flag=True, help="Do not ask.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless that is not wanted; who cannot be asked is told of the option.

    Args:
        question: What is asked.
        yes: Whether the answer is known.

    Raises:
        InvalidInvocationError: If nobody can be asked, or the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInvocationError(f"{question} Nobody can be asked here: say --yes.")
    if not click.confirm(question):
        raise InvalidInvocationError("Nothing was changed.")
