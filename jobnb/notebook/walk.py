"""The walk through a notebook's cells: one after the other, within limits, told to a face."""

from __future__ import annotations

import asyncio
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobnb.notebook.document import tags_of
from jobnb.notebook.kernel import Kernel, choose_kernel, running_kernel
from jobnb.notebook.outcome import (
    CellError,
    CellOutcome,
    CellStatus,
    NotebookOutcome,
    Verdict,
    label_of,
    without_colours,
)
from jobnb.notebook.progress import Progress
from jobnb.notebook.side_channel import SideChannel
from jobnb.notebook.wish import RUN_TAG, Wish, summary_in

__all__ = ["Limits", "Walk"]

LOOK_SECONDS = 0.1
_REPORT = "__import__('jobnb.notebook.reporting', fromlist=['_']).report_to({path!r})"
_WAIT = "assert __import__('jobnb.notebook.reporting', fromlist=['_']).wait_for_runs({timeout})"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long it may take, in seconds, and whether cells may fail."""

    timeout: float | None = None
    cell_timeout: float | None = None
    allow_errors: bool = False


class Walk:
    """One execution of a notebook: feeds its outcome."""

    def __init__(
        self, outcome: NotebookOutcome, wish: Wish, limits: Limits, progress: Progress
    ) -> None:
        self._outcome = outcome
        self._wish = wish
        self._limits = limits
        self._progress = progress
        self._deadline: float | None = None
        self._stop = asyncio.Event()
        self._channel = SideChannel(Path())
        self._allowed = False

    async def go(self, kernel_name: str | None) -> None:
        """Execute all cells."""
        node = self._outcome.notebook
        name, note = choose_kernel(node, kernel_name)
        for text in [*self._outcome.notes, *([note] if note else [])]:
            self._progress.note(text)
        for cell in self._code():
            cell.outputs, cell.execution_count = [], None
        if self._limits.timeout is not None:
            self._deadline = time.monotonic() + self._limits.timeout
        self._progress.began(self._outcome.path.name, len(self._code()))
        folder = self._outcome.path.absolute().parent
        with tempfile.TemporaryDirectory(prefix="jobnb-") as temporary, self._signals():
            self._channel = SideChannel(Path(temporary) / "events")
            async with running_kernel(node, name, folder) as kernel:
                await self._cells(kernel)
                self._look(0)
        self._outcome.judge_runs()

    def _code(self) -> list[Any]:
        cells = self._outcome.notebook.cells
        return [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]

    async def _cells(self, kernel: Kernel) -> None:
        await kernel.ask(_REPORT.format(path=str(self._channel.path)), 60)
        number = 0
        for index, cell in enumerate(self._outcome.notebook.cells):
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            number += 1
            await self._cell(kernel, cell, index, number)
        if self._outcome.success:
            await self._background(kernel)

    async def _cell(self, kernel: Kernel, cell: Any, index: int, number: int) -> None:
        label = label_of(cell.source)
        if not self._outcome.success:
            self._outcome.cells.append(CellOutcome(number, label, CellStatus.NOT_RUN))
            return
        self._progress.cell_began(number, label)
        started = time.monotonic()
        status, error = await self._attempt(kernel, cell, index, number)
        self._look(number)
        done = CellOutcome(number, label, status, time.monotonic() - started, error)
        self._outcome.cells.append(done)
        self._progress.cell_ended(done)
        self._note_wish(cell)
        self._judge(done, await kernel.last_words() if status is CellStatus.DIED else "")

    async def _attempt(
        self, kernel: Kernel, cell: Any, index: int, number: int
    ) -> tuple[CellStatus, CellError | None]:
        task = asyncio.ensure_future(kernel.execute(cell, index))
        status = await self._wait(kernel, task, number)
        error = None if task.cancelled() or not task.done() else task.exception()
        found = _error_in(cell)
        if status is None:
            status = _status_of(error)
            forgiven = found is not None if error is None else self._limits.allow_errors
            if forgiven and status is not CellStatus.DIED:
                status = CellStatus.ALLOWED
        if found is None and status is CellStatus.FAILED:
            found = CellError(type(error).__name__, str(error).strip())
        return status, found

    async def _wait(
        self, kernel: Kernel, task: asyncio.Future[None], number: int
    ) -> CellStatus | None:
        """Wait for a cell; a status only if it was ended from here."""
        limit = self._limits.cell_timeout
        own = None if limit is None else time.monotonic() + limit
        ends = [end for end in (own, self._deadline) if end is not None]
        while not task.done():
            if self._stop.is_set():
                await kernel.interrupt(task)
                return CellStatus.INTERRUPTED
            if ends and time.monotonic() >= min(ends):
                await kernel.interrupt(task)
                return CellStatus.TIMED_OUT
            self._look(number)
            await asyncio.wait({task}, timeout=LOOK_SECONDS)
        return None

    def _look(self, number: int) -> None:
        """Take in what the kernel told of its runs, and pass it on."""
        for run, steps in self._channel.read(number):
            if run not in self._outcome.runs:
                self._outcome.runs.append(run)
            self._progress.run_changed(run, steps)
        for backfill in self._channel.backfills_that_went_on():
            if backfill not in self._outcome.backfills:
                self._outcome.backfills.append(backfill)
            self._progress.backfill_changed(backfill)

    def _note_wish(self, cell: Any) -> None:
        """Find the run that was asked for among those that the kernel told of."""
        if RUN_TAG not in tags_of(cell) or not self._wish:
            return
        summary = summary_in(cell.outputs)
        if summary is None:
            return
        if summary["status"] == "REFUSED":
            self._outcome.end(Verdict.REFUSED, summary["problem"])
        for run in self._outcome.runs:
            run.asked = run.run_id == summary.get("run_id")

    def _judge(self, cell: CellOutcome, last_words: str) -> None:
        """End the walk if the cell did not go as it may."""
        place = f"cell [{cell.number}] ({cell.label})"
        if cell.status is CellStatus.FAILED:
            self._outcome.end(Verdict.FAILURE, f"{_capital(place)} failed: {cell.error}")
        elif cell.status is CellStatus.TIMED_OUT:
            whole = self._deadline is not None and time.monotonic() >= self._deadline
            limit = self._limits.timeout if whole else self._limits.cell_timeout
            what = "The notebook" if whole else _capital(place)
            where = f" in {place}" if whole else ""
            self._outcome.end(
                Verdict.FAILURE, f"{what} took longer than {limit:g} s and was interrupted{where}."
            )
        elif cell.status is CellStatus.DIED:
            self._outcome.end(Verdict.FAILURE, f"The kernel died in {place}{last_words}.")
        elif cell.status is CellStatus.INTERRUPTED:
            self._outcome.end(Verdict.INTERRUPTED, f"Interrupted in {place}.")

    async def _background(self, kernel: Kernel) -> None:
        """Wait for what cells have launched: the kernel's end would be its own."""
        left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        request = asyncio.ensure_future(kernel.ask(_WAIT.format(timeout=left), None))
        while not request.done():
            if self._stop.is_set():
                request.cancel()
                self._outcome.end(Verdict.INTERRUPTED, "Interrupted while runs were going on.")
            self._look(0)
            await asyncio.wait({request}, timeout=LOOK_SECONDS)
        self._look(0)
        self._judge_unfinished()

    def _judge_unfinished(self) -> None:
        """What still goes on when the time is over makes the execution fail."""
        runs, backfills = self._outcome.runs, self._outcome.backfills
        names = [f"{run.job_name} ({run.run_id})" for run in runs if not run.state.is_finished]
        names += [
            f"the backfill {each.backfill_id} of {each.title}, {each.counts}"
            for each in backfills
            if not each.is_finished
        ]
        if names:
            self._outcome.end(Verdict.FAILURE, f"Runs did not end in time: {'; '.join(names)}.")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl-C and a CI's cancel end the cell, not this process: results are still written."""
        loop = asyncio.get_running_loop()
        taken = []
        for number in (signal.SIGINT, signal.SIGTERM):
            # Only the main thread of a Unix process can do this; elsewhere Python's way stays.
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self._stop.set)
                taken.append(number)
        try:
            yield
        finally:
            for number in taken:
                loop.remove_signal_handler(number)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _status_of(error: BaseException | None) -> CellStatus:
    if error is None:
        return CellStatus.SUCCEEDED
    return CellStatus.DIED if type(error).__name__ == "DeadKernelError" else CellStatus.FAILED


_OWN_FRAME = re.compile(r"^\s*(Cell In|Input In|File <ipython-input|<ipython-input)")


def _error_in(cell: Any) -> CellError | None:
    """The error among a cell's outputs, with the frames of the user's own cells."""
    for output in cell.get("outputs", []):
        if output.get("output_type") == "error":
            lines = [without_colours(part) for part in output.get("traceback", [])]
            frames = [part.rstrip() for part in lines if _OWN_FRAME.match(part)]
            return CellError(output["ename"], output["evalue"], "\n".join(frames))
    return None
