"""A fixed list of partitions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

from jobnb.definitions.partitions.partition_keys import (
    DynamicPartitionsStore,
    check_partition_keys,
    nearest_key,
    none_of,
)
from jobnb.definitions.partitions.position_runs import PositionRuns
from jobnb.definitions.partitions.positioned_partitions import PositionedPartitions
from jobnb.errors import UnknownPartitionError


class StaticPartitionsDefinition(PositionedPartitions):
    """A fixed list of partitions.

    Args:
        partition_keys: The keys, in order.

    Raises:
        InvalidDefinitionError: If a key comes twice or cannot be one.

    Example:
        >>> airports = StaticPartitionsDefinition(["EWR", "JFK", "LGA"])
        >>> airports.get_last_partition_key()
        'LGA'

    Source: Dagster's `StaticPartitionsDefinition`.
    """

    def __init__(self, partition_keys: Sequence[str]) -> None:
        self._keys = check_partition_keys(partition_keys, "a StaticPartitionsDefinition")
        self._places = {key: place for place, key in enumerate(self._keys)}

    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        """Return all keys, in order."""
        return list(self._keys)

    def get_num_partitions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> int:
        """Count the partitions."""
        return len(self._keys)

    def has_partition_key(
        self,
        partition_key: str,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> bool:
        """Whether there is a partition with this key."""
        return partition_key in self._places

    def position_of(self, partition_key: str) -> int | None:
        """Return the position of a key, or None if it is no key."""
        return self._places.get(partition_key)

    def key_at(self, position: int) -> str:
        """Return the key at a position."""
        return self._keys[position]

    @property
    def position_limit(self) -> int:
        """The number of keys."""
        return len(self._keys)

    def positions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PositionRuns:
        """Return the positions of the keys."""
        return PositionRuns([(0, len(self._keys))])

    def _unknown(self, partition_keys: Sequence[str]) -> UnknownPartitionError:
        nearest = nearest_key(partition_keys[0], self._keys)
        return UnknownPartitionError(f"{none_of(partition_keys)} {nearest}")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StaticPartitionsDefinition):
            return self is other or self._keys == other._keys
        return NotImplemented

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(self._keys))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return ", ".join(map(repr, self._keys))

    def __repr__(self) -> str:
        more = f", and {len(self._keys) - 5} more" if len(self._keys) > 5 else ""
        return f"StaticPartitionsDefinition({', '.join(map(repr, self._keys[:5]))}{more})"
