"""Markdown of users, parsed by markdown-it-py and displayed safely: their HTML stays text.

It is read into plain data, a tree of elements and texts. Here these become markup; a live view
sends them to the front end, which makes its elements of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from jobnb.display.html import EMPTY, Html, join, pre, preformatted, safe_url, scrolling, tag, void
from jobnb.markdown import MOST, reader, undocumented

if TYPE_CHECKING:
    from markdown_it.token import Token

Prose: TypeAlias = "str | tuple[str, str, list[Prose]]"
"""A text; or an element: its name, the address it leads to if any, and what is in it."""

_EMPTY = ("hr", "br")


def markdown(source: str | None) -> Html:
    """Return the text as HTML.

    Example:
        >>> markdown("rows: **3** <b>")
        '<p>rows: <strong>3</strong> &lt;b&gt;</p>'
    """
    if not source or not source.strip():
        return EMPTY
    if len(source) > MOST:
        return preformatted(source)
    return drawn(prose_tree(source))


def inline(text: str) -> Html:
    """Return the part of Markdown that fits in a line."""
    return drawn(_tree(reader().parseInline(text))) if len(text) <= MOST else join([text])


def prose_tree(source: str) -> list[Prose]:
    """Return the text as elements and texts; they name nothing that could run."""
    if len(source) > MOST:
        return [("pre", "", [source])]
    return _tree(reader().parse(undocumented(source)))


def _tree(tokens: Iterable[Token]) -> list[Prose]:
    """Return the elements that the tokens open and close, one within the other."""
    root: list[Prose] = []
    open_ = [root]
    for token in tokens:
        if token.hidden:
            continue
        if token.nesting < 0:
            open_.pop()
            continue
        found = _rendered(token)
        open_[-1].extend(found)
        if token.nesting > 0:
            open_.append(found[0][2])  # type: ignore[arg-type]
    return root


def _rendered(token: Token) -> Sequence[Prose]:
    """Return a token as it is shown; what opens is one element, still empty."""
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
    """Return a link; where a click must not follow it, its words alone."""
    target = safe_url(url)
    return [("span", "", label) if target is None else ("a", target, label)]


def drawn(nodes: Iterable[Prose]) -> Html:
    """Return elements and texts as markup."""
    return join(_markup(node) for node in nodes)


def _markup(node: Prose) -> str:
    if isinstance(node, str):
        return node
    name, url, inside = node
    if name in _EMPTY:
        return void(name)
    if name == "table":
        return scrolling(tag(name, drawn(inside), css="jn-table"))
    if name == "pre":
        return pre(drawn(inside))
    more = {"href": url, "target": "_blank", "rel": "noopener noreferrer"} if url else {}
    return tag(name, drawn(inside), **more)
