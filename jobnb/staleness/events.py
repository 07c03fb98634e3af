"""The events that tell which value of an asset there is."""

from __future__ import annotations

from collections.abc import Collection

from jobnb.definitions.keys import AssetKey
from jobnb.storage.instance import Instance
from jobnb.storage.records import Made

__all__ = ["last_told"]


def last_told(
    instance: Instance, made: Collection[AssetKey], sources: Collection[AssetKey]
) -> dict[AssetKey, Made]:
    """The last event that tells of the value of each asset.

    Args:
        instance: The history.
        made: Assets that are made: materializations tell of them.
        sources: Assets that come from elsewhere: observations tell of them too.
    """
    found = dict(instance.last_made([*made, *sources])) if made or sources else {}
    if sources:
        for key, seen in instance.last_observed(sources).items():
            if key not in found or found[key].storage_id < seen.storage_id:
                found[key] = seen
    return found
