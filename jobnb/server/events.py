"""The lines of a run's log as GraphQL tells them: a type for each kind of event."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jobnb.events as ev
from jobnb.events.data import ErrorSource
from jobnb.server.metadata import AssetKey, entries_of_json
from jobnb.server.nodes import Node, millis, type_named
from jobnb.server.problems import PythonError, RunNotFoundError, python_error_of

if TYPE_CHECKING:
    from jobnb.server.runs import Run
    from jobnb.server.steps import RunStepStats
    from jobnb.server.workspace import RequestReader


class RunMessage(Node):
    """A line of the log of a run.

    Args:
        reading: What the request reads.
        run_id: The run.
        job_name: Its job.
        event: What happened.
    """

    def __init__(self, reading: RequestReader, run_id: str, job_name: str, event: ev.Event) -> None:
        self.reading, self.run_id, self.pipeline_name = reading, run_id, job_name
        self.event: Any = event

    run_id: str
    pipeline_name: str

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return str(self.event.message)

    @property
    def timestamp(self) -> str:
        """When, in milliseconds since the epoch."""
        return millis(self.event.time)

    @property
    def level(self) -> str:
        """How grave it is."""
        if isinstance(self.event, ev.Logged):
            return _level(self.event.level)
        return "ERROR" if self.event.is_failure else "DEBUG"

    @property
    def step_key(self) -> str | None:
        """The step that it belongs to."""
        key: str | None = self.event.step_key
        return key

    @property
    def solid_handle_id(self) -> str | None:
        """The op whose step it belongs to."""
        handle = self.event.node_handle
        return None if handle is None else str(handle)

    @property
    def event_type(self) -> str | None:
        """The kind of the event; none of a line that was logged."""
        name: str = self.event.event_type.name
        return None if name in _NOT_OF_DAGSTER else name

    # --- what several kinds have

    @property
    def label(self) -> str | None:
        """A word for it."""
        return getattr(self.event, "label", None)

    @property
    def description(self) -> str | None:
        """What was told of it."""
        return getattr(self.event, "description", None)

    @property
    def metadata_entries(self) -> list[Node]:
        """Facts."""
        return entries_of_json(getattr(self.event, "metadata", None))

    @property
    def marker_start(self) -> str | None:
        """What begins with it."""
        return None

    @property
    def marker_end(self) -> str | None:
        """What ends with it."""
        return None

    @property
    def error(self) -> PythonError | None:
        """What was raised."""
        return python_error_of(getattr(self.event, "error", None))


_NOT_OF_DAGSTER = {"LOG_MESSAGE", "ASSET_CHECK_EVALUATION_PLANNED", "ASSET_CHECK_EVALUATION"}


def _level(number: int) -> str:
    """Return the level of Python's logging at or below a number.

    >>> _level(logging.INFO), _level(25), _level(1)
    ('INFO', 'INFO', 'DEBUG')
    """
    for level in (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO):
        if number >= level:
            return logging.getLevelName(level)
    return "DEBUG"


# --- of runs ----------------------------------------------------------------------


class RunEnqueuedEvent(RunMessage):
    """The run waits."""


class RunDequeuedEvent(RunMessage):
    """The run waits no more."""


class RunStartingEvent(RunMessage):
    """The run begins."""


class RunStartEvent(RunMessage):
    """The run has begun."""


class RunSuccessEvent(RunMessage):
    """The run succeeded."""


class RunFailureEvent(RunMessage):
    """The run failed."""


class RunCancelingEvent(RunMessage):
    """The run is to stop."""


class RunCanceledEvent(RunMessage):
    """The run was canceled."""


class AlertStartEvent(RunMessage):
    """Not written here."""


class AlertSuccessEvent(RunMessage):
    """Not written here."""


class AlertFailureEvent(RunMessage):
    """Not written here."""


class EngineEvent(RunMessage):
    """The runner reports about itself."""


class LogMessageEvent(RunMessage):
    """The user's code logged a line."""


class LogsCapturedEvent(RunMessage):
    """Not written here: what a step prints are lines of the log."""

    file_key = ""
    step_keys: Sequence[str] | None = None
    external_url: str | None = None
    external_stdout_url: str | None = None
    external_stderr_url: str | None = None
    pid: int | None = None
    log_key = ""


class _ResourceMessage(RunMessage):
    @property
    def label(self) -> str | None:
        """The resources."""
        return ", ".join(self.event.keys)


class ResourceInitStartedEvent(_ResourceMessage):
    """Resources are being set up."""

    @property
    def marker_start(self) -> str | None:
        """What begins with it."""
        return "resources"


