"""The sensor that evaluates the conditions of assets."""

from __future__ import annotations

from typing import Any

from jobnb.definitions.automation.results import DefaultSensorStatus
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidInvocationError


class AutomationConditionSensorDefinition(SensorDefinition):
    """Requests the assets whose `automation_condition` or `auto_materialize_policy` is true.

    Args:
        name: Its name.
        target: The assets.
        default_status: Whether it runs without anybody having started it.
        minimum_interval_seconds: How many seconds are between two evaluations at least.
        description: In words, Markdown.

    Example:
        >>> AutomationConditionSensorDefinition("by_itself", target="*").name
        'by_itself'

    Source: Dagster's `AutomationConditionSensorDefinition`.
    """

    def __init__(
        self,
        name: str,
        *,
        target: Any,
        default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
        minimum_interval_seconds: int | None = None,
        description: str | None = None,
    ) -> None:
        super().__init__(
            name,
            evaluation_fn=_no_function,
            minimum_interval_seconds=minimum_interval_seconds,
            description=description or "Requests assets by their conditions.",
            default_status=default_status,
            asset_selection=AssetSelection.from_coercible(target),
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: it has no function of the user's to call."""
        return _no_function()


def _no_function() -> Any:
    raise InvalidInvocationError(
        "A sensor of conditions has no function to call. Use evaluate_automation_conditions()."
    )
