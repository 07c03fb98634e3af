"""Subsets of partitions: against plain sets, through text, and at a cost of runs, not of keys."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobnb import (
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    InvalidInvocationError,
    InvalidSubsetError,
    MultiPartitionsDefinition,
    PartitionKeyRange,
    PartitionsDefinition,
    PartitionsSubset,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
    UnknownPartitionError,
)
from jobnb.definitions.partitions.position_runs import PositionRuns
from tests.test_growth import calls

NOW = datetime(2013, 3, 1, tzinfo=UTC)
DAYS = DailyPartitionsDefinition("2013-01-01")
ABC = StaticPartitionsDefinition(["a", "b", "c", "d"])


class Store:
    """Keeps keys as an instance does."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        return list(self.keys)

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        return partition_key in self.keys


# Runs of positions, against sets of numbers

numbers = st.sets(st.integers(0, 40))


@given(numbers, numbers)
def test_runs_behave_as_sets_of_numbers(some: set[int], others: set[int]) -> None:
    a, b = PositionRuns.of(some), PositionRuns.of(others)
    assert list(a | b) == sorted(some | others)
    assert list(a & b) == sorted(some & others)
    assert list(a - b) == sorted(some - others)
    assert (a == b) == (some == others)
    assert hash(a | b) == hash(b | a)
    assert (a.count, bool(a)) == (len(some), bool(some))
    assert [each for each in range(-1, 42) if each in a] == sorted(some)


@given(numbers, st.integers(-2, 43), st.integers(-2, 43))
def test_runs_know_ranks_and_parts(some: set[int], start: int, end: int) -> None:
    runs = PositionRuns.of(some)
    assert list(runs.between(start, end)) == sorted(n for n in some if start <= n < end)
    assert runs.rank(start) == sum(n < start for n in some)
    assert [runs.nth(index) for index in range(len(some))] == sorted(some)
    for index in (-1, len(some)):
        with pytest.raises(IndexError):
            runs.nth(index)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30))))
def test_runs_are_sorted_and_apart(pairs: list[tuple[int, int]]) -> None:
    runs = PositionRuns(pairs).runs
    assert all(start < end for start, end in runs)
    assert all(a[1] < b[0] for a, b in pairwise(runs))
    assert list(PositionRuns(pairs)) == sorted({n for a, b in pairs for n in range(a, b)})


# Subsets of each kind of partitions

