"""Short displays of values: enough to identify them, never all of them.

A DataFrame shows its head, shape and types; figures and pictures show themselves; anything
with a rich repr of its own uses that. Whatever fails falls back to a short repr. What is looked
at stands here; pages show it as markup, live views as data (`widgets.previews`).
"""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Iterable, Sequence
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple

from jobnb.display.environment import attempt
from jobnb.display.executed_notebooks import notebook_html, notebook_of
from jobnb.display.html import Html, is_balanced, join, preformatted, scrolling, tag, void
from jobnb.display.text import counted, shorten
from jobnb.display.value_words import shape_words, short_repr

_ROWS, _COLUMNS = 5, 20
_CELL, _TYPE = 80, 40
_NUMBERS = ("int", "float", "uint", "Int", "Float", "UInt", "complex")
_MOST_MARKUP = 500_000


def value_html(value: Any) -> Html:
    """Return the value as HTML; never raises."""
    for look in (_notebook, _table, _array, _picture, _own_markup, _plain_text):
        shown = attempt(partial(look, value), None)
        if shown is not None:
            return tag("div", shown, css="jn-value")
    return tag("div", preformatted(short_repr(value, 2000)), css="jn-value")


# --- what is looked at --------------------------------------------------------


class Sheet(NamedTuple):
    """The beginning of a frame or series.

    Args:
        columns: The name and the type of each column.
        rows: The label of each row, and its cells, as text.
        note: What it is, and how large.
    """

    columns: list[tuple[str, str]]
    rows: list[list[str]]
    note: str

    @property
    def numbers(self) -> list[bool]:
        """Whether each column holds numbers, which are aligned to the right."""
        return [dtype.startswith(_NUMBERS) for _, dtype in self.columns]


def sheet_of(value: Any, rows: int, columns: int) -> Sheet | None:
    """Return the beginning of a frame or series; None of anything else.

    Args:
        value: The value.
        rows: How many rows at most.
        columns: How many columns at most.
    """
    if _is(value, "pandas", "DataFrame"):
        head = value.iloc[:rows, :columns]
        kinds = zip(head.columns, head.dtypes, strict=True)
        cells = zip(head.index, head.itertuples(index=False, name=None), strict=True)
        lines = [[_cell(label), *map(_cell, row)] for label, row in cells]
        return Sheet(
            [_column(*kind) for kind in kinds], lines, shape_note("DataFrame", value.shape, rows)
        )
    if not _is(value, "pandas", "Series", "Index"):
        return None
    is_index = _is(value, "pandas", "Index")
    head = value[:rows] if is_index else value.iloc[:rows]
    labels: Iterable[Any] = range(len(head)) if is_index else head.index
    lines = [[_cell(label), _cell(item)] for label, item in zip(labels, head, strict=True)]
    column = _column("" if value.name is None else value.name, value.dtype)
    return Sheet([column], lines, shape_note(type(value).__name__, value.shape, rows))


def _column(name: Any, dtype: Any) -> tuple[str, str]:
    return shorten(str(name), _CELL), shorten(str(dtype), _TYPE)


def shape_note(name: str, shape: Sequence[int], shown: int) -> str:
    """Describe the type and size of a table.

    Example:
        >>> shape_note("DataFrame", (3000, 1), 10)
        'DataFrame · 3,000 rows × 1 column, the first 10 shown'
    """
    rows, *others = shape
    counts = [counted(rows, "row"), *(counted(count, "column") for count in others)]
    more = f", the first {shown} shown" if rows > shown else ""
    return f"{name} · {' × '.join(counts)}{more}"


def array_words(value: Any) -> tuple[str, str] | None:
    """Return an array as text, and what it is; None of anything else."""
    if not _is(value, "numpy", "ndarray"):
        return None
    numpy: Any = sys.modules["numpy"]
    said = numpy.array2string(value, threshold=200, edgeitems=4, max_line_width=100)
    return said, f"array · {shape_words(value) or 'scalar'} · {value.dtype}"


def picture_of(value: Any) -> tuple[str, bytes] | None:
    """Return the kind and the bytes of a figure or of what shows itself as a picture; else None."""
    if _is(value, "matplotlib.axes", "Axes"):
        value = value.figure
    if _is(value, "matplotlib.figure", "Figure"):
        file = BytesIO()
        value.savefig(file, format="png", bbox_inches="tight", dpi=96)
        return "png", file.getvalue()
    for name, kind in _PICTURES:
        data = getattr(value, name)() if has_method(value, name) else None
        if isinstance(data, tuple):  # some add metadata
            data = data[0]
        if isinstance(data, str):
            data = data.encode()
        if isinstance(data, bytes) and data:
            return kind, data
    return None


_PICTURES = (("_repr_svg_", "svg+xml"), ("_repr_png_", "png"), ("_repr_jpeg_", "jpeg"))


def has_method(value: Any, name: str) -> bool:
    """Whether the class has such a method; a class that is a value itself has none."""
    return not isinstance(value, type) and callable(getattr(type(value), name, None))


def bytes_words(value: bytes | bytearray) -> str:
    """Describe bytes: their number, and the first of them."""
    return f"{len(value):,} bytes: {bytes(value[:60])!r}"


def _is(value: Any, module: str, *names: str) -> bool:
    """Whether the value is of a class of a library; one not imported has made no values."""
    loaded = sys.modules.get(module)
    classes = (getattr(loaded, name, None) for name in names)
    return any(isinstance(class_, type) and isinstance(value, class_) for class_ in classes)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e15 else str(value)
    plain = type(value).__module__.startswith(("pandas", "numpy", "datetime", "decimal"))
    if plain or isinstance(value, (str, int, bool)):
        return shorten(str(value)[:1000], _CELL)
    return shorten(short_repr(value, _CELL), _CELL)


# --- as markup --------------------------------------------------------------


def _notebook(value: Any) -> Html | None:
    found = notebook_of(value)
    return None if found is None else notebook_html(found)


def _table(value: Any) -> Html | None:
    sheet = sheet_of(value, _ROWS, _COLUMNS)
    if sheet is None:
        return None
    sides = ["jn-right" if right else None for right in sheet.numbers]
    titles = [
        tag("th", name, void("br"), tag("span", dtype, css="jn-muted"), scope="col", css=side)
        for (name, dtype), side in zip(sheet.columns, sides, strict=True)
    ]
    lines = (
        tag("tr", *(tag("td", c, css=s) for c, s in zip(row, [None, *sides], strict=True)))
        for row in sheet.rows
    )
    head = tag("thead", tag("tr", tag("td"), *titles))
    whole = tag("table", head, tag("tbody", *lines), css="jn-table jn-sheet")
    return join([scrolling(whole), tag("div", sheet.note, css="jn-muted")])


def _array(value: Any) -> Html | None:
    words = array_words(value)
    return words and join([preformatted(words[0]), tag("div", words[1], css="jn-muted")])


def _picture(value: Any) -> Html | None:
    found = picture_of(value)
    if found is None:
        return None
    kind, data = found
    encoded = b64encode(data).decode("ascii")
    return void("img", src=f"data:image/{kind};base64,{encoded}", alt="figure")


def _own_markup(value: Any) -> Html | None:
    """Return HTML that the object gives, as Jupyter would show it, if it cannot break ours."""
    markup = value._repr_html_() if has_method(value, "_repr_html_") else None
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
        return preformatted(bytes_words(value))
    return None
