"""The storages that Dagster's instance has are views on one history."""

from __future__ import annotations

import sys

import pytest

from jobnb import (
    AssetKey,
    EventType,
    Instance,
    InvalidInvocationError,
    InvariantViolationError,
    ScheduleDefinition,
    asset,
    job,
    materialize,
    op,
)
from jobnb.storage.dagster_views import InstanceRef
from jobnb.storage.run import JobRun


@pytest.fixture
def instance():
    with Instance.ephemeral() as made:
        yield made


@asset
def orders():
    return 3


@op
def speak():
    print("to stdout")
    print("to stderr", file=sys.stderr)


@job
def speaking():
    speak()


def test_runs_and_events_are_those_of_the_instance(instance):
    run_id = materialize([orders], instance=instance).run_id
    runs, log = instance.run_storage, instance.event_log_storage
    assert [run.run_id for run in runs.get_runs()] == [run_id]
    assert runs.get_run_by_id(run_id) == instance.get_run_by_id(run_id)
    assert log.all_asset_keys() == [AssetKey("orders")]
    made = log.get_logs_for_run(run_id, of_type=EventType.ASSET_MATERIALIZATION)
    assert [each.dagster_event.asset_key for each in made] == [AssetKey("orders")]
    assert len(log.get_logs_for_run(run_id, limit=2)) == 2
    log.wipe_asset(AssetKey("orders"))
    assert not log.has_asset_key(AssetKey("orders"))
    assert runs.add_run(JobRun("daily", "r2")).run_id in runs.get_run_ids()
    with pytest.raises(AttributeError, match="'get_runz'.*'get_runs'"):
        _ = runs.get_runz
    assert "get_runs" in dir(runs)


def test_schedules_are_started_and_stopped(instance):
    daily = ScheduleDefinition(name="daily", job=speaking, cron_schedule="@daily")
    state = instance.scheduler.start_schedule(daily)
    assert state.status.value == "RUNNING"
    assert len(instance.schedule_storage.all_instigator_state()) == 1
    instance.schedule_storage.wipe()
    assert instance.schedule_storage.all_instigator_state() == []


def test_what_a_step_printed_is_there_by_stream(instance):
    run = speaking.launch(instance=instance).wait(60)
    logs = instance.compute_log_manager
    key = logs.build_log_key_for_run(run.run_id, "speak")
    found = logs.get_log_data(key)
    assert (found.stdout, found.stderr) == (b"to stdout\n", b"to stderr\n")
    assert logs.get_log_data(key, max_bytes=2).stdout == b"to"
    assert logs.get_log_data(key, found.cursor).stdout is None
    assert logs.is_capture_complete(key)
    with pytest.raises(InvalidInvocationError, match="build_log_key_for_run"):
        logs.get_log_data(["only"])


def test_nothing_evaluates_schedules_where_no_loop_was_seen(instance):
    statuses = instance.get_daemon_statuses()
    assert statuses["SCHEDULER"].healthy is None
    assert list(instance.get_daemon_statuses(["SENSOR"])) == ["SENSOR"]


def test_an_instance_is_found_again_by_its_reference_and_its_settings(tmp_path):
    (tmp_path / "dagster.yaml").write_text("python_logs: {python_log_level: ERROR}")
    with Instance.from_config(str(tmp_path)) as made:
        assert made.get_settings("python_logs") == {"python_log_level": "ERROR"}
        assert made.get_ref() == InstanceRef.from_dir(str(tmp_path))
    with Instance.from_ref(InstanceRef(str(tmp_path))) as again:
        assert again.home == tmp_path
    with Instance.ephemeral() as only_here, pytest.raises(InvariantViolationError):
        only_here.get_ref()
    (tmp_path / "odd.yaml").write_text("- a")
    with pytest.raises(InvariantViolationError, match="settings by name"):
        Instance.from_config(str(tmp_path), "odd.yaml")
