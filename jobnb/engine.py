"""The engine: connects definitions and sessions to the rooms that plan, run and store.

`jobnb` registers it with `jobnb.definitions.engine_protocol`; it is imported at its first use, and
each room when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Unpack

from jobnb.definitions.engine_protocol import BackfillOptions, RunOptions
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.resources.io import IOManagerDefinition
from jobnb.errors import InvalidDefinitionError, RunNotFoundError
from jobnb.execution.result import ExecuteInProcessResult
from jobnb.execution.runner import execute
from jobnb.execution.spec import ASSET_JOB, RunSpec
from jobnb.plan.build import build_plan
from jobnb.storage.instance import Instance
from jobnb.storage.values import fs_io_manager

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
    from jobnb.definitions.locations.definitions import Definitions
    from jobnb.definitions.locations.repository import RepositoryDefinition
    from jobnb.definitions.selections.selection import AssetSelection, StatusOf
    from jobnb.display.guide import Guide
    from jobnb.display.widgets.launchpad import Launchpad
    from jobnb.execution.background import Run
    from jobnb.execution.debugging import OpenedStep
    from jobnb.execution.reactive import Reactive
    from jobnb.execution.run import RunScope
    from jobnb.execution.values import AssetValueLoader
    from jobnb.plan.asset_graph import AssetGraphDefinition
    from jobnb.plan.graphs import AssetGraph
    from jobnb.plan.partitions import PartitionsAsked
    from jobnb.registry.session import Session
    from jobnb.server.running import Server
    from jobnb.staleness.causes import AssetStatus, AssetStatuses
    from jobnb.staleness.differences import DefinitionsDiff
    from jobnb.staleness.renames import AssetRenamed, PossibleRename
    from jobnb.storage.partition_tables import JobPartitionTable, PartitionTable
    from jobnb.storage.run import JobRun
    from jobnb.storage.run_table import RunTable


class JobnbEngine:
    """Implements `jobnb.definitions.engine_protocol.Engine`, which says what each method does."""

    # --- running ------------------------------------------------------------

    def invoke(self, definition: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        __tracebackhide__ = True
        from jobnb.execution.invoke import invoke

        return invoke(definition, args, kwargs)

    def execute_in_process(
        self, job: JobDefinition, *, raise_on_error: bool, **asked: Unpack[RunOptions]
    ) -> ExecuteInProcessResult:
        __tracebackhide__ = True
        given = _with_instance(asked, Instance.ephemeral)
        spec = RunSpec(job=job, in_memory=True, in_process=True, **given)
        return execute(spec, raise_on_error=raise_on_error)

    def execute_session_job(
        self,
        session: Session,
        job: str | JobDefinition | AssetJobDefinition,
        *,
        raise_on_error: bool,
        **asked: Unpack[RunOptions],
    ) -> ExecuteInProcessResult:
        __tracebackhide__ = True
        name = job if isinstance(job, str) else job.name
        if not isinstance(job, JobDefinition) or name in session.catalogue.by_name("job"):
            job = session.job(name)
        spec = RunSpec(job=job, in_memory=True, **_of_session(session, asked))
        return execute(spec, raise_on_error=raise_on_error)

    def materialize(
        self, session: Session, selection: Any, *, raise_on_error: bool, **asked: Unpack[RunOptions]
    ) -> ExecuteInProcessResult:
        __tracebackhide__ = True
        from jobnb.registry.target_resolution import pinned

        job = session.snapshot().job_of_assets(ASSET_JOB, pinned(session, selection))
        spec = RunSpec(job=job, **_of_session(session, asked))
        return execute(spec, raise_on_error=raise_on_error)

    def observe(
        self, session: Session, selection: Any, *, raise_on_error: bool, **asked: Unpack[RunOptions]
    ) -> ExecuteInProcessResult:
        __tracebackhide__ = True
        from jobnb.execution.materialize import observation_job

        job = observation_job(session.snapshot(), selection)
        spec = RunSpec(job=job, keep_outputs=True, **_of_session(session, asked))
        return execute(spec, raise_on_error=raise_on_error)

    def launch_job(self, job: JobDefinition, **asked: Unpack[RunOptions]) -> Run:
        __tracebackhide__ = True
        from jobnb.execution.launch import launch_for
        from jobnb.registry.redefined import with_present_ops

        session = self.current_session()
        entry = session.catalogue.by_name("job").get(job.name)
        spec = RunSpec(job=job, **_of_session(session, asked))
        if entry is not None and entry.definition is job:
            # A repeated run resolves the job by its name in the session at that time.
            return launch_for(
                session, spec, lambda: with_present_ops(session, session.job(job.name))
            )
        return launch_for(session, spec)

    def launch(self, session: Session, target: Any, **asked: Unpack[RunOptions]) -> Run:
        __tracebackhide__ = True
        from jobnb.execution.launch import job_or_assets, launch_for
        from jobnb.registry.redefined import with_present_ops

        find_job = job_or_assets(session, target)
        spec = RunSpec(job=find_job(), **_of_session(session, asked))
        return launch_for(session, spec, lambda: with_present_ops(session, find_job()))

    def rerun(
        self,
        session: Session,
        run_id: Any,
        *,
        from_failure: bool,
        steps: Sequence[str] | None,
        instance: Instance | None,
    ) -> Run:
        __tracebackhide__ = True
        from jobnb.execution.launch import rerun

        found = _run_and_history(session, run_id, instance)
        return rerun(session, *found, from_failure=from_failure, steps=steps)

    def look_up(self, session: Session, run_id: Any, instance: Instance | None) -> Run:
        from jobnb.execution.run_lookup import look_up

        return look_up(session, *_run_and_history(session, run_id, instance))

    def launch_recorded(self, instance: Instance, run_id: str, workspace: Any) -> JobRun:
        from jobnb.execution.launch_recorded import launch_recorded

        return launch_recorded(self._session_of(workspace), instance, run_id)

    def resume_recorded(self, instance: Instance, run_id: str, workspace: Any) -> JobRun:
        from jobnb.execution.launch import rerun

        session = self._session_of(workspace)
        run = rerun(session, run_id, instance, from_failure=True, steps=None)
        return run.record

    def _session_of(self, workspace: Any) -> Session:
        from jobnb.registry.session import Session

        if workspace is None:
            return self.current_session()
        return workspace if isinstance(workspace, Session) else Session().add(workspace)

    def backfill_job(
        self,
        job: JobDefinition,
        partitions: PartitionsAsked | None,
        **asked: Unpack[BackfillOptions],
    ) -> Backfill:
        __tracebackhide__ = True
        from jobnb.automation.backfill_launch import backfill_job

        given = _with_instance(asked, lambda: self.current_session().instance)
        return backfill_job(job, partitions, **given)

    def backfill(
        self,
        session: Session,
        target: Any,
        partitions: PartitionsAsked | None,
        **asked: Unpack[BackfillOptions],
    ) -> Backfill:
        __tracebackhide__ = True
        from jobnb.automation.backfill_launch import backfill_session

        return backfill_session(session, target, partitions, **asked)

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
        __tracebackhide__ = True
        from jobnb.automation.backfill_launch import resume_backfill

        return resume_backfill(
            session,
            backfill_id,
            max_parallel=max_parallel,
            instance=instance,
            resources=resources,
            detach=detach,
        )

    def find_backfill(
        self, session: Session, backfill_id: str, instance: Instance | None
    ) -> Backfill:
        __tracebackhide__ = True
        from jobnb.automation.backfill_followed import find_backfill

        return find_backfill(instance or session.instance, backfill_id)

    def open_launchpad(self, job: JobDefinition | AssetJobDefinition) -> Launchpad:
        from jobnb.display.widgets.launchpad import open_job

        return open_job(job)

    def open_session_launchpad(self, session: Session, target: Any) -> Launchpad:
        from jobnb.display.widgets.launchpad import open_session

        return open_session(session, target)

    def evaluate_schedule(
        self, schedule: ScheduleDefinition, context: ScheduleEvaluationContext
    ) -> ScheduleExecutionData:
        from jobnb.automation.schedules import evaluate_schedule

        return evaluate_schedule(schedule, context)

    def evaluate_sensor(
        self, sensor: SensorDefinition, context: SensorEvaluationContext
    ) -> SensorExecutionData:
        from jobnb.automation.sensors import evaluate_sensor

        return evaluate_sensor(sensor, context)

    def automation(self, session: Session) -> Automation:
        from jobnb.automation.automation import Automation

        return Automation(session)

    def serve(self, session: Session, *, host: str, port: int | None, token: str | None) -> Server:
        from jobnb.server import needed

        with needed():
            from jobnb.server.running import serve_session
        return serve_session(session, host=host, port=port, token=token)

    # --- resolving ----------------------------------------------------------

    def job_of_graph(self, graph: GraphDefinition, **parameters: Any) -> JobDefinition:
        made = JobDefinition(graph, **parameters)
        self.check_own_config(made)
        return made

    def repository_of(self, definitions: Definitions) -> RepositoryDefinition:
        from jobnb.definitions.locations.repository import RepositoryDefinition

        return RepositoryDefinition.of_definitions(definitions)

    def asset_graph_of(self, definitions: Definitions) -> AssetGraph:
        from jobnb.plan import graphs

        around = (definitions.assets, definitions.source_assets, definitions.asset_checks)
        return graphs.AssetGraph([each for several in around for each in several])

    def session_job(self, name: str) -> JobDefinition:
        return self.current_session().job(name)

    def current_session(self) -> Session:
        from jobnb.registry.session import current_session  # This import loads traitlets.

        return current_session()

    def session_with(self, definition: AssetsDefinition) -> Session:
        from jobnb.registry.session import Session

        session = self.current_session()
        if session.catalogue.holds(definition):
            return session
        return Session(session.home).add(session.snapshot(), definition)

    def resolve_assets(
        self,
        selection: AssetSelection,
        assets: Iterable[Any],
        *,
        allow_missing: bool,
        status_of: StatusOf | None,
    ) -> set[AssetKey]:
        from jobnb.plan.selection_resolution import resolve_assets

        return resolve_assets(selection, assets, allow_missing=allow_missing, status_of=status_of)

    def resolve_checks(
        self,
        selection: AssetSelection,
        assets: Iterable[Any],
        *,
        allow_missing: bool,
        status_of: StatusOf | None,
    ) -> set[AssetCheckKey]:
        from jobnb.plan.selection_resolution import resolve_checks

        return resolve_checks(selection, assets, allow_missing=allow_missing, status_of=status_of)

    def resolve_selection(
        self, definitions: Definitions, selection: Any, status_of: StatusOf | None
    ) -> tuple[set[AssetKey], set[AssetCheckKey]]:
        from jobnb.plan.selection_resolution import resolve_among

        return resolve_among(definitions, selection, status_of)

    def asset_job_graph(self, job: JobDefinition) -> AssetGraphDefinition:
        # Who puts assets together runs them, or looks how fresh they are: what both need of their
        # code is loaded here, not in the first run.
        import jobnb.execution.provenance  # noqa: F401
        from jobnb.plan.asset_job import graph_of_assets

        return graph_of_assets(job)

    def selected_graph(self, job: JobDefinition) -> GraphDefinition:
        from jobnb.plan.job_subset import selected_graph

        return selected_graph(job)

    def check_own_config(self, job: JobDefinition) -> None:
        if not (job.run_config or {}).get("ops"):
            return
        from jobnb.plan.run_config import check_own_config

        check_own_config(job)

    def config_schema_of(self, job: JobDefinition) -> Any:
        from jobnb.plan.run_config import config_schema_of

        return config_schema_of(job)

    def resource_keys_of(self, job: JobDefinition) -> frozenset[str]:
        return frozenset(build_plan(job, check_config=False).resource_keys)

    # --- the history and the values -------------------------------------------

    def instance(self, home: str | None = None) -> Instance:
        return Instance.from_home(home) if home else Instance.get()

    def default_io_manager(self) -> IOManagerDefinition:
        return fs_io_manager

    def resource_values(
        self, resources: Mapping[str, Any], instance: Instance | None
    ) -> Mapping[str, Any]:
        from jobnb.execution.resources import resource_values

        return resource_values(resources, instance)

    def load_asset_value(
        self, definitions: Definitions, asset_key: CoercibleToAssetKey, **parameters: Any
    ) -> Any:
        from jobnb.execution.values import load_asset_value

        return load_asset_value(definitions, asset_key, **parameters)

    def session_value(
        self,
        session: Session,
        asset_key: CoercibleToAssetKey,
        partition: PartitionsAsked | None,
        first_rows: int | None = None,
    ) -> Any:
        from jobnb.execution.values import load_known_or_stored

        key = AssetKey.from_coercible(asset_key)

        def load(loader: AssetValueLoader) -> Any:
            if first_rows is None:
                return loader.load_asset_value(key, partition_key=partition)
            single = partition if isinstance(partition, str) else None
            return loader.peek_asset_value(key, partition_key=single, rows=first_rows)

        return load_known_or_stored(session.snapshot(), key, session.instance, load)

    def asset_value_loader(
        self, definitions: Definitions, instance: Instance | None
    ) -> AssetValueLoader:
        from jobnb.execution.values import AssetValueLoader

        return AssetValueLoader.of(definitions, instance)

    def asset_status(self, session: Session, key: AssetKey, partition: str | None) -> AssetStatus:
        if partition is None:
            return self.asset_statuses(session, [key])[key]
        from jobnb.staleness.statuses import session_statuses

        return session_statuses(session, [key], partition)[key]

    def asset_statuses(self, session: Session, keys: Collection[AssetKey] | None) -> AssetStatuses:
        from jobnb.staleness.survey import session_survey

        return session_survey(session, keys)

    def session_diff(self, session: Session, run: Any) -> DefinitionsDiff:
        from jobnb.staleness.differences import compare_with_run

        asked = _last_run(session) if run is None else run
        return compare_with_run(session, *_run_and_history(session, asked))

    def guide(self) -> Guide:
        from jobnb.display.guide import Guide

        return Guide()

    def react(self, session: Session) -> Reactive:
        if session._reactive is None:
            from jobnb.execution.reactive import Reactive

            session._reactive = Reactive(session)
        return session._reactive

    def rename_asset(
        self, session: Session, old: AssetKey, new: AssetKey, instance: Instance | None
    ) -> AssetRenamed:
        from jobnb.staleness.renames import rename_asset

        defined = session.snapshot().assets_by_key
        return rename_asset(instance or session.instance, old, new, defined)

    def possible_renames(self, session: Session) -> list[PossibleRename]:
        from jobnb.staleness.renames import session_renames

        return session_renames(session)

    def open_step(self, session: Session, run: Any, step: str | None) -> OpenedStep:
        from jobnb.execution.debugging import open_step

        asked = _last_failed(session) if run is None else run
        run_id, instance = _run_and_history(session, asked)
        return open_step(session, run_id, step, instance)

    def run_table(self, session: Session) -> RunTable:
        from jobnb.storage.run_table import RunTable

        return RunTable(session.instance, look_up=session.run)

    def partition_table(self, session: Session, target: Any) -> PartitionTable | JobPartitionTable:
        from jobnb.registry.target_resolution import partitioned_job
        from jobnb.storage.partition_tables import JobPartitionTable, PartitionTable

        def backfill(**parameters: Any) -> Backfill:
            return session.backfill(target if job is not None else [asset_key], **parameters)

        job = partitioned_job(session, target)
        if job is not None:
            return JobPartitionTable.of_job(job, session.instance, backfill)
        asset_key = AssetKey.from_coercible(target)
        definition = session.asset(asset_key)
        if definition.partitions_def is None:
            raise InvalidDefinitionError(
                f"The asset {asset_key.to_user_string()!r} has no partitions. "
                "Give it some: @asset(partitions_def=DailyPartitionsDefinition(...))."
            )
        return PartitionTable(asset_key, definition.partitions_def, session.instance, backfill)

    def progress_of_run(self, run: RunScope) -> AbstractContextManager[None]:
        from jobnb.display.progress import script_watch

        return script_watch(run)

    def progress_of_backfill(self, backfill: Backfill) -> AbstractContextManager[None]:
        from jobnb.display.progress import script_watch

        return script_watch.of_backfill(backfill)


def _with_instance(
    asked: RunOptions | BackfillOptions, default: Callable[[], Instance]
) -> dict[str, Any]:
    return {**asked, "instance": asked.get("instance") or default()}


def _of_session(session: Session, asked: RunOptions) -> dict[str, Any]:
    """Return the options of a run, with the session's instance if no other is given."""
    given = _with_instance(asked, lambda: session.instance)
    if given.get("stale_only"):
        given["place_of"] = session.catalogue.place_of
    return given


