"""A kernel that executes one notebook: started, fed cell by cell, interrupted, shut down."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from jobnb.errors import NotebookError, did_you_mean

__all__ = ["Kernel", "choose_kernel", "running_kernel"]

STARTUP_SECONDS = 120.0
GRACE_SECONDS = 10.0


def _quiet() -> logging.Logger:
    """The libraries' own reports go nowhere: what matters is told once, in our words."""
    logger = logging.getLogger("jobnb.kernel")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


def choose_kernel(node: Any, wanted: str | None) -> tuple[str, str]:
    """The kernel that a notebook is executed with.

    Args:
        node: The notebook.
        wanted: The kernel that the user named, or None for the notebook's own.

    Returns:
        The kernel's name, and a note for the user, often empty.

    Raises:
        NotebookError: If there is no such kernel.
    """
    from jupyter_client.kernelspec import KernelSpecManager

    known = sorted(KernelSpecManager(log=_quiet()).find_kernel_specs())
    spec = node.metadata.get("kernelspec", {})
    name = wanted or spec.get("name") or "python3"
    if name in known:
        return name, ""
    language = spec.get("language") or node.metadata.get("language_info", {}).get("name")
    if wanted is None and language in (None, "python") and "python3" in known:
        return "python3", f"The notebook's kernel {name!r} is not here; this Python runs it."
    raise NotebookError(
        f"There is no kernel {name!r}. {did_you_mean(name, known, noun='Installed are')}".rstrip()
    )


class Kernel:
    """A running kernel with the nbclient that feeds it."""

    def __init__(self, manager: Any, client: Any, notebook_client: Any) -> None:
        self._manager = manager
        self._client = client
        self._feeder = notebook_client

    async def execute(self, cell: Any, index: int) -> None:
        """Execute the notebook's cell at `index`; its outputs are put into it.

        Raises:
            Exception: nbclient's, if the cell fails or the kernel dies.
        """
        await self._feeder.async_execute_cell(cell, index)

    async def ask(self, source: str, seconds: float | None) -> bool:
        """Execute code that leaves no trace in the notebook; tells whether it succeeded."""
        request = self._client.execute(source, silent=True, store_history=False)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._succeeded(request)
        return False

    async def _succeeded(self, request: str) -> bool:
        from queue import Empty

        while await self._manager.is_alive():
            with suppress(Empty):
                message = await self._client.get_shell_msg(timeout=1)
                if message["parent_header"].get("msg_id") == request:
                    return bool(message["content"].get("status") == "ok")
        return False

    async def interrupt(self, running: asyncio.Future[None]) -> bool:
        """Interrupt the running cell and give it some seconds to close what it has opened.

        Returns:
            Whether the kernel can go on; if not, it was ended.
        """
        with suppress(Exception):
            await self._manager.interrupt_kernel()
        done, _ = await asyncio.wait({running}, timeout=GRACE_SECONDS)
        if done:
            return True
        running.cancel()
        await asyncio.wait({running}, timeout=1)
        await self.end(now=True)
        return False

    async def end(self, *, now: bool) -> None:
        """Shut the kernel down; `now` does not wait for its own last words."""
        with suppress(Exception):  # a kernel that is dead already cannot be asked to stop
            if not now:
                # Not `shutdown_kernel`: it interrupts first, which an idle kernel complains of.
                await self._manager.request_shutdown()
                await self._manager.finish_shutdown()
            await self._manager.shutdown_kernel(now=True)

    async def last_words(self) -> str:
        """How the process ended, for a kernel that died."""
        with suppress(Exception):
            code = await self._manager.provisioner.poll()
            if code is not None and code < 0:
                return f" (signal {-code}; signal 9 often means that memory ran out)"
            if code is not None:
                return f" (exit code {code})"
        return ""


@asynccontextmanager
async def running_kernel(node: Any, name: str, folder: Path) -> AsyncIterator[Kernel]:
    """A kernel for one notebook, shut down at the end.

    Args:
        node: The notebook.
        name: The kernel's name.
        folder: Where it runs: the notebook's folder.

    Raises:
        NotebookError: If it does not start.
    """
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    log = _quiet()
    sockets = tempfile.TemporaryDirectory(prefix="jobnb-", ignore_cleanup_errors=True)
    options = _private_transport(Path(sockets.name))
    manager = AsyncKernelManager(kernel_name=name, log=log, **options)
    try:
        client = await _started(manager, folder)
        feeder = NotebookClient(
            node, km=manager, timeout=None, store_widget_state=False, coalesce_streams=True, log=log
        )
        feeder.kc = client
        kernel = Kernel(manager, client, feeder)
        try:
            yield kernel
        finally:
            await kernel.end(now=False)
            client.stop_channels()
    finally:
        with suppress(Exception):
            await manager.cleanup_resources()
        sockets.cleanup()


def _private_transport(folder: Path) -> dict[str, str]:
    """Sockets that are files of this user; ports, which anyone here can reach, only else.

    The path of such a file may have about a hundred characters.
    """
    if sys.platform == "win32" or len(str(folder)) > 80:
        return {}
    return {"transport": "ipc", "ip": str(folder / "kernel")}


async def _started(manager: Any, folder: Path) -> Any:
    arguments = ["--HistoryManager.hist_file=:memory:"] if manager.ipykernel else []
    try:
        await manager.start_kernel(extra_arguments=arguments, cwd=str(folder), env=_environment())
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=STARTUP_SECONDS)
    except Exception as error:
        with suppress(Exception):
            await manager.shutdown_kernel(now=True)
        reason = str(error).strip().splitlines()
        raise NotebookError(
            f"The kernel {manager.kernel_name!r} did not start: "
            f"{reason[0] if reason else type(error).__name__}. Is ipykernel installed for it?"
        ) from error
    client.allow_stdin = False
    return client


def _environment() -> dict[str, str]:
    """This process's variables, with paths that stay right in another folder."""
    env = dict(os.environ)
    home = env.get("JOBNB_HOME")
    if home:
        env["JOBNB_HOME"] = str(Path(home).expanduser().absolute())
    places = env.get("PYTHONPATH", "").split(os.pathsep)
    if places != [""]:
        env["PYTHONPATH"] = os.pathsep.join(str(Path(place).absolute()) for place in places)
    if env.get("MPLBACKEND", "").lower() == "agg":
        del env["MPLBACKEND"]  # usual in CI, for scripts; a notebook's figures go under its cells
    env.setdefault("JOBNB_WIDGETS", "0")  # nobody is there to touch them
    env.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # a debugger's warning, of no use here
    return env
