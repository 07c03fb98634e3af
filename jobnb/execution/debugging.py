"""Open a step of an earlier run: its inputs, config and resources, to run its code in cells."""

from __future__ import annotations

import reprlib
import weakref
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import msgspec

from jobnb.errors import (
    InvalidSubsetError,
    JobnbError,
    StorageError,
    UnknownInputError,
    did_you_mean,
)
from jobnb.events import ErrorInfo
from jobnb.execution.context import OpExecutionContext, context_of
from jobnb.execution.inputs import load_input
from jobnb.execution.launch import asked_again, rerun
from jobnb.execution.reexecution import (
    ReexecutionOptions,
    parent_of,
    repetition_of,
    step_and_element,
)
from jobnb.execution.resources import open_resources
from jobnb.execution.run import MISSING, RunScope, current_run
from jobnb.execution.start import keep_earlier, plan_of
from jobnb.plan.step import FromAsset, Step, StepInput
from jobnb.state import RunState, StepStatus
from jobnb.storage.run import new_run_id
from jobnb.storage.run_log import FollowedLog

if TYPE_CHECKING:
    from jobnb.execution.background import Run
    from jobnb.registry.session import Session
    from jobnb.storage.instance import Instance
    from jobnb.storage.run import JobRun


class OpenedStep:
    """A step of an earlier run with what its function was given; nothing of it is recorded.

    Inputs are loaded and resources are set up when they are first asked for.

    Args:
        session: Knows the definitions as they are now.
        scope: The run around the step, planned again.
        step: The step.
        key: Its key, with the mapping key if it has one.
        run: The run.
        state: How the run went.

    Attributes:
        key: The key of the step.
        run: The run, as it is stored.
        inputs: The values of its inputs by name.
        error: What it raised; None if it did not fail.
    """

    def __init__(
        self,
        session: Session,
        scope: RunScope,
        step: Step,
        key: str,
        run: JobRun,
        state: RunState,
    ) -> None:
        self._session = session
        self._scope = scope
        self._step = step
        self.key = key
        self.run = run
        told = state.steps.get(key)
        self.error: ErrorInfo | None = told.error if told is not None else None
        self.began = told.started if told is not None else None
        self.inputs: Mapping[str, Any] = _Inputs(self)
        self._finish = weakref.finalize(self, scope.opened.close)

    @property
    def function(self) -> Any:
        """The function that the step called."""
        op = self._step.op
        return op.function.fn if op.is_decorated else op.compute_fn

    @property
    def op(self) -> Any:
        """The op of the step."""
        return self._step.op

    @property
    def composed(self) -> str | None:
        """What holds the op, which another run of its cell does not change; None if nothing."""
        assets = self._step.assets_def
        if self._scope.plan.job.asset_layer is None:
            return f"the job {self.run.job_name!r}"
        if len(self._step.path) == 1:
            return None
        keys = sorted(key.to_user_string() for key in assets.keys) if assets is not None else []
        return f"the asset {keys[0]!r}" if keys else f"the graph {self._step.path[0]!r}"

    @property
    def config(self) -> Any:
        """The config of the step."""
        return self._step.config

    @property
    def partition(self) -> str | None:
        """The partition of the run; None if it has none, or several."""
        return self._scope.plan.partition_key

    @cached_property
    def resources(self) -> Mapping[str, Any]:
        """The resources of the run by key; they are set up now, and torn down by `close`.

        Raises:
            ResourceFunctionError: If one cannot be set up.
        """
        open_resources(self._scope)
        return self._scope.resources

    @cached_property
    def context(self) -> OpExecutionContext:
        """The context of the step."""
        self.resources  # noqa: B018 - the context hands them on
        _, element = step_and_element(self.key)
        return context_of(self._scope, self._step, self.key, element, 0)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs that its function takes."""
        return [each.name for each in self._step.inputs if each.source is not None]

    @cached_property
    def missing(self) -> dict[str, str]:
        """The inputs that are known not to be stored, each with what to do about it."""
        return {
            each.name: why
            for each in self._step.inputs
            if each.source is not None and (why := self._lost(each)) is not None
        }

    @cached_property
    def notes(self) -> list[str]:
        """What is not as it was in the run: assets that were made again since."""
        keys = {e.name: e.asset_key for e in self._step.inputs if e.asset_key is not None}
        made = self._scope.instance.last_made(list(keys.values())) if keys else {}
        return [
            f"The asset {key.to_user_string()!r} was made again since, by run "
            f"{made[key].run_id[:8]}: {name!r} is its present value."
            for name, key in keys.items()
            if key in made
            and made[key].run_id != self.run.run_id
            and self.began is not None
            and made[key].time > self.began
        ]

    def _lost(self, each: StepInput) -> str | None:
        """Return what to do about an input whose value is nowhere; None if there is one."""
        for wait in each.waits_for:
            value = self._scope.values[wait.slot]
            if value is MISSING and not isinstance(each.source, FromAsset):
                up = self._scope.plan.steps[wait.step].key
                return (
                    f"The input {each.name!r} was not stored: what step {up!r} gave was kept in "
                    "memory only, or is gone. Give it a value of your own, or make it again: "
                    f"session.rerun({self.run.run_id!r}, steps=[{up + '+'!r}])."
                )
        return None

    def load(self, name: str) -> Any:
        """Load an input, as the step did.

        Raises:
            JobnbError: If it was not stored, or cannot be loaded.
        """
        if name in self.missing:
            raise StorageError(self.missing[name])
        each = next(each for each in self._step.inputs if each.name == name)
        self.resources  # noqa: B018 - IO managers are among them
        token = current_run.set(self._scope)
        try:
            _, element = step_and_element(self.key)
            return load_input(self._scope, self._step, each, self.key, element)
        except JobnbError:
            raise
        except Exception as error:
            raise StorageError(
                f"The input {name!r} of step {self.key!r} cannot be loaded: "
                f"{type(error).__name__}: {error}. Give it a value of your own, or make what it "
                f"comes from again: session.rerun({self.run.run_id!r})."
            ) from error
        finally:
            current_run.reset(token)

    def resume(self) -> Run:
        """Go on from this step in the background, with the definitions as they are now.

        Of a run that failed, what did not succeed runs; else the step and what follows it.

        Returns:
            The new run.

        Raises:
            NotResumableError: If the run has not ended.
        """
        self.close()
        failed = self.run.is_failure_or_canceled
        return rerun(
            self._session,
            self.run.run_id,
            self._scope.instance,
            from_failure=failed,
            steps=None if failed else [f"{self.key}+"],
        )

    def close(self) -> None:
        """Tear down the resources; what was loaded stays."""
        self._finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        how = f": {self.error.cls_name}: {self.error.message}" if self.error else ""
        return f"<step {self.key} of run {self.run.run_id[:8]}{how}>"


class _Inputs(Mapping[str, Any]):
    """The inputs of a step, each loaded when it is first asked for."""

    def __init__(self, opened: OpenedStep) -> None:
        self._opened = opened
        self._names = opened.input_names
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            hint = did_you_mean(name, self._names, noun="It has")
            raise UnknownInputError(f"The step {self._opened.key!r} has no input {name!r}. {hint}")
        if name not in self._loaded:
            self._loaded[name] = self._opened.load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        each = (
            f"{name!r}: {reprlib.repr(self._loaded[name]) if name in self._loaded else '...'}"
            for name in self._names
        )
        return f"<inputs of step {self._opened.key}, loaded when asked for: {{{', '.join(each)}}}>"


def open_step(session: Session, run_id: str, key: str | None, instance: Instance) -> OpenedStep:
    """Open a step of a run of the history, also one of another process.

    Args:
        session: Knows the job.
        run_id: The run.
        key: The step, with the mapping key if it has one; the first that failed if None.
        instance: Where the history is.

    Raises:
        RunNotFoundError: If there is no such run.
        InvalidSubsetError: If the session does not know its job, or it has no such step.
    """
    parent, state = parent_of(instance, run_id), instance.run_state(run_id)
    key = _chosen(state, parent, key)
    spec = asked_again(session, parent, instance)
    plan = plan_of(msgspec.structs.replace(spec, repeats=ReexecutionOptions(run_id, [key])))
    bare, _ = step_and_element(key)
    if bare not in plan.step_by_key:
        raise InvalidSubsetError(
            f"{plan.words} has no step {bare!r} any more. {did_you_mean(bare, plan.step_by_key)}"
        )
    again = repetition_of(plan, instance, parent, [key])
    record = msgspec.structs.replace(parent, run_id=new_run_id(), parent_run_id=run_id)
    log = FollowedLog(record)
    scope = RunScope(plan, instance, record, log, keep_outputs=True, chosen=frozenset(again.chosen))
    keep_earlier(scope, again)
    return OpenedStep(session, scope, plan.steps[plan.step_by_key[bare]], key, parent, state)


def _chosen(state: RunState, run: JobRun, key: str | None) -> str:
    """Return the step that is meant.

    Raises:
        InvalidSubsetError: If there is none, or it did not begin.
    """
    failed = [each for each, told in state.steps.items() if told.status is StepStatus.FAILED]
    if key is None:
        if not failed:
            some = ", ".join(map(repr, list(state.steps)[:8])) or "none"
            raise InvalidSubsetError(
                f"No step of the run {run.run_id} failed. Name one of its steps: {some}."
            )
        return failed[0]
    told = state.steps.get(key)
    if told is None:
        hint = did_you_mean(key, state.steps, noun="It has")
        raise InvalidSubsetError(f"The run {run.run_id} has no step {key!r}. {hint}")
    if told.started is None:
        instead = f" Open {failed[0]!r}, which failed." if failed else ""
        raise InvalidSubsetError(f"The step {key!r} did not begin in run {run.run_id}.{instead}")
    return key
