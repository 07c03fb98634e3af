"""A job with its ops and graphs as the session defines them by now.

A job or an asset that a graph makes holds the ops that it was composed of. In a notebook, a cell
that defines an op is run again and that of the job or asset is not: who repeats a run after that
means the op as it is now.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.graph_checks import check_edges
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.node import Node, NodeDefinition

if TYPE_CHECKING:
    from jobnb.registry.catalogue import Entry
    from jobnb.registry.session import Session


def with_present_ops(session: Session, job: JobDefinition) -> JobDefinition:
    """Return a job with the ops and graphs whose cells were run again since its own was.

    Of a job of assets these are the ops inside of assets that a graph makes; the assets themselves
    are as the session knows them anyway.

    Args:
        session: Knows what was defined when.
        job: A job of it.

    Raises:
        InvalidDefinitionError: If one no longer has an input or output that the job connects.
    """
    layer = job.asset_layer
    if layer is not None:
        assets = tuple(_with_present_ops(session, each) for each in layer.assets)
        is_same = all(new is old for new, old in zip(assets, layer.assets, strict=True))
        return job if is_same else job.replaced(asset_layer=replace(layer, assets=assets))
    composed = session.catalogue.by_name("job").get(job.name)
    newer = _newer(session, job.all_node_defs, composed)
    return job.replaced(graph_def=_replaced(job.graph, newer)) if newer else job


def _with_present_ops(session: Session, assets: AssetsDefinition) -> AssetsDefinition:
    """Return assets whose graph has the ops whose cells were run again since their own was."""
    graph = assets.node_def
    if not isinstance(graph, GraphDefinition):
        return assets
    known = session.catalogue.by_name("asset")
    composed = next(
        (known[name] for key in assets.keys if (name := key.to_user_string()) in known), None
    )
    newer = _newer(session, graph.iterate_node_defs(), composed)
    return assets.with_changes(node_def=_replaced(graph, newer)) if newer else assets


def _newer(
    session: Session, nodes: Iterable[NodeDefinition], composed: Entry | None
) -> dict[int, NodeDefinition]:
    """Return the newer definitions of ops and graphs, by the id of the one that is held.

    Args:
        session: Knows what was defined when.
        nodes: What is held.
        composed: What holds them; None if it is not of the session.
    """
    if composed is None:
        return {}
    found: dict[int, NodeDefinition] = {}
    known = {**session.catalogue.by_name("graph"), **session.catalogue.by_name("op")}
    for node in nodes:
        entry = known.get(node.name)
        if entry is None or entry.definition is node or type(entry.definition) is not type(node):
            continue
        if entry.defined_at > composed.defined_at:
            found[id(node)] = entry.definition
    return found


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
