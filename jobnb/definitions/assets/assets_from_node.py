"""`AssetsDefinition.from_op` and `.from_graph`: an op or graph becomes what makes assets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from jobnb.definitions.announce import announce_from_caller
from jobnb.definitions.assets.asset_inout import prefix_of
from jobnb.definitions.assets.asset_outs import internal_deps
from jobnb.definitions.checks.check_specs import checks_of
from jobnb.definitions.keys import AssetKey, check_name
from jobnb.errors import InvalidDefinitionError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.checks.asset_check import AssetCheckSpec
    from jobnb.definitions.ops.graph_definition import GraphDefinition
    from jobnb.definitions.ops.hook import HookDefinition
    from jobnb.definitions.ops.node import NodeDefinition
    from jobnb.definitions.ops.op import OpDefinition
    from jobnb.definitions.partitions.partition import PartitionsDefinition

__all__ = ["AssetsFromNode"]


class AssetsFromNode:
    """The two ways from a node to assets."""

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
        """The assets that an op makes: one for each of its outputs.

        Args:
            op_def: The op.
            keys_by_input_name: The upstream asset of each input; the one of its name if absent.
            keys_by_output_name: The asset of each output; the one of its name if absent, or of
                the op's name where it has a single unnamed output.
            key_prefix: Parts before the keys of the assets that are made.
            internal_asset_deps: For each output, the assets it is made from; all inputs if absent.
            partitions_def: The partitions of the assets.
            partition_mappings: By input, which partitions of the upstream asset are loaded.
            group_name: The group of all of them.
            group_names_by_output_name: The group of each.
            descriptions_by_output_name: In words, Markdown.
            metadata_by_output_name: Values shown beside each.
            freshness_policies_by_output_name: How fresh each should be.
            auto_materialize_policies_by_output_name: When each should make itself.
            backfill_policy: How partitions are filled.
            can_subset: Whether the op can make some without the others.
            tags_by_output_name: Tags of each.
            owners_by_output_name: Owners of each: e-mail addresses or `team:name`.
            code_versions_by_output_name: The version of the code of each.
            automation_conditions_by_output_name: When each should be made.
            hook_defs: Hooks of the step.

        Raises:
            InvalidDefinitionError: If a name is not one of the op's; all problems at once.

        Example:
            >>> from jobnb import AssetsDefinition, Out, materialize, op
            >>> @op(out={"low": Out(), "high": Out()})
            ... def bounds():
            ...     return 1, 9
            >>> materialize([AssetsDefinition.from_op(bounds)]).asset_value("high")
            9

        Source: Dagster's `AssetsDefinition.from_op`.
        """
        made: Self = _assets(
            cls,
            op_def,
            keys_by_input_name,
            keys_by_output_name,
            key_prefix,
            internal_asset_deps,
            partition_mappings,
            group_name,
            (),
            {
                "group_names_by_key": group_names_by_output_name,
                "descriptions_by_key": descriptions_by_output_name,
                "metadata_by_key": metadata_by_output_name,
                "freshness_policies_by_key": freshness_policies_by_output_name,
                "auto_materialize_policies_by_key": auto_materialize_policies_by_output_name,
                "tags_by_key": tags_by_output_name,
                "owners_by_key": owners_by_output_name,
                "code_versions_by_key": code_versions_by_output_name,
                "automation_conditions_by_key": automation_conditions_by_output_name,
            },
            partitions_def=partitions_def,
            backfill_policy=backfill_policy,
            can_subset=can_subset,
            hook_defs=hook_defs,
        )
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
        """The assets that a graph makes: one for each of its outputs.

        The parameters are those of `from_op`, and `resource_defs`: resources by key, and
        `check_specs`: the checks that outputs of the graph called `<asset>_<check>` give.

        Raises:
            InvalidDefinitionError: If a name is not one of the graph's; all problems at once.

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
        made: Self = _assets(
            cls,
            graph_def,
            keys_by_input_name,
            keys_by_output_name,
            key_prefix,
            internal_asset_deps,
            partition_mappings,
            group_name,
            check_specs or (),
            {
                "group_names_by_key": group_names_by_output_name,
                "descriptions_by_key": descriptions_by_output_name,
                "metadata_by_key": metadata_by_output_name,
                "freshness_policies_by_key": freshness_policies_by_output_name,
                "auto_materialize_policies_by_key": auto_materialize_policies_by_output_name,
                "tags_by_key": tags_by_output_name,
                "owners_by_key": owners_by_output_name,
                "code_versions_by_key": code_versions_by_output_name,
                "automation_conditions_by_key": automation_conditions_by_output_name,
            },
            partitions_def=partitions_def,
            resource_defs=resource_defs,
            backfill_policy=backfill_policy,
            can_subset=can_subset,
            hook_defs=hook_defs,
        )
        return made


