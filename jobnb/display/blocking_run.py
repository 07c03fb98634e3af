"""The live view of a run that a cell waits for; it stays above an error."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from jobnb.display.environment import attempt, has_front_end
from jobnb.execution.run import RunScope

if TYPE_CHECKING:
    from jobnb.display.widgets.run import RunView

AFTER = 0.4
"""Seconds after which a run in progress is shown."""


class CellRuns:
    """Shows the runs that cells wait for; see `jobnb.execution.watch`.

    A run that takes longer than a moment is shown while it is active; several runs of one cell
    share one view. A failed run is shown, however short, so that it appears above the error.

    Args:
        shell: The IPython shell whose cells these are.
        is_read: Whether someone may be looking.
    """

    def __init__(self, shell: Any, is_read: Callable[[], bool]) -> None:
        self._shell = shell
        self._is_read = is_read
        self._cell: tuple[int, int] | None = None
        self._view: RunView | None = None
        self._lock = threading.RLock()

    @contextmanager
    def __call__(self, run: RunScope) -> Iterator[None]:
        """Watch a run."""
        if threading.current_thread() is not threading.main_thread() or not self._is_seen():
            yield
            return
        ended = threading.Event()
        # The timer's thread shows it where this cell's outputs go.
        show = partial(copy_context().run, self._show, run, ended)
        timer = threading.Timer(AFTER, lambda: attempt(show, None))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            ended.set()

    def _is_seen(self) -> bool:
        return has_front_end() and self._is_read()

    def shows(self, run_id: str) -> bool:
        """Whether the current cell shows a run already, so that its result need not."""
        with self._lock:
            view = self._view
            return view is not None and self._cell == self._now() and view.run_id == run_id

    def show_failed(self, run: RunScope) -> None:
        """Show a run whose failure is about to be raised, unless it is shown already."""
        if threading.current_thread() is not threading.main_thread():
            return
        if self._is_seen():
            ended = threading.Event()
            ended.set()
            with self._lock:
                if not self.shows(run.run_id):
                    self._put(run, ended)
            return
        from IPython.display import publish_display_data

        from jobnb.display.result_views import result_view
        from jobnb.display.view import bundle
        from jobnb.execution.result import ExecuteInProcessResult

        publish_display_data(dict(bundle(result_view(ExecuteInProcessResult.of(run)))))

    def _show(self, run: RunScope, ended: threading.Event) -> None:
        with self._lock:
            if not ended.is_set():
                self._put(run, ended)

    def _put(self, run: RunScope, ended: threading.Event) -> None:
        from jobnb.display.widgets.run import RunView
        from jobnb.display.widgets.run_source import AwaitedRun

        source = AwaitedRun(run, ended)
        if self._view is not None and self._cell == self._now():
            self._view.show(source)
            return
        self._view, self._cell = RunView(source), self._now()
        self._view._ipython_display_()

    def _now(self) -> tuple[int, int]:
        """Return a value that differs between executions of cells."""
        return id(self._shell), int(getattr(self._shell, "execution_count", 0))


_known: list[CellRuns] = []


def watch_cells(shell: Any, is_read: Callable[[], bool]) -> CellRuns:
    """Create the watcher of the runs that a shell's cells wait for."""
    _known[:] = [CellRuns(shell, is_read)]
    return _known[0]


def is_shown(run_id: str) -> bool:
    """Whether the current cell shows a run already."""
    return any(each.shows(run_id) for each in _known)
