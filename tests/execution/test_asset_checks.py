"""Checks of assets: told in the run, kept in the history, and blocking where they say so."""

from __future__ import annotations

import numpy as np
import pytest

from jobnb import (
    AssetCheckFailedError,
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetDep,
    AssetIn,
    AssetOut,
    AssetSelection,
    Definitions,
    EventType,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    MaterializeResult,
    MetadataValue,
    Output,
    asset,
    asset_check,
    build_op_context,
    materialize,
    multi_asset,
    multi_asset_check,
)


@asset
def orders():
    return [3, None, 5]


@asset
def total(orders):
    return sum(each or 0 for each in orders)


def verdicts(result):
    return {
        f"{'/'.join(e.asset_key.path)}:{e.check_name}": e.passed
        for e in result.get_asset_check_evaluations()
    }


def test_a_check_gets_the_value_of_its_asset_under_any_name():
    @asset_check(asset=orders)
    def no_nulls(values):
        return AssetCheckResult(passed=None not in values, metadata={"nulls": values.count(None)})

    result = materialize([orders, total, no_nulls])
    assert result.success  # a check that does not block stops nothing
    (said,) = result.get_asset_check_evaluations()
    assert (said.asset_check_key, said.passed) == (AssetCheckKey("orders", "no_nulls"), False)
    assert said.metadata == {"nulls": MetadataValue.int(1)}
    assert said.severity is AssetCheckSeverity.ERROR
    assert said.target_materialization_data == (None, result.run_id)
    assert result.asset_value("total") == 8


@pytest.mark.parametrize("verdict", [True, np.True_, AssetCheckResult(passed=np.bool_(1))])
def test_true_is_a_verdict_whoever_says_it(verdict):
    @asset_check(asset="orders")
    def fine():
        return verdict

    assert verdicts(materialize([orders, fine])) == {"orders:fine": True}


def test_a_check_answers_that_it_makes_no_assets():
    @asset_check(asset=orders)
    def there():
        return True

    assert (there.keys, there.to_source_assets()) == (frozenset(), [])
    assert (there.asset_deps, there.group_names_by_key, there.descriptions_by_key) == ({}, {}, {})
    for ask in (lambda: there.key, there.get_asset_spec, there.to_source_asset):
        with pytest.raises(InvariantViolationError, match="checks assets and makes none"):
            ask()
    for use in (lambda: AssetDep(there), lambda: AssetSelection.assets(there)):
        with pytest.raises(InvariantViolationError, match="checks assets and makes none"):
            use()
    with pytest.raises(InvariantViolationError, match="checks assets and makes none"):
        asset(name="late", deps=[there])(lambda: 1)


@pytest.mark.parametrize("nonsense", [None, "yes", 1, [3]])
def test_what_is_no_verdict_is_refused_in_words(nonsense):
    @asset_check(asset=orders)
    def odd(orders):
        return nonsense

    with pytest.raises(InvariantViolationError, match="A check returns an AssetCheckResult"):
        materialize([orders, odd])


def test_a_check_without_parameters_loads_nothing_and_waits_for_its_asset():
    @asset_check(asset=orders)
    def there():
        return True

    result = materialize([orders, there])
    order = [e.step_key for e in result.all_events if e.event_type is EventType.STEP_START]
    assert order == ["orders", "orders_there"]
    loaded = [e for e in result.all_events if e.event_type is EventType.LOADED_INPUT]
    assert loaded == []


def test_a_blocking_check_that_fails_stops_what_is_made_from_its_asset():
    @asset_check(asset=orders, blocking=True)
    def no_nulls(orders):
        return AssetCheckResult(passed=False, description="one is null")

    @asset
    def count_elsewhere():
        return 1

    @asset
    def report(total):
        return total

    made = [orders, total, report, count_elsewhere, no_nulls]
    result = materialize(made, raise_on_error=False)
    assert not result.success
    steps = {key: state.status.value for key, state in result.state.steps.items()}
    assert steps == {
        "orders": "succeeded",
        "total": "blocked",
        "report": "blocked",
        "count_elsewhere": "succeeded",
        "orders_no_nulls": "failed",
    }
    assert verdicts(result) == {"orders:no_nulls": False}
    with pytest.raises(AssetCheckFailedError, match="orders:no_nulls did not pass: one is null"):
        materialize(made)


@pytest.mark.parametrize("passed", [True, False])
def test_a_blocking_check_that_passes_or_only_warns_lets_go_on(passed):
    @asset_check(asset=orders, blocking=True)
    def no_nulls(orders):
        return AssetCheckResult(passed=passed, severity=AssetCheckSeverity.WARN)

    result = materialize([orders, total, no_nulls])
    order = [e.step_key for e in result.all_events if e.event_type is EventType.STEP_START]
    assert order == ["orders", "orders_no_nulls", "total"]


