"""How far a run is, told only when it takes long, in a face that leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jobnb import Instance, StaticPartitionsDefinition, asset, job, op
from jobnb.automation import backfill as backfills
from jobnb.display.progress import Sight, Watch, _html
from jobnb.execution.watch import background_watchers, watchers
from jobnb.registry.session import Session
from tests.notebook.talk import Talk

WAIT = 30.0


class Seen:
    """A face that remembers."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int, str]] = []
        self.shown = threading.Event()
        self.closed = 0

    def show(self, sight: Sight) -> None:
        self.told.append((sight.name, sight.done, sight.total, sight.step))
        self.shown.set()

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def watched():
    """Watches all blocking runs with a face that is there at once, or as the test says."""
    hung = []

    def watched(face, after=0.0):
        watch = Watch(lambda: face, after, lambda: True)
        watchers.append(watch)
        hung.append(watch)
        return face

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
    face = watched(Seen())
    job_that(lambda: face.shown.wait(WAIT)).execute_in_process()
    assert face.told[0] == ("daily", 1, 2, "second")
    assert face.closed == 1


def test_a_short_run_is_not_told_of(watched):
    face = watched(Seen(), after=600.0)
    job_that(lambda: time.sleep(0.3)).execute_in_process()
    assert (face.told, face.closed) == ([], 0)


def test_a_run_that_fails_leaves_nothing_either(watched):
    face = watched(Seen())

    def fail():
        face.shown.wait(WAIT)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        job_that(fail).execute_in_process()
    assert face.closed == 1


@pytest.mark.parametrize("when", ["show", "close"])
def test_a_face_that_breaks_hurts_no_run(watched, when):
    tried = threading.Event()

    class Broken(Seen):
        def show(self, sight):
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
    face = watched(Seen())
    run = job_that(lambda: time.sleep(0.6)).launch(instance=Instance.ephemeral())
    assert run.result(WAIT).success
    assert face.told == []


def test_names_are_shown_as_they_are(watched):
    kept = []

    class Kept(Seen):
        def show(self, sight):
            sight.name = "<b>daily</b>"
            kept.append(_html(sight))
            super().show(sight)

    face = watched(Kept())
    job_that(lambda: face.shown.wait(WAIT)).execute_in_process()
    assert "<b>" not in kept[0]
    assert "&lt;b&gt;daily&lt;/b&gt;" in kept[0]


def test_a_backfill_that_is_waited_for_is_told_in_partitions():
    go, face = threading.Event(), Seen()

    @asset(partitions_def=StaticPartitionsDefinition(["a", "b", "c"]))
    def letters(context):
        if context.partition_key == "b":
            raise ValueError("no")
        if context.partition_key == "c":
            go.wait(WAIT)

    class Going(Seen):
        def show(self, sight):
            super().show(sight)
            if sight.done == 2:
                face.told.append((sight.name, sight.done, sight.total, str(sight)))
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
    name, done, total, words = face.told[0]
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
    monkeypatch.setenv("JOBNB_WIDGETS", "0")  # with widgets, the run shows itself alive
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


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_shows_a_bar_and_takes_it_away(tmp_path):
    import os
    import pty

    script = tmp_path / "script.py"
    script.write_text(
        LONG
        + "from jobnb.display.progress import terminal_watch\n"
        + "from jobnb.execution.watch import watchers\n"
        + "watchers.append(terminal_watch())\n"
        + "time.sleep = lambda s, sleep=time.sleep: sleep(s * 1.6)\n"
        + "daily.execute_in_process()\nprint('done')\n"
    )
    leader, follower = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm"}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=follower, stderr=follower, env=environment
    ) as process:
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
        assert process.wait(WAIT) == 0
    os.close(leader)
    shown = text.decode()
    assert "daily: slow" in shown
    assert "\x1b[2K" in shown  # the bar's line is emptied
    assert shown.rstrip().endswith("done")
