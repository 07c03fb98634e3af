"""What the function of a schedule or sensor returns beside run requests."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import msgspec

from jobnb.definitions.arguments import check_several
from jobnb.definitions.jobs.run_request import RunRequest
from jobnb.definitions.partitions.dynamic_partitions import (
    AddDynamicPartitionsRequest,
    DeleteDynamicPartitionsRequest,
)
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


_RESULT = "SensorResult"


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
        self.run_requests = check_several(
            run_requests, "run_requests", _RESULT, "RunRequest objects"
        )
        self.skip_reason = _skip_reason(skip_reason)
        self.cursor = cursor
        self.dynamic_partitions_requests = _partitions_requests(dynamic_partitions_requests)
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

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SensorResult):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]  # it has lists

    def __repr__(self) -> str:
        given = {name: getattr(self, name) for name in self.__slots__}
        return f"SensorResult({', '.join(f'{k}={v!r}' for k, v in given.items() if v)})"


def _skip_reason(given: Any) -> SkipReason | None:
    """Return why there are no run requests, given as text or a `SkipReason`."""
    if given is None or isinstance(given, SkipReason):
        return given
    if isinstance(given, str):
        return SkipReason(given)
    raise InvalidInvocationError(
        f"The skip_reason of a SensorResult is text or a SkipReason, not {given!r}."
    )


def _partitions_requests(given: Any) -> list[Any]:
    """Return the requests to add or delete keys of dynamic partitions."""
    name = "dynamic_partitions_requests"
    found = check_several(given, name, _RESULT, "requests for keys of partitions")
    for each in found:
        if not isinstance(each, (AddDynamicPartitionsRequest, DeleteDynamicPartitionsRequest)):
            raise InvalidInvocationError(
                f"The {name} of a SensorResult have {each!r}. Give what build_add_request() and "
                "build_delete_request() of a DynamicPartitionsDefinition return."
            )
    return found
