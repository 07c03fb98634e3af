"""Static and dynamic partitions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from jobnb import (
    AddDynamicPartitionsRequest,
    DailyPartitionsDefinition,
    DeleteDynamicPartitionsRequest,
    DynamicPartitionsDefinition,
    DynamicPartitionsStore,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    MultiPartitionsDefinition,
    Partition,
    PartitionKeyRange,
    StaticPartitionsDefinition,
    UnknownPartitionError,
    WeeklyPartitionsDefinition,
)


class Store:
    """Keeps keys as an instance does."""

    def __init__(self, **keys: list[str]) -> None:
        self._keys = keys

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        return self._keys.get(partitions_def_name, [])

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        return partition_key in self.get_dynamic_partitions(partitions_def_name)


ABC = StaticPartitionsDefinition(["a", "b", "c"])


def test_static_partitions_answer_every_question() -> None:
    assert ABC.get_partition_keys() == ["a", "b", "c"]
    assert (ABC.get_num_partitions(), ABC.get_first_partition_key()) == (3, "a")
    assert ABC.get_last_partition_key() == "c"
    assert ABC.has_partition_key("a")
    assert not ABC.has_partition_key("x")
    assert ABC.get_tags_for_partition_key("a") == {"dagster/partition": "a"}
    assert ABC.value_of("a") == "a"
    assert StaticPartitionsDefinition([]).get_first_partition_key() is None
    assert StaticPartitionsDefinition([]).get_last_partition_key() is None


def test_changing_the_answer_does_not_change_the_definition() -> None:
    list(ABC.get_partition_keys()).append("d")
    keys = ABC.get_partition_keys()
    keys.clear()  # type: ignore[attr-defined]
    assert ABC.get_num_partitions() == 3


def test_ranges_include_both_ends() -> None:
    assert ABC.get_partition_keys_in_range(PartitionKeyRange("a", "b")) == ["a", "b"]
    assert ABC.get_partition_keys_in_range(PartitionKeyRange("c", "a")) == []
    with pytest.raises(UnknownPartitionError, match="'x'"):
        ABC.get_partition_keys_in_range(PartitionKeyRange("a", "x"))


def test_an_unknown_key_gets_the_nearest() -> None:
    airports = StaticPartitionsDefinition(["Newark", "Kennedy"])
    with pytest.raises(UnknownPartitionError, match="Did you mean 'Kennedy'"):
        airports.validate_partition_key("Kenedy")
    airports.validate_partition_key("Kennedy")


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        (["a", "a"], "'a'"),
        (["a...b"], r"\.\.\."),
        (["a\nb"], "control"),
        ([1], "text"),
        ([""], "text"),
        (["a\ud800"], "half characters"),
        ("abc", "list"),
    ],
)
def test_wrong_keys_are_refused(keys: Any, word: str) -> None:
    with pytest.raises(InvalidDefinitionError, match=word):
        StaticPartitionsDefinition(keys)


def test_equality_and_identity_follow_the_keys() -> None:
    same, other = StaticPartitionsDefinition(["a", "b", "c"]), StaticPartitionsDefinition(["a"])
    assert same == ABC
    assert hash(same) == hash(ABC)
    assert other != ABC
    identifiers = [d.get_serializable_unique_identifier() for d in (ABC, same, other)]
    assert identifiers[0] == identifiers[1] != identifiers[2]


def test_named_dynamic_partitions_ask_the_store() -> None:
    customers = DynamicPartitionsDefinition(name="customers")
    store = Store(customers=["acme", "zeta"])
    assert isinstance(store, DynamicPartitionsStore)
    assert customers.get_partition_keys(dynamic_partitions_store=store) == ["acme", "zeta"]
    assert customers.has_partition_key("acme", dynamic_partitions_store=store)
    assert customers.get_num_partitions(dynamic_partitions_store=store) == 2
    assert customers.get_last_partition_key(dynamic_partitions_store=store) == "zeta"
    with pytest.raises(InvariantViolationError, match="'customers'"):
        customers.get_partition_keys()
    with pytest.raises(UnknownPartitionError, match="'acme'"):
        customers.validate_partition_key("acne", dynamic_partitions_store=store)


def test_requests_for_keys() -> None:
    customers = DynamicPartitionsDefinition(name="customers")
    assert customers.build_add_request(["a"]) == AddDynamicPartitionsRequest("customers", ["a"])
    deleted = DeleteDynamicPartitionsRequest("customers", ["a"])
    assert customers.build_delete_request(["a"]) == deleted
    with pytest.raises(InvalidDefinitionError, match="customers"):
        customers.build_add_request(["a...b"])


def test_dynamic_partitions_by_function() -> None:
    now = datetime(2013, 1, 1, tzinfo=UTC)
    made = DynamicPartitionsDefinition(lambda at: ["a", str(at and at.year), Partition(3)])
    assert made.get_partition_keys(now) == ["a", "2013", "3"]
    assert made.has_partition_key("2013", now)
    with pytest.raises(InvalidInvocationError, match="name="):
        made.build_add_request(["a"])


def test_dynamic_partitions_have_a_name_or_a_function() -> None:
    for parameters in ({}, {"name": "x", "partition_fn": lambda _at: []}):
        with pytest.raises(InvalidDefinitionError, match="either"):
            DynamicPartitionsDefinition(**parameters)  # type: ignore[arg-type]
    assert DynamicPartitionsDefinition(name="a") == DynamicPartitionsDefinition(name="a")
    assert DynamicPartitionsDefinition(name="a") != DynamicPartitionsDefinition(name="b")


@pytest.mark.parametrize(
    ("partitions", "shown"),
    [
        (StaticPartitionsDefinition(["a", "b"]), "'a', 'b'"),
        (DynamicPartitionsDefinition(name="files"), 'Dynamic partitions: "files"'),
        (DynamicPartitionsDefinition(lambda _now: ["a"]), "'a'"),
        (DailyPartitionsDefinition("2023-01-01"), "Daily, starting 2023-01-01 UTC."),
        (
            WeeklyPartitionsDefinition("2023-01-01", end_offset=2),
            "Weekly, starting 2023-01-01 UTC. End offsetted by 2 partitions.",
        ),
        (
            MultiPartitionsDefinition(dict.fromkeys("ab", StaticPartitionsDefinition(["a"]))),
            "Multi-partitioned, with dimensions: \nA: 'a' \nB: 'a'",
        ),
    ],
)
def test_partitions_are_printed_as_dagster_prints_them(partitions, shown):
    assert str(partitions) == shown
