"""Completion of `%jobnb` lines: commands, keys, jobs, runs and partitions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from jobnb.notebook.magics import COMMANDS, OPTIONS
from jobnb.registry.session import Session, current_session

__all__ = ["complete_no_more", "complete_with", "completions"]

_LINE = re.compile(r"(?:^|=)\s*%%?jobnb\s+(?P<line>.*)$", re.DOTALL)
_TAIL = re.compile(r"[^\s+*()|&,=]*$")  # the part of a selection that is being typed
_MANY = 200
_RUNS = 20


def completions(text: str) -> tuple[str, list[str]] | None:
    """What may stand at the end of a `%jobnb` line.

    Args:
        text: The line up to the cursor.

    Returns:
        What of the text is to be replaced, and by what; None if it is no such line.

    Example:
        >>> completions("%jobnb mat")
        ('mat', ['materialize'])
        >>> completions("mat") is None
        True
    """
    found = _LINE.search(text)
    if found is None:
        return None
    line = found["line"]
    command, space, rest = line.partition(" ")
    if not space:
        return command, [name for name in COMMANDS if name.startswith(command)]
    typed = _typed(rest)
    names = _names(current_session(), command, rest, typed)
    return typed, sorted({name for name in names if name.startswith(typed)})[:_MANY]


def _typed(rest: str) -> str:
    found = _TAIL.search(rest)
    return found[0] if found else ""


def _names(session: Session, command: str, rest: str, typed: str) -> Iterable[str]:
    option = re.search(r"--(\w+)[=\s]+\S*$", rest)
    if option is not None:
        return _partitions(session, rest) if option[1] == "partition" else ()
    if typed.startswith("-"):
        return [f"--{name}" for name in OPTIONS]
    jobs = list(session.catalogue.by_name("job"))
    keys = list(session.catalogue.by_name("asset"))
    groups = [f"group:{name}" for name in _groups(session)]
    return {
        "materialize": [*keys, *groups],
        "launch": [*jobs, *keys, *groups],
        "graph": [*keys, *groups, *jobs],
        "value": keys,
        "runs": jobs,
        "run": _run_ids(session) if command == "run" else (),
        "cancel": _live_ids() if command == "cancel" else (),
    }.get(command, ())


def _groups(session: Session) -> set[str]:
    return {
        group
        for entry in session.catalogue.entries("asset")
        for group in getattr(entry.definition, "group_names_by_key", {}).values()
    }


def _run_ids(session: Session) -> list[str]:
    return [*_live_ids(), *session.instance.get_run_ids(limit=_RUNS)]


def _live_ids() -> list[str]:
    from jobnb.execution.launch import running

    return [run.run_id for run in running()]


def _partitions(session: Session, rest: str) -> Iterable[str]:
    """The partition keys of the job or asset that the line is about."""
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
        found = completions(context.text_until_cursor)
    except Exception:  # noqa: BLE001 - while a line is typed, nothing is said of what is wrong
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
    """Have a shell complete `%jobnb` lines; doing it again changes nothing."""
    from IPython.core.completer import context_matcher

    complete_no_more(shell)
    matcher = context_matcher(identifier="jobnb")(_match)
    shell.Completer.custom_matchers.append(matcher)


def complete_no_more(shell: Any) -> None:
    """Leave a shell's completion as it was."""
    matchers = shell.Completer.custom_matchers
    matchers[:] = [m for m in matchers if getattr(m, "matcher_identifier", "") != "jobnb"]
