"""The pages of the documentation run from top to bottom, and are all listed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from jobnb import Session
from jobnb.display.guide import PAGES, Guide, guide_view
from tests.notebook.talk import Talk

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
# Those that have a test of their own are not here.
EXPECTED = {
    "staleness": ("'worst_months' in session.catalogue.by_name('asset')", "False"),
    "resources": ("int(session.value('highest')['alt'].max())", "9078"),
    "testing": ("len(session.value('seats'))", "35"),
    "failures": ("session.rerun(result.run_id).wait().status", "'SUCCESS'"),
    "doors_out": ("answer['data']['runsOrError']['results'][0]['status']", "'SUCCESS'"),
}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """One kernel for all pages: what they define is cleared in between."""
    commands = str(Path(sys.executable).parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("PATH", os.pathsep.join([commands, os.environ["PATH"]]))
        patch.delenv("JOBNB_HOME", raising=False)
        talk = Talk(tmp_path_factory.mktemp("pages"))
    talk(f"%cd -q {FOLDER}")
    yield talk
    talk.end()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_page_runs_from_top_to_bottom(kernel, tmp_path, name):
    kernel("%reset -f")
    kernel("from jobnb import session; session.clear()")
    kernel(f"session.home = {str(tmp_path / 'home')!r}")
    for cell in nbformat.read(FOLDER / f"{name}.ipynb", 4).cells:
        if cell.cell_type == "code":
            kernel(cell.source)
    expression, value = EXPECTED[name]
    assert kernel.text(f"print(repr({expression}))").splitlines()[-1] == value


def test_all_pages_are_listed_in_one_order():
    names = [page.notebook for page in PAGES]
    assert sorted(names) == sorted(path.name for path in FOLDER.glob("*.ipynb"))
    readme = (ROOT / "README.md").read_text()
    assert re.findall(r"^\| `notebooks/(\w+\.ipynb)` \|", readme, re.MULTILINE) == names
    shown = Session().help()
    assert isinstance(shown, Guide)
    assert all(name in repr(shown) and name in guide_view(shown).html for name in names)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_page_has_no_outputs_in_the_repository(name):
    node = nbformat.read(FOLDER / f"{name}.ipynb", 4)
    nbformat.validate(node)
    assert all(not cell.get("outputs") for cell in node.cells)
    assert node.cells[0].source.startswith("# ")


def test_the_reference_is_written_from_docstrings(tmp_path):
    pytest.importorskip("pdoc")
    command = [sys.executable, "-m", "jobnb.cli", "docs", "jobnb.state", "-o", str(tmp_path)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "jobnb" / "state.html").read_text()
    assert "fold" in page
    assert "Returns" in page or "Arguments" in page
