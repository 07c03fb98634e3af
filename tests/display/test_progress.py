"""How far a run is, told only when it takes long, in a display that leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jobnb import (
    Instance,
    OpExecutionContext,
    Session,
    StaticPartitionsDefinition,
    asset,
    job,
    op,
)
from jobnb.automation import backfill as backfills
from jobnb.display.progress import Progress, Watch, _html
from jobnb.execution.watch import background_watchers, watchers
from tests.execution.until import until
from tests.notebook.talk import Talk

WAIT = 30.0


class Seen:
    """A display that remembers."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int, str]] = []
        self.shown = threading.Event()
        self.closed = 0

    def show(self, progress: Progress) -> None:
        self.told.append((progress.name, progress.done, progress.total, progress.step))
        self.shown.set()

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def watched():
    """Watches all blocking runs with a display that is there at once, or as the test says."""
    hung = []

    def watched(display, after=0.0):
        watch = Watch(lambda: display, after, lambda: True)
        watchers.append(watch)
        hung.append(watch)
        return display

    yield watched
    for watch in hung:
        watchers.remove(watch)


def job_that(wait):
    @op
    def first():
        return 1

    @op
    def second(first):
        wait()

    @job
    def daily():
        second(first())

    return daily


def test_a_long_run_is_told_of_and_nothing_is_left(watched):
    display = watched(Seen())
    job_that(lambda: display.shown.wait(WAIT)).execute_in_process()
    assert display.told[0] == ("daily", 1, 2, "second")
    assert display.closed == 1


def test_how_far_the_step_says_it_is_stands_beside_it(watched):
    display = watched(Seen())

    def report():
        OpExecutionContext.get().report_progress(3, 7, "rows")
        until(lambda: display.told and display.told[-1][3] == "second (3 of 7 · rows)")

    job_that(report).execute_in_process()
    assert display.closed == 1


def test_a_short_run_is_not_told_of(watched):
    display = watched(Seen(), after=600.0)
    job_that(lambda: time.sleep(0.3)).execute_in_process()
    assert (display.told, display.closed) == ([], 0)


def test_a_run_that_fails_leaves_nothing_either(watched):
    display = watched(Seen())

    def fail():
        display.shown.wait(WAIT)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        job_that(fail).execute_in_process()
    assert display.closed == 1


@pytest.mark.parametrize("when", ["show", "close"])
def test_a_face_that_breaks_hurts_no_run(watched, when):
    tried = threading.Event()

    class Broken(Seen):
        def show(self, progress):
            tried.set()
            if when == "show":
                raise RuntimeError("broken")

        def close(self):
            if when == "close":
                raise RuntimeError("broken")

    watched(Broken())
    assert job_that(lambda: tried.wait(WAIT)).execute_in_process().success
    assert tried.is_set()


def test_a_watcher_that_breaks_hurts_no_run():
    def broken(run):
        raise RuntimeError("broken")

    watchers.append(broken)
    background_watchers.append(broken)
    try:
        daily = job_that(lambda: None)
        assert daily.execute_in_process().success
        assert daily.launch(instance=Instance.ephemeral()).result(WAIT).success
    finally:
        watchers.remove(broken)
        background_watchers.remove(broken)


def test_a_background_run_shows_no_bar(watched):
    display = watched(Seen())
    run = job_that(lambda: time.sleep(0.6)).launch(instance=Instance.ephemeral())
    assert run.result(WAIT).success
    assert display.told == []


def test_names_are_shown_as_they_are(watched):
    kept = []

    class Kept(Seen):
        def show(self, progress):
            progress.name = "<b>daily</b>"
            kept.append(_html(progress))
            super().show(progress)

    display = watched(Kept())
    job_that(lambda: display.shown.wait(WAIT)).execute_in_process()
    assert "<b>" not in kept[0]
    assert "&lt;b&gt;daily&lt;/b&gt;" in kept[0]


def test_a_backfill_that_is_waited_for_is_told_in_partitions():
    go, display = threading.Event(), Seen()

    @asset(partitions_def=StaticPartitionsDefinition(["a", "b", "c"]))
    def letters(context):
        if context.partition_key == "b":
            raise ValueError("no")
        if context.partition_key == "c":
            go.wait(WAIT)

    class Going(Seen):
        def show(self, progress):
            super().show(progress)
            if progress.done == 2:
                display.told.append((progress.name, progress.done, progress.total, str(progress)))
                go.set()

    shown = Going()
    watch = Watch(lambda: shown, 0.0, lambda: True)
    backfills.watchers.append(watch.of_backfill)
    try:
        session = Session().add(letters)
        backfill = session.backfill(instance=Instance.ephemeral()).wait(WAIT)
    finally:
        backfills.watchers.remove(watch.of_backfill)
    assert backfill.is_finished
    name, done, total, words = display.told[0]
    assert (name, done, total) == ("backfill of letters", 2, 3)
    assert "2 of 3 partitions" in words
    assert words.endswith("(1 failed)  letters c")
    assert shown.closed == 1


LONG = """
import time
from jobnb import Instance, StaticPartitionsDefinition, asset, job, op
from jobnb.automation import backfill as backfills

@op
def slow():
    time.sleep(1.2)

@job
def daily():
    slow()
"""


