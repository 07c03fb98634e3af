"""The loop that executes the ticks of schedules and sensors when they are due."""

from __future__ import annotations

import atexit
import heapq
import logging
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from jobnb.automation.code_location import CodeLocation
from jobnb.automation.default_sensor import DEFAULT_SENSOR, default_condition_sensor
from jobnb.automation.launching import Launch, LoopStoppedError, launch_run
from jobnb.automation.tick_evaluation import (
    CATCH_UP,
    MOVED,
    Definition,
    Ticker,
    due_of,
    pause_after,
)
from jobnb.definitions.automation.results import DefaultScheduleStatus, DefaultSensorStatus
from jobnb.definitions.automation.schedule import ScheduleDefinition
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.definitions.locations.launching import resolved_schedules
from jobnb.errors import InvalidSubsetError, JobnbError, did_you_mean
from jobnb.storage.instance import Instance
from jobnb.storage.process import this_process
from jobnb.storage.ticks import (
    Instigator,
    InstigatorState,
    InstigatorStatus,
    LoopHolder,
    LoopPresence,
    Tick,
    TickStatus,
    live_loops,
)

_logger = logging.getLogger("jobnb.automation")

_POLL = 1.0
_RENEWAL = 15.0
_BUSY_PAUSE = 1.0
_PURGE_INTERVAL = 3600.0
_MOST_AT_ONCE = 16
_LAST_WAIT = 2.0
_NEVER = float("inf")


@dataclass(order=True)
class _Entry:
    """A schedule or sensor, and when it is due."""

    due: float
    origin: str
    location: CodeLocation = field(compare=False)
    definition: Definition = field(compare=False)
    instigator: Instigator = field(compare=False)
    is_current: bool = field(default=True, compare=False)


@dataclass
class _EvaluationThread:
    """An evaluation in a thread of its own."""

    entry: _Entry
    thread: threading.Thread
    since: float
    tick: Tick | None = None
    is_given_up: bool = False


