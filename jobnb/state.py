"""The state of a run, computed from its events: only `fold` interprets them.

Events are facts in the order in which they were written; a `RunState` is their sum. To follow a
live run, keep one state and apply the new events to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Any

import msgspec

import jobnb.events as ev
from jobnb.definitions.jobs.job_config import run_title
from jobnb.definitions.keys import AssetKey


class RunStatus(str, Enum):
    """The status of a run.

    Source: Dagster's `DagsterRunStatus`.
    """

    QUEUED = "QUEUED"
    NOT_STARTED = "NOT_STARTED"
    MANAGED = "MANAGED"
    STARTING = "STARTING"
    STARTED = "STARTED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCELING = "CANCELING"
    CANCELED = "CANCELED"

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended."""
        return self in FINISHED


class StepStatus(str, Enum):
    """The status of a step."""

    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    BLOCKED = "blocked"  # Skipped because a blocking check did not pass.
    CANCELED = "canceled"

    @property
    def is_finished(self) -> bool:
        """Whether the step has ended."""
        return self not in _OPEN_STEP


FINISHED = frozenset({RunStatus.SUCCESS, RunStatus.FAILURE, RunStatus.CANCELED})
"""The statuses of runs that have ended."""
_CHECK_FAILED = "AssetCheckFailedError"
_OPEN_STEP = frozenset({StepStatus.QUEUED, StepStatus.RUNNING, StepStatus.RETRYING})


class StepState(msgspec.Struct):
    """The state of one step.

    Attributes:
        key: The step's key.
        status: Its status.
        started: When it started, in seconds since the epoch.
        ended: When it ended, in seconds since the epoch.
        seconds: The duration of its last attempt.
        attempts: How many times it was started.
        error: Why its last attempt failed.
        failure: The JSON metadata of the `Failure` that it ended with.
        because: What it was skipped for: step keys or outputs; if it is blocked, the step whose
            check did not pass.
        outputs: The JSON metadata of each output that came out.
        progress: What its last attempt reported last of how far it is.
        logs: How many lines it logged.
        pool: The pool in which it waits for a place; empty once it has one.
        worker: The thread, process or machine that did it, where steps run side by side.
        cpu: Seconds of processor time of its last attempt; None if it was too short to measure.
        memory: Bytes of memory of its process, at the peak.
        growth: How many bytes of them came during its last attempt.
    """

    key: str
    status: StepStatus = StepStatus.QUEUED
    started: float | None = None
    ended: float | None = None
    seconds: float | None = None
    attempts: int = 0
    error: ev.ErrorInfo | None = None
    failure: dict[str, Any] = {}
    because: tuple[str, ...] = ()
    outputs: dict[str, dict[str, Any]] = {}
    progress: ev.StepProgressed | None = None
    logs: int = 0
    worker: str = ""
    pool: str = ""
    cpu: float | None = None
    memory: int | None = None
    growth: int | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the step has ended."""
        return self.status.is_finished

    def close(self, status: StepStatus, ended: float, error: ev.ErrorInfo | None = None) -> None:
        """End the step because its run is over."""
        self.status = status
        if self.started is not None:
            self.ended = ended
            self.seconds = max(0.0, ended - self.started)
        self.error = error or self.error


class RunState(msgspec.Struct):
    """The state of a run.

    Attributes:
        status: Its status.
        job_name: The job it runs, once it is known.
        started: When it started, in seconds since the epoch.
        ended: When it ended, in seconds since the epoch.
        error: Why it failed: its own error, or that of the first failed step.
        steps: Every step by key, in the order in which they were planned or first seen.
        materialized: The last materialization of every asset that it materialized.
        checked: The last evaluation of every check that it ran, by asset and name.
        makes_assets: Of steps that make assets or only evaluate checks: whether they make any.
        logs: How many messages were logged.
        events: How many events were applied.
        where: On what its steps run, as "threads"; empty where they run one by one.
        pid: The process that does it; 0 before its steps begin.
    """

    status: RunStatus = RunStatus.NOT_STARTED
    job_name: str = ""
    started: float | None = None
    ended: float | None = None
    error: ev.ErrorInfo | None = None
    steps: dict[str, StepState] = {}
    materialized: dict[AssetKey, ev.AssetMaterialized] = {}
    checked: dict[tuple[AssetKey, str], ev.AssetCheckEvaluated] = {}
    makes_assets: dict[str, bool] = {}
    logs: int = 0
    events: int = 0
    where: str = ""
    pid: int = 0

    def apply(self, event: ev.Event) -> RunState:
        """Apply one more event in place and return the state."""
        self.events += 1
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)
        return self

    def step(self, key: str) -> StepState:
        """Return the state of a step, adding it if it was not planned (a dynamic one)."""
        found = self.steps.get(key)
        if found is None:
            found = self.steps[key] = StepState(key)
        return found

    @property
    def counts(self) -> dict[StepStatus, int]:
        """Count the steps by status; statuses without steps are left out."""
        found: dict[StepStatus, int] = {}
        for step in self.steps.values():
            found[step.status] = found.get(step.status, 0) + 1
        return found

    @property
    def done(self) -> int:
        """Count the steps that have ended."""
        return sum(step.is_finished for step in self.steps.values())

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended."""
        return self.status.is_finished

    @property
    def title(self) -> str:
        """The name of its job; if it has none, its assets or steps."""
        # A check has no part in the name, unless nothing but checks is in the run.
        making = [key for key in self.steps if self.makes_assets.get(key, True)]
        names = (key.split(".")[0].split("[")[0].replace("__", "/") for key in making)
        only_checks = bool(self.steps) and not making
        return run_title(self.job_name, names, only_checks=only_checks)

    @property
    def is_success(self) -> bool:
        """Whether the run succeeded."""
        return self.status is RunStatus.SUCCESS

    @property
    def seconds(self) -> float | None:
        """The duration of the run, or None while it runs."""
        if self.started is None or self.ended is None:
            return None
        return self.ended - self.started


