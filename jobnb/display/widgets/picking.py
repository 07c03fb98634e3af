"""What is selected in a graph, and how it is said in the selection syntax."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.op_selection import resolve_op_selection
from jobnb.definitions.selections.selection_text import quoted, written, written_key
from jobnb.display.attempt import attempt
from jobnb.display.picture import Card, Picture

__all__ = ["Reach", "selection_text"]


class Reach:
    """Who is made from whom in a picture.

    Example:
        >>> from jobnb.display.picture import Edge
        >>> cards = tuple(Card(key, key) for key in "abc")
        >>> reach = Reach(Picture("p", cards, (Edge("a", "b"), Edge("b", "c"))))
        >>> reach.of(["b"], upstream=True)
        ['a', 'b']
    """

    def __init__(self, picture: Picture) -> None:
        self._order = {card.key: place for place, card in enumerate(picture.cards)}
        self._outside = {c.key for c in picture.cards if c.shape in ("source", "missing")}
        self._before: dict[str, set[str]] = defaultdict(set)
        self._after: dict[str, set[str]] = defaultdict(set)
        for edge in picture.edges:
            self._before[edge.end].add(edge.start)
            self._after[edge.start].add(edge.end)

    def of(
        self, keys: Iterable[str], *, upstream: bool = False, downstream: bool = False
    ) -> list[str]:
        """The cards, with all that they are made from, all that is made from them, or both.

        Those that nothing here makes come along only where they are named.
        """
        chosen = {key for key in keys if key in self._order}
        found = set(chosen)
        for wanted, steps in ((upstream, self._before), (downstream, self._after)):
            if wanted:
                found |= _walk(chosen, steps) - self._outside
        return sorted(found, key=self._order.__getitem__)


def _walk(start: Iterable[str], steps: dict[str, set[str]]) -> set[str]:
    found, waiting = set(start), list(start)
    while waiting:
        for key in steps.get(waiting.pop(), ()):
            if key not in found:
                found.add(key)
                waiting.append(key)
    return found


def selection_text(
    picture: Picture, keys: Sequence[str], *, upstream: bool = False, downstream: bool = False
) -> str:
    """The selection as one types it: `*orders or group:load`.

    Example:
        >>> picture = Picture("p", (Card("a", "a", shape="asset"), Card("b", "b", shape="asset")))
        >>> selection_text(picture, ["a", "b"], upstream=True)
        '*a or *b'
    """
    if not keys:
        return ""
    of_assets = any(card.shape == "asset" for card in picture.cards)
    names = _asset_terms(picture.cards, keys) if of_assets else _op_terms(picture.cards, keys)
    text = " or ".join(_marked(term, upstream, downstream) for term in names)
    if not of_assets and (upstream or downstream) and any(card.group for card in picture.cards):
        reached = Reach(picture).of(keys, upstream=upstream, downstream=downstream)
        if not _means(text, picture, reached):
            return " or ".join(_op_terms(picture.cards, reached))
    return text


def _means(text: str, picture: Picture, keys: Sequence[str]) -> bool:
    """Whether a text selects just these ops: one that reaches a graph takes all of it."""
    above: dict[str, set[str]] = defaultdict(set)
    for edge in picture.edges:
        above[edge.end].add(edge.start)
    names = [card.key for card in picture.cards]
    return attempt(lambda: resolve_op_selection([text], names, above) == set(keys), False)


def _marked(term: str, upstream: bool, downstream: bool) -> str:
    """A term with all that is above or below it: after a colon, `*` would be a wildcard."""
    mark = "+" if term.startswith("group:") else "*"
    return f"{mark if upstream else ''}{term}{mark if downstream else ''}"


def _asset_terms(cards: Sequence[Card], keys: Sequence[str]) -> Iterable[str]:
    """The keys; a group's name where all of it is meant."""
    whole = _whole_groups(cards, keys, lambda card: card.group[:1])
    yield from (f"group:{quoted(written(path[0]))}" for path in whole)
    covered = {key for members in whole.values() for key in members}
    for key in keys:
        if key not in covered:
            yield quoted(written_key(AssetKey.from_user_string(key)))


def _op_terms(cards: Sequence[Card], keys: Sequence[str]) -> Iterable[str]:
    """The step keys; a nested graph's name where all of it is meant."""
    whole = _whole_groups(cards, keys, lambda card: card.group[:1])
    yield from (path[0] for path in whole)
    covered = {key for members in whole.values() for key in members}
    yield from (key for key in keys if key not in covered)


def _whole_groups(
    cards: Sequence[Card], keys: Sequence[str], group_of: Callable[[Card], tuple[str, ...]]
) -> dict[tuple[str, ...], list[str]]:
    """The groups of more than one card, all of whose cards are among the keys."""
    members: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for card in cards:
        if card.group and card.shape not in ("source", "missing"):
            members[group_of(card)].append(card.key)
    chosen = set(keys)
    return {
        path: held
        for path, held in members.items()
        if path and len(held) > 1 and chosen.issuperset(held)
    }
