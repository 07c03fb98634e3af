"""Leases: which process does which run, so that a run whose process died does not go on for ever.

A run has a lease from the commit that says it started to the commit that says how it ended. A
process on this machine is looked at; one elsewhere must say now and then that it is still there.
"""

from __future__ import annotations

import time

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, update

from jobnb.storage.process import Holder
from jobnb.storage.tables import leases

__all__ = ["drop", "held", "renew", "take"]


def take(connection: Connection, run_id: str, holder: Holder) -> None:
    """The run is now done by this process."""
    drop(connection, run_id)
    connection.execute(
        insert(leases).values(
            run_id=run_id, host=holder.host, pid=holder.pid, mark=holder.mark, seen=time.time()
        )
    )


def drop(connection: Connection, run_id: str) -> None:
    """The run has ended."""
    connection.execute(delete(leases).where(leases.c.run_id == run_id))


def renew(connection: Connection, run_id: str, holder: Holder) -> None:
    """The process that does this run is still there."""
    own = update(leases).where(held(run_id, holder))
    connection.execute(own.values(seen=time.time()))


def held(run_id: str, holder: Holder) -> ColumnElement[bool]:
    """Whether a lease is the one that this process has on this run."""
    return and_(
        leases.c.run_id == run_id,
        leases.c.host == holder.host,
        leases.c.pid == holder.pid,
        leases.c.mark == holder.mark,
    )
