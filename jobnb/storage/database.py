"""The door to the database: opening it, reading, and writing so that several kernels can share it.

SQLite is opened in WAL mode and every write begins with `BEGIN IMMEDIATE`: writers queue for
the lock instead of failing half-way. Only this module and the queries beside it know SQLAlchemy.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, update
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import StaticPool

from jobnb.errors import StorageError
from jobnb.storage import tables

__all__ = ["Database", "file_url"]

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds for which a write keeps asking for a lock that another process holds."""

_BUSY = (
    "database is locked",
    "database table is locked",
    "database is busy",
    "deadlock detected",
    "could not serialize",
)
_LOCK = 5_624_321_007  # any number that nobody else locks
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
        self.url = _url(url, what)
        in_memory = self.url.get_backend_name() == "sqlite" and self.url.database in {
            None,
            "",
            ":memory:",
        }
        # All threads share the one connection of a database in memory, one at a time.
        self._turn: AbstractContextManager[Any] = threading.RLock() if in_memory else nullcontext()
        self._engine = _engine(self.url, in_memory, what)
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
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for whoever wants to look at the tables."""
        if self._pid != os.getpid():
            # A forked child must not talk over its parent's connections.
            self._engine.dispose(close=False)
            self._pid = os.getpid()
        return self._engine

    def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` finds, in one transaction: all it reads is of one moment."""
        return self._try(lambda: self._once(work, writes=False), "read")

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do `work` wholly or not at all; it is done again when another writer was in the way."""
        return self._try(lambda: self._once(work, writes=True), "write")

    def dispose(self) -> None:
        """Close every connection."""
        with self._turn:
            self.engine.dispose()

    def _once(self, work: Callable[[Connection], T], *, writes: bool) -> T:
        engine = self.engine.execution_options(jobnb_writes=True) if writes else self.engine
        with self._turn, engine.begin() as connection:
            return work(connection)

    def _try(self, work: Callable[[], T], verb: str) -> T:
        deadline = time.monotonic() + PATIENCE
        pause = 0.002
        while True:
            try:
                return work()
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
        return StorageError(
            f"Cannot {verb} {self.what}: {reason}. "
            "Check the file and its rights, or set JOBNB_HOME to another folder."
        )

    def _prepare(self) -> None:
        if self.dialect == "sqlite":
            self._try(self._enter_wal, "open")
        version = self._try(lambda: self._once(_make_tables, writes=True), "open")
        if version > tables.SCHEMA_VERSION:
            raise StorageError(
                f"{self.what[:1].upper()}{self.what[1:]} was written by a newer jobnb "
                f"(schema {version}, this one knows {tables.SCHEMA_VERSION}). Update jobnb."
            )

    def _enter_wal(self) -> None:
        """Readers and a writer side by side; a file system that cannot do it keeps its journal."""
        with self._turn, self.engine.connect() as connection:
            raw = connection.connection.cursor()
            try:
                if raw.execute("PRAGMA journal_mode").fetchone()[0].lower() != "wal":
                    raw.execute("PRAGMA journal_mode=WAL")
            except Exception as error:
                raise OperationalError("PRAGMA journal_mode=WAL", None, error) from error
            finally:
                raw.close()


def _url(url: str | URL | None, what: str) -> URL:
    try:
        return make_url(url or "sqlite://")
    except ArgumentError as error:
        raise StorageError(
            f"Cannot open {what}: {url!r} is not a database URL. "
            "Write it like postgresql://user@host/name or sqlite:////folder/file.db."
        ) from error


def _engine(url: URL, in_memory: bool, what: str) -> Engine:
    options: dict[str, Any] = {}
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"check_same_thread": False, "timeout": 10}
    if in_memory:
        options["poolclass"] = StaticPool
    try:
        engine = create_engine(url, **options)
    except (ImportError, ArgumentError) as error:
        raise StorageError(
            f"Cannot open {what}: the driver for {url.drivername!r} is missing ({error}). "
            "For PostgreSQL install jobnb[postgres] and write postgresql+psycopg://..."
        ) from error
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    if in_memory:
        event.listen(engine, "handle_error", _on_error)
    return engine


def _on_connect(connection: Any, _record: Any) -> None:
    """Transactions are begun here, not by the driver; a commit survives a killed process."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("jobnb_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _on_error(context: ExceptionContext) -> None:
    """An interrupted statement closes its connection; a database in memory would be gone then."""
    context.is_disconnect = False


def _is_busy(error: OperationalError) -> bool:
    text = str(error.orig)
    return any(phrase in text for phrase in _BUSY)


def _make_tables(connection: Connection) -> int:
    """Create what is missing; the version of the tables that were there or are now."""
    if connection.dialect.name == "postgresql":
        # SQLite's lock keeps others out already; here two processes might make the tables at once.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
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
