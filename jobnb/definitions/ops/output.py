"""The values that ops yield and return: `Output` and `DynamicOutput`.

They are made once or more per step, so they are bare slots and touch metadata only where there
is some.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from jobnb.definitions.keys import check_name
from jobnb.definitions.metadata import MetadataValue, normalize
from jobnb.definitions.ops.data_version import DataVersion, as_version
from jobnb.errors import InvalidDefinitionError

__all__ = ["DynamicOutput", "Output"]

T = TypeVar("T")


def _same(left: Any, right: Any) -> bool:
    """Whether two user values are equal; arrays and frames that refuse a verdict are not."""
    if left is right:
        return True
    try:
        return bool(left == right)
    except Exception:  # noqa: BLE001 - the user's == may raise anything
        return False


class Output(Generic[T]):
    """A value for one output of an op, with metadata.

    Args:
        value: The value.
        output_name: Which output it is for.
        metadata: Facts shown beside it.
        data_version: The version of the value, where the code knows it.
        tags: Labels, name to value.

    Example:
        >>> Output(3, metadata={"rows": 3}).value
        3

    Source: Dagster's `Output`.
    """

    __slots__ = ("_metadata", "data_version", "output_name", "tags", "value")

    def __init__(
        self,
        value: T,
        output_name: str = "result",
        metadata: Mapping[str, Any] | None = None,
        data_version: DataVersion | str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        if type(output_name) is not str and not isinstance(output_name, str):
            raise InvalidDefinitionError(f"output_name is text, not {output_name!r}.")
        self.value = value
        self.output_name = output_name
        self._metadata = normalize(metadata) if metadata else None
        self.data_version = as_version(data_version) if data_version is not None else None
        self.tags = tags

    @property
    def metadata(self) -> dict[str, MetadataValue]:
        """Facts shown beside the value, by label."""
        return self._metadata or {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Output):
            return NotImplemented
        return (
            self.output_name == other.output_name
            and self.metadata == other.metadata
            and self.data_version == other.data_version
            and (self.tags or {}) == (other.tags or {})
            and _same(self.value, other.value)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Output({self.value!r}, output_name={self.output_name!r})"


class DynamicOutput(Generic[T]):
    """One of several values for a dynamic output, told apart by its mapping key.

    Args:
        value: The value.
        mapping_key: Names it among its siblings: letters, digits, underscores.
        output_name: Which output it is for.
        metadata: Facts shown beside it.

    Example:
        >>> DynamicOutput("part-1.csv", mapping_key="part_1").mapping_key
        'part_1'

    Source: Dagster's `DynamicOutput`.
    """

    __slots__ = ("_metadata", "mapping_key", "output_name", "value")

    def __init__(
        self,
        value: T,
        mapping_key: str,
        output_name: str = "result",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(output_name, str):
            raise InvalidDefinitionError(f"output_name is text, not {output_name!r}.")
        self.value = value
        self.mapping_key = check_name(mapping_key, "a dynamic output's mapping_key")
        self.output_name = output_name
        self._metadata = normalize(metadata) if metadata else None

    @property
    def metadata(self) -> dict[str, MetadataValue]:
        """Facts shown beside the value, by label."""
        return self._metadata or {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DynamicOutput):
            return NotImplemented
        return (
            self.output_name == other.output_name
            and self.mapping_key == other.mapping_key
            and self.metadata == other.metadata
            and _same(self.value, other.value)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"DynamicOutput({self.value!r}, mapping_key={self.mapping_key!r})"
