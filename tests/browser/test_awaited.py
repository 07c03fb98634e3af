"""A run that a cell waits for shows itself while it goes on, and stays above its error."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(120)

DEFINE = """
import time
from jobnb import asset, session

@asset
def wood():
    time.sleep(1.5)
    return 2

@asset
def fire(wood):
    return wood

@asset
def smoke(fire):
    raise ValueError("no wind")

@asset
def haze(smoke):
    return smoke
"""


def test_a_run_is_alive_under_the_cell_that_waits_for_it_and_stays_above_its_error(lab, tab):
    nb = lab.open(tab, DEFINE, "session.materialize('*fire')", "session.materialize()")
    nb.start(0)
    nb.start(1)
    first = nb.cell(1)
    expect(first.locator('.jn-node[data-state="running"]')).to_have_count(1, timeout=30_000)
    expect(first.locator('.jn-node[data-state="succeeded"]')).to_have_count(2, timeout=30_000)
    expect(first.locator(".jobnb-run")).to_have_count(1)

    nb.start(2)
    second = nb.cell(2)
    expect(second.locator('.jn-node[data-state="running"]')).to_have_count(1, timeout=30_000)
    expect(second).to_contain_text("ValueError: no wind", timeout=30_000)
    run = second.locator(".jobnb-run")
    expect(run.get_by_role("button", name="Re-run from failure")).to_be_visible()
    expect(run).to_contain_text("1 skipped")
    expect(second.locator(".jp-OutputArea-child").last).to_contain_text("Traceback")
