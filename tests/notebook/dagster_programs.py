"""Modules as people write them for Dagster, each with expressions and their values."""

PROGRAMS: dict[str, tuple[str, dict[str, object]]] = {}

PROGRAMS["plain assets"] = (
    '''"""Orders of a small shop.

Two tables and a report.
"""
from dagster import asset, Definitions


@asset
def orders():
    """What was ordered."""
    return [{"item": "pen", "price": 2}, {"item": "ink", "price": 7}]


# The prices are in euros.
@asset(group_name="reports", compute_kind="python")
def turnover(orders):
    # all of them, also the unpaid ones
    return sum(each["price"] for each in orders)


defs = Definitions(assets=[orders, turnover])
''',
    {"materialize_to_memory([orders, turnover]).output_for_node('turnover')": 9},
)

PROGRAMS["ops with config"] = (
    """from typing import List

from dagster import Config, RunConfig, job, op


class Scale(Config):
    factor: int = 3
    names: List[str] = ["a"]


@op
def numbers() -> List[int]:
    return [1, 2]


@op
def scaled(config: Scale, numbers: List[int]) -> List[int]:
    return [each * config.factor for each in numbers] * len(config.names)


@job
def scaling():
    scaled(numbers())


if __name__ == "__main__":
    result = scaling.execute_in_process(run_config=RunConfig(ops={"scaled": Scale(factor=10)}))
    assert result.success
""",
    {"scaling.execute_in_process().output_for_node('scaled')": [3, 6]},
)

PROGRAMS["graphs in graphs"] = (
    """from dagster import GraphOut, In, Out, graph, op

# ---------------------------------------------------------------------------
# Ops
# ---------------------------------------------------------------------------


@op(out={"low": Out(int), "high": Out(int)})
def bounds():
    return 2, 9


@op(ins={"low": In(int), "high": In(int)})
def span(low, high):
    return high - low


@op
def doubled(value: int) -> int:
    return value * 2


# ---------------------------------------------------------------------------
# Graphs
# ---------------------------------------------------------------------------


@graph(out={"low": GraphOut(), "high": GraphOut()})
def measured():
    low, high = bounds()
    return {"low": low, "high": high}


@graph
def whole():
    low, high = measured()
    doubled(span(low, high))


whole_job = whole.to_job(name="whole_job", tags={"team": "graphs"})
""",
    {"whole_job.execute_in_process().output_for_node('doubled')": 14},
)

PROGRAMS["daily partitions"] = (
    """from datetime import datetime

from dagster import AssetIn, DailyPartitionsDefinition, asset, define_asset_job

START = datetime(2023, 5, 1)
days = DailyPartitionsDefinition(start_date=START, end_offset=0)


@asset(partitions_def=days, metadata={"partition_expr": "day"})
def visits(context) -> str:
    day = context.asset_partition_key_for_output()
    context.log.info(day)
    return day


@asset(partitions_def=days, ins={"seen": AssetIn("visits")})
def visitors(context, seen: str) -> int:
    return len(seen)


visits_job = define_asset_job("visits_job", selection="*visitors", partitions_def=days)
""",
    {
        "materialize_to_memory([visits, visitors], partition_key='2023-05-02')"
        ".output_for_node('visitors')": 10
    },
)

PROGRAMS["resources as classes"] = (
    '''import sqlite3
from contextlib import contextmanager

from dagster import ConfigurableResource, Definitions, asset


class Warehouse(ConfigurableResource):
    """A database in memory."""

    path: str = ":memory:"

    @contextmanager
    def connect(self):
        connection = sqlite3.connect(self.path)
        try:
            yield connection
        finally:
            connection.close()


@asset
def answer(warehouse: Warehouse) -> int:
    with warehouse.connect() as connection:
        return connection.execute("select 6 * 7").fetchone()[0]


defs = Definitions(assets=[answer], resources={"warehouse": Warehouse()})
''',
    {
        "materialize_to_memory([answer], resources={'warehouse': Warehouse()})"
        ".output_for_node('answer')": 42
    },
)

