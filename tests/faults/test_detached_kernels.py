"""A kernel is killed while a detached run goes on: the next kernel finds it, live."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.notebook.talk import Talk

CELLS = """
import time
from pathlib import Path
from jobnb import job, op, session

LIMIT = 3

def waits_for(path):
    while not Path(path).exists():
        time.sleep(0.05)
    return LIMIT

@op
def waits(context):
    print("begun")
    return waits_for("go")

@op
def doubled(number):
    return number * 2

@job
def patient():
    doubled(waits())
"""
BEGUN = """
deadline = time.monotonic() + 60
while not any(getattr(e, "text", "") == "begun" for e in run.events()):
    assert time.monotonic() < deadline
    time.sleep(0.05)
"""


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Talk]]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.delenv("JOBNB_HOME", raising=False)
    talks: list[Talk] = []

    def start() -> Talk:
        talks.append(Talk(tmp_path))
        return talks[-1]

    yield start
    (tmp_path / "go").touch()
    for each in talks:
        each.end()


def killed_after_launch(talk: Talk) -> str:
    """Launch a detached run and kill the kernel; the id of the run."""
    talk(CELLS)
    run_id = talk.text("run = session.launch('patient', detach=True); print(run.run_id)").strip()
    os.kill(int(talk.text("import os; print(os.getpid())")), signal.SIGKILL)
    return run_id


def test_another_kernel_sees_it_go_on_to_its_success(
    kernel: Callable[[], Talk], tmp_path: Path
) -> None:
    run_id = killed_after_launch(kernel())
    second = kernel()
    second("from jobnb import session; import time\n%load_ext jobnb")
    second(f"run = session.runs[{run_id!r}]")
    second(BEGUN)  # without the definitions: its log is in the history
    second("while run.status != 'STARTED': time.sleep(0.05)")
    assert second.text("print(session.runs.rows()[0]['status'])") == "STARTED\n"
    shown = next(each["data"] for each in second("run") if "data" in each)
    assert "patient ◐ running" in shown["text/plain"]
    second(CELLS)
    (tmp_path / "go").touch()
    again = f"print(session.run({run_id!r}).result(60).output_for_node('doubled'))"
    assert second.text(again) == "6\n"
    assert second.text("print(run.wait(60).status)") == "SUCCESS\n"


def test_another_kernel_cancels_it(kernel: Callable[[], Talk]) -> None:
    run_id = killed_after_launch(kernel())
    second = kernel()
    second("from jobnb import session; import time")
    second(f"run = session.run({run_id[:8]!r})")
    second(BEGUN)
    assert second.text("print(run.cancel('not needed'), run.wait(60).status)") == "True CANCELED\n"
    assert "not needed" in second.text("print(run.events()[-1])")


def test_a_queued_run_of_a_killed_kernel_is_told_and_a_detached_one_goes_on(
    kernel: Callable[[], Talk], tmp_path: Path
) -> None:
    first, second = kernel(), kernel()
    first(CELLS)
    first("from jobnb import QueuedRunCoordinator")
    first("session.instance.set_run_coordinator(QueuedRunCoordinator(max_concurrent_runs=1))")
    first("held = session.launch('patient', detach=True)")
    first("while held.status != 'STARTED': time.sleep(0.05)")
    first("lost, kept = session.launch('patient'), session.launch('patient', detach=True)")
    first("while {lost.status, kept.status} != {'QUEUED'}: time.sleep(0.05)")
    ids = first.text("print(held.run_id, lost.run_id, kept.run_id)").split()
    os.kill(int(first.text("import os; print(os.getpid())")), signal.SIGKILL)
    second("from jobnb import session; import time")
    second(f"held, lost, kept = map(session.run, {ids!r})")
    assert second.text("print(lost.wait(60).status)") == "FAILURE\n"
    assert "before it began" in second.text("print(lost.events()[-1])")
    assert second.text("print(kept.state.status.value)") == "QUEUED\n"
    (tmp_path / "go").touch()
    assert second.text("print(held.wait(60).status, kept.wait(60).status)") == "SUCCESS SUCCESS\n"
