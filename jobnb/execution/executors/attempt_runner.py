"""Execute attempts at steps one after the other in one thread, with a scope of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from time import time as now

from jobnb.errors import StepTimeoutError, WorkerLostError
from jobnb.events import Event, StepRestarted, StepStarted
from jobnb.execution.executors.worker_pool import Attempt, AttemptResult, AttemptStatus
from jobnb.execution.io import step_key_of
from jobnb.execution.run import MISSING, RunScope, current_run
from jobnb.execution.step import StepRunner
from jobnb.execution.stopping import Stop
from jobnb.execution.trace import words_of


class AttemptRunner:
    """Executes attempts of a run in one thread.

    Args:
        run: The run; its values, resources and log are shared.
        append: Where the events go; to the run's log if None.
        name: What it is called in the log.

    Attributes:
        scope: What the steps that it does see of the run.
        stop: How the attempt that it does now is told to stop.
    """

    def __init__(
        self, run: RunScope, append: Callable[[Event], None] | None = None, name: str = ""
    ) -> None:
        self.scope = run.for_thread(Stop(), append)
        self.stop = Stop()
        self.name = name

    def do(self, task: int, attempt: Attempt, stop: Stop) -> AttemptResult:
        """Make one attempt, and log its events.

        Args:
            task: The number of the task that it is of.
            attempt: The attempt.
            stop: The signal that stops it.
        """
        scope = self.scope
        self.stop = scope.stop = stop
        step = scope.plan.steps[attempt.unit.step]
        runner = StepRunner(scope, step)
        key = step_key_of(step, attempt.unit.mapping_key)
        began = attempt.began or now()
        token = current_run.set(scope)
        start = time.perf_counter()
        try:
            wait = self._attempt(runner, key, attempt, began)
        except BaseException as error:
            if stop.left:
                stop.part(error, f"the run of {scope.plan.job.name!r}")
            if isinstance(error, KeyboardInterrupt):
                return AttemptResult(task, attempt, AttemptStatus.STOPPED)
            raise
        finally:
            scope.current_key = scope.attempt = scope.context = None
            scope.meter.leave()
            current_run.reset(token)
        took = time.perf_counter() - start
        if wait is not None:
            return AttemptResult(task, attempt, AttemptStatus.RETRY, took, wait)
        failure = scope.failed_steps.get(key)
        ended = AttemptStatus.SUCCEEDED if failure is None else AttemptStatus.FAILED
        return AttemptResult(task, attempt, ended, took, error=failure and lost(failure))

    def _attempt(
        self, runner: StepRunner, key: str, attempt: Attempt, began: float
    ) -> float | None:
        scope, stop, element = self.scope, self.stop, attempt.unit.mapping_key
        scope.current_key = key
        stop.begin()
        try:
            stop.check()
            if attempt.retries:
                scope.append(StepRestarted(now(), key, attempt.retries + 1, self.name))
            else:
                scope.append(StepStarted(began, key, self.name))
            return runner.try_once(key, element, attempt.retries, began)
        except KeyboardInterrupt as error:
            if stop.left or stop.is_taken or (stop.wanted and not stop.is_failure):
                raise
            # Nobody asked it to stop: the step raised it by itself, and would do so again.
            why = StepTimeoutError(stop.reason) if stop.wanted else lost(error)
            stop.shield()
            return runner.give_up_or_wait(key, element, why, attempt.retries, began)
        finally:
            if not stop.left:  # in a copy of the process its lock may be held for ever
                stop.shield()
                stop.end()

    def still_needs(self, attempt: Attempt) -> bool:
        """Whether something that an attempt needs has not come; it does not begin then."""
        values, key = self.scope.values, attempt.unit.mapping_key
        for wait in self.scope.plan.steps[attempt.unit.step].waits_for:
            value = values[wait.slot]
            if value is MISSING or (wait.maps and key not in value):
                return True
        return False


def lost(error: BaseException) -> Exception:
    """Return the error of a step that raised a process's end, or was lost otherwise."""
    if isinstance(error, Exception):
        return error
    why = WorkerLostError(f"The step would end its process: {words_of(error)}.")
    return why.with_traceback(error.__traceback__)
