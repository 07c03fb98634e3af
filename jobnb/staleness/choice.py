"""Select the steps of a plan that have to run when only stale assets are materialized."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from jobnb.definitions.assets.asset_job import AssetLayer
from jobnb.definitions.jobs.job_config import job_words
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.types import NOTHING
from jobnb.errors import InvariantViolationError
from jobnb.plan.selection_resolution import with_known_keys
from jobnb.plan.step import Plan, Step
from jobnb.staleness.causes import StaleStatus
from jobnb.staleness.partition_records import PartitionVersions
from jobnb.staleness.statuses import (
    Place,
    at_partition,
    config_as_recorded,
    defined_assets,
    failures_since,
    place_of,
    source_versions,
)
from jobnb.staleness.verdicts import DefinedAsset, KnownAssets, Verdict, judge
from jobnb.staleness.versions import config_tags, partitions_of
from jobnb.storage.instance import Instance
from jobnb.storage.records import LatestMaterialization

_MOST_NAMES = 12


class StaleChoice(msgspec.Struct, frozen=True):
    """The part of a plan that runs.

    Attributes:
        steps: The numbers of the steps that run.
        fresh: The assets that stay as they are, with the run that made each.
        words: What is left out, in a sentence; empty if that is nothing.
    """

    steps: frozenset[int]
    fresh: Mapping[AssetKey, str]
    words: str


def choose_stale(
    plan: Plan, instance: Instance, in_memory: Collection[str] = (), place: Place | None = None
) -> StaleChoice:
    """Return the steps that make what is stale, missing or failed, and what depends on these.

    An asset that is stale only because one upstream of the plan is stale stays as it is: making
    it again would make the same again.

    Args:
        plan: A plan that makes assets, its config bound.
        instance: The instance of their history.
        in_memory: The keys of IO managers that lose their values with the run.
        place: Tells where an asset is written.

    Raises:
        InvariantViolationError: If the plan makes no assets.
    """
    layer = plan.job.asset_layer
    if layer is None:
        raise InvariantViolationError(
            f"{job_words(plan.job.name, begins=True)} makes no assets: none of its "
            "steps can be stale. Leave out stale_only."
        )
    nodes = _nodes(plan)
    verdicts: dict[AssetKey, Verdict] = {}
    wanted: set[AssetKey] = set()
    for known in _known(plan, instance, layer, nodes, place):
        verdicts = {key: each for key, each in judge(known).items() if key in nodes}
        wanted |= _wanted(verdicts, plan)
    steps = _steps_of(plan, wanted)
    steps = _with_lost_values(plan, steps, frozenset(in_memory))
    going = {out.asset_key for index in steps for out in plan.steps[index].outputs}
    fresh = {k: v.status.run_id for k, v in verdicts.items() if k not in going}
    return StaleChoice(frozenset(steps), fresh, _words(verdicts, fresh))


def _nodes(plan: Plan) -> dict[AssetKey, str]:
    """Return the node that makes each asset of a plan."""
    return {
        key: step.path[0]
        for step in plan.steps
        if step.assets_def is not None
        for key in step.assets_def.ordered_keys
    }


def _known(
    plan: Plan,
    instance: Instance,
    layer: AssetLayer,
    nodes: Mapping[AssetKey, str],
    place: Place | None,
) -> Iterator[KnownAssets]:
    """Collect the records of all assets: one outside of the plan may make others stale.

    Of a run for several partitions it is told for each of them.
    """
    assets = with_known_keys(layer.assets, layer.sources)
    defined = defined_assets(assets)
    made = instance.last_made(defined)

    def config_now(asset: DefinedAsset, made: LatestMaterialization) -> Mapping[str, str]:
        if asset.key not in nodes:
            return config_as_recorded(asset, made)
        return config_tags(asset.node, plan.given_config.get(nodes[asset.key]))

    sources = source_versions(instance, layer.sources, defined)
    failed = failures_since(instance, assets, made)
    partitions = PartitionVersions(instance, partitions_of(assets, layer.sources))
    place, elsewhere = place or place_of(assets), instance.launched_elsewhere
    names = instance.earlier_names()
    if plan.partitions is None:
        yield KnownAssets(
            defined, made, sources, failed, partitions, config_now, place, elsewhere, names
        )
        return
    keys = [str(key) for key in plan.partitions.keys]
    for each in assets:
        for key in each.keys if each.partitions_def is not None else ():
            partitions.look_up(key, keys)  # all in one query
    for partition in keys:
        own = at_partition(partition, assets, made, partitions)
        yield KnownAssets(
            defined, own, sources, failed, partitions, config_now, place, elsewhere, names
        )


def _wanted(verdicts: Mapping[AssetKey, Verdict], plan: Plan) -> set[AssetKey]:
    """Return the assets to be made; a step makes all of its assets or none."""
    made_with: dict[AssetKey, Collection[AssetKey]] = {}
    upstream: dict[AssetKey, set[AssetKey]] = {}
    for step in plan.steps:
        if step.assets_def is not None:
            for key in step.assets_def.keys:
                made_with[key] = step.assets_def.keys
                upstream[key] = step.assets_def.asset_deps.get(key, set())
    wanted: set[AssetKey] = set()
    going = [key for key, verdict in verdicts.items() if _has_to_go(verdict)]
    below: dict[AssetKey, list[AssetKey]] = {}
    for key, deps in upstream.items():
        for dep in deps:
            below.setdefault(dep, []).append(key)
    while going:
        key = going.pop()
        if key not in wanted:
            wanted.add(key)
            going += [*made_with[key], *below.get(key, ())]
    return wanted


def _has_to_go(verdict: Verdict) -> bool:
    return bool(verdict.own) or verdict.status.status in (StaleStatus.MISSING, StaleStatus.FAILED)


def _steps_of(plan: Plan, keys: Collection[AssetKey]) -> set[int]:
    return {
        step.index
        for step in plan.steps
        if step.assets_def is not None and not step.assets_def.keys.isdisjoint(keys)
    }


def _with_lost_values(plan: Plan, steps: set[int], in_memory: frozenset[str]) -> set[int]:
    """Add the steps whose values others need, but which are not stored."""
    waiting = list(steps) if in_memory else []
    while waiting:
        step = plan.steps[waiting.pop()]
        for wait in step.waits_for:
            upstream = plan.steps[wait.step]
            if wait.step not in steps and _is_lost(upstream, wait.output, in_memory):
                steps.add(wait.step)
                waiting.append(wait.step)
    return steps


def _is_lost(step: Step, output_name: str, in_memory: frozenset[str]) -> bool:
    output = step.output(output_name)
    if output is None or output.data_type is NOTHING:
        return False
    return output.manager_key in in_memory


def _words(verdicts: Mapping[AssetKey, Verdict], fresh: Collection[AssetKey]) -> str:
    """Describe the assets that are not materialized, in a sentence."""
    stays = [key.to_user_string() for key in fresh if not verdicts[key].causes]
    waits = [
        f"{key.to_user_string()} ({cause.seen_from(key)})"
        for key in fresh
        for cause in verdicts[key].causes[:1]
    ]
    parts = [f"{_counted(stays)} fresh and not made again: {_names(stays)}."] if stays else []
    if waits:
        parts.append(f"{_counted(waits)} stale by what is not selected: {_names(waits)}.")
    return " ".join(parts)


def _counted(names: list[str]) -> str:
    return f"{len(names)} assets are" if len(names) > 1 else "1 asset is"


def _names(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
