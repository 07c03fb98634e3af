"""What makes windows of time: a start, a schedule, a format that names each by a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Any

from jobnb.definitions.partitions.cron_times import DayTimes, localize, zone_of
from jobnb.definitions.partitions.key_format import KeyFormat
from jobnb.definitions.partitions.partition_keys import check_partition_keys
from jobnb.definitions.partitions.schedule_type import ScheduleType, cron_from, shifted, type_of
from jobnb.definitions.partitions.window_times import WindowTimes
from jobnb.definitions.plain import check_text
from jobnb.errors import InvalidDefinitionError

__all__ = ["WindowIndex"]

_DAY = "%Y-%m-%d"
_YEARS = range(2, 9998)  # whose days can be counted on in every zone


def _exclusions(given: Any) -> tuple[str | datetime, ...]:
    found = [given] if isinstance(given, str | datetime) else list(given or ())
    wrong = [each for each in found if not isinstance(each, str | datetime)]
    if found == [given] or wrong:
        raise InvalidDefinitionError(
            "exclusions are a list of cron schedules and datetimes, such as ['0 0 * * 6'], not "
            f"{wrong[0] if wrong else given!r}."
        )
    return tuple(found)


class WindowIndex:
    """The windows that a schedule cuts time into, numbered from the first at or after a start."""

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
        self._check_format()

    @property
    def start(self) -> datetime:
        """When the first window may begin."""
        return self._start

    @property
    def end(self) -> datetime | None:
        """When the last window ends at the latest, or None where there is no last one."""
        return self._end

    @property
    def start_ts(self) -> float:
        """When the first window may begin, in seconds since the epoch."""
        return self._start.timestamp()

    @property
    def end_ts(self) -> float | None:
        """When the last window ends at the latest, in seconds since the epoch."""
        return None if self._end is None else self._end.timestamp()

    @property
    def fmt(self) -> str:
        """The format of the keys."""
        return self._fmt

    @property
    def timezone(self) -> str:
        """The zone that the schedule and the keys are in."""
        return self._timezone

    @property
    def end_offset(self) -> int:
        """How many more windows there are than have ended; negative for fewer."""
        return self._end_offset

    @property
    def cron_schedule(self) -> str:
        """The schedule whose times the windows lie between."""
        return self._cron_schedule

    @property
    def exclusions(self) -> Sequence[str | datetime]:
        """Moments and cron schedules; no window begins at them."""
        return self._exclusions

    @cached_property
    def schedule_type(self) -> ScheduleType | None:
        """Hourly, daily, weekly, monthly, or None for any other schedule."""
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
        """A cron schedule as frequent as the windows, at another minute, hour or day.

        Raises:
            InvalidInvocationError: If the windows are not frequent in that way.
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
        moment = next(iter(self._moments(given)), None)
        if moment is None:
            raise InvalidDefinitionError(
                f"The {what} {given!r} of time partitions does not fit the format {self.fmt!r}."
            )
        return moment

    def _check_format(self) -> None:
        keys = self._key(0), self._key(1)
        check_partition_keys(keys[:1], f"time partitions of the format {self.fmt!r}")
        if keys[0] == keys[1] or self._index(keys[0]) != 0 or self._index(keys[1]) != 1:
            raise InvalidDefinitionError(
                f"The format {self.fmt!r} cannot tell the partitions of the schedule "
                f"{self.cron_schedule!r} apart: the first two are {keys[0]!r} and {keys[1]!r}."
            )

    def _key(self, index: int) -> str:
        """The key of the window with this index."""
        if self._days is not None:
            return self._days.day_at(self.windows.tick(index)).isoformat()
        return self.key_of_start(self.windows.start(index))

    def key_of_start(self, start: datetime) -> str:
        """The key of the window that begins at a moment."""
        text = start.strftime(self.fmt)
        if start.fold and self._has_twin(start, text):
            text += start.strftime("%z")
        return text

    def _has_twin(self, start: datetime, text: str) -> bool:
        """Whether a window that began before the clocks went back would have the same key."""
        ticks = self.windows.ticks
        number = ticks.count_before(start)
        since = max(0, ticks.count_before(start.replace(fold=0)))
        return any(ticks.at(each).strftime(self.fmt) == text for each in range(since, number))

    def _moments(self, key: Any) -> Iterator[datetime]:
        """The moments that a key may name, where they can be some of this calendar."""
        for form in self._formats if isinstance(key, str) else ():
            try:
                told = form.read(key)
                if told is None:
                    continue
                both = (told,) if told.tzinfo else (told, told.replace(fold=1))
                found = [localize(each, self._zone) for each in both]
            except (ValueError, OverflowError):
                continue
            yield from (each for each in found if each.year in _YEARS)

    @cached_property
    def _formats(self) -> tuple[KeyFormat, KeyFormat]:
        """How keys are written, also where one alone would not tell which window is meant."""
        return KeyFormat(self.fmt), KeyFormat(self.fmt + "%z")

    @cached_property
    def _days(self) -> DayTimes | None:
        """The schedule, if keys are plain days: then they are found without times of the day."""
        ticks = self.windows.ticks
        return ticks if self.fmt == _DAY and isinstance(ticks, DayTimes) else None

    def _index_of_day(self, days: DayTimes, key: str) -> int | None:
        try:
            day = date.fromisoformat(key)
        except (ValueError, TypeError):
            return None
        is_key = day.isoformat() == key and day.year in _YEARS
        tick = days.index_of(day) if is_key else None
        return None if tick is None else self.windows.number_of(tick)

    def _index(self, key: str) -> int | None:
        """The index of the window with this key, or None."""
        if self._days is not None:
            return self._index_of_day(self._days, key)
        for moment in self._moments(key):
            index = self.windows.begun_before(moment)
            if self._key(index) == key:
                return index
        return None
