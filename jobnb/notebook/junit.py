"""A headless execution as JUnit XML: a test case for each cell and for each step of each run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from jobnb.notebook.outcome import CellOutcome, CellStatus, NotebookOutcome, RunOutcome
from jobnb.state import StepState, StepStatus

__all__ = ["to_junit"]

# What XML 1.0 cannot hold, however it is escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(outcome: NotebookOutcome) -> str:
    """The outcome as JUnit XML, ending in a line break."""
    name = _clean(outcome.path.name)
    root = ET.Element("testsuites", name="jobnb")
    cells = [_cell_case(cell, name) for cell in outcome.cells]
    root.append(_suite(name, outcome.seconds, cells))
    for run in outcome.runs:
        steps = [_step_case(step, run) for step in run.state.steps.values()]
        root.append(_suite(f"{run.title} {run.run_id}", run.state.seconds or 0.0, steps))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(name: str, seconds: float, cases: Iterable[ET.Element]) -> ET.Element:
    found = list(cases)
    suite = ET.Element("testsuite", name=_clean(name), time=f"{seconds:.3f}")
    suite.set("tests", str(len(found)))
    for kind in ("failure", "skipped"):
        many = sum(case.find(kind) is not None for case in found)
        suite.set("failures" if kind == "failure" else kind, str(many))
    suite.set("errors", "0")
    suite.extend(found)
    return suite


def _case(name: str, group: str, seconds: float) -> ET.Element:
    names = {"name": _clean(name), "classname": _clean(group), "time": f"{seconds:.3f}"}
    return ET.Element("testcase", names)


def _cell_case(cell: CellOutcome, notebook: str) -> ET.Element:
    case = _case(f"[{cell.number}] {cell.label}", notebook, cell.seconds)
    if cell.status is CellStatus.NOT_RUN:
        ET.SubElement(case, "skipped", message="not run")
    elif not cell.status.is_good:
        message = str(cell.error) if cell.error else cell.status.value
        _fail(case, message, cell.error.traceback if cell.error else "")
    return case


def _step_case(step: StepState, run: RunOutcome) -> ET.Element:
    case = _case(step.key, run.title, step.seconds or 0.0)
    if step.status is StepStatus.FAILED:
        error = step.error
        _fail(case, str(error or "failed"), error.to_string() if error else "")
    elif step.status is not StepStatus.SUCCEEDED:
        ET.SubElement(case, "skipped", message=step.status.value)
    return case


def _fail(case: ET.Element, message: str, details: str) -> None:
    failure = ET.SubElement(case, "failure", message=_clean(message))
    failure.text = _clean(details)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
