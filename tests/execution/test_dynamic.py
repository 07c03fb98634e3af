"""Dynamic outputs: mapping over them, collecting them, and what is left when some do not come."""

from __future__ import annotations

import pytest

from jobnb import (
    DynamicOut,
    DynamicOutput,
    InvariantViolationError,
    Out,
    Output,
    RetryPolicy,
    StepOutputNotFoundError,
    graph,
    job,
    op,
)
from tests.execution.told import of_kind, told


@op(out=DynamicOut())
def three():
    for number in range(3):
        yield DynamicOutput(number, f"k{number}")


@op(out=DynamicOut())
def none_at_all():
    if False:
        yield DynamicOutput(1, "never")


@op
def ten(x):
    return x * 10


@op
def listed(xs):
    return xs


def fail_at(number):
    @op(name=f"fails_at_{number}")
    def failing(x):
        if x == number:
            raise ValueError(f"no {x}")
        return x

    return failing


def test_map_and_collect_keep_the_order_of_the_elements():
    @job
    def fan():
        listed(three().map(ten).map(ten.alias("again")).collect())

    result = fan.execute_in_process()
    assert result.output_for_node("three") == {"k0": 0, "k1": 1, "k2": 2}
    assert result.output_for_node("again") == {"k0": 0, "k1": 100, "k2": 200}
    assert result.output_for_node("listed") == [0, 100, 200]


def test_a_function_can_map_with_values_from_outside():
    @op
    def add(x, y):
        return x + y

    @op
    def hundred():
        return 100

    @job
    def fan():
        offset = hundred()
        listed(three().map(lambda x: add(ten(x), offset)).collect())

    assert fan.execute_in_process().output_for_node("listed") == [100, 110, 120]


def test_collecting_the_dynamic_output_itself():
    @op(out=DynamicOut(int))
    def returned():
        return [DynamicOutput(1, "a"), DynamicOutput(2, "b")]

    @job
    def fan():
        listed(returned().collect())

    assert fan.execute_in_process().output_for_node("listed") == [1, 2]


def test_zero_elements_are_an_empty_list():
    @job
    def fan():
        listed(none_at_all().map(ten).collect())

    result = fan.execute_in_process()
    assert result.output_for_node("listed") == []
    assert result.output_for_node("none_at_all") == {}
    assert "STEP_SKIPPED listed" not in told(result)


@pytest.mark.parametrize("way", ["yields", "returns"])
@pytest.mark.parametrize("mapped", [True, False])
def test_an_optional_output_without_elements_is_missing_and_who_collects_it_is_skipped(way, mapped):
    @op(out=DynamicOut(is_required=False))
    def nothing():
        return []

    @op(out=DynamicOut(is_required=False))
    def yields_nothing():
        yield from ()

    @op
    def ran_too():
        return 1

    @op
    def pair(one, many):
        return one, many

    @job
    def optional():
        elements = (yields_nothing if way == "yields" else nothing)()
        many = elements.map(ten).collect() if mapped else elements.collect()
        listed(many)
        pair(ran_too(), many)

    result = optional.execute_in_process()
    assert result.is_node_skipped("listed")
    assert result.is_node_skipped("pair")
    assert result.output_for_node("ran_too") == 1


def test_a_failing_element_skips_its_own_rest_and_the_collector_only():
    failing = fail_at(1)

    @job
    def fan():
        listed(three().map(lambda x: ten(failing(x))).collect())

    result = fan.execute_in_process(raise_on_error=False)
    assert result.get_failed_step_keys() == {"fails_at_1[k1]"}
    assert result.output_for_node("ten") == {"k0": 0, "k2": 20}
    assert [e.step_key for e in result.get_step_skipped_events()] == ["ten[k1]", "listed"]


def test_an_element_that_fails_after_its_output_feeds_nobody():
    """What it had yielded before it failed is not handed on."""

    @op
    def late(x):
        yield Output(x)
        raise ValueError("late")

    @job
    def fan():
        three().map(lambda x: ten(late(x)))

    result = fan.execute_in_process(raise_on_error=False)
    assert len(result.get_failed_step_keys()) == 3
    assert not [e for e in result.get_step_success_events() if e.step_key.startswith("ten")]


