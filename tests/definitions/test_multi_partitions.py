"""Partitions along several dimensions: against the product of their keys, lazily."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobnb import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    PartitionKeyRange,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    UnknownPartitionError,
)
from tests.test_growth import calls

NOW = datetime(2023, 3, 6, tzinfo=UTC)
AB = StaticPartitionsDefinition(["a", "b"])
XYZ = StaticPartitionsDefinition(["x", "y", "z"])
DAYS = DailyPartitionsDefinition("2023-03-01")
FOUR_DAYS = DailyPartitionsDefinition("2023-03-01", end_date="2023-03-05")
BOTH = MultiPartitionsDefinition({"letter": AB, "day": DAYS})


class Store:
    """Keeps keys as an instance does."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        return list(self.keys)

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        return partition_key in self.keys


STORE = Store("acme", "bolt")
CUSTOMERS = DynamicPartitionsDefinition(name="customers_of_several_dimensions")
CUSTOMERS.positions(dynamic_partitions_store=STORE)

dimensions = st.dictionaries(
    st.sampled_from("pqrst"),
    st.sampled_from([AB, XYZ, DAYS, FOUR_DAYS, CUSTOMERS, StaticPartitionsDefinition(["one"])]),
    min_size=2,
    max_size=4,
)


@settings(deadline=None)
@given(dimensions, st.data())
def test_keys_are_the_product_of_the_dimensions(
    parts: dict[str, PartitionsDefinition], data: st.DataObject
) -> None:
    multi = MultiPartitionsDefinition(parts)
    names = sorted(parts)
    lists = [parts[name].get_partition_keys(NOW, STORE) for name in names]
    expected = ["|".join(combined) for combined in product(*lists)]
    assert multi.get_partition_keys(NOW, STORE) == expected
    assert multi.get_num_partitions(NOW, STORE) == len(expected)
    assert multi.get_first_partition_key(NOW, STORE) == expected[0]
    assert multi.get_last_partition_key(NOW, STORE) == expected[-1]
    everything = multi.subset_with_all_partitions(NOW, STORE)
    assert (len(everything), list(everything.get_partition_keys())) == (len(expected), expected)
    some = data.draw(st.sets(st.sampled_from(expected), max_size=12))
    subset = multi.subset_with_partition_keys(some)
    assert [key for key in expected if key in some] == list(subset.get_partition_keys())
    assert set(everything - subset) == set(expected) - some
    assert multi.deserialize_subset(subset.serialize()) == subset
    assert multi.deserialize_subset(everything.serialize()) == everything
    assert set(pickle.loads(pickle.dumps(subset))) == some
    for key in some:
        position = multi.position_of(key)
        assert position is not None
        assert multi.key_at(position) == key
        assert multi.has_partition_key(key, NOW, STORE)
        index = expected.index(key)
        assert (everything.index_of(key), everything.key_at(index)) == (index, key)
    ranges = subset.get_partition_key_ranges(NOW, STORE)
    told = [
        key
        for each in ranges
        for key in expected[expected.index(each.start) : expected.index(each.end) + 1]
    ]
    assert told == list(subset.get_partition_keys())
    starts = [n for n, key in enumerate(expected) if key in some and expected[n - 1] not in some]
    assert len(ranges) == len(starts) + (expected[0] in some and expected[-1] in some)


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1))
def test_a_key_knows_its_parts(parts: dict[str, str]) -> None:
    if any(char in part for char in "|[]," for part in parts.values()):
        with pytest.raises(InvalidDefinitionError, match="characters"):
            MultiPartitionKey(parts)
        return
    key = MultiPartitionKey(parts)
    text = "|".join(parts[name] for name in sorted(parts))
    assert key.keys_by_dimension == parts
    assert (key, hash(key), str(key)) == (text, hash(text), text)
    for again in (pickle.loads(pickle.dumps(key)), copy.deepcopy(key)):
        assert isinstance(again, MultiPartitionKey)
        assert again.keys_by_dimension == parts
    key.keys_by_dimension.clear()
    assert key.keys_by_dimension == parts


def test_a_part_of_a_key_is_text() -> None:
    with pytest.raises(InvalidDefinitionError, match="'day' is text, not 3"):
        MultiPartitionKey({"day": 3})  # type: ignore[dict-item]


