"""Notebooks and code written with dagstermill run as they did under dagstermill 0.20.7."""

from __future__ import annotations

import json
import pickle

import pandas as pd
import pytest

from jobnb import (
    AssetIn,
    AssetKey,
    Failure,
    In,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    NotebookError,
    Out,
    ResourceDefinition,
    RetryRequested,
    StaticPartitionsDefinition,
    asset,
    dagster_compat,
    dagstermill_compat,
    fs_io_manager,
    job,
    materialize,
    op,
    resource,
)
from jobnb.dagstermill_compat import (
    ConfigurableLocalOutputNotebookIOManager,
    define_dagstermill_asset,
    define_dagstermill_op,
    get_context,
    local_output_notebook_io_manager,
    yield_event,
    yield_result,
)


@op
def one():
    return 1


def tagged(text: bytes, tag: str) -> list[str]:
    cells = json.loads(text)["cells"]
    found = [cell for cell in cells if tag in cell["metadata"].get("tags", ())]
    return ["".join(cell["source"]) for cell in found]


def test_inputs_go_in_and_yielded_results_and_the_notebook_come_out(write, tmp_path):
    path = write(
        "import dagstermill",
        ("a = 3\nb = 5", "parameters"),
        "result = a + b",
        "dagstermill.yield_result(result)",
        "print('made', result)",
    )
    add = define_dagstermill_op(
        "add", path, {"a": In(int), "b": In(int)}, {"result": Out(int)}, output_notebook_name="book"
    )
    assert add.description == f"This op is backed by the notebook at {path}"
    assert add.tags == {"notebook_path": str(path), "kind": "ipynb"}
    assert add.required_resource_keys == {"output_notebook_io_manager"}
    read = []

    @op
    def look(book):
        read.append(book)

    books = local_output_notebook_io_manager.configured({"base_dir": str(tmp_path)})

    @job(resource_defs={"output_notebook_io_manager": books})
    def adds():
        _, book = add(one(), one())
        look(book)

    done = adds.execute_in_process()
    assert done.output_for_node("add") == 2
    assert type(read[0]) is bytes
    assert b"made 2" in read[0]
    assert not tagged(read[0], "parameters")
    (injected,) = tagged(read[0], "injected-parameters")
    assert injected.endswith("a = 1\nb = 1")
    (made,) = [e for e in done.all_events if e.event_type_value == "ASSET_MATERIALIZATION"]
    assert made.asset_key == AssetKey("add_output_notebook")
    where = made.materialization.metadata["Executed notebook"]
    assert where.path == str(tmp_path / done.run_id / "add" / "book.ipynb")
    assert (tmp_path / done.run_id / "add" / "book.ipynb").read_bytes() == read[0]


@resource(config_schema={"host": str})
def database(context):
    where = context.resource_config["host"]
    print("up", where)
    yield f"database at {where}"
    print("down", where)


NOTED = """
import dagster
print(context.op_config["year"], context.job_name, context.op_def.name, context.resources.database)
print(context.has_tag("who"), context.get_tag("who"), context.run_id == context.run.run_id)
context.log.info("hello from the notebook")
dagstermill.yield_event(dagster.AssetMaterialization("side", metadata={"rows": 3}))
dagstermill.yield_event(dagster.ExpectationResult(success=True, label="fine"))
dagstermill.yield_result({"year": context.op_config["year"]}, output_name="first")
dagstermill.yield_result(dagster.AssetKey("a"), output_name="table")
"""


@pytest.mark.parametrize("executor", ["threads", "multiprocess"])
def test_the_context_has_config_resources_tags_and_a_log(write, tmp_path, executor):
    parameters = "import dagstermill\ncontext = dagstermill.get_context(op_config={'year': 1})"
    noted = define_dagstermill_op(
        "noted",
        write((parameters, "parameters"), NOTED),
        outs={"first": Out(), "table": Out()},
        config_schema={"year": int},
        required_resource_keys={"database"},
        output_notebook_name="notes",
        io_manager_key="books",
        tags={"k": "v"},
    )

    books = ConfigurableLocalOutputNotebookIOManager(base_dir=str(tmp_path), asset_key_prefix=["z"])

    @job(
        resource_defs={"database": database, "books": books, "io_manager": fs_io_manager},
        tags={"who": "me"},
    )
    def notes():
        noted()

    config = {
        "ops": {"noted": {"config": {"year": 2013}}},
        "resources": {"database": {"config": {"host": "here"}}},
    }
    with Instance.local_temp(str(tmp_path)) as instance:
        run = notes.launch(config=config, executor=executor, instance=instance)
        done = run.result()
        assert done.success
        assert done.output_for_node("noted", "first") == {"year": 2013}
        assert done.output_for_node("noted", "table") == AssetKey("a")
        told = [e.event_type_value for e in done.all_events if e.step_key == "noted"]
        assert "STEP_EXPECTATION_RESULT" in told
        made = [e.asset_key for e in done.all_events if e.event_type_value.endswith("IALIZATION")]
        assert sorted(made) == [AssetKey("side"), AssetKey(["z", "noted_output_notebook"])]
        lines = {line.user_message: line.step_key for line in instance.all_logs(run.run_id)}
        assert lines["hello from the notebook"] == "noted"
    text = (tmp_path / run.run_id / "noted" / "notes.ipynb").read_text()
    assert "2013 notes noted database at here" in text
    assert "True me True" in text
    assert "up here" in text


