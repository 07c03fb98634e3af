"""Partitions in time: against brute force in many zones, and against what Dagster gives."""

# ruff: noqa: DTZ001 - naive times are what users pass, and mean the zone of the definition
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobnb import (
    DailyPartitionsDefinition,
    FreshnessPolicy,
    HourlyPartitionsDefinition,
    InvalidDefinitionError,
    InvalidInvocationError,
    MonthlyPartitionsDefinition,
    PartitionKeyRange,
    ScheduleType,
    TimeWindow,
    TimeWindowPartitionsDefinition,
    UnknownPartitionError,
    WeeklyPartitionsDefinition,
)
from jobnb.definitions.partitions import cron_times as cron_module
from jobnb.definitions.partitions.cron_times import cron_times

NOW = datetime(2023, 3, 15, 10, 30)  # naive: in the zone of the definition
DAYS = DailyPartitionsDefinition("2023-03-10")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


# Against brute force

# Whole hours, half an hour (Lord Howe), midnight changes (Sao Paulo, Beirut), a lost day (Apia),
# two pairs of changes in a year (Casablanca), and changes of the standard offset (Caracas).
_PLACES = [
    ("UTC", 2023, 1),
    ("America/New_York", 2023, 3),
    ("America/New_York", 2023, 11),
    ("Europe/London", 2023, 3),
    ("Europe/London", 2023, 10),
    ("Australia/Lord_Howe", 2023, 4),
    ("Australia/Lord_Howe", 2023, 10),
    ("America/Sao_Paulo", 2018, 11),
    ("America/Sao_Paulo", 2018, 2),
    ("Asia/Beirut", 2022, 3),
    ("Pacific/Apia", 2011, 12),
    ("Africa/Casablanca", 2023, 3),
    ("Africa/Casablanca", 2023, 4),
    ("America/Caracas", 2016, 5),
    ("Asia/Kathmandu", 2020, 6),
]


def _minutes(start: datetime, days: int, zone: ZoneInfo) -> list[datetime]:
    first = int(start.timestamp())
    return [datetime.fromtimestamp(first + 60 * minute, zone) for minute in range(days * 24 * 60)]


def _daily_by_hand(moments: list[datetime], hour: int, minute: int) -> list[datetime]:
    """The first moment of each date at the time, else the first one after the clock jumped."""
    found: dict[Any, datetime] = {}
    wanted = (hour, minute)
    before = moments[0]
    for moment in moments[1:]:
        skipped_from = (before + timedelta(minutes=1)).replace(tzinfo=None, fold=0)
        target = datetime(moment.year, moment.month, moment.day, *wanted)
        local = moment.replace(tzinfo=None, fold=0)
        jumped_over = skipped_from <= target < local
        if (local == target or jumped_over) and moment.date() not in found:
            found[moment.date()] = moment
        before = moment
    return list(found.values())


def _starts(times: Any, count: int) -> list[float]:
    return [times.at(index).timestamp() for index in range(count)]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(_PLACES), st.integers(0, 59), st.integers(1, 20))
