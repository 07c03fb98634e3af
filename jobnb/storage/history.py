"""What an instance is built on: its database, the logs being written, and the listeners.

A history on disk opens at once; one in memory keeps lists and opens a database in memory only
when someone asks it something, so that a run costs next to nothing.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakMethod

from jobnb.errors import InvariantViolationError, StorageError
from jobnb.events import Event
from jobnb.storage.process import Holder, in_kernel, this_process
from jobnb.storage.records import EventLogEntry, entry_of
from jobnb.storage.run import JobRun, check_run
from jobnb.storage.run_log import Flusher, NewRunEvents, RunBatch, RunLog, WatchedLog

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobnb.storage.database import Database

HOME_VARIABLE = "JOBNB_HOME"
DATABASE_VARIABLE = "JOBNB_DATABASE"
NOTEBOOK_VARIABLE = "JOBNB_NOTEBOOK"
"""Holds the notebook of a kernel that `jobnb execute` has started."""


def default_home() -> Path:
    """Return the folder in `$JOBNB_HOME`, else `.jobnb` here.

    Raises:
        StorageError: If it names the home of a user that there is not.
    """
    return _expanded(os.environ.get(HOME_VARIABLE) or ".jobnb").absolute()


def _expanded(home: str | os.PathLike[str]) -> Path:
    try:
        return Path(home).expanduser()
    except RuntimeError as error:
        raise unusable(Path(home), error) from error


def named_database() -> str | None:
    """Return the URL in `$JOBNB_DATABASE`; None if the history is in the folder."""
    return os.environ.get(DATABASE_VARIABLE) or None


def has_history(home: str | os.PathLike[str] | None = None) -> bool:
    """Whether a history can be looked at without making its folder first.

    Args:
        home: The folder; that of `default_home()` if absent.
    """
    if named_database() is not None:
        return True
    try:
        return (_expanded(home) if home else default_home()).is_dir()
    except ValueError:  # no folder has such a name
        return False


def launcher(home: Path | None) -> str | None:
    """Return what launches runs here: the path of the notebook or script, or the module's name.

    Args:
        home: The folder of the history: a path is told as seen from the folder around it.

    Returns:
        None where nobody knows, as in an interactive Python.
    """
    main = sys.modules.get("__main__")
    own: str | None = getattr(main, "__vsc_ipynb_file__", None)  # of a notebook in VS Code
    if own is None and in_kernel():
        own = os.environ.get(NOTEBOOK_VARIABLE) or os.environ.get("JPY_SESSION_NAME")
        return seen_from(home, own.removeprefix("RTC:")) if own else None
    spec = getattr(main, "__spec__", None)
    if own is None and spec is not None:
        return str(spec.name).removesuffix(".__main__")
    own = own or getattr(main, "__file__", None)
    return seen_from(home, str(own)) if own else None


@lru_cache(maxsize=64)
def seen_from(home: Path | None, path: str) -> str:
    """Return a path as it is told: from the folder around the history, if it is in there."""
    found = Path(path).absolute()
    around = Path.cwd() if home is None else home.parent
    return found.relative_to(around).as_posix() if found.is_relative_to(around) else str(found)


def made_home(home: str | os.PathLike[str]) -> Path:
    """Return the folder, made where it is missing; one of our own tells git to leave it alone.

    Raises:
        StorageError: If it cannot be made, read or written.
    """
    home = Path(home).absolute()
    try:
        new = not home.exists()
        home.mkdir(parents=True, exist_ok=True)
        if new and home.name == ".jobnb":
            (home / ".gitignore").write_text("*\n", encoding="utf-8")
        if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError("it cannot be read and written")
    except (OSError, ValueError) as error:
        raise unusable(home, error) from error
    return home


def unusable(path: Path, error: Exception) -> StorageError:
    """Return the error of a folder that cannot be used."""
    reason = getattr(error, "strerror", None) or str(error)
    return StorageError(
        f"Cannot keep the history in {str(path)!r}: {reason}. "
        f"Set {HOME_VARIABLE} to a folder that can be written."
    )


LOOK_INTERVAL = 1.0
"""Seconds for which nobody looks again whether a run's process is gone."""

