"""Partitions of assets: what became of each, whoever made it and whatever was taken out since."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobnb import AssetKey, Instance, InvalidDefinitionError, InvariantViolationError, JobRun
from jobnb import AssetPartitionStatus as Status
from jobnb import events as ev
from jobnb.storage.run_log import RunLog
from tests.storage.place import Place

A, KEYS = AssetKey(["shop", "orders"]), ["p0", "p1", "p2"]


def begun(instance: Instance, *partitions: str, asset: AssetKey = A) -> RunLog:
    log = instance.open_log(instance.create_run(JobRun("daily")))
    log.events.append(ev.RunStarted(1.0, "daily"))
    log.events.extend(ev.AssetPlanned(1.0, "s", tuple(asset.path), each) for each in partitions)
    log.commit()
    return log


def make(log: RunLog, *partitions: str, asset: AssetKey = A, when: float = 2.0) -> None:
    log.events.extend(
        ev.AssetMaterialized(when, "s", tuple(asset.path), each) for each in partitions
    )


ENDS = {
    "success": ev.RunSucceeded(9.0, "daily"),
    "failure": ev.RunFailed(9.0, "daily"),
    "canceled": ev.RunCanceled(9.0, "daily"),
}


def end(log: RunLog, how: str = "success") -> str:
    log.events.append(ENDS[how])
    log.close()
    return log.run.run_id


def status(instance: Instance, keys: list[str] = KEYS) -> list[str | None]:
    found = instance.get_status_by_partition(A, keys)
    return [found[key] and found[key].value for key in keys]


def test_a_partition_is_under_way_then_made_or_failed(instance: Instance) -> None:
    assert status(instance) == [None, None, None]
    log = begun(instance, "p0", "p1")
    assert status(instance) == ["IN_PROGRESS", "IN_PROGRESS", None]
    make(log, "p0")
    log.commit()
    assert status(instance) == ["MATERIALIZED", "IN_PROGRESS", None]
    end(log, "failure")
    assert status(instance) == ["MATERIALIZED", "FAILED", None]
    assert instance.get_materialized_partitions(A) == {"p0"}


def test_making_a_failed_partition_mends_it_and_failing_again_keeps_its_value(
    instance: Instance,
) -> None:
    end(begun(instance, "p0"), "failure")
    log = begun(instance, "p0")
    assert status(instance)[0] == "IN_PROGRESS"
    make(log, "p0")
    end(log)
    assert status(instance)[0] == "MATERIALIZED"
    end(begun(instance, "p0"), "failure")
    assert status(instance)[0] == "FAILED"
    assert instance.get_materialized_partitions(A) == {"p0"}


def test_a_canceled_run_and_an_output_that_did_not_come_change_nothing(instance: Instance) -> None:
    end(begun(instance, "p0"), "canceled")
    end(begun(instance, "p1"), "success")
    assert status(instance) == [None, None, None]


def test_two_runs_of_one_partition_are_told_apart(instance: Instance) -> None:
    first, second = begun(instance, "p0"), begun(instance, "p0")
    end(second, "failure")
    assert status(instance)[0] == "IN_PROGRESS"
    make(first, "p0")
    end(first)
    assert status(instance)[0] == "MATERIALIZED"


def test_a_deleted_run_gives_its_partitions_back_to_the_run_before(instance: Instance) -> None:
    one, two = begun(instance, "p0"), begun(instance, "p0", "p1")
    make(one, "p0", when=3.0)
    end(one)
    make(two, "p0", "p1", when=4.0)
    later = end(two)
    instance.delete_run(later)
    assert status(instance) == ["MATERIALIZED", None, None]
    record = instance.get_latest_materialization_by_partition(A)["p0"]
    assert (record.run_id, record.timestamp) == (one.run.run_id, 3.0)
    failed = end(begun(instance, "p2"), "failure")
    under_way = begun(instance, "p1")
    assert status(instance) == ["MATERIALIZED", "IN_PROGRESS", "FAILED"]
    instance.delete_run(failed)
    instance.delete_run(under_way.run.run_id)
    assert status(instance) == ["MATERIALIZED", None, None]


def test_wiping_forgets_all_partitions_of_an_asset_or_some(instance: Instance) -> None:
    other = AssetKey("other")
    log = begun(instance)
    make(log, *KEYS)
    make(log, "p0", asset=other)
    end(log)
    instance.wipe_asset_partitions(A, ["p1"])
    assert status(instance) == ["MATERIALIZED", None, "MATERIALIZED"]
    assert instance.get_materialization_count_by_partition([A]) == {A: {"p0": 1, "p2": 1}}
    instance.wipe_assets([A])
    assert status(instance) == [None, None, None]
    assert instance.get_materialized_partitions(other) == {"p0"}
    instance.wipe()
    assert instance.get_materialized_partitions(other) == set()


def test_the_last_of_a_wiped_asset_is_what_is_left(instance: Instance) -> None:
    log = begun(instance)
    make(log, "p0", when=3.0)
    make(log, "p1", when=4.0)
    end(log)
    instance.wipe_asset_partitions(A, ["p1"])
    entry = instance.get_latest_materialization_event(A)
    assert entry is not None
    assert entry.timestamp == 3.0
    instance.wipe_asset_partitions(A, ["p0"])
    assert instance.get_latest_materialization_event(A) is None
    assert instance.has_asset_key(A)


def test_materializations_are_counted_and_bounded_by_cursors(instance: Instance) -> None:
    log = begun(instance)
    make(log, "p0", "p0", "p1")
    end(log)
    latest = instance.get_latest_materialization_by_partition(A, ["p0", "nope"])
    assert list(latest) == ["p0"]
    cursor = latest["p0"].storage_id
    log = begun(instance)
    make(log, "p1", "p2")
    end(log)
    counts = instance.get_materialization_count_by_partition([A, AssetKey("nope")])
    assert counts == {A: {"p0": 2, "p1": 2, "p2": 1}, AssetKey("nope"): {}}
    after = instance.get_materialization_count_by_partition([A], after_cursor=cursor + 1)
    assert after == {A: {"p1": 1, "p2": 1}}
    assert instance.get_materialized_partitions(A, after_cursor=cursor) == {"p1", "p2"}
    assert instance.get_materialized_partitions(A, before_cursor=cursor + 1) == {"p0"}


def test_a_run_whose_process_is_gone_has_failed_its_partitions(durable: Instance) -> None:
    script = """
        import os, sys
        from jobnb import Instance, StaticPartitionsDefinition, asset, materialize
        @asset(partitions_def=StaticPartitionsDefinition(["p0", "p1"]), key_prefix="shop")
        def orders():
            os._exit(9)
        materialize([orders], instance=Instance.from_home(sys.argv[1]), partition_key="p1")
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(durable.home)]
    ended = subprocess.run(command, env=Place.of(durable).environment)
    assert ended.returncode == 9
    assert status(durable) == [None, "FAILED", None]


