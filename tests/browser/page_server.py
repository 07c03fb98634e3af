"""A server of the page in a process of its own, and a history with many runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import insert

from jobnb.state import RunStatus
from jobnb.storage import tables
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun, encode_run

ROOT = Path(__file__).parents[2]
FILE = "shop.py"
DEFINED = """
import time
from jobnb import *

class Load(Config):
    "Which year."
    year: int = 2013
    pause: float = 0.0

@op
def load(config: Load):
    time.sleep(config.pause)
    return config.year

@op
def twice(number: int) -> int:
    return number * 2

@job(description="Each day anew.")
def daily():
    twice(load())

@asset(group_name="raw")
def orders():
    "All orders."
    return [1, 2, 3]

@asset(key_prefix="mart", group_name="mart")
def revenue(orders):
    return sum(orders)

@asset(partitions_def=StaticPartitionsDefinition(["a", "b", "c"]), group_name="mart")
def days(context):
    return context.partition_key

@schedule(job=daily, cron_schedule="30 2 * * *")
def nightly(context):
    return RunRequest()
"""


class PageServer:
    """A server of the page.

    Args:
        folder: Where the file and the history are.
        options: More words of the command.
        file: What is shown.
    """

    def __init__(self, folder: Path, *options: str, command: str = "ui", file: str = FILE) -> None:
        self.folder, self._options, self._command, self._file = folder, options, command, file
        self._port = "0"
        self.start()

    def start(self) -> None:
        """Start it; again at the same port."""
        home = str(self.folder / "home")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "JOBNB_HOME": home}
        environment.pop("JOBNB_TOKEN", None)
        words = ["-m", "jobnb.cli", self._command, self._file, "--no-browser", "--port", self._port]
        self.process = subprocess.Popen(
            [sys.executable, *words, *self._options],
            cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Page: http://127.0.0.1:"), line
        self.door = line.removeprefix("Page: ").strip()
        self.address = self.door.partition("/?token=")[0]
        self._port = self.address.rpartition(":")[2]

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Stop it as Ctrl-C does; how it exited, and what it printed at last."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            told, _ = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.process.returncode, told


def write_runs(home: Path, count: int, *, days: int = 30) -> list[str]:
    """Write runs that ended in the days before now; their ids, the oldest first."""
    first = time.time() - days * 86400
    step = (days * 86400 - 3600) / count
    runs = [
        JobRun(
            "daily" if number % 2 else "weekly",
            run_id=f"{number * 7919 % 1_000_003:08x}-0000-4000-8000-{number:012x}",
            status=RunStatus.FAILURE if number % 1000 == 500 else RunStatus.SUCCESS,
        )
        for number in range(count)
    ]
    rows = [
        {
            "run_id": run.run_id, "job_name": run.job_name, "status": run.status.value,
            "created": first + step * number, "updated": first + step * number,
            "root_run_id": run.run_id, "body": encode_run(run),
        }
        for number, run in enumerate(runs)
    ]  # fmt: skip
    with Instance(home=home) as instance:
        instance._opened().write(lambda c: c.execute(insert(tables.runs), rows))
    return [run.run_id for run in runs]
