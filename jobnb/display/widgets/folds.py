"""Which groups of a picture are folded to one card, and the picture that is left to draw."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping

import msgspec

from jobnb.display.folding import MOST_CARDS, combined_mark
from jobnb.display.picture import Card, Cluster, Edge, Mark, Picture
from jobnb.display.widgets.bundles import bundled

__all__ = ["Folds", "Path", "fold_key", "folded_picture"]

Path = tuple[str, ...]


class Folds:
    """A picture, and which of its groups are folded.

    A picture of more than `most` cards starts with all groups folded; opening one then folds
    those opened longest ago, so that what is drawn stays readable and quick.

    Args:
        picture: All cards.
        most: How many are drawn at once.

    Example:
        >>> cards = tuple(Card(f"a{i}", f"a{i}", group=(f"g{i % 2}",)) for i in range(4))
        >>> folds = Folds(Picture("p", cards), most=3)
        >>> [card.title for card in folds.shown().cards]
        ['g0', 'g1']
        >>> folds.open(("g1",))
        >>> [card.title for card in folds.shown().cards]
        ['g0', 'a1', 'a3']
    """

    def __init__(self, picture: Picture, most: int = MOST_CARDS) -> None:
        self.picture = bundled(picture, most)
        self.folded: set[Path] = set()
        self._most = most
        self._opened: list[Path] = []
        if len(picture.cards) > most:
            self.folded = {card.group[:1] for card in self.picture.cards if card.group}

    def fold(self, path: Path) -> None:
        """Show the group as one card."""
        if any(card.group[: len(path)] == path for card in self.picture.cards):
            self.folded.add(path)
            self._opened = [each for each in self._opened if each != path]

    def open(self, path: Path) -> None:
        """Show what is in the group; its inner groups stay folded where there is too much."""
        self._open(path)
        if self._count() > self._most:
            around = [path[:depth] for depth in range(1, len(path) + 1)]
            self.folded |= {inner for each in around for inner in self._inner(each)} - {*around}
        while self._count() > self._most and len(self._opened) > 1:
            oldest = next((p for p in self._opened if p != path[: len(p)]), None)
            if oldest is None:
                break
            self.fold(oldest)

    def _open(self, path: Path) -> None:
        """Open it and all around it."""
        for depth in range(1, len(path) + 1):
            self.folded.discard(path[:depth])
        self._opened = [*(each for each in self._opened if each != path), path]

    def _inner(self, path: Path) -> set[Path]:
        size = len(path)
        groups = {card.group for card in self.picture.cards if card.group[:size] == path}
        return {group[: size + 1] for group in groups if len(group) > size}

    def reveal(self, key: str) -> bool:
        """Open what hides a card; tells whether that changed anything."""
        group = next((card.group for card in self.picture.cards if card.key == key), ())
        if not any(group[:depth] in self.folded for depth in range(1, len(group) + 1)):
            return False
        self.open(group)
        return True

    def _count(self) -> int:
        return len({_place(card, self.folded) or card.key for card in self.picture.cards})

    def shown(self) -> Picture:
        """What is to be drawn."""
        return folded_picture(self.picture, self.folded)


def fold_key(path: Path) -> str:
    """The key of the card that stands for a folded group."""
    return "fold:" + "/".join(path)


def _place(card: Card, folded: Collection[Path]) -> Path | None:
    """The outermost folded group that the card lies in."""
    paths = (card.group[:depth] for depth in range(1, len(card.group) + 1))
    return next((path for path in paths if path in folded), None) if folded else None


def folded_picture(picture: Picture, folded: Collection[Path]) -> Picture:
    """The picture with one card in the place of each folded group."""
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
    """The marks of cards, those of folded ones put together from their members'."""
    return {card.key: combined_mark(card, marks) for card in cards}


def _inside(path: Path, folded: Collection[Path]) -> bool:
    return any(path[:depth] in folded for depth in range(1, len(path) + 1))


def _group_card(path: Path, held: list[Card], clusters: Iterable[Cluster]) -> Card:
    cluster = next((each for each in clusters if each.path == path), None)
    shapes = {card.shape for card in held}
    noun = "asset" if shapes <= {"asset", "source", "missing"} else "op"
    return Card(
        key=fold_key(path),
        title=cluster.title if cluster else path[-1],
        kind=f"{len(held)} {noun}s" if len(held) > 1 else f"1 {noun}",
        shape="folded",
        group=path[:-1],
        members=tuple(card.key for card in held),
    )


def _edges(picture: Picture, places: Mapping[str, str]) -> Iterable[Edge]:
    """Edges between what is shown; one for all that lead from one folded card to another."""
    joined: Counter[tuple[str, str]] = Counter()
    for edge in picture.edges:
        start, end = places.get(edge.start), places.get(edge.end)
        if start == edge.start and end == edge.end:
            yield edge
        elif start and end and start != end:
            joined[start, end] += 1
    yield from (Edge(*ends) for ends in joined)