# --- any order of things against a plain model ------------------------------

ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(0, 3), st.lists(st.sampled_from(KEYS), max_size=3)),
        st.tuples(st.just("make"), st.integers(0, 3), st.lists(st.sampled_from(KEYS), max_size=2)),
        st.tuples(st.just("end"), st.integers(0, 3), st.sampled_from(sorted(ENDS))),
        st.tuples(st.just("commit"), st.integers(0, 3), st.none()),
    ),
    max_size=25,
)


class Model:
    """What must hold, the slow way: every run's plans, and the last word on each partition."""

    def __init__(self) -> None:
        self.plans: dict[int, set[str]] = {}
        self.made: set[str] = set()
        self.failed: set[str] = set()

    def status(self) -> list[str | None]:
        under_way = set().union(*self.plans.values()) if self.plans else set()
        return [
            "IN_PROGRESS" if key in under_way else
            "FAILED" if key in self.failed else
            "MATERIALIZED" if key in self.made else None
            for key in KEYS
        ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(acts=ACTS)
def test_any_order_of_events_comes_to_what_a_plain_model_says(acts: list) -> None:
    model = Model()
    logs: dict[int, RunLog] = {}
    with Instance.ephemeral() as instance:
        for what, number, which in acts:
            if what == "begin" and number not in logs:
                logs[number] = begun(instance, *which)
                model.plans[number] = set(which)
            elif number in logs:
                log = logs[number]
                if what == "make":
                    make(log, *which)
                    model.made |= set(which)
                    model.failed -= set(which)
                    model.plans[number] -= set(which)
                elif what == "end":
                    end(log, which)
                    left = model.plans.pop(number)
                    model.failed |= left if which == "failure" else set()
                    del logs[number]
                elif what == "commit":
                    log.commit()
                # Reading writes what is pending: the order of things is that of the model.
                assert status(instance) == model.status()
        assert status(instance) == model.status()
        assert instance.get_materialized_partitions(A) == model.made


# --- older stores, other processes ------------------------------------------


def test_a_store_of_the_first_schema_is_brought_up_to_date(place: Place) -> None:
    wiped = AssetKey("wiped")
    with place.open() as instance:
        log = begun(instance, "p0", "p1")
        make(log, "p0")
        end(log, "failure")
        end(begun(instance, "p2"), "failure")
        log = begun(instance, "p2")
        make(log, "p2")
        end(log)
        end(begun(instance, "p0", asset=wiped), "failure")
        instance.wipe_assets([wiped])
        before = status(instance)
        latest = instance.get_latest_materialization_by_partition(A)
        with instance._opened().engine.begin() as old:
            old.exec_driver_sql("DROP TABLE asset_partitions")
            old.exec_driver_sql("DROP TABLE partition_plans")
            old.exec_driver_sql("ALTER TABLE runs DROP COLUMN notebook")
            old.exec_driver_sql("UPDATE kvs SET value = '1' WHERE key = 'jobnb/schema_version'")
    for _ in range(2):
        with place.open() as instance:
            assert status(instance) == before == ["MATERIALIZED", "FAILED", "MATERIALIZED"]
            assert instance.get_latest_materialization_by_partition(A) == latest
            assert instance.get_status_by_partition(wiped, ["p0"]) == {"p0": None}


KERNEL = """
    import sys
    from jobnb import Instance, StaticPartitionsDefinition, asset, materialize, mem_io_manager
    keys = [f"p{i}" for i in range(20)]
    @asset(partitions_def=StaticPartitionsDefinition(keys), key_prefix="shop")
    def orders(context):
        if int(context.partition_key[1:]) % 3 == 0 and sys.argv[2] == "k0":
            raise ValueError("no")
    instance = Instance.from_home(sys.argv[1])
    for key in keys if sys.argv[2] == "k0" else reversed(keys):
        instance.add_dynamic_partitions("seen", [key, sys.argv[2]])
        materialize([orders], instance=instance, partition_key=key, raise_on_error=False,
                    resources={"io_manager": mem_io_manager})
    instance.dispose()
"""


def test_several_kernels_make_the_same_partitions(place: Place) -> None:
    kernels = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(KERNEL), str(place.home),
             f"k{i}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**place.environment, "JOBNB_PROGRESS": "0"},
        )
        for i in range(3)
    ]  # fmt: skip
    ends = [(*kernel.communicate(timeout=240), kernel.returncode) for kernel in kernels]
    assert ends == [("", "", 0)] * 3
    keys = [f"p{i}" for i in range(20)]
    with place.open() as instance:
        found = instance.get_status_by_partition(A, keys)
        latest = instance.get_latest_materialization_by_partition(A)
        counts = instance.get_materialization_count_by_partition([A])[A]
        assert set(found.values()) <= {Status.MATERIALIZED, Status.FAILED}
        assert instance.get_materialized_partitions(A) == set(keys) == set(latest)
        assert counts == {key: 2 if int(key[1:]) % 3 == 0 else 3 for key in keys}
        assert sorted(instance.get_dynamic_partitions("seen")) == sorted([*keys, "k0", "k1", "k2"])


