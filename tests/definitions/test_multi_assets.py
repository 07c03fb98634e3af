from __future__ import annotations

import pytest

from jobnb import (
    AssetIn,
    AssetKey,
    AssetOut,
    AssetSpec,
    BackfillPolicy,
    Config,
    Definitions,
    InvalidDefinitionError,
    InvalidSubsetError,
    InvariantViolationError,
    IOManager,
    MaterializeResult,
    Output,
    ResourceDefinition,
    RetryPolicy,
    RunConfig,
    StaticPartitionsDefinition,
    StepOutputNotFoundError,
    TypeCheckDidNotPass,
    asset,
    define_asset_job,
    materialize,
    mem_io_manager,
    multi_asset,
    success_hook,
)


def made(result) -> list[str]:
    return sorted(e.asset_key.to_user_string() for e in result.get_asset_materialization_events())


def planned(result) -> list[str]:
    events = result.get_asset_materialization_planned_events()
    return sorted(event.asset_key.to_user_string() for event in events)


def names(keys) -> list[str]:
    return sorted(key.to_user_string() for key in keys)


# --- what is said of them ---------------------------------------------------


def test_outs_say_key_group_words_and_code_version_of_each_asset():
    @multi_asset(
        outs={
            "x": AssetOut(key="xx/y"),
            "z": AssetOut(
                key_prefix=["p", "q"],
                description="zed",
                metadata={"k": 1},
                group_name="g",
                code_version="v3",
                owners=["team:shop"],
                tags={"a": "b"},
                kinds={"sql"},
            ),
        },
        compute_kind="pandas",
        op_tags={"t": "u"},
        retry_policy=RetryPolicy(max_retries=1),
        code_version="v1",
        description="both",
    )
    def several() -> tuple[int, str]:
        return 1, "s"

    x, z = AssetKey(["xx", "y"]), AssetKey(["p", "q", "z"])
    assert several.keys == {x, z}
    assert several.code_versions_by_key == {x: "v1", z: "v3"}
    assert several.descriptions_by_key == {x: "both", z: "zed"}
    assert several.group_names_by_key == {x: "default", z: "g"}
    assert several.metadata_by_key == {x: {}, z: {"k": 1}}
    assert several.owners_by_key == {z: ["team:shop"]}
    assert several.tags_by_key == {z: {"a": "b"}}
    assert several.kinds_by_key == {x: {"pandas"}, z: {"sql"}}
    assert several.op.tags == {"t": "u", "kind": "pandas"}
    kinds = {name: out.dagster_type.display_name for name, out in several.op.outs.items()}
    assert kinds == {"x": "Int", "z": "String"}
    assert several() == (1, "s")


def test_inputs_deps_config_and_resources_are_those_of_an_asset():
    class Factor(Config):
        by: int = 2

    @asset
    def base():
        return 10

    @asset
    def first():
        return None

    @multi_asset(
        outs={"low": AssetOut(), "high": AssetOut()},
        ins={"start": AssetIn("base")},
        deps=[first],
        required_resource_keys={"limit"},
        resource_defs={"limit": ResourceDefinition.hardcoded_resource(7)},
        group_name="g",
    )
    def bounds(context, config: Factor, start):
        yield Output(start * config.by, "low")
        yield Output(context.resources.limit, "high")

    assert names(bounds.dependency_keys) == ["base", "first"]
    assert set(bounds.group_names_by_key.values()) == {"g"}
    config = RunConfig(ops={"bounds": Factor(by=3)})
    result = materialize([base, first, bounds], run_config=config)
    assert (result.asset_value("low"), result.asset_value("high")) == (30, 7)


def test_internal_deps_say_output_by_output_what_it_is_made_from():
    @multi_asset(
        outs={"a": AssetOut(), "b": AssetOut(), "c": AssetOut()},
        internal_asset_deps={"a": {AssetKey("u")}, "b": {AssetKey("a")}},
    )
    def several(u, v):
        return 1, 2, 3

    deps = {key.to_user_string(): names(found) for key, found in several.asset_deps.items()}
    assert deps == {"a": ["u"], "b": ["a"], "c": ["u", "v"]}


