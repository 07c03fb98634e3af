"""Worker processes: what travels to them, what is seen of them, and how they are lost."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import psutil
import pytest

from jobnb import (
    Instance,
    RetryPolicy,
    StepExecutionError,
    StepTimeoutError,
    WorkerLostError,
    failure_hook,
    job,
    mem_io_manager,
    multiprocess_executor,
    op,
    resource,
)
from jobnb.events import Logged, StepFailed, StepStarted
from jobnb.execution.executors.pool import pool
from tests.execution.executors.test_matrix import launched, states

IN_MEMORY = {"io_manager": mem_io_manager}
ONE = multiprocess_executor.configured({"max_concurrent": 1})


@op
def pid():
    return os.getpid()


@op
def one():
    return 1


@op
def plus_one(x):
    return x + 1


def test_workers_stay_warm_for_the_next_run(instance):
    @job
    def alone():
        pid()

    first, second = (launched(alone, instance, ONE).result() for _ in range(2))
    assert first.output_for_node("pid") == second.output_for_node("pid") != os.getpid()


def test_steps_run_in_several_processes_at_once(instance, trace):
    @op
    def waits_for_the_others():
        trace("is there")
        deadline = time.monotonic() + 60
        while len(trace.lines) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return os.getpid()

    @job
    def four():
        for n in range(4):
            waits_for_the_others.alias(f"n{n}")()

    wide = multiprocess_executor.configured({"max_concurrent": 4})
    result = launched(four, instance, wide).result()
    assert len({result.output_for_node(f"n{n}") for n in range(4)}) == 4


DEATHS = {
    "exit": lambda: os._exit(3),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": lambda: ctypes.string_at(0),
}


@pytest.mark.parametrize("way", DEATHS)
def test_what_a_step_wrote_and_logged_just_before_its_process_died_is_in_the_log(instance, way):
    death = DEATHS[way]

    @op
    def dies(context):
        print("printed")
        context.log.info("logged")
        print("printed after it")
        logging.getLogger("of.mine").warning("warned")
        os.write(2, b"written\nin two lines\n")
        death()

    @job
    def one_dies():
        dies()

    run = launched(one_dies, instance, ONE)
    with pytest.raises(WorkerLostError):
        run.result()
    lines = [event for event in run.events() if isinstance(event, Logged)]
    assert {event.step_key for event in lines} == {"dies"}
    assert [event.text for event in lines] == [
        "printed", "logged", "printed after it", "warned", "written", "in two lines",
    ]  # fmt: skip


def test_a_flood_of_lines_before_the_end_of_a_process_is_kept_but_for_the_last_moment(instance):
    @op
    def dies(context):
        for number in range(20_000):
            print("line", number)
        context.log.info("the last words")
        os._exit(3)

    @job
    def one_dies():
        dies()

    run = launched(one_dies, instance, ONE)
    run.wait(60)
    texts = [event.text for event in run.events() if isinstance(event, Logged)]
    lines = [line for text in texts for line in text.splitlines()]
    assert lines[:-1] == [f"line {number}" for number in range(20_000)]
    assert lines[-1] == "the last words"


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda: os._exit(3), "exit code 3"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "signal 9"),
        (lambda: ctypes.string_at(0), "signal 11"),
    ],
    ids=["exit", "kill", "segfault"],
)
def test_a_worker_that_is_gone_fails_its_step_and_no_other(instance, trace, end, words):
    @failure_hook
    def told(context):
        trace(f"hook {context.step_key}")

    @op
    def dies():
        trace("dies")
        end()

    @op
    def lives():
        time.sleep(0.2)
        return 1

    @job(hooks={told})
    def two():
        plus_one(dies())
        plus_one.alias("after")(lives())

    run = launched(two, instance, "multiprocess")
    assert run.status == "FAILURE"
    assert states(run) == {
        "dies": "failed",
        "plus_one": "skipped",
        "lives": "succeeded",
        "after": "succeeded",
    }
    with pytest.raises(WorkerLostError, match=rf"while it did 'dies': {words}"):
        run.result()
    assert trace.lines == ["dies", "hook dies"]
    [failed] = [event for event in run.events() if isinstance(event, StepFailed)]
    assert words in failed.error.message


def test_a_lost_step_is_tried_again_as_its_policy_says(instance, trace):
    @op(retry_policy=RetryPolicy(max_retries=2))
    def dies(context):
        trace(context.retry_number)
        if context.retry_number < 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return "made it"

    @job
    def alone():
        dies()

    result = launched(alone, instance, ONE).result()
    assert result.output_for_node("dies") == "made it"
    assert trace.lines == ["0", "1", "2"]
    assert result.retry_attempts_for_node("dies") == 2
    assert len([e for e in result.all_events if isinstance(e, StepStarted)]) == 1


def test_a_step_that_would_exit_fails(instance):
    @op
    def leaves():
        sys.exit(4)

    @job
    def alone():
        leaves()

    run = launched(alone, instance, ONE)
    assert states(run) == {"leaves": "failed"}
    with pytest.raises(WorkerLostError, match="SystemExit: 4"):
        run.result()


def test_what_is_written_anywhere_stands_under_its_step_while_it_runs(instance, tmp_path):
    gate = str(tmp_path / "gate")

    @op
    def writes():
        print("by Python")
        subprocess.run([sys.executable, "-c", "print('by a child')"], check=True)
        libc = ctypes.CDLL(None)
        libc.puts(b"by C")
        os.write(2, b"to the descriptor\n")
        while not os.path.exists(gate):
            time.sleep(0.01)
        print("at the end", end="")

    @job
    def talking():
        writes()

    def lines(run):
        found = [event for event in run.events() if isinstance(event, Logged)]
        assert {event.step_key for event in found} <= {"writes"}
        return {line: e.logger for e in found for line in e.text.splitlines()}

    run = talking.launch(instance=instance, executor=ONE)
    early = {"by Python": "stdout", "by a child": "stdout", "to the descriptor": "stderr"}
    deadline = time.monotonic() + 30
    while not early.keys() <= lines(run).keys():
        assert time.monotonic() < deadline, lines(run)
        time.sleep(0.02)
    assert not run.is_finished
    open(gate, "w").close()
    run.result(30)
    assert lines(run) == {**early, "by C": "stdout", "at the end": "stdout"}


def test_large_values_go_through_files_that_are_gone_at_the_end(instance, monkeypatch, tmp_path):
    import numpy as np

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    @op
    def large():
        return np.arange(1_000_000)

    @op
    def changed(x):
        x[0] = 7
        return x

    @op
    def look(x, y):
        return int(x[0]), int(y[0]), type(y.base).__name__

    @job(resource_defs=IN_MEMORY)
    def through():
        x = large()
        look(x, changed(x))

    run = launched(through, instance, "multiprocess")
    run.result()
    del run
    assert not [each for each in os.listdir(tmp_path) if each.startswith("jobnb-run-")]


def test_folders_of_processes_that_were_killed_are_removed(instance, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for pid in (gone.pid, os.getpid()):
        (tmp_path / f"jobnb-run-{pid}-abc").mkdir()
    (tmp_path / "jobnb-run-of-mine").mkdir()

    @job
    def alone():
        one()

    launched(alone, instance, ONE).result()
    left = {each for each in os.listdir(tmp_path) if each.startswith("jobnb-run-")}
    assert left == {f"jobnb-run-{os.getpid()}-abc", "jobnb-run-of-mine"}


def test_values_can_be_looked_at_after_the_run(monkeypatch):
    @op
    def large():
        return bytes(1_000_000)

    @job
    def alone():
        large()

    with Instance.ephemeral() as instance:
        result = launched(alone, instance, ONE).result()
        assert len(result.output_for_node("large")) == 1_000_000


def test_what_cannot_travel_is_named(instance):
    lock = threading.Lock()

    @op
    def locked():
        with lock:
            return 1

    @job
    def alone():
        locked()

    run = launched(alone, instance, ONE)
    with pytest.raises(StepExecutionError, match="the op 'locked' cannot be sent"):
        run.result()


def test_what_only_stands_beside_a_function_stays_here(instance):
    lock = threading.Lock()

    class Own:
        pass

    @op
    def typed() -> Own:
        return Own()

    @op
    def takes(x: Own) -> str:
        return type(x).__name__

    @job
    def two():
        takes(typed())

    assert launched(two, instance, ONE).result().output_for_node("takes") == "Own"
    assert lock.acquire(blocking=False)


def test_a_failure_tells_the_line_that_failed_elsewhere(instance):
    @op
    def broken():
        raise ValueError("the line of the worker")

    @job
    def alone():
        broken()

    with pytest.raises(ValueError, match="the line of the worker") as caught:
        launched(alone, instance, ONE).result()
    where, source = caught.value.__notes__
    assert where.startswith("in step 'broken' (test_processes.py, line ")
    assert 'raise ValueError("the line of the worker")' in source


class OddError(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def test_an_error_that_cannot_travel_is_told_in_words(instance):
    @op
    def odd():
        raise OddError("one", "two")

    @job
    def alone():
        odd()

    with pytest.raises(StepExecutionError, match="OddError: one and two"):
        launched(alone, instance, ONE).result()


def test_a_canceled_run_leaves_no_process_behind(instance, trace):
    @resource
    def database(context):
        trace("open")
        yield 1
        trace("close")

    @op(required_resource_keys={"database"})
    def parent():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        trace(child.pid)
        while True:
            time.sleep(0.05)

    @job(resource_defs={"database": database})
    def endless():
        parent()

    run = endless.launch(instance=instance, executor=ONE)
    while len(trace.lines) < 2:
        time.sleep(0.01)
    began = time.monotonic()
    run.cancel()
    assert run.wait(10).status == "CANCELED"
    assert time.monotonic() - began < 2
    opened, child, closed = trace.lines
    assert (opened, closed) == ("open", "close")
    gone = time.monotonic() + 2
    while psutil.pid_exists(int(child)) and psutil.Process(int(child)).status() != "zombie":
        assert time.monotonic() < gone
        time.sleep(0.01)


def test_a_step_that_is_stuck_in_c_is_ended_with_its_process(instance, trace):
    @op
    def stuck():
        trace("began")
        ctypes.CDLL(None).sleep(600)

    @job
    def endless():
        stuck()

    run = endless.launch(instance=instance, executor=ONE)
    while not trace.lines:
        time.sleep(0.01)
    began = time.monotonic()
    run.cancel()
    assert run.wait(10).status == "CANCELED"
    assert time.monotonic() - began < 2.5


def test_a_step_that_takes_too_long_is_ended_even_in_c(instance, trace):
    @op(tags={"dagster/step_timeout": "0.5"})
    def stuck():
        ctypes.CDLL(None).sleep(600)

    @job
    def late():
        plus_one(stuck())
        one()

    run = launched(late, instance, "multiprocess")
    with pytest.raises(StepTimeoutError, match="'stuck' took longer than 0.5 s"):
        run.result()
    assert states(run) == {"stuck": "failed", "plus_one": "skipped", "one": "succeeded"}


def test_no_more_than_are_allowed_run_at_once(instance, trace):
    @op(tags={"db": "main"})
    def busy():
        trace("+")
        time.sleep(0.05)
        trace("-")

    @job
    def four():
        for n in range(4):
            busy.alias(f"n{n}")()

    limits = {"max_concurrent": 2, "tag_concurrency_limits": [{"key": "db", "limit": 1}]}
    launched(four, instance, multiprocess_executor.configured(limits)).result()
    assert "".join(trace.lines) == "+-" * 4


def test_a_module_that_was_changed_is_imported_anew(instance, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "mine_for_workers.py"
    file.write_text("def value():\n    return 1\n")
    import mine_for_workers

    @op
    def uses():
        import mine_for_workers

        return mine_for_workers.value()

    @job
    def alone():
        uses()

    assert launched(alone, instance, ONE).result().output_for_node("uses") == 1
    file.write_text("def value():\n    return 22\n")
    os.utime(file, (time.time() + 5,) * 2)
    assert launched(alone, instance, ONE).result().output_for_node("uses") == 22
    assert mine_for_workers.value() == 1


def test_definitions_of_a_notebooks_cells_travel(tmp_path):
    """A program of its own, whose `__main__` defines all that the steps use."""
    program = textwrap.dedent(
        """
        import os
        from jobnb import Config, IOManager, Instance, io_manager, job, op

        class Point:
            def __init__(self, x):
                self.x = x

        class Scale(Config):
            factor: int = 3

        class Kept(IOManager):
            def handle_output(self, context, obj):
                open(os.path.join(FOLDER, context.step_key), "w").write(str(obj.x))

            def load_input(self, context):
                path = os.path.join(FOLDER, context.upstream_output.step_key)
                return Point(int(open(path).read()))

        FOLDER = "the folder"

        def helper(x):
            return Point(x)

        @io_manager
        def kept():
            return Kept()

        @op
        def first():
            return helper(2)

        @op
        def second(config: Scale, point):
            assert isinstance(point, Point)
            return helper(point.x * config.factor)

        @job(resource_defs={"io_manager": kept})
        def both():
            second(first())

        if __name__ == "__main__":
            with Instance.local_temp() as instance:
                result = both.launch(instance=instance, executor="multiprocess").result()
                value = result.output_for_node("second")
                print(type(value) is Point, value.x)
        """
    ).replace("the folder", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-"], input=program, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "True 6\n"
    assert done.stderr == ""


def test_workers_end_with_their_parent(tmp_path):
    """Also where that is killed, and while a step goes on."""
    program = textwrap.dedent(
        """
        import os, time
        from jobnb import Instance, job, op

        @op
        def waits():
            print(os.getpid(), flush=True)
            open(PATH, "w").write(str(os.getpid()))
            while True:
                time.sleep(0.05)

        PATH = "the path"

        @job
        def endless():
            waits()

        with Instance.local_temp() as instance:
            endless.launch(instance=instance, executor="multiprocess").wait()
        """
    ).replace("the path", str(tmp_path / "pid"))
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    worker = int((tmp_path / "pid").read_text())
    parent.kill()
    parent.wait()
    while psutil.pid_exists(worker) and psutil.Process(worker).status() != "zombie":
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.parametrize("executor", ["threads", "multiprocess"])
@pytest.mark.parametrize("deed", ["returns", "raises"])
def test_a_copy_of_the_process_does_nothing_of_the_run(instance, trace, executor, deed):
    @op
    def forks(context):
        child = os.fork()
        if child:
            trace(f"code {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}")
            return "of the parent"
        context.log.info("from the child")
        if deed == "raises":
            raise ValueError("in the child")
        return "of the child"

    @op
    def after(x):
        trace(f"after {x}")

    @job
    def forking():
        after(forks())

    run = launched(forking, instance, executor)
    assert run.result().output_for_node("forks") == "of the parent"
    assert trace.lines == ["code 1", "after of the parent"]
    ends = [event.step_key for event in run.events() if event.event_type_value == "STEP_SUCCESS"]
    assert ends == ["forks", "after"]
    logged = [e.text for e in run.events() if isinstance(e, Logged) and not e.logger]
    assert not any("the child" in text for text in logged)


def test_the_pool_ends_what_has_nothing_to_do():
    worker = pool.take()
    assert worker.is_there
    pool.end(worker)
    assert not worker.is_there
