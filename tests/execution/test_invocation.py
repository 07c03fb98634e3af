"""Calling ops and assets directly, as unit tests do."""

from __future__ import annotations

import asyncio

import pytest

from jobnb import (
    AssetMaterialization,
    Config,
    ConfigurableResource,
    DynamicOut,
    DynamicOutput,
    EnvVar,
    In,
    InvalidConfigError,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    MissingResourceError,
    Nothing,
    Out,
    Output,
    TypeCheckDidNotPass,
    asset,
    build_op_context,
    op,
    resource,
)


class Settings(Config):
    n: int = 1


class Limit(ConfigurableResource):
    k: int

    def setup_for_execution(self, context):
        SET_UP.append(self.k)


SET_UP: list[int] = []


@op
def add(x, y=3):
    return x + y


# --- arguments ---------------------------------------------------------------


def test_inputs_by_place_by_name_and_by_default():
    assert (add(1), add(1, 2), add(x=1, y=5), add(1, y=7)) == (4, 3, 6, 8)

    @op(ins={"x": In(int, default_value=6), "go": In(Nothing)})
    def defaulted(x):
        return x

    assert (defaulted(), defaulted(2)) == (6, 2)


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((), {}, "lacks 'x'"),
        ((1, 2, 3), {}, "3 arguments but takes 2: x, y"),
        ((1,), {"x": 2}, "'x' twice"),
        ((1,), {"yy": 2}, "takes no 'yy'. Did you mean 'y'"),
    ],
)
def test_wrong_arguments_are_told_in_words(args, kwargs, words):
    with pytest.raises(InvalidInvocationError, match=words):
        add(*args, **kwargs)


def test_the_context_comes_first_or_by_name_or_is_left_empty():
    @op
    def sees(context, x):
        return context.op_config, x

    context = build_op_context(op_config={"k": 1})
    assert sees(context, 4) == sees(context=context, x=4) == ({"k": 1}, 4)
    assert sees(None, 4) == (None, 4)
    with pytest.raises(InvalidInvocationError, match=r"sees\(build_op_context\(\)"):
        sees(4)


def test_config_by_place_by_name_in_the_context_or_by_default():
    @op
    def configured(config: Settings):
        return config.n

    assert configured(Settings(n=4)) == configured(config=Settings(n=4)) == 4
    assert configured(build_op_context(op_config={"n": 7})) == 7
    assert configured() == 1

    @op
    def all_of_it(context, x, config: Settings):
        return x, config.n

    assert all_of_it(build_op_context(), 1, Settings(n=2)) == (1, 2)

    @asset
    def made(config: Settings):
        return config.n

    assert made(Settings(n=6)) == 6


def test_config_is_checked():
    @op(config_schema={"n": int})
    def described(context):
        return context.op_config["n"]

    assert described(build_op_context(op_config={"n": 3})) == 3
    with pytest.raises(InvalidConfigError, match="n"):
        described(build_op_context())
    with pytest.raises(InvalidConfigError, match="n"):
        described(build_op_context(op_config={"n": "many"}))


def test_resources_by_place_by_name_and_in_the_context(monkeypatch):
    monkeypatch.setenv("JOBNB_TEST_K", "9")
    SET_UP.clear()

    @op
    def limited(x, limit: Limit):
        return x + limit.k

    @asset
    def made(limit: Limit):
        return limit.k

    assert limited(1, Limit(k=3)) == limited(1, limit=Limit(k=3)) == 4
    assert limited(build_op_context(resources={"limit": Limit(k=9)}), 1) == 10
    assert limited(1, Limit(k=EnvVar.int("JOBNB_TEST_K"))) == 10
    assert made(Limit(k=5)) == 5
    assert SET_UP == [3, 3, 9, 9, 5], "they are set up as in a run"
    with pytest.raises(MissingResourceError, match="needs the resources 'limit'") as raised:
        limited(1)
    assert isinstance(raised.value, (InvalidDefinitionError, InvalidInvocationError))


def test_a_resource_that_is_torn_down_with_the_context():
    closed = []

    @resource
    def connection():
        yield "open"
        closed.append(True)

    @op(required_resource_keys={"connection"})
    def uses(context):
        return context.resources.connection

    with build_op_context(resources={"connection": connection}) as context:
        assert uses(context) == "open"
        assert closed == []
    assert closed == [True]
    with pytest.raises(InvalidInvocationError, match="connection"):
        uses(build_op_context())


# --- what comes back ---------------------------------------------------------


def test_generators_stay_generators_and_outputs_outputs():
    @op(out={"a": Out(), "b": Out()})
    def both():
        yield AssetMaterialization("seen")
        yield Output(1, "a")
        yield Output(2, "b")

    assert [type(each).__name__ for each in both()] == ["AssetMaterialization", "Output", "Output"]

    @op
    def wrapped():
        return Output(5, metadata={"rows": 1})

    assert wrapped().value == 5


def test_asynchronous_ops_give_what_their_functions_give():
    @op
    async def later(x: int) -> int:
        return x + 1

    @op(out={"a": Out(), "b": Out()})
    async def both():
        yield Output(1, "a")
        yield Output(2, "b")

    async def values():
        return [each.value async for each in both()]

    assert asyncio.run(later(1)) == 2
    assert asyncio.run(values()) == [1, 2]


def test_types_are_checked_on_the_way_in_and_out():
    @op
    def typed(x: int) -> str:
        return x

    @op(out={"a": Out(int), "b": Out(str)})
    def both():
        return 1, 2

    @op(out=DynamicOut(int))
    def parts():
        yield DynamicOutput("text", "k")

    @op
    async def later() -> int:
        return "text"

    with pytest.raises(TypeCheckDidNotPass, match="input 'x' of 'typed'"):
        typed("text")
    with pytest.raises(TypeCheckDidNotPass, match="output 'result' of 'typed'"):
        typed(1)
    with pytest.raises(TypeCheckDidNotPass, match="output 'b' of 'both'"):
        both()
    with pytest.raises(TypeCheckDidNotPass, match="output 'result' of 'parts'"):
        list(parts())
    with pytest.raises(TypeCheckDidNotPass, match="output 'result' of 'later'"):
        asyncio.run(later())


def test_outputs_that_are_missing_or_unknown_are_refused():
    @op(out={"a": Out(), "b": Out()})
    def half(name):
        yield Output(1, name)

    @op(out={"a": Out(), "b": Out()})
    def long():
        return 1, 2, 3

    with pytest.raises(InvariantViolationError, match="did not give its output 'b'"):
        list(half("a"))
    with pytest.raises(InvariantViolationError, match="no output 'c'"):
        list(half("c"))
    with pytest.raises(InvariantViolationError, match="3 values"):
        long()


def test_a_failing_function_raises_its_own_error():
    @op
    def broken():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        broken()
