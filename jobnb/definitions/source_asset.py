"""Source assets: made elsewhere, loaded here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

from jobnb.definitions.announce import announce_from_caller
from jobnb.definitions.asset_inout import DEFAULT_GROUP
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.resource_binding import resources_for

if TYPE_CHECKING:
    from jobnb.definitions.partition import PartitionsDefinition

__all__ = ["SourceAsset"]


class SourceAsset:
    """An asset that nothing here makes, but that others can load.

    Args:
        key: Its key.
        metadata: Values shown beside it and for its IO manager.
        io_manager_key: The resource that loads it.
        io_manager_def: What loads it.
        description: In words, Markdown.
        partitions_def: Its partitions.
        group_name: The group it belongs to.
        resource_defs: Resources by key.
        observe_fn: A function that tells its data version.
        auto_observe_interval_minutes: How often it should be observed.

    Source: Dagster's `SourceAsset`.
    """

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
            observe_fn,
            auto_observe_interval_minutes,
        )
        announce_from_caller(self)

    @classmethod
    def of(cls, key: CoercibleToAssetKey, **parameters: Any) -> SourceAsset:
        """The same as calling the class, but nobody is told of it."""
        made = cls.__new__(cls)
        made._read(key, **parameters)
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
        observe_fn: Callable[..., Any] | None = None,
        auto_observe_interval_minutes: float | None = None,
    ) -> None:
        self.key = AssetKey.from_coercible(key)
        self.metadata = dict(metadata or {})
        self.resource_defs = dict(resource_defs or {})
        self.io_manager_key = io_manager_key or "io_manager"
        if io_manager_def is not None:
            self.io_manager_key = f"{self.key.to_python_identifier()}__io_manager"
            self.resource_defs[self.io_manager_key] = io_manager_def
        self.description = description
        self.partitions_def = partitions_def
        self.group_name = group_name or DEFAULT_GROUP
        self.observe_fn = observe_fn
        self.auto_observe_interval_minutes = auto_observe_interval_minutes

    @property
    def is_observable(self) -> bool:
        """Whether a function tells its data version."""
        return self.observe_fn is not None

    @property
    def required_resource_keys(self) -> frozenset[str]:
        """The resources that loading it needs."""
        return frozenset((self.io_manager_key,))

    def with_resources(self, resource_defs: Mapping[str, Any]) -> SourceAsset:
        """The same with the resources it needs taken from these.

        Raises:
            InvalidDefinitionError: If it has another resource of one of these keys already.
        """
        made = copy(self)
        made.resource_defs = resources_for(
            repr(self), self.required_resource_keys, self.resource_defs, resource_defs
        )
        return made

    def __repr__(self) -> str:
        return f"SourceAsset({self.key.to_user_string()!r})"
