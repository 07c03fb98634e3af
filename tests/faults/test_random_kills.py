"""Processes killed at random moments, in every executor: every run ends, its log holds together."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from jobnb import Instance, dask_executor, execute_job, multiprocess_executor
from jobnb import events as ev
from jobnb.execution.executors.pool import pool
from jobnb.execution.reexecution import ReexecutionOptions
from jobnb.plan.build import build_plan
from jobnb.state import StepStatus
from tests.faults.nursery import Tell, nursery
from tests.faults.pipelines import check, check_result, pipeline

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "killpg"), reason="only where there are signals"),
    pytest.mark.timeout(600),
]

LONGEST = 120.0  # seconds for one run, on whatever machine
TWO = multiprocess_executor.configured({"max_concurrent": 2})
ROUNDS = {"workers": 36, "cluster": 12, "in_process": 47, "threads": 47, "async": 48,
          "multiprocess": 8, "dask": 4}  # fmt: skip


# --- workers ---------------------------------------------------------------------------


def kill_at_some_moment(
    random: Random, ended: threading.Event, pids: Callable[[], list[int]], killed: set[int]
) -> None:
    """Kill a worker at a random moment, unless the run has ended by then."""
    if ended.wait(random.random() * 0.08):
        return
    there = sorted(pids())
    if there:
        pid = random.choice(there)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)


def one_round(
    number: int, made: Any, instance: Instance, executor: Any, pids: Callable[[], list[int]]
) -> tuple[set[int], set[str]]:
    """Run a job while its workers are killed; those that were, and the steps that failed."""
    ended, killed = threading.Event(), set[int]()
    killer = threading.Thread(
        target=kill_at_some_moment, args=(Random(number), ended, pids, killed)
    )
    run = made.launch(instance=instance, executor=executor)
    killer.start()
    try:
        run.wait(LONGEST)
    finally:
        ended.set()
        killer.join()
    assert run.is_finished, f"round {number} hangs"
    failed = check(run.plan, instance.events(run.run_id))
    check_result(run.result(raise_on_error=False))
    return killed, failed


def test_workers_that_are_killed_or_end_themselves(tmp_path: Path) -> None:
    path = str(tmp_path / "trace")
    dead, failures = set[int](), 0
    with Instance(home=tmp_path / "home") as instance:
        for number in range(ROUNDS["workers"]):
            made = pipeline(number, path, deadly=True)
            killed, failed = one_round(
                number, made, instance, TWO, lambda: [each.pid for each in list(pool._all)]
            )
            dead |= killed
            failures += bool(failed)
    assert len(dead) > ROUNDS["workers"] / 3
    assert failures < ROUNDS["workers"]
    lines = Path(path).read_text().splitlines()
    opened = {line.split()[1] for line in lines if line.startswith("open")}
    assert opened
    for pid in opened:  # what was set up is torn down once, but where its process was gone
        count = lines.count(f"open {pid}") - lines.count(f"close {pid}")
        assert count in (0, 1), (pid, count)


@contextmanager
def a_cluster() -> Iterator[Any]:
    distributed, dask = pytest.importorskip("distributed"), pytest.importorskip("dask")
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1h"}),  # they come back late
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs="CRITICAL"
        ) as cluster,
    ):
        yield cluster


def test_workers_of_a_cluster_that_are_killed(tmp_path: Path) -> None:
    with a_cluster() as cluster, Instance(home=tmp_path / "home") as instance:
        there = dask_executor.configured({"address": cluster.scheduler_address})

        def pids() -> list[int]:
            known = cluster.scheduler.workers  # one that is only being started is not started again
            there = [each for each in cluster.workers.values() if each.worker_address in known]
            return [each.pid for each in there if each.pid]

        dead = set[int]()
        for number in range(ROUNDS["cluster"]):
            made = pipeline(number, str(tmp_path / "trace"))
            killed, _ = one_round(number, made, instance, there, pids)
            dead |= killed
        assert dead


# --- the process that has the run ------------------------------------------------------


def work(tell: Tell, number: int, home: str, path: str, executor: str) -> None:
    """Run the job of a number, again and again; tell when a run begins and how it ends."""
    there: Any = executor
    if executor == "multiprocess":
        there = TWO
    elif "://" in executor:
        there = dask_executor.configured({"address": executor})
    with Instance(home=home) as instance:
        made = pipeline(number, path)
        while True:
            run = made.launch(instance=instance, executor=there)
            tell(f"began {run.run_id}")
            run.wait()
            tell(f"ended {run.run_id} {run.status}")


@pytest.mark.parametrize("executor", ["in_process", "threads", "async", "multiprocess", "dask"])
def test_the_process_that_has_the_run_is_killed(
    executor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobnb.storage.history.LOOK_INTERVAL", 0.0)
    home, path = tmp_path / "home", str(tmp_path / "trace")
    interrupted = 0
    with (
        Instance(home=home) as instance,
        a_cluster() if executor == "dask" else nullcontext() as cluster,
        nursery(work, home, path, cluster.scheduler_address if cluster else executor) as process,
    ):
        for number in range(ROUNDS[executor]):
            lines = process.killed(number, Random(number), most=4, pause=0.04)
            told = [line.split() for line in lines]
            ended = {run_id: status for word, run_id, *status in told if word == "ended"}
            made = pipeline(number, path)
            for run_id in [line[1] for line in told if line[0] == "began"]:
                record = instance.get_run_by_id(run_id)
                assert record is not None
                assert record.is_finished  # a lease tells that its process is gone
                events = instance.events(run_id)
                if run_id in ended:
                    assert [record.status.value] == ended[run_id] == ["SUCCESS"]
                    continue
                check(build_plan(made), events, interrupted=True)
                interrupted += record.is_failure
                if record.is_failure:
                    check_rest(made, instance, run_id, events)
    assert interrupted > ROUNDS[executor] / 4


def check_rest(made: Any, instance: Instance, run_id: str, events: Any) -> None:
    """What is left of an interrupted run is done, and nothing that had succeeded is done again."""
    before = {event.step_key for event in events if isinstance(event, ev.StepSucceeded)}
    state = instance.run_state(run_id)
    mapped = {key.partition("[")[0] for key in state.steps if "[" in key}
    steps = [step for key, step in state.steps.items() if key not in mapped]
    if all(step.status is StepStatus.SUCCEEDED for step in steps):
        return  # it was killed between the end of its last step and its own
    options = ReexecutionOptions.from_failure(run_id, instance)
    rest = execute_job(made, instance, reexecution_options=options, raise_on_error=True)
    after = {event.step_key for event in rest.all_events if isinstance(event, ev.StepStarted)}
    assert rest.success
    assert not before & after
    check_result(rest)
