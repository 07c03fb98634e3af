"""Which steps of a plan can run, given what has ended. Pure: no clock, no thread, no file.

An executor takes units (a step, or a mapped step for one element), runs them wherever it likes and
says how each ended. What follows from that is worked out here, in constant time for each edge of
the plan: what can run now, what is skipped and why, which retries wait for their time, and which
units wait because enough others with the same tag are running.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from jobnb.plan.step import FromMany, FromOutput, Step


class Unit(NamedTuple):
    """The unit of execution: a step, or a mapped step for one element.

    Args:
        step: The number of the step.
        mapping_key: The element.
    """

    step: int
    mapping_key: str | None = None


class Skip(NamedTuple):
    """A unit that is skipped.

    Args:
        unit: Which one.
        because: What was missing: the keys of steps that failed, else the outputs that did not
            come.
        failed: Whether something before it failed.
    """

    unit: Unit
    because: tuple[str, ...]
    failed: bool


class TagLimit(NamedTuple):
    """A limit on how many steps with a tag run at the same time.

    Args:
        key: The tag.
        limit: How many.
        value: The value that counts; every one if None.
        per_value: Whether each value is counted by itself.
    """

    key: str
    limit: int
    value: str | None = None
    per_value: bool = False


Came = Mapping[int, Collection[str] | None]
"""What came of a unit: the slots of its outputs; with the mapping keys where one is dynamic."""

_Place = tuple[int, int, int, int, str | None]


class Frontier:
    """Computes which units can run, given what has ended.

    Args:
        steps: The steps of the plan.
        order: The numbers of those that run, in order; see `Plan.order`. The others count as
            ended.
        given: What is there before anything runs: slots, with the mapping keys where a slot holds
            elements.
        elements: Of mapped steps that run for some elements only: these.
        limits: How many steps with some tag run at once.

    Attributes:
        skips: The units that are skipped and not reported yet; whoever reports them clears it.
        closed: The numbers of steps that have ended for good, all of their elements with them;
            whoever looks at it clears it.
        running: The units that are running.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        order: Iterable[Sequence[int]],
        *,
        given: Came | None = None,
        elements: Mapping[int, Collection[str]] | None = None,
        limits: Sequence[TagLimit] = (),
    ) -> None:
        self.skips: list[Skip] = []
        self.closed: list[int] = []
        self.running: set[Unit] = set()
        self._steps = steps
        self._given_elements = elements or {}
        self._limits = limits
        self._slots: dict[int, dict[str, None] | None] = {
            slot: None if keys is None else dict.fromkeys(keys)
            for slot, keys in (given or {}).items()
        }
        self._failed: set[int] = set()
        self._failed_elements: dict[int, set[str]] = defaultdict(set)
        self._ready: list[_Place] = []
        self._parked: dict[tuple[int, str | None], list[_Place]] = defaultdict(list)
        self._busy: dict[tuple[int, str | None], int] = defaultdict(int)
        self._later: list[tuple[float, int, Unit]] = []
        self._retries = 0
        self._claimed: set[Unit] = set()
        self._settling: deque[int] = deque()
        self._settling_elements: deque[Unit] = deque()
        self._place: dict[int, tuple[int, int]] = {}
        for number, group in enumerate(order):
            for within, index in enumerate(group):
                self._place[index] = (number, within)
        self._left = len(self._place)
        self._wire()

    def _wire(self) -> None:
        """Connect steps with those that wait for them; decide those that wait for nothing."""
        count = len(self._steps)
        regions = {step.region for step in self._steps if step.region is not None}
        maker = {out.slot: s.index for s in self._steps for out in s.outputs if out.slot in regions}
        self._waiting = [0] * count
        self._after: list[list[int]] = [[] for _ in range(count)]
        self._after_inside: list[list[int]] = [[] for _ in range(count)]
        self._inside: dict[int, list[int]] = {}
        self._open: dict[int, dict[str, int]] = {}  # of mapped steps: elements that have not ended
        self._numbers: dict[int, dict[str, int]] = {}  # of dynamic slots: the order of elements
        for index in self._place:
            step = self._steps[index]
            inside = dict.fromkeys(w.step for w in step.waits_for if self._is_inside(step, w))
            ups = dict.fromkeys(w.step for w in step.waits_for if w.step not in inside)
            if step.region is not None:
                ups[maker[step.region]] = None
            for up in ups:
                if up in self._place:
                    self._waiting[index] += 1
                    self._after[up].append(index)
            self._inside[index] = [up for up in inside if up in self._place]
            for up in self._inside[index]:
                self._after_inside[up].append(index)
        for index in list(self._place):
            if not self._waiting[index]:
                self._decide(index)
        self._settle()

    def _is_inside(self, step: Step, wait: FromOutput) -> bool:
        """Whether only the same element of an earlier mapped step is waited for."""
        mapped = step.region is not None and wait.maps
        return mapped and self._steps[wait.step].region == step.region

    # --- what an executor asks -------------------------------------------

    @property
    def is_done(self) -> bool:
        """Whether every unit has ended or was skipped."""
        return not self._left

    @property
    def ready_count(self) -> int:
        """The number of units that are ready, apart from limits by tag."""
        return len(self._ready)

    @property
    def due(self) -> float | None:
        """The time of the next retry; None if none waits."""
        return self._later[0][0] if self._later else None

    def take(self, now: float, count: int) -> list[Unit]:
        """Take ready units, in the order of the plan; they count as running from now on.

        Args:
            now: The time, to know which retries are due.
            count: How many at most: as many as there are free places.
        """
        while self._later and self._later[0][0] <= now:
            self._push(heappop(self._later)[2])
        taken: list[Unit] = []
        while self._ready and len(taken) < count:
            place = heappop(self._ready)
            unit = Unit(*place[3:])
            limited = self._limited(unit.step)
            full = next((each for each in limited if not self._has_room(each)), None)
            if full is not None:
                heappush(self._parked[full], place)
                continue
            for each in limited:
                self._busy[each] += 1
            self.running.add(unit)
            taken.append(unit)
        return taken

    def follower(self, unit: Unit) -> Unit | None:
        """Take a unit that waits only for a running one, to run right after it.

        It counts as running once that unit has succeeded. Give it back if it did not run.
        """
        index, key = unit
        downs = self._after_inside[index] if key is not None else self._after[index]
        for down in downs:
            next_unit = Unit(down, key)
            if next_unit in self._claimed or self._limited(down):
                continue
            if key is not None:
                alone = not self._waiting[down] and self._open.get(down, {}).get(key) == 1
            else:
                alone = self._waiting[down] == 1 and self._steps[down].region is None
            if alone:
                self._claimed.add(next_unit)
                return next_unit
        return None

    # --- what an executor tells ------------------------------------------

    def succeed(self, unit: Unit, came: Came) -> None:
        """Record that a unit succeeded.

        Args:
            unit: Which one.
            came: The slots of the outputs that came, with the mapping keys of a dynamic one.
        """
        self._leave(unit)
        index, key = unit
        if key is None:
            for slot, keys in came.items():
                self._slots[slot] = None if keys is None else dict.fromkeys(keys)
            self._end(index)
        else:
            for slot in came:
                self._elements_of(slot)[key] = None
            self._end_element(index, key)
        self._settle()

    def fail(self, unit: Unit) -> None:
        """Record that a unit failed for good: what needs it is skipped."""
        self._leave(unit)
        self._note_failed(unit)
        if unit.mapping_key is None:
            self._end(unit.step)
        else:
            self._end_element(unit.step, unit.mapping_key)
        self._settle()

    def retry(self, unit: Unit, at: float) -> None:
        """Record that a unit failed and is retried, not before a time."""
        self._leave(unit)
        self._retries += 1
        heappush(self._later, (at, self._retries, unit))

    def give_back(self, unit: Unit) -> None:
        """Put back a unit that did not run: it can be taken again."""
        self._claimed.discard(unit)
        if unit in self.running:
            self._leave(unit)
            self._push(unit)

    # --- tags ------------------------------------------------------------

    def _limited(self, index: int) -> list[tuple[int, str | None]]:
        """Return what a limit counts of a step: the limit, and the value if each counts alone."""
        if not self._limits:
            return []
        tags, found = self._steps[index].tags, []
        for number, limit in enumerate(self._limits):
            value = tags.get(limit.key)
            if value is not None and limit.value in (None, value):
                found.append((number, value if limit.per_value else None))
        return found

    def _has_room(self, counted: tuple[int, str | None]) -> bool:
        return self._busy[counted] < self._limits[counted[0]].limit

    def _leave(self, unit: Unit) -> None:
        """Record that a step no longer runs; one that waits for its limit may be ready."""
        self.running.remove(unit)
        for each in self._limited(unit.step):
            self._busy[each] -= 1
            if self._parked[each]:
                heappush(self._ready, heappop(self._parked[each]))

    # --- what follows ----------------------------------------------------

    def _push(self, unit: Unit) -> None:
        index, key = unit
        if unit in self._claimed:
            self._claimed.remove(unit)
            self.running.add(unit)
            return
        group, within = self._place[index]
        number = 0
        if key is not None:
            region = self._steps[index].region
            assert region is not None
            number = self._numbers[region][key]
        # An element goes through all steps of its group before the next one: few are held at once.
        heappush(self._ready, (group, number, within, index, key))

    def _decide(self, index: int) -> None:
        """Run, skip or expand a step, as all that it waits for has ended."""
        step = self._steps[index]
        if step.region is None:
            self._run_or_skip(Unit(index))
        elif step.region in self._slots:
            self._open_elements(index, step.region)
        elif not any(up in self._place for up in self._inside[index]):
            self._run_or_skip(Unit(index))  # there are no elements: it is skipped as a whole

    def _run_or_skip(self, unit: Unit) -> None:
        index, key = unit
        missing = self._missing(self._steps[index], key)
        if not missing:
            self._push(unit)
            return
        self._claimed.discard(unit)
        failed = any(self._has_failed(wait, key) for wait in missing)
        because = (
            self._steps[w.step].key if failed else f"{self._steps[w.step].key}.{w.output}"
            for w in missing
        )
        self.skips.append(Skip(unit, tuple(dict.fromkeys(because)), failed))
        if failed:
            self._note_failed(unit)
        if key is None:
            self._end(index)
        else:
            self._end_element(index, key)

    def _missing(self, step: Step, key: str | None) -> list[FromOutput]:
        """Return the missing inputs of a unit."""
        missing: list[FromOutput] = []
        for each in step.inputs:
            absent = [wait for wait in each.waits_for if not self._is_there(wait, key)]
            failed = any(self._has_failed(wait, key) for wait in absent)
            fan_in = isinstance(each.source, FromMany) or len(each.waits_for) > 1
            if absent and (failed or not fan_in or len(absent) == len(each.waits_for)):
                missing += absent
        missing += [wait for wait in step.guards if not self._is_there(wait, key)]
        return missing

    def _is_there(self, wait: FromOutput, key: str | None) -> bool:
        if wait.collects:
            return wait.slot in self._slots and not self._has_failed(wait, None)
        if wait.maps:
            return wait.slot in self._slots and key in self._elements_of(wait.slot)
        return wait.slot in self._slots

    def _has_failed(self, wait: FromOutput, key: str | None) -> bool:
        if wait.slot in self._failed:
            return True
        elements = self._failed_elements.get(wait.slot)
        if not elements:
            return False
        return key in elements if wait.maps and key is not None else True

    def _note_failed(self, unit: Unit) -> None:
        for out in self._steps[unit.step].outputs:
            if unit.mapping_key is None:
                self._failed.add(out.slot)
                self._slots.pop(out.slot, None)
            else:
                self._failed_elements[out.slot].add(unit.mapping_key)
                self._elements_of(out.slot).pop(unit.mapping_key, None)

    def _elements_of(self, slot: int) -> dict[str, None]:
        found = self._slots.get(slot)
        if found is None:
            found = self._slots[slot] = {}
        return found

    # --- mapped steps ----------------------------------------------------

    def _open_elements(self, index: int, region: int) -> None:
        """Expand a step, as its elements are known: each waits only for its own inputs."""
        keys = self._elements_of(region)
        self._numbers.setdefault(region, {key: number for number, key in enumerate(keys)})
        chosen = self._given_elements.get(index)
        for out in self._steps[index].outputs:
            self._elements_of(out.slot)
        inside = self._inside[index]
        self._open[index] = {
            key: sum(self._is_open(up, key) for up in inside)
            for key in keys
            if chosen is None or key in chosen
        }
        free = [key for key, waits in self._open[index].items() if not waits]
        if not self._open[index]:
            self._end(index)
        for key in free:
            self._run_or_skip(Unit(index, key))

    def _is_open(self, index: int, key: str) -> bool:
        """Whether a mapped step has yet to run for an element."""
        if index not in self._place:
            return False
        if index in self._open:
            return key in self._open[index]
        chosen = self._given_elements.get(index)
        return chosen is None or key in chosen

    def _end_element(self, index: int, key: str) -> None:
        del self._open[index][key]
        for down in self._after_inside[index]:
            waits = self._open.get(down)
            if waits is not None and key in waits:
                waits[key] -= 1
                if not waits[key]:
                    self._settling_elements.append(Unit(down, key))
        if not self._open[index]:
            self._end(index)

    # --- steps that have ended -------------------------------------------

    def _end(self, index: int) -> None:
        """Record the final end of a step; `_settle` handles what waits for it."""
        self._left -= 1
        self._settling.append(index)

    def _settle(self) -> None:
        """Look at what waited for what has ended, until nothing more follows."""
        while self._settling or self._settling_elements:
            if self._settling_elements:
                self._run_or_skip(self._settling_elements.popleft())
                continue
            index = self._settling.popleft()
            del self._place[index]
            self._close(index)
            for down in self._after[index]:
                self._waiting[down] -= 1
                if not self._waiting[down]:
                    self._decide(down)
            for down in self._after_inside[index]:
                if down in self._place and down not in self._open and not self._waiting[down]:
                    self._decide(down)

    def _close(self, index: int) -> None:
        """Mark an output without elements as missing: steps that collect it are skipped."""
        self.closed.append(index)
        if self._open.pop(index, None) is None:
            return
        region = self._steps[index].region
        assert region is not None
        for out in self._steps[index].outputs:
            if self._numbers[region] and not self._slots.get(out.slot):
                self._slots.pop(out.slot, None)
