"""A step's context in the kernel of its notebook, and what the notebook tells the step.

The process that has the step writes into a folder what a worker of the run must know; the kernel
sets up the op's resources from it, and appends what happens to a file that the step reads.
"""

from __future__ import annotations

import atexit
import os
import pickle
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from jobnb.definitions.user_events import Failure
from jobnb.errors import InvariantViolationError, NotebookError, RetryRequested, did_you_mean
from jobnb.events import Event
from jobnb.execution.context import OpExecutionContext, context_of
from jobnb.execution.resources import opener_of
from jobnb.execution.worker import WorkerRun
from jobnb.notebook.exchange import StepFolder

FOLDER_VARIABLE = "JOBNB_STEP_FOLDER"
"""The variable of the kernel's environment that names the folder."""
_SETUP, _ATTEMPT, _TOLD, _END = "setup", "attempt", "told", "end"


class StepAttempt(NamedTuple):
    """The attempt at a step that a notebook is executed for.

    Args:
        number: The number of the step in its plan.
        key: The key of the step.
        mapping_key: The element that it is mapped over.
        retries: How many attempts there were before.
        resource_keys: The resources to set up in the kernel.
        output_names: What `yield_result` may yield.
        is_asset: Whether it materializes an asset.
    """

    number: int
    key: str
    mapping_key: str | None
    retries: int
    resource_keys: Sequence[str] = ()
    output_names: Sequence[str] = ()
    is_asset: bool = False


# --- in the process that has the step ----------------------------------------------------


class ToldByKernel:
    """Reads what a kernel tells, as it comes.

    Args:
        folder: The folder of the step.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = 0

    def prepare(self, setup: bytes, attempt: StepAttempt) -> None:
        """Write down what the kernel must know.

        Args:
            setup: What a worker of the run must know.
            attempt: The attempt.
        """
        self._folder.joinpath(_SETUP).write_bytes(setup)
        self._folder.joinpath(_ATTEMPT).write_bytes(pickle.dumps(tuple(attempt)))

    def events(self) -> Iterator[Event]:
        """Iterate over the events that came since the last time."""
        path = self._folder / _TOLD
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(self._read)
            while True:
                try:
                    event = pickle.load(file)  # noqa: S301 - its own kernel's file
                except (EOFError, pickle.UnpicklingError):  # the rest is not written yet
                    return
                self._read = file.tell()
                yield event

    def end(self) -> Failure | RetryRequested | None:
        """Return the failure or the request for a retry that the notebook told, if any."""
        path = self._folder / _END
        found: Failure | RetryRequested | None = None
        if path.exists():
            found = pickle.loads(path.read_bytes())  # noqa: S301 - its own kernel's file
        return found


# --- in the kernel -----------------------------------------------------------------------


class StepInKernel:
    """The step that this kernel executes a notebook for.

    Args:
        folder: The folder of the step.

    Attributes:
        context: The context of the step.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.attempt = StepAttempt(*pickle.loads((folder / _ATTEMPT).read_bytes()))  # noqa: S301
        scope = WorkerRun((folder / _SETUP).read_bytes(), self._send).scope
        scope.current_key = self.attempt.key
        self._stack = ExitStack()
        self._scope = scope
        atexit.register(self.close)  # the kernel also ends after a cell that failed
        opener = opener_of(scope, self._stack)
        scope.resources = {
            key: opener.open(key) for key in self.attempt.resource_keys if key in opener.definitions
        }
        at = self.attempt
        step = scope.plan.steps[at.number]
        self.context: OpExecutionContext = context_of(
            scope, step, at.key, at.mapping_key, at.retries
        )

    def _send(self, event: Event) -> None:
        """Append an event; in one write, which no other one is mixed with."""
        file = os.open(self._folder / _TOLD, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, pickle.dumps(event))
        finally:
            os.close(file)

    def yield_result(self, value: Any, name: str) -> None:
        """Hand a value back as an output.

        Raises:
            NotebookError: If there is no such output, or the value cannot leave the kernel.
        """
        names, op = self.attempt.output_names, self._scope.plan.steps[self.attempt.number].op
        if self.attempt.is_asset:
            raise NotebookError(
                f"The value of the asset {op.name!r} is its executed notebook: "
                "dagstermill.yield_result is for ops. notebook_asset(results=[...]) hands back "
                "variables of an asset's notebook."
            )
        if name not in names:
            hint = did_you_mean(name, names, noun="Its outputs are")
            raise NotebookError(
                f"The op {op.name!r} has no output {name!r} to yield. {hint}"
                + ("" if names else f"Declare it: outs={{{name!r}: Out()}}.")
            )
        StepFolder(self._folder).put_result(name, value)

    def yield_event(self, event: Any) -> None:
        """Tell an event: it is logged now; a failure or retry ends the step after the last cell.

        Raises:
            InvariantViolationError: If it is none that a notebook can tell.
        """
        if isinstance(event, (Failure, RetryRequested)):
            self._folder.joinpath(_END).write_bytes(pickle.dumps(event))
        else:
            self.context.log_event(event)

    def close(self) -> None:
        """Tell the last progress, and tear the resources down, once."""
        self.context.end_progress()
        self._stack.close()


_found: dict[str, StepInKernel] = {}


def this_step() -> StepInKernel | None:
    """Return the step that this process executes a notebook for; None in any other process."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        return None
    if folder not in _found:
        if not Path(folder, _SETUP).exists():
            raise InvariantViolationError(
                "The step of this notebook has ended. Call get_context() in a kernel of your own."
            )
        _found[folder] = StepInKernel(Path(folder))
    return _found[folder]


def close_step() -> None:
    """Tear down what the step has set up in this kernel."""
    for step in _found.values():
        step.close()
