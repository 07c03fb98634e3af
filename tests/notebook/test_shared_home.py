"""Notebooks that share a home: who launched what is kept, and none overwrites silently."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from jobnb import Instance, Session, StaticPartitionsDefinition, asset
from jobnb.cli.main import cli
from jobnb.notebook.headless import execute_notebook
from tests.notebook.talk import Talk

DEFINE = "%load_ext jobnb\nfrom jobnb import asset, session\n@asset\ndef orders():\n    return {}"
MAKE = "result = session.materialize('orders')"


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    talks: list[Talk] = []

    def start(name: str) -> Talk:
        monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / name))  # as a Jupyter server does
        talks.append(Talk(tmp_path))
        return talks[-1]

    yield start
    for each in talks:
        each.end()


def warned(outputs: list[dict]) -> str:
    return "".join(each["text"] for each in outputs if each.get("name") == "stderr")


def test_two_notebooks_of_one_home_are_told_of_each_other(kernel, tmp_path):
    a, b = kernel("a.ipynb"), kernel("sub/b.ipynb")
    a(DEFINE.format(1))
    assert warned(a(MAKE)) == ""
    b(DEFINE.format(1))
    assert warned(b(MAKE)) == ""  # the same code
    b(DEFINE.format(2))
    assert warned(b(MAKE)) == ""  # its own value
    told = warned(a(MAKE))
    assert told.count("UserWarning") == 1
    assert "Asset 'orders' was last materialized by sub/b.ipynb; a.ipynb defines it diff" in told
    b(MAKE)
    assert warned(a(MAKE)) == ""  # once
    b(MAKE)
    stale = a.text("print(session.stale()['orders'])")
    assert stale == "orders is stale: materialized by sub/b.ipynb with other code\n"
    assert b.text("print(len(session.stale()))") == "0\n"
    shown = a.text("print(session.runs.to_pandas().notebook.tolist()[:2])")
    assert shown == "['sub/b.ipynb', 'a.ipynb']\n"
    done = CliRunner().invoke(
        cli,
        ["run", "list", "--home", str(tmp_path / ".jobnb"), "--launched-by", "a.ipynb", "--json"],
    )
    assert {row["notebook"] for row in json.loads(done.stdout)} == {"a.ipynb"}


def test_a_notebook_executed_without_a_front_end_is_named_too(write, tmp_path):
    a = write(DEFINE.format(1), MAKE, name="a.ipynb")
    b = write(DEFINE.format(2), MAKE, name="b.ipynb")
    for path in (a, b):
        assert execute_notebook(path).success
    with Instance(tmp_path / ".jobnb") as instance:
        assert [each.notebook for each in instance.get_run_records()] == ["b.ipynb", "a.ipynb"]
    listed = CliRunner().invoke(cli, ["asset", "list", str(a)]).stdout
    assert "stale: materialized by b.ipynb with other code" in listed
    assert "fresh" in CliRunner().invoke(cli, ["asset", "list", str(b)]).stdout
    write(DEFINE.format(3), MAKE, name="b.ipynb")
    assert "stale: code changed" in CliRunner().invoke(cli, ["asset", "list", str(b)]).stdout


def test_a_script_and_a_module_are_named(tmp_path, monkeypatch):
    import os
    import subprocess
    import sys

    code = (
        "from jobnb import Instance, job, op\n@op\ndef five(): return 5\n"
        "@job\ndef numbers(): five()\nnumbers.execute_in_process(instance=Instance.get())\n"
    )
    (tmp_path / "pipe.py").write_text(code)
    env = {**os.environ, "JPY_SESSION_NAME": "/other.ipynb"}  # of a notebook that starts it
    for how in (["pipe.py"], ["-m", "pipe"], ["-c", code]):
        subprocess.run([sys.executable, *how], cwd=tmp_path, env=env, check=True)
    with Instance(tmp_path / ".jobnb") as instance:
        assert [each.notebook for each in instance.get_run_records()] == [None, "pipe", "pipe.py"]


def test_a_backfill_warns_and_what_it_made_says_who_made_it(tmp_path):
    def days_of(value):
        @asset(partitions_def=StaticPartitionsDefinition(["x", "y"]))
        def days():
            return [value]

        return days

    def made_in(name, definition):
        session = Session(home=str(tmp_path / ".jobnb"))
        session.instance.launched_by(tmp_path / name)
        session.add(definition)
        session.backfill("days").wait()
        return session

    first = made_in("a.ipynb", days_of(1))
    with pytest.warns(UserWarning, match=r"'days' was last materialized by a\.ipynb; b\.ipynb def"):
        second = made_in("b.ipynb", days_of("other"))
    assert {run.notebook for run in second.runs} == {"a.ipynb", "b.ipynb"}
    first.instance.launched_by(tmp_path / "a.ipynb")
    told = str(first.stale()["days"])
    assert "materialized by b.ipynb with other code" in told
    first.instance.dispose()
