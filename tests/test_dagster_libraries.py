"""Dagster's own libraries, unmodified, over jobnb: each does its work in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.conftest import NOTEBOOK, REPOSITORY, TOKEN, begin, end, write_notebook

ROOT = Path(__file__).parents[1]
FIRST = """
import warnings
warnings.simplefilter("ignore")  # theirs
from jobnb import dagster_compat
dagster_compat.install()
import dagster
from dagster import *
"""


@pytest.fixture
def run(dagster_libraries: Path, tmp_path: Path):
    """Runs code in a process that finds the libraries, and Dagster nowhere; what it printed."""

    def run_code(code: str, *arguments: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", FIRST + code, *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=240,
            check=False,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT}{os.pathsep}{dagster_libraries}",
                "JOBNB_HOME": str(tmp_path / "home"),
            },
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.splitlines()

    return run_code


def test_pandas_checks_data_frames(run):
    out = run("""
import pandas as pd
from dagster_pandas import DataFrame, PandasColumn, RowCountConstraint
from dagster_pandas import create_dagster_pandas_dataframe_type

Trips = create_dagster_pandas_dataframe_type(
    "Trips",
    columns=[PandasColumn.integer_column("id", min_value=0), PandasColumn.string_column("color")],
    metadata_fn=lambda frame: {"rows": len(frame)},
    dataframe_constraints=[RowCountConstraint(2)],
)

@op(out=Out(Trips), config_schema={"first": int})
def load(context):
    return pd.DataFrame({"id": [context.op_config["first"], 2], "color": ["red", "blue"]})

@op(ins={"trips": In(Trips)})
def count(trips):
    return len(trips)

@op(ins={"frame": In(DataFrame)}, out=Out(DataFrame))
def same(frame):
    return frame

@job
def trips():
    count(load())

@job
def read():
    same()

def config(first):
    return {"ops": {"load": {"config": {"first": first}}}}

done = trips.execute_in_process(run_config=config(1))
print(done.output_for_node("count"))
check = next(e for e in done.all_events if e.event_type_value == "STEP_OUTPUT")
print(check.event_specific_data.type_check_data.metadata["rows"].value)
failed = trips.execute_in_process(run_config=config(-1), raise_on_error=False)
print(failed.success, [e.step_key for e in failed.all_events if e.is_step_failure])
try:
    trips.execute_in_process(run_config=config(-1))
except DagsterTypeCheckDidNotPass as error:
    print("InRangeColumnConstraint" in str(error))
pd.DataFrame({"a": [1, 2, 3]}).to_csv("a.csv", index=False)
given = {"ops": {"same": {"inputs": {"frame": {"csv": {"path": "a.csv"}}}}}}
print(read.execute_in_process(run_config=given).output_for_node("same")["a"].tolist())
""")
    assert out == ["2", "2", "False ['load']", "True", "[1, 2, 3]"]


@pytest.mark.parametrize(
    "manager",
    [
        "DuckDBPandasIOManager(database='values.duckdb')",
        "duckdb_pandas_io_manager.configured({'database': 'values.duckdb'})",
    ],
)
def test_duckdb_stores_and_loads_a_partitioned_asset(run, manager):
    out = run(f"""
import pandas as pd
from dagster_duckdb import DuckDBResource
from dagster_duckdb_pandas import DuckDBPandasIOManager, duckdb_pandas_io_manager

days = DailyPartitionsDefinition("2023-01-01", end_date="2023-01-05")

@asset(partitions_def=days, metadata={{"partition_expr": "day"}}, key_prefix="shop")
def orders(context) -> pd.DataFrame:
    day = pd.Timestamp(context.partition_key)
    return pd.DataFrame({{"day": [day, day], "amount": [1, 2]}})

