"""Sensors, as Dagster's users write, call and evaluate them."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetKey,
    AssetSelection,
    ConfigurableResource,
    DefaultSensorStatus,
    Definitions,
    DynamicPartitionsDefinition,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    RunRequest,
    SensorDefinition,
    SensorResult,
    SensorType,
    SkipReason,
    UnknownPartitionError,
    asset,
    asset_sensor,
    build_sensor_context,
    job,
    materialize,
    op,
    sensor,
)


@op
def hello(): ...


@job
def one():
    hello()


@job
def other():
    hello()


@asset
def orders(): ...


@asset
def prices(): ...


def look(fn, **given):
    return sensor(**({"job": one, "name": "look"} | given))(fn)


def test_a_cursor_goes_from_one_evaluation_to_the_next():
    @sensor(job=one)
    def count(context):
        seen = int(context.cursor or 0)
        context.update_cursor(str(seen + 1))
        return RunRequest(run_key=str(seen))

    context = build_sensor_context(cursor="4")
    found = count.evaluate_tick(context)
    assert (found.run_requests[0].run_key, found.cursor) == ("4", "5")
    assert (context.cursor, context.cursor_updated) == ("5", True)
    assert count(build_sensor_context()).run_key == "0"
    assert (count.name, count.job, count.job_name, count.jobs) == ("count", one, "one", [one])
    assert (count.minimum_interval_seconds, count.sensor_type) == (30, SensorType.STANDARD)
    assert count.default_status is DefaultSensorStatus.STOPPED


def several(context):
    yield RunRequest("a", job_name="one")
    yield RunRequest("b", job_name="other")


@pytest.mark.parametrize(
    ("fn", "keys", "skip", "cursor"),
    [
        (lambda: RunRequest("a"), ["a"], None, "7"),
        (lambda: [RunRequest(), RunRequest()], [None, None], None, "7"),
        (lambda: SkipReason("no"), [], "no", "7"),
        (lambda: [SkipReason("no")], [], "no", "7"),
        (lambda: None, [], "Its function returned nothing.", "7"),
        (lambda: SensorResult(), [], "Its function returned nothing.", "7"),
        (lambda: SensorResult([RunRequest("a")], cursor="9"), ["a"], None, "9"),
        (lambda: SensorResult(skip_reason="no", cursor="9"), [], "no", "9"),
        (lambda: [SensorResult([RunRequest("a")])], ["a"], None, "7"),
    ],
)
def test_what_a_function_may_return(fn, keys, skip, cursor):
    found = look(fn).evaluate_tick(build_sensor_context(cursor="7"))
    assert [each.run_key for each in found.run_requests] == keys
    assert (found.skip_message, found.cursor) == (skip, cursor)


@pytest.mark.parametrize(
    ("fn", "said"),
    [
        (lambda: 5, "returned 5"),
        (lambda: {"a": 1}, "returned {'a': 1}"),
        (lambda: [SkipReason("a"), RunRequest("b")], "1 skip reasons"),
        (lambda: [SensorResult(), RunRequest("b")], "SensorResult and 1 more"),
        (lambda: RunRequest(job_name="on"), "'on'.*'one'"),
        (lambda: SensorResult([RunRequest("a")], skip_reason="no"), "Keep one"),
        (lambda: SensorResult(["a"]), "run request 'a'"),
        (lambda: SensorResult(cursor=5), "is text, not 5"),
        (lambda context: context.update_cursor(5), "is text, not 5"),
    ],
)
def test_what_it_may_not(fn, said):
    with pytest.raises(InvalidInvocationError, match=said):
        look(fn).evaluate_tick(build_sensor_context())


def test_a_cursor_is_said_once():
    def both(context):
        context.update_cursor("1")
        return SensorResult(cursor="2")

    with pytest.raises(InvariantViolationError, match="Keep one"):
        look(both).evaluate_tick(build_sensor_context())


def test_several_jobs():
    both = look(several, job=None, jobs=[one, other])
    found = both.evaluate_tick(build_sensor_context())
    assert [each.job_name for each in found.run_requests] == ["one", "other"]
    with pytest.raises(InvalidInvocationError, match="does not say which"):
        look(lambda: RunRequest(), job=None, jobs=[one, other]).evaluate_tick(
            build_sensor_context()
        )
    for ask in (lambda: both.job, lambda: both.job_name):
        with pytest.raises((InvalidDefinitionError, InvalidInvocationError), match="one, other"):
            ask()
    assert both.with_updated_job(other).job is other
    assert both.with_updated_jobs([one]).jobs == [one]
    assert both.jobs == [one, other]


def test_one_that_launches_nothing_may_only_skip():
    idle = look(lambda: RunRequest(), job=None)
    with pytest.raises(InvalidInvocationError, match="launches nothing"):
        idle.evaluate_tick(build_sensor_context())
    assert (idle.job_name, idle.targets) == (None, [])
    with pytest.raises(InvalidDefinitionError, match="has no job"):
        _ = idle.jobs


def test_what_the_users_function_raises_comes_through():
    def fails():
        raise ZeroDivisionError("boom")

    with pytest.raises(ZeroDivisionError, match="boom"):
        look(fails).evaluate_tick(build_sensor_context())


def test_assets_in_place_of_a_job():
    known = Definitions([orders, prices])
    all_of_it = look(lambda: RunRequest(), job=None, asset_selection=AssetSelection.all())
    found = all_of_it.evaluate_tick(build_sensor_context(definitions=known))
    [request] = found.run_requests
    assert (request.job_name, request.asset_selection) == ("__ASSET_JOB", [orders.key, prices.key])
    some = look(
        lambda: RunRequest(asset_selection=[AssetKey("orders")]),
        job=None,
        asset_selection="orders or prices",
    )
    [request] = some.evaluate_tick(build_sensor_context(definitions=known)).run_requests
    assert request.asset_selection == [orders.key]
    wrong = look(
        lambda: RunRequest(asset_selection=[AssetKey("order")]), job=None, asset_selection="*"
    )
    with pytest.raises(InvalidInvocationError, match="'order'.*'orders'"):
        wrong.evaluate_tick(build_sensor_context(definitions=known))
    with pytest.raises(InvalidInvocationError, match="definitions="):
        all_of_it.evaluate_tick(build_sensor_context())


def test_keys_of_dynamic_partitions_come_along_with_their_runs():
    fruits = DynamicPartitionsDefinition(name="fruits")

    @job(partitions_def=fruits)
    def eat():
        hello()

    def new_fruit():
        return SensorResult(
            [RunRequest("a", partition_key="pear")],
            dynamic_partitions_requests=[fruits.build_add_request(["pear"])],
        )

    instance = Instance.ephemeral()
    context = build_sensor_context(instance=instance, definitions=Definitions(jobs=[eat]))
    found = look(new_fruit, job=eat).evaluate_tick(context)
    assert found.run_requests[0].tags["dagster/partition"] == "pear"
    assert found.dynamic_partitions_requests[0].partition_keys == ["pear"]
    assert not instance.get_dynamic_partitions("fruits")  # an evaluation changes nothing
    with pytest.raises(UnknownPartitionError, match="'plum'"):
        look(lambda: RunRequest(partition_key="plum"), job=eat).evaluate_tick(context)


class Shop(ConfigurableResource):
    name: str


def test_resources():
    @sensor(job=one)
    def by_parameter(context, shop: Shop):
        return RunRequest(shop.name)

    @sensor(job=one, required_resource_keys={"shop"})
    def by_context(context):
        return RunRequest(context.resources.shop.name)

    for made in (by_parameter, by_context):
        given = build_sensor_context(resources={"shop": Shop(name="Kiosk")})
        assert made(given).run_key == "Kiosk"
        assert made.evaluate_tick(given).run_requests[0].run_key == "Kiosk"
    assert by_parameter(build_sensor_context(), shop=Shop(name="Bar")).run_key == "Bar"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "x"}, "no function"),
        ({"name": "x y", "evaluation_fn": several}, "'x y'"),
        ({"evaluation_fn": several, "job": one, "jobs": [one]}, "job and jobs"),
        ({"evaluation_fn": several, "job": one, "asset_selection": "*"}, "asset_selection"),
        ({"evaluation_fn": several, "jobs": [one, one]}, "two jobs called 'one'"),
        ({"evaluation_fn": several, "minimum_interval_seconds": -1}, "minimum_interval_seconds=-1"),
        ({"evaluation_fn": several, "default_status": "RUNNING"}, "default_status"),
        ({"evaluation_fn": 3, "name": "x"}, "is 3"),
    ],
)
def test_what_is_wrong_with_a_definition_is_told(given, said):
    with pytest.raises(InvalidDefinitionError, match=said):
        SensorDefinition(**given)


def test_the_target_may_be_a_selection_of_assets():
    made = look(lambda: RunRequest(), job=None, target="orders")
    known = Definitions([orders, prices], sensors=[made])
    assert known.job_names == ["__anonymous_asset_job_look"]
    result = known.get_job_def("__anonymous_asset_job_look").execute_in_process()
    assert [each.asset_key for each in result.get_asset_materialization_events()] == [orders.key]


# --- of an asset ----------------------------------------------------------------------


def test_an_asset_sensor_is_called_once_for_the_latest_materialization():
    @asset_sensor(asset_key="orders", job=one)
    def made(context, event):
        return RunRequest(event.run_id, tags={"of": event.asset_materialization.asset_key.path[0]})

    instance = Instance.ephemeral()
    before = made.evaluate_tick(build_sensor_context(instance=instance))
    assert "'orders' has not been materialized" in before.skip_message
    materialize([orders], instance=instance)
    last = materialize([orders], instance=instance)
    found = made.evaluate_tick(build_sensor_context(instance=instance))
    [request] = found.run_requests
    assert (request.run_key, request.tags) == (last.run_id, {"of": "orders"})
    again = made.evaluate_tick(build_sensor_context(instance=instance, cursor=found.cursor))
    assert not again.run_requests
    assert again.cursor == found.cursor
    [direct] = made(build_sensor_context(instance=instance))
    assert direct.run_key == last.run_id
    assert (made.asset_key, made.sensor_type) == (orders.key, SensorType.ASSET)
    high = made.evaluate_tick(build_sensor_context(instance=instance, cursor=str(10**30)))
    assert "since" in high.skip_message
    with pytest.raises(InvalidInvocationError, match="'x' is no cursor of the asset sensor 'made'"):
        made.evaluate_tick(build_sensor_context(instance=instance, cursor="x"))


def test_what_an_asset_sensor_yields_is_all_taken():
    @asset_sensor(asset_key=AssetKey("orders"), jobs=[one, other])
    def both(context, event):
        yield RunRequest("1", job_name="one")
        yield RunRequest("2", job_name="other")

    instance = Instance.ephemeral()
    materialize([orders], instance=instance)
    found = both.evaluate_tick(build_sensor_context(instance=instance))
    assert [each.run_key for each in found.run_requests] == ["1", "2"]
    with pytest.raises(InvalidInvocationError, match="takes a context"):
        both()
