"""Watchers of runs: the runner does not know them, and their errors do not affect a run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, TypeVar

from jobnb.definitions.engine_protocol import engine
from jobnb.execution.run import RunScope
from jobnb.storage.run_log import BatchLog, RunLog

_logger = logging.getLogger("jobnb.execution")

T = TypeVar("T")
Watcher = Callable[[RunScope], AbstractContextManager[None]]
"""Given a run, what is entered before it and left after it."""

watchers: list[Watcher] = []
"""Those of runs that someone waits for; entered in the thread that waits."""
# An attached shell and the command line show progress in their own ways.
waiting: list[Watcher] = [lambda run: engine().progress_of_run(run)]
"""Those of the same runs where nobody else watches them: in a plain script."""
waiting_backfills: list[Callable[[Any], AbstractContextManager[None]]] = [
    lambda backfill: engine().progress_of_backfill(backfill)
]
"""Those of backfills that someone waits for, where nobody else watches them."""
background_watchers: list[Watcher] = []
"""Those of runs in the background; entered in the run's thread, around its resources and steps."""


opened: list[Callable[[RunLog | BatchLog], None]] = []
"""Called with the log of each run that is recorded."""


raising: list[Callable[[RunScope], None]] = []
"""Called with a run whose failure is about to be raised to its caller."""


def watched(
    run: T, by: Sequence[Callable[[T], AbstractContextManager[None]]]
) -> AbstractContextManager[None]:
    """Enter the watchers of a run or backfill, for the duration of the block."""
    return _watched(run, list(by)) if by else nullcontext()


@contextmanager
def _watched(run: T, by: Sequence[Callable[[T], AbstractContextManager[None]]]) -> Iterator[None]:
    with ExitStack() as stack:
        for watcher in by:
            stack.enter_context(_guarded(watcher, run))
        yield


@contextmanager
def _guarded(watcher: Callable[[T], AbstractContextManager[None]], run: T) -> Iterator[None]:
    """Enter a watcher whose errors are only logged."""
    stack = ExitStack()
    try:
        stack.enter_context(watcher(run))
    except Exception as error:  # noqa: BLE001 - a watcher never hurts the run
        _report(watcher, error)
    try:
        yield
    finally:
        try:
            stack.close()
        except Exception as error:  # noqa: BLE001 - a watcher never hurts the run
            _report(watcher, error)


def tell_raising(run: RunScope) -> None:
    """Notify the watchers that a run's failure is about to be raised."""
    for tell in raising:
        try:
            tell(run)
        except Exception as error:  # noqa: BLE001 - a watcher never hurts the run
            _report(tell, error)


def _report(watcher: object, error: Exception) -> None:
    _logger.warning("A watcher of runs failed: %r", watcher, exc_info=error)
