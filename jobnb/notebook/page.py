"""An executed notebook as one HTML page."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

from jobnb.errors import NotebookError

__all__ = ["title_of", "to_html"]


def to_html(node: Any, name: str) -> str:
    """The notebook as a page that opens without Jupyter.

    Args:
        node: The notebook.
        name: Its title, if it has no heading.

    Raises:
        NotebookError: If nbconvert cannot make a page of it.
    """
    from nbconvert.exporters import HTMLExporter

    quiet = logging.getLogger("jobnb.page")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exporter = HTMLExporter(log=quiet)
            exporter.register_filter("ansi2html", coloured)
            resources = {"metadata": {"name": title_of(node, name)}}
            body, _ = exporter.from_notebook_node(node, resources=resources)
        except Exception as error:
            reason = str(error).strip().splitlines()
            raise NotebookError(
                f"The notebook cannot be made an HTML page: {reason[0] if reason else error!r}"
            ) from error
    return str(body)


_PIECE = 20_000  # characters; nbconvert takes the square of what it is given at once
_MOST_CODES = 100
_CODE = re.compile(r"\x1b\[[0-9;:]*m")


def coloured(text: Any) -> str:
    """A text with a terminal's colours as HTML, in time that is linear in its length.

    Args:
        text: What was printed, as nbconvert hands it over.
    """
    from nbconvert.filters import ansi2html

    if "\x1b" not in str(text):
        return str(ansi2html(str(text)))
    found: list[str] = []
    codes: dict[str, None] = {}  # what is switched on where a piece begins, the latest last
    for piece in _pieces(str(text)):
        found.append(str(ansi2html("".join(codes) + piece)))
        for code in _CODE.findall(piece):
            if code in ("\x1b[m", "\x1b[0m"):
                codes.clear()
            else:
                codes.pop(code, None)
                codes[code] = None
        codes = dict.fromkeys(list(codes)[-_MOST_CODES:])
    return "".join(found)


def _pieces(text: str) -> Iterator[str]:
    """A text in pieces that end where a line does, or else before a colour."""
    at = 0
    while at < len(text):
        end = at + _PIECE
        if end < len(text):
            cut = text.rfind("\n", at, end) + 1 or text.rfind("\x1b", at + 1, end)
            end = cut if cut > at else end
        yield text[at:end]
        at = end


def title_of(node: Any, name: str) -> str:
    """The notebook's first heading, else its name."""
    for cell in node.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("# "):
                    return str(line[2:]).strip()
    return name
