"""Hooks: when they run, what they see, and that they harm nobody."""

from __future__ import annotations

import pytest

from jobnb import (
    DynamicOut,
    DynamicOutput,
    Failure,
    HookExecutionResult,
    Instance,
    Out,
    Output,
    ResourceDefinition,
    RetryPolicy,
    RetryRequested,
    event_list_hook,
    execute_job,
    failure_hook,
    graph,
    job,
    op,
    success_hook,
)
from tests.execution.told import kinds, of_kind

SEEN: list[tuple] = []


@success_hook
def on_success(context):
    SEEN.append((context.step_key, dict(context.op_output_values), context.op_exception))


@failure_hook
def on_failure(context):
    SEEN.append((context.step_key, dict(context.op_output_values), str(context.op_exception)))


@op
def fine():
    return 1


@op
def broken():
    raise ValueError("broken")


def run(made, **kwargs):
    SEEN.clear()
    return made.execute_in_process(raise_on_error=False, **kwargs)


def test_on_an_invocation_a_graph_and_a_job():
    @graph
    def inner():
        fine()

    @job
    def parts():
        fine.with_hooks({on_success}).alias("marked")()
        fine()
        inner.with_hooks({on_success})()

    run(parts)
    assert [step for step, *_ in SEEN] == ["marked", "inner.fine"]
    run(parts.with_hooks({on_success}))
    assert [step for step, *_ in SEEN] == ["marked", "fine", "inner.fine"]


def test_success_and_failure_hooks_and_their_events():
    @job(hooks={on_success, on_failure})
    def both():
        fine()
        broken()

    result = run(both)
    assert SEEN == [("fine", {"result": 1}, None), ("broken", {}, "broken")]
    assert kinds(result, "fine")[-3] == "STEP_SUCCESS"
    assert kinds(result, "broken")[-3] == "STEP_FAILURE"
    ran = [(told.step_key, told.hook) for told in of_kind(result, "HOOK_COMPLETED")]
    assert ran == [("fine", "on_success"), ("broken", "on_failure")]
    skipped = of_kind(result, "HOOK_SKIPPED")
    others = [("fine", "on_failure"), ("broken", "on_success")]
    assert [(told.step_key, told.hook) for told in skipped] == others
    assert skipped[0].message.startswith('Skipped the execution of hook "on_failure".')


def test_a_hook_that_fails_is_told_and_changes_nothing():
    @success_hook
    def bad(context):
        raise KeyError("in the hook")

    @job(hooks={bad, on_success})
    def single():
        fine()

    result = run(single)
    assert result.success
    assert len(SEEN) == 1
    (told,) = of_kind(result, "HOOK_ERRORED")
    assert (told.hook, told.error.cls_name) == ("bad", "KeyError")


def test_a_hook_on_events_sees_them_and_may_have_nothing_to_do():
    @event_list_hook
    def counting(context, event_list):
        SEEN.append(tuple(e.event_type_value for e in event_list))
        return HookExecutionResult("counting", is_skipped=True)

    @failure_hook
    def another(context): ...

    @job(hooks={counting, another})
    def single():
        fine()

    result = run(single)
    assert SEEN == [("STEP_START", "STEP_OUTPUT", "HANDLED_OUTPUT", "STEP_SUCCESS")]
    assert kinds(result, "fine")[-1] == "HOOK_SKIPPED"


def test_all_that_a_hook_can_look_at():
    @success_hook(required_resource_keys={"mailer"})
    def looks(context):
        SEEN.append(
            (
                context.job_name,
                context.run_id,
                context.op.name,
                context.op_config,
                context.resources.mailer,
                context.hook_def.name,
                context.instance is not None,
            )
        )
        context.log.info("from the hook")

    @op(config_schema={"n": int})
    def configured(): ...

    @job(hooks={looks}, resource_defs={"mailer": ResourceDefinition.hardcoded_resource("m")})
    def single():
        configured()

    result = run(single, run_config={"ops": {"configured": {"config": {"n": 1}}}})
    assert [("single", result.run_id, "configured", {"n": 1}, "m", "looks", True)] == SEEN
    assert [(line.text, line.step_key) for line in result.log_lines] == [
        ("from the hook", "configured")
    ]


