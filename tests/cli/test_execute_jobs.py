"""`jobnb execute --job` and `--select`: a run after the cells, watched, judged and kept."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import nbformat
import pytest
from click.testing import CliRunner

from jobnb.cli.main import cli

DEFINE = """
from jobnb import Config, asset, job, op

class Size(Config):
    n: int = 1

@op
def make(context, config: Size):
    context.log.info(f"n is {config.n}")
    return config.n

@op
def check(make):
    if make > 10:
        raise ValueError(f"{make} is <too> much")
    return make

@op
def use(check):
    return check

@job
def daily():
    use(check(make()))

@asset
def orders():
    return 2

@asset
def revenue(orders):
    return orders * 10

@asset
def other():
    return 0
"""


@pytest.fixture
def jobnb():
    def run(*arguments):
        return CliRunner().invoke(cli, [str(each) for each in arguments], prog_name="jobnb")

    return run


def runs_of(jobnb, path):
    return json.loads(jobnb("run", "list", path, "--json").stdout)


def test_a_job_runs_after_the_cells_and_is_in_the_history(jobnb, write, tmp_path):
    path = write("# Title", DEFINE)
    done = jobnb("execute", path, "--job", "daily", "-o", tmp_path / "out.ipynb", "--tag", "a=b")
    assert done.exit_code == 0, done.output
    assert "[2/2] the job 'daily'\n" in done.stdout
    assert "make succeeded" in done.stdout
    assert "run of daily: succeeded" in done.stdout
    ((run),) = runs_of(jobnb, path)
    assert (run["job"], run["status"]) == ("daily", "SUCCESS")
    last = nbformat.read(tmp_path / "out.ipynb", 4).cells[-1]
    assert last.metadata.tags == ["jobnb-run"]
    summary = last.outputs[0].data["application/vnd.jobnb.run+json"]
    assert summary["run_id"] == run["run_id"]
    assert summary["steps"] == {"make": "succeeded", "check": "succeeded", "use": "succeeded"}


def test_a_job_that_asks_what_is_missing_makes_just_that_and_nothing_is_no_failure(
    jobnb, write, tmp_path
):
    asks = "from jobnb import define_asset_job\nlacking = define_asset_job('lacking', "
    path = write(DEFINE, asks + "'status:missing and not other')")
    made = []
    for _ in range(2):
        done = jobnb("execute", path, "--job", "lacking", "-o", tmp_path / "out.ipynb")
        assert done.exit_code == 0, done.output
        last = nbformat.read(tmp_path / "out.ipynb", 4).cells[-1]
        made.append(set(last.outputs[0].data["application/vnd.jobnb.run+json"]["steps"]))
    assert made == [{"orders", "revenue"}, set()]


@pytest.mark.parametrize("form", ["file", "inline"])
def test_config_reaches_the_run_and_a_failure_is_1_with_the_users_error(
    jobnb, write, tmp_path, form
):
    config = {"ops": {"make": {"config": {"n": 11}}}}
    text = json.dumps(config)
    if form == "file":
        (tmp_path / "c.yaml").write_text("ops:\n  make:\n    config: {n: 11}\n")
        text = tmp_path / "c.yaml"
    path = write(DEFINE)
    out, xml = tmp_path / "out.ipynb", tmp_path / "o.xml"
    done = jobnb("execute", path, "--job", "daily", "-c", text, "-o", out, "--junit", xml)
    assert done.exit_code == 1, done.output
    assert "check: ValueError: 11 is <too> much" in done.stderr
    assert "check failed" in done.stdout
    assert "use skipped" in done.stdout
    assert out.exists()
    assert runs_of(jobnb, path)[0]["status"] == "FAILURE"
    suites = ET.parse(xml).getroot().findall("testsuite")
    assert [case.get("name") for case in suites[1].findall("testcase")] == ["make", "check", "use"]
    assert suites[1].findall("testcase")[1].find("failure") is not None


def test_a_selection_makes_these_assets(jobnb, write):
    path = write(DEFINE)
    done = jobnb("execute", path, "--select", "*revenue")
    assert done.exit_code == 0, done.output
    assert "orders succeeded" in done.stdout
    assert "revenue succeeded" in done.stdout
    assert "other" not in done.stdout


def test_a_run_is_named_by_its_assets_whether_or_not_they_have_checks(jobnb, write):
    check = "@asset_check(asset=revenue)\ndef good(revenue): return revenue > 0\n"
    path = write(f"{DEFINE}\nfrom jobnb import asset_check\n\n{check}")
    done = jobnb("execute", path, "--select", "*revenue")
    assert done.exit_code == 0, done.output
    assert "of materialize orders, revenue (2 assets): 3 steps" in done.stdout
    done = jobnb("execute", path, "--select", "checks(revenue)")
    assert "of checks: 1 step" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--job", "dayly"], "'daily'"),
        (["--select", "revenu"], "'revenue'"),
        (["--job", "daily", "-c", '{"ops": {"make": {"config": {"n": "x"}}}}'], "ops > make"),
        (["--job", "daily", "-c", '{"opps": {}}'], "'ops'"),
    ],
)
def test_what_cannot_be_run_is_2_in_our_words(jobnb, write, tmp_path, arguments, said):
    done = jobnb("execute", write(DEFINE), *arguments, "-o", tmp_path / "out.ipynb")
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "Cell In" not in done.stderr
    # A name that no cell can define is told before any cell runs.
    assert (tmp_path / "out.ipynb").exists() == ("-c" in arguments)


def test_a_failing_run_of_a_cell_fails_it_unless_the_cell_takes_it(jobnb, write):
    config = "{'ops': {'make': {'config': {'n': 11}}}}"
    raising = f"daily.execute_in_process(run_config={config})"
    taking = f"daily.execute_in_process(run_config={config}, raise_on_error=False)"
    assert jobnb("execute", write(DEFINE, taking)).exit_code == 0
    done = jobnb("execute", write(DEFINE, raising))
    assert done.exit_code == 1
    assert "ValueError: 11 is <too> much" in done.stderr
    assert jobnb("execute", write(DEFINE, (raising, "raises-exception"))).exit_code == 0


def test_a_job_is_not_run_where_a_cell_failed(jobnb, write):
    path = write(DEFINE, "1/0")
    done = jobnb("execute", path, "--job", "daily")
    assert done.exit_code == 1
    assert runs_of(jobnb, path) == []


def test_a_timeout_cancels_the_run_in_the_history(jobnb, write):
    slow = (
        "import time\nfrom jobnb import job, op\n"
        "@op\ndef sleep():\n    time.sleep(60)\n@job\ndef slow():\n    sleep()"
    )
    path = write(slow)
    for seconds in (3, 9, 27):  # on a busy machine the run has not begun in three seconds
        done = jobnb("execute", path, "--job", "slow", "--timeout", seconds)
        assert done.exit_code == 1, done.output
        assert f"took longer than {seconds} s" in done.stderr
        if found := runs_of(jobnb, path):
            break
    assert [run["status"] for run in found] == ["CANCELED"]


def test_a_second_execution_of_the_result_runs_the_job_once(jobnb, write, tmp_path):
    path, out = write(DEFINE), tmp_path / "out.ipynb"
    jobnb("execute", path, "--job", "daily", "-o", out)
    done = jobnb("execute", out, "--job", "daily", "-o", out)
    assert done.exit_code == 0, done.output
    tagged = [cell for cell in nbformat.read(out, 4).cells if "tags" in cell.metadata]
    assert len(tagged) == 1
    assert len(runs_of(jobnb, path)) == 2


def test_the_home_may_be_elsewhere(jobnb, write, tmp_path, monkeypatch):
    home = tmp_path / "far" / "home"
    home.mkdir(parents=True)
    monkeypatch.setenv("JOBNB_HOME", str(home))
    path = write(DEFINE)
    jobnb("execute", path, "--job", "daily")
    assert not (tmp_path / ".jobnb").exists()
    assert len(runs_of(jobnb, path)) == 1


BY_DAY = """
from jobnb import DailyPartitionsDefinition, asset, define_asset_job

