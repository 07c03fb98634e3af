"""The schema of a launchpad's config: that of the selected steps, seen from outside.

With a `ConfigMapping`, the form shows the mapping's own config, not its result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jobnb.config import Section
from jobnb.config.places import ConfigNode, form_of
from jobnb.config.schema import NOTHING
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidConfigError, InvalidSubsetError, JobnbError, Problem
from jobnb.plan.asset_graph import AssetGraphDefinition
from jobnb.plan.build import build_plan
from jobnb.plan.config_tree import WRAP, config_tree, outer_tree
from jobnb.plan.flatten import Edge, FlatNode, flatten
from jobnb.plan.graphs import AssetGraph
from jobnb.plan.job_subset import select_nodes, without_unasked
from jobnb.plan.order import output_edges
from jobnb.plan.resources import all_resource_defs, plan_resources
from jobnb.plan.run_config import bind_run_config
from jobnb.plan.selection_completion import SelectionVocabulary, Suggestions, suggest
from jobnb.plan.selection_resolution import resolve_all
from jobnb.registry.session import current_session
from jobnb.registry.target_resolution import pinned

_SPOKEN_OF = ("resources", "loggers")  # parts that are shown once the config names them


def selected(job: JobDefinition, selection: str) -> dict[str, list[Any]]:
    """Return the parameters of `launch` for a selection as it is typed; none for an empty one.

    Raises:
        InvalidSubsetError: If it names what is not there, or cannot be read.
    """
    text = selection.strip()
    if not text:
        return {}
    if job.asset_layer is None:
        return {"op_selection": [text]}
    chosen = AssetSelection.from_coercible(pinned(current_session(), text))
    layer = job.asset_layer
    around = AssetGraph([*layer.assets, *layer.sources, *layer.checks])
    keys, checks = resolve_all(chosen, around)
    parts = _parts(job)
    keys &= {key for each in job.graph.assets_by_node.values() for key in each.keys}
    checks &= {spec.key for each in parts for spec in each.check_specs}
    if not keys and not (chosen.tells_checks and checks):
        raise InvalidSubsetError(f"The selection {text!r} names no asset of the job {job.name!r}.")
    told = {"asset_check_selection": sorted(checks)} if chosen.tells_checks else {}
    return {"asset_selection": sorted(keys), **told}


def _parts(job: JobDefinition) -> list[Any]:
    """Return the job's assets, and the checks that it evaluates in steps of their own."""
    checks = getattr(job.graph, "checks_by_node", {})
    return [*job.graph.assets_by_node.values(), *checks.values()]


def suggestions(job: JobDefinition, text: str) -> Suggestions:
    """Complete a selection while it is typed.

    Args:
        job: The job whose ops or assets are selected.
        text: What stands before the cursor.
    """
    if job.asset_layer is None:
        steps = flatten(job.graph, job.input_values)
        return suggest(text, SelectionVocabulary.of_ops(".".join(flat.path) for flat in steps))
    return suggest(text, SelectionVocabulary.of_assets(_parts(job)))


