"""Checks that misbehave, block what is odd, or look at what nobody makes."""

from __future__ import annotations

import pandas as pd
import pytest

from jobnb import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetIn,
    AssetKey,
    AssetOut,
    AssetSpec,
    DataVersion,
    Failure,
    InvalidDefinitionError,
    InvariantViolationError,
    MaterializeResult,
    Output,
    RetryPolicy,
    RetryRequested,
    SourceAsset,
    StepOutputNotFoundError,
    asset,
    asset_check,
    external_asset_from_spec,
    graph_asset,
    materialize,
    multi_asset,
    observable_source_asset,
    op,
)


@asset
def orders():
    return [1]


@asset
def total(orders):
    return 1


def checking(fn, **parameters):
    return asset_check(asset=orders, name="c", **parameters)(fn)


def no():
    return False


def steps(result):
    return {key: state.status.value for key, state in result.state.steps.items()}


def verdicts(result):
    return [
        (e.asset_check_key.to_user_string(), e.passed) for e in result.get_asset_check_evaluations()
    ]


@pytest.mark.parametrize(
    ("nonsense", "told"),
    [
        ([True, True], "'orders:c' twice"),
        ([], "did not give the check 'orders:c'"),
        ({}, "gave a dict"),
        (float("nan"), "gave a float"),
        (AssetCheckResult, "A check returns an AssetCheckResult"),
        (pd.Series([True, False]), "gave a Series"),
        (Output(True), "A check returns"),
        (MaterializeResult(), "A check returns"),
        (AssetCheckResult(passed=True, asset_key="odrers"), "no check 'odrers:c'.*'orders:c'"),
        (AssetCheckResult(passed=True, check_name="d"), "no check 'orders:d'"),
    ],
)
def test_nonsense_is_refused_and_whatever_waits_is_skipped(nonsense, told):
    made = [orders, total, checking(lambda: nonsense, blocking=True)]
    with pytest.raises(InvariantViolationError, match=told):
        materialize(made)
    result = materialize(made, raise_on_error=False)
    assert steps(result) == {"orders": "succeeded", "orders_c": "failed", "total": "skipped"}


def test_a_check_that_raises_after_its_verdict_has_failed():
    def late():
        yield AssetCheckResult(passed=True)
        raise KeyError("late")

    result = materialize([orders, total, checking(late, blocking=True)], raise_on_error=False)
    assert steps(result)["total"] == "skipped"
    assert verdicts(result) == [("orders:c", True)]


@pytest.mark.parametrize("error", [Failure("by hand"), RetryRequested(max_retries=1)])
def test_a_failure_of_the_function_blocks(error):
    def failing():
        raise error

    result = materialize([orders, total, checking(failing, blocking=True)], raise_on_error=False)
    assert steps(result) == {"orders": "succeeded", "orders_c": "failed", "total": "skipped"}


def test_errors_are_tried_again_and_verdicts_are_not():
    calls = []

    def broken():
        calls.append("broken")
        if len(calls) < 3:
            raise ValueError
        return False

    policy = RetryPolicy(max_retries=5)
    made = [orders, total, checking(broken, blocking=True, retry_policy=policy)]
    result = materialize(made, raise_on_error=False)
    assert len(calls) == 3
    assert verdicts(result) == [("orders:c", False)]
    assert steps(result)["total"] == "blocked"


@pytest.mark.parametrize("kind", ["function", "generator"])
def test_checks_may_be_asynchronous(kind):
    async def one():
        return True

    async def several():
        yield AssetCheckResult(passed=True)

    result = materialize([orders, checking(one if kind == "function" else several)])
    assert verdicts(result) == [("orders:c", True)]


# --- what is blocked ----------------------------------------------------------


@op
def first(orders):
    return orders


@op
def second(value):
    return value


def test_every_step_of_a_graph_waits():
    @graph_asset
    def made(orders):
        return second(first(orders))

    @asset
    def after(made):
        return made

    @asset_check(asset=made, blocking=True)
    def never(made):
        return False

    result = materialize([orders, made, checking(no, blocking=True)], raise_on_error=False)
    assert steps(result)["made.first"] == steps(result)["made.second"] == "blocked"
    result = materialize([orders, made, after, never], raise_on_error=False)
    assert steps(result) == {
        "orders": "succeeded",
        "made.first": "succeeded",
        "made.second": "succeeded",
        "made_never": "failed",
        "after": "blocked",
    }


