"""The session's ways to run something tell all their parameters, those that the work takes."""

from __future__ import annotations

import inspect

import pytest

from jobnb import Instance, JobDefinition, StaticPartitionsDefinition, asset, job, op
from jobnb.errors import InvalidInvocationError
from jobnb.execution.launch import launch, launch_session
from jobnb.execution.materialize import materialize_session
from jobnb.execution.observe import observe_session
from jobnb.execution.run_job import execute_in_process, execute_session_job
from jobnb.registry.session import Session


@pytest.mark.parametrize(
    ("method", "work"),
    [
        (Session.materialize, materialize_session),
        (Session.observe_assets, observe_session),
        (Session.execute_job, execute_session_job),
        (Session.launch, launch_session),
    ],
    ids=lambda each: each.__name__,
)
def test_the_signature_tells_every_parameter_that_the_work_takes(method, work):
    told = list(inspect.signature(method).parameters.values())[1:]
    taken = list(inspect.signature(work).parameters.values())[1:]
    assert [(each.name, each.kind, each.default) for each in told] == [
        (each.name, each.kind, each.default) for each in taken
    ]


def test_a_job_tells_all_that_its_launch_takes():
    told = list(inspect.signature(JobDefinition.launch).parameters.values())[1:]
    taken = list(inspect.signature(launch).parameters.values())[1:-1]  # find_job is the session's
    assert [(each.name, each.kind, each.default) for each in told] == [
        (each.name, each.kind, each.default) for each in taken
    ]


@pytest.mark.parametrize(
    "method", [Session.materialize, Session.observe_assets, Session.execute_job, Session.launch]
)
def test_the_docstring_tells_every_parameter(method):
    for name in list(inspect.signature(method).parameters)[1:]:
        assert f"\n            {name}: " in method.__doc__


def test_a_job_of_the_session_takes_all_that_a_job_takes():
    taken = set(inspect.signature(execute_in_process).parameters) - {"job"}
    assert taken <= set(inspect.signature(Session.execute_job).parameters)


@asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
def letters(context):
    return context.partition_key


@op
def hello():
    return "hello"


@job
def greet():
    hello()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"config": {}, "run_config": {}}, "config and run_config"),
        ({"partition": "a", "partition_key": "b"}, "partition and partition_key"),
    ],
)
@pytest.mark.parametrize("verb", ["materialize", "launch", "execute_job"])
def test_a_parameter_that_is_given_by_both_of_its_names_is_refused(verb, given, told):
    session = Session().add(letters, greet)
    target = "greet" if verb == "execute_job" else "letters"
    with pytest.raises(InvalidInvocationError, match=f"{verb} has {told}. Keep one."):
        getattr(session, verb)(target, instance=Instance.ephemeral(), **given)


@pytest.mark.parametrize("name", ["partition", "partition_key"])
def test_either_name_of_a_parameter_will_do(name):
    instance = Instance.ephemeral()
    session = Session().add(letters)
    assert session.materialize("letters", instance=instance, **{name: "a"}).success
    assert session.launch("letters", instance=instance, **{name: "b"}).wait(30).status == "SUCCESS"
    assert instance.get_materialized_partitions("letters") == {"a", "b"}


def test_a_parameter_that_there_is_not_is_refused_where_it_is_written():
    with pytest.raises(TypeError, match="unexpected keyword argument 'partitons'"):
        Session().add(letters).materialize("letters", partitons="a")
