"""Pruning a history: what is old, and stored values that nothing refers to.

It is safe beside running kernels. Of runs only those that have ended go, each in a transaction of
its own, and none that says how an asset or a partition stands, or that a run or backfill under way
repeats. A value goes only if it has lain there for a day, and is moved aside before it is looked at
for the last time, so that what is stored meanwhile stays.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, func, select, update

import jobnb.events as ev
from jobnb.definitions.jobs.job_config import is_nameless
from jobnb.definitions.partitions.partition_keys import (
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    SUBSET_TAG,
)
from jobnb.state import FINISHED
from jobnb.storage import asset_queries, partition_queries, run_queries, tables
from jobnb.storage.backfill import BackfillStatus
from jobnb.storage.records import UNREADABLE
from jobnb.storage.run import BACKFILL_TAG
from jobnb.storage.unreferenced import delete_values, known_values, unreferenced_values
from jobnb.storage.writing import encoded

if TYPE_CHECKING:
    from jobnb.storage.instance import Instance

T = TypeVar("T")

DAY = 86_400.0
GRACE = DAY
"""Seconds for which no stored value is taken for one that nothing refers to."""

_ENDED = [status.value for status in FINISHED]
_MESSAGES = f" {ev.EventType.LOG_MESSAGE.value} "
_GROUP = 500  # ids per statement: databases bound the number of parameters

runs, chunks, ticks = tables.runs, tables.event_chunks, tables.ticks


class Retention(msgspec.Struct, frozen=True):
    """How long what is kept; what has no limit stays for ever.

    Attributes:
        run_days: Days after its end for which a run is kept.
        log_days: Days after its end for which the messages of a run's log are kept; its events
            stay with it.
        tick_days: Days for which a tick is kept; the latest of each schedule and sensor stays.
        values: Whether stored values that nothing refers to are deleted.
    """

    run_days: float | None = None
    log_days: float | None = None
    tick_days: float | None = None
    values: bool = False


class Prunable(msgspec.Struct, frozen=True):
    """What can be deleted of one kind: how many, and how large it is in bytes."""

    count: int = 0
    bytes: int = 0


class Pruning(msgspec.Struct, frozen=True):
    """What a retention does not keep.

    Attributes:
        run_ids: The runs.
        log_ids: The runs whose messages go.
        tick_ids: The rows of the ticks.
        files: The stored values.
        runs: The runs in numbers.
        logs: The messages in numbers.
        ticks: The ticks in numbers.
        values: The values in numbers.
        kept_runs: How many runs are old, but say how assets stand or are repeated just now.
    """

    run_ids: tuple[str, ...] = ()
    log_ids: tuple[str, ...] = ()
    tick_ids: tuple[int, ...] = ()
    files: tuple[Path, ...] = ()
    runs: Prunable = Prunable()
    logs: Prunable = Prunable()
    ticks: Prunable = Prunable()
    values: Prunable = Prunable()
    kept_runs: int = 0

    @property
    def bytes(self) -> int:
        """How large all of it is."""
        return sum(each.bytes for each in (self.runs, self.logs, self.ticks, self.values))


def find_prunable(instance: Instance, retention: Retention, now: float | None = None) -> Pruning:
    """Find what a retention does not keep; nothing is changed.

    Args:
        instance: The history.
        retention: What is kept.
        now: The time, in seconds since the epoch.

    Example:
        >>> from jobnb.storage.instance import Instance
        >>> find_prunable(Instance.ephemeral(), Retention(run_days=30)).bytes
        0
    """
    when = time.time() if now is None else now
    found = instance._history.read(lambda connection: _rows(connection, retention, when))
    if not retention.values:
        return found
    values = Path(instance.root_directory) / "storage"
    known = instance._history.read(
        lambda connection: known_values(connection, without_runs=set(found.run_ids))
    )
    files = list(unreferenced_values(values, known, when - GRACE))
    sizes = Prunable(len(files), sum(size for _, size in files))
    return msgspec.structs.replace(found, files=tuple(path for path, _ in files), values=sizes)


def prune(instance: Instance, pruning: Pruning, now: float | None = None) -> Prunable:
    """Delete what was found; what is referred to again by now stays.

    Returns:
        How many values were deleted, and how large they were.
    """
    when = time.time() if now is None else now
    write = instance._history.write
    for run_ids in _groups(pruning.run_ids, 50):
        write(partial(_delete_runs, run_ids=run_ids))
    for run_id in pruning.log_ids:
        write(partial(_empty_messages, run_id=run_id))
    for ids in _groups(pruning.tick_ids):
        write(partial(_delete_ticks, ids=ids))
    values = Path(instance.root_directory) / "storage"
    deleted = delete_values(pruning.files, values, when - GRACE)
    return Prunable(len(deleted), sum(deleted))


def compact(instance: Instance) -> None:
    """Give the space of deleted records back to the disk; writers wait meanwhile."""
    database = instance._opened()
    if database.dialect == "sqlite":
        with database.engine.connect() as connection:
            raw = connection.connection.cursor()
            raw.execute("VACUUM")
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raw.close()


# --- rows -----------------------------------------------------------------------------


def _rows(connection: Connection, retention: Retention, now: float) -> Pruning:
    run_ids: list[str] = []
    kept = 0
    needed = _needed(connection)
    if retention.run_days is not None:
        old = _ended_before(connection, now - retention.run_days * DAY)
        run_ids = [run_id for run_id in old if run_id not in needed]
        kept = len(old) - len(run_ids)
    log_ids: list[str] = []
    log_bytes = 0
    if retention.log_days is not None:
        gone = set(run_ids)
        old = _ended_before(connection, now - retention.log_days * DAY)
        log_ids, log_bytes = _with_messages(connection, [each for each in old if each not in gone])
    tick_ids: tuple[int, ...] = ()
    tick_bytes = 0
    if retention.tick_days is not None:
        tick_ids, tick_bytes = _old_ticks(connection, now - retention.tick_days * DAY)
    return Pruning(
        run_ids=tuple(run_ids),
        log_ids=tuple(log_ids),
        tick_ids=tick_ids,
        runs=Prunable(len(run_ids), _run_bytes(connection, run_ids)),
        logs=Prunable(len(log_ids), log_bytes),
        ticks=Prunable(len(tick_ids), tick_bytes),
        kept_runs=kept,
    )


def _ended_before(connection: Connection, when: float) -> list[str]:
    moment = func.coalesce(runs.c.ended, runs.c.updated)
    query = select(runs.c.run_id).where(runs.c.status.in_(_ENDED), moment < when)
    return list(connection.scalars(query.order_by(runs.c.id)))


def _needed(connection: Connection) -> set[str]:
    """Return the runs that hold the status of assets and partitions, or are being repeated."""
    assets, partitions = tables.assets, tables.asset_partitions
    found: set[str | None] = set(connection.scalars(select(assets.c.run_id).distinct()))
    # An asset's row names the run that planned it last; the one that made it is found by its event.
    index = tables.indexed_events
    made = select(index.c.run_id).join(assets, assets.c.storage_id == index.c.storage_id)
    found.update(connection.scalars(made.distinct()))
    for column in (partitions.c.run_id, partitions.c.failed_run_id):
        found.update(connection.scalars(select(column).distinct()))
    going = select(runs.c.root_run_id, runs.c.body).where(runs.c.status.not_in(_ENDED))
    for root, body in connection.execute(going):
        found.add(root)
        with suppress(*UNREADABLE):
            found.add(msgspec.json.decode(body).get("parent_run_id"))
    found.update(_of_backfills(connection))
    found.update(_last_by_partition(connection))
    return {each for each in found if each is not None}


def _of_backfills(connection: Connection) -> Iterable[str]:
    """Return the runs of active backfills."""
    backfills, tags = tables.backfills, tables.run_tags
    going = select(backfills.c.backfill_id).where(
        backfills.c.status == BackfillStatus.REQUESTED.value
    )
    return connection.scalars(
        select(tags.c.run_id).where(tags.c.key == BACKFILL_TAG, tags.c.value.in_(going))
    ).all()


def _last_by_partition(connection: Connection) -> Iterator[str]:
    """Iterate over the last runs of jobs for each partition, and for each set of them."""
    tags = tables.run_tags
    counts = runs.c.status.not_in(partition_queries._PASSED_OVER)
    latest = (
        select(func.max(runs.c.id))
        .join(tags, tags.c.run_id == runs.c.run_id)
        .where(tags.c.key == PARTITION_TAG, counts)
        .group_by(runs.c.job_name, tags.c.value)
    )
    query = select(runs.c.job_name, runs.c.run_id).where(runs.c.id.in_(latest))
    for job_name, run_id in connection.execute(query).all():
        if not is_nameless(job_name):  # the assets report these themselves
            yield run_id
    several = (
        select(runs.c.job_name, runs.c.run_id, tags.c.key, tags.c.value)
        .join(tags, tags.c.run_id == runs.c.run_id)
        .where(tags.c.key.in_((RANGE_START_TAG, RANGE_END_TAG, SUBSET_TAG)), counts)
        .order_by(runs.c.id)
    )
    sets: dict[str, set[tuple[str, str, str]]] = {}
    for job_name, run_id, key, value in connection.execute(several):
        if is_nameless(job_name):
            continue
        sets.setdefault(run_id, set()).add((job_name, key, value))
    yield from {frozenset(which): run_id for run_id, which in sets.items()}.values()


def _run_bytes(connection: Connection, run_ids: Sequence[str]) -> int:
    total = 0
    for some in _groups(run_ids):
        for table in (runs, chunks):
            total += _sum(connection, func.length(table.c.body), table.c.run_id.in_(some))
    return total


def _sum(connection: Connection, what: Any, where: ColumnElement[bool]) -> int:
    return int(connection.scalar(select(func.sum(what)).where(where)) or 0)


def _with_messages(connection: Connection, run_ids: Sequence[str]) -> tuple[list[str], int]:
    """Return the runs whose logs have messages, and the size of these messages."""
    found: dict[str, int] = {}
    for some in _groups(run_ids):
        query = select(chunks.c.run_id, chunks.c.body)
        query = query.where(chunks.c.run_id.in_(some), chunks.c.kinds.contains(_MESSAGES))
        for run_id, body in connection.execute(query):
            saved = len(body) - len(_without_messages(body))
            if saved > 0:
                found[run_id] = found.get(run_id, 0) + saved
    return list(found), sum(found.values())


def _old_ticks(connection: Connection, when: float) -> tuple[tuple[int, ...], int]:
    """Return the ticks that have ended, but for the latest of each schedule and sensor."""
    last = select(ticks.c.origin, func.max(ticks.c.time).label("time")).group_by(ticks.c.origin)
    newest = last.subquery()
    query = (
        select(ticks.c.id, func.length(ticks.c.body))
        .join(newest, newest.c.origin == ticks.c.origin)
        .where(ticks.c.time < when, ticks.c.time < newest.c.time, ticks.c.status != "STARTED")
    )
    rows = connection.execute(query.order_by(ticks.c.id)).all()
    return tuple(row[0] for row in rows), sum(row[1] for row in rows)


def _delete_runs(connection: Connection, run_ids: Sequence[str]) -> None:
    """Delete runs, but for those that are needed by now; one that is gone already is no matter."""
    needed = _needed(connection)
    for run_id in run_ids:
        if run_id not in needed:
            run_queries.remove_run(connection, run_id)
            asset_queries.forget_run(connection, run_id)


def _delete_ticks(connection: Connection, ids: Sequence[int]) -> None:
    connection.execute(delete(ticks).where(ticks.c.id.in_(ids)))


def _empty_messages(connection: Connection, run_id: str) -> None:
    """Empty the messages of a log; events keep their places, by which others refer to them."""
    query = select(chunks.c.id, chunks.c.body).where(
        chunks.c.run_id == run_id, chunks.c.kinds.contains(_MESSAGES)
    )
    for number, body in connection.execute(query).all():
        connection.execute(
            update(chunks).where(chunks.c.id == number).values(body=_without_messages(body))
        )


def _without_messages(body: bytes) -> bytes:
    try:
        events = ev.decode_events(body)
    except UNREADABLE:
        return body  # whoever looks at the run is told
    if not any(isinstance(event, ev.Logged) and event.text for event in events):
        return body
    emptied = [
        msgspec.structs.replace(event, text="") if isinstance(event, ev.Logged) else event
        for event in events
    ]
    return encoded(emptied)[1]


def _groups(ids: Sequence[T], size: int = _GROUP) -> Iterator[Sequence[T]]:
    for first in range(0, len(ids), size):
        yield ids[first : first + size]
