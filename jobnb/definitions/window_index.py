"""Windows of time by index and by key: the arithmetic behind partitions in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jobnb.definitions.cron_times import localize
from jobnb.definitions.schedule_type import ScheduleType, cron_from
from jobnb.definitions.window_times import WindowTimes
from jobnb.errors import InvalidDefinitionError, UnknownPartitionError

__all__ = ["WindowIndex"]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise InvalidDefinitionError(
            f"{name!r} is no timezone: give a name such as 'UTC' or 'America/New_York'."
        ) from None


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
        self.timezone = timezone or "UTC"
        self._zone = _zone(self.timezone)
        self.fmt = fmt
        self.end_offset = end_offset
        offsets = (minute_offset, hour_offset, day_offset)
        self.cron_schedule = cron_from(schedule_type, offsets, cron_schedule)
        self.start = self._moment(start, "start")
        self.end = None if end is None else self._moment(end, "end")
        self.exclusions = _exclusions(exclusions)
        self.windows = WindowTimes(self.cron_schedule, self.start, self._zone, self.exclusions)
        self._further_back = self.windows, 0
        self._check_format()

    def _moment(self, given: datetime | str, what: str) -> datetime:
        if isinstance(given, datetime):
            return localize(given, self._zone)
        try:
            return localize(datetime.strptime(given, self.fmt), self._zone)  # noqa: DTZ007
        except (ValueError, TypeError) as error:
            raise InvalidDefinitionError(
                f"The {what} {given!r} of time partitions does not fit the format "
                f"{self.fmt!r}: {error}."
            ) from None

    def _check_format(self) -> None:
        keys = self._key(0), self._key(1)
        if keys[0] == keys[1] or self._index(keys[0]) != 0 or self._index(keys[1]) != 1:
            raise InvalidDefinitionError(
                f"The format {self.fmt!r} cannot tell the partitions of the schedule "
                f"{self.cron_schedule!r} apart: the first two are {keys[0]!r} and {keys[1]!r}."
            )

    # Windows by index

    def _count(self, current_time: datetime | None = None) -> int:
        """How many windows there are now: those that have ended, within the bounds."""
        now = localize(current_time or datetime.now(tz=UTC), self._zone)
        count = self.windows.ended_until(now, max(0, self.end_offset))
        if self.end is not None:
            count = min(count, self.windows.ended_until(self.end))
        return max(0, count + min(0, self.end_offset))

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

    def _key(self, index: int) -> str:
        return self.key_of_start(self.windows.start(index))

    def key_of_start(self, start: datetime) -> str:
        """The key of the window that begins at a moment."""
        text = start.strftime(self.fmt)
        if start.fold and self._is_tick(start.replace(fold=0)):
            text += start.strftime("%z")
        return text

    def _is_tick(self, moment: datetime) -> bool:
        if moment.timestamp() < self.start.timestamp():
            return False
        ticks = self.windows.ticks
        return ticks.at(ticks.count_before(moment)).timestamp() == moment.timestamp()

    def _parse(self, key: str) -> datetime | None:
        try:
            return localize(datetime.strptime(key, self.fmt), self._zone)  # noqa: DTZ007
        except (ValueError, TypeError):
            pass
        try:
            return datetime.strptime(key, self.fmt + "%z").astimezone(self._zone)
        except (ValueError, TypeError):
            return None

    def _index(self, key: str) -> int | None:
        """The index of the window with this key, or None."""
        moment = self._parse(key)
        if moment is None:
            return None
        index = self.windows.begun_before(moment)
        return index if self._key(index) == key else None

    def _known_index(self, key: str) -> int:
        index = self._index(key)
        if index is None:
            raise UnknownPartitionError(f"There is no partition {key!r}. {self._hint(key)}")
        return index

    def _hint(self, key: str) -> str:
        moment = self._parse(key)
        if moment is None:
            return f"Keys have the format {self.fmt!r}, as {self._key(0)!r}."
        if moment < self.start:
            return f"The first one is {self._key(0)!r}."
        return f"The next one is {self._key(self.windows.begun_before(moment))!r}."
