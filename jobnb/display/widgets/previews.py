"""A look at a value as plain data, for a front end that draws it: never as markup.

The same looks as in `display.values`: a table for frames, a picture for figures, text for all
else. An object that only shows itself by a rich repr of its own is told as `rich`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import partial
from io import BytesIO
from typing import Any

from jobnb.display.attempt import attempt
from jobnb.display.html import safe_url
from jobnb.display.metadata import entry_text
from jobnb.display.prose import prose_tree
from jobnb.display.text import counted, shorten
from jobnb.display.values import short_repr, value_line
from jobnb.display.view import sendable
from jobnb.storage.formats import Peek

__all__ = ["Preview", "clean", "metadata_rows", "preview"]

Preview = dict[str, Any]

_ROWS, _COLUMNS, _CELL = 10, 30, 80
_MOST_TEXT, _MOST_IMAGE, _MOST_ENTRY = 100_000, 4_000_000, 20_000
_NUMBERS = ("int", "float", "uint", "Int", "Float", "UInt", "complex")
_RICH = ("_repr_mimebundle_", "_repr_html_", "_repr_markdown_", "_repr_latex_", "_ipython_display_")


def preview(value: Any) -> Preview:
    r"""The value as JSON-ready data; never raises.

    Returns:
        A dict whose `kind` is `table`, `image`, `text` or `rich`, and `line`, a few words on it.

    Example:
        >>> preview("two\nlines")
        {'kind': 'text', 'text': 'two\nlines', 'line': 'two lines'}
    """
    for look in (_peek, _frame, _series, _array, _figure, _own_picture, _rich, _plain_text):
        shown = attempt(partial(look, value), None)
        if shown is not None:
            return _named(shown, value)
    return _named({"kind": "text", "text": short_repr(value, 20_000)}, value)


def _named(shown: Preview, value: Any) -> Preview:
    line = " ".join(value_line(value).split())
    found: Preview = clean({**shown, "line": line})
    return found


def clean(value: Any) -> Any:
    """Data whose texts can all be sent: lone surrogates are replaced."""
    if isinstance(value, str):
        return sendable(value)
    if isinstance(value, Mapping):
        return {sendable(str(key)): clean(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(each) for each in value]
    return value


def _is(value: Any, module: str, *names: str) -> bool:
    """Whether the value is of a class of a library; one not imported has made no values."""
    import sys

    loaded = sys.modules.get(module)
    classes = (getattr(loaded, name, None) for name in names)
    return any(isinstance(class_, type) and isinstance(value, class_) for class_ in classes)


def _peek(value: Any) -> Preview | None:
    """A table of which only the beginning was read."""
    if not isinstance(value, Peek):
        return None
    found = _frame(value.head)
    return found and {**found, "note": _shape_note(value.type_name, value.shape)}


def _frame(value: Any) -> Preview | None:
    if not _is(value, "pandas", "DataFrame"):
        return None
    head = value.iloc[:_ROWS, :_COLUMNS]
    columns = [
        _column(str(name), str(dtype))
        for name, dtype in zip(head.columns, head.dtypes, strict=True)
    ]
    rows = [
        [_cell(label), *map(_cell, row)]
        for label, row in zip(head.index, head.itertuples(index=False, name=None), strict=True)
    ]
    return _table(columns, rows, _shape_note("DataFrame", value.shape))


def _series(value: Any) -> Preview | None:
    if not _is(value, "pandas", "Series", "Index"):
        return None
    is_index = _is(value, "pandas", "Index")
    head = value[:_ROWS] if is_index else value.iloc[:_ROWS]
    labels: Iterable[Any] = range(len(head)) if is_index else head.index
    rows = [[_cell(label), _cell(item)] for label, item in zip(labels, head, strict=True)]
    name = "" if value.name is None else str(value.name)
    columns = [_column(name, str(value.dtype))]
    return _table(columns, rows, _shape_note(type(value).__name__, value.shape))


def _column(name: str, dtype: str) -> dict[str, Any]:
    return {
        "name": shorten(name, _CELL),
        "dtype": shorten(dtype, 40),
        "number": dtype.startswith(_NUMBERS),
    }


def _table(columns: list[dict[str, Any]], rows: list[list[str]], note: str) -> Preview:
    return {"kind": "table", "columns": columns, "rows": rows, "note": note}


def _shape_note(name: str, shape: tuple[int, ...]) -> str:
    rows, *others = shape
    counts = [counted(rows, "row"), *(counted(count, "column") for count in others)]
    shown = f", the first {_ROWS} shown" if rows > _ROWS else ""
    return f"{name} · {' × '.join(counts)}{shown}"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e15 else str(value)
    if isinstance(value, (str, int, bool)):
        return shorten(str(value)[:1000], _CELL)
    if type(value).__module__.startswith(("pandas", "numpy", "datetime", "decimal")):
        return shorten(str(value)[:1000], _CELL)
    return shorten(short_repr(value, _CELL), _CELL)


def _array(value: Any) -> Preview | None:
    if not _is(value, "numpy", "ndarray"):
        return None
    import numpy as np

    said = np.array2string(value, threshold=200, edgeitems=4, max_line_width=100)
    shape = " × ".join(f"{size:,}" for size in value.shape) or "scalar"
    return {"kind": "text", "text": said, "note": f"array · {shape} · {value.dtype}"}


def _figure(value: Any) -> Preview | None:
    if _is(value, "matplotlib.axes", "Axes"):
        value = value.figure
    if not _is(value, "matplotlib.figure", "Figure"):
        return None
    file = BytesIO()
    value.savefig(file, format="png", bbox_inches="tight", dpi=96)
    return _image("png", file.getvalue())


def _image(kind: str, data: bytes) -> Preview | None:
    """A picture inside of an address, where a script in an SVG cannot run."""
    if len(data) > _MOST_IMAGE:
        return None
    return {
        "kind": "image",
        "src": f"data:image/{kind};base64,{b64encode(data).decode('ascii')}",
    }


def _has(value: Any, name: str) -> bool:
    """Whether the class has such a method; a class that is a value itself has none."""
    return not isinstance(value, type) and callable(getattr(type(value), name, None))


def _own_picture(value: Any) -> Preview | None:
    for name, kind in (("_repr_png_", "png"), ("_repr_jpeg_", "jpeg"), ("_repr_svg_", "svg+xml")):
        data = getattr(value, name)() if _has(value, name) else None
        if isinstance(data, tuple):  # some add metadata
            data = data[0]
        if isinstance(data, str):
            data = data.encode()
        if isinstance(data, bytes) and data:
            return _image(kind, data)
    return None


def _rich(value: Any) -> Preview | None:
    if not any(_has(value, name) for name in _RICH):
        return None
    return {"kind": "rich", "text": short_repr(value, 2000)}


def _plain_text(value: Any) -> Preview | None:
    if isinstance(value, str):
        left = len(value) - _MOST_TEXT
        note = {"note": counted(left, "more character")} if left > 0 else {}
        return {"kind": "text", "text": value[:_MOST_TEXT], **note}
    if isinstance(value, (bytes, bytearray)):
        return {"kind": "text", "text": f"{len(value):,} bytes: {bytes(value[:60])!r}"}
    return None


def metadata_rows(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Metadata as rows of name, text and, where there is one, address or tree of prose.

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
