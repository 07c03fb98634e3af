"""Sensors that look at how late assets with a `FreshnessPolicy` are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from jobnb.definitions.arguments import telling_nearest
from jobnb.definitions.automation.results import DefaultSensorStatus, SensorType
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.definitions.selections.selection import AssetSelection


class FreshnessPolicySensorDefinition(SensorDefinition):
    """Calls its function for each asset that has a `FreshnessPolicy`, at each evaluation.

    Args:
        name: Its name; that of the function if absent.
        asset_selection: The assets.
        freshness_policy_sensor_fn: Takes the context, and resources by annotation.
        minimum_interval_seconds: How many seconds are between two evaluations at least.
        description: In words, Markdown.
        default_status: Whether it runs without anybody having started it.
        required_resource_keys: The resources that the function takes from its context.

    Source: Dagster's `FreshnessPolicySensorDefinition`.
    """

    sensor_type = SensorType.FRESHNESS_POLICY
    _builder = "build_freshness_policy_sensor_context"

    def __init__(
        self,
        name: str | None,
        asset_selection: Any,
        freshness_policy_sensor_fn: Callable[..., Any],
        minimum_interval_seconds: int | None = None,
        description: str | None = None,
        default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
        required_resource_keys: Iterable[str] | None = None,
    ) -> None:
        super().__init__(
            name,
            evaluation_fn=freshness_policy_sensor_fn,
            minimum_interval_seconds=minimum_interval_seconds,
            description=description,
            default_status=default_status,
            required_resource_keys=required_resource_keys,
        )
        self.monitored_assets = AssetSelection.from_coercible(asset_selection)

    def react(self, context: Any) -> Any:
        """Call its function for one asset; `context` says which."""
        return self._function.call(context)


@telling_nearest
def freshness_policy_sensor(
    asset_selection: Any,
    *,
    name: str | None = None,
    minimum_interval_seconds: int | None = None,
    description: str | None = None,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
) -> Callable[[Callable[..., Any]], FreshnessPolicySensorDefinition]:
    """Define a sensor whose function is called with the lateness of each asset.

    Args:
        asset_selection: The assets; those without a `FreshnessPolicy` are left out.
        name: The name; that of the function if absent.
        minimum_interval_seconds: How many seconds are between two evaluations at least; 30 if
            absent.
        description: In words; the function's docstring if absent.
        default_status: Whether it runs without anybody having started it.

    Example:
        >>> @freshness_policy_sensor(asset_selection="*")
        ... def tell(context):
        ...     if context.minutes_overdue and context.minutes_overdue > 10:
        ...         print(context.asset_key, "is late")
        >>> tell.name
        'tell'

    Source: Dagster's `@freshness_policy_sensor`.
    """

    def decorate(fn: Callable[..., Any]) -> FreshnessPolicySensorDefinition:
        return FreshnessPolicySensorDefinition(
            name, asset_selection, fn, minimum_interval_seconds, description, default_status
        )

    return decorate
