"""The same notebook in Notebook 7 and in Voila: every view alive."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.timeout(180)

DEFINE = """
from jobnb import Config, asset, job, op, session

class Departures(Config):
    origin: str = "JFK"
    most: int = 5

@op
def departures(config: Departures):
    return [config.origin] * config.most

@op
def late_routes(departures):
    return len(departures)

@job
def routes():
    late_routes(departures())

@asset
def flights():
    return [1, 2, 3]

@asset
def busiest(flights):
    return max(flights)
"""
CELLS = [DEFINE, "routes", "routes.launchpad()", "session", "session.runs"]


def check_graph(shown: Locator) -> None:
    """A job's graph, in which a node is selected."""
    expect(shown.locator(".jn-node")).to_have_count(2)
    shown.locator(".jn-node").filter(has_text="late_routes").click()
    expect(shown.locator(".jw-selection")).to_have_text("late_routes")


def check_launchpad(shown: Locator) -> None:
    """A field is filled, the job launched, and its run watched to the end."""
    shown.get_by_role("textbox", name="origin").fill("LGA")
    shown.get_by_role("button", name=re.compile("^Launch")).click()
    head = shown.locator(".jw-run-head")
    expect(head.locator(".jw-badge").first).to_contain_text("succeeded")
    expect(head).to_contain_text("2 of 2 steps")
    shown.get_by_role("tab", name="Config").click()
    expect(shown.locator(".jw-config")).to_contain_text("origin: LGA")


def check_catalogue(shown: Locator) -> None:
    """All assets are made, and their nodes turn."""
    shown.get_by_role("button", name="Materialize all").click()
    graph = shown.locator(".jw-catalogue-graph")
    made = re.compile("made|succeeded")
    for name in ("flights", "busiest"):
        node = graph.locator(".jn-node").filter(has_text=name)
        expect(node).to_have_attribute("aria-label", made)


def check_history(shown: Locator) -> None:
    """The runs that were launched stand in the history."""
    shown.get_by_role("button", name="Refresh").click()
    rows = shown.locator(".jw-runs tbody tr").filter(has_text="routes")
    expect(rows.first).to_contain_text("succeeded")


def test_a_notebook_is_alive_in_notebook_7(lab, tab):
    nb = lab.open(tab, *CELLS, view="notebooks")
    for number in range(len(CELLS)):
        nb.start(number)
    check_graph(nb.output(1))
    check_launchpad(nb.output(2))
    check_catalogue(nb.output(3))
    check_history(nb.output(4))


def test_a_notebook_is_alive_in_voila(lab, tab):
    page = lab.voila(tab, *CELLS)
    outputs = page.locator(".jp-OutputArea-child:not(:has([data-jobnb-twin]))")
    expect(outputs).to_have_count(4, timeout=60_000)
    expect(outputs.last.locator(".jw-runs, .jn-muted").first).to_be_visible()
    expect(page.locator("[data-jobnb-twin]").filter(visible=True)).to_have_count(0)
    check_graph(outputs.nth(0))
    check_launchpad(outputs.nth(1))
    check_catalogue(outputs.nth(2))
    check_history(outputs.nth(3))
