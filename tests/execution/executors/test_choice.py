"""Where it is said how steps are run, and what comes of it."""

from __future__ import annotations

import threading
import time

import pytest

from jobnb import (
    Definitions,
    EnvVar,
    Instance,
    InvalidConfigError,
    InvalidDefinitionError,
    Session,
    asset,
    dask_executor,
    define_asset_job,
    execute_job,
    graph,
    in_process_executor,
    job,
    materialize,
    multi_or_in_process_executor,
    op,
    thread_executor,
)
from jobnb.events import EngineNote
from jobnb.execution.executors.choice import asked_executor


@op
def where():
    return threading.current_thread().name


@job
def plain():
    where()


@job(executor_def=thread_executor)
def threaded():
    where()


@pytest.fixture
def instance():
    with Instance.ephemeral() as made:
        yield made


def on_thread(result, node="where"):
    return "step thread" in result.output_for_node(node)


def test_on_the_job(instance):
    assert on_thread(threaded.launch(instance=instance).result())
    assert on_thread(execute_job(threaded, instance))


def test_at_launch(instance):
    for given in ("threads", thread_executor, thread_executor.configured({"max_concurrent": 2})):
        assert on_thread(plain.launch(instance=instance, executor=given).result())
    for given in ("in_process", in_process_executor):
        assert not on_thread(threaded.launch(instance=instance, executor=given).result())
    assert not on_thread(plain.launch(instance=instance).result())


def test_execute_in_process_stays_in_process(instance):
    assert not on_thread(threaded.execute_in_process())


def test_in_definitions(instance):
    @asset
    def here():
        return threading.current_thread().name

    own = define_asset_job("own", executor_def=in_process_executor)
    definitions = Definitions(
        assets=[here],
        jobs=[plain, own, define_asset_job("theirs")],
        executor=thread_executor,
    )
    found = {name: definitions.get_job_def(name) for name in ("plain", "own", "theirs")}
    assert on_thread(found["plain"].launch(instance=instance).result())
    assert on_thread(found["theirs"].launch(instance=instance).result(), "here")
    assert not on_thread(found["own"].launch(instance=instance).result(), "here")
    assert materialize([here], instance=instance).asset_value("here") == "MainThread"


def test_by_name_wherever_it_is_said(instance):
    named = Definitions(jobs=[plain], executor="threads").get_job_def("plain")
    assert on_thread(named.launch(instance=instance).result())
    assert on_thread(plain.with_executor_def("threads").launch(instance=instance).result())
    with pytest.raises(InvalidDefinitionError, match="Did you mean 'threads'"):
        plain.with_executor_def("thread").launch(instance=instance)


def test_in_a_session(tmp_path):
    @asset
    def here():
        return threading.current_thread().name

    session = Session(home=str(tmp_path))
    session.add(Definitions(assets=[here], jobs=[plain]))
    assert "step thread" in session.materialize("here", executor="threads").asset_value("here")
    assert session.materialize("here").asset_value("here") == "MainThread"
    assert on_thread(session.launch("plain", executor="threads").result())
    assert on_thread(session.execute_job("plain", executor="threads"))


def test_in_run_config(instance):
    def given(**config):
        return {"execution": {"config": config}}

    launch = plain.launch
    assert on_thread(launch(given(threads={"max_concurrent": 4}), instance=instance).result())
    assert not on_thread(launch(given(in_process={}), instance=instance).result())
    forbidden = given(retries={"disabled": {}})
    assert not on_thread(launch(forbidden, instance=instance).result())
    with pytest.raises(InvalidConfigError, match="exactly one of"):
        launch(given(threads={}, in_process={}), instance=instance).result()
    with pytest.raises(InvalidConfigError, match="max_concurent"):
        launch(given(threads={"max_concurent": 4}), instance=instance)
    either = plain.with_executor_def(multi_or_in_process_executor)
    assert not on_thread(either.launch(given(in_process={}), instance=instance).result())


def test_a_graph_says_it_of_its_job(instance):
    @graph
    def alone():
        where()

    assert on_thread(alone.to_job(executor_def=thread_executor).launch(instance=instance).result())


def test_what_is_no_executor_is_refused(instance):
    with pytest.raises(InvalidDefinitionError, match="Did you mean 'threads'"):
        plain.launch(instance=instance, executor="thread")
    with pytest.raises(InvalidDefinitionError, match="The executor is 3"):
        plain.launch(instance=instance, executor=3)


def test_the_log_says_where_steps_run(instance):
    run = plain.launch(instance=instance, executor="threads")
    run.result()
    notes = [event.text for event in run.events() if isinstance(event, EngineNote)]
    assert notes[0] == "Executing steps on threads"


