"""The outcome of executing a notebook: its cells, the runs they started, and the verdict."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from jobnb.automation.backfill_progress import BackfillProgress
from jobnb.definitions.jobs.job_config import run_title
from jobnb.state import RunState, RunStatus, StepState
from jobnb.storage.backfill import BackfillStatus

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def without_colours(text: str) -> str:
    r"""Remove the terminal's escape codes from a text.

    >>> without_colours("\x1b[31mred\x1b[0m")
    'red'
    """
    return _COLOUR.sub("", text)


def label_of(source: str) -> str:
    r"""Label a cell by its first line that is neither a comment nor a decorator.

    >>> label_of("# Load it\n@asset\ndef flights():\n    ...")
    'def flights()'
    """
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    telling = (line for line in lines if not line.startswith(("#", "@", ")")))
    line = next(telling, lines[0] if lines else "")
    return line.rstrip(":{([, ")[:60] if line.startswith(("def ", "class ")) else line[:60]


class CellStatus(str, Enum):
    """How a cell ended."""

    SUCCEEDED = "succeeded"
    ALLOWED = "failed as allowed"
    ENDED = "ended the notebook"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    DIED = "kernel died"
    INTERRUPTED = "interrupted"
    NOT_RUN = "not run"

    @property
    def is_good(self) -> bool:
        """Whether it is no failure."""
        return self in (CellStatus.SUCCEEDED, CellStatus.ALLOWED, CellStatus.ENDED)


@dataclass(frozen=True, slots=True)
class CellError:
    """The error that a cell raised.

    Attributes:
        name: The exception's class.
        message: The exception's message.
        traceback: The frames of the user's own cells, without colours.
        by_step: Whether a step raised it, not the cell itself.
    """

    name: str
    message: str
    traceback: str = ""
    by_step: bool = False

    @property
    def exits(self) -> bool:
        """Whether it asks to end the program, which a step cannot do."""
        return self.name == "SystemExit" and not self.by_step

    @property
    def exit_code(self) -> int:
        """The exit code of a program that raises this."""
        if not self.exits:
            return 1
        if self.message in ("", "None", "False"):
            return 0
        return int(self.message) if self.message.lstrip("-").isdecimal() else 1

    @property
    def exit_words(self) -> str:
        """Its effect on the notebook, in words."""
        told = "" if self.message in (str(self.exit_code), "True") else f": {self.message}"
        return f"ended the notebook with exit code {self.exit_code}{told}"

    def __str__(self) -> str:
        told = f"{self.name}: {self.message}" if self.message else self.name
        if self.name == "SystemExit" and self.by_step:
            return f"{told} (raised in a step, which fails its run; it does not end the notebook)"
        return told


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """One code cell: its number as in `In [3]`, a label, and how it ended."""

    number: int
    label: str
    status: CellStatus
    seconds: float = 0.0
    error: CellError | None = None


@dataclass(slots=True)
class RunOutcome:
    """A run that the notebook started, as its events describe it.

    Attributes:
        run_id: Its id in the history.
        job_name: The job it ran.
        state: Its state.
        cell: The number of the cell that started it; 0 if none was running.
        asked: Whether it is the run of `--job` or `--select`.
    """

    run_id: str
    job_name: str
    state: RunState
    cell: int = 0
    asked: bool = False

    @property
    def title(self) -> str:
        """The name of its job; if it has none, the assets or steps of the run."""
        return self.state.title if self.state.job_name else run_title(self.job_name)

    @property
    def failures(self) -> dict[str, str]:
        """The failed steps, each with the user's error in one line."""
        return {
            key: str(step.error or "failed")
            for key, step in self.state.steps.items()
            if step.status.value == "failed"
        }


