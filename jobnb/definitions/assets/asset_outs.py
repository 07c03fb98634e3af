"""The outputs of a multi-asset, from `AssetOut`s or from specs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobnb.definitions.assets.asset_spec import AssetSpec, check_labels, check_owners
from jobnb.definitions.assets.condition_type import is_given
from jobnb.definitions.keys import AssetKey, check_name
from jobnb.definitions.ops.inout import AssetOut, Out
from jobnb.errors import InvalidDefinitionError, did_you_mean


class SeveralAssets:
    """The assets of one function or graph.

    Attributes:
        outs: The outputs of the op.
        keys: The asset of each output.
        said: Their attributes by key; parameters of `AssetsDefinition`.
        backfill_policies: The different backfill policies among them.
    """

    def __init__(
        self,
        outs: Mapping[str, Out],
        keys: Mapping[str, AssetKey],
        said: dict[str, dict[AssetKey, Any]],
        backfill_policies: list[Any],
    ) -> None:
        self.outs = outs
        self.keys = keys
        self.said = said
        self.backfill_policies = backfill_policies

    @classmethod
    def of_outs(cls, owner: str, outs: Mapping[str, Any], group_name: str | None) -> SeveralAssets:
        """Read `AssetOut`s by output name.

        Raises:
            InvalidDefinitionError: If they do not fit together; lists every problem.
        """
        problems = [
            f"The output {name!r} is declared as {out!r}. Write AssetOut()."
            for name, out in outs.items()
            if not isinstance(out, AssetOut)
        ]
        if not problems and group_name:
            problems = [
                f"The output {name!r} has the group {out.group_name!r}, and all of them "
                f"{group_name!r}. Keep one."
                for name, out in outs.items()
                if out.group_name
            ]
        _raise(owner, problems)
        keys = {name: out.key_for(name) for name, out in outs.items()}
        _raise(owner, _twice(keys))
        by_key = {keys[name]: out for name, out in outs.items()}
        made = {name: out.to_out() for name, out in outs.items()}
        policies = [out.backfill_policy for out in by_key.values()]
        return cls(made, keys, _stated(by_key, group_name), _each_once(policies))

    @classmethod
    def of_specs(
        cls, owner: str, specs: Iterable[Any], group_name: str | None, code_version: str | None
    ) -> SeveralAssets:
        """Read specs; their outputs have no values.

        Raises:
            InvalidDefinitionError: If they do not fit together; lists every problem.
        """
        from jobnb.definitions.types import Nothing

        given = list(specs)
        problems = [
            f"{each!r} is no AssetSpec." for each in given if not isinstance(each, AssetSpec)
        ]
        _raise(owner, problems)
        if group_name:
            problems = [
                f"The asset {spec.key.to_user_string()!r} has the group {spec.group_name!r}, and "
                f"all of them {group_name!r}. Keep one."
                for spec in given
                if spec.group_name
            ]
        seen: set[AssetKey] = set()
        for spec in given:
            if spec.key in seen:
                problems.append(f"Two specs have the key {spec.key.to_user_string()!r}.")
            seen.add(spec.key)
        _raise(owner, problems)
        by_name = {output_name(spec.key): spec for spec in given}
        outs = {
            name: Out(
                Nothing,
                spec.description,
                is_required=not spec.skippable,
                io_manager_key=spec.io_manager_key,
                metadata=spec.metadata,
                code_version=spec.code_version or code_version,
            )
            for name, spec in by_name.items()
        }
        keys = {name: spec.key for name, spec in by_name.items()}
        return cls(outs, keys, _stated({spec.key: spec for spec in given}, group_name), [])


def output_name(key: AssetKey) -> str:
    """Return the name of an asset's output."""
    return key.to_python_identifier().replace(".", "_")


def _stated(
    by_key: Mapping[AssetKey, Any], group_name: str | None
) -> dict[str, dict[AssetKey, Any]]:
    """Return the attributes of each asset that are set."""
    given = {
        "group_names_by_key": {key: each.group_name or group_name for key, each in by_key.items()},
        "descriptions_by_key": {key: each.description for key, each in by_key.items()},
        "metadata_by_key": {key: each.metadata for key, each in by_key.items()},
        "freshness_policies_by_key": {k: each.freshness_policy for k, each in by_key.items()},
        "auto_materialize_policies_by_key": {
            key: each.auto_materialize_policy for key, each in by_key.items()
        },
        "automation_conditions_by_key": {
            key: each.automation_condition for key, each in by_key.items()
        },
        "tags_by_key": {key: check_labels(each.tags, key) for key, each in by_key.items()},
        "owners_by_key": {key: check_owners(each.owners, key) for key, each in by_key.items()},
        "kinds_by_key": {key: each.kinds for key, each in by_key.items()},
    }
    for group in given["group_names_by_key"].values():
        if group:
            check_name(group, "a group")
    return {
        name: {key: value for key, value in found.items() if is_given(value)}
        for name, found in given.items()
        if any(is_given(value) for value in found.values())
    }


def _each_once(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for each in values:
        if each is not None and each not in found:
            found.append(each)
    return found


def _twice(keys: Mapping[str, AssetKey]) -> list[str]:
    seen: dict[AssetKey, str] = {}
    problems = []
    for name, key in keys.items():
        if key in seen:
            problems.append(
                f"The outputs {seen[key]!r} and {name!r} both make {key.to_user_string()!r}."
            )
        seen.setdefault(key, name)
    return problems


def _raise(owner: str, problems: list[str]) -> None:
    if problems:
        raise InvalidDefinitionError(
            f"The assets of {owner!r} cannot be right:\n  " + "\n  ".join(problems)
        )


def internal_deps(
    owner: str,
    keys: Mapping[str, AssetKey],
    upstream: Iterable[AssetKey],
    deps: Mapping[str, Iterable[Any]] | None,
) -> dict[AssetKey, set[AssetKey]] | None:
    """Return the upstream assets of each asset, if they are declared by output.

    Args:
        owner: The function or graph, for errors.
        keys: The asset of each output.
        upstream: All possible upstream assets, beside each other.
        deps: Upstream assets by output; other outputs depend on all of them.

    Raises:
        InvalidDefinitionError: If an output or a key is unknown; lists every problem.
    """
    if deps is None:
        return None
    inputs = set(upstream)
    known = inputs | set(keys.values())
    problems, found = [], {}
    for name, given in deps.items():
        if name not in keys:
            hint = did_you_mean(name, keys, noun="There are")
            problems.append(f"internal_asset_deps names the output {name!r}. {hint}")
            continue
        found[keys[name]] = wanted = {AssetKey.from_coercible(each) for each in given}
        for key in sorted(wanted - known):
            text = key.to_user_string()
            hint = did_you_mean(text, [each.to_user_string() for each in known])
            problems.append(
                f"internal_asset_deps says that {name!r} is made from {text!r}, which is neither "
                f"an input nor made here. {hint} Take it in, or name it in deps."
            )
    _raise(owner, problems)
    return {key: found.get(key, set(inputs)) for key in keys.values()}
