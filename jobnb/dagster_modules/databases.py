"""IO managers that store values in the tables of a database.

`dagster._core.storage.db_io_manager`, on which the libraries of Dagster's for DuckDB, Snowflake and
BigQuery build: a client that knows a database, a handler for each type of value, and the manager
that says which part of which table a value is.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from jobnb.dagster_modules.checks import CheckError
from jobnb.definitions.partitions.window_times import TimeWindow
from jobnb.definitions.resources.io import IOManager
from jobnb.definitions.resources.io_context import InputContext, OutputContext, ValueContext
from jobnb.errors import InvalidDefinitionError

Value = TypeVar("Value")


class TablePartitionDimension(NamedTuple):
    """The rows of a table that belong to some partitions.

    Args:
        partition_expr: The column, or an expression over columns, that tells the partition.
        partitions: The time that they span, or their keys.

    Source: Dagster's `TablePartitionDimension`.
    """

    partition_expr: str
    partitions: TimeWindow | Sequence[str]


class TableSlice(NamedTuple):
    """A table, or some of its columns and rows.

    Args:
        table: The name of the table.
        schema: The schema that it is in.
        database: The database that it is in.
        columns: The columns; all if None.
        partition_dimensions: Which rows; all if empty.

    Example:
        >>> TableSlice("orders", "shop").columns

    Source: Dagster's `TableSlice`.
    """

    table: str
    schema: str
    database: str | None = None
    columns: Sequence[str] | None = None
    partition_dimensions: Sequence[TablePartitionDimension] | None = None


class DbTypeHandler(ABC, Generic[Value]):
    """Writes values of a type to a table, and reads them.

    Source: Dagster's `DbTypeHandler`.
    """

    @abstractmethod
    def handle_output(
        self, context: OutputContext, table_slice: TableSlice, obj: Value, connection: Any
    ) -> Mapping[str, Any] | None:
        """Write a value; return metadata of it."""

    @abstractmethod
    def load_input(self, context: InputContext, table_slice: TableSlice, connection: Any) -> Value:
        """Read a value."""

    @property
    @abstractmethod
    def supported_types(self) -> Sequence[type]:
        """The types of the values."""


class DbClient(Generic[Value]):
    """Knows a database.

    A subclass has four static methods: `connect(context, table_slice)`, a context manager;
    `ensure_schema_exists(context, table_slice, connection)`; `delete_table_slice(context,
    table_slice, connection)`; and `get_select_statement(table_slice)`.

    Source: Dagster's `DbClient`.
    """

    connect: Any
    ensure_schema_exists: Any
    delete_table_slice: Any
    get_select_statement: Any


class DbIOManager(IOManager):
    """Stores each value in a table of its own: a partition in the rows that belong to it.

    The table is called as the last part of an asset's key, or as the output of an op. The schema is
    the part before it in the key, or the `schema` of an output's metadata, or the manager's own,
    or "public". A partitioned asset names its column with `metadata={"partition_expr": "day"}`.

    Args:
        type_handlers: A handler for each type.
        db_client: Knows the database.
        database: The name of the database.
        schema: The schema of all tables.
        io_manager_name: What messages call the manager; the name of its class if None.
        default_load_type: The type of an input that says none; if None, that of the only handler.

    Source: Dagster's `DbIOManager`.
    """

    def __init__(
        self,
        *,
        type_handlers: Sequence[DbTypeHandler[Any]],
        db_client: Any,
        database: str,
        schema: str | None = None,
        io_manager_name: str | None = None,
        default_load_type: type | None = None,
    ) -> None:
        self._name = io_manager_name or type(self).__name__
        self._handlers = self._by_type(type_handlers)
        self._client, self._database, self._schema = db_client, database, schema
        only = next(iter(self._handlers)) if len(self._handlers) == 1 else None
        self._default_load_type = default_load_type or only

    def _by_type(self, handlers: Sequence[DbTypeHandler[Any]]) -> dict[type, DbTypeHandler[Any]]:
        found: dict[type, DbTypeHandler[Any]] = {}
        for handler in handlers:
            for kind in handler.supported_types:
                if kind in found:
                    both = f"{type(found[kind]).__name__} and {type(handler).__name__}"
                    raise CheckError(
                        f"{self._name} has two handlers of {kind.__name__}: {both}. Give one."
                    )
                found[kind] = handler
        return found

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Store a value in place of what its rows held; None leaves them as they are.

        Raises:
            CheckError: If no handler knows its type.
            InvalidDefinitionError: If the schema is given twice, or a partition's column is not.
        """
        place = self._slice(context, context)
        told: Mapping[str, Any] = {}
        if obj is not None:
            handler = self._handler_of(type(obj))
            with self._client.connect(context, place) as connection:
                self._client.ensure_schema_exists(context, place, connection)
                self._client.delete_table_slice(context, place, connection)
                told = handler.handle_output(context, place, obj, connection) or {}
        query = self._client.get_select_statement(place)
        context.add_output_metadata({**told, "Query": query})

    def load_input(self, context: InputContext) -> Any:
        """Load a value: of a partitioned asset, the rows of the partitions that are asked for.

        Raises:
            CheckError: If no handler knows the type of the input.
            InvalidDefinitionError: If the schema is given twice, or a partition's column is not.
        """
        kind = context.dagster_type.typing_type
        if kind is Any and self._default_load_type is not None:
            kind = self._default_load_type
        handler = self._handler_of(kind)
        # A source asset has no output of its own: its key and metadata are the input's.
        place = self._slice(context, context.upstream_output or context)
        with self._client.connect(context, place) as connection:
            return handler.load_input(context, place, connection)

    def _handler_of(self, kind: Any) -> DbTypeHandler[Any]:
        if kind in self._handlers:
            return self._handlers[kind]
        known = ", ".join(_name(each) for each in self._handlers)
        next_step = (
            f"Say the type of the input: {known}."
            if kind is Any
            else f"Build {self._name} with a handler of {_name(kind)}."
        )
        raise CheckError(
            f"{self._name} has no handler of {_name(kind)}: it has those of {known}. {next_step}"
        )

    # --- which part of which table

    def _slice(self, context: ValueContext, output: ValueContext) -> TableSlice:
        metadata = output.definition_metadata
        columns = context.metadata.get("columns") if isinstance(context, InputContext) else None
        if context.has_asset_key:
            path = context.asset_key.path
            table, schema = path[-1], self._schema_of_asset(path)
            dimensions = _dimensions(context, metadata) if context.has_asset_partitions else []
        else:
            table, schema, dimensions = output.name, self._schema_of_output(metadata), []
        return TableSlice(table, schema, self._database, columns, dimensions)

    def _schema_of_asset(self, path: Sequence[str]) -> str:
        if len(path) > 1 and self._schema:
            raise InvalidDefinitionError(
                f"The asset {'/'.join(path)!r} is in the schema {path[-2]!r} by its key, and "
                f"{self._name} is configured with the schema {self._schema!r}. Say it only once."
            )
        return path[-2] if len(path) > 1 else self._schema or "public"

    def _schema_of_output(self, metadata: Mapping[str, Any]) -> str:
        own: str | None = metadata.get("schema")
        if own and self._schema:
            raise InvalidDefinitionError(
                f"The output is in the schema {own!r} by its metadata, and {self._name} is "
                f"configured with the schema {self._schema!r}. Say it only once."
            )
        return own or self._schema or "public"


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", None) or str(kind)


