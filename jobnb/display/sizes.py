"""The sizes of everything in a picture, in pixels."""

from __future__ import annotations

from jobnb.display.measure import clean, elide, elide_end, width
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
    """The width of a card, from what it always shows; marks never change it."""
    title = width(clean(card.title), TITLE, "bold") + GLYPH_ROOM
    second = width(clean(second_line(card)), SMALL) + DURATION_ROOM
    return min(_WIDEST, max(_NARROWEST, BAR + 2 * PAD + max(title, second) + 4))


def second_line(card: Card, mark: Mark | None = None) -> str:
    """What the second line says: kind, type, and a word on the state."""
    parts = [card.kind, card.subtitle, mark.detail if mark else ""]
    return " · ".join(part for part in parts if part)


def fitting_line(card: Card, mark: Mark, room: float) -> str:
    """As much of the second line as there is room for; the state matters most."""
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
    """The room that a duration leaves to the second line."""
    taken = width(duration, SMALL) + 10 if duration else 0
    return card_width_ - BAR - 2 * PAD - taken


def cluster_title(cluster: Cluster, room: float = 240) -> str:
    """The title of a frame, short enough to stand above one card."""
    return elide(clean(cluster.title), min(room, 240), SMALL, "bold")


def cluster_width(cluster: Cluster) -> float:
    """The room that the title of a frame needs."""
    return width(cluster_title(cluster), SMALL, "bold") + 16


def edge_label(edge: Edge) -> str:
    """The label of an arrow, elided."""
    return elide(clean(edge.label), 130, SMALL)
