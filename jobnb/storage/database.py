"""Open, read and write the database in such a way that several kernels can share it.

Only this module and the queries beside it know SQLAlchemy.
"""

from __future__ import annotations

import logging
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

from jobnb.errors import JobnbError, StorageError
from jobnb.storage import engines, tables
from jobnb.storage.engines import CommitOutcome, Place

T = TypeVar("T")
_logger = logging.getLogger("jobnb.storage")

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
    """Return the URL of an SQLite file; the path is taken as it is, whatever characters it has."""
    return URL.create("sqlite", database=str(path))


class Database:
    """An open database; its tables exist when the constructor returns.

    Args:
        url: Any SQLAlchemy URL; None for one in memory.
        what: How messages call it.
        make_place: Makes the place of its file again when that was removed.

    Attributes:
        opened: How often it was opened: once more each time that its file is another one.
        only_reads: Whether it refuses to write from now on.

    Raises:
        StorageError: If it cannot be opened, or was written by a newer jobnb.
    """

    def __init__(
        self,
        url: str | URL | None = None,
        what: str = "the history",
        make_place: Callable[[], object] | None = None,
    ) -> None:
        self.what = what
        self.opened = 1
        self.only_reads = False
        self._make_place = make_place
        self._opening = threading.RLock()
        self._file: Place | None = None
        self._reads_all_texts = False
        self.url = engines.parsed_url(url, what)
        # All threads share the one connection of a database in memory, one at a time.
        in_memory = engines.is_in_memory(self.url)
        self._turn: AbstractContextManager[Any] = threading.RLock() if in_memory else nullcontext()
        self._engine = engines.open_engine(self.url, what)
        self._reader = engines.reader(self._engine)
        self._writer = engines.writer(self._engine)
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
        """The URL for people to read: without passwords."""
        return self.url.render_as_string(hide_password=True)

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for reading the tables directly."""
        return self._engine

    def leave(self) -> None:
        """In a forked process, use connections and locks of its own."""
        self._opening = threading.RLock()
        if engines.is_in_memory(self.url):
            self._turn = threading.RLock()
        else:
            engines.leave_connections()
            self._engine.dispose(close=False)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Return the result of `work` in one transaction: all reads are of the same moment."""
        return self._try(lambda: self._once(work, self._reader), "read")

    def write(self, work: Callable[[Connection], T]) -> T:
        """Execute `work` wholly or not at all; repeat it if another writer was in the way."""
        if self.only_reads:
            raise StorageError(f"{self._named()} is read here and not changed.")
        return self._try(lambda: self._once(work, self._writer), "write")

    def dispose(self) -> None:
        """Close every connection."""
        with self._turn, InterruptGuard():
            self.engine.dispose()

    def _once(self, work: Callable[[Connection], T], engine: Engine) -> T:
        worked, opened = False, self.opened
        try:
            # The bookkeeping of connections is not left half done; what is read may be long.
            with self._turn, InterruptGuard() as held, engine.connect() as connection:
                raw = connection.connection.dbapi_connection
                reads = engine is self._reader
                if reads and not engines.is_there(raw, self._file):
                    raise _GoneError(opened)
                try:
                    with connection.begin():
                        held.passes = reads
                        try:
                            found = work(connection)
                            worked = True
                        finally:
                            held.passes = False
                finally:
                    engines.let_go(raw)
                kept = CommitOutcome.THERE if reads else engines.kept(raw, self._file)
                if kept is CommitOutcome.SAVED:
                    connection.invalidate()
            if kept is not CommitOutcome.THERE:
                self._note_removal(kept, opened)
            return found
        except DBAPIError as error:
            if error.connection_invalidated and not worked:
                raise _CutOffError(error) from error
            raise

    def _note_removal(self, kept: CommitOutcome, opened: int) -> None:
        """Handle that the file or its log was removed after a commit."""
        if kept is CommitOutcome.GONE:
            raise _GoneError(opened)
        _logger.warning("A part of %s was removed while it was in use, and is saved.", self.what)
        self._engine.dispose()

    def _open_anew(self, opened: int) -> None:
        """Open what is now at the path of a file that was removed or replaced."""
        with self._opening:
            if self.opened != opened:
                return  # another thread has seen to it
            _logger.warning(
                "%s was removed or replaced while it was in use (%s). It continues as a new one, "
                "with the runs that are under way; what was in it before is not known any more.",
                self._named(), self.url.database,
            )  # fmt: skip
            self._engine.dispose()
            if self._make_place is not None:
                self._make_place()
            self._prepare()
            self.opened += 1

    def _is_moved(self, opened: int) -> bool:
        """Whether an error may come of it that the file was removed or replaced."""
        with self._opening:  # a thread may be about to open it again
            return self.opened != opened or (
                self._file is not None and engines.place(str(self.url.database)) != self._file
            )

    def _named(self) -> str:
        return f"{self.what[:1].upper()}{self.what[1:]}"

    def _try(self, work: Callable[[], T], verb: str) -> T:
        deadline = time.monotonic() + engines.PATIENCE
        pause, cut_off = 0.002, False
        while True:
            opened = self.opened
            try:
                return self._do(work, verb)
            except _GoneError as error:
                if verb == "open" or time.monotonic() > deadline:
                    raise StorageError(
                        f"Cannot {verb} {self.what}: {self.url.database} is removed or replaced "
                        "as often as it is made."
                    ) from None
                self._open_anew(error.opened)
                continue
            except _CutOffError as error:
                if cut_off:
                    raise self._unusable(verb, error.why) from error.why
                cut_off = True
                continue
            except OperationalError as error:
                if verb != "open" and self._is_moved(opened):
                    self._open_anew(opened)
                    continue
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise self._unusable(verb, error) from error
            except IntegrityError:
                raise  # the caller knows what is there twice
            except DBAPIError as error:
                raise self._unusable(verb, error) from error
            time.sleep(pause * (0.5 + random.random()))
            pause = min(pause * 2, 0.25)

    def _do(self, work: Callable[[], T], verb: str) -> T:
        """Run the statement; report texts that cannot be written, repair those that cannot be read.

        Raises:
            StorageError: If a text or a path is none that can be stored.
        """
        try:
            return work()
        except UnicodeEncodeError as error:
            raise StorageError(
                f"Cannot {verb} {self.what}: the text {error.object!r} holds half a character "
                "(a lone surrogate), which no database stores."
            ) from error
        except ValueError as error:
            if verb != "open" or isinstance(error, JobnbError):
                raise
            raise StorageError(f"Cannot {verb} {self.what}: {error}.") from error
        except OperationalError as error:
            if not engines.is_of_ill_text(error) or self._reads_all_texts:
                raise
            self._reads_all_texts = True
            engines.read_all_texts(self._engine)
            return work()

    def _unusable(self, verb: str, error: DBAPIError) -> StorageError:
        reason = str(error.orig).strip().splitlines()[0] if str(error.orig) else "unknown reason"
        if "lock timeout" in reason:
            reason = f"another process has been writing for {engines.PATIENCE:g} seconds"
        advice = "Check the file and its rights, or set JOBNB_HOME to another folder."
        if self.dialect != "sqlite":
            advice = f"Check that {self.shown_url} is right and lets you in."
        made = StorageError(f"Cannot {verb} {self.what}: {reason.removesuffix('.')}. {advice}")
        made.may_pass = isinstance(error, OperationalError)
        return made

    def _prepare(self) -> None:
        with engines.cleared(self.url):
            if self.dialect == "sqlite":
                self._file = self._try(self._opened_file, "open")
                self._try(self._enter_wal, "open")
            version = self._try(lambda: self._once(_make_tables, self._writer), "open")
        if version > tables.SCHEMA_VERSION:
            raise StorageError(
                f"{self._named()} was written by a newer jobnb "
                f"(schema {version}, this one knows {tables.SCHEMA_VERSION}). Update jobnb."
            )

    def _opened_file(self) -> Place | None:
        with self._turn, InterruptGuard(), self.engine.connect() as connection:
            return engines.file_of(connection.connection.dbapi_connection)

    def _enter_wal(self) -> None:
        """Let readers work beside a writer; a file system that cannot do so keeps its journal."""
        with self._turn, InterruptGuard(), self.engine.connect() as connection:
            raw = connection.connection.cursor()
            try:
                if raw.execute("PRAGMA journal_mode").fetchone()[0].lower() != "wal":
                    raw.execute("PRAGMA journal_mode=WAL")
            except Exception as error:
                raise OperationalError("PRAGMA journal_mode=WAL", None, error) from error
            finally:
                raw.close()


