"""Code written against Dagster runs after `install()`, or against `jobnb.dagster_compat`."""

from __future__ import annotations

import ast
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import jobnb
from jobnb import HOME_OF, dagster_compat
from jobnb.dagster_modules.checks import CheckError, ParameterCheckError
from jobnb.dagster_modules.checks import checks as check_functions

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
    found = getattr(dagster_compat, name)
    ours = getattr(jobnb, dagster_compat.SPELLINGS[name])
    # Four classes have a constructor of their own there, and count all objects of ours as theirs.
    assert found is ours or issubclass(ours, found)


def test_every_public_name_is_there_too():
    for name in HOME_OF:
        assert getattr(dagster_compat, name) is getattr(jobnb, name)


def test_the_roof_understands_dagsters_spelling():
    assert jobnb.DagsterRun is jobnb.JobRun
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
    assert out.split() == ["jobnb.definitions.ops.op", "DagsterInstance", "materialize"]


def test_submodules_give_the_names_of_the_top_level():
    out = in_a_process(
        "from jobnb import dagster_compat\n"
        "dagster_compat.install()\n"
        "import dagster, jobnb\n"
        "import dagster._core.definitions.partition as partition\n"
        "from dagster import _check as check\n"
        "from dagster._core.errors import DagsterInvariantViolationError\n"
        "from dagster._core.definitions.decorators.op_decorator import op\n"
        "from dagster._core.storage.dagster_run import DagsterRun\n"
        "from dagster._utils import file_relative_path, merge_dicts, mkdir_p\n"
        "from dagster._core.types.dagster_type import DagsterType\n"
        "from dagster.core.execution.plan.outputs import StepOutputHandle\n"
        "from dagster.utils import file_relative_path as older\n"
        "assert op is jobnb.op and older is file_relative_path is jobnb.file_relative_path\n"
        "assert DagsterInvariantViolationError is jobnb.InvariantViolationError\n"
        "assert partition.PartitionsSubset is jobnb.PartitionsSubset\n"
        "assert (DagsterRun, DagsterType) == (jobnb.JobRun, jobnb.DataType)\n"
        "assert merge_dicts({1: 2}, {3: 4}) == {1: 2, 3: 4}\n"
        "assert dagster._check is check\n"
        "assert StepOutputHandle('s').output_name == 'result'\n"
        "for words in ('from dagster._core.errors import DagsterErrr', 'import dagster.nope',\n"
        "              'from dagster import asse'):\n"
        "    try: exec(words)\n"
        "    except ImportError as error: print(error)\n"
        "    else: raise AssertionError(words)\n"
        "try: partition.StaticPartitionsDefinitio\n"
        "except AttributeError as error: print(error)\n"
    )
    assert "DagsterErrr" in out
    assert "Did you mean 'StaticPartitionsDefinition'?" in out


def test_after_uninstall_no_submodule_is_left():
    in_a_process(
        "import importlib.util, sys\n"
        "from jobnb import dagster_compat\n"
        "before = list(sys.meta_path)\n"
        "dagster_compat.install(); dagster_compat.install()\n"
        "import dagster._utils\n"
        "dagster_compat.uninstall()\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'dagster']\n"
        "assert sys.meta_path == before\n"
        "found = importlib.util.find_spec('dagster')\n"
        "assert found is None or 'jobnb' not in str(found.origin)\n"
    )


def test_checks_of_arguments():
    checks = check_functions()
    assert checks["str_param"]("a", "name") == "a"
    assert checks["opt_list_param"](None, "names") == []
    assert checks["opt_nullable_list_param"](None, "names") is None
    assert checks["opt_str_param"](None, "name", default="x") == "x"
    assert checks["inst_param"](3, "n", int) == checks["not_none"](3) == 3
    assert checks["opt_inst_param"](None, "n", int) is None
    assert checks["invariant"](True)
    for wrong in (
        lambda: checks["int_param"](True, "n"),
        lambda: checks["str_param"](None, "n"),
        lambda: checks["inst_param"]("x", "n", int),
        lambda: checks["callable_param"](1, "n"),
        lambda: checks["not_none_param"](None, "n"),
        lambda: checks["param_invariant"](False, "n", "why"),
    ):
        with pytest.raises(ParameterCheckError, match="^n is"):
            wrong()
    for wrong in (
        lambda: checks["invariant"](False, "why"),
        lambda: checks["failed"]("why"),
        lambda: checks["not_none"](None, "why"),
    ):
        with pytest.raises(CheckError, match="why"):
            wrong()


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        ("from dagster import AssetsDefinitoin", ImportError, "Did you mean 'AssetsDefinition'?"),
        ("from dagster._core.definitions import AsetKey", ImportError, "Did you mean 'AssetKey'?"),
        ("from dagster import MetadataEntry", ImportError, "Give `metadata={...}`"),
        ("from dagster._core.x import VersionStrategy", ImportError, "is the hash of the code"),
        ("import dagster._utlis", ModuleNotFoundError, "Did you mean 'dagster._utils'?"),
        ("from dagster.utlis import x", ModuleNotFoundError, "Did you mean 'dagster.utils'?"),
        ("import dagster._core.defintiions.x", ModuleNotFoundError, "dagster._core.definitions'?"),
        ("import dagster; dagster.asse", AttributeError, "Did you mean 'asset'?"),
        ("import dagster._utils as u; u.mkdri_p", AttributeError, "jobnb has no 'mkdri_p'"),
    ],
)
def test_a_name_that_is_not_there_says_what_to_use(words, error, told):
    dagster_compat.install()
    try:
        with pytest.raises(error) as raised:
            exec(words)
        assert told in str(raised.value)
    finally:
        dagster_compat.uninstall()


def test_small_names_that_files_import():
    @jobnb.op(required_resource_keys={"rate"})
    def rated(context):
        return context.resources.rate

    @jobnb.job
    def daily():
        rated()

    bound = dagster_compat.BindResourcesToJobs([daily])
    defs = jobnb.Definitions(jobs=bound, resources={"rate": 3})
    assert defs.get_job_def("daily").execute_in_process().output_for_node("rated") == 3
    warnings.simplefilter("ignore", dagster_compat.ExperimentalWarning)
    assert not hasattr(dagster_compat, "no_such_name")
