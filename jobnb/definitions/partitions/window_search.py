"""Windows of time by moment, by key and by neighbour."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property

from jobnb.definitions.partitions.cron_times import localize
from jobnb.definitions.partitions.partition_keys import PartitionKeyRange
from jobnb.definitions.partitions.partition_loading import now_or
from jobnb.definitions.partitions.window_index import WindowIndex
from jobnb.definitions.partitions.window_times import TimeWindow, WindowTimes
from jobnb.errors import UnknownPartitionError

__all__ = ["WindowSearch"]


class WindowSearch(WindowIndex):
    """Finds windows, whether they have ended or not."""

    def _count(self, current_time: datetime | None = None) -> int:
        """How many windows there are now: those that have ended, within the bounds."""
        now = localize(now_or(current_time), self._zone)
        count = self.windows.ended_until(now, max(0, self.end_offset))
        if self._most is not None:
            count = min(count, self._most)
        return max(0, count + min(0, self.end_offset))

    @cached_property
    def _most(self) -> int | None:
        """How many windows end before the bound, if there is one."""
        return None if self.end is None else self.windows.ended_until(self.end)

    @cached_property
    def _further_back(self) -> tuple[WindowTimes, int]:
        return self.windows, 0

    def reaching_back(self, count: int) -> tuple[WindowTimes, int]:
        """The windows with some more before the first one, and how many more those are."""
        windows, more = self._further_back
        days = 2.0
        while more < count:
            windows, more = self.reaching_back_to(self._days_before(days))
            days *= 2
        return windows, more

    def reaching_back_to(self, moment: datetime) -> tuple[WindowTimes, int]:
        """The windows with those that begin after a moment, or just before it, and how many more.

        A window that a moment before the first one lies in is among them.
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
        index = self._index(key)
        if index is None:
            raise UnknownPartitionError(f"There is no partition {key!r}. {self._hint(key)}")
        return index

    def _hint(self, key: str) -> str:
        moment = next(iter(self._moments(key)), None)
        if moment is None:
            return f"Keys have the format {self.fmt!r}, as {self._key(0)!r}."
        if moment < self.start:
            return f"The first one is {self._key(0)!r}."
        place = self.windows.begun_before(moment)
        if self._most is not None and place >= self._most:
            return self._not_yet(place, self._count())
        return f"The next one is {self._key(place)!r}."

    def is_valid_partition_key(self, partition_key: str) -> bool:
        """Whether the key names a window at or after the start, ended or not."""
        return self._index(partition_key) is not None

    def time_window_for_partition_key(self, partition_key: str) -> TimeWindow:
        """The window of a key, whether it has ended or not.

        Raises:
            UnknownPartitionError: If it is no key, or lies before the start.
        """
        return self.windows.window(self._known_index(partition_key))

    def time_windows_for_partition_keys(
        self, partition_keys: Collection[str], validate: bool = True
    ) -> Sequence[TimeWindow]:
        """The window of each key, the earliest first.

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
        """What to say of a window behind the last: it has not ended, or there will never be one."""
        last = f"the last one is {self._key(count - 1)!r}" if count else "none has"
        if self._most is not None and place >= self._most:
            return f"It lies past the end: {last if count else 'there is none'}."
        return f"Its window has not ended: {last}."

    def start_time_for_partition_key(self, partition_key: str) -> datetime:
        """When the window of a key begins."""
        return self.time_window_for_partition_key(partition_key).start

    def end_time_for_partition_key(self, partition_key: str) -> datetime:
        """When the window of a key ends."""
        return self.time_window_for_partition_key(partition_key).end

    def get_first_partition_window(self, current_time: datetime | None = None) -> TimeWindow | None:
        """The first window, or None where none has ended."""
        return self.windows.window(0) if self._count(current_time) else None

    def get_last_partition_window(self, current_time: datetime | None = None) -> TimeWindow | None:
        """The last window that has ended, or None."""
        count = self._count(current_time)
        return self.windows.window(count - 1) if count else None

    def get_next_partition_window(
        self, end_dt: datetime, current_time: datetime | None = None, respect_bounds: bool = True
    ) -> TimeWindow | None:
        """The first window that begins at or after a moment.

        Args:
            end_dt: The moment.
            current_time: The moment that counts as now.
            respect_bounds: Whether it must lie after the start and have ended; else None.
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
        """The last window that ends at or before a moment.

        Args:
            start_dt: The moment.
            respect_bounds: Whether it must lie after the start; else None.
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
        """The key that a text, a day or a moment stands for, once it is made a key.

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
        """The moment that counts as now, in seconds since the epoch."""
        return localize(now_or(current_time), self._zone).timestamp()

    def get_next_partition_key(
        self, partition_key: str, current_time: datetime | None = None
    ) -> str | None:
        """The key after this one, or None where its window has not ended."""
        index = self._known_index(partition_key) + 1
        return self._key(index) if index < self._count(current_time) else None

    def get_partition_key_for_timestamp(self, timestamp: float, end_closed: bool = False) -> str:
        """The key of the window that a moment is in.

        Args:
            timestamp: The moment, in seconds since the epoch.
            end_closed: Whether a window includes the moment it ends at, not the one it begins at.

        Raises:
            UnknownPartitionError: If it lies before the first window.
        """
        moment = datetime.fromtimestamp(timestamp, self._zone)
        times = self.windows
        index = (times.begun_before(moment) if end_closed else times.begun_until(moment)) - 1
        if index < 0:
            raise UnknownPartitionError(
                f"{moment.isoformat()} lies before the first partition, {self._key(0)!r}."
            )
        return self._key(index)

    def get_partition_keys_in_time_window(self, time_window: TimeWindow) -> Sequence[str]:
        """The keys of the windows that begin within a stretch of time."""
        return [self._key(index) for index in self._within(self.windows, time_window)]

    def has_any_partitions_in_window(self, time_window: TimeWindow) -> bool:
        """Whether a window begins within a stretch of time."""
        return bool(self._within(self.windows, time_window))

    def get_partition_key_range_for_time_window(
        self, time_window: TimeWindow, respect_bounds: bool = True
    ) -> PartitionKeyRange:
        """The first and the last key of the windows that begin within a stretch of time.

        Args:
            time_window: The stretch.
            respect_bounds: Whether they must lie after the start.

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
