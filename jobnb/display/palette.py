"""Colours and signs of the states: distinguished by colour, and by shape without it.

The colours follow Okabe and Ito's set, which colour-blind people can distinguish, darkened or
lightened until they stand out from a white or a black page. Signs are drawn as paths, because
fonts differ.
"""

from __future__ import annotations

from typing import NamedTuple

from jobnb.display.picture import Status

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


class StateStyle(NamedTuple):
    """The word, the colour and the shape of a state, the same in every view.

    Args:
        word: Its word.
        sign: Its sign where only text can be shown.
        light: Its colour on a light page.
        dark: Its colour on a dark page.
        glyph: Its sign as strokes in a box of 12 by 12 pixels around the origin.
    """

    word: str
    sign: str
    light: str
    dark: str
    glyph: str = ""


_CIRCLE = "M4.3 0a4.3 4.3 0 1 1-8.6 0a4.3 4.3 0 1 1 8.6 0z"
_HALVES = "M0-4.4A4.4 4.4 0 0 1 0 4.4M-2.6 3.5A4.4 4.4 0 0 1-2.6-3.5"

LOOKS = {
    Status.NONE: StateStyle("", "", "#aab2bb", "#59626c"),
    Status.MISSING: StateStyle(
        "missing", "?", "#b0568c", "#e08fc0", "M-2.2-2.4a2.3 2.3 0 1 1 3.3 2.4Q0 .7 0 1.8M0 4.3v.2"
    ),
    Status.STALE: StateStyle(
        "stale", "↻", "#a86a00", "#f0b035", "M4-2.2A4.6 4.6 0 1 0 4.5 1.2M4.4-4.6v2.6h-2.6"
    ),
    Status.QUEUED: StateStyle("queued", "○", "#8b949e", "#8b949e", _CIRCLE),
    Status.RUNNING: StateStyle(
        "running",
        "◐",
        "#0072b2",
        "#56b4e9",
        "M0-4.4A4.4 4.4 0 0 1 0 4.4M-2.6 3.5A4.4 4.4 0 0 1-2.6-3.5",
    ),
    Status.SUCCEEDED: StateStyle(
        "succeeded", "✓", "#00805e", "#2bbf93", "M-4.2.4L-1.2 3.4L4.4-3.4"
    ),
    Status.FAILED: StateStyle(
        "failed", "✗", "#c4480a", "#ff8142", "M-3.6-3.6L3.6 3.6M3.6-3.6L-3.6 3.6"
    ),
    Status.SKIPPED: StateStyle(
        "skipped", "»", "#8b949e", "#8b949e", "M-4-3.2L0 0L-4 3.2M.4-3.2L4.4 0L.4 3.2"
    ),
    Status.BLOCKED: StateStyle(
        "blocked",
        "⊘",
        "#8a5a2b",
        "#d0a070",
        "M4.3 0a4.3 4.3 0 1 1-8.6 0a4.3 4.3 0 1 1 8.6 0zM-3 3L3-3",
    ),
    Status.CANCELED: StateStyle("canceled", "■", "#7a5ea8", "#b79ae6", "M-3.2-3.2h6.4v6.4h-6.4z"),
    Status.ADDED: StateStyle("added", "+", "#1f7a4d", "#4fc98a", "M-4.2 0H4.2M0-4.2V4.2"),
    Status.REMOVED: StateStyle("removed", "−", "#a63d57", "#f08aa0", "M-4.2 0H4.2"),
    Status.CHANGED: StateStyle(
        "changed", "~", "#86690f", "#d9bb52", "M-4.4 1.2C-2.8-2.6-1.2-2.2 0 0S2.8 2.6 4.4-1.2"
    ),
}
"""The one table of states: runs, steps, assets, partitions, backfills and differences have one."""

WORDS = {status: look.word for status, look in LOOKS.items()}
SIGNS = {status: look.sign for status, look in LOOKS.items()}
GLYPHS = {status: look.glyph for status, look in LOOKS.items() if look.glyph}
COLOURS = LIGHT | {status.value: look.light for status, look in LOOKS.items()}
_DARK = DARK | {status.value: look.dark for status, look in LOOKS.items()}

_JUPYTER = {
    "bg": "--jp-layout-color1",
    "fg": "--jp-content-font-color1",
    "muted": "--jp-content-font-color2",
    "line": "--jp-border-color2",
}


def variables(dark: bool) -> str:
    """Return the declarations of the CSS variables, those of JupyterLab's theme going first."""
    colours = _DARK if dark else COLOURS
    made = [f"--jn-{name}:{_value(name, colour)};" for name, colour in colours.items()]
    return "".join([*made, f"--jn-scheme:{'dark' if dark else 'light'};"])


def _value(name: str, colour: str) -> str:
    if name == "soft":  # a shade of whatever lies below, so that it fits every theme
        return "rgba(128,140,152,.1)"
    theirs = _JUPYTER.get(name)
    return f"var({theirs},{colour})" if theirs else colour


def state_rules(root: str) -> str:
    """Return the rules of a style sheet that give what shows a state its colour.

    Args:
        root: The selector of what the states stand in.
    """
    return "\n".join(
        f"{root} .jn-{name} {{ --jn-state: var(--jn-{name}); }}\n"
        f"{root} .jn-is-{name} {{ color: var(--jn-{name}); fill: var(--jn-{name}); }}"
        for name in (status.value for status in LOOKS)
    )
