"""Runs as GraphQL tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jobnb.config import dump_yaml
from jobnb.definitions.keys import AssetKey as Key
from jobnb.errors import InvalidInvocationError, JobnbError, RunNotFoundError
from jobnb.events import AssetMaterialized, Event, Logged
from jobnb.server import problems
from jobnb.server.events import EventConnection, MaterializationEvent, message_of, messages
from jobnb.server.metadata import AssetKey
from jobnb.server.moments import moment_of
from jobnb.server.nodes import Node, Permitted, digest, type_named
from jobnb.server.plans import ExecutionPlan, plan_of_run
from jobnb.server.steps import RunStepStats, stats_of_run
from jobnb.server.tags import PipelineTag, PipelineTagAndValues, tags_of
from jobnb.server.workspace import REPOSITORY, Location, RequestReader
from jobnb.state import RunStatus
from jobnb.storage.records import EventLogEntry
from jobnb.storage.run import JobRun, RunRecord, RunsFilter

if TYPE_CHECKING:
    from jobnb.server.assets import Asset
    from jobnb.server.jobs import PipelineSnapshot, UnknownPipeline

_MOST_RUNS = 1000
_MOST_EVENTS = 1000


@dataclass(frozen=True)
class RepositoryMetadata(Node):
    """A fact of a location."""

    key: str
    value: str


class RepositoryOrigin(Node):
    """Which notebook, file or module something is of."""

    def __init__(self, location_name: str) -> None:
        self.repository_location_name, self.repository_name = location_name, REPOSITORY
        self.id = digest(location_name, REPOSITORY)

    id: str
    repository_location_name: str
    repository_name: str
    repository_location_metadata: Sequence[RepositoryMetadata] = ()


@dataclass(frozen=True)
class RunStatsSnapshot(Node):
    """A run in numbers."""

    run_id: str
    steps_succeeded: int
    steps_failed: int
    materializations: int
    expectations: int
    enqueued_time: float | None
    launch_time: float | None
    start_time: float | None
    end_time: float | None

    @property
    def id(self) -> str:
        """The run."""
        return f"stats-{self.run_id}"


@dataclass(frozen=True)
class ComputeLogFile(Node):
    """What a step printed into one stream."""

    path: str
    data: str | None
    cursor: int
    size: int
    download_url: str | None = None


@dataclass(frozen=True)
class ComputeLogs(Node):
    """What a step printed."""

    run_id: str
    step_key: str
    stdout: ComputeLogFile | None
    stderr: ComputeLogFile | None


@dataclass(frozen=True)
class CapturedLogs(Node):
    """What a run printed."""

    log_key: Sequence[str]
    stdout: str | None
    stderr: str | None
    cursor: str | None


class CapturedLogsMetadata(Node):
    """Where that is which a run printed: in its log only."""

    stdout_download_url: str | None = None
    stdout_location: str | None = None
    stderr_download_url: str | None = None
    stderr_location: str | None = None


class Run(Node):
    """A run.

    Args:
        reading: What the request reads.
        record: The run as it is kept.
    """

    def __init__(self, reading: RequestReader, record: RunRecord) -> None:
        self._reading, self._record = reading, record
        self._run: JobRun = record.dagster_run
        self.run_id = self._run.run_id

    run_id: str
    mode = "default"
    has_concurrency_key_slots = False
    has_re_execute_permission = Permitted()
    has_terminate_permission = Permitted()
    has_delete_permission = Permitted()
    parent_pipeline_snapshot_id: str | None = None

    # --- what it is of

    @property
    def id(self) -> str:
        """Its id."""
        return self.run_id

    @property
    def pipeline_name(self) -> str:
        """Its job."""
        return self._run.job_name

    @property
    def job_name(self) -> str:
        """Its job."""
        return self._run.job_name

    @cached_property
    def _location(self) -> Location | None:
        return self._reading.location_of_run(self._run)

    @property
    def pipeline(self) -> PipelineSnapshot | UnknownPipeline:
        """Its job as it is defined now."""
        kind, selection = type_named("PipelineSnapshot"), _listed(self._run.op_selection)
        found: PipelineSnapshot | UnknownPipeline = kind.of_run(
            self._reading, self._location, self._run.job_name, selection
        )
        return found

    @property
    def pipeline_snapshot_id(self) -> str | None:
        """The id of its job as it is defined now."""
        found = self.pipeline
        return getattr(found, "pipeline_snapshot_id", None)

    @property
    def repository_origin(self) -> RepositoryOrigin | None:
        """What defines its job."""
        return None if self._location is None else RepositoryOrigin(self._location.name)

    @property
    def solid_selection(self) -> list[str] | None:
        """The ops that were asked for."""
        return _listed(self._run.op_selection)

    @property
    def resolved_op_selection(self) -> list[str] | None:
        """The ops that these came to."""
        found = self._run.resolved_op_selection
        return None if found is None else sorted(found)

    @property
    def asset_selection(self) -> list[AssetKey] | None:
        """The assets that were asked for."""
        chosen = self._run.asset_selection
        return None if chosen is None else [AssetKey.of(key) for key in sorted(chosen)]

    @property
    def step_keys_to_execute(self) -> list[str] | None:
        """The steps that it is to do, where not all."""
        return _listed(self._run.step_keys_to_execute)

    @property
    def run_config(self) -> Mapping[str, Any]:
        """Its config, secrets by name."""
        return dict(self._run.run_config)

    @property
    def run_config_yaml(self) -> str:
        """Its config as YAML."""
        return dump_yaml(dict(self._run.run_config))

    @property
    def tags(self) -> list[PipelineTag]:
        """Its tags."""
        return tags_of(self._run.tags)

    @property
    def root_run_id(self) -> str | None:
        """The first of the runs that it repeats."""
        return self._run.root_run_id

    @property
    def parent_run_id(self) -> str | None:
        """The run that it repeats."""
        return self._run.parent_run_id

    @property
    def execution_plan(self) -> ExecutionPlan | None:
        """The steps of its job as it is defined now."""
        return plan_of_run(self._reading, self._location, self._run)

    # --- how it went

    @property
    def status(self) -> str:
        """Its status."""
        return self._run.status.value

    @property
    def run_status(self) -> str:
        """Its status, by its later name."""
        return self._run.status.value

    @property
    def can_terminate(self) -> bool:
        """Whether it can be canceled."""
        return self._run.is_cancelable

    @property
    def start_time(self) -> float | None:
        """When it began."""
        return self._record.start_time

    @property
    def end_time(self) -> float | None:
        """When it ended."""
        return self._record.end_time

    @property
    def update_time(self) -> float:
        """When it changed last."""
        return _seconds(self._record.update_timestamp)

    @property
    def creation_time(self) -> float:
        """When it was launched."""
        return _seconds(self._record.create_timestamp)

    @property
    def stats(self) -> RunStatsSnapshot:
        """It in numbers."""
        found = self._reading.instance.get_run_stats(self.run_id)
        return RunStatsSnapshot(
            self.run_id,
            found.steps_succeeded,
            found.steps_failed,
            found.materializations,
            found.expectations,
            found.enqueued_time,
            found.launch_time,
            found.start_time,
            found.end_time,
        )

    @property
    def step_stats(self) -> list[RunStepStats]:
        """How its steps went."""
        return stats_of_run(self._reading, self.run_id)

    def event_connection(
        self, after_cursor: str | None = None, limit: int | None = None
    ) -> EventConnection:
        """Return a page of its log."""
        return log_page(self._reading, self._run, after_cursor, limit)

    @property
    def assets(self) -> list[Asset]:
        """The assets that it materialized or was to."""
        events = self._reading.instance.events(self.run_id)
        keys = {event.asset_key for event in events if event.asset_key is not None}
        return [type_named("Asset")(self._reading, key) for key in sorted(keys)]

    @property
    def asset_materializations(self) -> list[MaterializationEvent]:
        """What it materialized."""
        events = self._reading.instance.events(self.run_id)
        made = (event for event in events if isinstance(event, AssetMaterialized))
        told = (message_of(self._reading, self.run_id, self.job_name, event) for event in made)
        return [each for each in told if isinstance(each, MaterializationEvent)]

    def compute_logs(self, step_key: str) -> ComputeLogs:
        """Return what a step printed."""
        texts = _printed(self._reading, self.run_id, step_key)
        files = {
            name: ComputeLogFile(f"{self.run_id}/{step_key}/{name}", text, len(text), len(text))
            for name, text in texts.items()
        }
        return ComputeLogs(self.run_id, step_key, files["stdout"], files["stderr"])

    def captured_logs(self, file_key: str) -> CapturedLogs:
        """Return what a step printed."""
        return captured_logs(self._reading, [self.run_id, "compute_logs", file_key])


def _listed(given: Sequence[str] | None) -> list[str] | None:
    return None if given is None else list(given)


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _printed(reading: RequestReader, run_id: str, step_key: str | None) -> dict[str, str]:
    """Return what a step printed, by stream; the whole run's if no step is named."""
    texts = {"stdout": "", "stderr": ""}
    for event in reading.instance.events(run_id):
        if not isinstance(event, Logged) or event.logger not in texts:
            continue
        if step_key in (None, event.step_key):
            texts[event.logger] += f"{event.text}\n"
    return texts


