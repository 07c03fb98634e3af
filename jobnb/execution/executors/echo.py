"""Show what a worker prints and logs to whoever waits for the run, as if it happened here."""

from __future__ import annotations

import sys

from jobnb.events import Logged
from jobnb.execution.output_capture import is_captured
from jobnb.execution.run import RunScope


def echo(run: RunScope, event: Logged) -> None:
    """Print a line that was printed or logged in a worker, where what is printed here is seen."""
    if event.logger in ("stdout", "stderr"):
        if not is_captured():
            print(event.text, file=getattr(sys, event.logger))
    elif run.log.console is not None:
        run.log.console.show(event)
