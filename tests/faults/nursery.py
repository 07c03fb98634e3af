"""Processes that begin at once and are killed: copies of one that has imported everything.

What a copy has told stands in the pipe of the process that it was copied from, which outlives it.
`python -m tests.faults.nursery MODULE:FUNCTION HOME [ARGUMENT...]` is that process.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from tests.storage.place import Place

Tell = Callable[[str], None]
Work = Callable[..., None]
"""Called with what tells a line, a number, the folder of the history and other arguments."""

ROOT = Path(__file__).parents[2]
_LINES = 10  # of its work are told before it is known what is imported


class Nursery:
    """The process, as tests see it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def killed(self, number: int, chance: Random, most: int, pause: float) -> list[str]:
        """Have a copy work and kill it at some moment; return the lines that it told.

        Args:
            number: Given to it.
            chance: Chooses the moment.
            most: It is killed after fewer lines than this, and a pause.
            pause: Seconds that the pause takes at most.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        told: list[str] = []
        child, wanted = None, chance.randrange(most)
        while child is None or len(told) < wanted:
            line = self._line()
            if line.startswith("child "):
                child = int(line.removeprefix("child "))
            else:
                told.append(line)
        time.sleep(chance.random() * pause)
        os.kill(child, signal.SIGKILL)
        while (line := self._line()) != "gone":
            told.append(line)
        return told

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the copy ended by itself"
        return line


@contextmanager
def nursery(work: Work, home: Path, *arguments: str) -> Iterator[Nursery]:
    """Start the process; `work` is a function of a module."""
    where = f"{work.__module__}:{work.__qualname__}"
    process = subprocess.Popen(
        [*(sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.faults.nursery"),
         *(where, str(home), *arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env=Place(home, None).environment,
    )  # fmt: skip
    try:
        yield Nursery(process)
    finally:
        process.kill()
        process.communicate()


def main(where: str, home: str, *arguments: str) -> None:
    module, _, name = where.partition(":")
    work: Work = getattr(importlib.import_module(module), name)
    for each in imported_by(work, arguments):
        if each.startswith(("jobnb.", "sqlalchemy.")) and each not in sys.modules:
            importlib.import_module(each)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                work(_tell, int(line), home, *arguments)
            finally:
                os._exit(1)
        _tell(f"child {child}")
        os.waitpid(child, 0)
        _tell("gone")


def imported_by(work: Work, arguments: tuple[str, ...]) -> list[str]:
    """Return the modules that the work imports; a copy does it, as it leaves threads behind."""
    there, here = os.pipe()
    if os.fork() == 0:
        told: list[str] = []

        def tell(line: str) -> None:
            told.append(line)
            if len(told) == _LINES:
                raise KeyboardInterrupt

        with tempfile.TemporaryDirectory() as folder, suppress(KeyboardInterrupt):
            work(tell, 0, folder, *arguments)
        os.write(here, "\n".join(sys.modules).encode())
        os._exit(0)
    os.close(here)
    with open(there) as names:
        found = names.read().splitlines()
    os.wait()
    return found


def _tell(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # in one piece


if __name__ == "__main__":
    main(*sys.argv[1:])
