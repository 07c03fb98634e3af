"""What is recorded with each asset that a run makes: of which code, config and inputs it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from jobnb.definitions.assets.asset_layer import AssetLayer
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.plan.step import Step
from jobnb.staleness.code_versions import CodeVersions
from jobnb.staleness.config_versions import config_tags, takes_config
from jobnb.staleness.events import last_told
from jobnb.staleness.partition_versions import PartitionVersions
from jobnb.staleness.tags import (
    CODE,
    CONFIG_VERSION,
    DATA,
    INITIAL,
    INPUT,
    IS_GIVEN,
    POINTER,
    data_version_of,
)

__all__ = ["Provenance"]


class _Origin(msgspec.Struct, frozen=True, gc=False):
    """What is known of an asset before it is made.

    Attributes:
        name: Its key as people write it.
        assets: What makes it.
        tags: The tags that are the same whatever it reads.
        seed: What its data version begins with: the versions of code and config.
        inputs: Its upstream assets by name, each with the names of the two tags that tell of it.
    """

    name: str
    assets: AssetsDefinition
    tags: Mapping[str, str]
    seed: str
    inputs: list[tuple[str, str, str]]


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
        steps = [s for s in run.plan.steps if s.assets_def is not None]
        going = [s for s in steps if run.chosen is None or s.index in run.chosen]
        graph = run.plan.job.graph
        self._layer = graph.layer if steps else AssetLayer((), ())
        assets, sources = self._layer.assets, self._layer.sources
        self._partitions = PartitionVersions(run.instance, assets, sources)
        self._partitioned = self._partitioned_names()
        versions = run.code_versions or CodeVersions()
        self._origins = {
            out.asset_key: self._origin(step, out.asset_key, versions)
            for step in going
            for out in step.outputs
            if out.asset_key is not None
        }
        self._made_here = {origin.name for origin in self._origins.values()}
        self._versions: dict[str, str] = {}
        self._pointers: dict[str, str] = {}
        read = {name for origin in self._origins.values() for name, _, _ in origin.inputs}
        self._look_up([AssetKey.from_user_string(name) for name in read - self._made_here])

    def _origin(self, step: Step, key: AssetKey, versions: CodeVersions) -> _Origin:
        assets = step.assets_def
        assert assets is not None
        code, promised = versions.of(assets, key)
        tags, config = {CODE: code}, ""
        if takes_config(assets.node_def):
            given = self._run.plan.given_config.get(step.path[0])
            tags |= config_tags(assets.node_def, given)
            config = tags.get(CONFIG_VERSION, "")
        seed = f"{code if promised else self._run.run_id} {config}"
        # One that is not selected may come out all the same; what it is made from is not told.
        upstream = assets.asset_deps.get(key, assets.dependency_keys)
        deps = [dep.to_user_string() for dep in upstream if dep != key]
        if len(deps) > 1:
            deps.sort()
        inputs = [(name, INPUT + name, POINTER + name) for name in deps]
        return _Origin(key.to_user_string(), assets, tags, seed, inputs)

    def _look_up(self, keys: Collection[AssetKey]) -> None:
        """The versions of what the run reads and does not make."""
        if not keys:
            return
        sources = {each.key for each in self._layer.sources}.intersection(keys)
        made = [key for key in keys if key not in sources]
        for key, event in last_told(self._run.instance, made, sources).items():
            name = key.to_user_string()
            self._versions[name] = data_version_of(event.tags, event.storage_id)
            self._pointers[name] = str(event.storage_id)

    def _partitioned_names(self) -> dict[str, AssetKey]:
        """The assets that have partitions, by name."""
        around = (*self._layer.assets, *self._layer.sources)
        found = [each for each in around if each.partitions_def is not None]
        keys = (key for each in found for key in getattr(each, "keys", None) or (each.key,))
        return {key.to_user_string(): key for key in keys}

    def _partition_version(
        self, assets: AssetsDefinition, partition: str | None, key: AssetKey
    ) -> str | None:
        """The version of the partitions that are read of an asset that has some."""
        own = self._run.plan.partitions
        if own is not None and len(own.keys) > 1:
            self._partitions.look_up(key, [str(each) for each in own.keys])  # all in one query
        return self._partitions.version(assets, partition, key)

    def tags(
        self, key: AssetKey, given: str | None, partition: str | None = None
    ) -> dict[str, str]:
        """The tags of an asset that is made now.

        Args:
            key: The asset.
            given: The data version that its code told.
            partition: Which partition of it.
        """
        origin = self._origins[key]
        tags, versions, pointers = {**origin.tags}, self._versions, self._pointers
        text = origin.seed
        for name, input_tag, pointer_tag in origin.inputs:
            if name in self._partitioned:
                version = self._partition_version(origin.assets, partition, self._partitioned[name])
            else:
                version = versions.get(name)
            if version is None:
                if name in self._made_here:
                    continue  # made together with this one, and not there yet
                version = INITIAL
            tags[input_tag] = version
            if name in pointers:  # of what this run itself made, the number is not known yet
                tags[pointer_tag] = pointers[name]
            text += f"\n{name} {version}"
        if given is None:
            given = sha256(text.encode()).hexdigest()[:20]
        else:
            tags[IS_GIVEN] = "true"
        tags[DATA] = versions[origin.name] = given
        if partition is not None:
            self._partitions.note(key, str(partition), given)
        return tags
