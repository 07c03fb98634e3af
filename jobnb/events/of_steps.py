"""How steps begin, end and are tried again, and the hooks that follow."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from jobnb.errors import DAGSTER_NAMES
from jobnb.events.event import ErrorInfo, Event, EventType

__all__ = [
    "HookCompleted",
    "HookErrored",
    "HookSkipped",
    "StepFailed",
    "StepFailureData",
    "StepRestarted",
    "StepRetried",
    "StepSkipped",
    "StepStarted",
    "StepSucceeded",
]


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
    """A step failed, after `seconds`.

    `during` tells what was done when code that is no op raised: the kind of the error that
    Dagster makes of it, and what was done in words.
    """

    event_type: ClassVar[EventType] = EventType.STEP_FAILURE
    step_key: str
    error: ErrorInfo
    seconds: float = 0.0
    metadata: dict[str, Any] = {}
    during: tuple[str, str] | None = None

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f'Execution of step "{self.step_key}" failed.'

    @property
    def event_specific_data(self) -> Any:
        """How it failed, as code for Dagster reads it."""
        return StepFailureData(self)

    step_failure_data = event_specific_data


class StepFailureData:
    """How a step failed, as code for Dagster reads it; it also has all that the event has.

    Attributes:
        error: The error, under the name that Dagster has for it. What an IO manager, a type check
            or a loader raised is the `cause` of the error that Dagster makes of it.

    Source: Dagster's `StepFailureData`.
    """

    __slots__ = ("_event", "error")

    def __init__(self, event: StepFailed) -> None:
        self._event = event
        self.error = _named(event.error)
        if event.during is not None:
            kind, doing = event.during
            said = f"Error occurred while {doing}"
            self.error = ErrorInfo(f"Dagster{kind}Error", said, cause=self.error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._event, name)

    def __repr__(self) -> str:
        return f"StepFailureData({self._event.step_key!r}, {self.error.cls_name})"


def _named(error: ErrorInfo) -> ErrorInfo:
    """An error and its causes, under Dagster's names."""
    name = DAGSTER_NAMES.get(error.cls_name, error.cls_name)
    cause = _named(error.cause) if error.cause is not None else None
    return msgspec.structs.replace(error, cls_name=name, cause=cause)


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