def test_dimensions_are_known_by_name() -> None:
    assert BOTH.partition_dimension_names == ["day", "letter"]
    assert [each.partitions_def for each in BOTH.partitions_defs] == [DAYS, AB]
    assert BOTH.get_partitions_def_for_dimension("letter") is AB
    with pytest.raises(InvalidInvocationError, match=r"no dimension 'leter'.*letter"):
        BOTH.get_partitions_def_for_dimension("leter")
    assert BOTH.time_window_dimension.name == BOTH.primary_dimension.name == "day"
    assert BOTH.secondary_dimension.name == "letter"
    assert BOTH.time_window_partitions_def is DAYS
    assert BOTH.time_window_for_partition_key("2023-03-02|a").start.day == 2
    assert BOTH.has_time_window_dimension
    late = MultiPartitionsDefinition({"a": AB, "day": DAYS})
    assert (late.primary_dimension.name, late.secondary_dimension.name) == ("day", "a")


@pytest.mark.parametrize(
    ("parts", "words"),
    [({"a": AB, "x": XYZ}, "here none is"), ({"d": DAYS, "e": DAYS}, "'d', 'e'")],
)
def test_one_dimension_must_be_in_time_to_be_the_one(
    parts: dict[str, PartitionsDefinition], words: str
) -> None:
    multi = MultiPartitionsDefinition(parts)
    assert not multi.has_time_window_dimension
    assert multi.primary_dimension.name == min(parts)
    with pytest.raises(InvariantViolationError, match=words):
        _ = multi.time_window_dimension


def test_keys_with_some_part_are_found() -> None:
    days = MultiPartitionsDefinition({"letter": AB, "day": FOUR_DAYS})
    assert days.get_multipartition_keys_with_dimension_value("day", "2023-03-02") == [
        "2023-03-02|a",
        "2023-03-02|b",
    ]
    found = days.get_multipartition_keys_with_dimension_values("letter", ["b"], None, NOW)
    assert found == [f"2023-03-0{day}|b" for day in (1, 2, 3, 4)]
    assert isinstance(found[0], MultiPartitionKey)
    with pytest.raises(InvalidInvocationError, match="no dimension 'x'"):
        days.get_multipartition_keys_with_dimension_value("x", "b")


def test_text_becomes_a_key_with_parts() -> None:
    key = BOTH.get_partition_key_from_str("2023-03-02|a")
    assert key.keys_by_dimension == {"day": "2023-03-02", "letter": "a"}
    assert BOTH.value_of("2023-03-02|a") == BOTH.typed_key("2023-03-02|a") == key
    assert BOTH.arguments_of("2023-03-02|a") == (key,)
    with pytest.raises(UnknownPartitionError, match="dimensions day, letter"):
        BOTH.get_partition_key_from_str("2023-03-02")
    assert BOTH.filter_valid_partition_keys(["2023-03-02|a", "x|a", "2023-03-02|c", "x"]) == {key}
    assert BOTH.get_tags_for_partition_key("2023-03-02|a") == {
        "dagster/partition": "2023-03-02|a",
        "dagster/partition/day": "2023-03-02",
        "dagster/partition/letter": "a",
    }


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("2023-03-02|c", r"In the dimension 'letter' there is no 'c'. There are"),
        ("2023-03-09|a", r"In the dimension 'day' there is no .* has not ended"),
        ("2022-03-09|a", r"In the dimension 'day' .* The first one is '2023-03-01'"),
        ("a", "dimensions day, letter"),
    ],
)
def test_a_key_that_is_none_says_which_part_is_wrong(key: str, words: str) -> None:
    with pytest.raises(UnknownPartitionError, match=words):
        BOTH.validate_partition_key(key, NOW)
    BOTH.validate_partition_key("2023-03-02|a", NOW)
    assert not BOTH.has_partition_key(key, NOW)


def test_a_subset_refuses_keys_that_can_never_be() -> None:
    with pytest.raises(UnknownPartitionError, match="In the dimension 'letter', 'c' is none"):
        BOTH.subset_with_partition_keys(["2023-03-02|c"])
    with pytest.raises(UnknownPartitionError, match=r"written day \| letter"):
        BOTH.subset_with_partition_keys(["2023-03-02"])


def test_ranges_go_through_the_keys_in_order() -> None:
    multi = MultiPartitionsDefinition({"letter": AB, "day": FOUR_DAYS})
    wanted = PartitionKeyRange("2023-03-01|b", "2023-03-02|a")
    assert multi.get_partition_keys_in_range(wanted) == ["2023-03-01|b", "2023-03-02|a"]
    assert multi.get_partition_keys_in_range(PartitionKeyRange(wanted.end, wanted.start)) == []
    with pytest.raises(UnknownPartitionError):
        multi.get_partition_keys_in_range(PartitionKeyRange("2023-03-01|b", "2023-03-02|c"))


