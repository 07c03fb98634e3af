"""Colours and signs of the states: told apart by colour, and by shape without it.

The colours follow Okabe and Ito's set, which colour-blind people can tell apart, darkened or
lightened until they stand out from a white or a black page. Signs are drawn as paths, because
fonts differ.
"""

from __future__ import annotations

from jobnb.display.picture import Status

__all__ = ["COLOURS", "GLYPHS", "LIGHT", "WORDS", "Colours", "variables"]

Colours = dict[str, str]

# What a viewer without CSS variables shows, and what the light theme falls back to.
LIGHT: Colours = {
    "bg": "#ffffff",
    "soft": "#f6f8fa",
    "fg": "#1f2328",
    "muted": "#5d656e",
    "line": "#cdd4db",
    "edge": "#8b949e",
}
DARK: Colours = {
    "bg": "#14181d",
    "soft": "#1b2027",
    "fg": "#e6edf3",
    "muted": "#9aa4af",
    "line": "#39414a",
    "edge": "#717b86",
}
_LIGHT_STATES: Colours = {
    "none": "#aab2bb",
    "missing": "#b0568c",
    "stale": "#a86a00",
    "queued": "#8b949e",
    "running": "#0072b2",
    "succeeded": "#00805e",
    "failed": "#c4480a",
    "skipped": "#8b949e",
    "canceled": "#7a5ea8",
}
_DARK_STATES: Colours = {
    "none": "#59626c",
    "missing": "#e08fc0",
    "stale": "#f0b035",
    "queued": "#8b949e",
    "running": "#56b4e9",
    "succeeded": "#2bbf93",
    "failed": "#ff8142",
    "skipped": "#8b949e",
    "canceled": "#b79ae6",
}
COLOURS = LIGHT | _LIGHT_STATES

_JUPYTER = {
    "bg": "--jp-layout-color1",
    "fg": "--jp-content-font-color1",
    "muted": "--jp-content-font-color2",
    "line": "--jp-border-color2",
}


def variables(dark: bool) -> str:
    """The declarations of the CSS variables, those of JupyterLab's theme going first."""
    colours = DARK | _DARK_STATES if dark else COLOURS
    made = [f"--jn-{name}:{_value(name, colour)};" for name, colour in colours.items()]
    return "".join([*made, f"--jn-scheme:{'dark' if dark else 'light'};"])


def _value(name: str, colour: str) -> str:
    if name == "soft":  # a shade of whatever lies below, so that it fits every theme
        return "rgba(128,140,152,.1)"
    theirs = _JUPYTER.get(name)
    return f"var({theirs},{colour})" if theirs else colour


WORDS = {
    Status.NONE: "",
    Status.MISSING: "missing",
    Status.STALE: "stale",
    Status.QUEUED: "queued",
    Status.RUNNING: "running",
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.SKIPPED: "skipped",
    Status.CANCELED: "canceled",
}

# Strokes in a box of 12 by 12 pixels around the origin.
GLYPHS = {
    Status.MISSING: "M-2.2-2.4a2.3 2.3 0 1 1 3.3 2.4Q0 .7 0 1.8M0 4.3v.2",
    Status.STALE: "M4-2.2A4.6 4.6 0 1 0 4.5 1.2M4.4-4.6v2.6h-2.6",
    Status.QUEUED: "M4.3 0a4.3 4.3 0 1 1-8.6 0a4.3 4.3 0 1 1 8.6 0z",
    Status.RUNNING: "M0-4.4A4.4 4.4 0 0 1 0 4.4M-2.6 3.5A4.4 4.4 0 0 1-2.6-3.5",
    Status.SUCCEEDED: "M-4.2.4L-1.2 3.4L4.4-3.4",
    Status.FAILED: "M-3.6-3.6L3.6 3.6M3.6-3.6L-3.6 3.6",
    Status.SKIPPED: "M-4-3.2L0 0L-4 3.2M.4-3.2L4.4 0L.4 3.2",
    Status.CANCELED: "M-3.2-3.2h6.4v6.4h-6.4z",
}

# The same signs where only text can be shown.
SIGNS = {
    Status.NONE: "",
    Status.MISSING: "?",
    Status.STALE: "↻",
    Status.QUEUED: "○",
    Status.RUNNING: "◐",
    Status.SUCCEEDED: "✓",
    Status.FAILED: "✗",
    Status.SKIPPED: "»",
    Status.CANCELED: "■",
}
