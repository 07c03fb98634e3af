"""A result made from the record, the events and the values of a run, as Dagster's constructor."""

from __future__ import annotations

import pytest

from jobnb import DynamicOut, DynamicOutput, job, op
from jobnb.dagster_compat import ExecuteInProcessResult
from jobnb.errors import InvariantViolationError
from jobnb.events.data import StepOutputHandle


@op
def five():
    return 5


@op(out=DynamicOut())
def parts():
    yield DynamicOutput(1, "a")
    yield DynamicOutput(2, "b")


@op
def double(part):
    return 2 * part


@op
def fail():
    raise ValueError("no")


@job
def numbers():
    five()
    parts().map(double)


@job
def failing():
    five()
    fail()


def test_it_tells_what_the_run_told():
    known = numbers.execute_in_process()
    values = {
        StepOutputHandle("five"): 5,
        StepOutputHandle("parts", mapping_key="a"): 1,
        StepOutputHandle("parts", mapping_key="b"): 2,
        StepOutputHandle("double[a]"): 2,
        StepOutputHandle("double[b]"): 4,
    }
    again = ExecuteInProcessResult(
        job_def=numbers,
        dagster_run=known.dagster_run,
        event_list=known.all_events,
        output_capture=values,
    )
    assert (again.success, again.run_id, again.job_def) == (True, known.run_id, numbers)
    assert again.all_events == known.all_events
    for node in ("five", "parts", "double"):
        assert again.output_for_node(node) == known.output_for_node(node)
        assert again.events_for_node(node) == known.events_for_node(node)
    assert again.dagster_run.status.value == "SUCCESS"


def test_it_tells_of_a_failure():
    known = failing.execute_in_process(raise_on_error=False)
    again = ExecuteInProcessResult(failing, known.dagster_run, known.all_events)
    assert not again.success
    assert again.get_failed_step_keys() == {"fail"}
    assert again.is_node_failed("fail")
    assert again.is_node_success("five")
    with pytest.raises(InvariantViolationError, match="five"):
        again.output_for_node("five")


def test_a_value_of_no_output_is_refused():
    known = failing.execute_in_process(raise_on_error=False)
    values = {StepOutputHandle("six"): 6}
    with pytest.raises(InvariantViolationError, match="'six'"):
        ExecuteInProcessResult(failing, known.dagster_run, known.all_events, values)
