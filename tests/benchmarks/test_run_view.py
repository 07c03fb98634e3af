"""What it costs a run to be watched: the same run with and without a view, in a real kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

ROUNDS = 7
STEPS = 1_000
READY = """
import json, threading, time
from statistics import median
from jobnb import Instance, job, mem_io_manager, op
from jobnb.display.widgets.run import RunView
from jobnb.events import StepSucceeded

gate = threading.Event()
asked = {"kinds": [], "steps": [], "text": ""}

@op
def wait_for_the_view():
    gate.wait(60)
    return 0

@op
def increase(x):
    return x + 1

@job(resource_defs={"io_manager": mem_io_manager})
def chained():
    x = wait_for_the_view()
    for i in range(STEPS):
        x = increase.alias(f"increase_{i}")(x)

def took(watched, instance):
    gate.clear()
    run = chained.launch(instance=instance)
    if watched:
        # As a front end with the timeline and the log open, following the end.
        view = RunView(run, tab="log")
        view.tabs.answer("steps")
        view.tabs.answer("log", asked=asked, first=0, count=60, follow=True)
    gate.set()
    run.wait(60)
    events = run.events()
    begun = next(event.time for event in events if isinstance(event, StepSucceeded))
    assert run.status == "SUCCESS" and run.state.done == STEPS + 1
    if watched:
        while not view.head.head["finished"]:
            time.sleep(0.001)
        view.close()
    return (events[-1].time - begun) * 1000
"""
WARM = """
instance = Instance.ephemeral()
took(True, instance), took(False, instance)
bare, watched = [], []
"""
BARE = "bare.append(took(False, instance))"
WATCHED = "watched.append(took(True, instance))"
TOLD = """
instance.dispose()
print("MEASURED", json.dumps({"bare_ms": median(bare), "watched_ms": median(watched)}))
"""


@pytest.fixture
def kernel() -> Iterator[BlockingKernelClient]:
    """A kernel that finds this project."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(Path(__file__).parents[2]))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def run(client: BlockingKernelClient, code: str) -> tuple[str, list[dict[str, Any]]]:
    """What a cell printed, and the messages that went to widgets meanwhile."""
    printed: list[str] = []
    sent: list[dict[str, Any]] = []

    def hear(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])
        elif message["msg_type"] == "error":
            raise AssertionError("\n".join(message["content"]["traceback"]))
        elif message["msg_type"].startswith("comm"):
            sent.append(message["content"])

    client.execute_interactive(code, output_hook=hear, timeout=240, store_history=False)
    return "".join(printed), sent


def test_a_run_that_is_watched(kernel: BlockingKernelClient, benchmark: Any) -> None:
    """A run of trivial steps with its timeline and log open; at most twice the run alone.

    The table shows the cell that runs it; `extra_info` the runs themselves, as their events say.
    """
    run(kernel, READY.replace("STEPS", str(STEPS)) + WARM)
    sent: list[dict[str, Any]] = []
    benchmark.pedantic(
        lambda: sent.extend(run(kernel, WATCHED)[1]),
        setup=lambda: run(kernel, BARE) and None,
        rounds=ROUNDS,
    )
    told = json.loads(run(kernel, TOLD)[0].partition("MEASURED ")[2])
    ratio = told["watched_ms"] / max(told["bare_ms"], 0.01)
    benchmark.extra_info.update(told, ratio=round(ratio, 2), budget_ratio=2.0)
    # However fast the steps, the front end hears of them together and not one by one.
    news = [message for message in sent if "news" in message["data"].get("content", {})]
    assert 0 < len(news) < ROUNDS * STEPS / 20
