"""Values of Dagster that programs compare, keep as text, and read from events."""

from __future__ import annotations

import typing

import pytest

from jobnb import (
    AssetKey,
    AssetMaterialization,
    GraphDefinition,
    InvalidInvocationError,
    RetryPolicy,
    RetryRequested,
    RunRequest,
    SensorResult,
    TimeWindowPartitionMapping,
    dagster_compat,
    op,
)


@pytest.fixture
def dagster():
    dagster_compat.install()
    try:
        import dagster

        yield dagster
    finally:
        dagster_compat.uninstall()


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
