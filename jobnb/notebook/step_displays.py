"""What steps of a background run display: in its log, not under the cell that runs now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from time import time as now
from typing import Any

from jobnb.events import Logged
from jobnb.execution.run import RunScope

__all__ = ["keep_displays"]


def keep_displays(shell: Any) -> Callable[[RunScope], AbstractContextManager[None]]:
    """A watcher of background runs: their threads display into their logs, as text."""

    @contextmanager
    def watcher(run: RunScope) -> Iterator[None]:
        publisher = shell.display_pub
        if not hasattr(publisher, "register_hook"):  # a shell without a front end
            yield
            return
        hook = _keeper(run)
        publisher.register_hook(hook)  # for this thread only
        try:
            yield
        finally:
            publisher.unregister_hook(hook)

    return watcher


def _keeper(run: RunScope) -> Callable[[Mapping[str, Any]], None]:
    def keep(message: Mapping[str, Any]) -> None:
        text = message["content"].get("data", {}).get("text/plain")
        if text:
            run.append(Logged(now(), logging.INFO, text, run.current_key, "display"))

    return keep
