"""Repeat failed runs automatically, as their tags request."""

from __future__ import annotations

import logging
from collections.abc import Callable

from jobnb.execution.background import Run
from jobnb.state import RunStatus

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
    number = _number(run, RETRY_NUMBER_TAG) + 1
    if run.state.status is not RunStatus.FAILURE or number > _number(run, MAX_RETRIES_TAG):
        return
    try:
        run.retried_by = again(run, number)
    except Exception:
        _logger.warning("The run %s could not be repeated.", run.run_id, exc_info=True)


def _number(run: Run, tag: str) -> int:
    text = run.record.tags.get(tag, "0")
    return int(text) if text.isdecimal() else 0