@example(("Australia/Lord_Howe", 2023, 4), 0, 1)
@example(("Australia/Lord_Howe", 2023, 10), 15, 1)
def test_hours_are_those_of_the_clock(place: tuple[str, int, int], minute: int, day: int) -> None:
    zone = ZoneInfo(place[0])
    start = datetime(place[1], place[2], day, 0, 7, tzinfo=zone)
    by_hand = [m for m in _minutes(start, 14, zone) if m.minute == minute]
    times = cron_times(f"{minute} * * * *", start, zone)
    assert _starts(times, len(by_hand)) == [m.timestamp() for m in by_hand]
    for index in (0, 1, len(by_hand) // 2, len(by_hand) - 1):
        assert times.count_before(by_hand[index]) == index
        assert times.count_until(by_hand[index]) == index + 1
        later = datetime.fromtimestamp(by_hand[index].timestamp() + 1, zone)
        assert times.count_before(later) == index + 1


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(_PLACES), st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
@example(("America/New_York", 2023, 3), 2, 30)
@example(("America/New_York", 2023, 11), 1, 30)
@example(("America/Sao_Paulo", 2018, 11), 0, 0)
@example(("Pacific/Apia", 2011, 12), 0, 0)
@example(("Pacific/Apia", 2011, 12), 23, 59)
def test_days_come_once_each(place: tuple[str, int, int], hour: int, minute: int) -> None:
    zone = ZoneInfo(place[0])
    start = datetime(place[1], place[2], 1, 0, 0, tzinfo=zone)
    begin = start - timedelta(hours=3)
    by_hand = [m for m in _daily_by_hand(_minutes(begin, 45, zone), hour, minute) if m >= start]
    times = cron_times(f"{minute} {hour} * * *", start, zone)
    assert _starts(times, len(by_hand)) == [m.timestamp() for m in by_hand]
    for index, moment in enumerate(by_hand):
        assert times.count_before(moment) == index
        later = datetime.fromtimestamp(moment.timestamp() + 1, zone)
        assert times.count_until(later) == index + 1


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([p for p in _PLACES if p[0] != "Pacific/Apia"]),
    st.sampled_from(["{m} {h} * * *", "{m} {h} * * {w}", "{m} {h} {d} * *"]),
    st.integers(0, 59),
    st.integers(0, 23),
    st.integers(0, 7),
    st.integers(1, 28),
)
def test_regular_schedules_agree_with_walking_through_cron(
    place: tuple[str, int, int], shape: str, minute: int, hour: int, weekday: int, day: int
) -> None:
    zone = ZoneInfo(place[0])
    start = datetime(place[1], place[2], 1, tzinfo=zone)
    cron = shape.format(m=minute, h=hour, w=weekday, d=day)
    quick, walked = cron_times(cron, start, zone), cron_module._Irregular(cron, start, zone)
    assert _starts(quick, 20) == _starts(walked, 20)
    moment = start + timedelta(days=17, hours=5)
    assert quick.count_before(moment) == walked.count_before(moment)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(_PLACES),
    st.sampled_from(
        [
            "0 * * * *",
            "30 * * * *",
            "30 1 * * *",
            "0 0 * * *",
            "0 0 * * 1",
            "*/15 * * * *",
            "0 6 * * 1-5",
            "0 0 1 * *",
        ]
    ),
    st.integers(0, 2000),
)
def test_every_key_names_its_own_window(place: tuple[str, int, int], cron: str, index: int) -> None:
    definition = TimeWindowPartitionsDefinition(
        start=datetime(place[1], 1, 1), fmt="%Y-%m-%d-%H:%M", cron_schedule=cron, timezone=place[0]
    )
    key = definition.key_at(index)
    window = definition.time_window_for_partition_key(key)
    assert definition.position_of(key) == index
    assert window.start.timestamp() < window.end.timestamp()
    assert window == definition.windows.window(index)
    assert definition.get_partition_key_for_timestamp(window.start.timestamp()) == key
    assert (
        definition.get_partition_key_for_timestamp(window.end.timestamp(), end_closed=True) == key
    )
    assert definition.get_partition_keys_in_time_window(window) == [key]


@pytest.mark.parametrize("place", _PLACES)
def test_hourly_keys_of_a_year_are_all_different(place: tuple[str, int, int]) -> None:
    hours = HourlyPartitionsDefinition(datetime(place[1], 1, 1), timezone=place[0])
    keys = hours.get_partition_keys(datetime(place[1] + 1, 1, 1))
    assert len(set(keys)) == len(keys) == hours.get_num_partitions(datetime(place[1] + 1, 1, 1))


def test_the_repeated_hour_has_two_keys() -> None:
    hours = HourlyPartitionsDefinition("2023-11-04-23:00", timezone="US/Pacific")
    keys = hours.get_partition_keys(datetime(2023, 11, 5, 3))
    assert keys == [
        "2023-11-04-23:00",
        "2023-11-05-00:00",
        "2023-11-05-01:00",
        "2023-11-05-01:00-0800",
        "2023-11-05-02:00",
    ]
    first, second = (hours.time_window_for_partition_key(key) for key in keys[2:4])
    assert first.start.astimezone(UTC) == utc(2023, 11, 5, 8)
    assert second.start.astimezone(UTC) == utc(2023, 11, 5, 9)


def test_the_skipped_hour_has_no_key() -> None:
    hours = HourlyPartitionsDefinition("2023-03-12-01:00", timezone="US/Pacific")
    assert hours.get_partition_keys(datetime(2023, 3, 12, 4)) == [
        "2023-03-12-01:00",
        "2023-03-12-03:00",
    ]
    assert not hours.is_valid_partition_key("2023-03-12-02:00")


def test_a_day_that_begins_in_the_skipped_hour_begins_after_it() -> None:
    days = DailyPartitionsDefinition(
        "2023-03-11", timezone="US/Pacific", hour_offset=2, minute_offset=15
    )
    start = days.time_window_for_partition_key("2023-03-12").start
    assert start.isoformat() == "2023-03-12T03:00:00-07:00"


# As Dagster's


