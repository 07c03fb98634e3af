"""Run config per partition."""

# ruff: noqa: DTZ001 - naive times are what users pass
from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from jobnb import (
    InvalidDefinitionError,
    InvalidInvocationError,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    Partition,
    PartitionedConfig,
    RunConfig,
    StaticPartitionsDefinition,
    TimeWindow,
    UnknownPartitionError,
)
from jobnb.definitions.partitions import calendar_partitions as cc
from jobnb.definitions.partitions import partitioned_config as pc

ABC = StaticPartitionsDefinition(["a", "b"])


@cc.daily_partitioned_config(
    start_date=datetime(2023, 3, 10),
    tags_for_partition_fn=lambda start, _end: {"day": start.strftime("%a")},
)
def by_day(start: datetime, end: datetime) -> dict[str, Any]:
    return {"ops": {"load": {"config": [start.isoformat(), end.isoformat()]}}}


def test_a_daily_config_gets_start_and_end() -> None:
    expected = ["2023-03-12T00:00:00+00:00", "2023-03-13T00:00:00+00:00"]
    config = by_day.get_run_config_for_partition_key("2023-03-12")
    assert config == {"ops": {"load": {"config": expected}}}
    assert by_day.get_partition_keys(datetime(2023, 3, 12)) == ["2023-03-10", "2023-03-11"]


def test_tags_are_the_functions_and_the_partitions_own() -> None:
    assert by_day.get_tags_for_partition_key("2023-03-12") == {
        "day": "Sun",
        "dagster/partition": "2023-03-12",
    }
    assert by_day.get_tags_for_partition_key("2023-03-12", job_name="j") == {
        "day": "Sun",
        "dagster/partition": "2023-03-12",
        "dagster/partition_set": "j_partition_set",
    }


def test_the_decorated_function_can_be_called() -> None:
    called = by_day(datetime(2020, 1, 1), end=datetime(2020, 1, 2))
    assert called["ops"]["load"]["config"] == ["2020-01-01T00:00:00", "2020-01-02T00:00:00"]
    plain = PartitionedConfig(ABC, run_config_for_partition_key_fn=lambda _key: {})
    with pytest.raises(InvalidInvocationError, match="decorator"):
        plain("a")


def test_a_key_outside_the_windows_is_refused() -> None:
    with pytest.raises(UnknownPartitionError, match="first one is '2023-03-10'"):
        by_day.get_run_config_for_partition_key("2023-03-01")


@pytest.mark.parametrize(
    ("decorator", "key", "length"),
    [
        (
            cc.hourly_partitioned_config("2023-03-10-00:00", minute_offset=5),
            "2023-03-10-03:05",
            3600,
        ),
        (cc.daily_partitioned_config("2023-03-10", 5, 6), "2023-03-10", 86400),
        (cc.weekly_partitioned_config("2023-03-01", 5, 6, 2), "2023-03-07", 7 * 86400),
        (cc.monthly_partitioned_config("2023-01-01", 5, 6, 2), "2023-02-02", 28 * 86400),
    ],
)
def test_every_kind_of_window(decorator: Any, key: str, length: int) -> None:
    made = decorator(lambda start, end: (end - start).total_seconds())
    assert made.get_run_config_for_partition_key(key) == length
    assert made.get_tags_for_partition_key(key) == {"dagster/partition": key}
    assert made.partitions_def.time_window_for_partition_key(key).start.minute == 5


def test_static_and_dynamic_configs_get_the_key() -> None:
    @pc.static_partitioned_config(["a", "b"], tags_for_partition_key_fn=lambda key: {"k": key})
    def fixed(key: str) -> dict[str, str]:
        return {"key": key}

    assert fixed.get_run_config_for_partition_key("b") == {"key": "b"}
    assert fixed.get_tags_for_partition_key("b") == {"k": "b", "dagster/partition": "b"}
    assert fixed.get_partition_keys() == ["a", "b"]

    @pc.dynamic_partitioned_config(lambda _now: ["x"], tags_for_partition_fn=lambda key: {"k": key})
    def moving(key: str) -> dict[str, str]:
        return {"key": key}

    assert moving.get_partition_keys() == ["x"]
    assert moving.get_tags_for_partition_key("x")["k"] == "x"

    @pc.partitioned_config(ABC)
    def any_kind(key: str) -> str:
        return key

    assert any_kind.get_run_config_for_partition_key("a") == "a"
    assert any_kind.decorated_fn is not None


def test_the_older_function_gets_a_partition() -> None:
    seen: list[Partition] = []

    def config(partition: Partition) -> dict[str, Any]:
        seen.append(partition)
        return {}

    windows = by_day.partitions_def
    made = PartitionedConfig(windows, config, tags_for_partition_fn=lambda p: {"n": p.name})
    assert made.get_run_config_for_partition_key("2023-03-12") == {}
    assert seen[0].name == "2023-03-12"
    assert isinstance(seen[0].value, TimeWindow)
    assert made.get_tags_for_partition_key("2023-03-12")["n"] == "2023-03-12"
    PartitionedConfig(ABC, config).get_run_config_for_partition_key("a")
    assert seen[1] == Partition("a", "a")


