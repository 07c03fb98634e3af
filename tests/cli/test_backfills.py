"""Backfills from the command line: in this process, in a process of their own, and the history."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from jobnb.cli.main import cli

SHOP = """
import time
from pathlib import Path
from jobnb import StaticPartitionsDefinition, asset, define_asset_job

@asset(partitions_def=StaticPartitionsDefinition(["north", "south", "west"]))
def sales(context):
    if Path("slow").exists():
        for _ in range(6000):
            time.sleep(0.01)
    if context.partition_key == "west" and not Path("mended").exists():
        raise ValueError("no sales in the west")
    return 1

by_region = define_asset_job("by_region", selection="sales")
"""
ASKED = ("job", "backfill", "shop.py", "--yes")


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JOBNB_HOME", raising=False)
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_detached_backfill_outlives_its_command(shop, printed):
    done = subprocess.run(
        [sys.executable, "-m", "jobnb.cli", *ASKED, "--partitions", "north,west", "--detach"],
        env={**os.environ, "PYTHONPATH": os.environ["PYTHONPATH"]},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    [backfill_id] = done.stdout.split()
    assert done.stderr == ""
    until(lambda: printed("backfill", "show", backfill_id)["status"] != "REQUESTED")
    found = printed("backfill", "show", "shop.py", backfill_id[:5])
    assert (found["backfill_id"], found["target"]) == (backfill_id, "by_region")
    assert (found["status"], found["detached"]) == ("FAILED", True)
    counts = {"total": 2, "made": 1, "failed": 1, "blocked": 0, "under_way": 0}
    assert found["counts"] == counts
    [failure] = found["failures"]
    assert (failure["step"], failure["partition"]) == ("sales", "west")
    assert "no sales in the west" in failure["error"]
    assert {run["run_id"] for run in printed("run", "list")} == set(found["runs"])
    (shop / "mended").touch()


def test_a_detached_backfill_can_be_waited_for(command, printed):
    done = command(*ASKED, "--all", "--detach", "--wait", code=1)
    backfill_id, told = done.stdout.splitlines()
    assert told.startswith(f"backfill {backfill_id} of by_region: 3 of 3 partitions done (100%): ")
    assert "  failed: west" in done.stderr
    again = f"jobnb backfill resume shop.py {backfill_id}"
    assert f"  try again what was not made: {again}\n" in done.stderr
    assert "--wait goes with --detach" in command(*ASKED, "--all", "--wait", code=2).stderr


def test_a_backfill_is_canceled_and_resumed(shop, command, printed):
    (shop / "slow").touch()
    shown = printed(*ASKED, "--all", "--detach")
    backfill_id = shown["backfill_id"]
    assert (shown["status"], shown["counts"]["total"]) == ("REQUESTED", 3)
    told = command("backfill", "resume", "shop.py", backfill_id, code=2).stderr
    assert f"`jobnb backfill cancel {backfill_id}`" in told
    until(lambda: bool(printed("backfill", "show", backfill_id)["runs"]))
    assert "running" in command("backfill", "list", "shop.py").stdout
    told = command("backfill", "cancel", backfill_id, "--reason", "enough").stdout
    assert told == f"Canceled the backfill {backfill_id}\n"
    found = printed("backfill", "show", backfill_id)
    assert (found["status"], found["error"]) == ("CANCELED", "enough")
    assert "has ended already" in command("backfill", "cancel", backfill_id, code=2).stderr
    (shop / "slow").unlink()
    (shop / "mended").touch()
    done = command("backfill", "resume", "shop.py", backfill_id, "--detach", "--wait").stdout
    first, told = done.splitlines()
    assert first == backfill_id
    assert told.endswith(" of by_region: 3 of 3 partitions done (100%): 3 made")
    [row] = printed("backfill", "list")
    assert (row["backfill_id"], row["status"]) == (backfill_id, "COMPLETED")
    nothing = command("backfill", "resume", "shop.py", backfill_id).stdout
    assert nothing == f"backfill {backfill_id} of by_region: nothing to make\n"


def test_ctrl_c_ends_the_waiting_for_a_detached_backfill_not_the_backfill(shop, command, printed):
    (shop / "slow").touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "jobnb.cli", *ASKED, "--all", "--detach", "--wait"],
        env={**os.environ, "PYTHONPATH": os.environ["PYTHONPATH"]},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    backfill_id = process.stdout.readline().strip()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, ""), told
    assert printed("backfill", "show", backfill_id)["status"] == "REQUESTED"
    command("backfill", "cancel", backfill_id)


def test_a_backfill_that_is_not_there_is_told(command, printed):
    for words in (["show"], ["cancel"]):
        assert "There is no history" in command("backfill", *words, "0", code=2).stderr
    assert printed("backfill", "list") == []
    assert command("backfill", "list").stdout == f"No backfills in {Path('.jobnb').absolute()}.\n"
    first = printed(*ASKED, "--partitions", "north")["backfill_id"]
    for words in (["show"], ["cancel"], ["resume", "shop.py"]):
        told = command("backfill", *words, "nope", code=2).stderr
        assert told.startswith("jobnb: There is no backfill 'nope' in ")
        assert "jobnb backfill list" in told
    assert printed("backfill", "list", "--status", "failed") == []
    assert [row["backfill_id"] for row in printed("backfill", "list", "--limit", "1")] == [first]
    second = printed(*ASKED, "--partitions", "south")["backfill_id"]
    assert f"More: --cursor {second}" in command("backfill", "list", "--limit", "1").stdout
    assert [row["backfill_id"] for row in printed("backfill", "list", "--cursor", second)] == [
        first
    ]
    found = ShellComplete(cli, {}, "jobnb", "_JOBNB_COMPLETE").get_completions
    for words in ("show", "cancel", "resume shop.py"):
        items = found(["backfill", *words.split()], first[:3])
        assert [(item.value, item.help) for item in items] == [(first, "by_region COMPLETED")]
