"""No command hangs on code that never ends: each that loads code has a time limit for it."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from jobnb.cli.main import cli

ENDLESS = "from jobnb import job\n@job\ndef daily(): ...\nimport time; time.sleep(600)\n"
# Code that catches whatever is raised in it can only be ended with its process.
STUBBORN = """
import time
while True:
    try:
        time.sleep(0.5)
    except BaseException:
        pass
"""
COMMANDS = [
    ("job", "list"), ("job", "print"), ("job", "schema"), ("job", "execute"), ("job", "launch"),
    ("job", "backfill", "--all"), ("asset", "list", "-s", "*"), ("asset", "materialize"),
    ("schedule", "list"), ("sensor", "preview"), ("run", "resume", "0"), ("daemon",), ("serve",),
    ("ui", "--no-browser"), ("dev", "--no-browser"), ("export",), ("diff",),
]  # fmt: skip


def all_commands(group=cli, path=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from all_commands(found, (*path, name))
        else:
            yield (*path, name), found


def test_each_command_that_takes_code_takes_a_time_limit():
    taking = {path: {each.name for each in found.params} for path, found in all_commands()}
    loading = {path for path, names in taking.items() if {"arguments", "attribute"} <= names}
    assert len(loading) > 20
    limited = {path for path, names in taking.items() if "load_timeout" in names}
    assert limited == loading | {("diff",), ("export",)}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_cell_that_never_ends_is_told_in_a_line(words, write, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    path = write("import jobnb", ENDLESS)
    group = 1 if words[1:2] and not words[1].startswith(("-", "0")) else 0
    head, rest = words[: group + 1], words[group + 1 :]
    other = [path.name] if words == ("diff",) else []
    told = command(*head, path.name, *other, "--load-timeout", "1", *rest, code=2).stderr
    assert told.startswith("jobnb: nb.ipynb, cell [2], line 4 did not end within 1 s. Tag the ")
    assert told.count("\n") == 1


def test_the_environment_has_the_limit_of_all_commands(write, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    path = write("import jobnb", ENDLESS)
    monkeypatch.setenv("JOBNB_LOAD_TIMEOUT", "1")
    told = command("definitions", "validate", path.name, code=1).stderr
    assert told.startswith("jobnb: nb.ipynb, cell [2], line 4 did not end within 1 s.")
    monkeypatch.setenv("JOBNB_LOAD_TIMEOUT", "soon")
    assert "'soon' is not a valid float" in command("job", "print", path.name, code=2).stderr


def test_code_that_cannot_be_interrupted_ends_with_its_process(tmp_path):
    (tmp_path / "shop.py").write_text(STUBBORN)
    done = subprocess.run(
        [sys.executable, "-m", "jobnb.cli", "job", "print", "shop.py", "--load-timeout", "0.5"],
        cwd=tmp_path, text=True, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("jobnb: shop.py, line ")
    assert "did not end within 0.5 s." in done.stderr
