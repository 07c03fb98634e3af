"""Completion in `%%asset` and `%%op` cells: options, their values, and assets in the body."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from jobnb.notebook.cell_options import OPTIONS
from jobnb.registry.session import Session, current_session

_FIRST = re.compile(r"\s*%%(?P<kind>asset|op)[ \t]+(?P<line>[^\n]*)(?P<body>\n.*)?$", re.DOTALL)
_GIVEN = re.compile(r"(?:^|\s)--([\w-]+)(?=[=\s])")
_WORD = re.compile(r"(?<![\w.\"'])[A-Za-z_]\w*$")
_MANY = 200
_ID = "jobnb-cells"


class CompletionOffer(NamedTuple):
    """What is offered where a cell's text ends.

    Attributes:
        typed: The part of the text to replace.
        names: The replacements.
        is_all: Whether nothing else fits there.
    """

    typed: str
    names: list[str]
    is_all: bool


def cell_completions(text: str, variables: Mapping[str, Any]) -> CompletionOffer | None:
    """Complete the end of the text of a `%%asset` or `%%op` cell.

    Args:
        text: The cell up to the cursor.
        variables: The notebook's variables.

    Returns:
        What is offered; None if it is another cell, or nothing is known.

    Example:
        >>> cell_completions("%%asset orders --gr", {}).names
        ['--group']
    """
    found = _FIRST.match(text)
    if found is None:
        return None
    if found["body"] is None:
        return _of_line(found["kind"], found["line"], variables)
    word = _WORD.search(found["body"])
    if word is None:
        return None
    keys = [key for key in current_session().catalogue.by_name("asset") if key.isidentifier()]
    return CompletionOffer(word[0], _beginning(keys, word[0]), is_all=False)


def _of_line(kind: str, line: str, variables: Mapping[str, Any]) -> CompletionOffer | None:
    typed = re.findall(r"[^\s=,]*$", line)[0]
    given = _GIVEN.findall(line)
    if typed.startswith("-") and line.removesuffix(typed).endswith((" ", "\t")):
        known = {name: each for name, each in OPTIONS.items() if each.fits(kind)}
        left = [name for name, each in known.items() if each.repeats or name not in given]
        return CompletionOffer(
            typed, _beginning((f"--{name}" for name in left), typed), is_all=True
        )
    if not given:
        return None
    names = _values(given[-1], current_session(), variables)
    return None if names is None else CompletionOffer(typed, _beginning(names, typed), is_all=True)


def _beginning(names: Iterable[str], typed: str) -> list[str]:
    return sorted({name for name in names if name.startswith(typed)})[:_MANY]


def _values(option: str, session: Session, variables: Mapping[str, Any]) -> list[str] | None:
    """Return the values that fit an option; None if nothing is known of them."""
    if option in ("deps", "ins"):
        return list(session.catalogue.by_name("asset"))
    if option in ("io-manager", "resources"):
        return list(session.resources)
    if option == "group":
        groups = (each.group_names_by_key for each in session.snapshot().assets)
        return [name for each in groups for name in each.values() if name]
    if option == "kind":
        kinds = (each.kinds_by_key.values() for each in session.snapshot().assets)
        return [word for several in kinds for words in several for word in words]
    return _variables(option, variables)


def _variables(option: str, variables: Mapping[str, Any]) -> list[str] | None:
    """Return the variables of the notebook that fit an option."""
    if option == "partitions":
        from jobnb.definitions.partitions.partition import PartitionsDefinition

        return [n for n, each in variables.items() if isinstance(each, PartitionsDefinition)]
    if option == "config":
        from jobnb.config import Config

        classes = ((n, each) for n, each in variables.items() if isinstance(each, type))
        return [n for n, each in classes if issubclass(each, Config) and each is not Config]
    return None


def _matcher(shell: Any) -> Any:
    def match(context: Any) -> dict[str, Any]:
        from IPython.core.completer import SimpleCompletion

        try:
            before = context.full_text.splitlines(keepends=True)[: context.cursor_line]
            text = "".join(before) + context.text_until_cursor
            found = cell_completions(text, shell.user_ns)
        except Exception:  # noqa: BLE001 - an unfinished cell may be invalid in any way
            found = None
        if found is None:
            return {"completions": []}
        return {
            "completions": [SimpleCompletion(text=name, type="jobnb") for name in found.names],
            "matched_fragment": found.typed,
            "suppress": found.is_all,
        }

    return match


def complete_cells_with(shell: Any) -> None:
    """Register completion in `%%asset` and `%%op` cells with a shell, once."""
    from IPython.core.completer import context_matcher

    complete_cells_no_more(shell)
    shell.Completer.custom_matchers.append(context_matcher(identifier=_ID)(_matcher(shell)))


def complete_cells_no_more(shell: Any) -> None:
    """Remove the completion from a shell."""
    matchers = shell.Completer.custom_matchers
    matchers[:] = [each for each in matchers if getattr(each, "matcher_identifier", "") != _ID]
