"""What the live view of schedules and sensors answers, and does."""

from __future__ import annotations

import time

import pytest

from jobnb import (
    AutomationCondition,
    AutomationConditionSensorDefinition,
    Instance,
    InvalidInvocationError,
    InvalidSubsetError,
    RunRequest,
    ScheduleDefinition,
    Session,
    SkipReason,
    asset,
    job,
    op,
    schedule,
    sensor,
)
from jobnb.automation.code_location import CodeLocation
from jobnb.automation.loop import AutomationLoop
from jobnb.display.widgets.automation import AutomationView
from tests.display.reading import HOSTILE

NASTY = next(each for each in HOSTILE if "<" in each)


@op
def hello(): ...


@job
def greet():
    hello()


@pytest.fixture
def session(tmp_path):
    with Session.capture() as found:
        found.home = str(tmp_path / "home")
        found.automation.start(detach=False).stop()  # runs go on in this process
        yield found.add(greet)
    if found.automation.is_running:
        found.automation.stop()


def look_for(context):
    seen = int(context.cursor or 0) + 1
    context.log.info("seen %s", NASTY)
    if seen == 3:
        raise ValueError(NASTY)
    context.update_cursor(str(seen))
    return SkipReason(f"{seen}: {NASTY}") if seen == 2 else RunRequest(f"run {seen}")


def standing(table, **asked):
    return {row["name"]: row for row in table.answer("standing", window=3600, **asked)["rows"]}


def ended(instance, run_id):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        run = instance.get_run_by_id(run_id)
        if run is not None and run.is_finished:
            return run
        time.sleep(0.02)
    raise AssertionError(f"{run_id} did not end")


def test_rows_tell_what_runs_what_comes_and_what_came(session):
    session.add(
        ScheduleDefinition(job=greet, cron_schedule="*/5 * * * *", description=NASTY),
        sensor(job=greet, name="look", minimum_interval_seconds=0)(look_for),
    )
    table = AutomationView(session.automation).table
    rows = standing(table)
    assert [rows["look"]["on"], rows["look"]["next"], rows["look"]["last"]] == [False, None, None]
    assert table.answer("switch", which="greet_schedule", on=True) is True
    row = standing(table)["greet_schedule"]
    assert row["on"]
    assert row["when"] == "Every fifth minute of every hour"
    assert 0 < row["next"] - time.time() <= 300
    assert 5 <= len(row["coming"]) <= 7  # half an hour, one in each slot at most
    told = [table.answer("tick_now", which="look") for _ in range(3)]
    assert [tick["word"] for tick in told] == ["launched", "skipped", "failed"]
    row = standing(table)["look"]
    assert (row["last"]["status"], row["failures"], row["cursor"]) == ("failed", 1, "2")
    assert {mark["word"]: mark["count"] for mark in row["past"]} == {
        "launched": 1, "skipped": 1, "failed": 1,
    }  # fmt: skip
    assert row["kind"] == "sensor"
    assert set(standing(table, text="loo")) == {"look"}
    assert table.answer("standing", window=60, first=1, count=1)["total"] == 2


def test_ticks_are_told_with_their_log_their_runs_and_why_there_are_none(session):
    session.add(sensor(job=greet, name="look", minimum_interval_seconds=0)(look_for))
    table = AutomationView(session.automation).table
    for _ in range(3):
        table.answer("tick_now", which="look")
    page = table.answer("ticks", which="look", limit=2)
    failed, skipped = page["ticks"]
    assert (skipped["skip"], skipped["cursor"]) == (f"2: {NASTY}", "2")
    assert failed["error"].startswith("ValueError: ")
    assert NASTY in failed["error"]
    assert [line["text"] for line in failed["lines"]] == [f"seen {NASTY}"]
    older = table.answer("ticks", which="look", before=page["before"], limit=2)
    assert older["before"] is None
    [run] = older["ticks"][0]["launched"]
    assert (run["job"], run["key"]) == ("greet", "run 1")
    ended(session.instance, run["run_id"])
    [tick] = table.answer("ticks", which="look", statuses=["succeeded"])["ticks"]
    assert [(run["word"], run["finished"]) for run in tick["launched"]] == [("succeeded", True)]
    view = AutomationView(session.automation, "look", "sensor")
    assert view.table.answer("open", run_id=run["run_id"]) is True
    assert view.opened.run_id == run["run_id"]
    session.instance.delete_run(run["run_id"])
    [tick] = table.answer("ticks", which="look", statuses=["succeeded"])["ticks"]
    assert tick["launched"][0]["word"] == "not there"


