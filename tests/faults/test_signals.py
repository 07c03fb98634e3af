"""Real signals at moments that nobody chose: to a process that runs jobs, and to a kernel.

Here a few are sent; `python -m tests.faults.test_signals 300 100` sends 300 to a process and 100 to
a kernel.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from jobnb import Instance, JobRun

WAIT = 60.0

PROGRAM = """
import faulthandler, json, signal, sys, time
from collections import Counter
from jobnb import *
from jobnb.automation.backfill import Backfill
from jobnb.execution.background import Run
from jobnb.execution.execute_job import execute_job
from jobnb.execution.task import Task, running

opened, closed = Counter(), Counter()
instance = Instance.from_home(HOME)

@resource
def database(_context):
    opened["database"] += 1
    try:
        yield "database"
    finally:
        closed["database"] += 1

class Warehouse(ConfigurableResource):
    def setup_for_execution(self, context):
        opened["warehouse"] += 1
    def teardown_after_execution(self, context):
        closed["warehouse"] += 1

RESOURCES = {"database": database, "warehouse": Warehouse()}

@op(out=DynamicOut(), required_resource_keys=set(RESOURCES))
def load(context):
    for number in range(3):
        context.log.info("at work")
        yield DynamicOutput(number, f"n{number}")

@op
def clean(x):
    time.sleep(0.001)
    return x + 1

@op
def total(xs): return sum(xs)

@job(resource_defs=RESOURCES)
def daily(): total(load().map(clean).collect())

@asset(required_resource_keys=set(RESOURCES))
def orders(): return [1, 2]

@asset
def revenue(orders): return sum(orders)

@asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
def letters(): return 1

defs = Definitions(assets=[orders, revenue, letters], jobs=[daily], resources=RESOURCES)
mine = Session().add(defs)
WAYS = [
    lambda: daily.execute_in_process(instance=instance),
    lambda: execute_job(daily, instance),
    lambda: mine.materialize("*revenue", instance=instance),
    lambda: daily.launch(instance=instance),
    lambda: mine.backfill("letters", instance=instance),
]

for way in WAYS:  # an interrupt in an import can leave Python's own lock taken for ever
    way()
while running(Task):
    time.sleep(0.01)

def attempt(number, wait):
    global begun
    opened.clear(), closed.clear()
    before, came, begun = instance.get_runs_count(), "nothing", None
    try:
        print("go", flush=True)
        begun = WAYS[number % len(WAYS)]()  # no place for an interrupt from here to the next line
        came = "nothing in the run"
        wait()
    except KeyboardInterrupt as error:
        if came == "nothing":
            came = type(error).__name__
    return before, came

def report(number, before, came):
    if isinstance(begun, (Run, Backfill)):
        begun.wait()
    new = instance.get_runs_count() - before
    runs = instance.get_runs(limit=new) if new else []
    wrong = [run.status.value for run in runs if not run.is_finished or run.is_failure]
    if opened != closed:
        wrong.append(f"opened {opened}, closed {closed}")
    if runs and came == "KeyboardInterrupt":
        wrong.append("a plain KeyboardInterrupt")
    if came == "ExecutionInterruptedError" and not runs:
        came = "an interrupt before there was a run"
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        wrong.append("another handler")
    wrong = wrong and [*wrong, number]
    return {"came": came, "runs": [run.status.value for run in runs], "wrong": wrong}
"""

LOOP = """
sent = -1
def wait():
    global sent
    while sent < number:
        sent = int(sys.stdin.readline())

for number in range(int(sys.argv[1])):
    faulthandler.dump_traceback_later(30, exit=True)
    before, came = attempt(number, wait)
    wait()
    print(json.dumps(report(number, before, came)), flush=True)
