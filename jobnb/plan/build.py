"""Making a plan: the only place where names are resolved and config is bound."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobnb.definitions.checks.asset_check import AssetCheckSpec
from jobnb.definitions.jobs.job_config import job_words
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.errors import InvalidDefinitionError
from jobnb.plan.asset_job import AssetGraphDefinition
from jobnb.plan.config_tree import ConfigTrees
from jobnb.plan.flatten import flatten, output_at
from jobnb.plan.order import group_regions, topological
from jobnb.plan.partitions import RunPartitions
from jobnb.plan.regions import output_edges, regions_of
from jobnb.plan.resources import plan_resources
from jobnb.plan.run_config import BoundConfig, bind_run_config, raw_config_of
from jobnb.plan.select import select_nodes, without_unasked
from jobnb.plan.step import (
    FromOutput,
    Plan,
    Step,
    StepInput,
    StepOutput,
)
from jobnb.plan.step_inputs import StepInputs

if TYPE_CHECKING:
    from jobnb.definitions.resources.resource import ResourceDefinition

__all__ = ["build_plan"]


def build_plan(
    job: JobDefinition,
    *,
    run_config: Any = None,
    input_values: Mapping[str, Any] | None = None,
    op_selection: Sequence[str] | None = None,
    partitions: RunPartitions | None = None,
    resources: Mapping[str, Any] | None = None,
    check_config: bool = True,
    trees: ConfigTrees | None = None,
) -> Plan:
    """What a run of the job will do.

    Args:
        job: The job.
        run_config: The raw config; the job's own if None.
        input_values: Values of the graph's inputs, by name.
        op_selection: The part of the job that runs; all of it if None.
        partitions: The partitions that the run is for.
        resources: Definitions that take the place of the job's, by key.
        check_config: Whether the config is bound; without it the plan can be drawn, not run.
        trees: What describes the config of other runs of the same job, with the same resources.

    Raises:
        InvalidDefinitionError: If the graph does not hold together; all problems at once.
        InvalidConfigError: If the config does not fit; all problems at once.
    """
    with _no_collection():
        return _build(
            job, run_config, input_values, op_selection, partitions, resources, check_config, trees
        )


@contextmanager
def _no_collection() -> Iterator[None]:
    """While it lasts, the garbage collector waits.

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


def _build(
    job: JobDefinition,
    run_config: Any,
    input_values: Mapping[str, Any] | None,
    op_selection: Sequence[str] | None,
    partitions: RunPartitions | None,
    resources: Mapping[str, Any] | None,
    check_config: bool,
    trees: ConfigTrees | None,
) -> Plan:
    if op_selection:
        job = job.get_subset(op_selection=op_selection)
    values = {**job.input_values, **(input_values or {})}
    nodes = flatten(job.graph, values)
    if isinstance(job.graph, AssetGraphDefinition):
        nodes = without_unasked(job.graph, nodes)
    nodes = select_nodes(job, nodes)
    builder = _Builder(job, nodes)
    needed = plan_resources(job, nodes, resources)
    bound = BoundConfig()
    if check_config:
        raw = raw_config_of(job, run_config, partitions)
        bound = bind_run_config(job, raw, needed, builder.keys, trees)
    return builder.build(bound, partitions, needed)


class _Builder(StepInputs):
    """Puts the plan together."""

    def build(
        self,
        bound: BoundConfig,
        partitions: RunPartitions | None,
        resources: Mapping[str, ResourceDefinition],
    ) -> Plan:
        """The plan, with everything looked up."""
        self.graph_inputs = bound.graph_inputs
        upstream = [self._upstream(index) for index in range(len(self.nodes))]
        regions: Sequence[int | None] = [None] * len(self.nodes)
        order = topological(upstream, regions, self.keys.__getitem__)
        if self._any_dynamic():
            regions = regions_of(self.nodes, self.index_of, self.slots, order)
            order = topological(upstream, regions, self.keys.__getitem__)
        steps = tuple(self._step(index, bound, regions) for index in range(len(self.nodes)))
        if self.problems:
            raise InvalidDefinitionError(
                f"{job_words(self.job.name, begins=True)} cannot run:\n  "
                + "\n  ".join(self.problems)
            )
        return Plan(
            job=self.job,
            steps=steps,
            order=group_regions(order, regions),
            readers=self._readers(steps),
            resources=resources,
            resource_config=bound.resources,
            execution_config=bound.execution,
            logger_config=bound.loggers,
            run_config=bound.raw,
            partitions=partitions,
            outputs=self._graph_outputs(),
            step_by_key=self.index_of,
            loading=bound.loading,
            storing=bound.storing,
            given_config=bound.given,
        )

    def _any_dynamic(self) -> bool:
        seen: dict[int, bool] = {}
        for flat in self.nodes:
            definition = flat.node.definition
            if id(definition) not in seen:
                names = definition.output_names
                seen[id(definition)] = any(definition.is_dynamic(name) for name in names)
        return any(seen.values())

    def _upstream(self, index: int) -> list[int]:
        flat = self.nodes[index]
        guards = self._waits_of(index) if self.guards else ()
        if not flat.edges and not guards:
            return []
        steps = [e.step for edge in flat.edges.values() for e in output_edges(edge)]
        found = [self.index_of.get(step) for step in (*steps, *(step for step, _ in guards))]
        return [each for each in dict.fromkeys(found) if each is not None]

    def _step(self, index: int, bound: BoundConfig, regions: Sequence[int | None]) -> Step:
        flat, key = self.nodes[index], self.keys[index]
        op = flat.node.definition
        assert isinstance(op, OpDefinition)
        job_hooks = self.job.hook_defs
        node_hooks = flat.hooks | job_hooks if job_hooks else flat.hooks
        inputs = self.inputs(index, op, bound, regions) if op.ins or flat.edges else ()
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
        """What a step waits for beside its inputs, for the sake of its node or its own."""
        node, key = self.nodes[index].path[0], self.keys[index]
        own = self.guards.get(key, ()) if key != node else ()
        return (*self.guards.get(node, ()), *own)

    def _guards(self, index: int) -> tuple[FromOutput, ...]:
        """The blocking checks that must have passed before a step runs, and what they wait for."""
        return tuple(
            FromOutput(self.index_of[step], output, self.slots[step, output])
            for step, output in self._waits_of(index)
            if step in self.index_of
        )

    def _checks(
        self, path: tuple[str, ...], outputs: tuple[StepOutput, ...], region: int | None
    ) -> tuple[AssetCheckSpec, ...]:
        """The checks that a step makes."""
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
