"""Export an executed notebook: one HTML page, or JUnit XML for a CI system."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree import ElementTree as ET

from jobnb.errors import NotebookError
from jobnb.notebook.outcome import CellOutcome, CellStatus, NotebookOutcome, RunOutcome
from jobnb.state import StepState, StepStatus

# --- a page ---------------------------------------------------------------------


def to_html(node: Any, name: str) -> str:
    """Return the notebook as a page that opens without Jupyter.

    Args:
        node: The notebook.
        name: Its title, if it has no heading.

    Raises:
        NotebookError: If nbconvert cannot convert it.
    """
    from nbconvert.exporters import HTMLExporter

    quiet = logging.getLogger("jobnb.page")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exporter = HTMLExporter(log=quiet)
            exporter.register_filter("ansi2html", coloured)
            resources = {"metadata": {"name": title_of(node, name)}}
            body, _ = exporter.from_notebook_node(node, resources=resources)
        except Exception as error:
            reason = str(error).strip().splitlines()
            raise NotebookError(
                f"The notebook cannot be made an HTML page: {reason[0] if reason else error!r}"
            ) from error
    return str(body)


_PIECE = 20_000  # In characters; nbconvert's time grows with the square of a piece.
_MOST_CODES = 100
_CODE = re.compile(r"\x1b\[[0-9;:]*m")


def coloured(text: Any) -> str:
    """Convert a text with terminal colors to HTML, in linear time.

    Args:
        text: The output, as nbconvert passes it.
    """
    from nbconvert.filters import ansi2html

    if "\x1b" not in str(text):
        return str(ansi2html(str(text)))
    found: list[str] = []
    codes: dict[str, None] = {}  # The styles in effect where a piece begins, the latest last.
    for piece in _pieces(str(text)):
        found.append(str(ansi2html("".join(codes) + piece)))
        for code in _CODE.findall(piece):
            if code in ("\x1b[m", "\x1b[0m"):
                codes.clear()
            else:
                codes.pop(code, None)
                codes[code] = None
        codes = dict.fromkeys(list(codes)[-_MOST_CODES:])
    return "".join(found)


def _pieces(text: str) -> Iterator[str]:
    """Split a text into pieces at line ends, or else before a color."""
    at = 0
    while at < len(text):
        end = at + _PIECE
        if end < len(text):
            cut = text.rfind("\n", at, end) + 1 or text.rfind("\x1b", at + 1, end)
            end = cut if cut > at else end
        yield text[at:end]
        at = end


def title_of(node: Any, name: str) -> str:
    """Return the notebook's first heading, else its name."""
    for cell in node.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("# "):
                    return str(line[2:]).strip()
    return name


# --- JUnit XML: a test case for each cell and for each step of each run ------------

# What XML 1.0 cannot hold, however it is escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(outcome: NotebookOutcome) -> str:
    """Return the outcome as JUnit XML, ending in a line break."""
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
