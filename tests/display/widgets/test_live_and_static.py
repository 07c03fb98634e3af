"""A live view and the picture that stays of it: two outputs, of which one is always seen."""

from __future__ import annotations

import re

import pytest
from IPython.core.formatters import DisplayFormatter

from jobnb import job, op
from jobnb.display import environment
from jobnb.display.install import install, uninstall
from jobnb.display.picture import Card, Mark, Picture, Status
from jobnb.display.widgets import live_and_static
from jobnb.display.widgets.graph import GraphView
from jobnb.display.widgets.live_and_static import WIDGET_MIME
from jobnb.display.widgets.run import RunView
from jobnb.display.widgets.tabbed import Note
from tests.display.reading import check_bundle


@op
def five():
    return 5


@job
def numbers():
    five()


@pytest.fixture
def published(monkeypatch):
    """What goes to a front end: data, display id, and whether it renews what was shown."""
    sent = []

    def publish(data, metadata=None, *, transient=None, update=False, **_):
        sent.append((data, (transient or {}).get("display_id"), update))

    monkeypatch.setattr("IPython.display.publish_display_data", publish)
    for module in (environment, live_and_static):
        monkeypatch.setattr(module, "has_front_end", lambda: True)
    monkeypatch.setattr("jobnb.display.widgets.graph.has_front_end", lambda: True)
    monkeypatch.setattr("jobnb.display.widgets.run.has_front_end", lambda: True)
    return sent


@pytest.fixture
def installed():
    install()
    yield
    uninstall()


def shown(value):
    return DisplayFormatter().format(value)


def drawn():
    return GraphView(Picture("p", (Card("a", "a"), Card("b", "b"))))


def test_the_picture_comes_first_and_the_widget_after_it(published):
    view = drawn()
    assert shown(view) == ({}, {})
    (static, name, update), (live, no_name, _) = published
    assert WIDGET_MIME not in static
    assert "data-jobnb-twin" in check_bundle(static)["text/html"]
    assert live[WIDGET_MIME]["model_id"] == view.model_id
    assert (live["text/plain"], live["text/html"]) == ("", "")  # else both would be seen
    assert name
    assert no_name is None
    assert not update


def test_the_picture_knows_the_class_of_the_widget(published):
    view = drawn()
    shown(view)
    mark = re.search(r'data-jobnb-twin="([\w-]+)"', published[0][0]["text/html"])[1]
    assert mark in view._dom_classes


def test_each_picture_is_renewed_where_it_was_shown(published):
    view = drawn()
    shown(view)
    shown(view)
    names = [name for _, name, _ in published if name]
    published.clear()
    view.patch({"a": Mark(Status.SUCCEEDED)})
    view.renew_twins()
    assert [(name, update) for _, name, update in published] == [(n, True) for n in names]
    assert all("jn-succeeded" in data["image/svg+xml"] for data, _, _ in published)


def test_a_run_that_ends_leaves_the_picture_of_its_end(published):
    run = numbers.launch()
    view = RunView(run)
    shown(view)
    run.wait(30)
    view.refresh()
    renewed = [data for data, _, update in published if update]
    assert len(renewed) <= 1  # once, and only if it had not ended when it was shown
    assert "succeeded" in (renewed or [published[0][0]])[-1]["text/plain"]


def test_a_view_without_a_picture_is_shown_as_it_is(published):
    made, _ = shown(Note(text="no"))
    assert WIDGET_MIME in made
    assert published == []


@pytest.mark.usefixtures("installed")
def test_nouns_are_shown_as_two_outputs_too(published):
    assert shown(numbers) == ({}, {})
    assert len(published) == 2


@pytest.mark.usefixtures("installed")
def test_without_a_front_end_there_is_one_output():
    made, _ = shown(numbers)
    assert {"text/plain", "text/html", "image/svg+xml"} <= set(made)
    assert WIDGET_MIME not in made


def test_taking_the_reprs_away_takes_both(installed):
    uninstall()
    assert not hasattr(numbers, "_ipython_display_")
    assert not hasattr(numbers, "_repr_mimebundle_")
