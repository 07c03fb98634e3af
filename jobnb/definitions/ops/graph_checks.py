"""Checks of a graph at its definition: loose edges, circles, maps inside maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from jobnb.definitions.ops.dependency import (
    CollectDependency,
    Dependency,
    DependencyDefinition,
    GraphInput,
    MultiDependencyDefinition,
)
from jobnb.definitions.types import DataType, Nothing
from jobnb.errors import InvalidDefinitionError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.ops.graph_definition import GraphDefinition
    from jobnb.definitions.ops.node import Node, NodeDefinition

_MOST_NAMED = 20
"""So many nodes of a circle are named; of a longer one its beginning and its end."""


def check_edges(graph: GraphDefinition) -> None:
    """Raise one error for all edges of a hand-written graph that join unknown nodes or slots.

    Raises:
        InvalidDefinitionError: If one does not, or nodes wait for each other.
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
    problems += [] if problems else _circles(graph)
    if problems:
        raise InvalidDefinitionError(
            f"The graph {graph.name!r} does not fit together:\n  " + "\n  ".join(problems)
        )
    if any(each.is_dynamic(out) for each in graph.node_defs for out in each.output_names):
        check_dynamic(graph.name, graph.node_map, graph.dependencies)
    check_lists(graph.name, graph.node_map, graph.dependencies)


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


