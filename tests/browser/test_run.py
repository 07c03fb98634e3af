"""A run as a person watches it: live while another cell runs, canceled, repeated, its log read."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(120)

SLOW = """
import time
from pathlib import Path
from jobnb import job, op
from jobnb.display.widgets.run import RunView

def wait_for(name):
    while not Path(name).exists():
        time.sleep(0.01)

@op
def load(context):
    context.log.info("loading <b>orders</b>")
    print("printed by load")
    wait_for("NAME-loaded")
    return [1, 2]

@op
def clean(orders):
    wait_for("NAME-cleaned")
    return orders

@op
def report(orders):
    return "a report"

@job
def daily():
    report(clean(load()))
"""

FRAGILE = """
from pathlib import Path
from jobnb import job, op
from jobnb.display.widgets.run import RunView
MENDED = Path("mended-NUMBER")

@op
def load(context):
    for number in range(3000):
        context.log.debug(f"row {number}")
    context.log.warning("the <i>last</i> warning")
    return 5

@op
def fragile(number):
    if not MENDED.exists():
        raise ValueError("<img src=x> not mended yet")
    return number * 2

@op
def report(number):
    return f"it is {number}"

@job
def weekly():
    report(fragile(load()))
"""


def test_steps_turn_while_another_cell_runs(lab, tab):
    nb = lab.open(
        tab,
        SLOW.replace("NAME", "turn"),
        "RunView(daily.launch(), tab='timeline')",
        "wait_for('turn-seen'); 'waited'",
    )
    nb.start(0)
    nb.start(1)
    head = nb.output(1).locator(".jw-run-head")
    head.wait_for(timeout=30_000)
    nb.start(2)
    steps = nb.output(1).locator(".jw-timeline")
    load, report = (steps.locator(f'[data-step="{key}"]') for key in ("load", "report"))
    expect(load).to_have_attribute("data-status", "running")
    expect(report).to_have_attribute("data-status", "queued")
    expect(head.locator(".jw-badge").first).to_contain_text("running")
    expect(head.get_by_role("button", name="Cancel")).to_be_visible()
    (lab.folder / "turn-loaded").touch()
    expect(load).to_have_attribute("data-status", "succeeded")
    expect(head.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "1 of 3 steps")
    (lab.folder / "turn-cleaned").touch()
    expect(report).to_have_attribute("data-status", "succeeded")
    expect(head.locator(".jw-badge").first).to_contain_text("succeeded")
    expect(nb.cell(2).locator(".jp-InputPrompt")).to_have_text("[*]:")  # it still waits
    assert "printed by load" not in nb.output(1).inner_text()
    (lab.folder / "turn-seen").touch()
    expect(nb.output(2)).to_contain_text("waited")


SIDE_BY_SIDE = """
import time
from pathlib import Path
from jobnb import job, op
from jobnb.display.widgets.run import RunView

@op
def wait_for(context):
    end = time.process_time() + 0.02
    while time.process_time() < end: pass
    while not Path("NAME-go").exists():
        time.sleep(0.01)

@job
def regions():
    for name in ("north", "south", "east"):
        wait_for.alias(name)()
"""


def test_several_nodes_run_at_once_and_each_worker_has_its_lane(lab, tab):
    nb = lab.open(
        tab,
        SIDE_BY_SIDE.replace("NAME", "lanes"),
        "RunView(regions.launch(executor='threads'), tab='timeline')",
    )
    nb.start(0)
    nb.start(1)
    shown = nb.output(1)
    expect(shown.locator('svg.jw-canvas [data-state="running"]')).to_have_count(3, timeout=30_000)
    expect(shown.locator('.jw-step[data-status="running"]')).to_have_count(3)
    expect(shown.locator(".jw-where")).to_have_text("on threads")
    shown.get_by_label("How steps are laid out").select_option("lanes")
    lanes = shown.locator(".jw-lane")
    expect(lanes).to_have_count(3)
    expect(lanes.first).to_contain_text("thread 1")
    bar = shown.locator('.jw-lane [data-step="south"]')
    bar.click()
    expect(bar).to_have_class(re.compile("jw-chosen-bar"))
    expect(shown.get_by_role("button", name="Re-run selected (1)")).to_have_count(0)  # it runs
    (lab.folder / "lanes-go").touch()
    expect(shown.locator(".jw-badge").first).to_contain_text("succeeded")
    expect(lanes.locator(".jn-succeeded")).to_have_count(3)
    shown.get_by_label("How steps are laid out").select_option("timed")
    cpu = shown.locator('.jw-step[data-step="north"] .jw-cpu')
    expect(cpu).to_have_text(re.compile("[1-9][0-9]* ms"))
    expect(shown.locator('.jw-step[data-step="north"]')).to_have_attribute(
        "title", re.compile("on thread 1, .* of processor time, its process had .* at most")
    )


REPORTING = """
import time
from pathlib import Path
from jobnb import job, op
from jobnb.display.widgets.run import RunView

