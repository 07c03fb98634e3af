"""Runs: what is kept of them, and how they are found again."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import random
import uuid
from pathlib import Path

import pytest
from sqlalchemy import event

from jobnb import (
    AssetKey,
    AssetMaterialization,
    ExpectationResult,
    Instance,
    InvariantViolationError,
    JobRun,
    Out,
    RetryPolicy,
    RunNotFoundError,
    RunsFilter,
    RunStatus,
    job,
    op,
)
from jobnb import events as ev
from jobnb.storage import tables
from jobnb.storage.run import JobBucket, TagBucket, decode_run, encode_run, new_run_id
from tests.storage.place import Place


def finish(instance: Instance, run: JobRun, *events: ev.Event) -> None:
    log = instance.open_log(run)
    log.events.extend(events)
    log.close()


def ids(runs: object) -> list[str]:
    return [run.run_id for run in runs]  # type: ignore[attr-defined]


def add(instance: Instance, *names: str, **fields: object) -> list[JobRun]:
    return [instance.create_run(JobRun(name, run_id=name, **fields)) for name in names]  # type: ignore[arg-type]


def test_run_ids_are_random_uuids_also_where_random_was_seeded_or_a_process_forked() -> None:
    random.seed(0)
    first = new_run_id()
    random.seed(0)
    ids = {first, *(new_run_id() for _ in range(1_000))}
    assert len(ids) == 1_001
    assert {(uuid.UUID(each).version, uuid.UUID(each).variant) for each in ids} == {
        (4, uuid.RFC_4122)
    }
    with multiprocessing.get_context("fork").Pool(2) as pool:
        children = [pool.apply(new_run_id) for _ in range(2)]
    assert len({new_run_id(), *children}) == 3


def test_everything_about_a_run_is_kept(instance: Instance) -> None:
    run = JobRun(
        "daily",
        run_config={"ops": {"load": {"config": {"year": 2013}}}},
        asset_selection=frozenset({AssetKey(["a", "b"]), AssetKey("c")}),
        op_selection=["load*"],
        resolved_op_selection=frozenset({"load", "clean"}),
        step_keys_to_execute=["load"],
        tags={"dagster/partition": "2013-01-01", "<b>": "ü \U0001f600"},
        parent_run_id="p",
        root_run_id="r",
    )
    instance.create_run(run)
    assert instance.get_run_by_id(run.run_id) == run
    assert run.partition_key == "2013-01-01"


def test_what_json_does_not_know_is_kept_as_text() -> None:
    class Named(str):
        __slots__ = ()

        def __str__(self) -> str:
            raise AssertionError("the value behind the name must not be asked for")

    config = {"day": dt.date(2013, 1, 1), "path": Path("x"), "secret": Named("TOKEN"), "o": {1j}}
    kept = decode_run(encode_run(JobRun("daily", run_config=config))).run_config
    assert kept["day"] == "2013-01-01"
    assert kept["path"] == "x"
    assert kept["secret"] == "TOKEN"


def test_a_run_id_is_there_once(instance: Instance) -> None:
    add(instance, "a")
    with pytest.raises(InvariantViolationError, match="'a' already"):
        add(instance, "a")
    assert instance.get_runs_count() == 1
    with pytest.raises(InvariantViolationError, match="'a' already"):
        add(instance, "a")


def test_status_and_times_follow_the_events(instance: Instance) -> None:
    (run,) = add(instance, "a")
    log = instance.open_log(run)
    seen = []
    for happened in (
        ev.RunStarting(1.0),
        ev.RunStarted(2.0, "a"),
        ev.RunCanceling(3.0, "a"),
        ev.RunCanceled(4.0, "a"),
    ):
        log.events.append(happened)
        log.commit()
        record = instance.get_run_record_by_id("a")
        assert record is not None
        seen.append((record.run.status.value, record.start_time, record.end_time))
    log.close()
    assert seen == [
        ("STARTING", None, None),
        ("STARTED", 2.0, None),
        ("CANCELING", 2.0, None),
        ("CANCELED", 2.0, 4.0),
    ]


def test_pages_hold_every_run_once_newest_first(instance: Instance) -> None:
    names = [f"r{i}" for i in range(7)]
    add(instance, *names)
    pages, cursor = [], None
    while page := instance.get_runs(cursor=cursor, limit=3):
        pages.append(ids(page))
        cursor = page[-1].run_id
    assert pages == [["r6", "r5", "r4"], ["r3", "r2", "r1"], ["r0"]]
    assert ids(instance.get_runs(ascending=True, cursor="r4")) == ["r5", "r6"]
    assert instance.get_run_ids(cursor="r2", limit=1) == ["r1"]


def test_a_page_after_a_run_that_is_gone_is_an_error(instance: Instance) -> None:
    add(instance, "a")
    with pytest.raises(RunNotFoundError, match="no run 'gone'"):
        instance.get_runs(cursor="gone")


def test_filters_hold_together(instance: Instance) -> None:
    instance.create_run(JobRun("x", "1", tags={"team": "a", "env": "prod"}, job_snapshot_id="s"))
    instance.create_run(JobRun("x", "2", tags={"team": "b", "env": "prod"}))
    instance.create_run(JobRun("y", "3", tags={"team": "c"}))
    finish(instance, JobRun("x", "2"), ev.RunStarted(1.0, "x"), ev.RunSucceeded(2.0, "x"))

    def found(**fields: object) -> list[str]:
        filters = RunsFilter(**fields)  # type: ignore[arg-type]
        assert instance.get_runs_count(filters) == len(instance.get_runs(filters))
        return sorted(ids(instance.get_runs(filters)))

    assert found() == ["1", "2", "3"]
    assert found(run_ids=["1", "9"]) == ["1"]
    assert found(run_ids=[]) == []
    assert found(job_name="x") == ["1", "2"]
    assert found(statuses=[RunStatus.SUCCESS]) == ["2"]
    assert found(tags={"env": "prod", "team": "a"}) == ["1"]
    assert found(tags={"team": ["a", "c"]}) == ["1", "3"]
    assert found(snapshot_id="s") == ["1"]
    assert found(job_name="x", statuses=[RunStatus.NOT_STARTED]) == ["1"]
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    assert found(created_after=soon) == found(updated_after=soon) == []
    assert found(created_before=soon) == found(updated_before=soon) == ["1", "2", "3"]


def test_a_time_in_another_zone_is_the_same_moment(instance: Instance) -> None:
    add(instance, "a")
    record = instance.get_run_records()[0]
    elsewhere = dt.timezone(dt.timedelta(hours=9))
    before = (record.create_timestamp - dt.timedelta(seconds=1)).astimezone(elsewhere)
    assert instance.get_runs_count(RunsFilter(created_after=before)) == 1
    assert instance.get_runs_count(RunsFilter(created_before=before)) == 0


def test_records_are_ordered_and_paged_by_any_time(instance: Instance) -> None:
    for name, start in (("a", 30.0), ("b", 10.0), ("c", 20.0), ("d", 20.0)):
        finish(instance, *add(instance, name), ev.RunStarted(start, name))
    add(instance, "never")

    def page(cursor: str | None) -> list[str]:
        found = instance.get_run_records(limit=2, order_by="start_time", cursor=cursor)
        return [record.run.run_id for record in found]

    assert [page(None), page("d"), page("b")] == [["a", "d"], ["c", "b"], ["never"]]
    with pytest.raises(InvariantViolationError, match="start_time"):
        instance.get_run_records(order_by="start_tim")


def test_buckets_bound_the_runs_of_each_job_and_tag_value(instance: Instance) -> None:
    for i in range(4):
        instance.create_run(JobRun("x", f"x{i}", tags={"team": "ab"[i % 2]}))
        instance.create_run(JobRun("y", f"y{i}"))
    assert ids(instance.get_runs(bucket_by=JobBucket(["x", "y"], 1))) == ["y3", "x3"]
    assert ids(instance.get_runs(bucket_by=TagBucket("team", ["a", "b"], 1))) == ["x3", "x2"]
    assert len(instance.get_runs(bucket_by=JobBucket(["x"]))) == 4


def test_tags_are_added_changed_and_listed(instance: Instance) -> None:
    add(instance, "a", tags={"team": "a"})
    instance.create_run(JobRun("b", tags={"team": "50%_x"}))
    instance.add_run_tags("a", {"team": "b", "new": "1"})
    kept = instance.get_run_by_id("a")
    assert kept is not None
    assert kept.tags == {"team": "b", "new": "1"}
    assert instance.get_runs_count(RunsFilter(tags={"team": "a"})) == 0
    assert dict(instance.get_run_tags()) == {"new": {"1"}, "team": {"b", "50%_x"}}
    assert dict(instance.get_run_tags(["team"], value_prefix="50%_")) == {"team": {"50%_x"}}
    assert instance.get_run_tags(value_prefix="5%") == []
    assert instance.get_run_tag_keys() == ["new", "team"]
    with pytest.raises(RunNotFoundError, match="'nope'"):
        instance.add_run_tags("nope", {"x": "y"})


def test_adding_tags_does_not_undo_the_status(instance: Instance) -> None:
    (run,) = add(instance, "a")
    finish(instance, run, ev.RunStarted(1.0, "a"), ev.RunSucceeded(2.0, "a"))
    instance.add_run_tags("a", {"x": "y"})
    assert instance.get_runs()[0].is_success


def test_a_group_is_a_run_with_all_its_repetitions(instance: Instance) -> None:
    add(instance, "first", "other")
    add(instance, "again", root_run_id="first", parent_run_id="first")
    add(instance, "third", root_run_id="first", parent_run_id="again")
    for name in ("first", "again", "third"):
        root, runs = instance.get_run_group(name)
        assert (root, ids(runs)) == ("first", ["first", "again", "third"])
    assert ids(instance.get_run_group("other")[1]) == ["other"]
    with pytest.raises(RunNotFoundError):
        instance.get_run_group("nope")


def test_a_deleted_run_leaves_nothing(instance: Instance) -> None:
    (run, _) = add(instance, "a", "b", tags={"t": "v"})
    finish(instance, run, ev.RunStarted(1.0, "a"), ev.StepFailed(2.0, "s", ev.ErrorInfo("E", "")))
    instance.delete_run("a")
    assert not instance.has_run("a")
    assert instance.has_run("b")
    assert instance.events("a") == []
    assert instance.get_run_tags() == [("t", {"v"})]
    with pytest.raises(RunNotFoundError, match="'a'"):
        instance.delete_run("a")


def test_a_run_deleted_while_it_runs_writes_nothing_more(instance: Instance) -> None:
    (run,) = add(instance, "a")
    log = instance.open_log(run)
    log.events.append(ev.RunStarted(1.0, "a"))
    instance.delete_run("a")
    log.events.append(ev.RunSucceeded(2.0, "a"))
    log.close()
    assert instance.events("a") == []
    assert not instance.has_run("a")


def test_stats_count_what_happened(instance: Instance) -> None:
    (run,) = add(instance, "a")
    finish(
        instance,
        run,
        ev.RunStarting(0.5),
        ev.RunStarted(1.0, "a"),
        ev.StepSucceeded(2.0, "x", 1.0),
        ev.StepSucceeded(2.0, "y", 1.0),
        ev.StepFailed(3.0, "z", ev.ErrorInfo("E", "")),
        ev.AssetMaterialized(3.0, "x", ("x",)),
        ev.ExpectationChecked(3.0, "x", True),
        ev.RunFailed(4.0, "a"),
    )
    stats = instance.get_run_stats("a")
    assert (stats.steps_succeeded, stats.steps_failed, stats.materializations) == (2, 1, 1)
    assert (stats.expectations, stats.launch_time) == (1, 0.5)
    assert (stats.start_time, stats.end_time) == (1.0, 4.0)


def test_one_page_of_ten_thousand_runs_is_one_statement(durable: Instance) -> None:
    database = durable._opened()
    ids = [f"r{i}" for i in range(10_000)]
    body = encode_run(JobRun("daily"))
    rows = [{"run_id": run_id, "job_name": "daily", "status": "SUCCESS", "created": 1.0,
             "updated": 1.0, "body": body} for run_id in ids]  # fmt: skip
    tags = [{"run_id": run_id, "key": "n", "value": run_id[-1]} for run_id in ids]
    database.write(lambda c: c.execute(tables.runs.insert(), rows))
    database.write(lambda c: c.execute(tables.run_tags.insert(), tags))
    database.write(lambda c: c.exec_driver_sql("ANALYZE"))
    statements: list[str] = []

    def note(conn: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    page = durable.get_runs(RunsFilter(job_name="daily", tags={"n": "3"}), limit=50)
    assert len(page) == 50
    looked = ("FROM leases", "FROM backfills")  # whether a process is gone, once a second
    asked = [s for s in statements if s.startswith("SELECT") and not any(t in s for t in looked)]
    assert len(asked) == 1
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    query = "SELECT * FROM runs WHERE job_name='daily' ORDER BY id DESC LIMIT 50"
    explained = str(database.read(lambda c: c.exec_driver_sql(f"{explain} {query}").all()))
    assert "USING INDEX" in explained or "Index Scan" in explained
    assert "TEMP B-TREE" not in explained
    assert "Sort" not in explained


def test_a_run_keeps_which_notebook_launched_it_and_can_be_found_by_it(place: Place) -> None:
    with place.open() as instance:
        for name in ("a.ipynb", "b.ipynb", None):
            instance.create_run(JobRun("daily", notebook=name))
        instance.create_run(JobRun("daily", notebook="a.ipynb"))
    with place.open() as instance:
        assert [each.notebook for each in instance.get_run_records()] == [
            "a.ipynb", None, "b.ipynb", "a.ipynb",
        ]  # fmt: skip
        assert instance.get_run_notebooks() == ["a.ipynb", "b.ipynb"]
        assert instance.get_runs_count(RunsFilter(notebook="a.ipynb")) == 2


def test_a_history_of_the_second_schema_gets_the_column_of_notebooks(place: Place) -> None:
    with place.open() as instance:
        instance.create_run(JobRun("old"))
        with instance._opened().engine.begin() as old:
            old.exec_driver_sql("ALTER TABLE runs DROP COLUMN notebook")
            old.exec_driver_sql("UPDATE kvs SET value = '2' WHERE key = 'jobnb/schema_version'")
    for _ in range(2):
        with place.open() as instance:
            assert instance.get_run_records(RunsFilter(job_name="old"))[0].notebook is None
            instance.create_run(JobRun("new", notebook="a.ipynb"))
            assert instance.get_run_notebooks() == ["a.ipynb"]


def test_the_steps_of_a_run_in_numbers():
    @op
    def first():
        return 1

    @op(retry_policy=RetryPolicy(max_retries=1))
    def second(context, x):
        if context.retry_number < 1:
            raise ValueError
        return x

    @op(out=Out(is_required=False))
    def third(x):
        yield ExpectationResult(success=True)
        yield AssetMaterialization("k")

    @op
    def fourth(x): ...

    @job
    def several():
        fourth(third(second(first())))

    with Instance.ephemeral() as instance:
        run_id = several.execute_in_process(instance=instance).run_id
        found = instance.get_run_step_stats(run_id)
        assert [(each.step_key, each.status.value, each.attempts) for each in found] == [
            ("first", "SUCCESS", 1),
            ("second", "SUCCESS", 2),
            ("third", "SUCCESS", 1),
            ("fourth", "SKIPPED", None),
        ]
        second_stats, third_stats = found[1:3]
        assert second_stats.start_time <= second_stats.attempts_list[0].end_time
        assert second_stats.attempts_list[1].end_time == second_stats.end_time
        [made] = third_stats.materialization_events
        assert made.dagster_event.asset_key.to_user_string() == "k"
        assert third_stats.expectation_results[0].success
        [chosen] = instance.get_run_step_stats(run_id, step_keys=["fourth"])
        assert chosen.attempts_list[0].start_time is None
        assert instance.get_run_step_stats("unknown") == []
