"""Runs in a process of their own: what is handed over, and the process that takes it.

The run is planned and recorded here, by `start`, as any other. Then what it needs is written to a
file that only this user can read: a pickle (cloudpickle) of the plan, that is of the definitions as
they are at this moment, with those of modules by import. A new process in a session of its own is
started, gets the run's lease, reads the file, removes it, and does the run. It begins only once it
is told to, when the lease is its own: where this process is killed before that, the other one ends,
and the run is one that never began. The process of a queued run waits for its turn before it loads
anything (`detached_wait`).
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidInvocationError
from jobnb.execution.background import Run
from jobnb.execution.detached_wait import LOCK, PIPE
from jobnb.execution.followed import FollowedRun
from jobnb.execution.run import RunScope
from jobnb.execution.spec import RunSpec
from jobnb.execution.trace import cells_of_notebook
from jobnb.execution.worker import pickled_with
from jobnb.plan.step import Plan
from jobnb.state import RunStatus
from jobnb.storage.instance import Instance
from jobnb.storage.process import holder_of, keep_for_ever
from jobnb.storage.run import JobRun

RUN_FILE = "run.pickle"
LOG_FILE = "output.log"
_KEPT = 7 * 86400.0
"""Seconds for which what a process wrote last is kept."""

# What the process runs: `argv` is the run's folder, this one's `sys.path`, and what follows.
_PATH = f"""
import sys
_, folder, path, *more = sys.argv
sys.path[:] = path.split({os.pathsep!r})
"""
_RUN = f"""{_PATH}
from jobnb.execution.detached_process import main
main(folder, is_asked_to_end=bool(more))
"""
_START = f"""{_PATH}
from importlib import import_module
main = import_module(more[0]).main
if sys.stdin.buffer.read(1):
    main(folder)
