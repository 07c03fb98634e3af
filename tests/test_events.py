"""What can be asked of an event, whatever its kind."""

from __future__ import annotations

import copy

import pytest

from jobnb import (
    AssetMaterialization,
    AssetObservation,
    DataVersion,
    Event,
    EventType,
    ExpectationResult,
    Failure,
    InvalidDefinitionError,
    InvariantViolationError,
    MetadataValue,
    Output,
    RetryPolicy,
    RetryRequested,
    StaticPartitionsDefinition,
    asset,
    failure_hook,
    graph,
    job,
    materialize,
    op,
)
from jobnb.events import StepStarted, decode_events, encode_events
from jobnb.events.data import StepOutputHandle, TypeCheckData


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
}


@pytest.mark.parametrize("question", ASKED)
def test_a_question_is_true_of_its_own_kind_alone(question, events):
    kind = ASKED[question]
    said = [event.event_type for event in events if getattr(event, question)]
    assert said == [event.event_type for event in events if event.event_type is kind] != []


def test_hooks_that_ran_and_that_did_not_are_told_in_events(events):
    said = {event.event_type for event in events if event.is_hook_event}
    assert said == {EventType.HOOK_COMPLETED, EventType.HOOK_SKIPPED}


WIDER = ("is_step_event", "is_failure", "is_hook_event", "is_job_event")


def test_no_question_is_true_of_two_kinds_but_that_for_hooks():
    questions = [
        name
        for name in vars(Event)
        if name.startswith("is_")
        and name not in ("is_step_event", "is_failure", "is_hook_event", "is_job_event")
        and "_run_" not in name  # Dagster's older word for it is is_job_
    ]
    for kind in Event.__subclasses__():
        event = kind(*[None] * (len(kind.__struct_fields__) - 1))  # `job` is given by name
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
    assert StepStarted.__struct_fields__ == ("time", "step_key", "worker", "job")
    assert b'"job"' not in encode_events([StepStarted(1.0, "load")])
    assert (again.step_key, again.is_step_start) == ("load", True)


def of_kind(result, name):
    return [event for event in result.all_events if event.event_type_value == name]


@op
def told(context) -> int:
    context.log_event(ExpectationResult(True, "fine", metadata={"seen": 1}))
    context.log_event(AssetMaterialization("k", metadata={"a": "b"}))
    yield Output(1, metadata={"m": "text"})


@op
def doubled(x: int) -> int:
    return 2 * x


@graph
def inner(x):
    doubled(x)


@job
def flow():
    inner(told())


def test_the_data_of_an_event_has_dagsters_names_and_objects():
    result = flow.execute_in_process()
    (out, _) = of_kind(result, "STEP_OUTPUT")
    data = out.event_specific_data
    assert data.step_output_handle == StepOutputHandle("told", "result", None)
    assert data.type_check_data == TypeCheckData(
        True, "result", None, {"m": MetadataValue.text("text")}
    )
    assert (data.metadata["m"].text, data.version, data.output_name) == ("text", None, "result")
    assert out.step_output_data == data
    (expected,) = of_kind(result, "STEP_EXPECTATION_RESULT")
    assert expected.event_specific_data.expectation_result == ExpectationResult(
        True, "fine", metadata={"seen": 1}
    )
    (made,) = of_kind(result, "ASSET_MATERIALIZATION")
    assert made.event_specific_data.metadata == {"a": MetadataValue.text("b")}
    (loaded,) = of_kind(result, "LOADED_INPUT")
    data = loaded.event_specific_data
    assert (data.upstream_step_key, data.upstream_output_name) == ("told", "result")
    (given,) = of_kind(result, "STEP_INPUT")
    assert given.event_specific_data.type_check_data.label == "x"
    assert copy.copy(given.event_specific_data) == given.event_specific_data


def test_an_event_knows_its_step_and_node():
    result = flow.execute_in_process()
    event = of_kind(result, "STEP_SUCCESS")[-1]
    assert event.step_handle.to_key() == "inner.doubled"
    assert (event.node_handle.name, event.node_name) == ("doubled", "doubled")
    assert (str(event.node_handle.parent), event.step_kind_value) == ("inner", "COMPUTE")
    last = result.all_events[-1]
    assert (last.step_handle, last.node_handle, last.step_kind_value) == (None, None, None)
    assert (last.is_job_success, last.is_job_event, last.is_run_failure) == (True, True, False)
    with pytest.raises(InvariantViolationError, match="belongs to no node"):
        _ = last.node_name


class Declined(Failure):
    pass


@pytest.mark.parametrize(
    ("raised", "described"), [(Failure("no", {"n": 1}), "no"), (Declined(), None)]
)
def test_what_a_failure_said_is_in_its_data(raised, described):
    @op
    def gives_up():
        raise raised

    @job
    def failing():
        gives_up()

    result = failing.execute_in_process(raise_on_error=False)
    data = result.failure_data_for_node("gives_up")
    assert data.user_failure_data.description == described
    assert data.user_failure_data.metadata == raised.metadata
    assert (data.error.cls_name, data.error_source) == (type(raised).__name__, "FRAMEWORK_ERROR")
    assert result.all_events[-1].is_run_failure


def test_what_an_op_raises_is_the_cause_of_dagsters_error():
    @op
    def breaks():
        raise ValueError("v") from KeyError("k")

    @job
    def failing():
        breaks()

    data = failing.execute_in_process(raise_on_error=False).failure_data_for_node("breaks")
    assert data.error.cls_name == "DagsterExecutionStepExecutionError"
    assert data.error.message == 'Error occurred while executing op "breaks":'
    assert (data.error.cause.cls_name, data.error.cause.cause.cls_name) == (
        "ValueError",
        "KeyError",
    )
    assert (data.error_source, data.user_failure_data) == ("USER_CODE_ERROR", None)
    assert data.error_display_string.startswith('Error occurred while executing op "breaks":\n\n')


def test_how_long_a_step_waits_is_in_the_data_of_its_retry():
    def retried(raised, policy=None):
        @op(retry_policy=policy)
        def again(context):
            if not context.retry_number:
                raise raised

        @job
        def tried():
            again()

        (event,) = of_kind(tried.execute_in_process(), "STEP_UP_FOR_RETRY")
        return event.event_specific_data.seconds_to_wait, event.message.partition("retry")[2]

    assert retried(RetryRequested(1, seconds_to_wait=0.001)) == (0.001, " in 0.001 seconds.")
    assert retried(RetryRequested(1)) == (None, ".")
    assert retried(RetryRequested(1, 0)) == (0, ".")
    assert retried(ValueError("no"), RetryPolicy(1)) == (0, ".")


def test_the_metadata_of_a_failure_is_values():
    assert Failure("no", metadata={"a": "b"}).metadata == {"a": MetadataValue.text("b")}
    with pytest.raises(InvalidDefinitionError, match="object has no kind"):
        Failure("no", metadata={"a": object()})
