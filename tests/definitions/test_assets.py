from __future__ import annotations

import pytest

from jobnb import (
    AssetIn,
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    Config,
    DailyPartitionsDefinition,
    DataVersion,
    Definitions,
    DynamicPartitionsDefinition,
    GraphOut,
    In,
    InputManager,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvalidSubsetError,
    IOManager,
    Out,
    Output,
    ResourceDefinition,
    RunConfig,
    SourceAsset,
    StaticPartitionsDefinition,
    UnknownPartitionError,
    asset,
    define_asset_job,
    graph,
    graph_asset,
    io_manager,
    job,
    materialize,
    observable_source_asset,
    observe,
    op,
    resource,
    with_resources,
)


class Shelf(IOManager):
    """Remembers what is stored and loads it, or the key where nothing is."""

    def __init__(self):
        self.stored = {}

    def handle_output(self, context, obj):
        self.stored[context.asset_key.to_user_string()] = obj

    def load_input(self, context):
        key = context.asset_key.to_user_string()
        return self.stored.get(key, f"<{key}>")


@asset
def orders():
    return 3


@asset
def revenue(orders):
    return orders * 10


def made(result) -> list[str]:
    return [e.asset_key.to_user_string() for e in result.get_asset_materialization_events()]


# --- keys and what is upstream ---------------------------------------------


def test_keys_have_prefixes_and_inputs_are_found_by_key_or_prefix():
    @asset(key_prefix=["x", "y"])
    def a():
        return 1

    @asset(key_prefix="z", ins={"a": AssetIn(key_prefix=["x", "y"])})
    def b(a):
        return a + 1

    @asset(name="cc", ins={"q": AssetIn(key=["z", "b"])})
    def c(q):
        return q + 1

    assert [each.key.to_user_string() for each in (a, b, c)] == ["x/y/a", "z/b", "cc"]
    assert [each.op.name for each in (a, b, c)] == ["x__y__a", "z__b", "cc"]
    assert materialize([a, b, c]).asset_value("cc") == 3


def test_a_bare_name_means_the_same_prefix_or_the_same_group():
    @asset(key_prefix="x", group_name="g")
    def a():
        return 1

    @asset(key_prefix="x")
    def beside(a):
        return a + 1

    @asset(key_prefix="y", group_name="g")
    def grouped(a):
        return a + 2

    result = materialize([a, beside, grouped])
    assert (result.asset_value("x/beside"), result.asset_value("y/grouped")) == (2, 3)


def test_deps_order_without_being_loaded_and_take_every_form():
    seen = []

    @asset
    def first():
        seen.append("first")

    @asset(deps=[first, "q", AssetKey(["z", "w"]), SourceAsset.of("s")], non_argument_deps={"old"})
    def last():
        seen.append("last")

    names = sorted(key.to_user_string() for key in last.dependency_keys)
    assert names == ["first", "old", "q", "s", "z/w"]
    materialize([last, first])
    assert seen == ["first", "last"]


def test_an_asset_in_deps_that_is_also_taken_is_taken():
    @asset(deps=[orders])
    def revenue(orders):
        return orders * 10

    assert materialize([orders, revenue]).asset_value("revenue") == 30


def test_a_dep_may_be_called_like_a_parameter_that_means_another_asset():
    @asset
    def other():
        return 7

    @asset(ins={"orders": AssetIn("other")}, deps=["orders"])
    def both(orders):
        return orders

    assert both.dependency_keys == {AssetKey("orders"), AssetKey("other")}
    assert materialize([orders, other, both]).asset_value("both") == 7


def test_wrong_inputs_and_deps_are_told():
    with pytest.raises(InvalidDefinitionError, match="in its own deps"):
        asset(name="b", deps=["b"])(lambda: 1)
    with pytest.raises(InvalidDefinitionError, match=r"Write AssetIn\('orders'\)"):
        asset(name="b", ins={"a": "orders"})(lambda a: a)
    with pytest.raises(InvalidDefinitionError, match="Did you mean 'orders'"):
        asset(name="b", ins={"order": AssetIn("x")})(lambda orders: orders)


def test_an_upstream_asset_that_nothing_makes_is_told_with_the_nearest():
    @asset
    def lost(order):
        return order

    with pytest.raises(InvalidDefinitionError) as caught:
        materialize([orders, lost])
    assert "'lost' takes 'order', which nothing makes. Did you mean 'orders'?" in str(caught.value)


