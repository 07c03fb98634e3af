"""Type checks of inputs and outputs in a run."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from jobnb import (
    DataType,
    DynamicOut,
    DynamicOutput,
    Failure,
    In,
    Out,
    PythonObjectDataType,
    ResourceDefinition,
    RetryPolicy,
    RetryRequested,
    TypeCheck,
    TypeCheckDidNotPass,
    TypeCheckError,
    job,
    materialize,
    op,
    usable_as_data_type,
)
from tests.execution.told import kinds, of_kind

POSITIVE = DataType(
    name="Positive",
    type_check_fn=lambda _context, value: TypeCheck(
        success=value > 0, description="it must be positive", metadata={"value": value}
    ),
)


def run(*ops, **resources):
    @job(resource_defs=resources)
    def single():
        value = None
        for each in ops:
            value = each(value) if value is not None else each()

    return single


def test_a_value_of_the_wrong_type_fails_the_step_that_gave_it():
    @op
    def says_int() -> int:
        return "text"

    made = run(says_int)
    with pytest.raises(TypeCheckDidNotPass, match="output 'result' of 'says_int'.*Int") as caught:
        made.execute_in_process()
    assert caught.value.dagster_type.display_name == "Int"
    result = made.execute_in_process(raise_on_error=False)
    assert kinds(result, "says_int") == ["STEP_START", "STEP_OUTPUT", "STEP_FAILURE"]
    assert of_kind(result, "STEP_OUTPUT")[0].passed is False


def test_a_value_of_the_wrong_type_fails_the_step_that_takes_it():
    @op
    def text():
        return "text"

    @op
    def wants_int(x: int):
        raise AssertionError("it ran")

    result = run(text, wants_int).execute_in_process(raise_on_error=False)
    assert result.get_failed_step_keys() == {"wants_int"}
    (checked,) = of_kind(result, "STEP_INPUT")
    assert (checked.passed, checked.type_name) == (False, "Int")
    assert "Expected int, got str" in checked.description


def test_the_verdicts_words_and_facts_are_in_the_event():
    @op(out=Out(POSITIVE))
    def number():
        return -1

    @op(out=Out(POSITIVE))
    def good():
        return 5

    @job
    def both():
        number()
        good()

    result = both.execute_in_process(raise_on_error=False)
    bad, fine = (of_kind(result, "STEP_OUTPUT", step)[0] for step in ("number", "good"))
    assert (bad.passed, bad.description) == (False, "it must be positive")
    assert bad.metadata == {"value": {"type": "int", "value": -1}}
    assert (fine.passed, fine.metadata) == (True, {"value": {"type": "int", "value": 5}})
    with pytest.raises(TypeCheckDidNotPass) as caught:
        both.execute_in_process()
    assert caught.value.metadata["value"].value == -1


@pytest.mark.parametrize("where", ["output", "input"])
def test_a_check_may_use_resources(where):
    below = DataType(
        name="Below",
        type_check_fn=lambda context, value: value < context.resources.limit,
        required_resource_keys={"limit"},
    )

    @op(out=Out(below if where == "output" else Any))
    def number():
        return 3

    @op(ins={"x": In(below if where == "input" else Any)})
    def takes(x):
        return x

    for limit, passes in ((5, True), (2, False)):
        made = run(number, takes, limit=ResourceDefinition.hardcoded_resource(limit))
        assert made.execute_in_process(raise_on_error=False).success is passes


def test_a_check_that_fails_itself_fails_the_step_with_its_own_error():
    def check(_context, _value):
        raise ValueError("in the check")

    @op(out=Out(DataType(name="Odd", type_check_fn=check)))
    def number():
        return 1

    with pytest.raises(ValueError, match="in the check"):
        run(number).execute_in_process()

    @op(out=Out(DataType(name="Odder", type_check_fn=lambda _context, _value: "yes")))
    def other():
        return 1

    with pytest.raises(TypeCheckError, match="'Odder' returned str 'yes'"):
        run(other).execute_in_process()


@usable_as_data_type(name="Sheet")
class Sheet: ...


def test_a_class_of_the_user_as_a_type():
    @op
    def right() -> Sheet:
        return Sheet()

    @op
    def wrong() -> Sheet:
        return 3

    result = run(right).execute_in_process()
    assert of_kind(result, "STEP_OUTPUT")[0].type_name == "Sheet"
    with pytest.raises(TypeCheckDidNotPass, match="Sheet"):
        run(wrong).execute_in_process()


def test_each_element_of_a_dynamic_output_is_checked():
    @op(out=DynamicOut(int))
    def parts():
        yield DynamicOutput(1, "good")
        yield DynamicOutput("text", "bad")

    result = run(parts).execute_in_process(raise_on_error=False)
    assert [(e.mapping_key, e.passed) for e in of_kind(result, "STEP_OUTPUT")] == [
        ("good", True),
        ("bad", False),
    ]


# -- a cell that defines a class is run again


CELL = """
from dataclasses import dataclass

