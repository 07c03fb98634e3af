"""Assets with other keys, groups, descriptions and the like: the same code, said otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from jobnb.definitions.assets.asset_inout import DEFAULT_GROUP
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey, check_name
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.ops.hook import HookDefinition

__all__ = ["AssetsAttributes", "renamed"]

_BY_KEY = (
    "_group_names",
    "_metadata",
    "freshness_policies_by_key",
    "auto_materialize_policies_by_key",
    "_descriptions",
    "tags_by_key",
    "owners_by_key",
    "kinds_by_key",
    "automation_conditions_by_key",
    "_code_versions",
)
_PARAMETER = {
    "_metadata": "metadata_by_key",
    "_group_names": "group_names_by_key",
    "_descriptions": "descriptions_by_key",
    "_code_versions": "code_versions_by_key",
}


class AssetsAttributes:
    """What is said of assets, asset by asset, and how to say it otherwise."""

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
        """The same assets with other keys, groups, words or policies.

        Args:
            output_asset_key_replacements: New keys of what is made, by the old ones.
            input_asset_key_replacements: New keys of what is upstream, by the old ones.
            group_names_by_key: The groups of assets that have none.
            descriptions_by_key: In words, Markdown.
            metadata_by_key: More metadata, beside what is there.
            freshness_policy: How fresh assets that say nothing of it should be.
            auto_materialize_policy: When assets that say nothing of it should make themselves.
            backfill_policy: How partitions are filled.
            asset_key_replacements: New keys of both, by the old ones.
            tags_by_key: More tags, beside what is there.
            legacy_freshness_policy: An older name of `freshness_policy`.
            automation_condition: When assets that say nothing of it should be made.
            hook_defs: Hooks, instead of those that are there.

        Raises:
            InvalidDefinitionError: If a group or a policy is there already; all at once.

        Example:
            >>> from jobnb import AssetKey, asset
            >>> @asset
            ... def orders():
            ...     return 3
            >>> orders.with_attributes(group_names_by_key={orders.key: "sales"}).group_names_by_key
            {AssetKey(['orders']): 'sales'}

        Source: Dagster's `AssetsDefinition.with_attributes`.
        """
        own = cast("AssetsDefinition", self)
        freshness = freshness_policy or legacy_freshness_policy
        added = {
            "_group_names": {
                key: check_name(group, "a group")
                for key, group in (group_names_by_key or {}).items()
            },
            "freshness_policies_by_key": _for_all(own, freshness),
            "auto_materialize_policies_by_key": _for_all(own, auto_materialize_policy),
            "automation_conditions_by_key": _for_all(own, automation_condition),
        }
        _see_nothing_lost(own, added)
        changes: dict[str, Any] = {
            **{name: {**getattr(own, name), **given} for name, given in added.items() if given},
            "_descriptions": {**own._descriptions, **(descriptions_by_key or {})},
            "metadata_by_key": _merged(own._metadata, metadata_by_key),
            "tags_by_key": _merged(own.tags_by_key, tags_by_key),
        }
        changes = {_PARAMETER.get(name, name): value for name, value in changes.items()}
        if backfill_policy is not None:
            changes["backfill_policy"] = backfill_policy
        if hook_defs is not None:
            changes["hook_defs"] = hook_defs
        made = own.with_changes(**changes)
        outputs = {**(asset_key_replacements or {}), **(output_asset_key_replacements or {})}
        inputs = {**(asset_key_replacements or {}), **(input_asset_key_replacements or {})}
        return renamed(made, outputs, inputs) if outputs or inputs else made

    def with_hooks(self, hook_defs: Iterable[HookDefinition]) -> AssetsDefinition:
        """The same with more hooks of the step or steps that make them."""
        own = cast("AssetsDefinition", self)
        return own.with_changes(hook_defs=own.hook_defs | frozenset(hook_defs))

    @property
    def is_external(self) -> bool:
        """Whether nothing here makes them: never so for what a function makes."""
        return False

    @property
    def is_materializable(self) -> bool:
        """Whether running them makes the assets."""
        return True

    @property
    def is_observable(self) -> bool:
        """Whether running them only looks at the assets."""
        return False


def _for_all(own: AssetsDefinition, value: Any) -> dict[AssetKey, Any]:
    return dict.fromkeys(own.keys_by_output_name.values(), value) if value is not None else {}


def _see_nothing_lost(own: AssetsDefinition, added: Mapping[str, Mapping[AssetKey, Any]]) -> None:
    words = {
        "_group_names": "group",
        "freshness_policies_by_key": "freshness policy",
        "auto_materialize_policies_by_key": "auto-materialize policy",
        "automation_conditions_by_key": "automation condition",
    }
    problems = [
        f"{key.to_user_string()!r} has the {words[name]} {there!r}."
        for name, given in added.items()
        for key in sorted(given)
        if (there := getattr(own, name).get(key)) not in (None, DEFAULT_GROUP, given[key])
    ]
    if problems:
        raise InvalidDefinitionError(
            "What these assets say already is not overwritten:\n  "
            + "\n  ".join(problems)
            + "\nTake it out there, or leave it out here."
        )


def _merged(
    there: Mapping[AssetKey, Mapping[str, Any]],
    added: Mapping[AssetKey, Mapping[str, Any]] | None,
) -> Mapping[AssetKey, Mapping[str, Any]]:
    if not added:
        return there
    return {key: {**there.get(key, {}), **added.get(key, {})} for key in {**there, **added}}


def renamed(
    own: AssetsDefinition,
    outputs: Mapping[AssetKey, AssetKey],
    inputs: Mapping[AssetKey, AssetKey],
) -> AssetsDefinition:
    """The same under other keys, in everything that is said by key."""
    made = set(own.keys_by_output_name.values())

    def dep(key: AssetKey) -> AssetKey:
        return outputs.get(key, key) if key in made else inputs.get(key, key)

    changes: dict[str, Any] = {
        _PARAMETER.get(name, name): {outputs.get(k, k): v for k, v in getattr(own, name).items()}
        for name in _BY_KEY
    }
    changes["keys_by_output_name"] = {
        name: outputs.get(key, key) for name, key in own.keys_by_output_name.items()
    }
    changes["keys_by_input_name"] = {name: dep(key) for name, key in own.keys_by_input_name.items()}
    changes["partition_mappings"] = {dep(k): v for k, v in own.partition_mappings.items()}
    changes["selected_asset_keys"] = {outputs.get(key, key) for key in own.keys}
    if own._asset_deps is not None:
        changes["asset_deps"] = {
            outputs.get(key, key): {dep(each) for each in deps}
            for key, deps in own._asset_deps.items()
        }
    if own.check_specs_by_output_name:
        changes["check_specs_by_output_name"] = {
            name: replace(
                spec,
                asset=outputs.get(spec.asset_key, spec.asset_key),
                additional_deps=[dep(key) for key in spec.additional_deps or ()],
            )
            for name, spec in own.check_specs_by_output_name.items()
        }
        chosen = own.check_keys
        changes["selected_asset_check_keys"] = {
            AssetCheckKey(outputs.get(key.asset, key.asset), key.name) for key in chosen
        }
    return own.with_changes(**changes)
