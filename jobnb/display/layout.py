"""The layout of a picture by Graphviz: positions of cards, arrows and frames, in pixels.

The layout depends on the structure alone, so one layout serves every state of a run; the
last few are kept. Names of users never reach the DOT text: nodes are numbered and texts are
boxes of their measured size, so there is nothing to quote.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise, takewhile
from math import ceil, sqrt
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import msgspec

from jobnb.display.picture import Cluster, Picture
from jobnb.display.plain_layout import plain_layout
from jobnb.display.text_metrics import (
    CARD_HEIGHT,
    MARGIN,
    SMALL,
    card_width,
    cluster_width,
    edge_label,
    width,
)

TIME_LIMIT = 10.0
_POINTS = 72.0
_HEAD = (
    "digraph {",
    "graph [rankdir=LR nodesep=0.24 ranksep=0.62 splines=true]",
    f'node [shape=box fixedsize=true label="" height={CARD_HEIGHT / _POINTS:.4f}]',
    "edge [arrowsize=0.7 tailport=e headport=w]",
)


def dot_text(picture: Picture) -> str:
    """Return the picture in the DOT language: `n0`... are its cards, `e0`... its edges.

    Example:
        >>> from jobnb.display.picture import Card, Edge
        >>> text = dot_text(Picture("p", (Card("a", "a"), Card("b", "b")), (Edge("a", "b"),)))
        >>> "n0 -> n1 [id=e0]" in text
        True
    """
    numbers = {card.key: number for number, card in enumerate(picture.cards)}
    lines = [*_HEAD, *_clusters(picture)]
    for number, edge in enumerate(picture.edges):
        if edge.start in numbers and edge.end in numbers:
            attributes = f"id=e{number}{_edge_label(edge_label(edge))}"
            lines.append(f"n{numbers[edge.start]} -> n{numbers[edge.end]} [{attributes}]")
    return "\n".join([*lines, *_grid(picture), "}"])


def _clusters(picture: Picture) -> Iterator[str]:
    """Iterate over the frames, nested as their paths; not recursive, for any depth."""
    titles = {cluster.path: cluster for cluster in picture.clusters}
    known = {
        path: _Frame(number, titles.get(path) or Cluster(path, path[-1]))
        for number, path in enumerate(cluster_paths(picture))
    }
    order = sorted(range(len(picture.cards)), key=lambda n: picture.cards[n].group)
    open_path: tuple[str, ...] = ()
    for number in order:
        card = picture.cards[number]
        yield from _move(open_path, card.group, known)
        open_path = card.group
        yield f"n{number} [width={card_width(card) / _POINTS:.4f}]"
    yield from _move(open_path, (), known)


class _Frame(NamedTuple):
    number: int
    cluster: Cluster


def _move(
    here: tuple[str, ...], there: tuple[str, ...], known: dict[tuple[str, ...], _Frame]
) -> Iterator[str]:
    same = takewhile(lambda parts: parts[0] == parts[1], zip(here, there, strict=False))
    shared = sum(1 for _ in same)
    yield from ("}" for _ in here[shared:])
    for depth in range(shared + 1, len(there) + 1):
        number, cluster = known[there[:depth]]
        yield f"subgraph cluster_{number} {{"
        yield f"graph [margin=14 labeljust=l label={_box(cluster_width(cluster), 15)}]"


def cluster_paths(picture: Picture) -> list[tuple[str, ...]]:
    """Return the path of every frame; the frame at place 3 is called `cluster_3`."""
    paths = {
        card.group[:depth] for card in picture.cards for depth in range(1, len(card.group) + 1)
    }
    return sorted(paths)


def _box(wide: float, high: float) -> str:
    return (
        f'<<TABLE BORDER="0" FIXEDSIZE="TRUE" WIDTH="{ceil(wide)}" HEIGHT="{ceil(high)}">'
        "<TR><TD></TD></TR></TABLE>>"
    )


def _edge_label(label: str) -> str:
    return f" label={_box(width(label, SMALL) + 8, 15)}" if label else ""


def _grid(picture: Picture) -> Iterator[str]:
    """Iterate over hidden arrows that arrange unconnected cards in rows, not in one tall column."""
    joined = {key for edge in picture.edges for key in (edge.start, edge.end)}
    lonely: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, card in enumerate(picture.cards):
        if card.key not in joined:
            lonely[card.group].append(number)
    for numbers in lonely.values():
        if len(numbers) > 3:
            yield from _rows(numbers, ceil(sqrt(len(numbers) * 0.6)))


def _rows(numbers: list[int], columns: int) -> Iterator[str]:
    for start in range(0, len(numbers), columns):
        row = numbers[start : start + columns]
        for left, right in pairwise(row):
            yield f"n{left} -> n{right} [style=invis]"


@lru_cache(maxsize=1)
def dot_program() -> str | None:
    """Return the layout program, or None: graphviz-pure first, then the system's `dot`."""
    name = "graphviz-pure.exe" if os.name == "nt" else "graphviz-pure"
    for folder in _script_folders():
        candidate = Path(folder) / name
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    return shutil.which("graphviz-pure") or shutil.which("dot")


