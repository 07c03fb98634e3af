"""From events back to what user code had told: materializations, observations, expectations."""

from __future__ import annotations

from jobnb.definitions.checks.asset_check import AssetCheckEvaluation
from jobnb.definitions.metadata import from_json
from jobnb.definitions.ops.user_events import (
    AssetMaterialization,
    AssetObservation,
    ExpectationResult,
)
from jobnb.events import Event
from jobnb.storage.records import as_evaluation as _evaluation
from jobnb.storage.records import as_materialization as _materialization
from jobnb.storage.records import as_observation as _observation

__all__ = ["as_evaluation", "as_expectation", "as_materialization", "as_observation"]


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
