"""Dagster's own clients: the newest one itself, and the requests that the one of 1.4.7 sends."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_client_schema, parse, validate

from tests.server.conftest import NOTEBOOK, REPOSITORY, TOKEN, YEAR, Client

RECORDED: dict[str, str] = json.loads(
    (Path(__file__).parent / "requests_1_4_7.json").read_text(encoding="utf-8")
)
"""The queries that `DagsterGraphQLClient` of 1.4.7 sent to this server, recorded on the way."""


# --- the requests of 1.4.7 ---------------------------------------------------------------


@pytest.fixture(scope="module")
def introspected(client: Client) -> GraphQLSchema:
    """The schema as the client of 1.4.7 reads it before its first request."""
    return build_client_schema(client.ask(RECORDED["introspection"]))


@pytest.mark.parametrize("name", [each for each in RECORDED if each != "introspection"])
def test_the_older_client_finds_its_requests_valid(introspected: GraphQLSchema, name: str) -> None:
    assert validate(introspected, parse(RECORDED[name])) == []


def launch(client: Client, job: str, config: Any = None, **more: Any) -> Any:
    params = {
        "selector": client.selector(job, solidSelection=None, **more),
        "runConfigData": config or {},
        "mode": "default",
        "executionMetadata": {"tags": [{"key": "a", "value": "b"}]},
    }
    return client.one(RECORDED["launch"], executionParams=params)


def test_the_older_client_launches_and_asks_for_the_status(client: Client) -> None:
    nodes = client.one(RECORDED["jobs"])["nodes"]
    jobs = {each["name"] for node in nodes for each in node["pipelines"]}
    assert {"daily", "__ASSET_JOB", "reports"} <= jobs
    answer = launch(client, "daily", YEAR)
    assert answer["__typename"] == "LaunchRunSuccess"
    run_id = answer["run"]["runId"]
    client.ended(run_id)
    status = client.one(RECORDED["status"], runId=run_id)
    assert (status["__typename"], status["status"]) == ("Run", "SUCCESS")
    missing = client.one(RECORDED["status"], runId="nope")
    assert missing["__typename"] == "RunNotFoundError"
    assert missing["message"]


@pytest.mark.parametrize(
    ("variables", "status", "word"),
    [
        ('{"runId": "nope"}', 200, "no run 'nope'"),
        ("", 200, "version"),
        ("{", 400, "variables is no JSON"),
        ("[1]", 400, "variables is a JSON object"),
        ('{"runId": NaN}', 400, "NaN"),
    ],
)
def test_the_command_line_of_dagster_sends_variables_as_text(
    client: Client, variables: str, status: int, word: str
) -> None:
    query = RECORDED["status"] if variables else "{ version }"
    body = {"query": query, "variables": variables}
    answer = client.http.post("/graphql", json=body, headers=client.headers)
    assert answer.status_code == status
    assert word in answer.text


def test_the_older_client_can_read_each_refusal(client: Client) -> None:
    """It reads `message` of whatever it does not know, so each such answer has one."""
    bad = launch(client, "daily", {"ops": {}})
    assert bad["__typename"] == "RunConfigValidationInvalid"
    assert {"message", "path", "reason"} < set(bad["errors"][0])
    assert "no job called" in launch(client, "nope")["message"]
    params = client.selector("daily", solidSelection=["nope"])
    answer = client.one(RECORDED["launch"], executionParams={"selector": params, "mode": "default"})
    assert answer["__typename"] == "PythonError"
    assert "no op 'nope'" in answer["message"]


def test_the_older_client_reloads_shuts_down_and_cancels(client: Client) -> None:
    loaded = client.one(RECORDED["reload"], repositoryLocationName=NOTEBOOK)
    assert loaded["locationOrLoadError"]["__typename"] == "RepositoryLocation"
    down = client.one(RECORDED["shutdown"], repositoryLocationName=NOTEBOOK)
    assert down["__typename"] == "ShutdownRepositoryLocationSuccess"
    run_id = launch(client, "slow")["run"]["runId"]
    answer = client.one(RECORDED["terminate"], runId=run_id)
    assert answer["__typename"] == "TerminateRunSuccess"
    assert client.ended(run_id) == "CANCELED"
    assert client.one(RECORDED["terminate"], runId="nope")["__typename"] == "RunNotFoundError"


def test_a_query_that_is_none_gets_400_and_no_data(client: Client) -> None:
    response = client.post("{ nope }")
    assert response.status_code == 400
    assert response.json()["data"] is None
    assert "nope" in response.json()["errors"][0]["message"]


# --- the newest client ---------------------------------------------------------------------

USE = """
import json, sys
from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError

