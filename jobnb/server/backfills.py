"""Backfills as GraphQL tells them, and launching them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jobnb.automation import backfill_launch
from jobnb.automation.backfill_followed import find_backfill
from jobnb.automation.backfill_launch import backfill_job, backfill_session
from jobnb.definitions.keys import AssetKey as Key
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import PartitionKeyRange as KeyRange
from jobnb.errors import InvalidConfigError, InvalidInvocationError, InvalidSubsetError, JobnbError
from jobnb.execution.start import subset_of
from jobnb.server import problems
from jobnb.server.config_errors import RunConfigValidationInvalid, given_config, invalid
from jobnb.server.jobs import JobNotFound, find_job, find_location, not_found
from jobnb.server.metadata import AssetKey
from jobnb.server.nodes import Node, Permitted
from jobnb.server.partition_sets import (
    PartitionSet,
    PartitionStatuses,
    has_partitions,
    set_name,
    status_of,
)
from jobnb.server.partitions import PartitionKeyRange
from jobnb.server.runs import Run, find_runs, key_of
from jobnb.server.tags import PipelineTag, given_tags, tags_of
from jobnb.server.workspace import Location, RequestReader
from jobnb.state import RunStatus
from jobnb.storage.backfill import PartitionBackfill as Record
from jobnb.storage.partition_history import AssetPartitionStatus
from jobnb.storage.run import RunsFilter

_TITLE_TAG = "dagster/title"
_DESCRIPTION_TAG = "dagster/description"
_UNFINISHED = [each for each in RunStatus if not each.is_finished]


@dataclass(frozen=True)
class PartitionStatusCounts(Node):
    """How many runs of a backfill stand so."""

    run_status: str
    count: int


@dataclass(frozen=True)
class AssetPartitionsStatusCounts(Node):
    """How many partitions of an asset a backfill made, and how many it is to."""

    asset_key: AssetKey
    num_partitions_targeted: int
    num_partitions_in_progress: int
    num_partitions_materialized: int
    num_partitions_failed: int


@dataclass(frozen=True)
class UnpartitionedAssetStatus(Node):
    """Whether a backfill made an asset without partitions."""

    asset_key: AssetKey
    in_progress: bool
    materialized: bool
    failed: bool


class AssetBackfillData(Node):
    """What a backfill makes of assets."""

    def __init__(self, backfill: PartitionBackfill) -> None:
        self._backfill = backfill

    @property
    def asset_backfill_statuses(
        self,
    ) -> list[AssetPartitionsStatusCounts | UnpartitionedAssetStatus]:
        """The statuses of the assets."""
        return [self._backfill.standing_of(key) for key in self._backfill.keys]

    @property
    def root_asset_targeted_partitions(self) -> list[str] | None:
        """The partitions of the first asset."""
        return self._backfill.partition_names

    @property
    def root_asset_targeted_ranges(self) -> list[PartitionKeyRange] | None:
        """The same from the first to the last, where these are all."""
        return None


class PartitionBackfill(Node):
    """A backfill.

    Args:
        reading: What the request reads.
        record: It as it is kept.
    """

    is_valid_serialization = True
    has_cancel_permission = Permitted()
    has_resume_permission = Permitted()
    from_failure = False
    reexecution_steps: Sequence[str] | None = None

    def __init__(self, reading: RequestReader, record: Record) -> None:
        self._reading, self._record = reading, record
        self.timestamp, self.end_timestamp = record.backfill_timestamp, record.end_timestamp
        self.job_name = record.job_name
        self.keys: Sequence[Key] = () if record.job_name is not None else record.asset_selection

    timestamp: float
    end_timestamp: float | None
    job_name: str | None

    @property
    def id(self) -> str:
        """Its id."""
        return self._record.backfill_id

    @property
    def status(self) -> str:
        """Its status."""
        return self._record.status.value

    @property
    def error(self) -> problems.PythonError | None:
        """Why it ended before its time."""
        error = self._record.error
        return None if error is None else problems.PythonError(error)

    @property
    def tags(self) -> list[PipelineTag]:
        """Tags of its runs."""
        return tags_of(self._record.tags)

    @property
    def user(self) -> str | None:
        """Who launched it."""
        return self._record.tags.get("user")

    @property
    def title(self) -> str | None:
        """Its title."""
        return self._record.tags.get(_TITLE_TAG) or self._record.title

    @property
    def description(self) -> str | None:
        """What it is for."""
        return self._record.tags.get(_DESCRIPTION_TAG)

    @property
    def creation_time(self) -> float:
        """When it was launched."""
        return self.timestamp

    @property
    def start_time(self) -> float | None:
        """When it began."""
        return self.timestamp

    @property
    def end_time(self) -> float | None:
        """When it ended."""
        return self.end_timestamp

    # --- what it is of

    @property
    def is_asset_backfill(self) -> bool:
        """Whether it makes assets rather than runs of a job."""
        return self.job_name is None

    @property
    def asset_selection(self) -> list[AssetKey] | None:
        """The assets that it makes."""
        return [AssetKey.of(key) for key in self._record.asset_selection] or None

    @property
    def partition_set_name(self) -> str | None:
        """The partitions of its job."""
        return None if self.job_name is None else set_name(self.job_name)

    @property
    def partition_set(self) -> PartitionSet | None:
        """The partitions of its job as it is defined now."""
        for location, definitions in self._reading.loaded():
            if self.job_name in definitions.job_names:
                job = definitions.get_job_def(self.job_name or "")
                return PartitionSet(self._reading, location, job)
        return None

    def _targets(self, name: str, definition: PartitionsDefinition | None) -> list[str] | None:
        """Return the partitions it is to materialize; None if they are unknown."""
        text = self._record.partitions.get(name)
        if text is None or definition is None or not definition.can_deserialize_subset(text):
            return None
        return list(definition.deserialize_subset(text).get_partition_keys())

    def _definition_of(self, key: Key) -> PartitionsDefinition | None:
        location = self._reading.assets_defined.get(key)
        if location is None:
            return None
        known: Any = self._reading.definitions(location).get_assets_def(key)
        own: PartitionsDefinition | None = getattr(known, "partitions_def", None)
        return own

    @cached_property
    def partition_names(self) -> list[str] | None:
        """The partitions that it is to make; None where they are not known any more."""
        if self.job_name is not None:
            known = self.partition_set
            definition = known._job.partitions_def if known is not None else None
            return self._targets(self.job_name, definition)
        found: dict[str, None] = {}
        for key in self.keys:
            names = self._targets(key.to_string(), self._definition_of(key))
            found |= dict.fromkeys(names or ())
        return list(found) or None

    @property
    def num_partitions(self) -> int | None:
        """How many these are."""
        names = self.partition_names
        return self._record.counts.get("total") if names is None else len(names)

    # --- status

    @property
    def num_cancelable(self) -> int:
        """How many of its runs can be canceled."""
        return sum(run.can_terminate for run in self.unfinished_runs())

    def runs(self, limit: int | None = None) -> list[Run]:
        """Return its runs, the newest first."""
        return find_runs(self._reading, RunsFilter.for_backfill(self.id), limit=limit)

    def unfinished_runs(self, limit: int | None = None) -> list[Run]:
        """Return its runs that have not ended."""
        tags = RunsFilter.for_backfill(self.id).tags
        return find_runs(self._reading, RunsFilter(statuses=_UNFINISHED, tags=tags), limit=limit)

    @property
    def partition_statuses(self) -> PartitionStatuses | None:
        """The status of its last run for each partition."""
        if self.job_name is None:
            return None
        last: dict[str, Run] = {}
        for run in self.runs():
            for tag in run.tags:
                if tag.key == "dagster/partition":
                    last.setdefault(tag.value, run)
        names = self.partition_names or list(last)
        return PartitionStatuses([status_of(self.id, name, last.get(name)) for name in names])

    @property
    def partition_status_counts(self) -> list[PartitionStatusCounts]:
        """How many of its runs stand how."""
        counts: dict[str, int] = {}
        for run in self.runs():
            counts[run.status] = counts.get(run.status, 0) + 1
        return [PartitionStatusCounts(*pair) for pair in counts.items()]

    @property
    def asset_backfill_data(self) -> AssetBackfillData | None:
        """What it makes of assets."""
        return AssetBackfillData(self) if self.is_asset_backfill else None

    def standing_of(self, key: Key) -> AssetPartitionsStatusCounts | UnpartitionedAssetStatus:
        """Return the progress of an asset."""
        names = self._targets(key.to_string(), self._definition_of(key))
        told = AssetKey.of(key)
        if names is None:
            made = self._reading.instance.last_made([key]).get(key)
            is_made = made is not None and made.time >= self.timestamp
            going = not is_made and not self._record.status.is_finished
            return UnpartitionedAssetStatus(told, going, is_made, not is_made and not going)
        made_now = self._reading.instance.partitions_made(key, names)
        fresh = {name for name, each in made_now.items() if each.time >= self.timestamp}
        standing = self._reading.instance.get_status_by_partition(key, names)
        left = [how for name, how in standing.items() if name not in fresh]
        return AssetPartitionsStatusCounts(
            told,
            len(names),
            left.count(AssetPartitionStatus.IN_PROGRESS),
            len(fresh),
            left.count(AssetPartitionStatus.FAILED),
        )


@dataclass(frozen=True)
class PartitionBackfills(Node):
    """Backfills."""

    results: Sequence[PartitionBackfill]


# --- launching, resuming and canceling ------------------------------------------------


@dataclass(frozen=True)
class LaunchBackfillSuccess(Node):
    """A backfill that was launched."""

    backfill_id: str
    launched_run_ids: Sequence[str] | None = None


@dataclass(frozen=True)
class ResumeBackfillSuccess(Node):
    """A backfill that is active."""

    backfill_id: str


@dataclass(frozen=True)
class CancelBackfillSuccess(Node):
    """A backfill that is to stop."""

    backfill_id: str


Launched = (
    LaunchBackfillSuccess
    | RunConfigValidationInvalid
    | problems.PartitionSetNotFoundError
    | problems.PipelineNotFoundError
    | problems.PythonError
)


def launch_backfill(reading: RequestReader, asked: Mapping[str, Any]) -> Launched:
    """Launch the backfill that a query asks for."""
    selector = asked.get("selector")
    try:
        if selector is not None:
            return _of_job(reading, selector, asked)
        return _of_assets(reading, asked)
    except JobNotFound as error:
        return error.answer
    except InvalidConfigError as error:
        name = selector["partition_set_name"] if selector is not None else "assets"
        return invalid(error, name)
    except JobnbError as error:
        return problems.python_error(error)


def _of_job(
    reading: RequestReader, selector: Mapping[str, Any], asked: Mapping[str, Any]
) -> Launched:
    place, name = selector["repository_selector"], str(selector["partition_set_name"])
    job_name = name.removesuffix("_partition_set")
    if find_location(reading, place) is None:
        return not_found(place, job_name)
    try:
        _, job = find_job(reading, {**place, "pipeline_name": job_name})
    except JobNotFound as error:
        return problems.PartitionSetNotFoundError(error.answer.message, name)
    if not has_partitions(job):
        message = f"The job {job.name!r} has no partitions, so no {name!r}."
        return problems.PartitionSetNotFoundError(message, name)
    assets = asked.get("asset_selection")
    steps = asked.get("reexecution_steps")
    chosen = [key_of(each) for each in assets] if assets else None
    if steps or chosen:
        job = subset_of(job, steps or None, chosen, None)
    backfill = backfill_job(
        job,
        _partitions(asked),
        only_failed=bool(asked.get("from_failure")),
        tags=_tags(asked),
        config=given_config(asked.get("run_config_data")),
        instance=reading.instance,
        detach=reading.served.backfills,
    )
    return LaunchBackfillSuccess(backfill.backfill_id)


def _tags(asked: Mapping[str, Any]) -> dict[str, str]:
    named = {_TITLE_TAG: asked.get("title"), _DESCRIPTION_TAG: asked.get("description")}
    told = {tag: text for tag, text in named.items() if text}
    return {**given_tags(asked.get("tags")), **told}


def _partitions(asked: Mapping[str, Any]) -> Any:
    names = asked.get("partition_names")
    if names is not None and asked.get("all_partitions"):
        raise InvalidInvocationError(
            "The backfill names partitions and asks for all of them: give partitionNames or "
            "allPartitions."
        )
    if names is None and not asked.get("all_partitions"):
        raise InvalidInvocationError(
            "The backfill names no partitions: give partitionNames, or allPartitions: true."
        )
    if names is not None and not names:
        raise InvalidInvocationError("partitionNames is empty: name one partition at least.")
    return names


def _of_assets(reading: RequestReader, asked: Mapping[str, Any]) -> Launched:
    keys, partitions = _assets_asked(asked)
    session = reading.served.session(_location_of(reading, keys))
    backfill = backfill_session(
        session,
        keys,
        partitions,
        only_failed=bool(asked.get("from_failure")),
        tags=_tags(asked),
        config=given_config(asked.get("run_config_data")),
        instance=reading.instance,
        detach=reading.served.backfills,
    )
    return LaunchBackfillSuccess(backfill.backfill_id)


def _assets_asked(asked: Mapping[str, Any]) -> tuple[list[Key], Any]:
    by_asset = asked.get("partitions_by_assets")
    if by_asset is None:
        keys = [key_of(each) for each in asked.get("asset_selection") or ()]
        if not keys:
            raise InvalidInvocationError(
                "The backfill names nothing to make: give selector, assetSelection or "
                "partitionsByAssets."
            )
        return keys, _partitions(asked)
    chosen = [each for each in by_asset if each is not None]
    if not chosen:
        raise InvalidInvocationError("partitionsByAssets is empty: name one asset at least.")
    told = [each["partitions"]["range"] for each in chosen if each.get("partitions")]
    ranges = {(each["start"], each["end"]) for each in told}
    if len(ranges) > 1:
        raise InvalidInvocationError(
            "The backfill asks for other partitions of one asset than of another one. Launch one "
            "backfill for each range."
        )
    keys = [key_of(each["asset_key"]) for each in chosen]
    return keys, next((KeyRange(*each) for each in ranges), None)


def _location_of(reading: RequestReader, keys: Sequence[Key]) -> Location:
    """Return the one location that defines assets.

    Raises:
        InvalidSubsetError: If none does, or they are spread.
    """
    found = {key: reading.assets_defined.get(key) for key in keys}
    for key, location in found.items():
        if location is None:
            raise InvalidSubsetError(f"There is no asset {key.to_user_string()!r}.")
    names = {each.name: each for each in found.values() if each is not None}
    if len(names) > 1:
        places = " and ".join(sorted(names))
        raise InvalidSubsetError(
            f"The assets are defined in {places}: launch one backfill for each."
        )
    return next(iter(names.values()))


def resume_backfill(
    reading: RequestReader, backfill_id: str
) -> ResumeBackfillSuccess | problems.PythonError:
    """Resume a backfill."""
    try:
        record = reading.instance.get_backfill(backfill_id)
        location = None
        if record is not None:
            location = _location_of_record(reading, record)
        if location is None:
            return problems.PythonError(f"There is no backfill {backfill_id!r} of what is served.")
        session = reading.served.session(location)
        backfill_launch.resume_backfill(
            session, backfill_id, instance=reading.instance, detach=reading.served.backfills
        )
    except JobnbError as error:
        return problems.python_error(error)
    return ResumeBackfillSuccess(backfill_id)


def _location_of_record(reading: RequestReader, record: Record) -> Location | None:
    if record.job_name is None:
        return _location_of(reading, record.asset_selection)
    for location, definitions in reading.loaded():
        if record.job_name in definitions.job_names:
            return location
    return None


def cancel_backfill(
    reading: RequestReader, backfill_id: str
) -> CancelBackfillSuccess | problems.PythonError:
    """Cancel a backfill, whatever process does it."""
    try:
        backfill = find_backfill(reading.instance, backfill_id)
    except JobnbError as error:
        return problems.python_error(error)
    if backfill.cancel("Canceled over GraphQL."):
        return CancelBackfillSuccess(backfill_id)
    return problems.PythonError(f"The backfill {backfill_id!r} has ended: {backfill.status}.")
