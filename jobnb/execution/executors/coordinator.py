"""The coordinator: passes ready units to a worker pool and handles how they ended, nothing else.

It is one loop in the run's thread. Everything that has to be decided is the frontier's; all that
has to be done is the worker pool's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from time import time as now
from typing import Any

from jobnb.definitions.ops.pool import pool_of
from jobnb.errors import StepTimeoutError
from jobnb.events import EngineNote, StepRestarted, StepSkipped, StepStarted
from jobnb.execution import pools
from jobnb.execution.executors.limits import late_words, limits_of, timeout_of
from jobnb.execution.executors.worker_pool import (
    Attempt,
    AttemptResult,
    AttemptStatus,
    WorkerPool,
    WorkerTask,
)
from jobnb.execution.frontier import Frontier, Unit
from jobnb.execution.io import step_key_of
from jobnb.execution.mapped_values import close_empty, let_go, passing_slots, put_in_order
from jobnb.execution.run import MISSING, RunScope
from jobnb.execution.step import StepRunner
from jobnb.execution.stopping import stuck_words

LOOK = 0.05
"""Seconds between two looks at whether the run is to stop."""

_MOST = 200  # attempts of one task

GRACE = 5.0
"""Seconds that steps have to end, once they were told to stop, before they are left behind."""


class Coordinator:
    """Executes the steps of a run on a worker pool.

    Args:
        run: The run.
        workers: The workers that execute them.
        config: The config of the executor.
    """

    def __init__(self, run: RunScope, workers: WorkerPool, config: Mapping[str, Any]) -> None:
        self.run, self.workers = run, workers
        self._steps = run.plan.steps
        self._frontier = Frontier(
            self._steps,
            run.groups,
            given=_given(run),
            elements=run.elements,
            limits=limits_of(config),
        )
        self._limits = {
            index: timeout_of(self._steps[index], config) for group in run.groups for index in group
        }
        self._numbers = 0
        self._tasks: dict[int, list[Attempt]] = {}
        self._attempts: dict[Unit, Attempt] = {}
        self._deadlines: list[tuple[float, int, int, bool]] = []
        self._late: set[int] = set()
        self._took: dict[int, float] = {}  # by op: seconds that its steps take, about
        self._regions = _Regions(run)

    def turns(self) -> Iterator[None]:
        """Run every step, and yield after each look at how they are.

        A stop of the run is raised once all that went on has ended.
        """
        run, workers, began = self.run, self.workers, now()
        told = f"Executing steps on {workers.title}"
        run.append(EngineNote(began, told, where=workers.title, pid=os.getpid()))
        try:
            workers.begin()
            yield from self._go_on()
        except BaseException:
            run.stop.open = False
            self._end_all()
            raise
        finally:
            run.current_key = None
            workers.close()
        took = (now() - began) * 1000
        run.append(EngineNote(now(), f"Finished steps on {workers.title} in {took:.0f}ms"))

    def _go_on(self) -> Iterator[None]:
        frontier, run = self._frontier, self.run
        while True:
            self._tell_followed()
            if frontier.is_done and not self._tasks:
                return
            run.stop.check()
            self._submit()
            for outcome in self.workers.wait(self._pause()):
                self._take_in(outcome)
            self._see_deadlines()
            if now() >= run.run_log.due:
                run.run_log.commit()
            yield

    def _pause(self) -> float:
        """Return how long to wait for a worker's message, at most."""
        pause, at = LOOK, now()
        # A retry that is due and finds no free place waits for one, as all others do.
        if self._frontier.due is not None and len(self._tasks) < self.workers.places:
            pause = min(pause, self._frontier.due - at)
        if self._deadlines:
            pause = min(pause, self._deadlines[0][0] - at)
        return max(pause, 0.0)

    # --- handing over ----------------------------------------------------

    def _submit(self) -> None:
        workers, frontier = self.workers, self._frontier
        while (free := workers.places - len(self._tasks)) > 0:
            units = frontier.take(now(), free)
            if not units:
                return
            for unit in units:
                if self._has_place(unit):
                    self._send(self._chunk(unit))
                else:
                    frontier.retry(unit, now() + pools.LOOK)

    def _chunk(self, unit: Unit) -> list[Unit]:
        """Return a unit, with short ones that follow it or are ready, for the same task."""
        chunk, took = [unit], self._estimate(unit)
        if took is None or took > self.workers.short or not self._may_share(unit):
            return chunk
        room = self.workers.chunk - took
        while room > 0 and len(chunk) < _MOST:
            more = self._frontier.follower(chunk[-1]) or self._another()
            if more is None:
                break
            if not self._may_share(more):
                self._frontier.give_back(more)
                break
            chunk.append(more)
            room -= self._estimate(more) or self.workers.chunk
        return chunk

    def _estimate(self, unit: Unit) -> float | None:
        """Estimate the duration of a unit by others of the same op; None if none has ended."""
        return self._took.get(id(self._steps[unit.step].op))

    def _another(self) -> Unit | None:
        """Return another unit that is ready, if there are more than the workers have places for."""
        if self._frontier.ready_count <= self.workers.places - len(self._tasks):
            return None
        taken = self._frontier.take(now(), 1)
        return taken[0] if taken else None

    def _may_share(self, unit: Unit) -> bool:
        """Whether a unit may be one of several in a task: not one that is timed."""
        step = self._steps[unit.step]
        if self.run.pools is not None and pool_of(step.tags) is not None:
            return False
        return self._limits[unit.step] is None and self.workers.fuses(step)

    def _has_place(self, unit: Unit) -> bool:
        """Whether a unit has its place in its pool, if it needs one; others go before it."""
        own = self.run.pools
        return own is None or own.claim(self._steps[unit.step], self._key(unit))

    def _send(self, units: list[Unit]) -> None:
        self._numbers += 1
        number = self._numbers
        attempts = [self._attempts.get(unit) or Attempt(unit) for unit in units]
        self._tasks[number] = attempts
        self.run.current_key = self._key(units[0])
        try:
            self.workers.submit(WorkerTask(number, tuple(attempts)))
        except BaseException:
            del self._tasks[number]
            raise
        limit = self._limits[units[0].step]
        if limit is not None:
            self._watch(number, units[0].step, limit)

    def _watch(self, number: int, index: int, limit: float) -> None:
        """End a task in time; the time while its worker is being started does not count."""
        has_begun = self.workers.has_begun(number)
        at = now() + (limit if has_begun else LOOK)
        heappush(self._deadlines, (at, number, index, has_begun))

    def _key(self, unit: Unit) -> str:
        return step_key_of(self._steps[unit.step], unit.mapping_key)

    # --- taking in -------------------------------------------------------

    def _take_in(self, outcome: AttemptResult) -> None:
        attempt, unit = outcome.attempt, outcome.attempt.unit
        attempts = self._tasks[outcome.task]
        attempts.remove(attempt)
        if self.run.pools is not None:
            self.run.pools.free(self._steps[unit.step], self._key(unit))
        if outcome.ended is AttemptStatus.SUCCEEDED:
            self._succeeded(unit, outcome)
        elif outcome.ended is AttemptStatus.FAILED:
            self._failed(unit, outcome.error)
        elif outcome.ended is AttemptStatus.RETRY:
            self._retry(attempt, outcome.wait)
        elif outcome.ended is AttemptStatus.LOST:
            self._lost(attempt, outcome)
        elif outcome.ended is AttemptStatus.BROKEN:
            del self._tasks[outcome.task]
            assert outcome.error is not None
            raise outcome.error
        else:
            self._frontier.give_back(unit)
        if not attempts:
            del self._tasks[outcome.task]
            self._late.discard(outcome.task)
            self.run.current_key = self._current_key()

    def _current_key(self) -> str | None:
        """Return the step to show as the current one: the active one that began last."""
        for attempts in reversed(self._tasks.values()):
            if attempts:
                return self._key(attempts[0].unit)
        return None

    def _succeeded(self, unit: Unit, outcome: AttemptResult) -> None:
        run, step = self.run, self._steps[unit.step]
        self._attempts.pop(unit, None)
        op, took = id(step.op), outcome.seconds
        # The least of late: beside others, many a step waits for the processor in between.
        self._took[op] = min(took, 2 * self._took.get(op, took))
        if outcome.values is not None:
            _put(run, unit, outcome.values)
        came: dict[int, Any] = {}
        for out in step.outputs:
            value = run.values[out.slot]
            if value is MISSING or (unit.mapping_key is not None and unit.mapping_key not in value):
                continue
            came[out.slot] = list(value) if out.definition.is_dynamic else None
        self._frontier.succeed(unit, came)
        self._regions.ended(unit)

    def _failed(self, unit: Unit, error: BaseException | None) -> None:
        run, step = self.run, self._steps[unit.step]
        self._attempts.pop(unit, None)
        key = self._key(unit)
        if error is not None and key not in run.failed_steps:
            run.failed_steps[key] = error
        run.failed_slots.update(out.slot for out in step.outputs)
        self._frontier.fail(unit)
        self._regions.ended(unit)

    def _retry(self, attempt: Attempt, wait: float) -> None:
        unit = attempt.unit
        self._attempts[unit] = Attempt(unit, attempt.retries + 1, attempt.began or now())
        self._frontier.retry(unit, now() + wait)

    def _lost(self, attempt: Attempt, outcome: AttemptResult) -> None:
        """Handle a lost worker: its unit fails with these words, or is retried."""
        step, key = self._steps[attempt.unit.step], self._key(attempt.unit)
        began = attempt.began or now()
        if not outcome.began and attempt.retries:
            self.run.append(StepRestarted(now(), key, attempt.retries + 1))
        elif not outcome.began:
            self.run.append(StepStarted(now(), key))
        error = outcome.error
        if outcome.task in self._late:
            error = StepTimeoutError(late_words(key, self._limits[step.index]))
        assert isinstance(error, Exception)
        runner = StepRunner(self.run, step)
        element = attempt.unit.mapping_key
        wait = runner.give_up_or_wait(key, element, error, attempt.retries, began)
        if wait is None:
            self._failed(attempt.unit, error)
        else:
            self._retry(attempt, wait)

    def _tell_followed(self) -> None:
        """Record the skipped steps, and release values that nothing will read."""
        run, frontier = self.run, self._frontier
        for skip in frontier.skips:
            step = self._steps[skip.unit.step]
            if skip.failed:
                run.failed_slots.update(out.slot for out in step.outputs)
            key = self._key(skip.unit)
            run.append(StepSkipped(now(), key, skip.because, skip.failed))
            self._regions.ended(skip.unit)
        frontier.skips.clear()
        for index in frontier.closed:
            self._regions.closed(index)
        frontier.closed.clear()

    # --- time ------------------------------------------------------------

    def _see_deadlines(self) -> None:
        while self._deadlines and self._deadlines[0][0] <= now():
            _, number, index, has_begun = heappop(self._deadlines)
            limit = self._limits[index]
            if number not in self._tasks or number in self._late or limit is None:
                continue
            if not has_begun:
                self._watch(number, index, limit)
            else:
                self._late.add(number)
                key = self._key(self._tasks[number][0].unit)
                reason = late_words(key, limit)
                self.workers.stop(number, reason, is_failure=True)

    # --- the end ---------------------------------------------------------

    def _end_all(self) -> None:
        """End all active tasks: resources are closed, and results that came are kept."""
        reason = self.run.stop.reason or "The run ends."
        deadline = time.monotonic() + GRACE
        while self._tasks and time.monotonic() < deadline:
            for number in self._tasks:  # again: a task may have gone on to its next attempt
                self.workers.stop(number, reason, is_failure=False)
            for outcome in self.workers.wait(LOOK):
                self._take_in_last(outcome)
            if all(self.workers.is_stuck(number) for number in self._tasks):
                break
        for number, attempts in self._tasks.items():
            for attempt in attempts[:1]:
                told = stuck_words(self._key(attempt.unit), self.workers.place_of(number))
                self.run.append(EngineNote(now(), told))

    def _take_in_last(self, outcome: AttemptResult) -> None:
        """Record the units that end while the run is being stopped; start no others."""
        if outcome.ended is AttemptStatus.SUCCEEDED and outcome.values is not None:
            _put(self.run, outcome.attempt.unit, outcome.values)
        attempts = self._tasks.get(outcome.task, [])
        if outcome.attempt in attempts:
            attempts.remove(outcome.attempt)
        if not attempts or outcome.ended is AttemptStatus.BROKEN:
            self._tasks.pop(outcome.task, None)


