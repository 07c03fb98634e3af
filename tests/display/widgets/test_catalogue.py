"""The catalogue of a session: its rows, what can be made from it, and how it keeps up."""

from __future__ import annotations

import threading
import time

import pytest

from jobnb import (
    AssetOut,
    Config,
    DailyPartitionsDefinition,
    EventType,
    InvalidSubsetError,
    JobnbError,
    Output,
    Run,
    Session,
    SourceAsset,
    asset,
    job,
    multi_asset,
    op,
)
from jobnb.display.widgets.asset import AssetView
from jobnb.display.widgets.catalogue import Catalogue, SessionView
from jobnb.display.widgets.launchpad import Launchpad
from jobnb.display.widgets.partitions import PartitionsView
from jobnb.display.widgets.run import RunView
from jobnb.execution.task import find
from tests.display.reading import HOSTILE


@pytest.fixture
def session(tmp_path, monkeypatch):
    """A session with a history of its own."""
    monkeypatch.setenv("JOBNB_HOME", str(tmp_path / "history"))
    with Session.capture() as captured:
        yield captured


@pytest.fixture
def defined(session):
    """Two assets in two groups, one that fails, a source, and a job."""

    @asset(group_name="load")
    def orders(prices):
        """All orders.

        More of them.
        """
        return [1, 2]

    @asset(group_name="report")
    def revenue(orders):
        return sum(orders)

    @asset(group_name="report")
    def broken(orders):
        raise ValueError("no")

    @op
    def five():
        return 5

    @job(description="Counts.")
    def numbers():
        five()

    session.add(SourceAsset("prices"), orders, revenue, broken, five, numbers)
    return session


def rows(view):
    return {row["key"]: row for row in view.rows}


def ended(view):
    """What a catalogue calls when a run that it started has ended."""
    done = threading.Event()
    view._ended = done.set
    return done


def test_assets_stand_by_group_and_sources_at_the_end(defined):
    view = Catalogue(defined)
    assert [row["group"] for row in view.rows] == ["load", "report", "report", "default"]
    assert view.rows[-1]["source"]
    assert rows(view)["orders"]["doc"] == "All orders."
    assert rows(view)["orders"]["word"] == "never made"
    assert [each["name"] for each in view.contents["jobs"]] == ["numbers"]
    assert {each["noun"] for each in view.contents["parts"]} == {"op"}


def test_what_is_selected_in_the_graph_is_selected(defined):
    view = Catalogue(defined)
    view.selected = ["orders", "gone"]
    assert view.selected == ["orders"]
    assert view.graph.selection == "orders"


def test_nothing_defined_is_nothing_shown(session):
    view = Catalogue(session)
    assert (view.rows, view.graph, view.selected) == ([], None, [])
    with pytest.raises(InvalidSubsetError, match="None of these"):
        view.answer("materialize")


def test_what_is_made_turns_and_its_value_can_be_looked_at(session):
    @asset
    def one():
        return 1

    session.add(one)
    shown = []
    view = Catalogue(session, shown.append)
    done = ended(view)
    run_id = view.answer("materialize", keys=["one"])
    assert done.wait(30)
    assert isinstance(shown[0], RunView)
    assert shown[0].run_id == run_id
    assert rows(view)["one"]["status"] == "succeeded"
    assert rows(view)["one"]["made"]
    assert view.graph.marks["one"]["status"] == "succeeded"
    assert view.answer("preview", key="one")["text"] == "1"


def test_a_failure_stands_in_its_row(session):
    @asset
    def broken():
        raise ValueError("no")

    session.add(broken)
    view = Catalogue(session)
    done = ended(view)
    view.answer("materialize", keys=[])
    assert done.wait(30)
    assert rows(view)["broken"]["status"] == "failed"
    assert "ValueError" in rows(view)["broken"]["word"]


def test_a_source_alone_cannot_be_made(defined):
    with pytest.raises(InvalidSubsetError, match="None of these"):
        Catalogue(defined).answer("materialize", keys=["prices"])


def test_config_that_is_missing_is_said_before_anything_runs(session):
    class Needed(Config):
        year: int

    @asset
    def yearly(config: Needed):
        return config.year

    session.add(yearly)
    with pytest.raises(JobnbError, match="year"):
        Catalogue(session).answer("materialize", keys=["yearly"])


