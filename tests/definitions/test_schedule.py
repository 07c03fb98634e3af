"""Schedules, as Dagster's users write, call and evaluate them."""

# ruff: noqa: DTZ001 - naive times are what users pass

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jobnb import (
    ConfigurableResource,
    DailyPartitionsDefinition,
    DefaultScheduleStatus,
    Definitions,
    HourlyPartitionsDefinition,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvalidSubsetError,
    InvariantViolationError,
    MultiPartitionsDefinition,
    RunRequest,
    ScheduleDefinition,
    Session,
    SkipReason,
    StaticPartitionsDefinition,
    UnknownPartitionError,
    UserCodeExecutionError,
    asset,
    build_schedule_context,
    build_schedule_from_partitioned_job,
    daily_partitioned_config,
    define_asset_job,
    graph,
    job,
    op,
    repository,
    resource,
    schedule,
    sensor,
)

MAY = datetime(2024, 5, 1, tzinfo=UTC)


@op
def hello(): ...


@job
def greet():
    hello()


def at(when=MAY, **given):
    return build_schedule_context(scheduled_execution_time=when, **given)


def nightly(fn, **given):
    return schedule(cron_schedule="@daily", **({"job": greet} | given))(fn)


def test_a_definition_launches_its_job_with_config_and_tags():
    made = ScheduleDefinition(
        job=greet, cron_schedule="0 6 * * *", run_config={"ops": {}}, tags={"team": "docs"}
    )
    found = made.evaluate_tick(at())
    [request] = found.run_requests
    assert request.run_config == {"ops": {}}
    assert request.tags == {"team": "docs", "dagster/schedule_name": "greet_schedule"}
    assert found.skip_message is None
    assert (made.name, made.job, made.job_name) == ("greet_schedule", greet, "greet")
    assert (made.cron_schedule, made.execution_timezone) == ("0 6 * * *", None)
    assert made.default_status is DefaultScheduleStatus.STOPPED


def test_its_functions_see_the_context():
    made = ScheduleDefinition(
        job=greet,
        cron_schedule="@daily",
        run_config_fn=lambda context: {"day": context.scheduled_execution_time.day},
        tags_fn=lambda context: {"month": str(context.scheduled_execution_time.month)},
        should_execute=lambda context: context.scheduled_execution_time.day == 1,
    )
    [request] = made.evaluate_tick(at()).run_requests
    assert request.run_config == {"day": 1}
    assert request.tags["month"] == "5"
    skipped = made.evaluate_tick(at(datetime(2024, 5, 2)))
    assert skipped.run_requests == []
    assert "should_execute" in skipped.skip_message


def two(context):
    yield RunRequest("a")
    yield RunRequest("b", tags={"x": "y"})


@pytest.mark.parametrize(
    ("fn", "keys", "skip"),
    [
        (lambda context: {"a": 1}, [None], None),
        (lambda: RunRequest("a"), ["a"], None),
        (lambda context: [RunRequest("a"), RunRequest("b")], ["a", "b"], None),
        (two, ["a", "b"], None),
        (lambda context: SkipReason("no"), [], "no"),
        (lambda context: [SkipReason("no")], [], "no"),
        (lambda context: None, [], "Its function returned nothing."),
        (lambda context: [], [], "Its function returned nothing."),
    ],
)
def test_what_a_function_may_return(fn, keys, skip):
    found = nightly(fn, name="nightly").evaluate_tick(at())
    assert [each.run_key for each in found.run_requests] == keys
    assert found.skip_message == skip
    assert all(each.tags["dagster/schedule_name"] == "nightly" for each in found.run_requests)


@pytest.mark.parametrize(
    ("fn", "said"),
    [
        (lambda context: [RunRequest(), RunRequest()], "run_key"),
        (lambda context: 5, "returned 5"),
        (lambda context: "no", "returned 'no'"),
        (lambda context: [RunRequest("a"), SkipReason("no")], "1 skip reasons"),
        (lambda context: [SkipReason("a"), SkipReason("b")], "2 skip reasons"),
    ],
)
def test_what_it_may_not(fn, said):
    with pytest.raises(InvalidInvocationError, match=said):
        nightly(fn, name="nightly").evaluate_tick(at())


def test_what_the_users_function_raises_is_kept():
    def fails(context):
        yield RunRequest("a")
        raise ValueError("boom")

    with pytest.raises(UserCodeExecutionError, match="'fails'.*ValueError: boom") as caught:
        nightly(fails).evaluate_tick(at())
    assert isinstance(caught.value.user_exception, ValueError)


