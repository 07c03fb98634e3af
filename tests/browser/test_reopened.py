"""What a notebook shows without the kernel that made it: pictures, and no word of lost widgets."""

from __future__ import annotations

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Notebook

pytestmark = pytest.mark.timeout(180)

DEFINE = """
from jobnb import asset, job, op, sensor, session

@op
def load():
    return [1, 2]

@op
def report(rows):
    return len(rows)

@job
def daily():
    report(load())

@asset
def orders():
    return 1

@sensor(job=daily)
def look(): ...
"""
RUN = "run = daily.launch(); run"
CELLS = [
    DEFINE, "daily", RUN, "daily.launchpad()", "session", "session.runs", "session.automation",
]  # fmt: skip
SHOWN = range(1, len(CELLS))
TWIN = "[data-jobnb-twin]"


def executed(lab, tab, *more: str) -> Notebook:
    """The notebook, run but for what more stands in it, its run ended."""
    notebook = lab.open(tab, *CELLS, *more)
    for number in range(len(CELLS)):
        notebook.start(number)
    expect(notebook.output(2).locator(".jw-run-head")).to_contain_text("2 of 2 steps")
    expect(notebook.output(5).locator(".jw-runs")).to_be_visible()
    return notebook


def twin(notebook: Notebook, number: int) -> Locator:
    """The picture that stays of what this cell showed."""
    return notebook.cell(number).locator(TWIN)


def check_pictures(page: Page, twins: list[Locator]) -> None:
    """They can be read, and nothing tells of a widget."""
    for each in twins:
        expect(each).to_be_visible()
    graph = twins[1].locator("svg.jobnb-graph")
    expect(graph).to_be_visible()
    expect(graph.locator(".jn-node.jn-succeeded")).to_have_count(2)  # as it ended, not as it began
    for words in ("Error displaying widget", "model not found", "Loading widget"):
        expect(page.get_by_text(words).filter(visible=True)).to_have_count(0)


def test_pictures_stay_when_the_kernel_is_gone(lab, tab):
    notebook = executed(lab, tab)
    for number in SHOWN:
        expect(twin(notebook, number)).to_be_hidden()
        expect(notebook.output(number).locator(".jobnb").first).to_be_visible()
    name = notebook.save()
    lab.end_kernels()
    notebook = lab.load(tab, name)
    check_pictures(tab, [twin(notebook, number) for number in SHOWN])


def test_a_page_that_is_loaded_again_is_alive(lab, tab):
    name = executed(lab, tab).save()
    notebook = lab.load(tab, name)
    for number in SHOWN:
        expect(notebook.output(number).locator(".jobnb").first).to_be_visible(timeout=60_000)
        expect(twin(notebook, number)).to_be_hidden()


def test_pictures_stay_in_a_page_of_nbconvert(lab, tab, page):
    name = executed(lab, tab).save()
    book = nbformat.read(lab.folder / name, as_version=4)
    text, _ = HTMLExporter().from_notebook_node(book)
    (lab.folder / "page.html").write_text(text)
    page.goto((lab.folder / "page.html").as_uri(), wait_until="domcontentloaded")
    _defined, *shown = page.locator(TWIN).all()  # the first is of the cell that defines
    check_pictures(page, shown)


GONE = "The kernel that made this view is gone: run this cell again."
RESTART = """async () => {
    await window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart();
}"""


def test_views_of_a_restarted_kernel_say_so_and_do_nothing(lab, tab):
    notebook = executed(lab, tab)
    tab.evaluate(RESTART)
    for number in SHOWN:
        output = notebook.output(number)
        expect(output.get_by_text(GONE)).to_have_count(1)
        expect(output.locator("button:enabled, input:enabled, select:enabled")).to_have_count(0)
    expect(notebook.output(2).locator("svg .jn-node").first).to_be_visible()
    expect(tab.get_by_text("Cannot send")).to_have_count(0)
    for number in (0, 1):
        notebook.start(number)
    expect(notebook.output(1).get_by_text(GONE)).to_have_count(0)
    expect(notebook.output(1).get_by_role("tab", name="Runs")).to_be_enabled()


def test_a_view_of_a_kernel_that_died_says_so(lab, tab):
    notebook = executed(lab, tab, "import os; os.kill(os.getpid(), 9)")
    notebook.start(len(CELLS))
    tab.get_by_role("dialog").get_by_role("button", name="Ok").click(timeout=40_000)
    rerun = notebook.output(2).get_by_role("button", name="Re-run", exact=True)
    expect(notebook.output(2).get_by_text(GONE)).to_be_visible()
    expect(rerun).to_be_disabled()
    expect(tab.get_by_text("Cannot send")).to_have_count(0)
