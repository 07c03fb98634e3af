"""Events: written in groups, found again in order, heard of while they happen."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobnb import (
    AssetKey,
    EventRecordsFilter,
    EventType,
    Instance,
    InvariantViolationError,
    JobRun,
    RunNotFoundError,
    RunStatus,
    StepStatus,
    StorageError,
)
from jobnb import events as ev
from jobnb.storage import tables
from jobnb.storage.run_log import RunLog
from jobnb.storage.writing import CHUNK_CAP
from tests.storage.place import Place


def opened(instance: Instance, name: str = "daily") -> RunLog:
    return instance.open_log(instance.create_run(JobRun(name)))


def made(instance: Instance, *events: ev.Event, name: str = "daily") -> str:
    log = opened(instance, name)
    log.events.extend(events)
    log.close()
    return log.run.run_id


def line(i: int) -> ev.Logged:
    return ev.Logged(float(i), 20, f"line {i}")


def test_the_log_comes_back_as_it_was_written(instance: Instance) -> None:
    written = [
        ev.RunStarted(1.0, "daily", ("a",)),
        ev.StepStarted(2.0, "a"),
        ev.Logged(2.5, 40, "</script> ü \U0001f600", "a"),
        ev.StepFailed(3.0, "a", ev.ErrorInfo("ValueError", "no", cause=ev.ErrorInfo("K", "v"))),
        ev.RunFailed(4.0, "daily", ("a",)),
    ]
    run_id = made(instance, *written)
    assert instance.events(run_id) == written
    entries = instance.all_logs(run_id)
    assert [entry.job_name for entry in entries] == ["daily"] * 5
    assert [entry.level for entry in entries] == [10, 10, 40, 40, 40]
    assert (entries[2].dagster_event, entries[2].message) == (None, "</script> ü \U0001f600")
    assert entries[3].error_info == written[3].error  # type: ignore[attr-defined]
    assert entries[3].get_dagster_event() is entries[3].dagster_event
    with pytest.raises(ValueError, match="logged line"):
        entries[2].get_dagster_event()
    state = instance.run_state(run_id)
    assert (state.status, state.steps["a"].status) == (RunStatus.FAILURE, StepStatus.FAILED)


def test_a_run_that_is_not_known_has_no_events_and_no_state(instance: Instance) -> None:
    assert instance.all_logs("nope") == instance.events("nope") == []
    for ask in (instance.run_state, instance.get_run_stats):
        with pytest.raises(RunNotFoundError, match="'nope'"):
            ask("nope")


@pytest.mark.parametrize("count", [CHUNK_CAP - 1, CHUNK_CAP, CHUNK_CAP + 1, 2 * CHUNK_CAP + 5])
def test_groups_of_any_size_are_cut_into_rows_and_read_as_one(
    instance: Instance, count: int
) -> None:
    run_id = made(instance, *(line(i) for i in range(count)))
    assert instance.events(run_id) == [line(i) for i in range(count)]
    assert instance.events(run_id, after=count - 3) == [line(count - 2), line(count - 1)]
    assert instance.events(run_id, after=count - 1) == []
    around = min(CHUNK_CAP, count) - 2
    assert instance.events(run_id, after=around, limit=3) == [
        line(i) for i in range(around + 1, min(around + 4, count))
    ]


def test_storage_ids_rise_within_and_across_rows(instance: Instance) -> None:
    log = opened(instance)
    for i in range(6):
        log.events.append(line(i))
        if i % 2:
            log.commit()
            instance.all_logs(log.run.run_id)
    log.close()
    records = instance.get_records_for_run(log.run.run_id).records
    places = [record.storage_id for record in records]
    assert places == sorted(set(places))
    assert len(places) == 6


@pytest.mark.parametrize("ascending", [True, False])
def test_pages_of_a_log_hold_every_record_once(instance: Instance, ascending: bool) -> None:
    run_id = made(instance, *(line(i) for i in range(7)))
    found, cursor, more = [], None, True
    while more:
        page = instance.get_records_for_run(run_id, cursor, limit=3, ascending=ascending)
        found += [record.event_log_entry.message for record in page.records]
        cursor, more = page.cursor, page.has_more
    expected = [f"line {i}" for i in range(7)]
    assert found == (expected if ascending else expected[::-1])
    with pytest.raises(InvariantViolationError, match="'x' is no cursor"):
        instance.get_records_for_run(run_id, "x")


HIGH, LOW = 10**30, -(10**30)


def test_a_cursor_beyond_what_a_database_holds_is_behind_all_rows(instance: Instance) -> None:
    run_id = made(instance, line(1), ev.StepSucceeded(2.0, "a", 1.0))
    assert not instance.get_records_for_run(run_id, str(HIGH)).records
    assert len(instance.get_records_for_run(run_id, str(LOW)).records) == 2
    assert len(instance.get_records_for_run(run_id, str(HIGH), ascending=False).records) == 2
    kind = EventType.STEP_SUCCESS
    for more in ({"after_cursor": LOW}, {"before_cursor": HIGH}):
        assert len(instance.get_event_records(EventRecordsFilter(kind, **more))) == 1
    for more in ({"after_cursor": HIGH}, {"before_cursor": LOW}):
        assert not instance.get_event_records(EventRecordsFilter(kind, **more))
    instance.add_dynamic_partitions("colors", ["red"])
    page = instance.get_paginated_dynamic_partitions
    assert page("colors", 5, True, str(HIGH)).results == []
    assert page("colors", 5, False, str(HIGH)).results == ["red"]
    for wrong in ("x", "²", "9" * 5000, "1.5"):
        for ask in (
            lambda c: instance.get_records_for_run(run_id, c),
            lambda c: page("c", 5, True, c),
        ):
            with pytest.raises(InvariantViolationError, match="is no cursor of"):
                ask(wrong)


def test_kinds_are_told_apart(instance: Instance) -> None:
    run_id = made(
        instance,
        ev.StepStarted(1.0, "a"),
        line(2),
        ev.StepSucceeded(3.0, "a", 1.0),
        ev.StepStarted(4.0, "b"),
    )
    both = {EventType.STEP_SUCCESS, EventType.STEP_START}
    assert [e.step_key for e in instance.all_logs(run_id, EventType.STEP_START)] == ["a", "b"]
    assert len(instance.all_logs(run_id, both)) == 3
    assert [e.timestamp for e in instance.logs_after(run_id, 1, both, limit=1)] == [3.0]
    assert [e.timestamp for e in instance.logs_after(run_id, -1, limit=2)] == [1.0, 2.0]
    page = instance.get_records_for_run(run_id, of_type=EventType.STEP_START, limit=1)
    assert page.has_more
    rest = instance.get_records_for_run(run_id, page.cursor, EventType.STEP_START)
    assert [r.event_log_entry.step_key for r in rest.records] == ["b"]


def asset(i: int, key: str = "a", partition: str | None = None, **tags: str) -> ev.Event:
    return ev.AssetMaterialized(float(i), "s", (key,), partition=partition, tags=tags)


def test_records_across_runs_are_newest_first_and_filtered(instance: Instance) -> None:
    made(instance, asset(1, partition="p1"), asset(2, "b"))
    made(instance, asset(3, partition="p2", team="x"), asset(4, partition="p1"), line(5))

    def found(limit: int | None = None, ascending: bool = False, **fields: Any) -> list[float]:
        wanted = EventRecordsFilter(EventType.ASSET_MATERIALIZATION, **fields)
        return [r.timestamp for r in instance.get_event_records(wanted, limit, ascending)]

    assert found() == [4, 3, 2, 1]
    assert found(limit=2, ascending=True) == [1, 2]
    a = AssetKey("a")
    assert found(asset_key=a) == [4, 3, 1]
    assert found(asset_key=a, asset_partitions=["p1"]) == [4, 1]
    assert found(asset_partitions=[]) == []
    assert found(after_timestamp=1, before_timestamp=4) == [3, 2]
    assert found(tags={"team": "x"}, limit=1) == [3]
    assert found(tags={"team": ["x", "y"]}) == [3]
    records = instance.get_event_records(EventRecordsFilter(EventType.ASSET_MATERIALIZATION))
    third, second = records[1], records[2]
    assert found(after_cursor=second.storage_id) == [4, 3]
    assert found(before_cursor=third.storage_id) == [2, 1]
    assert found(storage_ids=[third.storage_id]) == [3]
    assert third.partition_key == "p2"
    assert third.asset_key == a
    assert third.asset_materialization is not None
    assert third.asset_materialization.partition == "p2"
    assert third.asset_observation is None


def test_kinds_without_an_index_are_found_as_well(instance: Instance) -> None:
    for run in range(40):
        log = opened(instance)
        log.events += [line(run), ev.StepSucceeded(float(run), f"s{run}", 1.0), line(run)]
        log.close()
        instance.has_run(log.run.run_id)
    wanted = EventRecordsFilter(EventType.STEP_SUCCESS)
    newest = instance.get_event_records(wanted, limit=3)
    assert [r.timestamp for r in newest] == [39, 38, 37]
    everything = instance.get_event_records(wanted, ascending=True)
    assert [r.timestamp for r in everything] == list(range(40))
    middle = everything[20].storage_id
    after = EventRecordsFilter(EventType.STEP_SUCCESS, after_cursor=middle)
    before = EventRecordsFilter(EventType.STEP_SUCCESS, before_cursor=middle)
    assert len(instance.get_event_records(after)) == 19
    assert len(instance.get_event_records(before)) == 20
    one = EventRecordsFilter(EventType.STEP_SUCCESS, storage_ids=[middle])
    assert [r.timestamp for r in instance.get_event_records(one)] == [20]
    late = EventRecordsFilter(EventType.STEP_SUCCESS, after_timestamp=37.5)
    assert [r.timestamp for r in instance.get_event_records(late)] == [39, 38]


def test_plans_are_found_across_runs_by_asset_and_partition(instance: Instance) -> None:
    for partition in ("mon", "tue"):
        made(instance, *(ev.AssetPlanned(1.0, "s", (name,), partition) for name in ("a", "b")))
    kind = ev.EventType.ASSET_MATERIALIZATION_PLANNED
    wanted = EventRecordsFilter(kind, asset_key=AssetKey("a"), asset_partitions=["mon"])
    (found,) = instance.get_event_records(wanted)
    event = found.event_log_entry.dagster_event
    assert isinstance(event, ev.AssetPlanned)
    assert (event.asset, event.partition) == (("a",), "mon")
    assert len(instance.get_event_records(EventRecordsFilter(kind), limit=3)) == 3


def test_run_status_events_and_failures_are_found_across_runs(instance: Instance) -> None:
    failure = ev.StepFailed(2.0, "a", ev.ErrorInfo("E", "m"))
    run_id = made(instance, ev.RunStarted(1.0, "x"), failure, ev.RunFailed(3.0, "x"), name="x")
    for kind in (EventType.RUN_START, EventType.STEP_FAILURE, EventType.RUN_FAILURE):
        (record,) = instance.get_event_records(EventRecordsFilter(kind))
        assert (record.run_id, record.event_log_entry.job_name) == (run_id, "x")
        assert record.event_log_entry.dagster_event_type is kind


@given(
    groups=st.lists(st.integers(0, 5), max_size=6),
    after=st.integers(-1, 12),
    limit=st.none() | st.integers(0, 6),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_grouping_reads_like_one_list(
    durable: Instance, groups: list[int], after: int, limit: int | None
) -> None:
    log = opened(durable)
    for group in groups:
        log.events += [line(len(log.events) + i) for i in range(group)]
        log.commit()
    log.close()
    expected = log.events[after + 1 :]
    assert durable.events(log.run.run_id, after, limit) == expected[:limit]


def test_what_cannot_be_json_is_told_in_text(durable: Instance) -> None:
    odd = ev.EngineNote(1.0, "file \udc80.csv", metadata={"z": {"value": 1j}, "n": {"value": 1}})
    made_odd = ev.AssetMaterialized(2.0, "s\udc80", ("a",), partition="\udc80")
    run_id = made(durable, odd, made_odd, line(3))
    first, second, third = durable.events(run_id)
    assert first.message == "file \\udc80.csv"
    assert first.metadata == {"z": {"value": "1j"}, "n": {"value": 1}}  # type: ignore[attr-defined]
    assert second.step_key == "s\\udc80"
    assert third == line(3)
    assert durable.has_asset_key(AssetKey("a"))


# -- live


def test_a_live_run_is_seen_from_the_same_process(instance: Instance) -> None:
    log = opened(instance)
    run_id = log.run.run_id
    log.events.append(ev.RunStarted(1.0, "daily", ("a",)))
    assert instance.run_state(run_id).status is RunStatus.STARTED
    log.events.append(ev.StepStarted(2.0, "a"))
    assert instance.run_state(run_id).steps["a"].status is StepStatus.RUNNING
    assert instance.events(run_id, after=0) == log.events[1:]
    log.close()
    assert instance.events(run_id) == log.events


def test_a_long_step_is_committed_by_the_flusher(durable: Instance) -> None:
    log = opened(durable)
    log.events.append(ev.StepStarted(1.0, "a"))
    deadline = time.monotonic() + 20
    while log.pending and time.monotonic() < deadline:
        time.sleep(0.01)
    assert log.pending == 0
    with Place.of(durable).open() as other:
        assert other.events(log.run.run_id) == log.events
    log.close()


def test_commits_from_several_threads_write_every_event_once(durable: Instance) -> None:
    log = opened(durable)
    stop = threading.Event()

    def commit() -> None:
        while not stop.is_set():
            log.commit()

    threads = [threading.Thread(target=commit) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(500):
        log.events.append(line(i))
    stop.set()
    for thread in threads:
        thread.join()
    log.close()
    assert durable.events(log.run.run_id) == [line(i) for i in range(500)]


def test_due_tells_when_the_next_commit_is_wanted(durable: Instance) -> None:
    log = opened(durable)
    log.events.append(line(0))
    log.commit()
    assert 0 < log.due - time.time() <= 0.05
    log.close()
    assert opened(Instance.ephemeral()).due == float("inf")


def test_a_failed_write_loses_nothing(durable: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    log = opened(durable)
    log.events.append(line(0))

    def broken(*args: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(durable._history, "write_log", broken)
        with pytest.raises(StorageError, match="disk is full"):
            log.commit()
    log.events.append(line(1))
    log.close()
    assert durable.events(log.run.run_id) == [line(0), line(1)]


def test_events_that_cannot_be_read_are_named(durable: Instance) -> None:
    run_id = made(durable, line(0))
    chunks = tables.event_chunks
    durable._opened().write(lambda c: c.execute(chunks.update().values(body=b'[{"kind":"X"}]')))
    (note,) = durable.events(run_id)
    assert "newer jobnb" in note.message