def test_an_asset_is_its_notebook_and_downstream_reads_the_bytes(write, tmp_path):
    path = write(("orders = None", "parameters"), "print('total', orders['price'].sum())")

    @asset
    def orders():
        return pd.DataFrame({"price": [1, 2, 3]})

    parts = StaticPartitionsDefinition(["p", "q"])
    sales = define_dagstermill_asset(
        "sales", path, "shop", {"orders": AssetIn("orders")}, group_name="g", partitions_def=parts,
        config_schema={"a": int}, op_tags={"t": "u"},
    )  # fmt: skip
    assert sales.op.tags == {"t": "u", "notebook_path": str(path), "kind": "ipynb"}
    assert sales.op.description == f"This asset is backed by the notebook at {path}"

    @asset(ins={"sales": AssetIn(["shop", "sales"])}, partitions_def=parts)
    def report(sales):
        return type(sales), b"total 6" in sales

    books = {"output_notebook_io_manager": ConfigurableLocalOutputNotebookIOManager(
        base_dir=str(tmp_path)
    )}  # fmt: skip
    config = {"ops": {"shop__sales": {"config": {"a": 7}}}}
    done = materialize(
        [orders, sales, report], resources=books, run_config=config, partition_key="p"
    )
    assert done.output_for_node("report") == (bytes, True)
    (made,) = done.asset_materializations_for_node("shop__sales")
    assert made.metadata["Executed notebook"].path == str(tmp_path / "shop" / "sales" / "p.ipynb")


def test_a_failure_told_by_the_notebook_is_that_of_the_step_and_later_cells_run(write):
    said = write(
        "import dagstermill, dagster",
        "dagstermill.yield_event(dagster.Failure('I say no', metadata={'why': 'because'}))",
        "dagstermill.yield_event(dagster.AssetMaterialization('after'))",
    )
    says_no = define_dagstermill_op("says_no", said)

    @job
    def refuses():
        says_no()

    done = refuses.execute_in_process(raise_on_error=False)
    (failed,) = [e for e in done.all_events if e.is_step_failure]
    assert failed.event_specific_data.user_failure_data.description == "I say no"
    assert [e.asset_key for e in done.all_events if e.asset_key] == [AssetKey("after")]


def test_a_request_for_a_retry_is_kept_on_its_way_to_another_process():
    again = pickle.loads(pickle.dumps(RetryRequested(3, seconds_to_wait=2)))
    assert (again.max_retries, again.seconds_to_wait) == (3, 2)
    assert str(again) == str(RetryRequested(3))


def test_a_result_that_is_not_declared_is_an_error_in_its_cell(write):
    wrong = define_dagstermill_op(
        "wrong",
        write("import dagstermill", "dagstermill.yield_result(1, 'ni')"),
        outs={"no": Out()},
    )

    @job
    def wrongs():
        wrong()

    with pytest.raises(
        Failure, match=r"Cell \[3\].*no output 'ni' to yield. Its outputs are: 'no'"
    ):
        wrongs.execute_in_process()


def test_outside_of_runs_the_context_is_for_development():
    context = get_context({"a": 1}, {"r": ResourceDefinition.hardcoded_resource(5)})
    assert (context.op_config, context.resources.r) == ({"a": 1}, 5)
    assert context.job_name == "ephemeral_dagstermill_pipeline"
    assert context.op_def.name == "this_op"
    context.log.info("to nobody")
    assert yield_result(5, "any") == 5
    assert yield_event("an event") == "an event"
    of_run = get_context(run_config={"ops": {"this_op": {"config": 3}}})
    assert of_run.op_config == 3


def test_what_cannot_be_is_refused_where_it_is_defined(write, tmp_path):
    path = write("1")
    with pytest.raises(InvalidDefinitionError, match="There is no notebook"):
        define_dagstermill_op("gone", tmp_path / "gone.ipynb")
    with pytest.raises(InvalidDefinitionError, match=r"tags \['kind'\] of 'n'"):
        define_dagstermill_op("n", path, tags={"kind": "x"})
    with pytest.raises(InvalidDefinitionError, match="is the executed notebook"):
        define_dagstermill_op("n", path, outs={"a": Out()}, output_notebook_name="a")
    with pytest.raises(InvalidInvocationError, match="give a path"):
        define_dagstermill_op("n", 3)  # type: ignore[arg-type]


def test_the_names_are_found_as_dagstermills():
    dagster_compat.install()
    try:
        import dagstermill
        from dagstermill.errors import DagstermillError
        from dagstermill.io_managers import ConfigurableLocalOutputNotebookIOManager as theirs

        assert dagstermill.define_dagstermill_op is define_dagstermill_op
        assert theirs is ConfigurableLocalOutputNotebookIOManager
        assert issubclass(DagstermillError, NotebookError)
        assert set(dagstermill_compat.__all__) <= set(dir(dagstermill))
        with pytest.raises(AttributeError, match="define_dagstermill_op"):
            dagstermill.factory.make_notebook()
    finally:
        dagster_compat.uninstall()
