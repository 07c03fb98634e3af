"""Where config of ops, graphs and resources comes from, beside what they declare."""

from __future__ import annotations

import enum
import typing
from contextlib import contextmanager

import pytest
from pydantic import Field as PydanticField

from jobnb import (
    Config,
    ConfigurableResource,
    Definitions,
    Enum,
    Field,
    GraphDefinition,
    InvalidConfigDefinitionError,
    InvalidConfigError,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvalidSubsetError,
    IOManagerDefinition,
    List,
    Optional,
    Out,
    ResourceDefinition,
    ResourceParam,
    asset,
    build_init_resource_context,
    build_op_context,
    config_mapping,
    configured,
    graph,
    job,
    logger,
    make_values_resource,
    materialize,
    op,
    resource,
    validate_run_config,
    with_resources,
)


def given(definition, config, kind="ops"):
    return {kind: {definition: {"config": config}}}


# --- config that nothing declares ----------------------------------------------------


@op
def plain(context):
    return context.op_config


@job
def plain_job():
    plain()


def test_an_op_without_a_schema_takes_any_config():
    assert plain_job.execute_in_process().output_for_node("plain") is None
    for config in ({"name": "Ann"}, 3, [1]):
        result = plain_job.execute_in_process(given("plain", config))
        assert result.output_for_node("plain") == config
    with pytest.raises(InvalidConfigError, match="confg"):
        plain_job.execute_in_process({"ops": {"plain": {"confg": 3}}})


@pytest.mark.parametrize("config", [{"a": 1}, 1])
def test_a_resource_without_a_schema_takes_any_config(config):
    @resource
    def bare(context):
        return context.resource_config

    @op(required_resource_keys={"r"})
    def reads(context):
        return context.resources.r

    for definition in (bare, make_values_resource()):

        @job(resource_defs={"r": definition})
        def work():
            reads()

        result = work.execute_in_process(given("r", config, "resources"))
        assert result.output_for_node("reads") == config


# --- inputs of graphs ----------------------------------------------------------------


@op
def show(x: int, y: int = 0):
    return x, y


@graph
def inner(a, b):
    return show(a, b)


@graph
def outer(c):
    return inner(c)


def test_inputs_of_graphs_inside_come_from_config():
    @job
    def work():
        outer()

    nested = {"inputs": {"c": {"value": 4}}, "ops": {"inner": {"inputs": {"b": {"value": 5}}}}}
    result = work.execute_in_process({"ops": {"outer": nested}})
    assert result.output_for_node("outer.inner.show") == (4, 5)
    with pytest.raises(InvalidConfigError, match="inputs"):
        work.execute_in_process({"ops": {"outer": {"inputs": {"nope": {"value": 4}}}}})


# --- config parameters with a default ------------------------------------------------


def test_the_default_of_a_config_parameter_holds():
    @op
    def named(context, config: str = "bar"):
        return config

    @job
    def work():
        named()

    assert named(build_op_context()) == "bar"
    assert named(build_op_context(config="x")) == "x"
    assert work.execute_in_process().output_for_node("named") == "bar"
    assert work.execute_in_process(given("named", "x")).output_for_node("named") == "x"


# --- schemas are read where they are written -----------------------------------------

NO_SCHEMAS = [
    "nope",
    {"x": "nope"},
    {"x": None},
    {"x": []},
    {"x": ["nope"]},
    {"x": {str: "nope"}},
    List[int],
    Optional[int],
]


@pytest.mark.parametrize("schema", NO_SCHEMAS, ids=repr)
@pytest.mark.parametrize(
    "make",
    [
        lambda schema: op(config_schema=schema)(lambda: None),
        lambda schema: resource(config_schema=schema)(lambda: None),
        lambda schema: ResourceDefinition(lambda _: None, config_schema=schema),
        lambda schema: logger(config_schema=schema)(lambda _: None),
        lambda schema: IOManagerDefinition(lambda _: None, output_config_schema=schema),
        lambda schema: IOManagerDefinition(lambda _: None, input_config_schema=schema),
    ],
)
def test_what_is_no_config_schema_is_refused(make, schema):
    with pytest.raises((InvalidConfigDefinitionError, InvalidDefinitionError)):
        make(schema)


