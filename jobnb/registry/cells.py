"""Which cell runs now, so that a definition remembers where it was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha1
from sys import _getframe
from types import FrameType
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a notebook, at one execution.

    Attributes:
        id: What stays the same when the cell is run again; its text's hash where the front end
            sends no id.
        number: The number in its brackets, 0 if it has none.
        source_hash: The hash of its text.
    """

    id: str
    number: int
    source_hash: str

    def __str__(self) -> str:
        return f"cell [{self.number}]" if self.number else "a cell"


class CellWatch:
    """Follows the cells of an IPython shell.

    Args:
        on_start: Called with a cell before it runs.
        on_done: Called with a cell that ran without an error, when it is done.

    Attributes:
        done: The cell that was done last, with or without an error.
    """

    def __init__(self, on_start: Callable[[Cell], None], on_done: Callable[[Cell], None]) -> None:
        self._running: list[Cell] = []  # a cell can run another one
        self._on_start = on_start
        self._on_done = on_done
        self._shell: Any = None
        self.done: Cell | None = None

    @property
    def current(self) -> Cell | None:
        """The cell that runs now; None between cells."""
        return self._running[-1] if self._running else None

    def attach(self, shell: Any) -> None:
        """Follow this shell; doing it again changes nothing."""
        if self._shell is shell:
            return
        self.detach()
        self._shell = shell
        if _is_running():
            self._running.append(_running_cell(shell))
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)

    def detach(self) -> None:
        """Stop following."""
        if self._shell is not None:
            self._shell.events.unregister("pre_run_cell", self._before)
            self._shell.events.unregister("post_run_cell", self._after)
            self._shell = None
            self._running.clear()

    def _before(self, info: Any) -> None:
        digest = sha1((info.raw_cell or "").encode(), usedforsecurity=False).hexdigest()
        number = _next_number(self._shell) if info.store_history else 0
        cell = Cell(getattr(info, "cell_id", None) or digest, number, digest)
        self._running.append(cell)
        self._on_start(cell)

    def _after(self, result: Any) -> None:
        if not self._running:
            return
        cell = self.done = self._running.pop()
        if result.success:
            self._on_done(cell)


def _is_running() -> bool:
    """Whether a cell runs now: it is what imports jobnb, and may define things itself."""
    frame: FrameType | None = _getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == "IPython.core.interactiveshell":
            return True
        frame = frame.f_back
    return False


def _inputs(shell: Any) -> list[str]:
    """The texts of the cells so far, at their numbers; empty where no history is kept."""
    history = getattr(shell, "history_manager", None)
    return list(getattr(history, "input_hist_raw", None) or ())


def _next_number(shell: Any) -> int:
    """The number of the cell that is about to run.

    Its text is not among the inputs yet, whereas `execution_count` is counted up before or after
    this moment, depending on the version of IPython.
    """
    return len(_inputs(shell)) or int(shell.execution_count)


def _running_cell(shell: Any) -> Cell:
    """The cell that runs already when the watch is attached, as far as it can be told."""
    texts = _inputs(shell) or [""]
    digest = sha1(str(texts[-1]).encode(), usedforsecurity=False).hexdigest()
    number = len(texts) - 1 or shell.execution_count
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell_id = (parent.get("metadata") or {}).get("cellId")
    return Cell(cell_id or digest, number, digest)
