"""The catalogue stays true while other cells run."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(120)

DEFINE = """
from jobnb import asset, session

@asset
def arrivals():
    return [1, 2, 3]

@asset
def latest(arrivals):
    return max(arrivals)
"""
REDEFINE = """
@asset
def latest(arrivals):
    return min(arrivals)

@asset
def earliest(arrivals):
    return min(arrivals)
"""


def test_what_other_cells_make_and_define_is_seen_without_a_click(lab, tab):
    nb = lab.open(tab, DEFINE, "session", "_ = session.materialize()", REDEFINE)
    nb.start(0)
    nb.start(1)
    shown = nb.output(1)
    row = shown.locator(".jw-asset", has_text="latest").first
    card = shown.locator(".jn-node", has_text="latest")
    expect(row).to_contain_text("never made", timeout=30_000)
    zoomed = shown.locator(".jw-catalogue-graph svg").first
    zoomed.evaluate("node => { node.dataset.seen = 'yes' }")

    nb.start(2)
    expect(row).not_to_contain_text("never made", timeout=30_000)
    expect(card).to_have_attribute("data-state", "succeeded")
    expect(zoomed).to_have_attribute("data-seen", "yes")  # the graph was not drawn anew

    nb.start(3)
    expect(shown.locator(".jw-asset", has_text="earliest").first).to_contain_text(
        "never made", timeout=30_000
    )
    expect(row).to_contain_text("code changed")
    expect(shown.locator(".jn-node")).to_have_count(3)
