"""A backfill as it is kept: what was asked for, and how it stands."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.errors import StorageError
from jobnb.storage.process import Holder

__all__ = ["BackfillFilter", "BackfillStatus", "PartitionBackfill", "decode_backfill",
           "encode_backfill", "new_backfill_id"]  # fmt: skip


def new_backfill_id() -> str:
    """An id that no other backfill has; short, since people type it."""
    return uuid.uuid4().hex[:8]


class BackfillStatus(Enum):
    """Where a backfill stands.

    Source: Dagster's `BulkActionStatus`.
    """

    REQUESTED = "REQUESTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def is_finished(self) -> bool:
        """Whether it has ended, one way or another."""
        return self is not BackfillStatus.REQUESTED


class PartitionBackfill(msgspec.Struct, frozen=True, omit_defaults=True):
    """A backfill as it is kept.

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

    @property
    def title(self) -> str:
        """The job that it runs, or the assets that it makes, in words.

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
    """Which backfills: one must fit everything that is given.

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
_decoder = msgspec.json.Decoder(PartitionBackfill, dec_hook=_decode_hook)


def encode_backfill(backfill: PartitionBackfill) -> bytes:
    """A backfill as JSON."""
    return _encoder.encode(backfill)


def decode_backfill(body: bytes) -> PartitionBackfill:
    """The backfill that `encode_backfill` wrote.

    Raises:
        StorageError: If the text is not that of a backfill.
    """
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise StorageError(
            f"The history holds a backfill that cannot be read: {error}. "
            "Perhaps a newer jobnb wrote it: update jobnb."
        ) from error
