"""Writing down what became of each partition, in the transaction that writes the events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Delete, Insert, bindparam, delete, select, update

from jobnb.events import EventType
from jobnb.state import RunStatus
from jobnb.storage import tables
from jobnb.storage.rows import insert_many, upsert

__all__ = ["forget_partitions", "forget_run_partitions", "note_ended_runs", "note_partitions"]

partitions, plans, indexed = (
    tables.asset_partitions,
    tables.partition_plans,
    tables.indexed_events,
)

Place = tuple[str, str]
"""The text of an asset's key, and a partition."""

_MADE = EventType.ASSET_MATERIALIZATION.value
_COLUMNS = ("asset_key", "partition", "storage_id", "run_id", "time", "failed_run_id")
_GROUP = 500  # keys per statement: databases bound the number of parameters


def note_partitions(
    connection: Connection,
    run_id: str,
    planned: Iterable[tuple[str, str | None]],
    made: Sequence[tuple[Any, Any, int, float]],
    status: RunStatus | None,
) -> None:
    """Keep what events say of partitions.

    Args:
        connection: The connection, in the transaction that writes the events.
        run_id: The run.
        planned: The assets and partitions that it says it will make.
        made: The assets and partitions it has made, with the event's storage id and time.
        status: Where the run stands by these events, if they tell.
    """
    done = {(key, partition): (key, partition, place, run_id, when, None)
            for key, partition, place, when in made}  # fmt: skip
    insert_many(connection, _keep_made, _COLUMNS, list(done.values()))
    ended = status is not None and status.is_finished
    if not ended or status is RunStatus.FAILURE:
        left = [(run_id, *each) for each in planned if each[1] is not None and each not in done]
        insert_many(connection, _keep_plan, ("run_id", "asset_key", "partition"), left)
        _settle(connection, run_id, done)
    if status is RunStatus.FAILURE:
        _fail(connection, run_id)
    if ended:
        connection.execute(delete(plans).where(plans.c.run_id == run_id))


def note_ended_runs(
    connection: Connection,
    planned: Iterable[tuple[str, str | None, str]],
    indexed: Iterable[Any],
    failed: set[str],
) -> None:
    """Keep what runs that are not in the history yet, and have ended, say of partitions.

    Args:
        connection: The connection, in the transaction that writes the events.
        planned: The assets and partitions that they meant to make, each with its run.
        indexed: The rows of their events that are looked up across runs, in order.
        failed: The runs that failed.
    """
    done: dict[Place, tuple[Any, ...]] = {}
    by_run: set[tuple[str, str, str]] = set()
    for place, run_id, kind, when, _, key, partition, _ in indexed:
        if kind == _MADE and partition:
            done[key, partition] = (key, partition, place, run_id, when, None)
            by_run.add((key, partition, run_id))
    insert_many(connection, _keep_made, _COLUMNS, list(done.values()))
    lost = {
        (key, partition): (key, partition, run_id)
        for key, partition, run_id in planned
        if partition and run_id in failed and (key, partition, run_id) not in by_run
    }
    columns = (*_COLUMNS[:2], "failed_run_id")
    insert_many(connection, _keep_failed, columns, list(lost.values()))


def _settle(connection: Connection, run_id: str, done: Iterable[Place]) -> None:
    """What was made is no longer planned."""
    rows = [{"run": run_id, "key": key, "part": partition} for key, partition in done]
    if rows:
        connection.execute(_DROP_PLAN, rows)


_DROP_PLAN: Delete = delete(plans).where(
    plans.c.run_id == bindparam("run"),
    plans.c.asset_key == bindparam("key"),
    plans.c.partition == bindparam("part"),
)


def _keep_made(connection: Connection) -> Insert:
    return upsert(connection, partitions, ("asset_key", "partition"), _COLUMNS[2:])


def _keep_failed(connection: Connection) -> Insert:
    return upsert(connection, partitions, ("asset_key", "partition"), ("failed_run_id",))


def _keep_plan(connection: Connection) -> Insert:
    return upsert(connection, plans, ("run_id", "asset_key", "partition"), ())


def _fail(connection: Connection, run_id: str) -> None:
    """What the run meant to make and did not has failed."""
    own = select(plans.c.asset_key, plans.c.partition, plans.c.run_id)
    own = own.where(plans.c.run_id == run_id)
    failed = ("asset_key", "partition", "failed_run_id")
    statement = upsert(connection, partitions, ("asset_key", "partition"), failed[2:])
    connection.execute(statement.from_select(failed, own))


# --- taking out -----------------------------------------------------------


def forget_partitions(connection: Connection, key: str, names: Sequence[str] | None = None) -> None:
    """Forget what is known of these partitions of an asset, or of all."""
    if names is None:
        connection.execute(delete(partitions).where(partitions.c.asset_key == key))
        connection.execute(delete(plans).where(plans.c.asset_key == key))
        return
    for start in range(0, len(names), _GROUP):
        some = list(names[start : start + _GROUP])
        for table in (partitions, plans, indexed):
            own = (table.c.asset_key == key) & table.c.partition.in_(some)
            connection.execute(delete(table).where(own))


def forget_run_partitions(connection: Connection, run_id: str) -> None:
    """After a run was taken out: its partitions go back to what an earlier run made of them."""
    connection.execute(delete(plans).where(plans.c.run_id == run_id))
    failed = partitions.c.failed_run_id == run_id
    connection.execute(update(partitions).where(failed).values(failed_run_id=None))
    mine = select(partitions.c.asset_key, partitions.c.partition)
    lost: dict[str, set[str]] = {}
    for key, partition in connection.execute(mine.where(partitions.c.run_id == run_id)):
        lost.setdefault(key, set()).add(partition)
    gone = {"storage_id": None, "run_id": None, "time": None}
    connection.execute(update(partitions).where(partitions.c.run_id == run_id).values(gone))
    for key, names in lost.items():
        _remake(connection, key, names)
    empty = partitions.c.storage_id.is_(None) & partitions.c.failed_run_id.is_(None)
    connection.execute(delete(partitions).where(empty))


def _remake(connection: Connection, key: str, names: set[str]) -> None:
    """Look up again what was last made of these partitions."""
    own = update(partitions).where(
        partitions.c.asset_key == key, partitions.c.partition == bindparam("part")
    )
    rows = [
        {"part": partition, "storage_id": place, "run_id": run_id, "time": when}
        for partition, place, run_id, when in latest_made(connection, key)
        if partition in names
    ]
    if rows:
        connection.execute(own, rows)


def latest_made(
    connection: Connection, key: str, before: int | None = None
) -> list[tuple[str, int, str, float]]:
    """The last materialization of each partition as the index of events has it."""
    about = (indexed.c.kind == _MADE, indexed.c.asset_key == key, indexed.c.partition.is_not(None))
    query = select(indexed.c.partition, indexed.c.storage_id, indexed.c.run_id, indexed.c.time)
    query = query.where(*about).order_by(indexed.c.storage_id)
    if before is not None:
        query = query.where(indexed.c.storage_id < before)
    found = {row[0]: (row[0], row[1], row[2], row[3]) for row in connection.execute(query)}
    return list(found.values())
