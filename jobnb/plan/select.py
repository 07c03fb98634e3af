"""Keeping the part of a job that an op selection names."""

from __future__ import annotations

from collections.abc import Sequence

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.plan.asset_job import AssetGraphDefinition
from jobnb.plan.flatten import FlatNode, output_at
from jobnb.plan.regions import output_edges

__all__ = ["select_nodes", "without_unasked"]


def select_nodes(
    job: JobDefinition, nodes: list[FlatNode], op_selection: Sequence[str] | None
) -> list[FlatNode]:
    """The nodes that the selection names; all of them if it is None.

    Raises:
        InvalidSubsetError: If it names what is not there, or selects nothing.
    """
    if not op_selection:
        return nodes
    from jobnb.definitions.selections.op_selection import resolve_op_selection

    names = [".".join(flat.path) for flat in nodes]
    upstream = {
        name: {each.step for edge in flat.edges.values() for each in output_edges(edge)}
        for name, flat in zip(names, nodes, strict=True)
    }
    chosen = resolve_op_selection(op_selection, names, upstream, what=f"the job {job.name!r}")
    return [flat for name, flat in zip(names, nodes, strict=True) if name in chosen]


def without_unasked(graph: AssetGraphDefinition, nodes: list[FlatNode]) -> list[FlatNode]:
    """The nodes, without those inside a graph that only make assets which are not selected."""
    partial = [
        (name, each)
        for name, each in graph.assets_by_node.items()
        if isinstance(each.node_def, GraphDefinition)
        and len(each.keys) < len(each.keys_by_output_name)
    ]
    if not partial:
        return nodes
    upstream = {
        ".".join(flat.path): [e.step for edge in flat.edges.values() for e in output_edges(edge)]
        for flat in nodes
    }
    dropped: set[str] = set()
    for name, assets_def in partial:
        waiting = [
            output_at(graph, (), name, output)[0]
            for output, key in assets_def.keys_by_output_name.items()
            if key in assets_def.keys
        ]
        needed: set[str] = set()
        while waiting:
            step = waiting.pop()
            if step not in needed:
                needed.add(step)
                waiting += upstream[step]
        dropped |= {step for step in upstream if step.startswith(f"{name}.")} - needed
    return [flat for flat in nodes if ".".join(flat.path) not in dropped]
