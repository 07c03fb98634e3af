"""HTML that somebody else's object made, as plain elements and texts: nothing in it can run.

Tables, lists and emphasis stay; scripts, styles, pictures, addresses and attributes go. Cells that
span others are repeated as empty ones, so that each value stays in its column.
"""

from __future__ import annotations

from html.parser import HTMLParser

from jobnb.display.environment import attempt
from jobnb.display.markdown_html import Prose

_KEPT = frozenset(
    (
        "blockquote", "br", "code", "em", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "span",
        "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
    )
)  # fmt: skip
_AS = {"b": "strong", "i": "em", "h1": "h4", "h2": "h5", "h3": "h6", "dt": "strong", "dd": "p"}
_LEFT_OUT = frozenset(("script", "style", "head", "svg", "math", "template", "title", "iframe"))
_EMPTY = frozenset(("br", "hr"))
_NO_END = frozenset(("area", "base", "col", "embed", "img", "input", "link", "meta", "source"))
_CELL, _LISTS = ("td", "th"), ("ul", "ol", "dl")
_ENDS = {
    "li": (("li",), _LISTS),
    "td": (_CELL, ("tr", "table")),
    "th": (_CELL, ("tr", "table")),
    "tr": (("tr",), ("table",)),
}
"""By an element that begins, those that it ends, unless they are around one of these."""
_WIDEST = 200
MOST = 500_000
"""Characters of markup that are looked at; a longer one has a text beside it."""


def html_tree(markup: str) -> list[Prose] | None:
    """Return markup as elements and texts; None if nothing of it can be shown so.

    Args:
        markup: HTML of any origin.

    Example:
        >>> html_tree("<p onclick='x()'>one <b>two</b><style>three</style></p>")
        [('p', '', ['one ', ('strong', '', ['two'])])]
        >>> html_tree("<div><script>draw()</script></div>") is None
        True
    """
    return attempt(lambda: _read(markup), None) if len(markup) <= MOST else None


def _read(markup: str) -> list[Prose] | None:
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return None if reader.runs and not reader.has_table else (reader.root if reader.words else None)


class _Reader(HTMLParser):
    """Reads markup into elements and texts.

    Attributes:
        root: The elements and texts.
        words: Whether there is any text.
        runs: Whether there is a script, which may have been meant to draw what is missing.
        has_table: Whether there is a table.
    """

    def __init__(self) -> None:
        super().__init__()
        self.root: list[Prose] = []
        self.words = self.runs = self.has_table = False
        self._open: list[tuple[str, list[Prose]]] = [("", self.root)]
        self._hidden: list[str] = []
        self._spans: dict[int, int] = {}  # by column, how many more rows a cell above spans

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        if tag in _NO_END:
            return
        self.runs |= tag == "script"
        if self._hidden or tag in _LEFT_OUT:
            self._hidden.append(tag)
            return
        name = _AS.get(tag, tag)
        inside: list[Prose] = []
        if name == "table":
            self.has_table, self._spans = True, {}
        self._end_open(tag)
        if name in ("td", "th"):
            self._fill()
            self._span(dict(attrs))
        if name in _EMPTY:
            self._open[-1][1].append((name, "", []))
        elif name in _KEPT:
            self._open[-1][1].append((name, "", inside))
            self._open.append((tag, inside))
        else:  # what stands around others leaves what it holds
            self._open.append((tag, self._open[-1][1]))
        self._pad(name, attrs)

    def _end_open(self, tag: str) -> None:
        """Close what ends where an element of this kind begins, as HTML may leave it open."""
        ended, within = _ENDS.get(tag, ((), ()))
        names = [name for name, _ in self._open]
        for name in reversed(names):
            if name in within:
                return
            if name in ended:
                self.handle_endtag(name)
                return

    def handle_endtag(self, tag: str) -> None:
        """Close an element, and those in it that were left open."""
        if self._hidden:
            if tag in self._hidden:
                del self._hidden[self._hidden.index(tag) :]
            return
        names = [name for name, _ in self._open]
        if tag not in names[1:]:
            return
        if tag == "tr":
            self._fill()
        del self._open[len(names) - 1 - names[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        """Add text; the gaps between the parts of a table are none."""
        inside = self._open[-1][0] in ("table", "thead", "tbody", "tr")
        if self._hidden or (inside and not data.strip()):
            return
        self.words |= bool(data.strip())
        self._open[-1][1].append(data)

    # --- cells that span others ----------------------------------------------

    def _row(self) -> list[Prose] | None:
        return next((held for name, held in reversed(self._open) if name == "tr"), None)

    def _fill(self) -> None:
        """Put empty cells where one of a row above reaches down."""
        row = self._row()
        while row is not None and self._spans.get(len(row), 0) > 0:
            self._spans[len(row)] -= 1
            row.append(("td", "", []))

    def _span(self, attributes: dict[str, str | None]) -> None:
        row = self._row()
        down = _number(attributes.get("rowspan"))
        if row is not None and down > 1:
            for column in range(_number(attributes.get("colspan"))):
                self._spans[len(row) + column] = down - 1

    def _pad(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        """Put empty cells where a cell reaches to the right."""
        row = self._row()
        if name in ("td", "th") and row is not None:
            row.extend(("td", "", []) for _ in range(_number(dict(attrs).get("colspan")) - 1))


def _number(text: str | None) -> int:
    return min(_WIDEST, int(text)) if text and text.isdecimal() and int(text) else 1
