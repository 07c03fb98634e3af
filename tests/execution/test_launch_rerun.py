"""Running again: all of it, from where it failed, some steps; with the job as it is now."""

from __future__ import annotations

import gc
import time

import pytest

from jobnb import (
    Instance,
    InvalidInvocationError,
    InvalidSubsetError,
    InvariantViolationError,
    Run,
    Session,
    asset,
    define_asset_job,
    job,
    op,
)
from jobnb.execution.task import find
from jobnb.registry import session as registry

WAIT = 30.0


@pytest.fixture(params=["in memory", "on disk"])
def instance(request, tmp_path):
    made = Instance.ephemeral() if request.param == "in memory" else Instance(home=tmp_path)
    with made:
        yield made


@pytest.fixture
def calls():
    return []


@pytest.fixture
def broken(calls):
    """A job whose middle step fails the first time."""

    @op
    def load():
        calls.append("load")
        return [1, 2]

    @op
    def clean(load):
        calls.append("clean")
        if calls.count("clean") == 1:
            raise ValueError("dirty")
        return [2 * each for each in load]

    @op
    def total(clean):
        calls.append("total")
        return sum(clean)

    @job(tags={"team": "a"})
    def daily():
        total(clean(load()))

    return daily


def test_from_failure_only_what_did_not_succeed_runs(broken, calls, instance):
    first = broken.launch(instance=instance, tags={"why": "test"}).wait(WAIT)
    assert first.status == "FAILURE"
    second = first.rerun(from_failure=True)
    assert second.wait(WAIT).status == "SUCCESS"
    assert calls == ["load", "clean", "clean", "total"]
    assert second.result().output_for_node("total") == 6
    record = instance.get_run_by_id(second.run_id)
    assert (record.parent_run_id, record.root_run_id) == (first.run_id, first.run_id)
    assert record.tags["why"] == "test"
    assert record.is_resume_retry


def test_all_of_it_runs_again_with_the_same_config(instance):
    seen = []

    @op(config_schema={"limit": int})
    def limited(context):
        seen.append(context.op_config["limit"])

    @job
    def daily():
        limited()

    run = daily.launch({"ops": {"limited": {"config": {"limit": 3}}}}, instance=instance)
    again = run.wait(WAIT).rerun().wait(WAIT)
    assert seen == [3, 3]
    assert again.record.run_config == run.record.run_config
    assert again.run_id != run.run_id


def test_chosen_steps_run_again_and_load_what_they_need(broken, calls, instance):
    first = broken.launch(instance=instance).wait(WAIT)
    second = first.rerun(from_failure=True).wait(WAIT)
    third = second.rerun(steps=["total"]).wait(WAIT)
    assert third.status == "SUCCESS"
    assert calls == ["load", "clean", "clean", "total", "total"]
    assert third.result().output_for_node("total") == 6


def test_a_part_of_a_part_runs_again_as_it_was(broken, calls, instance):
    part = broken.get_subset(op_selection=["*clean"])
    first = part.launch(instance=instance, op_selection=["roots(*)*"]).wait(WAIT)
    assert (first.status, calls) == ("FAILURE", ["load", "clean"])
    assert first.rerun().wait(WAIT).status == "SUCCESS"
    assert calls == ["load", "clean", "load", "clean"]
    second = part.launch(instance=instance, op_selection=["*"]).wait(WAIT)
    again = find(Run, second.run_id).rerun(steps=["clean"]).wait(WAIT)
    assert (again.status, calls[-3:]) == ("SUCCESS", ["load", "clean", "clean"])


def test_a_success_is_not_repeated_from_failure(instance, broken):
    run = broken.launch(instance=instance).wait(WAIT).rerun(from_failure=True).wait(WAIT)
    with pytest.raises(InvariantViolationError, match="only a run that failed"):
        run.rerun(from_failure=True)
    with pytest.raises(InvalidInvocationError, match="Keep one"):
        run.rerun(from_failure=True, steps=["load"])


