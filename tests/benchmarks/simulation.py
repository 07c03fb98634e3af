"""The real coordinator and frontier, with workers and a clock that are made up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from random import Random
from typing import Any
from unittest.mock import patch

from jobnb import DynamicOut, Instance, RetryPolicy, job, op
from jobnb.errors import WorkerLostError
from jobnb.execution.executors.coordinator import Coordinator
from jobnb.execution.executors.worker_pool import AttemptResult, AttemptStatus, WorkerTask
from jobnb.execution.start import open_run
from jobnb.plan.build import build_plan

__all__ = ["Simulation", "simulation"]

DEPTH = 9  # mapped steps for each element, one after the other


class Workers:
    """A worker pool whose workers take random virtual times, fail now and then, and are lost.

    Attributes:
        done: How many tasks have ended.
        idle: How often a worker had nothing to do while a step was ready.
        clock: The virtual time, in seconds.
    """

    title, shares_resources = "simulated workers", False
    short = chunk = 0.0  # nothing is fused

    def __init__(self, run: Any, places: int, elements: int, random: Random) -> None:
        self.run, self.places, self._elements, self._random = run, places, elements, random
        self.coordinator: Any = None
        self.clock = 0.0
        self.done = self.idle = 0
        self._ends: list[tuple[float, int, WorkerTask]] = []

    def begin(self) -> None:
        """Nothing to get ready."""

    def fuses(self, step: Any) -> bool:
        return False

    def has_begun(self, task: int) -> bool:
        return True

    def submit(self, task: WorkerTask) -> None:
        took = self._random.expovariate(1.0)
        heappush(self._ends, (self.clock + took, task.number, task))

    def wait(self, seconds: float) -> list[AttemptResult]:
        """The next end, or the moment until which the coordinator waits."""
        free = self.places - len(self._ends)
        if free > 0 and self.coordinator._frontier.ready_count:
            self.idle += 1
        if not self._ends or self._ends[0][0] > self.clock + seconds:
            self.clock += seconds
            return []
        self.clock, _, task = heappop(self._ends)
        self.done += 1
        return [self._outcome(task)]

    def _outcome(self, task: WorkerTask) -> AttemptResult:
        (attempt,) = task.attempts
        chance = self._random.random()
        if attempt.unit.mapping_key is None or chance < 0.96:
            return AttemptResult(
                task.number, attempt, AttemptStatus.SUCCEEDED, 1.0, values=self._values(attempt)
            )
        if chance < 0.98:
            return AttemptResult(task.number, attempt, AttemptStatus.RETRY, 1.0, wait=2.0)
        if chance < 0.99:
            return AttemptResult(
                task.number, attempt, AttemptStatus.LOST, error=WorkerLostError("It is gone.")
            )
        return AttemptResult(task.number, attempt, AttemptStatus.FAILED, error=ValueError("no"))

    def _values(self, attempt: Any) -> dict[int, Any]:
        (out,) = self.run.plan.steps[attempt.unit.step].outputs
        if out.definition.is_dynamic:
            return {out.slot: {f"k{n}": n for n in range(self._elements)}}
        return {out.slot: 1}

    def stop(self, task: int, reason: str, *, is_failure: bool) -> None:
        """Nothing is stopped here."""

    def is_stuck(self, task: int) -> bool:
        return False

    def place_of(self, task: int) -> str:
        return ""

    def close(self) -> None:
        """Nothing to close."""


class Simulation:
    """A run of many steps on many made-up workers.

    Args:
        coordinator: Has them do the steps.
        workers: They.
    """

    def __init__(self, coordinator: Coordinator, workers: Workers) -> None:
        self._coordinator, self.workers = coordinator, workers
        workers.coordinator = coordinator

    def run(self) -> None:
        """Run all of it, in virtual time."""
        with patch("jobnb.execution.executors.coordinator.now", self._now):
            for _ in self._coordinator.turns():
                pass

    def _now(self) -> float:
        return self.workers.clock


@contextmanager
def simulation(elements: int, places: int) -> Iterator[Simulation]:
    """A run of `elements` times `DEPTH` steps on so many workers, ready to be run."""

    @op(out=DynamicOut())
    def spread() -> Any:
        raise NotImplementedError

    @op(retry_policy=RetryPolicy(max_retries=3))
    def one(x: int) -> int:
        raise NotImplementedError

    @job
    def mapped() -> None:
        def all_of_them(x: Any) -> Any:
            for n in range(DEPTH):
                x = one.alias(f"one_{n}")(x)
            return x

        spread().map(all_of_them)

    with Instance.ephemeral() as instance:
        run = open_run(build_plan(mapped), instance, tags={})
        run.append = _drop
        workers = Workers(run, places, elements, Random(2013))
        yield Simulation(Coordinator(run, workers, {}), workers)


def _drop(event: Any) -> None:
    """Nobody reads it."""
