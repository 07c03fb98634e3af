"""Backfills of jobs: one run for each partition, with its own config and tags."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from jobnb import (
    AssetIn,
    AssetKey,
    BackfillStatus,
    Config,
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    Field,
    Instance,
    InvalidConfigError,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvalidSubsetError,
    InvariantViolationError,
    MultiPartitionsDefinition,
    PartitionBackfill,
    PartitionConfigError,
    PartitionedConfig,
    PartitionKeyRange,
    RunsFilter,
    Session,
    StaticPartitionsDefinition,
    TimeWindowPartitionMapping,
    UnknownPartitionError,
    asset,
    daily_partitioned_config,
    define_asset_job,
    job,
    op,
    resource,
    static_partitioned_config,
)
from jobnb.automation.backfill import BackfillFailedError
from jobnb.execution.task import RunCanceledError

LETTERS = StaticPartitionsDefinition(["a", "b", "c", "d"])
DAYS = DailyPartitionsDefinition("2013-01-01", end_date="2013-02-01")


class InMemory(Session):
    """A session whose history is in memory."""

    @property
    def instance(self):
        return self.kept


@pytest.fixture(params=["memory", "disk"])
def session(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "disk":
        made = Session(home=str(tmp_path))
        yield made
        made.instance.dispose()
        return
    with Instance.ephemeral() as instance:
        in_memory = InMemory()
        in_memory.kept = instance
        yield in_memory


def letters_job(seen: list, bad=frozenset(), **more):
    """A job that notes what it ran for, and fails for some."""

    @op
    def load(context):
        seen.append(context.partition_key)
        if context.partition_key in bad:
            raise ValueError("bad letter")
        return context.partition_key

    @op
    def shout(context, load):
        return load.upper()

    @job(name="letters", partitions_def=LETTERS, **more)
    def letters():
        shout(load())

    return letters


def status(session, name="letters", keys=("a", "b", "c", "d")):
    found = session.instance.get_job_status_by_partition(name, keys)
    return "".join(each.value[0] if each else "-" for each in found.values())


# --- its runs ---------------------------------------------------------------


def test_a_job_runs_once_for_each_partition_in_order(session):
    seen: list = []
    made = letters_job(seen)
    session.add(made)
    backfill = session.backfill("letters")
    assert str(backfill.result()) == "4 of 4 partitions done (100%): 4 made"
    assert seen == ["a", "b", "c", "d"]
    assert [run.partition_key for run in backfill.runs] == ["d", "c", "b", "a"]
    assert {run.job_name for run in backfill.runs} == {"letters"}
    assert status(session) == "MMMM"
    assert backfill.record.title == "letters"
    for asked, keys in (
        ("b", ["b"]),
        (["d", "a"], ["a", "d"]),
        (PartitionKeyRange("b", "c"), ["b", "c"]),
        (LETTERS.subset_with_partition_keys(["c", "d"]), ["c", "d"]),
    ):
        seen.clear()
        session.backfill(made, asked).result()
        assert seen == keys


def test_each_run_has_the_config_and_the_tags_of_its_partition(session):
    seen: list = []

    class Day(Config):
        day: str
        deep: bool = False

    @op
    def load(context, config: Day):
        window = context.partition_time_window
        seen.append((config.day, config.deep, context.partition_key, window.start.day))

    @daily_partitioned_config("2013-01-01", tags_for_partition_fn=lambda start, _end: {
        "weekday": start.strftime("%a")
    })  # fmt: skip
    def of_day(start, _end):
        return {"ops": {"load": {"config": {"day": f"{start:%d.%m.}"}}}}

    @job(config=of_day, tags={"team": "core"})
    def daily():
        load()

    session.add(daily)
    some = PartitionKeyRange("2013-01-01", "2013-01-02")
    backfill = session.backfill("daily", some, tags={"why": "test"})
    backfill.result()
    assert seen == [("01.01.", False, "2013-01-01", 1), ("02.01.", False, "2013-01-02", 2)]
    last = backfill.runs[0]
    assert (
        dict(last.tags).items()
        >= {
            "team": "core",
            "why": "test",
            "weekday": "Wed",
            "dagster/partition": "2013-01-02",
            "dagster/backfill": backfill.backfill_id,
        }.items()
    )
    assert last.run_config == {"ops": {"load": {"config": {"day": "02.01."}}}}
    # What is given by hand lies on top.
    seen.clear()
    by_hand = {"ops": {"load": {"config": {"deep": True}}}}
    session.backfill("daily", "2013-01-02", config=by_hand).result()
    assert seen == [("02.01.", True, "2013-01-02", 2)]


def test_partitions_may_name_other_parts_of_the_config(session):
    seen: list = []
    asked: list = []

    @static_partitioned_config(["none", "one", "both", "list"])
    def by_name(key):
        asked.append(key)
        first, second = {"config": {"n": 1}}, {"config": {"n": 2}}
        return {
            "none": None,
            "one": {"ops": {"first": first}},
            "both": {"ops": {"first": first, "second": second}},
            "list": {"ops": {"second": {"config": {"n": 3}}}, "execution": {}},
        }[key]

    def noting(name):
        @op(name=name, config_schema={"n": Field(int, default_value=0)})
        def noted(context):
            seen.append(context.op_config["n"])

        return noted

    first, second = noting("first"), noting("second")

    @job(config=by_name)
    def named():
        first()
        second()

    session.add(named)
    asked.clear()
    session.backfill("named").result()
    assert asked == ["none", "one", "both", "list"]
    assert seen == [0, 0, 1, 0, 1, 2, 0, 3]


def test_config_by_hand_that_fits_no_partition_is_told_before_anything_runs(session):
    @static_partitioned_config(["a", "b"])
    def by_letter(key):
        return {"ops": {"load": {"config": {"letter": key}}}}

    @op(config_schema={"letter": str})
    def load(): ...

    @job(config=by_letter)
    def configured():
        load()

    @job(partitions_def=LETTERS, config={"ops": {"load": {"config": {"letter": "x"}}}})
    def same_for_all():
        load()

    session.add(configured, same_for_all)
    for name in ("configured", "same_for_all"):
        with pytest.raises(InvalidConfigError, match="lettre"):
            session.backfill(name, config={"ops": {"load": {"config": {"lettre": 1}}}})
    assert not session.instance.get_backfills()
    assert session.instance.get_runs_count() == 0
    assert session.backfill("same_for_all", "a").result().made == 1


def test_what_gives_the_config_fails_its_own_partition_only(session):
    seen: list = []

    @static_partitioned_config(["a", "b", "c"])
    def by_letter(key):
        if key == "b":
            raise KeyError("no letter here")
        return {"ops": {"load": {"config": {"letter": key if key == "a" else 5}}}}

    @op(config_schema={"letter": str})
    def load(context):
        seen.append(context.op_config["letter"])

    @job(config=by_letter)
    def configured():
        load()

    session.add(configured)
    backfill = session.backfill("configured").wait()
    assert seen == ["a"]
    assert (backfill.counts.made, backfill.counts.failed) == (1, 2)
    with pytest.raises(BackfillFailedError, match="2 failed"):
        backfill.result()
    assert status(session, "configured", "abc") == "MFF"
    told = {
        run.partition_key: "\n".join(
            str(getattr(event, "error", "")) for event in session.instance.events(run.run_id)
        )
        for run in backfill.runs
    }
    assert "The function 'by_letter' gave no run config for the partition 'b'" in told["b"]
    assert "no letter here" in told["b"]
    assert "'by_letter' gave for the partition 'c' does not fit" in told["c"]
    assert "letter" in told["c"]
    with pytest.raises(PartitionConfigError, match="'by_letter' gave no run config for the part"):
        configured.execute_in_process(partition_key="b")


def test_a_function_for_tags_that_raises_is_named_too(session):
    def weekday(key):
        raise RuntimeError("no calendar")

    @op
    def load(): ...

    config = PartitionedConfig(
        LETTERS, run_config_for_partition_key_fn=lambda _key: {}, tags_for_partition_key_fn=weekday
    )

    @job(config=config)
    def tagged():
        load()

    session.add(tagged)
    backfill = session.backfill("tagged", "a").wait()
    assert backfill.counts.failed == 1
    [run] = backfill.runs
    [failed] = [e for e in session.instance.events(run.run_id) if hasattr(e, "error")]
    assert "The function 'weekday' gave no tags for the partition 'a'" in str(failed.error)


def test_only_what_never_ran_or_failed_last_is_run(session):
    seen: list = []
    bad = {"c"}
    session.add(letters_job(seen, bad))
    session.backfill("letters", ["a", "c"]).wait()
    assert status(session) == "M-F-"
    seen.clear()
    assert session.backfill("letters", only_failed=True).wait().counts.failed == 1
    bad.clear()
    session.backfill("letters", only_missing=True).result()
    assert seen == ["c", "b", "d"]
    assert status(session) == "MMFM"
    # A run of another way counts as well: the last one tells.
    session.launch("letters", partition="c").wait()
    assert status(session) == "MMMM"
    nothing = session.backfill("letters", only_failed=True)
    assert nothing.result().total == 0
    with pytest.raises(InvalidInvocationError, match="keep one"):
        session.backfill("letters", only_missing=True, only_failed=True)
    with pytest.raises(InvalidInvocationError, match="stale_only is for assets"):
        session.backfill("letters", stale_only=True)


def test_runs_of_other_jobs_and_those_that_were_canceled_change_nothing(session):
    begun, stops = threading.Event(), {"b"}

    @op
    def wait(context):
        if context.partition_key in stops:
            begun.set()
            while True:
                time.sleep(0.01)

    @job(partitions_def=LETTERS)
    def other():
        wait()

    session.add(other, letters_job([]))
    session.backfill("other", "a").result()
    assert status(session) == "----"
    run = session.launch("other", partition="b")
    assert begun.wait(30)
    assert status(session, "other") == "MI--"
    run.cancel()
    run.wait(30)
    assert run.status == "CANCELED"
    assert status(session, "other") == "M---"
    stops.add("a")
    begun.clear()
    run = session.launch("other", partition="a")
    assert begun.wait(30)
    run.cancel()
    run.wait(30)
    assert status(session, "other") == "M---"


def test_runs_go_side_by_side_where_asked(session):
    meeting = threading.Barrier(2, timeout=30)

    @op
    def meet():
        meeting.wait()

    @job(partitions_def=LETTERS)
    def met():
        meet()

    session.add(met)
    assert session.backfill("met", max_parallel=2).result(timeout=60).made == 4


def test_a_job_has_a_backfill_of_its_own_with_resources_in_place_of_its_own(session):
    seen: list = []

    @resource
    def store(_context):
        return "far"

    @op(required_resource_keys={"store"})
    def load(context):
        seen.append((context.partition_key, context.resources.store))

    @job(partitions_def=LETTERS, resource_defs={"store": store})
    def stored():
        load()

    stored.backfill("a", instance=session.instance).result()
    backfill = stored.backfill(["b"], instance=session.instance, resources={"store": "near"})
    assert backfill.result().made == 1
    assert seen == [("a", "far"), ("b", "near")]
    # Nobody but the handle knows the job: it can go on all the same.
    assert session.resume_backfill(backfill.backfill_id).result().total == 0


def test_a_resource_that_cannot_be_set_up_fails_the_run(session):
    @resource
    def broken(_context):
        raise OSError("no disk")

    @op(required_resource_keys={"store"})
    def load(): ...

    @job(partitions_def=LETTERS, resource_defs={"store": broken})
    def stored():
        load()

    session.add(stored)
    assert session.backfill("stored", ["a", "b"]).wait().counts.failed == 2
    assert status(session, "stored") == "FF--"


def test_a_run_for_several_partitions_counts_for_each_of_them(session):
    @asset(partitions_def=LETTERS)
    def letters(context): ...

    session.add(letters, define_asset_job("spelling", [letters]))
    session.launch("spelling", partition=PartitionKeyRange("b", "c")).wait(30)
    session.launch("spelling", partition=["a", "d"]).wait(30)
    found = session.instance.get_job_status_by_partition("spelling", "abcd", LETTERS)
    assert {each.value for each in found.values()} == {"MATERIALIZED"}
    assert session.partitions("spelling").counts["succeeded"] == 4
    assert session.backfill("spelling", only_missing=True).result().total == 0
    ran = session.partitions("spelling").to_pandas()["run_id"]
    assert ran[0] == ran[3] != ran[1] == ran[2]
    # What a run of before named, and is no partition any more, is passed over.
    other = StaticPartitionsDefinition(["x"])
    found = session.instance.get_job_status_by_partition("spelling", "x", other)
    assert found == {"x": None}


# --- asset jobs -------------------------------------------------------------


def test_an_asset_job_makes_all_its_assets_for_each_partition(session):
    order: list = []

    @asset(partitions_def=LETTERS)
    def letters(context):
        order.append(("letters", context.partition_key))
        return context.partition_key

    @asset(partitions_def=LETTERS)
    def shouted(context, letters):
        order.append(("shouted", context.partition_key))
        return letters.upper()

    made = define_asset_job("spelling", [letters, shouted], partitions_def=LETTERS)
    session.add(letters, shouted, made)
    backfill = session.backfill(made, ["a", "b"])
    assert backfill.result().made == 2
    assert order == [("letters", "a"), ("shouted", "a"), ("letters", "b"), ("shouted", "b")]
    assert session.value("shouted", "b") == "B"
    assert status(session, "spelling") == "MM--"
    assert backfill.record.asset_selection == (AssetKey("letters"), AssetKey("shouted"))
    assert session.instance.get_materialized_partitions("shouted") == {"a", "b"}


def test_what_is_made_from_the_day_before_is_made_in_order_however_many_side_by_side(session):
    order: list = []
    before = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @asset(partitions_def=DAYS, ins={"running": AssetIn(partition_mapping=before)})
    def running(context, running):
        order.append(context.partition_key)
        return (running or 0) + 1

    session.add(running, define_asset_job("totals", [running]))
    some = PartitionKeyRange("2013-01-01", "2013-01-05")
    session.backfill("totals", some, max_parallel=3).result()
    assert order == [f"2013-01-0{day}" for day in range(1, 6)]
    assert session.value("running", "2013-01-05") == 5


def test_partitions_of_several_dimensions_and_dynamic_ones_are_run(session):
    seen: list = []
    both = MultiPartitionsDefinition(
        {"letter": LETTERS, "side": StaticPartitionsDefinition(["l", "r"])}
    )

    @op
    def load(context):
        seen.append(str(context.partition_key))

    @job(partitions_def=both)
    def pairs():
        load()

    @job(partitions_def=DynamicPartitionsDefinition(name="customers"))
    def customers():
        load()

    session.add(pairs, customers)
    session.backfill("pairs", ["a|l", "b|r"]).result()
    session.backfill("pairs", ["a|l", "a|r"], only_missing=True).result()
    assert seen == ["a|l", "b|r", "a|r"]
    session.instance.add_dynamic_partitions("customers", ["acme", "bolt"])
    session.backfill("customers", "bolt").result()
    session.backfill("customers", only_missing=True).result()
    assert seen[3:] == ["bolt", "acme"]


def test_a_name_means_the_job_unless_only_the_asset_called_so_has_partitions(session):
    seen: list = []

    @asset(partitions_def=LETTERS, name="letters")
    def as_asset(context):
        seen.append("asset")

    @op
    def idle(): ...

    @job(name="letters")
    def plain():
        idle()

    session.add(as_asset, plain)
    session.backfill("letters", "a").result()
    assert seen == ["asset"]
    assert "materialized" in session.partitions("letters").counts
    session.add(letters_job(seen))
    session.backfill("letters", "a").result()
    assert seen == ["asset", "a"]
    assert "succeeded" in session.partitions("letters").counts
    session.backfill("key:letters", "b").result()
    assert seen == ["asset", "a", "asset"]


# --- acting on it -----------------------------------------------------------


def test_a_canceled_backfill_goes_on_with_what_did_not_succeed(session):
    begun, go_on = threading.Event(), threading.Event()
    seen: list = []

    @op
    def slow(context):
        seen.append(context.partition_key)
        if context.partition_key == "b" and not go_on.is_set():
            begun.set()
            while True:
                time.sleep(0.01)

    @job(partitions_def=LETTERS)
    def slowly():
        slow()

    session.add(slowly)
    backfill = session.backfill("slowly", tags={"why": "test"})
    assert begun.wait(30)
    with pytest.raises(InvariantViolationError, match="is in progress"):
        session.resume_backfill(backfill.backfill_id)
    assert backfill.cancel("enough")
    assert backfill.wait(30).status == "CANCELED"
    with pytest.raises(RunCanceledError, match="enough"):
        backfill.result()
    assert status(session, "slowly") == "M---"
    go_on.set()
    again = session.resume_backfill(backfill.backfill_id)
    assert again.result(timeout=60).made == 3
    assert seen == ["a", "b", "b", "c", "d"]
    assert again.runs[0].tags["why"] == "test"
    assert session.instance.get_backfill(backfill.backfill_id).status.value == "COMPLETED"


def test_going_on_tries_what_failed_again_with_the_job_as_it_is_now(session):
    seen: list = []
    session.add(letters_job(seen, {"b"}))
    backfill = session.backfill("letters").wait()
    assert backfill.counts.failed == 1
    session.add(letters_job(seen))
    seen.clear()
    assert session.resume_backfill(backfill.backfill_id).result().made == 1
    assert seen == ["b"]
    gone = PartitionBackfill(job_name="gone", status=BackfillStatus.CANCELED)
    session.instance.add_backfill(gone)
    with pytest.raises(InvalidSubsetError, match="of the job 'gone', which this session does not"):
        session.resume_backfill(gone.backfill_id)


def test_what_a_run_prints_is_in_its_own_log(session):
    @op
    def talk(context):
        print("this is", context.partition_key)

    @job(partitions_def=LETTERS)
    def talking():
        talk()

    session.add(talking)
    backfill = session.backfill("talking", ["a", "b"])
    backfill.result()
    for run in backfill.runs:
        [line] = [e.message for e in session.instance.events(run.run_id) if "this is" in e.message]
        assert run.partition_key in line


# --- what cannot be ---------------------------------------------------------


def test_what_cannot_be_asked_for_is_told_before_anything_runs(session):
    @op
    def load(): ...

    @job
    def plain():
        load()

    session.add(plain, letters_job([]))
    with pytest.raises(InvalidDefinitionError, match="The job 'plain' has no partitions"):
        session.backfill("plain")
    with pytest.raises(UnknownPartitionError, match=r"The job 'letters': .*'e'"):
        session.backfill("letters", "e")
    with pytest.raises(InvalidInvocationError, match="other partitions than the job 'letters'"):
        session.backfill("letters", DAYS.subset_with_all_partitions())
    with pytest.raises(InvalidInvocationError, match="max_parallel=0"):
        session.backfill("letters", "a", max_parallel=0)
    with pytest.raises(InvalidSubsetError, match="no job or asset 'letter'. Did you mean"):
        session.backfill("letter")
    assert not session.instance.get_backfills()
    assert session.instance.get_runs_count(RunsFilter()) == 0


# --- another process --------------------------------------------------------

KILLED = """
    import os, sys
    from jobnb import Session, StaticPartitionsDefinition, job, op, mem_io_manager
    keys = [f"p{i:03}" for i in range(200)]
    @op
    def count(context):
        if context.partition_key == "p150" and sys.argv[2] == "first":
            context.instance.get_runs_count()  # what was made so far is on disk now
            os._exit(9)
    @job(partitions_def=StaticPartitionsDefinition(keys))
    def counted():
        count()
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


