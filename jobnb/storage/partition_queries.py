"""Queries for the statuses of an asset's or job's partitions, fast for a hundred thousand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, Text, cast, func, or_, select

from jobnb.definitions.partitions.partition_keys import (
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    SUBSET_TAG,
)
from jobnb.events import AssetPlanned, EventType, StepSkipped
from jobnb.events.event import Event
from jobnb.state import RunStatus, StepStatus, fold
from jobnb.storage import tables
from jobnb.storage.event_queries import chunk_events, job_names, read_event
from jobnb.storage.records import EventLogRecord, entry_of, readable
from jobnb.storage.writing import key_text, latest_made

partitions, plans, indexed = (
    tables.asset_partitions,
    tables.partition_plans,
    tables.indexed_events,
)
runs, run_tags = tables.runs, tables.run_tags

_MADE = EventType.ASSET_MATERIALIZATION.value
_GROUP = 500


def standing(connection: Connection, key: str) -> tuple[list[str], list[str], list[str]]:
    """Return the partitions that were made, those that failed since, and those under way."""
    own = partitions.c.asset_key == key
    made = _texts(connection, partitions, own, partitions.c.storage_id.is_not(None))
    return made, *unfinished(connection, key)


def unfinished(connection: Connection, key: str) -> tuple[list[str], list[str]]:
    """Return the partitions that failed since they were materialized, and those in progress."""
    own = partitions.c.asset_key == key
    failed = _texts(connection, partitions, own, partitions.c.failed_run_id.is_not(None))
    return failed, _texts(connection, plans, plans.c.asset_key == key)


def _texts(connection: Connection, table: Table, *where: ColumnElement[bool]) -> list[str]:
    """Return the partitions in some rows: one text from the database is eight times faster."""
    gather = func.json_agg if connection.dialect.name == "postgresql" else func.json_group_array
    found = connection.scalar(select(cast(gather(table.c.partition), Text)).where(*where))
    return msgspec.json.decode(found, type=list[str]) if found is not None else []


def made_partitions(
    connection: Connection, key: str, before: int | None, after: int | None
) -> set[str]:
    """Return the partitions materialized by events between two storage ids, if given."""
    if before is not None:
        found = latest_made(connection, key, before)
        return {name for name, place, *_ in found if after is None or place > after}
    since = [] if after is None else [partitions.c.storage_id > after]
    own = (partitions.c.asset_key == key, partitions.c.storage_id.is_not(None))
    return set(_texts(connection, partitions, *own, *since))


def made_since(connection: Connection, key: str, moment: float) -> set[str]:
    """Return the partitions that were last made after a moment, and did not fail since."""
    own = (partitions.c.asset_key == key, partitions.c.time > moment)
    return set(_texts(connection, partitions, *own, partitions.c.failed_run_id.is_(None)))


def made_counts(
    connection: Connection, keys: Sequence[str], after: int | None
) -> dict[str, dict[str, int]]:
    """Count the materializations of each partition of these assets."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for start in range(0, len(keys), _GROUP):
        query = (
            select(indexed.c.asset_key, indexed.c.partition, func.count())
            .where(
                indexed.c.kind == _MADE,
                indexed.c.asset_key.in_(list(keys[start : start + _GROUP])),
                indexed.c.partition.is_not(None),
            )
            .group_by(indexed.c.asset_key, indexed.c.partition)
        )
        if after is not None:
            query = query.where(indexed.c.storage_id > after)
        for key, partition, count in connection.execute(query):
            found[key][partition] = count
    return found


