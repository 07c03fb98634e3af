"""Evaluate the conditions of assets: which are requested, and why, in words."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobnb.automation.condition_evaluation import result_of
from jobnb.automation.condition_inputs import ConditionCursor, ConditionInputs, ConditionTarget
from jobnb.automation.condition_result import ConditionResult
from jobnb.automation.sensor_context import SensorEvaluationContext
from jobnb.definitions.automation.condition import AutoMaterializePolicy, AutomationCondition
from jobnb.definitions.automation.condition_sensor import AutomationConditionSensorDefinition
from jobnb.definitions.automation.results import SensorResult, SkipReason
from jobnb.definitions.jobs.run_request import RunRequest
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.errors import InvalidInvocationError
from jobnb.storage.instance import Instance

_MOST_PARTITIONS = 500


@dataclass(frozen=True)
class EvaluateAutomationConditionsResult:
    """The results of the assets' conditions at one moment.

    Attributes:
        cursor: What the next evaluation is to be given.
        results: The result of each asset and partition that was looked at.
        requested: Those that are requested: keys with their partitions (None: as a whole).

    Source: Dagster's `EvaluateAutomationConditionsResult`.
    """

    cursor: str
    results: Sequence[ConditionResult]
    requested: Mapping[AssetKey, Sequence[str | None]]

    @property
    def total_requested(self) -> int:
        """The number of requested assets and partitions."""
        return sum(len(each) for each in self.requested.values())

    def get_num_requested(self, key: AssetKey) -> int:
        """Count an asset's requested partitions; 1 if whole."""
        return len(self.requested.get(AssetKey.from_coercible(key), ()))

    def get_requested_partitions(self, key: AssetKey) -> set[str | None]:
        """Return the partitions of an asset that are requested."""
        return set(self.requested.get(AssetKey.from_coercible(key), ()))

    def explain(self, key: Any, partition_key: str | None = None) -> str:
        """Explain, as a tree, why an asset is requested or not.

        Args:
            key: The asset.
            partition_key: The partition.

        Raises:
            InvalidInvocationError: If it has no condition.
        """
        wanted = ConditionTarget(AssetKey.from_coercible(key), partition_key)
        for each in self.results:
            if (each.asset_key, each.partition_key) == wanted[:2]:
                return each.tree()
        raise InvalidInvocationError(f"{wanted.words} was not looked at: has it a condition?")


def evaluate_automation_conditions(
    defs: Definitions,
    instance: Instance,
    asset_selection: Any = None,
    evaluation_time: datetime | None = None,
    cursor: str | None = None,
) -> EvaluateAutomationConditionsResult:
    """Find out which assets are to be made by their conditions; nothing is launched.

    Args:
        defs: The code location.
        instance: The history.
        asset_selection: Which assets; all if absent.
        evaluation_time: The moment that counts as now.
        cursor: That of the evaluation before.

    Example:
        >>> from jobnb import AutomationCondition, Definitions, asset
        >>> @asset(automation_condition=AutomationCondition.eager())
        ... def orders(): ...
        >>> found = evaluate_automation_conditions(Definitions([orders]), Instance.ephemeral())
        >>> found.total_requested
        1

    Source: Dagster's `evaluate_automation_conditions`.
    """
    memory = ConditionCursor.read(cursor)
    now = time.time() if evaluation_time is None else evaluation_time.timestamp()
    memory.since = now if memory.since is None else memory.since
    world = ConditionInputs(defs, instance, now, memory)
    chosen = None if asset_selection is None else defs.select_assets(asset_selection)
    results: list[ConditionResult] = []
    requested: dict[AssetKey, list[str | None]] = {}
    for key in _in_order(defs):
        condition, most = _condition(defs, key)
        if condition is None or (chosen is not None and key not in chosen):
            continue
        found = [
            result_of(world, place, condition, key.to_user_string())
            for place in _places(world, key, condition)
        ]
        results += found
        asked = [each.partition_key for each in reversed(found) if each.is_true]
        if most is not None:
            asked = asked[: max(0, most - _in_last_minute(memory, key, now))]
        for partition in asked:
            world.requested.add(ConditionTarget(key, partition))
            requested.setdefault(key, []).append(partition)
    for name, when in memory.requested.items():
        if world.asked(ConditionTarget.read(name)) is not None:
            world.kept.requested[name] = when
    world.kept.requested.update({place.text: now for place in world.requested})
    return EvaluateAutomationConditionsResult(world.kept.text(), results, requested)


