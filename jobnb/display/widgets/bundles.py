"""Groups for large pictures that have none, or too many: what lies side by side, bundled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import ceil

import msgspec

from jobnb.display.folding import levels
from jobnb.display.picture import Card, Cluster, Picture

__all__ = ["bundled"]

_BUNDLES = 24  # how many stand for all that lie at one place
_LEAST = 12  # the smallest bundle worth folding

Path = tuple[str, ...]


class _Placed:
    """A card and its path; bundles put into the path are told from what the user grouped."""

    __slots__ = ("card", "own", "path")

    def __init__(self, card: Card) -> None:
        self.card = card
        self.path: list[str] = list(card.group)
        self.own = [True] * len(card.group)

    def put(self, level: int, name: str) -> None:
        self.path.insert(level, name)
        self.own.insert(level, False)

    def unit(self, level: int) -> Path | str:
        """What it belongs to at this level: a group, or itself."""
        return tuple(self.path[: level + 1]) if len(self.path) > level else self.card.key


def bundled(picture: Picture, most: int) -> Picture:
    """The picture with no more than `most` cards or groups at any one place.

    Those further along the arrows lie in later bundles, so bundles follow each other as their
    cards do. A picture that has no more than `most` cards stays as it is.
    """
    if len(picture.cards) <= most:
        return picture
    placed = [_Placed(card) for card in picture.cards]
    depth = levels(picture)
    waiting: list[tuple[list[_Placed], int]] = [(placed, 0)]
    while waiting:
        held, level = waiting.pop()
        units = _units(held, level)
        # One bundle of everything would be bundled again, and again.
        if len(units) > max(most, _LEAST):
            _bundle(units, level, depth)
            units = _units(held, level)
        waiting += [
            (inner, level + 1) for where, inner in units.items() if isinstance(where, tuple)
        ]
    cards = tuple(msgspec.structs.replace(p.card, group=tuple(p.path)) for p in placed)
    return msgspec.structs.replace(picture, cards=cards, clusters=_clusters(picture, placed))


def _units(held: Sequence[_Placed], level: int) -> dict[Path | str, list[_Placed]]:
    units: dict[Path | str, list[_Placed]] = defaultdict(list)
    for each in held:
        units[each.unit(level)].append(each)
    return units


def _bundle(units: dict[Path | str, list[_Placed]], level: int, depth: dict[str, int]) -> None:
    order = sorted(units.values(), key=lambda held: min(depth[p.card.key] for p in held))
    size = max(_LEAST, ceil(len(order) / _BUNDLES))
    taken: set[str] = set()
    for start in range(0, len(order), size):
        part = order[start : start + size]
        name = _name(part[0][0], part[-1][-1], level, taken)
        for each in (p for held in part for p in held):
            each.put(level, name)


def _name(first: _Placed, last: _Placed, level: int, taken: set[str]) -> str:
    ends = [p.path[level] if len(p.path) > level else p.card.title for p in (first, last)]
    name = base = f"{ends[0]} … {ends[1]}"
    while name in taken:
        name = f"{base} ({len(taken) + 1})"
    taken.add(name)
    return name


def _clusters(picture: Picture, placed: Sequence[_Placed]) -> tuple[Cluster, ...]:
    """The frames that had titles of their own, at their new paths."""
    moved = {old: new for each in placed for old, new in _moves(each)}
    return tuple(
        msgspec.structs.replace(cluster, path=moved[cluster.path])
        for cluster in picture.clusters
        if cluster.path in moved
    )


def _moves(each: _Placed) -> Iterator[tuple[Path, Path]]:
    """Each frame around a card: its path before, and after."""
    own = 0
    for place, is_own in enumerate(each.own, start=1):
        if is_own:
            own += 1
            yield each.card.group[:own], tuple(each.path[:place])
