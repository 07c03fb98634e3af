"""The picture of a graph as plain data: what is drawn, without positions.

`Card`, `Edge` and `Cluster` are the structure, which decides the layout; `Mark` is the state
of a card, which changes while a run goes on and never moves anything. All are JSON-ready.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal

import msgspec

from jobnb.display.environment import attempt

Shape = Literal["op", "asset", "graph", "source", "missing", "folded"]
EdgeKind = Literal["data", "nothing", "dynamic", "missing"]


class Status(str, Enum):
    """The state of a card; the value is also its CSS class."""

    NONE = "none"
    MISSING = "missing"
    STALE = "stale"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    CANCELED = "canceled"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Card(msgspec.Struct, frozen=True, omit_defaults=True):
    """A node of the graph.

    Attributes:
        key: Names it within the picture.
        title: The name shown; elided in the middle where it is long.
        kind: A short word for what it is made with: `pandas`, `csv`, `op`.
        subtitle: More about it on the second line: its type.
        shape: What sort of thing it is, which decides how the card is drawn.
        group: The clusters it is in, outermost first.
        tooltip: Shown on hover: documentation and metadata as text.
        members: For a folded card, the keys of the cards it stands for.
    """

    key: str
    title: str
    kind: str = ""
    subtitle: str = ""
    shape: Shape = "op"
    group: tuple[str, ...] = ()
    tooltip: str = ""
    members: tuple[str, ...] = ()


class Edge(msgspec.Struct, frozen=True, omit_defaults=True):
    """An arrow from the card `start` to the card `end`."""

    start: str
    end: str
    label: str = ""
    kind: EdgeKind = "data"


class Cluster(msgspec.Struct, frozen=True, omit_defaults=True):
    """A frame around cards: a group of assets, or a graph inside a graph.

    The title of a cluster that is not listed in a picture is the last part of its path.
    """

    path: tuple[str, ...]
    title: str
    kind: Literal["group", "graph"] = "group"
    tooltip: str = ""


class Checks(msgspec.Struct, frozen=True, omit_defaults=True):
    """The results of an asset's checks, counted.

    Attributes:
        passed: How many passed.
        warned: How many did not pass, and only warn.
        failed: How many did not pass, as errors.

    Example:
        >>> Checks(passed=2, failed=1).words, Checks(passed=2).status.value
        ('1 of 3 checks failed', 'succeeded')
    """

    passed: int = 0
    warned: int = 0
    failed: int = 0

    @property
    def count(self) -> int:
        """The number of checks."""
        return self.passed + self.warned + self.failed

    @property
    def status(self) -> Status:
        """The state that gives their colour and sign."""
        if self.failed:
            return Status.FAILED
        return Status.STALE if self.warned else Status.SUCCEEDED

    @property
    def short(self) -> str:
        """The text on the card, beside the sign."""
        bad = self.failed or self.warned
        return f"{bad} of {self.count}" if bad else str(self.count)

    @property
    def words(self) -> str:
        """The counts in words."""
        if not self.count:
            return ""
        noun = "check" if self.count == 1 else "checks"
        bad = [f"{n} of {self.count} {noun} {word}"
               for n, word in ((self.failed, "failed"), (self.warned, "warned")) if n]  # fmt: skip
        return ", ".join(bad) if bad else f"{self.count} {noun} passed"

    def __add__(self, other: Checks) -> Checks:
        """Add counts, as for a folded card."""
        return Checks(
            self.passed + other.passed, self.warned + other.warned, self.failed + other.failed
        )


NO_CHECKS = Checks()


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of a card: status, a word, duration, results of its checks, the part done."""

    status: Status = Status.NONE
    detail: str = ""
    duration: str = ""
    checks: Checks = NO_CHECKS
    progress: float | None = None


UNMARKED = Mark()


class Picture(msgspec.Struct, frozen=True, omit_defaults=True):
    """A graph to be drawn: structure, and `marks` by the key of the card.

    Example:
        >>> picture = Picture("daily", (Card("a", "a"), Card("b", "b")), (Edge("a", "b"),))
        >>> picture.mark("a").status.value
        'none'
    """

    title: str
    cards: tuple[Card, ...] = ()
    edges: tuple[Edge, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    marks: dict[str, Mark] = {}
    description: str = ""

    def mark(self, key: str) -> Mark:
        """Return the state of a card; a card without one is unmarked."""
        return self.marks.get(key, UNMARKED)


def marked(picture: Picture, marks: Mapping[str, Mark]) -> Picture:
    """Return the same picture in another state."""
    return msgspec.structs.replace(picture, marks=dict(marks))


def duration_text(seconds: float | None) -> str:
    """Return a duration as people read it: two units at most.

    Example:
        >>> [duration_text(s) for s in (0.0004, 0.25, 1.42, 65, 7300)]
        ['<1 ms', '250 ms', '1.4 s', '1 m 5 s', '2 h 1 m']
    """
    if seconds is None or seconds < 0:
        return ""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "<1 ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    return _long_duration(round(seconds))


def _long_duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} m"
    return f"{minutes} m {rest} s"


_UNTOLD = frozenset(("Any", "INFER", ""))
_PLAINER = {"[Any]": "list", "Dict[Any,Any]": "dict"}


def type_name(data_type: Any) -> str:
    """Return the name of a type; nothing for one that allows everything."""
    name = str(getattr(data_type, "display_name", "") or getattr(data_type, "__name__", ""))
    return "" if name in _UNTOLD else _PLAINER.get(name, name)


def output_type(op: Any, name: str) -> str:
    """Return the type of an output; nothing where it is not told, or cannot be read yet."""
    # An annotation may name what a later cell defines.
    return attempt(lambda: type_name(op.outs[name].dagster_type), "")


def input_type(op: Any, name: str) -> str:
    """Return the type of an input; nothing where it is not told, or cannot be read yet."""
    return attempt(lambda: type_name(op.ins[name].dagster_type), "")
