"""Failing steps: who else runs, what is raised, what is tried again, and interrupts."""

from __future__ import annotations

import pytest

from jobnb import (
    DataType,
    ExecutionInterruptedError,
    Failure,
    In,
    Instance,
    IOManager,
    MetadataValue,
    Out,
    ResourceFunctionError,
    RetryPolicy,
    RetryRequested,
    RunStatus,
    StepStatus,
    asset,
    data_type_loader,
    job,
    materialize,
    op,
    resource,
    success_hook,
)
from tests.execution.told import of_kind


@op
def fine():
    return 1


@op
def broken():
    raise ValueError("broken here")


@op
def after(x):
    return x


def test_dependants_are_skipped_and_the_rest_runs():
    @job
    def mixed():
        after.alias("second")(after(broken()))
        fine()

    result = mixed.execute_in_process(raise_on_error=False)
    assert not result.success
    assert result.get_failed_step_keys() == {"broken"}
    assert [e.step_key for e in result.get_step_skipped_events()] == ["after", "second"]
    assert result.output_for_node("fine") == 1
    assert result.get_run_failure_event().failed == ("broken",)


def test_the_first_error_is_raised_as_it_was_with_notes_on_where_and_who_else():
    @op
    def also():
        raise KeyError("also")

    @job
    def mixed():
        broken()
        also()

    with pytest.raises(ValueError, match="broken here") as caught:
        mixed.execute_in_process()
    notes = "\n".join(caught.value.__notes__)
    assert "in step 'broken'" in notes
    assert "test_failures.py, line" in notes
    assert "also failed: also" in notes
    frame = caught.value.__traceback__
    names = []
    while frame is not None:
        names.append(frame.tb_frame.f_code.co_name)
        frame = frame.tb_next
    assert names[-1] == "broken"
    assert "attempt" not in names, "the traceback has no frames of the runner below the call"


def test_the_failure_event_has_the_users_own_line():
    @job
    def single():
        broken()

    result = single.execute_in_process(raise_on_error=False)
    (event,) = result.get_step_failure_events()
    assert (event.error.cls_name, event.error.message) == ("ValueError", "broken here")
    error = result.failure_data_for_node("broken").error.cause
    assert error == event.error
    assert 'raise ValueError("broken here")' in error.source


def test_failure_carries_metadata_into_the_event():
    @op
    def rows():
        raise Failure("too few rows", metadata={"rows": 3})

    @job
    def single():
        rows()

    with pytest.raises(Failure, match="too few rows"):
        single.execute_in_process()
    found = single.execute_in_process(raise_on_error=False).failure_data_for_node("rows")
    assert found.metadata == {"rows": MetadataValue.int(3)}


def test_an_exception_whose_words_fail_is_still_told():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    @op
    def mute():
        raise Mute

    @job
    def single():
        mute()

    result = single.execute_in_process(raise_on_error=False)
    assert "cannot be shown" in result.failure_data_for_node("mute").error.cause.message


# --- interrupts --------------------------------------------------------------


@resource
def watched(context):
    yield []
    context.resource_def.closed.append(context.run_id)


@pytest.mark.parametrize("where", ["op", "hook", "resource"])
def test_an_interrupt_cancels_the_run_and_closes_resources(where, tmp_path):
    watched.closed = []

    @success_hook
    def interrupting(context):
        if where == "hook":
            raise KeyboardInterrupt

    @resource(required_resource_keys={"watched"})
    def second(_context):
        if where == "resource":
            raise KeyboardInterrupt

    @op(required_resource_keys={"second"})
    def long():
        if where == "op":
            raise KeyboardInterrupt

    @job(resource_defs={"watched": watched, "second": second}, hooks={interrupting})
    def single():
        after(long())

    with Instance.local_temp(str(tmp_path)) as instance:
        with pytest.raises(ExecutionInterruptedError, match="interrupted") as caught:
            single.execute_in_process(instance=instance, raise_on_error=False)
        assert isinstance(caught.value, KeyboardInterrupt)
        assert not isinstance(caught.value, Exception)  # `except Exception` does not swallow Ctrl-C
        (run,) = instance.get_runs()
        state = instance.run_state(run.run_id)
        assert watched.closed == [run.run_id]
    assert f"What had succeeded is kept (run {run.run_id})." in str(caught.value)
    assert run.status is RunStatus.CANCELED
    assert state.steps["after"].status is StepStatus.CANCELED


