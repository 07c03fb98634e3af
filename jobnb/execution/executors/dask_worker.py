"""The code that runs on a Dask worker: several lanes of a run in one process, one thread each."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from uuid import uuid4

from jobnb.events import Event
from jobnb.execution.executors.worker_pool import Ended, Outcome
from jobnb.execution.output_capture import capturing
from jobnb.execution.pickling import Packed, Stays
from jobnb.execution.stopping import Stop
from jobnb.execution.worker import Order, PartOfRun, RemoteLane, packed_error

INLINE = 1 << 16
"""Bytes up to which a value goes with the news; a larger one stays on its worker."""

_LIVE = 0.1  # seconds that an event may wait before it is sent


class Report(NamedTuple):
    """A message about a task.

    Args:
        number: The number of the task; 0 for news of the worker.
        turn: Which turn at it: Dask begins a task anew when it has lost its worker.
        events: What has happened.
        outcomes: The pieces that have ended, each with its error.
    """

    number: int
    turn: str
    events: Sequence[Event]
    outcomes: Sequence[tuple[Outcome, Any]] = ()


class _Teller:
    """Sends the events of one task, in batches of those that happen close together.

    Attributes:
        worker_name: What the worker is called.
    """

    def __init__(self, worker: Any, run_id: str, number: int) -> None:
        self._worker, self._topic = worker, f"jobnb-{run_id}"
        self._number, self._turn = number, uuid4().hex
        self.worker_name = f"worker {getattr(worker, 'name', '')}".strip()
        self._events: list[Event] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def tell(self, event: Event) -> None:
        """Send an event, soon."""
        with self._lock:
            self._events.append(event)

    def send(self, outcomes: Sequence[tuple[Outcome, Any]] = ()) -> None:
        """Send what has happened, with the pieces that have ended."""
        with self._lock:
            events, self._events = self._events, []
        if events or outcomes:
            report = Report(self._number, self._turn, events, outcomes)
            self._worker.log_event(self._topic, {"data": pickle.dumps(report, 5)})

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
            with suppress(Exception):  # the worker is being closed
                self.send()


_parts: dict[str, PartOfRun] = {}
_stops: dict[tuple[str, int], RemoteLane] = {}
_wanted: dict[tuple[str, int], tuple[str, bool]] = {}
_turn = threading.Lock()
_tellers = threading.local()


def _part_of(run_id: str, errand: bytes) -> PartOfRun:
    """Return the part of a run in this process, created once."""
    with _turn:
        if run_id not in _parts:
            _parts[run_id] = PartOfRun(errand, _tell_of_worker)
        return _parts[run_id]


def _tell_of_worker(event: Event) -> None:
    """Record an event that belongs to no step, with the task that caused it."""
    teller = getattr(_tellers, "now", None)
    if teller is not None:
        teller.tell(event)


def do_order(run_id: str, errand: bytes, order: Order, needs: Sequence[Any]) -> dict[Any, Any]:
    """Execute a task.

    Args:
        run_id: The run.
        errand: What this process must know of it.
        order: The task.
        needs: What other tasks kept, for its inputs.

    Returns:
        The large values that it made, by slot and element; under None, how its pieces ended.
    """
    from distributed import get_worker

    teller = _Teller(get_worker(), run_id, order.number)
    _tellers.now = teller
    kept: dict[Any, Any] = {None: []}

    def report(outcome: Outcome) -> None:
        error = None if outcome.error is None else packed_error(outcome.error)
        told = _kept_back(outcome._replace(error=None), kept), error
        kept[None].append(told)
        teller.send([told])

    with teller.live():
        try:
            part = _part_of(run_id, errand)
            part.open()
        except Exception as error:  # noqa: BLE001 - whoever waits for it must hear of it
            for number, piece in enumerate(order.pieces):
                last = number == len(order.pieces) - 1
                report(Outcome(order.number, piece, Ended.BROKEN, error=error, is_last=last))
            return kept
        _do(part, run_id, order, needs, teller, report)
    return kept


def _do(
    part: PartOfRun, run_id: str, order: Order, needs: Sequence[Any], teller: _Teller, report: Any
) -> None:
    lane = RemoteLane(part, teller.tell, teller.worker_name)
    scope, mark = lane.lane.scope, (run_id, order.number)
    values = {slot: _brought(value, needs) for slot, value in order.values.items()}
    lane.stop = Stop()
    _stops[mark] = lane
    if mark in _wanted:
        reason, is_failure = _wanted[mark]
        lane.stop.request(reason, _tell_nobody, is_failure=is_failure)
    try:
        with capturing(scope.append, lambda: scope.current_key):
            lane.do(order._replace(values=values), report)
    finally:
        del _stops[mark]


def _brought(value: Any, needs: Sequence[Mapping[Any, Any]]) -> Any:
    if isinstance(value, dict):
        return {key: _brought(each, needs) for key, each in value.items()}
    return needs[value.holder][value.place] if type(value) is Stays else value


def _kept_back(outcome: Outcome, kept: dict[Any, Any]) -> Outcome:
    """Return the outcome of a piece with its small values; large ones stay here."""
    if outcome.values is None:
        return outcome
    element = outcome.piece.unit.mapping_key

    def small(value: Any, place: tuple[int, str | None]) -> Any:
        if type(value) is not Packed or value.size <= INLINE:
            return value
        kept[place] = value
        return Stays(place)

    values = {
        slot: {key: small(each, (slot, key)) for key, each in value.items()}
        if isinstance(value, dict)
        else small(value, (slot, element))
        for slot, value in outcome.values.items()
    }
    return outcome._replace(values=values)


def stop_task(run_id: str, number: int, reason: str, is_failure: bool) -> bool:
    """Stop a task, if this process does it; whether it does."""
    _wanted[run_id, number] = reason, is_failure
    lane = _stops.get((run_id, number))
    if lane is None:
        return False
    threading.Thread(target=_insist, args=(lane, reason, is_failure), daemon=True).start()
    return True


def _insist(lane: RemoteLane, reason: str, is_failure: bool) -> None:
    """Interrupt it until it is met where it can be left."""
    stop = lane.stop
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
        thread = threading.Thread(target=_close, args=(part, _Teller(dask_worker, run_id, 0)))
        thread.start()
        thread.join()


def _close(part: PartOfRun, teller: _Teller) -> None:
    _tellers.now = teller
    part.close()
    teller.send()


def _tell_nobody() -> None:
    """Ignore it: the coordinator reports it."""
