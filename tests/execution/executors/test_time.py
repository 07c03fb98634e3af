"""Time-outs of steps and runs, retries that wait, and runs that are repeated by themselves."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest

from jobnb import (
    Instance,
    InvalidDefinitionError,
    RetryPolicy,
    RunStatus,
    StepTimeoutError,
    execute_job,
    in_process_executor,
    job,
    mem_io_manager,
    op,
    thread_executor,
)
from jobnb.execution.executors.threads import ThreadWorkerPool
from tests.execution.executors.test_matrix import launched, states


@op
def one():
    return 1


@op
def plus_one(x):
    return x + 1


@op(tags={"dagster/step_timeout": "0.3"})
def slow():
    for _ in range(1000):
        time.sleep(0.02)


@job
def late():
    plus_one(slow())
    plus_one.alias("other")(one())


def test_a_step_that_takes_too_long_fails(executor, instance):
    run = launched(late, instance, executor)
    assert states(run) == {
        "slow": "failed",
        "plus_one": "skipped",
        "one": "succeeded",
        "other": "succeeded",
    }
    with pytest.raises(StepTimeoutError, match=r"'slow' took longer than 0\.3 s"):
        run.result()


def test_it_is_tried_again_as_its_policy_says(executor, instance):
    @op(tags={"dagster/step_timeout": "0.3"}, retry_policy=RetryPolicy(max_retries=1))
    def slow_once(context):
        if not context.retry_number:
            for _ in range(1000):
                time.sleep(0.02)
        return "in time"

    @job
    def trying():
        slow_once()

    result = launched(trying, instance, executor).result()
    assert result.output_for_node("slow_once") == "in time"
    assert result.retry_attempts_for_node("slow_once") == 1


def test_the_executor_says_it_of_all_steps():
    @op
    def loops():
        while True:
            pass

    @job
    def endless():
        loops()
        one()

    for kind in (in_process_executor, thread_executor):
        given = kind.configured({"step_timeout": 0.2})
        with Instance.ephemeral() as instance:
            run = launched(endless, instance, given)
            assert states(run) == {"loops": "failed", "one": "succeeded"}


def test_while_the_caller_waits_in_the_main_thread():
    timed = late.with_executor_def(in_process_executor)
    with Instance.ephemeral() as instance:
        began = time.monotonic()
        result = execute_job(timed, instance)
        assert time.monotonic() - began < 5
        assert result.get_failed_step_keys() == {"slow"}
        assert result.is_node_success("other")


@pytest.mark.parametrize("text", ["soon", "0", "-1"])
def test_a_time_out_that_is_no_number_is_refused(text):
    @op(tags={"dagster/step_timeout": text})
    def odd():
        return 1

    @job
    def alone():
        odd()

    for kind in ("in_process", "threads"):
        with (
            Instance.ephemeral() as instance,
            pytest.raises(InvalidDefinitionError, match="number of seconds above 0"),
        ):
            launched(alone, instance, kind).result()


def test_a_run_that_takes_too_long_fails(executor, instance):
    @op
    def forever():
        for _ in range(1000):
            time.sleep(0.02)

    @job
    def endless():
        plus_one(forever())

    run = launched(endless, instance, executor, tags={"dagster/max_runtime": "0.4"})
    assert run.status == "FAILURE"
    with pytest.raises(Exception, match=r"longer than 0\.4 s"):
        run.result()


def test_a_retry_that_waits_holds_no_worker(instance):
    @op(retry_policy=RetryPolicy(max_retries=1, delay=0.6))
    def shaky(context):
        if not context.retry_number:
            raise ValueError("not yet")

    @op
    def short():
        time.sleep(0.1)

    @job
    def four():
        shaky()
        for n in range(4):
            short.alias(f"n{n}")()

    one_thread = thread_executor.configured({"max_concurrent": 1})
    began = time.monotonic()
    run = launched(four, instance, one_thread)
    assert run.status == "SUCCESS"
    assert time.monotonic() - began < 0.95  # and not 0.6 + 0.4
    order = [e.step_key for e in run.events() if e.event_type_value == "STEP_SUCCESS"]
    assert order[-1] == "shaky"


def test_a_retry_that_finds_no_place_waits_without_working(instance, monkeypatch):
    @op(retry_policy=RetryPolicy(max_retries=1, delay=0.05))
    def shaky(context):
        if not context.retry_number:
            raise ValueError("not yet")

    @op
    def long():
        time.sleep(1.0)

    @job
    def two():
        shaky()
        long()

    looks = []
    wait = ThreadWorkerPool.wait
    monkeypatch.setattr(
        ThreadWorkerPool, "wait", lambda self, s: (looks.append(s), wait(self, s))[1]
    )
    one_thread = thread_executor.configured({"max_concurrent": 1})
    assert launched(two, instance, one_thread).status == "SUCCESS"
    assert len(looks) < 100


# --- runs that are repeated by themselves --------------------------------------------


def retried(run):
    found = [run]
    deadline = time.monotonic() + 30
    while found[-1].retried_by is not None:
        assert time.monotonic() < deadline
        found.append(found[-1].retried_by.wait(30))
    return found


def test_a_failed_run_is_repeated_from_where_it_failed(instance, trace):
    @op
    def start():
        trace("start")
        return 1

    @op
    def shaky(x):
        trace("shaky")
        if len(trace.lines) < 4:
            raise ValueError("not yet")
        return x

    @job(tags={"dagster/max_retries": "3"})
    def trying():
        shaky(start())

    runs = retried(trying.launch(instance=instance).wait(30))
    assert [run.status for run in runs] == ["FAILURE", "FAILURE", "SUCCESS"]
    assert trace.lines == ["start", "shaky", "shaky", "shaky"]
    last = runs[-1].record
    assert last.tags["dagster/retry_number"] == "2"
    assert last.parent_run_id == runs[1].run_id
    assert last.root_run_id == runs[0].run_id


def test_all_of_it_where_the_tag_says_so(instance, trace):
    @op
    def start():
        trace("start")
        return 1

    @op
    def never(x):
        raise ValueError("never")

    @job(tags={"dagster/max_retries": 2, "dagster/retry_strategy": "ALL_STEPS"})
    def trying():
        never(start())

    runs = retried(trying.launch(instance=instance, executor="threads").wait(30))
    assert [run.status for run in runs] == ["FAILURE"] * 3
    assert trace.lines == ["start"] * 3


def test_a_canceled_run_is_not_repeated(instance):
    @op
    def forever():
        for _ in range(1000):
            time.sleep(0.02)

    @job(tags={"dagster/max_retries": 2})
    def endless():
        forever()

    run = endless.launch(instance=instance)
    while run.current_step != "forever":
        time.sleep(0.01)
    run.cancel()
    assert run.wait(10).status == "CANCELED"
    assert run.retried_by is None


# --- code that is not Python's -------------------------------------------------


def test_a_process_that_holds_pythons_lock_is_ended_in_time(instance):
    @op(tags={"dagster/step_timeout": "0.3"})
    def searches():
        return re.match(r"(a+)+$", "a" * 40 + "b")  # takes for ever, and lets nothing else run

    @job
    def work():
        searches()
        one()

    run = work.launch(instance=instance, executor="multiprocess")
    try:
        assert run.wait(30).is_finished
    finally:
        run.cancel()
    assert states(run) == {"searches": "failed", "one": "succeeded"}
    assert "took longer than 0.3 s" in run.state.steps["searches"].error.message


def test_a_call_that_sleeps_ends_in_time_where_the_caller_waits_in_the_main_thread():
    @op(tags={"dagster/step_timeout": "0.2"}, retry_policy=RetryPolicy(max_retries=1))
    def sleeps():
        time.sleep(30)

    @job(executor_def=in_process_executor)
    def work():
        sleeps()
        one()

    with Instance.ephemeral() as instance:
        began = time.monotonic()
        result = execute_job(work, instance)
        assert time.monotonic() - began < 5
        assert result.get_failed_step_keys() == {"sleeps"}
        assert result.retry_attempts_for_node("sleeps") == 1
        assert result.is_node_success("one")


def test_a_time_out_that_comes_as_the_step_ends_is_no_interrupt():
    @op(tags={"dagster/step_timeout": "0.01"})
    def just():
        time.sleep(0.01)

    # In memory: an interrupt as a file is opened would leave it to be closed by itself.
    @job(executor_def=in_process_executor, resource_defs={"io_manager": mem_io_manager})
    def work():
        for number in range(30):
            just.alias(f"just_{number}")()
        one()

    with Instance.ephemeral() as instance:
        result = execute_job(work, instance)
        assert result.run.status in (RunStatus.SUCCESS, RunStatus.FAILURE)
        assert result.is_node_success("one")


def test_a_call_that_sleeps_is_ended_or_left_behind_in_time(executor, instance):
    if executor == "in_process":
        pytest.skip("no other thread does the other steps")
    here = executor in ("threads", "async")  # where what is left behind stays with other tests
    seconds = 20 if here else 90

    @op(tags={"dagster/step_timeout": "0.2"}, retry_policy=RetryPolicy(max_retries=1))
    def sleeps():
        time.sleep(seconds)

    @job
    def work():
        sleeps()
        for number in range(4):
            one.alias(f"one_{number}")()

    run = work.launch(instance=instance, executor=executor)
    try:
        assert run.wait(seconds - 2).is_finished
    finally:
        run.cancel()
    told = states(run)
    assert told.pop("sleeps") == "failed"
    assert set(told.values()) == {"succeeded"}
    assert run.state.steps["sleeps"].attempts == 2
    with pytest.raises(StepTimeoutError, match=r"'sleeps' took longer than 0\.2 s"):
        run.result()


def test_nobody_hears_of_a_thread_that_was_left_behind(instance):
    @op(tags={"dagster/step_timeout": "0.2"})
    def sleeps():
        with suppress(BaseException):  # as code that does not want to stop
            time.sleep(2)
        return 1

    @op
    def stays():
        for _ in range(60):
            time.sleep(0.05)

    @job
    def work():
        sleeps()
        stays()

    run = launched(work, instance, "threads")
    assert states(run) == {"sleeps": "failed", "stays": "succeeded"}
    own = [type(event).__name__ for event in run.events() if event.step_key == "sleeps"]
    assert own == ["StepStarted", "StepFailed"]
    assert any("called at test_time.py" in (event.message or "") for event in run.events())
