"""A loop that is killed at any moment loses no tick and no run, and doubles none."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import cache

import pytest

from jobnb import Instance, TickStatus
from jobnb.storage.ticks import live_loops
from tests.automation.place import (
    START,
    Clock,
    light,
    loop_on,
    runs_of,
    states_of,
    ticks_of,
)

DAY = 86400.0
STEP = 3600.0


class Killed(BaseException):
    """What a killed process does: nothing more."""


@pytest.fixture(params=["sqlite", "postgres"])
def where(request, tmp_path):
    url = request.getfixturevalue("database") if request.param == "postgres" else None
    with Instance(home=tmp_path / "home", url=url) as instance:
        yield instance


Outcome = tuple[list, Counter, list]


def outcome_of(instance) -> Outcome:
    return ticks_of(instance), runs_of(instance), states_of(instance)


@cache
def undisturbed(days: float) -> Outcome:
    """What a loop does that nobody kills."""
    with tempfile.TemporaryDirectory() as home, Instance(home=home) as instance:
        clock = Clock()
        loop = loop_on(instance, clock)
        while clock.now < START + days * DAY:
            loop.round()
            clock.now += STEP
        return outcome_of(instance)


class Killer:
    """Kills at a random step of a tick, and within the launch of a run."""

    def __init__(self, seed: int, every: int) -> None:
        self.random = random.Random(seed)
        self.every = every
        self.kills: Counter[str] = Counter()

    def reached(self, step: str) -> None:
        if self.random.randrange(self.every) == 0:
            self.kills[step] += 1
            raise Killed

    def start(self, spec) -> None:
        self.reached("before the run is recorded")
        if self.random.randrange(self.every) == 0:
            self.kills["the run is recorded and has not begun"] += 1
            from jobnb import JobRun

            spec.instance.create_run(JobRun(spec.job.name, spec.run_id, tags=dict(spec.tags)))
            raise Killed
        light(spec)
        self.reached("the run has begun")


def killed_again_and_again(instance, killer, days, loops=1):
    clock = Clock()

    def fresh():
        return loop_on(instance, clock, reached=killer.reached, start=killer.start)

    going = [fresh() for _ in range(loops)]
    while clock.now < START + days * DAY:
        killer.random.shuffle(going)
        for place, loop in enumerate(list(going)):
            while True:
                try:
                    loop.round()
                    break
                except Killed:
                    live_loops.discard(loop.holder.loop_id)
                    loop = going[place] = fresh()
        clock.now += STEP


def same_as_without_kills(instance, killer, days, loops) -> Outcome:
    """See that killed loops have done what one does that nobody kills, and with 200 kills."""
    wanted = undisturbed(days)
    killed_again_and_again(instance, killer, days, loops)
    found = outcome_of(instance)
    for one, other in zip(found, wanted, strict=True):
        assert one == other
    assert instance.get_dynamic_partitions("fruits")[:2] == ["fruit 1", "fruit 2"]
    assert sum(killer.kills.values()) >= 200, killer.kills
    assert len(killer.kills) == 9, killer.kills  # each step of a tick, and within the launch
    return wanted


@pytest.mark.parametrize("loops", [1, 2], ids=["alone", "two loops"])
def test_loops_killed_at_200_points_do_what_one_does_that_is_not(loops, where):
    wanted = same_as_without_kills(where, Killer(seed=6 + loops, every=4), 4, loops)
    # The night on which the clock goes forward: half past two comes at three.
    night = [tick[1] - START - 2 * DAY for tick in wanted[0] if tick[0] == "several"]
    assert [each for each in night if 0 < each < 2 * 3600] == [3600]


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("loops", [1, 2], ids=["alone", "two loops"])
def test_loops_killed_over_three_weeks_do_what_one_does_that_is_not(loops, seed, where):
    same_as_without_kills(where, Killer(seed=100 + seed, every=12), 21, loops)


SCRIPT = """
import sys
from jobnb import (DefaultSensorStatus, Definitions, Instance, RunRequest, SensorResult, job, op,
                   sensor)
from jobnb.automation.code_location import CodeLocation
from jobnb.automation.loop import AutomationLoop
from tests.automation.place import light

@op
def hello(): ...

@job
def greet():
    hello()

@sensor(job=greet, minimum_interval_seconds=0, default_status=DefaultSensorStatus.RUNNING)
def counting(context):
    seen = int(context.cursor or 0) + 1
    return SensorResult([RunRequest(run_key=str(seen)), RunRequest(run_key=f"{seen} too")],
                        cursor=str(seen))

instance = Instance(home=sys.argv[1])
loop = AutomationLoop(instance, [CodeLocation.of_definitions(Definitions(sensors=[counting]))],
                      start=light, in_threads=False)
while True:
    loop.round()
    print(loop.rounds, flush=True)
"""


def test_real_kills_lose_nothing_and_double_nothing(tmp_path):
    home, random_ = tmp_path / "home", random.Random(3)
    for kill in range(3):
        # The loop that is killed has another one beside it, which goes on.
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", SCRIPT, str(home)], stdout=subprocess.PIPE, cwd=os.getcwd()
            )
            for _ in range(2 if kill == 1 else 1)
        ]
        for process in processes:
            for _ in range(random_.randrange(4, 12)):
                assert process.stdout.readline()
        time.sleep(0.03 * random_.random())
        for process in processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
    with Instance(home=home) as instance:
        [state] = instance.all_instigator_state()
        ticks = instance.get_ticks(None)
        open_ticks = [tick for tick in ticks if tick.status is TickStatus.STARTED]
        assert len(open_ticks) <= 1
        done = int(state.cursor)
        assert done > 8
        launched = Counter(run.tags["dagster/run_key"] for run in instance.get_runs())
        assert set(launched.values()) == {1}
        wanted = {str(n) for n in range(1, done + 1)} | {f"{n} too" for n in range(1, done + 1)}
        left = {run.run_key for tick in open_ticks for run in tick.runs}
        assert wanted - set(launched) <= left
        assert set(launched) <= wanted
