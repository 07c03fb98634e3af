"""Trying a step again: how often, after what wait, and who says so."""

from __future__ import annotations

import threading
import time

import pytest

from jobnb import (
    Backoff,
    Failure,
    Jitter,
    RetryPolicy,
    RetryRequested,
    executor,
    in_process_executor,
    job,
    multi_or_in_process_executor,
    op,
)
from tests.execution.told import kinds, of_kind


@pytest.fixture
def slept(monkeypatch):
    """The waits between attempts, instead of waiting; other threads sleep as they did."""
    waits: list[float] = []
    sleep, mine = time.sleep, threading.current_thread()

    def noted(seconds):
        if threading.current_thread() is mine:
            waits.append(seconds)
        else:
            sleep(seconds)

    monkeypatch.setattr(time, "sleep", noted)
    return waits


def retried(result, step):
    return [e.wait for e in of_kind(result, "STEP_UP_FOR_RETRY", step)]


def test_a_policy_waits_longer_each_time(slept):
    @op(retry_policy=RetryPolicy(max_retries=3, delay=3, backoff=Backoff.EXPONENTIAL))
    def shaky(context):
        if context.retry_number < 2:
            raise ValueError("not yet")
        return context.retry_number

    @job
    def single():
        shaky()

    result = single.execute_in_process()
    assert result.output_for_node("shaky") == 2
    assert retried(result, "shaky") == slept == [3.0, 9.0]
    assert result.retry_attempts_for_node("shaky") == 2
    assert kinds(result, "shaky") == [
        "STEP_START",
        "STEP_UP_FOR_RETRY",
        "STEP_RESTARTED",
        "STEP_UP_FOR_RETRY",
        "STEP_RESTARTED",
        "STEP_OUTPUT",
        "HANDLED_OUTPUT",
        "STEP_SUCCESS",
    ]


def test_jitter_stays_within_the_wait(slept):
    @op(retry_policy=RetryPolicy(max_retries=20, delay=4, jitter=Jitter.FULL))
    def shaky():
        raise ValueError("never")

    @job
    def single():
        shaky()

    single.execute_in_process(raise_on_error=False)
    assert len(slept) == 20
    assert all(0 <= wait <= 4 for wait in slept)
    assert len(set(slept)) > 1


def test_the_jobs_policy_holds_for_ops_without_one(slept):
    calls = []

    @op
    def without():
        calls.append("without")
        raise ValueError("no")

    @op(retry_policy=RetryPolicy(max_retries=0))
    def own():
        calls.append("own")
        raise ValueError("no")

    @job(op_retry_policy=RetryPolicy(max_retries=1, delay=5))
    def both():
        without()
        own()

    both.execute_in_process(raise_on_error=False)
    assert calls == ["without", "without", "own"]
    assert slept == [5.0]


def test_an_op_asks_for_its_own_retry_and_gives_up_with_its_cause(slept):
    calls = []

    @op
    def asks():
        calls.append(1)
        raise RetryRequested(max_retries=2, seconds_to_wait=7) from KeyError("the cause")

    @job
    def single():
        asks()

    result = single.execute_in_process(raise_on_error=False)
    assert (len(calls), slept) == (3, [7, 7])
    assert result.failure_data_for_node("asks").error.cause.cls_name == "KeyError"


def test_a_failure_may_forbid_retries(slept):
    calls = []

    @op(retry_policy=RetryPolicy(max_retries=3))
    def final():
        calls.append(1)
        raise Failure("give up", allow_retries=False)

    @job
    def single():
        final()

    single.execute_in_process(raise_on_error=False)
    assert len(calls) == 1


DISABLED, ENABLED = {"retries": {"disabled": {}}}, {"retries": {"enabled": {}}}


@executor(config_schema={"retries": {"disabled": {}}})
def cluster(_context): ...


@pytest.mark.parametrize(
    ("executor_def", "config", "attempts"),
    [
        (in_process_executor, DISABLED, 1),
        (in_process_executor, ENABLED, 3),
        (in_process_executor, {}, 3),
        (multi_or_in_process_executor, {"in_process": DISABLED}, 1),
        (multi_or_in_process_executor, {"multiprocess": DISABLED}, 1),
        (multi_or_in_process_executor, {"multiprocess": ENABLED}, 3),
        (cluster, DISABLED, 3),
    ],
)
@pytest.mark.parametrize("asks", [True, False])
def test_the_config_of_the_executor_can_forbid_retries(executor_def, config, attempts, asks):
    tried = []

    @op(retry_policy=None if asks else RetryPolicy(max_retries=2))
    def shaky(context):
        tried.append(context.retry_number)
        if asks:
            raise RetryRequested(max_retries=2) from ValueError("no")
        raise ValueError("no")

    @job(executor_def=executor_def)
    def single():
        shaky()

    given = {"execution": {"config": config}}
    result = single.execute_in_process(run_config=given, raise_on_error=False)
    assert tried == list(range(attempts))
    assert len(retried(result, "shaky")) == attempts - 1
    assert result.is_node_failed("shaky")
