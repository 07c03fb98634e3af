"""A launchpad without a front end: its config as a table and as YAML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobnb.display.form_rows import Row
from jobnb.display.html import (
    EMPTY,
    Html,
    code,
    header,
    join,
    pairs,
    preformatted,
    table,
    tabs,
    tag,
)
from jobnb.display.launch_form import LaunchForm
from jobnb.display.text import shorten
from jobnb.display.view import View
from jobnb.display.yaml_text import LaunchText

_MOST = 200
_Line = tuple[str, str, Row]


def launch_view(form: LaunchForm, title: str, noun: str = "launchpad") -> View:
    """Return a launchpad as text and as HTML; secrets never by value."""
    lines = list(_lines(form, form.rows.layout, ""))[:_MOST]
    problems = [_problem(note) for note in form.problems]
    around = _around(form)
    text = [f"{noun} of {title}", *(f"  {name}: {value}" for name, value in around.items())]
    text += [f"  {path}: {value}" for path, value, _ in lines]
    text += [f"  ! {problem}" for problem in problems]
    html = join(
        [
            header(title, noun),
            pairs(dict(around)),
            _table(lines),
            tag("ul", *(tag("li", problem) for problem in problems)) if problems else EMPTY,
            tabs([("YAML", preformatted(LaunchText.plain(form.config)))]) if form.config else EMPTY,
        ]
    )
    return View(f"{noun} of {title}", "\n".join(text), html)


def _around(form: LaunchForm) -> dict[str, str]:
    tags = ", ".join(f"{key}: {value}" for key, value in form.tags.items())
    told = {
        "selection": form.selection,
        "partition": form.partition or "",
        "executor": form.executor,
        "tags": tags,
    }
    return {name: value for name, value in told.items() if value}


def _table(lines: list[_Line]) -> Html:
    if not lines:
        return tag("p", "This needs no config.", css="jn-muted")
    rows = [
        [code(path), value, row.get("words", ""), row.get("default", ""), row.get("help", "")]
        for path, value, row in lines
    ]
    return table(["field", "value", "type", "default", ""], rows)


def _lines(form: LaunchForm, rows: list[Row], above: str) -> Iterator[_Line]:
    for row in rows:
        path = f"{above} > {row['label']}" if above else str(row["label"])
        if not row.get("fold"):
            if not row.get("rows") and row["kind"] != "section":
                yield path, _value(form, row), row
            yield from _lines(form, row.get("rows", []), path)


def _value(form: LaunchForm, row: Row) -> str:
    mode, value = row.get("mode", "value"), form.rows.values[row["id"]].get("v")
    if mode == "env":
        return f"from the environment variable {value}"
    if mode not in ("value", "raw"):
        return {"none": "none", "kept": "(secret)", "absent": "not given"}[mode]
    if value is None:
        return "(required)" if row.get("required") else ""
    if row["kind"] == "choice" and isinstance(value, int):
        return str(row["choices"][value])
    return shorten(str(value), 200)


def _problem(note: dict[str, Any]) -> str:
    where = note.get("path") or note.get("field")
    return f"{where}: {note['message']}" if where else str(note["message"])
