"""What can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobnb.definitions.partitions.partition_keys import PartitionKeyRange
from jobnb.errors import JobnbError, did_you_mean
from jobnb.server import problems
from jobnb.server.automaterialize import set_paused
from jobnb.server.backfills import (
    CancelBackfillSuccess,
    Launched,
    ResumeBackfillSuccess,
    cancel_backfill,
    launch_backfill,
    resume_backfill,
)
from jobnb.server.deployment import LogTelemetrySuccess
from jobnb.server.instigators import (
    InstigationState,
    KnownInstigator,
    ScheduleStateResult,
    Sensor,
    StopSensorMutationResult,
    find_instigator,
    set_status,
    with_id,
)
from jobnb.server.launching import (
    DeletePipelineRunSuccess,
    LaunchMultipleRunsResult,
    TerminateRunsResult,
    delete_run,
    launch_run,
    repeat_run,
    terminate_run,
)
from jobnb.server.metadata import AssetKey
from jobnb.server.moments import moment_of
from jobnb.server.nodes import Node
from jobnb.server.repositories import Workspace, WorkspaceLocationEntry
from jobnb.server.runs import key_of
from jobnb.server.ticks import DryRunInstigationTick
from jobnb.server.workspace import RequestReader
from jobnb.storage.ticks import InstigatorStatus

if TYPE_CHECKING:
    from graphql import GraphQLResolveInfo

Given = Mapping[str, Any]


@dataclass(frozen=True)
class ShutdownRepositoryLocationSuccess(Node):
    """A location of which nothing is loaded any more."""

    repository_location_name: str


@dataclass(frozen=True)
class AssetWipeSuccess(Node):
    """The assets of which nothing is known any more."""

    asset_keys: Sequence[AssetKey]


@dataclass(frozen=True)
class AddDynamicPartitionSuccess(Node):
    """A partition that was added."""

    partitions_def_name: str
    partition_key: str


class Mutation(Node):
    """What can be done.

    Args:
        reading: What the request reads.
    """

    def __init__(self, reading: RequestReader) -> None:
        self._reading = reading
        self.served = reading.served

    # --- runs

    def launch_run(self, info: GraphQLResolveInfo[Any], execution_params: Given) -> Node:
        """Launch a run."""
        return launch_run(self._reading, execution_params, info)

    launch_pipeline_execution = launch_run

    def launch_multiple_runs(
        self, info: GraphQLResolveInfo[Any], execution_params_list: Sequence[Given]
    ) -> LaunchMultipleRunsResult:
        """Launch several runs."""
        return LaunchMultipleRunsResult(
            [launch_run(self._reading, each, info) for each in execution_params_list]
        )

    def launch_run_reexecution(
        self,
        info: GraphQLResolveInfo[Any],
        execution_params: Given | None = None,
        reexecution_params: Given | None = None,
    ) -> Node:
        """Repeat a run."""
        return repeat_run(self._reading, execution_params, reexecution_params, info)

    launch_pipeline_reexecution = launch_run_reexecution

    def terminate_run(self, run_id: str, terminate_policy: str | None = None) -> Node:
        """Cancel a run."""
        return terminate_run(self._reading, run_id, terminate_policy)

    terminate_pipeline_execution = terminate_run

    def terminate_runs(
        self, run_ids: Sequence[str], terminate_policy: str | None = None
    ) -> TerminateRunsResult:
        """Cancel runs."""
        return TerminateRunsResult(
            [terminate_run(self._reading, run_id, terminate_policy) for run_id in run_ids]
        )

    def set_concurrency_limit(self, concurrency_key: str, limit: int) -> bool:
        """Set how many steps of a pool run at once.

        Raises:
            InvalidInvocationError: If it cannot be so many.
        """
        self._reading.instance.pools.set_concurrency_limit(concurrency_key, limit)
        return True

    def free_concurrency_slots_for_run(self, run_id: str) -> bool:
        """Give back the places that a run has in pools."""
        self._reading.instance.pools.free_concurrency_slots_for_run(run_id)
        return True

    def delete_run(
        self, run_id: str
    ) -> DeletePipelineRunSuccess | problems.RunNotFoundError | problems.PythonError:
        """Delete a run from the history."""
        return delete_run(self._reading, run_id)

    delete_pipeline_run = delete_run

    # --- backfills

    def launch_partition_backfill(self, backfill_params: Given) -> Launched:
        """Launch a backfill."""
        return launch_backfill(self._reading, backfill_params)

    def resume_partition_backfill(
        self, backfill_id: str
    ) -> ResumeBackfillSuccess | problems.PythonError:
        """Resume a backfill."""
        return resume_backfill(self._reading, backfill_id)

    def cancel_partition_backfill(
        self, backfill_id: str
    ) -> CancelBackfillSuccess | problems.PythonError:
        """Cancel a backfill."""
        return cancel_backfill(self._reading, backfill_id)

    # --- schedules and sensors

    def _found(self, selector: Given, kind: str, name: str) -> KnownInstigator | str:
        return find_instigator(self._reading, selector, kind, name)

    def start_schedule(
        self, schedule_selector: Given
    ) -> ScheduleStateResult | problems.PythonError:
        """Start a schedule."""
        name = schedule_selector["schedule_name"]
        try:
            found = self._found(schedule_selector, "SCHEDULE", name)
            if isinstance(found, str):
                return problems.PythonError(found)
            known = set_status(found, InstigatorStatus.RUNNING)
        except JobnbError as error:
            return problems.python_error(error)
        return ScheduleStateResult(InstigationState(known))

    def stop_running_schedule(
        self,
        id: str | None = None,
        schedule_origin_id: str | None = None,
        schedule_selector_id: str | None = None,
    ) -> ScheduleStateResult | problems.PythonError:
        """Stop a schedule."""
        known = self._stopped(id or schedule_origin_id or schedule_selector_id, "schedule")
        if isinstance(known, problems.PythonError):
            return known
        return ScheduleStateResult(InstigationState(known))

    def _stopped(self, wanted: str | None, noun: str) -> KnownInstigator | problems.PythonError:
        try:
            found = with_id(self._reading, wanted) if wanted else None
            if found is None or found.instigator.kind != noun.upper():
                return problems.PythonError(
                    f"There is no {noun} with the id {wanted!r}. Its state tells it: "
                    f"{noun}OrError {{ ... on {noun.title()} {{ {noun}State {{ id }} }} }}."
                )
            return set_status(found, InstigatorStatus.STOPPED)
        except JobnbError as error:
            return problems.python_error(error)

    def start_sensor(
        self, sensor_selector: Given
    ) -> Sensor | problems.SensorNotFoundError | problems.PythonError:
        """Start a sensor."""
        found = self._sensor(sensor_selector)
        if not isinstance(found, KnownInstigator):
            return found
        try:
            return Sensor(set_status(found, InstigatorStatus.RUNNING))
        except JobnbError as error:
            return problems.python_error(error)

    def _sensor(
        self, selector: Given
    ) -> KnownInstigator | problems.SensorNotFoundError | problems.PythonError:
        name = selector["sensor_name"]
        try:
            found = self._found(selector, "SENSOR", name)
        except JobnbError as error:
            return problems.python_error(error)
        return problems.SensorNotFoundError(found, name) if isinstance(found, str) else found

    def stop_sensor(
        self,
        id: str | None = None,
        job_origin_id: str | None = None,
        job_selector_id: str | None = None,
    ) -> StopSensorMutationResult | problems.PythonError:
        """Stop a sensor."""
        known = self._stopped(id or job_origin_id or job_selector_id, "sensor")
        if isinstance(known, problems.PythonError):
            return known
        return StopSensorMutationResult(InstigationState(known))

    def set_sensor_cursor(
        self, sensor_selector: Given, cursor: str | None = None
    ) -> Sensor | problems.SensorNotFoundError | problems.PythonError:
        """Set the cursor of a sensor."""
        found = self._sensor(sensor_selector)
        if not isinstance(found, KnownInstigator):
            return found
        try:
            self._reading.instance.ticks.set_cursor(found.instigator, cursor)
        except JobnbError as error:
            return problems.python_error(error)
        again = self._sensor(sensor_selector)
        return Sensor(again) if isinstance(again, KnownInstigator) else again

    def sensor_dry_run(
        self, selector_data: Given, cursor: str | None = None
    ) -> DryRunInstigationTick | problems.SensorNotFoundError | problems.PythonError:
        """Evaluate a sensor without launching anything."""
        found = self._sensor(selector_data)
        if not isinstance(found, KnownInstigator):
            return found
        evaluation = found.evaluated(cursor=cursor)
        return DryRunInstigationTick(None, lambda: evaluation)

    def schedule_dry_run(
        self, selector_data: Given, timestamp: float | None = None
    ) -> DryRunInstigationTick | problems.ScheduleNotFoundError | problems.PythonError:
        """Evaluate a schedule without launching anything."""
        name = selector_data["schedule_name"]
        try:
            found = self._found(selector_data, "SCHEDULE", name)
            moment = None if timestamp is None else moment_of(timestamp, "timestamp")
        except JobnbError as error:
            return problems.python_error(error)
        if isinstance(found, str):
            return problems.ScheduleNotFoundError(found, name)
        evaluation = found.evaluated(moment)
        return DryRunInstigationTick(timestamp, lambda: evaluation)

    def set_auto_materialize_paused(self, paused: bool) -> bool:
        """Stop or start all sensors of conditions; whether it is paused now."""
        return set_paused(self._reading, paused)

    # --- what Dagster's own page tells

    def log_telemetry(
        self, action: str, client_id: str, client_time: str, metadata: str
    ) -> LogTelemetrySuccess:
        """Take note of nothing: jobnb has no telemetry."""
        return LogTelemetrySuccess(action)

    set_nux_seen = True

    # --- locations

    def reload_repository_location(
        self, repository_location_name: str
    ) -> WorkspaceLocationEntry | problems.RepositoryLocationNotFound:
        """Load a location again."""
        location = self._reading.served.location(repository_location_name)
        if location is None:
            return self._no_location(repository_location_name)
        try:
            self._reading.served.reload(location)
        except JobnbError as error:
            self._reading.note_failure(location, error)
        return WorkspaceLocationEntry(self._reading, location)

    def _no_location(self, name: str) -> problems.RepositoryLocationNotFound:
        known = [each.name for each in self._reading.served.locations]
        hint = did_you_mean(name, known, noun="There are")
        return problems.RepositoryLocationNotFound(
            f"There is no location {name!r}. {hint}".rstrip()
        )

    @property
    def reload_workspace(self) -> Workspace:
        """Load all of them again."""
        for location in self._reading.served.locations:
            try:
                self._reading.served.reload(location)
            except JobnbError as error:
                self._reading.note_failure(location, error)
        return Workspace(self._reading)

    def shutdown_repository_location(
        self, repository_location_name: str
    ) -> ShutdownRepositoryLocationSuccess | problems.RepositoryLocationNotFound:
        """Unload a location."""
        location = self._reading.served.location(repository_location_name)
        if location is None:
            return self._no_location(repository_location_name)
        location.forget()
        self._reading.served.tell("LOCATION_DISCONNECTED", f"{location.name} was shut down.",
                                  location)  # fmt: skip
        return ShutdownRepositoryLocationSuccess(location.name)

    # --- assets

    def wipe_assets(
        self,
        asset_keys: Sequence[Given] | None = None,
        asset_partition_ranges: Sequence[Given] | None = None,
    ) -> AssetWipeSuccess | problems.AssetNotFoundError | problems.PythonError:
        """Delete the records of assets."""
        ranges = asset_partition_ranges or ()
        whole = [key_of(each) for each in asset_keys or ()]
        whole += [key_of(each["asset_key"]) for each in ranges if not each.get("partitions")]
        parts = {key_of(each["asset_key"]): each["partitions"]["range"] for each in ranges
                 if each.get("partitions")}  # fmt: skip
        instance = self._reading.instance
        for key in (*whole, *parts):
            if not instance.has_asset_key(key):
                return problems.AssetNotFoundError(
                    f"Nothing is known of an asset {key.to_user_string()!r}."
                )
        try:
            instance.wipe_assets(whole)
            for key, range_ in parts.items():
                instance.wipe_asset_partitions(key, self._keys_in(key, range_))
        except JobnbError as error:
            return problems.python_error(error)
        return AssetWipeSuccess([AssetKey.of(key) for key in (*whole, *parts)])

    def _keys_in(self, key: Any, range_: Given) -> Sequence[str]:
        location = self._reading.assets_defined.get(key)
        definitions = None if location is None else self._reading.definitions(location)
        known: Any = None if definitions is None else definitions.get_assets_def(key)
        own = getattr(known, "partitions_def", None)
        if own is None:
            raise JobnbError(f"The asset {key.to_user_string()!r} has no partitions.")
        wanted = PartitionKeyRange(range_["start"], range_["end"])
        found: Sequence[str] = own.get_partition_keys_in_range(
            wanted, dynamic_partitions_store=self._reading.instance
        )
        return found

    def add_dynamic_partition(
        self, partition_key: str, partitions_def_name: str, repository_selector: Given
    ) -> (
        AddDynamicPartitionSuccess | problems.DuplicateDynamicPartitionError | problems.PythonError
    ):
        """Add a partition to those that are made as the work goes."""
        instance = self._reading.instance
        try:
            if instance.has_dynamic_partition(partitions_def_name, partition_key):
                return problems.DuplicateDynamicPartitionError(
                    f"{partitions_def_name!r} has a partition {partition_key!r} already.",
                    partitions_def_name,
                    partition_key,
                )
            instance.add_dynamic_partitions(partitions_def_name, [partition_key])
        except JobnbError as error:
            return problems.python_error(error)
        return AddDynamicPartitionSuccess(partitions_def_name, partition_key)
