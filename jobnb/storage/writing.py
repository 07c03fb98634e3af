"""Write events with a few statements per commit, however many events it holds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import cache
from json.encoder import encode_basestring_ascii
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Insert,
    Select,
    Update,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

import jobnb.events as ev
from jobnb.state import FINISHED, RunStatus
from jobnb.storage import tables
from jobnb.storage.prepared import execute, insert_many
from jobnb.storage.process import Holder
from jobnb.storage.run import JobRun, encode_run
from jobnb.storage.tables import leases

CHUNK_CAP = 4096
"""How many events one row holds at most."""

RUN_STATUS: dict[type[ev.Event], RunStatus] = {
    ev.RunQueued: RunStatus.QUEUED,
    ev.RunStarting: RunStatus.STARTING,
    ev.RunStarted: RunStatus.STARTED,
    ev.RunSucceeded: RunStatus.SUCCESS,
    ev.RunFailed: RunStatus.FAILURE,
    ev.RunCanceling: RunStatus.CANCELING,
    ev.RunCanceled: RunStatus.CANCELED,
}
_ASSET_NEWS: frozenset[type[ev.Event]] = frozenset(
    {ev.AssetMaterialized, ev.AssetObserved, ev.AssetCheckEvaluated}
)
# Plans are many and seldom looked up across runs: they have no row of their own.
_INDEXED: frozenset[type[ev.Event]] = frozenset({*RUN_STATUS, *_ASSET_NEWS, ev.StepFailed})

_KIND_NAMES = {kind: kind.event_type.value for kind in _INDEXED}
INDEXED_KINDS = frozenset(_KIND_NAMES.values())
"""The kinds that are looked up across runs: each such event has a row of its own."""

LOADING_KIND = "ASSET_OBSERVATION_LOADING"
"""What the index calls an observation that reports no version: an IO manager loaded the asset."""

IndexRow = tuple[int, str, str, float, str | None, str | None, str | None, bytes]
_INDEX_COLUMNS = tuple(column.name for column in tables.indexed_events.columns)
_ASSET_COLUMNS = ("asset_key", "run_id", "storage_id", "time", "body")
_MADE = ev.EventType.ASSET_MATERIALIZATION.value


def insert_run(connection: Connection, run: JobRun, holder: Holder | None = None) -> None:
    """Add a run with its tags, and with the lease of the process that will do it, if it is told."""
    now = time.time()
    execute(
        connection,
        _keep_run,
        run_id=run.run_id,
        job_name=run.job_name,
        status=run.status.value,
        snapshot_id=run.job_snapshot_id,
        created=now,
        updated=now,
        root_run_id=run.root_run_id or run.run_id,
        notebook=run.notebook,
        body=encode_run(run),
    )
    _insert_tags(connection, run)
    if holder is not None and run.status not in FINISHED:
        take(connection, run.run_id, holder)


def replace_tags(connection: Connection, run: JobRun) -> None:
    """Replace the tags of a stored run by those of `run`."""
    own = tables.runs.c.run_id == run.run_id
    connection.execute(
        update(tables.runs).where(own).values(updated=time.time(), body=encode_run(run))
    )
    connection.execute(tables.run_tags.delete().where(tables.run_tags.c.run_id == run.run_id))
    _insert_tags(connection, run)


def _insert_tags(connection: Connection, run: JobRun) -> None:
    rows = [(run.run_id, key, str(value)) for key, value in run.tags.items()]
    insert_many(connection, keep_tags, ("run_id", "key", "value"), rows)


def _keep_run(_connection: Connection) -> Insert:
    return insert(tables.runs)


def keep_tags(_connection: Connection) -> Insert:
    """Return the statement that adds tags to runs."""
    return insert(tables.run_tags)


def write_events(
    connection: Connection,
    run_id: str,
    events: Sequence[ev.Event],
    holder: Holder | None = None,
    *,
    unrecorded: bool = False,
) -> bool:
    """Add events to a run's log, and all that follows from them, in the open transaction.

    Args:
        connection: The connection.
        run_id: The run.
        events: What happened.
        holder: The process that does the run, where it is not only told of from outside.
        unrecorded: Whether they are kept even if the run is not in the history.

    Returns:
        Whether they are kept; else the events of a run that was deleted are dropped.
    """
    there, status = _touch_run(connection, run_id, events, holder)
    if not there and not unrecorded:
        return False
    indexed: list[IndexRow] = []
    planned: dict[tuple[str, str | None], None] = {}
    seq = _next_seq(connection, run_id)
    for start in range(0, len(events), CHUNK_CAP):
        part, body = encoded(list(events[start : start + CHUNK_CAP]))
        chunk_id = _insert_chunk(connection, run_id, seq + start, part, body)
        indexed += index_rows(run_id, chunk_id, part)
        plans = ((key_text(e.asset), e.partition) for e in part if type(e) is ev.AssetPlanned)
        planned.update(dict.fromkeys(plans))
    keep_index(connection, indexed)
    note_assets(connection, indexed, dict.fromkeys((name for name, _ in planned), run_id))
    made = [(row[5], row[6], row[0], row[3]) for row in indexed if row[6] and row[2] == _MADE]
    note_partitions(connection, run_id, planned, made, status)
    return True


def _touch_run(
    connection: Connection, run_id: str, events: Sequence[ev.Event], holder: Holder | None
) -> tuple[bool, RunStatus | None]:
    """Update the run's row; return whether it exists, and the run's status."""
    status: RunStatus | None = None
    started = ended = None
    for event in events:
        changed = RUN_STATUS.get(type(event))
        if changed is None:
            continue
        status = changed
        if status is RunStatus.STARTED:
            started = event.time
        if status in FINISHED:
            ended = event.time
    touched = execute(
        connection,
        _touch,
        own=run_id,
        at=time.time(),
        new_status=None if status is None else status.value,
        new_started=started,
        new_ended=ended,
    )
    there = touched.rowcount > 0
    if there and status is not None:
        _note_lease(connection, run_id, status, holder)
    return there, status


def _touch(_connection: Connection) -> Update:
    """Return the statement that updates a run's row; what is not told stays as it is."""
    runs = tables.runs
    kept = {
        name: func.coalesce(bindparam(f"new_{name}", type_=runs.c[name].type), runs.c[name])
        for name in ("status", "started", "ended")
    }
    own = runs.c.run_id == bindparam("own")
    return update(runs).where(own).values(updated=bindparam("at"), **kept)


