"""The base of partitions whose positions are computed instead of enumerated."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime

from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore, PartitionKeyRange
from jobnb.definitions.partitions.position_runs import PositionRuns
from jobnb.errors import UnknownPartitionError


class PositionedPartitions(PartitionsDefinition):
    """Partitions whose keys and positions follow from the definition alone."""

    @abstractmethod
    def position_of(self, partition_key: str) -> int | None:
        """Return the position of a key, or None if it cannot be a key."""

    def placed(self, partition_key: str) -> int | None:
        """Return the position of a key, or None if it cannot be a key."""
        return self.position_of(partition_key)

    @abstractmethod
    def key_at(self, position: int) -> str:
        """Return the key at a position."""

    @abstractmethod
    def positions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PositionRuns:
        """Return the positions of the keys that exist."""

    @abstractmethod
    def _unknown(self, partition_keys: Sequence[str]) -> UnknownPartitionError:
        """Return the error for unknown keys."""

    def positions_of(self, partition_keys: Iterable[str]) -> PositionRuns:
        """Return the positions of some keys.

        Raises:
            UnknownPartitionError: If some can be no keys of these partitions.
        """
        keys = list(partition_keys)
        found = self._all_placed(keys)
        unknown = [key for key, place in zip(keys, found, strict=True) if place is None]
        if unknown:
            raise self._unknown(unknown)
        return PositionRuns.of(place for place in found if place is not None)

    def _all_placed(self, partition_keys: Sequence[str]) -> list[int | None]:
        return [self.placed(key) for key in partition_keys]

    def _place_of(self, partition_key: str) -> int:
        position = self.placed(partition_key)
        if position is None:
            raise self._unknown([partition_key])
        return position

    def positions_in_range(
        self,
        partition_key_range: PartitionKeyRange,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PositionRuns:
        """Return the positions of the keys from the start to the end of a range.

        Raises:
            UnknownPartitionError: If the start or the end is no key.
        """
        first = self._place_of(partition_key_range.start)
        last = self._place_of(partition_key_range.end)
        return PositionRuns([(first, last + 1)])

    def get_partition_keys_in_range(
        self,
        partition_key_range: PartitionKeyRange,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        """Return the keys from the start to the end of a range, both included.

        Raises:
            UnknownPartitionError: If the start or the end is no key.
        """
        positions = self.positions_in_range(partition_key_range, dynamic_partitions_store)
        return [self.key_at(position) for position in positions]

    def key_ranges(
        self,
        positions: PositionRuns,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[PartitionKeyRange]:
        """Return the keys at some positions as ranges; positions without keys do not split them."""
        every = self.positions(current_time, dynamic_partitions_store)
        found: list[list[int]] = []
        for start, end in positions.runs:
            if found and every.rank(start) == every.rank(found[-1][1] + 1):
                found[-1][1] = end - 1
            else:
                found.append([start, end - 1])
        return [PartitionKeyRange(self.key_at(a), self.key_at(b)) for a, b in found]
