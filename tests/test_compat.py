"""Code written against Dagster runs after `install()`, or against `jobnb.dagster_compat`."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jobnb
from jobnb import HOME_OF, dagster_compat

HERE = Path(__file__).parent


def in_a_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=HERE.parent, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_lesson_of_the_jobs_page_runs_through_import_dagster(tmp_path):
    text = (HERE / "test_seed_page.py").read_text()
    text = text.replace("from jobnb import", "from dagster import")
    text = text.replace("from jobnb.errors import", "from dagster import")
    for dagsters, ours in dagster_compat.SPELLINGS.items():
        if f"    {ours},\n" in text:
            text = text.replace(f"    {ours},\n", f"    {dagsters} as {ours},\n")
    text = text.replace(
        "import InvalidConfigError, UnknownPartitionError",
        "import DagsterInvalidConfigError as InvalidConfigError\n"
        "from dagster import DagsterUnknownPartitionError as UnknownPartitionError",
    )
    assert "jobnb import" not in text
    page = tmp_path / "page.py"
    page.write_text(text)
    out = in_a_process(
        "import sys\n"
        "from jobnb import dagster_compat\n"
        "dagster_compat.install()\n"
        "import pytest\n"
        f"sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-c', '/dev/null', {str(page)!r}]))"
    )
    tree = ast.parse(text)
    lessons = [each for each in tree.body if getattr(each, "name", "").startswith("test_")]
    assert f"{len(lessons)} passed" in out


@pytest.mark.parametrize("name", sorted(dagster_compat.SPELLINGS))
def test_each_of_dagsters_spellings_is_a_name_of_ours(name):
    assert getattr(dagster_compat, name) is getattr(jobnb, dagster_compat.SPELLINGS[name])


def test_every_public_name_is_there_too():
    for name in HOME_OF:
        assert getattr(dagster_compat, name) is getattr(jobnb, name)


def test_the_roof_understands_dagsters_spelling():
    assert jobnb.DagsterInstance is jobnb.Instance
    with pytest.raises(AttributeError, match="NoSuchName"):
        _ = jobnb.NoSuchName


def test_import_star_and_attributes_work_after_install():
    out = in_a_process(
        "from jobnb.dagster_compat import install\n"
        "install(); install()\n"
        "import dagster\n"
        "import dagster as dg\n"
        "from dagster import DagsterInstance, OpExecutionContext, asset\n"
        "@dg.asset\n"
        "def a(context: dg.AssetExecutionContext) -> int: return 3\n"
        "assert dg.materialize([a], instance=DagsterInstance.ephemeral()).asset_value('a') == 3\n"
        "print(dagster.__name__)\n"
    )
    assert out.strip() == "jobnb.dagster_compat"


def test_install_refuses_when_dagster_itself_is_there_and_uninstall_takes_it_back():
    out = in_a_process(
        "import sys, types\n"
        "from jobnb import dagster_compat, InvariantViolationError\n"
        "sys.modules['dagster'] = types.ModuleType('dagster')\n"
        "try: dagster_compat.install()\n"
        "except InvariantViolationError as error: print(error)\n"
        "dagster_compat.uninstall()\n"
        "assert 'dagster' in sys.modules\n"
        "del sys.modules['dagster']\n"
        "dagster_compat.install(); dagster_compat.uninstall()\n"
        "assert 'dagster' not in sys.modules\n"
    )
    assert "Call install() before that" in out


def test_star_import_gives_every_name():
    out = in_a_process(
        "from jobnb.dagster_compat import install\n"
        "install()\n"
        "from dagster import *\n"
        "print(op.__module__, DagsterInstance.__name__, materialize.__name__)\n"
    )
    assert out.split() == ["jobnb.definitions.ops.op", "Instance", "materialize"]
