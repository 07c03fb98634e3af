from __future__ import annotations

import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import (
    AssetIn,
    AssetKey,
    AssetOut,
    AssetSpec,
    Definitions,
    Field,
    InvalidDefinitionError,
    InvalidSubsetError,
    MaterializeResult,
    Output,
    SourceAsset,
    asset,
    graph_multi_asset,
    load_assets_from_modules,
    materialize,
    materialize_to_memory,
    multi_asset,
    op,
)
from jobnb.plan.asset_parts import parts_of
from jobnb.plan.build import build_plan


def steps(result) -> list[str]:
    return [event.step_key for event in result.get_step_success_events()]


def made(result) -> list[tuple[str, str]]:
    events = result.get_asset_materialization_events()
    return [(event.step_key, event.asset_key.to_user_string()) for event in events]


def test_a_function_on_a_circle_runs_once_for_each_of_its_parts():
    seen = []

    @multi_asset(
        outs={"a": AssetOut(), "c": AssetOut()},
        internal_asset_deps={"a": set(), "c": {AssetKey("b")}},
        deps=["b"],
        can_subset=True,
    )
    def ends(context):
        seen.append((sorted(context.selected_output_names), context.op_handle.name))
        for name in context.selected_output_names:
            yield Output(name, name)

    @asset
    def b(a):
        return f"{a}b"

    result = materialize([ends, b])
    assert steps(result) == ["ends", "b", "ends_2"]
    assert made(result) == [("ends", "a"), ("b", "b"), ("ends_2", "c")]
    assert seen == [(["a"], "ends"), (["c"], "ends_2")]
    assert [result.asset_value(name) for name in "abc"] == ["a", "ab", "c"]


def test_a_part_is_not_given_what_comes_later_and_is_given_what_came_before():
    seen = []

    @multi_asset(
        outs={"a": AssetOut(), "c": AssetOut()},
        internal_asset_deps={"a": {AssetKey("start")}, "c": {AssetKey("b"), AssetKey("a")}},
        can_subset=True,
    )
    def ends(context, start: int, b: int, a_default: int = 7):
        seen.append((start, b))
        for name in context.selected_output_names:
            yield Output(10 if name == "a" else b + 1, name)

    @asset
    def start():
        return 1

    @asset
    def b(a: int) -> int:
        return a + 1

    ends_of = ends.with_attributes(input_asset_key_replacements={AssetKey("a_default"): start.key})
    result = materialize([ends_of, b, start])
    assert seen == [(1, None), (1, 11)]
    assert result.asset_value("c") == 12


def test_a_default_stands_for_what_comes_later():
    @multi_asset(
        outs={"a": AssetOut(), "c": AssetOut()},
        internal_asset_deps={"a": set(), "c": {AssetKey("b")}},
        can_subset=True,
    )
    def ends(context, b: int = 5):
        for name in context.selected_output_names:
            yield Output(b, name)

    @asset
    def b(a):
        return a + 1

    result = materialize([ends, b])
    assert [result.asset_value(name) for name in "abc"] == [5, 6, 6]


def test_what_fails_in_a_part_skips_the_parts_after_it():
    @multi_asset(
        outs={"a": AssetOut(), "d": AssetOut(), "c": AssetOut()},
        internal_asset_deps={
            "a": set(),
            "d": set(),
            "c": {AssetKey("b"), AssetKey("d")},
        },
        deps=["b"],
        can_subset=True,
    )
    def ends(context):
        yield Output(1, "a")
        raise ValueError("no d")

    @asset
    def b(a):
        return a

    result = materialize([ends, b], raise_on_error=False)
    assert not result.success
    assert {e.step_key for e in result.all_events if e.event_type_value == "STEP_SKIPPED"} == {
        "b",
        "ends_2",
    }


def test_two_functions_that_need_each_other_twice_are_both_split():
    def chain(name, keys, other):
        deps = {key: {AssetKey(other[i - 1])} if i else set() for i, key in enumerate(keys)}
        specs = [AssetSpec(key, deps=sorted(deps[key])) for key in keys]

        @multi_asset(name=name, specs=specs, can_subset=True)
        def several(context):
            for key in context.selected_asset_keys:
                yield MaterializeResult(key)

        return several

    first = chain("first", ["a0", "a1", "a2"], ["b0", "b1", "b2"])
    second = chain("second", ["b0", "b1", "b2"], ["a0", "a1", "a2"])
    result = materialize([first, second])
    assert sorted(steps(result)) == ["first", "first_2", "second", "second_2"]


def test_a_circle_that_cannot_be_split_is_named():
    @multi_asset(
        outs={"a": AssetOut(), "c": AssetOut()},
        internal_asset_deps={"a": set(), "c": {AssetKey("b")}},
        deps=["b"],
    )
    def together():
        return 1, 2

    @asset
    def b(a):
        return a

    with pytest.raises(InvalidDefinitionError, match="circle: .*together"):
        materialize([together, b])

    @multi_asset(
        outs={"x": AssetOut(), "y": AssetOut()},
        internal_asset_deps={"x": {AssetKey("z")}, "y": set()},
        deps=["z"],
        can_subset=True,
    )
    def divisible():
        return 1, 2

    @asset
    def z(x):
        return x

    with pytest.raises(InvalidDefinitionError, match="circle"):
        materialize([divisible, z])