def test_a_backfill_whose_kernel_died_goes_on_in_the_next(tmp_path: Path) -> None:
    def run(which: str) -> tuple[int, str]:
        command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), which]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    assert run("first")[0] == 9
    code, text = run("second")
    assert code == 0, text
    assert "50 of 50 partitions done" in text
    with Instance(home=tmp_path) as instance:
        keys = [f"p{i:03}" for i in range(200)]
        standing = instance.get_job_status_by_partition("counted", keys)
        assert {each.value for each in standing.values()} == {"MATERIALIZED"}
        succeeded = [run.partition_key for run in instance.get_runs() if run.is_success]
        assert sorted(succeeded) == keys


class Pin(Config):
    pin: SecretStr


def test_the_record_of_a_backfill_has_no_secret(tmp_path):
    seen = []

    @op
    def enter(config: Pin):
        seen.append(config.pin.get_secret_value())

    @job(partitions_def=StaticPartitionsDefinition(["x", "y"]))
    def daily():
        enter()

    @asset(partitions_def=StaticPartitionsDefinition(["x", "y"]))
    def orders(config: Pin):
        seen.append(config.pin.get_secret_value())

    with Instance(tmp_path) as instance:
        session = Session()
        session.add(orders)
        config = {"ops": {"enter": {"config": {"pin": "48151623"}}}}
        daily.backfill(config=config, instance=instance).wait()
        config = {"ops": {"orders": {"config": {"pin": "48151623"}}}}
        session.backfill("orders", config=config, instance=instance).wait()
        told = [each.run_config for each in instance.get_backfills()]
    assert seen == ["48151623"] * 4
    assert len(told) == 2
    assert "48151623" not in repr(told)
    files = [each for each in tmp_path.rglob("*.db*") if each.is_file()]
    assert files
    assert not any(b"48151623" in each.read_bytes() for each in files)