def _circles(graph: GraphDefinition) -> list[str]:
    """Return the nodes that wait for each other, in words; nothing if none do."""
    try:
        _in_order(graph.dependencies)
    except CycleError as error:
        path: list[str] = [repr(name) for name in reversed(error.args[1])]
        if len(path) > _MOST_NAMED:
            left_out = f"({len(path) - _MOST_NAMED + 1:,} more)"
            path[_MOST_NAMED // 2 : -(_MOST_NAMED // 2)] = [left_out]
        return [f"These nodes wait for each other: {' -> '.join(path)}."]
    return []


def _in_order(dependencies: Mapping[str, Mapping[str, Dependency]]) -> tuple[str, ...]:
    before = {
        name: {one.node for edge in edges.values() for one in _single(edge)}
        for name, edges in dependencies.items()
    }
    return tuple(TopologicalSorter(before).static_order())


def _single(edge: Dependency) -> Iterator[DependencyDefinition | CollectDependency]:
    return (
        one for one in _parts(edge) if isinstance(one, (DependencyDefinition, CollectDependency))
    )


Nodes = Mapping[str, "Node"]
Edges = Mapping[str, Mapping[str, Dependency]]
_Outputs = frozenset[tuple[str, str]]
"""Dynamic outputs, each as its node, with the path to it, and its name."""


def check_dynamic(graph_name: str, nodes: Nodes, dependencies: Edges) -> None:
    """Raise an error for a node mapped over two dynamic outputs, or collecting its own.

    Raises:
        InvalidDefinitionError: If one is, also in a nested graph; all problems at once.
    """
    problems = list(_mapped_twice(nodes, dependencies, "", {}))
    if problems:
        raise InvalidDefinitionError(
            f"The graph {graph_name!r} does not fit together:\n  " + "\n  ".join(problems)
        )


def _mapped_twice(
    nodes: Nodes, dependencies: Edges, path: str, fed: Mapping[str, _Outputs]
) -> Iterator[str]:
    """Describe the nodes that are mapped over two outputs.

    Args:
        nodes: The nodes of a graph.
        dependencies: Their edges.
        path: The path to the graph, as "outer.".
        fed: The dynamic outputs that the inputs of the graph are mapped over.
    """
    over: dict[str, _Outputs] = {}
    for name in _in_order(dependencies):
        by_input = {
            each: frozenset().union(
                *(_mapped_over(one, nodes, over, path, fed) for one in _parts(edge))
            )
            for each, edge in dependencies[name].items()
        }
        mapped: _Outputs = frozenset().union(*by_input.values())
        over[name] = mapped
        collects = any(
            isinstance(one, CollectDependency) and one.node in over
            for edge in dependencies[name].values()
            for one in _parts(edge)
        )
        if len(mapped) > 1:
            names = " and ".join(repr(node) for node, _ in sorted(mapped))
            yield (
                f"{path + name!r} takes elements of two dynamic outputs, of {names}. Collect one "
                "of them first: .collect()."
            )
            over[name] = frozenset()  # told once, not of all that follows
        elif mapped and collects:
            ((node, _),) = mapped
            yield (
                f"{path + name!r} is mapped over the dynamic output of {node!r} and collects one "
                "too. Do one of the two in an op of its own, before."
            )
        elif mapped and hasattr(nodes[name].definition, "node_map"):
            nested: Any = nodes[name].definition
            inner, within = nested.node_map, nested.dependencies
            yield from _mapped_twice(inner, within, f"{path}{name}.", by_input)


def _mapped_over(
    edge: Dependency,
    nodes: Nodes,
    over: Mapping[str, _Outputs],
    path: str,
    fed: Mapping[str, _Outputs],
) -> _Outputs:
    """Return the dynamic outputs that what comes along an edge is an element of."""
    if isinstance(edge, GraphInput):
        return fed.get(edge.name, frozenset())
    if not isinstance(edge, DependencyDefinition):
        return frozenset()
    dynamic = nodes[edge.node].definition.is_dynamic(edge.output)
    return over[edge.node] | ({(path + edge.node, edge.output)} if dynamic else frozenset())


def _parts(edge: Dependency) -> Sequence[Dependency]:
    return edge.dependencies if isinstance(edge, MultiDependencyDefinition) else (edge,)


def check_lists(graph_name: str, nodes: Nodes, dependencies: Edges) -> None:
    """Raise an error for an input that gets a list, and is of a type that rules a list out.

    Raises:
        InvalidDefinitionError: If there is one; all problems at once.
    """
    problems = []
    for name, edges in dependencies.items():
        for input_name, edge in edges.items():
            if isinstance(edge, (MultiDependencyDefinition, CollectDependency)):
                kind = _type_of(nodes[name].definition, input_name)
                if kind is not None and not _takes_list(kind):
                    problems.append(
                        f"The input {input_name!r} of {name!r} gets a list, and is of type "
                        f"{kind.display_name!r}. Annotate it as a list."
                    )
    if problems:
        raise InvalidDefinitionError(
            f"The graph {graph_name!r} does not fit together:\n  " + "\n  ".join(problems)
        )


def _type_of(definition: NodeDefinition, input_name: str) -> DataType | None:
    """Return the type of an input of an op; None where it is not known yet."""
    ins: Any = getattr(definition, "ins", None)
    kind = ins[input_name].dagster_type if ins and input_name in ins else None
    return kind if isinstance(kind, DataType) else None


def _takes_list(kind: DataType) -> bool:
    """Whether a list may be of a type; what a check of the user's own says is not asked."""
    has_own_check = type(kind) is DataType
    return kind is Nothing or has_own_check or kind.passes is None or kind.passes([])


def check_type_names(graph: GraphDefinition) -> None:
    """Raise an error if the ops of a job mean different types by one name.

    A cell that is run again defines its types again, while ops of other cells have the old ones:
    two types of one name from different cells are taken to be the same.

    Raises:
        InvalidDefinitionError: If they do not; all problems at once.
    """
    known: dict[str, DataType] = {}
    problems: dict[str, None] = {}
    for op in graph.iterate_op_defs():
        kinds = [each.dagster_type for each in op.given_ins.values()]
        kinds += [each.dagster_type for each in op.given_outs.values()]
        for kind in kinds:
            if not isinstance(kind, DataType) or kind.is_builtin or not kind.has_unique_name:
                continue
            first = known.setdefault(kind.unique_name, kind)
            if first is not kind and not _may_be_again(first, kind):
                problems[f"Two types are called {kind.unique_name!r}. Give one another name."] = (
                    None
                )
    if problems:
        raise InvalidDefinitionError(
            f"The types of the job {graph.name!r} do not fit together:\n  " + "\n  ".join(problems)
        )


def _may_be_again(one: DataType, other: DataType) -> bool:
    """Whether two types can come from the same lines, which were run twice."""
    first, second = _place(one), _place(other)
    in_cells = "ipykernel" in first[0] and "ipykernel" in second[0]
    return first == second or (in_cells and first[0] != second[0])


def _place(kind: DataType) -> tuple[str, int]:
    code = getattr(kind.written_check, "__code__", None)
    return getattr(code, "co_filename", ""), getattr(code, "co_firstlineno", 0)
