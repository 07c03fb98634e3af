"""The steps of a run as GraphQL tells them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobnb.errors import JobnbError
from jobnb.plan.build import build_plan
from jobnb.plan.step import FromOutput, Plan, Step, StepInput
from jobnb.server.nodes import Node
from jobnb.server.workspace import Location, RequestReader
from jobnb.storage.run import JobRun


@dataclass(frozen=True)
class MetadataItemDefinition(Node):
    """A tag of an op."""

    key: str
    value: str


@dataclass(frozen=True)
class ExecutionStepOutput(Node):
    """An output of a step."""

    name: str


class ExecutionStepInput(Node):
    """An input of a step."""

    def __init__(self, plan: Plan, given: StepInput) -> None:
        self._plan, self._given, self.name = plan, given, given.name

    name: str

    @property
    def depends_on(self) -> list[ExecutionStep]:
        """The steps that it comes from."""
        known = dict.fromkeys(each.step for each in _outputs(self._given))
        return [ExecutionStep(self._plan, self._plan.steps[index]) for index in known]


def _outputs(given: StepInput) -> Iterator[FromOutput]:
    yield from given.waits_for
    if isinstance(given.source, FromOutput):
        yield given.source


class ExecutionStep(Node):
    """A step."""

    def __init__(self, plan: Plan, step: Step) -> None:
        self._plan, self._step = plan, step
        self.key = self.solid_handle_id = step.key

    key: str
    solid_handle_id: str

    @property
    def inputs(self) -> list[ExecutionStepInput]:
        """Its inputs."""
        return [ExecutionStepInput(self._plan, each) for each in self._step.inputs]

    @property
    def outputs(self) -> list[ExecutionStepOutput]:
        """Its outputs."""
        return [ExecutionStepOutput(each.name) for each in self._step.outputs]

    @property
    def kind(self) -> str:
        """Whether it is mapped over a dynamic output, or collects one."""
        if self._step.region is not None:
            return "UNRESOLVED_MAPPED"
        collects = any(each.collects for given in self._step.inputs for each in _outputs(given))
        return "UNRESOLVED_COLLECT" if collects else "COMPUTE"

    @property
    def metadata(self) -> list[MetadataItemDefinition]:
        """Its tags."""
        return [MetadataItemDefinition(key, str(each)) for key, each in self._step.tags.items()]


class ExecutionPlan(Node):
    """The steps of a run, in order."""

    artifacts_persisted = True

    def __init__(self, plan: Plan, chosen: Sequence[str] | None = None) -> None:
        self._plan, self._chosen = plan, chosen

    @property
    def steps(self) -> list[ExecutionStep]:
        """The steps."""
        keys = set(self._plan.step_keys if self._chosen is None else self._chosen)
        ordered = (self._plan.steps[index] for group in self._plan.order for index in group)
        return [ExecutionStep(self._plan, step) for step in ordered if step.key in keys]


def plan_of_run(
    reading: RequestReader, location: Location | None, run: JobRun
) -> ExecutionPlan | None:
    """Build the plan of a run, with its job as it is defined now; None if it is not."""
    if location is None:
        return None
    try:
        job = reading.job_of_run(location, run)
        return ExecutionPlan(build_plan(job, check_config=False), run.step_keys_to_execute)
    except JobnbError:
        return None
