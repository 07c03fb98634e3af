"""A notebook and a file, served by a real process that all tests of a module share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

TOKEN = "sesame"
NOTEBOOK, FILE = "shop.ipynb", "reports.py"
REPOSITORY = "__repository__"

CELLS = [
    """
from jobnb import *
import time
""",
    """
class Load(Config):
    "Which year, and how much of it."
    year: int
    share: float = 0.5
    name: str | None = None

@op
def load(config: Load):
    "Load a year."
    print("loading", config.year)
    return config.year

@op
def twice(number: int) -> int:
    return number * 2

@job(tags={"team": "sales"}, description="Each day anew.")
def daily():
    twice(load())
""",
    """
@op
def wait_long():
    for _ in range(3000):
        time.sleep(0.05)

@job
def slow():
    wait_long()

@op
def break_down():
    raise ValueError("it broke")

@op
def after(start):
    return 1

@job
def broken():
    after(break_down())

@op(out=DynamicOut())
def spread():
    for number in range(2):
        yield DynamicOutput(number, mapping_key=str(number))

@op
def gather(numbers: list) -> int:
    return sum(numbers)

@graph
def inner(number):
    return twice(number)

@job
def nested():
    inner(twice.alias("start")())
    gather(spread().map(twice).collect())
""".replace('twice.alias("start")()', 'load.configured({"year": 1}, name="start")()'),
    """
@asset(group_name="shop", metadata={"unit": "EUR"}, description="All orders.")
def orders() -> Output[list]:
    return Output([1, 2, 3], metadata={
        "rows": 3, "ratio": 0.5, "text": "a", "ok": True, "doc": MetadataValue.md("*a*"),
        "where": MetadataValue.url("https://example.org"), "file": MetadataValue.path("/tmp/a"),
        "raw": {"a": [1]}, "none": None, "when": MetadataValue.timestamp(1.5),
        "kin": MetadataValue.asset(AssetKey("orders")), "big": 2**40,
        "class": MetadataValue.python_artifact(ValueError),
        "table": MetadataValue.table([TableRecord({"a": 1})]),
        "columns": MetadataValue.table_schema(TableSchema([TableColumn("a", "int")])),
        "run": MetadataValue.dagster_run("1234"), "book": MetadataValue.notebook("/tmp/a.ipynb"),
    })

@asset(group_name="shop")
def revenue(orders):
    return sum(orders)

letters_def = StaticPartitionsDefinition(["a", "b", "c"])

@asset(partitions_def=letters_def)
def letters(context):
    if context.partition_key == "c":
        raise ValueError("no c")
    return context.partition_key

days_def = DailyPartitionsDefinition("2013-01-01", end_date="2013-01-06")

@asset(partitions_def=days_def)
def days(context):
    return context.partition_key

@asset(partitions_def=MultiPartitionsDefinition({"day": days_def, "letter": letters_def}))
def grid(context):
    return str(context.partition_key)

outside = SourceAsset("outside", description="Made elsewhere.")

shop_job = define_asset_job("shop_job", selection=["orders", "revenue"])

@job(partitions_def=letters_def)
def by_letter():
    load.configured({"year": 2013}, name="load_2013")()
""",
    """
@schedule(cron_schedule="0 6 * * *", job=daily, execution_timezone="Europe/Berlin")
def morning(context):
    "Each morning."
    context.log.info("good morning")
    return RunRequest(run_key="m", run_config={"ops": {"load": {"config": {"year": 2013}}}})

@sensor(job=daily, minimum_interval_seconds=45)
def look(context):
    if context.cursor == "go":
        return SensorResult([RunRequest(run_config={"ops": {"load": {"config": {"year": 1}}}})],
                            cursor="gone")
    return SkipReason("nothing new")

@asset_sensor(asset_key=AssetKey("orders"), job=daily)
def on_orders(context, event):
    yield RunRequest(run_key=context.cursor)
""",
    """
@asset(
    owners=["team:sales", "ann@example.org"], tags={"tier": "gold"}, code_version="1",
    freshness_policy=FreshnessPolicy(maximum_lag_minutes=60),
    auto_materialize_policy=AutoMaterializePolicy.eager(), kinds={"table"},
)
def owned():
    yield AssetObservation("outside", metadata={"rows": 1})
    yield Output(1)

@failure_hook
def note_failure(context):
    pass

@success_hook
def note_success(context):
    raise ValueError("the hook broke")

from typing import Dict, List, Literal, Union

class Many(Config):
    kind: Literal["big", "small"] = "big"
    counts: Dict[str, int] = {}
    names: List[str] = []
    either: Union[int, List[int]] = 1

@op(retry_policy=RetryPolicy(max_retries=1), tags={"level": "high"})
def many(context, config: Many) -> int:
    if context.retry_number == 0:
        raise ValueError("again")
    yield ExpectationResult(success=True, label="many")
    yield Output(1)

@op
def fail_on_purpose():
    raise Failure("on purpose", metadata={"why": "test"})

