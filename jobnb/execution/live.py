"""The runs that go on in the background of this process; none outlives it."""

from __future__ import annotations

import atexit
import os
import threading
import time
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from jobnb.execution.background import Run

__all__ = ["add", "cancel_all", "find", "remove", "running"]

EXIT_SECONDS = 1.5
"""How long the end of the process waits for runs; Jupyter kills a kernel soon after."""

_live: dict[str, Run] = {}
_known: WeakValueDictionary[str, Run] = WeakValueDictionary()


def add(run: Run) -> None:
    """A run has begun."""
    _live[run.run_id] = _known[run.run_id] = run


def remove(run: Run) -> None:
    """A run has ended."""
    _live.pop(run.run_id, None)


def running() -> list[Run]:
    """The runs that go on now, the earliest first."""
    return list(_live.values())


def find(run_id: str) -> Run | None:
    """The handle of a run of this process, live or ended, if someone still holds it."""
    return _known.get(run_id)


def cancel_all(timeout: float | None = None, reason: str = "") -> bool:
    """Cancel all runs of this process and wait for them; tells whether all have ended.

    Args:
        timeout: Seconds to wait at most.
        reason: Why, for the log.
    """
    runs = running()
    for run in runs:
        run.cancel(reason)
    deadline = None if timeout is None else time.monotonic() + timeout
    for run in runs:
        run.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
    return all(run.is_finished for run in runs)


def _at_exit() -> None:
    reason = "The process that did it ended."
    if not cancel_all(EXIT_SECONDS, reason):
        for run in running():
            run.abandon(reason)


# Threads and executors that a step uses are closed before the functions of `atexit` are called:
# runs have to end before that, where Python lets them.
getattr(threading, "_register_atexit", atexit.register)(_at_exit)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_live.clear)  # a copy of this process has none of its runs
