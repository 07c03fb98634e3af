"""The door to the database: opening it, reading, and writing so that several kernels can share it.

Only this module and the queries beside it know SQLAlchemy.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, insert, inspect, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from jobnb.errors import StorageError
from jobnb.storage import engines, tables

__all__ = ["Database", "file_url"]

T = TypeVar("T")

_BUSY = (
    "database is locked",
    "database table is locked",
    "database is busy",
    "deadlock detected",
    "could not serialize",
    "lock timeout",
)
_VERSION_KEY = "jobnb/schema_version"


def file_url(path: Path) -> URL:
    """The URL of an SQLite file; the path is taken as it is, whatever characters it has."""
    return URL.create("sqlite", database=str(path))


class Database:
    """One database, opened: its tables exist when the constructor returns.

    Args:
        url: Any SQLAlchemy URL; None for one in memory.
        what: How messages call it.

    Raises:
        StorageError: If it cannot be opened, or was written by a newer jobnb.
    """

    def __init__(self, url: str | URL | None = None, what: str = "the history") -> None:
        self.what = what
        self.url = engines.parsed_url(url, what)
        # All threads share the one connection of a database in memory, one at a time.
        in_memory = engines.is_in_memory(self.url)
        self._turn: AbstractContextManager[Any] = threading.RLock() if in_memory else nullcontext()
        self._engine = engines.open_engine(self.url, what)
        self._reader = engines.reader(self._engine)
        self._writer = engines.writer(self._engine)
        self._pid = os.getpid()
        try:
            self._prepare()
        except BaseException:
            self._engine.dispose()
            raise

    @property
    def dialect(self) -> str:
        """The kind of database: `sqlite`, `postgresql`..."""
        return self.url.get_backend_name()

    @property
    def shown_url(self) -> str:
        """Where it is, for people to read: without passwords."""
        return self.url.render_as_string(hide_password=True)

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for whoever wants to look at the tables."""
        if self._pid != os.getpid():
            # A forked child must not talk over its parent's connections.
            self._engine.dispose(close=False)
            self._pid = os.getpid()
        return self._engine

    def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` finds, in one transaction: all it reads is of one moment."""
        return self._try(lambda: self._once(work, self._reader), "read")

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do `work` wholly or not at all; it is done again when another writer was in the way."""
        return self._try(lambda: self._once(work, self._writer), "write")

    def dispose(self) -> None:
        """Close every connection."""
        with self._turn, Held():
            self.engine.dispose()

    def _once(self, work: Callable[[Connection], T], engine: Engine) -> T:
        _ = self.engine  # in a forked child it lets go of the parent's connections
        worked = False
        try:
            # The bookkeeping of connections is not left half done; what is read may be long.
            with self._turn, Held() as held, engine.connect() as connection:
                raw = connection.connection.dbapi_connection
                try:
                    with connection.begin():
                        held.passes = engine is self._reader
                        try:
                            found = work(connection)
                            worked = True
                        finally:
                            held.passes = False
                finally:
                    engines.let_go(raw)
            return found
        except DBAPIError as error:
            if error.connection_invalidated and not worked:
                raise _CutOffError(error) from error
            raise

    def _try(self, work: Callable[[], T], verb: str) -> T:
        deadline = time.monotonic() + engines.PATIENCE
        pause, cut_off = 0.002, False
        while True:
            try:
                return work()
            except _CutOffError as error:
                if cut_off:
                    raise self._unusable(verb, error.why) from error.why
                cut_off = True
                continue
            except OperationalError as error:
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise self._unusable(verb, error) from error
            except IntegrityError:
                raise  # the caller knows what is there twice
            except DBAPIError as error:
                raise self._unusable(verb, error) from error
            time.sleep(pause * (0.5 + random.random()))
            pause = min(pause * 2, 0.25)

    def _unusable(self, verb: str, error: DBAPIError) -> StorageError:
        reason = str(error.orig).strip().splitlines()[0] if str(error.orig) else "unknown reason"
        if "lock timeout" in reason:
            reason = f"another process has been writing for {engines.PATIENCE:g} seconds"
        advice = "Check the file and its rights, or set JOBNB_HOME to another folder."
        if self.dialect != "sqlite":
            advice = f"Check that {self.shown_url} is right and lets you in."
        return StorageError(f"Cannot {verb} {self.what}: {reason.removesuffix('.')}. {advice}")

    def _prepare(self) -> None:
        if self.dialect == "sqlite":
            self._try(self._enter_wal, "open")
        version = self._try(lambda: self._once(_make_tables, self._writer), "open")
        if version > tables.SCHEMA_VERSION:
            raise StorageError(
                f"{self.what[:1].upper()}{self.what[1:]} was written by a newer jobnb "
                f"(schema {version}, this one knows {tables.SCHEMA_VERSION}). Update jobnb."
            )

    def _enter_wal(self) -> None:
        """Readers and a writer side by side; a file system that cannot do it keeps its journal."""
        with self._turn, Held(), self.engine.connect() as connection:
            raw = connection.connection.cursor()
            try:
                if raw.execute("PRAGMA journal_mode").fetchone()[0].lower() != "wal":
                    raw.execute("PRAGMA journal_mode=WAL")
            except Exception as error:
                raise OperationalError("PRAGMA journal_mode=WAL", None, error) from error
            finally:
                raw.close()


class Held:
    """While it lasts, Ctrl-C waits for its end, unless that is long in coming or it comes again.

    Python interrupts the main thread only: in others, nothing is done.

    Attributes:
        passes: Whether Ctrl-C comes at once for now.
    """

    def __init__(self) -> None:
        self.passes = False
        self._before: Any = None
        self._came: tuple[int, FrameType | None] | None = None
        self._until = 0.0

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._until = time.monotonic() + engines.TURN
            self._before = signal.getsignal(signal.SIGINT)
            if callable(self._before):
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *problem: object) -> None:
        if callable(self._before):
            signal.signal(signal.SIGINT, self._before)
            if self._came is not None:
                self._before(*self._came)

    def _note(self, number: int, frame: FrameType | None) -> None:
        waits = not self.passes and self._came is None and time.monotonic() < self._until
        self._came = (number, frame) if waits else None
        if not waits:
            self._before(number, frame)


class _CutOffError(Exception):
    """The connection was lost before anything was committed: it may be done again."""

    def __init__(self, why: DBAPIError) -> None:
        super().__init__(str(why))
        self.why = why


def _is_busy(error: OperationalError) -> bool:
    text = str(error.orig)
    return any(phrase in text for phrase in _BUSY)


def _make_tables(connection: Connection) -> int:
    """Create what is missing; the version of the tables that were there or are now."""
    kvs = tables.kvs
    found = None
    if inspect(connection).has_table(kvs.name):
        found = connection.scalar(select(kvs.c.value).where(kvs.c.key == _VERSION_KEY))
    version = tables.SCHEMA_VERSION if found is None else int(found)
    if version > tables.SCHEMA_VERSION:
        return version  # it is not ours to change
    tables.metadata.create_all(connection)
    mine = {"value": str(tables.SCHEMA_VERSION)}
    if found is None:
        connection.execute(insert(kvs).values(key=_VERSION_KEY, **mine))
    elif version < tables.SCHEMA_VERSION:
        from jobnb.storage.upgrade import upgrade

        upgrade(connection, version)
        connection.execute(update(kvs).where(kvs.c.key == _VERSION_KEY).values(mine))
    return tables.SCHEMA_VERSION