def test_other_assets_may_be_loaded_or_only_waited_for():
    @asset
    def limit():
        return 10

    @asset_check(asset=total, additional_ins={"most": AssetIn("limit")}, additional_deps=[orders])
    def small(total, most):
        return total < most

    assert verdicts(materialize([orders, total, limit, small])) == {"total:small": True}


def test_a_check_that_raises_fails_its_step_only():
    @asset_check(asset=orders)
    def broken(orders):
        raise ZeroDivisionError("by hand")

    result = materialize([orders, total, broken], raise_on_error=False)
    assert result.get_failed_step_keys() == {"orders_broken"}
    assert result.asset_value("total") == 8


def test_context_config_and_resources_reach_a_check():
    from jobnb import Config, ConfigurableResource, RunConfig

    class Limits(Config):
        most: int

    class Phone(ConfigurableResource):
        number: str

    @asset_check(asset=total)
    def small(context, config: Limits, total, phone: Phone):
        context.log.warning(phone.number)
        return total <= config.most

    result = materialize(
        [orders, total, small],
        run_config=RunConfig(ops={"total_small": Limits(most=7)}),
        resources={"phone": Phone(number="112")},
    )
    assert verdicts(result) == {"total:small": False}
    assert [line.message for line in result.log_lines] == ["112"]


def test_one_function_makes_several_checks():
    specs = [
        AssetCheckSpec("first", asset=orders),
        AssetCheckSpec("second", asset=orders),
        AssetCheckSpec("low", asset=total),
    ]

    @multi_asset_check(specs=specs)
    def several(orders):
        yield AssetCheckResult(passed=True, asset_key="orders", check_name="second")
        yield AssetCheckResult(passed=False, asset_key="orders", check_name="first")
        yield AssetCheckResult(passed=True, asset_key="total")

    result = materialize([orders, total, several])
    assert verdicts(result) == {"orders:second": True, "orders:first": False, "total:low": True}


def test_a_check_that_is_not_made_or_not_known_is_told():
    specs = [AssetCheckSpec("first", asset=orders), AssetCheckSpec("second", asset=orders)]

    @multi_asset_check(specs=specs)
    def half():
        yield AssetCheckResult(passed=True, check_name="first")

    with pytest.raises(InvariantViolationError, match="did not give the check 'orders:second'"):
        materialize([orders, half])

    @multi_asset_check(specs=specs)
    def other():
        yield AssetCheckResult(passed=True, check_name="secnd", asset_key="orders")

    with pytest.raises(InvariantViolationError, match="Did you mean 'orders:second'"):
        materialize([orders, other])

    @multi_asset_check(specs=specs)
    def unsaid():
        yield AssetCheckResult(passed=True)

    with pytest.raises(InvariantViolationError, match="makes several checks"):
        materialize([orders, unsaid])


def test_several_parameters_without_a_name_are_refused():
    with pytest.raises(InvalidDefinitionError, match="only one can be the asset"):

        @asset_check(asset=orders)
        def two(orders, others):
            return True


def test_checks_of_one_name_are_refused_together_with_all_else():
    @asset_check(asset=orders, name="same")
    def one():
        return True

    @asset_check(asset=orders, name="same")
    def two():
        return True

    with pytest.raises(InvalidDefinitionError) as caught:
        Definitions(assets=[orders], asset_checks=[one, two, 3])
    assert "Two checks are called 'orders:same'" in str(caught.value)
    assert "3 is not a check" in str(caught.value)


def test_a_check_of_an_asset_that_nobody_makes_is_told_by_name():
    @asset_check(asset="nowhere")
    def lost(nowhere):
        return True

    # Nothing makes it: no run that makes assets makes this check.
    assert verdicts(materialize([orders, lost])) == {}


def test_a_check_is_called_directly_in_a_unit_test():
    @asset_check(asset=orders)
    def no_nulls(context, orders):
        return AssetCheckResult(passed=None not in orders)

    assert no_nulls(build_op_context(), [1]).passed
    with pytest.raises(InvalidInvocationError):
        no_nulls([1])


def test_evaluations_are_kept_in_the_history(tmp_path):
    instance = Instance.local_temp(str(tmp_path))

    @asset_check(asset=orders)
    def no_nulls(orders):
        return AssetCheckResult(passed=None not in orders, metadata={"<b>": "</script>"})

    result = materialize([orders, no_nulls], instance=instance)
    latest = instance.get_latest_asset_check_evaluations([orders.key])
    (key,) = latest
    assert key == AssetCheckKey("orders", "no_nulls")
    assert latest[key].run_id == result.run_id
    assert latest[key].asset_check_evaluation.passed is False
    assert instance.get_latest_asset_check_evaluations(["total"]) == {}


