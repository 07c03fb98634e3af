"""Statements that hold many rows, and rows that may be there already."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Insert

from jobnb.errors import StorageError

__all__ = ["UNREADABLE", "insert_many", "readable", "tell_unreadable", "upsert"]

T = TypeVar("T")
_logger = logging.getLogger("jobnb.storage")

UNREADABLE = (msgspec.MsgspecError, StorageError, ArithmeticError, AttributeError, RecursionError,
              TypeError, ValueError)  # fmt: skip
"""What is raised where a row holds something else than it should."""

_told: set[tuple[str, str]] = set()
_MOST_TOLD = 1000


def readable(rows: Iterable[Any], read: Callable[[Any], T], what: str) -> Iterator[T]:
    """What the rows hold; one that cannot be read is left out, and told of once."""
    for row in rows:
        try:
            yield read(row)
        except UNREADABLE as error:
            tell_unreadable(what, error)


def tell_unreadable(what: str, error: BaseException) -> None:
    """Say, once, that the history holds something that cannot be read."""
    told = (what, str(error))
    if told not in _told and len(_told) < _MOST_TOLD:
        _told.add(told)
        _logger.warning("The history holds %s that cannot be read: %s", what, error)


_compiled: dict[tuple[Any, str], tuple[str, list[str] | None]] = {}


def insert_many(
    connection: Connection,
    statement: Callable[[Connection], Insert],
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Insert rows whose values the driver takes as they are: SQLAlchemy looks at none of them."""
    if not rows:
        return
    key = (statement, connection.dialect.name)
    if key not in _compiled:
        made = (
            statement(connection)
            .inline()
            .compile(dialect=connection.dialect, column_keys=list(columns))
        )
        order = getattr(made, "positiontup", None)
        _compiled[key] = (str(made), list(order) if order is not None else None)
    sql, order = _compiled[key]
    if order == list(columns):
        connection.exec_driver_sql(sql, list(rows))
    else:
        connection.exec_driver_sql(sql, [dict(zip(columns, row, strict=True)) for row in rows])


def upsert(
    connection: Connection, table: Any, unique: str | Sequence[str], changed: Sequence[str]
) -> Insert:
    """Insert rows, or change these columns of the ones that are there; none: leave them."""
    columns = [unique] if isinstance(unique, str) else list(unique)
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as pg_insert

        on_pg = pg_insert(table)
        if not changed:
            return on_pg.on_conflict_do_nothing(index_elements=columns)
        return on_pg.on_conflict_do_update(
            index_elements=columns, set_={name: on_pg.excluded[name] for name in changed}
        )
    from sqlalchemy.dialects.sqlite import insert as lite_insert

    on_lite = lite_insert(table)
    if not changed:
        return on_lite.on_conflict_do_nothing(index_elements=columns)
    return on_lite.on_conflict_do_update(
        index_elements=columns, set_={name: on_lite.excluded[name] for name in changed}
    )
