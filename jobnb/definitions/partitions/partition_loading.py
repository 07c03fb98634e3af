"""The defaults for the current time and the store of dynamic partitions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import NamedTuple

from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore


class PartitionLoadingContext(NamedTuple):
    """The current time, and the store of dynamic partitions.

    Source: Dagster's `PartitionLoadingContext`.
    """

    effective_dt: datetime | None = None
    dynamic_partitions_store: DynamicPartitionsStore | None = None


class PaginatedResults(NamedTuple):
    """One page of results.

    Args:
        results: The results.
        cursor: The start of the next page.
        has_more: Whether there is a next page.

    Source: Dagster's `PaginatedResults`.
    """

    results: list[str]
    cursor: str
    has_more: bool


_CURRENT: ContextVar[PartitionLoadingContext] = ContextVar("partition_loading")
_NOTHING = PartitionLoadingContext()


@contextmanager
def partition_loading_context(
    effective_dt: datetime | None = None,
    dynamic_partitions_store: DynamicPartitionsStore | None = None,
    *,
    new_ctx: PartitionLoadingContext | None = None,
) -> Iterator[PartitionLoadingContext]:
    """Set the current time and the store of dynamic partitions within a `with` block.

    Args:
        effective_dt: The current time.
        dynamic_partitions_store: The store of dynamic partition keys.
        new_ctx: Both of them in one.

    Example:
        >>> from jobnb.definitions.partitions.calendar_partitions import DailyPartitionsDefinition
        >>> with partition_loading_context(datetime(2013, 1, 3, tzinfo=UTC)):
        ...     DailyPartitionsDefinition("2013-01-01").get_last_partition_key()
        '2013-01-02'

    Source: Dagster's `partition_loading_context`.
    """
    before = _CURRENT.get(_NOTHING)
    given = new_ctx or PartitionLoadingContext(effective_dt, dynamic_partitions_store)
    current = PartitionLoadingContext(
        given.effective_dt or before.effective_dt,
        given.dynamic_partitions_store or before.dynamic_partitions_store,
    )
    token = _CURRENT.set(current)
    try:
        yield current
    finally:
        _CURRENT.reset(token)


def now_or(current_time: datetime | None) -> datetime:
    """Return the given moment, or the current one of the context."""
    if current_time is not None:
        return current_time
    return _CURRENT.get(_NOTHING).effective_dt or datetime.now(tz=UTC)


def store_or(store: DynamicPartitionsStore | None) -> DynamicPartitionsStore | None:
    """Return the given store, or the current one of the context."""
    return store or _CURRENT.get(_NOTHING).dynamic_partitions_store
