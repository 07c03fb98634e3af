"""The runs of a loop: each in a process of its own, a few at once, none lost and none doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from jobnb import (
    Definitions,
    Instance,
    RunRequest,
    RunsFilter,
    RunStatus,
    SensorResult,
    Session,
    job,
    op,
    sensor,
)
from jobnb.automation import launching
from jobnb.automation.launching import MOST_PROCESSES, Launcher
from jobnb.automation.loop import AutomationLoop
from jobnb.execution.spec import RunSpec
from tests.automation.place import LOOKING, Clock, greet, loop_on


def wait_for(found, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError("It did not come.")


class Going:
    """A run that goes on until it is told to end."""

    outlives = True

    def __init__(self):
        self.ended = threading.Event()
        self.canceled = ""

    @property
    def is_finished(self):
        return self.ended.is_set()

    def wait(self, timeout=None):
        self.ended.wait(timeout)
        return self

    def cancel(self, reason):
        self.canceled = reason
        self.ended.set()


@pytest.fixture
def launched(monkeypatch):
    """Runs as they are launched, which go on until a test ends them."""
    found = []

    def launch(_spec, detach=False):
        found.append(Going())
        found[-1].outlives = detach
        return found[-1]

    monkeypatch.setattr(launching, "launch", launch)
    return found


@pytest.fixture
def spec(tmp_path):
    with Instance(home=tmp_path / "home") as instance:
        yield RunSpec(job=greet, instance=instance)


def in_threads(count, work):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_each_run_that_threads_launch_is_known(launched, spec):
    launcher = Launcher(detach=False)
    for thread in in_threads(8, lambda: launcher(spec)):
        thread.join()
    assert (len(launcher.going()), launcher.count, len(launched)) == (8, 8, 8)
    assert launcher.end(0.0) == (0, 8)
    assert all(run.canceled for run in launched)


def test_so_many_processes_at_once_and_the_others_wait(launched, spec):
    launcher = Launcher(most=2)
    threads = in_threads(5, lambda: launcher(spec))
    for so_far in range(2, 5):
        wait_for(lambda many=so_far: len(launched) == many)
        assert len(launcher.going()) <= 2
        launched[so_far - 2].ended.set()
    for thread in threads:
        thread.join(60)
    assert (len(launched), len(launcher.going())) == (5, 2)
    assert launcher.end(0.0) == (2, 0)
    assert not any(run.canceled for run in launched)


def queued(instance):
    return instance.get_runs(RunsFilter(statuses=[RunStatus.QUEUED]))


def test_what_waits_for_a_place_is_seen_as_queued_and_can_be_canceled(launched, tmp_path):
    @sensor(job=greet, minimum_interval_seconds=3600, **LOOKING)
    def look():
        return [RunRequest(str(number)) for number in range(4)]

    with Instance(home=tmp_path / "home") as instance, Instance(home=tmp_path / "home") as other:
        launcher, known = Launcher(most=1), Definitions(sensors=[look])
        loop = loop_on(instance, Clock(), known, start=launcher, in_threads=True)
        loop.round()
        wait_for(lambda: len(launched) == 1 and len(queued(other)) == 3)
        [tick] = instance.get_ticks(None)
        assert {run.run_id for run in queued(other)} == set(tick.run_ids[1:])
        keys = sorted(run.tags["dagster/run_key"] for run in queued(other))
        assert keys == ["1", "2", "3"]
        assert other.control.request_cancel(tick.run_ids[2], "Not needed.")
        wait_for(lambda: other.get_run_by_id(tick.run_ids[2]).is_canceled)
        for so_far in (1, 2):
            launched[so_far - 1].ended.set()
            wait_for(lambda many=so_far: len(launched) == many + 1)
        loop.stop(60)
        assert not queued(other)
        [tick] = instance.get_ticks(None)
        assert tick.is_success
        assert len(launched) == 3


def test_a_loop_that_stops_leaves_what_waits_to_the_next_one(launched, tmp_path):
    @sensor(job=greet, minimum_interval_seconds=3600, **LOOKING)
    def look():
        return [RunRequest(str(number)) for number in range(3)]

    with Instance(home=tmp_path / "home") as instance:
        launcher, known = Launcher(most=1), Definitions(sensors=[look])
        clock = Clock()
        loop = loop_on(instance, clock, known, start=launcher, in_threads=True)
        loop.round()
        wait_for(lambda: len(launched) == 1)
        wait_for(lambda: len(queued(instance)) == 2)
        launcher.stopped.set()
        loop.stop(60)
        [tick] = instance.get_ticks(None)
        assert (tick.decided, tick.ended, len(tick.runs)) == (True, None, 3)
        assert not instance.get_runs()
        again = []
        loop_on(instance, clock, known, start=again.append).round()
        [tick] = instance.get_ticks(None)
        assert tick.is_success
        assert [each.run_id for each in again] == tick.run_ids  # none of them was recorded here


def test_the_runs_of_a_session_are_detached_unless_it_is_told_otherwise(tmp_path):
    @sensor(job=greet)
    def look(context):
        seen = int(context.cursor or 0) + 1
        return SensorResult([RunRequest(str(seen))], cursor=str(seen))

    session = Session(home=str(tmp_path / "home")).add(greet, look)
    instance = session.instance
    assert session.automation.tick_now("look").is_success
    assert session.automation.tick_now("look", detach=False).is_success
    wait_for(lambda: all(run.is_finished for run in instance.get_runs()))
    runs = {run.tags["dagster/run_key"]: run for run in instance.get_runs()}
    assert all(run.is_success for run in runs.values())
    assert [runs[key].is_detached for key in ("1", "2")] == [True, False]


def test_what_cannot_go_to_another_process_runs_in_that_of_the_loop(tmp_path, caplog):
    lock = threading.Lock()

    @op
    def held():
        with lock:
            return 1

    @job
    def locked():
        held()

    @sensor(job=locked)
    def look():
        return RunRequest()

    session = Session(home=str(tmp_path / "home")).add(locked, look)
    assert session.automation.tick_now("look").is_success
    [run] = session.instance.get_runs()
    wait_for(lambda: session.instance.get_run_by_id(run.run_id).is_finished)
    run = session.instance.get_run_by_id(run.run_id)
    assert (run.is_success, run.is_detached) == (True, False)
    assert "runs in the process of the loop" in caplog.text


SCRIPT = """
import os, sys
from jobnb import Instance
from jobnb.automation.launching import Launcher
from jobnb.storage.run_control import RunControl
from tests.automation.test_launching import loop_of

