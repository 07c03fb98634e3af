"""Completion of config in YAML: fields, their types and defaults.

The text may be invalid: only indents, dashes and keys above the cursor are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jobnb.config import dump_yaml
from jobnb.config.places import ConfigNode
from jobnb.config.schema import NOTHING
from jobnb.display.config_fields import default_text
from jobnb.display.environment import attempt
from jobnb.display.text import shorten

_ITEM = None  # a part of a path: an entry of a list
Path = list[str | None]

_DASHES = r"(?P<indent> *)(?P<dashes>(?:- +)*)"
_KEY = re.compile(
    _DASHES + r"(?P<key>\"[^\"]*\"|'[^']*'|[^\s#:'\"-][^:#]*?|-[^\s:][^:]*?) *:(?:\s|$)"
)
_ENTRY = re.compile(r"(?P<indent> *)(?P<dashes>(?:-(?: +|$))+)")
_TYPED_KEY = re.compile(_DASHES + r"(?P<word>[^\s:#\[\]{},'\"]*)$")
_TYPED_VALUE = re.compile(_DASHES + r"(?P<key>[^\s:#'\"][^:#]*?) *: +(?P<word>[^\s#\[\]{},]*)$")
_HOLDERS = ("section", "object", "selector", "map")
_MOST = 60


def completions(root: ConfigNode, before: str, after: str = "") -> dict[str, Any]:
    r"""Complete the YAML at the cursor.

    Args:
        root: What the whole config takes.
        before: The text before the cursor.
        after: The text behind it.

    Returns:
        `word`, what is typed of it so far, and `options`: each with its `name`, the text to
        `insert`, and its type, default and help in words.

    Example:
        >>> from jobnb.config import Section, schema_of
        >>> from jobnb.config.places import form_of
        >>> root = form_of(Section({"config": schema_of({"year": int, "codes": [str]})}))
        >>> [each["name"] for each in completions(root, "config:\n  y")["options"]]
        ['year']
    """
    *above, line = before.split("\n")
    value = _TYPED_VALUE.match(line)
    if value is not None:
        column = len(value["indent"] + value["dashes"])
        places = _at(root, [*_path(above, value["indent"], value["dashes"], column), value["key"]])
        return _ranked(value["word"], _values(places))
    key = _TYPED_KEY.match(line)
    if key is None:
        return {"word": "", "options": []}
    column = len(key["indent"] + key["dashes"])
    places = _at(root, _path(above, key["indent"], key["dashes"], column))
    taken = set(_siblings(above, after.split("\n")[1:], column, bool(key["dashes"])))
    found = [*_fields(places, taken, column)]
    if key["dashes"]:
        found += _values(places)
    return _ranked(key["word"], found)


def _ranked(word: str, found: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the names that begin with the word, then those that contain it."""
    low = word.lower()
    known = {str(each["name"]): each for each in found}
    fitting = [each for name, each in known.items() if low in name.lower() and name != word]
    fitting.sort(key=lambda each: not str(each["name"]).lower().startswith(low))
    return {"word": word, "options": fitting[:_MOST]}


# --- where the cursor is -----------------------------------------------------


def _path(above: Sequence[str], indent: str, dashes: str, column: int) -> Path:
    """Return the keys and entries that a line at a column stands in, the outermost first."""
    found: Path = [_ITEM] * dashes.count("-")
    # A dash may stand right below the key that holds it, but not below another dash.
    keys, entries = (len(indent) + 1, len(indent)) if dashes else (column, column)
    for line in reversed(above):
        key, entry = _KEY.match(line), _ENTRY.match(line)
        if key is not None and len(key["indent"] + key["dashes"]) < keys:
            found.insert(0, _plain(key["key"]))
            keys = entries = len(key["indent"] + key["dashes"])
        if entry is not None and len(entry["indent"]) < entries:
            found[:0] = [_ITEM] * entry["dashes"].count("-")
            keys, entries = len(entry["indent"]) + 1, len(entry["indent"])
        if keys == 0:
            break
    return found


