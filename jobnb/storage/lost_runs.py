"""Runs whose process died: found by their leases, and ended in words.

A process on this machine is looked at. One elsewhere cannot be: it is taken for gone when it has
not renewed its lease for long.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, select

import jobnb.events as ev
from jobnb.state import RunStatus
from jobnb.storage import leases, tables
from jobnb.storage.process import Holder, is_gone
from jobnb.storage.writing import write_events

__all__ = ["LAPSE", "find_lost", "note_end"]

LAPSE = 300.0
"""Seconds of silence after which a process that cannot be looked at is taken for gone."""


def find_lost(connection: Connection) -> list[tuple[str, Holder]]:
    """The runs under way whose process is gone."""
    rows = connection.execute(select(tables.leases)).all()
    found = [(row, Holder(row.host, row.pid, row.mark)) for row in rows]
    return [(row.run_id, holder) for row, holder in found if _is_lost(holder, row.seen)]


def _is_lost(holder: Holder, seen: float) -> bool:
    gone = is_gone(holder)
    return time.time() - seen > LAPSE if gone is None else gone


def note_end(connection: Connection, run_id: str, holder: Holder) -> tuple[str, ev.Event] | None:
    """End a run whose process is gone; the name of its job and how it ended.

    It ended when it was last heard of. None if someone else has noted it, or it had ended.
    """
    runs = tables.runs
    own = select(tables.leases.c.seen).where(leases.held(run_id, holder))
    lease = connection.execute(own).first()
    run = connection.execute(select(runs).where(runs.c.run_id == run_id)).first()
    if lease is None:
        return None
    if run is None or RunStatus(run.status) not in tables.UNDER_WAY:
        leases.drop(connection, run_id)
        return None
    event = _end(run, holder, max(lease.seen, run.updated))
    write_events(connection, run_id, [event])
    return run.job_name, event


def _end(run: Any, holder: Holder, when: float) -> ev.Event:
    why = ev.ErrorInfo(
        "Interrupted",
        f"The run was interrupted: the {holder} that did it is gone. "
        "What had succeeded by then is kept.",
    )
    if run.status == RunStatus.CANCELING.value:
        return ev.RunCanceled(when, run.job_name, why)
    return ev.RunFailed(when, run.job_name, error=why)
