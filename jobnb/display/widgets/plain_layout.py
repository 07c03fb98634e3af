"""A simple layout in columns, for where no layout program is there or it takes too long."""

from __future__ import annotations

from collections import defaultdict

from jobnb.display.folding import levels
from jobnb.display.layout import Box, Frame, Layout, Line, titled_frames
from jobnb.display.picture import Picture
from jobnb.display.sizes import CARD_HEIGHT, MARGIN, card_width

__all__ = ["plain_layout"]

_COLUMN_GAP, _ROW_GAP, _TITLE = 60.0, 18.0, 26.0
_TALLEST = 40  # cards in one column


def plain_layout(picture: Picture) -> Layout:
    """Columns by distance from the start, curves between, groups in bands with frames around.

    Example:
        >>> from jobnb.display.picture import Card, Edge
        >>> cards = (Card("a", "a"), Card("b", "b"))
        >>> boxes = plain_layout(Picture("p", cards, (Edge("a", "b"),))).boxes
        >>> boxes["a"].x < boxes["b"].x
        True
    """
    columns = _columns(picture)
    boxes: dict[str, Box] = {}
    frames: list[Frame] = []
    top = MARGIN
    for group, held in _bands(picture).items():
        head = _TITLE if group else 0.0
        rows: dict[int, int] = defaultdict(int)
        for key in held:
            x, wide = columns[key]
            column = round(x)
            y = top + head + rows[column] * (CARD_HEIGHT + _ROW_GAP)
            rows[column] += 1
            boxes[key] = Box(x, y, wide, CARD_HEIGHT)
        bottom = max(boxes[key].y + CARD_HEIGHT for key in held)
        if group:
            frames.append(_frame(group, [boxes[key] for key in held], top, bottom))
        top = bottom + _ROW_GAP + (10 if group else 0)
    lines = tuple(
        _line(number, boxes[edge.start], boxes[edge.end])
        for number, edge in enumerate(picture.edges)
        if edge.start in boxes and edge.end in boxes
    )
    wide = max((box.x + box.width for box in boxes.values()), default=0.0) + 2 * MARGIN
    return Layout(wide, top + MARGIN, boxes, lines, tuple(titled_frames(picture, frames, lines)))


def _columns(picture: Picture) -> dict[str, tuple[float, float]]:
    """For each card where its column begins, and how wide the card is."""
    depth = levels(picture)
    by_depth: dict[int, list[str]] = defaultdict(list)
    for card in picture.cards:
        by_depth[depth[card.key]].append(card.key)
    widths = {card.key: card_width(card) for card in picture.cards}
    found: dict[str, tuple[float, float]] = {}
    x = MARGIN + 14
    for _, keys in sorted(by_depth.items()):
        for start in range(0, len(keys), _TALLEST):
            part = keys[start : start + _TALLEST]
            found |= {key: (x, widths[key]) for key in part}
            x += max(widths[key] for key in part) + _COLUMN_GAP
    return found


def _bands(picture: Picture) -> dict[tuple[str, ...], list[str]]:
    bands: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for card in picture.cards:
        bands[card.group].append(card.key)
    return bands


def _frame(group: tuple[str, ...], boxes: list[Box], top: float, bottom: float) -> Frame:
    left = min(box.x for box in boxes) - 12
    right = max(box.x + box.width for box in boxes) + 12
    return Frame(group, Box(left, top, right - left, bottom - top + 10))


def _line(number: int, start: Box, end: Box) -> Line:
    x, y = start.x + start.width, start.y + start.height / 2
    to_x, to_y = end.x - 7, end.y + end.height / 2
    bend = max(30.0, (to_x - x) / 2)
    points = ((x, y), (x + bend, y), (to_x - bend, to_y), (to_x, to_y))
    return Line(number, points, (end.x, to_y))
