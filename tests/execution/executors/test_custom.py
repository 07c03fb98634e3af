"""Executors of the user's own: run by what they give, or refused in words."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from jobnb import (
    DynamicOut,
    DynamicOutput,
    Executor,
    ExecutorDefinition,
    Instance,
    InvariantViolationError,
    RetryPolicy,
    RetryRequested,
    UnmetExecutorRequirementsError,
    execute_job,
    executor,
    in_process_executor,
    job,
    op,
    resource,
    thread_executor,
)
from jobnb.definitions.jobs.executor_object import (
    InProcessExecutor,
    MultiprocessExecutor,
    RetryMode,
)
from tests.execution.executors.test_matrix import launched, same_as_in_process, states

SPAWN = multiprocessing.get_context("spawn")


@executor(config_schema={"workers": int})
def threads_of_mine(init_context):
    workers = init_context.executor_config["workers"]
    return ThreadPoolExecutor(workers, thread_name_prefix="of mine")


@executor
def processes_of_mine(init_context):
    return ProcessPoolExecutor(1, mp_context=SPAWN)


class OneByOne:
    """The smallest executor there can be."""

    max_workers = 1

    def __init__(self):
        self.done = 0
        self.ended = False

    def submit(self, function, *arguments):
        future = Future()
        future.set_result(function(*arguments))
        self.done += 1
        return future

    def shutdown(self):
        self.ended = True


@op
def one():
    return 1


@op
def where():
    return threading.current_thread().name


@op
def pid():
    return os.getpid()


@op(out=DynamicOut())
def parts():
    for n in range(3):
        yield DynamicOutput(n, str(n))


@op(retry_policy=RetryPolicy(max_retries=1))
def shaky(context, x):
    if x == 1 and not context.retry_number:
        raise ValueError("not yet")
    if x == 2:
        raise ValueError("never")
    return x


@op
def total(xs: list):
    return sum(xs)


@job
def everything():
    parts().map(shaky)
    total([one(), one.alias("other")()])


def test_a_pool_of_threads_runs_steps_here(instance):
    @job(executor_def=threads_of_mine.configured({"workers": 2}))
    def alone():
        where()

    run = alone.launch(instance=instance)
    assert run.result(30).output_for_node("where").startswith("of mine")


def test_a_pool_of_processes_runs_steps_there(instance):
    @job(executor_def=processes_of_mine)
    def alone():
        pid()

    run = alone.launch(instance=instance)
    assert run.result(60).output_for_node("pid") != os.getpid()


@pytest.mark.parametrize("kind", ["threads", "processes", "one by one"])
def test_a_run_is_as_with_any_other_executor(instance, kind):
    made = OneByOne()
    given = {
        "threads": threads_of_mine.configured({"workers": 3}),
        "processes": processes_of_mine,
        "one by one": ExecutorDefinition("mine", executor_creation_fn=lambda _context: made),
    }
    result = same_as_in_process(everything, instance, given[kind])
    assert result.output_for_node("total") == 2
    assert result.get_failed_step_keys() == {"shaky[2]"}
    if kind == "one by one":
        assert made.done > 0
        assert made.ended


def test_a_pool_that_breaks_fails_the_step(instance):
    @op
    def dies():
        os._exit(1)

    @job
    def alone():
        dies()

    run = launched(alone, instance, processes_of_mine)
    assert states(run) == {"dies": "failed"}
    with pytest.raises(Exception, match="BrokenProcessPool"):
        run.result()


def test_what_gives_no_pool_is_refused(instance):
    @executor
    def odd(_init_context):
        return 7

    @job
    def alone():
        one()

    with pytest.raises(UnmetExecutorRequirementsError, match="'odd' gave a int"):
        launched(alone, instance, odd).result()
    with pytest.raises(UnmetExecutorRequirementsError, match="no function that makes it"):
        launched(alone, instance, ExecutorDefinition("empty")).result()


LENT = []


class Lent:
    """A pool that others go on with."""

    max_workers = 2

    def submit(self, *work):
        return LENT[-1].submit(*work)


@executor
def lent(_init_context):
    from tests.execution.executors.test_custom import Lent  # not to be sent along

    return Lent()


def test_resources_are_torn_down_at_the_end_of_the_run_in_each_process(instance, trace):
    """Also where the pool is the user's own, and goes on."""
    with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
        LENT.append(pool)

        @resource
        def database(context):
            trace(f"open {os.getpid()}")
            yield 1
            trace(f"close {os.getpid()}")

        @op(required_resource_keys={"database"})
        def works():
            time.sleep(0.2)

        @job(resource_defs={"database": database}, executor_def=lent)
        def working():
            for n in range(4):
                works.alias(f"works_{n}")()

        assert working.launch(instance=instance).wait(120).status == "SUCCESS"
        opened = sorted(line.split()[1] for line in trace.lines if line.startswith("open"))
        closed = sorted(line.split()[1] for line in trace.lines if line.startswith("close"))
        assert opened == closed
        assert opened


