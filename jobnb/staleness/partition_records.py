"""The last materializations of an asset's partitions: read once, then updated.

A hundred thousand partitions are mostly alike: they were made by the same code with the same
config. What they share is kept once, so that it can be judged once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from weakref import WeakKeyDictionary

import msgspec

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.staleness.versions import (
    CODE,
    CONFIG,
    CONFIG_VERSION,
    DATA,
    GIVEN_CONFIG,
    INPUT,
    data_version_of,
)
from jobnb.storage.instance import Instance
from jobnb.storage.records import LatestMaterialization

_SHARED = (CODE, CONFIG_VERSION, CONFIG, GIVEN_CONFIG)


class SimilarPartitions(msgspec.Struct):
    """Partitions with the same code version, config and upstream assets.

    Attributes:
        made: One of them; only the tags of code and config are kept.
        partitions: All of them.
        read: For each asset that was read, its version by partition.
    """

    made: LatestMaterialization
    partitions: set[str]
    read: dict[AssetKey, dict[str, str]]

    @property
    def sign(self) -> tuple[object, ...]:
        """The values that they share."""
        return (*(self.made.tags.get(tag) for tag in _SHARED), frozenset(self.read))

    def with_others(self, more: SimilarPartitions) -> SimilarPartitions:
        """Return these and more of their kind."""
        read = {key: {**versions, **more.read[key]} for key, versions in self.read.items()}
        return SimilarPartitions(self.made, self.partitions | more.partitions, read)

    def leave_out(self, partitions: Iterable[str]) -> SimilarPartitions:
        """Return the others of its kind."""
        gone = set(partitions)
        read = {
            key: {name: version for name, version in versions.items() if name not in gone}
            for key, versions in self.read.items()
        }
        return SimilarPartitions(self.made, self.partitions - gone, read)


class PartitionRecords(msgspec.Struct, frozen=True):
    """The last materialization of each partition of an asset.

    Attributes:
        versions: The data version of each.
        storage_ids: The number of the event that made each.
        kinds: The partitions by what they share.
        print: What returns whether it is still true; see `Instance.partitions_print`.
    """

    versions: Mapping[str, str]
    storage_ids: Mapping[str, int]
    kinds: tuple[SimilarPartitions, ...]
    print: tuple[int, int] = (0, 0)

    def joined(self, made: Mapping[str, LatestMaterialization]) -> PartitionRecords:
        """Return these records with later ones added."""
        if not made:
            return self
        again = self.versions.keys() & made.keys()
        old = [each.leave_out(again) for each in self.kinds] if again else [*self.kinds]
        kinds = _merged([each for each in old if each.partitions] + _kinds_of(made))
        versions, ids = dict(self.versions), dict(self.storage_ids)
        for name, each in made.items():
            number = each.storage_id
            versions[name] = each.tags.get(DATA) or data_version_of(each.tags, number)
            ids[name] = number
        return PartitionRecords(versions, ids, kinds, (len(ids), sum(ids.values())))


_NOTHING = PartitionRecords({}, {}, ())


def _merged(kinds: Iterable[SimilarPartitions]) -> tuple[SimilarPartitions, ...]:
    """Return each kind once."""
    found: dict[tuple[object, ...], SimilarPartitions] = {}
    for each in kinds:
        known = found.get(each.sign)
        found[each.sign] = each if known is None else known.with_others(each)
    return tuple(found.values())


def _kinds_of(made: Mapping[str, LatestMaterialization]) -> list[SimilarPartitions]:
    found: dict[
        tuple[str | None, ...], tuple[SimilarPartitions, list[tuple[str, dict[str, str]]]]
    ] = {}
    for name, each in made.items():
        tags = each.tags
        sign = (*tags, tags.get(CODE), tags.get(CONFIG_VERSION), tags.get(GIVEN_CONFIG))
        known = found.get(sign)
        if known is None:
            known = found[sign] = _new_kind(each)
        kind, inputs = known
        kind.partitions.add(name)
        for tag, versions in inputs:
            versions[name] = tags[tag]
    return [kind for kind, _ in found.values()]


def _new_kind(
    first: LatestMaterialization,
) -> tuple[SimilarPartitions, list[tuple[str, dict[str, str]]]]:
    """Return a kind that has no partitions yet, and its versions by the tag that tells them."""
    tags = {tag: first.tags[tag] for tag in _SHARED if tag in first.tags}
    inputs: list[tuple[str, dict[str, str]]] = [(t, {}) for t in first.tags if t.startswith(INPUT)]
    read = {_input_key(tag): versions for tag, versions in inputs}
    return SimilarPartitions(msgspec.structs.replace(first, tags=tags), set(), read), inputs


def _input_key(tag: str) -> AssetKey:
    return AssetKey.from_user_string(tag[len(INPUT) :])


_kept: WeakKeyDictionary[Instance, dict[AssetKey, PartitionRecords]] = WeakKeyDictionary()
_names: WeakKeyDictionary[Instance, Mapping[AssetKey, Sequence[AssetKey]]] = WeakKeyDictionary()
_guard = threading.Lock()


def unread(instance: Instance, key: AssetKey) -> int:
    """Estimate how many partitions of an asset `records_of` would have to read now."""
    with _guard:
        known = _kept.get(instance, {}).get(key, _NOTHING)
    now = instance.partitions_print(key)
    return 0 if known.print == now else max(1, now[0] - known.print[0])


def records_of(instance: Instance, key: AssetKey) -> PartitionRecords:
    """Load the last materialization of each partition of an asset from the history.

    Args:
        instance: The history.
        key: The asset.

    Example:
        >>> from jobnb import StaticPartitionsDefinition, asset, materialize
        >>> @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
        ... def letters(): ...
        >>> instance = Instance.ephemeral()
        >>> made = materialize([letters], instance=instance, partition_key="b")
        >>> list(records_of(instance, letters.key).versions)
        ['b']
    """
    names = instance.earlier_names()
    with _guard:
        kept = _kept.setdefault(instance, {})
        if _names.get(instance, names) != names:  # what was read of other assets is renamed in it
            kept.clear()
        _names[instance] = names
        known = kept.get(key, _NOTHING)
        now = instance.partitions_print(key)
        if known.print != now:
            after = max(known.storage_ids.values(), default=None)
            known = known.joined(instance.partitions_made(key, after=after))
            if known.print != now:  # some were forgotten, or a run was: what is left is older
                known = _NOTHING.joined(instance.partitions_made(key))
            kept[key] = known
        return known


# --- versions of what a partition is materialized from ----------------------------


class PartitionVersions(msgspec.Struct, eq=False):
    """Loads records of partitions, many of an asset in one query, and caches them.

    Args:
        instance: The history.
        definitions: How assets are partitioned, as `versions.partitions_of` tells.
        most: How many partitions of an asset that nobody has looked at yet are read at most.
    """

    instance: Instance
    definitions: Mapping[AssetKey, PartitionsDefinition]
    most: int | None = None
    _records: dict[AssetKey, dict[str, LatestMaterialization | None]] = {}
    _whole: dict[AssetKey, PartitionRecords] = {}
    _made_now: dict[AssetKey, dict[str, str]] = {}

    def look_up(self, key: AssetKey, partitions: Sequence[str]) -> dict[str, LatestMaterialization]:
        """Load the last materializations of these partitions of an asset."""
        known = self._records.setdefault(key, {})
        unknown = [each for each in partitions if each not in known]
        if unknown:
            known.update(dict.fromkeys(unknown))
            known.update(self.instance.partitions_made(key, unknown))
        return {each: made for each in partitions if (made := known[each]) is not None}

    def can_read(self, key: AssetKey) -> bool:
        """Whether all partitions of an asset can be read at once: not too many are new."""
        known = self.most is None or key in self._whole
        return known or unread(self.instance, key) <= (self.most or 0)

    def whole(self, key: AssetKey) -> PartitionRecords:
        """Load the last materialization of every partition of an asset, once."""
        if key not in self._whole:
            self._whole[key] = records_of(self.instance, key)
        return self._whole[key]

    def is_same(self, assets: AssetsDefinition, upstream: AssetKey) -> bool:
        """Whether each partition depends on the one of the same key."""
        given = assets.get_partition_mapping(upstream)
        return given is None and assets.partitions_def == self.definitions[upstream]

    def _versions(self, key: AssetKey, partitions: Sequence[str]) -> dict[str, str]:
        """Return the versions of those of the partitions that were materialized."""
        whole = self._whole.get(key)
        if whole is not None:
            known = whole.versions
            return {each: known[each] for each in partitions if each in known}
        found = self.look_up(key, partitions)
        return {each: data_version_of(m.tags, m.storage_id) for each, m in found.items()}

    def note(self, key: AssetKey, partition: str, version: str) -> None:
        """Record a partition that is materialized now."""
        self._made_now.setdefault(key, {})[partition] = version

    def version(
        self, assets: AssetsDefinition, partition: str | None, upstream: AssetKey
    ) -> str | None:
        """Return the version of an upstream asset with partitions, for one partition downstream.

        Of one partition it is its own; of several, one that changes with any of them.

        Args:
            assets: What depends on it.
            partition: Which partition of that; None where it has none.
            upstream: The asset whose partitions are read.
        """
        keys = self._read(assets, partition, upstream)
        now = self._made_now.get(upstream, {})
        found = {key: now[key] for key in keys if key in now}
        rest = [key for key in keys if key not in now]
        found.update(self._versions(upstream, rest))
        if len(keys) == 1:
            return found.get(keys[0])
        text = "\n".join(f"{key} {found[key]}" for key in sorted(found))
        return sha256(text.encode()).hexdigest()[:20] if found else None

    def _read(
        self, assets: AssetsDefinition, partition: str | None, upstream: AssetKey
    ) -> list[str]:
        own, theirs = assets.partitions_def, self.definitions[upstream]
        given = assets.get_partition_mapping(upstream)
        if own is not None and partition is None:
            return []
        if self.is_same(assets, upstream):
            return [str(partition)]
        from jobnb.definitions.partitions.default_mapping import fitting_partition_mapping

        mapping = fitting_partition_mapping(given, theirs, own)
        subset = own.subset_with_partition_keys([str(partition)]) if own is not None else None
        result = mapping.get_upstream_mapped_partitions_result_for_partitions(
            subset, theirs, dynamic_partitions_store=self.instance
        )
        return [str(key) for key in result.partitions_subset]
