"""What happened: one small frozen struct per kind of event, ready to be JSON.

The runner appends events and never looks back. `fold` (in `jobnb.state`) is the one reader
of their meaning. Field values are JSON-ready: keys of assets are lists of parts, metadata is
the JSON form of `MetadataValue`. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, ClassVar

import msgspec

from jobnb.definitions.keys import AssetKey

__all__ = [
    "AssetMaterialized",
    "AssetObserved",
    "AssetPlanned",
    "EngineNote",
    "ErrorInfo",
    "Event",
    "EventType",
    "ExpectationChecked",
    "HookCompleted",
    "HookErrored",
    "HookSkipped",
    "InputChecked",
    "InputLoaded",
    "Logged",
    "OutputHandled",
    "OutputYielded",
    "ResourceFailed",
    "ResourceStarted",
    "ResourceSucceeded",
    "RunCanceled",
    "RunCanceling",
    "RunFailed",
    "RunStarted",
    "RunStarting",
    "RunSucceeded",
    "StepFailed",
    "StepRestarted",
    "StepRetried",
    "StepSkipped",
    "StepStarted",
    "StepSucceeded",
    "decode_events",
    "encode_events",
]


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


class ErrorInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """An exception, kept: its class and message, the user's own line, and the frames.

    Attributes:
        cls_name: The exception's class.
        message: What it said.
        where: The user's own place, as `cell [3], line 2` or `pipeline.py, line 10`.
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

    def __str__(self) -> str:
        head = f"{self.cls_name}: {self.message}" if self.message else self.cls_name
        return f"{head} ({self.where})" if self.where else head

    def to_string(self) -> str:
        """The whole story: place, source, class and message, frames, cause."""
        parts = [self.where, self.source, f"{self.cls_name}: {self.message}", "".join(self.stack)]
        text = "\n".join(part for part in parts if part)
        return f"{text}\ncaused by\n{self.cause.to_string()}" if self.cause else text


class Event(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="kind"):
    """Something that happened in a run at `time` (seconds since the epoch, UTC)."""

    event_type: ClassVar[EventType]
    time: float

    @property
    def event_type_value(self) -> str:
        """The kind as Dagster spells it."""
        return self.event_type.value

    @property
    def timestamp(self) -> float:
        """Seconds since the epoch, UTC."""
        return self.time

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return self.event_type.value.replace("_", " ").capitalize() + "."

    @property
    def event_specific_data(self) -> Event:
        """What is particular to this kind: the event itself, its fields are the data."""
        return self

    @property
    def step(self) -> str | None:
        """The key of the step it belongs to, or None for an event of the run."""
        return getattr(self, "step_key", None)

    @property
    def asset_key(self) -> AssetKey | None:
        """The asset it is about, or None."""
        path = getattr(self, "asset", None)
        return AssetKey(path) if path else None

    @property
    def is_step_event(self) -> bool:
        """Whether it belongs to a step."""
        return self.step is not None

    @property
    def is_failure(self) -> bool:
        """Whether it tells of a failed step or run."""
        return self.event_type in (EventType.STEP_FAILURE, EventType.RUN_FAILURE)


class RunStarting(Event, frozen=True, gc=False, tag="PIPELINE_STARTING"):
    """The run has been handed to an executor."""

    event_type: ClassVar[EventType] = EventType.RUN_STARTING


class RunStarted(Event, frozen=True, gc=False, tag="PIPELINE_START"):
    """The run began; `step_keys` are the steps it is to do, in order."""

    event_type: ClassVar[EventType] = EventType.RUN_START
    job_name: str
    step_keys: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f'Started execution of run for "{self.job_name}".'


class RunSucceeded(Event, frozen=True, gc=False, tag="PIPELINE_SUCCESS"):
    """Every step did what it should, or was rightly skipped."""

    event_type: ClassVar[EventType] = EventType.RUN_SUCCESS
    job_name: str

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f'Finished execution of run for "{self.job_name}".'


class RunFailed(Event, frozen=True, gc=False, tag="PIPELINE_FAILURE"):
    """The run ended with failed steps, or with an error outside of any step."""

    event_type: ClassVar[EventType] = EventType.RUN_FAILURE
    job_name: str
    failed: tuple[str, ...] = ()
    error: ErrorInfo | None = None

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        why = f"Steps failed: {list(self.failed)}." if self.failed else str(self.error or "")
        return f'Execution of run for "{self.job_name}" failed. {why}'.rstrip()


class RunCanceling(Event, frozen=True, gc=False, tag="PIPELINE_CANCELING"):
    """Someone asked the run to stop."""

    event_type: ClassVar[EventType] = EventType.RUN_CANCELING
    job_name: str


class RunCanceled(Event, frozen=True, gc=False, tag="PIPELINE_CANCELED"):
    """The run was stopped before its end."""

    event_type: ClassVar[EventType] = EventType.RUN_CANCELED
    job_name: str
    error: ErrorInfo | None = None

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f'Execution of run for "{self.job_name}" canceled.'