def test_problems_of_outs_and_deps_are_told_together():
    with pytest.raises(InvalidDefinitionError, match=r"(?s)'zz'.*Did you mean 'z'.*'nope'"):
        multi_asset(
            name="m",
            outs={"z": AssetOut()},
            internal_asset_deps={"zz": set(), "z": {AssetKey("nope")}},
        )(lambda: 1)
    with pytest.raises(InvalidDefinitionError, match=r"(?s)'g', and all of them 'h'"):
        multi_asset(outs={"a": AssetOut(group_name="g")}, group_name="h", name="m")(lambda: 1)
    with pytest.raises(InvalidDefinitionError, match="both make 'k'"):
        multi_asset(outs={"a": AssetOut(key="k"), "b": AssetOut(key="k")}, name="m")(lambda: 1)
    with pytest.raises(InvalidDefinitionError, match="Write AssetOut"):
        multi_asset(outs={"a": int}, name="m")(lambda: 1)
    with pytest.raises(InvalidDefinitionError, match="not none"):
        multi_asset(name="m")(lambda: 1)
    with pytest.raises(InvalidDefinitionError, match="not both"):
        multi_asset(name="m", outs={}, specs=[])(lambda: 1)
    with pytest.raises(InvalidDefinitionError, match="own deps"):
        multi_asset(name="m", outs={"a": AssetOut()}, deps=["a"])(lambda: 1)


def test_backfill_policies_of_outs_must_agree():
    one, two = BackfillPolicy.single_run(), BackfillPolicy.multi_run(2)
    outs = {"a": AssetOut(backfill_policy=one), "b": AssetOut(backfill_policy=one)}
    assert multi_asset(outs=outs, name="m")(lambda: (1, 2)).backfill_policy == one
    outs["b"] = AssetOut(backfill_policy=two)
    with pytest.raises(InvalidDefinitionError, match="different backfill policies"):
        multi_asset(outs=outs, name="m")(lambda: (1, 2))


def test_hooks_run_after_the_step():
    seen = []

    @success_hook
    def note(context):
        seen.append(context.op.name)

    @multi_asset(outs={"a": AssetOut()}, hooks={note})
    def several():
        return 1

    @asset(hooks={note})
    def alone():
        return 2

    materialize([several, alone])
    assert seen == ["several", "alone"]


# --- making some of them ----------------------------------------------------


@multi_asset(outs={"a": AssetOut(), "b": AssetOut()}, can_subset=True)
def both(context):
    for name in sorted(context.selected_output_names):
        yield Output(name.upper(), name)


def test_outputs_that_are_not_selected_are_not_required():
    result = materialize([both], selection="a")
    assert result.success
    assert made(result) == planned(result) == ["a"]
    assert result.asset_value("a") == "A"


def test_what_is_given_though_not_selected_is_made_and_was_not_planned():
    @multi_asset(outs={"a": AssetOut(), "b": AssetOut()}, can_subset=True)
    def eager():
        return 1, 2

    result = materialize([eager], selection="a")
    assert made(result) == ["a", "b"]
    assert planned(result) == ["a"]
    assert result.asset_value("b") == 2


def test_a_selected_output_that_does_not_come_fails_and_an_optional_one_skips_what_follows():
    @multi_asset(outs={"a": AssetOut(), "b": AssetOut(is_required=False)}, can_subset=True)
    def some(context):
        if "a" not in context.selected_output_names:
            return
        yield Output(1, "b")

    @asset
    def after(b):
        return b

    with pytest.raises(StepOutputNotFoundError, match="'a'"):
        materialize([some])
    result = materialize([some, after], selection=["b", "after"])
    assert made(result) == []
    assert [e.step_key for e in result.all_events if e.event_type_value == "STEP_SKIPPED"] == [
        "after"
    ]


def test_assets_that_cannot_be_made_alone_are_told():
    @multi_asset(outs={"a": AssetOut(), "b": AssetOut()})
    def together():
        return 1, 2

    with pytest.raises(InvalidSubsetError, match=r"can_subset=True"):
        materialize([together], selection="a")


def test_the_context_knows_what_is_selected():
    seen = {}

    @multi_asset(outs={"a": AssetOut(key="k/a"), "b": AssetOut(), "c": AssetOut()}, can_subset=True)
    def several(context):
        seen.update(
            outputs=context.selected_output_names,
            keys=names(context.selected_asset_keys),
            output=context.output_for_asset_key(AssetKey(["k", "a"])),
            key=context.asset_key_for_output("a"),
            assets=context.assets_def.keys_by_output_name["c"],
        )
        yield Output(1, "a")
        yield Output(1, "b")

    materialize([several], selection=["k/a", "b"])
    assert seen == {
        "outputs": {"a", "b"},
        "keys": ["b", "k/a"],
        "output": "a",
        "key": AssetKey(["k", "a"]),
        "assets": AssetKey("c"),
    }


