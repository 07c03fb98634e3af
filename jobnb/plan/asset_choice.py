"""What a job covers: the assets it materializes, the source assets it observes, its checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from jobnb.definitions.assets.asset_job import AssetLayer
from jobnb.definitions.assets.asset_outs import output_name
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.jobs.job_config import job_words
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.rules import AnyOf, Key, Rule
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidSubsetError, did_you_mean
from jobnb.plan.graphs import AssetGraph
from jobnb.plan.selection_resolution import resolve_all, resolve_assets


class JobAssets(NamedTuple):
    """What a job covers.

    Attributes:
        assets: The keys of the assets it materializes or observes.
        checks: The checks that go with it.
        named: The checks that were selected by name: they are evaluated, or the run is refused.
        tells_checks: Whether the selection names checks explicitly.
        sources_alone: Whether it names nothing but source assets that nothing observes.
    """

    assets: frozenset[AssetKey]
    checks: frozenset[AssetCheckKey]
    named: frozenset[AssetCheckKey] = frozenset()
    tells_checks: bool = False
    sources_alone: bool = False


def chosen_by(job: JobDefinition, layer: AssetLayer) -> JobAssets:
    """Resolve what the job materializes, observes and checks.

    Source assets are observed where the selection names them, or names nothing else.

    Raises:
        InvalidSubsetError: If the selection names something unknown, or selects nothing and
            does not select by status.
    """
    if layer.selection is None or layer.selection == AssetSelection.all():
        chosen = _everything(layer)
    else:
        chosen = _selected(layer, AssetSelection.from_coercible(layer.selection))
    if job.asset_selection is not None or job.asset_check_selection is not None:
        chosen = _part_of(job, layer, chosen)
    # Source assets alone, or no assets at all, are fine: there is nothing to materialize.
    asks = layer.selection is not None and layer.status_of is None and not chosen.sources_alone
    if asks and not chosen.assets and not chosen.checks:
        raise InvalidSubsetError(
            f"The selection {_shown(layer.selection)}names no asset that can be made, and no "
            "check. Define assets first, or change the selection."
        )
    return chosen


def _everything(layer: AssetLayer) -> JobAssets:
    assets = frozenset(key for each in layer.assets for key in each.keys)
    around: list[AssetChecksDefinition | AssetsDefinition] = [*layer.checks, *layer.assets]
    specs = (spec for each in around for spec in each.check_specs)
    return JobAssets(assets, frozenset(spec.key for spec in specs if spec.asset_key in assets))


def _selected(layer: AssetLayer, selection: AssetSelection) -> JobAssets:
    graph = AssetGraph([*layer.assets, *layer.sources, *layer.checks])
    chosen = selection.at_most() if layer.is_undecided else selection
    resolved, checks = resolve_all(chosen, graph, layer.status_of)
    if layer.status_of is not None and resolved:
        # A status selects single assets, but a definition may have to materialize others with them.
        keys = AssetSelection.keys(*sorted(resolved))
        resolved = resolve_assets(keys.required_multi_asset_neighbors(), graph)
    selected = frozenset(resolved) & {graph.keys[number] for number in graph.made}
    looked_at = {each.key for each in layer.sources if each.is_observable} & resolved
    selected |= looked_at & _named(selection.rule) if selected else looked_at
    sources_alone = bool(resolved) and not selected
    if not selection.tells_checks:
        return JobAssets(selected, frozenset(checks), sources_alone=sources_alone)
    named = selection.named_checks
    return JobAssets(selected, frozenset(checks), named, True, sources_alone)


def _part_of(job: JobDefinition, layer: AssetLayer, whole: JobAssets) -> JobAssets:
    """Narrow what a job covers to the requested assets, and to their checks if none are named."""
    could = whole
    if layer.status_of is not None:
        # Any asset of the job may be named; those that match the status are materialized.
        selection = AssetSelection.from_coercible(layer.selection)
        undecided = msgspec.structs.replace(layer, status_of=None, is_undecided=True)
        could = _selected(undecided, selection)
    wanted = _asked_for(job, "make", job.asset_selection or (), could.assets) & whole.assets
    if job.asset_check_selection is None:
        checks = frozenset(key for key in whole.checks if key.asset in wanted)
        return JobAssets(wanted, checks, whole.named & checks, whole.tells_checks)
    named = _asked_for(job, "check", job.asset_check_selection, whole.checks)
    return JobAssets(wanted, named, named, tells_checks=True)


def _shown(selection: object) -> str:
    return f"{str(selection)!r} " if selection is not None else ""


def _asked_for(
    job: JobDefinition, does: str, asked: Iterable[Any], selected: frozenset[Any]
) -> frozenset[Any]:
    wanted = frozenset(asked)
    unknown = wanted - selected
    if unknown:
        names = sorted(key.to_user_string() for key in selected)
        first = min(key.to_user_string() for key in unknown)
        raise InvalidSubsetError(
            f"{job_words(job.name, begins=True)} does not {does} {first!r}. "
            + did_you_mean(first, names, noun=f"It {does}s")
        )
    return wanted


def _named(rule: Rule) -> frozenset[AssetKey]:
    """Return the keys that a selection spells out."""
    if isinstance(rule, Key):
        return frozenset((rule.key,))
    if isinstance(rule, AnyOf):
        return frozenset().union(*map(_named, rule.rules))
    return frozenset()


def observed_nodes(
    sources: Iterable[SourceAsset], selected: frozenset[AssetKey]
) -> Mapping[str, tuple[SourceAsset, ...]]:
    """Map each observing node to the source assets it observes."""
    found: dict[str, list[SourceAsset]] = {}
    for each in sources:
        if each.observe_op is not None and each.key in selected:
            found.setdefault(each.op.name, []).append(each)
    return {name: tuple(each) for name, each in found.items()}


def observed_output(source: SourceAsset) -> str:
    """Return the output of the observing op that belongs to a source asset."""
    names = source.op.output_names
    return names[0] if len(names) == 1 else output_name(source.key)


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
