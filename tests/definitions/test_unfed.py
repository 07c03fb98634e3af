"""Inputs of a job that nothing can ever feed are told where the job is written."""

from __future__ import annotations

from typing import Any

import pytest

from jobnb import (
    AssetIn,
    Definitions,
    GraphDefinition,
    In,
    InvalidDefinitionError,
    InvalidInvocationError,
    JobDefinition,
    Nothing,
    graph,
    graph_asset,
    job,
    mem_io_manager,
    op,
)


class Thing:
    """Something that no config can say."""


@op
def make_thing() -> Thing:
    return Thing()


@op
def use(thing: Thing):
    return thing


@op
def join(first: Thing, second: Thing):
    return first, second


@graph
def using(thing):
    return use(thing)


@graph
def lonely():
    use()


def as_job(compose):
    return lambda: job(name="j")(compose)


def composed(of: Any):
    def compose():
        of()

    return compose


def half_fed():
    join(make_thing())


@pytest.mark.parametrize(
    ("make", "place"),
    [
        (as_job(composed(use)), "'use'"),
        (as_job(half_fed), "'second' of 'join'"),
        (as_job(composed(lonely)), "'lonely.use'"),
        (as_job(composed(using)), "'using.use'"),
        (lonely.to_job, "'use'"),
        (lonely.execute_in_process, "'use'"),
        (lambda: JobDefinition(GraphDefinition("g", node_defs=[use])), "'use'"),
    ],
)
def test_a_type_that_config_cannot_say_must_be_fed(make, place):
    with pytest.raises(InvalidDefinitionError, match=rf"{place}.*'Thing' cannot come from") as told:
        make()
    assert "make it a parameter of the job" in str(told.value)


def test_all_of_them_are_told_at_once():
    with pytest.raises(InvalidDefinitionError, match=r"(?s)'first' of 'join'.*'second' of 'join'"):
        as_job(composed(join))()


def test_what_config_a_default_or_a_manager_can_give_needs_nothing_else():
    @op(
        ins={
            "kept": In(Thing, default_value=None),
            "loaded": In(Thing, input_manager_key="store"),
            "after": In(Nothing),
        }
    )
    def fine(kept, loaded, count: int, anything, words: list[str]):
        return count

    @job(resource_defs={"store": mem_io_manager})
    def j():
        fine()

    assert j.nodes[0].name == "fine"


def test_a_graph_alone_and_a_parameter_of_the_job_may_wait():
    @job
    def later(thing):
        using(thing)

    thing = Thing()
    found = later.execute_in_process(input_values={"thing": thing})
    assert found.output_for_node("using") is thing
    assert lonely.nodes[0].name == "use"


def test_assets_of_a_graph_are_checked_with_their_definitions():
    @graph_asset
    def first():
        return use()

    @graph_asset(ins={"thing": AssetIn("first")})
    def second(thing):
        return join(thing)

    with pytest.raises(
        InvalidDefinitionError, match=r"(?s)first.*'use'.*second.*'second' of 'join'"
    ):
        Definitions(assets=[first, second])


def test_a_parameter_of_a_job_without_a_value_is_a_wrong_call_too():
    @job
    def later(thing):
        use(thing)

    with pytest.raises(InvalidInvocationError, match="input_values"):
        later.execute_in_process()
