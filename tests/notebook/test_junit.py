"""JUnit XML: a case for each cell and step, whatever their texts hold."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from jobnb import ErrorInfo, fold
from jobnb.events import RunFailed, RunStarted, StepFailed, StepSkipped, StepStarted, StepSucceeded
from jobnb.notebook.exports import to_junit
from jobnb.notebook.outcome import CellError, CellOutcome, CellStatus, NotebookOutcome, RunOutcome

TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=30)


def outcome_of(text="x"):
    error = CellError(text, text, text)
    cells = [
        CellOutcome(1, text, CellStatus.SUCCEEDED, 1.25),
        CellOutcome(2, text, CellStatus.ALLOWED, 0.5, error),
        CellOutcome(3, text, CellStatus.FAILED, 0.5, error),
        CellOutcome(4, text, CellStatus.NOT_RUN),
    ]
    state = fold(
        [
            RunStarted(1.0, "daily", ("a", "b", "c")),
            StepStarted(1.0, "a"),
            StepSucceeded(2.0, "a", 1.0),
            StepStarted(2.0, "b"),
            StepFailed(2.5, "b", ErrorInfo("ValueError", text), 0.5),
            StepSkipped(2.5, "c"),
            RunFailed(3.0, "daily", ("b",)),
        ]
    )
    runs = [RunOutcome("r1", "daily", state)]
    return NotebookOutcome(Path("nb.ipynb"), None, cells, runs, seconds=3.0)


def kinds(suite):
    return [[child.tag for child in case] for case in suite.findall("testcase")]


def test_cells_and_steps_are_cases_with_their_times():
    cells, steps = ET.fromstring(to_junit(outcome_of())).findall("testsuite")
    assert kinds(cells) == [[], [], ["failure"], ["skipped"]]
    assert kinds(steps) == [[], ["failure"], ["skipped"]]
    assert [steps.get(name) for name in ("tests", "failures", "skipped")] == ["3", "1", "1"]
    assert cells.find("testcase").get("time") == "1.250"
    assert steps.findall("testcase")[1].find("failure").get("message") == "ValueError: x"


@given(TEXT)
def test_any_text_gives_xml_that_can_be_read(text):
    written = to_junit(outcome_of(text)).encode("utf-8")
    assert len(ET.fromstring(written).findall(".//testcase")) == 7
