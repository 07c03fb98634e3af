"""Which partitions of which assets a backfill makes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_

from jobnb.automation.backfill_nodes import BackfillNode, Target
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.errors import InvalidDefinitionError, InvalidInvocationError, UnknownPartitionError
from jobnb.plan.partitions import PartitionsAsked, keys_asked
from jobnb.staleness.survey import Survey
from jobnb.storage.instance import Instance
from jobnb.storage.partition_history import AssetPartitionStatus

Targets = dict[str, Target]


def find_targets(
    nodes: Mapping[str, BackfillNode], asked: PartitionsAsked | None, store: Instance
) -> Targets:
    """The partitions of each node to make.

    What is asked for names partitions of one definition: the first, from upstream, that has them.
    Other assets get what is made from these partitions, or what these are made from.

    Args:
        nodes: The nodes, each after what it is made from.
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
    """What is made from the partitions that are made."""
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
    """What the partitions that are made are made from."""
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
    """Those of the targets that were never made."""
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
    """Those of the targets whose last run failed; assets without partitions are left out."""
    found: Targets = {}
    for name, target in targets.items():
        if target is not None:
            failed = [_subset(target, _failed(instance, key, target)) for key in nodes[name].keys]
            found[name] = reduce(or_, failed)
    return found


def stale_targets(
    nodes: Mapping[str, BackfillNode], targets: Mapping[str, Target], survey: Survey
) -> Targets:
    """Those of the targets that are not fresh, or made from what the backfill makes."""
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
    """Those of the target that are among some keys, which may not all be keys any more."""
    return target.partitions_def.subset_with_partition_keys(key for key in target if key in keys)


def job_target(
    node: BackfillNode,
    asked: PartitionsAsked | None,
    instance: Instance,
    *,
    only_missing: bool = False,
    only_failed: bool = False,
) -> PartitionsSubset:
    """The partitions for which a backfill runs a job.

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
