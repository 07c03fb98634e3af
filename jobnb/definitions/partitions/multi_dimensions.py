"""The dimensions of partitions: their names, their order, which one is in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from jobnb.definitions.partitions.multi_partition_key import (
    SEPARATOR,
    MultiPartitionKey,
    check_part,
)
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.positioned_partitions import PositionedPartitions
from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.definitions.plain import is_text
from jobnb.errors import (
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    UnknownPartitionError,
    did_you_mean,
)

__all__ = ["DimensionedPartitions", "PartitionDimensionDefinition"]


class PartitionDimensionDefinition(NamedTuple):
    """One dimension of partitions with several.

    Source: Dagster's `PartitionDimensionDefinition`.
    """

    name: str
    partitions_def: PartitionsDefinition


def _several(given: object) -> bool:
    return isinstance(given, Mapping) and len(given) > 1


def _check_dimension(name: Any, definition: object) -> None:
    if not name or not is_text(name):
        raise InvalidDefinitionError(f"The name of a dimension is text, not {name!r}.")
    if not isinstance(definition, PartitionsDefinition):
        raise InvalidDefinitionError(
            f"The dimension {name!r} needs a PartitionsDefinition, not {definition!r}."
        )
    if isinstance(definition, DimensionedPartitions):
        raise InvalidDefinitionError(
            f"The dimension {name!r} has several dimensions itself: name them all in one "
            "MultiPartitionsDefinition."
        )
    if isinstance(definition, StaticPartitionsDefinition):
        for key in definition.get_partition_keys():
            check_part(name, key)
    if isinstance(definition, TimeWindowPartitionsDefinition):
        check_part(name, definition.key_at(0))


class DimensionedPartitions(PositionedPartitions):
    """Partitions for each combination of keys of several others.

    Args:
        partitions_defs: The partitions of each dimension, by its name.

    Raises:
        InvalidDefinitionError: If there are fewer than two dimensions, or one of them has several
            itself, or has keys with one of the characters `|[],`.
    """

    def __init__(self, partitions_defs: Mapping[str, PartitionsDefinition]) -> None:
        if not _several(partitions_defs):
            raise InvalidDefinitionError(
                "A MultiPartitionsDefinition has two dimensions or more: pass a dict with a "
                f"PartitionsDefinition for each name, not {partitions_defs!r}."
            )
        for name, definition in partitions_defs.items():
            _check_dimension(name, definition)
        self._dimensions = tuple(
            PartitionDimensionDefinition(name, partitions_defs[name])
            for name in sorted(partitions_defs)
        )

    # Dimensions

    @property
    def partitions_defs(self) -> Sequence[PartitionDimensionDefinition]:
        """The dimensions, sorted by name."""
        return self._dimensions

    @property
    def partition_dimension_names(self) -> list[str]:
        """The names of the dimensions, sorted."""
        return [each.name for each in self._dimensions]

    def get_partitions_def_for_dimension(self, dimension_name: str) -> PartitionsDefinition:
        """The partitions of one dimension.

        Raises:
            InvalidInvocationError: If there is no such dimension.
        """
        return self._dimensions[self.place_of_dimension(dimension_name)].partitions_def

    def place_of_dimension(self, dimension_name: str) -> int:
        """Where a dimension comes among the others, from 0.

        Raises:
            InvalidInvocationError: If there is no such dimension.
        """
        names = self.partition_dimension_names
        if dimension_name not in names:
            nearest = did_you_mean(str(dimension_name), names, noun="There are")
            raise InvalidInvocationError(f"There is no dimension {dimension_name!r}. {nearest}")
        return names.index(dimension_name)

    @cached_property
    def _in_time(self) -> list[PartitionDimensionDefinition]:
        return [
            each
            for each in self._dimensions
            if isinstance(each.partitions_def, TimeWindowPartitionsDefinition)
        ]

    @property
    def has_time_window_dimension(self) -> bool:
        """Whether exactly one dimension is in time."""
        return len(self._in_time) == 1

    @property
    def time_window_dimension(self) -> PartitionDimensionDefinition:
        """The dimension in time.

        Raises:
            InvariantViolationError: If not exactly one dimension is in time.
        """
        if len(self._in_time) != 1:
            names = ", ".join(repr(each.name) for each in self._in_time)
            raise InvariantViolationError(
                f"Exactly one dimension must be in time; here {names or 'none'} "
                f"{'are' if names else 'is'}, of {', '.join(self.partition_dimension_names)}."
            )
        return self._in_time[0]

    @property
    def time_window_partitions_def(self) -> TimeWindowPartitionsDefinition:
        """The partitions of the dimension in time."""
        found = self.time_window_dimension.partitions_def
        assert isinstance(found, TimeWindowPartitionsDefinition)  # that is how it was found
        return found

    @property
    def primary_dimension(self) -> PartitionDimensionDefinition:
        """The dimension in time if there is exactly one, else the first."""
        return self._in_time[0] if len(self._in_time) == 1 else self._dimensions[0]

    @property
    def secondary_dimension(self) -> PartitionDimensionDefinition:
        """The first dimension that is not the primary one."""
        return next(each for each in self._dimensions if each is not self.primary_dimension)

    def _parts(self, partition_key: str) -> list[str] | None:
        parts = partition_key.split(SEPARATOR)
        return parts if len(parts) == len(self._dimensions) else None

    def get_partition_key_from_str(self, partition_key_str: str) -> MultiPartitionKey:
        """The key that a text names, with its parts; that it exists is not asked.

        Raises:
            UnknownPartitionError: If the text has not one part for each dimension.
        """
        parts = self._parts(partition_key_str)
        if parts is None:
            raise UnknownPartitionError(
                f"{partition_key_str!r} is no key of these partitions: write one part for each of "
                f"the dimensions {', '.join(self.partition_dimension_names)}, with {SEPARATOR!r} "
                "between."
            )
        return MultiPartitionKey.of_parts(
            tuple(zip(self.partition_dimension_names, parts, strict=True))
        )

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DimensionedPartitions):
            return self is other or self._dimensions == other._dimensions
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._dimensions)

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}: {each!r}" for name, each in self._dimensions)
        return f"{type(self).__name__}({inner})"
