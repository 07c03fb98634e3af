"""Small programs as users of Dagster write them, with the outcome that Dagster 1.4.7 has."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

import jobnb
from jobnb import (
    AllPartitionMapping,
    AssetIn,
    AssetMaterialization,
    DailyPartitionsDefinition,
    Definitions,
    DimensionPartitionMapping,
    Enum,
    EnumValue,
    Failure,
    FreshnessPolicy,
    IdentityPartitionMapping,
    In,
    Instance,
    InvalidConfigError,
    InvalidDefinitionError,
    InvalidInvocationError,
    MultiPartitionMapping,
    MultiPartitionsDefinition,
    Nothing,
    RunRequest,
    ScheduleDefinition,
    SkipReason,
    SourceAsset,
    StaticPartitionsDefinition,
    StringSource,
    TimeWindowPartitionMapping,
    asset,
    build_op_context,
    dagster_compat,
    dagster_names,
    graph,
    job,
    logger,
    materialize,
    op,
    resource,
    sensor,
)


@op
def one():
    return 1


@op(config_schema={"a": int})
def configured(context):
    return context.op_config["a"]


# --- names of inner modules ----------------------------------------------------------


@pytest.mark.parametrize("name", sorted(dagster_names.ERRORS))
def test_each_error_of_dagster_is_one_that_is_raised_here(dagster, name):
    from dagster._core import errors

    assert issubclass(getattr(errors, name), jobnb.JobnbError)


def test_all_errors_come_with_a_star(dagster):
    names: dict[str, type] = {}
    exec("from dagster._core.errors import *", names)
    assert names["ScheduleExecutionError"] is jobnb.UserCodeExecutionError


def test_the_errors_of_arguments_are_caught_as_dagsters_checks(dagster):
    from dagster import check
    from dagster._check import CheckError, ParameterCheckError

    with pytest.raises(CheckError):
        check.failed("no")
    with pytest.raises(ParameterCheckError):
        check.inst_param(5, "name", str)
    with pytest.raises(ParameterCheckError):
        jobnb.AssetKey(5)
    with pytest.raises(CheckError):
        Definitions(assets=[5])


def test_what_raises_in_a_tick_has_dagsters_class(dagster):
    from dagster._core.errors import ScheduleExecutionError

    @job
    def daily():
        one()

    @sensor(job=daily)
    def watch(context):
        raise ValueError("no")

    each_day = ScheduleDefinition(
        job=daily, cron_schedule="@daily", should_execute=lambda _: 1 / 0, name="each_day"
    )
    with pytest.raises(ValueError, match="no"):
        watch.evaluate_tick(jobnb.build_sensor_context())
    with pytest.raises(ScheduleExecutionError):
        each_day.evaluate_tick(jobnb.build_schedule_context())


def test_an_op_is_wrapped_in_a_graph_and_executed(dagster):
    from dagster._utils.test import wrap_op_in_graph_and_execute

    @op(required_resource_keys={"by"}, config_schema={"plus": int})
    def scaled(context, number):
        return number * context.resources.by + context.op_config["plus"]

    result = wrap_op_in_graph_and_execute(
        scaled,
        resources={"by": 10},
        input_values={"number": 2},
        run_config={"ops": {"scaled": {"config": {"plus": 1}}}},
    )
    assert result.output_for_node("scaled") == 21


def test_tests_find_the_helpers_that_they_import(dagster, tmp_path, monkeypatch):
    from dagster._core.storage.tags import PARTITION_NAME_TAG
    from dagster._core.test_utils import create_run_for_test, environ, step_succeeded
    from dagster._core.utils import make_new_run_id
    from dagster._utils import safe_tempfile_path, touch_file
    from dagster._utils.backoff import backoff
    from dagster._utils.merger import deep_merge_dicts
    from dagster._utils.yaml_utils import load_yaml_from_globs, merge_yamls

    monkeypatch.delenv("JOBNB_TOLD", raising=False)
    with environ({"JOBNB_TOLD": "yes"}):
        assert jobnb.EnvVar("JOBNB_TOLD").get_value() == "yes"
    assert jobnb.EnvVar("JOBNB_TOLD").get_value() is None
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("ops: {a: {config: 1}}")
    second.write_text("ops: {b: {config: 2}}")
    both = {"ops": {"a": {"config": 1}, "b": {"config": 2}}}
    assert merge_yamls([str(first), str(second)]) == both
    assert load_yaml_from_globs(str(tmp_path / "*.yaml")) == both
    assert deep_merge_dicts({"x": {"y": 1}}, {"x": 2}) == {"x": 2}
    turns = iter([OSError(), OSError(), None])

    def unsure():
        if (error := next(turns)) is not None:
            raise error
        return "done"

    assert backoff(unsure, retry_on=(OSError,), delay_generator=iter([0, 0])) == "done"
    with safe_tempfile_path() as path:
        touch_file(path)
    with Instance.ephemeral() as instance:
        run_id = make_new_run_id()
        made = create_run_for_test(
            instance, job_name="daily", run_id=run_id, tags={PARTITION_NAME_TAG: "a"}
        )
        assert instance.get_run_by_id(run_id).tags == {"dagster/partition": "a"}
        assert not step_succeeded(instance, made, "one")

        @job
        def single():
            one()

        ran = single.execute_in_process(instance=instance)
        assert step_succeeded(instance, ran.dagster_run, "one")


# --- definitions ---------------------------------------------------------------------


def test_an_asset_is_given_to_definitions_once():
    @asset
    def orders(): ...

    with pytest.raises(InvalidDefinitionError, match="Two assets have the key 'orders'"):
        Definitions(assets=[orders, orders])
    assert len(Definitions.merge(Definitions([orders]), Definitions([orders])).assets) == 1


@pytest.mark.parametrize("partitions", [None, StaticPartitionsDefinition(["a"])])
def test_only_an_asset_with_partitions_of_time_depends_on_itself(partitions):
    def total(total):
        return total

    with pytest.raises(InvalidDefinitionError, match="depends on itself"):
        asset(partitions_def=partitions)(total)


def test_an_asset_that_depends_on_itself_reads_earlier_partitions_only():
    def total(total):
        return total

    days = DailyPartitionsDefinition("2023-01-01")
    both = MultiPartitionsDefinition({"day": days, "at": StaticPartitionsDefinition(["a"])})
    earlier = TimeWindowPartitionMapping(start_offset=-2, end_offset=-1)
    by_day = MultiPartitionMapping({"day": DimensionPartitionMapping("day", earlier)})
    for partitions, mapping in ((days, earlier), (both, by_day)):
        ins = {"total": AssetIn(partition_mapping=mapping)}
        assert asset(partitions_def=partitions, ins=ins)(total).key.path == ["total"]
    upto = TimeWindowPartitionMapping(start_offset=-1)
    later = TimeWindowPartitionMapping(start_offset=1, end_offset=1)
    for mapping in (None, upto, later, AllPartitionMapping(), IdentityPartitionMapping()):
        ins = {"total": AssetIn(partition_mapping=mapping)}
        with pytest.raises(InvalidDefinitionError, match="depends on itself"):
            asset(partitions_def=days, ins=ins)(total)
    with pytest.raises(InvalidDefinitionError, match="depends on itself"):
        asset(partitions_def=days)(total)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"ops": {"configured": {"config": {"a": "x"}}}}, "ops > configured > config > a"),
        ({"ops": {"configured": {"config": {}}}}, "is required"),
        ({"ops": {"unknown": {"config": {}}}}, "unknown"),
    ],
)
def test_a_jobs_own_config_is_checked_where_it_is_written(config, told):
    def made():
        configured()

    with pytest.raises(InvalidConfigError, match=told):
        job(config=config)(made)
    with pytest.raises(InvalidConfigError, match=told):
        graph(made).to_job(config=config)


def test_a_jobs_own_config_may_name_what_comes_later(monkeypatch):
    @op(config_schema={"user": StringSource}, required_resource_keys={"db"})
    def login(context):
        return context.op_config["user"], context.resources.db

    @resource(config_schema={"host": str})
    def db(context):
        return context.resource_config["host"]

    monkeypatch.delenv("JOBNB_USER", raising=False)

    @job(
        config={
            "ops": {"login": {"config": {"user": {"env": "JOBNB_USER"}}}},
            "resources": {"db": {"config": {"host": "here"}}},
        }
    )
    def logged_in():
        login()

    monkeypatch.setenv("JOBNB_USER", "ada")
    whole = Definitions(jobs=[logged_in], resources={"db": db}).get_job_def("logged_in")
    assert whole.execute_in_process().output_for_node("login") == ("ada", "here")


def test_a_resource_is_called_without_a_context_if_its_defaults_suffice():
    @resource(config_schema={"host": str})
    def db(context):
        return context.resource_config["host"]

    with pytest.raises(InvalidInvocationError, match="build_init_resource_context"):
        db()
    with pytest.raises(InvalidInvocationError, match="build_init_resource_context"):
        db(None)
    assert db(jobnb.build_init_resource_context(config={"host": "here"})) == "here"

    @resource(config_schema={"host": jobnb.Field(str, default_value="there")})
    def other(context):
        return context.resource_config["host"]

    assert other() == "there"


def test_arguments_of_another_type_are_refused():
    with pytest.raises(InvalidDefinitionError, match="run_key"):
        RunRequest(run_key=5)
    with pytest.raises(InvalidDefinitionError, match="skip_message"):
        SkipReason(5)
    with pytest.raises(InvalidDefinitionError, match="maximum_lag_minutes"):
        FreshnessPolicy(maximum_lag_minutes="soon")
    with pytest.raises(InvalidDefinitionError, match="twice"):
        Enum("Level", [EnumValue("low"), EnumValue("low")])


def test_tags_of_a_request_are_texts():
    assert RunRequest(tags={"a": 1, "b": "x", "c": {"d": 2}}).tags == {
        "a": "1",
        "b": "x",
        "c": '{"d": 2}',
    }


def test_metadata_of_jobs_and_sources_are_metadata_values():
    @job(metadata={"rows": 1})
    def counted():
        one()

    assert counted.metadata["rows"].value == 1
    assert SourceAsset("raw", metadata={"rows": 2}).metadata["rows"].value == 2


def test_definitions_tell_of_the_job_of_all_assets():
    @asset
    def orders(): ...

    none, some = Definitions(), Definitions(assets=[orders])
    assert not none.has_implicit_global_asset_job_def()
    assert some.has_implicit_global_asset_job_def()
    found = some.get_implicit_job_def_for_assets([orders.key])
    assert found is not None
    assert found.name == "__ASSET_JOB"
    assert some.get_implicit_job_def_for_assets([jobnb.AssetKey("other")]) is None


# --- runs ----------------------------------------------------------------------------


def test_the_steps_are_announced_before_the_resources_are_set_up():
    @op(required_resource_keys={"db"})
    def ask(context):
        return context.resources.db

    @job(resource_defs={"db": jobnb.ResourceDefinition(lambda _: 5)})
    def asked():
        ask()

    kinds = [each.event_type_value for each in asked.execute_in_process().all_events]
    assert kinds[:5] == [
        "PIPELINE_START",
        "ENGINE_EVENT",
        "RESOURCE_INIT_STARTED",
        "RESOURCE_INIT_SUCCESS",
        "STEP_START",
    ]


def test_a_value_that_is_not_stored_is_a_missing_file():
    @asset
    def orders():
        return 1

    @asset
    def revenue(orders):
        return orders

    with pytest.raises(FileNotFoundError, match="orders"):
        materialize([orders, revenue], selection=["revenue"])
    with pytest.raises(jobnb.StepOutputNotFoundError, match="orders"):
        jobnb.materialize_to_memory([orders, revenue], selection=["revenue"])


def test_a_described_materialization_tells_its_description():
    @op
    def load():
        yield AssetMaterialization("orders", description="3 new ones")
        yield AssetMaterialization("prices")
        yield jobnb.Output(None)

    @job
    def loaded():
        load()

    events = loaded.execute_in_process().all_events
    told = [each.message for each in events if each.is_step_materialization]
    assert told == ["3 new ones", "Materialized value prices."]


def test_a_logger_reads_what_a_line_belongs_to():
    found = []

    @logger
    def listening(context):
        class Keep(logging.Handler):
            def emit(self, record):
                found.append(record.dagster_meta)

        made = logging.getLogger("jobnb-test-meta")
        made.setLevel(logging.INFO)
        made.addHandler(Keep())
        return made

    @op
    def told(context):
        context.log.info("so %s", "far")

    @job(logger_defs={"own": listening}, tags={"team": "shop"})
    def telling():
        told.alias("renamed")()

    run = telling.execute_in_process(run_config={"loggers": {"own": {}}})
    (line,) = [each for each in found if each["orig_message"] == "so far"]
    assert (line["job_name"], line["run_id"]) == ("telling", run.run_id)
    assert (line["step_key"], line["op_name"]) == ("renamed", "renamed")
    assert line["job_tags"]["team"] == "shop"


def test_the_events_of_a_direct_call_are_kept_with_its_context():
    @op
    def load(context):
        context.log_event(AssetMaterialization("orders"))
        context.add_output_metadata({"rows": 3})
        return 1

    context = build_op_context()
    assert load(context) == 1
    assert [each.asset_key.path for each in context.get_events()] == [["orders"]]
    assert context.get_output_metadata("result") == {"rows": 3}


def test_the_instance_lists_assets_and_takes_runs():
    @asset
    def orders():
        return 1

    @op(ins={"after": In(Nothing)})
    def fail():
        raise Failure("no")

    with Instance.ephemeral() as instance:
        ran = materialize([orders], instance=instance).dagster_run
        assert instance.all_asset_keys() == [orders.key]
        with pytest.raises(jobnb.InvariantViolationError):
            instance.add_run(ran)


# --- automation ----------------------------------------------------------------------


def test_a_function_that_yields_requests_can_return_why_there_are_none():
    @job
    def daily():
        one()

    @sensor(job=daily)
    def watch(context):
        if context.cursor == "3":
            return SkipReason("no new files")
        yield RunRequest(run_key="3")
        context.update_cursor("3")

    @jobnb.schedule(job=daily, cron_schedule="@daily")
    def unless_holiday(context):
        if context.scheduled_execution_time.month == 12:
            return SkipReason("holidays")
        yield RunRequest()

    first = watch.evaluate_tick(jobnb.build_sensor_context())
    assert ([each.run_key for each in first.run_requests], first.cursor) == (["3"], "3")
    then = watch.evaluate_tick(jobnb.build_sensor_context(cursor="3"))
    assert (list(then.run_requests), then.skip_message) == ([], "no new files")
    december = jobnb.build_schedule_context(
        scheduled_execution_time=datetime(2023, 12, 1, tzinfo=UTC)
    )
    assert unless_holiday.evaluate_tick(december).skip_message == "holidays"
    june = jobnb.build_schedule_context(scheduled_execution_time=datetime(2023, 6, 1, tzinfo=UTC))
    assert len(unless_holiday.evaluate_tick(june).run_requests) == 1


def test_a_policy_says_its_type():
    policy = jobnb.AutoMaterializePolicy
    dagster_compat.install()
    try:
        from dagster._core.definitions.auto_materialize_policy import AutoMaterializePolicyType
    finally:
        dagster_compat.uninstall()
    assert policy.eager().policy_type is AutoMaterializePolicyType.EAGER
    assert policy.lazy().policy_type is AutoMaterializePolicyType.LAZY


def test_a_jobs_config_is_what_the_mapping_of_a_nested_graph_takes():
    @jobnb.config_mapping(config_schema={"start": int})
    def started(value):
        return {"configured": {"config": {"a": value["start"]}}}

    @graph(config=started)
    def inner():
        return configured()

    @graph
    def outer():
        return inner.alias("first")()

    def launched(start):
        config = {"ops": {"first": {"config": {"start": start}}}}
        return outer.to_job(config=config).execute_in_process().output_value()

    assert launched(3) == 3
    with pytest.raises(InvalidConfigError, match="ops > first > config > start"):
        launched("soon")


def test_the_job_of_all_assets_is_checked_when_it_is_asked_for():
    @asset(required_resource_keys={"warehouse"})
    def stored(): ...

    @asset
    def reads(nobody): ...

    @asset(deps=["back"])
    def forth(): ...

    @asset(deps=["forth"])
    def back(): ...

    for assets, told in (([stored], "warehouse"), ([reads], "nobody"), ([forth, back], "circle")):
        with pytest.raises(InvalidDefinitionError, match=told):
            Definitions(assets=assets).get_job_def("__ASSET_JOB")
    given = Definitions(assets=[stored], resources={"warehouse": 1})
    assert given.get_job_def("__ASSET_JOB").execute_in_process().success


def test_a_field_that_says_it_is_not_required_has_no_default_of_its_fields():
    part = {"rows": jobnb.Field(int, default_value=2)}

    @op(config_schema={"left": jobnb.Field(part, is_required=False), "told": part})
    def reads(context):
        return context.op_config

    @job
    def reading():
        reads()

    assert reading.execute_in_process().output_for_node("reads") == {"told": {"rows": 2}}


def test_an_input_that_is_loaded_tells_the_metadata_it_was_defined_with():
    class Keeping(jobnb.IOManager):
        def handle_output(self, context, obj): ...

        def load_input(self, context):
            context.add_input_metadata({"rows": 3})
            return 3

    @op(ins={"n": In(int, metadata={"unit": "rows", "rows": 0})})
    def reads(n): ...

    @job
    def reading():
        reads(one())

    def told(**parameters):
        events = reading.execute_in_process(**parameters).all_events
        (loaded,) = [each for each in events if each.event_type_value == "LOADED_INPUT"]
        return {k: v.value for k, v in loaded.event_specific_data.metadata.items()}

    assert told() == {"unit": "rows", "rows": 0}
    assert told(resources={"io_manager": Keeping()}) == {"unit": "rows", "rows": 3}


def test_a_config_that_names_loggers_names_all_that_hear_the_run():
    heard = []

    def keeping(name):
        class Keep(logging.Handler):
            def emit(self, record):
                heard.append(name)

        def made(context):
            found = logging.Logger(name)  # noqa: LOG001
            found.addHandler(Keep(logging.WARNING))
            return found

        return jobnb.LoggerDefinition(made)

    @op
    def warns(context):
        context.log.warning("low")

    @job(logger_defs={"mail": keeping("mail"), "file": keeping("file")})
    def warning():
        warns()

    for loggers, expected in (({"file": {}}, ["file"]), ({}, ["mail", "file"])):
        heard.clear()
        warning.execute_in_process(run_config={"loggers": loggers})
        assert heard == expected
