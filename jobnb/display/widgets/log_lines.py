"""The log of a run in slices: filtered as it grows, a screenful sent at a time."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from jobnb.display.failures import error_text
from jobnb.display.run_marks import base_key
from jobnb.display.widgets.previews import clean
from jobnb.events import Event, Logged
from jobnb.events.event_list import EventList, Reader

KINDS = ("event", "debug", "info", "warning", "error", "critical", "stdout", "stderr")
"""What a line can be: something the run did, a level, or a stream of what was printed."""

_MOST_TEXT = 4000
_PIECE = 10_000  # lines that are looked at in one go


class LogFilter(msgspec.Struct, frozen=True):
    """Selects the lines that match all given values.

    Attributes:
        kinds: It is one of `KINDS`; all if empty.
        steps: It belongs to one of these steps; all if empty.
        words: Every one of these stands in it, however it is written.
        types: It is an event of one of these types.
    """

    kinds: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()

    @staticmethod
    def of(asked: Mapping[str, Any]) -> LogFilter:
        """Return the filter that a front end asks for.

        In the text, `step:load` and `type:STEP_START` are taken for what they say; all other
        words are looked for.

        Example:
            >>> LogFilter.of({"text": "step:load late"})
            LogFilter(kinds=..., steps=frozenset({'load'}), words=('late',), types=frozenset())
        """
        words, steps, types = _read(str(asked.get("text") or ""))
        kinds = frozenset(asked.get("kinds") or ()) & frozenset(KINDS)
        chosen = frozenset(str(step) for step in asked.get("steps") or ())
        return LogFilter(
            frozenset() if len(kinds) == len(KINDS) else kinds, chosen | steps, words, types
        )

    @property
    def is_open(self) -> bool:
        """Whether every line matches."""
        return not (self.kinds or self.steps or self.words or self.types)

    def fits(self, event: Event) -> bool:
        """Whether a line fits."""
        if self.kinds and kind_of_line(event) not in self.kinds:
            return False
        if self.steps and not self._of_steps(event.step_key):
            return False
        if self.types and event.event_type.value not in self.types:
            return False
        return not self.words or self._says(event)

    def _of_steps(self, step: str | None) -> bool:
        return step is not None and (step in self.steps or base_key(step) in self.steps)

    def _says(self, event: Event) -> bool:
        said = f"{event.step_key or ''} {event.message} {_error(event)}".casefold()
        return all(word in said for word in self.words)


def _read(text: str) -> tuple[tuple[str, ...], frozenset[str], frozenset[str]]:
    """Parse a search into words, steps and types."""
    words, steps, types = [], set(), set()
    for word in text.split():
        name, colon, value = word.partition(":")
        if colon and value and name == "step":
            steps.add(value)
        elif colon and value and name == "type":
            types.add(value.upper())
        else:
            words.append((value if colon and value and name == "query" else word).casefold())
    return tuple(words), frozenset(steps), frozenset(types)


def kind_of_line(event: Event) -> str:
    """Return which of `KINDS` a line is."""
    if not isinstance(event, Logged):
        return "error" if event.is_failure else "event"
    if event.logger in ("stdout", "stderr"):
        return event.logger
    return _level(event.level)


@lru_cache(maxsize=64)
def _level(level: int) -> str:
    """Return the name of the highest of Python's levels that is not above this one."""
    for floor in (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO):
        if level >= floor:
            return logging.getLevelName(floor).lower()
    return "debug"


def _error(event: Event) -> str:
    error = getattr(event, "error", None)
    return error_text(error, getattr(event, "metadata", None)) if error is not None else ""


class LogLines:
    """The lines of a run, and which of them match the filter.

    Example:
        >>> lines = LogLines()
        >>> lines.extend([Logged(1.0, 20, "one"), Logged(2.0, 40, "two")])
        >>> lines.choose(LogFilter.of({"kinds": ["error"]}))
        >>> lines.counts()["matched"], lines.slice(0, 10)[0]["text"]
        (1, 'two')
    """

    def __init__(self, read: Reader | None = None) -> None:
        self.events: list[Event] = [] if read is None else EventList(read)
        self.filter = LogFilter()
        self._matched: list[int] = []
        self._looked = 0
        self._kinds: Counter[str] = Counter()
        self._counted = 0

    def extend(self, events: Iterable[Event]) -> None:
        """Add lines; they are filtered when they are requested."""
        self.events.extend(events)
        if isinstance(self.events, EventList):
            self.events.shed_old(len(self.events))

    def choose(self, wanted: LogFilter) -> None:
        """Set another filter."""
        if wanted != self.filter:
            self.filter = wanted
            self._matched, self._looked = [], 0

    def counts(self) -> dict[str, Any]:
        """Count the lines, those that match, and those of each kind."""
        end = len(self.events)
        self._kinds.update(kind_of_line(event) for _, event in self._from(self._counted, end))
        self._counted = end
        return {"total": end, "matched": len(self._places()), "kinds": dict(self._kinds)}

    def slice(self, first: int, count: int) -> list[dict[str, Any]]:
        """Return the fitting lines from place `first` on."""
        places = self._places()[max(0, first) : max(0, first) + max(0, count)]
        start = self.events[0].time if self.events else 0.0
        return [_line(place, self.events[place], start) for place in places]

    def _from(self, first: int, end: int) -> Iterator[tuple[int, Event]]:
        """Yield the lines between two positions; old ones are read again, many at once."""
        for at in range(first, end, _PIECE):
            yield from enumerate(self.events[at : min(at + _PIECE, end)], at)

    def _places(self) -> Sequence[int]:
        """Return the positions of the matching lines."""
        end = len(self.events)
        if self.filter.is_open:
            return range(end)
        fits = self.filter.fits
        self._matched += [at for at, event in self._from(self._looked, end) if fits(event)]
        self._looked = end
        return self._matched


def _line(place: int, event: Event, start: float) -> dict[str, Any]:
    """Return one line, JSON-ready."""
    text, error = event.message, _error(event)
    line = {
        "at": place,
        "time": event.time,
        "since": round(event.time - start, 6),
        "kind": kind_of_line(event),
        "type": "" if isinstance(event, Logged) else event.event_type.value,
        "step": event.step_key or "",
        "text": text[:_MOST_TEXT],
    }
    if error:
        line["error"] = error[:_MOST_TEXT]
    if isinstance(event, Logged) and event.logger not in ("", "stdout", "stderr"):
        line["logger"] = event.logger
    found: dict[str, Any] = clean(line)
    return found
