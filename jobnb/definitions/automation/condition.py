"""Conditions: when an asset is to be made, put together from small ones with `&`, `|` and `~`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from typing import Any

import msgspec

from jobnb.definitions.arguments import check_flag, check_words
from jobnb.definitions.assets.condition_type import AssetCondition, AssetPolicy
from jobnb.definitions.automation.cron_schedule import CronSchedule
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.selections.selection import AssetSelection, CoercibleToAssetSelection
from jobnb.errors import InvalidDefinitionError


class AutomationCondition(AssetCondition, frozen=True):
    """The condition on which an asset, or a partition of it, is materialized.

    It is given to an asset as `automation_condition=`. Made by the methods of this class, and of
    others with `&`, `|` and `~`.

    Attributes:
        kind: What it looks at, or how it puts others together.
        operands: The conditions that it is put together from.
        cron: Its cron schedule, of those that have one.
        timezone: The time zone of that.
        lookback: How far back windows of time count, in seconds.
        asset: The asset that it looks at, where that is another one.
        label: What it is called where it is explained.
        allowed: The selection of what it depends on that it looks at; all of it if None.
        ignored: The selection of what it depends on that it does not look at.
        only_blocking: Whether it looks at blocking checks only.

    Example:
        >>> condition = AutomationCondition.missing() & ~AutomationCondition.any_deps_missing()
        >>> str(condition)
        '(missing and not any_deps_missing)'

    Source: Dagster's `AutomationCondition`.
    """

    kind: str
    operands: tuple[AutomationCondition, ...] = ()
    cron: str | None = None
    timezone: str = "UTC"
    lookback: float = 0.0
    asset: AssetKey | None = None
    label: str | None = None
    allowed: AssetSelection | None = None
    ignored: AssetSelection | None = None
    only_blocking: bool = False

    # --- put together -------------------------------------------------------

    def __and__(self, other: AutomationCondition) -> AutomationCondition:
        return _joined("and", self, other)

    def __or__(self, other: AutomationCondition) -> AutomationCondition:
        return _joined("or", self, other)

    def __invert__(self) -> AutomationCondition:
        return AutomationCondition("not", (self,))

    def with_label(self, label: str) -> AutomationCondition:
        """Return the same with a label, which explanations show."""
        return msgspec.structs.replace(self, label=check_words(label, "label", "condition"))

    def replace(
        self, old: AutomationCondition | str, new: AutomationCondition
    ) -> AutomationCondition:
        """Return the same with one of its parts replaced.

        Args:
            old: The part, or its label.
            new: What takes its place.

        Raises:
            InvalidDefinitionError: If that is no condition.
        """
        _check_condition(new)
        if old in (self, self.label):
            return new
        operands = tuple(each.replace(old, new) for each in self.operands)
        return msgspec.structs.replace(self, operands=operands)

    def without(self, part: AutomationCondition | str) -> AutomationCondition:
        """Return the same conjunction or disjunction without one of its operands.

        Args:
            part: The operand, or its label.

        Raises:
            InvalidDefinitionError: If there is no such operand, or nothing would be left.
        """
        left = tuple(each for each in self.operands if part not in (each, each.label))
        if self.kind not in ("and", "or") or len(left) == len(self.operands) or not left:
            parts = ", ".join(str(each) for each in self.operands) or "none"
            raise InvalidDefinitionError(
                f"{self} has no operand {str(part)!r} to leave out. Its operands are: {parts}."
            )
        return left[0] if len(left) == 1 else AutomationCondition(self.kind, left)

    def allow(self, selection: CoercibleToAssetSelection) -> AutomationCondition:
        """Return the same with only the selected upstream assets considered.

        Args:
            selection: What is looked at.

        Example:
            >>> str(AutomationCondition.any_deps_missing().allow("group:raw"))
            'any_deps_missing(of group:raw)'
        """
        return self._of_deps("allowed", AssetSelection.from_coercible(selection))

    def ignore(self, selection: CoercibleToAssetSelection) -> AutomationCondition:
        """Return the same without the selected upstream assets.

        Args:
            selection: What is not looked at.
        """
        return self._of_deps("ignored", AssetSelection.from_coercible(selection))

    def _of_deps(self, name: str, selection: AssetSelection) -> AutomationCondition:
        """Return the same with a selection in each part that considers upstream assets."""
        if "deps" in self.kind:
            chosen: Any = {name: selection}
            return msgspec.structs.replace(self, **chosen)
        operands = tuple(each._of_deps(name, selection) for each in self.operands)
        return msgspec.structs.replace(self, operands=operands)

    def newly_true(self) -> AutomationCondition:
        """Return a condition: it is true, and was not at the last evaluation."""
        return AutomationCondition("newly_true", (self,))

    def since(self, reset_condition: AutomationCondition) -> AutomationCondition:
        """Return a condition: it was true since another one was true last; the other one wins.

        Args:
            reset_condition: The other one.
        """
        _check_condition(reset_condition)
        return AutomationCondition("since", (self, reset_condition))

    def since_last_handled(self) -> AutomationCondition:
        """Return a condition: it was true since the asset was requested or materialized last."""
        own = AutomationCondition
        handled = own.newly_requested() | own.newly_updated() | own.initial_evaluation()
        return self.since(handled.with_label("handled"))

    def each(self) -> Iterator[AutomationCondition]:
        """Iterate over the condition and all of its parts."""
        yield self
        for operand in self.operands:
            yield from operand.each()

    # --- of the asset itself --------------------------------------------------

    @staticmethod
    def missing() -> AutomationCondition:
        """Return a condition: it was never materialized."""
        return AutomationCondition("missing")

    @staticmethod
    def newly_missing() -> AutomationCondition:
        """Return a condition: it is missing, and was not requested since."""
        return AutomationCondition("newly_missing")

    @staticmethod
    def newly_updated() -> AutomationCondition:
        """Return a condition: it was materialized since the last evaluation."""
        return AutomationCondition("newly_updated")

    @staticmethod
    def newly_requested() -> AutomationCondition:
        """Return a condition: it was requested at the last evaluation."""
        return AutomationCondition("newly_requested")

    @staticmethod
    def will_be_requested() -> AutomationCondition:
        """Return a condition: it is requested at this evaluation."""
        return AutomationCondition("will_be_requested")

    @staticmethod
    def in_progress() -> AutomationCondition:
        """Return a condition: a run or backfill that materializes it is active."""
        return AutomationCondition("in_progress")

    @staticmethod
    def run_in_progress() -> AutomationCondition:
        """Return a condition: a run that materializes it is active."""
        return AutomationCondition("run_in_progress")

    @staticmethod
    def backfill_in_progress() -> AutomationCondition:
        """Return a condition: a backfill that materializes it is active."""
        return AutomationCondition("backfill_in_progress")

    @staticmethod
    def execution_failed() -> AutomationCondition:
        """Return a condition: the last run that planned to materialize it failed to."""
        return AutomationCondition("execution_failed")

    @staticmethod
    def code_version_changed() -> AutomationCondition:
        """Return a condition: its code version differs from that of the last evaluation."""
        return AutomationCondition("code_version_changed")

    @staticmethod
    def data_version_changed() -> AutomationCondition:
        """Return a condition: its data version differs from that of the last evaluation."""
        return AutomationCondition("data_version_changed")

    @staticmethod
    def initial_evaluation() -> AutomationCondition:
        """Return a condition: it is evaluated for the first time."""
        return AutomationCondition("initial_evaluation")

    @staticmethod
    def in_latest_time_window(lookback_delta: timedelta | None = None) -> AutomationCondition:
        """Return a condition: the partition is the latest in time; true of other assets.

        Args:
            lookback_delta: How long before the end of the latest one others end that count, too.

        Raises:
            InvalidDefinitionError: If it is no such length of time.
        """
        back: Any = timedelta() if lookback_delta is None else lookback_delta
        if not isinstance(back, timedelta) or back < timedelta():
            raise InvalidDefinitionError(
                f"The lookback_delta of a condition is {lookback_delta!r}. Give a timedelta that "
                "is not negative, such as timedelta(hours=6)."
            )
        return AutomationCondition("in_latest_time_window", lookback=back.total_seconds())

    @staticmethod
    def cron_tick_passed(cron_schedule: str, cron_timezone: str = "UTC") -> AutomationCondition:
        """Return a condition: a cron tick has passed since it was materialized or requested.

        Raises:
            InvalidDefinitionError: If the schedule cannot be read.
        """
        return _of_cron("cron_tick_passed", cron_schedule, cron_timezone)

    @staticmethod
    def freshness_failed() -> AutomationCondition:
        """Return a condition: it, or a downstream asset, violates its `FreshnessPolicy`."""
        return AutomationCondition("freshness_failed")

    # --- of its checks ---------------------------------------------------------

    @staticmethod
    def check_passed() -> AutomationCondition:
        """Return a condition of a check: evaluated since its asset was materialized, and passed."""
        return AutomationCondition("check_passed")

    @staticmethod
    def check_failed() -> AutomationCondition:
        """Return a condition of a check: evaluated since its asset was materialized, and failed."""
        return AutomationCondition("check_failed")

    @staticmethod
    def any_checks_match(
        condition: AutomationCondition, blocking_only: bool = False
    ) -> AutomationCondition:
        """Return a condition: another one is true of one of its checks.

        Args:
            condition: Such as `check_failed()`; `missing()` is true of one that was never
                evaluated.
            blocking_only: Whether only checks that block what depends on it count.
        """
        return _of_checks("any_checks_match", condition, blocking_only)

    @staticmethod
    def all_checks_match(
        condition: AutomationCondition, blocking_only: bool = False
    ) -> AutomationCondition:
        """Return a condition: another one is true of all of its checks, or there are none.

        Args:
            condition: Such as `check_passed()`.
            blocking_only: Whether only checks that block what depends on it count.
        """
        return _of_checks("all_checks_match", condition, blocking_only)

    # --- of what it is made from ---------------------------------------------

    @staticmethod
    def any_deps_match(condition: AutomationCondition) -> AutomationCondition:
        """Return a condition: another one is true of some upstream asset."""
        _check_condition(condition)
        return AutomationCondition("any_deps_match", (condition,))

    @staticmethod
    def all_deps_match(condition: AutomationCondition) -> AutomationCondition:
        """Return a condition: another one is true of all upstream assets."""
        _check_condition(condition)
        return AutomationCondition("all_deps_match", (condition,))

    @staticmethod
    def asset_matches(
        key: CoercibleToAssetKey, condition: AutomationCondition
    ) -> AutomationCondition:
        """Return a condition: another one is true of another asset."""
        _check_condition(condition)
        return AutomationCondition(
            "asset_matches", (condition,), asset=AssetKey.from_coercible(key)
        )

    @staticmethod
    def any_deps_updated() -> AutomationCondition:
        """Return a condition: an upstream asset was updated since, or is requested now."""
        return AutomationCondition("any_deps_updated")

    @staticmethod
    def any_deps_missing() -> AutomationCondition:
        """Return a condition: an upstream asset is missing, and is not requested now."""
        return AutomationCondition("any_deps_missing")

    @staticmethod
    def any_deps_in_progress() -> AutomationCondition:
        """Return a condition: a run that materializes an upstream asset is active."""
        return AutomationCondition("any_deps_in_progress")

    @staticmethod
    def all_deps_updated_since_cron(
        cron_schedule: str, cron_timezone: str = "UTC"
    ) -> AutomationCondition:
        """Return a condition: all upstream assets were updated since a moment of a cron.

        Raises:
            InvalidDefinitionError: If the schedule cannot be read.
        """
        return _of_cron("all_deps_updated_since_cron", cron_schedule, cron_timezone)

    # --- whole ones -----------------------------------------------------------

    @staticmethod
    def eager() -> AutomationCondition:
        """Materialize it as soon as it is missing or an upstream asset was updated."""
        own = AutomationCondition
        return (
            own.in_latest_time_window()
            & (own.newly_missing() | own.any_deps_updated())
            & ~own.any_deps_missing()
            & ~own.any_deps_in_progress()
            & ~own.in_progress()
        ).with_label("eager")

    @staticmethod
    def on_missing() -> AutomationCondition:
        """Materialize it as soon as it is missing and all upstream assets exist."""
        own = AutomationCondition
        return (
            own.in_latest_time_window() & own.newly_missing() & ~own.any_deps_missing()
        ).with_label("on_missing")

    @staticmethod
    def on_cron(cron_schedule: str, cron_timezone: str = "UTC") -> AutomationCondition:
        """Materialize it once per cron tick, when all upstream assets were updated since.

        Raises:
            InvalidDefinitionError: If the schedule cannot be read.
        """
        own = AutomationCondition
        return (
            own.in_latest_time_window()
            & own.cron_tick_passed(cron_schedule, cron_timezone)
            & own.all_deps_updated_since_cron(cron_schedule, cron_timezone)
        ).with_label(f"on_cron({cron_schedule}, {cron_timezone})")

    def __str__(self) -> str:
        return self.label or self.words

    @property
    def words(self) -> str:
        """The structure of the condition, in words."""
        if self.kind in ("and", "or"):
            return f"({f' {self.kind} '.join(map(str, self.operands))})"
        if self.kind == "not":
            return f"not {self.operands[0]}"
        about = [self.asset.to_user_string()] if self.asset is not None else []
        about += [self.cron] if self.cron is not None else []
        about += [f"of {self.allowed}"] if self.allowed is not None else []
        about += [f"but {self.ignored}"] if self.ignored is not None else []
        about += ["blocking"] if self.only_blocking else []
        inside = ", ".join([*about, *map(str, self.operands)])
        return f"{self.kind}({inside})" if inside else self.kind


def _joined(kind: str, one: AutomationCondition, other: AutomationCondition) -> AutomationCondition:
    _check_condition(other)
    parts: list[AutomationCondition] = []
    for each in (one, other):
        parts += each.operands if each.kind == kind and each.label is None else (each,)
    return AutomationCondition(kind, tuple(parts))


def _check_condition(given: Any) -> None:
    if not isinstance(given, AutomationCondition):
        name = getattr(given, "__qualname__", "")
        hint = "Give one, for example AutomationCondition.missing()."
        if callable(given) and name.startswith("AutomationCondition."):
            hint = f"Call it: {name}()."
        raise InvalidDefinitionError(
            f"A condition is joined with another one, not with {given!r}. {hint}"
        )


def _of_checks(
    kind: str, condition: AutomationCondition, blocking_only: bool
) -> AutomationCondition:
    _check_condition(condition)
    only = check_flag(blocking_only, "blocking_only", "condition")
    return AutomationCondition(kind, (condition,), only_blocking=only)


def _of_cron(kind: str, cron: str, timezone: str) -> AutomationCondition:
    CronSchedule(cron, timezone, "A condition")
    return AutomationCondition(kind, cron=cron, timezone=timezone)


class AutoMaterializePolicyType(Enum):
    """Whether a policy acts as soon as upstream assets change, or only for freshness.

    Source: Dagster's `AutoMaterializePolicyType`.
    """

    EAGER = "EAGER"
    LAZY = "LAZY"


class AutoMaterializePolicy(AssetPolicy, frozen=True):
    """The condition of automatic materialization, in Dagster's older form.

    Args:
        on_missing: As soon as it, or a partition of it, is missing.
        on_new_parent_data: As soon as something that it depends on was made again.
        for_freshness: When it, or something that depends on it, would be later than its
            `FreshnessPolicy` allows.
        max_materializations_per_minute: How many of its partitions are requested in a minute.

    Raises:
        InvalidDefinitionError: If it would never make anything.

    Example:
        >>> AutoMaterializePolicy.lazy().on_missing
        False

    Source: Dagster's `AutoMaterializePolicy`.
    """

    on_missing: bool
    on_new_parent_data: bool
    for_freshness: bool
    max_materializations_per_minute: int | None = 1

    def __post_init__(self) -> None:
        """Check what was given."""
        for name in ("on_missing", "on_new_parent_data", "for_freshness"):
            check_flag(getattr(self, name), name, "AutoMaterializePolicy")
        most: Any = self.max_materializations_per_minute
        if most is not None and (type(most) is not int or most < 1):
            raise InvalidDefinitionError(
                f"max_materializations_per_minute is 1 or more, or None for no limit, not {most!r}."
            )
        if not (self.on_new_parent_data or self.for_freshness):
            raise InvalidDefinitionError(
                "An AutoMaterializePolicy acts on_new_parent_data, for_freshness, or both. Set one."
            )

    @staticmethod
    def eager(max_materializations_per_minute: int | None = 1) -> AutoMaterializePolicy:
        """Materialize it as soon as it is missing or an upstream asset was updated."""
        return AutoMaterializePolicy(True, True, True, max_materializations_per_minute)

    @staticmethod
    def lazy(max_materializations_per_minute: int | None = 1) -> AutoMaterializePolicy:
        """Materialize it only when a `FreshnessPolicy` requires it."""
        return AutoMaterializePolicy(False, False, True, max_materializations_per_minute)

    @property
    def policy_type(self) -> AutoMaterializePolicyType:
        """Eager if it acts on what upstream assets do, else lazy."""
        kinds = AutoMaterializePolicyType
        return kinds.EAGER if self.on_new_parent_data else kinds.LAZY

    def to_automation_condition(self) -> AutomationCondition:
        """Return the condition that says the same."""
        own = AutomationCondition
        asked = {
            own.newly_missing(): self.on_missing,
            own.any_deps_updated(): self.on_new_parent_data,
            own.freshness_failed(): self.for_freshness,
        }
        chosen = [condition for condition, is_asked in asked.items() if is_asked]
        any_of_them = chosen[0]
        for each in chosen[1:]:
            any_of_them |= each
        return (
            own.in_latest_time_window()
            & any_of_them
            & ~own.any_deps_missing()
            & ~own.any_deps_in_progress()
            & ~own.in_progress()
        ).with_label("eager policy" if self.on_new_parent_data else "lazy policy")
