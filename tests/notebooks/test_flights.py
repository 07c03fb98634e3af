"""The example notebook runs as a newcomer would run it, and says what it shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "flights.ipynb"


def jobnb(home, *arguments):
    env = {**os.environ, "JOBNB_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "jobnb.cli", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=env, cwd=ROOT, timeout=240
    )


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook after a headless execution, its page, and the history."""
    folder = tmp_path_factory.mktemp("flights")
    home = folder / "home"
    out, page, report = (folder / f"out.{kind}" for kind in ("ipynb", "html", "xml"))
    done = jobnb(
        home, "execute", NOTEBOOK, "--output", out, "--html", page, "--junit", report
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return nbformat.read(out, 4), page.read_text(), home


def outputs_of(node, needle):
    """The outputs of the cells whose source holds a text."""
    cells = [cell for cell in node.cells if cell.cell_type == "code" and needle in cell.source]
    assert cells, needle
    return [output for cell in cells for output in cell.outputs]


def test_no_cell_shows_an_error_and_nothing_is_said_on_stderr(executed):
    node, _, _ = executed
    for cell in node.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output


def test_the_graph_is_drawn_and_reads_without_a_kernel(executed):
    node, page, _ = executed
    (output,) = outputs_of(node, "defs = Definitions(")
    assert {"text/plain", "text/html", "image/svg+xml"} <= set(output.data)
    for name in ("flights_in_wind", "delay_by_carrier", "aggregate"):
        assert name in output.data["image/svg+xml"]
        assert name in page


def test_three_figures_are_drawn(executed):
    node, _, _ = executed
    images = [output for output in outputs_of(node, "plt.subplots") if "image/png" in output.data]
    assert len(images) == 3


def test_the_failing_step_is_shown_with_the_line_that_failed(executed):
    node, _, _ = executed
    (output,) = outputs_of(node, "raise_on_error=False")
    html = output.data["text/html"]
    assert "a delay of 1,301 minutes is over 1,000" in html
    assert "raise ValueError(" in html


def test_what_it_says_of_the_data_is_so(executed):
    node, _, _ = executed
    assert "61% left on time" in outputs_of(node, "Limits(longest=1500)")[0].data["text/plain"]
    text = outputs_of(node, 'output_for_node("busiest")')[0].data["text/plain"]
    assert "Los Angeles Intl" in text.splitlines()[1]


def test_the_runs_of_the_session_are_in_the_history(executed):
    *_, home = executed
    runs = json.loads(jobnb(home, "run", "list", "--json").stdout)
    assert [run["status"] for run in runs] == ["SUCCESS", "SUCCESS"]
    assert runs[0]["job"] == "routes"


def test_its_jobs_and_assets_are_listed_without_running_it(tmp_path):
    jobs = json.loads(jobnb(tmp_path / "none", "job", "list", NOTEBOOK, "--json").stdout)
    assert {job["name"]: job["kind"] for job in jobs} == {
        "delays": "assets",
        "carriers": "assets",
        "routes": "ops",
        "on_page": "ops",
        "in_file": "ops",
        "punctuality": "ops",
    }
    assets = json.loads(jobnb(tmp_path / "none", "asset", "list", NOTEBOOK, "--json").stdout)
    assert len(assets) == 11
    assert {asset["group"] for asset in assets} == {"load", "clean", "join", "aggregate"}
    assert not (tmp_path / "none").exists()


def test_one_of_its_jobs_runs_with_other_parameters(tmp_path):
    config = '{"ops": {"departures": {"config": {"origin": "EWR", "month": 12}}}}'
    done = jobnb(
        tmp_path / "home", "execute", NOTEBOOK, "--job", "routes", "--config", config,
        "-p", "month", "12",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    runs = json.loads(jobnb(tmp_path / "home", "run", "list", "--job", "routes", "--json").stdout)
    assert [run["status"] for run in runs] == ["SUCCESS", "SUCCESS"]


def test_the_notebook_in_the_repository_has_no_outputs():
    node = nbformat.read(NOTEBOOK, 4)
    nbformat.validate(node)
    for cell in node.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
