"""What IO managers are told of the definition, of the value and of the asset."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetKey,
    AssetSpec,
    IntMetadataValue,
    InvalidDefinitionError,
    InvalidInvocationError,
    IOManager,
    Out,
    Output,
    ResourceDefinition,
    StaticPartitionsDefinition,
    asset,
    build_input_context,
    build_output_context,
    graph_asset,
    materialize,
    op,
)
from jobnb.definitions.partitions.partition_keys import PartitionKeyRange


class Told(IOManager):
    """Keeps what it was told, by the name of what it stored or loaded."""

    def __init__(self):
        self.stored, self.loaded = {}, {}

    def handle_output(self, context, obj):
        self.stored[context.asset_key.to_user_string()] = context

    def load_input(self, context):
        self.loaded[context.name] = context
        return 1


@op(out=Out(metadata={"op": 1}))
def one():
    return Output(1, metadata={"rows": 5})


@graph_asset(metadata={"own": 2}, group_name="shop")
def made():
    return one()


@asset
def after(context, made):
    context.add_output_metadata({"added": 7})
    return made


def test_the_metadata_of_the_asset_and_of_the_value_are_told():
    told = Told()
    materialize([made, after], resources={"io_manager": told})
    stored = told.stored["made"]
    assert stored.definition_metadata == stored.metadata == {"op": 1, "own": 2}
    assert stored.output_metadata == {"rows": IntMetadataValue(5)}
    assert stored.asset_spec.group_name == "shop"
    assert told.stored["after"].output_metadata == {"added": IntMetadataValue(7)}
    assert told.loaded["made"].upstream_output.metadata == {"op": 1, "own": 2}


def test_an_asset_that_the_run_does_not_make_is_told_of_by_its_name():
    told = Told()
    materialize([made, after], selection="after", resources={"io_manager": told})
    upstream = told.loaded["made"].upstream_output
    assert (upstream.name, upstream.metadata) == ("made", {"op": 1, "own": 2})


def test_metadata_that_was_added_to_an_asset_later_is_told_too():
    @asset(metadata={"first": 1})
    def plain():
        return 1

    told = Told()
    more = plain.with_attributes(metadata_by_key={AssetKey("plain"): {"second": 2}})
    materialize([more], resources={"io_manager": told})
    assert told.stored["plain"].metadata == {"first": 1, "second": 2}


def test_a_resource_that_is_no_io_manager_is_told_by_name():
    wrong = {"io_manager": ResourceDefinition.hardcoded_resource(3)}
    with pytest.raises(
        InvalidDefinitionError, match="'io_manager' is no IO manager: 'int' has no handle"
    ):
        materialize([made], resources=wrong)
    with pytest.raises(InvalidDefinitionError, match="'int' has no load_input"):
        materialize([made, after], selection="after", resources=wrong)


def test_contexts_for_tests_take_all_of_it():
    output = build_output_context(
        asset_key="a",
        asset_partitions_def=StaticPartitionsDefinition(["x", "y", "z"]),
        asset_partition_key_range=PartitionKeyRange("x", "y"),
        definition_metadata={"d": 1},
        output_metadata={"o": 2},
        asset_spec=AssetSpec("a", group_name="g"),
    )
    assert (output.metadata, output.output_metadata) == ({"d": 1}, {"o": IntMetadataValue(2)})
    assert (output.asset_spec.group_name, output.asset_partition_keys) == ("g", ["x", "y"])
    assert build_input_context(definition_metadata={"d": 1}).metadata == {"d": 1}
    with pytest.raises(InvalidInvocationError, match="metadata of an output is a dict, not 'x'"):
        build_output_context(metadata="x")
    with pytest.raises(InvalidInvocationError, match="upstream_output is an OutputContext, not 3"):
        build_input_context(upstream_output=3)
