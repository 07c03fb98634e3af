"""The part of an instance that keeps backfills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobnb.errors import InvariantViolationError, StorageError
from jobnb.storage.backfill import (
    BackfillFilter,
    BackfillStatus,
    PartitionBackfill,
    decode_backfill,
    encode_backfill,
)
from jobnb.storage.history import History

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["BackfillHistory"]


class BackfillHistory(History):
    """Backfills: which there are, and how they stand."""

    def get_backfills(
        self,
        status: BackfillStatus | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        filters: BackfillFilter | None = None,
    ) -> Sequence[PartitionBackfill]:
        """Backfills, newest first.

        Args:
            status: That stand so only.
            cursor: The id of the last one of the page before.
            limit: How many at most.
            filters: Which ones.

        Source: Dagster's `DagsterInstance.get_backfills`.
        """
        statuses = (status,) if status is not None else filters.statuses if filters else ()
        ids = filters.backfill_ids if filters is not None else None
        return self._read(lambda connection: _find(connection, statuses, ids, cursor, limit))

    def get_backfill(self, backfill_id: str) -> PartitionBackfill | None:
        """The backfill with this id, or None.

        Source: Dagster's `DagsterInstance.get_backfill`.
        """
        found = self.get_backfills(filters=BackfillFilter(backfill_ids=(backfill_id,)))
        return found[0] if found else None

    def add_backfill(self, partition_backfill: PartitionBackfill) -> None:
        """Keep a new backfill.

        Raises:
            InvariantViolationError: If its id is there already.

        Source: Dagster's `DagsterInstance.add_backfill`.
        """
        from sqlalchemy import insert
        from sqlalchemy.exc import IntegrityError

        from jobnb.storage.tables import backfills

        row = _row(partition_backfill)

        def work(connection: Connection) -> None:
            connection.execute(insert(backfills).values(row))
            self._note_lease(connection, partition_backfill)

        try:
            self._write(work)
        except IntegrityError as error:
            raise InvariantViolationError(
                f"The history has a backfill {partition_backfill.backfill_id!r} already."
            ) from error

    def update_backfill(self, partition_backfill: PartitionBackfill) -> None:
        """Keep a backfill as it stands now; one that was taken out stays out."""
        from sqlalchemy import insert, update

        from jobnb.storage.tables import backfills

        own = backfills.c.backfill_id == partition_backfill.backfill_id
        row = _row(partition_backfill)

        def work(connection: Connection) -> None:
            there = connection.execute(update(backfills).where(own).values(row)).rowcount
            if not there and self.opened > 1:
                # It was not taken out: the history that had it was removed.
                there = connection.execute(insert(backfills).values(row)).rowcount
            if there:
                self._note_lease(connection, partition_backfill)

        self._write(work)

    def _note_lease(self, connection: Connection, backfill: PartitionBackfill) -> None:
        """Whoever does it has a lease on it until it ends."""
        from jobnb.storage import leases

        name, holder = leases.name_of_backfill(backfill.backfill_id), backfill.holder
        if backfill.status.is_finished:
            leases.drop(connection, name)
        elif holder is not None and self._durable:
            leases.take(connection, name, holder)


def _row(backfill: PartitionBackfill) -> dict[str, Any]:
    return {
        "backfill_id": backfill.backfill_id,
        "status": backfill.status.value,
        "created": backfill.backfill_timestamp,
        "body": encode_backfill(backfill),
    }


def _find(
    connection: Connection,
    statuses: Sequence[BackfillStatus],
    ids: Sequence[str] | None,
    cursor: str | None,
    limit: int | None,
) -> list[PartitionBackfill]:
    from sqlalchemy import select

    from jobnb.storage.tables import backfills

    columns = (backfills.c.backfill_id, backfills.c.status, backfills.c.created, backfills.c.body)
    query = select(*columns).order_by(backfills.c.id.desc()).limit(limit)
    if statuses:
        query = query.where(backfills.c.status.in_([each.value for each in statuses]))
    if ids is not None:
        query = query.where(backfills.c.backfill_id.in_(list(ids)))
    if cursor is not None:
        last = select(backfills.c.id).where(backfills.c.backfill_id == cursor)
        query = query.where(backfills.c.id < last.scalar_subquery())
    return [_backfill(row) for row in connection.execute(query)]


def _backfill(row: Any) -> PartitionBackfill:
    """A backfill; of one that cannot be read what the other columns tell, with the reason."""
    try:
        return decode_backfill(row.body)
    except StorageError as error:
        statuses = {each.value: each for each in BackfillStatus}
        return PartitionBackfill(
            str(row.backfill_id),
            status=statuses.get(row.status, BackfillStatus.FAILED),
            backfill_timestamp=row.created if isinstance(row.created, float) else 0.0,
            error=str(error),
        )
