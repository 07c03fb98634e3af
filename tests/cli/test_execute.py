"""`jobnb execute`: exit codes, one line for each mistake, progress, and what is written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from jobnb.cli.main import cli


@pytest.fixture
def jobnb():
    """Runs the command in this process."""

    def run(*arguments):
        return CliRunner().invoke(cli, [str(each) for each in arguments], prog_name="jobnb")

    return run


def in_a_process(*arguments, **kwargs):
    command = [sys.executable, "-m", "jobnb.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **kwargs)


def test_success_is_0_and_shows_plain_lines(jobnb, write, tmp_path):
    done = jobnb("execute", write("# Title", "x = 1", "print(x)"), "-o", tmp_path / "out.ipynb")
    assert done.exit_code == 0, done.output
    assert "nb.ipynb: 2 cells" in done.stdout
    assert "[1/2] x = 1" in done.stdout
    assert "nb.ipynb: success, 2 of 2 cells" in done.stdout
    assert "\x1b" not in done.stdout
    assert nbformat.read(tmp_path / "out.ipynb", 4).cells[2].outputs[0].text == "1\n"


def test_a_failed_cell_is_1_with_the_users_error_and_lines_on_stderr(jobnb, write, tmp_path):
    path = write("def f():\n    return 1/0\nf()")
    done = jobnb("execute", path, "-o", tmp_path / "out.ipynb")
    assert done.exit_code == 1
    first, *rest = done.stderr.splitlines()
    assert first == "jobnb: Cell [1] (def f()) failed: ZeroDivisionError: division by zero"
    assert any("return 1/0" in line for line in rest)
    assert (tmp_path / "out.ipynb").exists()


def test_no_grammar_is_compiled_to_execute_a_notebook(write):
    """The one of IRIs, which jsonschema imports, takes seconds."""
    code = (
        "import atexit, sys\nfrom jobnb.cli.main import main\n"
        "atexit.register(lambda: print([name for name in sys.modules if 'rfc3987_syn' in name]))\n"
        "main()"
    )
    command = [sys.executable, "-c", code, "execute", "-q", str(write("1"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_a_kernel_that_does_not_use_jobnb_does_not_import_it(jobnb, write):
    assert jobnb("execute", write("import sys; assert 'jobnb' not in sys.modules")).exit_code == 0


def test_nobody_sees_a_traceback_of_ours(write, tmp_path):
    done = in_a_process("execute", write("1/0"), "-o", tmp_path / "out.ipynb", cwd=tmp_path)
    assert done.returncode == 1
    assert "jobnb/" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_dead_kernel_is_1_in_one_line(jobnb, write):
    done = jobnb("execute", write("import os; os.kill(os.getpid(), 9)"))
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert "kernel died in cell [1]" in done.stderr


def test_a_timeout_is_1_in_one_line(jobnb, write):
    done = jobnb("execute", write("import time; time.sleep(60)"), "--timeout", "0.5")
    assert done.exit_code == 1
    assert "took longer than 0.5 s" in done.stderr.splitlines()[0]


def bad_inputs():
    yield ["missing.ipynb"], "There is no notebook missing.ipynb"
    yield ["corrupt.ipynb"], "corrupt.ipynb is no notebook"
    yield ["code.py"], "Python file"
    yield ["nb.ipynb", "-o", "no/such/out.ipynb"], "no folder no/such"
    yield ["nb.ipynb", "--html", "folder"], "is a folder"
    yield ["nb.ipynb", "-p", "a b", "1"], "'a b' cannot be a parameter"
    yield ["nb.ipynb", "-p", "x", "[1"], "'x' is no YAML"
    yield ["nb.ipynb", "--job", "a", "--config", "missing.yaml"], "missing.yaml"
    yield ["nb.ipynb", "--job", "a", "--config", "bad.yaml"], "bad.yaml"
    yield ["nb.ipynb", "--job", "a", "--config", "list.yaml"], "list.yaml"
    yield ["nb.ipynb", "--job", "a", "--config", "{not: [json"], "cannot be read"
    yield ["nb.ipynb", "--config", "{}", "--tag", "a=b"], "nothing to run"
    yield ["nb.ipynb", "--job", "a", "--tag", "ab"], "KEY=VALUE"
    yield ["nb.ipynb", "--partition", "2013"], "nothing to run"
    yield ["nb.ipynb", "--partition-range", "2013...2014"], "nothing to run"
    yield ["nb.ipynb", "--select", "a", "--partition-range", "2013"], "the form START...END"
    yield ["nb.ipynb", "--select", "a", "--partition-range", "2013..."], "the form START...END"
    yield ["nb.ipynb", "--select", "a", "--partition", "a...b"], "use --partition-range"
    yield ["nb.ipynb", "--kernel", "cobol"], "no kernel 'cobol'"
    yield ["nb.ipynb", "--timeout", "0"], "0"
    yield ["nb.ipynb", "--timeout", "soon"], "soon"
    yield ["nb.ipynb", "--no-such-option"], "--no-such-option"
    yield [], "NOTEBOOK"


@pytest.mark.parametrize(("arguments", "said"), list(bad_inputs()))
def test_what_cannot_be_is_2_and_says_so(jobnb, write, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    write("open('ran', 'w')")
    (tmp_path / "folder").mkdir()
    (tmp_path / "code.py").write_text("")
    (tmp_path / "corrupt.ipynb").write_text("{")
    (tmp_path / "bad.yaml").write_text("a: [1\nb: :")
    (tmp_path / "list.yaml").write_text("- 1")
    done = jobnb("execute", *arguments)
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "ran").exists()


def test_refusals_of_ours_are_one_line(jobnb, tmp_path):
    done = jobnb("execute", tmp_path / "missing.ipynb")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("jobnb: There is no notebook")


def test_parameters_are_typed(jobnb, write, tmp_path):
    path = write(("a = b = c = 0", "parameters"), "print(repr((a, b, c)))")
    done = jobnb(
        "execute", path, "-o", tmp_path / "o.ipynb",
        "-p", "a", "3", "-p", "b", "2013-01-01", "-p", "c", "[x, null]",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    cells = nbformat.read(tmp_path / "o.ipynb", 4).cells
    assert cells[2].outputs[0].text == "(3, '2013-01-01', ['x', None])\n"


def test_an_unknown_parameter_is_2_unless_extra_ones_are_allowed(jobnb, write, tmp_path):
    path = write(("year = 1", "parameters"), f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    done = jobnb("execute", path, "-p", "yaer", "3")
    assert done.exit_code == 2
    assert "Did you mean 'year'?" in done.stderr
    assert not (tmp_path / "ran").exists()
    done = jobnb("execute", path, "-p", "yaer", "3", "--allow-extra-parameters")
    assert done.exit_code == 0
    assert "note: The notebook has no parameter 'yaer'. Did you mean 'year'?" in done.stderr


def test_quiet_says_nothing_of_a_success(jobnb, write):
    done = jobnb("execute", write("1"), "--quiet")
    assert (done.exit_code, done.output) == (0, "")


def test_users_text_is_no_markup_and_needs_no_unicode_terminal(write, tmp_path):
    path = write("'[bold] é 日本'; raise ValueError('[/red] 日本')")
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = in_a_process("execute", path, cwd=tmp_path, env=env)
    assert done.returncode == 1
    assert "[bold]" in done.stdout
    assert "[/red]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_told_and_help_is_quick_to_load():
    done = in_a_process("--version")
    assert done.returncode == 0
    code = (
        "import sys, jobnb.cli.main; print([m for m in sys.modules if m in "
        "('pandas', 'nbformat', 'nbclient', 'sqlalchemy', 'IPython', 'rich', 'pydantic')])"
    )
    root = str(Path(__file__).parents[2])
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert found.stdout.strip() == "[]"