# --- dynamic partitions -----------------------------------------------------


def test_dynamic_partitions_come_in_order_and_in_pages(instance: Instance) -> None:
    instance.add_dynamic_partitions("customers", ["c", "a", "c", "b"])
    instance.add_dynamic_partitions("customers", ["a", "d"])
    assert list(instance.get_dynamic_partitions("customers")) == ["c", "a", "b", "d"]
    first = instance.get_paginated_dynamic_partitions("customers", limit=3, ascending=True)
    assert (first.results, first.has_more) == (["c", "a", "b"], True)
    second = instance.get_paginated_dynamic_partitions("customers", 3, True, first.cursor)
    assert (second.results, second.has_more) == (["d"], False)
    latest = instance.get_paginated_dynamic_partitions("customers", 2, ascending=False)
    assert latest.results == ["d", "b"]
    assert instance.has_dynamic_partition("customers", "a")
    instance.delete_dynamic_partition("customers", "a")
    instance.delete_dynamic_partition("customers", "never there")
    assert not instance.has_dynamic_partition("customers", "a")
    assert list(instance.get_dynamic_partitions("nobody")) == []


def test_what_cannot_be_a_key_is_refused(instance: Instance) -> None:
    with pytest.raises(InvalidDefinitionError, match="customers"):
        instance.add_dynamic_partitions("customers", ["fine", "a...b"])
    with pytest.raises(InvalidDefinitionError, match="list of texts"):
        instance.add_dynamic_partitions("customers", "acme")
    with pytest.raises(InvariantViolationError, match="'x' is no cursor"):
        instance.get_paginated_dynamic_partitions("customers", 1, True, "x")
    assert list(instance.get_dynamic_partitions("customers")) == []
