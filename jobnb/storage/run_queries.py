"""Queries for runs: filters, pages, tags."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
)

from jobnb.errors import InvariantViolationError, RunNotFoundError, StorageError, did_you_mean
from jobnb.state import RunStatus
from jobnb.storage import tables
from jobnb.storage.records import UNREADABLE
from jobnb.storage.run import (
    UNREADABLE_TAG,
    JobBucket,
    JobRun,
    RunRecord,
    RunsFilter,
    TagBucket,
    decode_run,
)

runs, run_tags, indexed = tables.runs, tables.run_tags, tables.indexed_events

_ORDERS: dict[str, ColumnElement[Any]] = {
    "id": runs.c.id,
    "run_id": runs.c.run_id,
    "create_timestamp": runs.c.created,
    "update_timestamp": runs.c.updated,
    "start_time": func.coalesce(runs.c.started, 0.0),
    "end_time": func.coalesce(runs.c.ended, 0.0),
}


def find_records(
    connection: Connection,
    filters: RunsFilter | None = None,
    *,
    cursor: str | None = None,
    limit: int | None = None,
    order_by: str | None = None,
    ascending: bool = False,
    bucket_by: JobBucket | TagBucket | None = None,
) -> list[RunRecord]:
    """Return a page of runs, newest first by default, after the run `cursor`."""
    order = _order(order_by)
    columns = (runs.c.id, runs.c.run_id, runs.c.body, runs.c.status, runs.c.created, runs.c.updated,
               runs.c.started, runs.c.ended)  # fmt: skip
    query = select(*columns).where(*conditions(filters))
    if cursor is not None:
        query = query.where(_beyond(connection, cursor, order, ascending))
    if bucket_by is not None:
        query = query.where(runs.c.id.in_(_bucketed(bucket_by, filters, ascending)))
    keys = [order] if order is runs.c.id else [order, runs.c.id]
    query = query.order_by(*(key.asc() if ascending else key.desc() for key in keys))
    rows = connection.execute(query.limit(limit)).all()
    return [_record(row) or _what_is_readable(connection, row) for row in rows]


def _order(order_by: str | None) -> ColumnElement[Any]:
    found = _ORDERS.get(order_by or "id")
    if found is None:
        raise InvariantViolationError(
            f"Runs cannot be ordered by {order_by!r}. {did_you_mean(str(order_by), _ORDERS)}"
        )
    return found


def _beyond(
    connection: Connection, cursor: str, order: ColumnElement[Any], ascending: bool
) -> ColumnElement[bool]:
    """Whether a run comes after the one that the last page ended with."""
    last = connection.execute(select(order, runs.c.id).where(runs.c.run_id == cursor)).first()
    if last is None:
        raise RunNotFoundError(
            f"The page cannot be continued: there is no run {cursor!r} (any more). "
            "Begin again without a cursor."
        )
    if ascending:
        return or_(order > last[0], and_(order == last[0], runs.c.id > last[1]))
    return or_(order < last[0], and_(order == last[0], runs.c.id < last[1]))


def _bucketed(
    bucket: JobBucket | TagBucket, filters: RunsFilter | None, ascending: bool
) -> Select[Any]:
    """Return the ids of the first few runs of every bucket."""
    newest = runs.c.id.asc() if ascending else runs.c.id.desc()
    if isinstance(bucket, JobBucket):
        source: Any = runs
        group: ColumnElement[Any] = runs.c.job_name
        wanted: list[ColumnElement[bool]] = [group.in_(bucket.job_names)]
    else:
        source = runs.join(run_tags, run_tags.c.run_id == runs.c.run_id)
        group = run_tags.c.value
        wanted = [run_tags.c.key == bucket.tag_key, group.in_(bucket.tag_values)]
    place = func.row_number().over(partition_by=group, order_by=newest).label("place")
    ranked = (
        select(runs.c.id, place).select_from(source).where(*wanted, *conditions(filters)).subquery()
    )
    query = select(ranked.c.id)
    return query.where(ranked.c.place <= bucket.bucket_limit) if bucket.bucket_limit else query


def conditions(filters: RunsFilter | None) -> list[ColumnElement[bool]]:
    """Return a filter as conditions on the table of runs."""
    if filters is None:
        return []
    found: list[ColumnElement[bool]] = []
    if filters.run_ids is not None:
        found.append(runs.c.run_id.in_(list(filters.run_ids)))
    if filters.job_name is not None:
        found.append(runs.c.job_name == filters.job_name)
    if filters.statuses:
        found.append(runs.c.status.in_([_asked(status).value for status in filters.statuses]))
    if filters.notebook is not None:
        found.append(runs.c.notebook == filters.notebook)
    if filters.snapshot_id is not None:
        found.append(runs.c.snapshot_id == filters.snapshot_id)
    found += [_tagged(key, value) for key, value in filters.tags.items()]
    return found + _times(filters)


def _asked(status: Any) -> RunStatus:
    found = known_status(status)
    if found is None:
        known = [each.value for each in RunStatus]
        raise InvariantViolationError(
            f"No run stands at {status!r}. {did_you_mean(str(status), known)}"
        )
    return found


def _tagged(key: str, value: str | Sequence[str]) -> ColumnElement[bool]:
    values = [value] if isinstance(value, str) else [str(each) for each in value]
    having = select(run_tags.c.run_id).where(run_tags.c.key == key, run_tags.c.value.in_(values))
    return runs.c.run_id.in_(having)


def _times(filters: RunsFilter) -> list[ColumnElement[bool]]:
    bounds: list[ColumnElement[bool]] = []
    if filters.created_after is not None:
        bounds.append(runs.c.created > seconds(filters.created_after))
    if filters.created_before is not None:
        bounds.append(runs.c.created < seconds(filters.created_before))
    if filters.updated_after is not None:
        bounds.append(runs.c.updated > seconds(filters.updated_after))
    if filters.updated_before is not None:
        bounds.append(runs.c.updated < seconds(filters.updated_before))
    return bounds


def seconds(moment: datetime | float) -> float:
    """Convert a moment to seconds since the epoch; a datetime without a zone is local time."""
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)


def _record(row: Any) -> RunRecord | None:
    """Return a row as a record; None if not all of it can be read."""
    try:
        run = decode_run(row.body).with_status(RunStatus(row.status))
        if not _is_moment(row.started) or not _is_moment(row.ended):
            return None
        created, updated = (datetime.fromtimestamp(t, UTC) for t in (row.created, row.updated))
        return RunRecord(row.id, run, created, updated, row.started, row.ended)
    except UNREADABLE:
        return None


def _is_moment(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and isfinite(value))


def _what_is_readable(connection: Connection, row: Any) -> RunRecord:
    """Build the record of an unreadable run from the other columns; a tag says why."""
    own = run_tags.c.run_id == row.run_id
    tags = {str(key): str(value) for key, value in
            connection.execute(select(run_tags.c.key, run_tags.c.value).where(own))}  # fmt: skip
    name, root = connection.execute(
        select(runs.c.job_name, runs.c.root_run_id).where(runs.c.id == row.id)
    ).one()
    status = known_status(row.status)
    run = JobRun(
        str(name),
        str(row.run_id),
        status=status or RunStatus.FAILURE,
        root_run_id=None if root in (None, row.run_id) else str(root),
        tags={**tags, UNREADABLE_TAG: _why(row, status)},
    )
    created, updated = map(_moment, (row.created, row.updated))
    start, end = (t if _is_moment(t) else None for t in (row.started, row.ended))
    return RunRecord(row.id, run, created, updated, start_time=start, end_time=end)


def known_status(text: Any) -> RunStatus | None:
    """Return the status that a row reports; None if it is none that is known."""
    try:
        return RunStatus(text)
    except ValueError:
        return None


def _why(row: Any, status: RunStatus | None) -> str:
    if status is None:
        return (
            f"{_UNKNOWN_STATUS}: {str(row.status)!r}. Perhaps a newer jobnb wrote it: update jobnb."
        )
    try:
        decode_run(row.body)
    except StorageError as error:
        return str(error)
    return "The history holds a run whose times cannot be read."


def _moment(value: Any) -> datetime:
    try:
        return datetime.fromtimestamp(value, UTC)
    except UNREADABLE:
        return datetime.fromtimestamp(0, UTC)


def check_status(record: RunRecord) -> None:
    """Raise an error for an unknown status of a run.

    Raises:
        StorageError: If it is not; a list of runs shows it all the same.
    """
    why = record.dagster_run.unreadable
    if why is not None and why.startswith(_UNKNOWN_STATUS):
        raise StorageError(f"The run {record.dagster_run.run_id!r} cannot be looked at. {why}")


_UNKNOWN_STATUS = "Its status is none that is known here"


def find_run_ids(
    connection: Connection, filters: RunsFilter | None, cursor: str | None, limit: int | None
) -> list[str]:
    """Return the ids of one page of runs, newest first."""
    query = select(runs.c.run_id).where(*conditions(filters))
    if cursor is not None:
        query = query.where(_beyond(connection, cursor, runs.c.id, ascending=False))
    return list(connection.scalars(query.order_by(runs.c.id.desc()).limit(limit)))


def count_runs(connection: Connection, filters: RunsFilter | None = None) -> int:
    """Count the runs that match."""
    query = select(func.count()).select_from(runs).where(*conditions(filters))
    return int(connection.scalar(query) or 0)


def find_group(connection: Connection, run_id: str) -> tuple[str, list[JobRun]]:
    """Return the first run of the chain that a run belongs to, and all runs of it, oldest first."""
    root = connection.scalar(select(runs.c.root_run_id).where(runs.c.run_id == run_id))
    if root is None:
        raise RunNotFoundError(f"There is no run {run_id!r} in this history.")
    members = connection.scalars(
        select(runs.c.run_id).where(or_(runs.c.root_run_id == root, runs.c.run_id == root))
    )
    found = find_records(connection, RunsFilter(run_ids=list(members)), ascending=True)
    return root, [record.dagster_run for record in found]


def find_tags(
    connection: Connection,
    tag_keys: Sequence[str] | None,
    value_prefix: str | None,
    limit: int | None,
) -> list[tuple[str, set[str]]]:
    """Return the values of every tag of any run."""
    query = select(run_tags.c.key, run_tags.c.value).distinct()
    if tag_keys is not None:
        query = query.where(run_tags.c.key.in_(list(tag_keys)))
    if value_prefix:
        query = query.where(run_tags.c.value.startswith(value_prefix, autoescape=True))
    found: dict[str, set[str]] = defaultdict(set)
    for key, value in connection.execute(query.order_by("key", "value").limit(limit)):
        found[key].add(value)
    return list(found.items())


def notebooks(connection: Connection) -> list[str]:
    """Return every notebook, script or module that launched any run."""
    column = runs.c.notebook
    query = select(column).where(column.is_not(None)).distinct().order_by(column)
    return list(connection.scalars(query))


def other_notebooks(
    connection: Connection, keys: Collection[str], own: str
) -> list[tuple[str, str]]:
    """Return the assets that another notebook materialized last, with that notebook."""
    assets, wanted = tables.assets, set(keys)
    query = (
        select(assets.c.asset_key, runs.c.notebook)
        .join(indexed, indexed.c.storage_id == assets.c.storage_id)
        .join(runs, runs.c.run_id == indexed.c.run_id)
        .where(runs.c.notebook != own)
    )
    return [(key, notebook) for key, notebook in connection.execute(query) if key in wanted]


def tag_keys(connection: Connection) -> list[str]:
    """Return every tag that any run has."""
    return list(connection.scalars(select(run_tags.c.key).distinct().order_by(run_tags.c.key)))


def change_tags(connection: Connection, run_id: str, new: dict[str, str]) -> JobRun:
    """Return a run with more tags; the caller keeps it."""
    body = connection.scalar(select(runs.c.body).where(runs.c.run_id == run_id))
    if body is None:
        raise RunNotFoundError(f"There is no run {run_id!r} in this history.")
    try:
        run = decode_run(body)
    except StorageError as error:
        raise StorageError(f"The run {run_id!r} gets no tags. {error}") from error
    return msgspec.structs.replace(run, tags={**run.tags, **new})


def remove_run(connection: Connection, run_id: str) -> None:
    """Delete a run with its tags and its log, but not the records of its assets."""
    chunks, indexed = tables.event_chunks, tables.indexed_events
    ids = connection.scalars(select(chunks.c.id).where(chunks.c.run_id == run_id)).all()
    # The index of events has no index by run: a run's events are between two storage ids.
    spans = [{"first": i * tables.CHUNK_SPAN, "last": (i + 1) * tables.CHUNK_SPAN - 1} for i in ids]
    if spans:
        place = indexed.c.storage_id.between(bindparam("first"), bindparam("last"))
        connection.execute(delete(indexed).where(place), spans)
    for table in (
        run_tags,
        tables.leases,
        tables.cancel_requests,
        tables.pool_places,
        chunks,
        runs,
    ):
        connection.execute(delete(table).where(table.c.run_id == run_id))
