"""Worker processes: started by loky, kept warm for the next run, ended with this process."""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobnb.execution.executors.worker_output import STREAMS, left_in
from jobnb.execution.executors.worker_process import end_group, main

IDLE = 300.0
"""Seconds after which a worker that has nothing to do is ended."""

_LEAVE = 2.0  # seconds that a worker has to end by itself


class WorkerProcess:
    """One worker, as the coordinating process sees it.

    Attributes:
        pipe: To the worker.
        modules: The user's modules, as they stood when it may have imported them.
        since: Since when it has had nothing to do.
    """

    def __init__(self, name: str) -> None:
        from loky.backend import get_context

        context = get_context("loky")
        self.pipe, theirs = context.Pipe()
        outputs = {number: context.Pipe(duplex=False) for number in STREAMS}
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self._process = context.Process(
            target=main, args=(theirs, outputs), name=name, env=environment
        )
        self._process.start()
        theirs.close()
        for _, writing in outputs.values():
            writing.close()
        self._outputs = {STREAMS[number]: reading for number, (reading, _) in outputs.items()}
        self.modules: dict[str, float] = {}
        self.since = time.monotonic()

    @property
    def pid(self) -> int:
        """The id of its process."""
        return int(self._process.pid or 0)

    @property
    def sentinel(self) -> int:
        """An object that is ready to be read once the process has ended."""
        return int(self._process.sentinel)

    @property
    def is_there(self) -> bool:
        """Whether its process is alive."""
        return self._process.exitcode is None

    def send(self, *message: Any) -> bool:
        """Send a message; whether somebody is there who gets it."""
        try:
            self.pipe.send_bytes(pickle.dumps(message, 5))
        except OSError:
            return False
        return True

    def last_output(self) -> dict[str, str]:
        """Return what it wrote and could not tell before its process ended, by stream."""
        found = {name: left_in(pipe) for name, pipe in self._outputs.items()}
        return {name: text for name, text in found.items() if text}

    def how_it_ended(self) -> str:
        """Describe how its process ended."""
        self._process.join(1.0)
        code = self._process.exitcode
        if code is None:
            return "it no longer answers"
        if code >= 0:
            return f"exit code {code}"
        with suppress(ValueError):
            name = signal.Signals(-code).name
            told = {"SIGKILL": ": killed from outside, or out of memory"}.get(name, "")
            return f"signal {-code} ({name}{told})"
        return f"signal {-code}"

    def kill(self) -> None:
        """Kill it with all that it has started, and do not wait for it."""
        if self.is_there:
            end_group(self.pid)
            self._process.terminate()  # where there are no groups; loky has it end at once

    def end(self) -> None:
        """End it with all that it has started."""
        self.kill()
        self._process.join(_LEAVE)
        for pipe in (self.pipe, *self._outputs.values()):
            with suppress(OSError):
                pipe.close()


class Pool:
    """The idle workers of this process."""

    def __init__(self) -> None:
        self._idle: list[WorkerProcess] = []
        self._all: set[WorkerProcess] = set()
        self._turn = threading.Lock()
        self._count = 0
        self._watching = False

    def take(self) -> WorkerProcess:
        """Return a worker for a run: a warm one, if it has loaded the present modules."""
        modules = _modules()
        with self._turn:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_there and _is_current(worker, modules):
                    worker.modules |= modules
                    return worker
                self._end(worker)
            self._count += 1
            number = self._count
        worker = WorkerProcess(f"jobnb worker {number}")
        worker.modules = modules
        with self._turn:
            self._all.add(worker)
        return worker

    def give_back(self, worker: WorkerProcess) -> None:
        """Keep a worker for the next run."""
        with self._turn:
            worker.since = time.monotonic()
            self._idle.append(worker)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="jobnb workers", daemon=True).start()

    def end(self, worker: WorkerProcess) -> None:
        """End a worker that is not to be used again."""
        with self._turn:
            self._end(worker)

    def _end(self, worker: WorkerProcess) -> None:
        self._all.discard(worker)
        worker.end()

    def end_all(self) -> None:
        """End all workers, at the end of this process."""
        with self._turn:
            workers, self._idle = list(self._all), []
            self._all.clear()
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.end()

    def left(self) -> None:
        """In a forked process, forget the workers: they belong to the parent."""
        self.__init__()  # type: ignore[misc]

    def _watch(self) -> None:
        """End workers that have had nothing to do for long."""
        while True:
            time.sleep(IDLE / 10)
            with self._turn:
                before = time.monotonic() - IDLE
                for worker in [each for each in self._idle if each.since < before]:
                    self._idle.remove(worker)
                    self._end(worker)
                if not self._idle:
                    self._watching = False
                    return


def _modules() -> dict[str, float]:
    """Return the user's own imported modules, with the times of their last changes."""
    found = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or name.startswith("jobnb.") or _is_installed(path):
            continue
        with suppress(OSError):
            found[name] = Path(path).stat().st_mtime
    return found


_PREFIXES = tuple({sys.prefix, sys.base_prefix, str(Path(os.__file__).parent)})


def _is_installed(path: str) -> bool:
    return path.startswith(_PREFIXES) or "site-packages" in path


def _is_current(worker: WorkerProcess, modules: dict[str, float]) -> bool:
    """Whether no module that it may have imported has been changed since."""
    known = worker.modules
    return all(known.get(name, changed) == changed for name, changed in modules.items())


pool = Pool()
"""The workers of this process."""

atexit.register(pool.end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.left)
