"""The context of a sensor's function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobnb.automation.condition_result import ConditionResult
from jobnb.automation.evaluation_context import EvaluationContext
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import InvalidInvocationError
from jobnb.events import EventType
from jobnb.storage.instance import Instance
from jobnb.storage.records import EventLogRecord, EventRecordsFilter


class SensorEvaluationContext(EvaluationContext):
    """The context of a sensor's function.

    Args:
        instance_ref: The history.
        last_completion_time: When it was evaluated last, in seconds since the epoch.
        last_run_key: The run key of the last run that it launched.
        cursor: What the last evaluation kept for this one.
        repository_name: What the code location is called.
        repository_def: The code location.
        instance: The history again.
        sensor_name: The sensor.
        resources: Resources by key.
        definitions: The code location again.

    Source: Dagster's `SensorEvaluationContext`.
    """

    _word = "sensor"
    _builder = "build_sensor_context"

    def __init__(
        self,
        instance_ref: Instance | None,
        last_completion_time: float | None,
        last_run_key: str | None,
        cursor: str | None,
        repository_name: str | None,
        repository_def: Definitions | None = None,
        instance: Instance | None = None,
        sensor_name: str | None = None,
        resources: Mapping[str, Any] | None = None,
        definitions: Definitions | None = None,
    ) -> None:
        known = definitions or repository_def
        super().__init__(instance or instance_ref, sensor_name, resources, known, repository_name)
        self.last_completion_time = last_completion_time
        self.last_run_key = last_run_key
        self._cursor = cursor
        self.cursor_updated = False
        """Whether `update_cursor` was called."""
        self.tick_time: float | None = None
        """The moment of the tick, in seconds since the epoch; None outside of a loop."""
        self.decisions: Sequence[ConditionResult] = ()
        """What the conditions of assets came to, where the sensor evaluates some."""

    @property
    def sensor_name(self) -> str | None:
        """The name of the sensor."""
        return self._name

    @property
    def last_tick_completion_time(self) -> float | None:
        """When it was last evaluated, in seconds since the epoch."""
        return self.last_completion_time

    @property
    def cursor(self) -> str | None:
        """The cursor of the last evaluation."""
        return self._cursor

    def update_cursor(self, cursor: str | None) -> None:
        """Keep a text for the next evaluation.

        It is kept together with the run requests of this evaluation: both, or neither.

        Raises:
            InvalidInvocationError: If it is no text.
        """
        if cursor is not None and not isinstance(cursor, str):
            raise InvalidInvocationError(
                f"A cursor is text, not {cursor!r}. Write it with str() or json.dumps()."
            )
        self._cursor = cursor
        self.cursor_updated = True

    def latest_materialization(self, key: AssetKey, after: int | None) -> EventLogRecord | None:
        """Return the latest materialization of an asset.

        Args:
            key: The asset.
            after: The storage id that it must be beyond.
        """
        wanted = EventRecordsFilter(
            EventType.ASSET_MATERIALIZATION, asset_key=key, after_cursor=after
        )
        found = self.instance.get_event_records(wanted, limit=1)
        return found[0] if found else None


def build_sensor_context(
    instance: Instance | None = None,
    cursor: str | None = None,
    repository_name: str | None = None,
    repository_def: Definitions | None = None,
    sensor_name: str | None = None,
    resources: Mapping[str, Any] | None = None,
    definitions: Definitions | None = None,
    instance_ref: Instance | None = None,
    last_completion_time: float | None = None,
    last_run_key: str | None = None,
) -> SensorEvaluationContext:
    """Return a context to call or evaluate a sensor with in a unit test.

    Args:
        instance: The history; none if absent.
        cursor: What an earlier evaluation kept.
        repository_name: What the code location is called.
        repository_def: The code location, a `Definitions` or what `@repository` made.
        sensor_name: The sensor.
        resources: Resources by key: values or definitions.
        definitions: The code location again, Dagster's newer name.
        instance_ref: The history again, Dagster's other name.
        last_completion_time: When it was evaluated last, in seconds since the epoch.
        last_run_key: The run key of the last run that it launched.

    Example:
        >>> build_sensor_context(cursor="7").cursor
        '7'

    Source: Dagster's `build_sensor_context`.
    """
    return SensorEvaluationContext(
        instance or instance_ref,
        last_completion_time,
        last_run_key,
        cursor,
        repository_name,
        sensor_name=sensor_name,
        resources=resources,
        definitions=definitions or repository_def,
    )
