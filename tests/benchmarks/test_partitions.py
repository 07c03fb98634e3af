"""What many partitions cost: asking for, counting and mapping a hundred thousand of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobnb import (
    AssetExecutionContext,
    AssetKey,
    BackfillPolicy,
    DailyPartitionsDefinition,
    Definitions,
    Field,
    HourlyPartitionsDefinition,
    Instance,
    JobRun,
    MultiPartitionsDefinition,
    PartitionsSubset,
    Session,
    StaticPartitionsDefinition,
    TimeWindowPartitionMapping,
    asset,
    job,
    mem_io_manager,
    op,
    partitioned_config,
)
from jobnb import events as ev
from jobnb.definitions.partitions.position_runs import PositionRuns
from jobnb.display.asset_views import session_view
from jobnb.staleness.survey import Survey
from tests.benchmarks.conftest import Measure, size

MANY = size(100_000)


def test_status_of_partitions(measure: Measure, tmp_path: Path) -> None:
    """Every tenth one failed since it was made: the whole costs 100 ms at most."""
    keys = [f"2013-{number:06}" for number in range(MANY)]
    with Instance.local_temp(str(tmp_path)) as instance:
        log = instance.open_log(instance.create_run(JobRun("daily")))
        log.events.extend(ev.AssetMaterialized(1.0, "s", ("a",), key) for key in keys)
        log.close()
        log = instance.open_log(instance.create_run(JobRun("daily")))
        log.events.extend(ev.AssetPlanned(1.0, "s", ("a",), key) for key in keys[::10])
        log.events.append(ev.RunFailed(2.0, "daily"))
        log.close()
        key = AssetKey("a")
        measure(lambda: instance.get_status_by_partition(key, keys), pieces=MANY, budget_us=1.0)
        found = instance.get_status_by_partition(key, keys)
        assert len(found) == MANY
        assert (
            sum(each is not None and each.value == "FAILED" for each in found.values())
            == MANY // 10
        )


def hundred_thousand() -> MultiPartitionsDefinition:
    days = DailyPartitionsDefinition("2013-01-01", end_date="2014-01-01")
    places = StaticPartitionsDefinition([f"p{number:03}" for number in range(274)])
    return MultiPartitionsDefinition({"day": days, "place": places})


def test_asking_for_a_key(measure: Measure) -> None:
    """A key of two dimensions is found in both, and made of its position, without the others."""
    keys = hundred_thousand()
    asked = [f"2013-{1 + n % 12:02}-{1 + n % 28:02}|p{n % 274:03}" for n in range(1_000)]

    def ask() -> None:
        for key in asked:
            position = keys.position_of(key)
            assert keys.has_partition_key(key)
            assert position is not None
            assert keys.key_at(position) == key

    measure(ask, pieces=1_000, budget_us=100.0)


def test_algebra_of_subsets(measure: Measure) -> None:
    """Every seventh key against every eleventh: more runs than subsets of ranges ever have."""
    keys = hundred_thousand()
    every = keys.subset_with_all_partitions()
    count = len(every)
    assert count == 100_010
    sevenths, elevenths = (
        PartitionsSubset(keys, PositionRuns.of(range(0, count, step))) for step in (7, 11)
    )

    def work() -> None:
        both = sevenths & elevenths
        either = sevenths | elevenths
        assert len(either) == len(sevenths) + len(elevenths) - len(both)
        assert len(every - either) == count - len(either)

    measure(work, pieces=count, budget_us=1.0)


def test_subset_from_keys_and_back(measure: Measure) -> None:
    """A hundred thousand keys become a subset, text, and a subset again."""
    keys = hundred_thousand()
    every = keys.get_partition_keys()

    def work() -> None:
        subset = keys.subset_with_partition_keys(every)
        assert keys.deserialize_subset(subset.serialize()) == subset

    measure(work, pieces=len(every), budget_us=50.0)


def test_mapping_many_partitions(measure: Measure) -> None:
    """Hours to days over eleven years, in runs."""
    hours = HourlyPartitionsDefinition("2013-01-01-00:00", timezone="America/New_York")
    days = DailyPartitionsDefinition("2013-01-01", timezone="America/New_York")
    now = datetime(2024, 6, 1, tzinfo=UTC)
    subset = days.subset_with_all_partitions(now)
    mapping = TimeWindowPartitionMapping(start_offset=-1)

    def work() -> None:
        found = mapping.get_upstream_mapped_partitions_result_for_partitions(subset, hours, now)
        assert len(found.partitions_subset) == 24 * len(subset) - 1  # it ends in summer time

    measure(work, pieces=24 * len(subset), budget_us=0.1)


@pytest.mark.parametrize("policy", ["a run each", "one run"])
@pytest.mark.parametrize("store", ["ephemeral", "durable", "server"])
def test_backfill(
    measure: Measure, policy: str, store: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A thousand trivial daily partitions: twice the budget of a step for each."""
    single = policy == "one run"
    days = DailyPartitionsDefinition("2013-01-01", end_date="2016-01-01")
    keys = days.get_partition_keys()[: size(1_000)]

    @asset(partitions_def=days, backfill_policy=BackfillPolicy.single_run() if single else None)
    def trivial(context: AssetExecutionContext) -> Any:
        return dict.fromkeys(context.partition_keys, 1) if single else 1

    url = request.getfixturevalue("database") if store == "server" else None
    durable = store != "ephemeral"
    with Instance(home=tmp_path, url=url) if durable else Instance.ephemeral() as instance:
        session = Session().add(trivial, resources={"io_manager": mem_io_manager})

        def work() -> None:
            session.backfill("trivial", keys, instance=instance).result()

        measure(work, pieces=len(keys), budget_us=60.0 if durable else 30.0)
        assert instance.get_materialized_partitions("trivial") == set(keys)


