"""A person changes cells: what became stale is shown, and a rename is kept with a button."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(150)

DEFINE = """
import os, tempfile
os.environ["JOBNB_HOME"] = tempfile.mkdtemp()
from jobnb import asset, session
session.show_definitions = False
rate = 2
"""
ORDERS = "@asset\ndef orders():\n    return [1, 2]"
REVENUE = "@asset\ndef revenue(orders):\n    return sum(orders) * rate"
MATERIALIZE = "run = session.materialize()\nsession.reactive = 'run'"
COMPARE = "session.diff()"


def test_stale_assets_a_rename_and_the_differences(lab, tab):
    nb = lab.open(tab, DEFINE, ORDERS, REVENUE, MATERIALIZE, "rate = 3", COMPARE)
    for number in range(5):
        nb.start(number)
    after = nb.output(4).locator(".jw-after")
    expect(after).to_contain_text("1 asset became stale and was materialized", timeout=60_000)
    expect(after).to_contain_text("what the code in cell 3 uses changed")
    after.get_by_role("button", name="Stop reacting").click()
    expect(after).to_contain_text("session.reactive is None")

    nb.cell(1).locator(".cm-content").fill(ORDERS.replace("orders", "sales"))
    nb.start(1)
    offer = nb.output(1).locator(".jw-after")
    expect(offer).to_contain_text("sales has the code of orders", timeout=60_000)
    offer.get_by_role("button", name="Keep its values").click()
    expect(offer).to_contain_text("sales has the values and the history of orders now.")
    nb.cell(2).locator(".cm-content").fill(
        REVENUE.replace("orders", "sales").replace("* rate", "+ rate")
    )
    nb.start(2)
    nb.start(5)
    shown = nb.output(5)
    expect(shown.get_by_text("1 changed")).to_be_visible(timeout=60_000)
    expect(shown).to_contain_text("1 asset becomes stale")
    change = shown.locator(".jw-change")
    expect(change).to_contain_text("changed asset revenue code changed in cell 7")
    expect(change.locator("pre")).to_have_count(0)
    shown.get_by_role("button", name="revenue").click()
    expect(change.locator("del")).to_have_text(
        ["-def revenue(orders):", "-    return sum(orders) * rate"]
    )
    expect(change.locator("ins").last).to_have_text("+    return sum(sales) + rate")
    expect(change).to_contain_text("What was materialized becomes stale; it took")