def latest_records(
    connection: Connection, key: str, names: Iterable[str] | None
) -> dict[str, EventLogRecord]:
    """Return the last materialization of each of these partitions, or of all that were made."""
    query = (
        select(partitions.c.partition, indexed.c.storage_id, indexed.c.run_id, indexed.c.body)
        .join_from(partitions, indexed, partitions.c.storage_id == indexed.c.storage_id)
        .where(partitions.c.asset_key == key)
    )
    rows = [row for part in _parts(names) for row in connection.execute(_among(query, part))]
    jobs = job_names(connection, {row.run_id for row in rows})

    def read(row: Any) -> tuple[str, EventLogRecord]:
        entry = entry_of(read_event(row.body), row.run_id, jobs.get(row.run_id, ""))
        return row.partition, EventLogRecord(row.storage_id, entry)

    return dict(readable(rows, read, "what was made of a partition"))


def _among(query: Select[Any], names: list[str] | None) -> Select[Any]:
    return query if names is None else query.where(partitions.c.partition.in_(names))


def _parts(names: Iterable[str] | None) -> Iterable[list[str] | None]:
    if names is None:
        return [None]
    wanted = list(dict.fromkeys(names))
    return [wanted[start : start + _GROUP] for start in range(0, len(wanted), _GROUP)]


# --- partitions of jobs, by their last runs ------------------------------------------

# A run that was canceled, or has not begun, changes nothing.
_PASSED_OVER = (RunStatus.CANCELED.value, RunStatus.NOT_STARTED.value)


def last_runs(
    connection: Connection, job_name: str, since: float | None = None
) -> dict[str, tuple[int, RunStatus]]:
    """Return a job's last run by partition: its position among all runs, and its status.

    Args:
        connection: The connection.
        job_name: The job.
        since: Only runs in progress or ended at this moment or later, in seconds since the epoch.
    """
    # Written as a value of each run, the tag is looked up from the run: a job with few runs does
    # not wait for the tags of all others.
    tag = select(run_tags.c.value).where(
        run_tags.c.run_id == runs.c.run_id, run_tags.c.key == PARTITION_TAG
    )
    own = select(runs.c.id, runs.c.status, tag.scalar_subquery().label("partition")).where(
        runs.c.job_name == job_name, runs.c.status.not_in(_PASSED_OVER)
    )
    if since is not None:
        own = own.where(or_(runs.c.ended.is_(None), runs.c.ended >= since))
    found = own.subquery()
    # The database hands all over in three texts, several times faster than in rows.
    gather = func.json_agg if connection.dialect.name == "postgresql" else func.json_group_array
    columns = (gather(found.c.id), gather(found.c.status), gather(found.c.partition))
    ids, statuses, names = map(_read, connection.execute(select(*columns)).one())
    # By age, in which they come as a rule: of several runs for a partition, the last one stays.
    order = sorted(range(len(ids)), key=ids.__getitem__)
    known = {status.value: status for status in RunStatus}
    last = {names[at]: (ids[at], known[statuses[at]]) for at in order if statuses[at] in known}
    last.pop(None, None)
    return last


class RunForSeveral(NamedTuple):
    """A run for several partitions: its position among all runs, and the tags that name them."""

    place: int
    run_id: str
    status: RunStatus
    created: float
    ended: float | None
    tags: dict[str, str]


def runs_for_several(connection: Connection, job_name: str) -> list[RunForSeveral]:
    """Return the runs of a job for a range or another set of partitions, oldest first."""
    columns = (runs.c.id, runs.c.run_id, runs.c.status, runs.c.created, runs.c.ended)
    query = (
        select(*columns, run_tags.c.key, run_tags.c.value)
        .join_from(run_tags, runs, run_tags.c.run_id == runs.c.run_id)
        .where(
            run_tags.c.key.in_((RANGE_START_TAG, RANGE_END_TAG, SUBSET_TAG)),
            runs.c.job_name == job_name,
            runs.c.status.not_in(_PASSED_OVER),
        )
        .order_by(runs.c.id)
    )
    found: dict[int, RunForSeveral] = {}
    known = {status.value: status for status in RunStatus}
    for place, run_id, status, created, ended, key, value in connection.execute(query):
        if status in known:
            run = RunForSeveral(place, run_id, known[status], created, ended, {})
            found.setdefault(place, run).tags[key] = value
    return list(found.values())


