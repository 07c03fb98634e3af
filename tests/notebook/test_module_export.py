"""The definitions of a notebook as a module: what they need comes along, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from jobnb import Instance, materialize
from jobnb.cli.main import cli
from jobnb.notebook.location import load_module
from jobnb.notebook.module_export import export_module
from jobnb.notebook.module_import import import_module_text

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def code_of(text):
    """The module below its docstring."""
    return text.split('"""\n', 1)[1].split('"""\n', 1)[-1].strip("\n")


def test_what_definitions_need_comes_along_and_what_runs_is_left_out(write):
    path = write(
        "# The shop\n\nAll of it.",
        "import json\nimport os\nfrom jobnb import asset, op, session",
        "# ## Prices",
        "rate = 2  # in euros\nunused = os.getcwd()\nlimits = {}",
        "limits['top'] = 3\nlimits.update(low=1)",
        "def doubled(x):\n    return min(x * rate, limits['top'])",
        "\n# Right above.\n@asset\ndef orders():\n    return json.loads('[1, 2]')",
        "session.materialize()",
        "value = session.value('orders')\nprint(value)",
        "%%asset revenue --group mart --check some: revenue > 0\n# all of it\ntotal = sum(orders)\n"
        "doubled(total)",
        "rate = 2.0\n%matplotlib inline",
    )
    module = export_module(path)
    assert module.problems == []
    assert module.counts == {"asset": 2, "check": 1}
    assert [str(each) for each in module.left_out] == [
        "cell [6]: session.materialize()",
        "cell [7]: value = session.value('orders')",
        "cell [7]: print(value)",
        "cell [9]: get_ipython().run_line_magic('matplotlib', 'inline')",
    ]
    assert module.text.startswith('"""The shop.\n\nExported from nb.ipynb by `jobnb export`.')
    assert (
        code_of(module.text)
        == """\
import json

from jobnb import AssetCheckResult, Definitions, asset, asset_check

# # ## Prices

limits = {}
limits['top'] = 3
limits.update(low=1)


def doubled(x):
    return min(x * rate, limits['top'])


# Right above.
@asset
def orders():
    return json.loads('[1, 2]')


@asset(group_name="mart")
def revenue(orders):
    # all of it
    total = sum(orders)
    return doubled(total)


@asset_check(asset="revenue", description="revenue > 0")
def some(revenue):
    return AssetCheckResult(passed=bool(revenue > 0))


rate = 2.0


defs = Definitions(assets=[orders, revenue], asset_checks=[some])"""
    )


LOOP = """
from jobnb import asset
made = []
for n in 'ab':
    @asset(name=n)
    def a(): ...
    made.append(a)
"""
FALLBACK = """
from jobnb import asset
try:
    import numpy as n
except ImportError:
    n = None
@asset
def a():
    return n
"""
STAR = "from jobnb import *\n@op\ndef a() -> Nothing: ..."
ADDED = "from jobnb import asset, session\nsession.add(resources={'db': 3})\n@asset\ndef a(): ..."
TWICE = ["from jobnb import asset", "@asset\ndef a():\n    return 1", "@asset\ndef a():\n    pass"]


@pytest.mark.parametrize(
    ("cells", "has", "has_not"),
    [
        (
            ["from jobnb import asset\nx = 1\nx = x + 1\n@asset\ndef a():\n    return x"],
            "x + 1",
            "~",
        ),
        (TWICE, "pass", "return 1"),
        (["import jobnb as jb\n@jb.asset\ndef a():\n    return 1"], "import jobnb as jb", "~"),
        (
            ["from jobnb import Instance, op\n@op\ndef a(x: Instance): ..."],
            "Instance, op",
            "session",
        ),
        ([ADDED], 'resources={"db": 3}', "session.add"),
        ([LOOP], "*made", "~"),
        ([STAR], "from jobnb import *", "~"),
        ([FALLBACK], "except ImportError", "~"),
        (["%%asset a/b --deps c/d --retries 2\n'''one\n  two'''"], "'''one\n  two'''", "~"),
    ],
)
def test_slices(write, cells, has, has_not):
    module = export_module(write("import jobnb", *cells))
    assert module.problems == []
    assert has in code_of(module.text)
    assert has_not not in code_of(module.text)
    path = write("x", name="other.ipynb").with_suffix(".py")
    path.write_text(module.text)
    assert (
        load_module(path).session.catalogue.words
        == load_module(path.with_name("nb.ipynb")).session.catalogue.words
    )


