"""A shell completes commands, options and the notebook's own names."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete

from jobnb.cli.main import cli

SHOP = '''
from jobnb import asset, define_asset_job, job, op, schedule, sensor


@asset
def orders():
    """What was sold."""
    return 1


@op
def once():
    pass


@job
def daily():
    """Runs every day."""
    once()


@job
def weekly():
    once()


@schedule(cron_schedule="@daily", job=daily)
def nightly(): ...


@schedule(cron_schedule="@hourly", job=daily)
def hourly(): ...


@sensor(job=daily)
def look(): ...
'''


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.setenv("JOBNB_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "shop.py"
    path.write_text(SHOP)
    return path


def completed(*words):
    *before, incomplete = [str(word) for word in words]
    found = ShellComplete(cli, {}, "jobnb", "_JOBNB_COMPLETE").get_completions(before, incomplete)
    return {item.value: item.help for item in found}


def test_commands_and_options_are_completed():
    assert completed("sch") == {"schedule": "Schedules: list, start, stop and preview them."}
    assert set(completed("run", "")) == {"cancel", "delete", "list", "resume", "show", "wipe"}
    assert "--only-missing" in completed("job", "backfill", "--only")


def test_the_names_that_code_defines_are_completed(shop):
    jobs = {"daily": "Runs every day.", "weekly": None}
    assert completed("job", "print", shop, "-j", "") == jobs
    assert completed("job", "execute", "-f", shop, "--job", "d") == {"daily": jobs["daily"]}
    select = ("asset", "materialize", shop, "--select", "or")
    assert completed(*select) == {"orders": "What was sold."}
    assert set(completed("schedule", "start", shop, "")) == {"nightly", "hourly"}
    assert set(completed("schedule", "stop", "-f", shop, "nightly", "h")) == {"hourly"}
    assert set(completed("sensor", "cursor", shop, "l")) == {"look"}


def test_names_are_completed_in_selections_without_a_location_and_of_what_is_there_by_default(
    shop, tmp_path, monkeypatch
):
    conditions = "from jobnb import AutomationCondition\n"
    more = "\n@asset(automation_condition=AutomationCondition.eager())\ndef revenue(orders): ...\n"
    shop.write_text(conditions + SHOP + more)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.jobnb]\npython_file = "shop.py"\n')
    assert set(completed("asset", "list", shop, "-s", "+orders,*r")) == {"+orders,*revenue"}
    assert set(completed("execute", shop, "--select", "+")) == {"+orders", "+revenue"}
    assert set(completed("execute", "-n", shop, "--job", "w")) == {"weekly"}
    assert set(completed("schedule", "start", "")) == {"nightly", "hourly"}
    assert set(completed("job", "execute", "-j", "d")) == {"daily"}
    assert set(completed("sensor", "start", "d")) == {"default_automation_condition_sensor"}
    assert set(completed("job", "launch", "--executor", "m")) == {"multiprocess"}


def test_partitions_of_the_job_or_the_selected_assets_are_completed(shop):
    shop.write_text(
        "from jobnb import *\nprint('loading')\n"
        "days = DailyPartitionsDefinition('2024-01-01', end_date='2024-01-12')\n"
        "@asset(partitions_def=days)\ndef orders(): ...\n"
        "@asset(partitions_def=StaticPartitionsDefinition(['a', 'b']))\ndef shops(): ...\n"
        "@asset\ndef whole(orders): ...\n"
        "daily = define_asset_job('daily', 'orders', partitions_def=days)\n"
    )
    asked = ("asset", "materialize", shop, "--select", "orders,whole", "--partition")
    assert list(completed(*asked, "2024-01-1")) == ["2024-01-10", "2024-01-11"]
    assert list(completed(*asked[:-1], "--partition-range", "2024-01-01...2024-01-10")) == [
        "2024-01-01...2024-01-10"
    ]
    assert list(completed("asset", "materialize", shop, "-s", "shops", "--partition", "")) == [
        *"ab"
    ]
    assert completed("asset", "materialize", shop, "-s", "shops,orders", "--partition", "") == {}
    backfill = ("job", "backfill", shop, "--job", "daily")
    assert len(completed(*backfill, "--from", "")) == 11
    assert list(completed(*backfill, "--partitions", "2024-01-01,2024-01-11")) == [
        "2024-01-01,2024-01-11"
    ]
    assert len(completed(*backfill[:3], "--to", "2024-01-0")) == 9


def test_files_and_folders_are_completed_by_the_shell():
    found = ShellComplete(cli, {}, "jobnb", "_JOBNB_COMPLETE").get_completions
    for words in ("daemon", "daemon -n", "job list", "job list -f", "execute", "execute -o",
                  "job execute -c", "schedule start", "export -o", "run list -n"):  # fmt: skip
        assert [item.type for item in found(words.split(), "sh")] == ["file"], words
    for words in ("job list -d", "run list --home", "docs -o"):
        assert [item.type for item in found(words.split(), "sh")] == ["dir"], words


def test_ids_of_runs_are_completed(shop, command, tmp_path):
    run_id = command("job", "launch", shop, "-j", "daily", "--wait").stdout.split()[0]
    home = ("--home", tmp_path / ".jobnb")
    assert completed("run", "show", *home, run_id[:3]) == {run_id: "daily SUCCESS"}
    assert completed("run", "show", shop, run_id[:3]) == {run_id: "daily SUCCESS"}
    assert completed("run", "delete", "-f", shop, "") == {run_id: "daily SUCCESS"}
    assert completed("run", "list", *home, "--job", "d") == {"daily": None}
    assert completed("run", "resume", shop, run_id[:1]) == {run_id: "daily SUCCESS"}
    assert completed("run", "show", "--home", tmp_path / "none", "") == {}


def test_the_assets_of_the_history_are_completed(shop, command, tmp_path):
    home = ("--home", tmp_path / ".jobnb")
    assert completed("asset", "wipe", *home, "") == {}
    command("asset", "materialize", shop)
    assert completed("asset", "wipe", *home, "or") == {"orders": None}
    assert completed("asset", "wipe", *home, "x") == {}


def test_what_cannot_be_loaded_completes_nothing(shop, capfd):
    shop.write_text("raise ValueError('no')")
    assert completed("job", "print", shop, "-j", "") == {}
    assert completed("job", "print", shop.parent / "none.py", "-j", "") == {}
    assert completed("job", "print", "-f", shop, "-m", "shop", "-j", "") == {}
    assert capfd.readouterr().err == ""


def test_a_shell_gets_its_set_up_and_answers(shop, command):
    told = command("completion", "--help").stdout.splitlines()
    assert "  bash: jobnb completion bash >> ~/.bashrc" in told
    for shell in ("bash", "zsh", "fish"):
        assert "_JOBNB_COMPLETE" in command("completion", shell).stdout
    assert "powershell" in command("completion", "powershell", code=2).stderr
    words = f"jobnb job print {shop} -j w"
    asked = {"_JOBNB_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "5"}
    code = "from jobnb.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True
    )
    assert done.stdout == "plain,weekly\n", done.stderr
