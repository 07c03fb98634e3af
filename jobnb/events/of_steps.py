"""Events of steps: start, end, retries, and the hooks that follow."""

from __future__ import annotations

from typing import Any, ClassVar

from jobnb.events.data import RetryData, StepFailureData
from jobnb.events.event import ErrorInfo, Event, EventType


class StepStarted(Event, frozen=True, gc=False, tag="STEP_START"):
    """A step began; `worker` names the thread, process or machine where steps run side by side."""

    event_type: ClassVar[EventType] = EventType.STEP_START
    step_key: str
    worker: str = ""

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f'Started execution of step "{self.step_key}".'


class StepRestarted(Event, frozen=True, gc=False, tag="STEP_RESTARTED"):
    """A step started again; `attempt` counts from 2."""

    event_type: ClassVar[EventType] = EventType.STEP_RESTARTED
    step_key: str
    attempt: int
    worker: str = ""

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f'Started re-execution (attempt # {self.attempt}) of step "{self.step_key}".'


class StepProgressed(Event, frozen=True, gc=False, tag="STEP_PROGRESS"):
    """A step reported how far it is; Dagster has no such kind, for it it is the engine's.

    Attributes:
        done: How much is done, at most `total`.
        total: How much there is to do; None if that is unknown.
        text: What the step is doing.

    Example:
        >>> event = StepProgressed(1.0, "load", 1500, 6000, "orders")
        >>> event.fraction, event.words
        (0.25, '1,500 of 6,000 · orders')
    """

    event_type: ClassVar[EventType] = EventType.ENGINE_EVENT
    step_key: str
    done: int | float
    total: int | float | None = None
    text: str = ""

    @property
    def fraction(self) -> float | None:
        """The part that is done, from 0 to 1; None if the total is unknown."""
        if self.total is None:
            return None
        return self.done / self.total if self.total else 1.0  # of nothing, all is done

    @property
    def words(self) -> str:
        """The counts and what the step is doing."""
        counts = _count(self.done)
        if self.total is not None:
            is_share = self.total == 1 and isinstance(self.done, float)
            counts = f"{self.done:.0%}" if is_share else f"{counts} of {_count(self.total)}"
        return f"{counts} · {self.text}" if self.text else counts

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f'Progress of step "{self.step_key}": {self.words}.'


def _count(number: float) -> str:
    """Return a number with separators; of a broken one, two digits after the point."""
    return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"


class StepSucceeded(Event, frozen=True, gc=False, tag="STEP_SUCCESS"):
    """A step succeeded, in `seconds`.

    `cpu` is the processor time of its last attempt, in seconds; `memory` that of its process at
    the peak, in bytes; and `growth` how many bytes of them came during the attempt. All are None
    where it was too short to be measured.
    """

    event_type: ClassVar[EventType] = EventType.STEP_SUCCESS
    step_key: str
    seconds: float
    cpu: float | None = None
    memory: int | None = None
    growth: int | None = None

    @property
    def duration_ms(self) -> float:
        """Its duration, in milliseconds."""
        return self.seconds * 1000

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f'Finished execution of step "{self.step_key}" in {self.seconds * 1000:.3g}ms.'


class StepFailed(Event, frozen=True, gc=False, tag="STEP_FAILURE"):
    """A step failed, after `seconds`.

    `during` says what was done when code of the user's raised: the kind of the error that
    Dagster makes of it, and what was done in words. `declared` says that it raised `Failure` on
    purpose: `bare`, or `described` if it said why. `cpu`, `memory` and `growth` are as those of
    `StepSucceeded`.
    """

    event_type: ClassVar[EventType] = EventType.STEP_FAILURE
    step_key: str
    error: ErrorInfo
    seconds: float = 0.0
    metadata: dict[str, Any] = {}
    during: tuple[str, str] | None = None
    declared: str = ""
    cpu: float | None = None
    memory: int | None = None
    growth: int | None = None

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f'Execution of step "{self.step_key}" failed.'

    @property
    def event_specific_data(self) -> StepFailureData:
        """The failure, in Dagster's form."""
        return StepFailureData(self)

    step_failure_data = event_specific_data


class StepRetried(Event, frozen=True, gc=False, tag="STEP_UP_FOR_RETRY"):
    """A step failed and is retried in `wait` seconds; None if its code asked so without a time.

    Attributes:
        reason: `RetryRequested` where its code asked so, `RetryRequestedFromPolicy` where its
            retry policy says so; empty if nobody knows.
    """

    event_type: ClassVar[EventType] = EventType.STEP_UP_FOR_RETRY
    step_key: str
    attempt: int
    wait: float | None = 0.0
    error: ErrorInfo | None = None
    reason: str = ""

    @property
    def event_specific_data(self) -> RetryData:
        """The error and the seconds until the retry."""
        return RetryData(self)

    @property
    def message(self) -> str:
        """The event in a sentence."""
        when = f" in {self.wait} seconds" if self.wait else ""
        return f'Execution of step "{self.step_key}" failed and has requested a retry{when}.'


class StepSkipped(Event, frozen=True, gc=False, tag="STEP_SKIPPED"):
    """A step was skipped; `because` names the steps or outputs that were missing."""

    event_type: ClassVar[EventType] = EventType.STEP_SKIPPED
    step_key: str
    because: tuple[str, ...] = ()
    failed: bool = False

    @property
    def message(self) -> str:
        """The event in a sentence."""
        why = "failed upstream steps" if self.failed else "skipped inputs"
        return f'Skipping step "{self.step_key}" due to {why}: {list(self.because)}.'


class HookCompleted(Event, frozen=True, gc=False, tag="HOOK_COMPLETED"):
    """A hook ran."""

    event_type: ClassVar[EventType] = EventType.HOOK_COMPLETED
    step_key: str
    hook: str

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f'Finished the execution of hook "{self.hook}" triggered for "{self.step_key}".'


class HookSkipped(Event, frozen=True, gc=False, tag="HOOK_SKIPPED"):
    """A hook did not apply to the outcome of its step."""

    event_type: ClassVar[EventType] = EventType.HOOK_SKIPPED
    step_key: str
    hook: str

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return (
            f'Skipped the execution of hook "{self.hook}". It did not meet its triggering '
            f'condition during the execution of "{self.step_key}".'
        )


class HookErrored(Event, frozen=True, gc=False, tag="HOOK_ERRORED"):
    """A hook raised; the step's own result does not change."""

    event_type: ClassVar[EventType] = EventType.HOOK_ERRORED
    step_key: str
    hook: str
    error: ErrorInfo

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f'Error occurred during the execution of hook "{self.hook}".'
