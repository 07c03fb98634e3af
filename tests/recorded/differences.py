"""What differs from Dagster's outcomes on purpose: each kind by name, with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Said = dict[str, Any]

REASONS = {
    "planned": "The events of a result begin with what was planned, as those of the history do.",
    "skipped": "A step whose upstream failed has an event that says so; Dagster has none.",
    "nothing": "Nothing is not stored, as in later versions of Dagster: an IO manager gets values.",
    "own error": "When the last retry fails, the user's own error is raised, with its traceback.",
    "failed values": "What a step yielded before it failed is no value of the run.",
    "constants": "A constant may be passed to an input of a graph's op, and None is one.",
    "twice": "A list of inputs may have one output twice.",
    "loose cells": "Resources may come from other cells: `Definitions` and the plan check them.",
    "unknown keys": "A subset takes keys that the partitions can have, and names the others.",
    "unknown window": "A key without a window is an unknown partition, and no error of a parser.",
    "enums": "A value of an enum may be given by its value, too.",
    "needed": "A partition that is needed is asked for before anything runs.",
    "anything": "An input of any type takes what the config says, with or without `value`.",
    "unselected": "Config of an op that does not run is not checked.",
    "earlier": "A default that its own schema refuses is refused where it is written.",
    "order": "Steps that do not wait for each other may run in another order.",
    "empty": "A dynamic output without elements is an empty dict, and no error.",
    "future": "Partitions that begin after now have no keys, whatever their end_offset is.",
    "mapped twice": "An op with a dynamic output is not itself mapped, even if nobody reads it.",
    "cut lists": "A list of inputs of which none is selected is not fed: it is no empty list.",
    "inner defaults": "A default in a nested config class is checked with the config it is for.",
}


def differences(
    said: dict[str, Any], theirs: dict[str, Any], ours: dict[str, Any]
) -> Iterator[Any]:
    """Compare two outcomes.

    Yields:
        The name of a kind in `REASONS`, or a text for what is none.
    """
    whole = list(_of_all(said, theirs, ours))
    if whole:
        yield from whole
        return
    for key in sorted({*theirs, *ours}):
        left, right = theirs.get(key), ours.get(key)
        if key in ("definition", "raised", "refused"):
            several = str(ours.get("events")).count("X") > 1
            yield from _of_errors(key, left, right, several)
        elif isinstance(left, dict) and isinstance(right, dict) and "error" not in left:
            if key == "events" and "P" in right.get("", ""):
                yield "planned"
            for part in sorted({*left, *right}):
                yield from _of_parts(said, ours, key, part, left.get(part), right.get(part))
        else:
            yield from _of_parts(said, ours, key, "", left, right)


def _of_errors(key: str, left: Any, right: Any, several: bool) -> Iterator[str]:
    if same_error(left, right):
        return
    if left and left[0] == "DagsterMaxRetriesExceededError" and right:
        yield "own error"
    elif left and right and several:
        yield "order"
    else:
        yield f"{key}: {left and left[0]} there, {right and right[0]} here"


def same_error(left: Any, right: Any) -> bool:
    """Whether an error is one of Dagster's class, where that class is public."""
    if not left or not right:
        return left == right
    # Dagster's own checks of arguments, and its libraries, raise what no program can catch by name.
    private = ("CheckError", "ParameterCheckError", "InvalidTimezone", "AttributeError")
    return left[0] in right or (left[0] in private and "JobnbError" in right)


def _of_parts(said: Said, ours: Said, key: str, part: str, left: Any, right: Any) -> Iterator[str]:
    if key == "events" and isinstance(right, str):
        yield from _of_events(said, part, left, right)
    elif key == "log" and left is not None and right is not None:
        yield from _of_logs(said, left, right)
    elif left == right or (
        _is_error(left) and _is_error(right) and same_error(left["error"], right["error"])
    ):
        return
    elif key == "values" and _is_error(right) and "X" in str(ours["events"]):
        yield "failed values"
    elif key == "values" and right == "{}" and _is_error(left):
        yield "empty"
    elif (
        said["kind"] == "partition"
        and _is_error(right)
        and "UnknownPartitionError" in right["error"]
    ):
        yield "unknown window" if _is_error(left) else "unknown keys"
    else:
        yield f"{key} {part}: {left} there, {right} here"


def _of_events(said: Said, step: str, left: str | None, right: str) -> Iterator[str]:
    if left is None and right == "K":
        yield "skipped"
        return
    right = right.replace("P", "")
    if left is not None and left != right and step.partition("[")[0] in _without_value(said):
        yield "nothing"
        left = left.replace("H", "")
    if left != right:
        yield f"events {step}: {left} there, {right} here"


