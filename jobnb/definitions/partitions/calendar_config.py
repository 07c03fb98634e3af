"""Run config by the hour, day, week and month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from jobnb.definitions.partitions.calendar_partitions import (
    DailyPartitionsDefinition,
    HourlyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    WeeklyPartitionsDefinition,
)
from jobnb.definitions.partitions.partitioned_config import Decorator, TagsFunction, decorator_for

__all__ = [
    "daily_partitioned_config",
    "hourly_partitioned_config",
    "monthly_partitioned_config",
    "weekly_partitioned_config",
]


def hourly_partitioned_config(
    start_date: datetime | str,
    minute_offset: int = 0,
    timezone: str | None = None,
    fmt: str | None = None,
    end_offset: int = 0,
    tags_for_partition_fn: TagsFunction | None = None,
    exclusions: Sequence[str | datetime] | None = None,
) -> Decorator:
    """Turn a function of start and end into run config by the hour.

    Args:
        start_date: When the first hour may begin.
        minute_offset: The minute at which hours begin.
        timezone: The zone of the keys; UTC unless given.
        fmt: The format of the keys.
        end_offset: How many more hours there are than have ended.
        tags_for_partition_fn: Gives a run's tags from start and end.
        exclusions: Moments and cron schedules; the windows that begin at them are left out.

    Source: Dagster's `hourly_partitioned_config`.
    """
    windows = HourlyPartitionsDefinition(
        start_date, None, minute_offset, timezone, fmt, end_offset, exclusions
    )
    return decorator_for(windows, tags_for_partition_fn)


def daily_partitioned_config(
    start_date: datetime | str,
    minute_offset: int = 0,
    hour_offset: int = 0,
    timezone: str | None = None,
    fmt: str | None = None,
    end_offset: int = 0,
    tags_for_partition_fn: TagsFunction | None = None,
    exclusions: Sequence[str | datetime] | None = None,
) -> Decorator:
    """Turn a function of start and end into run config by the day.

    Args:
        start_date: When the first day may begin.
        minute_offset: The minute at which days begin.
        hour_offset: The hour at which days begin.
        timezone: The zone of the keys; UTC unless given.
        fmt: The format of the keys.
        end_offset: How many more days there are than have ended.
        tags_for_partition_fn: Gives a run's tags from start and end.
        exclusions: Moments and cron schedules; the windows that begin at them are left out.

    Example:
        >>> @daily_partitioned_config(start_date="2013-01-01")
        ... def by_day(start, end):
        ...     return {"ops": {"load": {"config": {"day": start.strftime("%d %b")}}}}
        >>> by_day.get_run_config_for_partition_key("2013-01-03")
        {'ops': {'load': {'config': {'day': '03 Jan'}}}}

    Source: Dagster's `daily_partitioned_config`.
    """
    windows = DailyPartitionsDefinition(
        start_date, None, minute_offset, hour_offset, timezone, fmt, end_offset, exclusions
    )
    return decorator_for(windows, tags_for_partition_fn)


def weekly_partitioned_config(
    start_date: datetime | str,
    minute_offset: int = 0,
    hour_offset: int = 0,
    day_offset: int = 0,
    timezone: str | None = None,
    fmt: str | None = None,
    end_offset: int = 0,
    tags_for_partition_fn: TagsFunction | None = None,
    exclusions: Sequence[str | datetime] | None = None,
) -> Decorator:
    """Turn a function of start and end into run config by the week.

    Args:
        start_date: When the first week may begin.
        minute_offset: The minute at which weeks begin.
        hour_offset: The hour at which weeks begin.
        day_offset: The day at which weeks begin, from 0 (Sunday) to 6.
        timezone: The zone of the keys; UTC unless given.
        fmt: The format of the keys.
        end_offset: How many more weeks there are than have ended.
        tags_for_partition_fn: Gives a run's tags from start and end.
        exclusions: Moments and cron schedules; the windows that begin at them are left out.

    Source: Dagster's `weekly_partitioned_config`.
    """
    windows = WeeklyPartitionsDefinition(
        start_date,
        None,
        minute_offset,
        hour_offset,
        day_offset,
        timezone,
        fmt,
        end_offset,
        exclusions,
    )
    return decorator_for(windows, tags_for_partition_fn)


def monthly_partitioned_config(
    start_date: datetime | str,
    minute_offset: int = 0,
    hour_offset: int = 0,
    day_offset: int = 1,
    timezone: str | None = None,
    fmt: str | None = None,
    end_offset: int = 0,
    tags_for_partition_fn: TagsFunction | None = None,
    exclusions: Sequence[str | datetime] | None = None,
) -> Decorator:
    """Turn a function of start and end into run config by the month.

    Args:
        start_date: When the first month may begin.
        minute_offset: The minute at which months begin.
        hour_offset: The hour at which months begin.
        day_offset: The day at which months begin.
        timezone: The zone of the keys; UTC unless given.
        fmt: The format of the keys.
        end_offset: How many more months there are than have ended.
        tags_for_partition_fn: Gives a run's tags from start and end.
        exclusions: Moments and cron schedules; the windows that begin at them are left out.

    Source: Dagster's `monthly_partitioned_config`.
    """
    windows = MonthlyPartitionsDefinition(
        start_date,
        None,
        minute_offset,
        hour_offset,
        day_offset,
        timezone,
        fmt,
        end_offset,
        exclusions,
    )
    return decorator_for(windows, tags_for_partition_fn)
