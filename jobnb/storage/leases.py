"""Leases: which process does what, so that a run whose process died does not go on for ever.

A run has a lease from its creation to the commit that says how it ended; a backfill has one for
as long. A process on this machine is looked at; one elsewhere must say now and then that it is
still there.
"""

from __future__ import annotations

import time

from sqlalchemy import ColumnElement, Connection, Insert, and_, delete, update

from jobnb.storage.process import Holder
from jobnb.storage.rows import insert_many, upsert
from jobnb.storage.tables import leases

__all__ = ["drop", "held", "name_of_backfill", "renew", "take"]

_COLUMNS = ("run_id", "host", "pid", "mark", "seen")


def name_of_backfill(backfill_id: str) -> str:
    """What a backfill is called among the runs that have leases."""
    return f"backfill {backfill_id}"


def take(connection: Connection, run_id: str, holder: Holder) -> None:
    """The run is now done by this process."""
    row = (run_id, holder.host, holder.pid, holder.mark, time.time())
    insert_many(connection, _keep, _COLUMNS, [row])


def _keep(connection: Connection) -> Insert:
    return upsert(connection, leases, "run_id", _COLUMNS[1:])


def drop(connection: Connection, run_id: str) -> None:
    """The run has ended."""
    connection.execute(delete(leases).where(leases.c.run_id == run_id))


def renew(connection: Connection, holder: Holder) -> None:
    """A process is still there: all that it does goes on."""
    connection.execute(update(leases).where(_is_of(holder)).values(seen=time.time()))


def held(run_id: str, holder: Holder) -> ColumnElement[bool]:
    """Whether a lease is the one that this process has on this run."""
    return and_(leases.c.run_id == run_id, _is_of(holder))


def _is_of(holder: Holder) -> ColumnElement[bool]:
    return and_(
        leases.c.host == holder.host, leases.c.pid == holder.pid, leases.c.mark == holder.mark
    )
