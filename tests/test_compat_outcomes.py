"""Small programs come to what they come to under Dagster 1.4.7: errors, values, results."""

from __future__ import annotations

import enum

import pytest

import jobnb
from jobnb import (
    AssetsDefinition,
    Config,
    ConfigurableResource,
    Definitions,
    EnvVar,
    Field,
    Instance,
    InvalidConfigError,
    InvalidDefinitionError,
    IOManager,
    Noneable,
    RunConfig,
    RunRequest,
    ScheduleDefinition,
    Selector,
    SensorResult,
    SkipReason,
    SourceAsset,
    asset,
    build_init_resource_context,
    build_schedule_context,
    build_sensor_context,
    define_asset_job,
    graph,
    job,
    materialize,
    materialize_to_memory,
    op,
    resource,
    schedule,
    sensor,
    static_partitioned_config,
    validate_run_config,
)
from jobnb.display.launch_form import LaunchForm
from jobnb.errors import RunNotFoundError, StepOutputNotFoundError


@op
def one():
    return 1


@job
def daily():
    one()


# --- an asset that returns nothing ---------------------------------------------------


@asset
def written() -> None:
    """Writes a table by itself."""


@asset
def reader(written):
    return ("read", written)


def test_an_asset_that_returns_nothing_is_none_where_values_stay_in_memory():
    result = materialize_to_memory([written, reader])
    assert result.asset_value("reader") == ("read", None)


def test_where_values_are_stored_the_error_tells_that_there_is_none_of_it():
    with pytest.raises(StepOutputNotFoundError, match=r"annotated with `-> None`.*deps=\['written"):
        materialize([written, reader], instance=Instance.ephemeral())


# --- problems of a config ------------------------------------------------------------


@op(
    config_schema={
        "year": int,
        "months": Field([int], is_required=False),
        "by": Field(Selector({"name": str, "code": int}), is_required=False),
    }
)
def configured(context):
    return context.op_config


@job
def reads_config():
    configured()


@pytest.mark.parametrize(
    ("config", "reason", "levels"),
    [
        ({}, "MISSING_REQUIRED_FIELD", ["ops", "configured", "config"]),
        ({"year": "soon"}, "RUNTIME_TYPE_MISMATCH", ["ops", "configured", "config", "year"]),
        ({"year": 1, "yeer": 2}, "FIELD_NOT_DEFINED", ["ops", "configured", "config"]),
        ({"year": 1, "by": {}}, "SELECTOR_FIELD_ERROR", ["ops", "configured", "config", "by"]),
        (
            {"year": {"env": "JOBNB_TEST_UNSET"}},
            "FAILED_POST_PROCESSING",
            ["ops", "configured", "config", "year"],
        ),
        (
            {"year": 1, "months": [1, "may"]},
            "RUNTIME_TYPE_MISMATCH",
            ["ops", "configured", "config", "months"],
        ),
    ],
)
def test_a_problem_of_a_config_tells_its_reason_and_where_it_is(config, reason, levels):
    with pytest.raises(InvalidConfigError) as raised:
        reads_config.execute_in_process(run_config={"ops": {"configured": {"config": config}}})
    [problem] = raised.value.errors
    assert (problem.reason.value, problem.stack.levels) == (reason, levels)
    assert raised.value.error_messages == [str(problem)]


def test_the_place_in_a_list_is_part_of_the_way_to_a_problem(dagster):
    from dagster._config.errors import DagsterEvaluationErrorReason
    from dagster._config.stack import EvaluationStackListItemEntry

    config = {"year": 1, "months": [1, "may"]}
    with pytest.raises(dagster.DagsterInvalidConfigError) as raised:
        reads_config.execute_in_process(run_config={"ops": {"configured": {"config": config}}})
    [problem] = raised.value.errors
    assert problem.reason is DagsterEvaluationErrorReason.RUNTIME_TYPE_MISMATCH
    assert problem.stack.entries[-1] == EvaluationStackListItemEntry(1)


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


def test_a_default_names_a_member_of_an_enum_as_config_does():
    class Paint(Config):
        color: Color = "RED"
        border: Color | None = "BLUE"

    @op
    def paint(config: Paint):
        return config.color, config.border

    @job
    def painting():
        paint()

    assert painting.execute_in_process().output_for_node("paint") == (Color.RED, Color.BLUE)
    assert paint(Paint()) == (Color.RED, Color.BLUE)
    given = {"ops": {"paint": {"config": {"color": "BLUE"}}}}
    assert painting.execute_in_process(run_config=given).output_for_node("paint")[0] is Color.BLUE


# --- what ticks bring ----------------------------------------------------------------


@pytest.mark.parametrize("returned", [None, [], SkipReason("no file")])
def test_a_tick_without_runs_has_an_empty_list(returned):
    @schedule(cron_schedule="@daily", job=daily)
    def nightly():
        return returned

    @sensor(job=daily)
    def watch():
        return returned

    planned = nightly.evaluate_tick(build_schedule_context())
    found = watch.evaluate_tick(build_sensor_context())
    assert planned.run_requests == found.run_requests == []
    assert found.dagster_run_reactions == found.dynamic_partitions_requests == []
    assert planned.skip_message == found.skip_message


