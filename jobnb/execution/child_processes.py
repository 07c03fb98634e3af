"""The processes that one thread has started: what a step waits for when it does not stop."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def present_moment() -> float:
    """Return seconds since the system started: what the start of a process is told in."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def children_of(thread: int, since: float) -> list[int]:
    """Return the processes that a thread has started, and their descendants.

    Empty where the system does not tell; only Linux does.

    Args:
        thread: The thread, as the system numbers it.
        since: Those that it started before are left out; see `present_moment`.
    """
    own = _started_by(os.getpid(), thread)
    found = [pid for pid in own if _began(pid) >= since - _TICK]
    for pid in found:  # it grows
        found += [each for task in _threads_of(pid) for each in _started_by(pid, task)]
    return found


def end_process(pid: int, *, at_once: bool) -> None:
    """Ask a process to end, or end it at once."""
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL if at_once else signal.SIGTERM)


def _started_by(pid: int, task: int) -> list[int]:
    try:
        told = (_PROC / str(pid) / "task" / str(task) / "children").read_text()
    except OSError:
        return []
    return [int(each) for each in told.split()]


def _threads_of(pid: int) -> list[int]:
    try:
        return [int(each.name) for each in (_PROC / str(pid) / "task").iterdir()]
    except OSError:
        return []


_TICK = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01


def _began(pid: int) -> float:
    """Return when a process began; the earliest time if it is gone."""
    try:
        told = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return 0.0
    return int(told.rpartition(")")[2].split()[19]) * _TICK
