"""`context.log`: a Python logger whose lines go to the run's log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from jobnb.errors import InvalidInvocationError
from jobnb.events import Event, Logged

__all__ = ["RunLogger", "listening"]

_formatter = logging.Formatter()
_running: ContextVar[RunLogger | None] = ContextVar("jobnb_running", default=None)


class RunLogger(logging.Logger):
    """A logger whose lines become events of a run, and go to the run's own loggers.

    Args:
        append: Where events go.
        step_key: Tells the step that runs now.
        listeners: Loggers that hear each line too.

    Source: Dagster's `DagsterLogManager`.
    """

    def __init__(
        self,
        append: Callable[[Event], None],
        step_key: Callable[[], str | None],
        listeners: list[logging.Logger],
    ) -> None:
        super().__init__("jobnb", logging.DEBUG)
        self._append = append
        self._step_key = step_key
        self.listeners = listeners

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 the name is Python's
        """Whether a line of this level is kept: all are, unless the level was raised."""
        return level >= self.level

    def log(self, level: int | str, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log a line; the level is a number or a name, as "INFO"."""
        number = _number(level)
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
        super().log(number, msg, *args, **kwargs)

    def handle(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        record.jobnb_kept = True
        self.keep(record)

    def keep(self, record: logging.LogRecord, name: str = "") -> None:
        """Add a line to the run's log, and hand it to the run's own loggers."""
        text = _text(record)
        self._append(Logged(record.created, record.levelno, text, self._step_key(), name))
        for listener in self.listeners:
            if listener.isEnabledFor(record.levelno):
                listener.handle(record)

    def __reduce__(self) -> tuple[Any, ...]:
        return logging.getLogger, ("jobnb",)


def _number(level: int | str) -> int:
    if not isinstance(level, str):
        return level
    known = logging.getLevelNamesMapping()
    if level.upper() not in known:
        raise InvalidInvocationError(f"There is no log level {level!r}. Use one of {list(known)}.")
    return known[level.upper()]


def _text(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception as error:  # noqa: BLE001 - a line whose own words fail must not fail a step
        text = f"{record.msg!r} (its arguments do not fit: {type(error).__name__}: {error})"
    if record.exc_info and record.exc_info[0]:
        text = f"{text}\n{_formatter.formatException(record.exc_info)}"
    return text


class _Capture(logging.Handler):
    """Takes the lines that belong to one run: several may go on at once, in threads."""

    def __init__(self, log: RunLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        if hasattr(record, "jobnb_kept"):
            return  # a logger of the run's own stands below ours and hands it up again
        current = _running.get()
        if current is None and threading.current_thread() is threading.main_thread():
            return  # a cell of the notebook logs while a run goes in the background
        if current is None or current is self._log:
            record.jobnb_kept = True
            self._log.keep(record, record.name)


@contextmanager
def listening(log: RunLogger) -> Iterator[None]:
    """While it lasts, lines of `get_jobnb_logger()` loggers go to the run's log too."""
    root = logging.getLogger("jobnb")
    handler = _Capture(log)
    token = _running.set(log)
    _levels.enter(root)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        _levels.leave(root)
        _running.reset(token)


class _Levels:
    """Lets every line through while runs listen; the user's own level is put back after."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._before = logging.NOTSET

    def enter(self, logger: logging.Logger) -> None:
        with self._lock:
            if self._count == 0:
                self._before = logger.level
                if self._before == logging.NOTSET:
                    logger.setLevel(logging.DEBUG)
            self._count += 1

    def leave(self, logger: logging.Logger) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0:
                logger.setLevel(self._before)


_levels = _Levels()