def _assets(
    cls: Any,
    node: NodeDefinition,
    ins: Mapping[str, AssetKey] | None,
    outs: Mapping[str, AssetKey] | None,
    key_prefix: str | Sequence[str] | None,
    deps: Mapping[str, set[AssetKey]] | None,
    partition_mappings: Mapping[str, Any] | None,
    group_name: str | None,
    check_specs: Sequence[AssetCheckSpec],
    by_output: dict[str, Mapping[str, Any] | None],
    **parameters: Any,
) -> Any:
    by_input = {"keys_by_input_name": ins, "partition_mappings": partition_mappings}
    named_outputs = {"keys_by_output_name": outs, "internal_asset_deps": deps, **by_output}
    checks = {each.get_python_identifier() for each in check_specs}
    made_by = [name for name in node.output_names if name not in checks]
    _check_names(node, made_by, by_input, named_outputs)
    if group_name and by_output["group_names_by_key"]:
        raise InvalidDefinitionError(
            f"{node.name!r} gets a group_name and group_names_by_output_name. Keep one."
        )
    inputs = {name: AssetKey(name) for name in node.input_names}
    inputs.update({name: AssetKey.from_coercible(key) for name, key in (ins or {}).items()})
    outputs = {
        name: AssetKey.from_coercible((outs or {}).get(name) or _own_key(node, name, made_by))
        for name in made_by
    }
    if key_prefix:
        outputs = {name: key.with_prefix(prefix_of(key_prefix)) for name, key in outputs.items()}
    if group_name:
        by_output["group_names_by_key"] = dict.fromkeys(outputs, check_name(group_name, "a group"))
    made = cls(
        keys_by_input_name=inputs,
        keys_by_output_name=outputs,
        node_def=node,
        check_specs_by_output_name=_checks(node, check_specs, outputs),
        asset_deps=internal_deps(node.name, outputs, inputs.values(), deps),
        partition_mappings={inputs[k]: v for k, v in (partition_mappings or {}).items()},
        **{
            name: {outputs[k]: v for k, v in given.items() if v is not None}
            for name, given in by_output.items()
            if given
        },
        **parameters,
    )
    announce_from_caller(made)
    return made


def _checks(
    node: NodeDefinition, specs: Sequence[AssetCheckSpec], outputs: Mapping[str, AssetKey]
) -> dict[str, AssetCheckSpec]:
    """The checks that outputs of the node give."""
    found = checks_of(node.name, specs, outputs.values())
    missing = [name for name in found if name not in node.output_names]
    if missing:
        raise InvalidDefinitionError(
            f"The graph {node.name!r} has no output {missing[0]!r}, which would give the check "
            f"{found[missing[0]].key.to_user_string()!r}. It has {', '.join(node.output_names)}: "
            f"return the output of the op that checks as {missing[0]!r} too."
        )
    return found


def _own_key(node: NodeDefinition, output: str, outputs: Sequence[str]) -> AssetKey:
    alone = output == "result" and len(outputs) == 1
    return AssetKey(node.name if alone else output)


def _check_names(
    node: NodeDefinition,
    made_by: Sequence[str],
    by_input: Mapping[str, Mapping[str, Any] | None],
    by_output: Mapping[str, Mapping[str, Any] | None],
) -> None:
    problems = [
        f"{parameter} names the {noun} {name!r}. "
        + (did_you_mean(name, known, noun="There are") or f"It has no {noun}s.")
        for noun, known, parts in (
            ("input", node.input_names, by_input),
            ("output", made_by, by_output),
        )
        for parameter, given in parts.items()
        for name in given or ()
        if name not in known
    ]
    if problems:
        raise InvalidDefinitionError(
            f"The assets of {node.name!r} cannot be right:\n  " + "\n  ".join(problems)
        )