def test_a_member_of_an_enum_is_no_default_in_config():
    class Color(enum.Enum):
        RED = 1

    with pytest.raises(InvalidConfigError, match="Write the name: 'RED'"):
        Field(Enum.from_python_enum(Color), default_value=Color.RED)
    assert Field(Enum.from_python_enum(Color), default_value="RED").default_value == "RED"


# --- resources called directly -------------------------------------------------------


@resource(config_schema={"foo": Field(str, default_value="bar")})
def configured_one(context):
    return context.resource_config["foo"]


def test_a_resource_that_is_called_gets_its_config_and_defaults():
    assert configured_one(None) == configured_one() == "bar"
    assert configured_one(build_init_resource_context(config={"foo": "x"})) == "x"
    assert configured_one.configured({"foo": "y"})(None) == "y"
    with pytest.raises(InvalidConfigError, match="nope"):
        configured_one(build_init_resource_context(config={"nope": "x"}))


def test_a_context_manager_without_parameters_is_a_resource():
    @resource
    @contextmanager
    def open_file():
        yield "foo"

    @op(required_resource_keys={"r"})
    def reads(context):
        return context.resources.r

    @job(resource_defs={"r": open_file})
    def work():
        reads()

    assert work.execute_in_process().output_for_node("reads") == "foo"


class Server(ConfigurableResource):
    url: str

    def setup_for_execution(self, context):
        SEEN.append(context.resource_config)


SEEN: list = []


def test_the_config_of_a_resource_stands_in_the_context_of_its_set_up():
    @asset
    def page(server: Server): ...

    SEEN.clear()
    assert materialize([page], resources={"server": Server(url="v")}).success
    assert SEEN == [{"url": "v"}]


class Size(Config):
    n: int


@op
def sized(context, config: Size, server: Server):
    return config.n, server.url


def test_config_and_resources_come_with_the_context_or_as_arguments():
    both = build_op_context(config={"n": 2}, resources={"server": Server(url="x")})
    assert sized(both) == (2, "x")
    assert sized(build_op_context(config={"n": 2}), server=Server(url="y")) == (2, "y")
    with pytest.raises(InvalidInvocationError, match="its config twice"):
        sized(both, config=Size(n=1))
    with pytest.raises(InvalidInvocationError, match="the resource 'server' twice"):
        sized(both, server=Server(url="y"))


# --- resources of assets and definitions ---------------------------------------------


@asset(resource_defs={"foo": ResourceDefinition.hardcoded_resource("blah")})
def brings(context):
    return context.resources.foo


@asset(required_resource_keys={"foo"})
def needs(context):
    return context.resources.foo


def test_an_asset_reads_the_resources_that_it_brings():
    assert materialize([brings]).asset_value("brings") == "blah"


def test_with_resources_refuses_a_second_one_of_a_key_and_passes_over_what_nothing_asks_for():
    with pytest.raises(InvalidInvocationError, match="'foo'"):
        with_resources([brings], {"foo": brings.resource_defs["foo"]})
    (bound,) = with_resources(
        [needs], {"foo": configured_one}, {"foo": {"config": {"foo": "x"}}, "z": {"config": 1}}
    )
    assert materialize([bound]).asset_value("needs") == "x"


def test_resources_are_taken_in_one_of_the_two_ways():
    def typed(context, bar): ...

    for note in (Server, ResourceParam[str]):
        typed.__annotations__ = {"bar": note}
        with pytest.raises(InvalidDefinitionError, match="Keep one of the two ways"):
            op(required_resource_keys={"foo"})(typed)

    @op(required_resource_keys={"foo"})
    def postponed(context, bar: Server): ...

    with pytest.raises(InvalidDefinitionError, match="Keep one of the two ways"):
        _ = postponed.required_resource_keys


def lacking_resource():
    @op(required_resource_keys={"nope"})
    def asks(context): ...

    return asks, {}


def lacking_manager():
    @op(out=Out(io_manager_key="nope"))
    def gives():
        return 1

    return gives, {}


def in_a_circle():
    @resource(required_resource_keys={"nope"})
    def one(_): ...

    @resource(required_resource_keys={"one"})
    def other(_): ...

    @op(required_resource_keys={"one"})
    def asks(context): ...

    return asks, {"one": one, "nope": other}