def test_planned_checks_are_told_before_anything_runs():
    @asset_check(asset=orders)
    def no_nulls(orders):
        return True

    result = materialize([orders, no_nulls])
    planned = [
        e for e in result.all_events if e.event_type is EventType.ASSET_CHECK_EVALUATION_PLANNED
    ]
    assert [(each.asset, each.check) for each in planned] == [(("orders",), "no_nulls")]


def test_a_stored_value_is_checked_without_making_it_again(tmp_path):
    instance = Instance.local_temp(str(tmp_path))
    made = materialize([orders], instance=instance)

    @asset_check(asset=orders)
    def no_nulls(orders):
        return None not in orders

    @asset_check(asset=orders)
    def unasked(orders):
        return True

    job = Definitions(assets=[orders], asset_checks=[no_nulls, unasked]).job_of_checks(
        "look", [AssetCheckKey("orders", "no_nulls")]
    )
    result = job.launch(instance=instance).result()
    assert verdicts(result) == {"orders:no_nulls": False}
    assert result.get_asset_materialization_events() == []
    (said,) = result.get_asset_check_evaluations()
    place, run_id = said.target_materialization_data
    assert (place is not None, run_id) == (True, made.run_id)


# --- checks that an asset's own function makes ---------------------------------


def own_checks(*names, blocking=False):
    return [AssetCheckSpec(name, asset="made", blocking=blocking) for name in names]


def test_an_assets_function_yields_the_results_of_its_checks():
    @asset(check_specs=own_checks("first", "second"))
    def made():
        yield Output([1])
        yield AssetCheckResult(passed=True, check_name="first")
        yield AssetCheckResult(passed=False, check_name="second", metadata={"n": 3})

    result = materialize([made])
    assert result.success
    assert verdicts(result) == {"made:first": True, "made:second": False}
    assert result.asset_value("made") == [1]
    assert made.check_keys == {AssetCheckKey("made", "first"), AssetCheckKey("made", "second")}


def test_results_of_checks_come_along_with_what_was_made():
    @asset(check_specs=own_checks("only"))
    def made():
        return MaterializeResult(check_results=[AssetCheckResult(passed=True)])

    assert verdicts(materialize([made])) == {"made:only": True}


def test_a_blocking_check_of_the_function_itself_fails_its_step():
    @asset(check_specs=own_checks("only", blocking=True))
    def made():
        yield Output(1)
        yield AssetCheckResult(passed=False)

    @asset
    def after(made):
        return made

    result = materialize([made, after], raise_on_error=False)
    steps = {key: state.status.value for key, state in result.state.steps.items()}
    assert steps == {"made": "failed", "after": "blocked"}
    assert verdicts(result) == {"made:only": False}


def test_a_check_that_the_function_forgets_is_told():
    @asset(check_specs=own_checks("first", "second"))
    def made():
        yield Output(1)
        yield AssetCheckResult(passed=True, check_name="first")

    with pytest.raises(InvariantViolationError, match="did not give the check 'made:second'"):
        materialize([made])


def test_a_result_of_a_check_that_nobody_declared_is_told():
    @asset
    def made():
        yield Output(1)
        yield AssetCheckResult(passed=True)

    with pytest.raises(InvariantViolationError, match="declares no checks"):
        materialize([made])


def test_checks_of_another_asset_and_of_one_name_are_refused_at_once():
    with pytest.raises(InvalidDefinitionError, match="cannot check another asset"):

        @asset(check_specs=[AssetCheckSpec("x", asset="elsewhere")])
        def made(): ...

    with pytest.raises(InvalidDefinitionError, match="Two checks are called 'made:x'"):

        @asset(name="made", check_specs=own_checks("x", "x"))
        def again(): ...


def test_a_function_of_several_assets_checks_those_that_are_asked_for():
    seen = []

    @multi_asset(
        outs={"low": AssetOut(is_required=False), "high": AssetOut(is_required=False)},
        can_subset=True,
        check_specs=[AssetCheckSpec("fine", asset="low"), AssetCheckSpec("fine", asset="high")],
    )
    def bounds(context):
        seen.append({key.to_user_string() for key in context.selected_asset_check_keys})
        for name in sorted(context.selected_output_names):
            yield Output(1, name)
            yield AssetCheckResult(passed=True, asset_key=name)

    assert verdicts(materialize([bounds])) == {"high:fine": True, "low:fine": True}
    assert verdicts(materialize([bounds], selection="low")) == {"low:fine": True}
    assert seen == [{"low:fine", "high:fine"}, {"low:fine"}]


def test_an_error_tells_what_a_check_says_without_the_signs_of_markdown():
    @asset(check_specs=[AssetCheckSpec("no_nulls", asset="orders", blocking=True)])
    def orders():
        yield Output(1)
        yield AssetCheckResult(passed=False, description="**one** row of `raw_orders_1` is null")

    @asset
    def report(orders): ...

    with pytest.raises(AssetCheckFailedError, match="pass: one row of raw_orders_1 is null"):
        materialize([orders, report])
