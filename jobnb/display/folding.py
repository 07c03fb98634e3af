"""Fold large pictures: groups become one card each until the picture is readable.

Where a picture has no groups, or too many, what lies side by side is bundled first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from math import ceil

import msgspec

from jobnb.display.picture import NO_CHECKS, UNMARKED, Card, Cluster, Edge, Mark, Picture, Status

Path = tuple[str, ...]

MOST_CARDS = 300  # The most cards drawn at once, whatever is opened.
FEW = 60  # Up to this many cards, nothing is folded at first.
_MANY = 200  # Beyond this many, groups are always folded.
_PAGE_COLUMNS, _PAGE_ROWS = 8, 7  # The width that a page shows at a readable size.
_PAGES = 4  # The number of pages that can be panned comfortably.
_BUNDLES = 7  # About how many bundles replace the cards at one level.
# A folded card shows the first of these statuses that any of its members has.
_ORDER = (
    Status.FAILED,
    Status.RUNNING,
    Status.BLOCKED,
    Status.CANCELED,
    Status.QUEUED,
    Status.CHANGED,
    Status.REMOVED,
    Status.ADDED,
    Status.MISSING,
    Status.STALE,
    Status.SKIPPED,
    Status.NONE,
    Status.SUCCEEDED,
)


def fold_picture(picture: Picture) -> Picture:
    """Fold a picture's groups if it cannot be read at once.

    Example:
        >>> cards = tuple(Card(f"a{i}", f"a{i}", group=("load",)) for i in range(400))
        >>> folded = fold_picture(Picture("p", (*cards, Card("b", "b"))))
        >>> [card.title for card in folded.cards]
        ['load', 'b']
    """
    return Folds(picture).shown()


class Folds:
    """A picture, and which of its groups are folded.

    One that is too large to be read at once starts with its groups folded; opening one later
    folds those opened longest ago, so that what is drawn stays quick.

    Args:
        picture: All cards.
        most: How many are drawn at once, and where folding begins; if left out, folding begins
            where a picture would fill several pages.

    Example:
        >>> cards = tuple(Card(f"a{i}", f"a{i}", group=(f"g{i % 2}",)) for i in range(4))
        >>> folds = Folds(Picture("p", cards), most=3)
        >>> [card.title for card in folds.shown().cards]
        ['g0', 'g1']
        >>> folds.open(("g1",))
        >>> [card.title for card in folds.shown().cards]
        ['g0', 'a1', 'a3']
    """

    def __init__(self, picture: Picture, most: int | None = None) -> None:
        self.picture = picture
        self.folded: set[Path] = set()
        self._limit = most
        self._most = most or MOST_CARDS
        self._opened: list[Path] = []
        self._closed: set[Path] = set()
        self._depth = levels(picture)
        if self._too_large(picture.cards):
            self.picture = bundled(picture, most)
            self._fold_at_first()

    def _fold_at_first(self) -> None:
        """Fold all groups; if one contains everything, its inner groups instead."""
        path: Path = ()
        while self.folded == {path} or not path:
            self.folded = self._inner(path)
            units = {_unit(card, len(path)) for card in self.picture.cards}
            if len(units) > 1 or not self.folded:
                return
            (path,) = self.folded

    def renewed(self, picture: Picture) -> Folds:
        """Return the folds of a picture that replaces this one: opened groups stay open."""
        folds = Folds(picture, self._limit)
        for path in self._opened:
            if path in folds.folded:
                folds.open(path)
        for path in self._closed:
            folds.fold(path)
        return folds

    def fold(self, path: Path) -> None:
        """Show the group as one card."""
        self._closed.add(path)
        self._fold(path)

    def _fold(self, path: Path) -> None:
        if any(card.group[: len(path)] == path for card in self.picture.cards):
            self.folded.add(path)
            self._opened = [each for each in self._opened if each != path]

    def open(self, path: Path) -> None:
        """Show the contents of a group; its inner groups stay folded if there is too much."""
        for depth in range(1, len(path) + 1):
            self._open(path[:depth])
            self._closed.discard(path[:depth])
        self._opened = [*(each for each in self._opened if each != path), path]
        if self._count() > self._most:
            around = [path[:depth] for depth in range(1, len(path) + 1)]
            self.folded |= {inner for each in around for inner in self._inner(each)} - {*around}
        while self._count() > self._most and len(self._opened) > 1:
            oldest = next((p for p in self._opened if p != path[: len(p)]), None)
            if oldest is None:
                break
            self._fold(oldest)

    def _open(self, path: Path) -> None:
        if path not in self.folded:
            return
        self.folded.remove(path)
        held = [card for card in self.picture.cards if card.group[: len(path)] == path]
        if self._too_large(held, outer=len(path)):
            self.folded |= self._inner(path)

    def _inner(self, path: Path) -> set[Path]:
        size = len(path)
        groups = {card.group for card in self.picture.cards if card.group[:size] == path}
        return {group[: size + 1] for group in groups if len(group) > size}

    def reveal(self, key: str) -> bool:
        """Open the groups that hide a card; return whether anything changed."""
        group = next((card.group for card in self.picture.cards if card.key == key), ())
        if not any(group[:depth] in self.folded for depth in range(1, len(group) + 1)):
            return False
        self.open(group)
        return True

    def _count(self) -> int:
        return len({_place(card, self.folded) or card.key for card in self.picture.cards})

    def _too_large(self, cards: Sequence[Card], outer: int = 0) -> bool:
        places = [(card.group[outer : outer + 1], self._depth[card.key]) for card in cards]
        return _too_large(places, self._limit)

    def shown(self) -> Picture:
        """Return the picture to draw."""
        return folded_picture(self.picture, self.folded)


def fold_key(path: Path) -> str:
    """Return the key of the card that stands for a folded group."""
    return "fold:" + "/".join(path)


def _unit(card: Card, level: int) -> Path | str:
    """Return what a card belongs to at this level: a group, or itself."""
    return card.group[: level + 1] if len(card.group) > level else card.key


def _place(card: Card, folded: Collection[Path]) -> Path | None:
    """Return the outermost folded group of a card."""
    paths = (card.group[:depth] for depth in range(1, len(card.group) + 1))
    return next((path for path in paths if path in folded), None) if folded else None


# --- what is too large ----------------------------------------------------------


def levels(picture: Picture) -> dict[str, int]:
    """Return the longest path before each card; cards in a circle stay where they are met.

    A root is placed just before the first card that needs it, as it is drawn.
    """
    after: dict[str, list[str]] = defaultdict(list)
    waiting = {card.key: 0 for card in picture.cards}
    for edge in picture.edges:
        if edge.start in waiting and edge.end in waiting:
            after[edge.start].append(edge.end)
            waiting[edge.end] += 1
    depth = {card.key: 0 for card in picture.cards}
    roots = [key for key, count in waiting.items() if not count]
    ready = list(roots)
    while ready:
        key = ready.pop()
        for other in after[key]:
            depth[other] = max(depth[other], depth[key] + 1)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    for key in roots:
        depth[key] = max(0, min((depth[other] for other in after[key]), default=0) - 1)
    return depth


def _too_large(places: Sequence[tuple[Path, int]], most: int | None = None) -> bool:
    """Whether cards with these groups and levels are too many to read."""
    if most is not None:
        return len(places) > most
    return len(places) > _MANY or (len(places) > FEW and _pages(places) > _PAGES)


def _pages(places: Iterable[tuple[Path, int]]) -> int:
    """Estimate how many pages the cards fill: a frame reserves its rows over its whole length."""
    groups: dict[Path, Counter[int]] = defaultdict(Counter)
    for group, level in places:
        groups[group][level] += 1
    rows: Counter[int] = groups.pop((), Counter())
    for counts in groups.values():
        tallest = max(counts.values())
        rows.update(dict.fromkeys(range(min(counts), max(counts) + 1), tallest))
    if not rows:
        return 0
    return ceil(len(rows) / _PAGE_COLUMNS) * ceil(max(rows.values()) / _PAGE_ROWS)


# --- bundles --------------------------------------------------------------------


class _Placed:
    """A card and its path, in which bundles are distinguished from the user's groups."""

    __slots__ = ("card", "own", "path")

    def __init__(self, card: Card) -> None:
        self.card = card
        self.path: list[str] = list(card.group)
        self.own = [True] * len(card.group)

    def put(self, level: int, name: str) -> None:
        self.path.insert(level, name)
        self.own.insert(level, False)

    def unit(self, level: int) -> Path | str:
        """Return its group at this level, or itself."""
        return tuple(self.path[: level + 1]) if len(self.path) > level else self.card.key