@job(hooks={note_failure, note_success}, metadata={"page": "1"})
def hooked():
    many()
    fail_on_purpose()

@graph(out=GraphOut())
def whole(number):
    return twice(number)

@job
def wrapped():
    whole(load.configured({"year": 5}, name="load_5")())
""",
    """
class Shelf(ConfigurableResource):
    height: int = 3

definitions_resources = session.add(
    resources={"shelf": Shelf(height=4), "press": Shelf(height=EnvVar.int("PRESS_HEIGHT"))}
)
""",
]
PLAIN = """
from jobnb import asset, job, op

@op
def report():
    return 1

@job
def reports():
    report()

@asset
def summary():
    return 1
"""


def write_notebook(path: Path) -> None:
    """Write the notebook that is served."""
    cells = [
        {"cell_type": "code", "id": str(number), "metadata": {}, "execution_count": None,
         "outputs": [], "source": source.strip()}
        for number, source in enumerate(CELLS)
    ]  # fmt: skip
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook))


class Client:
    """Asks a server, with its token unless told otherwise."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address, self.folder = address, folder
        self.headers = {"Authorization": f"token {TOKEN}"}
        self.http = httpx.Client(base_url=address, timeout=60)

    def post(self, query: str, **variables: Any) -> httpx.Response:
        """Send a query."""
        body = {"query": query, "variables": variables}
        return self.http.post("/graphql", json=body, headers=self.headers)

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of an answer that has no errors."""
        response = self.post(query, **variables)
        answer = response.json()
        assert response.status_code == 200, answer
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def one(self, query: str, **variables: Any) -> Any:
        """The only field of an answer."""
        data = self.ask(query, **variables)
        assert len(data) == 1
        return next(iter(data.values()))

    def selector(self, job: str, location: str = NOTEBOOK, **more: Any) -> dict[str, Any]:
        """A job, as queries name it."""
        place = {"repositoryName": REPOSITORY, "repositoryLocationName": location}
        return {**place, "pipelineName": job, **more}

    @property
    def repository(self) -> dict[str, str]:
        """The repository of the notebook, as queries name it."""
        return {"repositoryName": REPOSITORY, "repositoryLocationName": NOTEBOOK}

    def launch(self, job: str, config: Any = None, location: str = NOTEBOOK, **more: Any) -> Any:
        """Launch a run; the answer."""
        tags = more.pop("tags", {})
        about = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        steps = more.pop("steps", None)
        params = {
            "selector": self.selector(job, location, **more),
            "runConfigData": config or {},
            "mode": "default",
            "executionMetadata": about,
        }
        if steps:
            params["stepKeys"] = steps
        return self.one(LAUNCH, params=params)

    def launched(self, *args: Any, **more: Any) -> str:
        """Launch a run; its id."""
        answer = self.launch(*args, **more)
        assert answer["__typename"] == "LaunchRunSuccess", answer
        run_id: str = answer["run"]["runId"]
        return run_id

    def until(self, found: Any, what: str = "") -> Any:
        """Wait for something to be true."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            value = found()
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"it never came true: {what}")

    def ended(self, run_id: str) -> str:
        """Wait for the end of a run; how it ended."""
        query = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"

        def status() -> str | None:
            found: str = self.one(query, id=run_id)["status"]
            return found if found in ("SUCCESS", "FAILURE", "CANCELED") else None

        found: str = self.until(status, f"the end of {run_id}")
        return found

    def done(self, *args: Any, **more: Any) -> str:
        """Launch a run and wait for its success; its id."""
        run_id = self.launched(*args, **more)
        assert self.ended(run_id) == "SUCCESS"
        return run_id


LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId status jobName tags { key value } } }
    ... on Error { message }
    ... on InvalidStepError { invalidStepKey }
    ... on RunConfigValidationInvalid { errors { __typename message path reason } }
  }
}
"""
YEAR = {"ops": {"load": {"config": {"year": 2013}}}}


def begin(folder: Path, *named: str) -> tuple[subprocess.Popen[str], str]:
    """Start a server in a folder; the process and its address."""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "JOBNB_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "jobnb.cli", "serve", "--port", "0", "--token", TOKEN]
    process = subprocess.Popen(
        [*command, *named], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("GraphQL: http://127.0.0.1:"), line
    return process, line.removeprefix("GraphQL: ").partition("/graphql")[0]


def end(process: subprocess.Popen[str]) -> int:
    """Stop a server as Ctrl-C does; how it exited."""
    import signal

    process.send_signal(signal.SIGINT)
    try:
        return process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a server of the notebook and the file."""
    folder = tmp_path_factory.mktemp("served")
    write_notebook(folder / NOTEBOOK)
    (folder / FILE).write_text(PLAIN)
    process, address = begin(folder, "-n", NOTEBOOK, "-f", FILE, "--in-process")
    client = Client(address, folder)
    yield client
    client.http.close()
    end(process)
    assert process.stdout is not None
    process.stdout.close()
