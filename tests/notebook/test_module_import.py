"""Modules written for Dagster become notebooks that run."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from jobnb.cli.main import cli
from jobnb.errors import NotebookError
from jobnb.notebook.location import load_definitions
from jobnb.notebook.module_import import import_module_text
from tests.notebook.dagster_programs import PROGRAMS
from tests.notebook.talk import Talk

CLEAR = """
%load_ext jobnb
from jobnb import session
session.clear()
session.show_definitions = False
from jobnb import materialize, materialize_to_memory
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        patch.delenv("JOBNB_HOME", raising=False)
        talk = Talk(tmp_path_factory.mktemp("imported"))
    yield talk
    talk.end()


def cells(source):
    return [(cell.cell_type, cell.source) for cell in import_module_text(source).node.cells]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_module_for_dagster_runs_as_a_notebook(kernel, tmp_path, name):
    source, values = PROGRAMS[name]
    module, notebook = tmp_path / "module.py", tmp_path / "module.ipynb"
    module.write_text(source)
    done = CliRunner().invoke(cli, ["import", str(module), "-o", str(notebook)])
    assert done.exit_code == 0, done.output
    assert "note" not in done.output
    kernel("%reset -f")
    kernel(CLEAR)
    for cell in nbformat.read(notebook, 4).cells:
        if cell.cell_type == "code":
            kernel(cell.source)
    for expression, value in values.items():
        assert kernel.text(f"print(repr({expression}))").splitlines()[-1] == repr(value)
    known = kernel.text(
        "import json; print(json.dumps(sorted((e.kind, e.name) for e in"
        " session.catalogue.entries() if e.kind in ('asset', 'job', 'schedule', 'sensor'))))"
    )
    loaded = load_definitions(notebook)
    names = {
        *(("asset", key.to_user_string()) for each in loaded.assets for key in each.keys),
        *(("asset", each.key.to_user_string()) for each in loaded.source_assets),
        *(("job", each.name) for each in loaded.jobs),
        *(("schedule", each.name) for each in loaded.schedules),
        *(("sensor", each.name) for each in loaded.sensors),
    }
    assert sorted(names) == [tuple(each) for each in json.loads(known.splitlines()[-1])]


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_comment_and_no_docstring_is_lost(name):
    source, _ = PROGRAMS[name]
    text = "\n".join(cell.source for cell in import_module_text(source).node.cells)
    lost = [
        line.strip("#-=* \t\"'.")
        for line in source.splitlines()
        if line.lstrip().startswith("#") or '"""' in line
    ]
    assert [each for each in lost if each not in text] == []


def test_sections_docstrings_and_imports():
    source = PROGRAMS["a script with all sorts of comments"][0]
    found = cells(source)
    assert found[:4] == [
        ("markdown", "!/usr/bin/env python\nA header that stands alone."),
        (
            "code",
            (
                "from __future__ import annotations\nimport json  # of the standard library\n"
                "from pathlib import Path\nfrom jobnb import asset, materialize"
            ),
        ),
        ("markdown", "## Constants"),
        ("code", 'LIMIT = 3  # at most\nNAMES = ["x", "y"]\nNAMES.append("z")'),
    ]
    assert ("code", "# old = LIMIT + 1\n# print(old)") in found
    assert ("markdown", "## Helpers") in found
    assert ("code", "def shorten(several):  # keeps the first\n    return several[:LIMIT]") in found
    assert found[-1] == ("markdown", "the end")


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("from dagster import asset, op", "from jobnb import asset, op"),
        ("import dagster as dg", "import jobnb as dg"),
        ("import dagster", "import jobnb as dagster"),
        (
            "from dagster import DagsterInstance, job",
            "from jobnb import Instance as DagsterInstance, job",
        ),
        ("from dagster import DagsterType as T", "from jobnb import DataType as T"),
        ("from dagster import *", "from jobnb.dagster_compat import *"),
        ("from dagster._core.definitions import asset", "from jobnb import asset"),
        (
            "def f():\n    from dagster import Output\n    return Output(1)",
            "def f():\n    from jobnb import Output\n    return Output(1)",
        ),
        ("import os  # dagster", "import os  # dagster"),
    ],
)
def test_imports_of_dagster_become_imports_of_jobnb(line, made):
    assert cells(line) == [("code", made)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("from .tables import x", "Write the whole name"),
        ("folder = open(__file__)", "__file__"),
        ("from dagster import nothing_like_it", "jobnb does not offer"),
    ],
)
def test_what_will_not_work_is_told(line, said):
    (problem,) = import_module_text(line).problems
    assert said in problem


def test_a_wrong_module_is_told_with_its_line(tmp_path):
    with pytest.raises(NotebookError, match=r"module\.py, line 2"):
        import_module_text("x = 1\ny = (")
    done = CliRunner().invoke(cli, ["import", str(tmp_path / "none.py")])
    assert done.exit_code == 2
    assert "There is no file" in done.output


@pytest.mark.parametrize("named", [False, True])
def test_a_file_that_is_there_is_replaced_only_with_force(tmp_path, named):
    module, notebook = tmp_path / "pipeline.py", tmp_path / "pipeline.ipynb"
    module.write_text("x = 1\n")
    notebook.write_text("mine")
    output = ["-o", str(notebook)] if named else []
    done = CliRunner().invoke(cli, ["import", str(module), *output])
    assert done.exit_code == 2
    assert f"{notebook} exists already" in done.output
    assert notebook.read_text() == "mine"
    assert CliRunner().invoke(cli, ["import", str(module), *output, "--force"]).exit_code == 0
    assert "x = 1" in notebook.read_text()


def test_an_empty_module_is_an_empty_notebook():
    assert cells("") == []
    assert cells("# only words\n") == [("markdown", "only words")]
    assert cells('"""Title."""') == [("markdown", "# Title")]
