"""Pools: so many steps at once, in all runs of all processes of a home."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from jobnb import (
    AssetOut,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    Run,
    asset,
    graph,
    job,
    multi_asset,
    op,
)
from jobnb.display.run_marks import because_words
from jobnb.events import EngineNote
from tests.execution.until import WAIT, until
from tests.storage.conftest import durable, on_file, place

__all__ = ["durable", "on_file", "place"]


class Gate:
    """Steps that stand here: how many at once, at most."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.open = threading.Event()
        self._turn = threading.Lock()

    def __enter__(self) -> None:
        with self._turn:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *problem: object) -> None:
        with self._turn:
            self.now -= 1


def four(gate: Gate, seconds: float = 0.05) -> Any:
    """A job of four steps of the pool `db`."""

    @op(pool="db", out=None)
    def loads() -> None:
        with gate:
            time.sleep(seconds)

    @job(name="four")
    def made() -> None:
        for number in range(4):
            loads.alias(f"load_{number}")()

    return made


# --- saying it --------------------------------------------------------------------


def test_ops_and_assets_name_their_pool_as_dagsters_tag_does() -> None:
    @op(pool="db")
    def loads() -> int:
        return 1

    @asset(pool="db", op_tags={"team": "data"})
    def orders() -> int:
        return 1

    @multi_asset(outs={"low": AssetOut(), "high": AssetOut()}, pool="db")
    def bounds() -> tuple[int, int]:
        return 1, 2

    assert loads.tags == {"dagster/concurrency_key": "db"}
    assert orders.op.tags == {"team": "data", "dagster/concurrency_key": "db"}
    assert bounds.op.tags["dagster/concurrency_key"] == "db"


def test_two_pools_are_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match="has the pool 'db' and the tag"):

        @op(pool="db", tags={"dagster/concurrency_key": "api"})
        def loads() -> int:
            return 1


@pytest.mark.parametrize("limit", [-1, 1001, "2", True, 1.5])
def test_a_limit_that_is_none_is_refused(on_file: Instance, limit: Any) -> None:
    with pytest.raises(InvalidInvocationError, match="Give a number from 0 to 1000"):
        on_file.set_concurrency_limit("db", limit)


def test_limits_are_set_looked_up_and_removed(durable: Instance) -> None:
    durable.set_concurrency_limit("db", 2)
    durable.event_log_storage.set_concurrency_slots("api", 1)
    durable.set_concurrency_limit("db", 3)
    assert durable.get_concurrency_keys() == {"db", "api"}
    assert durable.get_concurrency_info("db").slot_count == 3
    durable.wipe()
    assert durable.get_concurrency_keys() == {"db", "api"}
    durable.delete_concurrency_limit("db")
    assert durable.get_concurrency_info("db").slot_count is None


# --- keeping it -------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2])
def test_no_more_steps_run_at_once_in_a_run(durable: Instance, limit: int) -> None:
    gate = Gate()
    durable.set_concurrency_limit("db", limit)
    run = four(gate).launch(instance=durable, executor="threads")
    assert run.result(WAIT).success
    assert gate.most == limit
    info = durable.get_concurrency_info("db")
    assert (info.active_slot_count, info.pending_step_count) == (0, 0)


def test_no_more_steps_run_at_once_in_several_runs(on_file: Instance) -> None:
    gate = Gate()
    on_file.set_concurrency_limit("db", 1)
    made = four(gate, 0.02)
    runs = [made.launch(instance=on_file, executor=each) for each in (None, "threads", None)]
    assert [run.result(WAIT).success for run in runs] == [True] * 3
    assert gate.most == 1


def test_without_a_limit_all_run(on_file: Instance) -> None:
    barrier = threading.Barrier(2)

    @op(pool="db", out=None)
    def meets() -> None:
        barrier.wait(WAIT)

    @job
    def both() -> None:
        meets.alias("one")()
        meets.alias("other")()

    assert both.launch(instance=on_file, executor="threads").result(WAIT).success


@pytest.fixture
def held(on_file: Instance) -> Iterator[tuple[Run, threading.Event]]:
    """A run that has the only place, until it is let go."""
    gate = threading.Event()

    @op(pool="db", out=None)
    def holds() -> None:
        gate.wait(WAIT)

    @job
    def holder() -> None:
        holds()

    on_file.set_concurrency_limit("db", 1)
    run = holder.launch(instance=on_file)
    until(lambda: on_file.get_concurrency_info("db").active_slot_count == 1)
    yield run, gate
    gate.set()
    run.wait(WAIT)


@pytest.mark.parametrize("executor", [None, "threads"])
def test_a_step_that_waits_says_so_and_others_go_on(
    on_file: Instance, held: tuple[Run, threading.Event], executor: str | None
) -> None:
    @op(out=None)
    def free() -> None:
        pass

    @op(pool="db", out=None)
    def load() -> None:
        pass

    @job
    def both() -> None:
        load()
        free()

    run = both.launch(instance=on_file, executor=executor)
    until(lambda: on_file.get_concurrency_info("db").pending_step_count == 1)
    until(lambda: run.state.steps["load"].pool == "db")
    assert because_words(run.state.steps["load"]) == "waits for a place in the pool db"
    if executor == "threads":  # one place does not keep a worker from what is ready
        until(lambda: run.state.steps["free"].is_finished)
    held[1].set()
    assert run.result(WAIT).success
    (note,) = [e for e in run.events() if isinstance(e, EngineNote) and "waits" in e.text]
    assert note.text == "The step 'load' waits for a place in the pool 'db': 1 of 1 are taken."
    assert run.state.steps["load"].pool == ""


def test_a_step_that_waits_is_canceled_and_leaves_the_line(
    on_file: Instance, held: tuple[Run, threading.Event]
) -> None:
    run = four(Gate()).launch(instance=on_file)
    until(lambda: on_file.get_concurrency_info("db").pending_step_count == 1)
    run.cancel()
    assert run.wait(WAIT).status == "CANCELED"
    assert on_file.get_concurrency_info("db").pending_step_count == 0


def test_priority_goes_before_time(on_file: Instance, held: tuple[Run, threading.Event]) -> None:
    order: list[str] = []

    def waits(name: str, priority: int) -> Run:
        @op(name=name, pool="db", out=None, tags={"dagster/priority": str(priority)})
        def load() -> None:
            order.append(name)

        @graph(name=f"job_{name}")
        def made() -> None:
            load()

        run = made.to_job().launch(instance=on_file)
        until(lambda: run.state.steps.get(name) and run.state.steps[name].pool == "db")
        return run

    runs = [waits("early", 0), waits("urgent", 5), waits("last", -1)]
    held[1].set()
    for run in runs:
        run.result(WAIT)
    assert order == ["urgent", "early", "last"]


# --- other processes -----------------------------------------------------------------


@op(pool="db", out=None)
def never_ends() -> None:
    time.sleep(1000)


@job
def endless() -> None:
    never_ends()


@op(pool="db")
def quick() -> int:
    return 1


@job
def short() -> None:
    quick()


def test_a_place_of_a_killed_process_is_free(durable: Instance) -> None:
    durable.set_concurrency_limit("db", 1)
    run = endless.launch(instance=durable, detach=True)
    until(lambda: durable.get_concurrency_info("db").active_run_ids == [run.run_id])
    waits = short.launch(instance=durable)
    until(lambda: waits.state.steps.get("quick") and waits.state.steps["quick"].pool == "db")
    holder = durable.control.holder(run.run_id)
    assert holder is not None
    os.kill(holder.pid, signal.SIGKILL)
    assert waits.result(WAIT).success
    assert run.wait(WAIT).status == "FAILURE"
