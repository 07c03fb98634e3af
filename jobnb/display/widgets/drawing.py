"""A picture and its layout as the front end draws them: plain JSON, positions and texts."""

from __future__ import annotations

from collections.abc import Iterable
from math import atan2, degrees
from typing import Any

from jobnb.display.layout import Frame, Layout, Line, lay_out
from jobnb.display.picture import Card, Cluster, Edge, Mark, Picture, Status
from jobnb.display.sizes import cluster_title, edge_label
from jobnb.display.widgets.plain_layout import plain_layout

__all__ = ["drawing_of", "mark_json"]


def drawing_of(picture: Picture) -> dict[str, Any]:
    """What `static/parts/graph_draw.js` draws.

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
    """The direction of the arrow's tip, in degrees."""
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
    """A mark as the front end shows it.

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
    if since is not None and mark.status is Status.RUNNING:
        shown["since"] = since
    return shown
