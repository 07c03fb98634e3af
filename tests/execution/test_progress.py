"""How far a step is: what it reports, what is passed on of it, and what stays in the history."""

from __future__ import annotations

import itertools
import threading
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from jobnb import (
    Instance,
    InvalidInvocationError,
    OpExecutionContext,
    RetryPolicy,
    asset,
    build_asset_context,
    build_op_context,
    fold,
    job,
    materialize,
    op,
)
from jobnb.display.run_marks import progress_words
from jobnb.events import StepProgressed, decode_events, encode_events
from jobnb.execution.progress import ProgressReporter
from tests.execution.until import until


class Clock:
    """A clock that a test sets; what is to be done later is done when the time has come."""

    def __init__(self):
        self.now = 0.0
        self._waiting = {}
        self._numbers = itertools.count()

    def __call__(self):
        return self.now

    def later(self, seconds, call):
        number = next(self._numbers)
        self._waiting[number] = (self.now + seconds, call)
        return lambda: self._waiting.pop(number, None)

    def pass_by(self, seconds):
        self.now += seconds
        for number, (due, call) in list(self._waiting.items()):
            if due <= self.now + 1e-9:
                self._waiting.pop(number, None)
                call()

    @property
    def waiting(self):
        return len(self._waiting)


def reporting():
    clock, told = Clock(), []
    return clock, told, ProgressReporter(told.append, clock, clock.later)


def event(done, total=None):
    return StepProgressed(1.0, "load", done, total)


def dones(events):
    return [each.done for each in events if isinstance(each, StepProgressed)]


def test_of_a_thousand_reports_a_second_a_few_are_passed_on_and_the_last_one():
    clock, told, reporter = reporting()
    for number in range(2000):
        reporter.report(event(number, 5000))
        clock.pass_by(0.001)
    reporter.end()
    assert dones(told)[0] == 0
    assert dones(told)[-1] == 1999
    assert dones(told) == sorted(set(dones(told)))
    assert 8 <= len(told) <= 10
    assert not clock.waiting


def test_a_report_that_came_too_early_is_shown_when_the_step_says_no_more():
    clock, told, reporter = reporting()
    for number in range(5):
        reporter.report(event(number))
    assert dones(told) == [0]
    clock.pass_by(0.3)
    assert dones(told) == [0, 4]
    reporter.end()
    assert dones(told) == [0, 4]


def test_a_report_of_now_and_then_is_passed_on_at_once():
    clock, told, reporter = reporting()
    for number in range(5):
        reporter.report(event(number))
        assert dones(told)[-1] == number
        clock.pass_by(1)


def test_the_history_of_a_step_of_a_day_stays_small():
    clock, told, reporter = reporting()
    for second in range(24 * 3600):
        reporter.report(event(second))
        clock.pass_by(1)
    assert 1000 < len(told) < 4000


def test_what_a_thread_reports_after_the_end_is_left():
    clock, told, reporter = reporting()
    reporter.report(event(1))
    reporter.end()
    reporter.report(event(2))
    clock.pass_by(100)
    assert dones(told) == [1]


@pytest.mark.parametrize("count", [1, 20_000])
def test_the_history_keeps_the_first_and_the_last_of_many(count, tmp_path):
    @op
    def load(context: OpExecutionContext):
        for number in range(count):
            context.report_progress(number + 1, count, "rows")

    @job
    def daily():
        load()

    with Instance(home=tmp_path) as instance:
        result = daily.execute_in_process(instance=instance)
        kept = dones(each for each in result.all_events)
        stored = [each.dagster_event for each in instance.all_logs(result.run_id)]
        assert kept[0] == 1
        assert kept[-1] == count
        assert dones(stored) == kept
        assert len(kept) < 100
        state = fold(filter(None, stored))
        assert state.steps["load"].progress.words == f"{count:,} of {count:,} · rows"


def shown(run):
    step = run.state.steps.get("load")
    return progress_words(step) if step is not None else ""


