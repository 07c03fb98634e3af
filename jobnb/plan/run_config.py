"""The config of a run: raw, expanded by config mappings, and bound to values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from jobnb.definitions.jobs.job_config import job_words
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.resources.resource import ResourceDefinition
from jobnb.errors import InvalidConfigError, InvalidInvocationError, Problem
from jobnb.plan.config_tree import WRAP, ConfigTrees, Managers, config_tree, mapping_of, outer_tree

if TYPE_CHECKING:
    from jobnb.config import Section
    from jobnb.plan.partitions import RunPartitions


class BoundConfig(msgspec.Struct, frozen=True):
    """Validated config with defaults filled in, by step, resource and logger.

    Attributes:
        inputs: For each step, the inputs that their types load from config.
        loading: For each step, the config of its inputs' managers.
        storing: For each step, the config of its outputs' managers.
        raw: The config as given and as stored, secrets by name.
        given: The part for ops, with config mappings expanded.
    """

    ops: Mapping[str, Any] = {}
    inputs: Mapping[str, Mapping[str, Any]] = {}
    loading: Mapping[str, Mapping[str, Any]] = {}
    storing: Mapping[str, Mapping[str, Any]] = {}
    resources: Mapping[str, Any] = {}
    execution: Mapping[str, Any] = {}
    loggers: Mapping[str, Any] = {}
    raw: Mapping[str, Any] = {}
    graph_inputs: Mapping[str, Any] = {}
    given: Mapping[str, Any] = {}

    @property
    def is_empty(self) -> bool:
        """Whether it holds no value, not even a default; the executor's config apart."""
        values = (*self.resources.values(), *self.loggers.values(), *self.ops.values())
        parts = (self.inputs, self.loading, self.storing, self.graph_inputs)
        return not any(each for each in (*values, *parts))


def raw_config_of(
    job: JobDefinition, run_config: Any, partitions: RunPartitions | None
) -> dict[str, Any]:
    """Return the raw config of a run: the one given, else the partition's, else the job's own.

    The job's own config is also that of each section (`ops`, `resources`, ...) that is not given:
    who raises the log level of a run does not take its ops their config.
    """
    if run_config is None and job.config is None:
        return {}  # Checked without importing the config package, which loads pydantic.
    from jobnb.config import raw_config

    partitioned = job.partitioned_config
    if run_config is not None:
        own = raw_config(job.run_config) if partitioned is None else {}
        return {**own, **raw_config(run_config)}
    if partitioned is not None and partitions is not None:
        if partitions.single is None:
            raise InvalidInvocationError(
                f"{job_words(job.name, begins=True)} has a config for each partition, so one run "
                f"cannot be for {len(partitions.keys)} of them. Run it once for each, or give a "
                "run_config."
            )
        return raw_config(partitioned.get_run_config_for_partition_key(partitions.single))
    return raw_config(job.run_config)


def bind_run_config(
    job: JobDefinition,
    raw: Mapping[str, Any],
    resources: Mapping[str, ResourceDefinition],
    steps: Iterable[str],
    trees: ConfigTrees | None = None,
) -> BoundConfig:
    """Validate a run's config and return its values.

    Raises:
        InvalidConfigError: If it does not fit; lists every problem.
    """
    what = job_words(job.name)
    trees = trees or ConfigTrees()
    inner = _inner_config(job, raw, what, trees)
    tree = trees.tree(job, resources, inner, frozenset(steps))
    if tree is None:
        check_variables(job, resources, {})
        return BoundConfig(raw=raw if inner is raw else _stored(job, None, raw))
    from jobnb.config import bind

    bound = bind(tree, inner, what=what)
    found = _BoundValues(Managers(resources))
    found.collect(job.graph, bound.get("ops") or {}, ())
    configs = {k: v.get("config") for k, v in (bound.get("resources") or {}).items()}
    check_variables(job, resources, configs)
    configured = bound.get("loggers") or {}
    # A config that names loggers names all that are to hear the run.
    listening = inner.get("loggers") or job.loggers
    loggers = {name: (configured.get(name) or {}).get("config") for name in listening}
    execution = (bound.get("execution") or {}).get("config") or {}
    if "execution" in inner or job.executor_def.strategy != "default":
        job.executor_def.check_config(execution, what)
    top = bound.get("inputs") or {}
    stored = bound.stored if inner is raw else _stored(job, tree, raw)
    given = bound.stored.get("ops") or {}
    return BoundConfig(
        ops=found.ops,
        inputs=found.inputs,
        loading=found.loading,
        storing=found.storing,
        resources=configs,
        execution=execution,
        loggers=loggers,
        raw=stored,
        graph_inputs=top,
        given=given,
    )


