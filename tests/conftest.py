"""What holds for all tests."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from jobnb.storage.history import DATABASE_VARIABLE
from tests.postgres import Server, serving

# A shell starts what it puts in the background with SIGINT ignored, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Processes that tests start find the modules compiled, and do not compile all of them anew.
os.environ["PYTHONDONTWRITEBYTECODE"] = ""
os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(tempfile.gettempdir()) / "jobnb-compiled"))
# Tests leave nothing in the user's own cache; those of the cache name a folder of theirs.
os.environ["JOBNB_CACHE"] = ""

# How long an example takes says more of the machine than of jobnb.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if not os.environ.get("CI"):  # hypothesis has a profile of its own for CI, patient and repeatable
    settings.load_profile("patient")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for all tests that want one, started by the first of them."""
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def dagster_python() -> Path:
    """The Python of an environment that has Dagster and no jobnb."""
    root = Path(__file__).parents[1]
    with (root / ".ci" / "dagster").open() as script:
        fcntl.flock(script, fcntl.LOCK_EX)  # tests run side by side, and one of them installs it
        command = ["bash", script.name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        pytest.skip(f"Dagster cannot be installed here: {done.stderr[-300:]}")
    return root / ".dagster" / "bin" / "python"


@pytest.fixture
def database(postgres: Server) -> str:
    """The URL of a place on a PostgreSQL server that nobody has written to."""
    return postgres.new_schema()


@pytest.fixture(params=["sqlite", "postgres"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder; the history that `Instance.from_home` finds is in a file there, or on a server."""
    if request.param == "postgres":
        monkeypatch.setenv(DATABASE_VARIABLE, request.getfixturevalue("database"))
    return tmp_path
