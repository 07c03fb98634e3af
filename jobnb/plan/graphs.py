"""Assets or ops numbered, with edges both ways: selections are resolved over these graphs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from jobnb.definitions.checks.asset_check import AssetCheckKey, AssetCheckSpec
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.keys import AssetKey

K = TypeVar("K")


class NumberedGraph(Generic[K]):
    """Keys, numbered, with edges both ways.

    Attributes:
        keys: The key of each number.
        index: The number of each key.
        upstream: For each number, its direct dependencies.
        downstream: For each number, its direct dependents.
        made: The numbers that can be selected without being named.
        sources: The numbers of source assets.

    Example:
        >>> graph = NumberedGraph()
        >>> graph.made = {graph.number("a"), graph.number("b")}
        >>> graph.upstream[1] = [0]
        >>> graph.link()
        >>> graph.reach([0], graph.downstream)
        {0, 1}
    """

    def __init__(self) -> None:
        self.keys: list[K] = []
        self.index: dict[K, int] = {}
        self.upstream: list[list[int]] = []
        self.downstream: list[list[int]] = []
        self.made: set[int] = set()
        self.sources: set[int] = set()

    def number(self, key: K) -> int:
        """Return the number of a key, adding the key if it is new."""
        found = self.index.get(key)
        if found is None:
            found = self.index[key] = len(self.keys)
            self.keys.append(key)
            self.upstream.append([])
            self.downstream.append([])
        return found

    def link(self) -> None:
        """Fill `downstream` from `upstream`."""
        for number, parents in enumerate(self.upstream):
            for parent in parents:
                self.downstream[parent].append(number)

    def scope(self, include_sources: bool = False) -> set[int]:
        """Return all numbers, with or without source assets."""
        return self.made | self.sources if include_sources else self.made

    def checks_of(self, numbers: Iterable[int]) -> set[Any]:
        """Return the checks of these; only assets have any."""
        return set()

    def reach(
        self, start: Iterable[int], edges: list[list[int]], depth: int | None = None
    ) -> set[int]:
        """Return the numbers that can be reached from `start` in at most `depth` steps.

        Args:
            start: The numbers to begin with; they are included.
            edges: `upstream` or `downstream`.
            depth: The most steps to take; unlimited if None.
        """
        seen = set(start)
        edge = list(seen)
        while edge and (depth is None or depth > 0):
            edge = [number for here in edge for number in edges[here] if number not in seen]
            edge = list(dict.fromkeys(edge))
            seen.update(edge)
            depth = None if depth is None else depth - 1
        return seen


_path = attrgetter("path")


@runtime_checkable
class AssetLike(Protocol):
    """What the graph reads of an assets definition."""

    @property
    def keys(self) -> Iterable[AssetKey]:
        """The keys of its assets."""

    @property
    def asset_deps(self) -> Mapping[AssetKey, Iterable[AssetKey]]:
        """The upstream keys of each asset."""

    @property
    def group_names_by_key(self) -> Mapping[AssetKey, str]:
        """The group of each asset."""


@runtime_checkable
class SourceAssetLike(Protocol):
    """What the graph reads of a source asset."""

    @property
    def key(self) -> AssetKey:
        """Its key."""

    @property
    def group_name(self) -> str | None:
        """The group it belongs to."""


class AssetGraph(NumberedGraph[AssetKey]):
    """The assets of a catalog, numbered, with edges both ways.

    Assets that are only named as upstream of others have a number too; they are neither in
    `made` nor in `sources`.

    Args:
        assets: Assets definitions, source assets and checks, in any order.

    Attributes:
        made: The numbers of assets with an assets definition.
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
            # An asset that depends on its own earlier partitions is not upstream of itself.
            others = sorted((each for each in deps.get(key, ()) if each != key), key=_path)
            self.upstream[number] = [self.number(each) for each in others]
        self._add_checks(getattr(assets, "check_specs", ()))

    def _add_checks(self, specs: Iterable[AssetCheckSpec]) -> None:
        for spec in specs:
            self.check_keys[spec.key] = self.number(spec.asset_key)

    def checks_of(self, numbers: Iterable[int]) -> set[AssetCheckKey]:
        """Return the checks of these assets."""
        if not self.check_keys:
            return set()
        wanted = frozenset(numbers)
        return {key for key, number in self.check_keys.items() if number in wanted}

    @property
    def all_asset_keys(self) -> frozenset[AssetKey]:
        """All assets, those that are only named too."""
        return frozenset(self.keys)

    @property
    def materializable_asset_keys(self) -> frozenset[AssetKey]:
        """The assets that a definition makes."""
        return frozenset(self.keys[number] for number in self.made)

    @property
    def source_asset_keys(self) -> frozenset[AssetKey]:
        """The assets that come from elsewhere."""
        return frozenset(self.keys[number] for number in self.sources)

    def get_parents(self, asset_key: AssetKey) -> frozenset[AssetKey]:
        """Return the assets that one depends on; none for an asset that is not known."""
        return self._beside(asset_key, self.upstream)

    def get_children(self, asset_key: AssetKey) -> frozenset[AssetKey]:
        """Return the assets that depend on one; none for an asset that is not known."""
        return self._beside(asset_key, self.downstream)

    def get_partitions_def(self, asset_key: AssetKey) -> Any:
        """Return the partitions definition of an asset, or None."""
        definition = self.definitions.get(self.index.get(asset_key, -1))
        return getattr(definition, "partitions_def", None)

    def _beside(self, key: AssetKey, edges: Any) -> frozenset[AssetKey]:
        if key not in self.index:
            return frozenset()
        return frozenset(self.keys[number] for number in edges[self.index[key]])

    def _add_source(self, source: SourceAssetLike) -> None:
        number = self.number(source.key)
        if number in self.made:
            return  # An assets definition of the same key wins.
        self.sources.add(number)
        self.definitions[number] = source
        if source.group_name:
            self.groups[number] = source.group_name
        self.upstream[number] = [self.number(dep.asset_key) for dep in getattr(source, "deps", ())]
        self._add_checks(getattr(source, "check_specs", ()))

    def siblings(self, number: int) -> set[int]:
        """Return the assets of the same definition, this one included."""
        if number not in self.made:
            return {number}
        return {self.index[key] for key in self.definitions[number].keys}

    def attribute(self, number: int, name: str) -> Any:
        """Return one attribute of an asset, such as its entry in `tags_by_key`."""
        definition = self.definitions.get(number)
        if number in self.sources:
            return getattr(definition, name.removesuffix("_by_key"), None)
        by_key = getattr(definition, name, None)
        return by_key.get(self.keys[number]) if isinstance(by_key, Mapping) else None


