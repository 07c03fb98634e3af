"""What a selection can say of assets: their keys, and what holds of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar

from jobnb.definitions.assets.asset_graph import AssetGraph
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.selection_grammar import Spot
from jobnb.definitions.selections.selection_rules import Compound, Resolution, Rule
from jobnb.definitions.selections.selection_text import (
    is_pattern,
    matcher,
    plain,
    quoted,
    written_key,
)
from jobnb.errors import did_you_mean

__all__ = [
    "AssetRule",
    "Key",
    "Neighbors",
    "Prefix",
    "Standing",
    "UpstreamSources",
    "Where",
    "hint",
    "note",
]

AssetRule = Rule[AssetGraph]
_MOST_HINTS = 10  # looking for the nearest name takes its time


def note(within: Resolution[AssetGraph], spot: Spot | None, message: str) -> None:
    """Note a problem; if it stands in a text, with a mark at the place."""
    within.problems.append(spot.told(message) if spot is not None else message)


def hint(within: Resolution[AssetGraph], name: str, known: Iterable[str]) -> str:
    """What may have been meant."""
    if len(within.problems) >= _MOST_HINTS:
        return ""
    return did_you_mean(name, known, noun="There are")


@dataclass(frozen=True)
class Key(Rule[AssetGraph]):
    """An asset by its key."""

    key: AssetKey
    spot: Spot | None = field(default=None, compare=False, repr=False)

    def numbers(self, within: Resolution[AssetGraph]) -> set[int]:
        """The number of the key."""
        graph = within.graph
        number = graph.index.get(self.key, -1)
        if number in graph.made or number in graph.sources:
            return {number}
        if not within.allow_missing:
            name = self.key.to_user_string()
            have = (graph.keys[each].to_user_string() for each in sorted(graph.scope(True)))
            message = f"There is no asset {name!r}. {hint(within, name, have)}"
            note(within, self.spot, message.rstrip())
        return set()

    def __str__(self) -> str:
        return f"key:{quoted(written_key(self.key))}"


def _marked(text: str, include_sources: bool) -> str:
    return f"with_sources({text})" if include_sources else text


@dataclass(frozen=True)
class Prefix(Rule[AssetGraph]):
    """Assets whose keys begin with a prefix."""

    prefix: AssetKey
    include_sources: bool = False

    def numbers(self, within: Resolution[AssetGraph]) -> set[int]:
        """The numbers of the assets under the prefix."""
        keys, path = within.graph.keys, self.prefix.path
        scope = within.graph.scope(self.include_sources)
        return {number for number in scope if keys[number].has_prefix(path)}

    def with_sources(self) -> AssetRule:
        """The same, where source assets count too."""
        return replace(self, include_sources=True)

    def __str__(self) -> str:
        return _marked(f"key_prefix:{quoted(written_key(self.prefix))}", self.include_sources)


@dataclass(frozen=True)
class Where(Rule[AssetGraph]):
    """Assets of which something holds.

    Attributes:
        what: "key", "key_substring", "group", "owner", "kind" or "tag".
        value: What it should be, as it is written between quotes; None for having none at all.
        tag_value: For a tag, its value; any if None.
        include_sources: Whether source assets count.
        spot: Where it stands in a text. A value that was typed has to be there.
    """

    what: str
    value: str | None
    tag_value: str | None = None
    include_sources: bool = False
    spot: Spot | None = field(default=None, compare=False, repr=False)

    def numbers(self, within: Resolution[AssetGraph]) -> set[int]:
        """The numbers of the assets of which it holds."""
        graph = within.graph
        scope = graph.scope(self.include_sources)
        found = {number for number in scope if self._holds(graph, number)}
        if not found and self.spot is not None and not within.allow_missing:
            self._see_known(within)
        return found

    def _holds(self, graph: AssetGraph, number: int) -> bool:
        texts = list(self._texts(graph, number))
        if self.value is None:
            return not texts
        if self.tag_value is not None:
            tags = graph.attribute(number, "tags_by_key") or {}
            return any(self._matches(name) and self._fits(tags[name]) for name in texts)
        return any(self._matches(text) for text in texts)

    def _texts(self, graph: AssetGraph, number: int) -> Iterable[str]:
        if self.what in ("key", "key_substring"):
            return (graph.keys[number].to_user_string(),)
        if self.what == "group":
            group = graph.groups.get(number)
            return () if group is None else (group,)
        found: Iterable[str] = graph.attribute(number, f"{self.what}s_by_key") or ()
        return found

    def _matches(self, text: str) -> object:
        value = self.value or ""
        return matcher(f"*{value}*" if self.what == "key_substring" else value)(text)

    def _fits(self, tag_value: str) -> object:
        return matcher(self.tag_value or "")(tag_value)

    def _see_known(self, within: Resolution[AssetGraph]) -> None:
        """Note a value that no asset has: whoever typed it meant another."""
        if self.value is None or is_pattern(self.value) or self.what == "key_substring":
            return
        name, graph = plain(self.value), within.graph
        everywhere = sorted(graph.scope(True))
        known = {text: None for number in everywhere for text in self._texts(graph, number)}
        if name not in known:
            meant = hint(within, name, known) or f"No asset has a {self.what}."
            note(within, self.spot, f"There is no {self.what} {name!r}. {meant}")
        elif self.tag_value is not None and not is_pattern(self.tag_value):
            self._see_value(within, name, plain(self.tag_value))

    def _see_value(self, within: Resolution[AssetGraph], name: str, value: str) -> None:
        graph = within.graph
        tags = (graph.attribute(each, "tags_by_key") or {} for each in sorted(graph.scope(True)))
        known = {each[name]: None for each in tags if name in each}
        if value not in known:
            meant = hint(within, value, known)
            note(within, self.spot, f"No asset has the tag {name!r} with {value!r}. {meant}")

    def with_sources(self) -> AssetRule:
        """The same, where source assets count too."""
        return replace(self, include_sources=True)

    def __str__(self) -> str:
        value = "<null>" if self.value is None else quoted(self.value)
        tag_value = "" if self.tag_value is None else f"={quoted(self.tag_value)}"
        return _marked(f"{self.what}:{value}{tag_value}", self.include_sources)


@dataclass(frozen=True)
class Standing(Rule[AssetGraph]):
    """Assets that stand so: `fresh`, `stale`, `missing` or `failed`."""

    ALLOWED: ClassVar[tuple[str, ...]] = ("fresh", "stale", "missing", "failed")

    status: str
    spot: Spot | None = field(default=None, compare=False, repr=False)

    def numbers(self, within: Resolution[AssetGraph]) -> set[int]:
        """The numbers of the assets that stand so."""
        if within.status_of is None:
            message = (
                f"How an asset stands is known to a session only: select it there, as "
                f"session.materialize({str(self)!r}), or give resolve() a function status_of."
            )
            note(within, self.spot, message)
            return set()
        graph, status_of = within.graph, within.status_of
        return {each for each in graph.made if status_of(graph.keys[each]) == self.status}

    def __str__(self) -> str:
        return f"status:{self.status}"


@dataclass(frozen=True)
class UpstreamSources(Compound[AssetGraph]):
    """The source assets that anything a rule names is made from."""

    rule: AssetRule

    def numbers(self, within: Resolution[AssetGraph]) -> set[int]:
        """The numbers of the source assets."""
        graph = within.graph
        return graph.reach(self.rule.numbers(within), graph.upstream) & graph.sources

    def parts(self) -> tuple[AssetRule, ...]:
        """The rule."""
        return (self.rule,)

    def with_sources(self) -> AssetRule:
        """The sources of the rule with source assets."""
        return UpstreamSources(self.rule.with_sources())

    def __str__(self) -> str:
        return f"sources({self.rule})"


@dataclass(frozen=True)
class Neighbors(Compound[AssetGraph]):
    """What a rule names, and what the same functions make with it."""

    rule: AssetRule

    def numbers(self, within: Resolution[AssetGraph]) -> set[int]:
        """The numbers of what is made together; an asset that can be made alone stays alone."""
        graph = within.graph
        return {
            sibling
            for number in self.rule.numbers(within)
            for sibling in (
                {number}
                if getattr(graph.definitions.get(number), "can_subset", False)
                else graph.siblings(number)
            )
        }

    def parts(self) -> tuple[AssetRule, ...]:
        """The rule."""
        return (self.rule,)

    def with_sources(self) -> AssetRule:
        """The neighbors of the rule with source assets."""
        return Neighbors(self.rule.with_sources())

    def __str__(self) -> str:
        return f"neighbors({self.rule})"