def _note_lease(
    connection: Connection, run_id: str, status: RunStatus, holder: Holder | None
) -> None:
    if status in FINISHED:
        drop(connection, run_id)
    elif holder is not None:
        take(connection, run_id, holder)


def holds(connection: Connection, run_id: str, events: Sequence[ev.Event]) -> bool:
    """Whether these events, which were to be added in one go, are in the run's log."""
    start = (len(events) - 1) // CHUNK_CAP * CHUNK_CAP
    chunks = tables.event_chunks
    same = chunks.c.body == encoded(list(events[start:]))[1]
    query = select(chunks.c.id).where(chunks.c.run_id == run_id, same)
    return connection.scalar(query.limit(1)) is not None


def _next_seq(connection: Connection, run_id: str) -> int:
    """Return the place of the next event in the run's log, whoever wrote the last one."""
    return int(execute(connection, _last_seq, own=run_id).scalar() or 0)


def _last_seq(_connection: Connection) -> Select[Any]:
    chunks = tables.event_chunks
    last = func.max(chunks.c.first_seq + chunks.c.count)
    return select(last).where(chunks.c.run_id == bindparam("own"))


def encoded(events: list[ev.Event]) -> tuple[list[ev.Event], bytes]:
    """Return events with their JSON; one that cannot be JSON is told in text rather than lost."""
    try:
        return events, ev.encode_events(events)
    except (UnicodeEncodeError, TypeError):
        body = msgspec.json.encode([_plain(msgspec.to_builtins(e, enc_hook=str)) for e in events])
        return ev.decode_events(body), body


