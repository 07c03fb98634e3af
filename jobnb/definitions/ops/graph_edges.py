"""Seeing that a hand-written graph holds together: every edge joins what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobnb.definitions.ops.dependency import (
    Dependency,
    DependencyDefinition,
    MultiDependencyDefinition,
)
from jobnb.errors import InvalidDefinitionError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.ops.graph_definition import GraphDefinition

__all__ = ["check_edges"]


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
