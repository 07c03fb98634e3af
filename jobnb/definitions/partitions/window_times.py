"""The start and end of windows: the times of a schedule, without exclusions."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from jobnb.definitions.partitions.cron_times import CronTimes, cron_times, localize
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_LONGEST_GAP = 50  # The most consecutive windows that may be excluded,
# or the longest time: beyond that, no window is assumed to be left.
_LONGEST_TIME = timedelta(days=4 * 366)


class TimeWindow(NamedTuple):
    """A time window, from `start` up to but not including `end`.

    Source: Dagster's `TimeWindow`.
    """

    start: datetime
    end: datetime


class WindowTimes:
    """The windows between the times of a schedule, numbered from the first at or after a start.

    Args:
        cron: The schedule.
        start: The earliest start of a window.
        zone: The zone of the schedule.
        exclusions: Moments and cron schedules; windows that begin at them are excluded, and their
            neighbors do not change.
    """

    def __init__(
        self,
        cron: str,
        start: datetime,
        zone: ZoneInfo,
        exclusions: Sequence[str | datetime] = (),
    ) -> None:
        self.ticks = cron_times(cron, start, zone)
        moments = [localize(e, zone) for e in exclusions if isinstance(e, datetime)]
        self._excluded = sorted({i for i in map(self._tick_of, moments) if i is not None})
        self._excluding = [cron_times(e, start, zone) for e in exclusions if isinstance(e, str)]
        self._passed = [0] * len(self._excluding)
        self._known_until = 0 if self._excluding else -1

    def _tick_of(self, moment: datetime) -> int | None:
        """Return the number of the schedule's time at a moment, excluded or not."""
        number = self.ticks.count_before(moment)
        return number if self.ticks.at(number).timestamp() == moment.timestamp() else None

    def _know(self, tick: int) -> list[int]:
        """Return the excluded ticks, complete up to one of them."""
        if self._excluding and tick >= self._known_until:
            reach = self.ticks.at(max(tick, 2 * self._known_until) + 64)
            found = set(self._excluded)
            for place, times in enumerate(self._excluding):
                found.update(self._new(place, times, reach))
            self._excluded = sorted(found)
            self._known_until = self.ticks.count_before(reach)
        return self._excluded

    def _new(self, place: int, times: CronTimes, reach: datetime) -> list[int]:
        until = times.count_before(reach)
        ticks = [self._tick_of(times.at(each)) for each in range(self._passed[place], until)]
        self._passed[place] = until
        return [tick for tick in ticks if tick is not None]

    def _windows_below(self, tick: int) -> int:
        """Return how many windows begin before a tick."""
        return tick - bisect_left(self._know(tick), tick) if tick > 0 else 0

    def tick(self, index: int) -> int:
        """Return the tick at which a window begins.

        Raises:
            InvalidDefinitionError: If the exclusions leave no such window.
        """
        tick = index
        while True:
            excluded = self._know(tick)
            passed = bisect_right(excluded, tick)
            if index + passed == tick:
                return tick
            tick = index + passed
            self._check_gap(passed)

    def _check_gap(self, passed: int) -> None:
        """Check that the excluded ticks before a place are not endless."""
        excluded = self._excluded
        shift = excluded[passed - 1] - passed + 1  # the same for ticks one after another
        first = bisect_left(range(passed), shift, key=lambda place: excluded[place] - place)
        begin, end = (self.ticks.at(excluded[place]) for place in (first, passed - 1))
        if passed - first > _LONGEST_GAP and end - begin > _LONGEST_TIME:
            raise InvalidDefinitionError(
                f"The exclusions of time partitions leave no window from {begin} to {end}: "
                "exclude fewer."
            )

    def window(self, index: int) -> TimeWindow:
        """Return the window with this number, from 0."""
        tick = self.tick(index)
        return TimeWindow(self.ticks.at(tick), self.ticks.at(tick + 1))

    def start(self, index: int) -> datetime:
        """Return when the window with this number begins."""
        return self.ticks.at(self.tick(index))

    def number_of(self, tick: int) -> int | None:
        """Return the number of the window that begins at a tick, or None if it is excluded."""
        excluded = self._know(tick)
        place = bisect_left(excluded, tick)
        return None if tick in excluded[place : place + 1] else tick - place

    def begun_before(self, moment: datetime) -> int:
        """Return how many windows begin before a moment: the number of the first at or after it."""
        return self._windows_below(self.ticks.count_before(moment))

    def begun_until(self, moment: datetime) -> int:
        """Return how many windows begin at or before a moment."""
        return self._windows_below(self.ticks.count_until(moment))

    def ended_until(self, moment: datetime, more: int = 0) -> int:
        """Return how many windows end at or before a moment, or would after some more ticks."""
        return self._windows_below(self.ticks.count_until(moment) - 1 + more)

    def overlapping(self, window: TimeWindow) -> range:
        """Return the numbers of the windows that overlap a window."""
        return range(self.ended_until(window.start), self.begun_before(window.end))

    def stretches(self, first: int, last: int) -> list[tuple[int, int]]:
        """Return a range of windows as runs of ticks without excluded ones between."""
        runs: list[tuple[int, int]] = []
        begin, end = self.tick(first), self.tick(last - 1) + 1
        excluded = self._know(end)
        for tick in excluded[bisect_left(excluded, begin) : bisect_left(excluded, end)]:
            if tick > begin:
                runs.append((begin, tick))
            begin = tick + 1
        return [*runs, (begin, end)]
