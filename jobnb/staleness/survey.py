"""The statuses of whole assets, over all partitions: which are missing or stale, and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.default_mapping import fitting_partition_mapping
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.staleness.causes import (
    AssetStatus,
    AssetStatuses,
    Cause,
    PartitionCounts,
)
from jobnb.staleness.partition_records import PartitionRecords, SimilarPartitions
from jobnb.staleness.renames import possible_renames
from jobnb.staleness.statuses import Place, known_of
from jobnb.staleness.verdicts import (
    DefinedAsset,
    KnownAssets,
    definition_causes,
    in_order,
    left_causes,
    own_causes,
    status_of,
    upstream_cause,
)
from jobnb.staleness.versions import CODE, INITIAL
from jobnb.storage.instance import Instance
from jobnb.storage.records import LatestMaterialization

if TYPE_CHECKING:
    from jobnb.registry.session import Session

Change = tuple[Collection[str], tuple[Cause, ...]]
"""Some partitions, and why they are not what they would be now."""


def changed_partitions(
    asset: DefinedAsset, records: PartitionRecords, known: KnownAssets, among: set[str] | None
) -> Iterator[Change]:
    """Iterate over the partitions of an asset that have changed since they were made, and why.

    Args:
        asset: The asset.
        records: What was last made of its partitions.
        known: What there is beside them.
        among: The partitions that there are now; None if there are all that were ever made.
    """
    for kind in records.kinds:
        some = kind.partitions if among is None else kind.partitions & among
        if not some:
            continue
        if CODE not in kind.made.tags:
            yield from _one_by_one(asset, kind, records, some, known)
            continue
        whole = (*definition_causes(asset, kind.made, known), *left_causes(asset, kind.read))
        if whole:
            yield some, whole
        for key in asset.upstream:
            yield from _of_upstream(asset, key, kind, some, known)


def _one_by_one(
    asset: DefinedAsset,
    kind: SimilarPartitions,
    records: PartitionRecords,
    some: set[str],
    known: KnownAssets,
) -> Iterator[Change]:
    """Compare times for partitions that user code reported without recorded inputs."""
    for name in some:
        made = msgspec.structs.replace(
            kind.made, partition=name, storage_id=records.storage_ids[name]
        )
        causes = tuple(own_causes(asset, made, known))
        if causes:
            yield [name], causes


def _of_upstream(
    asset: DefinedAsset, key: AssetKey, kind: SimilarPartitions, some: set[str], known: KnownAssets
) -> Iterator[Change]:
    """Iterate over partitions that read another value of an upstream asset than the present."""
    read: Mapping[str, str] = kind.read.get(key, {})
    now = _versions_now(asset, key, known)
    by_cause: dict[Cause, list[str]] = {}
    for name in _unlike(some, read, now):
        cause = upstream_cause(asset, key, read.get(name), _of(now, name), known)
        if cause is not None:
            by_cause.setdefault(cause, []).append(name)
    for cause, names in by_cause.items():
        yield names, (cause,)


Versions = Mapping[str, str] | Callable[[str], str | None]
"""Which value of an upstream asset there is for a partition."""


def _unlike(some: set[str], read: Mapping[str, str], now: Versions) -> Iterable[str]:
    """Return the partitions whose version differs, or that have none."""
    if not isinstance(now, Mapping):
        return (name for name in some if (found := now(name)) is None or read.get(name) != found)
    if read == now:
        return ()
    other = [name for name, version in read.items() if now.get(name) != version]
    unread = some - read.keys() if len(read) < len(some) else ()
    return [*(name for name in other if name in some), *unread]


def _of(now: Versions, name: str) -> str | None:
    return now.get(name) if isinstance(now, Mapping) else now(name)


def _versions_now(asset: DefinedAsset, key: AssetKey, known: KnownAssets) -> Versions:
    """Return the versions of an upstream asset that each partition would read now."""
    partitions = known.partitions
    if key not in partitions.definitions:
        version = known.version(asset, None, key)
        return lambda _name: version
    if not partitions.is_same(asset.assets, key):
        return lambda name: known.version(asset, name, key)
    found = partitions.whole(key).versions
    if key in known.sources:
        return lambda name: found.get(name, INITIAL)
    return found


_MOST_CAUSES = 8
Part = PartitionsSubset | bool
"""Some partitions; of an asset without any, whether it is meant."""


class _Findings(msgspec.Struct):
    """The status of an asset.

    Attributes:
        status: In words.
        stale: What of it is stale.
        to_make: What of it is not fresh, or made from what is to be made.
    """

    status: AssetStatus
    stale: Part
    to_make: Part


class Survey:
    """Compares all partitions of all assets with the present definitions.

    What is stale makes stale what depends on it, by the partition mappings.

    Args:
        definitions: What is defined.
        instance: The instance of its history.
        place: Tells where an asset is written, as `cell 7`.
        among: The assets that are to be made: what others would give them is there already. All
            if absent.
        most_read: How many partitions of an asset are read at most: of one with more that nobody
            has looked at yet, it is not told which are stale.
    """

    def __init__(
        self,
        definitions: Definitions,
        instance: Instance,
        place: Place | None = None,
        among: Collection[AssetKey] | None = None,
        most_read: int | None = None,
    ) -> None:
        self._instance = instance
        self._known: KnownAssets = known_of(definitions, instance, place)
        self._known.partitions.most = most_read
        self._among = set(self._known.defined if among is None else among)
        self._partitioned = {
            source.key: source.partitions_def
            for source in definitions.source_assets
            if source.partitions_def is not None
        }
        self._standings: dict[AssetKey, _Findings] = {}
        self._unread: set[AssetKey] = set()
        self._every: dict[PartitionsDefinition, tuple[PartitionsSubset, set[str]]] = {}
        for key in in_order(self._known.defined):
            asset = self._known.defined[key]
            own = asset.assets.partitions_def
            if own is None:
                self._standings[key] = self._whole(asset)
            else:
                self._partitioned[key] = own
                self._standings[key] = self._in_parts(asset, own)

    @property
    def defined(self) -> Mapping[AssetKey, DefinedAsset]:
        """The assets as they are defined now."""
        return self._known.defined

    def statuses(self, keys: Collection[AssetKey] | None = None) -> AssetStatuses:
        """Return the statuses of assets, upstream first; of all if no keys are given."""
        return AssetStatuses(self.status_by_key(keys))

    def status_by_key(
        self, keys: Collection[AssetKey] | None = None
    ) -> dict[AssetKey, AssetStatus]:
        """Return what `statuses` shows."""
        wanted = self._standings.keys() if keys is None else self._standings.keys() & set(keys)
        return {key: each.status for key, each in self._standings.items() if key in wanted}

    def to_make(self, key: AssetKey) -> Part:
        """Return the partitions that are missing, failed, stale, or downstream of such."""
        return self._standings[key].to_make

    # --- assets without partitions ----------------------------------------

    def _whole(self, asset: DefinedAsset) -> _Findings:
        made = self._known.made.get(asset.key)
        failed = self._known.failed.get(asset.key)
        own = self._own_causes(asset, made) if made is not None else ()
        above = list(self._above(asset))
        causes = own
        if made is not None:
            causes = _joined([own, *(each.status.causes for _, each in above if each.stale)])
        to_make = made is None or failed is not None or bool(own)
        to_make = to_make or any(each.to_make for key, each in above if key in self._among)
        status = status_of(asset, made, causes, failed)
        return _Findings(status, bool(causes), to_make)

    def _own_causes(self, asset: DefinedAsset, made: LatestMaterialization) -> tuple[Cause, ...]:
        if self._look_up(asset):
            return tuple(own_causes(asset, made, self._known))
        return tuple(definition_causes(asset, made, self._known)) if CODE in made.tags else ()

    def _above(self, asset: DefinedAsset) -> Iterator[tuple[AssetKey, _Findings]]:
        """Iterate over the upstream assets that are defined here."""
        for key in asset.upstream:
            standing = self._standings.get(key)
            if standing is not None:
                yield key, standing

    # --- assets with partitions -------------------------------------------

    def _in_parts(self, asset: DefinedAsset, own: PartitionsDefinition) -> _Findings:
        every, exist = self._all_of(own)
        missing, changes = self._changes(asset, exist)
        told_of = [causes for _, causes in changes]

        def part(some: Collection[str]) -> PartitionsSubset:
            return _part(every, exist, some)

        made = _left(every, exist, missing)
        stale = changed = part({name for names, _ in changes for name in names})
        failed, under_way = self._unfinished(asset.key)
        to_make = changed | part(failed) | (every - made)
        for key, above in self._above(asset):
            below = self._below(asset, own, key, above.stale) & made
            if not below.is_empty:
                stale = stale | below
                told_of.append(above.status.causes)
            if key in self._among:
                to_make = to_make | (self._below(asset, own, key, above.to_make) & every)
        tried_none = self._instance.untried_partitions(asset.key) if failed else {}
        skipped = failed & exist & tried_none.keys()
        counts = PartitionCounts(
            len(exist),
            len(every - made - part(failed)),
            len(stale),
            len(failed & exist) - len(skipped),
            made=len(made),
            in_progress=len(under_way & exist),
            knows_stale=asset.key not in self._unread,
            skipped=len(skipped),
        )
        return _Findings(self._status(asset, counts, _joined(told_of)), stale, to_make)

    def _all_of(self, own: PartitionsDefinition) -> tuple[PartitionsSubset, set[str]]:
        """Return all partitions that there are now, and their keys."""
        if own not in self._every:
            every = own.subset_with_all_partitions(dynamic_partitions_store=self._instance)
            keys = own.get_partition_keys(dynamic_partitions_store=self._instance)
            self._every[own] = every, set(map(str, keys))
        return self._every[own]

    def _changes(self, asset: DefinedAsset, exist: set[str]) -> tuple[set[str], list[Change]]:
        """Return the partitions never materialized, and those changed since, with causes."""
        if not self._look_up(asset, asset.key):
            return exist - self._instance.get_materialized_partitions(asset.key), []
        records = self._known.partitions.whole(asset.key)
        missing = exist - records.versions.keys()
        all_exist = len(exist) - len(missing) == len(records.versions)
        among = None if all_exist else exist
        return missing, list(changed_partitions(asset, records, self._known, among))

    def _look_up(self, asset: DefinedAsset, *own: AssetKey) -> bool:
        """Read what is to be known of all partitions at once, unless there are too many."""
        partitions = self._known.partitions
        keys = [*own, *(key for key in asset.upstream if key in partitions.definitions)]
        if not all(map(partitions.can_read, keys)):
            self._unread.add(asset.key)
            return False
        for key in keys:
            partitions.whole(key)
        return True

    def _unfinished(self, key: AssetKey) -> tuple[set[str], set[str]]:
        """Return the partitions that failed, and those in progress."""
        failed, under_way = map(set, self._instance.unfinished_partitions(key))
        return failed - under_way, under_way

    def _below(
        self, asset: DefinedAsset, own: PartitionsDefinition, key: AssetKey, part: Part
    ) -> PartitionsSubset:
        """Return the partitions that depend on a part of an asset."""
        if not part:
            return own.empty_subset()
        if isinstance(part, bool):
            return own.subset_with_all_partitions(dynamic_partitions_store=self._instance)
        theirs = part.partitions_def
        given = asset.assets.get_partition_mapping(key)
        if given is None and own == theirs:
            return part
        return fitting_partition_mapping(
            given, theirs, own
        ).get_downstream_partitions_for_partitions(
            part, own, dynamic_partitions_store=self._instance
        )

    def _status(
        self, asset: DefinedAsset, counts: PartitionCounts, causes: tuple[Cause, ...]
    ) -> AssetStatus:
        made = self._known.made.get(asset.key)
        return AssetStatus(
            asset.key,
            counts.worst,
            causes,
            made.time if made is not None else None,
            made.run_id if made is not None else "",
            counts=counts,
            notes=asset.notes,
        )


def _part(every: PartitionsSubset, exist: set[str], some: Collection[str]) -> PartitionsSubset:
    """Return the partitions that are in both; the smaller set is looked up."""
    found = exist.intersection(some)
    if 2 * len(found) <= len(exist):
        return every.partitions_def.subset_with_partition_keys(found)
    return _left(every, exist, exist - found)


def _left(every: PartitionsSubset, exist: set[str], gone: set[str]) -> PartitionsSubset:
    """Return all partitions but some; the fewer keys are looked up."""
    own = every.partitions_def
    if 2 * len(gone) <= len(exist):
        return every - own.subset_with_partition_keys(gone)
    return own.subset_with_partition_keys(exist - gone)


def _joined(causes: Iterable[tuple[Cause, ...]]) -> tuple[Cause, ...]:
    """Return the causes, each once, and not too many."""
    return tuple(dict.fromkeys(each for some in causes for each in some))[:_MOST_CAUSES]


def session_survey(session: Session, keys: Collection[AssetKey] | None) -> AssetStatuses:
    """Return the statuses of a session's whole assets, of all if no keys are given."""
    known, instance = session.definitions, session.instance
    survey = Survey(known, instance, session.catalogue.place_of)
    found = _with_renames(survey.statuses(keys), survey.defined, instance)
    return found or AssetStatuses({}, empty=_nothing_defined(instance))


