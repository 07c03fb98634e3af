"""Log what the steps of a background run print, rather than show it under the current cell.

While such runs are live, the `write` of the process's streams asks first whose code is printing.
The streams themselves stay in place: whoever holds one, a log handler for example, holds the right
one. Threads and tasks that a step starts belong to its run.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from time import time as now
from types import CellType
from typing import Any

from jobnb.events import Event, Logged

_LEVELS = {"stdout": logging.INFO, "stderr": logging.ERROR}
_LONGEST = 65536  # characters without a line's end that are held back

_sink: ContextVar[Sink | None] = ContextVar("jobnb_output", default=None)


class Sink:
    """Captures what one run prints; whole lines become events of its log.

    Args:
        append: Where events go.
        step_key: Tells the step that runs now.
    """

    def __init__(self, append: Callable[[Event], None], step_key: Callable[[], str | None]) -> None:
        self._append = append
        self._step_key = step_key
        self._held = dict.fromkeys(_LEVELS, "")
        self._key: str | None = None
        self._lock = threading.Lock()
        self.closed = False

    def write(self, text: str, stream: str) -> None:
        """Write a text; complete lines are logged at once."""
        with self._lock:
            key = self._step_key()
            if key != self._key:
                self._tell_rest()
                self._key = key
            held = _overwritten(self._held[stream] + text)
            lines, end, rest = held.rpartition("\n")
            if len(rest) > _LONGEST:
                lines, end, rest = held, "\n", ""
            self._held[stream] = rest
            if end:
                self._tell(lines, stream)

    def tell_rest(self) -> None:
        """Log an incomplete last line, at the end of the step."""
        with self._lock:
            self._tell_rest()

    def close(self) -> None:
        """Log what is incomplete, and ignore later text."""
        with self._lock:
            self._tell_rest()
            self.closed = True

    def _tell_rest(self) -> None:
        for stream, held in self._held.items():
            if held:
                self._tell(held, stream)
                self._held[stream] = ""

    def _tell(self, text: str, stream: str) -> None:
        self._append(output_line(text.rstrip("\r"), stream, self._key))


def output_line(text: str, stream: str, step_key: str | None) -> Logged:
    """Return the event that something written to a stream makes."""
    return Logged(now(), _LEVELS[stream], text, step_key, stream)


def _overwritten(text: str) -> str:
    """Return the text without what a carriage return has overwritten, as by a progress bar."""
    if "\r" not in text:
        return text
    *lines, rest = text.replace("\r\n", "\n").split("\n")
    held = _last_state(rest)
    # A return at the very end has not yet been written over.
    held += rest[len(rest.rstrip("\r")) :]
    return "\n".join([*map(_last_state, lines), held])


def _last_state(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


def is_captured() -> bool:
    """Whether what this thread prints becomes events of a run."""
    return _sink.get() is not None


@contextmanager
def capturing(
    append: Callable[[Event], None], step_key: Callable[[], str | None]
) -> Iterator[None]:
    """Log what this thread and those it starts print, for the duration of the block."""
    sink = Sink(append, step_key)
    token = _sink.set(sink)
    _routes.enter()
    try:
        yield
    finally:
        sink.close()
        _routes.leave()
        _sink.reset(token)


class _Route:
    """Replaces the `write` of a stream while background runs are active.

    Args:
        stream: The stream.
        name: What it is called.
        write: The `write` that it stands for.
    """

    def __init__(self, stream: Any, name: str, write: Callable[[str], Any]) -> None:
        self.stream = stream
        self._name = name
        self._write = write

    def __call__(self, text: str) -> Any:
        sink = _sink.get()
        if sink is None or sink.closed or not isinstance(text, str):
            return self._write(text)
        sink.write(text, self._name)
        return len(text)

    def remove(self) -> None:
        """Restore the former `write`; if someone has replaced it since, pass everything on."""
        write, seat = _lowest(self.stream.write)
        if write is not self:
            return
        if seat is not None:
            seat.cell_contents = self._write
        else:
            self.stream.write = self._write


def _lowest(write: Any) -> tuple[Any, CellType | None]:
    """Return the `write` below those that IPython has put on a stream, and its owner.

    For the time of a cell IPython writes down what the cell prints. What is put above that is
    gone at the end of the cell, when IPython puts back what it had found.
    """
    seat = None
    while "original_write" in (free := getattr(write, "__code__", _none).co_freevars):
        seat = write.__closure__[free.index("original_write")]
        write = seat.cell_contents
    return write, seat


_none = (lambda: None).__code__


class _Routes:
    """The routes of this process, while any background run is active."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._routes: list[_Route] = []
        self._start: Any = threading.Thread.start

    def enter(self) -> None:
        with self._lock:
            if self._count == 0:
                self._start = threading.Thread.start
                threading.Thread.start = _inheriting(self._start)  # type: ignore[assignment,method-assign]
            self._count += 1
            self._look()

    def look(self) -> None:
        """Route the present streams: a cell may have replaced them."""
        with self._lock:
            if self._count:
                self._look()

    def _look(self) -> None:
        for name in _LEVELS:
            stream = getattr(sys, name)
            write, seat = _lowest(getattr(stream, "write", None))
            if write is None or isinstance(write, _Route):
                continue
            route = _Route(stream, name, write)
            with suppress(AttributeError, TypeError):  # a stream that keeps its own
                if seat is not None:
                    seat.cell_contents = route
                else:
                    stream.write = route
                self._routes.append(route)

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count:
                return
            for route in self._routes:
                route.remove()
            self._routes.clear()
            if hasattr(threading.Thread.start, "_of_jobnb"):
                threading.Thread.start = self._start  # type: ignore[method-assign]


def _inheriting(start: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    """Return a `Thread.start` whose threads belong to the run that started them."""

    def start_in_context(self: threading.Thread) -> None:
        if _sink.get() is not None:
            context, run = copy_context(), self.run
            self.run = lambda: context.run(run)  # type: ignore[method-assign]
        start(self)

    start_in_context._of_jobnb = True  # type: ignore[attr-defined]
    return start_in_context


_routes = _Routes()


def follow_streams() -> None:
    """Route the present streams; called regularly while runs are active."""
    _routes.look()
