"""Schedules and sensors as a person uses them: switched, evaluated, ticked, their past read."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.test_narrow import OUTSIDE
from tests.browser.test_reopened import GONE, RESTART

pytestmark = pytest.mark.timeout(180)

DEFINED = """
from jobnb import (
    AutomationCondition, AutomationConditionSensorDefinition, RunRequest, ScheduleDefinition,
    SkipReason, asset, job, op, sensor, session,
)

@op
def hello():
    return 1

@job
def greet():
    hello()

nightly = ScheduleDefinition(
    job=greet, cron_schedule="30 2 * * *", execution_timezone="Europe/Berlin", name="nightly"
)

@sensor(job=greet, minimum_interval_seconds=1)
def new_files(context):
    seen = int(context.cursor or 0) + 1
    context.log.info("looked %d times", seen)
    if seen == 3:
        raise ValueError("the <b>folder</b> is not there")
    context.update_cursor(str(seen))
    return SkipReason("No <b>new</b> file.") if seen == 2 else RunRequest(f"file {seen}")

@asset(automation_condition=AutomationCondition.eager())
def orders():
    return 1

by_itself = AutomationConditionSensorDefinition("by_itself", target="*")
"""


@pytest.fixture
def automation(lab, tab):
    """The view of all schedules and sensors of a fresh session; its loop does not run."""
    nb = lab.open(tab, "%env JOBNB_HOME=.of-" + lab.write("1"), DEFINED, "session.automation")
    for number in range(3):
        nb.start(number)
    out = nb.output(2)
    expect(out.locator(".ja-item")).to_have_count(3, timeout=60_000)
    return out


def item(out, name):
    return out.locator(f'.ja-item[data-name="{name}"]')


def test_ticks_are_taken_and_read(automation):
    files = item(automation, "new_files")
    for word in ("launched", "skipped", "failed"):
        files.get_by_role("button", name="Tick now").click()
        expect(files.locator(".ja-last")).to_contain_text(word)
    expect(automation.get_by_role("status").first).to_contain_text("new_files: failed")
    expect(files.locator(".ja-mark")).not_to_have_count(0)
    files.get_by_role("button", name="new_files").click()
    ticks = files.locator(".ja-tick")
    expect(ticks).to_have_count(3)
    ticks.nth(0).locator("summary").click()
    expect(ticks.nth(0).locator("pre")).to_contain_text("ValueError: the <b>folder</b> is not")
    expect(ticks.nth(0).get_by_role("group", name="Log")).to_contain_text("info looked 3 times")
    ticks.nth(1).locator("summary").click()
    expect(ticks.nth(1).locator(".jn-doc")).to_have_text("No <b>new</b> file.")
    files.get_by_role("button", name="launched", exact=True).click()
    expect(ticks).to_have_count(1)
    ticks.nth(0).locator("summary").click()
    expect(ticks.nth(0).locator(".jn-table")).to_contain_text("file 1")
    expect(ticks.nth(0).locator(".jn-table")).to_contain_text("succeeded")
    ticks.nth(0).locator(".jn-table button").click()
    expect(automation.locator(".jw-run-head .jw-badge").first).to_contain_text("succeeded")


def test_a_sensor_that_is_switched_on_is_seen_at_work(automation):
    expect(automation.get_by_text("not running: nothing is evaluated")).to_be_visible()
    files = item(automation, "new_files")
    knob = files.get_by_role("switch", name="new_files runs")
    expect(knob).to_have_attribute("aria-checked", "false")
    knob.press("Enter")
    expect(knob).to_have_attribute("aria-checked", "true")
    expect(files.locator(".ja-next")).to_contain_text("once a loop runs")
    automation.get_by_role("button", name="Start the loop here").click()
    expect(automation.get_by_text("running in this kernel")).to_be_visible()
    expect(files.locator(".ja-last")).to_contain_text("failed", timeout=40_000)
    knob.click()
    expect(knob).to_have_attribute("aria-checked", "false")
    expect(files.locator(".ja-next")).to_be_empty()
    automation.get_by_role("button", name="Stop the loop").click()
    expect(automation.get_by_text("not running: nothing is evaluated")).to_be_visible()


def test_an_evaluation_tells_what_would_be_launched(automation):
    files = item(automation, "new_files")
    files.get_by_role("button", name="Evaluate").click()
    expect(files.locator(".ja-verdict")).to_have_text("Would launch 1 run. ")
    expect(files.locator(".ja-request")).to_contain_text("file 1")
    files.get_by_label("Cursor to evaluate with").fill("1")
    files.locator(".ja-detail").get_by_role("button", name="Evaluate").click()
    expect(files.locator(".ja-verdict")).to_have_text("Would launch nothing. No <b>new</b> file.")
    files.get_by_role("button", name="Keep this cursor").click()
    expect(automation.get_by_text("The cursor of new_files is 2.")).to_be_visible()
    files.get_by_label("Cursor to evaluate with").fill("")
    files.locator(".ja-detail").get_by_role("button", name="Evaluate").click()
    expect(files.locator(".jn-says")).to_contain_text("ValueError: the <b>folder</b>")
    expect(files.locator(".ja-last")).to_be_empty()  # nothing of it was kept
    conditions = item(automation, "by_itself")
    conditions.get_by_role("button", name="Evaluate").click()
    expect(conditions.locator(".ja-request")).to_contain_text("orders")
    tree = conditions.locator(".ja-tree")
    expect(tree).to_contain_text("eager")
    expect(tree.locator("li li").first).to_be_visible()


def test_a_tick_of_the_past_tells_its_conditions(automation):
    conditions = item(automation, "by_itself")
    for word in ("launched", "skipped"):
        conditions.get_by_role("button", name="Tick now").click()
        expect(conditions.locator(".ja-last")).to_contain_text(word, timeout=60_000)
    conditions.get_by_role("button", name="by_itself").click()
    first = conditions.locator(".ja-tick").nth(1)
    first.locator("> summary").click()
    first.get_by_text("conditions", exact=True).click()
    expect(first.locator(".ja-tree")).to_contain_text("it was never materialized")
    expect(first.locator(".ja-decisions > .jn-muted")).to_have_text("1 of 1 condition true")


def test_one_schedule_shows_its_nights_and_keys_reach_all(lab, tab):
    nb = lab.open(tab, DEFINED, "nightly")
    nb.run_all()
    out = nb.output(1)
    expect(out.locator(".ja-item")).to_have_count(1, timeout=60_000)
    tabs = out.get_by_role("tab")
    tabs.first.focus()
    tabs.first.press("ArrowRight")
    tabs.nth(1).press("ArrowRight")
    expect(out.get_by_role("tab", name="Next ticks")).to_have_attribute("aria-selected", "true")
    row = out.locator(".ja-coming tbody tr").first
    expect(row.locator("td").nth(1)).to_have_text(re.compile(r" 02:30:00\+0[12]:00$"))
    for name in ("Ticks", "Evaluate now", "Next ticks", "About"):
        out.get_by_role("tab", name=name, exact=True).click()
        out.evaluate("output => output.setAttribute('data-axe', '')")
        found = Axe().run(tab, context="[data-axe]").response
        assert found["passes"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []


def test_nothing_leaves_a_narrow_page(lab, tab):
    tab.set_viewport_size({"width": 400, "height": 900})
    page = lab.voila(tab, DEFINED, "session.automation.start()")
    first = page.locator('.ja-item[data-name="new_files"]')
    first.get_by_role("button", name="Tick now").click(timeout=60_000)
    first.get_by_role("button", name="new_files").click()
    expect(first.locator(".ja-tick")).not_to_have_count(0)
    assert page.evaluate(OUTSIDE) == []


def test_a_kernel_that_is_gone_is_told(lab, tab, automation):
    tab.evaluate(RESTART)
    expect(automation.get_by_text(GONE)).to_be_visible()
    expect(automation.locator("button:enabled, input:enabled, select:enabled")).to_have_count(0)


NOTED = """window.noted = [];
window.Notification = class {
  constructor(title, { body }) { window.noted.push([title, body]); }
  addEventListener() {}
  static requestPermission() { return Promise.resolve(window.allowed); }
};
window.allowed = "denied";"""
FAILING = """
from jobnb import DefaultSensorStatus, RunRequest, job, op, sensor, session

@op
def broken():
    raise ValueError("no")

@job
def nightly():
    broken()

@sensor(job=nightly)
def look():
    return RunRequest()

nightly.execute_in_process(tags={"dagster/sensor_name": "look"}, raise_on_error=False)
session.automation.start(detach=False)
"""


def test_a_browser_that_may_notifies_of_failures_from_then_on(lab, tab, window):
    tab = window.new_page()  # the script stays with its page
    tab.add_init_script(NOTED)
    nb = lab.open(tab, FAILING)
    nb.run_all()
    out = nb.output(0)
    expect(out.locator(".ja-item")).to_have_count(1, timeout=60_000)
    box = out.get_by_label("notify me of failures")
    box.click()
    expect(out.get_by_text("does not allow this page to notify you")).to_be_visible()
    expect(box).not_to_be_checked()
    tab.evaluate("window.allowed = 'granted'")
    box.check()
    out.get_by_role("button", name="Tick now").click()
    tab.wait_for_function("window.noted.length > 0", timeout=60_000)
    [[title, body]] = tab.evaluate("window.noted")
    assert title == "nightly failed"
    assert body.endswith(", launched by look")