port, token, notebook, repository = int(sys.argv[1]), *sys.argv[2:5]
client = DagsterGraphQLClient(
    "127.0.0.1", port_number=port, headers={"Dagster-Cloud-Api-Token": token}
)
config = {"ops": {"load": {"config": {"year": 2013}}}}
told = {}

def refused(name, call):
    try:
        call()
    except DagsterGraphQLClientError as error:
        told[name] = [str(each) for each in error.args]
    else:
        told[name] = "not refused"

told["launched"] = client.submit_job_execution("daily", run_config=config, tags={"by": "newest"})
told["named"] = client.submit_job_execution(
    "daily", repository_location_name=notebook, repository_name=repository, run_config=config
)
told["part"] = client.submit_job_execution("daily", run_config=config, op_selection=["load"])
told["assets"] = client.submit_job_execution(
    "__ASSET_JOB", repository_location_name=notebook, repository_name=repository,
    asset_selection=[["orders"]],
)
refused("config", lambda: client.submit_job_execution("daily", run_config={"ops": {}}))
refused("job", lambda: client.submit_job_execution("nope"))
refused("ops", lambda: client.submit_job_execution("daily", run_config=config, op_selection=["x"]))
told["status"] = client.get_run_status(told["launched"]).value
refused("unknown", lambda: client.get_run_status("nope"))
told["reload"] = client.reload_repository_location(notebook).status.value
told["no reload"] = client.reload_repository_location("nope").status.value
slow = [client.submit_job_execution("slow") for _ in range(3)]
client.terminate_run(slow[0])
client.terminate_runs(slow[1:])
told["slow"] = slow
refused("terminate", lambda: client.terminate_run("nope"))
refused("terminate several", lambda: client.terminate_runs(["nope"]))
told["shutdown"] = client.shutdown_repository_location(notebook).status.value
print(json.dumps(told))
"""


@pytest.mark.timeout(900)
def test_the_newest_client_does_all_that_it_can(client: Client, dagster_python: Path) -> None:
    port = client.address.rpartition(":")[2]
    done = subprocess.run(
        [str(dagster_python), "-W", "ignore", "-c", USE, port, TOKEN, NOTEBOOK, REPOSITORY],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    for name in ("launched", "named", "part", "assets"):
        assert client.ended(told[name]) == "SUCCESS"
    assert told["status"] in ("STARTING", "STARTED", "SUCCESS")
    assert told["config"][0] == "RunConfigValidationInvalid"
    assert "is required" in told["config"][1]
    assert told["job"][0] == "JobNotFoundError"
    assert told["ops"][0] == "PythonError"
    assert told["unknown"][0] == "RunNotFoundError"
    assert (told["reload"], told["no reload"], told["shutdown"]) == (
        "SUCCESS",
        "FAILURE",
        "SUCCESS",
    )
    assert {client.ended(each) for each in told["slow"]} == {"CANCELED"}
    assert told["terminate"][0] == "RunNotFoundError"
    assert told["terminate several"][0] == "TerminateRunsError"
    command = [str(dagster_python.with_name("dagster-graphql")), "--text", "{ version }"]
    remote = f"http://token:{TOKEN}@127.0.0.1:{port}"
    asked = subprocess.run([*command, "--remote", remote], capture_output=True, text=True)
    assert "version" in asked.stdout, asked.stderr
