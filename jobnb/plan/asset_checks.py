"""Which checks an asset job makes, and what waits for those that block."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.keys import AssetKey

__all__ = ["Guards", "checks_to_make", "guards_of"]

Guards = Mapping[str, tuple[tuple[str, str], ...]]
"""For a node that waits for blocking checks: the node and the output of each of them."""


def checks_to_make(
    checks: Iterable[AssetChecksDefinition],
    assets: frozenset[AssetKey],
    chosen: frozenset[AssetCheckKey] | None = None,
) -> list[AssetChecksDefinition]:
    """The checks that a run makes.

    Args:
        checks: All there are.
        assets: The assets that it makes.
        chosen: The checks that were asked for by name; those of the assets if None.

    Returns:
        Definitions that make just these; one that checks several assets together and cannot
        check some without the others is made when all of them are there.

    Raises:
        InvalidSubsetError: If one was asked for that cannot be made without others.
    """
    made = []
    for each in checks:
        if chosen is not None:
            wanted = each.check_keys & chosen
        elif each.can_subset or each.asset_keys <= assets:
            wanted = frozenset(spec.key for spec in each.check_specs if spec.asset_key in assets)
        else:
            continue
        if wanted:
            made.append(each.subset_for(wanted))
    return made


def guards_of(
    checks: Iterable[AssetChecksDefinition], assets: Mapping[str, AssetsDefinition]
) -> Guards:
    """What each node of an asset job has to wait for: the blocking checks of what it is made from.

    Args:
        checks: The checks that the run makes.
        assets: The assets that it makes, by the name of their node.
    """
    blocking: dict[AssetKey, list[tuple[str, str]]] = defaultdict(list)
    for each in checks:
        for spec in each.check_specs:
            if spec.blocking:
                blocking[spec.asset_key].append((each.name, spec.get_python_identifier()))
    if not blocking:
        return {}
    found = {}
    for name, made in assets.items():
        upstream = {key for keys in made.asset_deps.values() for key in keys} - made.keys
        waits = [guard for key in sorted(upstream & blocking.keys()) for guard in blocking[key]]
        if waits:
            found[name] = tuple(waits)
    return found
