"""Limits on steps: how many run at once, and for how long each may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.definitions.ops.pool import pool_of
from jobnb.errors import InvalidConfigError, InvalidDefinitionError, StepTimeoutError
from jobnb.execution.alarm import Alarm
from jobnb.execution.frontier import TagLimit
from jobnb.execution.io import step_key_of
from jobnb.execution.pools import LOOK, Pools
from jobnb.execution.run import RunScope
from jobnb.execution.step import StepRunner
from jobnb.plan.step import Plan, Step

TIMEOUT_TAG = "dagster/step_timeout"
"""The tag that holds how many seconds an attempt at a step may take."""


def limits_of(config: Mapping[str, Any]) -> list[TagLimit]:
    """Return the limits on steps with a tag, from the config of an executor.

    Raises:
        InvalidConfigError: If a value is neither text nor a wish to count each value by itself.
    """
    found = []
    for each in config.get("tag_concurrency_limits") or ():
        value = each.get("value")
        per_value = isinstance(value, Mapping)
        if per_value and not value.get("applyLimitPerUniqueValue"):
            raise InvalidConfigError(
                f"The limit for the tag {each['key']!r} has the value {value!r}. Give a text, or "
                '{"applyLimitPerUniqueValue": True}.'
            )
        text = None if per_value or value is None else str(value)
        found.append(TagLimit(each["key"], each["limit"], text, per_value))
    return found


def late_words(key: str, limit: float | None) -> str:
    """Describe a step that took too long."""
    return f"The step {key!r} took longer than {limit or 0:g} s, its time-out."


def timeout_of(step: Step, config: Mapping[str, Any]) -> float | None:
    """Return the time limit of a step's attempts in seconds; None if there is none.

    Args:
        step: The step; its tag says it, if it has one.
        config: The config of the executor, which says it of all other steps.

    Raises:
        InvalidDefinitionError: If its tag is no such number.
    """
    if not step.tags or TIMEOUT_TAG not in step.tags:
        return config.get("step_timeout")
    text = step.tags[TIMEOUT_TAG]
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds > 0:
        raise InvalidDefinitionError(
            f"The tag {TIMEOUT_TAG} of {step.key!r} is {text!r}. Give a number of seconds above 0."
        )
    return seconds


def is_timed(plan: Plan) -> bool:
    """Whether any step of a run has a time limit, or may have one."""
    config = plan.execution_config
    parts = (config, *(each for each in config.values() if isinstance(each, Mapping)))
    return any("step_timeout" in each for each in parts) or any(
        TIMEOUT_TAG in (step.tags or ()) for step in plan.steps
    )


def limited_runner(run: RunScope, step: Step, config: Mapping[str, Any]) -> StepRunner:
    """Return the runner of a step: with an alarm if it has a time limit, waiting if in a pool.

    Args:
        run: The run.
        step: The step.
        config: The config of the executor.
    """
    limit = timeout_of(step, config)
    runner = StepRunner(run, step) if limit is None else _TimedRunner(run, step, limit)
    if run.pools is not None and pool_of(step.tags) is not None:
        return _PooledRunner(runner, run.pools)
    return runner


class _PooledRunner(StepRunner):
    """A step that waits for its place in a pool.

    Args:
        runner: Runs it once it has its place.
        pools: Those of the run.
    """

    __slots__ = ("pools", "runner")

    def __init__(self, runner: StepRunner, pools: Pools) -> None:
        super().__init__(runner.run, runner.step)
        self.runner, self.pools = runner, pools

    def __call__(self, mapping_key: str | None = None) -> None:
        """Run it once there is a place, unless it is skipped anyway."""
        run, step, key = self.run, self.step, step_key_of(self.step, mapping_key)
        if self.missing(mapping_key) is None:
            while not self.pools.claim(step, key):
                run.stop.pause(LOOK)
        try:
            self.runner(mapping_key)
        finally:
            self.pools.free(step, key)


class _TimedRunner(StepRunner):
    """Runs a step whose attempts have a time limit."""

    __slots__ = ("limit",)

    def __init__(self, run: RunScope, step: Step, limit: float) -> None:
        super().__init__(run, step)
        self.limit = limit

    def try_once(
        self, key: str, mapping_key: str | None, retries: int, began: float
    ) -> float | None:
        """Make one attempt, and interrupt it if it takes too long."""
        with Alarm(self.run.stop, self.limit) as alarm:
            try:
                return super().try_once(key, mapping_key, retries, began)
            except KeyboardInterrupt:
                alarm.silence()
                if not alarm.rang or self.run.stop.wanted:
                    raise
        late = StepTimeoutError(late_words(key, self.limit))
        return self.give_up_or_wait(key, mapping_key, late, retries, began)
