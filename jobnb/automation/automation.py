"""The automation of a session: `session.automation`."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobnb.automation.code_location import CodeLocation
from jobnb.automation.default_sensor import default_condition_sensor
from jobnb.automation.evaluation_context import EvaluationContext, resources_for
from jobnb.automation.launching import Launcher, prepared
from jobnb.automation.loop import AutomationLoop, runs
from jobnb.automation.schedule_context import ScheduleEvaluationContext
from jobnb.automation.sensor_context import SensorEvaluationContext
from jobnb.automation.tick_evaluation import Definition, Evaluation, evaluation_of, told
from jobnb.definitions.arguments import suggests_names
from jobnb.definitions.automation.schedule import ScheduleDefinition
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.errors import InvalidInvocationError
from jobnb.storage.instance import Instance
from jobnb.storage.ticks import Instigator, InstigatorState, InstigatorStatus, Tick

if TYPE_CHECKING:
    from jobnb.definitions.locations.definitions import Definitions
    from jobnb.registry.session import Session

_logger = logging.getLogger("jobnb.automation")


@suggests_names
class Automation:
    """The schedules and sensors of a session, and the loop that evaluates them.

    Asked for as `session.automation`.

    Attributes:
        session: The session.

    Example:
        >>> from jobnb import ScheduleDefinition, Session, job, op
        >>> @op
        ... def hello(): ...
        >>> @job
        ... def greet():
        ...     hello()
        >>> session = Session().add(ScheduleDefinition(job=greet, cron_schedule="@daily"))
        >>> session.automation
        <automation: 1 schedule, not started>
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._loop: AutomationLoop | None = None
        self._place: tuple[Instance, str] | None = None
        self._launcher = Launcher()

    @property
    def loop(self) -> AutomationLoop:
        """The loop; a new one after the history of the session has changed."""
        instance = self.session.instance
        place = instance, instance.launcher or ""
        if self._loop is None or (self._place != place and not self._loop.is_running):
            location = CodeLocation.of_session(self.session)
            self._loop = AutomationLoop(instance, [location], start=self._launcher)
            self._place = place
        return self._loop

    @property
    def is_running(self) -> bool:
        """Whether the loop runs in this kernel."""
        return self._loop is not None and self._loop.is_running

    def start(self, *names: str, detach: bool = True) -> Automation:
        """Evaluate schedules and sensors when they come due, in the background, until `stop`.

        Args:
            *names: Schedules and sensors to start, too: those that are stopped otherwise. It is
                kept in the history that they run, also for a loop in another process.
            detach: Whether each run has a process of its own, which outlives this kernel. If
                False, runs go on in this kernel, see what its cells have changed outside of
                definitions, and end with it; so do those whose history is in memory, and those
                whose definitions cannot go to another process.

        Raises:
            InvalidSubsetError: If there is none of a name.
        """
        for name in names:
            self.set_running(name, on=True)
        self._launcher.detach = detach
        self._launcher.stopped.clear()
        self.loop.start()
        for each in self.loop.stopped_default_sensors():
            _logger.warning(
                "%s is stopped: the automation conditions of assets are not evaluated. "
                "Start it with session.automation.start(%r).",
                each.words, each.name,
            )  # fmt: skip
        found = self.loop.instigators()
        are_stopped = not any(runs(definition, state) for _, definition, state in found)
        if found and are_stopped and not self.loop.stopped_default_sensors():
            _logger.warning(
                "All schedules and sensors are stopped: nothing is evaluated. Start one, as "
                "session.automation.start(%r).",
                found[0][0].name,
            )
        return self

    def stop(self, *names: str) -> Automation:
        """Stop some schedules and sensors for all loops; without names, stop this loop.

        Runs that it has launched go on.

        Raises:
            InvalidSubsetError: If there is none of a name.
        """
        for name in names:
            self.set_running(name, on=False)
        if not names and self._loop is not None:
            self._launcher.stopped.set()
            self._loop.stop()
        return self

    def set_running(self, name: str, *, on: bool) -> InstigatorState:
        """Start or stop a schedule or sensor, for all loops; the loop itself keeps running.

        Raises:
            InvalidSubsetError: If there is none of this name.
        """
        loop = self.loop
        status = InstigatorStatus.RUNNING if on else InstigatorStatus.STOPPED
        return loop.instance.ticks.set_instigator_status(loop.named(name)[0], status)

    def tick_now(self, name: str, *, detach: bool | None = None) -> Tick | None:
        """Evaluate a schedule or sensor now, due or not, and launch what it requests.

        Args:
            name: Its name.
            detach: Whether runs have processes of their own from now on, as with `start`; as
                before if None.

        Returns:
            The tick; None if another loop has it.

        Raises:
            InvalidSubsetError: If there is none of this name.
        """
        if detach is not None:
            self._launcher.detach = detach
        return self.loop.tick_now(name)

    def preview(
        self, name: str, *, at: datetime | None = None, cursor: str | None = None
    ) -> Evaluation:
        """Evaluate a schedule or sensor without launching or keeping anything.

        Args:
            name: Its name.
            at: The moment of a schedule; its next one if absent.
            cursor: The cursor of a sensor; the one that is kept if absent.

        Returns:
            The evaluation; its `problems` tell what a tick would fail with.

        Raises:
            InvalidSubsetError: If there is none of this name.
        """
        instigator, location, definition = self.loop.named(name)
        return preview(definition, instigator, location, self.loop.instance, at, cursor)

    def ticks(self, name: str, limit: int = 20) -> Sequence[Tick]:
        """Return the last ticks of a schedule or sensor, the newest first.

        Raises:
            InvalidSubsetError: If there is none of this name.
        """
        instigator = self.loop.named(name)[0]
        return self.loop.instance.get_ticks(instigator.origin_id, limit=limit)

    def state(self, name: str) -> InstigatorState:
        """Return the state of a schedule or sensor.

        Raises:
            InvalidSubsetError: If there is none of this name.
        """
        instigator = self.loop.named(name)[0]
        return next(state for each, _, state in self.loop.instigators() if each == instigator)

    def __repr__(self) -> str:
        known = self.session.snapshot()
        default = default_condition_sensor(known)
        sensors = [*known.sensors, *([] if default is None else [default])]
        counts = [
            f"{len(found)} {noun}{'s' if len(found) > 1 else ''}"
            for noun, found in (("schedule", known.schedules), ("sensor", sensors))
            if found
        ]
        state = "running" if self.is_running else "not started"
        return f"<automation: {', '.join(counts) or 'nothing defined yet'}, {state}>"