def _script_folders() -> Iterable[str]:
    yield sysconfig.get_path("scripts")
    yield str(Path(sys.executable).parent)
    scheme = f"{os.name}_user"
    if scheme in sysconfig.get_scheme_names():
        yield sysconfig.get_path("scripts", scheme)


def run_dot(text: str, time_limit: float = TIME_LIMIT) -> dict[str, Any] | None:
    """Return the program's output for a DOT text, or None if it is missing or fails."""
    program = dot_program()
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - our own program, fed with text made here
            [program, "-Kdot", "-Tjson0"],
            input=text.encode(),
            capture_output=True,
            timeout=time_limit,
            check=False,
        )
        said = msgspec.json.decode(done.stdout, type=dict[str, Any], strict=False)
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError):
        return None
    return said if done.returncode == 0 and "bb" in said else None


Point = tuple[float, float]


class Box(msgspec.Struct, frozen=True):
    """A rectangle: its top left corner and its size."""

    x: float
    y: float
    width: float
    height: float


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """The curve of an edge: a start and triples of Bezier points; the tip of its arrow.

    Attributes:
        edge: The place of the edge in the picture's edges.
    """

    edge: int
    points: tuple[Point, ...]
    tip: Point
    label_at: Point | None = None


class Frame(msgspec.Struct, frozen=True):
    """The rectangle of a cluster, and the place of its title.

    Attributes:
        title_at: How far from the left side of the frame the title begins.
        title_room: How wide it may be.
    """

    path: tuple[str, ...]
    box: Box
    title_at: float = 12
    title_room: float = 240


class Layout(msgspec.Struct, frozen=True):
    """The positions of everything; frames from the outside in."""

    width: float
    height: float
    boxes: dict[str, Box]
    lines: tuple[Line, ...]
    frames: tuple[Frame, ...]


_KEPT = 32
_MOST_PLAIN = 2_000  # cards that are laid out without the program
_layouts: OrderedDict[str, Layout] = OrderedDict()
_lock = Lock()


def structure_hash(picture: Picture) -> str:
    """Return a hash that is equal for pictures with the same layout."""
    structure = (
        [(c.key, c.title, c.kind, c.subtitle, c.group) for c in picture.cards],
        [(e.start, e.end, e.label) for e in picture.edges],
        [(c.path, c.title) for c in picture.clusters],
    )
    data = repr(structure).encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=16).hexdigest()


def lay_out(picture: Picture) -> Layout | None:
    """Lay out a picture; None of a large one if there is no layout program, or it failed.

    Example:
        >>> from jobnb.display.picture import Card
        >>> layout = lay_out(Picture("p", (Card("a", "a"),)))
        >>> sorted(layout.boxes)
        ['a']
    """
    name = structure_hash(picture)
    with _lock:
        if name in _layouts:
            _layouts.move_to_end(name)
            return _layouts[name]
    said = run_dot(dot_text(picture))
    if said is None:
        if len(picture.cards) > _MOST_PLAIN:
            return None
        said = plain_layout(picture, cluster_paths(picture))
    layout = layout_from_dot(picture, said)
    with _lock:
        _layouts[name] = layout
        while len(_layouts) > _KEPT:
            _layouts.popitem(last=False)
    return layout


def layout_from_dot(picture: Picture, said: dict[str, Any]) -> Layout:
    """Return the layout from the program's JSON, which measures in points from the bottom left."""
    left, bottom, right, top = _numbers(said["bb"])
    shift = _Shift(left - MARGIN, top + MARGIN)
    objects = said.get("objects", [])
    lines = _lines(said.get("edges", []), shift)
    frames = _frames(cluster_paths(picture), objects, shift)
    return Layout(
        width=round(right - left + 2 * MARGIN, 1),
        height=round(top - bottom + 2 * MARGIN, 1),
        boxes=_boxes(picture, objects, shift),
        lines=lines,
        frames=tuple(titled_frames(picture, frames, lines)),
    )


class _Shift:
    """Converts the program's coordinates to ours."""

    def __init__(self, left: float, top: float) -> None:
        self.left = left
        self.top = top

    def __call__(self, x: float, y: float) -> Point:
        return round(x - self.left, 1), round(self.top - y, 1)


def _boxes(picture: Picture, objects: list[dict[str, Any]], shift: _Shift) -> dict[str, Box]:
    boxes = {}
    for found in objects:
        if "pos" in found and found["name"].startswith("n"):
            x, y = shift(*_numbers(found["pos"]))
            wide, high = float(found["width"]) * 72, float(found["height"]) * 72
            key = picture.cards[int(found["name"][1:])].key
            corner = round(x - wide / 2, 1), round(y - high / 2, 1)
            boxes[key] = Box(*corner, round(wide, 1), round(high, 1))
    return boxes


