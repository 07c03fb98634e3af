"""Out of memory: the step says so, the run continues where it can, and nothing hangs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource")

SCRIPT = """
import json, mmap, os, resource, sys

from jobnb import Instance, RetryPolicy, async_executor, job, op, thread_executor

def used():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * mmap.PAGESIZE

def fill(at_once):
    resource.setrlimit(resource.RLIMIT_AS, (used() + (48 << 20), resource.RLIM_INFINITY))
    held = [bytearray(1 << 30)] if at_once else []
    while True:
        held.append(bytearray(1 << 14))  # until not even a small one is left

@op(config_schema={"at_once": bool})
def greedy(context):
    fill(context.op_config["at_once"])

@op(config_schema={"at_once": bool}, retry_policy=RetryPolicy(max_retries=1))
def second_time(context):
    if context.retry_number == 0:
        fill(context.op_config["at_once"])
    return 2

@op
def after(x):
    return x + 1

@op
def beside():
    return 5

@job
def hungry():
    greedy()
    beside()
    after(second_time())

if __name__ == "__main__":
    executor = sys.argv[1]
    # A worker of Dask that is out of memory wholly cannot tell anything.
    own = {"config": {"at_once": executor == "dask"}}
    config = {"ops": {"greedy": own, "second_time": own}}
    # One at a time where they share a process: side by side, one takes the memory of the others.
    shared = {"threads": thread_executor, "async": async_executor}.get(executor)
    there = executor if shared is None else shared.configured({"max_concurrent": 1})
    run = hungry.launch(instance=Instance.ephemeral(), executor=there, config=config)
    run.wait(240)
    steps = run.state.steps
    print(json.dumps({key: [step.status.value, str(step.error)] for key, step in steps.items()}))
    print(run.status, flush=True)
    os._exit(0)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc")
@pytest.mark.parametrize("executor", ["in_process", "threads", "async", "multiprocess", "dask"])
def test_a_step_that_is_out_of_memory_says_so_and_the_others_run(
    executor: str, tmp_path: Path
) -> None:
    if executor == "dask":
        pytest.importorskip("distributed")
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py", executor],
        cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *_, steps, status = done.stdout.splitlines()
    assert status == "FAILURE", done.stdout
    found = json.loads(steps)
    assert {key: word for key, (word, _) in found.items()} == {
        "greedy": "failed",
        "second_time": "succeeded",
        "after": "succeeded",
        "beside": "succeeded",
    }, done.stdout + done.stderr
    assert "MemoryError: There was no memory left." in found["greedy"][1]
