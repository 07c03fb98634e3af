"""Large pictures made small: past a few hundred cards, many are folded to one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from math import ceil

import msgspec

from jobnb.display.picture import NO_CHECKS, UNMARKED, Card, Edge, Mark, Picture, Status

__all__ = ["MOST_CARDS", "combined_mark", "fold_picture", "gravest", "levels"]

MOST_CARDS = 300
_BUNDLES = 24
# What a folded card shows is the first of these that any of its members is in.
_ORDER = (
    Status.FAILED,
    Status.RUNNING,
    Status.CANCELED,
    Status.QUEUED,
    Status.MISSING,
    Status.STALE,
    Status.SKIPPED,
    Status.NONE,
    Status.SUCCEEDED,
)


def fold_picture(picture: Picture, most: int = MOST_CARDS) -> Picture:
    """The picture itself if it is small, else one with a card for each group.

    Where groups are missing or do not help, cards that lie equally far downstream are folded.

    Example:
        >>> cards = tuple(Card(f"a{i}", f"a{i}", group=("load",)) for i in range(400))
        >>> folded = fold_picture(Picture("p", (*cards, Card("b", "b"))))
        >>> [card.title for card in folded.cards]
        ['load', 'b']
    """
    if len(picture.cards) <= most:
        return picture
    by_group = _folded(picture, lambda card: ("group", card.group[0]) if card.group else None)
    if 1 < len(by_group.cards) <= most:
        return by_group
    depth = levels(picture)
    step = max(1, ceil((max(depth.values(), default=0) + 1) / _BUNDLES))
    return _folded(picture, lambda card: ("level", str(depth[card.key] // step)))


def levels(picture: Picture) -> dict[str, int]:
    """How many arrows lie before each card, at most; cards in a circle stay where they are met."""
    after: dict[str, list[str]] = defaultdict(list)
    waiting = {card.key: 0 for card in picture.cards}
    for edge in picture.edges:
        if edge.start in waiting and edge.end in waiting:
            after[edge.start].append(edge.end)
            waiting[edge.end] += 1
    depth = {card.key: 0 for card in picture.cards}
    ready = [key for key, count in waiting.items() if not count]
    while ready:
        key = ready.pop()
        for other in after[key]:
            depth[other] = max(depth[other], depth[key] + 1)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return depth


Bundle = tuple[str, str]


def _folded(picture: Picture, bundle_of: Callable[[Card], Bundle | None]) -> Picture:
    bundles: dict[Bundle | str, list[Card]] = defaultdict(list)
    for card in picture.cards:
        bundles[bundle_of(card) or card.key].append(card)
    cards = [_bundle_card(name, members) for name, members in bundles.items()]
    place = {key: card.key for card in cards for key in (card.members or (card.key,))}
    marks = {card.key: combined_mark(card, picture.marks) for card in cards}
    return msgspec.structs.replace(
        picture,
        cards=tuple(cards),
        edges=_joined(picture, place),
        clusters=(),
        marks={key: mark for key, mark in marks.items() if mark != UNMARKED},
    )


def _bundle_card(name: Bundle | str, members: list[Card]) -> Card:
    if len(members) == 1:
        return msgspec.structs.replace(members[0], group=())
    first, last = members[0], members[-1]
    by_group = isinstance(name, tuple) and name[0] == "group"
    title = name[1] if by_group else f"{first.title} … {last.title}"
    return Card(
        key="fold:" + ":".join(name),
        title=title,
        kind=f"{len(members)} {_noun(members)}",
        shape="folded",
        tooltip="\n".join([title, *(card.title for card in members[:20])]),
        members=tuple(card.key for card in members),
    )


def _noun(members: list[Card]) -> str:
    shapes = {card.shape for card in members}
    if shapes <= {"asset", "source", "missing"}:
        return "assets"
    return "ops" if shapes == {"op"} else "steps"


def _joined(picture: Picture, place: Mapping[str, str]) -> tuple[Edge, ...]:
    """One edge for all that lead from one folded card to another."""
    counts: Counter[tuple[str, str]] = Counter()
    for edge in picture.edges:
        start, end = place.get(edge.start), place.get(edge.end)
        if start and end and start != end:
            counts[start, end] += 1
    return tuple(Edge(start, end) for start, end in counts)


def gravest(statuses: Iterable[Status]) -> Status:
    """Of several states, the one to know of first."""
    found = set(statuses)
    return next((status for status in _ORDER if status in found), Status.NONE)


def combined_mark(card: Card, marks: Mapping[str, Mark]) -> Mark:
    """The state of a folded card: the gravest of its members', and how many are done."""
    if not card.members:
        return marks.get(card.key, UNMARKED)
    counts = Counter(marks.get(key, UNMARKED).status for key in card.members)
    status = gravest(counts)
    checks = sum((marks[key].checks for key in card.members if key in marks), NO_CHECKS)
    if status in (Status.NONE, Status.SUCCEEDED):
        return Mark(status, checks=checks)
    if status in (Status.RUNNING, Status.QUEUED):
        return Mark(status, f"{counts[Status.SUCCEEDED]} done", checks=checks)
    return Mark(status, f"{counts[status]} {status.value}", checks=checks)
