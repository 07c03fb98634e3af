"""Backfills: what is asked for, in which order it is made, and how it ends."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from jobnb import (
    AllPartitionMapping,
    AssetIn,
    AssetKey,
    BackfillPolicy,
    BackfillStatus,
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvalidSubsetError,
    InvariantViolationError,
    PartitionKeyRange,
    RunsFilter,
    Session,
    StaticPartitionsDefinition,
    TimeWindowPartitionMapping,
    UnknownPartitionError,
    WeeklyPartitionsDefinition,
    asset,
)
from jobnb.automation.backfill import BackfillFailedError
from jobnb.automation.backfill_launch import backfill_session, resume_backfill
from jobnb.execution.task import RunCanceledError, StillRunningError
from jobnb.storage.history import DATABASE_VARIABLE

DAYS = DailyPartitionsDefinition("2013-01-01", end_date="2013-02-01")
WEEKS = WeeklyPartitionsDefinition("2013-01-06", end_date="2013-02-01")
LETTERS = StaticPartitionsDefinition(["a", "b", "c", "d"])


class InMemory(Session):
    """A session whose history is in memory."""

    @property
    def instance(self):
        return self.kept


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def session(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if request.param != "memory":
        if request.param == "postgres":
            monkeypatch.setenv(DATABASE_VARIABLE, request.getfixturevalue("database"))
        made = Session(home=str(tmp_path))
        yield made
        made.instance.dispose()
        return
    with Instance.ephemeral() as instance:
        in_memory = InMemory()
        in_memory.kept = instance
        yield in_memory


def letters_of(seen: list, **more):
    @asset(partitions_def=LETTERS, **more)
    def letters(context):
        seen.append(tuple(context.partition_keys))
        found = {key: key * 2 for key in context.partition_keys}
        return found if len(found) > 1 else found[context.partition_key]

    return letters


def status(session, key, keys=("a", "b", "c", "d")):
    found = session.instance.get_status_by_partition(key, list(keys))
    return "".join(each.value[0] if each else "-" for each in found.values())


# --- runs and their partitions ----------------------------------------------


def test_each_partition_has_a_run_of_its_own_unless_the_policy_says_otherwise(session):
    for policy, runs in (
        (None, [("a",), ("b",), ("c",), ("d",)]),
        (BackfillPolicy.multi_run(3), [("a", "b", "c"), ("d",)]),
        (BackfillPolicy.single_run(), [("a", "b", "c", "d")]),
    ):
        seen: list = []
        session.add(letters_of(seen, backfill_policy=policy))
        backfill = session.backfill("letters")
        assert backfill.result().made == 4
        assert seen == runs
        assert len(backfill.runs) == len(runs)
        tagged = session.instance.get_runs(RunsFilter.for_backfill(backfill.backfill_id))
        assert [run.run_id for run in tagged] == [run.run_id for run in backfill.runs]
    assert status(session, "letters") == "MMMM"


def test_some_partitions_are_asked_for_in_any_form(session):
    seen: list = []
    session.add(letters_of(seen))
    for asked, keys in (
        ("b", ["b"]),
        (["d", "a"], ["a", "d"]),
        (PartitionKeyRange("b", "c"), ["b", "c"]),
        (LETTERS.subset_with_partition_keys(["c", "d"]), ["c", "d"]),
    ):
        seen.clear()
        session.backfill("letters", asked).result()
        assert seen == [(key,) for key in keys]


def test_only_what_is_missing_or_failed_is_made(session):
    bad = {"c"}

    @asset(partitions_def=LETTERS)
    def picky(context):
        if context.partition_key in bad:
            raise ValueError("bad")

    session.add(picky)
    session.backfill("picky", ["a", "c"]).wait()
    assert status(session, "picky") == "M-F-"
    again = session.backfill("picky", only_failed=True).wait()
    assert (again.counts.total, again.counts.failed) == (1, 1)
    bad.clear()
    missing = session.backfill("picky", only_missing=True)
    assert missing.result().made == 3
    assert status(session, "picky") == "MMMM"
    nothing = session.backfill("picky", only_missing=True)
    assert nothing.result().total == 0
    assert nothing.wait().status == "COMPLETED"
    with pytest.raises(InvalidInvocationError, match="keep one"):
        session.backfill("picky", only_missing=True, only_failed=True)


def test_assets_are_made_together_where_each_partition_is_made_from_its_own(session):
    seen: list = []

    @asset(partitions_def=LETTERS)
    def shouted(letters):
        return letters.upper()

    session.add(letters_of(seen), shouted)
    backfill = session.backfill("*shouted", ["a", "b"])
    assert backfill.result().made == 4
    assert len(backfill.runs) == 2
    if not session.instance.is_ephemeral:  # there, values that no other run reads are not kept
        assert session.value("shouted", "b") == "BB"


def test_days_are_made_before_the_weeks_that_are_made_from_them(session):
    order: list = []

    @asset(partitions_def=DAYS)
    def daily(context):
        order.append(context.partition_key)
        return 1

    @asset(partitions_def=WEEKS, deps=[daily])
    def weekly(context):
        order.append(context.partition_key)

    @asset(deps=[weekly])
    def report(context):
        order.append("report")

    session.add(daily, weekly, report)
    session.backfill(None, PartitionKeyRange("2013-01-06", "2013-01-20")).result()
    days = [f"2013-01-{day:02}" for day in range(6, 21)]
    assert order == [*days, "2013-01-06", "2013-01-13", "2013-01-20", "report"]
    # A key names partitions of the first definition that has it; a subset says which it means.
    order.clear()
    session.backfill(["daily", "weekly"], "2013-01-13").result()
    assert order == ["2013-01-13", "2013-01-13"]  # the key is one of the days: these come first
    order.clear()
    session.backfill(["daily", "weekly"], WEEKS.subset_with_partition_keys(["2013-01-13"])).result()
    assert order == [*(f"2013-01-{day}" for day in range(13, 20)), "2013-01-13"]


def test_what_is_made_from_its_own_day_before_is_made_in_order(session):
    order: list = []
    before = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @asset(partitions_def=DAYS, ins={"running": AssetIn(partition_mapping=before)})
    def running(context, running):
        order.append(context.partition_key)
        if context.partition_key == "2013-01-04":
            raise ValueError("stop")
        return (running or 0) + 1

    session.add(running)
    ends = PartitionKeyRange("2013-01-01", "2013-01-06")
    backfill = session.backfill("running", ends, max_parallel=3).wait()
    assert order == ["2013-01-01", "2013-01-02", "2013-01-03", "2013-01-04"]
    assert backfill.counts.failed == 1
    assert backfill.counts.blocked == 2
    assert session.value("running", "2013-01-03") == 3


def test_what_is_made_from_something_that_failed_is_not_tried(session):
    tried: list = []

    @asset(partitions_def=LETTERS)
    def source(context):
        if context.partition_key == "b":
            raise ValueError("no b")

    @asset(partitions_def=LETTERS, deps=[source], backfill_policy=BackfillPolicy.multi_run(2))
    def derived(context):
        tried.extend(context.partition_keys)

    @asset(partitions_def=LETTERS, deps=[derived])
    def last(context):
        tried.append(context.partition_key)

    @asset(deps=[last])
    def total():
        tried.append("total")

    session.add(source, derived, last, total)
    backfill = session.backfill()
    with pytest.raises(BackfillFailedError, match="1 failed, 3 skipped since"):
        backfill.result()
    assert tried == ["a", "c", "d", "a", "c", "d"]
    assert status(session, "source") == "MFMM"
    # As where one run makes several: of what failed, the grid tells what was not tried.
    assert status(session, "derived") == status(session, "last") == "MFMM"
    assert session.partitions("last").counts["skipped"] == 1
    assert backfill.status == "FAILED"


def test_runs_go_side_by_side_where_asked(session):
    meeting = threading.Barrier(2, timeout=30)

    @asset(partitions_def=LETTERS)
    def met(context):
        meeting.wait()

    session.add(met)
    assert session.backfill("met", max_parallel=2).result(timeout=60).made == 4


# --- acting on it -----------------------------------------------------------


def test_a_canceled_backfill_keeps_what_was_made_and_goes_on_where_asked(session):
    begun, go_on = threading.Event(), threading.Event()
    seen: list = []

    @asset(partitions_def=LETTERS)
    def slow(context):
        seen.append(context.partition_key)
        if context.partition_key == "b" and not go_on.is_set():
            begun.set()
            while True:
                time.sleep(0.01)

    session.add(slow)
    backfill = session.backfill("slow", tags={"why": "test"})
    assert begun.wait(30)
    with pytest.raises(StillRunningError, match="has not ended"):
        backfill.result(timeout=0.01)
    with pytest.raises(InvariantViolationError, match="is in progress"):
        session.resume_backfill(backfill.backfill_id)
    assert backfill.cancel("enough")
    assert backfill.wait(30).status == "CANCELED"
    assert not backfill.cancel()
    with pytest.raises(RunCanceledError, match="enough"):
        backfill.result()
    assert status(session, "slow") == "M---"
    assert [run.status.value for run in backfill.runs] == ["CANCELED", "SUCCESS"]
    kept = session.instance.get_backfill(backfill.backfill_id)
    assert kept.status is BackfillStatus.CANCELED
    assert kept.counts["made"] == 1
    go_on.set()
    again = session.resume_backfill(backfill.backfill_id)
    assert again.result(timeout=60).made == 3
    assert seen == ["a", "b", "b", "c", "d"]
    assert again.runs[0].tags["why"] == "test"
    assert session.instance.get_backfill(backfill.backfill_id).status is BackfillStatus.COMPLETED
    with pytest.raises(InvalidSubsetError, match="no backfill 'nope'"):
        session.resume_backfill("nope")


def test_a_backfill_tells_of_its_progress(session):
    news: list = []
    seen: list = []
    go_on = threading.Event()

    @asset(partitions_def=LETTERS)
    def letters(context):
        seen.append(context.partition_key)
        go_on.wait(30)

    session.add(letters)
    backfill = session.backfill("letters")
    backfill.observe(lambda change: news.append((change.name, change.new)))
    go_on.set()
    assert asyncio.run(awaited(backfill)).made == 4
    deadline = time.monotonic() + 30
    while ("status", "COMPLETED") not in news and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ("progress", 1.0) in news
    assert ("status", "COMPLETED") in news
    assert "4 of 4 partitions done (100%)" in repr(backfill)


async def awaited(backfill):
    return await backfill


def test_what_a_run_prints_is_in_its_own_log(session):
    @asset(partitions_def=LETTERS)
    def talking(context):
        print("this is", context.partition_key)

    session.add(talking)
    backfill = session.backfill("talking", ["a", "b"])
    backfill.result()
    for run in backfill.runs:
        lines = [e.message for e in session.instance.events(run.run_id)
                 if "this is" in e.message]  # fmt: skip
        assert len(lines) == 1
        assert run.partition_key in lines[0]


def test_backfills_are_kept_newest_first_and_in_pages(session):
    session.add(letters_of([]))
    ids = [session.backfill("letters", key).wait().backfill_id for key in "abc"]
    found = session.instance.get_backfills(status=BackfillStatus.COMPLETED)
    assert [each.backfill_id for each in found] == ids[::-1]
    assert found[0].asset_selection == (AssetKey("letters"),)
    page = session.instance.get_backfills(limit=1, cursor=ids[2])
    assert [each.backfill_id for each in page] == [ids[1]]
    assert list(session.instance.get_backfills(status=BackfillStatus.FAILED)) == []


# --- what cannot be ---------------------------------------------------------


def test_what_cannot_be_asked_for_is_told_before_anything_runs(session):
    @asset
    def plain(): ...

    @asset(partitions_def=StaticPartitionsDefinition(["x"]))
    def other(): ...

    @asset(partitions_def=LETTERS, ins={"other": AssetIn(partition_mapping=AllPartitionMapping())})
    def fed(other): ...

    session.add(letters_of([]), plain, other, fed)
    with pytest.raises(UnknownPartitionError, match="'e'"):
        session.backfill("letters", "e")
    with pytest.raises(InvalidDefinitionError, match="no asset of the backfill has partitions"):
        session.backfill("plain", "a")
    with pytest.raises(InvalidInvocationError, match="nothing of 'other'"):
        session.backfill(["letters", "other"], "a")
    with pytest.raises(InvalidInvocationError, match="max_parallel=0"):
        session.backfill("letters", "a", max_parallel=0)
    with pytest.raises(InvalidSubsetError, match="no asset 'nope'"):
        session.backfill(["nope"])
    assert not session.instance.get_backfills()
    # What a partition is made from is made too, whatever partitions it has.
    assert session.backfill(["fed", "other"], "a").result().made == 2


def test_dynamic_partitions_are_those_that_are_there_now(session):
    seen: list = []

    @asset(partitions_def=DynamicPartitionsDefinition(name="customers"))
    def customers(context):
        seen.append(context.partition_key)

    session.add(customers)
    session.instance.add_dynamic_partitions("customers", ["acme", "bolt"])
    session.backfill("customers").result()
    session.instance.add_dynamic_partitions("customers", ["core"])
    session.backfill("customers", only_missing=True).result()
    assert seen == ["acme", "bolt", "core"]


# --- another process --------------------------------------------------------

KILLED = """
    import os, sys
    from jobnb import Session, StaticPartitionsDefinition, asset, mem_io_manager
    keys = [f"p{i:03}" for i in range(200)]
    @asset(partitions_def=StaticPartitionsDefinition(keys))
    def counted(context):
        if context.partition_key == "p150" and sys.argv[2] == "first":
            context.instance.get_runs_count()  # what was made so far is on disk now
            os._exit(9)
    session = Session(home=sys.argv[1]).add(counted, resources={"io_manager": mem_io_manager})
    if sys.argv[2] == "first":
        session.backfill("counted").wait()
    else:
        [record] = session.instance.get_backfills()
        assert record.status.value == "FAILED", record
        assert "was interrupted" in record.error, record
        print(session.resume_backfill(record.backfill_id).result())
    session.instance.dispose()
