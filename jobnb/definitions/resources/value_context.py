"""What the contexts of inputs and outputs have in common."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition_keys import PartitionKeyRange
from jobnb.errors import InvalidInvocationError, InvariantViolationError

__all__ = ["ValueContext", "said_of"]

_logger = logging.getLogger("jobnb")


def said_of(
    what: str, definition_metadata: Mapping[str, Any] | None, metadata: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """The metadata of a definition, under its new name or the old one.

    Raises:
        InvalidInvocationError: If it is no mapping.
    """
    given = metadata if definition_metadata is None else definition_metadata
    if given is not None and not isinstance(given, Mapping):
        raise InvalidInvocationError(f"The metadata of an {what} is a dict, not {given!r}.")
    return given or {}


class ValueContext:
    """What both contexts tell: of the asset, its partitions, the resources and the step."""

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
        """The op whose input or output it is."""
        if self._op_def is None:
            raise self._missing("op_def")
        return self._op_def

    @property
    def dagster_type(self) -> Any:
        """The type that is declared."""
        if self._dagster_type is None:
            raise self._missing("dagster_type")
        return self._dagster_type

    @property
    def definition_metadata(self) -> Mapping[str, Any]:
        """The metadata of the definition; the same as `metadata`."""
        return self.metadata

    @property
    def resources(self) -> Any:
        """The resources that the IO manager asked for, as attributes."""
        if self._resources is None:
            raise self._missing("resources")
        return self._resources

    @property
    def log(self) -> Any:
        """Where to log."""
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
        """Whether the value is that of an asset."""
        return self._asset_key is not None

    @property
    def asset_key(self) -> AssetKey:
        """The asset whose value it is."""
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
        """How the asset is partitioned."""
        if self._asset_partitions_def is None:
            raise self._unpartitioned("asset_partitions_def")
        return self._asset_partitions_def

    @property
    def asset_partition_keys(self) -> Sequence[str]:
        """The partitions of the asset that are meant."""
        if self._asset_partitions_def is None:
            raise self._unpartitioned("asset_partition_keys")
        return self._partition_keys()

    def _partition_keys(self) -> list[str]:
        """The keys; a range is spelled out only now."""
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
        """The one partition of the asset that is meant."""
        keys = self.asset_partition_keys
        if len(keys) != 1:
            raise InvariantViolationError(
                f"There is no single asset_partition_key: {len(keys)} partitions are meant. "
                "Use asset_partition_keys."
            )
        return keys[0]

    @property
    def asset_partition_key_range(self) -> PartitionKeyRange:
        """The first and the last partition of the asset that are meant."""
        if isinstance(self._asset_partition_keys, PartitionKeyRange):
            return self._asset_partition_keys
        keys = self.asset_partition_keys
        if not keys:
            raise self._missing("asset_partition_key_range")
        return PartitionKeyRange(keys[0], keys[-1])

    @property
    def asset_partitions_time_window(self) -> Any:
        """From the start of the first partition that is meant to the end of the last."""
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
        """The parts of the asset's key and, where it is partitioned, its partition."""
        if self.has_asset_partitions:
            return [*self.asset_key.path, self.asset_partition_key]
        return list(self.asset_key.path)
