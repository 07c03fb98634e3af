"""Partitions that users define themselves, by nothing but their keys."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from jobnb import (
    AddDynamicPartitionsRequest,
    DeleteDynamicPartitionsRequest,
    DynamicPartitionsDefinition,
    DynamicPartitionsStore,
    InvalidDefinitionError,
    MultiPartitionsDefinition,
    PartitionKeyRange,
    PartitionLoadingContext,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    UnknownPartitionError,
    dynamic_partitioned_config,
    static_partitioned_config,
)
from jobnb.definitions.partitions.default_mapping import default_partition_mapping
from jobnb.definitions.partitions.partition import SeenKeys


class Years(PartitionsDefinition):
    """A partition for each year that has begun."""

    def __init__(self, first: int) -> None:
        self.first = first

    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        now = current_time or datetime.now(tz=UTC)
        return [str(year) for year in range(self.first, now.year + 1)]


NOW = datetime(2013, 6, 1, tzinfo=UTC)
YEARS = Years(2009)


def test_everything_follows_from_the_keys() -> None:
    assert YEARS.get_num_partitions(NOW) == 5
    assert (YEARS.get_first_partition_key(NOW), YEARS.get_last_partition_key(NOW)) == (
        "2009",
        "2013",
    )
    assert YEARS.get_partition_keys_in_range(PartitionKeyRange("2010", "2011")) == ["2010", "2011"]
    assert YEARS.get_partition_keys_in_range(PartitionKeyRange("2011", "2010")) == []
    with pytest.raises(UnknownPartitionError, match="'2008', which is no partition"):
        YEARS.get_partition_keys_in_range(PartitionKeyRange("2008", "2010"))
    with pytest.raises(UnknownPartitionError, match="There is no partition '2014'"):
        YEARS.validate_partition_key("2014", NOW)
    page = YEARS.get_paginated_partition_keys(PartitionLoadingContext(NOW), 2, True, "2010")
    assert (page.results, page.has_more) == (["2011", "2012"], True)
    assert (YEARS.value_of("2010"), YEARS.arguments_of("2010")) == ("2010", ("2010",))


def test_they_have_subsets() -> None:
    every = YEARS.subset_with_all_partitions(NOW)
    some = YEARS.subset_with_partition_keys(["2010", "2012", "2013"])
    assert list(every - some) == ["2009", "2011"]
    assert list(some.get_partition_keys_not_in_subset(NOW)) == ["2009", "2011"]
    assert some.get_partition_key_ranges(NOW) == [
        PartitionKeyRange("2010", "2010"),
        PartitionKeyRange("2012", "2013"),
    ]
    assert YEARS.deserialize_subset(some.serialize()) == some
    assert list(pickle.loads(pickle.dumps(some))) == list(some)


def test_they_can_be_a_dimension() -> None:
    places = StaticPartitionsDefinition(["JFK", "LGA"])
    both = MultiPartitionsDefinition({"place": places, "year": YEARS})
    every = both.subset_with_all_partitions(NOW)
    assert list(every.get_partition_keys()) == list(both.get_partition_keys(NOW))
    mapping = default_partition_mapping(YEARS, both)
    found = mapping.get_downstream_partitions_for_partitions(
        YEARS.subset_with_partition_keys(["2011"]), both, NOW
    )
    assert list(found) == ["JFK|2011", "LGA|2011"]


def test_threads_give_a_key_one_number() -> None:
    seen = SeenKeys()
    keys = [f"k{number}" for number in range(500)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _turn: [seen.add(key) for key in keys], range(16)))
    assert all(each == told[0] for each in told)
    assert [seen.keys[number] for number in told[0]] == keys
    assert pickle.loads(pickle.dumps(seen)).keys == seen.keys


def test_numbers_go_with_the_last_definition_that_shares_them() -> None:
    one = DynamicPartitionsDefinition(name="customers_for_a_while")
    two = DynamicPartitionsDefinition(name="customers_for_a_while")
    assert one.placed("bolt") == two.placed("bolt") == 0
    assert two.placed("acme") == one.position_of("acme") == 1
    assert one.position_of("core") is None
    del one, two
    again = DynamicPartitionsDefinition(name="customers_for_a_while")
    assert again.position_of("bolt") is None


def test_a_range_of_keys_is_taken_apart():
    start, end = PartitionKeyRange("a", "b")
    assert (start, end) == ("a", "b")


@pytest.mark.parametrize(
    "request_of", [AddDynamicPartitionsRequest, DeleteDynamicPartitionsRequest]
)
@pytest.mark.parametrize("keys", ["abc", [1], ["a", "a"], ["a...b"]])
def test_a_request_names_keys_that_can_be_keys(request_of, keys):
    with pytest.raises(InvalidDefinitionError, match="a request for the partitions 'customers'"):
        request_of("customers", keys)


def test_tags_come_from_one_function():
    for make in (
        lambda **tags: static_partitioned_config(["a"], **tags),
        lambda **tags: dynamic_partitioned_config(lambda _now: ["a"], **tags),
    ):
        with pytest.raises(InvalidDefinitionError, match="not from both"):
            make(tags_for_partition_fn=dict, tags_for_partition_key_fn=dict)
        made = make(tags_for_partition_fn=lambda key: {"key": key})(lambda _key: {})
        assert made.get_tags_for_partition_key("a")["key"] == "a"
