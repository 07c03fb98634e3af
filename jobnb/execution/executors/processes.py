"""Execute steps in processes of their own: warm workers that stay for the next run."""

from __future__ import annotations

import os
import pickle
import selectors
import shutil
import sys
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobnb.errors import WorkerLostError
from jobnb.events import Event, Logged, StepRestarted, StepStarted
from jobnb.execution.executors.lazy_resources import LazyResources
from jobnb.execution.executors.pool import WorkerProcess, pool
from jobnb.execution.executors.run_folder import made_folder
from jobnb.execution.executors.worker_pool import Attempt, AttemptResult, AttemptStatus, WorkerTask
from jobnb.execution.executors.worker_process import WorkerEnvironment
from jobnb.execution.io import step_key_of
from jobnb.execution.output_capture import output_line
from jobnb.execution.run import RunScope
from jobnb.execution.worker import (
    is_out_of_memory,
    owned,
    show_output,
    task_message_of,
    told_here,
    unpacked_error,
    worker_setup_of,
)
from jobnb.plan.step import Step

_PATIENCE = 1.0  # seconds that a step has to stop before its process is ended
_CLOSING = 60.0  # seconds that a worker has to tear down its resources


class _WorkerState:
    """A worker that executes attempts of a run.

    Attributes:
        worker: The worker.
        task: What it does now.
        left: The attempts of it that have not ended.
        began: The keys of steps whose beginning it has told.
        stopping: When it was told to stop what it does.
        is_spent: Whether a step of it has run out of memory: another one takes its place.
    """

    def __init__(self, worker: WorkerProcess) -> None:
        self.worker = worker
        self.task = 0
        self.left: list[Attempt] = []
        self.began: set[str] = set()
        self.stopping: float | None = None
        self.is_closed = self.is_spent = False


