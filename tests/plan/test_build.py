"""What a plan is made of, and what is said where it cannot be made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import (
    AssetKey,
    Config,
    ConfigurableResource,
    Definitions,
    DependencyDefinition,
    DynamicOut,
    DynamicOutput,
    GraphDefinition,
    In,
    InvalidConfigError,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvalidSubsetError,
    JobDefinition,
    JobnbError,
    MultiDependencyDefinition,
    Nothing,
    Out,
    RetryPolicy,
    RunConfig,
    UnknownPartitionError,
    asset,
    graph,
    input_manager,
    job,
    op,
    resource,
    static_partitioned_config,
    success_hook,
)
from jobnb.plan.build import build_plan
from jobnb.plan.partitions import run_partitions
from jobnb.plan.step import FromConfig, FromMany, FromOutput, FromValue


@op
def one():
    return 1


@op
def add(a: int, b: int = 5):
    return a + b


@op
def total(values):
    return sum(values)


@job
def sums():
    total([add(one()), add(one(), 7)])


def source(plan, step: str, name: str):
    found = plan.steps[plan.step_by_key[step]]
    return next(each.source for each in found.inputs if each.name == name)


def test_a_plan_says_where_each_input_comes_from():
    plan = build_plan(sums)
    assert plan.step_keys == ("one", "add", "one_2", "add_2", "total")
    assert isinstance(source(plan, "add", "a"), FromOutput)
    assert source(plan, "add", "b") == FromValue(5)
    assert source(plan, "add_2", "b") == FromValue(7)
    fan_in = source(plan, "total", "values")
    assert isinstance(fan_in, FromMany)
    assert [plan.steps[item.step].key for item in fan_in.items] == ["add", "add_2"]


def test_values_are_read_as_often_as_the_plan_says():
    @job
    def shared():
        x = one()
        add(x, x)
        total([x, x])

    plan = build_plan(shared)
    slot = plan.steps[plan.step_by_key["one"]].outputs[0].slot
    assert plan.readers[slot] == 2


def test_config_can_give_an_input_and_wins_over_its_default():
    @job
    def fed():
        add()

    config = {"ops": {"add": {"inputs": {"a": 1, "b": {"value": 2}}}}}
    plan = build_plan(fed, run_config=config)
    assert isinstance(source(plan, "add", "a"), FromConfig)
    assert fed.execute_in_process(run_config=config).output_for_node("add") == 3


def test_config_can_give_the_inputs_of_the_graph_also_of_nested_ones():
    @graph
    def inner(x):
        return add(x)

    @graph
    def outer(x, y):
        return add(inner(x), y)

    config = {"inputs": {"x": 1, "y": {"value": 2}}}
    assert outer.execute_in_process(run_config=config).output_value() == 8
    given_too = outer.execute_in_process(run_config={"inputs": {"y": 2}}, input_values={"x": 10})
    assert given_too.output_value() == 17
    with pytest.raises(InvalidConfigError, match=r"inputs > z: .*'x', 'y'"):
        outer.execute_in_process(run_config={"inputs": {"z": 1}})


def test_all_inputs_that_nothing_feeds_are_told_at_once_with_what_can_be_done():
    @op
    def free(anything):
        return anything

    @graph
    def unfed(x):
        add(x)
        add.alias("alone")()
        free()

    with pytest.raises(InvalidDefinitionError) as caught:
        build_plan(unfed.to_job())
    said = str(caught.value)
    assert "The input 'x' of the graph has no value" in said
    assert "run config at inputs > x" in said
    assert "The input 'a' of 'alone' is fed by nothing" in said
    assert "run config at ops > alone > inputs > a" in said
    assert "The input 'anything' of 'free' is fed by nothing" in said


def test_an_input_from_a_step_that_is_not_selected_is_told():
    with pytest.raises(InvalidDefinitionError, match="comes from add, add_2, which is not sel"):
        build_plan(sums, op_selection=["total"])


def test_a_selection_keeps_the_order_and_names_what_is_there():
    assert build_plan(sums, op_selection=["*add_2"]).step_keys == ("one_2", "add_2")
    assert build_plan(sums.get_subset(op_selection=["one"])).step_keys == ("one",)
    assert build_plan(sums.get_subset(op_selection="one or nothing()")).step_keys == ("one",)
    with pytest.raises(InvalidSubsetError, match="Did you mean 'total'"):
        build_plan(sums, op_selection=["totl"])


@op
def taking(x=7):
    return x


@op
def listing(xs=(5,)):
    return list(xs)


@op(out=DynamicOut())
def each_of(count=2):
    for number in range(count):
        yield DynamicOutput(number, str(number))


@op
def times(x=10, y=1):
    return x * y


@input_manager
def loading(context):
    return "loaded"


@op(ins={"x": In(input_manager_key="loading")})
def managed(x=3):
    return x


@graph
def nested(x):
    return taking(x)


@job(resource_defs={"loading": loading})
def cutting():
    first = one()
    taking(first)
    nested(first)
    managed(first)
    listing([first, taking.alias("other")(first)])
    mapped = each_of(first).map(lambda x: times(x, first))
    listing.alias("collected")(mapped.collect())
    times.alias("both")(listing.alias("before")([first]), taking.alias("last")(mapped.collect()))


@pytest.mark.parametrize(
    ("selection", "step", "value"),
    [
        (["taking"], "taking", 7),
        (["nested"], "nested", 7),
        (["nested.taking"], "nested", 7),
        (["managed"], "managed", "loaded"),
        (["listing"], "listing", [5]),
        (["listing", "one"], "listing", [1]),
        (["listing", "other"], "listing", [7]),
        (["times"], "times", 10),
        (["times", "one"], "times", 10),
        (["times", "each_of"], "times", {"0": 0, "1": 1}),
        (["collected"], "collected", [5]),
        (["collected", "times", "each_of"], "collected", [0, 1]),
        (["both"], "both", 10),
    ],
)
def test_what_a_selection_cuts_off_is_left_out_of_lists_and_else_the_default(
    selection, step, value
):
    assert cutting.execute_in_process(op_selection=selection).output_for_node(step) == value


def test_what_would_run_only_once_cannot_be_collected():
    with pytest.raises(InvalidDefinitionError, match="What 'times' gives is collected, but here"):
        cutting.execute_in_process(op_selection=["collected", "times"])


# --- parts of parts ---------------------------------------------------------------


@op
def after(x):
    return x


@graph
def row():
    after.alias("d")(after.alias("c")(after.alias("b")(one())))


@graph
def inside(x):
    return after.alias("second")(after.alias("first")(x))


@graph
def around():
    after(inside(one()))


@pytest.mark.parametrize(
    ("selections", "steps"),
    [
        ([["*b"], ["*"]], ("one", "b")),
        ([["*b"], ["one*"]], ("one", "b")),
        ([["*b"], ["one+"], ["one"]], ("one",)),
        ([["one*"], ["*c"]], ("one", "b", "c")),
        ([["one", "b", "c"], ["one", "b*"]], ("one", "b", "c")),
        ([["*c"], ["not one"], ["c"]], None),
        ([["*c"], ["*d"]], None),
    ],
)
def test_a_selection_of_a_part_chooses_from_that_part(selections, steps):
    first, *others = selections
    for whole in (row.to_job(op_selection=first), row.to_job().get_subset(op_selection=first)):
        part = whole
        for each in others[:-1]:
            part = part.get_subset(op_selection=each)
        if steps is None:
            with pytest.raises(JobnbError):
                build_plan(part.get_subset(op_selection=others[-1]))
            continue
        result = part.execute_in_process(op_selection=others[-1])
        assert tuple(e.step_key for e in result.get_step_success_events()) == steps
        part = part.get_subset(op_selection=others[-1])
        assert build_plan(part).step_keys == steps
        assert [node.name for node in part.nodes] == list(steps)


def test_a_part_of_a_job_has_the_selected_nodes_down_through_graphs():
    part = around.to_job(op_selection=["*inside.first"])
    assert [node.name for node in part.nodes] == ["one", "inside"]
    assert [node.name for node in part.get_node_named("inside").definition.nodes] == ["first"]
    assert build_plan(part, op_selection=["*inside"]).step_keys == ("one", "inside.first")
    with pytest.raises(InvalidDefinitionError, match="no node 'after'"):
        part.get_node_named("after")
    with pytest.raises(InvalidSubsetError, match=r"no op 'inside.second'.*'inside.first'"):
        build_plan(part, op_selection=["inside.second"])
    assert [node.name for node in around.to_job().nodes] == ["one", "inside", "after"]


def test_a_part_of_a_part_of_an_asset_job_makes_what_both_name():
    @asset
    def a(): ...

    @asset
    def b(): ...

    whole = Definitions([a, b]).get_implicit_global_asset_job_def()
    part = whole.get_subset(asset_selection=[AssetKey("a")])
    with pytest.raises(InvalidSubsetError, match="does not make 'b'. It makes: 'a'"):
        part.execute_in_process(asset_selection=[AssetKey("b")])
    assert part.execute_in_process(asset_selection=[AssetKey("a")]).success


def test_steps_of_nested_graphs_are_selected_by_their_path():
    @graph
    def inner():
        return add(one())

    @job
    def outer():
        add(inner())

    assert build_plan(outer, op_selection=["inner.one"]).step_keys == ("inner.one",)
    assert build_plan(outer, op_selection=["inner"]).step_keys == ("inner.one", "inner.add")


def test_config_for_what_is_not_selected_or_not_needed_is_taken():
    class Numbers(Config):
        n: int

    @op
    def first(config: Numbers):
        return config.n

    @op(config_schema=int)
    def second(context):
        return context.op_config

    @resource(config_schema=str)
    def unneeded(context):
        return context.resource_config

    @job(
        resource_defs={"unneeded": unneeded},
        config={
            "ops": {"first": {"config": {"n": 1}}, "second": {"config": 2}},
            "resources": {"unneeded": {"config": "x"}},
        },
    )
    def both():
        first()
        second()

    assert both.execute_in_process(op_selection=["first"]).output_for_node("first") == 1
    assert both.execute_in_process(op_selection=["second"]).output_for_node("second") == 2


def test_config_of_what_is_not_there_is_told_with_the_nearest_name():
    for config, said in (
        ({"ops": {"ad": {"config": 1}}}, "ops > ad: .*Did you mean 'add'"),
        ({"opps": {}}, "opps: .*Did you mean 'ops'"),
        ({"resources": {"db": {"config": 1}}}, "resources > db"),
    ):
        with pytest.raises(InvalidConfigError, match=said):
            build_plan(sums, run_config=config)


def test_config_reaches_steps_in_nested_graphs():
    @op(config_schema=int)
    def told(context):
        return context.op_config

    @graph
    def inner():
        return told()

    @graph
    def middle():
        return inner()

    @job
    def outer():
        middle()

    nested = {"middle": {"ops": {"inner": {"ops": {"told": {"config": 5}}}}}}
    for config in ({"ops": nested}, RunConfig(ops=nested)):
        assert outer.execute_in_process(run_config=config).output_for_node("middle") == 5
    with pytest.raises(InvalidConfigError, match="ops > middle > ops > inner > ops > told"):
        build_plan(outer)


def test_all_missing_resources_are_told_at_once():
    @op(required_resource_keys={"db", "mail"})
    def uses():
        return 1

    @op(out=Out(io_manager_key="lake"))
    def stores():
        return 1

    @job(resource_defs={"dbb": 1})
    def lacking():
        uses(), stores()

    with pytest.raises(InvalidDefinitionError) as caught:
        build_plan(lacking)
    said = str(caught.value)
    for part in ("'uses' needs the resource 'db'", "Did you mean 'dbb'", "'mail'", "'lake'"):
        assert part in said


def test_resources_come_after_those_they_need_and_circles_are_named():
    @resource(required_resource_keys={"b"})
    def a(_):
        return 1

    @resource(required_resource_keys={"c"})
    def b(_):
        return 1

    @op(required_resource_keys={"a"})
    def uses():
        return 1

    @job(resource_defs={"a": a, "b": b, "c": 1})
    def good():
        uses()

    keys = [key for key in build_plan(good).resource_keys if key != "io_manager"]
    assert keys == ["c", "b", "a"]
    circle = good.with_top_level_resources({}).replaced(resource_defs={"a": b, "b": a, "c": a})
    with pytest.raises(InvalidDefinitionError, match="in a circle: .*b -> .*b"):
        build_plan(circle)
    with pytest.raises(InvalidDefinitionError, match="'b' needs 'c', which nothing provides"):
        build_plan(good.replaced(resource_defs={"a": a, "b": b}))


def test_hooks_tags_and_retries_of_op_use_and_job_come_together():
    @success_hook
    def first(context): ...

    @success_hook
    def second(context): ...

    @op(tags={"a": "op", "b": "op"}, retry_policy=RetryPolicy(max_retries=1))
    def own():
        return 1

    @job(hooks={first}, op_retry_policy=RetryPolicy(max_retries=3))
    def work():
        own.tag({"b": "use"}).with_hooks({second})()
        own.with_retry_policy(RetryPolicy(max_retries=2))()
        one()

    steps = {step.key: step for step in build_plan(work).steps}
    assert steps["own"].tags == {"a": "op", "b": "use"}
    assert [hook.name for hook in steps["own"].hooks] == ["first", "second"]
    retries = [steps[key].retry_policy.max_retries for key in ("own", "own_2", "one")]
    assert retries == [1, 2, 3]


def test_a_circle_through_an_ordering_input_is_found():
    @op(ins={"start": In(Nothing)})
    def waits():
        return 1

    with pytest.raises(InvalidDefinitionError, match="wait for each other"):
        GraphDefinition(
            "made",
            node_defs=[waits, total],
            dependencies={
                "waits": {"start": DependencyDefinition("total")},
                "total": {"values": MultiDependencyDefinition([DependencyDefinition("waits")])},
            },
        )


@static_partitioned_config(["a", "b"])
def by_letter(key):
    return {"ops": {"told": {"config": key * 2}}}


def test_a_partition_brings_its_config_and_must_be_one():
    @op(config_schema=str)
    def told(context):
        return context.op_config

    @job(config=by_letter)
    def work():
        told()

    plan = build_plan(work, partitions=run_partitions(work, "b"))
    assert plan.run_config == {"ops": {"told": {"config": "bb"}}}
    with pytest.raises(InvalidInvocationError, match="a config for each partition"):
        build_plan(work, partitions=run_partitions(work, ["a", "b"]))
    with pytest.raises(UnknownPartitionError, match="'work' has .* There is no partition 'c'"):
        run_partitions(work, "c")
    with pytest.raises(InvalidDefinitionError, match="The job 'sums' has no partitions"):
        run_partitions(sums, "a")


def test_a_resource_class_may_stand_for_itself_with_config_at_launch():
    class Store(ConfigurableResource):
        path: str = "here"

    @op
    def read(store: Store):
        return store.path

    @job(resource_defs={"store": Store})
    def work():
        read()

    assert work.execute_in_process().output_for_node("read") == "here"
    config = {"resources": {"store": {"config": {"path": "there"}}}}
    assert work.execute_in_process(run_config=config).output_for_node("read") == "there"


@given(st.lists(st.lists(st.integers(0, 30), max_size=4), min_size=1, max_size=31))
def test_every_step_comes_after_those_it_takes_from(upstream):
    wanted = {
        f"step_{index}": {"values": [f"step_{up}" for up in sorted(set(ups)) if up < index]}
        for index, ups in enumerate(upstream)
    }
    ops = [op(name=name)(lambda values=(): values) for name in wanted]
    edges = {
        name: {"values": MultiDependencyDefinition([DependencyDefinition(up) for up in each])}
        for name, parts in wanted.items()
        if (each := parts["values"])
    }
    backwards = GraphDefinition("any", node_defs=ops[::-1], dependencies=edges)
    plan = build_plan(JobDefinition(backwards))
    place = {key: number for number, key in enumerate(plan.step_keys)}
    assert set(place) == set(wanted)
    for name, parts in wanted.items():
        assert all(place[up] < place[name] for up in parts["values"])
