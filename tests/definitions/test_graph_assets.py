from __future__ import annotations

import pytest

from jobnb import (
    AssetIn,
    AssetKey,
    AssetOut,
    AssetsDefinition,
    ConfigMapping,
    GraphOut,
    InvalidDefinitionError,
    Out,
    Output,
    ResourceDefinition,
    StaticPartitionsDefinition,
    asset,
    config_mapping,
    graph,
    graph_asset,
    graph_multi_asset,
    job,
    materialize,
    op,
    success_hook,
)


@op
def one():
    return 1


@op
def plus(x):
    return x + 1


@op(config_schema={"n": int})
def add(context, x):
    return x + context.op_config["n"]


def steps(result) -> list[str]:
    return [event.step_key for event in result.get_step_success_events()]


def test_a_graph_makes_an_asset_step_by_step():
    @graph_asset
    def two():
        """Two of them."""
        return plus(one())

    result = materialize([two])
    assert result.asset_value("two") == 2
    assert steps(result) == ["two.one", "two.plus"]
    (event,) = result.get_asset_materialization_events()
    assert (event.step_key, event.asset_key) == ("two.plus", AssetKey("two"))
    assert two.descriptions_by_key == {AssetKey("two"): "Two of them."}


def test_what_is_said_of_it_is_kept():
    @asset
    def up():
        return 10

    @graph_asset(
        name="n",
        key_prefix="p",
        group_name="g",
        description="D",
        metadata={"m": 1},
        ins={"q": AssetIn("up")},
        tags={"a": "b"},
        owners=["team:x"],
        kinds={"sql"},
        code_version="4",
    )
    def made(q):
        return plus(q)

    key = AssetKey(["p", "n"])
    assert made.node_def.name == "p__n"
    assert made.keys_by_input_name == {"q": AssetKey("up")}
    assert made.metadata_by_key == {key: {"m": 1}}
    assert made.descriptions_by_key == {key: "D"}
    assert made.code_versions_by_key == {key: "4"}
    spec = made.get_asset_spec()
    assert (spec.group_name, spec.tags, spec.owners, spec.kinds) == (
        "g",
        {"a": "b"},
        ["team:x"],
        {"sql"},
    )
    assert materialize([up, made]).asset_value("p/n") == 11


def test_config_is_fixed_mapped_or_given_node_by_node():
    @graph_asset(config={"add": {"config": {"n": 5}}})
    def fixed():
        return add(one())

    @config_mapping(config_schema={"k": int})
    def mapping(value):
        return {"add": {"config": {"n": value["k"]}}}

    @graph_asset(config=mapping)
    def mapped():
        return add(one())

    @graph_asset
    def plain():
        return add(one())

    assert isinstance(mapped.node_def.config_mapping, ConfigMapping)
    config = {
        "mapped": {"config": {"k": 7}},
        "plain": {"ops": {"add": {"config": {"n": 8}}}},
    }
    result = materialize([fixed, mapped, plain], run_config={"ops": config})
    assert [result.asset_value(each.key) for each in (fixed, mapped, plain)] == [6, 8, 9]


def test_resources_partitions_and_hooks_reach_its_steps():
    seen = []

    @success_hook
    def note(context):
        seen.append(context.step_key)

    @op(required_resource_keys={"r"})
    def read(context):
        return context.resources.r, context.partition_key

    @graph_asset(
        resource_defs={"r": ResourceDefinition.hardcoded_resource(9)},
        partitions_def=StaticPartitionsDefinition(["a", "b"]),
        hooks={note},
    )
    def made():
        return read()

    assert materialize([made], partition_key="b").asset_value("made") == (9, "b")
    assert seen == ["made.read"]


