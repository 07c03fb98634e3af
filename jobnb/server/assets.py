"""Assets as GraphQL tells them: as they are defined, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jobnb.automation.freshness import lateness
from jobnb.definitions.assets.asset_spec import AssetSpec
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey as Key
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.metadata import normalize
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.inout import DEFAULT_GROUP
from jobnb.definitions.partitions.partition_keys import PARTITION_TAG
from jobnb.errors import JobnbError
from jobnb.events import EventType
from jobnb.server.config_types import ConfigTypeField, field_of_schema
from jobnb.server.events import MaterializationEvent, ObservationEvent, message_of
from jobnb.server.metadata import AssetKey, entries
from jobnb.server.nodes import Node, Permitted, digest, millis, type_named
from jobnb.server.partitions import (
    DimensionPartitionKeys,
    PartitionDefinition,
    PartitionStats,
    Statuses,
    keys_by_dimension,
    keys_of,
    statuses_of,
)
from jobnb.server.runs import Run, find_runs
from jobnb.server.types import RegularDagsterType, type_of
from jobnb.server.workspace import Location, RequestReader
from jobnb.staleness.causes import AssetStatus, Cause, CauseKind
from jobnb.staleness.statuses import asset_statuses
from jobnb.state import RunStatus
from jobnb.storage.records import EventLogRecord, EventRecordsFilter
from jobnb.storage.run import RunsFilter

if TYPE_CHECKING:
    from jobnb.server.jobs import Pipeline
    from jobnb.server.ops import ResourceRequirement, SolidDefinition
    from jobnb.server.repositories import Repository

_MOST = 1000


# --- what was recorded ------------------------------------------------------------------


def _history(
    reading: RequestReader, key: Key, kind: EventType, given: Mapping[str, Any]
) -> list[Any]:
    """Return the records of an asset, the newest first."""
    limit, last = given.get("limit"), given.get("partition_in_last")
    tags = given.get("tags")
    wanted = EventRecordsFilter(
        kind,
        key,
        given.get("partitions"),
        after_timestamp=_seconds(given.get("after_timestamp_millis")),
        before_timestamp=_seconds(given.get("before_timestamp_millis")),
        tags={tag["name"]: tag["value"] for tag in tags} if tags else None,
    )
    most = _MOST if limit is None else max(0, min(limit, _MOST))
    if last is not None:
        most = min(most, max(0, last))
    return _told(reading, reading.instance.get_event_records(wanted, limit=most))


def _seconds(millis_text: str | None) -> float | None:
    if millis_text is None:
        return None
    try:
        return float(millis_text) / 1000
    except ValueError:
        raise JobnbError(
            f"{millis_text!r} is no time: give milliseconds since the epoch, as text."
        ) from None


def _told(reading: RequestReader, records: Iterable[EventLogRecord | None]) -> list[Any]:
    told: list[Any] = []
    for record in records:
        event = record.event_log_entry.dagster_event if record is not None else None
        if record is None or event is None:
            told.append(None)
            continue
        job_name = record.event_log_entry.job_name or ""
        told.append(message_of(reading, record.run_id, job_name, event))
    return told


class Asset(Node):
    """An asset by its key.

    Args:
        reading: What the request reads.
        key: The key.
    """

    def __init__(self, reading: RequestReader, key: Key) -> None:
        self._reading, self._key = reading, key

    @property
    def id(self) -> str:
        """Its key as text."""
        return self._key.to_string()

    @property
    def key(self) -> AssetKey:
        """Its key."""
        return AssetKey.of(self._key)

    def asset_materializations(self, **given: Any) -> list[MaterializationEvent]:
        """Return its materializations, the newest first."""
        return _history(self._reading, self._key, EventType.ASSET_MATERIALIZATION, given)

    def asset_observations(self, **given: Any) -> list[ObservationEvent]:
        """Return its observations, the newest first."""
        return _history(self._reading, self._key, EventType.ASSET_OBSERVATION, given)

    @property
    def definition(self) -> AssetNode | None:
        """It as it is defined."""
        return node_of(self._reading, self._key)


# --- what is defined ------------------------------------------------------------------------


@dataclass(frozen=True)
class AssetDependency(Node):
    """An asset that another one depends on."""

    asset: AssetNode
    input_name: str


@dataclass(frozen=True)
class DefinitionTag(Node):
    """A tag of a definition."""

    key: str
    value: str


@dataclass(frozen=True)
class UserAssetOwner(Node):
    """A person."""

    email: str


@dataclass(frozen=True)
class TeamAssetOwner(Node):
    """A team."""

    team: str


@dataclass(frozen=True)
class AssetFreshnessInfo(Node):
    """How late an asset is, in minutes."""

    current_lag_minutes: float | None
    current_minutes_late: float | None
    latest_materialization_minutes_late: float | None = None


@dataclass(frozen=True)
class FreshnessPolicy(Node):
    """How late an asset may be."""

    maximum_lag_minutes: float
    cron_schedule: str | None
    cron_schedule_timezone: str | None
    last_evaluation_timestamp: str | None = None


@dataclass(frozen=True)
class AutoMaterializePolicy(Node):
    """When an asset materializes by itself."""

    policy_type: str
    max_materializations_per_minute: int | None


@dataclass(frozen=True)
class MaterializationUpstreamDataVersion(Node):
    """The materialization that another one was made from."""

    asset_key: AssetKey
    downstream_asset_key: AssetKey
    timestamp: str


@dataclass(frozen=True)
class StaleCause(Node):
    """Why an asset is stale."""

    key: AssetKey
    category: str
    reason: str
    partition_key: str | None = None
    dependency: AssetKey | None = None
    dependency_partition_key: str | None = None


_CATEGORIES = {
    CauseKind.CODE: "CODE",
    CauseKind.CONFIG: "CODE",
    CauseKind.DATA: "DATA",
    CauseKind.MISSING: "DATA",
    CauseKind.DEPENDENCIES: "DEPENDENCIES",
}


class AssetNode(Node):
    """An asset as it is defined.

    Args:
        reading: What the request reads.
        location: What defines it.
        definitions: All that this defines.
        key: The key.
    """

    has_materialize_permission = Permitted()

    def __init__(
        self, reading: RequestReader, location: Location, definitions: Definitions, key: Key
    ) -> None:
        self._reading, self._location, self._definitions = reading, location, definitions
        self._key = key
        self._defined: Any = definitions.get_assets_def(key)

    @cached_property
    def _spec(self) -> AssetSpec:
        specs: Sequence[AssetSpec] = self._defined.specs
        return next(spec for spec in specs if spec.key == self._key)

    @property
    def _made(self) -> AssetsDefinition | None:
        return self._defined if isinstance(self._defined, AssetsDefinition) else None

    @property
    def _own(self) -> Any:
        return getattr(self._defined, "partitions_def", None)

    @property
    def asset_key(self) -> AssetKey:
        """Its key."""
        return AssetKey.of(self._key)

    @property
    def id(self) -> str:
        """Names it."""
        return digest(self._location.name, self._key.to_string())

    @property
    def description(self) -> str | None:
        """What it is."""
        return self._spec.description

    @property
    def group_name(self) -> str | None:
        """Its group."""
        return self._spec.group_name or DEFAULT_GROUP

    @property
    def compute_kind(self) -> str | None:
        """A word for its technology."""
        op = getattr(self._defined, "node_def", None)
        named = getattr(op, "tags", {}).get("kind")
        return named or next(iter(sorted(self._spec.kinds)), None)

    @property
    def kinds(self) -> list[str]:
        """Words for its technology or form."""
        return sorted(self._spec.kinds)

    @property
    def tags(self) -> list[DefinitionTag]:
        """Its tags."""
        return [DefinitionTag(*pair) for pair in self._spec.tags.items()]

    @property
    def owners(self) -> list[UserAssetOwner | TeamAssetOwner]:
        """Its owners."""
        return [
            TeamAssetOwner(each.removeprefix("team:"))
            if each.startswith("team:")
            else UserAssetOwner(each)
            for each in self._spec.owners
        ]

    @property
    def metadata_entries(self) -> list[Node]:
        """Facts."""
        return entries(normalize(self._spec.metadata))

    @property
    def repository(self) -> Repository:
        """What defines it."""
        kind = type_named("Repository")
        found: Repository = kind(self._reading, self._location, self._definitions)
        return found

    # --- how it is made

    @property
    def is_source(self) -> bool:
        """Whether it is made elsewhere."""
        return self._made is None or bool(self._made.is_external)

    @property
    def is_materializable(self) -> bool:
        """Whether it can be materialized."""
        return not self.is_source

    @property
    def is_executable(self) -> bool:
        """Whether it can be materialized or observed."""
        return not self.is_source or self.is_observable

    @property
    def is_observable(self) -> bool:
        """Whether it can be observed."""
        return bool(getattr(self._defined, "is_observable", False))

    @property
    def graph_name(self) -> str | None:
        """The graph that makes it."""
        node = getattr(self._defined, "node_def", None)
        return node.name if isinstance(node, GraphDefinition) else None

    @property
    def op(self) -> SolidDefinition | None:
        """The op that makes it; None where a graph does."""
        kind = type_named("SolidDefinition")
        found: SolidDefinition | None = kind.of_asset(
            self._reading, self._location, self._definitions, self._key
        )
        return found

    @property
    def op_name(self) -> str | None:
        """The name of the op that makes it."""
        names = self.op_names
        return names[0] if names else None

    @property
    def op_names(self) -> list[str]:
        """The names of the ops that make it."""
        node = getattr(self._defined, "node_def", None)
        if isinstance(node, GraphDefinition):
            return [each.name for each in node.iterate_op_defs()]
        return [] if node is None else [node.name]

    @property
    def op_version(self) -> str | None:
        """The version of its code that was given."""
        return self._spec.code_version

    @property
    def config_field(self) -> ConfigTypeField | None:
        """The config that it takes."""
        node = getattr(self._defined, "node_def", None)
        if node is None or isinstance(node, GraphDefinition):
            return None
        return field_of_schema(getattr(node, "config_schema", None))

    @property
    def required_resources(self) -> list[ResourceRequirement]:
        """The resources that it needs."""
        keys = getattr(self._defined, "required_resource_keys", ())
        return [type_named("ResourceRequirement")(key) for key in sorted(keys)]

    @property
    def type(self) -> RegularDagsterType | None:
        """The type of its value."""
        if self._made is None:
            return None
        output = self._made.output_name_of(self._key)
        return type_of(self._made.node_def.output_dict[output].dagster_type)

    @property
    def job_names(self) -> list[str]:
        """The jobs that materialize it."""
        return [job.name for job in self._definitions.get_all_job_defs() if self._is_in(job)]

    def _is_in(self, job: Any) -> bool:
        return any(self._key in made.keys for made in job.graph.assets_by_node.values())

    @property
    def jobs(self) -> list[Pipeline]:
        """The jobs that materialize it."""
        jobs, kind = self._definitions.get_all_job_defs(), type_named("Pipeline")
        return [kind(self._reading, self._location, job) for job in jobs if self._is_in(job)]

    @property
    def freshness_policy(self) -> FreshnessPolicy | None:
        """How late it may be."""
        policy: Any = self._spec.freshness_policy
        lag = getattr(policy, "maximum_lag_minutes", None)
        if lag is None:
            return None
        zone = getattr(policy, "cron_schedule_timezone", None)
        return FreshnessPolicy(lag, getattr(policy, "cron_schedule", None), zone)

    @property
    def freshness_info(self) -> AssetFreshnessInfo | None:
        """How late it is; None without a policy, or before all that it is made from is there."""
        definitions, instance = self._definitions, self._reading.instance
        found = lateness(definitions, instance, self._key, datetime.now(UTC))
        if found is None:
            return None
        return AssetFreshnessInfo(found.lag_minutes, found.overdue_minutes)

    @property
    def auto_materialize_policy(self) -> AutoMaterializePolicy | None:
        """When it materializes by itself."""
        policy: Any = self._spec.auto_materialize_policy
        if policy is None:
            return None
        kind = "EAGER" if getattr(policy, "on_new_parent_data", True) else "LAZY"
        most = getattr(policy, "max_materializations_per_minute", None)
        return AutoMaterializePolicy(kind, most)

    # --- what stands around it

    @cached_property
    def _graph(self) -> Any:
        return self._reading.graph(self._location)

    @property
    def dependency_keys(self) -> list[AssetKey]:
        """The assets that it depends on."""
        return [AssetKey.of(key) for key in sorted(self._graph.get_parents(self._key))]

    @property
    def depended_by_keys(self) -> list[AssetKey]:
        """The assets that depend on it."""
        return [AssetKey.of(key) for key in sorted(self._graph.get_children(self._key))]

    @property
    def dependencies(self) -> list[AssetDependency]:
        """The assets that it depends on, with the inputs that take them."""
        return self._beside(sorted(self._graph.get_parents(self._key)), self._made)

    @property
    def depended_by(self) -> list[AssetDependency]:
        """The assets that depend on it."""
        return self._beside(sorted(self._graph.get_children(self._key)), None)

    def _beside(self, keys: Iterable[Key], made: AssetsDefinition | None) -> list[AssetDependency]:
        inputs = {key: name for name, key in made.keys_by_input_name.items()} if made else {}
        nodes = nodes_of(self._reading, self._location, keys)
        return [AssetDependency(node, inputs.get(node._key, "")) for node in nodes]

    # --- what was recorded

    def asset_materializations(self, **given: Any) -> list[MaterializationEvent]:
        """Return its materializations, the newest first."""
        return Asset(self._reading, self._key).asset_materializations(**given)

    def asset_observations(self, **given: Any) -> list[ObservationEvent]:
        """Return its observations, the newest first."""
        return Asset(self._reading, self._key).asset_observations(**given)

    def asset_materialization_used_data(
        self, timestamp_millis: str
    ) -> list[MaterializationUpstreamDataVersion]:
        """Return the materializations that one of its own was made from."""
        moment = _seconds(timestamp_millis) or 0.0
        found = []
        for parent in sorted(self._graph.get_parents(self._key)):
            wanted = EventRecordsFilter(
                EventType.ASSET_MATERIALIZATION, parent, before_timestamp=moment
            )
            for record in self._reading.instance.get_event_records(wanted, limit=1):
                told = millis(record.timestamp)
                found.append(
                    MaterializationUpstreamDataVersion(AssetKey.of(parent), self.asset_key, told)
                )
        return found

    def data_version(self, partition: str | None = None) -> str | None:
        """Return the version of its value."""
        record = self._reading.instance.get_latest_data_version_record(
            self._key, partition_key=partition
        )
        return None if record is None else record.data_version

    def data_version_by_partition(
        self, partitions: Sequence[str] | None = None
    ) -> list[str | None]:
        """Return the versions of the values of partitions."""
        return [self.data_version(each) for each in self._named(partitions)]

    def _named(self, partitions: Sequence[str] | None) -> list[str]:
        if partitions is not None:
            return list(partitions)
        return [] if self._own is None else keys_of(self._own, self._reading)

    def latest_materialization_by_partition(
        self, partitions: Sequence[str] | None = None
    ) -> list[MaterializationEvent | None]:
        """Return the last materializations of partitions."""
        names = self._named(partitions)
        found = self._reading.instance.get_latest_materialization_by_partition(self._key, names)
        return _told(self._reading, [found.get(name) for name in names])

    def latest_run_for_partition(self, partition: str) -> Run | None:
        """Return the run that materialized a partition last, or was to."""
        for event in self.latest_materialization_by_partition([partition]):
            if event is not None:
                record = self._reading.record(event.run_id)
                return None if record is None else Run(self._reading, record)
        runs = find_runs(self._reading, RunsFilter(tags={PARTITION_TAG: partition}), limit=50)
        return next((run for run in runs if self._is_of(run)), None)

    def _is_of(self, run: Run) -> bool:
        return any(asset._key == self._key for asset in run.assets)

    # --- partitions

    @property
    def is_partitioned(self) -> bool:
        """Whether it has partitions."""
        return self._own is not None

    @property
    def partition_definition(self) -> PartitionDefinition | None:
        """Its partitions."""
        return None if self._own is None else PartitionDefinition(self._own)

    @property
    def partition_keys(self) -> list[str]:
        """The keys of its partitions."""
        return self._named(None)

    def partition_keys_by_dimension(
        self, start_idx: int | None = None, end_idx: int | None = None
    ) -> list[DimensionPartitionKeys]:
        """Return the keys of each dimension of its partitions."""
        if self._own is None:
            return []
        return keys_by_dimension(self._own, self._reading, start_idx, end_idx)

    @property
    def asset_partition_statuses(self) -> Statuses:
        """The statuses of its partitions."""
        return statuses_of(self._key, self._own, self._reading)[0]

    @property
    def partition_stats(self) -> PartitionStats | None:
        """How many of its partitions stand how."""
        return None if self._own is None else statuses_of(self._key, self._own, self._reading)[1]

    # --- staleness

    def _standing(self, partition: str | None) -> AssetStatus | None:
        if self.is_source:
            return None
        if partition is None:
            return self._reading.statuses(self._location).get(self._key)
        found = asset_statuses(
            self._definitions, self._reading.instance, [self._key], partition=partition
        )
        return found.get(self._key)

    def stale_status(self, partition: str | None = None) -> str | None:
        """Whether it is missing, stale or fresh."""
        standing = self._standing(partition)
        if standing is None:
            return None
        if standing.status.value == "failed":  # Dagster reports the value that is there
            if standing.causes:
                return "STALE"
            return "MISSING" if standing.made is None else "FRESH"
        return standing.status.name

    def stale_status_by_partition(self, partitions: Sequence[str] | None = None) -> list[str]:
        """Whether partitions are missing, stale or fresh."""
        return [self.stale_status(each) or "FRESH" for each in self._named(partitions)]

    def stale_causes(self, partition: str | None = None) -> list[StaleCause]:
        """Return why it is stale."""
        standing = self._standing(partition)
        if standing is None:
            return []
        return [self._cause(each, partition) for each in standing.causes]

    def _cause(self, cause: Cause, partition: str | None) -> StaleCause:
        dependency = None if cause.key == self._key else AssetKey.of(cause.key)
        reason = cause.seen_from(self._key)
        return StaleCause(self.asset_key, _CATEGORIES[cause.kind], reason, partition, dependency)

    def stale_causes_by_partition(
        self, partitions: Sequence[str] | None = None
    ) -> list[list[StaleCause]]:
        """Return why partitions are stale."""
        return [self.stale_causes(each) for each in self._named(partitions)]


def node_of(reading: RequestReader, key: Key) -> AssetNode | None:
    """Return an asset as it is defined, wherever that is; None if it is not."""
    location = reading.assets_defined.get(key)
    if location is None:
        return None
    return AssetNode(reading, location, reading.definitions(location), key)


def nodes_of(reading: RequestReader, location: Location, keys: Iterable[Key]) -> list[AssetNode]:
    """Return assets that a location defines; others are left out."""
    definitions = reading.definitions(location)
    known = reading.keys_of(location)
    return [AssetNode(reading, location, definitions, key) for key in keys if key in known]


@dataclass(frozen=True)
class AssetLatestInfo(Node):
    """What happened last to an asset."""

    asset_key: AssetKey
    latest_materialization: MaterializationEvent | None
    unstarted_run_ids: Sequence[str]
    in_progress_run_ids: Sequence[str]
    latest_run: Run | None


_WAITING = (RunStatus.QUEUED, RunStatus.NOT_STARTED, RunStatus.STARTING)
_GOING = (RunStatus.STARTED, RunStatus.CANCELING)


def latest_info(reading: RequestReader, keys: Sequence[Key]) -> list[AssetLatestInfo]:
    """Return the latest events of assets."""
    records = {
        each.asset_entry.asset_key: each for each in reading.instance.get_asset_records(keys)
    }
    waiting = _runs_by_asset(reading, _WAITING)
    going = _runs_by_asset(reading, _GOING)
    told = []
    for key in keys:
        record = records.get(key)
        last = record.asset_entry.last_materialization_record if record else None
        run_id = record.asset_entry.last_run_id if record else None
        found = reading.record(run_id) if run_id else None
        told.append(
            AssetLatestInfo(
                AssetKey.of(key),
                _told(reading, [last])[0] if last is not None else None,
                waiting.get(key, []),
                going.get(key, []),
                Run(reading, found) if found is not None else None,
            )
        )
    return told


def _runs_by_asset(reading: RequestReader, statuses: Sequence[RunStatus]) -> dict[Key, list[str]]:
    """Return the runs that stand so, by the assets that they are to materialize."""
    found: dict[Key, list[str]] = {}
    for run in find_runs(reading, RunsFilter(statuses=statuses)):
        for asset in run.assets:
            found.setdefault(asset._key, []).append(run.run_id)
    return found
