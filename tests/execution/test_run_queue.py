"""The queue of runs: so many at once in a home, whatever asks for them and in whatever process."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobnb import (
    DefaultRunCoordinator,
    Instance,
    InvalidInvocationError,
    JobDefinition,
    JobRun,
    QueuedRunCoordinator,
    Run,
    RunStatus,
    Session,
    asset,
    graph,
    job,
    op,
)
from jobnb.events import RunQueued, RunStarted
from jobnb.execution.detached import folder_of
from jobnb.execution.detached_wait import PIPE
from tests.execution.until import WAIT, until
from tests.storage.conftest import durable, on_file, place
from tests.storage.place import Place

__all__ = ["durable", "on_file", "place"]


@op
def one() -> int:
    return 1


@job
def short() -> None:
    one()


def waiting_job(gate: threading.Event, name: str = "waits") -> JobDefinition:
    @op(out=None)
    def waits() -> None:
        gate.wait(WAIT)

    @graph(name=name)
    def made() -> None:
        waits()

    return made.to_job()


@pytest.fixture
def held(durable: Instance) -> Iterator[tuple[Run, threading.Event]]:
    """A run that goes on, where one may, until it is let go."""
    durable.set_run_coordinator(QueuedRunCoordinator(max_concurrent_runs=1))
    gate = threading.Event()
    run = waiting_job(gate).launch(instance=durable, tags={"team": "data"})
    until(lambda: run.state.status is RunStatus.STARTED)
    yield run, gate
    gate.set()
    run.wait(WAIT)


# --- saying it --------------------------------------------------------------------


def test_what_is_set_counts_for_all_kernels(durable: Instance) -> None:
    assert durable.run_coordinator == DefaultRunCoordinator()
    limits = [{"key": "team", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}]
    durable.set_run_coordinator(QueuedRunCoordinator(3, limits))
    with Place.of(durable).open() as other:
        assert other.run_coordinator == QueuedRunCoordinator(3, limits)
        assert other.run_queue.is_on
    durable.wipe()
    assert durable.run_queue.is_on
    durable.set_run_coordinator(None)
    assert durable.run_coordinator == DefaultRunCoordinator()


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_concurrent_runs": -2},
        {"max_concurrent_runs": "3"},
        {"tag_concurrency_limits": [{"key": "team"}]},
        {"tag_concurrency_limits": [{"key": "team", "limit": 1, "values": "data"}]},
        {"tag_concurrency_limits": [{"key": "team", "limit": 1, "value": {"each": True}}]},
    ],
)
def test_limits_that_make_no_sense_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(InvalidInvocationError, match="Give"):
        QueuedRunCoordinator(**parameters)
    with pytest.raises(InvalidInvocationError, match="is no coordinator of runs"):
        Instance.ephemeral().set_run_coordinator(parameters)  # type: ignore[arg-type]


# --- waiting ------------------------------------------------------------------------


def test_a_run_waits_for_its_turn_and_says_so(
    durable: Instance, held: tuple[Run, threading.Event]
) -> None:
    run = short.launch(instance=durable)
    until(lambda: run.state.status is RunStatus.QUEUED)
    assert durable.get_run_by_id(run.run_id).status is RunStatus.QUEUED  # type: ignore[union-attr]
    held[1].set()
    assert run.result(WAIT).success
    kinds = [type(event) for event in run.events()]
    assert kinds.index(RunQueued) < kinds.index(RunStarted)


def test_a_materialization_in_a_cell_waits_too(
    durable: Instance, held: tuple[Run, threading.Event]
) -> None:
    @asset
    def orders() -> int:
        assert held[1].is_set()
        return 1

    def let_go() -> None:
        until(lambda: durable.get_runs()[0].status is RunStatus.QUEUED)
        held[1].set()

    other = threading.Thread(target=let_go)
    other.start()
    assert Session().add(orders).materialize(instance=durable).success
    other.join()


def test_a_detached_run_waits_in_its_process(
    durable: Instance, held: tuple[Run, threading.Event]
) -> None:
    run = short.launch(instance=durable, detach=True)
    until(lambda: run.state.status is RunStatus.QUEUED)
    holder = durable.control.holder(run.run_id)
    until(lambda: any(isinstance(event, RunQueued) for event in run.events()))
    assert durable.control.holder(run.run_id) == holder
    held[1].set()
    assert run.result(WAIT).success


def programs(instance: Instance, runs: list[Run]) -> list[str]:
    """What the process of each run is at: it sleeps, leads those that do, or has the run."""
    found = []
    for run in runs:
        command = (Path("/proc") / str(process_of(instance, run)) / "cmdline").read_text()
        waits = (folder_of(instance, run.run_id) / PIPE).exists()
        found.append("has it" if not waits else "sleeps" if "_wait.py" in command else "leads")
    return found


def process_of(instance: Instance, run: Run) -> int:
    holder = instance.control.holder(run.run_id)
    assert holder is not None
    return holder.pid


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at in /proc")
@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_detached_runs_far_back_in_the_queue_load_nothing_until_their_turn_is_near(
    durable: Instance, held: tuple[Run, threading.Event]
) -> None:
    runs = [short.launch(instance=durable, detach=True) for _ in range(6)]
    until(lambda: programs(durable, runs).count("has it") == 2)
    until(lambda: "leads" in programs(durable, runs))
    assert programs(durable, runs[:2]) == ["has it"] * 2
    assert sorted(programs(durable, runs[2:])) == ["leads"] + ["sleeps"] * 3

    # The one that leads is killed: another leads. One that sleeps is canceled, another one ended.
    leading = programs(durable, runs).index("leads")
    killed, canceled, ended, *rest = runs[leading], *(r for r in runs[2:] if r is not runs[leading])
    os.kill(process_of(durable, killed), signal.SIGKILL)
    until(lambda: "leads" in programs(durable, [canceled, ended, *rest]))
    assert canceled.cancel("not needed")
    os.kill(process_of(durable, ended), signal.SIGTERM)
    assert canceled.wait(WAIT).status == ended.wait(WAIT).status == "CANCELED"
    held[1].set()
    for run in (*runs[:2], *rest):
        assert run.result(WAIT).success
    begun = [run.state.started or 0.0 for run in (*runs[:2], *rest)]
    assert begun == sorted(begun)


def test_a_queued_run_is_canceled(durable: Instance, held: tuple[Run, threading.Event]) -> None:
    run = short.launch(instance=durable)
    until(lambda: run.state.status is RunStatus.QUEUED)
    assert run.cancel()
    assert run.wait(WAIT).status == "CANCELED"
    assert not any(isinstance(event, RunStarted) for event in run.events())


def test_a_run_that_is_being_canceled_does_not_get_its_turn(durable: Instance) -> None:
    durable.set_run_coordinator(QueuedRunCoordinator(1))
    record = durable.create_run(JobRun("short", status=RunStatus.QUEUED))
    durable.report_run_canceling(record)
    assert not durable.run_queue.ask(record.run_id).is_mine


def test_higher_priorities_go_first_and_then_earlier_ones(
    durable: Instance, held: tuple[Run, threading.Event]
) -> None:
    order: list[str] = []

    def queued(name: str, **tags: str) -> Run:
        @op(out=None)
        def notes() -> None:
            order.append(name)

        @graph(name=name)
        def made() -> None:
            notes()

        run = made.to_job().launch(instance=durable, tags=tags)
        until(lambda: run.state.status is RunStatus.QUEUED)
        return run

    urgent = {"dagster/priority": "3"}
    runs = [queued("a"), queued("b"), queued("low", **{"dagster/priority": "-1"})]
    runs += [queued("urgent", **urgent), queued("c", **{"dagster/priority": "no number"})]
    held[1].set()
    for run in runs:
        assert run.result(WAIT).success
    assert order == ["urgent", "a", "b", "c", "low"]


def test_only_so_many_runs_with_a_tag_go_on(durable: Instance) -> None:
    limits = [{"key": "team", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}]
    durable.set_run_coordinator(QueuedRunCoordinator(-1, limits))
    gate = threading.Event()
    first = waiting_job(gate).launch(instance=durable, tags={"team": "data"})
    until(lambda: first.state.status is RunStatus.STARTED)
    same = short.launch(instance=durable, tags={"team": "data"})
    until(lambda: same.state.status is RunStatus.QUEUED)
    other = short.launch(instance=durable, tags={"team": "web"})
    assert other.result(WAIT).success
    assert short.launch(instance=durable).result(WAIT).success
    assert same.state.status is RunStatus.QUEUED
    gate.set()
    assert same.result(WAIT).success


def test_a_backfill_waits_run_by_run(durable: Instance) -> None:
    from jobnb import StaticPartitionsDefinition

    @asset(partitions_def=StaticPartitionsDefinition(["a", "b", "c"]))
    def letters(context: Any) -> str:
        return str(context.partition_key)

    durable.set_run_coordinator(QueuedRunCoordinator(1))
    backfill = Session().add(letters).backfill(instance=durable, max_parallel=3)
    assert backfill.wait(WAIT).status == "COMPLETED"
    for run in durable.get_runs():
        assert isinstance(durable.events(run.run_id)[0], RunQueued)


def test_when_the_queue_is_given_up_those_that_wait_begin(
    durable: Instance, held: tuple[Run, threading.Event]
) -> None:
    run = short.launch(instance=durable)
    until(lambda: run.state.status is RunStatus.QUEUED)
    durable.set_run_coordinator(None)
    assert run.result(WAIT).success
