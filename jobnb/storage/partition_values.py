"""Values by partition: one output holds several, one input loads several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jobnb.definitions.resources.io_context import InputContext, OutputContext
from jobnb.errors import InvariantViolationError, StepOutputNotFoundError

__all__ = ["ALLOW_MISSING", "load_partitions", "partition_parts", "split_partitions"]

ALLOW_MISSING = "allow_missing_partitions"
"""Metadata of an input that says: what is not stored is left out."""


def partition_parts(context: InputContext | OutputContext, partition_key: str) -> list[str]:
    """The names that a partition has in a path: one, or one for each dimension."""
    key = context.asset_partitions_def.typed_key(partition_key)
    dimensions = getattr(key, "keys_by_dimension", None)
    return list(dimensions.values()) if dimensions is not None else [str(key)]


def split_partitions(context: OutputContext, value: Any) -> Iterator[tuple[str, Any]]:
    """The value of each partition that a run makes in one go.

    Raises:
        InvariantViolationError: If there are several, and the value is no dict of them.
    """
    keys = context.asset_partition_keys
    if len(keys) == 1:
        yield keys[0], value
        return
    if not keys:
        raise _without_partition(context)
    if value is None:
        yield from ((key, None) for key in keys)
        return
    if not isinstance(value, Mapping):
        raise _no_dict(context, len(keys), f"it is a {type(value).__name__}")
    lacking = [key for key in keys if key not in value]
    if lacking:
        raise _no_dict(context, len(keys), f"{_some(lacking)} is missing in it")
    known = set(keys)
    surplus = [key for key in value if key not in known]
    if surplus:
        raise _no_dict(context, len(keys), f"{_some(surplus)} in it is none of them")
    yield from ((key, value[key]) for key in keys)


def _without_partition(context: OutputContext) -> InvariantViolationError:
    return InvariantViolationError(
        f"The asset {context.asset_key.to_user_string()!r} has partitions, and the run is for none "
        'of them. Say which: partition_key="...".'
    )


def _no_dict(context: OutputContext, count: int, why: str) -> InvariantViolationError:
    return InvariantViolationError(
        f"The run makes {count} partitions of {context.asset_key.to_user_string()!r} in one go, so "
        f"its value must be a dict with one value for each of context.partition_keys; {why}. "
        "Return such a dict, or make each partition in a run of its own with session.backfill()."
    )


def _some(keys: list[Any]) -> str:
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return ", ".join(map(repr, keys[:3])) + more


def load_partitions(
    context: InputContext,
    maker: InputContext | OutputContext,
    load: Callable[[str], Any],
    absent: type[Exception] | tuple[type[Exception], ...] = StepOutputNotFoundError,
) -> Any:
    """The value of the partition that is meant; of several, a dict of them; of none, None.

    Args:
        context: The input.
        maker: What tells which partitions are meant.
        load: Gives the value of one partition.
        absent: What `load` raises where nothing is stored.

    Raises:
        StepOutputNotFoundError: If some are not stored and the input does not allow it.
    """
    keys, found, lacking = list(maker.asset_partition_keys), {}, []
    for key in keys:
        try:
            found[key] = load(key)
        except absent as error:
            if len(keys) == 1 and not _allows(context):
                raise
            lacking.append((key, error))
    if lacking and not _allows(context):
        raise _not_stored(maker, [key for key, _ in lacking], len(keys)) from lacking[0][1]
    if len(keys) > 1:
        return found
    return found.get(keys[0]) if keys else None


def _allows(context: InputContext) -> bool:
    told = context.metadata.get(ALLOW_MISSING)
    return bool(getattr(told, "value", told))


def _not_stored(
    maker: InputContext | OutputContext, lacking: list[str], count: int
) -> StepOutputNotFoundError:
    name = maker.asset_key.to_user_string()
    return StepOutputNotFoundError(
        f"{len(lacking)} of {count} partitions of the asset {name!r} are not stored: "
        f"{_some(lacking)}. Materialize them first with "
        f'session.backfill("{name}", only_missing=True), or give the input '
        f'metadata={{"{ALLOW_MISSING}": True}} to do without them.'
    )