def test_an_asset_says_what_it_was_told():
    @asset(
        description="dd",
        metadata={"a": 1},
        code_version="7",
        op_tags={"t": "x"},
        compute_kind="pandas",
        group_name="gg",
        io_manager_key="shelf",
        dagster_type=int,
    )
    def a():
        return 1

    key = AssetKey("a")
    assert a.descriptions_by_key == {key: "dd"}
    assert a.metadata_by_key == {key: {"a": 1}}
    assert a.code_versions_by_key == {key: "7"}
    assert a.op.tags == {"t": "x", "kind": "pandas"}
    assert a.group_names_by_key == {key: "gg"}
    assert a.op.outs["result"].io_manager_key == "shelf"
    assert a.__name__ == "a"


def test_config_of_a_prefixed_asset_stands_under_its_op_name():
    class Numbers(Config):
        n: int = 3

    @asset(key_prefix="p")
    def a(config: Numbers):
        return config.n

    assert materialize([a]).asset_value("p/a") == 3
    given = RunConfig(ops={"p__a": Numbers(n=5)})
    assert materialize([a], run_config=given).asset_value("p/a") == 5


# --- from ops and graphs ----------------------------------------------------


@op(out={"low": Out(), "high": Out()})
def bounds():
    return 1, 9


def test_an_op_with_several_outputs_makes_several_assets():
    both = AssetsDefinition.from_op(bounds, key_prefix="of", group_name="numbers")

    @asset(ins={"low": AssetIn(key_prefix="of"), "high": AssetIn(key_prefix="of")})
    def middle(low, high):
        return (low + high) / 2

    result = materialize([both, middle])
    assert result.asset_value("middle") == 5
    assert set(both.group_names_by_key.values()) == {"numbers"}
    assert made(result)[:2] == ["of/low", "of/high"]


def test_an_op_with_one_output_makes_an_asset_of_its_name():
    @op
    def double(number: int) -> int:
        return number * 2

    plain = AssetsDefinition.from_op(double, keys_by_input_name={"number": AssetKey("orders")})
    assert plain.key == AssetKey("double")
    named = AssetsDefinition.from_op(
        double,
        keys_by_output_name={"result": AssetKey(["a", "b"])},
        metadata_by_output_name={"result": {"m": 1}},
        descriptions_by_output_name={"result": "hello"},
    )
    assert named.key == AssetKey(["a", "b"])
    assert named.keys_by_input_name == {"number": AssetKey("number")}
    assert named.metadata_by_key == {named.key: {"m": 1}}
    assert named.descriptions_by_key == {named.key: "hello"}
    assert materialize([orders, plain]).asset_value("double") == 6


def test_all_names_that_an_op_does_not_have_are_told_at_once():
    with pytest.raises(InvalidDefinitionError) as caught:
        AssetsDefinition.from_op(
            bounds,
            keys_by_input_name={"x": AssetKey("x")},
            keys_by_output_name={"lo": AssetKey("lo")},
            metadata_by_output_name={"hih": {}},
        )
    said = str(caught.value)
    for part in ("no inputs", "'lo'. Did you mean 'low'", "'hih'. Did you mean 'high'"):
        assert part in said
    with pytest.raises(InvalidDefinitionError, match="Keep one"):
        AssetsDefinition.from_op(
            bounds, group_name="a", group_names_by_output_name={"low": "b", "high": "b"}
        )


def test_assets_made_together_are_made_together_unless_they_can_be_told_apart():
    with pytest.raises(InvalidSubsetError, match="can_subset=True"):
        materialize([AssetsDefinition.from_op(bounds)], selection=AssetSelection.keys("low"))

    @op(out={"low": Out(is_required=False), "high": Out(is_required=False)})
    def either(context):
        for name in context.selected_output_names:
            yield Output(name, name)

    apart = AssetsDefinition.from_op(either, can_subset=True)
    assert made(materialize([apart], selection=AssetSelection.keys("low"))) == ["low"]


@op
def plus(number, more=1):
    return number + more


def test_a_graph_makes_assets_and_its_steps_keep_their_places():
    @graph(out={"a": GraphOut(), "b": GraphOut()})
    def two(orders):
        first = plus(orders)
        return {"a": first, "b": plus(first)}

    both = AssetsDefinition.from_graph(two, keys_by_output_name={"b": AssetKey(["k", "b"])})
    result = materialize([orders, both])
    assert (result.asset_value("a"), result.asset_value("k/b")) == (4, 5)
    steps = [e.step_key for e in result.get_asset_materialization_events()]
    assert steps == ["orders", "two.plus", "two.plus_2"]


