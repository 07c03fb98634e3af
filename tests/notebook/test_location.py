"""A notebook or Python file tells what it defines, and leaves no trace of having been asked."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import jobnb
from jobnb import InvalidDefinitionError, NotebookError
from jobnb.code.reader import code_hash
from jobnb.execution.pickling import dumps
from jobnb.notebook.code_source import home_of
from jobnb.notebook.location import load_definitions, load_module
from jobnb.registry.session import current_session

ASSET = "from jobnb import asset, job, op\n@asset\ndef orders():\n    return 1"
JOB = "@op\ndef tick():\n    pass\n@job\ndef daily():\n    tick()"


def keys(definitions):
    return {key.to_user_string() for each in definitions.assets for key in each.keys}


def test_cells_share_one_namespace_in_their_order(write):
    definitions = load_definitions(write("# Title", ASSET, JOB))
    assert keys(definitions) == {"orders"}
    assert definitions.job_names == ["daily"]


def test_a_definitions_object_brings_its_resources(write):
    defs = "from jobnb import Definitions\ndefs = Definitions([orders], resources={'x': 3})"
    assert set(load_definitions(write(ASSET, defs)).resources) == {"x"}


def test_modules_beside_it_can_be_imported_but_define_nothing_by_themselves(write, tmp_path):
    (tmp_path / "beside_location.py").write_text(ASSET.replace("orders", "other"))
    definitions = load_definitions(write(ASSET, "import beside_location"))
    assert keys(definitions) == {"orders"}
    sys.modules.pop("beside_location")


def test_what_is_added_to_the_session_is_told_and_the_kernels_own_session_knows_nothing(
    write, tmp_path
):
    (tmp_path / "beside_added.py").write_text(ASSET.replace("orders", "other"))
    add = "from jobnb import session\nimport beside_added\nsession.add(beside_added)"
    add += "\nimport jobnb as jb\njb.session.add(resources={'limit': 3})"
    definitions = load_definitions(write(ASSET, add))
    assert keys(definitions) == {"orders", "other"}
    assert set(definitions.resources) == {"limit"}
    sys.modules.pop("beside_added")
    assert jobnb.session is current_session()
    assert "other" not in current_session().catalogue.by_name("asset")


def test_it_stands_in_its_own_folder(tmp_path):
    (tmp_path / "names.txt").write_text("a b")
    path = tmp_path / "pipeline.py"
    path.write_text(
        "from pathlib import Path\nfrom jobnb import asset\n"
        "for name in Path('names.txt').read_text().split():\n"
        "    @asset(name=name)\n    def made():\n        return 1\n"
    )
    assert keys(load_definitions(path)) == {"a", "b"}


def test_this_process_is_as_before(write, capsys):
    def state():
        process = (os.getcwd(), list(sys.path), dict(os.environ))
        return *process, sys.modules["__main__"], current_session()

    before = state()
    load_definitions(write(ASSET, "print('noise')"))
    with pytest.raises(NotebookError):
        load_definitions(write("1/0"))
    assert state() == before
    assert capsys.readouterr().out == ""
    assert "orders" not in current_session().catalogue.by_name("asset")


def test_no_run_is_started_and_what_it_would_have_given_is_not_missed(write, tmp_path):
    flag = tmp_path / "ran"
    noisy = f"@op\ndef touch():\n    open({str(flag)!r}, 'w')\n@job\ndef noisy():\n    touch()"
    run = "result = noisy.execute_in_process()\nprint(result.success)"
    read = f"text = open({str(flag)!r}).read()\ntext.upper()"
    definitions = load_definitions(write(ASSET, noisy, run, read, JOB))
    assert definitions.job_names == ["noisy", "daily"]
    assert not flag.exists()


def test_a_run_inside_a_branch_is_no_reason_to_fail(write):
    assert keys(load_definitions(write(ASSET, "if True:\n    materialize([orders])"))) == {"orders"}


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("x = 1\ny = x / 0", r"nb.ipynb, cell \[2\], line 2 raised ZeroDivisionError"),
        ("def f(:", r"cell \[2\], line 1"),
        ("import sys; sys.exit(3)", "raised SystemExit: 3"),
        ("@asset(name='a b')\ndef f(): ...", "raised InvalidDefinitionError"),
    ],
)
def test_code_that_raises_is_named_with_its_cell_and_line(write, cell, said):
    with pytest.raises(NotebookError, match=said):
        load_definitions(write(ASSET, cell))


def test_a_wrong_definition_after_a_run_is_still_told(write):
    cell = "raise InvalidDefinitionError('wrong')"
    head = ASSET + "\nfrom jobnb import materialize"
    source = f"from jobnb.errors import InvalidDefinitionError\n{cell}"
    path = write(head, "materialize([orders])", source)
    with pytest.raises(NotebookError, match="wrong") as caught:
        load_definitions(path)
    assert isinstance(caught.value.__cause__, InvalidDefinitionError)


def test_the_home_lies_beside_it_or_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert home_of("nb.ipynb") == tmp_path / ".jobnb"
    assert home_of(None) == tmp_path / ".jobnb"
    assert home_of("sub/nb.ipynb") == tmp_path / "sub" / ".jobnb"
    monkeypatch.setenv("JOBNB_HOME", str(tmp_path / "home"))
    assert home_of("nb.ipynb") == tmp_path / "home"


def test_annotations_are_texts_from_where_a_cell_asks_for_it(write):
    first = "def before(x: int) -> int: return x"
    second = "from __future__ import annotations"
    third = "def after(x: int) -> int: return x"
    module = load_module(write(first, second, third)).module
    assert module.before.__annotations__ == {"x": int, "return": int}
    assert module.after.__annotations__ == {"x": "int", "return": "int"}


def test_what_annotations_name_travels_as_texts_too_and_the_code_is_the_same_there(write):
    """The methods of a resource's class belong to the code of the assets that it is given to."""
    cells = [
        "from __future__ import annotations",
        "from jobnb import ConfigurableResource, asset",
        "class Tables(ConfigurableResource):\n    def read(self): return 1",
        "def count(tables: Tables) -> int: return tables.read()",
    ]
    count = load_module(write(*cells)).module.count
    code = "import sys; from jobnb.code.reader import code_hash; from jobnb.execution.pickling "
    code += "import loads; print(code_hash(loads(sys.stdin.buffer.read())))"
    command = [sys.executable, "-c", code]
    there = subprocess.run(command, input=dumps(count), capture_output=True, check=True, timeout=60)
    assert there.stdout.decode().strip() == code_hash(count)
