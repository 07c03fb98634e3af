"""Partitions with several dimensions: one for each combination of their keys."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, cached_property
from itertools import product
from math import prod
from typing import Any, NamedTuple

from jobnb.definitions.partitions.multi_partition_key import (
    SEPARATOR,
    MultiPartitionKey,
    check_part,
)
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import (
    PARTITION_TAG,
    DynamicPartitionsStore,
    PartitionKeyRange,
    none_of,
)
from jobnb.definitions.partitions.partition_loading import now_or
from jobnb.definitions.partitions.position_runs import PositionRuns, block, blocks, joined, rows
from jobnb.definitions.partitions.positioned_partitions import PositionedPartitions
from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.definitions.partitions.window_times import TimeWindow
from jobnb.definitions.plain import is_text
from jobnb.errors import (
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    UnknownPartitionError,
    did_you_mean,
)


class MultiPartitionsDefinition(PositionedPartitions):
    """Partitions with several dimensions: one for each combination of their keys.

    Args:
        partitions_defs: The partitions of each dimension, by its name.

    Raises:
        InvalidDefinitionError: If there are fewer than two dimensions, or one of them has several
            itself, or has keys with one of the characters `|[],`.

    Example:
        >>> from jobnb.definitions.partitions.calendar_partitions import DailyPartitionsDefinition
        >>> from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
        >>> flights = MultiPartitionsDefinition(
        ...     {
        ...         "day": DailyPartitionsDefinition("2013-01-01", end_date="2014-01-01"),
        ...         "origin": StaticPartitionsDefinition(["EWR", "JFK", "LGA"]),
        ...     }
        ... )
        >>> flights.get_num_partitions(), flights.get_last_partition_key()
        (1095, '2013-12-31|LGA')

    Keys come in the order of the dimensions' names: the last one varies fastest.

    Source: Dagster's `MultiPartitionsDefinition`.
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
        """Return the partitions of one dimension.

        Raises:
            InvalidInvocationError: If there is no such dimension.
        """
        return self._dimensions[self.place_of_dimension(dimension_name)].partitions_def

    def place_of_dimension(self, dimension_name: str) -> int:
        """Return the index of a dimension.

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
        """Whether exactly one dimension has time windows."""
        return len(self._in_time) == 1

    @property
    def time_window_dimension(self) -> PartitionDimensionDefinition:
        """The dimension with time windows.

        Raises:
            InvariantViolationError: If not exactly one dimension has time windows.
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
        """The partitions of the time dimension."""
        found = self.time_window_dimension.partitions_def
        # The dimension was selected by this type.
        assert isinstance(found, TimeWindowPartitionsDefinition)
        return found

    @property
    def primary_dimension(self) -> PartitionDimensionDefinition:
        """The time dimension if there is exactly one, else the first."""
        return self._in_time[0] if len(self._in_time) == 1 else self._dimensions[0]

    @property
    def secondary_dimension(self) -> PartitionDimensionDefinition:
        """The first dimension that is not the primary one."""
        return next(each for each in self._dimensions if each is not self.primary_dimension)

    def _parts(self, partition_key: str) -> list[str] | None:
        parts = partition_key.split(SEPARATOR)
        return parts if len(parts) == len(self._dimensions) else None

    def get_partition_key_from_str(self, partition_key_str: str) -> MultiPartitionKey:
        """Parse a key with its parts, without checking that it exists.

        Raises:
            UnknownPartitionError: If the text does not have one part for each dimension.
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
        if isinstance(other, MultiPartitionsDefinition):
            return self is other or self._dimensions == other._dimensions
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._dimensions)

    def __str__(self) -> str:
        inner = (f"{name.capitalize()}: {each}" for name, each in self._dimensions)
        return "Multi-partitioned, with dimensions: \n" + " \n".join(inner)

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}: {each!r}" for name, each in self._dimensions)
        return f"{type(self).__name__}({inner})"

    @cached_property
    def sizes(self) -> list[int]:
        """The number of positions of each dimension but the first."""
        limits = [each.partitions_def.position_limit for each in self._dimensions[1:]]
        return [_ROOM if limit is None else limit for limit in limits]

    @cached_property
    def position_limit(self) -> int | None:
        """A number above all positions, or None if there is none."""
        limits = [each.partitions_def.position_limit for each in self._dimensions]
        return None if None in limits else prod(limit or 0 for limit in limits)

    def _place(self, partition_key: str, find: Sequence[Callable[[str], int | None]]) -> int | None:
        parts = self._parts(partition_key)
        if parts is None:
            return None
        position = 0
        for part, each, size in zip(parts, find, (1, *self.sizes), strict=True):
            place = each(part)
            if place is None:
                return None
            position = position * size + place
        return position

    def position_of(self, partition_key: str) -> int | None:
        """Return the position of a key, or None if it cannot be a key."""
        find = [each.partitions_def.position_of for each in self._dimensions]
        return self._place(partition_key, find)

    def placed(self, partition_key: str) -> int | None:
        """Return the position of a key, adding parts that are new."""
        return self._place(partition_key, [_placing(each) for each in self._dimensions])

    def _all_placed(self, partition_keys: Sequence[str]) -> list[int | None]:
        # The same parts occur in many keys.
        find = [cache(_placing(each)) for each in self._dimensions]
        return [self._place(key, find) for key in partition_keys]

    def key_at(self, position: int) -> MultiPartitionKey:
        """Return the key at a position."""
        parts = []
        for each, size in zip(reversed(self._dimensions[1:]), reversed(self.sizes), strict=True):
            position, place = divmod(position, size)
            parts.append((each.name, each.partitions_def.key_at(place)))
        first = self._dimensions[0]
        parts.append((first.name, first.partitions_def.key_at(position)))
        return MultiPartitionKey.of_parts(tuple(reversed(parts)))

    def block(self, positions: Sequence[PositionRuns]) -> PositionRuns:
        """Return the positions of all combinations of some positions of each dimension."""
        return block(positions, self.sizes)

    def blocks(self, positions: PositionRuns) -> Iterator[tuple[PositionRuns, ...]]:
        """Split positions into blocks: combinations of positions of each dimension."""
        return blocks(positions, self.sizes)

    def dimension_positions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> list[PositionRuns]:
        """Return the positions of the existing keys of each dimension."""
        now = now_or(current_time)
        return [
            each.partitions_def.positions(now, dynamic_partitions_store)
            for each in self._dimensions
        ]

    def positions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PositionRuns:
        """Return the positions of the existing combinations."""
        return self.block(self.dimension_positions(current_time, dynamic_partitions_store))

    def positions_in_range(
        self,
        partition_key_range: PartitionKeyRange,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PositionRuns:
        """Return the positions of the existing keys from the start to the end of a range.

        Raises:
            UnknownPartitionError: If the start or the end does not exist.
        """
        for key in (partition_key_range.start, partition_key_range.end):
            self.validate_partition_key(key, None, dynamic_partitions_store)
        (run,) = super().positions_in_range(partition_key_range).runs or ((0, 0),)
        return self.positions(None, dynamic_partitions_store).between(*run)

    def _unknown(self, partition_keys: Sequence[str]) -> UnknownPartitionError:
        for each, part in zip(self._dimensions, self._parts(partition_keys[0]) or (), strict=False):
            if each.partitions_def.placed(part) is None:
                hint = f"In the dimension {each.name!r}, {part!r} is none."
                return UnknownPartitionError(f"{none_of(partition_keys)} {hint}")
        names = f" {SEPARATOR} ".join(self.partition_dimension_names)
        return UnknownPartitionError(f"{none_of(partition_keys)} Keys are written {names}.")

    # Text

    def positions_json(self, positions: PositionRuns) -> dict[str, Any]:
        """Encode positions as rows of each dimension's encoding."""
        return self._told(positions, 0)

    def _told(self, positions: PositionRuns, place: int) -> dict[str, Any]:
        definition = self._dimensions[place].partitions_def
        sizes = self.sizes[place:]
        if not sizes:
            return definition.positions_json(positions)
        return {
            "rows": [
                [definition.positions_json(outer), self._told(inner, place + 1)]
                for outer, inner in rows(positions, prod(sizes))
            ]
        }

    def positions_from(self, told: Mapping[str, Any]) -> PositionRuns:
        """Decode the result of `positions_json`.

        Raises:
            UnknownPartitionError: If it names keys that cannot be of these partitions.
        """
        return self._from(told, 0)

    def _from(self, told: Mapping[str, Any], place: int) -> PositionRuns:
        definition = self._dimensions[place].partitions_def
        sizes = self.sizes[place:]
        if not sizes:
            return definition.positions_from(told)
        return joined(
            block([definition.positions_from(outer), self._from(inner, place + 1)], [prod(sizes)])
            for outer, inner in told["rows"]
        )

    def get_serializable_unique_identifier(
        self, dynamic_partitions_store: DynamicPartitionsStore | None = None
    ) -> str:
        """Return a hash of the dimensions: definitions with the same dimensions share it."""
        parts = [
            f"{name}={each.get_serializable_unique_identifier(dynamic_partitions_store)}"
            for name, each in self._dimensions
        ]
        return hashlib.sha1("\n".join(parts).encode(), usedforsecurity=False).hexdigest()

    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[MultiPartitionKey]:
        """Return all keys; the last dimension varies fastest."""
        now = now_or(current_time)
        return self._combined(
            each.partitions_def.get_partition_keys(now, dynamic_partitions_store)
            for each in self._dimensions
        )

    def _combined(self, keys: Iterable[Sequence[str]]) -> list[MultiPartitionKey]:
        pairs = [
            [(each.name, check_part(each.name, key)) for key in some]
            for each, some in zip(self._dimensions, keys, strict=True)
        ]
        return [MultiPartitionKey.of_parts(parts) for parts in product(*pairs)]

    def get_num_partitions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> int:
        """Count the combinations, without creating them."""
        now = now_or(current_time)
        return prod(
            each.partitions_def.get_num_partitions(now, dynamic_partitions_store)
            for each in self._dimensions
        )

    def has_partition_key(
        self,
        partition_key: str,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> bool:
        """Whether each part of the key is a key of its dimension."""
        parts = self._parts(partition_key)
        return parts is not None and all(
            each.partitions_def.has_partition_key(part, current_time, dynamic_partitions_store)
            for each, part in zip(self._dimensions, parts, strict=True)
        )

    def why_not(
        self, partition_key: str, current_time: datetime, store: DynamicPartitionsStore | None
    ) -> str:
        """Say which dimension lacks its part of a key, and what it has instead."""
        key = self.get_partition_key_from_str(partition_key)
        for name, definition in self._dimensions:
            part = key.keys_by_dimension[name]
            if not definition.has_partition_key(part, current_time, store):
                why = definition.why_not(part, current_time, store)
                return f"In the dimension {name!r} there is no {part!r}. {why}"
        return ""

    def get_first_partition_key(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> MultiPartitionKey | None:
        """Return the first combination, or None where there are none."""
        now = now_or(current_time)
        return self._of_parts(
            each.partitions_def.get_first_partition_key(now, dynamic_partitions_store)
            for each in self._dimensions
        )

    def get_last_partition_key(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> MultiPartitionKey | None:
        """Return the last combination, or None where there are none."""
        now = now_or(current_time)
        return self._of_parts(
            each.partitions_def.get_last_partition_key(now, dynamic_partitions_store)
            for each in self._dimensions
        )

    def _of_parts(self, parts: Iterable[str | None]) -> MultiPartitionKey | None:
        found = [part for part in parts if part is not None]
        if len(found) < len(self._dimensions):
            return None
        return MultiPartitionKey(dict(zip(self.partition_dimension_names, found, strict=True)))

    def filter_valid_partition_keys(
        self,
        partition_keys: Iterable[str],
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> set[MultiPartitionKey]:
        """Return the keys that exist."""
        return {
            self.get_partition_key_from_str(key)
            for key in partition_keys
            if self.has_partition_key(key, None, dynamic_partitions_store)
        }

    def get_multipartition_keys_with_dimension_value(
        self,
        dimension_name: str,
        dimension_partition_key: str,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
        current_time: datetime | None = None,
    ) -> Sequence[MultiPartitionKey]:
        """Return the keys with a given part.

        Args:
            dimension_name: The dimension of the part.
            dimension_partition_key: The part.
            dynamic_partitions_store: The store of dynamic partition keys.
            current_time: The current time, for time partitions.

        Raises:
            InvalidInvocationError: If there is no such dimension.
        """
        return self.get_multipartition_keys_with_dimension_values(
            dimension_name, [dimension_partition_key], dynamic_partitions_store, current_time
        )

    def get_multipartition_keys_with_dimension_values(
        self,
        dimension_name: str,
        dimension_partition_keys: Iterable[str],
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
        current_time: datetime | None = None,
    ) -> Sequence[MultiPartitionKey]:
        """Return the keys with one of several parts.

        Args:
            dimension_name: The dimension of the parts.
            dimension_partition_keys: The parts.
            dynamic_partitions_store: The store of dynamic partition keys.
            current_time: The current time, for time partitions.

        Raises:
            InvalidInvocationError: If there is no such dimension.
        """
        self.place_of_dimension(dimension_name)
        now = now_or(current_time)
        return self._combined(
            list(dimension_partition_keys)
            if each.name == dimension_name
            else each.partitions_def.get_partition_keys(now, dynamic_partitions_store)
            for each in self._dimensions
        )

    def time_window_for_partition_key(self, partition_key: str) -> TimeWindow:
        """Return the window that a key's part in time names."""
        key = self.get_partition_key_from_str(partition_key)
        part = key.keys_by_dimension[self.time_window_dimension.name]
        return self.time_window_partitions_def.time_window_for_partition_key(part)

    def get_tags_for_partition_key(self, partition_key: str) -> dict[str, str]:
        """Return the tags of a run for this partition: its key, and the part of each dimension."""
        key = self.get_partition_key_from_str(partition_key)
        parts = {f"{PARTITION_TAG}/{name}": part for name, part in key.keys_by_dimension.items()}
        return {PARTITION_TAG: str(key), **parts}

    def typed_key(self, partition_key: str) -> MultiPartitionKey:
        """Return the key, with its parts."""
        return self.get_partition_key_from_str(partition_key)

    def value_of(self, partition_key: str) -> MultiPartitionKey:
        """Return the key, with its parts."""
        return self.get_partition_key_from_str(partition_key)

    def arguments_of(self, partition_key: str) -> tuple[MultiPartitionKey]:
        """Return the key, with its parts."""
        return (self.get_partition_key_from_str(partition_key),)


_ROOM = 1 << 40  # positions along a dimension that may grow without end


def _placing(dimension: PartitionDimensionDefinition) -> Callable[[str], int | None]:
    def placed(part: str) -> int | None:
        return dimension.partitions_def.placed(check_part(dimension.name, part))

    return placed


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
    if isinstance(definition, MultiPartitionsDefinition):
        raise InvalidDefinitionError(
            f"The dimension {name!r} has several dimensions itself: name them all in one "
            "MultiPartitionsDefinition."
        )
    if isinstance(definition, StaticPartitionsDefinition):
        for key in definition.get_partition_keys():
            check_part(name, key)
    if isinstance(definition, TimeWindowPartitionsDefinition):
        check_part(name, definition.key_at(0))
