"""Pruning deletes what is old or unused, and nothing that is needed, also while others go on."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from jobnb import (
    AssetKey,
    Instance,
    JobRun,
    MultiPartitionsDefinition,
    Session,
    StaticPartitionsDefinition,
    asset,
    job,
    op,
)
from jobnb.events import RunStarted
from jobnb.storage import prune as pruning
from jobnb.storage.prune import DAY, Retention, find_prunable, prune

LATER = 100 * DAY


@op
def once(context):
    context.log.info("a message " * 100)
    return list(range(1000))


@op
def twice(once):
    return once


@job
def daily():
    twice(once())


@asset
def orders():
    return list(range(500))


@asset(partitions_def=StaticPartitionsDefinition(["a", "b|c"]))
def letters(context):
    return context.partition_key


@asset(
    partitions_def=MultiPartitionsDefinition(
        {"x": StaticPartitionsDefinition(["1", "2"]), "y": StaticPartitionsDefinition(["3"])}
    )
)
def grid(context):
    return str(context.partition_key)


@pytest.fixture
def instance(tmp_path):
    with Instance(tmp_path / "home") as made:
        yield made


@pytest.fixture
def session(instance):
    session = Session(str(instance.home))
    session.add(daily, orders, letters, grid)
    return session


def execute(instance, count=1, **given):
    return [daily.launch(instance=instance, **given).result().run_id for _ in range(count)]


def age(folder, days=2.0):
    """Make all files look as if they were written some days ago."""
    when = time.time() - days * DAY
    for path in Path(folder).rglob("*"):
        if path.is_file():
            os.utime(path, (when, when))


def values_of(instance):
    folder = Path(instance.storage_directory())
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_only_runs_that_ended_long_ago_go_with_their_logs(instance):
    old = execute(instance, 3)
    now = time.time() + LATER
    assert find_prunable(instance, Retention(run_days=101), now).run_ids == ()
    found = find_prunable(instance, Retention(run_days=99), now)
    assert found.run_ids == tuple(old)
    assert found.runs.bytes > 3000
    assert instance.get_runs_count() == 3  # it was only told
    prune(instance, found, now)
    assert instance.get_runs_count() == 0
    assert instance.events(old[0]) == []


def test_runs_that_tell_how_assets_stand_are_kept(instance, session):
    first = session.materialize("orders", instance=instance).run_id
    second = session.materialize("orders", instance=instance).run_id
    parts = [session.materialize("letters", partition=k, instance=instance).run_id
             for k in ("a", "b|c")]  # fmt: skip
    now = time.time() + LATER
    found = find_prunable(instance, Retention(run_days=1), now)
    assert found.run_ids == (first,)
    assert found.kept_runs == 3
    prune(instance, found, now)
    assert {run.run_id for run in instance.get_runs()} == {second, *parts}
    assert session.value("orders") == list(range(500))
    assert len(session.stale()) == 1  # the assets but for grid, which was never made
    assert instance.get_materialized_partitions(AssetKey("letters")) == {"a", "b|c"}


def test_runs_that_tell_how_partitions_of_jobs_stand_are_kept(instance):
    days = StaticPartitionsDefinition(["a", "b", "c", "d"])

    @op
    def load(context):
        if "c" in context.partition_keys:
            raise ValueError("no")

    @job(partitions_def=days)
    def by_day():
        load()

    def run(partition):
        return by_day.launch(partition=partition, instance=instance).wait().run_id

    first = run("a")
    several = [run(part) for part in ("a...b", "a...b", "b...d")]
    last = [run(key) for key in ("a", "c")]
    before = instance.get_job_status_by_partition("by_day", "abcd", days)
    now = time.time() + LATER
    found = find_prunable(instance, Retention(run_days=1), now)
    assert found.run_ids == (first, several[0])
    prune(instance, found, now)
    assert {each.run_id for each in instance.get_runs()} == {*several[1:], *last}
    assert instance.get_job_status_by_partition("by_day", "abcd", days) == before


def test_runs_under_way_and_what_they_repeat_are_kept(instance):
    parent, other = execute(instance, 2)
    record = JobRun("daily", run_id="going", parent_run_id=parent, root_run_id=parent)
    log = instance.open_log(instance.create_run(record))
    log.events.append(RunStarted(1.0, "daily"))
    log.commit()
    found = find_prunable(instance, Retention(run_days=1), time.time() + LATER)
    assert found.run_ids == (other,)
    log.close()


def test_what_is_needed_by_the_time_of_the_deletion_stays(instance):
    [run_id] = execute(instance)
    now = time.time() + LATER
    found = find_prunable(instance, Retention(run_days=1), now)
    log = instance.open_log(instance.create_run(JobRun("daily", run_id="r", parent_run_id=run_id)))
    log.events.append(RunStarted(1.0, "daily"))
    log.commit()
    prune(instance, found, now)
    assert instance.has_run(run_id)
    log.close()


def test_messages_of_old_logs_go_and_their_events_stay(instance):
    [run_id] = execute(instance)
    before = instance.events(run_id)
    now = time.time() + LATER
    found = find_prunable(instance, Retention(log_days=1), now)
    assert found.log_ids == (run_id,)
    assert found.logs.bytes >= 1000
    prune(instance, found, now)
    after = instance.events(run_id)
    assert list(map(type, after)) == list(map(type, before))
    texts = [event.text for event in after if type(event).__name__ == "Logged"]
    assert set(texts) == {""}
    assert instance.run_state(run_id).steps["twice"].status.value == "succeeded"
    assert find_prunable(instance, Retention(log_days=1), now).log_ids == ()


def test_outputs_of_runs_that_are_gone_go_after_a_day(instance):
    kept, gone = execute(instance, 2)
    assert len(values_of(instance)) == 4
    instance.delete_run(gone)
    only_values = Retention(values=True)
    assert find_prunable(instance, only_values).files == ()  # they may be about to be recorded
    age(instance.storage_directory())
    found = find_prunable(instance, only_values)
    assert {path.relative_to(instance.storage_directory()).parts[0] for path in found.files} == {
        gone
    }
    prune(instance, found)
    assert {name.split("/")[0] for name in values_of(instance)} == {kept}
    assert not Path(instance.storage_directory(), gone).exists()


def test_one_pass_takes_runs_and_their_outputs(instance):
    execute(instance, 2)
    age(instance.storage_directory())
    now = time.time() + LATER
    found = find_prunable(instance, Retention(run_days=1, values=True), now)
    assert (found.runs.count, found.values.count) == (2, 4)
    assert prune(instance, found, now).count == 4
    assert values_of(instance) == set()


def test_values_of_assets_stay_until_they_are_wiped(instance, session):
    session.materialize("orders", instance=instance)
    for key in ("a", "b|c"):
        session.materialize("letters", partition=key, instance=instance)
    for key in ("1|3", "2|3"):
        session.materialize("grid", partition=key, instance=instance)
    age(instance.storage_directory())
    assert find_prunable(instance, Retention(values=True)).files == ()
    instance.wipe_asset_partitions(AssetKey("letters"), ["b|c"])
    instance.wipe_asset_partitions(AssetKey("grid"), ["1|3"])
    found = find_prunable(instance, Retention(values=True))
    prune(instance, found)
    assert len(found.files) == 2
    assert session.value("letters", partition="a") == "a"
    assert session.value("grid", partition="2|3") == "2|3"
    instance.wipe_assets([AssetKey("orders")])
    prune(instance, find_prunable(instance, Retention(values=True)))
    assert not Path(instance.storage_directory(), "orders").exists()
    assert len(values_of(instance)) == 2


def test_files_of_others_are_left_alone(instance):
    execute(instance)
    folder = Path(instance.storage_directory())
    for name in ("notes.txt", "mine/data.parquet", "file_manager/x", "table.csv", "own"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine")
    (folder / ".writing-1234").write_text("half")
    before = values_of(instance)
    age(folder)
    prune(instance, find_prunable(instance, Retention(values=True)))
    assert before - values_of(instance) == {".writing-1234"}


def test_a_history_that_knows_nothing_deletes_no_values(instance, tmp_path):
    execute(instance)
    age(instance.storage_directory())
    with Instance(instance.home, url=f"sqlite:///{tmp_path / 'other.db'}") as other:
        assert find_prunable(other, Retention(values=True)).files == ()


def test_a_value_that_is_written_anew_meanwhile_stays(instance, session):
    session.materialize("orders", instance=instance)
    instance.wipe_assets([AssetKey("orders")])
    age(instance.storage_directory())
    found = find_prunable(instance, Retention(values=True))
    assert len(found.files) == 1
    session.materialize("orders", instance=instance)
    assert prune(instance, found).count == 0
    assert session.value("orders") == list(range(500))


def prune_all(instance):
    now = time.time() + LATER / 1000  # everything that has ended is old at once
    prune(instance, find_prunable(instance, Retention(0, 0, 0), now), now)


def test_a_kernel_that_goes_on_loses_nothing(instance, session):
    """One prunes all that it finds while another materializes and runs."""
    ended = threading.Event()
    failures = []

    def go_on():
        try:
            for _ in range(15):
                session.materialize("orders", instance=instance)
                assert session.value("orders") == list(range(500))
                execute(instance)
        except BaseException as error:
            failures.append(error)
        finally:
            ended.set()

    worker = threading.Thread(target=go_on)
    worker.start()
    while not ended.is_set():
        prune_all(instance)
    worker.join()
    prune_all(instance)  # what ended during the last round
    assert failures == []
    assert session.value("orders") == list(range(500))
    [left] = [run for run in instance.get_runs() if run.job_name != "daily"]
    assert left.is_success


def test_old_ticks_go_but_for_the_latest_of_each(instance):
    from jobnb import DefaultSensorStatus, Definitions, RunRequest, sensor
    from jobnb.automation.code_location import CodeLocation
    from jobnb.automation.loop import AutomationLoop

    @sensor(job=daily, minimum_interval_seconds=0, default_status=DefaultSensorStatus.RUNNING)
    def look(context):
        return RunRequest(run_key=str(time.time()))

    location = CodeLocation.of_definitions(Definitions(jobs=[daily], sensors=[look]))
    started = []
    loop = AutomationLoop(instance, [location], start=started.append)
    deadline = time.monotonic() + 60
    while len(instance.get_ticks(None)) < 4 and time.monotonic() < deadline:
        loop.round()
    loop.stop()  # what it evaluates yet is over
    ticks = [tick.timestamp for tick in instance.get_ticks(None)]
    now = time.time() + LATER
    found = find_prunable(instance, Retention(tick_days=1), now)
    assert found.ticks.count == len(ticks) - 1
    prune(instance, found, now)
    assert [tick.timestamp for tick in instance.get_ticks(None)] == ticks[:1]


def test_the_file_shrinks_when_it_is_compacted(instance):
    execute(instance, 30)
    now = time.time() + LATER
    prune(instance, find_prunable(instance, Retention(run_days=1), now), now)
    from jobnb.storage.home_info import history_bytes

    before = history_bytes(instance)
    pruning.compact(instance)
    assert history_bytes(instance) < before
    execute(instance)


def test_the_same_on_postgresql(database, tmp_path):
    with Instance(tmp_path / "home", url=database) as instance:
        execute(instance, 2)
        now = time.time() + LATER
        found = find_prunable(instance, Retention(1, 1, 1), now)
        assert (found.runs.count, found.runs.bytes > 2000) == (2, True)
        prune(instance, found, now)
        assert instance.get_runs_count() == 0
        pruning.compact(instance)