def begun_runs(
    connection: Connection, job_name: str, partition: str | None = None
) -> dict[str, tuple[int, str, float]]:
    """Return a job's last run by partition: position among all runs, id, time of creation.

    Args:
        connection: The connection.
        job_name: The job.
        partition: For this partition only.
    """
    query = (
        select(run_tags.c.value, runs.c.id, runs.c.run_id, runs.c.created)
        .join_from(runs, run_tags, run_tags.c.run_id == runs.c.run_id)
        .where(
            run_tags.c.key == PARTITION_TAG,
            runs.c.job_name == job_name,
            runs.c.status.not_in(_PASSED_OVER),
        )
        .order_by(runs.c.id)
    )
    if partition is not None:
        query = query.where(run_tags.c.value == partition)
    return {name: tuple(last) for name, *last in connection.execute(query)}


def _read(gathered: Any) -> list[Any]:
    if isinstance(gathered, (str, bytes)):
        return msgspec.json.decode(gathered, type=list[Any])
    return list(gathered or ())


# --- partitions that a failed run never tried -------------------------------------


partitions, chunks = tables.asset_partitions, tables.event_chunks

_SKIPPED = EventType.STEP_SKIPPED.value
_RUNS = 500  # runs per statement: databases bound the number of parameters


def untried(
    connection: Connection, key: str, known: dict[str, StepStatus | None]
) -> dict[str, StepStatus]:
    """Return the partitions that their last, failed run did not try, each with its step's status.

    Args:
        connection: The connection.
        key: The text of the asset's key.
        known: How the asset's step stood in a run that failed; None where it was tried. What is
            read is added.
    """
    own = (partitions.c.asset_key == key, partitions.c.failed_run_id.is_not(None))
    failed = select(partitions.c.partition, partitions.c.failed_run_id).where(*own)
    rows = [(name, run_id) for name, run_id in connection.execute(failed)]
    unread = list(dict.fromkeys(run_id for _, run_id in rows if run_id not in known))
    for start in range(0, len(unread), _RUNS):
        known |= _steps_left_out(connection, key, unread[start : start + _RUNS])
    found = ((name, known[run_id]) for name, run_id in rows)
    return {name: status for name, status in found if status is not None}


def _steps_left_out(
    connection: Connection, key: str, runs: list[str]
) -> Mapping[str, StepStatus | None]:
    """Return the status of an asset's step in each of the runs that did not try it.

    A backfill stands for those that it began no run for.
    """
    told = chunks.c.kinds.contains(f" {_SKIPPED} ")
    skipping = list(
        connection.scalars(select(chunks.c.run_id).where(chunks.c.run_id.in_(runs), told))
    )
    events: dict[str, list[Event]] = defaultdict(list)
    query = select(chunks.c.run_id, chunks.c.body).where(chunks.c.run_id.in_(skipping))
    for run_id, body in connection.execute(query.order_by(chunks.c.run_id, chunks.c.first_seq)):
        events[run_id].extend(chunk_events(body))
    ids = tables.backfills.c.backfill_id
    begun_none = connection.scalars(select(ids).where(ids.in_(runs)))
    return (
        dict.fromkeys(runs)
        | {run_id: _of_asset(read, key) for run_id, read in events.items()}
        | dict.fromkeys(begun_none, StepStatus.SKIPPED)
    )


def _of_asset(events: list[Event], key: str) -> StepStatus | None:
    steps = set(_planned_steps(events, key))
    if not steps.intersection(each.step_key for each in events if isinstance(each, StepSkipped)):
        return None
    state = fold(events)
    stands = {state.steps[step].status for step in steps if step in state.steps}
    for status in (StepStatus.BLOCKED, StepStatus.SKIPPED):
        if status in stands:
            return status
    return None


def _planned_steps(events: list[Event], key: str) -> Iterator[str]:
    for each in events:
        if isinstance(each, AssetPlanned) and key_text(each.asset) == key and each.step_key:
            yield each.step_key