@pytest.mark.parametrize(
    ("definition", "keys", "cron"),
    [
        (DAYS, ["2023-03-10", "2023-03-11", "2023-03-12", "2023-03-13", "2023-03-14"], "0 0 * * *"),
        (
            HourlyPartitionsDefinition("2023-03-15-07:00"),
            ["2023-03-15-07:00", "2023-03-15-08:00", "2023-03-15-09:00"],
            "0 * * * *",
        ),
        (
            HourlyPartitionsDefinition("2023-03-15-07:00", minute_offset=20),
            ["2023-03-15-07:20", "2023-03-15-08:20", "2023-03-15-09:20"],
            "20 * * * *",
        ),
        (
            WeeklyPartitionsDefinition("2023-02-10"),
            ["2023-02-12", "2023-02-19", "2023-02-26", "2023-03-05"],
            "0 0 * * 0",
        ),
        (
            WeeklyPartitionsDefinition("2023-02-10", day_offset=3),
            ["2023-02-15", "2023-02-22", "2023-03-01", "2023-03-08"],
            "0 0 * * 3",
        ),
        (MonthlyPartitionsDefinition("2022-12-05"), ["2023-01-01", "2023-02-01"], "0 0 1 * *"),
        (
            MonthlyPartitionsDefinition("2022-12-05", day_offset=3),
            ["2023-01-03", "2023-02-03"],
            "0 0 3 * *",
        ),
        (
            DailyPartitionsDefinition(
                "2023-03-10", hour_offset=5, minute_offset=15, timezone="US/Pacific"
            ),
            ["2023-03-10", "2023-03-11", "2023-03-12", "2023-03-13", "2023-03-14"],
            "15 5 * * *",
        ),
        (
            TimeWindowPartitionsDefinition(
                start="2023-03-10", fmt="%Y-%m-%d", cron_schedule="0 0 * * 1-5"
            ),
            ["2023-03-10", "2023-03-13", "2023-03-14"],
            "0 0 * * 1-5",
        ),
    ],
)
def test_keys_are_dagsters(definition: Any, keys: list[str], cron: str) -> None:
    assert definition.get_partition_keys(NOW) == keys
    assert definition.get_num_partitions(NOW) == len(keys)
    assert definition.get_first_partition_key(NOW) == keys[0]
    assert definition.get_last_partition_key(NOW) == keys[-1]
    assert definition.cron_schedule == definition.get_cron_schedule() == cron


@pytest.mark.parametrize(
    ("parameters", "keys"),
    [
        ({"end_offset": 2}, ["10", "11", "12", "13", "14", "15", "16"]),
        ({"end_offset": -2}, ["10", "11", "12"]),
        ({"end_offset": -50}, []),
        ({"end_date": "2023-03-12"}, ["10", "11"]),
        ({"end_date": "2023-03-12", "end_offset": 1}, ["10", "11"]),
        ({"end_date": "2023-03-12", "end_offset": -1}, ["10"]),
        ({"end_date": "2023-03-16", "end_offset": 1}, ["10", "11", "12", "13", "14", "15"]),
        ({"end_date": "2023-03-18", "end_offset": 1}, ["10", "11", "12", "13", "14", "15"]),
        ({"end_date": "2023-03-01"}, []),
    ],
)
def test_ends_and_offsets_are_dagsters(parameters: dict[str, Any], keys: list[str]) -> None:
    days = DailyPartitionsDefinition("2023-03-10", **parameters)
    expected = [f"2023-03-{key}" for key in keys]
    assert days.get_partition_keys(NOW) == expected
    assert days.get_num_partitions(NOW) == len(keys)
    assert days.get_last_partition_key(NOW) == (expected[-1] if expected else None)


def test_windows_are_dagsters() -> None:
    def window(first: int, last: int) -> TimeWindow:
        return TimeWindow(utc(2023, 3, first), utc(2023, 3, last))

    assert DAYS.time_window_for_partition_key("2023-03-12") == window(12, 13)
    assert DAYS.start_time_for_partition_key("2023-03-12") == utc(2023, 3, 12)
    assert DAYS.end_time_for_partition_key("2023-03-12") == utc(2023, 3, 13)
    assert DAYS.get_first_partition_window(NOW) == window(10, 11)
    assert DAYS.get_last_partition_window(NOW) == window(14, 15)
    assert DAYS.get_first_partition_window(utc(2023, 3, 10, 5)) is None
    assert DAYS.get_last_partition_window(utc(2023, 3, 10, 5)) is None
    assert DAYS.get_next_partition_window(utc(2023, 3, 12), NOW) == window(12, 13)
    assert DAYS.get_next_partition_window(utc(2023, 3, 12, 4), NOW) == window(13, 14)
    assert DAYS.get_next_partition_window(utc(2023, 3, 15), NOW) is None
    assert DAYS.get_prev_partition_window(utc(2023, 3, 12)) == window(11, 12)
    assert DAYS.get_prev_partition_window(utc(2023, 3, 12, 3)) == window(11, 12)
    assert DAYS.get_prev_partition_window(utc(2023, 3, 10)) is None
    assert DAYS.get_next_partition_key("2023-03-13", NOW) == "2023-03-14"
    assert DAYS.get_next_partition_key("2023-03-14", NOW) is None
    assert DAYS.get_partition_keys_in_time_window(window(11, 13)) == ["2023-03-11", "2023-03-12"]
    inside = TimeWindow(utc(2023, 3, 11, 4), utc(2023, 3, 13, 4))
    assert DAYS.get_partition_keys_in_time_window(inside) == ["2023-03-12", "2023-03-13"]
    found = DAYS.get_partition_key_range_for_time_window(window(11, 13))
    assert found == PartitionKeyRange("2023-03-11", "2023-03-12")
    noon = utc(2023, 3, 12).timestamp()
    assert DAYS.get_partition_key_for_timestamp(noon) == "2023-03-12"
    assert DAYS.get_partition_key_for_timestamp(noon, end_closed=True) == "2023-03-11"
    assert DAYS.get_partition_keys_in_range(PartitionKeyRange("2023-03-10", "2023-03-12")) == [
        "2023-03-10",
        "2023-03-11",
        "2023-03-12",
    ]
    assert DAYS.get_partition_keys_in_range(PartitionKeyRange("2023-03-12", "2023-03-10")) == []
    past = ["2023-03-10", "2023-03-13"]
    assert DAYS.time_windows_for_partition_keys(past) == [window(10, 11), window(13, 14)]
    assert DAYS.time_windows_for_partition_keys(frozenset(past))[0] == window(10, 11)


