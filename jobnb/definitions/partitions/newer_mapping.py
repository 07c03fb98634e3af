"""Mappings of one's own that are written for newer Dagster, which tells them both definitions."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from inspect import signature
from typing import Any

from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore
from jobnb.definitions.partitions.partition_mapping import (
    PartitionMapping,
    UpstreamPartitionsResult,
)
from jobnb.definitions.partitions.partition_subset import PartitionsSubset

__all__ = ["NewerMapping", "wants_both"]


def wants_both(mapping: PartitionMapping) -> bool:
    """Whether the methods of a mapping take the definitions of both assets."""
    return _wants_both(type(mapping))


@cache
def _wants_both(kind: type[PartitionMapping]) -> bool:
    asked = kind.get_upstream_mapped_partitions_result_for_partitions
    return "downstream_partitions_def" in signature(asked).parameters


class NewerMapping(PartitionMapping):
    """Asks a mapping as newer Dagster does.

    Args:
        mapping: The mapping.
        upstream: The partitions of the upstream asset.
        downstream: Those of the downstream one.
    """

    def __init__(
        self,
        mapping: Any,
        upstream: PartitionsDefinition,
        downstream: PartitionsDefinition | None,
    ) -> None:
        self._mapping = mapping
        self._upstream = upstream
        self._downstream = downstream

    def get_upstream_mapped_partitions_result_for_partitions(
        self,
        downstream_partitions_subset: PartitionsSubset | None,
        upstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> UpstreamPartitionsResult:
        """What some downstream partitions are made from."""
        found: UpstreamPartitionsResult = (
            self._mapping.get_upstream_mapped_partitions_result_for_partitions(
                downstream_partitions_subset=downstream_partitions_subset,
                downstream_partitions_def=self._downstream,
                upstream_partitions_def=upstream_partitions_def,
                current_time=current_time,
                dynamic_partitions_store=dynamic_partitions_store,
            )
        )
        return found

    def get_downstream_partitions_for_partitions(
        self,
        upstream_partitions_subset: PartitionsSubset,
        downstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PartitionsSubset:
        """What is made from some upstream partitions."""
        found: PartitionsSubset = self._mapping.get_downstream_partitions_for_partitions(
            upstream_partitions_subset=upstream_partitions_subset,
            upstream_partitions_def=self._upstream,
            downstream_partitions_def=downstream_partitions_def,
            current_time=current_time,
            dynamic_partitions_store=dynamic_partitions_store,
        )
        return found

    def __repr__(self) -> str:
        return repr(self._mapping)