@pytest.mark.parametrize("parts", [lacking_resource, lacking_manager, in_a_circle])
def test_definitions_say_what_a_job_lacks_when_it_is_asked_for(parts):
    made, resources = parts()

    @job(resource_defs=resources)
    def work():
        made()

    defs = Definitions(jobs=[work])  # what a cell defined so far may lack what another will
    for ask in (lambda: defs.get_job_def("work"), defs.get_all_job_defs):
        with pytest.raises(InvalidDefinitionError, match="nope"):
            ask()


def test_definitions_of_assets_that_bring_different_resources():
    @asset(resource_defs={"foo": ResourceDefinition.hardcoded_resource(2)})
    def other(): ...

    with pytest.raises(InvalidDefinitionError, match="bring different 'foo'"):
        Definitions([brings, other]).get_all_job_defs()


def test_definitions_refuse_what_is_no_executor_and_no_logger():
    with pytest.raises(InvalidDefinitionError, match="Make it with @logger") as refused:
        Definitions(executor="nope", loggers={"a": "b"})
    assert "nope" in str(refused.value)
    assert Definitions(executor="threads").executor.name == "threads"


def test_a_key_of_a_resource_is_a_name():
    @graph
    def flow():
        plain()

    with pytest.raises(InvalidDefinitionError, match="'test-resource' cannot name a resource"):
        flow.to_job(resource_defs={"test-resource": 1})


# --- what config classes are not for -------------------------------------------------


def test_a_function_of_config_is_described_once():
    def smaller(given: Size): ...

    with pytest.raises(InvalidDefinitionError, match="'smaller' has both a config_schema"):
        configured(configured_one, config_schema={"m": int})(smaller)
    with pytest.raises(InvalidDefinitionError, match="'smaller' has both a config_schema"):
        config_mapping(config_schema={"m": int})(smaller)


def test_a_field_of_a_dict_schema_is_no_default_of_a_config_class():
    with pytest.raises(InvalidConfigDefinitionError, match=r"Bad.s has a Field of jobnb"):

        class Bad(Config):
            s: str = Field(str)


def test_a_resource_definition_is_no_annotation():
    class Made(ResourceDefinition): ...

    def takes(made): ...

    takes.__annotations__ = {"made": Made}
    with pytest.raises(InvalidDefinitionError, match="'made' is annotated with Made"):
        op(takes)


# --- inputs without a value ----------------------------------------------------------


def test_an_input_without_a_value_is_refused_as_definition_config_and_selection():
    @job
    def work():
        show()

    for kind in (InvalidDefinitionError, InvalidConfigError, InvalidSubsetError):
        with pytest.raises(kind, match="'x'"):
            work.execute_in_process()


# --- the config of an op that takes a class -------------------------------------------


class Color(enum.Enum):
    RED = "red"


class Inner(Config):
    size: int = 1
    note: str | None = None


class Cat(Config):
    kind: typing.Literal["cat"] = "cat"
    lives: int = 9


class Dog(Config):
    kind: typing.Literal["dog"] = "dog"


class Whole(Config):
    color: Color
    times: int = PydanticField(default=3, alias="count")
    unset: int | None = None
    given: int | None = None
    inner: list[Inner] = PydanticField(default=[Inner()])
    pet: Cat | Dog = PydanticField(discriminator="kind")


def test_op_config_has_plain_values_without_what_is_unset():
    @op
    def whole(context, config: Whole):
        assert config.color is Color.RED
        assert config.unset is None
        return context.op_config

    given = {"color": "RED", "given": None, "pet": {"cat": {"lives": 7}}}
    expected = {
        "color": "red",
        "count": 3,
        "given": None,
        "inner": [{"size": 1}],
        "pet": {"cat": {"lives": 7}},
    }
    run = GraphDefinition("run", node_defs=[whole]).to_job()
    result = run.execute_in_process({"ops": {"whole": {"config": given}}})
    assert result.output_for_node("whole") == expected
    assert (
        validate_run_config(run, {"ops": {"whole": {"config": given}}})["ops"]["whole"]["config"]
        == expected
    )
    config = Whole(color=Color.RED, given=None, pet=Cat(lives=7))
    assert whole(build_op_context(), config) == expected


def test_a_member_of_an_enum_of_a_dict_schema_is_the_member():
    @op(config_schema={"color": Enum.from_python_enum(Color)})
    def plain(context):
        return context.op_config

    run = GraphDefinition("run", node_defs=[plain]).to_job()
    given = {"ops": {"plain": {"config": {"color": "RED"}}}}
    assert run.execute_in_process(given).output_for_node("plain") == {"color": Color.RED}
