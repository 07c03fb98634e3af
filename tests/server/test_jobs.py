"""Jobs: their ops, their config schema, whether a config fits, and reloading what defines them."""

from __future__ import annotations

import time
from typing import Any

from tests.server.conftest import FILE, NOTEBOOK, PLAIN, YEAR, Client

JOB = """
query ($params: PipelineSelector!) {
  pipelineOrError(params: $params) {
    __typename
    ... on Error { message }
    ... on Pipeline {
      name description graphName isJob isAssetJob tags { key value }
      solidHandles { handleID parent { handleID } }
      solidHandle(handleID: "inner.twice") { solid { name inputs { definition { name } } } }
      solids { name isDynamicMapped
        inputs { definition { name type { displayName } } dependsOn { solid { name }
          definition { name } } isDynamicCollect }
        outputs { definition { name isDynamic } dependedBy { solid { name } } }
        definition { __typename name description ... on SolidDefinition {
          configField { name isRequired configType { key ... on CompositeConfigType { fields {
            name isRequired description defaultValueAsJson configType { __typename key } } } } }
          requiredResources { resourceKey } } } }
      modes { name resources { name } loggers { name } }
      schedules { name } sensors { name } runs(limit: 1) { runId }
      repository { location { name } }
    }
  }
}
"""
SCHEMA = """
query ($selector: PipelineSelector!, $config: RunConfigData) {
  runConfigSchemaOrError(selector: $selector) {
    __typename
    ... on Error { message }
    ... on RunConfigSchema {
      rootDefaultYaml
      rootConfigType { __typename key isSelector recursiveConfigTypes { key }
        ... on CompositeConfigType { fields { name isRequired } } }
      allConfigTypes { __typename key typeParamKeys ... on EnumConfigType { givenName
        values { value } } ... on ArrayConfigType { ofType { key } } }
      isRunConfigValid(runConfigData: $config) { __typename }
    }
  }
}
"""
VALID = """
query ($pipeline: PipelineSelector!, $config: RunConfigData) {
  isPipelineConfigValid(pipeline: $pipeline, mode: "default", runConfigData: $config) {
    __typename
    ... on Error { message }
    ... on RunConfigValidationInvalid { pipelineName errors { __typename message path reason
      stack { entries { __typename ... on EvaluationStackPathEntry { fieldName }
        ... on EvaluationStackListItemEntry { listIndex } } }
      ... on MissingFieldConfigError { field { name isRequired configType { key } } }
      ... on FieldNotDefinedConfigError { fieldName }
      ... on RuntimeMismatchConfigError { valueRep } } }
  }
}
"""


def test_a_job_is_told_with_its_ops(client: Client) -> None:
    job = client.one(JOB, params=client.selector("daily"))
    assert (job["name"], job["description"]) == ("daily", "Each day anew.")
    assert job["tags"] == [{"key": "team", "value": "sales"}]
    assert job["isJob"]
    assert not job["isAssetJob"]
    load, twice = job["solids"]
    fields = load["definition"]["configField"]["configType"]["fields"]
    told = {each["name"]: each for each in fields}
    assert told["year"]["isRequired"]
    assert told["share"]["defaultValueAsJson"] == "0.5"
    assert told["name"]["configType"]["__typename"] == "NullableConfigType"
    assert twice["inputs"][0]["dependsOn"][0]["solid"]["name"] == "load"
    assert load["outputs"][0]["dependedBy"][0]["solid"]["name"] == "twice"
    assert [each["name"] for each in job["schedules"]] == ["morning"]
    assert {"look", "on_orders"} == {each["name"] for each in job["sensors"]}
    assert "console" in [each["name"] for each in job["modes"][0]["loggers"]]


def test_graphs_within_graphs_and_dynamic_outputs_are_told(client: Client) -> None:
    job = client.one(JOB, params=client.selector("nested"))
    handles = {each["handleID"]: each["parent"] for each in job["solidHandles"]}
    assert handles["inner.twice"] == {"handleID": "inner"}
    assert job["solidHandle"]["solid"]["name"] == "twice"
    solids = {each["name"]: each for each in job["solids"]}
    assert solids["inner"]["definition"]["__typename"] == "CompositeSolidDefinition"
    assert solids["spread"]["outputs"][0]["definition"]["isDynamic"]
    assert solids["gather"]["inputs"][0]["isDynamicCollect"]
    assert any(each["isDynamicMapped"] for each in job["solids"])


