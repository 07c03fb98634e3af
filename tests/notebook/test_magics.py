"""`%jobnb` in a real kernel: what it does, how it completes, what it says of a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobnb import InvalidInvocationError
from jobnb.notebook.completion import completions
from jobnb.notebook.magics import COMMANDS, read_line
from tests.notebook.talk import Talk

DEFINE = """
%load_ext jobnb
import time
from jobnb import (Config, DailyPartitionsDefinition, asset, define_asset_job, job, op, session)

session.clear()

@asset(group_name="raw")
def orders():
    "What was sold."
    return [1, 2]

@asset(key_prefix="mart", group_name="clean")
def revenue(orders):
    return sum(orders)

@asset(partitions_def=DailyPartitionsDefinition(start_date="2013-01-01", end_date="2013-01-05"))
def flights(context):
    return context.partition_key

class Limits(Config):
    year: int = 2000

@op
def load(config: Limits):
    return config.year

@job
def daily():
    "Every day."
    load()

@op
def wait():
    while True:
        time.sleep(0.001)

@job
def endless():
    wait()
"""


@pytest.fixture(scope="module")
def only_kernel(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        patch.delenv("JOBNB_HOME", raising=False)
        talk = Talk(tmp_path_factory.mktemp("magics"))
    yield talk
    talk.end()


@pytest.fixture
def kernel(only_kernel):
    only_kernel(DEFINE)
    return only_kernel


def shown(kernel, code):
    """The text of what a cell shows."""
    kinds = ("execute_result", "display_data")  # what is alive has a static copy before it
    outputs = [out for out in kernel(code) if out["type"] in kinds]
    assert 1 <= len(outputs) <= 2
    return outputs[0]["data"]["text/plain"]


def mistake(kernel, code):
    """How a mistake is told."""
    line = kernel.complain(code).strip()
    assert "Traceback" not in line
    return line


# --- what it does ---------------------------------------------------------


def test_without_a_command_it_says_what_it_can_do(kernel):
    text = kernel.text("%jobnb")
    assert all(f"  {name} " in text for name in COMMANDS)


def test_it_lists_assets_and_jobs(kernel):
    text = kernel.text("%jobnb ls")
    assert "mart/revenue" in text
    assert "What was sold." in text
    assert "daily" in text


def test_it_materializes_a_selection_and_gives_the_result(kernel):
    text = shown(kernel, "%jobnb materialize orders+")
    assert "orders" in text
    assert kernel.text("r = _\nprint(r.success, sorted(map(str, r.plan.step_keys)))").startswith(
        "True"
    )
    assert shown(kernel, "%jobnb value mart/revenue") == "3"


def test_a_selection_may_hold_spaces_and_quotes(kernel):
    kernel('r = %jobnb materialize "group:raw or group:clean"')
    assert kernel.text("print(len(r.plan.asset_keys))") == "2\n"
    kernel('r = %jobnb materialize key:"mart/*" and not group:raw')
    assert kernel.text("print(len(r.plan.asset_keys))") == "1\n"


def test_it_launches_a_job_with_config_from_a_text_a_file_and_a_name(kernel):
    kernel("r = %jobnb launch daily --config {ops: {load: {config: {year: 2013}}}} --tag team=a b")
    told = "print(r.result(30).output_for_node('load'), r.record.tags)"
    assert kernel.text(told) == "2013 {'team': 'a b'}\n"
    kernel("open('c.yaml', 'w').write('ops: {load: {config: {year: 2014}}}')")
    kernel("r = %jobnb launch daily --config c.yaml")
    assert kernel.text(told).startswith("2014 ")
    kernel(
        "mine = {'ops': {'load': {'config': {'year': 2015}}}}\n"
        "r = %jobnb launch daily --config mine"
    )
    assert kernel.text(told).startswith("2015 ")
    kernel("%%jobnb launch daily\nops:\n  load:\n    config:\n      year: 2016")
    assert kernel.text("r = _\n" + told).startswith("2016 ")


def test_it_runs_for_a_partition(kernel):
    kernel("r = %jobnb materialize flights --partition 2013-01-02")
    assert kernel.text("print(r.asset_value('flights'))") == "2013-01-02\n"
    assert shown(kernel, "%jobnb value flights --partition 2013-01-02") == "'2013-01-02'"


def test_it_runs_for_several_partitions(kernel):
    kernel("@asset(partitions_def=flights.partitions_def)\ndef delays(context): ...")
    kernel(
        "r = %jobnb materialize delays --partition 2013-01-01 "
        "--partition-range 2013-01-03...2013-01-04"
    )
    made = "sorted(key[-1:] for key in session.instance.get_materialized_partitions('delays'))"
    assert shown(kernel, made) == "['1', '3', '4']"


def test_it_shows_the_history_and_one_run_of_it(kernel):
    kernel("r = %jobnb launch daily\nr.wait(30)\nrun_id = r.run_id")
    run_id = kernel.text("print(run_id)").strip()
    assert run_id[:8] in shown(kernel, "%jobnb runs")
    assert "daily" in shown(kernel, "%jobnb runs daily")
    assert "0 runs" in shown(kernel, "%jobnb runs endless")
    assert "load" in shown(kernel, f"%jobnb run {run_id[:12]}")
    kernel("del r, _\nimport gc; Out.clear()")
    assert "load" in shown(kernel, f"%jobnb run {run_id}")


def test_it_draws_what_is_selected(kernel):
    text = shown(kernel, "%jobnb graph orders")
    assert "orders" in text
    assert "flights" not in text
    assert "load" in shown(kernel, "%jobnb graph daily")
    assert "flights" in shown(kernel, "%jobnb graph")


def test_it_cancels_a_run_by_the_beginning_of_its_id(kernel):
    kernel("a = %jobnb launch endless\nb = %jobnb launch endless")
    assert "Say which one" in mistake(kernel, "%jobnb cancel")
    begins = kernel.text("print(a.run_id[:12])").strip()
    assert begins in kernel.text(f"%jobnb cancel {begins}")
    assert kernel.text("print(a.wait(30).status)") == "CANCELED\n"
    kernel("%jobnb cancel")
    assert kernel.text("print(b.wait(30).status)") == "CANCELED\n"
    assert "No run is in progress" in mistake(kernel, "%jobnb cancel")


# --- mistakes -------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("lunch daily", "Did you mean 'launch'?"),
        ("launch dialy", "Did you mean 'daily'?"),
        ("launch", "%jobnb launch needs a job or a selection of assets."),
        ("launch daily --confg x", "Did you mean 'config'?"),
        ("launch daily --config nowhere.yaml", "nowhere.yaml"),
        ("launch daily --config {ops: {load: {config: {year: x, yeer: 1}}}}", "year"),
        ("launch daily --tag team", "KEY=VALUE"),
        ("materialize ordres", "Did you mean 'orders'?"),
        ("graph *orders or ordres", "'orders'?\n  *orders or ordres\n             ^"),
        ("run 0000", "There is no run '0000' in"),
        ("value ordres", "Did you mean 'orders'?"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(kernel, line, told):
    text = mistake(kernel, f"%jobnb {line}")
    assert text.startswith("UsageError: ")
    assert told in text


def test_debug_says_which_runs_are_stored_if_none_of_those_has_failed(kernel):
    kernel("home, session.home = session.home, 'empty'")
    try:
        told = mistake(kernel, "%jobnb debug")
    finally:
        kernel("session.home = home")
    assert "No run in the history has failed." in told
    assert "execute_in_process() are in memory only" in told


def test_a_step_that_fails_is_raised_as_anywhere_else(kernel):
    kernel("@asset\ndef bad():\n    raise ValueError('no such file')")
    (error,) = kernel("%jobnb materialize bad", fails=True)
    assert (error["ename"], error["evalue"]) == ("ValueError", "no such file")


@pytest.mark.parametrize(
    ("text", "command", "rest", "options"),
    [
        ("", "", "", {}),
        ("ls", "ls", "", {}),
        ("launch a --config=x --tag a=b --tag c=d e", "launch", "a",
         {"config": ["x"], "tag": ["a=b", "c=d e"]}),
        ("materialize --partition 2013-01-01", "materialize", "", {"partition": ["2013-01-01"]}),
        ("materialize a --partition-range x...y", "materialize", "a",
         {"partition-range": ["x...y"]}),
        ("launch a-b --config '{a: 1}'", "launch", "a-b", {"config": ["{a: 1}"]}),
    ],
)  # fmt: skip
def test_lines_are_read(text, command, rest, options):
    line = read_line(text)
    assert (line.command, line.rest, line.options) == (command, rest, options)


def test_a_range_has_two_ends():
    line = read_line("materialize a --partition-range x")
    with pytest.raises(InvalidInvocationError, match="'x' is not of the form START...END"):
        _ = line.partitions


def test_an_option_that_is_none_is_refused():
    with pytest.raises(InvalidInvocationError, match="no option --partitoin"):
        read_line("materialize --partitoin x")


# --- completion -----------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%jobnb ", {f"%jobnb {name}" for name in COMMANDS}),
        ("%jobnb mat", {"%jobnb materialize"}),
        ("x = %jobnb la", {"x = %jobnb launch"}),
        ("%jobnb launch d", {"%jobnb launch daily"}),
        ("%jobnb materialize +or", {"%jobnb materialize +orders"}),
        ("%jobnb materialize orders or mart/", {"%jobnb materialize orders or mart/revenue"}),
        ("%jobnb graph group:c", {"%jobnb graph group:clean"}),
        ("%jobnb materialize orders an", {"%jobnb materialize orders and "}),
        ("%jobnb materialize roots(+mart/", {"%jobnb materialize roots(+mart/revenue"}),
        ("%jobnb materialize status:m", {"%jobnb materialize status:missing"}),
        ('session.materialize("+or', {'session.materialize("+orders'}),
        ("session.materialize('group:c", {"session.materialize('group:clean"}),
        ('session.launch("orders", "mart', {'session.launch("orders", "mart/revenue'}),
        ('define_asset_job("x", selection=["orders', {'define_asset_job("x", selection=["orders'}),
        ('AssetSelection.from_string("roots(ord', {'AssetSelection.from_string("roots(orders'}),
        ('daily.launch(op_selection=["lo', {'daily.launch(op_selection=["load'}),
        ("%jobnb value fl", {"%jobnb value flights"}),
        ("%jobnb launch daily --con", {"%jobnb launch daily --config"}),
        (
            "%jobnb materialize flights --partition 2013-01-0",
            {f"%jobnb materialize flights --partition 2013-01-0{day}" for day in (1, 2, 3, 4)},
        ),
        (
            "%jobnb materialize flights --partition-range 2013-01-02...2013-01-0",
            {
                f"%jobnb materialize flights --partition-range 2013-01-02...2013-01-0{day}"
                for day in (1, 2, 3, 4)
            },
        ),
        ("1 + 1\n%jobnb launch end", {"1 + 1\n%jobnb launch endless"}),
    ],
)
@pytest.mark.parametrize("with_types", [True, False])
def test_the_kernel_completes(kernel, typed, offered, with_types):
    kernel(f"get_ipython().kernel.use_experimental_completions = {with_types}")
    assert set(kernel.complete(typed)) == offered


def test_a_selection_completes_in_a_call_of_several_lines(kernel):
    kernel("get_ipython().kernel.use_experimental_completions = True")
    typed = 'x = 1\nsession.materialize(\n    "*ord'
    assert kernel.complete(typed) == [f"{typed}ers"]


def test_the_kernel_completes_runs(kernel):
    kernel("a = %jobnb launch endless")
    run_id = kernel.text("print(a.run_id)").strip()
    assert kernel.complete("%jobnb cancel ") == [f"%jobnb cancel {run_id}"]
    assert kernel.complete(f"%jobnb run {run_id[:12]}") == [f"%jobnb run {run_id}"]
    kernel("a.cancel(); a.wait(30)")


def test_other_lines_complete_as_ever(kernel):
    kernel("get_ipython().kernel.use_experimental_completions = True")
    kernel("get_ipython().kernel.use_experimental_completions = True")
    assert "%load_ext" in kernel.complete("%load_e")
    assert "session.materialize" in kernel.complete("session.materi")
    assert completions("jobnb launch") is None


def test_the_extension_can_be_taken_away_and_back(kernel):
    kernel("%unload_ext jobnb")
    assert "%jobnb materialize" not in kernel.complete("%jobnb ma")
    assert "not found" in kernel.complain("%jobnb ls")
    kernel("%load_ext jobnb")
    assert kernel.complete("%jobnb ma") == ["%jobnb materialize"]
