"""A session that serves itself, and runs that outlive the server that launched them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from jobnb import Session, job, op
from jobnb.errors import InvalidInvocationError
from jobnb.server import needed
from tests.server.conftest import NOTEBOOK, YEAR, Client, begin, end, write_notebook

LAUNCH = """
mutation ($place: String!) { launchRun(executionParams: {selector: {jobName: "greet",
  repositoryName: "__repository__", repositoryLocationName: $place}}) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on Error { message } } }
"""


@op
def hello() -> str:
    return "hello"


@job
def greet():
    hello()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = Session(str(tmp_path / "home"))
    yield session
    session.instance.dispose()


def post(url: str, query: str, **variables: object) -> dict[str, object]:
    response = httpx.post(url, json={"query": query, "variables": variables}, timeout=60)
    assert response.status_code == 200, response.text
    found: dict[str, object] = response.json()["data"]
    return found


def test_a_session_serves_what_it_knows_at_each_moment(session: Session) -> None:
    names = (
        "{ repositoriesOrError { ... on RepositoryConnection { nodes { "
        "location { name } jobs { name } } } } }"
    )
    with session.serve(port=0) as server:
        [empty] = post(server.url, names)["repositoriesOrError"]["nodes"]  # type: ignore[index]
        assert empty["jobs"] == []
        session.add(greet)
        [full] = post(server.url, names)["repositoriesOrError"]["nodes"]  # type: ignore[index]
        assert full["jobs"] == [{"name": "greet"}]
        answer = post(server.url, LAUNCH, place=full["location"]["name"])["launchRun"]
        run_id = answer["run"]["runId"]  # type: ignore[index]
        run = session.run(run_id)
        assert run.result(60).success
        assert run.record.is_detached
        assert httpx.post(server.address + "/graphql", json={}).status_code == 401
    assert not server.is_running
    assert repr(server).endswith(", stopped>")


def test_a_session_serves_at_a_port_that_is_free_only(session: Session) -> None:
    with session.serve(port=0, token="t") as server:
        port = int(server.address.rpartition(":")[2])
        taken = f"cannot listen at 127.0.0.1:{port}: Address already in use. Choose another --port"
        with pytest.raises(InvalidInvocationError, match=re.escape(taken)):
            session.serve(port=port)
    for host in ("192.0.2.1", "no.invalid", "::ffff:192.0.2.1"):
        with pytest.raises(InvalidInvocationError, match="Choose a --host of this machine"):
            session.serve(host=host, port=0)


def test_what_the_server_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "graphql", None)
    with pytest.raises(InvalidInvocationError, match=r"pip install 'jobnb\[server\]'"), needed():
        import graphql  # noqa: F401


def test_a_run_outlives_the_server_that_launched_it(tmp_path: Path) -> None:
    write_notebook(tmp_path / NOTEBOOK)
    first, address = begin(tmp_path, "-n", NOTEBOOK)
    client = Client(address, tmp_path)
    client.done("daily", YEAR)
    run_id = client.launched("slow")
    client.until(lambda: "STARTED" in _status(client, run_id), "its beginning")
    client.http.close()
    assert end(first) == 0
    second, address = begin(tmp_path, "-n", NOTEBOOK)
    client = Client(address, tmp_path)
    assert _status(client, run_id) == "STARTED"
    answer = client.one(
        "mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id
    )
    assert answer["__typename"] == "TerminateRunSuccess"
    assert client.ended(run_id) == "CANCELED"
    client.http.close()
    assert end(second) == 0
    for process in (first, second):
        assert process.stdout is not None
        process.stdout.close()


def _status(client: Client, run_id: str) -> str:
    query = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
    found: str = client.one(query, id=run_id)["status"]
    return found
