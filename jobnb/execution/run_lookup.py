"""Runs of the history by id: the one that is active here, or one that another process does."""

from __future__ import annotations

from collections.abc import Sequence

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.errors import JobnbError, RunNotFoundError
from jobnb.execution.background import Run
from jobnb.execution.followed import FollowedRun
from jobnb.execution.launch import asked_again, rerun_stored
from jobnb.execution.run import RunScope
from jobnb.execution.start import plan_of
from jobnb.execution.task import find
from jobnb.plan.build import build_plan
from jobnb.plan.step import Plan
from jobnb.registry.session import Session
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun
from jobnb.storage.run_log import FollowedLog

_LATEST = 2000
_FIRST = 8


def look_up(session: Session, run_id: str, instance: Instance) -> Run:
    """Return a run of the history as its launcher has it: status, events, result, cancel.

    Args:
        session: Knows the job, for its graph and to load values; without it, the log is all.
        run_id: The run, or how its id begins.
        instance: Where the history is.

    Raises:
        RunNotFoundError: If there is no such run, or several begin so.
    """
    run_id = full_id(instance, run_id)
    known = find(Run, run_id)
    # One that was looked up before its job was defined is looked up again.
    if known is not None and known.instance is instance and known.plan.steps:
        return known
    record = instance.get_run_by_id(run_id)
    if record is None:
        raise RunNotFoundError(f"There is no run {run_id!r} in {_place(instance)}.")

    def repeat(run_id: str, *, from_failure: bool, steps: Sequence[str] | None) -> Run:
        return rerun_stored(session, run_id, instance, from_failure=from_failure, steps=steps)

    plan = _plan(session, record, instance)
    log = FollowedLog(record)
    return FollowedRun(RunScope(plan, instance, record, log, keep_outputs=False), repeat)


def full_id(instance: Instance, begins: str) -> str:
    """Return the id of the run that begins so.

    Raises:
        RunNotFoundError: If none of the latest does, or several do.
    """
    if find(Run, begins) is not None or instance.has_run(begins):
        return begins
    latest = [str(each) for each in instance.get_run_ids(limit=_LATEST)]
    found = [each for each in latest if each.startswith(begins)]
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(each[:_FIRST] for each in found[:5])
        raise RunNotFoundError(f"{len(found)} runs begin with {begins!r}: {some}.")
    raise RunNotFoundError(
        f"There is no run {begins!r} in {_place(instance)}. `jobnb run list`, or session.runs in "
        "a notebook, gives the latest."
    )


def _place(instance: Instance) -> str:
    return repr(instance) if instance.home is None else str(instance.home)


def _plan(session: Session, record: JobRun, instance: Instance) -> Plan:
    """Build the plan of a run, as its job is defined now; None for an unknown job."""
    try:
        return plan_of(asked_again(session, record, instance))
    except JobnbError:
        return build_plan(JobDefinition(GraphDefinition(record.job_name)))
