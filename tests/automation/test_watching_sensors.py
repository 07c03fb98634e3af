"""Sensors that look at runs and assets, and tell people."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from jobnb import (
    AssetKey,
    AssetSelection,
    DailyPartitionsDefinition,
    Definitions,
    EventType,
    FreshnessPolicy,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    InvariantViolationError,
    RunRequest,
    RunStatus,
    SensorType,
    SkipReason,
    StaticPartitionsDefinition,
    TickStatus,
    asset,
    build_freshness_policy_sensor_context,
    build_multi_asset_sensor_context,
    build_run_status_sensor_context,
    build_sensor_context,
    freshness_policy_sensor,
    job,
    job_after,
    make_email_on_run_failure_sensor,
    make_webhook_on_run_failure_sensor,
    materialize,
    multi_asset_sensor,
    op,
    run_failure_sensor,
    run_status_sensor,
)
from tests.automation.place import LOOKING, Clock, greet, hello, loop_on


@op
def bad():
    raise ValueError("no such bucket")


@job
def breaks():
    bad()


@pytest.fixture(params=["memory", "sqlite"])
def instance(request, tmp_path):
    home = None if request.param == "memory" else tmp_path / "home"
    with Instance.ephemeral() if home is None else Instance(home=home) as found:
        yield found


def looks_again(made, instance, before, **given):
    context = build_sensor_context(instance=instance, cursor=before and before.cursor, **given)
    return made.evaluate_tick(context)


def fails(instance, job_=breaks):
    return job_.execute_in_process(instance=instance, raise_on_error=False)


# --- of runs --------------------------------------------------------------------------


def test_a_failure_is_told_of_once_and_only_from_now_on(instance):
    told = []

    @run_failure_sensor
    def tell(context):
        told.append(context.dagster_run.run_id)
        [event] = context.get_step_failure_events()
        assert (event.step_key, context.dagster_run.job_name) == ("bad", "breaks")
        assert "no such bucket" in str(event.error)
        assert context.failure_event.event_type is EventType.RUN_FAILURE
        assert context.partition_key is None

    fails(instance)
    first = looks_again(tell, instance, None)
    assert not told
    assert "from now on" in first.skip_message
    ran = [fails(instance).run_id for _ in range(3)]
    greet.execute_in_process(instance=instance)
    second = looks_again(tell, instance, first)
    assert told == ran
    assert [each.dagster_run.run_id for each in second.dagster_run_reactions] == ran
    third = looks_again(tell, instance, second)
    assert told == ran
    assert "No run has come to FAILURE" in third.skip_message
    assert (tell.sensor_type, tell.name, tell.targets) == (SensorType.RUN_STATUS, "tell", [])


def test_a_job_after_a_job_is_one_line(instance):
    @run_status_sensor(run_status=RunStatus.SUCCESS, monitored_jobs=[greet], request_job=breaks)
    def then(context):
        return RunRequest(run_key=context.dagster_run.run_id)

    first = looks_again(then, instance, None)
    ran = greet.execute_in_process(instance=instance)
    fails(instance)
    found = looks_again(then, instance, first)
    assert [each.run_key for each in found.run_requests] == [ran.run_id]


def test_a_job_that_comes_after_a_job_is_launched_once_for_each_run_of_it(instance):
    letters = StaticPartitionsDefinition(["a", "b"])

    @job(partitions_def=letters)
    def load():
        hello()

    @job(partitions_def=letters)
    def report():
        hello()

    parts, whole = job_after(load, report), job_after("load", greet, run_status="SUCCESS")
    assert (parts.name, whole.name) == ("report_after_load", "greet_after_load")
    known = Definitions(jobs=[load], sensors=[parts, whole])
    clock = Clock(time.time())
    loop = loop_on(instance, clock, known)
    loop.round()
    load.execute_in_process(instance=instance, partition_key="b")
    fails(instance)
    for _ in range(3):
        clock.now += 60
        loop.round()
    launched = [run for run in instance.get_runs() if "dagster/run_key" in run.tags]
    assert sorted((run.job_name, run.tags.get("dagster/partition")) for run in launched) == [
        ("greet", None),
        ("report", "b"),
    ]
    with pytest.raises(InvalidDefinitionError, match="job after a job"):
        job_after(load, "report")


def test_which_runs_count(instance):
    told = []

    @job
    def other():
        bad()

    known = Definitions(jobs=[breaks])

    def look(**given):
        return run_failure_sensor(name="look", **given)(
            lambda context: told.append(context.dagster_run.job_name)
        )

    for made, wanted in (
        (look(), ["breaks"]),
        (look(monitor_all_repositories=True), ["breaks", "other"]),
        (look(monitored_jobs=[other]), ["other"]),
        (look(job_selection=["other"]), ["other"]),
    ):
        told.clear()
        first = looks_again(made, instance, None, definitions=known)
        fails(instance)
        fails(instance, other)
        looks_again(made, instance, first, definitions=known)
        assert told == wanted
    # A run that the sensor has launched itself does not launch another one.
    told.clear()
    first = looks_again(look(), instance, None)
    breaks.execute_in_process(
        instance=instance, raise_on_error=False, tags={"dagster/sensor_name": "look"}
    )
    looks_again(look(), instance, first)
    assert not told
    for given in ({"monitored_jobs": [other], "job_selection": []}, {"monitored_jobs": [3]}):
        with pytest.raises(InvalidDefinitionError):
            look(**given)


def test_a_function_that_fails_for_one_run_is_called_for_the_others(instance):
    told = []

    @run_failure_sensor(**LOOKING)
    def tell(context):
        told.append(context.dagster_run.run_id)
        if len(told) == 1:
            raise ConnectionError("no mail server")

    clock = Clock()
    loop = loop_on(instance, clock, Definitions(jobs=[breaks], sensors=[tell]))
    loop.round()
    ran = [fails(instance).run_id for _ in range(2)]
    clock.now += 60
    loop.round()
    assert told == ran
    [tick] = instance.get_ticks(None, limit=1)
    assert tick.status is TickStatus.FAILURE
    assert "ConnectionError: no mail server" in tick.error
    assert ran[0] in tick.error
    clock.now += 3600
    loop.round()
    assert told == ran


def test_calling_one_in_a_test():
    @run_failure_sensor
    def tell(context):
        return type(context).__name__, context.dagster_run.job_name, context.sensor_name

    @run_status_sensor(run_status=RunStatus.FAILURE)
    def note(context, shop=None):
        return context.resources.shop

    instance = Instance.ephemeral()
    result = fails(instance)
    event = result.get_job_failure_event()
    run = instance.get_run_by_id(result.run_id)
    context = build_run_status_sensor_context(
        "tell", event, instance, run, resources={"shop": "Kiosk"}
    )
    assert tell(context) == ("RunFailureSensorContext", "breaks", "tell")
    assert tell(context.for_run_failure()) == tell(context)
    assert note(context) == "Kiosk"
    with pytest.raises(InvalidInvocationError, match="build_run_status_sensor_context"):
        tell()
    with pytest.raises(InvalidDefinitionError, match="'done'"):
        run_status_sensor(run_status="done")(tell.react)
    with pytest.raises(InvalidInvocationError, match="no cursor of the run status sensor"):
        tell.evaluate_tick(build_sensor_context(instance=instance, cursor="7"))


# --- of assets ------------------------------------------------------------------------

DAYS = DailyPartitionsDefinition("2020-01-01")


@asset
def orders(): ...


@asset
def prices(): ...


@asset(partitions_def=DAYS)
def visits(): ...


@asset(partitions_def=DAYS)
def by_day(visits): ...


KNOWN = Definitions([orders, prices, visits, by_day], jobs=[greet])


def test_a_sensor_of_two_assets_waits_for_both(instance):
    @multi_asset_sensor(monitored_assets=[orders.key, prices.key], job=greet)
    def both(context):
        if all(context.latest_materialization_records_by_key().values()):
            context.advance_all_cursors()
            return RunRequest()
        return SkipReason("not both")

    look = lambda before: looks_again(both, instance, before, definitions=KNOWN)  # noqa: E731
    materialize([orders], instance=instance)
    first = look(None)
    assert first.skip_message == "not both"
    materialize([prices], instance=instance)
    second = look(first)
    assert len(second.run_requests) == 1
    assert look(second).skip_message == "not both"
    materialize([orders, prices], instance=instance)
    assert len(look(second).run_requests) == 1
    assert both.sensor_type is SensorType.MULTI_ASSET


def context_of(instance, cursor=None, keys=(visits.key,), **given):
    return build_multi_asset_sensor_context(
        list(keys), instance=instance, definitions=KNOWN, cursor=cursor, **given
    )


def test_partitions_that_were_not_consumed_stay_new():
    instance = Instance.ephemeral()
    for day in ("2020-01-01", "2020-01-03", "2020-01-02"):
        materialize([visits], instance=instance, partition_key=day)
    context = context_of(instance)
    found = context.latest_materialization_records_by_partition(visits.key)
    assert list(found) == ["2020-01-01", "2020-01-03", "2020-01-02"]
    assert list(context.latest_materialization_records_by_partition_and_asset()) == list(found)
    context.advance_cursor({visits.key: found["2020-01-03"]})
    assert context.cursor_updated
    assert context.get_cursor_partition(visits.key) == "2020-01-03"
    later = context_of(instance, context.cursor)
    left = later.latest_materialization_records_by_partition(visits.key)
    assert list(left) == ["2020-01-01", "2020-01-02"]
    assert not later.latest_materialization_records_by_partition(
        visits.key, after_cursor_partition=True
    )
    [trailing] = later.get_trailing_unconsumed_events(visits.key)
    assert trailing.partition_key == "2020-01-01"
    later.advance_cursor({visits.key: left["2020-01-01"]})
    assert list(later.latest_materialization_records_by_partition(visits.key)) == ["2020-01-02"]
    newest = later.latest_materialization_records_by_key()[visits.key]
    assert newest.partition_key == "2020-01-02"
    later.advance_all_cursors()
    assert later.latest_materialization_records_by_key() == {visits.key: None}
    assert not later.latest_materialization_records_by_partition(visits.key)
    assert later.all_partitions_materialized(visits.key, ["2020-01-01", "2020-01-03"])
    assert not later.all_partitions_materialized(visits.key)
    downstream = later.get_downstream_partition_keys("2020-01-01", visits.key, by_day.key)
    assert downstream == ["2020-01-01"]
    assert later.assets_defs_by_key == {visits.key: visits}


def test_what_does_not_fit_a_multi_asset_sensor_is_told():
    instance = Instance.ephemeral()
    context = context_of(instance, keys=[orders.key])
    with pytest.raises(InvariantViolationError, match="'orders' has no partitions"):
        context.all_partitions_materialized(orders.key)
    with pytest.raises(InvalidInvocationError, match="does not monitor the asset 'order'"):
        context.get_cursor_partition(AssetKey("order"))
    with pytest.raises(InvalidInvocationError, match="Keep one"):
        context_of(instance, "{}", cursor_from_latest_materializations=True)
    with pytest.raises(InvalidInvocationError, match="no cursor of a multi-asset sensor"):
        context_of(instance, "7").latest_materialization_records_by_key()
    with pytest.raises(InvalidDefinitionError, match="monitors 3"):
        multi_asset_sensor(monitored_assets=3, name="x", job=greet)(lambda context: None)
    materialize([orders], instance=instance)
    assert [each.asset_key for each in context.materialization_records_for_key(orders.key, 3)]
    consumed = context_of(instance, keys=[orders.key], cursor_from_latest_materializations=True)
    assert consumed.latest_materialization_records_by_key() == {orders.key: None}
    several = build_multi_asset_sensor_context(
        AssetSelection.all(), instance=instance, definitions=KNOWN
    )
    assert several.asset_keys == sorted([orders.key, prices.key, visits.key, by_day.key])


# --- how late -------------------------------------------------------------------------


def test_how_late_an_asset_is():
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    always = FreshnessPolicy(maximum_lag_minutes=60)
    assert always.minutes_overdue(noon - timedelta(minutes=90), noon).overdue_minutes == 30
    assert always.minutes_overdue(noon - timedelta(minutes=30), noon).overdue_minutes == 0
    assert always.minutes_overdue(None, noon) is None
    at_nine = FreshnessPolicy(maximum_lag_minutes=60, cron_schedule="0 9 * * *")
    for hour, overdue in ((7, 60), (8.5, 0), (10, 0), (1, 420), (-20, 1680)):
        data = datetime(2024, 5, 1, tzinfo=UTC) + timedelta(hours=hour)
        assert at_nine.minutes_overdue(data, noon).overdue_minutes == overdue


def test_a_sensor_is_called_with_how_late_each_asset_is():
    told = []

    @asset(freshness_policy=FreshnessPolicy(maximum_lag_minutes=1))
    def fresh(): ...

    @freshness_policy_sensor(asset_selection=AssetSelection.all())
    def tell(context):
        told.append((context.asset_key, context.minutes_overdue, context.previous_minutes_overdue))

    instance, known = Instance.ephemeral(), Definitions([fresh, orders])
    first = looks_again(tell, instance, None, definitions=known)
    assert not told
    materialize([fresh], instance=instance)
    second = looks_again(tell, instance, first, definitions=known)
    assert told == [(fresh.key, 0.0, None)]
    looks_again(tell, instance, second, definitions=known)
    assert told[1] == (fresh.key, 0.0, 0.0)
    tell(
        build_freshness_policy_sensor_context(
            sensor_name="tell", asset_key=fresh.key, minutes_overdue=3.0,
            freshness_policy=FreshnessPolicy(maximum_lag_minutes=1),
        )
    )  # fmt: skip
    assert told[2] == (fresh.key, 3.0, None)
    with pytest.raises(InvalidInvocationError, match="definitions="):
        looks_again(tell, instance, second)


# --- telling people -------------------------------------------------------------------


class Mail(socketserver.StreamRequestHandler):
    """As much of a mail server as one mail needs."""

    got: ClassVar[list[str]] = []

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        body = None
        for line in iter(self.rfile.readline, b""):
            text = line.decode().rstrip("\r\n")
            if body is not None:
                if text == ".":
                    Mail.got.append("\n".join(body))
                    body = None
                    self.wfile.write(b"250 kept\r\n")
                else:
                    body.append(text)
            elif text.upper() == "DATA":
                body = []
                self.wfile.write(b"354 go on\r\n")
            elif text.upper() == "QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


class Hook(BaseHTTPRequestHandler):
    got: ClassVar[list[dict]] = []

    def do_POST(self):
        Hook.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(500 if self.path == "/broken" else 200)
        self.end_headers()

    def log_message(self, *args): ...


@pytest.fixture
def served():
    servers = []

    def serve(kind, handler):
        handler.got.clear()
        server = kind(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def told_by(made):
    instance = Instance.ephemeral()
    first = looks_again(made, instance, None)
    run = fails(instance)
    found = looks_again(made, instance, first)
    return run, found.dagster_run_reactions[0].error


def test_a_failed_run_sends_an_email(served):
    port = served(socketserver.TCPServer, Mail)
    made = make_email_on_run_failure_sensor(
        "me@example.org", None, ["you@example.org", "all@example.org"], smtp_host="127.0.0.1",
        smtp_type="PLAIN", smtp_port=port, webserver_base_url="http://shop",
    )  # fmt: skip
    run, error = told_by(made)
    assert error is None
    [mail] = Mail.got
    assert "To: you@example.org, all@example.org" in mail
    assert "Subject: The job 'breaks' failed" in mail
    assert "no such bucket" in mail
    assert f"http://shop/runs/{run.run_id}" in mail
    for given in ({"smtp_type": "FTP"}, {"email_to": "you@example.org"}):
        with pytest.raises(InvalidDefinitionError):
            make_email_on_run_failure_sensor(
                **{"email_from": "me@example.org", "email_password": "x", "email_to": ["y"]} | given
            )


def test_a_failed_run_posts_to_a_webhook(served):
    port = served(HTTPServer, Hook)
    _, error = told_by(make_webhook_on_run_failure_sensor(f"http://127.0.0.1:{port}/chat"))
    assert error is None
    [body] = Hook.got
    assert "'breaks' failed" in body["text"]
    secret = make_webhook_on_run_failure_sensor(lambda: f"http://127.0.0.1:{port}/broken")
    _, error = told_by(secret)
    assert "did not take it" in error
    with pytest.raises(InvalidDefinitionError, match="https://"):
        make_webhook_on_run_failure_sensor("file:///etc/passwd")