class ProcessWorkerPool:
    """Executes the steps of a run in worker processes.

    Args:
        run: The run.
        places: How many steps run at once.
        config: The config of the executor.
    """

    shares_resources = False
    short, chunk = 0.002, 0.01

    def __init__(self, run: RunScope, places: int, config: Mapping[str, Any]) -> None:
        self.run, self.places = run, places
        self.title = f"{places} worker process{'es'[: 2 * (places != 1)]}"
        self._preload = _preloaded(config)
        self._hands: list[_WorkerState] = []
        self._by_task: dict[int, _WorkerState] = {}
        self._selector = selectors.DefaultSelector()
        self._outcomes: list[AttemptResult] = []
        self._cancelled = False

    def begin(self) -> None:
        """Write down what workers must know; they are started with their first task."""
        run = self.run
        self._folder = made_folder()
        run.resources = LazyResources(run)
        setup = Path(self._folder) / "setup"
        setup.write_bytes(worker_setup_of(run, self._folder))
        folder, environment = str(Path.cwd()), {**os.environ, "PYTHONUNBUFFERED": "1"}
        self._place = WorkerEnvironment(
            str(setup), folder, list(sys.path), environment, self._preload
        )

    # --- handing over ----------------------------------------------------

    def fuses(self, step: Step) -> bool:
        """Return True: any step may share a task with others."""
        return True

    def submit(self, task: WorkerTask) -> None:
        """Send a task to a free worker, or to a new one."""
        message = task_message_of(self.run, task.number, task.attempts, self._folder)
        hand = self._free_hand() or self._join()
        hand.task, hand.left, hand.stopping = task.number, list(task.attempts), None
        self._by_task[task.number] = hand
        hand.worker.send("do", message)

    def _free_hand(self) -> _WorkerState | None:
        """Return an idle worker that is alive."""
        for hand in [each for each in self._hands if not each.task and not each.is_spent]:
            if hand.worker.is_there:
                return hand
            self._lose(hand)
        return None

    def _join(self) -> _WorkerState:
        worker = pool.take()
        hand = _WorkerState(worker)
        self._hands.append(hand)
        self._selector.register(worker.pipe, selectors.EVENT_READ, hand)
        self._selector.register(worker.sentinel, selectors.EVENT_READ, hand)
        worker.send("begin", self._place)
        return hand

    # --- taking in -------------------------------------------------------

    def wait(self, seconds: float) -> list[AttemptResult]:
        """Return the attempts that have ended; wait for the first one, at most so long."""
        if not self._outcomes:
            self._look(seconds)
        self._see_stuck()
        found, self._outcomes = self._outcomes, []
        return found

    def _look(self, seconds: float) -> None:
        if not self._hands:
            time.sleep(seconds)
            return
        ready = self._selector.select(seconds)
        for key, _ in ready:
            if key.fileobj is key.data.worker.pipe:
                self._read(key.data)
            else:
                self._read_last(key.data)
        if not ready:
            for hand in list(self._hands):
                if not hand.worker.is_there:  # a child of its own may hold its pipe open
                    self._read_last(hand)

    def _read(self, hand: _WorkerState) -> None:
        """Read one message of a worker; if there are more, the pipe is ready again."""
        if hand not in self._hands:
            return
        try:
            self._take(hand, pickle.loads(hand.worker.pipe.recv_bytes()))  # noqa: S301
        except (EOFError, OSError):
            self._lose(hand)

    def _read_last(self, hand: _WorkerState) -> None:
        """Read all that a worker has sent whose process has ended."""
        while hand in self._hands:
            try:
                more = hand.worker.pipe.poll()
            except OSError:
                more = False
            if more:
                self._read(hand)
            else:
                self._lose(hand)

    def _take(self, hand: _WorkerState, message: tuple[list[Event], list[Any], Any]) -> None:
        events, ended, content = message
        for event in events:
            if type(event) in (StepStarted, StepRestarted):
                hand.began.add(str(event.step_key))
            hand.is_spent |= is_out_of_memory(event)
            self._tell(event)
        for outcome, error in ended:
            self._outcome(hand, outcome, error)
        if content is None:
            return
        kind, *details = content
        if kind == "broken":
            self._give_up(hand, unpacked_error(details[0]))
        elif kind == "closed":
            hand.is_closed = True
            if hand.is_spent:
                self._leave(hand)
                pool.end(hand.worker)

    def _give_up(self, hand: _WorkerState, error: BaseException) -> None:
        """Fail an attempt that no worker can execute."""
        for attempt in hand.left[:1]:
            self._outcomes.append(
                AttemptResult(hand.task, attempt, AttemptStatus.BROKEN, error=error)
            )
        self._free(hand)

    def _tell(self, event: Event) -> None:
        self.run.append(told_here(self.run, event))
        if type(event) is Logged:
            show_output(self.run, event)

    def _outcome(self, hand: _WorkerState, outcome: AttemptResult, error: Any) -> None:
        hand.left.remove(outcome.attempt)
        hand.began.discard(self._key(outcome.attempt))
        if error is not None:
            outcome.error = unpacked_error(error)
        hand.is_spent |= isinstance(outcome.error, MemoryError)
        outcome.values = owned(outcome.values)
        self._outcomes.append(outcome)
        if not hand.left:
            self._free(hand)

    def _free(self, hand: _WorkerState) -> None:
        self._by_task.pop(hand.task, None)
        hand.task, hand.left, hand.stopping = 0, [], None
        if hand.is_spent and hand.worker.is_there:
            hand.worker.send("close")

    def _key(self, attempt: Attempt) -> str:
        return step_key_of(self.run.plan.steps[attempt.unit.step], attempt.unit.mapping_key)

    # --- workers that are lost or stuck ----------------------------------

    def _lose(self, hand: _WorkerState) -> None:
        """Report a process that ended: its current attempt is lost, the others have not begun."""
        if hand not in self._hands:
            return
        self._leave(hand)
        how = hand.worker.how_it_ended()
        self._tell_last_output(hand)
        pool.end(hand.worker)
        for number, attempt in enumerate(hand.left):
            if number or hand.is_closed:
                outcome = AttemptResult(hand.task, attempt, AttemptStatus.SKIPPED)
            else:
                error = WorkerLostError(
                    f"The worker's process ended while it did {self._key(attempt)!r}: {how}."
                )
                outcome = AttemptResult(hand.task, attempt, AttemptStatus.LOST, error=error)
                outcome.began = self._key(attempt) in hand.began
            self._outcomes.append(outcome)
        self._free(hand)

    def _tell_last_output(self, hand: _WorkerState) -> None:
        """Log what a process wrote just before it ended, under the step that it was at."""
        if not hand.left or hand.is_closed:
            return
        key = self._key(hand.left[0])
        for stream, text in hand.worker.last_output().items():
            for line in text.splitlines():
                self._tell(output_line(line, stream, key))

    def _leave(self, hand: _WorkerState) -> None:
        self._hands.remove(hand)
        self._selector.unregister(hand.worker.pipe)
        self._selector.unregister(hand.worker.sentinel)

    def _see_stuck(self) -> None:
        """End the process of a step that should have stopped and has not."""
        for hand in list(self._hands):
            if hand.stopping is not None and time.monotonic() > hand.stopping + _PATIENCE:
                hand.worker.kill()
                hand.stopping = None

    def has_begun(self, task: int) -> bool:
        """Whether its worker has told of a step's beginning."""
        hand = self._by_task.get(task)
        return hand is not None and bool(hand.began)

    def stop(self, task: int, reason: str, *, is_failure: bool) -> None:
        """Interrupt the step that a task is at; its process is ended where that does not help."""
        hand = self._by_task.get(task)
        self._cancelled |= not is_failure
        if hand is not None and hand.stopping is None:
            hand.stopping = time.monotonic()
            hand.worker.send("stop", task, reason, is_failure)

    def is_stuck(self, task: int) -> bool:
        """Return False: a process can always be ended."""
        return False

    def place_of(self, task: int) -> str:
        """Return nothing: another process is at it."""
        return ""

    # --- the end ---------------------------------------------------------

    def close(self) -> None:
        """Tear down the workers' resources; the workers stay for the next run."""
        try:
            self._close_all()
        finally:
            for hand in list(self._hands):
                self._leave(hand)
                if hand.is_closed and not hand.task and not self._cancelled:
                    pool.give_back(hand.worker)
                else:
                    pool.end(hand.worker)
            self._selector.close()
            self._remove_folder()

    def _close_all(self) -> None:
        for hand in self._hands:
            if hand.task or not hand.is_spent:  # else it was told before
                hand.worker.send("close")
        deadline = time.monotonic() + _CLOSING
        while any(not hand.is_closed for hand in self._hands) and time.monotonic() < deadline:
            self._look(0.05)

    def _remove_folder(self) -> None:
        """Remove the run's values with the last reference to the run."""
        if self.run.keep_outputs:
            weakref.finalize(self.run, shutil.rmtree, self._folder, ignore_errors=True)
        else:
            shutil.rmtree(self._folder, ignore_errors=True)


def _preloaded(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the modules that Dagster's `forkserver` would have had ready."""
    method = config.get("start_method") or {}
    return tuple((method.get("forkserver") or {}).get("preload_modules") or ())
