"""The partition mapping between time windows, by overlap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore
from jobnb.definitions.partitions.partition_mapping import (
    PartitionMapping,
    UpstreamPartitionsResult,
    needs_partitions,
)
from jobnb.definitions.partitions.partition_subset import PartitionsSubset
from jobnb.definitions.partitions.position_runs import PositionRuns
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition
from jobnb.definitions.partitions.window_times import TimeWindow
from jobnb.errors import InvalidDefinitionError


class TimeWindowPartitionMapping(PartitionMapping):
    """Each partition depends on the upstream windows that overlap its own.

    Args:
        start_offset: The offset of the first window from the partition's own; -1 includes the
            window before it.
        end_offset: The offset of the last window; -1 excludes the partition's own.
        allow_nonexistent_upstream_partitions: Whether to ignore upstream partitions that do not
            exist.

    Offsets are in windows of the downstream asset. Windows in different timezones are compared
    by the moments they begin and end at.

    Example:
        >>> from jobnb.definitions.partitions.calendar_partitions import (
        ...     DailyPartitionsDefinition,
        ...     WeeklyPartitionsDefinition,
        ... )
        >>> days = DailyPartitionsDefinition("2013-01-01")
        >>> weeks = WeeklyPartitionsDefinition("2013-01-06")
        >>> mapping = TimeWindowPartitionMapping()
        >>> len(
        ...     mapping.get_upstream_mapped_partitions_result_for_partitions(
        ...         weeks.subset_with_partition_keys(["2013-01-06"]), days
        ...     ).partitions_subset
        ... )
        7

    Source: Dagster's `TimeWindowPartitionMapping`.
    """

    def __init__(
        self,
        start_offset: int = 0,
        end_offset: int = 0,
        allow_nonexistent_upstream_partitions: bool = False,
    ) -> None:
        for name, value in (("start_offset", start_offset), ("end_offset", end_offset)):
            if type(value) is not int:
                raise InvalidDefinitionError(f"{name} is a whole number, not {value!r}.")
        self.start_offset = start_offset
        self.end_offset = end_offset
        self.allow_nonexistent_upstream_partitions = allow_nonexistent_upstream_partitions

    def get_upstream_mapped_partitions_result_for_partitions(
        self,
        downstream_partitions_subset: PartitionsSubset | None,
        upstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> UpstreamPartitionsResult:
        """Return the upstream windows that overlap some downstream ones, shifted.

        Windows that offsets reach before the first downstream window are optional.

        Raises:
            InvalidDefinitionError: If one of the assets has no time partitions.
        """
        needs_partitions(self, downstream_partitions_subset, "downstream")
        assert downstream_partitions_subset is not None  # Validated above.
        down = self._in_time(downstream_partitions_subset.partitions_def, "downstream")
        up = self._in_time(upstream_partitions_def, "upstream")
        positions = downstream_partitions_subset.positions
        if self._same and up == down:
            return UpstreamPartitionsResult(PartitionsSubset(up, positions))
        shifted = self._shifted(positions)
        wanted = _sharing_time(up, down, shifted)
        found = wanted & up.positions(current_time)
        missing: list[str] = []
        if not self.allow_nonexistent_upstream_partitions:
            needed = shifted - PositionRuns([(min(0, self.start_offset), 0)])
            missing = [*_before_the_first(up, down, needed), *map(up.key_at, wanted - found)]
        return UpstreamPartitionsResult(PartitionsSubset(up, found), missing)

    def get_downstream_partitions_for_partitions(
        self,
        upstream_partitions_subset: PartitionsSubset,
        downstream_partitions_def: PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PartitionsSubset:
        """Return the downstream windows that, shifted, overlap some upstream ones.

        Raises:
            InvalidDefinitionError: If one of the assets has no time partitions.
        """
        up = self._in_time(upstream_partitions_subset.partitions_def, "upstream")
        down = self._in_time(downstream_partitions_def, "downstream")
        positions = upstream_partitions_subset.positions
        if self._same and up == down:
            return PartitionsSubset(down, positions)
        # Windows before the first one are reached through the offset.
        ahead = max(0, -self.start_offset)
        touched = _sharing_time(down, up, positions, ahead)
        found = PositionRuns(
            (first - self.end_offset, after - self.start_offset)
            for first, after in touched.runs
            if self.start_offset <= self.end_offset
        )
        return PartitionsSubset(down, found & down.positions(current_time))

    def validate_partition_mapping(
        self,
        upstream_partitions_def: PartitionsDefinition,
        downstream_partitions_def: PartitionsDefinition | None,
    ) -> None:
        """Check that both assets have time partitions.

        Raises:
            InvalidDefinitionError: If one has not.
        """
        needs_partitions(self, downstream_partitions_def, "downstream")
        self._in_time(upstream_partitions_def, "upstream")
        self._in_time(downstream_partitions_def, "downstream")

    @property
    def _same(self) -> bool:
        return self.start_offset == 0 == self.end_offset

    def _shifted(self, positions: PositionRuns) -> PositionRuns:
        start, end = self.start_offset, self.end_offset
        runs = positions.runs if start <= end else ()
        return PositionRuns((first + start, after + end) for first, after in runs)

    def _in_time(self, definition: object, side: str) -> TimeWindowPartitionsDefinition:
        if not isinstance(definition, TimeWindowPartitionsDefinition):
            raise InvalidDefinitionError(
                f"A TimeWindowPartitionMapping goes between partitions in time, but those of the "
                f"{side} asset are {definition!r}."
            )
        return definition

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TimeWindowPartitionMapping):
            return vars(self) == vars(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"TimeWindowPartitionMapping({given})"


def _stretches(
    definition: TimeWindowPartitionsDefinition, positions: PositionRuns
) -> Iterator[TimeWindow]:
    """Iterate over the time of windows; those before the first have negative numbers."""
    first = positions.runs[0][0] if positions else 0
    windows, more = definition.reaching_back(max(0, -first))
    for start, end in positions.runs:
        for begin, after in windows.stretches(start + more, end + more):
            yield TimeWindow(windows.ticks.at(begin), windows.ticks.at(after))


def _sharing_time(
    definition: TimeWindowPartitionsDefinition,
    other: TimeWindowPartitionsDefinition,
    positions: PositionRuns,
    ahead: int = 0,
) -> PositionRuns:
    """Return the windows that overlap some of another definition.

    Args:
        definition: Its windows are found.
        other: Its windows are given,
        positions: by their numbers.
        ahead: How many windows before the first one count too.
    """
    windows, more = definition.reaching_back(ahead)
    found = (windows.overlapping(stretch) for stretch in _stretches(other, positions))
    return PositionRuns((max(-ahead, each.start - more), each.stop - more) for each in found)


def _before_the_first(
    definition: TimeWindowPartitionsDefinition,
    other: TimeWindowPartitionsDefinition,
    positions: PositionRuns,
) -> list[str]:
    """Return the keys of windows before the first one that others overlap."""
    first = definition.windows.start(0)
    stretches = [each for each in _stretches(other, positions) if each.start < first]
    if not stretches:
        return []
    windows, more = definition.reaching_back_to(stretches[0].start)
    found = PositionRuns(
        (each.start, min(each.stop, more)) for each in map(windows.overlapping, stretches)
    )
    return [definition.key_of_start(windows.start(index)) for index in found]
