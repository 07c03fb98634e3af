"""Runs that are written in a batch are in the history as if each had been written by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobnb import Instance, JobRun
from jobnb import events as ev
from jobnb.storage.run_log import BatchLog, RunLog
from tests.storage.place import Place

KEYS = ["p0", "p1", "p2"]

PARTS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.one_of(
            st.tuples(st.just("plan"), st.sampled_from(KEYS)),
            st.tuples(st.just("make"), st.sampled_from(KEYS)),
            st.tuples(st.just("end"), st.sampled_from(["success", "failure", "canceled"])),
            st.tuples(st.just("flush"), st.none()),
        ),
    ),
    max_size=30,
)
ENDS = {"success": ev.RunSucceeded, "failure": ev.RunFailed, "canceled": ev.RunCanceled}


def happens(log: RunLog | BatchLog, what: str, which: str | None) -> None:
    if what == "plan":
        log.events.append(ev.AssetPlanned(1.0, "s", ("a",), which))
    elif what == "make":
        log.events.append(ev.AssetMaterialized(2.0, "s", ("a",), which))
    elif what == "end":
        log.events.append(ENDS[str(which)](3.0, "daily"))
        log.close()


def told(instance: Instance, names: dict[str, int]) -> object:
    records = {r.dagster_run.tags["n"]: r for r in instance.get_run_records()}
    return (
        {n: (r.dagster_run.status, r.start_time, r.end_time, instance.events(r.dagster_run.run_id),
             r.dagster_run.root_run_id) for n, r in records.items()},
        instance.get_status_by_partition("a", KEYS),
        {key: names[record.run_id] for key, record in
         instance.get_latest_materialization_by_partition("a").items()},
        instance.get_materialization_count_by_partition(["a"]),
        [r.asset_entry.last_run_id and names[r.asset_entry.last_run_id]
         for r in instance.get_asset_records()],
        sorted(instance.get_run_tags()),
    )  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(parts=PARTS)
def test_a_batch_writes_what_single_logs_write(parts: list) -> None:
    found = []
    for batched in (True, False):
        with Instance.ephemeral() as instance:
            batch = instance.open_batch()
            logs: dict[int, RunLog | BatchLog] = {}
            names: dict[str, int] = {}
            for number, (what, which) in parts:
                if number not in logs:
                    run = JobRun("daily", tags={"n": str(number)})
                    names[run.run_id] = number
                    logs[number] = (
                        batch.begin(run) if batched else instance.open_log(instance.create_run(run))
                    )
                    logs[number].events.append(ev.RunStarted(0.5, "daily"))
                if what == "flush":
                    instance.get_runs_count()
                elif not logs[number].closed:
                    happens(logs[number], what, which)
                    if not batched:
                        instance.get_runs_count()  # one after the other, as they happen
            batch.close()
            found.append(told(instance, names))
    # Who made a partition last may differ where two runs went on between two commits; all
    # else is the same.
    for place in (0, 3, 5):
        assert found[0][place] == found[1][place]


def test_a_batch_is_on_disk_within_its_interval_though_nobody_commits(place: Place) -> None:
    with place.open() as instance, place.open() as other:
        batch = instance.open_batch()
        log = batch.begin(JobRun("daily"))
        log.events.append(ev.RunStarted(1.0, "daily"))
        deadline = time.monotonic() + 20
        while not other.has_run(log.run.run_id):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        record = other.get_run_by_id(log.run.run_id)
        assert record is not None
        assert record.status.value == "STARTED"
        log.events.append(ev.RunSucceeded(2.0, "daily"))
        log.close()
        batch.close()
        assert other.get_run_by_id(log.run.run_id).status.value == "SUCCESS"
        assert len(other.events(log.run.run_id)) == 2


def test_ids_of_events_are_never_given_twice(place: Place) -> None:
    def some(instance: Instance, count: int) -> None:
        batch = instance.open_batch()
        for _ in range(count):
            log = batch.begin(JobRun("daily"))
            log.events.append(ev.RunStarted(1.0, "daily"))
            log.events.append(ev.RunSucceeded(2.0, "daily"))
            log.close()
        batch.close()

    with place.open() as instance:
        some(instance, 3)
        newest = instance.get_runs(limit=1)[0].run_id
        instance.delete_run(newest)
        some(instance, 2)
        log = instance.open_log(instance.create_run(JobRun("daily")))
        log.events.append(ev.RunStarted(1.0, "daily"))
        log.close()
        some(instance, 2)
        assert instance.get_runs_count() == 7
        assert sum(len(instance.events(run.run_id)) for run in instance.get_runs()) == 13


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupt_around_a_commit_tells_everything_once(
    place: Place, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    with place.open() as instance:
        batch = instance.open_batch()
        batch.due = float("inf")  # only this test commits
        logs = [batch.begin(JobRun("daily")) for _ in range(2)]
        write: Callable[..., None] = instance._history.write_runs

        def interrupted(parts: Any) -> None:
            if when == "after":
                write(parts)
            raise KeyboardInterrupt

        for log in logs:
            instance.add_event_listener(log.run.run_id, lambda entry: heard.append(entry.run_id))
            log.events.append(ev.RunStarted(1.0, "daily"))
        happens(logs[0], "end", "success")
        with monkeypatch.context() as patch:
            patch.setattr(instance._history, "write_runs", interrupted)
            with pytest.raises(KeyboardInterrupt):
                batch.commit()
        happens(logs[1], "end", "success")
        batch.close()
        for log in logs:
            assert len(instance.events(log.run.run_id)) == heard.count(log.run.run_id) == 2
