"""Values of Dagster that programs compare, keep as text, and read from events."""

from __future__ import annotations

import typing
from datetime import timedelta

import pytest

from jobnb import (
    AssetKey,
    AssetMaterialization,
    DataVersion,
    Field,
    FreshnessPolicy,
    GraphDefinition,
    Instance,
    InvalidInvocationError,
    IOManager,
    Output,
    RetryPolicy,
    RetryRequested,
    RunRequest,
    SensorResult,
    SourceAsset,
    TimeWindowPartitionMapping,
    asset,
    io_manager,
    materialize,
    op,
    resource,
)


def test_values_are_texts_and_values_again(dagster):
    from dagster import deserialize_value, serialize_value
    from dagster._core.scheduler.instigation import InstigatorStatus, InstigatorType, TickStatus
    from dagster._serdes import whitelist_for_serdes

    @whitelist_for_serdes
    class Seen(typing.NamedTuple):
        files: list
        last: AssetKey

    for value in (
        Seen(["a", "b"], AssetKey("x")),
        {"n": [1, None, 2.5, True], "of": {"set": {1, 2}}},
        RunRequest("a", {"ops": {"one": {"config": 1}}}, {"team": "x"}, partition_key="p"),
        AssetMaterialization("a", metadata={"rows": 3}, partition="p"),
        TimeWindowPartitionMapping(start_offset=-1),
        [dagster.DagsterRunStatus.SUCCESS, TickStatus.SKIPPED, InstigatorType.SENSOR],
    ):
        assert deserialize_value(serialize_value(value)) == value
    assert InstigatorType.SENSOR == "SENSOR"
    assert InstigatorStatus.AUTOMATICALLY_RUNNING is InstigatorStatus.DECLARED_IN_CODE
    with pytest.raises(InvalidInvocationError, match="holds a AssetKey, not"):
        deserialize_value(serialize_value(AssetKey("a")), RunRequest)
    with pytest.raises(InvalidInvocationError, match="no text of serialize_value"):
        deserialize_value("[")
    with pytest.raises(InvalidInvocationError, match="@whitelist_for_serdes"):
        serialize_value(dagster)
    with pytest.raises(InvalidInvocationError, match="'Other'"):
        deserialize_value('{"__class__": "Other"}')


def test_requests_and_results_of_equal_parts_are_equal():
    def request(**more):
        return RunRequest("a", {"ops": {"one": {"config": 1}}}, {"team": "x"}, **more)

    assert request() == request()
    assert request() != request(partition_key="p")
    assert SensorResult([request()], cursor="1") == SensorResult([request()], cursor="1")
    assert SensorResult([request()], cursor="1") != SensorResult([request()], cursor="2")


def test_a_retry_tells_what_asks_for_it_and_why():
    @op(retry_policy=RetryPolicy(max_retries=1))
    def by_policy():
        raise ValueError("not yet")

    @op
    def by_itself():
        raise RetryRequested(max_retries=1) from ValueError("not yet")

    for each, asks in ((by_policy, "RetryRequestedFromPolicy"), (by_itself, "RetryRequested")):
        whole = GraphDefinition("whole", node_defs=[each]).to_job()
        result = whole.execute_in_process(raise_on_error=False)
        [retry] = [event for event in result.all_events if event.is_step_up_for_retry]
        error = retry.event_specific_data.error
        assert (error.cls_name, error.cause.cls_name) == (asks, "ValueError")


# --- resources of older code, and small names -----------------------------------------


def test_an_io_manager_of_older_code_gets_typed_config(dagster):
    from dagster import ConfigurableLegacyIOManagerAdapter
    from dagster._config.pythonic_config import ConfigurableLegacyResourceAdapter

    steps = []

    class Held(IOManager):
        def handle_output(self, context, obj):
            steps.append(obj)

        def load_input(self, context):
            return steps[-1]

    @io_manager(config_schema={"base": str, "times": Field(int, default_value=3)})
    def held(context):
        steps.append(context.resource_config)
        return Held()

    @resource(config_schema={"word": str})
    def said(context):
        yield context.resource_config["word"]
        steps.append("closed")

    class Typed(ConfigurableLegacyIOManagerAdapter):
        base: str

        @property
        def wrapped_io_manager(self):
            return held

    class Word(ConfigurableLegacyResourceAdapter):
        word: str

        @property
        def wrapped_resource(self):
            return said

    @asset(required_resource_keys={"word"})
    def made(context):
        return context.resources.word

    @asset
    def after(made):
        return made + "!"

    given = {"io_manager": Typed(base="x"), "word": Word(word="hello")}
    assert materialize([made, after], resources=given).success
    assert steps == [{"base": "x", "times": 3}, "hello", "hello!", "closed"]


def test_small_names_of_sources_policies_and_versions(dagster):
    from dagster import CodeLocationSelector, JobSelector, run_status_sensor
    from dagster._core.definitions.data_version import (
        extract_data_provenance_from_entry,
        extract_data_version_from_entry,
    )

    assert CodeLocationSelector("shop").to_repository_selector().location_name == "shop"

    @run_status_sensor(
        run_status=dagster.DagsterRunStatus.SUCCESS,
        monitored_jobs=[JobSelector("shop", "__repository__", "daily")],
    )
    def ended(context): ...

    assert SourceAsset("a").get_io_manager_key() == "io_manager"
    assert FreshnessPolicy(maximum_lag_minutes=90).maximum_lag_delta == timedelta(hours=1.5)

    @asset(code_version="3")
    def made():
        return Output(1, data_version=DataVersion("v1"))

    instance = Instance.ephemeral()
    materialize([made], instance=instance)
    entry = instance.get_latest_materialization_event(AssetKey("made"))
    assert extract_data_version_from_entry(entry) == DataVersion("v1")
    assert extract_data_provenance_from_entry(entry).code_version == "3"
