"""Runs: launching, following, repeating, canceling, deleting, and looking them up."""

from __future__ import annotations

import pytest

from tests.server.conftest import FILE, YEAR, Client

EVENTS = """
query ($id: ID!, $after: String, $limit: Int) {
  logsForRun(runId: $id, afterCursor: $after, limit: $limit) {
    __typename
    ... on EventConnection {
      cursor hasMore
      events {
        __typename
        ... on MessageEvent { runId message timestamp level stepKey solidHandleID eventType }
        ... on RunEvent { pipelineName }
        ... on ErrorEvent { error { message className stack causes { message } } }
        ... on DisplayableEvent { label description metadataEntries { label } }
      }
    }
    ... on Error { message }
  }
}
"""


def test_a_run_is_launched_with_config_and_tags_and_told(client: Client) -> None:
    run_id = client.done("daily", YEAR, tags={"who": "me"})
    run = client.one(
        """
        query ($id: ID!) { runOrError(runId: $id) { __typename ... on Run {
          id runId status runStatus pipelineName jobName mode runConfig runConfigYaml
          canTerminate startTime endTime updateTime creationTime rootRunId parentRunId
          solidSelection stepKeysToExecute resolvedOpSelection assetSelection { path }
          tags { key value }
          repositoryOrigin { id repositoryName repositoryLocationName
                             repositoryLocationMetadata { key value } }
          pipeline { __typename name solidSelection ... on PipelineSnapshot { graphName } }
          stats { ... on RunStatsSnapshot { id runId stepsSucceeded stepsFailed materializations
                  expectations enqueuedTime launchTime startTime endTime } }
          stepStats { runId stepKey status startTime endTime attempts { startTime endTime }
                      markers { startTime } materializations { message }
                      expectationResults { success } }
          executionPlan { artifactsPersisted steps { key kind solidHandleID outputs { name }
                          metadata { key value }
                          inputs { name dependsOn { key } } } }
          computeLogs(stepKey: "load") { runId stepKey stdout { path data size cursor downloadUrl }
                                         stderr { data } }
          capturedLogs(fileKey: "load") { logKey stdout stderr cursor }
          assets { id } assetMaterializations { message }
          hasReExecutePermission hasTerminatePermission hasDeletePermission hasConcurrencyKeySlots
          pipelineSnapshotId parentPipelineSnapshotId
        } } }
        """,
        id=run_id,
    )
    assert (run["status"], run["runStatus"], run["jobName"]) == ("SUCCESS", "SUCCESS", "daily")
    assert run["runConfig"] == YEAR
    assert {"key": "who", "value": "me"} in run["tags"]
    assert {"key": "team", "value": "sales"} in run["tags"]
    assert run["pipeline"]["__typename"] == "PipelineSnapshot"
    assert run["repositoryOrigin"]["repositoryLocationName"] == "shop.ipynb"
    assert run["stats"]["stepsSucceeded"] == 2
    assert [step["stepKey"] for step in run["stepStats"]] == ["load", "twice"]
    assert all(step["attempts"][0]["endTime"] for step in run["stepStats"])
    steps = run["executionPlan"]["steps"]
    assert steps[1]["inputs"] == [{"name": "number", "dependsOn": [{"key": "load"}]}]
    assert run["computeLogs"]["stdout"]["data"] == run["capturedLogs"]["stdout"] != ""
    assert "loading 2013" in run["capturedLogs"]["stdout"]
    assert run["startTime"] <= run["endTime"]


def test_config_may_be_yaml(client: Client) -> None:
    client.done("daily", "ops:\n  load:\n    config: {year: 2014}\n")


def test_a_config_that_does_not_fit_is_told_at_its_paths(client: Client) -> None:
    answer = client.launch("daily", {"ops": {"load": {"config": {"yeer": 1, "share": "x"}}}})
    assert answer["__typename"] == "RunConfigValidationInvalid"
    told = {tuple(each["path"][-1:]): each for each in answer["errors"]}
    assert told["year",]["reason"] == "MISSING_REQUIRED_FIELD"
    assert told["yeer",]["reason"] == "FIELD_NOT_DEFINED"
    assert "Did you mean 'year'?" in told["yeer",]["message"]
    assert told["share",]["reason"] == "RUNTIME_TYPE_MISMATCH"
    assert "must be a number" in told["share",]["message"]


