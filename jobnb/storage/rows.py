"""Statements that hold many rows, and rows that may be there already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Insert

__all__ = ["insert_many", "upsert"]

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