def test_a_job_that_is_not_there_is_told(client: Client) -> None:
    answer = client.one(JOB, params=client.selector("dayly"))
    assert answer["__typename"] == "PipelineNotFoundError"
    assert "'daily'" in answer["message"]
    part = client.one(JOB, params=client.selector("daily", solidSelection=["nope"]))
    assert part["__typename"] == "InvalidSubsetError"
    whole = client.one(JOB, params=client.selector("daily", solidSelection=["load"]))
    assert [each["name"] for each in whole["solids"]] == ["load"]


def test_the_config_schema_is_told(client: Client) -> None:
    found = client.one(SCHEMA, selector=client.selector("hooked"), config={})
    assert found["isRunConfigValid"]["__typename"] == "PipelineConfigValidationValid"
    kinds = {each["__typename"] for each in found["allConfigTypes"]}
    assert {"CompositeConfigType", "MapConfigType", "ArrayConfigType", "EnumConfigType"} < kinds
    assert "ScalarUnionConfigType" in kinds
    choices = [e for e in found["allConfigTypes"] if e["__typename"] == "EnumConfigType"]
    assert ["big", "small"] in [[v["value"] for v in e["values"]] for e in choices]
    assert "kind: big" in found["rootDefaultYaml"]
    keys = [each["key"] for each in found["allConfigTypes"]]
    assert len(keys) == len(set(keys))
    assert found["rootConfigType"]["key"] in keys
    assert len(found["rootConfigType"]["recursiveConfigTypes"]) == len(keys) - 1
    missing = client.one(SCHEMA, selector=client.selector("nope"))
    assert missing["__typename"] == "PipelineNotFoundError"


def test_whether_a_config_fits_is_told(client: Client) -> None:
    def check(config: Any, job: str = "daily") -> Any:
        return client.one(VALID, pipeline=client.selector(job), config=config)

    assert check(YEAR)["__typename"] == "PipelineConfigValidationValid"
    [missing] = check({})["errors"]
    assert missing["__typename"] == "MissingFieldConfigError"
    nested = check({"ops": {"load": {"config": {"year": "x", "yaer": 1}}}})["errors"]
    told = {each["__typename"]: each for each in nested}
    assert told["RuntimeMismatchConfigError"]["valueRep"] == "'x'"
    assert told["FieldNotDefinedConfigError"]["fieldName"] == "yaer"
    entries = told["RuntimeMismatchConfigError"]["stack"]["entries"]
    assert [each["fieldName"] for each in entries] == ["ops", "load", "config", "year"]
    [item] = check({"ops": {"many": {"config": {"names": ["a", 1]}}}}, "hooked")["errors"]
    assert item["stack"]["entries"][-1] == {
        "__typename": "EvaluationStackListItemEntry",
        "listIndex": 1,
    }
    for broken in ("ops: [", "- a", 5, ["a"]):
        answer = check(broken)
        assert answer["__typename"] == "RunConfigValidationInvalid", (broken, answer)
    assert check(YEAR, "nope")["__typename"] == "PipelineNotFoundError"


def test_a_text_of_yaml_is_never_the_path_of_a_file(client: Client) -> None:
    (client.folder / "config.yaml").write_text("ops: {load: {config: {year: 1}}}")
    answer = client.one(VALID, pipeline=client.selector("daily"), config="config.yaml")
    assert answer["__typename"] == "RunConfigValidationInvalid"


def test_the_plan_of_a_job_is_told(client: Client) -> None:
    query = (
        "query ($p: PipelineSelector!, $c: RunConfigData) { executionPlanOrError(pipeline: $p, "
        'mode: "default", runConfigData: $c) { __typename ... on ExecutionPlan { steps { key kind '
        "inputs { name dependsOn { key } } } } } }"
    )
    plan = client.one(query, p=client.selector("nested"))
    kinds = {each["key"]: each["kind"] for each in plan["steps"]}
    assert kinds["spread"] == "COMPUTE"
    assert "UNRESOLVED_MAPPED" in kinds.values()
    assert kinds["gather"] == "UNRESOLVED_COLLECT"
    bad = client.one(query, p=client.selector("daily"), c={"nope": 1})
    assert bad["__typename"] == "RunConfigValidationInvalid"


RELOAD = """
mutation ($name: String!) {
  reloadRepositoryLocation(repositoryLocationName: $name) {
    __typename
    ... on Error { message }
    ... on WorkspaceLocationEntry { name loadStatus locationOrLoadError {
      __typename ... on PythonError { message }
      ... on RepositoryLocation { repositories { jobs { name } } } } }
  }
}
"""


