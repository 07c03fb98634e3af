"""`jobnb daemon`: the loop that evaluates schedules and sensors, without a front end."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from jobnb.cli.location import takes_codes
from jobnb.errors import JobnbError

if TYPE_CHECKING:
    from jobnb.automation.loop import AutomationLoop
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
    default=0.0,
    show_default=True,
    type=click.FloatRange(0),
    metavar="S",
    help="Seconds to wait for its runs once it is asked to end; the others continue by themselves.",
)
@click.option(
    "--detach/--no-detach",
    default=True,
    show_default=True,
    help="Whether each run has a process of its own, which outlives the daemon; else what goes on "
    "after the grace is canceled.",
)
@click.option(
    "--max-runs",
    default=None,
    type=click.IntRange(1),
    metavar="N",
    help="How many processes of runs there are at once; others wait. "
    "[default: twice the processors, 4 at least]",
)
@click.option(
    "--health",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help="Seconds between two lines that say that all is well, or which ticks have failed.",
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
    detach: bool,
    max_runs: int | None,
    health: float,
    log_format: str,
) -> None:
    """Evaluate the schedules and sensors of notebooks, files and modules, until it is stopped.

    Those run that were started (`jobnb schedule start`), or that say so in their code. A notebook
    or file that changes on disk is loaded again. Several daemons may share one history: each tick
    is taken by one of them.

    Each tick that launches runs, or fails, is told in a line. The health line says healthy False
    while the loop cannot go on, the last tick of one that runs has failed, or a file that has
    changed cannot be loaded: failing names it.

    Each run has a process of its own. Ctrl-C or SIGTERM ends the daemon: it takes no more ticks,
    leaves its runs going, says how many, and exits with 0.
    """
    from jobnb.automation.launching import MOST_PROCESSES, Launcher
    from jobnb.automation.loop import AutomationLoop
    from jobnb.notebook.code_locations import open_locations

    say = _LogHandler(log_format)
    say.listen()
    instance, opened = open_locations(codes)
    for each in opened:
        each.definitions()  # what cannot be loaded at the start is told at once
    runs = Launcher(detach, max_runs or MOST_PROCESSES)
    loop = AutomationLoop(instance, opened, start=runs, catch_up=catch_up, timeout=timeout)
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    loop.start()
    running = [each for each, definition, state in loop.instigators() if _runs(definition, state)]
    say("started", f"{len(running)} of {len(loop.instigators())} schedules and sensors started",
        home=str(instance.home), locations=[each.name for each in opened])  # fmt: skip
    if loop.instigators() and not running:
        first = loop.instigators()[0][0]
        command = f"jobnb {first.kind.lower()} start {first.location} {first.name}"
        say("warning", f"All of them are stopped: nothing is evaluated. Start one, as `{command}`.")
    for stopped in loop.stopped_default_sensors():
        command = f"jobnb sensor start {stopped.location} {stopped.name}"
        say("warning", f"{stopped.words} is stopped: the automation conditions of assets are not "
            f"evaluated. Start it with `{command}`.")  # fmt: skip
    while not asked.wait(health):
        problem, failing = _health(loop)
        say("health", problem or "all is well", rounds=loop.rounds, runs=runs.count,
            healthy=problem is None, failing=failing)  # fmt: skip
    say("stopping", "no more ticks are taken")
    runs.stopped.set()
    loop.stop()
    left, canceled = runs.end(grace)
    say("stopped", _end_words(left, canceled), runs=runs.count, going_on=left, canceled=canceled)
    ctx.exit(0)


def _health(loop: AutomationLoop) -> tuple[str | None, list[str]]:
    """Return what is not well, in words, and the names of what failed: ticks, and files to load."""
    try:
        failing = loop.failing()
    except JobnbError as error:  # the history cannot be reached: the next line tells again
        return loop.problem or str(error), []
    words = [
        f"{each.instigator.words} has failed "
        f"{'once' if each.failures == 1 else f'{each.failures} times in a row'}"
        for each in failing
    ]
    stale = [each for each in loop.locations if each.problem is not None]
    words += [f"{each.name} has changed and cannot be loaded" for each in stale]
    names = [*(each.instigator.name for each in failing), *(each.name for each in stale)]
    return loop.problem or "; ".join(words) or None, names


def _runs(definition: Any, state: Any) -> bool:
    from jobnb.automation.loop import runs

    return runs(definition, state)


def _end_words(left: int, canceled: int) -> str:
    """Describe what became of the runs at the daemon's end."""
    told = [
        f"{count} {'run' if count == 1 else 'runs'} {words}"
        for count, words in ((left, "left going, by themselves"), (canceled, "canceled"))
        if count
    ]
    return " and ".join(told) or "all runs have ended"


class _LogHandler(logging.Handler):
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
            text = " | ".join(part.strip() for part in text.splitlines() if part.strip())
            said = ", ".join(f"{name} {value}" for name, value in more.items())
            line = f"{when} {event}: {text}{f' ({said})' if said else ''}"
        with self._turn:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Write what was logged; of a schedule or sensor with its name."""
        name = record.name.removeprefix("jobnb.automation").removeprefix(".")
        more = {"of": name} if name else {}
        self(record.levelname.lower(), record.getMessage(), **more)