def check_variables(
    job: JobDefinition, resources: Mapping[str, ResourceDefinition], configs: Mapping[str, Any]
) -> None:
    """Validate that what resources read from the environment is there, before anything runs.

    Args:
        job: The job, for messages.
        resources: The resources that the run needs, by key.
        configs: The config of the run for them.

    Raises:
        InvalidConfigError: If a variable is not set, or its value does not fit; lists every
            problem.
    """
    what = job_words(job.name)
    problems: list[Problem] = []
    apart = frozenset(map(id, resources.values()))
    for key, definition in resources.items():
        try:
            definition.check_variables(configs.get(key), ("resources", key, "config"), what, apart)
        except InvalidConfigError as error:
            if not error.problems:
                raise
            problems += error.problems
    if problems:
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise InvalidConfigError(f"The config of {what} has {count}:", problems)


def kept_config(
    job: JobDefinition, run_config: Any, resources: Mapping[str, Any] | None = None
) -> Mapping[str, Any] | None:
    """Return the raw config of a job's runs as it is stored, secrets by name; it may be invalid.

    Args:
        job: The job.
        run_config: The config; None for none.
        resources: Resources that replace the job's, by key.
    """
    if run_config is None:
        return None
    from jobnb.config import raw_config
    from jobnb.plan.flatten import flatten
    from jobnb.plan.resources import plan_resources

    raw = raw_config(run_config)
    planned = plan_resources(job, flatten(job.graph, job.input_values), resources)
    return _stored(job, config_tree(job, planned, raw, None), raw)


