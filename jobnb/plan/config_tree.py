"""The schema of a job's run config: which sections there are and what each takes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.node import Node
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.resources.resource import ResourceDefinition

if TYPE_CHECKING:
    from jobnb.config import ConfigMapping, Section


WRAP = "config"  # The section for the config of a mapping that covers the whole job.


class Managers:
    """The IO and input managers that take config for each value they store or load.

    Args:
        resources: The resources that are set up, by key.
    """

    def __init__(self, resources: Mapping[str, ResourceDefinition]) -> None:
        self.storing = self._schemas(resources, "output_config_schema")
        self.loading = self._schemas(resources, "input_config_schema")

    @staticmethod
    def _schemas(resources: Mapping[str, ResourceDefinition], which: str) -> dict[str, Any]:
        found = {key: getattr(each, which, None) for key, each in resources.items()}
        return {key: schema for key, schema in found.items() if schema is not None}

    def inputs_of(self, op: OpDefinition[..., Any]) -> dict[str, Any]:
        """Return the schemas of the inputs whose own manager takes config."""
        if not self.loading:
            return {}
        keys = {name: each.input_manager_key for name, each in op.given_ins.items()}
        return {name: self.loading[key] for name, key in keys.items() if key in self.loading}

    def outputs_of(self, op: OpDefinition[..., Any]) -> dict[str, Any]:
        """Return the schemas of the outputs whose manager takes config."""
        if not self.storing:
            return {}
        keys = {name: each.io_manager_key for name, each in op.outs.items()}
        return {name: self.storing[key] for name, key in keys.items() if key in self.storing}


def config_tree(
    job: JobDefinition,
    resources: Mapping[str, ResourceDefinition],
    raw: Mapping[str, Any],
    steps: frozenset[str] | None,
) -> Section | None:
    """Return the schema of the run's config; None where nothing takes any and none was given.

    Args:
        job: The job.
        resources: The resources that are set up.
        raw: The raw config: sections it names are described even where they take nothing.
        steps: The keys of the steps that run; None for all.
    """
    ops = _Ops(Managers(resources), steps).of_graph(job.graph, (), raw.get("ops"))
    parts: dict[str, Any] = {"ops": ops} if ops else {}
    made = _resources_section(resources, raw.get("resources"), job.resource_defs)
    if made:
        parts["resources"] = made
    if not parts and not raw and not job.has_specified_executor:
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
    parts["execution"] = _config_section(job.executor_def.schema_for(raw.get("execution")))
    return Section(parts)


class ConfigTrees:
    """Caches the schemas of runs that name the same config sections.

    A tree is cheap to build, but pydantic's model of it takes longer than a short run.

    Attributes:
        maps: Whether a nested graph has a config mapping; None until it is known.
    """

    def __init__(self) -> None:
        self._made: dict[Hashable, Section | None] = {}
        self.maps: bool | None = None

    def tree(
        self,
        job: JobDefinition,
        resources: Mapping[str, ResourceDefinition],
        raw: Mapping[str, Any],
        steps: frozenset[str],
    ) -> Section | None:
        """Return `config_tree(...)`, cached; job, resources and steps are the first call's."""
        named = _names_in(raw), _names_of_ways(raw.get("execution"))
        if named not in self._made:
            self._made[named] = config_tree(job, resources, raw, steps)
        return self._made[named]


def _names_in(raw: Any) -> Hashable:
    """Return the names in a config, whatever the values: the key of the cache."""
    if not _is_map(raw):
        return None
    parts = ((name, None if name == "config" else _names_in(raw[name])) for name in raw)
    return tuple(sorted(parts, key=lambda part: str(part[0])))


def _names_of_ways(execution: Any) -> tuple[str, ...]:
    """Return the executors that a config names: their schemas differ."""
    config = execution.get("config") if _is_map(execution) else None
    return tuple(sorted(str(name) for name in config or ())) if _is_map(config) else ()


