"""What holds for all tests."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

from jobnb import dagster_compat
from jobnb.storage.history import DATABASE_VARIABLE
from tests.postgres import Server, serving

# A shell starts what it puts in the background with SIGINT ignored, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Processes that tests start find the modules compiled, and do not compile all of them anew.
os.environ["PYTHONDONTWRITEBYTECODE"] = ""
os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(tempfile.gettempdir()) / "jobnb-compiled"))
# Tests leave nothing in the user's own cache; those of the cache name a folder of theirs.
os.environ["JOBNB_CACHE"] = ""

# A Dask cluster that waits for work looks at itself many times a second: a quarter of a core each.
os.environ.update(
    DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED="False",
    DASK_DISTRIBUTED__WORKER__MEMORY__MONITOR_INTERVAL="1s",
    DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL="1s",
    DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL="5s",
)

# How long an example takes says more of the machine than of jobnb.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if not os.environ.get("CI"):  # hypothesis has a profile of its own for CI, patient and repeatable
    settings.load_profile("patient")


def pytest_xdist_auto_num_workers() -> int:
    """Have one test process more than there are cores: many tests wait for kernels and browsers."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let benchmarks be measured where all tests run in this process."""
    if not config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        config.option.dist = "no"


def pytest_collection_finish() -> None:
    """Leave out the tests themselves and all modules from each later garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for all tests that want one, started by the first of them."""
    with serving() as server:
        yield server


def _installed(script: str) -> Path:
    """Run one of the scripts in `.ci/` that install what some tests need; the project's folder."""
    root = Path(__file__).parents[1]
    environment = {"PYTHON": sys.executable, **os.environ}
    with (root / ".ci" / script).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # tests run side by side, and one of them installs it
        command = ["bash", file.name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    if done.returncode:
        pytest.skip(f"{script} cannot be installed here: {done.stderr[-300:]}")
    return root


@pytest.fixture(scope="session")
def dagster_python() -> Path:
    """The Python of an environment that has Dagster and no jobnb."""
    return _installed("dagster") / ".dagster" / "bin" / "python"


@pytest.fixture(scope="session")
def dagster_libraries() -> Path:
    """A folder to import Dagster's own libraries from, without Dagster."""
    return _installed("libraries") / ".libraries"


@pytest.fixture
def dagster() -> Iterator[ModuleType]:
    """The package that `import dagster` finds over jobnb."""
    dagster_compat.install()
    try:
        import dagster

        yield dagster
    finally:
        dagster_compat.uninstall()


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
