"""Execute a notebook's cells one after the other, within limits, reporting the progress."""

from __future__ import annotations

import asyncio
import re
import signal
import tempfile
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobnb.display.text import counted
from jobnb.notebook.cell_tags import tags_of
from jobnb.notebook.kernel import Kernel, choose_kernel, kernel_language, running_kernel
from jobnb.notebook.outcome import (
    CellError,
    CellOutcome,
    CellStatus,
    NotebookOutcome,
    Progress,
    Verdict,
    label_of,
    without_colours,
)
from jobnb.notebook.outputs import LIMIT, ended_here, shortened
from jobnb.notebook.requested_run import RUN_TAG, RequestedRun, summary_in
from jobnb.notebook.side_channel import SideChannel

LOOK_SECONDS = 0.1
LONGEST_MESSAGE = 2000  # Characters of an error in a line.
# Neither imports jobnb: a notebook that does not use it must not wait for the import.
_IN_KERNEL = """
import sys
from IPython.core.autocall import IPyAutocall

class Exit(IPyAutocall):
    '''Ends what calls it, as in a script: a step too. IPython's own waits for the cell's end.'''
    rewrite = False

    def __call__(self, code=None):
        raise SystemExit(code)

for name in ("exit", "quit"):
    if shell.user_ns.get(name) is shell.exiter:
        shell.user_ns[name] = Exit(shell)
shell.config.Jobnb.events = events
if "jobnb" in sys.modules:
    shell.run_line_magic("load_ext", "jobnb")
"""
_WAIT = """
if 'jobnb.notebook.reporting' in __import__('sys').modules:
    assert __import__('jobnb.notebook.reporting', fromlist=['_']).wait_for_runs()
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits in seconds, whether cells may fail, and how much output is kept."""

    timeout: float | None = None
    cell_timeout: float | None = None
    allow_errors: bool = False
    output: int = LIMIT


