"""`AssetSpec` and `AssetDep`: an asset's attributes, apart from the code that materializes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobnb.definitions.arguments import check_shapes
from jobnb.definitions.assets.condition_type import check_condition, check_policy
from jobnb.definitions.assets.policies import check_freshness
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey, check_name
from jobnb.definitions.ops.inout import checked_mapping
from jobnb.definitions.partitions.partition import check_partitions
from jobnb.definitions.plain import check_text, is_text
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.definitions.partitions.partition import PartitionsDefinition


MANAGER_KEY = "dagster/io_manager_key"
_KEEP: Any = object()
_OWNER = re.compile(r"team:\S.*|[^@\s]+@[^@\s]+\.[^@\s]+")


class AssetDep:
    """An upstream asset, with a partition mapping.

    Args:
        asset: Its key, or its definition.
        partition_mapping: Which of its partitions are needed.
        metadata: Metadata shown beside the dependency.

    Example:
        >>> AssetDep("raw/orders").asset_key
        AssetKey(['raw', 'orders'])

    Source: Dagster's `AssetDep`.
    """

    __slots__ = ("asset_key", "metadata", "partition_mapping")

    def __init__(
        self,
        asset: Any,
        *,
        partition_mapping: Any = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.asset_key = AssetKey.from_coercible(asset)
        self.partition_mapping = checked_mapping(partition_mapping, self.asset_key)
        self.metadata = dict(metadata or {})

    @property
    def asset(self) -> AssetKey:
        """The key of the upstream asset."""
        return self.asset_key

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AssetDep):
            return NotImplemented
        return (self.asset_key, self.partition_mapping) == (
            other.asset_key,
            other.partition_mapping,
        )

    def __hash__(self) -> int:
        return hash(self.asset_key)

    def __repr__(self) -> str:
        return f"AssetDep({self.asset_key.to_user_string()!r})"


def listed(given: Iterable[Any] | None) -> Iterable[Any]:
    """Return a list of what is given; empty for None, and sorted for a set."""
    return sorted(given, key=repr) if isinstance(given, (set, frozenset)) else given or ()


def deps_of(given: Iterable[Any] | None) -> list[AssetDep]:
    """Return the upstream assets that keys, definitions, specs and deps name, each once.

    Raises:
        InvalidDefinitionError: If one is named twice with different partition mappings.
    """
    found: dict[AssetKey, AssetDep] = {}
    for each in listed(given):
        several = getattr(each, "keys", None)
        keys = sorted(several) if several and isinstance(several, frozenset) else [each]
        for dep in (key if isinstance(key, AssetDep) else AssetDep(key) for key in keys):
            known = found.setdefault(dep.asset_key, dep)
            if known.partition_mapping != dep.partition_mapping:
                raise InvalidDefinitionError(
                    f"deps names {dep.asset_key.to_user_string()!r} twice, with different "
                    "partition mappings. Keep one."
                )
    return list(found.values())


def check_owners(owners: Sequence[str] | None, key: AssetKey) -> list[str]:
    """Return owners unchanged if each is an e-mail address or `team:name`.

    Raises:
        InvalidDefinitionError: If one is not.
    """
    for owner in owners or ():
        if not _OWNER.fullmatch(str(owner)):
            raise InvalidDefinitionError(
                f"The asset {key.to_user_string()!r} has the owner {owner!r}. Write an e-mail "
                "address, or 'team:' and the name of a team."
            )
    return list(owners or ())


def check_labels(tags: Mapping[Any, Any] | None, key: AssetKey) -> dict[str, str]:
    """Return tags unchanged if names and values are text.

    Raises:
        InvalidDefinitionError: If one is not.
    """
    for name, value in (tags or {}).items():
        if not (is_text(name) and is_text(value)):
            raise InvalidDefinitionError(
                f"The asset {key.to_user_string()!r} has the tag {name!r} with the value "
                f"{value!r}. Names and values of tags are text."
            )
    return dict(tags or {})


class AssetSpec:
    """The attributes of an asset: its key, its upstream assets, and descriptions.

    In `@multi_asset(specs=...)` it declares an asset of the function; in `Definitions` it is an
    external asset, materialized elsewhere.

    Args:
        key: Its key.
        deps: Its upstream assets: keys, definitions, specs or `AssetDep`.
        description: A description, in Markdown.
        metadata: Metadata shown beside it.
        skippable: Whether the function may skip it.
        group_name: The group it belongs to.
        code_version: The version of its code.
        automation_condition: When it should be materialized.
        owners: Owners: e-mail addresses or `team:name`.
        tags: Tags of the asset.
        kinds: Short words for its technology or form.
        partitions_def: Its partitions.
        freshness_policy: How fresh it should be.
        is_virtual: Whether nothing stores it, like a view of a database.
        auto_materialize_policy: An older way to automate its materialization.

    Raises:
        InvalidDefinitionError: If the group, an owner or a tag is invalid.

    Example:
        >>> spec = AssetSpec("warehouse/orders", deps=["raw/orders"], kinds={"table"})
        >>> spec.replace_attributes(group_name="sales").group_name
        'sales'

    Source: Dagster's `AssetSpec`.
    """

    def __init__(
        self,
        key: CoercibleToAssetKey,
        *,
        deps: Iterable[Any] | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        skippable: bool = False,
        group_name: str | None = None,
        code_version: str | None = None,
        automation_condition: Any = None,
        owners: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
        kinds: Iterable[str] | None = None,
        partitions_def: PartitionsDefinition | None = None,
        freshness_policy: Any = None,
        is_virtual: bool = False,
        auto_materialize_policy: Any = None,
    ) -> None:
        self.key = AssetKey.from_coercible(key)
        check_shapes(
            "asset", self.key, deps=deps, description=description,
            metadata=metadata, skippable=skippable, group_name=group_name, owners=owners,
            tags=tags, kinds=kinds,
        )  # fmt: skip
        self.deps: Sequence[AssetDep] = deps_of(deps)
        self.description = description
        self.metadata: Mapping[str, Any] = dict(metadata or {})
        self.skippable = skippable
        self.group_name = check_name(group_name, "a group") if group_name else None
        check_text(code_version, f"The code_version of the asset {self.key.to_user_string()!r}")
        self.code_version = code_version
        self.automation_condition = check_condition(automation_condition, self.key)
        self.owners: Sequence[str] = check_owners(owners, self.key)
        self.tags: Mapping[str, str] = check_labels(tags, self.key)
        self.kinds = frozenset(kinds or ())
        self.partitions_def = check_partitions(
            partitions_def, f"asset {self.key.to_user_string()!r}"
        )
        self.freshness_policy = check_freshness(freshness_policy, self.key)
        self.is_virtual = is_virtual
        self.auto_materialize_policy = check_policy(auto_materialize_policy, self.key)

    @property
    def io_manager_key(self) -> str | None:
        """The resource that loads it, if its metadata names one."""
        key: str | None = self.metadata.get(MANAGER_KEY)
        return key

    def with_io_manager_key(self, io_manager_key: str) -> AssetSpec:
        """Return a copy that is loaded by this resource."""
        return self.replace_attributes(metadata={**self.metadata, MANAGER_KEY: io_manager_key})

    def replace_attributes(
        self,
        *,
        key: CoercibleToAssetKey = _KEEP,
        deps: Iterable[Any] | None = _KEEP,
        description: str | None = _KEEP,
        metadata: Mapping[str, Any] | None = _KEEP,
        skippable: bool = _KEEP,
        group_name: str | None = _KEEP,
        code_version: str | None = _KEEP,
        automation_condition: Any = _KEEP,
        owners: Sequence[str] | None = _KEEP,
        tags: Mapping[str, str] | None = _KEEP,
        kinds: Iterable[str] | None = _KEEP,
        partitions_def: PartitionsDefinition | None = _KEEP,
        legacy_freshness_policy: Any = _KEEP,
        freshness_policy: Any = _KEEP,
        is_virtual: bool = _KEEP,
    ) -> AssetSpec:
        """Return a copy with other attributes; the parameters are those of the class."""
        given = dict(locals())
        if legacy_freshness_policy is not _KEEP:
            given["freshness_policy"] = legacy_freshness_policy
        changes = {name: value for name, value in given.items() if name in self.__dict__}
        kept = {name: value for name, value in changes.items() if value is not _KEEP}
        return AssetSpec(**{**self.__dict__, **kept})

    def merge_attributes(
        self,
        *,
        deps: Iterable[Any] = (),
        metadata: Mapping[str, Any] | None = None,
        owners: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        kinds: Iterable[str] = (),
    ) -> AssetSpec:
        """Return a copy with more deps, metadata, owners, tags and kinds."""
        return self.replace_attributes(
            deps=[*self.deps, *deps],
            metadata={**self.metadata, **(metadata or {})},
            owners=[*self.owners, *owners],
            tags={**self.tags, **(tags or {})},
            kinds={*self.kinds, *kinds},
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetSpec) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"AssetSpec({self.key.to_user_string()!r})"


def map_asset_specs(func: Callable[[AssetSpec], AssetSpec], iterable: Iterable[Any]) -> list[Any]:
    """Apply a function to the spec of each asset.

    Args:
        func: Takes a spec and returns one.
        iterable: Assets definitions and specs.

    Example:
        >>> from jobnb import AssetSpec
        >>> [
        ...     spec.group_name
        ...     for spec in map_asset_specs(
        ...         lambda spec: spec.replace_attributes(group_name="sales"), [AssetSpec("orders")]
        ...     )
        ... ]
        ['sales']

    Source: Dagster's `map_asset_specs`.
    """
    return [
        func(each) if isinstance(each, AssetSpec) else each.map_asset_specs(func)
        for each in iterable
    ]
