"""Partitions by the hour, day, week and month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from jobnb.definitions.partitions.cron_times import ScheduleType
from jobnb.definitions.partitions.partitioned_config import Decorator, TagsFunction, decorator_for
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition

_DAY_FORMAT = "%Y-%m-%d"
_HOUR_FORMAT = "%Y-%m-%d-%H:%M"


class HourlyPartitionsDefinition(TimeWindowPartitionsDefinition):
    """One partition per hour.

    Args:
        start_date: When the first hour may begin: a datetime, or text in the format of the keys.
        end_date: When the last hour ends at the latest.
        minute_offset: The minute at which hours begin.
        timezone: The zone of the keys; UTC if not given.
        fmt: The format of the keys; `%Y-%m-%d-%H:%M` if not given.
        end_offset: How many hours to add after the last ended one; negative for fewer.
        exclusions: Moments and cron schedules; the hours that begin at them are left out.

    Example:
        >>> HourlyPartitionsDefinition("2013-01-01-00:00").get_partition_keys(
        ...     current_time=datetime(2013, 1, 1, 2, 30)
        ... )
        ['2013-01-01-00:00', '2013-01-01-01:00']

    Source: Dagster's `HourlyPartitionsDefinition`.
    """

    def __init__(
        self,
        start_date: datetime | str,
        end_date: datetime | str | None = None,
        minute_offset: int = 0,
        timezone: str | None = None,
        fmt: str | None = None,
        end_offset: int = 0,
        exclusions: Sequence[str | datetime] | None = None,
    ) -> None:
        super().__init__(
            schedule_type=ScheduleType.HOURLY,
            start=start_date,
            end=end_date,
            minute_offset=minute_offset,
            timezone=timezone,
            fmt=fmt or _HOUR_FORMAT,
            end_offset=end_offset,
            exclusions=exclusions,
        )


class DailyPartitionsDefinition(TimeWindowPartitionsDefinition):
    """One partition per day.

    Args:
        start_date: When the first day may begin: a datetime, or text in the format of the keys.
        end_date: When the last day ends at the latest.
        minute_offset: The minute at which days begin.
        hour_offset: The hour at which days begin.
        timezone: The zone of the keys; UTC if not given.
        fmt: The format of the keys; `%Y-%m-%d` if not given.
        end_offset: How many days to add after the last ended one; negative for fewer.
        exclusions: Moments and cron schedules; the days that begin at them are left out.

    Example:
        >>> days = DailyPartitionsDefinition("2013-01-01", end_date="2014-01-01")
        >>> days.get_num_partitions(), days.get_last_partition_key()
        (365, '2013-12-31')

    Source: Dagster's `DailyPartitionsDefinition`.
    """

    def __init__(
        self,
        start_date: datetime | str,
        end_date: datetime | str | None = None,
        minute_offset: int = 0,
        hour_offset: int = 0,
        timezone: str | None = None,
        fmt: str | None = None,
        end_offset: int = 0,
        exclusions: Sequence[str | datetime] | None = None,
    ) -> None:
        super().__init__(
            schedule_type=ScheduleType.DAILY,
            start=start_date,
            end=end_date,
            minute_offset=minute_offset,
            hour_offset=hour_offset,
            timezone=timezone,
            fmt=fmt or _DAY_FORMAT,
            end_offset=end_offset,
            exclusions=exclusions,
        )


class WeeklyPartitionsDefinition(TimeWindowPartitionsDefinition):
    """One partition per week.

    Args:
        start_date: When the first week may begin: a datetime, or text in the format of the keys.
        end_date: When the last week ends at the latest.
        minute_offset: The minute at which weeks begin.
        hour_offset: The hour at which weeks begin.
        day_offset: The day at which weeks begin, from 0 (Sunday) to 6.
        timezone: The zone of the keys; UTC if not given.
        fmt: The format of the keys; `%Y-%m-%d` if not given.
        end_offset: How many weeks to add after the last ended one; negative for fewer.
        exclusions: Moments and cron schedules; the weeks that begin at them are left out.

    Example:
        >>> WeeklyPartitionsDefinition("2013-01-01", day_offset=1).time_window_for_partition_key(
        ...     "2013-01-07"
        ... ).end.date()
        datetime.date(2013, 1, 14)

    Source: Dagster's `WeeklyPartitionsDefinition`.
    """

    def __init__(
        self,
        start_date: datetime | str,
        end_date: datetime | str | None = None,
        minute_offset: int = 0,
        hour_offset: int = 0,
        day_offset: int = 0,
        timezone: str | None = None,
        fmt: str | None = None,
        end_offset: int = 0,
        exclusions: Sequence[str | datetime] | None = None,
    ) -> None:
        super().__init__(
            schedule_type=ScheduleType.WEEKLY,
            start=start_date,
            end=end_date,
            minute_offset=minute_offset,
            hour_offset=hour_offset,
            day_offset=day_offset,
            timezone=timezone,
            fmt=fmt or _DAY_FORMAT,
            end_offset=end_offset,
            exclusions=exclusions,
        )


class MonthlyPartitionsDefinition(TimeWindowPartitionsDefinition):
    """One partition per month.

    Args:
        start_date: When the first month may begin: a datetime, or text in the format of the keys.
        end_date: When the last month ends at the latest.
        minute_offset: The minute at which months begin.
        hour_offset: The hour at which months begin.
        day_offset: The day at which months begin, from 1 to 31; months without it have none.
        timezone: The zone of the keys; UTC if not given.
        fmt: The format of the keys; `%Y-%m-%d` if not given.
        end_offset: How many months to add after the last ended one; negative for fewer.
        exclusions: Moments and cron schedules; the months that begin at them are left out.

    Example:
        >>> MonthlyPartitionsDefinition("2013-01", fmt="%Y-%m").get_partition_keys(
        ...     current_time=datetime(2013, 4, 1)
        ... )
        ['2013-01', '2013-02', '2013-03']

    Source: Dagster's `MonthlyPartitionsDefinition`.
    """

    def __init__(
        self,
        start_date: datetime | str,
        end_date: datetime | str | None = None,
        minute_offset: int = 0,
        hour_offset: int = 0,
        day_offset: int = 1,
        timezone: str | None = None,
        fmt: str | None = None,
        end_offset: int = 0,
        exclusions: Sequence[str | datetime] | None = None,
    ) -> None:
        super().__init__(
            schedule_type=ScheduleType.MONTHLY,
            start=start_date,
            end=end_date,
            minute_offset=minute_offset,
            hour_offset=hour_offset,
            day_offset=day_offset,
            timezone=timezone,
            fmt=fmt or _DAY_FORMAT,
            end_offset=end_offset,
            exclusions=exclusions,
        )


def hourly_partitioned_config(
    start_date: datetime | str,
    minute_offset: int = 0,
    timezone: str | None = None,
    fmt: str | None = None,
    end_offset: int = 0,
    tags_for_partition_fn: TagsFunction | None = None,
    exclusions: Sequence[str | datetime] | None = None,
) -> Decorator:
    """Create a `PartitionedConfig` by the hour, with a function of start and end.

    Args:
        start_date: When the first hour may begin.
        minute_offset: The minute at which hours begin.
        timezone: The zone of the keys; UTC if not given.
        fmt: The format of the keys.
        end_offset: How many hours to add after the last ended one.
        tags_for_partition_fn: Returns a run's tags from start and end.
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
    """Create a `PartitionedConfig` by the day, with a function of start and end.

    Args:
        start_date: When the first day may begin.
        minute_offset: The minute at which days begin.
        hour_offset: The hour at which days begin.
        timezone: The zone of the keys; UTC if not given.
        fmt: The format of the keys.
        end_offset: How many days to add after the last ended one.
        tags_for_partition_fn: Returns a run's tags from start and end.
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
    """Create a `PartitionedConfig` by the week, with a function of start and end.

    Args:
        start_date: When the first week may begin.
        minute_offset: The minute at which weeks begin.
        hour_offset: The hour at which weeks begin.
        day_offset: The day at which weeks begin, from 0 (Sunday) to 6.
        timezone: The zone of the keys; UTC if not given.
        fmt: The format of the keys.
        end_offset: How many weeks to add after the last ended one.
        tags_for_partition_fn: Returns a run's tags from start and end.
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
    """Create a `PartitionedConfig` by the month, with a function of start and end.

    Args:
        start_date: When the first month may begin.
        minute_offset: The minute at which months begin.
        hour_offset: The hour at which months begin.
        day_offset: The day at which months begin.
        timezone: The zone of the keys; UTC if not given.
        fmt: The format of the keys.
        end_offset: How many months to add after the last ended one.
        tags_for_partition_fn: Returns a run's tags from start and end.
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
