"""How many seconds a run may take, as its tag `dagster/max_runtime` says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jobnb.errors import JobnbError
from jobnb.execution.run import RunScope
from jobnb.execution.stopping import Interrupts, RunInterrupter
from jobnb.storage.run import JobRun

MAX_RUNTIME_SECONDS_TAG = "dagster/max_runtime"
"""The tag that holds how many seconds a run may take."""


class RunTimeoutError(JobnbError, TimeoutError):
    """A run took longer than its tag `dagster/max_runtime` allows."""


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
def ended_from_outside(run: RunScope) -> Iterator[None]:
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
