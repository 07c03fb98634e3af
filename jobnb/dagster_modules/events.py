"""Dagster's constructors of events and of their data.

A run makes its events itself. Tests of sensors and of what reads a history make some by hand,
with `DagsterEvent("ASSET_MATERIALIZATION", "daily", event_specific_data=...)`; the result is one
of jobnb's kinds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata import normalize, to_json
from jobnb.definitions.user_events import (
    AssetMaterialization,
    AssetObservation,
    ExpectationResult,
)
from jobnb.errors import InvalidInvocationError, did_you_mean
from jobnb.events import (
    AssetMaterialized,
    AssetObserved,
    AssetPlanned,
    EngineNote,
    ErrorInfo,
    Event,
    EventType,
    ExpectationChecked,
    RunCanceled,
    RunCanceling,
    RunFailed,
    RunQueued,
    RunStarted,
    RunStarting,
    RunSucceeded,
    StepRestarted,
    StepRetried,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from jobnb.events.data import EventData
from jobnb.events.event import with_job


class _Kind(type(msgspec.Struct)):  # type: ignore[misc]
    """A class of data that says of the data of a run's own events, too, that it is of its kind."""

    def __instancecheck__(cls, given: object) -> bool:
        if super().__instancecheck__(given):
            return True
        event = given._event if isinstance(given, EventData) else given
        return isinstance(event, Event) and event.event_type is cls.kind


class _Data(msgspec.Struct, frozen=True):
    """What an event of one kind is about."""

    kind: ClassVar[EventType]

    def event(self, at: float, job_name: str, step_key: str | None, message: str) -> Event:
        """Return the event."""
        raise NotImplementedError


class StepMaterializationData(_Data, frozen=True, metaclass=_Kind):
    """The data of ASSET_MATERIALIZATION. Source: Dagster's `StepMaterializationData`.

    Args:
        materialization: The materialization.
        asset_lineage: Accepted as Dagster does.
    """

    kind = EventType.ASSET_MATERIALIZATION
    materialization: AssetMaterialization
    asset_lineage: Any = None

    def event(self, at: float, job_name: str, step_key: str | None, message: str) -> Event:
        """Return the event."""
        return AssetMaterialized(at, step_key, *_told(self.materialization))


class AssetObservationData(_Data, frozen=True, metaclass=_Kind):
    """The data of ASSET_OBSERVATION. Source: Dagster's `AssetObservationData`.

    Args:
        asset_observation: The observation.
    """

    kind = EventType.ASSET_OBSERVATION
    asset_observation: AssetObservation

    def event(self, at: float, job_name: str, step_key: str | None, message: str) -> Event:
        """Return the event."""
        return AssetObserved(at, step_key, *_told(self.asset_observation))


class AssetMaterializationPlannedData(_Data, frozen=True, metaclass=_Kind):
    """The data of ASSET_MATERIALIZATION_PLANNED.

    Args:
        asset_key: The asset.
        partition: The partition.

    Source: Dagster's `AssetMaterializationPlannedData`.
    """

    kind = EventType.ASSET_MATERIALIZATION_PLANNED
    asset_key: AssetKey
    partition: str | None = None

    def event(self, at: float, job_name: str, step_key: str | None, message: str) -> Event:
        """Return the event."""
        return AssetPlanned(at, step_key, tuple(self.asset_key.path), self.partition)


class StepExpectationResultData(_Data, frozen=True, metaclass=_Kind):
    """The data of STEP_EXPECTATION_RESULT. Source: Dagster's `StepExpectationResultData`.

    Args:
        expectation_result: The result.
    """

    kind = EventType.STEP_EXPECTATION_RESULT
    expectation_result: ExpectationResult

    def event(self, at: float, job_name: str, step_key: str | None, message: str) -> Event:
        """Return the event."""
        told = self.expectation_result
        facts = to_json(told.metadata)
        return ExpectationChecked(
            at, step_key or "", told.success, told.label, told.description, facts
        )


