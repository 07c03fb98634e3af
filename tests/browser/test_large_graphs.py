"""Large graphs in JupyterLab: something is to be seen, all of it can be fitted, nothing jumps."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(180)

DEFINED = """
import threading
from jobnb import DynamicOut, DynamicOutput, asset, job, op, session

def made(n):
    deps = [f"asset_{n - d}" for d in (1, 7, 13) if n >= d]
    @asset(name=f"asset_{n}", group_name=f"group_{n // 25}", deps=deps)
    def one():
        return n
    return one

@op
def first():
    return 1

@op
def step(x):
    return x

@op
def last(xs: list):
    return len(xs)

@job
def fan():
    x = first()
    last([step.alias(f"step_{n}")(x) for n in range(38)])

@job
def chain():
    x = first()
    for n in range(399):
        x = step.alias(f"step_{n}")(x)
"""
# The cards that lie wholly inside of the canvas, and those that are cut by its sides.
SEEN = """output => {
  const canvas = output.querySelector('.jw-canvas');
  const room = canvas.getBoundingClientRect();
  const inside = (box) => box.left >= room.left - 1 && box.right <= room.right + 1
    && box.top >= room.top - 1 && box.bottom <= room.bottom + 1;
  const outside = (box) => box.left >= room.right || box.right <= room.left
    || box.top >= room.bottom || box.bottom <= room.top;
  const cards = [...canvas.querySelectorAll('.jn-node')].map((node) => [node.dataset.key,
    [...node.querySelectorAll('.jn-card')].pop().getBoundingClientRect()]);
  return {
    whole: cards.filter(([, box]) => inside(box)).map(([key]) => key),
    cut: cards.filter(([, box]) => !inside(box) && !outside(box)).map(([key]) => key),
    count: cards.length,
    size: parseFloat(getComputedStyle(canvas.querySelector('.jn-title')).fontSize)
      * canvas.querySelector('.jw-stage').getCTM().a,
  };
}"""


def opened(lab, tab, *cells, node=".jn-node"):
    notebook = lab.open(tab, DEFINED, *cells)
    notebook.run_all()
    for number in range(len(cells)):
        notebook.output(number + 1).locator(node).first.wait_for(timeout=90_000)
    return notebook


def seen(output):
    return output.locator(".jw-graph").first.evaluate(SEEN)


def settled(output):
    """Two frames later: views are moved before the next one."""
    output.page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    return seen(output)


def card(output, name):
    return output.locator(f'.jn-node[data-key="{name}"]')


def stage(output):
    return output.locator(".jw-stage").first.get_attribute("transform")


def test_graphs_of_any_size_open_with_whole_cards_and_are_fitted(lab, tab):
    added = "session.add(*[made(n) for n in range(150)])\nsession"
    notebook = opened(lab, tab, added, "fan", "chain")
    groups, fan, chain = (notebook.output(number) for number in (1, 2, 3))
    for output, root, count in (
        (groups, "fold:group_0", 6),
        (fan, "first", 40),
        (chain, "fold:first … step_56", 7),
    ):
        output.scroll_into_view_if_needed()
        found = seen(output)
        assert root in found["whole"]
        assert found["cut"] == []
        assert found["count"] == count
        assert found["size"] >= 8.7
        output.get_by_role("button", name="Fit").click()
        assert len(settled(output)["whole"]) == count
        output.get_by_role("button", name="Start").click()
        assert settled(output)["whole"] == found["whole"]


def test_a_graph_is_moved_in_and_zoomed_with_the_keyboard_alone(lab, tab):
    notebook = opened(lab, tab, "fan")
    output = notebook.output(1)
    output.get_by_role("searchbox", name="Search nodes").focus()
    for _ in range(5):  # the buttons, then the graph
        tab.keyboard.press("Tab")
    expect(card(output, "first")).to_be_focused()
    at = stage(output)
    tab.keyboard.press("ArrowRight")
    expect(output.locator(".jn-node:focus")).to_have_attribute("data-key", re.compile("step_"))
    middle = output.locator(".jn-node:focus").get_attribute("data-key")
    for _ in range(12):
        tab.keyboard.press("ArrowDown")
        settled(output)
    focused = output.locator(".jn-node:focus").get_attribute("data-key")
    assert focused != middle
    assert focused in settled(output)["whole"]
    tab.keyboard.press("Enter")
    expect(output.locator(".jw-selection").first).to_have_text(focused)
    tab.keyboard.press("Shift+ArrowLeft")
    settled(output)
    moved = stage(output)
    assert moved != at
    tab.keyboard.press("+")
    settled(output)
    assert stage(output) != moved
    tab.keyboard.press("f")
    assert len(settled(output)["whole"]) == 40
    tab.keyboard.press("Home")
    settled(output)
    assert stage(output) == at
    expect(card(output, "first")).to_be_focused()


def test_what_is_opened_stays_where_it_was_and_what_is_found_comes_into_sight(lab, tab):
    added = "session.add(*[made(n) for n in range(150)])\nsession"
    output = opened(lab, tab, added).output(1)
    before = card(output, "fold:group_2").bounding_box()
    scale = output.locator(".jw-stage").first.evaluate("node => node.getCTM().a")
    card(output, "fold:group_2").locator(".jw-opener").click()
    frame = output.locator(".jn-cluster").filter(has_text="group_2").locator(".jn-frame").first
    frame.wait_for()
    settled(output)
    after = frame.bounding_box()
    assert after["x"] == pytest.approx(before["x"], abs=20)
    assert output.locator(".jw-stage").first.evaluate("node => node.getCTM().a") == scale
    assert "asset_50" in seen(output)["whole"]
    output.get_by_role("button", name="Fold group_2").click()
    expect(card(output, "asset_50")).to_have_count(0)
    settled(output)
    folded = card(output, "fold:group_2").bounding_box()
    assert folded["x"] == pytest.approx(before["x"], abs=20)

    search = output.get_by_role("searchbox", name="Search nodes")
    search.fill("asset_14")
    expect(output.get_by_text("11 found")).to_be_visible()
    search.press("Enter")
    search.press("Enter")
    expect(output.locator(".jn-node.jw-found")).to_have_attribute("data-key", "asset_140")
    assert "asset_140" in settled(output)["whole"]
    expect(search).to_be_focused()
    search.press("Escape")

    output.get_by_role("checkbox", name="Select asset_3", exact=True).check()
    expect(output.locator(".jw-selection").first).to_have_text("asset_3")
    assert "asset_3" in settled(output)["whole"]


def test_what_a_run_tells_moves_nothing_and_mapped_steps_are_counted(lab, tab):
    go = "go = threading.Event()"
    spread = """
@op(out=DynamicOut())
def spread():
    for n in range(20):
        yield DynamicOutput(n, mapping_key=f"k{n}")

@op
def work(x):
    if x == 5:
        go.wait(60)
    return x

@job
def mapped():
    y = step.alias("end")(last(spread().map(work).collect()))
    for n in range(20):
        y = step.alias(f"step_{n}")(y)

run = mapped.launch()
run
"""
    notebook = opened(lab, tab, f"{go}\n{spread}", node=".jn-node[data-key=work]")
    output = notebook.output(1)
    work = card(output, "work")
    expect(work).to_have_attribute("aria-label", re.compile(r"running, \d+ of 20"))
    output.locator(".jw-canvas").first.hover()
    output.get_by_role("button", name="Zoom in").click()
    work.focus()
    tab.keyboard.press("Shift+ArrowRight")
    settled(output)
    at = stage(output)
    tab.evaluate(
        """() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
            .requestExecute({ code: 'go.set()', silent: true })"""
    )
    expect(work).to_have_attribute("aria-label", re.compile("succeeded, 20 of 20"))
    expect(output.get_by_text("succeeded").first).to_be_visible()
    settled(output)
    assert stage(output) == at