def test_a_part_of_the_assets_of_a_graph_runs_only_the_steps_that_it_needs():
    seen = []

    @op
    def note(number):
        seen.append(number)
        return number

    @asset
    def other():
        return 7

    @graph(out={"a": GraphOut(), "b": GraphOut()})
    def two(orders, other):
        return {"a": note(note(orders)), "b": note(other)}

    both = AssetsDefinition.from_graph(two, can_subset=True)
    result = materialize([orders, other, both], selection=AssetSelection.keys("orders", "a"))
    assert made(result) == ["orders", "a"]
    assert seen == [3, 3]


def test_inputs_inside_a_graph_carry_the_key_of_the_asset_they_come_from():
    keys = []

    class Noting(IOManager):
        def handle_output(self, context, obj):
            pass

        def load_input(self, context):
            keys.append(context.asset_key.to_user_string() if context.has_asset_key else None)
            return 1

    @op(name="revenue")  # called like another asset
    def inner(number):
        return number

    @graph
    def two(orders):
        return plus(inner(orders))

    materialize(
        [orders, revenue, AssetsDefinition.from_graph(two)],
        resources={"io_manager": Noting()},
        selection=AssetSelection.keys("orders", "two"),
    )
    assert keys == ["orders", None]


def test_a_graph_brings_resources_and_takes_config():
    @op(required_resource_keys={"r"}, config_schema=int)
    def read(context):
        return context.op_config + context.resources.r

    @graph
    def reading():
        return read()

    made_of = AssetsDefinition.from_graph(
        reading, resource_defs={"r": ResourceDefinition.hardcoded_resource(4)}
    )
    assert made_of.required_resource_keys == {"r", "io_manager"}
    config = {"ops": {"reading": {"ops": {"read": {"config": 3}}}}}
    assert materialize([made_of], run_config=config).asset_value("reading") == 7


def test_internal_deps_tell_which_asset_is_made_from_which():
    @op(out={"a": Out(), "b": Out()})
    def two(x, y):
        return x, y

    found = AssetsDefinition.from_op(
        two, internal_asset_deps={"b": {AssetKey("y"), AssetKey("a")}}
    ).asset_deps
    assert found[AssetKey("a")] == {AssetKey("x"), AssetKey("y")}
    assert found[AssetKey("b")] == {AssetKey("y"), AssetKey("a")}


# --- resources and source assets --------------------------------------------


@asset(required_resource_keys={"r"})
def reading(context):
    return context.resources.r


@resource(required_resource_keys={"s"}, config_schema=int)
def summed(context):
    return context.resources.s + context.resource_config


def test_assets_are_given_the_resources_they_need_beforehand():
    given = with_resources(
        [reading, SourceAsset.of("raw", io_manager_key="shelf")],
        {"r": summed, "s": 5, "shelf": Shelf(), "unused": 1},
        {"r": {"config": 2}},
    )
    assert materialize(given).asset_value("reading") == 7
    assert set(given[0].resource_defs) == {"r", "s"}
    assert set(given[1].resource_defs) == {"shelf"}
    assert reading.resource_defs == {}


def test_what_is_wrong_with_given_resources_is_told():
    own = reading.with_resources({"r": 1})
    for call, said in (
        (lambda: with_resources([reading], {"rr": 1}), "'r' is not provided. Did you mean 'rr'"),
        (lambda: with_resources([reading], {"r": summed}), "'s' is not provided"),
        (lambda: with_resources([own], {"r": 2}), "of its own"),
        (lambda: with_resources([op], {}), "give assets and source assets"),
        (lambda: with_resources([reading], {"r": summed}, {"r": 3}), "'config'"),
    ):
        with pytest.raises((InvalidDefinitionError, InvalidInvocationError), match=said):
            call()


def test_two_assets_that_bring_different_resources_for_one_key_do_not_run():
    @asset(required_resource_keys={"r"}, resource_defs={"r": 1})
    def other(context):
        return context.resources.r

    shared = reading.with_resources({"r": 2})
    with pytest.raises(InvalidDefinitionError, match="bring different 'r'"):
        materialize([shared, other])


def test_a_source_asset_is_loaded_by_its_own_io_manager():
    @io_manager
    def shelf(_):
        return Shelf()

    raw = SourceAsset.of("raw", io_manager_def=shelf)

    @asset
    def read(raw):
        return f"read {raw}"

    assert materialize([read, raw]).asset_value("read") == "read <raw>"


