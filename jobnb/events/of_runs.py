"""Events of runs outside of their steps, and log messages."""

from __future__ import annotations

from typing import Any, ClassVar

from jobnb.definitions.jobs.job_config import is_nameless
from jobnb.events.event import ErrorInfo, Event, EventType

_MOST_STEPS = 3  # How many steps a message names if the run has no named job.


def _run(job_name: str, step_keys: tuple[str, ...] = ()) -> str:
    """Name the run by its job, or by its steps if the job has no name."""
    if not is_nameless(job_name):
        return f'run for "{job_name}"'
    if not step_keys:
        return "run"
    shown = ", ".join(key.replace("__", "/") for key in step_keys[:_MOST_STEPS])
    left = len(step_keys) - _MOST_STEPS
    return f"run of {shown}" + (f" and {left:,} more" if left > 0 else "")


class RunQueued(Event, frozen=True, gc=False, tag="PIPELINE_ENQUEUED"):
    """The run was queued: it waits for its turn."""

    event_type: ClassVar[EventType] = EventType.RUN_ENQUEUED
    job_name: str

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f"Queued the {_run(self.job_name)}."


class RunStarting(Event, frozen=True, gc=False, tag="PIPELINE_STARTING"):
    """The run was passed to an executor."""

    event_type: ClassVar[EventType] = EventType.RUN_STARTING


class RunStarted(Event, frozen=True, gc=False, tag="PIPELINE_START"):
    """The run started; `step_keys` are its steps, in order."""

    event_type: ClassVar[EventType] = EventType.RUN_START
    job_name: str
    step_keys: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f"Started execution of {_run(self.job_name, self.step_keys)}."


class RunSucceeded(Event, frozen=True, gc=False, tag="PIPELINE_SUCCESS"):
    """Every step succeeded, or was skipped on purpose."""

    event_type: ClassVar[EventType] = EventType.RUN_SUCCESS
    job_name: str

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f"Finished execution of {_run(self.job_name)}."


class RunFailed(Event, frozen=True, gc=False, tag="PIPELINE_FAILURE"):
    """The run ended with failed steps, or with an error outside of any step."""

    event_type: ClassVar[EventType] = EventType.RUN_FAILURE
    job_name: str
    failed: tuple[str, ...] = ()
    error: ErrorInfo | None = None

    @property
    def message(self) -> str:
        """The event in a sentence."""
        why = f"Steps failed: {list(self.failed)}." if self.failed else str(self.error or "")
        return f"Execution of {_run(self.job_name)} failed. {why}".rstrip()


class RunCanceling(Event, frozen=True, gc=False, tag="PIPELINE_CANCELING"):
    """A cancellation of the run was requested."""

    event_type: ClassVar[EventType] = EventType.RUN_CANCELING
    job_name: str


class RunCanceled(Event, frozen=True, gc=False, tag="PIPELINE_CANCELED"):
    """The run was canceled before its end."""

    event_type: ClassVar[EventType] = EventType.RUN_CANCELED
    job_name: str
    error: ErrorInfo | None = None

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f"Execution of {_run(self.job_name)} canceled."


class EngineNote(Event, frozen=True, gc=False, tag="ENGINE_EVENT"):
    """The runner reports about itself.

    `where` says on what the steps run, if they do not run one by one, and `pid` is the process
    that does the run; both are told once, as the steps begin.
    """

    event_type: ClassVar[EventType] = EventType.ENGINE_EVENT
    text: str
    metadata: dict[str, Any] = {}
    step_key: str | None = None
    error: ErrorInfo | None = None
    where: str = ""
    pid: int = 0

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return self.text


class ResourceStarted(Event, frozen=True, gc=False, tag="RESOURCE_INIT_STARTED"):
    """The resources are being set up."""

    event_type: ClassVar[EventType] = EventType.RESOURCE_INIT_STARTED
    keys: tuple[str, ...]

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f"Starting initialization of resources [{', '.join(self.keys)}]."


class ResourceSucceeded(Event, frozen=True, gc=False, tag="RESOURCE_INIT_SUCCESS"):
    """The resources are ready; `seconds` is how long each took."""

    event_type: ClassVar[EventType] = EventType.RESOURCE_INIT_SUCCESS
    keys: tuple[str, ...]
    seconds: dict[str, float] = {}

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return f"Finished initialization of resources [{', '.join(self.keys)}]."


class ResourceFailed(Event, frozen=True, gc=False, tag="RESOURCE_INIT_FAILURE"):
    """A resource could not be set up."""

    event_type: ClassVar[EventType] = EventType.RESOURCE_INIT_FAILURE
    keys: tuple[str, ...]
    error: ErrorInfo | None = None

    @property
    def message(self) -> str:
        """The event in a sentence."""
        return "Initialization of resources [" + ", ".join(self.keys) + "] failed."


class Logged(Event, frozen=True, gc=False, tag="LOG_MESSAGE"):
    """The user's code logged a message; `level` is that of Python's logging."""

    event_type: ClassVar[EventType] = EventType.LOG_MESSAGE
    level: int
    text: str
    step_key: str | None = None
    logger: str = ""

    @property
    def message(self) -> str:
        """The logged message."""
        return self.text
