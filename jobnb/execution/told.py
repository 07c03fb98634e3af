"""What user code tells, as events, and back: materializations, observations, expectations."""

from __future__ import annotations

from contextlib import suppress
from time import time as now
from typing import TYPE_CHECKING, Any

from jobnb.definitions.checks.asset_check import AssetCheckEvaluation
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata import from_json, to_json
from jobnb.definitions.user_events import (
    AssetMaterialization,
    AssetObservation,
    ExpectationResult,
)
from jobnb.errors import InvariantViolationError, JobnbError
from jobnb.events import AssetMaterialized, AssetObserved, Event, ExpectationChecked
from jobnb.storage.records import as_evaluation as _evaluation
from jobnb.storage.records import as_materialization as _materialization
from jobnb.storage.records import as_observation as _observation

if TYPE_CHECKING:
    from jobnb.execution.run import RunScope


def as_materialization(event: Event) -> AssetMaterialization:
    """The materialization that an event tells of."""
    made = _materialization(event)
    assert made is not None
    return made


def as_observation(event: Event) -> AssetObservation:
    """The observation that an event tells of."""
    made = _observation(event)
    assert made is not None
    return made


def as_evaluation(event: Event) -> AssetCheckEvaluation:
    """What a check said, as an event tells it."""
    said = _evaluation(event)
    assert said is not None
    return said


def as_expectation(event: Event) -> ExpectationResult:
    """The expectation that an event tells of."""
    return ExpectationResult(
        success=event.success,  # type: ignore[attr-defined]
        label=event.label,  # type: ignore[attr-defined]
        description=event.description,  # type: ignore[attr-defined]
        metadata=from_json(event.metadata),  # type: ignore[attr-defined]
    )


def tell(run: RunScope, key: str, event: Any) -> None:
    """Put what user code tells of itself into the log.

    Raises:
        InvariantViolationError: If it is nothing that can be told.
    """
    if isinstance(event, (AssetMaterialization, AssetObservation)):
        kind = AssetMaterialized if isinstance(event, AssetMaterialization) else AssetObserved
        run.append(
            kind(
                now(),
                key,
                tuple(AssetKey.from_coercible(event.asset_key).path),
                event.partition,
                event.description,
                to_json(event.metadata),
                dict(event.tags or {}),
            )
        )
    elif isinstance(event, ExpectationResult):
        run.append(
            ExpectationChecked(
                now(), key, event.success, event.label, event.description, to_json(event.metadata)
            )
        )
    else:
        raise InvariantViolationError(
            f"{key!r} told of {event!r}. It can tell of AssetMaterialization, AssetObservation "
            "and ExpectationResult, and yield Output and DynamicOutput."
        )


class During:
    """While it lasts, an error is that of code of the user's which is no op.

    Args:
        kind: The kind of the error that Dagster makes of it, as "LoadInput".
        doing: What is done, in words.
    """

    __slots__ = ("told",)

    def __init__(self, kind: str, doing: str) -> None:
        self.told = (kind, doing)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, JobnbError):
            with suppress(Exception):  # the class is the user's
                vars(error)["_jobnb_during"] = self.told


def taken_during(error: BaseException) -> tuple[str, str] | None:
    """What was done when an error was raised; it is told once, for it may be raised again."""
    found: tuple[str, str] | None = getattr(error, "__dict__", {}).pop("_jobnb_during", None)
    return found
