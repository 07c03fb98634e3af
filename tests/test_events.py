"""What can be asked of an event, whatever its kind."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetObservation,
    DataVersion,
    EventType,
    Failure,
    InvariantViolationError,
    Output,
    StaticPartitionsDefinition,
    asset,
    failure_hook,
    job,
    materialize,
    op,
)
from jobnb.events import Event, StepStarted, decode_events, encode_events


@failure_hook
def note(context): ...


@op
def load() -> int:
    return 1


@op
def fail(loaded: int) -> None:
    raise Failure("no")


@op
def late(nothing: int) -> None: ...


@job(hooks={note})
def failing():
    late(fail(load()))


@pytest.fixture(scope="module")
def events():
    return failing.execute_in_process(raise_on_error=False).all_events


ASKED = {
    "is_step_start": EventType.STEP_START,
    "is_step_success": EventType.STEP_SUCCESS,
    "is_step_failure": EventType.STEP_FAILURE,
    "is_step_skipped": EventType.STEP_SKIPPED,
    "is_successful_output": EventType.STEP_OUTPUT,
    "is_handled_output": EventType.HANDLED_OUTPUT,
    "is_loaded_input": EventType.LOADED_INPUT,
    "is_engine_event": EventType.ENGINE_EVENT,
    "is_hook_event": EventType.HOOK_COMPLETED,
}


@pytest.mark.parametrize("question", ASKED)
def test_a_question_is_true_of_its_own_kind_alone(question, events):
    kind = ASKED[question]
    said = [event.event_type for event in events if getattr(event, question)]
    assert said == [event.event_type for event in events if event.event_type is kind] != []


def test_no_question_is_true_of_two_kinds_but_that_for_hooks():
    questions = [
        name
        for name in vars(Event)
        if name.startswith("is_") and name not in ("is_step_event", "is_failure", "is_hook_event")
    ]
    for kind in Event.__subclasses__():
        event = kind(*[None] * len(kind.__struct_fields__))
        assert sum(getattr(event, name) for name in questions) <= 1


def test_an_event_of_the_run_has_no_step_and_no_partition(events):
    started = next(event for event in events if event.event_type is EventType.RUN_START)
    assert started.step_key is None
    assert started.partition is None
    assert not started.is_step_event
    assert [e.step_key for e in events if e.is_step_failure] == ["fail"]


def test_data_is_given_for_its_kind_and_refused_for_another(events):
    failed = next(event for event in events if event.is_step_failure)
    assert failed.step_failure_data.error.message.startswith("no")
    with pytest.raises(InvariantViolationError, match=r"is STEP_FAILURE; only STEP_OUTPUT"):
        _ = failed.step_output_data


def test_an_assets_event_says_its_partition_and_asset():
    @asset
    def numbers() -> list[int]:
        return [1]

    (made,) = materialize([numbers]).get_asset_materialization_events()
    assert made.is_step_materialization
    assert made.step_materialization_data.asset_key == numbers.key
    assert made.partition is None


def test_news_of_an_asset_is_read_as_what_user_code_yields():
    @asset(partitions_def=StaticPartitionsDefinition(["x"]))
    def numbers(context):
        context.log_event(AssetObservation("numbers", metadata={"seen": 2}))
        return Output([1], metadata={"rows": 1}, data_version=DataVersion("v1"))

    result = materialize([numbers], partition_key="x")
    (made,) = result.get_asset_materialization_events()
    told = made.step_materialization_data.materialization
    assert (told.asset_key, told.partition, told.metadata["rows"].value) == (numbers.key, "x", 1)
    assert told.tags["dagster/data_version"] == "v1"
    (seen,) = result.get_asset_observation_events()
    assert seen.event_specific_data.asset_observation.metadata["seen"].value == 2


def test_questions_are_no_fields_and_do_not_go_into_the_log():
    (again,) = decode_events(encode_events([StepStarted(1.0, "load")]))
    assert StepStarted.__struct_fields__ == ("time", "step_key")
    assert (again.step_key, again.is_step_start) == ("load", True)