def test_a_graph_on_a_circle_is_split_too():
    @op
    def one():
        return 1

    @op
    def plus(x):
        return x + 1

    @graph_multi_asset(
        outs={"a": AssetOut(), "c": AssetOut()}, ins={"b": AssetIn()}, can_subset=True
    )
    def ends(b):
        return {"a": one(), "c": plus(b)}

    whole = ends.with_changes(asset_deps={AssetKey("a"): set(), AssetKey("c"): {AssetKey("b")}})

    @asset
    def b(a):
        return a + 1

    result = materialize([whole, b])
    assert [result.asset_value(name) for name in "abc"] == [1, 2, 3]
    assert steps(result) == ["ends.one", "b", "ends_2.plus"]


@st.composite
def cut_into_functions(draw):
    """A graph of assets without circles, cut at random into functions that can be split."""
    count = draw(st.integers(1, 12))
    deps = {
        index: draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
        for index in range(count)
    }
    groups = [draw(st.integers(0, 3)) for _ in range(count)]
    return deps, groups


@given(cut_into_functions())
def test_however_assets_are_cut_into_functions_each_is_made_once_and_after_its_own(cut):
    deps, groups = cut
    names = {index: f"k{index}" for index in deps}

    def function(group):
        own = [index for index in deps if groups[index] == group]
        specs = [AssetSpec(names[i], deps=[names[each] for each in deps[i]]) for i in own]

        @multi_asset(name=f"group_{group}", specs=specs, can_subset=True)
        def several():
            pass

        return several

    functions = [function(group) for group in sorted(set(groups))]
    plan = build_plan(Definitions(assets=functions).get_implicit_global_asset_job_def())
    order = []
    for key in plan.step_keys:
        step = plan.steps[plan.step_by_key[key]]
        order.append({int(out.asset_key.path[0][1:]) for out in step.outputs if out.is_asked})
    assert sorted(index for part in order for index in part) == sorted(deps)
    done: set[int] = set()
    for part in order:
        for index in part:
            assert deps[index] <= done | part
        done |= part


def test_without_a_circle_nothing_is_split():
    @multi_asset(specs=[AssetSpec("a"), AssetSpec("b", deps=["a"])], can_subset=True)
    def several():
        pass

    @asset(deps=["b"])
    def last():
        pass

    assert [(part.name, part.number) for part in parts_of([last, several])] == [
        ("last", 0),
        ("several", 0),
    ]


# --- what nodes are called, and jobs with nothing to make ---------------------------


def version(number):
    """Assets whose names others have too, loaded with a prefix of their own."""

    @asset
    def orders():
        return number

    @asset(config_schema={"times": Field(int, default_value=10)})
    def revenue(context, orders):
        return orders * context.op_config["times"]

    @multi_asset(outs={"low": AssetOut(), "high": AssetOut()})
    def bounds(revenue):
        return revenue - 1, revenue + 1

    module = types.ModuleType(f"version_{number}")
    module.orders, module.revenue, module.bounds = orders, revenue, bounds
    return load_assets_from_modules([module], key_prefix=[f"v{number}"])


def test_assets_of_one_name_under_two_prefixes_are_made_in_one_run():
    result = materialize([*version(1), *version(2)])
    for number in (1, 2):
        made = {name: result.asset_value([f"v{number}", name]) for name in ("revenue", "high")}
        assert made == {"revenue": 10 * number, "high": 10 * number + 1}


def test_their_steps_are_called_by_their_keys_also_where_some_are_selected():
    found = [*version(1), *version(2), asset(name="alone")(lambda: 1)]
    config = {"ops": {"v2__revenue": {"config": {"times": 3}}}}
    whole = materialize(found, run_config=config)
    assert whole.asset_value(["v2", "revenue"]) == 6
    assert whole.asset_value(["v1", "revenue"]) == 10
    assert {"v1__orders", "v2__low", "alone"} <= {
        event.step_key for event in whole.get_step_success_events()
    }
    part = materialize(found, selection='key:"v2/revenue" or key:"v2/orders"', run_config=config)
    assert part.asset_value(["v2", "revenue"]) == 6


@pytest.mark.parametrize("make", [materialize, materialize_to_memory])
@pytest.mark.parametrize("assets", [[], [SourceAsset("outside")], [AssetSpec("outside")]])
def test_where_there_is_nothing_to_make_nothing_is_made(make, assets):
    result = make(assets)
    assert result.success
    assert result.get_step_success_events() == []


def test_a_selection_of_source_assets_alone_makes_nothing():
    one = asset(name="one")(lambda: 1)
    result = materialize([one, SourceAsset("outside")], selection=["outside"])
    assert (result.success, result.get_step_success_events()) == (True, [])
    with pytest.raises(InvalidSubsetError, match="There is no asset 'inside'"):
        materialize([one, SourceAsset("outside")], selection=["inside"])
    only_sources = Definitions([SourceAsset("outside")]).get_implicit_global_asset_job_def()
    assert only_sources.execute_in_process().success