@op
def load(context):
    for row in range(1000):
        while row == 400 and not Path("NAME-go").exists():
            time.sleep(0.01)
        context.report_progress(row + 1, 1000, "<b>rows</b>")
    context.log.info("all rows")
    while not Path("NAME-end").exists():
        time.sleep(0.01)

@op
def report(load): ...

@job
def daily():
    report(load())
"""


@pytest.mark.parametrize("dark", [False, True])
def test_a_step_that_reports_its_progress_has_a_bar_on_its_node(lab, tab, dark, tmp_path):
    name = f"progress-{dark}"
    cells = (REPORTING.replace("NAME", name), "RunView(daily.launch(), tab='timeline')")
    nb = lab.open(tab, *cells, dark=dark)
    nb.start(0)
    nb.start(1)
    shown = nb.output(1)
    node = shown.locator('svg.jw-canvas [data-key="load"]')
    done, whole = node.locator(".jn-done"), node.locator(".jn-whole")
    expect(node).to_contain_text("400 of 1,000", timeout=30_000)
    share = done.bounding_box()["width"] / whole.bounding_box()["width"]
    assert share == pytest.approx(0.4, abs=0.02)
    expect(shown.locator(".jw-now")).to_have_text("load: 400 of 1,000 · <b>rows</b>")
    row = shown.locator('.jw-step[data-step="load"]')
    expect(row).to_have_attribute("title", re.compile("400 of 1,000"))
    shown.screenshot(path=str(tmp_path / "progress.png"))
    (lab.folder / f"{name}-go").touch()
    expect(node).to_contain_text("1,000 of 1,000")
    (lab.folder / f"{name}-end").touch()
    expect(node).to_have_attribute("data-state", "succeeded")
    expect(done).to_have_count(0)
    expect(shown.locator(".jw-now")).to_have_count(0)


def test_what_is_shown_after_its_end_has_its_states(lab, tab):
    """News that went out before anybody looked are lost: the states are asked for."""
    for gate in ("late-loaded", "late-cleaned"):
        (lab.folder / gate).touch()
    job = SLOW.replace("NAME", "late")
    nb = lab.open(
        tab, job, "daily.execute_in_process()", "run = daily.launch(); run.wait(30)", "run"
    )
    for number in range(4):
        nb.start(number)
    for number in (1, 3):
        graph = nb.output(number).locator("svg.jw-canvas")
        expect(graph.locator('[data-state="succeeded"]')).to_have_count(3, timeout=30_000)


def test_a_run_is_canceled(lab, tab):
    job = SLOW.replace("NAME", "never")
    nb = lab.open(tab, job, "run = daily.launch(); RunView(run)", "run.wait(30).status")
    nb.start(0)
    nb.start(1)
    head = nb.output(1).locator(".jw-run-head")
    head.get_by_role("button", name="Cancel").click(timeout=30_000)
    expect(head.locator(".jw-badge").first).to_contain_text("canceled")
    expect(head.get_by_role("button", name="Re-run from failure")).to_be_visible()
    nb.start(2)
    expect(nb.output(2)).to_contain_text("CANCELED")


def test_a_button_that_is_pressed_while_the_run_goes_on_is_heard(lab, tab):
    nb = lab.open(tab, SLOW.replace("NAME", "pressed"), "RunView(daily.launch())")
    nb.start(0)
    nb.start(1)
    head = nb.output(1).locator(".jw-run-head")
    head.get_by_role("button", name="Cancel").hover()
    tab.mouse.down()
    (lab.folder / "pressed-loaded").touch()
    expect(head.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "1 of 3 steps")
    tab.mouse.up()
    expect(head.locator(".jw-badge").first).to_contain_text("canceled")


@pytest.fixture
def failed(lab, tab, request):
    """A run that failed, in a view of its own."""
    number = request.node.name
    nb = lab.open(
        tab,
        FRAGILE.replace("NUMBER", number),
        "RunView(weekly.launch())",
        "MENDED.touch()",
    )
    nb.start(0)
    nb.start(1)
    expect(nb.output(1).locator(".jw-failure")).to_be_visible(timeout=30_000)
    return nb


def test_what_failed_is_run_again(failed):
    out = failed.output(1)
    failed.start(2)
    expect(failed.cell(2).locator(".jp-InputPrompt")).not_to_have_text("[*]:")
    out.get_by_role("button", name="Re-run from failure").click()
    expect(out.locator(".jw-run-head .jw-badge").first).to_contain_text("succeeded")
    expect(out.locator(".jw-run-head")).to_contain_text("2 of 2 steps")
    expect(out.locator(".jw-failure")).to_have_count(0)
    report = out.locator(".jw-output", has_text="report")
    expect(report.locator("pre")).to_have_text("it is 10")
    out.get_by_role("button", name="Back to the earlier run").click()
    expect(out.locator(".jw-failure")).to_be_visible()


def test_the_log_is_followed_scrolled_and_filtered(failed):
    out = failed.output(1)
    out.get_by_role("tab", name="Log").click()
    log = out.locator(".jw-log")
    status = out.locator('.jw-run-tabs [role="status"]')
    expect(status).to_contain_text(re.compile(r"^3,0\d\d lines"))
    assert log.locator(".jw-row").count() < 60  # of thousands only those in sight are drawn
    expect(log.locator(".jw-row").last).to_contain_text("weekly")  # it follows the end
    log.evaluate("each => (each.scrollTop = 1500 * 20)")
    expect(log.get_by_text("row 1500", exact=True)).to_be_visible()
    expect(out.get_by_role("button", name="follow")).to_have_attribute("aria-pressed", "false")
    out.get_by_label("Filter the log").fill("row 2999")
    expect(status).to_contain_text("1 of 3,0")
    expect(log.locator(".jw-row")).to_have_count(1)
    out.get_by_label("Filter the log").fill("step:fragile type:STEP_FAILURE")
    expect(log.locator(".jw-row")).to_contain_text('"fragile" failed')
    log.locator(".jw-row").click()
    expect(out.locator(".jw-detail")).to_contain_text("not mended yet")
    out.get_by_label("Filter the log").fill("")
    for kind in ("event", "debug", "error"):
        out.locator(f".jw-button.jw-kind-{kind}").click()
    expect(log.locator(".jw-said")).to_have_text(["the <i>last</i> warning"])


def test_an_error_shows_the_users_line_and_leads_to_its_step(failed):
    out = failed.output(1)
    told = out.locator(".jw-failure")
    expect(told.locator(".jw-source .jn-line")).to_contain_text('raise ValueError("<img src=x>')
    expect(told.locator(".jn-says")).to_have_text("ValueError: <img src=x> not mended yet")
    expect(told.locator("img")).to_have_count(0)
    assert not told.locator("details").evaluate("each => each.open")
    told.get_by_role("button", name="fragile").click()
    out.get_by_role("tab", name="Timeline").click()
    expect(out.locator('.jw-step[data-step="fragile"].jw-chosen')).to_be_visible()
    out.get_by_role("button", name="Clear selection").click()
    expect(out.locator(".jw-step.jw-chosen")).to_have_count(0)
    _select_in_all_parts(out)


def test_steps_are_laid_out_by_what_they_waited_for(failed):
    out = failed.output(1)
    out.get_by_role("tab", name="Timeline").click()
    names = out.locator(".jw-step .jw-elide")
    expect(names).to_have_text(["load", "fragile", "report"])
    out.get_by_label("Order of the steps").select_option("slowest first")
    expect(names.first).to_have_text("load")
    out.get_by_label("How steps are laid out").select_option("Waterfall")
    lefts = "all => all.map(each => each.getBoundingClientRect().left)"
    expect(out.locator(".jw-work:visible")).to_have_count(3)
    places = out.locator(".jw-track .jw-work").evaluate_all(lefts)
    assert places == sorted(set(places))  # each begins where the one before ends
    out.get_by_role("button", name="Slowest path").click()
    expect(out.locator(".jw-step.jw-chosen .jw-elide")).to_have_text(["load", "fragile"])
    tops = out.locator(".jw-step").evaluate_all("all => all.map(each => each.offsetTop)")
    assert set(tops) == {0}  # marked rows stay where they were


def _select_in_all_parts(out):
    out.locator('.jw-step[data-step="load"]').click()
    expect(out.locator('.jw-step[data-step="load"].jw-chosen')).to_be_visible()
    expect(out.get_by_role("button", name="Re-run selected (1)")).to_be_enabled()
    out.locator('.jw-step[data-step="report"]').click(modifiers=["Control"])
    expect(out.get_by_role("button", name="Re-run selected (2)")).to_be_enabled()
    out.locator('.jobnb-graph [data-key="report"]').click()
    expect(out.locator('.jw-step[data-step="report"].jw-chosen')).to_be_visible()
    expect(out.locator('.jw-step[data-step="load"].jw-chosen')).to_have_count(0)


VALUES = """
import pandas as pd
from matplotlib.figure import Figure
from jobnb import job, op
from jobnb.display.widgets.run import RunView