PROGRAMS["resources as functions"] = (
    """from dagster import Field, IntSource, StringSource, job, op, resource


@resource(config_schema={"host": StringSource, "port": Field(IntSource, default_value=80)})
def client(init_context):
    config = init_context.resource_config
    yield f"{config['host']}:{config['port']}"


@op(required_resource_keys={"client"}, config_schema={"path": str})
def fetch(context):
    return f"{context.resources.client}/{context.op_config['path']}"


@job(
    resource_defs={"client": client},
    config={
        "ops": {"fetch": {"config": {"path": "index"}}},
        "resources": {"client": {"config": {"host": "localhost"}}},
    },
)
def fetching():
    fetch()
""",
    {"fetching.execute_in_process().output_for_node('fetch')": "localhost:80/index"},
)

PROGRAMS["an IO manager"] = (
    """from dagster import Definitions, IOManager, asset, io_manager, with_resources

STORE = {}


class InDict(IOManager):
    def handle_output(self, context, obj):
        STORE[tuple(context.asset_key.path)] = obj
        context.add_output_metadata({"length": len(obj)})

    def load_input(self, context):
        return STORE[tuple(context.asset_key.path)]


@io_manager
def in_dict():
    return InDict()


@asset(key_prefix=["raw", "web"], io_manager_key="dict_io")
def pages():
    return ["a", "b"]


from dagster import AssetIn  # noqa: E402


@asset(ins={"pages": AssetIn(key_prefix=["raw", "web"])}, io_manager_key="dict_io")
def titles(pages):
    return [each.upper() for each in pages]


assets = with_resources([pages, titles], {"dict_io": in_dict})
""",
    {
        "materialize(assets) and STORE[('titles',)]": ["A", "B"],
    },
)

PROGRAMS["schedules and sensors"] = (
    """from dagster import (
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    SkipReason,
    build_sensor_context,
    job,
    op,
    schedule,
    sensor,
)


@op(config_schema={"day": str})
def report(context):
    return context.op_config["day"]


@job
def daily():
    report()


@schedule(job=daily, cron_schedule="0 6 * * *", execution_timezone="Europe/Berlin")
def mornings(context):
    day = context.scheduled_execution_time.strftime("%Y-%m-%d")
    return RunRequest(run_key=day, run_config={"ops": {"report": {"config": {"day": day}}}})


weekly = ScheduleDefinition(
    job=daily, cron_schedule="@weekly", default_status=DefaultScheduleStatus.RUNNING
)


@sensor(job=daily, minimum_interval_seconds=60)
def new_files(context):
    if not context.cursor:
        context.update_cursor("1")
        yield SkipReason("first look")
        return
    yield RunRequest(run_key=context.cursor)
""",
    {
        "mornings.cron_schedule": "0 6 * * *",
        "weekly.cron_schedule": "@weekly",
        "new_files.evaluate_tick(build_sensor_context(cursor='4')).run_requests[0].run_key": "4",
    },
)

PROGRAMS["several assets of one function"] = (
    """from dagster import AssetKey, AssetOut, Output, asset, multi_asset


@multi_asset(
    outs={
        "train": AssetOut(key_prefix="ml"),
        "test": AssetOut(key_prefix="ml", is_required=False),
    },
    can_subset=False,
)
def split():
    yield Output([1, 2, 3], output_name="train", metadata={"rows": 3})
    yield Output([4], output_name="test")


@asset(non_argument_deps={AssetKey(["ml", "test"])})
def score():
    return 0.5
""",
    {
        "materialize_to_memory([split, score]).output_for_node('split', 'train')": [1, 2, 3],
        "materialize_to_memory([split, score]).output_for_node('score')": 0.5,
    },
)

PROGRAMS["dynamic outputs"] = (
    """from dagster import DynamicOut, DynamicOutput, job, op


@op(out=DynamicOut())
def pieces():
    for letter in "abc":
        yield DynamicOutput(letter, mapping_key=letter)


@op
def loud(letter):
    return letter.upper()


@op
def joined(letters):
    return "".join(sorted(letters))


@job
def shouting():
    joined(pieces().map(loud).collect())
""",
    {"shouting.execute_in_process().output_for_node('joined')": "ABC"},
)

PROGRAMS["hooks and retries"] = (
    """from dagster import Backoff, HookContext, RetryPolicy, RetryRequested, failure_hook
from dagster import job, op, success_hook

TRIES = []
TOLD = []


@success_hook
def tell(context: HookContext):
    TOLD.append(context.op.name)


@failure_hook(required_resource_keys=set())
def cry(context: HookContext):
    TOLD.append(f"no {context.op.name}")


@op(retry_policy=RetryPolicy(max_retries=2, delay=0, backoff=Backoff.LINEAR))
def flaky():
    TRIES.append(1)
    if len(TRIES) < 2:
        raise ValueError("not yet")
    return "at last"


@op
def asks():
    if len(TRIES) < 3:
        TRIES.append(2)
        raise RetryRequested(max_retries=2, seconds_to_wait=0)
    return len(TRIES)


@job(hooks={tell, cry})
def stubborn():
    flaky()
    asks()
""",
    {
        "stubborn.execute_in_process().success": True,
        "sorted(TOLD)": ["asks", "flaky"],
    },
)