def test_a_tick_with_runs_has_a_list_of_them():
    @sensor(job=daily)
    def watch():
        return SensorResult([RunRequest("a")], cursor="1")

    found = watch.evaluate_tick(build_sensor_context())
    assert [each.run_key for each in found.run_requests] == ["a"]
    assert isinstance(found.run_requests, list)


def test_a_sensor_that_is_called_directly_can_log():
    @sensor(job=daily)
    def watch(context):
        context.log.info("looked at %s", "files")
        return SkipReason("none")

    assert watch(build_sensor_context()).skip_message == "none"


# --- what definitions refuse ---------------------------------------------------------


def test_a_graph_without_an_output_makes_no_asset():
    @graph
    def silent():
        one()

    with pytest.raises(InvalidDefinitionError, match="'silent' has no output"):
        AssetsDefinition.from_graph(silent)


def test_a_schedule_or_sensor_is_given_once_and_a_job_may_come_along_often():
    nightly = ScheduleDefinition(job=daily, cron_schedule="@daily")

    @sensor(job=daily)
    def watch():
        return None

    again = {"schedules": [nightly, nightly], "sensors": [watch, watch]}
    with pytest.raises(InvalidDefinitionError) as raised:
        Definitions(jobs=[daily], **again)
    assert "schedule 'daily_schedule' is given twice" in str(raised.value)
    assert "sensor 'watch' is given twice" in str(raised.value)
    assert Definitions(jobs=[daily, daily], schedules=[nightly]).get_job_def("daily") is not None


# --- resources that are called directly ----------------------------------------------


def test_a_resource_without_config_is_called_with_an_empty_one():
    @resource
    def plain(context):
        return context.resource_config

    @resource(config_schema=Noneable(int))
    def limit(context):
        return context.resource_config

    assert build_init_resource_context().resource_config == {}
    assert plain(build_init_resource_context(config={})) is None
    assert limit(build_init_resource_context(config={})) is None
    assert limit(build_init_resource_context(config=0)) == 0


def test_a_list_in_a_resource_takes_variables_of_the_environment(monkeypatch):
    class Hosts(ConfigurableResource):
        names: list[str]
        by_role: dict[str, str]

    @op
    def read(hosts: Hosts):
        return hosts.names, hosts.by_role

    hosts = Hosts(names=[EnvVar("JOBNB_TEST_HOST"), "b"], by_role={"x": EnvVar("JOBNB_TEST_HOST")})

    @job(resource_defs={"hosts": hosts})
    def reads():
        read()

    monkeypatch.setenv("JOBNB_TEST_HOST", "a")
    assert reads.execute_in_process().output_for_node("read") == (["a", "b"], {"x": "a"})


# --- runs that are not there ---------------------------------------------------------


def test_a_run_that_was_deleted_cannot_be_launched(tmp_path):
    with Instance.local_temp(str(tmp_path)) as instance:
        run = instance.create_run_for_job(daily)
        instance.delete_run(run.run_id)
        assert instance.get_run_by_id(run.run_id) is None
        with pytest.raises(jobnb.InvariantViolationError):
            instance.launch_run(run.run_id, None)
        assert instance.create_run_for_job(daily, run_id=run.run_id).run_id == run.run_id
    assert issubclass(RunNotFoundError, KeyError)


def test_what_is_not_among_definitions_is_an_invariant_violation():
    nothing = Definitions()
    for look_up in (nothing.get_job_def, nothing.get_schedule_def, nothing.get_sensor_def):
        with pytest.raises(jobnb.InvariantViolationError, match="called 'nightly'"):
            look_up("nightly")


def test_a_failed_op_has_no_value():
    @op
    def fails():
        raise ValueError("no")

    @job
    def failing():
        fails()

    result = failing.execute_in_process(raise_on_error=False)
    with pytest.raises(jobnb.InvariantViolationError):
        result.output_for_node("fails")


# --- the job's own config ------------------------------------------------------------


@op(config_schema={"year": Field(int, default_value=2013), "month": Field(int, default_value=1)})
def when(context):
    return context.op_config["year"], context.op_config["month"]


@job(config={"ops": {"when": {"config": {"year": 2020}}}})
def dated():
    when()


QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


@pytest.mark.parametrize(
    ("config", "value"),
    [
        (None, (2020, 1)),
        ({}, (2020, 1)),
        (QUIET, (2020, 1)),
        ({"ops": {}}, (2013, 1)),
        ({"ops": {"when": {"config": {"month": 8}}}}, (2013, 8)),
        (RunConfig(), (2013, 1)),
    ],
)
def test_each_section_that_a_run_does_not_give_is_the_jobs_own(config, value):
    result = dated.execute_in_process(run_config=config)
    assert result.output_for_node("when") == value