def _default_loggers(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    if not raw.get("loggers"):
        return {}
    from jobnb.definitions.jobs.logger import default_loggers

    return default_loggers()


def _config_section(schema: Any, **more: Any) -> Section:
    from jobnb.config import Section, schema_of

    described = schema_of(schema)
    return Section({**({"config": described} if described else {}), **more})


class _Ops:
    """Builds the schema of the ops of a run.

    Args:
        managers: The managers that take config for each value.
        steps: The keys of the steps that run; None for all.
    """

    def __init__(self, managers: Managers, steps: frozenset[str] | None) -> None:
        self.managers = managers
        self.steps = steps

    def of_graph(self, graph: GraphDefinition, path: tuple[str, ...], raw: Any) -> Section | None:
        """Return the schema of a graph's nodes, given what the config names."""
        entries = raw if _is_map(raw) else {}
        found = {}
        for name, node in graph.node_map.items():
            given = entries.get(name) if entries else None
            section = self._of_node(node, (*path, name), given, bool(raw))
            if section is not None:
                found[name] = section
        for name in getattr(graph, "left_out", ()):
            if name in entries:
                found[name] = _ignored(self._of_left_out(graph, name))
        if not found:
            return None
        from jobnb.config import Section

        return Section(found)

    def _of_left_out(self, graph: GraphDefinition, name: str) -> Any:
        """Return the schema of a node that a selection by status leaves out at present."""
        from jobnb.plan.asset_parts import name_in, shared_names  # no job of ops has such nodes

        layer: Any = getattr(graph, "layer", None)
        shared = shared_names(layer.assets)
        named = [*((name_in(shared, each), each) for each in layer.assets)]
        named += [(each.node_def.name, each) for each in layer.checks]
        for own, each in named:
            if own == name:
                if isinstance(each.node_def, GraphDefinition):
                    return self.of_graph(each.node_def, (name,), {})
                return _config_section(each.node_def.config_schema)
        return None

    def _of_node(self, node: Node, path: tuple[str, ...], raw: Any, named: bool) -> Section | None:
        definition = node.definition
        if isinstance(definition, GraphDefinition):
            ops = self.of_graph(definition, path, raw.get("ops") if _is_map(raw) else None)
            if ops is None and not named:
                return None
            from jobnb.config import Section

            return Section({"ops": ops or Section({})})
        assert isinstance(definition, OpDefinition)
        if self.steps is not None and ".".join(path) not in self.steps:
            return _unselected_section(definition.config_schema) if named else None
        schema, values = definition.config_schema, self._of_values(definition, raw)
        if schema is None and _is_map(raw) and "config" in raw:
            schema = _anything()
        return _config_section(schema, **values) if named or schema is not None or values else None

    def _of_values(self, op: OpDefinition[..., Any], raw: Any) -> dict[str, Section]:
        """Return the schema of an op's inputs and outputs."""
        loaded, stored = self.managers.inputs_of(op), self.managers.outputs_of(op)
        spoken = _is_map(raw) and "inputs" in raw
        found = {}
        if loaded or spoken:
            # An input's loader is described only where config names it: most inputs are fed.
            loadable = _loadable(op) if spoken else {}
            found["inputs"] = _fields(loadable | loaded)
        if stored:
            found["outputs"] = _fields(stored)
        return found


def _fields(schemas: Mapping[str, Any]) -> Section:
    from jobnb.config import Section, schema_of

    described = {name: schema_of(schema) for name, schema in schemas.items()}
    return Section({name: each for name, each in described.items() if each is not None})


def _anything() -> Any:
    """Return the schema of a function that declares none: it takes any config."""
    from jobnb.config import Field

    return Field(Any, is_required=False)


def _unselected_section(schema: Any) -> Section:
    """Accept any config for a step that is not selected, without checking it."""
    from jobnb.config import Section

    return Section({"config": _ignored(schema), "inputs": _ignored(), "outputs": _ignored()})


def _ignored(schema: Any = None) -> Any:
    """Accept any value without checking it; secrets in it are still stored by name."""
    from jobnb.config import ConfigField, Section, schema_of
    from jobnb.config.schema import ANYTHING, Ignored

    field = None if isinstance(schema, Section) else schema_of(schema)
    inner = schema if isinstance(schema, Section) else field.schema if field else ANYTHING
    return ConfigField(Ignored(inner), is_required=False)


def _graph_inputs_section(graph: GraphDefinition) -> Section:
    """Return the schema of the whole graph's inputs that config can feed."""
    return _fields(_from_loaders({name: _loader_below(graph, name) for name in graph.input_names}))


def _loader_below(graph: GraphDefinition, name: str) -> Any:
    """Return the loader of the op input that a graph input leads to."""
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


def _loadable(op: OpDefinition[..., Any]) -> dict[str, Any]:
    """Return the inputs that their types can load from config."""
    return _from_loaders({name: each.dagster_type.loader for name, each in op.ins.items()})


def _from_loaders(loaders: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of each loader, where there is one; config may omit it."""
    from jobnb.config import Field

    return {
        name: Field(loader.schema_type, is_required=False)
        for name, loader in loaders.items()
        if loader is not None
    }


def _resources_section(
    resources: Mapping[str, ResourceDefinition], raw: Any, known: Mapping[str, Any]
) -> Section | None:
    # Config for a resource that no selected step needs is accepted without being checked.
    unneeded = [key for key in known if key not in resources] if _is_map(raw) else []
    found = {key: _unneeded_section(known[key]) for key in unneeded if key in raw}
    for key, each in resources.items():
        # A resource object that has all its values is described only where config names it.
        settled = getattr(each, "is_settled", False) and not (_is_map(raw) and key in raw)
        schema = None if settled else _schema_of(each, resources)
        entry = (raw.get(key) if _is_map(raw) else None) or {}
        given = _is_map(entry) and "config" in entry
        if schema is None and given and each.takes_any_config:
            schema = _anything()
        if schema is not None or raw:
            found[key] = _config_section(schema)
    if not found:
        return None
    from jobnb.config import Section

    return Section(found)


def _schema_of(resource: ResourceDefinition, all_of: Mapping[str, ResourceDefinition]) -> Any:
    beside = getattr(resource, "schema_beside", None)
    return resource.config_schema if beside is None else beside(all_of.values())


def _unneeded_section(resource: Any) -> Section:
    from jobnb.config import Section

    return Section({"config": _ignored(getattr(resource, "config_schema", None))})


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def outer_tree(
    job: JobDefinition, tree: Section | None, steps: frozenset[str] | None
) -> tuple[Section, bool]:
    """Return the schema of a job's run config as users write it, with config mappings applied.

    Args:
        job: The job.
        tree: The schema inside of the mappings, from `config_tree`.
        steps: The keys of the steps that run; None for all.

    Returns:
        The schema, and whether one mapping covers the whole config; it is then under `WRAP`.
    """
    from jobnb.config import Section

    if job.config_mapping is not None:
        return Section({WRAP: _outer_field(job.config_mapping)}), True
    parts = dict(tree.fields) if tree is not None else {}
    return Section({**parts, "ops": _outer_ops(job.graph, parts.get("ops"), steps, ())}), False


def mapping_of(graph: GraphDefinition) -> ConfigMapping | None:
    """Return the config mapping of a graph; a plain dict of config leaves nothing to give."""
    from jobnb.config import ConfigMapping

    given = graph.config_mapping
    if given is None or isinstance(given, ConfigMapping):
        return given
    return ConfigMapping(lambda _outer: given, config_schema={})


def _outer_ops(
    graph: GraphDefinition, section: Any, steps: frozenset[str] | None, path: tuple[str, ...]
) -> Section:
    from jobnb.config import Section

    mapping = mapping_of(graph)
    if mapping is not None:
        return Section({WRAP: _outer_field(mapping)})
    fields = section.fields if isinstance(section, Section) else {}
    found: dict[str, Any] = {}
    for name, node in graph.node_map.items():
        branch, here = fields.get(name), (*path, name)
        if isinstance(node.definition, GraphDefinition):
            below = branch.fields.get("ops") if isinstance(branch, Section) else None
            made = _outer_graph(node.definition, below, steps, here)
            if made.fields:
                found[name] = made
        elif branch is not None and _runs(here, steps):
            found[name] = branch
    return Section(found)


def _outer_graph(
    graph: GraphDefinition, section: Any, steps: frozenset[str] | None, path: tuple[str, ...]
) -> Section:
    from jobnb.config import Section

    start = ".".join(path) + "."
    if steps is not None and not any(step.startswith(start) for step in steps):
        return Section({})
    made = _outer_ops(graph, section, steps, path)
    if graph.config_mapping is not None or not made.fields:
        return made
    return Section({"ops": made})


def _runs(path: tuple[str, ...], steps: frozenset[str] | None) -> bool:
    return steps is None or ".".join(path) in steps


def _outer_field(mapping: ConfigMapping) -> Any:
    from jobnb.config import Permissive, schema_of

    field = schema_of(mapping.config_schema)
    return schema_of(Permissive()) if field is None else field
