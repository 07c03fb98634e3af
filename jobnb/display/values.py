"""A look at a value: enough to know what it is, never all of it.

A DataFrame shows its head, shape and types; figures and pictures show themselves; anything
with a rich repr of its own uses that. Whatever fails falls back to a short repr.
"""

from __future__ import annotations

import reprlib
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any

from jobnb.display.attempt import attempt
from jobnb.display.html import Html, is_balanced, join, preformatted, scrolling, table, tag, void
from jobnb.display.text import counted, shorten
from jobnb.storage.formats import Peek

__all__ = ["short_repr", "value_html", "value_line"]

_ROWS, _COLUMNS = 5, 20
_CELL = 80
_MOST_MARKUP = 500_000


def value_html(value: Any) -> Html:
    """The value as HTML; never raises."""
    for look in (_frame, _series, _array, _figure, _own_picture, _own_markup, _plain_text):
        shown = attempt(partial(look, value), None)
        if shown is not None:
            return tag("div", shown, css="jn-value")
    return tag("div", preformatted(short_repr(value, 2000)), css="jn-value")


def value_line(value: Any) -> str:
    """The value in a few words: `DataFrame, 336,776 × 19`; never raises."""
    return attempt(lambda: _value_line(value), "a value")


def _value_line(value: Any) -> str:
    name = value.type_name if isinstance(value, Peek) else type(value).__name__
    shape = _shape(value)
    if isinstance(value, str):
        return shorten(value[:200], 80)
    if shape:
        return f"{name}, {shape}"
    if isinstance(value, (list, tuple, dict, set, frozenset)) and len(value) > 3:
        return f"{name}, {len(value):,} items"
    return shorten(short_repr(value, 80), 80)


