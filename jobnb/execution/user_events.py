"""Log the events that user code reports, and load them back: materializations, observations."""

from __future__ import annotations

import reprlib
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
from jobnb.errors import InvariantViolationError
from jobnb.events import AssetMaterialized, AssetObserved, Event, ExpectationChecked
from jobnb.storage.records import as_evaluation as _evaluation
from jobnb.storage.records import as_materialization as _materialization
from jobnb.storage.records import as_observation as _observation

if TYPE_CHECKING:
    from jobnb.execution.run import RunScope


def as_materialization(event: Event) -> AssetMaterialization:
    """Return the materialization that an event records."""
    found = _materialization(event)
    assert found is not None
    return found


def as_observation(event: Event) -> AssetObservation:
    """Return the observation that an event records."""
    found = _observation(event)
    assert found is not None
    return found


def as_evaluation(event: Event) -> AssetCheckEvaluation:
    """Return the evaluation of a check that an event records."""
    found = _evaluation(event)
    assert found is not None
    return found


def as_expectation(event: Event) -> ExpectationResult:
    """Return the expectation that an event records."""
    return ExpectationResult(
        success=event.success,  # type: ignore[attr-defined]
        label=event.label,  # type: ignore[attr-defined]
        description=event.description,  # type: ignore[attr-defined]
        metadata=from_json(event.metadata),  # type: ignore[attr-defined]
    )


def tell(run: RunScope, key: str, event: Any) -> None:
    """Log an event that user code reports.

    Raises:
        InvariantViolationError: If it is of another class.
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
            f"{key!r} yields or logs {reprlib.repr(event)}, which is no event. To hand over a "
            "value, return it, or yield Output(value); events are AssetMaterialization, "
            "AssetObservation and ExpectationResult."
        )
