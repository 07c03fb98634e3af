"""Stop a run: a flag between steps, an interrupt if a step takes long.

An interrupt is raised in the run's thread while it is in the user's code, and nowhere else: what
jobnb itself does there, such as writing the log, goes to its end, and no resource stays open or is
closed twice. `Stop` does it for a run in the background, `Interrupts` for Ctrl-C in a run that its
caller waits for; the run tells both when it is in the user's code.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn, Self, TypeVar

from jobnb.errors import ExecutionInterruptedError, InvariantViolationError
from jobnb.execution.child_processes import children_of, end_process, present_moment
from jobnb.execution.thread_interrupts import (
    StopSignal,
    can_be_left,
    can_be_raised,
    let_arrive,
    place_of,
    raise_in,
    ready,
)
from jobnb.execution.trace import where_thread_is
from jobnb.storage.process import has_threads

T = TypeVar("T")


class ForkedError(BaseException):
    """Raised in a forked process when the user's code returns to jobnb."""


class Stopping:
    """Tells a run whether to stop; this one never does.

    Attributes:
        left: Whether this is a copy (a fork) of the process that does the run: nothing more of it
            is done here.
        wanted: Whether it is to stop; looked at between steps.
        open: Whether it is in the user's code, where it can be interrupted.
        reason: Why it is to stop, in words.
        is_failure: Whether a run that stops so has failed rather than been canceled.
    """

    def __init__(self) -> None:
        self.wanted = self.open = self.is_failure = self.left = False
        self.reason = ""
        self._outer: Stopping | None = None

    def begin(self) -> None:
        """Begin the run in this thread, perhaps within a step of another run."""
        self._outer = getattr(_here, "stopping", None)
        _here.stopping = self

    def end(self) -> None:
        """End the run."""
        _here.stopping = self._outer
        if self._outer is not None:
            self._outer.open = True

    def shield(self) -> None:
        """Prevent interrupts from now on, while the run closes what it opened."""
        self.open = False
        if self._outer is not None:
            self._outer.open = False

    def check(self) -> None:
        """Stop here, if the run is to stop."""

    def stay(self) -> None:
        """Raise an error in a forked process: only the parent executes the run.

        Raises:
            ForkedError: If this is a copy of it.
        """
        if self.left:
            raise ForkedError

    def part(self, error: BaseException, what: str) -> NoReturn:
        """End the run in a copy of its process: what the user's code raised there goes on.

        Args:
            error: What was raised.
            what: What it is that runs.
        """
        raise _told(error, what) from None

    def pause(self, seconds: float) -> None:
        """Wait, unless the run is to stop."""
        self.call(time.sleep, seconds)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call the user's code."""
        self.stay()
        before, self.open = self.open, True
        try:
            if self.wanted:
                self.check()
            result = function(*arguments)
        finally:
            self.open = before
        self.stay()
        return result

    def ring(self, told: Callable[[], None], ident: int) -> bool:
        """Interrupt the thread by a signal, which a call that sleeps hears, too.

        Args:
            told: Called when it is interrupted.
            ident: The thread.

        Returns:
            Whether it can be done, and was.
        """
        return False

    def silence(self) -> None:
        """Let a signal of an alarm that is over arrive."""

    def hold(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call code of jobnb from within the user's: it goes to its end."""
        before, self.open = self.open, False
        try:
            return function(*arguments)
        finally:
            self.open = before

    def close(self, function: Callable[..., T], *arguments: Any) -> T:
        """Let user code close something, to its end."""
        return function(*arguments)

    def each(self, stream: Iterator[T]) -> Iterator[T]:
        """Iterate over a user's generator; only its own code counts as user code."""
        self.open = True
        try:
            if self.wanted:
                self.check()
            for item in stream:
                self.open = False
                self.stay()
                yield item
                self.open = True
                if self.wanted:
                    self.check()
        finally:
            close = getattr(stream, "close", None)
            if close is not None:
                close()  # its own clean-up runs now
            self.open = False
        self.stay()


class Stop(Stopping):
    """Stops one background run.

    Attributes:
        is_taken: Whether its thread is left behind, in code that does not stop.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_taken = False
        self._requested = threading.Event()
        self._thread: int | None = None
        self._shielded = False
        self._sent = False
        self._since = 0.0
        self._native = 0
        self._began = 0.0
        self._met: object = None  # where the thread was when it was interrupted
        self._asked: set[int] = set()
        self._lock = threading.Lock()

    # --- called by whoever wants it to stop -------------------------------

    def request(self, reason: str, tell: Callable[[], None], *, is_failure: bool = False) -> bool:
        """Ask the run to stop; returns whether it still can.

        Args:
            reason: Why, in words.
            tell: Called the first time, while the run cannot end.
            is_failure: Whether the run has failed then.
        """
        with self._lock:
            if self._shielded:
                return False
            if not self.wanted:
                self.reason, self.is_failure = reason, is_failure
                tell()
                self._since = time.monotonic()
                self.wanted = True
                self._requested.set()
            self._sent = False
        self.interrupt()
        return True

    def interrupt(self) -> None:
        """Interrupt the user's code if the run is in it; called again until that has happened."""
        if not self.wanted:
            return
        if self._sent:
            self._end_children()
            return
        ready()
        for _ in range(_TRIES):
            with self._lock:
                ident = self._thread
                if ident is None or self._shielded or self._sent:
                    return
                # A new turn: the run's thread does not move between the look and the interrupt.
                time.sleep(0)
                patient = time.monotonic() < self._since + PATIENCE
                if self.open and can_be_left(ident, patient=patient):
                    self._met = place_of(ident)
                    self._sent = raise_in(ident, StopSignal)
            time.sleep(_PAUSE)

    @property
    def is_stuck(self) -> bool:
        """Whether it was interrupted a while ago in a call that does not end."""
        return self._is_where_it_was(STUCK)

    @property
    def place(self) -> str:
        """The user's line that the run's thread is at."""
        return where_thread_is(self._thread) if self._thread is not None else ""

    def _is_where_it_was(self, seconds: float) -> bool:
        ident = self._thread
        if not self._sent or ident is None or time.monotonic() < self._since + seconds:
            return False
        return self._met == place_of(ident)

    def _end_children(self) -> None:
        """End the child processes that a step waits for in a call that does not end otherwise."""
        if not self._native or not self._is_where_it_was(_ASKS):
            return
        insists = time.monotonic() > self._since + _INSISTS
        for pid in children_of(self._native, self._began):
            if insists or pid not in self._asked:
                self._asked.add(pid)
                end_process(pid, at_once=insists)

    def take_over(self) -> bool:
        """Close what the run had opened in its place; returns whether it has not begun to."""
        with self._lock:
            free, self._shielded = not self._shielded, True
            self.is_taken |= free
        return free

    # --- called by the run itself -----------------------------------------

    def begin(self) -> None:
        """Begin the run in this thread."""
        super().begin()
        self._began = present_moment()
        self._native = threading.get_native_id()
        self._thread = threading.get_ident()

    def renew(self) -> None:
        """Serve for the next step of the same task, unless the last one was asked to stop."""
        with self._lock:
            if not self.wanted:
                self._shielded = False

    def check(self) -> None:
        """Stop here, if the run is to stop.

        Raises:
            StopSignal: If it is.
        """
        if self.wanted:
            raise StopSignal

    def pause(self, seconds: float) -> None:
        """Wait, unless the run is to stop.

        Raises:
            StopSignal: If it is.
        """
        if self._requested.wait(seconds):
            raise StopSignal

    def part(self, error: BaseException, what: str) -> NoReturn:
        """End the copy of the process: nobody waits in it for what happens in the background."""
        code = error.code if isinstance(error, SystemExit) else 1
        if not isinstance(error, SystemExit):
            traceback.print_exception(_told(error, what))
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))

    def shield(self) -> None:
        """Prevent interrupts of this thread from now on, while it closes what it opened."""
        while not self._shielded:
            try:
                with self._lock:
                    if self._sent:
                        let_arrive()  # it may still be on its way
                    self._shielded = True
            except KeyboardInterrupt:
                continue  # it was on its way, and came here
        super().shield()


