"""The lateness of assets, and the context of a freshness policy sensor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jobnb.automation.evaluation_context import EvaluationContext
from jobnb.automation.sensor_context import SensorEvaluationContext
from jobnb.definitions.assets.policies import FreshnessMinutes, FreshnessPolicy
from jobnb.definitions.automation.freshness_sensor import FreshnessPolicySensorDefinition
from jobnb.definitions.automation.results import SkipReason
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import InvalidInvocationError
from jobnb.events import EventType
from jobnb.storage.instance import Instance
from jobnb.storage.records import EventRecordsFilter


class FreshnessPolicySensorContext(EvaluationContext):
    """The context of a freshness policy sensor.

    Args:
        sensor_name: The sensor.
        asset_key: The asset.
        freshness_policy: What it may lag.
        minutes_overdue: How many minutes later than that it is; None if it was never made.
        previous_minutes_overdue: The same at the evaluation before.
        instance: The history.
        resources: Resources by key.

    Source: Dagster's `FreshnessPolicySensorContext`.
    """

    _word = "freshness policy sensor"
    _builder = "build_freshness_policy_sensor_context"

    def __init__(
        self,
        sensor_name: str,
        asset_key: AssetKey,
        freshness_policy: FreshnessPolicy,
        minutes_overdue: float | None,
        previous_minutes_overdue: float | None,
        instance: Instance | None,
        resources: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(instance, sensor_name, resources, None, None)
        self.asset_key = asset_key
        self.freshness_policy = freshness_policy
        self.minutes_overdue = minutes_overdue
        self.previous_minutes_overdue = previous_minutes_overdue

    @property
    def sensor_name(self) -> str:
        """The name of the sensor."""
        return self._name or ""


def build_freshness_policy_sensor_context(
    sensor_name: str,
    asset_key: CoercibleToAssetKey,
    freshness_policy: FreshnessPolicy,
    minutes_overdue: float | None,
    previous_minutes_overdue: float | None = None,
    instance: Instance | None = None,
    resources: Mapping[str, Any] | None = None,
) -> FreshnessPolicySensorContext:
    """Return a context to call a freshness policy sensor with in a unit test.

    Args:
        sensor_name: The sensor.
        asset_key: The asset.
        freshness_policy: What it may lag.
        minutes_overdue: How many minutes later than that it is; None if it was never made.
        previous_minutes_overdue: The same at the evaluation before.
        instance: The history; none if absent.
        resources: Resources by key: values or definitions.

    Source: Dagster's `build_freshness_policy_sensor_context`.
    """
    return FreshnessPolicySensorContext(
        sensor_name,
        AssetKey.from_coercible(asset_key),
        freshness_policy,
        minutes_overdue,
        previous_minutes_overdue,
        instance,
        resources,
    )


# --- how late --------------------------------------------------------------------


def lateness(
    definitions: Definitions, instance: Instance, key: AssetKey, now: datetime
) -> FreshnessMinutes | None:
    """Return the lateness of an asset; None without a policy, or if an upstream asset is missing.

    Args:
        definitions: The code location.
        instance: The history.
        key: The asset.
        now: The moment that counts as now.
    """
    policy = _policy(definitions, key)
    if policy is None:
        return None
    reaches = data_time(definitions, instance, key)
    moment = None if reaches is None else datetime.fromtimestamp(reaches, UTC)
    return policy.minutes_overdue(moment, now)


def _policy(definitions: Definitions, key: AssetKey) -> FreshnessPolicy | None:
    found: Any = definitions.assets_by_key.get(key)
    return None if found is None else found.freshness_policies_by_key.get(key)


def data_time(
    definitions: Definitions, instance: Instance, key: AssetKey, before: float | None = None
) -> float | None:
    """Return the moment up to which the data in an asset reach, in seconds since the epoch.

    That of an asset that depends on others is the earliest of theirs, as they were when it was
    made.

    Args:
        definitions: The code location.
        instance: The history.
        key: The asset.
        before: As of this moment.
    """
    kind = EventType.ASSET_MATERIALIZATION
    wanted = EventRecordsFilter(kind, key, before_timestamp=before)
    found = instance.get_event_records(wanted, limit=1)
    if not found:
        return None
    made = found[0].timestamp
    own = definitions.assets_by_key.get(key)
    sources = own.asset_deps.get(key, ()) if own is not None else ()
    upstream = [each for each in sources if each in definitions.assets_by_key and each != key]
    times = [data_time(definitions, instance, each, made) for each in upstream]
    known = [each for each in times if each is not None]
    return min([made, *known]) if not known else min(known)


def lateness_reactions(
    sensor: FreshnessPolicySensorDefinition, context: SensorEvaluationContext
) -> list[Any]:
    """Call the function of a sensor for each asset that has a policy, and keep how late each is."""
    known = context.definitions
    if known is None:
        raise InvalidInvocationError(
            f"The sensor {sensor.name!r} looks at a selection of assets, and nothing says which "
            "there are. Pass definitions=Definitions(...) to build_sensor_context."
        )
    before = _before(sensor, context.cursor)
    now = datetime.now(UTC)
    overdue: dict[str, float | None] = {}
    for key in sorted(known.named_by(sensor.monitored_assets), key=lambda each: tuple(each.path)):
        policy = _policy(known, key)
        if policy is None:
            continue
        name = key.to_user_string()
        late = lateness(known, context.instance, key, now)
        overdue[name] = None if late is None else late.overdue_minutes
        if before is None:
            continue
        about = FreshnessPolicySensorContext(
            sensor.name, key, policy, overdue[name], before.get(name), context.instance,
            context.resource_defs,
        )  # fmt: skip
        with about:
            sensor.react(about)
    context.update_cursor(json.dumps({"minutes_late_by_key_str": overdue}))
    if before is None:
        return [SkipReason("It looks for changes from now on.")]
    return [SkipReason(f"Its function was called for {len(overdue)} assets.")]


def _before(
    sensor: FreshnessPolicySensorDefinition, cursor: str | None
) -> Mapping[str, float | None] | None:
    if not cursor:
        return None
    try:
        found: Mapping[str, float | None] = json.loads(cursor)["minutes_late_by_key_str"]
    except (ValueError, TypeError, KeyError):
        raise InvalidInvocationError(
            f"{cursor!r} is no cursor of the freshness policy sensor {sensor.name!r}. Delete it."
        ) from None
    return found