def test_a_cell_shows_it_and_empties_it_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("JOBNB_DISPLAY", "static")  # with widgets, the run shows itself alive
    kernel = Talk(tmp_path)
    try:
        kernel(LONG)
        outputs = kernel("daily.execute_in_process();")
    finally:
        kernel.end()
    first, *_, last = outputs
    assert first["type"] == "display_data"
    assert "daily: 0 of 1 step" in first["data"]["text/plain"]
    assert "<progress" in first["data"]["text/html"]
    assert last["type"] == "update_display_data"
    assert last["data"] == {"text/plain": "", "text/html": ""}
    assert last["transient"] == first["transient"]


SCRIPT = """
import logging, sys, time
from jobnb import Session, asset, job, op

@asset
def orders(context):
    time.sleep(SECONDS)
    print("half way", file=sys.stderr)
    time.sleep(SECONDS)

@asset
def revenue(orders): ...

session = Session(HOME)
"""


def script(tmp_path, code, seconds):
    path = tmp_path / "script.py"
    home = repr(str(tmp_path / "home"))
    path.write_text(SCRIPT.replace("SECONDS", str(seconds)).replace("HOME", home) + code)
    return path


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if name != "JOBNB_PROGRESS"}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm", **more}


def ran(tmp_path, code, seconds, **more):
    """What a script says on stdout, and on stderr without its log."""
    done = subprocess.run(
        [sys.executable, str(script(tmp_path, code, seconds))],
        env=environment(**more), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    lines = [each for each in done.stderr.splitlines() if each.startswith("jobnb: ")]
    return done, lines


WORK = "session.add(orders, revenue).materialize()\nprint('done')\n"


def test_a_script_that_is_no_terminal_tells_lines_on_stderr(tmp_path):
    done, lines = ran(tmp_path, WORK, 0.6)
    assert done.stdout == "done\n"
    assert lines
    assert lines[0].startswith("jobnb: materialize orders, revenue (2 assets): 0 of 2 steps, ")
    assert lines[0].endswith("  orders")
    assert "half way" in done.stderr


def test_a_short_run_says_nothing_and_switches_turn_it_off(tmp_path):
    assert ran(tmp_path, WORK, 0.01)[1] == []
    assert ran(tmp_path, WORK, 0.5, JOBNB_PROGRESS="0")[1] == []
    assert ran(tmp_path, "session.show_progress = True\n" + WORK, 0.5)[1] != []
    quiet = "from jobnb import session as s\ns.show_progress = False\n"
    assert ran(tmp_path, quiet + WORK, 0.5)[1] == []


def test_a_failure_in_a_script_is_told_as_ever(tmp_path):
    code = """
@asset
def bad(orders):
    raise ValueError("what went wrong")
session.add(orders, bad).materialize()
"""
    done, lines = ran(tmp_path, code, 0.5)
    assert done.returncode == 1
    assert lines
    assert "\nValueError: what went wrong\n" in done.stderr


def test_a_copy_of_the_process_goes_on_without_what_was_watched(tmp_path):
    code = """
import os
session.add(orders, revenue).materialize()
if (child := os.fork()) == 0:
    session.materialize()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print("done")
"""
    assert ran(tmp_path, code, 0.4)[0].stdout == "done\n"


def on_terminal(path, **more):
    """Runs a script whose stderr is a terminal: its stdout, and what the terminal was sent."""
    import pty

    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, stderr=follower,
        env=environment(**more),
    ) as process:  # fmt: skip
        os.close(follower)
        text = b""
        while True:
            try:
                part = os.read(leader, 4096)
            except OSError:
                break
            if not part:
                break
            text += part
        assert process.stdout is not None
        said = process.stdout.read().decode()
        assert process.wait(WAIT) == 0
    os.close(leader)
    return said, text.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_shows_a_bar_with_the_steps_that_run_and_takes_it_away(tmp_path):
    said, shown = on_terminal(script(tmp_path, WORK, 0.9))
    assert said == "done\n"  # what is printed goes where it went
    assert "materialize orders, revenue (2 assets): orders" in shown
    assert "\x1b[2K" in shown  # the bar's line is emptied
    log = next(each for each in shown.split("\n") if "half way" in each)
    assert "━" not in log.rsplit("\x1b[2K", 1)[1]  # a line of the log stands above the bar


BACKFILL = """
from jobnb import StaticPartitionsDefinition

@asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
def letters():
    time.sleep(0.8)

backfill = session.add(letters).backfill("letters")
"""


@pytest.mark.parametrize("wait", ["backfill.wait()", "backfill.result()"])
def test_a_script_that_waits_for_a_backfill_tells_its_partitions(tmp_path, wait):
    done, lines = ran(tmp_path, f"{BACKFILL}{wait}\nprint('done')\n", 0.0)
    assert done.stdout == "done\n", done.stderr
    assert lines
    assert lines[0].startswith("jobnb: backfill of letters: 0 of 2 partitions, ")
    assert ran(tmp_path, f"{BACKFILL}{wait}\n", 0.0, JOBNB_PROGRESS="0")[1] == []
