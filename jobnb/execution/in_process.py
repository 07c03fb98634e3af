"""Execute a run in this process while the caller waits."""

from __future__ import annotations

from jobnb.errors import ResourceFunctionError
from jobnb.events import ErrorInfo, StepFailed
from jobnb.execution.max_runtime import RunTimeoutError
from jobnb.execution.result import ExecuteInProcessResult
from jobnb.execution.run import RunScope
from jobnb.execution.runner import run_all
from jobnb.execution.spec import RunSpec
from jobnb.execution.start import start
from jobnb.execution.stopping import Interrupts
from jobnb.execution.trace import error_info, without_own_frames
from jobnb.execution.watch import tell_raising, waiting, watched, watchers


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
