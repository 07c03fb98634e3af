"""The process of a detached run that is queued, until its turn is near.

A hundred runs may wait, so each does it in a bare Python: this file is run by its path, and imports
nothing of jobnb. The process sleeps until a byte comes through the pipe in the run's folder. One of
those that wait, the one that has the lock of their folder, leads: it loads the history, sees whose
turn is near, and wakes them (`detached_queue`). Where it ends, however it does, the system passes
the lock to another one. Who is woken becomes the run's process, under the same process id.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys

PIPE = "turn"
LOCK = "queue.lock"
WAKE, LEAD, END = b"w", b"l", b"e"
SIGNALS = [
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)
]


def main() -> None:
    """Wait for the turn of the run whose folder is given, and go on as its process."""
    folder, path, as_leader, as_run = sys.argv[1:]
    if not sys.stdin.buffer.read(1):  # whoever launched it was killed before all was recorded
        return
    pipe = os.open(os.path.join(folder, PIPE), os.O_RDWR)  # noqa: PTH118 - no pathlib here
    for each in SIGNALS:
        signal.signal(each, lambda *_: os.write(pipe, END))
    lock = os.open(os.path.join(os.path.dirname(folder), LOCK), os.O_RDWR | os.O_CREAT, 0o600)  # noqa: PTH118, PTH120
    _thread.start_new_thread(_wait_for_lock, (lock, pipe))
    told = os.read(pipe, 1)
    # Until the next program listens, signals wait; one that came meanwhile has left its byte.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    os.set_blocking(pipe, False)
    while told != END and (more := _rest_of(pipe)):
        told = END if END in more else told
    if told == LEAD:
        os.set_inheritable(lock, True)
        go_on(as_leader, folder, path, str(lock))
    go_on(as_run, folder, path, *(["end"] if told == END else []))


def _rest_of(pipe: int) -> bytes:
    try:
        return os.read(pipe, 64)
    except BlockingIOError:
        return b""


def go_on(code: str, *arguments: str) -> None:
    """Become another program in this process."""
    os.execv(sys.executable, [sys.executable, "-c", code, *arguments])  # noqa: S606 - our own code


def _wait_for_lock(lock: int, pipe: int) -> None:
    import fcntl  # which not every platform has

    fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(pipe, LEAD)


if __name__ == "__main__":
    main()
