"""`PartitionsDefinition`: the base of all partitions."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from jobnb.definitions.arguments import check_kind
from jobnb.definitions.partitions.partition_keys import (
    PARTITION_TAG,
    DynamicPartitionsStore,
    PartitionKeyRange,
    nearest_key,
)
from jobnb.definitions.partitions.partition_loading import (
    PaginatedResults,
    PartitionLoadingContext,
    now_or,
)
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.definitions.partitions.position_runs import PositionRuns
from jobnb.errors import InvalidSubsetError, UnknownPartitionError


class SeenKeys:
    """Numbers keys in the order in which they are seen; numbers never change."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self._numbers: dict[str, int] = {}
        self._lock = Lock()

    def find(self, key: str) -> int | None:
        """Return the number of a key, or None if it was not seen."""
        return self._numbers.get(key)

    def add(self, key: str) -> int:
        """Return the number of a key, adding it if it is new."""
        number = self._numbers.get(key)
        if number is None:
            with self._lock:
                number = self._numbers.get(key)
                if number is None:
                    number = len(self.keys)
                    self.keys.append(key)
                    self._numbers[key] = number
        return number

    def __getstate__(self) -> list[str]:
        return self.keys

    def __setstate__(self, keys: list[str]) -> None:
        self.keys = list(keys)
        self._numbers = {key: number for number, key in enumerate(keys)}
        self._lock = Lock()

    @classmethod
    def shared(cls, owner: object) -> SeenKeys:
        """Return the numbers that equal owners share while one of them is alive."""
        with _SHARED_LOCK:
            found = _SHARED.get(owner)
            if found is None:
                found = _SHARED[owner] = cls()
            return found


_SHARED: WeakValueDictionary[object, SeenKeys] = WeakValueDictionary()
_SHARED_LOCK = Lock()


