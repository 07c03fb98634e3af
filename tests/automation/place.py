"""A small code location, and a way to see what its loop has done."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime

from jobnb import (
    DailyPartitionsDefinition,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
    DynamicPartitionsDefinition,
    Instance,
    JobRun,
    RunRequest,
    ScheduleDefinition,
    SensorResult,
    SkipReason,
    build_schedule_from_partitioned_job,
    job,
    op,
    schedule,
    sensor,
)
from jobnb.automation.code_location import CodeLocation
from jobnb.automation.loop import AutomationLoop
from jobnb.events import RunStarted, RunSucceeded

RUNNING = {"default_status": DefaultScheduleStatus.RUNNING}
LOOKING = {"default_status": DefaultSensorStatus.RUNNING}
START = datetime(2024, 3, 29, tzinfo=UTC).timestamp()  # two nights before the clocks change


@op
def hello(): ...


@job
def greet():
    hello()


@job(partitions_def=DailyPartitionsDefinition("2024-03-01", timezone="Europe/Berlin"))
def daily():
    hello()


fruits = DynamicPartitionsDefinition(name="fruits")


@job(partitions_def=fruits)
def eat():
    hello()


@schedule(cron_schedule=["0 */6 * * *", "30 2 * * *"], job=greet,
          execution_timezone="Europe/Berlin", **RUNNING)  # fmt: skip
def several(context):
    when = context.scheduled_execution_time
    for shop in ("a", "b") if when.hour % 12 == 0 else ():
        yield RunRequest(run_key=f"{when.isoformat()} {shop}")
    if when.minute:
        yield RunRequest()


@sensor(job=greet, minimum_interval_seconds=7200, **LOOKING)
def counting(context):
    seen = int(context.cursor or 0) + 1
    context.update_cursor(str(seen))
    if seen % 3 == 0:
        return SkipReason(f"{seen} can be divided by 3.")
    # Every second key was launched before.
    return RunRequest(run_key=str(seen // 2))


@sensor(job=eat, minimum_interval_seconds=36_000, **LOOKING)
def growing(context):
    seen = int(context.cursor or 0) + 1
    return SensorResult(
        [RunRequest(partition_key=f"fruit {seen}")],
        cursor=str(seen),
        dynamic_partitions_requests=[fruits.build_add_request([f"fruit {seen}"])],
    )


@sensor(job=greet, minimum_interval_seconds=36_000, **LOOKING)
def failing(context):
    if context.cursor != "told":
        context.update_cursor("told")
        raise ValueError("This is never kept.")
    return SkipReason("The cursor of a failed evaluation was kept.")


DEFINITIONS = Definitions(
    schedules=[
        several,
        build_schedule_from_partitioned_job(daily, hour_of_day=1, **RUNNING),
        ScheduleDefinition(job=greet, cron_schedule="@daily", name="stopped"),
    ],
    sensors=[counting, growing, failing],
)


def light(spec) -> None:
    """A launched run that is over at once."""
    run = JobRun(spec.job.name, spec.run_id, tags=dict(spec.tags))
    instance = spec.instance
    log = instance.open_log(instance.create_run(run))
    log.events.append(RunStarted(time.time(), run.job_name))
    log.events.append(RunSucceeded(time.time(), run.job_name))
    log.close()


class Clock:
    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def loop_on(instance: Instance, clock: Clock, definitions=DEFINITIONS, **given) -> AutomationLoop:
    location = CodeLocation.of_definitions(definitions, "shop.ipynb")
    given = {"start": light, "in_threads": False, "keep_skipped": 1e9, **given}
    return AutomationLoop(instance, [location], clock=clock, **given)


def ticks_of(instance: Instance) -> list[tuple]:
    """Every tick as it ended, without the ids of its runs."""
    return sorted(
        (
            tick.instigator.name,
            tick.timestamp,
            tick.status.value,
            [(run.job_name, run.run_key or "", run.partition or "") for run in tick.runs],
            list(tick.known_keys),
            tick.cursor or "",
        )
        for tick in instance.get_ticks(None)
    )


def runs_of(instance: Instance) -> Counter:
    """The runs, by job and tags; those of the ticks and no others."""
    runs = instance.get_runs()
    named = {run_id for tick in instance.get_ticks(None) for run_id in tick.run_ids}
    assert named == {run.run_id for run in runs}
    return Counter((run.job_name, run.status.value, *sorted(run.tags.items())) for run in runs)


def states_of(instance: Instance) -> list[tuple]:
    found = [
        (each.name, each.cursor, each.last_tick, each.failures, each.current, each.holder)
        for each in instance.all_instigator_state()
    ]
    return sorted(found, key=str)
