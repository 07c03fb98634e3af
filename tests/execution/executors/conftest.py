"""Each executor, with what it needs; made once for all tests of a module."""

from __future__ import annotations

import pytest

from jobnb import Instance, dask_executor
from jobnb.events import EngineNote

EXECUTORS = ["in_process", "threads", "async", "multiprocess", "dask"]

# The executors' own words, and what each worker does once.
OWN = ("ENGINE_EVENT", "RESOURCE_INIT_STARTED", "RESOURCE_INIT_SUCCESS")


@pytest.fixture(scope="session")
def cluster():
    """A Dask cluster of two processes, for all tests that want one."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs="ERROR"
    ) as made:
        yield made.scheduler_address


@pytest.fixture(scope="module", params=EXECUTORS)
def executor(request):
    """Each of jobnb's executors."""
    if request.param == "dask":
        return dask_executor.configured({"address": request.getfixturevalue("cluster")})
    return request.param


@pytest.fixture
def instance(tmp_path):
    with Instance(home=tmp_path / "home") as made:
        yield made


class Trace:
    """What steps did, wherever they ran: lines in a file."""

    def __init__(self, path):
        self.path = str(path)

    def __call__(self, text):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    @property
    def lines(self):
        try:
            with open(self.path, encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []


@pytest.fixture
def trace(tmp_path):
    return Trace(tmp_path / "trace.txt")


def by_step(events):
    """The kinds of event of each step, in order; those of the run under None."""
    found = {}
    for event in events:
        if not isinstance(event, EngineNote) and event.event_type_value not in OWN:
            found.setdefault(event.step_key, []).append(event.event_type_value)
    return found
