"""The tour of automation goes on by itself for a moment, and tells afterwards what it did."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import nbformat
import pytest

from jobnb import Instance, TickStatus
from jobnb.notebook.headless import execute_notebook
from jobnb.notebook.location import load_definitions

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "automation.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook after a headless execution, its page, and the history."""
    folder = tmp_path_factory.mktemp("automation")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("JOBNB_HOME", str(folder / "home"))
        # It waits for what is to happen, four times as long as this at most.
        outcome = execute_notebook(
            NOTEBOOK,
            output=folder / "out.ipynb",
            html=folder / "out.html",
            parameters={"watched_for": 1, "at_most": 120},
        )
    assert outcome.success, outcome.problem
    with Instance.from_home(folder / "home") as instance:
        yield nbformat.read(folder / "out.ipynb", 4), (folder / "out.html").read_text(), instance


def outputs_of(node, ending):
    (cell,) = [c for c in node.cells if c.cell_type == "code" and c.source.endswith(ending)]
    return cell.outputs


def test_orders_are_taken_in_summed_up_and_what_failed_is_told(executed):
    node, _, _ = executed
    assert outputs_of(node, 'session.value("turnover")')[0].data["text/plain"] == "240.5"
    [printed] = outputs_of(node, "print(notes.read_text())")
    assert "cleaning failed: " in printed.text
    assert "there is no broom" in printed.text
    for cell in node.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output


def test_each_order_and_each_job_ran_once_and_every_tick_has_ended(executed):
    *_, instance = executed
    runs = Counter((run.job_name, run.status.value) for run in instance.get_runs())
    assert runs["closing", "SUCCESS"] == runs["cleaning", "FAILURE"] == 1
    partitions = Counter(run.tags.get("dagster/partition") for run in instance.get_runs())
    assert [partitions[f"order_{number}"] for number in range(3)] == [1, 1, 1]
    assert not instance.get_ticks(None, statuses=[TickStatus.STARTED, TickStatus.FAILURE])


def test_it_reads_without_a_kernel(executed):
    node, page, _ = executed
    [output] = outputs_of(node, "\nnightly")
    assert {"text/plain", "text/html", "image/svg+xml"} <= set(output.data)
    assert "30 2 * * * (Europe/Berlin)" in output.data["text/plain"]
    [*_, whole] = [c for c in node.cells if c.source == "session.automation"]
    text = whole.outputs[0].data["text/plain"]
    for name in ("nightly", "new_orders", "by_itself", "cleaning_after_closing"):
        assert name in text
        assert name in page


def test_loading_it_for_its_definitions_starts_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("JOBNB_HOME", str(tmp_path / "home"))
    known = load_definitions(NOTEBOOK)
    assert {each.name for each in known.schedules} == {"nightly"}
    assert len(known.sensors) == 4
    with Instance.from_home(tmp_path / "home") as instance:
        assert instance.get_ticks(None) == []


def test_the_notebook_in_the_repository_has_no_outputs():
    node = nbformat.read(NOTEBOOK, 4)
    nbformat.validate(node)
    assert not any(cell.get("outputs") for cell in node.cells)
