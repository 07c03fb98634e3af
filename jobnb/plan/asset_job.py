"""The graph of an asset job: assets become nodes, keys become edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from jobnb.definitions.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.asset_layer import AssetLayer
from jobnb.definitions.assets_definition import AssetsDefinition
from jobnb.definitions.dependency import Dependency, DependencyDefinition
from jobnb.definitions.graph_definition import GraphDefinition
from jobnb.definitions.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.node import NO_HOOKS, Node
from jobnb.definitions.op import OpDefinition
from jobnb.definitions.selection import AssetSelection
from jobnb.definitions.source_asset import SourceAsset
from jobnb.definitions.types import Nothing
from jobnb.errors import InvalidDefinitionError, InvalidSubsetError, did_you_mean
from jobnb.plan.asset_checks import checks_to_make, guards_of

__all__ = ["AssetGraphDefinition", "Loadable", "graph_of_assets", "with_known_keys"]


class Loadable(msgspec.Struct, frozen=True):
    """How the stored value of an asset is loaded."""

    manager_key: str
    metadata: Mapping[str, Any]


class AssetGraphDefinition(GraphDefinition):
    """A graph whose nodes make assets."""

    def __init__(
        self,
        name: str,
        nodes: dict[str, Node],
        dependencies: dict[str, dict[str, Dependency]],
        sources: Mapping[str, Mapping[str, AssetKey]],
        assets_by_node: Mapping[str, AssetsDefinition],
        layer: AssetLayer,
        checks_by_node: Mapping[str, AssetChecksDefinition],
    ) -> None:
        super().__init__(name, placed=(nodes, dependencies), node_input_source_assets=sources)
        self.assets_by_node = assets_by_node
        self.layer = layer
        self.checks_by_node = checks_by_node
        self.guards = guards_of(checks_by_node.values(), assets_by_node.values())

    def loadable(self, key: AssetKey) -> Loadable | None:
        """How the value of an asset around the job is loaded, or None if nobody knows it."""
        for each in self.layer.sources:
            if each.key == key:
                return Loadable(each.io_manager_key, each.metadata)
        for assets_def in self.layer.assets:
            if key in assets_def.keys:
                return loadable_of(assets_def, key)
        return None

    @property
    def resource_defs(self) -> dict[str, Any]:
        """The resources that the assets bring along.

        Raises:
            InvalidDefinitionError: If two of them bring different ones for one key.
        """
        found: dict[str, Any] = {}
        owners: dict[str, Any] = {}
        problems: list[str] = []
        around: list[Any] = [*self.layer.sources, *self.layer.assets, *self.layer.checks]
        for each in around:
            for key, given in each.resource_defs.items():
                if found.setdefault(key, given) is not given:
                    problems.append(f"{owners[key]!r} and {each!r} bring different {key!r}.")
                owners.setdefault(key, each)
        if problems:
            raise InvalidDefinitionError(
                f"The assets of {self.name!r} do not agree on resources:\n  "
                + "\n  ".join(problems)
                + "\nGive both the same object, or use another key."
            )
        return found


def loadable_of(assets_def: AssetsDefinition, key: AssetKey) -> Loadable:
    """How the value of one of the assets is loaded."""
    out = assets_def.node_def.out_of(assets_def.output_name_of(key))
    return Loadable(out.io_manager_key, out.metadata)


def graph_of_assets(job: JobDefinition) -> AssetGraphDefinition:
    """The graph of the assets that the job makes.

    Raises:
        InvalidSubsetError: If the selection names what is not there, or nothing.
        InvalidDefinitionError: If an asset takes one that nobody makes; all problems at once.
    """
    layer = job.asset_layer
    assert layer is not None
    assets = with_known_keys(layer.assets, layer.sources)
    layer = msgspec.structs.replace(layer, assets=tuple(assets))
    selected = _selected(job, layer)
    chosen = [each.subset_for(selected) for each in assets if each.keys & selected]
    made_by = {key: each for each in chosen for key in each.keys}
    known = {each.key for each in layer.sources} | {key for each in assets for key in each.keys}
    reader = _EdgeReader(job.name, made_by, known)
    nodes: dict[str, Node] = {}
    dependencies: dict[str, dict[str, Dependency]] = {}
    sources: dict[str, dict[str, AssetKey]] = {}
    checks = checks_to_make(layer.checks, selected, layer.check_keys)
    makers: list[AssetsDefinition | AssetChecksDefinition] = [*chosen, *checks]
    for each in makers:
        name = each.node_def.name
        if name in nodes:
            reader.problems.append(f"Two assets or checks have steps called {name!r}. Rename one.")
        nodes[name] = Node(name, each.node_def, {}, NO_HOOKS, None)
        dependencies[name], loaded = reader.edges(each)
        if loaded:
            sources[name] = loaded
    if reader.problems:
        raise InvalidDefinitionError(
            f"The job {job.name!r} cannot be put together:\n  " + "\n  ".join(reader.problems)
        )
    by_node = {each.node_def.name: each for each in chosen}
    checking = {each.name: each for each in checks}
    return AssetGraphDefinition(job.name, nodes, dependencies, sources, by_node, layer, checking)


def _selected(job: JobDefinition, layer: AssetLayer) -> frozenset[AssetKey]:
    everything = frozenset(key for each in layer.assets for key in each.keys)
    if layer.selection == ():  # checks only
        return frozenset()
    if layer.selection is None or layer.selection == AssetSelection.all():
        selected = everything
    else:
        selection = AssetSelection.from_coercible(layer.selection)
        selected = everything & frozenset(selection.resolve([*layer.assets, *layer.sources]))
    if job.asset_selection is not None:
        unknown = frozenset(job.asset_selection) - selected
        if unknown:
            names = sorted(key.to_user_string() for key in selected)
            first = min(key.to_user_string() for key in unknown)
            raise InvalidSubsetError(
                f"The job {job.name!r} does not make {first!r}. "
                + did_you_mean(first, names, noun="It makes")
            )
        selected = frozenset(job.asset_selection)
    if not selected:
        raise InvalidSubsetError(
            f"The selection of {job.name!r} names no asset"
            + (f": {layer.selection!r}." if layer.selection is not None else ".")
            + " Define assets first, or change the selection."
        )
    return selected


class _EdgeReader:
    """Turns the upstream keys of assets into edges, and collects what cannot be."""

    def __init__(
        self, job_name: str, made_by: Mapping[AssetKey, AssetsDefinition], known: set[AssetKey]
    ) -> None:
        self.job_name = job_name
        self.made_by = made_by
        self.known = known
        self.problems: list[str] = []

    def edges(
        self, assets_def: AssetsDefinition | AssetChecksDefinition
    ) -> tuple[dict[str, Dependency], dict[str, AssetKey]]:
        """What feeds each input: an output in the graph, or a stored value."""
        edges: dict[str, Dependency] = {}
        loaded: dict[str, AssetKey] = {}
        for name, key in assets_def.keys_by_input_name.items():
            maker = self.made_by.get(key)
            if maker is not None and maker is not assets_def:
                edges[name] = DependencyDefinition(maker.node_def.name, maker.output_name_of(key))
            elif _only_orders(assets_def, name):
                continue
            elif key in self.known:
                loaded[name] = key
            else:
                self._unknown(assets_def, name, key)
        return edges, loaded

    def _unknown(
        self, assets_def: AssetsDefinition | AssetChecksDefinition, name: str, key: AssetKey
    ) -> None:
        text = key.to_user_string()
        noun = "asset" if isinstance(assets_def, AssetsDefinition) else "check"
        hint = did_you_mean(text, sorted(k.to_user_string() for k in self.known))
        self.problems.append(
            f"The {noun} {assets_def.node_def.name!r} takes {text!r}, which nothing makes. {hint} "
            f'Define it, or declare it as SourceAsset("{text}").'
        )


def _only_orders(assets_def: AssetsDefinition | AssetChecksDefinition, input_name: str) -> bool:
    node = assets_def.node_def
    if not isinstance(node, OpDefinition):
        return False
    given = node.given_ins.get(input_name)
    return given is not None and given.dagster_type is Nothing


def with_known_keys(
    assets: Iterable[AssetsDefinition], sources: Iterable[SourceAsset]
) -> list[AssetsDefinition]:
    """The assets, where a parameter's bare name may mean a key of the same prefix or group.

    `orders` taken by `warehouse/revenue` is `orders` if there is one, else `warehouse/orders`,
    else the one asset of that name in the same group.
    """
    assets = list(assets)
    known = {key for each in assets for key in each.keys} | {each.key for each in sources}
    by_group: dict[tuple[str, str], list[AssetKey]] | None = None
    result = []
    for each in assets:
        upstream = each.keys_by_input_name
        changes: dict[str, AssetKey] = {}
        for name, key in upstream.items():
            if key in known or len(key.path) > 1:
                continue
            own = next(iter(each.keys))
            beside = AssetKey([*own.path[:-1], *key.path])
            if beside in known:
                changes[name] = beside
                continue
            by_group = _by_group(assets) if by_group is None else by_group
            same = by_group.get((each.group_names_by_key[own], key.path[-1]), [])
            if len(same) == 1:
                changes[name] = same[0]
        renamed = {"keys_by_input_name": {**upstream, **changes}, "asset_deps": None}
        result.append(each.with_changes(**renamed) if changes else each)
    return result


def _by_group(assets: Iterable[AssetsDefinition]) -> dict[tuple[str, str], list[AssetKey]]:
    found: dict[tuple[str, str], list[AssetKey]] = defaultdict(list)
    for each in assets:
        for key, group in each.group_names_by_key.items():
            found[group, key.path[-1]].append(key)
    return found
