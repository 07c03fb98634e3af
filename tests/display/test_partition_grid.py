"""Partitions in rows: every partition has one cell, and the cell of a day is where days are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import (
    AssetKey,
    DailyPartitionsDefinition,
    DynamicPartitionsDefinition,
    HourlyPartitionsDefinition,
    Instance,
    MonthlyPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionTable,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
    WeeklyPartitionsDefinition,
    asset,
    materialize,
)
from jobnb.display.partition_grid import binned, grid_of
from jobnb.display.partition_views import partitions_view
from jobnb.display.view import bundle

DEFINITIONS = {
    "days": DailyPartitionsDefinition("2011-11-20", "2013-03-03"),
    "days at six": DailyPartitionsDefinition("2011-11-20", hour_offset=6, end_date="2012-03-03"),
    "hours with a lost one": HourlyPartitionsDefinition(
        "2013-03-09-00:00", "2013-03-12-00:00", timezone="America/New_York"
    ),
    "hours with one twice": HourlyPartitionsDefinition(
        "2013-11-02-00:00", "2013-11-05-00:00", timezone="America/New_York"
    ),
    "weeks": WeeklyPartitionsDefinition("2011-01-01", end_date="2013-03-03"),
    "months": MonthlyPartitionsDefinition("2011-03-01", end_date="2013-03-03"),
    "odd format": DailyPartitionsDefinition("2011.11.20", "2012.03.03", fmt="%Y.%m.%d"),
    "cron": TimeWindowPartitionsDefinition(
        start=datetime(2013, 1, 1, tzinfo=UTC),
        end=datetime(2013, 3, 1, tzinfo=UTC),
        cron_schedule="0 0 * * 1,4",
        fmt="%Y-%m-%d",
    ),
    "static": StaticPartitionsDefinition([f"k{n}" for n in range(101)]),
    "one": StaticPartitionsDefinition(["only"]),
    "time by airport": MultiPartitionsDefinition(
        {
            "day": DailyPartitionsDefinition("2013-01-01", "2013-02-01"),
            "airport": StaticPartitionsDefinition(["EWR", "JFK", "LGA"]),
        }
    ),
    "airport by time": MultiPartitionsDefinition(
        {
            "when": DailyPartitionsDefinition("2013-01-01", "2013-02-01"),
            "where": StaticPartitionsDefinition(["EWR", "JFK", "LGA"]),
        }
    ),
    "no time": MultiPartitionsDefinition(
        {"a": StaticPartitionsDefinition(["1", "2"]), "b": StaticPartitionsDefinition(["3", "4"])}
    ),
}


def cells(grid):
    return [place for row in grid.rows for place in row.places()]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_partition_has_exactly_one_cell(name):
    keys = DEFINITIONS[name].get_partition_keys()
    grid = grid_of(DEFINITIONS[name], keys)
    assert sorted(cells(grid)) == list(range(len(keys)))
    assert all(row.skip + row.count <= len(grid.columns) for row in grid.rows)


@pytest.mark.parametrize("name", ["days", "days at six", "odd format"])
def test_a_day_stands_in_the_row_of_its_month_and_the_column_of_its_day(name):
    definition = DEFINITIONS[name]
    keys = definition.get_partition_keys()
    for row in grid_of(definition, keys).rows:
        for column, place in enumerate(row.places(), start=row.skip):
            start = definition.start_time_for_partition_key(keys[place])
            assert (row.label, column) == (f"{start:%Y-%m}", start.day - 1)


def test_an_hour_that_comes_twice_begins_a_row_of_its_own():
    definition = DEFINITIONS["hours with one twice"]
    rows = grid_of(definition, definition.get_partition_keys()).rows
    assert [(r.label, r.skip, r.count) for r in rows if r.label == "2013-11-03"] == [
        ("2013-11-03", 0, 2),
        ("2013-11-03", 1, 23),
    ]


@pytest.mark.parametrize("name", ["time by airport", "airport by time"])
def test_in_a_matrix_time_goes_down_and_the_other_dimension_across(name):
    definition = DEFINITIONS[name]
    keys = definition.get_partition_keys()
    grid = grid_of(definition, keys)
    assert (grid.is_matrix, grid.columns, len(grid.rows)) == (True, ("EWR", "JFK", "LGA"), 31)
    for row in grid.rows:
        for column, place in zip(grid.columns, row.places(), strict=True):
            assert set(keys[place].keys_by_dimension.values()) == {row.label, column}


@given(st.integers(0, 5000), st.integers(1, 300))
def test_bins_hold_everything_once_and_are_few(count, most):
    bins = binned(count, most)
    assert [place for each in bins for place in each] == list(range(count))
    assert len(bins) <= most


def test_without_partitions_there_is_something_to_read():
    empty = StaticPartitionsDefinition([])
    view = partitions_view(PartitionTable(AssetKey("x"), empty, Instance.ephemeral()))
    assert view.text == "partitions of x: 0 partitions"
    assert bundle(view)["image/svg+xml"].startswith("<svg")


def test_the_static_copy_tells_ranges_and_escapes_keys():
    letters = StaticPartitionsDefinition(["<b>a</b>", "b", "c", "d", "e"])

    @asset(partitions_def=letters)
    def thing(context):
        if context.partition_key == "d":
            raise ValueError("no")

    instance = Instance.ephemeral()
    for key in ("c", "d"):
        materialize([thing], partition_key=key, instance=instance, raise_on_error=False)
    made = bundle(partitions_view(PartitionTable(thing.key, letters, instance)))
    assert "✗ 1 failed: d" in made["text/plain"]
    assert "3 missing: <b>a</b>...b, e" in made["text/plain"]
    for form in ("text/html", "image/svg+xml"):
        assert "<b>a" not in made[form]
        assert "&lt;b&gt;a" in made[form]


def test_a_table_answers_in_words_and_as_a_frame():
    numbers = DynamicPartitionsDefinition(name="numbers")

    @asset(partitions_def=numbers)
    def thing(): ...

    instance = Instance.ephemeral()
    instance.add_dynamic_partitions("numbers", ["one", "two", "three"])
    made = materialize([thing], partition_key="two", instance=instance)
    table = PartitionTable(thing.key, numbers, instance)
    assert repr(table) == "<partitions of thing: 2 missing, 1 materialized>"
    assert list(table.subset("missing").get_partition_keys()) == ["one", "three"]
    frame = table.to_pandas()
    assert list(frame["status"]) == ["missing", "materialized", "missing"]
    assert frame["run_id"][1] == made.run_id
    assert frame["made"].isna().tolist() == [True, False, True]


def test_a_few_keys_are_listed_by_name_and_many_in_rows():
    few = [f"key {number}" for number in range(24)]
    grid = grid_of(StaticPartitionsDefinition(few), few)
    assert [row.label for row in grid.rows] == few
    assert [list(row.places()) for row in grid.rows] == [[at] for at in range(24)]
    table = PartitionTable(AssetKey("x"), StaticPartitionsDefinition(few), Instance.ephemeral())
    assert all(key in bundle(partitions_view(table))["image/svg+xml"] for key in few)
    many = [*few, "one more"]
    assert [row.count for row in grid_of(StaticPartitionsDefinition(many), many).rows] == [25]
