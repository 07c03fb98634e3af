"""The part of an instance that reads events, and logs events reported from outside of a run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import jobnb.events as ev
from jobnb.errors import InvariantViolationError, RunNotFoundError
from jobnb.events import Event, EventType
from jobnb.storage.cursors import cursor_place
from jobnb.storage.records import (
    EventLogConnection,
    EventLogEntry,
    EventLogRecord,
    EventRecordsFilter,
    entry_of,
)
from jobnb.storage.run import JobRun

if TYPE_CHECKING:
    from jobnb.storage.history import History, Listener, Watcher
    from jobnb.storage.step_stats import StepStats

Kinds = EventType | Iterable[EventType] | None


class EventHistory:
    """Reads, watches and reports events.

    Args:
        history: What it reads and writes.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def events(self, run_id: str, after: int = -1, limit: int | None = None) -> list[Event]:
        """Return the events of a run, in order.

        Args:
            run_id: The run; one that is not known has no events.
            after: The place of the last event seen; places count from 0.
            limit: How many at most.
        """
        return [event for _, _, event in self._places(run_id, after, None, limit)]

    def all_logs(self, run_id: str, of_type: Kinds = None) -> Sequence[EventLogEntry]:
        """Return the log of a run, in order.

        Args:
            run_id: The run.
            of_type: Of this kind, or of these kinds, only.

        Source: Dagster's `DagsterInstance.all_logs`.
        """
        return self.logs_after(run_id, None, of_type)

    def logs_after(
        self,
        run_id: str,
        cursor: int | None = None,
        of_type: Kinds = None,
        limit: int | None = None,
    ) -> Sequence[EventLogEntry]:
        """Return a run's log after a position; positions count from 0, and -1 is before all."""
        name = self._job_name(run_id)
        found = self._places(run_id, -1 if cursor is None else cursor, of_type, limit)
        return [entry_of(event, run_id, name) for _, _, event in found]

    def get_run_step_stats(
        self, run_id: str, step_keys: Sequence[str] | None = None
    ) -> list[StepStats]:
        """Return how the steps of a run went: status, times, attempts, materializations.

        Args:
            run_id: The run; there is nothing to report of one that is unknown.
            step_keys: Of these steps only.

        Example:
            >>> from jobnb import Instance, job, op
            >>> @op
            ... def hello(): ...
            >>> @job
            ... def greet():
            ...     hello()
            >>> instance = Instance.ephemeral()
            >>> run_id = greet.execute_in_process(instance=instance).run_id
            >>> [stats] = instance.get_run_step_stats(run_id)
            >>> stats.step_key, stats.status.value, stats.attempts
            ('hello', 'SUCCESS', 1)

        Source: Dagster's `DagsterInstance.get_run_step_stats`.
        """
        from jobnb.storage.step_stats import stats_of_steps

        found = stats_of_steps(run_id, self.all_logs(run_id))
        return [each for each in found if step_keys is None or each.step_key in step_keys]

    def get_records_for_run(
        self,
        run_id: str,
        cursor: str | None = None,
        of_type: Kinds = None,
        limit: int | None = None,
        ascending: bool = True,
    ) -> EventLogConnection:
        """Return a page of a run's log.

        Args:
            run_id: The run.
            cursor: That of the page before.
            of_type: Of this kind, or of these kinds, only.
            limit: How many at most.
            ascending: Oldest first; else newest first.
        """
        name = self._job_name(run_id)
        place = cursor_place(cursor, "an event log")
        if ascending:
            wanted = None if limit is None else limit + 1
            found = self._places(run_id, -1 if place is None else place, of_type, wanted)
        else:
            found = self._places(run_id, -1, of_type, None)
            found = [each for each in reversed(found) if place is None or each[0] < place]
        page = found if limit is None else found[:limit]
        last = str(page[-1][0]) if page else (cursor or "")
        records = [EventLogRecord(sid, entry_of(event, run_id, name)) for _, sid, event in page]
        return EventLogConnection(records, last, len(found) > len(page))

    def get_event_records(
        self,
        event_records_filter: EventRecordsFilter,
        limit: int | None = None,
        ascending: bool = False,
    ) -> Sequence[EventLogRecord]:
        """Return events of one kind across all runs, newest first.

        Args:
            event_records_filter: Which ones.
            limit: How many at most.
            ascending: Oldest first instead.

        Source: Dagster's `DagsterInstance.get_event_records`.
        """
        from jobnb.storage import event_queries

        return self._history.read(
            lambda connection: event_queries.find_records(
                connection, event_records_filter, limit, ascending
            )
        )

    def _places(
        self, run_id: str, after: int, of_type: Kinds, limit: int | None
    ) -> list[tuple[int, int, Event]]:
        from jobnb.storage import event_queries

        kinds = _kinds(of_type)
        return self._history.read(
            lambda connection: list(
                event_queries.run_events(connection, run_id, after, limit, kinds)
            )
        )

    def _job_name(self, run_id: str) -> str:
        from jobnb.storage import event_queries

        return self._history.read(
            lambda connection: event_queries.job_names(connection, [run_id])
        ).get(run_id, "")

    # -- hearing of events

    def add_event_listener(self, run_id: str, cb: Listener) -> None:
        """Call `cb(entry)` for every event of a run that this process commits from now on."""
        self._history.listeners.add(run_id, cb)

    def watch_event_logs(self, run_id: str, cursor: str | None, cb: Watcher) -> None:
        """Call `cb(entry, cursor)` for all that is in a run's log after `cursor`, then for more.

        Args:
            run_id: The run.
            cursor: Where to begin: one that the callback or `get_records_for_run` gave, or None.
            cb: What to call; when it raises, the run is not harmed.
        """

        def pull(seen: int) -> list[tuple[int, EventLogEntry]]:
            name = self._job_name(run_id)
            found = self._places(run_id, seen, None, None)
            return [(seq, entry_of(event, run_id, name)) for seq, _, event in found]

        place = cursor_place(cursor, "an event log")
        self._history.listeners.watch(run_id, cb, -1 if place is None else place, pull)

    def end_watch_event_logs(self, run_id: str, cb: Watcher) -> None:
        """Undo `watch_event_logs`."""
        self._history.listeners.unwatch(run_id, cb)

    # -- reports from outside of the run

    def report_event(self, event: Event, run_id: str, log_level: int | None = None) -> None:
        """Add an event to a run's log and commit it, whoever runs the run.

        Raises:
            RunNotFoundError: If there is no such run.
        """
        if not self._add(event, run_id):
            raise RunNotFoundError(
                f"There is no run {run_id!r} in this history, so it has no log. Record the run "
                "first, with instance.create_run_for_job(job)."
            )

    def _add(self, event: Event, run_id: str, *, unrecorded: bool = False) -> bool:
        """Add an event to a run's log; return whether it is kept."""
        from jobnb.storage import writing

        for log in self._history.logs_of(run_id):
            if not log.closed:
                log.events.append(event)
                log.commit()
                return True
        kept = self._history.write(
            lambda connection: writing.write_events(
                connection, run_id, [event], unrecorded=unrecorded
            )
        )
        if kept:
            self._history.listeners.tell(run_id, self._job_name(run_id), [event])
        return kept

    def report_dagster_event(
        self, dagster_event: Event, run_id: str, log_level: int | None = None
    ) -> None:
        """Add an event to the log of a run, which need not be recorded: assets are made elsewhere.

        Args:
            dagster_event: The event.
            run_id: The run, or any text.
            log_level: Accepted as Dagster does.

        Source: Dagster's `DagsterInstance.report_dagster_event`.
        """
        self._add(dagster_event, run_id, unrecorded=True)

    def handle_new_event(self, event: EventLogEntry) -> None:
        """Add what an entry holds to the log of its run: its event, or else its message.

        The run need not be recorded.

        Source: Dagster's `DagsterInstance.handle_new_event`.
        """
        level = logging.getLevelNamesMapping().get(str(event.level).upper(), event.level)
        line = ev.Logged(event.timestamp, level, event.user_message, event.step_key)
        self._add(event.dagster_event or line, event.run_id, unrecorded=True)

    def report_engine_event(
        self,
        message: str,
        dagster_run: JobRun | None = None,
        engine_event_data: Any = None,
        cls: type | None = None,
        step_key: str | None = None,
        job_name: str | None = None,
        run_id: str | None = None,
    ) -> Event:
        """Log an event about the execution of a run.

        Args:
            message: The note.
            dagster_run: The run; or give `run_id`.
            engine_event_data: An object with `metadata` (ready to be JSON) and `error`, or None.
            cls: The class that notes it; its name goes before the message.
            step_key: The step it is about.
            job_name: Accepted as Dagster does.
            run_id: The run, by id.
        """
        target = dagster_run.run_id if dagster_run is not None else run_id
        if target is None:
            raise InvariantViolationError("report_engine_event needs dagster_run or run_id.")
        note = ev.EngineNote(
            time.time(),
            text=f"[{cls.__name__}] {message}" if cls is not None else message,
            metadata=dict(getattr(engine_event_data, "metadata", None) or {}),
            step_key=step_key,
            error=getattr(engine_event_data, "error", None),
        )
        self.report_event(note, target)
        return note

    def report_run_canceling(self, run: JobRun, message: str | None = None) -> Event:
        """Log that the cancellation of a run was requested."""
        return self._report_end(run, message, lambda now: ev.RunCanceling(now, run.job_name))

    def report_run_canceled(self, dagster_run: JobRun, message: str | None = None) -> Event:
        """Log that a run was canceled."""
        name = dagster_run.job_name
        return self._report_end(dagster_run, message, lambda now: ev.RunCanceled(now, name))

    def report_run_failed(self, dagster_run: JobRun, message: str | None = None) -> Event:
        """Log that a run failed, with the reason in `message`."""
        why = ev.ErrorInfo("Failure", message) if message else None
        name = dagster_run.job_name
        return self._report_end(dagster_run, None, lambda now: ev.RunFailed(now, name, error=why))

    def _report_end(
        self, run: JobRun, message: str | None, make: Callable[[float], Event]
    ) -> Event:
        if message:
            self.report_engine_event(message, run)
        event = make(time.time())
        self.report_event(event, run.run_id)
        return event


def _kinds(of_type: Kinds) -> frozenset[str] | None:
    if of_type is None:
        return None
    wanted = [of_type] if isinstance(of_type, EventType) else of_type
    return frozenset(EventType(kind).value for kind in wanted)
