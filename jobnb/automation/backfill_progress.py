"""The progress of a backfill: counts, also in a sentence."""

from __future__ import annotations

import time

import msgspec

from jobnb.execution.trace import error_info
from jobnb.storage.backfill import BackfillStatus, PartitionBackfill


class BackfillProgress(msgspec.Struct, frozen=True):
    """The partitions of a backfill by status, counted once for each of its assets.

    Attributes:
        total: How many are to be made.
        made: How many were.
        failed: How many runs could not make.
        blocked: How many were not tried, as an upstream asset failed.
        under_way: How many are being made.

    Example:
        >>> print(BackfillProgress(total=1200, made=1000, failed=2, blocked=1))
        1,003 of 1,200 partitions done (84%): 1,000 made, 2 failed, 1 skipped since what they are
        made from failed
    """

    total: int
    made: int = 0
    failed: int = 0
    blocked: int = 0
    under_way: int = 0

    @property
    def done(self) -> int:
        """The number of partitions that are finished, in any way."""
        return self.made + self.failed + self.blocked

    @property
    def fraction(self) -> float:
        """From 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 1.0

    def plus(self, **more: int) -> BackfillProgress:
        """Return the same with some counts raised."""
        return msgspec.structs.replace(
            self, **{name: getattr(self, name) + count for name, count in more.items()}
        )

    def __str__(self) -> str:
        if not self.total:
            return "nothing to make"
        noun = "partition" if self.total == 1 else "partitions"
        head = f"{self.done:,} of {self.total:,} {noun} done ({self.fraction:.0%})"
        told = [f"{self.made:,} made"] if self.made else []
        if self.failed:
            told.append(f"{self.failed:,} failed")
        if self.blocked:
            told.append(f"{self.blocked:,} skipped since what they are made from failed")
        if self.under_way:
            told.append(f"{self.under_way:,} under way")
        return f"{head}: {', '.join(told)}" if told else head


def counts_of(record: PartitionBackfill) -> BackfillProgress:
    """Return how far a backfill is, as far as its process has recorded it."""
    known = record.counts
    return BackfillProgress(
        known.get("total", 0),
        known.get("made", 0),
        known.get("failed", 0),
        known.get("blocked", 0),
        known.get("under_way", 0),
    )


def with_counts(record: PartitionBackfill, counts: BackfillProgress) -> PartitionBackfill:
    """Return a backfill with how far it is."""
    return msgspec.structs.replace(record, counts=msgspec.structs.asdict(counts))


def ended(
    record: PartitionBackfill,
    counts: BackfillProgress,
    error: BaseException | None,
    canceled: str | None,
) -> PartitionBackfill:
    """Return a backfill as it is kept once it has ended.

    Args:
        record: As it was kept while it went on.
        counts: What has become of its partitions.
        error: What went wrong with the backfill itself.
        canceled: Why it was canceled, if it was.
    """
    if error is not None:
        status = BackfillStatus.FAILED
    elif canceled is not None:
        status = BackfillStatus.CANCELED
    else:
        bad = counts.failed + counts.blocked
        status = BackfillStatus.FAILED if bad else BackfillStatus.COMPLETED
    return msgspec.structs.replace(
        record,
        status=status,
        error=str(error_info(error)) if error is not None else canceled,
        counts={name: getattr(counts, name) for name in ("total", "made", "failed", "blocked")},
        end_timestamp=time.time(),
    )
