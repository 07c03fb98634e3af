"""The record of a run: the request and the status. Its events are stored beside it."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import Any

import msgspec

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.jobs.job_config import run_title
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition_keys import (
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    SUBSET_TAG,
)
from jobnb.definitions.plain import check_tags, check_text
from jobnb.errors import StorageError
from jobnb.state import RunStatus

UNREADABLE_TAG = "jobnb/unreadable"
"""A run that has it could not be read wholly: it says why."""

PARENT_TAG = "dagster/parent_run_id"
ROOT_TAG = "dagster/root_run_id"
RESUME_TAG = "dagster/is_resume_retry"
BACKFILL_TAG = "dagster/backfill"
SCHEDULE_TAG = "dagster/schedule_name"
SENSOR_TAG = "dagster/sensor_name"


def new_run_id() -> str:
    """Return an id that no other run has: a random UUID.

    Its bits are not asked of the system each time, which costs more than a short run does.
    """
    digits = f"{_random.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


_random = random.Random()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)  # a child continues with other numbers


class JobRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run of a job.

    Args:
        job_name: The job it runs.
        run_id: Its id; a new one if left out.
        run_config: The raw run config it was given, ready to be JSON.
        asset_selection: The assets it makes, where not all of the job's.
        op_selection: The selection as it was written.
        resolved_op_selection: The ops that it came to.
        step_keys_to_execute: The steps it is to do, where not all.
        status: Where it stands.
        tags: Free text by key; `dagster/partition` names the partition.
        root_run_id: The first of the chain of runs that this one repeats.
        parent_run_id: The run that this one repeats.
        job_snapshot_id: Accepted as Dagster does.
        execution_plan_snapshot_id: Accepted as Dagster does.
        external_job_origin: Accepted as Dagster does.
        job_code_origin: Accepted as Dagster does.
        has_repository_load_data: Accepted as Dagster does.
        asset_check_selection: The checks it makes, where its assets do not tell them.
        notebook: The notebook or script that launched it, as seen from the folder of the history,
            or the name of the module.
        executor: The executor that was asked for at the launch, by name; None if it was the job's.
        executor_config: What that executor was configured with, secrets by name; the run config
            holds what was asked for beside it.
        is_detached: Whether a process of its own does it.
        code_versions: The versions of the code that it runs, by `asset` or `op` and name.

    Example:
        >>> run = JobRun("daily", tags={"dagster/partition": "2013-01-01"})
        >>> run.partition_key, run.is_finished
        ('2013-01-01', False)

    Source: Dagster's `DagsterRun`.
    """

    job_name: str
    run_id: str = msgspec.field(default_factory=new_run_id)
    run_config: Mapping[str, Any] = {}
    asset_selection: frozenset[AssetKey] | None = None
    op_selection: Sequence[str] | None = None
    resolved_op_selection: frozenset[str] | None = None
    step_keys_to_execute: Sequence[str] | None = None
    status: RunStatus = RunStatus.NOT_STARTED
    tags: Mapping[str, str] = {}
    root_run_id: str | None = None
    parent_run_id: str | None = None
    job_snapshot_id: str | None = None
    execution_plan_snapshot_id: str | None = None
    external_job_origin: Any = None
    job_code_origin: Any = None
    has_repository_load_data: bool = False
    asset_check_selection: frozenset[AssetCheckKey] | None = None
    notebook: str | None = None
    executor: str | None = None
    executor_config: Mapping[str, Any] = {}
    is_detached: bool = False
    code_versions: Mapping[str, str] = {}

    def __repr__(self) -> str:
        partition = f" for {self.partition_key}" if self.partition_key else ""
        return f"<run {self.run_id} of {self.job_name!r}{partition}: {self.status.value}>"

    @property
    def partition_key(self) -> str | None:
        """The partition it is for, or None."""
        return self.tags.get(PARTITION_TAG)

    @property
    def partition_words(self) -> str:
        """The partitions it is for, as short as possible; empty if it is for none.

        Example:
            >>> range_of = {RANGE_START_TAG: "2013-01-01", RANGE_END_TAG: "2013-01-31"}
            >>> JobRun("daily", "r", tags=range_of).partition_words
            '2013-01-01...2013-01-31'
        """
        tags = self.tags
        if RANGE_START_TAG in tags and RANGE_END_TAG in tags:
            return f"{tags[RANGE_START_TAG]}...{tags[RANGE_END_TAG]}"
        return self.partition_key or ("several" if SUBSET_TAG in tags else "")

    @property
    def unreadable(self) -> str | None:
        """The reason why not all of it can be read; None if all can."""
        return self.tags.get(UNREADABLE_TAG)

    @property
    def title(self) -> str:
        """The name of its job; if it has none, what it is for.

        Example:
            >>> JobRun("__ephemeral_asset_job__", asset_selection=frozenset([AssetKey("a")])).title
            'materialize a'
        """
        names = (key.to_user_string() for key in self.asset_selection or ())
        return run_title(self.job_name, names, only_checks=self.makes_only_checks)

    @property
    def makes_only_checks(self) -> bool:
        """Whether it evaluates checks and materializes no assets."""
        return bool(self.asset_check_selection) and not self.asset_selection

    @property
    def is_finished(self) -> bool:
        """Whether it has ended, in any way."""
        return self.status.is_finished

    @property
    def is_success(self) -> bool:
        """Whether it succeeded."""
        return self.status is RunStatus.SUCCESS

    @property
    def is_failure(self) -> bool:
        """Whether it failed."""
        return self.status is RunStatus.FAILURE

    @property
    def is_canceled(self) -> bool:
        """Whether it was canceled."""
        return self.status is RunStatus.CANCELED

    @property
    def is_failure_or_canceled(self) -> bool:
        """Whether it failed or was canceled."""
        return self.is_failure or self.is_canceled

    @property
    def is_cancelable(self) -> bool:
        """Whether it can be canceled."""
        return self.status in (RunStatus.QUEUED, RunStatus.STARTING, RunStatus.STARTED)

    @property
    def is_resume_retry(self) -> bool:
        """Whether it repeats a run from its failure."""
        return self.tags.get(RESUME_TAG) == "true"

    @property
    def previous_run_id(self) -> str | None:
        """The run that this one repeats."""
        return self.parent_run_id

    def with_status(self, status: RunStatus) -> JobRun:
        """Return the same run, standing elsewhere."""
        return msgspec.structs.replace(self, status=status)

    def with_tags(self, tags: Mapping[str, str]) -> JobRun:
        """Return the same run with these tags in place of its own."""
        return msgspec.structs.replace(self, tags=dict(tags))


