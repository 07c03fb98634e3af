"""From a dependency dictionary to the nodes of a graph and what feeds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobnb.definitions.keys import check_name
from jobnb.definitions.ops.dependency import (
    Dependency,
    DependencyMapping,
    GraphInput,
    InputMapping,
    MultiDependencyDefinition,
    NodeInvocation,
)
from jobnb.definitions.ops.node import NO_HOOKS, Node, NodeDefinition
from jobnb.definitions.plain import check_tags
from jobnb.errors import InvalidDefinitionError, did_you_mean

__all__ = ["place"]

Nodes = dict[str, Node]
Edges = dict[str, dict[str, Dependency]]


def place(
    graph_name: str,
    node_defs: Sequence[NodeDefinition],
    dependencies: DependencyMapping,
    input_mappings: Sequence[InputMapping],
) -> tuple[Nodes, Edges]:
    """The nodes that a dependency dictionary speaks of, in the order of `node_defs`.

    Raises:
        InvalidDefinitionError: If it speaks of what is not there; all problems at once.
    """
    placing = _Placing(graph_name)
    for definition, use, edges in placing.uses(node_defs, dependencies):
        placing.add(definition, use, edges)
    for mapping in input_mappings:
        placing.feed(mapping)
    if placing.problems:
        raise InvalidDefinitionError(
            f"The graph {graph_name!r} does not fit together:\n  " + "\n  ".join(placing.problems)
        )
    return placing.nodes, placing.edges


class _Placing:
    """What has been placed so far, and what was wrong with it."""

    def __init__(self, graph_name: str) -> None:
        self.graph_name = graph_name
        self.nodes: Nodes = {}
        self.edges: Edges = {}
        self.problems: list[str] = []

    def uses(
        self, node_defs: Sequence[NodeDefinition], dependencies: DependencyMapping
    ) -> list[tuple[NodeDefinition, NodeInvocation, Mapping[str, Dependency]]]:
        """Each use of a definition; one that the dictionary does not speak of is used once."""
        known = {each.name: each for each in node_defs}
        by_name: dict[str, list[tuple[NodeInvocation, Mapping[str, Dependency]]]] = {}
        for key, edges in dependencies.items():
            use = NodeInvocation(key) if isinstance(key, str) else key
            if use.name in known:
                by_name.setdefault(use.name, []).append((use, edges))
                continue
            hint = did_you_mean(use.name, known, noun="The node_defs are")
            self.problems.append(f"The dependencies speak of {use.name!r}. {hint}".rstrip())
        return [
            (definition, use, edges)
            for definition in node_defs
            for use, edges in by_name.get(definition.name)
            or [(NodeInvocation(definition.name), {})]
        ]

    def add(
        self, definition: NodeDefinition, use: NodeInvocation, edges: Mapping[str, Dependency]
    ) -> None:
        """Place one use of a definition."""
        name = check_name(use.alias or use.name, f"a node of {self.graph_name!r}")
        if name in self.nodes:
            self.problems.append(
                f"Two nodes are called {name!r}. "
                f'Give one an alias: NodeInvocation("{definition.name}", alias="another_name").'
            )
            return
        hooks = frozenset(use.hook_defs) or NO_HOOKS
        tags = check_tags(use.tags, f"a use of {definition.name!r}")
        self.nodes[name] = Node(name, definition, tags, hooks, use.retry_policy)
        self.edges[name] = dict(edges)

    def feed(self, mapping: InputMapping) -> None:
        """Lead an input of the graph to where it goes."""
        edges = self.edges.get(mapping.mapped_node_name)
        if edges is None:
            hint = did_you_mean(mapping.mapped_node_name, self.nodes, noun="The nodes are")
            self.problems.append(
                f"The input {mapping.graph_input_name!r} is mapped to the node "
                f"{mapping.mapped_node_name!r}. {hint}".rstrip()
            )
            return
        target, source = mapping.mapped_node_input_name, GraphInput(mapping.graph_input_name)
        if mapping.fan_in_index is None:
            edges[target] = source
            return
        fan_in = edges.get(target)
        items = list(fan_in.dependencies) if isinstance(fan_in, MultiDependencyDefinition) else []
        index = mapping.fan_in_index
        edges[target] = MultiDependencyDefinition([*items[:index], source, *items[index + 1 :]])
