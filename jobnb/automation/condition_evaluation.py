"""What each condition comes to for an asset or a partition, and why, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from jobnb.automation.condition_inputs import ConditionInputs, ConditionTarget
from jobnb.automation.condition_result import ConditionResult
from jobnb.automation.freshness import lateness
from jobnb.definitions.automation.condition import AutomationCondition
from jobnb.definitions.automation.cron_schedule import CronSchedule
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.errors import InvalidInvocationError
from jobnb.staleness.versions import data_version_of

Answer = tuple[bool, str]
_YEARS_BACK = 5 * 366 * 86400


def moment_words(seconds: float) -> str:
    """Return a moment within a reason."""
    return f"at {datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


# --- of the asset itself --------------------------------------------------------


def _missing(world: ConditionInputs, place: ConditionTarget, _: AutomationCondition) -> Answer:
    if place.check is not None:
        checked = world.checked(place)
        if checked is None:
            return True, "it was never evaluated"
        return False, f"it was evaluated {moment_words(checked[0])}"
    made = world.made(place)
    if made is None:
        return True, "it was never materialized"
    return False, f"it was materialized {moment_words(made.time)}"


def _newly_missing(
    world: ConditionInputs, place: ConditionTarget, condition: AutomationCondition
) -> Answer:
    is_missing, why = _missing(world, place, condition)
    asked = world.asked(place)
    if is_missing and asked is not None:
        return False, f"it is missing, and was requested {moment_words(asked)}"
    return is_missing, why


def _newly_updated(
    world: ConditionInputs, place: ConditionTarget, _: AutomationCondition
) -> Answer:
    last = world.memory.last
    if place.check is not None:
        checked = world.checked(place)
        new = checked is not None and last is not None and checked[0] > last
        return new, f"it was {'' if new else 'not '}evaluated since the last evaluation"
    made = world.made(place)
    new = made is not None and last is not None and made.time > last
    return new, f"it was {'' if new else 'not '}materialized since the last evaluation"


def _newly_requested(
    world: ConditionInputs, place: ConditionTarget, _: AutomationCondition
) -> Answer:
    asked = world.memory.requested.get(place.text)
    new = asked is not None and asked == world.memory.last
    return new, f"it was {'' if new else 'not '}requested at the last evaluation"


def _will_be_requested(
    world: ConditionInputs, place: ConditionTarget, _: AutomationCondition
) -> Answer:
    asked = place in world.requested
    return asked, "it is requested now" if asked else "it is not requested now"


def _run_in_progress(
    world: ConditionInputs, place: ConditionTarget, _: AutomationCondition
) -> Answer:
    goes_on = world.is_run(place)
    return goes_on, f"{'a' if goes_on else 'no'} run materializes it right now"


def _backfill_in_progress(
    world: ConditionInputs, place: ConditionTarget, _: AutomationCondition
) -> Answer:
    goes_on = world.is_backfilled(place)
    return goes_on, f"{'a' if goes_on else 'no'} backfill in progress is to materialize it"


def _in_progress(
    world: ConditionInputs, place: ConditionTarget, condition: AutomationCondition
) -> Answer:
    if world.is_run(place):
        return _run_in_progress(world, place, condition)
    if world.is_backfilled(place):
        return _backfill_in_progress(world, place, condition)
    return False, "no run and no backfill materializes it right now"


def _execution_failed(
    world: ConditionInputs, place: ConditionTarget, _: AutomationCondition
) -> Answer:
    failed = world.has_failed(place)
    return failed, "its last run failed" if failed else "its last run did not fail"


def _code_version_changed(
    world: ConditionInputs, place: ConditionTarget, _: AutomationCondition
) -> Answer:
    before, now = world.code_versions(place)
    if before is None:
        return False, "its code version was not looked at before"
    changed = before != now
    return changed, f"its code {'has' if changed else 'has not'} changed since the last evaluation"


def _data_version_changed(
    world: ConditionInputs, place: ConditionTarget, _: AutomationCondition
) -> Answer:
    made = world.made(place)
    version = None if made is None else data_version_of(made.tags, made.storage_id)
    before, now = world.data_versions(place, version)
    if before is None:
        return False, "its data version was not looked at before"
    changed = now is not None and before != now
    return (
        changed,
        f"its data {'have' if changed else 'have not'} changed since the last evaluation",
    )


def _initial(world: ConditionInputs, _place: ConditionTarget, _: AutomationCondition) -> Answer:
    first = world.memory.last is None
    return first, "this is the first evaluation" if first else "it was evaluated before"


def _in_latest_window(
    world: ConditionInputs, place: ConditionTarget, condition: AutomationCondition
) -> Answer:
    partitions = world.partitions(place.key)
    if place.partition is None or not isinstance(partitions, TimeWindowPartitionsDefinition):
        return True, "it has no partitions in time"
    latest = world.latest_partition(place.key)
    if latest is None:
        return False, "no partition is over yet"
    if place.partition == latest:
        return True, "it is the latest partition"
    end = partitions.time_window_for_partition_key(latest).end
    own = partitions.time_window_for_partition_key(place.partition).end
    near = (end - own).total_seconds() <= condition.lookback
    return near, "it is one of the latest partitions" if near else "it is not the latest partition"


def _cron_tick_passed(
    world: ConditionInputs, place: ConditionTarget, condition: AutomationCondition
) -> Answer:
    made, asked = world.made(place), world.asked(place)
    handled = max(
        world.memory.since or world.now, made.time if made is not None else 0.0, asked or 0.0
    )
    tick = _last_tick(world, condition)
    if tick is not None and tick > handled:
        return True, f"{condition.cron} came {moment_words(tick)}"
    return False, f"{condition.cron} has not come since {moment_words(handled)}"


def _last_tick(world: ConditionInputs, condition: AutomationCondition) -> float | None:
    assert condition.cron is not None
    times = CronSchedule(condition.cron, condition.timezone)
    begin = datetime.fromtimestamp(max(0.0, world.now - _YEARS_BACK), UTC)
    found, _ = times.latest(begin, world.moment, 1)
    return found[-1].timestamp() if found else None


def _freshness_failed(
    world: ConditionInputs, place: ConditionTarget, _: AutomationCondition
) -> Answer:
    key = place.key
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


# --- of a check -----------------------------------------------------------------


def _check_passed(world: ConditionInputs, place: ConditionTarget, _: AutomationCondition) -> Answer:
    return _checked(world, place, passed=True)


def _check_failed(world: ConditionInputs, place: ConditionTarget, _: AutomationCondition) -> Answer:
    return _checked(world, place, passed=False)


def _checked(world: ConditionInputs, place: ConditionTarget, *, passed: bool) -> Answer:
    """Whether a check said so of what was last materialized."""
    if place.check is None:
        raise InvalidInvocationError(
            f"A condition of {place.words!r} asks whether a check has passed or failed. Ask it of "
            "its checks: AutomationCondition.any_checks_match(AutomationCondition.check_failed())."
        )
    checked = world.checked(place)
    if checked is None:
        return False, "it was never evaluated"
    when, said = checked
    made = world.made(ConditionTarget(place.key, said.partition))
    if made is not None and _is_of_before(made.storage_id, made.time, said, when):
        return False, "it was not evaluated since the asset was materialized"
    verdict = "passed" if said.passed else "failed"
    return said.passed is passed, f"it {verdict} {moment_words(when)}"


def _is_of_before(storage_id: int, time: float, said: object, when: float) -> bool:
    target = getattr(said, "target", None)
    return target != storage_id if target is not None else when < time


# --- of what it depends on ------------------------------------------------------


def _any_deps_updated(
    world: ConditionInputs, place: ConditionTarget, condition: AutomationCondition
) -> Answer:
    own, asked = world.made(place), world.memory.requested.get(place.text)
    for dep in world.deps(place, condition):
        if dep in world.requested:
            return True, f"{dep.words} is requested now"
        made = world.made(dep)
        if made is None or (own is not None and made.storage_id < own.storage_id):
            continue
        if asked is None or made.time > asked:
            return True, f"{dep.words} was materialized {moment_words(made.time)}"
    return False, "nothing that it depends on was materialized since"


def _any_deps_missing(
    world: ConditionInputs, place: ConditionTarget, condition: AutomationCondition
) -> Answer:
    for dep in world.deps(place, condition):
        if world.made(dep) is None and dep not in world.requested:
            return True, f"{dep.words} is missing"
    return False, "nothing that it depends on is missing"


def _any_deps_in_progress(
    world: ConditionInputs, place: ConditionTarget, condition: AutomationCondition
) -> Answer:
    for dep in world.deps(place, condition):
        if world.is_run(dep):
            return True, f"a run materializes {dep.words} right now"
        if world.is_backfilled(dep):
            return True, f"a backfill in progress is to materialize {dep.words}"
    return False, "nothing that it depends on is in progress"


def _all_deps_since_cron(
    world: ConditionInputs, place: ConditionTarget, condition: AutomationCondition
) -> Answer:
    tick = _last_tick(world, condition)
    for dep in world.deps(place, condition):
        made = world.made(dep)
        late = made is None or (tick is not None and made.time < tick)
        if late and dep not in world.requested:
            return False, f"{dep.words} was not materialized since {condition.cron} came"
    return True, f"all that it depends on was materialized since {condition.cron} came"


_LEAVES: Mapping[str, Callable[[ConditionInputs, ConditionTarget, AutomationCondition], Answer]] = {
    "missing": _missing,
    "newly_missing": _newly_missing,
    "newly_updated": _newly_updated,
    "newly_requested": _newly_requested,
    "will_be_requested": _will_be_requested,
    "in_progress": _in_progress,
    "run_in_progress": _run_in_progress,
    "backfill_in_progress": _backfill_in_progress,
    "execution_failed": _execution_failed,
    "code_version_changed": _code_version_changed,
    "data_version_changed": _data_version_changed,
    "initial_evaluation": _initial,
    "in_latest_time_window": _in_latest_window,
    "cron_tick_passed": _cron_tick_passed,
    "freshness_failed": _freshness_failed,
    "check_passed": _check_passed,
    "check_failed": _check_failed,
    "any_deps_updated": _any_deps_updated,
    "any_deps_missing": _any_deps_missing,
    "any_deps_in_progress": _any_deps_in_progress,
    "all_deps_updated_since_cron": _all_deps_since_cron,
}


# --- put together ---------------------------------------------------------------


def result_of(
    world: ConditionInputs, place: ConditionTarget, condition: AutomationCondition, path: str = ""
) -> ConditionResult:
    """Return the result of a condition for a place.

    All of its parts are evaluated, also where some alone decide: what has a memory must see
    every evaluation.

    Args:
        world: What is known.
        place: The asset, the partition or the check.
        condition: The condition.
        path: Where it stands in that of the asset: what it keeps is kept for this place in it.
    """
    leaf = _LEAVES.get(condition.kind)
    if leaf is not None:
        return _made(place, condition, *leaf(world, place, condition))
    targets = _targets(world, place, condition)
    children = tuple(
        result_of(world, target, operand, f"{path}.{number}")
        for number, operand in enumerate(condition.operands)
        for target in targets
    )
    if condition.kind == "not":
        return _made(place, condition, not children[0].is_true, children[0].reason, children)
    if condition.kind == "newly_true":
        return _newly_true(world, place, condition, children, path)
    if condition.kind == "since":
        return _since(world, place, condition, children, path)
    return _of_several(place, condition, children)


def _made(
    place: ConditionTarget,
    condition: AutomationCondition,
    is_true: bool,
    reason: str,
    children: tuple[ConditionResult, ...] = (),
) -> ConditionResult:
    return ConditionResult(
        place.key, place.partition, condition, is_true, reason, children, place.check
    )


def _targets(
    world: ConditionInputs, place: ConditionTarget, condition: AutomationCondition
) -> Sequence[ConditionTarget]:
    """Return the places of which the parts of a condition are to be true."""
    if condition.kind in ("any_deps_match", "all_deps_match"):
        return world.deps(place, condition)
    if condition.kind in ("any_checks_match", "all_checks_match"):
        return world.checks(place, only_blocking=condition.only_blocking)
    if condition.kind == "asset_matches":
        assert condition.asset is not None
        own, other = world.partitions(place.key), world.partitions(condition.asset)
        return [ConditionTarget(condition.asset, place.partition if own == other else None)]
    return [place]


def _of_several(
    place: ConditionTarget, condition: AutomationCondition, children: tuple[ConditionResult, ...]
) -> ConditionResult:
    of_all = condition.kind in ("and", "all_deps_match", "all_checks_match")
    verdicts = [each.is_true for each in children]
    is_true = all(verdicts) if of_all else any(verdicts)
    telling = [each for each in children if each.is_true == is_true]
    shown = telling if of_all and is_true else telling[:1]
    about = condition.kind not in ("and", "or")
    reasons = [f"{each.name}: {each.reason}" if about else each.reason for each in shown]
    nothing = "it has no such check" if "checks" in condition.kind else "it depends on nothing here"
    return _made(place, condition, is_true, "; ".join(dict.fromkeys(reasons)) or nothing, children)


def _memory_name(path: str, condition: AutomationCondition) -> str:
    """Return the name of a condition's memory; another one at its place begins again."""
    return sha256(f"{path} {condition.words}".encode()).hexdigest()[:16]


def _newly_true(
    world: ConditionInputs,
    place: ConditionTarget,
    condition: AutomationCondition,
    children: tuple[ConditionResult, ...],
    path: str,
) -> ConditionResult:
    name, now = _memory_name(path, condition), children[0]
    before = world.was_true(name, place)
    if now.is_true:
        world.keep_true(name, place)
    reason = f"{now.reason}, as at the last evaluation" if now.is_true and before else now.reason
    return _made(place, condition, now.is_true and not before, reason, children)


def _since(
    world: ConditionInputs,
    place: ConditionTarget,
    condition: AutomationCondition,
    children: tuple[ConditionResult, ...],
    path: str,
) -> ConditionResult:
    name, (trigger, reset) = _memory_name(path, condition), children
    before = world.was_true(name, place)
    is_true = (before or trigger.is_true) and not reset.is_true
    if is_true:
        world.keep_true(name, place)
        reason = trigger.reason if trigger.is_true else f"{trigger.condition} was true before"
        return _made(place, condition, True, reason, children)
    if reset.is_true:
        return _made(place, condition, False, f"{reset.condition}: {reset.reason}", children)
    reason = f"{trigger.condition} was not true since: {trigger.reason}"
    return _made(place, condition, False, reason, children)
