"""What outputs and inputs come to, and how long values are held."""

from __future__ import annotations

from typing import Any

import pytest

from jobnb import (
    Config,
    EnvVar,
    Field,
    In,
    InvalidConfigError,
    InvariantViolationError,
    Nothing,
    OpDefinition,
    Out,
    Output,
    RunConfig,
    StepOutputNotFoundError,
    graph,
    job,
    op,
)


@op
def one():
    return 1


@op
def plus(x):
    return x + 1


@op
def listed(xs):
    return xs


# --- several outputs ---------------------------------------------------------


def test_outputs_as_a_tuple_as_yields_and_by_name():
    outs = {"a": Out(), "b": Out()}

    @op(out=outs)
    def as_tuple():
        return 1, 2

    @op(out=outs)
    def as_yields():
        yield Output(2, "b")
        yield Output(1, "a")

    @op(out=outs)
    def as_outputs():
        return Output(1, output_name="a"), Output(2, output_name="b", metadata={"n": 2})

    @job
    def several():
        as_tuple()
        as_yields()
        as_outputs()

    result = several.execute_in_process()
    for name in ("as_tuple", "as_yields", "as_outputs"):
        assert (result.output_for_node(name, "a"), result.output_for_node(name, "b")) == (1, 2)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ((1, 2, 3), "3 values"),
        (5, "returned int"),
        ((Output(1, output_name="b"), Output(2, output_name="a")), "in the place of 'a'"),
    ],
)
def test_outputs_that_do_not_fit_are_refused_in_words(given, match):
    @op(out={"a": Out(), "b": Out()})
    def misfit():
        return given

    @job
    def several():
        misfit()

    with pytest.raises(InvariantViolationError, match=match):
        several.execute_in_process()


def test_a_required_output_that_does_not_come_fails_the_step():
    @op(out={"a": Out(), "b": Out()})
    def half():
        yield Output(1, "a")

    @job
    def several():
        plus(half()[0])

    result = several.execute_in_process(raise_on_error=False)
    assert result.failure_data_for_node("half").error.cls_name == "DagsterStepOutputNotFoundError"
    assert result.is_node_skipped("plus"), "what a failed step had yielded is not handed on"


@pytest.mark.parametrize("item", [Output(1, "nope"), 5])
def test_a_yield_that_is_no_output_is_refused(item):
    @op
    def odd():
        yield item

    @job
    def one_step():
        odd()

    with pytest.raises(InvariantViolationError, match="odd"):
        one_step.execute_in_process()


# --- branching ---------------------------------------------------------------


@op(out={"left": Out(is_required=False), "right": Out(is_required=False)})
def branch():
    yield Output(1, "left")


def test_skips_go_down_and_a_fan_in_takes_what_came():
    @job
    def branching():
        left, right = branch()
        on_left, on_right = plus.alias("on_left")(left), plus.alias("on_right")(right)
        listed([on_left, on_right])
        listed.alias("only_skipped")([on_right, right])

    result = branching.execute_in_process()
    assert result.output_for_node("listed") == [2]
    assert result.is_node_skipped("only_skipped")
    assert not result.is_node_untouched("only_skipped")


def test_a_fan_in_waits_for_all_that_could_have_come():
    """A failure, unlike a skip, leaves a fan-in incomplete: it does not run."""

    @op
    def broken():
        raise ValueError("broken")

    @job
    def fan():
        listed([one(), broken()])

    result = fan.execute_in_process(raise_on_error=False)
    assert result.is_node_skipped("listed")


def test_a_missing_output_is_told_in_both_errors_users_catch():
    @job
    def branching():
        plus(branch()[1])

    result = branching.execute_in_process()
    for error in (StepOutputNotFoundError, InvariantViolationError):
        with pytest.raises(error, match="did not yield it|skipped"):
            result.output_for_node("plus")


def test_ordering_by_nothing_alone():
    order = []

    @op(out=Out(Nothing))
    def first():
        order.append("first")

    @op(ins={"go": In(Nothing)})
    def second():
        order.append("second")
        return 2

    @job
    def ordered():
        second([first(), first.alias("also")()])

    assert ordered.execute_in_process().output_for_node("second") == 2
    assert order == ["first", "first", "second"]


# --- where inputs come from --------------------------------------------------


def test_inputs_from_config_defaults_and_the_graph():
    @op
    def given(number: int, text: str, rest: dict, default: Any = "d"):
        return number, text, rest, default

    @graph
    def outer(number):
        return given(number)

    made = outer.to_job(
        config={"ops": {"given": {"inputs": {"text": "t", "rest": {"k": [1]}}}}},
    )
    result = made.execute_in_process(input_values={"number": 3})
    assert result.output_value() == (3, "t", {"k": [1]}, "d")
    with pytest.raises(InvariantViolationError, match="no output 'nope'"):
        result.output_value("nope")


def test_config_in_its_three_forms(monkeypatch):
    monkeypatch.setenv("JOBNB_TEST_WORD", "from the environment")

    class Settings(Config):
        word: str
        count: int = 2

    @op
    def typed(config: Settings):
        return config.word, config.count

    @op(config_schema={"x": Field(int, default_value=5)})
    def described(context):
        return context.op_config

    @job
    def configured():
        typed()
        described()

    result = configured.execute_in_process(
        run_config=RunConfig(ops={"typed": Settings(word=EnvVar("JOBNB_TEST_WORD"))})
    )
    assert result.output_for_node("typed") == ("from the environment", 2)
    assert result.output_for_node("described") == {"x": 5}
    assert "from the environment" not in str(result.run.run_config)
    with pytest.raises(InvalidConfigError, match="word"):
        configured.execute_in_process()


@pytest.mark.parametrize("name", ["context", "_context", "_"])
def test_any_name_of_the_context_will_do(name):
    scope: dict[str, Any] = {}
    exec(f"def named({name}, x=4):\n    return x", scope)
    made = op(scope["named"])

    @job
    def single():
        made()

    assert single.execute_in_process().output_for_node("named") == 4


def test_an_op_from_a_plain_compute_function():
    def compute(context, inputs):
        assert context.op_def.name == "raw"
        yield Output(inputs["x"] + 1, "out")

    raw = OpDefinition(compute, "raw", ins={"x": In()}, outs={"out": Out()})

    @job
    def single():
        raw(one())

    assert single.execute_in_process().output_for_node("raw", "out") == 2


def test_none_is_a_value_like_any_other():
    @op
    def nothing():
        return None

    @op
    def seen(x):
        return x is None

    @job
    def single():
        seen(nothing())

    assert single.execute_in_process().output_for_node("seen") is True