def test_a_launchpad_is_opened_for_a_job_or_for_assets(defined):
    shown = []
    view = Catalogue(defined, shown.append)
    view.answer("launchpad", job="numbers")
    view.answer("launchpad", keys=["orders"])
    assert [type(each) for each in shown] == [Launchpad, Launchpad]
    with pytest.raises(JobnbError, match="numbers"):
        view.answer("launchpad", job="numbrs")


def test_refreshing_takes_in_what_was_defined_meanwhile_and_keeps_selection_and_folds(defined):
    view = Catalogue(defined)
    view.graph.picked, view.graph.downstream = ["orders"], True
    selected = view.selected
    view.graph.fold(["report"])
    graph = view.graph

    @asset(group_name="load")
    def customers():
        return 1

    defined.add(customers)
    view.answer("refresh")
    assert "customers" in rows(view)
    assert view.graph is graph  # where someone looks stays in sight
    assert "customers" in graph.marks
    assert view.selected == selected
    assert graph.folded == [("report",)]
    drawing = graph.drawing
    view.answer("refresh")
    assert graph.drawing is drawing  # what has not changed is not drawn again


def test_what_ends_elsewhere_or_is_defined_anew_leaves_it_behind_until_it_is_asked_to_keep_up(
    session, tmp_path
):
    @asset
    def one():
        return 1

    @asset(partitions_def=DAYS)
    def daily(context):
        return 1

    session.add(one, daily)
    view, other = Catalogue(session), Catalogue(Session(home=str(tmp_path / "other")))
    graph = view.graph
    assert not view.behind
    session.materialize("one")
    assert view.behind
    assert rows(view)["one"]["word"] == "never made"
    assert view.answer("keep_up")
    assert rows(view)["one"]["status"] == "succeeded"
    assert view.graph is graph  # which stays as it is, zoomed and folded
    assert graph.marks["one"]["status"] == "succeeded"
    assert not view.behind

    session.backfill("daily", ["2013-01-01"]).wait(30)
    assert eventually(lambda: view.behind)
    view.answer("keep_up")
    assert "1 of 365 made" in rows(view)["daily"]["word"]

    session.launch("one").wait(30)
    assert eventually(lambda: view.behind)
    view.answer("keep_up")
    session.remove("daily")
    assert view.behind
    view.answer("keep_up")
    assert list(rows(view)) == ["one"]
    assert not other.behind


def test_while_it_follows_a_run_of_its_own_it_asks_for_nothing_else(session):
    begun, go_on = threading.Event(), threading.Event()

    @asset
    def slow():
        begun.set()
        go_on.wait(30)
        return 1

    session.add(slow)
    view = Catalogue(session)
    done = ended(view)
    view.answer("materialize")
    assert begun.wait(30)
    assert not view.answer("keep_up")
    go_on.set()
    assert done.wait(30)
    assert rows(view)["slow"]["status"] == "succeeded"
    assert eventually(lambda: view.behind)
    assert view.answer("keep_up")


def eventually(holds):
    deadline = time.monotonic() + 30
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def test_what_is_started_stands_below(session):
    @asset
    def one():
        return 1

    session.add(one)
    view = SessionView(session)
    done = ended(view.catalogue)
    view.catalogue.answer("materialize", keys=["one"])
    assert [type(each) for each in view.below.children] == [RunView]
    assert done.wait(30)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_texts_of_the_user_stay_data(session, text):
    @asset(description=text)
    def one():
        return 1

    session.add(one)
    (row,) = Catalogue(session).rows
    assert isinstance(row["doc"], str)
    assert "\n" not in row["doc"]


DAYS = DailyPartitionsDefinition("2013-01-01", end_date="2014-01-01")


@pytest.fixture
def by_day(session):
    """An asset by day, one made from it, and one without partitions."""

    @asset(partitions_def=DAYS)
    def flights(context):
        return 1

    @asset(partitions_def=DAYS)
    def delays(flights):
        return 1

    @asset
    def planes():
        return 1

    session.add(flights, delays, planes)
    return session


def test_one_asset_with_partitions_shows_them_to_choose_from(by_day):
    shown = []
    view = Catalogue(by_day, shown.append)
    assert view.answer("materialize", keys=["flights"]) == ""
    (calendar,) = shown
    assert isinstance(calendar, PartitionsView)
    calendar.select("2013-01-02...2013-01-03")
    calendar.materialize()
    calendar._backfill.wait(30)
    calendar.refresh()
    assert by_day.instance.get_materialized_partitions("flights") == {"2013-01-02", "2013-01-03"}
    assert rows(view)["flights"]["made"]


