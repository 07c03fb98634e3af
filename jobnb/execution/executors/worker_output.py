"""Log what a worker's process writes to its standard streams under the step that it executes.

The file descriptors themselves are caught: what code in C and child processes write comes along.
It stays in a pipe, which the coordinating process has too, until it can be told: what a process
wrote just before it died is read there.
"""

from __future__ import annotations

import codecs
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

STREAMS = {1: "stdout", 2: "stderr"}
_CHUNK = 65536
_LIVE = 0.05  # seconds that an output may wait in its pipe
_LOOK = 0.005
_MUCH = 16384  # bytes that do not wait: a pipe holds 65,536

Outputs = Mapping[int, tuple[Connection, Connection]]
"""For each file descriptor, the two ends of its pipe: for reading and for writing."""


def own_outputs() -> Outputs:
    """Return pipes that no other process reads."""
    return {number: Pipe(duplex=False) for number in STREAMS}


class CaughtOutput:
    """Captures what this process writes, as long as it lives.

    Args:
        outputs: The pipes.
        tell: Called when some was taken, and nothing is known to follow soon.

    Attributes:
        take: Takes each text, with the name of its stream; what comes while there is none is lost.
    """

    def __init__(self, outputs: Outputs, tell: Callable[[], object]) -> None:
        self.take: Callable[[str, str], None] | None = None
        self._tell = tell
        self._pid = os.getpid()
        self._outputs = outputs  # which keeps them open
        self._turn = threading.Lock()
        self._pipes: dict[int, str] = {}
        self._decoders: dict[int, Any] = {}
        self._flush = _flush_of_c()
        for number, (reading, writing) in outputs.items():
            pipe = reading.fileno()
            os.set_blocking(pipe, False)
            os.dup2(writing.fileno(), number)
            writing.close()
            self._pipes[pipe] = STREAMS[number]
            self._decoders[pipe] = codecs.getincrementaldecoder("utf-8")("replace")
        # Whole lines at once: the parent is to see them while the step goes on.
        sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        threading.Thread(target=self._read, name="jobnb output", daemon=True).start()

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select(list(self._pipes), [], [])
            deadline = time.monotonic() + _LIVE
            while time.monotonic() < deadline and all(_waiting(pipe) < _MUCH for pipe in ready):
                time.sleep(_LOOK)
            self.read()
            self._tell()

    def read(self) -> None:
        """Take all that is in the pipes; a copy of the process that a step makes takes nothing."""
        if os.getpid() != self._pid:
            return
        with self._turn:
            for pipe in self._pipes:
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
        self.read()


def left_in(pipe: Connection) -> str:
    """Return what a process that is gone has left in a pipe; the end of it, if that is much."""
    found = b""
    with suppress(OSError):
        os.set_blocking(pipe.fileno(), False)
        while data := os.read(pipe.fileno(), _CHUNK):
            found = (found + data)[-_CHUNK:]
    return found.decode("utf-8", "replace")


def _waiting(pipe: int) -> int:
    """Return how many bytes are in a pipe."""
    import fcntl
    import termios

    count = fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0")
    return int.from_bytes(count, sys.byteorder)


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