class ResourceInitSuccessEvent(_ResourceMessage):
    """Resources are ready."""

    @property
    def marker_end(self) -> str | None:
        """What ends with it."""
        return "resources"


class ResourceInitFailureEvent(_ResourceMessage):
    """Resources could not be set up."""

    @property
    def marker_end(self) -> str | None:
        """What ends with it."""
        return "resources"


# --- of steps -----------------------------------------------------------------------


class StepWorkerStartingEvent(RunMessage):
    """Not written here."""


class StepWorkerStartedEvent(RunMessage):
    """Not written here."""


class ExecutionStepStartEvent(RunMessage):
    """A step has begun."""


class ExecutionStepRestartEvent(RunMessage):
    """A step has begun again."""


class ExecutionStepSuccessEvent(RunMessage):
    """A step succeeded."""


class ExecutionStepSkippedEvent(RunMessage):
    """A step was skipped."""


class ExecutionStepFailureEvent(RunMessage):
    """A step failed."""

    @property
    def error_source(self) -> str:
        """Whose code raised."""
        source: ErrorSource = self.event.event_specific_data.error_source
        return source.value

    @property
    def failure_metadata(self) -> FailureMetadata | None:
        """What a `Failure` said."""
        if not self.event.declared:
            return None
        data = self.event.event_specific_data.user_failure_data
        return FailureMetadata(data.label, data.description, self.metadata_entries)


class ExecutionStepUpForRetryEvent(RunMessage):
    """A step failed and is tried again."""

    @property
    def seconds_to_wait(self) -> int:
        """Seconds before the next attempt."""
        return round(float(self.event.wait or 0))


class ExecutionStepInputEvent(RunMessage):
    """An input was received."""

    @property
    def input_name(self) -> str:
        """The input."""
        return str(self.event.input_name)

    @property
    def type_check(self) -> TypeCheck:
        """The verdict on its type."""
        return TypeCheck(
            self.event.input_name,
            self.event.description,
            self.metadata_entries,
            self.event.passed,
        )


class ExecutionStepOutputEvent(RunMessage):
    """An output was yielded."""

    @property
    def output_name(self) -> str:
        """The output."""
        return str(self.event.output_name)

    @property
    def type_check(self) -> TypeCheck:
        """The verdict on its type."""
        return TypeCheck(self.event.output_name, self.event.description, [], self.event.passed)


class LoadedInputEvent(RunMessage):
    """An input was loaded."""

    @property
    def input_name(self) -> str:
        """The input."""
        return str(self.event.input_name)

    @property
    def manager_key(self) -> str:
        """What loaded it."""
        return str(self.event.manager_key)

    @property
    def upstream_output_name(self) -> str | None:
        """The output that it came from."""
        name: str | None = self.event.upstream_output
        return name

    @property
    def upstream_step_key(self) -> str | None:
        """The step that it came from."""
        key: str | None = self.event.upstream_step
        return key


class HandledOutputEvent(RunMessage):
    """An output was stored."""

    @property
    def output_name(self) -> str:
        """The output."""
        return str(self.event.output_name)

    @property
    def manager_key(self) -> str:
        """What stored it."""
        return str(self.event.manager_key)


@dataclass(frozen=True)
class ObjectStoreOperationResult(Node):
    """Not written here."""

    label: str | None
    description: str | None
    metadata_entries: Sequence[Node]
    op: str


class ObjectStoreOperationEvent(RunMessage):
    """Not written here."""

    @property
    def operation_result(self) -> ObjectStoreOperationResult:
        """What was done."""
        return ObjectStoreOperationResult(None, None, [], "SET_OBJECT")


class StepExpectationResultEvent(RunMessage):
    """An expectation was looked at."""

    @property
    def expectation_result(self) -> ExpectationResult:
        """The verdict."""
        event = self.event
        return ExpectationResult(
            event.label, event.description, self.metadata_entries, event.success
        )


class HookCompletedEvent(RunMessage):
    """A hook ran."""


class HookSkippedEvent(RunMessage):
    """A hook did not apply."""


class HookErroredEvent(RunMessage):
    """A hook raised."""


@dataclass(frozen=True)
class FailureMetadata(Node):
    """What a `Failure` said."""

    label: str | None
    description: str | None
    metadata_entries: Sequence[Node]


@dataclass(frozen=True)
class TypeCheck(Node):
    """The verdict on a type."""

    label: str | None
    description: str | None
    metadata_entries: Sequence[Node]
    success: bool


@dataclass(frozen=True)
class ExpectationResult(Node):
    """The verdict on an expectation."""

    label: str | None
    description: str | None
    metadata_entries: Sequence[Node]
    success: bool


# --- of assets ------------------------------------------------------------------------


@dataclass(frozen=True)
class EventTag(Node):
    """A tag of an event."""

    key: str
    value: str