def fold(events: Iterable[ev.Event], state: RunState | None = None) -> RunState:
    """Compute the state of a run from its events; a given `state` is updated in place.

    Args:
        events: The events, oldest first.
        state: The state after earlier events.

    Returns:
        The state after the last event.

    Example:
        >>> from jobnb.events import RunStarted, StepStarted
        >>> state = fold([RunStarted(1.0, "daily", ("load",)), StepStarted(1.1, "load")])
        >>> state.status.value, state.steps["load"].status.value
        ('STARTED', 'running')
    """
    current = RunState() if state is None else state
    for event in events:
        current.apply(event)
    return current


def _run_queued(run: RunState, event: ev.RunQueued) -> None:
    run.status, run.job_name = RunStatus.QUEUED, event.job_name


def _run_starting(run: RunState, _event: ev.RunStarting) -> None:
    run.status = RunStatus.STARTING


def _run_started(run: RunState, event: ev.RunStarted) -> None:
    run.status, run.job_name = RunStatus.STARTED, event.job_name
    run.started = event.time
    for key in event.step_keys:
        run.step(key)


def _run_succeeded(run: RunState, event: ev.RunSucceeded) -> None:
    _end(run, event, RunStatus.SUCCESS, StepStatus.SKIPPED, StepStatus.SUCCEEDED)


def _run_failed(run: RunState, event: ev.RunFailed) -> None:
    run.error = event.error or run.error
    _end(run, event, RunStatus.FAILURE, StepStatus.SKIPPED, StepStatus.FAILED)


def _run_canceling(run: RunState, event: ev.RunCanceling) -> None:
    run.status, run.job_name = RunStatus.CANCELING, event.job_name


def _run_canceled(run: RunState, event: ev.RunCanceled) -> None:
    run.error = event.error or run.error
    _end(run, event, RunStatus.CANCELED, StepStatus.CANCELED, StepStatus.CANCELED)


def _end(
    run: RunState,
    event: ev.RunSucceeded | ev.RunFailed | ev.RunCanceled,
    status: RunStatus,
    waiting: StepStatus,
    begun: StepStatus,
) -> None:
    """End the run: steps that waited become `waiting`, those that had begun `begun`."""
    run.status, run.job_name, run.ended = status, event.job_name, event.time
    why = run.error if begun is StepStatus.FAILED else None
    for step in run.steps.values():
        if step.status is StepStatus.QUEUED:
            step.close(waiting, event.time)
        elif step.status in _OPEN_STEP:
            step.close(begun, event.time, why)


def _step_started(run: RunState, event: ev.StepStarted) -> None:
    step = run.step(event.step_key)
    step.status, step.started, step.ended = StepStatus.RUNNING, event.time, None
    step.attempts, step.worker, step.pool = max(step.attempts, 1), event.worker, ""


def _step_restarted(run: RunState, event: ev.StepRestarted) -> None:
    step = run.step(event.step_key)
    step.status, step.started, step.ended = StepStatus.RUNNING, event.time, None
    step.attempts, step.failure = max(step.attempts, event.attempt), {}
    step.worker, step.pool, step.progress = event.worker, "", None


def _step_progressed(run: RunState, event: ev.StepProgressed) -> None:
    run.step(event.step_key).progress = event


