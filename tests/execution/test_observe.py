from __future__ import annotations

import pytest

from jobnb import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetKey,
    AssetObservation,
    AssetSpec,
    DataVersion,
    DataVersionsByPartition,
    Definitions,
    Instance,
    InvalidDefinitionError,
    InvalidSubsetError,
    InvariantViolationError,
    IOManager,
    ObserveResult,
    ResourceDefinition,
    Session,
    SourceAsset,
    StaticPartitionsDefinition,
    asset,
    define_asset_job,
    io_manager,
    materialize,
    multi_observable_source_asset,
    observable_source_asset,
    observe,
)


def told(result) -> list[tuple]:
    """Step, key, version and partition of each observation."""
    return [
        (event.step_key, event.asset_key.to_user_string(), event.data_version, event.partition)
        for event in result.get_asset_observation_events()
    ]


@observable_source_asset
def orders():
    """Written by the shop."""
    return DataVersion("v1")


def test_a_source_asset_tells_its_version():
    @observable_source_asset(
        name="t", key_prefix="p", metadata={"m": 1}, description="D", group_name="g"
    )
    def named(context):
        assert context.selected_asset_keys == {named.key}
        return DataVersion("v2")

    assert (named.key.to_user_string(), named.group_name, named.description) == ("p/t", "g", "D")
    assert named.is_observable
    assert named.op.name == "p__t"
    result = observe([orders, named])
    assert result.job_def.name == "in_process_observation_job"
    assert sorted(told(result)) == [("orders", "orders", "v1", None), ("p__t", "p/t", "v2", None)]
    kinds = [e.event_type_value for e in result.events_for_node("orders")]
    assert kinds == ["STEP_START", "ASSET_OBSERVATION", "STEP_OUTPUT", "STEP_SUCCESS"]


def test_observations_are_in_the_history_and_make_nothing():
    instance = Instance.ephemeral()
    result = observe([orders], instance=instance)
    assert result.get_asset_materialization_planned_events() == []
    record = instance.get_latest_data_version_record(orders.key, is_source=True)
    assert record.event_log_entry.event.data_version == "v1"


def test_resources_and_config_reach_the_function():
    @observable_source_asset(
        required_resource_keys={"db"},
        resource_defs={"db": ResourceDefinition.hardcoded_resource("seven")},
    )
    def table(context):
        return DataVersion(context.resources.db)

    assert told(observe([table])) == [("table", "table", "seven", None)]
    manual = SourceAsset.of("manual")
    with pytest.raises(InvalidSubsetError, match="Nothing observes manual"):
        observe([manual])
    with pytest.raises(InvalidDefinitionError, match="is not observed"):
        _ = manual.op


def test_a_function_can_be_given_to_the_source_asset():
    given = SourceAsset("given", observe_fn=lambda: DataVersion("q"))
    assert given.is_observable
    assert told(observe([given])) == [("given", "given", "q", None)]


def test_results_carry_metadata_and_tags():
    @observable_source_asset
    def table():
        return ObserveResult(metadata={"rows": 3}, data_version="9", tags={"a": "b"})

    (event,) = observe([table]).get_asset_observation_events()
    assert event.metadata["rows"]["value"] == 3
    assert event.tags == {"a": "b", "dagster/data_version": "9"}


def test_an_observation_may_be_yielded_by_hand():
    @observable_source_asset
    def table():
        yield AssetObservation("table", metadata={"rows": 3})

    assert told(observe([table])) == [("table", "table", None, None)]


def test_versions_by_partition():
    parts = StaticPartitionsDefinition(["a", "b"])

    @observable_source_asset(partitions_def=parts)
    def table():
        return DataVersionsByPartition({"a": "1", "b": DataVersion("2")})

    assert told(observe([table])) == [("table", "table", "1", "a"), ("table", "table", "2", "b")]

    @observable_source_asset(partitions_def=parts)
    def one_version():
        return DataVersion("3")

    with pytest.raises(InvariantViolationError, match="is partitioned"):
        observe([one_version])

    @observable_source_asset
    def plain():
        return DataVersionsByPartition({"a": "1"})

    with pytest.raises(InvariantViolationError, match="is not partitioned"):
        observe([plain])


def test_what_is_no_version_fails_the_step():
    @observable_source_asset
    def number():
        return 5

    @observable_source_asset
    def nothing():
        pass

    with pytest.raises(InvariantViolationError, match="told 5, a int"):
        observe([number])
    with pytest.raises(InvariantViolationError, match="told nothing"):
        observe([nothing])


def test_several_source_assets_of_one_function():
    @multi_observable_source_asset(
        specs=[AssetSpec("a"), AssetSpec(["p", "b"], kinds={"s3"})], can_subset=True, group_name="g"
    )
    def shop(context):
        for key in sorted(context.selected_asset_keys):
            yield ObserveResult(key, data_version=key.path[-1])

    assert told(observe([shop])) == [("shop", "a", "a", None), ("shop", "p/b", "b", None)]
    definitions = Definitions(assets=[shop], jobs=[define_asset_job("look", "p/b")])
    assert [each.group_name for each in definitions.source_assets] == ["g", "g"]
    result = definitions.get_job_def("look").execute_in_process()
    assert told(result) == [("shop", "p/b", "b", None)]

    @multi_observable_source_asset(specs=[AssetSpec("a"), AssetSpec("b")])
    def wrong():
        yield ObserveResult("c")

    with pytest.raises(InvariantViolationError, match="not asked to observe"):
        observe([wrong])