def captured_logs(
    reading: RequestReader,
    log_key: Sequence[str],
    cursor: str | None = None,
    limit: int | None = None,
) -> CapturedLogs:
    """Return the output by key, from a cursor on.

    Args:
        reading: What the request reads.
        log_key: `[run id]` or `[run id, "compute_logs", step key]`.
        cursor: How much of both streams is known.
        limit: How many characters of each stream at most.

    Raises:
        InvalidInvocationError: If that is no cursor.
    """
    run_id = log_key[0] if log_key else ""
    texts = _printed(reading, run_id, log_key[-1] if len(log_key) > 1 else None)
    known = _places(cursor, 2)
    new = {
        name: text[start:][: None if limit is None else max(0, limit)]
        for start, (name, text) in zip(known, texts.items(), strict=True)
    }
    ends = (start + len(text) for start, text in zip(known, new.values(), strict=True))
    told = ":".join(map(str, ends))
    return CapturedLogs(list(log_key), new["stdout"] or None, new["stderr"] or None, told)


def compute_log(
    reading: RequestReader, run_id: str, step_key: str, stream: str, cursor: str | None = None
) -> ComputeLogFile:
    """Return what a step printed into one stream, from a cursor on.

    Raises:
        InvalidInvocationError: If that is no cursor.
    """
    text = _printed(reading, run_id, step_key)[stream]
    [start] = _places(cursor, 1)
    return ComputeLogFile(f"{run_id}/{step_key}/{stream}", text[start:], len(text), len(text))


