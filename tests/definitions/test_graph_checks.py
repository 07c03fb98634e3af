"""What is wrong with a graph or an op whatever is run is told where it is written."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pytest

from jobnb import (
    DataType,
    DependencyDefinition,
    DynamicOut,
    DynamicOutput,
    GraphDefinition,
    GraphOut,
    In,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    MultiDependencyDefinition,
    NodeInvocation,
    Nothing,
    Optional,
    Out,
    graph,
    job,
    op,
)


@op
def one():
    return 1


@op
def echo(x):
    return x


@op
def add(x, y):
    return x + y


@op(out=DynamicOut())
def parts():
    yield DynamicOutput(1, mapping_key="a")


@op(out=DynamicOut())
def more(x):
    yield DynamicOutput(x, mapping_key="b")


@pytest.mark.parametrize(
    ("dependencies", "told"),
    [
        ({"echo": {"x": DependencyDefinition("echo")}}, "'echo' -> 'echo'"),
        (
            {
                NodeInvocation("echo", alias="a"): {"x": DependencyDefinition("b")},
                NodeInvocation("echo", alias="b"): {"x": DependencyDefinition("a")},
            },
            "wait for each other: 'a' -> 'b' -> 'a'|'b' -> 'a' -> 'b'",
        ),
    ],
)
def test_nodes_that_wait_for_each_other(dependencies, told):
    with pytest.raises(InvalidDefinitionError, match=told):
        GraphDefinition("circle", node_defs=[echo], dependencies=dependencies)


@pytest.mark.parametrize(
    ("node_defs", "told"),
    [
        (["x"], "'x', which is no op and no graph"),
        ([test_nodes_that_wait_for_each_other], "Decorate it with @op"),
        ([echo.alias("other")], "a use of 'echo', not the definition itself"),
        (echo, "is a list of ops and graphs"),
    ],
)
def test_what_is_no_op_and_no_graph(node_defs, told):
    with pytest.raises(InvalidDefinitionError, match=told):
        GraphDefinition("odd", node_defs=node_defs)
    assert GraphDefinition("same", node_defs=[one, one]).node_dict.keys() == {"one"}


def map_in_map():
    parts().map(lambda x: parts().map(lambda y: add(x, y)))


def spread_in_map():
    parts().map(lambda x: more(x).map(echo))


def collect_in_map():
    elements = parts()
    elements.map(lambda x: add(x, elements.collect()))


@pytest.mark.parametrize("body", [map_in_map, spread_in_map, collect_in_map])
def test_a_map_inside_a_map(body):
    with pytest.raises(InvalidDefinitionError, match="does not fit together"):
        job(body)


def test_maps_one_after_another_are_fine():
    @job
    def chained():
        again = parts().map(lambda x: add(x, echo(x)))
        more(again.collect()).map(echo)

    assert chained.execute_in_process().success


def test_an_input_of_a_graph_that_goes_nowhere():
    with pytest.raises(InvalidDefinitionError, match="takes 'y', 'z' and hands it to nothing"):

        @graph
        def half(x, y, z):
            echo(x)


@pytest.mark.parametrize(
    "use",
    [
        lambda: one().alias("p"),
        lambda: one().with_hooks(set()),
        lambda: one().tag({"a": "b"}),
        lambda: tuple(one()),
        lambda: one()[0],
    ],
)
def test_an_output_is_no_op_and_no_value(use):
    for kind in (InvalidInvocationError, InvariantViolationError):
        with pytest.raises(kind, match="'one'"):
            job(name="odd")(use)


def test_only_a_dynamic_output_can_be_mapped():
    with pytest.raises(AttributeError, match="Only a dynamic output has it: out=DynamicOut"):
        job(name="odd")(lambda: one().map(echo))


@pytest.mark.parametrize(
    "use", [lambda: one.alias("other"), lambda: one.tag({"a": "b"}), lambda: one.alias("x").tag({})]
)
def test_a_use_that_is_not_invoked_is_told(use):
    with pytest.warns(UserWarning, match=r"a use of 'one' that is not invoked"):
        job(name="odd")(lambda: (one(), use())[:1])


def test_a_use_that_is_invoked_is_not_told():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        job(name="fine")(lambda: one.alias("other").tag({"a": "b"})())


@pytest.mark.parametrize("decorator", [graph, job])
def test_a_plain_tuple_of_outputs_is_returned_as_the_first(decorator):
    @decorator
    def several():
        first = one()
        return first, echo(first)

    result = several.execute_in_process()
    assert (result.output_value(), result.output_for_node("echo")) == (1, 1)


def test_a_tuple_fills_the_outputs_that_are_declared():
    @graph(out={"a": GraphOut(), "b": GraphOut()})
    def several():
        return one(), one.alias("again")()

    assert [each.name for each in several.output_defs] == ["a", "b"]


def starred(context, *args): ...


def annotated(**notes):
    """A function with these annotations; those written in this file are texts."""

    def fn(x=None): ...

    fn.__annotations__ = {name.replace("returned", "return"): note for name, note in notes.items()}
    return fn


TWO = {"a": Out(), "b": Out()}


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: op(starred), r"takes \*args"),
        (
            lambda: op(out=TWO)(annotated(returned=int)),
            "has 2 outputs, but it is said to",
        ),
        (lambda: op(out=TWO)(annotated(returned=tuple[int, int, int])), "a tuple of 3"),
        (lambda: op(annotated(returned=DynamicOutput[int])), "one DynamicOutput"),
        (lambda: op(annotated(returned="DynamicOutput[int]")), "one DynamicOutput"),
        (lambda: op(annotated(x=None)), "'x' is annotated with None"),
        (lambda: Out("foo"), "'foo', which is no type"),
        (lambda: In(3), "3, which is no type"),
        (lambda: Out(Optional[Nothing]), "holds Nothing"),
    ],
)
def test_an_op_that_cannot_be_right(make, told):
    with pytest.raises(InvalidDefinitionError, match=told):
        make()


def of_type(name):
    """A type whose check is written on a line of its own in each call of it."""
    return DataType(lambda _, value: True, name=name)


def test_two_types_of_one_name_in_a_job():
    first, again = of_type("Foo"), of_type("Foo")
    other = DataType(lambda _, value: value is not None, name="Foo")

    def work(one_type, another_type):
        made = op(name="made", out=Out(one_type))(lambda: 1)
        taken = op(name="taken", ins={"x": In(another_type)})(lambda x: x)
        return job(name="work")(lambda: taken(made()))

    with pytest.raises(InvalidDefinitionError, match="Two types are called 'Foo'"):
        work(first, other)
    assert work(first, first).execute_in_process().success
    assert work(first, again).execute_in_process().success  # the same lines, run twice
    assert work(first, of_type("Bar")).execute_in_process().success


@op(out=DynamicOut())
def pieces(x=None):
    yield DynamicOutput(1, "a")


@pytest.mark.parametrize("kind", [int, str, dict, dict[str, int], tuple, set[int], DataType])
def test_what_gets_a_list_may_not_be_of_a_type_that_rules_it_out(kind):
    @op
    def reads(x: kind):
        return x

    def of_several():
        reads([one(), one.alias("two")()])

    def of_all():
        reads(pieces().collect())

    for compose in (of_several, of_all):
        with pytest.raises(InvalidDefinitionError, match="'x' of 'reads' gets a list"):
            job(compose)
    with pytest.raises(InvalidDefinitionError, match="'x' of 'reads' gets a list"):
        GraphDefinition(
            "g",
            node_defs=[one, reads],
            dependencies={"reads": {"x": MultiDependencyDefinition([DependencyDefinition("one")])}},
        )


@pytest.mark.parametrize("kind", [list, list[int], Optional[list[int]], Any, Sequence[int]])
def test_lists_of_any_form_may_be_fed_by_several(kind):
    @op
    def reads(x: kind):
        return len(x)

    @job
    def j():
        reads([one(), one.alias("two")()])
        reads.alias("again")(pieces().collect())

    assert j.execute_in_process().output_for_node("reads") == 2


def test_a_map_within_a_map_is_told_across_nested_graphs():
    @graph
    def inner(x):
        return echo(pieces(x).map(echo.alias("within")).collect())

    @graph
    def middle(x):
        return inner(x)

    with pytest.raises(
        InvalidDefinitionError, match=r"'middle.inner.within' takes elements of two"
    ):

        @job
        def j():
            pieces.alias("outer")().map(middle)


def test_a_warning_of_a_use_that_is_not_invoked_points_at_the_users_line():
    for decorate in (graph, graph(name="g"), job, job(name="g")):
        with pytest.warns(UserWarning, match="uninvoked 'late'") as told:

            @decorate
            def forgets():
                one()
                one.alias("late")

        assert {each.filename for each in told} == {__file__}