class AutomationLoop:
    """Executes the ticks of the schedules and sensors of code locations when they are due.

    Args:
        instance: The history.
        locations: What defines the schedules and sensors.
        clock: Gives the moment that counts as now, in seconds since the epoch.
        start: Launches a run.
        catch_up: How many missed ticks of a schedule are made up for, the latest ones.
        timeout: Seconds after which an evaluation is given up.
        in_threads: Whether each evaluation has a thread of its own: a slow one holds up no other.
        keep_skipped: Seconds for which ticks that launched nothing are kept.
        reached: Is called between two steps of a tick: for tests.
    """

    def __init__(
        self,
        instance: Instance,
        locations: Iterable[CodeLocation],
        *,
        clock: Callable[[], float] = time.time,
        start: Launch = launch_run,
        catch_up: int = CATCH_UP,
        timeout: float = 60.0,
        in_threads: bool = True,
        keep_skipped: float = 7 * 86400.0,
        reached: Callable[[str], None] = lambda _step: None,
    ) -> None:
        self.instance = instance
        self.locations = list(locations)
        self.timeout = timeout
        self._clock = clock
        self._catch_up = catch_up
        self._in_threads = in_threads
        self._keep_skipped = keep_skipped
        self.holder = LoopHolder(this_process(), uuid.uuid4().hex)
        self._ticker = Ticker(instance, self.holder, clock, start, reached, catch_up)
        self._entries: dict[str, _Entry] = {}
        self._heap: list[_Entry] = []
        self._seen: tuple[Hashable, ...] = ()
        self._work: dict[str, _EvaluationThread] = {}
        self._last_now = 0.0
        self._next_renewal = 0.0
        self._next_announcement = 0.0
        self._since: float | None = None
        self._next_purge = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._turn = threading.RLock()
        self.rounds = 0
        self.problem: str | None = None
        live_loops.add(self.holder.loop_id)

    # --- going on by itself ---------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether it runs in a thread of its own."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> Self:
        """Run in a thread of its own until `stop`."""
        if not self.is_running:
            self._stop.clear()
            live_loops.add(self.holder.loop_id)
            self._thread = threading.Thread(target=self.run, name="jobnb automation", daemon=True)
            self._thread.start()
            _started.add(self)
        return self

    def stop(self, wait: float | None = 10.0) -> None:
        """Claim no more ticks; active ones run to their end.

        Args:
            wait: Seconds to wait for them at most; what takes longer is left to the next loop.
        """
        self._stop.set()
        deadline = None if wait is None else time.monotonic() + wait
        if self._thread is not None:
            _join(self._thread, deadline)
        # Only now: the round that was under way may have begun more work.
        for work in list(self._work.values()):
            _join(work.thread, deadline)
        live_loops.discard(self.holder.loop_id)
        with suppress(Exception):  # others see that it is gone, and forget it
            self.instance.ticks.retire_loop(self.holder)

    def run(self) -> None:
        """Run in this thread until `stop` is called elsewhere."""
        self._since, self._next_announcement = time.time(), 0.0
        try:
            self._go_on()
        finally:
            self._since = None

    def _go_on(self) -> None:
        while not self._stop.is_set():
            pause = _POLL
            try:
                due = self.round()
                pause = min(_POLL, max(0.02, due - self._clock()))
                self.problem = None
            except Exception as error:  # noqa: BLE001 a database that restarts, say
                # The next round tries it again.
                if str(error) != self.problem:
                    self._tell("The loop could not do its round: %s", error)
                self.problem = str(error)
            self._stop.wait(pause)

    def _tell(self, text: str, *parts: object) -> None:
        """Log what a later round tries again; it is no problem of a loop that is stopping."""
        _logger.log(logging.INFO if self._stop.is_set() else logging.ERROR, text, *parts)

    # --- one round ------------------------------------------------------------

    def round(self) -> float:
        """Execute all due ticks; return when the next one is due, in seconds since the epoch."""
        with self._turn:
            now = self._clock()
            self._look_for_changes(now)
            self._tend(now)
            later: list[_Entry] = []
            while self._heap and self._heap[0].due <= now:
                entry = heapq.heappop(self._heap)
                if not entry.is_current or self._entries.get(entry.origin) is not entry:
                    continue
                if not self._begin(entry):
                    later.append(entry)
            for entry in later:
                self._put(entry, now + _BUSY_PAUSE)
            self.rounds += 1
            self._last_now = now
            return self._heap[0].due if self._heap else now + _POLL

    def _look_for_changes(self, now: float) -> None:
        """Read again the definitions and states where somebody has changed something."""
        if now < self._last_now - 1.0:
            self._seen = ()  # the clock was set back
        seen: tuple[Hashable, ...] = (
            self.instance.ticks.automation_version(),
            *(each.version() for each in self.locations),
        )
        if seen != self._seen:
            self._reload(now)
            self._seen = seen

    def _reload(self, now: float) -> None:
        found: list[tuple[CodeLocation, Definition, Instigator]] = []
        for location in self.locations:
            try:
                found += [
                    (location, each, _instigator(location, each)) for each in _defined(location)
                ]
            except JobnbError as error:
                _logger.error("The definitions of %r cannot be used: %s", location.name, error)
        new = [
            (instigator, InstigatorStatus.DECLARED_IN_CODE)
            for _, definition, instigator in found
            if runs_by_default(definition)
        ]
        self.instance.ticks.add_instigators(new, now)
        self.instance.ticks.note_times(_times(found), now)
        states = {each.instigator.origin_id: each for each in self.instance.all_instigator_state()}
        for entry in self._entries.values():
            entry.is_current = False
        self._entries, self._heap = {}, []
        for location, definition, instigator in found:
            origin = instigator.origin_id
            state = states.get(origin)
            due = _NEVER if state is None else self._due(definition, state, now)
            entry = _Entry(due, origin, location, definition, instigator)
            self._entries[origin] = entry
            if due < _NEVER:
                self._heap.append(entry)
        heapq.heapify(self._heap)

    def _due(self, definition: Definition, state: InstigatorState, now: float) -> float:
        """Return when the next tick is due, as far as is known now."""
        if state.current is not None:
            return now  # a loop that is gone may have left it
        if not runs(definition, state):
            return _NEVER
        try:
            if isinstance(definition, SensorDefinition):
                return self._due_sensor(definition, state, now)
            if due_of(definition, state, now, self._catch_up) is not None:
                return now
            following = definition.times.next_after(definition.times.localized(now))
        except JobnbError as error:
            _logger.error("The schedule %r cannot be read: %s", definition.name, error)
            return _NEVER
        return _NEVER if following is None else following.timestamp()

    def _due_sensor(
        self, definition: SensorDefinition, state: InstigatorState, now: float
    ) -> float:
        if due_of(definition, state, now) is not None or state.last_tick is None:
            return now
        interval = float(definition.minimum_interval_seconds)
        if state.failures:
            interval = max(interval, pause_after(definition, state.failures))
        return state.last_tick + interval - MOVED

    def _put(self, entry: _Entry, due: float) -> None:
        if entry.is_current and due < _NEVER:
            entry.due = due
            heapq.heappush(self._heap, entry)

    # --- one tick -------------------------------------------------------------

    def _begin(self, entry: _Entry) -> bool:
        """Start the tick of an entry; False if it has to wait."""
        if not self._in_threads:
            try:
                self._take(entry, None)
            except BaseException:
                self._put(entry, self._clock())  # a later round continues with it
                raise
            return True
        if entry.origin in self._work or len(self._work) >= _MOST_AT_ONCE:
            return False
        work = _EvaluationThread(entry, threading.current_thread(), time.monotonic())
        work.thread = threading.Thread(
            target=self._take_safely, args=(entry, work), name=f"jobnb {entry.instigator.name}"
        )
        work.thread.daemon = True
        self._work[entry.origin] = work
        work.thread.start()
        return True

    def _take_safely(self, entry: _Entry, work: _EvaluationThread) -> None:
        try:
            self._take(entry, work)
        except LoopStoppedError as error:
            _logger.info("%s", error)
        except Exception as error:  # noqa: BLE001 the next round tries it again
            self._tell("The tick of %s could not be taken: %s", entry.instigator.words, error)
            with self._turn:
                self._put(entry, self._clock() + _BUSY_PAUSE)
        finally:
            with self._turn:
                if self._work.get(entry.origin) is work:
                    del self._work[entry.origin]

    def _take(self, entry: _Entry, work: _EvaluationThread | None) -> None:
        def claimed(tick: Tick) -> None:
            if work is not None:
                work.tick = tick

        self._ticker.take(entry.location, entry.definition, entry.instigator, claimed=claimed)
        state = self.instance.ticks.instigator_state(entry.instigator)
        with self._turn:
            if state is None or (work is not None and work.is_given_up):
                return
            now = self._clock()
            busy = state.current is not None and state.holder != self.holder
            due = now + _BUSY_PAUSE if busy else self._due(entry.definition, state, now)
            self._put(entry, due)

    def _tend(self, now: float) -> None:
        """Give up evaluations that take too long, and renew the lease of this loop."""
        for work in list(self._work.values()):
            if not work.is_given_up and time.monotonic() - work.since > self.timeout:
                self._give_up(work, now)
        if self._work and time.monotonic() > self._next_renewal:
            self._next_renewal = time.monotonic() + _RENEWAL
            self.instance.ticks.renew_loop(self.holder)
        if self._since is not None and time.monotonic() > self._next_announcement:
            self._next_announcement = time.monotonic() + _RENEWAL
            names = tuple(each.name for each in self.locations)
            presence = LoopPresence(self.holder, self._since, time.time(), names)
            self.instance.ticks.announce_loop(presence)
        if now >= self._next_purge:
            self._next_purge = now + _PURGE_INTERVAL
            self.instance.ticks.purge_ticks(now - self._keep_skipped, [TickStatus.SKIPPED])

    def _give_up(self, work: _EvaluationThread, now: float) -> None:
        """End the tick; its thread goes on, and what it comes to does not count any more."""
        tick, entry = work.tick, work.entry
        if tick is None or tick.decided:
            return  # what is decided is launched, however long that takes
        from msgspec.structs import replace

        text = (
            f"Its function took longer than {self.timeout:g} seconds and was given up. It goes on "
            "in the background: until it ends, there is no other evaluation."
        )
        failed = replace(tick, status=TickStatus.FAILURE, error=text, ended=now)
        if self.instance.ticks.end_tick(failed, self.holder):
            _logger.error("The tick of %s failed: %s", entry.instigator.words, text)
            self._put(entry, now + self.timeout)
            work.is_given_up = True

    # --- what a person asks ---------------------------------------------------

    def tick_now(self, name: str) -> Tick | None:
        """Evaluate a schedule or sensor now, due or not, and launch what it requests.

        Args:
            name: Its name.

        Returns:
            The tick; None if another loop has it.

        Raises:
            InvalidSubsetError: If there is none of this name.
        """
        instigator, location, definition = self.named(name)
        self.instance.ticks.add_instigators(
            [(instigator, InstigatorStatus.DECLARED_IN_CODE)], self._clock()
        )
        live_loops.add(self.holder.loop_id)
        made = self._ticker.take(location, definition, instigator, forced=True)
        self._seen = ()
        return made

    def named(self, name: str) -> tuple[Instigator, CodeLocation, Definition]:
        """Return a schedule or sensor by name, and what defines it.

        Raises:
            InvalidSubsetError: If there is none of this name.
        """
        known: dict[str, tuple[CodeLocation, Definition]] = {
            each.name: (location, each)
            for location in self.locations
            for each in _defined(location)
        }
        if name in known:
            location, definition = known[name]
            return _instigator(location, definition), location, definition
        hint = did_you_mean(name, known, noun="There are")
        raise InvalidSubsetError(f"There is no schedule or sensor {name!r}. {hint}".rstrip())

    def failing(self) -> list[InstigatorState]:
        """Return the states of those that run and whose last tick has failed."""
        return [
            state
            for _, definition, state in self.instigators()
            if state.failures and runs(definition, state)
        ]

    def stopped_default_sensors(self) -> list[Instigator]:
        """Return the sensors of conditions that nobody has defined, and nobody has started."""
        return [
            instigator
            for instigator, definition, state in self.instigators()
            if instigator.name == DEFAULT_SENSOR and not runs(definition, state)
        ]

    def instigators(self) -> list[tuple[Instigator, Definition, InstigatorState]]:
        """Return all schedules and sensors, and their states."""
        found = [
            (_instigator(location, each), each)
            for location in self.locations
            for each in _defined(location)
        ]
        states = {each.instigator.origin_id: each for each in self.instance.all_instigator_state()}
        return [
            (
                instigator,
                each,
                states.get(instigator.origin_id) or _unknown_state(instigator, each),
            )
            for instigator, each in found
        ]


