"""Nested graphs become a flat list of ops, with every edge leading from an op's output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from jobnb.definitions.ops.dependency import (
    AssetDependency,
    CollectDependency,
    Dependency,
    DependencyDefinition,
    GraphInput,
    MultiDependencyDefinition,
    ValueDependency,
)
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.hook import HookDefinition
from jobnb.definitions.ops.node import Node
from jobnb.definitions.ops.retry import RetryPolicy


class Edge(msgspec.Struct, frozen=True, gc=False):
    """Where an input comes from, still by name.

    `kind` is output, collect, many, value, asset or graph_input.
    """

    kind: str
    step: str = ""
    output: str = ""
    value: Any = None
    items: tuple[Edge, ...] = ()


class FlatNode(msgspec.Struct, frozen=True, gc=False):
    """An op of the flat list, with what its surrounding graphs add to it."""

    path: tuple[str, ...]
    node: Node
    edges: dict[str, Edge]
    hooks: frozenset[HookDefinition]
    tags: Mapping[str, str]
    retry_policy: RetryPolicy | None


class _GraphScope(msgspec.Struct, frozen=True, gc=False):
    """What a graph passes down to the nodes inside it."""

    path: tuple[str, ...]
    feeds: Mapping[str, Edge]
    hooks: frozenset[HookDefinition]
    tags: Mapping[str, str]
    retry_policy: RetryPolicy | None


def flatten(graph: GraphDefinition, input_values: Mapping[str, Any]) -> list[FlatNode]:
    """Return the ops of a graph and of its nested graphs, in the order of their placement."""
    feeds = {
        name: Edge("value", value=input_values[name])
        if name in input_values
        else Edge("graph_input", output=name)
        for name in graph.input_names
    }
    found: list[FlatNode] = []
    _flatten(graph, _GraphScope((), feeds, frozenset(), {}, None), found)
    return found


def _flatten(graph: GraphDefinition, around: _GraphScope, found: list[FlatNode]) -> None:
    sources = graph.node_input_source_assets
    for name, node in graph.node_map.items():
        path = (*around.path, name)
        edges = {
            key: _resolve(edge, graph, around) for key, edge in graph.dependencies[name].items()
        }
        for key, asset in sources.get(name, {}).items():
            edges.setdefault(key, Edge("asset", value=asset))
        hooks = node.hooks | around.hooks if around.hooks else node.hooks
        tags = {**around.tags, **node.tags} if around.tags else node.tags
        retry_policy = node.retry_policy or around.retry_policy
        if isinstance(node.definition, GraphDefinition):
            inner_tags = {**node.definition.tags, **tags}
            _flatten(
                node.definition, _GraphScope(path, edges, hooks, inner_tags, retry_policy), found
            )
        else:
            found.append(FlatNode(path, node, edges, hooks, tags, retry_policy))


def _resolve(edge: Dependency, graph: GraphDefinition, around: _GraphScope) -> Edge:
    if type(edge) is DependencyDefinition:
        step, output = output_at(graph, around.path, edge.node, edge.output)
        return Edge("output", step, output)
    if isinstance(edge, CollectDependency):
        step, output = output_at(graph, around.path, edge.node, edge.output)
        return Edge("collect", step, output)
    if isinstance(edge, GraphInput):
        return around.feeds.get(edge.name) or Edge("graph_input", output=edge.name)
    if isinstance(edge, ValueDependency):
        return Edge("value", value=edge.value)
    if isinstance(edge, AssetDependency):
        return Edge("asset", value=edge.asset)
    assert isinstance(edge, MultiDependencyDefinition)
    items = [_resolve(one, graph, around) for one in edge.dependencies]
    flat = [part for item in items for part in (item.items if item.kind == "many" else (item,))]
    return Edge("many", items=tuple(flat))


def output_at(
    graph: GraphDefinition, path: tuple[str, ...], node: str, output: str
) -> tuple[str, str]:
    """Return the step and output behind an output of a node, down through nested graphs."""
    while isinstance(inner := graph.node_map[node].definition, GraphDefinition):
        path = (*path, node)
        mapping = inner.output_mapping(output)
        graph, node, output = inner, mapping.mapped_node_name, mapping.mapped_node_output_name
    return (".".join((*path, node)) if path else node), output