def test_what_cannot_be_in_it_is_told(write):
    run = "seen = session.value('x')\n@asset\ndef a():\n    return seen"
    (problem,) = export_module(write("from jobnb import asset, session", run)).problems
    assert "'seen'" in problem
    loop = "for n in 'ab':\n    @asset(name=n)\n    def made():\n        return n"
    (problem,) = export_module(write("from jobnb import asset", loop)).problems
    assert "The asset 'a' is not in it" in problem


def test_for_dagster_it_imports_dagster(write):
    cell = (
        "import jobnb\nimport jobnb as jb\nfrom jobnb import DataType, asset, Instance\n"
        "T = DataType(lambda *_: True, 'T')\n"
        "@asset(dagster_type=T)\ndef a():\n    from jobnb import Output\n    return Output(1)\n"
        "b = jb.asset(name='b')(lambda: jobnb.Output(Instance))"
    )
    text = code_of(export_module(write(cell), for_dagster=True).text)
    assert text.startswith("import dagster as jb\nimport dagster as jobnb\nfrom dagster import (")
    assert "DagsterInstance as Instance" in text
    assert "    from dagster import Output\n" in text
    assert "import jobnb" not in text.replace("import dagster as jobnb", "")
    assert "from jobnb" not in text


DATES = """
import datetime
import jobnb as jb
from jobnb import Config, Definitions, asset, notebook_asset
class Day(Config):
    day: list[datetime.date] = []
class Days(Config):
    inner: Day = Day()
@asset
def of_days(config: Days): ...
@asset
def plain(): ...
other = jb.notebook_asset("other", "nb.ipynb")
def later():
    from jobnb import session
    return session.value("plain")
@asset
def that_needs_it():
    return later()
db = "sqlite://"
defs = Definitions([of_days, plain, other, that_needs_it], resources={"db": db})
"""


def test_what_dagster_lacks_is_left_out_with_what_needs_it_and_told(write):
    path = write(DATES)
    module = export_module(path, for_dagster=True)
    assert module.problems == []
    assert module.counts == {"asset": 1}
    assert [(each.code.split("(")[0], each.reason) for each in module.left_out] == [
        ("class Day", "Dagster's config has no type for the field `day: list[datetime.date]`"),
        ("class Days", "Dagster's config has no type for the field `inner: Day`"),
        ("def of_days", "it needs 'Days', which Dagster cannot have"),
        ("other = jb.notebook_asset", "Dagster has no 'notebook_asset'"),
        ("def later", "Dagster has no 'session'"),
        ("def that_needs_it", "it needs 'later', which Dagster cannot have"),
        ("defs = Definitions", "it needs 'other', which Dagster cannot have"),
    ]
    assert code_of(module.text) == (
        "from dagster import Definitions, asset\n\n\n@asset\ndef plain(): ...\n\n\n"
        'db = "sqlite://"\n\n\ndefs = Definitions(assets=[plain], resources={"db": db})'
    )
    assert "Left out, because Dagster does not have what it needs:\n\n- cell [1]: " in module.text
    assert not any(each.reason for each in export_module(path).left_out)


@pytest.mark.parametrize(
    ("imported", "called"),
    [
        ("from jobnb import job, job_after, op", "job_after"),
        ("from jobnb import job, job_after as after, op", "after"),
        ("from jobnb import *", "job_after"),
    ],
)
def test_a_job_after_another_is_a_run_status_sensor_for_dagster(write, imported, called):
    code = "@op\ndef a(): ...\n@job\ndef one():\n    a()\n@job\ndef two():\n    a()\n"
    path = write(f"{imported}\n{code}then = {called}(one, two)")
    text = export_module(path, for_dagster=True).text
    assert "run_status_sensor" in text
    assert f"def {called}(\n" in text
    assert "sensors=[then]" in text
    assert "run_status_sensor" not in export_module(path).text


