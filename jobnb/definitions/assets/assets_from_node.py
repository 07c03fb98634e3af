"""`AssetsDefinition.from_op` and `.from_graph`: read an op or graph as assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobnb.definitions.assets.asset_outs import internal_deps
from jobnb.definitions.checks.asset_check import AssetCheckSpec, checks_of
from jobnb.definitions.keys import AssetKey, check_name
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.inout import prefix_of
from jobnb.definitions.ops.node import NodeDefinition
from jobnb.errors import InvalidDefinitionError, did_you_mean


def assets_of_node(
    node: NodeDefinition,
    ins: Mapping[str, AssetKey] | None,
    outs: Mapping[str, AssetKey] | None,
    key_prefix: str | Sequence[str] | None,
    deps: Mapping[str, set[AssetKey]] | None,
    partition_mappings: Mapping[str, Any] | None,
    group_name: str | None,
    check_specs: Sequence[AssetCheckSpec],
    **said: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the parameters of `AssetsDefinition` for the assets of an op or graph.

    Args:
        node: The op or graph.
        ins: The upstream asset of each input.
        outs: The asset of each output.
        key_prefix: Parts before the keys of the assets.
        deps: The upstream assets of each output.
        partition_mappings: By input, which partitions of the upstream asset are loaded.
        group_name: The group of all of them.
        check_specs: The checks that outputs of a graph evaluate.
        **said: Attributes of each asset by output: `owners` for `owners_by_output_name`.

    Raises:
        InvalidDefinitionError: If a graph has no output, or a name is not one of the node's; lists
            every problem.
    """
    by_output = {f"{name}_by_output_name": given for name, given in said.items()}
    by_input = {"keys_by_input_name": ins, "partition_mappings": partition_mappings}
    named_outputs = {"keys_by_output_name": outs, "internal_asset_deps": deps, **by_output}
    checks = {each.get_python_identifier() for each in check_specs}
    made_by = [name for name in node.output_names if name not in checks]
    if not made_by and isinstance(node, GraphDefinition):
        raise InvalidDefinitionError(
            f"The graph {node.name!r} has no output, so it makes no asset. Return the output of "
            "one of its ops."
        )
    _check_names(node, made_by, by_input, named_outputs)
    if group_name and by_output["group_names_by_output_name"]:
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
        by_output["group_names_by_output_name"] = dict.fromkeys(
            outputs, check_name(group_name, "a group")
        )
    by_key = {
        name.replace("output_name", "key"): {
            outputs[k]: v for k, v in given.items() if v is not None
        }
        for name, given in by_output.items()
        if given
    }
    return {
        "keys_by_input_name": inputs,
        "keys_by_output_name": outputs,
        "node_def": node,
        "check_specs_by_output_name": _checks(node, check_specs, outputs),
        "asset_deps": internal_deps(node.name, outputs, inputs.values(), deps),
        "partition_mappings": {inputs[k]: v for k, v in (partition_mappings or {}).items()},
        **by_key,
    }


def _checks(
    node: NodeDefinition, specs: Sequence[AssetCheckSpec], outputs: Mapping[str, AssetKey]
) -> dict[str, AssetCheckSpec]:
    """Return the checks of the node's outputs."""
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
