"""Execute steps side by side in threads of this process: for steps that wait for others.

A thread cannot be ended from outside. A step that is canceled, or takes longer than its time-out,
gets an exception at its next line of Python; one that is stuck in a call of C is told of in the log
and left behind, and another thread takes the place of its own. CPython 3.11 then
asks at each line of every thread whether the exception can be raised by now, until that call
returns: traced code (a debugger, a profiler, coverage) is slow for so long. Steps that may hang in
C belong in processes, which are ended.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue

from jobnb.errors import StepTimeoutError
from jobnb.events import EngineNote, Event
from jobnb.execution.executors.attempt_queue import SOON, AttemptQueue
from jobnb.execution.executors.attempt_runner import AttemptRunner, lost
from jobnb.execution.executors.worker_pool import Attempt, AttemptResult, AttemptStatus, WorkerTask
from jobnb.execution.io import step_key_of
from jobnb.execution.output_capture import capturing, is_captured
from jobnb.execution.run import RunScope
from jobnb.execution.stopping import Stop, stuck_words
from jobnb.plan.step import Step

PLACES = 32
"""How many steps run at once where nothing is said: they wait more than they work."""

_END = 5.0  # seconds that the threads have to end once nothing is left to do


class ThreadTask:
    """A task of a thread.

    Attributes:
        queue: Its attempts that have not begun.
        left: How many of them have not been told of.
        stop: Stops the one that has begun.
        now: The one that has begun, with the thread that makes it.
        is_left: Whether that thread is left behind: nobody hears of what it still does.
    """

    __slots__ = ("is_left", "left", "now", "number", "queue", "stop")

    def __init__(self, task: WorkerTask) -> None:
        self.number = task.number
        self.queue = AttemptQueue(task.attempts)
        self.left = len(task.attempts)
        self.stop = Stop()
        self.now: tuple[Attempt, AttemptRunner, threading.Thread] | None = None
        self.is_left = False

    def take_late(self) -> list[AttemptResult]:
        """Take away the attempts that wait behind one that is late."""
        skipped = AttemptStatus.SKIPPED
        return [AttemptResult(self.number, each, skipped) for each in self.queue.take_late()]


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
        self._inbox: SimpleQueue[ThreadTask | None] = SimpleQueue()
        self._ended: deque[AttemptResult] = deque()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._woken = 0.0
        self._tasks: dict[int, ThreadTask] = {}
        self._threads: list[threading.Thread] = []

    def begin(self) -> None:
        """Prepare nothing: threads are started with their first task."""

    def fuses(self, step: Step) -> bool:
        """Return True: any step may share a task with others."""
        return True

    def submit(self, task: WorkerTask) -> None:
        """Send a task to a free thread, or to a new one."""
        work = ThreadTask(task)
        self._tasks[task.number] = work
        self._have_done(work)

    def _have_done(self, work: ThreadTask) -> None:
        self._inbox.put(work)
        if not self._threads:
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
            while (work := self._inbox.get()) is not None:
                self._do(runner, work)
                if work.is_left:
                    return  # another thread has its place

    def _captured(self, runner: AttemptRunner) -> AbstractContextManager[None]:
        """Capture printed text under its own step, if the run's output goes to the log."""
        scope = runner.scope
        if not is_captured():
            return nullcontext()
        return capturing(scope.append, lambda: scope.current_key)

    def _do(self, runner: AttemptRunner, work: ThreadTask) -> None:
        is_first = True
        while (attempt := work.queue.next()) is not None:
            work.now = attempt, runner, threading.current_thread()
            outcome = self._attempt(runner, work, attempt, is_first=is_first)
            if work.is_left:
                return
            self._ended.append(outcome)
            work.now = None
            work.stop.renew()
            is_first = False
            if time.monotonic() > self._woken + SOON:
                self._wake_up()
        self._wake_up()

    def _wake_up(self) -> None:
        """Wake the coordinator; what ends within a moment wakes it once."""
        self._woken = time.monotonic()
        self._wake.put(None)

    def _attempt(
        self, runner: AttemptRunner, work: ThreadTask, attempt: Attempt, *, is_first: bool
    ) -> AttemptResult:
        if not is_first and (work.stop.wanted or runner.still_needs(attempt)):
            return AttemptResult(work.number, attempt, AttemptStatus.SKIPPED)
        try:
            return runner.do(work.number, attempt, work.stop)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it must hear of it
            return AttemptResult(work.number, attempt, AttemptStatus.LOST, error=lost(error))

    def wait(self, seconds: float) -> list[AttemptResult]:
        """Return the attempts that have ended; wait for the first one, at most so long."""
        with suppress(Empty):
            if not self._ended:
                self._await(seconds)
            while True:
                self._wake.get_nowait()
        found = [self._ended.popleft() for _ in range(len(self._ended))]
        for work in self._tasks.values():
            found += work.take_late()
            work.stop.interrupt()  # again, where it was in code that is not to be left half done
            found += self._leave_late(work)
        for outcome in found:
            work = self._tasks[outcome.task]
            work.left -= 1
            if not work.left:
                del self._tasks[outcome.task]
        return found

    def _leave_late(self, work: ThreadTask) -> list[AttemptResult]:
        """Leave a thread behind whose step has taken too long and waits in a call of C."""
        stop, now = work.stop, work.now
        if now is None or not (stop.is_failure and stop.is_stuck and stop.take_over()):
            return []
        attempt, runner, thread = now
        work.is_left, place = True, stop.place
        runner.scope.append = _to_nobody
        self._threads.remove(thread)
        step = self.run.plan.steps[attempt.unit.step]
        told = stuck_words(step_key_of(step, attempt.unit.mapping_key), place)
        self.run.append(EngineNote(time.time(), told))
        error = StepTimeoutError(stop.reason)
        return [AttemptResult(work.number, attempt, AttemptStatus.LOST, error=error)]

    def _await(self, seconds: float) -> None:
        """Wait until an attempt has ended; start threads for tasks that no other one takes soon.

        A thread costs more than many a step: those that are there do all that is short.

        Raises:
            Empty: If none has ended in time.
        """
        if seconds > SOON and not self._inbox.empty():
            with suppress(Empty):
                return self._wake.get(timeout=SOON)
            for _ in range(min(self._inbox.qsize(), self.places - len(self._threads))):
                self._start()
        return self._wake.get(seconds > 0, seconds or None)

    def has_begun(self, task: int) -> bool:
        """Return True: a thread takes a task at once."""
        return True

    def stop(self, task: int, reason: str, *, is_failure: bool) -> None:
        """Interrupt the step that a task is at."""
        if task in self._tasks:
            self._tasks[task].stop.request(reason, _tell_nobody, is_failure=is_failure)

    def is_stuck(self, task: int) -> bool:
        """Return whether its thread waits in a call of C that an interrupt does not end."""
        work = self._tasks.get(task)
        return work is not None and work.stop.is_stuck

    def place_of(self, task: int) -> str:
        """Return the line that the thread of a task is at."""
        work = self._tasks.get(task)
        return work.stop.place if work is not None else ""

    def close(self) -> None:
        """End the threads; one whose step does not stop ends with it."""
        for _ in self._threads:
            self._inbox.put(None)
        if not self._tasks:
            for thread in self._threads:
                thread.join(_END)


def _to_nobody(event: Event) -> None:
    """Leave out what happens in a thread that is left behind."""


def _tell_nobody() -> None:
    """Ignore it: the coordinator reports it."""