@pytest.mark.parametrize(
    ("given", "typename", "words"),
    [
        ({"job": "nope"}, "PipelineNotFoundError", "no job called 'nope'"),
        ({"job": "daily", "location": "none.py"}, "PipelineNotFoundError", "shop.ipynb"),
        ({"job": "daily", "solidSelection": ["nope"]}, "InvalidSubsetError", "no op 'nope'"),
        ({"job": "shop_job", "assetSelection": [{"path": ["nope"]}]}, "InvalidSubsetError", "nope"),
        ({"job": "daily", "steps": ["nope"]}, "InvalidStepError", ""),
        ({"job": "__ASSET_JOB"}, "PythonError", "partition"),
    ],
)
def test_what_cannot_be_launched_is_told(
    client: Client, given: dict[str, str], typename: str, words: str
) -> None:
    job = given.pop("job")
    answer = client.launch(job, YEAR if job == "daily" else None, **given)
    assert answer["__typename"] == typename, answer
    assert words in answer.get("message", "")


def test_a_part_of_a_job_is_launched(client: Client) -> None:
    run_id = client.done("daily", YEAR, solidSelection=["load"])
    steps = client.one(
        "query ($id: ID!) { runOrError(runId: $id) { ... on Run { stepStats { stepKey } "
        "solidSelection } } }",
        id=run_id,
    )
    assert steps == {"stepStats": [{"stepKey": "load"}], "solidSelection": ["load"]}


def test_a_run_of_a_partition_is_launched_by_its_tag(client: Client) -> None:
    client.done("by_letter", tags={"dagster/partition": "a"})


def test_a_partition_that_is_needed_is_asked_for_in_the_words_of_a_client(client: Client) -> None:
    one = {"assetSelection": [{"path": ["letters"]}]}
    several = {"assetSelection": [{"path": ["letters"]}, {"path": ["days"]}]}
    for job, more, words in (
        ("__ASSET_JOB", one, "Name one with the tag dagster/partition, or several with"),
        ("__ASSET_JOB", several, "those that share theirs with assetSelection"),
    ):
        told = client.launch(job, **more)["message"]
        assert words in told
        assert "launchPartitionBackfill" in told
        assert "session." not in told
        assert "partition=" not in told


def test_the_log_is_told_page_by_page(client: Client) -> None:
    run_id = client.done("daily", YEAR)
    whole = client.one(EVENTS, id=run_id)
    assert not whole["hasMore"]
    kinds = [event["__typename"] for event in whole["events"]]
    assert kinds[0] == "RunStartEvent"
    assert kinds[-1] == "RunSuccessEvent"
    assert {"LogMessageEvent", "ExecutionStepOutputEvent", "HandledOutputEvent"} < set(kinds)
    paged, cursor = [], None
    while True:
        page = client.one(EVENTS, id=run_id, after=cursor, limit=4)
        assert len(page["events"]) <= 4
        paged += page["events"]
        cursor = page["cursor"]
        if not page["hasMore"]:
            break
    assert paged == whole["events"]
    assert client.one(EVENTS, id=run_id, after=cursor)["events"] == []


def test_a_cursor_that_is_none_is_an_error_of_the_answer(client: Client) -> None:
    answer = client.one(EVENTS, id=client.done("daily", YEAR), after="x")
    assert answer["__typename"] == "PythonError"
    assert "'x' is no cursor" in answer["message"]


