"""What all events share, and how an exception is kept in one."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.events.kinds import EventType

__all__ = [
    "ErrorInfo",
    "Event",
]


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
