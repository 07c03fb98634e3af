"""Waiting for a condition, with a limit that no machine is too slow for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

WAIT = 60.0
"""Seconds."""


def until(true: Callable[[], Any]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)
