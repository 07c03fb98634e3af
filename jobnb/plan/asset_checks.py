"""The checks that outputs evaluate, and the nodes that wait for blocking checks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from jobnb.plan.flatten import output_at

if TYPE_CHECKING:
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.checks.asset_check import AssetCheckSpec
    from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
    from jobnb.definitions.keys import AssetKey
    from jobnb.definitions.ops.graph_definition import GraphDefinition

Guards = Mapping[str, tuple[tuple[str, str], ...]]
"""For a node or a step that waits for others: the step and the output of each of them."""


def check_outputs(assets_def: AssetsDefinition) -> Mapping[str, AssetCheckSpec]:
    """Return the checks that outputs of a graph-backed asset evaluate beside its assets."""
    specs = assets_def.check_specs_by_output_name
    if not specs:
        return {}
    return {name: specs[name] for name in assets_def.node_def.output_names if name in specs}


def guards_of(
    graph: GraphDefinition,
    checks: Iterable[AssetChecksDefinition],
    assets: Mapping[str, AssetsDefinition],
) -> Guards:
    """Return what nodes and steps of an asset job wait for beside their inputs.

    A node waits for the blocking checks of its upstream assets; a step that evaluates a check
    beside an asset waits for the check's `additional_deps`.

    Args:
        graph: The graph of the job.
        checks: The checks that have nodes of their own.
        assets: The assets that the run materializes, by the name of their node.
    """
    blocking: dict[AssetKey, list[tuple[str, str]]] = defaultdict(list)
    for each in checks:
        for spec in each.check_specs:
            if spec.blocking:
                blocking[spec.asset_key].append((each.name, spec.get_python_identifier()))
    for name, made in assets.items():
        for output, spec in check_outputs(made).items():
            if spec.blocking and spec.key in made.check_keys:
                blocking[spec.asset_key].append(output_at(graph, (), name, output))
    found = _waiting_for_deps(graph, assets)
    for name, made in assets.items() if blocking else ():
        deps = (
            made.asset_deps
        )  # The function's whole set, because a part of it may run in another step.
        upstream = {dep for key in made.keys for dep in deps.get(key, ())} - made.keys
        waits = [guard for key in sorted(upstream & blocking.keys()) for guard in blocking[key]]
        if waits:
            found[name] = (*found.get(name, ()), *waits)
    return found


def _waiting_for_deps(
    graph: GraphDefinition, assets: Mapping[str, AssetsDefinition]
) -> dict[str, tuple[tuple[str, str], ...]]:
    """Map steps that evaluate checks with `additional_deps` to the outputs they depend on."""
    checking = [
        (name, made, spec)
        for name, made in assets.items()
        for spec in made.check_specs
        if spec.additional_deps
    ]
    if not checking:
        return {}
    maker = {key: (name, made) for name, made in assets.items() for key in made.keys}
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for name, made, spec in checking:
        outputs = [output for output, each in check_outputs(made).items() if each.key == spec.key]
        step = output_at(graph, (), name, outputs[0])[0] if outputs else name
        waits = [
            output_at(graph, (), above, other.output_name_of(key))
            for key in spec.additional_deps or ()
            if key in maker and (above := maker[key][0]) != name
            for other in (maker[key][1],)
        ]
        if waits:
            found[step] = (*found.get(step, ()), *waits)
    return found
