"""Launch a run that is in the history already, and has not begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobnb.errors import InvariantViolationError
from jobnb.execution.launch import asked_again, launch
from jobnb.execution.reexecution import ReexecutionOptions, parent_of
from jobnb.execution.spec import RunSpec
from jobnb.execution.start import plan_of
from jobnb.state import RunStatus
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun

if TYPE_CHECKING:
    from jobnb.registry.session import Session

_WAITS = (RunStatus.NOT_STARTED, RunStatus.QUEUED)


def launch_recorded(session: Session, instance: Instance, run_id: str) -> JobRun:
    """Launch a recorded run in the background, with the job as the session knows it now.

    Its record is written again, with what the plan adds, once the run can be planned.

    Raises:
        RunNotFoundError: If there is no such run.
        InvariantViolationError: If it has begun already.
        InvalidSubsetError: If the session does not know its job.
    """
    run = parent_of(instance, run_id)
    if run.status not in _WAITS:
        raise InvariantViolationError(
            f"The run {run_id} has begun already: it is {run.status.value.lower()}."
        )
    parent = run.parent_run_id
    repeats = ReexecutionOptions(parent, run.step_keys_to_execute or ()) if parent else None
    spec = RunSpec(
        job=asked_again(session, run, instance).job,
        instance=instance,
        config=run.run_config,
        op_selection=run.op_selection,
        asset_selection=sorted(run.asset_selection) if run.asset_selection else None,
        tags=run.tags,
        run_id=run_id,
        repeats=repeats,
    )
    plan_of(spec)  # what cannot be planned stays as it is recorded
    instance.delete_run(run_id)
    return launch(spec).record
