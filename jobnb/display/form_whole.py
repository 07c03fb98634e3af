"""A whole config at once: filled in or without what nothing uses."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from jobnb.config.nodes import NOTHING
from jobnb.display.form_edits import Edit
from jobnb.display.form_rows import Rows
from jobnb.display.form_values import option_of, selected, start_value
from jobnb.display.forms import Place

__all__ = ["filled", "without_extras"]

Config = dict[str, Any]
Path = tuple[str, ...]


def filled(place: Place, raw: Any) -> Any:
    """The config with all that it leaves out: defaults, and samples of what must be given."""
    if place.kind in ("section", "object") and (isinstance(raw, Mapping) or raw is NOTHING):
        given = dict(raw) if isinstance(raw, Mapping) else {}
        for name, field in place.fields.items():
            value = _filled_field(field, given.get(name, NOTHING))
            if value is not NOTHING:
                given[name] = value
        return given
    return raw


def _filled_field(field: Place, raw: Any) -> Any:
    if raw is NOTHING:
        if field.kind == "section":
            return filled(field, NOTHING) or NOTHING
        if field.default is not NOTHING:
            raw = copy.deepcopy(field.default)
        elif field.required:
            raw = copy.deepcopy(start_value(field))
        else:
            return NOTHING
    flat = field.tag and isinstance(raw, dict) and selected(field, raw) is None
    if flat and field.tag not in raw:
        option = field.options[option_of(field, raw)]
        return start_value(option) | raw
    return filled(field, raw) if field.kind in ("section", "object") else raw


def without_extras(rows: Rows, config: Config) -> Config:
    """The config without what the form does not know."""
    edit = Edit(rows, config, {})
    for path in reversed(list(_extra_paths(rows.layout, rows))):
        edit.drop(path)
    return edit.config


def _extra_paths(layout: list[dict[str, Any]], rows: Rows) -> list[Path]:
    paths: list[Path] = []
    for row in layout:
        if row.get("extra"):
            paths.append(rows.found[row["id"]].path)
        paths += _extra_paths(row.get("rows", []), rows)
    return paths