class StepSuccessData(_Data, frozen=True, metaclass=_Kind):
    """The data of STEP_SUCCESS. Source: Dagster's `StepSuccessData`.

    Args:
        duration_ms: How long it took, in milliseconds.
    """

    kind = EventType.STEP_SUCCESS
    duration_ms: float

    def event(self, at: float, job_name: str, step_key: str | None, message: str) -> Event:
        """Return the event."""
        return StepSucceeded(at, step_key or "", self.duration_ms / 1000)


class StepRetryData(_Data, frozen=True, metaclass=_Kind):
    """The data of STEP_UP_FOR_RETRY. Source: Dagster's `StepRetryData`.

    Args:
        error: What was raised.
        seconds_to_wait: Seconds before the next attempt.
    """

    kind = EventType.STEP_UP_FOR_RETRY
    error: ErrorInfo | None = None
    seconds_to_wait: float | None = None

    def event(self, at: float, job_name: str, step_key: str | None, message: str) -> Event:
        """Return the event."""
        return StepRetried(at, step_key or "", 1, self.seconds_to_wait, self.error)


class JobFailureData(_Data, frozen=True, metaclass=_Kind):
    """The data of PIPELINE_FAILURE. Source: Dagster's `JobFailureData`.

    Args:
        error: What was raised outside of any step.
    """

    kind = EventType.RUN_FAILURE
    error: ErrorInfo | None = None

    def event(self, at: float, job_name: str, step_key: str | None, message: str) -> Event:
        """Return the event."""
        return RunFailed(at, job_name, error=self.error)


class JobCanceledData(_Data, frozen=True, metaclass=_Kind):
    """The data of PIPELINE_CANCELED. Source: Dagster's `JobCanceledData`.

    Args:
        error: What ended it.
    """

    kind = EventType.RUN_CANCELED
    error: ErrorInfo | None = None

    def event(self, at: float, job_name: str, step_key: str | None, message: str) -> Event:
        """Return the event."""
        return RunCanceled(at, job_name, self.error)


class EngineEventData(_Data, frozen=True, metaclass=_Kind):
    """The data of ENGINE_EVENT. Source: Dagster's `EngineEventData`.

    Args:
        metadata: Facts by label.
        error: What was raised.
        marker_start: Accepted as Dagster does.
        marker_end: Accepted as Dagster does.
    """

    kind = EventType.ENGINE_EVENT
    metadata: Mapping[str, Any] | None = None
    error: ErrorInfo | None = None
    marker_start: str | None = None
    marker_end: str | None = None

    def event(self, at: float, job_name: str, step_key: str | None, message: str) -> Event:
        """Return the event."""
        return EngineNote(at, message, to_json(normalize(self.metadata)), step_key, self.error)


_PLAIN: Mapping[EventType, Callable[[float, str, str], Event]] = {
    EventType.RUN_ENQUEUED: lambda at, name, _key: RunQueued(at, name),
    EventType.RUN_STARTING: lambda at, _name, _key: RunStarting(at),
    EventType.RUN_START: lambda at, name, _key: RunStarted(at, name),
    EventType.RUN_SUCCESS: lambda at, name, _key: RunSucceeded(at, name),
    EventType.RUN_FAILURE: lambda at, name, _key: RunFailed(at, name),
    EventType.RUN_CANCELING: lambda at, name, _key: RunCanceling(at, name),
    EventType.RUN_CANCELED: lambda at, name, _key: RunCanceled(at, name),
    EventType.STEP_START: lambda at, _name, key: StepStarted(at, key),
    EventType.STEP_RESTARTED: lambda at, _name, key: StepRestarted(at, key, 2),
    EventType.STEP_SKIPPED: lambda at, _name, key: StepSkipped(at, key),
}
"""The kinds that are made of the job and the step alone."""