def bundled(picture: Picture, most: int | None = None) -> Picture:
    """Bundle cards, so that no place has more cards or groups than can be read.

    Those further along the arrows are in later bundles, so bundles follow each other as their
    cards do.

    Args:
        picture: All cards.
        most: How many are too many, if that is not to be found out from their arrows.
    """
    placed = [_Placed(card) for card in picture.cards]
    depth = levels(picture)
    waiting: list[tuple[list[_Placed], int]] = [(placed, 0)]
    while waiting:
        held, level = waiting.pop()
        units = _units(held, level)
        starts = [((), min(depth[p.card.key] for p in each)) for each in units.values()]
        # One bundle of everything would be bundled again, and again.
        if len(units) > _BUNDLES and _too_large(starts, most):
            _bundle(units, level, depth, most or FEW)
            units = _units(held, level)
        waiting += [
            (inner, level + 1) for where, inner in units.items() if isinstance(where, tuple)
        ]
    cards = tuple(msgspec.structs.replace(p.card, group=tuple(p.path)) for p in placed)
    return msgspec.structs.replace(picture, cards=cards, clusters=_clusters(picture, placed))


Unit = list[_Placed]


def _units(held: Sequence[_Placed], level: int) -> dict[Path | str, Unit]:
    units: dict[Path | str, Unit] = defaultdict(list)
    for each in held:
        units[each.unit(level)].append(each)
    return units


