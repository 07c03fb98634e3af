"""Measure an attempt at a step: processor time, and the peak of memory.

Steps that take less than a few milliseconds are not measured: to look at the clock of the processor
and at the memory of the process would take as long as they do.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Generator
from contextlib import suppress
from importlib import import_module
from time import process_time, thread_time
from types import coroutine
from typing import Any, NamedTuple
from weakref import WeakSet

LEAST = 0.005
"""Seconds from which on an attempt is measured."""

_FRESH = (
    0.002  # seconds for which the times that were read last are those at the beginning of a step
)
_FRESH_MEMORY = 0.01  # the same of the memory, which takes much longer to read
_STATUS, _RESET = "/proc/self/status", "/proc/self/clear_refs"


class ResourceUsage(NamedTuple):
    """What an attempt took; None if it was too short, or the platform does not tell.

    Args:
        cpu: Seconds of processor time.
        memory: Bytes of memory of its process, at the peak.
        growth: By how many of them its process had grown.
    """

    cpu: float | None = None
    memory: int | None = None
    growth: int | None = None


class Meter:
    """Measures the attempts of one thread, one after the other.

    Attributes:
        began: When the last attempt began; one goes on if it began after the last end.
        ended: When the last one ended.
        peak: Bytes of memory of the process, at most, since the attempt began.
        on_loop: Seconds of processor time that its coroutines took on another thread's loop.
    """

    __slots__ = (
        *("__weakref__", "_at", "_before", "_cpu", "_thread"),
        *("began", "ended", "on_loop", "peak"),
    )

    def __init__(self) -> None:
        self.peak = self._before = 0
        self.began = self.ended = self.on_loop = 0.0
        self._at = self._cpu = self._thread = 0.0
        with _turn:
            _meters.add(self)

    def begin(self, at: float) -> None:
        """Begin an attempt, in this thread.

        Args:
            at: When.
        """
        self.began = at
        if at - self._at > _FRESH:
            self._read_times(at)
        if at - _memory.at > _FRESH_MEMORY:
            _memory.read(at)
        self.peak = self._before = _memory.now

    @property
    def is_busy(self) -> bool:
        """Whether an attempt is being measured."""
        return self.began > self.ended

    def leave(self) -> None:
        """End an attempt without a measurement."""
        self.ended = max(self.began, self.ended)

    def end(self, at: float) -> ResourceUsage:
        """Return what an attempt took, at its end.

        Args:
            at: When.
        """
        was_busy, self.ended = self.is_busy, at
        if not was_busy or at - self.began < LEAST:
            return _NOTHING
        cpu, thread, before, on_loop = self._cpu, self._thread, self._before, self.on_loop
        # What the whole process took is its own only where no other step was at work in it.
        others = (each for each in _known() if each is not self)
        alone = not any(each.is_busy or each.ended > self.began for each in others)
        self._read_times(at)
        peak = max(self.peak, _memory.read(at))
        took = round(self._cpu - cpu if alone else self._thread - thread + on_loop, 6)
        return ResourceUsage(took, peak, max(0, peak - before)) if peak else ResourceUsage(took)

    def _read_times(self, at: float) -> None:
        self._at, self.on_loop = at, 0.0
        self._thread = thread_time()
        self._cpu = process_time() + _time_of_children()


class _MemoryReading:
    """The memory of this process, as it was read last.

    Attributes:
        at: When.
        now: Bytes of it.
    """

    def __init__(self) -> None:
        self.at, self.now = 0.0, 0

    def read(self, at: float) -> int:
        """Read it, and return its peak since the last reading, in any thread."""
        with _turn:
            peak, self.now = _new_peak()
            self.at = at
            for each in _meters:
                each.peak = max(each.peak, peak)
        return peak


_memory = _MemoryReading()
_meters: WeakSet[Meter] = WeakSet()
_turn = threading.Lock()
_NOTHING = ResourceUsage()


def _known() -> list[Meter]:
    with _turn:
        return list(_meters)


def _time_of_children() -> float:
    """Return seconds of processor time of child processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _new_peak() -> tuple[int, int]:
    """Return the process's memory in bytes: the peak since the last call, and now."""
    try:
        with open(_STATUS, "rb", 0) as file:  # noqa: PTH123 - it is read often
            text = file.read()
        peak, present = _kilobytes(text, b"VmHWM:"), _kilobytes(text, b"VmRSS:")
        with open(_RESET, "wb", 0) as file:  # noqa: PTH123
            file.write(b"5")
    except (OSError, ValueError):
        present = _told_by_psutil()
        peak = present  # a peak between two looks is not seen here
    return peak, present


def _kilobytes(text: bytes, name: bytes) -> int:
    at = text.index(name) + len(name)
    return int(text[at : text.index(b"kB", at)]) * 1024


def _told_by_psutil() -> int:
    with suppress(Exception):
        psutil = import_module("psutil")
        return int(psutil.Process().memory_info().rss)
    return 0


def _left() -> None:
    """In a forked process, forget the parent's steps."""
    global _turn  # noqa: PLW0603 - a thread that is not here may hold it
    _turn = threading.Lock()
    _meters.clear()
    _memory.at = 0.0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_left)


@coroutine
def timed(work: Awaitable[Any], meter: Meter) -> Generator[Any, Any, Any]:
    """Await something, and add the processor time that it takes on its loop.

    Args:
        work: What is awaited.
        meter: That of the step that it is of.
    """
    steps: Any = work.__await__()
    given: Any = None
    error: BaseException | None = None
    while True:
        began = thread_time()
        try:
            if error is not None:
                waits = steps.throw(error)
            else:
                waits = steps.send(given) if given is not None else next(steps)
        except StopIteration as stop:
            return stop.value
        finally:
            meter.on_loop += thread_time() - began
        try:
            given, error = (yield waits), None
        except BaseException as raised:  # noqa: BLE001 - it is handed on
            error = raised
