"""The context of a run status sensor, and the evaluation that calls it for each run, once."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jobnb.automation.evaluation_context import EvaluationContext
from jobnb.automation.sensor_context import SensorEvaluationContext
from jobnb.definitions.automation.results import SkipReason
from jobnb.definitions.automation.run_reaction import RunReaction
from jobnb.definitions.automation.run_status_sensor import RunStatusSensorDefinition
from jobnb.definitions.locations.definitions import GLOBAL_ASSET_JOB, Definitions
from jobnb.errors import InvalidInvocationError
from jobnb.events import Event, EventType
from jobnb.execution.spec import ASSET_JOB
from jobnb.execution.trace import error_info
from jobnb.storage.instance import Instance
from jobnb.storage.records import EventLogRecord, EventRecordsFilter
from jobnb.storage.run import SENSOR_TAG, JobRun

_KINDS = {
    "QUEUED": EventType.RUN_ENQUEUED,
    "STARTING": EventType.RUN_STARTING,
    "STARTED": EventType.RUN_START,
    "SUCCESS": EventType.RUN_SUCCESS,
    "FAILURE": EventType.RUN_FAILURE,
    "CANCELING": EventType.RUN_CANCELING,
    "CANCELED": EventType.RUN_CANCELED,
}
_AT_ONCE = 50
_SPAN = 64 * 65536
"""Events so far back are looked at again: other processes may have committed them late."""


class RunStatusSensorContext(EvaluationContext):
    """The context of a run status sensor.

    Args:
        sensor_name: The sensor.
        dagster_run: The run.
        dagster_event: The event that reports its status.
        instance: The history.
        context: The context of the evaluation.
        resource_defs: Resources by key.
        logger: Where it logs.
        partition_key: The partition that the run was for.

    Source: Dagster's `RunStatusSensorContext`.
    """

    _word = "run status sensor"
    _builder = "build_run_status_sensor_context"

    def __init__(
        self,
        sensor_name: str,
        dagster_run: JobRun,
        dagster_event: Event,
        instance: Instance,
        context: SensorEvaluationContext | None = None,
        resource_defs: Mapping[str, Any] | None = None,
        logger: logging.Logger | None = None,
        partition_key: str | None = None,
    ) -> None:
        known = context.definitions if context is not None else None
        name = context.repository_name if context is not None else None
        super().__init__(instance, sensor_name, resource_defs, known, name)
        self.dagster_run = dagster_run
        self.dagster_event = dagster_event
        self.partition_key = dagster_run.partition_key if partition_key is None else partition_key
        self._around = context
        self._log = logger if logger is not None else context.log if context is not None else None

    @property
    def sensor_name(self) -> str:
        """The name of the sensor."""
        return self._name or ""

    def for_run_failure(self) -> RunFailureSensorContext:
        """Return the same, for a sensor of failures."""
        return RunFailureSensorContext(
            self.sensor_name,
            self.dagster_run,
            self.dagster_event,
            self.instance,
            self._around,
            self._resource_defs,
            self._log,
            self.partition_key,
        )


class RunFailureSensorContext(RunStatusSensorContext):
    """The context of a run failure sensor.

    Source: Dagster's `RunFailureSensorContext`.
    """

    @property
    def failure_event(self) -> Event:
        """The event of the run's failure."""
        return self.dagster_event

    def get_step_failure_events(self) -> list[Event]:
        """Return the events that tell which steps have failed, and why."""
        found = self.instance.all_logs(self.dagster_run.run_id, of_type=EventType.STEP_FAILURE)
        return [each.dagster_event for each in found if each.dagster_event is not None]


def build_run_status_sensor_context(
    sensor_name: str,
    dagster_event: Event,
    dagster_instance: Instance,
    dagster_run: JobRun,
    context: SensorEvaluationContext | None = None,
    resources: Mapping[str, Any] | None = None,
    partition_key: str | None = None,
) -> RunStatusSensorContext:
    """Return a context to call a run status sensor or run failure sensor with in a unit test.

    Args:
        sensor_name: The sensor.
        dagster_event: The event that reports the status.
        dagster_instance: The history.
        dagster_run: The run.
        context: The context of an evaluation.
        resources: Resources by key: values or definitions.
        partition_key: The partition that the run was for.

    Source: Dagster's `build_run_status_sensor_context`.
    """
    return RunStatusSensorContext(
        sensor_name,
        dagster_run,
        dagster_event,
        dagster_instance,
        context,
        resources,
        partition_key=partition_key,
    )


