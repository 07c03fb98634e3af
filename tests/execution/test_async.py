"""Asynchronous ops in a run: their order, their errors, and inside a running event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from jobnb import (
    DynamicOut,
    DynamicOutput,
    ExecutionInterruptedError,
    Instance,
    Out,
    Output,
    get_jobnb_logger,
    job,
    op,
)
from tests.execution.told import kinds

PLACE: contextvars.ContextVar[str] = contextvars.ContextVar("PLACE", default="unset")


@op
async def later():
    await asyncio.sleep(0)
    return 1


@op(out={"a": Out(), "b": Out()})
async def both(x):
    yield Output(x, "a")
    await asyncio.sleep(0)
    yield Output(x + 1, "b")


@job
def chain():
    both(later())


def test_coroutines_and_asynchronous_generators():
    result = chain.execute_in_process()
    assert (result.output_for_node("both", "a"), result.output_for_node("both", "b")) == (1, 2)


def test_inside_a_running_loop_as_in_a_notebook():
    async def cell():
        return chain.execute_in_process().success

    assert asyncio.run(cell())


def test_outputs_before_an_error_are_told():
    @op(out={"a": Out(), "b": Out()})
    async def half():
        yield Output(1, "a")
        raise ValueError("half way")

    @job
    def single():
        half()

    result = single.execute_in_process(raise_on_error=False)
    assert kinds(result, "half") == [
        "STEP_START",
        "STEP_OUTPUT",
        "HANDLED_OUTPUT",
        "STEP_FAILURE",
    ]
    assert result.failure_data_for_node("half").error.cause.message == "half way"


def test_an_asynchronous_generator_waits_while_its_item_is_handled():
    """As with a plain generator, what follows a yield runs after the output was stored."""
    events = []

    @op(out=DynamicOut())
    async def parts(context):
        for number in range(3):
            yield DynamicOutput(number, f"k{number}")
            stored = [e for e in context._run.events if e.event_type_value == "HANDLED_OUTPUT"]
            events.append(len(stored))

    @job
    def single():
        parts()

    single.execute_in_process()
    assert events == [1, 2, 3]


def test_its_own_clean_up_runs_when_the_consumer_stops():
    closed = []

    @op(out={"a": Out(int), "b": Out()})
    async def wrong():
        try:
            yield Output("not an int", "a")
            yield Output(2, "b")
        finally:
            closed.append(True)

    @job
    def single():
        wrong()

    assert not single.execute_in_process(raise_on_error=False).success
    assert closed == [True]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_leaving_errors_leave_and_do_not_hang(error):
    @op
    async def leaves():
        raise error

    @job
    def single():
        leaves()

    wanted = ExecutionInterruptedError if error is KeyboardInterrupt else SystemExit
    with Instance.ephemeral() as instance, pytest.raises(wanted):
        single.execute_in_process(instance=instance)


def test_context_variables_and_log_lines_belong_to_the_run():
    @op
    async def looks():
        get_jobnb_logger().info("from a coroutine")
        return PLACE.get()

    @job
    def single():
        looks()

    PLACE.set("the caller's")
    result = single.execute_in_process()
    assert result.output_for_node("looks") == "the caller's"
    assert [line.text for line in result.log_lines] == ["from a coroutine"]


def test_no_thread_is_left_behind():
    before = {*threading.enumerate()}
    chain.execute_in_process()
    assert {*threading.enumerate()} <= before
