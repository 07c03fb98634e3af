"""Evaluating the conditions of assets: which are requested, and why, in words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from jobnb.automation.condition_result import ConditionResult
from jobnb.automation.freshness import lateness
from jobnb.automation.sensor_context import SensorEvaluationContext
from jobnb.definitions.automation.condition import AutoMaterializePolicy, AutomationCondition
from jobnb.definitions.automation.condition_sensor import AutomationConditionSensorDefinition
from jobnb.definitions.automation.cron_schedule import CronSchedule
from jobnb.definitions.automation.results import SensorResult, SkipReason
from jobnb.definitions.jobs.run_request import RunRequest
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.default_mapping import fitting_partition_mapping
from jobnb.definitions.partitions.partition_keys import PARTITION_TAG
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.errors import InvalidInvocationError
from jobnb.state import RunStatus
from jobnb.storage.instance import Instance
from jobnb.storage.records import Made
from jobnb.storage.run import RunsFilter

Place = tuple[AssetKey, str | None]
"""An asset, or one of its partitions."""

_MOST_PARTITIONS = 500
_GOES_ON = (
    RunStatus.QUEUED,
    RunStatus.NOT_STARTED,
    RunStatus.STARTING,
    RunStatus.STARTED,
    RunStatus.CANCELING,
)


@dataclass
class _Memory:
    """What one evaluation keeps for the next one."""

    since: float | None = None
    last: float | None = None
    requested: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> _Memory:
        """What a cursor holds."""
        if not text:
            return cls()
        try:
            found = json.loads(text)
            return cls(found["since"], found["last"], dict(found["requested"]))
        except (ValueError, TypeError, KeyError):
            raise InvalidInvocationError(
                f"{text!r} is no cursor of conditions. Delete it: they begin anew then."
            ) from None

    def text(self) -> str:
        """It as a cursor."""
        kept = {"since": self.since, "last": self.last, "requested": self.requested}
        return json.dumps(kept, sort_keys=True)


def _name(place: Place) -> str:
    return json.dumps([list(place[0].path), place[1]])


class _World:
    """What is known at one moment: what was made when, what goes on, what was requested."""

    def __init__(
        self, definitions: Definitions, instance: Instance, now: float, memory: _Memory
    ) -> None:
        self.definitions = definitions
        self.instance = instance
        self.now = now
        self.memory = memory
        self.requested: set[Place] = set()
        self._partitions_made: dict[AssetKey, Mapping[str, Made]] = {}
        self._latest: dict[AssetKey, Any] = {}

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    @cached_property
    def _made(self) -> Mapping[AssetKey, Made]:
        return self.instance.last_made()

    def made(self, place: Place) -> Made | None:
        key, partition = place
        if partition is None:
            return self._made.get(key)
        if key not in self._partitions_made:
            self._partitions_made[key] = self.instance.partitions_made(key)
        return self._partitions_made[key].get(partition)

    def asked(self, place: Place) -> float | None:
        """When it was requested, if it was not made since."""
        when = self.memory.requested.get(_name(place))
        made = self.made(place)
        return None if when is not None and made is not None and made.time > when else when

    @cached_property
    def _under_way(self) -> set[Place]:
        found: set[Place] = set()
        for run in self.instance.get_runs(RunsFilter(statuses=_GOES_ON)):
            for key in run.asset_selection or ():
                found.add((key, run.tags.get(PARTITION_TAG)))
        return found

    def goes_on(self, place: Place) -> bool:
        return place in self._under_way or (place[0], None) in self._under_way

    def partitions(self, key: AssetKey) -> Any:
        definition = self.definitions.assets_by_key.get(key)
        return None if definition is None else definition.partitions_def

    def latest_partition(self, key: AssetKey) -> str | None:
        if key not in self._latest:
            partitions = self.partitions(key)
            self._latest[key] = partitions.get_last_partition_key(self.moment, self.instance)
        found: str | None = self._latest[key]
        return found

    def deps(self, place: Place) -> list[Place]:
        """What an asset, or a partition of it, is made from; without what nothing here makes."""
        key, partition = place
        own = self.definitions.assets_by_key[key]
        found: list[Place] = []
        for dep in sorted(own.asset_deps.get(key, ()), key=lambda each: tuple(each.path)):
            upstream = self.definitions.assets_by_key.get(dep)
            if upstream is None or dep == key:
                continue
            partitions = own.partitions_def
            if upstream.partitions_def is None or partitions is None or partition is None:
                found.append((dep, None))
                continue
            mapping = fitting_partition_mapping(
                own.get_partition_mapping(dep), upstream.partitions_def, partitions
            )
            mapped = mapping.get_upstream_mapped_partitions_result_for_partitions(
                partitions.subset_with_partition_keys([partition]),
                upstream.partitions_def,
                self.moment,
                self.instance,
            )
            found += [(dep, each) for each in mapped.partitions_subset.get_partition_keys()]
        return found


Answer = tuple[bool, str]


def _missing(world: _World, place: Place, _: AutomationCondition) -> Answer:
    made = world.made(place)
    return made is None, "it was never made" if made is None else f"it was made {_at(made.time)}"


def _newly_missing(world: _World, place: Place, condition: AutomationCondition) -> Answer:
    is_missing, why = _missing(world, place, condition)
    asked = world.asked(place)
    if is_missing and asked is not None:
        return False, f"it is missing, and was requested {_at(asked)}"
    return is_missing, why


def _newly_updated(world: _World, place: Place, _: AutomationCondition) -> Answer:
    made, last = world.made(place), world.memory.last
    new = made is not None and last is not None and made.time > last
    return new, "it was made since the last evaluation" if new else "it was not made since"


def _newly_requested(world: _World, place: Place, _: AutomationCondition) -> Answer:
    asked = world.memory.requested.get(_name(place))
    new = asked is not None and asked == world.memory.last
    return new, "it was requested just before" if new else "it was not requested just before"


def _will_be_requested(world: _World, place: Place, _: AutomationCondition) -> Answer:
    asked = place in world.requested
    return asked, "it is requested now" if asked else "it is not requested now"


def _in_progress(world: _World, place: Place, _: AutomationCondition) -> Answer:
    goes_on = world.goes_on(place)
    return goes_on, "a run makes it right now" if goes_on else "no run makes it right now"


def _initial(world: _World, _place: Place, _: AutomationCondition) -> Answer:
    first = world.memory.last is None
    return first, "this is the first evaluation" if first else "it was evaluated before"


def _in_latest_window(world: _World, place: Place, condition: AutomationCondition) -> Answer:
    key, partition = place
    partitions = world.partitions(key)
    if partition is None or not isinstance(partitions, TimeWindowPartitionsDefinition):
        return True, "it has no partitions in time"
    latest = world.latest_partition(key)
    if latest is None:
        return False, "no partition is over yet"
    if partition == latest:
        return True, "it is the latest partition"
    end = partitions.time_window_for_partition_key(latest).end
    own = partitions.time_window_for_partition_key(partition).end
    near = (end - own).total_seconds() <= condition.lookback
    return near, "it is one of the latest partitions" if near else "it is not the latest partition"


def _cron_tick_passed(world: _World, place: Place, condition: AutomationCondition) -> Answer:
    made, asked = world.made(place), world.asked(place)
    handled = max(
        world.memory.since or world.now, made.time if made is not None else 0.0, asked or 0.0
    )
    tick = _last_tick(world, condition)
    passed = tick is not None and tick > handled
    if passed and tick is not None:
        return True, f"{condition.cron} came {_at(tick)}"
    return False, f"{condition.cron} has not come since {_at(handled)}"


def _last_tick(world: _World, condition: AutomationCondition) -> float | None:
    assert condition.cron is not None
    times = CronSchedule(condition.cron, condition.timezone)
    begin = datetime.fromtimestamp(max(0.0, world.now - 5 * 366 * 86400), UTC)
    found, _ = times.latest(begin, world.moment, 1)
    return found[-1].timestamp() if found else None


def _freshness_failed(world: _World, place: Place, _: AutomationCondition) -> Answer:
    key = place[0]
    for each in [key, *sorted(_downstream(world.definitions, key), key=lambda k: tuple(k.path))]:
        late = lateness(world.definitions, world.instance, each, world.moment)
        if late is not None and late.overdue_minutes > 0:
            text = f"{each.to_user_string()} is {late.overdue_minutes:.0f} minutes overdue"
            return True, text
    return False, "nothing is overdue"


def _downstream(definitions: Definitions, key: AssetKey) -> set[AssetKey]:
    found: set[AssetKey] = set()
    waiting = [key]
    while waiting:
        current = waiting.pop()
        for other, definition in definitions.assets_by_key.items():
            if current in definition.asset_deps.get(other, ()) and other not in found:
                found.add(other)
                waiting.append(other)
    return found


def _any_deps_updated(world: _World, place: Place, _: AutomationCondition) -> Answer:
    own, asked = world.made(place), world.memory.requested.get(_name(place))
    for dep in world.deps(place):
        if dep in world.requested:
            return True, f"{_words(dep)} is requested now"
        made = world.made(dep)
        if made is None or (own is not None and made.storage_id < own.storage_id):
            continue
        if asked is None or made.time > asked:
            return True, f"{_words(dep)} was made {_at(made.time)}"
    return False, "nothing that it is made from was made since"


def _any_deps_missing(world: _World, place: Place, _: AutomationCondition) -> Answer:
    for dep in world.deps(place):
        if world.made(dep) is None and dep not in world.requested:
            return True, f"{_words(dep)} is missing"
    return False, "nothing that it is made from is missing"


def _any_deps_in_progress(world: _World, place: Place, _: AutomationCondition) -> Answer:
    for dep in world.deps(place):
        if world.goes_on(dep):
            return True, f"a run makes {_words(dep)} right now"
    return False, "nothing that it is made from is being made"


def _all_deps_since_cron(world: _World, place: Place, condition: AutomationCondition) -> Answer:
    tick = _last_tick(world, condition)
    for dep in world.deps(place):
        made = world.made(dep)
        late = made is None or (tick is not None and made.time < tick)
        if late and dep not in world.requested:
            return False, f"{_words(dep)} was not made since {condition.cron} came"
    return True, f"all that it is made from was made since {condition.cron} came"


_LEAVES: Mapping[str, Callable[[_World, Place, AutomationCondition], Answer]] = {
    "missing": _missing,
    "newly_missing": _newly_missing,
    "newly_updated": _newly_updated,
    "newly_requested": _newly_requested,
    "will_be_requested": _will_be_requested,
    "in_progress": _in_progress,
    "initial_evaluation": _initial,
    "in_latest_time_window": _in_latest_window,
    "cron_tick_passed": _cron_tick_passed,
    "freshness_failed": _freshness_failed,
    "any_deps_updated": _any_deps_updated,
    "any_deps_missing": _any_deps_missing,
    "any_deps_in_progress": _any_deps_in_progress,
    "all_deps_updated_since_cron": _all_deps_since_cron,
}


def _at(seconds: float) -> str:
    return f"at {datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _words(place: Place) -> str:
    name = place[0].to_user_string()
    return name if place[1] is None else f"{name} [{place[1]}]"


def _result(world: _World, place: Place, condition: AutomationCondition) -> ConditionResult:
    leaf = _LEAVES.get(condition.kind)
    if leaf is not None:
        return ConditionResult(*place, condition, *leaf(world, place, condition))
    children = tuple(_children(world, place, condition))
    verdicts = [each.is_true for each in children]
    if condition.kind == "not":
        return ConditionResult(*place, condition, not verdicts[0], children[0].reason, children)
    is_true = all(verdicts) if condition.kind in ("and", "all_deps_match") else any(verdicts)
    telling = [each for each in children if each.is_true == is_true]
    and_true = condition.kind in ("and", "all_deps_match") and is_true
    shown = telling if and_true else telling[:1]
    about = condition.kind in ("any_deps_match", "all_deps_match", "asset_matches")
    reasons = [f"{each.name}: {each.reason}" if about else each.reason for each in shown]
    reason = "; ".join(dict.fromkeys(reasons)) or "it is made from nothing here"
    return ConditionResult(*place, condition, is_true, reason, children)


def _children(
    world: _World, place: Place, condition: AutomationCondition
) -> Iterable[ConditionResult]:
    if condition.kind in ("any_deps_match", "all_deps_match"):
        return [_result(world, dep, condition.operands[0]) for dep in world.deps(place)]
    if condition.kind == "asset_matches":
        assert condition.asset is not None
        return [_result(world, (condition.asset, None), condition.operands[0])]
    return [_result(world, place, each) for each in condition.operands]


# --- all assets ----------------------------------------------------------------------


@dataclass(frozen=True)
class EvaluateAutomationConditionsResult:
    """What the conditions of assets came to at one moment.

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
        """How many assets and partitions are requested."""
        return sum(len(each) for each in self.requested.values())

    def get_num_requested(self, key: AssetKey) -> int:
        """How many partitions of an asset are requested; 1 for an asset as a whole."""
        return len(self.requested.get(AssetKey.from_coercible(key), ()))

    def get_requested_partitions(self, key: AssetKey) -> set[str | None]:
        """The partitions of an asset that are requested."""
        return set(self.requested.get(AssetKey.from_coercible(key), ()))

    def explain(self, key: Any, partition_key: str | None = None) -> str:
        """Why an asset is requested or not, as a tree.

        Args:
            key: The asset.
            partition_key: The partition.

        Raises:
            InvalidInvocationError: If it has no condition.
        """
        wanted = AssetKey.from_coercible(key), partition_key
        for each in self.results:
            if (each.asset_key, each.partition_key) == wanted:
                return each.tree()
        raise InvalidInvocationError(f"{_words(wanted)} was not looked at: has it a condition?")


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
    memory = _Memory.read(cursor)
    now = time.time() if evaluation_time is None else evaluation_time.timestamp()
    memory.since = now if memory.since is None else memory.since
    world = _World(defs, instance, now, memory)
    chosen = None if asset_selection is None else defs.select_assets(asset_selection)
    results: list[ConditionResult] = []
    requested: dict[AssetKey, list[str | None]] = {}
    for key in _in_order(defs):
        condition, most = _condition(defs, key)
        if condition is None or (chosen is not None and key not in chosen):
            continue
        found = [_result(world, place, condition) for place in _places(world, key, condition)]
        results += found
        asked = [each.partition_key for each in reversed(found) if each.is_true]
        if most is not None:
            asked = asked[: max(0, most - _in_last_minute(memory, key, now))]
        for partition in asked:
            world.requested.add((key, partition))
            requested.setdefault(key, []).append(partition)
    kept = {name: when for name, when in memory.requested.items() if _still_asked(world, name)}
    kept.update({_name(place): now for place in world.requested})
    text = _Memory(memory.since, now, kept).text()
    return EvaluateAutomationConditionsResult(text, results, requested)