def test_an_interrupted_run_that_is_in_memory_only_is_told_as_such():
    @op
    def endless():
        raise KeyboardInterrupt

    @job
    def single():
        endless()

    with pytest.raises(ExecutionInterruptedError, match=r"in memory only: .*session\.launch"):
        single.execute_in_process()


def test_a_step_that_would_exit_fails_and_the_others_run():
    @op(retry_policy=RetryPolicy(max_retries=2))
    def leaves():
        raise SystemExit(3)

    @op
    def one():
        return 1

    @job
    def work():
        after(leaves())
        one()

    with Instance.ephemeral() as instance:
        result = work.execute_in_process(instance=instance, raise_on_error=False)
        state = instance.run_state(result.run_id)
    assert result.run.is_failure
    [failure] = result.get_step_failure_events()
    assert (failure.step_key, failure.event_specific_data.error.cls_name) == (
        "leaves",
        "SystemExit",
    )
    assert result.retry_attempts_for_node("leaves") == 0
    assert state.steps["one"].status is StepStatus.SUCCEEDED
    assert state.steps["after"].status is StepStatus.SKIPPED
    with pytest.raises(SystemExit):
        work.execute_in_process()


# --- resources ---------------------------------------------------------------


def resource_job(make):
    @op(required_resource_keys={"it"})
    def uses(context):
        return context.resources.it

    @job(resource_defs={"it": resource(make)})
    def single():
        after(uses())

    return single


def test_a_resource_that_cannot_be_set_up_is_raised_with_its_cause():
    def make(_context):
        raise ValueError("no connection")

    with pytest.raises(ResourceFunctionError, match="'it' could not be set up.*no conn") as caught:
        resource_job(make).execute_in_process()
    assert isinstance(caught.value.__cause__, ValueError)
    assert isinstance(caught.value.user_exception, ValueError)


def test_without_raising_a_failed_resource_is_a_failed_run():
    def make(_context):
        raise ValueError("no connection")

    result = resource_job(make).execute_in_process(raise_on_error=False)
    assert not result.success
    assert [e.event_type_value for e in result.all_events] == [
        "PIPELINE_START",
        "ENGINE_EVENT",
        "RESOURCE_INIT_STARTED",
        "RESOURCE_INIT_FAILURE",
        "PIPELINE_FAILURE",
    ]
    assert result.all_events[3].keys == ("it",)
    assert result.get_run_failure_event().error.cls_name == "ValueError"


def test_a_resource_whose_error_has_no_words_and_one_that_yields_nothing():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    def mute(_context):
        raise Mute

    def empty(_context):
        yield from ()

    for make, words in ((mute, "cannot be shown"), (empty, "yielded nothing")):
        with pytest.raises(ResourceFunctionError, match=words):
            resource_job(make).execute_in_process()


def test_a_tear_down_that_fails_is_told_and_the_others_go_on():
    closed = []

    def bad(_context):
        yield 1
        raise ValueError("cannot close")

    def good(_context):
        yield 2
        closed.append("good")

    @op(required_resource_keys={"bad", "good"})
    def uses():
        return 3

    @job(resource_defs={"good": resource(good), "bad": resource(bad)})
    def single():
        uses()

    result = single.execute_in_process()
    assert result.success
    assert closed == ["good"]
    notes = [e.text for e in of_kind(result, "ENGINE_EVENT")]
    assert any("could not be torn down" in note and "cannot close" in note for note in notes)


def test_failing_assets_leave_the_others_made():
    @asset
    def bad():
        raise ValueError("bad")

    @asset
    def on_bad(bad): ...

    @asset
    def good():
        return 1

    result = materialize([bad, on_bad, good], raise_on_error=False)
    made = [e.asset_key.to_user_string() for e in result.get_asset_materialization_events()]
    assert made == ["good"]


# --- failures as code for Dagster reads them -----------------------------------


class Failing(IOManager):
    """Raises where it is told to."""

    def __init__(self, where, error):
        self.where, self.error = where, error

    def handle_output(self, context, obj):
        if self.where == "store":
            raise self.error
        if self.where == "generator":
            yield {"rows": 1}
            raise self.error

    def load_input(self, context):
        if self.where == "load":
            raise self.error
        return 1


@op
def giver():
    return 1


@op
def taker(x):
    return x


