"""`jobnb schedule`, `jobnb sensor` and `jobnb daemon`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from jobnb import Instance, TickStatus
from jobnb.cli.main import cli

DEFINE = '''
from jobnb import (
    DefaultSensorStatus, RunRequest, SensorResult, asset, job, op, schedule, sensor
)


@op
def hello(): ...


@job
def greet():
    hello()


@schedule(cron_schedule=["0 6 * * *", "@hourly"], job=greet, execution_timezone="Europe/Berlin")
def morning(context):
    """Every [bold]morning[/bold]."""
    return RunRequest(run_key=str(context.scheduled_execution_time))


@schedule(cron_schedule="@daily", job=greet)
def nightly(): ...


@sensor(job=greet, minimum_interval_seconds=0, default_status=DefaultSensorStatus.RUNNING)
def look(context):
    seen = int(context.cursor or 0) + 1
    return SensorResult([RunRequest(str(seen))], cursor=str(seen))
'''


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.delenv("JOBNB_HOME", raising=False)
    path = tmp_path / "shop.py"
    path.write_text(DEFINE)
    return path


@pytest.fixture
def jobnb():
    def run(*arguments, code=0):
        found = CliRunner().invoke(cli, [str(each) for each in arguments], prog_name="jobnb")
        assert found.exit_code == code, found.output
        return found.output

    return run


def test_schedules_are_listed_started_and_stopped(shop, jobnb):
    def listed(*options):
        return json.loads(jobnb("schedule", "list", shop, "--json", *options))

    first, second = listed()
    assert (first["name"], first["jobs"], first["status"]) == ("morning", ["greet"], "STOPPED")
    assert first["cron"] == ["0 6 * * *", "@hourly"]
    assert (first["timezone"], first["next"]) == ("Europe/Berlin", None)
    assert second["name"] == "nightly"
    assert "Started schedule morning" in jobnb("schedule", "start", shop, "morning")
    [running] = listed("--running")
    assert running["name"] == "morning"
    assert running["next"].endswith(("+01:00", "+02:00"))
    assert jobnb("schedule", "list", shop, "--stopped", "--name") == "nightly\n"
    assert jobnb("schedule", "restart", shop, "--restart-all-running").splitlines() == [
        "Stopped schedule morning",
        "Started schedule morning",
    ]
    jobnb("schedule", "start", shop, "--start-all")
    assert len(listed("--running")) == 2
    jobnb("schedule", "stop", shop, "morning", "nightly")
    assert not listed("--running")
    table = jobnb("schedule", "list", shop)
    assert "0 6 * * *, @hourly" in table


@pytest.mark.parametrize("kind", ["schedule", "sensor"])
def test_a_preview_that_fails_tells_the_place_in_the_users_code(tmp_path, kind):
    more = (
        '@schedule(cron_schedule="@daily", job=greet)'
        if kind == "schedule"
        else "@sensor(job=greet)"
    )
    path = tmp_path / "broken.py"
    path.write_text(f"{DEFINE}\n{more}\ndef broken(context):\n    return dict()['k']\n")
    done = CliRunner().invoke(cli, [kind, "preview", str(path), "broken"])
    assert done.exit_code == 1
    assert done.exception is None or isinstance(done.exception, SystemExit)
    line = len(path.read_text().splitlines())
    told = f"The {kind} 'broken' could not be evaluated: KeyError: 'k' (broken.py, line {line})"
    assert told in done.stderr


def test_a_preview_tells_what_a_tick_would_fail_with(tmp_path):
    path = tmp_path / "shop.py"
    path.write_text(
        "from jobnb import Field, RunRequest, job, op, schedule, sensor\n"
        "@op(config_schema={'count': int})\ndef hello(): ...\n"
        "@job\ndef greet(): hello()\n"
        "def made(count): return {'ops': {'hello': {'config': {'count': count}}}}\n"
        "@sensor(job=greet)\ndef look():\n"
        "    yield RunRequest(run_config=made(1))\n    yield RunRequest(run_config=made('two'))\n"
        "@schedule(job=greet, cron_schedule='@daily')\ndef daily(): return RunRequest()\n"
        "@schedule(job_name='great', cron_schedule='@daily')\ndef lost(): return RunRequest()\n"
    )

    def preview(kind, name, *options):
        return CliRunner().invoke(cli, [kind, "preview", str(path), name, *options])

    found = preview("sensor", "look", "--json")
    assert found.exit_code == 1
    told = json.loads(found.stdout)
    assert len(told["run_requests"]) == 2
    [problem] = told["problems"]
    assert "'two'" in problem
    found = preview("schedule", "daily")
    assert found.exit_code == 1
    assert "The tick would fail: " in found.stderr
    assert "ops > hello > config > count" in found.stderr
    assert "'greet'" in preview("schedule", "lost").stderr
    found = CliRunner().invoke(cli, ["definitions", "validate", str(path)])
    assert found.exit_code == 1
    assert "The schedule 'lost' launches the job 'great', which is not there." in found.stderr
    assert "'greet'" in found.stderr


LAST = """
from jobnb import SkipReason, sensor

