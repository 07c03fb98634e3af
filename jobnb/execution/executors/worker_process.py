"""The main loop of a worker's process: executes what the coordinating process sends.

Steps run in its main thread, as they would in a program of their own; a second thread listens, so
that a step can be told to stop.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from jobnb.events import Event, Logged, StepRestarted, StepStarted
from jobnb.execution.executors.attempt_queue import SOON
from jobnb.execution.executors.limits import is_timed
from jobnb.execution.executors.worker_output import STREAMS, CaughtOutput, Outputs
from jobnb.execution.executors.worker_pool import AttemptResult
from jobnb.execution.output_capture import Sink
from jobnb.execution.stopping import Stop
from jobnb.execution.worker import TaskMessage, WorkerRun, WorkerThread, packed_error

_LIVE = 0.05  # seconds that an event may wait before it is sent
_PROMPT = 5  # logged lines that are sent at once, in each such time
_LAST = 2.0  # seconds that a step has to end when the process that has the run is gone


class WorkerEnvironment(NamedTuple):
    """The environment that a worker takes over from the coordinating process with each run.

    Args:
        setup: The file that has the setup.
        folder: The current folder.
        path: Where modules are found.
        environment: The environment's variables.
        preload: Modules that are imported before anything else.
    """

    setup: str
    folder: str
    path: list[str]
    environment: Mapping[str, str]
    preload: tuple[str, ...] = ()

    def take_over(self) -> None:
        """Apply it to this process."""
        sys.path[:] = self.path
        for name in os.environ.keys() - self.environment.keys():
            del os.environ[name]
        os.environ.update(self.environment)
        with suppress(OSError):
            os.chdir(self.folder)
        from importlib import import_module

        for name in self.preload:
            import_module(name)


class _Worker:
    """The worker's main loop.

    Args:
        pipe: To the process that has the run.
        outputs: The pipes of its standard streams.
    """

    def __init__(self, pipe: Connection, outputs: Outputs) -> None:
        self._pipe = pipe
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._events: list[Event] = []
        self._turn = threading.Lock()
        self._sending = threading.Lock()
        self._wake = threading.Event()
        self._output = CaughtOutput(outputs, self._send_now)
        self._sink: Sink | None = None
        self._part: WorkerRun | None = None
        self._thread: WorkerThread | None = None
        self._task = 0
        self._wanted: dict[int, tuple[str, bool]] = {}
        self._ended: list[tuple[AttemptResult, Any]] = []
        self._told = 0.0
        self._pid = os.getpid()
        self._period, self._sent = 0.0, 0  # of the logged lines that did not wait
        self._is_timed = False

    def run(self) -> None:
        """Execute tasks until the connection is closed."""
        for work in (self._listen, self._send_live):
            threading.Thread(target=work, daemon=True).start()
        while (message := self._inbox.get()) is not None:
            kind, *content = message
            try:
                getattr(self, f"_{kind}")(*content)
            except KeyboardInterrupt:
                continue  # it came too late to stop anything

    # --- listening -------------------------------------------------------

    def _listen(self) -> None:
        try:
            while True:
                message = pickle.loads(self._pipe.recv_bytes())  # noqa: S301 - from our own parent
                if message[0] == "stop":
                    self._stop(*message[1:])
                else:
                    self._inbox.put(message)
        except (EOFError, OSError):
            self._orphaned()

    def _stop(self, task: int, reason: str, is_failure: bool) -> None:
        self._wanted[task] = reason, is_failure
        if self._thread is not None and self._task == task:
            self._thread.stop.request(reason, _tell_nobody, is_failure=is_failure)

    def _orphaned(self) -> None:
        """Close everything, as the coordinating process is gone."""
        self._inbox.put(("close",))
        self._inbox.put(None)
        if self._thread is not None:
            self._thread.stop.request("The process that has the run is gone.", _tell_nobody)
        deadline = time.monotonic() + _LAST
        while time.monotonic() < deadline and self._part is not None:
            if self._thread is not None:
                self._thread.stop.interrupt()
            time.sleep(_LIVE)
        end_group(os.getpid())
        os._exit(1)

    # --- telling ---------------------------------------------------------

    def _tell_event(self, event: Event) -> None:
        if os.getpid() != self._pid:
            return  # a copy of the process, which a step has made
        is_line = type(event) is Logged and event.logger not in STREAMS.values()
        if is_line:
            self._output.read()  # what was written before it comes before it
        with self._turn:
            self._events.append(event)
        if is_line and self._is_prompt():
            self._send_now()
            return
        if self._is_timed and type(event) in (StepStarted, StepRestarted):
            # Its time counts from now, also where no other thread gets to run until it ends.
            with suppress(OSError):
                self._send_news()
            return
        if not self._wake.is_set():  # to set it takes as long as all else that is done here
            self._wake.set()

    def _is_prompt(self) -> bool:
        """Whether a logged line is sent at once, as the process may die: the first ones are."""
        now = time.monotonic()
        if now > self._period + _LIVE:
            self._period, self._sent = now, 0
        self._sent += 1
        return self._sent <= _PROMPT

    def _send_now(self) -> None:
        with suppress(OSError):
            self._send_news()

    def _send_live(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(_LIVE)
            self._wake.clear()
            thread = self._thread
            if thread is not None:
                self._report_late(thread)
            with suppress(OSError):
                self._send_news()
            if thread is not None:
                thread.stop.interrupt()  # again, where it was in code that is not to be left

    def _report_late(self, thread: WorkerThread) -> None:
        """Give back the attempts that wait behind one that takes long."""
        late = [(outcome, None) for outcome in thread.take_late()]
        with self._turn:
            self._ended += late
        if thread.has_more:
            self._wake.set()

    def _send_news(self) -> None:
        """Send the events and the ends of attempts that have not been sent."""
        if self._events or self._ended:
            self._send(None)

    def _send(self, message: Any) -> None:
        with self._sending:
            with self._turn:
                events, self._events = self._events, []
                ended, self._ended = self._ended, []
            # Events go first: how an attempt ended is told after all that happened in it.
            self._pipe.send_bytes(pickle.dumps((events, ended, message), 5))

    # --- doing -----------------------------------------------------------

    def _begin(self, place: WorkerEnvironment) -> None:
        try:
            place.take_over()
            setup = Path(place.setup).read_bytes()
            self._part = WorkerRun(setup, self._tell_event, self._before_end)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it must hear of it
            self._send(("broken", packed_error(error)))
            return
        self._is_timed = is_timed(self._part.scope.plan)
        self._thread = thread = self._part.thread()
        scope = thread.runner.scope
        self._sink = Sink(self._tell_event, lambda: scope.current_key)
        self._output.take = self._sink.write
        try:
            self._part.open()
        except BaseException as error:  # noqa: BLE001 - whoever waits for it must hear of it
            self._thread = None  # what comes now is left
            self._output.drain()
            self._send(("broken", packed_error(error)))

    def _do(self, message: TaskMessage) -> None:
        thread = self._thread
        if thread is None:
            return
        self._task, thread.stop = message.number, Stop()
        if message.number in self._wanted:
            reason, is_failure = self._wanted[message.number]
            thread.stop.request(reason, _tell_nobody, is_failure=is_failure)
        thread.do(message, self._report)
        self._send_news()
        self._task = 0

    def _report(self, outcome: AttemptResult) -> None:
        error = None if outcome.error is None else packed_error(outcome.error)
        outcome.error = None
        with self._turn:
            self._ended.append((outcome, error))
        # Attempts that end within a moment are told of together.
        if time.monotonic() > self._told + SOON:
            self._send_news()
            self._told = time.monotonic()

    def _before_end(self) -> None:
        """Send all output of a step before its end."""
        self._output.drain()
        if self._sink is not None:
            self._sink.tell_rest()

    def _close(self) -> None:
        try:
            if self._part is not None:
                self._part.close()
            self._output.drain()
            if self._sink is not None:
                self._sink.close()
        finally:
            self._output.take = None
            self._part = self._thread = self._sink = None
            self._wanted.clear()
            with suppress(OSError):
                self._send(("closed",))


def end_group(pid: int) -> None:
    """End the processes that a worker has started, and those that they have started."""
    with suppress(OSError, AttributeError):
        os.killpg(pid, signal.SIGKILL)


def main(pipe: Connection, outputs: Outputs) -> None:
    """Run as a worker; the target of its process."""
    with suppress(OSError, AttributeError):
        os.setsid()  # what a terminal or a notebook sends to its group does not come here
    _Worker(pipe, outputs).run()


def _tell_nobody() -> None:
    """Ignore it: the coordinating process reports it."""