def test_a_file_that_is_there_is_replaced_only_with_force(write, tmp_path):
    target = tmp_path / "mine.py"
    target.write_text("mine")
    export = ["export", str(write("from jobnb import op")), "-o", str(target)]
    done = CliRunner().invoke(cli, export)
    assert done.exit_code == 2
    assert "say --force to replace it" in done.output
    assert target.read_text() == "mine"
    assert CliRunner().invoke(cli, [*export, "--force"]).exit_code == 0
    assert target.read_text() != "mine"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_our_notebooks_are_exported_formatted_and_equal(path, tmp_path, monkeypatch):
    # The hash of code knows the folder that a notebook makes for itself: both get the same.
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *_, **__: str(tmp_path))
    target = tmp_path / f"{path.stem}.py"
    done = CliRunner().invoke(cli, ["export", str(path), "-o", str(target)])
    assert done.exit_code == 0, done.output
    assert "note:" not in done.output
    assert told(load_module(target)) == told(load_module(path))
    ruff = Path(sys.executable).with_name("ruff")
    if ruff.exists():
        options = ["--isolated", "--line-length", "100", str(target)]
        sorting = ["--config", "lint.isort.known-third-party = ['jobnb']"]
        for command in (["format", "--check"], ["check", "--select", "F,I", *sorting]):
            found = subprocess.run([ruff, *command, *options], capture_output=True, text=True)
            assert found.returncode == 0, found.stdout


def test_without_a_file_it_is_printed(write):
    done = CliRunner().invoke(cli, ["export", str(write("%pwd", "from jobnb import asset"))])
    assert done.exit_code == 0
    assert '"""The definitions of nb.ipynb.' in done.output


# --- there and back ----------------------------------------------------------------


def told(loaded):
    """All that is known of the definitions of a module or notebook."""
    found = {}
    for entry in loaded.session.catalogue.entries():
        made = entry.definition
        found[entry.kind, entry.name] = (
            entry.code_hash if entry.kind != "check" else "",
            sorted(map(str, getattr(made, "keys_by_input_name", {}).values())),
            {str(key): group for key, group in getattr(made, "group_names_by_key", {}).items()},
            getattr(made, "description", None),
        )
    return found


NAMES = ("ant", "bee", "cat", "dog")


@st.composite
def notebooks(draw):
    """Small notebooks: helpers, constants, assets in both forms, in any order, and runs."""
    assets, cells = [], ["from jobnb import asset, session"]
    constants = draw(st.lists(st.integers(0, 9), min_size=1, max_size=2))
    for number, value in enumerate(constants):
        cells.append(f"rate{number} = {value}")
    cells.append("def helped(x, y=1):\n    # a comment\n    return x * rate0 + y")
    for name in NAMES[: draw(st.integers(1, 4))]:
        ins = draw(st.lists(st.sampled_from(assets), unique=True, max_size=2)) if assets else []
        terms = [*ins, str(draw(st.integers(0, 5))), f"rate{len(constants) - 1}"]
        value = f"helped({' + '.join(terms)})"
        body = draw(
            st.sampled_from(["{}", "# why\ntotal = {}\ntotal", 'text = """a\nb"""\n{} + len(text)'])
        )
        body = body.format(value) if "{}" in body else body
        if draw(st.booleans()):
            group = draw(st.sampled_from(["", " --group g", " --deps elsewhere"]))
            cells.append(f"%%asset {name}{group}\n{body}")
        else:
            cells.append(f"@asset\ndef {name}({', '.join(ins)}):\n    return {value}")
        assets.append(name)
        if draw(st.integers(0, 3)) == 0:
            cells.append(
                draw(st.sampled_from(["session.materialize()", "print(rate0)", "# words"]))
            )
    if draw(st.booleans()):
        cells.append("rate0 = 7")
    return cells


def results(loaded):
    assets = loaded.session.snapshot().assets
    done = materialize(assets, instance=Instance.ephemeral())
    return {name: done.asset_value(name) for name in sorted(e.key.path[-1] for e in assets)}


@settings(max_examples=25)
@given(notebooks())
def test_exported_and_imported_again_a_notebook_defines_the_same(tmp_path_factory, cells):
    folder = tmp_path_factory.mktemp("again")
    made = [new_markdown_cell(c) if c.startswith("# ") else new_code_cell(c) for c in cells]
    nbformat.write(new_notebook(cells=made), folder / "first.ipynb")
    module = export_module(folder / "first.ipynb")
    assert module.problems == []
    (folder / "module.py").write_text(module.text)
    nbformat.write(import_module_text(module.text).node, folder / "second.ipynb")
    first, second, third = (
        load_module(folder / name) for name in ("first.ipynb", "module.py", "second.ipynb")
    )
    assert told(first) == told(second) == told(third)
    assert results(first) == results(second) == results(third)
