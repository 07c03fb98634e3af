"""`session.backfill` and `job.backfill`: what is asked for becomes runs, and begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from jobnb.automation.backfill import Backfill
from jobnb.automation.backfill_chunks import groups_of
from jobnb.automation.backfill_nodes import BackfillNode, Target, node_of_job, nodes_of
from jobnb.automation.backfill_targets import (
    failed_targets,
    find_targets,
    job_target,
    missing_targets,
    stale_targets,
)
from jobnb.automation.backfill_work import BackfillRuns, Setting
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.errors import InvalidInvocationError, InvalidSubsetError, InvariantViolationError
from jobnb.execution.spec import ASSET_JOB
from jobnb.execution.task import find
from jobnb.plan.asset_job import AssetGraphDefinition
from jobnb.plan.partitions import PartitionsAsked
from jobnb.plan.run_config import kept_config
from jobnb.registry.selecting import partitioned_job, pinned
from jobnb.registry.session import Session
from jobnb.staleness.standing_jobs import as_it_stands, nothing_stands_so
from jobnb.staleness.survey import Survey
from jobnb.storage.backfill import BackfillStatus, PartitionBackfill
from jobnb.storage.instance import Instance
from jobnb.storage.partition_history import AssetPartitionStatus
from jobnb.storage.process import is_gone, this_process


def backfill_session(
    session: Session,
    selection: Any = None,
    partitions: PartitionsAsked | None = None,
    *,
    only_missing: bool = False,
    only_failed: bool = False,
    stale_only: bool = False,
    tags: Mapping[str, str] | None = None,
    max_parallel: int = 1,
    config: Any = None,
    instance: Instance | None = None,
    resources: Mapping[str, Any] | None = None,
) -> Backfill:
    """Begin a backfill of a session; see `Session.backfill`."""
    __tracebackhide__ = True
    job = partitioned_job(session, selection)
    if job is not None:
        return backfill_job(
            job,
            partitions,
            only_missing=only_missing,
            only_failed=only_failed,
            stale_only=stale_only,
            tags=tags,
            max_parallel=max_parallel,
            config=config,
            instance=instance or session.instance,
            resources=resources,
        )
    if only_missing + only_failed + stale_only > 1:
        raise InvalidInvocationError(
            "A backfill makes only what is missing, only what failed, or only what is stale (and "
            "with it what is missing or failed): keep one of only_missing, only_failed and "
            "stale_only."
        )
    instance = instance or session.instance
    definitions = session.snapshot()
    nodes = nodes_of(definitions, pinned(session, selection))
    targets: Mapping[str, Target] = find_targets(nodes, partitions, instance)
    if only_missing:
        targets = missing_targets(nodes, targets, instance)
    if only_failed:
        targets = failed_targets(nodes, targets, instance)
    if stale_only:
        keys = [key for node in nodes.values() for key in node.keys]
        survey = Survey(definitions, instance, session.catalogue.place_of, keys)
        targets = stale_targets(nodes, targets, survey)
    record = PartitionBackfill(
        tags=dict(tags or {}),
        asset_selection=tuple(key for node in nodes.values() for key in node.keys),
        partitions=_told(nodes, targets),
        run_config=_kept(definitions, nodes, config, resources),
        holder=this_process(),
    )
    setting = Setting(record.backfill_id, definitions, instance, record.tags, config, resources)
    return _begin(record, setting, nodes, targets, max_parallel)


def backfill_job(
    job: JobDefinition,
    partitions: PartitionsAsked | None = None,
    *,
    only_missing: bool = False,
    only_failed: bool = False,
    stale_only: bool = False,
    tags: Mapping[str, str] | None = None,
    max_parallel: int = 1,
    config: Any = None,
    instance: Instance,
    resources: Mapping[str, Any] | None = None,
) -> Backfill:
    """Begin a backfill of a job; see `JobDefinition.backfill`."""
    __tracebackhide__ = True
    if stale_only:
        raise InvalidInvocationError(
            f"A backfill of the job {job.name!r} makes whole runs: stale_only is for assets. "
            "Name these: session.backfill(selection, stale_only=True)."
        )
    if only_missing and only_failed:
        raise InvalidInvocationError(
            "A backfill runs only what never ran, or only what failed: keep one of only_missing "
            "and only_failed."
        )
    job = as_it_stands(job, instance)
    node = node_of_job(job)
    target = job_target(
        node, partitions, instance, only_missing=only_missing, only_failed=only_failed
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
    setting = Setting(record.backfill_id, None, instance, record.tags, config, resources)
    return _begin(record, setting, {node.name: node}, {node.name: target}, max_parallel)


def _assets_of(job: JobDefinition) -> tuple[AssetKey, ...]:
    """The assets that a job makes, in order."""
    if not isinstance(job.graph, AssetGraphDefinition):
        return ()
    return tuple(sorted(key for each in job.graph.assets_by_node.values() for key in each.keys))


def _begin(
    record: PartitionBackfill,
    setting: Setting,
    nodes: Mapping[str, BackfillNode],
    targets: Mapping[str, Target],
    max_parallel: int,
    *,
    again: bool = False,
) -> Backfill:
    if max_parallel < 1:
        raise InvalidInvocationError(
            f"max_parallel={max_parallel!r}: a backfill does at least one run at a time."
        )
    groups = groups_of(nodes, targets)
    runs = BackfillRuns(setting, groups)
    return Backfill.begin(record, setting.instance, groups, runs, max_parallel, again=again)


def _kept(
    definitions: Any,
    nodes: Mapping[str, BackfillNode],
    config: Any,
    resources: Mapping[str, Any] | None,
) -> Mapping[str, Any] | None:
    """The run config with secrets by name, as the record of the backfill keeps it."""
    if config is None:
        return None
    keys = [key for node in nodes.values() for key in node.keys]
    return kept_config(definitions.job_of_assets(ASSET_JOB, keys), config, resources)


def _told(
    nodes: Mapping[str, BackfillNode], targets: Mapping[str, Target]
) -> dict[str, str | None]:
    """The targets as they are kept: by asset, in the words of its partitions."""
    return {
        key.to_string(): target.serialize() if target is not None else None
        for name, target in targets.items()
        for key in nodes[name].keys
    }


def resume_backfill(
    session: Session,
    backfill_id: str,
    *,
    max_parallel: int = 1,
    instance: Instance | None = None,
    resources: Mapping[str, Any] | None = None,
) -> Backfill:
    """Go on with a backfill that has not made all; see `Session.resume_backfill`."""
    instance = instance or session.instance
    record = _record(instance, backfill_id)
    definitions: Definitions | None = None
    left: Mapping[str, Target]
    if record.job_name is not None:
        node = node_of_job(_part_of(_job_of(session, record), record))
        nodes = {node.name: node}
        left = {node.name: _runs_left(node, record, instance)}
    else:
        definitions = session.snapshot()
        nodes = nodes_of(definitions, list(record.asset_selection))
        targets = {
            name: _left(node, record, instance)
            for name, node in nodes.items()
            if any(key.to_string() in record.partitions for key in node.keys)
        }
        left = {name: target for name, target in targets.items() if target is not False}  # type: ignore[misc]
    record = msgspec.structs.replace(
        record,
        status=BackfillStatus.REQUESTED,
        holder=this_process(),
        error=None,
        counts={},
        end_timestamp=None,
    )
    setting = Setting(backfill_id, definitions, instance, record.tags, record.run_config, resources)
    return _begin(record, setting, nodes, left, max_parallel, again=True)


def _part_of(job: JobDefinition, record: PartitionBackfill) -> JobDefinition:
    """A job that asks how assets stand makes those that stood so when its backfill began."""
    if job.asset_layer is not None and job.asset_layer.is_undecided:
        return job.get_subset(asset_selection=record.asset_selection)
    return job


def _runs_left(
    node: BackfillNode, record: PartitionBackfill, instance: Instance
) -> PartitionsSubset:
    """The partitions of a job whose last run since the backfill began did not succeed."""
    assert node.definition is not None
    asked = node.definition.deserialize_subset(record.partitions[node.name] or "")
    since = record.backfill_timestamp
    standing = instance.get_job_status_by_partition(node.name, asked, asked.partitions_def, since)
    return asked.partitions_def.subset_with_partition_keys(
        key for key, how in standing.items() if how is not AssetPartitionStatus.MATERIALIZED
    )


def _job_of(session: Session, record: PartitionBackfill) -> JobDefinition:
    """The job of a backfill as the session knows it; else the one that it was begun with."""
    name = str(record.job_name)
    if name in session.snapshot().job_names:
        return session.job(name)
    begun = find(Backfill, record.backfill_id)
    if begun is not None and begun.job is not None:
        return begun.job
    raise InvalidSubsetError(
        f"The backfill {record.backfill_id} is of the job {name!r}, which this session does not "
        "know. Define it, or make it known with session.add(job)."
    )


def _record(instance: Instance, backfill_id: str) -> PartitionBackfill:
    live = find(Backfill, backfill_id)
    if live is not None and not live.is_finished:
        raise InvariantViolationError(
            f"The backfill {backfill_id} goes on ({live.counts}). Wait for it, or cancel() it."
        )
    record = instance.get_backfill(backfill_id)
    if record is None:
        raise InvalidSubsetError(
            f"There is no backfill {backfill_id!r} in this history. "
            "instance.get_backfills() gives all."
        )
    holder = record.holder
    elsewhere = holder is not None and holder != this_process()
    if not record.status.is_finished and elsewhere and is_gone(holder) is False:  # type: ignore[arg-type]
        raise InvariantViolationError(
            f"The backfill {backfill_id} is being done by {holder}. Cancel it there first."
        )
    return record


def _left(node: BackfillNode, record: PartitionBackfill, instance: Instance) -> Target | bool:
    """What a backfill has not made of a node since it began; False where nothing is left."""
    since, left = record.backfill_timestamp, None
    for key in node.keys:
        told = record.partitions.get(key.to_string())
        if told is None or node.definition is None:
            last = instance.get_latest_materialization_event(AssetKey(key.path))
            if last is None or last.timestamp < since:
                return None
            continue
        made = instance.get_partitions_made_since(key, since)
        wanted = node.definition.deserialize_subset(told)
        some = node.definition.subset_with_partition_keys(k for k in wanted if k not in made)
        left = some if left is None else left | some
    return False if left is None else left
