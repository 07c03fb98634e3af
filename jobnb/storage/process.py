"""Identify the process that executes a run, and detect whether it still lives."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

_PROC = Path("/proc")
_SLACK = 2.0  # start times in seconds are told a little differently after the clock was set


class Holder(msgspec.Struct, frozen=True):
    """A process on a machine.

    Attributes:
        host: The machine, and the room for process ids within it (a container has its own).
        pid: Its id.
        mark: When it started: a process that got the same id later has another one.
    """

    host: str
    pid: int
    mark: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host.partition(' ')[0]}"


@cache
def has_threads() -> bool:
    """Return whether this process can start threads: a Python in the browser cannot."""
    thread = threading.Thread(target=lambda: None, name="jobnb probe", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return False
    thread.join()
    return True


def this_process() -> Holder:
    """Return the process that this is."""
    return _holder(os.getpid())  # asked each time: a forked child is another process


def holder_of(pid: int) -> Holder | None:
    """Return another process of this machine; None if none is alive."""
    mark = _mark(pid)
    return Holder(_host(), pid, mark) if mark is not None else None


@lru_cache(maxsize=4)
def _holder(pid: int) -> Holder:
    return Holder(_host(), pid, _mark(pid) or "")


def keep_for_ever(value: object) -> None:
    """Keep an object alive for ever, as it belongs to the parent of this forked process.

    To close it, as Python does with what nobody refers to, would reach into the other process.
    """
    with suppress(ImportError):  # a Python without it: it stays until this process ends
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
    _kept.append(value)


_kept: list[object] = []


def is_gone(holder: Holder) -> bool | None:
    """Whether a process has ended; None where that cannot be told from here.

    Example:
        >>> is_gone(this_process())
        False
        >>> is_gone(Holder("another machine", 1, "1")) is None
        True
    """
    if holder.host != _host() or not holder.mark:
        return None
    found = _mark(holder.pid)
    if found is None:
        return True if _can_look() else None
    return not _same(found, holder.mark)


LAPSE = 300.0
"""Seconds of silence after which a process that cannot be looked at is taken for gone."""


def is_lost(holder: Holder, seen: float | None) -> bool:
    """Whether a process is gone, as far as anybody here can tell.

    Args:
        holder: The process.
        seen: When it last said that it is there.
    """
    gone = is_gone(holder)
    if gone is None:
        return seen is not None and time.time() - seen > LAPSE
    return gone


def _host() -> str:
    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    try:
        return f"{name} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return name


def _mark(pid: int) -> str | None:
    """Return when the process with this id started, or None if there is none alive."""
    return _linux_mark(pid) if sys.platform == "linux" else _other_mark(pid)


def _linux_mark(pid: int) -> str | None:
    """Return the boot and the tick at which the process started, independent of the clock."""
    try:
        state, *rest = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except (OSError, ValueError):
        return None
    # One that has ended and that its parent has not yet asked after does nothing any more.
    return None if state in b"ZX" else f"{_boot()}:{int(rest[18])}"


def in_kernel() -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _other_mark(pid: int) -> str | None:
    psutil = _psutil()
    if psutil is None:
        return None
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None
    except psutil.Error:
        return ""  # it is there, and may not be looked at


def _same(found: str, known: str) -> bool:
    if not found or found == known:
        return True
    try:
        return abs(float(found) - float(known)) < _SLACK
    except ValueError:
        return False


def _can_look() -> bool:
    return sys.platform == "linux" or _psutil() is not None


@lru_cache(maxsize=1)
def _psutil() -> Any:
    """Import psutil, which comes with ipykernel."""
    try:
        return import_module("psutil")
    except ImportError:
        return None
