"""Runs that make only what is stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobnb import (
    AssetKey,
    Instance,
    InvariantViolationError,
    Session,
    asset,
    job,
    mem_io_manager,
    op,
)

calls: list[str] = []


@pytest.fixture
def session(home: Path):
    calls.clear()
    made = Session(home=str(home))
    define(made)
    yield made
    made.instance.dispose()


def define(session: Session, **bodies: str) -> None:
    """Write the three assets, some with another body."""
    texts = {"orders": "[1, 2]", "revenue": "sum(orders)", "top": "revenue + 1", **bodies}
    heads = {"orders": "()", "revenue": "(orders)", "top": "(revenue)"}
    for name, head in heads.items():
        scope: dict[str, Any] = {"__name__": "cells", "calls": calls}
        exec(f"def {name}{head}:\n    calls.append('{name}')\n    return {texts[name]}", scope)
        session.add(asset(scope[name]))


def went() -> list[str]:
    """What has run since the last look."""
    found = list(calls)
    calls.clear()
    return found


def test_what_is_missing_is_made_and_then_nothing(session: Session) -> None:
    assert session.materialize(stale_only=True).success
    assert went() == ["orders", "revenue", "top"]
    again = session.materialize(stale_only=True)
    assert went() == []
    assert again.success
    assert [key.path[-1] for key in again.fresh_assets] == ["orders", "revenue", "top"]
    assert again.asset_value("top") == 4
    assert "3 fresh assets not made again" in repr(again)
    assert any(
        "fresh and not made again: orders, revenue, top" in e.message for e in again.all_events
    )
    assert again.run.step_keys_to_execute == []


def test_a_change_and_what_follows_is_made_from_values_that_are_loaded(session: Session) -> None:
    session.materialize()
    went()
    define(session, revenue="sum(orders) * 2")
    assert session.materialize(stale_only=True).asset_value("top") == 7
    assert went() == ["revenue", "top"]
    assert not session.stale()


def test_what_failed_is_tried_again(session: Session) -> None:
    define(session, revenue="orders.nope")
    session.materialize(raise_on_error=False, stale_only=True)
    assert session.status("revenue").status.value == "failed"
    assert session.status("top").status.value == "missing"
    went()
    define(session)
    session.materialize(stale_only=True)
    assert went() == ["revenue", "top"]


def test_what_is_stale_by_others_that_are_not_selected_stays(session: Session) -> None:
    session.materialize()
    went()
    define(session, orders="[5]")
    result = session.materialize("top", stale_only=True)
    assert went() == []
    told = " ".join(event.message for event in result.all_events)
    assert "stale by what is not selected: top (upstream 'orders': code changed" in told
    session.materialize("revenue", stale_only=True)
    assert went() == []
    session.materialize("orders", stale_only=True)
    session.materialize(["top", "revenue"], stale_only=True)
    assert went() == ["orders", "revenue", "top"]


def test_a_run_in_the_background_makes_what_is_stale_and_can_be_repeated(session: Session) -> None:
    session.launch(stale_only=True).wait()
    went()
    define(session, top="revenue * 2")
    run = session.launch(stale_only=True)
    run.wait()
    assert went() == ["top"]
    assert run.record.step_keys_to_execute == ["top"]
    again = run.rerun()
    again.wait()
    assert went() == ["top"]  # what it was about, fresh or not


def test_a_failed_run_of_stale_assets_goes_on_from_there(session: Session) -> None:
    session.materialize()
    define(session, revenue="sum(orders) * 3", top="revenue.nope")
    run = session.launch(stale_only=True)
    run.wait()
    went()
    define(session, revenue="sum(orders) * 3", top="revenue * 2")
    again = run.rerun(from_failure=True)
    again.wait()
    assert went() == ["top"]
    assert session.value("top") == 18


def test_values_that_memory_has_lost_are_made_again_where_they_are_needed(
    session: Session,
) -> None:
    resources = {"io_manager": mem_io_manager}
    session.materialize(resources=resources)
    went()
    session.materialize(stale_only=True, resources=resources)
    assert went() == []
    define(session, top="revenue * 2")
    assert session.materialize(stale_only=True, resources=resources).success
    assert went() == ["orders", "revenue", "top"]


def test_a_job_of_ops_cannot_be_stale(session: Session) -> None:
    @op
    def one(): ...

    @job
    def ops():
        one()

    with pytest.raises(InvariantViolationError, match="makes no assets"):
        session.launch(ops, stale_only=True)


def test_an_asset_job_runs_its_stale_part(session: Session) -> None:
    from jobnb import define_asset_job

    session.add(define_asset_job("daily", "*revenue"))
    session.launch("daily", stale_only=True).wait()
    assert went() == ["orders", "revenue"]
    session.launch("daily", stale_only=True).wait()
    assert went() == []


def test_a_selection_of_stale_is_looked_at_alone(session: Session) -> None:
    assert list(session.stale("*revenue")) == [AssetKey("orders"), AssetKey("revenue")]
    assert session.status("orders").causes == ()
    assert session.status("orders").reasons == ("never made",)


def test_a_status_of_ten_thousand_assets_takes_few_queries(tmp_path: Path, monkeypatch) -> None:
    from jobnb import Definitions, materialize
    from jobnb.staleness.statuses import asset_statuses
    from jobnb.storage.history import History

    def made(n: int) -> Any:
        return asset(name=f"a_{n}", deps=[f"a_{n - 1}"] if n else [])(lambda: None)

    assets = [made(n) for n in range(1_000)]
    with Instance.ephemeral() as instance:
        materialize(assets, instance=instance)
        reads = []
        real = History.read
        monkeypatch.setattr(History, "read", lambda self, q: reads.append(q) or real(self, q))
        found = asset_statuses(Definitions.of(assets=assets), instance)
    assert len(reads) <= 3
    assert {each.status.value for each in found.values()} == {"fresh"}
