"""A backfill that another process does, followed through the history: the same to its owner."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

from jobnb.automation.backfill import Backfill, BackfillFailedError
from jobnb.automation.backfill_chunks import Group
from jobnb.automation.backfill_progress import counts_of
from jobnb.errors import InvalidSubsetError, StorageError
from jobnb.execution.followed import PATIENCE, end_process
from jobnb.execution.stopping import Stop
from jobnb.execution.task import find
from jobnb.storage.backfill import BackfillStatus, PartitionBackfill
from jobnb.storage.instance import Instance
from jobnb.storage.process import is_gone, this_process

LOOK = 0.2
"""Seconds between two looks at the history, at least."""


class FollowedBackfill(Backfill):
    """A backfill that is active in another process, or has ended.

    How far it is, is read from the history. Its end does not depend on this process.

    Args:
        record: It as it is stored.
        instance: Where its history is.
        groups: What it makes, where it was launched here.
    """

    outlives = True

    def __init__(
        self, record: PartitionBackfill, instance: Instance, groups: Sequence[Group] = ()
    ) -> None:
        self._cancel_at: float | None = None
        self._signals = 0
        self._open(record, instance, groups)
        self._counts = counts_of(record)
        self._began = record.resumed or record.backfill_timestamp
        if record.status.is_finished:
            self._settle()
            self._refresh()
            self._ended.set()
        else:
            self._begin()

    def _do(self) -> None:
        """Read how far it is until it has ended."""
        while not self._record.status.is_finished:
            began = time.monotonic()
            with suppress(StorageError):  # a server that is away comes back
                self._read()
            time.sleep(max(LOOK, 5 * (time.monotonic() - began)))

    def _read(self) -> None:
        record = self._instance.get_backfill(self.backfill_id)
        if record is None:
            raise BackfillFailedError(
                f"The backfill {self.backfill_id} was deleted from the history."
            )
        with self._turn:
            self._record, self._counts = record, counts_of(record)

    def _settle(self) -> None:
        """Take over how it ended, as its process has recorded it."""
        record = self._record
        if record.status is BackfillStatus.CANCELED:
            self._canceled = record.error or "Someone asked for it."
        elif record.status is BackfillStatus.FAILED and record.error:
            self._error = self._error or BackfillFailedError(record.error)

    def _stops(self) -> list[Stop]:
        return []

    def cancel(self, reason: str = "") -> bool:
        """Ask its process to stop it; what was made is kept.

        A process that does not hear is told with SIGTERM and, where that does not help, killed.

        Args:
            reason: Why, for the logs.

        Returns:
            Whether it could still be stopped.
        """
        if self.is_finished or not self._instance.control.request_cancel(self._lease, reason):
            return False
        self._cancel_at = self._cancel_at or time.monotonic()
        return True

    def _look(self) -> None:
        """End a process that was asked to end its backfill, and does not."""
        if self._cancel_at is None or self.is_finished or not self._record.is_detached:
            return
        if time.monotonic() < self._cancel_at + PATIENCE * (1 + self._signals / 2):
            return
        self._signals += 1
        holder = self._instance.control.holder(self._lease)
        if holder is not None and holder != this_process() and is_gone(holder) is False:
            end_process(holder, hard=self._signals > 1)


def find_backfill(instance: Instance, backfill_id: str) -> Backfill:
    """Return a backfill of a history, whatever process does it.

    Raises:
        InvalidSubsetError: If there is no such backfill.
    """
    known = find(Backfill, backfill_id)
    if known is not None and known.instance is instance and not known.is_finished:
        return known
    record = instance.get_backfill(backfill_id)
    if record is None:
        raise InvalidSubsetError(
            f"There is no backfill {backfill_id!r} in this history. "
            "instance.get_backfills() gives all."
        )
    return FollowedBackfill(record, instance)
