"""Where and how an exception is raised in another thread.

Python delivers one at the next line of the thread, wherever that is: here it is judged whether the
place is one of the user's code, and one that may be left half done.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from types import FrameType


class StopSignal(KeyboardInterrupt):
    """Raised in a run's thread to stop the run."""


def can_be_raised(frame: FrameType | None) -> bool:
    """Whether an interrupt comes to something here, and harms nothing.

    Python drops what is raised where an object comes to its end; and its lock for imports stays
    taken for ever, for all other threads, by what is raised while it is being taken. Between the
    entering of a context and the note of how it is left, an `ExitStack` would forget to leave it.
    """
    inner = frame
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if frame.f_code.co_name == "__del__" or name in ("_weakrefset", "weakref"):
            return False
        frame = frame.f_back
    if inner is None:
        return True
    module = inner.f_globals.get("__name__")
    importing = module == "importlib._bootstrap" and inner.f_code.co_name in _IMPORT_LOCKING
    return module != "contextlib" and not importing


_IMPORT_LOCKING = (
    "__enter__",
    "__exit__",
    "__init__",
    "_get_module_lock",
    "acquire",
    "cb",
    "release",
)


_FRAGILE = frozenset(("_weakrefset", "contextlib", "importlib._bootstrap", "threading", "weakref"))
"""Modules of Python that are not left half done: a lock that was taken would stay so for ever."""
_LOCKING = frozenset(("_acquireLock", "_releaseLock", "acquire", "close", "handle", "release"))
"""The functions of `logging` that take its locks or give them back; the others may be left."""


def can_be_left(ident: int, *, patient: bool) -> bool:
    """Whether the user's code that a thread is in can be interrupted at this place."""
    frame = sys._current_frames().get(ident)
    inner = None
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        function = frame.f_code.co_name
        if name == "threading" and function == "start":
            return False  # a new thread goes by the number of its parent, and would be hit
        if inner is None and _is_fragile(name, function, patient=patient):
            return False
        if name.startswith("jobnb."):
            # What the storage calls are databases and files: those are not left half done.
            return inner is not None and not name.startswith("jobnb.storage.")
        frame, inner = frame.f_back, frame
    return False


def place_of(ident: int) -> object:
    """Return where a thread is: the same during one call of code that is not Python's."""
    frame = sys._current_frames().get(ident)
    return None if frame is None else (id(frame), frame.f_lasti)


def _is_fragile(module: str, function: str, *, patient: bool) -> bool:
    if module == "logging":
        return function in _LOCKING or (patient and function == "flush")
    # `Condition.wait` is where code waits for others; it is made to be interrupted there.
    return module in _FRAGILE and function != "wait"


def ready() -> None:
    """Import what an interrupt takes, before the look and not between look and interrupt."""
    with suppress(ImportError):
        import ctypes  # noqa: F401


def let_arrive() -> None:
    """Let a pending interrupt arrive in this thread, here, where it does no harm.

    One that is taken back instead leaves CPython asking every thread for ever whether it has
    arrived, which slows each line of the process down and hangs a profiler.
    """
    try:
        raise_in(threading.get_ident(), StopSignal)
        for _ in range(1000):
            pass
    except StopSignal:
        return


def raise_in(ident: int, error: type[BaseException]) -> bool:
    """Raise an exception in a thread, at its next line."""
    try:
        import ctypes
    except ImportError:  # a Python without it: runs stop between steps only
        return True
    sent = ctypes.pythonapi.PyThreadState_SetAsyncExc
    return bool(sent(ctypes.c_ulong(ident), ctypes.py_object(error)))
