"""What was last made of all partitions of an asset: read once, then only what is new.

A hundred thousand partitions are mostly alike: they were made by the same code with the same
config. What they share is kept once, so that it can be judged once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from weakref import WeakKeyDictionary

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.staleness.tags import (
    CODE,
    CONFIG,
    CONFIG_VERSION,
    DATA,
    GIVEN_CONFIG,
    INPUT,
    data_version_of,
)
from jobnb.storage.instance import Instance
from jobnb.storage.records import Made

__all__ = ["PartitionRecords", "SameKind", "records_of", "unread"]

_SHARED = (CODE, CONFIG_VERSION, CONFIG, GIVEN_CONFIG)


class SameKind(msgspec.Struct):
    """Partitions that were made by the same code, with the same config, of the same assets.

    Attributes:
        made: One of them; only the tags of code and config are kept.
        partitions: All of them.
        read: For each asset that was read, its version by partition.
    """

    made: Made
    partitions: set[str]
    read: dict[AssetKey, dict[str, str]]

    @property
    def sign(self) -> tuple[object, ...]:
        """What they share."""
        return (*(self.made.tags.get(tag) for tag in _SHARED), frozenset(self.read))

    def with_others(self, more: SameKind) -> SameKind:
        """These and more of their kind."""
        read = {key: {**versions, **more.read[key]} for key, versions in self.read.items()}
        return SameKind(self.made, self.partitions | more.partitions, read)

    def leave_out(self, partitions: Iterable[str]) -> SameKind:
        """The others of its kind."""
        gone = set(partitions)
        read = {
            key: {name: version for name, version in versions.items() if name not in gone}
            for key, versions in self.read.items()
        }
        return SameKind(self.made, self.partitions - gone, read)


class PartitionRecords(msgspec.Struct, frozen=True):
    """What was last made of each partition of an asset.

    Attributes:
        versions: The data version of each.
        storage_ids: The number of the event that made each.
        kinds: The partitions by what they share.
        print: What tells whether it is still true; see `Instance.partitions_print`.
    """

    versions: Mapping[str, str]
    storage_ids: Mapping[str, int]
    kinds: tuple[SameKind, ...]
    print: tuple[int, int] = (0, 0)

    def joined(self, made: Mapping[str, Made]) -> PartitionRecords:
        """These, and what was made since."""
        if not made:
            return self
        again = self.versions.keys() & made.keys()
        old = [each.leave_out(again) for each in self.kinds] if again else [*self.kinds]
        kinds = _merged([each for each in old if each.partitions] + _kinds_of(made))
        versions, ids = dict(self.versions), dict(self.storage_ids)
        for name, each in made.items():
            number = each.storage_id
            versions[name] = each.tags.get(DATA) or data_version_of(each.tags, number)
            ids[name] = number
        return PartitionRecords(versions, ids, kinds, (len(ids), sum(ids.values())))


_NOTHING = PartitionRecords({}, {}, ())


def _merged(kinds: Iterable[SameKind]) -> tuple[SameKind, ...]:
    """Each kind once."""
    found: dict[tuple[object, ...], SameKind] = {}
    for each in kinds:
        known = found.get(each.sign)
        found[each.sign] = each if known is None else known.with_others(each)
    return tuple(found.values())


def _kinds_of(made: Mapping[str, Made]) -> list[SameKind]:
    found: dict[tuple[str | None, ...], tuple[SameKind, list[tuple[str, dict[str, str]]]]] = {}
    for name, each in made.items():
        tags = each.tags
        sign = (*tags, tags.get(CODE), tags.get(CONFIG_VERSION), tags.get(GIVEN_CONFIG))
        known = found.get(sign)
        if known is None:
            known = found[sign] = _new_kind(each)
        kind, inputs = known
        kind.partitions.add(name)
        for tag, versions in inputs:
            versions[name] = tags[tag]
    return [kind for kind, _ in found.values()]


def _new_kind(first: Made) -> tuple[SameKind, list[tuple[str, dict[str, str]]]]:
    """A kind that has no partitions yet, and its versions by the tag that tells them."""
    tags = {tag: first.tags[tag] for tag in _SHARED if tag in first.tags}
    inputs: list[tuple[str, dict[str, str]]] = [(t, {}) for t in first.tags if t.startswith(INPUT)]
    read = {_input_key(tag): versions for tag, versions in inputs}
    return SameKind(msgspec.structs.replace(first, tags=tags), set(), read), inputs


def _input_key(tag: str) -> AssetKey:
    return AssetKey.from_user_string(tag[len(INPUT) :])


_kept: WeakKeyDictionary[Instance, dict[AssetKey, PartitionRecords]] = WeakKeyDictionary()
_guard = threading.Lock()


def unread(instance: Instance, key: AssetKey) -> int:
    """How many partitions of an asset `records_of` would have to read now, about."""
    with _guard:
        known = _kept.get(instance, {}).get(key, _NOTHING)
    now = instance.partitions_print(key)
    return 0 if known.print == now else max(1, now[0] - known.print[0])


def records_of(instance: Instance, key: AssetKey) -> PartitionRecords:
    """What was last made of each partition of an asset, as the history has it now.

    Args:
        instance: The history.
        key: The asset.

    Example:
        >>> from jobnb import StaticPartitionsDefinition, asset, materialize
        >>> @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
        ... def letters(): ...
        >>> instance = Instance.ephemeral()
        >>> made = materialize([letters], instance=instance, partition_key="b")
        >>> list(records_of(instance, letters.key).versions)
        ['b']
    """
    with _guard:
        kept = _kept.setdefault(instance, {})
        known = kept.get(key, _NOTHING)
        now = instance.partitions_print(key)
        if known.print != now:
            after = max(known.storage_ids.values(), default=None)
            known = known.joined(instance.partitions_made(key, after=after))
            if known.print != now:  # some were forgotten, or a run was: what is left is older
                known = _NOTHING.joined(instance.partitions_made(key))
            kept[key] = known
        return known
