"""What running steps side by side costs, beside joblib and dask.delayed in the same run.

Nothing here fails for being slow: `extra_info` holds the numbers, as in `test_speed.py`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobnb import Instance, dask_executor, job, mem_io_manager, multiprocess_executor, op
from tests.benchmarks.conftest import MEASURED, Measure, size
from tests.benchmarks.shapes import SHAPES

N = size(1_000)
IN_MEMORY = {"io_manager": mem_io_manager}
BUDGETS = {"in_process": 15.0, "threads": 45.0, "multiprocess": 115.0}


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    with Instance.ephemeral() as made:
        yield made


def launched(made: Any, instance: Instance, executor: Any) -> None:
    run = made.launch(instance=instance, executor=executor).wait(120)
    run.result()  # raises what went wrong


def took(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@pytest.mark.parametrize("shape", ["chain", "fan", "dynamic"])
@pytest.mark.parametrize("executor", ["in_process", "threads", "multiprocess"])
def test_trivial_steps(measure: Measure, instance: Instance, shape: str, executor: str) -> None:
    made = SHAPES[shape](N)
    measure(lambda: launched(made, instance, executor), pieces=N, budget_us=BUDGETS[executor])


def increased(x: int) -> int:
    return x + 1


def test_trivial_calls_of_joblib(measure: Measure) -> None:
    from joblib import Parallel, delayed

    def work() -> None:
        with Parallel(n_jobs=2) as parallel:
            parallel(delayed(increased)(n) for n in range(N))

    measure(work, pieces=N, budget_us=None)


def test_trivial_steps_on_dask(measure: Measure, instance: Instance) -> None:
    """Beside the same work as `dask.delayed` on the same cluster."""
    import dask
    from distributed import Client, LocalCluster

    made = SHAPES["fan"](N)

    def delayed() -> None:
        calls = [dask.delayed(increased)(n) for n in range(N)]
        dask.delayed(sum)(calls).compute()

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs="ERROR"
        ) as cluster,
        Client(cluster),
    ):
        there = dask_executor.configured({"address": cluster.scheduler_address})
        found = measure(lambda: launched(made, instance, there), pieces=N, budget_us=None, rounds=2)
        delayed()
        found["us_per_piece_of_dask_delayed"] = round(took(delayed) / N * 1e6, 2)


@op
def busy() -> int:
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    return 1


def test_steps_that_compute(measure: Measure, instance: Instance) -> None:
    """How close it comes to the ideal: all processors at work, all of the time."""
    count = 20 if MEASURED else 2

    @job(resource_defs=IN_MEMORY)
    def computing() -> None:
        for n in range(count):
            busy.alias(f"busy_{n}")()

    workers = min(2, os.cpu_count() or 1)
    there = multiprocess_executor.configured({"max_concurrent": workers})
    found = measure(
        lambda: launched(computing, instance, there), pieces=count, budget_us=None, rounds=1
    )
    if "us_per_piece" in found:
        found["of_ideal"] = round(found["us_per_piece"] / (1e5 / workers), 3)


@op
def sleeps() -> int:
    time.sleep(0.2)
    return 1


@op
async def sleeps_too() -> int:
    import asyncio

    await asyncio.sleep(0.2)
    return 1


@pytest.mark.parametrize(("executor", "sleeper"), [("threads", sleeps), ("async", sleeps_too)])
def test_steps_that_wait(measure: Measure, instance: Instance, executor: str, sleeper: Any) -> None:
    """How close it comes to the longest of them."""

    @job(resource_defs=IN_MEMORY)
    def waiting() -> None:
        for n in range(20):
            sleeper.alias(f"sleeps_{n}")()

    found = measure(
        lambda: launched(waiting, instance, executor), pieces=20, budget_us=None, rounds=1
    )
    if "us_per_piece" in found:
        found["of_the_longest"] = round(found["us_per_piece"] * 20 / 2e5, 3)


def test_a_large_frame_between_processes(measure: Measure, instance: Instance) -> None:
    """A frame of 200 MB goes from one process to another; joblib sends one there and back."""
    import numpy as np
    import pandas as pd
    from joblib import Parallel, delayed

    rows = size(200_000_000) // 8 // 5

    @op
    def large():  # type: ignore[no-untyped-def]
        return pd.DataFrame(np.ones((rows, 5)))

    @op
    def length(frame):  # type: ignore[no-untyped-def]
        return len(frame)

    @job(resource_defs=IN_MEMORY)
    def through() -> None:
        length(large())

    def by_joblib() -> None:
        frame = Parallel(n_jobs=2)(delayed(_frame)(rows) for _ in range(1))
        Parallel(n_jobs=2)(delayed(len)(each) for each in frame)

    there = multiprocess_executor.configured({"max_concurrent": 2})
    found = measure(lambda: launched(through, instance, there), pieces=1, budget_us=None, rounds=2)
    by_joblib()
    found["us_per_piece_of_joblib"] = round(took(by_joblib) * 1e6)


def _frame(rows: int) -> Any:
    import numpy as np
    import pandas as pd

    return pd.DataFrame(np.ones((rows, 5)))
