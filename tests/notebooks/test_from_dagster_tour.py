"""The tour for users of Dagster runs a Dagster file, and lists all differences on purpose."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from jobnb import dagster_compat
from jobnb.notebook.headless import execute_notebook
from tests.recorded.differences import REASONS

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "from_dagster.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook after a headless execution."""
    folder = tmp_path_factory.mktemp("tour")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("JOBNB_HOME", str(folder / "home"))
        outcome = execute_notebook(NOTEBOOK, output=folder / "out.ipynb")
    assert outcome.success, outcome.problem
    return nbformat.read(folder / "out.ipynb", 4)


def told(node, beginning):
    """What the cell that begins with a text shows, as plain text."""
    (cell,) = [c for c in node.cells if c.cell_type == "code" and c.source.startswith(beginning)]
    output = cell.outputs[-1]
    return output.get("text") or output.data["text/plain"]


def test_the_dagster_file_runs_unchanged(executed):
    assert "2 succeeded" in told(executed, 'session.execute_job("daily")')
    assert "JFK    0.1369" in told(executed, 'session.value("late_share")')
    assert told(executed, "late_flights.defs.get_job_def") == "3"


def test_errors_name_what_was_meant(executed):
    assert "Did you mean 'minutes'?" in told(executed, "try:\n    session.execute_job")
    assert "Did you mean 'AssetsDefinition'?" in told(executed, "try:\n    from dagster")


def test_every_difference_on_purpose_and_every_spelling_is_listed(executed):
    (listed,) = [c.source for c in executed.cells if "differs on purpose\n\n**" in c.source]
    words = " ".join(listed.split())
    assert [reason for reason in REASONS.values() if reason not in words] == []
    names = told(executed, "names = ")
    assert all(name in names for name in dagster_compat.SPELLINGS)


def test_the_notebook_in_the_repository_has_no_outputs():
    node = nbformat.read(NOTEBOOK, 4)
    nbformat.validate(node)
    assert all(not cell.get("outputs") for cell in node.cells)
