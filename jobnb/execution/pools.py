"""Pools of steps: how many run at once in all runs of all processes; see `storage/pools.py`.

A step waits for its place without holding a worker, and its log says so.
"""

from __future__ import annotations

from collections.abc import Callable
from time import time as now

from jobnb.definitions.ops.pool import PRIORITY_TAG, pool_of
from jobnb.events import EngineNote, Event
from jobnb.plan.step import Step
from jobnb.storage.instance import Instance

LOOK = 0.2
"""Seconds between two attempts to take a place."""


class Pools:
    """The places that the steps of a run take.

    Args:
        run_id: The run.
        instance: Where the places are.
        tell: Takes what is told of a step that waits; it is to be on disk soon.
    """

    def __init__(self, run_id: str, instance: Instance, tell: Callable[[Event], None]) -> None:
        self._run_id = run_id
        self._history = instance.pools
        self._tell = tell
        self._waiting: set[str] = set()
        self._holds: set[tuple[str, str]] = set()

    def claim(self, step: Step, key: str) -> bool:
        """Take a place for a step, if it needs one; whether it may run now.

        Args:
            step: The step.
            key: Its key, with the mapping key if it has one.
        """
        pool = pool_of(step.tags)
        if pool is None or (pool, key) in self._holds:
            return True
        claim = self._history.claim_place(pool, self._run_id, key, _priority(step))
        if claim.taken:
            if claim.limit is not None:
                self._holds.add((pool, key))
            self._waiting.discard(key)
            return True
        if key not in self._waiting:
            self._waiting.add(key)
            words = f"The step {key!r} waits for a place in the pool {pool!r}: "
            words += f"{claim.used} of {claim.limit} are taken."
            self._tell(EngineNote(now(), words, {"pool": pool}, key))
        return False

    def free(self, step: Step, key: str) -> None:
        """Give the place of a step back."""
        pool = pool_of(step.tags)
        if pool is not None and (pool, key) in self._holds:
            self._holds.discard((pool, key))
            self._history.free_place(pool, self._run_id, key)

    def close(self) -> None:
        """Give all places back, and leave each line: the run has ended."""
        if self._holds or self._waiting:
            self._history.free_concurrency_slots_for_run(self._run_id)
            self._holds.clear()


def _priority(step: Step) -> int:
    try:
        return int(step.tags.get(PRIORITY_TAG, 0))
    except ValueError:
        return 0