def _given(run: RunScope) -> dict[int, list[str] | None]:
    """Return the values that exist before any step runs."""
    there = {slot: value for slot, value in enumerate(run.values) if value is not MISSING}
    if not there:
        return {}
    of_elements = {
        out.slot
        for step in run.plan.steps
        for out in step.outputs
        if step.region is not None or out.definition.is_dynamic
    }
    return {slot: list(each) if slot in of_elements else None for slot, each in there.items()}


def _put(run: RunScope, unit: Unit, values: Any) -> None:
    """Store values from elsewhere in their slots."""
    for slot, value in values.items():
        if unit.mapping_key is None:
            run.values[slot] = value
        else:
            if run.values[slot] is MISSING:
                run.values[slot] = {}
            run.values[slot][unit.mapping_key] = value


class _Regions:
    """Releases the values of ended steps, and of elements that have passed all steps."""

    def __init__(self, run: RunScope) -> None:
        self._run = run
        self._steps: dict[int, list[StepRunner]] = {}
        for group in run.groups:
            for index in group:
                step = run.plan.steps[index]
                if step.region is not None:
                    self._steps.setdefault(step.region, []).append(StepRunner(run, step))
        self._passing = {
            region: passing_slots(run, runners) for region, runners in self._steps.items()
        }
        self._left: dict[tuple[int, str], int] = {}
        self._keys = {region: list(_elements(run, region)) for region in self._steps}

    def ended(self, unit: Unit) -> None:
        """Handle the end of a unit: release an element that has passed all steps."""
        step, key = self._run.plan.steps[unit.step], unit.mapping_key
        if step.region is None or key is None or not self._passing[step.region]:
            return
        place = (step.region, key)
        left = self._left.get(place, len(self._steps[step.region])) - 1
        self._left[place] = left
        if not left:
            del self._left[place]
            let_go(self._run, self._passing[step.region], key)

    def closed(self, index: int) -> None:
        """Handle the end of a step: release the values that it was the last to read."""
        run, step = self._run, self._run.plan.steps[index]
        if not self._steps and run.keep_outputs:
            return  # nothing is mapped, and nothing is released
        runner = StepRunner(run, step)
        for slot in self._keys.keys() & {*runner.outputs}:
            self._keys[slot] = list(_elements(run, slot))
        region = step.region
        if region is not None and run.values[region] is not MISSING:
            self._close_mapped(runner, region)
        runner.release()

    def _close_mapped(self, runner: StepRunner, region: int) -> None:
        run, keys = self._run, self._keys[region]
        for slot in runner.outputs:
            if run.values[slot] is MISSING:
                run.values[slot] = {}
        others = [key for slot in runner.outputs for key in run.values[slot]]
        put_in_order(run, [runner], [*keys, *others])
        if keys and not {*runner.outputs} & self._passing[region]:
            close_empty(run, [runner])


def _elements(run: RunScope, slot: int) -> Iterable[str]:
    return run.values[slot] if run.values[slot] is not MISSING else ()
