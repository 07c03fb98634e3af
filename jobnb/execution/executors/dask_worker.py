"""The code that runs on a Dask worker: several lanes of a run in one process, one thread each."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from uuid import uuid4

from jobnb.events import Event, StepRestarted, StepStarted
from jobnb.execution.executors.attempt_queue import SOON
from jobnb.execution.executors.limits import is_timed
from jobnb.execution.executors.worker_pool import AttemptResult, AttemptStatus
from jobnb.execution.output_capture import capturing
from jobnb.execution.pickling import Packed, ValueStub
from jobnb.execution.stopping import Stop
from jobnb.execution.worker import TaskMessage, WorkerRun, WorkerThread, packed_error

INLINE = 1 << 16
"""Bytes up to which a value goes with the news; a larger one stays on its worker."""

_SENDING = 0.02  # seconds in which the worker's own thread sends what it was given
_LIVE = 0.1  # seconds that an event may wait before it is sent


class Report(NamedTuple):
    """A message about a task.

    Args:
        number: The number of the task; 0 for news of the worker.
        turn: Which turn at it: Dask begins a task again when it has lost its worker.
        events: What has happened.
        outcomes: The attempts that have ended, each with its error.
    """

    number: int
    turn: str
    events: Sequence[Event]
    outcomes: Sequence[tuple[AttemptResult, Any]] = ()


class _EventSender:
    """Sends what happens in one task, in batches of what happens close together.

    Attributes:
        worker_name: What the worker is called.
        thread: Executes the task, once it has begun.
        is_timed: Whether steps of the run may have a time limit.
    """

    def __init__(self, worker: Any, run_id: str, number: int) -> None:
        self._worker, self._topic = worker, f"jobnb-{run_id}"
        self._number, self._turn = number, uuid4().hex
        self.worker_name = f"worker {getattr(worker, 'name', '')}".strip()
        self.thread: WorkerThread | None = None
        self.is_timed = False
        self._events: list[Event] = []
        self._outcomes: list[tuple[AttemptResult, Any]] = []
        self._sent = 0.0
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._ended = threading.Event()

    def tell(self, event: Event) -> None:
        """Send an event, soon."""
        with self._lock:
            self._events.append(event)
        if self.is_timed and type(event) in (StepStarted, StepRestarted):
            # Its time counts from now, also where no other thread gets to run until it ends.
            self.send()
            time.sleep(_SENDING)

    def report(self, outcome: AttemptResult, error: Any) -> None:
        """Send how an attempt ended; those that end within a moment go together."""
        with self._lock:
            self._outcomes.append((outcome, error))
        if time.monotonic() > self._sent + SOON:
            self.send()
            self._sent = time.monotonic()

    def send(self) -> None:
        """Send what has happened, and how attempts ended."""
        with self._sending:
            with self._lock:
                events, self._events = self._events, []
                outcomes, self._outcomes = self._outcomes, []
            if events or outcomes:
                report = Report(self._number, self._turn, events, outcomes)
                self._worker.log_event(self._topic, {"data": pickle.dumps(report, 5)})

    def _report_late(self) -> None:
        """Give back the attempts that wait behind one that takes long."""
        if self.thread is not None:
            late = [(outcome, None) for outcome in self.thread.take_late()]
            with self._lock:
                self._outcomes += late

    @contextmanager
    def live(self) -> Iterator[None]:
        """Send events as they happen, for the duration of the block."""
        thread = threading.Thread(target=self._send_live, name="jobnb events", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            self.send()

    def _send_live(self) -> None:
        while not self._ended.wait(_LIVE):
            self._report_late()
            with suppress(Exception):  # the worker is being closed
                self.send()


_parts: dict[str, WorkerRun] = {}
_stops: dict[tuple[str, int], WorkerThread] = {}
_wanted: dict[tuple[str, int], tuple[str, bool]] = {}
_turn = threading.Lock()
_tellers = threading.local()


def _part_of(run_id: str, setup: bytes) -> WorkerRun:
    """Return the part of a run in this process, created once."""
    with _turn:
        if run_id not in _parts:
            _parts[run_id] = WorkerRun(setup, _tell_of_worker)
        return _parts[run_id]


def _tell_of_worker(event: Event) -> None:
    """Record an event that belongs to no step, with the task that caused it."""
    sender = getattr(_tellers, "now", None)
    if sender is not None:
        sender.tell(event)


def do_task(
    run_id: str, setup: bytes, message: TaskMessage, needs: Sequence[Any]
) -> dict[Any, Any]:
    """Execute a task.

    Args:
        run_id: The run.
        setup: What this process must know of it.
        message: The task.
        needs: What other tasks kept, for its inputs.

    Returns:
        The large values that it made, by slot and element; under None, how its attempts ended.
    """
    from distributed import get_worker

    sender = _EventSender(get_worker(), run_id, message.number)
    _tellers.now = sender
    kept: dict[Any, Any] = {None: []}

    def report(outcome: AttemptResult) -> None:
        error = None if outcome.error is None else packed_error(outcome.error)
        outcome.error = None
        told = _kept_back(outcome, kept), error
        kept[None].append(told)
        sender.report(*told)

    with sender.live():
        try:
            part = _part_of(run_id, setup)
            part.open()
        except Exception as error:  # noqa: BLE001 - whoever waits for it must hear of it
            for attempt in message.attempts:
                broken = AttemptStatus.BROKEN
                report(AttemptResult(message.number, attempt, broken, error=error))
            return kept
        _do(part, run_id, message, needs, sender, report)
    return kept


def _do(
    part: WorkerRun,
    run_id: str,
    message: TaskMessage,
    needs: Sequence[Any],
    sender: _EventSender,
    report: Any,
) -> None:
    thread = WorkerThread(part, sender.tell, sender.worker_name)
    scope, mark = thread.runner.scope, (run_id, message.number)
    values = {slot: _brought(value, needs) for slot, value in message.values.items()}
    sender.thread, thread.stop = thread, Stop()
    sender.is_timed = is_timed(scope.plan)
    _stops[mark] = thread
    if mark in _wanted:
        reason, is_failure = _wanted[mark]
        thread.stop.request(reason, _tell_nobody, is_failure=is_failure)
    try:
        with capturing(scope.append, lambda: scope.current_key):
            thread.do(message._replace(values=values), report)
    finally:
        del _stops[mark]


def _brought(value: Any, needs: Sequence[Mapping[Any, Any]]) -> Any:
    if isinstance(value, dict):
        return {key: _brought(each, needs) for key, each in value.items()}
    return needs[value.holder][value.place] if type(value) is ValueStub else value


def _kept_back(outcome: AttemptResult, kept: dict[Any, Any]) -> AttemptResult:
    """Return the outcome of an attempt with its small values; large ones stay here."""
    if outcome.values is None:
        return outcome
    element = outcome.attempt.unit.mapping_key

    def small(value: Any, place: tuple[int, str | None]) -> Any:
        if type(value) is not Packed or value.size <= INLINE:
            return value
        kept[place] = value
        return ValueStub(place)

    outcome.values = {
        slot: {key: small(each, (slot, key)) for key, each in value.items()}
        if isinstance(value, dict)
        else small(value, (slot, element))
        for slot, value in outcome.values.items()
    }
    return outcome


StopRequest = tuple[int, str, bool]
"""The number of a task that is to stop, why, and whether it has failed then."""


def stop_tasks(run_id: str, asked: Sequence[StopRequest]) -> list[int]:
    """Stop those tasks that this process does; return their numbers."""
    found = []
    for number, reason, is_failure in asked:
        _wanted[run_id, number] = reason, is_failure
        thread = _stops.get((run_id, number))
        if thread is not None:
            found.append(number)
            about = thread, reason, is_failure
            threading.Thread(target=_insist, args=about, daemon=True).start()
    return found


def end_worker(dask_worker: Any = None) -> None:
    """End the process of a worker whose step does not stop.

    Args:
        dask_worker: The nanny of the worker, in whose process this is called; it begins another.
    """
    pid = getattr(dask_worker, "pid", None)
    if pid:
        os.kill(pid, signal.SIGKILL)


def _insist(thread: WorkerThread, reason: str, is_failure: bool) -> None:
    """Interrupt it until it is met where it can be left."""
    stop = thread.stop
    if stop.request(reason, _tell_nobody, is_failure=is_failure):
        for _ in range(100):
            if not stop.open and stop._sent:
                return
            stop.interrupt()
            threading.Event().wait(0.05)


def close_part(run_id: str, dask_worker: Any = None) -> None:
    """Tear down the resources of a run in this process.

    Args:
        run_id: The run.
        dask_worker: The worker that this is; Dask gives it.
    """
    with _turn:
        part = _parts.pop(run_id, None)
    for mark in [each for each in _wanted if each[0] == run_id]:
        del _wanted[mark]
    if part is not None:
        # The user's code does not run in the thread of the worker's own event loop.
        thread = threading.Thread(target=_close, args=(part, _EventSender(dask_worker, run_id, 0)))
        thread.start()
        thread.join()


def _close(part: WorkerRun, sender: _EventSender) -> None:
    _tellers.now = sender
    part.close()
    sender.send()


def _tell_nobody() -> None:
    """Ignore it: the coordinator reports it."""
