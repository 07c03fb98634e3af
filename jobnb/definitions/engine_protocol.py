"""The protocol by which definitions and sessions reach the rooms above them.

Users expect `job.execute_in_process()` on the job itself, but a definition never imports what
runs it. It calls the engine through this protocol; `jobnb/__init__.py` registers the
implementation (`jobnb.engine`), which is imported at its first use.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, Unpack

if TYPE_CHECKING:
    from jobnb.automation.automation import Automation
    from jobnb.automation.backfill import Backfill
    from jobnb.automation.schedule_context import ScheduleEvaluationContext
    from jobnb.automation.sensor_context import SensorEvaluationContext
    from jobnb.definitions.assets.asset_job import AssetJobDefinition
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.automation.execution_data import (
        ScheduleExecutionData,
        SensorExecutionData,
    )
    from jobnb.definitions.automation.schedule import ScheduleDefinition
    from jobnb.definitions.automation.sensor import SensorDefinition
    from jobnb.definitions.checks.asset_check import AssetCheckKey
    from jobnb.definitions.jobs.executor import ExecutorDefinition
    from jobnb.definitions.jobs.job_definition import JobDefinition
    from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
    from jobnb.definitions.locations.definitions import Definitions
    from jobnb.definitions.locations.repository import RepositoryDefinition
    from jobnb.definitions.ops.graph_definition import GraphDefinition
    from jobnb.definitions.resources.io import IOManagerDefinition
    from jobnb.definitions.selections.selection import AssetSelection, StatusOf
    from jobnb.display.guide import Guide
    from jobnb.display.widgets.launchpad import Launchpad
    from jobnb.execution.background import Run
    from jobnb.execution.debugging import OpenedStep
    from jobnb.execution.reactive import Reactive
    from jobnb.execution.result import ExecuteInProcessResult
    from jobnb.execution.run import RunScope
    from jobnb.execution.values import AssetValueLoader
    from jobnb.plan.graphs import AssetGraph
    from jobnb.plan.partitions import PartitionsAsked
    from jobnb.registry.session import Session
    from jobnb.server.running import Server
    from jobnb.staleness.causes import AssetStatus, AssetStatuses
    from jobnb.staleness.differences import DefinitionsDiff
    from jobnb.staleness.renames import AssetRenamed, PossibleRename
    from jobnb.storage.instance import Instance
    from jobnb.storage.partition_tables import JobPartitionTable, PartitionTable
    from jobnb.storage.run import JobRun
    from jobnb.storage.run_table import RunTable


class RunOptions(TypedDict, total=False):
    """The options of a run, by the names of `RunSpec`."""

    config: Any
    partition: PartitionsAsked | None
    instance: Instance | None
    resources: Mapping[str, Any] | None
    tags: Mapping[str, str] | None
    run_id: str | None
    input_values: Mapping[str, Any] | None
    op_selection: Sequence[str] | None
    asset_selection: Sequence[Any] | None
    asset_check_selection: Sequence[Any] | None
    stale_only: bool
    keep_outputs: bool
    executor: str | ExecutorDefinition | None
    detach: bool


class BackfillOptions(TypedDict, total=False):
    """The options of a backfill."""

    only_missing: bool
    only_failed: bool
    stale_only: bool
    tags: Mapping[str, str] | None
    max_parallel: int
    config: Any
    instance: Instance | None
    resources: Mapping[str, Any] | None
    detach: bool


class Engine(Protocol):
    """The operations that definitions and sessions delegate."""

    # --- running ------------------------------------------------------------

    def invoke(self, definition: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function of an op, graph or asset directly, as a unit test does."""

    def execute_in_process(
        self, job: JobDefinition, *, raise_on_error: bool, **asked: Unpack[RunOptions]
    ) -> ExecuteInProcessResult:
        """Run a job in this process and wait for its end."""

    def execute_session_job(
        self,
        session: Session,
        job: str | JobDefinition | AssetJobDefinition,
        *,
        raise_on_error: bool,
        **asked: Unpack[RunOptions],
    ) -> ExecuteInProcessResult:
        """Run a job of a session, by name or as such, and wait for its end."""

    def launch_job(self, job: JobDefinition, **asked: Unpack[RunOptions]) -> Run:
        """Launch a run of a job in the background."""

    def launch(self, session: Session, target: Any, **asked: Unpack[RunOptions]) -> Run:
        """Launch a run of a job of a session, or of the assets that a selection names."""

    def rerun(
        self,
        session: Session,
        run_id: Any,
        *,
        from_failure: bool,
        steps: Sequence[str] | None,
        instance: Instance | None,
    ) -> Run:
        """Launch a run of the history again, with the job as the session knows it now."""

    def look_up(self, session: Session, run_id: Any, instance: Instance | None) -> Run:
        """Return a run of the history, whatever process does it."""

    def materialize(
        self, session: Session, selection: Any, *, raise_on_error: bool, **asked: Unpack[RunOptions]
    ) -> ExecuteInProcessResult:
        """Materialize the selected assets of a session and wait for it."""

    def observe(
        self, session: Session, selection: Any, *, raise_on_error: bool, **asked: Unpack[RunOptions]
    ) -> ExecuteInProcessResult:
        """Observe the selected source assets of a session and wait for it."""

    def launch_recorded(self, instance: Instance, run_id: str, workspace: Any) -> JobRun:
        """Launch a run that is in the history and has not begun, in the background."""

    def resume_recorded(self, instance: Instance, run_id: str, workspace: Any) -> JobRun:
        """Launch what a run of the history has not done, in the background."""

    def backfill_job(
        self,
        job: JobDefinition,
        partitions: PartitionsAsked | None,
        **asked: Unpack[BackfillOptions],
    ) -> Backfill:
        """Launch a backfill of a job."""

    def backfill(
        self,
        session: Session,
        target: Any,
        partitions: PartitionsAsked | None,
        **asked: Unpack[BackfillOptions],
    ) -> Backfill:
        """Launch a backfill of a job of a session, or of the assets that a selection names."""

    def resume_backfill(
        self,
        session: Session,
        backfill_id: str,
        *,
        max_parallel: int,
        instance: Instance | None,
        resources: Mapping[str, Any] | None,
        detach: bool,
    ) -> Backfill:
        """Resume a backfill that was canceled, interrupted, or failed in part."""

    def find_backfill(
        self, session: Session, backfill_id: str, instance: Instance | None
    ) -> Backfill:
        """Return a backfill of the history, whatever process does it."""

    def open_launchpad(self, job: JobDefinition | AssetJobDefinition) -> Launchpad:
        """Open the launchpad of a job."""

    def open_session_launchpad(self, session: Session, target: Any) -> Launchpad:
        """Open the launchpad of a job of a session, or of the assets that a selection names."""

    def evaluate_schedule(
        self, schedule: ScheduleDefinition, context: ScheduleEvaluationContext
    ) -> ScheduleExecutionData:
        """Evaluate a schedule without launching anything."""

    def evaluate_sensor(
        self, sensor: SensorDefinition, context: SensorEvaluationContext
    ) -> SensorExecutionData:
        """Evaluate a sensor without launching anything."""

    def automation(self, session: Session) -> Automation:
        """Return the evaluator of a session's schedules and sensors."""

    def serve(self, session: Session, *, host: str, port: int | None, token: str | None) -> Server:
        """Answer GraphQL clients for a session, in the background."""

    # --- resolving ----------------------------------------------------------

    def job_of_graph(self, graph: GraphDefinition, **parameters: Any) -> JobDefinition:
        """Create a job from a graph; the parameters are those of `JobDefinition`."""

    def repository_of(self, definitions: Definitions) -> RepositoryDefinition:
        """Return definitions as a repository."""

    def asset_graph_of(self, definitions: Definitions) -> AssetGraph:
        """Return the assets of definitions with their upstream assets."""

    def session_job(self, name: str) -> JobDefinition:
        """Resolve the job of this name over all that the session knows."""

    def current_session(self) -> Session:
        """Return the session that collects definitions at present."""

    def session_with(self, definition: AssetsDefinition) -> Session:
        """Return the current session if it has this very definition, else a copy that does."""

    def resolve_assets(
        self,
        selection: AssetSelection,
        assets: Iterable[Any],
        *,
        allow_missing: bool,
        status_of: StatusOf | None,
    ) -> set[AssetKey]:
        """Resolve the keys of the assets that a selection names."""

    def resolve_checks(
        self,
        selection: AssetSelection,
        assets: Iterable[Any],
        *,
        allow_missing: bool,
        status_of: StatusOf | None,
    ) -> set[AssetCheckKey]:
        """Resolve the keys of the checks that a selection names."""

    def resolve_selection(
        self, definitions: Definitions, selection: Any, status_of: StatusOf | None
    ) -> tuple[set[AssetKey], set[AssetCheckKey]]:
        """Resolve the keys of the assets and checks of definitions that a selection names."""

    def asset_job_graph(self, job: JobDefinition) -> GraphDefinition:
        """Resolve the graph of an asset job: its assets as nodes."""

    def selected_graph(self, job: JobDefinition) -> GraphDefinition:
        """Resolve the selection of ops of a job: its graph with those alone."""

    def check_own_config(self, job: JobDefinition) -> None:
        """Check the config that a job has of its own, as far as it is about ops."""

    def config_schema_of(self, job: JobDefinition) -> Any:
        """Return the model of a job's run config."""

    def resource_keys_of(self, job: JobDefinition) -> frozenset[str]:
        """Return the keys of the resources that the steps of a job need."""

    # --- the history and the values -------------------------------------------

    def instance(self, home: str | None = None) -> Instance:
        """Open the instance of a home; that of this process if None."""

    def default_io_manager(self) -> IOManagerDefinition:
        """Return the default IO manager: files in the instance's home."""

    def resource_values(
        self, resources: Mapping[str, Any], instance: Instance | None
    ) -> Mapping[str, Any]:
        """Set up resources outside of a run, for a unit test."""

    def load_asset_value(
        self, definitions: Definitions, asset_key: CoercibleToAssetKey, **parameters: Any
    ) -> Any:
        """Load the stored value of an asset."""

    def session_value(
        self,
        session: Session,
        asset_key: CoercibleToAssetKey,
        partition: PartitionsAsked | None,
        first_rows: int | None = None,
    ) -> Any:
        """Load a stored value, or its first rows, even if no definition has its key."""

    def asset_value_loader(
        self, definitions: Definitions, instance: Instance | None
    ) -> AssetValueLoader:
        """Return an object that loads several asset values."""

    def asset_status(self, session: Session, key: AssetKey, partition: str | None) -> AssetStatus:
        """Return the status of an asset of a session, as a whole or of one partition."""

    def asset_statuses(self, session: Session, keys: Collection[AssetKey] | None) -> AssetStatuses:
        """Return the status of assets of a session, with all of their partitions."""

    def session_diff(self, session: Session, run: Any) -> DefinitionsDiff:
        """Return what has changed in a session since a run."""

    def guide(self) -> Guide:
        """Return the notebooks that explain jobnb, and the calls to begin with."""

    def react(self, session: Session) -> Reactive:
        """Return what reacts to the cells of a session; see `Session.reactive`."""

    def rename_asset(
        self, session: Session, old: AssetKey, new: AssetKey, instance: Instance | None
    ) -> AssetRenamed:
        """Rename an asset in the history of a session; see `Session.rename`."""

    def possible_renames(self, session: Session) -> list[PossibleRename]:
        """Return the assets of a session that are new by name alone."""

    def open_step(self, session: Session, run: Any, step: str | None) -> OpenedStep:
        """Open a step of an earlier run; see `Session.debug`."""

    def run_table(self, session: Session) -> RunTable:
        """Return the history of a session as a table."""

    def partition_table(self, session: Session, target: Any) -> PartitionTable | JobPartitionTable:
        """Return the partitions of an asset or a job as a table."""

    def progress_of_run(self, run: RunScope) -> AbstractContextManager[None]:
        """Return a context that shows the progress of a run on stderr, for a script that waits."""

    def progress_of_backfill(self, backfill: Backfill) -> AbstractContextManager[None]:
        """Return a context that does the same for a backfill."""


_load: Callable[[], Engine] | None = None
_engine: Engine | None = None


def plug_in(load: Callable[[], Engine]) -> None:
    """Register the function that loads the engine at its first use."""
    global _load, _engine
    _load, _engine = load, None


def engine() -> Engine:
    """Return the engine, loading it at the first call."""
    global _engine  # noqa: PLW0603
    if _engine is None:
        assert _load is not None, "import jobnb first: the roof plugs the engine in"
        _engine = _load()
    return _engine