def test_of_several_assets_only_what_is_made_from_the_checked_one_waits():
    @multi_asset(outs={"low": AssetOut(), "high": AssetOut()}, deps=["orders"])
    def bounds():
        return 1, 2

    @asset
    def of_low(low):
        return 1

    @asset
    def of_high(high):
        return 1

    @asset_check(asset="low", blocking=True)
    def never():
        return False

    result = materialize([orders, bounds, of_low, of_high, never], raise_on_error=False)
    assert (steps(result)["of_low"], steps(result)["of_high"]) == ("blocked", "succeeded")
    result = materialize([orders, bounds, checking(no, blocking=True)], raise_on_error=False)
    assert steps(result)["bounds"] == "blocked"


def test_a_function_on_both_sides_of_a_check_runs_in_parts():
    outs = {"a": AssetOut(is_required=False), "c": AssetOut(is_required=False)}
    deps = {"a": set(), "c": {AssetKey("b")}}

    @multi_asset(outs=outs, can_subset=True, ins={"b": AssetIn("b")}, internal_asset_deps=deps)
    def both(context, b=None):
        for name in sorted(context.selected_output_names):
            yield Output(1, name)

    @asset
    def b(a):
        return 1

    @asset_check(asset=b, blocking=True)
    def there():
        return True

    @asset_check(asset="a", blocking=True)
    def here():
        return True

    result = materialize([both, b, there, here])
    order = [key for key, status in steps(result).items() if status == "succeeded"]
    assert order == ["both", "a_here", "b", "b_there", "both_2"]


@pytest.mark.parametrize(
    "parameters",
    [{"additional_ins": {"total": AssetIn("total")}}, {"additional_deps": [total]}],
)
def test_a_check_that_waits_for_what_it_blocks_is_told_as_a_circle(parameters):
    @asset_check(asset=orders, blocking=True, **parameters)
    def round_and_round(orders, **_others):
        return True

    with pytest.raises(InvalidDefinitionError, match="circle: orders_round_and_round -> total"):
        materialize([orders, total, round_and_round])


# --- what nobody makes --------------------------------------------------------


def test_checks_of_what_comes_from_elsewhere_run_when_they_are_asked_for():
    source = SourceAsset("source")
    external = external_asset_from_spec(AssetSpec("external"))

    @observable_source_asset
    def observed():
        return DataVersion("1")

    checks = [
        asset_check(asset=each, name="there", blocking=True)(lambda: True)
        for each in (source, "external", observed)
    ]
    made = [orders, source, external, observed, *checks]
    assert verdicts(materialize(made)) == []
    everything = {("source:there", True), ("external:there", True), ("observed:there", True)}
    assert set(verdicts(materialize(made, selection="checks()"))) == everything
    # Whoever is looked at is checked after it.
    assert list(steps(materialize(made, selection="observed"))) == ["observed", "observed_there"]


def test_a_value_that_is_not_there_is_told():
    source = SourceAsset("source")

    @asset_check(asset=source)
    def load(source):
        return True

    with pytest.raises(StepOutputNotFoundError, match="no stored value of asset 'source'"):
        materialize([orders, source, load], selection="checks()")


# --- names --------------------------------------------------------------------


def test_steps_of_one_name_are_told():
    @asset(name="orders_c")
    def collides():
        return 1

    with pytest.raises(InvalidDefinitionError, match="steps called 'orders_c'. Rename one"):
        materialize([orders, collides, checking(no)])


def test_keys_that_look_alike_are_told_apart():
    @asset(key=["a", "b"])
    def nested():
        return 1

    @asset
    def a_b():
        return 1

    nested_check = asset_check(asset=nested, name="c")(lambda: True)
    flat_check = asset_check(asset=a_b, name="c")(lambda: True)
    result = materialize([nested, a_b, nested_check, flat_check])
    assert set(verdicts(result)) == {("a/b:c", True), ("a_b:c", True)}


def test_a_check_that_the_function_makes_already_is_refused():
    @asset(check_specs=[AssetCheckSpec("c", asset="made")])
    def made():
        yield Output(1)
        yield AssetCheckResult(passed=True)

    with pytest.raises(InvalidDefinitionError, match="Two checks are called 'made:c'"):
        materialize([made, asset_check(asset=made, name="c")(no)])
