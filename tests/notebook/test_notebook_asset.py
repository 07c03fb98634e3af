"""A notebook is the code of an asset or op: its inputs go in, its results come out."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import pytest

from jobnb import (
    ExecutedNotebook,
    Failure,
    InvalidDefinitionError,
    InvalidInvocationError,
    NotebookError,
    RunStatus,
    Session,
    asset,
    fold,
    job,
    materialize,
    notebook_asset,
    notebook_op,
    op,
)
from jobnb.display.step_cells import step_cells
from jobnb.staleness.versions import CodeVersions


@asset
def orders():
    return pd.DataFrame({"price": [1, 2, 3]})


def sales_of(write, **more):
    """An asset of a notebook that reads a table and a year, and hands back a total."""
    path = write(
        "# Sales",
        ("year = 2013\nrows = None", "parameters"),
        "print(year)",
        "total = year + int(rows['price'].sum())",
    )
    return notebook_asset("sales", path, {"rows": "orders"}, results=["total"], **more)


def test_inputs_and_config_go_in_and_results_come_out(write):
    sales = sales_of(write)

    @asset
    def report(sales: ExecutedNotebook):
        return sales["total"]

    config = {"ops": {"sales": {"config": {"year": 7}}}}
    result = materialize([orders, sales, report], run_config=config)
    assert result.asset_value("report") == 13
    done = result.asset_value("sales")
    printed = [output["text"] for output in done.outputs() if output["output_type"] == "stream"]
    assert "".join(printed[0]) == "7\n"
    with pytest.raises(NotebookError, match="Did you mean 'total'"):
        done["totale"]


def test_the_parameters_are_the_config_and_a_default_is_left_to_the_notebook(write):
    sales = sales_of(write)
    assert list(sales.op.config_schema) == ["year"]
    path = Path(sales.op.function.fn.path)
    path.write_text(path.read_text().replace("2013", "2014"))
    assert materialize([orders, sales]).asset_value("sales")["total"] == 2020


def test_editing_its_code_makes_it_stale_and_editing_its_text_does_not(write):
    sales = sales_of(write)
    path = Path(sales.op.function.fn.path)
    before = CodeVersions().of(sales, sales.key)
    path.write_text(path.read_text().replace("# Sales", "# Sales of a year"))
    assert CodeVersions().of(sales, sales.key) == before
    path.write_text(path.read_text().replace("year + int", "year - int"))
    assert CodeVersions().of(sales, sales.key) != before


@pytest.mark.parametrize("executor", ["threads", "multiprocess"])
def test_every_executor_runs_it(write, tmp_path, executor):
    session = Session(str(tmp_path / "home"))
    session.add(orders, sales_of(write, group_name="money"))
    result = session.materialize("*sales", executor=executor)
    assert result.asset_value("sales")["total"] == 2019
    assert session.value("sales").kernel == "python3"
    assert fold(result.all_events).steps["sales"].progress.words == "4 of 4 · cells"


def test_a_failure_names_the_cell_and_keeps_the_notebook_as_far_as_it_came(write, tmp_path):
    session = Session(str(tmp_path / "home"))
    path = write("print('so far')", "1 / 0", "print('never')")
    session.add(notebook_asset("broken", path))
    with pytest.raises(Failure, match=r"Cell \[2\] \(1 / 0\) failed: ZeroDivisionError"):
        session.materialize("broken")
    (kept,) = (tmp_path / "home").rglob("nb.ipynb")
    text = kept.read_text()
    assert "so far" in text
    assert "ZeroDivisionError" in text


def test_a_step_that_executed_a_notebook_opens_as_its_own_cells(tmp_path, monkeypatch):
    session = Session(str(tmp_path / "home"))
    monkeypatch.setattr("jobnb.session", session, raising=False)
    header = "# ---\n# jupyter:\n#   kernelspec:\n#     name: python3\n# ---\n"
    path = tmp_path / "sales.py"
    text = "# %% tags=['parameters']\nyear = 1\nrows = None\n# %%\ntotal = year * rows\n# %%\n"
    path.write_text(f"{header}{text}1 / (total - 6)")
    given = {"config": {"year": 2}}

    @asset
    def rows():
        return 3

    @op(name="rows")
    def rows_op():
        return 3

    opened = notebook_op("sales_op", path, ["rows"], outs=["total"])

    @job
    def daily():
        opened(rows_op())

    session.add(rows, notebook_asset("sales", path, ["rows"]), daily, opened)
    for name, target in (("sales", "*sales"), ("sales_op", "daily")):
        run = session.launch(target, config={"ops": {name: given}}).wait()
        assert run.status == "FAILURE", run.status
        first, *cells, last = step_cells(session.debug(run))
        assert cells == ["total = year * rows", "1 / (total - 6)"]
        assert last == f"# Mend it in {path}, too; then:\nstep.resume()"
        names = {}
        exec(first, names)
        assert (names["year"], names["rows"]) == (2, 3)
        assert f"step = jobnb.session.debug('{run.run_id}'" in first.replace('"', "'")


def test_a_variable_that_is_not_there_is_named(write):
    missing = notebook_asset("missing", write("totals = 3"), results=["total"])
    with pytest.raises(NotebookError, match="Did you mean 'totals'"):
        materialize([missing])


def test_cancel_ends_the_kernel(write, tmp_path):
    session = Session(str(tmp_path / "home"))
    source = f"import os, pathlib, time\nfile = pathlib.Path({str(tmp_path)!r}, 'pid')\n"
    source += (
        "file.with_name('new').write_text(str(os.getpid()))\nfile.with_name('new').rename(file)"
    )
    session.add(notebook_asset("slow", write(f"{source}\nfor _ in range(6000): time.sleep(0.1)")))
    run = session.launch("slow")
    until = time.monotonic() + 60
    while not (tmp_path / "pid").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    run.cancel()
    run.wait(timeout=60)
    assert run.status == RunStatus.CANCELED
    kernel = Path("/proc", (tmp_path / "pid").read_text())
    while kernel.exists() and Path("/proc/self").exists():
        assert time.monotonic() < until + 60
        time.sleep(0.05)


def test_the_tag_of_a_run_chooses_the_kernel(write):
    quick = notebook_asset("quick", write("1"))
    with pytest.raises(NotebookError, match="no kernel 'none_such'"):
        materialize([quick], tags={"jobnb/kernel": "none_such"})


def test_an_op_hands_back_its_variables_and_the_notebook(tmp_path):
    path = tmp_path / "double.py"
    path.write_text('# %% tags=["parameters"]\nnumber = 1\n# %%\nresult = 2 * number\n')
    double = notebook_op("double", path, ["number"], outs=["result"])

    @op
    def five():
        return 5

    @job
    def doubled():
        double(five())

    result = doubled.execute_in_process()
    assert result.output_for_node("double", "result") == 10
    assert result.output_for_node("double", "notebook").title == "double"


def test_what_is_no_notebook_is_refused_at_once(write, tmp_path):
    with pytest.raises(InvalidDefinitionError, match="There is no notebook"):
        notebook_asset("gone", tmp_path / "gone.ipynb")
    with pytest.raises(InvalidDefinitionError, match="name a notebook"):
        notebook_asset("table", tmp_path / "table.csv")
    with pytest.raises(InvalidDefinitionError, match=r"give a list: \['a'\]"):
        notebook_asset("one", write("1"), "a")
    path = write("total = 1")
    for make, wrong, said in (
        (notebook_op, "results", r"notebook_op\(\) takes no 'results'. It is called 'outs' here"),
        (notebook_asset, "outs", "It is called 'results' here"),
        (notebook_asset, "group", "Did you mean 'group_name'?"),
    ):
        with pytest.raises(InvalidInvocationError, match=said):
            make("sales", path, **{wrong: ["total"]})


def test_a_value_that_names_a_variable_of_the_environment_is_not_written_down(write, monkeypatch):
    monkeypatch.setenv("SECRET_WORD", "sesame")
    path = write(("word = ''", "parameters"), "size = len(word)")
    opened = notebook_asset("opened", path, results=["size"])
    config = {"ops": {"opened": {"config": {"word": {"env": "SECRET_WORD"}}}}}
    done = materialize([opened], run_config=config).asset_value("opened")
    assert done["size"] == 6
    assert "sesame" not in done.text
