"""How a launchpad looks where there is little room, and on a dark page."""

from __future__ import annotations

import pytest

from tests.browser.slow_form import AT, Form

OUTSIDE = """(width) => [...document.querySelectorAll('#host *')]
  .filter((node) => node.getBoundingClientRect().right > width + 0.5)
  .filter((node) => !node.closest('.jl-yaml-paint > *')) // moves within its box as the text does
  .map((node) => `${node.tagName}.${node.className}: ${node.textContent.slice(0, 30)}`)"""
CONTRAST = """(node) => ['color', 'backgroundColor'].map((name) => {
  const [red, green, blue] = getComputedStyle(node)[name].match(/[0-9.]+/g).map(Number);
  return 0.3 * red + 0.6 * green + 0.1 * blue;
})"""
HARD = {
    "count": "x",
    "numbers": list(range(12)),
    "weights": {"a key that is longer than the room there is for it": 1.5},
    "either": "text",
    "word": "w" * 300,
    "not_known": {"a": [1, 2]},
}


@pytest.fixture
def form(page):
    made = Form(page)
    made.pad.config = {"ops": {"everything": {"config": HARD}}}
    made.pad.state.set_tags({"key": "a value that is longer than the room there is for it" * 2})
    made.pad.form.sync()
    made.kernel.show()
    yield made
    made.pad.close()


@pytest.mark.parametrize("width", [320, 480, 900])
def test_nothing_leaves_the_page(form, width):
    form.page.set_viewport_size({"width": width, "height": 800})
    assert form.page.evaluate(OUTSIDE, width) == []
    assert form.field("word").bounding_box()["width"] > 100
    form.page.get_by_role("tab", name="YAML").click()
    assert form.page.evaluate(OUTSIDE, width) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_control_can_be_read_in_its_theme(form, theme):
    is_light = str(theme == "light").lower()
    form.page.evaluate(f"document.body.dataset.jpThemeLight = '{is_light}'")
    for name in ("count", "word", "grade", "free", "numbers/3", "password"):
        front, back = form.field(name).evaluate(CONTRAST)
        assert (front < back) == (theme == "light")
        assert abs(front - back) > 80
    box = form.row("on").locator("input")
    assert box.evaluate("node => getComputedStyle(node).colorScheme") == theme


def test_what_a_control_is_for_is_told_to_those_who_do_not_see_it(form):
    unnamed = form.page.evaluate("""() =>
      [...document.querySelectorAll('#host input, #host select, #host textarea')]
        .filter((node) => !node.ariaHidden && !node.labels?.length && !node.ariaLabel)
        .map((node) => node.outerHTML.slice(0, 100))""")
    assert unnamed == []
    error = form.field("count").get_attribute("aria-describedby")
    assert "integer" in form.page.locator(f"#{error}").inner_text()
    assert form.row("count").get_attribute("data-row") == f"{AT}/count"
