"""The progress of a headless execution: bars in a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Self

import click

from jobnb.cli.output import duration
from jobnb.display.backfill_views import backfill_word
from jobnb.display.run_marks import progress_words, run_word
from jobnb.display.text import counted
from jobnb.notebook.outcome import (
    BackfillOutcome,
    CellOutcome,
    NotebookOutcome,
    Progress,
    RunOutcome,
)
from jobnb.state import StepState, StepStatus

SLOW = 1.0
MANY_STEPS = 60


def progress_display(*, quiet: bool = False) -> ProgressDisplay:
    """Choose the progress display for the output's destination."""
    if quiet:
        return ProgressDisplay()
    return BarProgress() if sys.stdout.isatty() else LineProgress()


class ProgressDisplay(Progress):
    """A progress display that shows notes only, on stderr."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the screen."""

    def note(self, text: str) -> None:
        """Show a note."""
        click.echo(f"note: {text}", err=True)


class LineProgress(ProgressDisplay):
    """Prints a line for each cell and each step, for a CI log."""

    def __init__(self) -> None:
        self._cells = 0
        self._told: dict[str, int] = {}  # The tenths printed so far, by run or backfill.

    def began(self, name: str, cells: int) -> None:
        """Print what is executed."""
        self._cells = cells
        self._say(f"{name}: {counted(cells, 'cell')}")

    def cell_began(self, number: int, label: str) -> None:
        """Print which cell runs."""
        width = len(str(self._cells))
        self._say(f"[{number:>{width}}/{self._cells}] {label}")

    def cell_ended(self, cell: CellOutcome) -> None:
        """Print how the cell ended, if that is worth a line."""
        if not cell.status.is_good or cell.error is not None:
            self._say(f"    {cell.status.value}: {cell.error or ''}".rstrip(": "))
        elif cell.seconds >= SLOW:
            self._say(f"    {duration(cell.seconds)}")

    def run_changed(self, run: RunOutcome, steps: Sequence[StepState]) -> None:
        """Print which steps ended; for many steps, only how far the run is."""
        if run.run_id not in self._told:
            self._told[run.run_id] = 0
            self._say(
                f"    run {run.run_id} of {_name(run)}: {counted(len(run.state.steps), 'step')}"
            )
        many = len(run.state.steps) > MANY_STEPS
        for step in steps:
            if step.status is StepStatus.FAILED or (step.is_finished and not many):
                self._say(f"      {_step_line(step)}")
        if many:
            self._tell_share(run)
        if run.state.is_finished:
            status = run_word(run.state.status)
            for line in _check_lines(run):
                self._say(f"      {line}")
            self._say(f"    run of {_name(run)}: {status} in {duration(run.state.seconds)}")

    def backfill_changed(self, backfill: BackfillOutcome) -> None:
        """Print how far the backfill is, in tenths, and how it ended."""
        name, counts = f"backfill {backfill.backfill_id} of {backfill.title}", backfill.counts
        if backfill.is_finished:
            for failure in backfill.failures:
                self._say(f"      failed: {failure}")
            took = duration(backfill.seconds)
            self._say(f"    {name}: {backfill_word(backfill.status)} in {took}, {counts}")
            return
        if backfill.backfill_id not in self._told:
            self._told[backfill.backfill_id] = 0
            self._say(f"    {name}: {counted(counts.total, 'partition')}")
        tenth = int(counts.fraction * 10)
        if tenth > self._told[backfill.backfill_id]:
            self._told[backfill.backfill_id] = tenth
            self._say(f"      {counts}")

    def _tell_share(self, run: RunOutcome) -> None:
        """Print a line for each tenth of the steps."""
        done, total = run.state.done, len(run.state.steps)
        if done * 10 // total > self._told[run.run_id]:
            self._told[run.run_id] = done * 10 // total
            self._say(f"      {done}/{total} steps")

    def ended(self, outcome: NotebookOutcome) -> None:
        """Print that the execution has ended."""
        self._say(_last_line(outcome))

    def _say(self, text: str) -> None:
        click.echo(
            text.encode(sys.stdout.encoding or "utf-8", "replace").decode(
                sys.stdout.encoding or "utf-8"
            )
        )
        sys.stdout.flush()


