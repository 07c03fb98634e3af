"""The live view of partitions: what is selected is what was dragged over, or written."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from jobnb import (
    AssetKey,
    DailyPartitionsDefinition,
    Instance,
    InvalidDefinitionError,
    InvalidSubsetError,
    MultiPartitionsDefinition,
    PartitionBackfill,
    PartitionKeyRange,
    PartitionTable,
    RunsFilter,
    Session,
    StaticPartitionsDefinition,
    UnknownPartitionError,
    asset,
    job,
    materialize,
    op,
)
from jobnb.display.partition_views import partitions_view
from jobnb.display.view import bundle
from jobnb.display.widgets.job import JobView
from jobnb.display.widgets.partitions import PartitionsView

DAYS = DailyPartitionsDefinition("2013-01-30", "2013-02-06")


@asset(partitions_def=DAYS)
def daily(context):
    if context.partition_key == "2013-02-02":
        raise ValueError("no")


@pytest.fixture
def instance():
    with Instance.ephemeral() as made:
        for key in ("2013-01-31", "2013-02-02"):
            materialize([daily], partition_key=key, instance=made, raise_on_error=False)
        yield made


@pytest.fixture
def view(instance):
    return PartitionsView(PartitionTable(daily.key, DAYS, instance))


def test_a_byte_tells_how_each_partition_stands(view):
    assert list(view.statuses) == [0, 1, 0, 2, 0, 0, 0]
    stand = {word: count for word, count in view.counts.items() if count}
    assert stand == {"missing": 5, "materialized": 1, "failed": 1}


def test_a_stretch_that_was_dragged_is_a_range(view):
    view.picked = [[4, 1], [6, 6]]
    assert view.selection == "2013-01-31...2013-02-03, 2013-02-05"
    assert len(view.selected) == 5


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("2013-01-30", "2013-01-30"),
        ("[2013-01-30...2013-02-01], 2013-02-04", "2013-01-30...2013-02-01, 2013-02-04"),
        ("failed", "2013-02-02"),
        ("missing", "2013-01-30, 2013-02-01, 2013-02-03...2013-02-05"),
        (" , ", ""),
    ],
)
def test_what_is_written_is_selected(view, text, selection):
    assert view.answer("select", text=text) == selection


def test_what_is_no_partition_is_told_with_the_nearest(view):
    view.picked = [[0, 1]]
    with pytest.raises(InvalidSubsetError, match="Did you mean '2013-02-0"):
        view.answer("select", text="2013-02-0")
    assert view.picked == [[0, 1]]  # what was selected stays


def test_a_block_of_a_matrix_is_every_combination(instance):
    both = MultiPartitionsDefinition(
        {"day": DAYS, "origin": StaticPartitionsDefinition(["EWR", "JFK", "LGA"])}
    )
    view = PartitionsView(PartitionTable(daily.key, both, instance))
    view.picked = [[1, 1, 0, 2]]
    assert set(view.selected.get_partition_keys()) == {
        "2013-01-30|JFK", "2013-01-30|LGA", "2013-01-31|JFK", "2013-01-31|LGA",
    }  # fmt: skip


def test_only_what_is_asked_for_is_made(instance):
    asked = []

    class Backfill:
        is_finished = True
        counts = "2 of 2"
        record = PartitionBackfill(asset_selection=(daily.key,))

    def backfill(partitions):
        asked.append(partitions)
        return Backfill()

    view = PartitionsView(PartitionTable(daily.key, DAYS, instance, backfill))
    view.answer("select", text="2013-01-30...2013-02-02")
    view.answer("materialize", only="failed")
    view.answer("materialize", only="missing")
    view.answer("materialize")
    assert [list(map(str, keys)) for keys in asked] == [
        ["2013-02-02"],
        ["2013-01-30", "2013-02-01"],
        ["2013-01-30", "2013-01-31", "2013-02-01", "2013-02-02"],
    ]
    assert (view.told, view.running) == ("2 of 2", False)
    view.answer("select", text="2013-01-31")
    with pytest.raises(InvalidSubsetError, match="Nothing of it is failed"):
        view.answer("materialize", only="failed")


def test_a_cell_tells_what_is_known_of_its_partition(view):
    assert view.answer("cell", place=3) == {"key": "2013-02-02", "state": "failed", "made": ""}
    told = view.answer("cell", place=1)
    assert (told["key"], told["state"]) == ("2013-01-31", "materialized")
    assert "run " in told["made"]


def test_news_are_seen_after_a_refresh(view, instance):
    materialize([daily], partition_key="2013-01-30", instance=instance)
    assert view.answer("refresh") is False
    assert list(view.statuses)[:2] == [1, 1]


def test_an_asset_without_partitions_says_how_it_gets_some():
    @asset
    def plain(): ...

    session = Session().add(plain, daily)
    with pytest.raises(InvalidDefinitionError, match="has no partitions"):
        session.partitions("plain")
    assert session.partitions("daily").partitions_def == DAYS


def test_what_is_selected_is_made_by_a_real_backfill(instance, monkeypatch):
    monkeypatch.setattr(Session, "instance", property(lambda _: instance))
    view = PartitionsView(Session().add(daily).partitions("daily"))
    view.answer("select", text="2013-01-30...2013-02-02")
    view.answer("materialize", only="missing")
    view._backfill.wait(20)
    assert view.answer("refresh") is False
    assert view.told == "2 of 2 partitions done (100%): 2 made"
    assert list(view.statuses) == [1, 1, 1, 2, 0, 0, 0]


def test_a_backfill_that_begins_elsewhere_is_followed(instance, monkeypatch):
    monkeypatch.setattr(Session, "instance", property(lambda _: instance))
    go = threading.Event()

    @asset(partitions_def=DAYS)
    def slow():
        go.wait(20)

    @asset(partitions_def=DAYS)
    def after(slow): ...

    @asset(partitions_def=DAYS)
    def other(): ...

    session = Session().add(slow, after, other)
    before, stranger = (PartitionsView(session.partitions(key)) for key in ("slow", "other"))
    assert before.running is False
    backfill = session.backfill("slow*", ["2013-01-30"])
    later = PartitionsView(session.partitions("after"))
    assert (before.running, later.running, stranger.running) == (True, True, False)
    assert later.told == "slow, after: 0 of 2 partitions done (0%)"
    go.set()
    backfill.wait(20)
    assert before.answer("refresh") is False
    assert before.told == "slow, after: 2 of 2 partitions done (100%): 2 made"
    assert before.counts["materialized"] == 1


def test_a_view_that_nobody_holds_is_not_kept_for_backfills(instance):
    view = weakref.ref(PartitionsView(PartitionTable(daily.key, DAYS, instance)))
    live = view()
    assert live is not None
    live.close()
    del live
    gc.collect()
    assert view() is None


# --- of a job ---------------------------------------------------------------


@op
def load(context):
    if context.partition_key == "2013-02-02":
        raise ValueError("no")


@job(partitions_def=DAYS)
def daily_job():
    load()


@pytest.fixture
def ran(tmp_path):
    session = Session(home=str(tmp_path)).add(daily_job)
    session.backfill("daily_job", ["2013-01-31", "2013-02-02"]).wait()
    yield session
    session.instance.dispose()


def test_the_partitions_of_a_job_are_told_by_its_last_runs(ran):
    table = ran.partitions("daily_job")
    view = PartitionsView(table)
    assert list(view.statuses) == [0, 1, 0, 2, 0, 0, 0]
    assert view.counts == {"missing": 5, "succeeded": 1, "failed": 1, "in_progress": 0}
    assert view.about["deed"] == "Launch"
    told = view.answer("cell", place=1)
    [run] = ran.instance.get_runs(RunsFilter(tags={"dagster/partition": "2013-01-31"}))
    assert told["state"] == "succeeded"
    assert told["made"].startswith("began ")
    assert told["made"].endswith(run.run_id[:8])
    assert repr(table) == "<partitions of daily_job: 5 missing, 1 succeeded, 1 failed>"
    frame = table.to_pandas()
    assert list(frame["status"])[:4] == ["missing", "succeeded", "missing", "failed"]
    assert frame["run_id"][1] == run.run_id
    assert table.subset("failed").get_partition_keys() == ["2013-02-02"]


def test_what_is_selected_of_a_job_is_launched_and_followed_wherever_it_began(ran):
    view = PartitionsView(ran.partitions(daily_job))
    view.answer("select", text="missing")
    view.answer("materialize", only="missing")
    assert view._backfill.wait(30).counts.made == 5
    view.answer("refresh")
    assert view.told == "5 of 5 partitions done (100%): 5 made"
    assert view.counts["succeeded"] == 6
    elsewhere = ran.backfill("daily_job", only_failed=True).wait(30)
    assert view._backfill is elsewhere
    assert view.answer("select", text="failed") == "2013-02-02"


def test_the_static_twin_of_a_job_tells_the_same(ran):
    made = bundle(partitions_view(ran.partitions("daily_job")))
    assert "partitions of daily_job: 7 partitions" in made["text/plain"]
    assert "✓ 1 succeeded" in made["text/plain"]
    assert "1 failed: 2013-02-02" in made["text/plain"]
    assert "daily_job: 7 partitions" in made["image/svg+xml"]


def test_a_job_without_partitions_has_no_calendar(ran):
    @job
    def plain():
        load()

    with pytest.raises(InvalidDefinitionError, match="The job 'plain' has no partitions"):
        ran.partitions(plain)
    assert "partitions" not in JobView(plain).bar.labels
    assert JobView(daily_job).bar.labels["partitions"] == "Partitions"


@pytest.mark.parametrize("asked", ["2013-01-09", "2999-01-01"])
def test_a_key_past_the_end_is_told_as_such_wherever_it_is_asked_for(asked):
    @asset(partitions_def=DailyPartitionsDefinition("2013-01-01", end_date="2013-01-04"))
    def days():
        return 1

    @asset(partitions_def=DailyPartitionsDefinition("2013-01-01"))
    def open_days():
        return 1

    session, instance = Session().add(days, open_days), Instance.ephemeral()
    ways = [
        lambda name: session.materialize(name, partition=asked, instance=instance),
        lambda name: session.materialize(name, partition=[asked], instance=instance),
        lambda name: session.backfill(name, [asked], instance=instance),
        lambda name: session.materialize(
            name, partition=PartitionKeyRange("2013-01-02", asked), instance=instance
        ),
    ]
    for way in ways:
        with pytest.raises(
            UnknownPartitionError, match="past the end: the last one is '2013-01-03'"
        ):
            way("days")
        if asked > "2900":
            with pytest.raises(UnknownPartitionError, match="Its window has not ended"):
                way("open_days")
    view = PartitionsView(PartitionTable(AssetKey("days"), days.partitions_def, instance))
    with pytest.raises(InvalidSubsetError, match="past the end"):
        view.select(asked)
