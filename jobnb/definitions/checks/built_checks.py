"""Built-in checks: bounds of a metadata value, and freshness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import Any

from jobnb.definitions.announce import announce_from_caller
from jobnb.definitions.checks.asset_check import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
)
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata_values import MetadataValue
from jobnb.definitions.ops.function import Function
from jobnb.definitions.ops.inout import In, Out
from jobnb.definitions.ops.op import OpDefinition
from jobnb.errors import InvalidDefinitionError

Look = Callable[[Any, AssetKey], AssetCheckResult]
"""Takes the context and the asset."""
_LOOK_BACK = (2, 40, 400, 4000)
"""How many days to look back for the last time of a cron schedule, one after the other."""


def build_metadata_bounds_checks(
    *,
    assets: Iterable[Any],
    severity: AssetCheckSeverity = AssetCheckSeverity.WARN,
    metadata_key: str,
    min_value: float | None = None,
    max_value: float | None = None,
    exclusive_min: bool = False,
    exclusive_max: bool = False,
) -> list[AssetChecksDefinition]:
    """Define checks that a number in each asset's latest metadata is within bounds.

    Args:
        assets: The assets: keys, strings or definitions.
        severity: The severity if it does not.
        metadata_key: The label of the number in the metadata.
        min_value: The least it may be.
        max_value: The most it may be.
        exclusive_min: Whether it must be more than `min_value`.
        exclusive_max: Whether it must be less than `max_value`.

    Returns:
        One definition with a check for each asset.

    Raises:
        InvalidDefinitionError: If there is no bound, or there are no assets.

    Example:
        >>> from jobnb import Output, asset, materialize
        >>> @asset
        ... def orders():
        ...     return Output([3], metadata={"rows": 1})
        >>> checks = build_metadata_bounds_checks(
        ...     assets=[orders], metadata_key="rows", min_value=10
        ... )
        >>> result = materialize([orders, *checks])
        >>> [each.description for each in result.get_asset_check_evaluations()]
        ["'rows' is 1, which is less than 10."]

    Source: Dagster's `build_metadata_bounds_checks`.
    """
    if min_value is None and max_value is None:
        raise InvalidDefinitionError(
            f"The checks of {metadata_key!r} have no bounds: give min_value or max_value."
        )
    bounds = (min_value, max_value, exclusive_min, exclusive_max)

    def look(context: Any, key: AssetKey) -> AssetCheckResult:
        told = _latest(context, key)
        found = told.metadata.get(metadata_key) if told is not None else None
        value = getattr(found, "value", None)
        why = _outside(metadata_key, value, *bounds)
        facts = {} if value is None else {metadata_key: value}
        return AssetCheckResult(
            passed=not why, asset_key=key, severity=severity, description=why, metadata=facts
        )

    words = f"{metadata_key!r} is within bounds."
    return _checks(f"{_plain(metadata_key)}_bound_check", assets, words, False, look)


def _outside(
    name: str,
    value: Any,
    least: float | None,
    most: float | None,
    exclusive_min: bool,
    exclusive_max: bool,
) -> str | None:
    """Return why a value is not within bounds; None if it is."""
    if value is None:
        return f"Its last materialization tells no {name!r}."
    if isinstance(value, bool) or not isinstance(value, (int, float)) or isnan(value):
        return f"{name!r} is {value!r}, which is no number."
    wrong = None
    if least is not None and (value < least or (exclusive_min and value == least)):
        wrong = f"{'not more' if exclusive_min else 'less'} than {least}"
    if most is not None and (value > most or (exclusive_max and value == most)):
        wrong = f"{'not less' if exclusive_max else 'more'} than {most}"
    return f"{name!r} is {value}, which is {wrong}." if wrong else None


def build_last_update_freshness_checks(
    *,
    assets: Iterable[Any],
    lower_bound_delta: timedelta,
    deadline_cron: str | None = None,
    timezone: str = "UTC",
    severity: AssetCheckSeverity = AssetCheckSeverity.WARN,
    blocking: bool = False,
) -> list[AssetChecksDefinition]:
    """Define checks that each asset was materialized or observed lately.

    Args:
        assets: The assets: keys, strings or definitions.
        lower_bound_delta: How long before the deadline the update may be.
        deadline_cron: The deadline, as a cron schedule; now if not given.
        timezone: The time zone of the schedule.
        severity: The severity if it was not.
        blocking: Whether downstream assets wait for the check.

    Returns:
        One definition with a check for each asset; if blocking, one definition for each.

    Raises:
        InvalidDefinitionError: If there are no assets, or the schedule cannot be read.

    Example:
        >>> from jobnb import asset, materialize
        >>> @asset
        ... def orders():
        ...     return [3]
        >>> checks = build_last_update_freshness_checks(
        ...     assets=[orders], lower_bound_delta=timedelta(hours=1)
        ... )
        >>> materialize([orders, *checks]).get_asset_check_evaluations()[0].passed
        True

    Source: Dagster's `build_last_update_freshness_checks`.
    """
    if not isinstance(lower_bound_delta, timedelta):
        raise InvalidDefinitionError(
            f"lower_bound_delta is a timedelta, as timedelta(hours=1), not {lower_bound_delta!r}."
        )
    if deadline_cron is not None:
        _last_time(deadline_cron, timezone)

    def look(context: Any, key: AssetKey) -> AssetCheckResult:
        due = datetime.now(UTC) if deadline_cron is None else _last_time(deadline_cron, timezone)
        least = due - lower_bound_delta
        updated = _last_update(context, key)
        passed = updated is not None and updated >= least.timestamp()
        facts = {"expected after": MetadataValue.timestamp(least)}
        if updated is not None:
            facts["last update"] = MetadataValue.timestamp(updated)
        since = "It was never made." if updated is None else "It was not made since it was due."
        why = None if passed else since
        return AssetCheckResult(
            passed=passed, asset_key=key, severity=severity, description=why, metadata=facts
        )

    return _checks("freshness_check", assets, "It was made lately.", blocking, look)


def _last_time(cron: str, timezone: str) -> datetime:
    """Return the last time of a cron schedule before now."""
    from jobnb.definitions.partitions.cron_times import cron_times, zone_of

    now, zone = datetime.now(UTC), zone_of(timezone)
    for days in _LOOK_BACK:
        times = cron_times(cron, now - timedelta(days=days), zone)
        count = times.count_until(now)
        if count:
            return times.at(count - 1)
    raise InvalidDefinitionError(f"The schedule {cron!r} has no time in the last years.")


def _latest(context: Any, key: AssetKey) -> Any:
    entry = context.instance.get_latest_materialization_event(key)
    return entry.asset_materialization if entry is not None else None


def _last_update(context: Any, key: AssetKey) -> float | None:
    """Return when an asset was last materialized or observed, in seconds since the epoch."""
    record = context.instance.get_latest_data_version_record(key)
    return None if record is None else float(record.timestamp)


def _plain(text: str) -> str:
    """Return a text with letters, digits and underscores only."""
    return "".join(char if char.isascii() and char.isalnum() else "_" for char in text)


def _checks(
    name: str, assets: Iterable[Any], description: str, blocking: bool, look: Look
) -> list[AssetChecksDefinition]:
    """Define one check of this name for each asset, in one step that can be subset.

    Blocking checks have a step each, because one asset may depend on another.
    """
    keys = list(dict.fromkeys(_keys(assets)))
    if not keys:
        raise InvalidDefinitionError(f"The checks {name!r} have no assets: name one at least.")
    steps = [[key] for key in keys] if blocking else [keys]
    return [_step(name, each, description, blocking, look) for each in steps]


def _step(
    name: str, keys: Sequence[AssetKey], description: str, blocking: bool, look: Look
) -> AssetChecksDefinition:
    specs = [AssetCheckSpec(name, key, description, blocking=blocking) for key in keys]

    def check(context: Any) -> Iterator[AssetCheckResult]:
        for spec in context.check_specs:
            yield look(context, spec.asset_key)

    from jobnb.definitions.types import Nothing

    waits = {key.to_python_identifier("made"): key for key in keys}
    more = f"_and_{len(keys) - 1}_more" if len(keys) > 1 else ""
    made = AssetChecksDefinition(
        node_def=OpDefinition(
            Function(check, frame_depth=0),
            f"{keys[0].to_python_identifier()}{more}_{name}",
            {each: In(Nothing) for each in waits},
            {each.get_python_identifier(): Out(None, is_required=False) for each in specs},
            description,
        ),
        specs=specs,
        keys_by_input_name=waits,
        can_subset=True,
    )
    announce_from_caller(made)
    return made


def _keys(assets: Iterable[Any]) -> Iterator[AssetKey]:
    given = [assets] if isinstance(assets, (str, AssetKey)) else assets
    for each in given:
        keys = getattr(each, "keys", None)
        if keys and isinstance(keys, frozenset):
            yield from sorted(keys)
        else:
            yield AssetKey.from_coercible(each)
