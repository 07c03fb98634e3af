"""HTML made of small escaped pieces.

A `Html` is markup that is known to be safe; any other text is escaped when it becomes part of
one. So a page is safe if every piece was made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from jobnb.display.environment import attempt
from jobnb.display.palette import SIGNS, WORDS
from jobnb.display.picture import Status
from jobnb.display.style import page_css
from jobnb.display.text import counted
from jobnb.display.text_metrics import xml_safe


class Html(str):
    """Markup that needs no more escaping; only this room makes it."""

    __slots__ = ()


EMPTY = Html("")
Piece = str | None


def text(piece: Piece) -> Html:
    """Return a piece as markup: escaped, unless it is markup already."""
    if piece is None:
        return EMPTY
    if isinstance(piece, Html):
        return piece
    if not piece.isprintable():
        piece = "".join(char if xml_safe(char) else "�" for char in piece)
    return Html(escape(piece))


def join(pieces: Iterable[Piece], between: str = "") -> Html:
    """Join pieces of markup."""
    return Html(text(between).join(text(piece) for piece in pieces))


def tag(name: str, *pieces: Piece, **attributes: str | None) -> Html:
    """Return an element; an attribute that is None is left out, `css` stands for `class`.

    Example:
        >>> tag("p", "1 < 2", css="note")
        '<p class="note">1 &lt; 2</p>'
    """
    head = _opening(name, attributes)
    return Html(f"<{head}>{join(pieces)}</{name}>")


def void(name: str, **attributes: str | None) -> Html:
    """Return an element without content: `img`, `br`."""
    return Html(f"<{_opening(name, attributes)}>")


def _opening(name: str, attributes: Mapping[str, str | None]) -> str:
    parts = [name]
    for key, value in attributes.items():
        if value is not None:
            shown = "class" if key == "css" else key.rstrip("_").replace("_", "-")
            parts.append(f'{shown}="{text(value)}"' if value else shown)
    return " ".join(parts)


def page(*pieces: Piece) -> Html:
    """Return a whole output: the style sheet once, and everything in one scoped box."""
    return Html(f"<style>{page_css()}</style>{tag('div', *pieces, css='jobnb')}")


def badge(status: Status, word: str = "") -> Html:
    """Return the state as sign and word, in its colour; another word than its own where given."""
    if status is Status.NONE:
        return EMPTY
    sign = tag("span", SIGNS[status], aria_hidden="true")
    return tag("span", sign, " ", word or WORDS[status], css=f"jn-badge jn-is-{status.value}")


def header(title: str, noun: str = "", status: Status = Status.NONE, note: str = "") -> Html:
    """Return the first line of an output: what it is, its name, its state."""
    return tag(
        "div",
        tag("strong", title, css="jn-name"),
        " " if noun else None,
        tag("span", noun, css="jn-noun") if noun else None,
        " " if status is not Status.NONE else None,
        badge(status),
        " " if note else None,
        tag("span", note, css="jn-note") if note else None,
        css="jn-header",
    )


def folded(title: Piece, body: Piece, *, open_: bool = False) -> Html:
    """Return a part that opens when its title is clicked; without styles it reads in order."""
    return tag(
        "details",
        tag("summary", title),
        tag("div", body, css="jn-body"),
        **({"open": ""} if open_ else {}),
    )


def tabs(parts: Sequence[tuple[str, Piece]], *, open_: int = 1) -> Html:
    """Return folded parts below each other, the first few open; empty ones are left out."""
    shown = [(title, body) for title, body in parts if body]
    return tag(
        "div",
        *(folded(title, body, open_=place < open_) for place, (title, body) in enumerate(shown)),
        css="jn-tabs",
    )


def table(headers: Sequence[Piece], rows: Iterable[Sequence[Piece]], *, css: str = "") -> Html:
    """Return a table; cells are escaped unless they are markup."""
    body = [tag("tr", *(tag("td", cell) for cell in row)) for row in rows]
    head = tag("thead", tag("tr", *map(_column_head, headers)))
    whole = tag(
        "table", head if headers else None, tag("tbody", *body), css=f"jn-table {css}".strip()
    )
    return scrolling(whole)


def _column_head(title: Piece) -> Html:
    """Return the head of a column; where there is nothing to say it is no heading."""
    return tag("th", title, scope="col") if title else tag("td")


def pairs(entries: Mapping[str, Piece]) -> Html:
    """Return names and values, one pair on each line; nothing where there are none."""
    if not entries:
        return EMPTY
    rows = (
        tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in entries.items()
    )
    return scrolling(tag("table", tag("tbody", *rows), css="jn-pairs"))


def code(content: str) -> Html:
    """Return a word as it is typed."""
    return tag("code", content)


def scrolling(piece: Piece, *, css: str = "") -> Html:
    """Return a box that scrolls, for content wider than the page; the keyboard reaches it."""
    return tag("div", piece, css=f"jn-scroll {css}".strip(), tabindex="0")


def pre(content: Piece) -> Html:
    """Return text with its line breaks, in a box that scrolls."""
    return tag("pre", content, tabindex="0")


def preformatted(content: str, *, fold_after: int = 40) -> Html:
    """Return lines as they are; the rest of a long text is folded away."""
    lines = content.splitlines()
    if len(lines) <= fold_after and len(content) <= 8000:
        return pre(content)
    first = "\n".join(lines[:fold_after])[:8000]
    rest = content[len(first) : len(first) + 200_000].lstrip("\n")
    left = len(lines) - first.count("\n") - 1
    title = counted(left, "more line") if left else counted(len(rest), "more character")
    return join([pre(first), folded(title, pre(rest))])


def link(url: str, shown: str | None = None) -> Html:
    """Return a link, if the address is one that a click may follow; else the address as text."""
    target = safe_url(url)
    label = shown or url
    if target is None:
        return text(label) if label == url else join([label, f" ({url})"])
    return tag("a", label, href=target, target="_blank", rel="noopener noreferrer")


def safe_url(url: str) -> str | None:
    """Return the address if it is http, https or mailto, without hidden characters; else None.

    Example:
        >>> safe_url("https://example.org/a?b=1")
        'https://example.org/a?b=1'
        >>> safe_url("java" + "script:alert(1)") is None
        True
    """
    url = url.strip()
    if not url.isprintable() or len(url) > 4000:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if "%" in (parts.hostname or ""):
        return None  # no name of a host: what was no address before it was quoted
    whole = parts.path if parts.scheme == "mailto" else parts.netloc
    return url if parts.scheme in ("http", "https", "mailto") and whole else None


_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)


class _Balance(HTMLParser):
    """Checks that every opened element is closed again, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.good = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.good = False


def is_balanced(markup: str) -> bool:
    """Whether markup made elsewhere can be put inside ours without breaking it."""
    if markup.rfind("<") > markup.rfind(">") or markup.count("<!--") != markup.count("-->"):
        return False  # it ends inside of a tag or comment
    return attempt(lambda: _read_whole(markup), False)  # what cannot be read is not shown


def _read_whole(markup: str) -> bool:
    reader = _Balance()
    reader.feed(markup)
    reader.close()
    return reader.good and not reader.open and not reader.rawdata.strip()
