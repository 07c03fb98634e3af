"""The part of an instance that keeps how many steps of a pool run at once, in all processes.

A step that belongs to a pool (`pool="database"`, or its tag `dagster/concurrency_key`) takes a
place in it and gives it back. Who waits stands in line, by priority and then by time. A place of a
process that is gone is free: a place has the process that took it, as a lease has.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from jobnb.definitions.plain import check_text
from jobnb.errors import InvalidInvocationError
from jobnb.storage.process import Holder, is_lost, this_process

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobnb.storage.history import History

LARGEST = 1000
"""The largest limit that a pool may have, as in Dagster."""

STALE = 10.0
"""Seconds after which one who waits, and has not asked again, does not hold up others."""


class ConcurrencyKeyInfo(msgspec.Struct, frozen=True):
    """A pool: its limit, who has places in it and who waits.

    Attributes:
        concurrency_key: The name of the pool.
        slot_count: How many steps may run at once; None if it has no limit.
        active_slot_count: How many places are taken.
        active_run_ids: The runs that have places.
        pending_step_count: How many steps wait for one.
        pending_step_run_ids: The runs that wait.

    Source: Dagster's `ConcurrencyKeyInfo`.
    """

    concurrency_key: str
    slot_count: int | None
    active_slot_count: int
    active_run_ids: Sequence[str]
    pending_step_count: int
    pending_step_run_ids: Sequence[str]


class Claim(NamedTuple):
    """How it went to take a place.

    Args:
        taken: Whether it was taken.
        used: How many places are.
        limit: How many there are; None if there is no limit.
    """

    taken: bool
    used: int = 0
    limit: int | None = None


class PoolHistory:
    """Pools: their limits, and the places that are taken.

    Args:
        history: What it reads and writes.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    # -- limits

    def set_concurrency_limit(self, concurrency_key: str, limit: int) -> None:
        """Say how many steps of a pool run at once, in all runs of all kernels of this home.

        Args:
            concurrency_key: The pool: the `pool` of ops and assets, or their tag
                `dagster/concurrency_key`.
            limit: From 0 (none runs) to 1000.

        Raises:
            InvalidInvocationError: If the limit is something else.
        """
        from jobnb.storage import tables, writing

        check_text(concurrency_key, "The name of a pool")
        if type(limit) is not int or not 0 <= limit <= LARGEST:
            raise InvalidInvocationError(
                f"The limit of the pool {concurrency_key!r} is {limit!r}. Give a number from 0 to "
                f"{LARGEST}, or remove it with delete_concurrency_limit()."
            )
        row = {"pool": concurrency_key, "places": limit}
        self._history.write(
            lambda connection: connection.execute(
                writing.upsert(connection, tables.pools, "pool", ("places",)), row
            )
        )

    def delete_concurrency_limit(self, concurrency_key: str) -> None:
        """Let any number of steps of a pool run at once."""
        from sqlalchemy import delete

        from jobnb.storage.tables import pools

        own = delete(pools).where(pools.c.pool == concurrency_key)
        self._history.write(lambda connection: connection.execute(own))

    def get_concurrency_keys(self) -> set[str]:
        """Return the names of the pools that have a limit."""
        from sqlalchemy import select

        from jobnb.storage.tables import pools

        return set(self._history.read(lambda c: c.scalars(select(pools.c.pool)).all()))

    def get_concurrency_info(self, concurrency_key: str) -> ConcurrencyKeyInfo:
        """Return what a pool has: its limit, the places that are taken, and who waits."""

        def work(connection: Connection) -> ConcurrencyKeyInfo:
            rows = _live(connection, concurrency_key)
            active = [row for row in rows if row.taken is not None]
            pending = [row for row in rows if row.taken is None]
            return ConcurrencyKeyInfo(
                concurrency_key,
                _limit(connection, concurrency_key),
                len(active),
                list(dict.fromkeys(row.run_id for row in active)),
                len(pending),
                list(dict.fromkeys(row.run_id for row in pending)),
            )

        return self._history.read(work)

    # -- places

    def claim_place(self, pool: str, run_id: str, step_key: str, priority: int = 0) -> Claim:
        """Take a place in a pool, or stand in line for one.

        Args:
            pool: The pool.
            run_id: The run.
            step_key: The step.
            priority: Higher ones go before others that wait.
        """
        holder = this_process()
        return self._history.write(
            lambda connection: _claim(connection, pool, run_id, step_key, priority, holder)
        )

    def free_place(self, pool: str, run_id: str, step_key: str) -> None:
        """Give a place back, or leave the line."""
        from sqlalchemy import delete

        from jobnb.storage.tables import pool_places as places

        own = delete(places).where(
            places.c.pool == pool, places.c.run_id == run_id, places.c.step_key == step_key
        )
        self._history.write(lambda connection: connection.execute(own))

    def free_concurrency_slots_for_run(self, run_id: str) -> None:
        """Free all places that a run has."""
        self._history.write(lambda connection: free_places(connection, run_id))


def free_places(connection: Connection, run_id: str) -> None:
    """Free all places that a run has, in the open transaction."""
    from sqlalchemy import delete

    from jobnb.storage.tables import pool_places as places

    connection.execute(delete(places).where(places.c.run_id == run_id))


def _limit(connection: Connection, pool: str) -> int | None:
    from sqlalchemy import select

    from jobnb.storage.tables import pools

    found: int | None = connection.scalar(select(pools.c.places).where(pools.c.pool == pool))
    return found


def _live(connection: Connection, pool: str) -> list[Any]:
    """Those who have a place in a pool, or wait for one, and whose process is there."""
    from sqlalchemy import select

    from jobnb.storage.tables import pool_places as places

    now, found = time.time(), []
    for row in connection.execute(select(places).where(places.c.pool == pool)):
        if is_lost(Holder(row.host, row.pid, row.mark), row.seen):
            continue
        if row.taken is None and now - row.seen > STALE:
            continue
        found.append(row)
    return found


def _claim(
    connection: Connection, pool: str, run_id: str, step_key: str, priority: int, holder: Holder
) -> Claim:
    from jobnb.storage.tables import pool_places
    from jobnb.storage.writing import upsert

    limit = _limit(connection, pool)
    if limit is None:
        return Claim(taken=True)
    now = time.time()
    rows = {(row.run_id, row.step_key): row for row in _live(connection, pool)}
    own = rows.pop((run_id, step_key), None)
    used = sum(row.taken is not None for row in rows.values())
    asked = own.asked if own is not None else now
    mine = (-priority, asked, run_id, step_key)
    line = sorted(
        (-row.priority, row.asked, row.run_id, row.step_key)
        for row in rows.values()
        if row.taken is None
    )
    before = sum(each < mine for each in line)
    taken = (own is not None and own.taken is not None) or before < limit - used
    row = {
        "pool": pool, "run_id": run_id, "step_key": step_key, "priority": priority,
        "asked": asked, "taken": now if taken else None, "seen": now,
        "host": holder.host, "pid": holder.pid, "mark": holder.mark,
    }  # fmt: skip
    keys = ("pool", "run_id", "step_key")
    changed = [name for name in row if name not in keys]
    connection.execute(upsert(connection, pool_places, keys, changed), row)
    return Claim(taken, used + taken, limit)
