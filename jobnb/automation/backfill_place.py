"""Which process does a backfill, and beginning it there."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from jobnb.automation.backfill import Backfill
from jobnb.automation.backfill_chunks import Group
from jobnb.automation.backfill_detached import hand_over
from jobnb.automation.backfill_work import BackfillRuns, Setting
from jobnb.errors import StepExecutionError
from jobnb.execution.stopping import Interrupts
from jobnb.storage.backfill import PartitionBackfill


class Place(Enum):
    """Which process does a backfill."""

    HERE = "this process"
    ALONE = "a process of its own"
    ALONE_IF_POSSIBLE = "a process of its own, or this one if its definitions cannot go there"

    @staticmethod
    def asked(detach: bool, detaches: bool = False) -> Place:
        """Return the place that is asked for.

        Args:
            detach: Whether a process of its own was asked for.
            detaches: Whether the session detaches what it launches, as far as possible.
        """
        if detach:
            return Place.ALONE
        return Place.ALONE_IF_POSSIBLE if detaches else Place.HERE


def begin(
    record: PartitionBackfill,
    setting: Setting,
    groups: Sequence[Group],
    runs: BackfillRuns,
    max_parallel: int,
    place: Place,
    *,
    again: bool = False,
) -> Backfill:
    """Record a backfill and begin it.

    Args:
        record: The backfill.
        setting: What its runs share.
        groups: What it makes.
        runs: The same, ready to run.
        max_parallel: How many runs go side by side.
        place: Which process does it.
        again: Whether it was begun before.

    Raises:
        ExecutionInterruptedError: If an interrupt came meanwhile; the backfill has ended then.
        InvalidInvocationError: If another process must do it, and its history is in memory.
        StepExecutionError: If another process must do it, and a definition cannot go there.
    """
    instance = setting.instance
    alone = place is Place.ALONE or (
        place is Place.ALONE_IF_POSSIBLE and not instance.is_ephemeral and bool(groups)
    )
    if alone:
        keep = instance.update_backfill if again else instance.add_backfill
        try:
            with Interrupts(lambda: f"The backfill {record.backfill_id}") as interrupts:
                backfill = hand_over(record, setting, groups, runs, max_parallel, keep)
                interrupts.undo = backfill.undo
                return backfill
        except StepExecutionError:
            if place is Place.ALONE:
                raise
    return Backfill.begin(record, instance, groups, runs, max_parallel, again=again)
