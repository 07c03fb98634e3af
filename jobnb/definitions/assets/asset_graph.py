"""Assets and who is made from whom, by integer index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any, Protocol, runtime_checkable

from jobnb.definitions.checks.asset_check import AssetCheckKey, AssetCheckSpec
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.numbered_graph import NumberedGraph

__all__ = ["AssetGraph", "AssetLike", "SourceAssetLike"]


_path = attrgetter("path")


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


class AssetGraph(NumberedGraph[AssetKey]):
    """The assets of a catalogue, numbered, with edges both ways.

    Assets that are only named as upstream of others have a number too; they are neither made
    here nor sources.

    Args:
        assets: Assets definitions, source assets and checks, in any order.

    Attributes:
        made: The numbers of assets that a definition makes.
        sources: The numbers of source assets.
        groups: The group of each number, where it is known.
        definitions: The definition of each number, where there is one.
        check_keys: The checks, each with the number of its asset.
    """

    def __init__(self, assets: Iterable[Any]) -> None:
        super().__init__()
        self.groups: dict[int, str] = {}
        self.definitions: dict[int, Any] = {}
        self.check_keys: dict[AssetCheckKey, int] = {}
        rest = []
        for each in assets:
            if hasattr(each, "asset_deps") and not isinstance(each, AssetChecksDefinition):
                self._add_made(each)
            else:
                rest.append(each)
        for each in rest:
            if isinstance(each, AssetChecksDefinition):
                self._add_checks(each.check_specs)
            else:
                self._add_source(each)
        self.link()

    def _add_made(self, assets: AssetLike) -> None:
        groups, deps = assets.group_names_by_key, assets.asset_deps
        for key in sorted(assets.keys, key=_path):
            number = self.number(key)
            self.made.add(number)
            self.definitions[number] = assets
            if key in groups:
                self.groups[number] = groups[key]
            # An asset made from its own earlier partitions is not upstream of itself.
            others = sorted((each for each in deps.get(key, ()) if each != key), key=_path)
            self.upstream[number] = [self.number(each) for each in others]
        self._add_checks(getattr(assets, "check_specs", ()))

    def _add_checks(self, specs: Iterable[AssetCheckSpec]) -> None:
        for spec in specs:
            self.check_keys[spec.key] = self.number(spec.asset_key)

    def checks_of(self, numbers: Iterable[int]) -> set[AssetCheckKey]:
        """The checks of these assets."""
        if not self.check_keys:
            return set()
        wanted = frozenset(numbers)
        return {key for key, number in self.check_keys.items() if number in wanted}

    def _add_source(self, source: SourceAssetLike) -> None:
        number = self.number(source.key)
        if number in self.made:
            return  # whoever makes it counts
        self.sources.add(number)
        self.definitions[number] = source
        if source.group_name:
            self.groups[number] = source.group_name
        self.upstream[number] = [self.number(dep.asset_key) for dep in getattr(source, "deps", ())]
        self._add_checks(getattr(source, "check_specs", ()))

    def siblings(self, number: int) -> set[int]:
        """The assets that the same definition makes, this one included."""
        if number not in self.made:
            return {number}
        return {self.index[key] for key in self.definitions[number].keys}

    def attribute(self, number: int, name: str) -> Any:
        """What the definition says of one asset under a name such as `tags_by_key`."""
        definition = self.definitions.get(number)
        if number in self.sources:
            return getattr(definition, name.removesuffix("_by_key"), None)
        by_key = getattr(definition, name, None)
        return by_key.get(self.keys[number]) if isinstance(by_key, Mapping) else None
