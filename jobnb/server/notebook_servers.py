"""A `jobnb serve` for each notebook that a Jupyter server is asked for, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jobnb.errors import NotebookError
from jobnb.server.access import new_token

_SUFFIXES = (".ipynb", ".py", ".md")
_PATIENCE = 10.0  # seconds that a process has to end
_LINES = 20  # of what a process wrote last
# It ends when its input does: with the process that started it, however that ends.
_CODE = """
import os, signal, sys, threading
def end():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=end, daemon=True).start()
from jobnb.cli.main import main
main()
"""


class ServerAddress(NamedTuple):
    """Where a notebook is served.

    Attributes:
        address: The address, such as `http://127.0.0.1:40123`.
        token: The token that it wants.
    """

    address: str
    token: str


class _Started:
    """A process that serves, and what it wrote last."""

    def __init__(
        self, process: Process, place: ServerAddress, draining: asyncio.Task[None]
    ) -> None:
        self.process, self.place, self.draining = process, place, draining


class NotebookServers:
    """The processes that serve notebooks, each started when it is first asked for.

    Args:
        root: The folder that the notebooks are in.
        log: Is called with each line that a process writes to its stderr.
    """

    def __init__(self, root: Path, log: Callable[[str], None]) -> None:
        self._root, self._log = root.resolve(), log
        self._started: dict[Path, _Started] = {}
        self._turns: dict[Path, asyncio.Lock] = {}

    def file(self, path: str) -> Path:
        """Return the file of a path below the root.

        Raises:
            NotebookError: If there is none that could be served.
        """
        found = (self._root / path.strip("/")).resolve()
        inside = found.is_relative_to(self._root) and not any(
            part.startswith(".") for part in found.relative_to(self._root).parts
        )
        if not inside or found.suffix not in _SUFFIXES or not found.is_file():
            raise NotebookError(
                f"There is no notebook {path!r} here. Ask for it below /jobnb, such as "
                "/jobnb/pipeline.ipynb/graphql."
            )
        return found

    async def place_of(self, path: str) -> ServerAddress:
        """Return where a notebook is served; its server is started if there is none.

        Raises:
            NotebookError: If there is no such notebook, or it cannot be served.
        """
        file = self.file(path)
        async with self._turns.setdefault(file, asyncio.Lock()):
            known = self._started.get(file)
            if known is None or known.process.returncode is not None:
                known = self._started[file] = await self._start(file)
            return known.place

    async def _start(self, file: Path) -> _Started:
        token = new_token()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _CODE, "serve", str(file), "--port", "0",
            stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=file.parent, start_new_session=True,
            env={**os.environ, "JOBNB_TOKEN": token},
        )  # fmt: skip
        said: deque[str] = deque(maxlen=_LINES)
        draining = asyncio.create_task(self._drain(process, said))
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        address, found, _ = line.removeprefix("GraphQL: ").partition("/graphql")
        if not found:
            await process.wait()
            await draining
            raise NotebookError("\n".join(said) or f"{file.name} cannot be served.")
        return _Started(process, ServerAddress(address, token), draining)

    async def _drain(self, process: Process, said: deque[str]) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            text = line.decode(errors="replace").rstrip()
            said.append(text)
            self._log(text)

    async def stop(self) -> None:
        """End all processes; the runs that they launched go on."""
        for each in self._started.values():
            if each.process.returncode is None:
                each.process.terminate()
        for each in self._started.values():
            try:
                await asyncio.wait_for(each.process.wait(), _PATIENCE)
            except TimeoutError:
                each.process.kill()
            await each.draining
        self._started.clear()
