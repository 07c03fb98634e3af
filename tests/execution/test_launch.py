"""Background runs: begun at once, observed, waited for, several at a time."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from traceback import walk_tb

import pytest

from jobnb import (
    MAX_RUNTIME_SECONDS_TAG,
    AssetKey,
    Instance,
    InvalidConfigError,
    InvalidSubsetError,
    OpExecutionContext,
    Run,
    Session,
    asset,
    define_asset_job,
    job,
    op,
)
from jobnb.events import Logged, RunSucceeded
from jobnb.execution.task import (
    RunCanceledError,
    StillRunningError,
    cancel_all,
    find,
    running,
)

WAIT = 30.0


@pytest.fixture
def instance():
    with Instance.ephemeral() as made:
        yield made


@pytest.fixture
def gate(instance):
    """An event that steps wait for; it is set at the end of the test whatever happens."""
    made = threading.Event()
    yield made
    made.set()
    assert cancel_all(timeout=WAIT)


@pytest.fixture
def gated(gate):
    @op
    def first():
        return 1

    @op
    def second(first):
        assert gate.wait(WAIT)
        return first + 1

    @job
    def gated():
        second(first())

    return gated


def until(true, seconds=WAIT):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.005)


def test_launching_returns_while_the_run_goes_on(gated, gate, instance):
    run = gated.launch(instance=instance)
    until(lambda: run.current_step == "second")
    assert not run.is_finished
    assert run in running(Run)
    assert (run.status, run.record.status.value) == ("STARTED", "STARTED")
    assert run.progress == 0.5
    assert run.state.steps["first"].status.value == "succeeded"
    gate.set()
    assert run.wait(WAIT) is run
    assert (run.status, run.progress, run.current_step) == ("SUCCESS", 1.0, "")
    assert run not in running(Run)
    assert run.result().output_for_node("second") == 2


def test_a_run_that_is_waited_for_in_vain_goes_on(gated, gate, instance):
    run = gated.launch(instance=instance)
    assert run.wait(0.01) is run
    assert not run.is_finished
    with pytest.raises(StillRunningError, match=r"'gated' has not ended after 0\.01 s"):
        run.result(timeout=0.01)
    gate.set()
    assert run.result(WAIT).success


def test_wrong_config_is_told_at_once_and_nothing_runs(instance):
    @op(config_schema={"limit": int})
    def limited():
        raise AssertionError("it must not run")

    @job
    def daily():
        limited()

    with pytest.raises(InvalidConfigError, match="limit"):
        daily.launch({"ops": {"limited": {"config": {"limit": "x"}}}}, instance=instance)
    assert running(Run) == []
    assert instance.get_runs_count() == 0


def test_a_failure_is_raised_where_the_result_is_asked_for(instance):
    @op
    def bad():
        raise ValueError("no such file")

    @job
    def daily():
        bad()

    run = daily.launch(instance=instance).wait(WAIT)
    assert run.status == "FAILURE"
    for _ in range(2):
        with pytest.raises(ValueError, match="no such file") as caught:
            run.result()
        assert len(caught.value.__notes__) == 1
    assert run.result(raise_on_error=False).get_failed_step_keys() == {"bad"}


def test_a_resource_that_fails_is_raised_where_the_result_is_asked_for(instance):
    from jobnb import ResourceFunctionError, resource

    @resource
    def database(_):
        raise OSError("refused")

    @op(required_resource_keys={"database"})
    def read():
        pass

    @job(resource_defs={"database": database})
    def daily():
        read()

    run = daily.launch(instance=instance).wait(WAIT)
    assert run.status == "FAILURE"
    with pytest.raises(ResourceFunctionError, match="refused"):
        run.result()


def test_several_runs_go_at_once_and_keep_apart(instance):
    together = threading.Barrier(4)

    @op(config_schema={"number": int})
    def meet(context: OpExecutionContext):
        number = context.op_config["number"]
        together.wait(WAIT)
        print(f"I am {number}")
        return number

    @job
    def meeting():
        meet()

    runs = [
        meeting.launch({"ops": {"meet": {"config": {"number": n}}}}, instance=instance)
        for n in range(4)
    ]
    assert [run.result(WAIT).output_for_node("meet") for run in runs] == [0, 1, 2, 3]
    printed = [[e.text for e in run.events() if isinstance(e, Logged)] for run in runs]
    assert printed == [[f"I am {n}"] for n in range(4)]


def test_events_are_had_in_order_from_any_place(gated, gate, instance):
    gate.set()
    run = gated.launch(instance=instance).wait(WAIT)
    events = run.events()
    assert isinstance(events[-1], RunSucceeded)
    assert run.events(after=5) == events[5:]
    assert list(instance.events(run.run_id)) == events


def test_values_of_a_kept_run_are_on_disk(tmp_path):
    @op
    def five():
        return 5

    @job
    def numbers():
        five()

    with Instance.local_temp(str(tmp_path)) as kept:
        run = numbers.launch(instance=kept, tags={"team": "a"}).wait(WAIT)
        assert kept.get_run_by_id(run.run_id).status.value == "SUCCESS"
        assert kept.get_run_by_id(run.run_id).tags["team"] == "a"
        assert run.result().output_for_node("five") == 5
        assert list((tmp_path / "storage").rglob("*five*"))


# --- observing ------------------------------------------------------------


def test_observers_hear_of_it_in_a_thread_of_their_own(gated, gate, instance):
    run = gated.launch(instance=instance)
    heard, threads, ended = [], set(), threading.Event()

    def hear(change):
        heard.append((change["name"], change["new"]))
        threads.add(threading.current_thread())
        if change["new"] == "SUCCESS":
            ended.set()

    run.observe(hear, names=["status", "progress", "current_step"])
    until(lambda: ("current_step", "second") in heard)
    gate.set()
    assert ended.wait(WAIT)
    assert ("progress", 1.0) in heard
    (thread,) = threads
    assert thread not in (threading.main_thread(), threading.current_thread())


def test_an_observer_that_fails_hurts_neither_the_run_nor_the_others(gated, gate, instance, caplog):
    run, heard = gated.launch(instance=instance), []

    def broken(change):
        raise RuntimeError("a broken widget")

    run.observe(broken)
    run.observe(lambda change: heard.append(change["new"]), names="status")
    gate.set()
    assert run.wait(WAIT).status == "SUCCESS"
    until(lambda: "SUCCESS" in heard)
    told = [r for r in caplog.records if "An observer of a run failed" in r.getMessage()]
    assert len(told) == 1


def test_a_slow_observer_does_not_hold_up_the_run_or_who_waits(gated, gate, instance):
    run, entered, release = gated.launch(instance=instance), threading.Event(), threading.Event()

    def slow(change):
        entered.set()
        release.wait(WAIT)

    run.observe(slow)
    assert entered.wait(WAIT)
    gate.set()
    assert run.wait(WAIT).status == "SUCCESS"
    assert not release.is_set()
    release.set()


def test_who_stops_observing_hears_no_more(gated, gate, instance):
    run, heard = gated.launch(instance=instance), []
    last = threading.Event()
    run.observe(heard.append)
    run.unobserve(heard.append)
    run.observe(lambda change: last.set() if change["new"] == "SUCCESS" else None, names="status")
    gate.set()
    assert last.wait(WAIT)
    assert heard == []


def test_the_version_grows_at_most_twenty_times_a_second(instance):
    @op
    def one():
        return 1

    @job
    def many():
        for _ in range(500):
            one()

    run = many.launch(instance=instance).wait(WAIT)
    assert len(run.events()) > 1500
    # All those events came in few bumps: one per twentieth of a second, and one at the end.
    assert 1 <= run.version <= 2 + (run.state.seconds + 1) * 20


def test_traits_are_for_reading(gated, gate, instance):
    from traitlets import TraitError

    run = gated.launch(instance=instance)
    with pytest.raises(TraitError, match="status"):
        run.status = "SUCCESS"


def test_a_state_that_is_read_stands_still(instance):
    @op
    def one():
        return 1

    @job
    def many():
        for _ in range(300):
            one()

    run = many.launch(instance=instance)
    while not run.is_finished:
        with run.reading() as state:
            before = state.events
            list(state.steps.values())
            assert state.events == before
    assert run.state.is_success


# --- awaiting -------------------------------------------------------------


def test_a_coroutine_awaits_it_while_others_go_on(gated, gate, instance):
    async def main():
        run = gated.launch(instance=instance)
        waiting = asyncio.ensure_future(_awaited(run))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        gate.set()
        return await waiting, await run

    first, again = asyncio.run(main())
    assert first.success
    assert again.run_id == first.run_id


async def _awaited(run):
    return await run


def test_giving_up_the_await_leaves_the_run_alone(gated, gate, instance):
    async def main():
        run = gated.launch(instance=instance)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(_awaited(run), 0.05)
        return run

    run = asyncio.run(main())
    assert not run.is_finished
    gate.set()
    assert run.result(WAIT).success


def test_an_awaited_run_that_was_canceled_raises_no_interrupt(gated, gate, instance):
    async def main():
        run = gated.launch(instance=instance)
        run.cancel()
        gate.set()
        await run

    with pytest.raises(RunCanceledError, match="'gated' did not come to its end"):
        asyncio.run(main())


# --- time limits ----------------------------------------------------------


def test_a_run_that_takes_too_long_fails_and_says_why(instance):
    @op
    def forever():
        while True:
            time.sleep(0.005)

    @job(tags={MAX_RUNTIME_SECONDS_TAG: "0.2"})
    def endless():
        forever()

    run = endless.launch(instance=instance).wait(WAIT)
    assert run.status == "FAILURE"
    assert "took longer than 0.2 s" in str(run.state.error)
    with pytest.raises(RunCanceledError, match="took longer than"):
        run.result()


# --- through the session --------------------------------------------------


@pytest.fixture
def session(tmp_path, gated):
    @asset
    def orders():
        return [1, 2]

    @asset
    def revenue(orders):
        return sum(orders)

    made = Session(home=str(tmp_path))
    made.add(gated, orders, revenue, define_asset_job("all_assets"))
    yield made
    made.instance.dispose()


def test_a_session_launches_jobs_by_name_and_assets_by_selection(session, gate):
    gate.set()
    assert session.launch("gated").result(WAIT).output_for_node("second") == 2
    assert session.launch("all_assets").result(WAIT).asset_value("revenue") == 3
    run = session.launch("orders")
    assert run.result(WAIT).plan.asset_keys == [AssetKey("orders")]
    assert session.launch().result(WAIT).success
    assert session.launch("+revenue").result(WAIT).success
    assert session.value("revenue") == 3
    assert [record.run.job_name for record in session.runs][-1] == "gated"


def test_a_name_that_the_session_does_not_know_is_put_right(session):
    with pytest.raises(InvalidSubsetError, match=r"no job or asset 'gate'.*Did you mean 'gated'"):
        session.launch("gate")


def test_a_live_or_held_run_is_found_by_its_id(gated, gate, instance):
    run = gated.launch(instance=instance, run_id="run-one")
    assert find(Run, "run-one") is run
    gate.set()
    run.wait(WAIT)
    assert find(Run, "run-one") is run


def test_lines_of_a_cell_that_logs_meanwhile_are_not_the_runs(gated, gate, instance):
    from jobnb import get_jobnb_logger

    run = gated.launch(instance=instance)
    until(lambda: run.current_step == "second")
    get_jobnb_logger().warning("said by a cell")
    gate.set()
    run.wait(WAIT)
    assert [e.text for e in run.events() if isinstance(e, Logged)] == []
    assert logging.getLogger("jobnb").handlers == []


def test_a_launch_on_another_executor_finds_the_steps_that_the_last_one_has_planned():
    @op
    def one() -> int:
        return 1

    @job
    def planned():
        one()

    with Instance.ephemeral() as instance:
        first, second = (
            planned.launch(instance=instance, executor="threads").wait(60) for _ in range(2)
        )
        other = planned.launch(instance=instance, executor="in_process").wait(60)
    assert first.plan.steps is second.plan.steps
    assert other.state.where == ""
    assert first.state.where == "threads"


def test_a_failure_is_shown_without_the_frames_between_who_waits_and_the_step(instance):
    @op
    def broken():
        raise ValueError("no rows")

    @job
    def daily():
        broken()

    async def waits():
        return await session.launch("daily", instance=instance)

    session = Session().add(daily)
    for wait in (
        lambda: asyncio.run(waits()),
        lambda: session.launch("daily", instance=instance).result(),
    ):
        with pytest.raises(ValueError, match="no rows") as caught:
            wait()
        shown = [
            frame.f_code.co_name
            for frame, _ in walk_tb(caught.value.__traceback__)
            if "__tracebackhide__" not in frame.f_locals
        ]
        assert not {"__await__", "result", "_raise_failure"} & {*shown[:-1]}
        assert shown[-1] == "broken"
