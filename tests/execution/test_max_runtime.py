"""A run that takes longer than its tag allows fails, also where its caller waits for it."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from jobnb import (
    MAX_RUNTIME_SECONDS_TAG,
    ExecutionInterruptedError,
    Instance,
    QueuedRunCoordinator,
    RunStatus,
    RunTimeoutError,
    job,
    op,
    resource,
)
from jobnb.events import RunFailed, StepStarted
from tests.execution.until import WAIT, until
from tests.storage.conftest import on_file
from tests.storage.place import Place

__all__ = ["on_file"]

LIMIT = {MAX_RUNTIME_SECONDS_TAG: "0.3"}
closed: list[int] = []


@resource
def guarded() -> Any:
    yield 1
    closed.append(1)


@op(out=None, required_resource_keys={"guarded"})
def sleeps() -> None:
    time.sleep(1000)


@job(resource_defs={"guarded": guarded})
def endless() -> None:
    sleeps()


@op
def busy() -> None:
    while True:
        time.sleep(0.01)


@job
def spins() -> None:
    busy()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    closed.clear()


@pytest.mark.parametrize("instance", ["memory", "file"])
def test_a_run_that_its_caller_waits_for_fails(instance: str, on_file: Instance) -> None:
    found = on_file if instance == "file" else Instance.ephemeral()
    with pytest.raises(RunTimeoutError, match=r"It took longer than 0\.3 s"):
        endless.execute_in_process(instance=found, tags=LIMIT)
    assert closed == [1]
    (run,) = found.get_runs()
    assert run.status is RunStatus.FAILURE
    end = found.events(run.run_id)[-1]
    assert isinstance(end, RunFailed)


def test_without_raising_the_result_says_so(on_file: Instance) -> None:
    result = endless.execute_in_process(instance=on_file, tags=LIMIT, raise_on_error=False)
    assert not result.success
    assert "longer than 0.3 s" in str(result.state.error)


def test_a_run_in_another_thread_fails_too(on_file: Instance) -> None:
    found: list[Any] = []

    def work() -> None:
        found.append(spins.execute_in_process(instance=on_file, tags=LIMIT, raise_on_error=False))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(WAIT)
    assert found[0].state.status is RunStatus.FAILURE


def test_one_that_ends_in_time_succeeds_and_nothing_comes_after(on_file: Instance) -> None:
    @op
    def quick() -> int:
        return 1

    @job
    def short() -> None:
        quick()

    assert short.execute_in_process(instance=on_file, tags={MAX_RUNTIME_SECONDS_TAG: "0.2"}).success
    time.sleep(0.3)  # an interrupt that came too late would be raised here


def test_what_a_run_waits_in_the_queue_does_not_count(on_file: Instance) -> None:
    on_file.set_run_coordinator(QueuedRunCoordinator(1))
    gate = threading.Event()

    @op(out=None)
    def holds() -> None:
        gate.wait(WAIT)

    @job
    def first() -> None:
        holds()

    @op
    def quick() -> int:
        return 1

    @job
    def second() -> None:
        quick()

    held = first.launch(instance=on_file)
    until(lambda: held.state.status is RunStatus.STARTED)
    run = second.launch(instance=on_file, tags={MAX_RUNTIME_SECONDS_TAG: "30"})
    until(lambda: run.state.status is RunStatus.QUEUED)
    assert run._deadline is None
    gate.set()
    assert run.result(WAIT).success


def test_another_kernel_cancels_a_run_that_a_cell_waits_for(on_file: Instance) -> None:
    place = Place.of(on_file)

    def cancel() -> None:
        with place.open() as elsewhere:
            until(lambda: elsewhere.get_runs())
            (run,) = elsewhere.get_runs()
            until(lambda: any(isinstance(e, StepStarted) for e in elsewhere.events(run.run_id)))
            assert elsewhere.run_launcher.can_terminate(run.run_id)
            assert elsewhere.run_launcher.terminate(run.run_id)

    other = threading.Thread(target=cancel)
    other.start()
    with pytest.raises(ExecutionInterruptedError):
        endless.execute_in_process(instance=on_file)
    other.join(WAIT)
    assert closed == [1]
    assert on_file.get_runs()[0].status is RunStatus.CANCELED