_started: weakref.WeakSet[AutomationLoop] = weakref.WeakSet()


def _stop_all() -> None:
    """At the end of the process, stop before the histories are closed."""
    for loop in list(_started):
        if loop.is_running:
            loop.stop(_LAST_WAIT)


# What is registered last is called first: the histories have registered their closing before.
atexit.register(_stop_all)


def _join(thread: threading.Thread, deadline: float | None) -> None:
    if thread is not threading.current_thread():
        thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))


def _defined(location: CodeLocation) -> list[Definition]:
    definitions = location.definitions()
    schedules = resolved_schedules(definitions.schedules, definitions.get_job_def)
    default = default_condition_sensor(definitions)
    return [*schedules, *definitions.sensors, *([] if default is None else [default])]


def _times(found: Iterable[tuple[CodeLocation, Definition, Instigator]]) -> dict[str, str]:
    """Return when each schedule is due, in words; without those whose crons are invalid."""
    times: dict[str, str] = {}
    for _, definition, instigator in found:
        if isinstance(definition, ScheduleDefinition):
            with suppress(JobnbError):
                times[instigator.origin_id] = str(definition.times)
    return times


def _instigator(location: CodeLocation, definition: Definition) -> Instigator:
    if isinstance(definition, ScheduleDefinition):
        return Instigator("SCHEDULE", definition.name, location.name)
    return Instigator("SENSOR", definition.name, location.name)


def runs_by_default(definition: Definition) -> bool:
    """Whether its code says that it runs without anybody having started it."""
    running = (DefaultScheduleStatus.RUNNING, DefaultSensorStatus.RUNNING)
    return definition.default_status in running


def runs(definition: Definition, state: InstigatorState) -> bool:
    """Whether it is evaluated when it comes due: somebody has said so, else its code does."""
    if state.status is InstigatorStatus.DECLARED_IN_CODE:
        return runs_by_default(definition)
    return state.is_running


def _unknown_state(instigator: Instigator, definition: Definition) -> InstigatorState:
    """Return the state of one that no loop has evaluated and nobody has started."""
    runs = runs_by_default(definition)
    status = InstigatorStatus.DECLARED_IN_CODE if runs else InstigatorStatus.STOPPED
    return InstigatorState(instigator, status)