def test_an_optional_element_is_left_out_of_the_list():
    @op(out=Out(is_required=False))
    def odd_only(x):
        if x % 2:
            yield Output(x)

    @job
    def fan():
        listed(three().map(lambda x: ten(odd_only(x))).collect())

    result = fan.execute_in_process()
    assert result.output_for_node("listed") == [10]
    assert [e.step_key for e in result.get_step_skipped_events()] == ["ten[k0]", "ten[k2]"]


def test_when_no_element_gives_anything_the_collector_is_skipped():
    @op(out=Out(is_required=False))
    def never(x):
        if x is None:
            yield Output(x)

    @job
    def fan():
        listed(three().map(never).collect())

    result = fan.execute_in_process()
    assert result.is_node_skipped("listed")
    with pytest.raises(StepOutputNotFoundError):
        result.output_for_node("never")


def test_a_generator_that_fails_half_way_maps_nothing():
    @op(out=DynamicOut())
    def broken():
        yield DynamicOutput(1, "a")
        raise ValueError("half way")

    @job
    def fan():
        listed(broken().map(ten).collect())

    result = fan.execute_in_process(raise_on_error=False)
    assert result.is_node_skipped("ten")
    assert result.is_node_skipped("listed")


def test_a_retry_starts_the_elements_afresh():
    @op(out=DynamicOut(), retry_policy=RetryPolicy(max_retries=1))
    def shaky(context):
        if context.retry_number == 0:
            yield DynamicOutput("old", "gone")
            raise ValueError("once")
        yield DynamicOutput("new", "kept")

    @job
    def fan():
        listed(shaky().collect())

    result = fan.execute_in_process()
    assert result.output_for_node("shaky") == {"kept": "new"}
    assert result.output_for_node("listed") == ["new"]


@pytest.mark.parametrize("way", ["yielded", "returned", "in_a_tuple"])
def test_two_elements_of_one_key_are_refused(way):
    twice = [DynamicOutput(1, "same"), DynamicOutput(2, "same")]
    if way == "in_a_tuple":

        @op(out={"result": DynamicOut(), "other": Out()})
        def doubled():
            return twice, 1
    elif way == "returned":

        @op(out=DynamicOut())
        def doubled():
            return twice
    else:

        @op(out=DynamicOut())
        def doubled():
            yield from twice

    @job
    def fan():
        doubled()

    with pytest.raises(InvariantViolationError, match="mapping_key 'same'"):
        fan.execute_in_process()


def test_a_dynamic_output_beside_a_plain_one_and_a_mapped_graph():
    @op(out={"parts": DynamicOut(), "suffix": Out()})
    def split():
        yield DynamicOutput("a", "k1", "parts")
        yield Output("!", "suffix")
        yield DynamicOutput("b", "k2", "parts")

    @op
    def shout(x, suffix):
        return x.upper() + suffix

    @op
    def twice(x):
        return x * 2

    @graph
    def loud(x, suffix):
        return twice(shout(x, suffix))

    @job
    def fan():
        parts, suffix = split()
        listed(parts.map(lambda x: loud(x, suffix)).collect())

    result = fan.execute_in_process()
    assert result.output_for_node("listed") == ["A!A!", "B!B!"]
    assert result.output_for_node("loud") == {"k1": "A!A!", "k2": "B!B!"}
    assert result.output_for_node("loud.shout") == {"k1": "A!", "k2": "B!"}
    assert result.output_for_node("split", "parts") == {"k1": "a", "k2": "b"}


def test_the_op_sees_its_mapping_key():
    @op
    def key(context, x):
        return context.get_mapping_key(), context.step_key

    @job
    def fan():
        three().map(key)

    assert fan.execute_in_process().output_for_node("key")["k1"] == ("k1", "key[k1]")


def test_metadata_of_one_element_only():
    @op(out=DynamicOut())
    def parts(context):
        context.add_output_metadata({"first": True}, mapping_key="a")
        yield DynamicOutput(1, "a")
        yield DynamicOutput(2, "b")

    @job
    def fan():
        parts()

    found = of_kind(fan.execute_in_process(), "STEP_OUTPUT")
    assert [sorted(e.metadata) for e in found] == [["first"], []]