def _shape(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if not isinstance(shape, tuple) or not all(isinstance(size, int) for size in shape):
        return ""
    return " × ".join(f"{size:,}" for size in shape)


def _is(value: Any, module: str, name: str) -> bool:
    """Whether the value is of a class of a library; one not imported has made no values."""
    loaded = sys.modules.get(module)
    class_ = getattr(loaded, name, None)
    return isinstance(class_, type) and isinstance(value, class_)


def _frame(value: Any) -> Html | None:
    if not _is(value, "pandas", "DataFrame"):
        return None
    head = value.iloc[:_ROWS, :_COLUMNS]
    names = [shorten(str(name), _CELL) for name in head.columns]
    types = [str(dtype) for dtype in head.dtypes]
    rows = [
        [_cell(label), *map(_cell, row)]
        for label, row in zip(head.index, head.itertuples(index=False, name=None), strict=True)
    ]
    numbers = [kind.startswith(("int", "float", "uint", "Int", "Float")) for kind in types]
    titles = [
        tag(
            "th", name, void("br"), tag("span", kind, css="jn-muted"), scope="col", css=_side(right)
        )
        for name, kind, right in zip(names, types, numbers, strict=True)
    ]
    return join([_sheet(titles, rows, [False, *numbers]), _note(value, "DataFrame")])


def _side(right: bool) -> str | None:
    return "jn-right" if right else None


def _sheet(titles: list[Html], rows: list[list[str]], numbers: list[bool]) -> Html:
    head = tag("thead", tag("tr", tag("td"), *titles))
    lines = (
        tag("tr", *(tag("td", c, css=_side(right)) for c, right in zip(row, numbers, strict=True)))
        for row in rows
    )
    whole = tag("table", head, tag("tbody", *lines), css="jn-table jn-sheet")
    return scrolling(whole)


def _note(value: Any, name: str) -> Html:
    rows, *others = value.shape
    counts = [counted(rows, "row"), *(counted(count, "column") for count in others)]
    shown = f", the first {_ROWS} shown" if rows > _ROWS else ""
    return tag("div", f"{name} · {' × '.join(counts)}{shown}", css="jn-muted")


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e15 else str(value)
    if isinstance(value, (str, int, bool)):
        return shorten(str(value), _CELL)
    if type(value).__module__.startswith(("pandas", "numpy", "datetime", "decimal")):
        return shorten(str(value), _CELL)
    return shorten(short_repr(value, _CELL), _CELL)


def _series(value: Any) -> Html | None:
    if not (_is(value, "pandas", "Series") or _is(value, "pandas", "Index")):
        return None
    head = value[:_ROWS] if _is(value, "pandas", "Index") else value.iloc[:_ROWS]
    labels = range(len(head)) if _is(value, "pandas", "Index") else head.index
    rows = [[_cell(label), _cell(item)] for label, item in zip(labels, head, strict=True)]
    title = "" if value.name is None else shorten(str(value.name), _CELL)
    kind = f"{type(value).__name__} · {value.dtype}"
    return join([table(["", title], rows), _note(value, kind)])


def _array(value: Any) -> Html | None:
    if not _is(value, "numpy", "ndarray"):
        return None
    numpy: Any = sys.modules["numpy"]
    said = numpy.array2string(value, threshold=200, edgeitems=4, max_line_width=100)
    note = f"array · {_shape(value) or 'scalar'} · {value.dtype}"
    return join([preformatted(said), tag("div", note, css="jn-muted")])


def _figure(value: Any) -> Html | None:
    if _is(value, "matplotlib.axes", "Axes"):
        value = value.figure
    if not _is(value, "matplotlib.figure", "Figure"):
        return None
    file = BytesIO()
    value.savefig(file, format="png", bbox_inches="tight", dpi=96)
    return _image("png", file.getvalue())


def _image(kind: str, data: bytes) -> Html:
    encoded = b64encode(data).decode("ascii")
    return void("img", src=f"data:image/{kind};base64,{encoded}", alt="figure")


def _own(value: Any, name: str) -> Callable[[], Any] | None:
    """A repr method that the class has; a class that is a value itself has none."""
    if isinstance(value, type) or not hasattr(type(value), name):
        return None
    method = getattr(value, name)
    return method if callable(method) else None


def _own_picture(value: Any) -> Html | None:
    for name, kind in (("_repr_svg_", "svg+xml"), ("_repr_png_", "png"), ("_repr_jpeg_", "jpeg")):
        method = _own(value, name)
        data = method() if method else None
        if isinstance(data, tuple):  # some add metadata
            data = data[0]
        if isinstance(data, str):
            data = data.encode()
        if isinstance(data, bytes) and data:
            return _image(kind, data)
    return None


def _own_markup(value: Any) -> Html | None:
    """HTML that the object gives, as Jupyter would show it, if it cannot break ours."""
    method = _own(value, "_repr_html_")
    markup = method() if method else None
    if isinstance(markup, tuple):
        markup = markup[0]
    if not isinstance(markup, str) or not markup or len(markup) > _MOST_MARKUP:
        return None
    markup.encode()  # lone surrogates could not be sent
    return Html(markup) if is_balanced(markup) else None


def _plain_text(value: Any) -> Html | None:
    if isinstance(value, str):
        return preformatted(
            value if len(value) <= 200_000 else value[:200_000] + "…", fold_after=12
        )
    if isinstance(value, (bytes, bytearray)):
        return preformatted(f"{len(value):,} bytes: {bytes(value[:60])!r}")
    return None


class _Short(reprlib.Repr):
    """A repr that looks at the first few items only, whatever the size."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = 20
        self.maxstring = self.maxother = 400
        self.maxlong = 60


def short_repr(value: Any, most: int) -> str:
    """The value's repr, short; never raises."""
    otherwise = f"<{_class_name(value)}, whose repr failed>"
    said = attempt(lambda: _Short().repr(value), otherwise)
    said = "".join(_printable(said))
    return said if len(said) <= most else said[: most - 1] + "…"


def _class_name(value: Any) -> str:
    return str(type.__getattribute__(type(value), "__name__"))


def _printable(text: str) -> Iterator[str]:
    return (char if char.isprintable() or char == "\n" else "�" for char in text)
