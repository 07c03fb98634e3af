"""What an op returns, beside what its annotation says it returns."""

from __future__ import annotations

from typing import Any

import pytest

from jobnb import (
    DataType,
    DynamicOut,
    DynamicOutput,
    Failure,
    InvariantViolationError,
    MetadataValue,
    Out,
    Output,
    TypeCheckDidNotPass,
    asset,
    check_data_type,
    job,
    materialize,
    op,
)


def returning(value, note, **declared):
    """A job of one op that returns a value, annotated with a note."""

    def gives():
        return value

    gives.__annotations__ = {"return": note}
    made = op(**declared)(gives)

    @job
    def work():
        made()

    return made, work


@pytest.mark.parametrize(
    ("value", "note"),
    [
        (42, Output[int]),
        (None, Output),
        (Output(42), int),
        ([1], Output[list]),
        (42, "Output[int]"),
    ],
)
def test_an_output_is_wrapped_where_the_annotation_says_so_and_only_there(value, note):
    made, work = returning(value, note)
    for run in (made, work.execute_in_process):
        with pytest.raises(InvariantViolationError, match="'gives' (is said|returned an Output)"):
            run()


@pytest.mark.parametrize("note", [Output[int], Output, Any, "Output[int]", "SomewhereElse"])
def test_an_output_is_taken_where_the_annotation_does_not_exclude_it(note):
    _, work = returning(Output(42), note)
    assert work.execute_in_process().output_for_node("gives") == 42


def test_each_of_several_outputs_is_looked_at():
    outs = {"a": Out(), "b": Out()}
    _, work = returning((Output(1), "x"), tuple[Output[int], str], out=outs)
    assert work.execute_in_process().output_for_node("gives", "a") == 1
    _, wrong = returning((1, "x"), tuple[Output[int], str], out=outs)
    with pytest.raises(InvariantViolationError, match="its output 'a' as an Output"):
        wrong.execute_in_process()


def test_an_asset_too():
    @asset
    def orders() -> Output[int]:
        return 3

    with pytest.raises(InvariantViolationError, match="'orders' is said to return"):
        materialize([orders])


@pytest.mark.parametrize(
    "note",
    [
        list[DynamicOutput[int]],
        list[DynamicOutput],
        "list[DynamicOutput[int]]",
        "typing.List[jobnb.DynamicOutput]",
    ],
)
def test_a_list_of_dynamic_outputs_needs_no_declaration(note):
    made, _ = returning([DynamicOutput(1, "a"), DynamicOutput(2, "b")], note)

    @op
    def twice(x):
        return 2 * x

    @job
    def work():
        made().map(twice)

    assert work.execute_in_process().output_for_node("twice") == {"a": 2, "b": 4}


def test_each_element_is_of_the_type_in_the_list():
    _, work = returning([DynamicOutput("s", "a")], list[DynamicOutput[int]])
    with pytest.raises(TypeCheckDidNotPass):
        work.execute_in_process()
    _, bare = returning([1], list[DynamicOutput[int]])
    with pytest.raises(InvariantViolationError, match="Return a list of DynamicOutput"):
        bare.execute_in_process()


def test_metadata_of_an_output_that_was_yielded_already_is_refused():
    @op
    def late(context):
        yield Output(1)
        context.add_output_metadata({"a": 1})

    @op(out=DynamicOut())
    def spread(context):
        yield DynamicOutput(1, mapping_key="a")
        context.add_output_metadata({"n": 1}, mapping_key="b")
        yield DynamicOutput(1, mapping_key="b")
        context.add_output_metadata({"n": 1}, mapping_key="a")

    @op(out={"a": Out(), "b": Out()})
    def in_turn(context):
        yield Output(1, "a")
        context.add_output_metadata({"n": 1}, "b")
        yield Output(2, "b")

    def run(made):
        return job(name="work")(lambda: (made(), None)[1]).execute_in_process()

    with pytest.raises(InvariantViolationError, match="has yielded its output 'result' already"):
        run(late)
    with pytest.raises(InvariantViolationError, match="'result' with the mapping_key 'a' already"):
        run(spread)
    events = [e for e in run(in_turn).all_events if e.is_successful_output]
    assert events[1].event_specific_data.metadata == {"n": MetadataValue.int(1)}


def test_a_type_check_says_no_with_a_failure():
    def even(_, value):
        if value % 2:
            raise Failure("odd", metadata={"value": value})
        return True

    verdict = check_data_type(DataType(even, name="Even"), 3)
    assert (verdict.success, verdict.description) == (False, "odd")
    assert verdict.metadata == {"value": MetadataValue.int(3)}
