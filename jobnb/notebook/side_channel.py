"""How a kernel reports its runs to the process that started it: lines in a file.

One line holds, as JSON, some events of one run, or the status of a backfill, or that a step has
asked to exit. A file outlives the kernel that wrote it, needs no thread on the reading side, and
does not mix with the messages that become the notebook's outputs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from jobnb.automation.backfill_progress import BackfillProgress
from jobnb.events import (
    AssetCheckEvaluated,
    AssetCheckPlanned,
    AssetPlanned,
    Event,
    RunCanceled,
    RunCanceling,
    RunFailed,
    RunStarted,
    RunSucceeded,
    StepFailed,
    StepProgressed,
    StepRestarted,
    StepRetried,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    decode_events,
    encode_events,
)
from jobnb.notebook.outcome import BackfillOutcome, RunOutcome
from jobnb.state import RunState, StepState, fold

if TYPE_CHECKING:
    from jobnb.automation.backfill import Backfill

# The events for progress and reports; outputs and logs stay in the history.
TOLD = (
    RunStarted,
    RunSucceeded,
    RunFailed,
    RunCanceling,
    RunCanceled,
    StepStarted,
    StepRestarted,
    StepProgressed,
    StepRetried,
    StepSkipped,
    StepSucceeded,
    StepFailed,
    AssetPlanned,
    AssetCheckPlanned,
    AssetCheckEvaluated,
)


def line_of(run_id: str, job_name: str, events: Sequence[Event]) -> bytes:
    """Encode events of a run as one line; events that the parent does not use are left out."""
    told: list[Event] = [event for event in events if isinstance(event, TOLD)]
    head = json.dumps({"run_id": run_id, "job_name": job_name}).encode()
    return head + b"\t" + encode_events(told) + b"\n"


def line_of_backfill(backfill: Backfill, failures: Sequence[str] = ()) -> bytes:
    """Encode the status of a backfill as one line, with its failures in words."""
    record = backfill.record
    told = {
        "backfill_id": backfill.backfill_id,
        "title": record.title,
        "status": record.status.value,
        "counts": msgspec.to_builtins(backfill.counts),
        "failures": list(failures),
        "seconds": (record.end_timestamp or time.time()) - record.backfill_timestamp,
    }
    return json.dumps(told).encode() + b"\n"


def line_of_exit() -> bytes:
    """Encode that a step, not the cell's own code, raised the SystemExit that ended the cell."""
    return json.dumps({"step_exits": True}).encode() + b"\n"


class SideChannel:
    """The reading end: collects the runs and backfills that the kernel reports.

    Attributes:
        runs: The runs, by id.
        backfills: The backfills, by id.
        exits: The numbers of the cells that a step's SystemExit ended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs: dict[str, RunOutcome] = {}
        self.backfills: dict[str, BackfillOutcome] = {}
        self.exits: set[int] = set()
        self._went_on: dict[str, None] = {}
        self._position = 0
        self._rest = b""

    def read(self, cell: int = 0) -> list[tuple[RunOutcome, list[StepState]]]:
        """Read what was written since the last call; `cell` is the number of the running cell.

        Returns:
            Each run that changed, with the steps whose status changed.
        """
        *lines, self._rest = (self._rest + self._new_bytes()).split(b"\n")
        changed: dict[str, dict[str, None]] = {}
        for line in filter(None, lines):
            head, _, body = line.partition(b"\t")
            names = json.loads(head)
            if "backfill_id" in names:
                self._take_backfill(names, cell)
                continue
            if "step_exits" in names:
                self.exits.add(cell)
                continue
            run, keys = self._take(names, body, cell)
            changed.setdefault(run.run_id, {}).update(keys)
        return [self._with_steps(self.runs[run_id], keys) for run_id, keys in changed.items()]

    def backfills_that_went_on(self) -> list[BackfillOutcome]:
        """Return each backfill whose status changed since the last call."""
        found = [self.backfills[backfill_id] for backfill_id in self._went_on]
        self._went_on.clear()
        return found

    def _take_backfill(self, told: dict[str, Any], cell: int) -> None:
        counts = BackfillProgress(**told["counts"])
        found = self.backfills.get(told["backfill_id"])
        if found is None:
            found = BackfillOutcome(**{**told, "counts": counts}, cell=cell)
            self.backfills[found.backfill_id] = found
        found.status, found.counts, found.seconds = told["status"], counts, told["seconds"]
        found.failures = told["failures"]
        self._went_on[found.backfill_id] = None

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

    def _take(
        self, names: Mapping[str, str], body: bytes, cell: int
    ) -> tuple[RunOutcome, dict[str, None]]:
        run = self.runs.get(names["run_id"])
        if run is None:
            run = RunOutcome(names["run_id"], names["job_name"], RunState(), cell)
            self.runs[run.run_id] = run
        events = decode_events(body)
        fold(events, run.state)
        return run, dict.fromkeys(event.step_key for event in events if event.step_key is not None)
