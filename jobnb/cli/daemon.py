"""`jobnb daemon`: the loop that evaluates schedules and sensors, without a front end."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from jobnb.cli.location import takes_codes

if TYPE_CHECKING:
    from jobnb.notebook.code_source import CodeSource


@click.command("daemon")
@takes_codes
@click.option(
    "--catch-up",
    default=5,
    show_default=True,
    type=click.IntRange(1, 1000),
    metavar="N",
    help="How many missed ticks of a schedule are made up for, the latest ones.",
)
@click.option(
    "--timeout",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help="Seconds after which an evaluation is given up.",
)
@click.option(
    "--grace",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0),
    metavar="S",
    help="Seconds that runs may go on for once it is asked to end; then they are canceled.",
)
@click.option(
    "--health",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help="Seconds between two lines that say that all is well.",
)
@click.option("--log-format", type=click.Choice(["plain", "json"]), default="plain",
              show_default=True, help="How each line is written.")  # fmt: skip
@click.pass_context
def daemon(
    ctx: click.Context,
    codes: list[CodeSource],
    catch_up: int,
    timeout: float,
    grace: float,
    health: float,
    log_format: str,
) -> None:
    """Evaluate the schedules and sensors of notebooks, files and modules, until it is stopped.

    Those run that were started (`jobnb schedule start`), or that say so in their code. A notebook
    or file that changes on disk is loaded again. Several daemons may share one history: each tick
    is taken by one of them.

    Ctrl-C or SIGTERM ends it: it takes no more ticks, waits for its runs, and exits with 0.
    """
    from jobnb.automation.loop import AutomationLoop
    from jobnb.notebook.code_locations import open_locations

    say = _Speaker(log_format)
    say.listen()
    instance, opened = open_locations(codes)
    for each in opened:
        each.definitions()  # what cannot be loaded at the start is told at once
    runs = _Runs()
    loop = AutomationLoop(instance, opened, start=runs.start, catch_up=catch_up, timeout=timeout)
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    loop.start()
    running = [each for each, definition, state in loop.instigators() if _runs(definition, state)]
    say("started", f"{len(running)} of {len(loop.instigators())} schedules and sensors run",
        home=str(instance.home), locations=[each.name for each in opened])  # fmt: skip
    while not asked.wait(health):
        say("health", loop.problem or "all is well", rounds=loop.rounds, runs=runs.count,
            healthy=loop.problem is None)  # fmt: skip
    say("stopping", "no more ticks are taken")
    loop.stop()
    left = runs.end(grace)
    say("stopped", f"{left} runs were canceled" if left else "all runs have ended", runs=runs.count)
    ctx.exit(0)


def _runs(definition: Any, state: Any) -> bool:
    from jobnb.automation.loop import runs

    return runs(definition, state)


class _Runs:
    """The runs that this process has launched."""

    def __init__(self) -> None:
        self._going: list[Any] = []
        self._turn = threading.Lock()  # each evaluation launches from a thread of its own
        self.count = 0

    def start(self, spec: Any) -> object:
        """Launch one."""
        from jobnb.automation.launching import launch_run

        run = launch_run(spec)
        with self._turn:
            self._going = [each for each in self._going if not each.is_finished]
            self._going.append(run)
            self.count += 1
        return run

    def end(self, grace: float) -> int:
        """Wait for them, and cancel those that go on; how many these are."""
        deadline = time.monotonic() + grace
        for run in self._going:
            run.wait(max(0.0, deadline - time.monotonic()))
        left = [run for run in self._going if not run.is_finished]
        for run in left:
            run.cancel("The daemon was asked to end.")
        for run in left:
            run.wait(10.0)
        return len(left)


class _Speaker(logging.Handler):
    """Writes lines, plain or as JSON, also for what the loop logs."""

    def __init__(self, form: str) -> None:
        super().__init__(logging.INFO)
        self._form = form
        self._turn = threading.Lock()

    def listen(self) -> None:
        """Write what the loop logs, too."""
        logger = logging.getLogger("jobnb.automation")
        logger.setLevel(logging.INFO)
        logger.addHandler(self)
        logger.propagate = False

    def __call__(self, event: str, text: str, **more: Any) -> None:
        when = datetime.now(UTC).isoformat(timespec="seconds")
        if self._form == "json":
            line = json.dumps({"time": when, "event": event, "text": text, **more})
        else:
            said = ", ".join(f"{name} {value}" for name, value in more.items())
            line = f"{when} {event}: {text}{f' ({said})' if said else ''}"
        with self._turn:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Write what was logged."""
        self(record.levelname.lower(), record.getMessage())