def test_the_schedule_can_be_shifted_within_its_kind() -> None:
    assert DAYS.get_cron_schedule(minute_of_hour=3, hour_of_day=4) == "3 4 * * *"
    weeks = WeeklyPartitionsDefinition("2023-01-01", day_offset=3)
    assert weeks.get_cron_schedule(minute_of_hour=3) == "3 0 * * 3"
    assert weeks.get_cron_schedule(day_of_week=2, hour_of_day=4) == "0 4 * * 2"
    months = MonthlyPartitionsDefinition("2023-01-01")
    assert months.get_cron_schedule(day_of_month=2) == "0 0 2 * *"
    hours = HourlyPartitionsDefinition("2023-03-15-07:00", minute_offset=20)
    assert hours.get_cron_schedule(minute_of_hour=5) == "5 * * * *"
    every = {"minute_of_hour": 5, "day_of_week": 0, "day_of_month": 1}
    assert months.get_cron_schedule(**every, hour_of_day=3) == "5 3 1 * *"
    assert weeks.get_cron_schedule(**every, hour_of_day=3) == "5 3 * * 0"
    assert hours.get_cron_schedule(**every) == "5 * * * *"
    with pytest.raises(InvalidInvocationError, match="day_of_week does not apply to daily"):
        DAYS.get_cron_schedule(day_of_week=2)
    with pytest.raises(InvalidInvocationError, match="hour_of_day does not apply to hourly"):
        hours.get_cron_schedule(hour_of_day=2)
    with pytest.raises(InvalidDefinitionError, match="minute_offset is from 0 to 59"):
        DAYS.get_cron_schedule(minute_of_hour=60)


def test_offsets_and_types_are_read_back() -> None:
    weeks = WeeklyPartitionsDefinition("2023-01-01", minute_offset=5, hour_offset=6, day_offset=3)
    assert (weeks.minute_offset, weeks.hour_offset, weeks.day_offset) == (5, 6, 3)
    assert weeks.schedule_type is ScheduleType.WEEKLY
    months = MonthlyPartitionsDefinition("2023-01-01", day_offset=3)
    assert (months.schedule_type, months.day_offset) == (ScheduleType.MONTHLY, 3)
    odd = TimeWindowPartitionsDefinition("2023-03-10", "%Y-%m-%d", cron_schedule="0 0 * * 1-5")
    assert odd.schedule_type is None
    typed = TimeWindowPartitionsDefinition(
        "2023-03-10", "%Y-%m-%d", schedule_type=ScheduleType.DAILY
    )
    assert typed == DAYS
    assert hash(typed) == hash(DAYS)
    assert typed != DailyPartitionsDefinition("2023-03-11")
    assert DAYS.timezone == "UTC"
    assert DAYS.start == utc(2023, 3, 10)
    assert DAYS.end is None
    assert repr(DAYS) == "Daily, starting 2023-03-10 UTC"


def test_starts_may_be_aware_or_naive() -> None:
    naive = DailyPartitionsDefinition(datetime(2023, 3, 1, 5), timezone="US/Pacific")
    assert naive.start.isoformat() == "2023-03-01T05:00:00-08:00"
    aware = DailyPartitionsDefinition(utc(2023, 3, 1, 5), timezone="US/Pacific")
    assert aware.start == utc(2023, 3, 1, 5)
    assert aware.get_first_partition_key(NOW) == "2023-03-01"


def test_the_31st_skips_short_months() -> None:
    months = MonthlyPartitionsDefinition("2023-01-01", day_offset=31)
    assert months.get_partition_keys(datetime(2023, 8, 7)) == [
        "2023-01-31",
        "2023-03-31",
        "2023-05-31",
    ]


# What is refused


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"start": "2023-03"}, "2023-03"),
        ({"timezone": "Mars/Base"}, "Mars/Base"),
        ({"timezone": "../etc/passwd"}, "no timezone"),
        ({"cron_schedule": "0 0 * *"}, "no cron schedule"),
        ({"cron_schedule": "99 0 * * *"}, "no cron schedule"),
        ({"cron_schedule": 3}, "no cron schedule"),
        ({"minute_offset": 3}, "says it all"),
        ({"cron_schedule": None}, "need a schedule"),
        (
            {"cron_schedule": None, "schedule_type": ScheduleType.DAILY, "hour_offset": 24},
            "hour_offset",
        ),
        ({"cron_schedule": "0 * * * *"}, "cannot tell the partitions"),
        ({"fmt": "%H"}, "'%H'"),
    ],
)
def test_wrong_definitions_are_refused(parameters: dict[str, Any], word: str) -> None:
    given_parameters = {"start": "2023-03-10", "fmt": "%Y-%m-%d", "cron_schedule": "0 0 * * *"}
    with pytest.raises(InvalidDefinitionError, match=word):
        TimeWindowPartitionsDefinition(**{**given_parameters, **parameters})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("yesterday", "'%Y-%m-%d'"),
        ("2023-03-09", "The first one is '2023-03-10'"),
        ("2023-03-15", "not ended"),
        ("2023-3-11", "2023-03-11"),
        ("", "format"),
    ],
)
def test_unknown_keys_are_told_what_would_be_one(key: str, word: str) -> None:
    with pytest.raises(UnknownPartitionError, match=word):
        DAYS.validate_partition_key(key, NOW)
    assert not DAYS.has_partition_key(key, NOW)