@sensor(job_name="greet")
def look(context):
    return SkipReason(f"from {context.last_run_key} at {context.last_tick_completion_time}")
"""


def test_a_preview_launches_nothing(shop, jobnb):
    found = json.loads(
        jobnb("schedule", "preview", shop, "morning", "--at", "2024-05-01T06:00", "--json")
    )
    [request] = found["run_requests"]
    assert request["run_key"] == "2024-05-01 06:00:00+02:00"
    assert request["job"] == "greet"
    assert "It would launch nothing: Its function returned nothing." in jobnb(
        "schedule", "preview", shop, "nightly"
    )
    found = json.loads(jobnb("sensor", "preview", shop, "look", "--cursor", "7", "--json"))
    assert (found["cursor"], found["run_requests"][0]["run_key"]) == ("8", "8")
    assert "no ticks yet" in jobnb("sensor", "logs", shop, "look")
    shop.write_text(LAST)
    state = ("--since", "5", "--last_run_key", "b")
    assert "from b at 5.0" in jobnb("sensor", "preview", shop, *state)


def test_a_preview_shows_tags_and_config_as_yaml(shop, jobnb):
    request = 'RunRequest(tags={"team": "data"}, run_config={"ops": {"hello": {"config": 1}}})'
    more = f'@schedule(cron_schedule="@daily", job=greet)\ndef tagged():\n    return {request}\n'
    shop.write_text(f"{DEFINE}\n\n{more}")
    shown = jobnb("schedule", "preview", shop, "tagged").splitlines()[-1]
    assert "team: data" in shown
    assert "{ops: {hello: {config: 1}}}" in shown
    assert "'team'" not in shown


def test_what_is_printed_as_json_is_as_its_schema_says(shop, printed):
    from jobnb.automation.loop import AutomationLoop
    from jobnb.notebook.code_locations import open_locations

    instance, locations = open_locations([str(shop)])
    loop = AutomationLoop(instance, locations, start=lambda spec: None)
    deadline = time.monotonic() + 60
    while not instance.get_ticks(None) and time.monotonic() < deadline:
        loop.round()
        time.sleep(0.01)
    loop.stop()
    assert [row["name"] for row in printed("schedule", "list", shop)] == ["morning", "nightly"]
    [row] = printed("sensor", "list", "-f", shop)
    assert row["minimum_interval_seconds"] == 0
    assert printed("schedule", "logs", shop, "nightly") == []
    assert printed("sensor", "logs", shop, "look")[0]["status"] in ("SUCCESS", "STARTED")
    found = printed("schedule", "preview", shop, "nightly")
    assert found["run_requests"] == []
    found = printed("schedule", "preview", shop, "morning", "--at", "2024-05-01T06:00")
    assert [request["job"] for request in found["run_requests"]] == ["greet"]
    assert printed("sensor", "preview", shop, "look", "--cursor", "3")["cursor"] == "4"


BY_ITSELF = """
from jobnb import (AutomationCondition, AutomationConditionSensorDefinition, DefaultSensorStatus,
                   StaticPartitionsDefinition, asset)

eager = AutomationCondition.eager()

@asset(automation_condition=eager, partitions_def=StaticPartitionsDefinition(["de", "fr"]))
def orders(): ...

@asset(automation_condition=AutomationCondition.on_missing(), deps=[orders])
def revenue(): ...

