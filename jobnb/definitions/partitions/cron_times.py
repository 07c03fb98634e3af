"""The times of a cron schedule, found by index without iterating over them.

Times are counted from the first one at or after a start. Hours run in absolute time, days in
local time, and both keep clear of a zone's clock changes: a local time that the clock skips
is replaced by the moment it jumps to, one that comes twice counts the first time (hourly
schedules count both), as cron does.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import Enum
from typing import TYPE_CHECKING, Any

from jobnb.errors import InvalidDefinitionError, InvalidInvocationError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_HOUR = 3600
_SAMPLE = 5 * 86400  # Shorter than the time between any zone's two clock changes.
_FIRST = datetime(1, 1, 3, tzinfo=UTC)  # each zone has the hours before it, too
_REGULAR = re.compile(r"(\d+) (\*|\d+) (\*|\d+) \* (\*|\d+)")
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of a name.

    Raises:
        InvalidDefinitionError: If there is none.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # loads how Python was built

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise InvalidDefinitionError(
            f"{name!r} is no timezone: give a name such as 'UTC' or 'America/New_York'."
        ) from None


def localize(moment: datetime, zone: tzinfo) -> datetime:
    """Convert `moment` to a zone; a naive one is taken to be in that zone."""
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


class CronTimes(ABC):
    """The times of one schedule, by index."""

    @abstractmethod
    def at(self, index: int) -> datetime:
        """Return the time at this index, from 0."""

    @abstractmethod
    def count_before(self, moment: datetime) -> int:
        """Return how many times are before `moment`: the index of the first at or after it."""

    def count_until(self, moment: datetime) -> int:
        """Return how many times are at or before `moment`."""
        count = self.count_before(moment)
        return count + (self.at(count).timestamp() == moment.timestamp())


_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def standard_cron(cron: Any) -> str:
    """Expand a nickname such as `@daily` to five fields."""
    return _NICKNAMES.get(cron.lower(), cron) if isinstance(cron, str) else cron


def cron_times(cron: str, start: datetime, zone: ZoneInfo) -> CronTimes:
    """Return the times of a cron schedule from `start` on.

    Raises:
        InvalidDefinitionError: If it is no cron schedule.
    """
    cron = standard_cron(cron)
    _check_cron(cron)
    match = _REGULAR.fullmatch(cron)
    if match is None:
        return _Irregular(cron, start, zone)
    minute, hour, day, weekday = (None if part == "*" else int(part) for part in match.groups())
    at = time(hour or 0, minute or 0)
    if hour is None:
        if day is None and weekday is None:
            return _Hourly(at.minute, start, zone)
    elif day is None:
        step = 1 if weekday is None else 7
        return _Days(at, step, 0 if weekday is None else weekday % 7, start, zone)
    elif weekday is None and day <= 28:
        return _Months(at, day, start, zone)
    return _Irregular(cron, start, zone)


def cron_instants(cron: str, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Iterate over the moments of a cron schedule after another, in UTC, each once."""
    minute, hour = cron.split()[:2]
    often = minute.startswith("*") or hour.startswith("*")
    last = max(after, _FIRST).astimezone(UTC)
    found = _of_every_hour(cron, last, zone) if often else _of_some_hours(cron, last, zone)
    with suppress(OverflowError):  # the calendar ends, and with it the schedule
        for each in found:
            if each > last:
                last = each
                yield each


