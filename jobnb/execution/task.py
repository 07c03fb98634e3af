"""Background tasks, the base of runs and backfills.

A task has a thread that does the work and a notifier that reports it. It can be observed, waited
for, awaited and canceled; the process keeps track of those that are active, and none outlives it.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from typing import Any, ClassVar, Generic, Self, TypeVar
from weakref import WeakValueDictionary

from traitlets import All, Bunch, Float, HasTraits, Int, Unicode

from jobnb.errors import JobnbError
from jobnb.execution.output_capture import follow_streams
from jobnb.execution.stopping import Stop
from jobnb.state import RunStatus
from jobnb.storage.process import has_threads

TICK = 0.05
"""Seconds between two looks at what has happened."""

EXIT_SECONDS = 1.5
"""How long the end of the process waits for tasks; Jupyter kills a kernel soon after."""

UNDO_SECONDS = 10.0
"""How long an interrupted caller waits for the end of what was begun."""

_logger = logging.getLogger("jobnb.execution")
_TOLD = ("progress", "current_step", "status", "version")

R = TypeVar("R")
"""What comes of a task."""
T = TypeVar("T", bound="Task[Any]")


class RunCanceledError(JobnbError, RuntimeError):
    """The run has no result because it was canceled."""


class StillRunningError(JobnbError, TimeoutError):
    """The run did not end within the caller's time limit."""