@dataclass(frozen=True, slots=True)
class LaunchSchema:
    """The config schema of a part of a job.

    Attributes:
        job: The part of the job that will run.
        root: The form of its config.
        wrapped: Whether the whole config is what a `ConfigMapping` takes; the form then has it
            under `WRAP`.
        steps: The keys of the steps.
        resources: The resources that they need.
        unfed: Whether something must or may be given to inputs that no selected step feeds.
        shut: Why no config can be given at all, where that is so and some must be.
    """

    job: JobDefinition
    root: ConfigNode
    wrapped: bool
    steps: tuple[str, ...]
    resources: Mapping[str, Any]
    unfed: bool = False
    shut: str = ""

    @classmethod
    def of(
        cls, job: JobDefinition, selection: str = "", raw: Mapping[str, Any] | None = None
    ) -> LaunchSchema:
        """Return the schema of the selected part of a job.

        Args:
            job: The job.
            selection: Ops or assets, as typed; all if empty.
            raw: The config so far: what it says of resources and loggers is shown.

        Raises:
            JobnbError: If the selection or the job cannot be resolved.
        """
        chosen = selected(job, selection)
        part = job.get_subset(**chosen) if chosen else job
        nodes = _nodes(part)
        resources = plan_resources(part, nodes, None)
        steps = tuple(".".join(flat.path) for flat in nodes)
        asked = _unfed(nodes, frozenset(steps))
        tree, wrapped = _outer_tree(part, resources, frozenset(steps), {**_spoken(raw), **asked})
        root = form_of(tree)
        if wrapped and not _has_names(root.fields[WRAP]):
            shut = _shut(part, root.fields[WRAP])
            return cls(part, form_of(Section({})), False, steps, resources, bool(asked), shut)
        return cls(part, root, wrapped, steps, resources, bool(asked))

    def inside(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the raw config as the form has it."""
        return {WRAP: dict(config)} if self.wrapped else dict(config)

    def outside(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the form's config as a run takes it."""
        return dict(config.get(WRAP) or {}) if self.wrapped else dict(config)

    def problems(self, config: Mapping[str, Any]) -> list[Problem]:
        """Return the problems of a config for a run, each with its path in the form."""
        if self.shut:
            return [Problem((), self.shut)]
        try:
            bind_run_config(self.job, config, self.resources, self.steps)
        except InvalidConfigError as error:
            found = list(error.problems) or [Problem((), str(error))]
            return [self._placed(problem) for problem in found]
        return self._lacking(config) if self.unfed else []

    def _lacking(self, config: Mapping[str, Any]) -> list[Problem]:
        try:
            build_plan(self.job, run_config=config)
        except JobnbError as error:
            return [Problem((), str(error))]
        return []

    def _placed(self, problem: Problem) -> Problem:
        if not self.wrapped:
            return problem
        path = (WRAP, *problem.path)
        return Problem(path, problem.message, problem.value, problem.kind)


def _has_names(place: ConfigNode) -> bool:
    """Whether the config is one of names and values, as that of a run always is."""
    if place.kind == "union":
        return any(map(_has_names, place.options))
    return place.kind in ("object", "map", "selector", "any")


def _shut(job: JobDefinition, place: ConfigNode) -> str:
    if place.default is not NOTHING:
        return ""
    return (
        f"The config mapping of {job.name!r} takes {place.words or place.kind}, but the config of "
        'a run has names and values. Give it a schema with a name, such as {"value": ...}.'
    )


def _spoken(raw: Mapping[str, Any] | None) -> dict[str, Any]:
    given = raw or {}
    return {name: given[name] for name in _SPOKEN_OF if isinstance(given.get(name), Mapping)}


def _nodes(job: JobDefinition) -> list[FlatNode]:
    nodes = flatten(job.graph, job.input_values)
    if isinstance(job.graph, AssetGraphDefinition):
        nodes = without_unasked(job.graph, nodes)
    return select_nodes(job, nodes)


def _unfed(nodes: Iterable[FlatNode], steps: frozenset[str]) -> dict[str, Any]:
    """Return the run config's sections of inputs that no selected step feeds, empty."""
    asked: dict[str, Any] = {}
    for flat in nodes:
        op = flat.node.definition
        assert isinstance(op, OpDefinition)
        for name, each in op.ins.items():
            edge = flat.edges.get(name)
            if each.dagster_type.loader is None or (edge and _is_fed(edge, steps)):
                continue
            if edge is not None and edge.kind == "graph_input":
                asked["inputs"] = {}
                continue
            here = asked.setdefault("ops", {})
            for part in flat.path[:-1]:
                here = here.setdefault(part, {}).setdefault("ops", {})
            here[flat.path[-1]] = {"inputs": {}}
    return asked


def _is_fed(edge: Edge, steps: frozenset[str]) -> bool:
    if edge.kind == "graph_input":
        return False
    return all(each.step in steps for each in output_edges(edge))


def _outer_tree(
    job: JobDefinition, resources: Mapping[str, Any], steps: frozenset[str], raw: Mapping[str, Any]
) -> tuple[Section, bool]:
    spoken = dict(raw)
    own = dict.fromkeys(key for key in all_resource_defs(job, None) if key in resources)
    spoken["resources"] = {**{key: {} for key in own}, **spoken.get("resources", {})}
    return outer_tree(job, config_tree(job, resources, spoken, steps), steps)