def _of_some_hours(cron: str, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Iterate over the times of a day: a skipped one at the clock's jump, a repeated one once."""
    from cronsim import CronSim

    # Starts some hours earlier, so that a time moved by a clock change is not missed.
    for each in CronSim(cron, (after - timedelta(hours=3)).astimezone(zone)):
        yield each.astimezone(UTC)


def _of_every_hour(cron: str, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Iterate over the times by the clock on the wall, from one change of it to the next.

    Each stretch is walked through as if there were no change: the library steps by whole hours,
    and there are zones whose clock changes by half of one.
    """
    from cronsim import CronSim

    moment, before = after, timedelta()
    while True:
        offset = _offset_at(moment, zone)
        for wall in CronSim(cron, (moment + offset - before).replace(tzinfo=None)):
            found = wall.replace(tzinfo=UTC) - offset
            if _offset_at(found, zone) != offset:
                # Go on at the change itself: it may be one of the moments.
                moment, before = _first_change(moment, found, zone), timedelta(seconds=1)
                break
            moment, before = found, timedelta()
            yield found
        else:
            return


def _offset_at(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _first_change(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment, to the second, at which a zone has another offset than at `low`."""
    offset = _offset_at(low, zone)
    step = timedelta(seconds=_SAMPLE)
    while low + step < high and _offset_at(low + step, zone) == offset:
        low += step
    high = min(high, low + step)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if _offset_at(middle, zone) == offset:
            low = middle
        else:
            high = middle
    return high


def _check_cron(cron: str) -> None:
    from cronsim import CronSim, CronSimError

    try:
        next(CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration, AttributeError, ValueError) as error:
        why = str(error) or "it names no time"
        raise InvalidDefinitionError(
            f"{cron!r} is no cron schedule ({why}): write minute, hour, day, month and weekday, "
            "such as '0 6 * * 1-5', or @daily."
        ) from None


class _Offsets:
    """The stretches of time between a zone's clock changes, found as far as they are needed."""

    def __init__(self, zone: ZoneInfo, start: int) -> None:
        self._zone = zone
        self.starts = [start]
        self.offsets = [self._offset(start)]
        self.known_until: float = math.inf if zone.key in ("UTC", "Etc/UTC") else start

    def _offset(self, timestamp: int) -> int:
        shift = datetime.fromtimestamp(timestamp, UTC).astimezone(self._zone).utcoffset()
        return round(shift.total_seconds()) if shift is not None else 0

    def extend(self, timestamp: int) -> None:
        """Find every change up to a moment."""
        while self.known_until < timestamp:
            low = int(self.known_until)
            high = low + _SAMPLE
            after = self._offset(high)
            if after != self.offsets[-1]:
                self._add_change(low, high, after)
            self.known_until = high

    def _add_change(self, low: int, high: int, after: int) -> None:
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(middle) == after:
                high = middle
            else:
                low = middle
        self.starts.append(high)
        self.offsets.append(after)


class _Hourly(CronTimes):
    """Once an hour, at one minute of the clock."""

    def __init__(self, minute: int, start: datetime, zone: ZoneInfo) -> None:
        self._minute = minute * 60
        self._zone = zone
        self._start = _ceil(start)
        self._offsets = _Offsets(zone, self._start)
        self._first: list[int] = []  # per stretch: the first time in it
        self._before: list[int] = []  # per stretch: how many times are before it
        self._index()

    def _index(self) -> None:
        """Record first times and counts of stretches that were found since."""
        starts, offsets = self._offsets.starts, self._offsets.offsets
        for place in range(len(self._first), len(starts)):
            begin = starts[place]
            self._first.append(begin + (self._minute - begin - offsets[place]) % _HOUR)
            before = 0 if place == 0 else self._before[-1] + self._within(place - 1, begin)
            self._before.append(before)

    def _within(self, place: int, timestamp: float) -> int:
        """Count the times of a stretch before a moment."""
        return max(0, int(-(-(timestamp - self._first[place]) // _HOUR)))

    def _extend(self, timestamp: float) -> None:
        self._offsets.extend(int(timestamp) + 1)
        self._index()

    def at(self, index: int) -> datetime:
        """Return the time with this index, from 0."""
        reach = self._start + (index + 2) * _HOUR
        self._extend(reach)
        while self._count(reach) <= index:  # clock changes may have swallowed some
            reach += _SAMPLE
            self._extend(reach)
        place = bisect_right(self._before, index) - 1
        timestamp = self._first[place] + (index - self._before[place]) * _HOUR
        return datetime.fromtimestamp(timestamp, self._zone)

    def _count(self, timestamp: float) -> int:
        place = bisect_left(self._offsets.starts, timestamp) - 1
        return 0 if place < 0 else self._before[place] + self._within(place, timestamp)

    def count_before(self, moment: datetime) -> int:
        """Count the times before `moment`."""
        timestamp = moment.timestamp()
        self._extend(timestamp)
        return self._count(timestamp)


def _ceil(moment: datetime) -> int:
    return -int(-moment.timestamp() // 1)


class DayTimes(CronTimes):
    """Times that come once per day of a kind; subclasses number those days."""

    def __init__(self, at: time, start: datetime, zone: ZoneInfo) -> None:
        self._time = at
        self._zone = zone
        self._offsets = _Offsets(zone, _ceil(start) - 2 * 86400)
        self._skipped: list[int] = []  # numbers of days that the zone left out altogether
        self._seen = 1
        first = self._number(start.astimezone(zone).date())
        while self._resolve(first).timestamp() < start.timestamp() or self._is_skipped(first):
            first += 1
        self._base = first

    @abstractmethod
    def _number(self, day: date) -> int:
        """Return the number of the last day of the kind at or before `day`."""

    @abstractmethod
    def _day(self, number: int) -> date:
        """Return the day with this number."""

    def _resolve(self, number: int) -> datetime:
        wall = datetime.combine(self._day(number), self._time, self._zone)
        real = wall.astimezone(UTC).astimezone(self._zone)
        if real.replace(tzinfo=None) == wall.replace(tzinfo=None):
            return real
        # The clock skips this time. With fold=1 the offset after the jump applies, which
        # gives a moment before it; the jump is between the two.
        low = int(wall.replace(fold=1).timestamp())
        high = int(wall.timestamp())
        shift = datetime.fromtimestamp(high, self._zone).utcoffset()
        while high - low > 1:
            middle = (low + high) // 2
            if datetime.fromtimestamp(middle, self._zone).utcoffset() == shift:
                high = middle
            else:
                low = middle
        return datetime.fromtimestamp(high, self._zone)

    def _is_skipped(self, number: int) -> bool:
        day = self._day(number)
        return self._resolve(number).date() != day

    def _look_for_skipped(self, timestamp: float) -> None:
        """Find days that do not exist: some zones crossed the date line."""
        if self._offsets.known_until >= timestamp + 86400:
            return
        self._offsets.extend(int(timestamp) + 86400)
        offsets, starts = self._offsets.offsets, self._offsets.starts
        for place in range(self._seen, len(starts)):
            if offsets[place] - offsets[place - 1] > 12 * _HOUR:
                before = datetime.fromtimestamp(starts[place] + offsets[place - 1], UTC).date()
                number = self._number(before)
                if number >= self._base and self._is_skipped(number):
                    self._skipped.append(number)
        self._seen = len(starts)

    def _number_at(self, index: int) -> int:
        number = self._base + index
        self._look_for_skipped((self._day(number).toordinal() - _EPOCH_DAY + 2) * 86400)
        for skipped in self._skipped:
            if skipped <= number:
                number += 1
        return number

    def at(self, index: int) -> datetime:
        """Return the time with this index, from 0."""
        return self._resolve(self._number_at(index))

    def day_at(self, index: int) -> date:
        """Return the day of the time with this index; which time of the day need not be found."""
        return self._day(self._number_at(index))

    def index_of(self, day: date) -> int | None:
        """Return the index of the time on a day, or None where there is none."""
        number = self._number(day)
        self._look_for_skipped((day.toordinal() - _EPOCH_DAY + 2) * 86400)
        skipped = bisect_left(self._skipped, number)
        if number < self._base or self._day(number) != day or number in self._skipped[skipped:]:
            return None
        return number - self._base - skipped

    def count_before(self, moment: datetime) -> int:
        """Count the times before `moment`."""
        self._look_for_skipped(moment.timestamp())
        number = self._number(moment.astimezone(self._zone).date())
        if self._resolve(number).timestamp() < moment.timestamp():
            number += 1
        skipped = bisect_left(self._skipped, number)
        return max(0, number - self._base - skipped)


class _Days(DayTimes):
    """Every day, or one day of the week (0 is Sunday)."""

    def __init__(self, at: time, step: int, weekday: int, start: datetime, zone: ZoneInfo) -> None:
        self._step = step
        self._weekday = weekday
        super().__init__(at, start, zone)

    def _number(self, day: date) -> int:
        # Ordinals that 7 divides are Sundays, the zeroth weekday of cron.
        return (day.toordinal() - self._weekday) // self._step

    def _day(self, number: int) -> date:
        return date.fromordinal(number * self._step + self._weekday)


class _Months(DayTimes):
    """One day of every month, up to the 28th."""

    def __init__(self, at: time, day: int, start: datetime, zone: ZoneInfo) -> None:
        self._day_of_month = day
        super().__init__(at, start, zone)

    def _number(self, day: date) -> int:
        return day.year * 12 + day.month - 1 - (day.day < self._day_of_month)

    def _day(self, number: int) -> date:
        return date(number // 12, number % 12 + 1, self._day_of_month)


class _Irregular(CronTimes):
    """Any other schedule: its times are walked through once, as far as needed, and kept."""

    def __init__(self, cron: str, start: datetime, zone: ZoneInfo) -> None:
        self._zone = zone
        before = start.astimezone(UTC) - timedelta(seconds=1)
        self._more = cron_instants(cron, before, zone)
        self._known: list[int] = []

    def _grow(self) -> bool:
        moment = next(self._more, None)
        if moment is None:
            return False
        self._known.append(int(moment.timestamp()))
        return True

    def at(self, index: int) -> datetime:
        """Return the time with this index, from 0."""
        while len(self._known) <= index:
            if not self._grow():
                raise InvalidDefinitionError("The cron schedule names no further time.")
        return datetime.fromtimestamp(self._known[index], self._zone)

    def count_before(self, moment: datetime) -> int:
        """Count the times before `moment`."""
        timestamp = moment.timestamp()
        while not self._known or self._known[-1] < timestamp:
            if not self._grow():
                break
        return bisect_left(self._known, timestamp)


class ScheduleType(Enum):
    """The frequency of a regular schedule.

    Source: Dagster's `ScheduleType`.
    """

    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


def cron_of(schedule_type: ScheduleType, minute: Any, hour: Any, day: Any) -> str:
    """Return the cron schedule of a regular one; `day` is of the week or of the month.

    Raises:
        InvalidDefinitionError: If a number is out of its bounds.
    """
    first, last = (1, 31) if schedule_type is ScheduleType.MONTHLY else (0, 6)
    day = first if day is None else day
    for name, value, bounds in (
        ("minute_offset", minute, (0, 59)),
        ("hour_offset", hour, (0, 23)),
        ("day_offset", day, (first, last)),
    ):
        if not isinstance(value, int) or not bounds[0] <= value <= bounds[1]:
            raise InvalidDefinitionError(
                f"{name} is from {bounds[0]} to {bounds[1]}, not {value!r}."
            )
    return {
        ScheduleType.HOURLY: f"{minute} * * * *",
        ScheduleType.DAILY: f"{minute} {hour} * * *",
        ScheduleType.WEEKLY: f"{minute} {hour} * * {day}",
        ScheduleType.MONTHLY: f"{minute} {hour} {day} * *",
    }[schedule_type]


def type_of(cron: str) -> ScheduleType | None:
    """Return the frequency of a cron schedule, or None for an irregular one."""
    minute, hour, day, month, weekday = cron.split()
    if not minute.isdigit() or month != "*" or not (hour == "*" or hour.isdigit()):
        return None
    rest = (hour == "*", day == "*", weekday == "*")
    if rest == (True, True, True):
        return ScheduleType.HOURLY
    if rest == (False, True, True):
        return ScheduleType.DAILY
    if rest == (False, True, False) and weekday.isdigit():
        return ScheduleType.WEEKLY
    return ScheduleType.MONTHLY if rest == (False, False, True) and day.isdigit() else None


def cron_from(
    schedule_type: ScheduleType | None,
    offsets: tuple[int | None, int | None, int | None],
    cron_schedule: str | None,
) -> str:
    """Return the cron schedule that someone gave, as text or as a type with offsets.

    Raises:
        InvalidDefinitionError: If neither was given, or both.
    """
    if cron_schedule is None:
        if schedule_type is None:
            raise InvalidDefinitionError(
                "Time partitions need a schedule: pass cron_schedule= or schedule_type=."
            )
        minute, hour, day = offsets
        return cron_of(schedule_type, minute or 0, hour or 0, day)
    if schedule_type is not None or offsets != (None, None, None):
        raise InvalidDefinitionError(
            "A cron_schedule says it all: leave out schedule_type, minute_offset, hour_offset "
            "and day_offset."
        )
    return standard_cron(cron_schedule)


_ALLOWED: Mapping[ScheduleType | None, tuple[str, ...]] = {
    None: (),
    ScheduleType.HOURLY: ("minute_of_hour",),
    ScheduleType.DAILY: ("minute_of_hour", "hour_of_day"),
    ScheduleType.WEEKLY: ("minute_of_hour", "hour_of_day", "day_of_week"),
    ScheduleType.MONTHLY: ("minute_of_hour", "hour_of_day", "day_of_month"),
}


# One call with all parameters serves partitions of every cadence: these fields are in it for
# another one. Where a field would change which times are meant, it is refused.
_WITHOUT_MEANING: Mapping[ScheduleType | None, tuple[str, ...]] = {
    ScheduleType.HOURLY: ("day_of_week", "day_of_month"),
    ScheduleType.WEEKLY: ("day_of_month",),
    ScheduleType.MONTHLY: ("day_of_week",),
}


def shifted(cron: str, given: Mapping[str, int | None]) -> str:
    """Return a regular schedule at another minute, hour or day.

    Raises:
        InvalidInvocationError: If the schedule does not come in a way that one of them fits.
    """
    kind = type_of(cron)
    silent = _WITHOUT_MEANING.get(kind, ())
    changes = {
        name: value for name, value in given.items() if value is not None and name not in silent
    }
    for name in changes:
        if name not in _ALLOWED[kind]:
            what = kind.value.lower() if kind else f"{cron!r}"
            raise InvalidInvocationError(f"{name} does not apply to {what} partitions.")
    if kind is None or not changes:
        return cron
    parts = dict(zip(_FIELDS, cron.split(), strict=True))
    numbers = {name: int(text) for name, text in parts.items() if text.isdigit()} | changes
    day = numbers.get("day_of_month", numbers.get("day_of_week"))
    return cron_of(kind, numbers["minute_of_hour"], numbers.get("hour_of_day", 0), day)


_FIELDS = ("minute_of_hour", "hour_of_day", "day_of_month", "month", "day_of_week")