def test_unknown_keys_and_times_have_no_window() -> None:
    for ask in (
        lambda: DAYS.time_window_for_partition_key("2023-03-09"),
        lambda: DAYS.time_windows_for_partition_keys(["9999-01-01"]),
        lambda: DAYS.get_partition_keys_in_range(PartitionKeyRange("2023-03-01", "2023-03-12")),
        lambda: DAYS.get_partition_key_for_timestamp(0),
        lambda: DAYS.get_partition_key_range_for_time_window(
            TimeWindow(utc(2023, 3, 11), utc(2023, 3, 11))
        ),
        lambda: WeeklyPartitionsDefinition("2023-02-10").time_window_for_partition_key(
            "2023-02-15"
        ),
    ):
        with pytest.raises(UnknownPartitionError):
            ask()
    ahead = DAYS.time_windows_for_partition_keys(["9990-01-01"], validate=False)
    assert ahead[0].start.year == 9990


# Cost


def test_the_last_of_many_is_found_without_counting_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hours = HourlyPartitionsDefinition("1990-01-01-00:00", timezone="America/New_York")
    now = datetime(2023, 6, 1)
    hours.get_num_partitions(now)
    asked = []
    find = type(hours.windows.ticks).at

    def counted(self: Any, index: int) -> datetime:
        asked.append(index)
        return find(self, index)

    monkeypatch.setattr(type(hours.windows.ticks), "at", counted)
    assert hours.get_num_partitions(now) > 250_000
    assert hours.get_last_partition_key(now) == "2023-05-31-23:00"
    assert hours.has_partition_key("2010-07-04-12:00", now)
    assert hours.time_window_for_partition_key("2010-07-04-12:00").end.hour == 13
    assert len(asked) < 40


# Exclusions

WORKDAYS = DailyPartitionsDefinition(
    "2023-03-01", exclusions=["0 0 * * 0", datetime(2023, 3, 8)], end_date="2023-03-20"
)


def march(day: int, hour: int = 0) -> datetime:
    return datetime(2023, 3, day, hour)


def test_excluded_windows_are_left_out_and_the_others_stay_as_they_are() -> None:
    keys = WORKDAYS.get_partition_keys(march(12))
    assert [key[-2:] for key in keys] == ["01", "02", "03", "04", "06", "07", "09", "10", "11"]
    assert WORKDAYS.time_window_for_partition_key("2023-03-04").end.day == 5
    assert not WORKDAYS.has_partition_key("2023-03-05", march(12))
    with pytest.raises(UnknownPartitionError, match="The next one is '2023-03-06'"):
        WORKDAYS.time_window_for_partition_key("2023-03-05")
    assert WORKDAYS.get_partition_key_for_timestamp(utc(2023, 3, 5, 12).timestamp()) == "2023-03-04"
    assert WORKDAYS.get_next_partition_key("2023-03-07", march(12)) == "2023-03-09"
    following = WORKDAYS.get_next_partition_window(march(5), march(12))
    assert following is not None
    assert following.start.day == 6
    for moment in (march(6), march(5, 12), march(5)):
        before = WORKDAYS.get_prev_partition_window(moment)
        assert before is not None
        assert before.start.day == 4
    found = WORKDAYS.get_partition_key_range_for_time_window(TimeWindow(march(5), march(9)))
    assert found == PartitionKeyRange("2023-03-06", "2023-03-07")
    assert not WORKDAYS.has_any_partitions_in_window(TimeWindow(march(5), march(6)))
    assert WORKDAYS.exclusions == ("0 0 * * 0", march(8))
    assert DailyPartitionsDefinition("2023-03-01", end_date="2023-03-20") != WORKDAYS


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(_PLACES),
    st.sampled_from(["0 * * * *", "30 1 * * *", "0 0 * * *", "0 */6 * * *", "0 6 * * 1-5"]),
    st.lists(st.sampled_from(["0 0 1-20/2 * *", "0 12 * * 1", "30 1 */3 * *", "0 6 * * 3"])),
    st.sets(st.integers(0, 60), max_size=5),
    st.integers(-2, 2),
)
def test_excluding_windows_is_taking_them_away(
    place: tuple[str, int, int], cron: str, crons: list[str], moments: set[int], end_offset: int
) -> None:
    zone = ZoneInfo(place[0])
    start = datetime(place[1], place[2], 1, tzinfo=zone)
    now = start + timedelta(days=20, hours=7)
    fmt = "%Y-%m-%d-%H:%M"

    def made(exclusions: Any = None, schedule: str = cron) -> TimeWindowPartitionsDefinition:
        return TimeWindowPartitionsDefinition(
            start, fmt, timezone=place[0], cron_schedule=schedule, exclusions=exclusions
        )

    whole = made()
    keys = list(whole.get_partition_keys(now))
    times = {whole.start_time_for_partition_key(key).timestamp(): key for key in keys}
    gone = {keys[n] for n in moments if n < len(keys)}
    left_out = [whole.start_time_for_partition_key(key) for key in gone]
    for each in crons:
        ticks = cron_times(each, start, zone)
        gone |= {
            times[ticks.at(n).timestamp()]
            for n in range(ticks.count_until(now))
            if ticks.at(n).timestamp() in times
        }
    holed = made([*crons, *left_out])
    expected = [key for key in keys if key not in gone]
    assert holed.get_partition_keys(now) == expected
    for index, key in enumerate(expected):
        assert (holed.position_of(key), holed.key_at(index)) == (index, key)
        window = holed.time_window_for_partition_key(key)
        assert window == whole.time_window_for_partition_key(key)
        assert list(holed.windows.overlapping(window)) == [index]
    assert not any(holed.has_partition_key(key, now) for key in gone)
    told = [
        (holed.windows.ticks.at(a), holed.windows.ticks.at(b))
        for a, b in holed.windows.stretches(0, len(expected))
        if expected
    ]
    lengths = sum(b.timestamp() - a.timestamp() for a, b in told)
    taken = (holed.time_window_for_partition_key(key) for key in expected)
    assert lengths == sum(b.timestamp() - a.timestamp() for a, b in taken)


