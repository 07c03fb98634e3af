"""The contexts of IO managers: the value's asset, partitions, step, resources and config."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata import normalize
from jobnb.definitions.metadata_values import MetadataValue
from jobnb.definitions.partitions.partition_keys import PartitionKeyRange
from jobnb.definitions.resources.resource import close_scoped
from jobnb.definitions.user_events import AssetMaterialization, AssetObservation
from jobnb.errors import InvalidInvocationError, InvariantViolationError

_logger = logging.getLogger("jobnb")


def said_of(
    what: str, definition_metadata: Mapping[str, Any] | None, metadata: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """Return the metadata of a definition, given under its new name or the old one.

    Raises:
        InvalidInvocationError: If it is no mapping.
    """
    given = metadata if definition_metadata is None else definition_metadata
    if given is not None and not isinstance(given, Mapping):
        raise InvalidInvocationError(f"The metadata of an {what} is a dict, not {given!r}.")
    return given or {}


class ValueContext:
    """The common part of both contexts: the asset, its partitions, the resources and the step."""

    __slots__ = (
        "_asset_key",
        "_asset_partition_keys",
        "_asset_partitions_def",
        "_dagster_type",
        "_instance",
        "_job_name",
        "_log_manager",
        "_name",
        "_op_def",
        "_partition_key",
        "_resources",
        "_step_context",
        "config",
        "metadata",
        "resource_config",
    )
    _word = "context"
    _asset_key: AssetKey | None
    _asset_partition_keys: Any
    _asset_partitions_def: Any
    _dagster_type: Any
    _instance: Any
    _job_name: str | None
    _log_manager: Any
    _name: str | None
    _op_def: Any
    _partition_key: str | None
    _resources: Any
    _step_context: Any
    config: Any
    metadata: Mapping[str, Any]
    resource_config: Mapping[str, Any]

    def _missing(self, name: str) -> InvariantViolationError:
        kind = type(self).__name__
        return InvariantViolationError(
            f"This {kind} has no {name}. In a test, give it to build_{self._word}_context()."
        )

    @property
    def name(self) -> str:
        """The name of the input or output."""
        if self._name is None:
            raise self._missing("name")
        return self._name

    @property
    def job_name(self) -> str:
        """The job that runs."""
        if self._job_name is None:
            raise self._missing("job_name")
        return self._job_name

    @property
    def op_def(self) -> Any:
        """The op of the input or output."""
        if self._op_def is None:
            raise self._missing("op_def")
        return self._op_def

    @property
    def dagster_type(self) -> Any:
        """The declared type."""
        if self._dagster_type is None:
            raise self._missing("dagster_type")
        return self._dagster_type

    @property
    def definition_metadata(self) -> Mapping[str, Any]:
        """The metadata of the definition; the same as `metadata`."""
        return self.metadata

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        close_scoped(self._resources)

    @property
    def resources(self) -> Any:
        """The resources that the IO manager requires, as attributes."""
        if self._resources is None:
            raise self._missing("resources")
        return self._resources

    @property
    def log(self) -> Any:
        """The log manager."""
        return self._log_manager if self._log_manager is not None else _logger

    @property
    def step_context(self) -> Any:
        """The context of the step."""
        if self._step_context is None:
            raise self._missing("step_context")
        return self._step_context

    @property
    def instance(self) -> Any:
        """The instance of the run."""
        if self._instance is None:
            raise self._missing("instance")
        return self._instance

    @property
    def has_partition_key(self) -> bool:
        """Whether the run is for a partition."""
        return self._partition_key is not None

    @property
    def partition_key(self) -> str:
        """The partition that the run is for."""
        if self._partition_key is None:
            raise InvariantViolationError(
                "There is no partition_key: this run is not for a partition. "
                "Ask has_partition_key first."
            )
        return self._partition_key

    @property
    def has_asset_key(self) -> bool:
        """Whether the value is an asset's."""
        return self._asset_key is not None

    @property
    def asset_key(self) -> AssetKey:
        """The asset of the value."""
        if self._asset_key is None:
            raise InvariantViolationError(
                "There is no asset_key: the value is that of an op. Ask has_asset_key first."
            )
        return self._asset_key

    @property
    def has_asset_partitions(self) -> bool:
        """Whether the asset is partitioned."""
        return self._asset_partitions_def is not None

    @property
    def asset_partitions_def(self) -> Any:
        """The partitions definition of the asset."""
        if self._asset_partitions_def is None:
            raise self._unpartitioned("asset_partitions_def")
        return self._asset_partitions_def

    @property
    def asset_partition_keys(self) -> Sequence[str]:
        """The partitions of the asset that are stored or loaded."""
        if self._asset_partitions_def is None:
            raise self._unpartitioned("asset_partition_keys")
        return self._partition_keys()

    def _partition_keys(self) -> list[str]:
        """Return the keys; a range is expanded only now."""
        keys = self._asset_partition_keys
        if keys is None:
            return [] if self._partition_key is None else [self._partition_key]
        if isinstance(keys, PartitionKeyRange):
            definition = self._asset_partitions_def
            return list(definition.get_partition_keys_in_range(keys, self._instance))
        listed = getattr(keys, "get_partition_keys", None)
        return list(listed() if listed is not None else keys)

    @property
    def asset_partition_key(self) -> str:
        """The single partition of the asset that is stored or loaded."""
        keys = self.asset_partition_keys
        if len(keys) != 1:
            raise InvariantViolationError(
                f"There is no single asset_partition_key: {len(keys)} partitions are meant. "
                "Use asset_partition_keys."
            )
        return keys[0]

    @property
    def asset_partition_key_range(self) -> PartitionKeyRange:
        """The first and the last partition of the asset that are stored or loaded."""
        if isinstance(self._asset_partition_keys, PartitionKeyRange):
            return self._asset_partition_keys
        keys = self.asset_partition_keys
        if not keys:
            raise self._missing("asset_partition_key_range")
        return PartitionKeyRange(keys[0], keys[-1])

    @property
    def asset_partitions_time_window(self) -> Any:
        """The time from the start of the first partition to the end of the last."""
        ends = self.asset_partition_key_range
        definition = self._asset_partitions_def
        find = getattr(definition, "time_window_for_partition_key", None)
        if find is None:
            raise InvariantViolationError(
                f"There is no asset_partitions_time_window: {definition!r} is not made of time."
            )
        first, last = find(ends.start), find(ends.end)
        return type(first)(first.start, last.end)

    def _unpartitioned(self, name: str) -> InvariantViolationError:
        return InvariantViolationError(
            f"There is no {name}: the asset is not partitioned. Ask has_asset_partitions first."
        )

    def get_asset_identifier(self) -> Sequence[str]:
        """Return the parts of the asset's key and, if it is partitioned, its partition."""
        if self.has_asset_partitions:
            return [*self.asset_key.path, self.asset_partition_key]
        return list(self.asset_key.path)


