"""Partitions: the named slices that a job or an asset is computed by."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import msgspec

from jobnb.errors import (
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    UnknownPartitionError,
    did_you_mean,
)

__all__ = [
    "PARTITION_TAG",
    "AddDynamicPartitionsRequest",
    "DeleteDynamicPartitionsRequest",
    "DynamicPartitionsDefinition",
    "DynamicPartitionsStore",
    "Partition",
    "PartitionKeyRange",
    "PartitionsDefinition",
    "StaticPartitionsDefinition",
]

PARTITION_TAG = "dagster/partition"
_FORBIDDEN = ("...", "\x00", "\a", "\b", "\f", "\n", "\r", "\t", "\v")


@runtime_checkable
class DynamicPartitionsStore(Protocol):
    """Whatever keeps the keys of dynamic partitions: an `Instance`, usually."""

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        """The keys of one definition, in the order they were added."""
        ...

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        """Whether one definition has the key."""
        ...


class PartitionKeyRange(msgspec.Struct, frozen=True):
    """A run of partition keys, from `start` to `end`, both included.

    Source: Dagster's `PartitionKeyRange`.
    """

    start: str
    end: str


class Partition(msgspec.Struct, frozen=True):
    """A partition as the older functions of `PartitionedConfig` get it.

    Args:
        value: What it stands for: a `TimeWindow`, or the key itself.
        name: Its key.

    Source: Dagster's `Partition`.
    """

    value: Any
    name: str = ""

    def __post_init__(self) -> None:
        """Name it after its value where no name was given."""
        if not self.name:
            msgspec.structs.force_setattr(self, "name", str(self.value))


class AddDynamicPartitionsRequest(msgspec.Struct, frozen=True):
    """A request to add keys to dynamic partitions.

    Source: Dagster's `AddDynamicPartitionsRequest`.
    """

    partitions_def_name: str
    partition_keys: Sequence[str]


class DeleteDynamicPartitionsRequest(msgspec.Struct, frozen=True):
    """A request to take keys away from dynamic partitions.

    Source: Dagster's `DeleteDynamicPartitionsRequest`.
    """

    partitions_def_name: str
    partition_keys: Sequence[str]


class PartitionsDefinition(ABC):
    """The partitions of a job or an asset, each with a key.

    Source: Dagster's `PartitionsDefinition`.
    """

    @abstractmethod
    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        """All keys, in order.

        Args:
            current_time: The moment that counts as now, for partitions in time.
            dynamic_partitions_store: Keeps the keys of dynamic partitions.
        """

    def get_num_partitions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> int:
        """How many partitions there are."""
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
    ) -> None:
        """Make sure that there is a partition with this key.

        Raises:
            UnknownPartitionError: If there is none; it names the nearest.
        """
        if not self.has_partition_key(partition_key, current_time, dynamic_partitions_store):
            keys = self.get_partition_keys(current_time, dynamic_partitions_store)
            raise UnknownPartitionError(
                f"There is no partition {partition_key!r}. {_nearest(partition_key, keys)}".strip()
            )

    def get_first_partition_key(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> str | None:
        """The first key, or None where there are none."""
        keys = self.get_partition_keys(current_time, dynamic_partitions_store)
        return keys[0] if keys else None

    def get_last_partition_key(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> str | None:
        """The last key, or None where there are none."""
        keys = self.get_partition_keys(current_time, dynamic_partitions_store)
        return keys[-1] if keys else None

    def get_partition_keys_in_range(
        self,
        partition_key_range: PartitionKeyRange,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        """The keys from the start to the end of a range, both included.

        Raises:
            UnknownPartitionError: If the start or the end is no key.
        """
        keys = self.get_partition_keys(None, dynamic_partitions_store)
        for key in (partition_key_range.start, partition_key_range.end):
            if key not in keys:
                raise UnknownPartitionError(
                    f"The range {partition_key_range.start!r} to {partition_key_range.end!r} "
                    f"names {key!r}, which is no partition. {_nearest(key, keys)}"
                )
        first, last = keys.index(partition_key_range.start), keys.index(partition_key_range.end)
        return keys[first : last + 1]

    def get_tags_for_partition_key(self, partition_key: str) -> dict[str, str]:
        """The tags that a run for this partition carries."""
        return {PARTITION_TAG: partition_key}

    def get_serializable_unique_identifier(
        self, dynamic_partitions_store: DynamicPartitionsStore | None = None
    ) -> str:
        """A hash of all keys: two definitions with the same partitions share it."""
        keys = self.get_partition_keys(None, dynamic_partitions_store)
        return hashlib.sha1("\x00".join(keys).encode(), usedforsecurity=False).hexdigest()

    def value_of(self, partition_key: str) -> Any:
        """What a partition stands for: a `TimeWindow` for partitions in time, else its key."""
        return partition_key

    def arguments_of(self, partition_key: str) -> tuple[Any, ...]:
        """What a function that is called once per partition is called with."""
        return (partition_key,)


def _nearest(key: str, keys: Sequence[str]) -> str:
    return did_you_mean(str(key), keys[-1000:], noun="There are")  # the last ones, of many


def check_partition_keys(partition_keys: Any, what: str) -> list[str]:
    """The keys, if each is text that can be a key and none comes twice.

    Raises:
        InvalidDefinitionError: If not; it names every key that is wrong.
    """
    if isinstance(partition_keys, str):
        raise InvalidDefinitionError(
            f"The keys of {what} are a list of texts, not the one text {partition_keys!r}."
        )
    keys = list(partition_keys)
    wrong = [key for key in keys if not isinstance(key, str) or not key]
    if wrong:
        raise InvalidDefinitionError(f"The keys of {what} are non-empty text, not {wrong[:5]!r}.")
    ill = [key for key in keys if any(part in key for part in _FORBIDDEN)]
    if ill:
        raise InvalidDefinitionError(
            f"The keys of {what} cannot contain '...' or control characters: {ill[:5]!r}."
        )
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        raise InvalidDefinitionError(f"The keys of {what} must differ: {twice[:5]!r} come twice.")
    return keys


class StaticPartitionsDefinition(PartitionsDefinition):
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
        """All keys, in order."""
        return list(self._keys)

    def has_partition_key(
        self,
        partition_key: str,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> bool:
        """Whether there is a partition with this key."""
        return partition_key in self._places

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StaticPartitionsDefinition):
            return self._keys == other._keys
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._keys))

    def __repr__(self) -> str:
        more = f", and {len(self._keys) - 5} more" if len(self._keys) > 5 else ""
        return f"StaticPartitionsDefinition({', '.join(map(repr, self._keys[:5]))}{more})"


class DynamicPartitionsDefinition(PartitionsDefinition):
    """Partitions that come and go while the pipeline lives.

    Args:
        partition_fn: Gives the keys, from the current time (the older way).
        name: Names the partitions in the instance that keeps their keys.

    Raises:
        InvalidDefinitionError: If there is neither a function nor a name, or both.

    Example:
        >>> customers = DynamicPartitionsDefinition(name="customers")
        >>> customers.build_add_request(["acme"]).partition_keys
        ['acme']

    Source: Dagster's `DynamicPartitionsDefinition`.
    """

    def __init__(
        self,
        partition_fn: Callable[[datetime | None], Sequence[str | Partition]] | None = None,
        name: str | None = None,
    ) -> None:
        if (partition_fn is None) == (name is None):
            raise InvalidDefinitionError(
                "A DynamicPartitionsDefinition has either a name or a partition_fn: pass one."
            )
        self.partition_fn = partition_fn
        self.name = name

    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        """All keys, in the order they were added.

        Raises:
            InvariantViolationError: If the partitions have a name and there is no instance.
        """
        if self.partition_fn is not None:
            found = self.partition_fn(current_time)
            return [each.name if isinstance(each, Partition) else each for each in found]
        store = self._store(dynamic_partitions_store)
        return list(store.get_dynamic_partitions(str(self.name)))

    def has_partition_key(
        self,
        partition_key: str,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> bool:
        """Whether there is a partition with this key."""
        if self.partition_fn is not None:
            return partition_key in self.get_partition_keys(current_time)
        store = self._store(dynamic_partitions_store)
        return bool(store.has_dynamic_partition(str(self.name), partition_key))

    def _store(self, given: DynamicPartitionsStore | None) -> DynamicPartitionsStore:
        if given is None:
            raise InvariantViolationError(
                f"The keys of the dynamic partitions {self.name!r} are kept by an instance: "
                "pass it as dynamic_partitions_store=."
            )
        return given

    def build_add_request(self, partition_keys: Sequence[str]) -> AddDynamicPartitionsRequest:
        """A request to add keys, for a sensor to return."""
        keys = check_partition_keys(partition_keys, f"the partitions {self._required_name()!r}")
        return AddDynamicPartitionsRequest(self._required_name(), keys)

    def build_delete_request(self, partition_keys: Sequence[str]) -> DeleteDynamicPartitionsRequest:
        """A request to take keys away, for a sensor to return."""
        return DeleteDynamicPartitionsRequest(self._required_name(), list(partition_keys))

    def _required_name(self) -> str:
        if self.name is None:
            raise InvalidInvocationError(
                "Dynamic partitions made by a function have no name, so no keys can be added "
                "or taken away: define them with name=."
            )
        return self.name

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DynamicPartitionsDefinition):
            return (self.name, self.partition_fn) == (other.name, other.partition_fn)
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.name, self.partition_fn))

    def __repr__(self) -> str:
        return f"DynamicPartitionsDefinition({self.name or self.partition_fn!r})"
