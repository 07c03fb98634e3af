"""Graphs: ops and graphs put together, and ready to be a job or to stand in another graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobnb.definitions import doors
from jobnb.definitions.announce import announce
from jobnb.definitions.dependency import (
    Dependency,
    DependencyDefinition,
    DependencyMapping,
    GraphInput,
    InputMapping,
    MultiDependencyDefinition,
    NodeInvocation,
    OutputMapping,
)
from jobnb.definitions.keys import check_name
from jobnb.definitions.lazy import lazy
from jobnb.definitions.node import NO_HOOKS, Node, NodeDefinition, check_tags
from jobnb.errors import InvalidDefinitionError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.job_definition import JobDefinition

__all__ = ["GraphDefinition"]


class GraphDefinition(NodeDefinition):
    """Nodes and the edges between them, with inputs and outputs of its own.

    Usually made by `@graph`; made by hand, from a dictionary of dependencies.

    Args:
        name: Letters, digits and underscores.
        description: In words, Markdown.
        node_defs: The ops and graphs used.
        dependencies: For each node, what feeds its inputs.
        input_mappings: Where the inputs of the graph go.
        output_mappings: Where its outputs come from.
        config: A `ConfigMapping` that gives the graph a config of its own.
        tags: Strings by name, or values that can be JSON.
        node_input_source_assets: Assets that feed inputs, by node and input.

    Raises:
        InvalidDefinitionError: If the parts do not fit together.

    Source: Dagster's `GraphDefinition`.
    """

    noun = "a graph"

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
            self._place(list(node_defs or ()), dict(dependencies or {}))
            self._apply_input_mappings()
            check_edges(self)

    def _place(
        self,
        node_defs: list[NodeDefinition],
        dependencies: dict[str | NodeInvocation, Mapping[str, Dependency]],
    ) -> None:
        """Make the nodes that a dependency dictionary speaks of, in the order of `node_defs`."""
        known = {each.name: each for each in node_defs}
        invocations: dict[str, list[tuple[NodeInvocation, Mapping[str, Dependency]]]] = {}
        for key, edges in dependencies.items():
            use = NodeInvocation(key) if isinstance(key, str) else key
            if use.name not in known:
                hint = did_you_mean(use.name, known, noun="Its node_defs are")
                raise InvalidDefinitionError(
                    f"The dependencies of {self.name!r} speak of {use.name!r}. {hint}"
                )
            invocations.setdefault(use.name, []).append((use, edges))
        for definition in node_defs:
            for use, edges in invocations.get(definition.name) or [
                (NodeInvocation(definition.name), {})
            ]:
                self._add(definition, use, edges)

    def _add(
        self, definition: NodeDefinition, use: NodeInvocation, edges: Mapping[str, Dependency]
    ) -> None:
        name = check_name(use.alias or use.name, f"a node of {self.name!r}")
        if name in self.node_map:
            raise InvalidDefinitionError(
                f"{self.name!r} has two nodes called {name!r}. "
                f'Give one an alias: NodeInvocation("{definition.name}", alias="another_name").'
            )
        hooks = frozenset(use.hook_defs) or NO_HOOKS
        tags = check_tags(use.tags, f"a use of {definition.name!r}")
        self.node_map[name] = Node(name, definition, tags, hooks, use.retry_policy)
        self.dependencies[name] = dict(edges)

    def _apply_input_mappings(self) -> None:
        for mapping in self.input_mappings:
            edges = self.dependencies.get(mapping.mapped_node_name)
            if edges is None:
                hint = did_you_mean(mapping.mapped_node_name, self.node_map, noun="The nodes are")
                raise InvalidDefinitionError(
                    f"The input {mapping.graph_input_name!r} of {self.name!r} is mapped to the "
                    f"node {mapping.mapped_node_name!r}. {hint}"
                )
            target, source = mapping.mapped_node_input_name, GraphInput(mapping.graph_input_name)
            if mapping.fan_in_index is None:
                edges[target] = source
                continue
            fan_in = edges.get(target)
            items = list(fan_in.dependencies) if isinstance(fan_in, MultiDependencyDefinition) else []
            edges[target] = MultiDependencyDefinition(
                [*items[: mapping.fan_in_index], source, *items[mapping.fan_in_index + 1 :]]
            )

    @property
    def nodes(self) -> list[Node]:
        """Its nodes, in the order in which they were placed."""
        return list(self.node_map.values())

    @property
    def node_defs(self) -> list[NodeDefinition]:
        """The definitions of its nodes, each once."""
        return list({id(n.definition): n.definition for n in self.nodes}.values())

    def node_named(self, name: str) -> Node:
        """The node called so.

        Raises:
            InvalidDefinitionError: If there is none.
        """
        if name in self.node_map:
            return self.node_map[name]
        hint = did_you_mean(name, self.node_map, noun="Its nodes are")
        raise InvalidDefinitionError(f"{self.name!r} has no node {name!r}. {hint}")

    @lazy
    def input_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The names of its inputs, in order."""
        mapped = (mapping.graph_input_name for mapping in self.input_mappings)
        return tuple(dict.fromkeys((*self.graph_ins, *mapped)))

    @lazy
    def output_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The names of its outputs."""
        return tuple(mapping.graph_output_name for mapping in self.output_mappings)

    def output_mapping(self, output_name: str) -> OutputMapping:
        """Where an output comes from."""
        return next(m for m in self.output_mappings if m.graph_output_name == output_name)

    def is_dynamic(self, output_name: str) -> bool:
        """Whether the output gives many values, each under a mapping key."""
        mapping = self.output_mapping(output_name)
        inner = self.node_map[mapping.mapped_node_name].definition
        return mapping.from_dynamic_mapping or inner.is_dynamic(mapping.mapped_node_output_name)

    def to_job(self, name: str | None = None, **parameters: Any) -> JobDefinition:
        """A job that runs this graph.

        Args:
            name: The name of the job; that of the graph if absent.
            **parameters: Those of `@job`: description, resource_defs, config, tags, metadata,
                logger_defs, executor_def, hooks, op_retry_policy, version_strategy,
                op_selection, partitions_def, asset_layer, input_values.

        Source: Dagster's `GraphDefinition.to_job`.
        """
        from jobnb.definitions.job_definition import job_from_graph

        made = job_from_graph(self, name=name, **parameters)
        announce(made, _caller_module())
        return made

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
        """Run the graph in this process, as a job with these resources would.

        Source: Dagster's `GraphDefinition.execute_in_process`.
        """
        from jobnb.definitions.job_definition import job_from_graph

        job = job_from_graph(self, resource_defs=doors.resource_defs_of(resources))
        return job.execute_in_process(
            run_config=run_config,
            instance=instance,
            raise_on_error=raise_on_error,
            op_selection=op_selection,
            run_id=run_id,
            input_values=input_values,
        )

    def __repr__(self) -> str:
        return f"GraphDefinition({self.name!r})"


def _caller_module() -> str:
    import sys

    return str(sys._getframe(2).f_globals.get("__name__", ""))


def check_edges(graph: GraphDefinition) -> None:
    """See that every edge of a hand-written graph joins what is there; all problems at once.

    Raises:
        InvalidDefinitionError: If one does not.
    """
    problems: list[str] = []
    for name, edges in graph.dependencies.items():
        inputs = graph.node_map[name].definition.input_names
        for input_name, edge in edges.items():
            if input_name not in inputs:
                hint = did_you_mean(input_name, inputs, noun="Its inputs are")
                problems.append(f"{name!r} has no input {input_name!r}. {hint}")
            problems += _edge_problems(graph, f"{name}.{input_name}", edge)
    for mapping in graph.output_mappings:
        source = DependencyDefinition(mapping.mapped_node_name, mapping.mapped_node_output_name)
        problems += _edge_problems(graph, f"output {mapping.graph_output_name}", source)
    if problems:
        raise InvalidDefinitionError(
            f"The graph {graph.name!r} does not fit together:\n  " + "\n  ".join(problems)
        )


def _edge_problems(graph: GraphDefinition, place: str, edge: Dependency) -> list[str]:
    if isinstance(edge, MultiDependencyDefinition):
        return [p for one in edge.dependencies for p in _edge_problems(graph, place, one)]
    node, output = getattr(edge, "node", None), getattr(edge, "output", "")
    if node is None:
        return []
    if node not in graph.node_map:
        hint = did_you_mean(node, graph.node_map, noun="The nodes are")
        return [f"{place} depends on {node!r}, which is not a node. {hint}"]
    outs = graph.node_map[node].definition.output_names
    if output not in outs:
        hint = did_you_mean(output, outs, noun="Its outputs are")
        return [f"{place} depends on the output {output!r} of {node!r}. {hint}"]
    return []
