"""The history view shows pages of runs, filtered as asked, and does what its buttons say."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from jobnb import (
    AssetKey,
    Instance,
    InvariantViolationError,
    JobRun,
    RunRecord,
    RunsFilter,
    RunStatus,
    RunTable,
    Session,
    StaticPartitionsDefinition,
    StepStatus,
    fold,
    job,
    op,
)
from jobnb.display.history_views import run_table_view
from jobnb.display.text import moment
from jobnb.display.widgets.history import HistoryView
from jobnb.display.widgets.history_data import choices, compared, filter_of, page_of, run_row
from jobnb.display.widgets.live_and_static import WIDGET_MIME
from tests.display.reading import HOSTILE, check_bundle


@op(config_schema={"rows": int})
def load(context):
    if context.op_config["rows"] > 90:
        raise ValueError("too many")
    return context.op_config["rows"]


DAYS = [f"2013-01-0{day}" for day in range(1, 8)]


@job(partitions_def=StaticPartitionsDefinition(DAYS))
def numbers():
    load()


def config(rows):
    return {"ops": {"load": {"config": {"rows": rows}}}}


@pytest.fixture(scope="module")
def instance():
    with Instance.ephemeral() as made:
        for rows in range(7):
            numbers.execute_in_process(
                run_config=config(99 if rows == 3 else rows),
                instance=made,
                raise_on_error=False,
                partition_key=DAYS[rows],
                tags={"team": "data" if rows % 2 else "web"},
            )
        yield made


def rows_of(instance, **asked):
    return [row["partition"][-1] for row in page_of(instance, asked, None, 50)["rows"]]


def test_pages_follow_each_other(instance):
    seen, cursor = [], None
    while True:
        page = page_of(instance, {}, cursor, 3)
        seen.append([row["partition"][-1] for row in page["rows"]])
        assert page["total"] == 7
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [["7", "6", "5"], ["4", "3", "2"], ["1"]]


def test_a_full_last_page_has_no_next(instance):
    assert page_of(instance, {}, None, 7)["next"] is None


def test_runs_are_filtered(instance):
    assert rows_of(instance, statuses=["FAILURE"]) == ["4"]
    assert rows_of(instance, tags={"team": "data"}) == ["6", "4", "2"]
    assert rows_of(instance, tags={"team": "data"}, statuses=["SUCCESS"]) == ["6", "2"]
    assert rows_of(instance, job="numbers ") == list("7654321")
    assert rows_of(instance, job="others") == []
    third = instance.get_run_ids()[4]
    assert rows_of(instance, id=third[:8]) == ["3"]
    assert rows_of(instance, id=third) == ["3"]
    assert rows_of(instance, id="no such") == []


def test_runs_are_filtered_by_local_times(instance):
    now = datetime.now().astimezone()
    before, after = (now - timedelta(hours=1)).isoformat(), (now + timedelta(hours=1)).isoformat()
    assert len(rows_of(instance, after=before, before=after)) == 7
    assert rows_of(instance, after=after[:16]) == []
    assert rows_of(instance, before=before) == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"statuses": ["FAILED"]}, "FAILURE"), ({"after": "yesterday"}, "2013-01-31T09:30")],
)
def test_what_cannot_be_read_is_told(instance, asked, said):
    with pytest.raises(InvariantViolationError, match=said):
        filter_of(instance, asked)


def test_nothing_asked_for_is_no_filter(instance):
    assert filter_of(instance, {"job": " ", "statuses": [], "tags": {}, "id": ""}) is None


def test_a_row_tells_who_launched_the_run():
    def row(**run):
        record = RunRecord(1, JobRun("j", **run), datetime.now(UTC), datetime.now(UTC))
        return run_row(record)

    assert row()["by"] == "by hand"
    assert row(tags={"dagster/schedule_name": "nightly"})["by"] == "schedule nightly"
    assert row(parent_run_id="12345678-9")["by"] == "again, after 12345678"
    assert row(tags={"dagster/x": "1", "own": "2"})["tags"] == {"own": "2"}
    assert row(op_selection=["load+"])["target"] == "load+"


def test_runs_are_filtered_by_the_notebook_that_launched_them():
    with Instance.ephemeral() as instance:
        for name in ("a.ipynb", "sub/b.ipynb", None):
            instance.create_run(JobRun("j", notebook=name))
        asked = {"notebook": "sub/b.ipynb"}
        assert [row["notebook"] for row in page_of(instance, asked, None, 9)["rows"]] == [
            "sub/b.ipynb"
        ]
        assert choices(instance, [])["notebooks"] == ["a.ipynb", "sub/b.ipynb"]
        view = HistoryView(RunTable(instance, RunsFilter(notebook="a.ipynb")))
        assert view.table.asked == asked | {"notebook": "a.ipynb"}


def test_a_row_of_assets_names_a_few_of_them():
    keys = frozenset(AssetKey(name) for name in "abcde")
    run = JobRun("__ephemeral_asset_job__", asset_selection=keys)
    record = RunRecord(1, run, datetime.now(UTC), datetime.now(UTC))
    assert run_row(record)["target"] == "a, b, c and 2 more"
    assert run_row(record)["job"] == "materialize"


def test_two_runs_are_compared_line_by_line(instance):
    newest, *_, failed = instance.get_run_ids()[:4]
    data = compared(instance, [failed, newest])
    assert data["config"] == [
        {"name": "ops › load › config › rows", "values": ["99", "6"], "same": False}
    ]
    assert {line["name"]: line["same"] for line in data["tags"]}["team"] is False
    (step,) = data["steps"]
    assert [side["status"] for side in step["values"]] == ["failed", "succeeded"]
    with pytest.raises(InvariantViolationError, match="Two runs"):
        compared(instance, [newest, "no such"])


@pytest.fixture
def own():
    """A history that may be changed."""
    with Session.capture() as session, Instance.local_temp() as made:
        session.add(numbers)
        for rows in (1, 2, 3):
            asked = {"config": config(rows), "partition": DAYS[rows]}
            session.launch("numbers", instance=made, **asked).wait(20)
        yield made


def test_a_run_is_opened_and_another_takes_its_place(own):
    view = HistoryView(RunTable(own))
    newest, older, _ = own.get_run_ids()
    view.table.answer("open", run_id=newest)
    assert view.children == (view.table, view.opened)
    assert view.opened.run_id == newest
    first = view.opened
    view.table.answer("open", run_id=older)
    assert (view.opened is first, view.opened.run_id) == (True, older)


def test_a_run_is_repeated(own):
    view = HistoryView(RunTable(own))
    newest = own.get_run_ids()[0]
    view.table.answer("rerun", run_id=newest)
    assert view.opened.run_id != newest
    assert own.get_run_by_id(view.opened.run_id).parent_run_id == newest


def test_runs_are_deleted_but_not_one_that_goes_on(own):
    gate = threading.Event()

    @op
    def wait():
        assert gate.wait(20)

    @job
    def waiting():
        wait()

    run = waiting.launch(instance=own)
    view = HistoryView(RunTable(own))
    try:
        oldest = own.get_run_ids()[-1]
        with pytest.raises(InvariantViolationError, match=r"^1 deleted. The run .* is in progress"):
            view.table.answer("delete", run_ids=[oldest, run.run_id])
        assert not own.has_run(oldest)
        assert own.has_run(run.run_id)
    finally:
        gate.set()
        run.wait(20)
    assert view.table.answer("delete", run_ids=list(own.get_run_ids())) == 3
    assert len(RunTable(own)) == 0


def test_the_filter_of_a_table_stands_in_the_view(instance):
    filters = RunsFilter(job_name="numbers", statuses=[RunStatus.SUCCESS], tags={"team": "web"})
    view = HistoryView(RunTable(instance, filters))
    assert view.table.asked == {"statuses": ["SUCCESS"], "job": "numbers", "tags": {"team": "web"}}
    page = view.table.answer("page", asked=view.table.asked, cursor=None, limit=20)
    assert page["total"] == len(RunTable(instance, filters)) == 4


def test_what_can_be_filtered_by_is_told(instance):
    told = HistoryView(RunTable(instance)).table.answer("choices")
    assert "numbers" in told["jobs"]
    assert told["tags"]["team"] == ["data", "web"]
    assert {status["name"] for status in told["statuses"]} >= {"SUCCESS", "FAILURE", "CANCELED"}


def test_a_tag_with_many_values_does_not_hide_the_others():
    with Instance.local_temp() as made:
        for number in range(120):
            made.create_run(JobRun("many", tags={"number": str(number), "team": str(number % 3)}))
        tags = HistoryView(RunTable(made)).table.answer("choices")["tags"]
        assert tags["team"] == ["0", "1", "2"]
        assert len(tags["number"]) == 50


def test_only_the_page_that_is_shown_is_read():
    with Instance.local_temp() as made:
        for number in range(60):
            made.create_run(JobRun("many", tags={"number": str(number)}))
        asked = []
        read = made.get_run_records
        made.get_run_records = lambda *a, **k: asked.append(k["limit"]) or read(*a, **k)
        table = HistoryView(RunTable(made)).table
        assert len(table.answer("page", asked={}, cursor=None, limit=20)["rows"]) == 20
        assert asked == [21]
        assert len(table.answer("page", asked={}, cursor=None, limit=10_000)["rows"]) == 60
        assert asked[-1] == 201


@pytest.mark.parametrize("text", HOSTILE[:10], ids=range(10))
def test_any_text_can_be_sent(text):
    run = JobRun(text, tags={text: text}, op_selection=[text])
    record = RunRecord(1, run, datetime.now(UTC), datetime.now(UTC))
    json.dumps(run_row(record), ensure_ascii=False).encode()


def test_the_static_form_stays_and_is_readable(instance):
    made = HistoryView(RunTable(instance))._repr_mimebundle_()
    assert WIDGET_MIME not in made
    assert "7 runs" in check_bundle(made)["text/plain"]


@op
def fragile():
    if not MENDED.is_set():
        raise ValueError("not mended yet")
    return 1


@op
def steady():
    return 1


@op
def waiting():
    STARTED.set()
    while True:
        time.sleep(0.01)


MENDED, STARTED = threading.Event(), threading.Event()


@job
def flaky():
    steady(), fragile()


@job
def endless():
    waiting()


def test_ticked_runs_are_run_again_from_where_they_failed():
    with Session.capture() as session, Instance.ephemeral() as instance:
        session.add(flaky)
        failed = [
            flaky.execute_in_process(instance=instance, raise_on_error=False).run_id
            for _ in range(2)
        ]
        MENDED.set()
        view = HistoryView(RunTable(instance))
        assert view.table.answer("rerun_all", run_ids=failed, from_failure=True) == 2
        again = [run for run in instance.get_runs() if run.run_id not in failed]
        assert {run.parent_run_id for run in again} == set(failed)
        until(lambda: all(run.is_finished for run in instance.get_runs()))
        steps = [fold(instance.events(run.run_id)).steps for run in again]
        assert all("steady" not in done or done["steady"].started is None for done in steps)
        assert all(done["fragile"].status is StepStatus.SUCCEEDED for done in steps)


def test_ticked_runs_are_canceled_and_what_cannot_be_is_told():
    with Instance.ephemeral() as instance:
        ended = flaky.execute_in_process(instance=instance, raise_on_error=False).run_id
        run = endless.launch(instance=instance)
        assert STARTED.wait(30)
        view = HistoryView(RunTable(instance))
        with pytest.raises(InvariantViolationError, match="1 canceled.*is not in progress"):
            view.table.answer("cancel", run_ids=[run.run_id, ended])
        assert run.wait(30).status == "CANCELED"


def until(holds):
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_all_times_are_written_in_one_format_in_the_time_zone_of_whoever_reads(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert moment(1357000200.0) == "2012-12-31 19:30:00"
        assert moment(float("nan")) == moment(1e300) == ""
        with Instance.ephemeral() as instance:
            numbers.execute_in_process(
                instance=instance, run_config=config(1), partition_key=DAYS[0]
            )
            (record,) = instance.get_run_records()
            created = moment(record.create_timestamp.timestamp())
            runs = RunTable(instance)
            assert created in repr(runs)
            assert created in run_table_view(runs).text
            assert created in run_table_view(runs).html
    finally:
        monkeypatch.undo()
        time.tzset()
