"""Which assets are materialized together: whole definitions, or parts of them on a circle.

A multi-asset of `a` and `c` can be upstream of `b` (which takes `a`) and downstream of it (`c`
takes `b`) at once. If it can be subset, it runs twice: first for `a`, and after `b` for `c`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from jobnb.definitions.assets.asset_function import asset_op_name
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey


class Part(msgspec.Struct, frozen=True):
    """The assets that one node materializes.

    Attributes:
        name: The name of the node.
        assets: The definition, for the assets of this part only.
        number: Which of its parts it is, from 1; 0 where it is not split.
    """

    name: str
    assets: AssetsDefinition
    number: int = 0


def parts_of(chosen: Sequence[AssetsDefinition], shared: Collection[str] = ()) -> list[Part]:
    """Return a part for each definition, or several for one that is on a circle and can be split.

    Args:
        chosen: The definitions, each for the assets that are selected.
        shared: The names that several functions of the whole have.
    """
    names = [name_in(shared, each) for each in chosen]
    if not any(each.can_subset and len(each.keys) > 1 for each in chosen):
        return [Part(name, each) for name, each in zip(names, chosen, strict=True)]
    waiting = _waiting(chosen)
    whole = [Part(names[i], e) for i, e in enumerate(chosen) if i not in waiting]
    if not waiting:
        return whole
    return [*whole, *_Splitter(chosen, waiting, names).split()]


def shared_names(assets: Iterable[AssetsDefinition]) -> set[str]:
    """Return the names that several definitions' functions have, as with different key prefixes."""
    names = [each.node_def.name for each in assets]
    if len(set(names)) == len(names):
        return set()
    return {name for name, count in Counter(names).items() if count > 1}


def name_in(shared: Collection[str], assets: AssetsDefinition) -> str:
    """Return the name of a definition's node: its function's, or its first key's if shared."""
    name = assets.node_def.name
    if name not in shared:
        return name
    return asset_op_name(next(iter(assets.keys_by_output_name.values())))


def _waiting(chosen: Sequence[AssetsDefinition]) -> set[int]:
    """Return the numbers of definitions that never become ready as a whole."""
    maker = {key: index for index, each in enumerate(chosen) for key in each.keys}
    upstream = [_upstream(index, each, maker) for index, each in enumerate(chosen)]
    downstream: list[list[int]] = [[] for _ in chosen]
    missing = [len(found) for found in upstream]
    for index, found in enumerate(upstream):
        for up in found:
            downstream[up].append(index)
    ready = [index for index, count in enumerate(missing) if not count]
    waiting = set(range(len(chosen)))
    while ready:
        index = ready.pop()
        waiting.discard(index)
        for down in downstream[index]:
            missing[down] -= 1
            if not missing[down]:
                ready.append(down)
    return waiting


def _checks(definition: AssetsDefinition, keys: set[AssetKey], number: int) -> set[AssetCheckKey]:
    """Return the checks of a part: of its assets, and in the first part those of other assets."""
    return {
        key
        for key in definition.check_keys
        if key.asset in keys or (number == 1 and key.asset not in definition.keys)
    }


def _upstream(index: int, each: AssetsDefinition, maker: Mapping[AssetKey, int]) -> set[int]:
    deps = each.asset_deps
    found = {maker[dep] for key in each.keys for dep in deps.get(key, ()) if dep in maker}
    return found - {index}


class _Splitter:
    """Orders definitions: whole where possible, in parts where they lie on a circle."""

    def __init__(
        self, chosen: Sequence[AssetsDefinition], waiting: Iterable[int], names: Sequence[str]
    ) -> None:
        self.chosen = chosen
        self.names = names
        self.left = {index: set(chosen[index].keys) for index in sorted(waiting)}
        self.unmade = {key for keys in self.left.values() for key in keys}
        self.readers: dict[AssetKey, list[int]] = {}
        for index in self.left:
            for deps in chosen[index].asset_deps.values():
                for dep in deps & self.unmade:
                    self.readers.setdefault(dep, []).append(index)
        self.parts: list[Part] = []
        self.counts: dict[int, int] = {}

    def split(self) -> list[Part]:
        """Return the parts, in an order in which they can be materialized."""
        queue = list(self.left)
        while self.left:
            while queue:
                index = queue.pop()
                # Whole definitions first: each split runs the function once more.
                if index in self.left and self._ready(index) == self.left[index]:
                    queue += self._make(index, set(self.left[index]))
            if self.left:
                stuck = self._make_one_part()
                if stuck is None:
                    break
                queue += stuck
        for index in list(self.left):  # A circle that cannot be split: the plan reports it.
            self._make(index, set(self.left[index]))
        return self.parts

    def _make_one_part(self) -> list[int] | None:
        for index in self.left:
            if self.chosen[index].can_subset and (ready := self._ready(index)):
                return self._make(index, ready)
        return None

    def _ready(self, index: int) -> set[AssetKey]:
        """Return the assets of a definition whose upstream assets are all placed."""
        deps = self.chosen[index].asset_deps
        ready: set[AssetKey] = set()
        rest = set(self.left[index])
        while True:
            # `ready` counts as placed, because assets of one function may depend on each other,
            # and `key` itself, because it may depend on its own earlier partitions.
            more = {key for key in rest if not (deps[key] & self.unmade) - ready - {key}}
            if not more:
                return ready
            ready |= more
            rest -= more

    def _make(self, index: int, keys: set[AssetKey]) -> list[int]:
        """Add a part; return the definitions that may be ready now."""
        definition = self.chosen[index]
        self.left[index] -= keys
        self.unmade -= keys
        if not self.left[index]:
            del self.left[index]
        whole = keys == definition.keys
        number = 0 if whole else self.counts.get(index, 0) + 1
        self.counts[index] = number
        name = self.names[index]
        checks = _checks(definition, keys, number)
        assets = definition if whole else definition.subset_for(keys, checks)
        self.parts.append(Part(name if number < 2 else f"{name}_{number}", assets, number))
        return [each for key in keys for each in self.readers.get(key, ())]
