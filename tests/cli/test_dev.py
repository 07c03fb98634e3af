"""`jobnb dev` as a process: the page answers, a schedule ticks, and one signal ends both."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from jobnb import Instance, RunsFilter, TickStatus

pytest.importorskip("starlette")

SHOP = """
from jobnb import (DefaultSensorStatus, Definitions, RunRequest, ScheduleDefinition, job, op,
                   sensor)
from jobnb import DefaultScheduleStatus

@op
def hello(): ...

@job
def greet():
    hello()

every_minute = ScheduleDefinition(
    job=greet, cron_schedule="* * * * *", default_status=DefaultScheduleStatus.RUNNING
)

@sensor(job=greet, minimum_interval_seconds=1, default_status=DefaultSensorStatus.RUNNING)
def looking(context):
    if context.cursor is None:
        context.update_cursor("looked")
        return RunRequest(run_key="one")
"""
PATIENCE = 120.0


def waited_for(found, what):
    deadline = time.monotonic() + PATIENCE
    while not (seen := found()):
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
    return seen


@pytest.fixture
def dev(tmp_path):
    path = tmp_path / "shop.py"
    path.write_text(SHOP)
    with subprocess.Popen(
        [sys.executable, "-m", "jobnb.cli", "dev", path, "--no-browser", "-p", "0"],
        cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        yield process
        process.kill()


def test_the_page_answers_a_schedule_ticks_and_a_signal_ends_both(dev, tmp_path):
    address = re.match(r"Page: (http://127\.0\.0\.1:\d+/\?token=\S+)", dev.stdout.readline())[1]
    assert dev.stdout.readline() == "Loop: 2 of 2 schedules and sensors started.\n"
    visitor = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with visitor.open(address, timeout=PATIENCE) as answer:
        assert answer.status == 200
        assert b"<html" in answer.read()
    with Instance(home=tmp_path / ".jobnb") as instance:

        def ticks(name):
            wanted = [TickStatus.SUCCESS]
            found = instance.get_ticks(None, statuses=wanted)
            return [each for each in found if each.instigator.name == name]

        [tick] = waited_for(lambda: ticks("looking"), "the sensor has not ticked")
        waited_for(lambda: ticks("greet_schedule"), "the schedule has not ticked")
        [run_id] = tick.run_ids
        done = RunsFilter(run_ids=[run_id])
        waited_for(
            lambda: instance.get_runs(done)[0].is_finished, "the run of the sensor has not ended"
        )
        assert instance.get_runs(done)[0].is_success
        dev.send_signal(signal.SIGTERM)
        out, err = dev.communicate(timeout=PATIENCE)
        assert (dev.returncode, err) == (0, "")
        assert out.splitlines()[-1] == "The page has stopped."
        assert instance.ticks.loops() == []
        assert instance.get_ticks(None, statuses=[TickStatus.STARTED]) == []
