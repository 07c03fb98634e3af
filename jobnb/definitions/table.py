"""Table metadata: columns, constraints, rows and column lineage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.plain import plain_scalar
from jobnb.errors import InvalidDefinitionError

_TYPE_NAMES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),  # before int: a bool is an int too
    (int, "int"),
    (float, "float"),
    (str, "string"),
)


class TableRecord(msgspec.Struct, frozen=True):
    """One row of a table: column name to a plain value.

    Args:
        data: Values by column name: str, int, float, bool or None.

    Example:
        >>> TableRecord({"carrier": "UA", "flights": 58665}).data["flights"]
        58665

    Source: Dagster's `TableRecord`.
    """

    data: Mapping[str, Any]

    def __post_init__(self) -> None:
        """Check every cell, and turn numpy scalars into Python values."""
        if not isinstance(self.data, Mapping):
            raise InvalidDefinitionError(
                f"A TableRecord wants a mapping of column name to value, not {self.data!r}."
            )
        msgspec.structs.force_setattr(
            self, "data", {_column_name(k): _cell(k, v) for k, v in self.data.items()}
        )


def _column_name(name: Any) -> str:
    if isinstance(name, str):
        return name
    raise InvalidDefinitionError(f"A column of a TableRecord is named by a string, not {name!r}.")


def _cell(column: str, value: Any) -> Any:
    value = plain_scalar(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise InvalidDefinitionError(
        f"Column {column!r} of a TableRecord holds a {type(value).__name__}: "
        "only str, int, float, bool and None can be shown; turn it into text first."
    )


class TableConstraints(msgspec.Struct, frozen=True):
    """The constraints of a table as a whole, in words.

    Args:
        other: The constraints, as sentences or expressions.

    Source: Dagster's `TableConstraints`.
    """

    other: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Convert a list to a tuple."""
        msgspec.structs.force_setattr(self, "other", tuple(self.other))


class TableColumnConstraints(msgspec.Struct, frozen=True):
    """The constraints of one column.

    Args:
        nullable: Whether values may be missing.
        unique: Whether no value comes twice.
        other: More constraints, each in words.

    Source: Dagster's `TableColumnConstraints`.
    """

    nullable: bool = True
    unique: bool = False
    other: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Convert a list to a tuple."""
        msgspec.structs.force_setattr(self, "other", tuple(self.other))


class TableColumn(msgspec.Struct, frozen=True):
    """One column of a table.

    Args:
        name: Its name.
        type: Its type, in the words of whoever made the table.
        description: What it holds.
        constraints: What holds for its values.
        tags: Labels, name to value.

    Source: Dagster's `TableColumn`.
    """

    name: str
    type: str = "string"
    description: str | None = None
    constraints: TableColumnConstraints = TableColumnConstraints()
    tags: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        """Check the name."""
        if not isinstance(self.name, str):
            raise InvalidDefinitionError(f"A TableColumn is named by a string, not {self.name!r}.")


class TableSchema(msgspec.Struct, frozen=True):
    """The columns of a table, in order.

    Args:
        columns: The columns.
        constraints: What holds for the table as a whole.

    Example:
        >>> TableSchema.from_name_type_dict({"hour": "int"}).columns[0].type
        'int'

    Source: Dagster's `TableSchema`.
    """

    columns: Sequence[TableColumn]
    constraints: TableConstraints = TableConstraints()

    def __post_init__(self) -> None:
        """Check the columns."""
        for column in self.columns:
            if not isinstance(column, TableColumn):
                raise InvalidDefinitionError(
                    f"The columns of a TableSchema are TableColumn objects, not {column!r}."
                )
        msgspec.structs.force_setattr(self, "columns", list(self.columns))

    @staticmethod
    def from_name_type_dict(name_type_dict: Mapping[str, str]) -> TableSchema:
        """Create a schema from column names and their types."""
        return TableSchema([TableColumn(name, type_) for name, type_ in name_type_dict.items()])


def schema_of_records(records: Sequence[TableRecord]) -> TableSchema:
    """Derive a schema from records: a column's type is that of its first value.

    Raises:
        InvalidDefinitionError: If there are no records, or their columns differ.
    """
    if not records:
        raise InvalidDefinitionError("A table without records needs a schema: pass schema=.")
    columns = list(records[0].data)
    for index, record in enumerate(records):
        if set(record.data) != set(columns):
            raise InvalidDefinitionError(
                f"All records of a table have the same columns: record {index} has "
                f"{sorted(record.data)}, the first one {sorted(columns)}."
            )
    return TableSchema([TableColumn(name, _type_name(records, name)) for name in columns])


def _type_name(records: Sequence[TableRecord], column: str) -> str:
    for record in records:
        for type_, name in _TYPE_NAMES:
            if isinstance(record.data[column], type_):
                return name
    return "string"


class TableColumnDep(msgspec.Struct, frozen=True):
    """An upstream column of a column.

    Source: Dagster's `TableColumnDep`.
    """

    asset_key: Any
    column_name: str

    def __post_init__(self) -> None:
        """Convert it to a key."""
        msgspec.structs.force_setattr(self, "asset_key", AssetKey.from_coercible(self.asset_key))


class TableColumnLineage(msgspec.Struct, frozen=True):
    """The upstream columns of each column of a table.

    Args:
        deps_by_column: The upstream columns of each column.

    Example:
        >>> lineage = TableColumnLineage({"total": [TableColumnDep("orders", "price")]})
        >>> lineage.deps_by_column["total"][0].column_name
        'price'

    Source: Dagster's `TableColumnLineage`.
    """

    deps_by_column: Mapping[str, Sequence[TableColumnDep]]

    def __post_init__(self) -> None:
        """Check the columns."""
        if not isinstance(self.deps_by_column, Mapping):
            raise InvalidDefinitionError(
                "A TableColumnLineage is a dict with a list of TableColumnDep for each column, "
                f"not {self.deps_by_column!r}."
            )
        for column, deps in self.deps_by_column.items():
            if not all(isinstance(dep, TableColumnDep) for dep in deps):
                raise InvalidDefinitionError(
                    f"The column {column!r} is made from a list of TableColumnDep, not {deps!r}."
                )

    def as_lists(self) -> dict[str, list[list[str]]]:
        """Encode it as lists: the parts of each key with the column's name at the end."""
        return {
            column: [[*dep.asset_key.path, dep.column_name] for dep in deps]
            for column, deps in self.deps_by_column.items()
        }

    @staticmethod
    def from_lists(data: Mapping[str, Sequence[Sequence[str]]]) -> TableColumnLineage:
        """Decode the result of `as_lists`."""
        return TableColumnLineage(
            {
                column: [TableColumnDep(AssetKey(list(dep[:-1])), dep[-1]) for dep in deps]
                for column, deps in data.items()
            }
        )