ZONES = ["UTC", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"]
CRONS = ["0 * * * *", "30 1 * * *", "0 0 * * 1", "0 6 * * 1-5", "0 0 31 * *"]


@st.composite
def definitions(draw: st.DrawFn) -> PartitionsDefinition:
    kind = draw(st.sampled_from(["static", "time", "dynamic", "excluding"]))
    if kind == "static":
        return StaticPartitionsDefinition([f"k{n}" for n in range(draw(st.integers(1, 30)))])
    if kind == "dynamic":
        dynamic = DynamicPartitionsDefinition(lambda _now: [f"d{n}" for n in range(30)])
        dynamic.positions()  # keys keep the order in which they are seen first
        return dynamic
    return TimeWindowPartitionsDefinition(
        start=datetime(2011, 3, 10, tzinfo=UTC),
        fmt="%Y-%m-%d-%H:%M",
        cron_schedule=draw(st.sampled_from(CRONS)),
        timezone=draw(st.sampled_from(ZONES)),
        exclusions=["0 6 * * 3", "0 0 1 * *", "0 3 * * *"] if kind == "excluding" else None,
        end_offset=draw(st.integers(0, 2)),
    )


@settings(deadline=None)
@given(definitions(), st.data())
def test_subset_algebra_agrees_with_sets_of_keys(
    definition: PartitionsDefinition, data: st.DataObject
) -> None:
    now = datetime(2011, 4, 20, tzinfo=UTC)
    keys = list(definition.get_partition_keys(now))[:60]
    chosen = st.sets(st.sampled_from(keys)) if keys else st.just(set())
    some, others = data.draw(chosen), data.draw(chosen)
    a = definition.subset_with_partition_keys(some)
    b = definition.empty_subset().with_partition_keys(list(others))
    assert set(a | b) == some | others
    assert set(a & b) == some & others
    assert set(a - b) == some - others
    assert len(a) == len(some)
    assert list(a.get_partition_keys()) == [key for key in keys if key in some]
    assert {key for key in keys if key in a} == some
    everything = definition.subset_with_all_partitions(now)
    assert list(everything.get_partition_keys()) == list(definition.get_partition_keys(now))
    assert len(everything) == definition.get_num_partitions(now)
    rest = everything - a
    assert a.get_partition_keys_not_in_subset(now) == rest.get_partition_keys()
    assert definition.deserialize_subset(a.serialize()) == a
    assert pickle.loads(pickle.dumps((a | b).serialize())) == (a | b).serialize()
    for index, key in enumerate(a):
        assert (a.key_at(index), a.index_of(key)) == (key, index)


@settings(deadline=None)
@given(definitions(), st.data())
def test_ranges_are_as_few_as_can_be_and_hold_the_same_keys(
    definition: PartitionsDefinition, data: st.DataObject
) -> None:
    now = datetime(2011, 4, 20, tzinfo=UTC)
    keys = list(definition.get_partition_keys(now))
    some = data.draw(st.sets(st.sampled_from(keys[:40])) if keys else st.just(set()))
    subset = definition.subset_with_partition_keys(some)
    ranges = subset.get_partition_key_ranges(now)
    told = [key for each in ranges for key in definition.get_partition_keys_in_range(each)]
    assert told == list(subset.get_partition_keys())
    starts = sum(key in some and (n == 0 or keys[n - 1] not in some) for n, key in enumerate(keys))
    assert len(ranges) == starts
    again = definition.empty_subset()
    for each in ranges:
        again = again.with_partition_key_range(each)
    assert again == subset


def test_subsets_of_different_partitions_do_not_mix() -> None:
    other = DailyPartitionsDefinition("2013-01-02").empty_subset()
    with pytest.raises(InvalidInvocationError, match="same partitions"):
        _ = DAYS.empty_subset() | other
    assert DAYS.empty_subset() != other
    equal = DailyPartitionsDefinition("2013-01-01").subset_with_partition_keys(["2013-01-05"])
    assert "2013-01-05" in (DAYS.empty_subset() | equal)


def test_keys_that_cannot_be_are_told_all_at_once() -> None:
    with pytest.raises(UnknownPartitionError, match=r"no partitions 'x', 'y'.*'a'"):
        ABC.subset_with_partition_keys(["a", "x", "y"])
    with pytest.raises(UnknownPartitionError, match=r"2012-12-31.*The first one is '2013-01-01'"):
        DAYS.subset_with_partition_keys(["2012-12-31"])
    assert "x" not in ABC.subset_with_all_partitions()
    assert 3 not in ABC.subset_with_all_partitions()
    with pytest.raises(UnknownPartitionError, match="'d' is not in this subset"):
        ABC.subset_with_partition_keys(["a"]).index_of("d")


def test_windows_that_have_not_ended_can_be_in_a_subset() -> None:
    ahead = DAYS.subset_with_partition_keys(["2013-02-28", "2013-03-01"])
    assert ahead - DAYS.subset_with_all_partitions(NOW) == (
        DAYS.subset_with_partition_keys(["2013-03-01"])
    )
    year = DailyPartitionsDefinition("2013-01-01", end_date="2014-01-01")
    with pytest.raises(UnknownPartitionError):
        year.subset_with_partition_keys(["2014-01-01"])


def test_keys_taken_away_from_dynamic_partitions_survive() -> None:
    store = Store("acme", "bolt", "core")
    customers = DynamicPartitionsDefinition(name="customers_that_go")
    every = customers.subset_with_all_partitions(dynamic_partitions_store=store)
    text = every.serialize()
    store.keys.remove("bolt")
    assert list(every) == ["acme", "bolt", "core"]
    assert list(customers.deserialize_subset(text)) == ["acme", "bolt", "core"]
    left = customers.subset_with_all_partitions(dynamic_partitions_store=store)
    assert list(every - left) == ["bolt"]
    ranges = every.get_partition_key_ranges(dynamic_partitions_store=store)
    assert ranges == [PartitionKeyRange("acme", "core")]
    store.keys.append("dyne")
    assert left.get_partition_keys_not_in_subset(dynamic_partitions_store=store) == {"dyne"}
    same = DynamicPartitionsDefinition(name="customers_that_go")
    assert same.subset_with_partition_keys(["core", "acme"]) == left


def test_a_subset_that_goes_to_another_process_keeps_its_keys() -> None:
    customers = DynamicPartitionsDefinition(name="customers_that_travel")
    subset = customers.subset_with_partition_keys(["zeta", "acme"])
    again = pickle.loads(pickle.dumps(subset))
    assert set(again) == {"zeta", "acme"}


def test_text_survives_a_moved_start_and_added_keys() -> None:
    text = DAYS.subset_with_partition_keys(["2013-01-05", "2013-01-06"]).serialize()
    assert json.loads(text)["ranges"] == [["2013-01-05", "2013-01-06"]]
    earlier = DailyPartitionsDefinition("2012-01-01")
    assert list(earlier.deserialize_subset(text)) == ["2013-01-05", "2013-01-06"]
    later = DailyPartitionsDefinition("2013-01-06")
    assert not later.can_deserialize_subset(text)
    more = StaticPartitionsDefinition(["0", "a", "b"])
    text = ABC.subset_with_partition_keys(["a", "b"]).serialize()
    assert list(more.deserialize_subset(text)) == ["a", "b"]
    with pytest.raises(UnknownPartitionError, match="'b'"):
        StaticPartitionsDefinition(["a"]).deserialize_subset(text)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"version":2,"keys":[]}', '{"version":1,"other":[]}']
)
def test_text_that_is_no_subset_is_refused_in_words(text: str) -> None:
    for definition in (ABC, DAYS):
        assert not definition.can_deserialize_subset(text)
        with pytest.raises(InvalidSubsetError, match="subset"):
            PartitionsSubset.deserialize(definition, text)


