"""Which partitions of an asset have changed: all that are alike are judged at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.staleness.causes import Cause
from jobnb.staleness.partition_records import PartitionRecords, SameKind
from jobnb.staleness.tags import CODE, INITIAL
from jobnb.staleness.verdicts import (
    Defined,
    Known,
    definition_causes,
    left_causes,
    own_causes,
    upstream_cause,
)

__all__ = ["Change", "changed_partitions"]

Change = tuple[Collection[str], tuple[Cause, ...]]
"""Some partitions, and why they are not what they would be now."""


def changed_partitions(
    asset: Defined, records: PartitionRecords, known: Known, among: set[str] | None
) -> Iterator[Change]:
    """The partitions of an asset that have changed since they were made, and why.

    Args:
        asset: The asset.
        records: What was last made of its partitions.
        known: What there is beside them.
        among: The partitions that there are now; None if there are all that were ever made.
    """
    for kind in records.kinds:
        some = kind.partitions if among is None else kind.partitions & among
        if not some:
            continue
        if CODE not in kind.made.tags:
            yield from _one_by_one(asset, kind, records, some, known)
            continue
        whole = (*definition_causes(asset, kind.made, known), *left_causes(asset, kind.read))
        if whole:
            yield some, whole
        for key in asset.upstream:
            yield from _of_upstream(asset, key, kind, some, known)


def _one_by_one(
    asset: Defined, kind: SameKind, records: PartitionRecords, some: set[str], known: Known
) -> Iterator[Change]:
    """Of partitions that were only told of, times are compared."""
    for name in some:
        made = msgspec.structs.replace(
            kind.made, partition=name, storage_id=records.storage_ids[name]
        )
        causes = tuple(own_causes(asset, made, known))
        if causes:
            yield [name], causes


def _of_upstream(
    asset: Defined, key: AssetKey, kind: SameKind, some: set[str], known: Known
) -> Iterator[Change]:
    """The partitions for which another value of an upstream asset was read than there is now."""
    read: Mapping[str, str] = kind.read.get(key, {})
    now = _versions_now(asset, key, known)
    by_cause: dict[Cause, list[str]] = {}
    for name in _unlike(some, read, now):
        cause = upstream_cause(asset, key, read.get(name), _of(now, name), known)
        if cause is not None:
            by_cause.setdefault(cause, []).append(name)
    for cause, names in by_cause.items():
        yield names, (cause,)


Versions = Mapping[str, str] | Callable[[str], str | None]
"""Which value of an upstream asset there is for a partition."""


def _unlike(some: set[str], read: Mapping[str, str], now: Versions) -> Iterable[str]:
    """Those of the partitions whose version was another, or that have none."""
    if not isinstance(now, Mapping):
        return (name for name in some if (found := now(name)) is None or read.get(name) != found)
    if read == now:
        return ()
    other = [name for name, version in read.items() if now.get(name) != version]
    unread = some - read.keys() if len(read) < len(some) else ()
    return [*(name for name in other if name in some), *unread]


def _of(now: Versions, name: str) -> str | None:
    return now.get(name) if isinstance(now, Mapping) else now(name)


def _versions_now(asset: Defined, key: AssetKey, known: Known) -> Versions:
    """Which value of an upstream asset each partition would be made from now."""
    partitions = known.partitions
    if not partitions.has(key):
        version = known.version(asset, None, key)
        return lambda _name: version
    if not partitions.is_same(asset.assets, key):
        return lambda name: known.version(asset, name, key)
    found = partitions.whole(key).versions
    if key in known.sources:
        return lambda name: found.get(name, INITIAL)
    return found
