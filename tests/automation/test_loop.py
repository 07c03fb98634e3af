"""The loop: what is due, what is missed, what fails, what is slow, and clocks that jump."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import pytest

from jobnb import (
    AutomationCondition,
    AutomationConditionSensorDefinition,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
    Instance,
    InstigatorStatus,
    InvalidSubsetError,
    RunRequest,
    ScheduleDefinition,
    SensorResult,
    Session,
    SkipReason,
    TickStatus,
    asset,
    job,
    op,
    schedule,
    sensor,
)
from jobnb.automation.code_location import CodeLocation
from jobnb.automation.tick_evaluation import CATCH_UP
from tests.automation.place import LOOKING, RUNNING, START, Clock, greet, loop_on

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def instance(request, tmp_path):
    if request.param == "memory":
        found = Instance.ephemeral(tempdir=str(tmp_path))
    else:
        url = request.getfixturevalue("database") if request.param == "postgres" else None
        found = Instance(home=tmp_path / "home", url=url)
    with found:
        yield found


@pytest.fixture
def on_file(tmp_path):
    with Instance(home=tmp_path / "home") as found:
        yield found


def hourly(**given):
    return ScheduleDefinition(job=greet, **({"cron_schedule": "@hourly"} | RUNNING | given))


def runs_for(loop, clock, seconds, step=MINUTE):
    end = clock.now + seconds
    while clock.now < end:
        clock.now += step
        loop.round()


def test_a_schedule_launches_its_job_and_a_sensor_keeps_its_cursor(instance):
    @sensor(job=greet, minimum_interval_seconds=600, **LOOKING)
    def look(context):
        seen = int(context.cursor or 0) + 1
        context.log.info("seen %d", seen)
        return SensorResult([RunRequest(str(seen))], cursor=str(seen))

    clock = Clock()
    known = Definitions(schedules=[hourly()], sensors=[look])
    loop = loop_on(instance, clock, known)
    loop.round()
    runs_for(loop, clock, 2 * HOUR)
    hours = instance.ticks.instigator("SCHEDULE", "greet_schedule", "shop.ipynb")
    ticks = instance.get_ticks(hours.origin_id)
    assert [tick.timestamp - START for tick in ticks] == [2 * HOUR, HOUR]
    assert all(tick.is_success and len(tick.run_ids) == 1 for tick in ticks)
    looked = instance.get_ticks("SENSOR look of shop.ipynb", limit=3)
    assert [tick.timestamp - START for tick in looked] == [
        2 * HOUR,
        2 * HOUR - 600,
        2 * HOUR - 1200,
    ]
    assert [line[2] for line in looked[0].lines] == ["seen 13"]
    [run] = instance.get_runs(limit=1)
    assert run.job_name == "greet"
    [state] = instance.all_instigator_state(instigator_type="SENSOR")
    assert (state.cursor, state.last_run_key, state.failures) == ("13", "13", 0)
    assert instance.get_tick("SENSOR look of shop.ipynb", None, START + 600).run_keys == ["2"]
    skips = instance.get_ticks(None, statuses=[TickStatus.SKIPPED])
    assert not skips


def test_a_run_key_launches_once_and_again_when_its_run_was_deleted(instance):
    @sensor(job=greet, minimum_interval_seconds=60, **LOOKING)
    def same():
        return [RunRequest("a"), RunRequest("b")]

    clock = Clock()
    loop = loop_on(instance, clock, Definitions(sensors=[same]))
    loop.round()
    assert instance.get_runs_count() == 2
    runs_for(loop, clock, 5 * MINUTE)
    assert instance.get_runs_count() == 2
    [last] = instance.get_ticks(None, limit=1)
    assert last.is_skipped
    assert "'a', 'b' were launched before" in last.skip_reason
    gone = next(run for run in instance.get_runs() if run.tags["dagster/run_key"] == "a")
    instance.delete_run(gone.run_id)
    runs_for(loop, clock, 2 * MINUTE)
    keys = sorted(run.tags["dagster/run_key"] for run in instance.get_runs())
    assert keys == ["a", "b"]


def test_what_was_missed_is_made_up_for_the_latest_first_of_all(on_file, caplog):
    clock = Clock()
    known = Definitions(schedules=[hourly()])
    loop_on(on_file, clock, known).round()
    clock.now += 3 * HOUR + 1
    later = loop_on(on_file, clock, known)
    later.round()
    times = [tick.timestamp - START for tick in on_file.get_ticks(None)]
    assert times == [3 * HOUR, 2 * HOUR, HOUR]
    clock.now += 10 * DAY
    with caplog.at_level(logging.WARNING, "jobnb.automation"):
        later = loop_on(on_file, clock, known)  # as after a night, in a process of its own
        later.round()
    made_up = [tick.timestamp for tick in on_file.get_ticks(None, after=START + 4 * HOUR)]
    assert len(made_up) == CATCH_UP
    assert max(made_up) > clock.now - HOUR
    assert caplog.text.count("missed more than 5 ticks") == 1
    later.round()
    assert on_file.get_runs_count() == 3 + CATCH_UP


def test_a_clock_that_is_set_back_doubles_nothing_and_holds_up_no_sensor(on_file):
    looked = []

    @sensor(job=greet, minimum_interval_seconds=60, **LOOKING)
    def look():
        looked.append(clock.now)

    clock = Clock()
    loop = loop_on(on_file, clock, Definitions(schedules=[hourly()], sensors=[look]))
    loop.round()
    runs_for(loop, clock, 2 * HOUR)
    before = len(looked)
    clock.now -= HOUR
    loop.round()
    runs_for(loop, clock, HOUR - MINUTE)
    assert len(looked) - before == 60
    of_hours = on_file.get_ticks("SCHEDULE greet_schedule of shop.ipynb")
    assert [tick.timestamp - START for tick in of_hours] == [2 * HOUR, HOUR]
    runs_for(loop, clock, HOUR + MINUTE)
    assert len(on_file.get_ticks("SCHEDULE greet_schedule of shop.ipynb")) == 3


def test_a_failing_sensor_backs_off_and_says_so(on_file):
    tried = []

    @sensor(job=greet, minimum_interval_seconds=60, **LOOKING)
    def look():
        tried.append(clock.now - START)
        if len(tried) < 5:
            raise ValueError("no such bucket")
        return SkipReason("fine")

    clock = Clock()
    loop = loop_on(on_file, clock, Definitions(sensors=[look]))
    loop.round()
    runs_for(loop, clock, 20 * MINUTE)
    assert tried[:6] == [0, 60, 180, 420, 900, 960]
    failed = on_file.get_ticks(None, statuses=[TickStatus.FAILURE])
    assert len(failed) == 4
    assert "ValueError: no such bucket (test_loop.py, line" in failed[0].error
    assert "4 times in a row; the next try is in 480 seconds" in failed[0].error
    assert on_file.all_instigator_state()[0].failures == 0


def test_a_failing_schedule_comes_again_at_its_next_time(on_file):
    @schedule(cron_schedule="@hourly", job=greet, **RUNNING)
    def fails(context):
        if context.scheduled_execution_time.hour == 1:
            raise ValueError("boom")
        return {}

    clock = Clock()
    loop = loop_on(on_file, clock, Definitions(schedules=[fails]))
    loop.round()
    runs_for(loop, clock, 2 * HOUR)
    second, first = on_file.get_ticks(None)
    assert (first.status, second.status) == (TickStatus.FAILURE, TickStatus.SUCCESS)
    assert "ValueError: boom" in first.error
    assert "next try" not in first.error


def test_a_tick_launches_all_of_its_runs_or_none(on_file):
    @op(config_schema={"n": int})
    def number(): ...

    @job
    def numbers():
        number()

    def config(n):
        return {"ops": {"number": {"config": {"n": n}}}}

    @sensor(job=numbers, minimum_interval_seconds=60, **LOOKING)
    def look(context):
        bad = "x" if context.cursor is None and clock.now == START else 2
        return SensorResult(
            [RunRequest("1", config(1)), RunRequest("2", config(bad))], cursor="done"
        )

    clock = Clock()
    loop = loop_on(on_file, clock, Definitions(sensors=[look]))
    loop.round()
    [tick] = on_file.get_ticks(None)
    assert tick.is_failure
    assert "'x'" in tick.error
    assert on_file.get_runs_count() == 0
    assert on_file.all_instigator_state()[0].cursor is None
    runs_for(loop, clock, 2 * MINUTE)
    assert on_file.get_runs_count() == 2
    assert on_file.all_instigator_state()[0].cursor == "done"


def test_a_slow_sensor_holds_up_no_other_and_is_given_up(on_file):
    free, looked = threading.Event(), []

    @sensor(job=greet, minimum_interval_seconds=0, **LOOKING)
    def slow():
        free.wait(20)
        return RunRequest("slow")

    @sensor(job=greet, minimum_interval_seconds=0, **LOOKING)
    def quick():
        looked.append(time.time())

    known = Definitions(sensors=[slow, quick])
    slow_origin = "SENSOR slow of shop.ipynb"
    loop = loop_on(on_file, time.time, known, in_threads=True, timeout=0.3).start()
    try:
        deadline = time.monotonic() + 20
        failed = []
        while time.monotonic() < deadline and not (failed and len(looked) > 2):
            time.sleep(0.05)
            failed = on_file.get_ticks(slow_origin, statuses=[TickStatus.FAILURE])
        [tick] = failed
        assert "longer than 0.3 seconds" in tick.error
        assert len(looked) > 2
    finally:
        free.set()
        loop.stop()
    assert not on_file.get_runs_count()  # what it came to afterwards does not count
    assert not loop.is_running


def test_stopping_waits_for_what_the_round_under_way_still_begins(on_file):
    looked = threading.Event()

    @sensor(job=greet, minimum_interval_seconds=0, **LOOKING)
    def look():
        looked.set()
        time.sleep(0.3)
        return RunRequest("one")

    loop = loop_on(on_file, time.time, Definitions(sensors=[look]), in_threads=True)
    begin, round_began = loop._begin, threading.Event()

    def slowly(entry):
        round_began.set()
        time.sleep(0.2)  # stop() is called now
        return begin(entry)

    loop._begin = slowly
    loop.start()
    assert round_began.wait(10)
    loop.stop()
    assert looked.is_set()
    assert on_file.get_runs_count() == 1


def test_threads_that_ask_for_changed_definitions_load_them_once():
    version, loading, at_once = [0], [], []

    def load():
        loading.append(None)
        at_once.append(len(loading))
        time.sleep(0.05)
        loading.pop()
        return Definitions()

    location = CodeLocation("shop.py", load, lambda: version[0])
    location.definitions()
    version[0] = 1
    threads = [threading.Thread(target=location.definitions) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert at_once == [1, 1]


def test_two_threads_do_not_take_one_tick(on_file):
    begun, free, found = threading.Event(), threading.Event(), []

    @sensor(job=greet, minimum_interval_seconds=0)
    def slow():
        begun.set()
        assert free.wait(20)
        return RunRequest()

    loop = loop_on(on_file, time.time, Definitions(sensors=[slow]))
    thread = threading.Thread(target=lambda: found.append(loop.tick_now("slow")))
    thread.start()
    assert begun.wait(20)
    assert loop.tick_now("slow") is None
    other = loop_on(on_file, time.time, Definitions(sensors=[slow]))
    assert other.tick_now("slow") is None
    free.set()
    thread.join(20)
    assert found[0].is_success
    assert on_file.get_runs_count() == 1
    assert loop.tick_now("slow").is_success  # and it is free again
    assert on_file.get_runs_count() == 2


def test_what_is_started_and_stopped_elsewhere_is_seen(on_file):
    clock = Clock()
    stopped = hourly(default_status=DefaultScheduleStatus.STOPPED)
    loop = loop_on(on_file, clock, Definitions(schedules=[stopped]))
    loop.round()
    runs_for(loop, clock, 2 * HOUR)
    assert not on_file.get_ticks(None)
    instigator = on_file.ticks.instigator("SCHEDULE", "greet_schedule", "shop.ipynb")
    on_file.ticks.set_instigator_status(instigator, InstigatorStatus.RUNNING, clock.now)
    runs_for(loop, clock, HOUR)
    assert len(on_file.get_ticks(None)) == 1  # nothing from before it was started
    on_file.ticks.set_instigator_status(instigator, InstigatorStatus.STOPPED)
    runs_for(loop, clock, 3 * HOUR)
    assert len(on_file.get_ticks(None)) == 1
    on_file.wipe_all_schedules()
    assert (on_file.get_ticks(None), on_file.all_instigator_state()) == ([], [])


def test_a_session_has_a_sensor_for_conditions_that_no_other_one_evaluates(tmp_path, caplog):
    @asset(automation_condition=AutomationCondition.eager())
    def orders():
        return 1

    @asset(automation_condition=AutomationCondition.on_missing())
    def prices():
        return 1

    name = "default_automation_condition_sensor"
    session = Session(home=str(tmp_path / "home"))
    session.add(orders, prices)
    automation = session.automation
    assert repr(automation) == "<automation: 1 sensor, not started>"
    with caplog.at_level(logging.WARNING, logger="jobnb.automation"):
        automation.start(detach=False).stop()
        [told] = caplog.messages
        assert f"{name!r}" in told
        assert f"session.automation.start({name!r})" in told
        caplog.clear()
        automation.start(name, detach=False)
        try:
            ends_with(automation, name)
        finally:
            automation.stop()
        assert caplog.messages == []
    idle = Session(home=str(tmp_path / "other")).add(
        ScheduleDefinition(job=greet, cron_schedule="@hourly")
    )
    with caplog.at_level(logging.WARNING, logger="jobnb.automation"):
        idle.automation.start(detach=False).stop()
    assert "nothing is evaluated" in caplog.text
    assert "session.automation.start('greet_schedule')" in caplog.text
    assert {key for run in session.instance.get_runs() for key in run.asset_selection} == {
        orders.key, prices.key,
    }  # fmt: skip
    session.add(AutomationConditionSensorDefinition("by_itself", target="orders"))
    [decided] = automation.preview(name, cursor="").decisions
    assert decided.name == "prices"
    session.add(AutomationConditionSensorDefinition("the_rest", target="prices"))
    with pytest.raises(InvalidSubsetError, match=name):
        automation.preview(name)


AT_THE_END = """
import atexit, sys, threading

