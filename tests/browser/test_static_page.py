"""An executed notebook as a page: drawn, readable in both schemes and on a narrow screen."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from jobnb.notebook.headless import execute_notebook

CELL = """
from jobnb import asset, session

@asset(description="<img src=x onerror=document.body.remove()>")
def orders():
    return 1

@asset
def revenue_of_a_whole_year_by_customer_and_by_region_and_by_product(orders):
    return orders

session.materialize()
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The page of a notebook whose texts try to break out."""
    folder = tmp_path_factory.mktemp("page")
    path = folder / "nb.ipynb"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))

        nbformat.write(new_notebook(cells=[new_code_cell(CELL)]), path)
        outcome = execute_notebook(path, html=folder / "out.html")
    assert outcome.success, outcome.problem
    return (folder / "out.html").as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 480])
def test_the_graph_is_drawn_inside_the_page(page, executed, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(executed, wait_until="domcontentloaded")
    graph = page.locator("svg.jobnb-graph").first
    graph.wait_for(state="visible")
    box = graph.bounding_box()
    assert box["width"] > 100
    assert box["x"] >= 0
    assert page.get_by_text("orders").count() > 0


def test_texts_of_the_user_stay_texts(page, executed):
    page.goto(executed, wait_until="domcontentloaded")
    assert page.locator("body img[src=x]").count() == 0
