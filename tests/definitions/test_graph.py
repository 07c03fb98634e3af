from __future__ import annotations

import pytest

from jobnb import (
    DependencyDefinition,
    DynamicOut,
    DynamicOutput,
    GraphDefinition,
    GraphIn,
    GraphOut,
    In,
    InputMapping,
    InvalidConfigError,
    InvalidDefinitionError,
    InvalidInvocationError,
    IOManager,
    JobDefinition,
    MetadataValue,
    MultiDependencyDefinition,
    NodeInvocation,
    Nothing,
    Out,
    OutputMapping,
    RetryPolicy,
    SourceAsset,
    config_mapping,
    graph,
    job,
    op,
    success_hook,
)


@op
def one():
    return 1


@op
def add(a, b=5):
    return a + b


@op
def total(values):
    return sum(values)


@op(out={"low": Out(), "high": Out()})
def bounds():
    return 1, 9


def names(definition) -> list[str]:
    return [node.name for node in definition.nodes]


def test_repeated_ops_are_numbered_and_aliases_keep_their_names():
    @job
    def work():
        x, y = one(), one()
        z = one.alias("zed")()
        add(x, y)
        add(a=z)
        add.tag({"k": 3}).alias("tagged")(x)

    assert names(work) == ["one", "one_2", "zed", "add", "add_2", "tagged"]
    result = work.execute_in_process()
    assert [result.output_for_node(n) for n in ("add", "add_2", "tagged")] == [2, 6, 6]
    assert work.get_node_named("tagged").tags == {"k": "3"}


def test_two_equal_aliases_are_refused():
    with pytest.raises(InvalidDefinitionError, match="'work' has two nodes called 'a'"):

        @job
        def work():
            one.alias("a")()
            one.alias("a")()


def test_an_automatic_name_gives_way_to_an_alias_that_is_there():
    @job
    def work():
        one(), one.alias("one_2")(), one()

    assert names(work) == ["one", "one_2", "one_3"]


def test_outputs_are_taken_by_place_by_name_or_unpacked():
    @job
    def work():
        both = bounds()
        add.alias("by_name")(both.low)
        add.alias("by_place")(both[1])
        low, high = both
        add.alias("unpacked")(low, high)
        total(list(both))

    result = work.execute_in_process()
    found = [result.output_for_node(n) for n in ("by_name", "by_place", "unpacked", "total")]
    assert found == [6, 14, 10, 10]


@pytest.mark.parametrize(
    ("composing", "said"),
    [
        (lambda: add(1, 2, 3), "given 3 inputs but takes 2: a, b"),
        (lambda: add(aa=one()), "no input 'aa'. Did you mean 'a'"),
        (lambda: add(one(), a=one()), "its input 'a' twice"),
        (lambda: add(bounds()), "Pick one of the outputs by its name"),
        (lambda: add(object()), "a constant"),
        (lambda: total([[one()], one()]), "list that holds lists"),
        (lambda: list(one()), "cannot be iterated over"),
        (lambda: one() or 1, "cannot be tested"),
        (lambda: one()[0], "cannot be indexed"),
        (lambda: bounds().lo, "Did you mean 'low'"),
    ],
)
def test_a_wrong_composition_is_told_in_the_users_own_names(composing, said):
    with pytest.raises((InvalidDefinitionError, InvalidInvocationError, AttributeError)) as caught:

        @job
        def work():
            composing()

    assert said in str(caught.value)


def test_a_job_cannot_be_called_in_another():
    @job
    def inner():
        one()

    with pytest.raises(InvalidDefinitionError, match=r"inner.execute_in_process\(\)"):

        @job
        def outer():
            inner()


def test_lists_fan_in_outputs_graph_inputs_and_constants():
    @graph
    def mixed(a, b):
        return total([a, one(), b, 100])

    assert mixed.execute_in_process(input_values={"a": 10, "b": 20}).output_value() == 131


def test_a_list_with_a_graph_input_that_has_no_value_is_told_by_name():
    @graph
    def mixed(a):
        return total([a, one()])

    with pytest.raises(InvalidDefinitionError, match="The input 'a' of the graph has no value"):
        mixed.execute_in_process()


def test_graph_outputs_are_a_tuple_or_dict_by_the_declared_names():
    @graph(out={"x": GraphOut(), "y": GraphOut()})
    def tupled(a):
        return add.alias("p")(a), add.alias("q")(a, a)

    @graph(out={"x": GraphOut(), "y": GraphOut()})
    def dicted(a):
        first = add(a)
        return {"y": add(first), "x": first}

    for each, y in ((tupled, 2), (dicted, 11)):
        result = each.execute_in_process(input_values={"a": 1})
        assert (result.output_value("x"), result.output_value("y")) == (6, y)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (lambda a: a, "returns <graph input 'a'>"),
        (lambda _: 3, "returns 3"),
        (lambda a: {"x": add(a), "z": add(a)}, "declares the outputs x, y but returns x, z"),
        (lambda _: None, "declares the outputs x, y but returns nothing"),
    ],
)
def test_wrong_graph_outputs_are_told(returned, said):
    with pytest.raises(InvalidDefinitionError, match=said):

        @graph(out={"x": GraphOut(), "y": GraphOut()})
        def wrong(a):
            return returned(a)


