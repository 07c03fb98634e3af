"""The extension of Jupyter: GraphQL of a notebook under the token of a real Jupyter server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

ROOT = Path(__file__).parents[2]
TOKEN = "jupyter-sesame"
SHIPPED = ROOT / "jobnb" / "server" / "jupyter_server_config.json"
CELL = """
from jobnb import job, op

@op
def hello():
    return 1

@job
def greet():
    hello()
"""


def notebook(source: str) -> str:
    cell = {
        "cell_type": "code", "id": "1", "metadata": {}, "execution_count": None, "outputs": [],
        "source": source,
    }  # fmt: skip
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


class Jupyter:
    """A Jupyter server with the configuration that the package ships."""

    def __init__(self, folder: Path) -> None:
        shelf = folder / "etc" / "jupyter_server_config.d"
        shelf.mkdir(parents=True)
        (shelf / "jobnb.json").write_text(SHIPPED.read_text())
        self.root = folder / "work"
        (self.root / "shops").mkdir(parents=True)
        (self.root / "shops" / "shop.ipynb").write_text(notebook(CELL))
        (self.root / "broken.ipynb").write_text(notebook("raise ValueError('no good')"))
        (folder / "secret.ipynb").write_text(notebook(CELL))
        environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(folder / "etc"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "JOBNB_HOME": str(folder / "home"),
        }  # fmt: skip
        words = ["--no-browser", "--port=0", f"--IdentityProvider.token={TOKEN}", "--allow-root"]
        self.log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *words], cwd=self.root, env=environment,
            stdout=self.log, stderr=self.log,
        )  # fmt: skip
        self.address = self._address(folder / "runtime")
        self.http = httpx.Client(base_url=self.address, timeout=120)

    def _address(self, runtime: Path) -> str:
        end = time.monotonic() + 90
        while time.monotonic() < end:
            for file in runtime.glob("jpserver-*.json"):
                url = json.loads(file.read_text() or "{}").get("url")
                if url:
                    return str(url).rstrip("/")
            time.sleep(0.1)
        raise AssertionError("the Jupyter server did not start")

    def post(self, path: str, query: str, token: str | None = TOKEN, **given: Any) -> Any:
        self.http.cookies.clear()  # Jupyter lets in who was let in before
        headers = {} if token is None else {"Authorization": f"token {token}"}
        body = {"query": query, "variables": given}
        return self.http.post(f"/jobnb/{path}/graphql", json=body, headers=headers)

    def stop(self) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    found = Jupyter(tmp_path_factory.mktemp("jupyter"))
    yield found
    found.stop()


SHOP = "shops/shop.ipynb"
LAUNCH = """
mutation { launchRun(executionParams: { mode: "default", selector: {
  repositoryName: "__repository__", repositoryLocationName: "shop.ipynb", pipelineName: "greet"
} }) { ... on LaunchRunSuccess { run { runId } } } }
"""
STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
SUBSCRIBE = "subscription ($id: ID!) { pipelineRunLogs(runId: $id) { __typename } }"


def test_a_notebook_is_served_under_the_token_of_jupyter(jupyter: Jupyter) -> None:
    run_id = jupyter.post(SHOP, LAUNCH).json()["data"]["launchRun"]["run"]["runId"]
    end = time.monotonic() + 60
    while time.monotonic() < end:
        status = jupyter.post(SHOP, STATUS, id=run_id).json()["data"]["runOrError"]["status"]
        if status == "SUCCESS":
            break
        time.sleep(0.2)
    assert status == "SUCCESS"
    told = jupyter.http.get(f"/jobnb/{SHOP}/server_info", params={"token": TOKEN})
    assert "dagster_webserver_version" in told.json()
    address = f"{jupyter.address.replace('http', 'ws')}/jobnb/{SHOP}/graphql?token={TOKEN}"
    with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv())["type"] == "connection_ack"
        asked = {"query": SUBSCRIBE, "variables": {"id": run_id}}
        socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": asked}))
        assert "PipelineRunLogsSubscriptionSuccess" in str(socket.recv())


@pytest.mark.parametrize("token", [None, "wrong"])
def test_nobody_is_let_in_without_it(jupyter: Jupyter, token: str | None) -> None:
    for what in ("graphql", "server_info", "dagit_info"):
        given = {} if token is None else {"token": token}
        jupyter.http.cookies.clear()
        told = jupyter.http.get(f"/jobnb/{SHOP}/{what}", params=given)
        assert (told.status_code, "dagster" in told.text) == (403, False)
    assert jupyter.post(SHOP, "{ version }", token).status_code == 403
    address = f"{jupyter.address.replace('http', 'ws')}/jobnb/{SHOP}/graphql?token={token or ''}"
    with pytest.raises(InvalidStatus), connect(address, subprotocols=[Subprotocol("graphql-ws")]):
        pass


@pytest.mark.parametrize("path", ["nope.ipynb", "../secret.ipynb", "%2e%2e/secret.ipynb", "shops"])
def test_only_notebooks_below_the_folder_of_jupyter_are_served(jupyter: Jupyter, path: str) -> None:
    assert jupyter.post(path, "{ version }").status_code == 404


def test_a_notebook_that_cannot_be_loaded_says_why(jupyter: Jupyter) -> None:
    told = jupyter.post("broken.ipynb", "{ version }")
    assert told.status_code == 500
    assert "no good" in told.text


def test_the_servers_of_notebooks_end_with_jupyter(jupyter: Jupyter) -> None:
    """The last one of the file: it kills the Jupyter server, which tells them nothing."""
    assert jupyter.post(SHOP, "{ version }").json()["data"]["version"]
    assert serving(jupyter.root)
    jupyter.process.kill()
    end = time.monotonic() + 60
    while serving(jupyter.root) and time.monotonic() < end:
        time.sleep(0.2)
    assert serving(jupyter.root) == []


def serving(root: Path) -> list[int]:
    """The processes that serve a notebook of a folder."""
    import psutil

    found = []
    for each in psutil.process_iter(["pid", "cmdline"]):
        words = each.info["cmdline"] or []
        if "serve" in words and str(root / "shops" / "shop.ipynb") in words:
            found.append(each.info["pid"])
    return found