class Anything(IOManager):
    def handle_output(self, context, obj):
        pass

    def load_input(self, context):
        return 5


def test_jobs_observe_what_their_selection_names():
    seen = []

    @observable_source_asset
    def raw():
        seen.append("raw")
        return DataVersion("1")

    @asset
    def below(raw):
        seen.append("below")
        return raw

    definitions = Definitions(
        assets=[raw, below],
        jobs=[
            define_asset_job("look", "raw"),
            define_asset_job("both", ["below", "raw"]),
            define_asset_job("upstream", "*below"),
        ],
        resources={"io_manager": io_manager(lambda: Anything())},
    )
    for name, expected in (
        ("look", ["raw"]),
        ("both", ["raw", "below"]),
        ("upstream", ["below"]),
        ("__ASSET_JOB", ["below"]),
    ):
        seen.clear()
        assert definitions.get_job_def(name).execute_in_process().success
        assert seen == expected, name


def test_what_is_made_from_a_source_that_could_not_be_observed_is_skipped():
    @observable_source_asset
    def raw():
        raise ValueError("gone")

    @asset(deps=[raw])
    def below():
        return 1

    result = materialize([raw, below], selection=["raw", "below"], raise_on_error=False)
    assert [e.step_key for e in result.all_events if e.event_type_value == "STEP_SKIPPED"] == [
        "below"
    ]


def test_the_session_observes_what_it_knows():
    session = Session().add(orders, AssetSpec("outside", deps=["orders"]))
    instance = Instance.ephemeral()
    assert told(session.observe_assets(instance=instance)) == [("orders", "orders", "v1", None)]
    assert told(session.materialize("orders", instance=instance)) == [
        ("orders", "orders", "v1", None)
    ]
    with pytest.raises(InvalidSubsetError, match="Nothing observes outside"):
        session.observe_assets("outside", instance=instance)
    keys = sorted(each.key.to_user_string() for each in session.snapshot().source_assets)
    assert keys == ["orders", "outside"]


def test_a_source_asset_can_be_given_a_key_a_group_and_resources():
    resource = ResourceDefinition.hardcoded_resource(1)
    made = orders.with_attributes("k/orders", "g").with_resources({"io_manager": resource})
    assert (made.key.to_user_string(), made.group_name) == ("k/orders", "g")
    assert made.spec.group_name == "g"
    with pytest.raises(InvalidDefinitionError, match="Keep one"):
        made.with_attributes(group_name="h")
    assert told(observe([made])) == [("orders", "k/orders", "v1", None)]


def test_the_session_counts_assets_however_many_one_function_makes():
    from jobnb import AssetOut, multi_asset

    both = multi_asset(outs={"a": AssetOut(), "b": AssetOut()}, name="both")(lambda: (1, 2))
    assert repr(Session().add(both, orders)) == "<session: 3 assets>"


def test_what_observes_may_check_too():
    specs = [AssetCheckSpec("fresh", asset="orders"), AssetCheckSpec("few", asset="customers")]

    @multi_observable_source_asset(
        specs=[AssetSpec("orders"), AssetSpec("customers")], can_subset=True, check_specs=specs
    )
    def shop(context):
        for key in sorted(context.selected_asset_keys):
            if key == AssetKey("orders"):
                yield ObserveResult(key, check_results=[AssetCheckResult(passed=True)])
            else:
                yield ObserveResult(key)
                yield AssetCheckResult(passed=False, check_name="few")

    def verdicts(result):
        checks = result.get_asset_check_evaluations()
        return {each.check_name: (each.asset_key, each.passed) for each in checks}

    assert [spec.name for spec in shop.check_specs] == ["fresh", "few"]
    assert verdicts(observe([shop])) == {
        "fresh": (AssetKey("orders"), True),
        "few": (AssetKey("customers"), False),
    }
    definitions = Definitions(assets=[shop])
    some = definitions.job_of_assets("some", "key:orders").execute_in_process()
    assert set(verdicts(some)) == {"fresh"}
    with pytest.raises(InvalidSubsetError, match="makes or observes 'orders', and not without it"):
        definitions.job_of_assets("alone", "check:orders:fresh").execute_in_process()


def test_a_check_that_was_not_declared_or_not_made_is_told():
    @multi_observable_source_asset(specs=[AssetSpec("a")])
    def undeclared():
        yield ObserveResult("a", check_results=[AssetCheckResult(passed=True)])

    with pytest.raises(InvariantViolationError, match="declares no checks"):
        observe([undeclared])

    specs = [AssetCheckSpec("fine", asset="a")]

    @multi_observable_source_asset(specs=[AssetSpec("a")], check_specs=specs)
    def silent():
        yield ObserveResult("a")

    with pytest.raises(InvariantViolationError, match="did not give the check 'a:fine'"):
        observe([silent])
    with pytest.raises(InvalidDefinitionError, match="cannot check another asset"):
        multi_observable_source_asset(specs=[AssetSpec("b")], name="b", check_specs=specs)(
            lambda: None
        )
