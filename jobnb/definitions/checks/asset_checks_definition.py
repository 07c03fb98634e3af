"""The definition of asset checks: an op and the checks that it evaluates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from jobnb.definitions.checks.asset_check import AssetCheckKey, AssetCheckSpec
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.lazy import lazy
from jobnb.definitions.ops import composition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.errors import InvalidDefinitionError, InvalidSubsetError, InvariantViolationError

if TYPE_CHECKING:
    from jobnb.definitions.keys import AssetKey
    from jobnb.definitions.ops.hook import HookDefinition
    from jobnb.definitions.partitions.partition import PartitionsDefinition


class AssetChecksDefinition:
    """One or more checks and the op that evaluates them.

    Usually made by `@asset_check` or `@multi_asset_check`.

    Args:
        node_def: The op that checks.
        specs: The checks.
        keys_by_input_name: The asset that each input is.
        resource_defs: Resources by key.
        can_subset: Whether the op can be subset.
        selected_check_keys: The checks that are evaluated, if not all are.
        partition_mappings: Which partitions of an asset are loaded, where it is not the checked
            one, or has other partitions.
        hook_defs: Hooks of the step.

    Source: Dagster's `AssetChecksDefinition`.
    """

    def __init__(
        self,
        *,
        node_def: OpDefinition[..., Any],
        specs: Iterable[AssetCheckSpec],
        keys_by_input_name: Mapping[str, AssetKey],
        resource_defs: Mapping[str, Any] | None = None,
        can_subset: bool = False,
        selected_check_keys: Iterable[AssetCheckKey] | None = None,
        partition_mappings: Mapping[AssetKey, Any] | None = None,
        hook_defs: Iterable[HookDefinition] | None = None,
    ) -> None:
        self.node_def = node_def
        self.keys_by_input_name = dict(keys_by_input_name)
        self.resource_defs = dict(resource_defs or {})
        self.can_subset = can_subset
        self.partition_mappings = dict(partition_mappings or {})
        self.hook_defs: frozenset[HookDefinition] = frozenset(hook_defs or ())
        self._specs = tuple(specs)
        chosen = None if selected_check_keys is None else frozenset(selected_check_keys)
        self.check_specs: tuple[AssetCheckSpec, ...] = tuple(
            each for each in self._specs if chosen is None or each.key in chosen
        )

    @property
    def op(self) -> OpDefinition[..., Any]:
        """The op that checks."""
        return self.node_def

    @property
    def name(self) -> str:
        """The name of the op."""
        return self.node_def.name

    @lazy
    def check_keys(self) -> frozenset[AssetCheckKey]:
        """The keys of its checks."""
        return frozenset(each.key for each in self.check_specs)

    @lazy
    def asset_keys(self) -> frozenset[AssetKey]:
        """The assets that are checked."""
        return frozenset(each.asset_key for each in self.check_specs)

    @property
    def spec(self) -> AssetCheckSpec:
        """The spec of the check, if there is exactly one.

        Raises:
            InvariantViolationError: If there are several.
        """
        if len(self.check_specs) == 1:
            return self.check_specs[0]
        raise InvariantViolationError(f"{self!r} makes several checks. Use .check_specs.")

    @property
    def check_key(self) -> AssetCheckKey:
        """The key of the check, if there is exactly one."""
        return self.spec.key

    @property
    def asset_key(self) -> AssetKey:
        """The checked asset, if there is exactly one check."""
        return self.spec.asset_key

    @property
    def description(self) -> str | None:
        """The op's description."""
        return self.node_def.description

    @lazy
    def dependency_keys(self) -> frozenset[AssetKey]:
        """All assets that must be materialized before."""
        return frozenset(self.keys_by_input_name.values())

    @lazy
    def required_resource_keys(self) -> frozenset[str]:
        """The resources that its op needs."""
        return frozenset(self.node_def.required_resource_keys)

    @property
    def partitions_def(self) -> PartitionsDefinition | None:
        """The partitions that its specs declare; None for those of the assets."""
        said = (each.partitions_def for each in self._specs)
        return next((each for each in said if each is not None), None)

    def get_partition_mapping(self, in_asset_key: AssetKey) -> Any:
        """Return the mapping to an asset, or None for equal keys."""
        return self.partition_mappings.get(in_asset_key)

    def with_hooks(self, hook_defs: Iterable[HookDefinition]) -> AssetChecksDefinition:
        """Return a copy with more hooks."""
        return self._changed(hook_defs=self.hook_defs | frozenset(hook_defs))

    def with_key_prefix(self, prefix: Sequence[str]) -> AssetChecksDefinition:
        """Return a copy for assets with a prefix before their keys."""
        specs = [
            msgspec.structs.replace(
                each,
                asset=each.asset_key.with_prefix(prefix),
                additional_deps=[key.with_prefix(prefix) for key in each.additional_deps or ()],
            )
            for each in self._specs
        ]
        outs = self.node_def.given_outs.values()
        names = (each.get_python_identifier() for each in specs)
        return self._changed(
            node_def=self.node_def.with_outs(dict(zip(names, outs, strict=True))),
            specs=specs,
            keys_by_input_name={
                name: key.with_prefix(prefix) for name, key in self.keys_by_input_name.items()
            },
            partition_mappings={
                key.with_prefix(prefix): each for key, each in self.partition_mappings.items()
            },
        )

    def _changed(self, **parameters: Any) -> AssetChecksDefinition:
        own = {
            "node_def": self.node_def,
            "specs": self._specs,
            "keys_by_input_name": self.keys_by_input_name,
            "resource_defs": self.resource_defs,
            "can_subset": self.can_subset,
            "partition_mappings": self.partition_mappings,
            "hook_defs": self.hook_defs,
        }
        return AssetChecksDefinition(**{**own, **parameters})

    def subset_for(self, selected: Iterable[AssetCheckKey]) -> AssetChecksDefinition:
        """Return a copy that evaluates only some of its checks.

        Raises:
            InvalidSubsetError: If it cannot be subset.
        """
        wanted = self.check_keys & frozenset(selected)
        if wanted == self.check_keys:
            return self
        if not self.can_subset:
            names = ", ".join(sorted(key.to_user_string() for key in self.check_keys))
            raise InvalidSubsetError(
                f"{self.name!r} makes the checks {names} together and cannot make only some of "
                "them. Select all, or define it with can_subset=True."
            )
        return self._changed(selected_check_keys=wanted)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function directly, as a unit test does."""
        if composition.current() is not None:
            raise InvalidDefinitionError(
                f"{self!r} cannot be invoked in a graph: checks go by key."
            )
        return engine().invoke(self, args, kwargs)

    @property
    def keys(self) -> frozenset[AssetKey]:
        """The assets it materializes: none."""
        return frozenset()

    @property
    def key(self) -> NoReturn:
        """Raise an error: it materializes no asset.

        Raises:
            InvariantViolationError: Always.
        """
        raise self._none()

    @property
    def asset_deps(self) -> Mapping[AssetKey, set[AssetKey]]:
        """The upstream assets of its assets: none."""
        return {}

    @property
    def group_names_by_key(self) -> Mapping[AssetKey, str]:
        """The groups of its assets: none."""
        return {}

    @property
    def descriptions_by_key(self) -> Mapping[AssetKey, str]:
        """The descriptions of its assets: none."""
        return {}

    def get_asset_spec(self, key: Any = None) -> NoReturn:
        """Raise an error: it materializes no asset.

        Raises:
            InvariantViolationError: Always.
        """
        raise self._none()

    def to_source_asset(self, key: Any = None) -> NoReturn:
        """Raise an error: it materializes no asset.

        Raises:
            InvariantViolationError: Always.
        """
        raise self._none()

    def to_source_assets(self) -> list[Any]:
        """Return its assets as source assets: none."""
        return []

    def _none(self) -> InvariantViolationError:
        return InvariantViolationError(
            f"{self!r} checks assets and makes none. Ask for .check_specs, or .asset_keys for the "
            "assets that it looks at."
        )

    def __repr__(self) -> str:
        names = ", ".join(each.key.to_user_string() for each in self.check_specs)
        return f"AssetChecksDefinition({names})"