def _with_renames(
    statuses: AssetStatuses, defined: Mapping[AssetKey, DefinedAsset], instance: Instance
) -> AssetStatuses:
    """Tell of assets that were never made which they may have been before."""
    if all(each.made is not None for each in statuses.values()):
        return statuses
    old = {each.new: each.old for each in possible_renames(defined, instance)}
    return AssetStatuses(
        {
            key: msgspec.structs.replace(each, renamed_from=old[key]) if key in old else each
            for key, each in statuses.items()
        }
    )


def _nothing_defined(instance: Instance) -> str:
    """Return an error: there are no definitions to compare with the history."""
    stored = [key.to_user_string() for key in instance.get_asset_keys()]
    if not stored:
        return "No assets are defined yet, and none are stored."
    more = f" and {len(stored) - 3} more" if len(stored) > 3 else ""
    return (
        f"No assets are defined yet: run the cells that define them. "
        f"Stored from earlier: {', '.join(stored[:3])}{more}."
    )


# --- jobs whose selection asks how assets stand -----------------------------------


def as_it_stands(job: JobDefinition, instance: Instance) -> JobDefinition:
    """Return the job, its selection decided by how assets stand now; itself if it does not ask.

    Args:
        job: The job.
        instance: The instance of their history.

    Example:
        >>> from jobnb import Definitions, asset, define_asset_job
        >>> @asset
        ... def orders():
        ...     return [1, 2]
        >>> missing = define_asset_job("all_missing", "status:missing")
        >>> defs = Definitions(assets=[orders], jobs=[missing])
        >>> job = as_it_stands(defs.get_job_def("all_missing"), Instance.ephemeral())
        >>> [node.name for node in job.nodes]
        ['orders']
    """
    layer = job.asset_layer
    if layer is None or not layer.is_undecided:
        return job
    known = Definitions.of(assets=[*layer.assets, *layer.sources], asset_checks=layer.checks)
    statuses = Survey(known, instance).statuses()

    def status_of(key: AssetKey) -> str:
        return str(statuses[key].status.value)

    looked_up = msgspec.structs.replace(layer, status_of=status_of, is_undecided=False)
    decided = job.replaced(asset_layer=looked_up)
    # With nothing to make there is nothing to tell the partitions: they stay what they could be.
    return decided if decided.nodes else decided.replaced(partitions_def=job.partitions_def)


def nothing_stands_so(job: JobDefinition) -> str:
    """Explain that a job materializes nothing, as no asset has the status; empty if one has."""
    layer = job.asset_layer
    if layer is None or layer.status_of is None or job.nodes:
        return ""
    return f"No asset stands as '{layer.selection}' asks: there is nothing to make."
