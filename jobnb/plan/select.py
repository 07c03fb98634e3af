"""Keeping the part of a job that an op selection names."""

from __future__ import annotations

from collections.abc import Sequence

from jobnb.definitions.job_definition import JobDefinition
from jobnb.plan.flatten import FlatNode
from jobnb.plan.regions import output_edges

__all__ = ["select_nodes"]


def select_nodes(
    job: JobDefinition, nodes: list[FlatNode], op_selection: Sequence[str] | None
) -> list[FlatNode]:
    """The nodes that the selection names; all of them if it is None.

    Raises:
        InvalidSubsetError: If it names what is not there, or selects nothing.
    """
    if not op_selection:
        return nodes
    from jobnb.definitions.op_selection import resolve_op_selection

    names = [".".join(flat.path) for flat in nodes]
    upstream = {
        name: {each.step for edge in flat.edges.values() for each in output_edges(edge)}
        for name, flat in zip(names, nodes, strict=True)
    }
    chosen = resolve_op_selection(op_selection, names, upstream, what=f"the job {job.name!r}")
    return [flat for name, flat in zip(names, nodes, strict=True) if name in chosen]