@dataclass
class Thing:
    n: int

class Child(Thing):
    pass
"""


@pytest.fixture
def cells(monkeypatch):
    """Runs code as a cell of a notebook, in one kernel."""
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)

    def run(code):
        exec(compile(code, "<cell>", "exec", dont_inherit=True), vars(module))
        return vars(module)

    return run


USES = """
from jobnb import asset

@asset
def one() -> Thing:
    return Thing(1)

@asset
def several() -> dict[str, list[Thing | None]]:
    return {"a": [Child(2), None]}

@asset
def kinds() -> type[Thing]:
    return Child

@asset
def used(one: Thing, several: dict[str, list[Thing | None]], kinds: type[Thing]) -> Thing | str:
    return one
"""


def test_after_the_cell_of_a_class_was_run_again_its_name_counts(cells):
    names = cells(CELL)
    cells(USES)
    made = [names[each] for each in ("one", "several", "kinds", "used")]
    assert materialize(made).success
    cells(CELL)  # the functions, and their annotations, are as they were
    result = materialize(made)
    assert result.asset_value("used") == names["Thing"](1)
    assert type(result.asset_value("used")) is names["Thing"]


def test_a_class_of_another_name_or_of_a_function_is_another_class(cells):
    names = cells(CELL)
    cells(USES)
    cells("class Other: ...\ndef Child(n): return Other()\n")
    assert materialize([names["one"]]).success
    with pytest.raises(TypeCheckDidNotPass, match="several"):
        materialize([names["several"]])

    def local():
        class Thing: ...

        return Thing

    assert not PythonObjectDataType(local()).type_check(None, local()()).success


@pytest.mark.parametrize(
    "raised", [Failure("no", metadata={"n": 1}), RetryRequested(max_retries=3)]
)
def test_what_a_type_check_raises_for_a_step_is_an_error_of_the_check_and_tried_once(raised):
    def check(_context, _value):
        raise raised

    kind = DataType(name="Asking", type_check_fn=check)

    @op(out=Out(kind), retry_policy=RetryPolicy(max_retries=2))
    def asking():
        return 1

    job_of_it = run(asking)
    result = job_of_it.execute_in_process(raise_on_error=False)
    (failed,) = [each for each in result.all_events if each.event_type_value == "STEP_FAILURE"]
    data = failed.event_specific_data
    assert data.error.cls_name == "DagsterTypeCheckError"
    assert data.user_failure_data is None
    assert "STEP_UP_FOR_RETRY" not in kinds(result, "asking")
    with pytest.raises(type(raised)):
        job_of_it.execute_in_process()


def test_types_are_checked_after_all_inputs_are_loaded():
    @op
    def one():
        return 1

    @op
    def joined(x: int, y: int):
        return x + y

    @job
    def both():
        joined(one(), one.alias("other")())

    result = both.execute_in_process()
    mine = [e.event_type_value for e in result.all_events if e.step_key == "joined"]
    assert mine[1:5] == ["LOADED_INPUT", "LOADED_INPUT", "STEP_INPUT", "STEP_INPUT"]
