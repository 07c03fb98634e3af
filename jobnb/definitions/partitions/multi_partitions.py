"""Partitions along several dimensions: one for each combination of their keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import product
from math import prod

from jobnb.definitions.partitions.multi_partition_key import MultiPartitionKey, check_part
from jobnb.definitions.partitions.multi_positions import MultiPositions
from jobnb.definitions.partitions.partition_keys import PARTITION_TAG, DynamicPartitionsStore
from jobnb.definitions.partitions.partition_loading import now_or
from jobnb.definitions.partitions.window_times import TimeWindow

__all__ = ["MultiPartitionsDefinition"]


class MultiPartitionsDefinition(MultiPositions):
    """Partitions along several dimensions: one for each combination of their keys.

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

    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[MultiPartitionKey]:
        """All keys; the last dimension varies fastest."""
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
        """How many combinations there are, without making them."""
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
        """Which dimension has not its part of a key, and what it has instead."""
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
        """The first combination, or None where there are none."""
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
        """The last combination, or None where there are none."""
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
        """Those of some keys that exist."""
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
        """The keys with one part given.

        Args:
            dimension_name: The dimension of the part.
            dimension_partition_key: The part.
            dynamic_partitions_store: Keeps the keys of dynamic partitions.
            current_time: The moment that counts as now, for partitions in time.

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
        """The keys with one of some parts.

        Args:
            dimension_name: The dimension of the parts.
            dimension_partition_keys: The parts.
            dynamic_partitions_store: Keeps the keys of dynamic partitions.
            current_time: The moment that counts as now, for partitions in time.

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
        """The window that a key's part in time names."""
        key = self.get_partition_key_from_str(partition_key)
        part = key.keys_by_dimension[self.time_window_dimension.name]
        return self.time_window_partitions_def.time_window_for_partition_key(part)

    def get_tags_for_partition_key(self, partition_key: str) -> dict[str, str]:
        """The tags of a run for this partition: its key, and the part of each dimension."""
        key = self.get_partition_key_from_str(partition_key)
        parts = {f"{PARTITION_TAG}/{name}": part for name, part in key.keys_by_dimension.items()}
        return {PARTITION_TAG: str(key), **parts}

    def typed_key(self, partition_key: str) -> MultiPartitionKey:
        """The key, with its parts."""
        return self.get_partition_key_from_str(partition_key)

    def value_of(self, partition_key: str) -> MultiPartitionKey:
        """The key, with its parts."""
        return self.get_partition_key_from_str(partition_key)

    def arguments_of(self, partition_key: str) -> tuple[MultiPartitionKey]:
        """The key, with its parts."""
        return (self.get_partition_key_from_str(partition_key),)