T = TypeVar("T")
_logger = logging.getLogger("jobnb.storage")


def _report(message: str, error: BaseException) -> None:
    _logger.warning("%s (%s)", message, error)


Listener = Callable[[EventLogEntry], None]
Watcher = Callable[[EventLogEntry, str], None]
Pull = Callable[[int], Sequence[tuple[int, EventLogEntry]]]


class _Watch:
    """One watcher: it reads on from its position in the log, so it misses and repeats nothing."""

    def __init__(self, callback: Watcher, seen: int, pull: Pull) -> None:
        self.callback = callback
        self._seen = seen
        self._pull = pull
        self._turn = threading.RLock()

    def catch_up(self, report: Callable[[str, BaseException], None]) -> None:
        with self._turn:
            for seq, entry in self._pull(self._seen):
                if seq <= self._seen:
                    continue  # the callback itself wrote to the log and caught up further in
                self._seen = seq
                try:
                    self.callback(entry, str(seq))
                except Exception as error:  # noqa: BLE001 - a listener never hurts the run
                    report("A watcher of the event log failed.", error)


class Listeners:
    """The callbacks of every run."""

    def __init__(self, report: Callable[[str, BaseException], None]) -> None:
        self._report = report
        self._listeners: dict[str, list[Listener]] = {}
        self._watches: dict[str, list[_Watch]] = {}
        self._lock = threading.Lock()

    def add(self, run_id: str, callback: Listener) -> None:
        """Call back for every event that is committed from now on."""
        with self._lock:
            self._listeners.setdefault(run_id, []).append(callback)

    def watch(self, run_id: str, callback: Watcher, seen: int, pull: Pull) -> None:
        """Call back for every event after place `seen`: the ones that are there, then new ones."""
        watch = _Watch(callback, seen, pull)
        with self._lock:
            self._watches.setdefault(run_id, []).append(watch)
        watch.catch_up(self._report)

    def unwatch(self, run_id: str, callback: Watcher) -> None:
        """Call this watcher back no more."""
        with self._lock:
            left = [w for w in self._watches.get(run_id, []) if w.callback != callback]
            self._watches[run_id] = left

    def tell(self, run_id: str, job_name: str, events: Sequence[Event]) -> None:
        """Call the listeners with committed events."""
        with self._lock:
            listeners = list(self._listeners.get(run_id, ()))
            watches = list(self._watches.get(run_id, ()))
        if listeners:
            for event in events:
                self._call(listeners, entry_of(event, run_id, job_name))
        for watch in watches:
            try:
                watch.catch_up(self._report)
            except Exception as error:  # noqa: BLE001 - a listener never hurts the run
                self._report("The event log could not be read for a watcher.", error)

    def _call(self, listeners: list[Listener], entry: EventLogEntry) -> None:
        for listener in listeners:
            try:
                listener(entry)
            except Exception as error:  # noqa: BLE001 - a listener never hurts the run
                self._report("A listener of the event log failed.", error)

    def clear(self) -> None:
        """Call nobody back any more."""
        with self._lock:
            self._listeners.clear()
            self._watches.clear()


