"""Waiting for a condition, with a limit that no machine is too slow for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from jobnb import Instance, Run
from jobnb.execution.task import running

WAIT = 60.0
"""Seconds."""


def until(true: Callable[[], Any]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def end_runs(instance: Instance) -> None:
    """Cancel what a test that failed has left going on in processes of their own."""
    for run in running(Run):
        if run.instance is instance:
            run.cancel()
            run.wait(WAIT)
