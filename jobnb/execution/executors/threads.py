"""Execute steps side by side in threads of this process: for steps that wait for others."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from queue import Empty, SimpleQueue

from jobnb.execution.executors.attempt_runner import AttemptRunner, lost
from jobnb.execution.executors.worker_pool import Attempt, AttemptResult, AttemptStatus, WorkerTask
from jobnb.execution.output_capture import capturing, is_captured
from jobnb.execution.run import RunScope
from jobnb.execution.stopping import Stop
from jobnb.plan.step import Step

PLACES = 32
"""How many steps run at once where nothing is said: they wait more than they work."""

_END = 5.0  # seconds that the threads have to end once nothing is left to do


class ThreadWorkerPool:
    """Executes the steps of a run in threads, each started when there is work for it.

    Args:
        run: The run.
        places: How many steps run at once.
        title: What it is called in the log.
    """

    shares_resources = True
    short, chunk = 0.002, 0.01

    def __init__(self, run: RunScope, places: int = PLACES, title: str = "threads") -> None:
        self.run, self.places, self.title = run, places, title
        self._inbox: SimpleQueue[WorkerTask | None] = SimpleQueue()
        self._outbox: SimpleQueue[AttemptResult] = SimpleQueue()
        self._stops: dict[int, Stop] = {}
        self._threads: list[threading.Thread] = []
        self._busy = 0

    def begin(self) -> None:
        """Prepare nothing: threads are started with their first task."""

    def fuses(self, step: Step) -> bool:
        """Return True: any step may share a task with others."""
        return True

    def submit(self, task: WorkerTask) -> None:
        """Send a task to a free thread, or to a new one."""
        self._stops[task.number] = Stop()
        self._busy += 1
        self._have_done(task)

    def _have_done(self, task: WorkerTask) -> None:
        self._inbox.put(task)
        if self._busy > len(self._threads):
            self._start()

    def _start(self) -> None:
        number = len(self._threads) + 1
        name = f"jobnb {self.run.run_id[:8]} step thread {number}"
        # What belongs to the caller's context, as the cell that it prints to, holds in them too.
        work = copy_context().run
        thread = threading.Thread(
            target=work, args=(self._work, f"thread {number}"), name=name, daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _work(self, name: str) -> None:
        runner = AttemptRunner(self.run, name=name)
        with self._captured(runner):
            while (task := self._inbox.get()) is not None:
                self._do(runner, task)

    def _captured(self, runner: AttemptRunner) -> AbstractContextManager[None]:
        """Capture printed text under its own step, if the run's output goes to the log."""
        scope = runner.scope
        if not is_captured():
            return nullcontext()
        return capturing(scope.append, lambda: scope.current_key)

    def _do(self, runner: AttemptRunner, task: WorkerTask) -> None:
        stop = self._stops[task.number]
        last = len(task.attempts) - 1
        for number, attempt in enumerate(task.attempts):
            outcome = self._attempt(runner, task, attempt, stop, is_first=not number)
            self._outbox.put(outcome._replace(is_last=number == last))
            if number < last:
                stop = self._stops[task.number] = _next(stop)

    def _attempt(
        self,
        runner: AttemptRunner,
        task: WorkerTask,
        attempt: Attempt,
        stop: Stop,
        *,
        is_first: bool,
    ) -> AttemptResult:
        if not is_first and (stop.wanted or runner.still_needs(attempt)):
            return AttemptResult(task.number, attempt, AttemptStatus.SKIPPED)
        try:
            return runner.do(task.number, attempt, stop)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it must hear of it
            return AttemptResult(task.number, attempt, AttemptStatus.LOST, error=lost(error))

    def wait(self, seconds: float) -> list[AttemptResult]:
        """Return the attempts that have ended; wait for the first one, at most so long."""
        found: list[AttemptResult] = []
        try:
            found.append(
                self._outbox.get(timeout=seconds) if seconds else self._outbox.get_nowait()
            )
            while True:
                found.append(self._outbox.get_nowait())
        except Empty:
            pass
        for outcome in found:
            if outcome.is_last:
                self._busy -= 1
                self._stops.pop(outcome.task, None)
        for stop in list(self._stops.values()):
            stop.interrupt()  # again, where the step was in code that is not to be left half done
        return found

    def has_begun(self, task: int) -> bool:
        """Return True: a thread takes a task at once."""
        return True

    def stop(self, task: int, reason: str, *, is_failure: bool) -> None:
        """Interrupt the step that a task is at."""
        if task in self._stops:
            self._stops[task].request(reason, _tell_nobody, is_failure=is_failure)

    def is_stuck(self, task: int) -> bool:
        """Return whether its thread waits in a call of C that an interrupt does not end."""
        stop = self._stops.get(task)
        return stop is not None and stop.is_stuck

    def close(self) -> None:
        """End the threads; one whose step does not stop ends with it."""
        for _ in self._threads:
            self._inbox.put(None)
        if not self._stops:
            for thread in self._threads:
                thread.join(_END)


def _next(stop: Stop) -> Stop:
    """Return the stop of the next attempt of a task: that of the last one, if that was not used."""
    return stop if stop.wanted else Stop()


def _tell_nobody() -> None:
    """Ignore it: the coordinator reports it."""
