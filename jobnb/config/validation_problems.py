"""Turn a validation error into problems: paths in the raw config, one problem per union."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from jobnb.config.env import look_up
from jobnb.config.plain import value_at
from jobnb.config.reading import ConfigFindings
from jobnb.config.schema import NOTHING
from jobnb.errors import InvalidConfigError, Problem, did_you_mean

_TYPES = {
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "bytes": "text",
    "date": "a date like '2013-01-31'",
    "date_from_datetime": "a date like '2013-01-31'",
    "datetime": "a date and time like '2013-01-31T12:00:00'",
    "datetime_from_date": "a date and time like '2013-01-31T12:00:00'",
    "time": "a time like '12:00'",
    "time_delta": "a number of seconds or a duration like 'PT1H30M'",
    "decimal": "a decimal number",
    "complex": "a complex number",
    "complex_str": "a complex number like '1+2j'",
    "uuid": "a UUID",
    "url": "a URL",
    "url_scheme": "a URL",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "iterable": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "model_attributes": "a mapping",
    "dataclass": "a mapping",
    "mapping": "a mapping",
    "none_required": "null",
    "path": "a path",
    "ip_v4_address": "an IPv4 address",
    "ip_v6_address": "an IPv6 address",
    "ip_any_address": "an IP address",
    "ip_v4_network": "an IPv4 network",
    "ip_v6_network": "an IPv6 network",
    "pattern_str": "a regular expression",
    "pattern": "a regular expression",
    "callable": "a function",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "finite_number": "a finite number",
    "missing_sentinel_error": "left out",
}
_ENDS = ("_type", "_parsing", "_exact", "_inexact", "_object_invalid", "_unicode", "_invalid")
_BOUNDS = {
    "greater_than": ("greater than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
}
_WITH_OWN_WORDS = {"value_error", "assertion_error"}


def told(error: ErrorDetails, known: list[str], choices: list[str], value: str) -> tuple[str, str]:
    """Return the message for an error, and its kind.

    Args:
        error: Pydantic's details of the error.
        known: The names that the place knows, for an unknown one.
        choices: The names of the enum there.
        value: The value as it may be shown, such as " (got 'x')", or nothing.
    """
    kind = error["type"]
    if kind in ("missing", "missing_argument", "missing_positional_only_argument"):
        return "is required.", "missing"
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return _unexpected(str(error["loc"][-1]), known), "unexpected"
    if kind in _WITH_OWN_WORDS:
        whole = isinstance(error["input"], (dict, list))  # The message is about the value anyway.
        return _own_words(error) + ("" if whole else value), "invalid"
    return f"must be {expectation(error, choices)}{value}.", _kind(kind)


def expectation(error: ErrorDetails, choices: list[str]) -> str:
    """Return what would be valid, to follow "must be"."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("literal_error", "enum"):
        return _one_of(context, choices)
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"{words} {context[key]}"
    for pattern, say in _SPECIAL.items():
        if re.fullmatch(pattern, kind):
            return say(context)
    return _type_words(kind) or _pydantic_words(error)


def _type_words(kind: str) -> str | None:
    if kind in _TYPES:
        return _TYPES[kind]
    for end in _ENDS:
        if kind.endswith(end):
            found = _TYPES.get(kind.removesuffix(end))
            if found:
                return found
    return None


def _pydantic_words(error: ErrorDetails) -> str:
    message = error["msg"]
    for start in ("Input should be ", "Input should ", "Value should be "):
        if message.startswith(start):
            return message.removeprefix(start)
    return f"right: {message[:1].lower()}{message[1:]}"


def _one_of(context: dict[str, Any], choices: list[str]) -> str:
    names = ", ".join(map(repr, choices))
    if not names:
        names = re.sub(r"(?<=\S) or (?=\S+$)", ", ", str(context.get("expected", "")))
    return f"one of {names}" if "," in names else names


def _unexpected(name: str, known: list[str]) -> str:
    hint = did_you_mean(name, known)
    return f"is not a field here. {hint}" if hint else "is not a field here; there is none."


def _own_words(error: ErrorDetails) -> str:
    raised = error.get("ctx", {}).get("error")
    text = str(raised) if raised is not None else error["msg"]
    return text or error["msg"]


