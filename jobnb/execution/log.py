"""`context.log`: a Python logger that writes to the run's log, in a script also to stderr.

A notebook shows a run's log in its view; there, lines on stderr would say everything twice.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from time import localtime, strftime
from typing import TYPE_CHECKING, Any, Protocol

from jobnb.errors import InvalidInvocationError
from jobnb.events import Event, Logged
from jobnb.execution.output_capture import is_captured
from jobnb.storage.process import in_kernel

if TYPE_CHECKING:
    from jobnb.events import Logged
    from jobnb.execution.run import RunScope


_COLORS = ((logging.ERROR, "31"), (logging.WARNING, "33"), (logging.INFO, "34"), (0, "2"))


class Console:
    """Shows the log lines of one run.

    Args:
        job_name: The job.
        run_id: The run.
        config: The config of the logger `console`: `log_level` and `name`.
    """

    __slots__ = ("_job_name", "_level", "_name", "_run_id")

    def __init__(self, job_name: str, run_id: str, config: Mapping[str, Any]) -> None:
        self._job_name = job_name
        self._run_id = run_id
        self._name = config.get("name", "jobnb")
        self._level = logging.getLevelNamesMapping().get(str(config.get("log_level")).upper(), 0)

    def show(self, line: Logged) -> None:
        """Write a line to stderr, if this is where it is read."""
        is_off = line.level < self._level or line.level <= logging.root.manager.disable
        if is_off or is_captured() or in_kernel():
            return  # What is printed in a background run goes to its log: the line is there.
        parts = (
            strftime("%Y-%m-%d %H:%M:%S %z", localtime(line.time)),
            self._name,
            logging.getLevelName(line.level),
            self._job_name,
            self._run_id,
            line.step_key,
            line.text,
        )
        self._write(" - ".join(str(each) for each in parts if each is not None), line.level)

    @staticmethod
    def _write(text: str, level: int) -> None:
        stream = sys.stderr
        if stream is None:
            return
        if stream.isatty():
            color = next(code for least, code in _COLORS if level >= least)
            text = f"\x1b[{color}m{text}\x1b[0m"
        try:
            print(text, file=stream)
        except (OSError, ValueError):  # it was closed: that must not fail a step
            return


def console_of(run: RunScope) -> Console | None:
    """Return the console of a run; None if its job has loggers of its own."""
    if run.plan.job.loggers:
        return None
    config = run.plan.logger_config.get("console") or {}
    return Console(run.record.job_name or run.plan.job.name, run.run_id, config)


_formatter = logging.Formatter()
_running: ContextVar[_Listening | None] = ContextVar("jobnb_running", default=None)


class RunLogger(logging.Logger):
    """A logger that logs events of a run, and passes lines to the run's own loggers.

    Args:
        append: Where events go.
        step_key: Tells the step that runs now.
        listeners: Loggers that hear each line too.
        console: Shows each line; None where nothing does.
        about: What the run's own loggers read of the run in `record.dagster_meta`.

    Source: Dagster's `DagsterLogManager`.
    """

    def __init__(
        self,
        append: Callable[[Event], None],
        step_key: Callable[[], str | None],
        listeners: list[logging.Logger],
        console: Console | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__("jobnb", logging.DEBUG)
        self.about = about or {}
        self._append = append
        self._step_key = step_key
        self.listeners = listeners
        self.console = console

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
        line = Logged(record.created, record.levelno, _text(record), self._step_key(), name)
        self._append(line)
        if self.console is not None:
            self.console.show(line)
        if self.listeners:
            record.dagster_meta = self._meta(line)
        for listener in self.listeners:
            if listener.isEnabledFor(record.levelno):
                listener.handle(record)

    def _meta(self, line: Logged) -> dict[str, Any]:
        """Return what Dagster's loggers read of a line, beside its text."""
        key = line.step_key
        return {
            **self.about,
            "step_key": key,
            "op_name": key.partition("[")[0].rpartition(".")[2] if key else None,
            "orig_message": line.text,
            "log_timestamp": datetime.fromtimestamp(line.time, UTC).isoformat(),
        }

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