class Interrupts(Stopping):
    """Stops a run that its caller waits for at Ctrl-C: the run ends as canceled.

    While it lasts, the handler of the signal stands behind this one. It is called at once where the
    run is in the user's code; else before the next step, or at the end. While the user's code
    closes a resource, one interrupt waits; another one, sent a second later, leaves a resource that
    hangs. A thread other than the main one is never interrupted.

    Args:
        what: What it is that runs, for the words of an error.

    Attributes:
        undo: Called where the caller does not get what was begun, since an interrupt came.

    Raises:
        ExecutionInterruptedError: In place of a plain `KeyboardInterrupt`.
    """

    def __init__(self, what: Callable[[], str]) -> None:
        super().__init__()
        self.what = what
        self.undo: Callable[[], object] | None = None
        self._closing = False
        self._alarm: Callable[[], None] | None = None  # whose signal is on its way
        self._ended = False  # from outside, not by Ctrl-C
        self._since = 0.0
        self._behind: Callable[[int, FrameType | None], Any] | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            behind = signal.getsignal(signal.SIGINT)
            if callable(behind):  # else nothing in Python is told of the signal
                self._behind = behind
                signal.signal(signal.SIGINT, self._arrived)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        # All is done in one line: an interrupt may come until the caller's own code goes on.
        try:
            return self._step_back(error)
        except KeyboardInterrupt as interrupt:
            if isinstance(error, ExecutionInterruptedError):
                return None
            error = interrupt
        if self.undo is not None:
            self.undo()
        raise ExecutionInterruptedError(
            f"{self.what()} was interrupted; what had succeeded is kept."
        ) from error

    def _step_back(self, error: BaseException | None) -> None:
        """Restore the former handler, unless the user's code has set another one."""
        self.open = False
        if self._behind is not None and signal.getsignal(signal.SIGINT) == self._arrived:
            signal.signal(signal.SIGINT, self._behind)
        if not isinstance(error, ExecutionInterruptedError):
            self.check()
            if isinstance(error, KeyboardInterrupt):
                raise error

    def end(self) -> None:
        """Give back what was taken over for the run, at its end."""
        super().end()
        if self._ended:
            self._ended = self.wanted = False

    def end_from_outside(self, reason: str, *, is_failure: bool) -> None:
        """Have the run end, not by Ctrl-C; `RunInterrupter` interrupts the user's code then.

        Args:
            reason: Why, in words.
            is_failure: Whether the run has failed then.
        """
        self.reason, self.is_failure = reason, is_failure
        self._ended = self.wanted = True

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        if self._ended:
            if self.open and can_be_raised(frame):
                raise StopSignal
            return
        if self._alarm is not None:
            told, self._alarm = self._alarm, None
            if self.open and can_be_raised(frame):
                told()
                raise StopSignal
            return
        insists = self._closing and self.wanted and time.monotonic() > self._since + _INSISTENCE
        if self._behind is not None and (insists or (self.open and can_be_raised(frame))):
            self._behind(number, frame)
        elif not self.wanted:
            self._since = time.monotonic()
            self.wanted = True

    def ring(self, told: Callable[[], None], ident: int) -> bool:
        """Interrupt the main thread by the signal of Ctrl-C, while its handler is this one."""
        is_heard = ident == threading.main_thread().ident and hasattr(signal, "pthread_kill")
        if not is_heard or signal.getsignal(signal.SIGINT) != self._arrived:
            return False
        if self._alarm is None:
            self._alarm = told
            signal.pthread_kill(ident, signal.SIGINT)
        return True

    def silence(self) -> None:
        """Have the signal of an alarm that is over arrive here, where it does no harm."""
        for _ in range(1000):
            if self._alarm is None:
                return
        self._alarm = None

    def check(self) -> None:
        """Raise a pending interrupt."""
        if self._ended:
            raise StopSignal
        if self.wanted:
            self.wanted = False
            if self._behind is not None:
                self._behind(signal.SIGINT, sys._getframe())

    def close(self, function: Callable[..., T], *arguments: Any) -> T:
        """Let user code close something, to its end or until Ctrl-C is repeated."""
        self._closing = True
        try:
            return function(*arguments)
        finally:
            self._closing = False


