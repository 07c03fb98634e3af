"""The partitions of jobs as GraphQL tells them, and how their runs went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobnb.config import dump_yaml, raw_config
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.partitions.partition_keys import PARTITION_TAG
from jobnb.errors import JobnbError
from jobnb.server import problems
from jobnb.server.nodes import Node, digest, type_named
from jobnb.server.partitions import keys_of
from jobnb.server.runs import RepositoryOrigin, Run, runs_or_error
from jobnb.server.tags import PipelineTag, tags_of
from jobnb.server.workspace import Location, RequestReader

if TYPE_CHECKING:
    from jobnb.server.backfills import PartitionBackfill

_END = "_partition_set"


def set_name(job_name: str) -> str:
    """Return the name of the partitions of a job, as Dagster makes it.

    >>> set_name("daily")
    'daily_partition_set'
    """
    return job_name + _END


@dataclass(frozen=True)
class PartitionRunConfig(Node):
    """The config of the runs for a partition."""

    yaml: str


@dataclass(frozen=True)
class PartitionTags(Node):
    """The tags of the runs for a partition."""

    results: Sequence[PipelineTag]


@dataclass(frozen=True)
class PartitionStatus(Node):
    """How the last run for a partition stands."""

    id: str
    partition_name: str
    run_id: str | None
    run_status: str | None
    run_duration: float | None


@dataclass(frozen=True)
class PartitionStatuses(Node):
    """How the last runs for partitions stand."""

    results: Sequence[PartitionStatus]


@dataclass(frozen=True)
class PartitionRun(Node):
    """The last run for a partition."""

    id: str
    partition_name: str
    run: Run | None


class Partition(Node):
    """A partition of a job."""

    mode = "default"
    solid_selection: Sequence[str] | None = None

    def __init__(self, reading: RequestReader, job: JobDefinition, name: str) -> None:
        self._reading, self._job, self.name = reading, job, name

    name: str

    @property
    def partition_set_name(self) -> str:
        """The partitions that it is among."""
        return set_name(self._job.name)

    @property
    def run_config_or_error(self) -> PartitionRunConfig | problems.PythonError:
        """The config of its runs."""
        try:
            config = raw_config(self._job.get_run_config_for_partition_key(self.name) or {})
        except Exception as error:  # noqa: BLE001 - the user's code may raise anything
            return problems.python_error(error)
        return PartitionRunConfig(dump_yaml(config))

    @property
    def tags_or_error(self) -> PartitionTags | problems.PythonError:
        """The tags of its runs."""
        try:
            tags = self._job.get_tags_for_partition_key(self.name)
        except Exception as error:  # noqa: BLE001 - the user's code may raise anything
            return problems.python_error(error)
        return PartitionTags(tags_of({PARTITION_TAG: self.name, **tags}))

    def runs(
        self,
        filter: Mapping[str, Any] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Run]:
        """Return its runs, the newest first."""
        asked = dict(filter or {})
        own = {"key": PARTITION_TAG, "value": self.name}
        asked["pipeline_name"] = self._job.name
        asked["tags"] = [*(asked.get("tags") or ()), own]
        found = runs_or_error(self._reading, asked, cursor, limit)
        if isinstance(found, problems.InvalidPipelineRunsFilterError | problems.PythonError):
            raise JobnbError(found.message)
        return found.results

    @property
    def status(self) -> str | None:
        """The status of its last run."""
        last = self.runs(limit=1)
        return last[0].status if last else None


@dataclass(frozen=True)
class Partitions(Node):
    """Partitions of a job."""

    results: Sequence[Partition]


class PartitionSet(Node):
    """The partitions of a job."""

    mode = "default"
    solid_selection: Sequence[str] | None = None

    def __init__(self, reading: RequestReader, location: Location, job: JobDefinition) -> None:
        self._reading, self._location, self._job = reading, location, job
        self.pipeline_name, self.name = job.name, set_name(job.name)

    name: str
    pipeline_name: str

    @property
    def id(self) -> str:
        """Names it."""
        return digest(self._location.name, self.name)

    @property
    def repository_origin(self) -> RepositoryOrigin:
        """What defines it."""
        return RepositoryOrigin(self._location.name)

    def _keys(self) -> list[str]:
        definition = self._job.partitions_def
        return [] if definition is None else keys_of(definition, self._reading)

    def partitions_or_error(
        self, cursor: str | None = None, limit: int | None = None, reverse: bool | None = None
    ) -> Partitions | problems.PythonError:
        """Return the partitions.

        Args:
            cursor: The name of the last one of the page before.
            limit: How many at most.
            reverse: The last ones first.
        """
        try:
            keys = self._keys()
        except JobnbError as error:
            return problems.python_error(error)
        if reverse:
            keys.reverse()
        if cursor is not None:
            keys = keys[keys.index(cursor) + 1 :] if cursor in keys else []
        chosen = keys if limit is None else keys[: max(0, limit)]
        return Partitions([Partition(self._reading, self._job, key) for key in chosen])

    def partition(self, partition_name: str) -> Partition | None:
        """Return one of the partitions."""
        known = partition_name in self._keys()
        return Partition(self._reading, self._job, partition_name) if known else None

    def _last_runs(self) -> dict[str, Run | None]:
        found = self._reading.instance.get_last_job_runs(
            self.pipeline_name, partitions_def=self._job.partitions_def
        )
        self._reading.records([run_id for run_id, _ in found.values()])
        told: dict[str, Run | None] = {}
        for key in self._keys():
            run_id = found[key][0] if key in found else None
            record = self._reading.record(run_id) if run_id is not None else None
            told[key] = None if record is None else Run(self._reading, record)
        return told

    @property
    def partition_statuses_or_error(self) -> PartitionStatuses | problems.PythonError:
        """How the last run for each stands."""
        try:
            found = self._last_runs()
        except JobnbError as error:
            return problems.python_error(error)
        return PartitionStatuses([status_of(self.name, *each) for each in found.items()])

    @property
    def partition_runs(self) -> list[PartitionRun]:
        """The last run for each."""
        return [
            PartitionRun(f"{self.name}:{key}", key, run) for key, run in self._last_runs().items()
        ]

    def backfills(
        self, cursor: str | None = None, limit: int | None = None
    ) -> list[PartitionBackfill]:
        """Return the backfills of the job, the newest first."""
        kept = self._reading.instance.get_backfills(cursor=cursor)
        own = [each for each in kept if each.job_name == self.pipeline_name]
        chosen = own if limit is None else own[: max(0, limit)]
        return [type_named("PartitionBackfill")(self._reading, each) for each in chosen]


def status_of(name: str, key: str, run: Run | None) -> PartitionStatus:
    """Return the status of the last run for a partition."""
    if run is None:
        return PartitionStatus(f"{name}:{key}", key, None, None, None)
    start, end = run.start_time, run.end_time
    took = end - start if start is not None and end is not None else None
    return PartitionStatus(f"{name}:{key}", key, run.run_id, run.status, took)


@dataclass(frozen=True)
class PartitionSets(Node):
    """The partitions of a job, as a list of one or none."""

    results: Sequence[PartitionSet]


def partition_sets_of(reading: RequestReader, location: Location) -> list[PartitionSet]:
    """Return the partitions of the jobs of a location."""
    definitions = reading.definitions(location)
    jobs = [definitions.get_job_def(name) for name in definitions.job_names]
    return [PartitionSet(reading, location, job) for job in jobs if has_partitions(job)]


def has_partitions(job: JobDefinition) -> bool:
    """Whether a job has partitions: one, over assets, whose partitions are the same."""
    try:
        return job.partitions_def is not None
    except JobnbError:  # its assets have different ones, and no run is for one of all
        return False
