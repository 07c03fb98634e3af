"""The rules: an asset is stale if its code, config or inputs are not those that were recorded.

The rules are those of Dagster for code and data versions; beyond them config counts, and a change
is told where it began instead of along the chain that leads to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from jobnb.code.version import CodeNote
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.node import NodeDefinition
from jobnb.staleness.causes import AssetStatus, Cause, CauseKind, StaleStatus
from jobnb.staleness.partition_records import PartitionVersions
from jobnb.staleness.renamed_inputs import Names, versions_under
from jobnb.staleness.versions import (
    CODE,
    CONFIG_VERSION,
    INITIAL,
    code_change,
    config_change,
    data_version_of,
    input_versions,
    only_adds_defaults,
)
from jobnb.storage.records import FailedAssetStep, LatestMaterialization

_MOST_CAUSES = 8


class DefinedAsset(msgspec.Struct, frozen=True, gc=False):
    """An asset as it is defined now.

    Attributes:
        key: Its key.
        code: The version of its code.
        assets: What makes it.
        upstream: The assets it depends on.
        notes: What the version of its code does not tell.
    """

    key: AssetKey
    code: str
    assets: AssetsDefinition
    upstream: tuple[AssetKey, ...]
    notes: tuple[CodeNote, ...] = ()

    @property
    def node(self) -> NodeDefinition:
        """The op or graph that makes it."""
        return self.assets.node_def


class KnownAssets(msgspec.Struct, frozen=True):
    """The definitions and records that are compared.

    Attributes:
        defined: The assets as they are defined.
        made: What was last made of each.
        sources: The versions of assets that nothing here makes.
        failed: How the last attempt failed, where it did.
        partitions: The versions of assets that have partitions.
        config_now: The config tags that an asset would be made with now, given what is recorded.
        place: Where an asset is written, in words.
        launched_elsewhere: The notebook that launched a run, if it is another than this.
        earlier_names: The names that renamed assets had before.
    """

    defined: Mapping[AssetKey, DefinedAsset]
    made: Mapping[AssetKey, LatestMaterialization]
    sources: Mapping[AssetKey, str]
    failed: Mapping[AssetKey, FailedAssetStep]
    partitions: PartitionVersions
    config_now: Callable[[DefinedAsset, LatestMaterialization], Mapping[str, str]]
    place: Callable[[AssetKey], str]
    launched_elsewhere: Callable[[str], str] = lambda _run_id: ""
    earlier_names: Names = {}

    def version(self, asset: DefinedAsset, partition: str | None, key: AssetKey) -> str | None:
        """Return the version of an upstream asset's present value; None if there is none."""
        if key in self.partitions.definitions:
            found = self.partitions.version(asset.assets, partition, key)
            return INITIAL if found is None and key in self.sources else found
        made = self.made.get(key)
        return data_version_of(made.tags, made.storage_id) if made else self.sources.get(key)


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The status of an asset and its causes.

    Attributes:
        own: Changes of the asset itself, and upstream values newer than the ones it read.
        causes: These, and what made its upstream stale.
        status: All of it for people.
    """

    own: tuple[Cause, ...]
    causes: tuple[Cause, ...]
    status: AssetStatus


def judge(known: KnownAssets) -> dict[AssetKey, Verdict]:
    """Return the statuses of all assets, upstream first."""
    verdicts: dict[AssetKey, Verdict] = {}
    for key in in_order(known.defined):
        verdicts[key] = _verdict(known.defined[key], known, verdicts)
    return verdicts


def _verdict(
    asset: DefinedAsset, known: KnownAssets, verdicts: Mapping[AssetKey, Verdict]
) -> Verdict:
    made = known.made.get(asset.key)
    own = tuple(own_causes(asset, made, known)) if made is not None else ()
    causes = own
    if made is not None:
        for key in asset.upstream:
            verdict = verdicts.get(key)
            if verdict is not None and verdict.causes:
                causes += tuple(cause for cause in verdict.causes if cause not in causes)
        causes = causes[:_MOST_CAUSES]
    return Verdict(own, causes, status_of(asset, made, causes, known.failed.get(asset.key)))


def status_of(
    asset: DefinedAsset,
    made: LatestMaterialization | None,
    causes: tuple[Cause, ...],
    failed: FailedAssetStep | None,
) -> AssetStatus:
    """Return the status of an asset, given its last materialization and the changes since."""
    if failed is not None:
        status = StaleStatus.FAILED
    elif made is None:
        status = StaleStatus.MISSING
    else:
        status = StaleStatus.STALE if causes else StaleStatus.FRESH
    return AssetStatus(
        asset.key,
        status,
        causes,
        made.time if made else None,
        failed.run_id if failed else made.run_id if made else "",
        failed.error or "an error" if failed else "",
        made.partition if made else None,
        notes=asset.notes,
    )


def own_causes(
    asset: DefinedAsset, made: LatestMaterialization, known: KnownAssets
) -> Iterator[Cause]:
    """Iterate over changes of an asset itself since it was made, and of the values that it read."""
    if made.tags.get(CODE) is None:
        yield from _newer_causes(asset, made, known)
        return
    yield from definition_causes(asset, made, known)
    read = input_versions(made.tags)
    for key in asset.upstream:
        now = known.version(asset, made.partition, key)
        cause = upstream_cause(asset, key, read.get(key), now, known)
        if cause is not None:
            yield cause
    yield from left_causes(asset, read)


def definition_causes(
    asset: DefinedAsset, made: LatestMaterialization, known: KnownAssets
) -> Iterator[Cause]:
    """Iterate over changes of the code and the config of an asset since it was materialized."""
    key, tags = asset.key, made.tags
    if tags[CODE] != asset.code and not _is_code_of(asset, tags[CODE], known):
        other = known.launched_elsewhere(made.run_id)
        words = f"materialized by {other} with other code" if other else None
        words = words or code_change(tags[CODE], asset.code, known.place(key))
        yield Cause(key, CauseKind.CODE, words)
    config = known.config_now(asset, made)
    if config.get(CONFIG_VERSION) != tags.get(CONFIG_VERSION) and not only_adds_defaults(
        asset.node, tags, config
    ):
        yield Cause(key, CauseKind.CONFIG, config_change(tags, config))


def _is_code_of(asset: DefinedAsset, recorded: str, known: KnownAssets) -> bool:
    """Whether the code is what was recorded, but for parameters named after renamed assets."""
    names = known.earlier_names
    if not any(key in names for key in asset.upstream):
        return False
    return recorded in versions_under(asset.assets, asset.code, names)


def upstream_cause(
    asset: DefinedAsset, key: AssetKey, read: str | None, now: str | None, known: KnownAssets
) -> Cause | None:
    """Return the cause, if any, by which an upstream asset makes an asset stale.

    Args:
        asset: The asset.
        key: What it depends on.
        read: The version that was read, if it was.
        now: The version that there is.
        known: Tells which assets come from elsewhere.
    """
    if now is None:
        return Cause(key, CauseKind.MISSING, "is missing")
    if read is None:
        if key in asset.assets.keys:
            return None
        words = f"is now made from {key.to_user_string()!r}"
        return Cause(asset.key, CauseKind.DEPENDENCIES, words)
    if read == now:
        return None
    words = "has a new version" if key in known.sources else "is newer"
    return Cause(key, CauseKind.DATA, words)


def left_causes(asset: DefinedAsset, read: Iterable[AssetKey]) -> Iterator[Cause]:
    """Iterate over assets that were read, and that it is no longer made from."""
    for key in read:
        if key not in asset.upstream:
            words = f"is no longer made from {key.to_user_string()!r}"
            yield Cause(asset.key, CauseKind.DEPENDENCIES, words)


def _newer_causes(
    asset: DefinedAsset, made: LatestMaterialization, known: KnownAssets
) -> Iterator[Cause]:
    """Compare times for an asset without recorded inputs, as one that user code reported."""
    for key in asset.upstream:
        upstream = known.made.get(key)
        if upstream is not None and upstream.storage_id > made.storage_id:
            yield Cause(key, CauseKind.DATA, "is newer")


def in_order(defined: Mapping[AssetKey, DefinedAsset]) -> Iterable[AssetKey]:
    """Sort assets upstream first; those on a circle come in any order."""
    ordered: dict[AssetKey, None] = {}
    begun: set[AssetKey] = set()
    for first in defined:
        waiting = [first]
        while waiting:
            key = waiting[-1]
            if key in ordered or key not in defined:
                waiting.pop()
                continue
            before = [] if key in begun else [k for k in defined[key].upstream if k not in begun]
            begun.add(key)
            if before:
                waiting += before
            else:
                ordered[waiting.pop()] = None
    return ordered
