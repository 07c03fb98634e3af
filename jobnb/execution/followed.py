"""A run that another process does, followed through the history: the same `Run` to its owner."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from jobnb.errors import RunNotFoundError, StepExecutionError, StorageError
from jobnb.events import (
    ErrorInfo,
    Event,
    OutputYielded,
    RunCanceled,
    StepFailed,
    StepRestarted,
    StepStarted,
)
from jobnb.execution.background import STEP_ENDS, Run
from jobnb.execution.executors.lazy_resources import LazyResources
from jobnb.execution.run import HANDLED, MISSING, RunScope
from jobnb.execution.run_retries import is_to_be_retried, retry_of
from jobnb.execution.stopping import Stop
from jobnb.execution.task import RunCanceledError, find
from jobnb.state import RunStatus
from jobnb.storage.process import Holder, is_gone, this_process
from jobnb.storage.run import JobRun
from jobnb.storage.run_log import FollowedLog

LOOK = 0.1
"""Seconds between two looks at the history."""

RETRY_SECONDS = 10.0
"""How long the end of a failed run waits for the run that its process repeats it by."""

MISSED_SECONDS = 10.0
"""How long a run whose process is there may be missing in the history."""

PATIENCE = 12.0
"""Seconds that a process has to cancel its run; then it is told with SIGTERM, and later killed."""


class FollowedRun(Run):
    """A run that is active in another process.

    Its events are read from the history. Its end does not depend on this process, and what its
    steps gave is loaded from where IO managers stored it.
    """

    outlives = True

    def __init__(
        self, scope: RunScope, repeat: Callable[..., Run], reap: Callable[[], object] | None = None
    ) -> None:
        self._cancel_at: float | None = None
        self._signals = 0
        self._reap = reap
        self._holder: Holder | None = None  # of the process that does it, or did
        self._missed: float | None = None  # since when the history lacks it
        super().__init__(scope, Stop(), repeat)

    def _prepare(self) -> None:
        """Read what it has done by now, as its state is asked for at once.

        IO managers are set up to load values only; its process enforces the time limit.
        """
        self._state.job_name = self.job_name
        if self._scope.record.status is RunStatus.QUEUED:  # its process says so once it is awake
            self._state.status = RunStatus.QUEUED
        self._scope.resources = LazyResources(self._scope)
        with suppress(StorageError, RunNotFoundError):  # it is read again, and said then
            self._read()
        self._refresh()

    # --- following it -----------------------------------------------------

    def _do(self) -> None:
        """Read its events until it has ended."""
        went_on = not self.state.is_finished
        while not self.state.is_finished:
            with suppress(StorageError):  # a server that is away comes back
                if self._read():
                    continue
            time.sleep(LOOK)
        with suppress(StorageError):
            self._see_retry(went_on)
        if self._reap is not None:
            self._reap()

    def _read(self) -> bool:
        """Read new events; return whether there were any.

        Raises:
            RunNotFoundError: If the run was deleted.
        """
        events = self._scope.events
        news = self.instance.events(self.run_id, len(events) - 1)
        if news:
            self._missed = None
            self._holder = self._holder or self.instance.control.holder(self.run_id)
        elif not self.instance.has_run(self.run_id):
            self._miss()
        with self._turn:
            for event in news:
                self._note(event)
            events += news
        return bool(news)

    def _miss(self) -> None:
        """Wait for the run to be in the history again, as it is where its home was removed.

        Raises:
            RunNotFoundError: If its process is gone, or has not written it in a while.
        """
        self._missed = self._missed or time.monotonic()
        if not self._is_held() or time.monotonic() > self._missed + MISSED_SECONDS:
            raise RunNotFoundError(f"The run {self.run_id} was deleted from the history.")

    def _note(self, event: Event) -> None:
        """Keep what is asked of a scope: the step that runs, and which values are stored."""
        scope, kind = self._scope, type(event)
        if kind in (StepStarted, StepRestarted):
            scope.current_key = str(event.step_key)
        elif kind in STEP_ENDS and event.step_key == scope.current_key:
            scope.current_key = None
        elif isinstance(event, OutputYielded):
            self._note_output(event)

    def _note_output(self, event: OutputYielded) -> None:
        key, _, element = event.step_key.removesuffix("]").partition("[")
        index = self.plan.step_by_key.get(key)
        step = self.plan.steps[index] if index is not None else None
        output = step.output(event.output_name) if step is not None else None
        if step is None or output is None:
            return
        values, element = self._scope.values, event.mapping_key or element
        if output.definition.is_dynamic or step.region is not None:
            if values[output.slot] is MISSING:
                values[output.slot] = {}
            values[output.slot][element] = HANDLED
        else:
            values[output.slot] = HANDLED

    def _see_retry(self, went_on: bool) -> None:
        """Follow the run that repeats this one; its process launches it at once, if at all.

        Args:
            went_on: Whether it was seen to go on: its process may be there, also an unknown one.
        """
        if not is_to_be_retried(self.record):
            return
        deadline = time.monotonic() + RETRY_SECONDS
        is_awaited = True
        while is_awaited:  # looked at before the history: it may launch it and end in between
            is_there = self._is_held() or (went_on and self._holder is None)
            is_awaited = is_there and time.monotonic() < deadline
            record = retry_of(self.record, self.instance)
            if record is not None:
                self.retried_by = self._followed(record)
                return
            time.sleep(LOOK if is_awaited else 0)

    def _is_held(self) -> bool:
        """Return whether the process that did it is there."""
        return self._holder is not None and is_gone(self._holder) is not True

    def _followed(self, record: JobRun) -> Run:
        """Return a run that does what this one does, as this process has it already if it does."""
        known = find(Run, record.run_id)
        if known is not None and known.instance is self.instance:
            return known
        log = FollowedLog(record)
        scope = RunScope(self.plan, self.instance, record, log, keep_outputs=False)
        return FollowedRun(scope, self._repeat)

    def _settle(self) -> None:
        """Do nothing: its process has recorded how it ended."""

    def _stops(self) -> Iterable[Stop]:
        return ()

    # --- how it ended -----------------------------------------------------

    def _why_failed(self) -> BaseException | None:
        if self._error is not None:
            return self._error
        state = self.state
        if state.is_success:
            return None
        if state.status is RunStatus.CANCELED:
            return RunCanceledError(
                f"The run of {state.title!r} did not come to its end. {_why(self._scope.events)} "
                f"What had succeeded is kept (run {self.run_id}); result(raise_on_error=False) "
                "gives it."
            )
        failed = next((e for e in self._scope.events if isinstance(e, StepFailed)), None)
        told = failed.error if failed is not None else state.error
        key = failed.step_key if failed is not None else ""
        error = StepExecutionError(_words(told, key, self.run_id), step_key=key)
        if told is not None and told.source:
            error.add_note(told.source)
        return error

    # --- acting on it -----------------------------------------------------

    def cancel(self, reason: str = "") -> bool:
        """Ask its process to stop it; what it had opened is closed.

        A process that does not hear is told with SIGTERM and, where that does not help, killed; the
        run is canceled all the same.

        Args:
            reason: Why, for the log.

        Returns:
            Whether it could still be stopped.
        """
        if self.is_finished or not self.instance.control.request_cancel(self.run_id, reason):
            return False
        if self._cancel_at is None:
            self._cancel_at = time.monotonic()
        return True

    def undo(self) -> None:
        """Cancel it for a caller whom an interrupt keeps from having it, and see it end."""
        self.cancel("It was interrupted as it began.")
        self.wait(PATIENCE)

    def abandon(self, reason: str) -> None:
        """Leave the run to its process."""

    def _look(self) -> None:
        """End a process that was asked to end its run, and does not."""
        if self._cancel_at is None or self.is_finished or not self.record.is_detached:
            return
        if time.monotonic() < self._cancel_at + PATIENCE * (1 + self._signals / 2):
            return
        self._signals += 1
        holder = self.instance.control.holder(self.run_id)
        if holder is not None and holder != this_process() and is_gone(holder) is False:
            end_process(holder, hard=self._signals > 1)


def end_process(holder: Holder, *, hard: bool) -> None:
    """Tell a process to end; `hard`: kill it and its descendants."""
    with suppress(OSError):
        if not hard:
            os.kill(holder.pid, signal.SIGTERM)
        elif hasattr(os, "killpg"):
            os.killpg(holder.pid, signal.SIGKILL)
        else:
            os.kill(holder.pid, signal.SIGTERM)


def _why(events: list[Event]) -> str:
    """Return why a run was canceled, from its log."""
    end: Any = next((e for e in reversed(events) if isinstance(e, RunCanceled)), None)
    told: ErrorInfo | None = end.error if end is not None else None
    return told.message if told is not None and told.message else "It was canceled."


def _words(told: ErrorInfo | None, key: str, run_id: str) -> str:
    """Describe what failed, where, and in which run."""
    if told is None:
        return f"The run {run_id} failed."
    where = f" ({told.where})" if told.where else ""
    step = f"step {key!r}{where}, " if key else ""
    return f"{told.cls_name}: {told.message} [{step}run {run_id}]"
