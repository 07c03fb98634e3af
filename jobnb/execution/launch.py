"""Launch runs in the background, and repeat them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.errors import InvalidInvocationError, InvalidSubsetError, StepExecutionError
from jobnb.execution.background import Run
from jobnb.execution.detached import hand_over, see_durable
from jobnb.execution.reexecution import ReexecutionOptions, parent_of
from jobnb.execution.run_retries import (
    ALL_STEPS,
    MAX_RETRIES_TAG,
    RETRY_NUMBER_TAG,
    RETRY_STRATEGY_TAG,
    retry_failed,
)
from jobnb.execution.spec import ASSET_JOB, RunSpec
from jobnb.execution.start import start
from jobnb.execution.stopping import Interrupts, Stop
from jobnb.execution.task import find
from jobnb.registry.redefined import with_present_ops
from jobnb.registry.session import Session
from jobnb.registry.target_resolution import job_finder, pinned, see_known
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun

FindJob = Callable[[], JobDefinition]
"""Gives a job as it is defined by now, when its run is repeated."""


def launch(spec: RunSpec, find_job: FindJob | None = None, *, detach: bool = False) -> Run:
    """Launch a run in the background, or in a process of its own.

    Args:
        spec: What is asked for.
        find_job: Gives the job as it is defined when the run is repeated; that of the spec if
            None.
        detach: Whether a process of its own does it, which outlives this one; as
            `spec.detach`.

    Returns:
        The run: it can be observed, waited for, canceled and repeated, whatever process does it.

    Raises:
        InvalidConfigError: If the run config does not fit; nothing has run then.
        InvalidInvocationError: If it is to be detached and its history is in memory.
        StepExecutionError: If it is to be detached and a definition cannot go to another process.
        ExecutionInterruptedError: If Ctrl-C came; what had begun by then is canceled.
    """
    __tracebackhide__ = True
    in_memory = spec.instance.is_ephemeral
    if detach:
        spec = replace(spec, detach=True)
    if spec.detach:
        see_durable(spec)

    def repeat(run_id: str, *, from_failure: bool, steps: Sequence[str] | None) -> Run:
        job = find_job() if find_job is not None else spec.job
        return launch(_again(replace(spec, job=job), run_id, from_failure, steps), find_job)

    stop = Stop()
    spec_here = replace(spec, in_memory=in_memory, keep_outputs=in_memory)
    with Interrupts(lambda: f"The launch of {spec.words[4:]}") as interrupts:
        scope = start(spec_here, interrupts, stop)
        retries = MAX_RETRIES_TAG in scope.record.tags
        if spec.detach:
            run: Run = hand_over(scope, spec, repeat, retries=retries)
        else:
            again = partial(retry_failed, again=partial(retried, spec, find_job))
            run = Run(scope, stop, repeat, again if retries else None)
        interrupts.undo = run.undo
        return run


def launch_for(session: Session, spec: RunSpec, find_job: FindJob | None = None) -> Run:
    """Launch a run of a session, in a process of its own if the session detaches its runs.

    One that was not asked to be detached, and cannot go to another process, goes on in this one.

    Raises:
        JobnbError: As `launch` does.
    """
    __tracebackhide__ = True
    if session.detaches and not spec.detach and not spec.instance.is_ephemeral:
        try:
            return launch(spec, find_job, detach=True)
        except StepExecutionError:
            return launch(spec, find_job)
    return launch(spec, find_job)


def retried(spec: RunSpec, find_job: FindJob | None, run: Run, number: int) -> Run:
    """Repeat a run that has failed, as its tags ask for, in this process."""
    job = find_job() if find_job is not None else spec.job
    tags = {**(spec.tags or {}), RETRY_NUMBER_TAG: str(number)}
    again = replace(spec, job=job, tags=tags, detach=False)
    from_failure = run.record.tags.get(RETRY_STRATEGY_TAG) != ALL_STEPS
    return launch(_again(again, run.run_id, from_failure, None), find_job)


def rerun(
    session: Session,
    run_id: str,
    instance: Instance,
    *,
    from_failure: bool = False,
    steps: Sequence[str] | None = None,
) -> Run:
    """Repeat a run of the history in the background, with the job as the session knows it now.

    Ops whose cells were run again since the job's own was, are those that these cells define.

    Args:
        session: Knows the job.
        run_id: The run to repeat.
        instance: Where its history is.
        from_failure: Only what did not succeed; the rest is loaded from that run.
        steps: Only these steps, as `["clean+"]`.

    Raises:
        RunNotFoundError: If there is no such run.
        InvalidSubsetError: If the session does not know its job.
    """
    known = find(Run, run_id)
    if known is not None and instance is known.instance:
        return known.rerun(from_failure, steps)
    return rerun_stored(session, run_id, instance, from_failure=from_failure, steps=steps)


def rerun_stored(
    session: Session,
    run_id: str,
    instance: Instance,
    *,
    from_failure: bool,
    steps: Sequence[str] | None,
) -> Run:
    """Repeat a run as the history has it; see `rerun`. One that was detached is so again."""
    parent = parent_of(instance, run_id)
    find_job = _job_finder(session, parent)
    spec = RunSpec(job=find_job(), instance=instance, detach=parent.is_detached)
    return launch_for(session, _again(spec, run_id, from_failure, steps), find_job)


def asked_again(session: Session, run: JobRun, instance: Instance) -> RunSpec:
    """Return the spec of a run of the history, with its job as the session knows it now.

    Raises:
        InvalidSubsetError: If the session does not know its job.
    """
    job = _job_finder(session, run)()
    return RunSpec(job=job, instance=instance, repeats=ReexecutionOptions(run.run_id))


def _job_finder(session: Session, run: JobRun) -> FindJob:
    """Return a function that resolves the job of a run of the history in the session."""
    target: Any = run.job_name
    if target == ASSET_JOB:
        keys = sorted(run.asset_selection or (), key=lambda key: tuple(key.path))
        target = [*keys, *sorted(run.asset_check_selection or ())]

    def find_job() -> JobDefinition:
        try:
            if target == run.job_name:
                see_known(session, target)
            return with_present_ops(session, job_or_assets(session, target)())
        except InvalidSubsetError as error:
            place = f", launched by {run.notebook}," if run.notebook else ""
            raise InvalidSubsetError(
                f"{error}\nWhat the run {run.run_id[:8]}{place} ran must be defined here, too: run "
                "its cells, or session.add(...) the module."
            ) from None

    return find_job


def _again(spec: RunSpec, run_id: str, from_failure: bool, steps: Sequence[str] | None) -> RunSpec:
    """Return the spec of a run that repeats another one, or a part of it."""
    if from_failure and steps:
        raise InvalidInvocationError("rerun has from_failure and steps. Keep one.")
    if from_failure:
        options = ReexecutionOptions.from_failure(run_id, spec.instance)
    else:
        # What a run of stale assets has made is fresh by now: its own steps are repeated.
        own = parent_of(spec.instance, run_id) if spec.stale_only else None
        keys = own.step_keys_to_execute if own is not None else None
        options = ReexecutionOptions(run_id, list(steps or keys or ()))
    return replace(spec, repeats=options, run_id=None, stale_only=False)


# --- finding the job ------------------------------------------------------


def job_or_assets(session: Session, target: Any) -> FindJob:
    """Find a job of a session by name or as such, else the job of a selection of its assets.

    Args:
        session: Whose job it is.
        target: A job or its name, else which assets to materialize; all if None.

    Raises:
        InvalidSubsetError: If the session knows no such job or asset.
    """
    find_job = job_finder(session, target)
    if find_job is not None:
        return find_job
    chosen = pinned(session, target)
    return lambda: session.snapshot().job_of_assets(ASSET_JOB, chosen)