"""


def test_a_backfill_whose_kernel_died_goes_on_in_the_next(home: Path) -> None:
    def run(which: str) -> tuple[int, str]:
        command = [sys.executable, "-c", textwrap.dedent(KILLED), str(home), which]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    assert run("first")[0] == 9
    code, text = run("second")
    assert code == 0, text
    assert "50 of 50 partitions done" in text
    with Instance.from_home(home) as instance:
        assert len(instance.get_materialized_partitions("counted")) == 200
        assert instance.get_materialization_count_by_partition(["counted"])[
            AssetKey("counted")
        ] == {f"p{i:03}": 1 for i in range(200)}


@pytest.mark.parametrize(
    ("method", "work"),
    [(Session.backfill, backfill_session), (Session.resume_backfill, resume_backfill)],
    ids=["backfill", "resume_backfill"],
)
def test_the_signature_tells_every_parameter_that_the_work_takes(method, work):
    told = list(inspect.signature(method).parameters.values())[1:]
    taken = list(inspect.signature(work).parameters.values())[1:]
    assert [(each.name, each.kind, each.default) for each in told] == [
        (each.name, each.kind, each.default) for each in taken
    ]


def test_the_last_change_that_observers_are_told_of_comes_when_it_has_ended(monkeypatch) -> None:
    """Also where its status was published while its end was still being recorded."""
    seen: list[tuple[str, bool]] = []
    published = threading.Event()
    gate = threading.Event()
    update = Instance.update_backfill

    def slowly(self, record):
        update(self, record)
        assert published.wait(30)

    def look(change) -> None:
        seen.append((change.owner.status, change.owner.is_finished))
        if change.owner.status == "COMPLETED":
            published.set()

    @asset(partitions_def=LETTERS)
    def letters() -> None:
        gate.wait(30)

    monkeypatch.setattr(Instance, "update_backfill", slowly)
    with Instance.ephemeral() as instance:
        backfill = Session().add(letters).backfill("letters", ["a"], instance=instance)
        backfill.observe(look)
        gate.set()
        backfill.result()
        deadline = time.monotonic() + 30
        while not seen[-1][1] and time.monotonic() < deadline:
            time.sleep(0.01)
    assert seen[-1] == ("COMPLETED", True)
