"""Steps that may take so long and no longer, one by one in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.errors import StepTimeoutError
from jobnb.execution.executors.limits import late_words, timeout_of
from jobnb.execution.run import RunScope
from jobnb.execution.step import StepRunner
from jobnb.execution.stopping import Alarm
from jobnb.plan.step import Step


def runner_of(run: RunScope, step: Step, config: Mapping[str, Any]) -> StepRunner:
    """What runs a step: with an alarm, where it has a time-out.

    Args:
        run: The run.
        step: The step.
        config: The config of the executor.
    """
    if not step.tags and not config:
        return StepRunner(run, step)
    limit = timeout_of(step, config)
    return StepRunner(run, step) if limit is None else _TimedRunner(run, step, limit)


class _TimedRunner(StepRunner):
    """A step with a time-out: each attempt may take so long."""

    __slots__ = ("limit",)

    def __init__(self, run: RunScope, step: Step, limit: float) -> None:
        super().__init__(run, step)
        self.limit = limit

    def try_once(
        self, key: str, mapping_key: str | None, retries: int, began: float
    ) -> float | None:
        """Make one attempt, and interrupt it where it takes too long."""
        with Alarm(self.run.stop, self.limit) as alarm:
            try:
                return super().try_once(key, mapping_key, retries, began)
            except KeyboardInterrupt:
                alarm.silence()
                if not alarm.rang or self.run.stop.wanted:
                    raise
        late = StepTimeoutError(late_words(key, self.limit))
        return self.give_up_or_wait(key, mapping_key, late, retries, began)
