"""The progress of a run or backfill that someone waits for: in a cell, a terminal or a log.

A short run shows nothing and costs nothing: a thread polls the state four times a second.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Protocol

from jobnb.definitions.jobs.job_config import is_nameless, run_title
from jobnb.display.environment import attempt, known_session
from jobnb.events import (
    StepFailed,
    StepProgressed,
    StepRestarted,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from jobnb.execution.run import RunScope
from jobnb.storage.process import has_threads

if TYPE_CHECKING:
    from jobnb.automation.backfill import Backfill

SWITCH = "JOBNB_PROGRESS"
"""The environment variable that turns it off in scripts, if it is `0`."""
LOOK = 0.25
"""Seconds between two looks."""
_IDLE = 20.0  # seconds without a run after which the thread ends
_MOST_STEPS = 3  # that are named at once
_EVERY = 10.0  # seconds between two lines of a log in which nothing has ended
_ENDS = (StepSucceeded, StepFailed, StepSkipped)


class Progress(ABC):
    """The progress to show: a name, how much is done of how much, the current step.

    Args:
        name: Its name.
        total: The number of units to do.
    """

    unit = "step"

    def __init__(self, name: str, total: int) -> None:
        self.name, self.total, self.done = name, total, 0
        self.began = time.monotonic()
        self.context = copy_context()  # of the cell: its outputs go there, whoever shows them
        self.display: ProgressDisplay | None = None

    @property
    @abstractmethod
    def step(self) -> str:
        """The current step, or nothing."""

    @abstractmethod
    def look(self) -> None:
        """Update the counts."""

    def __str__(self) -> str:
        took = time.monotonic() - self.began
        # Imported only here, as in `_html`: a script whose run is short shows nothing, and does not
        # pay for the drawing of pictures.
        from jobnb.display.text import counted

        counts = f"{self.done:,} of {counted(self.total, self.unit)}"
        return f"{self.name}: {counts}, {took:.0f} s  {self.step}".rstrip()


class RunProgress(Progress):
    """The progress of a run: its steps."""

    def __init__(self, run: RunScope) -> None:
        total = sum(len(group) for group in run.groups)
        super().__init__(_title(run), total)
        self._run = run
        self._seen = 0
        self._running: dict[str, str] = {}  # what each has reported of its own progress

    @property
    def step(self) -> str:
        """The keys of the active steps, each with what it has reported, or nothing."""
        told = self._running.items()
        keys = [f"{key} ({words})" if words else key for key, words in told]
        keys = keys or [self._run.current_key or ""]
        left = len(keys) - _MOST_STEPS
        return ", ".join(keys[:_MOST_STEPS]) + (f" and {left:,} more" if left > 0 else "")

    def look(self) -> None:
        """Count what has happened since the last look."""
        news = self._run.events[self._seen :]
        self._seen += len(news)
        for event in news:
            if isinstance(event, StepStarted | StepRestarted):
                self._running[event.step_key] = ""
            elif isinstance(event, StepProgressed):
                self._running[event.step_key] = event.words
            elif isinstance(event, _ENDS):
                self._running.pop(event.step_key, None)
                self.done += 1
        # A dynamic output brings steps that nobody has counted on.
        self.total = max(self.total, self.done)


def _title(run: RunScope) -> str:
    """Return the job; of assets that nobody gave a job's name, what is made."""
    plan = run.plan
    if not is_nameless(plan.job.name):
        return plan.job.name
    names = {key.to_user_string() for step in plan.steps for key in step.asset_keys}
    return run_title(plan.job.name, names)


class BackfillProgress(Progress):
    """The progress of a backfill: its partitions."""

    unit = "partition"

    def __init__(self, backfill: Backfill) -> None:
        super().__init__(f"backfill of {backfill.record.title}", backfill.counts.total)
        self._backfill = backfill

    @property
    def step(self) -> str:
        """The active step and partition, or nothing."""
        failed = self._backfill.counts.failed
        failures = f"({failed:,} failed)  " if failed else ""
        return f"{failures}{self._backfill.current_step}".strip()

    def look(self) -> None:
        """Update the counts."""
        self.done = self._backfill.counts.done


class ProgressDisplay(Protocol):
    """Displays a progress."""

    def show(self, progress: Progress) -> None:
        """Display the present progress."""

    def close(self) -> None:
        """Remove the display."""


class CellDisplay:
    """A line and a bar under the cell, removed when the run is over."""

    def __init__(self) -> None:
        from IPython.display import DisplayHandle

        self._handle: Any = DisplayHandle()
        self._shown = False

    def show(self, progress: Progress) -> None:
        """Show the present progress."""
        bundle = {"text/plain": str(progress), "text/html": _html(progress)}
        self._put(bundle)

    def close(self) -> None:
        """Clear the output."""
        self._put({"text/plain": "", "text/html": ""})

    def _put(self, bundle: dict[str, str]) -> None:
        put = self._handle.update if self._shown else self._handle.display
        self._shown = True
        put(bundle, raw=True)


