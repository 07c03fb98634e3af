"""Evaluations of schedules and sensors as GraphQL tells them, real and tried."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobnb.automation.tick_evaluation import Evaluation
from jobnb.config import dump_yaml, raw_config
from jobnb.server.metadata import AssetKey
from jobnb.server.nodes import Node, digest, millis
from jobnb.server.problems import PythonError
from jobnb.server.runs import Run
from jobnb.server.tags import PipelineTag, tags_of
from jobnb.server.workspace import RequestReader
from jobnb.storage.ticks import Tick

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class InstigationEvent(Node):
    """A line that an evaluation logged."""

    message: str
    timestamp: str
    level: str


@dataclass(frozen=True)
class InstigationEventConnection(Node):
    """The lines that an evaluation logged."""

    events: Sequence[InstigationEvent]
    cursor: str
    has_more: bool = False


@dataclass(frozen=True)
class DynamicPartitionRequest(Node):
    """Partitions that are to be made or removed."""

    partition_keys: Sequence[str]
    partitions_def_name: str
    type: str


@dataclass(frozen=True)
class DynamicPartitionsRequestResult(Node):
    """Partitions that were made or removed."""

    partition_keys: Sequence[str]
    partitions_def_name: str
    type: str
    skipped_partition_keys: Sequence[str] = ()


class InstigationTick(Node):
    """An evaluation of a schedule or sensor."""

    dynamic_partitions_request_results: Sequence[DynamicPartitionsRequestResult] = ()
    log_key: Sequence[str] | None = None

    def __init__(self, reading: RequestReader, tick: Tick) -> None:
        self._reading, self._tick = reading, tick
        self.timestamp, self.cursor = tick.timestamp, tick.cursor
        self.skip_reason, self.end_timestamp = tick.skip_reason, tick.ended
        self.run_ids, self.run_keys = list(tick.run_ids), list(tick.run_keys)

    timestamp: float
    end_timestamp: float | None
    cursor: str | None
    skip_reason: str | None
    run_ids: Sequence[str]
    run_keys: Sequence[str]

    @property
    def id(self) -> str:
        """Names it."""
        return digest(self._tick.instigator.origin_id, repr(self.timestamp))

    @property
    def tick_id(self) -> str:
        """Names it, by its later name."""
        return self.id

    @property
    def status(self) -> str:
        """Its status."""
        return self._tick.status.value

    @property
    def error(self) -> PythonError | None:
        """What went wrong."""
        return None if self._tick.error is None else PythonError(self._tick.error)

    @property
    def runs(self) -> list[Run]:
        """The runs that it launched."""
        records = self._reading.records(self.run_ids)
        return [Run(self._reading, record) for record in records]

    @property
    def origin_run_ids(self) -> list[str]:
        """The runs that a sensor of runs reacted to; not kept here."""
        return []

    @property
    def log_events(self) -> InstigationEventConnection:
        """What it logged."""
        lines = [
            InstigationEvent(text, millis(time), logging.getLevelName(level))
            for time, level, text in self._tick.lines
            if logging.getLevelName(level) in _LEVELS
        ]
        return InstigationEventConnection(lines, str(len(lines)))


_LEVELS = ("CRITICAL", "ERROR", "INFO", "WARNING", "DEBUG")


# --- tried ----------------------------------------------------------------------------


@dataclass(frozen=True)
class RunRequest(Node):
    """A run that would be launched."""

    run_key: str | None
    tags: Sequence[PipelineTag]
    run_config_yaml: str
    asset_selection: Sequence[AssetKey] | None


@dataclass(frozen=True)
class TickEvaluation(Node):
    """What came of an evaluation."""

    dynamic_partitions_requests: Sequence[DynamicPartitionRequest] | None = None
    run_requests: Sequence[RunRequest] | None = None
    skip_reason: str | None = None
    error: PythonError | None = None
    cursor: str | None = None


class DryRunInstigationTick(Node):
    """What a schedule or sensor would launch.

    Args:
        timestamp: The moment, in seconds since the epoch.
        evaluate: Evaluates it, once it is asked for.
    """

    def __init__(
        self, timestamp: float | None, evaluate: Callable[[], TickEvaluation | None]
    ) -> None:
        self.timestamp, self._evaluate = timestamp, evaluate

    timestamp: float | None

    @property
    def evaluation_result(self) -> TickEvaluation | None:
        """What came of it."""
        return self._evaluate()


@dataclass(frozen=True)
class DryRunInstigationTicks(Node):
    """The next evaluations of a schedule."""

    results: Sequence[DryRunInstigationTick]
    cursor: float


def evaluation_of(found: Evaluation) -> TickEvaluation:
    """Return the result of an evaluation, as an answer."""
    requests = [_request(request) for request, _ in found.requests]
    return TickEvaluation(
        [_partitions(each) for each in found.partitions_requests] or None,
        requests or None,
        None if requests else found.skip_reason,
        None,
        found.cursor,
    )


def _request(request: Any) -> RunRequest:
    config: Mapping[str, Any] = raw_config(request.run_config) if request.run_config else {}
    assets = request.asset_selection
    return RunRequest(
        request.run_key,
        tags_of(request.tags),
        dump_yaml(dict(config)),
        None if assets is None else [AssetKey.of(key) for key in assets],
    )


def _partitions(request: Any) -> DynamicPartitionRequest:
    adds = type(request).__name__.startswith("Add")
    kind = "ADD_PARTITIONS" if adds else "DELETE_PARTITIONS"
    return DynamicPartitionRequest(list(request.partition_keys), request.partitions_def_name, kind)
