"""Runs of selected checks: on stored values, without making anything, and left out."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSpec,
    AssetOut,
    AssetSelection,
    Definitions,
    Instance,
    InvalidSubsetError,
    InvariantViolationError,
    Output,
    RunRequest,
    Session,
    asset,
    asset_check,
    define_asset_job,
    job,
    materialize,
    multi_asset,
    multi_asset_check,
    op,
)
from jobnb.execution import launch

ran: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_ran():
    ran.clear()


@asset
def orders():
    ran.append("orders")
    return [3, None]


@asset(check_specs=[AssetCheckSpec("own", asset="total")])
def total(orders):
    ran.append("total")
    yield Output(sum(each or 0 for each in orders))
    yield AssetCheckResult(passed=True)


@asset_check(asset=orders)
def no_nulls(orders):
    ran.append("no_nulls")
    return None not in orders


@asset_check(asset=orders)
def few(orders):
    ran.append("few")
    return len(orders) < 10


@asset_check(asset="total")
def positive(total):
    ran.append("positive")
    return total > 0


CHECKS = [no_nulls, few, positive]
DEFINED = Definitions(assets=[orders, total], asset_checks=CHECKS)


@pytest.fixture
def instance(home):
    with Instance.from_home(home) as instance:
        yield instance


@pytest.fixture
def session(instance, monkeypatch):
    monkeypatch.setattr(Session, "instance", instance)
    with Session.capture() as session:
        session.add(orders, total, *CHECKS)
        session.materialize(AssetSelection.all().without_checks())
        ran.clear()
        yield session


def verdicts(result):
    return {
        e.asset_check_key.to_user_string(): e.passed for e in result.get_asset_check_evaluations()
    }


@pytest.mark.parametrize(
    "selection",
    [AssetSelection.checks_for_assets("orders"), "checks(orders)", [no_nulls, few],
     [AssetCheckKey("orders", "few"), AssetCheckKey("orders", "no_nulls")]],
)  # fmt: skip
def test_checks_alone_look_at_what_is_stored_and_make_nothing(session, selection):
    result = session.materialize(selection)
    assert verdicts(result) == {"orders:no_nulls": False, "orders:few": True}
    assert sorted(ran) == ["few", "no_nulls"]
    assert result.get_asset_materialization_events() == []


def test_checks_alone_run_in_the_background_and_again(session, monkeypatch):
    run = session.launch("check:orders:few")
    assert verdicts(run.result()) == {"orders:few": True}
    record = session.instance.get_run_by_id(run.run_id)
    assert record.asset_check_selection == {AssetCheckKey("orders", "few")}
    assert record.asset_selection is None
    assert verdicts(run.rerun().result()) == {"orders:few": True}
    # As another kernel does it, from the history alone.
    monkeypatch.setattr(launch, "find", lambda kind, _run_id: None)
    again = session.rerun(run.run_id)
    assert verdicts(again.result()) == {"orders:few": True}
    assert ran == ["few"] * 3


def test_a_job_without_checks_makes_assets_only(instance):
    quiet = define_asset_job("quiet", AssetSelection.keys("orders").without_checks())
    result = DEFINED.merge(DEFINED, Definitions(jobs=[quiet])).get_job_def("quiet")
    result = result.execute_in_process(instance=instance)
    assert (ran, verdicts(result)) == (["orders"], {})
    record = instance.get_run_by_id(result.run_id)
    assert record.asset_check_selection == frozenset()


def test_a_check_of_a_function_that_makes_its_asset_comes_along():
    result = materialize([orders, total, *CHECKS], selection="without_checks(*)")
    assert verdicts(result) == {"total:own": True}
    assert ran == ["orders", "total"]


def test_a_check_cannot_be_made_without_the_function_that_makes_its_asset():
    with pytest.raises(InvalidSubsetError, match=r"'total:own' is made by the function.*'total'"):
        materialize([orders, total, *CHECKS], selection="check:total:own")
    with pytest.raises(InvalidSubsetError, match="'total:own' is made by the function"):
        materialize([orders, total], selection="checks()")


def test_checks_that_can_be_made_alone_are_made_where_all_are_asked_for(session):
    assert verdicts(session.materialize("checks(total)")) == {"total:positive": True}


def test_a_function_that_can_make_parts_makes_only_the_checks_asked_for():
    specs = [AssetCheckSpec("fine", asset=key) for key in ("low", "high")]
    outs = {"low": AssetOut(is_required=False), "high": AssetOut(is_required=False)}

    @multi_asset(outs=outs, can_subset=True, check_specs=specs)
    def bounds(context):
        asked = sorted(key.to_user_string() for key in context.selected_asset_check_keys)
        ran.extend(asked)
        for name in sorted(context.selected_output_names):
            yield Output(1, name)
        for name in asked:
            yield AssetCheckResult(passed=True, asset_key=name.split(":", maxsplit=1)[0])

    result = materialize([bounds], selection="* and not check:low:fine")
    assert verdicts(result) == {"high:fine": True}
    assert ran == ["high:fine"]
    assert len(result.get_asset_materialization_events()) == 2
    assert verdicts(materialize([bounds], selection="without_checks(*)")) == {}
    assert bounds.subset_for([*bounds.keys], []).check_keys == frozenset()
    alone = materialize([bounds], selection="check:low:fine")
    assert verdicts(alone) == {"low:fine": True}
    assert alone.get_asset_materialization_events() == []


def test_checks_made_together_are_made_when_all_are_chosen_or_refused_by_name():
    specs = [AssetCheckSpec("same", asset=orders), AssetCheckSpec("same", asset="total")]

    @multi_asset_check(specs=specs)
    def both():
        yield AssetCheckResult(passed=True, asset_key="orders")
        yield AssetCheckResult(passed=True, asset_key="total")

    made = [orders, total, both]
    assert verdicts(materialize(made, selection="orders")) == {}
    for selection in ("check:orders:same", "checks(orders)"):
        with pytest.raises(InvalidSubsetError, match="both.*cannot make only some"):
            materialize(made, selection=selection)


def test_a_part_of_a_job_is_chosen_by_checks(instance):
    whole = DEFINED.get_implicit_global_asset_job_def()
    whole.execute_in_process(instance=instance)
    ran.clear()
    alone = whole.get_subset(asset_check_selection=[AssetCheckKey("orders", "few")])
    alone.execute_in_process(instance=instance)
    assert ran == ["few"]
    ran.clear()
    part = whole.get_subset(asset_selection=[orders.key], asset_check_selection=[])
    part.execute_in_process(instance=instance)
    assert ran == ["orders"]
    ran.clear()
    whole.execute_in_process(
        instance=instance, asset_selection=[orders.key], asset_check_selection=["orders:few"]
    )
    assert ran == ["orders", "few"]
    with pytest.raises(InvalidSubsetError, match=r"does not check 'orders:fw'.*'orders:few'"):
        whole.execute_in_process(instance=instance, asset_check_selection=["orders:fw"])


def test_a_job_of_ops_has_no_checks_to_choose_from():
    @op
    def one(): ...

    @job
    def plain():
        one()

    with pytest.raises(InvariantViolationError, match="asset_check_selection"):
        plain.execute_in_process(asset_check_selection=["orders:few"])


def test_nothing_at_all_is_refused():
    with pytest.raises(InvalidSubsetError, match="no asset that can be made, and no check"):
        materialize([orders], selection="checks()")


def test_a_request_names_checks():
    request = RunRequest(asset_check_keys=[AssetCheckKey("orders", "few")])
    assert request.asset_check_keys == [AssetCheckKey("orders", "few")]
    assert RunRequest().asset_check_keys is None


def test_assets_that_stand_so_are_taken_without_their_checks(session):
    result = session.materialize("without_checks(status:fresh and orders)")
    assert ran == ["orders"]
    assert verdicts(result) == {}