class RunInterrupter:
    """Ends a run that its caller waits for: once it has taken too long, or when it is asked to.

    Args:
        stop: How the run is stopped.
    """

    def __init__(self, stop: Interrupts) -> None:
        self._stop = stop
        self._ident = threading.get_ident()
        self._is_main = threading.current_thread() is threading.main_thread()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._sent = False

    def after(self, seconds: float, reason: str) -> None:
        """Have the run fail, with this reason, when it has taken so long."""
        self._begin(seconds, reason, True)

    def cancel(self, reason: str) -> None:
        """Cancel the run."""
        self._begin(0.0, reason, False)

    def _begin(self, *arguments: Any) -> None:
        name = "jobnb ender"
        if has_threads():
            threading.Thread(target=self._end, args=arguments, name=name, daemon=True).start()

    def _end(self, seconds: float, reason: str, is_failure: bool) -> None:
        if self._over.wait(seconds):
            return
        with self._lock:
            if self._over.is_set():
                return
            self._stop.end_from_outside(reason, is_failure=is_failure)
        ready()
        began = time.monotonic()
        while not self._over.wait(_AGAIN):
            with self._lock:
                if not self._over.is_set() and self._stop.open:
                    self._interrupt(patient=time.monotonic() < began + PATIENCE)

    def _interrupt(self, *, patient: bool) -> None:
        if self._is_main and hasattr(signal, "pthread_kill"):
            signal.pthread_kill(self._ident, signal.SIGINT)  # a call that sleeps ends, too
        elif not self._sent and can_be_left(self._ident, patient=patient):
            self._sent = raise_in(self._ident, StopSignal)

    def silence(self) -> None:
        """From here on it interrupts nothing; what was on its way has come."""
        while not self._over.is_set():
            try:
                with self._lock:
                    if self._sent:
                        let_arrive()
                    self._over.set()
            except KeyboardInterrupt:
                continue


