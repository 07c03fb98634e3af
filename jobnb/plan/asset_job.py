"""Build the graph of an asset job: assets become nodes, keys become edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from jobnb.definitions.assets.asset_job import AssetLayer
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.jobs.job_config import job_words
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.dependency import Dependency, DependencyDefinition, ValueDependency
from jobnb.definitions.ops.node import NO_HOOKS, Node
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.types import Nothing
from jobnb.errors import InvalidDefinitionError, did_you_mean
from jobnb.plan.asset_choice import (
    assets_to_make,
    checks_to_make,
    chosen_by,
    observed_nodes,
    observed_output,
    see_makeable,
)
from jobnb.plan.asset_graph import UNNEEDED, AssetGraphDefinition
from jobnb.plan.asset_parts import Part, parts_of, shared_names
from jobnb.plan.selection_resolution import with_known_keys

Reader = AssetsDefinition | AssetChecksDefinition


class EdgeReader:
    """Turns upstream keys into edges, and collects the errors.

    Args:
        parts: The assets of each node; parts of one definition in their order.
        observed: The source assets that nodes of the graph observe, by node.
        known: All assets around the job.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        observed: Mapping[str, Sequence[SourceAsset]],
        known: set[AssetKey],
    ) -> None:
        self.made_by = {key: part for part in parts for key in part.assets.keys}
        self.observed_by = {
            each.key: DependencyDefinition(name, observed_output(each))
            for name, found in observed.items()
            for each in found
        }
        self.parts = parts
        self.known = known
        self.problems: list[str] = []

    def edges(
        self, reader: Reader, part: int = 0
    ) -> tuple[dict[str, Dependency], dict[str, AssetKey]]:
        """Return what feeds each input: an output in the graph, or a stored value.

        Args:
            reader: The assets or checks whose inputs they are.
            part: Which part of its definition it is, from 1; 0 where it is not split.
        """
        edges: dict[str, Dependency] = {}
        loaded: dict[str, AssetKey] = {}
        needed = _needed(reader) if part and isinstance(reader, AssetsDefinition) else None
        for name, key in reader.keys_by_input_name.items():
            maker = self.made_by.get(key)
            if maker is not None and maker.assets is not reader:
                if needed is None or key in needed:
                    edges[name] = _output_of(maker, key)
                elif not _only_orders(reader, name):
                    self._feed_unneeded(edges, reader, name, maker, key)
                continue
            if (
                self.observed_by and key in self.observed_by
            ):  # Order only: it waits until the source asset has been observed.
                edges[f"{name}__observed"] = self.observed_by[key]
            if _only_orders(reader, name):
                continue
            if key in self.known:
                loaded[name] = key
            else:
                self._unknown(reader, name, key)
        if needed is not None and isinstance(reader, AssetsDefinition):
            self._after_earlier_parts(edges, reader, needed)
        return edges, loaded

    def _feed_unneeded(
        self,
        edges: dict[str, Dependency],
        reader: Reader,
        name: str,
        maker: Part,
        key: AssetKey,
    ) -> None:
        """Feed inputs that this part does not need, where their values are there by then."""
        places = {id(part.assets): place for place, part in enumerate(self.parts)}
        if places[id(maker.assets)] < places[id(reader)]:
            edges[name] = _output_of(maker, key)
        elif not _has_default(reader, name):
            edges[name] = ValueDependency(UNNEEDED)

    def _after_earlier_parts(
        self, edges: dict[str, Dependency], reader: AssetsDefinition, needed: set[AssetKey]
    ) -> None:
        """Order a part after the part that materializes assets it needs, of the same function."""
        for output, key in reader.keys_by_output_name.items():
            maker = self.made_by.get(key)
            if key in needed and maker is not None and maker.assets is not reader:
                edges[f"{output}__before"] = _output_of(maker, key)

    def _unknown(self, reader: Reader, name: str, key: AssetKey) -> None:
        text = key.to_user_string()
        noun = "asset" if isinstance(reader, AssetsDefinition) else "check"
        hint = did_you_mean(text, sorted(k.to_user_string() for k in self.known))
        self.problems.append(
            f"The {noun} {reader.node_def.name!r} takes {text!r}, which nothing makes. {hint} "
            f'Define it, or declare it as SourceAsset("{text}").'
        )


