"""How long values are held, and how they are looked at after a run."""

from __future__ import annotations

import gc
import weakref

import pytest

from jobnb import (
    In,
    InvariantViolationError,
    Nothing,
    graph,
    job,
    op,
)
from jobnb.execution.result import MissingOutputError


@op
def one():
    return 1


@op
def plus(x):
    return x + 1


class Big:
    """A value whose life can be watched."""


@pytest.mark.parametrize("keep", [True, False])
def test_a_value_lives_until_its_last_reader(keep):
    alive = []
    watched = []

    @op
    def make():
        value = Big()
        watched.append(weakref.ref(value))
        return value

    @op
    def read(x):
        return 1

    @op(ins={"go": In(Nothing)})
    def look():
        gc.collect()
        alive.append(watched[0]() is not None)

    @job
    def chain():
        big = make()
        first = read(big)
        second = read.alias("second")(big)
        look([first, second])

    result = chain.execute_in_process(keep_outputs=keep)
    assert alive == [keep]
    if keep:
        assert isinstance(result.output_for_node("make"), Big)
    else:
        with pytest.raises(MissingOutputError, match="keep_outputs=True"):
            result.output_for_node("make")


def test_a_value_that_nobody_reads_is_dropped_at_once():
    refs = []

    @op
    def make():
        value = Big()
        refs.append(weakref.ref(value))
        return value

    @op
    def look():
        gc.collect()
        return refs[0]() is None

    @job
    def loose():
        make()
        look()

    result = loose.execute_in_process(keep_outputs=False)
    gc.collect()
    assert refs[0]() is None
    assert result.success


def test_outputs_inside_nested_graphs():
    @graph
    def inner(x):
        return plus(x)

    @graph
    def outer(x):
        return inner(plus(x))

    @job
    def nested():
        outer(one())

    result = nested.execute_in_process()
    names = ("outer", "outer.inner", "outer.plus", "outer.inner.plus")
    assert [result.output_for_node(name) for name in names] == [3, 3, 2, 3]
    assert {e.step_key for e in result.events_for_node("outer")} == {
        "outer.plus",
        "outer.inner.plus",
    }
    with pytest.raises(InvariantViolationError, match="no node 'outr'"):
        result.output_for_node("outr")
    with pytest.raises(InvariantViolationError, match="no output 'nope'"):
        result.output_for_node("one", "nope")
