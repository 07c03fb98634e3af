from __future__ import annotations

import pytest

from jobnb import (
    AssetDep,
    AssetKey,
    AssetOut,
    AssetSpec,
    Definitions,
    FreshnessPolicy,
    IdentityPartitionMapping,
    InvalidDefinitionError,
    InvalidSubsetError,
    InvariantViolationError,
    LastPartitionMapping,
    SourceAsset,
    asset,
    external_asset_from_spec,
    external_assets_from_specs,
    map_asset_specs,
    materialize,
    multi_asset,
    success_hook,
)


@asset(group_name="g", metadata={"a": 1}, description="d", tags={"t": "u"}, owners=["a@b.de"])
def x(u):
    return 1


@asset
def y(x):
    return 1


def names(keys) -> list[str]:
    return sorted(key.to_user_string() for key in keys)


# --- specs and deps ----------------------------------------------------------


def test_deps_are_keys_definitions_specs_or_deps_each_once():
    @multi_asset(outs={"p": AssetOut(), "q": AssetOut()})
    def several():
        return 1, 2

    spec = AssetSpec("made", deps=["a/b", x, AssetSpec("s"), AssetDep("d"), several, "d"])
    assert [dep.asset_key.to_user_string() for dep in spec.deps] == [
        "a/b", "x", "s", "d", "p", "q",
    ]  # fmt: skip
    with pytest.raises(InvalidDefinitionError, match="'d' twice"):
        AssetSpec("made", deps=["d", AssetDep("d", partition_mapping=LastPartitionMapping())])


def test_a_spec_is_changed_by_making_another():
    spec = AssetSpec("a", deps=["b"], metadata={"k": 1}, owners=["team:x"], kinds={"sql"})
    other = spec.replace_attributes(key="c", deps=[], description="new", group_name="g")
    assert (other.key, other.deps, other.description, other.metadata) == (
        AssetKey("c"),
        [],
        "new",
        {"k": 1},
    )
    assert spec.description is None
    more = spec.merge_attributes(
        deps=["d"], metadata={"l": 2}, owners=["a@b.de"], tags={"t": "u"}, kinds={"table"}
    )
    assert names(dep.asset_key for dep in more.deps) == ["b", "d"]
    assert more.metadata == {"k": 1, "l": 2}
    assert (more.owners, more.tags) == (["team:x", "a@b.de"], {"t": "u"})
    assert more.kinds == {"sql", "table"}
    assert spec.with_io_manager_key("warehouse").io_manager_key == "warehouse"
    assert spec == AssetSpec("a", deps=["b"], metadata={"k": 1}, owners=["team:x"], kinds={"sql"})
    assert spec != more


def test_owners_groups_and_tags_are_checked():
    for owner in ("nobody", "team:", "a@b"):
        with pytest.raises(InvalidDefinitionError, match="an e-mail"):
            AssetSpec("a", owners=[owner])
        with pytest.raises(InvalidDefinitionError, match="an e-mail"):
            asset(owners=[owner], name="a")(lambda: 1)
    with pytest.raises(InvalidDefinitionError, match="cannot name a group"):
        AssetSpec("a", group_name="no group")
    with pytest.raises(InvalidDefinitionError, match="are text"):
        AssetSpec("a", tags={"t": 1})


def test_a_dep_can_say_which_partitions_it_means():
    mapping = LastPartitionMapping()

    @asset(deps=[AssetDep("parts", partition_mapping=mapping), "plain"])
    def made():
        return 1

    assert made.get_partition_mapping(AssetKey("parts")) is mapping
    assert made.get_partition_mapping(AssetKey("plain")) is None
    assert {
        dep.asset_key.to_user_string(): dep.partition_mapping for dep in made.specs[0].deps
    } == {
        "parts": mapping,
        "plain": None,
    }


# --- with_attributes ---------------------------------------------------------


