"""Stopping a run from outside: a flag between steps, an interrupt where a step takes long.

An interrupt is raised in the run's thread while it is in the user's code, and nowhere else: what
jobnb itself does there, such as writing the log, goes to its end. Once the run begins to close what
it had opened, it is shielded: nothing reaches it any more.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

__all__ = ["UNSTOPPABLE", "Stop", "StopSignal", "Unstoppable"]


class StopSignal(KeyboardInterrupt):
    """Raised in a run's thread where the run is to stop."""


class Stop:
    """How a run is told to stop; one for each run in the background.

    Attributes:
        requested: Set once it was asked to.
        reason: Why, in words.
        is_failure: Whether a run that stops so has failed rather than been canceled.
    """

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.reason = ""
        self.is_failure = False
        self._thread: int | None = None
        self._shielded = False
        self._sent = False
        self._since = 0.0
        self._lock = threading.Lock()

    # --- called by whoever wants it to stop -------------------------------

    def request(self, reason: str, tell: Callable[[], None], *, is_failure: bool = False) -> bool:
        """Ask the run to stop; tells whether it still can.

        Args:
            reason: Why, in words.
            tell: Called the first time, while the run cannot end.
            is_failure: Whether the run has failed then.
        """
        with self._lock:
            if self._shielded:
                return False
            if not self.requested.is_set():
                self.reason, self.is_failure = reason, is_failure
                tell()
                self._since = time.monotonic()
                self.requested.set()
            self._sent = False
        self.interrupt()
        return True

    def interrupt(self) -> None:
        """Interrupt the user's code if the run is in it; called again until that has happened."""
        if self._sent or not self.requested.is_set():
            return
        _ready()
        for _ in range(_TRIES):
            with self._lock:
                ident = self._thread
                if ident is None or self._shielded or self._sent:
                    return
                # A new turn: the run's thread does not move between the look and the interrupt.
                time.sleep(0)
                if _in_user_code(ident, patient=time.monotonic() < self._since + _PATIENCE):
                    self._sent = _raise_in(ident, StopSignal)
            time.sleep(_PAUSE)

    def take_over(self) -> bool:
        """Close what the run had opened in its place; tells whether it has not begun to."""
        with self._lock:
            free, self._shielded = not self._shielded, True
        return free

    # --- called by the run itself -----------------------------------------

    def open(self) -> None:
        """This thread does the run from here on."""
        self._thread = threading.get_ident()

    def pause(self, seconds: float) -> None:
        """Wait, unless the run is to stop.

        Raises:
            StopSignal: If it is.
        """
        if self.requested.wait(seconds):
            raise StopSignal

    def shield(self) -> None:
        """From here on nothing interrupts this thread: it closes what it had opened."""
        while not self._shielded:
            try:
                with self._lock:
                    if self._sent:
                        _let_arrive()  # it may still be on its way
                    self._shielded = True
            except KeyboardInterrupt:
                continue  # it was on its way, and came here


class Unstoppable:
    """The same for a run that its caller waits for: only the caller's own Ctrl-C stops it."""

    reason = ""
    is_failure = False

    def open(self) -> None:
        """Nothing to do."""

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def shield(self) -> None:
        """Nothing to do."""


UNSTOPPABLE = Unstoppable()


_TRIES = 5
_PAUSE = 0.001  # seconds between two of them

_FRAGILE = frozenset(("_weakrefset", "contextlib", "importlib._bootstrap", "threading", "weakref"))
"""Modules of Python that are not left half done: a lock that was taken would stay so for ever."""
_LOCKING = frozenset(("_acquireLock", "_releaseLock", "acquire", "close", "handle", "release"))
"""The functions of `logging` that take its locks or give them back; the others may be left."""
_PATIENCE = 0.5
"""Seconds for which an interrupt waits for a log line to be written: a step that writes nothing
but lines is hardly ever met anywhere else."""


def _in_user_code(ident: int, *, patient: bool = True) -> bool:
    """Whether a thread is in code that jobnb called, rather than in jobnb's own."""
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


def _is_fragile(module: str, function: str, *, patient: bool) -> bool:
    if module == "logging":
        return function in _LOCKING or (patient and function == "flush")
    # `Condition.wait` is where code waits for others; it is made to be interrupted there.
    return module in _FRAGILE and function != "wait"


def _ready() -> None:
    """Import what an interrupt takes, before the look and not between look and interrupt."""
    with suppress(ImportError):
        import ctypes  # noqa: F401


def _let_arrive() -> None:
    """Have an interrupt arrive in this thread, here, where it does no harm.

    One that is taken back instead leaves CPython asking every thread for ever whether it has
    arrived, which slows each line of the process down and hangs a profiler.
    """
    try:
        _raise_in(threading.get_ident(), StopSignal)
        for _ in range(1000):
            pass
    except StopSignal:
        return


def _raise_in(ident: int, error: type[BaseException]) -> bool:
    """Have a thread raise an exception at its next line."""
    try:
        import ctypes
    except ImportError:  # a Python without it: runs stop between steps only
        return True
    sent = ctypes.pythonapi.PyThreadState_SetAsyncExc
    return bool(sent(ctypes.c_ulong(ident), ctypes.py_object(error)))
