"""A step of an earlier run is opened: its inputs as they were, mended, and the run goes on."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from jobnb import (
    Config,
    ConfigurableResource,
    DynamicOut,
    DynamicOutput,
    InvalidSubsetError,
    RunNotFoundError,
    Session,
    StaticPartitionsDefinition,
    asset,
    graph_asset,
    job,
    mem_io_manager,
    op,
)
from jobnb.display.step_cells import step_cells


class Limits(Config):
    least: int = 2


class Prices(ConfigurableResource):
    factor: int = 10

    def teardown_after_execution(self, context):
        closed.append(self.factor)


closed: list[int] = []


@pytest.fixture
def session(tmp_path):
    return Session(str(tmp_path / "home"))


def failed_run(session, target, **options):
    run = session.launch(target, **options)
    run.wait(60)
    assert run.status == "FAILURE"
    return run


def run_cell(code, names):
    exec(compile(code, "cell", "exec"), names)


@op
def load():
    return {"a": 1}


@op
def clean(rows, config: Limits, prices: Prices):
    """Fail for a name that is not there."""
    value = rows["b"]
    return value * prices.factor + config.least


@op
def tell(value):
    return f"got {value}"


@job(resource_defs={"prices": Prices(factor=3)})
def daily():
    tell(clean(load()))


def test_the_inputs_config_and_resources_are_those_of_the_run_and_resume_takes_the_new_op(session):
    session.add(load, clean, tell, daily)
    run = failed_run(session, "daily", config={"ops": {"clean": {"config": {"least": 7}}}})
    closed.clear()
    opened = session.debug(run)
    assert opened.key == "clean"
    assert opened.error.cls_name == "KeyError"
    assert repr(opened.inputs) == "<inputs of step clean, loaded when asked for: {'rows': ...}>"
    assert dict(opened.inputs) == {"rows": {"a": 1}}
    assert "{'rows': {'a': 1}}" in repr(opened.inputs)
    with pytest.raises(KeyError, match="The step 'clean' has no input 'row'. Did you mean 'rows'"):
        opened.inputs["row"]
    assert opened.config.least == 7
    assert opened.resources["prices"].factor == 3
    assert opened.context.step_key == "clean"
    assert opened.missing == {}

    @op(name="clean")
    def mended(rows, config: Limits, prices: Prices):
        return rows["a"] * prices.factor + config.least

    session.add(mended)
    assert closed == []
    opened.close()
    assert closed == [3]  # what was opened here is torn down
    again = opened.resume()
    again.wait(60)
    assert again.result().output_for_node("tell") == "got 10"
    assert [e.step_key for e in again.events() if type(e).__name__ == "StepStarted"] == [
        "clean",
        "tell",
    ]
    assert len(session.instance.get_run_ids()) == 2  # what was opened is no run


def test_the_cells_run_as_ordinary_code(session, monkeypatch):
    session.add(load, clean, tell, daily)
    run = failed_run(session, "daily")
    opened = session.debug(run.run_id[:12], "clean")
    first, body, definition, resume = step_cells(opened)
    assert f'jobnb.session.debug("{run.run_id}", "clean")' in first
    assert session.debug(run).inputs["rows"] == {"a": 1}  # of one that nothing else holds
    assert definition.startswith("@op\ndef clean(rows, config: Limits, prices: Prices):")
    assert resume.startswith("step.resume()")
    assert body == 'value = rows["b"]\nresult = value * prices.factor + config.least\nresult'
    monkeypatch.setattr("jobnb.session", session, raising=False)
    names = {}
    run_cell(first, names)
    assert names["rows"] == {"a": 1}
    assert names["config"].least == 2
    with pytest.raises(KeyError):
        run_cell(body, names)
    names["rows"]["b"] = 5
    run_cell(body, names)
    assert names["result"] == 5 * 3 + 2


@op(out=DynamicOut())
def split():
    for name in ("x", "y"):
        yield DynamicOutput(name, mapping_key=name)


@op
def each(name, base: int = 0):
    if name == "y":
        raise ValueError(name)
    return base


def test_an_op_inside_of_a_graph_that_makes_an_asset_is_mended_and_resume_takes_it(session):
    @op
    def prices(orders):
        return {"b": 2 * orders}

    @op
    def total(prices):
        return prices["a"]

    @asset
    def orders():
        return 21

    @graph_asset
    def revenue(orders):
        return total(prices(orders))

    session.add(prices, total, orders, revenue)
    run = failed_run(session, None)
    with session.debug(run.run_id) as opened:
        assert opened.key == "revenue.total"
        assert opened.inputs["prices"] == {"b": 42}
        assert "# Before the next launch of the asset 'revenue'" in "\n".join(step_cells(opened))

        @op(name="total")
        def mended(prices):
            return prices["b"]

        session.add(mended)
        again = opened.resume()
    again.wait(60)
    assert again.status == "SUCCESS"
    assert session.value("revenue") == 42
    assert [key for key, step in again.state.steps.items() if step.started] == ["revenue.total"]
    stored = session.debug(again.run_id, "revenue.total")
    assert stored.function is mended.function.fn


def test_one_element_of_a_mapped_step_is_opened(session):
    @job
    def mapped():
        split().map(each)

    session.add(split, each, mapped)
    run = failed_run(session, "mapped")
    opened = session.debug(run)
    assert opened.key == "each[y]"
    assert dict(opened.inputs) == {"name": "y", "base": 0}
    assert opened.context.get_mapping_key() == "y"
    assert step_cells(opened)[1].endswith("raise ValueError(name)\nresult = base\nresult")


def test_an_asset_is_opened_with_its_partition_and_what_was_made_again_since_is_named(session):
    parts = StaticPartitionsDefinition(["a", "b"])

    @asset
    def orders():
        return [1, 2]

    @asset(partitions_def=parts)
    def report(context, orders):
        return orders[9]

    session.add(orders, report)
    session.materialize("orders")
    run = failed_run(session, "report", partition="b")
    opened = session.debug(run)
    assert opened.partition == "b"
    assert opened.context.partition_key == "b"
    assert opened.inputs["orders"] == [1, 2]
    assert opened.notes == []
    session.materialize("orders")
    (note,) = session.debug(run).notes
    assert note.startswith("The asset 'orders' was made again since, by run")
    assert note in "\n".join(step_cells(session.debug(run)))

    @asset(name="report", partitions_def=parts)
    def mended(context, orders):
        return orders[1]

    session.add(mended)
    opened.resume().wait(60)
    assert session.value("report", partition="b") == 2


def test_what_was_not_stored_is_named_with_the_next_step(session):
    @job(resource_defs={"io_manager": mem_io_manager, "prices": Prices()})
    def in_memory():
        tell(clean(load()))

    session.add(load, clean, tell, in_memory)
    run = failed_run(session, "in_memory")
    run_id = run.run_id
    code = f"""
    from jobnb import Session, StorageError
    from tests.execution.test_debugging import *

    @job(resource_defs={{"io_manager": mem_io_manager, "prices": Prices()}})
    def in_memory():
        tell(clean(load()))

    session = Session({session.home!r}).add(load, clean, tell, in_memory)
    opened = session.debug({run_id!r})
    print(opened.missing["rows"])
    print(step_cells(opened)[0])
    try:
        opened.inputs["rows"]
    except StorageError as error:
        print("raised", str(error) == opened.missing["rows"])
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert "The input 'rows' was not stored: what step 'load' gave" in ran.stdout
    assert f"session.rerun('{run_id}', steps=['load+'])" in ran.stdout
    assert "\nrows = ...\n" in ran.stdout
    assert "raised True" in ran.stdout