@dataclass(frozen=True, slots=True)
class BackgroundWork:
    """What is in progress in the kernel beside the cells.

    Args:
        variables: Variables of its environment.
        before: Code to execute before the first cell; whether it succeeds is not asked.
        after: Code to execute after the last cell, if all succeeded.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    before: str = ""
    after: str = ""


class NotebookExecution:
    """One execution of a notebook, which fills in its outcome."""

    def __init__(
        self,
        outcome: NotebookOutcome,
        requested: RequestedRun,
        limits: Limits,
        progress: Progress,
        aside: BackgroundWork | None = None,
    ) -> None:
        self._outcome = outcome
        self._aside = aside or BackgroundWork()
        self._requested = requested
        self._limits = limits
        self._progress = progress
        self._deadline: float | None = None
        self._stop = asyncio.Event()
        self._channel = SideChannel(Path())
        self._is_python = True

    async def run(self, kernel_name: str | None) -> None:
        """Execute all cells."""
        node = self._outcome.notebook
        name = choose_kernel(node, kernel_name)
        self._is_python = kernel_language(name) == "python"
        for text in self._outcome.notes:
            self._progress.note(text)
        for cell in self._code():
            cell.outputs, cell.execution_count = [], None
        if self._limits.timeout is not None:
            self._deadline = time.monotonic() + self._limits.timeout
        path = self._outcome.path.absolute()
        with tempfile.TemporaryDirectory(prefix="jobnb-") as temporary, self._signals():
            self._progress.began(self._outcome.path.name, len(self._code()))
            self._channel = SideChannel(Path(temporary) / "events")
            async with AsyncExitStack() as stack:
                running = running_kernel(
                    node, name, path, self._limits.output, self._aside.variables
                )
                await self._cells(await self._started(stack.enter_async_context(running)))
                self._look(0)
        self._outcome.judge_runs()

    def stop(self) -> None:
        """Interrupt the notebook; may be called from another thread."""
        self._stop.set()  # Nobody waits for it: it is looked at again and again.

    async def _started(self, starting: Coroutine[Any, Any, Kernel]) -> Kernel | None:
        """Return the kernel once it is ready; None if it did not start in time."""
        task: asyncio.Future[Any] = asyncio.ensure_future(starting)
        status = await self._done(task)
        if status is None:
            kernel: Kernel = await task
            if not self._is_python:
                return kernel
            task = asyncio.ensure_future(kernel.ask(self._preparation(), 60))
            status = await self._done(task)
            if status is None:
                return kernel
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        self._end(status, "while its kernel started")
        return None

    def _preparation(self) -> str:
        """Return the code that the kernel executes before the cells."""
        given = f"{{'shell': get_ipython(), 'events': {str(self._channel.path)!r}}}"
        return f"exec({_IN_KERNEL!r}, {given})\n{self._aside.before}"

    def _code(self) -> list[Any]:
        cells = self._outcome.notebook.cells
        return [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]

    async def _cells(self, kernel: Kernel | None) -> None:
        number = 0
        for index, cell in enumerate(self._outcome.notebook.cells):
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            number += 1
            if kernel is None or not self._goes_on:
                label = self._label(cell)
                self._outcome.cells.append(CellOutcome(number, label, CellStatus.NOT_RUN))
            else:
                await self._cell(kernel, cell, index, number)
        if kernel is not None and self._outcome.success and self._is_python:
            await self._background(kernel)

    def _label(self, cell: Any) -> str:
        """Return how a cell is called; the one that starts the requested run, what it runs."""
        asked = self._requested and RUN_TAG in tags_of(cell)
        return self._requested.title if asked else label_of(cell.source)

    @property
    def _goes_on(self) -> bool:
        """Whether to execute the next cell."""
        cells = self._outcome.cells
        ended = bool(cells) and cells[-1].status in (CellStatus.ENDED, CellStatus.NOT_RUN)
        return self._outcome.success and not ended

    async def _cell(self, kernel: Kernel, cell: Any, index: int, number: int) -> None:
        label = self._label(cell)
        self._progress.cell_began(number, label)
        started = time.monotonic()
        status, error = await self._attempt(kernel, cell, index, number)
        done = CellOutcome(number, label, status, time.monotonic() - started, error)
        self._outcome.cells.append(done)
        self._progress.cell_ended(done)
        self._note_requested_run(cell)
        self._judge(done, await kernel.last_words() if status is CellStatus.DIED else "")

    async def _attempt(
        self, kernel: Kernel, cell: Any, index: int, number: int
    ) -> tuple[CellStatus, CellError | None]:
        task = asyncio.ensure_future(kernel.execute(cell, index))
        status = await self._done(task, number, self._limits.cell_timeout)
        if status is not None:
            await kernel.interrupt(task)
        error = None if task.cancelled() or not task.done() else task.exception()
        self._look(number)
        found = _error_in(cell, by_step=number in self._channel.exits)
        if status is None:
            status = self._status_of(error, found)
        if status is CellStatus.ENDED:
            cell.outputs = ended_here(cell.outputs)
            return status, None
        if found is None and status is CellStatus.FAILED:
            found = CellError(type(error).__name__, shortened(str(error).strip(), LONGEST_MESSAGE))
        return status, found

    def _status_of(self, error: BaseException | None, found: CellError | None) -> CellStatus:
        """Return the status of a cell that was not stopped from here."""
        if type(error).__name__ == "DeadKernelError":
            return CellStatus.DIED
        if error is None:  # Its tag allows whatever it raised.
            return CellStatus.SUCCEEDED if found is None else CellStatus.ALLOWED
        if found is not None and found.exits:
            return CellStatus.FAILED if found.exit_code else CellStatus.ENDED
        return CellStatus.ALLOWED if self._limits.allow_errors else CellStatus.FAILED

    async def _done(
        self, task: asyncio.Future[Any], number: int = 0, limit: float | None = None
    ) -> CellStatus | None:
        """Wait for a task; return a status only if it must be stopped from here."""
        own = None if limit is None else time.monotonic() + limit
        ends = [end for end in (own, self._deadline) if end is not None]
        while not task.done():
            if self._stop.is_set():
                return CellStatus.INTERRUPTED
            if ends and time.monotonic() >= min(ends):
                return CellStatus.TIMED_OUT
            self._look(number)
            await asyncio.wait({task}, timeout=LOOK_SECONDS)
        return None

    def _look(self, number: int) -> None:
        """Read the kernel's reports on its runs, and pass them on."""
        for run, steps in self._channel.read(number):
            if run not in self._outcome.runs:
                self._outcome.runs.append(run)
            self._progress.run_changed(run, steps)
        for backfill in self._channel.backfills_that_went_on():
            if backfill not in self._outcome.backfills:
                self._outcome.backfills.append(backfill)
            self._progress.backfill_changed(backfill)

    def _note_requested_run(self, cell: Any) -> None:
        """Find the requested run among those reported by the kernel."""
        if RUN_TAG not in tags_of(cell) or not self._requested:
            return
        summary = summary_in(cell.outputs)
        if summary is None:
            return
        if summary["status"] == "REFUSED":
            self._outcome.end(Verdict.REFUSED, summary["problem"])
        for run in self._outcome.runs:
            run.asked = run.run_id == summary.get("run_id")

    def _judge(self, cell: CellOutcome, last_words: str) -> None:
        """End the execution if the cell failed."""
        place = f"cell [{cell.number}] ({cell.label})"
        if cell.status is CellStatus.FAILED:
            error = cell.error
            how = error.exit_words if error is not None and error.exits else f"failed: {error}"
            self._outcome.end(Verdict.FAILURE, f"{_capital(place)} {how}")
        elif cell.status is CellStatus.ENDED:
            self._note_end(place)
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

    def _note_end(self, place: str) -> None:
        """Note that the notebook ended itself, and what was not done because of it."""
        left = len(self._code()) - len(self._outcome.cells) - bool(self._requested)
        undone = [counted(left, "cell")] if left else []
        if self._requested:
            undone.append(self._requested.title)
        not_run = f" Not run: {' and '.join(undone)}." if undone else ""
        note = f"The notebook ended itself in {place} with success.{not_run}"
        self._outcome.notes.append(note)
        self._progress.note(note)

    async def _background(self, kernel: Kernel) -> None:
        """Wait for runs that cells launched: they would end with the kernel."""
        request = asyncio.ensure_future(kernel.ask(_WAIT, None))
        status = await self._done(request)
        if status is not None:
            await kernel.interrupt(request)
        if status is CellStatus.INTERRUPTED:
            self._end(status, "while runs were going on")
        self._look(0)
        self._judge_unfinished()
        if self._aside.after and self._outcome.success:
            await self._afterwards(kernel)

    async def _afterwards(self, kernel: Kernel) -> None:
        """Execute what follows the cells."""
        request = asyncio.ensure_future(kernel.ask(self._aside.after, None))
        status = await self._done(request)
        if status is not None:
            await kernel.interrupt(request)
            self._end(status, "while its results were handed back")
        elif not request.result():
            self._outcome.end(Verdict.FAILURE, "The notebook's results could not be handed back.")

    def _end(self, status: CellStatus | None, where: str) -> None:
        """End the execution outside of a cell."""
        if status is CellStatus.INTERRUPTED:
            self._outcome.end(Verdict.INTERRUPTED, f"Interrupted {where}.")
        else:
            long = f"The notebook took longer than {self._limits.timeout:g} s"
            self._outcome.end(Verdict.FAILURE, f"{long} and was interrupted {where}.")

    def _judge_unfinished(self) -> None:
        """Fail the execution if runs are unfinished when the time is over."""
        runs, backfills = self._outcome.runs, self._outcome.backfills
        names = [f"{run.title} ({run.run_id})" for run in runs if not run.state.is_finished]
        names += [
            f"the backfill {each.backfill_id} of {each.title}, {each.counts}"
            for each in backfills
            if not each.is_finished
        ]
        if names:
            self._outcome.end(Verdict.FAILURE, f"Runs did not end in time: {'; '.join(names)}.")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Make Ctrl-C and a CI's cancel end the cell, not this process: results are written."""
        loop = asyncio.get_running_loop()
        taken = []
        for number in (signal.SIGINT, signal.SIGTERM):
            # Only the main thread of a Unix process can do this; elsewhere Python's handling stays.
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


_OWN_FRAME = re.compile(r"^\s*(Cell In|Input In|File <ipython-input|<ipython-input)")


def _error_in(cell: Any, *, by_step: bool) -> CellError | None:
    """Return the error among a cell's outputs, with the frames of the user's own cells."""
    for output in cell.get("outputs", []):
        if output.get("output_type") == "error":
            lines = [without_colours(part) for part in output.get("traceback", [])]
            frames = [part.rstrip() for part in lines if _OWN_FRAME.match(part)]
            told = shortened(output["evalue"], LONGEST_MESSAGE)
            return CellError(output["ename"], told, "\n".join(frames), by_step)
    return None
