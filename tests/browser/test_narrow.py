"""Live views on a page as narrow as a phone: nothing leaves its place, nothing is cut."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(120)

CELLS = [
    """
from jobnb import asset, asset_check, job, op, session

@op
def load_the_orders_of_all_branches():
    return 1

@op
def clean(orders):
    raise ValueError("an order of a customer who is not there at all")

@job(tags={"team": "data"})
def daily():
    clean(load_the_orders_of_all_branches())

@asset(group_name="reports")
def revenue_by_customer_and_month_and_branch():
    return 1

@asset_check(asset=revenue_by_customer_and_month_and_branch)
def every_branch_of_every_customer_is_there(): return True

run = session.execute_job("daily", raise_on_error=False, tags={"branch": "a rather long name"})
""",
    "daily",
    "run",
    "session",
    "session.runs",
]
# Controls and texts that stand outside of their view or are wider than it.
OUTSIDE = """() => [...document.querySelectorAll('.jobnb')].flatMap(view => {
  const room = view.getBoundingClientRect();
  if (!room.width) return [];
  const scrolls = each => each.closest('.jn-scroll, pre, .jw-canvas, .jw-rows, .jw-spoken');
  return [...view.querySelectorAll('button, input, select, summary, span, code')]
    .filter(each => !scrolls(each) && each.getClientRects().length)
    .map(each => [each.className || each.tagName, each.getBoundingClientRect()])
    .filter(([_, box]) => box.right > room.right + 1 || box.left < room.left - 1)
    .map(([name, box]) => `${name}: ${box.left}-${box.right} in ${room.left}-${room.right}`);
})"""


@pytest.mark.parametrize("width", [320, 480])
def test_nothing_leaves_its_view(lab, tab, width):
    tab.set_viewport_size({"width": width, "height": 900})
    page = lab.voila(tab, *CELLS)
    outputs = page.locator(".jp-OutputArea-child:not(:has([data-jobnb-twin]))")
    expect(outputs).to_have_count(4, timeout=60_000)
    graph, run, catalogue, history = (outputs.nth(number) for number in range(4))
    expect(history.locator(".jw-runs tbody tr").first).to_be_visible()
    graph.locator(".jn-node").first.click()
    expect(graph.locator(".jw-chosen")).to_contain_text("1 selected")
    run.get_by_role("tab", name="Timeline").click()
    expect(run.locator(".jw-step")).to_have_count(2)
    catalogue.locator(".jn-node").first.click()
    expect(catalogue.get_by_role("button", name="Materialize 1 selected")).to_be_visible()
    assert page.evaluate(OUTSIDE) == []
