"""What is given in the wrong type is refused where it is written: one line, with the next step."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobnb import (
    AssetIn,
    AssetOut,
    AssetSpec,
    AutoMaterializePolicy,
    AutomationCondition,
    AutomationConditionSensorDefinition,
    BackfillPolicy,
    DailyPartitionsDefinition,
    Definitions,
    FilesystemIOManager,
    FreshnessPolicy,
    In,
    Out,
    RunRequest,
    RunStatus,
    ScheduleDefinition,
    SensorDefinition,
    SensorResult,
    Session,
    SkipReason,
    SourceAsset,
    asset,
    asset_check,
    asset_sensor,
    build_schedule_from_partitioned_job,
    define_asset_job,
    freshness_policy_sensor,
    graph,
    graph_asset,
    job,
    multi_asset,
    multi_asset_sensor,
    op,
    run_failure_sensor,
    run_status_sensor,
    schedule,
    sensor,
)
from jobnb.errors import JobnbError


@op
def hello(): ...


@job
def greet():
    hello()


def look(context): ...


def look_at(context, event): ...


def orders():
    return hello()


daily = define_asset_job("daily", partitions_def=DailyPartitionsDefinition("2024-01-01"))
eager, missing = AutomationCondition.eager(), AutomationCondition.missing()
NAN, INF = float("nan"), float("inf")

TEXT = [3, ["x"]]
FUNCTION = [3, "x"]
NAMES = [3, "database", [3]]
NO_DICT = [3, "x", ["x"], {3: "x"}]
SHAPES = {"metadata": NO_DICT, "io_manager_key": TEXT, "description": TEXT, "group_name": [3]}
JOBS = [3, "greet", greet, [3]]
FLAG = ["x", 1, None]
STATUS = ["RUNNING", True, None]
INTERVAL = ["x", -1, True, timedelta(1), NAN, INF]
ALWAYS = {"name": [3, "a b", ["x"]], "description": TEXT, "default_status": STATUS}
RESOURCES = {"required_resource_keys": NAMES}
TARGETS = {"job_name": [3, ["x"], ""], "job": [3, "greet", [greet]]}
OF_SCHEDULE = {
    **ALWAYS, **RESOURCES, **TARGETS, "target": [3, object()],
    "cron_schedule": [3, "soon", [], [3], "* * * *", "61 * * * *", None],
    "tags": [3, "x", ["x"], {"a": object()}], "tags_fn": [3, {"a": "b"}],
    "should_execute": [True, "x"], "environment_vars": [3, "x"],
    "execution_timezone": [3, "Nowhere/City", ["UTC"]],
}  # fmt: skip
OF_SENSOR = {
    **ALWAYS, **RESOURCES, **TARGETS, "minimum_interval_seconds": INTERVAL,
    "jobs": [3, "greet", greet, [3]],
}  # fmt: skip
OF_STATUS = {
    **ALWAYS, "minimum_interval_seconds": INTERVAL, "monitored_jobs": JOBS, "job_selection": JOBS,
    "monitor_all_repositories": FLAG, "request_job": [3, "x"], "request_jobs": JOBS,
}  # fmt: skip
CONDITION = [3, "x", None, AutomationCondition.missing, AutomationCondition]
POLICIES = {
    "automation_condition": [3, "x", AutomationCondition.eager, AutomationCondition],
    "auto_materialize_policy": [
        3, "eager", AutoMaterializePolicy.eager, AutoMaterializePolicy, eager,
    ],
    "freshness_policy": [3, "x", FreshnessPolicy, timedelta(1)],
}  # fmt: skip
OF_ASSET = {**POLICIES, "backfill_policy": [3, "x", BackfillPolicy.single_run],
            "partitions_def": [3, "daily", DailyPartitionsDefinition]}  # fmt: skip


def decorated(decorator, function=look):
    return lambda **given: decorator(**given)(function)


def of_outs(**given):
    return multi_asset(outs={"a": AssetOut(**given)})(orders)


WHERE = {
    "ScheduleDefinition": (
        ScheduleDefinition, {"job": greet, "cron_schedule": "@daily"},
        {**OF_SCHEDULE, "run_config": [3, "x", ["x"]], "run_config_fn": FUNCTION,
         "execution_fn": FUNCTION},
    ),
    "@schedule": (decorated(schedule), {"job": greet, "cron_schedule": "@daily"}, OF_SCHEDULE),
    "build_schedule_from_partitioned_job": (
        build_schedule_from_partitioned_job, {"job": daily},
        {**ALWAYS, "job": [3, "daily"], "tags": [3, "x"], "minute_of_hour": ["x", 61, 1.5],
         "hour_of_day": ["x", 24, 1.5], "day_of_week": ["x", 1], "day_of_month": ["x", 1]},
    ),
    "SensorDefinition": (
        SensorDefinition, {"job": greet, "evaluation_fn": look},
        {**OF_SENSOR, "evaluation_fn": [*FUNCTION, None], "target": [3, object()],
         "asset_selection": [3, object(), "++", [3]]},
    ),
    "@sensor": (
        decorated(sensor), {"job": greet},
        {**OF_SENSOR, "target": [3, object()], "asset_selection": [3, object(), "++", [3]]},
    ),
    "@asset_sensor": (
        decorated(asset_sensor, look_at), {"asset_key": "orders", "job": greet},
        {**OF_SENSOR, "asset_key": [3, None, "", []]},
    ),
    "@multi_asset_sensor": (
        decorated(multi_asset_sensor), {"monitored_assets": "*", "job": greet},
        {**OF_SENSOR, "monitored_assets": [3, [], [3], None], "request_assets": [3, object()]},
    ),
    "@run_status_sensor": (
        decorated(run_status_sensor), {"run_status": RunStatus.SUCCESS},
        {**OF_STATUS, "run_status": ["DONE", 3, None, "success"]},
    ),
    "@run_failure_sensor": (decorated(run_failure_sensor), {}, OF_STATUS),
    "@freshness_policy_sensor": (
        decorated(freshness_policy_sensor), {"asset_selection": "*"},
        {**ALWAYS, "minimum_interval_seconds": INTERVAL, "asset_selection": [3, "++", None]},
    ),
    "AutomationConditionSensorDefinition": (
        AutomationConditionSensorDefinition, {"name": "x", "target": "*"},
        {**ALWAYS, "minimum_interval_seconds": INTERVAL, "target": [3, "++", None]},
    ),
    "RunRequest": (
        RunRequest, {},
        {"run_key": TEXT, "run_config": TEXT, "tags": TEXT, "job_name": TEXT,
         "asset_selection": [3, "orders", [3]], "stale_assets_only": FLAG, "partition_key": TEXT,
         "asset_check_keys": [3, "x"]},
    ),
    "SkipReason": (SkipReason, {}, {"skip_message": TEXT}),
    "SensorResult": (
        SensorResult, {},
        {"run_requests": [3, "x", [3], RunRequest()], "skip_reason": [3, ["x"]],
         "cursor": [3, {}], "dynamic_partitions_requests": [3, "x", [3]]},
    ),
    "FreshnessPolicy": (
        FreshnessPolicy, {"maximum_lag_minutes": 3, "cron_schedule": "@daily"},
        {"maximum_lag_minutes": ["x", 0, True, NAN], "cron_schedule": [3, "soon"],
         "cron_schedule_timezone": [3, "Nowhere"]},
    ),
    "AutoMaterializePolicy": (
        AutoMaterializePolicy,
        {"on_missing": True, "on_new_parent_data": True, "for_freshness": True},
        {"on_missing": FLAG, "on_new_parent_data": FLAG, "for_freshness": FLAG,
         "max_materializations_per_minute": ["x", 0, True, 1.5]},
    ),
    "AutoMaterializePolicy.eager": (
        AutoMaterializePolicy.eager, {}, {"max_materializations_per_minute": ["x", 0, True]},
    ),
    "in_latest_time_window": (
        AutomationCondition.in_latest_time_window, {},
        {"lookback_delta": [3, "x", timedelta(-1)]},
    ),
    "on_cron": (
        AutomationCondition.on_cron, {"cron_schedule": "@daily"},
        {"cron_schedule": [3, "soon"], "cron_timezone": [3, "Nowhere"]},
    ),
    "any_checks_match": (
        AutomationCondition.any_checks_match, {"condition": missing},
        {"condition": CONDITION, "blocking_only": FLAG},
    ),
    "any_deps_match": (AutomationCondition.any_deps_match, {}, {"condition": CONDITION}),
    "all_deps_match": (AutomationCondition.all_deps_match, {}, {"condition": CONDITION}),
    "asset_matches": (
        AutomationCondition.asset_matches, {"key": "x", "condition": missing},
        {"condition": CONDITION, "key": [3, None]},
    ),
    "since": (missing.since, {}, {"reset_condition": CONDITION}),
    "&": (lambda other: missing & other, {}, {"other": CONDITION}),
    "|": (lambda other: missing | other, {}, {"other": CONDITION}),
    "with_label": (missing.with_label, {}, {"label": TEXT}),
    "replace": (eager.replace, {"old": missing, "new": missing}, {"new": CONDITION}),
    "without": (eager.without, {}, {"part": [3, "x"]}),
    "allow": (missing.allow, {}, {"selection": [3, "++"]}),
    "@asset": (
        decorated(asset, lambda numbers: numbers), {},
        {**OF_ASSET, **SHAPES, "ins": [*NO_DICT, {"numbers": 3}], "deps": [3, "numbers", {"a": 1}],
         "io_manager_def": [3, "x", FilesystemIOManager], "output_required": FLAG[:2],
         "compute_kind": TEXT, "code_version": TEXT, "key_prefix": [3], "owners": [3, "x"],
         "kinds": [3, "x"], "hooks": [3, "x"], "check_specs": [3, "x"]},
    ),
    "@graph_asset": (decorated(graph_asset, orders), {}, OF_ASSET),
    "AssetOut": (of_outs, {}, {**POLICIES, **SHAPES, "is_required": FLAG[:2]}),
    "AssetIn": (AssetIn, {}, {"metadata": NO_DICT, "input_manager_key": TEXT, "key_prefix": [3]}),
    "In": (In, {}, {"metadata": NO_DICT, "input_manager_key": TEXT, "description": TEXT}),
    "Out": (Out, {}, {"metadata": NO_DICT, "io_manager_key": TEXT, "description": TEXT}),
    "@asset_check": (
        decorated(asset_check, look), {"asset": "orders"},
        {"description": TEXT, "metadata": NO_DICT, "blocking": FLAG[:2], "additional_ins": [3]},
    ),
    "@multi_asset": (
        decorated(multi_asset, orders), {"outs": {"a": AssetOut()}},
        {"outs": NO_DICT[:3], "deps": [3, "numbers"], "internal_asset_deps": NO_DICT[:3]},
    ),
    "define_asset_job": (
        define_asset_job, {"name": "j"},
        {"tags": NO_DICT[:3], "metadata": NO_DICT, "config": [3, "x", ["x"]], "description": TEXT,
         "partitions_def": [3, "daily"], "executor_def": [3, "x"], "hooks": [3, "x", [3]]},
    ),
    "AssetSpec": (
        lambda **given: AssetSpec("orders", **given), {},
        {**POLICIES, "metadata": NO_DICT, "deps": [3, "x"], "tags": NO_DICT, "description": TEXT},
    ),
    "SourceAsset": (
        lambda **given: SourceAsset("orders", **given), {},
        {**SHAPES, "io_manager_def": [3, "x", FilesystemIOManager], "partitions_def": [3, "daily"],
         "automation_condition": POLICIES["automation_condition"],
         "legacy_freshness_policy": POLICIES["freshness_policy"]},
    ),
    "@op": (
        decorated(op, lambda numbers: numbers), {},
        {**RESOURCES, "tags": [*TEXT, {3: "x"}], "retry_policy": TEXT, "description": TEXT,
         "ins": NO_DICT},
    ),
    "@graph": (decorated(graph, orders), {}, {"description": TEXT, "ins": [3, "x"], "out": [3, "x"],
                                                    "tags": NO_DICT}),
    "@job": (
        decorated(job, orders), {},
        {"tags": [*TEXT, {3: "x"}], "op_retry_policy": TEXT, "partitions_def": ["daily", 3],
         "description": TEXT, "executor_def": [3, "x", ["x"]], "resource_defs": NO_DICT,
         "logger_defs": NO_DICT, "metadata": NO_DICT, "hooks": [3, "x"], "input_values": [3]},
    ),
}  # fmt: skip
CASES = [
    pytest.param(make, given, name, wrong, id=f"{where} {name} {number}")
    for where, (make, given, parameters) in WHERE.items()
    for name, values in parameters.items()
    for number, wrong in enumerate(values)
]


@pytest.mark.parametrize(("make", "given", "name", "wrong"), CASES)
def test_a_wrong_value_is_refused_in_words(make, given, name, wrong):
    if given:
        make(**given)  # what is right is taken
    if name in ("job_name", "jobs", "target", "asset_selection", "request_assets"):
        given = {key: value for key, value in given.items() if key != "job"}
    with pytest.raises(JobnbError) as told:
        make(**{**given, name: wrong})
    words = str(told.value)
    assert words.rstrip()[-1] in ".)]^", words
    assert len(words) > 20


def test_the_words_name_the_asset_the_value_and_what_to_give():
    with pytest.raises(JobnbError) as told:
        asset(name="orders", auto_materialize_policy="eager")(orders)
    assert str(told.value) == (
        "The auto_materialize_policy of the asset 'orders' is 'eager', which is no "
        "AutoMaterializePolicy. Give AutoMaterializePolicy.eager() or "
        "AutoMaterializePolicy.lazy(), say."
    )
    with pytest.raises(JobnbError, match=r"Call it: AutoMaterializePolicy\.eager\(\)\.$"):
        asset(auto_materialize_policy=AutoMaterializePolicy.eager)(orders)
    with pytest.raises(JobnbError, match=r"'orders' is 60, which is no FreshnessPolicy\. Give Fr"):
        AssetSpec("orders", freshness_policy=60)


def test_the_field_is_named_with_what_to_give():
    for field in ("ins", "deps", "metadata", "io_manager_key", "io_manager_def", "description"):
        with pytest.raises(JobnbError, match=rf"The {field} of the asset 'orders' is 3\b.*Give "):
            asset(name="orders", **{field: 3})(orders)
    with pytest.raises(JobnbError, match=r"The executor_def of the job 'orders' is 3\. Give one"):
        job(executor_def=3)(orders)
    assert job(executor_def="threads")(orders).executor_def.name == "threads"


def test_a_misspelled_argument_or_method_gets_the_nearest_name(tmp_path):
    def of_nothing(): ...

    for decorator, wrong, right in (
        (asset, "partition_def", "partitions_def"), (op, "in", "ins"), (job, "tag", "tags"),
        (sensor, "minimum_intervall_seconds", "minimum_interval_seconds"),
        (schedule, "cron_schedul", "cron_schedule"), (define_asset_job, "selections", "selection"),
    ):  # fmt: skip
        said = rf"{decorator.__name__}\(\) takes no '{wrong}'. Did you mean '{right}'\?"
        with pytest.raises(JobnbError, match=said):
            decorator(**{wrong: 3})
    for decorator in (sensor, schedule, asset_sensor, run_status_sensor, asset_check):
        with pytest.raises(JobnbError, match=rf"Write @{decorator.__name__}\(\.\.\.\)\."):
            decorator(of_nothing)
    session = Session(str(tmp_path / "home"))
    with pytest.raises(AttributeError, match=r"^Session has no 'materialise'. Did you mean 'mat"):
        session.materialise("*")
    with pytest.raises(AttributeError, match=r"^Instance has no 'get_run'\. Did you mean 'get_"):
        session.instance.get_run("x")
    assert not hasattr(session, "_repr_nothing_")
    assert asset(of_nothing).op.name == "of_nothing"


def test_types_that_only_the_callers_function_knows_are_found_through_the_decorators():
    class Row: ...

    @op
    def row() -> Row:
        return Row()

    @asset
    def rows() -> Row:
        return Row()

    assert row.outs["result"].dagster_type.display_name == "Row"
    assert rows.op.outs["result"].dagster_type.display_name == "Row"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"detach": "x"}, "detach is 'x'. Give True or False."),
        ({"detach": 1}, "detach is 1. Give True or False."),
        ({"stale_only": "x"}, "stale_only is 'x'. Give True or False."),
        ({"tags": "x"}, "The tags of a run are 'x'. Give a dict of names and values."),
        ({"resources": 3}, "The resources of a run are 3. Give a dict of names and values."),
    ],
)
def test_a_launch_with_a_wrong_option_is_refused(given, words, tmp_path):
    session = Session(str(tmp_path / "home"))
    session.add(greet)
    with pytest.raises(JobnbError) as told:
        session.launch("greet", **given)
    assert str(told.value) == words
    assert session.instance.get_runs() == []


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("jobs", 3, "The jobs of the Definitions is 3. Give a list of jobs"),
        ("jobs", "daily", "Give a list of jobs"),
        ("schedules", 3, "Give a list of schedules"),
        ("sensors", "watch", "Give a list of sensors"),
        ("asset_checks", 3, "Give a list of asset checks"),
        ("resources", 3, "Give a dict of resources by name"),
        ("resources", {1: 2}, "The resource 1 has no text as its name"),
        ("loggers", 3, "Give a dict of loggers by name"),
    ],
)
def test_parts_of_definitions_are_lists_and_dicts(name, given, told):
    with pytest.raises(JobnbError, match=told):
        Definitions(**{name: given})
