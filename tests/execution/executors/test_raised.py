"""What a step raises that is no `Exception`, or cannot be shown: with every executor."""

from __future__ import annotations

import asyncio
import threading

import pytest

from jobnb import RetryPolicy, RunStatus, StepStatus, job, op


class Ends(BaseException):
    """Neither an `Exception` nor one of Python's own."""


class Mute(Exception):
    """Has no words, and cannot be read again where it is sent."""

    def __init__(self, first, second):
        super().__init__(first)

    def __str__(self):
        raise ValueError("no words")


@op
def one():
    return 1


@op
def after(given):
    return given


def raising(make, policy=None):
    @op(retry_policy=policy)
    def bad():
        raise make()

    @job
    def work():
        after(bad())
        one()

    return work


def ended(work, instance, executor):
    run = work.launch(instance=instance, executor=executor)
    try:
        assert run.wait(60).is_finished
    finally:
        run.cancel()
    return run


@pytest.mark.parametrize(
    "error", [Ends, GeneratorExit, asyncio.CancelledError], ids=lambda each: each.__name__
)
def test_a_step_that_raises_no_exception_fails_as_any_other(executor, instance, error):
    state = ended(raising(lambda: error("asked for")), instance, executor).state
    assert state.status is RunStatus.FAILURE
    told = state.steps["bad"].error
    assert (told.cls_name, told.message) == (error.__name__, "asked for")
    assert told.where.startswith("test_raised.py")
    assert state.steps["after"].status is StepStatus.SKIPPED
    assert state.steps["one"].status is StepStatus.SUCCEEDED


def test_a_retry_policy_holds_for_what_is_no_exception(executor, instance):
    work = raising(lambda: Ends("again"), RetryPolicy(max_retries=1))
    assert ended(work, instance, executor).state.steps["bad"].attempts == 2


def test_a_step_that_interrupts_itself_ends_once(executor, instance):
    run = ended(raising(lambda: KeyboardInterrupt("by itself")), instance, executor)
    state = run.state
    if executor == "in_process":  # the run and its step have one thread: the run is interrupted
        assert state.status is RunStatus.CANCELED
        return
    assert state.status is RunStatus.FAILURE
    told = state.steps["bad"].error
    assert "KeyboardInterrupt: by itself" in told.message
    assert told.where.startswith("test_raised.py")
    assert state.steps["bad"].attempts == 1
    assert state.steps["one"].status is StepStatus.SUCCEEDED
    with pytest.raises(Exception, match="KeyboardInterrupt"):
        run.result()


def test_a_step_is_told_as_failed_where_its_error_has_no_words(executor, instance):
    run = ended(raising(lambda: Mute(1, 2)), instance, executor)
    told = run.state.steps["bad"].error
    assert told.cls_name == "Mute"
    assert "cannot be shown" in told.message


def test_an_error_that_cannot_be_sent_is_told_in_its_words(executor, instance):
    def locked():
        error = ValueError("has a lock")
        error.lock = threading.Lock()
        return error

    told = ended(raising(locked), instance, executor).state.steps["bad"].error
    assert (told.cls_name, told.message) == ("ValueError", "has a lock")
