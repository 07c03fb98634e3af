"""The config of a run: one tree that describes all of it, and the values bound to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from jobnb.definitions.graph_definition import GraphDefinition
from jobnb.definitions.job_definition import JobDefinition
from jobnb.definitions.node import Node
from jobnb.definitions.op import OpDefinition
from jobnb.definitions.resource import ResourceDefinition

if TYPE_CHECKING:
    from jobnb.config import Section

__all__ = ["BoundConfig", "bind_run_config", "config_schema_of", "raw_config_of"]


class BoundConfig(msgspec.Struct, frozen=True):
    """Config checked, with defaults filled in: by step, by resource, by logger."""

    ops: Mapping[str, Any] = {}
    inputs: Mapping[str, Mapping[str, Any]] = {}
    resources: Mapping[str, Any] = {}
    execution: Mapping[str, Any] = {}
    loggers: Mapping[str, Any] = {}
    raw: Mapping[str, Any] = {}
    graph_inputs: Mapping[str, Any] = {}


def raw_config_of(job: JobDefinition, run_config: Any, partition_key: str | None) -> dict[str, Any]:
    """The raw config of a run: the one given, else that of the partition, else the job's own."""
    if run_config is None and job.config is None:
        return {}  # without importing what knows of config
    from jobnb.config import raw_config

    if run_config is not None:
        return raw_config(run_config)
    partitioned = job.partitioned_config
    if partitioned is not None and partition_key is not None:
        return raw_config(partitioned.get_run_config_for_partition_key(partition_key))
    return raw_config(job.run_config)


def bind_run_config(
    job: JobDefinition,
    raw: Mapping[str, Any],
    resources: Mapping[str, ResourceDefinition],
    steps: Iterable[str],
) -> BoundConfig:
    """The values of a run's config.

    Raises:
        InvalidConfigError: If it does not fit; all problems at once.
    """
    what = f"job {job.name!r}"
    inner = _inner_config(job, raw, what)
    tree = config_tree(job, resources, inner, frozenset(steps))
    if tree is None:
        return BoundConfig(raw=raw)
    from jobnb.config import bind

    bound = bind(tree, inner, what=what)
    ops: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    _collect(job.graph, bound.get("ops") or {}, (), ops, inputs)
    configs = {k: v.get("config") for k, v in (bound.get("resources") or {}).items()}
    loggers = {k: v.get("config") for k, v in (bound.get("loggers") or {}).items()}
    execution = (bound.get("execution") or {}).get("config") or {}
    top = bound.get("inputs") or {}
    return BoundConfig(ops, inputs, configs, execution, loggers, raw, top)


