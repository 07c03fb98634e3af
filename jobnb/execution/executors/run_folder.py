"""The folder of a run's large values, on this machine, for as long as the run needs them."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "jobnb-run-"


def made_folder() -> str:
    """Return a new folder; those of processes that were killed are removed.

    Its name tells the process that has the run.
    """
    with os.scandir(tempfile.gettempdir()) as entries:  # of which there may be many
        found = [Path(entry.path) for entry in entries if entry.name.startswith(_PREFIX)]
    for folder in filter(_is_left, found):
        shutil.rmtree(folder, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")


def _is_left(folder: Path) -> bool:
    """Whether the process that made a folder is gone."""
    pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
    if not pid.isdecimal() or not hasattr(os, "killpg"):
        return False
    with suppress(PermissionError):
        try:
            os.kill(int(pid), 0)
        except (ProcessLookupError, OverflowError):
            return True
    return False