class History:
    """The logs being written, and their database.

    Args:
        opener: Opens the database.
        durable: Whether what is written outlives the process.
        home: The folder that it is in, if it is on disk.

    Attributes:
        closed: Whether nothing is read or written any more.
        listeners: Who hears of events that are committed here.
        cancels: By run, what is called when another process asks it to end.
    """

    def __init__(
        self, opener: Callable[[], Database], *, durable: bool, home: Path | None = None
    ) -> None:
        self._opener = opener
        self.durable = durable
        self.home = home
        self.closed = False
        self._launcher: str | None = None
        self._opening = threading.RLock()
        self._runs_in_memory: dict[str, JobRun] = {}
        self._logs_in_memory: dict[WatchedLog, None] = {}
        self._watch()
        self._next_look = 0.0
        self._database: Database | None = opener() if durable else None
        self._letting_go: weakref.finalize[..., History] | None = None
        _histories.add(self)
        if self._database is not None:
            # A history that nobody holds any more lets go of its connections.
            self._letting_go = weakref.finalize(self, self._database.dispose)
            self._letting_go.atexit = False

    def _watch(self) -> None:
        self.listeners = Listeners(_report)
        self.cancels: dict[str, Callable[[str], object]] = {}
        self._flusher = Flusher(
            _report, WeakMethod(self.renew_leases), WeakMethod(self.hear_requests)
        )

    def leave(self) -> None:
        """In a forked process, leave the writing of present runs to the parent."""
        for log in (*self._flusher.logs, *self._logs_in_memory):
            log.leave()
        self._opening = threading.RLock()
        self._logs_in_memory.clear()
        self._watch()
        if self._database is not None:
            self._database.leave()

    @property
    def launcher(self) -> str | None:
        """The notebook, script or module that launches runs here; see `JobRun.notebook`."""
        return self._launcher or launcher(self.home)

    def launched_by(self, path: str | os.PathLike[str]) -> None:
        """Record a notebook or script as the launcher of what runs meanwhile."""
        self._launcher = seen_from(self.home, os.fspath(path))

    def launched_as(self, name: str | None) -> None:
        """Record the launcher by the name that another process has it by."""
        self._launcher = name

    # -- writing runs

    def create_run(self, run: JobRun) -> JobRun:
        """Add a run; its id must be new."""
        self.check_open()
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

    def open_log(self, run: JobRun, *, is_new: bool = False) -> RunLog:
        """Return the log to write a run's events to.

        Args:
            run: The run; it must have been created.
            is_new: Whether it has not: it is written with its first events, in one transaction.
        """
        self.check_open()
        if is_new and self.durable:
            check_run(run)
        elif is_new:
            self.create_run(run)
        log = RunLog(run, self, durable=self.durable, is_new=is_new and self.durable)
        if self.durable:
            self._flusher.watch(log)
        else:
            self._logs_in_memory[log] = None
        return log

    def open_batch(self) -> RunBatch:
        """Return a batch of short runs, written together; see `RunBatch`."""
        self.check_open()
        batch = RunBatch(self, durable=self.durable)
        if self.durable:
            self._flusher.watch(batch)
        else:
            self._logs_in_memory[batch] = None
        return batch

    # -- what a log asks of its keeper

    @property
    def opened(self) -> int:
        """The number of times the database was opened: once more after each removal of its file."""
        return self._database.opened if self._database is not None else 1

    def write_runs(self, parts: Sequence[NewRunEvents]) -> set[str]:
        """Keep new events of several runs for good, in one transaction.

        Returns:
            The ids of the runs that are not there; their events are dropped.
        """
        from jobnb.storage.bulk_runs import write_parts

        database, holder = self.database(), self._holder()
        return database.write(lambda connection: write_parts(connection, parts, holder))

    def write_log(self, run_id: str, events: Sequence[Event]) -> bool:
        """Keep events for good; False if the run is not there."""
        from jobnb.storage.writing import write_events

        database, holder = self.database(), self._holder()
        return database.write(lambda connection: write_events(connection, run_id, events, holder))

    def holds(self, run_id: str, events: Sequence[Event]) -> bool:
        """Whether these events are kept already."""
        from jobnb.storage.writing import holds

        return self.database().read(lambda connection: holds(connection, run_id, events))

    def events_from(self, run_id: str, first: int, count: int) -> list[Event]:
        """Return the committed events of a run from a place on, so many at most."""
        from jobnb.storage.event_queries import run_events

        return self.database().read(
            lambda connection: [
                event for *_, event in run_events(connection, run_id, first - 1, count, None)
            ]
        )

    def renew_leases(self) -> None:
        """Renew the leases of this process on what it executes."""
        from jobnb.storage.writing import renew

        self.database().write(lambda connection: renew(connection, this_process()))

    def hear_requests(self) -> None:
        """Cancel the runs of this process that another one asks to end."""
        if not self.cancels:
            return
        from jobnb.storage.run_control import requests_among

        known = list(self.cancels)
        asked = self.database().read(lambda connection: requests_among(connection, known))
        for run_id, reason in asked.items():
            cancel = self.cancels.pop(run_id, None)
            if cancel is not None:
                cancel(reason)

    def _holder(self) -> Holder | None:
        """Return the holder of this process's leases; None if no other process can see them."""
        return this_process() if self.durable else None

    def announce(self, run: JobRun, events: Sequence[Event], first: int) -> None:
        """Call the listeners; must not raise."""
        self.listeners.tell(run.run_id, run.job_name, events)

    def forget_log(self, log: WatchedLog) -> None:
        """Remove a closed log."""
        self._flusher.forget(log)

    # -- reading

    def read(self, work: Callable[[Connection], T]) -> T:
        """Read once all that was written so far can be found."""
        return self._synced().read(work)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Change the history in one transaction, after all that was written so far."""
        return self._synced().write(work)

    def _synced(self) -> Database:
        database = self.database()
        for log in self.open_logs():
            if log.pending:
                with suppress(StorageError):  # who writes the log hears of it; reading goes on
                    log.write()
        if self.durable:
            self._notice_lost(database)
        else:
            for log in list(self._logs_in_memory):
                if log.closed and not log.pending:
                    self._logs_in_memory.pop(log, None)
        return database

    def database(self) -> Database:
        """Return the database, opened by now."""
        self.check_open()
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

    def open_logs(self) -> Sequence[WatchedLog]:
        """Return the logs that are being written."""
        return list(self._flusher.logs if self.durable else self._logs_in_memory)

    def logs_of(self, run_id: str) -> list[RunLog]:
        """Return the logs that a run is being written to."""
        logs = (log for log in self.open_logs() if isinstance(log, RunLog))
        return [log for log in logs if log.run.run_id == run_id]

    # -- leases

    def _notice_lost(self, database: Database) -> None:
        """End what a process did that is gone; a history that cannot be written shows it open."""
        now = time.monotonic()
        if now < self._next_look or database.only_reads:
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
                self.listeners.tell(run_id, ended[0], [ended[1]])
        if backfills:
            try:
                database.write(partial(lost_runs.end_backfills, lost=backfills))
            except StorageError as error:
                _report("An interrupted backfill could not be marked as such.", error)

    # -- closing

    def check_open(self) -> None:
        """Raise an error if it is closed.

        Raises:
            InvariantViolationError: If it is.
        """
        if self.closed:
            raise InvariantViolationError(
                "This instance was closed by dispose(). Open it again, for example "
                "with Instance.get()."
            )

    def close(self) -> None:
        """Write what is pending and let go of the database."""
        if self.closed:
            return
        self._flusher.stop()
        for log in list(self._flusher.logs):
            try:
                log.write()
            except Exception as error:  # noqa: BLE001 - the rest is still closed
                _report("The end of a log could not be written.", error)
        self.closed = True
        self.listeners.clear()
        if self._database is not None:
            self._database.dispose()
        if self._letting_go is not None:
            self._letting_go.detach()


_histories: weakref.WeakSet[History] = weakref.WeakSet()


def _close_all() -> None:
    """At the end of the process, write what is pending."""
    for history in list(_histories):
        if history.durable:
            history.close()


atexit.register(_close_all)


def _leave_all() -> None:
    for history in list(_histories):
        history.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)


def _twice(run: JobRun) -> InvariantViolationError:
    return InvariantViolationError(
        f"The history has a run {run.run_id!r} already. Leave out run_id to get a new one."
    )