def test_the_same_holds_for_a_job_of_assets():
    @asset(config_schema={"year": Field(int, default_value=2013)})
    def year(context):
        return context.op_config["year"]

    own = {"ops": {"year": {"config": {"year": 2020}}}}
    years = define_asset_job("years", config=own)
    years = Definitions(assets=[year], jobs=[years]).get_job_def("years")
    assert years.execute_in_process(run_config=QUIET).output_for_node("year") == 2020
    assert years.execute_in_process(run_config={"ops": {}}).output_for_node("year") == 2013


def test_a_partitions_config_is_that_of_a_run_which_gives_none():
    @static_partitioned_config(["2020", "2021"])
    def of_year(key):
        return {"ops": {"when": {"config": {"year": int(key)}}}}

    @job(config=of_year)
    def yearly():
        when()

    def year(config):
        result = yearly.execute_in_process(run_config=config, partition_key="2021")
        return result.output_for_node("when")[0]

    assert (year(None), year({}), year(QUIET)) == (2021, 2021, 2013)


def test_a_run_config_is_validated_with_the_jobs_own():
    assert validate_run_config(dated)["ops"]["when"]["config"]["year"] == 2020
    assert validate_run_config(dated, QUIET)["ops"]["when"]["config"]["year"] == 2020


def test_a_section_that_was_emptied_in_the_launchpad_stays_empty():
    form = LaunchForm(dated)
    form.set_config({})
    assert form.parameters()["config"] == {"ops": {}}


# --- inner names ---------------------------------------------------------------------


def test_an_io_manager_reads_that_no_step_made_a_source_asset():
    seen = []

    class Reads(IOManager):
        def handle_output(self, context, obj):
            pass

        def load_input(self, context):
            seen.append(context.upstream_output.step_key)
            return 1

    @asset
    def copy(table):
        return table

    materialize([SourceAsset("table"), copy], resources={"io_manager": Reads()})
    assert seen == ["none"]


def test_formats_of_keys_and_marks_of_dagsters_inner_modules_are_there(dagster):
    from dagster._serdes import whitelist_for_serdes
    from dagster._utils.partitions import DEFAULT_HOURLY_FORMAT_WITHOUT_TIMEZONE
    from dagster._utils.warnings import suppress_dagster_warnings

    assert suppress_dagster_warnings(len) is whitelist_for_serdes(len) is len
    assert whitelist_for_serdes(storage_name="Old")(len) is len
    hours = jobnb.HourlyPartitionsDefinition("2023-01-01-00:00")
    assert hours.fmt == DEFAULT_HOURLY_FORMAT_WITHOUT_TIMEZONE


class Store(ConfigurableResource):
    url: str
    tries: int = 3
    token: str | None = None


class Within(ConfigurableResource):
    store: Store
    rows: int = 4


class Size(Config):
    rows: int = 1
    most: int | None = None


def test_a_validated_run_config_tells_what_each_op_and_resource_gets():
    @op
    def sized(config: Size, store: Store, within: Within): ...

    @op(config_schema={"a": Field(int, default_value=3)})
    def scaled(context, x: int): ...

    @graph
    def inner():
        scaled()

    @graph(config=jobnb.ConfigMapping(lambda n: {"sized": {"config": {"rows": n}}}, int))
    def mapped():
        sized()

    stores = {"store": Store(url="db"), "within": Within(store=Store(url="x")), "unused": Store}

    @job(resource_defs={**stores, "other": jobnb.ResourceDefinition.hardcoded_resource(3)})
    def whole():
        sized()
        inner()
        mapped()

    given = {"mapped": {"config": 7}, "inner": {"ops": {"scaled": {"inputs": {"x": 2}}}}}
    found = validate_run_config(whole, {"ops": given})

    def part(config, **inputs):
        return {"config": config, "inputs": inputs, "outputs": None}

    assert found["ops"] == {
        "sized": part({"rows": 1}),
        "inner": part(None),
        "inner.scaled": part({"a": 3}, x=2),
        "mapped": part(None),
        "mapped.sized": part({"rows": 7}),
    }
    assert found["resources"] == {
        "io_manager": {"config": None},
        "store": {"config": {"url": "db", "tries": 3}},
        "within": {"config": {"rows": 4}},
    }


def test_an_empty_run_config_beside_a_function_of_it_is_none():
    @op
    def one(): ...

    @job
    def ones():
        one()

    def config(_context):
        return {"execution": {"config": {"retries": {"disabled": {}}}}}

    made = ScheduleDefinition(job=ones, cron_schedule="@daily", run_config={}, run_config_fn=config)
    (request,) = made.evaluate_tick(build_schedule_context()).run_requests
    assert request.run_config == config(None)
    with pytest.raises(InvalidDefinitionError, match="run_config and run_config_fn"):
        ScheduleDefinition(
            job=ones, cron_schedule="@daily", run_config={"ops": {}}, run_config_fn=config
        )


def test_the_ops_that_a_subset_names_are_a_set():
    @op
    def one(): ...

    @job
    def ones():
        one()

    part = ones.get_subset(op_selection=["*one"])
    assert (part.op_selection, ones.op_selection) == ({"*one"}, None)
    with Instance.ephemeral() as instance:
        assert part.execute_in_process(instance=instance).dagster_run.op_selection == ["*one"]
