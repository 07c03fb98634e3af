"""Each field of each type, by queries that are made from the schema: none raises."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    get_named_type,
)

from jobnb.automation.loop import AutomationLoop
from jobnb.notebook.code_locations import open_locations
from jobnb.server.executing import GraphQLExecutor, GraphQLRequest
from jobnb.server.limits import Limits
from jobnb.server.schema import served_schema
from jobnb.server.workspace import ServedWorkspace, launch_here
from tests.server.conftest import FILE, LAUNCH, NOTEBOOK, PLAIN, REPOSITORY, YEAR, write_notebook

PLACE = {"repositoryName": REPOSITORY, "repositoryLocationName": NOTEBOOK}
DEEP = 2
NEVER = {
    # Kinds of events and facts that jobnb does not write.
    "AlertFailureEvent", "AlertStartEvent", "AlertSuccessEvent", "AssetFreshnessInfo",
    "AssetLineageInfo", "ConcurrencyKeyInfo", "DynamicPartitionsRequestResult",
    "LogsCapturedEvent", "ObjectStoreOperationEvent", "ObjectStoreOperationResult",
    "RepositoryMetadata", "RunDequeuedEvent", "RunEnqueuedEvent", "StepWorkerStartedEvent",
    "StepWorkerStartingEvent", "RunStartingEvent", "RunCancelingEvent", "RunCanceledEvent",
    "ResourceInitFailureEvent", "EvaluationStackMapKeyEntry", "EvaluationStackMapValueEntry",
}  # fmt: skip
UNASKED = ("Error", "Invalid", "Mutation", "Subscription", "Query", "Success", "Result", "Failure",
           "Event", "NotFound", "NotSupported", "Conflict", "Unavailable")  # fmt: skip


class Asking:
    """Asks for each field of a type, down to a depth."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.schema, self.given, self._number = served_schema(), given, 0

    def selection(self, kind: Any, depth: int = DEEP, around: tuple[str, ...] = ()) -> str:
        kind = get_named_type(kind)
        if isinstance(kind, (GraphQLScalarType, GraphQLEnumType)):
            return ""
        if isinstance(kind, (GraphQLUnionType, GraphQLInterfaceType)):
            several = self.schema.get_possible_types(kind)
            parts = [f"... on {e.name} {self.selection(e, depth, around)}" for e in several]
            return f"{{ __typename {' '.join(parts)} }}"
        if kind.name in around:
            return "{ __typename }"
        parts = ["__typename"]
        for name, field in kind.fields.items():
            inner = get_named_type(field.type)
            if depth > 0 or isinstance(inner, (GraphQLScalarType, GraphQLEnumType)):
                parts.append(self.field(name, field, depth - 1, (*around, kind.name)))
        return f"{{ {' '.join(parts)} }}"

    def field(self, name: str, field: Any, depth: int = DEEP, around: tuple[str, ...] = ()) -> str:
        self._number += 1
        given = [
            f"{each}: {literal(self.given[each])}"
            for each, argument in field.args.items()
            if isinstance(argument.type, GraphQLNonNull)
        ]
        arguments = f"({', '.join(given)})" if given else ""
        below = self.selection(field.type, depth, around)
        return f"f{self._number}: {name}{arguments} {below}"


def literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {literal(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return json.dumps(value)


def typenames(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        if "__typename" in data:
            yield data["__typename"]
        for each in data.values():
            yield from typenames(each)
    elif isinstance(data, list):
        for each in data:
            yield from typenames(each)


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GraphQLExecutor, Asking]]:
    """A history in which much has happened."""
    folder: Path = tmp_path_factory.mktemp("all")
    write_notebook(folder / NOTEBOOK)
    (folder / FILE).write_text(PLAIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOBNB_HOME", str(folder / "home"))
        instance, locations = open_locations([str(folder / NOTEBOOK), str(folder / FILE)])
    served = ServedWorkspace(instance, locations, launch=launch_here)
    executing = GraphQLExecutor(served, Limits(tokens=10**7, fields=10**7, seconds=300))
    runs: list[str] = []

    def ask(query: str, **variables: Any) -> Any:
        status, answer = executing.answer(GraphQLRequest(query, variables))
        assert status == 200, answer
        assert "errors" not in answer, answer["errors"]
        return next(iter(answer["data"].values()))

    def run(job: str, config: Any = None, partition: str | None = None, *assets: str) -> None:
        chosen = {"assetSelection": [{"path": [each]} for each in assets]} if assets else {}
        tags = [{"key": "dagster/partition", "value": partition}] if partition else []
        params = {
            "selector": {**PLACE, "pipelineName": job, **chosen},
            "runConfigData": config or {},
            "executionMetadata": {"tags": tags},
        }
        runs.append(ask(LAUNCH, params=params)["run"]["runId"])

    run("daily", YEAR)
    for job in ("broken", "nested", "shop_job", "hooked", "wrapped"):
        run(job)
    run("__ASSET_JOB", None, None, "owned")
    run("__ASSET_JOB", None, "2013-01-02", "days")
    run("by_letter", None, "a")
    backfill = (
        "mutation ($b: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $b) "
        "{ __typename ... on LaunchBackfillSuccess { backfillId } } }"
    )
    chosen = {"assetSelection": [{"path": ["letters"]}], "partitionNames": ["a", "c"]}
    backfill_id = ask(backfill, b=chosen)["backfillId"]
    ask(backfill, b={"assetSelection": [{"path": ["grid"]}], "partitionNames": ["2013-01-01|a"]})
    job = {"partitionSetName": "by_letter_partition_set", "repositorySelector": PLACE}
    ask(backfill, b={"selector": job, "allPartitions": True})
    AutomationLoop(instance, [locations[0]]).tick_now("morning")
    instance.save_preset("daily", "kept", {"config": YEAR, "tags": {"a": "b"}})
    deadline = time.monotonic() + 60
    open_runs = "{ runsOrError(filter: {statuses: [STARTING, STARTED]}) { ... on Runs { count } } }"
    open_backfills = (
        "{ partitionBackfillsOrError(status: REQUESTED) "
        "{ ... on PartitionBackfills { results { id } } } }"
    )
    while ask(open_runs)["count"] or ask(open_backfills)["results"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    selector = {**PLACE, "pipelineName": "daily"}
    given = {
        "repositorySelector": PLACE, "params": {**PLACE, "pipelineName": "wrapped"},
        "pipeline": selector, "selector": {**PLACE, "pipelineName": "hooked"},
        "scheduleSelector": {**PLACE, "scheduleName": "morning"},
        "sensorSelector": {**PLACE, "sensorName": "on_orders"},
        "resourceSelector": {**PLACE, "resourceName": "shelf"},
        "instigationSelector": {**PLACE, "name": "morning"}, "pipelineName": "by_letter",
        "runId": runs[0], "mode": "default", "runConfigData": YEAR,
        "assetKey": {"path": ["letters"]}, "assetKeys": [{"path": ["orders"]}, {"path": ["days"]}],
        "backfillId": backfill_id, "logKey": [runs[0]], "stepKey": "load", "fileKey": "load",
        "dagsterTypeName": "Int", "handleID": "whole", "name": "load",
        "timestampMillis": str(int(time.time() * 1000)), "partition": "a", "partitionName": "a",
        "tickTimestamp": 1357020000, "limit": 5,
    }  # fmt: skip
    asking = Asking(given)
    asking.given["runs"] = runs
    yield executing, asking
    executing.close()
    instance.dispose()


def test_each_field_of_each_type_can_be_asked_for(asking: tuple[GraphQLExecutor, Asking]) -> None:
    executing, asked = asking
    query_type = asked.schema.query_type
    assert query_type is not None
    fields = query_type.fields
    queries = [
        f"{{ {asked.field(name, field)} }}"
        for name, field in fields.items()
        if name != "test"  # which always fails
    ]
    set_name = '(repositorySelector: {}, partitionSetName: "by_letter_partition_set")'.replace(
        "{}", literal(PLACE)
    )
    for name, arguments in {
        "partitionSetOrError": set_name,
        "graphOrError": f"(selector: {literal({**PLACE, 'graphName': 'inner'})})",
        "pipelineSnapshotOrError": f"(activePipelineSelector: {literal(asked.given['pipeline'])})",
    }.items():
        queries.append(f"{{ {name}{arguments} {asked.selection(fields[name].type)} }}")
    for run_id in asked.given["runs"]:
        whole = asked.selection(fields["runOrError"].type)
        queries.append(f'{{ runOrError(runId: "{run_id}") {whole} }}')
    for name, wrapper in DEEPER.items():
        whole = asked.selection(asked.schema.type_map[name], 4)
        several = asked.given["runs"] if "RUN" in wrapper else [""]
        filled = wrapper.replace("WHOLE", whole)
        queries += [filled.replace("RUN", f'"{run_id}"') for run_id in several]
    seen: set[str] = set()
    for query in queries:
        status, answer = executing.answer(GraphQLRequest(query))
        assert status == 200, answer
        assert "errors" not in answer, (query[:60], answer["errors"][:3])
        seen.update(typenames(answer["data"]))
    kinds = asked.schema.type_map.items()
    known = {
        name
        for name, kind in kinds
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
    }
    wanted = {name for name in known if not name.endswith(UNASKED)} - NEVER
    wanted |= {
        "ExecutionStepFailureEvent", "ExecutionStepRestartEvent", "ExecutionStepUpForRetryEvent",
        "HookErroredEvent", "HookSkippedEvent", "MaterializationEvent", "ObservationEvent",
        "StepExpectationResultEvent",
    }  # fmt: skip
    assert wanted - seen == ELSEWHERE


DEEPER = {
    "ExecutionPlan": "{ runOrError(runId: RUN) { ... on Run { executionPlan WHOLE } } }",
    "MaterializationEvent": "{ runOrError(runId: RUN) { ... on Run { "
    "assetMaterializations { metadataEntries { ... on TableMetadataEntry { __typename table { "
    "__typename schema { __typename constraints { __typename other } columns { __typename name "
    "constraints { __typename nullable unique other } } } records } } "
    "... on TableSchemaMetadataEntry { __typename schema { __typename columns { __typename } } } "
    "} } } } }",
    "ExecutionStepFailureEvent": "{ logsForRun(runId: RUN) { ... on EventConnection { events { "
    "... on ExecutionStepFailureEvent { failureMetadata { __typename label description "
    "metadataEntries { label } } } } } } }",
    "TickEvaluation": "{ schedulesOrError(repositorySelector: "
    + literal(PLACE)
    + ") { ... on Schedules { results { futureTicks(limit: 1) { results { "
    "evaluationResult WHOLE } } } } } }",
    "RunConfigSchema": "{ runConfigSchemaOrError(selector: "
    + literal({**PLACE, "pipelineName": "daily"})
    + ") { ... on RunConfigSchema { allConfigTypes { __typename } } } }",
    "CompositeSolidDefinition": "{ pipelineOrError(params: "
    + literal({**PLACE, "pipelineName": "wrapped"})
    + ") { ... on Pipeline { solids { definition { ... on CompositeSolidDefinition { "
    "inputMappings { __typename mappedInput { solid { name } } definition { name } } "
    "outputMappings { __typename mappedOutput { solid { name } } definition { name } } } "
    "metadata { __typename key } } } } } }",
    "SolidDefinition": "{ pipelineOrError(params: "
    + literal({**PLACE, "pipelineName": "hooked"})
    + ") { ... on Pipeline { solids { definition { metadata { __typename key value } } } } } }",
}
CONDITIONS = (
    "Freshness", "DownstreamFreshness", "ParentMaterialized", "Missing", "ParentOutdated",
    "MaxMaterializationsExceeded",
)  # fmt: skip
ELSEWHERE = {
    # What other tests ask for, or what this notebook has none of.
    "AssetNodeDefinitionCollision", "DynamicPartitionRequest", "ErrorChainLink",
    *(f"{kind}AutoMaterializeCondition" for kind in CONDITIONS), "PartitionKeys",
    "AutoMaterializeAssetEvaluationRecord", "TestFields", "EvaluationStackListItemEntry",
    "EvaluationStackPathEntry", "JobWithOps",
    "NestedResourceEntry", "NullableDagsterType", "PartitionKeyRange", "StaleCause",
    "UnpartitionedAssetStatus",
}  # fmt: skip
