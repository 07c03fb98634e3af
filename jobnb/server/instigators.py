"""Schedules and sensors as GraphQL tells them, and their states."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import Any

from jobnb.automation.automation import next_ticks, preview
from jobnb.automation.loop import AutomationLoop, runs
from jobnb.automation.tick_evaluation import Definition
from jobnb.definitions.automation.schedule import ScheduleDefinition
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.errors import did_you_mean
from jobnb.server import problems
from jobnb.server.metadata import AssetKey
from jobnb.server.moments import moment_of, seconds_of
from jobnb.server.nodes import Node, Permitted, digest
from jobnb.server.partition_sets import PartitionSet, partition_sets_of
from jobnb.server.runs import RepositoryOrigin, Run, find_runs
from jobnb.server.ticks import (
    DryRunInstigationTick,
    DryRunInstigationTicks,
    InstigationTick,
    TickEvaluation,
    evaluation_of,
)
from jobnb.server.workspace import REPOSITORY, Location, RequestReader
from jobnb.storage.run import SCHEDULE_TAG, SENSOR_TAG, RunsFilter
from jobnb.storage.ticks import Instigator, InstigatorState, InstigatorStatus, TickStatus

_DAY = 86400.0
_MOST_TICKS = 1000
_SENSOR_TYPES = ("STANDARD", "RUN_STATUS", "ASSET", "MULTI_ASSET", "FRESHNESS_POLICY")


@dataclass(frozen=True)
class ScheduleData(Node):
    """When a schedule comes due."""

    cron_schedule: str
    start_timestamp: float | None


@dataclass(frozen=True)
class SensorData(Node):
    """What a sensor kept."""

    last_tick_timestamp: float | None
    last_run_key: str | None
    last_cursor: str | None


@dataclass(frozen=True)
class KnownInstigator:
    """A schedule or sensor, and its state.

    Attributes:
        reading: What the request reads.
        location: What defines it; None where nothing does any more.
        instigator: The same, as the history names it.
        definition: It; None where it is not defined any more.
        state: Its state.
    """

    reading: RequestReader
    location: Location | None
    instigator: Instigator
    definition: Definition | None
    state: InstigatorState

    @property
    def runs(self) -> bool:
        """Whether it is evaluated when it comes due."""
        if self.definition is None:
            return self.state.is_running
        return runs(self.definition, self.state)

    @property
    def id(self) -> str:
        """Names it."""
        return digest(self.instigator.origin_id)

    def evaluated(self, at: datetime | None = None, cursor: str | None = None) -> TickEvaluation:
        """Evaluate it, without launching anything."""
        if self.definition is None or self.location is None:
            return TickEvaluation(skip_reason=f"{self.instigator.name} is not defined any more.")
        try:
            found = preview(
                self.definition,
                self.instigator,
                self.location.code,
                self.reading.instance,
                at,
                cursor,
            )
        except Exception as error:  # noqa: BLE001 - the user's code may raise anything
            return TickEvaluation(error=problems.python_error(error))
        return evaluation_of(found)


class InstigationState(Node):
    """How a schedule or sensor stands."""

    has_start_permission = Permitted("_known.reading")
    has_stop_permission = Permitted("_known.reading")

    def __init__(self, known: KnownInstigator) -> None:
        self._known, self._state = known, known.state
        self.name = known.instigator.name

    name: str

    @property
    def id(self) -> str:
        """Names it."""
        return self._known.id

    @property
    def selector_id(self) -> str:
        """Names it."""
        return self._known.id

    @property
    def instigation_type(self) -> str:
        """Whether it is a schedule or a sensor."""
        return self._known.instigator.kind

    @property
    def status(self) -> str:
        """Whether it runs."""
        return "RUNNING" if self._known.runs else "STOPPED"

    @property
    def running_count(self) -> int:
        """One if it runs."""
        return int(self._known.runs)

    @property
    def repository_name(self) -> str:
        """The repository of its location."""
        return REPOSITORY

    @property
    def repository_location_name(self) -> str:
        """Its location."""
        location = self._known.location
        return self._known.instigator.location if location is None else location.name

    @property
    def repository_origin(self) -> RepositoryOrigin:
        """Both."""
        return RepositoryOrigin(self.repository_location_name)

    @property
    def type_specific_data(self) -> ScheduleData | SensorData:
        """When it comes due, or what it kept."""
        state = self._state
        if self._known.instigator.kind == "SENSOR":
            return SensorData(state.last_tick, state.last_run_key, state.cursor)
        return ScheduleData(_cron(self._known.definition), state.started)

    @property
    def _own_runs(self) -> RunsFilter:
        tag = SCHEDULE_TAG if self._known.instigator.kind == "SCHEDULE" else SENSOR_TAG
        return RunsFilter(tags={tag: self.name})

    def runs(self, limit: int | None = None) -> list[Run]:
        """Return the runs that it launched, the newest first."""
        return find_runs(self._known.reading, self._own_runs, limit=limit)

    @property
    def runs_count(self) -> int:
        """How many these are."""
        return self._known.reading.instance.get_runs_count(self._own_runs)

    def tick(self, timestamp: float | None = None) -> InstigationTick | None:
        """Return its evaluation of a moment; its last one if no moment is named."""
        origin, about = self._known.instigator.origin_id, timestamp
        before, after = (None, None) if about is None else (about + 0.5, about - 0.5)
        found = self._known.reading.instance.get_ticks(origin, before=before, after=after, limit=1)
        return InstigationTick(self._known.reading, found[0]) if found else None

    def ticks(
        self,
        day_range: int | None = None,
        day_offset: int | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        statuses: Sequence[str] | None = None,
    ) -> list[InstigationTick]:
        """Return its evaluations, the newest first.

        Args:
            day_range: Of so many days.
            day_offset: That end so many days ago.
            limit: How many at most.
            cursor: The time of the last one of the page before, in seconds.
            statuses: That stand so.
        """
        before = None if day_offset is None else time.time() - day_offset * _DAY
        after = None if day_range is None else (before or time.time()) - day_range * _DAY
        found = self._known.reading.instance.get_ticks(
            self._known.instigator.origin_id,
            before=seconds_of(cursor, "cursor") if cursor else before,
            after=after,
            limit=min(limit if limit is not None else _MOST_TICKS, _MOST_TICKS),
            statuses=None if statuses is None else [TickStatus(each) for each in statuses],
        )
        return [InstigationTick(self._known.reading, tick) for tick in found]

    @property
    def next_tick(self) -> DryRunInstigationTick | None:
        """Its next evaluation; None if it does not run."""
        return next_tick(self._known)


def _cron(definition: Any) -> str:
    cron = getattr(definition, "cron_schedule", "")
    return cron if isinstance(cron, str) else ", ".join(cron)


def next_tick(known: KnownInstigator) -> DryRunInstigationTick | None:
    """Return the next evaluation of a schedule or sensor; None if it does not run."""
    definition = known.definition
    if definition is None or not known.runs:
        return None
    if isinstance(definition, SensorDefinition):
        last = known.state.last_tick
        if last is None:
            return None
        return DryRunInstigationTick(last + definition.minimum_interval_seconds, known.evaluated)
    moment = next(iter(next_ticks(definition, 1)), None)
    return None if moment is None else _tick_at(known, moment)


def _tick_at(known: KnownInstigator, moment: datetime) -> DryRunInstigationTick:
    return DryRunInstigationTick(moment.timestamp(), lambda: known.evaluated(moment))


class _Instigator(Node):
    """A schedule or sensor.

    Args:
        known: It, and its state.
    """

    mode = "default"
    solid_selection: Sequence[str] | None = None
    can_reset = False

    def __init__(self, known: KnownInstigator) -> None:
        self.known = known
        self._definition: Any = known.definition
        self.name = known.instigator.name

    name: str

    @property
    def id(self) -> str:
        """Names it."""
        return self.known.id

    @property
    def description(self) -> str | None:
        """What it is for."""
        found: str | None = self._definition.description
        return found

    @property
    def default_status(self) -> str:
        """Whether it runs as its code says."""
        return str(self._definition.default_status.value)


class Schedule(_Instigator):
    """A schedule."""

    @property
    def cron_schedule(self) -> str:
        """When it comes due."""
        return _cron(self._definition)

    @property
    def execution_timezone(self) -> str:
        """The time zone of that."""
        return self._definition.execution_timezone or "UTC"

    @property
    def pipeline_name(self) -> str:
        """The job that it launches."""
        return str(self._definition.job_name)

    @property
    def schedule_state(self) -> InstigationState:
        """Its status."""
        return InstigationState(self.known)

    @property
    def partition_set(self) -> PartitionSet | None:
        """The partitions of its job."""
        location = self.known.location
        if location is None:
            return None
        sets = partition_sets_of(self.known.reading, location)
        return next((each for each in sets if each.pipeline_name == self.pipeline_name), None)

    def future_ticks(
        self, cursor: float | None = None, limit: int | None = None, until: float | None = None
    ) -> DryRunInstigationTicks:
        """Return its next evaluations."""
        most = min(10 if limit is None and until is None else limit or _MOST_TICKS, _MOST_TICKS)
        since = time.time() if cursor is None else moment_of(cursor, "cursor").timestamp()
        moments = _moments(self._definition, since, most)
        kept = [each for each in moments if until is None or each.timestamp() <= until]
        last = kept[-1].timestamp() + 1 if kept else since
        return DryRunInstigationTicks([_tick_at(self.known, each) for each in kept], last)

    def future_tick(self, tick_timestamp: int) -> DryRunInstigationTick:
        """Return its evaluation of a moment."""
        return _tick_at(self.known, moment_of(tick_timestamp, "tickTimestamp"))

    def potential_tick_timestamps(
        self,
        start_timestamp: float | None = None,
        upper_limit: int | None = None,
        lower_limit: int | None = None,
    ) -> list[float]:
        """Return the moments at which it comes due around a moment."""
        given = time.time() if start_timestamp is None else start_timestamp
        start = moment_of(given, "startTimestamp").timestamp()
        below, above = (
            min(10 if each is None else max(0, each), _MOST_TICKS)
            for each in (lower_limit, upper_limit)
        )
        begin: Any = self._definition.times
        before = [each.timestamp() for each in _before(begin, start, below)]
        after = [each.timestamp() for each in _moments(self._definition, start, above)]
        return [*before, *after]


def _moments(definition: ScheduleDefinition, since: float, count: int) -> list[datetime]:
    return next_ticks(definition, max(0, count), since)


def _before(times: Any, moment: float, count: int) -> list[datetime]:
    """Return the last moments before one, the earliest first."""
    found: list[datetime] = []
    for days in (1, 10, 100, 400):  # a rare schedule needs a longer look back
        begin = datetime.fromtimestamp(max(0.0, moment - days * _DAY), UTC)
        upcoming = takewhile(lambda each: each.timestamp() < moment, times.after(begin))
        found = list(islice(upcoming, 100_000))
        if len(found) >= count:
            break
    return found[-count:] if count else []


@dataclass(frozen=True)
class Target(Node):
    """A job that a sensor launches."""

    pipeline_name: str
    mode: str = "default"
    solid_selection: Sequence[str] | None = None


@dataclass(frozen=True)
class SensorMetadata(Node):
    """The assets that a sensor looks at."""

    asset_keys: Sequence[AssetKey] | None


class Sensor(_Instigator):
    """A sensor."""

    @property
    def job_origin_id(self) -> str:
        """Names it."""
        return self.known.id

    @property
    def targets(self) -> list[Target]:
        """The jobs that it launches."""
        return [Target(each.job_name) for each in self._definition.targets]

    @property
    def sensor_state(self) -> InstigationState:
        """Its status."""
        return InstigationState(self.known)

    @property
    def min_interval_seconds(self) -> int:
        """Seconds between two evaluations."""
        return round(float(self._definition.minimum_interval_seconds))

    @property
    def next_tick(self) -> DryRunInstigationTick | None:
        """Its next evaluation; None if it does not run."""
        return next_tick(self.known)

    @property
    def metadata(self) -> SensorMetadata:
        """The assets that it looks at."""
        key = getattr(self._definition, "asset_key", None)
        several = getattr(self._definition, "monitored_assets", None)
        keys = [key] if key is not None else several if isinstance(several, list) else []
        return SensorMetadata([AssetKey.of(each) for each in keys] or None)

    @property
    def sensor_type(self) -> str:
        """What kind of sensor it is."""
        kind = str(getattr(getattr(self._definition, "sensor_type", None), "value", "STANDARD"))
        return kind if kind in _SENSOR_TYPES else "UNKNOWN"


@dataclass(frozen=True)
class Schedules(Node):
    """Schedules."""

    results: Sequence[Schedule]


@dataclass(frozen=True)
class Sensors(Node):
    """Sensors."""

    results: Sequence[Sensor]


@dataclass(frozen=True)
class InstigationStates(Node):
    """How schedules and sensors stand."""

    results: Sequence[InstigationState]


@dataclass(frozen=True)
class ScheduleStateResult(Node):
    """How a schedule stands now."""

    schedule_state: InstigationState


@dataclass(frozen=True)
class StopSensorMutationResult(Node):
    """How a sensor stands now."""

    instigation_state: InstigationState | None


# --- finding them ---------------------------------------------------------------------


def those_known(reading: RequestReader, location: Location) -> list[KnownInstigator]:
    """Return the schedules and sensors of a location, with their states."""
    reading.definitions(location)
    loop = AutomationLoop(reading.instance, [location.code])
    return [KnownInstigator(reading, location, *each) for each in loop.instigators()]


def schedules_of(reading: RequestReader, location: Location) -> list[Schedule]:
    """Return the schedules of a location."""
    known = those_known(reading, location)
    return [Schedule(each) for each in known if each.instigator.kind == "SCHEDULE"]


def sensors_of(reading: RequestReader, location: Location) -> list[Sensor]:
    """Return the sensors of a location."""
    known = those_known(reading, location)
    return [Sensor(each) for each in known if each.instigator.kind == "SENSOR"]


def find_instigator(
    reading: RequestReader, selector: Mapping[str, Any], kind: str | None, name: str
) -> KnownInstigator | str:
    """Return the schedule or sensor that a query names; else a sentence that there is none."""
    location = reading.served.location(selector["repository_location_name"])
    if location is None or selector["repository_name"] != REPOSITORY:
        return f"There is no location {selector['repository_location_name']!r}."
    known = {
        each.instigator.name: each
        for each in those_known(reading, location)
        if kind in (None, each.instigator.kind)
    }
    if name in known:
        return known[name]
    noun = "schedule or sensor" if kind is None else kind.lower()
    return f"There is no {noun} {name!r}. {did_you_mean(name, known, noun='There are')}".rstrip()


def with_id(reading: RequestReader, wanted: str) -> KnownInstigator | None:
    """Return the schedule or sensor that an id names, or None."""
    for location, _ in reading.loaded():
        for each in those_known(reading, location):
            if each.id == wanted:
                return each
    return next((each for each in unknown_states(reading) if each.id == wanted), None)


def unknown_states(reading: RequestReader) -> list[KnownInstigator]:
    """Return those that run by the history, and are not defined any more."""
    here = {
        each.instigator.origin_id
        for location, _ in reading.loaded()
        for each in those_known(reading, location)
    }
    own = {location.code.name for location in reading.served.locations}
    return [
        KnownInstigator(reading, None, state.instigator, None, state)
        for state in reading.instance.all_instigator_state()
        if state.instigator.origin_id not in here
        and state.instigator.location in own
        and state.status is InstigatorStatus.RUNNING
    ]


def set_status(known: KnownInstigator, status: InstigatorStatus) -> KnownInstigator:
    """Start or stop a schedule or sensor, for all loops on the history."""
    state = known.reading.instance.ticks.set_instigator_status(known.instigator, status)
    return KnownInstigator(known.reading, known.location, known.instigator, known.definition, state)
