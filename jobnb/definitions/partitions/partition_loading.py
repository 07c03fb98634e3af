"""What counts as now, and who keeps dynamic partitions, where a call does not say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import NamedTuple

from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore


class PartitionLoadingContext(NamedTuple):
    """The moment that counts as now, and the store of dynamic partitions.

    Source: Dagster's `PartitionLoadingContext`.
    """

    effective_dt: datetime | None = None
    dynamic_partitions_store: DynamicPartitionsStore | None = None


class PaginatedResults(NamedTuple):
    """Some results of many.

    Args:
        results: These ones.
        cursor: Where the next ones begin.
        has_more: Whether there are any.

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
    """Say for a while what counts as now and who keeps dynamic partitions.

    Args:
        effective_dt: The moment that counts as now.
        dynamic_partitions_store: Keeps the keys of dynamic partitions.
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
    """The moment that was given, or the one that counts as now."""
    if current_time is not None:
        return current_time
    return _CURRENT.get(_NOTHING).effective_dt or datetime.now(tz=UTC)


def store_or(store: DynamicPartitionsStore | None) -> DynamicPartitionsStore | None:
    """The store that was given, or the one that counts at the moment."""
    return store or _CURRENT.get(_NOTHING).dynamic_partitions_store
