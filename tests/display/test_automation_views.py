"""How schedules, sensors, conditions and the loop look."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from jobnb import (
    AutomationCondition,
    Definitions,
    Instance,
    RunRequest,
    ScheduleDefinition,
    Session,
    SkipReason,
    asset,
    build_schedule_from_partitioned_job,
    define_asset_job,
    evaluate_automation_conditions,
    run_failure_sensor,
    sensor,
)
from jobnb.automation import automation as module
from jobnb.display.asset_views import asset_attributes
from jobnb.display.automation_views import (
    automation_view,
    conditions_view,
    schedule_view,
    sensor_view,
    tick_view,
)
from jobnb.display.history_views import record_view, recorded_run_view
from jobnb.display.view import bundle
from tests.automation.place import greet
from tests.display.reading import HOSTILE, check_bundle

DAY = r"\d{4}-\d\d-\d\d"
NASTY = next(each for each in HOSTILE if "<" in each)


@pytest.fixture
def session(tmp_path, monkeypatch):
    with Session.capture() as found:
        found.home = str(tmp_path / "home")
        yield found.add(greet)


def shown(view):
    check_bundle(bundle(view))
    return view.text


def test_a_schedule_shows_its_next_ticks_and_when_the_clock_changes(session, monkeypatch):
    monkeypatch.setattr(
        module.time, "time", lambda: datetime(2024, 10, 25, 12, tzinfo=UTC).timestamp()
    )
    made = ScheduleDefinition(
        job=greet, cron_schedule="30 2 * * *", execution_timezone="Europe/Berlin",
        description=f"Nightly. {NASTY}",
    )  # fmt: skip
    text = shown(schedule_view(made))
    lines = text.splitlines()
    assert lines[0].startswith("schedule greet_schedule - Nightly.")
    assert "30 2 * * * (Europe/Berlin)" in text
    nights = [line for line in lines if "02:30:00" in line]
    assert "2024-10-27 02:30:00+02:00" in nights[1]
    assert "the clock goes back 1 h this day" in nights[1]
    assert sum("the clock goes" in line for line in nights) == 1
    assert NASTY not in bundle(schedule_view(made))["text/html"]


def test_a_sensor_shows_its_cursor_and_its_last_ticks(session):
    @sensor(job=greet)
    def look(context):
        """Looks for files."""
        if context.cursor:
            return SkipReason(f"No file. {NASTY}")
        context.update_cursor("7")
        return RunRequest("a")

    before = shown(sensor_view(look))
    assert "stopped: session.automation.start('look') starts it" in before
    session.add(look)
    session.automation.tick_now("look", detach=False)
    session.automation.tick_now("look")
    text = shown(sensor_view(look))
    assert "cursor  7" in text
    assert "skipped" in text
    assert "launched" in text
    assert "every 30 seconds at most" in text
    whole = shown(automation_view(session.automation))
    assert "<automation: 1 sensor, not started>" in whole
    assert "look" in whole
    told = [line for line in whole.splitlines() if "launched" in line]
    assert len(told) == 1  # what was skipped is not worth a line
    assert session.instance.get_runs()[0].run_id[:8] in told[0]


def test_a_tick_and_the_record_of_its_run_tell_what_they_are(session):
    @sensor(job=greet)
    def look(context):
        return RunRequest("7")

    session.add(look)
    session.automation.tick_now("look", detach=False)
    (tick,) = session.automation.ticks("look")
    said = rf"<tick of sensor 'look' at {DAY} \S+: SUCCESS, 1 run>"
    assert re.fullmatch(said, repr(tick))
    text = shown(tick_view(tick))
    assert tick.run_ids[0] in text
    assert "launched" in text
    (record,) = session.instance.get_run_records()
    run = rf"<run {tick.run_ids[0]} of 'greet': SUCCESS>"
    assert repr(record.dagster_run) == run
    assert re.fullmatch(rf"<record of {run}, created {DAY} \S+>", repr(record))
    hostile = replace(record.dagster_run, job_name=NASTY)
    assert shown(recorded_run_view(hostile)) == repr(hostile)
    assert "created" in bundle(record_view(replace(record, dagster_run=hostile)))["text/html"]


def test_a_sensor_without_targets_tells_what_it_watches():
    @run_failure_sensor(monitored_jobs=[greet])
    def tell(context): ...

    @sensor()
    def idle(context): ...

    assert "watches  runs that fail of greet" in shown(sensor_view(tell))
    assert "nothing" not in shown(sensor_view(idle))


def test_one_whose_partitions_are_not_known_yet_is_shown_all_the_same(session):
    made = build_schedule_from_partitioned_job(define_asset_job("load", "*orders"))
    assert "schedule load_schedule" in shown(schedule_view(made))


def test_conditions_show_their_reasons():
    @asset(automation_condition=AutomationCondition.eager())
    def orders(): ...

    assert asset_attributes(orders.key, orders)["automation"] == "eager"
    found = evaluate_automation_conditions(Definitions([orders]), Instance.ephemeral())
    text = shown(conditions_view(found))
    assert "requested" in text
    assert "it was never materialized" in text
    assert "eager" in bundle(conditions_view(found))["text/html"]
