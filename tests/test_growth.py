"""Cost grows in proportion, depth is no matter, and memory does not grow with the chain.

Growth is asserted by counting calls, which are the same on every machine: no clock is read.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobnb import (
    AssetIn,
    AssetKey,
    Definitions,
    DynamicOut,
    DynamicOutput,
    Instance,
    JobRun,
    asset,
    define_asset_job,
    graph,
    job,
    op,
)
from jobnb import events as ev
from tests.benchmarks.shapes import assets, chain, dynamic, fan, increase, source

SMALL, LARGE = 1_000, 10_000
SLACK = 0.1


def calls(work: Callable[[], Any]) -> int:
    """How many functions are called meanwhile, Python's and C's."""
    count = 0

    def note(frame: Any, kind: str, argument: Any) -> None:
        nonlocal count
        if kind in {"call", "c_call"}:
            count += 1

    gc.disable()  # finalizers of other tests are not counted
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


def defined_and_run(make: Callable[[int], Any], n: int) -> None:
    with Instance.ephemeral() as instance:
        assert make(n).execute_in_process(instance=instance).success


def assert_in_proportion(small: int, large: int, fixed: int = 0) -> None:
    growth = (large - fixed) / (small - fixed)
    wanted = LARGE / SMALL
    assert wanted * (1 - SLACK) < growth < wanted * (1 + SLACK), f"{small} calls became {large}"


@pytest.mark.parametrize("make", [chain, fan, dynamic, assets])
def test_defining_and_running_costs_in_proportion(make: Callable[[int], Any]) -> None:
    defined_and_run(make, 10)  # what is loaded and cached once is not counted
    small = calls(lambda: defined_and_run(make, SMALL))
    large = calls(lambda: defined_and_run(make, LARGE))
    assert_in_proportion(small, large)


def test_writing_and_reading_a_log_costs_in_proportion(tmp_path: Path) -> None:
    def written(instance: Instance, run_id: str, n: int) -> None:
        log = instance.open_log(instance.create_run(JobRun("daily", run_id)))
        log.due = float("inf")
        for i in range(n):
            log.events.append(ev.AssetMaterialized(float(i), f"s{i}", (f"a{i}",)))
        log.close()
        assert len(instance.run_state(run_id).materialized) == n

    with Instance.local_temp(str(tmp_path)) as instance:
        written(instance, "warm", 10)
        # A transaction costs the same whatever it holds; only what comes on top may grow.
        fixed = calls(lambda: written(instance, "fixed", 1))
        small = calls(lambda: written(instance, "small", SMALL))
        large = calls(lambda: written(instance, "large", LARGE))
    assert_in_proportion(small, large, fixed)


@pytest.mark.parametrize("make", [chain, fan, dynamic])
def test_a_job_of_ten_thousand_steps_has_the_right_result(make: Callable[[int], Any]) -> None:
    result = make(LARGE).execute_in_process()
    last = f"increase_{LARGE - 1}" if make is chain else "gather"
    assert result.output_for_node(last) == LARGE
    assert len(result.get_step_success_events()) >= LARGE


def test_ten_thousand_assets_in_a_row_are_made() -> None:
    result = assets(LARGE).execute_in_process()
    made = result.get_asset_materialization_events()
    assert len(made) == LARGE
    assert result.asset_value(AssetKey(f"a_{LARGE - 1}")) == LARGE - 1


def test_two_hundred_graphs_inside_one_another_run() -> None:
    inner: Any = increase
    for depth in range(200):
        inner = _nested(inner, f"level_{depth}")

    @job
    def deep() -> None:
        inner(source())

    result = deep.execute_in_process()
    keys = [event.step_key for event in result.get_step_success_events()]
    assert keys[0] == "source"
    assert keys[1].count(".") == 200
    assert keys[1].endswith("level_0.increase")


def _nested(inner: Any, name: str) -> Any:
    @graph(name=name)
    def around(x: Any) -> Any:
        return inner(x)

    return around


class Value:
    """Something that can be watched while it lives."""


@pytest.mark.parametrize("shape", ["chain", "dynamic", "assets"])
def test_a_value_goes_after_its_last_reader(shape: str, tmp_path: Path) -> None:
    alive: weakref.WeakSet[Value] = weakref.WeakSet()
    most = 0

    def fresh() -> Value:
        nonlocal most
        value = Value()
        alive.add(value)
        most = max(most, len(alive))
        return value

    @op
    def begin():
        return fresh()

    @op
    def step(x):
        return fresh()

    @op(out=DynamicOut())
    def spread():
        for i in range(100):
            yield DynamicOutput(i, mapping_key=f"k{i}")

    def chained(x: Any) -> Any:
        for i in range(100):
            x = step.alias(f"step_{i}")(x)
        return x

    @job
    def long() -> None:
        chained(begin())

    @job
    def mapped() -> None:
        spread().map(lambda element: step.alias("second")(step(element)))

    made = {"chain": long, "dynamic": mapped, "assets": None}[shape] or _watched_assets(fresh)
    gc.disable()  # a value goes when it is let go of, not when a collector comes by
    try:
        with Instance.local_temp(str(tmp_path)) as instance:
            made.execute_in_process(instance=instance, keep_outputs=False)
    finally:
        gc.enable()
    assert 1 <= most <= 4
    assert len(alive) <= 1


def _watched_assets(fresh: Callable[[], Value]) -> Any:
    def made(i: int) -> Any:
        ins = {"x": AssetIn(f"v_{i - 1}")} if i else {}

        @asset(name=f"v_{i}", ins=ins)
        def value(**given: Any) -> Any:
            return fresh()

        return value

    return Definitions(
        assets=[made(i) for i in range(50)], jobs=[define_asset_job("values")]
    ).get_job_def("values")