def _stored(job: JobDefinition, tree: Section | None, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config without secrets, by the schema outside of the config mappings."""
    from jobnb.config import without_secrets

    outer, wrapped = outer_tree(job, tree, None)
    if wrapped:
        return dict(without_secrets(outer, {WRAP: raw})[WRAP])
    return dict(without_secrets(outer, raw))


def _inner_config(
    job: JobDefinition, raw: Mapping[str, Any], what: str, trees: ConfigTrees
) -> Mapping[str, Any]:
    """Return the config with config mappings expanded."""
    mapping = job.config_mapping
    if mapping is not None:
        raw = mapping.resolve_from_unvalidated_config(raw, what=what)
    if job.graph.config_mapping is not None:
        raw = _expand_top(mapping_of(job.graph), raw, what)
    if _gives_graph_inputs(raw.get("ops")):
        raw = {**raw, "ops": _inputs_below(job.graph, raw["ops"])}
    if trees.maps is None:
        trees.maps = _any_mapping(job.graph)
    if not trees.maps:
        return raw
    ops = raw.get("ops") or {}
    return {**raw, "ops": _expand(job.graph, ops, ("ops",), what)} if _is_map(ops) else raw


def _gives_graph_inputs(ops: Any) -> bool:
    """Whether config may give an input of a graph inside: one that is named beside its ops."""
    return _is_map(ops) and any(
        _is_map(entry) and ("inputs" in entry or _gives_graph_inputs(entry.get("ops")))
        for entry in ops.values()
    )


def _inputs_below(graph: GraphDefinition, ops: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of nested graphs as inputs of the ops that they feed."""
    made = dict(ops)
    for name, node in graph.node_map.items():
        inner, entry = node.definition, ops.get(name, ())
        if not isinstance(inner, GraphDefinition) or not isinstance(entry, Mapping):
            continue
        inside: Any = entry.get("ops") or {}
        given: Any = entry.get("inputs")
        if not _is_map(inside):
            continue
        below: dict[str, Any] = dict(inside)
        left = dict(given) if _is_map(given) else {}
        for mapping in inner.input_mappings:
            if mapping.graph_input_name in left and mapping.fan_in_index is None:
                target = below.get(mapping.mapped_node_name) or {}
                value = {mapping.mapped_node_input_name: left[mapping.graph_input_name]}
                inputs = {**value, **(target.get("inputs") or {})}
                below[mapping.mapped_node_name] = {**target, "inputs": inputs}
        known = set(inner.input_names)
        left = {each: value for each, value in left.items() if each not in known}
        rest = {key: value for key, value in entry.items() if key not in ("ops", "inputs")}
        told = {"inputs": left} if left else {}  # what the graph does not take is told as wrong
        made[name] = {**rest, **told, "ops": _inputs_below(inner, below)}
    return made


def _expand_top(mapping: Any, raw: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """Expand the mapping of the job's own graph: its config is at ops > config."""
    ops = raw.get("ops") or {}
    if not _is_map(ops) or set(ops) - {"config"}:
        return raw  # The inner config is given as it is.
    path = ("ops", "config")
    return {
        **raw,
        "ops": mapping.resolve_from_unvalidated_config(ops.get("config", {}), what=what, path=path),
    }


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _any_mapping(graph: GraphDefinition) -> bool:
    return any(
        inner.config_mapping is not None or _any_mapping(inner)
        for inner in (node.definition for node in graph.nodes)
        if isinstance(inner, GraphDefinition)
    )


def _expand(
    graph: GraphDefinition, ops: Mapping[str, Any], path: tuple[str, ...], what: str
) -> dict[str, Any]:
    expanded = dict(ops)
    for name, node in graph.node_map.items():
        inner = node.definition
        entry = ops.get(name, {})
        if not isinstance(inner, GraphDefinition) or not _is_map(entry):
            continue
        mapping = mapping_of(inner)
        here = (*path, name)
        if mapping is not None:
            outer = entry.get("config", {})
            made = mapping.resolve_from_unvalidated_config(outer, what=what, path=(*here, "config"))
            entry = {k: v for k, v in entry.items() if k != "config"} | {"ops": made}
        if _is_map(entry.get("ops", {})):
            entry = {**entry, "ops": _expand(inner, entry.get("ops", {}), (*here, "ops"), what)}
        expanded[name] = entry
    return expanded


class _BoundValues:
    """Collects the bound values of ops by step key.

    Args:
        managers: The managers that take config for each value.
    """

    def __init__(self, managers: Managers) -> None:
        self.managers = managers
        self.ops: dict[str, Any] = {}
        self.inputs: dict[str, Mapping[str, Any]] = {}
        self.loading: dict[str, Mapping[str, Any]] = {}
        self.storing: dict[str, Mapping[str, Any]] = {}

    def collect(
        self, graph: GraphDefinition, bound: Mapping[str, Any], path: tuple[str, ...]
    ) -> None:
        """Add the values of a graph's nodes."""
        for name, entry in bound.items():
            if name not in graph.node_map:
                continue  # A selection by status leaves this node out at present.
            inner, here = graph.node_map[name].definition, (*path, name)
            if isinstance(inner, GraphDefinition):
                self.collect(inner, entry.get("ops") or {}, here)
                continue
            assert isinstance(inner, OpDefinition)
            self._add(".".join(here), inner, entry)

    def _add(self, key: str, op: OpDefinition[..., Any], entry: Mapping[str, Any]) -> None:
        if "config" in entry:
            self.ops[key] = entry["config"]
        if entry.get("outputs"):
            self.storing[key] = entry["outputs"]
        if given := entry.get("inputs"):
            told = self.managers.inputs_of(op)
            self.loading[key] = {name: value for name, value in given.items() if name in told}
            self.inputs[key] = {name: value for name, value in given.items() if name not in told}


def config_schema_of(job: JobDefinition) -> Any:
    """Return the schema of a job's run config, as users write it."""
    from jobnb.config import Section, schema_of
    from jobnb.plan.flatten import flatten
    from jobnb.plan.resources import plan_resources

    if job.config_mapping is not None:
        return schema_of(job.config_mapping.config_schema)
    own = mapping_of(job.graph)
    if own is not None:
        described = schema_of(own.config_schema)
        return Section({"ops": Section({"config": described} if described else {})})
    resources = plan_resources(job, flatten(job.graph, job.input_values), None)
    return config_tree(job, resources, {}, None) or Section({})


def check_own_config(job: JobDefinition) -> None:
    """Check what a job's own config gives its ops, where it is written.

    What comes from other definitions or from the environment is checked by the plan: resources,
    the managers of inputs and outputs, variables.

    Raises:
        InvalidConfigError: If it does not fit; lists every problem.
    """
    from jobnb.config import Section, bind

    own = mapping_of(job.graph)
    if own is not None:
        tree = config_schema_of(job)
    else:
        tree, _ = outer_tree(job, config_tree(job, {}, {}, None), None)
    ops = tree.fields.get("ops") if isinstance(tree, Section) else None
    given = {"ops": _without_inputs((job.run_config or {})["ops"])}
    try:
        bind(Section({"ops": ops or Section({})}), given, what=job_words(job.name))
    except InvalidConfigError as error:
        problems = [
            each
            for each in error.problems
            if not {"inputs", "outputs"} & {*each.path} and each.kind != "missing_env"
        ]
        if problems:
            raise InvalidConfigError(str(error).partition("\n")[0], problems) from None


def _without_inputs(given: object) -> object:
    """Leave out nodes that are given inputs and outputs only: the plan checks those."""
    if not isinstance(given, Mapping):
        return given
    return {
        name: {**node, "ops": _without_inputs(node["ops"])}
        if isinstance(node, Mapping) and "ops" in node
        else node
        for name, node in given.items()
        if not (isinstance(node, Mapping) and node and {*node} <= {"inputs", "outputs"})
    }