def test_an_evaluation_launches_and_keeps_nothing(session):
    @schedule(job=greet, cron_schedule="0 9 * * *", execution_timezone="Europe/Berlin")
    def nightly(context):
        when = context.scheduled_execution_time
        return RunRequest(run_key=when.isoformat(), run_config={}, tags={"team": "data"})

    session.add(sensor(job=greet, name="look")(look_for), nightly)
    table = AutomationView(session.automation).table
    told = table.answer("evaluate", which="look")
    assert [request["key"] for request in told["requests"]] == ["run 1"]
    assert told["cursor"] == "1"
    assert "2: " in table.answer("evaluate", which="look", cursor="1")["skip"]
    with pytest.raises(InvalidInvocationError, match="ValueError"):
        table.answer("evaluate", which="look", cursor="2")
    [request] = table.answer("evaluate", which="nightly", at=1711872000.0)["requests"]
    assert request["key"] == "2024-03-31T10:00:00+02:00"
    assert request["tags"] == [{"name": "team", "text": "data"}]
    assert session.instance.get_runs() == []
    assert not session.automation.ticks("look")
    assert table.answer("cursor", which="look", cursor="1")
    assert standing(table)["look"]["cursor"] == "1"
    with pytest.raises(InvalidInvocationError, match="no cursor"):
        table.answer("cursor", which="nightly", cursor="1")
    with pytest.raises(InvalidSubsetError, match="'gone'"):
        table.answer("detail", which="gone")


def test_nights_on_which_the_clock_changes_are_told(session, monkeypatch):
    now = 1729944000.0  # the Saturday before the last Sunday of October 2024
    session.add(
        ScheduleDefinition(
            job=greet, cron_schedule="30 2 * * *", execution_timezone="Europe/Berlin"
        )
    )
    table = AutomationView(session.automation).table
    monkeypatch.setattr(time, "time", lambda: now)
    coming = table.answer("detail", which="greet_schedule")["coming"]
    assert coming[0]["own"] == "2024-10-27 02:30:00+02:00"
    assert [each["change"] for each in coming[:2]] == ["the clock goes back 1 h this day", ""]


def test_conditions_are_told_as_a_tree(session):
    @asset(automation_condition=AutomationCondition.eager())
    def orders(): ...

    session.add(orders, AutomationConditionSensorDefinition("by_itself", target="*"))
    table = AutomationView(session.automation).table
    told = table.answer("evaluate", which="by_itself")
    assert told["requests"][0]["assets"] == ["orders"]
    [decision] = told["decisions"]
    assert (decision["name"], decision["yes"], decision["condition"]) == ("orders", True, "eager")
    assert all(part["why"] for part in decision["parts"])


def test_loops_here_and_elsewhere_are_seen(session):
    session.add(sensor(job=greet, name="look")(look_for))
    table = AutomationView(session.automation).table
    instance = session.instance
    assert table.answer("standing", window=60)["loops"] == {
        "here": False, "problem": "", "others": [],
    }  # fmt: skip
    location = CodeLocation.of_definitions(session.snapshot(), instance.launcher or "")
    other = AutomationLoop(instance, [location]).start()
    try:
        until = time.monotonic() + 60
        while not instance.ticks.loops() and time.monotonic() < until:
            time.sleep(0.02)
        [told] = table.answer("standing", window=60)["loops"]["others"]
        assert told["where"].startswith("process ")
    finally:
        other.stop()
    assert table.answer("standing", window=60)["loops"]["others"] == []
    table.answer("loop", on=True)
    assert session.automation.is_running
    assert table.answer("standing", window=60)["loops"]["here"]
    table.answer("loop", on=False)
    assert not session.automation.is_running


def test_many_ticks_are_counted_in_slots_of_time(tmp_path, database):
    for url in (None, database):
        with Instance(home=tmp_path / "home", url=url) as instance:
            from tests.automation.place import Clock, Definitions, loop_on

            look = sensor(job=greet, name="look", minimum_interval_seconds=1)(lambda: None)
            clock = Clock()
            loop = loop_on(instance, clock, Definitions(sensors=[look]))
            start = clock.now
            for _ in range(40):
                assert loop.tick_now("look").is_skipped
                clock.now += 30
            origin = loop.named("look")[0].origin_id
            counted = instance.ticks.count_ticks([origin], start, 300.0)
            assert sorted((at, many) for _, at, _, many in counted) == [(n, 10) for n in range(4)]
