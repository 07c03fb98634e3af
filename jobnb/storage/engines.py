"""SQLAlchemy's engines: opened from a URL, with the transactions that the history needs.

Writers never work side by side: on SQLite each begins with `BEGIN IMMEDIATE`, on PostgreSQL with
a lock of our own. So they cannot deadlock, and the ids of events are in the order of the commits:
whoever reads on after the last id misses nothing. Readers wait for nobody and see one moment.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from functools import partial
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import StaticPool

from jobnb.errors import StorageError, did_you_mean
from jobnb.storage.process import keep_for_ever

PATIENCE = 60.0
"""Seconds for which a write waits for others to finish theirs."""

TURN = 1.0
"""Of these, seconds for which it hears nothing: then it looks up, and waits on."""

_OPENING = 5.0  # seconds for which one that opens it waits for another that does
_KINDS = ("sqlite", "postgresql")
_LOCK = 562_432_107  # any number that nobody else locks
_WRITES = "jobnb_writes"
_SECRET = re.compile(r":(?!//).*@")


def parsed_url(url: str | URL | None, what: str) -> URL:
    """Return SQLAlchemy's URL; PostgreSQL without a driver gets the one that jobnb installs.

    Raises:
        StorageError: If it is none, or of another kind. A password in it is not told.
    """
    try:
        found = make_url(url or "sqlite://")
    except (ArgumentError, ValueError):
        text = _SECRET.sub(":***@", str(url))
        raise StorageError(
            f"Cannot open {what}: {text!r} is not a database URL. "
            "Write it like postgresql://user@host/name or sqlite:////folder/file.db."
        ) from None  # SQLAlchemy's own words hold the password
    if found.drivername in {"postgresql", "postgres"}:
        found = found.set(drivername="postgresql+psycopg")
    if (kind := found.get_backend_name()) not in _KINDS:
        hint = did_you_mean(kind, _KINDS, noun="There are")
        raise StorageError(f"Cannot open {what}: a history is never kept in {kind!r}. {hint}")
    password = found.query.get("password")
    if isinstance(password, str):  # where SQLAlchemy does not show it
        found = found.difference_update_query(["password"]).set(password=password)
    if kind == "sqlite" and found.database and not _is_special(found.database):
        found = found.set(database=os.path.abspath(found.database))  # noqa: PTH100 - links stay
    return found


def _is_special(database: str) -> bool:
    """Whether SQLite's name of a database is no path."""
    return database == ":memory:" or database.startswith("file:")


def path_of(url: URL) -> str | None:
    """Return the path of SQLite's file, where it has one."""
    if url.get_backend_name() != "sqlite" or is_in_memory(url) or _is_special(str(url.database)):
        return None
    return url.database


@contextmanager
def cleared(url: URL) -> Iterator[None]:
    """Let a file be opened or created meanwhile, after removing what a deleted one left behind.

    SQLite would take what is beside the file for its own. Whoever else opens it waits, where
    the system can tell.
    """
    path = path_of(url)
    if path is None:
        yield
        return
    with _alone_in(os.path.dirname(path)):  # noqa: PTH120
        if place(path) is None:
            for ending in ("-wal", "-shm"):
                with suppress(OSError, ValueError):
                    os.unlink(path + ending)  # noqa: PTH108
        yield


@contextmanager
def _alone_in(folder: str) -> Iterator[None]:
    """Keep other processes from opening a history in a folder, but do not wait for ever."""
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError, ValueError):
        yield
        return
    try:
        deadline = time.monotonic() + _OPENING
        while time.monotonic() < deadline:
            try:
                flock(handle, LOCK_EX | LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.005)
            except OSError:
                break  # a file system without such locks
        yield
    finally:
        os.close(handle)


def is_in_memory(url: URL) -> bool:
    """Whether it is that of a database in memory."""
    return url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}


def open_engine(url: URL, what: str) -> Engine:
    """Return the engine of a URL; nothing is connected yet.

    Raises:
        StorageError: If its driver is missing.
    """
    sqlite = url.get_backend_name() == "sqlite"
    options: dict[str, Any] = {}
    if sqlite:
        options["connect_args"] = {
            "check_same_thread": False,
            "timeout": TURN,
            "factory": _FileConnection,
        }
    if is_in_memory(url):
        options["poolclass"] = StaticPool
    try:
        engine = create_engine(url, **options)
    except (ImportError, ArgumentError) as error:
        raise StorageError(
            f"Cannot open {what}: the driver for {url.drivername!r} is missing ({error}). "
            "For PostgreSQL install jobnb[postgres] and write postgresql://user@host/name."
        ) from error
    if sqlite:
        event.listen(engine, "connect", partial(_on_connect, path_of(url)))
        event.listen(engine, "begin", _begin_on_sqlite)
    elif url.get_backend_name() == "postgresql":
        event.listen(engine, "begin", _begin_on_postgres)
    if is_in_memory(url):
        event.listen(engine, "handle_error", _on_error)
    return engine


