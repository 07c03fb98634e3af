"""`AssetsDefinition`: assets, and the op or graph that materializes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from jobnb.definitions.announce import announce_from_caller
from jobnb.definitions.assets.asset_spec import AssetSpec
from jobnb.definitions.assets.assets_from_node import assets_of_node
from jobnb.definitions.assets.attributes_by_key import (
    PARAMETER,
    for_all,
    merged,
    renamed,
    see_nothing_lost,
    spec_of,
    with_specs,
)
from jobnb.definitions.assets.condition_type import check_condition, check_policy
from jobnb.definitions.assets.policies import check_backfill, check_freshness
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.keys import AssetKey, check_name
from jobnb.definitions.lazy import lazy
from jobnb.definitions.ops import composition
from jobnb.definitions.ops.hook import checked_hooks
from jobnb.definitions.ops.inout import DEFAULT_GROUP, checked_mapping
from jobnb.definitions.ops.node import NO_HOOKS, NodeDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.definitions.partitions.partition import check_partitions
from jobnb.definitions.resources.resource import resources_for
from jobnb.errors import (
    InvalidDefinitionError,
    InvalidSubsetError,
    InvariantViolationError,
    did_you_mean,
)

if TYPE_CHECKING:
    from jobnb.config.run_config import CoercibleToRunConfig
    from jobnb.definitions.checks.asset_check import AssetCheckKey, AssetCheckSpec
    from jobnb.definitions.jobs.executor import ExecutorDefinition
    from jobnb.definitions.ops.graph_definition import GraphDefinition
    from jobnb.definitions.ops.hook import HookDefinition
    from jobnb.definitions.partitions.partition import PartitionsDefinition
    from jobnb.display.widgets.launchpad import Launchpad
    from jobnb.execution.background import Run
    from jobnb.execution.result import ExecuteInProcessResult
    from jobnb.plan.partitions import PartitionsAsked
    from jobnb.storage.instance import Instance

NOTHING_SAID: Mapping[Any, Any] = MappingProxyType({})


class AssetsDefinition:
    """One or more assets and the op or graph that materializes them.

    Usually made by `@asset`.

    Args:
        keys_by_input_name: The upstream asset of each input.
        keys_by_output_name: The asset of each output.
        node_def: The op or graph that materializes them.
        partitions_def: Their partitions.
        partition_mappings: Which partitions of an upstream asset are loaded.
        asset_deps: The upstream assets of each asset; all inputs if not given.
        selected_asset_keys: The selected assets, if not all are.
        can_subset: Whether it can be subset.
        resource_defs: Resources by key.
        group_names_by_key: The group of each asset.
        metadata_by_key: Metadata shown beside each asset.
        freshness_policies_by_key: How fresh each should be.
        auto_materialize_policies_by_key: When each should be materialized automatically.
        backfill_policy: How partitions are backfilled.
        descriptions_by_key: A description of each, in Markdown.
        tags_by_key: Tags of each asset.
        owners_by_key: Owners of each asset.
        kinds_by_key: Short words for the technology or form of each.
        automation_conditions_by_key: When each should be materialized.
        code_versions_by_key: The version of the code of each; it wins over the output's.
        hook_defs: Hooks of the steps.
        check_specs_by_output_name: The checks that are evaluated together with them; for a graph,
            by output.
        selected_asset_check_keys: The selected checks, if not all are.

    Source: Dagster's `AssetsDefinition`.
    """

    # Defaults on the class: most definitions set few of these, and planning creates many copies.
    partitions_def: PartitionsDefinition | None = None
    partition_mappings: Mapping[AssetKey, Any] = NOTHING_SAID
    can_subset: bool = False
    resource_defs: Mapping[str, Any] = NOTHING_SAID
    freshness_policies_by_key: Mapping[AssetKey, Any] = NOTHING_SAID
    auto_materialize_policies_by_key: Mapping[AssetKey, Any] = NOTHING_SAID
    automation_conditions_by_key: Mapping[AssetKey, Any] = NOTHING_SAID
    backfill_policy: Any = None
    tags_by_key: Mapping[AssetKey, Mapping[str, str]] = NOTHING_SAID
    owners_by_key: Mapping[AssetKey, list[str]] = NOTHING_SAID
    kinds_by_key: Mapping[AssetKey, frozenset[str]] = NOTHING_SAID
    hook_defs: frozenset[HookDefinition] = NO_HOOKS

    def __init__(
        self,
        *,
        keys_by_input_name: Mapping[str, AssetKey],
        keys_by_output_name: Mapping[str, AssetKey],
        node_def: NodeDefinition,
        partitions_def: PartitionsDefinition | None = None,
        partition_mappings: Mapping[AssetKey, Any] | None = None,
        asset_deps: Mapping[AssetKey, set[AssetKey]] | None = None,
        selected_asset_keys: Iterable[AssetKey] | None = None,
        can_subset: bool = False,
        resource_defs: Mapping[str, Any] | None = None,
        group_names_by_key: Mapping[AssetKey, str] | None = None,
        metadata_by_key: Mapping[AssetKey, Mapping[str, Any]] | None = None,
        freshness_policies_by_key: Mapping[AssetKey, Any] | None = None,
        auto_materialize_policies_by_key: Mapping[AssetKey, Any] | None = None,
        backfill_policy: Any = None,
        descriptions_by_key: Mapping[AssetKey, str] | None = None,
        tags_by_key: Mapping[AssetKey, Mapping[str, str]] | None = None,
        owners_by_key: Mapping[AssetKey, list[str]] | None = None,
        kinds_by_key: Mapping[AssetKey, frozenset[str]] | None = None,
        automation_conditions_by_key: Mapping[AssetKey, Any] | None = None,
        code_versions_by_key: Mapping[AssetKey, str] | None = None,
        hook_defs: Iterable[HookDefinition] | None = None,
        check_specs_by_output_name: Mapping[str, AssetCheckSpec] | None = None,
        selected_asset_check_keys: Iterable[AssetCheckKey] | None = None,
    ) -> None:
        self._keys_by_input_name = keys_by_input_name
        self.keys_by_output_name = keys_by_output_name
        self.node_def = node_def
        self._asset_deps = asset_deps
        self._selected = selected_asset_keys
        self._group_names = group_names_by_key or {}
        self._metadata = metadata_by_key or {}
        self._descriptions = descriptions_by_key or {}
        self._code_versions = code_versions_by_key or {}
        self.check_specs_by_output_name = check_specs_by_output_name or NOTHING_SAID
        checks = selected_asset_check_keys
        self._selected_checks = None if checks is None else frozenset(checks)
        given = {
            "partitions_def": partitions_def
            and check_partitions(partitions_def, f"asset function {node_def.name!r}"),
            "partition_mappings": _checked(partition_mappings) if partition_mappings else None,
            "can_subset": can_subset or None,
            "resource_defs": resource_defs,
            "freshness_policies_by_key": _each(check_freshness, freshness_policies_by_key),
            "auto_materialize_policies_by_key": _each(
                check_policy, auto_materialize_policies_by_key
            ),
            "automation_conditions_by_key": _each(check_condition, automation_conditions_by_key),
            "backfill_policy": backfill_policy
            and check_backfill(backfill_policy, f"asset function {node_def.name!r}"),
            "tags_by_key": tags_by_key,
            "owners_by_key": owners_by_key,
            "kinds_by_key": kinds_by_key,
            "hook_defs": checked_hooks(hook_defs, "assets") if hook_defs else None,
        }
        for name, value in given.items():
            if value is not None:
                self.__dict__[name] = value

    # --- made of an op or graph ---------------------------------------------------------

    @classmethod
    def from_op(
        cls,
        op_def: OpDefinition[..., Any],
        keys_by_input_name: Mapping[str, AssetKey] | None = None,
        keys_by_output_name: Mapping[str, AssetKey] | None = None,
        key_prefix: str | Sequence[str] | None = None,
        internal_asset_deps: Mapping[str, set[AssetKey]] | None = None,
        partitions_def: PartitionsDefinition | None = None,
        partition_mappings: Mapping[str, Any] | None = None,
        group_name: str | None = None,
        group_names_by_output_name: Mapping[str, str | None] | None = None,
        descriptions_by_output_name: Mapping[str, str] | None = None,
        metadata_by_output_name: Mapping[str, Mapping[str, Any] | None] | None = None,
        freshness_policies_by_output_name: Mapping[str, Any] | None = None,
        auto_materialize_policies_by_output_name: Mapping[str, Any] | None = None,
        backfill_policy: Any = None,
        can_subset: bool = False,
        tags_by_output_name: Mapping[str, Mapping[str, str] | None] | None = None,
        owners_by_output_name: Mapping[str, Sequence[str] | None] | None = None,
        code_versions_by_output_name: Mapping[str, str | None] | None = None,
        automation_conditions_by_output_name: Mapping[str, Any] | None = None,
        hook_defs: Iterable[HookDefinition] | None = None,
    ) -> Self:
        """Define assets from an op: one for each of its outputs.

        Args:
            op_def: The op.
            keys_by_input_name: The upstream asset of each input; the one of its name if not given.
            keys_by_output_name: The asset of each output; the one of its name if not given, or of
                the op's name where it has a single unnamed output.
            key_prefix: Parts before the keys of the assets.
            internal_asset_deps: The upstream assets of each output; all inputs if not given.
            partitions_def: The partitions of the assets.
            partition_mappings: By input, which partitions of the upstream asset are loaded.
            group_name: The group of all of them.
            group_names_by_output_name: The group of each.
            descriptions_by_output_name: A description of each, in Markdown.
            metadata_by_output_name: Metadata shown beside each.
            freshness_policies_by_output_name: How fresh each should be.
            auto_materialize_policies_by_output_name: When to materialize each automatically.
            backfill_policy: How partitions are backfilled.
            can_subset: Whether the op can be subset.
            tags_by_output_name: Tags of each.
            owners_by_output_name: Owners of each: e-mail addresses or `team:name`.
            code_versions_by_output_name: The version of the code of each.
            automation_conditions_by_output_name: When each should be materialized.
            hook_defs: Hooks of the step.

        Raises:
            InvalidDefinitionError: If a name is not one of the op's; lists every problem.

        Example:
            >>> from jobnb import AssetsDefinition, Out, materialize, op
            >>> @op(out={"low": Out(), "high": Out()})
            ... def bounds():
            ...     return 1, 9
            >>> materialize([AssetsDefinition.from_op(bounds)]).asset_value("high")
            9

        Source: Dagster's `AssetsDefinition.from_op`.
        """
        parameters = assets_of_node(
            op_def,
            keys_by_input_name,
            keys_by_output_name,
            key_prefix,
            internal_asset_deps,
            partition_mappings,
            group_name,
            (),
            group_names=group_names_by_output_name,
            descriptions=descriptions_by_output_name,
            metadata=metadata_by_output_name,
            freshness_policies=freshness_policies_by_output_name,
            auto_materialize_policies=auto_materialize_policies_by_output_name,
            tags=tags_by_output_name,
            owners=owners_by_output_name,
            code_versions=code_versions_by_output_name,
            automation_conditions=automation_conditions_by_output_name,
        )
        made = cls(
            **parameters,
            partitions_def=partitions_def,
            backfill_policy=backfill_policy,
            can_subset=can_subset,
            hook_defs=hook_defs,
        )
        announce_from_caller(made)
        return made

    @classmethod
    def from_graph(
        cls,
        graph_def: GraphDefinition,
        keys_by_input_name: Mapping[str, AssetKey] | None = None,
        keys_by_output_name: Mapping[str, AssetKey] | None = None,
        key_prefix: str | Sequence[str] | None = None,
        internal_asset_deps: Mapping[str, set[AssetKey]] | None = None,
        partitions_def: PartitionsDefinition | None = None,
        partition_mappings: Mapping[str, Any] | None = None,
        resource_defs: Mapping[str, Any] | None = None,
        group_name: str | None = None,
        group_names_by_output_name: Mapping[str, str | None] | None = None,
        descriptions_by_output_name: Mapping[str, str] | None = None,
        metadata_by_output_name: Mapping[str, Mapping[str, Any] | None] | None = None,
        freshness_policies_by_output_name: Mapping[str, Any] | None = None,
        auto_materialize_policies_by_output_name: Mapping[str, Any] | None = None,
        backfill_policy: Any = None,
        can_subset: bool = False,
        tags_by_output_name: Mapping[str, Mapping[str, str] | None] | None = None,
        owners_by_output_name: Mapping[str, Sequence[str] | None] | None = None,
        code_versions_by_output_name: Mapping[str, str | None] | None = None,
        automation_conditions_by_output_name: Mapping[str, Any] | None = None,
        hook_defs: Iterable[HookDefinition] | None = None,
        check_specs: Sequence[AssetCheckSpec] | None = None,
    ) -> Self:
        """Define assets from a graph: one for each of its outputs.

        The parameters are those of `from_op`, and `resource_defs`: resources by key, and
        `check_specs`: the checks that outputs of the graph called `<asset>_<check>` evaluate.

        Raises:
            InvalidDefinitionError: If a name is not one of the graph's; lists every problem.

        Example:
            >>> from jobnb import AssetsDefinition, graph, materialize, op
            >>> @op
            ... def two():
            ...     return 2
            >>> @op
            ... def double(number):
            ...     return number * 2
            >>> @graph
            ... def four():
            ...     return double(two())
            >>> materialize([AssetsDefinition.from_graph(four)]).asset_value("four")
            4

        Source: Dagster's `AssetsDefinition.from_graph`.
        """
        parameters = assets_of_node(
            graph_def,
            keys_by_input_name,
            keys_by_output_name,
            key_prefix,
            internal_asset_deps,
            partition_mappings,
            group_name,
            check_specs or (),
            group_names=group_names_by_output_name,
            descriptions=descriptions_by_output_name,
            metadata=metadata_by_output_name,
            freshness_policies=freshness_policies_by_output_name,
            auto_materialize_policies=auto_materialize_policies_by_output_name,
            tags=tags_by_output_name,
            owners=owners_by_output_name,
            code_versions=code_versions_by_output_name,
            automation_conditions=automation_conditions_by_output_name,
        )
        made = cls(
            **parameters,
            partitions_def=partitions_def,
            resource_defs=resource_defs,
            backfill_policy=backfill_policy,
            can_subset=can_subset,
            hook_defs=hook_defs,
        )
        announce_from_caller(made)
        return made

    # --- what it says -------------------------------------------------------------------

    @lazy
    def keys(self) -> frozenset[AssetKey]:
        """The selected assets."""
        made = self.keys_by_output_name.values()
        return frozenset(made if self._selected is None else self._selected)

    @lazy
    def ordered_keys(self) -> tuple[AssetKey, ...]:
        """The selected assets, in the order of the outputs."""
        keys = self.keys
        return tuple(key for key in self.keys_by_output_name.values() if key in keys)

    @property
    def keys_by_input_name(self) -> Mapping[str, AssetKey]:
        """The upstream asset of each input."""
        return self._keys_by_input_name

    @property
    def input_names(self) -> Iterable[str]:
        """The names of its inputs, those that only order too."""
        return self.keys_by_input_name.keys()

    @property
    def node_keys_by_input_name(self) -> Mapping[str, AssetKey]:
        """The upstream asset of each input of its op or graph."""
        return self.keys_by_input_name

    @property
    def node_keys_by_output_name(self) -> Mapping[str, AssetKey]:
        """The asset of each output of its op or graph, those that are not selected too."""
        return self.keys_by_output_name

    def get_io_manager_key_for_asset_key(self, key: AssetKey) -> str:
        """Return the resource that stores an asset.

        Raises:
            InvalidDefinitionError: If it makes no such asset.
        """
        return self.node_def.out_of(self.output_name_of(key)).io_manager_key

    @property
    def key(self) -> AssetKey:
        """The key, if there is exactly one asset.

        Raises:
            InvariantViolationError: If there are several.
        """
        if len(self.keys) == 1:
            return next(iter(self.keys))
        names = ", ".join(sorted(key.to_user_string() for key in self.keys))
        raise InvariantViolationError(f"{self!r} makes several assets: {names}. Use .keys.")

    @property
    def op(self) -> OpDefinition[..., Any]:
        """The op that materializes the assets.

        Raises:
            InvariantViolationError: If a graph materializes them.
        """
        if isinstance(self.node_def, OpDefinition):
            return self.node_def
        raise InvariantViolationError(f"{self!r} is made by a graph. Use .node_def.")

    @lazy
    def dependency_keys(self) -> frozenset[AssetKey]:
        """All upstream assets."""
        return frozenset(self.keys_by_input_name.values())

    @lazy
    def asset_deps(self) -> Mapping[AssetKey, set[AssetKey]]:
        """The upstream assets of each asset."""
        if self._asset_deps is not None:
            return self._asset_deps
        return {key: set(self.dependency_keys) - {key} for key in self.ordered_keys}

    @lazy
    def group_names_by_key(self) -> Mapping[AssetKey, str]:
        """The group of each asset."""
        return {key: self._group_names.get(key) or DEFAULT_GROUP for key in self.ordered_keys}

    @lazy
    def metadata_by_key(self) -> Mapping[AssetKey, Mapping[str, Any]]:
        """The metadata shown beside each asset."""
        return {key: self._metadata.get(key) or {} for key in self.ordered_keys}

    @lazy
    def descriptions_by_key(self) -> Mapping[AssetKey, str]:
        """The description of each asset; its op's if none was given."""
        own = self.node_def.description
        found = {key: self._descriptions.get(key) or own for key in self.ordered_keys}
        return {key: text for key, text in found.items() if text}

    @lazy
    def code_versions_by_key(self) -> Mapping[AssetKey, str | None]:
        """The version of the code of each asset, if one was given."""
        outs = self.op.given_outs if isinstance(self.node_def, OpDefinition) else {}
        version = getattr(self.node_def, "version", None)
        own = self._code_versions
        return {
            key: own.get(key) or (outs[name].code_version if name in outs else None) or version
            for name, key in self.keys_by_output_name.items()
        }

    @lazy
    def required_resource_keys(self) -> frozenset[str]:
        """The resources that making the assets needs, their IO managers too."""
        node = self.node_def
        return node.required_resource_keys | node.manager_keys | self.resource_defs.keys()

    def get_partition_mapping(self, in_asset_key: AssetKey) -> Any:
        """Return the mapping to an upstream asset, or None for equal keys."""
        return self.partition_mappings.get(in_asset_key)

    def output_name_of(self, key: AssetKey) -> str:
        """Return the output of an asset.

        Raises:
            InvalidDefinitionError: If it does not have the asset.
        """
        for name, made in self.keys_by_output_name.items():
            if made == key:
                return name
        known = [each.to_user_string() for each in self.keys_by_output_name.values()]
        hint = did_you_mean(key.to_user_string(), known, noun="It makes")
        raise InvalidDefinitionError(f"{self!r} does not make {key.to_user_string()!r}. {hint}")

    @lazy
    def specs_by_key(self) -> Mapping[AssetKey, AssetSpec]:
        """The spec of each asset, by key."""
        return {key: spec_of(self, key) for key in sorted(self.keys)}

    @property
    def specs(self) -> list[AssetSpec]:
        """The specs of its assets."""
        return list(self.specs_by_key.values())

    def get_asset_spec(self, key: Any = None) -> AssetSpec:
        """Return the spec of an asset.

        Args:
            key: The asset, if there are several.

        Raises:
            InvariantViolationError: If it does not have the asset.
        """
        wanted = self.key if key is None else AssetKey.from_coercible(key)
        if wanted in self.specs_by_key:
            return self.specs_by_key[wanted]
        known = [each.to_user_string() for each in self.specs_by_key]
        hint = did_you_mean(wanted.to_user_string(), known, noun="It makes")
        raise InvariantViolationError(f"{self!r} does not make {wanted.to_user_string()!r}. {hint}")

    @property
    def check_specs(self) -> tuple[AssetCheckSpec, ...]:
        """The checks that are evaluated together with the assets."""
        own, chosen = self.check_specs_by_output_name, self._selected_checks
        if not own:
            return ()
        if chosen is None:
            return tuple(spec for spec in own.values() if spec.asset_key in self.keys)
        return tuple(spec for spec in own.values() if spec.key in chosen)

    @property
    def can_part_with_checks(self) -> bool:
        """Whether assets and their checks can run without each other.

        In a graph, a check is a step of its own.
        """
        return self.can_subset or not isinstance(self.node_def, OpDefinition)

    @property
    def check_keys(self) -> frozenset[AssetCheckKey]:
        """The keys of the checks that are evaluated together with the assets."""
        return frozenset(spec.key for spec in self.check_specs)

    @property
    def is_subset(self) -> bool:
        """Whether only some of its assets or checks are selected."""
        if len(self.keys) < len(self.keys_by_output_name):
            return True
        return len(self.check_keys) < len(self.check_specs_by_output_name)

    # --- changed copies -----------------------------------------------------------------

    def with_resources(self, resource_defs: Mapping[str, Any]) -> AssetsDefinition:
        """Return a copy with the resources that it needs.

        Raises:
            InvalidDefinitionError: If one is missing, or it has another one already.
        """
        needed = self.required_resource_keys | self.node_def.manager_keys
        added = resources_for(repr(self), needed, self.resource_defs, resource_defs)
        return self.with_changes(resource_defs=added)

    def to_source_asset(self, key: Any = None) -> SourceAsset:
        """Return a source asset that loads one of its assets.

        Args:
            key: The asset, if there are several.
        """
        wanted = self.key if key is None else AssetKey.from_coercible(key)
        output = self.output_name_of(wanted)
        return SourceAsset.of(
            wanted,
            metadata=self.metadata_by_key.get(wanted),
            io_manager_key=self.node_def.out_of(output).io_manager_key,
            description=self.descriptions_by_key.get(wanted),
            partitions_def=self.partitions_def,
            group_name=self.group_names_by_key[wanted],
            resource_defs=self.resource_defs,
        )

    def to_source_assets(self) -> list[SourceAsset]:
        """Return a source asset for each of its assets."""
        return [self.to_source_asset(key) for key in sorted(self.keys)]

    def with_changes(self, **parameters: Any) -> AssetsDefinition:
        """Return a copy with some parameters changed."""
        own = {
            "keys_by_input_name": self.keys_by_input_name,
            "keys_by_output_name": self.keys_by_output_name,
            "node_def": self.node_def,
            "partitions_def": self.partitions_def,
            "partition_mappings": self.partition_mappings,
            "asset_deps": self._asset_deps,
            "selected_asset_keys": self.keys,
            "can_subset": self.can_subset,
            "resource_defs": self.resource_defs,
            "group_names_by_key": self._group_names,
            "metadata_by_key": self._metadata,
            "freshness_policies_by_key": self.freshness_policies_by_key,
            "auto_materialize_policies_by_key": self.auto_materialize_policies_by_key,
            "backfill_policy": self.backfill_policy,
            "descriptions_by_key": self._descriptions,
            "tags_by_key": self.tags_by_key,
            "owners_by_key": self.owners_by_key,
            "kinds_by_key": self.kinds_by_key,
            "automation_conditions_by_key": self.automation_conditions_by_key,
            "code_versions_by_key": self._code_versions,
            "hook_defs": self.hook_defs,
            "check_specs_by_output_name": self.check_specs_by_output_name,
            "selected_asset_check_keys": self._selected_checks,
        }
        return AssetsDefinition(**{**own, **parameters})

    def with_attributes(
        self,
        *,
        output_asset_key_replacements: Mapping[AssetKey, AssetKey] | None = None,
        input_asset_key_replacements: Mapping[AssetKey, AssetKey] | None = None,
        group_names_by_key: Mapping[AssetKey, str] | None = None,
        descriptions_by_key: Mapping[AssetKey, str] | None = None,
        metadata_by_key: Mapping[AssetKey, Mapping[str, Any]] | None = None,
        freshness_policy: Any = None,
        auto_materialize_policy: Any = None,
        backfill_policy: Any = None,
        asset_key_replacements: Mapping[AssetKey, AssetKey] | None = None,
        tags_by_key: Mapping[AssetKey, Mapping[str, str]] | None = None,
        legacy_freshness_policy: Any = None,
        automation_condition: Any = None,
        hook_defs: Iterable[HookDefinition] | None = None,
    ) -> AssetsDefinition:
        """Return a copy with other keys, groups, descriptions or policies.

        Args:
            output_asset_key_replacements: New keys of its assets, by the old ones.
            input_asset_key_replacements: New keys of upstream assets, by the old ones.
            group_names_by_key: The groups of assets that have none.
            descriptions_by_key: A description of each, in Markdown.
            metadata_by_key: Metadata to add.
            freshness_policy: The freshness policy of assets that have none.
            auto_materialize_policy: The policy of assets that have none.
            backfill_policy: How partitions are backfilled.
            asset_key_replacements: New keys of both, by the old ones.
            tags_by_key: Tags to add.
            legacy_freshness_policy: An older name of `freshness_policy`.
            automation_condition: The automation condition of assets that have none.
            hook_defs: Hooks that replace the present ones.

        Raises:
            InvalidDefinitionError: If an asset has a group or a policy already; lists all of them.

        Example:
            >>> from jobnb import AssetKey, asset
            >>> @asset
            ... def orders():
            ...     return 3
            >>> orders.with_attributes(group_names_by_key={orders.key: "sales"}).group_names_by_key
            {AssetKey(['orders']): 'sales'}

        Source: Dagster's `AssetsDefinition.with_attributes`.
        """
        freshness = freshness_policy or legacy_freshness_policy
        added = {
            "_group_names": {
                key: check_name(group, "a group")
                for key, group in (group_names_by_key or {}).items()
            },
            "freshness_policies_by_key": for_all(self, freshness),
            "auto_materialize_policies_by_key": for_all(self, auto_materialize_policy),
            "automation_conditions_by_key": for_all(self, automation_condition),
        }
        see_nothing_lost(self, added)
        changes: dict[str, Any] = {
            **{name: {**getattr(self, name), **given} for name, given in added.items() if given},
            "_descriptions": {**self._descriptions, **(descriptions_by_key or {})},
            "metadata_by_key": merged(self._metadata, metadata_by_key),
            "tags_by_key": merged(self.tags_by_key, tags_by_key),
        }
        changes = {PARAMETER.get(name, name): value for name, value in changes.items()}
        if backfill_policy is not None:
            changes["backfill_policy"] = backfill_policy
        if hook_defs is not None:
            changes["hook_defs"] = hook_defs
        made = self.with_changes(**changes)
        outputs = {**(asset_key_replacements or {}), **(output_asset_key_replacements or {})}
        inputs = {**(asset_key_replacements or {}), **(input_asset_key_replacements or {})}
        return renamed(made, outputs, inputs) if outputs or inputs else made

    def with_hooks(self, hook_defs: Iterable[HookDefinition]) -> AssetsDefinition:
        """Return a copy with more hooks of its steps."""
        return self.with_changes(hook_defs=self.hook_defs | frozenset(hook_defs))

    @property
    def is_external(self) -> bool:
        """Whether they are materialized elsewhere: always False."""
        return False

    @property
    def is_materializable(self) -> bool:
        """Whether a run materializes the assets: always True."""
        return True

    @property
    def is_observable(self) -> bool:
        """Whether a run only observes the assets: always False."""
        return False

    def map_asset_specs(self, fn: Callable[[AssetSpec], AssetSpec]) -> AssetsDefinition:
        """Return a copy with a function applied to each spec.

        Args:
            fn: Takes a spec and returns one, which may have another key, group, tags and so on.

        Raises:
            InvalidDefinitionError: If it changes the deps, which the function declares.

        Example:
            >>> from jobnb import asset
            >>> @asset
            ... def orders():
            ...     return 3
            >>> tagged = orders.map_asset_specs(lambda spec: spec.merge_attributes(kinds={"sql"}))
            >>> tagged.kinds_by_key
            {AssetKey(['orders']): frozenset({'sql'})}
        """
        mapped = {key: fn(spec) for key, spec in self.specs_by_key.items()}
        return with_specs(self, mapped)

    def subset_for(
        self,
        selected_asset_keys: Iterable[AssetKey],
        selected_asset_check_keys: Iterable[AssetCheckKey] | None = None,
    ) -> AssetsDefinition:
        """Return a copy that materializes only some of its assets.

        Args:
            selected_asset_keys: The assets.
            selected_asset_check_keys: Which of their checks are evaluated, if it can skip some;
                all if not given.

        Raises:
            InvalidSubsetError: If it cannot be subset.
        """
        wanted = self.keys & frozenset(selected_asset_keys)
        if wanted == self.keys and not self.check_specs_by_output_name:
            return self
        checks = self.check_keys
        if selected_asset_check_keys is None:
            checks = frozenset(key for key in checks if key.asset in wanted)
        elif self.can_part_with_checks:
            checks &= frozenset(selected_asset_check_keys)
        if wanted == self.keys and checks == self.check_keys:
            return self
        if wanted != self.keys and not self.can_subset and (wanted or not checks):
            names = ", ".join(sorted(key.to_user_string() for key in self.keys))
            raise InvalidSubsetError(
                f"{self.node_def.name!r} makes {names} together and cannot make only some of "
                "them. Select all, or define it with can_subset=True."
            )
        return self.with_changes(selected_asset_keys=wanted, selected_asset_check_keys=checks)

    # --- running ------------------------------------------------------------------------

    def materialize(
        self,
        config: CoercibleToRunConfig = None,
        *,
        partition: PartitionsAsked | None = None,
        instance: Instance | None = None,
        resources: Mapping[str, Any] | None = None,
        raise_on_error: bool = True,
        tags: Mapping[str, str] | None = None,
        stale_only: bool = False,
        executor: str | ExecutorDefinition | None = None,
    ) -> ExecuteInProcessResult:
        """Materialize it, among the other definitions of the session, and wait for it.

        Upstream assets are loaded, not materialized; see `Session.materialize` for several assets.

        Args:
            config: A `RunConfig` or dict.
            partition: The partition to materialize; or several in one run: a range, some keys.
            instance: Where the history and the values go; that of the session if not given.
            resources: Resources by key, instead of those of the session.
            raise_on_error: Whether to raise a failure.
            tags: Tags of the run.
            stale_only: Whether it is skipped if fresh; see `Session.stale`.
            executor: The executor: "in_process", "threads", "async", "multiprocess",
                "dask" or an `ExecutorDefinition`; as the job or the definitions say if not given.

        Returns:
            An `ExecuteInProcessResult`; it shows the graph, times and values.

        Raises:
            InvalidConfigError: If the config does not fit; nothing has run then.
            InvariantViolationError: If it has partitions and none is named.
            UnknownPartitionError: If there is no such partition.
            Exception: What its function raised, if `raise_on_error`.

        Example:
            >>> from jobnb import Instance, asset
            >>> @asset
            ... def orders():
            ...     return [1, 2]
            >>> orders.materialize(instance=Instance.ephemeral()).success
            True
        """
        __tracebackhide__ = True
        return (
            engine()
            .session_with(self)
            .materialize(
                sorted(self.keys),
                config=config,
                partition=partition,
                instance=instance,
                resources=resources,
                raise_on_error=raise_on_error,
                tags=tags,
                stale_only=stale_only,
                executor=executor,
            )
        )

    def launch(
        self,
        config: CoercibleToRunConfig = None,
        *,
        partition: PartitionsAsked | None = None,
        instance: Instance | None = None,
        resources: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        run_id: str | None = None,
        stale_only: bool = False,
        executor: str | ExecutorDefinition | None = None,
        detach: bool = False,
    ) -> Run:
        """Launch a run that materializes it, in the background.

        Args:
            config: A `RunConfig` or dict.
            partition: The partition to materialize; or several in one run: a range, some keys.
            instance: Where the history and the values go; that of the session if not given.
            resources: Resources by key, instead of those of the session.
            tags: Tags of the run; `dagster/max_runtime` is how many seconds it may take.
            run_id: The id of the run; generated if not given.
            stale_only: Whether it is skipped if fresh; see `Session.stale`.
            executor: The executor: "in_process", "threads", "async", "multiprocess",
                "dask" or an `ExecutorDefinition`; as the job or the definitions say if not given.
            detach: Whether a process of its own does it, which continues when this one ends; see
                `Session.launch`.

        Returns:
            A `Run`: it can be observed, waited for, awaited, canceled and repeated.

        Raises:
            InvalidConfigError: If the config does not fit; nothing has run then.
            InvariantViolationError: If it has partitions and none is named.
            UnknownPartitionError: If there is no such partition.
        """
        __tracebackhide__ = True
        return (
            engine()
            .session_with(self)
            .launch(
                sorted(self.keys),
                config=config,
                partition=partition,
                instance=instance,
                resources=resources,
                tags=tags,
                run_id=run_id,
                stale_only=stale_only,
                executor=executor,
                detach=detach,
            )
        )

    def launchpad(self) -> Launchpad:
        """Open the form for its config and materialize it; each display is the same form."""
        return engine().session_with(self).launchpad(sorted(self.keys))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the asset's function directly, as a unit test does."""
        if composition.current() is not None:
            raise InvalidDefinitionError(
                f"{self!r} cannot be invoked in a graph: assets depend on each other by key."
            )
        return engine().invoke(self, args, kwargs)

    def __repr__(self) -> str:
        names = ", ".join(key.to_user_string() for key in self.keys_by_output_name.values())
        return f"AssetsDefinition({names})"


def _checked(mappings: Mapping[AssetKey, Any]) -> dict[AssetKey, Any]:
    return {
        AssetKey.from_coercible(key): checked_mapping(mapping, key)
        for key, mapping in mappings.items()
    }


def _each(
    check: Callable[[Any, AssetKey], Any], by_key: Mapping[AssetKey, Any] | None
) -> Mapping[AssetKey, Any] | None:
    """Check an attribute of each asset."""
    return by_key and {key: check(given, key) for key, given in by_key.items()}