PROGRAMS["a job by continent"] = (
    """from dagster import job, op, static_partitioned_config

CONTINENTS = ["africa", "asia", "europe"]


@static_partitioned_config(partition_keys=CONTINENTS)
def continent_config(partition_key: str):
    return {"ops": {"greet": {"config": {"name": partition_key}}}}


@op(config_schema={"name": str})
def greet(context):
    return f"hello {context.op_config['name']}"


@job(config=continent_config)
def greeting():
    greet()
""",
    {"greeting.execute_in_process(partition_key='asia').output_for_node('greet')": "hello asia"},
)

PROGRAMS["a graph as an asset"] = (
    """from dagster import AssetsDefinition, asset, graph, graph_asset, op


@asset
def base():
    return 5


@op
def plus_one(number):
    return number + 1


@op
def squared(number):
    return number**2


@graph_asset
def made(base):
    return squared(plus_one(base))


@graph
def bigger(made):
    return plus_one(made)


bigger_asset = AssetsDefinition.from_graph(bigger)
""",
    {"materialize_to_memory([base, made, bigger_asset]).output_for_node('bigger')": 37},
)

PROGRAMS["sources"] = (
    """from dagster import AssetKey, DataVersion, SourceAsset, asset, observable_source_asset

landing = SourceAsset(key=AssetKey(["landing", "events"]), description="Files of others.")


@observable_source_asset
def clock():
    return DataVersion("noon")


@asset(deps=[landing, clock])
def counted():
    return 3
""",
    {
        "materialize_to_memory([counted, landing, clock], selection=[counted])"
        ".output_for_node('counted')": 3
    },
)

PROGRAMS["a namespace"] = (
    """import dagster as dg


@dg.asset
def one():
    return 1


@dg.asset(op_tags={"queue": "small"}, code_version="7")
def two(context: dg.OpExecutionContext, one: int) -> dg.Output[int]:
    return dg.Output(one + 1, metadata={"text": dg.MetadataValue.md("**two**")})


both = dg.define_asset_job("both", selection=dg.AssetSelection.all())
defs = dg.Definitions(assets=[one, two], jobs=[both])
""",
    {"defs.get_job_def('both').execute_in_process().output_for_node('two')": 2},
)

PROGRAMS["types"] = (
    """from dagster import DagsterType, In, Out, TypeCheck, job, op, usable_as_dagster_type


def is_even(_, value):
    return TypeCheck(
        success=isinstance(value, int) and value % 2 == 0, description="even numbers only"
    )


Even = DagsterType(name="Even", type_check_fn=is_even, description="An even number.")


@usable_as_dagster_type(name="Pair")
class Pair(tuple):
    pass


@op(out=Out(Even))
def four():
    return 4


@op(ins={"number": In(Even)})
def paired(number) -> Pair:
    return Pair((number, number))


@job
def typed():
    paired(four())
""",
    {"tuple(typed.execute_in_process().output_for_node('paired'))": (4, 4)},
)

PROGRAMS["assets from a factory"] = (
    '''from dagster import AssetsDefinition, Definitions, asset

TABLES = ("users", "posts")


def table(name: str) -> AssetsDefinition:
    """An asset for each table."""

    @asset(name=f"{name}_table", group_name="tables")
    def made():
        return f"select * from {name}"

    return made


tables = [table(name) for name in TABLES]

defs = Definitions(assets=[*tables])
''',
    {"materialize_to_memory(tables).output_for_node('posts_table')": "select * from posts"},
)

PROGRAMS["materializations and loggers"] = (
    """import logging

from dagster import (
    AssetMaterialization,
    ExpectationResult,
    MetadataValue,
    Output,
    get_dagster_logger,
    job,
    logger,
    op,
)


@logger(config_schema={"level": str})
def quiet(init_context):
    found = logging.getLogger("quiet")
    found.setLevel(init_context.logger_config["level"])
    return found


@op
def written(context):
    get_dagster_logger().info("begin")
    context.log_event(AssetMaterialization("table", metadata={"path": MetadataValue.path("/t")}))
    yield ExpectationResult(success=True, label="there")
    yield Output(12)


@job(logger_defs={"quiet": quiet})
def writing():
    written()
""",
    {
        "writing.execute_in_process(run_config={'loggers': {'quiet': {'config': "
        "{'level': 'ERROR'}}}}).output_for_node('written')": 12
    },
)