def _bundle(
    units: Mapping[Path | str, Unit], level: int, depth: Mapping[str, int], most: int
) -> None:
    taken: set[str] = set()
    for part in _parts(list(units.values()), depth, most):
        if len(part) > 1:
            name = _name(part[0][0], part[-1][-1], level, taken)
            for each in (p for held in part for p in held):
                each.put(level, name)


def _parts(units: Sequence[Unit], depth: Mapping[str, int], most: int) -> list[list[Unit]]:
    """Split units into parts of about equal size in the order of the arrows."""

    def start(held: Unit) -> int:
        return min(depth[each.card.key] for each in held)

    order = sorted(units, key=start)
    size = ceil(len(order) / _BUNDLES)
    parts: list[list[Unit]] = [[]]
    for _, found in groupby(order, key=start):
        same = list(found)
        if len(same) >= size:
            parts += [*_chunks(same, size), []]
        elif len(parts[-1]) + len(same) > size:
            parts.append(same)
        else:
            parts[-1] += same
    parts = [part for part in parts if part]
    return parts if len(parts) <= most else _chunks(order, size)


def _chunks(units: Sequence[Unit], size: int) -> list[list[Unit]]:
    """Split into parts of the same size, give or take one."""
    count = ceil(len(units) / size)
    ends = [len(units) * place // count for place in range(count + 1)]
    return [list(units[start:end]) for start, end in pairwise(ends)]


def _name(first: _Placed, last: _Placed, level: int, taken: set[str]) -> str:
    ends = [p.path[level] if len(p.path) > level else p.card.title for p in (first, last)]
    name = base = f"{ends[0]} … {ends[1]}"
    while name in taken:
        name = f"{base} ({len(taken) + 1})"
    taken.add(name)
    return name


def _clusters(picture: Picture, placed: Sequence[_Placed]) -> tuple[Cluster, ...]:
    """Return the frames that had titles of their own, at their new paths."""
    moved = {old: new for each in placed for old, new in _moves(each)}
    return tuple(
        msgspec.structs.replace(cluster, path=moved[cluster.path])
        for cluster in picture.clusters
        if cluster.path in moved
    )


def _moves(each: _Placed) -> Iterator[tuple[Path, Path]]:
    """Iterate over each frame around a card: its path before, and after."""
    own = 0
    for place, is_own in enumerate(each.own, start=1):
        if is_own:
            own += 1
            yield each.card.group[:own], tuple(each.path[:place])


# --- folded cards ---------------------------------------------------------------


def folded_picture(picture: Picture, folded: Collection[Path]) -> Picture:
    """Return the picture with one card in the place of each folded group."""
    if not folded:
        return picture
    members: dict[Path | str, list[Card]] = defaultdict(list)
    for card in picture.cards:
        members[_place(card, folded) or card.key].append(card)
    cards = [
        _group_card(where, held, picture.clusters) if isinstance(where, tuple) else held[0]
        for where, held in members.items()
    ]
    places = {key: card.key for card in cards for key in (card.members or (card.key,))}
    return msgspec.structs.replace(
        picture,
        cards=tuple(cards),
        edges=tuple(_edges(picture, places)),
        clusters=tuple(c for c in picture.clusters if not _inside(c.path, folded)),
        marks=marks_of(cards, picture.marks),
    )


def marks_of(cards: Iterable[Card], marks: Mapping[str, Mark]) -> dict[str, Mark]:
    """Return the marks of cards; a folded card combines its members'."""
    return {card.key: combined_mark(card, marks) for card in cards}


def _inside(path: Path, folded: Collection[Path]) -> bool:
    return any(path[:depth] in folded for depth in range(1, len(path) + 1))


def _group_card(path: Path, held: list[Card], clusters: Iterable[Cluster]) -> Card:
    cluster = next((each for each in clusters if each.path == path), None)
    shapes = {card.shape for card in held}
    noun = "asset" if shapes <= {"asset", "source", "missing"} else "op"
    title = cluster.title if cluster else path[-1]
    return Card(
        key=fold_key(path),
        title=title,
        kind=f"{len(held)} {noun}s" if len(held) > 1 else f"1 {noun}",
        shape="folded",
        group=path[:-1],
        tooltip="\n".join([title, *(card.title for card in held[:20])]),
        members=tuple(card.key for card in held),
    )


def _edges(picture: Picture, places: Mapping[str, str]) -> Iterable[Edge]:
    """Iterate over the edges between visible cards; parallel edges of folded cards become one."""
    joined: dict[tuple[str, str], None] = {}
    for edge in picture.edges:
        start, end = places.get(edge.start), places.get(edge.end)
        if start == edge.start and end == edge.end:
            yield edge
        elif start and end and start != end:
            joined[start, end] = None
    yield from (Edge(*ends) for ends in joined)


def gravest(statuses: Iterable[Status]) -> Status:
    """Return the most severe of several statuses."""
    found = set(statuses)
    return next((status for status in _ORDER if status in found), Status.NONE)


def combined_mark(card: Card, marks: Mapping[str, Mark]) -> Mark:
    """Return the mark of a folded card: the most severe status, and how many members have it.

    Example:
        >>> held = {"a": Mark(Status.SUCCEEDED), "b": Mark(Status.RUNNING)}
        >>> combined_mark(Card("f", "f", members=("a", "b", "c")), held).detail
        '1 of 3 done'
    """
    if not card.members:
        return marks.get(card.key, UNMARKED)
    counts = Counter(marks.get(key, UNMARKED).status for key in card.members)
    status, many, done = gravest(counts), len(card.members), counts[Status.SUCCEEDED]
    checks = sum((marks[key].checks for key in card.members if key in marks), NO_CHECKS)
    if status in (Status.RUNNING, Status.QUEUED) or (done and status is Status.NONE):
        return Mark(status, f"{done} of {many} done", checks=checks)
    if status in (Status.NONE, Status.SUCCEEDED):
        return Mark(status, checks=checks)
    return Mark(status, f"{counts[status]} {status.value}", checks=checks)