def test_tags_and_a_condition_beside_a_function():
    def config(context):
        return {"a": 1}

    [request] = nightly(config, tags={"q": "r"}).evaluate_tick(at()).run_requests
    assert request.tags["q"] == "r"
    [request] = (
        nightly(lambda: RunRequest(), name="n", tags={"q": "r"}).evaluate_tick(at()).run_requests
    )
    assert "q" not in request.tags  # a request says all of its tags itself, as in Dagster
    assert (
        not nightly(config, should_execute=lambda context: False).evaluate_tick(at()).run_requests
    )


class Shop(ConfigurableResource):
    name: str


def test_resources_by_parameter_by_context_and_by_hand():
    @schedule(cron_schedule="@daily", job_name="greet")
    def by_parameter(context, shop: Shop):
        return {"shop": shop.name}

    @schedule(cron_schedule="@daily", job_name="greet", required_resource_keys={"shop"})
    def by_context(context):
        return {"shop": context.resources.shop.name}

    given = at(resources={"shop": Shop(name="Kiosk")})
    for made in (by_parameter, by_context):
        assert made.required_resource_keys == {"shop"}
        assert made(given) == {"shop": "Kiosk"}
        assert made.evaluate_tick(given).run_requests[0].run_config == {"shop": "Kiosk"}
    assert by_parameter(at(), shop=Shop(name="Bar")) == {"shop": "Bar"}
    with pytest.raises(InvalidInvocationError, match="resource 'shop'"):
        by_parameter(at())
    with pytest.raises(InvalidInvocationError, match="takes a context"):
        by_context()
    with pytest.raises(InvalidInvocationError, match="by name"):
        by_parameter(at(), Shop(name="Bar"))
    with pytest.raises(InvalidInvocationError, match="takes no 'bar'"):
        by_parameter(at(), bar=3)

    @schedule(cron_schedule="@daily", job_name="greet", required_resource_keys={"x"})
    def both(context, shop: Shop): ...

    with pytest.raises(InvalidDefinitionError, match="Keep one"):
        _ = both.required_resource_keys


def test_a_resource_of_a_context_is_torn_down_with_it():
    told = []

    @resource
    def door():
        told.append("open")
        yield "door"
        told.append("closed")

    with at(resources={"door": door}) as context:
        assert not told  # nothing is set up before it is asked for
        assert context.resources.door == "door"
        more = context.merge_resources({"key": 3})
        assert (more.resources.key, context.resources.door) == (3, "door")
    assert told.count("open") >= 1
    assert "closed" in told


def test_what_a_context_of_a_test_lacks_is_told():
    context = build_schedule_context()
    with pytest.raises(InvariantViolationError, match="scheduled_execution_time"):
        _ = context.scheduled_execution_time
    with pytest.raises(InvariantViolationError, match="instance="):
        _ = context.instance
    instance = Instance.ephemeral()
    assert at(instance=instance).instance is instance


def test_lines_that_it_logs_are_kept():
    context = at()
    context.log.warning("only %d left", 3)
    assert [line[1:] for line in context.log_lines] == [(30, "only 3 left")]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cron_schedule": "@daily"}, "launches nothing"),
        ({"job": greet}, "when it comes"),
        ({"job": greet, "job_name": "x", "cron_schedule": "@daily"}, "job_name and job"),
        ({"job": 3, "cron_schedule": "@daily"}, "has the job 3"),
        ({"job": greet, "cron_schedule": "@daily", "execution_timezone": "X/Y"}, "no timezone"),
        (
            {"job": greet, "cron_schedule": "@daily", "tags": {"a": "b"}, "tags_fn": dict},
            "tags and tags_fn",
        ),
        (
            {"job": greet, "cron_schedule": "@daily", "execution_fn": two, "tags": {"a": "b"}},
            "Keep one",
        ),
        ({"job": greet, "cron_schedule": "@daily", "default_status": "RUNNING"}, "default_status"),
        ({"job": greet, "cron_schedule": "@daily", "tags": {"a": 1.5j}}, "tag"),
        ({"target": "*orders", "cron_schedule": "@daily"}, "name="),
    ],
)
def test_what_is_wrong_with_a_definition_is_told(given, said):
    with pytest.raises(InvalidDefinitionError, match=said):
        ScheduleDefinition(**given)


