"""The records of backfills, request and status, and the part of an instance that stores them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvariantViolationError, StorageError
from jobnb.storage.process import Holder

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobnb.storage.history import History


def new_backfill_id() -> str:
    """Return an id that no other backfill has; short, since people type it."""
    return uuid.uuid4().hex[:8]


def name_of_backfill(backfill_id: str) -> str:
    """Return the name of a backfill among the runs that have leases."""
    return f"backfill {backfill_id}"


class BackfillStatus(Enum):
    """The status of a backfill.

    Source: Dagster's `BulkActionStatus`.
    """

    REQUESTED = "REQUESTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def is_finished(self) -> bool:
        """Whether it has ended, in any way."""
        return self is not BackfillStatus.REQUESTED


class PartitionBackfill(msgspec.Struct, frozen=True, omit_defaults=True):
    """The record of a backfill.

    Args:
        backfill_id: Its id; a new one if left out.
        status: Where it stands.
        backfill_timestamp: When it began, in seconds since the epoch.
        tags: Tags of its runs.
        asset_selection: The assets that it makes.
        partitions: By the text of an asset's key, its partitions as their definition writes
            them; None for an asset without partitions. Of a job, by its name.
        run_config: The raw config of its runs.
        error: Why it ended before its time.
        counts: What became of the partitions, in numbers.
        end_timestamp: When it ended.
        holder: The process that does it, or did.
        job_name: The job that it runs, where it runs one.
        is_detached: Whether a process of its own does it.
        resumed: When it was resumed last.

    Source: Dagster's `PartitionBackfill`.
    """

    backfill_id: str = msgspec.field(default_factory=new_backfill_id)
    status: BackfillStatus = BackfillStatus.REQUESTED
    backfill_timestamp: float = msgspec.field(default_factory=time.time)
    tags: Mapping[str, str] = {}
    asset_selection: tuple[AssetKey, ...] = ()
    partitions: Mapping[str, str | None] = {}
    run_config: Mapping[str, Any] | None = None
    error: str | None = None
    counts: Mapping[str, int] = {}
    end_timestamp: float | None = None
    holder: Holder | None = None
    job_name: str | None = None
    is_detached: bool = False
    resumed: float | None = None

    @property
    def title(self) -> str:
        """The job that it runs, or the assets that it materializes, in words.

        Example:
            >>> PartitionBackfill(asset_selection=tuple(map(AssetKey, "abcde"))).title
            'a, b, c and 2 more'
        """
        if self.job_name is not None:
            return self.job_name
        names = [key.to_user_string() for key in self.asset_selection]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return ", ".join(names[:3]) + more


class BackfillFilter(msgspec.Struct, frozen=True):
    """Selects backfills that match all given values.

    Args:
        statuses: It stands at one of these.
        backfill_ids: It is one of these.

    Source: Dagster's `BulkActionsFilter`.
    """

    statuses: tuple[BackfillStatus, ...] = ()
    backfill_ids: tuple[str, ...] | None = None


def _encode_hook(value: Any) -> Any:
    if isinstance(value, AssetKey):
        return list(value.path)
    raise NotImplementedError(f"{value!r} cannot be kept with a backfill.")


def _decode_hook(kind: type, value: Any) -> Any:
    if kind is AssetKey:
        return AssetKey(value)
    raise NotImplementedError(f"No {kind!r} is kept with a backfill.")


_encoder = msgspec.json.Encoder(enc_hook=_encode_hook)


@cache
def _decoder() -> msgspec.json.Decoder[PartitionBackfill]:
    """Return what reads a backfill; made at its first use, as it looks into all types."""
    return msgspec.json.Decoder(PartitionBackfill, dec_hook=_decode_hook)


def encode_backfill(backfill: PartitionBackfill) -> bytes:
    """Return a backfill as JSON."""
    return _encoder.encode(backfill)


def decode_backfill(body: bytes) -> PartitionBackfill:
    """Return the backfill that `encode_backfill` wrote.

    Raises:
        StorageError: If the text is not that of a backfill.
    """
    try:
        return _decoder().decode(body)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise StorageError(
            f"The history holds a backfill that cannot be read: {error}. "
            "Perhaps a newer jobnb wrote it: update jobnb."
        ) from error


class BackfillHistory:
    """Stores backfills and their statuses.

    Args:
        history: What it reads and writes.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def get_backfills(
        self,
        status: BackfillStatus | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        filters: BackfillFilter | None = None,
    ) -> Sequence[PartitionBackfill]:
        """Return backfills, newest first.

        Args:
            status: That stand so only.
            cursor: The id of the last one of the page before.
            limit: How many at most.
            filters: Which ones.

        Source: Dagster's `DagsterInstance.get_backfills`.
        """
        statuses = (status,) if status is not None else filters.statuses if filters else ()
        ids = filters.backfill_ids if filters is not None else None
        return self._history.read(
            lambda connection: _find(connection, statuses, ids, cursor, limit)
        )

    def get_backfill(self, backfill_id: str) -> PartitionBackfill | None:
        """Return the backfill with this id, or None.

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
            self._history.write(work)
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
            if not there and self._history.opened > 1:
                # It was not taken out: the history that had it was removed.
                there = connection.execute(insert(backfills).values(row)).rowcount
            if there:
                self._note_lease(connection, partition_backfill)

        self._history.write(work)

    def _note_lease(self, connection: Connection, backfill: PartitionBackfill) -> None:
        """Record the lease of the process that executes it."""
        from jobnb.storage import writing

        name, holder = name_of_backfill(backfill.backfill_id), backfill.holder
        if backfill.status.is_finished:
            writing.drop(connection, name)
        elif holder is not None and self._history.durable:
            writing.take(connection, name, holder)


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
    """Decode a backfill; for an unreadable one, use the other columns and note the reason."""
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
