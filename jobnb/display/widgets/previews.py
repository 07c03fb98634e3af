"""Previews of values as plain data that a front end draws, never as markup.

What `display.values` looks at: a table for frames, a picture for figures, text for all
else. An object that only shows itself by a rich repr of its own is told as `rich`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import partial
from typing import Any

from jobnb.display.environment import attempt
from jobnb.display.executed_notebooks import notebook_data, notebook_of
from jobnb.display.html import safe_url
from jobnb.display.markdown_html import prose_tree
from jobnb.display.metadata import entry_text
from jobnb.display.text import counted
from jobnb.display.value_words import short_repr, value_line
from jobnb.display.values import (
    array_words,
    bytes_words,
    has_method,
    picture_of,
    shape_note,
    sheet_of,
)
from jobnb.display.view import sendable
from jobnb.storage.formats import Peek

Preview = dict[str, Any]

_ROWS, _COLUMNS = 10, 30
_MOST_TEXT, _MOST_IMAGE, _MOST_ENTRY = 100_000, 4_000_000, 20_000
_RICH = ("_repr_mimebundle_", "_repr_html_", "_repr_markdown_", "_repr_latex_", "_ipython_display_")


def preview(value: Any) -> Preview:
    r"""Return the value as JSON-ready data; never raises.

    Returns:
        A dict whose `kind` is `table`, `image`, `notebook`, `text` or `rich`, and `line`, a few
            words on it.

    Example:
        >>> preview("two\nlines")
        {'kind': 'text', 'text': 'two\nlines', 'line': 'two lines'}
    """
    for look in (_notebook, _peek, _sheet, _array, _picture, _rich, _plain_text):
        shown = attempt(partial(look, value), None)
        if shown is not None:
            return _named(shown, value)
    return _named({"kind": "text", "text": short_repr(value, 20_000)}, value)


def _named(shown: Preview, value: Any) -> Preview:
    line = " ".join(value_line(value).split())
    found: Preview = clean({**shown, "line": line})
    return found


def clean(value: Any) -> Any:
    """Return data whose texts can all be sent: lone surrogates are replaced."""
    if isinstance(value, str):
        return sendable(value)
    if isinstance(value, Mapping):
        return {sendable(str(key)): clean(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(each) for each in value]
    return value


def _notebook(value: Any) -> Preview | None:
    """Return an executed notebook as its parts."""
    found = notebook_of(value)
    return None if found is None else {"kind": "notebook", **notebook_data(found)}


def _peek(value: Any) -> Preview | None:
    """Return a table of which only the beginning was read."""
    if not isinstance(value, Peek):
        return None
    found = _sheet(value.head)
    return found and {**found, "note": shape_note(value.type_name, value.shape, _ROWS)}


def _sheet(value: Any) -> Preview | None:
    sheet = sheet_of(value, _ROWS, _COLUMNS)
    if sheet is None:
        return None
    columns = [
        {"name": name, "dtype": dtype, "number": number}
        for (name, dtype), number in zip(sheet.columns, sheet.numbers, strict=True)
    ]
    return {"kind": "table", "columns": columns, "rows": sheet.rows, "note": sheet.note}


def _array(value: Any) -> Preview | None:
    words = array_words(value)
    return words and {"kind": "text", "text": words[0], "note": words[1]}


def _picture(value: Any) -> Preview | None:
    """Return a picture inside of an address, where a script in an SVG cannot run."""
    found = picture_of(value)
    if found is None or len(found[1]) > _MOST_IMAGE:
        return None
    kind, data = found
    return {
        "kind": "image",
        "src": f"data:image/{kind};base64,{b64encode(data).decode('ascii')}",
    }


def _rich(value: Any) -> Preview | None:
    if not any(has_method(value, name) for name in _RICH):
        return None
    return {"kind": "rich", "text": short_repr(value, 2000)}


def _plain_text(value: Any) -> Preview | None:
    if isinstance(value, str):
        left = len(value) - _MOST_TEXT
        note = {"note": counted(left, "more character")} if left > 0 else {}
        return {"kind": "text", "text": value[:_MOST_TEXT], **note}
    if isinstance(value, (bytes, bytearray)):
        return {"kind": "text", "text": bytes_words(value)}
    return None


def metadata_rows(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return metadata as rows of name, text and, where there is one, address or tree of prose.

    Args:
        metadata: As events carry it: `{"rows": {"type": "int", "value": 3}}`.

    Example:
        >>> metadata_rows({"rows": {"type": "int", "value": 3000}})
        [{'name': 'rows', 'type': 'int', 'text': '3,000'}]
    """
    found: list[dict[str, Any]] = clean(
        [_metadata_row(str(name), entry) for name, entry in metadata.items()]
    )
    return found


def _metadata_row(name: str, entry: Any) -> dict[str, Any]:
    kind = str(entry.get("type", "json")) if isinstance(entry, Mapping) else "json"
    row: dict[str, Any] = {"name": name, "type": kind, "text": entry_text(entry)}
    value = entry.get("value") if isinstance(entry, Mapping) else None
    if kind == "url" and isinstance(value, str) and safe_url(value):
        row["url"] = value.strip()
    elif kind in ("text", "md") and isinstance(value, str):
        row["text"] = value[:_MOST_ENTRY]
    if kind == "md":
        row["prose"] = prose_tree(row["text"])
    return row