def _output_of(part: Part, key: AssetKey) -> DependencyDefinition:
    return DependencyDefinition(part.name, part.assets.output_name_of(key))


def _needed(assets_def: AssetsDefinition) -> set[AssetKey]:
    """Return the upstream keys of the selected assets of a definition."""
    deps = assets_def.asset_deps
    return {dep for key in assets_def.keys for dep in deps.get(key, ())}


def _has_default(reader: Reader, input_name: str) -> bool:
    node = reader.node_def
    return isinstance(node, OpDefinition) and node.ins[input_name].has_default


def _only_orders(reader: Reader, input_name: str) -> bool:
    node = reader.node_def
    if not isinstance(node, OpDefinition):
        return False
    given = node.given_ins.get(input_name)
    return given is not None and given.dagster_type is Nothing


Fed = tuple[dict[str, Dependency], dict[str, AssetKey]]
"""The edges that lead to a node, and the assets that are loaded for it."""


def graph_of_assets(job: JobDefinition) -> AssetGraphDefinition:
    """Build the graph in which the job materializes, observes and checks its assets.

    Raises:
        InvalidSubsetError: If the selection names something unknown, or selects nothing.
        InvalidDefinitionError: If an asset takes one that is not defined; lists every problem.
    """
    layer = job.asset_layer
    assert layer is not None
    assets = with_known_keys(layer.assets, layer.sources)
    layer = msgspec.structs.replace(layer, assets=tuple(assets))
    chosen = chosen_by(job, layer)
    parts = parts_of(assets_to_make(assets, chosen), shared_names(assets))
    observed = observed_nodes(layer.sources, chosen.assets)
    checks = checks_to_make(layer.checks, chosen)
    see_makeable(layer.checks, assets, layer.sources, chosen, bool(parts or observed or checks))
    known = {each.key for each in layer.sources} | {key for each in assets for key in each.keys}
    reader = EdgeReader(parts, observed, known)
    nodes: dict[str, Node] = {}
    dependencies: dict[str, dict[str, Dependency]] = {}
    sources: dict[str, dict[str, AssetKey]] = {}

    def place(name: str, node: Node, fed: Fed) -> None:
        if name in nodes:
            reader.problems.append(f"Two assets or checks have steps called {name!r}. Rename one.")
        nodes[name] = node
        dependencies[name], loaded = fed
        if loaded:
            sources[name] = loaded

    for name, looked_at in observed.items():
        place(name, Node(name, looked_at[0].op, {}, NO_HOOKS, None), ({}, {}))
    for part in parts:
        made = part.assets
        node = Node(part.name, made.node_def, {}, made.hook_defs, None)
        place(part.name, node, reader.edges(made, part.number))
    for each in checks:
        node = Node(each.name, each.node_def, {}, each.hook_defs, None)
        place(each.name, node, reader.edges(each))
    if reader.problems:
        raise InvalidDefinitionError(
            f"{job_words(job.name, begins=True)} cannot be put together:"
            + "".join(f"\n  {problem}" for problem in reader.problems)
        )
    by_node = {part.name: part.assets for part in parts}
    checking = {each.name: each for each in checks}
    return AssetGraphDefinition(
        job.name,
        nodes,
        dependencies,
        sources,
        by_node,
        observed,
        layer,
        checking,
        chosen.tells_checks,
        _left_out(job, layer, assets) - nodes.keys(),
    )


def _left_out(
    job: JobDefinition, layer: AssetLayer, assets: Sequence[AssetsDefinition]
) -> frozenset[str]:
    """Return the nodes that a selection by status could include and does not at present."""
    if layer.status_of is None:
        return frozenset()
    undecided = msgspec.structs.replace(layer, status_of=None, is_undecided=True)
    could = chosen_by(job.replaced(asset_selection=None, asset_check_selection=None), undecided)
    return frozenset(
        part.name for part in parts_of(assets_to_make(assets, could), shared_names(assets))
    )