def _frames(
    paths: list[tuple[str, ...]], objects: list[dict[str, Any]], shift: _Shift
) -> tuple[Frame, ...]:
    frames = []
    for found in objects:
        if found["name"].startswith("cluster_") and "bb" in found:
            left, bottom, right, top = _numbers(found["bb"])
            box = Box(*shift(left, top), round(right - left, 1), round(top - bottom, 1))
            path = paths[int(found["name"].removeprefix("cluster_"))]
            frames.append(Frame(path, box))
    return tuple(sorted(frames, key=lambda frame: (len(frame.path), frame.path)))


def _lines(edges: list[dict[str, Any]], shift: _Shift) -> tuple[Line, ...]:
    lines = []
    for found in edges:
        if found.get("style") != "invis" and "pos" in found:
            points, tip = _spline(found["pos"], shift)
            label = shift(*_numbers(found["lp"])) if "lp" in found else None
            lines.append(Line(int(found["id"][1:]), points, tip, label))
    return tuple(sorted(lines, key=lambda line: line.edge))


def _spline(pos: str, shift: _Shift) -> tuple[tuple[Point, ...], Point]:
    """Return the first spline of `e,x,y x,y x,y ...`; the part with `e` is the tip of the arrow."""
    tip: Point | None = None
    points: list[Point] = []
    for part in pos.split(";", 1)[0].split():
        numbers = part.removeprefix("e,").removeprefix("s,")
        point = shift(*_numbers(numbers))
        if part.startswith("e,"):
            tip = point
        elif not part.startswith("s,"):
            points.append(point)
    return tuple(points), tip or points[-1]


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


# --- titles of frames -------------------------------------------------------------

_STRIP = (4.0, 22.0)  # where titles stand, below the upper side of a frame
_LEFT, _RIGHT = 12.0, 26.0  # kept free at the sides; at the right is the sign that folds
_AIR = 3.0
_STEPS = 12  # a curve is followed in so many straight pieces


def titled_frames(
    picture: Picture, frames: Iterable[Frame], lines: Sequence[Line]
) -> Iterator[Frame]:
    """Iterate over frames with titles where no arrow crosses them, as far left as possible."""
    known = {cluster.path: cluster for cluster in picture.clusters}
    for frame in frames:
        wanted = cluster_width(known.get(frame.path) or Cluster(frame.path, frame.path[-1]))
        free = list(_free(frame.box, lines))
        fitting = next((gap for gap in free if gap[1] - gap[0] >= wanted), None)
        start, end = fitting or max(free, key=lambda gap: gap[1] - gap[0])
        at = round(start - frame.box.x, 1)
        yield Frame(frame.path, frame.box, at, round(min(end - start, wanted), 1))


def _free(box: Box, lines: Sequence[Line]) -> Iterator[Point]:
    """Iterate over the stretches below the upper side that no arrow enters, from left to right."""
    top, bottom = box.y + _STRIP[0], box.y + _STRIP[1]
    left, right = box.x + _LEFT, box.x + max(box.width - _RIGHT, _LEFT)
    for start, end in sorted(_crossed(Box(left, top, right - left, bottom - top), lines)):
        if start > left:
            yield left, start
        left = max(left, end)
    yield left, max(left, right)


def _crossed(strip: Box, lines: Iterable[Line]) -> Iterator[Point]:
    """Iterate over the intervals of the strip that the arrows cross."""
    for line in lines:
        for piece in _bends(line):
            if _near(piece, strip):
                yield from _stretches(piece, strip)


def _bends(line: Line) -> Iterator[tuple[Point, ...]]:
    """Iterate over the Bezier curves of a line, and the straight piece to its tip."""
    points = line.points
    yield from (points[at : at + 4] for at in range(0, len(points) - 3, 3))
    yield points[-1], line.tip


def _near(piece: Sequence[Point], strip: Box) -> bool:
    """Whether the points around a curve, which is between them, reach the strip."""
    xs, ys = zip(*piece, strict=True)
    return bool(
        min(xs) < strip.x + strip.width + _AIR
        and max(xs) > strip.x - _AIR
        and min(ys) < strip.y + strip.height
        and max(ys) > strip.y
    )


def _stretches(piece: Sequence[Point], strip: Box) -> Iterator[Point]:
    for (ax, ay), (bx, by) in pairwise(_followed(piece)):
        (low, high) = sorted((ay, by))
        if low < strip.y + strip.height and high > strip.y:
            yield min(ax, bx) - _AIR, max(ax, bx) + _AIR


def _followed(piece: Sequence[Point]) -> Iterator[Point]:
    if len(piece) < 4:
        yield from piece
        return
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = piece
    for step in range(_STEPS + 1):
        t = step / _STEPS
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        yield a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy
