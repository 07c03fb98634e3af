"""What a plan is made of: steps, where their inputs come from, where their outputs go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobnb.definitions.keys import AssetKey

if TYPE_CHECKING:
    from jobnb.definitions.assets_definition import AssetsDefinition
    from jobnb.definitions.hook import HookDefinition
    from jobnb.definitions.inout import In, Out
    from jobnb.definitions.job import JobDefinition
    from jobnb.definitions.op import OpDefinition
    from jobnb.definitions.resource import ResourceDefinition
    from jobnb.definitions.retry import RetryPolicy
    from jobnb.definitions.types import DataType

__all__ = [
    "FromAsset",
    "FromConfig",
    "FromMany",
    "FromOutput",
    "FromValue",
    "Plan",
    "Source",
    "Step",
    "StepInput",
    "StepOutput",
]


@dataclass(frozen=True, slots=True)
class FromOutput:
    """The value of an output of an earlier step, at `slot`.

    `collects` asks for the list of all elements of a dynamic output or of what was mapped over
    one; `maps` for the element of the mapping key that the step runs for.
    """

    step: int
    output: str
    slot: int
    collects: bool = False
    maps: bool = False


@dataclass(frozen=True, slots=True)
class FromMany:
    """A list: one element for each source."""

    items: tuple[FromOutput | FromValue, ...]


@dataclass(frozen=True, slots=True)
class FromValue:
    """A value known beforehand: a constant, a default or an input of the graph."""

    value: Any


@dataclass(frozen=True, slots=True)
class FromConfig:
    """A value that the input's type loads from config."""

    config: Any


@dataclass(frozen=True, slots=True)
class FromAsset:
    """The stored value of an asset that this run does not make."""

    key: AssetKey
    manager_key: str
    metadata: Mapping[str, Any]


Source = FromOutput | FromMany | FromValue | FromConfig | FromAsset


@dataclass(frozen=True, slots=True)
class StepInput:
    """An input of a step; `source` is None where it only orders."""

    name: str
    source: Source | None
    waits_for: tuple[FromOutput, ...]
    data_type: DataType
    definition: In
    asset_key: AssetKey | None = None


@dataclass(frozen=True, slots=True)
class StepOutput:
    """An output of a step; its value lives in `slot` until `readers` steps have had it."""

    name: str
    slot: int
    data_type: DataType
    definition: Out
    manager_key: str
    asset_key: AssetKey | None = None


@dataclass(slots=True)
class Step:
    """One op at its place: what will run.

    Attributes:
        index: Its number in the plan.
        key: Its name: the node names on the way to it, joined with dots.
        node: Its node name in its own graph.
        region: The slot of the dynamic output that it is mapped over, or None.
    """

    index: int
    key: str
    path: tuple[str, ...]
    op: OpDefinition[..., Any]
    inputs: tuple[StepInput, ...] = ()
    outputs: tuple[StepOutput, ...] = ()
    config: Any = None
    hooks: tuple[HookDefinition, ...] = ()
    retry_policy: RetryPolicy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    region: int | None = None
    assets_def: AssetsDefinition | None = None

    @property
    def upstream(self) -> Iterator[FromOutput]:
        """The outputs that must be there, or be known not to come, before it runs."""
        for each in self.inputs:
            yield from each.waits_for

    def output(self, name: str) -> StepOutput | None:
        """The output called so, or None."""
        return next((each for each in self.outputs if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do; nothing is left to resolve.

    Attributes:
        job: The job it was made from.
        steps: All steps, in the order in which they were placed.
        order: Numbers of steps in the order in which they run; a tuple holds steps mapped over
            one dynamic output, which run together for each of its elements.
        readers: For each slot, how many steps read it.
        resources: The resources that are set up, in order.
        run_config: The raw config, as it is stored.
    """

    job: JobDefinition
    steps: tuple[Step, ...]
    order: tuple[tuple[int, ...], ...]
    readers: tuple[int, ...]
    resources: Mapping[str, ResourceDefinition]
    resource_config: Mapping[str, Any]
    execution_config: Mapping[str, Any]
    logger_config: Mapping[str, Any]
    run_config: Mapping[str, Any]
    partition_key: str | None
    outputs: Mapping[str, tuple[str, str]]
    step_by_key: Mapping[str, int]

    @property
    def resource_keys(self) -> tuple[str, ...]:
        """The keys of the resources that are set up, in order."""
        return tuple(self.resources)

    @property
    def step_keys(self) -> tuple[str, ...]:
        """The keys of the steps, in the order in which they run."""
        return tuple(self.steps[index].key for group in self.order for index in group)

    @property
    def asset_keys(self) -> list[AssetKey]:
        """The assets that the run makes."""
        found = (out.asset_key for step in self.steps for out in step.outputs)
        return [key for key in found if key is not None]