def test_several_assets_of_one_graph():
    @op(out={"a": Out(), "b": Out()})
    def both():
        return 1, 2

    @graph_multi_asset(
        outs={
            "first": AssetOut(),
            "second": AssetOut(
                key="sec", group_name="z", description="S", metadata={"k": 2}, code_version="v"
            ),
        },
        name="named",
    )
    def several():
        a, b = both()
        return {"first": plus(a), "second": b}

    result = materialize([several])
    assert (result.asset_value("first"), result.asset_value("sec")) == (2, 2)
    assert several.node_def.name == "named"
    second = several.get_asset_spec("sec")
    assert (second.group_name, second.description, second.metadata, second.code_version) == (
        "z",
        "S",
        {"k": 2},
        "v",
    )


def test_only_the_ops_that_the_selected_assets_need_run():
    @graph_multi_asset(outs={"first": AssetOut(), "second": AssetOut()}, can_subset=True)
    def several():
        base = one()
        return {"first": plus(base), "second": plus.alias("other")(base)}

    result = materialize([several], selection="second")
    assert steps(result) == ["several.one", "several.other"]
    assert [e.asset_key for e in result.get_asset_materialization_events()] == [AssetKey("second")]


def asking(name, outs, inputs=0):
    """An op that makes what it is asked for, and tells what that was."""

    def body(context, *given):
        ASKED.append((name, list(context.selected_output_names)))
        for out in context.selected_output_names:
            yield Output(1, out)

    functions = [lambda context: body(context), lambda context, x: body(context, x)]
    out = {each: Out(is_required=False) for each in outs}
    return op(name=name, out=out)(functions[inputs])


ASKED: list[tuple[str, list[str]]] = []
first, second, third = asking("first", "xy"), asking("second", "pq", 1), asking("third", "r", 1)


@graph(out={"g": GraphOut(), "h": GraphOut()})
def inside():
    x, y = first()
    return {"g": x, "h": third(y)}


@pytest.mark.parametrize(
    ("selection", "asked"),
    [
        ("a or b or c", {"first": ["x", "y"], "third": ["r"], "second": ["p", "q"]}),
        ("a", {"first": ["x"]}),
        ("b", {"first": ["y"], "third": ["r"], "second": ["p"]}),
        ("c or a", {"first": ["x", "y"], "third": ["r"], "second": ["q"]}),
    ],
)
@pytest.mark.parametrize("renamed", [False, True])
def test_an_op_is_asked_for_those_of_its_outputs_that_the_assets_need(selection, asked, renamed):
    @graph(out={each: GraphOut() for each in "abc"})
    def whole():
        g, h = inside()
        p, q = second(h)
        return {"a": g, "b": p, "c": q}

    keys = {each: AssetKey(["pre", each]) for each in "abc"} if renamed else None
    assets = AssetsDefinition.from_graph(whole, keys_by_output_name=keys, can_subset=True)
    wanted = [AssetKey(["pre", each] if renamed else each) for each in selection.split(" or ")]
    ASKED.clear()
    result = materialize([assets], selection=wanted)
    assert dict(ASKED) == asked
    made = {event.asset_key for event in result.get_asset_materialization_events()}
    assert made == set(wanted)


def test_an_op_of_a_job_is_asked_for_all_its_outputs():
    @job
    def single():
        first()

    ASKED.clear()
    single.execute_in_process()
    assert ASKED == [("first", ["x", "y"])]


def test_what_cannot_be_is_told():
    with pytest.raises(InvalidDefinitionError, match="returns nothing"):
        graph_asset(name="a")(lambda: None)
    with pytest.raises(InvalidDefinitionError, match="takes 'q' and hands it to nothing"):
        graph_asset(name="a")(lambda q: one())
    with pytest.raises(InvalidDefinitionError, match="does not take"):
        graph_asset(name="a", ins={"zz": AssetIn("up")})(lambda q: plus(q))
    with pytest.raises(InvalidDefinitionError, match="also a name"):
        graph_asset(name="a", key="b")(lambda: one())
    outs = {"first": AssetOut(), "second": AssetOut()}
    with pytest.raises(InvalidDefinitionError, match="but returns first"):
        graph_multi_asset(outs=outs, name="m")(lambda: {"first": one()})
