"""`jobnb job list`, `jobnb asset list` and `jobnb run list` on notebooks and Python files."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from jobnb.cli.main import cli

DEFINE = '''
from jobnb import Definitions, asset, define_asset_job, job, op


@asset(group_name="raw")
def orders():
    """What was [bold]sold[/bold].

    In detail.
    """
    return 1


@asset
def revenue(orders):
    return orders


@op
def tick():
    pass


@job
def daily():
    """Runs [every] day."""
    tick()


weekly = define_asset_job("weekly", selection="*revenue")
'''


@pytest.fixture
def jobnb():
    def run(*arguments):
        return CliRunner().invoke(cli, [str(each) for each in arguments], prog_name="jobnb")

    return run


@pytest.fixture(params=["notebook", "python"])
def location(request, write, tmp_path):
    """The same definitions as a notebook and as a Python file; neither may run its runs."""
    if request.param == "notebook":
        return write("# Title", "%matplotlib inline", DEFINE, "result = daily.execute_in_process()")
    path = tmp_path / "pipeline.py"
    path.write_text(DEFINE + "\nif __name__ == '__main__':\n    raise SystemExit(3)\n")
    return path


def test_jobs_are_listed(jobnb, location):
    done = jobnb("job", "list", location, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == [
        {"name": "daily", "kind": "ops", "description": "Runs [every] day.", "partitioned": False},
        {"name": "weekly", "kind": "assets", "description": None, "partitioned": False},
    ]


def test_tables_show_users_text_as_it_is(jobnb, location):
    done = jobnb("job", "list", location)
    assert "Runs [every] day." in done.stdout
    assert "What was [bold]sold[/bold]." in jobnb("asset", "list", location).stdout


def test_assets_are_listed_with_group_and_sources(jobnb, location):
    rows = json.loads(jobnb("asset", "list", location, "--json").stdout)
    assert [(row["key"], row["group"], row["deps"]) for row in rows] == [
        ("orders", "raw", []),
        ("revenue", "default", ["orders"]),
    ]


def test_a_selection_narrows_the_list_and_a_wrong_one_is_refused(jobnb, location):
    rows = json.loads(jobnb("asset", "list", location, "--json", "--select", "revenue").stdout)
    assert [row["key"] for row in rows] == ["revenue"]
    done = jobnb("asset", "list", location, "--select", "revenu")
    assert done.exit_code == 2
    assert "revenue" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_listing_leaves_no_history_behind(jobnb, location, tmp_path):
    jobnb("job", "list", location)
    assert not (tmp_path / ".jobnb").exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\nraise ValueError('no')", "line 2 raised ValueError: no"),
        ("def", "line 1: invalid syntax"),
        ("import not_there", "No module named 'not_there'"),
    ],
)
def test_code_that_cannot_be_read_is_one_line(jobnb, write, tmp_path, source, said):
    path = tmp_path / "bad.py"
    path.write_text(source)
    for location, place in ((path, "bad.py"), (write("y = 1", source), "nb.ipynb, cell [2]")):
        done = jobnb("job", "list", location)
        assert done.exit_code == 2
        assert place in done.stderr
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_what_is_not_there_is_2(jobnb, tmp_path):
    assert jobnb("job", "list", tmp_path / "no.ipynb").exit_code == 2
    assert jobnb("asset", "list", tmp_path / "no.py").exit_code == 2
    assert jobnb("job", "list").exit_code == 2


def test_nothing_defined_is_said(jobnb, write):
    done = jobnb("job", "list", write("x = 1"))
    assert done.exit_code == 0
    assert "defines no jobs" in done.stdout


@pytest.fixture
def history(tmp_path):
    """Five runs in the home beside a notebook, two of them failed."""
    from jobnb import Instance, job, op

    @op
    def once(context):
        if int(context.run.tags["number"]) % 2:
            raise ValueError("odd")

    @job
    def daily():
        once()

    with Instance.from_home(tmp_path / ".jobnb") as instance:
        for number in range(5):
            daily.execute_in_process(
                instance=instance, raise_on_error=False, tags={"number": str(number)}
            )
    notebook = tmp_path / "nb.ipynb"
    notebook.touch()
    return notebook


def test_runs_are_listed_newest_first_with_status_and_time(jobnb, history):
    rows = json.loads(jobnb("run", "list", history, "--json").stdout)
    statuses = [row["status"] for row in rows]
    assert statuses == ["SUCCESS", "FAILURE", "SUCCESS", "FAILURE", "SUCCESS"]
    shown = jobnb("run", "list", history).stdout  # for people, in the words of all views
    assert (shown.count("succeeded"), shown.count("failed")) == (3, 2)
    assert "FAILURE" not in shown
    assert {row["job"] for row in rows} == {"daily"}
    assert all(row["seconds"] >= 0 and row["started"] < row["ended"] for row in rows)


def test_runs_are_paged_and_filtered(jobnb, history):
    all_ids = [row["run_id"] for row in json.loads(jobnb("run", "list", history, "--json").stdout)]
    first = jobnb("run", "list", history, "--limit", "2")
    assert f"More: --cursor {all_ids[1]}" in first.stdout
    rest = jobnb("run", "list", history, "--cursor", all_ids[1], "--json")
    assert [row["run_id"] for row in json.loads(rest.stdout)] == all_ids[2:]
    failed = jobnb("run", "list", history, "--status", "failure", "--json")
    assert len(json.loads(failed.stdout)) == 2
    assert jobnb("run", "list", history, "--status", "Failed", "--json").stdout == failed.stdout
    assert json.loads(jobnb("run", "list", history, "--job", "other", "--json").stdout) == []


def test_a_place_without_history_says_so_and_gets_none(jobnb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = jobnb("run", "list")
    assert done.exit_code == 0
    assert f"No runs in {tmp_path / '.jobnb'}" in done.stdout
    assert not (tmp_path / ".jobnb").exists()


def test_a_list_that_is_empty_by_its_options_says_so(jobnb, history):
    told = jobnb("run", "list", history, "--job", "other").stdout
    assert "are as asked for" in told


def test_a_file_that_is_not_there_has_no_runs_of_its_neighbour(jobnb, history):
    done = jobnb("run", "list", history.with_name("other.ipynb"))
    assert done.exit_code == 2
    assert "There is no file" in done.output
    assert "--home" in done.output


def test_a_module_has_the_runs_of_this_folder(jobnb, history, monkeypatch):
    monkeypatch.chdir(history.parent)
    assert len(json.loads(jobnb("run", "list", "shop.jobs", "--json").stdout)) == 5


def test_the_runs_of_a_named_database_are_listed_wherever_one_is(
    jobnb, write, database, tmp_path, monkeypatch
):
    monkeypatch.setenv("JOBNB_DATABASE", database)
    assert jobnb("execute", write(DEFINE), "--job", "daily").exit_code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    rows = json.loads(jobnb("run", "list", "--json").stdout)
    assert [(row["job"], row["status"]) for row in rows] == [("daily", "SUCCESS")]


BY_DAY = """
from pathlib import Path
from jobnb import DailyPartitionsDefinition, asset, session

