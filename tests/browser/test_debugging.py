"""A person opens a failed step in cells, mends it, runs its cell again and goes on."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(180)

DEFINE = """
from jobnb import asset, session

@asset
def orders():
    return {"a": 20, "b": 22}

@asset
def total(orders):
    first = orders["a"]
    return first + orders["c"]

@asset
def report(total):
    return f"total: {total}"
"""


def sources(tab):
    return tab.evaluate(
        """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
                   .map(cell => cell.sharedModel.getSource())"""
    )


def write(tab, number, text):
    tab.evaluate(
        """([number, text]) => window.jupyterapp.shell.currentWidget.content.model.cells
               .get(number).sharedModel.setSource(text)""",
        [number, text],
    )


def done(nb, number):
    """Run a cell and wait until it has run."""
    nb.start(number)
    prompt = nb.cell(number).locator(".jp-InputPrompt")
    expect(prompt).not_to_have_text("[ ]:", timeout=60_000)
    expect(prompt).not_to_have_text("[*]:", timeout=60_000)


@pytest.mark.parametrize("view", ["lab", "notebooks"])
def test_a_failed_step_is_opened_mended_and_resumed(lab, tab, view):
    nb = lab.open(tab, DEFINE, "session.launch()", "'the last cell'", view=view)
    done(nb, 0)
    done(nb, 1)
    head = nb.output(1)
    expect(head.locator(".jw-failure")).to_contain_text("KeyError: 'c'", timeout=60_000)
    head.get_by_role("button", name="Open in cells").click()
    expect(head).to_contain_text("The step total stands in the cells below.")
    tab.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.content.model.cells.length === 7"
    )
    _, _, givens, body, definition, resume, last = sources(tab)
    assert 'orders = step.inputs["orders"]' in givens
    assert body == 'first = orders["a"]\nresult = first + orders["c"]\nresult'
    assert definition.startswith("@asset\ndef total(orders):")
    assert (resume, last) == ("step.resume()", "'the last cell'")
    done(nb, 2)
    done(nb, 3)
    expect(nb.output(3)).to_contain_text("KeyError")
    write(tab, 3, body.replace('"c"', '"b"'))
    done(nb, 3)
    expect(nb.output(3)).to_contain_text("42")
    write(tab, 4, definition.replace('"c"', '"b"'))
    done(nb, 4)
    done(nb, 5)
    expect(nb.output(5).locator(".jn-header").first).to_contain_text("succeeded", timeout=60_000)
    write(tab, 6, "session.value('report')")
    done(nb, 6)
    expect(nb.output(6)).to_contain_text("total: 42")


def test_the_magic_puts_the_cells_below_once(lab, tab):
    nb = lab.open(tab, DEFINE, "session.launch().wait()", "%jobnb debug")
    done(nb, 0)
    done(nb, 1)
    nb.start(2)
    tab.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.content.model.cells.length === 7",
        timeout=60_000,
    )
    expect(nb.output(2)).to_contain_text("It stands in the cells below.")
    expect(nb.output(2)).to_contain_text("KeyError: 'c'")
    assert sources(tab)[-1] == "step.resume()"
