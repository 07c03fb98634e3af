"""Which columns of which assets the columns of a table are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidDefinitionError

__all__ = ["TableColumnDep", "TableColumnLineage"]


class TableColumnDep(msgspec.Struct, frozen=True):
    """A column of an asset, from which another column is made.

    Source: Dagster's `TableColumnDep`.
    """

    asset_key: Any
    column_name: str

    def __post_init__(self) -> None:
        """Make it a key."""
        msgspec.structs.force_setattr(self, "asset_key", AssetKey.from_coercible(self.asset_key))


class TableColumnLineage(msgspec.Struct, frozen=True):
    """The columns that each column of a table is made from.

    Args:
        deps_by_column: By column, the columns it is made from.

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
        """By column, the parts of each key with the column's name at the end."""
        return {
            column: [[*dep.asset_key.path, dep.column_name] for dep in deps]
            for column, deps in self.deps_by_column.items()
        }

    @staticmethod
    def from_lists(data: Mapping[str, Sequence[Sequence[str]]]) -> TableColumnLineage:
        """What `as_lists` wrote."""
        return TableColumnLineage(
            {
                column: [TableColumnDep(AssetKey(list(dep[:-1])), dep[-1]) for dep in deps]
                for column, deps in data.items()
            }
        )
