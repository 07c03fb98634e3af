"""End runs and backfills whose process died, as their leases show.

A process on this machine is looked at. One elsewhere cannot be: it is taken for gone when it has
not renewed its lease for long.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, select

import jobnb.events as ev
from jobnb.errors import StorageError
from jobnb.state import RunStatus
from jobnb.storage import tables, writing
from jobnb.storage.backfill import (
    BackfillStatus,
    PartitionBackfill,
    decode_backfill,
    encode_backfill,
    name_of_backfill,
)
from jobnb.storage.pools import free_places
from jobnb.storage.process import Holder, is_lost
from jobnb.storage.run_control import requests_among
from jobnb.storage.run_queries import known_status
from jobnb.storage.writing import write_events

backfills = tables.backfills


def find_lost(connection: Connection) -> list[tuple[str, Holder]]:
    """Return the runs that have not ended and whose process is gone."""
    rows = connection.execute(
        select(tables.leases).join(tables.runs, tables.runs.c.run_id == tables.leases.c.run_id)
    ).all()
    found = [(row, Holder(row.host, row.pid, row.mark)) for row in rows]
    return [(row.run_id, holder) for row, holder in found if is_lost(holder, _number(row.seen))]


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def note_end(connection: Connection, run_id: str, holder: Holder) -> tuple[str, ev.Event] | None:
    """End a run whose process is gone; the name of its job and how it ended.

    It ended when it was last heard of. None if someone else has noted it, or it had ended.
    """
    runs = tables.runs
    own = select(tables.leases.c.seen).where(writing.held(run_id, holder))
    lease = connection.execute(own).first()
    run = connection.execute(select(runs).where(runs.c.run_id == run_id)).first()
    if lease is None:
        return None
    status = known_status(run.status) if run is not None else None
    if run is None or (status is not None and status.is_finished):
        writing.drop(connection, run_id)
    if run is None or status is None or status.is_finished:
        return None
    free_places(connection, run_id)
    asked = requests_among(connection, [run_id])
    when = max(_number(lease.seen), _number(run.updated))
    event = _end(run, status, holder, when, canceled=run_id in asked)
    write_events(connection, run_id, [event])
    return run.job_name, event


def _end(run: Any, status: RunStatus, holder: Holder, when: float, *, canceled: bool) -> ev.Event:
    if status in tables.UNDER_WAY:
        told = (
            f"The run was interrupted: the {holder} that did it is gone. "
            "What had succeeded by then is kept."
        )
    else:
        told = f"The run was interrupted before it began: the {holder} that was to do it is gone."
    why = ev.ErrorInfo("Interrupted", told)
    if canceled or status is RunStatus.CANCELING:
        return ev.RunCanceled(when, run.job_name, why)
    return ev.RunFailed(when, run.job_name, error=why)


# --- backfills ------------------------------------------------------------------


def find_lost_backfills(connection: Connection) -> list[PartitionBackfill]:
    """Return the backfills that have not ended and whose process is gone."""
    return [each for each, seen in _open_backfills(connection) if _was_left(each, seen)]


def _open_backfills(
    connection: Connection, ids: Iterable[str] | None = None
) -> list[tuple[PartitionBackfill, float | None]]:
    """Return the backfills that are active, by what is kept, and when each was last heard of."""
    query = select(backfills.c.body).where(backfills.c.status == BackfillStatus.REQUESTED.value)
    if ids is not None:
        query = query.where(backfills.c.backfill_id.in_(list(ids)))
    found = []
    for body in connection.scalars(query).all():
        try:
            found.append(decode_backfill(body))
        except StorageError:
            continue  # whoever lists it is told
    names = [name_of_backfill(each.backfill_id) for each in found]
    own = select(tables.leases.c.run_id, tables.leases.c.seen)
    rows = connection.execute(own.where(tables.leases.c.run_id.in_(names))) if names else ()
    seen = {row.run_id: _number(row.seen) for row in rows}
    return [(each, seen.get(name)) for each, name in zip(found, names, strict=True)]


def _was_left(backfill: PartitionBackfill, seen: float | None) -> bool:
    return backfill.holder is not None and is_lost(backfill.holder, seen)


def end_backfills(connection: Connection, lost: list[PartitionBackfill]) -> None:
    """End backfills whose process is gone, unless another continues with them by now."""
    known = {each.backfill_id: each.holder for each in lost}
    for each, seen in _open_backfills(connection, known):
        if each.holder is not None and each.holder == known[each.backfill_id]:
            _end_backfill(connection, each, each.holder, seen)


def _end_backfill(
    connection: Connection, backfill: PartitionBackfill, holder: Holder, seen: float | None
) -> None:
    backfill_id = backfill.backfill_id
    name = name_of_backfill(backfill_id)
    was_asked = name in requests_among(connection, [name])
    told = (
        f"The backfill was interrupted: the {holder} that did it is gone. What was made is kept; "
        f'resume it with session.resume_backfill("{backfill_id}").'
    )
    ended = msgspec.structs.replace(
        backfill,
        status=BackfillStatus.CANCELED if was_asked else BackfillStatus.FAILED,
        error=told,
        end_timestamp=seen or backfill.backfill_timestamp,
    )
    connection.execute(
        backfills.update()
        .where(backfills.c.backfill_id == backfill_id)
        .values(status=ended.status.value, body=encode_backfill(ended))
    )
    writing.drop(connection, name)
