"""The fields of a config, one line each: path, type, default, description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jobnb.config import Section, json_schema, schema_of
from jobnb.config.describe import type_words
from jobnb.display.attempt import attempt
from jobnb.display.html import EMPTY, Html, code, table, tag
from jobnb.display.text import shorten
from jobnb.display.values import short_repr

__all__ = ["FieldRow", "field_rows", "fields_html", "fields_text"]

_DEEPEST = 6
_MOST = 200
_Json = Mapping[str, Any]


class FieldRow(NamedTuple):
    """One field as it is shown."""

    path: str
    kind: str
    default: str
    required: bool
    description: str


def field_rows(config_schema: Any) -> list[FieldRow]:
    """The fields of any config schema; nothing where there is none, or it cannot be read.

    Example:
        >>> [(row.path, row.kind, row.required) for row in field_rows({"year": int})]
        [('year', 'an integer', True)]
    """
    # A schema may name what a later cell defines.
    return attempt(lambda: _read_rows(config_schema), [])


def _read_rows(config_schema: Any) -> list[FieldRow]:
    field = schema_of(config_schema)
    if field is None:
        return []
    whole = json_schema(Section({"config": field}))
    rows = _rows(whole, whole.get("$defs", {}), (), ())
    return [row for row, _ in zip(rows, range(_MOST), strict=False)]


def _rows(
    schema: _Json, models: _Json, path: tuple[str, ...], above: tuple[str, ...]
) -> Iterator[FieldRow]:
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        where = (*path, name)
        reference = _inner_model(inner)
        target = models.get(reference, inner)
        open_ = bool(target.get("properties")) and reference not in above
        if not open_ or "anyOf" in inner:
            yield _row(where, inner, models, name in required)
        if open_ and len(where) <= _DEEPEST:
            yield from _rows(target, models, where, (*above, reference))


def _inner_model(schema: _Json) -> str:
    """The model that a place holds, also where it may be null instead."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return _inner_model(choices[0]) if len(choices) == 1 else ""


def _row(path: tuple[str, ...], schema: _Json, models: _Json, required: bool) -> FieldRow:
    shown = ".".join(path[1:]) or "config"  # the first part is the section that holds it all
    default = default_text(schema["default"]) if "default" in schema else ""
    about = str(schema.get("description") or "")
    return FieldRow(shown, type_words(schema, models), default, required, about)


def default_text(value: Any) -> str:
    """A default as it is written; a value from the environment by its name only."""
    if isinstance(value, Mapping) and set(value) == {"env"}:
        return f"environment variable {value['env']}"
    return short_repr(value, 60)


def fields_html(config_schema: Any) -> Html:
    """The fields as a table."""
    rows = field_rows(config_schema)
    if not rows:
        return EMPTY
    return table(["field", "type", "default", ""], [_html_row(row) for row in rows])


def _html_row(row: FieldRow) -> list[Html | str]:
    default = tag("em", "required") if row.required else code(row.default) if row.default else ""
    return [code(row.path), shorten(row.kind, 200), default, row.description]


def fields_text(config_schema: Any) -> list[str]:
    """The fields as lines."""
    return [
        f"{row.path}: {shorten(row.kind, 120)}"
        + (" (required)" if row.required else f" = {row.default}" if row.default else "")
        for row in field_rows(config_schema)
    ]
