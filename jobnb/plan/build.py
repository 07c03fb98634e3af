"""Build a plan: the only place where names are resolved and config is bound."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any

import msgspec

from jobnb.definitions.jobs.job_config import job_words
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.lazy import lazy
from jobnb.definitions.ops.inout import In
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.resources.resource import ResourceDefinition
from jobnb.definitions.types import ANY, Nothing
from jobnb.errors import UnfedInputError
from jobnb.plan.asset_checks import check_outputs
from jobnb.plan.asset_graph import UNNEEDED, AssetGraphDefinition
from jobnb.plan.config_tree import ConfigTrees
from jobnb.plan.flatten import Edge, FlatNode, flatten, output_at
from jobnb.plan.job_subset import select_nodes, without_unasked
from jobnb.plan.order import group_regions, output_edges, regions_of, topological
from jobnb.plan.resources import plan_resources
from jobnb.plan.run_config import BoundConfig, bind_run_config, check_variables, raw_config_of
from jobnb.plan.step import (
    FromAsset,
    FromConfig,
    FromMany,
    FromOutput,
    FromValue,
    Plan,
    PlanCache,
    Source,
    Step,
    StepInput,
    StepOutput,
)

if TYPE_CHECKING:
    from jobnb.definitions.assets.source_asset import SourceAsset
    from jobnb.definitions.checks.asset_check import AssetCheckSpec
    from jobnb.plan.partitions import RunPartitions


def build_plan(
    job: JobDefinition,
    *,
    run_config: Any = None,
    input_values: Mapping[str, Any] | None = None,
    op_selection: Sequence[str] | None = None,
    partitions: RunPartitions | None = None,
    resources: Mapping[str, Any] | None = None,
    check_config: bool = True,
) -> Plan:
    """Build the plan of a run of the job.

    Runs of one job differ in config and partitions only: the rest is resolved once and cached.

    Args:
        job: The job.
        run_config: The raw config; the job's own if None.
        input_values: Values of the graph's inputs, by name.
        op_selection: The part of the job that runs; all of it if None.
        partitions: The partitions that the run is for.
        resources: Definitions that replace the job's, by key.
        check_config: Whether to bind the config; without it the plan can be drawn, not run.

    Raises:
        InvalidDefinitionError: If the graph cannot be resolved; lists every problem.
        InvalidConfigError: If the config does not fit; lists every problem.
    """
    with _no_collection():
        if op_selection:
            job = job.get_subset(op_selection=op_selection)
        outline = _outline_of(job, input_values, resources)
        builder = outline.builder
        if not check_config:
            return builder.build(BoundConfig(), partitions, outline.resources)
        raw = raw_config_of(job, run_config, partitions)
        if not raw and outline.plan is not None:
            check_variables(job, outline.resources, {})  # They can change between runs.
            return outline.plan_for(partitions)
        bound = bind_run_config(job, raw, outline.resources, builder.keys, outline.trees)
        plan = builder.build(bound, partitions, outline.resources)
        # Kept only if no default became config: a default may read an environment variable, which
        # can change between runs.
        if not (raw or job.has_specified_executor) and bound.is_empty:
            outline.plan = plan
        return plan


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the garbage collector.

    A plan is many small objects that all stay: collections in between find nothing, and with
    large libraries imported each takes longer than the plan itself.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Outline:
    """What all runs of a job with the same resources have in common.

    Attributes:
        builder: Builds the plans.
        resources: The resources that they need, in order.
        trees: The schemas of their config.
        plan: The plan of a run without config, once there is one. It is kept only where no default
            is config either: a default may name an environment variable.
    """

    def __init__(
        self,
        job: JobDefinition,
        input_values: Mapping[str, Any] | None,
        resources: Mapping[str, Any] | None,
    ) -> None:
        nodes = flatten(job.graph, {**job.input_values, **(input_values or {})})
        if isinstance(job.graph, AssetGraphDefinition):
            nodes = without_unasked(job.graph, nodes)
        nodes = select_nodes(job, nodes)
        self.builder = _Builder(job, nodes)
        self.resources = plan_resources(job, nodes, resources)
        self.trees = ConfigTrees()
        self.plan: Plan | None = None

    def plan_for(self, partitions: RunPartitions | None) -> Plan:
        """Return the plan of a run without config, with copies of all that code may change."""
        assert self.plan is not None
        # Empty mappings of the same types: user code may write to them, and the plan is shared.
        config = {key: type(each)() for key, each in self.plan.resource_config.items()}
        return msgspec.structs.replace(self.plan, partitions=partitions, resource_config=config)


def _outline_of(
    job: JobDefinition, input_values: Mapping[str, Any] | None, resources: Mapping[str, Any] | None
) -> _Outline:
    """Return the outline of this run; cached on the job where it is made of definitions only.

    Input values and objects given as resources belong to one run, so they are not cached.
    """
    given = resources or {}
    if input_values or not all(isinstance(each, ResourceDefinition) for each in given.values()):
        return _Outline(job, input_values, resources)
    known = job.kept.get("outline")
    if (
        known is None
        or known[0].keys() != given.keys()
        # Compared by identity: two definitions that look equal may still create different objects.
        or any(each is not given[key] for key, each in known[0].items())
    ):
        known = job.kept["outline"] = dict(given), _Outline(job, None, given)
    outline: _Outline = known[1]
    return outline


class _Builder:
    """Builds plans; resolves once what does not depend on config or partitions.

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
        self._kept = PlanCache()
        graph = job.graph
        self.assets = graph if isinstance(graph, AssetGraphDefinition) else None
        self.unasked: set[tuple[str, str]] = set()
        self.asset_of = self._asset_outputs() if self.assets else {}
        self.check_of = self._check_outputs() if self.assets else {}
        self.guards = self.assets.guards if self.assets else {}

    def _asset_outputs(self) -> dict[tuple[str, str], AssetKey]:
        """Map each step's output to its asset, down through graph-backed assets."""
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
        """Map each step's output to the check whose result it is."""
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

    def build(
        self,
        bound: BoundConfig,
        partitions: RunPartitions | None,
        resources: Mapping[str, ResourceDefinition],
    ) -> Plan:
        """Return the plan, with every name resolved."""
        order, _ = self._order
        is_fed = bool(bound.inputs or bound.graph_inputs)  # which inputs are, the config says
        steps = self._steps(bound) if is_fed else self._unfed
        if bound.ops and not is_fed:
            ops = bound.ops
            steps = tuple(
                msgspec.structs.replace(each, config=ops[each.key]) if each.key in ops else each
                for each in steps
            )
        return Plan(
            job=self.job,
            steps=steps,
            order=order,
            readers=self._readers(steps) if is_fed else self._readers_unfed,
            resources=resources,
            resource_config=bound.resources,
            execution_config=bound.execution,
            logger_config=bound.loggers,
            run_config=bound.raw,
            partitions=partitions,
            outputs=self._graph_outputs,
            step_by_key=self.index_of,
            loading=bound.loading,
            storing=bound.storing,
            given_config=bound.given,
            kept=PlanCache() if is_fed or bound.ops or bound.given else self._kept,
        )

    @lazy
    def _order(self) -> tuple[tuple[tuple[int, ...], ...], Sequence[int | None]]:
        """The order of the steps, and the dynamic output that each is mapped over."""
        upstream = [self._upstream(index) for index in range(len(self.nodes))]
        regions: Sequence[int | None] = [None] * len(self.nodes)
        order = topological(upstream, regions, self.keys.__getitem__)
        if self._any_dynamic():
            # Twice: regions are found along an order, and then need one in which they stay
            # together.
            regions = regions_of(self.nodes, self.index_of, self.slots, order)
            order = topological(upstream, regions, self.keys.__getitem__)
        return group_regions(order, regions), regions

    @lazy
    def _unfed(self) -> tuple[Step, ...]:
        """The steps without config, for runs where config feeds no input."""
        return self._steps(BoundConfig())

    @lazy
    def _readers_unfed(self) -> tuple[int, ...]:
        return self._readers(self._unfed)

    def _steps(self, bound: BoundConfig) -> tuple[Step, ...]:
        _, regions = self._order
        own = copy(self)  # A copy first: another thread may be planning the same job.
        own.problems, own.graph_inputs = [], bound.graph_inputs
        steps = tuple(own._step(index, bound, regions) for index in range(len(self.nodes)))
        if own.problems:
            raise UnfedInputError(
                f"{job_words(self.job.name, begins=True)} cannot run:\n  "
                + "\n  ".join(own.problems)
            )
        return steps

    def _any_dynamic(self) -> bool:
        # Asked once for each definition, because one op may have thousands of nodes.
        found = {id(flat.node.definition): flat.node.definition for flat in self.nodes}
        return any(each.is_dynamic(name) for each in found.values() for name in each.output_names)

    def _upstream(self, index: int) -> list[int]:
        flat = self.nodes[index]
        guards = self._waits_of(index) if self.guards else ()
        if not flat.edges and not guards:
            return []
        if len(flat.edges) == 1 and not guards:
            (edge,) = flat.edges.values()
            if edge.kind == "output":  # as most steps have it
                only = self.index_of.get(edge.step)
                return [] if only is None else [only]
        steps = [e.step for edge in flat.edges.values() for e in output_edges(edge)]
        found = [self.index_of.get(step) for step in (*steps, *(step for step, _ in guards))]
        return [each for each in dict.fromkeys(found) if each is not None]

    def _step(self, index: int, bound: BoundConfig, regions: Sequence[int | None]) -> Step:
        flat, key = self.nodes[index], self.keys[index]
        op = flat.node.definition
        assert isinstance(op, OpDefinition)
        job_hooks = self.job.hook_defs
        node_hooks = flat.hooks | job_hooks if job_hooks else flat.hooks
        inputs = self._inputs(index, op, bound, regions) if op.ins or flat.edges else ()
        guards = self._guards(index) if self.guards else ()
        outputs = self._outputs(key, op)
        return Step(
            index=index,
            key=key,
            path=flat.path,
            op=op,
            inputs=inputs,
            outputs=outputs,
            waits_for=(*_all_waits(inputs), *guards) if guards else _all_waits(inputs),
            config=bound.ops.get(key),
            hooks=tuple(sorted(node_hooks, key=lambda hook: hook.name)) if node_hooks else (),
            retry_policy=flat.retry_policy or op.retry_policy or self.job.op_retry_policy,
            tags={**op.tags, **flat.tags} if flat.tags else op.tags,
            region=regions[index],
            assets_def=self.assets.assets_by_node.get(flat.path[0]) if self.assets else None,
            checks=self._checks(flat.path, outputs, regions[index]) if self.assets else (),
            guards=guards,
            observes=self.assets.observed_by_node.get(flat.path[0], ()) if self.assets else (),
        )

    def _waits_of(self, index: int) -> tuple[tuple[str, str], ...]:
        """Return what a step waits for beside its inputs."""
        node, key = self.nodes[index].path[0], self.keys[index]
        own = self.guards.get(key, ()) if key != node else ()
        return (*self.guards.get(node, ()), *own)

    def _guards(self, index: int) -> tuple[FromOutput, ...]:
        """Return the blocking checks that must pass before a step runs, and what they wait for."""
        return tuple(
            FromOutput(self.index_of[step], output, self.slots[step, output])
            for step, output in self._waits_of(index)
            if step in self.index_of
        )

    def _checks(
        self, path: tuple[str, ...], outputs: tuple[StepOutput, ...], region: int | None
    ) -> tuple[AssetCheckSpec, ...]:
        """Return the checks that a step evaluates."""
        assert self.assets is not None
        made = self.assets.assets_by_node.get(path[0]) if len(path) == 1 else None
        if made is not None:
            return made.check_specs
        observed = self.assets.observed_by_node.get(path[0], ())
        if observed:
            return tuple(spec for each in observed for spec in each.check_specs)
        found = tuple(out.check for out in outputs if out.check is not None and out.is_asked)
        if found and region is not None:
            self.problems.append(
                f"The check {found[0].key.to_user_string()!r} is given by {'.'.join(path)!r}, "
                "which runs once for each element of a dynamic output. Collect them before."
            )
        return found

    # --- inputs ---------------------------------------------------------------------------

    def _inputs(
        self,
        index: int,
        op: OpDefinition[..., Any],
        bound: BoundConfig,
        regions: Sequence[int | None],
    ) -> tuple[StepInput, ...]:
        """Return the inputs of a step: where each comes from, and what it waits for."""
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
        """Iterate over inputs that only order: dependencies of assets that feed no parameter."""
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
        if definition.input_manager_key is not None and (edge is None or self.job.selected_ops):
            return FromAsset(None, definition.input_manager_key, {})
        if definition.has_default:
            return FromValue(definition.default_value)
        self.problems.append(unfed(key, name, definition, edge))
        return None

    def _fan_in(self, edge: Edge, waits: tuple[FromOutput, ...]) -> FromMany | None:
        """Return the list source of a fan-in; an op selection drops the ops it does not name.

        None where something else is missing, or nothing is left.
        """
        items = edge.items
        if self.job.selected_ops and waits:
            items = tuple(i for i in items if not i.step or i.step in self.index_of)
        if len(waits) != sum(i.kind != "value" for i in items):
            return None
        rest = iter(waits)
        return FromMany(
            tuple(FromValue(i.value) if i.kind == "value" else next(rest) for i in items)
        )

    def _is_stored(self, edge: Edge) -> bool:
        """Whether an edge leads to an asset of the graph that this run does not materialize."""
        place = (edge.step, edge.output)
        return place in self.unasked and place in self.asset_of

    def _from_asset(self, asset: AssetKey | SourceAsset) -> FromAsset:
        if not isinstance(asset, AssetKey):
            return FromAsset(asset.key, asset.io_manager_key, asset.metadata)
        found = self.assets.loadable(asset) if self.assets else None
        if found is None:
            return FromAsset(asset, "io_manager", {})
        return FromAsset(asset, found.manager_key, found.metadata)

    def _input_asset(self, flat: FlatNode, name: str, edge: Edge | None) -> AssetKey | None:
        """Return the asset that an input is; inside a graph, only one from outside of it."""
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

    # --- outputs --------------------------------------------------------------------------

    def _outputs(self, key: str, op: OpDefinition[..., Any]) -> tuple[StepOutput, ...]:
        slots, asset_of, check_of = self.slots, self.asset_of, self.check_of
        made = []
        for name, out in op.outs.items():
            asset_key = asset_of.get((key, name)) if asset_of else None
            kind, manager = out.dagster_type, out.io_manager_key
            asked = not self.unasked or (key, name) not in self.unasked
            check = check_of.get((key, name)) if check_of else None
            slot = slots[key, name]
            made.append(StepOutput(name, slot, kind, out, manager, asset_key, asked, check))
        return tuple(made)

    def _readers(self, steps: tuple[Step, ...]) -> tuple[int, ...]:
        readers = [0] * len(self.slots)
        for step in steps:
            waits = step.waits_for
            for slot in (
                {each.slot for each in waits} if len(waits) > 1 else [w.slot for w in waits]
            ):
                readers[slot] += 1
        return tuple(readers)

    @lazy
    def _graph_outputs(self) -> dict[str, tuple[str, str]]:
        graph = self.job.graph
        return {
            mapping.graph_output_name: output_at(
                graph, (), mapping.mapped_node_name, mapping.mapped_node_output_name
            )
            for mapping in graph.output_mappings
        }


