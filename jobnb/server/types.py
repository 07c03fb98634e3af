"""The types of values as GraphQL tells them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.types import ANY, DataType
from jobnb.definitions.types.data_type import DataTypeKind
from jobnb.server.config_types import ConfigTypeField, field_of_schema
from jobnb.server.metadata import entries
from jobnb.server.nodes import Node


class _DagsterType(Node):
    """The type of values.

    Args:
        kind: The type.
    """

    output_schema_type: Node | None = None

    def __init__(self, kind: DataType) -> None:
        self._kind = kind

    @property
    def key(self) -> str:
        """Names it."""
        return self._kind.key

    @property
    def name(self) -> str | None:
        """Its name, where nothing else has that."""
        return self._kind.unique_name if self._kind.has_unique_name else None

    @property
    def display_name(self) -> str:
        """Its name to be shown."""
        return self._kind.display_name

    @property
    def description(self) -> str | None:
        """What it is."""
        return self._kind.description

    @property
    def is_nullable(self) -> bool:
        """Whether it may be None."""
        return self._kind.kind is DataTypeKind.NULLABLE

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return self._kind.kind is DataTypeKind.LIST

    @property
    def is_nothing(self) -> bool:
        """Whether it has no values and only orders."""
        return self._kind.is_nothing

    @property
    def is_builtin(self) -> bool:
        """Whether it is a simple type of Python's."""
        return self._kind.is_any or self._kind.is_nothing or self._kind.is_scalar

    @property
    def input_schema_type(self) -> Node | None:
        """The config that a value of it is loaded from."""
        loader = self._kind.loader
        field: ConfigTypeField | None = None
        if loader is not None:
            field = field_of_schema(loader.config_schema)
        return None if field is None else field.config_type

    @property
    def inner_types(self) -> Sequence[_DagsterType]:
        """The types that it is made of."""
        return [type_of(each) for each in self._kind.inner_types]

    @property
    def metadata_entries(self) -> list[Node]:
        """Facts."""
        return entries(self._kind.metadata)


class RegularDagsterType(_DagsterType):
    """A type."""


class ListDagsterType(RegularDagsterType):
    """A list."""

    @property
    def of_type(self) -> _DagsterType:
        """The type of its entries."""
        return type_of(next(iter(self._kind.inner_types), None))


class NullableDagsterType(ListDagsterType):
    """A value that may be None."""


def type_of(kind: DataType | None) -> RegularDagsterType:
    """Return a type as an answer; any where it is not known."""
    known = kind or ANY
    if known.kind is DataTypeKind.LIST:
        return ListDagsterType(known)
    return (NullableDagsterType if known.kind is DataTypeKind.NULLABLE else RegularDagsterType)(
        known
    )


def types_of(graph: GraphDefinition) -> list[RegularDagsterType]:
    """Return the types of all inputs and outputs of a graph, each once."""
    found: dict[str, RegularDagsterType] = {}
    for kind in _types(graph):
        told = type_of(kind)
        found.setdefault(told.key, told)
    return list(found.values())


def _types(graph: GraphDefinition) -> Iterator[DataType]:
    for definition in graph.iterate_node_defs():
        kinds = [each.dagster_type for each in definition.input_defs]
        for kind in (*kinds, *(each.dagster_type for each in definition.output_defs)):
            if isinstance(kind, DataType):
                yield kind
                yield from kind.inner_types
