"""Selections that ask how assets stand, wherever a session takes a selection."""

from __future__ import annotations

import pytest

from jobnb import AssetKey, AssetSelection, InvalidSubsetError, Session, asset
from jobnb.registry.target_resolution import pinned


def orders_of(version):
    @asset(code_version=version)
    def orders():
        return [1, 2]

    return orders


@asset
def revenue(orders):
    return sum(orders)


@asset
def alone():
    return 1


@pytest.fixture
def session(tmp_path):
    return Session(home=str(tmp_path / "home")).add(orders_of("1"), revenue, alone)


def made(run):
    return {event.asset_key.to_user_string() for event in run.get_asset_materialization_events()}


def test_what_is_missing_is_made_then_what_has_become_stale(session):
    session.materialize("orders")
    assert made(session.materialize("status:missing and not alone")) == {"revenue"}
    session.add(orders_of("2"))
    assert made(session.materialize("status:stale")) == {"orders", "revenue"}
    assert pinned(session, "status:fresh") == AssetSelection.keys("orders", "revenue")
    assert pinned(session, ["status:missing", "orders"]) == AssetSelection.keys("alone", "orders")


def test_what_failed_is_made_anew(session):
    @asset(name="alone")
    def broken():
        raise ValueError("no such file")

    session.add(broken)
    with pytest.raises(ValueError, match="no such file"):
        session.materialize("alone")
    assert pinned(session, "status:FAILED") == AssetSelection.keys("alone")


def test_a_run_in_the_background_keeps_what_stood_so_when_it_began(session):
    run = session.launch("1+status:missing and not alone")
    run.wait(30)
    again = run.rerun()
    again.wait(30)
    assert (
        set(run.plan.asset_keys)
        == set(again.plan.asset_keys)
        == {
            AssetKey("orders"),
            AssetKey("revenue"),
        }
    )


def test_if_none_stands_so_that_is_told(session):
    with pytest.raises(InvalidSubsetError, match="'status:stale' names no asset: none stands so"):
        session.materialize("status:stale")


def test_a_selection_that_does_not_ask_stays_as_it_is(session):
    assert pinned(session, "*revenue") == "*revenue"
    assert pinned(session, None) is None
    with pytest.raises(InvalidSubsetError, match="column 10"):
        pinned(session, "orders or")


def test_a_bare_name_that_means_a_key_of_the_same_prefix_is_walked_as_it_runs(tmp_path):
    @asset(key_prefix="mart")
    def sales():
        return 1

    @asset(key_prefix="mart")
    def report(sales):
        return sales

    session = Session(home=str(tmp_path / "home")).add(sales, report)
    both = {AssetKey(["mart", "sales"]), AssetKey(["mart", "report"])}
    assert session.snapshot().named_by("*mart/report") == both
    assert pinned(session, "1+(mart/report and status:missing)") == AssetSelection.keys(
        *sorted(both)
    )
