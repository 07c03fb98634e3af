"""Regular schedules: hourly, daily, weekly, monthly, and their cron forms."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from jobnb.definitions.partitions.cron_times import standard_cron
from jobnb.errors import InvalidDefinitionError, InvalidInvocationError

__all__ = ["ScheduleType", "cron_from", "cron_of", "shifted", "type_of"]


class ScheduleType(Enum):
    """How often a regular schedule comes.

    Source: Dagster's `ScheduleType`.
    """

    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


def cron_of(schedule_type: ScheduleType, minute: Any, hour: Any, day: Any) -> str:
    """The cron schedule of a regular one; `day` is of the week or of the month.

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
    """How often a cron schedule comes, or None where it is not a regular one."""
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
    """The cron schedule that someone gave, as text or as a type with offsets.

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


def shifted(cron: str, given: Mapping[str, int | None]) -> str:
    """A regular schedule at another minute, hour or day.

    Args:
        cron: The schedule.
        given: Some of minute_of_hour, hour_of_day, day_of_week and day_of_month.

    Raises:
        InvalidInvocationError: If the schedule does not come in a way that one of them fits.
    """
    changes = {name: value for name, value in given.items() if value is not None}
    kind = type_of(cron)
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
