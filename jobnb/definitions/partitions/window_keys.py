"""The keys of time windows: formatted from a window's start, and parsed back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, tzinfo
from functools import cached_property, lru_cache
from typing import Any

from jobnb.definitions.partitions.cron_times import DayTimes, localize
from jobnb.definitions.partitions.key_format import KeyFormat
from jobnb.definitions.partitions.window_times import WindowTimes

_DAY = "%Y-%m-%d"
_YEARS = range(2, 9998)  # The years in which every zone can convert every day.


@lru_cache(maxsize=256)
def _formats(fmt: str) -> tuple[KeyFormat, KeyFormat]:
    """Return the format itself, and with the offset that distinguishes an hour that comes twice."""
    return KeyFormat(fmt), KeyFormat(fmt + "%z")


def moments_of(key: Any, fmt: str, zone: tzinfo) -> Iterator[datetime]:
    """Iterate over the moments that a key may name: two, if the clock shows the time twice."""
    for form in _formats(fmt) if isinstance(key, str) else ():
        try:
            told = form.read(key)
            if told is None:
                continue
            both = (told,) if told.tzinfo else (told, told.replace(fold=1))
            found = [localize(each, zone) for each in both]
        except (ValueError, OverflowError):
            continue
        yield from (each for each in found if each.year in _YEARS)


class WindowKeys:
    """The keys of the windows of one schedule.

    Args:
        fmt: The format of the keys, as for `strftime`.
        zone: The time zone of the keys.
        windows: The windows.
    """

    def __init__(self, fmt: str, zone: tzinfo, windows: WindowTimes) -> None:
        self._fmt = fmt
        self._zone = zone
        self._windows = windows

    def key(self, index: int) -> str:
        """Return the key of the window at this index."""
        if self._days is not None:
            return self._days.day_at(self._windows.tick(index)).isoformat()
        return self.of_start(self._windows.start(index))

    def of_start(self, start: datetime) -> str:
        """Return the key of the window that begins at a moment."""
        text = start.strftime(self._fmt)
        if start.fold and self._has_twin(start, text):
            text += start.strftime("%z")
        return text

    def _has_twin(self, start: datetime, text: str) -> bool:
        """Whether a window that began before the clocks went back would have the same key."""
        ticks = self._windows.ticks
        number = ticks.count_before(start)
        since = max(0, ticks.count_before(start.replace(fold=0)))
        return any(ticks.at(each).strftime(self._fmt) == text for each in range(since, number))

    def moments(self, key: Any) -> Iterator[datetime]:
        """Iterate over the moments that a key may name."""
        return moments_of(key, self._fmt, self._zone)

    def index(self, key: str) -> int | None:
        """Return the index of the window with this key, or None."""
        if self._days is not None:
            return self._index_of_day(self._days, key)
        for moment in self.moments(key):
            index = self._windows.begun_before(moment)
            # Formatted again: `moments` also parses texts that `strftime` would write differently.
            if self.key(index) == key:
                return index
        return None

    @cached_property
    def _days(self) -> DayTimes | None:
        """The schedule, if keys are plain days, which need no times of day to be found."""
        ticks = self._windows.ticks
        return ticks if self._fmt == _DAY and isinstance(ticks, DayTimes) else None

    def _index_of_day(self, days: DayTimes, key: str) -> int | None:
        try:
            day = date.fromisoformat(key)
        except (ValueError, TypeError):
            return None
        is_key = day.isoformat() == key and day.year in _YEARS
        tick = days.index_of(day) if is_key else None
        return None if tick is None else self._windows.number_of(tick)
