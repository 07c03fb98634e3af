"""An asset that depends on itself: on earlier partitions only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.function import Function
from jobnb.definitions.ops.inout import AssetIn
from jobnb.definitions.partitions.positioned_partitions import PositionedPartitions
from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
from jobnb.errors import InvalidDefinitionError


def check_own_past(
    key: AssetKey, function: Function, ins: Mapping[str, AssetIn], partitions: Any
) -> None:
    """Check that an asset that depends on itself has partitions of time, and reads earlier ones.

    Args:
        key: The asset.
        function: Its function.
        ins: Its inputs that are declared.
        partitions: Its partitions, if it has some.

    Raises:
        InvalidDefinitionError: If it depends on the partition that it makes.
    """
    name = key.path[-1]
    is_named = (
        len(key.path) == 1
        and name in function.parameters
        and name not in ins
        and name in function.input_names
    )
    own = [each for given, each in ins.items() if each.key_for(given) == key]
    if not is_named and not own:
        return
    of_time = isinstance(partitions, PositionedPartitions)
    is_static = isinstance(partitions, StaticPartitionsDefinition)
    if not of_time or is_static or is_named or not all(_is_earlier(each) for each in own):
        raise InvalidDefinitionError(
            f"The asset {key.to_user_string()!r} depends on itself. Only one with partitions of "
            "time can, on an earlier partition: give it a partitions_def, and the input "
            "AssetIn(partition_mapping=TimeWindowPartitionMapping(start_offset=-1, end_offset=-1))."
        )


def _is_earlier(given: AssetIn) -> bool:
    """Whether an input reads earlier partitions only, in time or in a dimension of time."""
    mapping: Any = given.partition_mapping
    by_dimension = getattr(mapping, "downstream_mappings_by_upstream_dimension", {})
    of_dimensions = [each.partition_mapping for each in by_dimension.values()]
    if any(map(_ends_before, of_dimensions)) or _ends_before(mapping):
        return True
    # What a class of the user's maps to is known when a run is planned.
    return mapping is not None and not type(mapping).__module__.startswith("jobnb.")


def _ends_before(mapping: Any) -> bool:
    end: int = getattr(mapping, "end_offset", 0)
    return end < 0
