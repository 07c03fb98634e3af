"""The data of each kind of event, under Dagster's names.

An event's own fields are flat and ready to be JSON. Code written for Dagster asks for
`event.event_specific_data` and finds objects there; these make them when they are asked for, and
have all that the event itself has.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from jobnb.definitions.metadata import from_json
from jobnb.definitions.user_events import ExpectationResult
from jobnb.errors import DAGSTER_NAMES
from jobnb.events.event import ErrorInfo, Event


class ErrorSource(str, Enum):
    """What raised the error of a step.

    Source: Dagster's `ErrorSource`.
    """

    FRAMEWORK_ERROR = "FRAMEWORK_ERROR"
    USER_CODE_ERROR = "USER_CODE_ERROR"
    UNEXPECTED_ERROR = "UNEXPECTED_ERROR"
    INTERRUPT = "INTERRUPT"


class StepOutputHandle(msgspec.Struct, frozen=True):
    """One output of one step.

    Source: Dagster's `StepOutputHandle`.
    """

    step_key: str
    output_name: str = "result"
    mapping_key: str | None = None


class TypeCheckData(msgspec.Struct, frozen=True):
    """The verdict of a type check; `label` is the name of the input or output.

    Source: Dagster's `TypeCheckData`.
    """

    success: bool
    label: str
    description: str | None = None
    metadata: dict[str, Any] = {}


class UserFailureData(msgspec.Struct, frozen=True):
    """The description and metadata of a `Failure`.

    Source: Dagster's `UserFailureData`.
    """

    label: str
    description: str | None = None
    metadata: dict[str, Any] = {}


class EventData:
    """An event's data: its own fields, and metadata as `MetadataValue` objects.

    Args:
        event: The event.
    """

    __slots__ = ("_event",)

    def __init__(self, event: Event) -> None:
        self._event = event

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # the copying and pickling of what is not filled yet asks so
            raise AttributeError(name)
        return getattr(self._event, name)

    @property
    def metadata(self) -> dict[str, Any]:
        """Facts by label, as `MetadataValue` objects."""
        return from_json(getattr(self._event, "metadata", {}))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._event == self._event

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._event!r})"


class HandledOutputData(EventData):
    """The storing of an output or the loading of an input: manager, place and metadata.

    Source: Dagster's `HandledOutputData` and `LoadedInputData`.
    """

    __slots__ = ()

    @property
    def upstream_step_key(self) -> str | None:
        """The key of the step that an input came from."""
        found: str | None = self._event.upstream_step  # type: ignore[attr-defined]
        return found

    @property
    def upstream_output_name(self) -> str | None:
        """The output that an input came from."""
        found: str | None = self._event.upstream_output  # type: ignore[attr-defined]
        return found


class InputData(EventData):
    """An input and the check of its type.

    Source: Dagster's `StepInputData`.
    """

    __slots__ = ()

    @property
    def type_check_data(self) -> TypeCheckData:
        """The verdict of the check of its type."""
        event: Any = self._event
        return TypeCheckData(event.passed, self._label, event.description, self.metadata)

    @property
    def _label(self) -> str:
        name: str = self._event.input_name  # type: ignore[attr-defined]
        return name


class OutputData(InputData):
    """An output, the check of its type, and its metadata.

    Source: Dagster's `StepOutputData`.
    """

    __slots__ = ()

    @property
    def step_output_handle(self) -> StepOutputHandle:
        """Which output of which step."""
        event: Any = self._event
        return StepOutputHandle(event.step_key, event.output_name, event.mapping_key)

    @property
    def version(self) -> str | None:
        """The data version of its value, if one was given."""
        found: str | None = self._event.data_version  # type: ignore[attr-defined]
        return found

    @property
    def _label(self) -> str:
        name: str = self._event.output_name  # type: ignore[attr-defined]
        return name


class ExpectationData(EventData):
    """An expectation of the data, and whether it held.

    Source: Dagster's `StepExpectationResultData`.
    """

    __slots__ = ()

    @property
    def expectation_result(self) -> ExpectationResult:
        """The event as the object that user code yields."""
        event: Any = self._event
        return ExpectationResult(event.success, event.label, event.description, self.metadata)


class FailedRunData(EventData):
    """The failure of a run, or the retry of a step.

    Source: Dagster's `JobFailureData`, `StepRetryData`.
    """

    __slots__ = ()

    @property
    def seconds_to_wait(self) -> float | None:
        """Seconds before the next attempt of a step; None if its code did not say."""
        found: float | None = getattr(self._event, "wait", None)
        return found


class RetryData(FailedRunData):
    """The retry of a step, in Dagster's form.

    Source: Dagster's `StepRetryData`.
    """

    __slots__ = ()

    @property
    def error(self) -> ErrorInfo | None:
        """What asks for the retry; what was raised is its `cause`."""
        event: Any = self._event
        if not event.reason:
            return event.error  # type: ignore[no-any-return]
        raised = _named(event.error) if event.error is not None else None
        return ErrorInfo(event.reason, event.message, cause=raised)


class StepFailureData(EventData):
    """The failure of a step, in Dagster's form.

    Source: Dagster's `StepFailureData`.
    """

    __slots__ = ()

    @property
    def error(self) -> ErrorInfo:
        """The error, under Dagster's name for it.

        What an op, an IO manager, a type check or a loader raised is the `cause` of the error that
        Dagster makes of it.
        """
        event: Any = self._event
        named = _named(event.error)
        if event.during is None:
            return named
        kind, doing = event.during
        return ErrorInfo(f"Dagster{kind}Error", f"Error occurred while {doing}", cause=named)

    @property
    def user_failure_data(self) -> UserFailureData | None:
        """The data of the `Failure` that was raised, or None."""
        event: Any = self._event
        if not event.declared:
            return None
        description = event.error.message if event.declared == "described" else None
        return UserFailureData("intentional-failure", description, self.metadata)

    @property
    def error_source(self) -> ErrorSource:
        """`USER_CODE_ERROR` if the user's own code raised, else `FRAMEWORK_ERROR`."""
        event: Any = self._event
        if event.error.cls_name == SystemExit.__name__:
            return ErrorSource.UNEXPECTED_ERROR
        own = event.during is not None
        return ErrorSource.USER_CODE_ERROR if own else ErrorSource.FRAMEWORK_ERROR

    @property
    def error_display_string(self) -> str:
        """The error in words, with the user's error that caused it."""
        error = self.error
        if error.cause is None or self.error_source is ErrorSource.FRAMEWORK_ERROR:
            return error.to_string()
        return f"{error.message}\n\n{error.cause.to_string()}"


def _named(error: ErrorInfo) -> ErrorInfo:
    """Return an error and its causes, under Dagster's names."""
    name = DAGSTER_NAMES.get(error.cls_name, error.cls_name)
    cause = _named(error.cause) if error.cause is not None else None
    return msgspec.structs.replace(error, cls_name=name, cause=cause)