def test_a_job_and_a_selection_of_neighbours_make_the_whole_definition():
    @multi_asset(outs={"x": AssetOut(), "y": AssetOut()})
    def together():
        return 1, 2

    @asset
    def last(x):
        return x + 1

    definitions = Definitions(
        assets=[together, last], jobs=[define_asset_job("work", ["x", "y", "last"])]
    )
    result = definitions.get_job_def("work").execute_in_process()
    assert (made(result), result.asset_value("last")) == (["last", "x", "y"], 2)


def test_values_of_what_is_not_selected_are_loaded_where_something_takes_them(tmp_path):
    @asset
    def sum_of(a, b):
        return a + b

    from jobnb import Instance

    instance = Instance.from_home(str(tmp_path))
    assert materialize([both], instance=instance).success
    result = materialize([both, sum_of], selection=["a", "sum_of"], instance=instance)
    assert result.asset_value("sum_of") == "AB"


# --- specs ------------------------------------------------------------------


def test_specs_bring_no_values_and_say_what_each_is_made_from():
    @asset
    def raw():
        return 1

    @multi_asset(
        specs=[
            AssetSpec("x", deps=["raw"], metadata={"k": 1}, group_name="g", kinds={"table"}),
            AssetSpec(["p", "y"], deps=["x"], owners=["a@b.de"], code_version="7"),
        ]
    )
    def several():
        pass

    x, y = AssetKey("x"), AssetKey(["p", "y"])
    assert several.asset_deps == {x: {raw.key}, y: {x}}
    assert several.group_names_by_key == {x: "g", y: "default"}
    assert several.code_versions_by_key == {x: None, y: "7"}
    assert several.get_asset_spec("p/y").owners == ["a@b.de"]
    result = materialize([raw, several])
    assert made(result) == ["p/y", "raw", "x"]
    assert not [e for e in result.all_events if e.event_type_value == "HANDLED_OUTPUT"][1:]


def test_results_of_specs_carry_metadata_versions_and_tags():
    @multi_asset(specs=[AssetSpec("x"), AssetSpec(["p", "y"])])
    def several():
        yield MaterializeResult("x", metadata={"rows": 3}, data_version="v", tags={"a": "b"})
        yield MaterializeResult(["p", "y"])

    events = materialize([several]).get_asset_materialization_events()
    assert [event.asset_key.to_user_string() for event in events] == ["x", "p/y"]
    assert events[0].metadata == {"rows": {"type": "int", "value": 3}}
    assert events[0].tags.items() >= {"a": "b", "dagster/data_version": "v"}.items()


def test_specs_can_be_made_one_by_one():
    @multi_asset(specs=[AssetSpec("x"), AssetSpec("y"), AssetSpec("z")], can_subset=True)
    def several(context):
        for key in context.selected_asset_keys:
            yield MaterializeResult(key)

    assert made(materialize([several], selection=["x", "z"])) == ["x", "z"]


def test_who_tells_of_some_specs_made_only_those_and_who_tells_of_none_made_all():
    specs = [AssetSpec("x"), AssetSpec("y", skippable=True)]

    @multi_asset(specs=specs, can_subset=True)
    def some():
        yield MaterializeResult("x")

    @multi_asset(specs=specs)
    def silent():
        pass

    assert made(materialize([some])) == ["x"]
    assert made(materialize([silent])) == ["x"]  # the other may be left out


def test_a_result_for_an_asset_that_is_not_made_is_told_with_the_nearest():
    @multi_asset(specs=[AssetSpec("orders"), AssetSpec("customers")])
    def several():
        yield MaterializeResult("order")

    with pytest.raises(InvariantViolationError, match="Did you mean 'orders'"):
        materialize([several])

    @multi_asset(specs=[AssetSpec("orders"), AssetSpec("customers")])
    def nameless():
        return MaterializeResult()

    with pytest.raises(InvariantViolationError, match="say which"):
        materialize([nameless])


def test_what_a_function_takes_beside_its_specs_is_upstream_of_all_of_them():
    @asset
    def raw():
        return 4

    @multi_asset(specs=[AssetSpec("x"), AssetSpec("y", deps=["x"])])
    def several(raw):
        assert raw == 4

    assert several.asset_deps[AssetKey("y")] == {AssetKey("x"), AssetKey("raw")}
    assert made(materialize([raw, several])) == ["raw", "x", "y"]


