"""A notebook is executed in a real kernel; whatever happens, what came out is kept."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
import time
from xml.etree import ElementTree as ET

import nbformat
import pytest

from jobnb import NotebookError, RunStatus
from jobnb.notebook.cell_tags import tags_of
from jobnb.notebook.headless import execute_notebook
from jobnb.notebook.outcome import CellError, CellStatus, Progress, Verdict


def statuses(outcome):
    return [cell.status for cell in outcome.cells]


def text_of(path):
    cells = nbformat.read(path, 4).cells
    found = [output for cell in cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in found)


class Told(Progress):
    """Remembers what it is told."""

    def __init__(self):
        self.calls = []

    def began(self, name, cells):
        self.calls.append(("began", name, cells))

    def cell_began(self, number, label):
        self.calls.append(("cell", number, label))

    def cell_ended(self, cell):
        self.calls.append(("done", cell.number, cell.status))

    def note(self, text):
        self.calls.append(("note", text))

    def ended(self, outcome):
        self.calls.append(("ended", outcome.verdict))


def test_all_cells_are_executed_and_the_source_is_left_alone(write, tmp_path):
    path = write("# Title", "x = 3", "print(x)")
    before = path.read_bytes()
    outcome = execute_notebook(path, output=tmp_path / "out.ipynb")
    assert outcome.success
    assert outcome.exit_code == 0
    assert statuses(outcome) == [CellStatus.SUCCEEDED] * 2
    assert text_of(tmp_path / "out.ipynb") == "3\n"
    assert path.read_bytes() == before


def test_what_is_shown_are_pictures_and_no_widgets(write, tmp_path):
    cell = (
        "from jobnb import job, op\n@op\ndef five(): return 5\n@job\ndef numbers(): five()\nnumbers"
    )
    execute_notebook(write(cell), output=tmp_path / "out.ipynb")
    (shown,) = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[0].outputs
    assert set(shown.data) == {"text/plain", "text/html", "image/svg+xml"}


def test_the_kernel_stands_in_the_notebooks_folder(write, tmp_path):
    execute_notebook(write("import os; print(os.getcwd())"), output=tmp_path / "out.ipynb")
    assert os.path.samefile(text_of(tmp_path / "out.ipynb").strip(), tmp_path)


def test_a_relative_home_stays_where_the_caller_meant_it(write, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    monkeypatch.setenv("JOBNB_HOME", "some/home")
    path = write("import os; print(os.environ['JOBNB_HOME'])")
    execute_notebook(path, output=tmp_path / "out.ipynb")
    assert text_of(tmp_path / "out.ipynb").strip() == "/some/home"


def test_figures_are_kept_also_where_ci_has_no_screen(write, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    path = write("import matplotlib.pyplot as plt\nplt.plot([1, 2]);")
    execute_notebook(path, output=tmp_path / "out.ipynb")
    outputs = nbformat.read(tmp_path / "out.ipynb", 4).cells[0].outputs
    assert ["image/png" in output.data for output in outputs] == [True]


def test_a_failing_cell_ends_it_with_the_users_own_lines(write, tmp_path):
    path = write("x = 1", "def f():\n    raise ValueError('no <b>')\nf()", "print('after')")
    outcome = execute_notebook(path, output=tmp_path / "out.ipynb")
    assert outcome.verdict is Verdict.FAILURE
    assert outcome.exit_code == 1
    assert statuses(outcome) == [CellStatus.SUCCEEDED, CellStatus.FAILED, CellStatus.NOT_RUN]
    assert outcome.problem == "Cell [2] (def f()) failed: ValueError: no <b>"
    assert outcome.failed_cell.number == 2
    assert "raise ValueError('no <b>')" in outcome.failed_cell.error.traceback
    assert "\x1b" not in outcome.failed_cell.error.traceback
    kept = nbformat.read(tmp_path / "out.ipynb", 4).cells
    assert kept[1].outputs[0].ename == "ValueError"
    assert kept[2].outputs == []


def test_frames_of_libraries_are_left_out_of_the_report(write):
    outcome = execute_notebook(write("import json\njson.loads('{')"))
    assert "json.loads('{')" in outcome.failed_cell.error.traceback
    assert "decoder.py" not in outcome.failed_cell.error.traceback


def test_a_cell_that_may_fail_does(write):
    outcome = execute_notebook(write(("1/0", "raises-exception"), "print(1)"))
    assert outcome.success
    assert statuses(outcome) == [CellStatus.ALLOWED, CellStatus.SUCCEEDED]


def test_errors_may_be_allowed_for_all_cells(write):
    outcome = execute_notebook(write("1/0", "2/0", "3"), allow_errors=True)
    assert outcome.success
    assert statuses(outcome) == [CellStatus.ALLOWED, CellStatus.ALLOWED, CellStatus.SUCCEEDED]


def test_code_that_is_no_python_is_a_failed_cell(write):
    outcome = execute_notebook(write("def"))
    assert outcome.verdict is Verdict.FAILURE
    assert outcome.failed_cell.error.name == "SyntaxError"


@pytest.mark.parametrize("code", [0, 3])
def test_a_process_that_ends_under_the_notebook_is_an_error(write, tmp_path, code):
    path = write("print('before')", f"import os\nos._exit({code})", "print(1)")
    outcome = execute_notebook(path, output=tmp_path / "out.ipynb")
    assert outcome.exit_code == 1
    assert statuses(outcome)[1:] == [CellStatus.DIED, CellStatus.NOT_RUN]
    assert outcome.problem == f"The kernel died in cell [2] (import os) (exit code {code})."
    assert text_of(tmp_path / "out.ipynb") == "before\n"


@pytest.mark.parametrize("code", ["sys.exit(0)", "quit()", "raise SystemExit"])
def test_a_notebook_that_ends_itself_succeeds_and_the_rest_is_not_run(write, tmp_path, code):
    path = write("import sys; print('before')", f"print('there')\n{code}", "print('after')")
    told = Told()
    outcome = execute_notebook(path, output=tmp_path / "out.ipynb", progress=told)
    assert outcome.success
    assert outcome.exit_code == 0
    assert statuses(outcome) == [CellStatus.SUCCEEDED, CellStatus.ENDED, CellStatus.NOT_RUN]
    said = "The notebook ended itself in cell [2] (print('there')) with success. Not run: 1 cell."
    assert outcome.notes == [said]
    assert ("note", said) in told.calls
    _, ended, after = nbformat.read(tmp_path / "out.ipynb", 4).cells
    assert [each.output_type for each in ended.outputs] == ["stream", "display_data"]
    assert ended.outputs[0].text == "there\n"
    assert ended.outputs[1].data["text/plain"].startswith("The notebook ended itself here")
    assert after.outputs == []


@pytest.mark.parametrize(
    ("call", "said"),
    [("sys.exit(3)", "exit code 3"), ("sys.exit('no data')", "exit code 1: no data")],
)
def test_a_notebook_that_ends_itself_with_another_code_fails(write, call, said):
    outcome = execute_notebook(write(f"import sys\n{call}", "1"), allow_errors=True)
    assert outcome.exit_code == 1
    assert outcome.problem == f"Cell [1] (import sys) ended the notebook with {said}"
    assert statuses(outcome) == [CellStatus.FAILED, CellStatus.NOT_RUN]


def test_a_cell_that_may_fail_may_exit_too(write):
    outcome = execute_notebook(write(("import sys; sys.exit(3)", "raises-exception"), "1"))
    assert statuses(outcome) == [CellStatus.ALLOWED, CellStatus.SUCCEEDED]


@pytest.mark.parametrize(
    ("code", "number"), [(None, 0), (0, 0), (False, 0), (7, 7), (-1, -1), (True, 1), ("no data", 1)]
)
def test_exit_codes_are_those_of_python(code, number):
    error = SystemExit() if code is None else SystemExit(code)
    assert CellError("SystemExit", str(error)).exit_code == number


LEAVING = """
import sys
from jobnb import asset, job, op, session
@asset
def leaves(): {call}
@op
def leaves_too(): {call}
@job
def daily(): leaves_too()
"""


@pytest.mark.parametrize(
    ("call", "run"),
    [
        ("sys.exit(0)", "session.materialize()"),
        ("raise SystemExit", "session.materialize()"),
        ("exit()", "daily.execute_in_process()"),
        ("quit()", "daily.launch().result()"),
        ("sys.exit(0)", "daily.launch().result()"),
    ],
)
def test_a_step_that_asks_to_exit_fails_the_cell_that_runs_it(write, tmp_path, call, run):
    path = write(LEAVING.format(call=call), run, "print('after')")
    outcome = execute_notebook(path, output=tmp_path / "out.ipynb")
    assert outcome.exit_code == 1
    assert statuses(outcome) == [CellStatus.SUCCEEDED, CellStatus.FAILED, CellStatus.NOT_RUN]
    assert outcome.runs[0].state.status is RunStatus.FAILURE
    assert outcome.problem.startswith(f"Cell [2] ({run}) failed: SystemExit")
    assert "raised in a step" in outcome.problem
    assert outcome.notes == []


def test_a_cell_may_end_the_notebook_after_a_step_has_asked_to_exit(write):
    code = "try:\n    session.materialize()\nexcept SystemExit:\n    pass\nsys.exit(0)"
    outcome = execute_notebook(write(LEAVING.format(call="sys.exit(3)"), code, "1"))
    assert statuses(outcome)[1:] == [CellStatus.ENDED, CellStatus.NOT_RUN]
    assert outcome.exit_code == 0


def test_exit_takes_a_code_and_needs_no_parentheses(write):
    failed = execute_notebook(write("exit(3)", "1"))
    assert failed.problem == "Cell [1] (exit(3)) ended the notebook with exit code 3"
    assert execute_notebook(write("exit", "1/0")).success


@pytest.mark.parametrize("call", ["sys.exit(0)", "exit()"])
def test_a_job_that_was_asked_for_is_not_run_when_the_notebook_ended_itself(write, call):
    code = "from jobnb import job, op\n@op\ndef five(): return 5\n@job\ndef daily(): five()"
    outcome = execute_notebook(write(code, f"import sys; {call}", "1"), job="daily")
    assert outcome.success
    assert outcome.runs == []
    assert outcome.notes[0].endswith("Not run: 1 cell and the job 'daily'.")


@pytest.mark.parametrize("call", ["sys.exit(0)", "exit()"])
def test_runs_in_the_background_come_to_their_end_when_the_notebook_ends_itself(write, call):
    code = (
        "import sys, time\nfrom jobnb import job, op\n@op\ndef slow(): time.sleep(4)\n"
        "@job\ndef daily(): slow()"
    )
    outcome = execute_notebook(write(code, "run = daily.launch()", call))
    assert [run.state.status.value for run in outcome.runs] == ["SUCCESS"], outcome.problem
    assert outcome.success


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_kernel_that_dies_is_said_in_a_sentence(write, tmp_path, number):
    path = write("print('before')", f"import os\nos.kill(os.getpid(), {int(number)})")
    outcome = execute_notebook(path, output=tmp_path / "out.ipynb")
    assert outcome.exit_code == 1
    assert outcome.problem.startswith("The kernel died in cell [2] (import os) (signal")
    assert text_of(tmp_path / "out.ipynb") == "before\n"


SLEEPER = "import time\ntry:\n    time.sleep(60)\nfinally:\n    print('closed')"


def test_a_cell_that_takes_too_long_is_interrupted_and_may_close_what_it_opened(write, tmp_path):
    outcome = execute_notebook(write(SLEEPER, "1"), output=tmp_path / "o.ipynb", cell_timeout=0.5)
    assert outcome.exit_code == 1
    assert statuses(outcome) == [CellStatus.TIMED_OUT, CellStatus.NOT_RUN]
    assert outcome.problem == "Cell [1] (import time) took longer than 0.5 s and was interrupted."
    assert text_of(tmp_path / "o.ipynb") == "closed\n"


def test_all_cells_together_may_take_too_long(write):
    path = write(*["import time; time.sleep(0.4)"] * 8)
    outcome = execute_notebook(path, timeout=1, cell_timeout=10)
    assert outcome.exit_code == 1
    assert outcome.problem.startswith("The notebook took longer than 1 s")
    assert CellStatus.NOT_RUN in statuses(outcome)


def test_a_cell_that_ignores_interrupts_is_ended_with_its_kernel(write, monkeypatch):
    monkeypatch.setattr("jobnb.notebook.kernel.GRACE_SECONDS", 0.5)
    stubborn = (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "end = time.time() + 60\nwhile time.time() < end: pass"
    )
    outcome = execute_notebook(write(stubborn), cell_timeout=0.5)
    assert statuses(outcome) == [CellStatus.TIMED_OUT]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_cell_and_what_came_out_is_kept(write, tmp_path, number):
    flag = tmp_path / "started"
    path = write(f"open({str(flag)!r}, 'w').close()\n{SLEEPER}")

    def press():
        while not flag.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=press)
    thread.start()
    outcome = execute_notebook(path, output=tmp_path / "out.ipynb")
    thread.join()
    assert outcome.verdict is Verdict.INTERRUPTED
    assert outcome.exit_code == 130
    assert text_of(tmp_path / "out.ipynb") == "closed\n"


def test_parameters_are_put_in_and_unknown_ones_too_where_they_may(write, tmp_path):
    told = Told()
    path = write(("year = 1", "parameters"), "print(year)")
    given = {"year": 2013, "mnth": 1}
    out = tmp_path / "out.ipynb"
    execute_notebook(path, output=out, parameters=given, allow_extra_parameters=True, progress=told)
    assert text_of(out) == "2013\n"
    assert any(call[0] == "note" and "'mnth'" in call[1] for call in told.calls)


def test_an_executed_notebook_can_be_executed_again(write, tmp_path):
    out = tmp_path / "out.ipynb"
    path = write(("year = 1", "parameters"), "print(year)")
    execute_notebook(path, output=out, parameters={"year": 2})
    execute_notebook(out, output=out, parameters={"year": 3})
    assert text_of(out) == "3\n"
    assert sum("injected-parameters" in tags_of(cell) for cell in nbformat.read(out, 4).cells) == 1


def test_old_outputs_do_not_survive(write, tmp_path):
    out = tmp_path / "out.ipynb"
    execute_notebook(write("1/0", "print('seen')"), output=out, allow_errors=True)
    execute_notebook(out, output=out)
    assert "seen" not in text_of(out)


def test_the_face_is_told_in_order(write):
    told = Told()
    execute_notebook(write("# Title", "x = 1", "1/0", name="a.ipynb"), progress=told)
    assert told.calls == [
        ("began", "a.ipynb", 2),
        ("cell", 1, "x = 1"),
        ("done", 1, CellStatus.SUCCEEDED),
        ("cell", 2, "1/0"),
        ("done", 2, CellStatus.FAILED),
        ("ended", Verdict.FAILURE),
    ]


SLOW_DAYS = """
import time
from jobnb import StaticPartitionsDefinition, asset, session
@asset(partitions_def=StaticPartitionsDefinition(list("abcdef")))
def letters(context):
    time.sleep(0.2)
    if context.partition_key == "b":
        raise ValueError("no b")
