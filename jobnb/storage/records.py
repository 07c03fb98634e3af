"""The records that the history returns: events with positions, assets with their latest events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from jobnb.definitions.checks.asset_check import AssetCheckEvaluation, AssetCheckSeverity
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata import from_json
from jobnb.definitions.user_events import AssetMaterialization, AssetObservation
from jobnb.errors import StorageError
from jobnb.events import (
    AssetCheckEvaluated,
    AssetMaterialized,
    AssetObserved,
    ErrorInfo,
    Event,
    EventType,
    Logged,
    OutputYielded,
)
from jobnb.events.event import with_job


class EventLogEntry(msgspec.Struct, frozen=True):
    """A line of a run's log: an event, or a message of the user's code.

    Args:
        error_info: The error that it reports.
        level: The level, as Python's logging has it.
        user_message: What it says, in a sentence.
        run_id: The run it belongs to.
        timestamp: When it happened, in seconds since the epoch.
        step_key: The step it belongs to.
        job_name: The job that ran.
        dagster_event: The event; None for a line that the user's code logged.

    Source: Dagster's `EventLogEntry`.
    """

    error_info: ErrorInfo | None
    level: int
    user_message: str
    run_id: str
    timestamp: float
    step_key: str | None = None
    job_name: str | None = None
    dagster_event: Event | None = None

    @property
    def event(self) -> Event | None:
        """The event; None for a message of the user's code."""
        return self.dagster_event

    @property
    def message(self) -> str:
        """The message, a sentence."""
        return self.user_message

    @property
    def is_dagster_event(self) -> bool:
        """Whether it is an event, not a message of the user's code."""
        return self.dagster_event is not None

    @property
    def dagster_event_type(self) -> EventType | None:
        """The kind of the event, or None."""
        return self.dagster_event.event_type if self.dagster_event is not None else None

    def get_dagster_event(self) -> Event:
        """Return the event.

        Raises:
            ValueError: If this is a line that the user's code logged.
        """
        if self.dagster_event is None:
            raise ValueError(f"This is a logged line, not an event: {self.user_message!r}.")
        return self.dagster_event

    @property
    def asset_materialization(self) -> AssetMaterialization | None:
        """The materialization that it records, or None."""
        return as_materialization(self.dagster_event)

    @property
    def asset_observation(self) -> AssetObservation | None:
        """The observation that it records, or None."""
        return as_observation(self.dagster_event)

    @property
    def asset_check_evaluation(self) -> AssetCheckEvaluation | None:
        """The evaluation of a check that it records, or None."""
        return as_evaluation(self.dagster_event)


def entry_of(event: Event, run_id: str, job_name: str) -> EventLogEntry:
    """Return the line of the log that an event makes."""
    logged = isinstance(event, Logged)
    with_job([event], job_name)
    return EventLogEntry(
        error_info=getattr(event, "error", None),
        level=_level(event),
        user_message=event.message,
        run_id=run_id,
        timestamp=event.time,
        step_key=event.step_key,
        job_name=job_name,
        dagster_event=None if logged else event,
    )


def _level(event: Event) -> int:
    if isinstance(event, Logged):
        return event.level
    return logging.ERROR if event.is_failure else logging.DEBUG


def as_materialization(event: Event | None) -> AssetMaterialization | None:
    """Return the user's noun for a materialization event; None for any other event."""
    return event.materialization if isinstance(event, AssetMaterialized) else None


def as_observation(event: Event | None) -> AssetObservation | None:
    """Return the user's noun for an observation event; None for any other event."""
    return event.asset_observation if isinstance(event, AssetObserved) else None


def as_evaluation(event: Event | None) -> AssetCheckEvaluation | None:
    """Return the user's noun for an evaluation of a check; None for any other event."""
    if not isinstance(event, AssetCheckEvaluated):
        return None
    known = event.target_run is not None
    return AssetCheckEvaluation(
        asset_key=AssetKey(event.asset),
        check_name=event.check,
        passed=event.passed,
        metadata=from_json(event.metadata),
        target_materialization_data=(event.target, event.target_run) if known else None,
        severity=AssetCheckSeverity(event.severity),
        description=event.description,
        blocking=event.blocking,
        partition=event.partition,
    )


class EventLogRecord(msgspec.Struct, frozen=True):
    """A line of a log with its position among all events: later ones have higher `storage_id`s.

    Source: Dagster's `EventLogRecord`.
    """

    storage_id: int
    event_log_entry: EventLogEntry

    @property
    def run_id(self) -> str:
        """The run it belongs to."""
        return self.event_log_entry.run_id

    @property
    def timestamp(self) -> float:
        """The time of the event, in seconds since the epoch."""
        return self.event_log_entry.timestamp

    @property
    def asset_key(self) -> AssetKey | None:
        """The asset it is about, or None."""
        event = self.event_log_entry.dagster_event
        return event.asset_key if event is not None else None

    @property
    def partition_key(self) -> str | None:
        """The partition it is about, or None."""
        return getattr(self.event_log_entry.dagster_event, "partition", None)

    @property
    def asset_materialization(self) -> AssetMaterialization | None:
        """The materialization that it records, or None."""
        return self.event_log_entry.asset_materialization

    @property
    def asset_observation(self) -> AssetObservation | None:
        """The observation that it records, or None."""
        return self.event_log_entry.asset_observation

    @property
    def data_version(self) -> str | None:
        """The data version that the event carries, or None."""
        event = self.event_log_entry.dagster_event
        if isinstance(event, OutputYielded):
            return event.data_version
        tags: dict[str, str] = getattr(event, "tags", {})
        return tags.get("dagster/data_version")


