"""Looking after a history as a whole: where it is, what is in it, how large it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, func, select, text

from jobnb.storage import tables
from jobnb.storage.history import named_database

if TYPE_CHECKING:
    from jobnb.storage.instance import Instance

_FILE = "history.db"
_VERSION = "SELECT value FROM kvs WHERE key = 'jobnb/schema_version'"


def about_history(instance: Instance) -> dict[str, Any]:
    """Return where a history is, how much is in it, and how large it is in bytes.

    Example:
        >>> from jobnb.storage.instance import Instance
        >>> about_history(Instance.ephemeral())["runs"]
        0
    """
    counted = {
        "runs": tables.runs,
        "assets": tables.assets,
        "ticks": tables.ticks,
        "backfills": tables.backfills,
    }
    counts = instance._history.read(lambda connection: {
        name: int(connection.scalar(select(func.count()).select_from(table)) or 0)
        for name, table in counted.items()
    })  # fmt: skip
    values = Path(instance.root_directory) / "storage"
    return {
        "home": None if instance.home is None else str(instance.home),
        "database": instance._opened().shown_url,
        "schema": tables.SCHEMA_VERSION,
        **counts,
        "history_bytes": history_bytes(instance),
        "values": str(values),
        "values_bytes": sum(size for _, size in files_below(values)),
    }


def history_bytes(instance: Instance) -> int | None:
    """Return how large the database is, in bytes; None where that is not known."""
    database = instance._opened()
    if database.dialect == "postgresql":
        query = text("SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c "
                     "WHERE c.relname = ANY(:names) AND pg_table_is_visible(c.oid)")  # fmt: skip
        names = [table.name for table in tables.metadata.sorted_tables]
        return int(database.read(lambda each: each.scalar(query, {"names": names})) or 0)
    if database.dialect != "sqlite" or instance.home is None:
        return None
    parts = (instance.home / f"{_FILE}{ending}" for ending in ("", "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def files_below(folder: Path) -> Iterator[tuple[Path, int]]:
    """Iterate over the files below a folder, each with its size in bytes."""
    for path in folder.rglob("*"):
        with suppress(OSError):  # it was removed since
            if path.is_file():
                yield path, path.stat().st_size


def schema_known() -> int:
    """Return the version of the tables that this jobnb uses."""
    return tables.SCHEMA_VERSION


def schema_in(home: Path) -> int | None:
    """Return the version of the tables of a history, without opening it; None if it has none.

    Args:
        home: The folder of the history.
    """
    with suppress(Exception):  # what is wrong with it is told when it is opened
        url = named_database()
        if url is not None:
            return _of_database(url)
        file = home / _FILE
        if file.exists():
            with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as found:
                row = found.execute(_VERSION).fetchone()
                return int(row[0])
    return None


def _of_database(url: str) -> int:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(text(_VERSION)).scalar_one())
    finally:
        engine.dispose()