def _plain(value: Any) -> Any:
    """Return the same with half characters (as in file names that are no UTF-8) spelled out."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def kinds_text(events: Sequence[ev.Event]) -> str:
    """Return the kinds of some events as a row keeps them: with a blank around each."""
    return _text_of(frozenset(map(type, events)))


@cache
def _text_of(kinds: frozenset[type[ev.Event]]) -> str:
    return f" {' '.join(sorted(kind.event_type.value for kind in kinds))} "


def _insert_chunk(
    connection: Connection, run_id: str, first_seq: int, events: list[ev.Event], body: bytes
) -> int:
    result = execute(
        connection,
        _keep_chunk,
        run_id=run_id,
        first_seq=first_seq,
        count=len(events),
        kinds=kinds_text(events),
        body=body,
    )
    return int(result.scalar_one() if result.returns_rows else result.lastrowid)


def _keep_chunk(connection: Connection) -> Insert:
    """Return the statement that adds a row of events; its id comes with the cursor on SQLite."""
    statement = insert(tables.event_chunks)
    if connection.dialect.name == "sqlite":
        return statement
    return statement.returning(tables.event_chunks.c.id)


def index_rows(run_id: str, chunk_id: int, events: list[ev.Event]) -> list[IndexRow]:
    """Return the rows of those events of a chunk that are looked up across runs."""
    first = chunk_id * tables.CHUNK_SPAN
    return [
        _index_row(run_id, first + offset, event)
        for offset, event in enumerate(events)
        if type(event) in _INDEXED
    ]


def _index_row(run_id: str, storage_id: int, event: Any) -> IndexRow:
    """Return a row in the order of `_INDEX_COLUMNS`; called for every asset of a large run."""
    kind = type(event)
    news = kind in _ASSET_NEWS
    return (
        storage_id,
        run_id,
        LOADING_KIND if kind is ev.AssetObserved and event.is_loading else _KIND_NAMES[kind],
        event.time,
        event.step_key if news or kind is ev.StepFailed else None,
        key_text(event.asset) if news else None,
        str(event.partition) if news and event.partition is not None else None,
        ev.encode_event(event),
    )


def key_text(path: Sequence[str]) -> str:
    """Return `AssetKey(path).to_string()`, without the key and ten times faster."""
    return f"[{', '.join(map(encode_basestring_ascii, path))}]"


def keep_index(connection: Connection, indexed: list[IndexRow]) -> None:
    """Keep the rows of events that are looked up across runs."""
    insert_many(connection, _keep_events, _INDEX_COLUMNS, indexed)


def note_assets(connection: Connection, indexed: list[IndexRow], planned: dict[str, str]) -> None:
    """Keep the latest materialization per asset, and that an asset is known at all.

    Args:
        connection: The connection.
        indexed: The events of one or more runs that are looked up across runs, in order.
        planned: The runs that say they will make an asset, by the text of its key.
    """
    made: dict[str, tuple[Any, ...]] = {}
    heard = dict(planned)
    for storage_id, run_id, kind, when, _, name, _, body in indexed:
        if kind == _MADE and name is not None:
            made[name] = (name, run_id, storage_id, when, body)
        elif name is not None:
            heard.setdefault(name, run_id)
    insert_many(connection, _keep_made, _ASSET_COLUMNS, list(made.values()))
    news = [(name, run_id) for name, run_id in heard.items() if name not in made]
    insert_many(connection, _keep_heard, _ASSET_COLUMNS[:2], news)


def _keep_events(_connection: Connection) -> Insert:
    return insert(tables.indexed_events)


def _keep_made(connection: Connection) -> Insert:
    return upsert(connection, tables.assets, "asset_key", _ASSET_COLUMNS[1:])


def _keep_heard(connection: Connection) -> Insert:
    return upsert(connection, tables.assets, "asset_key", ())


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


# --- leases -----------------------------------------------------------------------


_LEASE_COLUMNS = ("run_id", "host", "pid", "mark", "seen")


def take(connection: Connection, run_id: str, holder: Holder) -> None:
    """Record that this process executes the run."""
    row = (run_id, holder.host, holder.pid, holder.mark, time.time())
    insert_many(connection, _keep_lease, _LEASE_COLUMNS, [row])


def _keep_lease(connection: Connection) -> Insert:
    return upsert(connection, leases, "run_id", _LEASE_COLUMNS[1:])


def drop(connection: Connection, run_id: str) -> None:
    """End the lease of a run."""
    execute(connection, _drop_lease, own=run_id)


def _drop_lease(_connection: Connection) -> Delete:
    return delete(leases).where(leases.c.run_id == bindparam("own"))


def renew(connection: Connection, holder: Holder) -> None:
    """Renew all leases of a process, and its places in pools."""
    now, places = time.time(), tables.pool_places
    connection.execute(update(leases).where(_is_of(holder)).values(seen=now))
    own = (places.c.host == holder.host, places.c.pid == holder.pid, places.c.mark == holder.mark)
    connection.execute(update(places).where(*own, places.c.taken.is_not(None)).values(seen=now))


def held(run_id: str, holder: Holder) -> ColumnElement[bool]:
    """Whether a lease is the one that this process has on this run."""
    return and_(leases.c.run_id == run_id, _is_of(holder))


def _is_of(holder: Holder) -> ColumnElement[bool]:
    return and_(
        leases.c.host == holder.host, leases.c.pid == holder.pid, leases.c.mark == holder.mark
    )


# --- what became of each partition ------------------------------------------------


partitions, plans, indexed = (
    tables.asset_partitions,
    tables.partition_plans,
    tables.indexed_events,
)

Place = tuple[str, str]
"""The text of an asset's key, and a partition."""

