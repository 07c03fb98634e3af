"""What can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobnb.definitions.keys import AssetKey as Key
from jobnb.errors import JobnbError, did_you_mean
from jobnb.server import problems
from jobnb.server.assets import Asset, AssetLatestInfo, AssetNode, latest_info, node_of, nodes_of
from jobnb.server.automaterialize import (
    AutoMaterializeAssetEvaluationRecords,
    evaluations_of,
)
from jobnb.server.backfills import PartitionBackfill, PartitionBackfills
from jobnb.server.config_errors import PipelineConfigValidationValid, RunConfigValidationInvalid
from jobnb.server.deployment import (
    EnvVarWithConsumersList,
    Instance,
    Permission,
    ResourceDetails,
    ResourceDetailsList,
    Scheduler,
    TestFields,
    env_vars_of,
    permissions_of,
    resources_of,
)
from jobnb.server.events import EventConnection
from jobnb.server.graphs import Graph, GraphNotFoundError, graph_or_error
from jobnb.server.instigators import (
    InstigationState,
    InstigationStates,
    Schedule,
    Schedules,
    Sensor,
    Sensors,
    find_instigator,
    schedules_of,
    sensors_of,
    unknown_states,
)
from jobnb.server.jobs import (
    JobNotFound,
    Pipeline,
    PipelineSnapshot,
    RunConfigSchema,
    SubsetNotFound,
    check_config,
    find_job,
    find_location,
    plan_or_error,
    selected_job,
)
from jobnb.server.metadata import AssetKey
from jobnb.server.nodes import Node
from jobnb.server.partition_sets import (
    PartitionSet,
    PartitionSets,
    has_partitions,
    partition_sets_of,
)
from jobnb.server.plans import ExecutionPlan
from jobnb.server.repositories import (
    Repository,
    RepositoryConnection,
    Workspace,
    WorkspaceLocationStatusEntries,
    jobnb_version,
    repositories_of,
)
from jobnb.server.runs import (
    CapturedLogs,
    CapturedLogsMetadata,
    Run,
    RunGroup,
    Runs,
    RunTagKeys,
    RunTags,
    captured_logs,
    key_of,
    log_page,
    run_group,
    run_or_error,
    runs_or_error,
)
from jobnb.server.tags import PipelineTagAndValues
from jobnb.server.workspace import REPOSITORY, Location, RequestReader
from jobnb.storage.backfill import BackfillStatus

Selector = Mapping[str, Any]


@dataclass(frozen=True)
class AssetConnection(Node):
    """A page of assets."""

    nodes: Sequence[Asset]


@dataclass(frozen=True)
class AssetNodeDefinitionCollision(Node):
    """An asset that several locations define."""

    asset_key: AssetKey
    repositories: Sequence[Repository]


class Query(Node):
    """What can be asked.

    Args:
        reading: What the request reads.
    """

    def __init__(self, reading: RequestReader) -> None:
        self._reading = reading

    @property
    def version(self) -> str:
        """The version of jobnb."""
        return jobnb_version()

    @property
    def instance(self) -> Instance:
        """Where the history is kept."""
        return Instance(self._reading)

    @property
    def permissions(self) -> Sequence[Permission]:
        """What may be done."""
        return permissions_of(self._reading)

    scheduler = Scheduler()
    test = TestFields()
    should_show_nux = False

    # --- locations

    def _repository(self, selector: Selector) -> Location | problems.RepositoryNotFoundError:
        location = find_location(self._reading, selector)
        if location is not None:
            return location
        name, place = selector["repository_name"], selector["repository_location_name"]
        known = [each.name for each in self._reading.served.locations]
        hint = did_you_mean(place, known, noun="There are")
        message = f"There is no repository {name!r} at {place!r}: each location has one, "
        return problems.RepositoryNotFoundError(
            f"{message}{REPOSITORY!r}. {hint}".rstrip(), name, place
        )

    def repositories_or_error(
        self, repository_selector: Selector | None = None
    ) -> RepositoryConnection | problems.PythonError:
        """Return what is served: one repository for each location."""
        found = repositories_of(self._reading)
        if repository_selector is None:
            return found
        location = self._repository(repository_selector)
        name = location.name if isinstance(location, Location) else None
        return RepositoryConnection([each for each in found.nodes if each.location.name == name])

    def repository_or_error(
        self, repository_selector: Selector
    ) -> Repository | problems.RepositoryNotFoundError | problems.PythonError:
        """Return one repository."""
        location = self._repository(repository_selector)
        if not isinstance(location, Location):
            return location
        try:
            return Repository(self._reading, location, self._reading.definitions(location))
        except JobnbError as error:
            return problems.python_error(error)

    @property
    def workspace_or_error(self) -> Workspace:
        """All locations."""
        return Workspace(self._reading)

    @property
    def location_statuses_or_error(self) -> WorkspaceLocationStatusEntries:
        """Whether they are loaded."""
        return WorkspaceLocationStatusEntries.of(self._reading)

    # --- jobs

    def pipeline_or_error(
        self, params: Selector
    ) -> (
        Pipeline
        | problems.PipelineNotFoundError
        | problems.InvalidSubsetError
        | problems.PythonError
    ):
        """Return a job."""
        try:
            location, job = selected_job(self._reading, params)
        except (JobNotFound, SubsetNotFound) as error:
            return error.answer
        except JobnbError as error:
            return problems.python_error(error)
        return Pipeline(self._reading, location, job, params.get("solid_selection"))

    def pipeline_snapshot_or_error(
        self, snapshot_id: str | None = None, active_pipeline_selector: Selector | None = None
    ) -> (
        PipelineSnapshot
        | problems.PipelineNotFoundError
        | problems.PipelineSnapshotNotFoundError
        | problems.PythonError
    ):
        """Return a job as it is defined now."""
        try:
            if active_pipeline_selector is not None:
                return PipelineSnapshot(
                    self._reading, *find_job(self._reading, active_pipeline_selector)
                )
            for location, definitions in self._reading.loaded():
                for job in definitions.get_all_job_defs():
                    found = PipelineSnapshot(self._reading, location, job)
                    if found.pipeline_snapshot_id == snapshot_id:
                        return found
        except JobNotFound as error:
            return error.answer
        except JobnbError as error:
            return problems.python_error(error)
        message = f"No job is defined now as the snapshot {snapshot_id!r} has it."
        return problems.PipelineSnapshotNotFoundError(message, snapshot_id or "")

    def is_pipeline_config_valid(
        self, pipeline: Selector, mode: str, run_config_data: Any = None
    ) -> (
        PipelineConfigValidationValid
        | RunConfigValidationInvalid
        | problems.PipelineNotFoundError
        | problems.InvalidSubsetError
        | problems.PythonError
    ):
        """Whether a config fits a job."""
        try:
            return check_config(selected_job(self._reading, pipeline)[1], run_config_data)
        except (JobNotFound, SubsetNotFound) as error:
            return error.answer
        except JobnbError as error:
            return problems.python_error(error)

    def execution_plan_or_error(
        self, pipeline: Selector, mode: str, run_config_data: Any = None
    ) -> (
        ExecutionPlan
        | RunConfigValidationInvalid
        | problems.PipelineNotFoundError
        | problems.InvalidSubsetError
        | problems.PythonError
    ):
        """Return the steps that a job would run."""
        try:
            return plan_or_error(selected_job(self._reading, pipeline)[1], run_config_data)
        except (JobNotFound, SubsetNotFound) as error:
            return error.answer
        except JobnbError as error:
            return problems.python_error(error)

    def graph_or_error(
        self, selector: Selector | None = None
    ) -> Graph | GraphNotFoundError | problems.PythonError:
        """Return a graph by its name."""
        try:
            return graph_or_error(self._reading, selector)
        except JobnbError as error:
            return problems.python_error(error)

    def run_config_schema_or_error(
        self, selector: Selector, mode: str | None = None
    ) -> (
        RunConfigSchema
        | problems.PipelineNotFoundError
        | problems.InvalidSubsetError
        | problems.ModeNotFoundError
        | problems.PythonError
    ):
        """Return the config schema of a job."""
        if mode not in (None, "default"):
            message = f"Each job has one mode, 'default', and no {mode!r}."
            return problems.ModeNotFoundError(message, mode)
        try:
            return RunConfigSchema(selected_job(self._reading, selector)[1])
        except (JobNotFound, SubsetNotFound) as error:
            return error.answer
        except JobnbError as error:
            return problems.python_error(error)

    # --- runs

    def runs_or_error(
        self,
        filter: Selector | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Runs | problems.InvalidPipelineRunsFilterError | problems.PythonError:
        """Return runs, the newest first."""
        return runs_or_error(self._reading, filter, cursor, limit)

    pipeline_runs_or_error = runs_or_error

    def run_or_error(self, run_id: str) -> Run | problems.RunNotFoundError:
        """Return a run."""
        return run_or_error(self._reading, run_id)

    pipeline_run_or_error = run_or_error

    @property
    def run_tag_keys_or_error(self) -> RunTagKeys:
        """All keys of tags."""
        return RunTagKeys(sorted(self._reading.instance.get_run_tag_keys()))

    def run_tags_or_error(
        self,
        tag_keys: Sequence[str] | None = None,
        value_prefix: str | None = None,
        limit: int | None = None,
    ) -> RunTags:
        """Return the values of tags."""
        most = None if limit is None else max(0, limit)
        found = self._reading.instance.get_run_tags(tag_keys, value_prefix, most)
        return RunTags([PipelineTagAndValues(key, sorted(values)) for key, values in found])

    def run_group_or_error(self, run_id: str) -> RunGroup | problems.RunGroupNotFoundError:
        """Return a run and its repetitions."""
        return run_group(self._reading, run_id)

    def logs_for_run(
        self, run_id: str, after_cursor: str | None = None, limit: int | None = None
    ) -> EventConnection | problems.RunNotFoundError | problems.PythonError:
        """Return the log of a run, page by page."""
        record = self._reading.record(run_id)
        if record is None:
            return problems.RunNotFoundError(run_id)
        try:
            return log_page(self._reading, record.dagster_run, after_cursor, limit)
        except JobnbError as error:
            return problems.python_error(error)

    def captured_logs(
        self, log_key: Sequence[str], cursor: str | None = None, limit: int | None = None
    ) -> CapturedLogs:
        """Return what a run printed."""
        return captured_logs(self._reading, log_key, cursor, limit)

    def captured_logs_metadata(self, log_key: Sequence[str]) -> CapturedLogsMetadata:
        """Return where the output of a run is."""
        return CapturedLogsMetadata()

    # --- assets

    def _all_keys(self) -> list[Key]:
        made = self._reading.instance.get_asset_keys()
        return sorted({*made, *self._reading.assets_defined})

    def assets_or_error(
        self,
        prefix: Sequence[str] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> AssetConnection | problems.PythonError:
        """Return assets by key.

        Args:
            prefix: Those whose key begins so.
            cursor: The key of the last one of the page before, as JSON.
            limit: How many at most.
        """
        try:
            last = Key.from_db_string(cursor)
        except (ValueError, TypeError, JobnbError):
            return problems.PythonError(
                f"{cursor!r} is no cursor of assets: give the id of the last one of a page."
            )
        keys = [
            key
            for key in self._all_keys()
            if (not prefix or key.has_prefix(list(prefix))) and (last is None or last < key)
        ]
        chosen = keys if limit is None else keys[: max(0, limit)]
        return AssetConnection([Asset(self._reading, key) for key in chosen])

    def asset_or_error(self, asset_key: Selector) -> Asset | problems.AssetNotFoundError:
        """Return an asset."""
        key = key_of(asset_key)
        if key in self._reading.assets_defined or self._reading.instance.has_asset_key(key):
            return Asset(self._reading, key)
        return self._no_asset(key)

    def _no_asset(self, key: Key) -> problems.AssetNotFoundError:
        names = [each.to_user_string() for each in self._all_keys()]
        hint = did_you_mean(key.to_user_string(), names, noun="There are")
        message = f"There is no asset {key.to_user_string()!r}. {hint}".rstrip()
        return problems.AssetNotFoundError(message)

    def asset_nodes(
        self,
        group: Selector | None = None,
        pipeline: Selector | None = None,
        asset_keys: Sequence[Selector] | None = None,
        load_materializations: bool | None = None,
    ) -> list[AssetNode]:
        """Return assets as they are defined: of a group, of a job, by key, or all."""
        wanted = None if asset_keys is None else {key_of(each) for each in asset_keys}
        if pipeline is not None:
            location, job = _found_job(self._reading, pipeline)
            keys = [k for made in job.graph.assets_by_node.values() for k in made.ordered_keys]
            nodes = nodes_of(self._reading, location, keys)
        else:
            nodes = [
                each
                for location, definitions in self._reading.loaded()
                if group is None or location is find_location(self._reading, group)
                for each in nodes_of(self._reading, location, definitions.resolve_all_asset_keys())
            ]
        name = None if group is None else group["group_name"]
        return [
            node
            for node in nodes
            if (wanted is None or Key(node.asset_key.path) in wanted)
            and (name is None or node.group_name == name)
        ]

    def asset_node_or_error(self, asset_key: Selector) -> AssetNode | problems.AssetNotFoundError:
        """Return an asset as it is defined."""
        key = key_of(asset_key)
        return node_of(self._reading, key) or self._no_asset(key)

    def asset_node_definition_collisions(
        self, asset_keys: Sequence[Selector] | None = None
    ) -> list[AssetNodeDefinitionCollision]:
        """Return assets that several locations define."""
        found: dict[Key, list[Repository]] = {}
        for location, definitions in self._reading.loaded():
            for key in definitions.assets_by_key:
                repository = Repository(self._reading, location, definitions)
                found.setdefault(key, []).append(repository)
        wanted = None if asset_keys is None else {key_of(each) for each in asset_keys}
        return [
            AssetNodeDefinitionCollision(AssetKey.of(key), several)
            for key, several in sorted(found.items())
            if len(several) > 1 and (wanted is None or key in wanted)
        ]

    def assets_latest_info(self, asset_keys: Sequence[Selector]) -> list[AssetLatestInfo]:
        """Return the latest events of some assets."""
        return latest_info(self._reading, [key_of(each) for each in asset_keys])

    # --- partitions and backfills

    def partition_sets_or_error(
        self, repository_selector: Selector, pipeline_name: str
    ) -> PartitionSets | problems.PipelineNotFoundError | problems.PythonError:
        """Return the partitions of a job, as a list of one or none."""
        try:
            selector = {**repository_selector, "pipeline_name": pipeline_name}
            location, job = find_job(self._reading, selector)
        except JobNotFound as error:
            return error.answer
        except JobnbError as error:
            return problems.python_error(error)
        known = [PartitionSet(self._reading, location, job)] if has_partitions(job) else []
        return PartitionSets(known)

    def partition_set_or_error(
        self, repository_selector: Selector, partition_set_name: str | None = None
    ) -> PartitionSet | problems.PartitionSetNotFoundError | problems.PythonError:
        """Return the partitions of a job."""
        location = find_location(self._reading, repository_selector)
        try:
            known = {
                each.name: each
                for each in (() if location is None else partition_sets_of(self._reading, location))
            }
        except JobnbError as error:
            return problems.python_error(error)
        name = partition_set_name or ""
        if name in known:
            return known[name]
        hint = did_you_mean(name, known, noun="There are")
        message = f"There are no partitions {name!r}. {hint}".rstrip()
        return problems.PartitionSetNotFoundError(message, name)

    def partition_backfill_or_error(
        self, backfill_id: str
    ) -> PartitionBackfill | problems.BackfillNotFoundError:
        """Return a backfill."""
        record = self._reading.instance.get_backfill(backfill_id)
        if record is not None:
            return PartitionBackfill(self._reading, record)
        message = f"There is no backfill {backfill_id!r} in this history."
        return problems.BackfillNotFoundError(message, backfill_id)

    def partition_backfills_or_error(
        self, status: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> PartitionBackfills | problems.PythonError:
        """Return backfills, the newest first."""
        known = {each.value: each for each in BackfillStatus}
        if status is not None and status not in known:
            return PartitionBackfills([])
        records = self._reading.instance.get_backfills(
            known[status] if status is not None else None,
            cursor,
            None if limit is None else max(0, limit),
        )
        return PartitionBackfills([PartitionBackfill(self._reading, each) for each in records])

    # --- schedules and sensors

    def schedules_or_error(
        self, repository_selector: Selector, schedule_status: str | None = None
    ) -> Schedules | problems.RepositoryNotFoundError | problems.PythonError:
        """Return the schedules of a location."""
        location = self._repository(repository_selector)
        if not isinstance(location, Location):
            return location
        try:
            found = schedules_of(self._reading, location)
        except JobnbError as error:
            return problems.python_error(error)
        wanted = schedule_status
        return Schedules([e for e in found if wanted is None or e.schedule_state.status == wanted])

    def sensors_or_error(
        self, repository_selector: Selector, sensor_status: str | None = None
    ) -> Sensors | problems.RepositoryNotFoundError | problems.PythonError:
        """Return the sensors of a location."""
        location = self._repository(repository_selector)
        if not isinstance(location, Location):
            return location
        try:
            found = sensors_of(self._reading, location)
        except JobnbError as error:
            return problems.python_error(error)
        return Sensors(
            [e for e in found if sensor_status is None or e.sensor_state.status == sensor_status]
        )

    def schedule_or_error(
        self, schedule_selector: Selector
    ) -> Schedule | problems.ScheduleNotFoundError | problems.PythonError:
        """Return a schedule."""
        name = schedule_selector["schedule_name"]
        try:
            found = find_instigator(self._reading, schedule_selector, "SCHEDULE", name)
        except JobnbError as error:
            return problems.python_error(error)
        if isinstance(found, str):
            return problems.ScheduleNotFoundError(found, name)
        return Schedule(found)

    def sensor_or_error(
        self, sensor_selector: Selector
    ) -> Sensor | problems.SensorNotFoundError | problems.PythonError:
        """Return a sensor."""
        name = sensor_selector["sensor_name"]
        try:
            found = find_instigator(self._reading, sensor_selector, "SENSOR", name)
        except JobnbError as error:
            return problems.python_error(error)
        return (
            problems.SensorNotFoundError(found, name) if isinstance(found, str) else Sensor(found)
        )

    def instigation_state_or_error(
        self, instigation_selector: Selector
    ) -> InstigationState | problems.InstigationStateNotFoundError | problems.PythonError:
        """Return the state of a schedule or sensor."""
        name = instigation_selector["name"]
        try:
            found = find_instigator(self._reading, instigation_selector, None, name)
        except JobnbError as error:
            return problems.python_error(error)
        if isinstance(found, str):
            return problems.InstigationStateNotFoundError(found, name)
        return InstigationState(found)

    def unloadable_instigation_states_or_error(
        self, instigation_type: str | None = None
    ) -> InstigationStates | problems.PythonError:
        """Return the states of those not defined any more."""
        known = unknown_states(self._reading)
        return InstigationStates(
            [
                InstigationState(each)
                for each in known
                if instigation_type in (None, each.instigator.kind)
            ]
        )

    def auto_materialize_asset_evaluations_or_error(
        self, asset_key: Selector, limit: int, cursor: str | None = None
    ) -> AutoMaterializeAssetEvaluationRecords:
        """Return what was decided about an asset that is materialized by itself."""
        return evaluations_of(self._reading, key_of(asset_key), limit, cursor)

    # --- resources

    def all_top_level_resource_details_or_error(
        self, repository_selector: Selector
    ) -> ResourceDetailsList | problems.RepositoryNotFoundError | problems.PythonError:
        """Return the resources of a location."""
        location = self._repository(repository_selector)
        if not isinstance(location, Location):
            return location
        try:
            return ResourceDetailsList(resources_of(self._reading, location))
        except JobnbError as error:
            return problems.python_error(error)

    def utilized_env_vars_or_error(
        self, repository_selector: Selector
    ) -> EnvVarWithConsumersList | problems.PythonError:
        """Return the environment variables that the resources of a location read."""
        location = self._repository(repository_selector)
        if not isinstance(location, Location):
            return problems.PythonError(location.message)
        try:
            return env_vars_of(self._reading, location)
        except JobnbError as error:
            return problems.python_error(error)

    def top_level_resource_details_or_error(
        self, resource_selector: Selector
    ) -> ResourceDetails | problems.ResourceNotFoundError | problems.PythonError:
        """Return a resource."""
        found = self.all_top_level_resource_details_or_error(resource_selector)
        if isinstance(found, problems.PythonError):
            return found
        name = resource_selector["resource_name"]
        known: dict[str, ResourceDetails] = {}
        if isinstance(found, ResourceDetailsList):
            known = {each.name: each for each in found.results}
        if name in known:
            return known[name]
        hint = did_you_mean(name, known, noun="There are")
        return problems.ResourceNotFoundError(
            f"There is no resource {name!r}. {hint}".rstrip(), name
        )


def _found_job(reading: RequestReader, selector: Selector) -> tuple[Location, Any]:
    """Return a job for a list; raise an error of the query if there is none."""
    try:
        return find_job(reading, selector)
    except JobNotFound as error:
        raise JobnbError(error.answer.message) from None
