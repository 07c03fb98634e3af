"""Keeping the part of a job that an op selection names."""

from __future__ import annotations

from collections.abc import Sequence

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.jobs.job_config import job_words
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.graph_parts import graph_of
from jobnb.plan.asset_checks import check_outputs
from jobnb.plan.asset_job import AssetGraphDefinition
from jobnb.plan.flatten import FlatNode, flatten, output_at
from jobnb.plan.order import output_edges
from jobnb.plan.selecting import resolve_op_selection

__all__ = ["select_nodes", "selected_graph", "without_unasked"]


def select_nodes(job: JobDefinition, nodes: list[FlatNode]) -> list[FlatNode]:
    """The nodes that the job's selection of ops names; all of them if it has none.

    Raises:
        InvalidSubsetError: If it names what is not there, or selects nothing.
    """
    for op_selection in (*job.selected_within, job.op_selection):
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
    chosen = resolve_op_selection(op_selection, names, upstream, what=f"{job_words(job.name)}")
    return [flat for name, flat in zip(names, nodes, strict=True) if name in chosen]


def selected_graph(job: JobDefinition) -> GraphDefinition:
    """The graph of a job as its selection of ops leaves it, to look at."""
    nodes = select_nodes(job, flatten(job.graph, job.input_values))
    return graph_of(job.graph, [flat.path for flat in nodes])


def without_unasked(graph: AssetGraphDefinition, nodes: list[FlatNode]) -> list[FlatNode]:
    """The nodes, without those inside a graph that only make what is not selected.

    An asset of the graph that is not made is loaded by what takes it, as it was stored.
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
    """The steps and outputs that give what is selected, and the assets that are not."""
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