"""


def moment(dice: random.Random) -> float:
    """Seconds until an interrupt: within a run, more often than not."""
    return dice.choice((dice.uniform(0, 0.004), dice.uniform(0, 0.02), dice.uniform(0, 0.05)))


def to_a_process(home: Path, rounds: int, seed: int) -> list[dict]:
    """Interrupt a process that runs jobs; what it reports of each time."""
    dice = random.Random(seed)
    program = f"HOME = {str(home)!r}\n{PROGRAM}\n{LOOP}"
    command = [sys.executable, "-c", program, str(rounds)]
    found = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(rounds):
            assert process.stdout.readline() == "go\n"
            time.sleep(moment(dice))
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
            print(number, file=process.stdin, flush=True)
            while not select.select([process.stdout], [], [], 1)[0]:
                print(number, file=process.stdin, flush=True)  # the one before met the interrupt
            found.append(json.loads(process.stdout.readline()))
    assert process.returncode == 0
    return found


def to_a_kernel(home: Path, rounds: int, seed: int) -> list[dict]:
    """The same with a kernel, where each run is in a cell of its own."""
    from jupyter_client.manager import start_new_kernel

    dice = random.Random(seed)
    manager, client = start_new_kernel()
    found = []
    try:
        _run(client, f"HOME = {str(home)!r}\n{PROGRAM}\nwait = lambda: time.sleep(2)")
        for number in range(rounds):
            sent = client.execute(f"result = None\nresult = attempt({number}, wait)")
            while (news := client.get_iopub_msg(timeout=WAIT))["msg_type"] != "stream":
                pass
            assert news["content"]["text"].startswith("go")
            time.sleep(moment(dice))
            manager.interrupt_kernel()
            _reply(client, sent)
            text = _run(
                client,
                "if result is None: result = (instance.get_runs_count(), 'nothing in the run')\n"
                f"print(json.dumps(report({number}, *result)))",
            )
            found.append(json.loads(text))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return found


def _reply(client, sent):
    while (reply := client.get_shell_msg(timeout=WAIT))["parent_header"]["msg_id"] != sent:
        pass
    return reply["content"]


def _run(client, code):
    """What a cell prints; it must not fail."""
    sent, text = client.execute(code), ""
    while True:
        news = client.get_iopub_msg(timeout=WAIT)
        if news["parent_header"].get("msg_id") != sent:
            continue
        if news["msg_type"] == "stream" and news["content"]["name"] == "stdout":
            text += news["content"]["text"]
        if news["msg_type"] == "status" and news["content"]["execution_state"] == "idle":
            break
    assert _reply(client, sent)["status"] == "ok", code
    return text


def look_at(home: Path, found: list[dict]) -> Counter[str]:
    """See that nothing was wrong, and that the home can be used; how often what came."""
    wrong = [each for each in found if each["wrong"]]
    assert not wrong, wrong
    with Instance(home=home) as instance:
        assert {run.status.value for run in instance.get_runs()} <= {"CANCELED", "SUCCESS"}
        for backfill in instance.get_backfills():
            assert backfill.status.is_finished
        log = instance.open_log(instance.create_run(JobRun("after all")))
        log.close()
        assert instance.get_runs(limit=1)[0].job_name == "after all"
    return Counter(each["came"] for each in found)


def test_a_process_that_is_interrupted_at_any_moment_leaves_nothing_open(tmp_path):
    came = look_at(tmp_path, to_a_process(tmp_path, 60, seed=1))
    assert came["ExecutionInterruptedError"] > 10


def test_a_kernel_that_is_interrupted_at_any_moment_leaves_nothing_open(tmp_path):
    came = look_at(tmp_path, to_a_kernel(tmp_path, 25, seed=2))
    assert came["ExecutionInterruptedError"] > 3


if __name__ == "__main__":
    for way, rounds in zip((to_a_process, to_a_kernel), map(int, sys.argv[1:]), strict=True):
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            seed = int(os.environ.get("SEED", "0"))
            seen = look_at(Path(folder), way(Path(folder), rounds, seed))
            print(way.__name__, dict(seen), f"{time.monotonic() - began:.0f} s")
