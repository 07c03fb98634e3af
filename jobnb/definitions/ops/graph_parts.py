"""A part of a graph: what is left without some of its outputs, or with some of its ops alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from jobnb.definitions.ops.dependency import Dependency, MultiDependencyDefinition
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.node import Node

__all__ = ["graph_of", "graph_without"]


def graph_without(graph: GraphDefinition, outputs: Collection[str]) -> GraphDefinition:
    """The graph without some of its outputs, and without the nodes that only they need.

    A node that no output needs stays: it may do something of its own.

    Args:
        graph: The graph.
        outputs: The outputs to leave out.
    """
    kept = [each for each in graph.output_mappings if each.graph_output_name not in outputs]
    gone = [each for each in graph.output_mappings if each.graph_output_name in outputs]
    needed = _upstream(graph, (each.mapped_node_name for each in kept))
    dropped = _upstream(graph, (each.mapped_node_name for each in gone)) - needed
    return GraphDefinition(
        graph.name,
        graph.description,
        config=graph.config_mapping,
        input_mappings=[m for m in graph.input_mappings if m.mapped_node_name not in dropped],
        output_mappings=kept,
        placed=(
            {name: node for name, node in graph.node_map.items() if name not in dropped},
            {name: edges for name, edges in graph.dependencies.items() if name not in dropped},
        ),
    )


def graph_of(graph: GraphDefinition, paths: Iterable[Sequence[str]]) -> GraphDefinition:
    """The graph with no ops but those at the paths, down through the graphs in it.

    Edges from and to other ops are left out.
    """
    inside: dict[str, list[Sequence[str]]] = defaultdict(list)
    for path in paths:
        inside[path[0]].append(path[1:])
    nodes = {}
    for name, node in graph.node_map.items():
        if name in inside:
            inner = node.definition
            if isinstance(inner, GraphDefinition):
                inner = graph_of(inner, inside[name])
            nodes[name] = Node(name, inner, node.tags, node.hooks, node.retry_policy)
    return GraphDefinition(
        graph.name,
        graph.description,
        config=graph.config_mapping,
        tags=graph.tags,
        input_mappings=[m for m in graph.input_mappings if m.mapped_node_name in nodes],
        output_mappings=[m for m in graph.output_mappings if m.mapped_node_name in nodes],
        graph_ins=graph.graph_ins,
        placed=(
            nodes,
            {
                name: {i: e for i, e in graph.dependencies[name].items() if _among(e, nodes)}
                for name in nodes
            },
        ),
    )


def _among(edge: Dependency, nodes: Collection[str]) -> bool:
    return all(name in nodes for name in _nodes_of(edge))


def _upstream(graph: GraphDefinition, nodes: Iterable[str]) -> set[str]:
    """These nodes of the graph and all that they are fed by."""
    found: set[str] = set()
    waiting = list(nodes)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            edges = graph.dependencies.get(name, {}).values()
            waiting += [node for edge in edges for node in _nodes_of(edge)]
    return found


def _nodes_of(edge: Dependency) -> Iterator[str]:
    if isinstance(edge, MultiDependencyDefinition):
        for one in edge.dependencies:
            yield from _nodes_of(one)
    elif (node := getattr(edge, "node", None)) is not None:
        yield node
