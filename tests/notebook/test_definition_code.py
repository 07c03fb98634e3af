"""Of a notebook's code, what defines is kept and what runs is left out."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import InvalidDefinitionError
from jobnb.notebook.definition_code import DefinedNames, DefinitionCode, plain_source


def kept(*cells: str) -> str:
    code = DefinitionCode()
    modules = [code.pick(plain_source(cell), "cell") for cell in cells]
    return "\n".join(ast.unparse(module) for module in modules if module.body)


@pytest.mark.parametrize(
    "source",
    [
        "session.materialize()",
        "result = daily.execute_in_process()",
        "materialize([a, b])",
        "for day in days:\n    daily.execute_in_process()",
        "with home() as it:\n    daily.execute_in_process(instance=it)",
        "run = await session.launch('daily')",
        "session.value('x')",
        "session.runs",
        "jb.session.runs",
        "b = session.backfill('x')",
        "session.resume_backfill(known)",
        "session.observe_assets()",
        "session.partitions('x')",
        "session.peek('x')",
        "print(session.status('x'), session.stale())",
        "session.automation.start('nightly')",
        "loop = jb.session.automation",
        "loop.tick_now('nightly')",
        "nightly.evaluate_tick(build_schedule_context())",
        "session.instance.add_dynamic_partitions('cities', ['Oslo'])",
        "x = [job.execute_in_process() for job in jobs]",
        "%matplotlib inline",
        "!pip install x",
        "files = !ls",
        "display(x)",
        'if __name__ == "__main__":\n    main()',
        "await something()",
    ],
)
def test_a_statement_that_runs_is_left_out(source):
    assert kept(source) == ""


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "import pandas as pd",
        "@asset\ndef a():\n    return session.value('b')",
        "def main():\n    return daily.execute_in_process()",
        "later = lambda: daily.execute_in_process()",
        "class A:\n\n    def run(self):\n        return materialize([self])",
        "daily = graph.to_job()",
        "runs = 3",
        "status = other.status",
        "session",
        "session.add(tables)",
    ],
)
def test_a_statement_that_defines_is_kept(source):
    assert kept(source) == source


def test_what_needs_a_result_is_left_out_too_until_the_name_is_given_anew():
    assert kept("r = a.execute_in_process()\nx = r.value + 1\ny = 2", "print(x)", "z = y") == (
        "y = 2\nz = y"
    )
    assert kept("r = materialize([a])", "r = 3", "s = r") == "r = 3\ns = r"


def test_a_function_that_needs_a_result_only_when_called_is_kept():
    source = "def f():\n    return r"
    assert kept("r = materialize([a])", source) == source


def test_a_function_that_needs_a_result_as_default_or_decorator_is_left_out():
    assert kept("r = materialize([a])", "def f(x=r):\n    pass", "@r\ndef g():\n    pass") == ""


def test_a_timed_cell_still_defines():
    assert kept("%%time\nx = 1") == "x = 1"


def test_line_numbers_stay_those_of_the_cell():
    (statement,) = DefinitionCode().pick("materialize([a])\n\nx = 1", "cell").body
    assert statement.lineno == 3


def test_after_a_run_was_left_out_what_lacks_it_may_fail_but_no_definition_may():
    code = DefinitionCode()
    (shown,) = code.pick("pd.read_csv('report.csv')", "cell").body
    assert not code.forgives(shown, FileNotFoundError())
    code.pick("daily.execute_in_process()", "cell")
    assert code.forgives(shown, FileNotFoundError())
    assert not code.forgives(shown, InvalidDefinitionError("no"))
    (defined,) = code.pick("@asset\ndef a(): ...", "cell").body
    assert not code.forgives(defined, TypeError())
    (assigned,) = code.pick("table = read()", "cell").body
    assert code.forgives(assigned, FileNotFoundError())
    assert code.pick("table.head()", "cell").body == []


@given(st.text(max_size=80))
def test_any_text_is_picked_or_a_syntax_error(text):
    try:
        DefinitionCode().pick(plain_source(text), "cell")
    except (SyntaxError, ValueError):
        pass


SURE = """
from jobnb import asset, define_asset_job, job, op
@op
def load(): ...
@job
def daily():
    load()
@asset(key_prefix=["shop"])
def orders(): ...
weekly = define_asset_job("each_week", "orders")
"""


@pytest.mark.parametrize("name", ["daily", "each_week", "orders", "shop"])
def test_names_that_stand_in_the_code_are_told(name):
    told = DefinedNames(["%matplotlib inline", SURE, "print(f'made {name} ' + 'now')"])
    assert told.is_sure
    assert name in told.words


@pytest.mark.parametrize(
    "more",
    [
        "from pipeline import *",
        "session.add(pipeline)",
        "define_asset_job(name)",
        "job(name=f'{x}_job')(f)",
        "asset(name='a' + x)(f)",
        "job(**options)(f)",
        "%run other.ipynb",
        "exec(text)",
        "Definitions(jobs=[theirs])",
        "load_assets_from_modules([pipeline])",
        "not python (",
    ],
)
def test_code_that_may_define_by_other_names_is_not_sure(more):
    assert not DefinedNames([SURE, more]).is_sure
