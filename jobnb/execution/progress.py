"""Report how far a step is: live, but not each of its thousand reports."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from numbers import Integral, Real
from time import time as now
from typing import Any

from jobnb.errors import InvalidInvocationError
from jobnb.events import Event, StepProgressed
from jobnb.storage.process import has_threads

SHORTEST = 0.25
"""Seconds between two reports that are passed on, at the least."""
LONGEST = 30.0
"""Seconds between two of them in an attempt that goes on for long."""
_SHARE = 100  # of the time that it has taken so far: no bar shows less of it
_MOST_TEXT = 200  # characters of what it is doing
_MOST_EXACT = 2**53  # a larger integer is told as a float
_LARGEST = 1e300
_OWN = (int, float)


def pause_after(seconds: float) -> float:
    """Return the seconds between two reports of an attempt that has taken so long.

    An hour has about 600 of them, and each further one 120: the history stays small.

    Example:
        >>> pause_after(2), pause_after(600), pause_after(86400)
        (0.25, 6.0, 30.0)
    """
    return min(max(SHORTEST, seconds / _SHARE), LONGEST)


def progress_event(key: str, done: Any, total: Any, message: Any) -> StepProgressed:
    """Return the event of a report; what is done beyond the total counts as all of it.

    Raises:
        InvalidInvocationError: If the numbers make no sense; all problems at once.
    """
    problems = []
    if not _is_number(done) or done < 0:
        problems.append(f"done is {done!r}: give a number, 0 or more")
    if total is not None and (not _is_number(total) or total < 0):
        problems.append(f"total is {total!r}: give a number, 0 or more, or leave it out if unknown")
    if message is not None and not isinstance(message, str):
        problems.append(f"message is {message!r}: give a text")
    if problems:
        raise InvalidInvocationError(
            f"report_progress of {key!r} was called wrongly: {'; '.join(problems)}."
        )
    done, total = _plain(done), None if total is None else _plain(total)
    most = done if total is None else min(done, total)
    text = " ".join(message.split())[:_MOST_TEXT] if message else ""
    return StepProgressed(now(), key, most, total, text)


def _is_number(value: Any) -> bool:
    if type(value) in _OWN:  # as in most loops over rows: the others take ten times as long
        is_small: bool = -_LARGEST < value < _LARGEST
        return is_small
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        return False
    try:
        return math.isfinite(value)
    except (OverflowError, ValueError):  # beyond what a float holds
        return False


def _plain(number: Any) -> int | float:
    """Return a number of NumPy's, a fraction or a decimal as one of Python's own."""
    if type(number) in _OWN and number <= _MOST_EXACT:
        own: int | float = number
        return own
    is_exact = isinstance(number, Integral) and number <= _MOST_EXACT
    return int(number) if is_exact else float(number)


def _later(seconds: float, call: Callable[[], None]) -> Callable[[], None]:
    """Call a function in so many seconds, where there are threads; returns what prevents it."""
    timer = threading.Timer(seconds, call)
    if has_threads():
        timer.daemon = True
        timer.start()
    return timer.cancel


class ProgressReporter:
    """Passes on the reports of one attempt at a step: the first, the last, a few a second between.

    A report that comes too early waits for its turn, so that what is shown is true also while
    the step says nothing for a while.

    Args:
        append: Where the events go.
        clock: Tells the time, in seconds.
        later: Calls a function after so many seconds; returns what prevents it.
    """

    def __init__(
        self,
        append: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], Callable[[], None]] = _later,
    ) -> None:
        self._append, self._clock, self._later = append, clock, later
        self._began, self._due = clock(), -math.inf
        self._held: StepProgressed | None = None
        self._forget_turn: Callable[[], None] | None = None
        self._ended = False
        self._turn = threading.Lock()

    def report(self, event: StepProgressed) -> None:
        """Pass a report on, now or when it is its turn; from any thread."""
        with self._turn:
            if self._ended:  # by a thread that the step has left behind
                return
            self._held = event
            self._pass_on_if_due()

    def end(self) -> None:
        """Pass on what was reported last, as the attempt has ended."""
        with self._turn:
            if self._forget_turn is not None:
                self._forget_turn()
            if self._held is not None:
                self._append(self._held)
                self._held = None
            self._ended = True

    def _take_turn(self) -> None:
        with self._turn:
            self._forget_turn = None
            if not self._ended:
                self._pass_on_if_due()

    def _pass_on_if_due(self) -> None:
        moment = self._clock()
        if self._held is None:
            return
        if moment >= self._due:
            self._append(self._held)
            self._held = None
            self._due = moment + pause_after(moment - self._began)
        elif self._forget_turn is None:
            self._forget_turn = self._later(self._due - moment, self._take_turn)
