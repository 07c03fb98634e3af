"""Mappings between partitions: against a naive computation, and against what Dagster gives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobnb import (
    AllPartitionMapping,
    AssetDep,
    AssetIn,
    AssetKey,
    AssetsDefinition,
    DailyPartitionsDefinition,
    DimensionPartitionMapping,
    DynamicPartitionsDefinition,
    HourlyPartitionsDefinition,
    IdentityPartitionMapping,
    In,
    InvalidDefinitionError,
    LastPartitionMapping,
    MonthlyPartitionsDefinition,
    MultiPartitionMapping,
    MultiPartitionsDefinition,
    MultiToSingleDimensionPartitionMapping,
    PartitionMapping,
    PartitionsDefinition,
    SpecificPartitionsPartitionMapping,
    StaticPartitionMapping,
    StaticPartitionsDefinition,
    TimeWindowPartitionMapping,
    TimeWindowPartitionsDefinition,
    WeeklyPartitionsDefinition,
    asset,
    op,
)
from jobnb.definitions.partitions.default_mapping import (
    default_partition_mapping,
    fitting_partition_mapping,
)

NOW = datetime(2023, 4, 1, tzinfo=UTC)
T = TimeWindowPartitionMapping
DAYS = DailyPartitionsDefinition("2023-03-01")
DAYS_5 = DailyPartitionsDefinition("2023-03-05")
DAYS_NY = DailyPartitionsDefinition("2023-03-01", timezone="America/New_York")
DAYS_AT_6 = DailyPartitionsDefinition("2023-03-01", hour_offset=6)
DAYS_TO_10 = DailyPartitionsDefinition("2023-03-01", end_date="2023-03-10")
DAYS_AHEAD = DailyPartitionsDefinition("2023-03-01", end_offset=1)
WEEKS = WeeklyPartitionsDefinition("2023-03-01")
HOURS = HourlyPartitionsDefinition("2023-03-10-00:00")
HOURS_NY = HourlyPartitionsDefinition("2023-03-10-00:00", timezone="America/New_York")
MONTHS = MonthlyPartitionsDefinition("2023-01-01")
ABC = StaticPartitionsDefinition(["a", "b", "c"])
BCD = StaticPartitionsDefinition(["b", "c", "d"])
XYZ = StaticPartitionsDefinition(["x", "y", "z"])
LETTERS = StaticPartitionMapping({"a": "x", "b": ["x", "y"], "c": "y"})
BY_DAY = MultiPartitionsDefinition({"d": DAYS, "s": ABC})
BY_DAY_T = MultiPartitionsDefinition({"d": DAYS, "t": StaticPartitionsDefinition(["x", "y"])})


def up(
    mapping: PartitionMapping,
    downstream: PartitionsDefinition,
    keys: Sequence[str] | None,
    upstream: PartitionsDefinition,
    now: datetime = NOW,
) -> tuple[list[str], list[str]]:
    subset = None if keys is None else downstream.subset_with_partition_keys(keys)
    found = mapping.get_upstream_mapped_partitions_result_for_partitions(subset, upstream, now)
    return (
        list(found.partitions_subset.get_partition_keys()),
        list(found.required_but_nonexistent_partition_keys),
    )


def down(
    mapping: PartitionMapping,
    upstream: PartitionsDefinition,
    keys: Sequence[str],
    downstream: PartitionsDefinition,
    now: datetime = NOW,
) -> list[str]:
    subset = upstream.subset_with_partition_keys(keys)
    found = mapping.get_downstream_partitions_for_partitions(subset, downstream, now)
    return list(found.get_partition_keys())


def march(*days: int) -> list[str]:
    return [f"2023-03-{day:02}" for day in days]


# As Dagster 1.4.7 answers


@pytest.mark.parametrize(
    ("mapping", "downstream", "keys", "upstream", "expected"),
    [
        (T(), WEEKS, march(5), DAYS, (march(5, 6, 7, 8, 9, 10, 11), [])),
        (T(-1, 0), DAYS, march(5), DAYS, (march(4, 5), [])),
        (T(-1, 0), DAYS, march(1), DAYS, (march(1), [])),
        (T(-1, 0, True), DAYS, march(1), DAYS, (march(1), [])),
        (T(-1, -1), DAYS, march(1, 10), DAYS, (march(9), [])),
        (T(0, 1), DAYS, march(31), DAYS, (march(31), ["2023-04-01"])),
        (T(0, 1, True), DAYS, march(31), DAYS, (march(31), [])),
        (T(1, 0), DAYS, march(5), DAYS, ([], [])),
        (T(-2, 1), DAYS, march(4, 6), DAYS_5, (march(5, 6, 7), march(2, 3, 4))),
        (T(-1, -1), DAYS, march(3), DAYS_5, ([], march(2))),
        (T(), DAYS, march(2), DAYS_5, ([], march(2))),
        (T(0, 0, True), DAYS, march(2, 7), DAYS_5, (march(7), [])),
        (T(), HOURS, ["2023-03-10-05:00"], DAYS, (march(10), [])),
        (T(), DAYS, march(8, 15), DAYS_TO_10, (march(8), march(15))),
        (T(), DAYS, ["2023-04-15"], DAYS, (["2023-04-15"], [])),
        (T(), DAYS_AHEAD, ["2023-04-01"], DAYS, ([], ["2023-04-01"])),
        (T(), DAYS_AT_6, march(5), DAYS, (march(5, 6), [])),
        (T(), DAYS, march(5), DAYS_AT_6, (march(4, 5), [])),
        (T(), DAYS, march(1), DAYS_AT_6, (march(1), ["2023-02-28"])),
        (T(-1, -1), DAYS_NY, march(13), DAYS_NY, (march(12), [])),
        (IdentityPartitionMapping(), BCD, ["b", "d"], ABC, (["b"], ["d"])),
        (IdentityPartitionMapping(), ABC, ["b"], ABC, (["b"], [])),
        (LastPartitionMapping(), DAYS, march(8), ABC, (["c"], [])),
        (LastPartitionMapping(), DAYS, None, ABC, (["c"], [])),
        (LastPartitionMapping(), ABC, ["a"], DAYS, (march(31), [])),
        (AllPartitionMapping(), DAYS, march(8), ABC, (["a", "b", "c"], [])),
        (AllPartitionMapping(), DAYS, None, ABC, (["a", "b", "c"], [])),
        (SpecificPartitionsPartitionMapping(["a", "c"]), DAYS, march(8), ABC, (["a", "c"], [])),
        (SpecificPartitionsPartitionMapping(["a", "c"]), DAYS, None, ABC, (["a", "c"], [])),
        (LETTERS, XYZ, ["x"], ABC, (["a", "b"], [])),
        (LETTERS, XYZ, ["z"], ABC, ([], [])),
        (
            MultiToSingleDimensionPartitionMapping("d"),
            DAYS,
            march(2),
            BY_DAY,
            (["2023-03-02|a", "2023-03-02|b", "2023-03-02|c"], []),
        ),
        (
            MultiToSingleDimensionPartitionMapping(),
            BY_DAY,
            ["2023-03-08|a"],
            ABC,
            (["a"], []),
        ),
        (
            MultiPartitionMapping(
                {
                    "d": DimensionPartitionMapping("d", T(-1, 0)),
                    "s": DimensionPartitionMapping("t", LETTERS),
                }
            ),
            BY_DAY_T,
            ["2023-03-05|x"],
            BY_DAY,
            (["2023-03-04|a", "2023-03-04|b", "2023-03-05|a", "2023-03-05|b"], []),
        ),
        (
            MultiPartitionMapping({"d": DimensionPartitionMapping("d", T(-1, 0))}),
            BY_DAY_T,
            ["2023-03-01|x"],
            BY_DAY,
            (["2023-03-01|a", "2023-03-01|b", "2023-03-01|c"], []),
        ),
    ],
)
def test_upstream_partitions_are_those_dagster_gives(
    mapping: PartitionMapping,
    downstream: PartitionsDefinition,
    keys: list[str] | None,
    upstream: PartitionsDefinition,
    expected: tuple[list[str], list[str]],
) -> None:
    assert up(mapping, downstream, keys, upstream) == expected


@pytest.mark.parametrize(
    ("mapping", "upstream", "keys", "downstream", "expected"),
    [
        (T(), DAYS, march(8), WEEKS, march(5)),
        (T(-1, 0), DAYS, march(31), DAYS, march(31)),
        (T(-1, 0), DAYS, march(8), DAYS, march(8, 9)),
        (T(), DAYS, march(2), DAYS_5, []),
        (T(), DAYS, march(8, 15), DAYS_TO_10, march(8)),
        (T(), DAYS_AHEAD, ["2023-04-01"], DAYS, []),
        (T(), DAYS, march(5), DAYS_AT_6, march(4, 5)),
        (T(), WEEKS, march(26), MONTHS, ["2023-03-01"]),
        (IdentityPartitionMapping(), ABC, ["a", "b"], BCD, ["b"]),
        (SpecificPartitionsPartitionMapping(["a", "c"]), ABC, ["b"], XYZ, []),
        (SpecificPartitionsPartitionMapping(["a", "c"]), ABC, ["a", "b"], XYZ, ["x", "y", "z"]),
        (LETTERS, ABC, ["b"], XYZ, ["x", "y"]),
        (MultiToSingleDimensionPartitionMapping(), BY_DAY, ["2023-03-08|a"], DAYS, march(8)),
        (
            MultiPartitionMapping(
                {
                    "d": DimensionPartitionMapping("d", T(-1, 0)),
                    "s": DimensionPartitionMapping("t", LETTERS),
                }
            ),
            BY_DAY,
            ["2023-03-05|a"],
            BY_DAY_T,
            ["2023-03-05|x", "2023-03-06|x"],
        ),
        (
            MultiPartitionMapping({"d": DimensionPartitionMapping("d", T(-1, 0))}),
            BY_DAY,
            ["2023-03-05|a"],
            BY_DAY_T,
            ["2023-03-05|x", "2023-03-05|y", "2023-03-06|x", "2023-03-06|y"],
        ),
    ],
)
def test_downstream_partitions_are_those_dagster_gives(
    mapping: PartitionMapping,
    upstream: PartitionsDefinition,
    keys: list[str],
    downstream: PartitionsDefinition,
    expected: list[str],
) -> None:
    assert down(mapping, upstream, keys, downstream) == expected


def test_a_day_of_a_clock_change_has_as_many_hours_as_it_has() -> None:
    found, missing = up(T(), DAYS_NY, march(12), HOURS_NY)
    assert (len(found), missing) == (23, [])
    assert found[:3] == ["2023-03-12-00:00", "2023-03-12-01:00", "2023-03-12-03:00"]


def test_windows_of_other_zones_are_compared_by_their_moments() -> None:
    assert up(T(), DAYS_NY, march(8), DAYS) == (march(8, 9), [])
    assert down(T(), DAYS, march(8), DAYS_NY) == march(7, 8)


def test_offsets_count_windows_of_the_downstream_asset() -> None:
    assert up(T(-1, 0), HOURS, ["2023-03-10-05:00"], DAYS) == (march(10), [])
    found, _ = up(T(-1, 0), DAYS, march(12), HOURS)
    assert (found[0], len(found)) == ("2023-03-11-00:00", 48)
    assert up(T(-1, -1), DAYS_5, march(5), DAYS) == (march(4), [])
    assert down(T(-1, -1), DAYS, march(4), DAYS_5) == march(5)


def test_excluded_windows_take_no_time() -> None:
    workdays = DailyPartitionsDefinition("2023-03-01", exclusions=["0 0 * * 0,6"])
    hours = HourlyPartitionsDefinition("2023-03-01-00:00")
    found, missing = up(T(), workdays, march(3, 6), hours)
    assert (len(found), missing) == (48, [])
    assert not any(key.startswith(("2023-03-04", "2023-03-05")) for key in found)
    assert up(T(-1, 0), workdays, march(6), workdays) == (march(3, 6), [])
    assert up(T(), DAYS, march(3, 4, 5, 6), workdays) == (march(3, 6), [])
    assert down(T(), hours, ["2023-03-04-05:00"], workdays) == []


# Against a naive computation

CRONS = ["0 * * * *", "30 1 * * *", "0 0 * * *", "0 0 * * 1", "0 6 * * 1-5", "0 0 31 * *"]
ZONES = ["UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"]


@st.composite
def windows(draw: st.DrawFn) -> TimeWindowPartitionsDefinition:
    return TimeWindowPartitionsDefinition(
        start=datetime(2023, 3, draw(st.integers(8, 22)), tzinfo=UTC),
        end=draw(st.sampled_from([None, datetime(2023, 3, 28, tzinfo=UTC)])),
        fmt="%Y-%m-%d-%H:%M",
        cron_schedule=draw(st.sampled_from(CRONS)),
        timezone=draw(st.sampled_from(ZONES)),
        exclusions=draw(st.sampled_from([None, ["0 0 * * 2", "0 3 * * *", "30 1 15 * *"]])),
        end_offset=draw(st.integers(-1, 2)),
    )


def by_hand(
    mapping: TimeWindowPartitionMapping,
    downstream: TimeWindowPartitionsDefinition,
    index: int,
    upstream: TimeWindowPartitionsDefinition,
    now: datetime,
) -> set[str]:
    """The existing upstream keys of one downstream window, by looking at every one."""
    begun, more = downstream.reaching_back(5)
    place = index + more
    steps = range(mapping.start_offset, mapping.end_offset + 1)
    own = [begun.window(place + step) for step in steps if place + step >= 0]
    return {
        key
        for key in upstream.get_partition_keys(now)
        for start, end in [upstream.time_window_for_partition_key(key)]
        if any(
            start.timestamp() < each.end.timestamp() and each.start.timestamp() < end.timestamp()
            for each in own
        )
    }


@settings(deadline=None, max_examples=60)
@given(windows(), windows(), st.integers(-2, 2), st.integers(-2, 2), st.data())
def test_time_windows_agree_with_looking_at_each_one(
    downstream: TimeWindowPartitionsDefinition,
    upstream: TimeWindowPartitionsDefinition,
    start_offset: int,
    end_offset: int,
    data: st.DataObject,
) -> None:
    now = datetime(2023, 4, 2, tzinfo=UTC)
    mapping = TimeWindowPartitionMapping(start_offset, end_offset)
    keys = list(downstream.get_partition_keys(now))
    chosen = data.draw(st.sets(st.sampled_from(keys), max_size=6) if keys else st.just(set()))
    expected = {key: by_hand(mapping, downstream, keys.index(key), upstream, now) for key in chosen}
    found, missing = up(mapping, downstream, sorted(chosen), upstream, now)
    assert set(found) == set().union(*expected.values())
    assert not set(missing) & set(upstream.get_partition_keys(now))
    # and back: every one of them leads to the downstream windows it was found for
    for key in list(chosen)[:3]:
        if expected[key]:
            some = min(expected[key])
            assert key in down(mapping, upstream, [some], downstream, now)
    for some in found[:2]:
        back = down(mapping, upstream, [some], downstream, now)
        for key in keys[:40]:
            own = by_hand(mapping, downstream, keys.index(key), upstream, now)
            assert (some in own) == (key in back)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_dimensions_agree_with_looking_at_each_key(data: st.DataObject) -> None:
    small = DailyPartitionsDefinition("2023-03-01", end_date="2023-03-05")
    upstream = MultiPartitionsDefinition({"a": ABC, "d": small, "x": XYZ})
    downstream = MultiPartitionsDefinition({"d": small, "n": BCD, "p": XYZ, "q": ABC})
    dims = {
        "d": DimensionPartitionMapping("d", T(-1, 0)),
        "a": DimensionPartitionMapping("p", LETTERS),
        "x": DimensionPartitionMapping("n", AllPartitionMapping()),
    }
    names = data.draw(st.sets(st.sampled_from(sorted(dims))))
    mapping = MultiPartitionMapping({name: dims[name] for name in names})
    ups, downs = upstream.get_partition_keys(NOW), downstream.get_partition_keys(NOW)

    def belong(above: Any, below: Any) -> bool:
        for name in names:
            other, part = dims[name]
            below_def = downstream.get_partitions_def_for_dimension(other)
            above_def = upstream.get_partitions_def_for_dimension(name)
            keys = up(part, below_def, [below.keys_by_dimension[other]], above_def)[0]
            if above.keys_by_dimension[name] not in keys:
                return False
        return True

    chosen = data.draw(st.sets(st.sampled_from(downs), max_size=4))
    expected = {above for above in ups if any(belong(above, below) for below in chosen)}
    assert set(up(mapping, downstream, sorted(chosen), upstream)[0]) == expected
    above = data.draw(st.sampled_from(ups))
    expected = {below for below in downs if belong(above, below)}
    assert set(down(mapping, upstream, [above], downstream)) == expected


@given(st.dictionaries(st.sampled_from("abc"), st.sets(st.sampled_from("xyz"))), st.data())
@example({}, None)
def test_written_mappings_agree_with_the_dict(written: dict[str, set[str]], data: Any) -> None:
    mapping = StaticPartitionMapping(written)
    for key in "xyz":
        expected = [each for each in "abc" if key in written.get(each, ())]
        assert up(mapping, XYZ, [key], ABC) == (expected, [])
    for key in "abc":
        assert down(mapping, ABC, [key], XYZ) == sorted(written.get(key, ()))


def test_keys_with_a_part_that_does_not_exist_are_missing() -> None:
    upstream = MultiPartitionsDefinition({"d": DAYS_5, "s": ABC})
    mapping = MultiPartitionMapping(
        {
            "d": DimensionPartitionMapping("d", T()),
            "s": DimensionPartitionMapping("s", IdentityPartitionMapping()),
        }
    )
    keys = ["2023-03-04|a", "2023-03-05|a"]
    assert up(mapping, BY_DAY, keys, upstream) == (["2023-03-05|a"], ["2023-03-04|a"])


def test_dynamic_partitions_map_by_their_keys() -> None:
    customers = DynamicPartitionsDefinition(lambda _now: ["acme", "bolt"])
    both = MultiPartitionsDefinition({"customer": customers, "s": ABC})
    mapping = default_partition_mapping(customers, both)
    assert mapping == MultiToSingleDimensionPartitionMapping("customer")
    assert down(mapping, customers, ["bolt"], both) == ["bolt|a", "bolt|b", "bolt|c"]
    assert up(mapping, both, ["acme|a"], customers) == (["acme"], [])


# Which one is the default, and what does not fit


@pytest.mark.parametrize(
    ("upstream", "downstream", "expected"),
    [
        (DAYS, DAYS, T()),
        (DAYS, HOURS_NY, T()),
        (ABC, ABC, IdentityPartitionMapping()),
        (ABC, XYZ, AllPartitionMapping()),
        (ABC, None, AllPartitionMapping()),
        (DAYS, None, AllPartitionMapping()),
        (BY_DAY, None, AllPartitionMapping()),
        (BY_DAY, BY_DAY, IdentityPartitionMapping()),
        (BY_DAY, BY_DAY_T, AllPartitionMapping()),
        (BY_DAY, ABC, MultiToSingleDimensionPartitionMapping("s")),
        (DAYS, BY_DAY, MultiToSingleDimensionPartitionMapping("d")),
        (XYZ, BY_DAY, AllPartitionMapping()),
    ],
)
def test_the_default_mapping_follows_from_the_partitions(
    upstream: PartitionsDefinition,
    downstream: PartitionsDefinition | None,
    expected: PartitionMapping,
) -> None:
    assert default_partition_mapping(upstream, downstream) == expected
    assert fitting_partition_mapping(None, upstream, downstream) == expected
    assert fitting_partition_mapping(expected, upstream, downstream) is expected
    assert hash(expected) == hash(default_partition_mapping(upstream, downstream))


def test_two_dimensions_alike_must_be_told_apart() -> None:
    twins = MultiPartitionsDefinition({"one": ABC, "two": ABC})
    with pytest.raises(InvalidDefinitionError, match="'one' and 'two'"):
        default_partition_mapping(twins, ABC)
    with pytest.raises(InvalidDefinitionError, match="'one', 'two' are one"):
        up(MultiToSingleDimensionPartitionMapping(), twins, ["a|b"], ABC)
    assert up(MultiToSingleDimensionPartitionMapping("two"), twins, ["a|b"], ABC)[0] == ["b"]


@pytest.mark.parametrize(
    ("mapping", "upstream", "downstream", "words"),
    [
        (T(), ABC, DAYS, "upstream asset are StaticPartitions"),
        (T(), DAYS, ABC, "downstream asset are StaticPartitions"),
        (T(), DAYS, None, "downstream asset has none"),
        (IdentityPartitionMapping(), ABC, None, "downstream asset has none"),
        (AllPartitionMapping(), None, ABC, "upstream asset has none"),
        (LETTERS, BCD, XYZ, "upstream partitions: There is no partition 'a'"),
        (LETTERS, ABC, ABC, "downstream partitions: There are no partitions 'x', 'y'"),
        (LETTERS, ABC, None, "downstream asset has none"),
        (SpecificPartitionsPartitionMapping(["q"]), ABC, XYZ, "no partition 'q'"),
        (MultiToSingleDimensionPartitionMapping(), ABC, XYZ, "several dimensions and one"),
        (MultiToSingleDimensionPartitionMapping(), BY_DAY, XYZ, "none is one"),
        (MultiToSingleDimensionPartitionMapping("d"), BY_DAY, ABC, "'d' is not one"),
        (MultiToSingleDimensionPartitionMapping("e"), BY_DAY, ABC, "'e' is not one"),
        (MultiPartitionMapping({}), ABC, BY_DAY, "upstream asset are Static"),
        (MultiPartitionMapping({}), BY_DAY, ABC, "downstream asset are Static"),
        (
            MultiPartitionMapping({"dd": DimensionPartitionMapping("d", T())}),
            BY_DAY,
            BY_DAY_T,
            "'dd', which is no dimension of the upstream asset",
        ),
        (
            MultiPartitionMapping({"d": DimensionPartitionMapping("t", T())}),
            BY_DAY,
            BY_DAY_T,
            "downstream asset are StaticPartitions",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_says_why(
    mapping: PartitionMapping, upstream: Any, downstream: Any, words: str
) -> None:
    with pytest.raises(InvalidDefinitionError, match=words):
        fitting_partition_mapping(mapping, upstream, downstream)


@pytest.mark.parametrize(
    "make",
    [
        lambda: T(start_offset="1"),  # type: ignore[arg-type]
        lambda: T(end_offset=True),
        lambda: StaticPartitionMapping(["a"]),  # type: ignore[arg-type]
        lambda: StaticPartitionMapping({"a": 1}),  # type: ignore[dict-item]
        lambda: SpecificPartitionsPartitionMapping("abc"),
        lambda: MultiPartitionMapping({"a": T()}),  # type: ignore[dict-item]
        lambda: MultiPartitionMapping({n: DimensionPartitionMapping("x", T()) for n in "ab"}),
    ],
)
def test_mappings_check_themselves_at_birth(make: Any) -> None:
    with pytest.raises(InvalidDefinitionError):
        make()


def test_no_partitions_lead_to_none() -> None:
    for mapping in (AllPartitionMapping(), LastPartitionMapping(), IdentityPartitionMapping()):
        assert up(mapping, XYZ, [], ABC) == ([], [])
        assert down(mapping, ABC, [], XYZ) == []
    assert up(T(), DAYS, [], WEEKS) == ([], [])
    assert down(T(-2, 1), DAYS, [], WEEKS) == []


# What assets take


def test_assets_take_mappings_for_inputs_and_dependencies() -> None:
    before = TimeWindowPartitionMapping(start_offset=-1)
    last = LastPartitionMapping()

    @asset(
        partitions_def=DAYS,
        ins={"flights": AssetIn(AssetKey(["raw", "flights"]), partition_mapping=before)},
        deps=[AssetDep("airports", partition_mapping=last)],
    )
    def delays(flights: Any) -> None: ...

    assert delays.get_partition_mapping(AssetKey(["raw", "flights"])) == before
    assert delays.get_partition_mapping(AssetKey("airports")) == last
    assert delays.get_partition_mapping(AssetKey("other")) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: AssetIn("flights", partition_mapping="last"),
        lambda: AssetDep("flights", partition_mapping="last"),
        lambda: AssetsDefinition.from_op(
            op(name="delays", ins={"flights": In()})(lambda flights: flights),
            keys_by_input_name={"flights": AssetKey("flights")},
            partition_mappings={"flights": "last"},
        ),
    ],
)
def test_what_is_no_mapping_is_refused_at_once(make: Any) -> None:
    with pytest.raises(InvalidDefinitionError, match="flights.*is a PartitionMapping.*'last'"):
        make()
