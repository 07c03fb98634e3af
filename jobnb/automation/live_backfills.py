"""The backfills that go on in the background of this process; none outlives it."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from jobnb.automation.backfill import Backfill

__all__ = ["add", "begun", "find", "remove", "running", "watchers"]

EXIT_SECONDS = 1.5
"""How long the end of the process waits for backfills."""

begun: list[Callable[[Backfill], None]] = []
"""Who is told of each that begins."""
watchers: list[Callable[[Backfill], AbstractContextManager[None]]] = []
"""What is entered while someone waits for one, in the thread that waits."""

_live: dict[str, Backfill] = {}
_known: WeakValueDictionary[str, Backfill] = WeakValueDictionary()


def add(backfill: Backfill) -> None:
    """A backfill has begun."""
    _live[backfill.backfill_id] = _known[backfill.backfill_id] = backfill
    for tell in begun:
        tell(backfill)


def remove(backfill: Backfill) -> None:
    """A backfill has ended."""
    if _live.get(backfill.backfill_id) is backfill:
        del _live[backfill.backfill_id]


def running() -> list[Backfill]:
    """The backfills that go on now, the earliest first."""
    return list(_live.values())


def find(backfill_id: str) -> Backfill | None:
    """The handle of a backfill of this process, live or ended, if someone still holds it."""
    return _known.get(backfill_id)


def _at_exit() -> None:
    under_way = running()
    for backfill in under_way:
        backfill.cancel("The process that did it ended.")
    deadline = time.monotonic() + EXIT_SECONDS
    for backfill in under_way:
        backfill.wait(max(0.0, deadline - time.monotonic()))


# Threads and executors that a step uses are closed before the functions of `atexit` are called:
# backfills have to end before that, where Python lets them.
getattr(threading, "_register_atexit", atexit.register)(_at_exit)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_live.clear)  # a copy of this process has none of them
