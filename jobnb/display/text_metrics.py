"""The widths of texts, measured without a browser, and the sizes of what a picture holds.

The table holds the advance widths of a wide screen font, so that what is measured here to
fit also fits in the narrower fonts most systems show.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Literal

from jobnb.display.picture import Card, Cluster, Edge, Mark

TITLE = 12.5  # font size of titles
BADGE = 10.0  # font size of what stands on the edge of a card
SMALL = 11.0  # font size of the second line, of frames and of arrows
BAR = 5.0  # the coloured bar at the left of a card
PAD = 11.0  # between the bar and the text, and at the right
GLYPH_ROOM = 24.0  # kept free for the status at the right of the title
DURATION_ROOM = 56.0  # kept free for a duration, whether there is one or not
CARD_HEIGHT = 46.0
MARGIN = 14.0  # around the whole picture
ARROW = 7.0
_NARROWEST, _WIDEST = 168.0, 264.0


def card_width(card: Card) -> float:
    """Return the width of a card, from what it always shows; marks never change it."""
    title = width(clean(card.title), TITLE, "bold") + GLYPH_ROOM
    second = width(clean(second_line(card)), SMALL) + DURATION_ROOM
    return min(_WIDEST, max(_NARROWEST, BAR + 2 * PAD + max(title, second) + 4))


def second_line(card: Card, mark: Mark | None = None) -> str:
    """Return the second line of a card: kind, type, and a word on the state."""
    parts = [card.kind, card.subtitle, mark.detail if mark else ""]
    return " · ".join(part for part in parts if part)


def fitting_line(card: Card, mark: Mark, room: float) -> str:
    """Return as much of the second line as fits; the state has priority."""
    choices = [second_line(card, mark)]
    if mark.detail:
        choices.append(" · ".join(part for part in (card.kind, mark.detail) if part))
        choices.append(mark.detail)
    cleaned = [clean(choice) for choice in choices]
    for choice in cleaned:
        if width(choice, SMALL) <= room:
            return choice
    return elide_end(cleaned[-1], room, SMALL)


def caption_room(card_width_: float, duration: str) -> float:
    """Return the room that a duration leaves to the second line."""
    taken = width(duration, SMALL) + 10 if duration else 0
    return card_width_ - BAR - 2 * PAD - taken


def cluster_title(cluster: Cluster, room: float = 240) -> str:
    """Return the title of a frame, short enough to stand above one card."""
    return elide(clean(cluster.title), min(room, 240), SMALL, "bold")


def cluster_width(cluster: Cluster) -> float:
    """Return the room that the title of a frame needs."""
    return width(cluster_title(cluster), SMALL, "bold") + 16


def edge_label(edge: Edge) -> str:
    """Return the label of an arrow, elided."""
    return elide(clean(edge.label), 130, SMALL)


Weight = Literal["normal", "bold", "mono"]

# Thousandths of the font size for the characters from space to tilde.
# fmt: off
_NORMAL = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
)
_BOLD = (
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696,
    696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683,
    683, 821, 837, 372, 372, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771,
    724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665,
    343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
)
# fmt: on
_ELLIPSIS = "…"
# Common signs of our own captions; they need no clipping box.
_SIGNS = {"·": 0.38, "…": 1.0, "×": 0.84, "–": 0.5, "→": 0.84, "µ": 0.64}
SAFE_CLIP = frozenset(_SIGNS)


def width(text: str, size: float, weight: Weight = "normal") -> float:
    """Return the width of a text in a font of `size` pixels.

    Example:
        >>> round(width("daily", 10))
        24
        >>> width("日本", 10) > width("ab", 10)
        True
    """
    return sum(_advance(char, weight) for char in text) * size


@lru_cache(maxsize=4096)
def _advance(char: str, weight: Weight) -> float:
    code = ord(char)
    if 32 <= code < 127:
        if weight == "mono":
            return 0.602
        return (_BOLD if weight == "bold" else _NORMAL)[code - 32] / 1000
    if char in _SIGNS:
        return _SIGNS[char]
    if unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc"):
        return 0.0
    wide = unicodedata.east_asian_width(char) in ("W", "F")
    return 1.3 if wide else 0.85


def elide(text: str, room: float, size: float, weight: Weight = "normal") -> str:
    """Return the text if it fits in `room` pixels, else its two ends around an ellipsis.

    Names often differ at their ends (`load_flights_2013_raw`), so the middle goes.

    Example:
        >>> elide("short", 100, 10)
        'short'
        >>> elide("a_very_long_name_of_a_step", 80, 10)
        'a_very…a_step'
    """
    if width(text, size, weight) <= room:
        return text
    left = right = ""
    used = _advance(_ELLIPSIS, weight) * size
    for turn in range(len(text)):
        char = text[turn // 2] if turn % 2 == 0 else text[-(turn // 2 + 1)]
        used += _advance(char, weight) * size
        if used > room:
            break
        left, right = (left + char, right) if turn % 2 == 0 else (left, char + right)
    return left + _ELLIPSIS + right


def elide_end(text: str, room: float, size: float) -> str:
    """Return the text if it fits in `room` pixels, else its beginning and an ellipsis."""
    if width(text, size) <= room:
        return text
    used = _advance(_ELLIPSIS, "normal") * size
    for place, char in enumerate(text):
        used += _advance(char, "normal") * size
        if used > room:
            return text[:place].rstrip() + _ELLIPSIS
    return text


def needs_clip(text: str) -> bool:
    """Whether a text has characters whose width can only be guessed."""
    return not text.isascii() and any(not c.isascii() and c not in SAFE_CLIP for c in text)


def clean(text: str) -> str:
    r"""Return text as one line of valid XML: control characters and lone surrogates are replaced.

    Example:
        >>> clean("a\x00b\nc")
        'a�b c'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_clean_char(char) for char in text)


def _clean_char(char: str) -> str:
    if char in "\t\n\r\x0b\x0c\x85\u2028\u2029":
        return " "
    return char if xml_safe(char) else "�"


def xml_safe(char: str) -> bool:
    """Whether XML 1.0 allows the character."""
    code = ord(char)
    if code < 0x20:
        return char in "\t\n\r"
    return not (0x7F <= code < 0x85 or 0x86 <= code < 0xA0 or 0xD800 <= code < 0xE000) and (
        code & 0xFFFE != 0xFFFE
    )
