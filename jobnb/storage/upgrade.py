"""Upgrade a history that an older jobnb wrote to the present tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import Connection, inspect, select

import jobnb.events as ev
from jobnb.state import RunStatus
from jobnb.storage import tables
from jobnb.storage.event_queries import chunk_events
from jobnb.storage.run_queries import known_status
from jobnb.storage.writing import key_text, note_partitions

runs, chunks, indexed = tables.runs, tables.event_chunks, tables.indexed_events

_MADE = ev.EventType.ASSET_MATERIALIZATION.value
_PLANNED = ev.EventType.ASSET_MATERIALIZATION_PLANNED.value


def upgrade(connection: Connection, version: int) -> None:
    """Upgrade the tables in the open transaction: wholly or not at all.

    Args:
        connection: The connection; tables that are missing have been made.
        version: The schema that the history was written with.
    """
    for number in range(version, tables.SCHEMA_VERSION):
        _STEPS[number](connection)


def _gather_partitions(connection: Connection) -> None:
    """Upgrade to schema 2, which stores the status of each partition, from its events."""
    made: dict[str, list[tuple[str, str, int, float]]] = {}
    columns = (indexed.c.run_id, indexed.c.asset_key, indexed.c.partition, indexed.c.storage_id)
    query = select(*columns, indexed.c.time).order_by(indexed.c.storage_id)
    query = query.where(indexed.c.kind == _MADE, indexed.c.partition.is_not(None))
    for run_id, key, partition, place, when in connection.execute(query):
        made.setdefault(run_id, []).append((key, partition, place, when))
    # Runs in the order of their ends: what one failed to make, a later one may have made.
    for run_id, status in _runs_in_order(connection):
        planned = _planned(connection, run_id) if _may_lack(status) else {}
        note_partitions(connection, run_id, planned, made.pop(run_id, []), status)


def _runs_in_order(connection: Connection) -> Iterator[tuple[str, RunStatus]]:
    query = select(runs.c.run_id, runs.c.status, runs.c.ended).order_by(runs.c.id)
    rows = connection.execute(query).all()
    for run_id, status, _ in sorted(rows, key=lambda row: row.ended or float("inf")):
        known = known_status(status)
        if known is not None:
            yield run_id, known


def _may_lack(status: RunStatus) -> bool:
    return status is RunStatus.FAILURE or status in tables.UNDER_WAY


def _planned(connection: Connection, run_id: str) -> dict[tuple[str, str | None], None]:
    """Return the assets that a run planned to materialize, without those wiped since."""
    known = set(connection.scalars(select(tables.assets.c.asset_key)))
    found: dict[tuple[str, str | None], None] = {}
    own = select(chunks.c.body).where(
        chunks.c.run_id == run_id, chunks.c.kinds.contains(f" {_PLANNED} ")
    )
    for body in connection.scalars(own.order_by(chunks.c.first_seq)):
        for event in chunk_events(body):
            if isinstance(event, ev.AssetPlanned) and key_text(event.asset) in known:
                found[key_text(event.asset), event.partition] = None
    return found


def _add_notebook(connection: Connection) -> None:
    """Upgrade to schema 3, which stores the launching notebook; that of earlier runs is unknown."""
    columns = {column["name"] for column in inspect(connection).get_columns("runs")}
    if "notebook" not in columns:
        kind = 'TEXT COLLATE "C"' if connection.dialect.name == "postgresql" else "TEXT"
        connection.exec_driver_sql(f"ALTER TABLE runs ADD COLUMN notebook {kind}")


_STEPS: dict[int, Callable[[Connection], None]] = {1: _gather_partitions, 2: _add_notebook}
"""What leads from each version to the next."""