_DATA: Mapping[EventType, type[_Data]] = {
    each.kind: each
    for each in (
        AssetMaterializationPlannedData,
        AssetObservationData,
        EngineEventData,
        JobCanceledData,
        JobFailureData,
        StepExpectationResultData,
        StepMaterializationData,
        StepRetryData,
        StepSuccessData,
    )
}


class _AnyEvent(type):
    """The class of the class of events under Dagster's name: it has what jobnb's has."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):  # Python asks so what it is itself
            raise AttributeError(name)
        return getattr(Event, name)

    def __instancecheck__(cls, given: object) -> bool:
        return isinstance(given, Event)

    def __subclasscheck__(cls, given: type) -> bool:
        return issubclass(given, Event)

    def __call__(
        cls,
        event_type_value: str,
        job_name: str,
        step_handle: Any = None,
        node_handle: Any = None,
        step_kind_value: str | None = None,
        logging_tags: Mapping[str, str] | None = None,
        event_specific_data: Any = None,
        message: str | None = None,
        pid: int | None = None,
        step_key: str | None = None,
    ) -> Event:
        """Return the event of this kind.

        The handles, tags and process of an event follow from its step and run.
        """
        key = step_key or (step_handle.to_key() if step_handle is not None else None)
        if key is None and node_handle is not None:
            key = str(node_handle)
        kind = _kind_of(event_type_value)
        event = _made(kind, job_name, key, event_specific_data, message or "")
        return with_job([event], job_name)[0]


class DagsterEvent(metaclass=_AnyEvent):
    """An event of a run, made as Dagster's are; every event of a run is one.

    Args:
        event_type_value: The kind, as "PIPELINE_SUCCESS".
        job_name: The job that ran.
        step_handle: The step.
        node_handle: The op.
        step_kind_value: Accepted as Dagster does; it follows from the step.
        logging_tags: Accepted as Dagster does; they follow from the step and the run.
        event_specific_data: What it is about.
        message: What an ENGINE_EVENT says; the words of other kinds are jobnb's.
        pid: Accepted as Dagster does.
        step_key: The key of the step.

    Raises:
        InvalidInvocationError: If there is no such kind, or its data is not given.

    Example:
        >>> event = DagsterEvent("STEP_START", "daily", step_key="load")
        >>> event.job_name, event.message
        ('daily', 'Started execution of step "load".')

    Source: Dagster's `DagsterEvent`.
    """

    event_type: EventType


def _kind_of(value: Any) -> EventType:
    try:
        return EventType(value)
    except ValueError:
        hint = did_you_mean(str(value), [each.value for each in EventType], noun="The kinds are")
        raise InvalidInvocationError(f"There is no event of type {value!r}. {hint}") from None


def _made(kind: EventType, job_name: str, step_key: str | None, data: Any, message: str) -> Event:
    at, wanted = time.time(), _DATA.get(kind)
    if wanted is not None and isinstance(data, wanted):
        return data.event(at, job_name, step_key, message)
    if kind in _PLAIN and data is None:
        return _PLAIN[kind](at, job_name, step_key or "")
    if wanted is None:
        others = sorted(each.value for each in {*_PLAIN, *_DATA})
        raise InvalidInvocationError(
            f"An event {kind.value} is not made by hand: a run makes it. Take it from "
            f"result.all_events or instance.all_logs(run_id). Of these one can be: {others}."
        )
    raise InvalidInvocationError(
        f"An event {kind.value} is about {wanted.__name__}(...), not {data!r}. Give it as "
        "event_specific_data."
    )


def _told(
    event: AssetMaterialization | AssetObservation,
) -> tuple[tuple[str, ...], str | None, str | None, dict[str, Any], dict[str, str]]:
    path = tuple(AssetKey.from_coercible(event.asset_key).path)
    partition = None if event.partition is None else str(event.partition)
    return path, partition, event.description, to_json(event.metadata), dict(event.tags or {})
