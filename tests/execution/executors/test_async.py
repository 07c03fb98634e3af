"""Asynchronous functions side by side on one loop."""

from __future__ import annotations

import asyncio
import time

import pytest

from jobnb import DynamicOut, DynamicOutput, Instance, job, mem_io_manager, op, resource

IN_MEMORY = {"io_manager": mem_io_manager}


@pytest.fixture
def instance():
    with Instance.ephemeral() as made:
        yield made


@op
async def loop_id(context):
    await asyncio.sleep(0.2)
    return id(asyncio.get_running_loop())


@op
def distinct(xs: list):
    return len(set(xs))


def test_sleeps_are_slept_together_on_one_loop(instance):
    @job
    def sleeping():
        distinct([loop_id.alias(f"n{n}")() for n in range(40)])

    began = time.monotonic()
    result = sleeping.launch(instance=instance, executor="async").result(30)
    assert time.monotonic() - began < 1.5  # and not 8 s
    assert result.output_for_node("distinct") == 1


def test_two_steps_wait_for_each_other(instance):
    """What one event loop alone can do: each step sets what the other waits for."""

    @resource
    def bell(_context):
        return {}

    @op(required_resource_keys={"bell"})
    async def waits(context):
        context.resources.bell["rung"] = event = asyncio.Event()
        await asyncio.wait_for(event.wait(), 10)
        return "heard"

    @op(required_resource_keys={"bell"})
    async def rings(context):
        while "rung" not in context.resources.bell:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        context.resources.bell["rung"].set()

    @job(resource_defs={"bell": bell})
    def two():
        waits()
        rings()

    result = two.launch(instance=instance, executor="async").result(30)
    assert result.output_for_node("waits") == "heard"


def test_asynchronous_generators_and_plain_functions_beside(instance):
    @op(out=DynamicOut())
    async def parts():
        for n in range(3):
            await asyncio.sleep(0.01)
            yield DynamicOutput(n, str(n))

    @op
    def plain(x):
        return x + 1

    @op
    async def waits(x):
        await asyncio.sleep(0.01)
        return 2 * x

    @op
    def total(xs: list):
        return sum(xs)

    @job(resource_defs=IN_MEMORY)
    def mapped():
        total(parts().map(lambda x: waits(plain(x))).collect())

    assert mapped.launch(instance=instance, executor="async").result(30).success


def test_within_a_loop_that_runs_already(instance):
    """As in a notebook, whose kernel has a loop that goes on meanwhile."""

    @job
    def sleeping():
        distinct([loop_id.alias(f"n{n}")() for n in range(3)])

    async def cell():
        ticks = 0
        run = sleeping.launch(instance=instance, executor="async")
        waiting = asyncio.ensure_future(_awaited(run))
        while not waiting.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return (await waiting).output_for_node("distinct"), ticks

    value, ticks = asyncio.run(cell())
    assert value == 1
    assert ticks > 5


async def _awaited(run):
    return await run


def test_a_coroutine_is_canceled_with_its_run(instance):
    ended = []

    @op
    async def forever():
        try:
            await asyncio.sleep(600)
        finally:
            ended.append("cleaned up")

    @job
    def endless():
        forever()

    run = endless.launch(instance=instance, executor="async")
    while run.current_step != "forever":
        time.sleep(0.01)
    time.sleep(0.1)
    run.cancel()
    assert run.wait(5).status == "CANCELED"
    assert ended == ["cleaned up"]