class BarProgress(ProgressDisplay):
    """Shows a bar for the cells, and one for the steps of each active run."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.progress import Progress as Bars

        # Labels are the user's text: markup in them is not interpreted.
        text = TextColumn("{task.description}", markup=False)
        columns = (SpinnerColumn(), text, BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = Bars(*columns, console=Console(highlight=False), transient=True)
        self._cells: Any = None
        self._runs: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bars."""
        self._bars.stop()

    def began(self, name: str, cells: int) -> None:
        """Show the bar of the cells."""
        self._cells = self._bars.add_task(_fit(name), total=cells)

    def cell_began(self, number: int, label: str) -> None:
        """Show the label of the running cell."""
        self._bars.update(self._cells, description=_fit(f"[{number}] {label}"))

    def cell_ended(self, cell: CellOutcome) -> None:
        """Advance the bar of the cells."""
        self._bars.advance(self._cells)
        if cell.error is not None:
            self._print(f"[{cell.number}] {cell.label}: {cell.status.value}: {cell.error}")

    def run_changed(self, run: RunOutcome, steps: Sequence[StepState]) -> None:
        """Advance a run's bar; a failed step stays on the screen."""
        if run.run_id not in self._runs:
            self._runs[run.run_id] = self._bars.add_task("", total=len(run.state.steps) or None)
        for step in steps:
            if step.status is StepStatus.FAILED:
                self._print(f"  {_name(run)}: {_step_line(step)}")
        running = [step for step in steps if step.status is StepStatus.RUNNING]
        parts = (
            [_name(run), running[-1].key, progress_words(running[-1])] if running else [_name(run)]
        )
        name = "  " + ": ".join(part for part in parts if part)
        state = run.state
        bar = self._runs[run.run_id]
        self._bars.update(
            bar, description=_fit(name), completed=state.done, total=len(state.steps) or None
        )
        if state.is_finished:
            self._bars.update(bar, visible=False)
            for line in _check_lines(run):
                self._print(f"  {_name(run)}: {line}")
            took = f"{counted(len(state.steps), 'step')} in {duration(state.seconds)}"
            self._print(f"  {_name(run)}: {run_word(state.status)}, {took}")

    def backfill_changed(self, backfill: BackfillOutcome) -> None:
        """Advance a backfill's bar; its result stays on the screen."""
        key, counts = backfill.backfill_id, backfill.counts
        if key not in self._runs:
            self._runs[key] = self._bars.add_task("", total=counts.total)
        failed = f" ({counts.failed:,} failed)" if counts.failed else ""
        name = _fit(f"  backfill of {backfill.title}{failed}")
        self._bars.update(self._runs[key], description=name, completed=counts.done)
        if backfill.is_finished:
            self._bars.update(self._runs[key], visible=False)
            for failure in backfill.failures:
                self._print(f"    failed: {failure}")
            took = duration(backfill.seconds)
            word = backfill_word(backfill.status)
            self._print(f"  backfill of {backfill.title}: {word} in {took}, {counts}")

    def note(self, text: str) -> None:
        """Show a note above the bars."""
        self._print(f"note: {text}")

    def ended(self, outcome: NotebookOutcome) -> None:
        """Print that the execution has ended."""
        self._print(_last_line(outcome))

    def _print(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False)


def _name(run: RunOutcome) -> str:
    """Return the job's name; of a run without a named job, what it materializes."""
    return run.title


def _fit(text: str, width: int = 44) -> str:
    """Pad or cut a text to one width, so that the bars do not move."""
    return f"{text[: width - 1]}…" if len(text) > width else text.ljust(width)


def _step_line(step: StepState) -> str:
    why = f": {step.error}" if step.status is StepStatus.FAILED and step.error else ""
    took = f" in {duration(step.seconds)}" if step.seconds is not None else ""
    return f"{step.key} {step.status.value}{took}{why}"


def _check_lines(run: RunOutcome) -> list[str]:
    """Return the checks that did not pass, and how many did."""
    checked = run.state.checked.values()
    bad = [event for event in checked if not event.passed]
    lines = [
        f"check {'/'.join(event.asset)}:{event.check} {'failed' if event.is_error else 'warned'}"
        + (f": {event.description}" if event.description else "")
        for event in bad
    ]
    if checked:
        lines.append(f"{len(checked) - len(bad)} of {counted(len(checked), 'check')} passed")
    return lines


def _last_line(outcome: NotebookOutcome) -> str:
    done = sum(cell.status.is_good for cell in outcome.cells)
    counts = {"run": len(outcome.runs), "backfill": len(outcome.backfills)}
    runs = "".join(f", {counted(count, word)}" for word, count in counts.items() if count)
    cells = f"{done} of {counted(len(outcome.cells), 'cell')}"
    took = duration(outcome.seconds)
    return f"{outcome.path.name}: {outcome.verdict.value}, {cells}{runs}, {took}"
