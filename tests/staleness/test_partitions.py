"""Staleness of partitions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobnb import (
    AssetIn,
    DailyPartitionsDefinition,
    LastPartitionMapping,
    PartitionKeyRange,
    Session,
    StaticPartitionsDefinition,
    asset,
)

DAYS = DailyPartitionsDefinition("2013-01-01", end_date="2013-01-05")
ONE, TWO, THREE = "2013-01-01", "2013-01-02", "2013-01-03"
calls: list[str] = []


@pytest.fixture
def session(home: Path):
    calls.clear()
    made = Session(home=str(home))
    define(made)
    yield made
    made.instance.dispose()


def define(session: Session, first: int = 1) -> None:
    scope: dict[str, Any] = {"__name__": "cells", "calls": calls}
    exec(
        f"def orders(context):\n    calls.append('orders ' + context.partition_key)\n"
        f"    return {first}\n"
        "def revenue(context, orders):\n    calls.append('revenue ' + context.partition_key)\n"
        "    return orders\n"
        "def total(orders):\n    calls.append('total')\n    return sum(orders.values())\n",
        scope,
    )
    session.add(
        asset(partitions_def=DAYS)(scope["orders"]),
        asset(partitions_def=DAYS)(scope["revenue"]),
        asset(scope["total"]),
    )


def went() -> list[str]:
    found = list(calls)
    calls.clear()
    return found


def status(session: Session, key: str, partition: str | None = None) -> str:
    return str(session.status(key, partition))


def test_each_partition_stands_for_itself(session: Session) -> None:
    session.materialize(["orders", "revenue"], partition=ONE)
    assert status(session, "revenue", ONE) == f"revenue[{ONE}] is fresh"
    assert session.status("revenue", TWO).status.value == "missing"
    session.materialize("orders", partition=TWO)
    assert status(session, "revenue", ONE) == f"revenue[{ONE}] is fresh"
    session.materialize("orders", partition=ONE)
    assert status(session, "revenue", ONE) == f"revenue[{ONE}] is stale: upstream 'orders' is newer"
    define(session, first=2)
    assert "code changed" in status(session, "orders", TWO)


def test_only_the_stale_part_of_a_partition_is_made(session: Session) -> None:
    for day in (ONE, TWO):
        session.materialize(["orders", "revenue"], partition=day, stale_only=True)
    assert len(went()) == 4
    session.materialize(["orders", "revenue"], partition=ONE, stale_only=True)
    assert went() == []
    session.materialize("orders", partition=ONE)
    went()
    session.materialize(["orders", "revenue"], partition=TWO, stale_only=True)
    assert went() == []
    session.materialize(["orders", "revenue"], partition=ONE, stale_only=True)
    assert went() == [f"revenue {ONE}"]


def test_an_asset_made_of_all_partitions_is_stale_by_each_of_them(session: Session) -> None:
    for day in DAYS.get_partition_keys():
        session.materialize("orders", partition=day)
    session.materialize("total")
    assert status(session, "total") == "total is fresh"
    session.materialize("orders", partition=TWO)
    assert status(session, "total") == "total is stale: upstream 'orders' is newer"


def test_mappings_tell_which_partitions_count(session: Session) -> None:
    @asset(ins={"orders": AssetIn(partition_mapping=LastPartitionMapping())})
    def latest(orders):
        return orders

    session.add(latest)
    last = DAYS.get_partition_keys()[-1]
    session.materialize("orders", partition=last)
    session.materialize("latest")
    session.materialize("orders", partition=ONE)
    assert status(session, "latest") == "latest is fresh"
    session.materialize("orders", partition=last)
    assert status(session, "latest") == "latest is stale: upstream 'orders' is newer"


def test_a_run_over_several_partitions_goes_where_any_of_them_is_stale(tmp_path: Path) -> None:
    letters = StaticPartitionsDefinition(["a", "b", "c"])

    @asset(partitions_def=letters)
    def one(context):
        calls.append(",".join(context.partition_keys))
        return dict.fromkeys(context.partition_keys, 1)

    session = Session(home=str(tmp_path)).add(one)
    calls.clear()
    session.materialize(partition=PartitionKeyRange("a", "b"), stale_only=True)
    session.materialize(partition=PartitionKeyRange("a", "b"), stale_only=True)
    assert went() == ["a,b"]
    session.materialize(partition=PartitionKeyRange("a", "c"), stale_only=True)
    assert went() == ["a,b,c"]
    session.instance.dispose()
