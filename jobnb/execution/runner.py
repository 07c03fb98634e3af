"""Execute a run in this process: its turn, its steps one after the other, its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import time as now

from jobnb.errors import ExecutionInterruptedError, JobnbError, ResourceFunctionError
from jobnb.events import (
    AssetCheckPlanned,
    AssetPlanned,
    EngineNote,
    ErrorInfo,
    Event,
    RunCanceled,
    RunFailed,
    RunQueued,
    RunStarted,
    RunStarting,
    RunSucceeded,
    StepFailed,
)
from jobnb.execution.executors.choice import run_steps
from jobnb.execution.log import listening
from jobnb.execution.resources import close_resources
from jobnb.execution.result import ExecuteInProcessResult
from jobnb.execution.run import RunScope, current_run
from jobnb.execution.spec import RunSpec
from jobnb.execution.start import start
from jobnb.execution.stopping import Interrupts, RunInterrupter
from jobnb.execution.trace import error_info, without_own_frames
from jobnb.execution.watch import tell_raising, waiting, watched, watchers
from jobnb.state import RunStatus
from jobnb.storage.run import JobRun

MAX_RUNTIME_SECONDS_TAG = "dagster/max_runtime"
"""The tag that holds how many seconds a run may take."""


class RunTimeoutError(JobnbError, TimeoutError):
    """A run took longer than its tag `dagster/max_runtime` allows."""


def execute(spec: RunSpec, *, raise_on_error: bool = True) -> ExecuteInProcessResult:
    """Execute a run spec in this process, wait for its end and return the result.

    Args:
        spec: What is asked for.
        raise_on_error: Whether a failure is raised, after all that could run has run.

    Raises:
        InvalidConfigError: If the run config does not fit; nothing has run then.
        ExecutionInterruptedError: If Ctrl-C came; the run is canceled then, if it had not ended.
        Exception: What the first failing step raised, if `raise_on_error`.
    """
    __tracebackhide__ = True
    with Interrupts(lambda: spec.words) as interrupts:
        run = start(spec, interrupts)
        conduct(run, raise_on_error)
        return ExecuteInProcessResult.of(run)


def conduct(run: RunScope, raise_on_error: bool) -> None:
    """Run all steps; a failure is raised, if it should be, after all that could run has run."""
    __tracebackhide__ = True
    try:
        with watched(run, watchers or waiting):
            run_all(run)
    except (ResourceFunctionError, RunTimeoutError):
        if raise_on_error:
            tell_raising(run)
            raise
    if run.failed_steps and raise_on_error:
        tell_raising(run)
        raise first_failure(run)


def first_failure(run: RunScope) -> BaseException:
    """Return the error of the first failed step, with notes on its place and other failures."""
    (key, error), *others = run.failed_steps.items()
    here = error_info(error)
    # An error that came from another process has left its traceback there; the log has it.
    info = here if here.stack else _logged_failure(run, key) or here
    where = f" ({info.where})" if info.where else ""
    error.add_note(f"in step {key!r}{where}, run {run.run_id}")
    if info is not here and info.source:
        error.add_note(info.source)
    if others:
        error.add_note("also failed: " + ", ".join(other for other, _ in others))
    return error.with_traceback(without_own_frames(error))


def _logged_failure(run: RunScope, key: str) -> ErrorInfo | None:
    """Return the failure of a step from the log."""
    told = (e for e in reversed(run.events) if isinstance(e, StepFailed) and e.step_key == key)
    return next((event.error for event in told), None)


def run_all(run: RunScope) -> None:
    """Execute a plan; the run's log records how it ended.

    Raises:
        ExecutionInterruptedError: If it was interrupted; resources are torn down then.
        ResourceFunctionError: If a resource could not be set up.
        InvariantViolationError: If this is a copy (a fork) of the process that does the run.
    """
    try:
        _run_all(run)
    except BaseException as error:
        if not run.stop.left:
            raise
        run.stop.part(error, run.plan.words)


def _run_all(run: RunScope) -> None:
    name = run.plan.job.name
    token = current_run.set(run)
    end: Event
    try:
        run.stop.begin()
        _await_turn(run)
        if run.instance.is_persistent and run.plan.has_pools:
            from jobnb.execution.pools import Pools

            run.pools = Pools(run.run_id, run.instance, run.append)
        _announce(run)
        with _ended_from_outside(run), run.around, listening(run):
            try:
                run_steps(run)
            finally:
                close_resources(run)
        run.stop.check()
        end = (
            RunFailed(now(), name, tuple(run.failed_steps))
            if run.failed_steps
            else RunSucceeded(now(), name)
        )
    except KeyboardInterrupt as interrupt:
        end = _interrupted(run, interrupt)
        words = run.plan.words
        if run.stop.is_failure and isinstance(run.stop, Interrupts):
            raise RunTimeoutError(
                f"{words[0].upper()}{words[1:]} failed: {run.stop.reason} {_what_is_left(run)}"
            ) from None
        raise ExecutionInterruptedError(
            f"{words[0].upper()}{words[1:]} was interrupted. {_what_is_left(run)}"
        ) from interrupt
    except BaseException as error:
        # Nothing of the user's code gets here but a resource that could not be set up,
        # or a process that is told to exit.
        failed = ResourceFunctionError if isinstance(error, ResourceFunctionError) else None
        cause = error.user_exception if failed and isinstance(error, failed) else error
        end = RunFailed(now(), name, (), error_info(cause or error))
        raise
    finally:
        run.stop.shield()
        run.current_key = run.attempt = run.context = None
        run.meter.leave()
        if run.pools is not None and not run.stop.left:
            run.pools.close()
        current_run.reset(token)
        if not run.stop.left:
            run.append(end)
        run.stop.end()
        run.run_log.close()


def _announce(run: RunScope) -> None:
    plan = run.plan
    keys = tuple(plan.steps[index].key for group in run.groups for index in group)
    run.append(RunStarted(now(), plan.job.name, keys))
    for note in run.notes:
        run.append(EngineNote(now(), note))
    _plan_assets(run)
    run.run_log.commit()


def _what_is_left(run: RunScope) -> str:
    """Tell where the values of a run are whose end came early."""
    if run.instance.is_ephemeral:
        return "It was in memory only: session.launch and session.execute_job keep what succeeds."
    return f"What had succeeded is kept (run {run.run_id})."


def _interrupted(run: RunScope, interrupt: KeyboardInterrupt) -> RunCanceled | RunFailed:
    """Return the outcome of an interrupted run: by its cancellation, or by Ctrl-C."""
    stop, name = run.stop, run.plan.job.name
    if not stop.wanted:
        return RunCanceled(now(), name, error_info(interrupt))
    why = ErrorInfo("Stopped", stop.reason) if stop.reason else None
    if stop.is_failure:
        return RunFailed(now(), name, tuple(run.failed_steps), why)
    return RunCanceled(now(), name, why)


def _plan_assets(run: RunScope) -> None:
    if run.plan.job.asset_layer is not None:
        from jobnb.execution.provenance import Provenance  # which only assets have

        run.provenance = Provenance(run)
    keys = run.plan.partitions.keys if run.plan.partitions is not None else ()
    for step in run.plan.steps:
        for spec in step.checks:
            if run.chosen is None or step.index in run.chosen:
                path = tuple(spec.asset_key.path)
                run.append(AssetCheckPlanned(now(), step.key, path, spec.name))
        if step.assets_def is not None and (run.chosen is None or step.index in run.chosen):
            own = keys if step.assets_def.partitions_def is not None else ()
            for out in step.outputs:
                if out.asset_key is not None and out.is_asked:
                    path = tuple(out.asset_key.path)
                    for key in own or (None,):
                        run.append(AssetPlanned(now(), step.key, path, key and str(key)))


# --- its turn, and how long it may take ----------------------------------------------


def _await_turn(run: RunScope) -> None:
    """Wait until a run may begin, if it was queued; it can be canceled meanwhile."""
    if run.record.status is not RunStatus.QUEUED:
        return
    run.append(RunQueued(now(), run.plan.job.name))
    queue, told = run.instance.run_queue, False
    while not (turn := queue.ask(run.run_id)).is_mine:
        if not told:
            told = True
            words = (
                f"It waits for its turn: {turn.place} queued run{'s'[: turn.place != 1]} before it."
            )
            run.append(EngineNote(now(), words))
        run.run_log.commit()
        run.stop.pause(turn.pause)
    run.stop.check()
    run.append(RunStarting(now()))
    run.run_log.commit()


def max_runtime(record: JobRun) -> float | None:
    """How many seconds a run may take; None if it may take any."""
    try:
        return float(record.tags[MAX_RUNTIME_SECONDS_TAG])
    except (KeyError, ValueError):
        return None


def late_words(seconds: float) -> str:
    """Return the message for a run that took too long."""
    return f"It took longer than {seconds:g} s, its {MAX_RUNTIME_SECONDS_TAG}."


@contextmanager
def _ended_from_outside(run: RunScope) -> Iterator[None]:
    """While it lasts, a run that its caller waits for ends when it takes too long, or is asked to.

    One in the background has a notifier that looks after both.
    """
    stop = run.stop
    if not isinstance(stop, Interrupts):
        yield
        return
    ender, most = RunInterrupter(stop), max_runtime(run.record)
    control = run.instance.control if run.instance.is_persistent else None
    if control is not None:
        control.listen(run.run_id, ender.cancel)
    if most is not None:
        ender.after(most, late_words(most))
    try:
        yield
    finally:
        ender.silence()
        if control is not None:
            control.unlisten(run.run_id)