def _last_run(session: Session) -> str:
    """Return the id of the latest run of a session's history.

    Raises:
        RunNotFoundError: If there is none yet.
    """
    for record in session.instance.get_runs(limit=1):
        return record.run_id
    raise RunNotFoundError(
        "There is no run to compare with yet: this history is empty. Materialize something first, "
        "or give a run of another history."
    )


def _last_failed(session: Session) -> str:
    """Return the id of the latest run of a session's history that failed.

    Raises:
        RunNotFoundError: If there is none.
    """
    from jobnb.state import RunStatus
    from jobnb.storage.run import RunsFilter

    for run_id in session.instance.get_run_ids(RunsFilter(statuses=[RunStatus.FAILURE]), limit=1):
        return str(run_id)
    raise RunNotFoundError(
        "No run in the history has failed. Runs of execute_in_process() are in memory only: "
        "session.execute_job(...) and session.launch(...) store theirs. Any stored run can be "
        "named: session.debug(RUN, STEP), or %jobnb debug RUN STEP."
    )


def _run_and_history(
    session: Session, run: Any, instance: Instance | None = None
) -> tuple[str, Instance]:
    """Return the id of a run, and the history it is in.

    Args:
        session: Whose history it is in, if the run does not know another one.
        run: Its id or how that begins, the run itself, its record or its result.
        instance: The history, if it is known.
    """
    from jobnb.execution.background import Run
    from jobnb.execution.run_lookup import full_id
    from jobnb.execution.task import find

    run_id = str(getattr(run, "run_id", run))
    known = find(Run, run_id)
    instance = instance or getattr(known or run, "instance", None) or session.instance
    return full_id(instance, run_id), instance
