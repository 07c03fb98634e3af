"""A person types a `%%asset` cell: options and assets are offered, and the asset's card appears."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(120)

DEFINE = """
from jobnb import asset, session

@asset(group_name="fruits")
def apples():
    return [1, 2, 3]

session.show_definitions = True
"""


def test_options_and_keys_are_completed_and_the_asset_is_shown(lab, tab):
    nb = lab.open(tab, DEFINE, "")
    nb.start(0)
    expect(nb.cell(0).locator(".jp-InputPrompt")).to_have_text("[1]:", timeout=60_000)
    offered = tab.locator(".jp-Completer-item")

    def complete(typed: str, label: str, text: str) -> None:
        """Press Tab, and choose from what is offered; the only match is put in by itself."""
        tab.keyboard.type(typed)
        tab.keyboard.press("Tab")
        item = offered.filter(has_text=label).first
        done = editor.filter(has_text=text)
        expect(item.or_(done).first).to_be_visible(timeout=30_000)
        if item.is_visible():
            item.click()
        expect(editor).to_contain_text(text)

    editor = nb.cell(1).locator(".cm-content")
    editor.click()
    complete("%%asset pears --gro", "--group", "--group")
    complete(" fr", "fruits", "--group fruits")
    complete(" --deps app", "apples", "--deps apples")
    tab.keyboard.press("Enter")
    complete("sum(app", "apples", "sum(apples")
    tab.keyboard.press("End")
    text = editor.inner_text()
    if not text.rstrip().endswith(")"):  # Where brackets do not close by themselves.
        tab.keyboard.type(")")
    nb.start(1)
    expect(nb.output(1).locator(".jn-node", has_text="pears").first).to_be_visible(timeout=60_000)
    expect(nb.output(1).locator(".jn-node", has_text="apples").first).to_be_visible()
