"""What each check said last, wherever assets are listed, and a check's own view."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Engine
from sqlalchemy import event as sql

from jobnb import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    Instance,
    InvalidSubsetError,
    Output,
    Session,
    SourceAsset,
    asset,
    asset_check,
    multi_asset_check,
)
from jobnb.display.asset_views import known_asset_view, known_source_view, session_view
from jobnb.display.check_views import check_view
from jobnb.display.install import VIEWS, mimebundle
from jobnb.display.summaries import summaries
from jobnb.display.widgets.catalogue import Catalogue
from jobnb.display.widgets.tooltips import asset_facts
from tests.display.reading import check_bundle

HOSTILE = '<script>alert("x")</script>'


@asset
def orders():
    return [3, None]


@asset(check_specs=[AssetCheckSpec("own", asset="total")])
def total(orders):
    yield Output(3)
    yield AssetCheckResult(passed=True)


@asset
def unchecked():
    return 1


prices = SourceAsset("prices")


@asset_check(asset=orders, blocking=True, description="No order is **null**.")
def no_nulls(orders):
    return AssetCheckResult(
        passed=None not in orders,
        severity=AssetCheckSeverity.WARN,
        description=HOSTILE,
        metadata={"nulls": 1},
    )


@asset_check(asset=orders, metadata={"since": 2013})
def few(orders):
    return True


@asset_check(asset=prices)
def there():
    return True


@multi_asset_check(specs=[AssetCheckSpec("a", asset=orders), AssetCheckSpec("b", asset=total)])
def both():
    yield AssetCheckResult(passed=True, asset_key="orders", check_name="a")
    yield AssetCheckResult(passed=False, asset_key="total", check_name="b")


CHECKS = [no_nulls, few, there, both]


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.setenv("JOBNB_HOME", str(tmp_path / "home"))
    with Session.capture() as made:
        made.add(orders, total, unchecked, prices, *CHECKS)
        yield made
    if (tmp_path / "home").exists():
        Instance.from_home(str(tmp_path / "home")).dispose()


def test_before_any_run_checks_are_listed_as_never_run(session):
    assert "check no_nulls: never run" in known_asset_view(orders).text
    assert "orders:no_nulls (blocking): never run" in check_view(no_nulls).text
    assert "2 never run" in session_view(session).text
    assert session_view(session).text.startswith("session: 3 assets, 1 source asset, 4 checks")


def test_after_a_run_the_last_verdicts_stand_everywhere(session):
    session.materialize()
    session.materialize("checks(prices)")
    text = known_asset_view(orders).text
    assert "check no_nulls: warned, " in text
    assert "check few: passed, " in text
    assert "check own: passed, " in known_asset_view(total).text
    assert "check there: passed, " in known_source_view(prices).text
    listed = session_view(session).text
    assert "1 of 3 checks warned" in listed
    assert "1 of 2 checks failed" in listed
    how = summaries(session, [orders.key, unchecked.key])
    assert how[orders.key].mark.checks.words == "1 of 3 checks warned"
    assert how[unchecked.key].checks == ()


def test_a_checks_own_view_tells_what_it_said_lately(session):
    for _ in range(2):
        session.materialize("orders")
    view = check_view(no_nulls)
    assert str(view.html).count("warned") == 2
    assert "what is made from the asset waits for it" in view.html
    assert "<strong>null</strong>" in view.html
    assert "2,013" in check_view(few).html
    several = check_view(both).text
    assert "total:b: " in several


@pytest.mark.parametrize("thing", [orders, prices, no_nulls, both])
def test_views_escape_what_checks_say_and_never_fail(session, thing):
    session.materialize("orders")
    names = (f"{cls.__module__}:{cls.__name__}" for cls in type(thing).__mro__)
    bundle = check_bundle(mimebundle(thing, next(VIEWS[name] for name in names if name in VIEWS)))
    assert "<script>" not in bundle["text/html"]


def test_the_history_is_asked_once_for_all_checks_and_not_at_all_without(session):
    session.materialize()
    asked = []

    def heard(_connection, _cursor, statement, *_rest):
        if "row_number" in statement:
            asked.append(statement)

    sql.listen(Engine, "before_cursor_execute", heard)
    try:
        session_view(session)
        assert len(asked) == 1
        asked.clear()
        with Session.capture() as plain:
            plain.add(unchecked)
            session_view(plain)
        assert asked == []
    finally:
        sql.remove(Engine, "before_cursor_execute", heard)


def rows(view):
    return {row["key"]: row for row in view.rows}


def test_rows_of_the_catalogue_tell_of_checks(session):
    session.materialize()
    found = rows(Catalogue(session))
    assert found["unchecked"]["checks"] is None
    assert found["prices"]["checks"]["short"] == "not checked"
    assert found["orders"]["checks"] == {
        "status": "stale",
        "short": "1 of 3",
        "noun": "checks",
        "words": "checks: 1 of 3 checks warned",
        "names": ["no_nulls", "few", "a"],
    }


def test_checks_run_from_the_catalogue_on_what_is_stored(session):
    session.materialize("without_checks(*)")
    done = threading.Event()
    view = Catalogue(session, ended=done.set)
    run_id = view.check(["orders", "prices"])
    assert done.wait(30)
    record = session.instance.get_run_by_id(run_id)
    names = {key.to_user_string() for key in record.asset_check_selection}
    # What can only be made together is made together.
    assert names == {"orders:no_nulls", "orders:few", "prices:there", "orders:a", "total:b"}
    assert rows(view)["prices"]["checks"]["short"] == "1"
    assert view.graph.marks[view.graph._place_of["orders"]]["checks"]["status"] == "stale"
    with pytest.raises(InvalidSubsetError, match="None of these has a check"):
        view.check(["unchecked"])


def test_hover_facts_list_the_checks(session):
    session.materialize("orders")
    keys = [each.key for each in (orders, unchecked)]
    tell = asset_facts({each.key: each for each in (orders,)}, summaries(session, keys), session)
    facts = dict(tell("orders"))
    assert "few: passed" in facts["checks"]
    assert not dict(tell("unchecked")).get("checks")
