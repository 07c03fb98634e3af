"""Looking up how the partitions of a job stand; made for a hundred thousand runs."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, func, or_, select

from jobnb.definitions.partitions.partition_keys import (
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    SUBSET_TAG,
)
from jobnb.state import RunStatus
from jobnb.storage import tables

__all__ = ["begun_runs", "last_runs", "runs_for_several"]

runs, run_tags = tables.runs, tables.run_tags

# A run that was canceled, or has not begun, changes nothing.
_PASSED_OVER = (RunStatus.CANCELED.value, RunStatus.NOT_STARTED.value)


def last_runs(
    connection: Connection, job_name: str, since: float | None = None
) -> dict[str, tuple[int, RunStatus]]:
    """By partition, the place among all runs of a job's last run for it, and where that stands.

    Args:
        connection: The connection.
        job_name: The job.
        since: Only runs that go on or ended at this moment or later, in seconds since the epoch.
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
    """A run for several partitions: its place among all runs, and its tags that name them."""

    place: int
    run_id: str
    status: RunStatus
    created: float
    ended: float | None
    tags: dict[str, str]


def runs_for_several(connection: Connection, job_name: str) -> list[RunForSeveral]:
    """The runs of a job for a range or another set of partitions, oldest first."""
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
    """By partition, the last run of a job for it: its place among all, its id, when it was created.

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