_AGAIN = 0.02  # seconds between two interrupts of code that does not end


def _told(error: BaseException, what: str) -> BaseException:
    if not isinstance(error, ForkedError):
        return error
    return InvariantViolationError(
        f"This process is a copy (os.fork) of the one that does {what}, which continues there. "
        "End the copy where it was made, with os._exit(0)."
    )


_here = threading.local()


def here() -> Stopping:
    """Return the `Stopping` of this thread's run; outside of any, one that never stops."""
    return getattr(_here, "stopping", None) or Stopping()


_INSISTENCE = 1.0
"""Seconds after an interrupt until another one is more than the same key pressed twice."""


def stuck_words(key: str, place: str = "") -> str:
    """Describe a step that is left behind, and the line that it is at, where that is known."""
    called = f", called at {place}" if place else ""
    return f"The step {key!r} does not stop: it waits in code that is not Python's{called}."


STUCK = 1.4
"""Seconds after which a call that an interrupt does not end is taken for one that never does."""
_ASKS, _INSISTS = 0.4, 0.9  # seconds after which child processes are asked to end, and are ended

_TRIES = 5
_PAUSE = 0.001  # seconds between two of them

PATIENCE = 0.5
"""Seconds for which an interrupt waits for a log line to be written: a step that writes nothing
but lines is hardly ever met anywhere else."""
