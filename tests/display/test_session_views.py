from __future__ import annotations

import time
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import AssetKey, Definitions, Instance, Session, asset, define_asset_job, op
from jobnb.display.asset_history import PastMaterialization, past_parts, plots
from jobnb.display.asset_views import (
    definitions_view,
    known_asset_view,
    known_job_view,
    session_view,
)
from jobnb.display.history_views import run_table_view
from jobnb.display.noun_views import job_view
from jobnb.display.picture import Status
from jobnb.display.result_views import result_view
from jobnb.display.status_views import status_view, statuses_view
from jobnb.display.summaries import AssetSummary, summaries
from jobnb.display.text import moment
from jobnb.display.view import bundle
from jobnb.display.widgets.asset import AssetView
from jobnb.display.widgets.job import JobView
from jobnb.display.widgets.tooltips import asset_facts
from tests.display.reading import check_bundle


@asset(group_name="load")
def orders():
    return [1, 2]


@asset
def revenue(orders, prices):
    return 3


@op
def tidy():
    """Tidies up."""


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.delenv("JOBNB_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    with Session.capture() as made:
        made.home = str(tmp_path / "home")
        made.add(orders, revenue, tidy, define_asset_job("nightly", "*revenue"))
        yield made
    if (tmp_path / "home").exists():
        Instance.from_home(made.home).dispose()


def test_a_session_shows_all_that_it_knows(session):
    view = session_view(session)
    text = check_bundle(bundle(view))["text/plain"]
    assert "2 assets, 1 job" in text
    assert "op tidy" in text
    assert "never" in text
    assert {card.key: card.shape for card in view.picture.cards} == {
        "orders": "asset",
        "revenue": "asset",
        "prices": "missing",
    }


def test_a_look_makes_no_history(session, tmp_path):
    session_view(session)
    known_asset_view(revenue)
    assert list(tmp_path.iterdir()) == []


def test_what_was_made_is_marked(session):
    session.materialize("orders")
    view = session_view(session)
    assert view.picture.mark("orders").status is Status.SUCCEEDED
    assert view.picture.mark("orders").detail.startswith("20")
    assert view.picture.mark("revenue").status is Status.NONE
    assert known_asset_view(revenue).picture.mark("orders").status is Status.SUCCEEDED


def test_what_is_stale_is_marked_and_told_why(session):
    session.materialize("orders")

    @asset(name="orders", group_name="load")
    def other():
        return "<b>"

    session.add(other)
    view = session_view(session)
    assert view.picture.mark("orders").status is Status.STALE
    assert view.picture.mark("orders").detail.startswith("code changed")
    assert "stale: code changed" in check_bundle(bundle(view))["text/plain"]
    stale = session.stale("orders")
    assert "↻ stale" in check_bundle(bundle(statuses_view(stale)))["text/plain"]
    assert "code changed" in check_bundle(bundle(status_view(stale["orders"])))["text/html"]
    assert "never made" in bundle(status_view(session.status("revenue")))["text/html"]
    session.materialize("orders")
    assert "All assets are fresh" in bundle(statuses_view(session.stale("orders")))["text/html"]


def test_what_the_code_uses_and_cannot_be_followed_is_told_wherever_the_asset_stands(session):
    text = (
        "import random\nfrom jobnb import asset\nrng, cache = random.Random(1), {}\n"
        "@asset\ndef drawn():\n    cache[1] = 1\n    return rng.random()"
    )
    exec(text, scope := {"__name__": "__main__"})
    session.add(scope["drawn"])
    session.materialize("drawn")
    blind = "not followed: `rng`, an object of class random.Random"
    changed = "not counted: `cache`, which the code changes"
    status = session.status("drawn")
    assert str(status) == f"drawn is fresh ({blind})"
    shown = check_bundle(bundle(status_view(status)))
    for words in (blind, changed):
        assert words in shown["text/plain"]
        assert words in shown["text/html"]
    stale = session.stale("drawn")
    assert repr(stale) == f"<All assets are fresh.>\ndrawn: {blind}"
    shown = check_bundle(bundle(statuses_view(stale)))
    for words in ("All assets are fresh", f"drawn: {blind}"):
        assert words in shown["text/plain"]
        assert words in shown["text/html"]
    assert "cache" not in shown["text/html"]
    key = AssetKey("drawn")
    tell = asset_facts({key: scope["drawn"]}, summaries(session, [key]), session)
    facts = dict(tell("drawn"))
    assert facts["not followed"] == "`rng`, an object of class random.Random"
    assert facts["not counted"] == "`cache`, which the code changes"
    assert AssetView(scope["drawn"]).card.told["keys"][0]["notes"] == [changed, blind]
    session.add(asset(name="drawn", code_version="1")(scope["drawn"].op.compute_fn))
    assert session.status("drawn").notes == ()  # who gives a version answers for it


def test_many_notes_are_shortened_and_escaped(session):
    names = ", ".join(f"r{n}" for n in range(40))
    text = (
        f"import random\nfrom jobnb import asset\n{names} = (random.Random() for _ in range(40))\n"
        f"@asset\ndef drawn():\n    return {names}"
    )
    exec(text, scope := {"__name__": "__main__"})
    session.add(scope["drawn"])
    session.materialize("drawn")
    assert len(session.status("drawn").notes) == 40
    assert str(session.status("drawn")).endswith("; and 34 more)")
    html = check_bundle(bundle(status_view(session.status("drawn"))))["text/html"]
    assert "… 10 more notes" in html


def test_an_asset_shows_what_the_session_makes_of_it(session):
    view = known_asset_view(orders)
    assert [(edge.start, edge.end) for edge in view.picture.edges] == [
        ("orders", "revenue"),
        ("prices", "revenue"),
    ]


def test_an_asset_that_the_session_does_not_know_is_shown_alone(session):
    session.clear()
    view = known_asset_view(orders)
    assert [card.key for card in view.picture.cards] == ["orders"]


def test_an_asset_job_is_drawn_over_the_assets_of_the_session(session):
    view = known_job_view(define_asset_job("one", "orders"))
    assert [card.key for card in view.picture.cards] == ["orders"]
    session.clear()
    assert "selection: key:orders" in known_job_view(define_asset_job("one", "orders")).text


def test_a_job_that_asks_how_assets_stand_says_what_it_draws(session, tmp_path):
    stale = define_asset_job("everything_stale", "status:stale or status:missing and orders")
    session.add(stale)
    view = known_job_view(stale)
    assert {card.key for card in view.picture.cards} == {"orders", "revenue", "prices"}
    told = check_bundle(bundle(view))
    for text in (told["text/plain"], told["text/html"]):
        assert "looked up at each launch; drawn is all that could be selected" in text
    assert not (tmp_path / "home").exists()
    session.instance.get_runs_count()
    view = known_job_view(stale)
    assert [card.key for card in view.picture.cards] == ["orders"]
    assert "what stands so now; looked up again at each launch" in view.text
    session.materialize("orders")
    view = known_job_view(stale)
    assert {card.key for card in view.picture.cards} == {"orders", "revenue", "prices"}
    assert "nothing stands so now; drawn is all that could be selected" in view.text
    assert "nothing stands so now" in JobView(stale).bar.heading["note"]
    idle = bundle(result_view(session.execute_job("everything_stale")))
    assert "✓ succeeded (nothing had to be done" in idle["text/plain"]
    check_bundle(bundle(job_view(session.job("everything_stale"))))


def test_a_job_that_selects_what_is_not_there_yet_is_still_shown(session):
    check_bundle(bundle(known_job_view(define_asset_job("later", "not_yet_defined"))))


def test_the_history_is_a_table(session):
    session.materialize("orders")
    with pytest.raises(Exception, match="prices"):
        session.materialize("revenue")
    text = check_bundle(bundle(run_table_view(session.runs)))["text/plain"]
    assert "1 run" in text
    assert "✓ succeeded" in text


@given(st.floats(0, time.time() + 1e9))
def test_any_time_is_told(seconds):
    made = AssetSummary(Status.SUCCEEDED, seconds)
    assert made.mark.detail == moment(seconds)
    assert made.words


def test_an_asset_shows_its_metadata_how_it_went_its_runs_and_why_it_is_stale(session):
    counts = iter([3, 7, 5])

    @asset(name="orders")
    def counted(context):
        context.add_output_metadata({"<rows>": next(counts), "share": 0.5, "note": "<b>"})

    session.add(counted)
    first = session.materialize("orders").run_id
    session.materialize("orders")
    last = session.materialize("orders").run_id
    html = check_bundle(bundle(known_asset_view(counted)))["text/html"]
    assert first[:8] in html
    assert last[:8] in html
    assert 'aria-label="&lt;rows&gt;: 3 to 7, last 5"' in html
    assert 'aria-label="share: 0.5 to 0.5, last 0.5"' in html
    assert html.count("<polyline") == 2
    assert "&lt;b&gt;" in html

    @asset(name="orders")
    def other():
        return 1

    session.add(other)
    assert "stale: code changed" in check_bundle(bundle(known_asset_view(other)))["text/html"]
    assert "stale: code changed" in bundle(known_asset_view(other))["text/plain"]


@given(st.lists(st.floats() | st.integers(), max_size=8))
def test_a_plot_holds_only_finite_numbers(numbers):
    def making(at, number):
        kind = "float" if isinstance(number, float) else "int"
        return PastMaterialization(
            float(at), f"run{at}", "", {"n": {"type": kind, "value": number}}
        )

    past = [making(at, number) for at, number in enumerate(numbers)][::-1]
    drawn = "".join(body for _, body in past_parts(past))
    points = plots(past).get("n", [])
    assert len(points) in (0, *range(2, 9))
    assert all(isfinite(y) for _, y in points)
    assert "nan" not in drawn.partition("<svg")[2].partition("</svg")[0]
    assert "inf" not in drawn.partition("<svg")[2].partition("</svg")[0]


def test_the_table_of_assets_has_a_column_of_kinds_where_one_has_a_kind():
    @asset
    def plain_one(): ...

    @asset(compute_kind="sql")
    def of_sql(): ...

    without = definitions_view(Definitions(assets=[plain_one]))
    assert "kind" not in without.text
    assert ">kind<" not in without.html
    both = definitions_view(Definitions(assets=[plain_one, of_sql]))
    assert "kind" in both.text
    assert ">sql<" in both.html
