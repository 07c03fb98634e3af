"""The provenance recorded with each materialization: versions of its code, config and inputs."""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from typing import Any

import msgspec

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.execution.lineage import AssetOrigin, Lineage
from jobnb.staleness.partition_records import PartitionVersions
from jobnb.staleness.versions import (
    CODE,
    CONFIG_VERSION,
    DATA,
    INITIAL,
    IS_GIVEN,
    NO_EVENT,
    CodeVersions,
    data_version_of,
    last_value_events,
)


class _PendingAsset(msgspec.Struct, frozen=True, gc=False):
    """An asset that is about to be materialized.

    Attributes:
        origin: What is known of it before any run.
        tags: The tags that are the same whatever it reads.
        seed: What its data version begins with: the versions of code and config.
    """

    origin: AssetOrigin
    tags: dict[str, str]
    seed: str


class Provenance:
    """The versions of the assets of one run.

    Code is read before the first step begins: a cell that is run meanwhile changes nothing in
    what is recorded. Without a version that somebody gave, each run makes another value of an
    asset, as its function may read what changes outside; with one, the value follows from code,
    config and inputs, and what is made of it stays fresh when it is made again.

    Args:
        run: The run; its plan, its instance and its record are looked at.
    """

    def __init__(self, run: Any) -> None:
        self._run = run
        self._lineage: Lineage = run.lineage
        lineage, chosen = self._lineage, run.chosen
        versions = run.code_versions or CodeVersions()
        self._coming = {
            origin.key: self._about(origin, versions)
            for origin in lineage.origins
            if chosen is None or origin.step in chosen
        }
        self._made_here = {coming.origin.name for coming in self._coming.values()}
        self._versions: dict[str, str] = {}
        self._pointers: dict[str, str] = {}
        self._look_up()

    @cached_property
    def _partitions(self) -> PartitionVersions:
        return PartitionVersions(self._run.instance, self._lineage.partitions)

    def _about(self, origin: AssetOrigin, versions: CodeVersions) -> _PendingAsset:
        code, promised = versions.of(origin.assets, origin.key)
        config = origin.config
        seed = f"{code if promised else self._run.run_id} {config.get(CONFIG_VERSION, '')}"
        return _PendingAsset(origin, {CODE: code, **config}, seed)

    def _look_up(self) -> None:
        """Load the versions of the assets that the run reads and does not materialize."""
        read = {name for each in self._coming.values() for name, _, _ in each.origin.inputs}
        keys = [AssetKey.from_user_string(name) for name in read - self._made_here]
        if not keys:
            return
        sources = {each.key for each in self._lineage.layer.sources}.intersection(keys)
        made = [key for key in keys if key not in sources]
        for key, event in last_value_events(self._run.instance, made, sources).items():
            name = key.to_user_string()
            self._versions[name] = data_version_of(event.tags, event.storage_id)
            self._pointers[name] = str(event.storage_id)

    def _partition_version(
        self, assets: AssetsDefinition, partition: str | None, key: AssetKey
    ) -> str | None:
        """Return the version of the partitions that are read of an asset that has some."""
        own = self._run.plan.partitions
        if own is not None and len(own.keys) > 1:
            self._partitions.look_up(key, [str(each) for each in own.keys])  # all in one query
        return self._partitions.version(assets, partition, key)

    def tags(
        self, key: AssetKey, given: str | None, partition: str | None = None
    ) -> dict[str, str]:
        """Return the tags of an asset that is made now.

        Args:
            key: The asset.
            given: The data version that its code told.
            partition: Which partition of it.
        """
        coming = self._coming[key]
        origin, partitioned = coming.origin, self._lineage.partitioned
        tags, versions, pointers = coming.tags.copy(), self._versions, self._pointers
        text = coming.seed
        for name, input_tag, pointer_tag in origin.inputs:
            if name in partitioned:
                version = self._partition_version(origin.assets, partition, partitioned[name])
            else:
                version = versions.get(name)
            if version is None:
                if name in self._made_here:
                    continue  # made together with this one, and not there yet
                version = INITIAL
            tags[input_tag] = version
            if name not in self._made_here:  # else the number of its event is not known yet
                tags[pointer_tag] = pointers.get(name, NO_EVENT)
            text += f"\n{name} {version}"
        if given is None:
            given = sha256(text.encode()).hexdigest()[:20]
        else:
            tags[IS_GIVEN] = "true"
        tags[DATA] = versions[origin.name] = given
        if partition is not None:
            self._partitions.note(key, str(partition), given)
        return tags
