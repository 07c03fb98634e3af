"""The attributes of assets by key: read as specs, changed, and moved to other keys.

The methods of `AssetsDefinition` that return a changed copy compute its parameters here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from jobnb.definitions.assets.asset_spec import MANAGER_KEY, AssetDep, AssetSpec
from jobnb.definitions.assets.condition_type import is_given
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.inout import DEFAULT_GROUP
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.definitions.assets.assets_definition import AssetsDefinition

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
PARAMETER = {
    "_metadata": "metadata_by_key",
    "_group_names": "group_names_by_key",
    "_descriptions": "descriptions_by_key",
    "_code_versions": "code_versions_by_key",
}


def for_all(own: AssetsDefinition, value: Any) -> dict[AssetKey, Any]:
    """Return the same value for each asset."""
    return dict.fromkeys(own.keys_by_output_name.values(), value) if value is not None else {}


def see_nothing_lost(own: AssetsDefinition, added: Mapping[str, Mapping[AssetKey, Any]]) -> None:
    """Refuse to overwrite attributes that assets have already.

    Raises:
        InvalidDefinitionError: If a value differs from the present one; lists every problem.
    """
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


def merged(
    there: Mapping[AssetKey, Mapping[str, Any]],
    added: Mapping[AssetKey, Mapping[str, Any]] | None,
) -> Mapping[AssetKey, Mapping[str, Any]]:
    """Merge new attributes of each asset into the present ones."""
    if not added:
        return there
    return {key: {**there.get(key, {}), **added.get(key, {})} for key in {**there, **added}}


def renamed(
    own: AssetsDefinition,
    outputs: Mapping[AssetKey, AssetKey],
    inputs: Mapping[AssetKey, AssetKey],
) -> AssetsDefinition:
    """Return the definition under other keys, in all attributes by key."""
    made = set(own.keys_by_output_name.values())

    def dep(key: AssetKey) -> AssetKey:
        return outputs.get(key, key) if key in made else inputs.get(key, key)

    changes: dict[str, Any] = {
        PARAMETER.get(name, name): {outputs.get(k, k): v for k, v in getattr(own, name).items()}
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


def spec_of(own: AssetsDefinition, key: AssetKey) -> AssetSpec:
    """Return the spec of an asset."""
    out = own.node_def.out_of(own.output_name_of(key))
    metadata = own.metadata_by_key.get(key, {})
    if out.io_manager_key != "io_manager":
        metadata = {**metadata, MANAGER_KEY: out.io_manager_key}
    mappings, upstream = own.partition_mappings, sorted(own.asset_deps[key])
    return AssetSpec(
        key,
        deps=[AssetDep(dep, partition_mapping=mappings.get(dep)) for dep in upstream],
        description=own.descriptions_by_key.get(key),
        metadata=metadata,
        skippable=not out.is_required and not own.can_subset,
        group_name=own.group_names_by_key[key],
        code_version=own.code_versions_by_key.get(key),
        automation_condition=own.automation_conditions_by_key.get(key),
        owners=own.owners_by_key.get(key),
        tags=own.tags_by_key.get(key),
        kinds=own.kinds_by_key.get(key),
        partitions_def=own.partitions_def,
        freshness_policy=own.freshness_policies_by_key.get(key),
        auto_materialize_policy=own.auto_materialize_policies_by_key.get(key),
    )


def with_specs(own: AssetsDefinition, mapped: Mapping[AssetKey, AssetSpec]) -> AssetsDefinition:
    """Return the definition with the attributes of these specs.

    Raises:
        InvalidDefinitionError: If a spec changes the deps, which the function declares.
    """
    problems = [
        f"{key.to_user_string()!r} gets {what}."
        for key, spec in mapped.items()
        for what in _not_of_the_spec(own, key, spec)
    ]
    if problems:
        raise InvalidDefinitionError(
            "What an asset is made from and what stores it is said by its function, not by its "
            "spec:\n  " + "\n  ".join(problems)
        )
    mapped = {
        key: spec.replace_attributes(metadata=_own_metadata(spec)) for key, spec in mapped.items()
    }
    said: dict[str, dict[AssetKey, Any]] = {
        "group_names_by_key": {k: s.group_name for k, s in mapped.items() if s.group_name},
        "descriptions_by_key": {k: s.description for k, s in mapped.items() if s.description},
        "metadata_by_key": {k: s.metadata for k, s in mapped.items() if s.metadata},
        "freshness_policies_by_key": {
            k: s.freshness_policy for k, s in mapped.items() if s.freshness_policy is not None
        },
        "auto_materialize_policies_by_key": {
            k: s.auto_materialize_policy for k, s in mapped.items() if s.auto_materialize_policy
        },
        "automation_conditions_by_key": {
            k: s.automation_condition for k, s in mapped.items() if is_given(s.automation_condition)
        },
        "tags_by_key": {k: s.tags for k, s in mapped.items() if s.tags},
        "owners_by_key": {k: s.owners for k, s in mapped.items() if s.owners},
        "kinds_by_key": {k: s.kinds for k, s in mapped.items() if s.kinds},
        "code_versions_by_key": {k: s.code_version for k, s in mapped.items() if s.code_version},
    }
    made = own.with_changes(**said)
    keys = {key: spec.key for key, spec in mapped.items() if spec.key != key}
    return renamed(made, keys, {}) if keys else made


def _not_of_the_spec(own: AssetsDefinition, key: AssetKey, spec: AssetSpec) -> Iterator[str]:
    if {dep.asset_key for dep in spec.deps} != set(own.asset_deps[key]):
        yield "other deps"
    if spec.io_manager_key != own.specs_by_key[key].io_manager_key:
        yield "another IO manager"


def _own_metadata(spec: AssetSpec) -> dict[str, Any]:
    return {name: value for name, value in spec.metadata.items() if name != MANAGER_KEY}