def test_a_declared_graph_input_must_be_taken():
    with pytest.raises(InvalidDefinitionError, match="does not take. Did you mean 'number'"):

        @graph(ins={"numbr": GraphIn()})
        def wrong(number):
            add(number)


def test_graphs_nest_with_inputs_outputs_and_dynamic_parts():
    @op(out=DynamicOut())
    def parts():
        for index in range(3):
            yield DynamicOutput(index, str(index))

    @graph
    def spread():
        return parts()

    @graph
    def twice_more(x):
        return add(add(x))

    @job
    def work():
        total(spread().map(twice_more).collect())

    assert work.execute_in_process().output_for_node("total") == 33


def test_a_dependency_dictionary_places_nodes_and_edges():
    made = GraphDefinition(
        name="made",
        node_defs=[one, total, add],
        dependencies={
            NodeInvocation("one", alias="other"): {},
            "one": {},
            "total": {
                "values": MultiDependencyDefinition(
                    [DependencyDefinition("one"), DependencyDefinition("other")]
                )
            },
            "add": {"a": DependencyDefinition("one"), "b": DependencyDefinition("other")},
        },
        output_mappings=[OutputMapping("out", "total")],
    )
    result = made.to_job().execute_in_process()
    assert (result.output_value("out"), result.output_for_node("add")) == (2, 2)


def test_a_graph_input_is_mapped_to_several_places_also_in_a_list():
    made = GraphDefinition(
        "made",
        node_defs=[one, total, add],
        dependencies={
            "total": {
                "values": MultiDependencyDefinition(
                    [DependencyDefinition("one"), DependencyDefinition("one")]
                )
            }
        },
        input_mappings=[
            InputMapping("x", "total", "values", fan_in_index=1),
            InputMapping("x", "add", "a"),
        ],
        output_mappings=[OutputMapping("sum", "total"), OutputMapping("more", "add")],
    )
    result = made.execute_in_process(input_values={"x": 40})
    assert (result.output_value("sum"), result.output_value("more")) == (41, 45)


def test_all_that_does_not_fit_in_a_hand_written_graph_is_told_at_once():
    with pytest.raises(InvalidDefinitionError) as caught:
        GraphDefinition(
            "made",
            node_defs=[one, add],
            dependencies={
                "add": {
                    "a": DependencyDefinition("onne"),
                    "bb": DependencyDefinition("one"),
                    "b": DependencyDefinition("one", "res"),
                }
            },
            output_mappings=[OutputMapping("out", "ad")],
        )
    said = str(caught.value)
    for part in ("'onne'", "no input 'bb'", "output 'res' of 'one'", "'ad'", "Did you mean 'one'"):
        assert part in said


def test_all_that_cannot_be_placed_is_told_at_once():
    with pytest.raises(InvalidDefinitionError) as caught:
        GraphDefinition(
            "made",
            node_defs=[one, add],
            dependencies={
                "onne": {},
                "one": {},
                NodeInvocation("add", alias="one"): {},
            },
            input_mappings=[InputMapping("x", "ad", "a")],
        )
    said = str(caught.value)
    for part in ("speak of 'onne'", "Two nodes are called 'one'", "node 'ad'"):
        assert part in said


def test_a_circle_is_named():
    with pytest.raises(InvalidDefinitionError, match="wait for each other: '.*' -> '.*' -> "):
        GraphDefinition(
            "made",
            node_defs=[add, total],
            dependencies={
                "add": {"a": DependencyDefinition("total")},
                "total": {"values": DependencyDefinition("add")},
            },
        )


def test_what_only_orders_can_be_fed_by_any_output_or_list_of_them():
    seen = []

    @op(out=Out(Nothing))
    def first():
        seen.append("first")

    @op(ins={"start": In(Nothing)})
    def second():
        seen.append("second")

    @job
    def work():
        second(start=[first(), first(), one()])

    work.execute_in_process()
    assert seen == ["first", "first", "second"]


def test_hooks_and_retries_of_a_use_reach_the_steps_inside_a_graph():
    seen = []

    @success_hook
    def note(context):
        seen.append(context.step_key)

    @op
    def flaky(context):
        if context.retry_number < 1:
            raise ValueError("again")

    @graph
    def inner():
        flaky(), one()

    @job
    def work():
        inner.with_hooks({note}).with_retry_policy(RetryPolicy(max_retries=1))()
        one()

    assert work.execute_in_process().success
    assert seen == ["inner.flaky", "inner.one"]