def test_exactly_one_function_is_given() -> None:
    with pytest.raises(InvalidDefinitionError, match="exactly one"):
        PartitionedConfig(ABC)
    with pytest.raises(InvalidDefinitionError, match="exactly one"):
        PartitionedConfig(ABC, lambda _p: {}, run_config_for_partition_key_fn=lambda _k: {})
    with pytest.raises(InvalidDefinitionError, match="not both"):
        PartitionedConfig(
            ABC,
            lambda _p: {},
            tags_for_partition_fn=lambda _p: {},
            tags_for_partition_key_fn=lambda _k: {},
        )
    with pytest.raises(InvalidDefinitionError, match="PartitionsDefinition"):
        PartitionedConfig(["a"], lambda _p: {})  # type: ignore[arg-type]


def test_any_config_becomes_a_partitioned_one() -> None:
    fixed = PartitionedConfig.from_flexible_config({"ops": {}}, ABC)
    assert fixed.get_run_config_for_partition_key("a") == {"ops": {}}
    assert (
        PartitionedConfig.from_flexible_config(None, ABC).get_run_config_for_partition_key("a")
        == {}
    )
    assert PartitionedConfig.from_flexible_config(fixed, ABC) is fixed
    with pytest.raises(InvalidDefinitionError, match="other partitions"):
        PartitionedConfig.from_flexible_config(by_day, ABC)


def test_a_config_along_several_dimensions_gets_a_key_with_parts() -> None:
    both = MultiPartitionsDefinition({"letter": ABC, "size": StaticPartitionsDefinition(["S"])})

    @pc.partitioned_config(both, tags_for_partition_key_fn=lambda key: key.keys_by_dimension)
    def by_both(key: MultiPartitionKey) -> dict[str, Any]:
        return {"ops": {"load": {"config": key.keys_by_dimension}}}

    config = by_both.get_run_config_for_partition_key("b|S")
    assert config == {"ops": {"load": {"config": {"letter": "b", "size": "S"}}}}
    assert by_both.get_tags_for_partition_key("b|S") == {
        "letter": "b",
        "size": "S",
        "dagster/partition": "b|S",
        "dagster/partition/letter": "b",
        "dagster/partition/size": "S",
    }
    assert by_both.get_partition_keys() == ["a|S", "b|S"]


@pytest.mark.parametrize(
    ("decorate", "start", "left_out"),
    [
        (cc.hourly_partitioned_config, "2023-03-10-00:00", "0 1 * * *"),
        (cc.daily_partitioned_config, "2023-03-10", "0 0 11 * *"),
        (cc.weekly_partitioned_config, "2023-03-12", "0 0 19 * *"),
        (cc.monthly_partitioned_config, "2023-03-01", "0 0 * 4 *"),
    ],
)
def test_a_config_leaves_out_the_windows_that_are_excluded(
    decorate: Any, start: str, left_out: str
) -> None:
    whole = decorate(start)(lambda _start, _end: {})
    holed = decorate(start, exclusions=[left_out])(lambda _start, _end: {})
    assert holed.get_partition_keys()[0] == whole.get_partition_keys()[0]
    assert holed.get_partition_keys()[1] == whole.get_partition_keys()[2]


def test_partitions_of_a_function_that_fills_one_dict_differ() -> None:
    shared: dict[str, Any] = {"ops": {"load": {"config": {}}}}
    typed = RunConfig(ops={"load": {"config": {"keys": []}}})

    def fill(key: str) -> Any:
        shared["ops"]["load"]["config"]["key"] = key
        return shared

    def add(key: str) -> Any:
        typed.ops["load"]["config"]["keys"].append(key)
        return typed

    filled = PartitionedConfig(ABC, run_config_for_partition_key_fn=fill)
    given = [filled.get_run_config_for_partition_key(key) for key in "ab"]
    assert [each["ops"]["load"]["config"]["key"] for each in given] == ["a", "b"]
    added = PartitionedConfig(ABC, run_config_for_partition_key_fn=add)
    given = [added.get_run_config_for_partition_key(key).ops["load"]["config"] for key in "ab"]
    assert given == [{"keys": ["a"]}, {"keys": ["a", "b"]}]


def test_tags_of_a_partition_are_text() -> None:
    for tags, words in (({"n": 1}, None), ({"n": "\ud800"}, "half a character")):
        config = PartitionedConfig(
            ABC,
            run_config_for_partition_key_fn=lambda _key: {},
            tags_for_partition_key_fn=lambda _key, tags=tags: tags,
        )
        if words is None:
            assert config.get_tags_for_partition_key("a")["n"] == "1"
            continue
        with pytest.raises(InvalidDefinitionError, match=words):
            config.get_tags_for_partition_key("a")
