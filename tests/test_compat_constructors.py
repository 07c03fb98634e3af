"""Classes that Dagster's programs and tests make by hand are made as they make them."""

from __future__ import annotations

import logging
from contextlib import nullcontext

import pytest

from jobnb import (
    AssetKey,
    AssetMaterialization,
    DynamicOutput,
    Event,
    ExecuteInProcessResult,
    Instance,
    InvalidInvocationError,
    RunNotFoundError,
    execute_job,
    job,
    op,
)
from jobnb.events import StepStarted


@op
def five():
    return 5


@job
def numbers():
    five()


def test_every_event_that_is_handed_out_knows_its_job():
    with Instance.ephemeral() as instance:
        result = numbers.execute_in_process(instance=instance)
        assert {event.job_name for event in result.all_events} == {"numbers"}
        logged = instance.all_logs(result.run_id)
        assert {entry.dagster_event.job_name for entry in logged} == {"numbers"}
    assert repr(StepStarted(1.0, "five")) == "StepStarted(time=1.0, step_key='five')"


def test_an_event_is_made_as_dagster_makes_it_and_lands_in_the_history(dagster):
    from dagster import DagsterEvent, EventLogEntry
    from dagster._core.events import StepMaterializationData

    told = AssetMaterialization("orders", metadata={"rows": 3}, partition="a")
    data = StepMaterializationData(told)
    event = DagsterEvent("ASSET_MATERIALIZATION", "daily", event_specific_data=data)
    assert isinstance(event, DagsterEvent)
    assert isinstance(event, Event)
    assert issubclass(type(event), DagsterEvent)
    assert not isinstance(3, DagsterEvent)
    assert isinstance(event.event_specific_data, StepMaterializationData)
    assert (event.job_name, event.partition) == ("daily", "a")
    assert event.step_materialization_data.materialization.metadata["rows"].value == 3
    with Instance.ephemeral() as instance:
        run = instance.create_run_for_job(numbers)
        instance.report_dagster_event(event, run.run_id)
        entry = EventLogEntry(None, "warning", "look", run.run_id, 3.0, job_name="numbers")
        instance.handle_new_event(entry)
        last = instance.get_latest_materialization_event(AssetKey("orders"))
        assert last.asset_materialization.metadata["rows"].value == 3
        line = instance.all_logs(run.run_id)[-1]
        assert (line.user_message, line.level) == ("look", logging.WARNING)


def test_events_need_no_run_that_is_recorded(dagster):
    from dagster import AssetObservation, DagsterEvent, EventLogEntry
    from dagster._core.events import AssetObservationData, StepMaterializationData

    made = StepMaterializationData(AssetMaterialization("orders"))
    seen = AssetObservationData(AssetObservation("users"))
    with Instance.ephemeral() as instance:
        told = DagsterEvent("ASSET_MATERIALIZATION", "daily", event_specific_data=made)
        instance.report_dagster_event(told, "elsewhere")
        told = DagsterEvent("ASSET_OBSERVATION", "daily", event_specific_data=seen)
        instance.handle_new_event(EventLogEntry(None, "info", "", "", 3.0, dagster_event=told))
        assert instance.get_latest_materialization_event(AssetKey("orders")).run_id == "elsewhere"
        assert {key.to_user_string() for key in instance.all_asset_keys()} == {"orders", "users"}
        assert len(instance.all_logs("elsewhere")) == 1
        assert instance.get_runs() == []
        with pytest.raises(RunNotFoundError, match="create_run_for_job"):
            instance.report_engine_event("look", run_id="no such run")


def test_kinds_of_events_are_made_of_their_own_data(dagster):
    from dagster import AssetObservation, DagsterEvent, ExpectationResult
    from dagster._core import events as data

    def made(kind, **given):
        return DagsterEvent(kind, "daily", step_key="load", **given)

    seen = made(
        "ASSET_OBSERVATION",
        event_specific_data=data.AssetObservationData(
            AssetObservation("orders", metadata={"rows": 3})
        ),
    )
    assert seen.asset_observation_data.metadata["rows"].value == 3
    planned = data.AssetMaterializationPlannedData(AssetKey("orders"), "a")
    planned = made("ASSET_MATERIALIZATION_PLANNED", event_specific_data=planned)
    assert (planned.asset_key, planned.partition) == (AssetKey("orders"), "a")
    held = data.StepExpectationResultData(ExpectationResult(False, "small"))
    held = made("STEP_EXPECTATION_RESULT", event_specific_data=held)
    assert not held.step_expectation_result_data.expectation_result.success
    took = made("STEP_SUCCESS", event_specific_data=data.StepSuccessData(20.0))
    assert took.step_success_data.duration_ms == pytest.approx(20.0)
    again = made("STEP_UP_FOR_RETRY", event_specific_data=data.StepRetryData(None, 3))
    assert again.step_retry_data.seconds_to_wait == 3
    note = data.EngineEventData({"rows": 3})
    note = made("ENGINE_EVENT", event_specific_data=note, message="hello")
    assert (note.message, note.engine_event_data.metadata["rows"]["value"]) == ("hello", 3)
    failed = made("PIPELINE_FAILURE", event_specific_data=data.JobFailureData(None))
    ended = made("PIPELINE_CANCELED", event_specific_data=data.JobCanceledData(None))
    assert {failed.job_name, ended.job_name} == {"daily"}
    assert failed.is_run_failure
    assert made("STEP_START").is_step_start
    assert made("PIPELINE_START").is_job_event
    with pytest.raises(
        InvalidInvocationError, match=r"STEP_OUTPUT is not made by hand.*all_events"
    ):
        made("STEP_OUTPUT")
    with pytest.raises(
        InvalidInvocationError, match=r"about StepMaterializationData\(...\), not 3"
    ):
        made("ASSET_MATERIALIZATION", event_specific_data=3)
    with pytest.raises(InvalidInvocationError, match="STEP_START"):
        made("STEP_STRAT")