def test_output_values_of_several_dynamic_and_stored_outputs():
    @op(out={"parts": DynamicOut(), "total": Out()})
    def several():
        return [DynamicOutput(1, "a"), DynamicOutput(2, "b")], 3

    @op
    def doubled(x):
        return x * 2

    @job(hooks={on_success})
    def mapped():
        parts, _total = several()
        parts.map(doubled)

    run(mapped)
    assert SEEN[0][1] == {"parts": {"a": 1, "b": 2}, "total": 3}
    assert SEEN[1:] == [("doubled[a]", {"result": 2}, None), ("doubled[b]", {"result": 4}, None)]

    SEEN.clear()
    with Instance.ephemeral() as instance:
        assert execute_job(mapped, instance).success
    assert SEEN[0][1] == {"parts": {"a": 1, "b": 2}, "total": 3}, "loaded from disk"


def test_a_hook_runs_once_after_the_last_attempt():
    attempts = []

    @op
    def shaky(context):
        attempts.append(1)
        if context.retry_number == 0:
            raise RetryRequested

    @job(hooks={on_success, on_failure})
    def single():
        shaky()

    run(single)
    assert (len(attempts), len(SEEN)) == (2, 1)


def test_a_hook_on_events_runs_after_each_attempt_with_the_events_of_that_one():
    @event_list_hook
    def watching(context, event_list):
        told = [event.event_type_value for event in event_list]
        SEEN.append((told, context.op_exception, dict(context.op_output_values)))
        return HookExecutionResult("watching")

    @op(out={"early": Out(), "late": Out()}, retry_policy=RetryPolicy(max_retries=1))
    def shaky(context):
        yield Output(1, "early")
        if context.retry_number == 0:
            raise ValueError("again")
        yield Output(2, "late")

    @job(hooks={watching, on_failure})
    def single():
        shaky()

    result = run(single)
    one = ["STEP_OUTPUT", "HANDLED_OUTPUT"]
    assert [
        (["STEP_START", *one, "STEP_UP_FOR_RETRY"], None, {"early": 1}),
        (["STEP_RESTARTED", *one, *one, "STEP_SUCCESS"], None, {"early": 1, "late": 2}),
    ] == SEEN
    told = [(e.event_type_value, e.hook) for e in result.all_events if "HOOK" in e.event_type_value]
    skipped, completed = ("HOOK_SKIPPED", "on_failure"), ("HOOK_COMPLETED", "watching")
    assert sorted(told) == [completed, completed, skipped, skipped]


def test_the_events_of_an_attempt_that_failed_for_good_are_its_own():
    @event_list_hook
    def watching(context, event_list):
        SEEN.append([event.event_type_value for event in event_list])

    @op(retry_policy=RetryPolicy(max_retries=1))
    def failing():
        raise ValueError("again")

    @job(hooks={watching})
    def single():
        failing()

    run(single)
    assert SEEN == [["STEP_START", "STEP_UP_FOR_RETRY"], ["STEP_RESTARTED", "STEP_FAILURE"]]


def test_the_op_of_a_hook_is_the_one_in_the_graph_under_its_name_there():
    seen = []

    @success_hook
    def look(context):
        seen.append((context.op.name, context.op.definition.name, context.step.key))

    @graph
    def inner():
        fine.alias("second")()

    @job(hooks={look})
    def outer():
        fine.alias("first")()
        inner()

    outer.execute_in_process()
    assert seen == [("first", "fine", "first"), ("second", "fine", "inner.second")]


# --- what a failure hook sees of retries -----------------------------------------


def _raises(error):
    raise error


def _asks_again(retries, cause):
    def work():
        try:
            raise cause
        except type(cause) as error:
            raise RetryRequested(max_retries=retries) from error

    return work


@pytest.mark.parametrize(
    ("work", "policy", "seen"),
    [
        (lambda: _raises(KeyError("k")), None, (KeyError, None)),
        (lambda: _raises(KeyError("k")), RetryPolicy(max_retries=2), (KeyError, None)),
        (lambda: _raises(Failure("f")), RetryPolicy(max_retries=1), (Failure, None)),
        (lambda: _raises(RetryRequested(max_retries=1)), None, (RetryRequested, None)),
        (_asks_again(0, KeyError("k")), None, (RetryRequested, KeyError)),
        (_asks_again(2, KeyError("k")), None, (RetryRequested, KeyError)),
        (_asks_again(1, Failure("f")), None, (RetryRequested, Failure)),
        (_asks_again(0, KeyError("k")), RetryPolicy(max_retries=1), (RetryRequested, KeyError)),
    ],
)
def test_a_failure_hook_sees_once_what_was_raised_last_and_its_cause(work, policy, seen):
    found = []

    @failure_hook
    def tells(context):
        error = context.op_exception
        found.append((type(error), error.__cause__ and type(error.__cause__)))

    @op(retry_policy=policy)
    def failing():
        work()

    @job(hooks={tells})
    def single():
        failing()

    single.execute_in_process(raise_on_error=False)
    assert found == [seen]
