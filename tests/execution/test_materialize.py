"""Making assets: selections, partitions, where values go, and what the result gives."""

from __future__ import annotations

import subprocess
import sys

import pytest

from jobnb import (
    AssetKey,
    AssetMaterialization,
    AssetSelection,
    Config,
    DataVersion,
    Definitions,
    DynamicOut,
    DynamicOutput,
    Instance,
    InvalidInvocationError,
    InvalidSubsetError,
    InvariantViolationError,
    MaterializeResult,
    Out,
    Output,
    ResourceDefinition,
    RunConfig,
    StaticPartitionsDefinition,
    asset,
    job,
    materialize,
    materialize_to_memory,
    mem_io_manager,
    op,
)
from tests.execution.told import of_kind


@asset
def orders():
    return [1, 2]


@asset
def total(orders):
    return sum(orders)


@asset(deps=["total"])
def report():
    return "done"


ALL = [orders, total, report]


def made(result):
    return [e.asset_key.to_user_string() for e in result.get_asset_materialization_events()]


def test_all_are_made_in_order_and_values_can_be_had():
    result = materialize(ALL)
    assert made(result) == ["orders", "total", "report"]
    for key in ("total", AssetKey("total"), ["total"]):
        assert result.asset_value(key) == 3
    assert result.output_for_node("total") == 3
    with pytest.raises(InvariantViolationError, match="does not make 'totl'. Did you mean 'total'"):
        result.asset_value("totl")


@pytest.mark.parametrize(
    ("selection", "keys"),
    [
        ("total+", ["total", "report"]),
        (["orders"], ["orders"]),
        (AssetSelection.keys("report").upstream(), ["orders", "total", "report"]),
        ([total], ["total"]),
    ],
)
def test_a_selection_makes_only_what_it_names(selection, keys):
    with Instance.ephemeral() as instance:
        materialize(ALL, instance=instance)
        assert made(materialize(ALL, instance=instance, selection=selection)) == keys


def test_a_selection_of_nothing_is_refused():
    with pytest.raises(InvalidSubsetError, match="nope"):
        materialize(ALL, selection="nope")


def test_config_tags_and_the_record():
    class Settings(Config):
        n: int

    @asset
    def configured(config: Settings):
        return config.n

    with Instance.ephemeral() as instance:
        result = materialize(
            [configured],
            run_config=RunConfig(ops={"configured": Settings(n=4)}),
            tags={"team": "a"},
            instance=instance,
        )
        assert result.asset_value("configured") == 4
        run = instance.get_run_by_id(result.run_id)
        assert run.tags == {"team": "a"}
        assert run.asset_selection == {AssetKey("configured")}
        assert instance.get_latest_materialization_event(AssetKey("configured")) is not None


def test_partitions():
    @asset(partitions_def=StaticPartitionsDefinition(["x", "y"]))
    def parted(context):
        return context.partition_key, context.asset_partition_key_for_output()

    result = materialize([parted], partition_key="x")
    assert result.asset_value("parted") == ("x", "x")
    assert result.run.partition_key == "x"
    assert of_kind(result, "ASSET_MATERIALIZATION")[0].partition == "x"
    with pytest.raises(InvariantViolationError, match="Name one: partition_key='y'"):
        materialize([parted])


# --- what an asset may give --------------------------------------------------


def test_results_with_metadata_tags_and_versions():
    @asset(code_version="7")
    def stored_elsewhere():
        return MaterializeResult(
            metadata={"rows": 3}, tags={"kind": "table"}, data_version=DataVersion("v2")
        )

    @asset
    def versioned():
        return Output(1, data_version=DataVersion("v9"))

    @asset
    def by_context(context):
        context.set_data_version(context.asset_key, DataVersion("v3"))
        return 1

    result = materialize([stored_elsewhere, versioned, by_context])
    first, second, third = of_kind(result, "ASSET_MATERIALIZATION")
    assert first.metadata["rows"] == {"type": "int", "value": 3}
    assert first.tags["kind"] == "table"
    assert first.tags["dagster/code_version"] == "7"
    assert [e.data_version for e in (first, second, third)] == ["v2", "v9", "v3"]


