"""Large jobs: they run, and their work grows in proportion."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jobnb import (
    DynamicOut,
    DynamicOutput,
    Instance,
    ReexecutionOptions,
    execute_job,
    graph,
    job,
    op,
)


@op
def zero():
    return 0


@op
def plus(x):
    return x + 1


@op
def summed(xs):
    return sum(xs)


def chain_of(count):
    @job
    def chain():
        value = zero()
        for number in range(count):
            value = plus.alias(f"plus_{number}")(value)

    return chain


def fan_of(count):
    @op(out=DynamicOut())
    def parts():
        for number in range(count):
            yield DynamicOutput(number, f"k{number}")

    @job
    def fan():
        summed(parts().map(plus).collect())

    return fan


def calls_of(*shapes):
    """How many functions a run of each shape calls, counted in a process of its own."""
    program = (
        "import cProfile, pstats, sys\n"
        "from tests.execution import test_scale as shapes\n"
        "for name, count in zip(sys.argv[1::2], sys.argv[2::2]):\n"
        "    made = getattr(shapes, name)(int(count))\n"
        "    made.execute_in_process()\n"
        "    profile = cProfile.Profile()\n"
        "    profile.runcall(made.execute_in_process)\n"
        "    print(pstats.Stats(profile).total_calls)\n"
    )
    words = [word for name, count in shapes for word in (name, str(count))]
    told = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        timeout=120,
    )
    return [int(line) for line in told.stdout.split()]


@pytest.mark.parametrize("keep", [True, False])
def test_a_chain_of_ten_thousand_steps(keep):
    result = chain_of(10_000).execute_in_process(keep_outputs=keep)
    assert result.success
    assert len(result.get_step_success_events()) == 10_001
    if keep:
        assert result.output_for_node("plus_9999") == 10_000


def test_ten_thousand_mapped_outputs():
    result = fan_of(10_000).execute_in_process()
    assert result.output_for_node("summed") == sum(range(1, 10_001))


@pytest.mark.parametrize("shape", ["chain_of", "fan_of"])
def test_the_work_grows_with_the_number_of_steps(shape):
    few, many = calls_of((shape, 300), (shape, 3_000))
    assert many < 11.5 * few


def test_a_step_costs_few_calls():
    """A guard for plan and loop: a step is planned, loaded, run, stored and told of."""
    (calls,) = calls_of(("chain_of", 500))
    assert calls < 130 * 500


def test_a_fan_in_of_many():
    @job
    def wide():
        summed([zero.alias(f"zero_{number}")() for number in range(2_000)])

    assert wide.execute_in_process().output_for_node("summed") == 0


def test_a_hundred_graphs_in_each_other():
    def around(inner, depth):
        return graph(name=f"level_{depth}")(lambda x: inner(x))

    inner = plus
    for depth in range(100):
        inner = around(inner, depth)

    @job
    def nested():
        inner(zero())

    result = nested.execute_in_process()
    assert result.output_for_node("level_99") == 1
    assert len(result.plan.steps) == 2


def test_a_failure_at_the_head_skips_ten_thousand():
    @op
    def broken():
        raise ValueError("no")

    @job
    def chain():
        value = broken()
        for number in range(10_000):
            value = plus.alias(f"plus_{number}")(value)

    result = chain.execute_in_process(raise_on_error=False)
    assert len(result.get_step_skipped_events()) == 10_000


def test_repeating_the_end_of_a_long_chain_runs_only_the_end():
    @op
    def broken(x):
        raise ValueError(f"after {x}")

    @job
    def chain():
        value = zero()
        for number in range(200):
            value = plus.alias(f"plus_{number}")(value)
        broken(value)

    with Instance.ephemeral() as instance:
        first = execute_job(chain, instance)
        options = ReexecutionOptions.from_failure(first.run_id, instance)
        with pytest.raises(ValueError, match="after 200"):
            execute_job(chain, instance, reexecution_options=options, raise_on_error=True)
