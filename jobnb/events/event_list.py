"""The events of a run in memory: of very many log lines, only the last; a store has the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from jobnb.events.event import Event
from jobnb.events.of_runs import Logged

KEPT = 20_000
"""How many of the last events stay in memory whatever they are."""

_PIECE = 10_000  # events that are read at once
_SHED: Any = None  # stands where a log line was
_GONE = "(This line was in a history that has been removed.)"

Reader = Callable[[int, int], Sequence[Event]]
"""Reads events from where they are stored: from a place on, and so many."""


class EventList(list[Event]):
    """A list of events that may leave old log lines to a store.

    Whoever reads it finds all of them: those that were left are read from there.

    Args:
        read: Reads them.

    Example:
        >>> stored = [Logged(float(n), 20, f"line {n}") for n in range(3)]
        >>> events = EventList(lambda first, count: stored[first : first + count])
        >>> events.extend(stored)
        >>> events.shed(2)
        >>> events.held, [event.text for event in events]
        (1, ['line 0', 'line 1', 'line 2'])
    """

    def __init__(self, read: Reader) -> None:
        super().__init__()
        self._read, self._end = read, 0

    @property
    def held(self) -> int:
        """How many events are in memory."""
        return sum(event is not _SHED for event in list.__iter__(self))

    def shed_old(self, stored: int) -> None:
        """Leave log lines to the store, now and then.

        Args:
            stored: How many of the first events it has.
        """
        if stored - self._end > 2 * KEPT:
            self.shed(stored - KEPT)

    def shed(self, end: int) -> None:
        """Leave the log lines before a place to the store."""
        for at in range(self._end, end):
            if type(list.__getitem__(self, at)) is Logged:
                list.__setitem__(self, at, _SHED)
        self._end = max(end, self._end)

    def __getitem__(self, at: Any) -> Any:
        found = list.__getitem__(self, at)
        if not isinstance(at, slice):
            return self._filled([found], [range(len(self))[at]])[0] if found is _SHED else found
        places = range(len(self))[at]
        if not self._end or not places or min(places[0], places[-1]) >= self._end:
            return found
        return self._filled(found, places)

    def _filled(self, found: list[Any], places: Sequence[int]) -> list[Event]:
        """Return the events, with those that were left read from the store."""
        shed = [place for place, event in zip(places, found, strict=True) if event is _SHED]
        if not shed:
            return found
        first = min(shed)
        read = self._read(first, max(shed) + 1 - first)
        for at, (place, event) in enumerate(zip(places, found, strict=True)):
            if event is _SHED:
                there = place - first < len(read)
                found[at] = read[place - first] if there else Logged(0.0, logging.INFO, _GONE)
        return found

    def __iter__(self) -> Iterator[Event]:
        return self._each(range(0, len(self), _PIECE)) if self._end else list.__iter__(self)

    def __reversed__(self) -> Iterator[Event]:
        for first in reversed(range(0, len(self), _PIECE)):
            yield from reversed(self[first : first + _PIECE])

    def _each(self, pieces: Iterable[int]) -> Iterator[Event]:
        for first in pieces:
            yield from self[first : first + _PIECE]