class Marked:
    def _repr_html_(self):
        return "<b class='own-markup'>bold</b>"

@op
def frame():
    return pd.DataFrame({"city": ["<b>Ulm</b>", "Köln"], "n": [1, 2]})

@op
def figure():
    made = Figure(figsize=(2, 1))
    made.subplots().plot([1, 2])
    return made

@op
def essay():
    return "\\n".join(f"line {number}" for number in range(400))

@op
def marked():
    return Marked()

@job
def shown():
    frame(), figure(), essay(), marked()
"""


def test_values_show_themselves(lab, tab):
    nb = lab.open(tab, VALUES, "RunView(shown.execute_in_process())")
    nb.start(0)
    nb.start(1)
    out = nb.output(1)
    outputs = {
        key: out.locator(f'.jw-output[data-step="{key}"]')
        for key in ("frame", "figure", "essay", "marked")
    }
    expect(outputs["frame"].locator("td", has_text="<b>Ulm</b>")).to_be_visible(timeout=30_000)
    expect(outputs["frame"].locator("thead")).to_contain_text("int64")
    expect(outputs["frame"]).to_contain_text("DataFrame · 2 rows × 2 columns")
    image = outputs["figure"].locator("img")
    expect(image).to_be_visible()
    assert image.evaluate("each => each.naturalWidth") > 50
    expect(outputs["essay"].get_by_text("388 more lines")).to_be_visible()
    outputs["marked"].locator("summary").first.click()
    outputs["marked"].get_by_role("button", name="Show as its own display").click()
    expect(out.locator(".own-markup")).to_have_text("bold")


CHECKED = """
from jobnb import AssetCheckResult, asset, asset_check, session

@asset
def orders():
    return [3, None]

@asset_check(asset=orders)
def no_nulls(orders):
    return AssetCheckResult(passed=None not in orders, description="one <b>null</b>")
"""


def test_checks_stand_on_the_card_and_in_their_tab(lab, tab):
    nb = lab.open(tab, CHECKED, "session.materialize()")
    nb.start(0)
    nb.start(1)
    card = nb.output(1).locator('svg.jw-canvas [data-key="orders"]')
    expect(card.locator(".jn-checks")).to_contain_text("1 of 1", timeout=30_000)
    expect(card).to_have_attribute("aria-label", re.compile("1 of 1 check failed"))
    nb.output(1).get_by_role("tab", name="Checks").click()
    said = nb.output(1).locator(".jw-check")
    expect(said).to_contain_text("orders:no_nulls")
    expect(said).to_contain_text("one <b>null</b>")
