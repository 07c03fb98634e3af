"""The parts of a plan: steps, the sources of their inputs, the slots of their outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from jobnb.definitions.checks.asset_check import AssetCheckKey, AssetCheckSpec
from jobnb.definitions.jobs.job_config import run_words
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.hook import HookDefinition
from jobnb.definitions.ops.inout import In, Out
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.ops.pool import pool_of
from jobnb.definitions.ops.retry import RetryPolicy
from jobnb.definitions.resources.resource import ResourceDefinition
from jobnb.definitions.types import DataType

if TYPE_CHECKING:
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.assets.source_asset import SourceAsset
    from jobnb.plan.partitions import RunPartitions
else:  # Steps of ops do without these; who asks for a signature reads `Any`.
    AssetsDefinition = SourceAsset = RunPartitions = Any


class FromOutput(msgspec.Struct, frozen=True, gc=False):
    """The value of an earlier step's output, at `slot`.

    `collects` gives the list of all elements of a dynamic output, or of the steps mapped over
    one; `maps` gives the element of the mapping key that the step runs for.
    """

    step: int
    output: str
    slot: int
    collects: bool = False
    maps: bool = False


class FromMany(msgspec.Struct, frozen=True, gc=False):
    """A list: one element for each source."""

    items: tuple[FromOutput | FromValue, ...]


class FromValue(msgspec.Struct, frozen=True, gc=False):
    """A value known when planning: a constant, a default or an input of the graph."""

    value: Any


class FromConfig(msgspec.Struct, frozen=True, gc=False):
    """A value that the input's type loads from config."""

    config: Any


class FromAsset(msgspec.Struct, frozen=True, gc=False):
    """The stored value of an asset that this run does not materialize.

    Without a key, the value that an input manager loads for an input that nothing else feeds.
    """

    key: AssetKey | None
    manager_key: str
    metadata: Mapping[str, Any]


Source = FromOutput | FromMany | FromValue | FromConfig | FromAsset


class StepInput(msgspec.Struct, frozen=True, gc=False):
    """An input of a step; `source` is None where it only orders."""

    name: str
    source: Source | None
    waits_for: tuple[FromOutput, ...]
    data_type: DataType
    definition: In
    asset_key: AssetKey | None = None


class StepOutput(msgspec.Struct, frozen=True, gc=False):
    """An output of a step; its value stays in `slot` until `readers` steps have read it.

    `is_asked` is false for an asset or a check of the step that is not selected.
    An output with a `check` holds the check's result, no value.
    """

    name: str
    slot: int
    data_type: DataType
    definition: Out
    manager_key: str
    asset_key: AssetKey | None = None
    is_asked: bool = True
    check: AssetCheckSpec | None = None


class Step(msgspec.Struct, frozen=True, gc=False):
    """One op at its place in the graph.

    Attributes:
        index: Its number in the plan.
        key: Its name: the node names on the way to it, joined with dots.
        path: The node names on the way to it.
        waits_for: The outputs that must be yielded, or known to be skipped, before it runs.
        region: The slot of the dynamic output that it is mapped over, or None.
        assets_def: The definition of the assets that it materializes, if any.
        checks: The asset checks that it evaluates.
        guards: The part of `waits_for` that are no inputs: blocking checks that must pass, and
            what its own checks depend on beside its assets.
        observes: The source assets that it observes.
    """

    index: int
    key: str
    path: tuple[str, ...]
    op: OpDefinition[..., Any]
    inputs: tuple[StepInput, ...] = ()
    outputs: tuple[StepOutput, ...] = ()
    waits_for: tuple[FromOutput, ...] = ()
    config: Any = None
    hooks: tuple[HookDefinition, ...] = ()
    retry_policy: RetryPolicy | None = None
    tags: Mapping[str, str] = {}
    region: int | None = None
    assets_def: AssetsDefinition | None = None
    checks: tuple[AssetCheckSpec, ...] = ()
    guards: tuple[FromOutput, ...] = ()
    observes: tuple[SourceAsset, ...] = ()

    @property
    def asset_keys(self) -> list[AssetKey]:
        """The assets that it materializes or observes."""
        made = (out.asset_key for out in self.outputs if out.is_asked)
        return [*(key for key in made if key is not None), *(each.key for each in self.observes)]

    @property
    def plain_config(self) -> Any:
        """The config of its op, that of a `Config` class as a dict, without what is unset."""
        if not hasattr(self.config, "model_dump"):
            return self.config
        from jobnb.config import plain_config  # loaded already where a class made the config

        return plain_config(self.config)

    @property
    def leaves_out(self) -> bool:
        """Whether its function itself skips the assets that are not selected."""
        made = self.assets_def
        return made is not None and made.can_subset and made.node_def is self.op

    def output(self, name: str) -> StepOutput | None:
        """Return the output of that name, or None."""
        return next((each for each in self.outputs if each.name == name), None)


class PlanCache(dict[str, Any]):
    """Values cached with a plan in this process; a pickled plan starts with an empty cache."""

    def __reduce__(self) -> tuple[type[PlanCache], tuple[()]]:
        return PlanCache, ()


class Plan(msgspec.Struct, frozen=True):
    """What a run does; nothing is left to resolve.

    Attributes:
        job: The job it was made from.
        steps: All steps, in the order in which they were placed.
        order: Numbers of steps in the order in which they run; a tuple holds steps mapped over
            one dynamic output, which run together for each of its elements.
        readers: For each slot, how many steps read it.
        resources: The resources that are set up, in order.
        loading: For each step, the config of its inputs' managers.
        storing: For each step, the config of its outputs' managers.
        run_config: The raw config, as it is stored.
        partitions: The partitions that the run is for.
        given_config: The part of it for ops, by node; config mappings are expanded.
        kept: A cache for values that depend on the steps and the config of ops alone; plans of
            the same job share it where ops take no config.
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
    partitions: RunPartitions | None
    outputs: Mapping[str, tuple[str, str]]
    step_by_key: Mapping[str, int]
    loading: Mapping[str, Mapping[str, Any]] = {}
    storing: Mapping[str, Mapping[str, Any]] = {}
    given_config: Mapping[str, Any] = {}
    kept: PlanCache = msgspec.field(default_factory=PlanCache)

    @property
    def partition_key(self) -> str | None:
        """The partition of the run, if there is exactly one."""
        return self.partitions.single if self.partitions is not None else None

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
        """The assets that the run materializes."""
        found = (out for step in self.steps for out in step.outputs if out.is_asked)
        return [out.asset_key for out in found if out.asset_key is not None]

    @property
    def has_pools(self) -> bool:
        """Whether steps belong to pools, which limit how many run at once in all runs."""
        if "has_pools" not in self.kept:
            self.kept["has_pools"] = any(pool_of(step.tags) for step in self.steps)
        return bool(self.kept["has_pools"])

    @property
    def words(self) -> str:
        """The run, in a sentence."""
        keys = self.asset_keys or [key for step in self.steps for key in step.asset_keys]
        return run_words(self.job.name, (key.to_user_string() for key in keys))

    @property
    def check_selection(self) -> frozenset[AssetCheckKey] | None:
        """The checks that the run evaluates, where its assets do not imply them."""
        if not getattr(self.job.graph, "tells_checks", False):
            return None
        return frozenset(spec.key for step in self.steps for spec in step.checks)
