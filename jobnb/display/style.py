"""The style sheets, read once from `static/`, with the colours of the light and dark themes."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from jobnb.display.palette import state_rules, variables

_ROOT = ".jobnb,.jobnb-graph"


def _themed(selector: str) -> str:
    return ",".join(f"{selector} {part}" for part in _ROOT.split(","))


@lru_cache(maxsize=1)
def _colours() -> str:
    """Return both themes: light unless the system is dark; the page's own theme has priority."""
    light, dark = variables(dark=False), variables(dark=True)
    is_light = _themed('[data-jp-theme-light="true"]') + "," + _themed(".vscode-light")
    is_dark = _themed('[data-jp-theme-light="false"]') + "," + _themed(".vscode-dark")
    return (
        f"{_ROOT}{{{light}}}"
        f"@media (prefers-color-scheme:dark){{{_ROOT}{{{dark}}}}}"
        f"{is_light}{{{light}}}{is_dark}{{{dark}}}"
    )


def _sheet(name: str) -> str:
    text = files("jobnb.display").joinpath("static", name).read_text(encoding="utf-8")
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


@lru_cache(maxsize=1)
def graph_css() -> str:
    """Return the style sheet of a picture on its own."""
    return f"{_colours()}\n{state_rules('.jobnb-graph')}\n{_sheet('graph.css')}"


@lru_cache(maxsize=1)
def page_css() -> str:
    """Return the style sheet of an HTML output with its pictures."""
    return f"{graph_css()}\n{state_rules('.jobnb')}\n{_sheet('jobnb.css')}"
