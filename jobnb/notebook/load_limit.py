"""A time limit for the user's code that is executed to load its definitions.

The limit holds in every thread. The main thread is interrupted as by Ctrl-C. A call in another
thread that waits in code that is not Python's cannot be interrupted: it is left behind.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from jobnb.errors import ExecutionInterruptedError, InvalidInvocationError, LoadTimeoutError

T = TypeVar("T")

LIMIT_VARIABLE = "JOBNB_LOAD_TIMEOUT"
"""Names the seconds that loading may take where no option does."""
LOAD_SECONDS = 120.0

_GRACE = 3.0
"""Seconds after the limit until a call that an interrupt does not end is left."""
_OWN = f"{Path(__file__).absolute().parents[1]}{os.sep}"


def load_seconds() -> float:
    """Return the seconds that loading may take: those of the environment, else 120.

    Raises:
        InvalidInvocationError: If the environment names something else.
    """
    named = os.environ.get(LIMIT_VARIABLE, "").strip()
    if not named:
        return LOAD_SECONDS
    try:
        seconds = float(named)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise InvalidInvocationError(
            f"{LIMIT_VARIABLE} is {named!r}: give the seconds that loading may take, as 120."
        )
    return seconds


@dataclass(frozen=True)
class LoadLimit:
    """How long the code of a notebook, file or module may take to load.

    Attributes:
        seconds: The time limit; that of `$JOBNB_LOAD_TIMEOUT`, else 120 s, if None.
        leave: Ends the process with these words where the main thread cannot be interrupted. The
            process of a command has it; a kernel goes on waiting.
    """

    seconds: float | None = None
    leave: Callable[[str], object] | None = None

    def call(self, function: Callable[[], T], name: str) -> T:
        """Call what executes the user's code.

        Args:
            function: What is called.
            name: The notebook, file or module, for the error.

        Raises:
            LoadTimeoutError: If it has not ended within the limit; names the line that it was in.

        Example:
            >>> LoadLimit(60).call(lambda: 3, "shop.ipynb")
            3
        """
        seconds = load_seconds() if self.seconds is None else self.seconds
        if threading.current_thread() is threading.main_thread():
            return self._in_main_thread(function, name, seconds)
        return _in_another_thread(function, name, seconds)

    def _in_main_thread(self, function: Callable[[], T], name: str, seconds: float) -> T:
        main = threading.get_ident()
        over = threading.Event()

        def insist() -> None:
            if not over.wait(seconds + _GRACE) and self.leave is not None:
                self.leave(_late(name, seconds, _steps_of(main)))

        threading.Thread(target=insist, name="jobnb load limit", daemon=True).start()
        try:
            return _interruptible(function, name, seconds)
        finally:
            over.set()


def _interruptible(function: Callable[[], T], name: str, seconds: float) -> T:
    """Call it in this thread, and interrupt it after its time."""
    # Heavy, and a command that lists what is cached loads no code.
    from jobnb.execution.stopping import Interrupts, RunInterrupter
    from jobnb.execution.thread_interrupts import StopSignal

    stop, late = Interrupts(lambda: f"Loading {name}"), None
    try:
        with stop:
            interrupter = RunInterrupter(stop)
            interrupter.after(seconds, "It has taken too long.")
            try:
                return stop.call(function)
            except StopSignal as signal:
                late = _late(name, seconds, traceback.walk_tb(signal.__traceback__))
            finally:
                interrupter.silence()
                stop.end()  # what is raised from here on is Ctrl-C
    except ExecutionInterruptedError as interrupt:
        raise KeyboardInterrupt(f"Loading {name} was interrupted.") from interrupt
    raise LoadTimeoutError(late)


def _in_another_thread(function: Callable[[], T], name: str, seconds: float) -> T:
    """Call it in a thread of its own, which is left behind if it does not end."""
    answers: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(_interruptible(function, name, seconds))
        except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
            errors.append(error)

    thread = threading.Thread(
        target=copy_context().run, args=(work,), name="jobnb load", daemon=True
    )
    thread.start()
    thread.join(seconds + _GRACE)
    if thread.is_alive():
        raise LoadTimeoutError(_late(name, seconds, _steps_of(thread.ident)))
    if errors:
        raise errors[0]
    return answers[0]


def _steps_of(ident: int | None) -> list[tuple[FrameType, int]]:
    """Return where a thread is, from the outermost call on."""
    frame = sys._current_frames().get(ident or 0)
    return [] if frame is None else list(traceback.walk_stack(frame))[::-1]


def _late(name: str, seconds: float, steps: Iterable[tuple[FrameType, Any]]) -> str:
    """Describe what took too long, with the line of the user's code that it was in."""
    return (
        f"{_line_of(steps) or name} did not end within {seconds:g} s. Tag the cells that its "
        "definitions do not need 'explore', or allow more: --load-timeout SECONDS or "
        f"{LIMIT_VARIABLE}."
    )


def _line_of(steps: Iterable[tuple[FrameType, Any]]) -> str:
    """Return the cell or file that was being executed, and the line in it."""
    piece, line = None, None
    for frame, number in steps:
        file = frame.f_code.co_filename
        if file == __file__:
            piece = None  # what called this is no code of the user's
        elif piece is None and not file.startswith((_OWN, "<frozen", sys.base_prefix)):
            piece = file
        if file == piece:
            line = number
    return "" if piece is None else f"{piece}, line {line}"
