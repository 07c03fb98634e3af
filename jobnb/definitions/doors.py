"""The doors that lead up: methods on the nouns whose work is done on a higher floor.

Users expect `job.execute_in_process()` on the job itself. Only here does a lower room import
a higher one, inside a function, so that no other file has to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.errors import InvalidDefinitionError

__all__ = [
    "asset_job_graph",
    "asset_statuses",
    "asset_survey",
    "asset_value_loader",
    "backfill_job",
    "backfill_known_job",
    "backfill_session",
    "build_plan",
    "config_schema_of",
    "default_io_manager",
    "execute_job",
    "execute_session_job",
    "instance",
    "invoke",
    "job_of_graph",
    "job_partition_table",
    "launch_job",
    "launch_known_job",
    "launch_session",
    "load_asset_value",
    "materialize_session",
    "observe_session",
    "open_launchpad",
    "open_session_launchpad",
    "partition_table",
    "peek_asset_value",
    "repository_of",
    "resource_defs_of",
    "resource_values",
    "resume_backfill",
    "run_table",
    "session_job",
]


def invoke(definition: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the function of an op, graph or asset directly, as a unit test does."""
    __tracebackhide__ = True
    from jobnb.execution.invoke import invoke as do

    return do(definition, args, kwargs)


def execute_job(job: Any, **parameters: Any) -> Any:
    """Run a job in this process; see `jobnb.execution.run_job.execute_in_process`."""
    __tracebackhide__ = True
    from jobnb.execution.run_job import execute_in_process as do

    return do(job, **parameters)


def execute_session_job(session: Any, job: Any, **parameters: Any) -> Any:
    """Run a job of a session; see `jobnb.execution.run_job.execute_session_job`."""
    __tracebackhide__ = True
    from jobnb.execution.run_job import execute_session_job as do

    return do(session, job, **parameters)


def launch_job(job: Any, **parameters: Any) -> Any:
    """Begin a run of a job in the background; see `jobnb.execution.launch.launch`."""
    __tracebackhide__ = True
    from jobnb.execution.launch import launch as do

    return do(job, **parameters)


def launch_known_job(name: str, **parameters: Any) -> Any:
    """Begin a run of the job of this name, over all that the session knows."""
    from jobnb.registry.session import current_session

    session = current_session()
    return launch_job(session.job(name), find_job=lambda: session.job(name), **parameters)


def launch_session(session: Any, target: Any, config: Any, **parameters: Any) -> Any:
    """Begin a run of a session in the background; see `jobnb.execution.launch`."""
    __tracebackhide__ = True
    from jobnb.execution.launch import launch_session as do

    return do(session, target, config, **parameters)


def backfill_job(job: Any, partitions: Any, **parameters: Any) -> Any:
    """Begin a backfill of a job; see `jobnb.automation.backfilling`."""
    __tracebackhide__ = True
    from jobnb.automation.backfilling import backfill_job as do

    return do(job, partitions, **parameters)


def backfill_known_job(name: str, partitions: Any, **parameters: Any) -> Any:
    """Begin a backfill of the job of this name, over all that the session knows."""
    __tracebackhide__ = True
    return backfill_job(session_job(name), partitions, **parameters)


def backfill_session(session: Any, selection: Any, partitions: Any, **parameters: Any) -> Any:
    """Begin a backfill of a session; see `jobnb.automation.backfilling`."""
    __tracebackhide__ = True
    from jobnb.automation.backfilling import backfill_session as do

    return do(session, selection, partitions, **parameters)


def resume_backfill(session: Any, backfill_id: str, **parameters: Any) -> Any:
    """Go on with a backfill of a session; see `jobnb.automation.backfilling`."""
    __tracebackhide__ = True
    from jobnb.automation.backfilling import resume_backfill as do

    return do(session, backfill_id, **parameters)


def open_launchpad(job: Any) -> Any:
    """The launchpad of a job; see `jobnb.display.widgets.opening.open_job`."""
    from jobnb.display.widgets.opening import open_job as do

    return do(job)


def open_session_launchpad(session: Any, target: Any) -> Any:
    """The launchpad of a session; see `jobnb.display.widgets.opening.open_session`."""
    from jobnb.display.widgets.opening import open_session as do

    return do(session, target)


def job_of_graph(graph: Any, **parameters: Any) -> Any:
    """The job that runs a graph; the parameters are those of `JobDefinition`."""
    from jobnb.definitions.jobs.job_definition import JobDefinition

    return JobDefinition(graph, **parameters)


def repository_of(definitions: Any) -> Any:
    """Definitions as a repository; see `jobnb.definitions.locations.repository`."""
    from jobnb.definitions.locations.repository import RepositoryDefinition

    return RepositoryDefinition.of_definitions(definitions)


def asset_job_graph(job: Any) -> Any:
    """The graph of an asset job; see `jobnb.plan.asset_job.graph_of_assets`."""
    from jobnb.plan.asset_job import graph_of_assets as do

    return do(job)


