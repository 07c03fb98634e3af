"""Backfills in a process of their own: what is handed over, and the process that takes it.

It is handed over as a run is (`execution/detached.py`): written to a file of this user, and begun
by a new process once the history says that the backfill is its own. Where this process is killed
before that, the other one ends, and the backfill is one that was interrupted.
"""

from __future__ import annotations

import faulthandler
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from jobnb.automation.backfill import Backfill
from jobnb.automation.backfill_chunks import Group
from jobnb.automation.backfill_followed import FollowedBackfill
from jobnb.automation.backfill_work import BackfillRuns, Setting
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.errors import InvalidInvocationError
from jobnb.execution.detached import (
    folder_of,
    give_up,
    let_go,
    start_process,
    write_setup,
)
from jobnb.execution.detached_process import heard_signals, is_kept, leave_folder, take_setup
from jobnb.execution.pickling import loads
from jobnb.execution.trace import cells_of_notebook, error_info, know_cells
from jobnb.execution.worker import pickled_with
from jobnb.storage.backfill import BackfillStatus, PartitionBackfill
from jobnb.storage.instance import Instance
from jobnb.storage.process import holder_of, this_process

_LOOK = 0.2  # seconds between two looks at whether it is asked to end
_GRACE = 8.0  # seconds that its runs have to stop


class Header(NamedTuple):
    """What the process must know before it knows any definition.

    Args:
        instance: Where the history is.
        backfill_id: The id of the backfill.
    """

    instance: Instance
    backfill_id: str


class BackfillSetup(NamedTuple):
    """What the process must know to do the backfill.

    Args:
        setting: What its runs share.
        groups: What it makes.
        jobs: The job of each group.
        max_parallel: How many runs go side by side.
        cells: What a person calls files that no disk has, and their source.
        launcher: The notebook, script or module that launched it.
    """

    setting: Setting
    groups: Sequence[Group]
    jobs: Sequence[JobDefinition]
    max_parallel: int
    cells: Mapping[str, tuple[str, str]]
    launcher: str | None


def see_durable(record: PartitionBackfill, instance: Instance) -> None:
    """Raise an error unless another process can do a backfill.

    Raises:
        InvalidInvocationError: If its history is in the memory of this one.
    """
    if instance.is_ephemeral:
        raise InvalidInvocationError(
            f"The backfill of {record.title} cannot be detached: its history is in the memory of "
            "this process, where no other one sees it. Leave out instance, or give one on disk "
            "(Instance.get())."
        )


def hand_over(
    record: PartitionBackfill,
    setting: Setting,
    groups: Sequence[Group],
    runs: BackfillRuns,
    max_parallel: int,
    keep: Callable[[PartitionBackfill], object],
) -> FollowedBackfill:
    """Start a process that does a backfill.

    Args:
        record: The backfill.
        setting: What its runs share.
        groups: What it makes.
        runs: The same, ready to run.
        max_parallel: How many runs go side by side.
        keep: Stores the record.

    Raises:
        InvalidInvocationError: If the history is in the memory of this process.
        StepExecutionError: If a definition cannot go to another process; nothing is stored then.
    """
    instance = setting.instance
    see_durable(record, instance)
    alone = msgspec.structs.replace(record, is_detached=True)
    setup = BackfillSetup(
        Setting(
            setting.backfill_id, None, instance, setting.tags, setting.run_config, setting.resources
        ),
        groups,
        [runs.job_of(group) for group in groups],
        max_parallel,
        cells_of_notebook(),
        instance.launcher,
    )
    plans = [runs.plan_of(group) for group in groups]
    folder = folder_of(instance, f"backfill-{record.backfill_id}")
    process: subprocess.Popen[bytes] | None = None
    try:
        body = pickled_with(plans[0], setup, plans[1:])
        write_setup(folder, Header(instance, record.backfill_id), body)
        process = start_process(folder, "jobnb.automation.backfill_detached")
        alone = msgspec.structs.replace(alone, holder=holder_of(process.pid))
        keep(alone)
        let_go(process)
    except BaseException:
        give_up(process)
        shutil.rmtree(folder, ignore_errors=True)
        raise
    threading.Thread(target=process.wait, name="jobnb reaper", daemon=True).start()
    return FollowedBackfill(alone, instance, groups)


# --- the process ------------------------------------------------------------------


def main(folder: str) -> None:
    """Do the backfill that was handed over in a folder, and end the process."""
    asked = heard_signals()
    faulthandler.enable(os.dup(2))  # what a crash leaves goes to the file that is kept
    taken: tuple[Header, bytes] = take_setup(Path(folder))
    (instance, backfill_id), body = taken
    record = instance.get_backfill(backfill_id)
    if record is not None and not record.status.is_finished:
        record = msgspec.structs.replace(record, holder=this_process())
        try:
            backfill = _begun(record, body)
        except BaseException as error:
            _note_failure(instance, record, error)
            raise
        _see_to_end(backfill, asked, Path(folder))
    instance.dispose()
    leave_folder(Path(folder))


def _begun(record: PartitionBackfill, body: bytes) -> Backfill:
    known: BackfillSetup = loads(body)
    know_cells(known.cells)
    setting, groups = known.setting, known.groups
    setting.instance.launched_as(known.launcher)
    runs = BackfillRuns(setting, groups, dict(zip(groups, known.jobs, strict=True)))
    return Backfill.begin(record, setting.instance, groups, runs, known.max_parallel, again=True)


def _note_failure(instance: Instance, record: PartitionBackfill, error: BaseException) -> None:
    ended = msgspec.structs.replace(
        record,
        status=BackfillStatus.FAILED,
        error=str(error_info(error)),
        end_timestamp=time.time(),
    )
    instance.update_backfill(ended)


def _see_to_end(backfill: Backfill, asked: threading.Event, folder: Path) -> None:
    """Wait for the backfill; one that does not stop is left behind."""
    since: float | None = None
    while not backfill.wait(_LOOK).is_finished:
        reason = "Its process was asked to end." if asked.is_set() else ""
        if not reason and not is_kept(folder):
            reason = f"Its home {backfill.instance.home} was removed while it went on."
        if reason:
            since = since or time.monotonic()
            backfill.cancel(reason)
            if time.monotonic() > since + _GRACE:
                os._exit(1)
