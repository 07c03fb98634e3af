"""How the steps of a run went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import jobnb.events as ev
from jobnb.server.events import (
    ExpectationResult,
    MaterializationEvent,
    StepExpectationResultEvent,
    message_of,
)
from jobnb.server.nodes import Node
from jobnb.server.workspace import RequestReader


@dataclass
class RunMarker(Node):
    """A span of time."""

    start_time: float | None
    end_time: float | None = None


@dataclass
class RunStepStats(Node):
    """How a step of a run went."""

    run_id: str
    step_key: str
    status: str | None = None
    start_time: float | None = None
    end_time: float | None = None
    materializations: list[MaterializationEvent] = field(default_factory=list)
    expectation_results: list[ExpectationResult] = field(default_factory=list)
    attempts: list[RunMarker] = field(default_factory=list)
    markers: Sequence[RunMarker] = ()

    @classmethod
    def of_step(cls, reading: RequestReader, run_id: str, step_key: str) -> RunStepStats:
        """Return the statistics of one step of a run."""
        known = {each.step_key: each for each in stats_of_run(reading, run_id)}
        return known.get(step_key) or cls(run_id, step_key)

    def begin(self, time: float) -> None:
        """Record that an attempt began."""
        self.start_time = time if self.start_time is None else self.start_time
        self.status, self.end_time = "IN_PROGRESS", None
        self.attempts.append(RunMarker(time))

    def end(self, time: float, status: str) -> None:
        """Record how the step ended."""
        self.status, self.end_time = status, time
        self.pause(time)

    def pause(self, time: float) -> None:
        """Record that an attempt ended."""
        if self.attempts:
            self.attempts[-1].end_time = time


_ENDS: dict[type[ev.Event], str] = {
    ev.StepSucceeded: "SUCCESS",
    ev.StepFailed: "FAILURE",
    ev.StepSkipped: "SKIPPED",
}


def stats_of_run(reading: RequestReader, run_id: str) -> list[RunStepStats]:
    """Return the statistics of a run's steps, of those that began or were skipped."""
    record = reading.record(run_id)
    job_name = record.dagster_run.job_name if record is not None else ""
    return list(_stats(reading, run_id, job_name, reading.instance.events(run_id)).values())


def _stats(
    reading: RequestReader, run_id: str, job_name: str, events: Iterable[ev.Event]
) -> dict[str, RunStepStats]:
    found: dict[str, RunStepStats] = {}
    for event in events:
        key = event.step_key
        if key is None:
            continue
        if isinstance(event, (ev.StepStarted, ev.StepRestarted)):
            found.setdefault(key, RunStepStats(run_id, key)).begin(event.time)
        elif type(event) in _ENDS:
            found.setdefault(key, RunStepStats(run_id, key)).end(event.time, _ENDS[type(event)])
        elif isinstance(event, ev.StepRetried) and key in found:
            found[key].pause(event.time)
        elif key in found:
            _add(found[key], reading, run_id, job_name, event)
    return found


def _add(
    stats: RunStepStats, reading: RequestReader, run_id: str, job_name: str, event: ev.Event
) -> None:
    told = message_of(reading, run_id, job_name, event)
    if isinstance(told, MaterializationEvent):
        stats.materializations.append(told)
    elif isinstance(told, StepExpectationResultEvent):
        stats.expectation_results.append(told.expectation_result)
