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


TOGETHER = """
from jobnb import AssetOut, asset, multi_asset, session
@multi_asset(outs={"low": AssetOut(), "high": AssetOut()})
def both():
    return 1, 2
@asset
def a_name_of_an_asset_that_is_long_enough_to_need_more_room(low):
    return low
_ = session.materialize()
@asset
def a_name_of_an_asset_that_is_long_enough_to_need_more_room(low):
    return -low
session
"""


def test_columns_have_headings_siblings_are_ticked_together_and_stale_assets_made(lab, tab):
    nb = lab.open(tab, TOGETHER)
    nb.start(0)
    shown = nb.output(0)
    heads = shown.get_by_role("columnheader")
    expect(heads).to_have_text(
        ["selected", "asset", "kind", "state", "last made", "description", "value"],
        timeout=60_000,
    )
    shown.get_by_role("checkbox", name="Select low, made together with high").check()
    expect(shown.get_by_role("checkbox", name="Select high")).to_be_checked()
    expect(shown.locator(".jw-deeds")).to_contain_text("low is made together with high.")
    shown.get_by_role("checkbox", name="Select high").uncheck()
    expect(shown.get_by_role("checkbox", name="Select low")).not_to_be_checked()
    key = shown.locator(".jw-asset-key").filter(has_text="a_name_of")
    assert key.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    assert shown.locator(".jw-asset-heads").evaluate("node => node.clientHeight") < 30
    shown.get_by_role("button", name="Materialize stale").click()
    row = shown.locator(".jw-asset", has_text="a_name_of")
    expect(row).to_contain_text("fresh", timeout=30_000)
    expect(shown.get_by_role("button", name="Materialize stale")).to_be_hidden()


def test_what_is_selected_while_the_kernel_is_busy_is_what_is_materialized(lab, tab):
    home = "session.home = 'busy'\nimport time"
    nb = lab.open(tab, DEFINE, home, "session", "time.sleep(6)")
    for number in range(3):
        nb.start(number)
    shown = nb.output(2)
    shown.locator(".jn-node").first.wait_for(timeout=30_000)
    nb.start(3)
    shown.get_by_role("checkbox", name="Select arrivals").check()
    shown.get_by_role("checkbox", name="Select latest").check()
    expect(shown.get_by_role("button", name="Materialize 2 selected")).to_be_visible()
    shown.get_by_role("checkbox", name="Select latest").uncheck()
    shown.get_by_role("button", name="Materialize 1 selected").click()
    expect(nb.cell(3).locator(".jp-InputPrompt")).to_have_text("[*]:")  # it is busy all the time
    expect(shown.get_by_text("has begun")).to_be_visible(timeout=30_000)
    expect(shown.locator(".jw-asset[data-key=latest]")).to_contain_text("never made")
    expect(shown.get_by_role("button", name="Materialize 1 selected")).to_be_visible()
    expect(shown.get_by_role("checkbox", name="Select latest")).not_to_be_checked()