def _places(cursor: str | None, count: int) -> list[int]:
    if not cursor:
        return [0] * count
    parts = cursor.split(":")
    if len(parts) != count or not all(each.isascii() and each.isdigit() for each in parts):
        raise InvalidInvocationError(
            f"{cursor!r} is no cursor of what was printed: give the cursor of an earlier answer."
        )
    return [min(int(each[:12]), 10**9) for each in parts]


def log_page(
    reading: RequestReader, run: JobRun, after_cursor: str | None, limit: int | None
) -> EventConnection:
    """Return a page of the log of a run.

    Args:
        reading: What the request reads.
        run: The run.
        after_cursor: The cursor of the page before.
        limit: How many lines at most.
    """
    most = _MOST_EVENTS if limit is None else max(0, min(limit, _MOST_EVENTS))
    page = reading.instance.get_records_for_run(run.run_id, after_cursor, limit=most)
    events = [_event(each.event_log_entry) for each in page.records]
    told = messages(reading, run.run_id, run.job_name, events)
    return EventConnection(told, page.cursor or "-1", page.has_more)


def _event(entry: EventLogEntry) -> Event:
    """Return the event of a line of the log; what was logged is one, too."""
    if entry.dagster_event is not None:
        return entry.dagster_event
    return Logged(entry.timestamp, entry.level, entry.user_message, entry.step_key)


