"""A run in the background: a thread does it, this is what its owner holds meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from jobnb.errors import ExecutionInterruptedError
from jobnb.events import (
    EngineNote,
    ErrorInfo,
    Event,
    RunCanceled,
    RunCanceling,
    RunFailed,
    StepFailed,
    StepSkipped,
    StepSucceeded,
)
from jobnb.execution import live
from jobnb.execution.observing import Observable
from jobnb.execution.output_capture import capturing, follow_streams
from jobnb.execution.result import ExecuteInProcessResult
from jobnb.execution.run import RunScope
from jobnb.execution.run_job import first_failure
from jobnb.execution.runner import run_all
from jobnb.execution.stopping import Stop
from jobnb.execution.trace import error_info
from jobnb.execution.waiting import RunCanceledError, StillRunningError, until_called
from jobnb.execution.watch import background_watchers, watched
from jobnb.plan.step import Plan
from jobnb.state import RunState, RunStatus
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun

__all__ = ["MAX_RUNTIME_TAG", "Run"]

MAX_RUNTIME_TAG = "dagster/max_runtime"
"""The tag that holds how many seconds a run may take."""

TICK = 0.05
"""Seconds between two looks at what has happened."""

_ENDS = (StepSucceeded, StepFailed, StepSkipped)
_TO_THE_END = (RunStatus.SUCCESS, RunStatus.FAILURE)


class Run(Observable):
    """A run that goes on in the background; made by `launch`.

    `status`, `progress`, `current_step` and `version` are traits: `observe` calls a function when
    they change, in a thread of its own. `await run` gives what `result` gives.

    Example:
        >>> from jobnb import Instance, job, op
        >>> @op
        ... def five():
        ...     return 5
        >>> @job
        ... def numbers():
        ...     five()
        >>> run = numbers.launch(instance=Instance.ephemeral())
        >>> run.wait().status, run.result().output_for_node("five")
        ('SUCCESS', 5)
    """

    __module__ = "jobnb.execution.launch"  # where it is imported from, and looked up by name

    def __init__(self, scope: RunScope, stop: Stop, repeat: Callable[..., Run]) -> None:
        super().__init__()
        self._scope = scope
        self._stop = stop
        self._repeat = repeat
        self._state = RunState()
        self._turn = threading.RLock()
        self._done_steps = self._seen = 0
        self._error: BaseException | None = None
        self._failure: BaseException | None = None
        self._ended = threading.Event()
        self._at_end: list[Callable[[], None]] = []
        self._deadline = _deadline(scope.record)
        scope.around = _around(scope)
        live.add(self)
        name = f"jobnb run {self.run_id[:8]}"
        threading.Thread(target=self._work, name=name, daemon=True).start()
        threading.Thread(target=self._report, name=f"{name} notifier", daemon=True).start()

    # --- what it is -------------------------------------------------------

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self._scope.run_id

    @property
    def job_name(self) -> str:
        """The name of the job that runs."""
        return self._scope.plan.job.name

    @property
    def plan(self) -> Plan:
        """What it does."""
        return self._scope.plan

    @property
    def instance(self) -> Instance:
        """Where its history goes."""
        return self._scope.instance

    @property
    def record(self) -> JobRun:
        """The run as it is stored, and as it stands now."""
        return self._scope.record.with_status(self.state.status)

    @property
    def state(self) -> RunState:
        """How it and each of its steps stand now; to be read, not changed.

        It goes on while it is looked at; `reading` holds it still.
        """
        with self._turn:
            return self._folded()

    @contextmanager
    def reading(self) -> Iterator[RunState]:
        """While it lasts, `state` stands still."""
        with self._turn:
            yield self._folded()

    @property
    def is_finished(self) -> bool:
        """Whether it has ended, one way or another."""
        return self._ended.is_set()

    def events(self, after: int = 0) -> list[Event]:
        """What has happened, in order.

        Args:
            after: How many of the first events to leave out.
        """
        return self._scope.events[after:]

    # --- waiting for it ---------------------------------------------------

    def wait(self, timeout: float | None = None) -> Run:
        """Wait for its end, at most `timeout` seconds; an interrupt ends the waiting only."""
        self._ended.wait(timeout)
        return self

    def result(
        self, timeout: float | None = None, *, raise_on_error: bool = True
    ) -> ExecuteInProcessResult:
        """Wait for its end and give what it made.

        Args:
            timeout: Seconds to wait at most.
            raise_on_error: Whether a failure is raised.

        Raises:
            StillRunningError: If it has not ended by then.
            RunCanceledError: If it was stopped and `raise_on_error`.
            Exception: What the first failing step raised, if `raise_on_error`.
        """
        __tracebackhide__ = True
        if not self._ended.wait(timeout):
            raise StillRunningError(
                f"The run of {self.job_name!r} has not ended after {timeout} s. "
                "Wait longer, or stop it with cancel()."
            )
        if raise_on_error:
            self._raise_failure()
        return ExecuteInProcessResult(self._scope)

    def __await__(self) -> Generator[Any, None, ExecuteInProcessResult]:
        """Wait for it without holding up anything else."""
        yield from until_called(self._call_at_end)
        return self.result()

    def _raise_failure(self) -> None:
        if self._failure is None:
            self._failure = self._why_failed()
        if self._failure is not None:
            raise self._failure

    def _why_failed(self) -> BaseException | None:
        if self._error is not None:
            return self._error
        if self._scope.failed_steps and not self._scope.stopping:
            return first_failure(self._scope)
        if self.state.is_success:
            return None
        why = self._stop.reason or "It was canceled."
        return RunCanceledError(
            f"The run of {self.job_name!r} did not come to its end. {why} What had succeeded is "
            f"kept (run {self.run_id}); result(raise_on_error=False) gives it."
        )

    # --- acting on it -----------------------------------------------------

    def cancel(self, reason: str = "") -> bool:
        """Ask it to stop; what it had opened is closed.

        It stops between two steps, or within a step at the next line of Python; a call that waits
        in C, as `time.sleep`, comes to its end first.

        Args:
            reason: Why, for the log.

        Returns:
            Whether it could still be stopped.
        """
        stops = self._stop.request(reason, lambda: self._tell_stop(RunCanceling))
        self._refresh()
        return stops

    def rerun(self, from_failure: bool = False, steps: Sequence[str] | None = None) -> Run:
        """Run it again with the same config, as its job is defined now.

        Args:
            from_failure: Only what did not succeed; the rest is loaded from this run.
            steps: Only these steps, as `["clean+"]`.
        """
        return self._repeat(self.run_id, from_failure=from_failure, steps=steps)

    def _tell_stop(self, kind: Callable[[float, str], Event]) -> None:
        self._scope.append(kind(time.time(), self.job_name))
        self._scope.stopping = True

    # --- the thread that does it ------------------------------------------

    def _work(self) -> None:
        self._stop.open()
        try:
            run_all(self._scope)
        except ExecutionInterruptedError:
            pass  # the log tells how it ended
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = error
        finally:
            self._end()

    def _end(self) -> None:
        """Whatever has happened, whoever waits goes on, and the traits say how it ended."""
        with self._turn:
            if not self._folded().is_finished:
                self._scope.append(self._lost())
                with suppress(Exception):
                    self._scope.run_log.close()
            self._refresh()
            self._ended.set()
            waiting, self._at_end = self._at_end, []
        live.remove(self)
        for each in waiting:
            each()

    def _lost(self) -> RunFailed:
        """How it ended if not even its log could be written."""
        why = error_info(self._error) if self._error is not None else None
        return RunFailed(time.time(), self.job_name, (), why)

    def _call_at_end(self, function: Callable[[], None]) -> None:
        with self._turn:
            if not self._ended.is_set():
                self._at_end.append(function)
                return
        function()

    def abandon(self, reason: str) -> None:
        """End it from outside while its thread is stuck: the process is about to be gone."""
        if not self._stop.take_over():
            return
        with suppress(Exception):
            self._scope.opened.close()
        self._scope.append(RunCanceled(time.time(), self.job_name, ErrorInfo("Stopped", reason)))
        self._scope.run_log.close()

    # --- the thread that tells of it --------------------------------------

    def _report(self) -> None:
        while not self._ended.wait(TICK):
            self._refresh()
            self.publish()
            self._stop.interrupt()
            follow_streams()
            if self._deadline is not None and time.monotonic() > self._deadline[0]:
                self._run_out()
        self.publish()

    def _run_out(self) -> None:
        """It has taken longer than its tag allows."""
        assert self._deadline is not None
        reason = f"It took longer than {self._deadline[1]:g} s, its {MAX_RUNTIME_TAG}."
        self._deadline = None
        self._stop.request(
            reason, lambda: self._tell_stop(lambda t, _: EngineNote(t, reason)), is_failure=True
        )

    def _folded(self) -> RunState:
        for event in self._scope.events[self._state.events :]:
            self._state.apply(event)
            self._done_steps += type(event) in _ENDS
        return self._state

    def _refresh(self) -> None:
        """Bring the traits up to date."""
        with self._turn:
            state = self._folded()
            total = len(state.steps)
            progress = min(self._done_steps / total, 1.0) if total else 0.0
            if state.status in _TO_THE_END:
                progress = 1.0
            if state.events != self._seen:
                self._seen = state.events
                self.set_trait("version", self.version + 1)
            self.set_trait("progress", max(progress, self.progress))
            self.set_trait("current_step", self._scope.current_key or "")
            self.set_trait("status", state.status.value)

    def __repr__(self) -> str:
        state = self.state
        steps = f"{self._done_steps} of {len(state.steps)} steps"
        return f"<Run of {self.job_name!r}: {state.status.value}, {steps}, run {self.run_id[:8]}>"


@contextmanager
def _around(scope: RunScope) -> Iterator[None]:
    """What the run's thread is in while its resources and steps are at work."""
    captured = capturing(scope.append, lambda: scope.current_key)
    with captured, watched(scope, background_watchers):
        yield


def _deadline(record: JobRun) -> tuple[float, float] | None:
    """When it must have ended, and after how many seconds that is."""
    try:
        seconds = float(record.tags.get(MAX_RUNTIME_TAG, ""))
    except ValueError:
        return None
    return time.monotonic() + seconds, seconds
