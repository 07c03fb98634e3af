"""Workers killed at random moments: every run ends, and its log holds together."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from jobnb import (
    DynamicOut,
    DynamicOutput,
    Instance,
    RetryPolicy,
    job,
    multiprocess_executor,
    op,
    resource,
)
from jobnb import events as ev
from jobnb.execution.executors.pool import pool
from jobnb.state import RunStatus

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="only where there are signals")

SECONDS = 30.0
LEAST = 15  # rounds
LONGEST = 30.0  # seconds for one run
TWO = multiprocess_executor.configured({"max_concurrent": 2})


def pipeline(random, trace):
    """A job of plain and mapped steps, some of which are tried again."""

    @resource
    def database(_context):
        trace(f"open {os.getpid()}")
        yield 1
        trace(f"close {os.getpid()}")

    def policy():
        return RetryPolicy(max_retries=random.randint(1, 3)) if random.random() < 0.7 else None

    @op(required_resource_keys={"database"}, retry_policy=policy())
    def one():
        time.sleep(random.random() * 0.02)
        return 1

    @op(retry_policy=policy())
    def plus_one(x):
        time.sleep(random.random() * 0.02)
        return x + 1

    @op(out=DynamicOut(), retry_policy=policy())
    def parts():
        for n in range(4):
            yield DynamicOutput(n, str(n))

    @op(retry_policy=policy())
    def total(xs: list):
        return sum(xs)

    @job(resource_defs={"database": database})
    def made():
        for n in range(4):
            plus_one.alias(f"second_{n}")(plus_one.alias(f"first_{n}")(one.alias(f"one_{n}")()))
        total(parts().map(plus_one).collect())

    return made


def kill_now_and_then(random, ended, killed):
    """Kill a few workers of this process, at random moments, until it is told to end."""
    for _ in range(random.randint(1, 3)):
        if ended.wait(random.random() * 0.6):
            return
        workers = sorted((each for each in list(pool._all)), key=lambda each: each.pid)
        if workers:
            pid = random.choice(workers).pid
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)


def check(plan, events):
    """What holds of every log, whatever was killed when."""
    assert isinstance(events[-1], (ev.RunSucceeded, ev.RunFailed)), "the run does not end"
    assert sum(isinstance(e, (ev.RunSucceeded, ev.RunFailed)) for e in events) == 1
    steps = {}
    for number, event in enumerate(events):
        if event.step_key is not None:
            steps.setdefault(event.step_key, []).append((number, event))
    ends = {}
    for key, told in steps.items():
        kinds = [type(event) for _, event in told]
        finals = [n for n, e in told if isinstance(e, (ev.StepSucceeded, ev.StepFailed))]
        finals += [n for n, e in told if isinstance(e, ev.StepSkipped)]
        assert len(finals) == 1, f"{key} ends {len(finals)} times"
        ends[key] = finals[0], type(events[finals[0]])
        assert finals[0] == told[-1][0], f"{key} goes on after its end"
        if ev.StepSkipped not in kinds:
            assert kinds[0] is ev.StepStarted, f"{key} has not begun"
            assert kinds.count(ev.StepStarted) == 1
        assert kinds.count(ev.StepRestarted) == kinds.count(ev.StepRetried)
    for step in plan.steps:
        for key in [key for key in steps if key.split("[")[0] == step.key]:
            if ends[key][1] is not ev.StepSucceeded:
                continue
            began = steps[key][0][0]
            for wait in step.waits_for:
                above = plan.steps[wait.step].key
                for other, (at, kind) in ends.items():
                    same = other == above or (wait.collects and other.split("[")[0] == above)
                    assert not same or (at < began and kind is ev.StepSucceeded), (key, other)
    failed = {key for key, (_, kind) in ends.items() if kind is ev.StepFailed}
    assert isinstance(events[-1], ev.RunFailed) == bool(failed)
    assert {step.key for step in plan.steps} <= {key.split("[")[0] for key in steps}
    return failed


def test_every_run_ends_and_its_log_holds_together(tmp_path):
    path = str(tmp_path / "trace")

    def trace(line):
        with open(path, "a") as file:
            file.write(f"{line}\n")

    deadline = time.monotonic() + SECONDS
    rounds, failures, all_killed = 0, 0, set()
    with Instance(home=tmp_path / "home") as instance:
        while rounds < LEAST or time.monotonic() < deadline:
            random, ended, killed = Random(rounds), threading.Event(), set()
            made = pipeline(random, trace)
            killer = threading.Thread(target=kill_now_and_then, args=(random, ended, killed))
            run = made.launch(instance=instance, executor=TWO)
            killer.start()
            try:
                run.wait(LONGEST)
            finally:
                ended.set()
                killer.join()
            assert run.is_finished, f"round {rounds} hangs"
            failed = check(run.plan, instance.events(run.run_id))
            assert run.state.status in (RunStatus.SUCCESS, RunStatus.FAILURE)
            result = run.result(raise_on_error=False)
            for n in range(4):
                if result.is_node_success(f"second_{n}"):
                    assert result.output_for_node(f"second_{n}") == 3
            if result.is_node_success("total"):
                assert result.output_for_node("total") == 10
            rounds, failures = rounds + 1, failures + bool(failed)
            all_killed |= killed
    assert len(all_killed) > rounds / 2
    lines = Path(path).read_text().splitlines()
    opened = {line.split()[1] for line in lines if line.startswith("open")}
    assert opened
    for pid in opened:  # what was set up is torn down once, but where its process was killed
        count = lines.count(f"open {pid}") - lines.count(f"close {pid}")
        assert count == 0 or (count == 1 and int(pid) in all_killed), (pid, count)
    print(f"{rounds} rounds, {len(all_killed)} workers killed, {failures} runs failed")
