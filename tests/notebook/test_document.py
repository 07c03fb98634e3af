"""A notebook is read with one clear error, and written whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import NotebookError
from jobnb.notebook.cell_tags import tags_of
from jobnb.notebook.document import (
    check_writable,
    dump_notebook,
    read_notebook,
    write_whole,
)


def test_a_missing_notebook_is_named_with_what_lies_beside_it(tmp_path, write):
    write("1", name="flights.ipynb")
    with pytest.raises(
        NotebookError, match=r"no notebook .*flihgts.ipynb; beside .* flights.ipynb"
    ):
        read_notebook(tmp_path / "flihgts.ipynb")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1]", "no 'nbformat'"),
        ("{}", "no 'nbformat'"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "cells"),
        ('{"nbformat": 99, "nbformat_minor": 0, "metadata": {}, "cells": []}', "no notebook"),
        (
            '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"a": 1}]}',
            "no notebook",
        ),
    ],
)
def test_a_corrupt_notebook_is_one_sentence(tmp_path, text, why):
    path = tmp_path / "bad.ipynb"
    path.write_text(text)
    with pytest.raises(NotebookError, match=why) as caught:
        read_notebook(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=60))
def test_whatever_a_file_holds_only_a_notebook_error_comes_out(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.ipynb"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NotebookError):
        read_notebook(path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "bad.ipynb"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NotebookError, match="cannot be read"):
        read_notebook(path)


def test_a_folder_and_a_python_file_are_refused(tmp_path):
    with pytest.raises(NotebookError, match="is a folder"):
        read_notebook(tmp_path)
    with pytest.raises(NotebookError, match="no notebook"):
        read_notebook(tmp_path / "a.py")


def test_old_cells_without_ids_are_read(tmp_path):
    path = tmp_path / "old.ipynb"
    cell = {"cell_type": "code", "source": "1", "metadata": {}, "outputs": []}
    cell["execution_count"] = None
    node = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    path.write_text(json.dumps(node))
    assert read_notebook(path).cells[0].source == "1"


def test_a_notebook_read_and_written_is_the_same(write):
    path = write("# Title", "x = 'ü'", ("y = 1", "parameters"))
    assert nbformat.reads(dump_notebook(read_notebook(path)), 4) == nbformat.read(path, 4)


def test_tags_that_are_no_list_of_texts_count_as_none():
    assert tags_of({"metadata": {"tags": "parameters"}}) == []
    assert tags_of({"metadata": {"tags": ["a", 3]}}) == ["a"]
    assert tags_of({}) == []


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "out.txt"
    write_whole(path, "one\n")
    write_whole(path, "two ü\n")
    assert path.read_bytes() == "two ü\n".encode()
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_failed_write_keeps_what_was_there_and_leaves_nothing_beside_it(tmp_path):
    (tmp_path / "out" / "inner").mkdir(parents=True)
    with pytest.raises(NotebookError, match="cannot be written"):
        write_whole(tmp_path / "out", "text")
    assert os.listdir(tmp_path) == ["out"]


def test_half_a_character_does_not_lose_the_file(tmp_path):
    write_whole(tmp_path / "out.txt", "a\ud800b")
    assert (tmp_path / "out.txt").read_text() == "a?b"


def test_a_new_file_has_the_rights_of_any_new_file_and_an_old_one_keeps_its_own(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("")
    write_whole(tmp_path / "new", "x")
    assert (tmp_path / "new").stat().st_mode == plain.stat().st_mode
    plain.chmod(0o600)
    write_whole(plain, "x")
    assert stat.S_IMODE(plain.stat().st_mode) == 0o600


def test_places_that_cannot_be_written_are_refused_before_any_work(tmp_path):
    check_writable(tmp_path / "fine.ipynb")
    check_writable(Path("fine.ipynb"))
    with pytest.raises(NotebookError, match="no folder"):
        check_writable(tmp_path / "missing" / "out.ipynb")
    with pytest.raises(NotebookError, match="is a folder"):
        check_writable(tmp_path)
    with pytest.raises(NotebookError, match="cannot be written"):
        check_writable("/proc/out.ipynb")
    with pytest.raises(NotebookError, match="cannot be written"):
        write_whole("/proc/out.ipynb", "x")


PERCENT = """# ---
# jupyter: {}
# ---

# %% [markdown]
# # Title
# and words

# %% tags=["parameters"]
year = 1

# %% a title of a cell
# %time year
# a comment
text = "# %% no cell" if year else None

# %% [raw]
# as it is
"""


def test_a_python_file_in_the_percent_form_is_a_notebook(tmp_path):
    path = tmp_path / "pipeline.py"
    path.write_text(PERCENT)
    cells = read_notebook(path).cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code", "code", "raw"]
    assert cells[0].source == "# Title\nand words"
    assert (cells[1].source, tags_of(cells[1])) == ("year = 1", ["parameters"])
    assert cells[2].source.startswith("%time year\n# a comment\n")
    assert cells[3].source == "as it is"


def test_what_stands_before_the_first_cell_is_a_cell_where_it_is_code(tmp_path):
    path = tmp_path / "pipeline.py"
    path.write_text("import os\n#%%\nos.name\n# %%\n")
    assert [cell.source for cell in read_notebook(path).cells] == ["import os", "os.name", ""]


def test_a_python_file_without_cells_is_refused(tmp_path):
    path = tmp_path / "pipeline.py"
    path.write_text("x = 1\n# %%timeit is no cell\n")
    with pytest.raises(NotebookError, match="Python file without cells"):
        read_notebook(path)


def test_iris_are_checked_though_their_grammar_was_not_loaded_with_notebooks(tmp_path):
    pytest.importorskip("rfc3987_syntax")
    path = tmp_path / "nb.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    code = (
        "import sys\nfrom jobnb.notebook.document import read_notebook\n"
        f"read_notebook({str(path)!r})\n"
        "import jsonschema\nassert 'rfc3987_syntax' not in sys.modules\n"
        "checker = jsonschema.FormatChecker(['iri'])\n"
        "print(checker.conforms('https://é.example/a', 'iri'), checker.conforms('a b', 'iri'))\n"
        "from rfc3987_syntax import is_valid_syntax, RFC3987_SYNTAX_TERMS"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "True False\n"), done.stderr