def test_a_location_is_loaded_again_and_a_mistake_in_it_is_told(client: Client) -> None:
    path = client.folder / FILE
    path.write_text(PLAIN + "\n@job\ndef more():\n    report()\n")
    loaded = client.one(RELOAD, name=FILE)["locationOrLoadError"]
    assert {"name": "more"} in loaded["repositories"][0]["jobs"]
    path.write_text(PLAIN + "\nraise ValueError('a mistake')\n")
    failed = client.one(RELOAD, name=FILE)["locationOrLoadError"]
    assert failed["__typename"] == "PythonError"
    assert "a mistake" in failed["message"]
    path.write_text(PLAIN)
    assert (
        client.one(RELOAD, name=FILE)["locationOrLoadError"]["__typename"] == "RepositoryLocation"
    )
    missing = client.one(RELOAD, name="shop")
    assert missing["__typename"] == "RepositoryLocationNotFound"
    every = client.one(
        "mutation { reloadWorkspace { ... on Workspace { locationEntries { name } } } }"
    )
    assert [each["name"] for each in every["locationEntries"]] == [NOTEBOOK, FILE]


def test_a_location_is_shut_down_and_comes_back(client: Client) -> None:
    shut = (
        "mutation ($n: String!) { shutdownRepositoryLocation(repositoryLocationName: $n) { "
        "__typename } }"
    )
    assert client.one(shut, n=FILE)["__typename"] == "ShutdownRepositoryLocationSuccess"
    assert client.one(shut, n="nope")["__typename"] == "RepositoryLocationNotFound"
    assert client.one(JOB, params=client.selector("reports", FILE))["name"] == "reports"


def test_a_file_that_changes_on_disk_is_loaded_again(client: Client) -> None:
    path = client.folder / FILE
    path.write_text(PLAIN + "\n@job\ndef other():\n    report()\n")

    def known() -> bool:
        return bool(client.one(JOB, params=client.selector("other", FILE)).get("name"))

    client.until(known)
    path.write_text(PLAIN)
    time.sleep(0)


def test_resources_are_told(client: Client) -> None:
    found = client.one(
        "query ($s: RepositorySelector!) { allTopLevelResourceDetailsOrError("
        "repositorySelector: $s) { ... on ResourceDetailsList { results { name resourceType "
        "configFields { name } configuredValues { key value type } } } } }",
        s=client.repository,
    )
    [press, shelf] = found["results"]
    [height] = press["configuredValues"]
    assert height == {"key": "height", "value": "PRESS_HEIGHT", "type": "ENV_VAR"}
    assert shelf["name"] == "shelf"
    assert shelf["configuredValues"] == [{"key": "height", "value": "4", "type": "VALUE"}]
    missing = client.one(
        "query ($s: ResourceSelector!) { topLevelResourceDetailsOrError(resourceSelector: $s) { "
        "__typename ... on Error { message } } }",
        s={**client.repository, "resourceName": "shelv"},
    )
    assert "Did you mean 'shelf'?" in missing["message"]


GRAPH = """
query ($s: GraphSelector) { graphOrError(selector: $s) { __typename
  ... on Error { message }
  ... on Graph { name description solids { name } solidHandles { handleID }
    solidHandle(handleID: "twice") { handleID } modes { name } } } }
"""


def test_a_graph_is_found_by_its_name_in_a_job_and_within_another(client: Client) -> None:
    found = client.one(GRAPH, s={**client.repository, "graphName": "inner"})
    assert (found["name"], [each["name"] for each in found["solids"]]) == ("inner", ["twice"])
    assert found["solidHandle"] == {"handleID": "twice"}
    whole = client.one(GRAPH, s={**client.repository, "graphName": "daily"})
    assert [each["name"] for each in whole["solids"]] == ["load", "twice"]
    missing = client.one(GRAPH, s={**client.repository, "graphName": "dayly"})
    assert (missing["__typename"], "daily" in missing["message"]) == ("GraphNotFoundError", True)
    assert client.one(GRAPH)["__typename"] == "PythonError"


def test_a_job_over_assets_of_differing_partitions_has_none_of_its_own(client: Client) -> None:
    sets = (
        "query ($r: RepositorySelector!, $j: String!) {"
        " partitionSetsOrError(repositorySelector: $r, pipelineName: $j) {"
        " ... on PartitionSets { results { name } } } }"
    )
    found = client.one(sets, r=client.repository, j="__ASSET_JOB")
    assert found == {"results": []}
    by_letter = client.one(sets, r=client.repository, j="by_letter")
    assert by_letter == {"results": [{"name": "by_letter_partition_set"}]}