def _plural(count: Any, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _length(context: dict[str, Any]) -> str:
    least, most = context.get("min_length"), context.get("max_length")
    bound = f"at least {least}" if least is not None else f"at most {most}"
    noun = "item" if context.get("field_type") else "character"
    count = least if least is not None else most
    return f"{bound} {noun}{'' if count == 1 else 's'} long"


_SPECIAL: dict[str, Callable[[dict[str, Any]], str]] = {
    r"(string|bytes)?_?too_(short|long)": _length,
    r"string_pattern_mismatch": lambda c: f"text that matches {c['pattern']!r}",
    r"union_tag_invalid": lambda c: f"one of {c['expected_tags']}",
    r"union_tag_not_found": lambda _: "given, to tell which kind this is",
    r"needs_python_object": lambda _: "an object that only Python code can give",
    r"string_sub_type": lambda _: "plain text",
    r"date_past|datetime_past": lambda _: "in the past",
    r"date_future|datetime_future": lambda _: "in the future",
    r"timezone_aware": lambda _: "given with a timezone",
    r"timezone_naive": lambda _: "given without a timezone",
    r"url_scheme": lambda c: f"a URL that starts with {c['expected_schemes']}",
    r"decimal_max_digits": lambda c: f"of {_plural(c['max_digits'], 'digit')} at most",
    r"decimal_max_places": lambda c: f"of {_plural(c['decimal_places'], 'decimal place')} at most",
    r"decimal_whole_digits": lambda c: (
        f"of {_plural(c['whole_digits'], 'digit')} before the point at most"
    ),
    r"is_instance_of": lambda c: f"an instance of {c['class']}, which only Python code can give",
    r"is_subclass_of": lambda c: f"a subclass of {c['class']}, which only Python code can give",
}


def _kind(kind: str) -> str:
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        return "choice"
    if kind == "union_tag_not_found":
        return "missing"
    return "type" if _type_words(kind) else "invalid"


def _shown_secret(name: str) -> str:
    """Describe a secret by its type alone, which shows whether a number needs quotes."""
    written = {int: "a number", float: "a number", bool: "true or false"}.get(type(look_up(name)))
    return f" (got a secret, written as {written})" if written else " (got a secret)"


def shown(value: Any) -> str:
    """Return an invalid value as a message shows it: containers by kind only, secrets never."""
    if isinstance(value, dict):
        name = value.get("env")
        if len(value) == 1 and isinstance(name, str):
            secret = name.startswith("secret:")
            return _shown_secret(name) if secret else f" (got ${name.removeprefix('$')})"
        return " (got a mapping)"
    if isinstance(value, list):
        return " (got a list)"
    if value is None:
        return " (got nothing)"
    text = repr(value)
    return f" (got {text if len(text) <= 60 else text[:57] + '...'})"


Path = tuple[str | int, ...]


class _LocatedError:
    """One error with its path in the raw config, and its union (if any)."""

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
        """The number of levels below its union."""
        return len(self.path) - len(self.union[0] if self.union else ())


def problems_of(
    error: ValidationError, ready: Any, stored: Any, reading: ConfigFindings
) -> Iterator[Problem]:
    """Iterate over every problem in a validation error.

    Args:
        error: The error that pydantic raised.
        ready: The prepared config that was validated.
        stored: The raw config as it may be shown, without secrets.
        reading: The findings of its preparation: known names, choices, original paths.
    """
    unions: dict[Path, list[_LocatedError]] = {}
    for account in error.errors(include_url=False):
        found = _LocatedError(account, ready)
        if found.union is None:
            yield from _verdict(found, stored, reading)
        else:
            unions.setdefault(found.union[0], []).append(found)
    for path, members in unions.items():
        yield from _union_verdict(path, members, stored, reading)


def _union_verdict(
    path: Path,
    found: list[_LocatedError],
    stored: Any,
    reading: ConfigFindings,
) -> Iterator[Problem]:
    by_member: dict[str, list[_LocatedError]] = {}
    for one in found:
        assert one.union is not None
        by_member.setdefault(one.union[1], []).append(one)
    inside = [errors for errors in by_member.values() if any(one.depth > 0 for one in errors)]
    if inside:  # It has the form of one member: report what is wrong for that one.
        nearest = min(inside, key=lambda errors: (_strangers(errors), len(errors)))
        for one in nearest:
            yield from _verdict(one, stored, reading)
        return
    if len(by_member) == 1:
        for one in found:
            yield from _verdict(one, stored, reading)
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


def _strangers(errors: list[_LocatedError]) -> int:
    """Count the errors that say it is not this member at all: unknown names, wrong tags."""
    kinds = ("extra_forbidden", "literal_error", "enum")
    return sum(one.error["type"] in kinds for one in errors)


def _verdict(
    found: _LocatedError,
    stored: Any,
    reading: ConfigFindings,
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
    untold = value is NOTHING or kind == "unexpected"  # It may be a secret under a mistyped name.
    yield Problem(reading.shown(path), message, None if untold else value, kind)


def _got(value: Any) -> str:
    return "" if value is NOTHING else shown(value)


def _tag_path(error: ErrorDetails, path: Path) -> Path:
    name = str(error.get("ctx", {}).get("discriminator", "")).strip("'")
    return (*path, name) if name.isidentifier() else path


def _place(error: ErrorDetails, location: Path, raw: Any) -> tuple[Path, tuple[int, ...]]:
    """Return the path in the raw config, and which parts of the location name union members.

    Pydantic's location mixes both, so this takes the path that ends at the invalid input.
    """
    last: Path = ()
    if error["type"] == "missing":  # For a missing field, the input is its parent.
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
