"""Which assets a job is about: those it makes, and the source assets that it observes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jobnb.definitions.assets.asset_layer import AssetLayer
from jobnb.definitions.assets.asset_outs import output_name
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.asset_rules import AssetRule, Key
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.definitions.selections.selection_rules import AnyOf
from jobnb.errors import InvalidSubsetError, did_you_mean

__all__ = ["observed_nodes", "observed_output", "selected_keys"]


def selected_keys(job: JobDefinition, layer: AssetLayer) -> frozenset[AssetKey]:
    """The keys of what the job makes and observes.

    Source assets are observed where the selection names them, or names nothing else.

    Raises:
        InvalidSubsetError: If the selection names what is not there, or nothing.
    """
    everything = frozenset(key for each in layer.assets for key in each.keys)
    observable = {each.key for each in layer.sources if each.is_observable}
    if layer.selection == ():  # checks only
        return frozenset()
    if layer.selection is None or layer.selection == AssetSelection.all():
        selected = everything
    else:
        selection = AssetSelection.from_coercible(layer.selection)
        resolved = frozenset(selection.resolve([*layer.assets, *layer.sources]))
        selected = everything & resolved
        looked_at = observable & resolved
        selected |= looked_at & _named(selection.rule) if selected else looked_at
    if job.asset_selection is not None:
        selected = _asked_for(job, frozenset(job.asset_selection), selected)
    if not selected:
        raise InvalidSubsetError(
            f"The selection {_shown(layer.selection)}names no asset that can be made. "
            "Define assets first, or change the selection."
        )
    return selected


def _shown(selection: object) -> str:
    return f"{str(selection)!r} " if selection is not None else ""


def _asked_for(
    job: JobDefinition, wanted: frozenset[AssetKey], selected: frozenset[AssetKey]
) -> frozenset[AssetKey]:
    unknown = wanted - selected
    if unknown:
        names = sorted(key.to_user_string() for key in selected)
        first = min(key.to_user_string() for key in unknown)
        raise InvalidSubsetError(
            f"The job {job.name!r} does not make {first!r}. "
            + did_you_mean(first, names, noun="It makes")
        )
    return wanted


def _named(rule: AssetRule) -> frozenset[AssetKey]:
    """The keys that a selection spells out."""
    if isinstance(rule, Key):
        return frozenset((rule.key,))
    if isinstance(rule, AnyOf):
        return frozenset().union(*map(_named, rule.rules))
    return frozenset()


def observed_nodes(
    sources: Iterable[SourceAsset], selected: frozenset[AssetKey]
) -> Mapping[str, tuple[SourceAsset, ...]]:
    """The source assets that are observed, by the name of the node that looks at them."""
    found: dict[str, list[SourceAsset]] = {}
    for each in sources:
        if each.observe_op is not None and each.key in selected:
            found.setdefault(each.op.name, []).append(each)
    return {name: tuple(each) for name, each in found.items()}


def observed_output(source: SourceAsset) -> str:
    """The output of the observing op that stands for a source asset."""
    names = source.op.output_names
    return names[0] if len(names) == 1 else output_name(source.key)
