"""A notebook that uses jobnb runs under the tools that execute notebooks, each really run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

from jobnb.notebook.cell_tags import tags_of
from jobnb.notebook.document import read_notebook

pytestmark = pytest.mark.timeout(240)

DEFINE = """
import jobnb
from jobnb import asset, session

@asset
def orders():
    return [year, 2]

@asset
def total(orders):
    return sum(orders)
"""
CELLS = (
    "# Sales",
    ("year = 2013", "parameters"),
    DEFINE,
    "session.materialize()",
    "assert session.value('total') == year + 2\nprint('total', session.value('total'))",
)


def run(*command: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=200,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": ""},  # theirs
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def said(path: Path) -> str:
    """What came out of a notebook, as text and as HTML."""
    node = nbformat.read(path, as_version=4)
    outputs = [each for cell in node.cells for each in cell.get("outputs", ())]
    texts = (each.get("text") or each.get("data", {}).get("text/html", "") for each in outputs)
    return "\n".join(texts)


def test_papermill_gives_it_parameters(write, tmp_path):
    write(*CELLS)
    run("papermill", "nb.ipynb", "out.ipynb", "-p", "year", "7", folder=tmp_path)
    out = said(tmp_path / "out.ipynb")
    assert "total 9" in out
    assert "<svg" in out


def test_nbmake_tests_it(write, tmp_path):
    write(*CELLS)
    options = ("-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={tmp_path}")
    told = run("pytest", "--nbmake", "nb.ipynb", *options, folder=tmp_path)
    assert "1 passed" in told


def test_nbconvert_makes_a_page_with_its_pictures(write, tmp_path):
    write(*CELLS)
    run("nbconvert", "--to", "html", "--execute", "nb.ipynb", folder=tmp_path)
    page = (tmp_path / "nb.html").read_text()
    assert "total 2015" in page
    assert "succeeded" in page
    assert "<svg" in page


@pytest.mark.long
def test_jupyter_book_makes_a_page_with_its_pictures(write, tmp_path):
    program = shutil.which("jupyter-book")
    if program is None:
        pytest.skip("jupyter-book is not installed: pip install 'jupyter-book<2'")
    write(*CELLS)
    run("nbconvert", "--to", "notebook", "--execute", "--inplace", "nb.ipynb", folder=tmp_path)
    (tmp_path / "_config.yml").write_text('title: Sales\nexecute:\n  execute_notebooks: "off"\n')
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: nb\n")
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run([program, "build", "."], cwd=tmp_path, env=own, check=True, timeout=200)
    page = (tmp_path / "_build" / "html" / "nb.html").read_text()
    assert "total 2015" in page
    assert "succeeded" in page
    assert "<svg" in page
    assert "&lt;jobnb" not in page  # a repr that is no picture


@pytest.mark.parametrize(("form", "name"), [("py:percent", "nb.py"), ("md", "nb.md")])
def test_what_jupytext_writes_is_read_as_it_was(write, tmp_path, form, name):
    node = nbformat.read(write(*CELLS), as_version=4)
    path = tmp_path / name
    path.write_text(jupytext.writes(node, form))
    again = read_notebook(path)
    kept = [(cell.cell_type, cell.source.strip(), tags_of(cell)) for cell in node.cells]
    assert [(cell.cell_type, cell.source.strip(), tags_of(cell)) for cell in again.cells] == kept
    assert again.metadata["kernelspec"]["name"] == "python3"