class PartitionsDefinition(ABC):
    """The partitions of a job or an asset, each with a key.

    Each key has a position: a number in the order of the keys, constant while the process lives.
    Positions may have gaps; subsets and mappings are computed with them.

    Source: Dagster's `PartitionsDefinition`.
    """

    is_in_time = False  # whether each key is a window of time

    @abstractmethod
    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        """Return all keys, in order.

        Args:
            current_time: The current time, for time partitions.
            dynamic_partitions_store: The store of dynamic partition keys.
        """

    def get_num_partitions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> int:
        """Return the number of partitions."""
        return len(self.get_partition_keys(current_time, dynamic_partitions_store))

    def has_partition_key(
        self,
        partition_key: str,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> bool:
        """Whether there is a partition with this key."""
        return partition_key in self.get_partition_keys(current_time, dynamic_partitions_store)

    def validate_partition_key(
        self,
        partition_key: str,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
        context: PartitionLoadingContext | None = None,
    ) -> None:
        """Check that a partition with this key exists.

        Args:
            partition_key: The key.
            current_time: The current time, for time partitions.
            dynamic_partitions_store: The store of dynamic partition keys.
            context: Both of them in one, as later versions of Dagster pass them.

        Raises:
            UnknownPartitionError: If there is none; names the nearest.
        """
        now, store = context or (current_time, dynamic_partitions_store)
        now = now_or(now)
        if not self.has_partition_key(partition_key, now, store):
            raise UnknownPartitionError(
                f"There is no partition {partition_key!r}. "
                f"{self.why_not(partition_key, now, store)}".strip()
            )

    def why_not(
        self, partition_key: str, current_time: datetime, store: DynamicPartitionsStore | None
    ) -> str:
        """Describe which keys exist instead of an unknown one."""
        return nearest_key(partition_key, self.get_partition_keys(current_time, store))

    def get_paginated_partition_keys(
        self,
        context: PartitionLoadingContext,
        limit: int,
        ascending: bool = True,
        cursor: str | None = None,
    ) -> PaginatedResults:
        """Return a page of keys, without computing those before.

        Args:
            context: The current time, and the store of dynamic partitions.
            limit: The most keys to return.
            ascending: Whether in order, or backwards from the last one.
            cursor: The end of the page before.

        Raises:
            UnknownPartitionError: If the cursor is no key.
        """
        every = self.subset_with_all_partitions(*context)
        last = len(every) - 1
        steps = range(last + 1) if ascending else range(last, -1, -1)
        if cursor:
            steps = steps[steps.index(every.index_of(cursor)) + 1 :]
        keys = [every.key_at(index) for index in steps[:limit]]
        return PaginatedResults(keys, keys[-1] if keys else cursor or "", len(steps) > limit)

    def get_first_partition_key(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> str | None:
        """Return the first key, or None where there are none."""
        keys = self.get_partition_keys(current_time, dynamic_partitions_store)
        return keys[0] if keys else None

    def get_last_partition_key(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> str | None:
        """Return the last key, or None where there are none."""
        keys = self.get_partition_keys(current_time, dynamic_partitions_store)
        return keys[-1] if keys else None

    def get_partition_keys_in_range(
        self,
        partition_key_range: PartitionKeyRange,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        """Return the keys from the start to the end of a range, both included.

        Raises:
            UnknownPartitionError: If the start or the end is no key.
        """
        keys = self.get_partition_keys(None, dynamic_partitions_store)
        for key in (partition_key_range.start, partition_key_range.end):
            if key not in keys:
                raise UnknownPartitionError(
                    f"The range {partition_key_range.start!r} to {partition_key_range.end!r} "
                    f"names {key!r}, which is no partition. {nearest_key(key, keys)}"
                )
        first, last = keys.index(partition_key_range.start), keys.index(partition_key_range.end)
        return keys[first : last + 1]

    def get_tags_for_partition_key(self, partition_key: str) -> dict[str, str]:
        """Return the tags of a run for this partition."""
        return {PARTITION_TAG: partition_key}

    def get_serializable_unique_identifier(
        self, dynamic_partitions_store: DynamicPartitionsStore | None = None
    ) -> str:
        """Return a hash of all keys: definitions with the same keys share it."""
        keys = self.get_partition_keys(None, dynamic_partitions_store)
        return hashlib.sha1("\x00".join(keys).encode(), usedforsecurity=False).hexdigest()

    def typed_key(self, partition_key: str) -> str:
        """Return the key as user functions get it: a `MultiPartitionKey` if it has parts."""
        return partition_key

    def value_of(self, partition_key: str) -> Any:
        """Return the value of a partition: a `TimeWindow` for time partitions, else its key."""
        return partition_key

    def arguments_of(self, partition_key: str) -> tuple[Any, ...]:
        """Return the arguments of a function that is called for each partition."""
        return (partition_key,)

    # Subsets

    def empty_subset(self) -> PartitionsSubset:
        """Return the subset without any key."""
        return PartitionsSubset(self)

    def subset_with_partition_keys(self, partition_keys: Iterable[str]) -> PartitionsSubset:
        """Return the subset of some keys.

        Raises:
            UnknownPartitionError: If some can be no keys of these partitions.
        """
        return PartitionsSubset(self, self.positions_of(partition_keys))

    def subset_with_all_partitions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PartitionsSubset:
        """Return the subset of all keys that exist."""
        return PartitionsSubset(self, self.positions(current_time, dynamic_partitions_store))

    def deserialize_subset(self, serialized: str) -> PartitionsSubset:
        """Decode a subset.

        Raises:
            InvalidSubsetError: If the text is no subset of such partitions.
            UnknownPartitionError: If it names keys that cannot be of these partitions.
        """
        return PartitionsSubset.deserialize(self, serialized)

    def can_deserialize_subset(self, serialized: str) -> bool:
        """Whether a text is a subset of these partitions."""
        try:
            self.deserialize_subset(serialized)
        except (InvalidSubsetError, UnknownPartitionError):
            return False
        return True

    # Positions; by default for keys known from get_partition_keys only, in the order they are seen

    @cached_property
    def _seen(self) -> SeenKeys:
        return SeenKeys()

    def position_of(self, partition_key: str) -> int | None:
        """Return the position of a key without computing others; None if it cannot exist."""
        return self._seen.find(partition_key)

    def placed(self, partition_key: str) -> int | None:
        """Return the position of a key, adding it if it is new."""
        return self._seen.add(partition_key)

    def key_at(self, position: int) -> str:
        """Return the key at a position."""
        return self._seen.keys[position]

    @property
    def position_limit(self) -> int | None:
        """A number above all positions, or None if they are unlimited."""
        return None

    def positions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PositionRuns:
        """Return the positions of the keys that exist."""
        return self.positions_of(self.get_partition_keys(current_time, dynamic_partitions_store))

    def positions_of(self, partition_keys: Iterable[str]) -> PositionRuns:
        """Return the positions of some keys.

        Raises:
            UnknownPartitionError: If some can be no keys of these partitions.
        """
        return PositionRuns.of(map(self._seen.add, partition_keys))

    def positions_in_range(
        self,
        partition_key_range: PartitionKeyRange,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PositionRuns:
        """Return the positions of the keys from the start to the end of a range.

        Raises:
            UnknownPartitionError: If the start or the end is no key.
        """
        return self.positions_of(
            self.get_partition_keys_in_range(partition_key_range, dynamic_partitions_store)
        )

    def key_ranges(
        self,
        positions: PositionRuns,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[PartitionKeyRange]:
        """Return the keys at some positions as ranges, without those that do not exist."""
        wanted = {self.key_at(position) for position in positions}
        found: list[PartitionKeyRange] = []
        before: str | None = None
        for key in self.get_partition_keys(current_time, dynamic_partitions_store):
            if key in wanted and before in wanted:
                found[-1] = PartitionKeyRange(found[-1].start, key)
            elif key in wanted:
                found.append(PartitionKeyRange(key, key))
            before = key
        return found

    def positions_json(self, positions: PositionRuns) -> dict[str, Any]:
        """Encode positions as JSON that later processes and definitions can read."""
        return {"keys": [self.key_at(position) for position in positions]}

    def positions_from(self, told: Mapping[str, Any]) -> PositionRuns:
        """Decode the result of `positions_json`.

        Raises:
            UnknownPartitionError: If it names keys that cannot be of these partitions.
        """
        return self.positions_of(told["keys"])


def check_partitions(given: Any, owner: str) -> PartitionsDefinition | None:
    """Return the partitions of a definition, or None.

    Args:
        given: What the user gave.
        owner: Whose they are, in words.

    Raises:
        InvalidDefinitionError: If they are no partitions definition.
    """
    example = "DailyPartitionsDefinition('2024-01-01') or StaticPartitionsDefinition(['a', 'b'])"
    check_kind(given, PartitionsDefinition, "partitions_def", owner, example)
    found: PartitionsDefinition | None = given
    return found
