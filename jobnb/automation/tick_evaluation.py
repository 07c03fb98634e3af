"""One tick of a schedule or sensor: claimed, evaluated, decided, launched and ended.

The loop may be killed between any two of these. Nothing is launched before it is decided, and
what is decided is launched: by this loop, or by the next one, with the same ids.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from jobnb.automation.code_location import CodeLocation
from jobnb.automation.evaluation_context import EvaluationContext, resources_for
from jobnb.automation.launching import (
    Launch,
    LoopStoppedError,
    PreparedRun,
    ensure_launched,
    expect_runs,
    launch_run,
    prepared,
)
from jobnb.automation.schedule_context import ScheduleEvaluationContext
from jobnb.automation.sensor_context import SensorEvaluationContext
from jobnb.definitions.automation.schedule import ScheduleDefinition
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.definitions.jobs.run_request import RunRequest
from jobnb.definitions.locations.definitions import GLOBAL_ASSET_JOB
from jobnb.errors import JobnbError, StorageError, UserCodeExecutionError
from jobnb.execution.trace import error_info
from jobnb.storage.decisions import Decision, pack_decisions
from jobnb.storage.instance import Instance
from jobnb.storage.ticks import (
    Instigator,
    InstigatorState,
    LoopHolder,
    Tick,
    TickStatus,
)

CATCH_UP = 5
"""How many missed ticks of a schedule are made up for, the latest ones."""

MOVED = 0.01
"""Seconds by which a tick may be later than its moment, where there was one of that moment."""

_LONGEST_PAUSE = 3600.0
_SLACK = 1.0
_logger = logging.getLogger("jobnb.automation")

Definition = ScheduleDefinition | SensorDefinition


@dataclass
class Evaluation:
    """The result of one evaluation.

    Attributes:
        requests: The run requests, each with the job that it is for.
        skip_reason: Why there are none.
        cursor: The new cursor.
        partitions_requests: Keys of dynamic partitions to add or delete.
        problems: What went wrong without keeping the rest from being launched, in words.
        lines: What was logged.
        decisions: What the conditions of assets came to.
    """

    requests: list[tuple[RunRequest, str]] = field(default_factory=list)
    skip_reason: str | None = None
    cursor: str | None = None
    partitions_requests: Sequence[Any] = ()
    problems: list[str] = field(default_factory=list)
    lines: list[tuple[float, int, str]] = field(default_factory=list)
    decisions: Sequence[Decision] = ()


def due_of(
    definition: Definition, state: InstigatorState, now: float, catch_up: int = CATCH_UP
) -> float | None:
    """Return the moment of the tick that is due; None if none is.

    Args:
        definition: The schedule or sensor.
        state: Its state.
        now: The moment that counts as now, in seconds since the epoch.
        catch_up: How many missed ticks of a schedule are made up for.
    """
    if isinstance(definition, ScheduleDefinition):
        found, _ = _missed(definition, state, now, catch_up)
        return found[0].timestamp() if found else None
    last = state.last_tick
    if last is not None and last <= now + _SLACK:  # else the clock was set back
        if now < last + definition.minimum_interval_seconds - MOVED:
            return None
        if state.not_before is not None and now < min(state.not_before, last + _LONGEST_PAUSE):
            return None
    return now


def _missed(
    definition: ScheduleDefinition, state: InstigatorState, now: float, catch_up: int
) -> tuple[list[datetime], bool]:
    """Return the ticks that are made up for, and whether there were earlier ones."""
    begin = max(state.started or 0.0, state.last_tick or 0.0)
    return definition.times.latest(_moment(begin), _moment(now), max(1, catch_up))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class Ticker:
    """Executes ticks from beginning to end.

    Args:
        instance: The history.
        holder: The loop that it does it for.
        clock: Gives the moment that counts as now, in seconds since the epoch.
        start: Launches a run.
        reached: Is called between two steps of a tick, with what was done: for tests.
        catch_up: How many missed ticks of a schedule are made up for.
    """

    def __init__(
        self,
        instance: Instance,
        holder: LoopHolder,
        clock: Callable[[], float],
        start: Launch = launch_run,
        reached: Callable[[str], None] = lambda _step: None,
        catch_up: int = CATCH_UP,
    ) -> None:
        self._instance = instance
        self.holder = holder
        self._clock = clock
        self._start = start
        self._reached = reached
        self._catch_up = catch_up
        self._turn = threading.Lock()
        self._busy: set[str] = set()

    def take(
        self,
        location: CodeLocation,
        definition: Definition,
        instigator: Instigator,
        *,
        forced: bool = False,
        claimed: Callable[[Tick], None] = lambda _tick: None,
    ) -> Tick | None:
        """Execute the tick that is due.

        Args:
            location: What defines it.
            definition: The schedule or sensor.
            instigator: The same, as the history names it.
            forced: Whether it is evaluated now, due or not, running or not.
            claimed: Is told of the tick once it is this loop's, and once it is decided.

        Returns:
            The tick as it ended; None if none was due, or another loop is at it.
        """
        with self._turn:
            if instigator.origin_id in self._busy:
                return None  # another thread of this loop is at it
            self._busy.add(instigator.origin_id)
        try:
            return self._take(location, definition, instigator, forced, claimed)
        finally:
            with self._turn:
                self._busy.discard(instigator.origin_id)

    def _take(
        self,
        location: CodeLocation,
        definition: Definition,
        instigator: Instigator,
        forced: bool,
        claimed: Callable[[Tick], None],
    ) -> Tick | None:
        now = self._clock()

        left_out = False

        def due(state: InstigatorState) -> float | None:
            nonlocal left_out
            if forced:
                return now
            if isinstance(definition, ScheduleDefinition):
                left_out = _missed(definition, state, now, self._catch_up)[1]
            return due_of(definition, state, now, self._catch_up)

        ticks = self._instance.ticks
        found = ticks.claim_tick(instigator, self.holder, due, forced=forced)
        if found is None:
            return None
        if left_out:
            _logger.warning(
                "The schedule %r missed more than %d ticks: the earlier ones are left out.",
                definition.name, self._catch_up,
            )  # fmt: skip
        state, tick = found
        claimed(tick)
        self._reached("claimed")
        resumed = tick.decided
        configs: dict[str, Any] = {each.run_id: each.config for each in tick.runs}
        problems: list[str] = []
        if not tick.decided:
            decided = self._decide(location, definition, state, tick, configs, problems)
            if decided is None or decided.ended is not None:
                return decided
            tick = decided
            claimed(tick)
            self._reached("decided")
        problems += self._launch(location, tick, configs, resumed=resumed)
        return self._end(definition, state, tick, problems)

    def _decide(
        self,
        location: CodeLocation,
        definition: Definition,
        state: InstigatorState,
        tick: Tick,
        configs: dict[str, Any],
        problems: list[str],
    ) -> Tick | None:
        """Evaluate it, and settle what is launched; it has ended where that fails."""
        lines: list[tuple[float, int, str]] = []
        try:
            found = self._evaluate(location, definition, state, tick, lines)
            tick = replace(tick, packed_decisions=pack_decisions(found.decisions))
            runs = self._prepared(location, tick.instigator, found)
        except Exception as error:
            if _may_pass(error):
                raise  # the next round evaluates it again
            failed = replace(tick, lines=tuple(lines), cursor=state.cursor)
            return self._end(definition, state, failed, [told(error)])
        self._reached("evaluated")
        configs.update({each.run.run_id: each.config for each in runs})
        problems += found.problems
        is_sensor = isinstance(definition, SensorDefinition)
        wanted = replace(
            tick,
            runs=tuple(each.run for each in runs),
            skip_reason=found.skip_reason,
            cursor=found.cursor,
            lines=tuple(lines),
            reasons=tuple(found.problems),
        )
        return self._instance.ticks.decide_tick(
            wanted, self.holder, found.partitions_requests, keeps_cursor=is_sensor
        )

    def _evaluate(
        self,
        location: CodeLocation,
        definition: Definition,
        state: InstigatorState,
        tick: Tick,
        lines: list[tuple[float, int, str]],
    ) -> Evaluation:
        definitions = location.definitions()
        resources = resources_for(definition.required_resource_keys, definitions.resources)
        context: EvaluationContext
        if isinstance(definition, ScheduleDefinition):
            when = definition.times.localized(tick.timestamp)
            context = ScheduleEvaluationContext(
                self._instance, when, location.name, definition.name, resources, definitions
            )
        else:
            context = looking = SensorEvaluationContext(
                self._instance,
                state.last_end,
                state.last_run_key,
                state.cursor,
                location.name,
                sensor_name=definition.name,
                resources=resources,
                definitions=definitions,
            )
            looking.tick_time = tick.timestamp
        context.log_lines = lines
        with context:
            return evaluation_of(definition, context)

    def _prepared(
        self, location: CodeLocation, instigator: Instigator, found: Evaluation
    ) -> list[PreparedRun]:
        definitions = location.definitions()
        requests = found.partitions_requests
        return [
            prepared(request, job_name, definitions, instigator, self._instance, requests)
            for request, job_name in found.requests
        ]

    def _launch(
        self, location: CodeLocation, tick: Tick, configs: dict[str, Any], *, resumed: bool
    ) -> list[str]:
        """Launch what was decided; what could not be launched is told in words."""
        problems = []
        launched: dict[str, list[str]] = {}
        if not resumed and tick.runs:
            expect_runs(tick.runs, location.definitions(), self._instance, self._start)
        for run in tick.runs:
            config = configs.get(run.run_id, run.config)
            try:
                is_new = ensure_launched(
                    run,
                    config,
                    location.definitions,
                    self._instance,
                    self._start,
                    resumed=resumed,
                )
                if is_new:
                    launched.setdefault(run.job_name, []).append(run.run_id)
            except LoopStoppedError:
                raise  # the tick stays as it is decided, and the next loop continues with it
            except Exception as error:
                if _may_pass(error):
                    raise  # what is decided is launched once the history is there again
                # The others are launched all the same.
                problems.append(f"A run of {run.job_name!r} was not launched. {told(error)}")
            self._reached("launched")
        if launched:
            _logger.info("%s launched %s", tick.instigator.words, _runs_words(launched))
        return problems

    def _end(
        self, definition: Definition, state: InstigatorState, tick: Tick, problems: list[str]
    ) -> Tick | None:
        status = TickStatus.SUCCESS if tick.runs else TickStatus.SKIPPED
        skip = tick.skip_reason
        if tick.known_keys and not tick.runs:
            keys = ", ".join(map(repr, tick.known_keys))
            skip = f"Runs with the run keys {keys} were launched before."
        now = self._clock()
        error, not_before = None, None
        if problems:
            status = TickStatus.FAILURE
            error = "\n".join(problems)
            if isinstance(definition, SensorDefinition):
                pause = pause_after(definition, state.failures + 1)
                not_before = tick.timestamp + pause
                error += f"\n{_next_try(state.failures + 1, pause)}"
        ended = replace(
            tick, status=status, ended=now, error=error,
            skip_reason=None if tick.runs or problems else skip or "Nothing was requested.",
        )  # fmt: skip
        self._reached("ending")
        if not self._instance.ticks.end_tick(ended, self.holder, not_before):
            return None
        if error is not None:
            _logger.error("The tick of %s failed: %s", tick.instigator.words, error)
        self._reached("ended")
        return ended


def evaluation_of(definition: Definition, context: EvaluationContext) -> Evaluation:
    """Evaluate a schedule or sensor; each request comes with the job that it is for."""
    found: Any = definition.evaluate_tick(context)  # type: ignore[arg-type]
    first = definition.targets[0].job_name if definition.targets else GLOBAL_ASSET_JOB
    requests = [(each, each.job_name or first) for each in found.run_requests]
    made = Evaluation(requests, found.skip_message)
    if isinstance(definition, ScheduleDefinition):
        return made
    made.cursor = found.cursor
    made.decisions = [each.decision() for each in getattr(context, "decisions", ())]
    made.partitions_requests = found.dynamic_partitions_requests
    reactions = found.dagster_run_reactions
    made.problems = [each.error for each in reactions if each.error is not None]
    if reactions and not requests:
        runs = "1 run" if len(reactions) == 1 else f"{len(reactions)} runs"
        made.skip_reason = f"Its function was called for {runs}."
    return made


def pause_after(sensor: SensorDefinition, failures: int) -> float:
    """Return seconds until a sensor that has failed so often in a row is evaluated again."""
    interval = max(float(sensor.minimum_interval_seconds), 1.0)
    return float(min(interval * 2 ** min(failures - 1, 20), max(_LONGEST_PAUSE, interval)))


def _runs_words(run_ids: Mapping[str, Sequence[str]]) -> str:
    """Name the runs of each job, with their ids."""
    return "; ".join(
        f"{len(ids)} {'run' if len(ids) == 1 else 'runs'} of {job_name!r}: {', '.join(ids)}"
        for job_name, ids in run_ids.items()
    )


def _next_try(failures: int, pause: float) -> str:
    times = "once" if failures == 1 else f"{failures} times in a row"
    seconds = "1 second" if pause == 1 else f"{pause:g} seconds"
    return f"It has failed {times}; the next try is in {seconds}."


def _may_pass(error: Exception) -> bool:
    """Whether the history could not be reached, which says nothing of the schedule or sensor."""
    of_user = error.user_exception if isinstance(error, UserCodeExecutionError) else None
    cause = of_user if of_user is not None else error
    return isinstance(cause, StorageError) and cause.may_pass


def told(error: Exception) -> str:
    """Return an error in words, with the place in the user's code."""
    of_user = error.user_exception if isinstance(error, UserCodeExecutionError) else None
    if isinstance(error, JobnbError) and of_user is None:
        return str(error)
    info = error_info(of_user if of_user is not None else error)
    where = f" ({info.where})" if info.where else ""
    source = f"\n{info.source}" if info.source else ""
    return f"{info.cls_name}: {info.message}{where}{source}"
