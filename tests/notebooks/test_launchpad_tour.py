"""The tour of the launchpad runs without a front end, and reads as a page."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from jobnb.notebook.headless import execute_notebook

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "launchpad.ipynb"


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
    """What the cell that holds a text shows, as plain text."""
    (cell,) = [c for c in node.cells if c.cell_type == "code" and c.source.endswith(needle)]
    return cell.outputs[-1].data["text/plain"]


def test_forms_read_without_a_front_end(executed):
    node, page = executed
    assert "ops > departures > origin: (required)" in text_of(node, "\npad")
    assert "config > minutes: 15" in text_of(node, "simply.launchpad()")
    assert "partition: EWR" in text_of(node, "\nby_one")
    assert "Routes with a larger share are listed." in page


def test_what_was_launched_gave_its_answers(executed):
    node, _ = executed
    assert len(text_of(node, 'output_for_node("late_routes")').splitlines()) > 4
    assert "ORD    17283" in text_of(node, 'session.value("busiest")')
    assert "Did you mean 'most'?" in text_of(node, "pad.problems")


def test_the_notebook_in_the_repository_has_no_outputs():
    node = nbformat.read(NOTEBOOK, 4)
    nbformat.validate(node)
    assert all(not cell.get("outputs") for cell in node.cells)
