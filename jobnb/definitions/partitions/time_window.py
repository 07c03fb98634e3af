"""Time partitions: consecutive windows of a cron schedule."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from math import inf
from typing import Any

from jobnb.definitions.partitions.cron_times import (
    ScheduleType,
    cron_from,
    localize,
    shifted,
    type_of,
    zone_of,
)
from jobnb.definitions.partitions.partition_keys import (
    DynamicPartitionsStore,
    PartitionKeyRange,
    check_partition_keys,
    none_of,
)
from jobnb.definitions.partitions.partition_loading import now_or
from jobnb.definitions.partitions.position_runs import PositionRuns
from jobnb.definitions.partitions.positioned_partitions import PositionedPartitions
from jobnb.definitions.partitions.window_keys import WindowKeys, moments_of
from jobnb.definitions.partitions.window_times import TimeWindow, WindowTimes
from jobnb.definitions.plain import check_text
from jobnb.errors import InvalidDefinitionError, UnknownPartitionError


class TimeWindowPartitionsDefinition(PositionedPartitions):
    """One partition per time window; a partition exists once its window has ended.

    Args:
        start: The earliest start of a window: a datetime, or text in the format of the keys.
        fmt: The format of the keys, as for `strftime`.
        end: The latest end of a window.
        schedule_type: Hourly, daily, weekly or monthly windows.
        timezone: The zone that the schedule and the keys are in; UTC if not given.
        end_offset: How many windows to add after the last ended one; negative for fewer.
        minute_offset: The minute at which windows begin.
        hour_offset: The hour at which windows begin.
        day_offset: The day at which windows begin: of the week (0 is Sunday) or of the month.
        cron_schedule: Any other schedule, instead of a type and offsets.
        exclusions: Moments and cron schedules; the windows that begin at them are left out.

    Raises:
        InvalidDefinitionError: If the schedule, the zone, the start or the format is invalid.

    Example:
        >>> flights = TimeWindowPartitionsDefinition(
        ...     start="2013-01-01", fmt="%Y-%m-%d", cron_schedule="0 0 * * 1-5"
        ... )
        >>> flights.get_partition_keys(current_time=datetime(2013, 1, 8))
        ['2013-01-01', '2013-01-02', '2013-01-03', '2013-01-04', '2013-01-07']

    An hour that occurs twice when clocks are set back has two windows; the key of the second
    ends with its offset from UTC, as `2013-11-03-01:00-0500`.

    Source: Dagster's `TimeWindowPartitionsDefinition`.
    """

    is_in_time = True

    def __init__(
        self,
        start: datetime | str,
        fmt: str,
        end: datetime | str | None = None,
        schedule_type: ScheduleType | None = None,
        timezone: str | None = None,
        end_offset: int = 0,
        minute_offset: int | None = None,
        hour_offset: int | None = None,
        day_offset: int | None = None,
        cron_schedule: str | None = None,
        exclusions: Sequence[str | datetime] | None = None,
    ) -> None:
        self._timezone = timezone or "UTC"
        self._zone = zone_of(self._timezone)
        check_text(fmt, "The format (fmt) of time partitions")
        self._fmt = fmt
        self._end_offset = end_offset
        offsets = (minute_offset, hour_offset, day_offset)
        self._cron_schedule = cron_from(schedule_type, offsets, cron_schedule)
        self._start = self._moment(start, "start")
        self._end = None if end is None else self._moment(end, "end")
        self._exclusions = _exclusions(exclusions)
        self.windows = WindowTimes(self.cron_schedule, self.start, self._zone, self.exclusions)
        self._keys = WindowKeys(fmt, self._zone, self.windows)
        self._check_format()

    @property
    def start(self) -> datetime:
        """The earliest start of a window."""
        return self._start

    @property
    def end(self) -> datetime | None:
        """The latest end of a window, or None if there is none."""
        return self._end

    @property
    def start_ts(self) -> float:
        """The earliest start of a window, in seconds since the epoch."""
        return self._start.timestamp()

    @property
    def end_ts(self) -> float | None:
        """The latest end of a window, in seconds since the epoch."""
        return None if self._end is None else self._end.timestamp()

    @property
    def fmt(self) -> str:
        """The format of the keys."""
        return self._fmt

    @property
    def timezone(self) -> str:
        """The time zone of the schedule and the keys."""
        return self._timezone

    @property
    def end_offset(self) -> int:
        """The number of windows after the last ended one; negative for fewer."""
        return self._end_offset

    @property
    def cron_schedule(self) -> str:
        """The cron schedule at which windows begin and end."""
        return self._cron_schedule

    @property
    def exclusions(self) -> Sequence[str | datetime]:
        """Moments and cron schedules at which no window begins."""
        return self._exclusions

    @cached_property
    def schedule_type(self) -> ScheduleType | None:
        """Hourly, daily, weekly or monthly; None for any other schedule."""
        return type_of(self.cron_schedule)

    def _field(self, place: int, default: int = 0) -> int:
        text = self.cron_schedule.split()[place]
        return int(text) if self.schedule_type is not None and text.isdigit() else default

    @property
    def minute_offset(self) -> int:
        """The minute at which windows begin."""
        return self._field(0)

    @property
    def hour_offset(self) -> int:
        """The hour at which windows begin."""
        return self._field(1)

    @property
    def day_offset(self) -> int:
        """The day of the week or month at which windows begin."""
        if self.schedule_type is ScheduleType.WEEKLY:
            return self._field(4)
        return self._field(2, 1 if self.schedule_type is ScheduleType.MONTHLY else 0)

    @property
    def is_basic_daily(self) -> bool:
        """Whether windows are days from midnight to midnight."""
        return self.cron_schedule == "0 0 * * *"

    def get_cron_schedule(
        self,
        minute_of_hour: int | None = None,
        hour_of_day: int | None = None,
        day_of_week: int | None = None,
        day_of_month: int | None = None,
    ) -> str:
        """Return a cron schedule as frequent as the windows, at another minute, hour or day.

        Raises:
            InvalidInvocationError: If an argument does not fit the windows' frequency.
        """
        given = {
            "minute_of_hour": minute_of_hour,
            "hour_of_day": hour_of_day,
            "day_of_week": day_of_week,
            "day_of_month": day_of_month,
        }
        return shifted(self.cron_schedule, given)

    def _moment(self, given: datetime | str, what: str) -> datetime:
        if isinstance(given, datetime):
            return localize(given, self._zone)
        moment = next(moments_of(given, self.fmt, self._zone), None)
        if moment is None:
            raise InvalidDefinitionError(
                f"The {what} {given!r} of time partitions does not fit the format {self.fmt!r}."
            )
        return moment

    def _check_format(self) -> None:
        keys = self._keys.key(0), self._keys.key(1)
        check_partition_keys(keys[:1], f"time partitions of the format {self.fmt!r}")
        if keys[0] == keys[1] or self._keys.index(keys[0]) != 0 or self._keys.index(keys[1]) != 1:
            raise InvalidDefinitionError(
                f"The format {self.fmt!r} cannot tell the partitions of the schedule "
                f"{self.cron_schedule!r} apart: the first two are {keys[0]!r} and {keys[1]!r}."
            )

    def key_of_start(self, start: datetime) -> str:
        """Return the key of the window that begins at a moment."""
        return self._keys.of_start(start)

    def _count(self, current_time: datetime | None = None) -> int:
        """Return how many windows have ended, within the bounds."""
        now = localize(now_or(current_time), self._zone)
        count = self.windows.ended_until(now, max(0, self.end_offset))
        if self._most is not None:
            count = min(count, self._most)
        return max(0, count + min(0, self.end_offset))

    @cached_property
    def _most(self) -> int | None:
        """The number of windows that end before `end`, if there is one."""
        return None if self.end is None else self.windows.ended_until(self.end)

    @cached_property
    def _further_back(self) -> tuple[WindowTimes, int]:
        return self.windows, 0

    def reaching_back(self, count: int) -> tuple[WindowTimes, int]:
        """Return the windows with more before the first one, and how many more."""
        windows, more = self._further_back
        days = 2.0
        while more < count:
            windows, more = self.reaching_back_to(self._days_before(days))
            days *= 2
        return windows, more

    def reaching_back_to(self, moment: datetime) -> tuple[WindowTimes, int]:
        """Return the windows from a moment on, and how many more these are.

        The window that contains the moment is included.
        """
        windows, more = self._further_back
        back = 2.0
        while windows.ticks.at(0) > moment:
            start = localize(moment, self._zone) - timedelta(days=back)
            windows = WindowTimes(self.cron_schedule, start, self._zone, self.exclusions)
            more = windows.begun_before(self.windows.ticks.at(0))
            back *= 2
        self._further_back = windows, more
        return windows, more

    def _days_before(self, days: float) -> datetime:
        return self.windows.ticks.at(0) - timedelta(days=days)

    def _known_index(self, key: str) -> int:
        index = self._keys.index(key)
        if index is None:
            raise UnknownPartitionError(f"There is no partition {key!r}. {self._hint(key)}")
        return index

    def _hint(self, key: str) -> str:
        moment = next(self._keys.moments(key), None)
        if moment is None:
            return f"Keys have the format {self.fmt!r}, as {self._keys.key(0)!r}."
        if moment < self.start:
            return f"The first one is {self._keys.key(0)!r}."
        place = self.windows.begun_before(moment)
        if self._most is not None and place >= self._most:
            return self._not_yet(place, self._count())
        return f"The next one is {self._keys.key(place)!r}."

    def is_valid_partition_key(self, partition_key: str) -> bool:
        """Whether the key names a window at or after the start, ended or not."""
        return self._keys.index(partition_key) is not None

    def time_window_for_partition_key(self, partition_key: str) -> TimeWindow:
        """Return the window of a key, whether it has ended or not.

        Raises:
            UnknownPartitionError: If it is no key, or is before the start.
        """
        return self.windows.window(self._known_index(partition_key))

    def time_windows_for_partition_keys(
        self, partition_keys: Collection[str], validate: bool = True
    ) -> Sequence[TimeWindow]:
        """Return the window of each key, the earliest first.

        Raises:
            UnknownPartitionError: If one is no key, or (with `validate`) has not ended.
        """
        places = [self._known_index(key) for key in partition_keys]
        count = self._count() if validate else 0
        for place, key in zip(places, partition_keys, strict=True) if validate else ():
            if place >= count:
                raise UnknownPartitionError(
                    f"There is no {key!r} yet. {self._not_yet(place, count)}"
                )
        return [self.windows.window(place) for place in sorted(places)]

    def _not_yet(self, place: int, count: int) -> str:
        """Describe a window after the last: it has not ended, or it is after `end`."""
        last = f"the last one is {self._keys.key(count - 1)!r}" if count else "none has"
        if self._most is not None and place >= self._most:
            return f"It is past the end: {last if count else 'there is none'}."
        return f"Its window has not ended: {last}."

    def start_time_for_partition_key(self, partition_key: str) -> datetime:
        """Return the start of a key's window."""
        return self.time_window_for_partition_key(partition_key).start

    def end_time_for_partition_key(self, partition_key: str) -> datetime:
        """Return the end of a key's window."""
        return self.time_window_for_partition_key(partition_key).end

    def get_first_partition_window(self, current_time: datetime | None = None) -> TimeWindow | None:
        """Return the first window, or None if none has ended."""
        return self.windows.window(0) if self._count(current_time) else None

    def get_last_partition_window(self, current_time: datetime | None = None) -> TimeWindow | None:
        """Return the last window that has ended, or None."""
        count = self._count(current_time)
        return self.windows.window(count - 1) if count else None

    def get_next_partition_window(
        self, end_dt: datetime, current_time: datetime | None = None, respect_bounds: bool = True
    ) -> TimeWindow | None:
        """Return the first window that begins at or after a moment.

        Args:
            end_dt: The moment.
            current_time: The current time.
            respect_bounds: Whether it must be after the start and have ended; else None.
        """
        moment = localize(end_dt, self._zone)
        if not respect_bounds:
            windows, _ = self.reaching_back_to(moment)
            return windows.window(windows.begun_before(moment))
        index = self.windows.begun_before(moment)
        return self.windows.window(index) if index < self._count(current_time) else None

    def get_prev_partition_window(
        self, start_dt: datetime, respect_bounds: bool = True
    ) -> TimeWindow | None:
        """Return the last window that ends at or before a moment.

        Args:
            start_dt: The moment.
            respect_bounds: Whether it must be after the start; else None.
        """
        moment = localize(start_dt, self._zone)
        windows = self.windows
        if not respect_bounds:
            windows, _ = self.reaching_back_to(moment - timedelta(days=1))
            while not windows.ended_until(moment):
                windows, _ = self.reaching_back_to(windows.start(0) - timedelta(days=1))
        index = windows.ended_until(moment) - 1
        return windows.window(index) if index >= 0 else None

    def get_partition_key(self, key: str | date | datetime) -> str:
        """Return the key of a text, a date or a datetime.

        Raises:
            UnknownPartitionError: If no window begins there.
        """
        if isinstance(key, datetime):
            text = self.key_of_start(localize(key, self._zone))
        else:
            text = key if isinstance(key, str) else key.strftime(self.fmt)
        self._known_index(text)
        return text

    def get_current_timestamp(self, current_time: datetime | None = None) -> float:
        """Return the current time, in seconds since the epoch."""
        return localize(now_or(current_time), self._zone).timestamp()

    def get_next_partition_key(
        self, partition_key: str, current_time: datetime | None = None
    ) -> str | None:
        """Return the next key, or None if its window has not ended."""
        index = self._known_index(partition_key) + 1
        return self._keys.key(index) if index < self._count(current_time) else None

    def get_partition_key_for_timestamp(self, timestamp: float, end_closed: bool = False) -> str:
        """Return the key of the window that contains a moment.

        Args:
            timestamp: The moment, in seconds since the epoch.
            end_closed: Whether a window includes its end instead of its start.

        Raises:
            UnknownPartitionError: If it is before the first window.
        """
        moment = datetime.fromtimestamp(timestamp, self._zone)
        times = self.windows
        index = (times.begun_before(moment) if end_closed else times.begun_until(moment)) - 1
        if index < 0:
            raise UnknownPartitionError(
                f"{moment.isoformat()} is before the first partition, {self._keys.key(0)!r}."
            )
        return self._keys.key(index)

    def get_partition_keys_in_time_window(self, time_window: TimeWindow) -> Sequence[str]:
        """Return the keys of the windows that begin within a window of time."""
        return [self._keys.key(index) for index in self._within(self.windows, time_window)]

    def has_any_partitions_in_window(self, time_window: TimeWindow) -> bool:
        """Whether a window begins within a window of time."""
        return bool(self._within(self.windows, time_window))

    def get_partition_key_range_for_time_window(
        self, time_window: TimeWindow, respect_bounds: bool = True
    ) -> PartitionKeyRange:
        """Return the first and last key of the windows that begin in a window of time.

        Args:
            time_window: The window of time.
            respect_bounds: Whether they must be after the start.

        Raises:
            UnknownPartitionError: If none does.
        """
        windows = self.windows
        if not respect_bounds:
            windows, _ = self.reaching_back_to(localize(time_window.start, self._zone))
        indices = self._within(windows, time_window)
        if not indices:
            raise UnknownPartitionError(
                f"No partition begins from {time_window.start.isoformat()} "
                f"to {time_window.end.isoformat()}."
            )
        ends = (windows.start(indices[0]), windows.start(indices[-1]))
        return PartitionKeyRange(*map(self.key_of_start, ends))

    def _within(self, windows: WindowTimes, time_window: TimeWindow) -> range:
        first, last = (windows.begun_before(localize(each, self._zone)) for each in time_window)
        return range(first, last)

    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        """Return the keys of all windows that have ended, in order."""
        return [self._keys.key(index) for index in range(self._count(current_time))]

    def get_num_partitions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> int:
        """Count the windows that have ended."""
        return self._count(current_time)

    def has_partition_key(
        self,
        partition_key: str,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> bool:
        """Whether a window with this key has ended."""
        index = self._keys.index(partition_key)
        return index is not None and index < self._count(current_time)

    def get_first_partition_key(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> str | None:
        """Return the key of the first window, or None where none has ended."""
        return self._keys.key(0) if self._count(current_time) else None

    def get_last_partition_key(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> str | None:
        """Return the key of the last window that has ended, or None."""
        count = self._count(current_time)
        return self._keys.key(count - 1) if count else None

    def position_of(self, partition_key: str) -> int | None:
        """Return the number of a key's window, from 0, ended or not; None if it is no key."""
        index = self._keys.index(partition_key)
        limit = self.position_limit
        return index if index is None or limit is None or index < limit else None

    def key_at(self, position: int) -> str:
        """Return the key of the window with this number."""
        return self._keys.key(position)

    @cached_property
    def position_limit(self) -> int | None:
        """A number above all positions, or None without `end`."""
        return None if self._most is None else max(0, self._most + min(0, self.end_offset))

    def _all_placed(self, partition_keys: Sequence[str]) -> list[int | None]:
        found: list[int | None] = []
        limit = inf if self.position_limit is None else self.position_limit
        following = limit
        # Keys usually follow each other, and formatting the next is cheaper than parsing it.
        for key in partition_keys:
            is_next = following < limit and self._keys.key(int(following)) == key
            place = int(following) if is_next else self.position_of(key)
            following = limit if place is None else place + 1
            found.append(place)
        return found

    def positions(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PositionRuns:
        """Return the numbers of the windows that have ended."""
        return PositionRuns([(0, self._count(current_time))])

    def why_not(
        self, partition_key: str, current_time: datetime, store: DynamicPartitionsStore | None
    ) -> str:
        """Describe the next key, or the last, for an unknown one."""
        place = self._keys.index(partition_key)
        if place is None:
            return self._hint(partition_key)
        return self._not_yet(place, self._count(current_time))

    def _unknown(self, partition_keys: Sequence[str]) -> UnknownPartitionError:
        return UnknownPartitionError(f"{none_of(partition_keys)} {self._hint(partition_keys[0])}")

    def positions_json(self, positions: PositionRuns) -> dict[str, Any]:
        """Encode windows as ranges of keys, which stay valid if the start moves."""
        runs = positions.runs
        return {
            "ranges": [[self._keys.key(first), self._keys.key(after - 1)] for first, after in runs]
        }

    def positions_from(self, told: Mapping[str, Any]) -> PositionRuns:
        """Decode the result of `positions_json`.

        Raises:
            UnknownPartitionError: If it names keys that cannot be of these partitions.
        """
        bounds = [(self._place_of(first), self._place_of(last)) for first, last in told["ranges"]]
        return PositionRuns((first, last + 1) for first, last in bounds)

    def value_of(self, partition_key: str) -> TimeWindow:
        """Return the window of a key."""
        return self.time_window_for_partition_key(partition_key)

    def arguments_of(self, partition_key: str) -> tuple[datetime, datetime]:
        """Return the start and the end of a key's window."""
        return tuple(self.time_window_for_partition_key(partition_key))  # type: ignore[return-value]

    def get_serializable_unique_identifier(
        self, dynamic_partitions_store: DynamicPartitionsStore | None = None
    ) -> str:
        """Return a hash of the definition: equal definitions share it."""
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

    def __str__(self) -> str:
        partitions = "partition" if self.end_offset == 1 else "partitions"
        offset = f" End offsetted by {self.end_offset} {partitions}." if self.end_offset else ""
        return f"{self!r}.{offset}"

    def __repr__(self) -> str:
        kind = self.schedule_type.value.capitalize() if self.schedule_type else self.cron_schedule
        until = f", until {self.end.strftime(self.fmt)}" if self.end else ""
        return f"{kind}, starting {self.start.strftime(self.fmt)} {self.timezone}{until}"


def _exclusions(given: Any) -> tuple[str | datetime, ...]:
    found = [given] if isinstance(given, str | datetime) else list(given or ())
    wrong = [each for each in found if not isinstance(each, str | datetime)]
    if found == [given] or wrong:
        raise InvalidDefinitionError(
            "exclusions are a list of cron schedules and datetimes, such as ['0 0 * * 6'], not "
            f"{wrong[0] if wrong else given!r}."
        )
    return tuple(found)