by_itself = AutomationConditionSensorDefinition(
    "by_itself", target="*", default_status=DefaultSensorStatus.RUNNING
)
"""


def test_the_logs_of_a_sensor_tell_the_conditions_of_each_tick(tmp_path, jobnb, printed):
    from jobnb.automation.loop import AutomationLoop
    from jobnb.notebook.code_locations import open_locations

    path = tmp_path / "shop.py"
    path.write_text(BY_ITSELF)
    previewed = printed("sensor", "preview", path)["conditions"]
    assert "  orders [fr]\n    yes: eager\n" in jobnb("sensor", "preview", path)
    instance, locations = open_locations([str(path)])
    loop = AutomationLoop(instance, locations, start=lambda spec: None, in_threads=False)
    loop.round()
    loop.stop()
    [tick] = printed("sensor", "logs", path)
    assert tick["conditions"] == previewed
    names = {each["name"]: each for each in tick["conditions"]}
    assert [names[each]["is_true"] for each in ("orders [de]", "orders [fr]")] == [True, True]
    assert names["orders [fr]"]["parts"][0]["reason"]
    assert "yes: eager" not in jobnb("sensor", "logs", path)
    shown = jobnb("sensor", "logs", path, "--conditions")
    assert "SUCCESS\n  orders [de]\n    yes: eager\n" in shown
    assert "\n  revenue\n" in shown


def test_the_cursor_of_a_sensor(shop, jobnb, printed):
    assert jobnb("sensor", "cursor", shop) == "(none)\n"
    assert jobnb("sensor", "cursor", shop, "look", "--set", "7").startswith("Set the cursor")
    assert jobnb("sensor", "cursor", shop) == "7\n"
    [row] = json.loads(jobnb("sensor", "list", shop, "--json"))
    assert (row["cursor"], row["status"]) == ("7", "RUNNING")
    assert printed("sensor", "cursor", shop) == {"name": "look", "cursor": "7"}
    jobnb("sensor", "cursor", shop, "--delete")
    assert jobnb("sensor", "cursor", shop) == "(none)\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["schedule", "start"], "Name a schedule. There are: 'morning', 'nightly'."),
        (["schedule", "logs"], "Name a schedule."),
        (["schedule", "stop", "nigtly"], "no schedule 'nigtly'. Did you mean 'nightly'"),
        (["schedule", "preview", "morning", "--at", "soon"], "'soon' is no moment"),
        (["sensor", "cursor", "look", "--set", "1", "--delete"], "do not go together"),
        (["sensor", "start", "morning"], "no sensor 'morning'"),
        (["schedule", "start", "--all"], "'--start-all'? See jobnb schedule start --help."),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(shop, jobnb, arguments, said):
    group, command, *rest = arguments
    found = jobnb(group, command, shop, *rest, code=2)
    assert said in found
    assert len(found.splitlines()) == 1
    assert "nowhere" in jobnb("daemon", "nowhere_to_be_found", code=2)


def test_a_daemon_launches_follows_the_file_and_ends_cleanly(shop, jobnb):
    process = subprocess.Popen(
        [sys.executable, "-m", "jobnb.cli", "daemon", str(shop), "--health", "0.2",
         "--log-format", "json", "--grace", "60", "--max-runs", "50"],
        stdout=subprocess.PIPE, text=True, cwd=os.getcwd(),
    )  # fmt: skip
    lines = []

    def read_until(wanted):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            line = json.loads(process.stdout.readline())
            lines.append(line)
            if wanted(line):
                return line
        raise AssertionError(lines)

    try:
        started = read_until(lambda line: line["event"] == "started")
        assert started["text"] == "1 of 3 schedules and sensors started"
        assert started["locations"] == ["shop.py"]
        healthy = read_until(lambda line: line["event"] == "health" and line["runs"] >= 2)
        assert (healthy["healthy"], healthy["failing"]) == (True, [])
        said = [line["text"] for line in lines if line["event"] == "info"]
        assert said[0].startswith("sensor 'look' of shop.py launched 1 run of 'greet': ")
        shop.write_text(DEFINE.replace("RunRequest(str(seen))", 'RunRequest(f"new {seen}")'))
        home = shop.parent / ".jobnb"
        with Instance(home=home) as instance:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                [last] = instance.get_ticks(None, limit=1)
                if any(key.startswith("new ") for key in last.run_keys):
                    break
                read_until(lambda line: line["event"] == "health")
            assert last.run_keys[0].startswith("new ")
        shop.write_text("this is no Python")
        read_until(lambda line: "old definitions stay in use" in line["text"])
        sick = read_until(lambda line: line["event"] == "health")
        assert (sick["healthy"], sick["failing"]) == (False, ["shop.py"])
        assert sick["text"] == "shop.py has changed and cannot be loaded"
        told = [line["text"] for line in lines]
        assert "'shop.py' was loaded again, as it has changed." in told
    finally:
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read().splitlines()
        assert process.wait(60) == 0
        process.stdout.close()
    events = [json.loads(line)["event"] for line in rest]
    assert events[-2:] == ["stopping", "stopped"]
    with Instance(home=home) as instance:
        assert all(run.is_success for run in instance.get_runs())
        assert all(run.notebook == "shop.py" for run in instance.get_runs())
        assert all(run.is_detached for run in instance.get_runs())
        assert not instance.get_ticks(None, statuses=[TickStatus.STARTED])
    shop.write_text(DEFINE)
    rows = json.loads(jobnb("sensor", "logs", shop, "look", "--limit", "2", "--json"))
    assert [(row["status"], row.get("error")) for row in rows] == [("SUCCESS", None)] * 2


def test_a_daemon_says_what_fails_and_what_is_stopped(tmp_path, monkeypatch):
    monkeypatch.delenv("JOBNB_HOME", raising=False)
    path = tmp_path / "shop.py"
    path.write_text(
        "from jobnb import AutomationCondition, DefaultSensorStatus, asset, sensor\n"
        "@asset(automation_condition=AutomationCondition.eager())\ndef orders(): ...\n"
        "@sensor(default_status=DefaultSensorStatus.RUNNING, asset_selection='*')\n"
        "def bad(context):\n    context.log.info('I look')\n    raise ValueError('no\\nway')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "jobnb.cli", "daemon", str(path), "--health", "0.2"],
        stdout=subprocess.PIPE, text=True, cwd=os.getcwd(),
    )  # fmt: skip
    lines = []
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            lines.append(process.stdout.readline())
            if "healthy False" in lines[-1]:
                break
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait(60) == 0
        process.stdout.close()
    assert any(line.endswith("info: I look (of bad)\n") for line in lines)
    assert "sensor 'bad' of shop.py has failed once" in lines[-1]
    assert "failing ['bad']" in lines[-1]
    [failed] = [line for line in lines if "The tick of sensor 'bad' of shop.py failed" in line]
    assert "It has failed once" in failed  # all in one line
    [stopped] = [line for line in lines if "is stopped" in line]
    assert "`jobnb sensor start shop.py default_automation_condition_sensor`" in stopped


LONG = """
import time
from pathlib import Path
from jobnb import DefaultSensorStatus, RunRequest, job, op, sensor

