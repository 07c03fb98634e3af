"""Telling the person at this machine: a note of the desktop, and the sensor that sends one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from jobnb.automation.notifying import Words, failure_text
from jobnb.automation.run_status import RunFailureSensorContext
from jobnb.definitions.automation.results import DefaultSensorStatus
from jobnb.definitions.automation.run_status_sensor import (
    RunFailureSensorDefinition,
    run_failure_sensor,
)
from jobnb.errors import JobnbError

_TIMEOUT = 30.0
_LONGEST = 400  # characters; more of it no desktop shows
# The texts are arguments of the script, so that nothing in them is read as a part of it.
_APPLE = """on run argv
display notification (item 2 of argv) with title (item 1 of argv)
end run"""


class Notifier(Protocol):
    """What tells people something: any function of a title and a text."""

    def __call__(self, title: str, text: str, /) -> object:
        """Send a notification.

        Args:
            title: In a few words.
            text: The rest.
        """


def notify_desktop(title: str, text: str, /) -> None:
    """Show a note on the desktop of this machine, by `notify-send` or, on macOS, `osascript`.

    Args:
        title: In a few words.
        text: The rest; what is too long is cut.

    Raises:
        JobnbError: If this machine has no desktop that can be told.
    """
    short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    if sys.platform == "darwin":
        command = ["osascript", "-e", _APPLE, title, short]
    else:
        command = ["notify-send", "--app-name=jobnb", "--", title, short]
    program = shutil.which(command[0])
    if program is None:
        raise JobnbError(
            f"There is no desktop to tell of {title!r}: {command[0]} was not found. Install it, or "
            "pass notify=, a function of a title and a text."
        )
    try:
        done = subprocess.run(  # noqa: S603 the program is one of two, the texts are arguments
            [program, *command[1:]], capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise JobnbError(f"{command[0]} did not answer in {_TIMEOUT:g} seconds.") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
        raise JobnbError(f"{command[0]} could not tell of {title!r}: {said}")


def make_desktop_on_run_failure_sensor(
    notify: Notifier = notify_desktop,
    text_fn: Words = failure_text,
    *,
    name: str | None = None,
    monitored_jobs: Sequence[Any] | None = None,
    monitor_all_repositories: bool = False,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
    minimum_interval_seconds: int | None = None,
) -> RunFailureSensorDefinition:
    """Create a sensor that tells the person at this machine of each run that fails.

    Args:
        notify: Tells it: a note of the desktop, or any function of a title and a text.
        text_fn: Gives the text from the context; the run and its errors if absent.
        name: The name of the sensor.
        monitored_jobs: The jobs whose runs count; those of its code location if absent.
        monitor_all_repositories: Whether the runs of all code locations count.
        default_status: Whether it runs without anybody having started it.
        minimum_interval_seconds: How many seconds are between two evaluations at least.

    Example:
        >>> make_desktop_on_run_failure_sensor(print).name
        'desktop_on_run_failure_sensor'
    """

    @run_failure_sensor(
        name=name or "desktop_on_run_failure_sensor",
        monitored_jobs=monitored_jobs,
        monitor_all_repositories=monitor_all_repositories,
        default_status=default_status,
        minimum_interval_seconds=minimum_interval_seconds,
    )
    def desktop_on_run_failure(context: RunFailureSensorContext) -> None:
        notify(f"{context.dagster_run.title} failed", text_fn(context))

    return desktop_on_run_failure
