"""Running a job in this process, from the plan to the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobnb.definitions.jobs.job import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore
from jobnb.definitions.plain import check_tags
from jobnb.definitions.selections.selection_parts import check_keys_of
from jobnb.errors import InvariantViolationError, ResourceFunctionError
from jobnb.execution.either import either
from jobnb.execution.leaving_out import keep_fresh
from jobnb.execution.result import ExecuteInProcessResult
from jobnb.execution.run import RunScope
from jobnb.execution.runner import run_all
from jobnb.execution.trace import error_info, without_own_frames
from jobnb.execution.watch import watched, watchers
from jobnb.plan.build import build_plan
from jobnb.plan.partitions import (
    PARTITION_TAGS,
    PartitionsAsked,
    RunPartitions,
    asked_in_tags,
    run_partitions,
)
from jobnb.plan.step import Plan
from jobnb.staleness.choice import StaleChoice
from jobnb.staleness.standing_jobs import as_it_stands, nothing_stands_so
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun, new_run_id

if TYPE_CHECKING:
    from jobnb.registry.session import Session

__all__ = [
    "conduct",
    "execute_in_process",
    "execute_plan",
    "execute_session_job",
    "in_memory_resources",
    "run_tags",
    "subset_of",
]


def execute_in_process(
    job: JobDefinition,
    *,
    run_config: Any = None,
    instance: Instance | None = None,
    partition_key: PartitionsAsked | None = None,
    raise_on_error: bool = True,
    op_selection: Sequence[str] | None = None,
    asset_selection: Sequence[Any] | None = None,
    asset_check_selection: Sequence[Any] | None = None,
    run_id: str | None = None,
    input_values: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    resources: Mapping[str, Any] | None = None,
    keep_outputs: bool = True,
) -> ExecuteInProcessResult:
    """Run a job in this process; see `JobDefinition.execute_in_process`."""
    __tracebackhide__ = True
    instance = instance or Instance.ephemeral()
    job = as_it_stands(job, instance)
    job = subset_of(job, op_selection, asset_selection, asset_check_selection)
    tags = {**job.tags, **(tags or {})}
    asked = asked_in_tags(job, tags) if partition_key is None else partition_key
    partitions = run_partitions(job, asked, instance)
    plan = build_plan(
        job,
        run_config=run_config,
        input_values=input_values,
        partitions=partitions,
        resources=in_memory_resources(job, resources),
    )
    tags = run_tags(job, tags, partitions, instance)
    return execute_plan(plan, instance, run_id, tags, raise_on_error, keep_outputs)


def execute_session_job(
    session: Session,
    job: Any,
    *,
    config: Any = None,
    partition: PartitionsAsked | None = None,
    run_config: Any = None,
    instance: Instance | None = None,
    partition_key: PartitionsAsked | None = None,
    raise_on_error: bool = True,
    op_selection: Sequence[str] | None = None,
    asset_selection: Sequence[Any] | None = None,
    asset_check_selection: Sequence[Any] | None = None,
    run_id: str | None = None,
    input_values: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    resources: Mapping[str, Any] | None = None,
    keep_outputs: bool = True,
) -> ExecuteInProcessResult:
    """Run a job of a session, by name or as such; the history is that of the session."""
    __tracebackhide__ = True
    name = job if isinstance(job, str) else job.name
    known = not isinstance(job, JobDefinition) or name in session.catalogue.by_name("job")
    return execute_in_process(
        session.job(name) if known else job,
        run_config=either("execute_job", config=config, run_config=run_config),
        instance=instance or session.instance,
        partition_key=either("execute_job", partition=partition, partition_key=partition_key),
        raise_on_error=raise_on_error,
        op_selection=op_selection,
        asset_selection=asset_selection,
        asset_check_selection=asset_check_selection,
        run_id=run_id,
        input_values=input_values,
        tags=tags,
        resources=resources,
        keep_outputs=keep_outputs,
    )


def execute_plan(
    plan: Plan,
    instance: Instance,
    run_id: str | None,
    tags: Mapping[str, str],
    raise_on_error: bool,
    keep_outputs: bool,
    choice: StaleChoice | None = None,
) -> ExecuteInProcessResult:
    """Run a plan in this process and give its result; with a choice, only the part chosen."""
    __tracebackhide__ = True
    job = plan.job
    chosen = job.asset_selection or (frozenset(plan.asset_keys) if job.asset_layer else None)
    record = instance.create_run(
        JobRun(
            job.name,
            run_id or new_run_id(),
            run_config=plan.run_config,
            asset_selection=chosen or None,
            asset_check_selection=plan.check_selection,
            op_selection=job.op_selection,
            step_keys_to_execute=_keys_of(plan, choice),
            tags=tags,
        )
    )
    steps = choice.steps if choice is not None else None
    run = RunScope(plan, instance, record, instance.open_log(record), keep_outputs, steps)
    if choice is not None:
        keep_fresh(run, choice)
    run.notes += filter(None, [nothing_stands_so(job)])
    conduct(run, raise_on_error)
    return ExecuteInProcessResult(run)


def _keys_of(plan: Plan, choice: StaleChoice | None) -> list[str] | None:
    """The steps that run, in order; None for all."""
    if choice is None:
        return None
    return [plan.steps[i].key for group in plan.order for i in group if i in choice.steps]


def conduct(run: RunScope, raise_on_error: bool) -> None:
    """Run it to its end; what failed is raised if it should be, after all that could has run."""
    __tracebackhide__ = True
    try:
        with watched(run, watchers):
            run_all(run)
    except ResourceFunctionError:
        if raise_on_error:
            raise
    if run.failed_steps and raise_on_error:
        raise first_failure(run)


def first_failure(run: RunScope) -> BaseException:
    """What the first failing step raised, with notes that tell where, and which others failed."""
    (key, error), *others = run.failed_steps.items()
    info = error_info(error)
    where = f" ({info.where})" if info.where else ""
    error.add_note(f"in step {key!r}{where}, run {run.run_id}")
    if others:
        error.add_note("also failed: " + ", ".join(other for other, _ in others))
    return error.with_traceback(without_own_frames(error))


def subset_of(
    job: JobDefinition,
    op_selection: Sequence[str] | None,
    asset_selection: Sequence[Any] | None,
    asset_check_selection: Sequence[Any] | None = None,
) -> JobDefinition:
    """The part of a job that is selected.

    Raises:
        InvariantViolationError: If assets are selected of a job that makes none.
    """
    checks = asset_check_selection
    if (asset_selection or checks) and job.asset_layer is None:
        name = "asset_selection" if asset_selection else "asset_check_selection"
        raise InvariantViolationError(
            f"The job {job.name!r} makes no assets: {name} has nothing to choose from. "
            "Use op_selection."
        )
    if not op_selection and not asset_selection and checks is None:
        return job
    return job.get_subset(
        op_selection=op_selection,
        asset_selection=[AssetKey.from_coercible(key) for key in asset_selection or ()] or None,
        asset_check_selection=(
            None if checks is None else [key for each in checks for key in check_keys_of(each)]
        ),
    )


def run_tags(
    job: JobDefinition,
    tags: Mapping[str, str] | None,
    partitions: RunPartitions | None,
    store: DynamicPartitionsStore | None,
) -> dict[str, str]:
    """The tags of a run: those of the job, of its partitions, and those given."""
    merged = {**job.tags, **check_tags(tags, f"a run of {job.name!r}")}
    if partitions is None:
        return merged
    config, key = job.partitioned_config, partitions.single
    if config is not None and key is not None:
        merged = {**config.get_tags_for_partition_key(key), **merged}
    kept = {tag: text for tag, text in merged.items() if tag not in PARTITION_TAGS}
    return {**kept, **partitions.tags(store)}


def in_memory_resources(
    job: JobDefinition, resources: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """The resources given; values stay in memory where neither they nor the job say otherwise.

    Those of assets are stored all the same: what is made can be loaded.
    """
    from jobnb.storage.values import fs_io_manager, mem_io_manager

    if job.asset_layer is not None or (resources and "io_manager" in resources):
        return resources
    if job.resource_defs.get("io_manager", fs_io_manager) is not fs_io_manager:
        return resources
    return {**(resources or {}), "io_manager": mem_io_manager}
