"""Which checks an asset job evaluates, and which nodes wait for blocking checks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_check import AssetCheckSpec
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.errors import InvalidSubsetError
from jobnb.plan.asset_choice import JobAssets
from jobnb.plan.flatten import output_at

Guards = Mapping[str, tuple[tuple[str, str], ...]]
"""For a node or a step that waits for others: the step and the output of each of them."""


def checks_to_make(
    checks: Iterable[AssetChecksDefinition], chosen: JobAssets
) -> list[AssetChecksDefinition]:
    """Choose the checks that a run evaluates in steps of their own.

    Args:
        checks: All there are.
        chosen: What the run is about.

    Returns:
        Definitions of just these checks. A definition that cannot evaluate some of its checks
        without the others is included when all of them are chosen.

    Raises:
        InvalidSubsetError: If a check selected by name cannot be evaluated without others.
    """
    made = []
    for each in checks:
        wanted = each.check_keys & chosen.checks
        if wanted and (each.can_subset or wanted == each.check_keys or wanted & chosen.named):
            made.append(each.subset_for(wanted))
    return made


def assets_to_make(assets: Iterable[AssetsDefinition], chosen: JobAssets) -> list[AssetsDefinition]:
    """Choose the assets that a run materializes, with those of their own checks that are selected.

    A function that cannot be subset evaluates all of its checks as well.

    Raises:
        InvalidSubsetError: If some cannot be made without others.
    """
    keys, checks = chosen.assets, chosen.checks
    return [
        each.subset_for(keys, checks)
        for each in assets
        if each.keys & keys or (each.can_part_with_checks and each.check_keys & checks)
    ]


def see_makeable(
    checks: Iterable[AssetChecksDefinition],
    assets: Iterable[AssetsDefinition],
    sources: Iterable[SourceAsset],
    chosen: JobAssets,
    anything: bool,
) -> None:
    """Raise if a check selected by name cannot be evaluated, or the run would do nothing.

    Args:
        checks: All checks there are.
        assets: All assets there are.
        sources: All source assets there are.
        chosen: What the run is about.
        anything: Whether the run materializes or checks anything.

    Raises:
        InvalidSubsetError: If a check cannot be made without its asset, or without others.
    """
    wanted = chosen.named if anything else chosen.checks
    if not wanted:
        return
    together: list[AssetsDefinition | SourceAsset] = [
        each for each in assets if each.check_specs and not each.can_part_with_checks
    ]
    together += sources
    own = {key for each in together for key in each.check_keys & wanted}
    for key in sorted(each for each in own if each.asset not in chosen.assets):
        name, asset = key.to_user_string(), key.asset.to_user_string()
        raise InvalidSubsetError(
            f"The check {name!r} is made by the function that makes or observes {asset!r}, and "
            "not without it. Select the asset as well, or check it with "
            f"@asset_check(asset={asset!r})."
        )
    for each in () if anything else checks:
        each.subset_for(wanted)  # it says why it cannot


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