def test_a_canceled_run_is_taken_up_where_it_stopped(instance):
    calls = []

    @op
    def load():
        calls.append("load")
        return 1

    @op
    def slow(load):
        calls.append("slow")
        while calls.count("slow") == 1:
            time.sleep(0.001)
        return load + 1

    @job
    def daily():
        slow(load())

    run = daily.launch(instance=instance)
    while "slow" not in calls:
        time.sleep(0.001)
    run.cancel()
    assert run.wait(WAIT).status == "CANCELED"
    assert run.rerun(from_failure=True).result(WAIT).output_for_node("slow") == 2
    assert calls == ["load", "slow", "slow"]


def forget(run_id):
    """As after a restart of the kernel: nobody holds the run."""
    deadline = time.monotonic() + WAIT
    while gc.collect() is not None and find(Run, run_id) is not None:
        assert time.monotonic() < deadline


@pytest.fixture
def session(tmp_path, monkeypatch):
    made = Session(home=str(tmp_path / "home"))
    monkeypatch.setattr(registry, "_active", [made])
    yield made
    made.instance.dispose()


def test_a_mended_job_is_the_one_that_runs_again(session):
    def define(fixed):
        @op
        def load():
            return 1

        @op
        def clean(load):
            if not fixed:
                raise ValueError("dirty")
            return load + 1

        @job
        def daily():
            clean(load())

        session.add(daily)
        return daily

    run = define(fixed=False).launch().wait(WAIT)
    assert run.status == "FAILURE"
    define(fixed=True)
    assert run.rerun(from_failure=True).result(WAIT).output_for_node("clean") == 2


def test_mended_assets_are_the_ones_that_run_again(session):
    made = []

    def define(fixed):
        @asset
        def orders():
            made.append("orders")
            return [1, 2]

        @asset
        def revenue(orders):
            if not fixed:
                raise ValueError("dirty")
            return sum(orders)

        session.add(orders, revenue, define_asset_job("nightly"))

    define(fixed=False)
    by_selection = session.launch("*revenue").wait(WAIT)
    by_job = session.launch("nightly").wait(WAIT)
    define(fixed=True)
    assert by_selection.rerun(from_failure=True).result(WAIT).asset_value("revenue") == 3
    assert by_job.rerun(from_failure=True).wait(WAIT).status == "SUCCESS"
    assert made == ["orders", "orders"]


def test_a_run_of_the_history_is_repeated_by_its_id(session, broken, calls):
    session.add(broken)
    run = broken.launch().wait(WAIT)
    run_id = run.run_id
    del run
    forget(run_id)
    again = session.rerun(run_id, from_failure=True)
    assert again.wait(WAIT).status == "SUCCESS"
    assert again.record.parent_run_id == run_id
    assert calls == ["load", "clean", "clean", "total"]


def test_a_run_of_assets_is_repeated_by_its_id(session):
    @asset
    def orders():
        return 3

    @asset
    def other():
        return 4

    session.add(orders, other)
    run_id = session.launch("orders").wait(WAIT).run_id
    forget(run_id)
    again = session.rerun(run_id).wait(WAIT)
    assert [key.to_user_string() for key in again.plan.asset_keys] == ["orders"]


def test_a_run_whose_job_is_not_known_any_more_is_not_repeated(session, broken):
    session.add(broken)
    run_id = broken.launch().wait(WAIT).run_id
    session.clear()
    forget(run_id)
    with pytest.raises(InvalidSubsetError, match="no job or asset 'daily'"):
        session.rerun(run_id)


@pytest.mark.parametrize("ends", [True, False])
def test_what_did_not_fail_is_not_repeated_from_failure_but_it_is_told_how_to(instance, ends):
    @op
    def waits():
        while not ends:
            time.sleep(0.01)

    @job
    def daily():
        waits()

    session = Session().add(daily)
    run = session.launch("daily", instance=instance)
    if ends:
        run.wait(WAIT)
    with pytest.raises(InvariantViolationError) as caught:
        session.rerun(run.run_id, from_failure=True, instance=instance)
    said = str(caught.value)
    assert f"The run {run.run_id} {'succeeded' if ends else 'has not ended yet'}: only" in said
    assert f"Repeat all of it with session.rerun({run.run_id!r})" in said
    run.cancel()
    run.wait(WAIT)
