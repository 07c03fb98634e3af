"""Values in storage: loaded where they were not made, and after the run."""

from __future__ import annotations

import pytest

from jobnb import (
    In,
    Instance,
    Out,
    StaticPartitionsDefinition,
    StepOutputNotFoundError,
    asset,
    fs_io_manager,
    job,
    materialize,
    op,
)
from tests.execution.told import kinds, of_kind


@op(out=Out(int, metadata={"of": "output"}))
def one():
    return 1


@op(ins={"x": In(int, metadata={"of": "input"})})
def plus(x):
    return x + 1


def test_an_unselected_asset_is_loaded_from_where_it_was_stored(tmp_path):
    @asset
    def orders():
        return [1, 2]

    @asset
    def total(orders):
        return sum(orders)

    with Instance.local_temp(str(tmp_path)) as instance:
        with pytest.raises(StepOutputNotFoundError, match="'orders'"):
            materialize([orders, total], instance=instance, selection="total")
        materialize([orders, total], instance=instance)
        result = materialize([orders, total], instance=instance, selection="total")
        assert result.asset_value("total") == 3
        assert "STEP_START" not in kinds(result, "orders")


def test_partitioned_assets_load_their_own_partition(tmp_path):
    days = StaticPartitionsDefinition(["mon", "tue"])

    @asset(partitions_def=days)
    def orders(context):
        return [context.partition_key]

    @asset(partitions_def=days)
    def clean(orders):
        return orders * 2

    @asset
    def week(orders):
        return orders

    made = [orders, clean, week]
    with Instance.local_temp(str(tmp_path)) as instance:
        for day in ("mon", "tue"):
            result = materialize(
                made, instance=instance, partition_key=day, selection=["orders", "clean"]
            )
            assert result.asset_value("clean") == [day, day]
        alone = materialize(made, instance=instance, partition_key="mon", selection="clean")
        assert alone.asset_value("clean") == ["mon", "mon"]
        every = materialize(made, instance=instance, selection="week")
        assert every.asset_value("week") == {"mon": ["mon"], "tue": ["tue"]}


def test_values_on_disk_are_looked_at_after_the_run():
    @job
    def unnamed():
        plus(one())

    @job(resource_defs={"io_manager": fs_io_manager})
    def named():
        plus(one())

    def is_on_disk(result):
        return "path" in of_kind(result, "HANDLED_OUTPUT", "one")[0].metadata

    with Instance.ephemeral() as instance:
        # In-process runs keep values in memory unless an IO manager is named.
        assert not is_on_disk(unnamed.execute_in_process(instance=instance, keep_outputs=False))
        result = named.execute_in_process(instance=instance, keep_outputs=False)
        assert is_on_disk(result)
        assert result.output_for_node("plus") == 2
        given = {"io_manager": fs_io_manager}
        result = unnamed.execute_in_process(instance=instance, keep_outputs=False, resources=given)
        assert is_on_disk(result)
