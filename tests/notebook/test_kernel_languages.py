"""Notebooks of kernels that are not Python's run as far as they can, and say what they cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobnb import Failure, NotebookError, asset, materialize, notebook_asset
from jobnb.notebook.headless import execute_notebook
from jobnb.notebook.kernel_languages import assignments

VALUES = {"n": 3, "share": 0.5, "word": 'it\'s "$HOME" `id` \\ ü', "on": True, "none": None}


@pytest.fixture
def bash(tmp_path, monkeypatch):
    """A kernel of bash, which nobody installed."""
    folder = tmp_path / "jupyter" / "kernels" / "bash"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Bash", "language": "bash"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(folder.parents[1]))


def test_a_shell_reads_each_value_as_it_was(tmp_path):
    code = assignments("bash", VALUES, {"secret": "SECRET"})
    names = [name for name in VALUES if name != "none"]
    script = code + "\n" + "\n".join(f'printf "%s\\0" "${name}"' for name in names)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\0")[:-1] == ["3", "0.5", VALUES["word"], "true"]


def test_other_languages_write_lists_and_texts():
    values = {"each": ["a", 1, {"k": None}], "word": "$x"}
    assert assignments("r", values).splitlines()[1:] == [
        'each = list("a", 1, list("k" = NULL))',
        'word = "$x"',
    ]
    assert assignments("julia", values).splitlines()[1:] == [
        'each = ["a", 1, Dict("k" => nothing)]',
        'word = "\\$x"',
    ]


@pytest.mark.parametrize(
    ("language", "values", "told"),
    [
        ("bash", {"rows": [1]}, "'rows' is a list, which a kernel of bash cannot be given"),
        ("scala", {"n": 1}, "language is scala: .* Python, bash, julia, r"),
        ("bash", {"a-b": 1}, "'a-b' cannot be a parameter"),
    ],
)
def test_what_a_language_cannot_take_is_named(language, values, told):
    with pytest.raises(NotebookError, match=told):
        assignments(language, values)


def test_a_notebook_of_bash_is_an_asset_with_parameters_and_inputs(write, bash, monkeypatch):
    monkeypatch.setenv("WORD", "sesame")
    path = write(
        ("year=2013\nword=none", "parameters"), 'echo "$year $word $greeting"', kernel="bash"
    )

    @asset
    def greeting():
        return "hello you"

    told = notebook_asset("told", path, ["greeting"])
    config = {"ops": {"told": {"config": {"year": 2014, "word": {"env": "WORD"}}}}}
    done = materialize([greeting, told], run_config=config).asset_value("told")
    assert done.kernel == "bash"
    (said,) = ["".join(each["text"]) for each in done.outputs()]
    assert said == "2014 sesame hello you\n"
    assert "sesame" not in done.text.replace("2014 sesame", "")


def test_what_bash_cannot_hand_back_or_fails_with_is_told(write, bash):
    back = notebook_asset("back", write("n=1", kernel="bash"), results=["n"])
    with pytest.raises(NotebookError, match="is of bash: only one of Python can hand back 'n'"):
        materialize([back])
    fails = notebook_asset("fails", write("cat nowhere.txt", "echo never", kernel="bash"))
    with pytest.raises(Failure, match=r"Cell \[1\] \(cat nowhere.txt\) failed"):
        materialize([fails])


def test_a_notebook_of_bash_is_executed_without_a_front_end(write, bash, tmp_path: Path):
    path = write(("year=2013", "parameters"), "echo $year", kernel="bash")
    done = execute_notebook(path, parameters={"year": 7}, output=tmp_path / "out.ipynb")
    assert done.success
    assert done.notebook.cells[-1].outputs[0]["text"] == "7\n"
    with pytest.raises(NotebookError, match="needs one of Python"):
        execute_notebook(path, job="daily")
