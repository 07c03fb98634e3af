"""A kernel that executes one notebook: started, fed cell by cell, interrupted, shut down."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from queue import Empty
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, DeadKernelError
from nbclient.output_widget import OutputWidget

from jobnb.errors import NotebookError, did_you_mean
from jobnb.notebook.outputs import NotebookOutputs
from jobnb.storage.history import NOTEBOOK_VARIABLE

STARTUP_SECONDS = 120.0
GRACE_SECONDS = 2.5
"""What an interrupted cell has to close what it has opened."""
STOP_SECONDS = 4.3
"""After that time its kernel is gone: five seconds after a signal the notebook is written."""
OUTPUT_SECONDS = 60
TURN_SECONDS = 0.05


def _quiet() -> logging.Logger:
    """Silence the libraries' own loggers: errors are reported once, by jobnb."""
    logger = logging.getLogger("jobnb.kernel")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


def choose_kernel(node: Any, wanted: str | None) -> str:
    """Choose the kernel to execute a notebook with.

    Args:
        node: The notebook.
        wanted: The kernel that the user named, or None for the notebook's own.

    Returns:
        The kernel's name.

    Raises:
        NotebookError: If there is no such kernel.
    """
    from jupyter_client.kernelspec import KernelSpecManager

    known = sorted(KernelSpecManager(log=_quiet()).find_kernel_specs())
    spec = node.metadata.get("kernelspec", {})
    name = wanted or spec.get("name") or "python3"
    if name in known:
        return name
    hint = did_you_mean(name, known, noun="Installed are")
    if wanted is None:
        raise NotebookError(
            f"The notebook's kernel {name!r} is not installed here. {hint} "
            "Name the one to run it with: --kernel python3."
        )
    raise NotebookError(f"There is no kernel {name!r}. {hint}".rstrip())


def kernel_language(name: str) -> str:
    """Return the language of an installed kernel, in lower case."""
    from jupyter_client.kernelspec import KernelSpecManager

    return str(KernelSpecManager(log=_quiet()).get_kernel_spec(name).language).lower()


class _OutputChannel(AsyncZMQSocketChannel):
    """The channel of outputs; a flood of outputs lets other tasks run, too."""

    _turn = 0.0
    _next: asyncio.Future[dict[str, Any]] | None = None

    async def get_msg(  # type: ignore[override]
        self,
        timeout: float | None = None,  # noqa: ASYNC109 (the base class's signature)
    ) -> dict[str, Any]:
        """Return the next message; none is lost if the waiting task is canceled as it arrives."""
        if time.monotonic() > self._turn + TURN_SECONDS:
            await asyncio.sleep(0)  # A message that is there already needs no waiting.
            self._turn = time.monotonic()
        if self._next is None:
            self._next = asyncio.ensure_future(super().get_msg(None))
        await asyncio.wait({self._next}, timeout=timeout)
        if not self._next.done():
            raise Empty
        message, self._next = self._next.result(), None
        return message

    def close(self) -> None:
        """Stop waiting."""
        if self._next is not None:
            self._next.cancel()
        super().close()


class _Widget(OutputWidget):
    """An output widget; it receives its outputs after the kernel can hear of them."""

    def __init__(
        self, comm_id: str, state: dict[str, Any], client: Any, executor: NotebookExecutor
    ) -> None:
        super().__init__(comm_id, state, client, executor)
        self._kept = executor.kept.begin()

    def output(self, outs: Any, msg: dict[str, Any], display_id: Any, cell_index: int) -> None:
        """Take in an output."""
        self.parent_header = msg["parent_header"]
        self.executor.kept.take(self._kept, msg["msg_type"], msg["content"])

    def clear_output(self, outs: Any, msg: dict[str, Any], cell_index: int) -> None:
        """Clear the outputs."""
        self.parent_header = msg["parent_header"]
        self._kept.clear(wait=bool(msg["content"].get("wait")))

    def set_state(self, state: dict[str, Any]) -> None:
        """Start or stop capturing outputs."""
        super().set_state(state)
        if state.get("msg_id") == "" and hasattr(self, "parent_header"):
            self.outputs = self._kept.nodes()
            self.sync_state()


