"""Partition mappings that do not depend on time or order: all, last, specific, static."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore, check_partition_keys
from jobnb.definitions.partitions.partition_mapping import (
    PartitionMapping,
    UpstreamPartitionsResult,
    needs_partitions,
)
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.errors import InvalidDefinitionError, UnknownPartitionError


class _SameForAll(PartitionMapping):
    """Every downstream partition, and an unpartitioned asset, depends on the same partitions."""

    @abstractmethod
    def _upstream(
        self,
        upstream: PartitionsDefinition,
        current_time: datetime | None,
        store: DynamicPartitionsStore | None,
    ) -> PartitionsSubset:
        """Return the upstream partitions."""

    def get_upstream_mapped_partitions_result_for_partitions(
        self,
        downstream_partitions_subset: PartitionsSubset | None,
        upstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> UpstreamPartitionsResult:
        """Return the same upstream partitions for any downstream ones."""
        if downstream_partitions_subset is not None and downstream_partitions_subset.is_empty:
            return UpstreamPartitionsResult(upstream_partitions_def.empty_subset())
        found = self._upstream(upstream_partitions_def, current_time, dynamic_partitions_store)
        return UpstreamPartitionsResult(found)

    def get_downstream_partitions_for_partitions(
        self,
        upstream_partitions_subset: PartitionsSubset,
        downstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PartitionsSubset:
        """Return all downstream partitions, if a mapped upstream one is given."""
        upstream = upstream_partitions_subset.partitions_def
        matter = self._upstream(upstream, current_time, dynamic_partitions_store)
        if (upstream_partitions_subset & matter).is_empty:
            return downstream_partitions_def.empty_subset()
        return downstream_partitions_def.subset_with_all_partitions(
            current_time, dynamic_partitions_store
        )

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class AllPartitionMapping(_SameForAll):
    """Each partition depends on all upstream partitions.

    Source: Dagster's `AllPartitionMapping`.
    """

    def _upstream(
        self,
        upstream: PartitionsDefinition,
        current_time: datetime | None,
        store: DynamicPartitionsStore | None,
    ) -> PartitionsSubset:
        return upstream.subset_with_all_partitions(current_time, store)


class LastPartitionMapping(_SameForAll):
    """Each partition depends on the last upstream partition.

    Source: Dagster's `LastPartitionMapping`.
    """

    def _upstream(
        self,
        upstream: PartitionsDefinition,
        current_time: datetime | None,
        store: DynamicPartitionsStore | None,
    ) -> PartitionsSubset:
        last = upstream.get_last_partition_key(current_time, store)
        return upstream.subset_with_partition_keys([] if last is None else [last])


class SpecificPartitionsPartitionMapping(_SameForAll):
    """Each partition depends on the same upstream partitions.

    Args:
        partition_keys: The keys of the upstream partitions.

    Example:
        >>> from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
        >>> airports = StaticPartitionsDefinition(["EWR", "JFK", "LGA"])
        >>> mapping = SpecificPartitionsPartitionMapping(["JFK"])
        >>> list(
        ...     mapping.get_upstream_mapped_partitions_result_for_partitions(
        ...         None, airports
        ...     ).partitions_subset
        ... )
        ['JFK']

    Source: Dagster's `SpecificPartitionsPartitionMapping`.
    """

    def __init__(self, partition_keys: Sequence[str]) -> None:
        self.partition_keys = check_partition_keys(
            partition_keys, "a SpecificPartitionsPartitionMapping"
        )

    def _upstream(
        self,
        upstream: PartitionsDefinition,
        current_time: datetime | None,
        store: DynamicPartitionsStore | None,
    ) -> PartitionsSubset:
        return upstream.subset_with_partition_keys(self.partition_keys)

    def validate_partition_mapping(
        self,
        upstream_partitions_def: PartitionsDefinition,
        downstream_partitions_def: PartitionsDefinition | None,
    ) -> None:
        """Check that the upstream asset can have the partitions.

        Raises:
            InvalidDefinitionError: If it cannot; names the impossible keys.
        """
        try:
            upstream_partitions_def.subset_with_partition_keys(self.partition_keys)
        except UnknownPartitionError as error:
            raise InvalidDefinitionError(
                f"A SpecificPartitionsPartitionMapping names upstream partitions: {error}"
            ) from None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SpecificPartitionsPartitionMapping):
            return self.partition_keys == other.partition_keys
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.partition_keys))

    def __repr__(self) -> str:
        return f"SpecificPartitionsPartitionMapping({self.partition_keys!r})"


class StaticPartitionMapping(PartitionMapping):
    """Maps each upstream key to the downstream keys that depend on it.

    Args:
        downstream_partition_keys_by_upstream_partition_key: One downstream key or several, by
            upstream key.

    Raises:
        InvalidDefinitionError: If it is no dict of keys.

    Example:
        >>> from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
        >>> airports = StaticPartitionsDefinition(["EWR", "JFK", "LGA"])
        >>> states = StaticPartitionsDefinition(["NJ", "NY"])
        >>> mapping = StaticPartitionMapping({"EWR": "NJ", "JFK": "NY", "LGA": ["NY"]})
        >>> list(
        ...     mapping.get_upstream_mapped_partitions_result_for_partitions(
        ...         states.subset_with_partition_keys(["NY"]), airports
        ...     ).partitions_subset
        ... )
        ['JFK', 'LGA']

    Source: Dagster's `StaticPartitionMapping`.
    """

    def __init__(
        self,
        downstream_partition_keys_by_upstream_partition_key: Mapping[str, str | Collection[str]],
    ) -> None:
        given = downstream_partition_keys_by_upstream_partition_key
        if not _is_mapping(given):
            raise InvalidDefinitionError(
                "A StaticPartitionMapping is a dict with the downstream keys of each upstream "
                f"key, not {given!r}."
            )
        self.downstream_partition_keys_by_upstream_partition_key = dict(given)
        self._downstream = {
            key: frozenset([keys] if isinstance(keys, str) else keys) for key, keys in given.items()
        }
        self._upstream: dict[str, set[str]] = {}
        for upstream, keys in self._downstream.items():
            for key in keys:
                self._upstream.setdefault(key, set()).add(upstream)

    def get_upstream_mapped_partitions_result_for_partitions(
        self,
        downstream_partitions_subset: PartitionsSubset | None,
        upstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> UpstreamPartitionsResult:
        """Return the upstream partitions that are mapped to some downstream ones.

        Raises:
            InvalidDefinitionError: If the mapping names keys that one of the assets does not have.
        """
        needs_partitions(self, downstream_partitions_subset, "downstream")
        assert downstream_partitions_subset is not None  # Validated above.
        self.validate_partition_mapping(
            upstream_partitions_def, downstream_partitions_subset.partitions_def
        )
        found = _mentioned(downstream_partitions_subset, self._upstream)
        return UpstreamPartitionsResult(upstream_partitions_def.subset_with_partition_keys(found))

    def get_downstream_partitions_for_partitions(
        self,
        upstream_partitions_subset: PartitionsSubset,
        downstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PartitionsSubset:
        """Return the downstream partitions that are mapped from some upstream ones.

        Raises:
            InvalidDefinitionError: If the mapping names keys that one of the assets does not have.
        """
        self.validate_partition_mapping(
            upstream_partitions_subset.partitions_def, downstream_partitions_def
        )
        found = _mentioned(upstream_partitions_subset, self._downstream)
        return downstream_partitions_def.subset_with_partition_keys(found)

    def validate_partition_mapping(
        self,
        upstream_partitions_def: PartitionsDefinition,
        downstream_partitions_def: PartitionsDefinition | None,
    ) -> None:
        """Check that both assets have the mapped keys.

        Raises:
            InvalidDefinitionError: If not; names the keys.
        """
        needs_partitions(self, downstream_partitions_def, "downstream")
        assert downstream_partitions_def is not None  # Validated above.
        sides = (
            ("upstream", upstream_partitions_def, self._downstream),
            ("downstream", downstream_partitions_def, self._upstream),
        )
        for side, definition, keys in sides:
            try:
                definition.positions_of(keys)
            except UnknownPartitionError as error:
                raise InvalidDefinitionError(
                    f"A StaticPartitionMapping names {side} partitions: {error}"
                ) from None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StaticPartitionMapping):
            return self._downstream == other._downstream
        return NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._downstream.items()))

    def __repr__(self) -> str:
        written = self.downstream_partition_keys_by_upstream_partition_key
        return f"StaticPartitionMapping({written!r})"


def _is_mapping(given: object) -> bool:
    return isinstance(given, Mapping) and all(
        isinstance(key, str)
        and (isinstance(keys, str) or (isinstance(keys, Collection) and _all_text(keys)))
        for key, keys in given.items()
    )


def _all_text(keys: Iterable[object]) -> bool:
    return all(isinstance(each, str) for each in keys)


def _mentioned(subset: PartitionsSubset, written: Mapping[str, Collection[str]]) -> set[str]:
    """Return the mapped keys of a subset, iterating over the smaller of both."""
    if len(written) < len(subset):
        return {each for key, keys in written.items() if key in subset for each in keys}
    return {each for key in subset for each in written.get(key, ())}
