"""Pydantic's errors in the words of whoever writes config."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pydantic_core import ErrorDetails

from jobnb.config.env import look_up
from jobnb.errors import did_you_mean

__all__ = ["expectation", "shown", "told"]

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
    """What to say of an error and its kind; `value` is the offending value as it may be shown.

    Args:
        error: Pydantic's account.
        known: The names that the place knows, for an unknown one.
        choices: The names that an enum has there.
        value: Such as " (got 'x')", or nothing.
    """
    kind = error["type"]
    if kind in ("missing", "missing_argument", "missing_positional_only_argument"):
        return "is required.", "missing"
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return _unexpected(str(error["loc"][-1]), known), "unexpected"
    if kind in _WITH_OWN_WORDS:
        whole = isinstance(error["input"], (dict, list))  # which the words are about anyway
        return _own_words(error) + ("" if whole else value), "invalid"
    return f"must be {expectation(error, choices)}{value}.", _kind(kind)


def expectation(error: ErrorDetails, choices: list[str]) -> str:
    """What would be right, to be put behind "must be"."""
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
    """A secret by its type alone, which tells who gave a number that it needs quotes."""
    written = {int: "a number", float: "a number", bool: "true or false"}.get(type(look_up(name)))
    return f" (got a secret, written as {written})" if written else " (got a secret)"


def shown(value: Any) -> str:
    """An offending value as a message shows it: containers by kind alone, secrets never."""
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