class RunsFilter(msgspec.Struct, frozen=True):
    """Selects runs that match all given values.

    Args:
        run_ids: It is one of these.
        job_name: It runs this job.
        statuses: It stands at one of these.
        tags: It has each of these tags; a list of values means any of them.
        snapshot_id: It was made from this snapshot of its job.
        updated_after: It changed later than this.
        updated_before: It changed earlier than this.
        created_after: It was created later than this.
        created_before: It was created earlier than this.
        notebook: It was launched by this notebook, script or module.

    Example:
        >>> RunsFilter(job_name="daily", statuses=[RunStatus.FAILURE]).job_name
        'daily'

    Source: Dagster's `RunsFilter`.
    """

    run_ids: Sequence[str] | None = None
    job_name: str | None = None
    statuses: Sequence[RunStatus] = ()
    tags: Mapping[str, str | Sequence[str]] = {}
    snapshot_id: str | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    notebook: str | None = None

    @staticmethod
    def for_backfill(backfill_id: str) -> RunsFilter:
        """Return the runs of a backfill."""
        return RunsFilter(tags={BACKFILL_TAG: backfill_id})

    @staticmethod
    def for_schedule(schedule: Any) -> RunsFilter:
        """Return the runs that a schedule asked for."""
        return RunsFilter(tags={SCHEDULE_TAG: schedule.name})

    @staticmethod
    def for_sensor(sensor: Any) -> RunsFilter:
        """Return the runs that a sensor asked for."""
        return RunsFilter(tags={SENSOR_TAG: sensor.name})


class RunRecord(msgspec.Struct, frozen=True):
    """The record of a run, with its times.

    Attributes:
        storage_id: Its place among all runs: later runs have higher ones.
        dagster_run: The run.
        create_timestamp: When it was created (UTC).
        update_timestamp: When it last changed (UTC).
        start_time: When it started, in seconds since the epoch.
        end_time: When it ended.

    Source: Dagster's `RunRecord`.
    """

    storage_id: int
    dagster_run: JobRun
    create_timestamp: datetime
    update_timestamp: datetime
    start_time: float | None = None
    end_time: float | None = None

    def __repr__(self) -> str:
        created = self.create_timestamp.isoformat(" ", "seconds")
        return f"<record of {self.dagster_run!r}, created {created}>"

    @property
    def run(self) -> JobRun:
        """The run."""
        return self.dagster_run

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.dagster_run.run_id

    @property
    def notebook(self) -> str | None:
        """The notebook, script or module that launched it; None if unknown."""
        return self.dagster_run.notebook


class JobBucket(msgspec.Struct, frozen=True):
    """Limits the result to `bucket_limit` runs of each of these jobs."""

    job_names: Sequence[str]
    bucket_limit: int | None = None


class TagBucket(msgspec.Struct, frozen=True):
    """Limits the result to `bucket_limit` runs for each of these values of a tag."""

    tag_key: str
    tag_values: Sequence[str]
    bucket_limit: int | None = None


def _to_json(value: Any) -> Any:
    """Encode what msgspec does not know; an unknown value becomes its text rather than lost."""
    if isinstance(value, AssetKey):
        return list(value.path)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, str):
        return str.__str__(value)  # an environment variable stands here by its name
    if isinstance(value, PurePath):
        return str(value)
    return str(value)


def _from_json(kind: type, value: Any) -> Any:
    return AssetKey(value) if kind is AssetKey else value


_encoder = msgspec.json.Encoder(enc_hook=_to_json, order="deterministic")


@cache
def _decoder() -> msgspec.json.Decoder[JobRun]:
    """Return what reads a run; made at its first use, as it looks into all types."""
    return msgspec.json.Decoder(JobRun, dec_hook=_from_json)


def encode_run(run: JobRun) -> bytes:
    """Return a run as JSON."""
    return _encoder.encode(run)


def decode_run(data: bytes) -> JobRun:
    """Return the run that `encode_run` wrote.

    Raises:
        StorageError: If the data are not those of a run.
    """
    try:
        return _decoder().decode(data)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise StorageError(f"The history holds a run that cannot be read: {error}.") from error


def check_run(run: JobRun) -> None:
    """Raise an error if the texts of a run cannot be stored in every database.

    Raises:
        InvalidDefinitionError: If one holds a NUL or half a character; it names the text.
    """
    check_text(run.run_id, "The id of a run")
    check_text(run.job_name, "The name of a job")
    check_tags(run.tags, f"the run {run.run_id!r}")
