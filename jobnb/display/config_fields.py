"""The fields of a config, one line each: path, type, default, description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jobnb.config import Section, schema_of
from jobnb.config.places import ConfigNode, form_of
from jobnb.config.schema import NOTHING
from jobnb.display.environment import attempt
from jobnb.display.html import EMPTY, Html, code, table, tag
from jobnb.display.markdown_html import inline
from jobnb.display.text import shorten
from jobnb.display.value_words import short_repr

_DEEPEST = 6
_MOST = 200


class FieldRow(NamedTuple):
    """One field as it is shown."""

    path: str
    kind: str
    default: str
    required: bool
    description: str


def field_rows(config_schema: Any) -> list[FieldRow]:
    """Return the fields of any config schema; none if it is empty or cannot be resolved.

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
    rows = _rows(form_of(Section({"config": field})), (), ())
    return [row for row, _ in zip(rows, range(_MOST), strict=False)]


def _rows(place: ConfigNode, path: tuple[str, ...], above: tuple[str, ...]) -> Iterator[FieldRow]:
    for name, field in place.fields.items():
        where = (*path, name)
        is_open = bool(field.fields) and field.model not in above
        if not is_open or field.nullable:
            yield _row(where, field)
        if is_open and len(where) <= _DEEPEST:
            yield from _rows(field, where, (*above, field.model) if field.model else above)


def _row(path: tuple[str, ...], field: ConfigNode) -> FieldRow:
    shown = ".".join(path[1:]) or "config"  # the first part is the section that holds it all
    default = default_text(field.default) if field.default is not NOTHING else ""
    return FieldRow(shown, field.type_words, default, field.required, field.help)


def default_text(value: Any) -> str:
    """Return a default as text; an environment variable by its name only."""
    if isinstance(value, Mapping) and set(value) == {"env"}:
        return f"environment variable {value['env']}"
    return short_repr(value, 60)


def fields_html(config_schema: Any) -> Html:
    """Return the fields as a table."""
    rows = field_rows(config_schema)
    if not rows:
        return EMPTY
    return table(["field", "type", "default", ""], [_html_row(row) for row in rows])


def _html_row(row: FieldRow) -> list[Html | str]:
    default = tag("em", "required") if row.required else code(row.default) if row.default else ""
    return [code(row.path), shorten(row.kind, 200), default, inline(row.description)]


def fields_text(config_schema: Any) -> list[str]:
    """Return the fields as lines."""
    return [
        f"{row.path}: {shorten(row.kind, 120)}"
        + (" (required)" if row.required else f" = {row.default}" if row.default else "")
        for row in field_rows(config_schema)
    ]
