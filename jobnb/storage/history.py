"""The history underneath an instance: when the database opens, and which logs are being written.

A history on disk opens at once; one in memory keeps lists and opens a database in memory only
when someone asks it something, so that a run costs next to nothing.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakMethod, WeakSet

from jobnb.errors import InvariantViolationError, StorageError
from jobnb.events import Event
from jobnb.storage.home import launcher
from jobnb.storage.listeners import Listeners
from jobnb.storage.process import Holder, this_process
from jobnb.storage.run import JobRun, check_run
from jobnb.storage.run_batch import RunBatch
from jobnb.storage.run_log import Flusher, RunLog, RunPart, WatchedLog

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobnb.storage.database import Database

__all__ = ["LOOK_INTERVAL", "History"]

LOOK_INTERVAL = 1.0
"""Seconds for which nobody looks again whether a run's process is gone."""

T = TypeVar("T")
_logger = logging.getLogger("jobnb.storage")


def _report(message: str, error: BaseException) -> None:
    _logger.warning("%s (%s)", message, error)


class History:
    """Runs being written and the database they are written to.

    Args:
        opener: Opens the database.
        durable: Whether what is written outlives the process.
    """

    def __init__(self, opener: Callable[[], Database], *, durable: bool) -> None:
        self._opener = opener
        self._durable = durable
        self._closed = False
        self._opening = threading.RLock()
        self._runs_in_memory: dict[str, JobRun] = {}
        self._logs_in_memory: dict[WatchedLog, None] = {}
        self._watch()
        self._next_look = 0.0
        self._database: Database | None = opener() if durable else None
        _histories.add(self)

    def _watch(self) -> None:
        self._listeners = Listeners(_report)
        self._flusher = Flusher(_report, WeakMethod(self.renew_leases))

    def _leave(self) -> None:
        """In a copy of the process (a fork): the runs that go on are the other one's to write."""
        for log in (*self._flusher.left_logs(), *self._logs_in_memory):
            log.leave()
        self._opening = threading.RLock()
        self._logs_in_memory.clear()
        self._watch()
        if self._database is not None:
            self._database.leave()

    @property
    def launcher(self) -> str | None:
        """The notebook, script or module that launches runs here; see `JobRun.notebook`."""
        return launcher(None)

    # -- writing runs

    def create_run(self, run: JobRun) -> JobRun:
        """Add a run to the history.

        Raises:
            InvariantViolationError: If its id is there already.
            InvalidDefinitionError: If one of its texts cannot be stored.
        """
        self._check_open()
        check_run(run)
        with self._opening:
            if self._database is None:
                if run.run_id in self._runs_in_memory:
                    raise _twice(run)
                self._runs_in_memory[run.run_id] = run
                return run
        self._insert_run(self._database, run)
        return run

    def _insert_run(self, database: Database, run: JobRun) -> None:
        from sqlalchemy.exc import IntegrityError

        from jobnb.storage.writing import insert_run

        holder = self._holder()
        try:
            database.write(lambda connection: insert_run(connection, run, holder))
        except IntegrityError as error:
            raise _twice(run) from error

    def open_log(self, run: JobRun) -> RunLog:
        """The log to write a run's events to; the run must have been created.

        Example:
            >>> from jobnb.events import RunStarted
            >>> from jobnb.storage.instance import Instance
            >>> instance = Instance.ephemeral()
            >>> log = instance.open_log(instance.create_run(JobRun("daily")))
            >>> log.events.append(RunStarted(1.0, "daily"))
            >>> log.close()
            >>> instance.get_run_by_id(log.run.run_id).status.value
            'STARTED'
        """
        self._check_open()
        log = RunLog(run, self, durable=self._durable)
        if self._durable:
            self._flusher.watch(log)
        else:
            self._logs_in_memory[log] = None
        return log

    def open_batch(self) -> RunBatch:
        """A batch of short runs, written together; see `RunBatch`."""
        self._check_open()
        batch = RunBatch(self, durable=self._durable)
        if self._durable:
            self._flusher.watch(batch)
        else:
            self._logs_in_memory[batch] = None
        return batch

    # -- what a log asks of its keeper

    @property
    def opened(self) -> int:
        """How often the database was opened: once more each time that its file was removed."""
        return self._database.opened if self._database is not None else 1

    def write_runs(self, parts: Sequence[RunPart]) -> set[str]:
        """Keep new events of several runs for good, in one transaction.

        Returns:
            The ids of the runs that are not there; their events are dropped.
        """
        from jobnb.storage.batch_writing import write_parts

        database, holder = self._opened(), self._holder()
        return database.write(lambda connection: write_parts(connection, parts, holder))

    def write_log(self, run_id: str, events: Sequence[Event]) -> bool:
        """Keep events for good; False if the run is not there."""
        from jobnb.storage.writing import write_events

        database, holder = self._opened(), self._holder()
        return database.write(lambda connection: write_events(connection, run_id, events, holder))

    def holds(self, run_id: str, events: Sequence[Event]) -> bool:
        """Whether these events are kept already."""
        from jobnb.storage.writing import holds

        return self._opened().read(lambda connection: holds(connection, run_id, events))

    def renew_leases(self) -> None:
        """This process is still there, and does what it does."""
        from jobnb.storage.leases import renew

        self._opened().write(lambda connection: renew(connection, this_process()))

    def _holder(self) -> Holder | None:
        """Who does what this process does; None where nobody else can see it."""
        return this_process() if self._durable else None

    def announce(self, run: JobRun, events: Sequence[Event], first: int) -> None:
        """Tell listeners; must not raise."""
        self._listeners.tell(run.run_id, run.job_name, events)

    def forget_log(self, log: WatchedLog) -> None:
        """The log is closed."""
        self._flusher.forget(log)

    # -- reading

    def _read(self, work: Callable[[Connection], T]) -> T:
        """What `work` finds, once all that was written so far can be found."""
        return self._synced().read(work)

    def _write(self, work: Callable[[Connection], T]) -> T:
        return self._synced().write(work)

    def _synced(self) -> Database:
        database = self._opened()
        for log in self._open_logs():
            if log.pending:
                with suppress(StorageError):  # who writes the log hears of it; reading goes on
                    log.write()
        if self._durable:
            self._notice_lost(database)
        else:
            for log in list(self._logs_in_memory):
                if log.closed and not log.pending:
                    self._logs_in_memory.pop(log, None)
        return database

    def _opened(self) -> Database:
        self._check_open()
        if self._database is None:
            with self._opening:
                if self._database is None:
                    self._database = self._with_runs_in_memory(self._opener())
        return self._database

    def _with_runs_in_memory(self, database: Database) -> Database:
        for run in self._runs_in_memory.values():
            self._insert_run(database, run)
        self._runs_in_memory.clear()
        return database

    def _open_logs(self) -> Sequence[WatchedLog]:
        return self._flusher.open_logs() if self._durable else list(self._logs_in_memory)

    def _logs_of(self, run_id: str) -> list[RunLog]:
        logs = (log for log in self._open_logs() if isinstance(log, RunLog))
        return [log for log in logs if log.run.run_id == run_id]

    # -- leases

    def _notice_lost(self, database: Database) -> None:
        """End what a process did that is gone; a history that cannot be written shows it open."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_INTERVAL
        from jobnb.storage import lost_runs

        runs, backfills = database.read(
            lambda c: (lost_runs.find_lost(c), lost_runs.find_lost_backfills(c))
        )
        for run_id, holder in runs:
            try:
                ended = database.write(partial(lost_runs.note_end, run_id=run_id, holder=holder))
            except StorageError as error:
                _report("An interrupted run could not be marked as such.", error)
                return
            if ended is not None:
                self._listeners.tell(run_id, ended[0], [ended[1]])
        if backfills:
            try:
                database.write(partial(lost_runs.end_backfills, lost=backfills))
            except StorageError as error:
                _report("An interrupted backfill could not be marked as such.", error)

    # -- closing

    def _check_open(self) -> None:
        if self._closed:
            raise InvariantViolationError(
                "This instance was closed by dispose(). Open it again, for example "
                "with Instance.get()."
            )

    def _close(self) -> None:
        """Write what is pending and let go of the database."""
        if self._closed:
            return
        self._flusher.stop()
        for log in self._flusher.open_logs():
            try:
                log.write()
            except Exception as error:  # noqa: BLE001 - the rest is still closed
                _report("The end of a log could not be written.", error)
        self._closed = True
        self._listeners.clear()
        if self._database is not None:
            self._database.dispose()

    def __enter__(self) -> Any:
        self._check_open()
        return self

    def __exit__(self, *exc: object) -> None:
        self._close()


_histories: WeakSet[History] = WeakSet()


def _leave_all() -> None:
    for history in list(_histories):
        history._leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)


def _twice(run: JobRun) -> InvariantViolationError:
    return InvariantViolationError(
        f"The history has a run {run.run_id!r} already. Leave out run_id to get a new one."
    )
