"""What can be followed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial

from jobnb.errors import JobnbError
from jobnb.server.events import RunMessage
from jobnb.server.nodes import Node
from jobnb.server.runs import Run, log_page
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