# --- calling it for each run -----------------------------------------------------


def reactions_of(sensor: RunStatusSensorDefinition, context: SensorEvaluationContext) -> list[Any]:
    """Call the function of a sensor for each run that has come to its status, and move the cursor.

    A run for which it raises is told of and not tried again.
    """
    kind = _KINDS[sensor.run_status]
    if not context.cursor:
        newest = context.instance.get_event_records(EventRecordsFilter(kind), limit=1)
        begin = newest[0].storage_id if newest else 0
        before = EventRecordsFilter(kind, after_cursor=max(0, begin - _SPAN))
        earlier = context.instance.get_event_records(before)
        _keep_cursor(context, begin, [each.event_log_entry.run_id for each in earlier])
        return [SkipReason("It looks for runs from now on.")]
    last, seen = _cursor(sensor, context.cursor)
    wanted = EventRecordsFilter(kind, after_cursor=max(0, last - _SPAN))
    around = context.instance.get_event_records(wanted, ascending=True)
    new = [each for each in around if each.event_log_entry.run_id not in seen][:_AT_ONCE]
    found: list[Any] = []
    for record in new:
        found += _reaction(sensor, context, record)
    last = max([last, *(each.storage_id for each in new)])
    handled = seen | {each.event_log_entry.run_id for each in new}
    kept = [
        each.event_log_entry.run_id
        for each in around
        if each.storage_id > last - _SPAN and each.event_log_entry.run_id in handled
    ]
    _keep_cursor(context, last, kept)
    return found or [SkipReason(f"No run has come to {sensor.run_status} since.")]


def _cursor(sensor: RunStatusSensorDefinition, text: str) -> tuple[int, set[str]]:
    try:
        read = json.loads(text)
        return int(read["record_id"]), set(read.get("seen", ()))
    except (ValueError, TypeError, KeyError):
        raise InvalidInvocationError(
            f"{text!r} is no cursor of the run status sensor {sensor.name!r}. Delete it: it then "
            "looks for runs from now on."
        ) from None


def _keep_cursor(context: SensorEvaluationContext, last: int, seen: list[str]) -> None:
    now = datetime.now(UTC).isoformat()
    context.update_cursor(
        json.dumps({"record_id": last, "update_timestamp": now, "seen": sorted(seen)})
    )


def _reaction(
    sensor: RunStatusSensorDefinition, context: SensorEvaluationContext, record: EventLogRecord
) -> list[Any]:
    entry = record.event_log_entry
    run = context.instance.get_run_by_id(entry.run_id)
    if run is None or entry.dagster_event is None or not _counts(sensor, context.definitions, run):
        return []
    about = RunStatusSensorContext(
        sensor.name, run, entry.dagster_event, context.instance, context, context.resource_defs
    )
    if sensor.for_failure:
        about = about.for_run_failure()
    try:
        with about:
            returned = sensor.react(about)
            listed = list(returned) if _is_several(returned) else [returned]
    except Exception as error:  # noqa: BLE001 the user's code may raise anything
        info = error_info(error)
        where = f" ({info.where})" if info.where else ""
        what = f"{info.cls_name}: {info.message}{where}"
        text = f"For the run {run.run_id} of {run.job_name!r}: {what}"
        return [RunReaction(run, text, sensor.run_status)]
    asked = [each for each in listed if each is not None and not isinstance(each, SkipReason)]
    return [RunReaction(run, None, sensor.run_status), *asked]


def _is_several(returned: Any) -> bool:
    return hasattr(returned, "__iter__") and not isinstance(returned, (str, dict))


def _counts(sensor: RunStatusSensorDefinition, known: Definitions | None, run: JobRun) -> bool:
    """Whether the sensor is to hear of a run: of a monitored job, and not launched by itself."""
    if run.tags.get(SENSOR_TAG) == sensor.name:
        return False
    names = None
    if known is not None:
        names = {*known.job_names, GLOBAL_ASSET_JOB, ASSET_JOB}
    return sensor.monitors(run.job_name, names)