class NotebookExecutor(NotebookClient):
    """Executes cells in a kernel, and keeps a bounded amount of what each prints and shows.

    Attributes:
        kept: The outputs of all cells.
    """

    def __init__(self, node: Any, manager: Any, client: Any, limit: int, log: Any) -> None:
        options = {"timeout": None, "store_widget_state": False, "iopub_timeout": OUTPUT_SECONDS}
        super().__init__(node, km=manager, log=log, **options)
        self.kc = client
        self._outputs = client.iopub_channel
        self.widget_registry["@jupyter-widgets/output"] = {"OutputModel": _Widget}
        self.kept = NotebookOutputs(limit)
        self._cell = self.kept.begin()
        self._request = ""

    async def async_execute_cell(
        self,
        cell: Any,
        cell_index: int,
        execution_count: int | None = None,
        store_history: bool = True,
    ) -> Any:
        """Execute a cell; its outputs are stored in it however it ends."""
        self._cell, self._request = self.kept.begin(), ""
        try:
            return await super().async_execute_cell(
                cell, cell_index, execution_count, store_history
            )
        except DeadKernelError:
            await self._read_rest(cell, cell_index)
            raise
        finally:
            cell.outputs = self.kept.end(self._cell)

    async def _read_rest(self, cell: Any, cell_index: int) -> None:
        """Read what a dead kernel had sent before."""
        with suppress(Empty, CellExecutionComplete):
            while True:
                message = await self._outputs.get_msg(timeout=0.1)
                if message["parent_header"].get("msg_id") == self._request:
                    self.process_message(message, cell, cell_index)

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Take in a message that belongs to a cell."""
        self._request = msg["parent_header"].get("msg_id", "")
        if msg["msg_type"] == "update_display_data":
            self.kept.take(self._cell, msg["msg_type"], msg["content"])
            return None
        return super().process_message(msg, cell, cell_index)

    def output(self, outs: Any, msg: dict[str, Any], display_id: Any, cell_index: int) -> None:
        """Keep an output, or pass it to the widget that captures it."""
        if self._is_hooked(msg):
            super().output(outs, msg, display_id, cell_index)
        else:
            self.kept.take(self._cell, msg["msg_type"], msg["content"])

    def clear_output(self, outs: Any, msg: dict[str, Any], cell_index: int) -> None:
        """Clear the outputs of the cell, or of the capturing widget."""
        if self._is_hooked(msg):
            super().clear_output(outs, msg, cell_index)
        else:
            self._cell.clear(wait=bool(msg["content"].get("wait")))

    def _is_hooked(self, msg: dict[str, Any]) -> bool:
        return bool(self.output_hook_stack.get(msg["parent_header"].get("msg_id")))


class Kernel:
    """A running kernel and its feeder."""

    def __init__(self, manager: Any, client: Any, feeder: NotebookExecutor) -> None:
        self._manager = manager
        self._client = client
        self._feeder = feeder
        self._end_by: float | None = None

    async def execute(self, cell: Any, index: int) -> None:
        """Execute the notebook's cell at `index`; its outputs are stored in it, however it ends.

        Raises:
            Exception: nbclient's, if the cell fails or the kernel dies.
        """
        await self._feeder.async_execute_cell(cell, index)

    async def ask(self, source: str, seconds: float | None) -> bool:
        """Execute code that leaves no trace in the notebook; return whether it succeeded."""
        request = self._client.execute(source, silent=True, store_history=False)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._succeeded(request)
        return False

    async def _succeeded(self, request: str) -> bool:
        drain = asyncio.ensure_future(self._drain())
        try:
            while await self._manager.is_alive():
                with suppress(Empty):
                    message = await self._client.get_shell_msg(timeout=1)
                    if message["parent_header"].get("msg_id") == request:
                        return bool(message["content"].get("status") == "ok")
        finally:
            drain.cancel()
        return False

    async def _drain(self) -> None:
        """Discard outputs that belong to no cell, so that they do not pile up."""
        while True:
            await self._client.iopub_channel.get_msg()

    async def interrupt(self, running: asyncio.Future[Any]) -> None:
        """Interrupt the running cell and give it some seconds to clean up."""
        self._end_by = time.monotonic() + STOP_SECONDS
        with suppress(Exception):
            await self._manager.interrupt_kernel()
        done, _ = await asyncio.wait({running}, timeout=GRACE_SECONDS)
        if not done:
            running.cancel()
            await self._kill()
            await asyncio.wait({running}, timeout=0.5)

    async def end(self) -> None:
        """Shut the kernel down, giving it some seconds to send its last messages."""
        left = None if self._end_by is None else max(0.0, self._end_by - time.monotonic())
        with suppress(Exception):  # A dead kernel cannot be asked to stop.
            # Not `shutdown_kernel`: it interrupts first, which an idle kernel complains of.
            await self._manager.request_shutdown()
            async with asyncio.timeout(left):
                await self._manager.finish_shutdown(waittime=None if left is None else 2 * left)
        await self._kill()

    async def _kill(self) -> None:
        with suppress(Exception):
            await self._manager.shutdown_kernel(now=True)

    async def last_words(self) -> str:
        """Describe how a dead kernel's process ended."""
        with suppress(Exception):
            code = await self._manager.provisioner.poll()
            if code is not None and code < 0:
                return f" (signal {-code}; signal 9 often means that memory ran out)"
            if code is not None:
                return f" (exit code {code})"
        return ""


