"""What a worker prints is shown to whoever waits for the run, as if it had been printed here."""

from __future__ import annotations

import sys

from jobnb.events import Logged
from jobnb.execution.output_capture import is_captured


def echo(event: Logged) -> None:
    """Print a line that was printed in a worker, where what is printed here is seen."""
    if event.logger in ("stdout", "stderr") and not is_captured():
        print(event.text, file=getattr(sys, event.logger))
