"""The log of a run while it is written: a list to append to, committed in groups."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol
from weakref import WeakMethod

from jobnb.events import Event
from jobnb.events.event_list import EventList
from jobnb.storage.process import has_threads
from jobnb.storage.run import JobRun, check_run

COMMIT_INTERVAL = 0.05
"""Seconds that an event may wait before it is on disk."""

RENEWAL = 20.0
"""Seconds after which a process says again that it is still there."""

LOOK = 0.5
"""Seconds between two looks at whether another process asks a run to end."""

IDLE = 5.0
"""Seconds for which the thread that commits waits for another log."""

_GRACE = 0.01  # the runner commits by itself when a step ends; the flusher lets it go first
_log_error = "The history could not be written; it will be tried again."


class NewRunEvents(NamedTuple):
    """The new events of a run.

    Args:
        run: The run.
        events: Its events since the last commit.
        is_new: Whether the run itself is not in the history yet.
    """

    run: JobRun
    events: Sequence[Event]
    is_new: bool


class LogKeeper(Protocol):
    """The instance, as a log needs it."""

    @property
    def opened(self) -> int:
        """The number of times the database was opened: once more after each removal of its file."""

    def write_log(self, run_id: str, events: Sequence[Event]) -> bool:
        """Keep events for good; False if the run is not there."""

    def write_runs(self, parts: Sequence[NewRunEvents]) -> set[str]:
        """Keep new events of several runs for good; the ids of the runs that are not there."""

    def events_from(self, run_id: str, first: int, count: int) -> list[Event]:
        """Return the committed events of a run from a place on, so many at most."""

    def holds(self, run_id: str, events: Sequence[Event]) -> bool:
        """Whether these events are kept already."""

    def announce(self, run: JobRun, events: Sequence[Event], first: int) -> None:
        """Call the listeners; must not raise."""

    def forget_log(self, log: WatchedLog) -> None:
        """Remove a closed log."""


class WatchedLog(Protocol):
    """A log, or a batch of them, that the committing thread watches."""

    due: float
    closed: bool

    @property
    def pending(self) -> int:
        """The number of events that are not yet committed."""

    def commit(self) -> None:
        """Keep all that is not yet kept, and report it."""

    def write(self) -> None:
        """Keep all that is not yet kept, telling nobody."""

    def discard(self) -> None:
        """Write nothing more."""

    def leave(self) -> None:
        """In a forked process, write nothing: the parent does."""


class RunLog:
    """The log of a run while it is written.

    The runner appends to `events` and, whenever `time.time()` has passed `due`, calls
    `commit`. While one long step runs, the instance's flusher thread commits instead.

    Args:
        run: The run.
        keeper: The instance.
        durable: Whether it is written to a database.
        is_new: Whether the run is not in the history yet: it is written with its first events.

    Attributes:
        run: The run.
        events: Everything that happened in it, in order.
        due: When the next commit is due; never, where nothing is to be written.
    """

    __slots__ = ("__weakref__", "_announced", "_is_new", "_keeper", "_left", "_lock", "_since",
                 "_telling", "_tried", "_written", "closed", "due", "durable", "events",
                 "run")  # fmt: skip

    def __init__(
        self, run: JobRun, keeper: LogKeeper, *, durable: bool, is_new: bool = False
    ) -> None:
        self.run = run
        self._is_new = is_new
        self.events = EventList(self._read)
        self.durable = durable
        self.due = time.time() + COMMIT_INTERVAL if durable else math.inf
        self.closed = False
        self._keeper = keeper
        self._written = 0
        self._tried = 0
        self._left = False
        self._since = 1  # of how many openings those are in which it is known to have been there
        self._announced = 0
        self._lock = threading.Lock()
        self._telling = threading.Lock()

    @property
    def pending(self) -> int:
        """The number of events that are not yet committed."""
        return 0 if self._left else len(self.events) - self._written

    def commit(self) -> None:
        """Keep all that is not yet kept, in one transaction; safe from any thread.

        Raises:
            StorageError: If it cannot be written. Nothing is lost: the next commit tries again.
        """
        if self.durable:
            self.write()
        if not self._left:
            self._announce()

    def write(self) -> None:
        """Write what is not yet written, telling nobody."""
        if self._left:
            return
        with self._lock:
            self._settle_doubt()
            end = len(self.events)
            if end > self._written:
                self._tried, opened = end, self._keeper.opened
                there = not self._is_new and self._keeper.write_log(
                    self.run.run_id, self.events[self._written : end]
                )
                if self._is_new or (not there and self._since != self._keeper.opened):
                    # The history that has the run was removed: another one gets all of it.
                    self._keeper.write_runs(
                        [NewRunEvents(self.run, self.events[:end], is_new=True)]
                    )
                self._is_new = False
                self._since, self._written = opened, end
                if self.durable:
                    self.events.shed_old(end)
            if self.durable:
                self.due = time.time() + COMMIT_INTERVAL

    def _read(self, first: int, count: int) -> Sequence[Event]:
        """Read events that are not held in memory any more."""
        return self._keeper.events_from(self.run.run_id, first, count)

    def _settle_doubt(self) -> None:
        """Find out whether an interrupted commit was done, so that nothing is announced twice."""
        if self._tried > self._written:
            tried = self.events[self._written : self._tried]
            if self._keeper.holds(self.run.run_id, tried):
                self._written, self._is_new = self._tried, False

    def close(self) -> None:
        """Commit the rest; nothing more is appended.

        Raises:
            StorageError: If it cannot be written; it is tried again until the instance is closed.
        """
        self.closed = True
        self.commit()
        self._keeper.forget_log(self)

    def discard(self) -> None:
        """Write nothing more, as the run is being deleted."""
        with self._lock:
            self._written = self._announced = len(self.events)
            self.closed = True

    def leave(self) -> None:
        """In a forked process, write nothing: the parent does."""
        self._lock, self._telling = threading.Lock(), threading.Lock()
        self._left = self.closed = True
        self.due = math.inf

    def _announce(self) -> None:
        """Call the listeners in order, outside of the lock: they may read the history.

        A second thread does not wait for the first: whoever tells looks again when done.
        """
        while self._announced < self._tellable() and self._telling.acquire(blocking=False):
            try:
                first, end = self._announced, self._tellable()
                self._announced = end
                self._keeper.announce(self.run, self.events[first:end], first)
            finally:
                self._telling.release()

    def _tellable(self) -> int:
        """Return how many events listeners may see: those on disk, if there is one."""
        return self._written if self.durable else len(self.events)


class FollowedLog:
    """The log of a run that another process writes: what was read of it.

    Attributes:
        run: The run.
        events: What was read by now, in order.
        due: Never: nothing is written here.
    """

    due = math.inf
    closed = True

    def __init__(self, run: JobRun) -> None:
        self.run = run
        self.events: list[Event] = []

    def commit(self) -> None:
        """Do nothing: the executing process commits."""

    def close(self) -> None:
        """Do nothing: the executing process closes the log."""


class Flusher:
    """A daemon thread that commits logs which are overdue because a step takes long.

    Args:
        report: Is told of what went wrong.
        renew: Says that this process is still there; called now and then while there are logs.
            Its owner may go meanwhile.
        look: Looks at what other processes ask for; called twice a second while there are logs.

    Attributes:
        logs: Those that are being written. Other threads add some: copy it to go through it.
    """

    def __init__(
        self,
        report: Callable[[str, BaseException], None],
        renew: WeakMethod[Callable[[], None]],
        look: WeakMethod[Callable[[], None]],
    ) -> None:
        self._report = report
        self._renew = renew
        self._look = look
        self._renewal = self._next_look = math.inf
        self.logs: set[WatchedLog] = set()
        self._troubled: set[WatchedLog] = set()
        self._wake = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def watch(self, log: WatchedLog) -> None:
        """Look after a log; the thread starts with the first one."""
        with self._wake:
            if not self.logs:
                self._renewal = time.monotonic() + RENEWAL
                self._next_look = time.monotonic() + LOOK
            self.logs.add(log)
            if not has_threads():  # each step's end commits
                return
            if self._thread is None or not self._thread.is_alive():
                self._stopped = False
                self._thread = threading.Thread(target=self._run, name="jobnb-log", daemon=True)
                self._thread.start()
            self._wake.notify()

    def forget(self, log: WatchedLog) -> None:
        """Look after it no more."""
        with self._wake:
            self.logs.discard(log)
            self._troubled.discard(log)

    def stop(self) -> None:
        """End the thread and wait for it."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)

    def _run(self) -> None:
        while (overdue := self._wait()) is not None:
            for log in overdue:
                self._commit(log)
            if time.monotonic() >= self._renewal:
                self._say_here()
            if time.monotonic() >= self._next_look:
                self._look_around()

    def _commit(self, log: WatchedLog) -> None:
        try:
            log.commit()
        except BaseException as error:  # noqa: BLE001 - nobody else hears of it; tried again
            # The events stay pending: the runner's next commit writes them or raises.
            log.due = time.time() + 20 * COMMIT_INTERVAL
            if log not in self._troubled:
                self._troubled.add(log)
                self._report(_log_error, error)
            return
        self._troubled.discard(log)
        if log.closed and not log.pending:
            self.forget(log)

    def _say_here(self) -> None:
        self._renewal = time.monotonic() + RENEWAL
        try:
            if (renew := self._renew()) is not None:
                renew()
        except BaseException as error:  # noqa: BLE001 - tried again
            self._report("Leases could not be renewed; it will be tried again.", error)

    def _look_around(self) -> None:
        self._next_look = time.monotonic() + LOOK
        try:
            if (look := self._look()) is not None:
                look()
        except BaseException as error:  # noqa: BLE001 - tried again
            self._report("Requests to cancel runs could not be read; it is tried again.", error)

    def _wait(self) -> list[WatchedLog] | None:
        """Sleep until a log is overdue, leases are, or it is time to look; None to end."""
        with self._wake:
            while not self._stopped:
                if not self.logs:
                    # Nothing to do for a while: the next log starts another thread.
                    if not self._wake.wait_for(lambda: self.logs or self._stopped, IDLE):
                        self._thread = None
                        return None
                    continue
                now = time.time()
                overdue = [log for log in self.logs if log.due + _GRACE <= now]
                if overdue or time.monotonic() >= min(self._renewal, self._next_look):
                    return overdue
                pause = min(log.due for log in self.logs) + _GRACE - now
                self._wake.wait(min(max(pause, 0.001), LOOK))
            return None