def test_it_can_be_given_another_job():
    made = ScheduleDefinition(job_name="old", cron_schedule="@daily", name="s")
    assert not made.has_loadable_target()
    with pytest.raises(InvalidDefinitionError, match="by name only"):
        _ = made.job
    other = made.with_updated_job(greet)
    assert (other.job, other.name, made.job_name) == (greet, "s", "old")
    assert other.load_target() is greet


# --- partitions -----------------------------------------------------------------------


@job(
    partitions_def=DailyPartitionsDefinition("2020-01-01", timezone="US/Central", minute_offset=15)
)
def daily():
    hello()


def test_a_partitioned_job_runs_each_day_once_it_is_over():
    made = build_schedule_from_partitioned_job(daily)
    assert (made.name, made.cron_schedule) == ("daily_schedule", "15 0 * * *")
    assert made.execution_timezone == "US/Central"
    [request] = made.evaluate_tick(at(datetime(2020, 1, 5, 0, 15))).run_requests
    assert (request.run_key, request.partition_key) == ("2020-01-04", "2020-01-04")
    assert request.tags == {
        "dagster/partition": "2020-01-04",
        "dagster/partition_set": "daily_partition_set",
        "dagster/schedule_name": "daily_schedule",
    }
    none = made.evaluate_tick(at(datetime(2020, 1, 1)))
    assert "No partition" in none.skip_message
    later = build_schedule_from_partitioned_job(
        daily, name="late", hour_of_day=5, minute_of_hour=30, tags={"q": "w"}
    )
    assert (later.name, later.cron_schedule) == ("late", "30 5 * * *")
    [request] = later.evaluate_tick(at(datetime(2020, 1, 5, 5, 30))).run_requests
    assert (request.partition_key, request.tags["q"]) == ("2020-01-04", "w")


def test_a_dimension_in_time_makes_all_keys_of_the_others():
    both = MultiPartitionsDefinition(
        {
            "day": DailyPartitionsDefinition("2020-01-01"),
            "shop": StaticPartitionsDefinition(["a", "b"]),
        }
    )

    @job(partitions_def=both)
    def shops():
        hello()

    found = build_schedule_from_partitioned_job(shops).evaluate_tick(at(datetime(2020, 1, 5)))
    assert [each.partition_key for each in found.run_requests] == ["2020-01-04|a", "2020-01-04|b"]
    assert len({each.run_key for each in found.run_requests}) == 2


def test_partitions_that_are_not_in_time_are_refused():
    @job(partitions_def=StaticPartitionsDefinition(["a", "b"]))
    def letters():
        hello()

    with pytest.raises(InvalidDefinitionError, match="not in time"):
        build_schedule_from_partitioned_job(letters)
    with pytest.raises(InvalidDefinitionError, match="no partitions"):
        build_schedule_from_partitioned_job(greet)
    with pytest.raises(InvalidInvocationError, match="hour_of_day does not apply"):
        build_schedule_from_partitioned_job(
            define_asset_job("x", partitions_def=HourlyPartitionsDefinition("2020-01-01-00:00")),
            hour_of_day=3,
        )


def test_the_partitions_of_assets_are_known_once_the_assets_are():
    @asset(partitions_def=HourlyPartitionsDefinition("2020-01-01-00:00"))
    def orders(): ...

    made = build_schedule_from_partitioned_job(define_asset_job("load", "orders"))
    for known in (
        Definitions([orders], schedules=[made]),
        Session().add(orders, made).snapshot(),
    ):
        found = known.get_schedule_def("load_schedule")
        assert found.cron_schedule == "0 * * * *"
        [request] = found.evaluate_tick(
            at(datetime(2020, 1, 5, tzinfo=UTC), repository_def=known)
        ).run_requests
        assert (request.job_name, request.partition_key) == ("load", "2020-01-04-23:00")


def test_a_request_for_a_partition_gets_its_config_and_tags():
    @daily_partitioned_config("2020-01-01")
    def by_day(start, end):
        return {"ops": {"hello": {"config": str(start.date())}}}

    @job(config=by_day)
    def load():
        hello()

    def first(context):
        return RunRequest(partition_key="2020-01-03")

    [request] = nightly(first, job=load).evaluate_tick(at()).run_requests
    assert request.run_config == {"ops": {"hello": {"config": "2020-01-03"}}}
    assert request.tags["dagster/partition"] == "2020-01-03"
    known = Definitions(jobs=[load])
    by_name = nightly(first, job=None, job_name="load")
    [request] = by_name.evaluate_tick(at(repository_def=known)).run_requests
    assert request.tags["dagster/partition_set"] == "load_partition_set"
    with pytest.raises(InvalidInvocationError, match="repository_def"):
        by_name.evaluate_tick(at())
    with pytest.raises(UnknownPartitionError, match="'zz'"):
        nightly(lambda: RunRequest(partition_key="zz"), name="n", job=load).evaluate_tick(at())


