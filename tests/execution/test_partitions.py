"""Runs over partitions: one, a range, some; what they make, and what they read by the mappings."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from jobnb import (
    AllPartitionMapping,
    AssetExecutionContext,
    AssetIn,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DailyPartitionsDefinition,
    Definitions,
    DynamicPartitionsDefinition,
    EventRecordsFilter,
    EventType,
    IdentityPartitionMapping,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    PartitionKeyRange,
    PartitionMapping,
    Session,
    SourceAsset,
    StaticPartitionsDefinition,
    StepOutputNotFoundError,
    TimeWindowPartitionMapping,
    UnknownPartitionError,
    UpstreamPartitionsResult,
    WeeklyPartitionsDefinition,
    asset,
    build_asset_context,
    build_op_context,
    define_asset_job,
    job,
    materialize,
    materialize_to_memory,
    mem_io_manager,
    op,
)
from jobnb.definitions.partitions.default_mapping import fitting_partition_mapping

DAYS = DailyPartitionsDefinition("2013-01-01", end_date="2013-02-01")
LETTERS = StaticPartitionsDefinition(["a", "b", "c", "d"])
FIRST, SECOND, THIRD = "2013-01-01", "2013-01-02", "2013-01-03"


@pytest.fixture
def instance(home: Path):
    with Instance.from_home(home) as found:
        yield found


@asset(partitions_def=LETTERS)
def letters(context: AssetExecutionContext):
    made = {key: key * 2 for key in context.partition_keys}
    return made if len(made) > 1 else made[context.partition_key]


@asset(partitions_def=LETTERS)
def shouted(letters):
    if isinstance(letters, dict):
        return {key: value.upper() for key, value in letters.items()}
    return letters.upper()


def made(result, key="letters"):
    events = result.get_asset_materialization_events()
    return [event.partition for event in events if event.asset_key == AssetKey(key)]


# --- what a run is for ------------------------------------------------------


def test_a_run_is_for_one_partition(instance):
    result = materialize([letters, shouted], instance=instance, partition_key="b")
    assert made(result) == made(result, "shouted") == ["b"]
    assert result.asset_value("shouted") == "BB"
    assert result.run.tags == {"dagster/partition": "b"}
    assert instance.get_materialized_partitions("shouted") == {"b"}


def test_a_run_is_for_a_range_and_tells_of_every_partition(instance):
    result = materialize(
        [letters, shouted], instance=instance, partition_key=PartitionKeyRange("b", "d")
    )
    assert made(result) == made(result, "shouted") == ["b", "c", "d"]
    assert result.asset_value("shouted") == {"b": "BB", "c": "CC", "d": "DD"}
    planned = result.get_asset_materialization_planned_events()
    assert [event.partition for event in planned] == ["b", "c", "d"] * 2
    assert result.run.tags == {
        "dagster/asset_partition_range_start": "b",
        "dagster/asset_partition_range_end": "d",
    }
    again = materialize([shouted, letters], selection=["shouted"], instance=instance,
                        partition_key="c")  # fmt: skip
    assert again.asset_value("shouted") == "CC"


def test_a_run_of_one_partition_of_a_job_has_the_tags_of_its_run_request(instance):
    defs = Definitions([letters, shouted], jobs=[define_asset_job("loud")])
    loud = defs.get_job_def("loud")
    request = loud.run_request_for_partition("b")
    assert loud.execute_in_process(partition_key="b", instance=instance).run.tags == request.tags
    assert request.tags["dagster/partition_set"] == "loud_partition_set"


def test_a_run_is_for_some_partitions_in_their_order(instance):
    result = materialize([letters], instance=instance, partition_key=["d", "a", "d"])
    assert made(result) == ["a", "d"]
    assert list(result.run.tags) == ["jobnb/partitions"]
    session = Session().add(letters, shouted)
    assert session.materialize("letters", instance=instance, partition=["b"]).success
    assert instance.get_materialized_partitions("letters") == {"a", "b", "d"}


def test_a_repeated_run_is_for_the_same_partitions(instance):
    session = Session().add(letters)
    for asked in (["d", "a"], PartitionKeyRange("a", "c"), "b"):
        run = session.launch("letters", instance=instance, partition=asked)
        first = run.wait().plan.partitions
        again = run.rerun().wait()
        assert again.status == "SUCCESS"
        assert again.plan.partitions == first


def test_tags_name_the_range_as_dagster_does(instance):
    work = Definitions(assets=[letters], jobs=[define_asset_job("work")]).get_job_def("work")
    tags = {"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "b"}
    assert made(work.execute_in_process(instance=instance, tags=tags)) == ["a", "b"]
    with pytest.raises(InvalidInvocationError, match="'dagster/asset_partition_range_end' is miss"):
        work.execute_in_process(
            instance=instance, tags={"dagster/asset_partition_range_start": "a"}
        )
    assert made(work.execute_in_process(instance=instance, tags={"dagster/partition": "c"})) == [
        "c"
    ]


def test_what_is_no_partition_is_told_at_once(instance):
    with pytest.raises(UnknownPartitionError, match="There is no partition 'e'"):
        materialize([letters], instance=instance, partition_key="e")
    with pytest.raises(UnknownPartitionError, match=r"There are no partitions 'x', 'y'"):
        materialize([letters], instance=instance, partition_key=["a", "x", "y"])
    with pytest.raises(UnknownPartitionError, match="'q'"):
        materialize([letters], instance=instance, partition_key=PartitionKeyRange("a", "q"))
    with pytest.raises(InvalidInvocationError, match="runs backwards"):
        materialize([letters], instance=instance, partition_key=PartitionKeyRange("c", "a"))
    with pytest.raises(InvalidInvocationError, match="3 is no partition key"):
        materialize([letters], instance=instance, partition_key=3)
    with pytest.raises(InvalidInvocationError, match=r"No partition is meant by \[\]"):
        materialize([letters], instance=instance, partition_key=[])
    assert not instance.get_runs()


def test_assets_without_partitions_or_with_different_ones_cannot_be_asked_for_one(instance):
    @asset
    def plain(): ...

    @asset(partitions_def=DAYS)
    def daily(): ...

    with pytest.raises(InvalidDefinitionError, match="No asset of this run has partitions"):
        materialize([plain], instance=instance, partition_key="a")
    with pytest.raises(InvalidDefinitionError, match="have different partitions") as caught:
        materialize([letters, daily], instance=instance, partition_key="a")
    assert "daily" in str(caught.value)
    assert "letters" in str(caught.value)


def test_dynamic_partitions_are_looked_up_in_the_instance(instance):
    @asset(partitions_def=DynamicPartitionsDefinition(name="customers"))
    def customers(context):
        return context.partition_key

    instance.add_dynamic_partitions("customers", ["acme"])
    assert materialize([customers], instance=instance, partition_key="acme").success
    with pytest.raises(UnknownPartitionError, match="'other'"):
        materialize([customers], instance=instance, partition_key="other")


def test_a_range_needs_a_value_for_each_partition(instance):
    @asset(partitions_def=LETTERS)
    def whole():
        return 5

    @asset(partitions_def=LETTERS)
    def lacking(context):
        return dict.fromkeys(context.partition_keys[1:])

    @asset(partitions_def=LETTERS)
    def single(context):
        return context.partition_key

    both = PartitionKeyRange("a", "b")
    with pytest.raises(InvariantViolationError, match="must be a dict .* it is a int"):
        materialize([whole], instance=instance, partition_key=both)
    with pytest.raises(InvariantViolationError, match="'a' is missing in it"):
        materialize([lacking], instance=instance, partition_key=both)
    with pytest.raises(InvariantViolationError, match=r"2 partitions, 'a' to 'b'.*partition_keys"):
        materialize([single], instance=instance, partition_key=both)
    assert instance.get_materialized_partitions("whole") == set()


def test_a_run_in_memory_does_the_same():
    result = materialize_to_memory([letters, shouted], partition_key=["a", "c"])
    assert result.asset_value("shouted") == {"a": "AA", "c": "CC"}
    assert materialize_to_memory([letters, shouted], partition_key="a").asset_value("shouted") == (
        "AA"
    )


def test_a_failed_partition_is_known_as_failed(instance):
    @asset(partitions_def=LETTERS)
    def picky(context):
        if context.partition_key == "b":
            raise ValueError("not b")

    for key in ("a", "b"):
        materialize([picky], instance=instance, partition_key=key, raise_on_error=False)
    found = instance.get_status_by_partition("picky", ["a", "b", "c"])
    assert [each and each.value for each in found.values()] == ["MATERIALIZED", "FAILED", None]


# --- what is read -----------------------------------------------------------


@asset(partitions_def=DAYS)
def flights(context):
    return pd.DataFrame(
        {"day": [context.partition_key], "delay": [int(context.partition_key[-2:])]}
    )


def make_days(instance, *days):
    for day in days:
        materialize([flights], instance=instance, partition_key=day)


def test_an_asset_without_partitions_reads_all_of_them(instance):
    parts = StaticPartitionsDefinition(["a", "b"])

    @asset(partitions_def=parts)
    def some(context):
        return context.partition_key

    @asset
    def total(some):
        return some

    for key in ("a", "b"):
        materialize([some], instance=instance, partition_key=key)
    result = materialize([some, total], instance=instance, selection=["total"])
    assert result.asset_value("total") == {"a": "a", "b": "b"}


def test_missing_partitions_are_named_in_one_error_or_left_out_where_allowed(instance):
    @asset
    def strict(letters):
        return letters

    @asset(ins={"letters": AssetIn(metadata={"allow_missing_partitions": True})})
    def lenient(letters):
        return letters

    materialize([letters], instance=instance, partition_key="b")
    with pytest.raises(StepOutputNotFoundError, match="3 of 4 partitions of the asset 'letters'"):
        materialize([letters, strict], instance=instance, selection=["strict"])
    result = materialize([letters, lenient], instance=instance, selection=["lenient"])
    assert result.asset_value("lenient") == {"b": "bb"}


def test_a_week_reads_its_days(instance):
    @asset(partitions_def=WeeklyPartitionsDefinition("2013-01-06", end_date="2013-02-01"))
    def weekly(context, flights):
        assert context.asset_partition_keys_for_input("flights") == list(flights)
        window = context.asset_partitions_time_window_for_input("flights")
        assert window == context.partition_time_window
        return pd.concat(flights.values())["delay"].sum()

    days = [f"2013-01-{day:02}" for day in range(6, 13)]
    make_days(instance, *days)
    result = materialize([flights, weekly], instance=instance, selection=["weekly"],
                         partition_key="2013-01-06")  # fmt: skip
    assert result.asset_value("weekly") == sum(range(6, 13))


def test_yesterday_is_read_where_the_mapping_says_so(instance):
    mapping = TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @asset(partitions_def=DAYS, ins={"flights": AssetIn(partition_mapping=mapping)})
    def lagged(context, flights):
        return context.asset_partition_key_for_input("flights"), int(flights["delay"].iloc[0])

    make_days(instance, FIRST)
    # Both are made in this run; the flights of the day itself are not what is read.
    result = materialize([flights, lagged], instance=instance, partition_key=SECOND)
    assert result.asset_value("lagged") == (FIRST, 1)
    in_range = materialize(
        [flights_by_key, over_range],
        instance=instance,
        partition_key=PartitionKeyRange(SECOND, THIRD),
    )
    assert in_range.success


@asset(partitions_def=DAYS)
def flights_by_key(context):
    return {key: int(key[-2:]) for key in context.partition_keys}


@asset(
    partitions_def=DAYS,
    ins={
        "flights_by_key": AssetIn(
            partition_mapping=TimeWindowPartitionMapping(start_offset=-1, end_offset=-1),
            metadata={"allow_missing_partitions": True},
        )
    },
)
def over_range(context, flights_by_key):
    assert flights_by_key == {SECOND: 2}
    return dict.fromkeys(context.partition_keys, 0)


@asset(
    partitions_def=DAYS,
    ins={
        "running": AssetIn(
            partition_mapping=TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
        )
    },
)
def running(context, running):
    total, found = (running or 0), {}
    for key in context.partition_keys:
        total = found[key] = total + int(key[-2:])
    return found if len(found) > 1 else total


def test_an_asset_is_made_from_its_own_day_before(instance):
    for day in (FIRST, SECOND):
        result = materialize([running], instance=instance, partition_key=day)
    assert result.asset_value("running") == 3
    # What the run itself makes is not read: of the range, only the day before it.
    result = materialize(
        [running], instance=instance, partition_key=PartitionKeyRange(THIRD, "2013-01-05")
    )
    assert result.asset_value("running") == {THIRD: 6, "2013-01-04": 10, "2013-01-05": 15}


def test_partitions_that_do_not_exist_are_told_before_anything_is_loaded(instance):
    @asset(
        partitions_def=LETTERS,
        ins={"shorter": AssetIn(key="shorter")},
    )
    def longer(shorter):
        return shorter

    @asset(partitions_def=StaticPartitionsDefinition(["a"]))
    def shorter():
        return 1

    @asset(
        partitions_def=LETTERS,
        ins={"shorter": AssetIn(partition_mapping=IdentityPartitionMapping())},
    )
    def strict(shorter): ...

    materialize([shorter], instance=instance, partition_key="a")
    assert materialize([shorter, longer], instance=instance, selection=["longer"],
                       partition_key="b").asset_value("longer") == 1  # fmt: skip
    with pytest.raises(UnknownPartitionError, match=r"'strict' makes partition 'b'.*'shorter'"):
        materialize([shorter, strict], instance=instance, selection=["strict"], partition_key="b")


def test_a_mapping_survives_that_a_bare_name_means_a_key_beside(instance):
    @asset(partitions_def=LETTERS, key_prefix="shop")
    def parts(context):
        return context.partition_key

    @asset(partitions_def=LETTERS, key_prefix="shop",
           ins={"parts": AssetIn(partition_mapping=AllPartitionMapping())})  # fmt: skip
    def whole(parts):
        return sorted(parts)

    for key in LETTERS.get_partition_keys():
        materialize([parts], instance=instance, partition_key=key)
    result = materialize([parts, whole], instance=instance, partition_key="a",
                         selection=["shop/whole"])  # fmt: skip
    assert result.asset_value(["shop", "whole"]) == ["a", "b", "c", "d"]


def test_a_source_asset_is_read_by_its_partitions(instance):
    materialize([letters], instance=instance, partition_key="c")
    source = SourceAsset("letters", partitions_def=LETTERS)
    assert materialize([source, shouted], instance=instance, partition_key="c").asset_value(
        "shouted"
    ) == "CC"  # fmt: skip


# --- several dimensions -----------------------------------------------------

GRID = MultiPartitionsDefinition(
    {"day": DAYS, "airport": StaticPartitionsDefinition(["JFK", "LGA"])}
)


def test_several_dimensions_lie_in_nested_folders_and_tags(instance, tmp_path):
    @asset(partitions_def=GRID)
    def grid(context):
        key = context.multi_partition_key
        assert context.partition_key == "JFK|2013-01-02"
        return key.keys_by_dimension["day"]

    key = MultiPartitionKey({"day": SECOND, "airport": "JFK"})
    result = materialize([grid], instance=instance, partition_key=key)
    event = result.get_asset_materialization_events()[0]
    assert event.partition == "JFK|2013-01-02"
    assert event.tags["dagster/partition/airport"] == "JFK"
    assert result.run.tags["dagster/partition/day"] == SECOND
    assert (tmp_path / "storage" / "grid" / "JFK@7" / "2013-01-02").is_file()
    assert materialize([grid], instance=instance, partition_key=str(key)).success
    assert instance.get_materialized_partitions("grid") == {"JFK|2013-01-02"}


@pytest.mark.parametrize("typed", [True, False])
def test_an_event_of_several_dimensions_has_the_part_of_each(instance, typed):
    @asset(partitions_def=GRID)
    def grid(context):
        key = context.partition_key
        context.log_event(AssetMaterialization("beside", partition=key))  # no tags: text, stored
        context.log_event(AssetObservation("plain", partition="a|b"))
        return 1

    parts = {"day": SECOND, "airport": "JFK"}
    key = MultiPartitionKey(parts)
    result = materialize([grid], instance=instance, partition_key=key if typed else str(key))
    made = EventType.ASSET_MATERIALIZATION
    (record,) = instance.get_event_records(EventRecordsFilter(made, asset_key=grid.key))
    latest = instance.get_latest_materialization_event(grid.key)
    told = [event for event in result.all_events if event.event_type is made][-1]
    for partition in (
        told.partition,
        told.event_specific_data.materialization.partition,
        record.partition_key,
        record.asset_materialization.partition,
        latest.asset_materialization.partition,
        latest.dagster_event.partition,
    ):
        assert isinstance(partition, MultiPartitionKey)
        assert partition == "JFK|2013-01-02"
        assert partition.keys_by_dimension == parts
    wanted = EventRecordsFilter(made, asset_key=grid.key, asset_partitions=[str(key)])
    assert len(instance.get_event_records(wanted)) == 1
    assert (
        instance.get_latest_materialization_event(
            AssetKey("beside")
        ).asset_materialization.partition
        == key
    )
    seen = EventRecordsFilter(EventType.ASSET_OBSERVATION, asset_key=AssetKey("plain"))
    assert [each.partition_key for each in instance.get_event_records(seen)] == ["a|b"]


def test_frames_lie_as_parquet_one_file_for_each_partition(instance, tmp_path):
    make_days(instance, FIRST, SECOND)
    folder = tmp_path / "storage" / "flights"
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{FIRST}.parquet",
        f"{SECOND}.parquet",
    ]


# --- values -----------------------------------------------------------------


def test_values_come_by_partition_by_range_and_all_that_were_made(tmp_path):
    session = Session(home=str(tmp_path)).add(letters, shouted)
    assert session.value("letters") == {}
    session.materialize("letters", partition=PartitionKeyRange("a", "c"))
    assert session.value("letters", "b") == "bb"
    assert session.value("letters", partition=["c", "a"]) == {"a": "aa", "c": "cc"}
    assert session.value("letters", partition=["c"]) == {"c": "cc"}
    assert session.value("letters", PartitionKeyRange("a", "b")) == {"a": "aa", "b": "bb"}
    assert session.value("letters") == {"a": "aa", "b": "bb", "c": "cc"}
    with pytest.raises(StepOutputNotFoundError, match="'d'"):
        session.value("letters", "d")
    with pytest.raises(UnknownPartitionError, match="'e'"):
        session.value("letters", "e")
    session.instance.dispose()


def test_a_step_loads_values_of_other_assets(instance):
    @asset(partitions_def=LETTERS, deps=[letters])
    def loading(context):
        return context.load_asset_value("letters"), context.load_asset_value(
            AssetKey("letters"), partition_key="a"
        )

    for key in ("a", "b"):
        materialize([letters], instance=instance, partition_key=key)
    result = materialize([letters, loading], instance=instance, partition_key="b",
                         selection=["loading"])  # fmt: skip
    assert result.asset_value("loading") == ("bb", "aa")


def test_each_partition_has_its_own_metadata(instance):
    @asset(partitions_def=LETTERS)
    def told(context):
        context.add_asset_metadata({"all": 1})
        for number, key in enumerate(context.partition_keys):
            context.add_asset_metadata({"rows": number}, partition_key=key)
        with pytest.raises(InvariantViolationError, match="does not make the partition 'd'"):
            context.add_asset_metadata({"rows": 1}, partition_key="d")
        with pytest.raises(InvariantViolationError, match="does not make 'other'"):
            context.add_asset_metadata({"rows": 1}, asset_key="other")

    result = materialize([told], instance=instance, partition_key=PartitionKeyRange("a", "b"))
    rows = [event.metadata["rows"]["value"] for event in result.get_asset_materialization_events()]
    assert rows == [0, 1]
    latest = instance.get_latest_materialization_by_partition("told")["b"].asset_materialization
    assert latest.metadata["all"].value == 1


# --- contexts ---------------------------------------------------------------


def test_a_context_tells_of_its_output(instance):
    seen = {}

    @asset(partitions_def=DAYS)
    def daily(context: AssetExecutionContext):
        seen.update(
            one=context.has_partition_key, several=context.has_partition_key_range,
            any=context.has_partitions, ends=context.partition_key_range,
            older=context.asset_partition_key_range, window=context.partition_time_window,
            keys=context.asset_partition_keys_for_output("result"),
            out_ends=context.asset_partition_key_range_for_output(),
            out_window=context.asset_partitions_time_window_for_output(),
            definition=context.asset_partitions_def_for_output(),
        )  # fmt: skip
        return dict.fromkeys(context.partition_keys)

    ends = PartitionKeyRange(FIRST, SECOND)
    materialize([daily], instance=instance, partition_key=ends)
    window = seen["window"]
    assert window == seen["out_window"]
    assert (window.start, window.end) == (
        datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 1, 3, tzinfo=UTC),
    )  # fmt: skip
    assert (seen["one"], seen["several"], seen["any"]) == (False, True, True)
    assert seen["ends"] == seen["older"] == seen["out_ends"] == ends
    assert seen["keys"] == [FIRST, SECOND]
    assert seen["definition"] == DAYS


def test_a_context_without_partitions_says_how_to_get_some(instance):
    @asset
    def plain(context):
        assert not context.has_partitions
        for name in ("partition_key", "partition_keys", "partition_key_range"):
            with pytest.raises(InvariantViolationError, match="for no partition"):
                getattr(context, name)
        with pytest.raises(InvariantViolationError, match="'plain', which has none"):
            context.asset_partition_keys_for_output()

    assert materialize([plain], instance=instance).success


def test_contexts_for_tests_know_their_partitions():
    @asset(partitions_def=DAYS)
    def daily(context):
        return context.partition_keys, context.partition_time_window.start.day

    ends = PartitionKeyRange(FIRST, THIRD)
    assert daily(build_asset_context(partition_key_range=ends)) == ([FIRST, SECOND, THIRD], 1)
    assert daily(build_asset_context(partition_key=SECOND)) == ([SECOND], 2)

    @op
    def bare(context):
        return context.partition_key

    assert bare(build_op_context(partition_key="x")) == "x"
    assert build_op_context(partition_key_range=ends).partition_key_range == ends


def test_jobs_of_ops_have_partitions_too(instance):
    @op
    def told(context):
        return context.partition_key, context.partition_time_window.start.day

    @job(partitions_def=DAYS, resource_defs={"io_manager": mem_io_manager})
    def daily():
        told()

    result = daily.execute_in_process(instance=instance, partition_key=SECOND)
    assert result.output_for_node("told") == (SECOND, 2)
    assert not [e for e in result.all_events if e.event_type is EventType.ASSET_MATERIALIZATION]


def test_a_mapping_of_ones_own_may_take_the_partitions_of_both_assets(tmp_path):
    class Reversed(PartitionMapping):
        """The last of the one asset belongs to the first of the other."""

        def get_upstream_mapped_partitions_result_for_partitions(
            self,
            downstream_partitions_subset,
            downstream_partitions_def,
            upstream_partitions_def,
            current_time=None,
            dynamic_partitions_store=None,
        ):
            here = downstream_partitions_def.get_partition_keys()
            there = upstream_partitions_def.get_partition_keys()[::-1]
            keys = [there[here.index(key)] for key in downstream_partitions_subset]
            return UpstreamPartitionsResult(
                upstream_partitions_def.subset_with_partition_keys(keys)
            )

        def get_downstream_partitions_for_partitions(
            self,
            upstream_partitions_subset,
            upstream_partitions_def,
            downstream_partitions_def,
            current_time=None,
            dynamic_partitions_store=None,
        ):
            there = upstream_partitions_def.get_partition_keys()[::-1]
            here = downstream_partitions_def.get_partition_keys()
            keys = [here[there.index(key)] for key in upstream_partitions_subset]
            return downstream_partitions_def.subset_with_partition_keys(keys)

    @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
    def up(context):
        return context.partition_key

    @asset(
        partitions_def=StaticPartitionsDefinition(["x", "y"]),
        ins={"up": AssetIn(partition_mapping=Reversed())},
    )
    def down(up):
        return up

    with Instance.local_temp(str(tmp_path)) as instance:
        for key in "ab":
            materialize([up], partition_key=key, instance=instance)
        result = materialize([up, down], partition_key="x", selection="down", instance=instance)
        assert result.asset_value("down") == "b"
    fitting = fitting_partition_mapping(Reversed(), up.partitions_def, down.partitions_def)
    of_a = up.partitions_def.subset_with_partition_keys(["a"])
    found = fitting.get_downstream_partitions_for_partitions(of_a, down.partitions_def)
    assert list(found) == ["y"]
