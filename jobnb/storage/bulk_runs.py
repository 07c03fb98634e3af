"""Write many runs that began and ended since the last commit, with a few statements for all."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import Connection, Insert, func, insert, select, text

import jobnb.events as ev
from jobnb.state import FINISHED, RunStatus
from jobnb.storage import tables
from jobnb.storage.prepared import insert_many
from jobnb.storage.process import Holder
from jobnb.storage.run import JobRun, encode_run
from jobnb.storage.run_log import NewRunEvents
from jobnb.storage.writing import (
    CHUNK_CAP,
    RUN_STATUS,
    IndexRow,
    encoded,
    index_rows,
    insert_run,
    keep_index,
    keep_tags,
    key_text,
    kinds_text,
    note_assets,
    note_ended_runs,
    write_events,
)

_RUN_COLUMNS = ("run_id", "job_name", "status", "created", "updated", "started", "ended",
                "root_run_id", "notebook", "body")  # fmt: skip
_CHUNK_COLUMNS = ("id", "run_id", "first_seq", "count", "kinds", "body")


def is_whole(events: Sequence[ev.Event]) -> bool:
    """Whether these are all events of a run that has ended, and fit in one row."""
    if not events or len(events) > CHUNK_CAP:
        return False
    return RUN_STATUS.get(type(events[-1])) in FINISHED


def write_whole_runs(
    connection: Connection, runs: Sequence[tuple[JobRun, Sequence[ev.Event]]]
) -> None:
    """Add runs that are not in the history yet, with all that happened in them.

    Args:
        connection: The connection, in a transaction that writes.
        runs: The runs in the order of their ends, each with its events.
    """
    if not runs:
        return
    rows, chunks, tags = [], [], []
    indexed: list[IndexRow] = []
    planned: dict[tuple[str, str | None, str], None] = {}
    failed: set[str] = set()
    now = time.time()
    for chunk_id, (run, happened) in zip(_chunk_ids(connection, len(runs)), runs, strict=True):
        events, body = encoded(list(happened))
        status, started = RUN_STATUS[type(events[-1])], _started(events)
        rows.append((run.run_id, run.job_name, status.value, now, now, started, events[-1].time,
                     run.root_run_id or run.run_id, run.notebook, encode_run(run)))  # fmt: skip
        tags += [(run.run_id, key, str(value)) for key, value in run.tags.items()]
        chunks.append((chunk_id, run.run_id, 0, len(events), kinds_text(events), body))
        indexed += index_rows(run.run_id, chunk_id, events)
        plans = ((key_text(e.asset), e.partition, run.run_id) for e in events
                 if type(e) is ev.AssetPlanned)  # fmt: skip
        planned.update(dict.fromkeys(plans))
        if status is RunStatus.FAILURE:
            failed.add(run.run_id)
    insert_many(connection, _keep_runs, _RUN_COLUMNS, rows)
    insert_many(connection, keep_tags, ("run_id", "key", "value"), tags)
    insert_many(connection, _keep_chunks, _CHUNK_COLUMNS, chunks)
    keep_index(connection, indexed)
    heard: dict[str, str] = {name: run_id for name, _, run_id in planned}
    note_assets(connection, indexed, heard)
    note_ended_runs(connection, planned, indexed, failed)


def _started(events: Sequence[ev.Event]) -> float | None:
    return next((each.time for each in events if type(each) is ev.RunStarted), None)


def _chunk_ids(connection: Connection, count: int) -> list[int]:
    """Return numbers for new rows of events, which nobody else takes."""
    if connection.dialect.name == "postgresql":
        series = func.pg_get_serial_sequence("event_chunks", "id")
        numbers = select(func.nextval(series)).select_from(func.generate_series(1, count))
        return [int(number) for number in connection.scalars(numbers)]
    # The transaction holds SQLite's one lock for writing; deleted numbers are not given again.
    last = connection.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = 'event_chunks'"))
    first = int(last or 0) + 1
    return list(range(first, first + count))


def _keep_runs(_connection: Connection) -> Insert:
    return insert(tables.runs)


def _keep_chunks(_connection: Connection) -> Insert:
    return insert(tables.event_chunks)


def write_parts(
    connection: Connection, parts: Sequence[NewRunEvents], holder: Holder | None
) -> set[str]:
    """Add the new events of several runs, and the runs that are new, in the open transaction.

    Returns:
        The ids of the runs that are not there.
    """
    missing: set[str] = set()
    whole = [part for part in parts if part.is_new and is_whole(part.events)]
    write_whole_runs(connection, [(part.run, part.events) for part in whole])
    for part in parts:
        if part.is_new and is_whole(part.events):
            continue
        if part.is_new:
            insert_run(connection, part.run, holder)
        run_id = part.run.run_id
        if part.events and not write_events(connection, run_id, part.events, holder):
            missing.add(run_id)
    return missing
