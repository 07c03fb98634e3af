"""Which cell runs now, so that a definition remembers where it was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

__all__ = ["Cell", "CellWatch"]


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
        on_done: Called with a cell that ran without an error, when it is done.
    """

    def __init__(self, on_done: Callable[[Cell], None]) -> None:
        self.current: Cell | None = None
        self._on_done = on_done
        self._shell: Any = None

    def attach(self, shell: Any) -> None:
        """Follow this shell; doing it again changes nothing."""
        if self._shell is shell:
            return
        self.detach()
        self._shell = shell
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)

    def detach(self) -> None:
        """Stop following."""
        if self._shell is not None:
            self._shell.events.unregister("pre_run_cell", self._before)
            self._shell.events.unregister("post_run_cell", self._after)
            self._shell = None

    def _before(self, info: Any) -> None:
        digest = sha1((info.raw_cell or "").encode(), usedforsecurity=False).hexdigest()
        number = self._shell.execution_count if info.store_history else 0
        self.current = Cell(getattr(info, "cell_id", None) or digest, number, digest)

    def _after(self, result: Any) -> None:
        cell, self.current = self.current, None
        if cell is not None and result.success:
            self._on_done(cell)