@op(name="typed")
def typed() -> int:
    return "x"


@op(name="takes_int")
def takes_int(x: int):
    return x


def boom(*_):
    raise ValueError("disk")


CHECKED = DataType(boom, name="Checked")
LOADED = DataType(lambda *_: True, name="Loaded", loader=data_type_loader({"a": int})(boom))


@op(out=Out(CHECKED))
def checked():
    return 1


@op(ins={"x": In(CHECKED)})
def checks_input(x):
    return 1


@op(ins={"x": In(LOADED)})
def loads(x):
    return 1


def names(error):
    found = []
    while error is not None:
        found.append(error.cls_name)
        error = error.cause
    return found


@pytest.mark.parametrize("fan_in", [False, True])
@pytest.mark.parametrize(
    ("where", "node", "name", "doing"),
    [
        ("store", "giver", "HandleOutput", 'handling output "result" of step "giver"'),
        ("generator", "giver", "HandleOutput", 'handling output "result" of step "giver"'),
        ("load", "taker", "LoadInput", 'loading input "x" of step "taker"'),
    ],
)
def test_what_an_io_manager_raises_is_the_cause_of_an_error_of_dagsters_name(
    where, node, name, doing, fan_in
):
    @job(resource_defs={"io_manager": Failing(where, ValueError("disk"))})
    def work():
        taker([giver(), giver.alias("other")()] if fan_in else giver())

    with pytest.raises(ValueError, match="disk"):  # the user's own, as Dagster raises it
        work.execute_in_process()
    result = work.execute_in_process(raise_on_error=False)
    error = result.failure_data_for_node(node).error
    assert names(error) == [f"DagsterExecution{name}Error", "ValueError"]
    assert error.message == f"Error occurred while {doing}"
    (event,) = [each for each in result.all_events if each.is_step_failure][:1]
    assert event.error.cls_name == "ValueError"  # what people see is their own error
    assert names(event.event_specific_data.error) == names(error)
    assert names(event.step_failure_data.error) == names(error)


@pytest.mark.parametrize("error", [Failure("no"), RetryRequested(max_retries=0)])
def test_what_an_io_manager_asks_for_is_no_error_of_its_own(error):
    @job(resource_defs={"io_manager": Failing("store", error)})
    def work():
        giver()

    result = work.execute_in_process(raise_on_error=False)
    assert names(result.failure_data_for_node("giver").error) == [type(error).__name__]


def test_failed_type_checks_have_dagsters_names():
    @job
    def work():
        typed()
        takes_int.alias("wrong")(typed_as_any())
        checked()
        checks_input(giver())
        loads()

    result = work.execute_in_process(
        raise_on_error=False, run_config={"ops": {"loads": {"inputs": {"x": {"a": 1}}}}}
    )

    def of(node):
        return names(result.failure_data_for_node(node).error)

    assert of("typed") == of("wrong") == ["DagsterTypeCheckDidNotPass"]
    assert of("checked") == of("checks_input") == ["DagsterTypeCheckError", "ValueError"]
    assert of("loads") == ["DagsterTypeLoadingError", "ValueError"]
    assert result.failure_data_for_node("typed_as_any") is None


@op
def typed_as_any() -> object:
    return "x"


def test_an_error_that_is_raised_again_by_an_op_is_no_longer_that_of_an_io_manager():
    error = ValueError("disk")

    @op
    def again():
        raise error

    @job(resource_defs={"io_manager": Failing("store", error)})
    def work():
        giver()
        again()

    result = work.execute_in_process(raise_on_error=False)
    assert names(result.failure_data_for_node("giver").error)[0].startswith("Dagster")
    own = ["DagsterExecutionStepExecutionError", "ValueError"]
    assert names(result.failure_data_for_node("again").error) == own


def test_what_failed_is_read_from_the_history_in_the_same_way():
    @job(resource_defs={"io_manager": Failing("store", ValueError("disk"))})
    def work():
        giver()

    with Instance.ephemeral() as instance:
        result = work.execute_in_process(instance=instance, raise_on_error=False)
        (entry,) = [
            each
            for each in instance.all_logs(result.run_id)
            if each.dagster_event is not None and each.dagster_event.is_step_failure
        ]
        data = entry.dagster_event.step_failure_data
        assert names(data.error) == ["DagsterExecutionHandleOutputError", "ValueError"]
        assert data.step_key == "giver"
