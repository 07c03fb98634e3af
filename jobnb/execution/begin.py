"""From what is asked for to a run that can begin: the plan is made, the run is in the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobnb.definitions.jobs.job import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvariantViolationError
from jobnb.execution.leaving_out import keep_fresh, stale_choice
from jobnb.execution.reexecution import (
    ReexecutionOptions,
    chosen_steps,
    earlier_outputs,
    parent_of,
)
from jobnb.execution.run import RunScope
from jobnb.execution.run_job import run_tags, subset_of
from jobnb.execution.stopping import Stop
from jobnb.plan.build import build_plan
from jobnb.plan.partitions import PartitionsAsked, asked_in_tags, run_partitions
from jobnb.plan.step import Plan
from jobnb.staleness.standing_jobs import as_it_stands, nothing_stands_so
from jobnb.storage.instance import Instance
from jobnb.storage.run import RESUME_TAG, JobRun, new_run_id

__all__ = ["begin_run"]

PARENT_TAG = "dagster/parent_run_id"
ROOT_TAG = "dagster/root_run_id"


def begin_run(
    job: JobDefinition,
    instance: Instance,
    *,
    run_config: Any = None,
    partition_key: PartitionsAsked | None = None,
    tags: Mapping[str, Any] | None = None,
    op_selection: Sequence[str] | None = None,
    asset_selection: Sequence[Any] | None = None,
    asset_check_selection: Sequence[Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    options: ReexecutionOptions | None = None,
    run_id: str | None = None,
    keep_outputs: bool = False,
    stop: Stop | None = None,
    stale_only: bool = False,
) -> RunScope:
    """A run of a job, new or repeating an earlier one; nothing of it has been done yet.

    Raises:
        InvalidConfigError: If the run config does not fit; there is no run then.
        InvalidSubsetError: If a selection names what is not there.
        RunNotFoundError: If the run to repeat is not there.
    """
    parent = parent_of(instance, options.parent_run_id) if options else None
    if parent is not None:
        _check_same_job(job, parent)
        run_config = parent.run_config if run_config is None else run_config
        op_selection = op_selection or parent.op_selection
        asset_selection = asset_selection or _assets_of(job, parent)
        if asset_check_selection is None and parent.asset_check_selection is not None:
            asset_check_selection = sorted(parent.asset_check_selection)
    if parent is None or not parent.asset_selection:
        job = as_it_stands(job, instance)
    job = subset_of(job, op_selection, asset_selection, asset_check_selection)
    merged = _tags(job, tags, parent, options)
    asked = asked_in_tags(job, merged) if partition_key is None else partition_key
    partitions = run_partitions(job, asked, instance)
    merged = run_tags(job, merged, partitions, instance)
    plan = build_plan(job, run_config=run_config, partitions=partitions, resources=resources)
    steps = options.step_selection if options else ()
    chosen = chosen_steps(plan, steps) if steps else None
    kept = earlier_outputs(plan, instance, parent, chosen) if parent and chosen else {}
    choice = None
    if stale_only and not steps:
        from jobnb.registry.session import current_session  # brings traitlets along

        choice = stale_choice(plan, instance, current_session().place_of)
        chosen = choice.steps
    record = instance.create_run(_record(plan, run_id or new_run_id(), merged, parent, chosen))
    scope = RunScope(plan, instance, record, instance.open_log(record), keep_outputs, chosen, stop)
    for slot, output in kept.items():
        scope.values[slot], scope.origins[slot] = output.value, output.run_id
    if choice is not None:
        keep_fresh(scope, choice)
    scope.notes += filter(None, [nothing_stands_so(job)])
    return scope


def _check_same_job(job: JobDefinition, parent: JobRun) -> None:
    if parent.job_name != job.name:
        raise InvariantViolationError(
            f"The run {parent.run_id} is of the job {parent.job_name!r} and cannot be repeated "
            f"with {job.name!r}."
        )


def _assets_of(job: JobDefinition, parent: JobRun) -> Sequence[AssetKey] | None:
    if job.asset_layer is None or not parent.asset_selection:
        return None
    return sorted(parent.asset_selection, key=lambda key: tuple(key.path))


def _tags(
    job: JobDefinition,
    tags: Mapping[str, Any] | None,
    parent: JobRun | None,
    options: ReexecutionOptions | None,
) -> dict[str, str]:
    """Those of the job, of the run that is repeated, and those given; and where it comes from."""
    if parent is None:
        return {**job.tags, **(tags or {})}
    own = {PARENT_TAG: parent.run_id, ROOT_TAG: parent.root_run_id or parent.run_id}
    if options is not None and options.step_selection:
        own[RESUME_TAG] = "true"
    inherited = {key: value for key, value in parent.tags.items() if key != RESUME_TAG}
    return {**job.tags, **inherited, **(tags or {}), **own}


def _record(
    plan: Plan,
    run_id: str,
    tags: Mapping[str, str],
    parent: JobRun | None,
    chosen: frozenset[int] | None,
) -> JobRun:
    """The run as it is stored."""
    keys = [plan.steps[index].key for group in plan.order for index in group]
    return JobRun(
        plan.job.name,
        run_id,
        run_config=plan.run_config,
        asset_selection=frozenset(plan.asset_keys) or None,
        asset_check_selection=plan.check_selection,
        op_selection=plan.job.op_selection,
        step_keys_to_execute=(
            [key for key in keys if plan.step_by_key[key] in chosen] if chosen is not None else None
        ),
        tags=tags,
        parent_run_id=parent.run_id if parent else None,
        root_run_id=(parent.root_run_id or parent.run_id) if parent else None,
    )
