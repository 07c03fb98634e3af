"""`GraphDefinition`: composed ops and graphs, with inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobnb.definitions.announce import announce_from_caller
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.keys import check_name
from jobnb.definitions.lazy import lazy
from jobnb.definitions.ops.dependency import (
    Dependency,
    DependencyMapping,
    GraphInput,
    InputMapping,
    MultiDependencyDefinition,
    NodeInvocation,
    OutputMapping,
)
from jobnb.definitions.ops.graph_checks import check_edges
from jobnb.definitions.ops.inout import DynamicOut, In, InputDefinition, Out, OutputDefinition
from jobnb.definitions.ops.node import NO_HOOKS, Node, NodeDefinition, PendingNodeInvocation
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.plain import check_tags
from jobnb.definitions.types import resolve
from jobnb.errors import InvalidDefinitionError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.assets.asset_job import AssetLayer
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.jobs.executor import ExecutorDefinition
    from jobnb.definitions.jobs.job_definition import JobDefinition
    from jobnb.definitions.jobs.logger import LoggerDefinition
    from jobnb.definitions.ops.hook import HookDefinition
    from jobnb.definitions.ops.retry import RetryPolicy
    from jobnb.definitions.partitions.partition import PartitionsDefinition


class GraphDefinition(NodeDefinition):
    """Nodes and the edges between them, with the graph's own inputs and outputs.

    Usually created by `@graph`; created by hand, it takes a dictionary of dependencies.

    Args:
        name: Letters, digits and underscores.
        description: A description, in Markdown.
        node_defs: The ops and graphs used.
        dependencies: For each node, what feeds its inputs.
        input_mappings: The node inputs that the graph's inputs feed.
        output_mappings: The node outputs that are the graph's outputs.
        config: A `ConfigMapping` for a config of the whole graph.
        tags: Strings by name, or values that can be JSON.
        node_input_source_assets: Assets that feed inputs, by node and input.

    Raises:
        InvalidDefinitionError: If the parts do not fit together.

    Source: Dagster's `GraphDefinition`.
    """

    noun = "a graph"
    assets_by_node: Mapping[str, AssetsDefinition] = {}  # Set in the graph of an asset job.
    partitioned: Any = ()  # Set in the graph of an asset job.: whose partitions a run may be for

    def __init__(
        self,
        name: str,
        description: str | None = None,
        node_defs: Sequence[NodeDefinition] | None = None,
        dependencies: DependencyMapping | None = None,
        input_mappings: Sequence[InputMapping] | None = None,
        output_mappings: Sequence[OutputMapping] | None = None,
        config: Any = None,
        tags: Mapping[str, Any] | None = None,
        node_input_source_assets: Mapping[str, Mapping[str, Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, description, tags)
        self.config_mapping = config
        self.input_mappings: Sequence[InputMapping] = list(input_mappings or ())
        self.output_mappings: Sequence[OutputMapping] = list(output_mappings or ())
        self.node_input_source_assets = dict(node_input_source_assets or {})
        self.retry_policy = None
        self.graph_ins: tuple[str, ...] = tuple(kwargs.pop("graph_ins", ()))
        placed = kwargs.pop("placed", None)
        if kwargs:
            raise InvalidDefinitionError(
                f"The graph {name!r} is given {', '.join(kwargs)}, which graphs do not take."
            )
        self.node_map: dict[str, Node] = {}
        self.dependencies: dict[str, dict[str, Dependency]] = {}
        if placed is not None:
            self.node_map, self.dependencies = placed
        else:
            self.node_map, self.dependencies = place(
                name, node_defs or (), dependencies or {}, self.input_mappings
            )
            check_edges(self)

    @property
    def nodes(self) -> list[Node]:
        """Its nodes, in the order of their placement."""
        return list(self.node_map.values())

    @property
    def node_defs(self) -> list[NodeDefinition]:
        """The definitions of its nodes, each once."""
        return list({id(n.definition): n.definition for n in self.nodes}.values())

    def node_named(self, name: str) -> Node:
        """Return the node of that name.

        Raises:
            InvalidDefinitionError: If there is none.
        """
        if name in self.node_map:
            return self.node_map[name]
        hint = did_you_mean(name, self.node_map, noun="Its nodes are")
        raise InvalidDefinitionError(f"{self.name!r} has no node {name!r}. {hint}")

    def node_at(self, path: Sequence[str]) -> Node:
        """Return the node at a path of names through nested graphs.

        Raises:
            InvalidDefinitionError: If there is no such node.
        """
        node = self.node_named(path[0])
        for name in path[1:]:
            inner = node.definition
            if not isinstance(inner, GraphDefinition):
                raise InvalidDefinitionError(f"{node.name!r} is an op: it holds no {name!r}.")
            node = inner.node_named(name)
        return node

    @lazy
    def input_names(self) -> tuple[str, ...]:
        """The names of its inputs, in order."""
        mapped = (mapping.graph_input_name for mapping in self.input_mappings)
        return tuple(dict.fromkeys((*self.graph_ins, *mapped)))

    @lazy
    def output_names(self) -> tuple[str, ...]:
        """The names of its outputs."""
        return tuple(mapping.graph_output_name for mapping in self.output_mappings)

    @property
    def input_defs(self) -> list[InputDefinition]:
        """Its inputs in order, each with the type of the input that it goes to."""
        leads = {mapping.graph_input_name: mapping for mapping in reversed(self.input_mappings)}
        return [self._input_def(name, leads.get(name)) for name in self.input_names]

    def _input_def(self, name: str, mapping: InputMapping | None) -> InputDefinition:
        if mapping is None:
            return InputDefinition(name, In(resolve(Any)))
        inner = self.node_map[mapping.mapped_node_name].definition
        within = inner.input_def_named(mapping.mapped_node_input_name)
        kind = within.dagster_type if mapping.dagster_type is None else mapping.dagster_type
        said = In(kind, mapping.graph_input_description, within.default_value)
        return InputDefinition(name, said)

    @property
    def output_defs(self) -> list[OutputDefinition]:
        """Its outputs in order, each with the type of the output that it comes from."""
        return [self._output_def(mapping) for mapping in self.output_mappings]

    def _output_def(self, mapping: OutputMapping) -> OutputDefinition:
        inner = self.node_map[mapping.mapped_node_name].definition
        within = inner.output_def_named(mapping.mapped_node_output_name)
        kind = within.dagster_type if mapping.dagster_type is None else mapping.dagster_type
        out = DynamicOut if self.is_dynamic(mapping.graph_output_name) else Out
        said = out(kind, mapping.graph_output_description, within.is_required)
        return OutputDefinition(mapping.graph_output_name, said)

    def has_node_named(self, name: str) -> bool:
        """Whether a node is called so."""
        return name in self.node_map

    def iterate_node_defs(self) -> Iterator[NodeDefinition]:
        """Iterate over it and the definitions in it at every depth, each once."""
        yield from {id(each): each for each in self._each_def()}.values()

    def iterate_op_defs(self) -> Iterator[OpDefinition[..., Any]]:
        """Iterate over the ops in it at every depth, each once."""
        return (each for each in self.iterate_node_defs() if isinstance(each, OpDefinition))

    def _each_def(self) -> Iterator[NodeDefinition]:
        yield self
        for each in self.node_defs:
            inner = each._each_def() if isinstance(each, GraphDefinition) else (each,)
            yield from inner

    def output_mapping(self, output_name: str) -> OutputMapping:
        """Return the mapping of an output."""
        return next(m for m in self.output_mappings if m.graph_output_name == output_name)

    @property
    def node_dict(self) -> Mapping[str, Node]:
        """Its nodes by name."""
        return self.node_map

    @property
    def config_schema(self) -> Any:
        """The schema of its config mapping; None without one."""
        return getattr(self.config_mapping, "config_schema", None)

    def configured(
        self,
        config_or_config_fn: Any,
        name: str,
        config_schema: Any = None,
        description: str | None = None,
    ) -> GraphDefinition:
        """Return a graph with some or all of its config set.

        Args:
            config_or_config_fn: The config, or a function from an outer config to it.
            name: The name of the new graph.
            config_schema: The schema of that function's argument.
            description: A description.

        Raises:
            InvalidDefinitionError: If the graph takes no config of its own.
        """
        from jobnb.config import ConfigMapping, configured_schema

        mapping = self.config_mapping
        if not isinstance(mapping, ConfigMapping):
            raise InvalidDefinitionError(
                f"The graph {self.name!r} takes no config of its own, so it cannot be configured. "
                "Give it a config mapping: @graph(config=...)."
            )
        schema = configured_schema(
            mapping.config_schema, config_or_config_fn, config_schema, f"graph {name!r}"
        )
        outer = ConfigMapping(mapping.resolve_from_validated_config, schema)
        clone = GraphDefinition(
            name,
            description or self.description,
            config=outer,
            tags=self.tags,
            input_mappings=self.input_mappings,
            output_mappings=self.output_mappings,
            node_input_source_assets=self.node_input_source_assets,
            graph_ins=self.graph_ins,
            placed=(self.node_map, self.dependencies),
        )
        announce_from_caller(clone)
        return clone

    def is_dynamic(self, output_name: str) -> bool:
        """Whether an output yields many values, each under a mapping key."""
        mapping = self.output_mapping(output_name)
        inner = self.node_map[mapping.mapped_node_name].definition
        return mapping.from_dynamic_mapping or inner.is_dynamic(mapping.mapped_node_output_name)

    def out_of(self, output_name: str) -> Out:
        """Return the `Out` of the op behind an output."""
        mapping = self.output_mapping(output_name)
        inner = self.node_map[mapping.mapped_node_name].definition
        return inner.out_of(mapping.mapped_node_output_name)

    @property
    def required_resource_keys(self) -> frozenset[str]:
        """The resources that the ops in it need."""
        return frozenset().union(*(each.required_resource_keys for each in self.node_defs))

    @property
    def manager_keys(self) -> frozenset[str]:
        """The IO and input managers of the ops in it."""
        return frozenset().union(*(each.manager_keys for each in self.node_defs))

    def to_job(
        self,
        name: str | None = None,
        description: str | None = None,
        resource_defs: Mapping[str, Any] | None = None,
        config: Any = None,
        tags: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        logger_defs: Mapping[str, LoggerDefinition] | None = None,
        executor_def: ExecutorDefinition | None = None,
        hooks: Iterable[HookDefinition] | None = None,
        op_retry_policy: RetryPolicy | None = None,
        version_strategy: Any = None,
        op_selection: Sequence[str] | None = None,
        partitions_def: PartitionsDefinition | None = None,
        asset_layer: AssetLayer | None = None,
        input_values: Mapping[str, Any] | None = None,
    ) -> JobDefinition:
        """Create a job that runs this graph.

        Args:
            name: The name of the job; that of the graph if not given.
            description: A description; that of the graph if not given.
            resource_defs: Resources by key.
            config: A `RunConfig`, a dict, a `ConfigMapping` or a `PartitionedConfig`.
            tags: Tags of each run, beside those of the graph.
            metadata: Metadata shown beside the job.
            logger_defs: Loggers by name.
            executor_def: The executor.
            hooks: Hooks of every step.
            op_retry_policy: The retry policy of ops that have none.
            version_strategy: Not used: code versions are hashes of the code.
            op_selection: The part of the graph that runs.
            partitions_def: The partitions that runs of the job choose from.
            asset_layer: Not used: assets have jobs of their own.
            input_values: Values of the graph's inputs, by name.

        Example:
            >>> from jobnb import graph, op
            >>> @op(required_resource_keys={"server"})
            ... def ask(context):
            ...     return context.resources.server
            >>> @graph
            ... def asking():
            ...     return ask()
            >>> local = asking.to_job(name="local", resource_defs={"server": "localhost"})
            >>> local.execute_in_process().output_value()
            'localhost'

        Source: Dagster's `GraphDefinition.to_job`.
        """
        job = engine().job_of_graph(
            self,
            name=name,
            description=description,
            resource_defs=resource_defs,
            config=config,
            tags=tags,
            metadata=metadata,
            logger_defs=logger_defs,
            executor_def=executor_def,
            hook_defs=hooks,
            op_retry_policy=op_retry_policy,
            version_strategy=version_strategy,
            op_selection=op_selection,
            partitions_def=partitions_def,
            asset_layer=asset_layer,
            input_values=input_values,
        )
        announce_from_caller(job)
        return job

    def execute_in_process(
        self,
        run_config: Any = None,
        instance: Any = None,
        resources: Mapping[str, Any] | None = None,
        raise_on_error: bool = True,
        op_selection: Sequence[str] | None = None,
        run_id: str | None = None,
        input_values: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the graph in this process, as a job with these resources.

        Source: Dagster's `GraphDefinition.execute_in_process`.
        """
        __tracebackhide__ = True
        return (
            engine()
            .job_of_graph(self, resource_defs=resources)
            .execute_in_process(
                run_config=run_config,
                instance=instance,
                raise_on_error=raise_on_error,
                op_selection=op_selection,
                run_id=run_id,
                input_values=input_values,
            )
        )

    def __repr__(self) -> str:
        return f"GraphDefinition({self.name!r})"