HERE = Path({folder!r})


@op
def wait():
    (HERE / "begun").touch()
    while not (HERE / "free").exists():
        time.sleep(0.05)


@job
def long():
    wait()


@sensor(job=long, minimum_interval_seconds=0, default_status=DefaultSensorStatus.RUNNING)
def look():
    return RunRequest("once")
"""


def test_a_daemon_that_is_stopped_leaves_its_runs_going_and_says_so(shop):
    folder = shop.parent
    shop.write_text(LONG.format(folder=str(folder)))
    process = subprocess.Popen(
        [sys.executable, "-m", "jobnb.cli", "daemon", str(shop), "--log-format", "json"],
        stdout=subprocess.PIPE, text=True, cwd=os.getcwd(),
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 90
        while not (folder / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        lines = process.stdout.read().splitlines()
        assert process.wait(60) == 0
        stopped = json.loads(lines[-1])
        assert (stopped["text"], stopped["going_on"]) == ("1 run left going, by themselves", 1)
        with Instance(home=folder / ".jobnb") as instance:
            [run] = instance.get_runs()
            assert not run.is_finished
            (folder / "free").touch()
            deadline = time.monotonic() + 90
            while not run.is_finished and time.monotonic() < deadline:
                time.sleep(0.05)
                [run] = instance.get_runs()
            assert run.is_success
    finally:
        (folder / "free").touch()
        process.kill()
        process.stdout.close()
        process.wait(60)


def test_a_daemon_over_files_of_several_homes_says_in_a_line_why_not(tmp_path, jobnb, monkeypatch):
    monkeypatch.delenv("JOBNB_HOME", raising=False)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "shop.py").write_text(DEFINE)
    said = jobnb("daemon", tmp_path / "one/shop.py", tmp_path / "other/shop.py", code=2)
    assert len(said.splitlines()) == 1
    assert "different folders" in said
    assert "JOBNB_HOME" in said
