"""A job with its ops and graphs as the session defines them by now.

A job holds the ops that it was composed of. In a notebook, a cell that defines an op is run again
and the job's cell is not: who repeats a run after that means the op as it is now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.graph_checks import check_edges
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.node import Node, NodeDefinition

if TYPE_CHECKING:
    from jobnb.registry.session import Session


def redefined_nodes(session: Session, job: JobDefinition) -> dict[int, NodeDefinition]:
    """Return the newer definitions of a job's ops and graphs, by the id of the one it holds.

    Args:
        session: Knows what was defined when.
        job: A job of it; one of assets takes these as they are now by itself.
    """
    composed = session.catalogue.by_name("job").get(job.name)
    if job.asset_layer is not None or composed is None:
        return {}
    found: dict[int, NodeDefinition] = {}
    known = {**session.catalogue.by_name("graph"), **session.catalogue.by_name("op")}
    for node in job.all_node_defs:
        entry = known.get(node.name)
        if entry is None or entry.definition is node or type(entry.definition) is not type(node):
            continue
        if entry.defined_at > composed.defined_at:
            found[id(node)] = entry.definition
    return found


def with_present_ops(session: Session, job: JobDefinition) -> JobDefinition:
    """Return a job with the ops and graphs whose cells were run again since its own was.

    Args:
        session: Knows what was defined when.
        job: A job of it.

    Raises:
        InvalidDefinitionError: If one no longer has an input or output that the job connects.
    """
    newer = redefined_nodes(session, job)
    return job.replaced(graph_def=_replaced(job.graph, newer)) if newer else job


def _replaced(graph: GraphDefinition, newer: dict[int, NodeDefinition]) -> GraphDefinition:
    """Return a graph with other definitions at the same places, also in the graphs inside."""
    nodes = {}
    for name, node in graph.node_map.items():
        inner = newer.get(id(node.definition), node.definition)
        if isinstance(inner, GraphDefinition):
            inner = _replaced(inner, newer)
        nodes[name] = Node(name, inner, node.tags, node.hooks, node.retry_policy)
    made = GraphDefinition(
        graph.name,
        graph.description,
        config=graph.config_mapping,
        tags=graph.tags,
        input_mappings=graph.input_mappings,
        output_mappings=graph.output_mappings,
        node_input_source_assets=graph.node_input_source_assets,
        graph_ins=graph.graph_ins,
        placed=(nodes, graph.dependencies),
    )
    check_edges(made)
    return made