def reader(engine: Engine) -> Engine:
    """Return the same engine for transactions that only read, each from one moment."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return engine


def writer(engine: Engine) -> Engine:
    """Return the same engine for transactions that write, one after the other."""
    return engine.execution_options(**{_WRITES: True})


class _FileConnection(sqlite3.Connection):
    """A connection that, once closed, holds no lock, whoever still refers to it.

    A kernel keeps the last exception, with it the frames that it passed through, and in them a
    query that is not at its end: SQLite would keep the lock of its transaction for as long, even
    when the connection is closed.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _connections.add(self)
        self._cursors: list[sqlite3.Cursor] = []
        self._path = ""
        self.file: Place | None = None
        self._log: Place | None = None

    def note_files(self, path: str) -> None:
        """Record which file was opened, and which write-ahead log, if it has one."""
        self._path, self._log = path, place(f"{path}-wal")
        self.file = place(path) or (0, 0)  # the latter is none: it was removed meanwhile

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        """Return a cursor, which ends with the transaction."""
        made = super().cursor(factory)
        self._cursors.append(made)
        return made

    def let_go(self) -> None:
        """End all queries, and the transaction if it has not been committed."""
        with suppress(sqlite3.Error):  # it is closed already
            for cursor in self._cursors:
                cursor.close()
            if self.in_transaction:
                self.rollback()
        self._cursors.clear()

    def is_there(self, file: Place | None) -> bool:
        """Whether it has opened this file, and others find that one at its path."""
        return self.file == file and (file is None or place(self._path) == file)

    def kept(self, file: Place | None) -> CommitOutcome:
        """Return what became of the commits."""
        if not self.is_there(file):
            return CommitOutcome.GONE
        log = place(f"{self._path}-wal") if file is not None else None
        self._log = self._log or log
        return CommitOutcome.THERE if log == self._log else self._save()

    def _save(self) -> CommitOutcome:
        """Write the content of a removed log, which is open here still, to the file."""
        with suppress(sqlite3.Error):
            if self.execute("PRAGMA wal_checkpoint(FULL)").fetchone()[0] == 0:
                return CommitOutcome.SAVED
        return CommitOutcome.GONE

    def close(self) -> None:
        """Close it for good: no query outlives it."""
        self.let_go()
        super().close()


_connections: WeakSet[_FileConnection] = WeakSet()


def leave_connections() -> None:
    """In a forked process, leave the parent's connections open.

    To close one that was in a transaction would undo that in the memory that both share.
    """
    for connection in list(_connections):
        if connection.file is not None:
            keep_for_ever(connection)


class CommitOutcome(Enum):
    """What became of committed data.

    Attributes:
        THERE: It is where everyone finds it.
        SAVED: The log that held it was removed; it was saved, and the file is to be opened again.
        GONE: Nobody finds it: the file was removed or replaced.
    """

    THERE = "there"
    SAVED = "saved"
    GONE = "gone"


Place = tuple[int, int]


def place(path: str) -> Place | None:
    """Return the device and number of the file at a path."""
    try:
        found = os.stat(path)  # noqa: PTH116 - asked at every commit
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def file_of(raw: Any) -> Place | None:
    """Return the file that a driver's connection has opened, if it is one in a file."""
    return raw.file if isinstance(raw, _FileConnection) else None


def is_there(raw: Any, file: Place | None) -> bool:
    """Whether a driver's connection has opened this file, and others find it where it was."""
    return not isinstance(raw, _FileConnection) or raw.is_there(file)


def kept(raw: Any, file: Place | None) -> CommitOutcome:
    """Return what became of the commits of a driver's connection to this file."""
    return raw.kept(file) if isinstance(raw, _FileConnection) else CommitOutcome.THERE


def let_go(raw: Any) -> None:
    """End all that a driver's connection has begun; it can be used again."""
    if isinstance(raw, _FileConnection):
        raw.let_go()


def _on_connect(path: str | None, connection: Any, _record: Any) -> None:
    """Begin transactions here, not in the driver; make commits survive a killed process."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")
    if path is not None:
        with suppress(sqlite3.Error):  # whoever asks more of it is told
            cursor.execute("SELECT 1 FROM sqlite_master LIMIT 1")  # its log is open now
        connection.note_files(path)
    cursor.close()


def is_of_ill_text(error: DBAPIError) -> bool:
    """Whether an error is of a text that is no UTF-8: its row would hide all others."""
    return "Could not decode to UTF-8" in str(error.orig)


def read_all_texts(engine: Engine) -> None:
    """Decode, from now on, unreadable bytes of a text as replacement characters."""
    event.listen(engine, "connect", _on_connect_to_ill_texts)
    engine.dispose()


def _on_connect_to_ill_texts(connection: Any, _record: Any) -> None:
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")


def _begin_on_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_on_postgres(connection: Connection) -> None:
    """Wait for the other writers; each schema of a database has a history of its own."""
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql(
            f"SET LOCAL lock_timeout = {int(min(PATIENCE, TURN) * 1000)}; "
            f"SELECT pg_advisory_xact_lock({_LOCK}, hashtext(current_schema()))"
        )


def _on_error(context: ExceptionContext) -> None:
    """Keep an interrupted statement's connection: closing it would lose a database in memory."""
    context.is_disconnect = False
