"""Completion in cells: of `%jobnb` lines, and of selections inside calls."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from jobnb.notebook.magics import COMMANDS, OPTIONS
from jobnb.plan.flatten import flatten
from jobnb.plan.selection_completion import SelectionVocabulary, suggest
from jobnb.registry.session import Session, current_session

_LINE = re.compile(r"(?:^|=)\s*%%?jobnb\s+(?P<line>.*)$", re.DOTALL)
_QUOTED = (
    r"""(?:\s*(?:"[^"\n]*"|'[^'\n]*')\s*,)*\s*(?P<quote>["'])(?P<text>(?:(?!(?P=quote)).)*)$"""
)
_OF_ASSETS = re.compile(
    r"(?:\bsession\.(?:materialize|launch|launchpad|stale)\(|\bfrom_(?:string|coercible)\("
    r"|\b(?:asset_)?selection\s*=)\s*\[?" + _QUOTED
)
_OF_OPS = re.compile(r"\b(?P<job>\w+)\.\w+\([^()]*\bop_selection\s*=\s*\[?" + _QUOTED)
_BEFORE = 2_000  # How much of the cell before the cursor is read.
_SELECTING = ("materialize", "launch", "graph")
_MANY = 200
_RUNS = 20


def completions(text: str) -> tuple[str, list[str]] | None:
    """Complete the end of a cell's text: a `%jobnb` line, or a selection inside a call.

    Args:
        text: The cell up to the cursor.

    Returns:
        The part of the text to replace, and the replacements; None if it is neither.

    Example:
        >>> completions("%jobnb mat")
        ('mat', ['materialize'])
        >>> completions("session.materialize('grou")
        ('grou', ['group:'])
        >>> completions("mat") is None
        True
    """
    found = _LINE.search(text.rpartition("\n")[2])
    return _of_call(text[-_BEFORE:]) if found is None else _of_line(found["line"])


def _of_line(line: str) -> tuple[str, list[str]]:
    command, space, rest = line.partition(" ")
    if not space:
        return command, [name for name in COMMANDS if name.startswith(command)]
    if command in _SELECTING and not re.search(r"(?:^|\s)--?[\w-]*(?:[=\s]\s*\S*)?$", rest):
        return _of_target(current_session(), command, rest)
    typed = re.findall(r"[^\s=]*$", rest)[0]
    names = _names(current_session(), command, rest, typed)
    return typed, sorted({name for name in names if name.startswith(typed)})[:_MANY]


def _of_target(session: Session, command: str, rest: str) -> tuple[str, list[str]]:
    """Complete the selection of a command, or the name of a job."""
    typed, words = _of_selection(_asset_words(session), rest.lstrip())
    jobs = session.catalogue.by_name("job") if command != "materialize" else ()
    if typed == rest.strip():
        words = [name for name in jobs if name.startswith(typed)] + words
    return typed, words[:_MANY]


def _of_call(text: str) -> tuple[str, list[str]] | None:
    """Complete a selection between the quotes of a call."""
    found = _OF_ASSETS.search(text)
    if found is not None:
        words = _asset_words(current_session())
    else:
        found = _OF_OPS.search(text)
        job = current_session().catalogue.by_name("job").get(found["job"]) if found else None
        if found is None or job is None:
            return None
        words = _op_words(job.definition)
    return _of_selection(words, found["text"], "'" if found["quote"] == '"' else '"')


def _of_selection(words: SelectionVocabulary, text: str, quote: str = '"') -> tuple[str, list[str]]:
    start, found = suggest(text, words, quote)
    return text[start:], found[:_MANY]


def _asset_words(session: Session) -> SelectionVocabulary:
    known = session.catalogue
    return SelectionVocabulary.of_assets([*known.definitions("asset"), *known.definitions("check")])


def _op_words(job: Any) -> SelectionVocabulary:
    return SelectionVocabulary.of_ops(".".join(flat.path) for flat in flatten(job.graph, {}))


def _names(session: Session, command: str, rest: str, typed: str) -> Iterable[str]:
    option = re.search(r"--([\w-]+)[=\s]+\S*$", rest)
    if option is not None:
        if option[1] not in ("partition", "partition-range"):
            return ()
        first, dots, _ = typed.rpartition("...")
        return (f"{first}{dots}{key}" for key in _partitions(session, rest))
    if typed.startswith("-"):
        return [f"--{name}" for name in OPTIONS]
    return {
        "value": list(session.catalogue.by_name("asset")),
        "runs": list(session.catalogue.by_name("job")),
        "run": _run_ids(session) if command == "run" else (),
        "cancel": _live_ids() if command == "cancel" else (),
    }.get(command, ())


def _run_ids(session: Session) -> list[str]:
    return [*_live_ids(), *session.instance.get_run_ids(limit=_RUNS)]


def _live_ids() -> list[str]:
    from jobnb.execution.background import Run
    from jobnb.execution.task import running

    return [run.run_id for run in running(Run)]


def _partitions(session: Session, rest: str) -> Iterable[str]:
    """Return the partition keys of the job or asset on the line."""
    name = rest.partition(" --")[0].strip().strip("+*")
    if name in session.catalogue.by_name("job"):
        partitions = session.job(name).partitions_def
    elif name in session.catalogue.by_name("asset"):
        partitions = session.entry(name).definition.partitions_def
    else:
        return ()
    if partitions is None:
        return ()
    return list(partitions.get_partition_keys(dynamic_partitions_store=session.instance))


def _match(context: Any) -> dict[str, Any]:
    from IPython.core.completer import SimpleCompletion

    try:
        before = context.full_text.splitlines(keepends=True)[: context.cursor_line]
        found = completions("".join(before) + context.text_until_cursor)
    except Exception:  # noqa: BLE001 - an unfinished line may be invalid in any way
        found = None
    if found is None:
        return {"completions": []}
    fragment, names = found
    return {
        "completions": [SimpleCompletion(text=name, type="jobnb") for name in names],
        "matched_fragment": fragment,
        "suppress": True,
    }


def complete_with(shell: Any) -> None:
    """Register completion of `%jobnb` lines with a shell, once."""
    from IPython.core.completer import context_matcher

    complete_no_more(shell)
    matcher = context_matcher(identifier="jobnb")(_match)
    shell.Completer.custom_matchers.append(matcher)


def complete_no_more(shell: Any) -> None:
    """Remove the completion from a shell."""
    matchers = shell.Completer.custom_matchers
    matchers[:] = [m for m in matchers if getattr(m, "matcher_identifier", "") != "jobnb"]
