"""What a user holds, as a type checker sees it; `test_types` runs mypy over this file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_type

from jobnb import (
    AssetKey,
    Backfill,
    Definitions,
    ExecuteInProcessResult,
    Instance,
    JobDefinition,
    JobPartitionTable,
    JobRun,
    PartitionTable,
    Run,
    RunTable,
    Session,
    asset,
    job,
    materialize,
    op,
)
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.display.widgets.launchpad import Launchpad
from jobnb.execution.execute_job import JobExecutionResult, execute_job
from jobnb.execution.values import AssetValueLoader
from jobnb.staleness.causes import AssetStatus, AssetStatuses
from jobnb.state import RunState


@asset
def orders() -> int:
    return 1


@op
def five() -> int:
    return 5


@job
def numbers() -> None:
    five()


def of_a_session(session: Session) -> None:
    assert_type(session.materialize(), ExecuteInProcessResult)
    assert_type(session.observe_assets(), ExecuteInProcessResult)
    assert_type(session.execute_job("numbers"), ExecuteInProcessResult)
    assert_type(session.launch("numbers"), Run)
    assert_type(session.rerun("id", from_failure=True), Run)
    assert_type(session.backfill("orders"), Backfill)
    assert_type(session.resume_backfill("id"), Backfill)
    assert_type(session.launchpad("numbers"), Launchpad)
    assert_type(session.status("orders"), AssetStatus)
    assert_type(session.stale(), AssetStatuses)
    assert_type(session.partitions("orders"), PartitionTable | JobPartitionTable)
    assert_type(session.runs, RunTable)
    assert_type(session.instance, Instance)
    assert_type(session.snapshot(), Definitions)
    assert_type(session.asset("orders"), AssetsDefinition)
    assert_type(session.job("numbers"), JobDefinition)
    assert_type(session.add(orders), Session)
    # Values are of the user's own types, which no key tells.
    assert_type(session.value("orders"), Any)
    assert_type(session.peek("orders"), Any)


def of_an_asset() -> None:
    assert_type(orders, AssetsDefinition)
    assert_type(orders.materialize(), ExecuteInProcessResult)
    assert_type(orders.launch(), Run)
    assert_type(orders.launchpad(), Launchpad)


def of_a_job() -> None:
    assert_type(numbers, JobDefinition)
    assert_type(numbers.execute_in_process(), ExecuteInProcessResult)
    assert_type(numbers.launch(), Run)
    assert_type(numbers.backfill(), Backfill)
    assert_type(numbers.launchpad(), Launchpad)


def of_a_run(run: Run, backfill: Backfill) -> None:
    assert_type(run.wait(), Run)
    assert_type(run.result(), ExecuteInProcessResult)
    assert_type(run.rerun(), Run)
    assert_type(run.cancel(), bool)
    assert_type(run.record, JobRun)
    assert_type(backfill.wait(), Backfill)
    assert_type(backfill.runs, list[JobRun])


async def awaited(run: Run) -> None:
    assert_type(await run, ExecuteInProcessResult)


def of_results(instance: Instance) -> None:
    assert_type(materialize([orders]), ExecuteInProcessResult)
    assert_type(execute_job(numbers, instance), JobExecutionResult)
    assert_type(materialize([orders]).success, bool)
    assert_type(materialize([orders]).run, JobRun)
    assert_type(materialize([orders]).instance, Instance)


def of_definitions(definitions: Definitions) -> None:
    assert_type(definitions.get_job_def("numbers"), JobDefinition)
    assert_type(definitions.get_asset_value_loader(), AssetValueLoader)
    assert_type(definitions.load_asset_value("orders"), Any)  # as above


def of_an_instance(instance: Instance) -> None:
    assert_type(instance.get_runs(), Sequence[JobRun])
    assert_type(instance.get_run_by_id("id"), JobRun | None)
    assert_type(instance.get_asset_keys(), Sequence[AssetKey])
    assert_type(instance.run_state("id"), RunState)
    assert_type(instance.get_settings("name"), Any)  # what a YAML file holds
