"""The attempts of one task: its worker takes one after the other; those behind a late one leave."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable

from jobnb.execution.executors.worker_pool import Attempt

LATE = 0.05
"""Seconds from which on an attempt holds up those behind it: other workers can execute them."""

SOON = 0.005
"""Seconds that the end of an attempt may wait to be told, while others of its task go on."""


class AttemptQueue:
    """The attempts of a task that have not begun.

    Each attempt is given away once: to the worker, or to whoever takes the late ones away.

    Args:
        attempts: All of them, in order.
    """

    __slots__ = ("_began", "_turn", "_waiting")

    def __init__(self, attempts: Iterable[Attempt]) -> None:
        self._waiting = deque(attempts)
        self._turn = threading.Lock()
        self._began: float | None = None

    def next(self) -> Attempt | None:
        """Take the next attempt, to execute it now; None if there is none."""
        with self._turn:
            if not self._waiting:
                return None
            self._began = time.monotonic()
            return self._waiting.popleft()

    @property
    def is_empty(self) -> bool:
        """Whether none waits."""
        return not self._waiting

    def take_late(self) -> list[Attempt]:
        """Take away all attempts that wait behind a late one; none where none has begun yet."""
        if not self._waiting:
            return []
        with self._turn:
            if self._began is None or time.monotonic() < self._began + LATE:
                return []
            taken = list(self._waiting)
            self._waiting.clear()
            return taken