def test_an_asset_can_yield_what_else_it_knows():
    @asset
    def telling():
        yield AssetMaterialization("file", metadata={"size": 1})
        yield Output(5)

    result = materialize([telling])
    assert made(result) == ["file", "telling"]
    assert result.asset_value("telling") == 5


def test_an_asset_that_only_comes_after_another_loads_nothing():
    ran = []

    @asset
    def first() -> None:
        ran.append("first")

    @asset(deps=[first])
    def second():
        ran.append("second")

    result = materialize([second, first])
    assert ran == ["first", "second"]
    assert of_kind(result, "LOADED_INPUT") == []


# --- where values go ---------------------------------------------------------


def test_in_memory_nothing_is_written(tmp_path):
    with Instance.local_temp(str(tmp_path)) as instance:
        result = materialize_to_memory(ALL, instance=instance)
        assert result.asset_value("total") == 3
        assert not (tmp_path / "storage").exists()
        assert instance.get_latest_materialization_event(AssetKey("total")) is not None


def test_in_memory_takes_no_io_manager():
    with pytest.raises(InvariantViolationError, match="'io_manager'"):
        materialize_to_memory(ALL, resources={"io_manager": mem_io_manager})


def test_in_memory_also_for_assets_with_a_manager_of_their_own():
    @asset(io_manager_key="warehouse")
    def big():
        return 1

    assert materialize_to_memory([big]).asset_value("big") == 1


def test_a_second_process_reads_the_values_and_the_history(tmp_path):
    with Instance.local_temp(str(tmp_path)) as instance:
        run_id = materialize(ALL, instance=instance).run_id
    program = (
        "import sys\n"
        "from jobnb import AssetKey, Definitions, Instance, asset\n"
        "@asset\n"
        "def total(): ...\n"
        "with Instance.local_temp(sys.argv[1]) as instance:\n"
        "    defs = Definitions(assets=[total])\n"
        "    print(defs.load_asset_value('total', instance=instance))\n"
        "    print(instance.get_runs()[0].run_id)\n"
        "    print(instance.get_latest_materialization_event(AssetKey('total')).run_id)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["3", run_id, run_id]


def test_a_resource_that_an_asset_brings_itself_is_not_given_again():
    @asset(resource_defs={"rate": ResourceDefinition.hardcoded_resource(2)})
    def priced(context):
        return context.resources.rate

    assert materialize([priced], resources={"other": 1}).asset_value("priced") == 2
    for give in (materialize, materialize_to_memory):
        with pytest.raises(InvalidInvocationError, match="brings its own 'rate'"):
            give([priced, orders], selection=[orders], resources={"rate": 3})
    with pytest.raises(InvalidInvocationError, match="brings its own 'rate'"):
        Definitions(assets=[priced], resources={"rate": 3})


def test_metadata_of_the_context_wins_and_a_dynamic_output_asks_for_the_element():
    @op(out={"one": Out(), "many": DynamicOut()})
    def both(context):
        context.add_output_metadata({"n": 1}, "one")
        yield Output(1, "one", metadata={"n": 2, "m": 3})
        with pytest.raises(InvariantViolationError, match="'many' of 'both' is dynamic"):
            context.add_output_metadata({"n": 1}, "many")
        context.add_output_metadata({"n": 4}, "many", mapping_key="a")
        yield DynamicOutput(1, "a", "many")

    result = job(name="j")(lambda: both() and None).execute_in_process()
    yielded = [e for e in result.all_events if e.event_type_value == "STEP_OUTPUT"]
    told = [
        {key: each.value for key, each in e.event_specific_data.metadata.items()} for e in yielded
    ]
    assert told == [{"n": 1, "m": 3}, {"n": 4}]
