"""The writing end of the side channel, in the kernel: what its runs do goes to a file.

A thread looks at the logs of the open runs ten times a second, so the step loop pays nothing.
"""

from __future__ import annotations

import atexit
import functools
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobnb.notebook.side_channel import line_of

__all__ = ["Reporter", "report_to"]

INTERVAL = 0.1


class Reporter:
    """Tells of every run that is opened in this process.

    Args:
        path: The file to append to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: dict[Any, int] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, log: Any) -> None:
        """Follow the log of a run until it is closed."""
        with self._lock:
            self._seen[log] = 0
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="jobnb-report", daemon=True)
            self._thread.start()

    def flush(self, *_: Any) -> None:
        """Tell all that happened so far."""
        with self._lock:
            lines = [line for log in list(self._seen) for line in self._news(log)]
            # A parent that has gone took its file along; the runs go on all the same.
            with suppress(OSError):
                if lines:
                    with self._path.open("ab") as stream:
                        stream.write(b"".join(lines))

    def _news(self, log: Any) -> list[bytes]:
        closed = log.closed  # read first: nothing is appended after it
        events = log.events[self._seen[log] :]
        self._seen[log] += len(events)
        if closed:
            del self._seen[log]
        return [line_of(log.run.run_id, log.run.job_name, events)] if events else []

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the runs that go on in the background; tells whether all have ended."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while any(not log.closed for log in list(self._seen)):
            if deadline is not None and time.monotonic() > deadline:
                return False
            time.sleep(INTERVAL)
        self.flush()
        return True

    def stop(self) -> None:
        """Tell the rest and end the thread."""
        self._stopped.set()
        self.flush()

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self.flush()


_reporter: Reporter | None = None


def report_to(path: str) -> None:
    """Tell of every run of this process in a file; called in a kernel that runs headlessly."""
    global _reporter  # noqa: PLW0603  (one per process, as the kernel is)
    _reporter = reporter = Reporter(Path(path))
    _hear_of_runs(reporter)
    atexit.register(reporter.stop)
    shell = _shell()
    if shell is not None:
        shell.events.register("post_run_cell", reporter.flush)


def wait_for_runs(timeout: float | None = None) -> bool:
    """Wait for background runs before the kernel ends; tells whether all have ended."""
    return _reporter is None or _reporter.wait(timeout)


def _hear_of_runs(reporter: Reporter) -> None:
    """Have `Instance.open_log` tell the reporter, from outside: storage knows no watcher."""
    from jobnb.storage.instance import Instance

    original = Instance.open_log

    @functools.wraps(original)
    def open_log(self: Any, *args: Any, **kwargs: Any) -> Any:
        log = original(self, *args, **kwargs)
        reporter.watch(log)
        return log

    Instance.open_log = open_log  # type: ignore[method-assign]


def _shell() -> Any:
    """The IPython shell of this process, if it has one."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None