def _html(progress: Progress) -> str:
    from html import escape

    share = 100 * progress.done / max(progress.total, 1)
    return (
        '<div style="font-family:var(--jp-code-font-family,monospace);font-size:12px;'
        'color:var(--jp-ui-font-color1,#333)">'
        f'<progress max="100" value="{share:.1f}" style="width:14em;vertical-align:middle" '
        f'aria-label="progress of {escape(progress.name)}"></progress> '
        f"{escape(str(progress))}</div>"
    )


class TerminalDisplay:
    """A bar at the bottom of the terminal, removed when the run is over."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        # Names are the user's text: no markup in them is read.
        name = TextColumn("{task.description}", markup=False)
        columns = (name, BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
        # What is printed meanwhile appears above the bar, unless it goes elsewhere.
        self._bars = Bars(
            *columns,
            console=Console(stderr=True, highlight=False),
            transient=True,
            redirect_stdout=_is_terminal(sys.stdout),
        )
        self._bar: Any = None

    def show(self, progress: Progress) -> None:
        """Show the present progress."""
        text = f"{progress.name}: {progress.step}" if progress.step else progress.name
        if self._bar is None:
            self._bar = self._bars.add_task(text, total=progress.total)
            self._bars.start()
        self._bars.update(
            self._bar, description=text, completed=progress.done, total=progress.total
        )

    def close(self) -> None:
        """Remove the bar."""
        self._bars.stop()


class LineDisplay:
    """Occasional lines on stderr, where a bar cannot be drawn: in CI, in a log."""

    def __init__(self) -> None:
        self._printed = (-1, -math.inf)

    def show(self, progress: Progress) -> None:
        """Print a line, if the progress has changed or the last line is old."""
        done, when = self._printed
        now = time.monotonic()
        share = progress.total // 10  # about ten lines report a run of many steps
        if now - when < _EVERY and not (now - when > 1.0 and progress.done - done > share):
            return
        self._printed = (progress.done, now)
        print(f"jobnb: {progress}", file=sys.stderr, flush=True)  # noqa: T201 - progress is printed

    def close(self) -> None:
        """Leave the printed lines: they are a log."""


def _is_terminal(stream: Any) -> bool:
    return stream is not None and attempt(stream.isatty, False)


class Watch:
    """Shows the progress of what the main thread waits for; see `jobnb.execution.watch`.

    Args:
        display: Creates the display.
        after: The seconds after which it is shown.
        wanted: Whether to show it; asked when it would be shown, as a short run must cost nothing.
    """

    def __init__(
        self, display: Callable[[], ProgressDisplay], after: float, wanted: Callable[[], bool]
    ) -> None:
        self._make_display = display
        self._after = after
        self._wanted = wanted
        self._active: list[Progress] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._rest = 0.0

    @contextmanager
    def __call__(self, run: RunScope) -> Iterator[None]:
        """Watch the run for the duration of the block."""
        with self._seen(lambda: RunProgress(run)):
            yield

    @contextmanager
    def of_backfill(self, backfill: Backfill) -> Iterator[None]:
        """Watch the backfill for the duration of the block."""
        with self._seen(lambda: BackfillProgress(backfill)):
            yield

    @contextmanager
    def _seen(self, make: Callable[[], Progress]) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        progress = make()
        with self._lock:
            self._active.append(progress)
            self._see_to_thread()
        try:
            yield
        finally:
            with self._lock:
                self._active.remove(progress)
                if progress.display is not None:
                    progress.display.close()

    def forget(self) -> None:
        """In a forked process, forget the parent's thread and runs."""
        self._active, self._lock, self._thread = [], threading.Lock(), None

    def _see_to_thread(self) -> None:
        self._rest = time.monotonic() + _IDLE
        if self._thread is None and has_threads():
            self._thread = threading.Thread(target=self._work, name="jobnb progress", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            time.sleep(LOOK)
            with self._lock:
                if not self._active and time.monotonic() > self._rest:
                    self._thread = None
                    return
                if self._active:
                    self._show(self._active[-1])  # the innermost: a step may wait for a run

    def _show(self, progress: Progress) -> None:
        if time.monotonic() - progress.began < self._after:
            return
        try:
            if progress.display is None and not progress.context.run(self._wanted):
                progress.began = math.inf
                return
            progress.look()
            progress.context.run(self._put, progress)
        except Exception:  # noqa: BLE001 - a picture that cannot be drawn hurts no run
            progress.began = math.inf

    def _put(self, progress: Progress) -> None:
        if progress.display is None:
            progress.display = self._make_display()
        progress.display.show(progress)


def cell_watch(wanted: Callable[[], bool] = lambda: True) -> Watch:
    """Show runs of more than half a second under the cell that waits for them."""
    return Watch(CellDisplay, 0.5, wanted)


def terminal_watch() -> Watch:
    """Show runs of more than half a second as a bar, if stderr is a terminal."""
    return Watch(TerminalDisplay, 0.5, lambda: _is_terminal(sys.stderr))


def _script_display() -> ProgressDisplay:
    return TerminalDisplay() if _is_terminal(sys.stderr) else LineDisplay()


def _is_wanted() -> bool:
    if os.environ.get(SWITCH) == "0" or sys.stderr is None:
        return False
    return bool(getattr(known_session(), "show_progress", True))


script_watch = Watch(_script_display, 0.5, _is_wanted)
"""Reports runs of more than half a second on stderr, for a script that waits."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=script_watch.forget)
