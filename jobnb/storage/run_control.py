"""The part of an instance that acts on runs of other processes: who has one, asking it to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from jobnb.storage.process import Holder, is_gone, this_process

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobnb.storage.history import History


class RunControl:
    """Runs that are active, in whatever process.

    Args:
        history: What it reads and writes.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    # -- which process has a run

    def holder(self, run_id: str) -> Holder | None:
        """Return the process that executes a run; None if there is none."""
        return self._history.read(lambda connection: _holder(connection, run_id))

    def hand_over(self, run_id: str, holder: Holder) -> None:
        """Pass a recorded run to another process, which is to execute it."""
        from jobnb.storage import writing

        self._history.write(lambda connection: writing.take(connection, run_id, holder))

    def claim(self, run_id: str) -> bool:
        """Claim a run passed to this process; return whether it is still to be executed."""
        from sqlalchemy import select

        from jobnb.storage import tables, writing
        from jobnb.storage.run_queries import known_status

        runs, holder = tables.runs, this_process()

        def work(connection: Connection) -> bool:
            status = connection.scalar(select(runs.c.status).where(runs.c.run_id == run_id))
            known = known_status(status)
            if known is None or known.is_finished:
                return False
            writing.take(connection, run_id, holder)
            return True

        return self._history.write(work)

    # -- asking it to end

    def request_cancel(self, run_id: str, reason: str = "") -> bool:
        """Ask the process that does a run to cancel it; whether there is one that can.

        Args:
            run_id: The run.
            reason: Why, for its log.
        """
        from jobnb.storage import tables, writing

        row = {"run_id": run_id, "time": time.time(), "reason": reason}

        def work(connection: Connection) -> bool:
            holder = _holder(connection, run_id)
            if holder is None or is_gone(holder):
                return False
            table = tables.cancel_requests
            connection.execute(writing.upsert(connection, table, "run_id", ()).values(row))
            return True

        return self._history.write(work)

    def forget_request(self, run_id: str) -> None:
        """Forget that a run was to end: another one of its name begins."""
        from sqlalchemy import delete

        from jobnb.storage.tables import cancel_requests as asked

        self._history.write(lambda c: c.execute(delete(asked).where(asked.c.run_id == run_id)))

    def listen(self, run_id: str, cancel: Callable[[str], object]) -> None:
        """Call a function, with the reason, once another process asks a run of this one to end."""
        self._history.cancels[run_id] = cancel

    def unlisten(self, run_id: str) -> None:
        """Remove the listener of a run that has ended."""
        self._history.cancels.pop(run_id, None)

    def requests(self, run_ids: Collection[str]) -> dict[str, str]:
        """Return which of these runs are to end, and why."""
        return self._history.read(lambda connection: requests_among(connection, run_ids))


def _holder(connection: Connection, run_id: str) -> Holder | None:
    from sqlalchemy import select

    from jobnb.storage.tables import leases

    columns = (leases.c.host, leases.c.pid, leases.c.mark)
    row = connection.execute(select(*columns).where(leases.c.run_id == run_id)).first()
    return Holder(*row) if row is not None else None


def requests_among(connection: Connection, run_ids: Collection[str]) -> dict[str, str]:
    """Return which of these runs are to end, and why."""
    from sqlalchemy import select

    from jobnb.storage.tables import cancel_requests as asked

    query = select(asked.c.run_id, asked.c.reason).where(asked.c.run_id.in_(list(run_ids)))
    return {row.run_id: row.reason for row in connection.execute(query)}