def _of_logs(said: Said, left: list[str], right: list[str]) -> Iterator[str]:
    silent = _without_value(said)
    moved = {f"{verb} {step}.result" for step in silent for verb in ("store", "load")}
    if left != right and moved & {*left}:
        yield "nothing"
        left = [each for each in left if each not in moved]
    if left != right and sorted(left) == sorted(right):
        yield "order"
    elif left != right:
        yield f"log: {left} there, {right} here"


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"error"}


def _of_all(said: Said, theirs: Said, ours: Said) -> Iterator[str]:
    """Give the kind after which nothing else of the outcomes can be compared, if it is one."""
    for name, kinds, is_so in _OF_ALL:
        if said["kind"] in kinds and is_so(said, theirs, ours):
            yield name
            return


def _ran(theirs: Said, ours: Said) -> bool:
    """Whether only Dagster refused to run it."""
    return bool(theirs.get("refused") and not ours.get("refused") and "definition" not in ours)


def _refuses(outcome: Said, when: str, name: str) -> bool:
    return name in (outcome.get(when) or ())


_JOB = ("job",)
_OF_ALL: Sequence[tuple[str, Sequence[str], Callable[[Said, Said, Said], Any]]] = (
    (
        "constants",
        _JOB,
        lambda said, theirs, _: "definition" in theirs and _passes_none(said["nodes"]),
    ),
    ("twice", _JOB, lambda said, theirs, _: "definition" in theirs and _twice(said["nodes"])),
    (
        "loose cells",
        _JOB,
        lambda said, theirs, ours: (
            "definition" in theirs and "definition" not in ours and _lacks_resources(said)
        ),
    ),
    (
        "nothing",
        _JOB,
        lambda said, theirs, ours: (
            said.get("io") == "store raises"
            and _without_value(said)
            and theirs.get("raised") != ours.get("raised")
        ),
    ),
    (
        "mapped twice",
        _JOB,
        lambda _, theirs, ours: (
            theirs.get("success") and _refuses(ours, "refused", "InvalidDefinitionError")
        ),
    ),
    (
        "cut lists",
        _JOB,
        lambda said, theirs, ours: (
            "select" in said
            and _refuses(ours, "refused", "UnfedInputError")
            and not theirs.get("refused")
        ),
    ),
    ("unselected", _JOB, lambda said, theirs, ours: "select" in said and _ran(theirs, ours)),
    ("anything", _JOB, lambda said, theirs, ours: _gives_anything(said) and _ran(theirs, ours)),
    (
        "future",
        ("partition",),
        lambda _, theirs, ours: ours.get("count") == 0 and theirs.get("count"),
    ),
    (
        "needed",
        ("assets",),
        lambda _, theirs, ours: _refuses(ours, "raised", "PartitionNeededError") and theirs != ours,
    ),
    (
        "enums",
        ("model",),
        lambda said, theirs, ours: '"red"' in _text(said["value"]) and _ran(theirs, ours),
    ),
    (
        "earlier",
        ("config", "model"),
        lambda _, theirs, ours: "refused" in theirs and "definition" in ours,
    ),
    (
        "inner defaults",
        ("model",),
        lambda _, theirs, ours: "definition" in theirs and "refused" in ours,
    ),
)


def _text(value: Any) -> str:
    return json.dumps(value)


def _each(nodes: list[Any], start: str = "n") -> Iterator[tuple[str, Any]]:
    """Every op with the key of its step."""
    for number, each in enumerate(nodes):
        if "graph" in each:
            inner = f"{start}{number}_"
            yield from ((f"{start}{number}.{key}", op) for key, op in _each(each["graph"], inner))
        else:
            yield f"{start}{number}", each


def _without_value(said: dict[str, Any]) -> set[str]:
    return {key for key, op in _each(said.get("nodes", [])) if op.get("out") == "none"}


def _passes_none(nodes: list[Any]) -> bool:
    silent = {i for i, each in enumerate(nodes) if "graph" in each and each["ret"] is None}
    return any(
        place[0] in silent
        for each in nodes
        for mode, *places in each.get("in", ())
        for place in places
        if mode != "unfed"
    )


def _twice(nodes: list[Any]) -> bool:
    inner = [each["graph"] for each in nodes if "graph" in each]
    return any(map(_twice, inner)) or any(
        mode == "many" and len(places) == 2 and places[0] == places[1]
        for each in nodes
        for mode, *places in each.get("in", ())
    )


def _lacks_resources(said: dict[str, Any]) -> bool:
    found = said.get("res", {})
    wanted = [key for _, op in _each(said["nodes"]) for key in op.get("res", ())]
    needed = [key for each in found.values() for key in each["needs"]]
    circle = any(key in each["needs"] for key, each in found.items())
    return circle or "lost" in (*wanted, *needed)


def _gives_anything(said: dict[str, Any]) -> bool:
    return '"inputs": {"i' in _text(said.get("config"))