@asset(partitions_def=DailyPartitionsDefinition("2013-01-01", end_date="2013-01-11"))
def flights(context):
    if context.partition_key == "2013-01-02":
        raise ValueError("no")

for day in (1, 2, 3):
    session.materialize("flights", partition=f"2013-01-{day:02}", raise_on_error=False)
"""


def test_assets_with_partitions_tell_how_all_of_them_stand(jobnb, write):
    path = write(BY_DAY)
    assert jobnb("execute", path, "-q").exit_code == 0
    (row,) = json.loads(jobnb("asset", "list", path, "--json").stdout)
    assert row["status"] == {"status": "failed", "reasons": ["2 of 10 made, 1 failed"]}
    assert "failed: 2 of 10 made, 1 failed" in jobnb("asset", "list", path).stdout


def test_a_job_of_partitioned_assets_is_listed_as_partitioned_also_with_its_schedule(jobnb, write):
    more = """
from jobnb import build_schedule_from_partitioned_job, define_asset_job
by_day = define_asset_job("by_day", selection="flights")
each_day = build_schedule_from_partitioned_job(by_day)
"""
    path = write(BY_DAY.partition("for day in")[0] + more)
    (row,) = json.loads(jobnb("job", "list", path, "--json").stdout)
    assert (row["name"], row["partitioned"]) == ("by_day", True)


DIFFERENT = """
from jobnb import (DynamicPartitionsDefinition, StaticPartitionsDefinition, asset,
                   define_asset_job)

@asset(partitions_def=DynamicPartitionsDefinition(name="fruits"))
def picked(): ...

@asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
def letters(): ...

@asset(partitions_def=StaticPartitionsDefinition(["x", "y", "z"]))
def names(): ...
"""


def test_an_asset_whose_partitions_have_no_keys_yet_is_not_fresh(jobnb, write):
    path = write(DIFFERENT)
    assert jobnb("asset", "materialize", path, "-s", "letters", "--partition", "a").exit_code == 0
    lines = {line.split()[0]: line for line in jobnb("asset", "list", path).stdout.splitlines()}
    assert "no partitions yet" in lines["picked"]
    assert "fresh" not in lines["picked"]
    assert "1 of 2 made" in lines["letters"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-s", "letters,names"], ["'letters' has 2 partitions", "--select", "--partition KEY"]),
        (
            ["-s", "letters,names", "--partition", "a"],
            ["have different partitions:", "--select", "--partition KEY"],
        ),
        (["-s", "picked"], ["'picked' has no partitions yet", "add_dynamic_partitions('fruits'"]),
        (["-s", "letters"], ["Name some: --partition KEY"]),
    ],
)
def test_advice_on_partitions_names_options_in_one_line(jobnb, write, options, words):
    told = jobnb("asset", "materialize", write(DIFFERENT), *options)
    assert told.exit_code == 2
    for word in words:
        assert word in told.stderr
    assert told.stderr.count("\n") == 1
    assert "session." not in told.stderr
