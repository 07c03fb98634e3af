"""A chain of steps that each make a large array holds a few of them, not all."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from jobnb import job, mem_io_manager, op
from tests.execution.executors.test_matrix import launched

COUNT, SIZE = 40, 5_000_000
FEW = 12 * SIZE  # of 40: what a run needs besides, the allocator and the order of messages
FEW_OF_DASK = 24 * SIZE  # of 80, as a value is there twice: Dask releases it some time later


def memory():
    return psutil.Process().memory_info().rss


def large_values():
    """How many values of runs are in files on this machine, of this process or the one above."""
    found = 0
    for pid in (os.getpid(), os.getppid()):
        for folder in Path(tempfile.gettempdir()).glob(f"jobnb-run-{pid}-*"):
            found += len(list(folder.glob("*.value")))
    return found


def test_a_chain_of_large_arrays_holds_a_few_of_them(executor, instance, trace):
    @op
    def array(x):
        trace(f"{os.getpid()} {memory()} {large_values()}")
        time.sleep(0.01)  # time for the messages of Dask that release a value
        return np.full(SIZE // 8, 1.0 if x is None else x[0] + 1)

    @op
    def last(x):
        trace(f"{os.getpid()} {memory()} {large_values()}")
        return float(x[0])

    @op
    def nothing():
        return None

    @job(resource_defs={"io_manager": mem_io_manager})
    def chain():
        x = nothing()
        for n in range(COUNT):
            x = array.alias(f"array_{n}")(x)
        last(x)

    before = memory()
    launched(chain, instance, executor).result()
    assert memory() - before < FEW
    told = [tuple(map(int, line.split())) for line in trace.lines]
    assert len(told) == COUNT + 1
    for pid in {pid for pid, *_ in told}:
        held = [size for other, size, _ in told if other == pid]
        assert max(held) - held[0] < (FEW if isinstance(executor, str) else FEW_OF_DASK)
    assert max(values for *_, values in told) <= 4