def test_exclusions_leave_a_window() -> None:
    with pytest.raises(InvalidDefinitionError, match="leave no window"):
        DailyPartitionsDefinition("2023-03-01", exclusions=["0 * * * *"])


@pytest.mark.parametrize("wrong", ["0 0 * * 0", [3], march(8)])
def test_exclusions_are_a_list_of_schedules_and_moments(wrong: Any) -> None:
    with pytest.raises(InvalidDefinitionError, match="exclusions are a list"):
        DailyPartitionsDefinition("2023-03-01", exclusions=wrong)
    with pytest.raises(InvalidDefinitionError, match="'often' is no cron schedule"):
        DailyPartitionsDefinition("2023-03-01", exclusions=["often"])


# Beyond the bounds


def test_windows_beyond_the_bounds_are_found_when_asked_for() -> None:
    days = DailyPartitionsDefinition("2023-03-01", end_date="2023-03-10")
    assert days.get_prev_partition_window(march(1)) is None
    before = days.get_prev_partition_window(march(1), respect_bounds=False)
    assert before is not None
    assert (before.start.month, before.start.day) == (2, 28)
    after = days.get_next_partition_window(march(10), respect_bounds=False)
    assert after is not None
    assert after.start.day == 10
    assert days.get_next_partition_window(march(10)) is None
    early = days.get_next_partition_window(datetime(2023, 2, 10, 5), respect_bounds=False)
    assert early is not None
    assert (early.start.month, early.start.day) == (2, 11)
    stretch = TimeWindow(datetime(2023, 2, 27), march(3))
    inside = days.get_partition_key_range_for_time_window(stretch)
    assert inside == PartitionKeyRange("2023-03-01", "2023-03-02")
    outside = days.get_partition_key_range_for_time_window(stretch, respect_bounds=False)
    assert outside == PartitionKeyRange("2023-02-27", "2023-03-02")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(_PLACES), st.sampled_from(["0 * * * *", "30 1 * * *", "0 0 1 * *"]))
def test_windows_before_the_start_are_those_of_an_earlier_start(
    place: tuple[str, int, int], cron: str
) -> None:
    zone = ZoneInfo(place[0])
    start = datetime(place[1], place[2], 20, tzinfo=zone)
    late = TimeWindowPartitionsDefinition(
        start, "%Y-%m-%d-%H:%M", timezone=place[0], cron_schedule=cron
    )
    early = cron_times(cron, start - timedelta(days=400), zone)
    windows, more = late.reaching_back(7)
    first = early.count_before(late.windows.start(0))
    assert more >= 7
    for back in range(8):
        assert windows.start(more - back) == early.at(first - back)


def test_a_moment_becomes_a_key() -> None:
    assert DAYS.get_partition_key(datetime(2023, 3, 12, 5)) == "2023-03-12"
    assert DAYS.get_partition_key(datetime(2023, 3, 12).date()) == "2023-03-12"
    assert DAYS.get_partition_key("2023-03-12") == "2023-03-12"
    with pytest.raises(UnknownPartitionError):
        WORKDAYS.get_partition_key("2023-03-05")
    assert DAYS.get_current_timestamp(march(1)) == utc(2023, 3, 1).timestamp() == 1677628800
    assert (WORKDAYS.start_ts, WORKDAYS.end_ts) == (1677628800, utc(2023, 3, 20).timestamp())
    assert DAYS.end_ts is None