def test_it_is_seen_while_the_step_goes_on():
    go_on = threading.Event()

    @op
    def load():
        context = OpExecutionContext.get()  # as helper code does that is given none
        context.report_progress(0, 10)
        context.report_progress(4, 10)
        go_on.wait(60)

    @job
    def daily():
        load()

    run = daily.launch()
    try:
        until(lambda: shown(run).endswith("4 of 10"))
        assert not run.is_finished
    finally:
        go_on.set()
    assert run.wait(60).state.is_success


def test_a_step_that_fails_keeps_how_far_it_came_and_a_retry_begins_anew():
    attempts = itertools.count()

    @op(retry_policy=RetryPolicy(max_retries=1))
    def load(context: OpExecutionContext):
        if not next(attempts):
            for number in range(8):
                context.report_progress(number, 10)
            raise ValueError("no more rows")
        raise ValueError("no rows")

    @job
    def daily():
        load()

    result = daily.execute_in_process(raise_on_error=False)
    assert dones(result.all_events) == [0, 7]
    kinds = [each.event_type_value for each in result.all_events if each.step_key == "load"]
    at = kinds.index("STEP_UP_FOR_RETRY")
    assert kinds[at - 1] == "ENGINE_EVENT"
    run = daily.launch().wait(60)
    assert run.state.steps["load"].progress is None


def test_an_asset_reports_and_all_numbers_of_python_count():
    given = [np.int64(1), np.float32(1.5), Fraction(5, 2), Decimal(3), 10**400 // 10**390]
    told = []

    @asset
    def orders(context):
        for number in given:
            context.report_progress(number)
            context._progress.end()
            context._progress = None

    told = dones(materialize([orders]).all_events)
    assert told == [1, 1.5, 2.5, 3.0, 10**10]
    assert decode_events(encode_events([event(told[0], 2)]))[0].fraction == 0.5


def test_more_than_all_counts_as_all():
    @asset
    def orders(context):
        context.report_progress(12, 10, "rows\nof orders" + " x" * 500)

    (found,) = (
        each for each in materialize([orders]).all_events if isinstance(each, StepProgressed)
    )
    assert (found.done, found.fraction) == (10, 1)
    assert found.text.startswith("rows of orders x")
    assert len(found.text) <= 200


WRONG = [
    (-1, None, None, "done is -1"),
    ("3", None, None, "done is '3'"),
    (True, None, None, "done is True"),
    (float("nan"), 10, None, "done is nan"),
    (10**400, None, None, "done is 1000"),
    (1, -1, None, "total is -1: give a number, 0 or more, or leave it out"),
    (1, float("inf"), None, "total is inf"),
    (1, 2, 3, "message is 3: give a text"),
    (-1, -1, None, "done is -1: give a number, 0 or more; total is -1"),
]


@pytest.mark.parametrize(("done", "total", "message", "says"), WRONG)
@pytest.mark.parametrize("build", [build_op_context, build_asset_context])
def test_what_makes_no_sense_is_refused_also_in_a_unit_test(build, done, total, message, says):
    with pytest.raises(InvalidInvocationError) as caught:
        build().report_progress(done, total, message)
    assert says in str(caught.value)


def test_of_an_empty_table_all_rows_are_done():
    empty = event(0, 0)
    assert (empty.fraction, empty.words) == (1.0, "0 of 0")
    build_op_context().report_progress(0, len([]))


def test_outside_of_a_run_nothing_happens():
    @op
    def load(context):
        context.report_progress(1, 2, "rows")
        return 1

    context = build_op_context()
    assert load(context) == 1
    assert not [each for each in context._run.events if isinstance(each, StepProgressed)]


WORDS = [
    ((1500, 6000, "orders"), "1,500 of 6,000 · orders"),
    ((1500,), "1,500"),
    ((0.25, 1), "25%"),
    ((0, 1), "0 of 1"),
    ((1.25, 2.0), "1.25 of 2"),
]


@pytest.mark.parametrize(("given", "words"), WORDS)
def test_progress_is_told_in_words(given, words):
    assert StepProgressed(1.0, "load", *given).words == words