# --- several runs -----------------------------------------------------------------------


class Runs(Node):
    """A page of runs.

    Args:
        reading: What the request reads.
        chosen: Which runs.
        records: Those of the page.
    """

    def __init__(
        self, reading: RequestReader, chosen: RunsFilter, records: Sequence[RunRecord]
    ) -> None:
        self._reading, self._chosen = reading, chosen
        self.results = [Run(reading, record) for record in records]

    results: Sequence[Run]

    @property
    def count(self) -> int:
        """How many fit in all."""
        return self._reading.instance.get_runs_count(self._chosen)


def runs_filter(given: Mapping[str, Any] | None) -> RunsFilter:
    """Return the filter that a query gives."""
    asked = given or {}
    tags: dict[str, list[str]] = {}
    for tag in asked.get("tags") or ():
        tags.setdefault(tag["key"], []).append(tag["value"])
    ids = asked.get("run_ids")
    return RunsFilter(
        run_ids=None if ids is None else [each for each in ids if each is not None],
        job_name=asked.get("pipeline_name"),
        statuses=[RunStatus(each) for each in asked.get("statuses") or ()],
        tags=tags,
        snapshot_id=asked.get("snapshot_id"),
        updated_after=_moment(asked.get("updated_after"), "updatedAfter"),
        updated_before=_moment(asked.get("updated_before"), "updatedBefore"),
        created_after=_moment(asked.get("created_after"), "createdAfter"),
        created_before=_moment(asked.get("created_before"), "createdBefore"),
    )


def _moment(seconds: float | None, name: str) -> datetime | None:
    return None if seconds is None else moment_of(seconds, name)


def find_runs(
    reading: RequestReader, chosen: RunsFilter, cursor: str | None = None, limit: int | None = None
) -> list[Run]:
    """Return runs, the newest first."""
    records = _records(reading, chosen, cursor, limit)
    return [Run(reading, record) for record in records]


def _records(
    reading: RequestReader, chosen: RunsFilter, cursor: str | None, limit: int | None
) -> Sequence[RunRecord]:
    most = _MOST_RUNS if limit is None else max(0, min(limit, _MOST_RUNS))
    records = reading.instance.get_run_records(chosen, most, cursor=cursor)
    reading.see(records)
    return records


def runs_or_error(
    reading: RequestReader,
    given: Mapping[str, Any] | None,
    cursor: str | None,
    limit: int | None,
) -> Runs | problems.InvalidPipelineRunsFilterError | problems.PythonError:
    """Return a page of runs; or what is wrong with the filter."""
    try:
        chosen = runs_filter(given)
        return Runs(reading, chosen, _records(reading, chosen, cursor, limit))
    except (InvalidInvocationError, RunNotFoundError) as error:
        return problems.InvalidPipelineRunsFilterError(str(error))
    except JobnbError as error:
        return problems.python_error(error)


def run_or_error(reading: RequestReader, run_id: str) -> Run | problems.RunNotFoundError:
    """Return a run of the history."""
    record = reading.record(run_id)
    return problems.RunNotFoundError(run_id) if record is None else Run(reading, record)


@dataclass(frozen=True)
class RunGroup(Node):
    """A run and its repetitions."""

    root_run_id: str
    runs: Sequence[Run]


@dataclass(frozen=True)
class RunTags(Node):
    """The values of tags."""

    tags: Sequence[PipelineTagAndValues]


@dataclass(frozen=True)
class RunTagKeys(Node):
    """The keys of tags."""

    keys: Sequence[str]


def run_group(reading: RequestReader, run_id: str) -> RunGroup | problems.RunGroupNotFoundError:
    """Return a run and its repetitions."""
    try:
        root, runs = reading.instance.get_run_group(run_id)
    except RunNotFoundError:
        return problems.RunGroupNotFoundError(run_id)
    records = reading.records([run.run_id for run in runs])
    return RunGroup(root, [Run(reading, record) for record in records])


def key_of(given: Mapping[str, Any]) -> Key:
    """Return the key of an asset that a query gives."""
    return Key(list(given["path"]))
