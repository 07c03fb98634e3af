"""Versions of partitions: which partitions of an upstream asset were read, and which there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.staleness.partition_records import PartitionRecords, records_of, unread
from jobnb.staleness.tags import data_version_of
from jobnb.storage.instance import Instance
from jobnb.storage.records import Made

__all__ = ["PartitionVersions", "partitions_of"]


def partitions_of(
    assets: Iterable[AssetsDefinition], sources: Iterable[SourceAsset] = ()
) -> dict[AssetKey, PartitionsDefinition]:
    """How assets are partitioned, those that are.

    Args:
        assets: The assets that are made.
        sources: The assets that come from elsewhere.
    """
    found: dict[AssetKey, PartitionsDefinition] = {}
    for each in assets:
        if each.partitions_def is not None:
            found.update(dict.fromkeys(each.keys, each.partitions_def))
    for source in sources:
        if source.partitions_def is not None:
            found[source.key] = source.partitions_def
    return found


class PartitionVersions:
    """Looks partitions up, many of an asset in one query, and remembers what it found.

    Args:
        instance: The history.
        definitions: How assets are partitioned, as `partitions_of` tells.
    """

    def __init__(
        self, instance: Instance, definitions: Mapping[AssetKey, PartitionsDefinition]
    ) -> None:
        self._instance = instance
        self._definitions = definitions
        self._records: dict[AssetKey, dict[str, Made | None]] = {}
        self._whole: dict[AssetKey, PartitionRecords] = {}
        self.most: int | None = None
        self._made_now: dict[AssetKey, dict[str, str]] = {}

    def has(self, key: AssetKey) -> bool:
        """Whether an asset has partitions."""
        return key in self._definitions

    def look_up(self, key: AssetKey, partitions: Sequence[str]) -> dict[str, Made]:
        """What was last made of these partitions of an asset."""
        known = self._records.setdefault(key, {})
        unknown = [each for each in partitions if each not in known]
        if unknown:
            known.update(dict.fromkeys(unknown))
            known.update(self._instance.partitions_made(key, unknown))
        return {each: made for each in partitions if (made := known[each]) is not None}

    def can_read(self, key: AssetKey) -> bool:
        """Whether all partitions of an asset can be read at once: not too many are new."""
        known = self.most is None or key in self._whole
        return known or unread(self._instance, key) <= (self.most or 0)

    def whole(self, key: AssetKey) -> PartitionRecords:
        """What was last made of all partitions of an asset; it is read once."""
        if key not in self._whole:
            self._whole[key] = records_of(self._instance, key)
        return self._whole[key]

    def is_same(self, assets: AssetsDefinition, upstream: AssetKey) -> bool:
        """Whether each partition is made from the one of the same key."""
        given = assets.get_partition_mapping(upstream)
        return given is None and assets.partitions_def == self._definitions[upstream]

    def _versions(self, key: AssetKey, partitions: Sequence[str]) -> dict[str, str]:
        """The versions of those of the partitions that were made."""
        whole = self._whole.get(key)
        if whole is not None:
            known = whole.versions
            return {each: known[each] for each in partitions if each in known}
        found = self.look_up(key, partitions)
        return {each: data_version_of(m.tags, m.storage_id) for each, m in found.items()}

    def note(self, key: AssetKey, partition: str, version: str) -> None:
        """Remember a partition that is made now."""
        self._made_now.setdefault(key, {})[partition] = version

    def version(
        self, assets: AssetsDefinition, partition: str | None, upstream: AssetKey
    ) -> str | None:
        """The version of what a partition of an asset is made from, of an asset with partitions.

        Of one partition it is its own; of several, one that changes with any of them.

        Args:
            assets: What is made from it.
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
        own, theirs = assets.partitions_def, self._definitions[upstream]
        given = assets.get_partition_mapping(upstream)
        if own is not None and partition is None:
            return []
        if self.is_same(assets, upstream):
            return [str(partition)]
        from jobnb.definitions.partitions.default_mapping import fitting_partition_mapping

        mapping = fitting_partition_mapping(given, theirs, own)
        subset = own.subset_with_partition_keys([str(partition)]) if own is not None else None
        result = mapping.get_upstream_mapped_partitions_result_for_partitions(
            subset, theirs, dynamic_partitions_store=self._instance
        )
        return [str(key) for key in result.partitions_subset]