def test_keys_are_replaced_in_all_that_is_said():
    old, new = AssetKey("x"), AssetKey(["p", "x"])
    made = x.with_attributes(output_asset_key_replacements={old: new})
    assert made.keys == {new}
    assert made.group_names_by_key == {new: "g"}
    assert made.metadata_by_key == {new: {"a": 1}}
    assert made.owners_by_key == {new: ["a@b.de"]}
    below = y.with_attributes(
        input_asset_key_replacements={old: new},
        output_asset_key_replacements={AssetKey("y"): AssetKey(["p", "y"])},
    )
    assert below.asset_deps == {AssetKey(["p", "y"]): {new}}
    assert below.op.name == "y"


def test_keys_of_assets_made_together_are_replaced_in_their_deps():
    @multi_asset(specs=[AssetSpec("a", deps=["u"]), AssetSpec("b", deps=["a"])], can_subset=True)
    def several():
        pass

    keys = {AssetKey("a"): AssetKey(["p", "a"]), AssetKey("u"): AssetKey("v")}
    made = several.with_attributes(asset_key_replacements=keys)
    assert made.asset_deps == {
        AssetKey(["p", "a"]): {AssetKey("v")},
        AssetKey("b"): {AssetKey(["p", "a"])},
    }
    part = made.subset_for({AssetKey("b")})
    assert part.is_subset
    assert part.with_attributes(tags_by_key={AssetKey("b"): {"t": "u"}}).keys == {AssetKey("b")}


def test_what_is_there_is_added_to_or_kept():
    key = AssetKey("x")
    assert x.with_attributes(metadata_by_key={key: {"b": 2}}).metadata_by_key == {
        key: {"a": 1, "b": 2}
    }
    assert x.with_attributes(tags_by_key={key: {"v": "w"}}).tags_by_key == {
        key: {"t": "u", "v": "w"}
    }
    assert x.with_attributes(descriptions_by_key={key: "e"}).descriptions_by_key == {key: "e"}
    with pytest.raises(InvalidDefinitionError, match="'x' has the group 'g'"):
        x.with_attributes(group_names_by_key={key: "h"})
    policy = FreshnessPolicy(maximum_lag_minutes=5)
    fresh = y.with_attributes(freshness_policy=policy, group_names_by_key={AssetKey("y"): "h"})
    assert fresh.freshness_policies_by_key == {AssetKey("y"): policy}
    assert fresh.group_names_by_key == {AssetKey("y"): "h"}
    with pytest.raises(InvalidDefinitionError, match="freshness policy"):
        fresh.with_attributes(freshness_policy=FreshnessPolicy(maximum_lag_minutes=9))


def test_hooks_are_added():
    seen = []

    @success_hook
    def note(context):
        seen.append(context.step_key)

    @asset
    def alone():
        return 1

    hooked = alone.with_hooks({note})
    assert (alone.hook_defs, hooked.hook_defs) == (frozenset(), {note})
    materialize([hooked])
    assert seen == ["alone"]


# --- specs of what is made ---------------------------------------------------


def test_specs_are_read_and_put_back_changed():
    spec = x.get_asset_spec()
    assert (spec.key, spec.group_name, spec.metadata) == (AssetKey("x"), "g", {"a": 1})
    assert names(dep.asset_key for dep in spec.deps) == ["u"]

    changed = x.map_asset_specs(
        lambda spec: spec.replace_attributes(key=spec.key.with_prefix("p"), group_name="h")
    )
    key = AssetKey(["p", "x"])
    assert changed.keys == {key}
    assert changed.specs_by_key[key].group_name == "h"
    assert changed.specs_by_key[key].tags == {"t": "u"}
    with pytest.raises(InvalidDefinitionError, match="other deps"):
        x.map_asset_specs(lambda spec: spec.replace_attributes(deps=["v"]))
    with pytest.raises(InvalidDefinitionError, match="another IO manager"):
        x.map_asset_specs(lambda spec: spec.with_io_manager_key("other"))
    with pytest.raises(InvariantViolationError, match="does not make 'z'"):
        x.get_asset_spec("z")


def test_specs_of_many_things_are_mapped_in_one_go():
    owned = map_asset_specs(
        lambda spec: spec.merge_attributes(owners=["team:all"]),
        [x, AssetSpec("outside"), SourceAsset.of("raw")],
    )
    found = [owned[0].specs[0].owners, owned[1].owners, owned[2].spec.owners]
    assert found == [["a@b.de", "team:all"], ["team:all"], ["team:all"]]