@asynccontextmanager
async def running_kernel(
    node: Any, name: str, path: Path, limit: int, variables: Mapping[str, str]
) -> AsyncIterator[Kernel]:
    """Start a kernel for one notebook and shut it down at the end.

    Args:
        node: The notebook.
        name: The kernel's name.
        path: The notebook's file; the kernel runs in its folder.
        limit: How many characters are kept of what a cell prints.
        variables: Variables of its environment, beside those of this process.

    Raises:
        NotebookError: If it does not start.
    """
    log = _quiet()
    sockets = tempfile.TemporaryDirectory(prefix="jobnb-", ignore_cleanup_errors=True)
    options = _private_transport(Path(sockets.name))
    manager = AsyncKernelManager(kernel_name=name, log=log, **options)
    context = zmq.asyncio.Context()
    # Otherwise outputs that come faster than they are read are lost.
    context.setsockopt(zmq.RCVHWM, 0)
    try:
        client = await _started(manager, path, context, variables)
        kernel = Kernel(manager, client, NotebookExecutor(node, manager, client, limit, log))
        try:
            yield kernel
        finally:
            await kernel.end()
            client.stop_channels()
    finally:
        with suppress(Exception):
            await manager.cleanup_resources()
        context.destroy(linger=0)
        sockets.cleanup()


def _private_transport(folder: Path) -> dict[str, str]:
    """Use sockets that are files of this user if possible: anyone here can reach ports.

    The path of such a file may have about a hundred characters.
    """
    if sys.platform == "win32" or len(str(folder)) > 80:
        return {}
    return {"transport": "ipc", "ip": str(folder / "kernel")}


async def _started(
    manager: Any, path: Path, context: zmq.asyncio.Context, variables: Mapping[str, str]
) -> Any:
    arguments = ["--HistoryManager.hist_file=:memory:"] if manager.ipykernel else []
    client: Any = None
    try:
        env = {**_environment(), NOTEBOOK_VARIABLE: str(path), **variables}
        await manager.start_kernel(extra_arguments=arguments, cwd=str(path.parent), env=env)
        client = manager.client(context=context, iopub_channel_class=_OutputChannel)
        client.start_channels()
        await client.wait_for_ready(timeout=STARTUP_SECONDS)
    except BaseException as error:
        if client is not None:
            client.stop_channels()
        with suppress(Exception):
            await manager.shutdown_kernel(now=True)
        if not isinstance(error, Exception):  # The start was given up.
            raise
        reason = str(error).strip().splitlines()
        raise NotebookError(
            f"The kernel {manager.kernel_name!r} did not start: "
            f"{reason[0] if reason else type(error).__name__}. Is ipykernel installed for it?"
        ) from error
    client.allow_stdin = False
    return client


def _environment() -> dict[str, str]:
    """Return this process's variables, with paths that stay valid in another folder."""
    env = dict(os.environ)
    home = env.get("JOBNB_HOME")
    if home:
        env["JOBNB_HOME"] = str(Path(home).expanduser().absolute())
    places = env.get("PYTHONPATH", "").split(os.pathsep)
    if places != [""]:
        env["PYTHONPATH"] = os.pathsep.join(str(Path(place).absolute()) for place in places)
    if env.get("MPLBACKEND", "").lower() == "agg":
        # CI often sets this for scripts; a notebook's figures go under its cells.
        del env["MPLBACKEND"]
    env.setdefault("JOBNB_DISPLAY", "static")  # Nobody can use them.
    env.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # Silences a debugger's warning.
    return env
