"""The server's application in this process, asked without a socket; what it logs is kept."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobnb.automation.code_location import CodeLocation
from jobnb.execution.task import Task, running
from jobnb.notebook.code_locations import open_locations
from jobnb.server.app import application
from jobnb.server.workspace import ServedWorkspace, launch_here
from jobnb.storage.instance import Instance
from tests.server.conftest import CELLS, LAUNCH, NOTEBOOK, REPOSITORY, TOKEN


class Unexpected(logging.Handler):
    """Keeps what the server logs as an error: an exception that no answer has caught."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, with its exception."""
        self.found.append(logging.Formatter().format(record))


class InProcess:
    """Asks the application as a server would.

    Args:
        served: What is served.
    """

    def __init__(self, served: ServedWorkspace) -> None:
        self.served = served
        self._app = application(served, TOKEN)
        self._loop = asyncio.new_event_loop()
        self.unexpected = Unexpected()
        logging.getLogger("jobnb.server").addHandler(self.unexpected)

    def close(self) -> None:
        """Stop asking."""
        logging.getLogger("jobnb.server").removeHandler(self.unexpected)
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def post(self, body: bytes, kind: str = "application/json") -> tuple[int, str]:
        """Send a body; the status and the text of the answer."""
        return self._loop.run_until_complete(self._post(body, kind))

    async def _post(self, body: bytes, kind: str) -> tuple[int, str]:
        headers = [
            (b"host", b"127.0.0.1"),
            (b"content-type", kind.encode()),
            (b"authorization", f"token {TOKEN}".encode()),
        ]
        scope = {
            "type": "http", "method": "POST", "path": "/graphql", "raw_path": b"/graphql",
            "query_string": b"", "headers": headers, "scheme": "http", "http_version": "1.1",
            "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1), "root_path": "",
        }  # fmt: skip
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(dict(message))

        await self._app(scope, receive, send)
        text = b"".join(each.get("body", b"") for each in sent).decode()
        return int(sent[0]["status"]), text

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the whole answer to a query."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        found: dict[str, Any] = json.loads(self.post(body)[1])
        return found

    def launched(self, job: str) -> str:
        """Launch a run with no config; its id."""
        selector = {
            "repositoryName": REPOSITORY,
            "repositoryLocationName": NOTEBOOK,
            "pipelineName": job,
        }
        answer = self.ask(LAUNCH, params={"selector": selector, "mode": "default"})
        run_id: str = answer["data"]["launchRun"]["run"]["runId"]
        return run_id

    def settle(self) -> None:
        """Wait for the end of all runs and backfills."""
        for task in running(Task):
            task.wait()


@contextmanager
def served_in_process(folder: Path) -> Iterator[InProcess]:
    """Serve the definitions of the notebook of `conftest.py`, with a history in a folder."""
    file = folder / "shop.py"
    file.write_text("\n".join(CELLS))
    instance, [location] = open_locations([str(file)])
    code = CodeLocation.of_definitions(location.definitions(), NOTEBOOK)
    asked = InProcess(ServedWorkspace(instance, [code], launch=launch_here))
    try:
        yield asked
    finally:
        asked.close()
        _finish(instance)


def _finish(instance: Instance) -> None:
    """Cancel what goes on, and close the history."""
    for task in running(Task):
        task.cancel()
        task.wait()
    instance.dispose()
