"""Checks of partitioned assets: they see the partition of the run, and tell which one it was."""

from __future__ import annotations

import pytest

from jobnb import (
    AllPartitionMapping,
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSpec,
    AssetIn,
    Definitions,
    Instance,
    Output,
    PartitionKeyRange,
    StaticPartitionsDefinition,
    asset,
    asset_check,
    materialize,
)

LETTERS = StaticPartitionsDefinition(["a", "b", "c"])
NUMBERS = StaticPartitionsDefinition(["1", "2"])
seen: list = []


@pytest.fixture(autouse=True)
def _nothing_seen():
    seen.clear()


@pytest.fixture
def instance(home):
    with Instance.from_home(home) as instance:
        yield instance


@asset(partitions_def=LETTERS)
def letters(context):
    keys = context.partition_keys
    return keys[0] if len(keys) == 1 else {key: key for key in keys}


@asset
def plain():
    return "plain"


@asset_check(asset=letters)
def look(context: AssetCheckExecutionContext, value):
    assert isinstance(context, AssetCheckExecutionContext)
    assert [spec.name for spec in context.check_specs] == ["look"]
    seen.append((context.partition_keys if context.has_partitions else None, value))
    return True


@asset_check(asset=plain)
def look_plain(plain):
    return True


MADE = [letters, plain, look, look_plain]
CHECKS = Definitions(assets=MADE).job_of_assets("checks", "checks()")


def partitions(result):
    return {e.check_name: e.partition for e in result.get_asset_check_evaluations()}


def test_a_check_sees_the_partition_that_the_run_makes(instance):
    result = materialize(MADE, partition_key="b", instance=instance)
    assert seen == [(["b"], "b")]
    # An asset without partitions has none in a run that is for one either.
    assert partitions(result) == {"look": "b", "look_plain": None}


def test_a_check_alone_sees_the_stored_value_of_its_partition(instance):
    runs = {key: materialize(MADE, partition_key=key, instance=instance) for key in "ba"}
    seen.clear()
    result = CHECKS.execute_in_process(instance=instance, partition_key="b")
    assert seen == [(["b"], "b")]
    assert partitions(result) == {"look": "b", "look_plain": None}
    of_letters = next(e for e in result.get_asset_check_evaluations() if e.partition)
    assert of_letters.target_materialization_data[1] == runs["b"].run_id


def test_a_range_is_looked_at_as_one_and_names_no_single_partition(instance):
    ends = PartitionKeyRange("a", "b")
    result = materialize(MADE, partition_key=ends, instance=instance)
    assert partitions(result)["look"] is None
    assert seen == [(["a", "b"], {"a": "a", "b": "b"})]
    seen.clear()
    alone = CHECKS.execute_in_process(instance=instance, partition_key=ends)
    assert seen == [(["a", "b"], {"a": "a", "b": "b"})]
    assert partitions(alone)["look"] is None


def test_without_a_partition_a_check_looks_at_all_that_were_made(instance):
    for key in "ca":
        materialize([letters], partition_key=key, instance=instance)
    only = Definitions(assets=MADE).job_of_assets("checks", "checks(letters)")
    only.execute_in_process(instance=instance)
    assert seen == [(None, {"a": "a", "c": "c"})]


def test_other_assets_are_read_by_their_partition_mapping(instance):
    @asset(partitions_def=NUMBERS)
    def numbers(context):
        return int(context.partition_key)

    every = AssetIn("numbers", partition_mapping=AllPartitionMapping())

    @asset_check(asset=letters, additional_ins={"numbers": every})
    def enough(letters, numbers):
        seen.append((letters, numbers))
        return True

    for key in "12":
        materialize([numbers], partition_key=key, instance=instance)
    made = [letters, numbers, enough]
    materialize(made, partition_key="a", instance=instance, selection="letters")
    assert seen == [("a", {"1": 1, "2": 2})]


def test_an_assets_own_check_names_the_partition():
    @asset(partitions_def=LETTERS, check_specs=[AssetCheckSpec("own", asset="made")])
    def made():
        yield Output(1)
        yield AssetCheckResult(passed=True)

    assert partitions(materialize([made], partition_key="c")) == {"own": "c"}
