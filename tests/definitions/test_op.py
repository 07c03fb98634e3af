from __future__ import annotations

import functools
import inspect

import pytest

from jobnb import (
    AssetKey,
    AssetMaterialization,
    AssetSpec,
    Config,
    ConfigurableResource,
    DataVersion,
    DynamicPartitionsDefinition,
    In,
    Instance,
    InvalidDefinitionError,
    MultiPartitionsDefinition,
    Nothing,
    Out,
    ResourceParam,
    StaticPartitionsDefinition,
    configured,
    job,
    op,
)


def test_an_op_shows_the_name_the_docstring_and_the_signature_of_its_function():
    @op(name="renamed")
    def load(year: int, month: int = 1) -> str:
        """Load a month."""
        return f"{year}-{month}"

    assert (load.name, load.__name__, load.__doc__) == ("renamed", "load", "Load a month.")
    assert list(inspect.signature(load).parameters) == ["year", "month"]
    assert load.description == "Load a month."


def test_all_that_is_wrong_with_declared_inputs_is_told_in_the_cell_that_declares_them():
    with pytest.raises(InvalidDefinitionError) as caught:

        @op(ins={"yeer": In(int), "start": In(Nothing)})
        def load(year, start):
            return year, start

    said = str(caught.value)
    assert "'load' cannot be right" in said
    assert "'yeer' is declared, but the function does not take it. Did you mean 'year'?" in said
    assert "'start' is declared as In(Nothing)" in said


def test_an_input_for_a_function_without_parameters_comes_with_a_next_step():
    with pytest.raises(InvalidDefinitionError, match=r"declare it as In\(Nothing\)"):

        @op(ins={"start": In(int)})
        def load():
            return 1


def test_inputs_may_be_declared_for_a_function_that_takes_anything():
    @op(ins={"a": In(int), "b": In(int)})
    def add(**kwargs):
        return sum(kwargs.values())

    assert add.input_names == ("a", "b")


@pytest.mark.parametrize("wrong", [int, "int", 3])
def test_a_type_where_an_in_is_meant_is_told(wrong):
    shown = getattr(wrong, "__name__", repr(wrong))
    with pytest.raises(InvalidDefinitionError, match=rf"Write In\({shown}\)"):

        @op(ins={"a": wrong})
        def load(a):
            return a


@pytest.mark.parametrize("wrong", [int, [Out()], {"a": int}])
def test_a_type_where_an_out_is_meant_is_told(wrong):
    with pytest.raises(InvalidDefinitionError, match=r"Write Out\("):

        @op(out=wrong)
        def load():
            return 1


def test_config_is_declared_in_one_way_only():
    with pytest.raises(InvalidDefinitionError, match="Keep one"):

        @op(config_schema={"a": int})
        def load(config: dict):
            return config


def test_an_input_called_config_is_an_input_where_ins_says_so():
    @op(ins={"config": In(int)}, config_schema={"a": int})
    def load(context, config):
        return config, context.op_config

    assert load.input_names == ("config",)


def test_a_config_parameter_without_a_type_is_told_when_the_job_is_planned():
    @op
    def load(config):
        return config

    @job
    def work():
        load()

    with pytest.raises(InvalidDefinitionError, match="Annotate it with a Config class"):
        work.execute_in_process()


def test_postponed_annotations_may_name_classes_of_the_enclosing_function():
    class Local(Config):
        n: int = 4

    class Store(ConfigurableResource):
        k: str

    @op
    def load(config: Local, store: Store) -> int:
        return config.n + len(store.k)

    @job(resource_defs={"store": Store(k="abc")})
    def work():
        load()

    assert work.execute_in_process().output_for_node("load") == 7


def test_a_resource_parameter_is_no_input():
    @op
    def load(db: ResourceParam[dict], x=1):
        return db, x

    assert load.input_names == ("x",)
    assert load.required_resource_keys == {"db"}


