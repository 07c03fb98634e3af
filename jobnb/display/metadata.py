"""Display metadata, from the JSON form in events and definitions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from jobnb.definitions.metadata import to_json, unmarked
from jobnb.display.environment import attempt
from jobnb.display.html import Html, code, folded, join, link, pairs, preformatted, table, tag
from jobnb.display.markdown_html import markdown
from jobnb.display.text import counted, moment, shorten
from jobnb.display.value_words import short_repr

_MOST_ROWS = 50
_LONG = 300


def json_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata in its JSON form, entry by entry: a value of no known kind shows as text."""
    found: dict[str, Any] = {}
    for label, value in metadata.items():
        # What has no kind will be told of when the asset is made, not at a look at it.
        plain = {str(label): {"type": "text", "value": short_repr(value, 200)}}
        found |= attempt(partial(to_json, {label: value}), plain)
    return found


def metadata_html(metadata: Mapping[str, Any]) -> Html:
    """Return all of it: names and values.

    Args:
        metadata: `{"rows": {"type": "int", "value": 3}}`, as `definitions.metadata.to_json`
            makes it.
    """
    return pairs({str(label): entry_html(entry) for label, entry in metadata.items()})


def metadata_text(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return all of it, each value on one short line."""
    return {str(label): entry_text(entry) for label, entry in metadata.items()}


def _parts(entry: Any) -> tuple[str, Any]:
    if isinstance(entry, Mapping) and "type" in entry:
        return str(entry["type"]), entry.get("value")
    return "json", entry


def entry_html(entry: Any) -> Html:
    """Return one value as HTML; a malformed one is shown raw."""
    kind, value = _parts(entry)
    # It may come from a later version, or be written by hand.
    shown = attempt(lambda: _SHOWN.get(kind, _as_json)(value), None)
    return preformatted(short_repr(value, 2000)) if shown is None else shown


def entry_text(entry: Any) -> str:
    """Return one value on one short line.

    Example:
        >>> entry_text({"type": "int", "value": 336776})
        '336,776'
    """
    kind, value = _parts(entry)
    line = attempt(lambda: _LINES.get(kind, _json_line)(value), None)
    return shorten(short_repr(value, 120) if line is None else line, 120)


def _as_text(value: Any) -> Html:
    said = str(value)
    if len(said) <= _LONG and "\n" not in said:
        return tag("span", said)
    return folded(shorten(said, 80), preformatted(said))


def _shown(value: Any) -> Any:
    """Return data as people read it: metadata in it as a line, or its number."""
    return unmarked(value, _shown_mark)


def _shown_mark(kind: str, written: Any) -> Any:
    if kind == "metadata":
        plain = written["type"] in ("int", "float", "bool", "null", "text")
        return written["value"] if plain else entry_text(written)
    if kind == "asset":
        return "/".join(written)
    return float(written) if kind == "float" else int(written)


def _as_json(value: Any) -> Html:
    value = _shown(value)
    said = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if len(said) <= 60 and "\n" not in said:
        return code(said)
    return folded(
        shorten(json.dumps(value, ensure_ascii=False, default=str), 80), preformatted(said)
    )


def _as_url(value: Any) -> Html:
    return link(str(value))


def _as_table(value: Any) -> Html:
    records = _shown(value["records"])
    names = [column["name"] for column in value.get("schema", {}).get("columns", [])]
    names = names or list(dict.fromkeys(name for row in records for name in row))
    rows = [[_cell(row.get(name)) for name in names] for row in records[:_MOST_ROWS]]
    left = len(records) - _MOST_ROWS
    more = tag("div", f"… {counted(left, 'more row')}", css="jn-muted") if left > 0 else None
    return join([table(names, rows), more])


def _cell(value: Any) -> str:
    return "" if value is None else shorten(_number(value), 200)


def _as_schema(value: Any) -> Html:
    rows = [
        [column["name"], column.get("type", ""), column.get("description") or ""]
        for column in value.get("columns", [])
    ]
    return table(["column", "type", "description"], rows)


def _as_lineage(value: Any) -> Html:
    rows = [[column, ", ".join(map(_column_line, deps))] for column, deps in value.items()]
    return table(["column", "made from"], rows)


def _column_line(dep: Any) -> str:
    return f"{'/'.join(dep[:-1])}:{dep[-1]}"


def _lineage_line(value: Any) -> str:
    return counted(len(value), "column")


def _job_line(value: Any) -> str:
    return f"{value['job_name']} of {value['location_name']}"


def _asset_line(value: Any) -> str:
    return "/".join(value)


def _artifact_line(value: Any) -> str:
    return f"{value['module']}.{value['name']}"


def _time_line(value: Any) -> str:
    return moment(float(value)) or str(value)


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.1f}"
    return str(value)


def _json_line(value: Any) -> str:
    return json.dumps(_shown(value), ensure_ascii=False, default=str)


def _table_line(value: Any) -> str:
    return counted(len(value["records"]), "row")


def _schema_line(value: Any) -> str:
    return counted(len(value["columns"]), "column")


def _line_shown(line: Callable[[Any], str]) -> Callable[[Any], Html]:
    return lambda value: tag("span", line(value))


def _code_shown(line: Callable[[Any], str]) -> Callable[[Any], Html]:
    return lambda value: code(line(value))


_LINES: dict[str, Callable[[Any], str]] = {
    "text": str,
    "url": str,
    "path": str,
    "notebook": str,
    "md": str,
    "dagster_run": str,
    "int": _number,
    "float": _number,
    "bool": _number,
    "null": lambda _: "none",
    "json": _json_line,
    "pool": str,
    "job": _job_line,
    "column_lineage": _lineage_line,
    "asset": _asset_line,
    "python_artifact": _artifact_line,
    "timestamp": _time_line,
    "table": _table_line,
    "table_schema": _schema_line,
}
_SHOWN: dict[str, Callable[[Any], Html]] = {
    "text": _as_text,
    "url": _as_url,
    "md": lambda value: markdown(str(value)),
    "json": _as_json,
    "table": _as_table,
    "table_schema": _as_schema,
    "column_lineage": _as_lineage,
    **{kind: _line_shown(_LINES[kind]) for kind in ("int", "float", "bool", "null", "timestamp")},
    **{
        kind: _code_shown(_LINES[kind])
        for kind in ("path", "notebook", "asset", "dagster_run", "job", "pool", "python_artifact")
    },
}
