"""A run of assets with partitions is for some of them, or does not begin."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import (
    AssetSelection,
    DailyPartitionsDefinition,
    Definitions,
    DynamicPartitionsDefinition,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    MultiPartitionsDefinition,
    PartitionKeyRange,
    Session,
    StaticPartitionsDefinition,
    UnknownPartitionError,
    asset,
    asset_check,
    daily_partitioned_config,
    define_asset_job,
    job,
    materialize,
    materialize_to_memory,
    op,
)
from jobnb.errors import PartitionNeededError
from jobnb.plan.partitions import keys_asked, partition_needed, subject_of

DAYS = DailyPartitionsDefinition("2013-01-01", end_date="2014-01-01")
LETTERS = StaticPartitionsDefinition(["a", "b", "c"])
ran = []


@asset(partitions_def=DAYS)
def flights():
    ran.append("flights")
    return 1


@asset(partitions_def=DAYS)
def delays(flights):
    ran.append("delays")
    return flights


@asset(partitions_def=LETTERS)
def letters():
    ran.append("letters")


@asset
def plain():
    ran.append("plain")
    return 1


@asset(deps=[flights])
def year():
    return 1


@pytest.fixture(autouse=True)
def _nothing_has_run():
    ran.clear()


@pytest.fixture
def session():
    return Session().add(flights, delays, letters, plain)


def ways(session, instance):
    work = Definitions(
        assets=[flights, plain], jobs=[define_asset_job("work", ["flights", "plain"])]
    ).get_job_def("work")
    return {
        "materialize": lambda: materialize([flights, plain], instance=instance),
        "to memory": lambda: materialize_to_memory([flights, plain], instance=instance),
        "session": lambda: session.materialize(["flights", "plain"], instance=instance),
        "stale": lambda: session.materialize(
            ["flights", "plain"], instance=instance, stale_only=True
        ),
        "launch": lambda: session.launch(["flights", "plain"], instance=instance),
        "job": lambda: work.execute_in_process(instance=instance),
        "launched job": lambda: work.launch(instance=instance),
        "session's job": lambda: session.execute_job(work, instance=instance),
    }


@pytest.mark.parametrize("way", ways(None, None))
def test_without_a_partition_nothing_runs_whichever_way_it_is_asked_for(way, session):
    instance = Instance.ephemeral()
    with pytest.raises(PartitionNeededError) as caught:
        ways(session, instance)[way]()
    named = "partition_key" if way in ("materialize", "to memory", "job") else "partition"
    assert str(caught.value) == (
        "The asset 'flights' has 365 partitions, '2013-01-01' to '2013-12-31', and the run is for "
        f"none of them. Name one: {named}='2013-12-31'; or several, in one run: "
        f"{named}='2013-01-01...2013-12-31'. "
        "To make each in a run of its own: session.backfill('flights')."
    )
    assert isinstance(caught.value, InvariantViolationError)  # as in Dagster
    assert not ran
    assert not instance.get_runs()


def test_all_assets_with_partitions_are_named():
    with pytest.raises(PartitionNeededError) as caught:
        materialize([flights, delays, plain])
    assert "The assets 'flights' and 'delays' have 365 partitions" in str(caught.value)
    assert "session.backfill(['flights', 'delays'])" in str(caught.value)


def test_assets_whose_partitions_differ_are_told_apart():
    with pytest.raises(PartitionNeededError) as caught:
        materialize([flights, letters])
    told = str(caught.value)
    assert "\n  The asset 'flights' has 365 partitions, '2013-01-01' to '2013-12-31'.\n" in told
    assert "\n  The asset 'letters' has 3 partitions, 'a' to 'c'.\n" in told
    assert told.endswith("session.backfill(['flights', 'letters']).")


def test_partitions_of_several_dimensions_tell_how_their_keys_are_put_together():
    both = MultiPartitionsDefinition({"day": DAYS, "letter": LETTERS})

    @asset(partitions_def=both)
    def grid(): ...

    with pytest.raises(PartitionNeededError) as caught:
        materialize([grid])
    assert "1,095 partitions (day|letter), '2013-01-01|a' to '2013-12-31|c'" in str(caught.value)
    assert "partition_key='2013-12-31|c'" in str(caught.value)
    with pytest.raises(UnknownPartitionError, match="In the dimension 'letter' there is no 'd'"):
        materialize([grid], partition_key="2013-12-31|d")


def test_dynamic_partitions_that_nobody_has_added_are_to_be_added_first():
    @asset(partitions_def=DynamicPartitionsDefinition(name="customers"))
    def customers(): ...

    instance = Instance.ephemeral()
    with pytest.raises(PartitionNeededError, match="no partitions yet") as caught:
        materialize([customers], instance=instance)
    assert "instance.add_dynamic_partitions('customers', [\"...\"])" in str(caught.value)
    instance.add_dynamic_partitions("customers", ["acme"])
    with pytest.raises(PartitionNeededError, match="has 1 partition, 'acme', and the run"):
        materialize([customers], instance=instance)


def test_a_wrong_key_is_told_with_what_there_is_and_the_nearest():
    with pytest.raises(UnknownPartitionError) as caught:
        materialize([letters], partition_key="bb")
    assert str(caught.value) == (
        "The asset 'letters' has 3 partitions, 'a' to 'c'. There is no partition 'bb'. "
        "Did you mean 'b'?"
    )
    assert not ran


DAYS_AND_ENDS = [
    ("2013-01-02", ["2013-01-02"]),
    ("2013-01-02...2013-01-04", ["2013-01-02", "2013-01-03", "2013-01-04"]),
    ("2013-01-02 ... 2013-01-02", ["2013-01-02"]),
    (
        ["2013-03-01", "2013-01-30...2013-02-01"],
        ["2013-01-30", "2013-01-31", "2013-02-01", "2013-03-01"],
    ),
    ([PartitionKeyRange("2013-01-02", "2013-01-03"), "2013-01-03"], ["2013-01-02", "2013-01-03"]),
]


@pytest.mark.parametrize(("asked", "keys"), DAYS_AND_ENDS)
def test_keys_and_ranges_can_be_written_together(asked, keys):
    assert keys_asked(DAYS, asked) == keys
    instance = Instance.ephemeral()

    @asset(partitions_def=DAYS)
    def counted(context):
        return dict.fromkeys(context.partition_keys, 1)

    assert materialize([counted], partition_key=asked, instance=instance).success
    assert instance.get_materialized_partitions("counted") == set(keys)


@pytest.mark.parametrize("asked", ["2013-01-02...", "...2013-01-02", ["2013-01-01", "..."]])
def test_a_range_has_two_ends(asked):
    with pytest.raises(InvalidInvocationError, match="one end only. Write it as first...last"):
        keys_asked(DAYS, asked)


@given(st.lists(st.tuples(st.integers(0, 364), st.integers(0, 9)), min_size=1, max_size=6))
def test_what_is_written_means_what_it_says(pieces):
    every = DAYS.get_partition_keys()
    places = [(first, min(first + more, 364)) for first, more in pieces]
    texts = [every[a] if a == b else f"{every[a]}...{every[b]}" for a, b in places]
    wanted = {place for a, b in places for place in range(a, b + 1)}
    assert keys_asked(DAYS, texts) == [every[place] for place in sorted(wanted)]


def test_both_ends_of_a_range_are_told():
    with pytest.raises(UnknownPartitionError) as caught:
        materialize([letters], partition_key=PartitionKeyRange("x", "y"))
    assert "'x'" in str(caught.value)
    assert "'y'" in str(caught.value)


def test_a_named_job_is_spoken_of_by_its_name():
    work = Definitions(assets=[letters], jobs=[define_asset_job("work")]).get_job_def("work")
    with pytest.raises(UnknownPartitionError, match="The job 'work' has 3 partitions, 'a' to 'c'"):
        work.execute_in_process(partition_key="zz")


def test_assets_that_disagree_are_told_what_else_can_be_done():
    with pytest.raises(InvalidDefinitionError, match="The assets of the run have") as caught:
        materialize([flights, letters], partition_key="a")
    assert "session.backfill(...)" in str(caught.value)


def test_what_has_no_partitions_of_its_own_runs_without_one():
    instance = Instance.ephemeral()
    assert materialize([plain]).success
    assert materialize([flights], partition_key="2013-01-02", instance=instance).success
    assert materialize([flights, year], selection="year", instance=instance).success


def test_a_part_of_a_job_that_makes_none_of_them_runs_without_one():
    work = Definitions(assets=[flights, plain], jobs=[define_asset_job("work")]).get_job_def("work")
    assert work.execute_in_process(op_selection=["plain"]).success
    assert work.execute_in_process(asset_selection=[plain.key]).success
    with pytest.raises(PartitionNeededError):
        work.execute_in_process(op_selection=["flights"])


def test_checks_alone_run_without_one():
    @asset_check(asset=letters)
    def there():
        from jobnb import AssetCheckResult

        return AssetCheckResult(passed=True)

    session = Session().add(letters, there)
    checks = AssetSelection.checks_for_assets("letters")
    assert session.materialize(checks, instance=Instance.ephemeral()).success


def test_ops_with_partitions_may_run_without_one_as_in_dagster():
    @op
    def hello():
        return 1

    @daily_partitioned_config(start_date="2013-01-01")
    def by_day(start, _end):
        return {}

    @job(config=by_day)
    def configured():
        hello()

    @job(partitions_def=DAYS)
    def plainly():
        hello()

    assert configured.execute_in_process().success
    assert plainly.execute_in_process().success


def test_the_tags_of_a_run_may_name_the_partition():
    assert materialize([letters], tags={"dagster/partition": "b"}).success


def test_many_assets_are_not_all_listed():
    assert subject_of([f"a{n}" for n in range(9)]) == (
        "The assets 'a0', 'a1', 'a2', 'a3', 'a4' and 4 more have"
    )
    assert re.search("3 partitions", partition_needed(_job_of(letters)).facts)
    assert partition_needed(_job_of(plain)) is None


def _job_of(*assets):
    return Definitions(assets=assets).get_implicit_global_asset_job_def()
