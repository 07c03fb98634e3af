"""The writing end of the side channel, in the kernel: its runs are reported in a file.

A thread polls the backfills and the logs of the open runs ten times a second, so the step loop
pays nothing.
"""

from __future__ import annotations

import atexit
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobnb.automation.backfill import Backfill
from jobnb.execution.watch import opened
from jobnb.notebook.side_channel import line_of, line_of_backfill, line_of_exit

if TYPE_CHECKING:
    from jobnb.automation.backfill import Backfill

INTERVAL = 0.1
_HERE = str(Path(__file__).resolve().parents[1])


class Reporter:
    """Reports every run that is opened in this process, and every backfill.

    Args:
        path: The file to append to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: dict[Any, int] = {}
        self._backfills: dict[Backfill, Any] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, log: Any) -> None:
        """Follow the log of a run until it is closed."""
        with self._lock:
            self._seen[log] = 0
        self._begin()

    def follow(self, backfill: Backfill) -> None:
        """Follow a backfill to its end."""
        with self._lock:
            self._backfills[backfill] = None
        self._begin()

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="jobnb-report", daemon=True)
            self._thread.start()

    def flush(self) -> None:
        """Report all events so far."""
        with self._lock:
            lines = [line for log in list(self._seen) for line in self._news(log)]
            lines += [line for each in list(self._backfills) for line in self._counts(each)]
            if lines:
                self._write(b"".join(lines))

    def after_cell(self, result: Any) -> None:
        """Report the rest of a finished cell, and whether a step has asked to exit."""
        self.flush()
        error = result.error_in_exec
        if isinstance(error, SystemExit) and _came_through_us(error):
            self._write(line_of_exit())

    def _write(self, lines: bytes) -> None:
        # If the parent process is gone, so is its file; the runs continue.
        with suppress(OSError), self._path.open("ab") as stream:
            stream.write(lines)

    def _news(self, log: Any) -> list[bytes]:
        closed = log.closed  # Read before the log: once it is closed, nothing is appended.
        events = log.events[self._seen[log] :]
        self._seen[log] += len(events)
        if closed:
            del self._seen[log]
        return [line_of(log.run.run_id, log.run.job_name, events)] if events else []

    def _counts(self, backfill: Backfill) -> list[bytes]:
        ended = backfill.is_finished  # Read first, as above.
        counts, seen = backfill.counts, self._backfills[backfill]
        if ended:
            del self._backfills[backfill]
        else:
            self._backfills[backfill] = counts
        if not ended and counts == seen:
            return []
        return [line_of_backfill(backfill, _failures(backfill) if ended else ())]

    def _goes_on(self) -> bool:
        runs = any(not log.closed for log in list(self._seen))
        return runs or any(not each.is_finished for each in list(self._backfills))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for background runs; return whether all have ended."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._goes_on():
            if deadline is not None and time.monotonic() > deadline:
                return False
            time.sleep(INTERVAL)
        self.flush()
        return True

    def stop(self) -> None:
        """Report the rest and end the thread."""
        self._stopped.set()
        self.flush()

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self.flush()


def _failures(backfill: Backfill) -> list[str]:
    """Return the first failures, one line each."""
    if not backfill.counts.failed:
        return []
    from jobnb.display.backfill_views import first_failures

    return [f"{each.where}: {each.error}" for each in first_failures(backfill)]


_reporter: Reporter | None = None


def report_to(path: str) -> None:
    """Report all runs and backfills of this process in a file; for a headless kernel.

    Further calls do nothing.
    """
    global _reporter  # noqa: PLW0603  (one per process, as the kernel is)
    if _reporter is not None:
        return
    _reporter = reporter = Reporter(Path(path))
    opened.append(reporter.watch)
    Backfill.begun.append(reporter.follow)
    atexit.register(reporter.stop)
    shell = _shell()
    if shell is not None:
        shell.events.register("post_run_cell", reporter.after_cell)


def _came_through_us(error: BaseException) -> bool:
    """Whether an exception of a cell was raised by a step, or elsewhere below jobnb."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_code.co_filename.startswith(_HERE) for frame, _ in frames)


def wait_for_runs(timeout: float | None = None) -> bool:
    """Wait for background runs; return whether all have ended."""
    return _reporter is None or _reporter.wait(timeout)


def _shell() -> Any:
    """Return the IPython shell of this process, if it has one."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None
