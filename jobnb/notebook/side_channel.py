"""How a kernel tells the process that started it what its runs do: lines in a file.

One line holds a few events of one run, as JSON. A file outlives the kernel that wrote it, needs
no thread on this side, and does not touch the messages that make the notebook's outputs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from jobnb.events import (
    Event,
    RunCanceled,
    RunCanceling,
    RunFailed,
    RunStarted,
    RunSucceeded,
    StepFailed,
    StepRestarted,
    StepRetried,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    decode_events,
    encode_events,
)
from jobnb.notebook.outcome import RunOutcome
from jobnb.state import RunState, StepState, fold

__all__ = ["TOLD", "SideChannel", "line_of"]

# What a progress display and a report need; outputs and logs stay in the history.
TOLD = (
    RunStarted,
    RunSucceeded,
    RunFailed,
    RunCanceling,
    RunCanceled,
    StepStarted,
    StepRestarted,
    StepRetried,
    StepSkipped,
    StepSucceeded,
    StepFailed,
)


def line_of(run_id: str, job_name: str, events: Sequence[Event]) -> bytes:
    """Events of a run as one line; events that nobody here reads are left out."""
    told: list[Event] = [event for event in events if isinstance(event, TOLD)]
    head = json.dumps({"run_id": run_id, "job_name": job_name}).encode()
    return head + b"\t" + encode_events(told) + b"\n"


class SideChannel:
    """The reading end: keeps a `RunOutcome` for each run that the kernel tells of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs: dict[str, RunOutcome] = {}
        self._position = 0
        self._rest = b""

    def read(self, cell: int = 0) -> list[tuple[RunOutcome, list[StepState]]]:
        """Take in what was written since; `cell` is the number of the running cell.

        Returns:
            Each run that went on, with the steps that stand elsewhere than before.
        """
        *lines, self._rest = (self._rest + self._new_bytes()).split(b"\n")
        changed: dict[str, dict[str, None]] = {}
        for line in filter(None, lines):
            run, keys = self._take(line, cell)
            changed.setdefault(run.run_id, {}).update(keys)
        return [self._with_steps(self.runs[run_id], keys) for run_id, keys in changed.items()]

    def _new_bytes(self) -> bytes:
        try:
            with self.path.open("rb") as stream:
                stream.seek(self._position)
                data = stream.read()
        except FileNotFoundError:
            return b""
        self._position += len(data)
        return data

    @staticmethod
    def _with_steps(run: RunOutcome, keys: Iterable[str]) -> tuple[RunOutcome, list[StepState]]:
        return run, [run.state.steps[key] for key in keys]

    def _take(self, line: bytes, cell: int) -> tuple[RunOutcome, dict[str, None]]:
        head, _, body = line.partition(b"\t")
        names = json.loads(head)
        run = self.runs.get(names["run_id"])
        if run is None:
            run = RunOutcome(names["run_id"], names["job_name"], RunState(), cell)
            self.runs[run.run_id] = run
        events = decode_events(body)
        fold(events, run.state)
        return run, dict.fromkeys(event.step_key for event in events if event.step_key is not None)
