"""Source assets: materialized elsewhere, loaded and observed here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from jobnb.definitions.announce import announce_from_caller
from jobnb.definitions.arguments import check_shapes
from jobnb.definitions.assets.asset_spec import AssetDep, AssetSpec, check_labels
from jobnb.definitions.assets.condition_type import check_condition
from jobnb.definitions.assets.policies import check_freshness
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey, check_name
from jobnb.definitions.lazy import lazy
from jobnb.definitions.metadata import normalize
from jobnb.definitions.metadata_values import MetadataValue
from jobnb.definitions.ops.dependency import StoredInput
from jobnb.definitions.ops.function import Function
from jobnb.definitions.ops.inout import DEFAULT_GROUP, Out
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.partitions.partition import check_partitions
from jobnb.definitions.plain import docstring
from jobnb.definitions.resources.io import check_io_manager
from jobnb.definitions.resources.resource import resources_for
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.definitions.checks.asset_check import AssetCheckKey, AssetCheckSpec
    from jobnb.definitions.partitions.partition import PartitionsDefinition


class SourceAsset(StoredInput):
    """An asset that is materialized elsewhere and can be loaded here.

    Args:
        key: Its key.
        metadata: Metadata shown beside it and for its IO manager.
        io_manager_key: The resource that loads it.
        io_manager_def: The IO manager that loads it.
        description: A description, in Markdown.
        partitions_def: Its partitions.
        group_name: The group it belongs to.
        resource_defs: Resources by key.
        observe_fn: A function that returns its data version.
        auto_observe_interval_minutes: How often it should be observed.
        op_tags: Tags of the step that observes it.
        automation_condition: When it should be observed.
        tags: Tags of the asset.
        legacy_freshness_policy: How fresh it should be.

    Example:
        >>> from jobnb import SourceAsset, asset
        >>> orders = SourceAsset("orders", description="Written by the shop.")
        >>> @asset
        ... def revenue(orders):
        ...     return sum(orders)
        >>> revenue.dependency_keys == {orders.key}
        True

    Source: Dagster's `SourceAsset`.
    """

    observe_op: OpDefinition[..., Any] | None

    def __init__(
        self,
        key: CoercibleToAssetKey,
        metadata: Mapping[str, Any] | None = None,
        io_manager_key: str | None = None,
        io_manager_def: Any = None,
        description: str | None = None,
        partitions_def: PartitionsDefinition | None = None,
        group_name: str | None = None,
        resource_defs: Mapping[str, Any] | None = None,
        observe_fn: Callable[..., Any] | None = None,
        auto_observe_interval_minutes: float | None = None,
        op_tags: Mapping[str, Any] | None = None,
        automation_condition: Any = None,
        tags: Mapping[str, str] | None = None,
        legacy_freshness_policy: Any = None,
    ) -> None:
        self._read(
            key,
            metadata,
            io_manager_key,
            io_manager_def,
            description,
            partitions_def,
            group_name,
            resource_defs,
            auto_observe_interval_minutes,
            automation_condition,
            tags,
            legacy_freshness_policy,
        )
        if observe_fn is not None:
            self.observe_op = observing_op(observe_fn, self.key, tags=op_tags)
        announce_from_caller(self)

    @classmethod
    def of(cls, key: CoercibleToAssetKey, **parameters: Any) -> SourceAsset:
        """Create one without announcing it."""
        made = cls.__new__(cls)
        made._read(key, **parameters)
        return made

    @classmethod
    def of_spec(cls, spec: AssetSpec) -> SourceAsset:
        """Create the external asset of a spec without announcing it."""
        made = cls.of(
            spec.key,
            metadata=spec.metadata,
            io_manager_key=spec.io_manager_key,
            description=spec.description,
            partitions_def=spec.partitions_def,
            group_name=spec.group_name,
            automation_condition=spec.automation_condition,
            tags=spec.tags,
        )
        made.deps, made.owners, made.kinds = spec.deps, spec.owners, spec.kinds
        made.freshness_policy, made.code_version = spec.freshness_policy, spec.code_version
        made.is_virtual = spec.is_virtual
        return made

    def _read(
        self,
        key: CoercibleToAssetKey,
        metadata: Mapping[str, Any] | None = None,
        io_manager_key: str | None = None,
        io_manager_def: Any = None,
        description: str | None = None,
        partitions_def: PartitionsDefinition | None = None,
        group_name: str | None = None,
        resource_defs: Mapping[str, Any] | None = None,
        auto_observe_interval_minutes: float | None = None,
        automation_condition: Any = None,
        tags: Mapping[str, str] | None = None,
        freshness_policy: Any = None,
    ) -> None:
        self.key = AssetKey.from_coercible(key)
        check_shapes(
            "asset", self.key, metadata=metadata, io_manager_key=io_manager_key,
            description=description, resource_defs=resource_defs, tags=tags, group_name=group_name,
        )  # fmt: skip
        check_io_manager(io_manager_def, self.key)
        self.raw_metadata = dict(metadata or {})
        self.resource_defs = dict(resource_defs or {})
        self.io_manager_key = io_manager_key or "io_manager"
        if io_manager_def is not None and io_manager_key is not None:
            raise InvalidDefinitionError(
                f"{self!r} has an io_manager_def and the io_manager_key {io_manager_key!r}. "
                "Keep one."
            )
        if io_manager_def is not None:
            self.io_manager_key = f"{self.key.to_python_identifier()}__io_manager"
            self.resource_defs[self.io_manager_key] = io_manager_def
        self.description = description
        self.partitions_def = check_partitions(
            partitions_def, f"asset {self.key.to_user_string()!r}"
        )
        self.group_name = check_name(group_name, "a group") if group_name else DEFAULT_GROUP
        self.auto_observe_interval_minutes = auto_observe_interval_minutes
        self.automation_condition = check_condition(automation_condition, self.key)
        self.tags = check_labels(tags, self.key)
        self.deps: Sequence[AssetDep] = ()
        self.owners: Sequence[str] = ()
        self.kinds: frozenset[str] = frozenset()
        self.freshness_policy: Any = check_freshness(freshness_policy, self.key)
        self.code_version: str | None = None
        self.is_virtual = False
        self.observe_op = None
        self.check_specs: tuple[AssetCheckSpec, ...] = ()

    @property
    def observe_fn(self) -> Callable[..., Any] | None:
        """The function that returns its data version, or None."""
        return self.observe_op.compute_fn if self.observe_op is not None else None

    @property
    def is_observable(self) -> bool:
        """Whether a function returns its data version."""
        return self.observe_op is not None

    @property
    def check_keys(self) -> frozenset[AssetCheckKey]:
        """The keys of the checks that the observing function evaluates."""
        return frozenset(each.key for each in self.check_specs)

    @property
    def is_external(self) -> bool:
        """Whether it is materialized elsewhere: always True."""
        return True

    @property
    def op(self) -> OpDefinition[..., Any]:
        """The op that observes it.

        Raises:
            InvalidDefinitionError: If nothing observes it.
        """
        if self.observe_op is not None:
            return self.observe_op
        raise InvalidDefinitionError(
            f"{self!r} is not observed, so it has no op. Give it an observe_fn, or use "
            "@observable_source_asset."
        )

    @lazy
    def metadata(self) -> Mapping[str, MetadataValue]:
        """Its metadata as `MetadataValue` objects; `raw_metadata` has them as given."""
        return normalize(self.raw_metadata)

    @lazy
    def spec(self) -> AssetSpec:
        """Its spec."""
        return AssetSpec(
            self.key,
            deps=self.deps,
            description=self.description,
            metadata=self.raw_metadata,
            group_name=self.group_name,
            code_version=self.code_version,
            automation_condition=self.automation_condition,
            owners=self.owners,
            tags=self.tags,
            kinds=self.kinds,
            partitions_def=self.partitions_def,
            freshness_policy=self.freshness_policy,
            is_virtual=self.is_virtual,
        )

    @property
    def specs(self) -> list[AssetSpec]:
        """Its spec, as a list of one."""
        return [self.spec]

    def map_asset_specs(self, fn: Callable[[AssetSpec], AssetSpec]) -> SourceAsset:
        """Apply a function to its spec and return the result."""
        made = SourceAsset.of_spec(fn(self.spec))
        made.observe_op, made.resource_defs = self.observe_op, self.resource_defs
        made.check_specs = tuple(replace(each, asset=made.key) for each in self.check_specs)
        made.io_manager_key = fn(self.spec).io_manager_key or self.io_manager_key
        made.auto_observe_interval_minutes = self.auto_observe_interval_minutes
        return made

    def get_io_manager_key(self) -> str:
        """Return the key of the resource that loads it."""
        return self.io_manager_key

    @property
    def required_resource_keys(self) -> frozenset[str]:
        """The resources for loading and observing it."""
        own = self.observe_op.required_resource_keys if self.observe_op is not None else ()
        return frozenset((self.io_manager_key, *own))

    def with_resources(self, resource_defs: Mapping[str, Any]) -> SourceAsset:
        """Return a copy with the resources it needs taken from these.

        Raises:
            InvalidDefinitionError: If it has another resource of one of these keys already.
        """
        made = copy(self)
        made.resource_defs = resources_for(
            repr(self), self.required_resource_keys, self.resource_defs, resource_defs
        )
        return made

    def with_attributes(
        self, key: CoercibleToAssetKey | None = None, group_name: str | None = None
    ) -> SourceAsset:
        """Return a copy with another key, or with a group if it has none.

        Raises:
            InvalidDefinitionError: If it has another group already.
        """
        made = copy(self)
        made.__dict__.pop("spec", None)
        if key is not None:
            made.key = AssetKey.from_coercible(key)
            made.check_specs = tuple(replace(each, asset=made.key) for each in self.check_specs)
        if group_name is not None:
            if self.group_name not in (DEFAULT_GROUP, group_name):
                raise InvalidDefinitionError(
                    f"{self!r} has the group {self.group_name!r} and is given {group_name!r}. "
                    "Keep one."
                )
            made.group_name = check_name(group_name, "a group")
        return made

    def __repr__(self) -> str:
        return f"SourceAsset({self.key.to_user_string()!r})"


def observing_op(
    fn: Callable[..., Any],
    key: AssetKey | None,
    *,
    name: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
    description: str | None = None,
    tags: Mapping[str, Any] | None = None,
    outs: Iterable[str] = ("result",),
    frame_depth: int = 3,
) -> OpDefinition[..., Any]:
    """Return the op of a function that returns data versions.

    Args:
        fn: The function.
        key: The observed asset, which names the op.
        name: The name of the op, instead.
        required_resource_keys: Resources read from `context.resources`.
        description: A description.
        tags: Tags of the step.
        outs: The names of its outputs.
        frame_depth: How many frames up the local names of its annotations are.
    """
    from jobnb.definitions.types import Nothing

    assert name is not None or key is not None
    own = name or re.sub(r"[^A-Za-z0-9_]", "_", "__".join(key.path if key else ()))
    return OpDefinition(
        Function(fn, frame_depth=frame_depth),
        own,
        None,
        {each: Out(Nothing) for each in outs},
        description or docstring(fn),
        None,
        required_resource_keys,
        tags,
    )


def external_assets_from_specs(specs: Iterable[AssetSpec]) -> list[SourceAsset]:
    """Create external assets from specs and announce them to the session.

    Args:
        specs: The spec of each. In `Definitions`, a spec can be given as it is.

    Raises:
        InvalidDefinitionError: If something is no `AssetSpec`.

    Example:
        >>> from jobnb import AssetSpec, external_assets_from_specs
        >>> external_assets_from_specs([AssetSpec("raw/orders"), AssetSpec("raw/customers")])
        [SourceAsset('raw/orders'), SourceAsset('raw/customers')]

    Source: Dagster's `external_assets_from_specs`.
    """
    made = []
    for spec in specs:
        if not isinstance(spec, AssetSpec):
            raise InvalidDefinitionError(f"{spec!r} is no AssetSpec.")
        made.append(SourceAsset.of_spec(spec))
    for each in made:
        announce_from_caller(each)
    return made


def external_asset_from_spec(spec: AssetSpec) -> SourceAsset:
    """Create an external asset from a spec; see `external_assets_from_specs`."""
    (made,) = external_assets_from_specs([spec])
    return made
