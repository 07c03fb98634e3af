"""Canceling: between steps, within one, while waiting; what was opened is closed, once."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobnb import Instance, RetryPolicy, Run, graph, job, op, resource
from jobnb.events import RunCanceled, RunCanceling, RunSucceeded
from jobnb.execution.task import RunCanceledError, cancel_all, running

WAIT = 30.0


@pytest.fixture
def instance():
    with Instance.ephemeral() as made:
        yield made
        assert cancel_all(timeout=WAIT)


def until(true):
    deadline = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.005)


def ends(run):
    return [e for e in run.events() if isinstance(e, (RunCanceling, RunCanceled, RunSucceeded))]


def test_a_loop_of_python_is_broken(instance):
    @op
    def first():
        return 1

    @op
    def forever(first):
        while True:
            pass

    @op
    def last(forever):
        raise AssertionError("it must not run")

    @job
    def endless():
        last(forever(first()))

    run = endless.launch(instance=instance)
    until(lambda: run.current_step == "forever")
    assert run.cancel() is True
    assert run.wait(WAIT).status == "CANCELED"
    assert [type(event) for event in ends(run)] == [RunCanceling, RunCanceled]
    steps = {key: step.status.value for key, step in run.state.steps.items()}
    assert steps == {"first": "succeeded", "forever": "canceled", "last": "canceled"}
    assert instance.get_run_by_id(run.run_id).is_canceled
    with pytest.raises(RunCanceledError, match="'endless' did not come to its end"):
        run.result()
    assert run.result(raise_on_error=False).output_for_node("first") == 1


def test_a_step_that_waits_in_c_comes_to_its_end_first(instance):
    release, began = threading.Event(), threading.Event()

    @op
    def waiting():
        began.set()
        release.wait(WAIT)
        return 1

    @op
    def next_one(waiting):
        raise AssertionError("it must not run")

    @job
    def daily():
        next_one(waiting())

    run = daily.launch(instance=instance)
    assert began.wait(WAIT)
    run.cancel()
    assert (run.status, run.is_finished) == ("CANCELING", False)
    release.set()
    assert run.wait(WAIT).status == "CANCELED"


def test_the_wait_before_a_retry_is_cut_short(instance):
    @op(retry_policy=RetryPolicy(max_retries=3, delay=600))
    def flaky():
        raise ValueError("again")

    @job
    def daily():
        flaky()

    run = daily.launch(instance=instance)
    until(lambda: run.state.steps and run.state.steps["flaky"].status.value == "retrying")
    run.cancel()
    assert run.wait(WAIT).status == "CANCELED"


def test_a_coroutine_is_canceled(instance):
    cleaned = []

    @op
    async def waiting():
        try:
            await asyncio.sleep(600)
        finally:
            cleaned.append("up")

    @job
    def daily():
        waiting()

    run = daily.launch(instance=instance)
    until(lambda: run.current_step == "waiting")
    run.cancel()
    assert run.wait(WAIT).status == "CANCELED"
    assert cleaned == ["up"]


def opened(log):
    @resource
    def outer(_):
        log.append("open outer")
        try:
            yield "outer"
        finally:
            # It takes a while, and nothing interrupts it.
            for _ in range(20):
                time.sleep(0.005)
            log.append("close outer")

    @resource(required_resource_keys={"outer"})
    def inner(_):
        log.append("open inner")
        yield "inner"
        log.append("close inner")

    return {"outer": outer, "inner": inner}


def test_resources_are_closed_once_and_in_order_however_often_it_is_canceled(instance):
    log: list[str] = []

    @op(required_resource_keys={"inner"})
    def forever():
        while True:
            time.sleep(0.001)

    @job(resource_defs=opened(log))
    def daily():
        forever()

    run = daily.launch(instance=instance)
    until(lambda: run.current_step == "forever")
    while not run.is_finished:
        run.cancel()
    assert log == ["open outer", "open inner", "close inner", "close outer"]
    assert [type(event) for event in ends(run)] == [RunCanceling, RunCanceled]
    assert run.cancel() is False


def test_a_resource_that_opens_forever_can_be_canceled(instance):
    log: list[str] = []

    @resource
    def endless(_):
        log.append("opening")
        while True:
            time.sleep(0.001)

    @op(required_resource_keys={"endless", "inner"})
    def never():
        raise AssertionError("it must not run")

    @job(resource_defs={**opened(log), "endless": endless})
    def daily():
        never()

    run = daily.launch(instance=instance)
    until(lambda: "opening" in log)
    run.cancel()
    assert run.wait(WAIT).status == "CANCELED"
    assert log.count("open outer") == log.count("close outer")
    assert log.count("open inner") == log.count("close inner")


def test_user_code_that_swallows_the_interrupt_stops_at_the_next_step(instance):
    began = threading.Event()

    @op
    def stubborn():
        began.set()
        try:
            while True:
                time.sleep(0.001)
        except BaseException:
            return 1

    @op
    def after(stubborn):
        raise AssertionError("it must not run")

    @job
    def daily():
        after(stubborn())

    run = daily.launch(instance=instance)
    assert began.wait(WAIT)
    run.cancel()
    assert run.wait(WAIT).status == "CANCELED"
    assert run.state.steps["stubborn"].status.value == "succeeded"


def test_clean_up_of_a_step_is_not_interrupted_by_the_same_cancel(instance):
    began, cleaned = threading.Event(), []

    @op
    def careful():
        try:
            began.set()
            while True:
                time.sleep(0.001)
        finally:
            for _ in range(40):
                time.sleep(0.005)  # as long as several looks of the notifier
            cleaned.append("all")

    @job
    def daily():
        careful()

    run = daily.launch(instance=instance)
    assert began.wait(WAIT)
    run.cancel()
    assert run.wait(WAIT).status == "CANCELED"
    assert cleaned == ["all"]


def test_canceling_at_any_moment_leaves_a_whole_log(home):
    """Races: whenever it comes, the run ends in one named state and the log is as it was told."""

    @op
    def one():
        return 1

    @op
    def add(x):
        return x + 1

    @job
    def chain():
        value = one()
        for _ in range(40):
            value = add(value)

    with Instance.from_home(home) as kept:
        statuses = set()
        for number in range(30):
            run = chain.launch(instance=kept)
            time.sleep(number / 3000)
            run.cancel()
            statuses.add(run.wait(WAIT).status)
            assert run._error is None
            assert kept.events(run.run_id) == run.events()
            assert kept.get_run_by_id(run.run_id).status.value == run.status
    assert statuses <= {"CANCELED", "SUCCESS"}
    assert "CANCELED" in statuses


def test_canceling_within_pools_and_logging_leaves_no_lock_behind(instance, tmp_path):
    """An interrupt that came while a thread starts or a lock is taken would hang everything."""
    logger = logging.getLogger("canceled")
    logger.propagate = False
    logger.addHandler(logging.FileHandler(tmp_path / "log"))

    @op
    def pools():
        while True:
            with ThreadPoolExecutor(2) as pool:
                for _ in range(5):
                    pool.submit(int, 3).result()

    @op
    def logs():
        while True:
            logger.warning("again")

    @op
    def waits():
        event = threading.Event()
        while True:
            event.wait(0.0001)

    @graph
    def pooling():
        pools()

    @graph
    def logging_lines():
        logs()

    @graph
    def waiting():
        waits()

    jobs = [each.to_job() for each in (pooling, logging_lines, waiting)]
    for number in range(24):
        run = jobs[number % 3].launch(instance=instance)
        time.sleep(number / 3000)
        run.cancel()
        assert run.wait(WAIT).status == "CANCELED"
    logger.warning("its handler's lock is free")
    logger.handlers.pop().close()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(int, 3).result(WAIT) == 3


def test_canceling_one_run_leaves_the_others(instance):
    release = threading.Event()

    @op
    def wait():
        while not release.is_set():
            time.sleep(0.001)
        return 1

    @job
    def daily():
        wait()

    runs = [daily.launch(instance=instance) for _ in range(3)]
    until(lambda: all(run.current_step == "wait" for run in runs))
    runs[1].cancel()
    assert runs[1].wait(WAIT).status == "CANCELED"
    assert not runs[0].is_finished
    assert not runs[2].is_finished
    release.set()
    assert [run.wait(WAIT).status for run in runs] == ["SUCCESS", "CANCELED", "SUCCESS"]


def test_all_runs_of_the_process_are_canceled_with_a_reason(instance):
    @op
    def forever():
        while True:
            time.sleep(0.001)

    @job
    def daily():
        forever()

    runs = [daily.launch(instance=instance) for _ in range(2)]
    assert cancel_all(timeout=WAIT, reason="We close.") is True
    assert [run.status for run in runs] == ["CANCELED", "CANCELED"]
    assert runs[0].state.error.message == "We close."
    assert running(Run) == []
    with pytest.raises(RunCanceledError, match=r"We close\."):
        runs[0].result()


def test_a_stuck_run_is_closed_from_outside_when_the_process_ends(instance):
    log: list[str] = []
    release, began = threading.Event(), threading.Event()

    @op(required_resource_keys={"inner"})
    def stuck():
        began.set()
        release.wait(WAIT)

    @job(resource_defs=opened(log))
    def daily():
        stuck()

    run = daily.launch(instance=instance)
    assert began.wait(WAIT)
    run.cancel()
    run.abandon("We close.")
    assert log == ["open outer", "open inner", "close inner", "close outer"]
    assert instance.get_run_by_id(run.run_id).is_canceled
    assert run.state.error.message == "We close."
    release.set()
    assert run.wait(WAIT).status == "CANCELED"
    assert log.count("close outer") == 1


_PROFILED = """
import sys, time
from jobnb import Instance, job, op

@op
def slow():
    time.sleep(0.3)

@job
def sleepy():
    slow()

with Instance.ephemeral() as instance:
    for _ in range(3):
        run = sleepy.launch(instance=instance)
        while run.current_step != "slow":
            time.sleep(0.01)
        run.cancel()
        run.wait(20)
seen = 0
def count(frame, event, arg):
    global seen
    seen += 1
sys.setprofile(count)
sleepy.execute_in_process()
sys.setprofile(None)
print("profiled", seen > 100)
"""


def test_after_a_cancel_the_process_can_be_profiled():
    done = subprocess.run(
        [sys.executable, "-c", _PROFILED], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "profiled True"