def test_a_value_of_a_dynamic_output_says_what_is_mapped_and_collected():
    part = DynamicOutput(1, "a")
    with pytest.raises(InvalidInvocationError, match=r"my_op\(\).map\(\.\.\.\)"):
        part.map(print)
    with pytest.raises(InvalidInvocationError, match=r"my_op\(\).collect\(\)"):
        part.collect()


def test_an_instance_is_made_of_dagsters_storages(dagster, tmp_path):
    from dagster import DagsterInstance
    from dagster._core.instance import InstanceType
    from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
    from dagster._core.run_coordinator import DefaultRunCoordinator, QueuedRunCoordinator
    from dagster._core.storage.event_log import InMemoryEventLogStorage, SqliteEventLogStorage
    from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
    from dagster._core.storage.root import LocalArtifactStorage
    from dagster._core.storage.runs import InMemoryRunStorage, SqliteRunStorage

    def made(kind, runs, events, coordinator, **more):
        return DagsterInstance(
            instance_type=kind,
            local_artifact_storage=LocalArtifactStorage(str(tmp_path)),
            run_storage=runs,
            event_storage=events,
            run_coordinator=coordinator,
            compute_log_manager=NoOpComputeLogManager(),
            run_launcher=SyncInMemoryRunLauncher(),
            **more,
        )

    memory = InMemoryRunStorage(), InMemoryEventLogStorage()
    with made(InstanceType.EPHEMERAL, *memory, DefaultRunCoordinator()) as instance:
        assert instance.is_ephemeral
        assert execute_job(numbers, instance).success
        assert str(tmp_path) in instance.storage_directory()
    disk = SqliteRunStorage.from_local(str(tmp_path)), SqliteEventLogStorage(str(tmp_path))
    with made(InstanceType.PERSISTENT, *disk, QueuedRunCoordinator(1)) as instance:
        assert instance.is_persistent
        assert isinstance(instance, DagsterInstance)
        run_id = execute_job(numbers, instance).run_id
    with Instance(tmp_path) as instance:
        assert instance.has_run(run_id)
        assert isinstance(instance, DagsterInstance)
    with pytest.raises(InvalidInvocationError, match=r"event_storage=int\(...\), scheduler='mine'"):
        made(InstanceType.EPHEMERAL, memory[0], 3, None, scheduler="mine")


def test_a_log_manager_passes_lines_to_its_handler_and_takes_those_of_managed_loggers(dagster):
    from dagster import DagsterLogManager, build_op_context
    from dagster._core.log_manager import DagsterLogHandler

    class Lines(logging.Handler):
        def __init__(self):
            super().__init__()
            self.seen = []

        def emit(self, record):
            self.seen.append((record.getMessage(), record.dagster_meta["run_id"]))

    lines, managed = Lines(), logging.getLogger("of_the_program")
    handler = DagsterLogHandler({"run_id": "r1"}, [], [lines])
    log = DagsterLogManager(handler, level=logging.INFO, managed_loggers=[managed])
    log.debug("no")
    log.info("yes")
    with log:
        managed.error("too")
    managed.error("no more")
    assert lines.seen == [("yes", "r1"), ("too", "r1")]
    assert isinstance(build_op_context().log, DagsterLogManager)
    with Instance.ephemeral(settings={"python_logs": {"python_log_level": "ERROR"}}) as instance:
        run = instance.create_run_for_job(numbers)
        log = DagsterLogManager.create([], [lines], instance, run)
        log.warning("no")
        log.error("last")
    assert lines.seen[-1] == ("last", run.run_id)
    assert len(lines.seen) == 3


def test_a_loader_is_tested_with_what_it_reads(dagster):
    from dagster import DagsterTypeLoaderContext, dagster_type_loader

    @dagster_type_loader(int)
    def times(context, number):
        return number * context.resources

    context = DagsterTypeLoaderContext(resources=3)
    assert times.construct_from_config_value(context, 2) == 6
    with pytest.raises(InvalidInvocationError, match=r"plan_data, step here.*resources="):
        DagsterTypeLoaderContext(plan_data=1, step=2)


def test_the_result_of_a_job_is_made_of_its_events_and_loads_stored_values():
    from jobnb import JobExecutionResult

    with Instance.local_temp() as instance:
        first = execute_job(numbers, instance)
        told = (numbers, lambda: nullcontext(first), first.all_events, first.dagster_run)
        with JobExecutionResult(*told) as again:
            assert again.success
            assert again.output_for_node("five") == 5
        assert isinstance(again, ExecuteInProcessResult)
        assert again.run_id == first.run_id
