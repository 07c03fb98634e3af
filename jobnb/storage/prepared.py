"""Statements that SQLAlchemy compiles once; their values go to the driver as they are.

To build a statement and to look it up takes SQLAlchemy several times as long as it takes the
database to execute it: what is executed for every run, or for every commit of its log, is here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Insert

Statement = Callable[[Connection], Any]
"""Gives a statement for the database that a connection is to; always the same one."""

_compiled: dict[tuple[Statement, str], tuple[str, list[str] | None]] = {}


def execute(connection: Connection, statement: Statement, **values: Any) -> CursorResult[Any]:
    """Execute a statement.

    Args:
        connection: The connection.
        statement: Gives it; its values are named by `bindparam`.
        values: The values, by name; an insert has one for each of these columns.
    """
    sql, order = _text(connection, statement, tuple(values))
    given = values if order is None else tuple([values[name] for name in order])
    return connection.exec_driver_sql(sql, given)


def insert_many(
    connection: Connection,
    statement: Statement,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Insert rows.

    Args:
        connection: The connection.
        statement: Gives the insert.
        columns: What each row has, in this order.
        rows: The rows.
    """
    if not rows:
        return
    sql, order = _text(connection, statement, columns)
    if order == list(columns):
        connection.exec_driver_sql(sql, list(rows))
    else:
        connection.exec_driver_sql(sql, [dict(zip(columns, row, strict=True)) for row in rows])


def _text(
    connection: Connection, statement: Statement, columns: Sequence[str]
) -> tuple[str, list[str] | None]:
    """Return the SQL of a statement, and the order of its values; None where they have names."""
    dialect = connection.dialect
    key = (statement, dialect.name)
    if key not in _compiled:
        made = statement(connection)
        inserts = isinstance(made, Insert)
        if inserts:
            made = made.inline()
        done = made.compile(dialect=dialect, column_keys=list(columns) if inserts else None)
        order = getattr(done, "positiontup", None)
        _compiled[key] = (str(done), list(order) if order is not None else None)
    return _compiled[key]
