"""What may be asked of a run is said once, and every way to ask for one tells its parameters."""

from __future__ import annotations

import inspect

import pytest

from jobnb import JobDefinition, Session, StaticPartitionsDefinition, asset
from jobnb.definitions.engine_protocol import Engine, RunOptions
from jobnb.engine import JobnbEngine
from jobnb.execution.spec import RunSpec

WAYS = [Session.materialize, Session.observe_assets, Session.execute_job, Session.launch]
ABOUT_THE_CALLER = {"self", "selection", "target", "job", "raise_on_error"}


@pytest.mark.parametrize("way", [*WAYS, JobDefinition.launch], ids=lambda way: way.__qualname__)
def test_all_that_a_way_to_run_takes_can_be_asked_of_a_run(way):
    taken = set(inspect.signature(way).parameters) - ABOUT_THE_CALLER
    assert taken <= set(RunOptions.__annotations__)


def test_all_that_can_be_asked_through_the_door_is_in_the_spec():
    assert set(RunOptions.__annotations__) <= {*RunSpec.__struct_fields__}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_docstring_tells_every_parameter(way):
    for name in list(inspect.signature(way).parameters)[1:]:
        assert f"\n            {name}: " in way.__doc__


def test_the_engine_answers_all_that_is_asked_through_the_door():
    asked = {name for name in vars(Engine) if not name.startswith("_")}
    assert asked == {name for name in vars(JobnbEngine) if not name.startswith("_")}


def test_the_source_of_a_public_class_can_be_read():
    assert "class JobDefinition" in inspect.getsource(JobDefinition)
    assert "class Session" in inspect.getsource(Session)


def test_a_session_shows_only_what_a_user_may_call():
    shown = {name for name in dir(Session()) if not name.startswith("_")}
    assert "observe" not in shown  # nothing of traitlets
    assert shown <= set(vars(Session)) | {"catalogue"}


@asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
def letters(context):
    return context.partition_key


def test_a_parameter_that_there_is_not_is_refused_where_it_is_written():
    with pytest.raises(TypeError, match="takes no 'partitons'. Did you mean 'partition'?"):
        Session().add(letters).materialize("letters", partitons="a")