def _siblings(
    above: Sequence[str], below: Sequence[str], column: int, begins: bool
) -> Iterator[str]:
    """Iterate over the keys that stand beside the one that is typed."""
    if not begins:
        for line in reversed(above):
            key, entry = _KEY.match(line), _ENTRY.match(line)
            if key is not None and len(key["indent"] + key["dashes"]) == column:
                yield _plain(key["key"])
            if (line.strip() and _column(line) < column) or (entry and len(entry[0]) == column):
                break
    for line in below:
        if line.strip() and not line.lstrip().startswith("#"):
            if _column(line) < column:
                break
            key = _KEY.match(line)
            if key is not None and not key["dashes"] and len(key["indent"]) == column:
                yield _plain(key["key"])


def _column(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _plain(key: str) -> str:
    return key.strip().strip("'\"")


# --- what may stand there ----------------------------------------------------


def _at(root: ConfigNode, path: Path) -> list[ConfigNode]:
    """Return the places that a path may lead to: of a union, each option."""
    places = list(_options(root))
    for part in path:
        places = [
            option
            for place in places
            for found in _below(place, part)
            for option in _options(found)
        ]
    return places


def _options(place: ConfigNode) -> Iterator[ConfigNode]:
    if place.kind == "union":
        for option in place.options:
            yield from _options(option)
    else:
        yield place


def _below(place: ConfigNode, part: str | None) -> Iterator[ConfigNode]:
    if part is _ITEM:
        if place.kind == "list" and place.item is not None:
            yield place.item
        elif place.kind == "tuple":
            yield from place.places
    elif part in place.fields:
        yield place.fields[part]
    elif place.kind in ("object", "map") and place.item is not None:
        yield place.item


def _fields(places: Iterable[ConfigNode], taken: set[str], column: int) -> Iterator[dict[str, Any]]:
    for place in places:
        if place.kind not in _HOLDERS or (place.kind == "selector" and taken):
            continue
        for name, field in place.fields.items():
            if name not in taken:
                yield _field(name, field, column)
        for name in map(str, place.key_choices):
            if name not in taken and place.item is not None:
                yield _field(name, place.item, column)


def _field(name: str, field: ConfigNode, column: int) -> dict[str, Any]:
    inner = "\n" + " " * (column + 2)
    if field.kind in _HOLDERS:
        rest = inner
    elif field.kind in ("list", "tuple"):
        rest = inner + "- "
    else:
        rest = " "
    default = field.default
    return {
        "name": name,
        "insert": f"{_scalar(name)}:{rest}",
        "words": field.words,
        "default": "" if default is NOTHING else shorten(_default(default), 60),
        "required": field.required and default is NOTHING,
        "help": shorten(field.help, 200),
    }


def _default(value: Any) -> str:
    return default_text(value) if isinstance(value, (dict, list)) else _scalar(value)


def _values(places: Iterable[ConfigNode]) -> list[dict[str, Any]]:
    """Return the values of a choice, and the default of anything that is one value."""
    found: dict[str, dict[str, Any]] = {}
    for place in places:
        values = list(place.choices)
        values += [True, False] if place.kind == "bool" else []
        values += [place.constant] if place.kind == "const" else []
        values += [None] if place.nullable else []
        default = place.default
        if default is not NOTHING and not isinstance(default, (dict, list)):
            values.insert(0, default)
        for each in values:
            text = _scalar(each)
            if text and "\n" not in text:
                told = "default" if default is not NOTHING and each == default else ""
                found.setdefault(text, {"name": text, "insert": text, "default": told})
    return list(found.values())


def _scalar(value: Any) -> str:
    """Return a value as it stands in a line of YAML."""
    return attempt(lambda: dump_yaml({"v": value}).strip().removeprefix("v:").strip(), "")
