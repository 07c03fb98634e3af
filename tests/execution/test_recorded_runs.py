"""Runs that are recorded first and launched later, as Dagster's instance does."""

from __future__ import annotations

import time

import pytest

from jobnb import (
    Config,
    Definitions,
    Instance,
    InvalidConfigError,
    InvariantViolationError,
    RunNotFoundError,
    RunStatus,
    Session,
    job,
    op,
)
from jobnb.execution.followed import FollowedRun

broken = {"once"}


class Count(Config):
    n: int = 1


@op
def first(config: Count):
    return config.n


@op
def second(x):
    if broken:
        raise ValueError("not yet")
    return x + 1


@job(tags={"team": "shop"})
def daily():
    second(first())


DEFINED = Definitions(jobs=[daily])


@pytest.fixture
def instance():
    with Instance.ephemeral() as made:
        yield made


@pytest.fixture(autouse=True)
def whole():
    broken.clear()


def ended(instance, run_id):
    """The record of a run that has ended."""
    until = time.monotonic() + 60
    while not (run := instance.get_run_by_id(run_id)).is_finished:
        assert time.monotonic() < until
        time.sleep(0.01)
    return run


def test_a_recorded_run_is_launched_under_its_id(instance):
    config = {"ops": {"first": {"config": {"n": 4}}}}
    recorded = instance.create_run_for_job(daily, run_config=config, tags={"by": "hand"})
    assert recorded.status is RunStatus.NOT_STARTED
    assert recorded.tags == {"team": "shop", "by": "hand"}
    assert instance.launch_run(recorded.run_id, DEFINED).run_id == recorded.run_id
    run = ended(instance, recorded.run_id)
    assert (run.status, run.run_config) == (RunStatus.SUCCESS, config)
    assert run.tags["by"] == "hand"
    assert instance.get_runs_count() == 1
    with pytest.raises(InvariantViolationError, match="has begun already"):
        instance.submit_run(recorded.run_id, DEFINED)
    with pytest.raises(RunNotFoundError):
        instance.launch_run("no such run", DEFINED)


def test_one_that_cannot_be_planned_stays_recorded(instance):
    bad = instance.create_run_for_job(daily, run_config={"ops": {"first": {"config": {"n": "x"}}}})
    with pytest.raises(InvalidConfigError):
        instance.launch_run(bad.run_id, DEFINED)
    assert instance.get_run_by_id(bad.run_id).status is RunStatus.NOT_STARTED


def test_a_failed_run_is_recorded_again_from_where_it_failed(instance):
    broken.add("once")
    failed = daily.execute_in_process(instance=instance, raise_on_error=False)
    broken.clear()
    parent = instance.get_run_by_id(failed.run_id)
    again = instance.create_reexecuted_run(
        parent_run=parent, strategy="FROM_FAILURE", extra_tags={"why": "mended"}
    )
    assert (again.parent_run_id, again.root_run_id) == (parent.run_id, parent.run_id)
    assert list(again.step_keys_to_execute) == ["second"]
    instance.submit_run(again.run_id, DEFINED)
    run = ended(instance, again.run_id)
    assert (run.status, run.tags["why"]) == (RunStatus.SUCCESS, "mended")
    assert "first" not in [e.step_key for e in instance.events(again.run_id)]
    with pytest.raises(InvariantViolationError, match="did not fail"):
        instance.create_reexecuted_run(parent_run=run, strategy="FROM_FAILURE")
    with pytest.raises(InvariantViolationError, match="ALL_STEPS"):
        instance.create_reexecuted_run(parent_run=run, strategy="SOME")


def test_a_run_that_failed_is_resumed(instance):
    broken.add("once")
    failed = daily.execute_in_process(instance=instance, raise_on_error=False)
    broken.clear()
    resumed = instance.resume_run(failed.run_id, DEFINED, 1)
    assert resumed.parent_run_id == failed.run_id
    assert ended(instance, resumed.run_id).status is RunStatus.SUCCESS


def test_a_run_of_the_history_has_its_state_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(FollowedRun, "_do", lambda run: time.sleep(0.5))  # before it reads on
    with Instance(tmp_path) as instance:
        session = Session().add(daily)
        done = session.execute_job("daily", instance=instance)
        run = session.run(done.run_id, instance=instance)
        assert run.status == "SUCCESS"
        assert {key: step.status.value for key, step in run.state.steps.items()} == {
            "first": "succeeded",
            "second": "succeeded",
        }
        run.wait()
