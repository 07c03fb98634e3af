"""The common part of `@asset` and `@multi_asset`: parameters become upstream assets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jobnb.definitions.assets.asset_spec import AssetDep, deps_of, listed
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.lazy import lazy
from jobnb.definitions.ops.function import Function
from jobnb.definitions.ops.inout import AssetIn, In, prefix_of
from jobnb.errors import InvalidDefinitionError, did_you_mean

_PLAIN_PART = re.compile(r"[A-Za-z0-9_-]+")


class FunctionAsset(AssetsDefinition):
    """Assets of a function; its inputs are read at their first use."""

    def __init__(
        self, ins: Mapping[str, AssetIn], deps: Mapping[str, AssetKey], **rest: Any
    ) -> None:
        super().__init__(keys_by_input_name={}, **rest)
        self._asset_ins = ins
        self._dep_keys = deps

    @lazy
    def keys_by_input_name(self) -> Mapping[str, AssetKey]:
        """The upstream asset of each input."""
        ins, function = self._asset_ins, self.op.function
        unknown = [
            name
            for name, each in ins.items()
            if name not in function.input_names and not each.only_orders
        ]
        if unknown and not function.has_var_keyword:
            hint = did_you_mean(unknown[0], function.input_names, noun="It takes")
            raise InvalidDefinitionError(
                f"The asset {self.op.name!r} declares an input {unknown[0]!r} that its function "
                f"does not take. {hint}"
            )
        names = dict.fromkeys((*function.input_names, *ins))
        keys = {name: ins[name].key_for(name) if name in ins else AssetKey(name) for name in names}
        return {**keys, **self._dep_keys}


class Upstream:
    """The upstream assets of a function, as far as the decorator declares them.

    Args:
        ins: More about upstream assets, by parameter.
        keys: The assets that only order, by the name of their input.
        partition_mappings: How the partitions of upstream assets are mapped.

    Attributes:
        op_ins: The inputs of the op, those that only order included.
    """

    __slots__ = ("ins", "keys", "op_ins", "partition_mappings")

    def __init__(
        self,
        ins: Mapping[str, AssetIn],
        keys: Mapping[str, AssetKey],
        partition_mappings: dict[AssetKey, Any],
    ) -> None:
        self.ins = ins
        self.keys = keys
        self.partition_mappings = partition_mappings
        self.op_ins = {name: each.to_in() for name, each in ins.items()}
        if keys:
            from jobnb.definitions.types import Nothing

            self.op_ins.update({name: In(Nothing) for name in keys})


def read_upstream(
    owner: AssetKey | str,
    made: Iterable[AssetKey],
    function: Function,
    ins: Mapping[str, AssetIn] | None,
    deps: Iterable[Any] | None,
    older: Iterable[Any] | None = None,
) -> Upstream:
    """Read the upstream assets of a function.

    Args:
        owner: The asset or the function, for errors.
        made: The assets that the function materializes.
        function: The function.
        ins: More about upstream assets, by parameter.
        deps: Assets that must be materialized before, and are not loaded.
        older: An older name of the same parameter.

    Raises:
        InvalidDefinitionError: If an input is no `AssetIn`, or an asset is in its own deps.
    """
    given = ins or {}
    for name, each in given.items():
        if not isinstance(each, AssetIn):
            raise InvalidDefinitionError(
                f"{_described(owner)} declares its input {name!r} as {each!r}. "
                f"Write AssetIn({each!r})."
            )
    mappings = {
        each.key_for(parameter): each.partition_mapping
        for parameter, each in given.items()
        if each.partition_mapping is not None
    }
    if deps is None and older is None:
        return Upstream(given, {}, mappings)
    wanted = deps_of([*listed(deps), *listed(older)])
    for dep in wanted:
        if dep.partition_mapping is not None:
            mappings[dep.asset_key] = dep.partition_mapping
    keys = _by_input(wanted, function, given)
    own = set(made)
    for key in keys.values():
        if key in own and key not in mappings:
            raise InvalidDefinitionError(f"{_described(owner)} is in its own deps. Take it out.")
    return Upstream(given, keys, mappings)


def _described(owner: AssetKey | str) -> str:
    if isinstance(owner, AssetKey):
        return f"The asset {owner.to_user_string()!r}"
    return f"One of the assets of {owner!r}"


def _by_input(
    deps: Sequence[AssetDep], function: Function, ins: Mapping[str, AssetIn]
) -> dict[str, AssetKey]:
    """Return the assets that only order, by the name of their input."""
    found: dict[str, AssetKey] = {}
    for dep in deps:
        key = dep.asset_key
        name = key.to_python_identifier().replace(".", "_")
        if name in function.parameters:
            if name not in ins and AssetKey(name) == key:
                continue  # A loaded input orders, too.
            name = f"{name}__dep"
        if ins and any(each.key_for(parameter) == key for parameter, each in ins.items()):
            continue
        while name in found:  # `a-b` and `a_b` are different assets.
            name = f"{name}_"
        found[name] = key
    return found


def kind_words(kinds: Iterable[str] | None, compute_kind: str | None) -> frozenset[str]:
    """Return the kinds of an asset."""
    return frozenset([*(kinds or ()), *([compute_kind] if compute_kind else [])])


def own_key(
    fn: Callable[..., Any],
    name: str | None,
    key_prefix: str | Sequence[str] | None,
    key: CoercibleToAssetKey | None,
) -> AssetKey:
    """Return the key of a function's asset.

    Args:
        fn: The function; its name is the default for the last part.
        name: The last part.
        key_prefix: The parts before it.
        key: The whole key instead; text is one part.

    Raises:
        InvalidDefinitionError: If both ways are used, or a part is not a plain name.
    """
    if key is not None and (name or key_prefix):
        raise InvalidDefinitionError(
            f"The asset {fn.__name__!r} has a key and also a name or a key_prefix. Keep one."
        )
    if key is None:
        made = AssetKey([*prefix_of(key_prefix), name or fn.__name__])
    else:
        made = AssetKey(key) if isinstance(key, str) else AssetKey.from_coercible(key)
    for part in made.path:
        if not _PLAIN_PART.fullmatch(part):
            raise _odd_part(part)
    return made


def _odd_part(part: str) -> InvalidDefinitionError:
    pieces = [each for each in re.split("[/.]", part) if each]
    hint = f" Give the parts as a list: {pieces!r}." if len(pieces) > 1 else ""
    return InvalidDefinitionError(
        f"{part!r} cannot be a part of the key of an asset: use letters, digits, underscores and "
        f"dashes only.{hint}"
    )


def asset_op_name(key: AssetKey) -> str:
    """Return the name of an asset's op."""
    return "__".join(key.path).replace("-", "_")


def op_tags_of(tags: Mapping[str, Any] | None, compute_kind: str | None) -> dict[str, Any]:
    """Return the tags of an asset's op."""
    return {**(tags or {}), **({"kind": compute_kind} if compute_kind else {})}
