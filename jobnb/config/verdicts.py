"""From one validation error to the problems in it: real paths, unions told as one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from jobnb.config.nodes import NOTHING
from jobnb.config.plain import value_at
from jobnb.config.reading import Reading
from jobnb.config.words import expectation, shown, told
from jobnb.errors import InvalidConfigError, Problem

__all__ = ["problems_of"]

Path = tuple[str | int, ...]


class _Found:
    """One error with its place in the raw config, and the union (if any) that it is from."""

    __slots__ = ("error", "path", "union")

    def __init__(self, error: ErrorDetails, raw: Any) -> None:
        self.error = error
        location = tuple(part for part in error["loc"] if part != "[key]")
        self.path, tags = _place(error, location, raw)
        self.union: tuple[Path, str] | None = None
        if tags:
            position = tags[0]
            self.union = (location[:position], str(location[position]))

    @property
    def depth(self) -> int:
        """How far below its union it is."""
        return len(self.path) - len(self.union[0] if self.union else ())


def problems_of(
    error: ValidationError, ready: Any, stored: Any, reading: Reading
) -> Iterator[Problem]:
    """Every problem in a validation error.

    Args:
        error: What pydantic raised.
        ready: The raw config that was validated.
        stored: The raw config as it may be shown, without secrets.
        reading: What was found when it was made ready: known names, choices, where things stood.
    """
    unions: dict[Path, list[_Found]] = {}
    for account in error.errors(include_url=False):
        found = _Found(account, ready)
        if found.union is None:
            yield from _told(found, stored, reading)
        else:
            unions.setdefault(found.union[0], []).append(found)
    for path, members in unions.items():
        yield from _told_union(path, members, stored, reading)


def _told_union(
    path: Path,
    found: list[_Found],
    stored: Any,
    reading: Reading,
) -> Iterator[Problem]:
    by_member: dict[str, list[_Found]] = {}
    for one in found:
        assert one.union is not None
        by_member.setdefault(one.union[1], []).append(one)
    inside = [errors for errors in by_member.values() if any(one.depth > 0 for one in errors)]
    if inside:  # it has the shape of one of the members: tell what that one misses
        nearest = min(inside, key=lambda errors: (_strangers(errors), len(errors)))
        for one in nearest:
            yield from _told(one, stored, reading)
        return
    if len(by_member) == 1:
        for one in found:
            yield from _told(one, stored, reading)
        return
    names = reading.choices.get(path, [])
    wanted = list(dict.fromkeys(expectation(one.error, names) for one in found))
    value = value_at(stored, reading.given(path))
    yield Problem(
        reading.shown(path),
        f"must be {' or '.join(wanted)}{_got(value)}.",
        None if value is NOTHING else value,
        "type",
    )


def _strangers(errors: list[_Found]) -> int:
    """How many errors say that it is not this member at all: unknown names, wrong tags."""
    kinds = ("extra_forbidden", "literal_error", "enum")
    return sum(one.error["type"] in kinds for one in errors)


def _told(
    found: _Found,
    stored: Any,
    reading: Reading,
) -> Iterator[Problem]:
    error, path = found.error, found.path
    within = error.get("ctx", {}).get("error")
    if isinstance(within, InvalidConfigError) and within.problems:
        for problem in within.problems:
            where = (*reading.shown(path), *problem.path)
            yield Problem(where, problem.message, problem.value, problem.kind)
        return
    if error["type"] in ("union_tag_not_found", "union_tag_invalid"):
        path = _tag_path(error, path)
    value = value_at(stored, reading.given(path))
    is_key = bool(error["loc"]) and error["loc"][-1] == "[key]"
    got = _got(path[-1] if is_key else value)
    message, kind = told(
        error, reading.known.get(path[:-1], []), reading.choices.get(path, []), got
    )
    if is_key:
        message = f"is a key that {message}"
    untold = value is NOTHING or kind == "unexpected"  # which may be a secret under another name
    yield Problem(reading.shown(path), message, None if untold else value, kind)


def _got(value: Any) -> str:
    return "" if value is NOTHING else shown(value)


def _tag_path(error: ErrorDetails, path: Path) -> Path:
    name = str(error.get("ctx", {}).get("discriminator", "")).strip("'")
    return (*path, name) if name.isidentifier() else path


def _place(error: ErrorDetails, location: Path, raw: Any) -> tuple[Path, tuple[int, ...]]:
    """The path in the raw config, and which parts of the location are names of union members.

    A location of pydantic's mixes both, so the way is taken that ends at the offending input.
    """
    last: Path = ()
    if error["type"] == "missing":  # the input is what should have had it
        location, last = location[:-1], location[-1:]
    ways = list(_ways(location, raw, 0))
    for parts, tags, end in ways:
        if end == error["input"]:
            return (*parts, *last), tags
    return (*(ways[0][0] if ways else location), *last), ways[0][1] if ways else ()


def _ways(location: Path, raw: Any, at: int) -> Iterator[tuple[Path, tuple[int, ...], Any]]:
    if at == len(location):
        yield (), (), raw
        return
    part = location[at]
    below = value_at(raw, (part,))
    if below is not NOTHING:
        for parts, tags, end in _ways(location, below, at + 1):
            yield (part, *parts), tags, end
    if isinstance(part, str):
        for parts, tags, end in _ways(location, raw, at + 1):
            yield parts, (at, *tags), end
