"""What a backfill is made of and the order of it, whether it makes assets or runs a job."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from jobnb.execution.run import RunScope
from jobnb.execution.stopping import Stop
from jobnb.storage.run_batch import RunBatch

__all__ = ["Ledger", "Part", "Piece", "Runs", "levels_of", "shared"]


class Piece(Protocol):
    """What one run makes."""

    @property
    def size(self) -> int:
        """How many partitions it makes, counted once for each asset."""


class Part(Protocol):
    """Runs that are alike."""

    @property
    def level(self) -> int:
        """Those of a level are done after all of lower levels."""

    @property
    def size(self) -> int:
        """How many partitions they make."""

    @property
    def is_serial(self) -> bool:
        """Whether they are done one after the other, in order."""

    def chunks(self) -> Iterator[Any]:
        """What each of them makes, in order."""


class Runs(Protocol):
    """Does the runs."""

    def scope(self, chunk: Any, batch: RunBatch, stop: Stop) -> RunScope:
        """A run that makes a piece; nothing of it has been done yet."""

    def do(self, scope: RunScope, stop: Stop) -> Any:
        """Do a run to its end: what came of it, or None where it was stopped."""


class Ledger(Protocol):
    """Keeps account of what could not be made."""

    def free_part(self, chunk: Any) -> Any:
        """What of a piece can be tried; None for nothing."""

    def note(self, chunk: Any, outcome: Any) -> tuple[int, int]:
        """How many partitions of a piece failed, and how many were not tried since these did."""


def levels_of(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """The parts level by level: those of one may be made side by side."""
    for level in sorted({part.level for part in parts}):
        yield [part for part in parts if part.level == level]


def shared(pieces: Iterator[Piece], lock: threading.Lock) -> Iterator[Piece]:
    """Pieces that several threads take from one source."""
    while True:
        with lock:
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece
