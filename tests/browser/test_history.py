"""The history as a person uses it: paged, filtered, a run opened, two compared, some deleted."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(120)

MANY = """
from jobnb import Config, Instance, job, op
from jobnb.display.widgets.history import HistoryView
from jobnb.storage.run_table import RunTable

class HowMany(Config):
    rows: int = 1

@op
def load(config: HowMany):
    if config.rows > 90:
        raise ValueError("too many")
    return config.rows

@job
def numbers():
    load()

instance = Instance.ephemeral()
for rows in range(47):
    numbers.execute_in_process(
        run_config={"ops": {"load": {"config": {"rows": 99 if rows == 40 else rows}}}},
        instance=instance, raise_on_error=False,
        tags={"team": "<b>data</b>" if rows % 10 == 0 else "web"},
    )
"""


@pytest.fixture
def history(lab, tab):
    """The view of 47 runs, of which one failed."""
    nb = lab.open(tab, MANY, "HistoryView(RunTable(instance))")
    nb.start(0)
    nb.start(1)
    out = nb.output(1)
    expect(out.locator(".jw-runs tbody tr")).to_have_count(20, timeout=30_000)
    return out


def test_the_history_is_paged_and_filtered(history):
    rows, status = history.locator(".jw-runs tbody tr"), history.get_by_role("status")
    expect(status).to_have_text("1 to 20 of 47 runs")
    history.get_by_role("button", name="Older").evaluate("each => (each.click(), each.click())")
    expect(status).to_have_text("21 to 40 of 47 runs")
    history.get_by_role("button", name="Older").click()
    expect(rows).to_have_count(7)
    expect(history.get_by_role("button", name="Older")).to_be_disabled()
    history.get_by_role("button", name="Newer").click()
    expect(status).to_have_text("21 to 40 of 47 runs")
    history.get_by_role("button", name="failed").click()
    expect(status).to_have_text("1 to 1 of 1 run")
    expect(rows.first).to_contain_text("failed")
    history.get_by_role("button", name="Clear").click()
    expect(status).to_have_text("1 to 20 of 47 runs")
    rows.nth(6).get_by_role("button", name="team=<b>data</b>").click()
    expect(status).to_have_text("1 to 5 of 5 runs")
    history.get_by_role("button", name="team=<b>data</b> ×").click()
    expect(status).to_have_text("1 to 20 of 47 runs")
    start = rows.nth(3).get_attribute("data-run")[:8]
    history.get_by_label("Run id").fill(start)
    expect(rows).to_have_count(1)


def test_a_run_is_opened_below(history):
    history.get_by_role("button", name="failed").click()
    rows = history.locator(".jw-runs tbody tr")
    expect(rows).to_have_count(1)
    rows.first.locator(".jw-code").click()
    expect(history.locator(".jw-run-head .jw-badge").first).to_contain_text("failed")
    expect(history.locator(".jw-failure .jn-says")).to_have_text("ValueError: too many")
    history.get_by_role("tab", name="Config").click()
    expect(history.locator(".jw-config")).to_contain_text("rows: 99")
    history.get_by_role("button", name="Re-run", exact=True).nth(1).click()
    expect(history.locator(".jw-run-head")).to_contain_text("again, after")


def test_two_runs_are_compared_and_deleted(history):
    rows = history.locator(".jw-runs tbody tr")
    for number in (0, 2):
        rows.nth(number).locator("input").check()
    history.get_by_role("button", name="Compare").click()
    compare = history.get_by_role("region", name="Two runs compared")
    differs = compare.locator("tr.jw-differs", has_text="ops › load › config › rows")
    expect(differs.locator("td").nth(0)).to_have_text("44")
    expect(differs.locator("td").nth(1)).to_have_text("46")
    expect(compare.locator("tr", has_text="team")).not_to_have_class("jw-differs")
    gone = rows.first.get_attribute("data-run")
    history.get_by_role("button", name="Delete 2").click()
    history.get_by_role("button", name="No", exact=True).click()
    expect(history.get_by_role("status")).to_have_text("1 to 20 of 47 runs")
    history.get_by_role("button", name="Delete 2").click()
    history.get_by_role("button", name="Yes, delete").click()
    expect(history.get_by_role("status")).to_have_text("1 to 20 of 45 runs")
    expect(history.locator(f'tr[data-run="{gone}"]')).to_have_count(0)


def test_ticked_runs_are_run_again(history):
    rows = history.locator(".jw-runs tbody tr")
    history.get_by_role("button", name="failed", exact=True).click()
    expect(rows).to_have_count(1)
    rows.first.locator("input").check()
    expect(history.get_by_role("button", name="Cancel (")).to_have_count(0)
    history.get_by_role("button", name="Re-run from failure (1)").click()
    expect(rows).to_have_count(2)  # it failed again
    expect(rows.first).to_contain_text("again, after")
    expect(history.get_by_text("1 ticked")).to_have_count(0)
