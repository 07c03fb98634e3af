"""The interface of an executor: a worker pool executes tasks and reports how they ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from jobnb.execution.frontier import Unit
from jobnb.plan.step import Step


class Attempt(NamedTuple):
    """One attempt at one unit.

    Args:
        unit: The unit.
        retries: How many attempts there were before.
        began: When the first of them began; 0 if this is the first.
    """

    unit: Unit
    retries: int = 0
    began: float = 0.0


class WorkerTask(NamedTuple):
    """Pieces that one worker executes one after the other.

    It is done once each of its attempts was told of.

    Args:
        number: Which task of its run.
        attempts: The attempts; each one after the first is left out where one before it that it
            needs did not succeed.
    """

    number: int
    attempts: Sequence[Attempt]


class AttemptStatus(Enum):
    """The ways in which an attempt ends."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETRY = "retry"
    STOPPED = "stopped"
    LOST = "lost"
    SKIPPED = "skipped"
    BROKEN = "broken"


class AttemptResult(Struct):
    """The outcome of an attempt.

    Args:
        task: The number of its task.
        attempt: The attempt.
        ended: How: `SKIPPED` is one that did not begin, `LOST` one whose worker is gone,
            `BROKEN` one whose worker cannot do anything of this run.
        seconds: How long the attempt took.
        wait: Seconds to wait before the next attempt.
        error: What was raised, where it failed; why the worker is gone, where it was lost.
        values: What came, by slot, where the workers do not share the run's values.
        began: Whether the log tells that it began.
    """

    task: int
    attempt: Attempt
    ended: AttemptStatus
    seconds: float = 0.0
    wait: float = 0.0
    error: BaseException | None = None
    values: Mapping[int, Any] | None = None
    began: bool = True


class WorkerPool(Protocol):
    """The workers of one run.

    Attributes:
        title: What it is called in the log, as "threads".
        places: How many tasks it takes at once.
        shares_resources: Whether its steps use the resources of this process.
        short: Seconds: steps that take less are handed over several at once.
        chunk: Seconds that the attempts of one task take together, about.
    """

    title: str
    places: int
    shares_resources: bool
    short: float
    chunk: float

    def begin(self) -> None:
        """Get ready; what it starts is ended by `close`."""

    def fuses(self, step: Step) -> bool:
        """Whether a step may share a task with others."""

    def submit(self, task: WorkerTask) -> None:
        """Send a task to a worker; returns at once."""

    def wait(self, seconds: float) -> list[AttemptResult]:
        """Return the attempts that have ended; wait for the first one, at most so long."""

    def has_begun(self, task: int) -> bool:
        """Whether a worker is at a task, as far as that is known here."""

    def stop(self, task: int, reason: str, *, is_failure: bool) -> None:
        """Stop what is in progress of a task; `is_failure` if it has taken too long."""

    def is_stuck(self, task: int) -> bool:
        """Whether a task that was to stop cannot be stopped."""

    def place_of(self, task: int) -> str:
        """Return the user's line that a task is at; empty where it is not known here."""

    def close(self) -> None:
        """End all that it started; nothing of it goes on after."""