def test_an_asset_stands_as_a_source_elsewhere():
    instance = Instance.ephemeral()
    shelf = Shelf()

    @asset(io_manager_key="shelf", group_name="g", metadata={"a": 1})
    def raw():
        return "raw"

    materialize([raw], resources={"shelf": shelf}, instance=instance)

    @asset
    def read(raw):
        return f"read {raw}"

    source = raw.to_source_asset()
    assert (source.key, source.group_name, source.io_manager_key) == (raw.key, "g", "shelf")
    result = materialize([read, source], resources={"shelf": shelf})
    assert result.asset_value("read") == "read raw"
    both = AssetsDefinition.from_op(bounds)
    assert [each.key.path[0] for each in both.to_source_assets()] == ["high", "low"]


def test_an_input_manager_loads_an_input_that_nothing_feeds():
    class Given(InputManager):
        def load_input(self, context):
            return f"given for {context.name}"

    @op(ins={"x": In(input_manager_key="given")})
    def read(x):
        return x

    @job(resource_defs={"given": Given()})
    def work():
        read()

    assert work.execute_in_process().output_for_node("read") == "given for x"


# --- jobs over assets -------------------------------------------------------


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (None, ["orders", "revenue"]),
        ("*revenue", ["orders", "revenue"]),
        ("orders+", ["orders", "revenue"]),
        (["orders"], ["orders"]),
        ([orders, "revenue"], ["orders", "revenue"]),
        ([AssetKey("revenue")], ["revenue"]),
        (AssetSelection.groups("default") - AssetSelection.keys("orders"), ["revenue"]),
        (AssetSelection.assets(revenue).upstream(), ["orders", "revenue"]),
    ],
)
def test_an_asset_job_makes_what_its_selection_names(selection, found):
    definitions = Definitions(assets=[orders, revenue], jobs=[define_asset_job("work", selection)])
    assert sorted(n.name for n in definitions.get_job_def("work").nodes) == found


def test_a_selection_that_names_nothing_is_told():
    definitions = Definitions(assets=[orders], jobs=[define_asset_job("work", "order")])
    with pytest.raises(InvalidSubsetError, match="orders"):
        definitions.get_job_def("work").execute_in_process()
    whole = Definitions(assets=[orders], jobs=[define_asset_job("work")]).get_job_def("work")
    with pytest.raises(InvalidSubsetError, match="does not make 'order'. Did you mean 'orders'"):
        whole.execute_in_process(asset_selection=[AssetKey("order")])


def test_the_partitions_of_an_asset_job_are_those_of_its_assets():
    letters = StaticPartitionsDefinition(["a", "b"])

    @asset(partitions_def=letters)
    def lettered(context):
        return context.partition_key

    @asset
    def plain():
        return 1

    definitions = Definitions(assets=[lettered, plain], jobs=[define_asset_job("work")])
    work = definitions.get_job_def("work")
    assert work.partitions_def == letters
    assert work.execute_in_process(partition_key="b").output_for_node("lettered") == "b"
    with pytest.raises(UnknownPartitionError, match="'work' has .* There is no partition 'zz'"):
        work.execute_in_process(partition_key="zz")
    request = work.run_request_for_partition("a", run_key="k", tags={"x": "y"})
    assert request.partition_key == "a"
    assert request.tags == {
        "x": "y",
        "dagster/partition": "a",
        "dagster/partition_set": "work_partition_set",
    }


def test_assets_with_different_partitions_do_not_run_for_one_key():
    @asset(partitions_def=StaticPartitionsDefinition(["a"]))
    def lettered():
        return 1

    @asset(partitions_def=DailyPartitionsDefinition("2022-01-01"))
    def daily():
        return 1

    with pytest.raises(InvalidDefinitionError, match="different partitions"):
        materialize([lettered, daily], partition_key="a")


def test_a_partition_is_refused_where_there_are_none():
    with pytest.raises(InvalidDefinitionError, match="No asset of this run has"):
        materialize([orders], partition_key="a")


def test_an_asset_job_with_partitions_of_its_own_gives_run_requests():
    letters = StaticPartitionsDefinition(["a", "b"])
    request = define_asset_job("work", partitions_def=letters).run_request_for_partition("a")
    assert (request.job_name, request.partition_key) == ("work", "a")


