"""Requests for runs of a partition: their config and tags, as schedules and sensors use them."""

from __future__ import annotations

import pytest

from jobnb import (
    AddDynamicPartitionsRequest,
    DeleteDynamicPartitionsRequest,
    DynamicPartitionsDefinition,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    RunRequest,
    StaticPartitionsDefinition,
    UnknownPartitionError,
    daily_partitioned_config,
    define_asset_job,
    job,
    op,
)


@daily_partitioned_config("2013-01-01", tags_for_partition_fn=lambda s, _e: {"d": f"{s:%a}"})
def of_day(start, _end):
    return {"ops": {"load": {"config": {"day": f"{start:%Y-%m-%d}"}}}}


@op(config_schema={"day": str})
def load(context):
    return context.op_config["day"], context.partition_key


@job(config=of_day)
def daily():
    load()


def test_a_request_gets_the_config_and_the_tags_of_its_partition():
    request = RunRequest("k", tags={"x": "y", "d": "own"}, partition_key="2013-01-05")
    assert not request.has_resolved_partition()
    resolved = request.with_resolved_tags_and_config(daily, [])
    assert resolved.has_resolved_partition()
    assert resolved.run_config == {"ops": {"load": {"config": {"day": "2013-01-05"}}}}
    assert resolved.tags == {
        "x": "y",
        "d": "Sat",
        "dagster/partition": "2013-01-05",
        "dagster/partition_set": "daily_partition_set",
    }
    assert (resolved.run_key, resolved.job_name) == ("k", None)
    done = daily.execute_in_process(
        run_config=resolved.run_config, tags=resolved.tags, partition_key=resolved.partition_key
    )
    assert done.output_for_node("load") == ("2013-01-05", "2013-01-05")


def test_a_job_tells_the_config_and_the_tags_of_a_partition():
    assert daily.get_run_config_for_partition_key("2013-01-05") == {
        "ops": {"load": {"config": {"day": "2013-01-05"}}}
    }
    assert daily.get_tags_for_partition_key("2013-01-05")["d"] == "Sat"

    @job(
        partitions_def=StaticPartitionsDefinition(["a"]),
        config={"ops": {"load": {"config": {"day": "any"}}}},
    )
    def same():
        load()

    assert same.get_run_config_for_partition_key("a")["ops"]["load"]["config"]["day"] == "any"
    done = same.execute_in_process(partition_key="a")
    assert done.output_for_node("load") == ("any", "a")


def test_config_that_a_request_brings_stays():
    own = {"ops": {"load": {"config": {"day": "mine"}}}}
    request = RunRequest(run_config=own, partition_key="2013-01-05")
    assert request.with_resolved_tags_and_config(daily, []).run_config == own


def test_a_request_without_or_with_an_unknown_partition_is_refused():
    with pytest.raises(InvalidInvocationError, match="names no partition"):
        RunRequest().with_resolved_tags_and_config(daily, [])
    with pytest.raises(UnknownPartitionError, match="'2013-01-5'. The next one is '2013-01-05'"):
        RunRequest(partition_key="2013-01-5").with_resolved_tags_and_config(daily, [])

    @job
    def plain():
        load()

    with pytest.raises(InvalidDefinitionError, match="'plain' has no partitions"):
        RunRequest(partition_key="a").with_resolved_tags_and_config(plain, [])


def test_keys_that_come_or_go_along_with_the_run_count():
    @job(partitions_def=DynamicPartitionsDefinition(name="customers"))
    def customers():
        load()

    added = AddDynamicPartitionsRequest("customers", ["acme"])
    gone = DeleteDynamicPartitionsRequest("customers", ["bolt"])
    elsewhere = AddDynamicPartitionsRequest("others", ["core"])
    with Instance.ephemeral() as instance:
        instance.add_dynamic_partitions("customers", ["bolt", "dyne"])

        def resolve(key):
            request = RunRequest(partition_key=key)
            return request.with_resolved_tags_and_config(
                customers, [added, gone, elsewhere], dynamic_partitions_store=instance
            ).tags["dagster/partition"]

        assert resolve("acme") == "acme"
        assert resolve("dyne") == "dyne"
        for key in ("bolt", "core"):
            with pytest.raises(UnknownPartitionError, match=key):
                resolve(key)


def test_an_asset_job_gives_the_tags_of_its_own_partitions():
    letters = StaticPartitionsDefinition(["a", "b"])
    work = define_asset_job("work", partitions_def=letters)
    resolved = RunRequest(partition_key="a").with_resolved_tags_and_config(work, [])
    assert resolved.tags["dagster/partition"] == "a"


def test_parts_of_a_request_are_replaced_by_name():
    request = RunRequest("k", tags={"x": "y"}, partition_key="a")
    assert repr(request.with_replaced_attrs(run_key="q", job_name="j")) == (
        "RunRequest(run_key='q', tags={'x': 'y'}, job_name='j', partition_key='a')"
    )
    with pytest.raises(InvalidInvocationError, match="no 'run_keys'. Did you mean 'run_key'"):
        request.with_replaced_attrs(run_keys="q")
