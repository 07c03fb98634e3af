"""The statuses of assets: definitions compared with the history."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.ops.op import OpDefinition
from jobnb.plan.asset_parts import name_in, shared_names
from jobnb.plan.selection_resolution import with_known_keys
from jobnb.staleness.causes import AssetStatuses
from jobnb.staleness.partition_records import PartitionVersions
from jobnb.staleness.verdicts import DefinedAsset, KnownAssets, judge
from jobnb.staleness.versions import (
    INITIAL,
    CodeVersions,
    config_tags,
    data_version_of,
    given_config,
    last_value_events,
    partitions_of,
)
from jobnb.storage.instance import Instance
from jobnb.storage.partition_history import AssetPartitionStatus
from jobnb.storage.records import FailedAssetStep, LatestMaterialization

if TYPE_CHECKING:
    from jobnb.registry.session import Session

Place = Callable[[AssetKey], str]


def asset_statuses(
    definitions: Definitions,
    instance: Instance,
    keys: Collection[AssetKey] | None = None,
    place: Place | None = None,
    partition: str | None = None,
) -> AssetStatuses:
    """Return the statuses of assets.

    Config is compared as the last run gave it, completed with the defaults of today: another
    default makes stale, a run with a config of its own does not.

    Args:
        definitions: What is defined now.
        instance: The instance of its history.
        keys: The assets that are asked about; all if absent.
        place: Tells where an asset is written, as `cell 7`.
        partition: Which partition; without one, an asset stands as its last made partition does.
    """
    known = known_of(definitions, instance, place, partition)
    verdicts = judge(known)
    asked = verdicts if keys is None else [key for key in verdicts if key in set(keys)]
    return AssetStatuses({key: verdicts[key].status for key in asked})


def known_of(
    definitions: Definitions,
    instance: Instance,
    place: Place | None = None,
    partition: str | None = None,
) -> KnownAssets:
    """Collect the records of all assets; the parameters are those of `asset_statuses`."""
    assets = with_known_keys(definitions.assets, definitions.source_assets)
    defined = defined_assets(assets)
    made = instance.last_made(defined)
    failed = failures_since(instance, assets, made)
    sources = source_versions(instance, definitions.source_assets, defined)
    place = place or place_of(assets)
    partitions = PartitionVersions(instance, partitions_of(assets, definitions.source_assets))
    if partition is not None:
        made = at_partition(partition, assets, made, partitions)
        failed = failed_partitions(instance, partition, failed)
    return KnownAssets(
        defined, made, sources, failed, partitions, config_as_recorded, place,
        instance.launched_elsewhere, instance.earlier_names(),
    )  # fmt: skip


def session_statuses(
    session: Session, keys: Collection[AssetKey] | None, partition: str | None = None
) -> AssetStatuses:
    """Return the statuses of a session's assets, of all if no keys are given."""
    place = session.catalogue.place_of
    return asset_statuses(session.definitions, session.instance, keys, place, partition)


def failed_partitions(
    instance: Instance, partition: str, failed: Mapping[AssetKey, FailedAssetStep]
) -> dict[AssetKey, FailedAssetStep]:
    """Return the assets of which the last attempt to make this partition failed."""
    found = {key: instance.get_status_by_partition(key, [partition])[partition] for key in failed}
    return {key: failed[key] for key, how in found.items() if how is AssetPartitionStatus.FAILED}


def at_partition(
    partition: str,
    assets: Iterable[AssetsDefinition],
    made: Mapping[AssetKey, LatestMaterialization],
    partitions: PartitionVersions,
) -> dict[AssetKey, LatestMaterialization]:
    """Return the last materializations, for assets with partitions those of one partition."""
    found = dict(made)
    for each in assets:
        if each.partitions_def is not None:
            for key in each.keys:
                record = partitions.look_up(key, [partition]).get(partition)
                if record is not None:
                    found[key] = record
                elif each.partitions_def.has_partition_key(partition):
                    found.pop(key, None)
    return found


def defined_assets(assets: Iterable[AssetsDefinition]) -> dict[AssetKey, DefinedAsset]:
    """Return assets as they are defined now, with the versions of their code."""
    versions = CodeVersions()
    found: dict[AssetKey, DefinedAsset] = {}
    for each in assets:
        for key in each.ordered_keys:
            upstream = tuple(sorted(each.asset_deps.get(key, set()) - {key}))
            code, notes = versions.of(each, key)[0], versions.notes(each, key)
            found[key] = DefinedAsset(key, code, each, upstream, notes)
    return found


def source_versions(
    instance: Instance, sources: Iterable[SourceAsset], defined: Mapping[AssetKey, DefinedAsset]
) -> dict[AssetKey, str]:
    """Return the versions of the source assets that something depends on."""
    used = {key for each in defined.values() for key in each.upstream if key not in defined}
    keys = {each.key for each in sources} & used
    if not keys:
        return {}
    told = last_value_events(instance, (), keys)
    return dict.fromkeys(keys, INITIAL) | {
        key: data_version_of(event.tags, event.storage_id) for key, event in told.items()
    }


def config_as_recorded(asset: DefinedAsset, made: LatestMaterialization) -> Mapping[str, str]:
    """Return the config tags of an asset if it were made now with what its last run gave."""
    return config_tags(asset.node, given_config(made.tags))


def failures_since(
    instance: Instance,
    assets: Iterable[AssetsDefinition],
    made: Mapping[AssetKey, LatestMaterialization],
) -> dict[AssetKey, FailedAssetStep]:
    """Return the assets whose last attempt failed."""
    failures = instance.failed_steps()
    if not failures:
        return {}
    assets = list(assets)
    shared = shared_names(assets)
    by_node = {name_in(shared, each): each for each in assets}
    found: dict[AssetKey, FailedAssetStep] = {}
    meant: dict[str, Collection[AssetKey]] = {}
    for each in failures:
        definition = by_node.get(each.step_key.partition(".")[0].partition("[")[0])
        for key in definition.keys if definition is not None else ():
            if key in found or _made_since(made.get(key), each):
                continue
            if each.run_id not in meant:
                run = instance.get_run_by_id(each.run_id)
                meant[each.run_id] = (run.asset_selection if run is not None else None) or ()
            if key in meant[each.run_id]:
                found[key] = each
    return found


def _made_since(last: LatestMaterialization | None, failed: FailedAssetStep) -> bool:
    """Whether an asset was made after a step failed.

    Another step of its graph, such as one that checks it, may fail after it was made.
    """
    if last is None:
        return False
    return last.time >= failed.time or ("." in failed.step_key and last.run_id == failed.run_id)


def place_of(assets: Iterable[AssetsDefinition]) -> Place:
    """Return the module in which an asset is written; nothing for one of the notebook."""
    modules = {
        key: getattr(each.node_def.compute_fn, "__module__", "") or ""
        for each in assets
        if isinstance(each.node_def, OpDefinition)
        for key in each.keys
    }
    return lambda key: "" if modules.get(key, "") == "__main__" else modules.get(key, "")
