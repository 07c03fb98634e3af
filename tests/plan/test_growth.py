"""Definitions and plans cost in proportion to their size; calls are counted, no clock is read."""

from __future__ import annotations

import gc
import sys

import pytest

from jobnb import (
    AssetIn,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    Definitions,
    DependencyDefinition,
    GraphDefinition,
    JobDefinition,
    MultiDependencyDefinition,
    NodeInvocation,
    asset,
    define_asset_job,
    graph,
    job,
    multi_asset,
    op,
)
from jobnb.plan.build import build_plan

LARGE = 10_000


def calls(work) -> int:
    count = 0

    def note(frame, kind, argument):
        nonlocal count
        count += kind in ("call", "c_call")

    gc.disable()
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


@op
def source():
    return 0


@op
def increase(x):
    return x + 1


@op
def total(xs):
    return sum(xs)


def composed_chain(n: int):
    @job
    def chain():
        x = source()
        for _ in range(n):
            x = increase(x)

    return chain


def composed_fan(n: int):
    @job
    def fan():
        x = source()
        total([increase(x) for _ in range(n)])

    return fan


def written_chain(n: int):
    edges = {"increase_0": {"x": DependencyDefinition("source")}}
    for index in range(1, n):
        edges[f"increase_{index}"] = {"x": DependencyDefinition(f"increase_{index - 1}")}
    uses = {NodeInvocation("increase", alias=name): each for name, each in edges.items()}
    return JobDefinition(
        GraphDefinition("written", node_defs=[increase, source], dependencies=uses)
    )


def written_fan(n: int):
    names = [f"source_{index}" for index in range(n)]
    uses = {NodeInvocation("source", alias=name): {} for name in names}
    uses[NodeInvocation("total")] = {
        "xs": MultiDependencyDefinition([DependencyDefinition(name) for name in names])
    }
    return JobDefinition(GraphDefinition("fan", node_defs=[source, total], dependencies=uses))


def graphs_side_by_side(n: int):
    @graph
    def pair(x):
        return increase(increase(x))

    @job
    def pairs():
        x = source()
        for _ in range(n // 2):
            x = pair(x)

    return pairs


def assets_in_a_row(n: int):
    def one(index: int):
        @asset(name=f"a{index}", deps=[AssetKey(f"a{index - 1}")] if index else None)
        def made():
            return index

        return made

    assets = [one(index) for index in range(n)]
    definitions = Definitions(assets=assets, jobs=[define_asset_job("work", f"*a{n - 1}")])
    return definitions.get_job_def("work")


def assets_of_ops(n: int):
    @op
    def double(x=1):
        return x

    assets = [
        AssetsDefinition.from_op(
            double.configured({}, name=f"double_{index}"),
            keys_by_input_name={"x": AssetKey(f"double_{index - 1}")},
        )
        for index in range(1, n)
    ]
    first = AssetsDefinition.from_op(op(name="double_0")(lambda: 1))
    return Definitions(assets=[first, *assets]).get_implicit_global_asset_job_def()


def functions_of_several_assets(n: int):
    def one(index: int):
        before = [f"a{index - 1}"] if index else []
        specs = [AssetSpec(f"a{index}", deps=before), AssetSpec(f"b{index}", deps=[f"a{index}"])]

        @multi_asset(name=f"several_{index}", specs=specs, can_subset=True)
        def made():
            pass

        return made

    assets = [one(index) for index in range(n // 2)]
    return Definitions(assets=assets).get_implicit_global_asset_job_def()


def functions_on_circles(n: int):
    """The first and the third of three are made by one function, the second by another."""

    def one(index: int):
        first, between, last = f"a{index}", f"b{index}", f"c{index}"
        specs = [AssetSpec(first), AssetSpec(last, deps=[between])]

        @multi_asset(name=f"ends_{index}", specs=specs, can_subset=True)
        def ends():
            pass

        @asset(name=between, deps=[first])
        def middle():
            pass

        return [ends, middle]

    assets = [each for index in range(n // 3) for each in one(index)]
    return Definitions(assets=assets).get_implicit_global_asset_job_def()


def assets_of_external_ones(n: int):
    def one(index: int):
        @asset(name=f"a{index}", ins={"value": AssetIn(f"raw{index}")})
        def made(value):
            return value

        return [AssetSpec(f"raw{index}", deps=[f"lake{index}"]), made]

    assets = [each for index in range(n // 2) for each in one(index)]
    return Definitions(assets=assets).get_implicit_global_asset_job_def()


SHAPES = [
    composed_chain,
    composed_fan,
    written_chain,
    written_fan,
    graphs_side_by_side,
    assets_in_a_row,
    assets_of_ops,
    functions_of_several_assets,
    functions_on_circles,
    assets_of_external_ones,
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_defining_and_planning_cost_in_proportion(shape):
    build_plan(shape(10))  # what is imported and cached once
    few = 50 if shape is assets_of_ops else 200  # a configured op has pydantic models of its own
    small = calls(lambda: build_plan(shape(few)))
    large = calls(lambda: build_plan(shape(few * 5)))
    assert large / small < 1.1 * 5


@pytest.mark.parametrize("selection", ["*increase_9999", "*increase_5000", "source*"])
def test_a_selection_of_a_long_chain_has_no_depth_limit(selection):
    assert len(build_plan(written_chain(LARGE), op_selection=[selection], check_config=False).steps)


def test_a_circle_of_ten_thousand_steps_is_found():
    edges = {
        f"increase_{i}": {"x": DependencyDefinition(f"increase_{i - 1}")} for i in range(LARGE)
    }
    edges["increase_0"] = {"x": DependencyDefinition(f"increase_{LARGE - 1}")}
    uses = {NodeInvocation("increase", alias=name): each for name, each in edges.items()}
    with pytest.raises(ValueError, match="wait for each other") as told:
        GraphDefinition("round", node_defs=[increase], dependencies=uses)
    assert len(str(told.value)) < 1000


def test_fifty_graphs_inside_one_another_keep_names_config_and_values():
    @op(config_schema=int)
    def configured(context, x):
        return x + context.op_config

    @graph
    def innermost(x):
        return configured(x)

    def around(inner, level):
        @graph(name=f"level_{level}")
        def outer(x):
            return inner(x)

        return outer

    outermost, config = innermost, {"configured": {"config": 5}}
    for level in range(49):
        config = {outermost.name: {"ops": config}}
        outermost = around(outermost, level)
    result = outermost.execute_in_process(run_config={"ops": config, "inputs": {"x": 1}})
    assert result.output_value() == 6
