"""The command as a process: its exit codes, one line of each kind of error, signals and pipes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

SHOP = """
import time
from pathlib import Path

from jobnb import Config, asset, job, op


@op
def work():
    try:
        Path("began").touch()
        for _ in range(6000):
            time.sleep(0.01)
    finally:
        Path("closed").touch()


@op
def fail():
    raise ValueError("no")


@op
def say():
    print("said")


@job
def slow():
    work()


@job
def failing():
    fail()


@job
def fine():
    say()
"""


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.py"
    path.write_text(SHOP)
    return path


@pytest.fixture
def start(shop):
    """Starts the command in the folder of the file; none outlives the test."""
    started = []

    def begin(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "jobnb.cli", *map(str, arguments)],
            cwd=shop.parent, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONWARNINGS": "error"},
        )  # fmt: skip
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["job", "execute", "shop.py", "-j", "fine"], 0, ""),
        (["job", "execute", "shop.py", "-j", "failing"], 1, "fail failed: ValueError: no"),
        (["job", "execute", "shop.py", "-j", "fien"], 2, "Did you mean 'fine'?"),
        (["job", "list", "none.ipynb"], 2, "There is no notebook none.ipynb"),
        (["job", "lst"], 2, "Did you mean 'list'?"),
        (["run", "show", "abcd"], 2, "There is no history in"),
    ],
)
def test_exit_codes_are_as_the_help_says(start, arguments, code, said):
    process = start(*arguments)
    _, told = process.communicate(timeout=120)
    assert process.returncode == code, told
    assert said in told
    assert "Traceback" not in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_is_canceled_and_130(start, shop, printed, number):
    process = start("job", "execute", "shop.py", "--job", "slow")
    deadline = time.monotonic() + 60
    while not (shop.parent / "began").exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert told.startswith("jobnb: ")
    assert "Traceback" not in told
    assert (shop.parent / "closed").exists()
    [run] = printed("run", "list", shop)
    assert run["status"] == "CANCELED"


def test_a_reader_that_closes_its_pipe_ends_the_command_quietly(start, command, shop):
    for _ in range(3):
        command("job", "execute", shop, "-j", "fine")
    process = start("run", "list", "--json")
    process.stdout.close()
    told = process.stderr.read()
    assert process.wait(60) == 0, told
    assert told == ""


def test_what_the_users_code_prints_does_not_come_between_the_json(start, shop):
    shop.write_text("print('printed')\n" + SHOP)
    process = start("job", "list", "shop.py", "--json")
    shown, _ = process.communicate(timeout=120)
    assert [row["name"] for row in json.loads(shown)] == ["slow", "failing", "fine"]
