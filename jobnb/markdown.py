"""Markdown of users as plain text, for where no markup is shown; read by markdown-it-py."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MOST = 40_000
"""Characters; longer texts are not prose: they are shown as they are."""
_SIGNS = re.compile(r"[*_`#\[<>|&\\~=!]|^\s*(?:[-+]|\d+[.)])\s", re.MULTILINE)


@lru_cache(maxsize=4096)
def plain(source: str) -> str:
    r"""Return the text without Markdown's signs, for where no markup is shown.

    Example:
        >>> plain("# Orders\nAll **paid** ones:\n- of `my_shop_1`\n- [of others](https://a.org)")
        'Orders\nAll paid ones:\n• of my_shop_1\n• of others'
    """
    text = undocumented(source)
    if len(text) > MOST or _SIGNS.search(text) is None:
        return text
    return "\n".join(_lines(reader().parse(text)))


def _lines(tokens: Iterable[Token]) -> Iterator[str]:
    """Iterate over the lines of a text; an item of a list begins with a mark."""
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
    """Return a docstring without the indent of its place in the code."""
    first, _, rest = docstring.strip("\n").expandtabs(4).partition("\n")
    return f"{first.strip()}\n{dedent(rest)}".strip()


@lru_cache(maxsize=1)
def reader() -> MarkdownIt:
    """Return the parser of Markdown; HTML in the text stays text."""
    from markdown_it import MarkdownIt

    # An indent is usual in docstrings and means no code there.
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("code")
