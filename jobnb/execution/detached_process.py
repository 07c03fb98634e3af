"""The process of a detached run: takes what was handed over, does the run, and ends."""

from __future__ import annotations

import faulthandler
import os
import pickle
import shutil
import signal
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from jobnb.errors import InvariantViolationError
from jobnb.events import (
    Event,
    Logged,
    RunCanceled,
    RunFailed,
    RunStarting,
    RunSucceeded,
    StepFailed,
    StepRetried,
    StepSucceeded,
)
from jobnb.execution.background import Run
from jobnb.execution.detached import LOG_FILE, RUN_FILE, DetachedRunSetup, Header
from jobnb.execution.detached_wait import PIPE, SIGNALS
from jobnb.execution.executors.choice import chosen
from jobnb.execution.executors.worker_output import CaughtOutput, own_outputs
from jobnb.execution.launch import retried
from jobnb.execution.output_capture import Sink
from jobnb.execution.pickling import loads
from jobnb.execution.run import RunScope
from jobnb.execution.run_retries import retry_failed
from jobnb.execution.stopping import Stop
from jobnb.execution.trace import error_info, know_cells
from jobnb.state import RunStatus
from jobnb.storage.run import JobRun
from jobnb.storage.run_log import RunLog

_LOOK = 0.2  # seconds between two looks at whether it is asked to end
_GRACE = 1.5  # seconds that a step has to stop
_ENDS = frozenset((StepFailed, StepRetried, StepSucceeded, RunCanceled, RunFailed, RunSucceeded))
_GRACE_OF_WORKERS = 8.0  # the same where its executor has to see to it


def main(folder: str, *, is_asked_to_end: bool = False) -> None:
    """Execute the run that was handed over in a folder, and end the process.

    Args:
        folder: The folder.
        is_asked_to_end: Whether the process was asked to end while the run was queued.
    """
    asked = heard_signals()
    if is_asked_to_end:
        asked.set()
    own_stderr = os.dup(2)
    faulthandler.enable(own_stderr)  # what a crash leaves goes to the file that is kept
    if not Path(folder).exists():  # the home was removed while the run was queued
        return
    taken: tuple[Header, bytes] = take_setup(Path(folder))
    header, body = taken
    instance, record = header
    if instance.control.claim(record.run_id):
        log = instance.open_log(record)
        if record.status is not RunStatus.QUEUED:
            log.events.append(RunStarting(time.time()))
            log.commit()
        try:
            scope, run = _launched(record, log, body)
        except BaseException as error:
            log.events.append(RunFailed(time.time(), record.job_name, error=error_info(error)))
            log.close()
            raise
        _see_to_end(scope, run, asked, Path(folder))
        os.dup2(own_stderr, 1)
        os.dup2(own_stderr, 2)
    instance.dispose()
    leave_folder(Path(folder))


def heard_signals() -> threading.Event:
    """Return what is set once the process is asked to end."""
    asked = threading.Event()
    for each in SIGNALS:
        signal.signal(each, lambda *_: asked.set())
    if hasattr(signal, "pthread_sigmask"):  # those that came before anybody listened
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    return asked


def take_setup(folder: Path) -> tuple[Any, bytes]:
    """Load the header of what was handed over, and remove the file."""
    path = folder / RUN_FILE
    with path.open("rb") as file:
        header = pickle.load(file)  # noqa: S301 - written by this user's own process
        body = file.read()
    path.unlink()
    path.with_name(PIPE).unlink(missing_ok=True)  # it is awake
    return header, body


def _launched(record: JobRun, log: RunLog, body: bytes) -> tuple[RunScope, Run]:
    """Launch the run in a thread of this process."""
    known: DetachedRunSetup = loads(body)
    know_cells(known.cells)
    stop = Stop()
    scope = known.scope(record, log, stop)
    _catch_output(scope)
    again = None
    if known.again is not None:
        again = partial(retry_failed, again=partial(retried, known.again, None))
    return scope, Run(scope, stop, _repeat_nothing, again)


def _catch_output(scope: RunScope) -> None:
    """Log what the process writes under its step, before the step's end is logged."""
    output, append = CaughtOutput(own_outputs(), lambda: None), scope.append
    sink = Sink(append, lambda: scope.current_key)
    output.take = sink.write

    def tell(event: Event) -> None:
        if type(event) in _ENDS:
            output.drain()
            sink.tell_rest()
        elif type(event) is Logged:
            output.read()  # what was written before it comes before it
        append(event)

    scope.append = tell


def _repeat_nothing(run_id: str, **_asked: Any) -> Run:
    raise InvariantViolationError(f"Repeat the run {run_id} from a kernel: session.rerun().")


def _see_to_end(scope: RunScope, run: Run | None, asked: threading.Event, folder: Path) -> None:
    """Wait for the run and those that repeat it; one that does not stop is left behind."""
    grace = _GRACE if chosen(scope)[0] == "in_process" else _GRACE_OF_WORKERS
    while run is not None:
        since: float | None = None
        while not run.wait(_LOOK).is_finished:
            if asked.is_set():
                run.cancel("Its process was asked to end.")
            elif not is_kept(folder):
                run.cancel(f"Its home {scope.instance.home} was removed while it went on.")
            if run.is_stopping:
                since = since or time.monotonic()
                if time.monotonic() > since + grace:
                    run.abandon("It did not stop.")
                    os._exit(1)
        run = run.retried_by


def is_kept(folder: Path) -> bool:
    """Return whether the run's folder is where it was; what is in use is not removed as old."""
    try:
        os.utime(folder)
    except FileNotFoundError:
        return False
    except OSError:  # a disk that is away may come back
        return True
    return True


def leave_folder(folder: Path) -> None:
    """Remove the folder, unless the process has written something that nobody has read."""
    with suppress(OSError):
        if not (folder / LOG_FILE).stat().st_size:
            shutil.rmtree(folder, ignore_errors=True)