def _step_retried(run: RunState, event: ev.StepRetried) -> None:
    step = run.step(event.step_key)
    step.status, step.error = StepStatus.RETRYING, event.error
    step.attempts = max(step.attempts, event.attempt)


def _step_succeeded(run: RunState, event: ev.StepSucceeded) -> None:
    step = run.step(event.step_key)
    step.status, step.ended, step.seconds = StepStatus.SUCCEEDED, event.time, event.seconds
    step.error = None  # From an earlier attempt.
    step.cpu, step.memory, step.growth = event.cpu, event.memory, event.growth


def _step_failed(run: RunState, event: ev.StepFailed) -> None:
    step = run.step(event.step_key)
    step.status, step.ended, step.seconds = StepStatus.FAILED, event.time, event.seconds
    step.error, step.failure = event.error, event.metadata
    step.cpu, step.memory, step.growth = event.cpu, event.memory, event.growth
    # The first failure is the run's error: later ones often follow from it.
    run.error = run.error or event.error


def _step_skipped(run: RunState, event: ev.StepSkipped) -> None:
    step = run.step(event.step_key)
    # Blocking is passed on: what waits for a blocked step is blocked, too.
    blocked = event.failed and any(_is_blocking(run.steps.get(key)) for key in event.because)
    step.status = StepStatus.BLOCKED if blocked else StepStatus.SKIPPED
    step.because = tuple(_roots(run, event.because)) if blocked else event.because


def _roots(run: RunState, keys: Iterable[str]) -> Iterator[str]:
    """Return what blocked a step, through steps that were blocked themselves."""
    roots: dict[str, None] = {}
    for key in keys:
        step = run.steps.get(key)
        is_blocked = step is not None and step.status is StepStatus.BLOCKED
        roots |= dict.fromkeys(step.because if step is not None and is_blocked else (key,))
    return iter(roots)


def _is_blocking(step: StepState | None) -> bool:
    """Whether a step's dependents wait for a blocking check that did not pass."""
    if step is None:
        return False
    failed = step.error is not None and step.error.cls_name == _CHECK_FAILED
    return failed or step.status is StepStatus.BLOCKED


def _output_yielded(run: RunState, event: ev.OutputYielded | ev.OutputHandled) -> None:
    """Store what the op and its IO manager said of an output side by side."""
    name = event.output_name
    if event.mapping_key is not None:
        name = f"{name}[{event.mapping_key}]"
    outputs = run.step(event.step_key).outputs
    # Two events carry metadata of one output: when it is yielded, and when it is stored.
    outputs[name] = {**outputs.get(name, {}), **event.metadata}


def _asset_planned(run: RunState, event: ev.AssetPlanned) -> None:
    if event.step_key is not None:
        run.makes_assets[event.step_key] = True


def _check_planned(run: RunState, event: ev.AssetCheckPlanned) -> None:
    if event.step_key is not None:  # a step may make an asset and check it
        run.makes_assets.setdefault(event.step_key, False)


def _materialized(run: RunState, event: ev.AssetMaterialized) -> None:
    run.materialized[AssetKey(event.asset)] = event


def _checked(run: RunState, event: ev.AssetCheckEvaluated) -> None:
    run.checked[AssetKey(event.asset), event.check] = event


def _noted(run: RunState, event: ev.EngineNote) -> None:
    if event.pid:
        run.where, run.pid = event.where, event.pid
    if event.step_key is not None and "pool" in event.metadata:
        run.step(event.step_key).pool = str(event.metadata["pool"])


def _logged(run: RunState, event: ev.Logged) -> None:
    run.logs += 1
    if event.step_key is not None:
        run.step(event.step_key).logs += 1


_HANDLERS: dict[type[ev.Event], Callable[[RunState, Any], None]] = {
    ev.RunQueued: _run_queued,
    ev.RunStarting: _run_starting,
    ev.RunStarted: _run_started,
    ev.RunSucceeded: _run_succeeded,
    ev.RunFailed: _run_failed,
    ev.RunCanceling: _run_canceling,
    ev.RunCanceled: _run_canceled,
    ev.StepStarted: _step_started,
    ev.StepRestarted: _step_restarted,
    ev.StepProgressed: _step_progressed,
    ev.StepRetried: _step_retried,
    ev.StepSucceeded: _step_succeeded,
    ev.StepFailed: _step_failed,
    ev.StepSkipped: _step_skipped,
    ev.OutputYielded: _output_yielded,
    ev.OutputHandled: _output_yielded,
    ev.AssetPlanned: _asset_planned,
    ev.AssetCheckPlanned: _check_planned,
    ev.AssetMaterialized: _materialized,
    ev.AssetCheckEvaluated: _checked,
    ev.EngineNote: _noted,
    ev.Logged: _logged,
}
