"""The tour of debugging fails where it should, resumes, and shows a notebook inside."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from jobnb.notebook.headless import execute_notebook

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "debugging.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook after a headless execution, and its page."""
    folder = tmp_path_factory.mktemp("tour")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("JOBNB_HOME", str(folder / "home"))
        outcome = execute_notebook(
            NOTEBOOK, output=folder / "out.ipynb", html=folder / "out.html"
        )  # fmt: skip
    assert outcome.success, outcome.problem
    return nbformat.read(folder / "out.ipynb", 4), (folder / "out.html").read_text()


def text_of(node, needle):
    """What the cell that ends so shows, as plain text."""
    (cell,) = [c for c in node.cells if c.cell_type == "code" and c.source.endswith(needle)]
    return cell.outputs[-1].data["text/plain"]


def test_the_step_fails_and_what_had_succeeded_is_not_repeated(executed):
    node, _ = executed
    assert "IntCastingNaNError" in text_of(node, "\nrun")
    assert "delays" in text_of(node, "\nstep")
    again = text_of(node, "\nagain")
    assert "delays, late (2 assets) ✓ succeeded" in again
    assert "EWR" in text_of(node, "tail(3)")


def test_the_notebook_inside_is_shown_with_its_figure(executed):
    node, page = executed
    shown = text_of(node, 'session.value("worst_months")')
    assert "worst_months (executed notebook" in shown
    assert "[figure]" in shown
    assert "The worst months" in page
    assert len(text_of(node, "to_list()").split(",")) == 4


def test_the_notebook_in_the_repository_has_no_outputs():
    node = nbformat.read(NOTEBOOK, 4)
    nbformat.validate(node)
    assert all(not cell.get("outputs") for cell in node.cells)