def _still_asked(world: _World, name: str) -> bool:
    path, partition = json.loads(name)
    return world.asked((AssetKey(path), partition)) is not None


def _in_last_minute(memory: _Memory, key: AssetKey, now: float) -> int:
    path = list(key.path)
    return sum(
        json.loads(name)[0] == path for name, when in memory.requested.items() if when > now - 60
    )


def _condition(
    definitions: Definitions, key: AssetKey
) -> tuple[AutomationCondition | None, int | None]:
    """The condition of an asset, and how many partitions are requested in a minute."""
    own = definitions.assets_by_key[key]
    condition = own.automation_conditions_by_key.get(key)
    if isinstance(condition, AutomationCondition):
        return condition, None
    policy = own.auto_materialize_policies_by_key.get(key)
    if isinstance(policy, AutoMaterializePolicy):
        return policy.to_automation_condition(), policy.max_materializations_per_minute
    return None, None


def has_conditions(definitions: Definitions) -> bool:
    """Whether any asset of a code location has a condition or a policy."""
    return any(_condition(definitions, key)[0] is not None for key in definitions.assets_by_key)


def _places(world: _World, key: AssetKey, condition: AutomationCondition) -> list[Place]:
    """The partitions that may be requested, the oldest first; the asset itself without any."""
    partitions = world.partitions(key)
    if partitions is None:
        return [(key, None)]
    only_latest = condition.kind == "and" and any(
        each.kind == "in_latest_time_window" and not each.lookback for each in condition.operands
    )
    if only_latest and isinstance(partitions, TimeWindowPartitionsDefinition):
        latest = world.latest_partition(key)
        return [] if latest is None else [(key, latest)]
    keys = partitions.get_partition_keys(world.moment, world.instance)
    return [(key, str(each)) for each in keys[-_MOST_PARTITIONS:]]


def _in_order(definitions: Definitions) -> list[AssetKey]:
    """The assets, each after what it is made from."""
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
    """The run requests of the assets whose conditions are true: one for each partition.

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