def test_a_configured_op_has_its_config_and_leaves_the_first_one_alone():
    class Wide(Config):
        a: int = 3
        b: str

    @op
    def load(config: Wide):
        return config.a, config.b

    narrow = load.configured({"b": "q"}, name="narrow")

    @configured(load, config_schema=int)
    def by_number(n):
        return {"a": n, "b": "n"}

    @job
    def work():
        load(), narrow(), by_number()

    result = work.execute_in_process(
        run_config={"ops": {"load": {"config": {"b": "x"}}, "by_number": {"config": 9}}}
    )
    assert result.output_for_node("load") == (3, "x")
    assert result.output_for_node("narrow") == (3, "q")
    assert result.output_for_node("by_number") == (9, "n")


def test_names_of_ops_inputs_and_outputs_are_checked():
    for make in (lambda: op(name="a-b"), lambda: op(out={"a b": Out()}), lambda: op(name="")):
        with pytest.raises(InvalidDefinitionError, match=r"letters, digits and underscores|name"):
            make()(lambda: 1)


def test_tags_become_strings_and_must_be_able_to():
    @op(tags={"a": 1, "b": {"c": 2}})
    def load():
        return 1

    assert load.tags == {"a": "1", "b": '{"c": 2}'}
    with pytest.raises(InvalidDefinitionError, match="'bad'"):
        op(name="x", tags={"bad": object()})(lambda: 1)


HALF = "x\ud800"


@pytest.mark.parametrize(
    "define",
    [
        lambda: op(name="o", tags={"a": HALF})(lambda: 1),
        lambda: op(name="o", tags={HALF: "a"})(lambda: 1),
        lambda: job(name="j", tags={"a": HALF})(lambda: None),
        lambda: op(name="o", code_version=HALF)(lambda: 1),
        lambda: op(name="o", out=Out(code_version=HALF))(lambda: 1),
        lambda: AssetSpec("a", tags={"a": HALF}),
        lambda: AssetSpec("a", tags={HALF: "a"}),
        lambda: AssetSpec("a", code_version=HALF),
        lambda: AssetKey(["a", HALF]),
        lambda: AssetMaterialization("a", tags={"a": HALF}),
        lambda: DataVersion(HALF),
        lambda: DynamicPartitionsDefinition(name=HALF),
        lambda: MultiPartitionsDefinition(
            {HALF: StaticPartitionsDefinition(["a"]), "b": StaticPartitionsDefinition(["b"])}
        ),
    ],
)
def test_text_that_cannot_be_stored_is_refused_where_it_is_written(define):
    with pytest.raises(InvalidDefinitionError, match=r"\\ud800"):
        define()


def test_tags_of_a_run_that_cannot_be_stored_are_refused_before_it(tmp_path):
    @op
    def load():
        return 1

    @job
    def daily():
        load()

    with Instance(tmp_path) as instance:
        for tags in ({"a": HALF}, {HALF: "a"}, {"a": object()}):
            with pytest.raises(InvalidDefinitionError, match="The tag .* of the run of 'daily'"):
                daily.execute_in_process(tags=tags, instance=instance)
        done = daily.execute_in_process(tags={"n": 1}, instance=instance)
        assert instance.get_run_tags() == [("n", {"1"})]
        with pytest.raises(InvalidDefinitionError, match="cannot be stored"):
            instance.add_run_tags(done.run_id, {"a": HALF})


def test_what_functools_wraps_has_the_inputs_types_and_defaults_of_what_it_wraps():
    def timed(fn):
        @functools.wraps(fn)
        def inner(*args, **kwargs):
            return fn(*args, **kwargs)

        return inner

    @op
    def start() -> int:
        return 1

    @op
    @timed
    def added(context, x: int, y: int = 2) -> int:
        context.log.info("adding")
        return x + y

    @job
    def both():
        added(start())

    assert set(added.ins) == {"x", "y"}
    assert both.execute_in_process().output_for_node("added") == 3
    with pytest.raises(InvalidDefinitionError, match=r"\*args"):

        @op
        def bare(*args):
            return args