class OutputContext(ValueContext):
    """The context in which an IO manager stores an output.

    Args:
        step_key: The step of the output.
        name: The output.
        job_name: The job that runs.
        run_id: The run.
        metadata: The metadata of the definition; an older name of `definition_metadata`.
        mapping_key: The mapping key of a dynamic output's value.
        config: The config for this output.
        dagster_type: The declared type.
        log_manager: The log manager.
        version: The version of the value.
        resource_config: The IO manager's own config.
        resources: The resources that the IO manager requires.
        step_context: The context of the step.
        op_def: The op.
        asset_info: An object with `key` and `partitions_def`, instead of the two below.
        warn_on_step_context_use: Accepted as Dagster does.
        partition_key: The partition that the run is for.
        asset_key: The asset of the value.
        asset_partitions_def: How the asset is partitioned.
        asset_partition_keys: Which of its partitions; that of the run if not given.
        asset_partitions_subset: The same, under Dagster's name.
        instance: The instance of the run.
        definition_metadata: The metadata of the definition.
        output_metadata: The metadata of the value.
        asset_spec: The spec of the asset.

    Source: Dagster's `OutputContext`.
    """

    __slots__ = ("_asset_spec", "_events", "_logged", "_run_id", "_step_key", "asset_info",
                 "mapping_key", "output_metadata", "version")  # fmt: skip
    _word = "output"

    def __init__(
        self,
        step_key: str | None = None,
        name: str | None = None,
        job_name: str | None = None,
        run_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        mapping_key: str | None = None,
        config: Any = None,
        dagster_type: Any = None,
        log_manager: Any = None,
        version: str | None = None,
        resource_config: Mapping[str, Any] | None = None,
        resources: Any = None,
        step_context: Any = None,
        op_def: Any = None,
        asset_info: Any = None,
        warn_on_step_context_use: bool = False,
        partition_key: str | None = None,
        *,
        asset_key: AssetKey | None = None,
        asset_partitions_def: Any = None,
        asset_partition_keys: Any = None,
        asset_partitions_subset: Any = None,
        instance: Any = None,
        definition_metadata: Mapping[str, Any] | None = None,
        output_metadata: Mapping[str, Any] | None = None,
        asset_spec: Any = None,
    ) -> None:
        self._step_key = step_key
        self._name = name
        self._job_name = job_name
        self._run_id = run_id
        self.metadata = said_of("output", definition_metadata, metadata)
        self.mapping_key = mapping_key
        self.config = config
        self._dagster_type = dagster_type
        self._log_manager = log_manager
        self.version = version
        self.resource_config = resource_config or {}
        self._resources = resources
        self._step_context = step_context
        self._op_def = op_def
        self.asset_info = asset_info
        self._partition_key = partition_key
        self._asset_key = asset_key if asset_info is None else asset_info.key
        self._asset_partitions_def = asset_partitions_def or getattr(
            asset_info, "partitions_def", None
        )
        keys = asset_partition_keys if asset_partition_keys is not None else asset_partitions_subset
        self._asset_partition_keys = keys
        self._instance = instance
        self.output_metadata = normalize(output_metadata)
        self._asset_spec = asset_spec
        self._logged: dict[str, MetadataValue] | None = None
        self._events: list[AssetMaterialization | AssetObservation] | None = None

    @property
    def step_key(self) -> str:
        """The step of the output."""
        if self._step_key is None:
            raise self._missing("step_key")
        return self._step_key

    @property
    def run_id(self) -> str:
        """The run of the step."""
        if self._run_id is None:
            raise self._missing("run_id")
        return self._run_id

    @property
    def asset_spec(self) -> Any:
        """The spec of the asset."""
        made = getattr(self._step_context, "assets_def", None)
        if self._asset_spec is None and made is not None:
            return made.get_asset_spec(self.asset_key)
        if self._asset_spec is None:
            raise self._missing("asset_spec")
        return self._asset_spec

    def get_identifier(self) -> Sequence[str]:
        """Return a unique identifier of the value: run, step, output and mapping key.

        Example:
            >>> OutputContext(step_key="load", name="result", run_id="r1").get_identifier()
            ['r1', 'load', 'result']
        """
        if self.version is not None:
            if self.mapping_key is not None:
                raise InvariantViolationError(
                    f"Output {self.name!r} of step {self.step_key!r} has a version and a mapping "
                    "key; a dynamic output cannot be versioned."
                )
            return ["versioned_outputs", self.version, self.step_key, self.name]
        parts = [self.run_id, self.step_key, self.name]
        return parts if self.mapping_key is None else [*parts, self.mapping_key]

    def get_run_scoped_output_identifier(self) -> Sequence[str]:
        """Dagster's older name for `get_identifier`."""
        return self.get_identifier()

    def get_output_identifier(self) -> Sequence[str]:
        """Dagster's older name for `get_identifier`."""
        return self.get_identifier()

    def get_asset_output_identifier(self) -> Sequence[str]:
        """Dagster's older name for `get_asset_identifier`."""
        return self.get_asset_identifier()

    def add_output_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Add metadata to the output's event.

        Raises:
            InvariantViolationError: If one of the keys was added before.
        """
        new = normalize(metadata)
        logged = self._logged if self._logged is not None else {}
        if twice := sorted(new.keys() & logged.keys()):
            raise InvariantViolationError(
                f"Output metadata was added twice for {', '.join(map(repr, twice))}. "
                "Use another key."
            )
        self._logged = {**logged, **new}

    def get_logged_metadata(self) -> Mapping[str, MetadataValue]:
        """Return the metadata that the IO manager added."""
        return dict(self._logged or {})

    def consume_logged_metadata(self) -> Mapping[str, MetadataValue]:
        """Return the metadata that was added since the last call."""
        logged, self._logged = self._logged, None
        return logged or {}

    def log_event(self, event: AssetMaterialization | AssetObservation) -> None:
        """Record that the IO manager materialized or observed an asset.

        Raises:
            InvariantViolationError: If it is neither.
        """
        if not isinstance(event, (AssetMaterialization, AssetObservation)):
            raise InvariantViolationError(
                f"log_event takes an AssetMaterialization or AssetObservation, not {event!r}."
            )
        if self._events is None:
            self._events = []
        self._events.append(event)

    def get_logged_events(self) -> Sequence[AssetMaterialization | AssetObservation]:
        """Return the events that the IO manager recorded."""
        return list(self._events or ())

    def consume_events(self) -> Iterable[AssetMaterialization | AssetObservation]:
        """Return the events that were recorded since the last call."""
        events, self._events = self._events, None
        yield from events or ()


class InputContext(ValueContext):
    """The context in which an input manager loads an input.

    Args:
        name: The input; None when an asset's value is loaded outside of a run.
        job_name: The job that runs.
        op_def: The op.
        config: The config for this input.
        metadata: The metadata of the definition; an older name of `definition_metadata`.
        upstream_output: The context in which the value was stored; None if it is not an output of
            this job.
        dagster_type: The declared type.
        log_manager: The log manager.
        resource_config: The input manager's own config.
        resources: The resources that the input manager requires.
        step_context: The context of the step.
        asset_key: The asset of the value.
        partition_key: The partition that the run is for.
        asset_partitions_subset: Which partitions of the asset: keys, a range, or an object with
            `get_partition_keys`; that of the run if not given.
        asset_partitions_def: How the asset is partitioned.
        instance: The instance of the run.
        definition_metadata: The metadata of the definition.

    Source: Dagster's `InputContext`.
    """

    __slots__ = ("_news", "_observations", "_told", "upstream_output")
    _word = "input"

    def __init__(
        self,
        name: str | None = None,
        job_name: str | None = None,
        op_def: Any = None,
        config: Any = None,
        metadata: Mapping[str, Any] | None = None,
        upstream_output: OutputContext | None = None,
        dagster_type: Any = None,
        log_manager: Any = None,
        resource_config: Mapping[str, Any] | None = None,
        resources: Any = None,
        step_context: Any = None,
        asset_key: AssetKey | None = None,
        partition_key: str | None = None,
        asset_partitions_subset: Any = None,
        asset_partitions_def: Any = None,
        instance: Any = None,
        definition_metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if upstream_output is not None and not isinstance(upstream_output, OutputContext):
            raise InvalidInvocationError(
                f"upstream_output is an OutputContext, not {upstream_output!r}. In a test, make "
                "one with build_output_context()."
            )
        self._name = name
        self._job_name = job_name
        self._op_def = op_def
        self.config = config
        self.metadata = said_of("input", definition_metadata, metadata)
        self.upstream_output = upstream_output
        self._dagster_type = dagster_type
        self._log_manager = log_manager
        self.resource_config = resource_config or {}
        self._resources = resources
        self._step_context = step_context
        self._asset_key = asset_key
        self._partition_key = partition_key
        self._asset_partition_keys = asset_partitions_subset
        self._asset_partitions_def = asset_partitions_def
        self._instance = instance
        self._told: dict[str, MetadataValue] = {}
        self._observations: list[AssetObservation] = []
        self._news: list[AssetObservation] = []

    @property
    def has_input_name(self) -> bool:
        """Whether it is loaded for an input of an op."""
        return self._name is not None

    def get_identifier(self) -> Sequence[str]:
        """Return the identifier of the output that stored the value."""
        if self.upstream_output is None:
            raise InvariantViolationError(
                "The value was not stored by an output of this job (there is no upstream_output), "
                "so it has no identifier. For an asset use get_asset_identifier()."
            )
        return self.upstream_output.get_identifier()

    def add_input_metadata(
        self, metadata: Mapping[str, Any], description: str | None = None
    ) -> None:
        """Add metadata to the input's event, and observe the asset if it is one.

        Args:
            metadata: Metadata of the value.
            description: A description of the observation.
        """
        self.tell_input_metadata(metadata)
        if not self.has_asset_key:
            return
        keys = self.asset_partition_keys if self.has_asset_partitions else ()
        partition = keys[0] if len(keys) == 1 else None
        seen = AssetObservation(self.asset_key, description, metadata, partition)
        self._observations.append(seen)
        self._news.append(seen)

    def tell_input_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Add metadata to the input's event without observing the asset."""
        self._told.update(normalize(metadata))

    def consume_metadata(self) -> Mapping[str, MetadataValue]:
        """Return the metadata that was added since the last call."""
        told, self._told = self._told, {}
        return told

    def get_observations(self) -> Sequence[AssetObservation]:
        """Return the observations that were recorded."""
        return list(self._observations)

    def consume_events(self) -> Iterable[AssetObservation]:
        """Return the observations that were recorded since the last call."""
        news, self._news = self._news, []
        yield from news
