"""The dependencies between the nodes of a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.hook import HookDefinition
from jobnb.definitions.ops.retry import RetryPolicy


class StoredInput:
    """Feeds an input with a stored value, as a `SourceAsset` does."""

    key: AssetKey


class DependencyDefinition(msgspec.Struct, frozen=True, gc=False):
    """An input is fed by an output of another node.

    Args:
        node: The name of the node upstream, in the same graph.
        output: The name of its output.
        description: A description.

    Source: Dagster's `DependencyDefinition`.
    """

    node: str
    output: str = "result"
    description: str | None = None


class CollectDependency(msgspec.Struct, frozen=True, gc=False):
    """An input is fed by all elements of a dynamic output, or of a node mapped over it."""

    node: str
    output: str = "result"


class GraphInput(msgspec.Struct, frozen=True, gc=False):
    """An input is fed by an input of the surrounding graph."""

    name: str


class ValueDependency(msgspec.Struct, frozen=True, gc=False):
    """An input is fed by a constant, given where the node was invoked."""

    value: Any


class AssetDependency(msgspec.Struct, frozen=True, gc=False):
    """An input is fed by the stored value of a source asset."""

    asset: StoredInput


class MultiDependencyDefinition(msgspec.Struct, frozen=True, gc=False):
    """An input is fed by a list: one element for each dependency.

    Args:
        dependencies: What feeds each element, in order.

    Source: Dagster's `MultiDependencyDefinition`.
    """

    dependencies: Sequence[DependencyDefinition | CollectDependency | GraphInput | ValueDependency]


Dependency = (
    DependencyDefinition
    | MultiDependencyDefinition
    | CollectDependency
    | GraphInput
    | ValueDependency
    | AssetDependency
)


class NodeInvocation(msgspec.Struct, frozen=True, gc=False):
    """One use of a definition in a dependency dictionary, under its own name.

    Args:
        name: The name of the op or graph used.
        alias: The name of the node; that of the definition if there is none.
        tags: Tags of this use.
        hook_defs: Hooks of this use.
        retry_policy: Overrides that of the definition.

    Source: Dagster's `NodeInvocation`.
    """

    name: str
    alias: str | None = None
    tags: Mapping[str, Any] = {}
    hook_defs: frozenset[HookDefinition] = frozenset()
    retry_policy: RetryPolicy | None = None

    def __hash__(self) -> int:
        return hash((self.name, self.alias))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NodeInvocation):
            return NotImplemented
        return (self.name, self.alias) == (other.name, other.alias)


DependencyMapping = Mapping[str | NodeInvocation, Mapping[str, Dependency]]


class InputMapping(msgspec.Struct, frozen=True, gc=False):
    """An input of a graph goes to an input of one of its nodes.

    Source: Dagster's `InputMapping`.
    """

    graph_input_name: str
    mapped_node_name: str
    mapped_node_input_name: str
    fan_in_index: int | None = None
    graph_input_description: str | None = None
    dagster_type: Any = None


class OutputMapping(msgspec.Struct, frozen=True, gc=False):
    """An output of a graph is an output of one of its nodes.

    Source: Dagster's `OutputMapping`.
    """

    graph_output_name: str
    mapped_node_name: str
    mapped_node_output_name: str = "result"
    graph_output_description: str | None = None
    dagster_type: Any = None
    from_dynamic_mapping: bool = False


class GraphIn(msgspec.Struct, frozen=True, gc=False):
    """The declaration of a graph's input.

    Source: Dagster's `GraphIn`.
    """

    description: str | None = None


class GraphOut(msgspec.Struct, frozen=True, gc=False):
    """The declaration of a graph's output.

    Source: Dagster's `GraphOut`.
    """

    description: str | None = None