def test_specs_say_deps_groups_and_partitions_once():
    parts = StaticPartitionsDefinition(["a", "b"])
    with pytest.raises(InvalidDefinitionError, match="specs and deps"):
        multi_asset(name="m", specs=[AssetSpec("x")], deps=["y"])(lambda: None)
    with pytest.raises(InvalidDefinitionError, match="internal_asset_deps"):
        multi_asset(name="m", specs=[AssetSpec("x")], internal_asset_deps={})(lambda: None)
    with pytest.raises(InvalidDefinitionError, match="Two specs have the key 'x'"):
        multi_asset(name="m", specs=[AssetSpec("x"), AssetSpec("x")])(lambda: None)
    specs = [AssetSpec("x", partitions_def=parts), AssetSpec("y")]
    with pytest.raises(InvalidDefinitionError, match="different partitions"):
        multi_asset(name="m", specs=specs)(lambda: None)
    specs = [AssetSpec("x", partitions_def=parts)]
    assert multi_asset(name="m", specs=specs)(lambda: None).partitions_def == parts


def test_ten_assets_of_one_function_are_loaded_by_name(tmp_path):
    outs = {f"part_{index}": AssetOut(io_manager_key="memory") for index in range(10)}

    @multi_asset(outs=outs)
    def parts():
        return tuple(range(10))

    @asset(ins={f"part_{index}": AssetIn() for index in range(10)})
    def total(**parts):
        return sum(parts.values())

    result = materialize([parts, total], resources={"memory": mem_io_manager})
    assert result.asset_value("total") == 45


# --- results ----------------------------------------------------------------


def test_a_result_with_a_value_is_stored_and_one_without_is_not():
    stored = []

    @asset
    def told() -> MaterializeResult:
        return MaterializeResult(metadata={"rows": 1})

    @asset
    def given() -> MaterializeResult[int]:
        return MaterializeResult(value=5)

    @asset
    def after(given):
        stored.append(given)

    result = materialize([told, given, after])
    assert made(result) == ["after", "given", "told"]
    assert stored == [5]
    handled = [e.step_key for e in result.all_events if e.event_type_value == "HANDLED_OUTPUT"]
    assert handled == ["given", "after"]

    @asset
    def wrong() -> MaterializeResult[int]:
        return MaterializeResult(value="five")

    with pytest.raises(TypeCheckDidNotPass):
        materialize([wrong])


def test_what_the_function_stored_itself_is_loaded_by_the_io_manager_of_the_asset():
    class Shelf(IOManager):
        def handle_output(self, context, obj):
            raise AssertionError("nothing is handed over")

        def load_input(self, context):
            return f"<{context.asset_key.to_user_string()}>"

    @asset(io_manager_key="shelf")
    def told():
        return MaterializeResult()

    @multi_asset(specs=[AssetSpec("p").with_io_manager_key("shelf")])
    def several():
        yield MaterializeResult("p")

    seen = []

    @asset
    def after(told, p):
        seen.extend([told, p])

    result = materialize([told, several, after], resources={"shelf": Shelf()})
    assert result.success
    assert seen == ["<told>", "<p>"]


def test_functions_that_give_results_are_called_directly():
    @multi_asset(specs=[AssetSpec("a"), AssetSpec("b")])
    def several():
        yield MaterializeResult("a")
        yield MaterializeResult("b")

    @asset
    def one() -> MaterializeResult:
        return MaterializeResult(metadata={"rows": 2})

    assert [each.asset_key for each in several()] == [AssetKey("a"), AssetKey("b")]
    assert one().metadata["rows"].value == 2

    @multi_asset(specs=[AssetSpec("a"), AssetSpec("b")])
    def wrong():
        return MaterializeResult("c")

    with pytest.raises(InvariantViolationError, match="does not make"):
        wrong()


def test_the_results_of_a_tuple_are_those_of_the_outputs_in_order():
    @multi_asset(specs=[AssetSpec("a"), AssetSpec("b")])
    def several() -> tuple[MaterializeResult, MaterializeResult]:
        return MaterializeResult("a"), MaterializeResult("b", data_version="2")

    versions = {
        event.asset_key.path[0]: event.data_version
        for event in materialize([several]).get_asset_materialization_events()
    }
    assert versions["b"] == "2"