# --- in a code location ---------------------------------------------------------------


def test_its_job_comes_along():
    made = ScheduleDefinition(job=greet, cron_schedule="@daily")
    known = Definitions(schedules=[made])
    assert known.get_schedule_def("greet_schedule") is made
    assert known.get_job_def("greet").execute_in_process().success
    assert known.job_names == ["greet"]
    with pytest.raises(InvalidSubsetError, match="'greet_schedul'.*'greet_schedule'"):
        known.get_schedule_def("greet_schedul")


def test_one_graph_of_a_schedule_and_a_sensor_is_one_job():
    @graph
    def steps():
        hello()

    @sensor(job=steps)
    def look(): ...

    made = [
        ScheduleDefinition(job=steps, cron_schedule="@daily", name="one"),
        ScheduleDefinition(job=steps, cron_schedule="@hourly", name="two"),
    ]
    assert Definitions(schedules=made, sensors=[look]).job_names == ["steps"]


def test_all_that_does_not_go_together_is_told_at_once():
    @job(name="greet")
    def other():
        hello()

    @sensor(job_name="nothing")
    def greet_schedule(): ...

    with pytest.raises(InvalidDefinitionError) as caught:
        Definitions(
            jobs=[other],
            schedules=[
                ScheduleDefinition(job=greet, cron_schedule="@daily"),
                ScheduleDefinition(job_name="gret", cron_schedule="@daily", name="typo"),
            ],
            sensors=[greet_schedule],
        )
    said = str(caught.value)
    assert "Two jobs are called 'greet'" in said
    assert "A schedule and a sensor are called 'greet_schedule'" in said
    assert "'typo' launches the job 'gret', which is not there" in said
    assert "'greet'" in said.split("'gret'")[1]
    assert "'greet_schedule' launches the job 'nothing'" in said


def test_what_is_no_schedule_or_sensor_is_told():
    with pytest.raises(InvalidDefinitionError) as caught:
        Definitions(schedules=[3], sensors=[greet])
    assert "3 is not a schedule" in str(caught.value)
    assert "JobDefinition('greet') is not a sensor" in str(caught.value)


def test_a_repository_takes_schedules_in_its_list():
    made = ScheduleDefinition(job=greet, cron_schedule="@daily")

    @repository
    def shop():
        return [made]

    assert shop.schedule_defs == [made]
    assert shop.has_schedule_def("greet_schedule")
    assert shop.job_names == ["greet"]


def test_a_session_lets_a_job_be_defined_again():
    session = Session().add(greet, ScheduleDefinition(job=greet, cron_schedule="@daily"))

    @job(name="greet")
    def newer():
        hello()

    session.add(newer)
    known = session.snapshot()
    assert known.get_job_def("greet").graph is newer.graph
    assert [each.name for each in known.schedules] == ["greet_schedule"]


def test_resources_that_nothing_gives_are_told_when_all_is_validated():
    @schedule(cron_schedule="@daily", job=greet, required_resource_keys={"shop"})
    def needs(context): ...

    known = Definitions(schedules=[needs])
    with pytest.raises(InvalidDefinitionError, match="'needs'.*'shop'"):
        Definitions.validate_loadable(known)
    Definitions.validate_loadable(Definitions(schedules=[needs], resources={"shop": 3}))


def test_the_times_of_a_partitioned_schedule_are_known_by_its_location_and_else_told():
    @asset(partitions_def=DailyPartitionsDefinition("2024-01-01"))
    def orders(): ...

    @asset
    def rates(): ...

    by_day = define_asset_job("by_day", selection="orders")
    at_once = define_asset_job("at_once", selection="rates")
    sound = Definitions([orders, rates], [build_schedule_from_partitioned_job(by_day)])
    Definitions.validate_loadable(sound)
    assert sound.get_schedule_def("by_day_schedule").cron_schedule == "0 0 * * *"
    wrong = Definitions([orders, rates], [build_schedule_from_partitioned_job(at_once)])
    with pytest.raises(InvalidDefinitionError, match=r"'at_once_schedule'.*has no partitions"):
        Definitions.validate_loadable(wrong)