Nodes = dict[str, Node]
Edges = dict[str, dict[str, Dependency]]


def place(
    graph_name: str,
    node_defs: Sequence[NodeDefinition],
    dependencies: DependencyMapping,
    input_mappings: Sequence[InputMapping],
) -> tuple[Nodes, Edges]:
    """Create the nodes and edges of a dependency dictionary, in the order of `node_defs`.

    Raises:
        InvalidDefinitionError: If it names something unknown; lists every problem.
    """
    placing = _NodePlacement(graph_name)
    for definition, use, edges in placing.uses(node_defs, dependencies):
        placing.add(definition, use, edges)
    for mapping in input_mappings:
        placing.feed(mapping)
    if placing.problems:
        raise InvalidDefinitionError(
            f"The graph {graph_name!r} does not fit together:\n  " + "\n  ".join(placing.problems)
        )
    return placing.nodes, placing.edges


class _NodePlacement:
    """The nodes placed so far, and the problems found."""

    def __init__(self, graph_name: str) -> None:
        self.graph_name = graph_name
        self.nodes: Nodes = {}
        self.edges: Edges = {}
        self.problems: list[str] = []

    def uses(
        self, node_defs: Sequence[NodeDefinition], dependencies: DependencyMapping
    ) -> list[tuple[NodeDefinition, NodeInvocation, Mapping[str, Dependency]]]:
        """Return each use of a definition; one that the dictionary does not name is used once."""
        node_defs = self._known(node_defs)
        known = {each.name: each for each in node_defs}
        by_name: dict[str, list[tuple[NodeInvocation, Mapping[str, Dependency]]]] = {}
        for key, edges in dependencies.items():
            use = NodeInvocation(key) if isinstance(key, str) else key
            if use.name in known:
                by_name.setdefault(use.name, []).append((use, edges))
                continue
            hint = did_you_mean(use.name, known, noun="The node_defs are")
            self.problems.append(f"The dependencies speak of {use.name!r}. {hint}".rstrip())
        return [
            (definition, use, edges)
            for definition in node_defs
            for use, edges in by_name.get(definition.name)
            or [(NodeInvocation(definition.name), {})]
        ]

    def _known(self, node_defs: Sequence[NodeDefinition]) -> list[NodeDefinition]:
        """Return the ops and graphs among them, each once; what is neither goes to the problems."""
        given: Sequence[Any] = node_defs
        if isinstance(given, NodeDefinition) or not isinstance(given, Iterable):
            self.problems.append(f"node_defs is a list of ops and graphs: [{given!r}].")
            return []
        found: dict[int, NodeDefinition] = {}
        for each in given:
            if isinstance(each, NodeDefinition):
                found[id(each)] = each
            elif isinstance(each, PendingNodeInvocation):
                self.problems.append(
                    f"node_defs has a use of {each.node_def.name!r}, not the definition itself. "
                    f'Say it in dependencies: NodeInvocation("{each.node_def.name}", alias=...).'
                )
            else:
                shown = getattr(each, "__name__", None) or repr(each)
                self.problems.append(
                    f"node_defs has {shown}, which is no op and no graph. Decorate it with @op."
                )
        return list(found.values())

    def add(
        self, definition: NodeDefinition, use: NodeInvocation, edges: Mapping[str, Dependency]
    ) -> None:
        """Place one use of a definition."""
        name = check_name(use.alias or use.name, f"a node of {self.graph_name!r}")
        if name in self.nodes:
            self.problems.append(
                f"Two nodes are called {name!r}. "
                f'Give one an alias: NodeInvocation("{definition.name}", alias="another_name").'
            )
            return
        hooks = frozenset(use.hook_defs) or NO_HOOKS
        tags = check_tags(use.tags, f"a use of {definition.name!r}")
        self.nodes[name] = Node(name, definition, tags, hooks, use.retry_policy)
        self.edges[name] = dict(edges)

    def feed(self, mapping: InputMapping) -> None:
        """Connect an input of the graph to a node's input."""
        edges = self.edges.get(mapping.mapped_node_name)
        if edges is None:
            hint = did_you_mean(mapping.mapped_node_name, self.nodes, noun="The nodes are")
            self.problems.append(
                f"The input {mapping.graph_input_name!r} is mapped to the node "
                f"{mapping.mapped_node_name!r}. {hint}".rstrip()
            )
            return
        target, source = mapping.mapped_node_input_name, GraphInput(mapping.graph_input_name)
        if mapping.fan_in_index is None:
            edges[target] = source
            return
        fan_in = edges.get(target)
        items = list(fan_in.dependencies) if isinstance(fan_in, MultiDependencyDefinition) else []
        index = mapping.fan_in_index
        edges[target] = MultiDependencyDefinition([*items[:index], source, *items[index + 1 :]])
