"""An argument that a method of the session does not have is told with the name that is meant."""

from __future__ import annotations

import inspect

import pytest

from jobnb import InvalidInvocationError, JobnbError, Session, asset


@pytest.fixture
def session():
    @asset
    def orders():
        return 1

    return Session().add(orders)


@pytest.mark.parametrize(
    ("method", "given", "called"),
    [
        ("materialize", "partition_key", "partition"),
        ("materialize", "run_config", "config"),
        ("materialize", "asset_selection", "selection"),
        ("observe_assets", "partition_key", "partition"),
        ("execute_job", "run_config", "config"),
        ("execute_job", "job_name", "job"),
        ("launch", "partition_key", "partition"),
        ("launch", "selection", "target"),
        ("launch", "run_config", "config"),
        ("backfill", "partition_keys", "partitions"),
        ("backfill", "asset_selection", "selection"),
        ("rerun", "parent_run_id", "run_id"),
        ("rerun", "step_selection", "steps"),
        ("launchpad", "job", "target"),
        ("value", "asset_key", "key"),
        ("value", "partition_key", "partition"),
        ("stale", "asset_selection", "selection"),
    ],
)
def test_dagsters_word_is_told_with_ours(session, method, given, called):
    with pytest.raises(InvalidInvocationError) as caught:
        getattr(session, method)(**{given: "x"})
    assert str(caught.value) == (
        f"session.{method}() takes no {given!r}: it is called {called!r} here."
    )
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, JobnbError)


def test_a_misspelt_name_is_told_with_the_nearest(session):
    with pytest.raises(InvalidInvocationError, match="Did you mean 'instance'?"):
        session.materialize(instnce=None)
    with pytest.raises(InvalidInvocationError, match="It takes: 'key', 'partition'"):
        session.value("orders", xyz=1)


def test_methods_keep_their_signatures():
    assert list(inspect.signature(Session.materialize).parameters)[:4] == [
        "self",
        "selection",
        "config",
        "partition",
    ]
    assert Session.rerun.__doc__.startswith("Launch a run of the history again")


def test_missing_arguments_are_told_by_name(session):
    with pytest.raises(InvalidInvocationError, match=r"^session\.value\(\) needs 'key'\.$"):
        session.value()
    with pytest.raises(InvalidInvocationError, match="needs 'old' and 'new'"):
        session.rename()
    with pytest.raises(InvalidInvocationError, match="needs 'new'"):
        session.rename("orders")
    assert session.asset(key="orders") is session.asset("orders")


def test_values_too_many_are_told_with_what_is_taken(session):
    with pytest.raises(
        InvalidInvocationError, match=r"diff\(\) takes 'run' by place: 'b' is one too"
    ):
        session.diff("a", "b")
    said = r"run\(\) takes 'run_id' by place: 2 is one too many. By name it takes 'instance'."
    with pytest.raises(InvalidInvocationError, match=said):
        session.run("a", 2, 3)
