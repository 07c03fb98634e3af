"""Partitions as a person handles them: dragged over, written, walked through by keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(120)

DEFINED = """
from jobnb import DailyPartitionsDefinition, asset, materialize, session

@asset(partitions_def=DailyPartitionsDefinition("2013-01-01", "2013-03-01"))
def daily(context):
    if context.partition_key == "2013-01-03":
        raise ValueError("no")

for day in (2, 3):
    materialize([daily], partition_key=f"2013-01-0{day}", instance=session.instance,
                raise_on_error=False)
"""


def test_partitions_are_selected_by_dragging_writing_and_by_keys(lab, tab):
    nb = lab.open(tab, DEFINED, "session.partitions('daily')")
    nb.start(0)
    nb.start(1)
    view = nb.output(1).locator(".jp-partitions")
    expect(view.locator('[data-status="materialized"]')).to_have_text(
        "1 materialized", timeout=30_000
    )
    expect(view.locator('[data-status="failed"]')).to_have_text("1 failed")
    expect(view.locator('[data-status="missing"]')).to_have_text("57 missing")
    written = view.get_by_role("textbox", name="selection")

    canvas = view.locator(".jq-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    # The first row begins right of its label; a cell is at most 22 wide and 16 high.
    x = box["x"] + _first_cell(view)
    y = box["y"] + 18 + 8
    tab.mouse.move(x + 8, y)
    tab.mouse.down()
    tab.mouse.move(x + 22 * 4 + 8, y, steps=5)
    tab.mouse.up()
    expect(written).to_have_value("2013-01-01...2013-01-05")
    expect(view.get_by_role("button", name="Materialize selected")).to_be_visible()

    written.fill("failed, 2013-02-01")
    written.press("Enter")
    written.blur()
    expect(written).to_have_value("2013-01-03, 2013-02-01")
    written.fill("2013-13-01")
    written.press("Enter")
    expect(view.locator(".jq-said")).to_contain_text("There is no partition '2013-13-01'")

    grid = view.locator(".jq-scroll")
    grid.focus()
    grid.press("Escape")
    for _ in range(2):
        grid.press("ArrowLeft")
    grid.press("Enter")
    expect(written).not_to_have_value("")
    expect(view.locator(".jq-said")).to_contain_text("2013-")


def _first_cell(view):
    """How far the first column is from the left, in pixels: the labels end there."""
    wide = view.locator(".jq-filler").evaluate("node => node.offsetWidth")
    return wide - 31 * 22


SLOWLY = """
import time
from jobnb import DailyPartitionsDefinition, asset, session

@asset(partitions_def=DailyPartitionsDefinition("2013-01-01", "2013-01-11"))
def slowly(context) -> None:
    time.sleep(1)
    if context.partition_key == "2013-01-03":
        raise ValueError("<b>no</b>")
"""


def test_what_is_selected_is_made_while_one_looks(lab, tab):
    nb = lab.open(tab, SLOWLY, "session.partitions('slowly')")
    nb.start(0)
    nb.start(1)
    view = nb.output(1).locator(".jp-partitions")
    expect(view.locator('[data-status="missing"]')).to_have_text("10 missing", timeout=30_000)
    written = view.get_by_role("textbox", name="selection")
    written.fill("2013-01-02...2013-01-05")
    written.press("Enter")
    cells = view.locator(".jq-scroll")
    cells.press("ArrowRight")
    cells.press("ArrowRight")
    told = view.locator(".jq-said")
    expect(told).to_have_text("2013-01-02 · missing")
    view.get_by_role("button", name="Materialize selected").click()
    expect(view.get_by_role("button", name="Cancel")).to_be_visible()
    expect(view.locator('[data-status="materialized"]')).to_have_text("3 materialized")
    expect(view.locator('[data-status="failed"]')).to_have_text("1 failed")
    expect(view).to_contain_text("4 of 4 partitions done (100%): 3 made, 1 failed")
    expect(told).to_contain_text("2013-01-02 · materialized")
    expect(view.get_by_role("button", name="Cancel")).to_be_hidden()


def test_a_backfill_is_watched_canceled_and_gone_on_with(lab, tab):
    nb = lab.open(tab, SLOWLY, "backfill = session.backfill('slowly'); backfill")
    nb.start(0)
    nb.start(1)
    view = nb.output(1).locator(".jw-backfill")
    bar = view.get_by_role("progressbar")
    begun = re.compile("^[1-4] of 10 partitions")
    expect(bar).to_have_attribute("aria-valuetext", begun, timeout=30_000)
    view.get_by_role("button", name="Cancel").click()
    expect(view.locator(".jw-badge").first).to_contain_text("canceled")
    view.get_by_role("button", name="Resume").click()
    expect(view.locator(".jw-badge").first).to_contain_text("failed", timeout=30_000)
    expect(view.locator(".jw-counts")).to_contain_text("1 failed")
    expect(view.locator(".jw-failure")).to_contain_text("slowly, partition 2013-01-03")
    expect(view.locator(".jw-failure")).to_contain_text("ValueError: <b>no</b>")


def test_a_calendar_follows_a_backfill_that_another_cell_begins(lab, tab):
    nb = lab.open(
        tab,
        SLOWLY.replace("slowly", "followed"),
        "session.partitions('followed')",
        "_ = session.backfill('followed')",
    )
    nb.start(0)
    nb.start(1)
    view = nb.output(1).locator(".jp-partitions")
    expect(view.locator('[data-status="missing"]')).to_have_text("10 missing", timeout=30_000)
    nb.start(2)
    expect(view.get_by_role("button", name="Cancel")).to_be_visible()
    expect(view.locator('[data-status="in progress"]')).to_have_text("1 in progress")
    expect(view.locator('[data-status="failed"]')).to_have_text("1 failed", timeout=30_000)
    view.get_by_role("button", name="Cancel").click()
    expect(view.get_by_role("button", name="Cancel")).to_be_hidden(timeout=30_000)
    expect(view.locator('[data-status="in progress"]')).to_have_count(0)
    expect(view.locator('[data-status="missing"]')).to_be_visible()


DAILY_JOB = """
import time
from jobnb import Config, DailyPartitionsDefinition, job, op, partitioned_config, session

