"""Backfills in processes of their own: they outlive who launched them, are seen and canceled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobnb import Instance, Session, StaticPartitionsDefinition, asset
from jobnb.automation import backfill_followed
from jobnb.automation.backfill_followed import FollowedBackfill
from jobnb.display.backfill_views import first_failures
from jobnb.errors import InvalidInvocationError, StepExecutionError
from jobnb.execution.task import RunCanceledError

ROOT = Path(__file__).parents[2]
LETTERS = StaticPartitionsDefinition(["a", "b", "c", "d"])
DEFINED = '''
import os, sys, time
from jobnb import Session, StaticPartitionsDefinition, asset

@asset(partitions_def=StaticPartitionsDefinition(["a", "b", "c", "d"]))
def letters(context):
    """Waits at c until it may go on."""
    while context.partition_key == "c" and not os.path.exists("go"):
        time.sleep(0.02)
    if context.partition_key == "a":
        raise ValueError("no a")
    return context.partition_key

session = Session("home").add(letters)
'''
LAUNCHING = """
from defined import session
print(session.backfill("letters", detach=True).backfill_id, flush=True)
import os
os._exit(0)
"""


def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_goes_on_is_seen_canceled_resumed_and_told_once_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "defined.py").write_text(DEFINED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    told = subprocess.run(
        [sys.executable, "-c", LAUNCHING],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    backfill_id = told.stdout.strip()

    # Who launched it is gone; it goes on, and how far it is can be seen from here.
    from defined import session  # type: ignore[import-not-found]

    backfill = session.find_backfill(backfill_id)
    until(lambda: backfill.counts.done == 2)
    assert (backfill.counts.made, backfill.counts.failed) == (1, 1)
    assert not backfill.is_finished
    assert backfill.record.is_detached
    assert backfill.cancel("enough")
    with pytest.raises(RunCanceledError, match="enough"):
        backfill.result(60)

    # It is resumed in a process of its own again; that is killed, and the backfill can be resumed.
    again = session.resume_backfill(backfill_id, detach=True)
    assert isinstance(again, FollowedBackfill)
    holder = again.record.holder
    assert holder is not None
    assert holder.pid != os.getpid()
    until(lambda: again.counts.done == 1)
    os.kill(holder.pid, signal.SIGKILL)
    assert again.wait(60).status == "FAILED"
    assert "was interrupted" in str(again.record.error)
    (tmp_path / "go").touch()
    last = session.resume_backfill(backfill_id).wait(60)
    assert (last.counts.made, last.counts.failed) == (2, 1)
    found = session.find_backfill(backfill_id)
    assert (found.is_finished, str(found.counts)) == (True, str(last.counts))
    assert {each.partition for each in first_failures(found)} == {"a"}
    session.instance.dispose()


def test_one_of_this_process_is_canceled_from_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill_followed, "LOOK", 1.0)
    begun = threading.Event()

    @asset(partitions_def=LETTERS)
    def waiting(context: object) -> None:
        begun.set()
        while True:
            time.sleep(0.01)

    session = Session(str(tmp_path / "home")).add(waiting)
    other = Instance(tmp_path / "home")
    backfill = session.backfill("waiting")
    assert begun.wait(60)
    seen = Session(str(tmp_path / "home")).find_backfill(backfill.backfill_id, instance=other)
    assert seen is not backfill
    assert seen.counts.total == 4
    assert seen.cancel("from elsewhere")
    assert backfill.wait(60).status == "CANCELED"
    # It is resumed at once, also while who follows it does not know yet that it has ended.
    again = session.resume_backfill(backfill.backfill_id)
    again.cancel("from elsewhere")
    assert again.wait(60).status == seen.wait(60).status == "CANCELED"
    assert "from elsewhere" in str(seen.record.error)
    other.dispose()
    session.instance.dispose()


def test_what_cannot_go_to_another_process_is_told_or_stays(tmp_path: Path) -> None:
    lock = threading.Lock()

    @asset(partitions_def=LETTERS)
    def held(context: object) -> str:
        return str(lock.locked())

    session = Session(str(tmp_path / "home")).add(held)
    with pytest.raises(StepExecutionError, match="the op 'held' cannot be sent"):
        session.backfill("held", detach=True)
    with pytest.raises(InvalidInvocationError, match="cannot be detached"):
        session.backfill("held", detach=True, instance=Instance.ephemeral())
    assert session.instance.get_backfills() == []
    session.detaches = True
    stays = session.backfill("held")
    assert not isinstance(stays, FollowedBackfill)
    assert stays.result(60).made == 4
    session.instance.dispose()
