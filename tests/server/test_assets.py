"""Assets: as they are defined, how they stand, their partitions and backfills, and wiping them."""

from __future__ import annotations

from typing import Any

from tests.server.conftest import FILE, NOTEBOOK, REPOSITORY, Client

NODE = """
query ($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    __typename
    ... on Error { message }
    ... on AssetNode {
      assetKey { path } groupName description isSource isPartitioned staleStatus
      staleCauses { key { path } category reason dependency { path } }
      dependencyKeys { path } dependedByKeys { path }
      dependencies { inputName asset { opName } }
      jobNames opNames type { displayName } hasMaterializePermission
      partitionKeys partitionStats { numMaterialized numPartitions numFailed numMaterializing }
      partitionDefinition { type name dimensionTypes { name type isPrimaryDimension } }
      assetPartitionStatuses {
        __typename
        ... on DefaultPartitionStatuses { materializedPartitions failedPartitions
          unmaterializedPartitions materializingPartitions }
        ... on TimePartitionStatuses { ranges { startKey endKey startTime endTime status } }
        ... on MultiPartitionStatuses { primaryDimensionName ranges { primaryDimStartKey
          primaryDimEndKey secondaryDim { ... on DefaultPartitionStatuses {
          materializedPartitions } } } }
      }
      assetMaterializations(limit: 5) { runId partition metadataEntries { __typename label
        ... on IntMetadataEntry { intValue intRepr } ... on FloatMetadataEntry { floatValue }
        ... on TextMetadataEntry { text } ... on JsonMetadataEntry { jsonString } } }
      repository { location { name } }
    }
  }
}
"""
BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on Error { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
BACKFILLS = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on Error { message }
    ... on PartitionBackfill {
      id status numPartitions partitionNames isAssetBackfill assetSelection { path } timestamp
      endTimestamp title partitionSetName partitionStatusCounts { runStatus count } numCancelable
      partitionStatuses { results { partitionName runStatus runDuration } }
      assetBackfillData { assetBackfillStatuses {
        ... on AssetPartitionsStatusCounts { assetKey { path } numPartitionsTargeted
          numPartitionsMaterialized numPartitionsFailed numPartitionsInProgress }
        ... on UnpartitionedAssetStatus { assetKey { path } inProgress materialized failed } } }
      tags { key value }
    }
  }
}
"""


def node(client: Client, *path: str) -> Any:
    return client.one(NODE, key={"path": list(path)})


def backfilled(client: Client, **params: Any) -> Any:
    """Launch a backfill and wait for its end; it."""
    answer = client.one(BACKFILL, params=params)
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    backfill_id = answer["backfillId"]

    def ended() -> Any:
        found = client.one(BACKFILLS, id=backfill_id)
        return found if found["status"] != "REQUESTED" else None

    return client.until(ended, f"the end of the backfill {backfill_id}")


def test_an_asset_is_told_before_and_after_it_is_made(client: Client) -> None:
    before = node(client, "revenue")
    assert before["staleStatus"] == "MISSING"
    assert before["dependencyKeys"] == [{"path": ["orders"]}]
    assert before["dependencies"] == [{"inputName": "orders", "asset": {"opName": "orders"}}]
    assert before["groupName"] == "shop"
    assert before["jobNames"] == ["shop_job", "__ASSET_JOB"]
    run_id = client.done("shop_job")
    after = node(client, "orders")
    assert after["staleStatus"] == "FRESH"
    assert after["dependedByKeys"] == [{"path": ["revenue"]}]
    [made] = after["assetMaterializations"]
    assert made["runId"] == run_id
    facts = {each["label"]: each for each in made["metadataEntries"]}
    assert (facts["rows"]["intValue"], facts["rows"]["intRepr"]) == (3, "3")
    assert (facts["big"]["intValue"], facts["big"]["intRepr"]) == (None, str(2**40))
    assert facts["ratio"]["floatValue"] == 0.5
    assert facts["raw"]["jsonString"] == '{"a": [1]}'


def test_an_asset_is_stale_once_its_upstream_was_made_anew(client: Client) -> None:
    client.done("shop_job")
    client.done("shop_job", assetSelection=[{"path": ["orders"]}])
    stale = node(client, "revenue")
    assert stale["staleStatus"] == "STALE"
    [cause] = stale["staleCauses"]
    assert (cause["category"], cause["dependency"]) == ("DATA", {"path": ["orders"]})
    assert "'orders'" in cause["reason"]


def test_a_selection_of_assets_is_launched(client: Client) -> None:
    run_id = client.done("__ASSET_JOB", assetSelection=[{"path": ["orders"]}])
    run = client.one(
        "query ($id: ID!) { runOrError(runId: $id) { ... on Run { assetSelection { path } "
        "assets { key { path } } assetMaterializations { assetKey { path } } } } }",
        id=run_id,
    )
    keys = [{"path": ["orders"]}]
    assert run["assetSelection"] == keys
    assert [each["key"] for each in run["assets"]] == keys
    assert [each["assetKey"] for each in run["assetMaterializations"]] == keys


def test_assets_are_listed_paged_and_looked_up(client: Client) -> None:
    query = (
        "query ($prefix: [String!], $cursor: String, $limit: Int) { assetsOrError(prefix: $prefix, "
        "cursor: $cursor, limit: $limit) { ... on AssetConnection { nodes { id key { path } "
        "definition { groupName } } } } }"
    )
    every = client.one(query)["nodes"]
    paths = [each["key"]["path"] for each in every]
    assert ["orders"] in paths
    assert ["summary"] in paths
    assert paths == sorted(paths)
    first = client.one(query, limit=2)["nodes"]
    rest = client.one(query, cursor=first[-1]["id"])["nodes"]
    assert first + rest == every
    assert client.one(query, prefix=["orders"])["nodes"][0]["key"] == {"path": ["orders"]}
    missing = client.one(
        '{ assetOrError(assetKey: {path: ["order"]}) { __typename ... on Error { message } } }'
    )
    assert "Did you mean 'orders'?" in missing["message"]
    assert node(client, "nope")["__typename"] == "AssetNotFoundError"


def test_nodes_are_of_a_group_a_job_or_keys(client: Client) -> None:
    group = {"groupName": "shop", **client.repository}
    query = (
        "query ($group: AssetGroupSelector, $job: PipelineSelector, $keys: [AssetKeyInput!]) { "
        "assetNodes(group: $group, pipeline: $job, assetKeys: $keys) { assetKey { path } } }"
    )

    def paths(**given: Any) -> list[str]:
        return ["/".join(each["assetKey"]["path"]) for each in client.one(query, **given)]

    assert paths(group=group) == ["orders", "revenue"]
    assert sorted(paths(job=client.selector("shop_job"))) == ["orders", "revenue"]
    assert paths(keys=[{"path": ["letters"]}]) == ["letters"]
    assert "outside" in paths()
    answer = client.post(query, job=client.selector("nope")).json()
    assert "no job called 'nope'" in answer["errors"][0]["message"]


def test_the_latest_of_assets_is_told(client: Client) -> None:
    run_id = client.done("shop_job")
    [info] = client.one(
        '{ assetsLatestInfo(assetKeys: [{path: ["orders"]}]) { assetKey { path } '
        "latestMaterialization { runId } unstartedRunIds inProgressRunIds latestRun { runId } } }"
    )
    assert info["latestMaterialization"]["runId"] == info["latestRun"]["runId"] == run_id
    assert info["inProgressRunIds"] == []


def test_partitions_stand_as_their_backfill_left_them(client: Client) -> None:
    keys = ["a", "c"]
    backfill = backfilled(
        client,
        assetSelection=[{"path": ["letters"]}],
        partitionNames=keys,
        title="Letters",
        tags=[{"key": "why", "value": "test"}],
    )
    assert backfill["isAssetBackfill"]
    assert backfill["status"] == "FAILED"
    assert backfill["partitionNames"] == keys
    assert backfill["title"] == "Letters"
    assert {"key": "why", "value": "test"} in backfill["tags"]
    [counts] = backfill["assetBackfillData"]["assetBackfillStatuses"]
    assert (counts["numPartitionsTargeted"], counts["numPartitionsMaterialized"]) == (2, 1)
    assert counts["numPartitionsFailed"] == 1
    stands = node(client, "letters")
    assert stands["partitionKeys"] == ["a", "b", "c"]
    assert stands["partitionStats"]["numMaterialized"] == 1
    told = stands["assetPartitionStatuses"]
    assert (told["materializedPartitions"], told["failedPartitions"]) == (["a"], ["c"])
    assert told["unmaterializedPartitions"] == ["b"]


def test_partitions_of_days_and_of_two_dimensions_are_told_in_ranges(client: Client) -> None:
    range_ = {"start": "2013-01-02", "end": "2013-01-03"}
    asked = [{"assetKey": {"path": ["days"]}, "partitions": {"range": range_}}]
    assert backfilled(client, partitionsByAssets=asked)["status"] == "COMPLETED"
    [days] = node(client, "days")["assetPartitionStatuses"]["ranges"]
    assert (days["startKey"], days["endKey"]) == ("2013-01-02", "2013-01-03")
    assert days["endTime"] - days["startTime"] == 2 * 86400
    backfilled(client, assetSelection=[{"path": ["grid"]}], partitionNames=["2013-01-01|a"])
    grid = node(client, "grid")
    kinds = [each["type"] for each in grid["partitionDefinition"]["dimensionTypes"]]
    assert sorted(kinds) == ["STATIC", "TIME_WINDOW"]
    [row] = grid["assetPartitionStatuses"]["ranges"]
    assert grid["assetPartitionStatuses"]["primaryDimensionName"] == "day"
    assert row["primaryDimStartKey"] == "2013-01-01"
    assert row["secondaryDim"]["materializedPartitions"] == ["a"]


def test_a_job_is_backfilled_and_its_partitions_told(client: Client) -> None:
    selector = {"partitionSetName": "by_letter_partition_set",
                "repositorySelector": client.repository}  # fmt: skip
    backfill = backfilled(client, selector=selector, allPartitions=True)
    assert (backfill["status"], backfill["numPartitions"]) == ("COMPLETED", 3)
    assert backfill["partitionStatusCounts"] == [{"runStatus": "SUCCESS", "count": 3}]
    found = client.one(
        "query ($s: RepositorySelector!) { partitionSetOrError(repositorySelector: $s, "
        'partitionSetName: "by_letter_partition_set") { ... on PartitionSet { name pipelineName '
        "partitionsOrError(limit: 2, reverse: true) { ... on Partitions { results { name status "
        "runConfigOrError { ... on PartitionRunConfig { yaml } } runs(limit: 1) { status } "
        "tagsOrError { ... on PartitionTags { results { key value } } } } } } "
        "partitionStatusesOrError { ... on PartitionStatuses { results { partitionName runStatus } "
        '} } partition(partitionName: "a") { name } backfills { id } } } }',
        s=client.repository,
    )
    assert [each["name"] for each in found["partitionsOrError"]["results"]] == ["c", "b"]
    assert all(each["status"] == "SUCCESS" for each in found["partitionsOrError"]["results"])
    assert len(found["partitionStatusesOrError"]["results"]) == 3
    assert backfill["id"] in [each["id"] for each in found["backfills"]]


def test_a_backfill_that_cannot_be_launched_says_why(client: Client) -> None:
    place = {"repositorySelector": client.repository}
    letters = {"assetSelection": [{"path": ["letters"]}]}
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({}, "PythonError", "names nothing to make"),
        (letters, "PythonError", "names no partitions"),
        ({**letters, "partitionNames": ["z"]}, "PythonError", "'z'"),
        ({**letters, "partitionNames": []}, "PythonError", "is empty"),
        ({**letters, "partitionNames": ["a"], "allPartitions": True}, "PythonError", "all of them"),
        ({"assetSelection": [{"path": ["no"]}], "allPartitions": True}, "PythonError", "'no'"),
        ({"selector": {"partitionSetName": "daily_partition_set", **place}, "allPartitions": True},
         "PartitionSetNotFoundError", "no partitions"),
        ({"selector": {"partitionSetName": "nope", **place}, "allPartitions": True},
         "PartitionSetNotFoundError", "no job called 'nope'"),
    ]  # fmt: skip
    for params, kind, words in cases:
        answer = client.one(BACKFILL, params=params)
        assert answer["__typename"] == kind, (params, answer)
        assert words in answer["message"], (params, answer)
    missing = client.one(BACKFILLS, id="nope")
    assert missing["__typename"] == "BackfillNotFoundError"


def test_a_backfill_is_resumed_and_canceled(client: Client) -> None:
    failed = backfilled(client, assetSelection=[{"path": ["letters"]}], partitionNames=["c"])
    resume = (
        "mutation ($id: String!) { resumePartitionBackfill(backfillId: $id) { __typename "
        "... on ResumeBackfillSuccess { backfillId } ... on PythonError { message } } }"
    )
    assert client.one(resume, id=failed["id"])["backfillId"] == failed["id"]
    assert client.one(resume, id="nope")["__typename"] == "PythonError"
    client.until(lambda: client.one(BACKFILLS, id=failed["id"])["status"] == "FAILED")
    cancel = resume.replace("resumePartition", "cancelPartition").replace("ResumeB", "CancelB")
    assert "has ended" in client.one(cancel, id=failed["id"])["message"]
    assert "no backfill" in client.one(cancel, id="nope")["message"]
    every = client.one(
        "{ partitionBackfillsOrError(limit: 1) { ... on PartitionBackfills { results { id } } } }"
    )
    assert len(every["results"]) == 1


def test_assets_are_wiped(client: Client) -> None:
    client.done("__ASSET_JOB", assetSelection=[{"path": ["orders"]}])
    wipe = (
        "mutation ($keys: [AssetKeyInput!]!) { wipeAssets(assetKeys: $keys) { __typename "
        "... on AssetWipeSuccess { assetKeys { path } } ... on AssetNotFoundError { message } } }"
    )
    keys = [{"path": ["orders"]}]
    assert client.one(wipe, keys=keys)["assetKeys"] == keys
    assert node(client, "orders")["assetMaterializations"] == []
    assert node(client, "orders")["staleStatus"] == "MISSING"
    assert client.one(wipe, keys=[{"path": ["nope"]}])["__typename"] == "AssetNotFoundError"
    backfilled(client, assetSelection=[{"path": ["letters"]}], partitionNames=["a", "b"])
    ranges = [{"assetKey": {"path": ["letters"]},
               "partitions": {"range": {"start": "a", "end": "a"}}}]  # fmt: skip
    part = client.one(
        "mutation ($r: [PartitionsByAssetSelector!]!) { wipeAssets(assetPartitionRanges: $r) { "
        "__typename } }",
        r=ranges,
    )
    assert part["__typename"] == "AssetWipeSuccess"
    told = node(client, "letters")["assetPartitionStatuses"]
    assert told["materializedPartitions"] == ["b"]


def test_a_dynamic_partition_is_added_once(client: Client) -> None:
    add = (
        "mutation ($s: RepositorySelector!) { addDynamicPartition(repositorySelector: $s, "
        'partitionsDefName: "colours", partitionKey: "red") { __typename '
        "... on AddDynamicPartitionSuccess { partitionsDefName partitionKey } } }"
    )
    first = client.one(add, s=client.repository)
    assert first["partitionKey"] == "red"
    again = client.one(add, s=client.repository)["__typename"]
    assert again == "DuplicateDynamicPartitionError"


def test_the_file_and_the_notebook_are_two_locations(client: Client) -> None:
    nodes = client.one(
        "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } "
        "assetGroups { groupName assetKeys { path } } jobs { name isAssetJob } } } } }"
    )["nodes"]
    assert [(each["name"], each["location"]["name"]) for each in nodes] == [
        (REPOSITORY, NOTEBOOK),
        (REPOSITORY, FILE),
    ]
    assert {"name": "__ASSET_JOB", "isAssetJob": True} in nodes[1]["jobs"]


def test_the_freshness_of_an_asset_is_told(client: Client) -> None:
    query = (
        "query ($k: AssetKeyInput!) { assetNodeOrError(assetKey: $k) { ... on AssetNode {"
        " freshnessPolicy { maximumLagMinutes } freshnessInfo { currentLagMinutes"
        " currentMinutesLate } } } }"
    )
    client.done("__ASSET_JOB", assetSelection=[{"path": ["owned"]}])
    found = client.one(query, k={"path": ["owned"]})
    assert found["freshnessPolicy"] == {"maximumLagMinutes": 60.0}
    assert 0 <= found["freshnessInfo"]["currentLagMinutes"] < 60
    assert found["freshnessInfo"]["currentMinutesLate"] == 0
    assert client.one(query, k={"path": ["orders"]})["freshnessInfo"] is None


def test_limits_of_pools_are_told_and_set(client: Client) -> None:
    limits = "concurrencyKey slotCount activeSlotCount pendingStepCount"
    told = f"{{ instance {{ supportsConcurrencyLimits concurrencyLimits {{ {limits} }} }} }}"
    assert client.one(told) == {"supportsConcurrencyLimits": True, "concurrencyLimits": []}
    change = 'mutation ($n: Int!) { setConcurrencyLimit(concurrencyKey: "database", limit: $n) }'
    assert client.one(change, n=3) is True
    pool = {"concurrencyKey": "database", "slotCount": 3, "activeSlotCount": 0}
    assert client.one(told)["concurrencyLimits"] == [{**pool, "pendingStepCount": 0}]
    one = f'{{ instance {{ concurrencyLimit(concurrencyKey: "database") {{ {limits} }} }} }}'
    assert client.one(one)["concurrencyLimit"]["slotCount"] == 3
    refused = client.post(change, n=-1).json()["errors"]
    assert "database" in refused[0]["message"]
    assert client.one('mutation { freeConcurrencySlotsForRun(runId: "nope") }') is True
