"""Files are written while other threads open theirs: nobody's rights change meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jobnb import Instance, asset, materialize
from jobnb.notebook.document import write_whole


@contextmanager
def masks_set() -> Iterator[list[int]]:
    """The lines at which the umask of the process is set, which is one for all threads."""
    found: list[int] = []

    def look(frame: Any, kind: str, called: Any) -> None:
        if kind == "c_call" and called is os.umask:
            found.append(frame.f_lineno)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(before)


def store_values(folder: Path) -> None:
    @asset
    def number() -> int:
        return 1

    with Instance.local_temp(str(folder)) as instance:
        for _ in range(2):
            materialize([number], instance=instance)


def write_notebooks(folder: Path) -> None:
    for _ in range(2):
        write_whole(folder / "pipeline.ipynb", "{}")


@pytest.mark.parametrize("write", [store_values, write_notebooks])
def test_the_umask_of_the_process_is_left_alone_and_holds(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    mask = os.umask(0o077)
    try:
        with masks_set() as found:
            write(tmp_path)
    finally:
        os.umask(mask)
    assert found == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if path.stat().st_mode & 0o077]