class _Listening(Protocol):
    """A run whose log takes lines."""

    @property
    def log(self) -> RunLogger:
        """The logger of the run."""


class _LineHandler(logging.Handler):
    """Handles the lines of `get_jobnb_logger()` loggers, for all active runs.

    It is there while any of them listens, and lets lines of every level through; the user's own
    level is put back after.
    """

    def __init__(self) -> None:
        super().__init__()
        self._runs: dict[_Listening, None] = {}
        self._count = 0
        self._before = logging.NOTSET
        self._turn = threading.Lock()

    def open(self, run: _Listening | None) -> None:
        """Begin to handle lines for a run, or only to be attached."""
        with self._turn:
            if run is not None:
                self._runs[run] = None
            self._count += 1
            if self._count > 1:
                return
            root = logging.getLogger("jobnb")
            self._before = root.level
            if self._before == logging.NOTSET:
                root.setLevel(logging.DEBUG)
            root.addHandler(self)

    def leave(self, run: _Listening | None) -> None:
        """Listen no more for it."""
        with self._turn:
            if run is not None:
                del self._runs[run]
            self._count -= 1
            if self._count:
                return
            root = logging.getLogger("jobnb")
            root.removeHandler(self)
            root.setLevel(self._before)

    def emit(self, record: logging.LogRecord) -> None:
        """Add a line to the log of the run that it belongs to: several may go on, in threads."""
        if hasattr(record, "jobnb_kept"):
            return  # a logger of the run's own stands below ours and hands it up again
        run = _running.get()
        if run is None and threading.current_thread() is not threading.main_thread():
            run = next(iter(self._runs), None)  # of a thread that some step started
        # In the main thread a cell of the notebook logs while runs go in the background.
        if run is not None and run in self._runs and run.log.isEnabledFor(record.levelno):
            record.jobnb_kept = True
            run.log.keep(record, record.name)


_ear = _LineHandler()


class _ManagedLineHandler(logging.Handler):
    """Handles loggers of other modules for one run, if its instance's settings name them.

    Args:
        run: The run.
        level: The lowest level that is heard, INFO if None.
    """

    def __init__(self, run: _Listening, level: int | None) -> None:
        super().__init__(logging.INFO if level is None else level)
        self._run = run

    def emit(self, record: logging.LogRecord) -> None:
        """Add a line to the log of the run, if it belongs to it."""
        running = _running.get()
        strange = running is None and threading.current_thread() is threading.main_thread()
        if hasattr(record, "jobnb_kept") or strange or running not in (None, self._run):
            return
        record.jobnb_kept = True
        self._run.log.keep(record, record.name)

    @contextmanager
    def on(self, names: Iterable[str]) -> Iterator[None]:
        """Handle these loggers at the configured level, for the duration of the block."""
        loggers = [logging.getLogger(None if name == "root" else name) for name in names]
        before = [each.level for each in loggers]
        for each in loggers:
            each.addHandler(self)
            each.setLevel(self.level)
        try:
            yield
        finally:
            for each, level in zip(loggers, before, strict=True):
                each.removeHandler(self)
                each.setLevel(level)


@contextmanager
def _managed(run: _Listening | None) -> Iterator[None]:
    """Apply `python_logs` of the instance's settings to a run's log, for the block.

    `managed_python_loggers` names loggers whose lines it has too, "root" all of them;
    `python_log_level` is the lowest level of its lines.
    """
    settings: Any = getattr(getattr(run, "instance", None), "settings", None) or {}
    told = settings.get("python_logs")
    if run is None or not told:
        yield
        return
    level = told.get("python_log_level")
    if level is not None:
        level = _number(level)
        run.log.setLevel(level)
    with _ManagedLineHandler(run, level).on(told.get("managed_python_loggers") or ()):
        yield


@contextmanager
def listening(run: _Listening | None = None) -> Iterator[None]:
    """Write lines of `get_jobnb_logger()` loggers to the run's log, too, for the block.

    Without a run nothing is heard: it only costs less to listen for one run after the other.
    """
    _ear.open(run)
    token = _running.set(run)
    try:
        with _managed(run):
            yield
    finally:
        _running.reset(token)
        _ear.leave(run)