def test_a_failure_is_told_with_its_place(client: Client) -> None:
    run_id = client.launched("broken")
    assert client.ended(run_id) == "FAILURE"
    events = client.one(EVENTS, id=run_id)["events"]
    failed = next(e for e in events if e["__typename"] == "ExecutionStepFailureEvent")
    assert "it broke" in failed["error"]["message"]
    assert failed["error"]["className"] == "ValueError"
    assert failed["level"] == "ERROR"
    assert events[-1]["__typename"] == "RunFailureEvent"
    assert [e["eventType"] for e in (events[0], events[-1])] == ["RUN_START", "RUN_FAILURE"]
    answer = client.one(
        "query ($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events { "
        "... on ExecutionStepFailureEvent { errorSource failureMetadata { label } } } } } }",
        id=run_id,
    )
    assert {"errorSource": "USER_CODE_ERROR", "failureMetadata": None} in answer["events"]


REPEAT = """
mutation ($p: ReexecutionParams) {
  launchRunReexecution(reexecutionParams: $p) {
    __typename
    ... on LaunchRunSuccess { run { runId rootRunId parentRunId } }
    ... on PythonError { message }
  }
}
"""


def test_a_run_is_repeated_whole_or_from_its_failure(client: Client) -> None:
    failed = client.launched("broken")
    client.ended(failed)
    again = client.one(REPEAT, p={"parentRunId": failed, "strategy": "FROM_FAILURE"})
    assert again["run"]["parentRunId"] == again["run"]["rootRunId"] == failed
    client.ended(again["run"]["runId"])
    good = client.done("daily", YEAR)
    whole = client.one(REPEAT, p={"parentRunId": good, "strategy": "ALL_STEPS"})
    assert client.ended(whole["run"]["runId"]) == "SUCCESS"
    refused = client.one(REPEAT, p={"parentRunId": good, "strategy": "FROM_FAILURE"})
    assert "succeeded" in refused["message"]
    missing = client.one(REPEAT, p={"parentRunId": "nope", "strategy": "ALL_STEPS"})
    assert "no run 'nope'" in missing["message"]
    group = client.one(
        "query ($id: ID!) { runGroupOrError(runId: $id) { ... on RunGroup { rootRunId "
        "runs { runId } } } }",
        id=again["run"]["runId"],
    )
    assert group["rootRunId"] == failed
    assert {each["runId"] for each in group["runs"]} == {failed, again["run"]["runId"]}


def test_a_run_is_repeated_with_other_parameters(client: Client) -> None:
    parent = client.done("daily", YEAR)
    params = {
        "selector": client.selector("daily"),
        "runConfigData": {"ops": {"load": {"config": {"year": 1999}}}},
        "executionMetadata": {"parentRunId": parent, "rootRunId": parent},
    }
    answer = client.one(
        "mutation ($p: ExecutionParams) { launchRunReexecution(executionParams: $p) { "
        "... on LaunchRunSuccess { run { runId parentRunId runConfig } } "
        "... on PythonError { message } } }",
        p=params,
    )
    assert answer["run"]["parentRunId"] == parent
    assert answer["run"]["runConfig"] == params["runConfigData"]
    both = client.one(
        "mutation ($p: ExecutionParams, $r: ReexecutionParams) { launchRunReexecution("
        "executionParams: $p, reexecutionParams: $r) { __typename } }",
        p=params,
        r={"parentRunId": parent, "strategy": "ALL_STEPS"},
    )
    assert both["__typename"] == "ConflictingExecutionParamsError"


TERMINATE = """
mutation ($ids: [String!]!, $policy: TerminateRunPolicy) {
  terminateRuns(runIds: $ids, terminatePolicy: $policy) {
    ... on TerminateRunsResult { terminateRunResults {
      __typename
      ... on TerminateRunSuccess { run { runId status } }
      ... on TerminateRunFailure { message }
      ... on RunNotFoundError { runId message }
    } }
  }
}
"""


def test_runs_are_canceled(client: Client) -> None:
    going = client.launched("slow")
    ended = client.done("daily", YEAR)
    answer = client.one(TERMINATE, ids=[going, ended, "nope"])["terminateRunResults"]
    kinds = [each["__typename"] for each in answer]
    assert kinds == ["TerminateRunSuccess", "TerminateRunFailure", "RunNotFoundError"]
    assert "has ended" in answer[1]["message"]
    assert client.ended(going) == "CANCELED"