def preview(
    definition: Definition,
    instigator: Instigator,
    location: CodeLocation,
    instance: Instance,
    at: datetime | None = None,
    cursor: str | None = None,
    last_run_key: str | None = None,
    last_end: float | None = None,
) -> Evaluation:
    """Evaluate a schedule or sensor without launching or keeping anything.

    Args:
        definition: The schedule or sensor.
        instigator: The same, as the history names it.
        location: What defines it.
        instance: The history.
        at: The moment of a schedule; its next one if None.
        cursor: The cursor of a sensor; the one that is kept if None.
        last_run_key: The run key of its last run; the one that is kept if None.
        last_end: When it was evaluated last, in seconds since the epoch; as kept if None.
    """
    definitions = location.definitions()
    resources = resources_for(definition.required_resource_keys, definitions.resources)
    context: EvaluationContext
    if isinstance(definition, ScheduleDefinition):
        if cursor is not None:
            raise InvalidInvocationError(f"The schedule {definition.name!r} has no cursor.")
        when = next(iter(next_ticks(definition, 1)), None) if at is None else at
        if when is not None and when.tzinfo is not None:
            when = definition.times.localized(when.timestamp())
        context = ScheduleEvaluationContext(
            instance, when, location.name, definition.name, resources, definitions
        )
    else:
        nothing = InstigatorState(instigator, InstigatorStatus.STOPPED)
        state = instance.ticks.instigator_state(instigator) or nothing
        context = SensorEvaluationContext(
            instance,
            state.last_end if last_end is None else last_end,
            state.last_run_key if last_run_key is None else last_run_key,
            state.cursor if cursor is None else cursor,
            location.name,
            sensor_name=definition.name,
            resources=resources,
            definitions=definitions,
        )
    with context:
        found = evaluation_of(definition, context)
        found.problems += _request_problems(found, instigator, definitions, instance)
    found.lines = context.log_lines
    return found


def _request_problems(
    found: Evaluation, instigator: Instigator, definitions: Definitions, instance: Instance
) -> list[str]:
    """Describe why requests could not run: a tick with one of them would fail."""
    problems = []
    for request, job_name in found.requests:
        try:
            prepared(
                request, job_name, definitions, instigator, instance, found.partitions_requests
            )
        except Exception as error:  # noqa: BLE001 whatever a tick would fail with
            problems.append(told(error))
    return list(dict.fromkeys(problems))


def next_ticks(definition: Definition, count: int, now: float | None = None) -> list[datetime]:
    """Return the next moments of a schedule; none of a sensor, which looks now and then.

    Args:
        definition: The schedule or sensor.
        count: How many.
        now: The moment that counts as now, in seconds since the epoch.
    """
    from itertools import islice

    if isinstance(definition, SensorDefinition):
        return []
    begin = datetime.fromtimestamp(time.time() if now is None else now, UTC)
    moments: Any = definition.times.after(begin)
    return list(islice(moments, count))
