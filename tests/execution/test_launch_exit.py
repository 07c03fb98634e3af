"""At the end of the process, however it comes, background runs end as canceled and are closed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobnb import Instance

SCRIPT = """
import sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from jobnb import Instance, job, op, resource, session

home, how = sys.argv[1:]

@resource
def database(_):
    try:
        yield 1
    finally:
        with open(home + "/closed", "a") as stream:
            stream.write("closed ")

@op(required_resource_keys={"database"})
def waiting():
    began.set()
    if how == "in C":
        time.sleep(600)
    if how == "in a pool":
        with ThreadPoolExecutor(1) as pool:
            while True:
                pool.submit(time.sleep, 0.001).result()
    while True:
        time.sleep(0.001)

@job(resource_defs={"database": database})
def daily():
    waiting()

began = threading.Event()
instance = Instance.from_home(home)
if how == "a rerun":
    session.add(daily)
    first = session.launch("daily", instance=instance)
    assert began.wait(60)
    first.cancel()
    first.wait()
    began.clear()
    run = session.rerun(first.run_id, instance=instance)
else:
    run = daily.launch(instance=instance)
assert began.wait(60)
print(run.run_id)
if how == "an error":
    raise ValueError("the script fails")
if how == "exit":
    sys.exit(3)
"""


@pytest.mark.parametrize(
    ("how", "code", "home"),
    [
        ("end", 0, "sqlite"),
        ("end", 0, "postgres"),
        ("a rerun", 0, "sqlite"),
        ("in C", 0, "sqlite"),
        ("in a pool", 0, "sqlite"),
        ("an error", 1, "sqlite"),
        ("exit", 3, "sqlite"),
    ],
    indirect=["home"],
)
def test_a_script_that_ends_cancels_its_runs(home, how, code):
    script = home / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), str(home), how],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == code, done.stderr
    assert ("the script fails" in done.stderr) == (how == "an error")
    told = (
        f"Canceled, as the process ends: jobnb run {done.stdout[:8]}. wait() waits for its end; "
        "launched with detach=True, it goes on in a process of its own."
    )
    assert done.stderr.count(told) == 1
    if how != "an error":
        assert done.stderr.strip() == told
    with Instance.from_home(home) as instance:
        record = instance.get_run_by_id(done.stdout.strip())
        assert record is not None
        assert record.is_canceled
        state = instance.run_state(record.run_id)
        assert state.steps["waiting"].status.value == "canceled"
        assert "ended" in state.error.message
    assert (home / "closed").read_text() == "closed " * (2 if how == "a rerun" else 1)