def test_a_run_is_deleted(client: Client) -> None:
    run_id = client.done("daily", YEAR)
    delete = (
        "mutation ($id: String!) { deleteRun(runId: $id) { __typename "
        "... on DeletePipelineRunSuccess { runId } ... on RunNotFoundError { message } } }"
    )
    assert client.one(delete, id=run_id)["runId"] == run_id
    assert client.one(delete, id=run_id)["__typename"] == "RunNotFoundError"


RUNS = """
query ($filter: RunsFilter, $cursor: String, $limit: Int) {
  runsOrError(filter: $filter, cursor: $cursor, limit: $limit) {
    __typename
    ... on Runs { count results { runId jobName status } }
    ... on InvalidPipelineRunsFilterError { message }
  }
}
"""


def test_runs_are_found_by_job_status_tag_id_and_time_and_paged(client: Client) -> None:
    mine = [client.done("reports", location=FILE, tags={"batch": "x"}) for _ in range(3)]
    by_tag = {"tags": [{"key": "batch", "value": "x"}]}
    found = client.one(RUNS, filter=by_tag)
    assert [run["runId"] for run in found["results"]] == mine[::-1]
    assert found["count"] == 3
    page = client.one(RUNS, filter=by_tag, limit=2)
    assert [run["runId"] for run in page["results"]] == [mine[2], mine[1]]
    rest = client.one(RUNS, filter=by_tag, limit=2, cursor=mine[1])
    assert [run["runId"] for run in rest["results"]] == [mine[0]]
    assert client.one(RUNS, filter={"runIds": [mine[0]]})["count"] == 1
    assert client.one(RUNS, filter={"pipelineName": "reports"})["count"] >= 3
    assert client.one(RUNS, filter={**by_tag, "statuses": ["FAILURE"]})["count"] == 0
    assert client.one(RUNS, filter={**by_tag, "createdBefore": 1.0})["count"] == 0
    assert client.one(RUNS, filter={**by_tag, "updatedAfter": 1.0})["count"] == 3
    wrong = client.one(RUNS, cursor="nope")
    assert wrong["__typename"] == "InvalidPipelineRunsFilterError"
    far = client.one(RUNS, filter={"createdBefore": 1e300})
    assert far["__typename"] == "InvalidPipelineRunsFilterError"


def test_tags_of_runs_are_told(client: Client) -> None:
    client.done("reports", location=FILE, tags={"colour": "blue"})
    assert "colour" in client.one("{ runTagKeysOrError { ... on RunTagKeys { keys } } }")["keys"]
    found = client.one(
        '{ runTagsOrError(tagKeys: ["colour"]) { ... on RunTags { tags { key values } } } }'
    )
    assert found["tags"] == [{"key": "colour", "values": ["blue"]}]


def test_a_run_that_is_not_there_is_told(client: Client) -> None:
    for field in ("runOrError", "pipelineRunOrError", "runGroupOrError", "logsForRun"):
        answer = client.one(
            f'{{ {field}(runId: "nope") {{ __typename ... on Error {{ message }} }} }}'
        )
        assert "no run 'nope'" in answer["message"], field


def test_several_runs_are_launched_at_once(client: Client) -> None:
    params = [{"selector": client.selector(name)} for name in ("nested", "nope")]
    answer = client.one(
        "mutation ($p: [ExecutionParams!]!) { launchMultipleRuns(executionParamsList: $p) { "
        "... on LaunchMultipleRunsResult { launchMultipleRunsResult { __typename "
        "... on LaunchRunSuccess { run { runId } } } } } }",
        p=params,
    )["launchMultipleRunsResult"]
    assert [each["__typename"] for each in answer] == ["LaunchRunSuccess", "PipelineNotFoundError"]
    assert client.ended(answer[0]["run"]["runId"]) == "SUCCESS"