class EventLogConnection(msgspec.Struct, frozen=True):
    """A page of records; pass `cursor` to get the next one."""

    records: Sequence[EventLogRecord]
    cursor: str
    has_more: bool


class EventRecordsFilter(msgspec.Struct, frozen=True):
    """Selects events that match all given values.

    Args:
        event_type: Its kind.
        asset_key: The asset it is about.
        asset_partitions: The partition it is about is one of these.
        after_cursor: Its `storage_id` is higher.
        before_cursor: Its `storage_id` is lower.
        after_timestamp: It happened later, in seconds since the epoch.
        before_timestamp: It happened earlier.
        storage_ids: Its `storage_id` is one of these.
        tags: It carries each of these tags; a list of values means any of them.

    Source: Dagster's `EventRecordsFilter`.
    """

    event_type: EventType
    asset_key: AssetKey | None = None
    asset_partitions: Sequence[str] | None = None
    after_cursor: int | None = None
    before_cursor: int | None = None
    after_timestamp: float | None = None
    before_timestamp: float | None = None
    storage_ids: Sequence[int] | None = None
    tags: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Take the key of an asset as text, too."""
        given: Any = self.asset_key
        if given is not None and not isinstance(given, AssetKey):
            msgspec.structs.force_setattr(self, "asset_key", AssetKey.from_coercible(given))


class AssetEntry(msgspec.Struct, frozen=True):
    """The latest record of each kind of event of an asset."""

    asset_key: AssetKey
    last_materialization_record: EventLogRecord | None = None
    last_run_id: str | None = None

    @property
    def last_materialization(self) -> EventLogEntry | None:
        """The line of the log that tells the latest materialization, or None."""
        record = self.last_materialization_record
        return record.event_log_entry if record is not None else None

    @property
    def last_materialization_storage_id(self) -> int | None:
        """The position of the latest materialization, or None."""
        record = self.last_materialization_record
        return record.storage_id if record is not None else None


class AssetRecord(msgspec.Struct, frozen=True):
    """The record of an asset.

    Source: Dagster's `AssetRecord`.
    """

    storage_id: int
    asset_entry: AssetEntry


class JobRunStats(msgspec.Struct, frozen=True):
    """A run in numbers: counts, and times in seconds since the epoch.

    Source: Dagster's `DagsterRunStatsSnapshot`.
    """

    run_id: str
    steps_succeeded: int = 0
    steps_failed: int = 0
    materializations: int = 0
    expectations: int = 0
    enqueued_time: float | None = None
    launch_time: float | None = None
    start_time: float | None = None
    end_time: float | None = None


# --- what was made, in short ------------------------------------------------------


class LatestMaterialization(msgspec.Struct, frozen=True, gc=False):
    """The last materialization of an asset, or of one of its partitions.

    Attributes:
        storage_id: The number of the event.
        run_id: The run that made it.
        time: When, in seconds since the epoch.
        partition: Which partition.
        tags: The tags of the event: its versions are among them.
    """

    storage_id: int
    run_id: str
    time: float
    partition: str | None
    tags: Mapping[str, str]


class FailedAssetStep(msgspec.Struct, frozen=True, gc=False):
    """A failed step that should have materialized assets.

    Attributes:
        step_key: The step.
        run_id: The run.
        time: When, in seconds since the epoch.
        error: The class of what was raised.
    """

    step_key: str
    run_id: str
    time: float
    error: str


# --- rows that cannot be read ---------------------------------------------------------

T = TypeVar("T")
_logger = logging.getLogger("jobnb.storage")

UNREADABLE = (msgspec.MsgspecError, StorageError, ArithmeticError, AttributeError, RecursionError,
              TypeError, ValueError)  # fmt: skip
"""What is raised where a row holds something else than it should."""

_told: set[tuple[str, str]] = set()
_MOST_TOLD = 1000


def readable(rows: Iterable[Any], read: Callable[[Any], T], what: str) -> Iterator[T]:
    """Decode rows; one that cannot be decoded is left out, with one warning."""
    for row in rows:
        try:
            yield read(row)
        except UNREADABLE as error:
            tell_unreadable(what, error)


def tell_unreadable(what: str, error: BaseException) -> None:
    """Warn, once, that the history holds something that cannot be read."""
    told = (what, str(error))
    if told not in _told and len(_told) < _MOST_TOLD:
        _told.add(told)
        _logger.warning("The history holds %s that cannot be read: %s", what, error)
