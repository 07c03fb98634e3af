"""How the steps of a run went, from its log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

import jobnb.events as ev
from jobnb.definitions.user_events import ExpectationResult
from jobnb.storage.records import EventLogEntry


class StepEventStatus(str, Enum):
    """How a step went, as far as its log says.

    Source: Dagster's `StepEventStatus`.
    """

    SKIPPED = "SKIPPED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    IN_PROGRESS = "IN_PROGRESS"


@dataclass
class StepSpan:
    """A span of time, in seconds since the epoch.

    Source: Dagster's `RunStepMarker`.
    """

    start_time: float | None = None
    end_time: float | None = None


@dataclass
class StepStats:
    """How a step of a run went; times in seconds since the epoch.

    Attributes:
        run_id: The run.
        step_key: The step.
        status: How it went; None while nothing tells.
        start_time: When its first attempt began.
        end_time: When its last attempt ended.
        materialization_events: The entries of the log that report its materializations.
        expectation_results: What it reported of expectations.
        attempts: How many attempts began; None for a step that was skipped.
        attempts_list: When each attempt began and ended.
        markers: Spans that it marked.

    Source: Dagster's `RunStepKeyStatsSnapshot`.
    """

    run_id: str
    step_key: str
    status: StepEventStatus | None = None
    start_time: float | None = None
    end_time: float | None = None
    materialization_events: list[EventLogEntry] = field(default_factory=list)
    expectation_results: list[ExpectationResult] = field(default_factory=list)
    attempts: int | None = None
    attempts_list: list[StepSpan] = field(default_factory=list)
    markers: Sequence[StepSpan] = ()

    def add(self, entry: EventLogEntry) -> None:
        """Take what an entry of the log says of the step."""
        match entry.dagster_event:
            case ev.StepStarted() | ev.StepRestarted():
                self.start_time = entry.timestamp if self.start_time is None else self.start_time
                self.status, self.end_time = StepEventStatus.IN_PROGRESS, None
                self.attempts = (self.attempts or 0) + 1
                self.attempts_list.append(StepSpan(entry.timestamp))
            case ev.StepRetried():
                self._end_attempt(entry.timestamp)
            case ev.StepSucceeded():
                self._end(entry.timestamp, StepEventStatus.SUCCESS)
            case ev.StepFailed():
                self._end(entry.timestamp, StepEventStatus.FAILURE)
            case ev.StepSkipped():
                self.attempts_list.append(StepSpan())
                self._end(entry.timestamp, StepEventStatus.SKIPPED)
            case ev.AssetMaterialized():
                self.materialization_events.append(entry)
            case ev.ExpectationChecked() as checked:
                self.expectation_results.append(checked.event_specific_data.expectation_result)

    def _end(self, time: float, status: StepEventStatus) -> None:
        self.status, self.end_time = status, time
        self._end_attempt(time)

    def _end_attempt(self, time: float) -> None:
        if self.attempts_list:
            self.attempts_list[-1].end_time = time


def stats_of_steps(run_id: str, entries: Iterable[EventLogEntry]) -> list[StepStats]:
    """Return the statistics of a run's steps, in the order in which the log first names them."""
    found: dict[str, StepStats] = {}
    for entry in entries:
        if entry.step_key is not None and entry.dagster_event is not None:
            found.setdefault(entry.step_key, StepStats(run_id, entry.step_key)).add(entry)
    return [each for each in found.values() if each.status is not None]
