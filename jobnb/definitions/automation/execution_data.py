"""The result of one evaluation of a schedule or sensor."""

from __future__ import annotations

from typing import Any

import msgspec

from jobnb.definitions.jobs.run_request import RunRequest


class ScheduleExecutionData(msgspec.Struct, frozen=True):
    """The result of one evaluation of a schedule.

    Attributes:
        run_requests: The runs to launch, with the tags and the config of their partitions.
        skip_message: Why there are none; None if there are some.
        captured_log_key: Not used.

    Source: Dagster's `ScheduleExecutionData`.
    """

    run_requests: list[RunRequest] = []
    skip_message: str | None = None
    captured_log_key: Any = None


class SensorExecutionData(msgspec.Struct, frozen=True):
    """The result of one evaluation of a sensor.

    Attributes:
        run_requests: The runs to launch.
        skip_message: Why there are none; None if there are some.
        cursor: The cursor of the next evaluation.
        dagster_run_reactions: The runs that a run status sensor was called for.
        captured_log_key: Not used.
        dynamic_partitions_requests: Keys of dynamic partitions to add or delete.

    Source: Dagster's `SensorExecutionData`.
    """

    run_requests: list[RunRequest] = []
    skip_message: str | None = None
    cursor: str | None = None
    dagster_run_reactions: list[Any] = []
    captured_log_key: Any = None
    dynamic_partitions_requests: list[Any] = []