def config_schema_of(job: Any) -> Any:
    """What run config the job takes; see `jobnb.plan.run_config.config_schema_of`."""
    from jobnb.plan.run_config import config_schema_of as do

    return do(job)


def build_plan(job: Any, **parameters: Any) -> Any:
    """What a run of the job would do; see `jobnb.plan.build.build_plan`."""
    from jobnb.plan.build import build_plan as do

    return do(job, **parameters)


def resource_defs_of(resources: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Resource definitions by key, where plain objects stand for themselves."""
    from jobnb.definitions.resources.resource import resource_def_of

    return {key: resource_def_of(value) for key, value in (resources or {}).items()}


def instance(home: str | None = None) -> Any:
    """The instance of a home; that of this process if absent: `$JOBNB_HOME`, else `.jobnb` here."""
    from jobnb.storage.instance import Instance

    return Instance.from_home(home) if home else Instance.get()


def run_table(instance: Any) -> Any:
    """The history of an instance as a table; see `jobnb.storage.run_table.RunTable`."""
    from jobnb.storage.run_table import RunTable

    return RunTable(instance)


def partition_table(session: Any, target: Any) -> Any:
    """The partitions of an asset or a job; see `partition_table`, `job_partition_table`."""
    from jobnb.definitions.keys import AssetKey
    from jobnb.registry.selecting import partitioned_job
    from jobnb.storage.partition_table import PartitionTable

    job = partitioned_job(session, target)
    if job is not None:

        def run(**parameters: Any) -> Any:
            return session.backfill(target, **parameters)

        return job_partition_table(job, session.instance, run)
    asset_key = AssetKey.from_coercible(target)
    definition = session.asset(asset_key)
    if definition.partitions_def is None:
        raise InvalidDefinitionError(
            f"The asset {asset_key.to_user_string()!r} has no partitions. "
            "Give it some: @asset(partitions_def=DailyPartitionsDefinition(...))."
        )

    def backfill(**parameters: Any) -> Any:
        return session.backfill([asset_key], **parameters)

    return PartitionTable(asset_key, definition.partitions_def, session.instance, backfill)


def job_partition_table(job: Any, instance: Any, backfill: Any) -> Any:
    """The partitions of a job as a table; see `jobnb.storage.job_partition_table`."""
    from jobnb.storage.job_partition_table import JobPartitionTable

    if job.partitions_def is None:
        raise InvalidDefinitionError(
            f"The job {job.name!r} has no partitions. Give it a partitions_def or a "
            "PartitionedConfig."
        )

    return JobPartitionTable(job.name, job.partitions_def, instance, backfill)


def default_io_manager() -> Any:
    """What stores values where nothing else is said: files in the instance's home."""
    from jobnb.storage.values import fs_io_manager

    return fs_io_manager


def load_asset_value(definitions: Any, asset_key: Any, **parameters: Any) -> Any:
    """The stored value of an asset; see `jobnb.execution.values.load_asset_value`."""
    from jobnb.execution.values import load_asset_value as do

    return do(definitions, asset_key, **parameters)


def peek_asset_value(definitions: Any, asset_key: Any, **parameters: Any) -> Any:
    """The beginning of a stored value; see `jobnb.execution.values.peek_asset_value`."""
    from jobnb.execution.values import peek_asset_value as do

    return do(definitions, asset_key, **parameters)


def materialize_session(session: Any, selection: Any, **parameters: Any) -> Any:
    """Make the selected assets of a session; see `jobnb.execution.materialize`."""
    __tracebackhide__ = True
    from jobnb.execution.materialize import materialize_session as do

    return do(session, selection, **parameters)


def observe_session(session: Any, selection: Any, **parameters: Any) -> Any:
    """Look at the selected source assets of a session; see `jobnb.execution.observe`."""
    __tracebackhide__ = True
    from jobnb.execution.observe import observe_session as do

    return do(session, selection, **parameters)


def asset_statuses(session: Any, keys: Any, partition: str | None = None) -> Any:
    """How assets of a session stand; see `jobnb.staleness.statuses.session_statuses`."""
    from jobnb.staleness.statuses import session_statuses as do

    return do(session, keys, partition)


def asset_survey(session: Any, keys: Any) -> Any:
    """How whole assets of a session stand; see `jobnb.staleness.survey.session_survey`."""
    from jobnb.staleness.survey import session_survey as do

    return do(session, keys)


def asset_value_loader(definitions: Any, instance: Any) -> Any:
    """An object that loads several asset values; see `jobnb.execution.values.AssetValueLoader`."""
    from jobnb.execution.values import AssetValueLoader

    return AssetValueLoader.of(definitions, instance)


def resource_values(resources: Mapping[str, Any], instance: Any) -> Mapping[str, Any]:
    """Resources set up outside of a run; see `jobnb.execution.resources.resource_values`."""
    from jobnb.execution.resources import resource_values as do

    return do(resources, instance)


def session_job(name: str) -> Any:
    """The job of this name, over all that the session knows."""
    from jobnb.registry.session import current_session

    return current_session().job(name)
