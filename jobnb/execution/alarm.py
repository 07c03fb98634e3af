"""Interrupt a step that takes longer than it may, in the thread of the run."""

from __future__ import annotations

import threading
import time
from typing import Self

from jobnb.execution.stopping import PATIENCE, Stopping
from jobnb.execution.thread_interrupts import (
    StopSignal,
    can_be_left,
    let_arrive,
    raise_in,
    ready,
)
from jobnb.storage.process import has_threads


class Alarm:
    """Interrupts the user's code in this thread once, when it exceeds a time limit.

    Args:
        stopping: Knows when the run is in the user's code.
        seconds: How long it may take.

    Attributes:
        rang: Whether it has interrupted it.
    """

    def __init__(self, stopping: Stopping, seconds: float) -> None:
        self.rang = False
        self._stopping, self._seconds = stopping, seconds
        self._ident = threading.get_ident()
        self._raised = False
        self._lock = threading.Lock()
        self._over = threading.Event()

    def __enter__(self) -> Self:
        ready()
        if has_threads():
            threading.Thread(target=self._wait, name="jobnb alarm", daemon=True).start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.silence()

    def silence(self) -> None:
        """Interrupt nothing from now on; a pending interrupt has arrived."""
        while not self._over.is_set():
            try:
                with self._lock:
                    self._stopping.silence()
                    if self._raised:
                        let_arrive()
                    self._over.set()
            except KeyboardInterrupt:
                continue

    def _wait(self) -> None:
        if self._over.wait(self._seconds):
            return
        began = time.monotonic()
        while not self._over.wait(_PAUSE):
            with self._lock:
                time.sleep(0)  # a new turn, as in `Stop.interrupt`
                patient = time.monotonic() < began + PATIENCE
                if self._over.is_set() or self.rang:
                    return
                if self._stopping.open:
                    self._interrupt(patient=patient)

    def _interrupt(self, *, patient: bool) -> None:
        if self._stopping.ring(self._ring, self._ident):
            return
        if can_be_left(self._ident, patient=patient):
            self.rang = self._raised = raise_in(self._ident, StopSignal)

    def _ring(self) -> None:
        self.rang = True


_PAUSE = 0.001  # seconds between two looks at where the thread is