def test_a_definition_does_not_change() -> None:
    for name in ("start", "end", "fmt", "timezone", "cron_schedule", "end_offset", "exclusions"):
        with pytest.raises(AttributeError):
            setattr(DAYS, name, None)


# Keys of any kind

_OF_EACH_KIND = [
    TimeWindowPartitionsDefinition("2023-03-01", fmt, cron_schedule=cron, timezone=zone)
    for fmt, cron, zone in (
        ("%Y-%m-%d", "0 0 * * *", "UTC"),
        ("%Y-%m-%d", "0 0 1 * *", "Asia/Tokyo"),
        ("%Y-%m-%d", "30 2 * * 1", "Pacific/Apia"),
        ("%Y-%m-%d", "0 0 * * 1-5", "UTC"),
    )
] + [
    HourlyPartitionsDefinition("2023-03-01-00:00", timezone=zone) for zone in ("UTC", "Asia/Tokyo")
]


@example("9999-12-31")
@example("0001-01-01")
@example("9999-12-31-23:00")
@example("0001-01-01-00:00")
@example("20230301")
@example("2023-W10-3")
@example("2023-3-1")
@example("\x00")
@settings(deadline=None, max_examples=150)
@given(
    st.text(max_size=12)
    | st.dates(datetime(1, 1, 1).date(), datetime(2100, 1, 1).date()).map(str)
    | st.datetimes(max_value=datetime(2100, 1, 1)).map(lambda at: at.strftime("%Y-%m-%d-%H:%M"))
)
def test_any_text_is_a_key_or_is_none(text: str) -> None:
    for definition in _OF_EACH_KIND:
        position = definition.position_of(text)
        assert definition.is_valid_partition_key(text) == (position is not None)
        if position is not None:
            assert definition.key_at(position) == text
        elif not definition.has_partition_key(text):
            with pytest.raises(UnknownPartitionError, match="There is no partition"):
                definition.validate_partition_key(text)


def test_days_are_the_keys_that_reading_the_format_gives() -> None:
    for zone in ("America/New_York", "America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca"):
        for cron in ("0 0 * * *", "30 2 * * *", "0 0 * * 3", "30 0 15 * *"):
            plain, formatted = (
                TimeWindowPartitionsDefinition(
                    datetime(2011, 12, 25), fmt, cron_schedule=cron, timezone=zone
                )
                for fmt in ("%Y-%m-%d", "%Y-%m-%d%%")
            )
            keys = [plain.key_at(index) for index in range(400)]
            formatted_keys = [formatted.key_at(index)[:-1] for index in range(400)]
            assert keys == formatted_keys
            assert [plain.position_of(key) for key in keys] == list(range(400))
            assert [formatted.position_of(f"{key}%") for key in keys] == list(range(400))


def test_a_day_that_the_calendar_left_out_is_no_key() -> None:
    apia = DailyPartitionsDefinition("2011-12-25", timezone="Pacific/Apia")
    assert apia.position_of("2011-12-30") is None
    assert apia.position_of("2011-12-31") == 5
    assert apia.key_at(5) == "2011-12-31"


# Formats and schedules that nobody can mean

PIECES = st.sampled_from(
    [*"%%%%YmdHMSjUWGVuzZfcxXpysEO-_0 .,/|", "\x00", "\n", "\ud800", "é", "..."]
)


@pytest.mark.parametrize(
    ("fmt", "words"),
    [
        ("%Y-%m-%d\ud800", "half a character"),
        (3, "fmt.* is text, not 3"),
        ("%Y-%m-%d\n", "control characters"),
        ("%Y...%m-%d", "cannot contain"),
    ],
)
def test_a_format_that_cannot_be_one_is_refused(fmt: Any, words: str) -> None:
    with pytest.raises(InvalidDefinitionError, match=words):
        DailyPartitionsDefinition(datetime(2023, 3, 10), fmt=fmt)
    with pytest.raises(InvalidDefinitionError):
        DailyPartitionsDefinition("2023-03-10", fmt=fmt)


@settings(max_examples=200)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_format_gives_keys_that_name_their_windows_or_is_refused(fmt: str) -> None:
    try:
        made = DailyPartitionsDefinition(datetime(2023, 3, 10), fmt=fmt)
    except InvalidDefinitionError:
        return
    for key in made.get_partition_keys(datetime(2023, 3, 14)):
        assert made.has_partition_key(key, datetime(2023, 3, 14))


@pytest.mark.parametrize(
    ("nickname", "cron"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@Midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ],
)
def test_nicknames_are_cron_schedules(nickname: str, cron: str) -> None:
    fmt = "%Y-%m-%d-%H:%M"
    start = datetime(2023, 3, 10)
    made = TimeWindowPartitionsDefinition(start, fmt, cron_schedule=nickname)
    assert made == TimeWindowPartitionsDefinition(start, fmt, cron_schedule=cron)
    assert made.hour_offset == 0
    assert FreshnessPolicy(maximum_lag_minutes=5, cron_schedule=nickname).cron_schedule == nickname


