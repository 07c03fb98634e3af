"""`jobnb ui` and `jobnb dev`: the page in a browser, alone or with the loop of schedules."""

from __future__ import annotations

import functools
import logging
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from jobnb.cli.location import takes_code
from jobnb.errors import InvalidInvocationError
from jobnb.server import needed

if TYPE_CHECKING:
    from jobnb.automation.automation import Automation
    from jobnb.notebook.code_source import CodeSource

F = TypeVar("F", bound=Callable[..., Any])


def _takes_page(function: F) -> F:
    """Add the options of the page to a command, which gets them as `page`."""

    @functools.wraps(function)
    def command(
        host: str,
        port: int | None,
        token: str | None,
        hosts: tuple[str, ...],
        browser: bool,
        **rest: Any,
    ) -> Any:
        if token is not None and not token.strip():
            raise InvalidInvocationError(
                "The token is empty: leave --token out for the one of the history."
            )
        page = {"host": host, "port": port, "token": token, "hosts": hosts}
        return function(page=page, browser=browser, **rest)

    made: Any = command
    for option in reversed((
        click.option("--host", default="127.0.0.1", show_default=True,
                     help="The address to listen at."),
        click.option("-p", "--port", type=click.IntRange(0, 65535),
                     help="The port; 0 for any free one. [default: the first free one from 3000]"),
        click.option("--token", envvar="JOBNB_TOKEN",
                     help="The token that a browser must give once. [default: $JOBNB_TOKEN, else a "
                     "random one, which the folder of the history keeps]"),
        click.option("--allow-host", "hosts", multiple=True, metavar="NAME",
                     help="A name that the page is reached by."),
        click.option("--browser/--no-browser", default=True, show_default=True,
                     help="Whether to open the page in a browser."),
    )):  # fmt: skip
        made = option(made)
    return made  # type: ignore[no-any-return]


@click.command("ui")
@takes_code()
@_takes_page
@click.option(
    "--read-only",
    is_flag=True,
    help="Show only: nothing can be launched, canceled, switched or deleted.",
)
def ui(code: CodeSource, page: dict[str, Any], browser: bool, read_only: bool) -> None:
    """Show a notebook, file or module as a page in the browser.

    It has the graph, the launchpads, all runs, partitions, schedules and sensors; each run, asset
    and job has an address of its own. Each run has a process of its own, which goes on when the
    page or its server is closed. A notebook or file that changes on disk is loaded again.

    It listens on this machine only, and a browser must give the token once: the address that is
    printed has it.
    """
    _show(code, page, browser=browser, read_only=read_only)


@click.command("dev")
@takes_code()
@_takes_page
def dev(code: CodeSource, page: dict[str, Any], browser: bool) -> None:
    """Show the page, and evaluate schedules and sensors, until it is stopped.

    It is `jobnb ui` and `jobnb daemon` in one process: those schedules and sensors run that were
    started, on the page or with `jobnb schedule start`, or that say so in their code. Ctrl-C or
    SIGTERM ends both; runs have processes of their own and go on.
    """
    _show(code, page, browser=browser, with_loop=True)


def _show(
    code: CodeSource,
    page: dict[str, Any],
    *,
    browser: bool,
    read_only: bool = False,
    with_loop: bool = False,
) -> None:
    with needed():
        from jobnb.server.showing import opened_session, show_until_stopped
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    # The server gives the signal back once it has stopped: the rest is ended in order, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    session, location = opened_session(code)
    loop = session.automation if with_loop else None

    def ready(address: str, token: str) -> None:
        place = f"{address}/?token={token}" if token else f"{address}/"
        click.echo(f"Page: {place}")
        if loop is not None:
            _start(loop)
        click.echo("Ctrl-C stops it; runs continue.")
        sys.stdout.flush()
        if browser:
            threading.Thread(target=webbrowser.open, args=(place,), daemon=True).start()

    try:
        show_until_stopped(session, location, read_only=read_only, ready=ready, **page)
    except KeyboardInterrupt:
        click.echo("The page has stopped.")
    finally:
        if loop is not None:
            loop.stop()


def _start(loop: Automation) -> None:
    """Start the loop, and say how many schedules and sensors started."""
    from jobnb.automation.loop import runs

    loop.start()
    found = loop.loop.instigators()
    count = sum(runs(definition, state) for _, definition, state in found)
    click.echo(f"Loop: {count} of {len(found)} schedules and sensors started.")
