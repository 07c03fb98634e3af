"""What people write of assets: forms that work, and mistakes that are told in words."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetIn,
    AssetKey,
    Definitions,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    Nothing,
    PartitionKeyRange,
    SourceAsset,
    StaticPartitionsDefinition,
    asset,
    graph_asset,
    job,
    materialize,
    materialize_to_memory,
    mem_io_manager,
    multi_asset,
    op,
)


@pytest.mark.parametrize("path", [3, None, [1], [], "", ["a", ""]])
def test_a_key_is_text_or_a_list_of_texts(path):
    with pytest.raises(InvalidDefinitionError, match="cannot be an asset key"):
        AssetKey(path)


def test_an_input_of_nothing_is_waited_for_and_needs_no_parameter():
    ran = []

    @asset
    def last():
        ran.append("last")

    @asset
    def other():
        return 2

    @asset(ins={"last": AssetIn(dagster_type=Nothing), "x": AssetIn("other")})
    def first(x):
        ran.append("first")
        return x

    result = materialize([first, last, other])
    assert ran == ["last", "first"]
    assert result.asset_value("first") == 2
    assert first.dependency_keys == {AssetKey("last"), AssetKey("other")}
    with pytest.raises(InvalidDefinitionError, match="'y' is declared, but the function"):
        asset(ins={"y": AssetIn("other")})(first.op.function.fn).keys_by_input_name  # noqa: B018


def test_one_io_manager_is_kept():
    both = {"io_manager_def": mem_io_manager, "io_manager_key": "other"}
    with pytest.raises(InvalidDefinitionError, match="io_manager_key 'other'. Keep one"):
        asset(name="a", **both)(lambda: 1)
    with pytest.raises(InvalidDefinitionError, match="io_manager_key 'other'. Keep one"):
        SourceAsset("a", **both)


@pytest.mark.parametrize("given", [3, "orders"])
def test_assets_are_given_as_a_list(given):
    for use in (lambda: materialize(given), lambda: materialize_to_memory(given)):
        with pytest.raises(InvalidDefinitionError, match="Assets are given as a list"):
            use()
    with pytest.raises(InvalidDefinitionError, match="Assets are given as a list"):
        Definitions(assets=given)


def test_one_asset_without_a_list_is_told_how_to_write_it():
    @asset
    def orders():
        return 1

    with pytest.raises(InvalidDefinitionError, match=r"as a list: \[AssetsDefinition\(orders\)\]"):
        materialize(orders)


@pytest.mark.parametrize(
    "define",
    [
        lambda: asset(name="a", hooks={3})(lambda: 1),
        lambda: multi_asset(specs=[], name="a", hooks=[3])(lambda: 1),
        lambda: graph_asset(name="a", hooks=[3])(lambda: op(name="one")(lambda: 1)()),
        lambda: job(name="a", hooks={3})(lambda: None),
    ],
)
def test_hooks_are_hooks(define):
    with pytest.raises(InvalidDefinitionError, match="3 is no hook of"):
        define()


def test_a_range_of_partitions_is_loaded_by_its_own_parameter():
    @asset(partitions_def=StaticPartitionsDefinition(["a", "b", "c"]))
    def parts(context):
        return context.partition_key

    ends = PartitionKeyRange("a", "b")
    with Instance.ephemeral() as instance:
        for key in "abc":
            materialize([parts], partition_key=key, instance=instance)
        with Definitions(assets=[parts]).get_asset_value_loader(instance) as loader:
            loaded = loader.load_asset_value("parts", partition_key_range=ends)
            assert loaded == {"a": "a", "b": "b"}
            with pytest.raises(InvalidInvocationError, match="'c' and a partition_key_range"):
                loader.load_asset_value("parts", partition_key="c", partition_key_range=ends)
