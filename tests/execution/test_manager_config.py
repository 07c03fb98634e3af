"""Config for single values: what managers are told of one output or one input."""

from __future__ import annotations

import pytest

from jobnb import (
    DynamicOut,
    DynamicOutput,
    Field,
    In,
    InvalidConfigError,
    IOManager,
    Out,
    graph,
    input_manager,
    io_manager,
    job,
    op,
)


class Told(IOManager):
    """Remembers what config told it, by step."""

    def __init__(self):
        self.stored = {}
        self.loaded = {}
        self.values = {}

    def handle_output(self, context, obj):
        self.stored[context.step_key, context.mapping_key] = context.config
        self.values[tuple(context.get_identifier())] = obj

    def load_input(self, context):
        self.loaded[context.name] = (context.config, context.upstream_output.config)
        return self.values[tuple(context.get_identifier())]


@op
def one():
    return 1


@op
def plus(x):
    return x + 1


def job_with(told, composed, **schemas):
    @io_manager(**schemas)
    def manager(_context):
        return told

    return composed.to_job(resource_defs={"io_manager": manager})


@graph
def two_steps():
    plus(one())


@graph
def nested():
    two_steps()


def outputs(**by_op):
    return {name: {"outputs": {"result": value}} for name, value in by_op.items()}


def test_each_output_has_its_own_config_and_readers_see_it():
    told = Told()
    single = job_with(told, two_steps, output_config_schema={"path": str})
    config = {"ops": outputs(one={"path": "a"}, plus={"path": "b"})}
    assert single.execute_in_process(run_config=config).output_for_node("plus") == 2
    assert told.stored == {("one", None): {"path": "a"}, ("plus", None): {"path": "b"}}
    assert told.loaded["x"] == (None, {"path": "a"})


def test_outputs_in_nested_graphs_have_theirs():
    told = Told()
    single = job_with(told, nested, output_config_schema=str)
    config = {"ops": {"two_steps": {"ops": outputs(one="a", plus="b")}}}
    single.execute_in_process(run_config=config)
    assert told.stored == {("two_steps.one", None): "a", ("two_steps.plus", None): "b"}


def test_all_that_lacks_and_all_that_is_too_much_is_told_at_once():
    single = job_with(Told(), two_steps, output_config_schema={"path": str})
    with pytest.raises(InvalidConfigError) as caught:
        single.execute_in_process(run_config={"ops": {"one": {"outputs": {"reslt": 1}}}})
    said = str(caught.value)
    assert "ops > one > outputs > result > path: is required" in said
    assert "ops > one > outputs > reslt: is not a field here" in said
    assert "ops > plus > outputs > result > path: is required" in said


def test_defaults_are_filled_in_and_what_is_optional_may_be_left_out():
    told = Told()
    schema = {"mode": Field(str, default_value="replace"), "path": Field(str, is_required=False)}
    job_with(told, two_steps, output_config_schema=schema).execute_in_process()
    assert told.stored["one", None] == {"mode": "replace"}
    told = Told()
    optional = Field({"path": str}, is_required=False)
    job_with(told, two_steps, output_config_schema=optional).execute_in_process()
    assert told.stored["one", None] is None


def test_every_value_of_a_dynamic_output_has_the_outputs_config():
    @op(out=DynamicOut())
    def parts():
        yield DynamicOutput(1, "a")
        yield DynamicOutput(2, "b")

    @graph
    def fan():
        parts().map(plus)

    told = Told()
    single = job_with(told, fan, output_config_schema=str)
    single.execute_in_process(run_config={"ops": outputs(parts="p", plus="q")})
    assert told.stored == {
        ("parts", "a"): "p",
        ("parts", "b"): "p",
        ("plus[a]", None): "q",
        ("plus[b]", None): "q",
    }


def test_only_the_outputs_of_that_manager_take_config():
    told = Told()

    @io_manager(output_config_schema=str)
    def special(_context):
        return told

    @op(out={"kept": Out(io_manager_key="special"), "plain": Out()})
    def both():
        return 1, 2

    @job(resource_defs={"special": special})
    def single():
        both()

    config = {"ops": {"both": {"outputs": {"kept": "here"}}}}
    assert single.execute_in_process(run_config=config).success
    assert told.stored == {("both", None): "here"}
    with pytest.raises(InvalidConfigError, match="outputs > plain: is not a field here"):
        single.execute_in_process(
            run_config={"ops": {"both": {"outputs": {"kept": "here", "plain": 3}}}}
        )


def test_config_for_the_outputs_of_a_step_that_does_not_run_is_not_looked_at():
    told = Told()
    single = job_with(told, two_steps, output_config_schema=str)
    config = {"ops": outputs(one="a", plus=["anything"])}
    assert single.execute_in_process(run_config=config, op_selection=["one"]).success
    assert told.stored == {("one", None): "a"}


def test_an_input_manager_is_told_what_config_says_of_its_input():
    seen = []

    @input_manager(input_config_schema={"table": str})
    def database(context):
        seen.append(context.config)
        return context.config["table"].upper()

    @op(ins={"rows": In(input_manager_key="database"), "limit": In(int)})
    def read(rows, limit):
        return rows, limit

    @job(resource_defs={"database": database})
    def single():
        read()

    config = {"ops": {"read": {"inputs": {"rows": {"table": "orders"}, "limit": 3}}}}
    assert single.execute_in_process(run_config=config).output_for_node("read") == ("ORDERS", 3)
    assert seen == [{"table": "orders"}]
    with pytest.raises(InvalidConfigError, match="ops > read > inputs > rows > table: is required"):
        single.execute_in_process(run_config={"ops": {"read": {"inputs": {"limit": 3}}}})
