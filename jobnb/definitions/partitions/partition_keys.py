"""Partition keys and ranges, and the protocol of their store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from jobnb.definitions.plain import is_text
from jobnb.errors import InvalidDefinitionError, did_you_mean

PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
SUBSET_TAG = "jobnb/partitions"
"""Holds the partitions of a run, where they are several and no range."""

_FORBIDDEN = ("...", "\x00", "\a", "\b", "\f", "\n", "\r", "\t", "\v")
_LOOKED_THROUGH = 1000  # How many keys are searched for the nearest one.


@runtime_checkable
class DynamicPartitionsStore(Protocol):
    """Stores the keys of dynamic partitions: usually an `Instance`."""

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        """Return the keys of one definition, in the order they were added."""
        ...

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        """Whether one definition has the key."""
        ...


class PartitionKeyRange(msgspec.Struct, frozen=True):
    """A range of partition keys, from `start` to `end`, both included.

    Source: Dagster's `PartitionKeyRange`.
    """

    start: str
    end: str

    def __iter__(self) -> Iterator[str]:
        """Iterate over both ends, as in `start, end = context.partition_key_range`."""
        return iter((self.start, self.end))


class Partition(msgspec.Struct, frozen=True):
    """A partition, as the older functions of `PartitionedConfig` get it.

    Args:
        value: A `TimeWindow`, or the key itself.
        name: Its key.

    Source: Dagster's `Partition`.
    """

    value: Any
    name: str = ""

    def __post_init__(self) -> None:
        """Name it after its value where no name was given."""
        if not self.name:
            msgspec.structs.force_setattr(self, "name", str(self.value))


def nearest_key(key: str, keys: Sequence[str]) -> str:
    """Return a sentence with the keys nearest to an unknown one."""
    return did_you_mean(str(key), keys[-_LOOKED_THROUGH:], noun="There are")


def none_of(keys: Sequence[str]) -> str:
    """Return a sentence about keys that do not exist."""
    if len(keys) == 1:
        return f"There is no partition {keys[0]!r}."
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    return f"There are no partitions {', '.join(map(repr, keys[:5]))}{more}."


def check_partition_keys(partition_keys: Any, what: str) -> list[str]:
    """Return the keys after checking that each is valid and unique.

    Raises:
        InvalidDefinitionError: If not; names every invalid key.
    """
    if isinstance(partition_keys, str):
        raise InvalidDefinitionError(
            f"The keys of {what} are a list of texts, not the one text {partition_keys!r}."
        )
    keys = list(partition_keys)
    wrong = [key for key in keys if not isinstance(key, str) or not key]
    if wrong:
        raise InvalidDefinitionError(f"The keys of {what} are non-empty text, not {wrong[:5]!r}.")
    ill = [key for key in keys if not is_text(key) or any(map(key.__contains__, _FORBIDDEN))]
    if ill:
        raise InvalidDefinitionError(
            f"The keys of {what} cannot contain '...', control characters or half characters "
            f"(lone surrogates): {ill[:5]!r}."
        )
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        raise InvalidDefinitionError(f"The keys of {what} must differ: {twice[:5]!r} come twice.")
    return keys