def _inner_config(job: JobDefinition, raw: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """The config with what config mappings stand for put in their place."""
    mapping = job.config_mapping
    if mapping is not None:
        raw = mapping.resolve_from_unvalidated_config(raw, what=what)
    if job.graph.config_mapping is not None:
        raw = _expand_top(_mapping_of(job.graph), raw, what)
    if not _any_mapping(job.graph):
        return raw
    ops = raw.get("ops") or {}
    return {**raw, "ops": _expand(job.graph, ops, ("ops",), what)} if _is_map(ops) else raw


def _expand_top(mapping: Any, raw: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """The same where the job's own graph has a mapping: its config stands at ops > config."""
    ops = raw.get("ops") or {}
    if not _is_map(ops) or set(ops) - {"config"}:
        return raw  # the inside is given as it is
    path = ("ops", "config")
    return {
        **raw,
        "ops": mapping.resolve_from_unvalidated_config(ops.get("config", {}), what=what, path=path),
    }


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _mapping_of(graph: GraphDefinition) -> Any:
    """The config mapping of a graph; a plain dict of config is one without outer config."""
    from jobnb.config import ConfigMapping

    given = graph.config_mapping
    if given is None or isinstance(given, ConfigMapping):
        return given
    return ConfigMapping(lambda _outer: given, config_schema={})


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
        mapping = _mapping_of(inner)
        here = (*path, name)
        if mapping is not None:
            outer = entry.get("config", {})
            made = mapping.resolve_from_unvalidated_config(outer, what=what, path=(*here, "config"))
            entry = {k: v for k, v in entry.items() if k != "config"} | {"ops": made}
        if _is_map(entry.get("ops", {})):
            entry = {**entry, "ops": _expand(inner, entry.get("ops", {}), (*here, "ops"), what)}
        expanded[name] = entry
    return expanded


def config_tree(
    job: JobDefinition,
    resources: Mapping[str, ResourceDefinition],
    raw: Mapping[str, Any],
    steps: frozenset[str] | None,
) -> Section | None:
    """What config the run takes; None where nothing takes any and none was given.

    Args:
        job: The job.
        resources: The resources that are set up.
        raw: The raw config: what it names is described even where it takes nothing.
        steps: The keys of the steps that run; None for all.
    """
    ops = _ops_section(job.graph, (), raw.get("ops"), steps)
    parts: dict[str, Any] = {"ops": ops} if ops else {}
    made = _resources_section(resources, raw.get("resources"), job.resource_defs)
    if made:
        parts["resources"] = made
    if not parts and not raw:
        return None
    from jobnb.config import Section

    if "inputs" in raw:
        parts["inputs"] = _graph_inputs_section(job.graph)

    named = job.loggers or _default_loggers(raw)
    parts.setdefault("ops", Section({}))
    parts.setdefault("resources", Section({}))
    parts["loggers"] = Section(
        {name: _config_section(each.config_schema) for name, each in named.items()}
    )
    parts["execution"] = _config_section(job.executor_def.config_schema)
    return Section(parts)


def _default_loggers(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    if not raw.get("loggers"):
        return {}
    from jobnb.definitions.logger import default_loggers

    return default_loggers()


def _config_section(schema: Any, **more: Any) -> Section:
    from jobnb.config import Section, schema_of

    described = schema_of(schema)
    return Section({**({"config": described} if described else {}), **more})


def _ops_section(
    graph: GraphDefinition, path: tuple[str, ...], raw: Any, steps: frozenset[str] | None
) -> Section | None:
    found = {}
    entries = raw if _is_map(raw) else {}
    for name, node in graph.node_map.items():
        given = entries.get(name) if entries else None
        section = _node_section(node, (*path, name), given, bool(raw), steps)
        if section is not None:
            found[name] = section
    if not found:
        return None
    from jobnb.config import Section

    return Section(found)


def _node_section(
    node: Node, path: tuple[str, ...], raw: Any, named: bool, steps: frozenset[str] | None
) -> Section | None:
    definition = node.definition
    if isinstance(definition, GraphDefinition):
        inner = raw.get("ops") if _is_map(raw) else None
        ops = _ops_section(definition, path, inner, steps)
        if ops is None and not named:
            return None
        from jobnb.config import Section

        return Section({"ops": ops or Section({})})
    assert isinstance(definition, OpDefinition)
    runs = steps is None or ".".join(path) in steps
    schema = definition.config_schema if runs else None
    if schema is None and not named:
        return None
    from jobnb.config import Section

    # Inputs are described only where config speaks of them: most are fed by other steps.
    inputs = {"inputs": _inputs_section(definition)} if _is_map(raw) and "inputs" in raw else {}
    if not runs:
        # Config for a step that is not selected is taken and not looked at.
        return Section(dict.fromkeys(("config", "inputs", "outputs"), _ignored()))
    return _config_section(schema, **inputs)


def _ignored() -> Any:
    from jobnb.config import Field, schema_of

    return schema_of(Field(Any, is_required=False))


def _graph_inputs_section(graph: GraphDefinition) -> Section:
    """The inputs of the whole graph that config can give."""
    from jobnb.config import Field, Section, schema_of

    fields = {}
    for name in graph.input_names:
        loader = _loader_below(graph, name)
        if loader is not None:
            described = schema_of(Field(loader.schema_type, is_required=False))
            assert described is not None
            fields[name] = described
    return Section(fields)


def _loader_below(graph: GraphDefinition, name: str) -> Any:
    """What loads an input of a graph from config: the loader of an op's input that it goes to."""
    for mapping in graph.input_mappings:
        if mapping.graph_input_name == name and mapping.fan_in_index is None:
            inner, target = (
                graph.node_map[mapping.mapped_node_name].definition,
                mapping.mapped_node_input_name,
            )
            if isinstance(inner, GraphDefinition):
                return _loader_below(inner, target)
            assert isinstance(inner, OpDefinition)
            return inner.ins[target].dagster_type.loader
    return None


def _inputs_section(op: OpDefinition[..., Any]) -> Section:
    from jobnb.config import Field, Section, schema_of

    fields = {}
    for name, each in op.ins.items():
        loader = each.dagster_type.loader
        if loader is not None:
            described = schema_of(Field(loader.schema_type, is_required=False))
            assert described is not None
            fields[name] = described
    return Section(fields)


def _resources_section(
    resources: Mapping[str, ResourceDefinition], raw: Any, known: Iterable[str]
) -> Section | None:
    # Config for a resource of the job that no selected step needs is taken and not looked at.
    unneeded = [key for key in known if key not in resources] if _is_map(raw) else []
    found = {key: _unneeded_section() for key in unneeded if key in raw}
    for key, each in resources.items():
        # A resource that has all its values already is described only where config speaks of it.
        settled = getattr(each, "is_settled", False) and not (_is_map(raw) and key in raw)
        schema = None if settled else each.config_schema
        if schema is not None or raw:
            found[key] = _config_section(schema)
    if not found:
        return None
    from jobnb.config import Section

    return Section(found)


def _unneeded_section() -> Section:
    from jobnb.config import Section

    return Section({"config": _ignored()})


def _collect(
    graph: GraphDefinition,
    bound: Mapping[str, Any],
    path: tuple[str, ...],
    ops: dict[str, Any],
    inputs: dict[str, Any],
) -> None:
    """Spread the bound values out by step key."""
    for name, entry in bound.items():
        node, here = graph.node_map[name], (*path, name)
        if isinstance(node.definition, GraphDefinition):
            _collect(node.definition, entry.get("ops") or {}, here, ops, inputs)
            continue
        key = ".".join(here)
        if "config" in entry:
            ops[key] = entry["config"]
        if entry.get("inputs"):
            inputs[key] = entry["inputs"]


def config_schema_of(job: JobDefinition) -> Any:
    """The tree that describes the run config of a job; its own config mapping shows the outside."""
    from jobnb.config import Section, schema_of
    from jobnb.plan.flatten import flatten
    from jobnb.plan.resources import plan_resources

    if job.config_mapping is not None:
        return schema_of(job.config_mapping.config_schema)
    own = _mapping_of(job.graph)
    if own is not None:
        described = schema_of(own.config_schema)
        return Section({"ops": Section({"config": described} if described else {})})
    resources = plan_resources(job, flatten(job.graph, job.input_values), None)
    return config_tree(job, resources, {}, None) or Section({})
