"""An asset with partitions tells how all of them stand, wherever it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobnb import DailyPartitionsDefinition, Instance, Session, asset
from jobnb.display import summaries as summaries_module
from jobnb.display.asset_views import known_asset_view, session_view
from jobnb.display.picture import Status
from jobnb.display.summaries import summaries
from jobnb.display.view import bundle
from jobnb.display.widgets.catalogue import Catalogue
from jobnb.display.widgets.catalogue_data import summary_json
from jobnb.staleness import partition_records
from tests.display.reading import check_bundle

DAYS = DailyPartitionsDefinition("2013-01-01", end_date="2013-01-11")


@asset(partitions_def=DAYS)
def flights(context):
    if Path(f"bad {context.partition_key}").exists():  # what is read is no part of the code
        raise ValueError("no")
    return 1


@asset(partitions_def=DAYS)
def delays(flights):
    return 1


@asset(partitions_def=DAYS)
def untouched():
    return 1


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.delenv("JOBNB_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    with Session.capture() as made:
        made.home = str(tmp_path / "home")
        made.add(flights, delays, untouched)
        yield made
    if (tmp_path / "home").exists():
        Instance.from_home(made.home).dispose()


def make(session, what, *days):
    for day in days:
        session.materialize(what, partition=f"2013-01-{day:02}", raise_on_error=False)


def shown(session, key="flights"):
    row = {each["key"]: each for each in Catalogue(session).rows}[key]
    mark = session_view(session).picture.mark(key)
    assert row["status"] == mark.status.value
    return mark.status, row["word"]


def test_some_that_were_made(session):
    make(session, "flights", 1, 2, 3)
    assert shown(session) == (Status.MISSING, "3 of 10 made")
    assert session_view(session).picture.mark("flights").detail == "3 of 10 made"


def test_the_last_one_made_does_not_speak_for_all(session):
    Path("bad 2013-01-02").touch()
    make(session, "flights", 1, 2, 3)
    assert shown(session) == (Status.FAILED, "2 of 10 made, 1 failed")
    make(session, "delays", 1, 3)
    Path("bad 2013-01-02").unlink()
    make(session, "flights", 1)
    assert shown(session, "delays") == (Status.STALE, "2 of 10 made, 1 stale")


def test_one_that_failed_after_it_was_made_counts_as_both(session):
    make(session, "flights", 1, 2)
    Path("bad 2013-01-02").touch()
    make(session, "flights", 2)
    assert shown(session) == (Status.FAILED, "2 of 10 made, 1 failed")


def test_all_of_them(session):
    make(session, "flights", *range(1, 11))
    assert shown(session) == (Status.SUCCEEDED, "all 10 made")


def test_none_of_them(session):
    make(session, "flights", 1)
    assert shown(session, "untouched") == (Status.NONE, "0 of 10 made")
    assert session_view(session).picture.mark("untouched").detail == ""


def test_an_asset_s_own_card_and_text_tell_it_too(session):
    make(session, "flights", 1, 2)
    make(session, "delays", 1)
    make(session, "flights", 1)
    view = known_asset_view(flights)
    told = check_bundle(bundle(view))
    assert "partitions: 2 of 10 made" in told["text/plain"]
    assert "2 of 10 made" in told["text/html"]
    assert view.picture.mark("flights").detail == "2 of 10 made"
    assert view.picture.mark("delays").detail == "1 of 10 made, 1 stale"


def test_the_catalogue_s_text_tells_it(session):
    make(session, "flights", 1, 2)
    text = check_bundle(bundle(session_view(session)))["text/plain"]
    assert "2 of 10 made" in text
    assert "0 of 10 made" in text


def test_why_some_are_stale_is_told_beside(session):
    make(session, "flights", 1)
    make(session, "delays", 1)
    make(session, "flights", 1)
    row = summary_json(summaries(session, [delays.key])[delays.key])
    assert row["word"] == "1 of 10 made, 1 stale"
    assert row["more"] == "1 of 10 made, 1 stale; upstream 'flights' is newer"


def test_a_look_that_would_take_long_says_what_it_does_not_know(session, monkeypatch):
    make(session, "flights", 1, 2)
    make(session, "delays", 1)
    make(session, "flights", 1)
    monkeypatch.setattr(summaries_module, "_MOST_READ", 0)
    partition_records._kept.clear()
    found = summaries(session, [flights.key, delays.key])
    assert found[delays.key].counts.words == "1 of 10 made"
    assert "session.status(...) tells" in found[delays.key].partition_words
    assert session.status("delays").counts.stale == 1
    session.status("flights")
    assert summaries(session, [delays.key])[delays.key].counts.words == "1 of 10 made, 1 stale"
