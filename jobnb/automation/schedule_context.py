"""The context of a schedule's functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jobnb.automation.evaluation_context import EvaluationContext
from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import InvariantViolationError
from jobnb.storage.instance import Instance


class ScheduleEvaluationContext(EvaluationContext):
    """The context of a schedule's functions.

    Args:
        instance_ref: The history.
        scheduled_execution_time: The moment that the schedule has come to.
        repository_name: What the code location is called.
        schedule_name: The schedule.
        resources: Resources by key.
        repository_def: The code location.

    Source: Dagster's `ScheduleEvaluationContext`.
    """

    _word = "schedule"
    _builder = "build_schedule_context"

    def __init__(
        self,
        instance_ref: Instance | None,
        scheduled_execution_time: datetime | None,
        repository_name: str | None = None,
        schedule_name: str | None = None,
        resources: Mapping[str, Any] | None = None,
        repository_def: Definitions | None = None,
    ) -> None:
        super().__init__(instance_ref, schedule_name, resources, repository_def, repository_name)
        self._time = scheduled_execution_time

    @property
    def schedule_name(self) -> str | None:
        """The name of the schedule."""
        return self._name

    @property
    def scheduled_execution_time(self) -> datetime:
        """The scheduled moment, in the schedule's time zone.

        Raises:
            InvariantViolationError: If a test gave none.
        """
        if self._time is None:
            raise InvariantViolationError(
                "This context has no scheduled_execution_time. Pass one: "
                "build_schedule_context(scheduled_execution_time=...)."
            )
        return self._time


def build_schedule_context(
    instance: Instance | None = None,
    scheduled_execution_time: datetime | None = None,
    resources: Mapping[str, Any] | None = None,
    repository_def: Definitions | None = None,
    instance_ref: Instance | None = None,
) -> ScheduleEvaluationContext:
    """Return a context to call or evaluate a schedule with in a unit test.

    Args:
        instance: The history; none if absent.
        scheduled_execution_time: The moment that the schedule has come to.
        resources: Resources by key: values or definitions.
        repository_def: The code location, a `Definitions` or what `@repository` made.
        instance_ref: The history again, Dagster's other name.

    Example:
        >>> from datetime import datetime
        >>> context = build_schedule_context(scheduled_execution_time=datetime(2024, 5, 1))
        >>> context.scheduled_execution_time.year
        2024

    Source: Dagster's `build_schedule_context`.
    """
    return ScheduleEvaluationContext(
        instance or instance_ref,
        scheduled_execution_time,
        resources=resources,
        repository_def=repository_def,
    )