@asset(ins={{"orders": AssetIn(key_prefix="shop", metadata={{"columns": ["amount"]}})}})
def total(orders: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({{"total": [orders.amount.sum()], "columns": [len(orders.columns)]}})

@asset
def rows(duckdb: DuckDBResource) -> Output[None]:
    with duckdb.get_connection() as connection:
        print(connection.execute("select count(*) from shop.orders").fetchone()[0])
    return Output(None)

resources = {{"io_manager": {manager}, "duckdb": DuckDBResource(database="values.duckdb")}}
defs = Definitions([orders, total, rows], resources=resources)
instance = DagsterInstance.ephemeral()
for day in ("2023-01-01", "2023-01-02", "2023-01-01"):  # a partition replaces its own rows
    done = materialize([orders], partition_key=day, resources=resources, instance=instance)
made = done.get_asset_materialization_events()[0].materialization.metadata
print(made["row_count"].value, "SELECT" in made["Query"].value)
done = materialize(
    [orders, total], selection=["total"], resources=resources, instance=instance
)
print(done.asset_value("total").values.tolist())
materialize([rows], resources=resources, instance=instance)
print(len(defs.load_asset_value("shop/orders", instance=instance, partition_key="2023-01-02",
                                python_type=pd.DataFrame)))
""")
    assert out == ["2 True", "[[6, 1]]", "4", "2"]


def test_slack_is_told_by_ops_hooks_and_sensors(run):
    out = run("""
import json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from slack_sdk.web.client import WebClient
from dagster_slack import *

got = []

class Slack(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        got.append((self.path, self.headers["Authorization"], body["channel"], body["text"]))
        answer = b'{"ok": true}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Slack)
threading.Thread(target=server.serve_forever, daemon=True).start()
made = WebClient.__init__

def local(self, *args, **kwargs):
    made(self, *args, **{**kwargs, "base_url": f"http://127.0.0.1:{server.server_port}/api/"})

WebClient.__init__ = local

@op
def tell(slack: SlackResource):
    slack.get_client().chat_postMessage(channel="#a", text="hello")

@op
def boom():
    raise ValueError("it broke")

@job(resource_defs={"slack": SlackResource(token="one")})
def greets():
    tell()

@job(
    resource_defs={"slack": slack_resource.configured({"token": "two"})},
    hooks={slack_on_failure("#failed"), slack_on_success("#done")},
)
def breaks():
    boom()

greets.execute_in_process()
instance = DagsterInstance.ephemeral()
failed = breaks.execute_in_process(raise_on_error=False, instance=instance)
sensor = make_slack_on_run_failure_sensor("#runs", "three", monitored_jobs=[breaks])
event = next(e for e in failed.all_events if e.event_type_value == "PIPELINE_FAILURE")
sensor(build_run_status_sensor_context(
    "s", dagster_event=event, dagster_instance=instance, dagster_run=failed.dagster_run
).for_run_failure())
for path, token, channel, text in got:
    print(path, token, channel, text.splitlines()[0][:20])
print(make_slack_on_freshness_policy_status_change_sensor("#f", "t", AssetSelection.all()).name)
""")
    assert out == [
        "/api/chat.postMessage Bearer one #a hello",
        "/api/chat.postMessage Bearer two #failed Op boom on job break",
        "/api/chat.postMessage Bearer three #runs Error: ```Execution ",
        "slack_on_freshness_policy",
    ]


def test_aws_stores_values_and_files_in_s3(run):
    out = run("""
import logging, os
logging.getLogger("werkzeug").setLevel(logging.ERROR)
os.environ.update(
    AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b", AWS_DEFAULT_REGION="us-east-1"
)
import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
url = "http://{}:{}".format(*server.get_host_and_port())
boto3.client("s3", endpoint_url=url).create_bucket(Bucket="shop")

import dagster_aws.secretsmanager, dagster_aws.ssm
from dagster_aws.s3 import *

s3 = S3Resource(endpoint_url=url)
days = DailyPartitionsDefinition("2023-01-01", end_date="2023-01-04")

@asset(partitions_def=days)
def orders(context):
    return [context.partition_key]

@asset
def total(orders):
    return len(orders)

manager = ConfigurablePickledObjectS3IOManager(s3_resource=s3, s3_bucket="shop", s3_prefix="new")
resources = {"s3": s3, "io_manager": manager}
instance = DagsterInstance.ephemeral()
for day in days.get_partition_keys():
    materialize([orders], partition_key=day, resources=resources, instance=instance)
done = materialize([orders, total], selection=["total"], resources=resources, instance=instance)
print(done.asset_value("total"))
print(done.get_asset_materialization_events()[0].materialization.metadata["uri"].value)

@op
def one():
    return 1

@op(required_resource_keys={"file_manager"})
def files(context, number):
    manager = context.resources.file_manager
    handle = manager.write_data(b"hello", ext="txt")
    with open(manager.copy_handle_to_local_temp(handle)) as copy:
        return manager.read_data(handle).decode(), copy.read(), isinstance(handle, FileHandle)

@op(required_resource_keys={"s3"})
def buckets(context, told):
    return told, [each["Name"] for each in context.resources.s3.list_buckets()["Buckets"]]

in_files = {"s3_bucket": "shop", "s3_prefix": "files", "endpoint_url": url}
in_values = {"s3_bucket": "shop", "s3_prefix": "old"}

@job(resource_defs={
    "s3": s3_resource.configured({"endpoint_url": url}),
    "io_manager": s3_pickle_io_manager.configured(in_values),
    "file_manager": s3_file_manager.configured(in_files),
})
def older():
    buckets(files(one()))

print(older.execute_in_process().output_for_node("buckets"))
found = boto3.client("s3", endpoint_url=url).list_objects(Bucket="shop")["Contents"]
print(sorted({each["Key"].split("/")[0] for each in found}))
try:
    S3ComputeLogManager(bucket="shop")
except DagsterInvalidInvocationError as error:
    print(error)
for module in ("emr", "ecs"):
    try:
        exec(f"import dagster_aws.{module}")
    except ImportError as error:
        print(error)
server.stop()
""")
    assert out[0] == "3"
    assert out[1] == "s3://shop/new/total"
    assert out[2] == "(('hello', 'hello', True), ['shop'])"
    assert out[3] == "['files', 'new', 'old']"
    assert out[4].startswith("jobnb does not offer 'S3ComputeLogManager'. What steps print is kept")
    assert out[5].startswith("jobnb has no 'StepLauncher'")
    assert "Use an executor: `executor_def=dask_executor`." in out[5]
    assert out[6].startswith("jobnb has no 'T_DagsterInstance'")


@pytest.mark.timeout(600)
def test_the_client_of_graphql_does_all_that_it_can(run, tmp_path):
    write_notebook(tmp_path / NOTEBOOK)
    process, address = begin(tmp_path, "-n", NOTEBOOK, "--in-process")
    try:
        out = run(CLIENT, address.rpartition(":")[2], TOKEN, NOTEBOOK, REPOSITORY)
    finally:
        end(process)
        process.stdout.close()
    told = json.loads(out[-1])
    assert (told["status"], told["part"], told["assets"]) == ("SUCCESS", "SUCCESS", "SUCCESS")
    assert told["config"][0] == "RunConfigValidationInvalid"
    assert told["job"][0] == "JobNotFoundError"
    assert told["ops"][0] == "PythonError"
    assert told["unknown"][0] == "RunNotFoundError"
    assert (told["reload"], told["no reload"], told["shutdown"]) == (
        "SUCCESS",
        "FAILURE",
        "SUCCESS",
    )
    assert told["slow"] == "CANCELED"
    assert told["terminate"][0] == "RunNotFoundError"


CLIENT = """
import json, sys, time
from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError

assert DagsterRunStatus.SUCCESS.value == "SUCCESS"
port, token, notebook, repository = int(sys.argv[1]), *sys.argv[2:5]
client = DagsterGraphQLClient(f"token:{token}@127.0.0.1", port_number=port)
config = {"ops": {"load": {"config": {"year": 2013}}}}
told = {}

def refused(call):
    try:
        return call()
    except DagsterGraphQLClientError as error:
        return [str(each) for each in error.args]

def ended(run_id):
    while True:
        status = client.get_run_status(run_id)
        if status.value in ("SUCCESS", "FAILURE", "CANCELED"):
            return status.value
        time.sleep(0.1)

told["status"] = ended(
    client.submit_job_execution(
        "daily", notebook, repository, run_config=config, tags={"by": "client"}
    )
)
told["part"] = ended(client.submit_job_execution("daily", run_config=config, op_selection=["load"]))
told["assets"] = ended(client.submit_job_execution("shop_job"))
told["config"] = refused(lambda: client.submit_job_execution("daily", run_config={"ops": {}}))
told["job"] = refused(lambda: client.submit_job_execution("nope"))
told["ops"] = refused(
    lambda: client.submit_job_execution("daily", run_config=config, op_selection=["x"])
)
told["unknown"] = refused(lambda: client.get_run_status("nope"))
told["reload"] = client.reload_repository_location(notebook).status.value
told["no reload"] = client.reload_repository_location("nope").status.value
slow = client.submit_job_execution("slow")
client.terminate_run(slow)
told["slow"] = ended(slow)
told["terminate"] = refused(lambda: client.terminate_run("nope"))
told["shutdown"] = client.shutdown_repository_location(notebook).status.value
print(json.dumps(told))
"""
