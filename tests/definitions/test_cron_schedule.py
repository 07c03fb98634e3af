"""The moments of cron strings against a brute-force walk through every minute."""

# ruff: noqa: DTZ001 - naive times are what users pass

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from jobnb import InvalidDefinitionError, ScheduleDefinition
from jobnb.definitions.automation.cron_schedule import CronSchedule

ZONES = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Asia/Kolkata",
    "Pacific/Apia",
]
RANGES = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]
MINUTE = timedelta(minutes=1)


def named(field: str, place: int) -> set[int]:
    """The numbers that a field names, read in a way of its own."""
    low, high = RANGES[place]
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        elif "-" in span:
            first, last = map(int, span.split("-"))
        else:
            first, last = int(span), high if step else int(span)
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def oracle(cron: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """Every minute is looked at.

    Where the hour and the minute are fixed, a local minute counts once, the first time; one
    that the clock skips counts at the first minute after the jump.
    """
    fields = cron.split()
    sets = [named(field, place) for place, field in enumerate(fields)]
    both = fields[2].startswith("*") or fields[4].startswith("*")
    fixed = not fields[0].startswith("*") and not fields[1].startswith("*")

    def fits(local: datetime) -> bool:
        day, weekday = local.day in sets[2], local.isoweekday() % 7 in sets[4]
        on_day = (day and weekday) if both else (day or weekday)
        at = local.minute in sets[0] and local.hour in sets[1]
        return at and on_day and local.month in sets[3]

    found, seen, due = [], set(), False
    moment = start - timedelta(days=2)
    before = moment.astimezone(zone).replace(tzinfo=None) - MINUTE
    while moment <= end:
        local = moment.astimezone(zone).replace(tzinfo=None)
        if fixed:
            skipped = before + MINUTE
            while skipped < local:  # the clock jumped over these
                due = due or (fits(skipped) and skipped not in seen)
                seen.add(skipped)
                skipped += MINUTE
            due = due or (fits(local) and local not in seen)
            seen.add(local)
        else:
            due = fits(local)
        if due and moment > start:
            found.append(moment)
        due = False
        before = max(before, local) if fixed else local
        moment += MINUTE
    return found


def field(place: int) -> st.SearchStrategy[str]:
    low, high = RANGES[place]
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda two: f"{min(two)}-{max(two)}")
    step = st.integers(2, 20).map(lambda n: f"*/{n}")
    some = st.lists(number, min_size=1, max_size=3).map(lambda many: ",".join(map(str, many)))
    return st.one_of(st.just("*"), number.map(str), span, step, some)


CRONS = st.tuples(
    field(0), field(1), st.sampled_from(["*", "*", "1", "28-31", "29", "L"]),
    st.sampled_from(["*", "*", "2", "3,10,11"]), field(4),
).map(" ".join).filter(lambda cron: "L" not in cron)  # fmt: skip

CHANGES = {
    "UTC": [datetime(2024, 2, 28), datetime(2023, 12, 31)],
    "America/New_York": [datetime(2024, 3, 10), datetime(2024, 11, 3), datetime(2024, 2, 29)],
    "Europe/Berlin": [datetime(2024, 3, 31), datetime(2024, 10, 27), datetime(2023, 1, 31)],
    "Australia/Lord_Howe": [datetime(2024, 4, 7), datetime(2024, 10, 6)],
    "Asia/Kolkata": [datetime(2024, 2, 29), datetime(2025, 2, 28)],
    "Pacific/Apia": [datetime(2011, 12, 29), datetime(2024, 4, 30)],  # a day was left out in 2011
}
PLACES = st.sampled_from([(zone, day) for zone in ZONES for day in CHANGES[zone]])