class Task(HasTraits, Generic[R]):
    """A background task: a run or a backfill.

    Whoever sets the traits, observers are called by the notifier's thread only.

    Attributes:
        status: Where it stands: a value of `RunStatus`, or of `BackfillStatus`.
        progress: From 0 to 1.
        current_step: The key of the step that runs now, or nothing.
        version: Grows when anything has happened, at most twenty times a second, and at the end:
            the last change is told when `is_finished` holds.
    """

    status = Unicode(RunStatus.NOT_STARTED.value, read_only=True)
    progress = Float(0.0, read_only=True)
    current_step = Unicode("", read_only=True)
    version = Int(0, read_only=True)

    outlives: ClassVar[bool] = False
    """Whether another process does the work: it goes on when this one ends."""

    begun: ClassVar[list[Callable[[Any], None]]]
    """Called with each task of this kind that starts; each subclass has its own list."""

    def __init__(self, task_id: str, title: str) -> None:
        super().__init__()
        self._told = {name: getattr(self, name) for name in _TOLD}
        self._task_id = task_id
        self._title = title
        self._turn = threading.RLock()
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._at_end: list[Callable[[], None]] = []

    def _begin(self) -> None:
        """Start its threads; the last thing that a subclass does when it is made."""
        key = (self._kind(), self._task_id)
        _live[key] = _known[key] = self
        for tell in self.begun:
            tell(self)
        if not has_threads():  # it is executed now, and has ended when it is handed out
            self._work()
            self._report()
            return
        threading.Thread(target=self._work, name=self._title, daemon=True).start()
        name = f"{self._title} notifier"
        threading.Thread(target=self._report, name=name, daemon=True).start()

    @classmethod
    def _kind(cls) -> type[Task[Any]]:
        """Return the class of its mro that lists the tasks of its kind."""
        return next(each for each in cls.__mro__ if "begun" in vars(each))

    # --- what a subclass says -----------------------------------------------

    def _do(self) -> None:
        """Execute the task, in its thread."""
        raise NotImplementedError

    def _settle(self) -> None:
        """Record how it ended; what this raises is raised where the result is asked for."""

    def _refresh(self) -> None:
        """Update the traits."""
        raise NotImplementedError

    def _stops(self) -> Iterable[Stop]:
        """Return what to stop now, if a stop was requested."""
        return ()

    def _look(self) -> None:
        """Look after anything else, at each tick."""

    def cancel(self, reason: str = "") -> bool:
        """Ask it to stop; returns whether it could still be stopped."""
        raise NotImplementedError

    def undo(self) -> None:
        """Cancel it for a caller whom an interrupt keeps from having it, and see it end."""
        self.cancel("It was interrupted as it began.")
        self._ended.wait(UNDO_SECONDS)

    def abandon(self, reason: str) -> None:
        """End it from outside while its thread is stuck: the process is about to be gone."""

    # --- observing it -------------------------------------------------------

    def observe(self, handler: Any, names: Any = All, type: Any = "change") -> None:
        """Call a function with each change of a trait; what it raises is logged.

        Args:
            handler: A function of one argument, as in traitlets: a change with `name`, `old`,
                `new` and `owner`. It is called in the notifier's thread.
            names: A trait, or several; all if absent.
            type: As in traitlets.
        """
        super().observe(_GuardedObserver(handler), names, type)

    def unobserve(self, handler: Any, names: Any = All, type: Any = "change") -> None:
        """Stop calling a function."""
        super().unobserve(_GuardedObserver(handler), names, type)

    def notify_change(self, change: Any) -> None:
        """Call no observer yet: `_publish` does, in the notifier's thread."""

    def _publish(self) -> None:
        """Notify observers of changes."""
        news = {name: getattr(self, name) for name in _TOLD}
        for name, new in news.items():
            old, self._told[name] = self._told[name], new
            if new != old:
                super().notify_change(Bunch(name=name, old=old, new=new, owner=self, type="change"))

    # --- waiting for it -----------------------------------------------------

    @property
    def is_finished(self) -> bool:
        """Whether it has ended, in any way."""
        return self._ended.is_set()

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for its end, at most `timeout` seconds; an interrupt ends the waiting only."""
        self._ended.wait(timeout)
        return self

    def result(self, timeout: float | None = None, *, raise_on_error: bool = True) -> R:
        """Wait for its end and give what came of it."""
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, R]:
        """Wait for it without holding up anything else; gives what `result` gives."""
        __tracebackhide__ = True
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def settle() -> None:
            if not future.done():
                future.set_result(None)

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle)

        self._call_at_end(wake)
        yield from future.__await__()
        return self.result()

    def _call_at_end(self, function: Callable[[], None]) -> None:
        with self._turn:
            if not self._ended.is_set():
                self._at_end.append(function)
                return
        function()

    # --- its threads --------------------------------------------------------

    def _work(self) -> None:
        try:
            self._do()
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = error
        finally:
            self._end()

    def _end(self) -> None:
        """Set the final traits and release those who wait, whatever happened."""
        if self._ended.is_set():
            return  # its thread was left behind, and comes back
        try:
            self._settle()
        except Exception as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = self._error or error
        with self._turn:
            self._refresh()
            # The last status may have been published already: observers learn that it has ended.
            self.set_trait("version", self.version + 1)
            self._ended.set()
            waiting, self._at_end = self._at_end, []
        key = (self._kind(), self._task_id)
        if _live.get(key) is self:  # a backfill that is resumed has the same id
            del _live[key]
        for each in waiting:
            each()

    def _report(self) -> None:
        while not self._ended.wait(TICK):
            with self._turn:
                self._refresh()
                stops = list(self._stops())
            self._publish()
            for stop in stops:
                stop.interrupt()
            follow_streams()
            self._look()
        self._publish()


class _GuardedObserver:
    """An observer whose errors are logged, once."""

    def __init__(self, handler: Callable[[Any], Any]) -> None:
        self.handler = handler
        self._failed = False

    def __call__(self, change: Any) -> None:
        try:
            self.handler(change)
        except Exception:
            if not self._failed:
                self._failed = True
                _logger.warning("An observer of a run failed: %r", self.handler, exc_info=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _GuardedObserver) and self.handler == other.handler

    def __hash__(self) -> int:
        return hash(self.handler)


# --- those in progress in this process -----------------------------------------------

_live: dict[tuple[type[Task[Any]], str], Task[Any]] = {}
_known: WeakValueDictionary[tuple[type[Task[Any]], str], Task[Any]] = WeakValueDictionary()


def running(kind: type[T]) -> list[T]:
    """List the tasks of a kind that are active now, the earliest first."""
    return [task for task in list(_live.values()) if isinstance(task, kind)]


def find(kind: type[T], task_id: str) -> T | None:
    """Find a task of this process by id, live or ended, if someone still holds it."""
    task = _known.get((kind, task_id))
    return task if isinstance(task, kind) else None


def cancel_all(
    kind: type[Task[Any]] = Task, timeout: float | None = None, reason: str = ""
) -> bool:
    """Cancel all tasks that this process does and wait for them; returns whether all have ended.

    Args:
        kind: Of which kind.
        timeout: Seconds to wait at most.
        reason: Why, for the log.
    """
    tasks = [task for task in running(kind) if not task.outlives]
    for task in tasks:
        task.cancel(reason)
    deadline = None if timeout is None else time.monotonic() + timeout
    for task in tasks:
        task._ended.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
    return all(task.is_finished for task in tasks)


def _at_exit() -> None:
    reason = "The process that did it ended."
    tasks = [task for task in running(Task) if not task.outlives]
    if tasks and "ipykernel" not in sys.modules:  # a kernel has nobody to tell any more
        names = ", ".join(task._title for task in tasks)
        with suppress(Exception):
            sys.stderr.write(
                f"Canceled, as the process ends: {names}. wait() waits for its end; launched with "
                "detach=True, it goes on in a process of its own.\n"
            )
    if not cancel_all(timeout=EXIT_SECONDS, reason=reason):
        for task in tasks:
            if not task.is_finished:
                task.abandon(reason)


# Threads and executors that a step uses are closed before the functions of `atexit` are called:
# tasks have to end before that, where Python lets them.
getattr(threading, "_register_atexit", atexit.register)(_at_exit)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_live.clear)  # a copy of this process has none of them