hand_over = RunControl.hand_over
def killed(self, run_id, holder):
    if sys.argv[2] == "after":
        hand_over(self, run_id, holder)
    print(holder.pid, flush=True)
    os.kill(os.getpid(), 9)
RunControl.hand_over = killed
loop_of(Instance(home=sys.argv[1])).round()
"""


QUEUING = """
import os, sys, threading, time
from jobnb import Instance
from tests.automation.test_launching import loop_of, queued

instance = Instance(home=sys.argv[1])
threading.Thread(target=loop_of(instance, most=0).round, daemon=True).start()
while not queued(instance):
    time.sleep(0.02)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_loop_had_queued_is_launched_once_by_the_next_one(tmp_path):
    home = tmp_path / "home"
    died = subprocess.run(
        [sys.executable, "-c", QUEUING, str(home)], cwd=os.getcwd(), timeout=120, check=False
    )
    assert died.returncode == -signal.SIGKILL
    with Instance(home=home) as instance:
        [waiting] = instance.get_runs()
        loop_of(instance).round()
        wait_for(lambda: [run.is_success for run in instance.get_runs()] == [True])
        assert instance.get_runs()[0].run_id == waiting.run_id


@sensor(job=greet, minimum_interval_seconds=10**6, **LOOKING)
def once():
    return RunRequest("once")


def loop_of(instance, most=MOST_PROCESSES) -> AutomationLoop:
    return loop_on(instance, time.time, Definitions(sensors=[once]), start=Launcher(most=most))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_loop_that_is_killed_while_it_hands_a_run_over_runs_it_once(tmp_path, when):
    home = tmp_path / "home"
    died = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(home), when], stdout=subprocess.PIPE, text=True,
        cwd=os.getcwd(), timeout=120, check=False,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL
    child = int(died.stdout)
    wait_for(lambda: not _is_there(child))  # nobody has told it to begin
    with Instance(home=home) as instance:
        loop = loop_of(instance)
        loop.round()
        wait_for(lambda: all(run.is_finished for run in instance.get_runs()))
        [tick] = instance.get_ticks(None)
        [run] = instance.get_runs()
        assert (tick.is_success, run.is_success, tick.run_ids) == (True, True, [run.run_id])
        kinds = [event.event_type.value for event in instance.events(run.run_id)]
        assert kinds.count("PIPELINE_SUCCESS") == kinds.count("STEP_SUCCESS") == 1


def _is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] not in "ZX"
