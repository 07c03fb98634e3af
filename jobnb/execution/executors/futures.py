"""Execute steps on the user's own executor: anything that takes a function and returns a future."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from queue import Empty, SimpleQueue
from shutil import rmtree
from typing import Any

from jobnb.definitions.jobs.executor import InitExecutorContext
from jobnb.errors import UnmetExecutorRequirementsError, WorkerLostError
from jobnb.events import Event, Logged
from jobnb.execution.executors.attempt_runner import AttemptRunner, lost
from jobnb.execution.executors.lazy_resources import LazyResources
from jobnb.execution.executors.run_folder import made_folder
from jobnb.execution.executors.threads import ThreadTask, ThreadWorkerPool
from jobnb.execution.executors.worker_pool import (
    AttemptResult,
    AttemptStatus,
    WorkerPool,
    WorkerTask,
)
from jobnb.execution.run import RunScope
from jobnb.execution.worker import (
    TaskMessage,
    WorkerRun,
    packed_error,
    show_output,
    task_message_of,
    told_here,
    unpacked_error,
    worker_setup_of,
)
from jobnb.plan.step import Step


def made_executor(run: RunScope, config: Mapping[str, Any]) -> Any:
    """Return what the function of an executor of the user's own gives.

    Raises:
        UnmetExecutorRequirementsError: If it has none.
    """
    job = run.plan.job
    definition = job.executor_def
    if definition.executor_creation_fn is None:
        raise UnmetExecutorRequirementsError(
            f"The executor {definition.name!r} has no function that makes it, so the steps of "
            f"{job.name!r} cannot run on it. Write it with @executor, or choose another one: "
            'executor="threads".'
        )
    context = InitExecutorContext(job, definition, config, run.instance)
    return run.stop.call(definition.executor_creation_fn, context)


def custom_worker_pool_of(run: RunScope, made: Any) -> WorkerPool:
    """Return the worker pool that an executor of the user's own is.

    Raises:
        UnmetExecutorRequirementsError: If it takes no functions.
    """
    definition = run.plan.job.executor_def
    submit = getattr(made, "submit", None)
    if not callable(submit):
        raise UnmetExecutorRequirementsError(
            f"The executor {definition.name!r} gave a {type(made).__name__}, which has no "
            "submit(function, *arguments) that gives a future. Give a pool of concurrent.futures "
            'or the like, an Executor, or choose another one: executor="threads".'
        )
    places = _places_of(made)
    if isinstance(made, ThreadPoolExecutor):
        return _PoolOfThreads(run, made, places, definition.name)
    return FutureWorkerPool(run, made, places, definition.name)


_ROUNDS = 3  # how often the processes of a pool are asked to tear down
_CLOSING = 60.0  # seconds that each has
_OTHERS, _MOMENT = 1.0, 0.005  # seconds that a process waits for the others; between two looks


def _places_of(pool: Any) -> int:
    """Return how many steps a pool executes at once."""
    for name in ("max_workers", "_max_workers"):
        number = getattr(pool, name, None)
        if isinstance(number, int) and number > 0:
            return number
    return os.cpu_count() or 1


def _shut_down(pool: Any) -> None:
    shutdown = getattr(pool, "shutdown", None)
    if callable(shutdown):
        shutdown()


class _PoolOfThreads(ThreadWorkerPool):
    """A pool of threads that the user created, in this process."""

    def __init__(self, run: RunScope, pool: ThreadPoolExecutor, places: int, name: str) -> None:
        super().__init__(run, places, f"{name!r}, a pool of threads")
        self._pool = pool
        self._here = threading.local()

    def _have_done(self, work: ThreadTask) -> None:
        """Submit it."""
        context = copy_context()
        self._pool.submit(context.run, self._do_here, work)

    def _do_here(self, work: ThreadTask) -> None:
        runner = getattr(self._here, "runner", None) or AttemptRunner(
            self.run, name=threading.current_thread().name
        )
        self._here.runner = runner
        with self._captured(runner):
            self._do(runner, work)

    def close(self) -> None:
        """Shut the pool down."""
        super().close()
        if not self._tasks:
            _shut_down(self._pool)


class FutureWorkerPool:
    """Executes the steps of a run on a pool of processes that the user created.

    The processes can import jobnb and see the files of this machine. Events come with the end of
    their task.

    Args:
        run: The run.
        pool: Has `submit(function, *arguments)`, which gives a future.
        places: How many steps run at once.
        name: What the executor is called.
    """

    shares_resources = False
    short, chunk = 0.005, 0.05

    def __init__(self, run: RunScope, pool: Any, places: int, name: str) -> None:
        self.run, self.places, self._pool = run, places, pool
        self.title = f"{name!r}, a {type(pool).__name__}"
        self._news: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        self._tasks: dict[int, WorkerTask] = {}
        self._futures: dict[int, Any] = {}
        self._pids: set[int] = set()  # the processes that may have resources open

    def begin(self) -> None:
        """Write down what workers must know."""
        self._folder = made_folder()
        self.run.resources = LazyResources(self.run)
        self._setup = Path(self._folder) / "setup"
        self._setup.write_bytes(worker_setup_of(self.run, None))

    def fuses(self, step: Step) -> bool:
        """Return True: any step may share a task with others."""
        return True

    def submit(self, task: WorkerTask) -> None:
        """Submit a task."""
        message = pickle.dumps(task_message_of(self.run, task.number, task.attempts, None), 5)
        arguments = str(self._setup), self.run.run_id, message, list(sys.path)
        future = self._pool.submit(do_task, *arguments)
        self._tasks[task.number], self._futures[task.number] = task, future
        future.add_done_callback(lambda done, number=task.number: self._news.put((number, done)))

    def wait(self, seconds: float) -> list[AttemptResult]:
        """Return the attempts that have ended; wait for the first one, at most so long."""
        found: list[AttemptResult] = []
        with suppress(Empty):
            number, future = self._news.get(seconds > 0, seconds or None)
            while True:
                found += self._take(number, future)
                number, future = self._news.get_nowait()
        return found

    def _take(self, number: int, future: Any) -> list[AttemptResult]:
        task = self._tasks.pop(number)
        del self._futures[number]
        try:
            pid, events, outcomes = pickle.loads(future.result())  # noqa: S301 - our own worker
        except BaseException as error:  # noqa: BLE001 - the pool's own, of any kind
            return _lost_task(task, error)
        self._pids.add(pid)
        self._tell(events)
        for outcome, packed in outcomes:
            outcome.error = None if packed is None else unpacked_error(packed)
        return [outcome for outcome, _ in outcomes]

    def has_begun(self, task: int) -> bool:
        """Return True, as a pool does not tell: time runs from when it was given the task."""
        return True

    def stop(self, task: int, reason: str, *, is_failure: bool) -> None:
        """Cancel a task that has not begun; one that has begun runs to its end."""
        if task in self._futures:
            self._futures[task].cancel()

    def is_stuck(self, task: int) -> bool:
        """Whether a task was running when it should stop: it cannot be interrupted."""
        return task in self._futures

    def place_of(self, task: int) -> str:
        """Return nothing: another process is at it."""
        return ""

    def close(self) -> None:
        """Have the processes tear down their resources, and shut the pool down."""
        try:
            with suppress(Exception):  # a pool that is broken has nothing open
                self._close_parts()
            _shut_down(self._pool)
        finally:
            rmtree(self._folder, ignore_errors=True)

    def _close_parts(self) -> None:
        """Close what each process has opened; a pool gives a task to whichever is free."""
        for _ in range(_ROUNDS):
            if not self._pids:
                return
            wanted = sorted(self._pids)
            submitted = [
                self._pool.submit(do_close, self.run.run_id, self._folder, wanted) for _ in wanted
            ]
            for future in submitted:
                pid, events = pickle.loads(future.result(_CLOSING))  # noqa: S301 - our own worker
                self._tell(events)
                self._pids.discard(pid)

    def _tell(self, events: Sequence[Event]) -> None:
        for event in events:
            self.run.append(told_here(self.run, event))
            if type(event) is Logged:
                show_output(self.run, event)


def _lost_task(task: WorkerTask, error: BaseException) -> list[AttemptResult]:
    first, *others = task.attempts
    why = WorkerLostError(f"The pool did not do a step: {type(error).__name__}: {error}")
    return [
        AttemptResult(task.number, first, AttemptStatus.LOST, error=why, began=False),
        *(AttemptResult(task.number, each, AttemptStatus.SKIPPED) for each in others),
    ]


# --- in the worker -------------------------------------------------------------------

_parts: dict[str, WorkerRun] = {}
_events: list[Event] = []
_turn = threading.Lock()


def do_task(setup: str, run_id: str, message: bytes, path: Sequence[str]) -> bytes:
    """Execute a task in a process of the pool.

    Args:
        setup: The file with what it must know of the run.
        run_id: The run.
        message: The task.
        path: Where modules are found.

    Returns:
        What has happened, and how the attempts ended.
    """
    sys.path += [each for each in path if each not in sys.path]
    with _turn:  # a pool may have threads in its processes
        part = _part_of(setup, run_id)
        found: list[tuple[AttemptResult, Any]] = []
        _do(part, pickle.loads(message), found)  # noqa: S301 - from the process that has the run
        events = list(_events)
        _events.clear()
    return pickle.dumps((os.getpid(), events, found), 5)


def do_close(run_id: str, folder: str, wanted: Sequence[int]) -> bytes:
    """Tear down what a run has opened in this process of the pool.

    Args:
        run_id: The run.
        folder: Where each process notes that it has done so.
        wanted: The processes that are to; this one waits a moment for the others, so that the
            pool does not give it their turn.

    Returns:
        The process, and what has happened.
    """
    with _turn:
        part = _parts.pop(run_id, None)
        if part is not None:
            part.close()
        events = list(_events)
        _events.clear()
    Path(folder, f"closed-{os.getpid()}").touch()
    deadline = time.monotonic() + _OTHERS
    while time.monotonic() < deadline and any(
        not Path(folder, f"closed-{pid}").exists() for pid in wanted
    ):
        time.sleep(_MOMENT)
    return pickle.dumps((os.getpid(), events), 5)


def _part_of(setup: str, run_id: str) -> WorkerRun:
    if run_id not in _parts:
        for part in _parts.values():
            part.close()  # of a run that has ended
        _parts.clear()
        _parts[run_id] = WorkerRun(Path(setup).read_bytes(), _events.append)
    return _parts[run_id]


def _do(part: WorkerRun, message: TaskMessage, found: list[tuple[AttemptResult, Any]]) -> None:
    def report(outcome: AttemptResult) -> None:
        error = None if outcome.error is None else packed_error(outcome.error)
        outcome.error = None
        found.append((outcome, error))

    try:
        part.open()
    except Exception as error:  # noqa: BLE001 - whoever waits for it must hear of it
        for attempt in message.attempts[:1]:
            report(AttemptResult(message.number, attempt, AttemptStatus.BROKEN, error=lost(error)))
        return
    part.thread().do(message, report)
