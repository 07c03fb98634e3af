"""All views for those who hear them or use no mouse: axe finds nothing, keys reach all."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(240)

DEFINED = '''
import datetime
from typing import Literal, Optional

import pandas as pd
from jobnb import (
    AssetCheckResult, Config, DailyPartitionsDefinition, MaterializeResult, MetadataValue, asset,
    asset_check, job, op, session,
)

class Place(Config):
    path: str = "here"
    tags: list[str] = ["a", "b"]

class Settings(Config):
    origin: Literal["EWR", "JFK"] = "JFK"
    month: int = 1
    ratio: float = 0.5
    on: bool = True
    note: str = "two\\nlines"
    when: datetime.date = datetime.date(2013, 1, 1)
    place: Place = Place()
    places: list[Place] = [Place()]
    names: dict[str, int] = {"a": 1}
    maybe: Optional[int] = None

@asset(group_name="load")
def orders(context, config: Settings):
    """All orders."""
    context.log.info("loaded")
    return pd.DataFrame({f"a_column_with_a_name_{n}": range(30) for n in range(9)})

@asset(group_name="load")
def customers():
    return MaterializeResult(metadata={
        "rows": 5, "text": MetadataValue.md("# Some\\n- text"), "page": MetadataValue.url("https://example.org"),
    })

@asset(group_name="report")
def revenue(orders):
    return orders.sum()

@asset(group_name="report")
def broken(revenue):
    raise ValueError("a message so long that it is wider than the view in which it is told " * 3)

@asset(group_name="report")
def after(broken):
    return 1

@asset_check(asset=orders)
def enough(orders):
    return AssetCheckResult(passed=False, description="too few", metadata={"n": len(orders)})

@asset(partitions_def=DailyPartitionsDefinition("2023-01-01", end_date="2023-06-01"))
def daily(context):
    return context.partition_key

@op
def first(config: Settings):
    return 1

@op
def second(x):
    return x

@job(tags={"team": "data"})
def routes():
    second(first())

session.backfill("daily", ["2023-01-01", "2023-01-02"]).wait(60)
session.launch("routes", tags={"a": "b"}).wait(60)
run = session.launch(["orders", "customers", "revenue", "broken", "after"])
run.wait(60)
'''
VIEWS = {
    "session": "session",
    "run": "run",
    "launchpad": "routes.launchpad()",
    "history": "session.runs",
    "partitions": "session.partitions('daily')",
    "graph": "routes",
    "asset": "orders",
    "check": "enough",
    "op": "first",
}


def opened(lab, tab):
    """The output of each view, drawn."""
    tab.set_viewport_size({"width": 1000, "height": 1400})
    notebook = lab.open(tab, DEFINED, *VIEWS.values())
    notebook.run_all()
    shown = {name: notebook.output(number + 1) for number, name in enumerate(VIEWS)}
    for name, sign in {
        "session": ".jn-node",
        "run": ".jw-output",
        "launchpad": ".jl-number",
        "history": "tbody tr",
        "partitions": ".jq-count",
        "graph": ".jn-node",
        "op": ".jn-header",
    }.items():
        shown[name].locator(sign).first.wait_for(timeout=90_000)
    return notebook, shown


# All that passed is counted only; to list it takes axe longer than to look.
RULES = {"resultTypes": ["violations", "incomplete"]}
OF_COLOURS = {
    **RULES,
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}


def violations(output, rules):
    """What axe says of a view, in short."""
    output.page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 150)))"
    )
    output.evaluate(
        """output => {
            for (const each of document.querySelectorAll('[data-axe]')) delete each.dataset.axe;
            output.setAttribute('data-axe', '');
        }"""
    )
    found = Axe().run(output.page, context="[data-axe]", options=rules).response
    assert found["passes"] or found["incomplete"] or rules is OF_COLOURS  # it did look
    said = [f"{each['id']}: {node['html'][:160]}"
            for each in found["violations"] for node in each["nodes"]]  # fmt: skip
    # Where axe is not sure, two elements of one name are a fault of ours all the same.
    unsure = [each["id"] for each in found["incomplete"] if each["id"] == "duplicate-id-aria"]
    return said + unsure


def every_state(shown):
    """Goes through the tabs and states of all views, and tells which view is to be looked at."""
    for name, output in shown.items():
        output.scroll_into_view_if_needed()
        yield name, output
    for name in ("Jobs", "Ops and graphs", "Assets"):
        shown["session"].get_by_role("tab", name=name).click()
        yield f"session, {name}", shown["session"]
    shown["session"].get_by_role("button", name="value of orders").click()
    shown["session"].locator(".jn-sheet").wait_for()
    shown["session"].locator(".jn-node").first.click()
    shown["session"].locator(".jn-node").first.hover()
    shown["session"].locator(".jw-hover:not(.jw-hidden)").wait_for()
    yield "session, a value and a node", shown["session"]
    for name in ("Checks", "Timeline", "Log", "Config", "Tags", "Outputs"):
        shown["run"].get_by_role("tab", name=name).click()
        yield f"run, {name}", shown["run"]
    shown["run"].locator("summary").first.click()
    yield "run, a traceback", shown["run"]
    shown["launchpad"].locator(".jl-number").first.fill("abc")
    shown["launchpad"].get_by_text("1 problem").wait_for()
    yield "launchpad, a mistake", shown["launchpad"]
    shown["launchpad"].locator(".jl-number").first.fill("3")
    shown["launchpad"].get_by_text("Ready to launch").wait_for()
    shown["launchpad"].get_by_role("tab", name="YAML").click()
    yaml = shown["launchpad"].get_by_label("config as YAML")
    yaml.focus()
    yaml.press("Control+Home")
    yaml.press("Control+Space")
    shown["launchpad"].get_by_role("listbox", name="What may stand here").wait_for()
    yield "launchpad, YAML and what is offered", shown["launchpad"]
    yaml.press("Escape")
    shown["launchpad"].get_by_role("tab", name="Form").click()
    for name in ("Details", "Launchpad", "Asset"):
        shown["asset"].get_by_role("tab", name=name, exact=True).click()
        yield f"asset, {name}", shown["asset"]
    for number in range(2):
        shown["history"].locator("tbody input[type=checkbox]").nth(number).check()
    shown["history"].get_by_role("button", name="Compare").click()
    shown["history"].locator(".jw-compare").wait_for()
    yield "history, compared", shown["history"]
    shown["history"].get_by_role("button", name="Delete 2").click()
    yield "history, asked", shown["history"]
    shown["history"].get_by_role("button", name="No", exact=True).click()
    for number in range(2):
        shown["history"].locator("tbody input[type=checkbox]").nth(number).uncheck()


def test_axe_finds_nothing_in_any_view_light_and_dark(lab, tab):
    notebook, shown = opened(lab, tab)
    found = {}
    for theme in ("Light", "Dark"):
        notebook.command("apputils:change-theme", {"theme": f"JupyterLab {theme}"})
        light = str(theme == "Light").lower()
        tab.locator(f'body[data-jp-theme-light="{light}"]').wait_for(state="attached")
        for name, output in every_state(shown):
            # The dark view has the same elements in other colours.
            if said := violations(output, RULES if theme == "Light" else OF_COLOURS):
                found[theme, name] = said
        if theme == "Light":  # closed as it was
            shown["session"].get_by_role("button", name="value of orders").click()
            shown["session"].get_by_role("button", name="Clear").click()
            shown["run"].locator("summary").first.click()
    assert found == {}


# What has the focus: whether that can be seen. Each is marked as visited.
FOCUSED = """view => {
  const at = document.activeElement;
  if (!view.contains(at)) return null;
  at.dataset.visited = '1';
  const style = getComputedStyle(at);
  const card = at.querySelector(':scope > .jn-card');
  const ring = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0)
    || style.boxShadow !== 'none' || (card && parseFloat(getComputedStyle(card).strokeWidth) > 2);
  const name = at.getAttribute('aria-label') || at.textContent.slice(0, 40);
  return { name, ring: Boolean(ring) };
}"""
# Controls that were not reached; those that arrow keys reach say so by being out of the order.
MISSED = """view => [...view.querySelectorAll('button, input, select, textarea, summary, a[href]')]
  .filter(each => !each.disabled && !each.dataset.visited && each.tabIndex >= 0
    && each.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }))
  .map(each => each.outerHTML.slice(0, 120))"""


def walked(output):
    """Presses Tab through a view: the names of all that had the focus, what had it unseen."""
    output.scroll_into_view_if_needed()
    output.evaluate(
        """output => {
            const start = Object.assign(document.createElement('span'), { tabIndex: 0 });
            output.prepend(start);
            start.focus();
            start.addEventListener('blur', () => start.remove());
        }"""
    )
    names, unseen = [], []
    for _ in range(150):
        output.page.keyboard.press("Tab")
        at = output.evaluate(FOCUSED)
        if at is None:
            return names, unseen
        names.append(at["name"])
        if not at["ring"]:
            unseen.append(at["name"])
    raise AssertionError(f"Tab never leaves the view: {names}")


def reach(output, name):
    """Presses Tab until something of this name has the focus."""
    output.evaluate("output => output.querySelector('button, input, select').focus()")
    for _ in range(100):
        at = output.evaluate(FOCUSED)
        if at is not None and at["name"].startswith(name):
            return
        output.page.keyboard.press("Tab")
    raise AssertionError(f"{name} cannot be reached")


def test_every_view_can_be_worked_with_the_keyboard_alone(lab, tab):
    _, shown = opened(lab, tab)
    press = tab.keyboard.press
    for name, output in shown.items():
        names, unseen = walked(output)
        assert unseen == [], name
        assert output.evaluate(MISSED) == [], name
        assert names or name == "check", name

    session, run, pad, history = (
        shown[name] for name in ("session", "run", "launchpad", "history")
    )
    reach(session, "Assets (")
    press("ArrowRight")
    expect(session.get_by_role("tab", name="Jobs")).to_be_focused()
    expect(session.get_by_role("tabpanel", name="Jobs")).to_be_visible()
    press("ArrowLeft")
    reach(session, "Select customers")
    press("Space")
    expect(session.locator(".jw-selection")).to_have_text("customers")
    reach(session, session.locator(".jn-node[tabindex='0']").get_attribute("aria-label"))
    for _ in range(7):
        if session.locator(".jn-node:focus").get_attribute("data-key") == "orders":
            break
        press("ArrowDown")
    press("e")  # folds its group
    expect(session.locator(".jn-node[data-key='fold:load']")).to_be_focused()
    press("e")
    expect(session.locator(".jn-node[data-key='fold:load']")).to_have_count(0)
    expect(session.locator(".jn-node:focus")).to_have_count(1)
    reach(session, "Materialize 1 selected")
    press("Enter")
    expect(session.get_by_text("has begun")).to_be_visible()

    reach(run, "Outputs")
    press("ArrowLeft")
    press("ArrowLeft")
    expect(run.get_by_role("tab", name="Config")).to_be_focused()
    reach(run, "Re-run")
    press("Enter")
    expect(run.get_by_text("again, after")).to_be_visible()

    reach(pad, "month")
    press("ArrowUp")
    expect(pad.get_by_role("spinbutton", name="month")).to_have_value("2")
    reach(pad, "Launch")
    press("Space")
    expect(pad.locator(".jl-status")).to_contain_text("run", ignore_case=True)

    reach(history, "Tick run")
    press("Space")
    expect(history.get_by_text("1 ticked")).to_be_visible()

    grid = shown["partitions"].get_by_role("application")
    grid.focus()
    press("ArrowRight")
    press("Shift+ArrowRight")
    expect(shown["partitions"].get_by_role("button", name="selected")).to_be_visible()
