"""A picture and its layout as plain JSON for the front end: positions and texts.

Where no layout program is there, or it takes too long, cards stand in plain columns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from math import atan2, degrees
from typing import Any

from jobnb.display.folding import levels
from jobnb.display.layout import Box, Frame, Layout, Line, lay_out, titled_frames
from jobnb.display.picture import Card, Cluster, Edge, Mark, Picture, Status
from jobnb.display.text_metrics import CARD_HEIGHT, MARGIN, card_width, cluster_title, edge_label


def drawing_of(picture: Picture) -> dict[str, Any]:
    """Return the data that `static/parts/graph_draw.js` draws.

    Example:
        >>> made = drawing_of(Picture("p", (Card("a", "a"),)))
        >>> made["cards"][0]["key"], made["edges"]
        ('a', [])
    """
    layout = lay_out(picture) or plain_layout(picture)
    return {
        "title": picture.title,
        "width": layout.width,
        "height": layout.height,
        "cards": [_card(card, layout) for card in picture.cards if card.key in layout.boxes],
        "edges": [_edge(picture.edges[line.edge], line) for line in layout.lines],
        "frames": list(_frames(picture, layout)),
    }


def _card(card: Card, layout: Layout) -> dict[str, Any]:
    box = layout.boxes[card.key]
    shown: dict[str, Any] = {
        "key": card.key,
        "title": card.title,
        "shape": card.shape,
        "box": [box.x, box.y, box.width, box.height],
    }
    for name in ("kind", "subtitle"):
        if value := getattr(card, name):
            shown[name] = value
    if card.group:
        shown["group"] = list(card.group)
    if card.members:
        shown["members"] = list(card.members)
    return shown


def _edge(edge: Edge, line: Line) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "start": edge.start,
        "end": edge.end,
        "path": _curve(line),
        "tip": [*line.tip, _turn(line)],
    }
    if edge.kind != "data":
        shown["kind"] = edge.kind
    if edge.label and line.label_at:
        shown["label"] = edge_label(edge)
        shown["at"] = list(line.label_at)
    return shown


def _curve(line: Line) -> str:
    (x, y), *rest = line.points
    return f"M{x},{y}C" + " ".join(f"{px},{py}" for px, py in rest)


def _turn(line: Line) -> int:
    """Return the direction of the arrow's tip, in degrees."""
    (fx, fy), (x, y) = line.points[-1], line.tip
    return round(degrees(atan2(y - fy, x - fx))) if (x, y) != (fx, fy) else 0


def _frames(picture: Picture, layout: Layout) -> Iterable[dict[str, Any]]:
    known = {cluster.path: cluster for cluster in picture.clusters}
    for frame in layout.frames:
        yield _frame(frame, known.get(frame.path) or Cluster(frame.path, frame.path[-1]))


def _frame(frame: Frame, cluster: Cluster) -> dict[str, Any]:
    box = frame.box
    return {
        "path": list(frame.path),
        "title": cluster_title(cluster, frame.title_room),
        "at": frame.title_at,
        "whole": cluster.title,
        "kind": cluster.kind,
        "box": [box.x, box.y, box.width, box.height],
    }


def mark_json(mark: Mark, since: float | None = None) -> dict[str, Any]:
    """Return a mark as the front end shows it.

    Args:
        mark: The state of a card.
        since: When it began to run, in seconds since the epoch; the front end counts on.
    """
    shown: dict[str, Any] = {"status": mark.status.value}
    if mark.detail:
        shown["detail"] = mark.detail
    if mark.duration:
        shown["duration"] = mark.duration
    if mark.checks.count:
        checks = mark.checks
        shown["checks"] = {
            "status": checks.status.value, "short": checks.short, "words": checks.words,
        }  # fmt: skip
    if mark.progress is not None:
        shown["progress"] = round(mark.progress, 4)
    if since is not None and mark.status is Status.RUNNING:
        shown["since"] = since
    return shown


_COLUMN_GAP, _ROW_GAP, _TITLE = 60.0, 18.0, 26.0
_TALLEST = 40  # cards in one column


def plain_layout(picture: Picture) -> Layout:
    """Return a simple layout: columns by depth, curves, groups in framed bands.

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
            frames.append(_plain_frame(group, [boxes[key] for key in held], top, bottom))
        top = bottom + _ROW_GAP + (10 if group else 0)
    lines = tuple(
        _line(number, boxes[edge.start], boxes[edge.end])
        for number, edge in enumerate(picture.edges)
        if edge.start in boxes and edge.end in boxes
    )
    wide = max((box.x + box.width for box in boxes.values()), default=0.0) + 2 * MARGIN
    return Layout(wide, top + MARGIN, boxes, lines, tuple(titled_frames(picture, frames, lines)))


def _columns(picture: Picture) -> dict[str, tuple[float, float]]:
    """Return the start of each card's column, and the card's width."""
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


def _plain_frame(group: tuple[str, ...], boxes: list[Box], top: float, bottom: float) -> Frame:
    left = min(box.x for box in boxes) - 12
    right = max(box.x + box.width for box in boxes) + 12
    return Frame(group, Box(left, top, right - left, bottom - top + 10))


def _line(number: int, start: Box, end: Box) -> Line:
    x, y = start.x + start.width, start.y + start.height / 2
    to_x, to_y = end.x - 7, end.y + end.height / 2
    bend = max(30.0, (to_x - x) / 2)
    points = ((x, y), (x + bend, y), (to_x - bend, to_y), (to_x, to_y))
    return Line(number, points, (end.x, to_y))