class Watching(Executor):
    """Hands the steps to another executor, and keeps what it hears."""

    def __init__(self, inner, heard, *, most=None):
        self.inner, self.heard, self.most = inner, heard, most

    @property
    def retries(self):
        return self.inner.retries

    def execute(self, plan_context, execution_plan):
        self.heard.append((plan_context.job_name, tuple(execution_plan.step_keys)))
        for event in self.inner.execute(plan_context, execution_plan):
            if event.is_step_success or event.is_step_restarted:
                self.heard.append((event.event_type_value, event.step_key, event.job_name))
            yield event
            if len(self.heard) == self.most:
                return


def watching(inner, heard, **more):
    return ExecutorDefinition(
        "watching", executor_creation_fn=lambda context: Watching(inner(context), heard, **more)
    )


@op
def flaky(context):
    context.log.info("at it")
    if not context.retry_number:
        raise RetryRequested(1)
    return 1


@pytest.mark.parametrize("inner", [in_process_executor, thread_executor])
def test_an_executor_of_the_users_hears_events_as_the_steps_run(inner):
    heard = []

    @op
    def last(given):
        heard.append("last runs")

    @job(executor_def=watching(inner.executor_creation_fn, heard))
    def two():
        last(flaky())

    with Instance.ephemeral() as instance:
        assert execute_job(two, instance).success
    assert heard[0] == ("two", ("flaky", "last"))
    told = [each for each in heard[1:] if each != "last runs"]
    assert told == [
        ("STEP_RESTARTED", "flaky", "two"),
        ("STEP_SUCCESS", "flaky", "two"),
        ("STEP_SUCCESS", "last", "two"),
    ]
    if inner is in_process_executor:
        assert heard[3] == "last runs"  # it hears of one step before the next begins


def test_an_executor_of_the_users_says_whether_steps_are_retried():
    @job(executor_def=watching(lambda _context: InProcessExecutor(RetryMode.DISABLED), []))
    def once():
        flaky()

    with Instance.ephemeral() as instance:
        result = execute_job(once, instance)
    assert not result.success
    assert not result.retry_attempts_for_node("flaky")


def test_an_executor_that_ends_before_its_steps_fails_the_run():
    @op
    def second(given):
        raise AssertionError

    @job(executor_def=watching(in_process_executor.executor_creation_fn, [], most=3))
    def cut():
        second(flaky())

    with (
        Instance.ephemeral() as instance,
        pytest.raises(InvariantViolationError, match=r"'watching' ended without the steps second"),
    ):
        execute_job(cut, instance, raise_on_error=True)


def test_executors_under_dagsters_names_have_their_config():
    made = MultiprocessExecutor(RetryMode.ENABLED, 2, [{"key": "db", "limit": 1}], "spawn")
    assert made.retries.enabled
    assert made._config == {
        "retries": {"enabled": {}},
        "max_concurrent": 2,
        "tag_concurrency_limits": [{"key": "db", "limit": 1}],
        "start_method": {"spawn": {}},
    }
    assert InProcessExecutor(RetryMode.DISABLED).retries.disabled
    with pytest.raises(TypeError, match="abstract"):
        Executor()