class EngineNote(Event, frozen=True, gc=False, tag="ENGINE_EVENT"):
    """The runner tells of itself."""

    event_type: ClassVar[EventType] = EventType.ENGINE_EVENT
    text: str
    metadata: dict[str, Any] = {}
    step_key: str | None = None
    error: ErrorInfo | None = None

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return self.text


class ResourceStarted(Event, frozen=True, gc=False, tag="RESOURCE_INIT_STARTED"):
    """The resources are being set up."""

    event_type: ClassVar[EventType] = EventType.RESOURCE_INIT_STARTED
    keys: tuple[str, ...]

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f"Starting initialization of resources [{', '.join(self.keys)}]."


class ResourceSucceeded(Event, frozen=True, gc=False, tag="RESOURCE_INIT_SUCCESS"):
    """The resources are ready; `seconds` is how long each took."""

    event_type: ClassVar[EventType] = EventType.RESOURCE_INIT_SUCCESS
    keys: tuple[str, ...]
    seconds: dict[str, float] = {}

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f"Finished initialization of resources [{', '.join(self.keys)}]."


class ResourceFailed(Event, frozen=True, gc=False, tag="RESOURCE_INIT_FAILURE"):
    """A resource could not be set up."""

    event_type: ClassVar[EventType] = EventType.RESOURCE_INIT_FAILURE
    keys: tuple[str, ...]
    error: ErrorInfo | None = None

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return "Initialization of resources [" + ", ".join(self.keys) + "] failed."


class StepStarted(Event, frozen=True, gc=False, tag="STEP_START"):
    """A step began."""

    event_type: ClassVar[EventType] = EventType.STEP_START
    step_key: str

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f'Started execution of step "{self.step_key}".'


class StepRestarted(Event, frozen=True, gc=False, tag="STEP_RESTARTED"):
    """A step began again; `attempt` counts from 2."""

    event_type: ClassVar[EventType] = EventType.STEP_RESTARTED
    step_key: str
    attempt: int

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f'Started re-execution (attempt # {self.attempt}) of step "{self.step_key}".'


class StepSucceeded(Event, frozen=True, gc=False, tag="STEP_SUCCESS"):
    """A step did what it should, in `seconds`."""

    event_type: ClassVar[EventType] = EventType.STEP_SUCCESS
    step_key: str
    seconds: float

    @property
    def duration_ms(self) -> float:
        """How long it took, in milliseconds."""
        return self.seconds * 1000

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f'Finished execution of step "{self.step_key}" in {self.seconds * 1000:.3g}ms.'


class StepFailed(Event, frozen=True, gc=False, tag="STEP_FAILURE"):
    """A step failed, after `seconds`."""

    event_type: ClassVar[EventType] = EventType.STEP_FAILURE
    step_key: str
    error: ErrorInfo
    seconds: float = 0.0
    metadata: dict[str, Any] = {}

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f'Execution of step "{self.step_key}" failed.'


class StepRetried(Event, frozen=True, gc=False, tag="STEP_UP_FOR_RETRY"):
    """A step failed and will be tried again in `wait` seconds."""

    event_type: ClassVar[EventType] = EventType.STEP_UP_FOR_RETRY
    step_key: str
    attempt: int
    wait: float = 0.0
    error: ErrorInfo | None = None

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f'Execution of step "{self.step_key}" failed and has requested a retry.'


class StepSkipped(Event, frozen=True, gc=False, tag="STEP_SKIPPED"):
    """A step was not run; `because` names the steps or outputs that were missing."""

    event_type: ClassVar[EventType] = EventType.STEP_SKIPPED
    step_key: str
    because: tuple[str, ...] = ()
    failed: bool = False

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        why = "failed upstream steps" if self.failed else "skipped inputs"
        return f'Skipping step "{self.step_key}" due to {why}: {list(self.because)}.'


class InputLoaded(Event, frozen=True, gc=False, tag="LOADED_INPUT"):
    """An input was loaded by an input manager, from an upstream step's output or an asset."""

    event_type: ClassVar[EventType] = EventType.LOADED_INPUT
    step_key: str
    input_name: str
    manager_key: str
    upstream_step: str | None = None
    upstream_output: str | None = None

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        origin = (
            f', from output "{self.upstream_output}" of step "{self.upstream_step}"'
            if self.upstream_step
            else ""
        )
        return f'Loaded input "{self.input_name}" using input manager "{self.manager_key}"{origin}'


class InputChecked(Event, frozen=True, gc=False, tag="STEP_INPUT"):
    """An input arrived and its type was checked."""

    event_type: ClassVar[EventType] = EventType.STEP_INPUT
    step_key: str
    input_name: str
    type_name: str
    passed: bool = True
    description: str | None = None
    metadata: dict[str, Any] = {}

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        verdict = "passed" if self.passed else "failed"
        return f'Got input "{self.input_name}" of type "{self.type_name}". (Type check {verdict}).'