@pytest.mark.parametrize(
    ("config", "allowed"),
    [
        ({}, 8),
        ({"max_concurrent": 3}, 3),
        ({"tag_concurrency_limits": [{"key": "db", "limit": 2}]}, 2),
        (
            {
                "tag_concurrency_limits": [
                    {"key": "db", "value": {"applyLimitPerUniqueValue": True}, "limit": 2}
                ]
            },
            2,
        ),
        ({"tag_concurrency_limits": [{"key": "db", "value": "other", "limit": 1}]}, 8),
    ],
)
def test_so_many_run_at_once_as_are_allowed_and_no_more(instance, config, allowed):
    now, counts, patience = [], [0], time.monotonic() + 10

    @op(tags={"db": "main"})
    def busy():
        now.append(1)
        while max(counts) < allowed and time.monotonic() < patience:
            counts.append(len(now))
            time.sleep(0.005)
        time.sleep(0.02)
        counts.append(len(now))
        now.pop()

    @job
    def eight():
        for n in range(8):
            busy.alias(f"n{n}")()

    eight.launch(instance=instance, executor=thread_executor.configured(config)).result()
    assert max(counts) == allowed


@pytest.mark.parametrize("limit", [-1, -5])
def test_a_senseless_number_is_refused(instance, limit):
    few = thread_executor.configured({"max_concurrent": limit})
    with pytest.raises(InvalidConfigError, match="must be 1 or more"):
        plain.launch(instance=instance, executor=few).result()


def test_a_repeated_run_takes_its_executor_with_its_config(instance):
    few = thread_executor.configured({"max_concurrent": 1})
    for given in ("threads", few):
        run = plain.launch(instance=instance, executor=given)
        run.result()
        session = Session().add(plain)
        again = session.rerun(run.run_id, instance=instance)
        assert on_thread(again.result())
        assert again.record.executor == "threads"
        assert again.record.executor_config == run.record.executor_config
        assert again.plan.execution_config["max_concurrent"] == (1 if given is few else None)


def test_secrets_of_an_executor_are_recorded_by_name(instance, monkeypatch):
    monkeypatch.setenv("SCHEDULER", "tcp://10.0.0.1:8786")
    there = dask_executor.configured({"address": EnvVar("SCHEDULER"), "max_concurrent": 2})
    assert asked_executor(there) == ("dask", {"address": {"env": "SCHEDULER"}, "max_concurrent": 2})


# --- config that does not fit -------------------------------------------------


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"multiproces": {}}, "config > multiproces: .* Did you mean 'multiprocess'"),
        ({"max_concurrent": 4}, "config > max_concurrent: .* There is: 'in_process', 'threads'"),
        ({"retrys": {}}, "config > retrys: .* Did you mean 'retries'"),
        ({"multiprocess": {"max_concurrent": -4}}, "multiprocess > max_concurrent: must be 1 or"),
        ({"threads": {"step_timeout": 0}}, "threads > step_timeout: must be more than 0"),
        ({"step_timeout": -1}, "execution > config > step_timeout: must be more than 0"),
        (
            {"threads": {"tag_concurrency_limits": [{"key": "db", "limit": 0}]}},
            "tag_concurrency_limits > 0 > limit: must be 1 or more",
        ),
        (
            {"multiprocess": {}, "in_process": {}},
            "execution > config: must have exactly one of 'multiprocess', 'in_process'",
        ),
    ],
    ids=str,
)
def test_config_of_an_executor_that_does_not_fit_is_told_before_there_is_a_run(
    instance, config, told
):
    with pytest.raises(InvalidConfigError, match=told):
        plain.launch(config={"execution": {"config": config}}, instance=instance)
    assert instance.get_runs() == []


def test_what_an_executor_is_configured_with_is_looked_at_in_the_same_way(instance):
    few = thread_executor.configured({"max_concurrent": -1})
    with pytest.raises(InvalidConfigError, match="max_concurrent: must be 1 or more"):
        plain.launch(executor=few, instance=instance)
    limit = {"key": "db", "value": {"applyLimitPerUniqueValue": False}, "limit": 1}
    few = thread_executor.configured({"tag_concurrency_limits": [limit]})
    with pytest.raises(InvalidConfigError, match="applyLimitPerUniqueValue"):
        plain.launch(executor=few, instance=instance)
    assert instance.get_runs() == []


@pytest.mark.parametrize("name", ["in_process", "threads"])
def test_an_executor_is_chosen_by_its_name_alone(instance, name):
    run = plain.launch(config={"execution": {"config": {name: None}}}, instance=instance)
    assert on_thread(run.result()) is (name == "threads")