@settings(max_examples=80, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(CRONS, PLACES)
@example("30 2 * * *", ("America/New_York", datetime(2024, 11, 3)))
@example("30 2 * * *", ("America/New_York", datetime(2024, 3, 10)))
@example("15,45 1-3 * * 0", ("Europe/Berlin", datetime(2024, 10, 27)))
@example("*/20 * * * *", ("Australia/Lord_Howe", datetime(2024, 4, 7)))
@example("0 0 29 2 *", ("Asia/Kolkata", datetime(2024, 2, 29)))
@example("0 12 31 * *", ("Europe/Berlin", datetime(2023, 1, 31)))
def test_the_moments_are_those_of_a_walk_through_every_minute(cron, place):
    zone, day = place
    start = day.replace(tzinfo=UTC) - timedelta(hours=14)
    end = start + timedelta(days=3)
    try:
        times = CronSchedule(cron, zone)
    except InvalidDefinitionError:  # such as the 30th of February
        assert not oracle(cron, ZoneInfo(zone), start, end)
        return
    found = [each.astimezone(UTC) for each in takewhile(lambda m: m <= end, times.after(start))]
    assert found == oracle(cron, ZoneInfo(zone), start, end)


@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(CRONS, CRONS, PLACES, st.integers(1, 30))
def test_several_cron_strings_come_in_order_and_each_moment_once(one, other, place, most):
    zone, day = place
    start = day.replace(tzinfo=UTC)
    end = start + timedelta(days=3)
    try:
        both = CronSchedule([one, other], zone)
        alone = [CronSchedule(one, zone), CronSchedule(other, zone)]
    except InvalidDefinitionError:
        return
    # In UTC: within one zone, Python takes the two times 02:30 of a night for equal.
    within = [
        {m.astimezone(UTC) for m in takewhile(lambda m: m <= end, each.after(start))}
        for each in alone
    ]
    found = list(takewhile(lambda m: m <= end, both.after(start)))
    assert [m.astimezone(UTC) for m in found] == sorted(within[0] | within[1])
    assert both.latest(start, end, most) == (found[-most:], len(found) > most)


def test_a_job_at_half_past_two_runs_once_on_a_night_with_two_of_them():
    times = CronSchedule("30 2 * * *", "Europe/Berlin")
    nights = list(islice(times.after(datetime(2024, 10, 26, 12, tzinfo=UTC)), 2))
    assert [str(each) for each in nights] == [
        "2024-10-27 02:30:00+02:00",
        "2024-10-28 02:30:00+01:00",
    ]
    skipped = times.next_after(datetime(2024, 3, 30, 12, tzinfo=UTC))
    assert str(skipped) == "2024-03-31 03:00:00+02:00"


@pytest.mark.parametrize(
    ("nickname", "first"),
    [
        ("@daily", "2024-05-02 00:00:00+00:00"),
        ("@midnight", "2024-05-02 00:00:00+00:00"),
        ("@hourly", "2024-05-01 13:00:00+00:00"),
        ("@weekly", "2024-05-05 00:00:00+00:00"),
        ("@monthly", "2024-06-01 00:00:00+00:00"),
        ("@yearly", "2025-01-01 00:00:00+00:00"),
    ],
)
def test_nicknames(nickname, first):
    times = ScheduleDefinition(job_name="report", cron_schedule=nickname).times
    assert str(times.next_after(datetime(2024, 5, 1, 12, tzinfo=UTC))) == first


def test_a_long_pause_of_a_schedule_of_every_minute_is_not_walked_through():
    end = datetime(2024, 5, 1, tzinfo=UTC)
    found, more = CronSchedule("* * * * *").latest(datetime(1990, 1, 1, tzinfo=UTC), end, 3)
    assert [end - each for each in found] == [2 * MINUTE, MINUTE, timedelta()]
    assert more


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("* * * * * *", "has 6 fields"),
        ("often", "has 1 field[.]"),
        ("61 * * * *", "Bad minute"),
        ([], "Give five fields"),
        (["0 0 * * *", "x"], "'x'"),
        (3, "Give five fields"),
        ([None], "None"),
    ],
)
def test_what_is_no_cron_schedule_is_told(cron, said):
    with pytest.raises(InvalidDefinitionError, match=said):
        ScheduleDefinition(job_name="report", cron_schedule=cron)


@pytest.mark.parametrize("cron", ["0 0 1 1 *", "0 * * * *", "30 6 * * *"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Apia"])
def test_a_schedule_ends_with_the_calendar_and_begins_with_it(cron, zone):
    schedule = CronSchedule(cron, zone)
    assert len(list(schedule.after(datetime(9999, 12, 30, tzinfo=UTC)))) < 60
    first = schedule.next_after(datetime(1, 1, 1, tzinfo=UTC))
    assert first is not None
    assert first.year <= 2
