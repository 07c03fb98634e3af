"""A backfill of a job: what is asked for becomes one run for each partition, and begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.automation.backfill import Backfill
from jobnb.automation.job_runs import JobLedger, JobPart, JobRuns, JobSetting, goes_in_order
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.errors import InvalidDefinitionError, InvalidInvocationError, UnknownPartitionError
from jobnb.plan.asset_job import AssetGraphDefinition
from jobnb.plan.partitions import PartitionsAsked, keys_asked
from jobnb.plan.run_config import kept_config
from jobnb.staleness.standing_jobs import as_it_stands, nothing_stands_so
from jobnb.storage.backfill import PartitionBackfill
from jobnb.storage.instance import Instance
from jobnb.storage.partition_history import AssetPartitionStatus
from jobnb.storage.process import this_process

__all__ = ["backfill_job", "job_target", "resume_job"]


def backfill_job(
    job: JobDefinition,
    partitions: PartitionsAsked | None,
    instance: Instance,
    *,
    only_missing: bool = False,
    only_failed: bool = False,
    tags: Mapping[str, str] | None = None,
    max_parallel: int = 1,
    config: Any = None,
    resources: Mapping[str, Any] | None = None,
) -> Backfill:
    """Begin a backfill of a job; see `JobDefinition.backfill`."""
    __tracebackhide__ = True
    job = as_it_stands(job, instance)
    target = job_target(
        job, partitions, instance, only_missing=only_missing, only_failed=only_failed
    )
    if nothing_stands_so(job):
        target = target.partitions_def.empty_subset()
    record = PartitionBackfill(
        tags=dict(tags or {}),
        asset_selection=_assets_of(job),
        partitions={job.name: target.serialize()},
        run_config=kept_config(job, config, resources),
        holder=this_process(),
        job_name=job.name,
    )
    setting = JobSetting(record.backfill_id, job, instance, record.tags, config, resources)
    return _begin(record, setting, target, max_parallel)


def resume_job(
    job: JobDefinition,
    record: PartitionBackfill,
    instance: Instance,
    *,
    max_parallel: int = 1,
    resources: Mapping[str, Any] | None = None,
) -> Backfill:
    """Go on with a backfill of a job: partitions whose last run since it began did not succeed."""
    if job.asset_layer is not None and job.asset_layer.is_undecided:
        job = job.get_subset(asset_selection=record.asset_selection)
    asked = _partitions_of(job).deserialize_subset(record.partitions[job.name] or "")
    since = record.backfill_timestamp
    standing = instance.get_job_status_by_partition(job.name, asked, asked.partitions_def, since)
    target = asked.partitions_def.subset_with_partition_keys(
        key for key, how in standing.items() if how is not AssetPartitionStatus.MATERIALIZED
    )
    record = PartitionBackfill(
        record.backfill_id,
        backfill_timestamp=since,
        tags=record.tags,
        asset_selection=record.asset_selection,
        partitions=record.partitions,
        run_config=record.run_config,
        holder=this_process(),
        job_name=job.name,
    )
    setting = JobSetting(
        record.backfill_id, job, instance, record.tags, record.run_config, resources
    )
    return _begin(record, setting, target, max_parallel, again=True)


def _begin(
    record: PartitionBackfill,
    setting: JobSetting,
    target: PartitionsSubset,
    max_parallel: int,
    *,
    again: bool = False,
) -> Backfill:
    if max_parallel < 1:
        raise InvalidInvocationError(
            f"max_parallel={max_parallel!r}: a backfill does at least one run at a time."
        )
    part = JobPart(target, goes_in_order(setting.job))
    runs = JobRuns(setting)
    runs.see_that_it_fits(target)
    instance = setting.instance
    return Backfill.begin(
        record, instance, [part], runs, JobLedger(), max_parallel, setting.job, again=again
    )


def job_target(
    job: JobDefinition,
    asked: PartitionsAsked | None,
    instance: Instance,
    *,
    only_missing: bool = False,
    only_failed: bool = False,
) -> PartitionsSubset:
    """The partitions that a backfill of a job runs.

    Args:
        job: The job.
        asked: The partitions; all if None.
        instance: Where it ran, and where the keys of dynamic partitions are.
        only_missing: Only those for which it never ran to an end.
        only_failed: Only those whose last run failed.

    Raises:
        InvalidDefinitionError: If the job has no partitions.
        UnknownPartitionError: If it has no such partition.
    """
    definition = _partitions_of(job)
    target = _asked_of(job, definition, asked, instance)
    if not only_missing and not only_failed:
        return target
    wanted = None if only_missing else AssetPartitionStatus.FAILED
    standing = instance.get_job_status_by_partition(job.name, target, definition)
    return definition.subset_with_partition_keys(
        key for key, how in standing.items() if how is wanted
    )


def _asked_of(
    job: JobDefinition,
    definition: PartitionsDefinition,
    asked: PartitionsAsked | None,
    instance: Instance,
) -> PartitionsSubset:
    if asked is None:
        return definition.subset_with_all_partitions(dynamic_partitions_store=instance)
    if isinstance(asked, PartitionsSubset) and asked.partitions_def != definition:
        raise InvalidInvocationError(f"{asked!r} is of other partitions than the job {job.name!r}.")
    try:
        return definition.subset_with_partition_keys(keys_asked(definition, asked, instance))
    except UnknownPartitionError as error:
        raise UnknownPartitionError(f"The job {job.name!r}: {error}") from None


def _partitions_of(job: JobDefinition) -> PartitionsDefinition:
    if job.partitions_def is None:
        raise InvalidDefinitionError(
            f"The job {job.name!r} has no partitions to backfill. Give it a partitions_def or a "
            "PartitionedConfig, or launch it."
        )
    return job.partitions_def


def _assets_of(job: JobDefinition) -> tuple[Any, ...]:
    """The assets that it makes, in order."""
    if not isinstance(job.graph, AssetGraphDefinition):
        return ()
    return tuple(sorted(key for each in job.graph.assets_by_node.values() for key in each.keys))
