"""Assets and who is made from whom, by integer index: what selections are resolved over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from jobnb.definitions.keys import AssetKey

__all__ = ["AssetGraph", "AssetLike", "SourceAssetLike"]


@runtime_checkable
class AssetLike(Protocol):
    """What the graph asks of an assets definition."""

    @property
    def keys(self) -> Iterable[AssetKey]:
        """The assets it makes."""

    @property
    def asset_deps(self) -> Mapping[AssetKey, Iterable[AssetKey]]:
        """For each of them, those it is made from."""

    @property
    def group_names_by_key(self) -> Mapping[AssetKey, str]:
        """The group of each."""


@runtime_checkable
class SourceAssetLike(Protocol):
    """What the graph asks of a source asset."""

    @property
    def key(self) -> AssetKey:
        """Its key."""

    @property
    def group_name(self) -> str | None:
        """The group it belongs to."""


class AssetGraph:
    """The assets of a catalogue, numbered, with edges both ways.

    Assets that are only named as upstream of others have a number too; they are neither made
    here nor sources.

    Args:
        assets: Assets definitions and source assets, in any order.

    Attributes:
        keys: The key of each number.
        index: The number of each key.
        upstream: For each number, those it is made from.
        downstream: For each number, those that are made from it.
        made: The numbers of assets that a definition makes.
        sources: The numbers of source assets.
        groups: The group of each number, where it is known.
        definitions: The definition of each number, where there is one.
    """

    def __init__(self, assets: Iterable[Any]) -> None:
        self.keys: list[AssetKey] = []
        self.index: dict[AssetKey, int] = {}
        self.upstream: list[list[int]] = []
        self.downstream: list[list[int]] = []
        self.made: set[int] = set()
        self.sources: set[int] = set()
        self.groups: dict[int, str] = {}
        self.definitions: dict[int, Any] = {}
        given = list(assets)
        for each in given:
            if hasattr(each, "asset_deps"):
                self._add_made(each)
        for each in given:
            if not hasattr(each, "asset_deps"):
                self._add_source(each)
        self._link()

    def _number(self, key: AssetKey) -> int:
        found = self.index.get(key)
        if found is None:
            found = self.index[key] = len(self.keys)
            self.keys.append(key)
            self.upstream.append([])
            self.downstream.append([])
        return found

    def _add_made(self, assets: AssetLike) -> None:
        groups, deps = assets.group_names_by_key, assets.asset_deps
        for key in assets.keys:
            number = self._number(key)
            self.made.add(number)
            self.definitions[number] = assets
            if key in groups:
                self.groups[number] = groups[key]
            # An asset made from its own earlier partitions is not upstream of itself.
            others = (each for each in deps.get(key, ()) if each != key)
            self.upstream[number] = [self._number(each) for each in others]

    def _add_source(self, source: SourceAssetLike) -> None:
        number = self._number(source.key)
        if number in self.made:
            return  # whoever makes it counts
        self.sources.add(number)
        self.definitions[number] = source
        if source.group_name:
            self.groups[number] = source.group_name
        self.upstream[number] = [self._number(dep.asset_key) for dep in getattr(source, "deps", ())]

    def _link(self) -> None:
        for number, parents in enumerate(self.upstream):
            for parent in parents:
                self.downstream[parent].append(number)

    def siblings(self, number: int) -> set[int]:
        """The assets that the same definition makes, this one included."""
        if number not in self.made:
            return {number}
        return {self.index[key] for key in self.definitions[number].keys}

    def reach(
        self, start: Iterable[int], edges: list[list[int]], depth: int | None = None
    ) -> set[int]:
        """Whatever can be reached from `start` over `edges` in at most `depth` steps.

        Args:
            start: The numbers to begin with; they are part of what is reached.
            edges: `upstream` or `downstream`.
            depth: How many steps at most; any number if None.
        """
        seen = set(start)
        edge = list(seen)
        while edge and (depth is None or depth > 0):
            edge = [number for here in edge for number in edges[here] if number not in seen]
            edge = list(dict.fromkeys(edge))
            seen.update(edge)
            depth = None if depth is None else depth - 1
        return seen

    def attribute(self, number: int, name: str) -> Any:
        """What the definition says of one asset under a name such as `tags_by_key`."""
        definition = self.definitions.get(number)
        if number in self.sources:
            return getattr(definition, name.removesuffix("_by_key"), None)
        by_key = getattr(definition, name, None)
        return by_key.get(self.keys[number]) if isinstance(by_key, Mapping) else None