def test_positions_stay_while_windows_and_keys_come() -> None:
    store = Store("acme")
    growing = MultiPartitionsDefinition({"a": AB, "customer": CUSTOMERS, "z": DAYS})
    place = growing.subset_with_partition_keys(["b|acme|2023-03-02"]).positions
    store.keys += ["bolt", "core"]
    later = growing.subset_with_all_partitions(datetime(2024, 3, 6, tzinfo=UTC), store)
    assert place & later.positions == place
    assert growing.subset_with_partition_keys(["b|acme|2023-03-02"]).positions == place
    assert len(later) == 2 * 3 * 371


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"a": AB}, "two dimensions or more"),
        ({}, "two dimensions or more"),
        ([AB, XYZ], "two dimensions or more"),
        ({"a": AB, "b": ["x"]}, "'b' needs a PartitionsDefinition"),
        ({"a": AB, 3: XYZ}, "name of a dimension is text"),
        ({"a": AB, "b": BOTH}, "several dimensions itself"),
        ({"a": AB, "b": StaticPartitionsDefinition(["x|y"])}, r"'x\|y' of the dimension 'b'"),
        ({"a": AB, "b": DailyPartitionsDefinition("2023,03,01", fmt="%Y,%m,%d")}, "characters"),
    ],
)
def test_dimensions_that_cannot_be_are_refused(parts: Any, words: str) -> None:
    with pytest.raises(InvalidDefinitionError, match=words):
        MultiPartitionsDefinition(parts)


def test_equal_dimensions_make_equal_partitions() -> None:
    again = MultiPartitionsDefinition(
        {"day": DailyPartitionsDefinition("2023-03-01"), "letter": AB}
    )
    assert (again, hash(again)) == (BOTH, hash(BOTH))
    assert again.get_serializable_unique_identifier() == BOTH.get_serializable_unique_identifier()
    other = MultiPartitionsDefinition({"day": DAYS, "letter": XYZ})
    assert other != BOTH
    assert other.get_serializable_unique_identifier() != BOTH.get_serializable_unique_identifier()
    assert repr(again).startswith("MultiPartitionsDefinition(day: Daily")


# Cost

YEAR = DailyPartitionsDefinition("2013-01-01", end_date="2014-01-01")


def of_size(count: int) -> MultiPartitionsDefinition:
    return MultiPartitionsDefinition(
        {"day": YEAR, "place": StaticPartitionsDefinition([f"p{n}" for n in range(count)])}
    )


def questions(multi: MultiPartitionsDefinition) -> Callable[[], None]:
    def ask() -> None:
        assert multi.get_num_partitions() == 365 * len(
            multi.partitions_defs[1].partitions_def._keys
        )  # type: ignore[attr-defined]
        assert multi.has_partition_key("2013-07-04|p1")
        place = multi.position_of("2013-12-31|p1")
        assert place is not None
        assert multi.key_at(place) == "2013-12-31|p1"
        everything = multi.subset_with_all_partitions()
        assert len(everything.positions.runs) == 1
        assert everything.key_at(len(everything) - 1) == multi.get_last_partition_key()
        day = multi.empty_subset().with_partition_key_range(
            PartitionKeyRange("2013-07-04|p0", "2013-07-05|p0")
        )
        assert len(everything - day) == len(everything) - len(day)

    return ask


def test_a_hundred_thousand_keys_are_never_made_to_answer() -> None:
    multi, small = of_size(274), of_size(2)
    for each in (multi, small):
        questions(each)()
    assert multi.get_num_partitions() == 100_010
    assert calls(questions(multi)) < calls(questions(small)) * 1.1


def test_parts_that_come_at_run_time_are_checked_too() -> None:
    multi = MultiPartitionsDefinition({"customer": CUSTOMERS, "letter": AB})
    with pytest.raises(InvalidDefinitionError, match="'acme, inc' of the dimension 'customer'"):
        multi.subset_with_partition_keys(["acme, inc|a"])
    with pytest.raises(InvalidDefinitionError, match="characters"):
        multi.get_partition_keys(dynamic_partitions_store=Store("acme, inc"))