def last():  # registered first, called last: the histories are closed by now
    for each in threading.enumerate():
        if each.name == "jobnb automation":
            each.join(3)
            print("the loop went on", file=sys.stderr)

atexit.register(last)
from jobnb import Session, SkipReason, sensor

@sensor(minimum_interval_seconds=0, asset_selection="*")
def look():
    return SkipReason("nothing")

session = Session(home=sys.argv[1])
session.add(look)
session.automation.start("look")
"""


def test_a_script_that_ends_stops_its_loop_without_a_word(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", AT_THE_END, str(tmp_path / "home")],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stderr == ""


def ends_with(automation, name):
    """Wait until a sensor has launched runs, and these have ended."""
    deadline = time.monotonic() + 60
    instance = automation.session.instance
    while not any(tick.is_success for tick in automation.ticks(name)) or not all(
        run.is_finished for run in instance.get_runs()
    ):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_session_changes_while_its_loop_goes_on(on_file, tmp_path):
    session = Session(home=str(tmp_path / "home"))
    session.add(greet)
    automation = session.automation
    assert automation is session.automation
    assert repr(automation) == "<automation: nothing defined yet, not started>"
    automation.start(detach=False)
    try:

        @sensor(job=greet, minimum_interval_seconds=0)
        def look(context):
            return RunRequest("only once")

        session.add(look)
        with pytest.raises(InvalidSubsetError, match="'lok'.*'look'"):
            automation.start("lok")
        automation.start("look", detach=False)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and len(automation.ticks("look")) < 2:
            time.sleep(0.05)
        assert repr(automation) == "<automation: 1 sensor, running>"
        assert automation.state("look").status is InstigatorStatus.RUNNING
        automation.stop("look")
    finally:
        automation.stop()
    assert automation.ticks("look")[-1].is_success
    [run] = session.instance.get_runs()
    assert run.tags["dagster/sensor_name"] == "look"
    deadline = time.monotonic() + 20
    while (
        time.monotonic() < deadline and not session.instance.get_run_by_id(run.run_id).is_finished
    ):
        time.sleep(0.05)
    assert session.instance.get_run_by_id(run.run_id).is_success


def test_a_tick_now_and_a_preview(on_file, tmp_path):
    @asset
    def orders(): ...

    @sensor(asset_selection="orders")
    def look(context):
        return SensorResult([RunRequest()], cursor=str(int(context.cursor or 0) + 1))

    session = Session(home=str(tmp_path / "home")).add(orders, look, hourly())
    automation = session.automation
    seen = automation.preview("look", cursor="7")
    assert seen.cursor == "8"
    assert seen.requests[0][0].asset_selection == [orders.key]
    assert not automation.ticks("look")
    tick = automation.tick_now("look", detach=False)
    assert (tick.status, tick.cursor) == (TickStatus.SUCCESS, "1")
    assert automation.tick_now("greet_schedule").is_success
    assert automation.preview("look").cursor == "2"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not all(
        run.is_finished for run in session.instance.get_runs()
    ):
        time.sleep(0.05)
    assert session.instance.get_latest_materialization_event(orders.key) is not None


def test_resources_of_the_code_location_reach_its_functions(on_file):
    @sensor(job=greet, required_resource_keys={"shop"}, **LOOKING)
    def look(context):
        return RunRequest(context.resources.shop)

    clock = Clock()
    known = Definitions(sensors=[look], resources={"shop": "Kiosk"})
    loop_on(on_file, clock, known).round()
    [tick] = on_file.get_ticks(None)
    assert tick.run_keys == ["Kiosk"]


def test_a_round_with_nothing_due_costs_next_to_nothing(on_file):
    default = DefaultSensorStatus.RUNNING
    known = Definitions(
        schedules=[hourly(name=f"s{n}") for n in range(1000)],
        sensors=[
            sensor(
                job=greet, name=f"look{n}", default_status=default, minimum_interval_seconds=10**6
            )(lambda: None)
            for n in range(200)
        ],
    )
    clock = Clock()
    loop = loop_on(on_file, clock, known)
    loop.round()
    took = []
    for _ in range(20):
        clock.now += 1
        began = time.perf_counter()
        loop.round()
        took.append(time.perf_counter() - began)
    assert min(took) < 0.02


def test_another_cron_makes_up_for_nothing_from_before_the_change(instance):
    clock = Clock()
    before = hourly(cron_schedule="0 0 * * *")
    loop = loop_on(instance, clock, Definitions(schedules=[before]))
    loop.round()
    runs_for(loop, clock, DAY + 12 * HOUR, HOUR)
    assert [tick.timestamp - START for tick in instance.get_ticks(None)] == [DAY]
    clock.now += 30 * MINUTE
    loop_on(instance, clock, Definitions(schedules=[before])).round()
    changed = loop_on(instance, clock, Definitions(schedules=[hourly()]))
    changed.round()
    assert len(instance.get_ticks(None)) == 1  # none of 08:00 to 12:00
    runs_for(changed, clock, 90 * MINUTE)
    noon = DAY + 12 * HOUR
    times = [tick.timestamp - START for tick in instance.get_ticks(None)]
    assert times == [noon + 2 * HOUR, noon + HOUR, DAY]
    # The same cron again, in another time zone: in Kolkata hours begin at half past.
    zoned = loop_on(
        instance, clock, Definitions(schedules=[hourly(execution_timezone="Asia/Kolkata")])
    )
    clock.now += 45 * MINUTE
    zoned.round()
    assert len(instance.get_ticks(None)) == 3
    runs_for(zoned, clock, HOUR)
    assert instance.get_ticks(None, limit=1)[0].timestamp - START == noon + 3.5 * HOUR
