"""Repeat failed runs automatically, as their tags request."""

from __future__ import annotations

import logging
from collections.abc import Callable

from jobnb.execution.background import Run
from jobnb.state import RunStatus
from jobnb.storage.instance import Instance
from jobnb.storage.run import PARENT_TAG, JobRun, RunsFilter

MAX_RETRIES_TAG = "dagster/max_retries"
"""The tag that holds how often a run is repeated when it has failed."""

RETRY_NUMBER_TAG = "dagster/retry_number"
"""The tag of a run that repeats one: the how manieth it is."""

RETRY_STRATEGY_TAG = "dagster/retry_strategy"
"""The tag that says what is repeated: `FROM_FAILURE`, or all with `ALL_STEPS`."""

ALL_STEPS = "ALL_STEPS"

_logger = logging.getLogger("jobnb.execution")


def retry_failed(run: Run, again: Callable[[Run, int], Run]) -> None:
    """Repeat a run that has ended, if it has failed and its tags still allow it.

    Args:
        run: The run.
        again: Launches it again, given the run and the number of the retry.
    """
    if not is_to_be_retried(run.record):
        return
    try:
        run.retried_by = again(run, _number(run.record, RETRY_NUMBER_TAG) + 1)
    except Exception:
        _logger.warning("The run %s could not be repeated.", run.run_id, exc_info=True)


def is_to_be_retried(run: JobRun) -> bool:
    """Return whether a run has failed and its tags still allow to repeat it."""
    number = _number(run, RETRY_NUMBER_TAG) + 1
    return run.status is RunStatus.FAILURE and number <= _number(run, MAX_RETRIES_TAG)


def retry_of(run: JobRun, instance: Instance) -> JobRun | None:
    """Return the run by which a failed one was repeated automatically; None if there is none."""
    number = str(_number(run, RETRY_NUMBER_TAG) + 1)
    tags = {PARENT_TAG: run.run_id, RETRY_NUMBER_TAG: number}
    return next(iter(instance.get_runs(RunsFilter(tags=tags), limit=1, ascending=True)), None)


def _number(run: JobRun, tag: str) -> int:
    text = run.tags.get(tag, "0")
    return int(text) if text.isdecimal() else 0
