"""What steps of a background run print: in the run's log, not where a cell's output goes."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import Instance, OpExecutionContext, job, op
from jobnb.events import Logged
from jobnb.execution.output_capture import Sink
from jobnb.execution.task import cancel_all
from tests.execution.until import until

WAIT = 30.0


@pytest.fixture
def instance():
    with Instance.ephemeral() as made:
        yield made


def printed(run, stream="stdout"):
    return [e.text for e in run.events() if isinstance(e, Logged) and e.logger == stream]


def ran(instance, function):
    """A finished run of one step that calls a function."""

    @op(name="only")
    def only():
        function()

    @job
    def daily():
        only()

    run = daily.launch(instance=instance).wait(WAIT)
    run.result()
    return run


def test_stdout_and_stderr_go_to_the_log_with_their_step(instance, capfd):
    def speak():
        print("to stdout")
        print("to stderr", file=sys.stderr)

    run = ran(instance, speak)
    lines = [e for e in run.events() if isinstance(e, Logged)]
    assert [(e.text, e.logger, e.level, e.step_key) for e in lines] == [
        ("to stdout", "stdout", logging.INFO, "only"),
        ("to stderr", "stderr", logging.ERROR, "only"),
    ]
    assert capfd.readouterr() == ("", "")


def test_who_else_prints_meanwhile_prints_where_they_always_did(instance, capsys):
    started, go = threading.Event(), threading.Event()

    @op
    def speak():
        started.set()
        assert go.wait(WAIT)
        print("by the step")

    @job
    def daily():
        speak()

    run = daily.launch(instance=instance)
    assert started.wait(WAIT)
    print("by the cell")
    go.set()
    run.wait(WAIT)
    assert printed(run) == ["by the step"]
    assert capsys.readouterr().out == "by the cell\n"


def test_threads_pools_and_tasks_of_a_step_print_into_its_run(instance, capsys):
    def spread():
        thread = threading.Thread(target=print, args=("thread",))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(print, ["pool"]))
        asyncio.run(tasks())

    async def tasks():
        await asyncio.to_thread(print, "to_thread")
        await asyncio.create_task(say("task"))

    async def say(text):
        print(text)

    assert printed(ran(instance, spread)) == ["thread", "pool", "to_thread", "task"]
    assert capsys.readouterr().out == ""


def test_an_asynchronous_step_prints_into_its_run(instance, capsys):
    @op
    async def speak():
        await asyncio.sleep(0)
        print("from a coroutine")

    @job
    def daily():
        speak()

    assert printed(daily.launch(instance=instance).wait(WAIT)) == ["from a coroutine"]
    assert capsys.readouterr().out == ""


def test_log_handlers_write_into_the_run_too(instance, capsys):
    handler = logging.StreamHandler(sys.stderr)
    elsewhere = logging.getLogger("elsewhere")
    elsewhere.addHandler(handler)

    def speak():
        elsewhere.warning("through a handler that was there before")

    try:
        told = printed(ran(instance, speak), "stderr")
    finally:
        elsewhere.removeHandler(handler)
    assert told == ["through a handler that was there before"]
    assert capsys.readouterr().err == ""


def test_text_without_a_line_end_is_kept_at_its_step(instance):
    @op
    def one():
        print("half", end="")

    @op
    def two(one):
        print(" a line")
        print("rest", end="", flush=True)

    @job
    def daily():
        two(one())

    run = daily.launch(instance=instance).wait(WAIT)
    lines = [(e.text, e.step_key) for e in run.events() if isinstance(e, Logged)]
    assert lines == [("half", "one"), (" a line", "two"), ("rest", "two")]
    assert instance.events(run.run_id) == run.events()


def test_a_progress_bar_comes_to_one_line(instance):
    def work():
        for share in range(0, 101, 10):
            sys.stderr.write(f"\r{share}%")
            sys.stderr.flush()
        sys.stderr.write("\n")

    assert printed(ran(instance, work), "stderr") == ["100%"]


def test_what_is_printed_while_resources_open_and_close_is_kept(instance, capsys):
    from jobnb import resource

    @resource
    def database(_):
        print("opening")
        yield 1
        print("closing")

    @op(required_resource_keys={"database"})
    def read():
        print("reading")

    @job(resource_defs={"database": database})
    def daily():
        read()

    run = daily.launch(instance=instance).wait(WAIT)
    assert printed(run) == ["opening", "reading", "closing"]
    assert capsys.readouterr().out == ""


def test_a_blocking_run_prints_under_its_cell(instance, capsys):
    @op
    def speak(context: OpExecutionContext):
        print("under the cell")

    @job
    def daily():
        speak()

    result = daily.execute_in_process(instance=instance)
    assert capsys.readouterr().out == "under the cell\n"
    assert result.log_lines == []


def test_the_streams_are_as_before_when_no_run_is_live(instance):
    until(lambda: not hasattr(threading.Thread.start, "_of_jobnb"))  # a thread was left behind
    before = (sys.stdout, sys.stderr, threading.Thread.start)
    own = (sys.stdout.write, sys.stderr.write)
    release = threading.Event()

    @op
    def wait():
        release.wait(WAIT)

    @job
    def daily():
        wait()

    runs = [daily.launch(instance=instance) for _ in range(3)]
    deadline = time.monotonic() + WAIT
    while not all(run.current_step for run in runs):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert (sys.stdout, sys.stderr) == before[:2]
    assert sys.stdout.write != own[0]
    release.set()
    assert all(run.wait(WAIT).is_finished for run in runs)
    assert cancel_all(timeout=WAIT)
    assert (sys.stdout, sys.stderr, threading.Thread.start) == before
    assert (sys.stdout.write, sys.stderr.write) == own


def test_a_cell_that_redirects_its_output_gets_its_own_back(instance, capsys):
    with contextlib.redirect_stdout(io.StringIO()) as caught:
        ran(instance, lambda: print("by the step"))
        print("by the cell")
    print("after")
    assert caught.getvalue() == "by the cell\n"
    assert capsys.readouterr().out == "after\n"


def test_a_stream_that_is_missing_hurts_nobody(instance, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert ran(instance, lambda: print("nowhere")).status == "SUCCESS"


@given(st.lists(st.text(alphabet="ab\r\n ", max_size=8), max_size=8))
def test_however_a_text_is_cut_into_writes_a_terminal_would_show_the_same(parts):
    events: list[Logged] = []
    sink = Sink(events.append, lambda: None)
    for part in parts:
        sink.write(part, "stdout")
    sink.close()
    whole = "".join(parts).replace("\r\n", "\n")
    expected = [line.rstrip("\r").rpartition("\r")[2] for line in whole.split("\n")]
    got = "\n".join(event.text for event in events).split("\n")
    assert [line for line in got if line] == [line for line in expected if line]
