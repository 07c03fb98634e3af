"""`session.backfill` and `job.backfill`: resolve the request into runs, and launch them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any

import msgspec

from jobnb.automation.backfill import Backfill
from jobnb.automation.backfill_chunks import groups_of
from jobnb.automation.backfill_nodes import BackfillNode, Target, node_of_job, nodes_of
from jobnb.automation.backfill_place import Place, begin
from jobnb.automation.backfill_progress import BackfillProgress, with_counts
from jobnb.automation.backfill_work import BackfillRuns, Setting
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.errors import (
    InvalidDefinitionError,
    InvalidInvocationError,
    InvalidSubsetError,
    InvariantViolationError,
    UnknownPartitionError,
)
from jobnb.execution.spec import ASSET_JOB
from jobnb.execution.task import find
from jobnb.plan.asset_graph import AssetGraphDefinition
from jobnb.plan.partitions import PartitionsAsked, keys_asked
from jobnb.plan.run_config import kept_config
from jobnb.registry.session import Session
from jobnb.registry.target_resolution import partitioned_job, pinned
from jobnb.staleness.survey import Survey, as_it_stands, nothing_stands_so
from jobnb.storage.backfill import BackfillStatus, PartitionBackfill, name_of_backfill
from jobnb.storage.instance import Instance
from jobnb.storage.partition_history import AssetPartitionStatus
from jobnb.storage.process import is_gone, this_process

Targets = dict[str, Target]


def find_targets(
    nodes: Mapping[str, BackfillNode], asked: PartitionsAsked | None, store: Instance
) -> Targets:
    """Return the partitions of each node to make.

    What is asked for names partitions of one definition: the first, from upstream, that has them.
    Other assets get what depends on these partitions, or what these depend on.

    Args:
        nodes: The nodes, each after its upstream.
        asked: The partitions; all if None.
        store: Keeps the keys of dynamic partitions.

    Raises:
        InvalidDefinitionError: If partitions are asked for, and no asset has any.
        UnknownPartitionError: If no asset has the partitions that are asked for.
        InvalidInvocationError: If an asset has nothing to do with them.
    """
    if asked is None:
        return {name: _all(node.definition, store) for name, node in nodes.items()}
    chosen = _chosen(nodes, asked, store)
    targets: Targets = {
        name: chosen for name, node in nodes.items() if node.definition == chosen.partitions_def
    }
    for name, node in nodes.items():
        if name not in targets and node.definition is not None:
            _set(targets, name, _from_upstream(node, targets, store))
    for name in reversed(list(nodes)):
        if name not in targets and nodes[name].definition is not None:
            _set(targets, name, _for_downstream(name, nodes, targets, store))
    lost = [name for name, node in nodes.items() if node.definition and name not in targets]
    if lost:
        raise InvalidInvocationError(
            f"The partitions {asked!r} say nothing of {lost[0]!r}, which has others and is neither "
            "made from the assets that have them nor used for these. Leave it out of the selection."
        )
    whole = {name: None for name, node in nodes.items() if node.definition is None}
    return {name: {**targets, **whole}[name] for name in nodes}


def _all(definition: PartitionsDefinition | None, store: Instance) -> Target:
    if definition is None:
        return None
    return definition.subset_with_all_partitions(dynamic_partitions_store=store)


def _set(targets: Targets, name: str, found: PartitionsSubset | None) -> None:
    if found is not None:
        targets[name] = found


def _chosen(
    nodes: Mapping[str, BackfillNode], asked: PartitionsAsked, store: Instance
) -> PartitionsSubset:
    definitions: list[PartitionsDefinition] = []
    for node in nodes.values():
        if node.definition is not None and node.definition not in definitions:
            definitions.append(node.definition)
    if not definitions:
        raise InvalidDefinitionError(
            f"{asked!r} is asked for, but no asset of the backfill has partitions: "
            f"{', '.join(nodes)}. Use materialize, or give them a partitions_def."
        )
    problem: UnknownPartitionError | None = None
    for definition in definitions:
        if isinstance(asked, PartitionsSubset) and asked.partitions_def != definition:
            continue
        try:
            keys = keys_asked(definition, asked, store)
        except UnknownPartitionError as error:
            problem = problem or error
            continue
        return definition.subset_with_partition_keys(keys)
    if problem is not None:
        raise problem
    raise InvalidInvocationError(f"{asked!r} is of partitions that no asset of the backfill has.")


def _from_upstream(
    node: BackfillNode, targets: Targets, store: Instance
) -> PartitionsSubset | None:
    """Return the downstream partitions of those that are materialized."""
    assert node.definition is not None
    found = [
        edge.mapping.get_downstream_partitions_for_partitions(
            upstream, node.definition, dynamic_partitions_store=store
        )
        for edge in node.edges
        if edge.mapping is not None and (upstream := targets.get(edge.upstream)) is not None
    ]
    return _existing(node.definition, found, store)


def _for_downstream(
    name: str, nodes: Mapping[str, BackfillNode], targets: Targets, store: Instance
) -> PartitionsSubset | None:
    """Return the upstream partitions of those that are materialized."""
    definition = nodes[name].definition
    assert definition is not None
    found = [
        edge.mapping.get_upstream_mapped_partitions_result_for_partitions(
            targets[node.name], definition, dynamic_partitions_store=store
        ).partitions_subset
        for node in nodes.values()
        for edge in node.edges
        if edge.upstream == name and edge.mapping is not None and node.name in targets
    ]
    return _existing(definition, found, store)


def _existing(
    definition: PartitionsDefinition, found: list[PartitionsSubset], store: Instance
) -> PartitionsSubset | None:
    if not found:
        return None
    every = definition.subset_with_all_partitions(dynamic_partitions_store=store)
    return reduce(or_, found) & every


# --- only some of them ------------------------------------------------------


def missing_targets(
    nodes: Mapping[str, BackfillNode], targets: Mapping[str, Target], instance: Instance
) -> Targets:
    """Return the targets that were never materialized."""
    found: Targets = {}
    for name, target in targets.items():
        keys = nodes[name].keys
        if target is None:
            if not all(instance.get_latest_materialization_event(key) for key in keys):
                found[name] = None
        else:
            made = [_subset(target, instance.get_materialized_partitions(key)) for key in keys]
            found[name] = reduce(or_, (target - each for each in made))
    return found


def failed_targets(
    nodes: Mapping[str, BackfillNode], targets: Mapping[str, Target], instance: Instance
) -> Targets:
    """Return the targets whose last run failed; assets without partitions are left out."""
    found: Targets = {}
    for name, target in targets.items():
        if target is not None:
            failed = [_subset(target, _failed(instance, key, target)) for key in nodes[name].keys]
            found[name] = reduce(or_, failed)
    return found


def stale_targets(
    nodes: Mapping[str, BackfillNode], targets: Mapping[str, Target], survey: Survey
) -> Targets:
    """Return the targets that are not fresh, or downstream of what the backfill materializes."""
    found: Targets = {}
    for name, target in targets.items():
        parts = [survey.to_make(key) for key in nodes[name].keys]
        if target is None:
            if any(parts):
                found[name] = None
        else:
            subsets = [part for part in parts if isinstance(part, PartitionsSubset)]
            found[name] = target & reduce(or_, subsets)
    return found


def _failed(instance: Instance, key: AssetKey, target: PartitionsSubset) -> set[str]:
    standing = instance.get_status_by_partition(key, list(target), target.partitions_def)
    return {each for each, how in standing.items() if how is AssetPartitionStatus.FAILED}


def _subset(target: PartitionsSubset, keys: set[str]) -> PartitionsSubset:
    """Return the part of a target among some keys, not all of which may still exist."""
    return target.partitions_def.subset_with_partition_keys(key for key in target if key in keys)


def job_target(
    node: BackfillNode,
    asked: PartitionsAsked | None,
    instance: Instance,
    *,
    only_missing: bool = False,
    only_failed: bool = False,
) -> PartitionsSubset:
    """Return the partitions for which a backfill runs a job.

    Args:
        node: The job.
        asked: The partitions; all if None.
        instance: Where it ran, and where the keys of dynamic partitions are.
        only_missing: Only those for which it never ran to an end.
        only_failed: Only those whose last run failed.

    Raises:
        UnknownPartitionError: If it has no such partition.
    """
    assert node.definition is not None
    target = _asked_of(node.name, node.definition, asked, instance)
    if not only_missing and not only_failed:
        return target
    wanted = None if only_missing else AssetPartitionStatus.FAILED
    standing = instance.get_job_status_by_partition(node.name, target, node.definition)
    return node.definition.subset_with_partition_keys(
        key for key, how in standing.items() if how is wanted
    )


def _asked_of(
    name: str,
    definition: PartitionsDefinition,
    asked: PartitionsAsked | None,
    instance: Instance,
) -> PartitionsSubset:
    if asked is None:
        return definition.subset_with_all_partitions(dynamic_partitions_store=instance)
    if isinstance(asked, PartitionsSubset) and asked.partitions_def != definition:
        raise InvalidInvocationError(f"{asked!r} is of other partitions than the job {name!r}.")
    try:
        return definition.subset_with_partition_keys(keys_asked(definition, asked, instance))
    except UnknownPartitionError as error:
        raise UnknownPartitionError(f"The job {name!r}: {error}") from None


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
    detach: bool | Place = False,
) -> Backfill:
    """Start a backfill of a session; see `Session.backfill`."""
    __tracebackhide__ = True
    place = detach if isinstance(detach, Place) else Place.asked(detach, session.detaches)
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
            detach=place,
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
    return _begin(record, setting, nodes, targets, max_parallel, place)


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
    detach: bool | Place = False,
) -> Backfill:
    """Start a backfill of a job; see `JobDefinition.backfill`."""
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
    place = detach if isinstance(detach, Place) else Place.asked(detach)
    return _begin(record, setting, {node.name: node}, {node.name: target}, max_parallel, place)


def _assets_of(job: JobDefinition) -> tuple[AssetKey, ...]:
    """Return the assets that a job makes, in order."""
    if not isinstance(job.graph, AssetGraphDefinition):
        return ()
    return tuple(sorted(key for each in job.graph.assets_by_node.values() for key in each.keys))


def _begin(
    record: PartitionBackfill,
    setting: Setting,
    nodes: Mapping[str, BackfillNode],
    targets: Mapping[str, Target],
    max_parallel: int,
    place: Place,
    *,
    again: bool = False,
) -> Backfill:
    if max_parallel < 1:
        raise InvalidInvocationError(
            f"max_parallel={max_parallel!r}: a backfill does at least one run at a time."
        )
    groups = groups_of(nodes, targets)
    runs = BackfillRuns(setting, groups)
    record = with_counts(record, BackfillProgress(sum(group.size for group in groups)))
    if again:
        setting.instance.control.forget_request(name_of_backfill(record.backfill_id))
    return begin(record, setting, groups, runs, max_parallel, place, again=again)


def _kept(
    definitions: Any,
    nodes: Mapping[str, BackfillNode],
    config: Any,
    resources: Mapping[str, Any] | None,
) -> Mapping[str, Any] | None:
    """Return the run config with secrets by name, as the record of the backfill keeps it."""
    if config is None:
        return None
    keys = [key for node in nodes.values() for key in node.keys]
    return kept_config(definitions.job_of_assets(ASSET_JOB, keys), config, resources)


def _told(
    nodes: Mapping[str, BackfillNode], targets: Mapping[str, Target]
) -> dict[str, str | None]:
    """Return the targets as they are kept: by asset, in the words of its partitions."""
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
    detach: bool | Place = False,
) -> Backfill:
    """Resume an unfinished backfill; see `Session.resume_backfill`."""
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
        is_detached=False,
        resumed=time.time(),
    )
    setting = Setting(backfill_id, definitions, instance, record.tags, record.run_config, resources)
    place = detach if isinstance(detach, Place) else Place.asked(detach, session.detaches)
    return _begin(record, setting, nodes, left, max_parallel, place, again=True)


def _part_of(job: JobDefinition, record: PartitionBackfill) -> JobDefinition:
    """Return a job that asks how assets stand makes those that stood so when its backfill began."""
    if job.asset_layer is not None and job.asset_layer.is_undecided:
        return job.get_subset(asset_selection=record.asset_selection)
    return job


def _runs_left(
    node: BackfillNode, record: PartitionBackfill, instance: Instance
) -> PartitionsSubset:
    """Return the partitions of a job whose last run since the backfill began did not succeed."""
    assert node.definition is not None
    asked = node.definition.deserialize_subset(record.partitions[node.name] or "")
    since = record.backfill_timestamp
    standing = instance.get_job_status_by_partition(node.name, asked, asked.partitions_def, since)
    return asked.partitions_def.subset_with_partition_keys(
        key for key, how in standing.items() if how is not AssetPartitionStatus.MATERIALIZED
    )


def _job_of(session: Session, record: PartitionBackfill) -> JobDefinition:
    """Return the job of a backfill as the session knows it; else the one that it was begun with."""
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
    if live is not None and not live.outlives and not live.is_finished:
        raise InvariantViolationError(
            f"The backfill {backfill_id} is in progress ({live.counts}). "
            "Wait for it, or cancel() it."
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
            f"The backfill {backfill_id} is being done by {holder}. Cancel it first: `jobnb "
            f"backfill cancel {backfill_id}`, or in a notebook "
            f'session.find_backfill("{backfill_id}").cancel().'
        )
    return record


def _left(node: BackfillNode, record: PartitionBackfill, instance: Instance) -> Target | bool:
    """Return the partitions of a node that a backfill has not covered; False for none."""
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