def test_a_step_that_is_not_there_or_did_not_begin_is_an_error_with_the_next_step(session):
    session.add(load, clean, tell, daily)
    run = failed_run(session, "daily")
    with pytest.raises(InvalidSubsetError, match="did not begin.*Open 'clean', which failed"):
        session.debug(run, "tell")
    with pytest.raises(InvalidSubsetError, match="has no step 'claen'.*clean"):
        session.debug(run, "claen")


def test_a_run_is_named_by_its_id_how_it_begins_itself_or_its_record(session):
    with pytest.raises(RunNotFoundError, match="No run in the history has failed"):
        session.debug()
    session.add(load, clean, tell, daily)
    run = failed_run(session, "daily")
    (record,) = session.runs
    for named in (run.run_id, run.run_id[:8], run, record, record.dagster_run):
        assert session.debug(named).run.run_id == run.run_id
        assert session.run(named).run_id == run.run_id
        assert session.diff(named).before == f"run {run.run_id[:8]}"
    assert session.debug().run.run_id == run.run_id
    assert session.rerun(record, steps=["load"]).wait(60).status == "SUCCESS"
    with pytest.raises(InvalidSubsetError, match=f"What the run {run.run_id[:8]}.* defined here"):
        Session(str(session.instance.home)).debug(record)
