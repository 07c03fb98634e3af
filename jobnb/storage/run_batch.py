"""A batch of short runs: they share commits, as the events of one run do."""

from __future__ import annotations

import math
import threading
import time

from jobnb.events import Event
from jobnb.storage.run import JobRun, check_run
from jobnb.storage.run_log import COMMIT_INTERVAL, LogKeeper, RunPart

__all__ = ["BatchLog", "RunBatch"]


class BatchLog:
    """The log of one run of a batch; to the runner it is as a `RunLog`.

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
        """When the next commit is due."""
        return self._batch.due

    def commit(self) -> None:
        """Commit the whole batch if it is due."""
        if time.time() >= self._batch.due:
            self._batch.commit()

    def close(self) -> None:
        """Nothing more comes; what is there is on disk with the next commit of the batch."""
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
        """The log of a new run; the run is in the history with the next commit."""
        check_run(run)
        log = BatchLog(self, run)
        with self._lock:
            self._logs[log] = None
        return log

    def closes(self, log: BatchLog) -> None:
        """A run has ended: in the order of their ends, runs are written."""
        with self._lock:
            if log in self._logs:
                del self._logs[log]
                self._logs[log] = None

    @property
    def pending(self) -> int:
        """How many runs and events are not yet committed."""
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
            parts = [RunPart(log.run, log.events[first:end], log.written is None)
                     for log, first, end in news]  # fmt: skip
            if parts:
                self._tried, opened = news, self._keeper.opened
                missing = self._keeper.write_runs(parts)
                if missing and self._since != self._keeper.opened:
                    # The history that has these runs was removed: another one gets all of them.
                    self._keeper.write_runs([RunPart(log.run, log.events[:end], is_new=True)
                                             for log, _, end in news
                                             if log.run.run_id in missing])  # fmt: skip
                self._since = opened
            self._note(news)
            if self.durable:
                self.due = time.time() + COMMIT_INTERVAL
            return settled + news

    def _settle_doubt(self) -> list[_News]:
        """An interrupt may come when a commit is done and not yet noted: nothing is written twice.

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
        """In a copy of the process (a fork): write nothing, the other one does."""
        self._lock = threading.RLock()
        self._left = self.closed = True
        self.due = math.inf

    def discard(self) -> None:
        """The history is being emptied: write nothing more of these runs."""
        with self._lock:
            self._logs.clear()
            self._tried = []

    def close(self) -> None:
        """Commit the rest; no more runs come."""
        self.closed = True
        self.commit()
        self._keeper.forget_log(self)
