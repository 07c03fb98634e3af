"""The context of an op or asset during a run: `context`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from jobnb.definitions.checks.asset_check import AssetCheckSpec
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata import normalize
from jobnb.definitions.resources.resource import ScopedResources
from jobnb.definitions.user_events import (
    AssetMaterialization,
    AssetObservation,
    ExpectationResult,
)
from jobnb.errors import InvariantViolationError, did_you_mean
from jobnb.events.handle import NodeHandle
from jobnb.execution.partition_context import PartitionContext
from jobnb.execution.progress import ProgressReporter, progress_event
from jobnb.execution.user_events import tell
from jobnb.plan.resources import step_resource_keys

if TYPE_CHECKING:
    from jobnb.events import Event
    from jobnb.execution.run import RunScope
    from jobnb.plan.step import Step


class StepExecutionContext(NamedTuple):
    """One attempt at a step of a run: what the contexts of users' functions are made from.

    Args:
        run: The run.
        step: The step.
        key: Its key; with the mapping key, if it is mapped.
        mapping_key: The element that it is mapped over.
        retries: How many attempts there were before.
    """

    run: RunScope
    step: Step
    key: str
    mapping_key: str | None = None
    retries: int = 0


class OpExecutionContext(PartitionContext):
    """The context of an op.

    Args:
        step_execution_context: The attempt that it is for.

    Source: Dagster's `OpExecutionContext`.
    """

    _progress: ProgressReporter | None = None

    def __init__(self, step_execution_context: StepExecutionContext) -> None:
        self._run, self._step, self._key, self._mapping_key, self._retries = step_execution_context
        self._output_metadata: dict[tuple[str, str | None], dict[str, Any]] = {}
        self._gone: set[tuple[str, str | None]] | None = None
        self._asset_metadata: dict[tuple[AssetKey, str | None], dict[str, Any]] = {}
        self._events: list[Any] = []
        self._data_versions: dict[AssetKey, Any] = {}

    # --- the run ---------------------------------------------------------

    @property
    def run(self) -> Any:
        """The run, as it is stored."""
        return self._run.record

    @property
    def dagster_run(self) -> Any:
        """The run, as it is stored."""
        return self._run.record

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self._run.run_id

    @property
    def run_config(self) -> Mapping[str, Any]:
        """The raw config of the run."""
        return self._run.plan.run_config

    @property
    def run_tags(self) -> Mapping[str, str]:
        """The tags of the run."""
        return self._run.record.tags

    def has_tag(self, key: str) -> bool:
        """Whether the run has a tag of this name."""
        return key in self._run.record.tags

    def get_tag(self, key: str) -> str | None:
        """Return a tag of the run, or None."""
        return self._run.record.tags.get(key)

    @property
    def instance(self) -> Any:
        """The instance of the history."""
        return self._run.instance

    @property
    def job_def(self) -> Any:
        """The job that runs."""
        return self._run.plan.job

    @property
    def job_name(self) -> str:
        """The name of the job that runs."""
        return self._run.plan.job.name

    @property
    def log(self) -> Any:
        """The logger of the run."""
        return self._run.log

    def get_step_execution_context(self) -> OpExecutionContext:
        """Return the context itself: there is no other one below it."""
        return self

    @property
    def step_launcher(self) -> None:
        """None: the executor of the job starts its steps."""
        return None

    @staticmethod
    def get() -> OpExecutionContext:
        """Return the context of the step that runs now, for functions that are not given it.

        Raises:
            InvariantViolationError: If no step runs.
        """
        from jobnb.execution.run import current_run

        run = current_run.get()
        if run is None or run.attempt is None:
            raise InvariantViolationError(
                "No step runs, so there is no context. In a test, pass one: build_op_context()."
            )
        if run.context is None:
            run.context = context_of(run, *run.attempt)
        context: OpExecutionContext = run.context
        return context

    @property
    def pdb(self) -> Any:
        """A debugger that stops here: `context.pdb.set_trace()`."""
        import pdb  # noqa: T100 - the user asks for it

        return pdb.Pdb()

    @property
    def file_manager(self) -> Any:
        """Not available: a file manager is a resource like any other.

        Raises:
            InvariantViolationError: Always.
        """
        raise InvariantViolationError(
            "A context has no file_manager. Use a resource: context.resources.file_manager."
        )

    # --- the op ----------------------------------------------------------

    @property
    def op(self) -> Any:
        """The op, at its place in the graph."""
        return self._run.plan.job.graph.node_at(self._step.path)

    @property
    def op_def(self) -> Any:
        """The definition of the op."""
        return self._step.op

    @property
    def op_handle(self) -> NodeHandle:
        """The names on the way to the op, from the outermost graph."""
        return NodeHandle(self._step.path)

    @property
    def node_handle(self) -> NodeHandle:
        """The names on the way to the op, from the outermost graph."""
        return NodeHandle(self._step.path)

    @property
    def step_key(self) -> str:
        """The key of the step."""
        return self._key

    @property
    def op_config(self) -> Any:
        """The config of the op."""
        return self._step.plain_config

    @property
    def retry_number(self) -> int:
        """The number of earlier attempts."""
        return self._retries

    def get_mapping_key(self) -> str | None:
        """Return the mapping key that the step runs for, or None."""
        return self._mapping_key

    @property
    def resources(self) -> ScopedResources:
        """The resources that the op asked for, and the IO managers of its inputs and outputs."""
        values = self._run.resources
        keys = step_resource_keys(self._run.plan, self._step)
        return ScopedResources({k: v for k, v in values.items() if k in keys}, repr(self._key))

    def describe_op(self) -> str:
        """Return the step in words, for messages."""
        return f'op "{self._key}"'

    # --- what it tells ---------------------------------------------------

    def add_output_metadata(
        self,
        metadata: Mapping[str, Any],
        output_name: str | None = None,
        mapping_key: str | None = None,
    ) -> None:
        """Add metadata to an output before it is returned.

        Args:
            metadata: Values by name.
            output_name: Which output, where there are several.
            mapping_key: Which element of a dynamic output.

        Raises:
            InvariantViolationError: If there is no such output, it has been yielded already, or it
                is dynamic and no element is named.
            InvalidDefinitionError: If a value cannot be metadata.
        """
        name = self._output_name(output_name)
        if mapping_key is None and self._step.op.outs[name].is_dynamic:
            raise InvariantViolationError(
                f"The output {name!r} of {self._key!r} is dynamic. Say which element the metadata "
                "is of: mapping_key=..."
            )
        if self._gone is not None and (name, mapping_key) in self._gone:
            which = f" with the mapping_key {mapping_key!r}" if mapping_key is not None else ""
            raise InvariantViolationError(
                f"{self._key!r} has yielded its output {name!r}{which} already. Add its metadata "
                "before, or yield it with Output(..., metadata=...)."
            )
        normalize(metadata)
        self._output_metadata.setdefault((name, mapping_key), {}).update(metadata)

    def gave(self, output_name: str, mapping_key: str | None = None) -> None:
        """Record that an output was yielded: metadata added later would be lost."""
        self._gone = self._gone or set()
        self._gone.update(((output_name, None), (output_name, mapping_key)))

    def get_output_metadata(
        self, output_name: str, mapping_key: str | None = None
    ) -> Mapping[str, Any] | None:
        """Return the metadata added to an output so far, or None."""
        return self._output_metadata.get((output_name, mapping_key))

    def _output_name(self, name: str | None) -> str:
        names = self._step.op.output_names
        if name is None and len(names) == 1:
            return names[0]
        if name is None:
            raise InvariantViolationError(
                f"{self._key!r} has {len(names)} outputs. Say which: output_name=... "
                f"({', '.join(names)})."
            )
        if name not in names:
            hint = did_you_mean(name, names, noun="Its outputs are")
            raise InvariantViolationError(f"{self._key!r} has no output {name!r}. {hint}")
        return name

    def log_event(self, event: AssetMaterialization | AssetObservation | ExpectationResult) -> None:
        """Log a materialization, an observation or an expectation now."""
        tell(self._run, self._key, event)
        self._events.append(event)

    def report_progress(
        self, done: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Report how far the step is: a bar on its node in the live graph, and words.

        It may be called as often as you like, in a loop over rows too: the first and the last
        report are always shown and recorded, of others a few a second. In a direct call, as in a
        unit test, it only checks what it is given.

        Args:
            done: How much is done; more than `total` counts as all of it.
            total: How much there is to do; None if that is unknown: then there is no bar.
            message: What the step is doing.

        Raises:
            InvalidInvocationError: If `done` or `total` is negative or no number.

        Example:
            >>> from jobnb import OpExecutionContext, job, op
            >>> @op
            ... def load(context: OpExecutionContext):
            ...     for page in range(3):
            ...         context.report_progress(page + 1, 3, "pages")
            >>> @job
            ... def daily():
            ...     load()
            >>> run = daily.launch().wait()
            >>> run.state.steps["load"].progress.words
            '3 of 3 · pages'
        """
        event = progress_event(self._key, done, total, message)
        if self._progress is None:
            self._progress = ProgressReporter(self._append)
        self._progress.report(event)

    def _append(self, event: Event) -> None:
        """Append to the run's log; looked up each time, as a forked process appends nowhere."""
        self._run.append(event)

    def end_progress(self) -> None:
        """Pass on the last report of the progress, if it still waits for its turn."""
        if self._progress is not None:
            self._progress.end()

    def has_events(self) -> bool:
        """Whether events were told that have not been consumed."""
        return bool(self._events)

    def consume_events(self) -> Iterator[Any]:
        """Iterate over the events told so far; they are handed out once."""
        events, self._events = self._events, []
        yield from events

    def __repr__(self) -> str:
        return f"<context of {self._key!r} in run {self.run_id[:8]}>"


class AssetExecutionContext(OpExecutionContext):
    """The context of an asset.

    Source: Dagster's `AssetExecutionContext`.
    """

    @property
    def op_execution_context(self) -> OpExecutionContext:
        """The same context, as that of an op."""
        return self


class AssetCheckExecutionContext(OpExecutionContext):
    """The context of a check.

    Source: Dagster's `AssetCheckExecutionContext`.
    """

    @property
    def op_execution_context(self) -> OpExecutionContext:
        """The same context, as that of an op."""
        return self

    @property
    def check_specs(self) -> list[AssetCheckSpec]:
        """The checks that it is to evaluate."""
        return list(self._step.checks)


def context_of(
    run: RunScope, step: Step, key: str, mapping_key: str | None, retries: int
) -> OpExecutionContext:
    """Return the context of one attempt at a step."""
    kind: type[OpExecutionContext] = OpExecutionContext
    if step.assets_def is not None:
        kind = AssetExecutionContext
    elif step.checks:
        kind = AssetCheckExecutionContext
    return kind(StepExecutionContext(run, step, key, mapping_key, retries))