def _all_waits(inputs: tuple[StepInput, ...]) -> tuple[FromOutput, ...]:
    if len(inputs) == 1:
        return inputs[0].waits_for
    return tuple(wait for each in inputs for wait in each.waits_for)


def unfed(step: str, name: str, definition: In, edge: Edge | None) -> str:
    """Return the error text for an input that nothing feeds, with the next step."""
    loads = definition.dagster_type.loader is not None
    path = " > ".join(
        (*(part for name in step.split(".") for part in ("ops", name)), "inputs", name)
    )
    from_config = f", or set it in the run config at {path}" if loads else ""
    graph_input = _graph_input(edge)
    if graph_input is not None:
        at_top = f", or set it in the run config at inputs > {graph_input}" if loads else ""
        return (
            f"The input {graph_input!r} of the graph has no value, and {step!r} takes it as "
            f'{name!r}. Pass input_values={{"{graph_input}": ...}}{at_top}.'
        )
    if edge is not None:
        where = ", ".join(dict.fromkeys(each.step for each in output_edges(edge)))
        return (
            f"The input {name!r} of {step!r} comes from {where}, which is not selected. "
            f"Select it too{from_config}."
        )
    if name == "config":
        return (
            f"{step!r} takes 'config' without saying of what type, so it counts as an input, and "
            "nothing feeds it. Annotate it with a Config class to take config."
        )
    return (
        f"The input {name!r} of {step!r} is fed by nothing. "
        f"Pass it an output, give it a default{from_config}."
    )


def _graph_input(edge: Edge | None) -> str | None:
    """Return the input of the whole graph that an edge comes from."""
    if edge is None:
        return None
    if edge.kind == "graph_input":
        return edge.output
    return next((item.output for item in edge.items if item.kind == "graph_input"), None)
