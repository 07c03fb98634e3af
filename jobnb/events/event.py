"""The base of all events, and how they store an exception."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, ClassVar

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvariantViolationError
from jobnb.events.handle import NodeHandle, StepHandle


class EventType(str, Enum):
    """The kind of an event; the values are Dagster's."""

    STEP_OUTPUT = "STEP_OUTPUT"
    STEP_INPUT = "STEP_INPUT"
    STEP_FAILURE = "STEP_FAILURE"
    STEP_START = "STEP_START"
    STEP_SUCCESS = "STEP_SUCCESS"
    STEP_SKIPPED = "STEP_SKIPPED"
    STEP_WORKER_STARTING = "STEP_WORKER_STARTING"
    STEP_WORKER_STARTED = "STEP_WORKER_STARTED"
    RESOURCE_INIT_STARTED = "RESOURCE_INIT_STARTED"
    RESOURCE_INIT_SUCCESS = "RESOURCE_INIT_SUCCESS"
    RESOURCE_INIT_FAILURE = "RESOURCE_INIT_FAILURE"
    STEP_UP_FOR_RETRY = "STEP_UP_FOR_RETRY"
    STEP_RESTARTED = "STEP_RESTARTED"
    ASSET_MATERIALIZATION = "ASSET_MATERIALIZATION"
    ASSET_MATERIALIZATION_PLANNED = "ASSET_MATERIALIZATION_PLANNED"
    ASSET_OBSERVATION = "ASSET_OBSERVATION"
    STEP_EXPECTATION_RESULT = "STEP_EXPECTATION_RESULT"
    ASSET_CHECK_EVALUATION_PLANNED = "ASSET_CHECK_EVALUATION_PLANNED"
    ASSET_CHECK_EVALUATION = "ASSET_CHECK_EVALUATION"
    RUN_ENQUEUED = "PIPELINE_ENQUEUED"
    RUN_DEQUEUED = "PIPELINE_DEQUEUED"
    RUN_STARTING = "PIPELINE_STARTING"
    RUN_START = "PIPELINE_START"
    RUN_SUCCESS = "PIPELINE_SUCCESS"
    RUN_FAILURE = "PIPELINE_FAILURE"
    RUN_CANCELING = "PIPELINE_CANCELING"
    RUN_CANCELED = "PIPELINE_CANCELED"
    PIPELINE_ENQUEUED = "PIPELINE_ENQUEUED"
    PIPELINE_DEQUEUED = "PIPELINE_DEQUEUED"
    PIPELINE_STARTING = "PIPELINE_STARTING"
    PIPELINE_START = "PIPELINE_START"
    PIPELINE_SUCCESS = "PIPELINE_SUCCESS"
    PIPELINE_FAILURE = "PIPELINE_FAILURE"
    PIPELINE_CANCELING = "PIPELINE_CANCELING"
    PIPELINE_CANCELED = "PIPELINE_CANCELED"
    OBJECT_STORE_OPERATION = "OBJECT_STORE_OPERATION"
    ASSET_STORE_OPERATION = "ASSET_STORE_OPERATION"
    LOADED_INPUT = "LOADED_INPUT"
    HANDLED_OUTPUT = "HANDLED_OUTPUT"
    ENGINE_EVENT = "ENGINE_EVENT"
    HOOK_COMPLETED = "HOOK_COMPLETED"
    HOOK_ERRORED = "HOOK_ERRORED"
    HOOK_SKIPPED = "HOOK_SKIPPED"
    ALERT_START = "ALERT_START"
    ALERT_SUCCESS = "ALERT_SUCCESS"
    LOGS_CAPTURED = "LOGS_CAPTURED"
    LOG_MESSAGE = "LOG_MESSAGE"


_DEEPEST = 10  # causes of causes that are shown


class ErrorInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored exception: its class and message, the user's own line, and the frames.

    Attributes:
        cls_name: The exception's class.
        message: The exception's message.
        where: The line in user code, as `cell [3], line 2` or `pipeline.py, line 10`.
        source: A few numbered lines around it; the failing one starts with an arrow.
        stack: The formatted frames, outermost first, the user's code only.
        cause: The exception it was raised from.
    """

    cls_name: str
    message: str
    where: str = ""
    source: str = ""
    stack: tuple[str, ...] = ()
    cause: ErrorInfo | None = None

    @property
    def chain(self) -> list[ErrorInfo]:
        """The error and its causes; one that only repeats the message of another is left out."""
        found, error = [self], self.cause
        for _ in range(_DEEPEST - 1):
            if error is None:
                break
            if (error.cls_name, error.message) != (found[-1].cls_name, found[-1].message):
                found.append(error)
            error = error.cause
        return found

    def __str__(self) -> str:
        head = f"{self.cls_name}: {self.message}" if self.message else self.cls_name
        return f"{head} ({self.where})" if self.where else head

    def to_string(self) -> str:
        """Return the whole error: place, source, class and message, frames, cause."""
        parts = [self.where, self.source, f"{self.cls_name}: {self.message}", "".join(self.stack)]
        text = "\n".join(part for part in parts if part)
        return f"{text}\ncaused by\n{self.cause.to_string()}" if self.cause else text


def _is(*kinds: EventType) -> Any:
    """Create a property that says whether an event is of one of these kinds."""
    names = " or ".join(kind.value for kind in kinds)
    return property(lambda event: event.event_type in kinds, doc=f"Whether it is {names}.")


def _data(*kinds: EventType) -> Any:
    """Create a property that returns the data of these kinds, and raises for any other."""
    names = " or ".join(kind.value for kind in kinds)

    def data(event: Event) -> Any:
        if event.event_type in kinds:
            return event.event_specific_data
        raise InvariantViolationError(
            f"This event is {event.event_type_value}; only {names} has this data. Ask for its "
            "event_type first."
        )

    return property(data, doc=f"The data of {names}.")


class _OfJob(
    msgspec.Struct,
    frozen=True,
    gc=False,
    kw_only=True,
    omit_defaults=True,
    repr_omit_defaults=True,
    tag_field="kind",
):
    """What an event is told where it is handed out: the job that ran.

    The log of a run knows its job, so most kinds do not store it.
    """

    job: str | None = None


class Event(_OfJob, frozen=True, gc=False):
    """An event of a run at `time` (seconds since the epoch, UTC)."""

    event_type: ClassVar[EventType]
    time: float

    def __eq__(self, other: object) -> bool:
        """Compare all but the job: whoever has not been told of it has the same event."""
        if type(other) is not type(self):
            return NotImplemented
        names = (name for name in self.__struct_fields__ if name != "job")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def __hash__(self) -> int:
        return hash((type(self), self.time))

    @property
    def job_name(self) -> str | None:
        """The job that ran; None for what only its log tells."""
        return self.job

    @property
    def event_type_value(self) -> str:
        """The kind, as Dagster spells it."""
        return self.event_type.value

    @property
    def timestamp(self) -> float:
        """Seconds since the epoch, UTC."""
        return self.time

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return self.event_type.value.replace("_", " ").capitalize() + "."

    @property
    def event_specific_data(self) -> Any:
        """The data of this kind: the event itself, whose fields are the data."""
        return self

    @property
    def step_key(self) -> str | None:
        """The key of its step, or None for an event of the run."""
        return None

    @property
    def step_handle(self) -> StepHandle | None:
        """The step it belongs to, or None for an event of the run."""
        return StepHandle(self.step_key) if self.step_key is not None else None

    @property
    def node_handle(self) -> NodeHandle | None:
        """The handle of its step's op, or None for an event of the run."""
        handle = self.step_handle
        return handle.node_handle if handle is not None else None

    @property
    def node_name(self) -> str:
        """The name of the op whose step it belongs to, in its graph.

        Raises:
            InvariantViolationError: If it is an event of the run.
        """
        handle = self.node_handle
        if handle is None:
            raise InvariantViolationError(
                f"This {self.event_type_value} event is one of the run and belongs to no node. Ask "
                "for is_step_event first."
            )
        return handle.name

    @property
    def step_kind_value(self) -> str | None:
        """The kind of its step, as Dagster spells it, or None for an event of the run."""
        if self.step_key is None:
            return None
        return "UNRESOLVED_MAPPED" if self.step_key.endswith("[?]") else "COMPUTE"

    @property
    def partition(self) -> str | None:
        """The partition of its asset, or None."""
        return None

    @property
    def asset_key(self) -> AssetKey | None:
        """The key of its asset, or None."""
        path = getattr(self, "asset", None)
        return AssetKey(path) if path else None

    @property
    def is_step_event(self) -> bool:
        """Whether it belongs to a step."""
        return self.step_key is not None

    @property
    def is_failure(self) -> bool:
        """Whether it is a failure of a step or run."""
        return self.event_type in (EventType.STEP_FAILURE, EventType.RUN_FAILURE)

    is_run_failure = _is(EventType.RUN_FAILURE)
    is_job_failure = is_run_failure
    is_job_success = _is(EventType.RUN_SUCCESS)
    is_run_success = is_job_success
    is_job_event = _is(
        EventType.RUN_STARTING,
        EventType.RUN_START,
        EventType.RUN_SUCCESS,
        EventType.RUN_FAILURE,
        EventType.RUN_CANCELING,
        EventType.RUN_CANCELED,
    )
    is_step_start = _is(EventType.STEP_START)
    is_step_success = _is(EventType.STEP_SUCCESS)
    is_step_failure = _is(EventType.STEP_FAILURE)
    is_step_skipped = _is(EventType.STEP_SKIPPED)
    is_step_restarted = _is(EventType.STEP_RESTARTED)
    is_step_up_for_retry = _is(EventType.STEP_UP_FOR_RETRY)
    is_successful_output = _is(EventType.STEP_OUTPUT)
    is_handled_output = _is(EventType.HANDLED_OUTPUT)
    is_loaded_input = _is(EventType.LOADED_INPUT)
    is_step_materialization = _is(EventType.ASSET_MATERIALIZATION)
    is_asset_observation = _is(EventType.ASSET_OBSERVATION)
    is_asset_materialization_planned = _is(EventType.ASSET_MATERIALIZATION_PLANNED)
    is_expectation_result = _is(EventType.STEP_EXPECTATION_RESULT)
    is_engine_event = _is(EventType.ENGINE_EVENT)
    is_resource_init_failure = _is(EventType.RESOURCE_INIT_FAILURE)
    is_hook_event = _is(EventType.HOOK_COMPLETED, EventType.HOOK_ERRORED, EventType.HOOK_SKIPPED)

    step_input_data = _data(EventType.STEP_INPUT)
    step_success_data = _data(EventType.STEP_SUCCESS)
    step_retry_data = _data(EventType.STEP_UP_FOR_RETRY)
    step_expectation_result_data = _data(EventType.STEP_EXPECTATION_RESULT)
    asset_observation_data = _data(EventType.ASSET_OBSERVATION)
    hook_completed_data = _data(EventType.HOOK_COMPLETED)
    hook_errored_data = _data(EventType.HOOK_ERRORED)
    hook_skipped_data = _data(EventType.HOOK_SKIPPED)
    job_failure_data = _data(EventType.RUN_FAILURE)
    step_output_data = _data(EventType.STEP_OUTPUT)
    step_failure_data = _data(EventType.STEP_FAILURE)
    step_materialization_data = _data(EventType.ASSET_MATERIALIZATION)
    asset_materialization_planned_data = _data(EventType.ASSET_MATERIALIZATION_PLANNED)
    engine_event_data = _data(EventType.ENGINE_EVENT)


def with_job(events: Iterable[Event], job_name: str) -> list[Event]:
    """Return events that know the job that ran.

    They are the same objects: thousands are handed out at once, and none has another job.

    Args:
        events: The events.
        job_name: The job.

    Example:
        >>> from jobnb.events import StepStarted
        >>> [event] = with_job([StepStarted(1.0, "load")], "daily")
        >>> event.job_name
        'daily'
    """
    found = list(events)
    for event in found:
        if event.job_name is None:
            msgspec.structs.force_setattr(event, "job", job_name)
    return found
