"""Subset a job: the ops that a selection names, or what some outputs need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from jobnb.definitions.jobs.job_config import job_words
from jobnb.definitions.ops.dependency import Dependency, MultiDependencyDefinition
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.node import Node
from jobnb.plan.asset_checks import check_outputs
from jobnb.plan.flatten import FlatNode, flatten, output_at
from jobnb.plan.order import output_edges

if TYPE_CHECKING:
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.jobs.job_definition import JobDefinition
    from jobnb.plan.asset_graph import AssetGraphDefinition


def select_nodes(job: JobDefinition, nodes: list[FlatNode]) -> list[FlatNode]:
    """Return the nodes that the job's op selection names; all of them if it has none.

    Raises:
        InvalidSubsetError: If it names an unknown op, or selects nothing.
    """
    for op_selection in (*job.selected_within, job.selected_ops):
        if op_selection:
            nodes = _selected(job, nodes, op_selection)
    return nodes


def _selected(
    job: JobDefinition, nodes: list[FlatNode], op_selection: Sequence[str]
) -> list[FlatNode]:
    names = [".".join(flat.path) for flat in nodes]
    upstream = {
        name: {each.step for edge in flat.edges.values() for each in output_edges(edge)}
        for name, flat in zip(names, nodes, strict=True)
    }
    # Most runs are of whole jobs, and the grammar of selections takes longer to load than they.
    from jobnb.plan.selection_resolution import resolve_op_selection

    chosen = resolve_op_selection(op_selection, names, upstream, what=job_words(job.name))
    return [flat for name, flat in zip(names, nodes, strict=True) if name in chosen]


def selected_graph(job: JobDefinition) -> GraphDefinition:
    """Return the graph of a job with only the selected ops, for display."""
    nodes = select_nodes(job, flatten(job.graph, job.input_values))
    return graph_of(job.graph, [flat.path for flat in nodes])


def without_unasked(graph: AssetGraphDefinition, nodes: list[FlatNode]) -> list[FlatNode]:
    """Drop nodes inside a graph-backed asset that only compute unselected assets.

    An asset of the graph that is not materialized is loaded from storage by its dependents.
    """
    partial = [
        (name, each)
        for name, each in graph.assets_by_node.items()
        if isinstance(each.node_def, GraphDefinition) and each.is_subset
    ]
    if not partial:
        return nodes
    edges = {".".join(flat.path): list(flat.edges.values()) for flat in nodes}
    dropped: set[str] = set()
    for name, assets_def in partial:
        asked, stored = _places(graph, name, assets_def)
        waiting, needed = [step for step, _ in asked], set[str]()
        while waiting:
            step = waiting.pop()
            if step not in needed:
                needed.add(step)
                waiting += [
                    each.step
                    for edge in edges[step]
                    for each in output_edges(edge)
                    if edge.kind != "output" or (each.step, each.output) not in stored
                ]
        dropped |= {step for step in edges if step.startswith(f"{name}.")} - needed
    return [flat for flat in nodes if ".".join(flat.path) not in dropped]


def _places(
    graph: AssetGraphDefinition, name: str, assets_def: AssetsDefinition
) -> tuple[list[tuple[str, str]], set[tuple[str, str]]]:
    """Return the steps and outputs of the selected assets, and those of the others."""
    asked, stored = [], set()
    for output, key in assets_def.keys_by_output_name.items():
        place = output_at(graph, (), name, output)
        if key in assets_def.keys:
            asked.append(place)
        else:
            stored.add(place)
    for output, spec in check_outputs(assets_def).items():
        if spec.key in assets_def.check_keys:
            asked.append(output_at(graph, (), name, output))
    return asked, stored


def graph_without(graph: GraphDefinition, outputs: Collection[str]) -> GraphDefinition:
    """Return the graph without some of its outputs, and without the nodes that only they need.

    A node that no output needs stays: it may have side effects.
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
    """Return the graph with only the ops at the paths, down through nested graphs.

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
    """Return these nodes of the graph and all that feed them."""
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