def test_a_graph_with_a_name_and_tags_becomes_a_job_with_them():
    @graph(tags={"g": "1"})
    def inner():
        return one()

    made = inner.alias("called").tag({"a": "b"}).to_job(tags={"c": "d"})
    assert (made.name, made.tags) == ("called", {"g": "1", "a": "b", "c": "d"})
    assert inner.alias("called").execute_in_process().output_value() == 1
    with pytest.raises(InvalidDefinitionError, match="'one' is an op"):
        one.alias("x").to_job()


@op(config_schema={"a": int})
def tell(context):
    return context.op_config["a"]


@config_mapping(config_schema={"n": int})
def simple(val):
    return {"tell": {"config": {"a": val["n"] * 2}}}


@graph(config=simple)
def told():
    return tell()


def test_a_graph_with_a_config_mapping_takes_its_own_config_wherever_it_stands():
    @job
    def outer():
        told()

    nested = outer.execute_in_process(run_config={"ops": {"told": {"config": {"n": 4}}}})
    assert nested.output_for_node("told") == 8
    alone = told.to_job().execute_in_process(run_config={"ops": {"config": {"n": 4}}})
    assert alone.output_value() == 8
    with pytest.raises(InvalidConfigError, match=r"ops > config > m: .*'n'"):
        told.to_job().execute_in_process(run_config={"ops": {"config": {"m": 4}}})


def test_a_mapping_inside_a_mapping_is_followed():
    @config_mapping(config_schema={"deep": int})
    def deeper(val):
        return {"told": {"config": {"n": val["deep"] + 1}}}

    @graph(config=deeper)
    def around():
        return told()

    @job
    def outer():
        around()

    result = outer.execute_in_process(run_config={"ops": {"around": {"config": {"deep": 1}}}})
    assert result.output_for_node("around") == 4


def test_a_graph_is_configured_beforehand_if_it_takes_config():
    nine = told.configured({"n": 9}, name="nine")
    by_text = told.configured(
        lambda val: {"n": len(val["text"])}, name="by_text", config_schema={"text": str}
    )

    @job
    def outer():
        nine(), by_text()

    result = outer.execute_in_process(run_config={"ops": {"by_text": {"config": {"text": "four"}}}})
    assert (result.output_for_node("nine"), result.output_for_node("by_text")) == (18, 8)

    @graph
    def plain():
        one()

    with pytest.raises(InvalidDefinitionError, match=r"@graph\(config=...\)"):
        plain.configured({}, name="x")


def test_config_of_a_graph_can_be_a_plain_dict():
    @graph(config={"tell": {"config": {"a": 3}}})
    def fixed():
        return tell()

    @job
    def outer():
        fixed()

    assert outer.execute_in_process().output_for_node("fixed") == 3
    assert fixed.execute_in_process().output_value() == 3


def test_a_job_made_by_hand_has_what_it_is_given():
    @graph(description="of the graph")
    def sums(x, y):
        return add(x, y)

    made = JobDefinition(
        graph_def=sums, name="made", tags={"a": {"b": 1}}, input_values={"x": 1, "y": 2}
    )
    assert (made.name, made.description, made.tags) == ("made", "of the graph", {"a": '{"b": 1}'})
    assert made.execute_in_process().output_value() == 3
    with pytest.raises(InvalidDefinitionError, match="gets a value for the input 'z'.*: x, y"):
        JobDefinition(graph_def=sums, input_values={"z": 1})
    with pytest.raises(InvalidDefinitionError, match="Give a RunConfig, a dict"):
        JobDefinition(graph_def=sums, config=3)


class Shelf(IOManager):
    """Loads the name of the asset that is asked for."""

    def handle_output(self, context, obj):
        raise AssertionError("nothing is stored")

    def load_input(self, context):
        return "/".join(context.asset_key.path)


def test_a_source_asset_feeds_an_input_also_through_a_graph():
    raw = SourceAsset.of(["lake", "raw"], io_manager_key="shelf")

    @op
    def read(value):
        return f"read {value}"

    @graph
    def reading(value):
        return read(value)

    @job(resource_defs={"shelf": Shelf()})
    def work():
        read(raw)
        reading(raw)

    result = work.execute_in_process()
    assert result.output_for_node("read") == "read lake/raw"
    assert result.output_for_node("reading") == "read lake/raw"


def test_a_job_with_other_metadata_is_another_job():
    @graph
    def single():
        one()

    before = single.to_job(metadata={"team": "sales"})
    after = before.with_metadata({"owner": "ann"})
    assert before.metadata == {"team": MetadataValue.text("sales")}
    assert after.metadata == {"owner": MetadataValue.text("ann")}
    assert after.execute_in_process().success
