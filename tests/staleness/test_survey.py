"""How whole assets stand, all partitions counted; backfills of what is stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobnb import (
    AssetIn,
    DailyPartitionsDefinition,
    Definitions,
    Instance,
    InvalidInvocationError,
    InvalidSubsetError,
    MonthlyPartitionsDefinition,
    MultiPartitionsDefinition,
    MultiToSingleDimensionPartitionMapping,
    Session,
    StaticPartitionsDefinition,
    TimeWindowPartitionMapping,
    asset,
)
from jobnb.staleness.survey import Survey

DAYS = DailyPartitionsDefinition("2013-01-30", end_date="2013-02-03")
MONTHS = MonthlyPartitionsDefinition("2013-01-01", end_date="2013-03-01")
PLACES = MultiPartitionsDefinition(
    {"month": MONTHS, "place": StaticPartitionsDefinition(["a", "b"])}
)
BAD: set[str] = set()


def assets(**changed: str) -> list[Any]:
    """Days, months of these, places by month, and a total; some with other code."""

    @asset(partitions_def=DAYS, code_version=changed.get("days", "1"))
    def days(context) -> str:
        if context.partition_key in BAD:
            raise ValueError("no")
        return context.partition_key

    # The months begin before the days do, and end after them.
    some = TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)

    @asset(
        partitions_def=MONTHS,
        ins={"days": AssetIn(partition_mapping=some)},
        code_version=changed.get("months", "1"),
    )
    def months(days):
        return days

    by_month = {"months": AssetIn(partition_mapping=MultiToSingleDimensionPartitionMapping())}

    @asset(partitions_def=PLACES, ins=by_month, code_version=changed.get("places", "1"))
    def places(months):
        return months

    @asset(code_version=changed.get("total", "1"))
    def total(days):
        return len(days)

    return [days, months, places, total]


@pytest.fixture
def session(home: Path):
    BAD.clear()
    made = Session(home=str(home)).add(*assets())
    yield made
    made.instance.dispose()


def told(session: Session) -> list[str]:
    return [str(each) for each in session.stale().values()]


def counts(session: Session, key: str) -> str:
    return str(session.status(key).counts)


def made_by(session: Session, *arguments: Any, **parameters: Any) -> set[str]:
    """Which partitions of which assets a backfill makes."""
    backfill = session.backfill(*arguments, **parameters).wait(60)
    assert backfill.status == "COMPLETED", backfill
    return {
        f"{key.to_user_string()} {run.partition_key}".removesuffix(" None")
        for run in backfill.runs
        for key in run.asset_selection
    }


def test_partitions_are_counted_and_not_only_the_last_one(session: Session) -> None:
    assert counts(session, "days") == "4 of 4 partitions missing"
    session.materialize("days", partition="2013-02-02")
    assert told(session)[0] == "days is missing: 3 of 4 partitions missing"
    session.backfill().wait(60)
    assert told(session) == []
    assert str(session.status("days")) == "days is fresh: all 4 partitions fresh"


def test_what_is_stale_comes_down_by_the_mappings(session: Session) -> None:
    session.backfill().wait(60)
    session.add(*assets(months="2"))
    months, places = told(session)
    changed = "code version changed in tests.staleness.test_survey: '1' -> '2'"
    assert months == f"months is stale: 2 of 2 partitions stale; {changed}"
    assert places == f"places is stale: 4 of 4 partitions stale; upstream 'months': {changed}"
    session.backfill("months", ["2013-02-01"]).wait(60)
    assert counts(session, "months") == "1 of 2 partitions stale"
    assert counts(session, "places") == "4 of 4 partitions stale"  # two are newer upstream
    session.backfill("places", ["2013-02-01|a"]).wait(60)
    assert counts(session, "places") == "3 of 4 partitions stale"


def test_one_of_all_is_stale_if_any_of_what_it_is_made_from_is(session: Session) -> None:
    session.backfill().wait(60)
    session.add(*assets(days="2"))
    session.materialize("days", partition="2013-02-02")  # the last one made is fresh
    (days, *_, total) = told(session)
    assert days.startswith("days is stale: 3 of 4 partitions stale; code version changed")
    assert total.startswith("total is stale: ")


def test_a_failed_partition_is_counted_though_others_were_made_since(session: Session) -> None:
    BAD.add("2013-01-31")
    session.backfill("days").wait(60)
    assert told(session)[0] == "days has failed: 1 of 4 partitions failed"
    assert session.status("days").status.value == "failed"


def test_a_backfill_makes_just_what_is_stale(session: Session) -> None:
    session.backfill().wait(60)
    assert made_by(session, stale_only=True) == set()
    session.add(*assets(months="2"))
    session.backfill("months", ["2013-02-01"]).wait(60)
    assert made_by(session, stale_only=True) == {
        "months 2013-01-01",
        *(f"places 2013-0{month}-01|{place}" for month in (1, 2) for place in "ab"),
    }
    assert told(session) == []


def test_what_is_not_selected_is_no_reason_to_make_again(session: Session) -> None:
    session.backfill().wait(60)
    session.add(*assets(months="2"))
    assert made_by(session, "places", stale_only=True) == set()
    assert made_by(session, "months or places", ["2013-01-01"], stale_only=True) == {
        "months 2013-01-01",
        "places 2013-01-01|a",
        "places 2013-01-01|b",
    }


def test_what_failed_and_what_waits_for_it_are_made(session: Session) -> None:
    BAD.add("2013-01-31")
    session.backfill().wait(60)
    BAD.clear()
    assert made_by(session, stale_only=True) == {
        "days 2013-01-31",
        "months 2013-01-01",
        "places 2013-01-01|a",
        "places 2013-01-01|b",
        "total",
    }


def test_a_selection_may_ask_how_assets_stand(session: Session) -> None:
    session.backfill().wait(60)
    session.add(*assets(places="2"))
    assert {each.split()[0] for each in made_by(session, "status:stale")} == {"places"}
    with pytest.raises(InvalidSubsetError, match="none stands so now"):
        session.backfill("status:stale")


def test_only_one_way_to_leave_some_out(session: Session) -> None:
    with pytest.raises(InvalidInvocationError, match="keep one of only_missing"):
        session.backfill(only_failed=True, stale_only=True)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    made=st.lists(st.sampled_from([0, 1, 2, 3]), max_size=6),
    months=st.lists(st.sampled_from([0, 1]), max_size=3),
    changed=st.sets(st.sampled_from(["days", "months", "places"])),
    again=st.lists(st.sampled_from([0, 1, 2, 3]), max_size=2),
)
def test_counts_are_those_of_each_partition_by_itself(made, months, changed, again) -> None:
    """What is counted of a whole asset is what asking of each of its partitions tells."""
    BAD.clear()
    days, whole = DAYS.get_partition_keys(), MONTHS.get_partition_keys()
    with Instance.ephemeral() as instance:
        before = Session().add(*assets())
        for at in made:
            before.materialize("days", partition=days[at], instance=instance)
        if len(set(made)) == len(days):
            for at in months:
                before.materialize("months", partition=whole[at], instance=instance)
        after = assets(**dict.fromkeys(changed, "2"))
        now = Session().add(*after)
        for at in again:
            now.materialize("days", partition=days[at], instance=instance)
        survey = Survey(Definitions(assets=after), instance).statuses()
        for key, definition in {"days": DAYS, "months": MONTHS}.items():
            expected = naive(key, definition.get_partition_keys(), days, changed, instance)
            found = survey[key].counts
            assert found is not None
            assert (found.missing, found.stale) == expected, key


def naive(key, keys, days, changed, instance):
    """Missing and stale partitions, each looked at by itself."""
    made = instance.partitions_made(asset(name=key)(lambda: 1).key)
    old = {each for each, record in made.items() if tag(record) == "1"}
    stale = old if key in changed else set()
    if key == "months":
        day_made = instance.partitions_made(asset(name="days")(lambda: 1).key)
        for month in made:
            for day in (day for day in days if day.startswith(month[:7])):
                newer = day in day_made and day_made[day].storage_id > made[month].storage_id
                changes = "days" in changed and newer and tag(day_made[day]) == "2"
                if changes or ("days" in changed and tag(day_made[day]) == "1"):
                    stale = stale | {month}
    return len(set(keys) - set(made)), len(stale)


def tag(record) -> str:
    return next(value for name, value in record.tags.items() if name.endswith("code_version"))
