"""What the function of a schedule or sensor returns beside run requests."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import msgspec

from jobnb.definitions.jobs.run_request import RunRequest
from jobnb.errors import InvalidDefinitionError, InvalidInvocationError


class DefaultScheduleStatus(Enum):
    """Whether a schedule runs without anybody having started it.

    Source: Dagster's `DefaultScheduleStatus`.
    """

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


class DefaultSensorStatus(Enum):
    """Whether a sensor runs without anybody having started it.

    Source: Dagster's `DefaultSensorStatus`.
    """

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


class SensorType(Enum):
    """The kind of a sensor, by what it evaluates.

    Source: Dagster's `SensorType`.
    """

    STANDARD = "STANDARD"
    RUN_STATUS = "RUN_STATUS"
    ASSET = "ASSET"
    MULTI_ASSET = "MULTI_ASSET"
    FRESHNESS_POLICY = "FRESHNESS_POLICY"
    UNKNOWN = "UNKNOWN"


class SkipReason(msgspec.Struct, frozen=True):
    """Returned by a schedule or sensor that launches nothing this time.

    Args:
        skip_message: Why, in words.

    Example:
        >>> SkipReason("No file has come.").skip_message
        'No file has come.'

    Source: Dagster's `SkipReason`.
    """

    skip_message: str | None = None

    def __post_init__(self) -> None:
        """Check what was given."""
        if not isinstance(self.skip_message, str | None):
            raise InvalidDefinitionError(f"A skip_message is text, not {self.skip_message!r}.")


class SensorResult:
    """All that one evaluation of a sensor comes to.

    Args:
        run_requests: The runs to launch.
        skip_reason: Why there are none, as text or a `SkipReason`.
        cursor: The cursor of the next evaluation.
        dynamic_partitions_requests: Keys of dynamic partitions to add or delete.

    Raises:
        InvalidInvocationError: If it has both run requests and a skip reason.

    Example:
        >>> SensorResult([RunRequest("file-1")], cursor="1").run_requests
        [RunRequest(run_key='file-1')]

    Source: Dagster's `SensorResult`.
    """

    __slots__ = ("cursor", "dynamic_partitions_requests", "run_requests", "skip_reason")

    def __init__(
        self,
        run_requests: Sequence[RunRequest] | None = None,
        skip_reason: str | SkipReason | None = None,
        cursor: str | None = None,
        dynamic_partitions_requests: Sequence[Any] | None = None,
    ) -> None:
        self.run_requests = list(run_requests or ())
        given = SkipReason(skip_reason) if isinstance(skip_reason, str) else skip_reason
        self.skip_reason = given
        self.cursor = cursor
        self.dynamic_partitions_requests = list(dynamic_partitions_requests or ())
        for each in self.run_requests:
            if not isinstance(each, RunRequest):
                raise InvalidInvocationError(
                    f"A SensorResult has the run request {each!r}. Give RunRequest objects."
                )
        if self.run_requests and self.skip_reason is not None:
            raise InvalidInvocationError(
                "A SensorResult has run requests and a skip reason. Keep one of them."
            )
        if cursor is not None and not isinstance(cursor, str):
            raise InvalidInvocationError(
                f"The cursor of a SensorResult is text, not {cursor!r}. Write it with str() or "
                "json.dumps()."
            )

    def __repr__(self) -> str:
        given = {name: getattr(self, name) for name in self.__slots__}
        return f"SensorResult({', '.join(f'{k}={v!r}' for k, v in given.items() if v)})"