@dataclass(slots=True)
class BackfillOutcome:
    """A backfill that the notebook started.

    Attributes:
        backfill_id: Its id in the history.
        title: The assets that it materializes, in words.
        status: Its status, in a word.
        counts: How many partitions have each status.
        seconds: Its duration so far.
        failures: Once it has ended, the first steps that failed, each with the user's error.
        cell: The number of the cell that started it; 0 if none was running.
    """

    backfill_id: str
    title: str
    status: str
    counts: BackfillProgress
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)
    cell: int = 0

    @property
    def is_finished(self) -> bool:
        """Whether it has ended."""
        return BackfillStatus(self.status).is_finished


class Verdict(str, Enum):
    """The verdict on the execution."""

    SUCCESS = "success"
    FAILURE = "failure"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"


_EXIT_CODES = {
    Verdict.SUCCESS: 0,
    Verdict.FAILURE: 1,
    Verdict.REFUSED: 2,
    Verdict.INTERRUPTED: 130,
}


@dataclass(slots=True)
class NotebookOutcome:
    """What `execute_notebook` returns.

    Attributes:
        path: The notebook that was executed.
        notebook: The executed notebook, with outputs.
        cells: Its code cells, in order.
        runs: The runs that it started, in order; those of backfills are not among them.
        verdict: Success, failure, refused (an invalid job or config) or interrupted.
        problem: Why it is no success, in a sentence.
        notes: Remarks that are no failures.
        seconds: The duration of the execution.
        backfills: The backfills that it started, in order.
    """

    path: Path
    notebook: Any
    cells: list[CellOutcome] = field(default_factory=list)
    runs: list[RunOutcome] = field(default_factory=list)
    verdict: Verdict = Verdict.SUCCESS
    problem: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    backfills: list[BackfillOutcome] = field(default_factory=list)

    @property
    def success(self) -> bool:
        """Whether everything succeeded."""
        return self.verdict is Verdict.SUCCESS

    @property
    def exit_code(self) -> int:
        """0 for success, 1 for a failed cell or run, 2 if refused, 130 if interrupted."""
        return _EXIT_CODES[self.verdict]

    @property
    def asked_run(self) -> RunOutcome | None:
        """The run of `--job` or `--select`, or None."""
        return next((run for run in self.runs if run.asked), None)

    @property
    def failed_cell(self) -> CellOutcome | None:
        """The cell at which the execution stopped, or None."""
        bad = (cell for cell in self.cells if not cell.status.is_good)
        return next((cell for cell in bad if cell.status is not CellStatus.NOT_RUN), None)

    def end(self, verdict: Verdict, problem: str) -> None:
        """Set the verdict and the problem; the first call wins."""
        if self.verdict is Verdict.SUCCESS:
            self.verdict, self.problem = verdict, problem

    def judge_runs(self) -> None:
        """Fail the execution if the requested run did not succeed."""
        run = self.asked_run
        if run is None or run.state.status is RunStatus.SUCCESS:
            return
        failed = "".join(f"\n  {step}: {error}" for step, error in run.failures.items())
        reason = failed or (f" {run.state.error}" if run.state.error else "")
        ended = {RunStatus.FAILURE: "failed", RunStatus.CANCELED: "was canceled"}
        how = ended.get(run.state.status, "did not end")
        self.end(Verdict.FAILURE, f"The run {run.run_id} of {run.title!r} {how}.{reason}")


class Progress:
    """Receives the progress of a headless execution. Override the methods you need.

    All calls come from one thread, in the order of events.
    """

    def began(self, name: str, cells: int) -> None:
        """Handle the start of the notebook `name` with `cells` code cells."""

    def cell_began(self, number: int, label: str) -> None:
        """Handle that a cell was sent to the kernel."""

    def cell_ended(self, cell: CellOutcome) -> None:
        """Handle the end of a cell."""

    def run_changed(self, run: RunOutcome, steps: Sequence[StepState]) -> None:
        """Handle a change of a run; `steps` are those whose status changed."""

    def backfill_changed(self, backfill: BackfillOutcome) -> None:
        """Handle a change of a backfill."""

    def note(self, text: str) -> None:
        """Handle a remark to show."""

    def ended(self, outcome: NotebookOutcome) -> None:
        """Handle the end of the execution."""