@dataclass(frozen=True)
class AssetLineageInfo(Node):
    """Not written here."""

    asset_key: AssetKey
    partitions: Sequence[str]


class _AssetMessage(RunMessage):
    @property
    def asset_key(self) -> AssetKey:
        """The asset."""
        return AssetKey(list(self.event.asset))

    @property
    def run_or_error(self) -> Run | RunNotFoundError:
        """The run."""
        record = self.reading.record(self.run_id)
        if record is None:
            return RunNotFoundError(self.run_id)
        found: Run = type_named("Run")(self.reading, record)
        return found

    @property
    def partition(self) -> str | None:
        """The partition."""
        partition: str | None = self.event.partition
        return partition


class AssetMaterializationPlannedEvent(_AssetMessage):
    """An asset is to be materialized."""


class _AssetFacts(_AssetMessage):
    @property
    def tags(self) -> list[EventTag]:
        """The tags: the versions among them."""
        return [EventTag(*pair) for pair in self.event.tags.items()]

    @property
    def step_stats(self) -> RunStepStats:
        """How the step went."""
        kind = type_named("RunStepStats")
        found: RunStepStats = kind.of_step(self.reading, self.run_id, self.step_key or "")
        return found

    @property
    def label(self) -> str | None:
        """The asset."""
        return " ".join(self.event.asset)


class MaterializationEvent(_AssetFacts):
    """An asset was materialized."""

    asset_lineage: Sequence[AssetLineageInfo] = ()


class ObservationEvent(_AssetFacts):
    """An asset was observed."""


_KINDS: dict[str, type[RunMessage]] = {
    "PIPELINE_ENQUEUED": RunEnqueuedEvent,
    "PIPELINE_DEQUEUED": RunDequeuedEvent,
    "PIPELINE_STARTING": RunStartingEvent,
    "PIPELINE_START": RunStartEvent,
    "PIPELINE_SUCCESS": RunSuccessEvent,
    "PIPELINE_FAILURE": RunFailureEvent,
    "PIPELINE_CANCELING": RunCancelingEvent,
    "PIPELINE_CANCELED": RunCanceledEvent,
    "ENGINE_EVENT": EngineEvent,
    "LOG_MESSAGE": LogMessageEvent,
    "RESOURCE_INIT_STARTED": ResourceInitStartedEvent,
    "RESOURCE_INIT_SUCCESS": ResourceInitSuccessEvent,
    "RESOURCE_INIT_FAILURE": ResourceInitFailureEvent,
    "STEP_START": ExecutionStepStartEvent,
    "STEP_RESTARTED": ExecutionStepRestartEvent,
    "STEP_SUCCESS": ExecutionStepSuccessEvent,
    "STEP_SKIPPED": ExecutionStepSkippedEvent,
    "STEP_FAILURE": ExecutionStepFailureEvent,
    "STEP_UP_FOR_RETRY": ExecutionStepUpForRetryEvent,
    "STEP_INPUT": ExecutionStepInputEvent,
    "STEP_OUTPUT": ExecutionStepOutputEvent,
    "LOADED_INPUT": LoadedInputEvent,
    "HANDLED_OUTPUT": HandledOutputEvent,
    "STEP_EXPECTATION_RESULT": StepExpectationResultEvent,
    "HOOK_COMPLETED": HookCompletedEvent,
    "HOOK_SKIPPED": HookSkippedEvent,
    "HOOK_ERRORED": HookErroredEvent,
    "ASSET_MATERIALIZATION_PLANNED": AssetMaterializationPlannedEvent,
    "ASSET_MATERIALIZATION": MaterializationEvent,
    "ASSET_OBSERVATION": ObservationEvent,
}


def message_of(reading: RequestReader, run_id: str, job_name: str, event: ev.Event) -> RunMessage:
    """Return an event as a line of the log; a kind that 1.4.7 does not know is told as logged."""
    kind = _KINDS.get(event.event_type.value, LogMessageEvent)
    return kind(reading, run_id, job_name, event)


def materialization(
    reading: RequestReader, run_id: str, job_name: str, event: ev.AssetMaterialized
) -> MaterializationEvent:
    """Return a materialization as an answer."""
    return MaterializationEvent(reading, run_id, job_name, event)


def messages(
    reading: RequestReader, run_id: str, job_name: str, events: Sequence[ev.Event]
) -> list[RunMessage]:
    """Return events as lines of the log."""
    return [message_of(reading, run_id, job_name, event) for event in events]


@dataclass(frozen=True)
class EventConnection(Node):
    """A page of the log of a run."""

    events: Sequence[RunMessage]
    cursor: str
    has_more: bool
