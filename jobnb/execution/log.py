"""`context.log`: a Python logger whose lines go to the run's log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jobnb.events import Event, Logged

__all__ = ["RunLogger", "listening"]

_formatter = logging.Formatter()


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

    def handle(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.keep(record)
        for listener in self.listeners:
            if listener.isEnabledFor(record.levelno):
                listener.handle(record)

    def keep(self, record: logging.LogRecord, name: str = "") -> None:
        """Add a line to the run's log only."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[0]:
            text = f"{text}\n{_formatter.formatException(record.exc_info)}"
        self._append(Logged(record.created, record.levelno, text, self._step_key(), name))

    def __reduce__(self) -> tuple[Any, ...]:
        return logging.getLogger, ("jobnb",)


class _Capture(logging.Handler):
    def __init__(self, log: RunLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.keep(record, record.name)


@contextmanager
def listening(log: RunLogger) -> Iterator[None]:
    """While it lasts, lines of `get_jobnb_logger()` loggers go to the run's log too."""
    root = logging.getLogger("jobnb")
    handler = _Capture(log)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
