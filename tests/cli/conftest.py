"""Notebooks on disk, kernels that import the jobnb under test, and the command in this process."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

import jobnb.cli
from jobnb.cli.main import cli
from tests.notebook.conftest import _kernels_find_jobnb, write

__all__ = ["_kernels_find_jobnb", "command", "printed", "write"]

SCHEMAS = json.loads((Path(jobnb.cli.__file__).parent / "outputs.schema.json").read_text())


@pytest.fixture
def command():
    """Runs a command in this process: `command("job", "list", path, code=2)`."""

    def run(*arguments, code=0):
        done = CliRunner().invoke(cli, [str(each) for each in arguments], prog_name="jobnb")
        assert done.exit_code == code, (done.output, done.exception)
        return done

    return run


@pytest.fixture
def printed(command):
    """Runs a command with --json; what it prints is as its JSON Schema says."""

    def run(*arguments, code=0):
        found = json.loads(command(*arguments, "--json", code=code).stdout)
        schema = {**SCHEMAS["properties"][" ".join(arguments[:2])], "$defs": SCHEMAS["$defs"]}
        jsonschema.validate(found, schema, cls=jsonschema.Draft202012Validator)
        return found

    return run
