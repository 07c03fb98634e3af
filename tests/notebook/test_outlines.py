"""A code location is loaded in a process of its own, within a time limit, and cached by content."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from jobnb import InvalidDefinitionError, NotebookError
from jobnb.notebook import outlines
from jobnb.notebook.code_source import CodeSource
from jobnb.notebook.load_limit import LoadLimit
from jobnb.notebook.outlines import check_code, outline_for

SHOP = """
from pathlib import Path

from jobnb import asset, job, op

Path("loads").open("a").write("x")  # how often it was loaded


@asset
def orders():
    return 1
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JOBNB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "shop"
    made.mkdir()
    (made / "loads").touch()
    return made


def loads(folder):
    return len((folder / "loads").read_text())


def names(code, **options):
    return [row["key"] for row in outline_for(code, **options)["assets"]]


def test_it_is_loaded_again_only_when_something_has_changed(cache, folder, monkeypatch):
    path = folder / "shop.py"
    path.write_text(SHOP)
    code = CodeSource(path)
    assert names(code) == names(code) == ["orders"]
    assert loads(folder) == 1
    path.write_text(SHOP + "\n@asset\ndef prices():\n    return 2\n")
    assert names(code) == ["orders", "prices"]
    assert loads(folder) == 2
    assert names(code, again=True) == ["orders", "prices"]
    assert loads(folder) == 3
    monkeypatch.setenv("SHOP_REGION", "north")  # what the code may look at
    names(code)
    assert loads(folder) == 4
    monkeypatch.setenv("COLUMNS", "90")  # what it does not
    names(code)
    assert loads(folder) == 4


def test_what_it_imports_and_reads_from_beside_it_counts(cache, folder):
    (folder / "shop_tables.py").write_text("NAMES = ['a']\n")
    (folder / "more.txt").write_text("b\n")
    (folder / "parts").mkdir()
    path = folder / "shop.py"
    path.write_text(
        SHOP
        + "from shop_tables import NAMES\n"
        + "more = Path('more.txt').read_text().split()\n"
        + "parts = sorted(each.stem for each in Path('parts').iterdir())\n"
        + "for name in NAMES + more + parts:\n    asset(name=name)(lambda: 1)\n"
    )
    code = CodeSource(path)
    assert names(code) == ["a", "b", "orders"]
    names(code)
    assert loads(folder) == 1
    (folder / "shop_tables.py").write_text("NAMES = ['a2']\n")
    assert names(code) == ["a2", "b", "orders"]
    (folder / "more.txt").write_text("b2\n")
    assert names(code) == ["a2", "b2", "orders"]
    (folder / "parts" / "c.txt").touch()
    assert names(code) == ["a2", "b2", "c", "orders"]
    names(code)
    assert loads(folder) == 4


def test_a_cache_that_is_damaged_old_or_not_to_be_written_is_done_without(
    cache, folder, monkeypatch
):
    path = folder / "shop.py"
    path.write_text(SHOP)
    code = CodeSource(path)
    names(code)
    [file] = (cache / "outlines").iterdir()
    file.write_text("{")
    assert names(code) == ["orders"]
    assert loads(folder) == 2
    kept = json.loads(file.read_text())
    assert "shop.py" in "".join(kept["files"])
    long_ago = time.time() - 2 * 86_400
    os.utime(file, (long_ago, long_ago))
    names(code)
    assert loads(folder) == 3
    (folder / "file").touch()
    monkeypatch.setenv("JOBNB_CACHE", str(folder / "file"))
    assert names(code) == ["orders"]
    monkeypatch.setenv("JOBNB_CACHE", "")
    assert names(code) == ["orders"]
    assert loads(folder) == 5


def test_code_that_takes_too_long_is_given_up_with_all_that_it_started(folder):
    path = folder / "shop.py"
    path.write_text(
        "import subprocess, sys, time\nfrom pathlib import Path\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "Path('pid').write_text(str(child.pid))\ntime.sleep(600)\n"
    )
    for seconds in (4, 20, 90):  # more on a machine that needs it to come so far
        with pytest.raises(NotebookError, match=f"line 5 did not end within {seconds} s. Tag the"):
            outline_for(CodeSource(path, limit=LoadLimit(seconds)), again=True)
        if (folder / "pid").exists():
            break
    pid = int((folder / "pid").read_text())
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and _lives(pid):
        time.sleep(0.05)
    assert not _lives(pid)


def _lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ValueError('no')", "line 1 raised ValueError: no"),
        ("import os\nos._exit(3)", r"the process that loads it ended \(exit code 3\)"),
        ("import os\nos.kill(os.getpid(), 9)", r"ended \(signal 9\)"),
        ("import sys\nsys.exit(4)", "raised SystemExit: 4"),
    ],
)
def test_code_that_fails_is_told_and_not_cached(cache, folder, source, said):
    path = folder / "shop.py"
    path.write_text(source)
    with pytest.raises(NotebookError, match=said):
        outline_for(CodeSource(path))
    assert not cache.exists()
    with pytest.raises(InvalidDefinitionError, match=said):
        check_code(CodeSource(path))


def test_what_the_code_prints_or_leaves_running_is_no_matter(folder):
    path = folder / "shop.py"
    path.write_text(
        SHOP
        + "import os, threading, time\nprint('printed')\nos.write(1, b'written')\n"
        + "os.system('echo echoed')\nthreading.Thread(target=time.sleep, args=(600,)).start()\n"
    )
    assert names(CodeSource(path), again=True) == ["orders"]


def test_a_notebook_of_another_language_defines_nothing(write, monkeypatch, tmp_path):
    spec = tmp_path / "kernels" / "stats"
    spec.mkdir(parents=True)
    about = {"argv": ["R", "{connection_file}"], "display_name": "R", "language": "R"}
    (spec / "kernel.json").write_text(json.dumps(about))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    path = write("x <- 1", kernel="stats")
    with pytest.raises(NotebookError, match="has cells of R"):
        outline_for(CodeSource(path), again=True)
    assert outlines._interpreter(CodeSource(write("x = 1", kernel="not_here")))


def test_a_notebook_is_loaded_with_the_python_of_its_kernel(write, monkeypatch, tmp_path):
    spec = tmp_path / "kernels" / "own"
    spec.mkdir(parents=True)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    about = {"argv": [str(python)], "display_name": "own", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(about))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    code = CodeSource(write("from jobnb import asset", "@asset\ndef a(): ...", kernel="own"))
    assert names(code, again=True) == ["a"]
    python.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(NotebookError, match=rf"exit code 1\). Is jobnb installed for {python}\?"):
        outline_for(code, again=True)


def test_a_notebook_and_its_forms_have_the_same_outline(write, tmp_path):
    cells = ["from jobnb import asset", ("raise ValueError('no')", "explore"),
             "@asset\ndef orders():\n    return 1"]  # fmt: skip
    notebook = write("# Shop", *cells)
    percent = tmp_path / "percent.py"
    percent.write_text(
        "# %%\n" + "\n# %% tags=['explore']\n".join([cells[0], cells[1][0]])
        + "\n# %%\n" + cells[2] + "\n"
    )  # fmt: skip
    fences = tmp_path / "fences.md"
    fences.write_text(
        f"```python\n{cells[0]}\n```\n```python tags=['explore']\n{cells[1][0]}\n```\n"
        f"```python\n{cells[2]}\n```\n"
    )
    found = [outline_for(CodeSource(each), again=True) for each in (notebook, percent, fences)]
    assert found[0]["assets"][0]["key"] == "orders"
    assert found[1:] == found[:1] * 2
