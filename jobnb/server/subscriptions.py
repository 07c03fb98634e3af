"""What can be followed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from jobnb.errors import JobnbError
from jobnb.server.events import RunMessage
from jobnb.server.nodes import Node
from jobnb.server.runs import (
    CapturedLogs,
    ComputeLogFile,
    Run,
    captured_logs,
    compute_log,
    log_page,
)
from jobnb.server.workspace import Change, RequestReader, ServedWorkspace

_PAUSE = 0.1  # seconds between two looks at a log that is written elsewhere
_LONGEST_PAUSE = 1.0
_PAGE = 500


@dataclass(frozen=True)
class PipelineRunLogsSubscriptionSuccess(Node):
    """New lines of the log of a run."""

    run: Run
    messages: Sequence[RunMessage]
    has_more_past_events: bool
    cursor: str


@dataclass(frozen=True)
class PipelineRunLogsSubscriptionFailure(Node):
    """There is no such run."""

    message: str
    missing_run_id: str | None = None


@dataclass(frozen=True)
class LocationStateChangeEvent(Node):
    """A location was loaded again."""

    event_type: str
    message: str
    location_name: str
    server_id: str | None = None


@dataclass(frozen=True)
class LocationStateChangeSubscription(Node):
    """A location was loaded again."""

    event: LocationStateChangeEvent


T = TypeVar("T", CapturedLogs, ComputeLogFile)
Payload = PipelineRunLogsSubscriptionSuccess | PipelineRunLogsSubscriptionFailure


class Subscription(Node):
    """What can be followed.

    Args:
        served: What is served.
    """

    def __init__(self, served: ServedWorkspace) -> None:
        self._served = served

    async def pipeline_run_logs(
        self, run_id: str, cursor: str | None = None
    ) -> AsyncGenerator[Payload]:
        """Iterate over a run's log until its end; the first message comes at once."""
        place = None if cursor in (None, "", "HEAD") else cursor
        pause, is_first = _PAUSE, True
        while True:
            found = await asyncio.to_thread(partial(_page, self._served, run_id, place))
            if isinstance(found, PipelineRunLogsSubscriptionFailure):
                yield found
                return
            if found.messages or is_first:
                place, pause, is_first = found.cursor, _PAUSE, False
                yield found
            if found.has_more_past_events:
                continue
            if found.run.status in _ENDED and not found.messages:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def captured_logs(
        self, log_key: Sequence[str], cursor: str | None = None
    ) -> AsyncGenerator[CapturedLogs]:
        """Iterate over what a run or a step prints, until the run's end."""
        known = cursor

        def read() -> CapturedLogs:
            return captured_logs(RequestReader(self._served), log_key, known)

        async for told in self._grown(log_key[0] if log_key else "", read):
            known = told.cursor
            yield told

    async def compute_logs(
        self, run_id: str, step_key: str, io_type: str, cursor: str | None = None
    ) -> AsyncGenerator[ComputeLogFile]:
        """Iterate over what a step prints into one stream, until the run's end."""
        known, stream = cursor, io_type.lower()

        def read() -> ComputeLogFile:
            return compute_log(RequestReader(self._served), run_id, step_key, stream, known)

        async for told in self._grown(run_id, read):
            known = str(told.cursor)
            yield told

    async def _grown(self, run_id: str, read: Callable[[], T]) -> AsyncGenerator[T]:
        """Read what is new again and again; the first answer comes at once."""
        pause, last = _PAUSE, None
        while True:
            is_going = await asyncio.to_thread(_is_going, self._served, run_id)
            found = await asyncio.to_thread(read)
            if last is None or found.cursor != last:
                last, pause = found.cursor, _PAUSE
                yield found
            if not is_going:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def location_state_change_events(
        self,
    ) -> AsyncGenerator[LocationStateChangeSubscription]:
        """Iterate over the locations that are loaded again."""
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[Change]()

        def hear(change: Change) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, change)

        self._served.hearers.add(hear)
        try:
            while True:
                yield LocationStateChangeSubscription(LocationStateChangeEvent(*await queue.get()))
        finally:
            self._served.hearers.discard(hear)


_ENDED = ("SUCCESS", "FAILURE", "CANCELED")


def _is_going(served: ServedWorkspace, run_id: str) -> bool:
    record = RequestReader(served).record(run_id)
    return record is not None and not record.dagster_run.is_finished


def _page(served: ServedWorkspace, run_id: str, cursor: str | None) -> Payload:
    reading = RequestReader(served)
    record = reading.record(run_id)
    if record is None:
        message = f"There is no run {run_id!r} in this history."
        return PipelineRunLogsSubscriptionFailure(message, run_id)
    try:
        # The run is read before its log: of a run that has ended by now, the whole log is read.
        page = log_page(reading, record.dagster_run, cursor, _PAGE)
    except JobnbError as error:
        return PipelineRunLogsSubscriptionFailure(str(error))
    run = Run(reading, record)
    return PipelineRunLogsSubscriptionSuccess(run, page.events, page.has_more, page.cursor)
