"""What definitions say of their inputs, outputs and parts, under the names that readers know."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetIn,
    AssetOut,
    DynamicOut,
    In,
    InvariantViolationError,
    Nothing,
    Out,
    ResourceDefinition,
    asset,
    build_output_context,
    graph,
    job,
    op,
)


@op(ins={"x": In(int, "a number")}, out={"y": Out(int), "z": Out(is_required=False)})
def divided(x, by=2): ...


@op
def same(x: int) -> int:
    return x


@graph
def inner(q):
    return same(q)


@graph
def outer(start):
    """Two."""
    return inner(divided(start)[0])


def test_inputs_and_outputs_of_an_op_have_names():
    x, by = divided.input_defs
    assert (x.name, x.dagster_type.display_name, x.description) == ("x", "Int", "a number")
    assert (x.has_default_value, by.has_default_value, by.default_value) == (False, True, 2)
    assert [(out.name, out.is_required) for out in divided.output_defs] == [
        ("y", True),
        ("z", False),
    ]
    assert list(divided.input_dict) == ["x", "by"]
    assert divided.output_def_named("z") == divided.output_dict["z"]
    assert (divided.has_input("x"), divided.has_output("x")) == (True, False)
    with pytest.raises(InvariantViolationError, match="no output 'zz'. Did you mean 'z'"):
        divided.output_def_named("zz")


def test_inputs_and_outputs_of_a_graph_have_the_types_of_what_is_in_it():
    (start,), (result,) = outer.input_defs, outer.output_defs
    assert (start.name, start.dagster_type.display_name) == ("start", "Int")
    assert (result.name, result.dagster_type.display_name) == ("result", "Int")
    assert not result.is_dynamic


def test_a_dynamic_output_of_a_graph_is_dynamic():
    @op(out=DynamicOut(int))
    def parts(): ...

    @graph
    def spreading():
        return parts()

    assert spreading.output_defs[0].is_dynamic


def test_a_job_knows_the_definitions_in_it_at_every_depth():
    @job
    def whole():
        outer(same())

    assert [each.name for each in whole.all_node_defs] == ["same", "outer", "divided", "inner"]
    assert [each.name for each in whole.top_level_node_defs] == ["same", "outer"]
    assert (whole.has_node_named("outer"), whole.has_node_named("inner")) == (True, False)
    assert set(whole.dependencies) == {"same", "outer"}
    assert [each.name for each in outer.iterate_op_defs()] == ["divided", "same"]


class Odd:
    def __eq__(self, other):
        raise ValueError("ambiguous")

    __hash__ = None


@pytest.mark.parametrize("make", [In, Out, AssetIn, AssetOut, DynamicOut])
def test_places_are_compared_by_what_they_say(make):
    one = make(dagster_type=int, metadata={"a": 1})
    same_again, other = make(dagster_type=int, metadata={"a": 1}), make(dagster_type=str)
    assert (one == same_again, one == other) == (True, False)
    assert hash(one) == hash(same_again)


def test_a_default_that_cannot_be_compared_is_equal_to_itself_alone():
    odd = Odd()
    assert In(default_value=odd) == In(default_value=odd)
    assert In(default_value=odd) != In(default_value=Odd())
    assert Out() != DynamicOut()


def test_what_an_asset_says_of_its_op():
    @asset
    def orders(): ...

    @asset(deps=[orders], required_resource_keys={"s3"}, io_manager_key="lake")
    def sums(): ...

    @asset(resource_defs={"mailer": ResourceDefinition.hardcoded_resource(1)})
    def mailed(orders): ...

    assert list(sums.input_names) == ["orders"]
    assert sums.node_keys_by_input_name == {"orders": orders.key}
    assert sums.node_keys_by_output_name == {"result": sums.key}
    assert sums.get_io_manager_key_for_asset_key(sums.key) == "lake"
    assert sums.required_resource_keys == {"s3", "lake"}
    assert mailed.required_resource_keys == {"io_manager", "mailer"}


def test_a_type_says_whether_it_brings_a_value():
    assert Nothing.is_nothing
    assert not same.input_defs[0].dagster_type.is_nothing
    assert same.input_defs[0].dagster_type.is_scalar


def test_older_names_of_identifiers():
    context = build_output_context(name="r", step_key="s", run_id="1")
    assert context.get_output_identifier() == ["1", "s", "r"]
    of_asset = build_output_context(asset_key=["a", "b"])
    assert of_asset.get_asset_output_identifier() == ["a", "b"]