@asset(partitions_def=DailyPartitionsDefinition("2013-01-01", end_date="2014-01-01"))
def flights(context):
    return dict.fromkeys(context.partition_keys, 1) if len(context.partition_keys) > 1 else 1

daily = define_asset_job("daily", "flights")
"""


@pytest.mark.parametrize("wish", [["--select", "flights"], ["--job", "daily"]])
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--partition", "2013-01-02"], "2013-01-02"),
        (["--partition-range", "2013-01-02...2013-01-04"], "2013-01-02...2013-01-04"),
        (["--partition", "2013-01-02", "--partition", "2013-01-03"], "2013-01-02...2013-01-03"),
        (
            ["--partition", "2013-01-02", "--partition-range", "2013-02-02...2013-02-04"],
            "several",
        ),
    ],
)
def test_one_run_is_for_the_partitions_that_are_named(jobnb, write, wish, options, told):
    path = write(BY_DAY)
    done = jobnb("execute", path, *wish, *options)
    assert done.exit_code == 0, done.output
    ((run),) = runs_of(jobnb, path)
    assert (run["status"], run["partition"]) == ("SUCCESS", told)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            [],
            (
                "The asset 'flights' has 365 partitions, '2013-01-01' to '2013-12-31', and the run "
                "is for none of them. Name some: --partition KEY, or --partition-range START...END."
            ),
        ),
        (["--partition", "2014-01-01"], "There is no partition '2014-01-01'."),
        (["--partition-range", "2013-01-02...2014-01-01"], "There is no partition '2014-01-01'."),
    ],
)
def test_a_partition_that_is_missing_or_wrong_is_2_and_nothing_runs(jobnb, write, options, said):
    path = write(BY_DAY)
    done = jobnb("execute", path, "--select", "flights", *options)
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert runs_of(jobnb, path) == []


def test_the_help_tells_of_partitions(jobnb):
    shown = jobnb("execute", "--help").stdout
    assert "--partition KEY" in shown
    assert "--partition-range START...END" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--job", "dialy"], "defines the job 'dialy'. Did you mean 'daily'?"),
        (["--select", "+ordrs"], "defines the asset 'ordrs'. Did you mean 'orders'?"),
    ],
)
def test_a_mistyped_name_is_told_before_any_cell_runs(jobnb, write, tmp_path, arguments, said):
    ran = tmp_path / "ran"
    path = write(
        "from jobnb import asset, job, op\n@op\ndef one(): ...\n@job\ndef daily():\n    one()\n"
        f"@asset\ndef orders(): ...\nopen({str(ran)!r}, 'w').close()"
    )
    done = jobnb("execute", path, *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not ran.exists()
