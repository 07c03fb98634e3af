"""Evaluate sensors: convert what their functions return to run requests and a cursor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jobnb.automation.conditions import condition_requests
from jobnb.automation.freshness import lateness_reactions
from jobnb.automation.multi_asset import MultiAssetSensorEvaluationContext
from jobnb.automation.run_status import reactions_of
from jobnb.automation.schedules import flat_requests, resolved_request, with_return_value
from jobnb.automation.sensor_context import SensorEvaluationContext
from jobnb.definitions.automation.condition_sensor import AutomationConditionSensorDefinition
from jobnb.definitions.automation.execution_data import SensorExecutionData
from jobnb.definitions.automation.freshness_sensor import FreshnessPolicySensorDefinition
from jobnb.definitions.automation.multi_asset_sensor import MultiAssetSensorDefinition
from jobnb.definitions.automation.results import SensorResult, SkipReason
from jobnb.definitions.automation.run_reaction import RunReaction
from jobnb.definitions.automation.run_status_sensor import RunStatusSensorDefinition
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.definitions.automation.targets import Target
from jobnb.definitions.jobs.run_request import RunRequest
from jobnb.definitions.locations.definitions import GLOBAL_ASSET_JOB
from jobnb.errors import InvalidInvocationError, InvariantViolationError, did_you_mean


def evaluate_sensor(
    sensor: SensorDefinition, context: SensorEvaluationContext
) -> SensorExecutionData:
    """Find out what a sensor would launch; see `SensorDefinition.evaluate_tick`."""
    what = f"sensor {sensor.name!r}"
    returned = _listed(_asked(sensor, context))
    reactions = [each for each in returned if isinstance(each, RunReaction)]
    result = _as_result(what, [each for each in returned if not isinstance(each, RunReaction)])
    if result.cursor is not None and context.cursor_updated:
        raise InvariantViolationError(
            f"The {what} returned a SensorResult with a cursor and called context.update_cursor(). "
            "Keep one of the two."
        )
    requests = [
        _for_target(what, sensor, each, context, result.dynamic_partitions_requests)
        for each in result.run_requests
    ]
    skip = result.skip_reason.skip_message if result.skip_reason is not None else None
    return SensorExecutionData(
        run_requests=requests,
        skip_message=skip if not requests and not reactions else None,
        cursor=result.cursor if result.cursor is not None else context.cursor,
        dagster_run_reactions=reactions,
        dynamic_partitions_requests=list(result.dynamic_partitions_requests),
    )


def _asked(sensor: SensorDefinition, context: SensorEvaluationContext) -> Any:
    """Return the result of a sensor's function, called with the context of its kind."""
    if isinstance(sensor, RunStatusSensorDefinition):
        return reactions_of(sensor, context)
    if isinstance(sensor, FreshnessPolicySensorDefinition):
        return lateness_reactions(sensor, context)
    if isinstance(sensor, AutomationConditionSensorDefinition):
        return condition_requests(sensor, context)
    if not isinstance(sensor, MultiAssetSensorDefinition):
        return sensor.asked(context)
    if isinstance(context, MultiAssetSensorEvaluationContext):
        return sensor.asked(context)
    own = MultiAssetSensorEvaluationContext(
        context.instance,
        context.last_completion_time,
        context.last_run_key,
        context.cursor,
        context.repository_name,
        context.definitions,
        sensor.monitored_assets,
        resource_defs=context.resource_defs,
        sensor_name=sensor.name,
    )
    own.log_lines = context.log_lines
    with own:
        returned = _listed(sensor.asked(own))  # a generator runs while its resources are open
    if own.cursor_updated:
        context.update_cursor(own.cursor)
    return returned


def _listed(returned: Any) -> list[Any]:
    if returned is None:
        return []
    if isinstance(returned, (RunRequest, SkipReason, SensorResult, RunReaction)):
        return [returned]
    if isinstance(returned, Iterable) and not isinstance(returned, (str, dict)):
        return [each for each in with_return_value(returned) if each is not None]
    return [returned]


def _as_result(what: str, returned: list[Any]) -> SensorResult:
    if any(isinstance(each, SensorResult) for each in returned):
        if len(returned) > 1:
            raise InvalidInvocationError(
                f"The {what} returned a SensorResult and {len(returned) - 1} more. Put all of it "
                "into one SensorResult."
            )
        found: SensorResult = returned[0]
        if found.run_requests or found.skip_reason or found.dynamic_partitions_requests:
            return found
        skip = SkipReason("Its function returned nothing.")
        return SensorResult((), skip, found.cursor)
    requests = flat_requests(what, returned)
    if isinstance(requests, SkipReason):
        return SensorResult((), requests)
    return SensorResult(requests)


def _for_target(
    what: str,
    sensor: SensorDefinition,
    request: RunRequest,
    context: SensorEvaluationContext,
    partitions_requests: list[Any],
) -> RunRequest:
    """Return a request for one of the sensor's jobs, with the config and tags of its partition."""
    made = request
    targets: list[Target] = sensor.targets
    if sensor.asset_selection is not None:
        made = _of_assets(what, sensor, request, context)
        targets = [Target(GLOBAL_ASSET_JOB)]
    names = [each.job_name for each in targets]
    if not names:
        raise InvalidInvocationError(
            f"The {what} returned a run request but launches nothing. Pass job=, jobs= or "
            "asset_selection= to it."
        )
    if made.job_name is None and len(names) > 1:
        raise InvalidInvocationError(
            f"The {what} launches {', '.join(names)}, and a run request does not say which. "
            "Give it a job_name."
        )
    if made.job_name is not None and made.job_name not in names:
        raise InvalidInvocationError(
            f"The {what} returned a run request for the job {made.job_name!r}. "
            + did_you_mean(made.job_name, names, noun="It launches")
        )
    return resolved_request(made, targets, context, {}, partitions_requests)


def _of_assets(
    what: str, sensor: SensorDefinition, request: RunRequest, context: SensorEvaluationContext
) -> RunRequest:
    """Return the same request with the assets that it makes, which must be some of the sensor's."""
    if context.definitions is None:
        raise InvalidInvocationError(
            f"The {what} launches a selection of assets, and nothing says which there are. Pass "
            "definitions=Definitions(...) to build_sensor_context."
        )
    known = context.definitions.select_assets(sensor.asset_selection)
    wanted = request.asset_selection or sorted(known, key=lambda key: tuple(key.path))
    for key in wanted:
        if key not in known:
            names = sorted(each.to_user_string() for each in known)
            raise InvalidInvocationError(
                f"The {what} returned a run request for the asset {key.to_user_string()!r}. "
                + did_you_mean(key.to_user_string(), names, noun="It makes")
            )
    return request.with_replaced_attrs(job_name=GLOBAL_ASSET_JOB, asset_selection=wanted)
