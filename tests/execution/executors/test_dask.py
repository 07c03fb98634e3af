"""A Dask cluster: one that is there and one of a run's own, values that stay, workers lost."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from jobnb import (
    Instance,
    InvalidDefinitionError,
    JobnbError,
    RetryPolicy,
    dask_executor,
    job,
    mem_io_manager,
    op,
)
from jobnb.events import EngineNote, StepStarted, StepSucceeded
from tests.execution.executors.test_matrix import launched, states
from tests.execution.until import WAIT, until

distributed = pytest.importorskip("distributed")
IN_MEMORY = {"io_manager": mem_io_manager}


@pytest.fixture
def there(cluster):
    return dask_executor.configured({"address": cluster})


@op
def pid():
    time.sleep(0.05)
    return os.getpid()


@op
def one():
    return 1


@op
def plus_one(x):
    return x + 1


def test_a_cluster_of_its_own_is_made_and_ended(tmp_path):
    @job
    def two():
        pid.alias("a")()
        pid.alias("b")()

    local = {"n_workers": 1, "threads_per_worker": 2, "processes": False}
    own = dask_executor.configured({"cluster": {"local": local}})
    with Instance.ephemeral() as instance:
        result = launched(two, instance, own).result()
    assert result.output_for_node("a") == os.getpid()
    with pytest.raises(ValueError, match="No client"):
        distributed.default_client()


def test_the_client_that_is_there_is_used(instance, cluster):
    @job
    def alone():
        pid()

    with distributed.Client(cluster) as client:
        run = launched(alone, instance, "dask")
        assert run.result().output_for_node("pid") != os.getpid()
        assert client.status == "running"
    notes = [event.text for event in run.events() if isinstance(event, EngineNote)]
    assert any(cluster in note for note in notes)


def test_large_values_stay_on_their_worker_until_they_are_asked_for(instance, there):
    @op
    def large():
        return bytes(1_000_000)

    @op
    def length(x):
        return len(x)

    @job(resource_defs=IN_MEMORY)
    def through():
        length(large())

    assert launched(through, instance, there).status == "SUCCESS"
    with Instance.ephemeral() as memory:
        result = launched(through, memory, there).result()
        assert result.output_for_node("length") == 1_000_000
        assert result.output_for_node("large") == bytes(1_000_000)


def test_a_step_whose_worker_is_lost_is_done_again(instance, there, trace):
    @op
    def dies():
        trace("dies")
        if len(trace.lines) == 1:
            time.sleep(0.3)  # what it has told is on its way
            os.kill(os.getpid(), signal.SIGKILL)
        return "made it"

    @job
    def two():
        dies()
        plus_one(one())

    run = launched(two, instance, there)
    assert run.result().output_for_node("dies") == "made it"
    assert states(run) == {"dies": "succeeded", "plus_one": "succeeded", "one": "succeeded"}
    starts = [e.step_key for e in run.events() if isinstance(e, StepStarted)]
    ends = [e.step_key for e in run.events() if isinstance(e, StepSucceeded)]
    assert sorted(starts) == sorted(ends) == ["dies", "one", "plus_one"]


def test_retries_and_failures_are_as_everywhere(instance, there, trace):
    @op(retry_policy=RetryPolicy(max_retries=1, delay=0.05))
    def shaky(context):
        if not context.retry_number:
            raise ValueError("not yet")
        return 1

    @job
    def trying():
        plus_one(shaky())

    result = launched(trying, instance, there).result()
    assert result.retry_attempts_for_node("shaky") == 1


def test_what_a_step_needs_of_a_worker_comes_from_its_tag(instance, cluster):
    @op(tags={"dagster-dask/resource_requirements": '{"GPU": 1}'})
    def on_gpu():
        return distributed.get_worker().name

    @op(tags={"dagster-dask/resource_requirements": "GPU"})
    def wrong():
        return 1

    @job
    def needing():
        on_gpu()

    @job
    def odd():
        wrong()

    special = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", resources={"GPU": 1},
        processes=False, name="gpus", silence_logs="ERROR",
    )  # fmt: skip
    with special:
        there = dask_executor.configured({"address": special.scheduler_address})
        assert launched(needing, instance, there).status == "SUCCESS"
        with pytest.raises(InvalidDefinitionError, match="Give JSON such as"):
            launched(odd, instance, there).result()


def test_no_scheduler_is_told_in_words(instance):
    @job
    def alone():
        one()

    nowhere = dask_executor.configured({"address": "tcp://127.0.0.1:1"})
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.5s"}),
        pytest.raises(JobnbError, match="no Dask scheduler at 'tcp://127.0.0.1:1'"),
    ):
        launched(alone, instance, nowhere).result()


def test_an_address_that_is_none_says_how_one_is_written(instance):
    @job
    def alone():
        one()

    nowhere = dask_executor.configured({"address": "scheduler"})
    with pytest.raises(
        JobnbError, match=r"no Dask scheduler at 'scheduler'.*'tcp://scheduler:8786'"
    ):
        launched(alone, instance, nowhere).result()


def test_parameters_that_no_local_cluster_has_are_told(instance):
    @job
    def alone():
        one()

    wrong = {"processes": False, "n_workers": 1, "threads": 2, "dashboard_address": ":0"}
    made = dask_executor.configured({"cluster": {"local": wrong}})
    with pytest.raises(
        JobnbError, match=r"no Dask cluster with .*'threads': 2.*distributed\.Local"
    ):
        launched(alone, instance, made).result()


def test_without_dask_it_says_how_to_get_it(instance, monkeypatch):
    @job
    def alone():
        one()

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidDefinitionError, match=r"pip install 'jobnb\[dask\]'"):
        launched(alone, instance, "dask").result()


@op(out=None)
def lets_nothing_else_run(context):
    Path(context.op_config["to"]).write_text(str(os.getpid()))
    ctypes.PyDLL(None).sleep(1000)  # with the interpreter's lock: its worker does not answer


@job
def stuck():
    lets_nothing_else_run()


def stuck_and_canceled(instance, executor, tmp_path):
    """The process of the worker that was stuck."""
    told = tmp_path / "stuck"
    config = {"ops": {"lets_nothing_else_run": {"config": {"to": str(told)}}}}
    run = stuck.launch(instance=instance, executor=executor, config=config)
    until(lambda: told.exists() and told.read_text())
    assert run.cancel("Enough.")
    assert run.wait(WAIT).status == "CANCELED"
    notes = [event.text for event in run.events() if isinstance(event, EngineNote)]
    assert any("does not stop" in note for note in notes)
    return int(told.read_text())


def test_a_worker_that_is_stuck_in_c_is_ended_with_its_run(tmp_path):
    local = {"n_workers": 1, "threads_per_worker": 1}
    own = dask_executor.configured({"cluster": {"local": local}})
    with Instance.ephemeral() as instance:
        pid = stuck_and_canceled(instance, own, tmp_path)
    assert not psutil.pid_exists(pid)


def test_a_worker_of_another_cluster_that_is_stuck_in_c_is_ended_by_its_nanny(instance, tmp_path):
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0"
    ) as another:
        there = dask_executor.configured({"address": another.scheduler_address})
        pid = stuck_and_canceled(instance, there, tmp_path)
        until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie")


def test_short_steps_go_to_a_worker_several_at_once(instance, there):
    @job(resource_defs=IN_MEMORY)
    def many():
        for n in range(300):
            plus_one.alias(f"n{n}")(one.alias(f"one{n}")())

    run = launched(many, instance, there)
    assert run.status == "SUCCESS"
    assert len([e for e in run.events() if isinstance(e, StepSucceeded)]) == 600


def test_a_scheduler_that_is_killed_ends_the_run(instance, tmp_path, trace):
    """The run does not wait for a cluster that nobody answers for."""
    told = tmp_path / "scheduler.json"
    shared = ["--scheduler-file", str(told), "--no-dashboard"]
    started = []

    def start(*words):
        command = [sys.executable, "-m", *words, *shared]
        started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        return started[-1]

    @op
    def waits():
        trace("began")
        time.sleep(600)

    @job
    def waiting():
        waits()

    try:
        scheduler = start("distributed.cli.dask_scheduler", "--port", "0")
        start("distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1")
        deadline = time.monotonic() + 200
        while not (told.exists() and told.read_text().endswith("}")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        there = dask_executor.configured({"address": json.loads(told.read_text())["address"]})
        run = waiting.launch(instance=instance, executor=there)
        while not trace.lines:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        scheduler.kill()
        assert run.wait(120).status == "FAILURE"
        assert "Dask cluster" in run.state.error.message  # in whatever order it is noticed
    finally:
        for process in started:
            process.kill()
            process.wait()