# --- a batch of short runs --------------------------------------------------------


class BatchLog:
    """The log of one run of a batch, with the interface of `RunLog`.

    Attributes:
        run: The run.
        events: Everything that happened in it, in order.
        closed: Whether nothing more is appended.
    """

    __slots__ = ("_batch", "closed", "events", "run", "written")

    def __init__(self, batch: RunBatch, run: JobRun) -> None:
        self._batch = batch
        self.run = run
        self.events: list[Event] = []
        self.written: int | None = None
        self.closed = False

    @property
    def due(self) -> float:
        """The time of the next commit."""
        return self._batch.due

    def commit(self) -> None:
        """Commit the whole batch if it is due."""
        if time.time() >= self._batch.due:
            self._batch.commit()

    def close(self) -> None:
        """End the log; what is pending is written with the next commit of the batch."""
        self.closed = True
        self._batch.closes(self)
        self.commit()


_News = tuple[BatchLog, int, int]
"""A log, and from where to where a commit writes it."""


class RunBatch:
    """Short runs whose events are committed together, at most 50 ms behind.

    A run that begins and ends between two commits costs a few rows, not transactions of its own.

    Attributes:
        due: When the next commit is due; never, where nothing is to be written.
        closed: Whether no more runs come.
    """

    def __init__(self, keeper: LogKeeper, *, durable: bool) -> None:
        self.durable = durable
        self.closed = False
        self.due = time.time() + COMMIT_INTERVAL if durable else math.inf
        self._keeper = keeper
        self._logs: dict[BatchLog, None] = {}
        self._tried: list[_News] = []
        self._left = False
        self._since = 1
        self._lock = threading.RLock()

    def begin(self, run: JobRun) -> BatchLog:
        """Return the log of a new run; the run is in the history with the next commit."""
        check_run(run)
        log = BatchLog(self, run)
        with self._lock:
            self._logs[log] = None
        return log

    def closes(self, log: BatchLog) -> None:
        """Record the end of a run: runs are written in the order of their ends."""
        with self._lock:
            if log in self._logs:
                del self._logs[log]
                self._logs[log] = None

    @property
    def pending(self) -> int:
        """The number of runs and events that are not yet committed."""
        if self._left:
            return 0
        logs = list(self._logs)
        return sum(len(log.events) - (log.written or 0) + (log.written is None) for log in logs)

    def commit(self) -> None:
        """Keep all that is not yet kept, in one transaction; safe from any thread.

        Raises:
            StorageError: If it cannot be written. Nothing is lost: the next commit tries again.
        """
        for log, first, end in self._written():
            self._keeper.announce(log.run, log.events[first:end], first)

    def write(self) -> None:
        """Write what is not yet written, telling nobody."""
        self._written()

    def _written(self) -> list[_News]:
        if self._left:
            return []
        with self._lock:
            settled = self._settle_doubt()
            news: list[_News] = []
            for log in self._logs:
                # Whether it has ended first: no event comes after that.
                ended, end = log.closed, len(log.events)
                if end > (log.written or 0) or (log.written is None and ended):
                    news.append((log, log.written or 0, end))
            parts = [NewRunEvents(log.run, log.events[first:end], log.written is None)
                     for log, first, end in news]  # fmt: skip
            if parts:
                self._tried, opened = news, self._keeper.opened
                missing = self._keeper.write_runs(parts)
                if missing and self._since != self._keeper.opened:
                    # The history that has these runs was removed: another one gets all of them.
                    self._keeper.write_runs([NewRunEvents(log.run, log.events[:end], is_new=True)
                                             for log, _, end in news
                                             if log.run.run_id in missing])  # fmt: skip
                self._since = opened
            self._note(news)
            if self.durable:
                self.due = time.time() + COMMIT_INTERVAL
            return settled + news

    def _settle_doubt(self) -> list[_News]:
        """Find out whether an interrupted commit was done, so that nothing is written twice.

        All of a commit was written or nothing: one log of it tells.
        """
        for log, first, end in self._tried:
            if end > first and self._keeper.holds(log.run.run_id, log.events[first:end]):
                settled = self._tried
                self._note(settled)
                return settled
        return []

    def _note(self, news: list[_News]) -> None:
        for log, _, end in news:
            log.written = end
            if log.closed and end == len(log.events):
                self._logs.pop(log, None)
        self._tried = []

    def leave(self) -> None:
        """In a forked process, write nothing: the parent does."""
        self._lock = threading.RLock()
        self._left = self.closed = True
        self.due = math.inf

    def discard(self) -> None:
        """Write nothing more of these runs, as the history is being emptied."""
        with self._lock:
            self._logs.clear()
            self._tried = []

    def close(self) -> None:
        """Commit the rest; no more runs come."""
        self.closed = True
        self.commit()
        self._keeper.forget_log(self)