@pytest.mark.parametrize("cron", ["@reboot", "@every 1h", "9" * 5000 + " * * * *", "\ud800", "², "])
def test_what_is_no_schedule_is_refused(cron: str) -> None:
    with pytest.raises(InvalidDefinitionError, match="is no cron schedule"):
        TimeWindowPartitionsDefinition("2023-03-10", "%Y-%m-%d", cron_schedule=cron)


# --- formats ----------------------------------------------------------------------

_ZONES = [
    "UTC",
    "America/Los_Angeles",
    "Europe/London",
    "Australia/Lord_Howe",
    "Africa/Monrovia",
    "America/St_Johns",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Europe/Dublin",
]
_DAYS = [
    "%Y-%m-%d",
    "%Y%m%d",
    "%d.%m.%y",
    "%F",
    "%Y/%j",
    "%G-W%V-%u",
    "%d %b %Y",
    "%A, %B %d %Y",
    "%Y-%m-%d %Y",
    "%Y-W%V %m/%d",
    "%x",
    "year=%Y/month=%m/day=%d",
    "%D %y",
    "%Y %b %e",
]
_TIMES = ["%H:%M", "%H%M", "T%H:%M:%S", "%I:%M%p", "%R", "%H:%M %H", "%X", "%H:%M:%S.%f", "%k.%M"]
_OFFSETS = ["", "%z", " %Z", "%z%z", " %z (%Z)"]
_LITERALS = ["", "100%% ", "key[", "a.b+", "(", "z", "%%Y-"]
# Nights on which clocks are put, by zones among those above, and any other moment.
_MOMENTS = st.sampled_from(
    [datetime(2023, 11, 5), datetime(2023, 10, 28), datetime(2023, 4, 1, 12)]
) | st.datetimes(datetime(1975, 1, 1), datetime(2025, 1, 1))


@given(
    zone=st.sampled_from(_ZONES),
    schedule=st.sampled_from(["0 * * * *", "30 * * * *", "*/30 * * * *", "0 */6 * * *"]),
    start=_MOMENTS,
    fmt=st.tuples(*map(st.sampled_from, (_LITERALS, _DAYS, [" ", "-", "_"], _TIMES, _OFFSETS))).map(
        "".join
    ),
    zone_first=st.booleans(),
)
@settings(max_examples=60)
def test_each_key_names_its_window_in_any_format(zone, schedule, start, fmt, zone_first):
    fmt = f"%z {fmt}" if zone_first else fmt
    start = start.replace(second=0, microsecond=0)
    definition = TimeWindowPartitionsDefinition(
        start=start, fmt=fmt, timezone=zone, cron_schedule=schedule, end=start + timedelta(2)
    )
    keys = definition.get_partition_keys(start + timedelta(3))
    assert len(set(keys)) == len(keys) > 5
    windows = [definition.time_window_for_partition_key(key) for key in keys]
    for before, after in pairwise(windows):
        assert before.end.timestamp() == after.start.timestamp()
    for key, window in zip(keys, windows, strict=True):
        assert definition.get_partition_key(window.start) == key
        assert key.startswith(window.start.strftime(fmt))


def test_a_format_with_an_offset_tells_the_two_hours_of_a_night_apart():
    hourly = HourlyPartitionsDefinition(
        datetime(2023, 11, 5),
        end_date=datetime(2023, 11, 5, 4),
        timezone="America/Los_Angeles",
        fmt="%Y-%m-%d-%H:%M%z",
    )
    keys = hourly.get_partition_keys()
    assert keys[1:3] == ["2023-11-05-01:00-0700", "2023-11-05-01:00-0800"]
    starts = [hourly.start_time_for_partition_key(key).timestamp() for key in keys]
    assert [after - before for before, after in pairwise(starts)] == [3600.0] * 4


def test_without_one_only_the_second_of_them_tells_its_offset():
    for fmt, second in (("%Y-%m-%d-%H:%M", "-0800"), ("%Y-%m-%d-%H:%M %Z", "")):
        hourly = HourlyPartitionsDefinition(
            datetime(2023, 11, 5), timezone="America/Los_Angeles", fmt=fmt
        )
        keys = hourly.get_partition_keys(datetime(2023, 11, 6, tzinfo=UTC))
        assert keys[2].startswith("2023-11-05-01:00")
        assert keys[2].endswith(second or "PST")


@pytest.mark.parametrize("fmt", ["%Y-%m-%d %Y", "%F", "%d %b %Y", "day=%Y-%m-%d/%j"])
def test_a_start_is_written_as_keys_are(fmt):
    text = datetime(2023, 2, 1).strftime(fmt)
    assert DailyPartitionsDefinition(text, fmt=fmt).start == datetime(2023, 2, 1, tzinfo=UTC)
    with pytest.raises(InvalidDefinitionError, match="does not fit the format"):
        DailyPartitionsDefinition("1 of May", fmt=fmt)
