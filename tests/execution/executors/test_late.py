"""Short steps go to a worker several at once; one that takes long does not hold up the others."""

from __future__ import annotations

import random
import threading
import time

import pytest

from jobnb import DynamicOut, DynamicOutput, job, mem_io_manager, op
from jobnb.execution.executors import attempt_queue
from jobnb.execution.executors.attempt_queue import AttemptQueue
from jobnb.execution.executors.worker_pool import Attempt
from jobnb.execution.frontier import Unit
from tests.execution.executors.test_matrix import launched, states

IN_MEMORY = {"io_manager": mem_io_manager}
COUNT, LONG = 120, 40


@pytest.fixture
def side_by_side(executor):
    if executor == "in_process":
        pytest.skip("its steps run one after the other")
    return executor


def test_what_waits_behind_a_long_step_is_executed_by_others(side_by_side, instance, trace):
    @op(out=DynamicOut())
    def spread():
        for n in range(COUNT):
            yield DynamicOutput(n, f"k{n}")

    @op
    def short_but_one(n):
        deadline = time.monotonic() + 30
        while n == LONG and len(trace.lines) < COUNT - 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        return n

    @op
    def then(n):
        trace(n)

    @job(resource_defs=IN_MEMORY)
    def mapped():
        spread().map(short_but_one).map(then)

    run = launched(mapped, instance, side_by_side)
    assert run.result().success
    # All others, and what follows on them, had ended before it.
    assert trace.lines[-1] == str(LONG)
    assert sorted(map(int, trace.lines)) == list(range(COUNT))


def attempts(count):
    return [Attempt(Unit(number)) for number in range(count)]


def test_nothing_is_taken_away_from_a_task_that_no_worker_has_begun(monkeypatch):
    monkeypatch.setattr(attempt_queue, "LATE", 0.0)
    queue = AttemptQueue(attempts(3))
    assert queue.take_late() == []
    assert queue.next() == attempts(3)[0]
    assert queue.take_late() == attempts(3)[1:]
    assert queue.take_late() == []
    assert queue.next() is None


def test_each_attempt_goes_to_the_worker_or_is_taken_away(monkeypatch):
    monkeypatch.setattr(attempt_queue, "LATE", 0.0)
    chance = random.Random(11)
    for _ in range(300):
        queue, taken = AttemptQueue(attempts(20)), []
        moments = sorted(chance.choices(range(20), k=3))

        def take(queue=queue, taken=taken):
            taken += queue.take_late()

        executed, others = [], []
        while (attempt := queue.next()) is not None:
            executed.append(attempt)
            if moments and len(executed) > moments[0]:
                moments.pop(0)
                others.append(threading.Thread(target=take))
                others[-1].start()
        for other in others:
            other.join()
        assert sorted(executed + taken) == attempts(20)


def test_no_run_hangs_whenever_attempts_are_taken_away(side_by_side, instance, monkeypatch, trace):
    """Of threads they are taken at all times here; of processes, at random ones."""
    monkeypatch.setattr(attempt_queue, "LATE", 0.0)

    @op(out=DynamicOut())
    def spread():
        for n in range(60):
            yield DynamicOutput(n, f"k{n}")

    @op
    def uneven(n):
        chance = random.Random(n)
        if chance.random() < 0.1:
            time.sleep(chance.random() * 0.12)
        return n

    @op
    def total(ns: list):
        trace(sum(ns))

    @job(resource_defs=IN_MEMORY)
    def mapped():
        total(spread().map(uneven).map(uneven.alias("again")).collect())

    for number in range(3):
        run = launched(mapped, instance, side_by_side)
        assert run.result().success
        assert list(states(run).values()).count("succeeded") == 1 + 60 + 60 + 1
        assert trace.lines == [str(sum(range(60)))] * (number + 1)