def test_a_subset_shows_some_of_its_keys() -> None:
    assert repr(ABC.subset_with_all_partitions()) == "PartitionsSubset('a', 'b', 'c', and 1 more)"


# Cost


def work_with(count: int) -> int:
    """How many calls the algebra makes with so many keys, in three runs."""
    keys = StaticPartitionsDefinition([str(n) for n in range(count)])
    thirds = [PartitionKeyRange(str(n * count // 9), str((n + 1) * count // 9)) for n in (0, 3, 6)]
    some = keys.empty_subset()
    for each in thirds:
        some = some.with_partition_key_range(each)
    every = keys.subset_with_all_partitions()

    def work() -> None:
        rest = every - some
        assert len(rest | some) == count
        assert (rest & some).is_empty
        assert some.key_at(len(some) // 2) in some
        assert len(some.get_partition_key_ranges()) == 3

    return calls(work)


def test_algebra_costs_as_much_as_there_are_runs_not_keys() -> None:
    assert work_with(100_000) == work_with(1_000)


def test_keys_without_an_order_in_time_equal_a_set_and_stay_in_order() -> None:
    letters = StaticPartitionsDefinition(["c", "a", "b"])
    both = MultiPartitionsDefinition({"l": letters, "n": StaticPartitionsDefinition(["1"])})
    for definition, keys in ((letters, ["c", "b"]), (both, ["c|1", "b|1"])):
        some = definition.subset_with_partition_keys(set(keys))
        again = definition.deserialize_subset(some.serialize())
        assert again.get_partition_keys() == set(keys)
        assert list(again.get_partition_keys()) == keys
        rest = again.get_partition_keys_not_in_subset()
        assert rest == set(definition.get_partition_keys()) - set(keys)
        assert definition.empty_subset().get_partition_keys() == set()


def test_keys_of_windows_are_a_list() -> None:
    days = DailyPartitionsDefinition("2023-03-01", end_date="2023-03-04")
    some = days.subset_with_partition_keys(["2023-03-03", "2023-03-01"])
    assert some.get_partition_keys() == ["2023-03-01", "2023-03-03"]
    assert some.get_partition_keys_not_in_subset() == ["2023-03-02"]