"""
_LEAD = f"""{_PATH}
from jobnb.execution.detached_process import main
from jobnb.execution.detached_queue import lead
main(folder, is_asked_to_end=lead(folder, int(more[0])))
"""
_WAIT = Path(__file__).with_name("detached_wait.py")


class Header(NamedTuple):
    """What the process must know before it knows any definition.

    Args:
        instance: Where the history is.
        record: The run as it is stored.
    """

    instance: Instance
    record: JobRun


class DetachedRunSetup(NamedTuple):
    """What the process must know to do the run.

    Args:
        plan: What it does.
        instance: Where its history and values go.
        chosen: The numbers of the steps that run; None for all.
        elements: Of mapped steps that run for some elements only: these.
        values: What is there before any step has run; see `RunScope.values`.
        origins: What earlier runs stored; see `RunScope.origins`.
        fresh: The assets that are left as they are.
        notes: Messages to log when it begins.
        in_process: Whether its steps run one by one.
        cells: What a person calls files that no disk has, as the cells of a notebook, and their
            source.
        again: What is asked of a run that repeats it, where it has failed and its tags ask for it.
    """

    plan: Plan
    instance: Instance
    chosen: frozenset[int] | None
    elements: Mapping[int, frozenset[str]]
    values: Sequence[Any]
    origins: Mapping[tuple[int, str | None], str]
    fresh: tuple[AssetKey, ...]
    notes: Sequence[str]
    in_process: bool
    cells: Mapping[str, tuple[str, str]]
    again: RunSpec | None

    def scope(self, record: JobRun, log: Any, stop: Any) -> RunScope:
        """Return the run, in the process that does it."""
        scope = RunScope(self.plan, self.instance, record, log, False, self.chosen, stop)
        scope.elements, scope.origins = self.elements, dict(self.origins)
        scope.values = list(self.values)
        scope.fresh, scope.notes = self.fresh, list(self.notes)
        scope.in_process = self.in_process
        return scope


def see_durable(spec: RunSpec) -> None:
    """Raise an error unless another process can execute the run.

    Raises:
        InvalidInvocationError: If its history is in the memory of this one.
    """
    if spec.instance.is_ephemeral:
        raise InvalidInvocationError(
            f"{spec.words} cannot be detached: its history is in the memory of this process, where "
            "no other one sees it. Leave out instance, or give one on disk (Instance.get())."
        )


def hand_over(
    scope: RunScope, spec: RunSpec, repeat: Callable[..., Run], *, retries: bool
) -> FollowedRun:
    """Start a process that executes a recorded run.

    Args:
        scope: The run.
        spec: What was asked for.
        repeat: Launches it again.
        retries: Whether its tags ask for runs that repeat it.

    Raises:
        StepExecutionError: If a definition cannot go to another process; there is no run then.
    """
    process: subprocess.Popen[bytes] | None = None
    waits = scope.record.status is RunStatus.QUEUED and hasattr(os, "mkfifo")
    try:
        folder = _written(scope, replace(spec, place_of=None) if retries else None)
        process = start_process(folder, "jobnb.execution.detached_process", waits=waits)
        holder = holder_of(process.pid)
        if holder is not None:
            scope.instance.control.hand_over(scope.run_id, holder)
        let_go(process)
    except BaseException:
        give_up(process)
        shutil.rmtree(folder_of(scope.instance, scope.run_id), ignore_errors=True)
        scope.instance.delete_run(scope.run_id)
        raise

    def reap() -> None:
        # The run has ended, and its process is about to: it is asked after, once it has.
        threading.Thread(target=process.wait, name="jobnb reaper", daemon=True).start()

    return FollowedRun(scope, repeat, reap)


def folder_of(instance: Instance, run_id: str) -> Path:
    """Return the folder by which a run is handed over."""
    return Path(instance.root_directory) / "detached" / run_id


def _written(scope: RunScope, again: RunSpec | None) -> Path:
    instance = scope.instance
    body = pickled_with(
        scope.plan,
        DetachedRunSetup(
            scope.plan, instance, scope.chosen, scope.elements, scope.values, scope.origins,
            scope.fresh, scope.notes, scope.in_process, cells_of_notebook(), again,
        ),
    )  # fmt: skip
    return write_setup(folder_of(instance, scope.run_id), Header(instance, scope.record), body)


def write_setup(folder: Path, header: Any, body: bytes) -> Path:
    """Write what a process is handed over to a new folder, which only this user can read.

    Args:
        folder: The folder.
        header: What the process must know before it knows any definition.
        body: What it does, pickled.
    """
    folder.parent.mkdir(exist_ok=True, mode=0o700)
    _remove_old(folder.parent)
    shutil.rmtree(folder, ignore_errors=True)  # of a launch that was killed, and is made up for
    folder.mkdir(mode=0o700)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(folder / RUN_FILE, flags, 0o600), "wb") as file:
        pickle.dump(header, file)
        file.write(body)
    return folder


def _remove_old(folder: Path) -> None:
    """Remove what runs left that ended long ago, or whose process never began."""
    before = time.time() - _KEPT
    for each in folder.iterdir():
        with suppress(OSError):
            if each.name != LOCK and each.stat().st_mtime < before:
                shutil.rmtree(each, ignore_errors=True)


def start_process(folder: Path, module: str, *, waits: bool = False) -> subprocess.Popen[bytes]:
    """Start the process in a session of its own, so that signals to this one do not reach it.

    Args:
        folder: What was handed over.
        module: Its function `main` takes the folder, once the process is told to begin.
        waits: Whether it is for a run that is queued, and waits for its turn before that.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    path = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", _START, str(folder), path, module]
    if waits:  # a bare Python: without what site brings along
        os.mkfifo(folder / PIPE, 0o600)
        command = [sys.executable, "-S", "-P", str(_WAIT), str(folder), path, _LEAD, _RUN]
    with os.fdopen(os.open(folder / LOG_FILE, flags, 0o600), "ab") as log:
        process = subprocess.Popen(  # noqa: S603 - this very Python, with code of our own
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    keep_for_ever(process)  # who lets go of it would be warned that it still runs
    return process


def give_up(process: subprocess.Popen[bytes] | None) -> None:
    """End a process that was not told to begin."""
    if process is not None and process.stdin is not None:
        process.stdin.close()


def let_go(process: subprocess.Popen[bytes]) -> None:
    """Tell the process to begin; one that has ended has left the reason in its file."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.write(b"1")
        process.stdin.close()