# --- external assets ---------------------------------------------------------


def test_a_spec_is_an_external_asset_with_deps_that_can_be_loaded():
    from jobnb import IOManager, io_manager

    class Elsewhere(IOManager):
        def handle_output(self, context, obj):
            raise AssertionError

        def load_input(self, context):
            return f"<{context.asset_key.to_user_string()}>"

    @asset
    def below(table):
        return table

    table = AssetSpec("table", deps=["raw"], metadata={"dagster/io_manager_key": "warehouse"})
    definitions = Definitions(
        assets=[AssetSpec("raw"), table, below],
        resources={"warehouse": io_manager(lambda: Elsewhere())},
    )
    assert names(definitions.resolve_all_asset_keys()) == ["below", "raw", "table"]
    result = definitions.get_implicit_global_asset_job_def().execute_in_process()
    assert result.asset_value("below") == "<table>"
    assert names(definitions.select_assets("*below")) == ["below"]
    found = definitions.get_assets_def("table")
    assert isinstance(found, SourceAsset)
    assert found.is_external
    assert names(dep.asset_key for dep in found.spec.deps) == ["raw"]
    with pytest.raises(InvalidSubsetError, match="Did you mean 'table'"):
        definitions.get_assets_def("tabel")


def test_external_assets_of_specs():
    specs = [AssetSpec("a", kinds={"s3"}), AssetSpec("b", tags={"t": "u"}, group_name="g")]
    made = external_assets_from_specs(specs)
    assert [each.spec for each in made] == [
        specs[0].replace_attributes(group_name="default"),
        specs[1],
    ]
    assert external_asset_from_spec(specs[0]).kinds == {"s3"}
    with pytest.raises(InvalidDefinitionError, match="no AssetSpec"):
        external_assets_from_specs(["a"])


def test_the_selection_knows_tags_kinds_and_deps_of_external_assets():
    from jobnb import AssetSelection

    around = [
        SourceAsset.of_spec(AssetSpec("a", kinds={"s3"}, tags={"t": "u"}, owners=["team:x"])),
        SourceAsset.of_spec(AssetSpec("b", deps=["a"])),
        asset(name="c", deps=["b"])(lambda: 1),
    ]
    chosen = AssetSelection.kind("s3", include_sources=True)
    assert names(chosen.resolve(around)) == ["a"]
    assert names(AssetSelection.tag("t", "u", include_sources=True).resolve(around)) == ["a"]
    assert names(AssetSelection.keys("a").downstream().resolve(around)) == ["a", "c"]


def test_specs_of_definitions_are_mapped_where_they_are_selected():
    definitions = Definitions(assets=[x, y, AssetSpec("u")])
    changed = definitions.map_asset_specs(
        func=lambda spec: spec.merge_attributes(kinds={"k"}), selection="x"
    )
    kinds = {spec.key.to_user_string(): spec.kinds for spec in changed.resolve_all_asset_specs()}
    assert kinds == {"x": {"k"}, "y": frozenset(), "u": frozenset()}


# --- freshness ---------------------------------------------------------------


def test_freshness_policies_are_checked():
    assert str(FreshnessPolicy(30)) == "at most 30 min old"
    with pytest.raises(InvalidDefinitionError, match="positive"):
        FreshnessPolicy(0)
    with pytest.raises(InvalidDefinitionError, match="no cron_schedule"):
        FreshnessPolicy(1, cron_schedule_timezone="Europe/Berlin")
    with pytest.raises(InvalidDefinitionError, match="'often'"):
        FreshnessPolicy(1, cron_schedule="often")
    with pytest.raises(InvalidDefinitionError, match="no timezone"):
        FreshnessPolicy(1, cron_schedule="0 0 * * *", cron_schedule_timezone="Mars")


def test_partition_mappings_may_be_any():
    dep = AssetDep("a", partition_mapping=IdentityPartitionMapping())
    assert dep == AssetDep("a", partition_mapping=IdentityPartitionMapping())
    assert dep != AssetDep("a")
