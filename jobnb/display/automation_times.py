"""When schedules and sensors come, in words: their crons, and the nights when clocks change."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from jobnb.automation.automation import next_ticks
from jobnb.automation.tick_evaluation import pause_after
from jobnb.definitions.automation.schedule import ScheduleDefinition
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.locations.launching import resolved_schedules
from jobnb.display.environment import attempt
from jobnb.storage.ticks import InstigatorState


def coming(
    definition: ScheduleDefinition | SensorDefinition, count: int, now: float | None = None
) -> list[datetime]:
    """Return the next ticks; none where the partitions that tell them are not known yet."""
    nothing: list[datetime] = []
    return attempt(lambda: next_ticks(definition, count, now), nothing)


def next_look(sensor: SensorDefinition, state: InstigatorState, now: float) -> float:
    """Return when a running sensor is evaluated next, in seconds since the epoch."""
    if state.last_tick is None:
        return now
    pause = float(sensor.minimum_interval_seconds)
    if state.failures:
        pause = max(pause, pause_after(sensor, state.failures))
    return max(now, state.last_tick + pause)


def launching_rows(definitions: Definitions) -> list[tuple[str, str, str]]:
    """Return what launches runs by itself: its kind, its name, and its cron if it is a schedule."""
    schedules = resolved_schedules(definitions.schedules, definitions.get_job_def)
    return [
        *(("schedule", each.name, _cron_text(each)) for each in schedules),
        *(("sensor", each.name, "") for each in definitions.sensors),
    ]


def _cron_text(schedule: ScheduleDefinition) -> str:
    return attempt(lambda: str(schedule.cron_schedule), "")


def cron_words(schedule: ScheduleDefinition) -> str:
    """Describe when a schedule is due.

    Example:
        >>> from jobnb import ScheduleDefinition, job, op
        >>> @op
        ... def hello(): ...
        >>> @job
        ... def greet():
        ...     hello()
        >>> cron_words(ScheduleDefinition(job=greet, cron_schedule="30 2 * * 1"))
        'At 02:30 on Monday'
    """
    return attempt(lambda: _explained(schedule), "")


def _explained(schedule: ScheduleDefinition) -> str:
    from cronsim import CronSim

    from jobnb.definitions.partitions.cron_times import standard_cron

    given = schedule.cron_schedule
    crons = [given] if isinstance(given, str) else given
    begin = datetime(2000, 1, 1)  # noqa: DTZ001 no moment is asked for
    told = [CronSim(standard_cron(each), begin).explain() for each in crons]
    return ", and ".join(told)


def interval_words(sensor: SensorDefinition) -> str:
    """Describe how often a sensor is evaluated."""
    seconds = sensor.minimum_interval_seconds
    if seconds == 0:
        return "all the time"
    return "every second at most" if seconds == 1 else f"every {seconds} seconds at most"


def clock_change(moment: datetime, zone: tzinfo | None = None) -> str:
    """Describe the clock change on the day of a moment; empty on other days.

    Args:
        moment: The moment.
        zone: Whose clock; that of the moment's own time zone if None.

    Example:
        >>> from zoneinfo import ZoneInfo
        >>> clock_change(datetime(2024, 10, 27, 6, tzinfo=ZoneInfo("Europe/Berlin")))
        'the clock goes back 1 h this day'
    """
    own = moment.astimezone(zone) if zone is not None else moment
    begin = own.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    before, after = begin.utcoffset(), (begin + timedelta(days=1)).utcoffset()
    if before is None or after is None or before == after:
        return ""
    moved = abs((after - before).total_seconds())
    amount = f"{moved / 3600:g} h" if moved >= 3600 else f"{moved / 60:g} min"
    return f"the clock goes {'forward' if after > before else 'back'} {amount} this day"
