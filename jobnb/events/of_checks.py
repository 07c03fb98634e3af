"""What was found out about assets by checks."""

from __future__ import annotations

from typing import Any, ClassVar

from jobnb.events.event import Event
from jobnb.events.kinds import EventType

__all__ = ["AssetCheckEvaluated", "AssetCheckPlanned"]


class AssetCheckPlanned(Event, frozen=True, gc=False, tag="ASSET_CHECK_EVALUATION_PLANNED"):
    """The run intends to check an asset; `asset` is the path of its key."""

    event_type: ClassVar[EventType] = EventType.ASSET_CHECK_EVALUATION_PLANNED
    step_key: str | None
    asset: tuple[str, ...]
    check: str

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        return f"Intends to check {self.check!r} of asset {'/'.join(self.asset)}."


class AssetCheckEvaluated(Event, frozen=True, gc=False, tag="ASSET_CHECK_EVALUATION"):
    """An asset was checked.

    Attributes:
        severity: `WARN` or `ERROR`: how bad it is if it did not pass.
        blocking: Whether what is made from the asset waits for it.
        target: The storage id of the materialization that was looked at, where it is known.
        target_run: The run of that materialization.
        partition: The partition that was looked at.
    """

    event_type: ClassVar[EventType] = EventType.ASSET_CHECK_EVALUATION
    step_key: str | None
    asset: tuple[str, ...]
    check: str
    passed: bool
    severity: str = "ERROR"
    description: str | None = None
    metadata: dict[str, Any] = {}
    blocking: bool = False
    partition: str | None = None
    target: int | None = None
    target_run: str | None = None

    @property
    def is_error(self) -> bool:
        """Whether it did not pass and that counts as an error."""
        return not self.passed and self.severity == "ERROR"

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        verdict = "passed" if self.passed else f"did not pass ({self.severity})"
        return f"Check {self.check!r} of asset {'/'.join(self.asset)} {verdict}."