class OutputYielded(Event, frozen=True, gc=False, tag="STEP_OUTPUT"):
    """An output came out and its type was checked."""

    event_type: ClassVar[EventType] = EventType.STEP_OUTPUT
    step_key: str
    output_name: str
    type_name: str
    mapping_key: str | None = None
    passed: bool = True
    description: str | None = None
    metadata: dict[str, Any] = {}
    data_version: str | None = None

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        mapped = f' mapping key "{self.mapping_key}"' if self.mapping_key is not None else ""
        verdict = "passed" if self.passed else "failed"
        return (
            f'Yielded output "{self.output_name}"{mapped} of type "{self.type_name}". '
            f"(Type check {verdict})."
        )


class OutputHandled(Event, frozen=True, gc=False, tag="HANDLED_OUTPUT"):
    """An output was stored by its IO manager."""

    event_type: ClassVar[EventType] = EventType.HANDLED_OUTPUT
    step_key: str
    output_name: str
    manager_key: str
    mapping_key: str | None = None
    metadata: dict[str, Any] = {}

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f'Handled output "{self.output_name}" using IO manager "{self.manager_key}"'


class AssetMaterialized(Event, frozen=True, gc=False, tag="ASSET_MATERIALIZATION"):
    """An asset was made; `asset` is the path of its key."""

    event_type: ClassVar[EventType] = EventType.ASSET_MATERIALIZATION
    step_key: str | None
    asset: tuple[str, ...]
    partition: str | None = None
    description: str | None = None
    metadata: dict[str, Any] = {}
    tags: dict[str, str] = {}

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f"Materialized value {'/'.join(self.asset)}."

    @property
    def data_version(self) -> str | None:
        """The version of the value, when one was set or computed."""
        return self.tags.get("dagster/data_version")


class AssetObserved(Event, frozen=True, gc=False, tag="ASSET_OBSERVATION"):
    """Something was learned about an asset that was not made now."""

    event_type: ClassVar[EventType] = EventType.ASSET_OBSERVATION
    step_key: str | None
    asset: tuple[str, ...]
    partition: str | None = None
    description: str | None = None
    metadata: dict[str, Any] = {}
    tags: dict[str, str] = {}

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f"Observed {'/'.join(self.asset)}."


class AssetPlanned(Event, frozen=True, gc=False, tag="ASSET_MATERIALIZATION_PLANNED"):
    """The run intends to make an asset."""

    event_type: ClassVar[EventType] = EventType.ASSET_MATERIALIZATION_PLANNED
    step_key: str | None
    asset: tuple[str, ...]
    partition: str | None = None

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f"Intends to materialize asset {'/'.join(self.asset)}."


class ExpectationChecked(Event, frozen=True, gc=False, tag="STEP_EXPECTATION_RESULT"):
    """An op told whether something it expected of the data held."""

    event_type: ClassVar[EventType] = EventType.STEP_EXPECTATION_RESULT
    step_key: str
    success: bool
    label: str | None = None
    description: str | None = None
    metadata: dict[str, Any] = {}

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        verdict = "passed" if self.success else "failed"
        return f"Expectation {self.label or self.description or ''} {verdict}".replace("  ", " ")


class HookCompleted(Event, frozen=True, gc=False, tag="HOOK_COMPLETED"):
    """A hook ran."""

    event_type: ClassVar[EventType] = EventType.HOOK_COMPLETED
    step_key: str
    hook: str

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f'Finished the execution of hook "{self.hook}" triggered for "{self.step_key}".'


class HookSkipped(Event, frozen=True, gc=False, tag="HOOK_SKIPPED"):
    """A hook did not apply to how its step ended."""

    event_type: ClassVar[EventType] = EventType.HOOK_SKIPPED
    step_key: str
    hook: str


class HookErrored(Event, frozen=True, gc=False, tag="HOOK_ERRORED"):
    """A hook raised; the step's own end stands."""

    event_type: ClassVar[EventType] = EventType.HOOK_ERRORED
    step_key: str
    hook: str
    error: ErrorInfo

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f'Error occurred during the execution of hook "{self.hook}".'


class Logged(Event, frozen=True, gc=False, tag="LOG_MESSAGE"):
    """A line that the user's code logged; `level` is that of Python's logging."""

    event_type: ClassVar[EventType] = EventType.LOG_MESSAGE
    level: int
    text: str
    step_key: str | None = None
    logger: str = ""

    @property
    def message(self) -> str:
        """The line."""
        return self.text


AnyEvent = (
    RunStarting
    | RunStarted
    | RunSucceeded
    | RunFailed
    | RunCanceling
    | RunCanceled
    | EngineNote
    | ResourceStarted
    | ResourceSucceeded
    | ResourceFailed
    | StepStarted
    | StepRestarted
    | StepSucceeded
    | StepFailed
    | StepRetried
    | StepSkipped
    | InputLoaded
    | InputChecked
    | OutputYielded
    | OutputHandled
    | AssetMaterialized
    | AssetObserved
    | AssetPlanned
    | ExpectationChecked
    | HookCompleted
    | HookSkipped
    | HookErrored
    | Logged
)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[AnyEvent])


def encode_events(events: list[Event]) -> bytes:
    """Events as one JSON list."""
    return _encoder.encode(events)


def decode_events(data: bytes) -> list[Event]:
    """The events that `encode_events` wrote."""
    return list(_decoder.decode(data))
