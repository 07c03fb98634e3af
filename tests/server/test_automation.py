"""Schedules and sensors: how they stand, starting and stopping them, trying them, their ticks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from jobnb.automation.default_sensor import DEFAULT_SENSOR
from tests.server.conftest import NOTEBOOK, Client

SCHEDULES = """
query ($s: RepositorySelector!, $status: InstigationStatus) {
  schedulesOrError(repositorySelector: $s, scheduleStatus: $status) {
    __typename
    ... on Error { message }
    ... on Schedules { results {
      id name cronSchedule executionTimezone pipelineName mode description solidSelection
      scheduleState { id selectorId status instigationType repositoryLocationName runningCount
        typeSpecificData { ... on ScheduleData { cronSchedule startTimestamp } }
        nextTick { timestamp } runsCount }
      futureTicks(limit: 2) { cursor results { timestamp evaluationResult { skipReason
        runRequests { runKey runConfigYaml tags { key value } } error { message } } } }
      potentialTickTimestamps(startTimestamp: 1357020000, upperLimit: 2, lowerLimit: 2)
    } }
  }
}
"""
EVALUATIONS = """
query ($key: AssetKeyInput!, $after: String) {
  autoMaterializeAssetEvaluationsOrError(assetKey: $key, limit: 5, cursor: $after) {
    ... on AutoMaterializeAssetEvaluationRecords {
      currentEvaluationId
      records { id evaluationId numRequested numSkipped numDiscarded timestamp runIds
        conditions { __typename ... on AutoMaterializeConditionWithDecisionType { decisionType
          partitionKeysOrError { ... on PartitionKeys { partitionKeys } } } } }
    }
  }
}
"""
SENSORS = """
query ($s: RepositorySelector!, $status: InstigationStatus) {
  sensorsOrError(repositorySelector: $s, sensorStatus: $status) {
    ... on Sensors { results {
      id jobOriginId name minIntervalSeconds sensorType targets { pipelineName mode }
      metadata { assetKeys { path } } nextTick { timestamp }
      sensorState { id selectorId status typeSpecificData {
        ... on SensorData { lastTickTimestamp lastRunKey lastCursor } } }
    } }
  }
}
"""


def by_name(client: Client, query: str, **more: Any) -> dict[str, Any]:
    found = client.one(query, s=client.repository, **more)["results"]
    return {each["name"]: each for each in found}


def test_a_schedule_is_told_started_and_stopped(client: Client) -> None:
    morning = by_name(client, SCHEDULES)["morning"]
    assert morning["cronSchedule"] == "0 6 * * *"
    assert morning["executionTimezone"] == "Europe/Berlin"
    assert morning["scheduleState"]["status"] == "STOPPED"
    assert morning["scheduleState"]["nextTick"] is None
    first, second = morning["futureTicks"]["results"]
    assert second["timestamp"] - first["timestamp"] in (23 * 3600, 86400, 25 * 3600)
    [request] = first["evaluationResult"]["runRequests"]
    assert "year: 2013" in request["runConfigYaml"]
    assert request["runKey"] == "m"
    times = morning["potentialTickTimestamps"]
    assert [round(each - times[0]) for each in times] == [0, 86400, 2 * 86400, 3 * 86400]
    start = (
        "mutation ($s: ScheduleSelector!) { startSchedule(scheduleSelector: $s) { __typename "
        "... on ScheduleStateResult { scheduleState { id selectorId status } } "
        "... on PythonError { message } } }"
    )
    state = client.one(start, s={**client.repository, "scheduleName": "morning"})["scheduleState"]
    assert state["status"] == "RUNNING"
    assert list(by_name(client, SCHEDULES, status="RUNNING")) == ["morning"]
    assert by_name(client, SCHEDULES)["morning"]["scheduleState"]["nextTick"]["timestamp"] > 0
    stop = (
        "mutation ($o: String!, $s: String!) { stopRunningSchedule(scheduleOriginId: $o, "
        "scheduleSelectorId: $s) { ... on ScheduleStateResult { scheduleState { status } } "
        "... on PythonError { message } } }"
    )
    stopped = client.one(stop, o=state["id"], s=state["selectorId"])["scheduleState"]
    assert stopped["status"] == "STOPPED"
    assert "no schedule with the id" in client.one(stop, o="x", s="y")["message"]
    missing = client.one(start, s={**client.repository, "scheduleName": "mornin"})
    assert "Did you mean 'morning'?" in missing["message"]


def test_a_sensor_is_told_started_set_and_stopped(client: Client) -> None:
    sensors = by_name(client, SENSORS)
    assert sensors["on_orders"]["sensorType"] == "ASSET"
    assert sensors["on_orders"]["metadata"]["assetKeys"] == [{"path": ["orders"]}]
    look = sensors["look"]
    assert (look["minIntervalSeconds"], look["sensorType"]) == (45, "STANDARD")
    assert look["targets"] == [{"pipelineName": "daily", "mode": "default"}]
    selector = {**client.repository, "sensorName": "look"}
    start = (
        "mutation ($s: SensorSelector!) { startSensor(sensorSelector: $s) { __typename "
        "... on Sensor { sensorState { status } } ... on SensorNotFoundError { message } } }"
    )
    assert client.one(start, s=selector)["sensorState"]["status"] == "RUNNING"
    cursor = (
        'mutation ($s: SensorSelector!) { setSensorCursor(sensorSelector: $s, cursor: "here") { '
        "... on Sensor { sensorState { typeSpecificData { ... on SensorData { lastCursor } } } } "
        "} }"
    )
    told = client.one(cursor, s=selector)["sensorState"]["typeSpecificData"]
    assert told == {"lastCursor": "here"}
    stop = (
        "mutation ($id: String!) { stopSensor(jobOriginId: $id, jobSelectorId: $id) { "
        "... on StopSensorMutationResult { instigationState { status } } "
        "... on PythonError { message } } }"
    )
    stopped = client.one(stop, id=look["sensorState"]["id"])["instigationState"]
    assert stopped["status"] == "STOPPED"
    missing = client.one(start, s={**client.repository, "sensorName": "nope"})
    assert missing["__typename"] == "SensorNotFoundError"


def test_schedules_and_sensors_are_tried(client: Client) -> None:
    schedule = (
        "mutation ($s: ScheduleSelector!) { scheduleDryRun(selectorData: $s, timestamp: 1357020000)"
        " { ... on DryRunInstigationTick { timestamp evaluationResult { runRequests { runKey } } }"
        " ... on ScheduleNotFoundError { message } } }"
    )
    tick = client.one(schedule, s={**client.repository, "scheduleName": "morning"})
    assert tick["timestamp"] == 1357020000
    assert tick["evaluationResult"]["runRequests"] == [{"runKey": "m"}]
    assert client.one(schedule, s={**client.repository, "scheduleName": "no"})["message"]
    sensor = (
        "mutation ($s: SensorSelector!, $c: String) { sensorDryRun(selectorData: $s, cursor: $c) "
        "{ ... on DryRunInstigationTick { evaluationResult { skipReason cursor "
        "runRequests { runConfigYaml assetSelection { path } } } } } }"
    )
    selector = {**client.repository, "sensorName": "look"}
    skipped = client.one(sensor, s=selector, c="stay")["evaluationResult"]
    assert skipped["skipReason"] == "nothing new"
    asked = client.one(sensor, s=selector, c="go")["evaluationResult"]
    assert asked["cursor"] == "gone"
    assert "year: 1" in asked["runRequests"][0]["runConfigYaml"]


def test_ticks_are_told(client: Client) -> None:
    code = (
        "from jobnb.notebook.code_locations import open_locations\n"
        "from jobnb.automation.loop import AutomationLoop\n"
        f"instance, found = open_locations([{NOTEBOOK!r}])\n"
        "loop = AutomationLoop(instance, found)\n"
        f"for name in ('morning', {DEFAULT_SENSOR!r}):\n"
        "    assert loop.tick_now(name) is not None\n"
    )
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "JOBNB_HOME": str(client.folder / "home")}
    subprocess.run([sys.executable, "-c", code], cwd=client.folder, env=environment, check=True)
    state = client.one(
        "query ($s: InstigationSelector!) { instigationStateOrError(instigationSelector: $s) { "
        "__typename ... on InstigationState { name status runsCount runs(limit: 5) { jobName } "
        "ticks(limit: 5, statuses: [SUCCESS]) { id tickId status timestamp endTimestamp runIds "
        "runKeys skipReason cursor error { message } runs { jobName } originRunIds logKey "
        "logEvents { events { message level timestamp } cursor hasMore } "
        "dynamicPartitionsRequestResults { partitionKeys } } "
        "tick { id } } } }",
        s={**client.repository, "name": "morning"},
    )
    tick = state["ticks"][0]
    assert (tick["status"], tick["runKeys"]) == ("SUCCESS", ["m"])
    assert tick["runs"] == [{"jobName": "daily"}]
    assert state["tick"]["id"] == tick["id"]
    assert "good morning" in [each["message"] for each in tick["logEvents"]["events"]]
    assert state["runsCount"] >= 1
    [record] = client.one(EVALUATIONS, key={"path": ["owned"]})["records"]
    assert (record["numRequested"], record["numSkipped"], record["numDiscarded"]) == (1, 0, 0)
    assert len(record["runIds"]) == 1
    missing = {"__typename": "MissingAutoMaterializeCondition", "decisionType": "MATERIALIZE"}
    assert {**missing, "partitionKeysOrError": None} in record["conditions"]
    [again] = client.one(EVALUATIONS, key={"path": ["owned"]}, after="99999999999")["records"]
    assert again == record
    before = client.one(EVALUATIONS, key={"path": ["owned"]}, after=str(record["evaluationId"]))
    assert before == {"records": [], "currentEvaluationId": record["evaluationId"]}
    missing = client.one(
        "query ($s: InstigationSelector!) { instigationStateOrError(instigationSelector: $s) { "
        "__typename ... on Error { message } } }",
        s={**client.repository, "name": "nope"},
    )
    assert missing["__typename"] == "InstigationStateNotFoundError"


def test_assets_that_are_materialized_by_themselves_are_paused_and_go_on(client: Client) -> None:
    paused = "{ instance { autoMaterializePaused } }"
    pause = "mutation ($p: Boolean!) { setAutoMaterializePaused(paused: $p) }"
    assert client.one(paused) == {"autoMaterializePaused": True}
    for wanted in (False, True):
        assert client.one(pause, p=wanted) is wanted
        assert client.one(paused) == {"autoMaterializePaused": wanted}
        sensor = by_name(client, SENSORS)[DEFAULT_SENSOR]
        assert sensor["sensorState"]["status"] == ("STOPPED" if wanted else "RUNNING")


def test_what_the_page_of_dagster_asks_for_besides_is_answered(client: Client) -> None:
    answer = client.ask(
        "query ($s: RepositorySelector!) { shouldShowNux scheduler { __typename } "
        "utilizedEnvVarsOrError(repositorySelector: $s) { ... on EnvVarWithConsumersList { "
        "results { envVarName envVarConsumers { type name } } } } }",
        s=client.repository,
    )
    press = {"type": "RESOURCE", "name": "press"}
    variables = [{"envVarName": "PRESS_HEIGHT", "envVarConsumers": [press]}]
    assert answer == {
        "shouldShowNux": False,
        "scheduler": {"__typename": "Scheduler"},
        "utilizedEnvVarsOrError": {"results": variables},
    }
    told = client.ask(
        'mutation { setNuxSeen logTelemetry(action: "a", clientId: "b", clientTime: "1", '
        'metadata: "{}") { ... on LogTelemetrySuccess { action } } }'
    )
    assert told == {"setNuxSeen": True, "logTelemetry": {"action": "a"}}
    error = client.post("{ test { alwaysException } }").json()
    assert error["data"] == {"test": {"alwaysException": None}}
    assert "always fails" in error["errors"][0]["message"]


def test_what_is_not_served_is_told(client: Client) -> None:
    elsewhere = {"repositoryName": "__repository__", "repositoryLocationName": "shop.ipyn"}
    answer = client.one(SCHEDULES, s=elsewhere)
    assert answer["__typename"] == "RepositoryNotFoundError"
    assert "Did you mean 'shop.ipynb'?" in answer["message"]
