"""A run in the background: a thread executes it; its owner holds this object."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from jobnb.definitions.arguments import suggests_names
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
from jobnb.execution.output_capture import capturing
from jobnb.execution.result import ExecuteInProcessResult
from jobnb.execution.run import RunScope, drop
from jobnb.execution.runner import first_failure, late_words, max_runtime, run_all
from jobnb.execution.stopping import Stop, stuck_words
from jobnb.execution.task import RunCanceledError, StillRunningError, Task
from jobnb.execution.trace import error_info
from jobnb.execution.watch import background_watchers, watched
from jobnb.plan.step import Plan
from jobnb.state import RunState, RunStatus
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun

STEP_ENDS = (StepSucceeded, StepFailed, StepSkipped)
"""How a step ends."""
_TO_THE_END = (RunStatus.SUCCESS, RunStatus.FAILURE)


@suggests_names
class Run(Task[ExecuteInProcessResult]):
    """A run in the background; created by `launch`.

    Attributes:
        retried_by: The run that repeats it, where it failed and its tag `dagster/max_retries`
            allows, whatever process does it; None until this one has ended.

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

    begun: ClassVar[list[Callable[[Any], None]]] = []

    def __init__(
        self,
        scope: RunScope,
        stop: Stop,
        repeat: Callable[..., Run],
        settled: Callable[[Run], None] | None = None,
    ) -> None:
        super().__init__(scope.run_id, f"jobnb run {scope.run_id[:8]}")
        self._scope = scope
        self._stop = stop
        self._repeat = repeat
        self._state = RunState()
        self._done_steps = self._seen = 0
        self._failure: BaseException | None = None
        self.retried_by: Run | None = None
        self._settled = settled
        self._most: float | None = None
        self._deadline: float | None = None
        self._prepare()
        self._begin()

    def _prepare(self) -> None:
        """Get ready for the work, before its threads start."""
        scope = self._scope
        self._most = max_runtime(scope.record)
        scope.around = _around(scope)
        if scope.instance.is_persistent:
            scope.instance.control.listen(self.run_id, self.cancel)

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
        """The plan of the run."""
        return self._scope.plan

    @property
    def instance(self) -> Instance:
        """The instance of its history."""
        return self._scope.instance

    @property
    def record(self) -> JobRun:
        """The record of the run, with its present status."""
        return self._scope.record.with_status(self.state.status)

    @property
    def state(self) -> RunState:
        """The present state of the run and its steps; to be read, not changed.

        It goes on while it is looked at; `reading` holds it still.
        """
        with self._turn:
            return self._folded()

    @contextmanager
    def reading(self) -> Iterator[RunState]:
        """Keep `state` unchanged for the duration of the block."""
        with self._turn:
            yield self._folded()

    def events(self, after: int = 0) -> list[Event]:
        """Return the events so far, in order.

        Args:
            after: How many of the first events to leave out.
        """
        return self._scope.events[after:]

    # --- waiting for it ---------------------------------------------------

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
        if not self.wait(timeout).is_finished:
            raise StillRunningError(
                f"The run of {self.state.title!r} has not ended after {timeout} s. "
                "Wait longer, or stop it with cancel()."
            )
        if raise_on_error:
            self._raise_failure()
        return ExecuteInProcessResult.of(self._scope)

    def _raise_failure(self) -> None:
        __tracebackhide__ = True
        if self._failure is None:
            self._failure = self._why_failed()
        if self._failure is not None:
            raise self._failure

    def _why_failed(self) -> BaseException | None:
        if self._error is not None:
            return self._error
        if self._scope.failed_steps and not self._stop.wanted:
            return first_failure(self._scope)
        if self.state.is_success:
            return None
        why = self._stop.reason or "It was canceled."
        return RunCanceledError(
            f"The run of {self.state.title!r} did not come to its end. {why} What had succeeded is "
            f"kept (run {self.run_id}); result(raise_on_error=False) gives it."
        )

    # --- acting on it -----------------------------------------------------

    def cancel(self, reason: str = "") -> bool:
        """Ask it to stop; what it had opened is closed.

        It stops between two steps, or within a step at the next line of Python. Where a step
        waits in a call of C, the child processes that it has started are ended; a call that still
        does not return, as `time.sleep`, is left behind in its thread, and the run ends without it.
        Until that call returns, CPython 3.11 asks at each line of this process whether the thread
        can be interrupted by now: code under a debugger, a profiler or coverage is slow meanwhile.
        Executors with processes (`multiprocess`, `dask`) end the process of such a step instead.

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

    def resume(self) -> Run:
        """Run only what did not succeed, after it failed, was canceled or its process was killed.

        What had succeeded is loaded from where it was stored.

        Raises:
            InvariantViolationError: If it has not ended, or nothing of it is left to do.
        """
        return self.rerun(from_failure=True)

    def _tell_stop(self, kind: Callable[[float, str], Event]) -> None:
        self._scope.append(kind(time.time(), self.job_name))

    # --- the work ----------------------------------------------------------

    def _do(self) -> None:
        with suppress(ExecutionInterruptedError):  # the log says how it ended
            run_all(self._scope)

    def _settle(self) -> None:
        self.instance.control.unlisten(self.run_id)
        with self._turn:
            if not self._folded().is_finished:
                self._scope.append(self._lost())
                with suppress(Exception):
                    self._scope.run_log.close()
        if self._settled is not None:
            self._settled(self)

    def _lost(self) -> RunFailed:
        """Return the outcome if not even its log could be written."""
        why = error_info(self._error) if self._error is not None else None
        return RunFailed(time.time(), self.job_name, (), why)

    def abandon(self, reason: str) -> None:
        """End it from outside while its thread is stuck: the process is about to be gone."""
        if not self._stop.take_over():
            return
        with suppress(Exception):
            self._scope.opened.close()
        self._free_places()
        why, late = ErrorInfo("Stopped", self._stop.reason or reason), self._stop.is_failure
        end = RunFailed(time.time(), self.job_name, (), why) if late else None
        self._scope.append(end or RunCanceled(time.time(), self.job_name, why))
        self._scope.run_log.close()

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.wanted

    def _stops(self) -> Iterable[Stop]:
        return (self._stop,)

    def _look(self) -> None:
        self._see_deadline()
        if self._stop.is_stuck and self._stop.take_over():
            self._leave_behind()

    def _leave_behind(self) -> None:
        """End it while its thread waits in a call that nothing interrupts."""
        scope, stop, at = self._scope, self._stop, time.time()
        with suppress(Exception):
            scope.opened.close()
        self._free_places()
        if scope.current_key is not None:
            scope.append(EngineNote(at, stuck_words(scope.current_key, stop.place)))
        why = ErrorInfo("Stopped", stop.reason) if stop.reason else None
        if stop.is_failure:
            scope.append(RunFailed(at, self.job_name, tuple(scope.failed_steps), why))
        else:
            scope.append(RunCanceled(at, self.job_name, why))
        scope.append = drop  # what its thread tells when it comes back is nobody's
        scope.run_log.close()
        self._end()

    def _free_places(self) -> None:
        """Give back the places in pools, which its stuck thread does not."""
        if self._scope.pools is not None:
            with suppress(Exception):
                self._scope.pools.close()

    def _see_deadline(self) -> None:
        """Stop the run if it has exceeded its time limit."""
        if self._most is None:
            return
        if self._deadline is None and self._state.started is not None:
            self._deadline = time.monotonic() + self._most  # what it waited in the queue is apart
        if self._deadline is not None and time.monotonic() > self._deadline:
            self._run_out(self._most)

    def _run_out(self, most: float) -> None:
        """Stop the run, as it exceeded the time limit of its tag."""
        reason = late_words(most)
        self._most = None
        self._stop.request(
            reason, lambda: self._tell_stop(lambda t, _: EngineNote(t, reason)), is_failure=True
        )

    def _folded(self) -> RunState:
        for event in self._scope.events[self._state.events :]:
            self._state.apply(event)
            self._done_steps += type(event) in STEP_ENDS
        return self._state

    def _refresh(self) -> None:
        """Update the traits."""
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
        steps = f"{self._done_steps} of {len(state.steps)} step{'s'[: len(state.steps) != 1]}"
        return f"<Run of {state.title!r}: {state.status.value}, {steps}, run {self.run_id[:8]}>"


@contextmanager
def _around(scope: RunScope) -> Iterator[None]:
    """Enter the context in which the run's thread sets up resources and runs steps."""
    captured = capturing(scope.append, lambda: scope.current_key)
    with captured, watched(scope, background_watchers):
        yield
