"""Show the log lines of a job without loggers on stderr, in a script.

A notebook shows a run's log in its view; there, lines on stderr would say everything twice.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from time import localtime, strftime
from typing import TYPE_CHECKING, Any

from jobnb.execution.output_capture import is_captured
from jobnb.storage.process import in_kernel

if TYPE_CHECKING:
    from jobnb.events import Logged
    from jobnb.execution.run import RunScope

_COLORS = ((logging.ERROR, "31"), (logging.WARNING, "33"), (logging.INFO, "34"), (0, "2"))


class Console:
    """Shows the log lines of one run.

    Args:
        job_name: The job.
        run_id: The run.
        config: The config of the logger `console`: `log_level` and `name`.
    """

    __slots__ = ("_job_name", "_level", "_name", "_run_id")

    def __init__(self, job_name: str, run_id: str, config: Mapping[str, Any]) -> None:
        self._job_name = job_name
        self._run_id = run_id
        self._name = config.get("name", "jobnb")
        self._level = logging.getLevelNamesMapping().get(str(config.get("log_level")).upper(), 0)

    def show(self, line: Logged) -> None:
        """Write a line to stderr, if this is where it is read."""
        is_off = line.level < self._level or line.level <= logging.root.manager.disable
        if is_off or is_captured() or in_kernel():
            return  # What is printed in a background run goes to its log: the line is there.
        parts = (
            strftime("%Y-%m-%d %H:%M:%S %z", localtime(line.time)),
            self._name,
            logging.getLevelName(line.level),
            self._job_name,
            self._run_id,
            line.step_key,
            line.text,
        )
        self._write(" - ".join(str(each) for each in parts if each is not None), line.level)

    @staticmethod
    def _write(text: str, level: int) -> None:
        stream = sys.stderr
        if stream is None:
            return
        if stream.isatty():
            color = next(code for least, code in _COLORS if level >= least)
            text = f"\x1b[{color}m{text}\x1b[0m"
        try:
            print(text, file=stream)
        except (OSError, ValueError):  # it was closed: that must not fail a step
            return


def console_of(run: RunScope) -> Console | None:
    """Return the console of a run; None if its job has loggers of its own."""
    if run.plan.job.loggers:
        return None
    config = run.plan.logger_config.get("console") or {}
    return Console(run.record.job_name or run.plan.job.name, run.run_id, config)
