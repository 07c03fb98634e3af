"""Dynamic partitions: keys that are added and deleted over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec

from jobnb.definitions.partitions.partition import PartitionsDefinition, SeenKeys
from jobnb.definitions.partitions.partition_keys import (
    DynamicPartitionsStore,
    Partition,
    check_partition_keys,
)
from jobnb.definitions.partitions.partition_loading import store_or
from jobnb.definitions.plain import check_text
from jobnb.errors import (
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
)


class AddDynamicPartitionsRequest(msgspec.Struct, frozen=True):
    """A request to add keys to dynamic partitions.

    Source: Dagster's `AddDynamicPartitionsRequest`.
    """

    partitions_def_name: str
    partition_keys: Sequence[str]

    def __post_init__(self) -> None:
        """Check the keys."""
        _check_request(self)


class DeleteDynamicPartitionsRequest(msgspec.Struct, frozen=True):
    """A request to delete keys of dynamic partitions.

    Source: Dagster's `DeleteDynamicPartitionsRequest`.
    """

    partitions_def_name: str
    partition_keys: Sequence[str]

    def __post_init__(self) -> None:
        """Check the keys."""
        _check_request(self)


def _check_request(request: AddDynamicPartitionsRequest | DeleteDynamicPartitionsRequest) -> None:
    keys = check_partition_keys(
        request.partition_keys, f"a request for the partitions {request.partitions_def_name!r}"
    )
    msgspec.structs.force_setattr(request, "partition_keys", keys)


class KeysAsRequested:
    """The keys of dynamic partitions once some requests are applied.

    Args:
        store: The store of the present keys; that of the session if not given.
        requests: Requests to add or delete keys.
    """

    def __init__(self, store: DynamicPartitionsStore | None, requests: Sequence[Any]) -> None:
        self._store = store
        self._requests = requests

    def get_dynamic_partitions(self, partitions_def_name: str) -> list[str]:
        """Return the keys of one definition, added ones last."""
        store = store_or(self._store)
        keys = dict.fromkeys(store.get_dynamic_partitions(partitions_def_name) if store else ())
        for each in self._requests:
            if each.partitions_def_name != partitions_def_name:
                continue
            for key in each.partition_keys:
                if isinstance(each, AddDynamicPartitionsRequest):
                    keys[key] = None
                else:
                    keys.pop(key, None)
        return list(keys)

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        """Whether one definition has the key."""
        return partition_key in self.get_dynamic_partitions(partitions_def_name)


class DynamicPartitionsDefinition(PartitionsDefinition):
    """Partitions whose keys are added and deleted over time.

    Args:
        partition_fn: Returns the keys, from the current time (the older way).
        name: The name of the partitions in the instance that stores their keys.

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
        check_text(name, "The name of dynamic partitions")
        self._partition_fn = partition_fn
        self._name = name

    @property
    def name(self) -> str | None:
        """The name of the partitions in the instance that stores their keys."""
        return self._name

    @property
    def partition_fn(self) -> Callable[[datetime | None], Sequence[str | Partition]] | None:
        """The function that returns the keys, if there is one."""
        return self._partition_fn

    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        """Return all keys, in the order they were added.

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

    @cached_property
    def _seen(self) -> SeenKeys:
        """The positions, shared by definitions of one name so that their subsets are compatible."""
        return SeenKeys.shared((type(self), self.name, self.partition_fn))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.partition_fn, self.name)

    def _store(self, given: DynamicPartitionsStore | None) -> DynamicPartitionsStore:
        store = store_or(given)
        if store is None:
            raise InvariantViolationError(
                f"The keys of the dynamic partitions {self.name!r} are kept by an instance: "
                "pass it as dynamic_partitions_store=."
            )
        return store

    def build_add_request(self, partition_keys: Sequence[str]) -> AddDynamicPartitionsRequest:
        """Return a request to add keys, for a sensor to return."""
        keys = check_partition_keys(partition_keys, f"the partitions {self._required_name()!r}")
        return AddDynamicPartitionsRequest(self._required_name(), keys)

    def build_delete_request(self, partition_keys: Sequence[str]) -> DeleteDynamicPartitionsRequest:
        """Return a request to delete keys, for a sensor to return."""
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

    def __str__(self) -> str:
        if self.name is None:
            return ", ".join(map(repr, self.get_partition_keys()))
        return f'Dynamic partitions: "{self.name}"'

    def __repr__(self) -> str:
        return f"DynamicPartitionsDefinition({self.name or self.partition_fn!r})"
