"""The sensor of the automation conditions that no sensor of the code location evaluates."""

from __future__ import annotations

from jobnb.automation.conditions import keys_with_conditions
from jobnb.definitions.automation.condition_sensor import AutomationConditionSensorDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import JobnbError

DEFAULT_SENSOR = "default_automation_condition_sensor"
"""The name of the sensor that a code location has without defining it."""


def default_condition_sensor(
    definitions: Definitions,
) -> AutomationConditionSensorDefinition | None:
    """Return the sensor of the conditions that no other one evaluates; None if there are none.

    It is stopped until somebody starts it, as in Dagster.

    Args:
        definitions: The code location.

    Example:
        >>> from jobnb import AutomationCondition, asset
        >>> @asset(automation_condition=AutomationCondition.eager())
        ... def orders(): ...
        >>> default_condition_sensor(Definitions([orders])).name
        'default_automation_condition_sensor'
    """
    # A schedule or sensor of this name is the user's own, and stays the only one.
    schedules, sensors = definitions.schedules, definitions.sensors
    if DEFAULT_SENSOR in [*(one.name for one in schedules), *(one.name for one in sensors)]:
        return None
    left = keys_with_conditions(definitions)
    for each in sensors:
        if left and isinstance(each, AutomationConditionSensorDefinition):
            left -= _targets(each, definitions)
    if not left:
        return None
    return AutomationConditionSensorDefinition(
        DEFAULT_SENSOR,
        target=AssetSelection.assets(*sorted(left)),
        description="Requests assets by their conditions, as far as no other sensor does.",
    )


def _targets(
    sensor: AutomationConditionSensorDefinition, definitions: Definitions
) -> frozenset[AssetKey]:
    try:
        return definitions.select_assets(sensor.asset_selection)
    except JobnbError:  # it says so itself, at each of its ticks
        return frozenset()