def made_of_another() -> list[Any]:
    """Two assets of a hundred thousand partitions, one made of the other, and their versions."""
    many = StaticPartitionsDefinition([f"p{number:06}" for number in range(MANY)])

    @asset(partitions_def=many, code_version="1")
    def upper() -> None: ...

    @asset(partitions_def=many, code_version="1", deps=[upper])
    def lower() -> None: ...

    return [upper, lower]


def tell_of(instance: Instance, assets: list[Any]) -> None:
    """Each partition was made, and each fiftieth of the lower asset of another value."""
    keys = assets[0].partitions_def.get_partition_keys()
    code = {"dagster/code_version": "1"}
    log = instance.open_log(instance.create_run(JobRun("daily")))
    for at, key in enumerate(keys[:-1]):
        own = {**code, "dagster/data_version": f"v{at}"}
        read = {**code, "dagster/input_data_version/upper": f"v{at if at % 50 else 'old'}"}
        log.events.append(ev.AssetMaterialized(1.0, "s", ("upper",), key, tags=own))
        log.events.append(ev.AssetMaterialized(1.0, "s", ("lower",), key, tags=read))
    log.close()


def test_how_whole_assets_stand(measure: Measure, tmp_path: Path) -> None:
    """Two hundred thousand partitions judged, once their versions were read: 1 us for each."""
    assets = made_of_another()
    with Instance.local_temp(str(tmp_path)) as instance:
        tell_of(instance, assets)
        definitions = Definitions(assets=assets)
        counts = Survey(definitions, instance).statuses()["lower"].counts
        assert counts is not None
        assert counts.words == f"{MANY - 1:,} of {MANY:,} made, {MANY // 50:,} stale"
        measure(lambda: Survey(definitions, instance), pieces=2 * MANY, budget_us=1.0)


def test_a_first_look_at_whole_assets(measure: Measure, tmp_path: Path) -> None:
    """A repr waits for no two hundred thousand partitions that nobody has read yet."""
    assets = made_of_another()
    with Instance.local_temp(str(tmp_path)) as instance:
        tell_of(instance, assets)
        session = Session().add(*assets)
        session.home = str(tmp_path)
        measure(lambda: session_view(session), pieces=2 * MANY, budget_us=1.0)
        assert f"{MANY - 1:,} of {MANY:,} made" in session_view(session).text


@pytest.mark.parametrize("config", ["a config each", "no config"])
@pytest.mark.parametrize("store", ["ephemeral", "durable"])
def test_backfill_of_a_job(measure: Measure, config: str, store: str, tmp_path: Path) -> None:
    """A thousand runs of a trivial job: its plan is made once, but for the config of each day."""
    days = DailyPartitionsDefinition("2013-01-01", end_date="2016-01-01")
    keys = days.get_partition_keys()[: size(1_000)]

    @partitioned_config(days)
    def of_day(key: str) -> dict[str, Any]:
        return {"ops": {"trivial": {"config": {"day": key}}}}

    @op(config_schema={"day": Field(str, default_value="")})
    def trivial() -> int:
        return 1

    each = config == "a config each"

    @job(config=of_day if each else None, partitions_def=None if each else days)
    def daily() -> None:
        trivial()

    durable = store == "durable"
    with Instance.local_temp(str(tmp_path)) if durable else Instance.ephemeral() as instance:

        def work() -> None:
            resources = {"io_manager": mem_io_manager}
            daily.backfill(keys, instance=instance, resources=resources).result()

        measure(work, pieces=len(keys), budget_us=400.0 if each else 200.0)
        found = instance.get_job_status_by_partition("daily", keys)
        assert all(found.values())


def test_status_of_the_partitions_of_a_job(measure: Measure, tmp_path: Path) -> None:
    """A hundred thousand runs in the history, most of them of the job."""
    keys = [f"p{number:06}" for number in range(MANY)]
    with Instance.local_temp(str(tmp_path)) as instance:
        batch = instance.open_batch()
        for number, key in enumerate(keys):
            name = "daily" if number % 10 else "other"
            log = batch.begin(JobRun(name, tags={"dagster/partition": key}))
            log.events += [ev.RunStarted(1.0, name), ev.RunSucceeded(2.0, name)]
            log.close()
        batch.close()
        measure(
            lambda: instance.get_job_status_by_partition("daily", keys), pieces=MANY, budget_us=4.0
        )
        found = instance.get_job_status_by_partition("daily", keys)
        assert sum(each is not None for each in found.values()) == MANY * 9 // 10
