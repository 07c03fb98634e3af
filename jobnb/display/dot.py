"""DOT text from a picture, and the program that lays it out.

Names of users never reach the DOT text: nodes are numbered and texts are boxes of their
measured size, so there is nothing to quote.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise, takewhile
from math import ceil, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from jobnb.display.measure import width
from jobnb.display.picture import Cluster, Picture
from jobnb.display.sizes import (
    CARD_HEIGHT,
    SMALL,
    card_width,
    cluster_width,
    edge_label,
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
    """The picture in the DOT language: `n0`... are its cards, `e0`... its edges.

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
    """Frames, nested as their paths are; written without recursion, whatever the depth."""
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
    """The path of every frame; the frame at place 3 is called `cluster_3`."""
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
    """Unseen arrows that set cards without arrows in rows, not in one tall column."""
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
    """The program that lays graphs out, or None: graphviz-pure first, then a system `dot`."""
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
    """What the program says of a DOT text, or None if it is not there or does not manage."""
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
