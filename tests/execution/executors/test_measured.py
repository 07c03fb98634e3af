"""What a step takes is measured, wherever it runs."""

from __future__ import annotations

import asyncio
import mmap
import subprocess
import sys
import time

import pytest

from jobnb import Instance, RetryPolicy, fold, job, op
from jobnb.execution import resource_usage
from jobnb.execution.resource_usage import Meter

pytestmark = pytest.mark.timeout(180)

TAKES, GROWS = 0.06, 30_000_000
SIDE_BY_SIDE = ("threads", "async")  # steps share one process


def compute():
    end = time.thread_time() + TAKES
    while time.thread_time() < end:
        pass


@op
def computes():
    compute()


@op
def grows():
    # Memory of its own: other memory may have been had, and freed, by a test before.
    with mmap.mmap(-1, GROWS) as kept:
        for place in range(0, GROWS, mmap.PAGESIZE):
            kept[place] = 1  # so that it is there
        time.sleep(0.01)


@op
async def awaits():
    await asyncio.sleep(0.01)
    compute()
    await asyncio.sleep(0.01)


@op
def fails():
    compute()
    raise ValueError("after all that")


@op(retry_policy=RetryPolicy(max_retries=1))
def fails_at_first(context):
    if context.retry_number == 0:
        compute()
        raise ValueError("the first time")
    time.sleep(0.02)


@op
def is_short():
    return 1


@job
def measured():
    computes()
    grows()
    awaits()
    fails()
    fails_at_first()
    is_short()


def test_every_executor_tells_what_steps_took(executor, instance):
    run = measured.launch(instance=instance, executor=executor).wait(120)
    steps = fold(instance.events(run.run_id)).steps
    for key in ("computes", "awaits", "fails"):
        assert steps[key].cpu >= 0.9 * TAKES, key
        assert steps[key].memory > 1_000_000
        assert steps[key].growth <= steps[key].memory
    if executor not in SIDE_BY_SIDE:  # there, what another step frees meanwhile counts, too
        assert steps["grows"].growth >= 0.9 * GROWS
    assert steps["fails_at_first"].attempts == 2
    assert steps["fails_at_first"].cpu is not None
    assert steps["fails_at_first"].cpu < steps["fails_at_first"].seconds


def test_a_short_step_is_not_measured():
    @job
    def short():
        is_short()

    with Instance.ephemeral() as instance:
        for _ in range(20):  # one that the machine held up for long is measured
            result = short.execute_in_process(instance=instance)
            (ended,) = result.get_step_success_events()
            if ended.seconds < 0.005:
                assert (ended.cpu, ended.memory, ended.growth) == (None, None, None)
                return
    pytest.fail("no step was short")


def test_the_time_of_child_processes_is_that_of_their_step():
    @op
    def asks_another():
        program = f"import time\nwhile time.process_time() < {TAKES}: pass"
        subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)

    @job
    def asking():
        asks_another()

    with Instance.ephemeral() as instance:
        run = asking.launch(instance=instance, executor="multiprocess").wait(60)
        assert run.state.steps["asks_another"].cpu >= 0.5 * TAKES  # told in ticks of 10 ms


def test_where_the_memory_cannot_be_read_the_time_is_told(monkeypatch):
    monkeypatch.setattr(resource_usage, "_STATUS", "/no/such/file")
    monkeypatch.setattr(resource_usage, "_told_by_psutil", lambda: 0)
    monkeypatch.setattr(resource_usage._memory, "now", 0)
    meter = Meter()
    meter.begin(time.time())
    compute()
    took = meter.end(time.time())
    assert took.cpu >= 0.9 * TAKES
    assert (took.memory, took.growth) == (None, None)


def test_psutil_tells_the_memory_where_the_system_has_no_such_file(monkeypatch):
    monkeypatch.setattr(resource_usage, "_STATUS", "/no/such/file")
    meter = Meter()
    meter.begin(time.time())
    compute()
    assert meter.end(time.time()).memory > 1_000_000


def test_steps_side_by_side_are_not_told_of_each_others_time():
    one, other = Meter(), Meter()
    one.begin(time.time())
    other.begin(time.time())
    compute()
    assert other.end(time.time()).cpu >= 0.9 * TAKES
    beside = one.end(time.time())  # this thread's own: it is the same one here
    assert beside.cpu >= 0.9 * TAKES
    assert one.end(time.time()).cpu is None  # it is told once
