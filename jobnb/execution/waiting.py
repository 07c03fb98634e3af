"""Waiting for a run in the background: what can come of it, and how a coroutine does it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

from jobnb.errors import JobnbError

__all__ = ["RunCanceledError", "StillRunningError", "until_called"]


class RunCanceledError(JobnbError, RuntimeError):
    """A run has no result because it was stopped."""


class StillRunningError(JobnbError, TimeoutError):
    """A run has not ended in the time that its caller would wait."""


def until_called(register: Callable[[Callable[[], None]], None]) -> Generator[Any, None, None]:
    """Wait in a coroutine until a function is called in some other thread.

    Args:
        register: Takes the function.
    """
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def settle() -> None:
        if not future.done():
            future.set_result(None)

    def wake() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle)

    register(wake)
    yield from future.__await__()