_PARTITION_COLUMNS = ("asset_key", "partition", "storage_id", "run_id", "time", "failed_run_id")
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
    insert_many(connection, _keep_made_partition, _PARTITION_COLUMNS, list(done.values()))
    ended = status in FINISHED
    if not ended or status is RunStatus.FAILURE:
        left = [(run_id, *each) for each in planned if each[1] is not None and each not in done]
        insert_many(connection, _keep_plan, ("run_id", "asset_key", "partition"), left)
        _settle(connection, run_id, done)
    if status is RunStatus.FAILURE:
        _fail(connection, run_id)
    if ended:
        execute(connection, _drop_plans, own=run_id)


def _drop_plans(_connection: Connection) -> Delete:
    return delete(plans).where(plans.c.run_id == bindparam("own"))


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
    insert_many(connection, _keep_made_partition, _PARTITION_COLUMNS, list(done.values()))
    lost = {
        (key, partition): (key, partition, run_id)
        for key, partition, run_id in planned
        if partition and run_id in failed and (key, partition, run_id) not in by_run
    }
    columns = (*_PARTITION_COLUMNS[:2], "failed_run_id")
    insert_many(connection, _keep_failed, columns, list(lost.values()))


def _settle(connection: Connection, run_id: str, done: Iterable[Place]) -> None:
    """Mark materialized assets as no longer planned."""
    rows = [{"run": run_id, "key": key, "part": partition} for key, partition in done]
    if rows:
        connection.execute(_DROP_PLAN, rows)


_DROP_PLAN: Delete = delete(plans).where(
    plans.c.run_id == bindparam("run"),
    plans.c.asset_key == bindparam("key"),
    plans.c.partition == bindparam("part"),
)


def _keep_made_partition(connection: Connection) -> Insert:
    return upsert(connection, partitions, ("asset_key", "partition"), _PARTITION_COLUMNS[2:])


def _keep_failed(connection: Connection) -> Insert:
    return upsert(connection, partitions, ("asset_key", "partition"), ("failed_run_id",))


def note_untried(
    connection: Connection, backfill_id: str, places: Iterable[tuple[str, str]]
) -> None:
    """Record that a backfill did not try partitions, as an upstream asset failed."""
    columns = (*_PARTITION_COLUMNS[:2], "failed_run_id")
    rows = [(key, partition, backfill_id) for key, partition in places]
    insert_many(connection, _keep_failed, columns, rows)


def _keep_plan(connection: Connection) -> Insert:
    return upsert(connection, plans, ("run_id", "asset_key", "partition"), ())


def _fail(connection: Connection, run_id: str) -> None:
    """Mark as failed what the run planned to materialize and did not."""
    own = select(plans.c.asset_key, plans.c.partition, plans.c.run_id)
    own = own.where(plans.c.run_id == run_id)
    failed = ("asset_key", "partition", "failed_run_id")
    statement = upsert(connection, partitions, ("asset_key", "partition"), failed[2:])
    connection.execute(statement.from_select(failed, own))


# --- taking out -----------------------------------------------------------


def forget_partitions(connection: Connection, key: str, names: Sequence[str] | None = None) -> None:
    """Delete the records of these partitions of an asset, or of all."""
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
    """Restore the records of a deleted run's partitions from an earlier run."""
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
    """Return the last materialization of each partition as the index of events has it."""
    about = (indexed.c.kind == _MADE, indexed.c.asset_key == key, indexed.c.partition.is_not(None))
    query = select(indexed.c.partition, indexed.c.storage_id, indexed.c.run_id, indexed.c.time)
    query = query.where(*about).order_by(indexed.c.storage_id)
    if before is not None:
        query = query.where(indexed.c.storage_id < before)
    found = {row[0]: (row[0], row[1], row[2], row[3]) for row in connection.execute(query)}
    return list(found.values())