class InterruptGuard:
    """Delays Ctrl-C until the block ends, unless that takes long or it comes again.

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


class _GoneError(Exception):
    """The file was removed or replaced: nobody else can read what is written to it."""

    def __init__(self, opened: int) -> None:
        super().__init__()
        self.opened = opened


class _CutOffError(Exception):
    """The connection was lost before anything was committed: it can be repeated."""

    def __init__(self, why: DBAPIError) -> None:
        super().__init__(str(why))
        self.why = why


def _is_busy(error: OperationalError) -> bool:
    text = str(error.orig)
    return any(phrase in text for phrase in _BUSY)


def _version_of(text: Any) -> int:
    """Return the version of the tables that a history has.

    Raises:
        StorageError: If that is none.
    """
    if not str(text).isdecimal() or int(text) < 1:
        raise StorageError(
            f"The history cannot be used: its tables are of the version {str(text)!r}, which is "
            "none. Perhaps something else has changed it: restore an earlier copy."
        )
    return int(text)


def _make_tables(connection: Connection) -> int:
    """Create what is missing; the version of the tables that were there or are now."""
    kvs = tables.kvs
    found = None
    if inspect(connection).has_table(kvs.name):
        found = connection.scalar(select(kvs.c.value).where(kvs.c.key == _VERSION_KEY))
    version = tables.SCHEMA_VERSION if found is None else _version_of(found)
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
