"""Wake the detached runs whose turn is near: one of those that wait does it for all of a home.

It only looks: whether a run may begin is asked by the run's own process, once it is awake. So
nothing is lost where it is killed at any point, and the next one that leads does the same again.
"""

from __future__ import annotations

import os
import pickle
import time
from contextlib import suppress
from pathlib import Path

from jobnb.errors import StorageError
from jobnb.execution.detached import RUN_FILE, Header
from jobnb.execution.detached_process import heard_signals
from jobnb.execution.detached_wait import PIPE, WAKE
from jobnb.storage.instance import Instance

_LOOK = 0.25  # seconds between two looks at the queue
_USED = 3600.0  # seconds between two marks that what waits is in use


def lead(folder: str, lock: int) -> bool:
    """Wake the runs of a home in their turn, until that of this process is near.

    Args:
        folder: The folder of the run that this process is to do.
        lock: The lock that makes it the one that leads; it is let go at the end.

    Returns:
        Whether the process was asked to end.
    """
    own, asked = Path(folder), heard_signals()
    with (own / RUN_FILE).open("rb") as file:
        header: Header = pickle.load(file)  # noqa: S301 - written by this user's own process
    instance, used = header.instance, 0.0
    try:
        while own.exists() and not asked.is_set():
            if time.monotonic() > used + _USED:
                used = time.monotonic()
                _keep(own.parent)
            with suppress(StorageError):  # a server that is away comes back
                if own.name in (near := _near(instance, own.parent)):
                    break
                _wake(own.parent, near)
            asked.wait(_LOOK)
    finally:
        instance.dispose()
        os.close(lock)
    return asked.is_set()


def _near(instance: Instance, folder: Path) -> set[str]:
    """Return the runs that wait in a folder and have something to do."""
    waiting = {path.parent.name for path in folder.glob(f"*/{PIPE}")}
    return waiting - instance.run_queue.far() | instance.control.requests(waiting).keys()


def _keep(folder: Path) -> None:
    """Mark what waits as in use, so that nobody removes it as old."""
    for pipe in folder.glob(f"*/{PIPE}"):
        with suppress(OSError):
            os.utime(pipe.parent)


def _wake(folder: Path, run_ids: set[str]) -> None:
    for run_id in run_ids:
        with suppress(OSError):  # its process has ended, or is awake by now
            pipe = os.open(folder / run_id / PIPE, os.O_WRONLY | os.O_NONBLOCK)
            os.write(pipe, WAKE)
            os.close(pipe)
