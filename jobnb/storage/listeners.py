"""Who wants to hear of a run while it goes; a listener that fails never hurts the run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from jobnb.events import Event
from jobnb.storage.records import EventLogEntry, entry_of

__all__ = ["Listener", "Listeners", "Watcher"]

Listener = Callable[[EventLogEntry], None]
Watcher = Callable[[EventLogEntry, str], None]
Pull = Callable[[int], Sequence[tuple[int, EventLogEntry]]]


class _Watch:
    """One watcher: it reads the log on from where it is, so it misses and repeats nothing."""

    def __init__(self, callback: Watcher, seen: int, pull: Pull) -> None:
        self.callback = callback
        self._seen = seen
        self._pull = pull
        self._turn = threading.RLock()

    def catch_up(self, report: Callable[[str, BaseException], None]) -> None:
        with self._turn:
            for seq, entry in self._pull(self._seen):
                if seq <= self._seen:
                    continue  # the callback itself wrote to the log and caught up further in
                self._seen = seq
                try:
                    self.callback(entry, str(seq))
                except Exception as error:  # noqa: BLE001 - a listener never hurts the run
                    report("A watcher of the event log failed.", error)


class Listeners:
    """The callbacks of every run."""

    def __init__(self, report: Callable[[str, BaseException], None]) -> None:
        self._report = report
        self._listeners: dict[str, list[Listener]] = {}
        self._watches: dict[str, list[_Watch]] = {}
        self._lock = threading.Lock()

    def add(self, run_id: str, callback: Listener) -> None:
        """Call back for every event that is committed from now on."""
        with self._lock:
            self._listeners.setdefault(run_id, []).append(callback)

    def watch(self, run_id: str, callback: Watcher, seen: int, pull: Pull) -> None:
        """Call back for every event after place `seen`: the ones that are there, then new ones."""
        watch = _Watch(callback, seen, pull)
        with self._lock:
            self._watches.setdefault(run_id, []).append(watch)
        watch.catch_up(self._report)

    def unwatch(self, run_id: str, callback: Watcher) -> None:
        """Call this watcher back no more."""
        with self._lock:
            left = [w for w in self._watches.get(run_id, []) if w.callback != callback]
            self._watches[run_id] = left

    def tell(self, run_id: str, job_name: str, events: Sequence[Event]) -> None:
        """These events were committed."""
        with self._lock:
            listeners = list(self._listeners.get(run_id, ()))
            watches = list(self._watches.get(run_id, ()))
        if listeners:
            for event in events:
                self._call(listeners, entry_of(event, run_id, job_name))
        for watch in watches:
            try:
                watch.catch_up(self._report)
            except Exception as error:  # noqa: BLE001 - a listener never hurts the run
                self._report("The event log could not be read for a watcher.", error)

    def _call(self, listeners: list[Listener], entry: EventLogEntry) -> None:
        for listener in listeners:
            try:
                listener(entry)
            except Exception as error:  # noqa: BLE001 - a listener never hurts the run
                self._report("A listener of the event log failed.", error)

    def clear(self) -> None:
        """Call nobody back any more."""
        with self._lock:
            self._listeners.clear()
            self._watches.clear()