def test_several_assets_with_partitions_ask_for_one_in_their_launchpad(by_day):
    shown = []
    view = Catalogue(by_day, shown.append)
    assert view.answer("materialize", keys=["flights", "delays"]) == ""
    (pad,) = shown
    assert isinstance(pad, Launchpad)
    (note,) = pad.state.problems
    assert note["field"] == "partition"
    assert "The assets 'flights' and 'delays' have 365 partitions" in note["message"]
    assert not by_day.instance.get_runs()


def test_an_asset_without_partitions_is_made_beside_others_that_have_some(by_day):
    view = Catalogue(by_day)
    assert view.answer("materialize", keys=["planes"])


@pytest.fixture
def chain(session):
    @asset
    def lines(context):
        """The lines."""
        context.add_output_metadata({"rows": 2})
        return [1, 2]

    @asset
    def total(lines):
        return sum(lines)

    return session.add(lines, total)


def test_the_card_of_an_asset_shows_what_was_made_and_makes_it(chain):
    view = AssetView(chain.asset("lines"))
    shown = view.card.told["keys"][0]
    assert (shown["word"], shown["about"]) == ("never made", [["p", "", ["The lines."]]])
    assert [card["key"] for card in view.card.graph.drawing["cards"]] == ["lines", "total"]
    run_id = view.card.answer("materialize")
    view.run._model.source.run.wait()
    view.card.answer("keep_up")
    shown = view.card.told["keys"][0]
    assert shown["status"] == "succeeded"
    assert [run["run_id"] for run in shown["runs"]] == [run_id]
    assert ("rows", "2") in [(row["name"], row["text"]) for row in shown["metadata"]]
    assert view.card.answer("preview", key="lines")["text"] == "[1, 2]"
    assert view.card.graph.marks["lines"]["status"] == "succeeded"
    view.card.answer("show", tab="launchpad")
    assert isinstance(view.part("launchpad"), Launchpad)
    view.card.answer("show", run_id=run_id)
    assert view.run.run_id == run_id
    view.close()


def test_an_asset_with_partitions_asks_for_some_first(session):
    @asset(partitions_def=DailyPartitionsDefinition("2013-01-01", end_date="2013-01-04"))
    def days():
        return 1

    session.add(days)
    view = AssetView(days)
    assert view.card.answer("materialize") == ""
    assert view.bar.opened == "partitions"
    assert isinstance(view.part("partitions"), PartitionsView)


def test_the_card_of_an_asset_follows_what_other_cells_do(chain):
    view = AssetView(chain.asset("lines"))
    chain.materialize(["lines"])
    assert view.card.behind
    view.card.answer("keep_up")
    assert view.card.told["keys"][0]["made"] is not None

    @asset(name="lines")
    def other():
        return "<b>"

    chain.add(other)
    assert view.card.behind
    view.card.answer("keep_up")
    assert view.card.told["keys"][0]["status"] == "stale"
    assert any("code changed" in reason for reason in view.card.told["keys"][0]["reasons"])


def test_assets_that_are_made_together_are_told_as_such_and_what_is_stale_can_be_made(session):
    @multi_asset(outs={"low": AssetOut(), "high": AssetOut()})
    def both():
        return 1, 2

    @multi_asset(
        outs={"one": AssetOut(is_required=False), "two": AssetOut(is_required=False)},
        can_subset=True,
    )
    def some(context):
        for name in context.selected_output_names:
            yield Output(1, name)

    @asset
    def total(low, high):
        return low + high

    session.add(both, some, total)
    catalogue = Catalogue(session)
    assert {row["key"]: row["together"] for row in catalogue.rows} == {
        "low": ["high"],
        "high": ["low"],
        "one": [],
        "two": [],
        "total": [],
    }
    session.materialize()

    @asset(name="total")
    def other(low, high):
        return low * high

    session.add(other)
    catalogue.answer("refresh")
    assert [row["key"] for row in catalogue.rows if row["status"] == "stale"] == ["total"]
    run_id = catalogue.answer("materialize", stale_only=True)
    find(Run, run_id).wait()
    made = session.instance.get_records_for_run(
        run_id, of_type=EventType.ASSET_MATERIALIZATION
    ).records
    assert [str(each.asset_key.to_user_string()) for each in made] == ["total"]
