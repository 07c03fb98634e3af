"""What a face of a headless execution is told; this one keeps still."""

from __future__ import annotations

from collections.abc import Sequence

from jobnb.notebook.outcome import BackfillOutcome, CellOutcome, NotebookOutcome, RunOutcome
from jobnb.state import StepState

__all__ = ["Progress"]


class Progress:
    """A face of a headless execution: override what is to be shown.

    All calls come from one thread, in the order of what happens.
    """

    def began(self, name: str, cells: int) -> None:
        """The notebook `name` with `cells` code cells is about to be executed."""

    def cell_began(self, number: int, label: str) -> None:
        """A cell was sent to the kernel."""

    def cell_ended(self, cell: CellOutcome) -> None:
        """A cell is done."""

    def run_changed(self, run: RunOutcome, steps: Sequence[StepState]) -> None:
        """A run of the notebook went on; `steps` are those that stand elsewhere than before."""

    def backfill_changed(self, backfill: BackfillOutcome) -> None:
        """A backfill of the notebook went on."""

    def note(self, text: str) -> None:
        """Something that deserves a word."""

    def ended(self, outcome: NotebookOutcome) -> None:
        """All is over."""