"""


def test_a_backfill_that_nobody_waits_for_is_done_to_its_end_and_told(write):
    class Backfills(Told):
        def backfill_changed(self, backfill):
            self.calls.append(backfill.counts.done)

    told = Backfills()
    outcome = execute_notebook(write(SLOW_DAYS, "session.backfill()"), progress=told)
    assert outcome.success, outcome.problem
    (backfill,) = outcome.backfills
    assert (backfill.title, backfill.status, backfill.cell) == ("letters", "FAILED", 2)
    assert str(backfill.counts) == "6 of 6 partitions done (100%): 5 made, 1 failed"
    (failure,) = backfill.failures
    assert failure.startswith("letters, partition b: ValueError: no b (cell [1], line ")
    counts = [call for call in told.calls if isinstance(call, int)]
    assert counts == sorted(counts)
    assert len(counts) > 3


def test_a_backfill_that_does_not_end_in_time_is_a_failure(write):
    outcome = execute_notebook(
        write(SLOW_DAYS.replace("0.2", "60"), "_ = session.backfill()"), timeout=8
    )  # fmt: skip
    assert outcome.verdict is Verdict.FAILURE
    assert "of letters, 0 of 6 partitions done" in outcome.problem


def test_a_page_and_a_report_are_written_also_for_a_failure(write, tmp_path):
    path = write("# A <i>title</i>", "print('<script>')", "raise ValueError('a \\x01 <b>')")
    execute_notebook(path, html=tmp_path / "o.html", junit=tmp_path / "o.xml")
    page = (tmp_path / "o.html").read_text()
    assert "&lt;script&gt;" in page
    assert "<title>A &lt;i&gt;title&lt;/i&gt;</title>" in page
    suite = ET.parse(tmp_path / "o.xml").getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert suite.findall("testcase")[1].find("failure").get("message").startswith("ValueError: a ")


@pytest.mark.parametrize("what", ["output", "html", "junit"])
def test_an_unwritable_place_is_refused_before_anything_runs(write, tmp_path, what):
    flag = tmp_path / "ran"
    path = write(f"open({str(flag)!r}, 'w')")
    with pytest.raises(NotebookError, match="cannot be written"):
        execute_notebook(path, **{what: tmp_path / "missing" / "out"})
    assert not flag.exists()


def test_an_unknown_kernel_is_refused_with_those_there_are(write):
    with pytest.raises(NotebookError, match="no kernel 'pyton3'. Did you mean 'python3'"):
        execute_notebook(write("1"), kernel_name="pyton3")


def test_the_kernel_of_another_machine_is_an_error_that_says_how_to_name_one(write):
    path = write("1", kernel="conda-x")
    with pytest.raises(NotebookError, match=r"'conda-x' is not installed here.*--kernel python3"):
        execute_notebook(path)
    assert execute_notebook(path, kernel_name="python3").success


def test_config_without_anything_to_run_is_refused(write):
    with pytest.raises(NotebookError, match="nothing to run"):
        execute_notebook(write("1"), config={"ops": {}})


def test_it_works_inside_a_running_loop(write):
    path = write("1")

    async def caller():
        return execute_notebook(path)

    assert asyncio.run(caller()).success


def test_an_empty_notebook_is_a_success(write):
    assert execute_notebook(write("# Only words")).success


def test_nothing_stays_behind(write, tmp_path):
    execute_notebook(write("1"), output=tmp_path / "out.ipynb")
    assert sorted(os.listdir(tmp_path)) == ["nb.ipynb", "out.ipynb"]


def test_a_failed_run_stands_above_its_error(write):
    path = write(
        "from jobnb import asset, session\n@asset\ndef smoke():\n    raise ValueError('no wind')",
        "session.materialize()",
    )
    out = path.with_name("out.ipynb")
    execute_notebook(path, output=out)
    view, error = nbformat.read(out, 4).cells[1].outputs
    assert error.output_type == "error"
    assert "smoke" in view.data["text/plain"]
    assert "no wind" in view.data["text/html"]


def test_a_failed_run_that_raises_nothing_is_shown_once(write):
    path = write(
        "from jobnb import asset, session\n@asset\ndef smoke():\n    raise ValueError('no wind')",
        "session.materialize(raise_on_error=False)",
    )
    out = path.with_name("out.ipynb")
    execute_notebook(path, output=out)
    assert len(nbformat.read(out, 4).cells[1].outputs) == 1


def test_a_python_file_of_cells_is_executed_with_its_parameters(tmp_path):
    path, out = tmp_path / "pipeline.py", tmp_path / "out.ipynb"
    path.write_text('# %% tags=["parameters"]\nyear = 1\n# %%\nprint(year)\n')
    assert execute_notebook(path, output=out, parameters={"year": 2013}).success
    assert text_of(out) == "2013\n"
    with pytest.raises(NotebookError, match="cannot be written"):
        execute_notebook(path, output=path)


def plain(cell) -> str:
    """The traceback of a cell, without its colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(cell.outputs[-1].traceback))


def test_a_failure_that_a_step_raises_shows_the_line_that_raised_it(write):
    path = write(
        "from jobnb import Failure, asset, session\n@asset\ndef smoke():\n    raise Failure('')",
        "session.materialize()",
        "session.materialize('wood')",
    )
    out = path.with_name("out.ipynb")
    execute_notebook(path, output=out, allow_errors=True)
    cells = nbformat.read(out, 4).cells
    raised = plain(cells[1])
    assert "raise Failure(" in raised
    assert "in_process.py" not in raised
    told = plain(cells[2])  # an error of jobnb's own
    assert "session.materialize(" in told
    assert ".py" not in told
