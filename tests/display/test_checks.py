"""Checks of assets as they are seen: on the card, in the run, alive and in the static copy."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetCheckResult,
    AssetCheckSeverity,
    asset,
    asset_check,
    materialize,
)
from jobnb.display.folding import combined_mark
from jobnb.display.picture import Card, Checks, Mark, Status
from jobnb.display.run_views import run_view
from jobnb.display.view import bundle
from jobnb.display.widgets.follow import RunMarks
from jobnb.display.widgets.run import RunView


@asset
def orders():
    return [3, None]


@asset_check(asset=orders)
def filled(orders):
    return True


@asset_check(asset=orders)
def no_nulls(orders):
    return AssetCheckResult(passed=False, description="<script>one</script>", metadata={"n": 1})


@asset_check(asset=orders)
def few():
    return AssetCheckResult(passed=False, severity=AssetCheckSeverity.WARN)


@pytest.fixture(scope="module")
def result():
    return materialize([orders, filled, no_nulls, few])


@pytest.mark.parametrize(
    ("checks", "status", "short", "words"),
    [
        (Checks(), Status.SUCCEEDED, "0", ""),
        (Checks(passed=1), Status.SUCCEEDED, "1", "1 check passed"),
        (Checks(2, 1), Status.STALE, "1 of 3", "1 of 3 checks warned"),
        (Checks(1, 1, 2), Status.FAILED, "2 of 4", "2 of 4 checks failed, 1 of 4 checks warned"),
    ],
)
def test_several_checks_are_told_by_the_gravest(checks, status, short, words):
    assert (checks.status, checks.short, checks.words) == (status, short, words)


def test_a_folded_card_adds_up_the_checks_of_its_members():
    marks = {"a": Mark(checks=Checks(1)), "b": Mark(checks=Checks(0, 0, 1)), "c": Mark()}
    card = Card("fold:g", "g", shape="folded", members=("a", "b", "c", "d"))
    assert combined_mark(card, marks).checks == Checks(1, 0, 1)


def test_the_static_copy_tells_each_check_and_escapes_what_it_says(result):
    made = bundle(run_view(RunView(result)._model.look()))
    text, html, svg = (made[kind] for kind in ("text/plain", "text/html", "image/svg+xml"))
    assert "check orders:no_nulls failed" in text
    assert "check orders:filled passed" in text
    assert "1 of 3 checks failed, 1 of 3 checks warned" in svg
    assert "&lt;script&gt;one" in html
    assert "<script>" not in html


def test_the_live_view_has_the_checks_on_the_card_and_in_a_tab(result):
    view = RunView(result)
    assert view.graph.marks["orders"]["checks"] == {
        "status": "failed",
        "short": "1 of 3",
        "words": "1 of 3 checks failed, 1 of 3 checks warned",
    }
    rows = {row["check"]: row for row in view.tabs.answer("checks")}
    assert {name: row["word"] for name, row in rows.items()} == {
        "filled": "passed",
        "no_nulls": "failed",
        "few": "warned",
    }
    assert rows["no_nulls"]["says"] == "<script>one</script>"  # text, never markup
    assert view.tabs.about["checks"] == 3
    assert "orders_no_nulls" not in " ".join(
        each["name"] for each in view.tabs.answer("outputs")["outputs"]
    )


def test_checks_of_what_was_stored_mark_its_card_too(result):
    marks = RunMarks()
    news = marks.add(
        [e for e in result.all_events if e.event_type.value == "ASSET_CHECK_EVALUATION"]
    )
    mark, since = news["orders"]
    assert (mark.status, mark.checks, since) == (Status.NONE, Checks(1, 1, 1), None)
