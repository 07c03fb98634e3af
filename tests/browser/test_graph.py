"""The live graph and the catalogue: what a person does with them."""

from __future__ import annotations

import re

from playwright.sync_api import expect

ASSETS = """
from jobnb import asset, session

@asset(group_name="load")
def orders():
    return [1, 2, 3]

@asset(group_name="load")
def customers():
    return ["a"]

@asset(group_name="report")
def revenue(orders, customers):
    return sum(orders)

session
"""


def shown(lab, tab, **how):
    notebook = lab.open(tab, ASSETS, "session.value('revenue')", **how)
    notebook.start(0)
    output = notebook.output(0)
    output.locator(".jw-graph").first.wait_for(timeout=60_000)
    return notebook, output


def node(output, name):
    return output.locator(".jn-node").filter(has_text=name).first


def test_clicked_nodes_are_selected_and_their_selection_is_copied(lab, tab):
    _, output = shown(lab, tab)
    node(output, "revenue").click()
    chosen = output.locator(".jw-selection").first
    expect(chosen).to_have_text(re.compile("revenue"))
    node(output, "orders").click(modifiers=["Shift"])
    expect(chosen).to_have_text(re.compile("orders"))
    output.get_by_role("button", name="Copy").first.click()
    tab.wait_for_function(
        "async said => (await navigator.clipboard.readText()) === said", arg=chosen.inner_text()
    )
    output.get_by_role("button", name="Clear").first.click()
    expect(output.locator(".jw-chosen").first).to_have_class(re.compile("jw-hidden"))


def test_a_group_is_folded_to_one_card_and_opened_again(lab, tab):
    _, output = shown(lab, tab)
    expect(output.locator(".jn-node")).to_have_count(3)
    output.get_by_role("button", name="Fold load").first.click()
    expect(output.locator(".jn-node")).to_have_count(2)
    output.locator(".jw-opener").first.click()
    expect(output.locator(".jn-node")).to_have_count(3)


def test_a_view_answers_while_a_cell_runs(lab, tab):
    """With a front end and a kernel that know subshells."""
    gate = lab.folder / "answered"
    notebook = lab.open(
        tab,
        ASSETS,
        f"import time, pathlib\nwhile not pathlib.Path('{gate}').exists(): time.sleep(0.01)",
    )
    notebook.start(0)
    output = notebook.output(0)
    expect(output.locator(".jn-node")).to_have_count(3)
    notebook.start(1)
    expect(notebook.cell(1).locator(".jp-InputPrompt")).to_have_text("[*]:")
    node(output, "revenue").click()
    output.get_by_role("button", name="← and upstream").click()
    output.get_by_role("button", name="Materialize 3 selected").click()
    made = re.compile("succeeded|made", re.IGNORECASE)
    expect(node(output, "revenue")).to_have_attribute("aria-label", made)
    expect(notebook.cell(1).locator(".jp-InputPrompt")).to_have_text("[*]:")
    gate.touch()


def test_a_selection_of_the_catalogue_is_made_and_its_nodes_turn(lab, tab):
    notebook, output = shown(lab, tab, dark=True)
    node(output, "revenue").click()
    output.get_by_role("button", name="← and upstream").first.click()
    output.get_by_role("button", name="Materialize 3 selected").click()
    made = re.compile("succeeded|made|success", re.IGNORECASE)
    expect(node(output, "revenue")).to_have_attribute("aria-label", made, timeout=60_000)
    notebook.start(1)
    expect(notebook.output(1)).to_have_text(re.compile("6"), timeout=60_000)
