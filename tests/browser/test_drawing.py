"""What only a browser can tell: that texts do not meet, in any theme and at any width."""

from __future__ import annotations

import pytest

from jobnb.display.html import page
from jobnb.display.svg import picture_svg
from jobnb.display.view import picture_html
from tests.display.pictures import every_state, woven

# Pairs of texts that overlap, and texts that leave their card or frame.
CLASHES = """() => {
  const found = [];
  const texts = [...document.querySelectorAll('.jobnb-graph text')].map(t => {
    const clip = t.parentElement.tagName === 'svg' && t.parentElement.hasAttribute('overflow');
    return [t.textContent, (clip ? t.parentElement : t).getBoundingClientRect()];
  });
  const meet = (a, b) => a.left < b.right - 0.5 && b.left < a.right - 0.5
    && a.top < b.bottom - 3 && b.top < a.bottom - 3;
  for (let i = 0; i < texts.length; i++)
    for (let j = i + 1; j < texts.length; j++)
      if (meet(texts[i][1], texts[j][1])) found.push([texts[i][0], texts[j][0]]);
  for (const node of document.querySelectorAll('.jn-node')) {
    const card = [...node.querySelectorAll('rect.jn-card')].pop().getBoundingClientRect();
    for (const text of node.querySelectorAll('text')) {
      const box = text.getBoundingClientRect();
      const clipped = text.parentElement.hasAttribute('overflow');
      if (!clipped && (box.right > card.right || box.left < card.left))
        found.push([text.textContent, 'leaves its card']);
    }
  }
  return found;
}"""


@pytest.mark.parametrize("picture", [every_state(), woven(60, 5)], ids=lambda p: p.title)
@pytest.mark.parametrize("width", [480, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_never_meet(browser, picture, width, scheme):
    tab = browser.new_page(viewport={"width": width, "height": 600}, color_scheme=scheme)
    tab.set_content(f"<!doctype html><body>{page(picture_html(picture))}</body>")
    assert tab.locator(".jn-node").count() == len(picture.cards)
    assert tab.evaluate(CLASHES) == []
    tab.close()


def colour(browser, scheme: str, attributes: str) -> str:
    tab = browser.new_page(color_scheme=scheme)
    tab.set_content(f"<!doctype html><body {attributes}>{picture_svg(every_state())}</body>")
    found = tab.evaluate("getComputedStyle(document.querySelector('.jn-bg')).fill")
    tab.close()
    return found


def test_the_theme_of_the_page_wins_over_that_of_the_system(browser):
    light, dark = "rgb(255, 255, 255)", "rgb(20, 24, 29)"
    assert colour(browser, "light", "") == light
    assert colour(browser, "dark", "") == dark
    assert colour(browser, "dark", 'data-jp-theme-light="true"') == light
    assert colour(browser, "light", 'data-jp-theme-light="false"') == dark
    assert colour(browser, "dark", 'class="vscode-light"') == light
    own = 'style="--jp-layout-color1: rgb(1, 2, 3)"'
    assert colour(browser, "light", own) == "rgb(1, 2, 3)"


def test_a_page_never_scrolls_sideways_as_a_whole(browser):
    tab = browser.new_page(viewport={"width": 480, "height": 600})
    tab.set_content(f"<!doctype html><body>{page(picture_html(woven(60, 5)))}</body>")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 480
    assert tab.evaluate("document.querySelector('.jn-picture').scrollWidth") > 480
    tab.close()