BAD = {"2013-01-03"}

@partitioned_config(DailyPartitionsDefinition("2013-01-01", "2013-01-11"))
def of_day(key):
    if key == "2013-01-05":
        raise LookupError("<i>no file</i>")
    return {"ops": {"load": {"config": {"day": key}}}}

class Day(Config):
    day: str

@op
def load(config: Day) -> None:
    time.sleep(0.3)
    if config.day in BAD:
        raise ValueError("<b>no</b>")

@job(config=of_day)
def loading():
    load()
"""


def test_a_job_is_launched_for_the_days_that_are_selected(lab, tab):
    again = "BAD.clear(); backfill = session.backfill('loading', only_failed=True); backfill"
    nb = lab.open(tab, DAILY_JOB, "loading", again)
    nb.start(0)
    nb.start(1)
    nb.output(1).get_by_role("tab", name="Partitions").click()
    view = nb.output(1).locator(".jp-partitions")
    expect(view.locator('[data-status="missing"]')).to_have_text("10 missing", timeout=30_000)
    written = view.get_by_role("textbox", name="selection")
    written.fill("2013-01-02...2013-01-06")
    written.press("Enter")
    view.get_by_role("button", name="Launch selected").click()
    expect(view.get_by_role("button", name="Cancel")).to_be_visible()
    expect(view.locator('[data-status="succeeded"]')).to_have_text("3 succeeded")
    expect(view.locator('[data-status="failed"]')).to_have_text("2 failed")
    expect(view).to_contain_text("5 of 5 partitions done (100%): 3 made, 2 failed")
    nb.start(2)
    told = nb.output(2).locator(".jw-backfill")
    expect(told.locator(".jw-counts")).to_contain_text("1 failed", timeout=30_000)
    expect(told.locator(".jw-failure")).to_contain_text("partition 2013-01-05")
    expect(told.locator(".jw-failure")).to_contain_text("LookupError: <i>no file</i>")
    expect(view.locator('[data-status="failed"]')).to_have_text("1 failed")


def test_the_calendar_takes_on_the_colours_of_another_theme(lab, tab):
    nb = lab.open(tab, DEFINED, "session.partitions('daily')")
    nb.start(0)
    nb.start(1)
    view = nb.output(1).locator(".jp-partitions")
    expect(view.locator('[data-status="materialized"]')).to_be_visible(timeout=30_000)
    made = """node => {
        const at = node.getContext('2d').getImageData(Math.floor(node.width * 1.5 / 59), 5, 1, 1);
        return [...at.data].join(' ');
    }"""
    bar = view.locator(".jq-bar")
    wanted = """node => {
        const probe = document.createElement('i');
        probe.style.color = getComputedStyle(node).getPropertyValue('--jn-succeeded');
        node.parentNode.append(probe);
        const rgb = getComputedStyle(probe).color.match(/\\d+/g).slice(0, 3);
        probe.remove();
        return [...rgb, 255].join(' ');
    }"""
    before = bar.evaluate(made)
    assert before == bar.evaluate(wanted)
    is_light = tab.locator("body").get_attribute("data-jp-theme-light") == "true"
    other, told = ("Dark", "false") if is_light else ("Light", "true")
    nb.command("apputils:change-theme", {"theme": f"JupyterLab {other}"})
    tab.locator(f'body[data-jp-theme-light="{told}"]').wait_for(state="attached")
    tab.wait_for_timeout(500)
    assert bar.evaluate(made) == bar.evaluate(wanted) != before
    nb.command("apputils:change-theme", {"theme": f"JupyterLab {'Light' if is_light else 'Dark'}"})
    tab.locator(f'body[data-jp-theme-light="{str(is_light).lower()}"]').wait_for(state="attached")
