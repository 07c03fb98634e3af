"""Where the inputs of the steps come from: other steps, config, stored assets or values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_check import AssetCheckSpec
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.inout import In
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.types import ANY, Nothing
from jobnb.plan.asset_checks import check_outputs
from jobnb.plan.asset_job import AssetGraphDefinition
from jobnb.plan.asset_parts import UNNEEDED
from jobnb.plan.flatten import Edge, FlatNode, output_at
from jobnb.plan.regions import output_edges
from jobnb.plan.run_config import BoundConfig
from jobnb.plan.step import (
    FromAsset,
    FromConfig,
    FromMany,
    FromOutput,
    FromValue,
    Source,
    StepInput,
)
from jobnb.plan.unfed import unfed

__all__ = ["StepInputs"]


class StepInputs:
    """The tables that the parts of a plan are looked up in, and the inputs of its steps.

    Args:
        job: The job.
        nodes: Its nodes, those in graphs too.
    """

    def __init__(self, job: JobDefinition, nodes: list[FlatNode]) -> None:
        self.job = job
        self.nodes = nodes
        self.keys = [".".join(flat.path) for flat in nodes]
        self.index_of = {key: index for index, key in enumerate(self.keys)}
        self.slots: dict[tuple[str, str], int] = {}
        for key, flat in zip(self.keys, nodes, strict=True):
            for output in flat.node.definition.output_names:
                self.slots[key, output] = len(self.slots)
        self.problems: list[str] = []
        self.graph_inputs: Mapping[str, Any] = {}
        graph = job.graph
        self.assets = graph if isinstance(graph, AssetGraphDefinition) else None
        self.unasked: set[tuple[str, str]] = set()
        self.asset_of = self._asset_outputs() if self.assets else {}
        self.check_of = self._check_outputs() if self.assets else {}
        self.guards = self.assets.guards if self.assets else {}

    def _asset_outputs(self) -> dict[tuple[str, str], AssetKey]:
        """The asset that each step's output is, down through graphs that make assets."""
        assert self.assets is not None
        found = {}
        for name, assets_def in self.assets.assets_by_node.items():
            for output, key in assets_def.keys_by_output_name.items():
                at = output_at(self.assets, (), name, output)
                found[at] = key
                if key not in assets_def.keys:
                    self.unasked.add(at)
        return found

    def _check_outputs(self) -> dict[tuple[str, str], AssetCheckSpec]:
        """The check whose verdict each step's output is."""
        assert self.assets is not None
        found = {
            (name, spec.get_python_identifier()): spec
            for name, checks_def in self.assets.checks_by_node.items()
            for spec in checks_def.check_specs
        }
        for name, assets_def in self.assets.assets_by_node.items():
            for output, spec in check_outputs(assets_def).items():
                at = output_at(self.assets, (), name, output)
                found[at] = spec
                if spec.key not in assets_def.check_keys:
                    self.unasked.add(at)
        return found

    def inputs(
        self,
        index: int,
        op: OpDefinition[..., Any],
        bound: BoundConfig,
        regions: Sequence[int | None],
    ) -> tuple[StepInput, ...]:
        """The inputs of a step: where each comes from, and what it waits for."""
        flat, key = self.nodes[index], self.keys[index]
        from_config = bound.inputs.get(key, {})
        made = []
        for name, definition in op.ins.items():
            edge, kind = flat.edges.get(name), definition.dagster_type
            waits = self._waits(edge, regions[index], regions) if edge is not None else ()
            source: Source | None = None
            if kind is not Nothing:
                if waits and edge is not None and edge.kind == "output" and not from_config:
                    source = waits[0]
                else:
                    source = self._source(key, name, definition, edge, waits, from_config)
            asset_key = self._input_asset(flat, name, edge) if self.assets is not None else None
            if type(source) is FromValue and source.value is UNNEEDED:
                source, kind = FromValue(None), ANY
            made.append(StepInput(name, source, waits, kind, definition, asset_key))
        if self.assets is not None and not flat.edges.keys() <= op.ins.keys():
            made += self._only_after(flat, op, regions[index], regions)
        return tuple(made)

    def _only_after(
        self,
        flat: FlatNode,
        op: OpDefinition[..., Any],
        region: int | None,
        regions: Sequence[int | None],
    ) -> Iterator[StepInput]:
        """Edges to no input of the op: what must be done before, for the sake of its assets."""
        for name, edge in flat.edges.items():
            if name not in op.ins:
                yield StepInput(
                    name, None, self._waits(edge, region, regions), Nothing, In(Nothing)
                )

    def _waits(
        self, edge: Edge, region: int | None, regions: Sequence[int | None]
    ) -> tuple[FromOutput, ...]:
        known = self.index_of
        if edge.kind == "output":
            return (self._from_output(edge, region, regions),) if edge.step in known else ()
        return tuple(
            self._from_output(each, region, regions)
            for each in output_edges(edge)
            if each.step in known
        )

    def _from_output(
        self, edge: Edge, region: int | None, regions: Sequence[int | None]
    ) -> FromOutput:
        step, slot = self.index_of[edge.step], self.slots[edge.step, edge.output]
        if edge.kind == "collect":
            made_by = self.nodes[step].node.definition
            if regions[step] is None and not made_by.is_dynamic(edge.output):
                self.problems.append(
                    f"What {edge.step!r} gives is collected, but here it runs only once. Select "
                    "the op whose dynamic output it is mapped over, too."
                )
            return FromOutput(step, edge.output, slot, collects=True)
        maps = region is not None and (slot == region or regions[step] == region)
        return FromOutput(step, edge.output, slot, maps=maps)

    def _source(
        self,
        key: str,
        name: str,
        definition: In,
        edge: Edge | None,
        waits: tuple[FromOutput, ...],
        from_config: Mapping[str, Any],
    ) -> Source | None:
        if name in from_config:
            return FromConfig(from_config[name])
        if edge is not None:
            if edge.kind == "value":
                return FromValue(edge.value)
            if edge.kind == "asset":
                return self._from_asset(edge.value)
            if edge.kind == "output" and not waits and self._is_stored(edge):
                return self._from_asset(self.asset_of[edge.step, edge.output])
            if edge.kind == "many" and (many := self._fan_in(edge, waits)) is not None:
                return many
            if edge.kind in ("output", "collect") and waits:
                return waits[0]
            if edge.kind == "graph_input" and edge.output in self.graph_inputs:
                return FromConfig(self.graph_inputs[edge.output])
        if definition.input_manager_key is not None and (edge is None or self.job.op_selection):
            return FromAsset(None, definition.input_manager_key, {})
        if definition.has_default:
            return FromValue(definition.default_value)
        self.problems.append(unfed(key, name, definition, edge))
        return None

    def _fan_in(self, edge: Edge, waits: tuple[FromOutput, ...]) -> FromMany | None:
        """The list of what comes; an op selection leaves out what comes from ops it does not name.

        None where something else is missing, or nothing is left.
        """
        items = edge.items
        if self.job.op_selection and waits:
            items = tuple(i for i in items if not i.step or i.step in self.index_of)
        if len(waits) != sum(i.kind != "value" for i in items):
            return None
        rest = iter(waits)
        return FromMany(
            tuple(FromValue(i.value) if i.kind == "value" else next(rest) for i in items)
        )

    def _is_stored(self, edge: Edge) -> bool:
        """Whether an edge leads to an asset that the graph makes, but not in this run."""
        place = (edge.step, edge.output)
        return place in self.unasked and place in self.asset_of

    def _from_asset(self, asset: AssetKey | SourceAsset) -> FromAsset:
        if isinstance(asset, SourceAsset):
            return FromAsset(asset.key, asset.io_manager_key, asset.metadata)
        found = self.assets.loadable(asset) if self.assets else None
        if found is None:
            return FromAsset(asset, "io_manager", {})
        return FromAsset(asset, found.manager_key, found.metadata)

    def _input_asset(self, flat: FlatNode, name: str, edge: Edge | None) -> AssetKey | None:
        """The asset that an input is; inside of a graph, only what comes from outside of it."""
        if self.assets is None:
            return None
        if len(flat.path) == 1:
            node = flat.node.name
            maker = self.assets.assets_by_node.get(node) or self.assets.checks_by_node.get(node)
            return maker.keys_by_input_name.get(name) if maker else None
        if edge is None:
            return None
        if edge.kind == "asset":
            key: AssetKey = getattr(edge.value, "key", edge.value)
            return key
        inside = edge.step.startswith(f"{flat.path[0]}.")
        stored = edge.kind == "output" and edge.step not in self.index_of
        return None if inside and not stored else self.asset_of.get((edge.step, edge.output))
