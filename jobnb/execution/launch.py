"""`launch`: begin a run in the background and hold it in a hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobnb.definitions.jobs.job import JobDefinition
from jobnb.errors import InvalidInvocationError
from jobnb.execution.background import MAX_RUNTIME_TAG, Run
from jobnb.execution.begin import begin_run
from jobnb.execution.either import either
from jobnb.execution.live import cancel_all, find, running
from jobnb.execution.materialize import ASSET_JOB
from jobnb.execution.reexecution import ReexecutionOptions, parent_of
from jobnb.execution.run import HANDLED, RunScope
from jobnb.execution.run_job import in_memory_resources
from jobnb.execution.stopping import Stop
from jobnb.execution.waiting import RunCanceledError, StillRunningError
from jobnb.plan.partitions import PartitionsAsked
from jobnb.registry.selecting import job_finder, pinned, see_known
from jobnb.registry.session import Session, current_session
from jobnb.storage.instance import Instance

__all__ = [
    "MAX_RUNTIME_TAG",
    "Run",
    "RunCanceledError",
    "StillRunningError",
    "cancel_all",
    "find",
    "launch",
    "launch_session",
    "rerun",
    "running",
]

FindJob = Callable[[], JobDefinition]


def launch(
    job: JobDefinition,
    run_config: Any = None,
    *,
    instance: Instance | None = None,
    partition_key: PartitionsAsked | None = None,
    partition: PartitionsAsked | None = None,
    op_selection: Sequence[str] | None = None,
    asset_selection: Sequence[Any] | None = None,
    asset_check_selection: Sequence[Any] | None = None,
    tags: Mapping[str, str] | None = None,
    resources: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    stale_only: bool = False,
    find_job: FindJob | None = None,
) -> Run:
    """Begin a run of a job in the background.

    Args:
        job: The job.
        run_config: A `RunConfig` or dict; the job's own config if absent.
        instance: Where the history and the values go; that of the session if absent.
        partition_key: The partition that the run is for; or several: a range, some keys.
        partition: A shorter name of `partition_key`.
        op_selection: Ops to run, as `["*a", "b+"]`.
        asset_selection: Assets to make.
        asset_check_selection: Checks to make; those of the assets if absent.
        tags: Tags of the run; `dagster/max_runtime` is how many seconds it may take.
        resources: Values or definitions that take the place of the job's resources.
        run_id: The id of the run; made if absent.
        stale_only: Whether fresh assets are left as they are; see `Session.stale`.
        find_job: Gives the job as it is defined when the run is repeated.

    Returns:
        The run, which has begun.

    Raises:
        InvalidConfigError: If the run config does not fit; nothing has run then.
    """
    asked = either("launch", partition=partition, partition_key=partition_key)
    order = _Order(
        find_job or _finder_of(job),
        instance or current_session().instance,
        resources,
        {
            "run_config": run_config,
            "partition_key": asked,
            "op_selection": op_selection,
            "asset_selection": asset_selection,
            "asset_check_selection": asset_check_selection,
            "tags": tags,
            "stale_only": stale_only,
        },
    )
    return order.begin(job, run_id=run_id, **order.asked)


def launch_session(
    session: Session,
    target: Any = None,
    config: Any = None,
    *,
    partition: PartitionsAsked | None = None,
    run_config: Any = None,
    instance: Instance | None = None,
    partition_key: PartitionsAsked | None = None,
    op_selection: Sequence[str] | None = None,
    asset_selection: Sequence[Any] | None = None,
    asset_check_selection: Sequence[Any] | None = None,
    tags: Mapping[str, str] | None = None,
    resources: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    stale_only: bool = False,
) -> Run:
    """Begin a run of a job of a session, or of the assets that a selection names."""
    __tracebackhide__ = True
    find_job = _finder(session, target)
    return launch(
        find_job(),
        either("launch", config=config, run_config=run_config),
        instance=instance or session.instance,
        partition_key=partition_key,
        partition=partition,
        op_selection=op_selection,
        asset_selection=asset_selection,
        asset_check_selection=asset_check_selection,
        tags=tags,
        resources=resources,
        run_id=run_id,
        stale_only=stale_only,
        find_job=find_job,
    )


def rerun(
    run_id: str,
    instance: Instance | None = None,
    *,
    from_failure: bool = False,
    steps: Sequence[str] | None = None,
) -> Run:
    """Repeat a run of the history in the background, with the job as the session knows it now.

    Args:
        run_id: The run to repeat.
        instance: Where its history is; the session's if absent.
        from_failure: Only what did not succeed; the rest is loaded from that run.
        steps: Only these steps, as `["clean+"]`.

    Raises:
        RunNotFoundError: If there is no such run.
        InvalidSubsetError: If the session does not know its job.
    """
    known = find(run_id)
    if known is not None and instance in (None, known.instance):
        return known.rerun(from_failure, steps)
    session = current_session()
    instance = instance or session.instance
    parent = parent_of(instance, run_id)
    if parent.job_name == ASSET_JOB:
        keys = sorted(parent.asset_selection or (), key=lambda key: tuple(key.path))
        checks = sorted(parent.asset_check_selection or ())
        order = _Order(_finder(session, [*keys, *checks]), instance)
    else:
        see_known(session, parent.job_name)
        order = _Order(lambda: session.job(parent.job_name), instance)
    return order.repeat(run_id, from_failure=from_failure, steps=steps)


@dataclass(frozen=True)
class _Order:
    """What was asked for, so that it can be asked for again.

    Attributes:
        find_job: Gives the job as it is defined now.
        instance: Where the history and the values go.
        resources: What takes the place of the job's resources.
        asked: The rest, as `begin_run` takes it.
    """

    find_job: FindJob
    instance: Instance
    resources: Mapping[str, Any] | None = None
    asked: dict[str, Any] = field(default_factory=dict)

    def begin(self, job: JobDefinition, **asked: Any) -> Run:
        """Begin a run."""
        __tracebackhide__ = True
        in_memory = self.instance.is_ephemeral
        stop = Stop()
        scope = begin_run(
            job,
            self.instance,
            resources=in_memory_resources(job, self.resources) if in_memory else self.resources,
            keep_outputs=in_memory,
            stop=stop,
            **asked,
        )
        if in_memory:
            _take_from_memory(scope)
        return Run(scope, stop, self.repeat)

    def repeat(self, run_id: str, *, from_failure: bool, steps: Sequence[str] | None) -> Run:
        """Begin the same again, or a part of it."""
        if from_failure and steps:
            raise InvalidInvocationError("rerun has from_failure and steps. Keep one.")
        asked = {**self.asked, "stale_only": False}
        if from_failure:
            options = ReexecutionOptions.from_failure(run_id, self.instance)
        else:
            # What a run of stale assets has made is fresh by now: its own steps are repeated.
            own = parent_of(self.instance, run_id) if self.asked.get("stale_only") else None
            keys = own.step_keys_to_execute if own is not None else None
            options = ReexecutionOptions(run_id, list(steps or keys or ()))
        return self.begin(self.find_job(), options=options, **asked)


def _take_from_memory(scope: RunScope) -> None:
    """Values of an earlier run that nothing stores are had from that run itself."""
    for slot, run_id in list(scope.origins.items()):
        earlier = find(run_id)
        value = _value_of(earlier, scope, slot) if earlier is not None else HANDLED
        if value is not HANDLED:
            scope.values[slot] = value


def _value_of(run: Run, scope: RunScope, slot: int) -> Any:
    step, output = next(
        (step, output)
        for step in scope.plan.steps
        for output in step.outputs
        if output.slot == slot
    )
    index = run.plan.step_by_key.get(step.key)
    own = run.plan.steps[index].output(output.name) if index is not None else None
    return run._scope.values[own.slot] if own is not None else HANDLED


# --- finding the job ------------------------------------------------------


def _finder_of(job: JobDefinition) -> FindJob:
    """The job itself; if it is the session's, whatever the session calls so by then."""
    session = current_session()
    entry = session.catalogue.by_name("job").get(job.name)
    if entry is not None and entry.definition is job:
        return lambda: session.job(job.name)
    return lambda: job


def _finder(session: Session, target: Any) -> FindJob:
    """A job by name or as such, else a selection of assets."""
    find_job = job_finder(session, target)
    if find_job is not None:
        return find_job
    chosen = pinned(session, target)
    return lambda: session.snapshot().job_of_assets(ASSET_JOB, chosen)
