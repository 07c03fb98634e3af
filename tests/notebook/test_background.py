"""Background runs in a real kernel: it stays free, cells keep their output, its end ends them."""

from __future__ import annotations

import contextlib
import queue
import time
from pathlib import Path

import pytest

from jobnb import Instance
from tests.notebook.talk import WAIT, Talk

DEFINE = """
%load_ext jobnb
import threading, time
from jobnb import asset, job, op, resource, session

go = threading.Event()

@resource
def database(_):
    yield 1
    with open("closed", "a") as stream:
        stream.write("closed ")

@op(required_resource_keys={"database"})
def slow():
    print("printed by the step")
    while not go.wait(0.01):
        pass
    print("printed by the step at last")
    return 1

@job(resource_defs={"database": database})
def daily():
    slow()
"""


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    talk = Talk(tmp_path)
    talk(DEFINE)
    yield talk
    talk.end()


def test_the_kernel_stays_free_and_each_output_has_its_place(kernel):
    assert kernel.text("run = session.launch('daily')\nprint('launched')") == "launched\n"
    assert kernel.text("while not run.current_step: time.sleep(0.001)\nprint(run.status)") in (
        "STARTED\n",
        "NOT_STARTED\n",
    )
    assert kernel.text("print(1 + 1); go.set()") == "2\n"
    assert kernel.strays() == []
    assert kernel.text("print(run.wait(30).status)") == "SUCCESS\n"
    lines = kernel.text(
        "from jobnb.events import Logged\n"
        "print([e.text for e in run.events() if isinstance(e, Logged)])"
    )
    assert lines == "['printed by the step', 'printed by the step at last']\n"


def test_what_a_step_displays_stays_out_of_other_cells(kernel):
    kernel(
        "from IPython.display import HTML, display\n"
        "@op\ndef shows():\n    display(HTML('<b>shown</b>'))\n    go.wait(30)\n"
        "@job\ndef gallery():\n    shows()"
    )
    outputs = kernel("run = session.launch('gallery')\nwhile not run.current_step: pass\n1")
    assert [out["type"] for out in outputs] == ["execute_result"]
    kernel("go.set()")
    assert kernel.text("print(run.wait(30).status)") == "SUCCESS\n"
    assert kernel.strays() == []
    texts = kernel.text("print([e.text for e in run.events() if hasattr(e, 'level')])")
    assert "IPython.core.display.HTML" in texts


def test_a_run_is_awaited_in_a_cell(kernel):
    kernel("run = session.launch('daily')")
    text = kernel.text(
        "import asyncio\n"
        "asyncio.get_running_loop().call_later(0.1, go.set)\n"
        "result = await run\n"
        "print(result.output_for_node('slow'))"
    )
    assert text == "1\n"


def interrupted(kernel, sent):
    """The kernel's reply to a cell that is interrupted; again where Python has dropped the first
    interrupt, as it does with one that comes while an object is being finalized."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        kernel.manager.interrupt_kernel()
        with contextlib.suppress(queue.Empty):
            while (reply := kernel.client.get_shell_msg(timeout=5))["parent_header"][
                "msg_id"
            ] != sent:
                pass
            return reply
    raise AssertionError("no reply")


def test_interrupting_a_cell_that_waits_leaves_the_run_alone(kernel):
    kernel("run = session.launch('daily')")
    sent = kernel.client.execute("print('waits', flush=True)\nrun.wait()")
    while kernel.client.get_iopub_msg(timeout=WAIT)["msg_type"] != "stream":
        pass
    reply = interrupted(kernel, sent)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.text("go.set()\nprint(run.wait(30).status)") == "SUCCESS\n"


@pytest.mark.parametrize("restart", [False, True])
def test_the_end_of_the_kernel_ends_its_runs(kernel, tmp_path, restart):
    kernel("run = session.launch('daily')\nwhile not run.current_step: time.sleep(0.001)")
    if restart:
        kernel.manager.restart_kernel()
    else:
        kernel.manager.shutdown_kernel()
    with Instance(home=tmp_path / ".jobnb") as instance:
        (record,) = instance.get_runs()
        assert record.is_canceled
        assert "ended" in instance.run_state(record.run_id).error.message
    assert (tmp_path / "closed").read_text() == "closed "
