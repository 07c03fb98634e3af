"""Assets: what was last made of each, also after runs and assets were taken out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import AssetKey, EventRecordsFilter, EventType, Instance, JobRun
from jobnb import events as ev
from jobnb.storage.writing import key_text

A, B = AssetKey("a"), AssetKey(["b", "c"])


def made(instance: Instance, *events: ev.Event) -> str:
    log = instance.open_log(instance.create_run(JobRun("daily")))
    log.events.extend(events)
    log.close()
    return log.run.run_id


def asset(when: float, key: AssetKey = A, **fields: object) -> ev.AssetMaterialized:
    return ev.AssetMaterialized(when, "s", tuple(key.path), **fields)  # type: ignore[arg-type]


def last(instance: Instance, key: AssetKey = A) -> float | None:
    entry = instance.get_latest_materialization_event(key)
    return entry.timestamp if entry is not None else None


def test_the_latest_materialization_is_that_of_the_last_run(instance: Instance) -> None:
    assert last(instance) is None
    made(instance, asset(1.0), asset(2.0, metadata={"rows": {"type": "int", "value": 3}}))
    made(instance, asset(3.0, B))
    entry = instance.get_latest_materialization_event(A)
    assert entry is not None
    assert entry.timestamp == 2.0
    assert entry.asset_materialization is not None
    assert entry.asset_materialization.metadata["rows"].value == 3
    found = instance.get_latest_materialization_events([A, B, AssetKey("nope")])
    assert [e and e.timestamp for e in found.values()] == [2.0, 3.0, None]


def test_an_asset_is_known_once_it_was_planned_observed_or_made(instance: Instance) -> None:
    made(
        instance,
        ev.AssetPlanned(1.0, "s", ("planned",)),
        ev.AssetObserved(1.0, "s", ("seen",)),
        asset(1.0, B),
    )
    known = [AssetKey(["b", "c"]), AssetKey("planned"), AssetKey("seen")]
    assert instance.get_asset_keys() == known
    assert [instance.has_asset_key(key) for key in [*known, A]] == [True, True, True, False]
    assert last(instance, AssetKey("planned")) is None
    records = instance.get_asset_records([AssetKey("planned"), B, A])
    assert [r.asset_entry.asset_key for r in records] == [B, AssetKey("planned")]
    entry = records[0].asset_entry.last_materialization
    assert entry.asset_materialization.asset_key == entry.dagster_event.asset_key


def test_planning_an_asset_again_keeps_what_was_made(instance: Instance) -> None:
    made(instance, asset(1.0))
    made(instance, ev.AssetPlanned(2.0, "s", ("a",)))
    assert last(instance) == 1.0


def test_keys_come_by_prefix_and_page(instance: Instance) -> None:
    made(instance, *(asset(1.0, AssetKey(["x", str(i)])) for i in range(3)), asset(1.0))
    assert len(instance.get_asset_keys(prefix=["x"])) == 3
    first = instance.get_asset_keys(limit=2)
    rest = instance.get_asset_keys(cursor=first[-1].to_string())
    assert [*first, *rest] == instance.get_asset_keys()


def test_more_keys_than_a_statement_takes(instance: Instance) -> None:
    keys = [AssetKey(f"k{i:04}") for i in range(1200)]
    made(instance, *(asset(1.0, key) for key in keys))
    found = instance.get_latest_materialization_events(keys)
    assert all(entry is not None for entry in found.values())
    assert len(instance.get_asset_records(keys)) == 1200


def test_deleting_a_run_brings_back_what_the_run_before_made(instance: Instance) -> None:
    first = made(instance, asset(1.0))
    second = made(instance, asset(2.0), asset(2.0, B))
    third = made(instance, ev.AssetPlanned(3.0, "s", ("a",)))
    instance.delete_run(second)
    assert last(instance) == 1.0
    assert not instance.has_asset_key(B)
    instance.delete_run(first)
    assert last(instance) is None
    assert instance.has_asset_key(A)
    instance.delete_run(third)
    assert not instance.has_asset_key(A)


def test_wiped_assets_are_forgotten_but_the_logs_stay(instance: Instance) -> None:
    run_id = made(instance, asset(1.0), asset(1.0, B))
    instance.wipe_assets([A])
    assert instance.get_asset_keys() == [B]
    assert last(instance) is None
    wanted = EventRecordsFilter(EventType.ASSET_MATERIALIZATION)
    assert [r.asset_key for r in instance.get_event_records(wanted)] == [B]
    assert len(instance.events(run_id)) == 2
    made(instance, asset(5.0))
    assert last(instance) == 5.0


def test_wiping_everything_leaves_a_usable_history(instance: Instance) -> None:
    made(instance, asset(1.0))
    instance.add_dynamic_partitions("d", ["x"])
    instance.set_values({"k": "v"})
    instance.wipe()
    assert instance.get_runs_count() == 0
    assert instance.get_asset_keys() == []
    assert instance.get_dynamic_partitions("d") == []
    assert instance.get_values(["k"]) == {}
    made(instance, asset(2.0))
    assert last(instance) == 2.0


def test_the_latest_data_version_is_that_of_the_last_event(instance: Instance) -> None:
    tags = {"dagster/data_version": "v1"}
    made(instance, asset(1.0, tags=tags), asset(2.0, partition="p", tags=tags))
    made(instance, ev.AssetObserved(3.0, "s", ("a",), tags={"dagster/data_version": "v2"}))

    def found(**fields: object) -> float | None:
        record = instance.get_latest_data_version_record(A, **fields)  # type: ignore[arg-type]
        return record.timestamp if record is not None else None

    assert [found(), found(is_source=False), found(is_source=True)] == [3.0, 2.0, 3.0]
    assert found(partition_key="p") == 2.0
    record = instance.get_latest_data_version_record(A)
    assert record is not None
    assert record.data_version == "v2"
    assert found(before_cursor=record.storage_id) == 2.0
    assert found(after_cursor=record.storage_id) is None


def test_dynamic_partitions_keep_the_order_in_which_they_came(instance: Instance) -> None:
    instance.add_dynamic_partitions("d", ["b", "a", "b"])
    instance.add_dynamic_partitions("d", ["a", "c"])
    instance.add_dynamic_partitions("other", ["z"])
    instance.add_dynamic_partitions("d", [])
    assert instance.get_dynamic_partitions("d") == ["b", "a", "c"]
    assert instance.has_dynamic_partition("d", "a")
    instance.delete_dynamic_partition("d", "a")
    instance.delete_dynamic_partition("d", "never")
    assert not instance.has_dynamic_partition("d", "a")
    assert instance.get_dynamic_partitions("d") == ["b", "c"]


def test_presets_and_values_are_kept_by_name(instance: Instance) -> None:
    instance.save_preset("daily", "b", {"run_config": {"x": 1}})
    instance.save_preset("daily", "a", {"tags": {}})
    instance.save_preset("daily", "b", {"run_config": {"x": 2}})
    assert list(instance.get_presets("daily")) == ["a", "b"]
    assert instance.get_presets("daily")["b"] == {"run_config": {"x": 2}}
    instance.delete_preset("daily", "a")
    assert list(instance.get_presets("daily")) == ["b"]
    assert instance.get_presets("other") == {}
    instance.set_values({"x": "1", "jobnb/schema_version": "99"})
    instance.set_values({"x": "2"})
    assert instance.get_values(["x", "y"]) == {"x": "2"}


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1)
)
def test_keys_are_written_as_the_key_itself_writes_them(path: list[str]) -> None:
    assert key_text(path) == AssetKey(path).to_string() == json.dumps(path)


@pytest.mark.parametrize("name", ['quote"d', "per%cent", "un_der", "ü\U0001f600", "\\", "a'b"])
def test_odd_names_are_found_again(instance: Instance, name: str) -> None:
    key = AssetKey([name, "x"])
    made(instance, asset(1.0, key, partition=name))
    assert instance.get_asset_keys(prefix=[name]) == [key]
    wanted = EventRecordsFilter(EventType.ASSET_MATERIALIZATION, key, [name])
    assert len(instance.get_event_records(wanted)) == 1


def test_events_of_an_asset_are_found_by_its_key_as_text(instance: Instance) -> None:
    made(instance, asset(1.0), asset(2.0, B))
    for key in (B, B.to_user_string(), list(B.path)):
        wanted = EventRecordsFilter(EventType.ASSET_MATERIALIZATION, asset_key=key)
        assert [record.timestamp for record in instance.get_event_records(wanted)] == [2.0]
