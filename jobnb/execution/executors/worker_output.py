"""Log what a worker's process writes to its standard streams under the step that it executes.

The file descriptors themselves are caught: what code in C and child processes write comes along.
"""

from __future__ import annotations

import codecs
import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_STREAMS = {1: "stdout", 2: "stderr"}
_CHUNK = 65536


class CaughtOutput:
    """Captures what this process writes, as long as it lives.

    Attributes:
        take: Takes each text, with the name of its stream; what comes while there is none is lost.
    """

    def __init__(self) -> None:
        self.take: Callable[[str, str], None] | None = None
        self._turn = threading.Lock()
        self._pipes: dict[int, str] = {}
        self._decoders: dict[int, Any] = {}
        self._flush = _flush_of_c()
        for number, name in _STREAMS.items():
            reading, writing = os.pipe()
            os.set_blocking(reading, False)
            os.dup2(writing, number)
            os.close(writing)
            self._pipes[reading] = name
            self._decoders[reading] = codecs.getincrementaldecoder("utf-8")("replace")
        # Whole lines at once: the parent is to see them while the step goes on.
        sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        threading.Thread(target=self._read, name="jobnb output", daemon=True).start()

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select(list(self._pipes), [], [])
            with self._turn:
                for pipe in ready:
                    self._read_one(pipe)

    def _read_one(self, pipe: int) -> None:
        while True:
            try:
                data = os.read(pipe, _CHUNK)
            except BlockingIOError:
                return
            if not data:
                return
            text = self._decoders[pipe].decode(data)
            if self.take is not None and text:
                self.take(text, self._pipes[pipe])

    def drain(self) -> None:
        """Read all that was written by now, also from buffers."""
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # the user's code may have closed it
                stream.flush()
        self._flush()
        with self._turn:
            for pipe in self._pipes:
                self._read_one(pipe)


def _flush_of_c() -> Callable[[], Any]:
    """Return the function that flushes the C library's buffers."""
    try:
        import ctypes

        flush = ctypes.CDLL(None).fflush
    except (ImportError, OSError, AttributeError, TypeError):
        return _nothing
    return lambda: flush(None)


def _nothing() -> None:
    """Flush nothing."""
