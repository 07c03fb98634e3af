"""The part of a run that one process executes for another one.

The process that has the run sends its plan once, then attempts with the values that they need; back
come events as they happen, and how each attempt ended with what it gave.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any, NamedTuple

from jobnb.errors import StepExecutionError
from jobnb.events import AssetMaterialized, Event, Logged, StepFailed, StepRetried, StepSucceeded
from jobnb.execution.executors.attempt_queue import AttemptQueue
from jobnb.execution.executors.attempt_runner import AttemptRunner, lost
from jobnb.execution.executors.worker_pool import Attempt, AttemptResult, AttemptStatus
from jobnb.execution.log import listening
from jobnb.execution.output_capture import is_captured
from jobnb.execution.pickling import Packed, dumps, is_packed, loads, pack, unpacked
from jobnb.execution.provenance import Provenance
from jobnb.execution.resources import close_resources, open_resources
from jobnb.execution.run import HANDLED, MISSING, RunScope
from jobnb.execution.stopping import Stop
from jobnb.execution.trace import cells_of_notebook, know_cells, words_of
from jobnb.plan.step import Plan, Step
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun

_ENDS = frozenset((StepFailed, StepRetried, StepSucceeded))
_GIVEN = "jobnb/given_data_version"
"""Stands for the tags of an asset until the process that has the run fills them in."""


class WorkerSetup(NamedTuple):
    """The part of a run's definition that a worker needs, sent once.

    Args:
        plan: What it does.
        record: The run as it is stored.
        instance: Where its history is.
        origins: What earlier runs stored; see `RunScope.origins`.
        folder: Where large values go; None if they go with the messages.
        cells: What a person calls files that no disk has, as the cells of a notebook, and their
            source.
    """

    plan: Plan
    record: JobRun
    instance: Instance
    origins: Mapping[tuple[int, str | None], str]
    folder: str | None
    cells: Mapping[str, tuple[str, str]]


class TaskMessage(NamedTuple):
    """A task, with the values that its attempts read.

    Args:
        number: The number of the task.
        attempts: The attempts, in order.
        values: By slot, what they read and does not come from one of them.
    """

    number: int
    attempts: Sequence[Attempt]
    values: Mapping[int, Any]


def worker_setup_of(run: RunScope, folder: str | None) -> bytes:
    """Pickle the part of a run's definition that a worker needs.

    Raises:
        StepExecutionError: If something of it cannot go to another process; it is named.
    """
    setup = WorkerSetup(
        run.plan, run.record, run.instance, run.origins, folder, cells_of_notebook()
    )
    return pickled_with(run.plan, setup)


def pickled_with(plan: Plan, value: Any, more: Iterable[Plan] = ()) -> bytes:
    """Return a value that holds the definitions of a plan, pickled for another process.

    Args:
        plan: The plan.
        value: The value.
        more: Other plans whose definitions it holds.

    Raises:
        StepExecutionError: If something of it cannot go there; it is named.
    """
    try:
        modules = {name: each for one in (plan, *more) for name, each in _modules_of(one).items()}
        with _by_value(modules.values()):
            return dumps(value)
    except Exception as error:
        raise StepExecutionError(_why_not(plan, error)) from error


def _modules_of(plan: Plan) -> dict[str, Any]:
    """Return the modules that the functions of a plan are from, by name."""
    names = {getattr(step.op.function.fn, "__module__", None) for step in plan.steps}
    return {name: sys.modules[name] for name in names if name in sys.modules}


@contextmanager
def _by_value(modules: Iterable[Any]) -> Iterator[None]:
    """Pickle modules by value that only this process can import, for the block."""
    import cloudpickle

    hidden = [each for each in modules if not _is_importable(each.__name__)]
    for module in hidden:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in hidden:
            cloudpickle.unregister_pickle_by_value(module)


def _is_importable(name: str) -> bool:
    if name == "__main__":
        return True  # which goes along anyway
    try:
        return find_spec(name) is not None and _found_on_disk(name)
    except (ImportError, ValueError, AttributeError):
        return False


def _found_on_disk(name: str) -> bool:
    """Whether another process finds a module, and not only because this one has it already."""
    finders = (each for each in sys.meta_path if hasattr(each, "find_spec"))
    parent = name.rpartition(".")[0]
    path = getattr(sys.modules[parent], "__path__", None) if parent else None
    return any(each.find_spec(name, path) is not None for each in finders)


def _why_not(plan: Plan, error: Exception) -> str:
    """Return which of the definitions cannot be pickled."""
    what = f"the job {plan.job.name!r}"
    parts: dict[str, Any] = {f"the op {step.op.name!r}": step.op for step in plan.steps}
    parts |= {f"the resource {key!r}": each for key, each in plan.resources.items()}
    for name, part in parts.items():
        try:
            dumps(part)
        except Exception as own:  # noqa: BLE001 - which one it is is asked here
            what, error = name, own
            break
    return (
        f"{what} cannot be sent to another process: {type(error).__name__}: {error}. Make what it "
        'uses inside of a function or in a resource, or run it with executor="threads".'
    )


def task_message_of(
    run: RunScope, number: int, attempts: Sequence[Attempt], folder: str | None
) -> TaskMessage:
    """Return a task with the values that its attempts read, packed."""
    made: set[tuple[int, str | None]] = set()
    values: dict[int, Any] = {}
    for attempt in attempts:
        step, key = run.plan.steps[attempt.unit.step], attempt.unit.mapping_key
        for wait in step.waits_for:
            slot, element = wait.slot, key if wait.maps else None
            if (slot, element) in made or run.values[slot] is MISSING:
                continue
            if wait.maps:
                if key in run.values[slot]:
                    values.setdefault(slot, {})[key] = _packed_in(run.values[slot], key, folder)
            elif wait.collects or _is_mapping_of_elements(run, wait.step, slot):
                held = run.values[slot]
                values[slot] = {each: _packed_in(held, each, folder) for each in held}
            else:
                values[slot] = _packed_in(run.values, slot, folder)
        made.update((out.slot, key) for out in step.outputs)
    return TaskMessage(number, attempts, values)


def _is_mapping_of_elements(run: RunScope, index: int, slot: int) -> bool:
    step = run.plan.steps[index]
    return step.region is not None or any(
        out.slot == slot and out.definition.is_dynamic for out in step.outputs
    )


def _packed_in(place: Any, key: Any, folder: str | None) -> Any:
    """Return a value as it is sent; it stays packed where it is, and is not packed again."""
    value = place[key]
    if value is HANDLED or value is MISSING or value is None or is_packed(value):
        return value
    place[key] = packed = pack(value, folder).own()
    return packed


# --- in the worker -------------------------------------------------------------------


class _Slots(dict[int, Any]):
    """The values that an attempt reads and yields; all others are missing."""

    def __missing__(self, slot: int) -> Any:
        return MISSING


class _EventRelay:
    """Replaces the log of the run: sends events to the coordinating process."""

    due = math.inf
    closed = False

    def __init__(
        self, send: Callable[[Event], None], before_end: Callable[[], None] | None = None
    ) -> None:
        self.events: list[Event] = []
        self._send = send
        self._before_end = before_end

    def append(self, event: Event) -> None:
        """Send an event; it is kept as long as its step goes on."""
        if self._before_end is not None and type(event) in _ENDS:
            self._before_end()
        if type(event) is not Logged:
            self.events.append(event)
        self._send(event)

    def commit(self) -> None:
        """Do nothing: the coordinating process commits."""

    def close(self) -> None:
        """Do nothing: the coordinating process closes the log."""


class _DeferredProvenance(Provenance):
    """Leaves the versions of assets to the coordinating process, which knows them all."""

    def __init__(self) -> None:
        """Look nothing up."""

    def tags(self, key: Any, given: str | None, partition: str | None = None) -> dict[str, str]:
        """Return a placeholder for the tags; see `told_here`."""
        return {_GIVEN: given or ""}


def show_output(run: RunScope, event: Logged) -> None:
    """Show a line that a worker printed or logged as if it had been printed or logged here."""
    if event.logger in ("stdout", "stderr"):
        if not is_captured():
            print(event.text, file=getattr(sys, event.logger))
    elif run.log.console is not None:
        run.log.console.show(event)


def told_here(run: RunScope, event: Event) -> Event:
    """Return an event of a worker for the log, with the versions of its asset."""
    if type(event) is not AssetMaterialized or _GIVEN not in event.tags:
        return event
    key = event.asset_key
    assert key is not None
    assert run.provenance is not None
    own = {name: text for name, text in event.tags.items() if name != _GIVEN}
    tags = run.provenance.tags(key, event.tags[_GIVEN] or None, event.partition)
    return _with_tags(event, {**own, **tags})


def _with_tags(event: AssetMaterialized, tags: dict[str, str]) -> AssetMaterialized:
    import msgspec

    return msgspec.structs.replace(event, tags=tags)


class WorkerRun:
    """The part of a run in one process.

    Args:
        setup: What it must know of it, as `worker_setup_of` gives it.
        send: Takes each event as it happens; called from any thread.
        before_end: Called before it is told that an attempt at a step has ended.

    Raises:
        Exception: What unpickling the definitions raises.
    """

    def __init__(
        self,
        setup: bytes,
        send: Callable[[Event], None],
        before_end: Callable[[], None] | None = None,
    ) -> None:
        known: WorkerSetup = loads(setup)
        self.send, self.before_end = send, before_end
        know_cells(known.cells)
        self.folder = known.folder
        log: Any = _EventRelay(send)
        self.scope = RunScope(known.plan, known.instance, known.record, log, keep_outputs=False)
        self.scope.append = log.append
        self.scope.is_remote = True
        self.scope.origins = dict(known.origins)
        self.scope.provenance = _DeferredProvenance()
        self._around = ExitStack()
        self._turn = threading.Lock()
        self._broken: Exception | None = None
        self._opened = False

    def open(self) -> None:
        """Set the resources up, once.

        Raises:
            ResourceFunctionError: If one cannot be set up.
        """
        with self._turn:
            if self._broken is not None:
                raise self._broken
            if self._opened:
                return
            self._opened = True
            try:
                open_resources(self.scope)
            except Exception as error:
                self._broken = error
                raise

    def close(self) -> None:
        """Tear the resources down, once."""
        with self._turn:
            close_resources(self.scope)

    def thread(self) -> WorkerThread:
        """Return an executor of attempts in one thread."""
        return WorkerThread(self)


def is_out_of_memory(event: Event) -> bool:
    """Whether an attempt at a step has failed as there was no memory left.

    What is left of the process is of no use to other steps: Python gives memory back in parts only.
    """
    failed = type(event) in (StepFailed, StepRetried)
    error = getattr(event, "error", None) if failed else None
    return error is not None and error.cls_name == MemoryError.__name__


class WorkerThread:
    """Executes tasks of a run in one thread of a worker.

    Args:
        part: What this process does of the run.
        send: Takes its events; those of the part if None.
        name: What the worker is called in the log; after its process if None.
    """

    def __init__(
        self,
        part: WorkerRun,
        send: Callable[[Event], None] | None = None,
        name: str | None = None,
    ) -> None:
        self._part = part
        self._relay = _EventRelay(send or part.send, part.before_end)
        self.runner = AttemptRunner(
            part.scope, self._relay.append, name or f"process {os.getpid()}"
        )
        scope = self.runner.scope
        scope.run_log = self._relay  # type: ignore[assignment]
        scope.pack = self._pack
        self._made: dict[int, Any] = {}
        self._now = 0, AttemptQueue(())
        self._is_spent = False
        self.stop = Stop()

    def _pack(self, step: Step, element: str | None) -> None:
        """Pack the outputs of a step.

        Raises:
            StepExecutionError: If one cannot go to another process.
        """
        values, folder = self.runner.scope.values, self._part.folder
        try:
            self._made = _came(values, step, element, folder)
        except Exception as error:
            raise StepExecutionError(
                f"The output of {step.key!r} cannot be sent to another process: "
                f"{type(error).__name__}: {error}. Store it with an IO manager, return something "
                'else, or run it with executor="threads".'
            ) from error

    def do(self, message: TaskMessage, report: Callable[[AttemptResult], None]) -> None:
        """Execute a task; each attempt is reported at its end.

        Args:
            message: The task.
            report: Takes how each attempt ended, with what it gave, packed.
        """
        scope = self.runner.scope
        scope.resources = self._part.scope.resources
        scope.values = values = _Slots()  # type: ignore[assignment]
        for slot, value in message.values.items():
            values[slot] = _given(value)
        self._now = message.number, AttemptQueue(message.attempts)
        try:
            with listening(scope):
                self._do_all(*self._now, report)
        finally:
            values.clear()  # large ones are let go of now, not with the next task

    def _do_all(
        self, task: int, queue: AttemptQueue, report: Callable[[AttemptResult], None]
    ) -> None:
        is_first = True
        while (attempt := queue.next()) is not None:
            report(self._attempt(task, attempt, is_first=is_first))
            self.stop.renew()
            is_first = False

    @property
    def has_more(self) -> bool:
        """Whether attempts of its task wait."""
        return not self._now[1].is_empty

    def take_late(self) -> list[AttemptResult]:
        """Take away the attempts that wait behind one that is late; called from other threads."""
        number, queue = self._now
        taken = queue.take_late()
        return [AttemptResult(number, each, AttemptStatus.SKIPPED) for each in taken]

    def _attempt(self, task: int, attempt: Attempt, *, is_first: bool) -> AttemptResult:
        if not is_first and (
            self.stop.wanted or self._is_spent or self.runner.still_needs(attempt)
        ):
            return AttemptResult(task, attempt, AttemptStatus.SKIPPED)
        self._is_spent = False
        scope = self.runner.scope
        scope.failed_slots, scope.failed_steps, scope.kept = set(), {}, {}
        self._relay.events.clear()
        try:
            outcome = self.runner.do(task, attempt, self.stop)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it must hear of it
            self._is_spent = isinstance(error, MemoryError)  # it could not even be told
            return AttemptResult(task, attempt, AttemptStatus.LOST, error=lost(error))
        self._is_spent = any(map(is_out_of_memory, self._relay.events))
        if outcome.ended is not AttemptStatus.SUCCEEDED:
            return outcome
        outcome.values, self._made = self._made, {}
        return outcome


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: unpacked(each) for key, each in value.items()}
    return unpacked(value)


def _came(values: Any, step: Step, key: str | None, folder: str | None) -> dict[int, Any]:
    """Return the outputs of an attempt, packed, by slot."""
    came: dict[int, Any] = {}
    for out in step.outputs:
        value = values[out.slot]
        if value is MISSING:
            continue
        if key is not None:
            if key in value:
                came[out.slot] = _sent(value[key], folder)
        elif out.definition.is_dynamic:
            came[out.slot] = {each: _sent(one, folder) for each, one in value.items()}
        else:
            came[out.slot] = _sent(value, folder)
    return came


def _sent(value: Any, folder: str | None) -> Any:
    """Return a value as it is sent."""
    return value if value is HANDLED or value is None else pack(value, folder)


def owned(values: Mapping[int, Any] | None) -> Mapping[int, Any] | None:
    """Return the outcome of an attempt, whose files belong to this process from now on."""
    for value in (values or {}).values():
        for each in value.values() if isinstance(value, dict) else (value,):
            if type(each) is Packed:
                each.own()
    return values


# --- errors on their way -------------------------------------------------------------


def packed_error(error: BaseException) -> tuple[bytes, str]:
    """Return an error as it is sent: pickled, and in words for where that cannot be read."""
    words = words_of(error)
    try:
        data = dumps(error)
        loads(data)
    except Exception:  # noqa: BLE001 - the class is the user's
        return b"", words
    return data, words


def unpacked_error(told: tuple[bytes, str]) -> BaseException:
    """Return the error that was sent, or an equivalent one."""
    data, words = told
    with_words = StepExecutionError(words)
    if not data:
        return with_words
    try:
        error = loads(data)
    except Exception:  # noqa: BLE001 - the class is the user's
        return with_words
    return error if isinstance(error, BaseException) else with_words
