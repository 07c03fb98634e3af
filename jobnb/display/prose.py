"""Markdown of users, read by markdown-it-py and shown safely: no HTML of theirs passes through.

It is read into plain data, a tree of elements and texts. Here these become markup; a live view
sends them to the front end, which makes its elements of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from textwrap import dedent
from typing import TYPE_CHECKING, TypeAlias

from jobnb.display.html import EMPTY, Html, join, pre, preformatted, safe_url, scrolling, tag, void

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["Prose", "inline", "markdown", "plain", "prose_tree", "undocumented"]

Prose: TypeAlias = "str | tuple[str, str, list[Prose]]"
"""A text; or an element: its name, the address it leads to if any, and what is in it."""

_MOST = 40_000  # longer texts are not prose: they are shown as they are
_EMPTY = ("hr", "br")
_SIGNS = re.compile(r"[*_`#\[<>|&\\~=!]|^\s*(?:[-+]|\d+[.)])\s", re.MULTILINE)


def markdown(source: str | None) -> Html:
    """The text as HTML.

    Example:
        >>> markdown("rows: **3** <b>")
        '<p>rows: <strong>3</strong> &lt;b&gt;</p>'
    """
    if not source or not source.strip():
        return EMPTY
    if len(source) > _MOST:
        return preformatted(source)
    return _drawn(prose_tree(source))


def inline(text: str) -> Html:
    """What can stand inside a line."""
    return _drawn(_tree(_reader().parseInline(text))) if len(text) <= _MOST else join([text])


def prose_tree(source: str) -> list[Prose]:
    """The text as elements and texts; they name nothing that could run."""
    if len(source) > _MOST:
        return [("pre", "", [source])]
    return _tree(_reader().parse(undocumented(source)))


@lru_cache(maxsize=4096)
def plain(source: str) -> str:
    r"""The text without the signs of Markdown, for where no markup is shown.

    Example:
        >>> plain("# Orders\nAll **paid** ones:\n- of `my_shop_1`\n- [of others](https://a.org)")
        'Orders\nAll paid ones:\n• of my_shop_1\n• of others'
    """
    text = undocumented(source)
    if len(text) > _MOST or _SIGNS.search(text) is None:
        return text
    return "\n".join(_lines(_reader().parse(text)))


def _lines(tokens: Iterable[Token]) -> Iterator[str]:
    """The lines of a text; what stands in a list has a mark before it, cells of a row a space."""
    lists: list[int | None] = []
    before = ""
    cells: list[str] | None = None
    for token in tokens:
        kind = token.type
        if kind.endswith("list_open"):
            lists.append(int(token.attrs.get("start", 1)) if kind.startswith("ordered") else None)
        elif kind.endswith("list_close"):
            lists.pop()
        elif kind == "list_item_open":
            number = lists[-1]
            mark = "• " if number is None else f"{number}. "
            lists[-1] = None if number is None else number + 1
            before = "  " * (len(lists) - 1) + mark
        elif kind == "tr_open":
            cells = []
        elif kind == "tr_close" and cells is not None:
            yield "  ".join(cells)
            cells = None
        elif kind in ("fence", "code_block", "html_block"):
            yield token.content.rstrip("\n")
        elif kind == "inline":
            said = _said(token.children or ())
            if cells is not None:
                cells.append(said)
            else:
                yield before + said
                before = ""


def _said(tokens: Iterable[Token]) -> str:
    breaks = ("softbreak", "hardbreak")
    return "".join("\n" if each.type in breaks else each.content for each in tokens)


def undocumented(docstring: str) -> str:
    """A docstring without the indent that its place in the code gave it."""
    first, _, rest = docstring.strip("\n").expandtabs(4).partition("\n")
    return f"{first.strip()}\n{dedent(rest)}".strip()


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # An indent is usual in docstrings and means no code there.
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("code")


def _tree(tokens: Iterable[Token]) -> list[Prose]:
    """The elements that the tokens open and close, one within the other."""
    root: list[Prose] = []
    open_ = [root]
    for token in tokens:
        if token.hidden:
            continue
        if token.nesting < 0:
            open_.pop()
            continue
        found = _told(token)
        open_[-1].extend(found)
        if token.nesting > 0:
            open_.append(found[0][2])  # type: ignore[arg-type]
    return root


def _told(token: Token) -> Sequence[Prose]:
    """A token as it is shown; what opens is one element, still empty."""
    if token.type == "inline":
        return _tree(token.children or [])
    if token.type in ("text", "softbreak"):
        return ["\n" if token.type == "softbreak" else token.content]
    if token.type == "fence":
        return [("pre", "", [token.content.removesuffix("\n")])]
    if token.type == "image":  # a page that is opened must fetch nothing
        return _link(str(token.attrs.get("src", "")), [token.content])
    if token.type == "link_open":
        return _link(str(token.attrs.get("href", "")), [])
    name = token.tag
    if token.type == "heading_open":
        name = f"h{min(6, int(name[1:]) + 3)}"
    return [(name, "", [token.content] if token.content else [])]


def _link(url: str, label: list[Prose]) -> list[Prose]:
    """A link; where a click must not follow it, its words alone."""
    target = safe_url(url)
    return [("span", "", label) if target is None else ("a", target, label)]


def _drawn(nodes: Iterable[Prose]) -> Html:
    return join(_markup(node) for node in nodes)


def _markup(node: Prose) -> str:
    if isinstance(node, str):
        return node
    name, url, inside = node
    if name in _EMPTY:
        return void(name)
    if name == "table":
        return scrolling(tag(name, _drawn(inside), css="jn-table"))
    if name == "pre":
        return pre(_drawn(inside))
    more = {"href": url, "target": "_blank", "rel": "noopener noreferrer"} if url else {}
    return tag(name, _drawn(inside), **more)