def test_a_request_for_a_partition_that_does_not_exist_is_refused() -> None:
    letters = StaticPartitionsDefinition(["a", "b"])

    @asset(partitions_def=letters)
    def letter() -> int:
        return 1

    work = Definitions([letter], jobs=[define_asset_job("work")]).get_job_def("work")
    with pytest.raises(UnknownPartitionError, match="There is no partition 'z'"):
        work.run_request_for_partition("z")

    dynamic = DynamicPartitionsDefinition(name="some")

    @op
    def one() -> int:
        return 1

    @job(partitions_def=dynamic)
    def grows() -> None:
        one()

    assert grows.run_request_for_partition("x").partition_key == "x"  # no store to look into
    with Instance.ephemeral() as instance:
        with pytest.raises(UnknownPartitionError, match="There is no partition 'x'"):
            grows.run_request_for_partition("x", dynamic_partitions_store=instance)
        instance.add_dynamic_partitions("some", ["x"])
        made = grows.run_request_for_partition("x", dynamic_partitions_store=instance)
        assert made.partition_key == "x"


def test_all_that_is_wrong_with_definitions_is_told_at_once():
    with pytest.raises(InvalidDefinitionError) as caught:
        Definitions(
            assets=[orders, asset(name="orders")(lambda: 1), 3],
            jobs=[define_asset_job("j"), define_asset_job("j"), bounds],
        )
    said = str(caught.value)
    for part in ("the key 'orders'", "3 is not an asset", "jobs are called 'j'", "'bounds'"):
        assert part in said


# --- keys ------------------------------------------------------------------


@pytest.mark.parametrize("path", [["a"], ["a/b", "c"], ["a\\b", "c/"], ["\\", "/", "x\\/y"]])
def test_keys_with_slashes_in_their_parts_are_escaped_and_read_back(path):
    key = AssetKey(path)
    assert AssetKey.from_escaped_user_string(key.to_escaped_user_string()) == key
    assert AssetKey.from_graphql_input(key.to_graphql_input()) == key
    assert AssetKey.from_coercible_or_definition(key) is key


def test_whoever_makes_an_asset_counts_and_not_who_says_it_comes_from_elsewhere():
    definitions = Definitions(assets=[SourceAsset("orders"), orders, revenue])
    assert definitions.source_assets == ()
    result = definitions.get_implicit_global_asset_job_def().execute_in_process()
    assert result.asset_value("revenue") == 30


def test_what_a_job_makes_of_assets_in_process_can_be_loaded(tmp_path):
    instance = Instance.from_home(str(tmp_path))
    definitions = Definitions(assets=[orders, revenue], jobs=[define_asset_job("work")])
    assert definitions.get_job_def("work").execute_in_process(instance=instance).success
    assert definitions.load_asset_value("revenue", instance=instance) == 30
    with definitions.get_asset_value_loader(instance) as loader:
        assert loader.load_asset_value("orders", python_type=int) == 3


def _graph(fn=None, **said):
    @op
    def one():
        return 1

    def made():
        return one()

    return graph_asset(**said)(made)


@pytest.mark.parametrize("decorate", [lambda **said: asset(**said)(lambda: 1), _graph])
@pytest.mark.parametrize("part", ["foo/bar", "a.b", "a b", "\u00fc", "..", "a|b"])
@pytest.mark.parametrize("as_key", [str, lambda part: [part], lambda part: ["ok", part], AssetKey])
def test_a_part_of_a_key_is_a_plain_name(decorate, part, as_key):
    with pytest.raises(InvalidDefinitionError, match="part of the key of an asset"):
        decorate(key=as_key(part))


@pytest.mark.parametrize("said", [{"name": "foo/bar"}, {"key_prefix": ["ok", "foo/bar"]}])
def test_a_name_with_a_slash_is_told_how_to_give_the_parts(said):
    with pytest.raises(InvalidDefinitionError, match=r"\['foo', 'bar'\]"):

        @asset(**said)
        def made(): ...


def test_dashes_are_plain_and_one_word_is_one_part():
    made = asset(key="orders-eu")(lambda: 1)
    assert made.key == AssetKey(["orders-eu"])
    assert asset(key=["raw", "orders"])(lambda: 1).key == AssetKey(["raw", "orders"])


def test_what_is_only_observed_may_have_any_name():
    @observable_source_asset(key=AssetKey(["a/b", "c.d e"]))
    def looked_at():
        return DataVersion("1")

    assert looked_at.key == AssetKey(["a/b", "c.d e"])
    assert observe([looked_at]).success