def _in_last_minute(memory: ConditionCursor, key: AssetKey, now: float) -> int:
    path = list(key.path)
    return sum(
        json.loads(name)[0] == path for name, when in memory.requested.items() if when > now - 60
    )


def _condition(
    definitions: Definitions, key: AssetKey
) -> tuple[AutomationCondition | None, int | None]:
    """Return the condition of an asset, and how many partitions are requested in a minute."""
    own = definitions.assets_by_key[key]
    condition = own.automation_conditions_by_key.get(key)
    if isinstance(condition, AutomationCondition):
        return condition, None
    policy = own.auto_materialize_policies_by_key.get(key)
    if isinstance(policy, AutoMaterializePolicy):
        return policy.to_automation_condition(), policy.max_materializations_per_minute
    return None, None


def keys_with_conditions(definitions: Definitions) -> set[AssetKey]:
    """Return the keys of the assets of a code location that have a condition or a policy."""
    known = definitions.assets_by_key
    return {key for key in known if _condition(definitions, key)[0] is not None}


def _places(
    world: ConditionInputs, key: AssetKey, condition: AutomationCondition
) -> list[ConditionTarget]:
    """Return the partitions that may be requested, the oldest first; or the asset itself."""
    partitions = world.partitions(key)
    if partitions is None:
        return [ConditionTarget(key)]
    only_latest = condition.kind == "and" and any(
        each.kind == "in_latest_time_window" and not each.lookback for each in condition.operands
    )
    if only_latest and isinstance(partitions, TimeWindowPartitionsDefinition):
        latest = world.latest_partition(key)
        return [] if latest is None else [ConditionTarget(key, latest)]
    keys = partitions.get_partition_keys(world.moment, world.instance)
    return [ConditionTarget(key, str(each)) for each in keys[-_MOST_PARTITIONS:]]


def _in_order(definitions: Definitions) -> list[AssetKey]:
    """Return the assets, each after its upstream."""
    from graphlib import TopologicalSorter

    known = definitions.assets_by_key
    graph = {
        key: [dep for dep in sorted(own.asset_deps.get(key, ())) if dep in known and dep != key]
        for key, own in sorted(known.items())
    }
    return list(TopologicalSorter(graph).static_order())


def condition_requests(
    sensor: AutomationConditionSensorDefinition, context: SensorEvaluationContext
) -> SensorResult:
    """Return the run requests of the assets whose conditions are true: one for each partition.

    Raises:
        InvalidInvocationError: If the code location is not known.
    """
    definitions = context.definitions
    if definitions is None:
        raise InvalidInvocationError(
            f"The sensor {sensor.name!r} looks at assets, and nothing says which there are. Pass "
            "definitions=Definitions(...) to build_sensor_context."
        )
    now = context.tick_time
    found = evaluate_automation_conditions(
        definitions,
        context.instance,
        sensor.asset_selection,
        None if now is None else datetime.fromtimestamp(now, UTC),
        context.cursor,
    )
    groups: dict[str | None, list[AssetKey]] = {}
    for key, partitions in found.requested.items():
        for partition in partitions:
            groups.setdefault(partition, []).append(key)
    context.decisions = found.results
    for each in found.results:
        if each.is_true:
            context.log.info("%s is requested: %s.", each.name, each.reason)
    requests = [
        RunRequest(partition_key=partition, asset_selection=keys)
        for partition, keys in groups.items()
    ]
    skip = None if requests else SkipReason("No condition is true.")
    return SensorResult(requests, skip, found.cursor)
