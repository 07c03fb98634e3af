"""The live view of partitions: a calendar or matrix to select in and materialize from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from weakref import WeakSet

import msgspec
from traitlets import Bool, Bytes, Dict, Int, List, Unicode

from jobnb.automation.backfill import Backfill
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.display.environment import attempt, has_front_end
from jobnb.display.partition_grid import Grid, grid_of
from jobnb.display.partition_views import GRAVEST, PARTITION_STATES, partitions_view, range_text
from jobnb.display.text import moment
from jobnb.display.view import bundle
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.live_and_static import widget_bundle
from jobnb.display.widgets.view import View, answers
from jobnb.errors import InvalidSubsetError, did_you_mean
from jobnb.execution.task import running
from jobnb.storage.partition_tables import LEFT_OUT, StatusTable

_MOST_RANGES = 40
_ONLY = {"missing": ("missing",), "failed": ("failed", *LEFT_OUT)}


class PartitionsView(View):
    """The partitions of an asset or a job as a calendar or matrix: select some, materialize them.

    Args:
        table: The result of `session.partitions("asset")`.

    Attributes:
        picked: The selection: ranges `[first, last]` of places among all partitions, or in a
            matrix blocks `[first row, first column, last row, last column]`.
        selection: The selection as text: keys and ranges.

    Example:
        >>> from jobnb import Instance, StaticPartitionsDefinition
        >>> from jobnb.definitions.keys import AssetKey
        >>> from jobnb.storage.partition_tables import PartitionTable
        >>> letters = StaticPartitionsDefinition(["a", "b", "c"])
        >>> table = PartitionTable(AssetKey("x"), letters, Instance.ephemeral())
        >>> view = PartitionsView(table)
        >>> view.select("b...c"), list(view.selected.get_partition_keys())
        ('b...c', ['b', 'c'])
    """

    _esm = esm("parts/dom.js", "parts/marks.js", "parts/partition_canvas.js", "partitions.js")
    _css = css("partitions.css")

    about = Dict().tag(sync=True)
    grid = Dict().tag(sync=True)
    statuses = Bytes(help="A byte for each partition, in order.").tag(sync=True)
    counts = Dict().tag(sync=True)
    picked = List(List(Int())).tag(sync=True)
    selection = Unicode().tag(sync=True)
    running = Bool(False).tag(sync=True)
    told = Unicode(help="What was started, and how far it is.").tag(sync=True)

    def __init__(self, table: StatusTable, **traits: Any) -> None:
        self._table = table
        self._codes = {word: code for code, word in enumerate(table.STATUSES)}
        self._backfill: Any = None
        self._keys: Sequence[str] = ()
        self._laid: Grid = Grid((), ())
        super().__init__(**traits)
        _look_out_for_backfills()
        _views.add(self)
        for backfill in running(Backfill):
            self.follow(backfill)
        self.refresh()
        self.observe(self._picked, names=["picked"])

    def _repr_mimebundle_(self, **parameters: Any) -> Any:
        """Return text, HTML and a picture always; alive where there is a front end."""
        live = widget_bundle(self) if has_front_end() else {}
        return {**bundle(partitions_view(self._table)), **live}

    # --- what is shown ----------------------------------------------------

    @answers("refresh")
    def refresh(self) -> bool:
        """Read the history again; return whether a backfill is active."""
        keys = list(self._table.keys)
        found = self._table.statuses(keys)
        with self.guard, self.hold_sync():
            if keys != self._keys:
                self._keys = keys
                self._laid = grid_of(self._table.partitions_def, keys)
                self.grid = msgspec.to_builtins(self._laid)
                self.about = self._about()
            counts = Counter(found)
            self.statuses = bytes(self._codes[word] for word in found)
            self.counts = {word: counts[word] for word in self._codes}
            self._follow()
        return bool(self.running)

    def _about(self) -> dict[str, Any]:
        states = [
            {"word": w.replace("_", " "), "state": PARTITION_STATES[w].value} for w in self._codes
        ]
        gravity = [-GRAVEST.index(word) for word in self._codes]
        return {
            "name": self._table.name,
            "states": states,
            "deed": self._table.DEED,
            "gravity": gravity,
        }

    def follow(self, backfill: Any) -> None:
        """Show the progress of a backfill of these partitions, wherever it was launched."""
        if self._table.is_filled_by(backfill.record) and backfill.instance is self._table.instance:
            with self.guard:
                self._backfill = backfill
                self.running = True

    def _follow(self) -> None:
        """Update the progress of the active backfill."""
        backfill, ran = self._backfill, self.running
        if backfill is None:
            self.running = self.counts["in_progress"] > 0
        else:
            self.running = not backfill.is_finished
            title = backfill.record.title
            self.told = f"{'' if title == self._table.name else f'{title}: '}{backfill.counts}"
        if ran and not self.running:
            self.renew_twins()

    @answers("cell")
    def cell(self, place: int) -> dict[str, Any]:
        """Return the details of one partition."""
        key = self._keys[place]
        last = self._table.last_run(key)
        state = list(self._codes)[self.statuses[place]].replace("_", " ")
        when = f"{self._table.WHEN} {moment(last[1])}, run {last[0][:8]}" if last else ""
        return {"key": str(key), "state": state, "made": when}

    # --- selecting --------------------------------------------------------

    @property
    def selected(self) -> PartitionsSubset:
        """The selected partitions."""
        return self._table.subset_at(self._keys, sorted(self._places()))

    def _places(self) -> set[int]:
        found: set[int] = set()
        for piece in self.picked:
            found.update(self._piece(piece))
        return {place for place in found if 0 <= place < len(self._keys)}

    def _piece(self, piece: Sequence[int]) -> Iterable[int]:
        if len(piece) == 2:
            first, last = sorted(piece)
            return range(first, last + 1)
        top, left, bottom, right = piece
        rows = self._laid.rows[min(top, bottom) : max(top, bottom) + 1]
        columns = slice(min(left, right), max(left, right) + 1)
        return [place for row in rows for place in row.places()[columns]]

    def _picked(self, _change: Any) -> None:
        self.selection = self._words()

    def _words(self) -> str:
        places = self._places()
        if not places:
            return ""
        ranges = self._table.subset_at(self._keys, sorted(places)).get_partition_key_ranges(
            dynamic_partitions_store=self._table.instance
        )
        shown = [range_text(each) for each in ranges[:_MOST_RANGES]]
        left = len(ranges) - _MOST_RANGES
        return ", ".join([*shown, *([f"… {left:,} more"] if left > 0 else [])])

    @answers("select")
    def select(self, text: str) -> str:
        """Select by text: keys and ranges `first...last`, separated by commas.

        Args:
            text: `2013-01-01...2013-01-31, 2013-03-01`; or `missing`, `failed` and so on.

        Raises:
            InvalidSubsetError: If it names something that is no partition.
        """
        places = {str(key): place for place, key in enumerate(self._keys)}
        self.picked = [self._stretch(part, places) for part in _parts(text, self._status_stretches)]
        return str(self.selection)

    def _status_stretches(self, word: str) -> list[list[int]] | None:
        """Return the stretches of partitions that stand so, for a word that is a status."""
        code = self._codes.get(word.replace(" ", "_"))
        if code is None:
            return None
        found: list[list[int]] = []
        for place, each in enumerate(self.statuses):
            if each != code:
                continue
            if found and found[-1][1] == place - 1:
                found[-1][1] = place
            else:
                found.append([place, place])
        return found

    def _stretch(self, part: str | list[int], places: Mapping[str, int]) -> list[int]:
        if isinstance(part, list):
            return part
        ends = [end.strip() for end in part.split("...")]
        for end in ends:
            if end not in places:
                hint = self._why_not(end, list(places)[-1000:])
                raise InvalidSubsetError(f"There is no partition {end!r}. {hint}".rstrip())
        return [places[ends[0]], places[ends[-1]]]

    def _why_not(self, key: str, known: Sequence[str]) -> str:
        """Describe why a key does not exist, or the nearest one."""
        definition = self._table.partitions_def
        if isinstance(definition, TimeWindowPartitionsDefinition) and (
            definition.is_valid_partition_key(key)
        ):
            return definition.why_not(key, datetime.now(UTC), self._table.instance)
        return did_you_mean(key, known, noun="There are")

    # --- actions ----------------------------------------------------------

    @answers("materialize")
    def materialize(self, only: str = "") -> str:
        """Materialize the selection in the background, or all partitions without one.

        Args:
            only: `missing`, or `failed` with what was skipped or blocked, to leave out the others.

        Raises:
            InvalidSubsetError: If nothing is left to materialize.
        """
        places = sorted(self._places()) or range(len(self._keys))
        if only:
            codes = {self._codes[word] for word in self._codes if word in _ONLY[only]}
            places = [place for place in places if self.statuses[place] in codes]
        if not places:
            what = f"Nothing of it is {only}." if only else "There are no partitions."
            raise InvalidSubsetError(f"{what} Select others.")
        self._backfill = self._table.backfill([self._keys[place] for place in places])
        self.refresh()
        return str(self.told)

    @answers("cancel")
    def cancel(self) -> bool:
        """Cancel the active backfill."""
        if self._backfill is not None:
            self._backfill.cancel()
        return self.refresh()


_views: WeakSet[PartitionsView] = WeakSet()


def _look_out_for_backfills() -> None:
    """Notify the views of each backfill that starts; registered once."""
    if _tell_views not in Backfill.begun:
        Backfill.begun.append(_tell_views)


def _tell_views(backfill: Any) -> None:
    for view in list(_views):
        attempt(lambda view=view: view.follow(backfill), None)  # type: ignore[misc]


def _parts(text: str, stretches: Any) -> list[Any]:
    """Return the parts of a written selection: texts, or stretches where a word names a status."""
    found: list[Any] = []
    for part in text.replace("[", "").replace("]", "").split(","):
        word = part.strip()
        if not word:
            continue
        known = stretches(word.lower())
        found += [word] if known is None else known
    return found
