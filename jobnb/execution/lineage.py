"""The inputs and config of a plan's assets, which are the same in all runs."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from jobnb.definitions.assets.asset_job import AssetLayer
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.plan.step import Plan, Step
from jobnb.staleness.versions import INPUT, POINTER, config_tags, partitions_of


class AssetOrigin(msgspec.Struct, frozen=True, gc=False):
    """What is known of an asset before any run.

    Attributes:
        key: Its key.
        name: Its key as people write it.
        step: The number of the step that makes it.
        assets: What defines it.
        config: The tags that report its config.
        inputs: Its upstream assets by name, each with the names of the two tags that report it.
    """

    key: AssetKey
    name: str
    step: int
    assets: AssetsDefinition
    config: Mapping[str, str]
    inputs: list[tuple[str, str, str]]


class Lineage:
    """The inputs and code of a plan's assets, for any partitions.

    Args:
        plan: The plan.

    Attributes:
        layer: The assets around.
        origins: What is known of each asset that the plan makes.
        partitions: How the assets around are partitioned, where they are.
        partitioned: The assets that have partitions, by name.
    """

    def __init__(self, plan: Plan) -> None:
        making = [step for step in plan.steps if step.assets_def is not None]
        self.layer: AssetLayer = getattr(plan.job.graph, "layer", None) or AssetLayer(())
        self.partitions: Mapping[AssetKey, PartitionsDefinition] = partitions_of(
            self.layer.assets, self.layer.sources
        )
        self.partitioned = {key.to_user_string(): key for key in self.partitions}
        self.origins = [
            _origin(step, out.asset_key, plan.given_config)
            for step in making
            for out in step.outputs
            if out.asset_key is not None
        ]


def _origin(step: Step, key: AssetKey, given_config: Mapping[str, object]) -> AssetOrigin:
    assets = step.assets_def
    assert assets is not None
    # One that is not selected may come out all the same; what it is made from is not told.
    upstream = assets.asset_deps.get(key, assets.dependency_keys)
    deps = [dep.to_user_string() for dep in upstream if dep != key]
    if len(deps) > 1:
        deps.sort()
    inputs = [(name, INPUT + name, POINTER + name) for name in deps]
    config = config_tags(assets.node_def, given_config.get(step.path[0]))
    return AssetOrigin(key, key.to_user_string(), step.index, assets, config, inputs)
