"""Partitions in time: one window after another, cut by a cron schedule."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from math import inf
from typing import Any

from jobnb.definitions.partitions.partition_keys import (
    DynamicPartitionsStore,
    none_of,
)
from jobnb.definitions.partitions.position_runs import PositionRuns
from jobnb.definitions.partitions.positioned_partitions import PositionedPartitions
from jobnb.definitions.partitions.schedule_type import ScheduleType
from jobnb.definitions.partitions.window_search import WindowSearch
from jobnb.definitions.partitions.window_times import TimeWindow
from jobnb.errors import UnknownPartitionError

__all__ = ["ScheduleType", "TimeWindow", "TimeWindowPartitionsDefinition"]


class TimeWindowPartitionsDefinition(WindowSearch, PositionedPartitions):
    """One partition per window of time; a window is there once it has ended.

    Args:
        start: When the first window may begin: a datetime, or text in the format of the keys.
        fmt: The format of the keys, as for `strftime`.
        end: When the last window ends at the latest.
        schedule_type: Hourly, daily, weekly or monthly windows.
        timezone: The zone that the schedule and the keys are in; UTC unless given.
        end_offset: How many more windows there are than have ended; negative for fewer.
        minute_offset: The minute at which windows begin.
        hour_offset: The hour at which windows begin.
        day_offset: The day at which windows begin: of the week (0 is Sunday) or of the month.
        cron_schedule: Any other schedule, instead of a type and offsets.
        exclusions: Moments and cron schedules; the windows that begin at them are left out.

    Raises:
        InvalidDefinitionError: If the schedule, the zone, the start or the format is not right.

    Example:
        >>> flights = TimeWindowPartitionsDefinition(
        ...     start="2013-01-01", fmt="%Y-%m-%d", cron_schedule="0 0 * * 1-5"
        ... )
        >>> flights.get_partition_keys(current_time=datetime(2013, 1, 8))
        ['2013-01-01', '2013-01-02', '2013-01-03', '2013-01-04', '2013-01-07']

    A local time that comes twice when clocks are set back gives two hourly windows; the key
    of the second one ends with its offset from UTC, as `2013-11-03-01:00-0500`.

    Source: Dagster's `TimeWindowPartitionsDefinition`.
    """

    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        """The keys of all windows that have ended, in order."""
        return [self._key(index) for index in range(self._count(current_time))]

    def get_num_partitions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> int:
        """How many windows have ended."""
        return self._count(current_time)

    def has_partition_key(
        self,
        partition_key: str,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> bool:
        """Whether a window with this key has ended."""
        index = self._index(partition_key)
        return index is not None and index < self._count(current_time)

    def get_first_partition_key(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> str | None:
        """The key of the first window, or None where none has ended."""
        return self._key(0) if self._count(current_time) else None

    def get_last_partition_key(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> str | None:
        """The key of the last window that has ended, or None."""
        count = self._count(current_time)
        return self._key(count - 1) if count else None

    def position_of(self, partition_key: str) -> int | None:
        """Which window this is, from 0, ended or not; None where it never can be one."""
        index = self._index(partition_key)
        limit = self.position_limit
        return index if index is None or limit is None or index < limit else None

    def key_at(self, position: int) -> str:
        """The key of the window with this number."""
        return self._key(position)

    @cached_property
    def position_limit(self) -> int | None:
        """How many windows there can be at most, or None where there is no last one."""
        return None if self._most is None else max(0, self._most + min(0, self.end_offset))

    def _all_placed(self, partition_keys: Sequence[str]) -> list[int | None]:
        found: list[int | None] = []
        limit = inf if self.position_limit is None else self.position_limit
        following = limit
        for key in partition_keys:  # they mostly follow each other: making the next is cheaper
            is_next = following < limit and self._key(int(following)) == key
            place = int(following) if is_next else self.position_of(key)
            following = limit if place is None else place + 1
            found.append(place)
        return found

    def positions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PositionRuns:
        """The numbers of the windows that have ended."""
        return PositionRuns([(0, self._count(current_time))])

    def why_not(
        self, partition_key: str, current_time: datetime, store: DynamicPartitionsStore | None
    ) -> str:
        """What to say of a key that there is not: which one comes next, or was the last."""
        place = self._index(partition_key)
        if place is None:
            return self._hint(partition_key)
        return self._not_yet(place, self._count(current_time))

    def _unknown(self, partition_keys: Sequence[str]) -> UnknownPartitionError:
        return UnknownPartitionError(f"{none_of(partition_keys)} {self._hint(partition_keys[0])}")

    def told_positions(self, positions: PositionRuns) -> dict[str, Any]:
        """Some windows as ranges of keys, which stay right when the start is moved."""
        runs = positions.runs
        return {"ranges": [[self._key(first), self._key(after - 1)] for first, after in runs]}

    def positions_from(self, told: Mapping[str, Any]) -> PositionRuns:
        """The windows that `told_positions` told of.

        Raises:
            UnknownPartitionError: If it names keys that cannot be of these partitions.
        """
        bounds = [(self._place_of(first), self._place_of(last)) for first, last in told["ranges"]]
        return PositionRuns((first, last + 1) for first, last in bounds)

    def value_of(self, partition_key: str) -> TimeWindow:
        """The window of a key."""
        return self.time_window_for_partition_key(partition_key)

    def arguments_of(self, partition_key: str) -> tuple[datetime, datetime]:
        """The start and the end of the window of a key."""
        return tuple(self.time_window_for_partition_key(partition_key))  # type: ignore[return-value]

    def get_serializable_unique_identifier(
        self, dynamic_partitions_store: DynamicPartitionsStore | None = None
    ) -> str:
        """A hash of what makes the windows: definitions with the same windows share it."""
        return hashlib.sha1(repr(self._identity).encode(), usedforsecurity=False).hexdigest()

    @cached_property
    def _identity(self) -> tuple[Any, ...]:
        bounds = (self.start.isoformat(), self.end.isoformat() if self.end else None)
        made = (self.cron_schedule, *bounds, self.fmt, self.timezone, self.end_offset)
        return (*made, *map(str, self.exclusions))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TimeWindowPartitionsDefinition):
            return self is other or self._identity == other._identity
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._identity)

    def __repr__(self) -> str:
        kind = self.schedule_type.value.capitalize() if self.schedule_type else self.cron_schedule
        until = f", until {self.end.strftime(self.fmt)}" if self.end else ""
        return f"{kind}, starting {self.start.strftime(self.fmt)} {self.timezone}{until}"
