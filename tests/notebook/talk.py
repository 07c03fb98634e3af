"""A real kernel to talk to: cells in, outputs out."""

from __future__ import annotations

import os
import queue
import time
from pathlib import Path

from jupyter_client.manager import KernelManager

WAIT = 60


class Talk:
    """A kernel to talk to: cells in, outputs out."""

    def __init__(self, folder: Path) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder), env={**os.environ, "HOME": str(folder)})
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=WAIT)
        self.shown: list[dict] = []  # what the last cell put out

    def __call__(self, code: str, fails: bool = False) -> list[dict]:
        """Run a cell; its outputs, and a check of how it ended."""
        sent = self.client.execute(code)
        outputs: list[dict] = []
        status = None
        while True:
            message = self.client.get_iopub_msg(timeout=WAIT)
            if message["parent_header"].get("msg_id") != sent:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind in ("stream", "display_data", "update_display_data", "execute_result"):
                outputs.append({"type": kind, **content})
            if kind == "error":
                status = content
        assert (status is not None) == fails, status
        self.shown = outputs
        return outputs if not fails else [status]

    def text(self, code: str) -> str:
        """What a cell prints."""
        return "".join(out["text"] for out in self(code) if out["type"] == "stream")

    def complain(self, code: str) -> str:
        """What a cell writes to stderr that is refused without a traceback."""
        sent = self.client.execute(code)
        text = ""
        while True:
            message = self.client.get_iopub_msg(timeout=WAIT)
            if message["parent_header"].get("msg_id") != sent:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                assert content["name"] == "stderr"
                text += content["text"]
            assert kind != "error", content
            if kind == "status" and content["execution_state"] == "idle":
                return text

    def strays(self, seconds: float = 0.3) -> list[dict]:
        """Outputs that come while no cell runs."""
        found, deadline = [], time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self.client.get_iopub_msg(timeout=left)
            except queue.Empty:
                break
            if message["msg_type"] in ("stream", "display_data", "error"):
                found.append(message["content"])
        return found

    def end(self) -> None:
        """Shut the kernel down as Jupyter does."""
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel()
        self.manager.cleanup_resources()

    def complete(self, code: str) -> list[str]:
        """What the kernel offers where a cell's text ends, as JupyterLab asks for it."""
        sent = self.client.complete(code, len(code))
        while True:
            reply = self.client.get_shell_msg(timeout=WAIT)
            if reply["parent_header"].get("msg_id") == sent:
                content = reply["content"]
                before = code[: content["cursor_start"]]
                return [before + match for match in content["matches"]]