class OpGraph(NumberedGraph[str]):
    """The ops of a job, numbered, and folded into graphs at each depth of nesting."""

    def __init__(
        self, names: Sequence[str], upstream: Mapping[str, Collection[str]], what: str
    ) -> None:
        super().__init__()
        self.what = what
        self.made = {self.number(name) for name in names}
        for number, name in enumerate(names):
            above = upstream.get(name, ())
            self.upstream[number] = [self.index[each] for each in above if each in self.index]
        self.link()
        self._folded: dict[int, _Level] = {}

    def level(self, depth: int) -> _Level:
        """Return the graph with every name cut to so many parts."""
        if depth not in self._folded:
            self._folded[depth] = _Level(self, depth)
        return self._folded[depth]


class _Level(NumberedGraph[str]):
    """Ops folded into the graphs that hold them; `members` are the ops of each number."""

    def __init__(self, ops: OpGraph, depth: int) -> None:
        super().__init__()
        place = [self.number(".".join(name.split(".")[:depth])) for name in ops.keys]
        self.members: dict[int, list[int]] = defaultdict(list)
        above: dict[int, set[int]] = defaultdict(set)
        for number, here in enumerate(place):
            self.members[here].append(number)
            above[here].update(place[each] for each in ops.upstream[number])
        for here, over in above.items():
            self.upstream[here] = sorted(over - {here})
        self.link()
        self.made = set(range(len(self.keys)))