def _dimensions(
    context: ValueContext, metadata: Mapping[str, Any]
) -> Sequence[TablePartitionDimension]:
    asset, definition = context.asset_key.to_user_string(), context.asset_partitions_def
    expression = metadata.get("partition_expr")
    parts = getattr(definition, "partitions_defs", None)
    if parts is None:
        column = _column(asset, expression)
        return [TablePartitionDimension(column, _span(definition, context.asset_partition_keys))]
    given = expression if isinstance(expression, Mapping) else {}
    columns = {part.name: _column(asset, given.get(part.name), part.name) for part in parts}
    chosen = _chosen(asset, context)
    return [
        TablePartitionDimension(columns[part.name], _span(part.partitions_def, chosen[part.name]))
        for part in parts
    ]


def _column(asset: str, expression: Any, dimension: str | None = None) -> str:
    if isinstance(expression, str):
        return expression
    which = f"of the dimension {dimension!r}" if dimension else "of its partitions"
    example = f'{{"{dimension}": "a_column"}}' if dimension else '"a_column"'
    raise InvalidDefinitionError(
        f"The asset {asset!r} has partitions, and does not name the column {which}. "
        f'Add metadata={{"partition_expr": {example}}}.'
    )


def _span(definition: Any, keys: Sequence[str]) -> TimeWindow | Sequence[str]:
    find = getattr(definition, "time_window_for_partition_key", None)
    if find is None:
        return list(keys)
    places = sorted((definition.position_of(key), key) for key in keys)
    (first, earliest), (last, latest) = places[0], places[-1]
    if last - first + 1 != len(keys):
        raise InvalidDefinitionError(
            f"The {len(keys)} partitions from {earliest!r} to {latest!r} are not all in a row. "
            "A table is read and written for one span of time: take partitions without a gap."
        )
    return TimeWindow(find(earliest).start, find(latest).end)


def _chosen(asset: str, context: ValueContext) -> dict[str, list[str]]:
    """Return the keys of each dimension, where together they give just the partitions asked for."""
    read = context.asset_partitions_def.get_partition_key_from_str
    keys = [read(key).keys_by_dimension for key in context.asset_partition_keys]
    chosen = {name: list(dict.fromkeys(key[name] for key in keys)) for name in keys[0]}
    if math.prod(map(len, chosen.values())) != len(keys):
        raise InvalidDefinitionError(
            f"The {len(keys)} partitions of {asset!r} are no full grid of their dimensions. "
            "A table is read and written for all combinations of some keys."
        )
    return chosen