PROGRAMS["async and generators"] = (
    """import asyncio
from typing import AsyncIterator, Iterator

from dagster import Nothing, In, Out, Output, job, op


@op
async def slow() -> int:
    await asyncio.sleep(0)
    return 8


@op(out={"small": Out(is_required=False), "large": Out(is_required=False)})
def sorted_out(value: int) -> Iterator[Output]:
    yield Output(value, "large" if value > 5 else "small")


@op
def small_one(value: int):
    raise AssertionError


@op
def large_one(value: int) -> int:
    return value + 1


@op(ins={"after": In(Nothing)})
def last() -> str:
    return "end"


@job
def branching():
    small, large = sorted_out(slow())
    small_one(small)
    last(after=large_one(large))
""",
    {
        "branching.execute_in_process().output_for_node('large_one')": 9,
        "branching.execute_in_process().output_for_node('last')": "end",
    },
)

PROGRAMS["a script with all sorts of comments"] = (
    '''#!/usr/bin/env python
# A header that stands alone.

from __future__ import annotations

import json  # of the standard library
from pathlib import Path

from dagster import asset, materialize

######################
# Constants
######################

LIMIT = 3  # at most
NAMES = ["x", "y"]
NAMES.append("z")

# old = LIMIT + 1
# print(old)

# === Helpers ===


def shorten(several):  # keeps the first
    return several[:LIMIT]


# right above
@asset
def names():
    """All names.

    More of them.
    """
    return shorten(NAMES * 2)  # cut


@asset
def as_json(names):
    text = """
    not indented # no comment
"""
    return json.dumps(names) + text.strip()


if __name__ == "__main__":
    result = materialize([names, as_json])

# the end
''',
    {
        "materialize_to_memory([names, as_json]).output_for_node('as_json')": (
            '["x", "y", "z"]not indented # no comment'
        )
    },
)

PROGRAMS["configured and selections"] = (
    """from dagster import AssetSelection, DagsterInstance, Definitions, Field, asset, configured
from dagster import define_asset_job, op, job


@op(config_schema={"by": Field(int, default_value=1), "sign": str})
def step(context):
    return context.op_config["by"] * (1 if context.op_config["sign"] == "+" else -1)


@configured(step, config_schema={"by": int})
def up(config):
    return {"by": config["by"], "sign": "+"}


down = step.configured({"sign": "-", "by": 2}, name="down")


@job(config={"ops": {"up": {"config": {"by": 5}}}})
def steps():
    up()
    down()


@asset(group_name="a")
def first():
    return "first"


@asset(group_name="b")
def second(first):
    return f"{first} second"


only_b = define_asset_job("only_b", AssetSelection.groups("b").upstream())
defs = Definitions(assets=[first, second], jobs=[only_b, steps])
""",
    {
        "steps.execute_in_process().output_for_node('up')": 5,
        "steps.execute_in_process().output_for_node('down')": -2,
        "defs.get_job_def('only_b').execute_in_process().output_for_node('second')": (
            "first second"
        ),
    },
)

PROGRAMS["two dimensions and mappings"] = (
    """from dagster import (
    AllPartitionMapping,
    AssetIn,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
    asset,
)

colours = StaticPartitionsDefinition(["red", "blue"])
sizes = StaticPartitionsDefinition(["s", "l"])
shirts = MultiPartitionsDefinition({"colour": colours, "size": sizes})


@asset(partitions_def=shirts)
def shirt(context):
    key = context.partition_key
    assert isinstance(key, MultiPartitionKey)
    return dict(key.keys_by_dimension)


@asset(partitions_def=colours)
def dye(context):
    return context.partition_key


@asset(ins={"dye": AssetIn(partition_mapping=AllPartitionMapping())})
def cupboard(dye):
    return sorted(dye)
""",
    {
        "materialize_to_memory([shirt], partition_key=MultiPartitionKey("
        "{'colour': 'red', 'size': 'l'})).output_for_node('shirt')": {
            "colour": "red",
            "size": "l",
        }
    },
)
