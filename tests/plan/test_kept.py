"""What planning keeps from run to run: the same plan, as long as nothing was defined anew."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import cloudpickle
import pytest

from jobnb import (
    Config,
    Definitions,
    EnvVar,
    Field,
    Instance,
    InvalidDefinitionError,
    IOManager,
    Session,
    asset,
    define_asset_job,
    job,
    mem_io_manager,
    op,
)
from jobnb.plan.build import build_plan


def assets(value):
    @asset
    def orders():
        return value

    @asset
    def total(orders):
        return orders + 1

    return [orders, total]


def test_the_steps_of_a_job_are_made_once():
    defs = Definitions(assets(1), jobs=[define_asset_job("all")])
    first, again = (build_plan(defs.get_job_def("all")) for _ in range(2))
    assert first.steps is again.steps
    assert first.steps is not build_plan(defs.get_job_def("all"), op_selection=["orders"]).steps


def test_a_session_keeps_what_it_planned_until_something_is_defined_anew(tmp_path):
    session = Session(str(tmp_path)).add(*assets(1))
    before = session.snapshot()
    assert session.materialize("*").asset_value("total") == 2
    assert session.snapshot() is before
    session.add(assets(5)[0])
    assert session.snapshot() is not before
    assert session.materialize("*").asset_value("total") == 6
    session.add(resources={"db": 1})
    assert session.snapshot().resources == {"db": 1}
    session.add(resources={"db": 2})
    assert session.snapshot().resources == {"db": 2}


def test_selections_that_mean_other_assets_are_other_jobs():
    defs = Definitions(assets(1))
    kept = defs.job_of_assets("some", ["orders"])
    assert defs.job_of_assets("some", ["orders"]) is kept
    assert defs.job_of_assets("some", ["total"]) is not kept
    assert defs.job_of_assets("others", ["orders"]) is not kept
    assert [step.key for step in build_plan(defs.job_of_assets("some", "*total")).steps] == [
        "orders",
        "total",
    ]


def test_config_and_variables_are_read_for_each_run(monkeypatch):
    class Year(Config):
        year: int = 1

    @asset
    def flights(config: Year):
        return config.year

    defs = Definitions([flights], resources={"io_manager": mem_io_manager})

    def made(config):
        run = defs.job_of_assets("all").execute_in_process(config, instance=Instance.ephemeral())
        return run.asset_value("flights")

    year = {"ops": {"flights": {"config": {"year": EnvVar.int("YEAR")}}}}
    monkeypatch.setenv("YEAR", "2013")
    assert made(year) == 2013
    monkeypatch.setenv("YEAR", "2014")
    assert (made(year), made(None), made(year)) == (2014, 1, 2014)


@op
def double(x: int):
    return 2 * x


@job
def doubled():
    double()


def test_inputs_that_config_gives_are_those_of_the_run_also_side_by_side():
    def run(number):
        config = {"ops": {"double": {"inputs": {"x": number}}}}
        return doubled.execute_in_process(config).output_for_node("double")

    for _ in range(2):
        with pytest.raises(InvalidDefinitionError, match="fed by nothing"):
            build_plan(doubled)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(run, range(40))) == [2 * number for number in range(40)]


def test_resources_are_those_of_the_run():
    class Told(IOManager):
        def __init__(self, name):
            self.name, self.kept = name, []

        def handle_output(self, context, obj):
            self.kept.append(obj)

        def load_input(self, context):
            return self.kept[-1]

    some, others = Told("some"), Told("others")
    whole = Definitions(assets(1)).job_of_assets("all")
    for manager in (some, others, some):
        given = {"io_manager": manager}
        assert whole.execute_in_process(resources=given, instance=Instance.ephemeral()).success
    assert (some.kept, others.kept) == ([1, 2, 1, 2], [1, 2])


def test_the_schema_of_the_config_is_that_of_the_resources_given():
    from jobnb import resource

    @resource(config_schema={"url": Field(str, default_value="a")})
    def one(context):
        return context.resource_config["url"]

    @resource(config_schema={"path": Field(str, default_value="b")})
    def other(context):
        return context.resource_config["path"]

    @op(required_resource_keys={"db"})
    def read(context):
        return context.resources.db

    @job(resource_defs={"db": one})
    def reading():
        read()

    def made(**parameters):
        return reading.execute_in_process(**parameters).output_for_node("read")

    assert made() == "a"
    config = {"resources": {"db": {"config": {"path": "c"}}}}
    assert made(resources={"db": other}, run_config=config) == "c"
    assert made(run_config={"resources": {"db": {"config": {"url": "d"}}}}) == "d"


def test_what_is_sent_to_another_process_is_planned_there():
    whole = Definitions(assets(1)).job_of_assets("all")
    steps = build_plan(whole).steps
    sent = cloudpickle.loads(cloudpickle.dumps(whole))
    assert ("outline" in whole.kept, sent.kept) == (True, {})
    assert [step.key for step in build_plan(sent).steps] == [step.key for step in steps]


def test_what_is_kept_with_a_plan_stays_in_this_process():
    plan = build_plan(Definitions(assets(1)).job_of_assets("all"))
    plan.kept["seen"] = threading.Lock()  # which cannot be sent anywhere
    assert cloudpickle.loads(cloudpickle.dumps(plan)).kept == {}
    assert build_plan(plan.job).kept is plan.kept
