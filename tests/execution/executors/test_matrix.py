"""What a run does, with every executor: the same events, results and history."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import psutil
import pytest

from jobnb import (
    AssetCheckResult,
    AssetKey,
    AssetMaterialization,
    Backoff,
    Config,
    DailyPartitionsDefinition,
    Definitions,
    DynamicOut,
    DynamicOutput,
    Failure,
    In,
    IOManager,
    MaterializeResult,
    Nothing,
    Out,
    Output,
    RetryPolicy,
    RetryRequested,
    RunConfig,
    Session,
    StepExecutionError,
    asset,
    asset_check,
    failure_hook,
    get_jobnb_logger,
    graph,
    io_manager,
    job,
    mem_io_manager,
    op,
    resource,
    success_hook,
)
from jobnb import events as ev
from jobnb.definitions.metadata import from_json
from tests.execution.executors.conftest import by_step


def launched(made, instance, executor, **more):
    run = made.launch(instance=instance, executor=executor, **more)
    assert run.wait(60).is_finished
    return run


def states(run):
    return {key: step.status.value for key, step in run.state.steps.items()}


def same_as_in_process(made, instance, executor, **more):
    """The result of a run, whose events are those of a run in process."""
    run = launched(made, instance, executor, **more)
    plain = launched(made, instance, "in_process", **more)
    if run.status != plain.status:
        run.result()  # raises what went wrong
    assert by_step(run.events()) == by_step(plain.events())
    assert states(run) == states(plain)
    assert run.status == plain.status
    stored = [event.event_type for event in instance.events(run.run_id)]
    assert stored == [event.event_type for event in run.events()]
    return run.result(raise_on_error=False)


# --- results -------------------------------------------------------------------------


@op
def one():
    return 1


@op
def plus_one(x):
    return x + 1


@op
def total(xs: list):
    return sum(xs)


def test_values_go_from_step_to_step(executor, instance):
    @job
    def diamond():
        x = one()
        total([plus_one.alias("left")(x), plus_one.alias("right")(plus_one(x))])

    result = same_as_in_process(diamond, instance, executor)
    assert result.success
    assert result.output_for_node("total") == 5
    assert result.output_for_node("left") == 2


def test_values_stay_in_memory_where_the_job_says_so(executor, instance):
    @job(resource_defs={"io_manager": mem_io_manager})
    def chain():
        total([plus_one(one()), one.alias("other")()])

    run = launched(chain, instance, executor)
    assert run.result().success
    assert states(run) == dict.fromkeys(("one", "plus_one", "other", "total"), "succeeded")


def test_several_outputs_some_of_which_do_not_come(executor, instance):
    @op(out={"a": Out(is_required=False), "b": Out(is_required=False)})
    def branch():
        yield Output(1, "a")

    @job
    def branching():
        a, b = branch()
        plus_one.alias("taken")(a)
        plus_one.alias("left_out")(b)
        total([a, b])

    result = same_as_in_process(branching, instance, executor)
    assert result.output_for_node("total") == 1
    assert result.is_node_skipped("left_out")


def test_order_alone(executor, instance, trace):
    @op(out=Out(Nothing))
    def first():
        trace("first")

    @op(ins={"before": In(Nothing)})
    def second():
        trace("second")

    @job
    def ordered():
        second(first())

    same_as_in_process(ordered, instance, executor)
    assert trace.lines == ["first", "second"] * 2


class Scale(Config):
    factor: int = 2


def test_config_and_nested_graphs(executor, instance):
    @op
    def scaled(config: Scale, x):
        return x * config.factor

    @graph
    def inner(x):
        return plus_one(scaled(x))

    @job
    def nested():
        inner(one())

    config = RunConfig(ops={"inner": {"ops": {"scaled": Scale(factor=10)}}})
    result = same_as_in_process(nested, instance, executor, config=config)
    assert result.output_for_node("inner.plus_one") == 11


# --- dynamic outputs -----------------------------------------------------------------


@op(out=DynamicOut())
def parts():
    for n in range(4):
        yield DynamicOutput(n, f"k{n}")


def test_mapped_and_collected(executor, instance):
    @job
    def mapped():
        total(parts().map(lambda x: plus_one.alias("again")(plus_one(x))).collect())

    result = same_as_in_process(mapped, instance, executor)
    assert result.output_for_node("total") == 0 + 1 + 2 + 3 + 8
    assert list(result.output_for_node("again").items()) == [(f"k{n}", n + 2) for n in range(4)]


def test_a_mapped_step_that_fails_for_one_element(executor, instance):
    @op
    def picky(x):
        if x == 2:
            raise ValueError("not two")
        return x

    @job
    def mapped():
        total(parts().map(lambda x: plus_one(picky(x))).collect())

    result = same_as_in_process(mapped, instance, executor)
    assert result.get_failed_step_keys() == {"picky[k2]"}
    assert result.output_for_node("plus_one") == {"k0": 1, "k1": 2, "k3": 4}


def test_no_elements_at_all(executor, instance):
    @op(out=DynamicOut())
    def none():
        return []

    @job
    def mapped():
        total(none().map(plus_one).collect())

    assert same_as_in_process(mapped, instance, executor).output_for_node("total") == 0


# --- failures and retries ------------------------------------------------------------


def test_a_failure_skips_what_needs_it_and_nothing_else(executor, instance):
    @op
    def broken(x):
        raise Failure("it is broken", metadata={"rows": 3})

    @job
    def partly():
        x = one()
        plus_one(broken(x))
        plus_one.alias("other")(x)

    result = same_as_in_process(partly, instance, executor)
    assert not result.success
    data = result.failure_data_for_node("broken")
    assert (data.error.cls_name, data.error.message) == ("Failure", "it is broken")
    assert data.metadata["rows"] is not None
    assert "raise Failure" in data.error.source
    with pytest.raises(Failure, match="it is broken"):
        launched(partly, instance, executor).result()


def test_retries(executor, instance, trace):
    @op(retry_policy=RetryPolicy(max_retries=2, delay=0.01, backoff=Backoff.LINEAR))
    def shaky(context):
        trace(context.retry_number)
        if context.retry_number < 2:
            raise ValueError("not yet")
        return context.retry_number

    @op
    def asks(context):
        if not context.retry_number:
            raise RetryRequested(max_retries=1)
        return "asked"

    @job
    def trying():
        shaky()
        asks()

    result = same_as_in_process(trying, instance, executor)
    assert result.output_for_node("shaky") == 2
    assert result.output_for_node("asks") == "asked"
    assert trace.lines == ["0", "1", "2"] * 2
    assert result.retry_attempts_for_node("shaky") == 2


def test_retries_that_are_not_enough(executor, instance):
    @op(retry_policy=RetryPolicy(max_retries=1))
    def never():
        raise ValueError("never")

    @job
    def trying():
        plus_one(never())

    result = same_as_in_process(trying, instance, executor)
    assert result.is_node_failed("never")
    assert result.is_node_skipped("plus_one")


# --- hooks ---------------------------------------------------------------------------


def test_hooks_run_after_their_step(executor, instance, trace):
    @success_hook
    def went_well(context):
        trace(f"well {context.step_key} {context.op_output_values['result']}")

    @failure_hook
    def went_wrong(context):
        trace(f"wrong {context.step_key} {context.op_exception}")

    @failure_hook
    def bad_hook(context):
        raise KeyError("hook")

    @op
    def broken():
        raise ValueError("no")

    @job(hooks={went_well, went_wrong, bad_hook})
    def hooked():
        one()
        broken()

    same_as_in_process(hooked, instance, executor)
    assert sorted(trace.lines) == ["well one 1"] * 2 + ["wrong broken no"] * 2


# --- resources and IO managers -------------------------------------------------------


def test_resources_are_set_up_and_torn_down_once_in_each_process(executor, instance, trace):
    @resource(config_schema={"name": str})
    def database(context):
        trace(f"open {os.getpid()}")
        yield context.resource_config["name"]
        trace(f"close {os.getpid()}")

    @op(required_resource_keys={"database"})
    def ask(context):
        time.sleep(0.02)
        return context.resources.database

    @op
    def total_of(xs: list):
        return "".join(xs)

    @job(resource_defs={"database": database.configured({"name": "main"})})
    def asking():
        total_of([ask.alias(f"ask_{n}")() for n in range(4)])

    run = launched(asking, instance, executor)
    assert run.result().output_for_node("total_of") == "main" * 4
    opened = [line for line in trace.lines if line.startswith("open")]
    closed = [line for line in trace.lines if line.startswith("close")]
    assert len(set(opened)) == len(opened) >= 1
    assert sorted(line.replace("close", "open") for line in closed) == sorted(opened)


def test_a_resource_that_cannot_be_set_up(executor, instance):
    @resource
    def broken(context):
        raise ValueError("no such host")

    @op(required_resource_keys={"db"})
    def ask(context):
        return 1

    @job(resource_defs={"db": broken})
    def asking():
        ask()

    run = launched(asking, instance, executor)
    assert run.status == "FAILURE"
    with pytest.raises(Exception, match="no such host"):
        run.result()


class Folder(IOManager):
    def __init__(self, path):
        self.path = path

    def handle_output(self, context, obj):
        name = "_".join(context.get_identifier()[1:])
        with open(f"{self.path}/{name}", "w") as file:
            file.write(str(obj))
        return {"bytes": len(str(obj))}

    def load_input(self, context):
        name = "_".join(context.upstream_output.get_identifier()[1:])
        with open(f"{self.path}/{name}") as file:
            return int(file.read())


def test_io_managers_store_and_load(executor, instance, tmp_path):
    path = str(tmp_path)

    @io_manager
    def folder():
        return Folder(path)

    @job(resource_defs={"io_manager": folder})
    def stored():
        plus_one(one())

    result = same_as_in_process(stored, instance, executor)
    assert result.output_for_node("plus_one") == 2
    assert (tmp_path / "plus_one_result").read_text() == "2"


# --- assets, checks and partitions ---------------------------------------------------


def assets_of(trace):
    @asset
    def orders(context):
        context.add_output_metadata({"rows": 2})
        return [1, 2]

    @asset
    def revenue(orders):
        return MaterializeResult(value=sum(orders), metadata={"sum": sum(orders)})

    @asset_check(asset=orders)
    def not_empty(orders):
        return AssetCheckResult(passed=bool(orders), metadata={"n": len(orders)})

    return [orders, revenue], [not_empty]


def test_assets_are_made_checked_and_told_of(executor, instance, trace, monkeypatch):
    made, checks = assets_of(trace)
    definitions = Definitions(assets=made, asset_checks=checks)
    everything = definitions.get_implicit_global_asset_job_def()
    result = same_as_in_process(everything, instance, executor)
    assert result.asset_value("revenue") == 3
    [check] = result.get_asset_check_evaluations()
    assert check.passed
    last = instance.get_latest_materialization_event(AssetKey("orders"))
    assert last.asset_materialization.metadata["rows"].value == 2
    tags = last.asset_materialization.tags
    assert tags["dagster/data_version"]
    assert not any("jobnb/" in key and "given" in key for key in tags)


def test_versions_follow_from_what_was_read(executor, instance, trace):
    made, _ = assets_of(trace)
    everything = Definitions(assets=made).get_implicit_global_asset_job_def()
    launched(everything, instance, executor).result()
    orders = instance.get_latest_materialization_event(
        AssetKey("orders")
    ).asset_materialization.tags
    revenue = instance.get_latest_materialization_event(
        AssetKey("revenue")
    ).asset_materialization.tags
    assert revenue["dagster/input_data_version/orders"] == orders["dagster/data_version"]


def test_a_blocking_check_that_fails_skips_what_comes_after(executor, instance):
    @asset
    def orders():
        return []

    @asset_check(asset=orders, blocking=True)
    def not_empty(orders):
        return AssetCheckResult(passed=bool(orders))

    @asset
    def revenue(orders):
        return sum(orders)

    definitions = Definitions(assets=[orders, revenue], asset_checks=[not_empty])
    made = definitions.get_implicit_global_asset_job_def()
    result = same_as_in_process(made, instance, executor)
    assert result.is_node_skipped("revenue")


def test_partitions(executor, instance):
    days = DailyPartitionsDefinition("2024-01-01", end_date="2024-01-04")

    @asset(partitions_def=days)
    def daily(context):
        return context.partition_key

    @asset(partitions_def=days)
    def upper(daily):
        return f"made of {daily}"

    made = Definitions(assets=[daily, upper]).get_implicit_global_asset_job_def()
    result = same_as_in_process(made, instance, executor, partition="2024-01-02")
    assert result.asset_value("upper") == "made of 2024-01-02"
    assert instance.get_materialized_partitions(result.plan.asset_keys[0]) == {"2024-01-02"}


def test_a_session_materializes(executor, instance):
    session = Session(home=str(instance.home))
    made, checks = assets_of(None)
    session.add(Definitions(assets=made, asset_checks=checks))
    result = session.materialize("*revenue", executor=executor)
    assert result.asset_value("revenue") == 3
    assert session.value("revenue") == 3


# --- what it says --------------------------------------------------------------------


def test_lines_stand_under_their_step(executor, instance):
    @op
    def talks(context, x):
        print(f"printed by {context.op_handle}")
        context.log.info("logged by %s", context.op_handle)
        get_jobnb_logger("mine").warning("own logger in %s", context.op_handle)
        context.log_event(AssetMaterialization("told", metadata={"n": 1}))
        return x

    @job
    def talking():
        x = one()
        for name in ("a", "b", "c"):
            talks.alias(name)(x)

    run = launched(talking, instance, executor)
    run.result()
    lines = {}
    for event in run.result().log_lines:
        lines.setdefault(event.step_key, set()).add(event.text)
    for name in ("a", "b", "c"):
        assert {
            f"printed by {name}",
            f"logged by {name}",
            f"own logger in {name}",
        } <= lines[name]


@pytest.mark.parametrize("executor", ["multiprocess", "dask"], indirect=True)
def test_a_value_that_cannot_travel_fails_its_step_once(executor, instance):
    @op
    def locks():
        return threading.Lock()

    @op
    def uses(lock):
        return 1

    @job(resource_defs={"io_manager": mem_io_manager})
    def locking():
        uses(locks())
        one()

    run = launched(locking, instance, executor)
    assert states(run) == {"locks": "failed", "uses": "skipped", "one": "succeeded"}
    with pytest.raises(StepExecutionError, match="'locks' cannot be sent to another process"):
        run.result()
    told = [type(e) for e in instance.events(run.run_id) if e.step_key == "locks"]
    assert told.count(ev.StepFailed) == 1
    assert ev.StepSucceeded not in told


# --- canceling -----------------------------------------------------------------------


def test_a_run_is_canceled_within_two_seconds(executor, instance, trace):
    @resource
    def database(context):
        trace("open")
        yield 1
        trace("close")

    @op(required_resource_keys={"database"})
    def waits(context):
        trace("began")
        for _ in range(600):
            time.sleep(0.05)

    @job(resource_defs={"database": database})
    def waiting():
        plus_one(waits())

    run = waiting.launch(instance=instance, executor=executor)
    deadline = time.monotonic() + 30
    while "began" not in trace.lines:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    began = time.monotonic()
    assert run.cancel()
    assert run.wait(10).status == "CANCELED"
    assert time.monotonic() - began < 2
    assert trace.lines == ["open", "began", "close"]
    assert states(run)["waits"] == "canceled"


def began(run, trace, count=1):
    """Wait until so many lines of the trace are there."""
    deadline = time.monotonic() + 60
    while len(trace.lines) < count:
        assert time.monotonic() < deadline, run
        time.sleep(0.01)


def is_there(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"


def test_the_child_processes_of_a_canceled_step_end_with_it(executor, instance, trace):
    program = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"

    @op
    def waits_for_another():
        both = f"{sys.executable} -c '{program}' >> {trace.path} & "
        subprocess.run(["sh", "-c", f"echo $$ >> {trace.path}; {both} wait"])

    @job
    def waiting():
        waits_for_another()

    run = waiting.launch(instance=instance, executor=executor)
    began(run, trace, 2)
    assert run.cancel()
    assert run.wait(60).status == "CANCELED"  # long before they would end by themselves
    children = [int(line) for line in trace.lines]
    deadline = time.monotonic() + 60
    while any(map(is_there, children)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("executor", ["in_process", "threads", "async", "multiprocess"])
def test_a_step_that_sleeps_long_does_not_hold_up_the_end(executor, instance, trace):
    until, awake = os.pipe()  # a read of it stands in C until the test has ended

    @resource
    def database(context):
        yield 1
        trace("close")

    @op(required_resource_keys={"database"})
    def sleeps():
        trace("began")
        os.read(until, 1) if executor != "multiprocess" else time.sleep(300)
        trace("woke")

    @job(resource_defs={"database": database})
    def sleeping():
        plus_one(sleeps())

    run = sleeping.launch(instance=instance, executor=executor)
    began(run, trace)
    assert run.cancel()
    assert run.wait(60).status == "CANCELED"
    ends = [e for e in instance.events(run.run_id) if isinstance(e, ev.RunCanceled)]
    assert len(ends) == 1
    if executor != "multiprocess":  # its process was ended, with all that was open in it
        assert trace.lines == ["began", "close"]
        told = next(e.message for e in run.events() if "'sleeps' does not stop" in e.message)
        assert "called at test_matrix.py, line" in told
        assert "os.read(until, 1)" in told
    # No thread is left in C with an exception to come: what is traced afterwards would crawl.
    os.write(awake, b"x")
    deadline = time.monotonic() + 60
    while any(run.run_id[:8] in thread.name for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.close(until)
    os.close(awake)


# --- re-execution --------------------------------------------------------------------


def test_from_failure_with_another_executor(executor, instance, tmp_path):
    mark = str(tmp_path / "mended")

    @op
    def picky(x):
        if x == 2 and not os.path.exists(mark):
            raise ValueError("not yet")
        return x

    @job
    def mapped():
        total(parts().map(lambda x: plus_one(picky(x))).collect())

    first = launched(mapped, instance, "in_process")
    assert first.status == "FAILURE"
    open(mark, "w").close()
    again = launched(mapped, instance, executor)
    assert again.result().output_for_node("total") == 10
    second = first.rerun(from_failure=True)
    assert second.wait(60).status == "SUCCESS"


def test_a_run_repeats_from_where_it_failed(executor, instance, tmp_path, trace):
    mark = str(tmp_path / "mended")

    @op
    def start():
        trace("start")
        return 1

    @op
    def picky(x):
        if not os.path.exists(mark):
            raise ValueError("not yet")
        return x + 1

    @job
    def chain():
        plus_one(picky(start()))

    run = launched(chain, instance, executor)
    assert run.status == "FAILURE"
    open(mark, "w").close()
    again = run.rerun(from_failure=True)
    assert again.wait(60).status == "SUCCESS"
    assert trace.lines == ["start"]
    assert again.result().output_for_node("plus_one") == 3


# --- memory --------------------------------------------------------------------------


def test_a_chain_of_large_values_takes_the_memory_of_few(executor, instance):
    megabytes = 20

    def resident():
        return psutil.Process().memory_info().rss // 2**20

    @op(out={"before": Out(), "large": Out()})
    def start():
        before = resident()
        return before, bytearray(megabytes * 2**20)

    @op
    def copied(x):
        time.sleep(0.05)  # a cluster hears a moment later that a value may go
        return x[:]

    @op
    def grown(context, before, x):
        context.add_output_metadata({"megabytes": resident() - before})

    @job(resource_defs={"io_manager": mem_io_manager})
    def chain():
        before, x = start()
        for n in range(20):
            x = copied.alias(f"copied_{n}")(x)
        grown(before, x)

    run = launched(chain, instance, executor)
    assert run.status == "SUCCESS"
    told = run.state.steps["grown"].outputs["result"]["megabytes"]
    assert from_json({"megabytes": told})["megabytes"].value < 12 * megabytes  # of 20
