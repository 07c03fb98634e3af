"""Assemble the JavaScript and CSS of a widget from the files in `static/`.

A front end loads one module for each widget and cannot follow relative imports, so the parts
that widgets share are written as plain functions and set before the widget's own file.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

import msgspec

from jobnb.display.palette import GLYPHS, WORDS
from jobnb.display.picture import Status
from jobnb.display.style import page_css

_EXPORT = re.compile(r"^\s*(export|import)\b", re.MULTILINE)


@lru_cache(maxsize=64)
def esm(*names: str) -> str:
    """Return one module from files in `static/`: parts first, the widget's own file last.

    Args:
        *names: Files as `parts/dom.js`. Only the last one has an `export default`.

    Raises:
        ValueError: If a part exports or imports, which would break the module.

    Example:
        >>> from jobnb.display.widgets.assemble import esm
        >>> "function el(" in esm("parts/dom.js")
        True
    """
    texts = [_read(name) for name in names]
    for name, text in zip(names[:-1], texts[:-1], strict=True):
        if _EXPORT.search(text):
            raise ValueError(f"static/{name} is a part; it may not export or import anything.")
    return "\n".join([_constants(), *texts])


@lru_cache(maxsize=64)
def css(*names: str) -> str:
    """Return one style sheet: for pages and pictures, for all widgets, then files in `static/`.

    Args:
        *names: Files as `graph_view.css`.
    """
    return "\n".join([page_css(), *(_read(name) for name in ("widget.css", *names))])


def _read(name: str) -> str:
    return files("jobnb.display").joinpath("static", *name.split("/")).read_text(encoding="utf-8")


def _constants() -> str:
    """Return the states, their words and signs, for JavaScript."""
    states = {
        status.value: {"word": WORDS[status], "glyph": GLYPHS.get(status, "")} for status in Status
    }
    return f"const STATES = {msgspec.json.encode(states).decode()};"
